"""When to look again: pure functions of seconds, without a clock, a loop or a service.

Looking with density λ(t) at a task whose duration has density f and survival S costs ``∫ λS dt`` requests and delays
the news by ``∫ f/2λ dt`` seconds. If one request is worth ``r`` seconds of waiting, ``delay + r · requests`` is least
at ``λ = √(h/2r)`` with the hazard ``h = f/S`` (set the derivative by λ to zero): look often where an end is likely. The
product of the two is then ``½ (∫√(fS) dt)²`` whatever ``r``, so ``r`` says only how impatient we are (`LOOK_PRICE`).
``tests/bench/pace.py`` measures how near to that product this comes.

f is a kernel density over the log durations of finished runs: each run a logistic bump, the older the lower, beside one
bump for what the service's pages report.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from wan_nb.api.catalog import LIMITS

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LOOK_PRICE", "Pace", "queue_gap"]

LOOK_PRICE = 0.22
"""Seconds of delay that one request is worth. At a median of 90 s: 11 requests, seen 2.5 s after the end."""

MIN_GAP = 0.25
MAX_GAP = 60.0

_USUAL, _USUAL_SPREAD = 90.0, 0.6
"""Median in seconds and spread in log seconds that the service's pages and its users report: 35 s to 7 min."""
_USUAL_WEIGHT = 0.25  # of a run
_SPREAD, _SPREAD_WEIGHT = 0.22, 1.0
"""Usual spread of runs of one kind in log seconds, weighing one run beside those that were seen."""

_RECENT, _OLD = 6, 0.015
"""A run this many runs back weighs a quarter of the newest; and the weight that every run keeps."""
_HISTORY = 200  # runs
_WIDTH, _NARROWEST = 0.6, 0.1
"""Width of a bump as a share of the spread, and the least in log seconds; both shrink with n^-0.2 as kernels do."""
_LOGISTIC = math.sqrt(3) / math.pi
"""Scale of a logistic distribution with standard deviation 1."""
_EVEN = 0.003  # of the probability, spread evenly over the logarithm of time, so that no moment counts as impossible

_STEP = 0.03  # of the grid, in log seconds
_LOW, _HIGH = math.log(0.1), math.log(LIMITS.task_timeout * 1.5)
_GRID = [_LOW + _STEP * i for i in range(int((_HIGH - _LOW) / _STEP) + 1)]
_TIMES = [math.exp(x) for x in _GRID]


def _forecast(durations: Sequence[float]) -> list[float]:
    """Probability of each cell of the grid for the next duration."""
    runs = [math.log(min(max(duration, _TIMES[0]), _TIMES[-1])) for duration in durations[-_HISTORY:]]
    weights = [_OLD + (1 + age / _RECENT) ** -2 for age in reversed(range(len(runs)))]
    bumps = [(_USUAL_WEIGHT, math.log(_USUAL), _USUAL_SPREAD)]
    if runs:
        n = sum(weights)
        mean = sum(weight * x for weight, x in zip(weights, runs, strict=True)) / n
        squares = sum(weight * (x - mean) ** 2 for weight, x in zip(weights, runs, strict=True))
        spread = math.sqrt((squares + _SPREAD_WEIGHT * _SPREAD**2) / (n + _SPREAD_WEIGHT))
        as_many = n * n / sum(weight * weight for weight in weights)
        width = max(_WIDTH * spread, _NARROWEST) * as_many**-0.2
        bumps += [(weight, x, width) for weight, x in zip(weights, runs, strict=True)]
    total, below = sum(weight for weight, _, _ in bumps), [0.0] * (len(_GRID) + 1)
    for weight, x, width in bumps:
        for cell in range(len(below)):
            below[cell] += weight / total * (0.5 + 0.5 * math.tanh((_LOW + _STEP * cell - x) / (2 * _LOGISTIC * width)))
    even = _EVEN / len(_GRID)
    return [(1 - _EVEN) * (high - low) + even for low, high in pairwise(below)]


@dataclass(frozen=True, slots=True)
class Pace:
    """When to look at a running task. Made by `Pace.of`.

    Attributes
    ----------
    median : float
        Seconds that the next run is expected to take.
    runs : int
        Runs that this was learnt from.

    Examples
    --------
    >>> pace = Pace.of([88.0, 80.0, 100.0])
    >>> round(pace.median, -1)
    90.0
    >>> first = pace.next(0.0)
    >>> 30 < first < 60 and pace.next(first) > first
    True
    """

    median: float
    runs: int
    _density: tuple[float, ...] = field(repr=False)  # ∫√h dt up to each time of the grid

    @staticmethod
    def of(durations: Sequence[float]) -> Pace:
        """Learn from the seconds that runs of one kind took, **oldest first**. None at all is fine."""
        return _learn(tuple(seconds for seconds in durations if 0 < seconds <= LIMITS.task_timeout))

    def next(self, elapsed: float, price: float = LOOK_PRICE) -> float:
        """Seconds after the start of the run at which to look next.

        Parameters
        ----------
        elapsed : float
            Seconds after the start at which it was still running.
        price : float
            Seconds of delay that this request is worth; less when several tasks share it.
        """
        position = min(max((math.log(max(elapsed, _TIMES[0])) - _LOW) / _STEP, 0.0), float(len(_GRID)))
        cell = min(int(position), len(_GRID) - 1)
        here = self._density[cell] + (position - cell) * (self._density[cell + 1] - self._density[cell])
        goal, gap = here + math.sqrt(2 * price), math.inf
        if goal < self._density[-1]:
            cell = bisect_left(self._density, goal) - 1
            part = (goal - self._density[cell]) / (self._density[cell + 1] - self._density[cell])
            gap = math.exp(_LOW + _STEP * (cell + part)) - elapsed
        # Before the first look that is worth its price, history says that there is nothing to see.
        longest = MAX_GAP if self.runs and here < math.sqrt(2 * LOOK_PRICE) else self._longest(elapsed)
        return elapsed + min(max(gap, MIN_GAP), longest)

    def _longest(self, elapsed: float) -> float:
        if not self.runs:
            # Nothing is known, not even the order of magnitude: the delay stays in proportion to the wait.
            return min(max(2.0, 0.7 * elapsed), LIMITS.recommended_gap)
        return max(LIMITS.recommended_gap, min(elapsed / 8, MAX_GAP), elapsed / 60)


@lru_cache(maxsize=64)
def _learn(durations: tuple[float, ...]) -> Pace:
    left, median, density = 1.0, _USUAL, [0.0]
    for probability, time in zip(_forecast(durations), _TIMES, strict=True):
        if left > 0.5 >= left - probability:
            median = time
        # √h dt over one cell, with the survival of its middle.
        survival = max(left - probability / 2, 1e-9)
        density.append(density[-1] + math.sqrt(probability / survival * time * _STEP))
        left -= probability
    return Pace(median, len(durations), tuple(density))


def queue_gap(waited: float) -> float:
    """Seconds to the next look at a task that has waited in the queue for so long: half of it, 3 to 15 s.

    >>> queue_gap(0), queue_gap(20), queue_gap(600)
    (3.0, 10.0, 15.0)
    """
    return min(max(waited / 2, 3.0), LIMITS.recommended_gap)
