"""A race at one moment: what its votes sign, who is still in, and what is bought next."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from wan_nb.studies.race.counting import CountedSeed, Seed, count
from wan_nb.studies.race.evidence import first_winner, leads, log_evidence
from wan_nb.studies.race.steering import FIRST_SEEDS, NEXT_SEEDS, survivors
from wan_nb.studies.race.verdict import Verdict
from wan_nb.studies.ranking.posterior import best

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from wan_nb.studies.race.race_plan import RacePlan
    from wan_nb.studies.ranking.posterior import Posterior
    from wan_nb.studies.study_cell import Cell
    from wan_nb.studies.votes import Vote

__all__ = ["NextStep", "RaceState", "race_seeds", "race_state"]

_DUST = 1e-6
"""Less than is money: a sum of prices may pass an amount by it."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """What is bought next.

    Attributes
    ----------
    seeds : int
    variants : tuple of str
    cost : float
        Estimate, in the currency of the service.
    """

    seeds: int
    variants: tuple[str, ...]
    cost: float

    @property
    def clips(self) -> int:
        """How many clips that are."""
        return self.seeds * len(self.variants)


@dataclass(frozen=True)
class RaceState:
    """A race beside its votes and clips at one moment.

    Attributes
    ----------
    plan : RacePlan
    variants : tuple of str
        All that began, in the order of the plan.
    seeds : tuple of CountedSeed
        In their order, with the votes that count.
    prices : mapping of str to float
        Of one clip of each variant.
    spent : float
        What its clips cost, those under way included.
    clips : int
        How many were bought.
    to_buy : tuple of int
        Planned cells of the study whose clip was never bought or was taken back.
    open : int
        Clips that are under way.
    looked_at : int
        Seeds of the study from before the race: they steer, and are no evidence.
    posterior, names : Posterior or None, tuple of str
        What the ranking has fitted to all votes: it steers.
    """

    plan: RacePlan
    variants: tuple[str, ...]
    seeds: tuple[CountedSeed, ...]
    prices: Mapping[str, float]
    spent: float
    clips: int
    to_buy: tuple[int, ...]
    open: int
    looked_at: int
    posterior: Posterior | None = field(repr=False, default=None)
    names: tuple[str, ...] = ()

    @cached_property
    def whole(self) -> tuple[CountedSeed, ...]:
        """Complete seeds before the first one that is not: a later one never counts before an earlier one."""
        first = next((n for n, seed in enumerate(self.seeds) if not seed.complete), len(self.seeds))
        return self.seeds[:first]

    @cached_property
    def running(self) -> tuple[str, ...]:
        """Variants of the newest step."""
        return self.seeds[-1].seed.variants if self.seeds else self.variants

    @cached_property
    def going(self) -> tuple[str, ...]:
        """Variants that the next step is bought for: those that may still be the best."""
        if not self.seeds or self.posterior is None or len(self.running) <= 2:
            return self.running
        mask = np.array([[name in self.running for name in self.names]])
        goes = survivors(best(self.posterior, among=mask), mask)[0]
        kept = {name for name, on in zip(self.names, goes, strict=True) if on}
        return tuple(name for name in self.running if name in kept)

    @cached_property
    def evidence(self) -> NDArray[np.float64]:
        """Natural logarithms of the e-values (seeds, k, k) after each whole seed."""
        return log_evidence(leads(*self._scores()))

    def _scores(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        place = {name: i for i, name in enumerate(self.variants)}
        scores = np.zeros((len(self.whole), len(place)))
        running = np.zeros(scores.shape, dtype=bool)
        for n, seed in enumerate(self.whole):
            at = [place[name] for name in seed.seed.variants]
            scores[n, at], running[n, at] = seed.scores, True
        return scores, running

    @cached_property
    def verdict(self) -> Verdict:
        """Who beats whom, by the e-values alone."""
        k, winner, seeds = len(self.variants), -1, 0
        if self.whole:
            found, at = first_winner(self.evidence, self._scores()[1], self.plan.beats)
            winner, seeds = int(found), int(at)
        counted = self.whole[: seeds or None]
        against = np.zeros((k, k)) if not counted else self.evidence[len(counted) - 1]
        still = counted[-1].seed.variants if counted else self.variants
        at_work = [i for i, name in enumerate(self.variants) if name in still]
        worst = {i: min(against[i, j] for j in at_work if j != i) for i in at_work if len(at_work) > 1}
        leader = winner if winner >= 0 else max(worst, key=lambda i: (worst[i], -i), default=-1)
        rivals = [j for j in at_work if j != leader]
        closest = min(rivals, key=lambda j: (against[leader, j], j)) if leader >= 0 and rivals else None
        return Verdict(
            winner=self.variants[winner] if winner >= 0 else None,
            leader=self.variants[leader] if leader >= 0 and counted else None,
            closest=self.variants[closest] if closest is not None and counted else None,
            evidence=math.exp(min(500.0, against[leader, closest])) if closest is not None else 1.0,
            beats=self.plan.beats,
            seeds=len(counted),
            rivals=tuple(self.variants[j] for j in rivals),
            dropped=tuple(name for name in self.variants if name not in still),
            looked_at=self.looked_at,
            spent=bool(self.seeds) and not self.votes_due and not self.to_buy and self.next is None and winner < 0,
        )

    @cached_property
    def votes_due(self) -> int:
        """Votes that are missing on seeds whose clips are there or on their way."""
        return sum(seed.wanted for seed in self.seeds)

    @property
    def next(self) -> NextStep | None:
        """What the next step would buy, as if all votes were in; None when it is over or the budget is spent."""
        names = self.going
        block = sum(self.prices[name] for name in names)
        seeds = NEXT_SEEDS if self.seeds else FIRST_SEEDS
        if self.plan.max_cost is not None and block > 0:
            seeds = min(seeds, int((self.plan.max_cost - self.spent + _DUST) // block))
        if self.plan.max_clips is not None:
            seeds = min(seeds, (self.plan.max_clips - self.clips) // len(names))
        return NextStep(seeds, names, round(seeds * block, 4)) if seeds > 0 else None

    @property
    def due(self) -> NextStep | None:
        """The next step, once nothing of the steps before is missing and nothing is decided."""
        if self.to_buy or self.open or self.votes_due or self.verdict.winner is not None:
            return None
        return self.next


def race_seeds(plan: RacePlan, cells: Sequence[Cell]) -> list[Seed]:
    """Seeds of a race in their order, of the cells of its study as they were written."""
    found = []
    for step in plan.steps:
        own = cells[step.start : step.stop]
        names = tuple(dict.fromkeys(cell.variant for cell in own))
        found += [Seed(block, names, step.votes) for block in dict.fromkeys(cell.block for cell in own)]
    return found


def race_state(
    plan: RacePlan,
    cells: Sequence[Cell],
    votes: Sequence[Vote],
    *,
    variants: tuple[str, ...],
    lost: Mapping[str, Collection[str]],
    money: tuple[Mapping[str, float], float, int],
    to_buy: Sequence[int] = (),
    under_way: int = 0,
    ranked: tuple[Posterior | None, tuple[str, ...]] = (None, ()),
) -> RaceState:
    """The state of a race, of what its study knows.

    Parameters
    ----------
    plan : RacePlan
    cells : sequence of Cell
        Of the study, as they were written.
    votes : sequence of Vote
        In the order in which they were given, with the labels of the study.
    variants : tuple of str
    lost : mapping
        By block, variants whose clip failed or is gone.
    money : tuple
        Price of one clip by variant, what was spent, how many clips that were.
    to_buy : sequence of int
    under_way : int
    ranked : tuple
        Posterior and its names.
    """
    return RaceState(
        plan,
        variants,
        tuple(count(race_seeds(plan, cells), votes, lost)),
        *money,
        tuple(to_buy),
        under_way,
        len({cell.block for cell in cells[: plan.begun]}),
        *ranked,
    )
