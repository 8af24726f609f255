"""Which two clips to show next.

Someone who looks for the prompt that works wants the winner, and most votes about the tail are wasted on them: top-two
Thompson sampling asks about variants in proportion to their chance of being the best, and needs about half the votes of
random pairs. Who wants the whole order gets every pair in turn. A race asks seed by seed about all pairs fixed for it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from wan_nb.studies.race.counting import count
from wan_nb.studies.ranking.fit import strengths
from wan_nb.studies.votes import Vote, standing
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from wan_nb.studies.race.counting import Seed

    Open = Mapping[tuple[str, str], Sequence[str]]

__all__ = ["Asked", "next_pair", "race_pair", "top_two"]

_T = TypeVar("_T")

_APART = 3
"""Votes between a pair and its repeat, so that it is judged again and not remembered."""

_TRIES = 200


@printed
@dataclass(frozen=True, slots=True)
class Asked:
    """Two clips of one block, with their sides.

    Attributes
    ----------
    block, left_run, right_run, left_variant, right_variant : str
    repeat_of : str or None
        The vote that is asked again with swapped sides.
    picker : str
        How it was chosen: ``thompson``, ``round robin``, ``repeat`` or ``race``.
    """

    block: str
    left_run: str
    right_run: str
    left_variant: str
    right_variant: str
    repeat_of: str | None = None
    picker: str = ""


def next_pair(
    votes: Iterable[Vote],
    clips: Mapping[tuple[str, str], str],
    *,
    rater: str = "",
    rng: np.random.Generator,
    mode: Literal["winner", "ranking"] = "winner",
    repeats: float = 0.08,
) -> Asked | None:
    """Choose what to ask a rater next.

    Parameters
    ----------
    votes : iterable of Vote
        All of the study, of all raters.
    clips : mapping
        Run id by (block, variant), for the clips that exist.
    rater : str
        A rater is asked about a pair of clips once, apart from repeats.
    rng : numpy.random.Generator
        Where all chance comes from.
    mode : {'winner', 'ranking'}
    repeats : float
        Share, 0 to 1, of pairs shown again with swapped sides.

    Returns
    -------
    Asked or None
        None when this rater has seen every pair: only new seeds can tell more.

    Examples
    --------
    >>> clips = {("seed 1", "calm"): "r1", ("seed 1", "fast"): "r2", ("seed 2", "calm"): "r3"}
    >>> sorted([(p := next_pair([], clips, rng=np.random.default_rng(1))).left_run, p.right_run])
    ['r1', 'r2']
    """
    given = standing(votes)
    own = [v for v in given if v.rater == rater]
    open_pairs = _open(clips, {v.cell for v in own})
    if not open_pairs:
        return None
    if rng.random() < repeats and (again := _repeat(own, clips, rng)):
        return again
    if mode == "ranking":
        asked = Counter(tuple(sorted(v.cell[1])) for v in given if v.outcome != "skip")
        fewest = min(asked[pair] for pair in open_pairs)
        pair = _any([p for p in open_pairs if asked[p] == fewest], rng)
        picker = "round robin"
    else:
        pair, picker = _thompson(given, open_pairs, rng), "thompson"
    weight = Counter((v.block, name) for v in given if v.outcome != "skip" for name in v.cell[1])
    # The block whose clips were judged least is asked: evidence is counted in blocks.
    load = {block: weight[block, pair[0]] + weight[block, pair[1]] for block in open_pairs[pair]}
    block = _any([b for b in load if load[b] == min(load.values())], rng)
    left, right = _sides(pair, own, rng)
    return Asked(block, clips[block, left], clips[block, right], left, right, picker=picker)


def race_pair(
    votes: Sequence[Vote],
    seeds: Sequence[Seed],
    clips: Mapping[tuple[str, str], str],
    *,
    rater: str = "",
    rng: np.random.Generator,
) -> Asked | None:
    """Choose what to ask a rater next; None when the race needs nothing more of this one.

    Parameters
    ----------
    votes : sequence of Vote
        All of the study, in the order in which they were given.
    seeds : sequence of Seed
    clips : mapping
        Run id by (block, variant), for the clips that exist.
    rater : str
        Asked about a pair once.
    rng : numpy.random.Generator

    Examples
    --------
    >>> import numpy as np
    >>> from wan_nb.studies.race.counting import Seed
    >>> clips = {("seed 1", "calm"): "r1", ("seed 1", "fast"): "r2"}
    >>> asked = race_pair([], [Seed("seed 1", ("calm", "fast"))], clips, rng=np.random.default_rng(1))
    >>> sorted([asked.left_run, asked.right_run]), asked.picker
    (['r1', 'r2'], 'race')
    """
    own = [vote for vote in standing(votes) if vote.rater == rater]
    for seed in count(seeds, votes):
        block = seed.seed.block
        pairs = [sorted(pair) for pair in seed.open_to(rater) if all((block, name) in clips for name in pair)]
        if pairs:
            one, other = pairs[int(rng.integers(len(pairs)))]
            left, right = _sides((one, other), own, rng)
            return Asked(block, clips[block, left], clips[block, right], left, right, picker="race")
    return None


def top_two(draws: NDArray[np.float64], allowed: NDArray[np.bool_], rng: np.random.Generator) -> tuple[int, int]:
    """Best of one draw against the best of another, among pairs that may be asked.

    Parameters
    ----------
    draws : array (number, k)
        Strengths drawn from the posterior, independent of each other.
    allowed : array (k, k)
        Symmetric; at least one pair.
    """
    order = rng.integers(len(draws), size=_TRIES)
    usable = np.where(allowed.any(axis=1), draws[order], -np.inf)
    first = int(usable[0].argmax())
    tops = usable.argmax(axis=1)
    rivals = tops[allowed[first, tops]]
    if len(rivals):
        return first, int(rivals[0])
    # So far ahead that no draw shows another on top, or its rivals are used up: the best of those that are left.
    return first, int(np.where(allowed[first], draws[order[1]], -np.inf).argmax())


def _open(
    clips: Mapping[tuple[str, str], str], seen: set[tuple[str, frozenset[str]]]
) -> dict[tuple[str, str], list[str]]:
    by_block: dict[str, list[str]] = {}
    for block, variant in clips:
        by_block.setdefault(block, []).append(variant)
    found: dict[tuple[str, str], list[str]] = {}
    for block, variants in by_block.items():
        for one, other in combinations(sorted(variants), 2):
            if (block, frozenset((one, other))) not in seen:
                found.setdefault((one, other), []).append(block)
    return found


def _thompson(votes: Sequence[Vote], open_pairs: Open, rng: np.random.Generator) -> tuple[str, str]:
    names = sorted({name for pair in open_pairs for name in pair})
    allowed = np.array([[(a, b) in open_pairs or (b, a) in open_pairs for b in names] for a in names])
    one, other = top_two(strengths(votes, names).draw(rng, _TRIES)[0], allowed, rng)
    return min(names[one], names[other]), max(names[one], names[other])


def _sides(pair: tuple[str, str], own: Sequence[Vote], rng: np.random.Generator) -> tuple[str, str]:
    """Left and right by chance, in twos: a variant that stood on one side once more often stands on the other.

    A bare coin puts the better one on one side in 10 of 12 votes now and then, which looks like a side bias.
    """
    lead = sum(1 if v.left_variant == pair[0] else -1 for v in own if v.cell[1] == frozenset(pair))
    return pair if (rng.random() < 0.5 if lead == 0 else lead < 0) else pair[::-1]


def _repeat(own: Sequence[Vote], clips: Mapping[tuple[str, str], str], rng: np.random.Generator) -> Asked | None:
    done = {v.repeat_of for v in own}
    old = [
        v
        for v in own[:-_APART]
        if v.outcome != "skip" and v.repeat_of is None and v.vote_id not in done
        if (v.block, v.left_variant) in clips and (v.block, v.right_variant) in clips
    ]
    if not old:
        return None
    v = _any(old, rng)
    left, right = v.right_variant, v.left_variant
    return Asked(v.block, clips[v.block, left], clips[v.block, right], left, right, v.vote_id, "repeat")


def _any(items: Sequence[_T], rng: np.random.Generator) -> _T:
    return items[int(rng.integers(len(items)))]
