"""What a race can find with so many clips, before any is bought: races that are simulated on the spot.

Clips of one variant differ by luck of 1 logit, as in the benchmark, where a share of 3 in 4 votes is a gap of 1.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from wan_nb.studies.race.evidence import first_winner, leads, log_evidence
from wan_nb.studies.race.steering import FIRST_SEEDS, NEXT_SEEDS
from wan_nb.studies.rounding import steady

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

__all__ = ["CLEAR", "SMALL", "Chance", "outlook"]

CLEAR, SMALL = 0.75, 0.6
"""Shares of votes, ties left out, on which the best is preferred: a clear difference, and a small one."""

_LUCK = 1.0
_TIE = 0.7
"""Of Davidson's model: a quarter of the votes between equals are ties."""

_SESSIONS = 100
_FAR_BEHIND = 2.3
"""Standard errors behind the leader at which a simulated race drops a variant; there the posterior says about 1 %."""


@dataclass(frozen=True, slots=True)
class Chance:
    """How races end in which one variant is better than all others, which are equal.

    Attributes
    ----------
    share : float
        Share of votes on which it is preferred to another one, 0 to 1, ties left out.
    found : float
        Share of races that end with it as the winner.
    clips : int or None
        Clips that half of these take at most; None where fewer than one in ten find it.
    spent : float
        Clips that all races take on average.
    """

    share: float
    found: float
    clips: int | None
    spent: float


@lru_cache(maxsize=64)
def outlook(variants: int, clips: int, *, raters: int = 1, beats: float = 20.0, share: float = CLEAR) -> Chance:
    """What a race between so many variants finds with at most so many clips.

    Parameters
    ----------
    variants : int
        From 2.
    clips : int
    raters : int
        Independent votes on each pair.
    beats : float
        E-value that signs.
    share : float
        Of votes on which the best is preferred, 0.5 to less than 1.

    Examples
    --------
    >>> clear, small = outlook(2, 120), outlook(2, 120, share=SMALL)
    >>> clear.found > 0.7, small.found < 0.3
    (True, True)
    """
    k = variants
    if k < 2 or clips < FIRST_SEEDS * k:
        return Chance(share, 0.0, None, clips)
    rng = np.random.default_rng(0)
    seeds = FIRST_SEEDS + NEXT_SEEDS * ((clips - FIRST_SEEDS * k) // (2 * NEXT_SEEDS))
    tables = max(20, min(_SESSIONS, 4_000_000 // (seeds * k * k)))
    answers = _answers(rng, (tables, seeds, raters), k, share)
    running = np.zeros((tables, seeds, k), dtype=bool)
    running[:, :FIRST_SEEDS] = True
    live, spent, bought = np.arange(tables), np.full(tables, FIRST_SEEDS * k), FIRST_SEEDS
    winner, took = np.full(tables, -1), np.zeros(tables)
    while len(live):
        part = running[live, :bought]
        both = part[..., None] & part[..., None, :]
        lead = leads((answers[live, :bought] * both).sum(axis=-1), part)
        found, _ = first_winner(log_evidence(lead), part, beats)
        winner[live], took[live] = found, spent[live]
        live, lead = live[found < 0], lead[found < 0]
        going = _going(lead, running[live, bought - 1])
        cost = going.sum(axis=1) * NEXT_SEEDS
        can = (spent[live] + cost <= clips) & (bought < seeds)
        live, going = live[can], going[can]
        running[live, bought : bought + NEXT_SEEDS] = going[:, None]
        spent[live] += cost[can]
        bought += NEXT_SEEDS
    right = winner == 0
    half = int(np.median(took[right])) if right.mean() >= 0.1 else None
    return Chance(share, float(steady(right.mean())), half, float(steady(spent.mean())))


def _answers(rng: np.random.Generator, shape: tuple[int, int, int], k: int, share: float) -> Floats:
    """Votes of the first variant of a pair less those of the second (tables, seeds, k, k)."""
    tables, seeds, raters = shape
    gap = math.log(share / (1 - share)) * math.sqrt(1 + math.pi / 8 * 2 * _LUCK**2)
    strength = rng.normal(size=(tables, seeds, k)) * _LUCK
    strength[..., 0] += gap
    found = np.zeros((tables, seeds, k, k))
    for i, j in combinations(range(k), 2):
        apart = (strength[..., i] - strength[..., j])[..., None]
        for_one, for_other = np.exp(apart / 2), np.exp(-apart / 2)
        total = for_one + for_other + _TIE
        at = rng.random((tables, seeds, raters))
        said = np.where(at < for_one / total, 1.0, np.where(at > 1 - for_other / total, -1.0, 0.0)).sum(axis=-1)
        found[..., i, j], found[..., j, i] = said, -said
    return found


def _going(lead: Floats, running: Bools) -> Bools:
    """Who is not far behind the leader, of leads (tables, seeds, k, k); at least two."""
    if not len(lead):
        return running
    mean = lead.sum(axis=(1, 3)) - np.where(running, 0, 1e9)
    first = mean.argmax(axis=1)
    behind = np.take_along_axis(lead, first[:, None, None, None], axis=2)[:, :, 0]
    error = np.sqrt(np.maximum((behind**2).sum(axis=1) - behind.sum(axis=1) ** 2 / behind.shape[1], 1.0))
    order = np.argsort(-mean, axis=1, kind="stable")
    going = behind.sum(axis=1) / error < _FAR_BEHIND
    np.put_along_axis(going, order[:, :2], True, axis=1)
    return np.asarray(going & running)
