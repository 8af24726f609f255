"""When to look again: pure functions of seconds, without a clock, a loop or a service.

Looking with density λ(t) at a task whose duration has density f and survival S costs ``∫ λS dt`` requests and delays
the news by ``∫ f/2λ dt`` seconds. If one request is worth ``r`` seconds of waiting, ``delay + r · requests`` is least
at ``λ = √(h/2r)`` with the hazard ``h = f/S``: look often where an end is likely. The product of the two is then
``½ (∫√(fS) dt)²`` whatever ``r``, so ``r`` says only how impatient we are (`LOOK_PRICE`).

The distribution is learnt from the durations of finished runs, in log seconds. Two forecasters, of short and of long
memory, hold a normal distribution under a conjugate prior (so that each forecast is a Student's t); a third blurs the
last runs themselves. Every new duration moves trust towards those that foretold it, and some trust is always dealt out
anew, so that a service that became twice as fast is believed after a handful of runs. A thin even layer over all
durations keeps an eye open everywhere.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from wan_nb.api.catalog import LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

__all__ = ["LOOK_PRICE", "Pace", "backoff", "queue_gap"]

LOOK_PRICE = 0.22
"""Seconds of delay that one request is worth. At a median of 90 s: 11 requests, seen 2.5 s after the end."""

MIN_GAP = 0.25
MAX_GAP = 60.0

# What the service's pages and people who called it report: 35 s to 7 min, mostly around one and a half minutes.
_PRIOR_MEDIAN = 90.0
_PRIOR_RUNS = 0.3  # how many runs the prior's median weighs; low, for a service may be of another kind altogether
_PRIOR_SHAPE = 1.0
_PRIOR_SPREAD = 0.22**2  # of log seconds among runs of one kind; with so low a shape, hardly more than a hint

_HISTORY = 200  # runs
_MEMORIES = (5.0, 40.0)  # runs
_KERNELS, _WIDTH, _NARROWEST = 40, 0.5, 0.1
_SHARE = 0.02  # of the trust that is dealt out anew with each run
_EVEN = 0.01  # of the probability, spread evenly over the logarithm of time

_STEP = 0.03  # of the grid, in log seconds
_LOW, _HIGH = math.log(0.1), math.log(LIMITS.task_timeout * 1.5)
_GRID = [_LOW + _STEP * i for i in range(int((_HIGH - _LOW) / _STEP) + 1)]
_TIMES = [math.exp(x) for x in _GRID]


class _Forecaster(Protocol):
    def density(self, points: Sequence[float]) -> Iterable[float]:
        """Forecast of the next log duration."""

    def learn(self, x: float) -> None:
        """Take in the next log duration."""


class _Normal:
    """Normal distribution under a conjugate prior, forgetting at its own speed."""

    def __init__(self, memory: float) -> None:
        self._keep = 1 - 1 / memory
        self._n = self._sum = self._squares = 0.0

    def density(self, points: Sequence[float]) -> Iterable[float]:
        prior_mean = math.log(_PRIOR_MEDIAN)
        runs, shape = _PRIOR_RUNS + self._n, _PRIOR_SHAPE + self._n / 2
        mean = self._sum / self._n if self._n else prior_mean
        within = max(self._squares - self._n * mean * mean, 0.0)
        # How far the data are from the prior's median counts little: another service is not a less steady one.
        between = min(_PRIOR_RUNS * self._n * (mean - prior_mean) ** 2 / runs, 2 * _PRIOR_SPREAD)
        rate = _PRIOR_SHAPE * _PRIOR_SPREAD + (within + between) / 2
        centre = (_PRIOR_RUNS * prior_mean + self._n * mean) / runs
        scale = math.sqrt(rate * (runs + 1) / (shape * runs))
        peak = math.exp(math.lgamma(shape + 0.5) - math.lgamma(shape)) / (math.sqrt(2 * shape * math.pi) * scale)
        return [peak * (1 + ((x - centre) / scale) ** 2 / (2 * shape)) ** -(shape + 0.5) for x in points]

    def learn(self, x: float) -> None:
        self._n = self._n * self._keep + 1
        self._sum = self._sum * self._keep + x
        self._squares = self._squares * self._keep + x * x


class _Kernels:
    """The last runs themselves, each blurred a little: for distributions that are nothing like normal."""

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=_KERNELS)

    def density(self, points: Sequence[float]) -> Iterable[float]:
        n = len(self._last)
        if n < 2:
            return [1 / (_HIGH - _LOW)] * len(points)
        mean = sum(self._last) / n
        spread = math.sqrt(sum((run - mean) ** 2 for run in self._last) / n)
        width = max(_WIDTH * spread, _NARROWEST) * n**-0.2
        peak = 1 / (n * width * math.sqrt(2 * math.pi))
        return [peak * sum(math.exp(-(((x - run) / width) ** 2) / 2) for run in self._last) for x in points]

    def learn(self, x: float) -> None:
        self._last.append(x)


def _forecast(durations: Sequence[float]) -> list[float]:
    """Probability of each cell of the grid for the next duration."""
    forecasters: list[_Forecaster] = [*map(_Normal, _MEMORIES), _Kernels()]
    trust = [1 / len(forecasters)] * len(forecasters)
    for duration in durations:
        x = math.log(min(max(duration, _TIMES[0]), _TIMES[-1]))
        said = [share * sum(one.density([x])) for share, one in zip(trust, forecasters, strict=True)]
        trust = [(1 - _SHARE) * word / sum(said) + _SHARE / len(said) for word in said]
        for one in forecasters:
            one.learn(x)
    curves = [one.density(_GRID) for one in forecasters]
    mixed = [sum(share * y for share, y in zip(trust, ys, strict=True)) for ys in zip(*curves, strict=True)]
    total, even = sum(mixed), _EVEN / len(_GRID)
    return [(1 - _EVEN) * y / total + even for y in mixed]


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
    >>> pace = Pace.of([95.0, 80.0, 110.0])
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
        return _learn(tuple(seconds for seconds in durations[-_HISTORY:] if 0 < seconds <= LIMITS.task_timeout))

    def hazard(self, elapsed: float) -> float:
        """Ends per second to be expected of a task that still runs after so many seconds."""
        cell, _ = self._cell(elapsed)
        width = _TIMES[0] * math.exp(_STEP * cell) * _STEP
        return ((self._density[cell + 1] - self._density[cell]) / width) ** 2

    def next(self, elapsed: float, price: float | None = None) -> float:
        """Seconds after the start of the run at which to look next.

        Parameters
        ----------
        elapsed : float
            Seconds after the start at which it was still running.
        price : float, optional
            Seconds of delay that this request is worth (`LOOK_PRICE`); less when several tasks share it.
        """
        cell, part = self._cell(elapsed)
        here = self._density[cell] + part * (self._density[cell + 1] - self._density[cell])
        goal = here + math.sqrt(2 * (LOOK_PRICE if price is None else price))
        cell = bisect_left(self._density, goal) - 1
        gap = MAX_GAP
        if cell < len(_GRID):
            part = (goal - self._density[cell]) / (self._density[cell + 1] - self._density[cell])
            gap = _TIMES[0] * math.exp(_STEP * (cell + part)) - elapsed
        # Before the first look that is worth its price, history says that there is nothing to see.
        longest = MAX_GAP if self.runs and here < math.sqrt(2 * LOOK_PRICE) else self._longest(elapsed)
        return elapsed + min(max(gap, MIN_GAP), longest)

    def _cell(self, elapsed: float) -> tuple[int, float]:
        position = (math.log(max(elapsed, _TIMES[0])) - _GRID[0]) / _STEP
        cell = min(int(position), len(_GRID) - 1)
        return cell, min(position - cell, 1.0)

    def _longest(self, elapsed: float) -> float:
        if not self.runs:
            # Nothing is known, not even the order of magnitude: the delay stays in proportion to the wait.
            return min(max(2.0, 0.7 * elapsed), LIMITS.recommended_gap)
        return max(LIMITS.recommended_gap, min(elapsed / 8, MAX_GAP), elapsed / 60)


@lru_cache(maxsize=64)
def _learn(durations: tuple[float, ...]) -> Pace:
    left, middle, density = 1.0, _PRIOR_MEDIAN, [0.0]
    for probability, time in zip(_forecast(durations), _TIMES, strict=True):
        if left > 0.5 >= left - probability:
            middle = time
        # √h dt over one cell, with the survival of its middle.
        survival = max(left - probability / 2, 1e-9)
        density.append(density[-1] + math.sqrt(probability / survival * time * _STEP))
        left -= probability
    return Pace(middle, len(durations), tuple(density))


def queue_gap(waited: float) -> float:
    """Seconds to the next look at a task that has waited in the queue for so long: half of it, 3 to 15 s.

    >>> queue_gap(0), queue_gap(20), queue_gap(600)
    (3.0, 10.0, 15.0)
    """
    return min(max(waited / 2, 3.0), LIMITS.recommended_gap)


def backoff(faults: int, rng: Random, *, first: float = 1.0, longest: float = 60.0) -> float:
    """Seconds to wait after so many faults in a row (1 or more): doubled each time, half of it drawn by lot.

    >>> import random
    >>> 0.5 <= backoff(1, random.Random(0)) <= 1.0 and 30 <= backoff(1000, random.Random(0)) <= 60
    True
    """
    return min(longest, first * 2.0 ** min(faults - 1, 32)) * rng.uniform(0.5, 1.0)
