"""Differences between variants in each measure, block by block.

Two clips of a block share the first frame and the seed, so their difference is freer of luck than either number. One
difference per block is one piece of evidence. Amounts get Student's interval over blocks; counts and shares, whose
differences are mostly 0, the exact interval of the sign: in how many of the blocks that differ there is more. Many
comparisons are made at once, so each has the false discovery rate (Benjamini and Hochberg) at which it would be told.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from wan_nb.studies.measures.measures import MEASURES
from wan_nb.studies.rounding import steady
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["Difference", "paired", "t_quantile"]


@printed
@dataclass(frozen=True, slots=True)
class Difference:
    """One variant against another in one measure.

    Attributes
    ----------
    measure, variant, base : str
        The difference is `variant` minus `base`.
    mean : float
        Over blocks, in the unit of the measure.
    low, high : float or None
        95 % interval of the mean, for amounts; None with a single block, and where all blocks differ by the same, which
        says nothing of the next one.
    effect : float or None
        Mean over the standard deviation between blocks, corrected for few blocks (Hedges); None where that is 0 or
        unknown, and for counts and shares.
    blocks : int
        Blocks in which both have the number.
    base_mean : float
        Of the base in these blocks.
    more, fewer : int
        Blocks in which `variant` has more and less than `base`.
    more_low, more_high : float or None
        Exact 95 % interval of the share of blocks with more among those that differ, 0 to 1; None where none does.
    p : float
        Chance of a difference this large, either way, between equals: Student's for amounts, else the sign test's.
    q : float
        The same after all comparisons of the table: what is told at 0.05 is false in one of twenty at most.
    """

    measure: str
    variant: str
    base: str
    mean: float
    low: float | None
    high: float | None
    effect: float | None
    blocks: int
    base_mean: float
    more: int
    fewer: int
    more_low: float | None
    more_high: float | None
    p: float
    q: float = 1.0


def paired(
    clips: Iterable[Mapping[str, Any]], *, measures: Sequence[str] | None = None, base: str | None = None
) -> list[Difference]:
    """Compare variants in every measure.

    Parameters
    ----------
    clips : iterable of mapping
        Each with ``variant``, ``block`` and ``measures`` (name to number or None). Clips of the same variant and block
        are averaged first.
    measures : sequence of str, optional
        Default: all that occur.
    base : str, optional
        Compare all others with this variant; default: every pair, the earlier one as base.

    Returns
    -------
    list of Difference
        By measure, then by pair. Pairs without a common block are left out.

    Examples
    --------
    >>> clips = [
    ...     {"variant": v, "block": b, "measures": {"motion": m}}
    ...     for v, b, m in [("calm", 1, 1.0), ("fast", 1, 3.0), ("calm", 2, 2.0), ("fast", 2, 4.5), ("calm", 3, 9.0)]
    ... ]
    >>> found = paired(clips)[0]
    >>> found.variant, found.base, found.mean, found.blocks
    ('fast', 'calm', 2.25, 2)
    """
    values: dict[str, dict[str, dict[Any, list[float]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    variants: dict[str, None] = {}
    for clip in clips:
        variants[clip["variant"]] = None
        for name, value in (clip.get("measures") or {}).items():
            if value is not None and math.isfinite(value):
                values[name][clip["variant"]][clip["block"]].append(float(value))
    pairs = [(base, v) for v in variants if v != base] if base is not None else list(combinations(variants, 2))
    return _corrected(
        [
            found
            for name in (values if measures is None else measures)
            if name not in MEASURES or MEASURES[name].kind != "place"
            for one, other in pairs
            if (found := _difference(name, one, other, values[name][one], values[name][other]))
        ]
    )


def _corrected(found: list[Difference]) -> list[Difference]:
    """With the false discovery rate of each among all of them."""
    least, rates = 1.0, {}
    for rank, place in reversed([*enumerate(sorted(range(len(found)), key=lambda at: found[at].p), 1)]):
        least = min(least, found[place].p * len(found) / rank)
        rates[place] = steady(least)
    return [replace(each, q=rates[place]) for place, each in enumerate(found)]


def _difference(
    measure: str, base: str, variant: str, ours: Mapping[Any, list[float]], theirs: Mapping[Any, list[float]]
) -> Difference | None:
    both = [block for block in ours if block in theirs]
    if not both:
        return None
    before = [statistics.fmean(ours[block]) for block in both]
    gaps = [statistics.fmean(theirs[block]) - was for block, was in zip(both, before, strict=True)]
    n, mean = len(gaps), statistics.fmean(gaps)
    signs = [steady(gap) for gap in gaps]
    more, fewer = sum(gap > 0 for gap in signs), sum(gap < 0 for gap in signs)
    p, (more_low, more_high) = _sign_p(more, fewer), _sign_interval(more, fewer)
    low = high = effect = None
    spread = steady(statistics.stdev(gaps)) if n > 1 else 0.0
    if spread and (measure not in MEASURES or MEASURES[measure].kind == "amount"):
        error = spread / math.sqrt(n)
        half = t_quantile(0.975, n - 1) * error
        low, high, effect = steady(mean - half), steady(mean + half), steady(mean / spread * (1 - 3 / (4 * n - 5)))
        p = 2 * (1 - _t_share(abs(mean) / error, n - 1))
    whole = steady(statistics.fmean(before))
    told = (steady(mean), low, high, effect, n, whole, more, fewer, more_low, more_high, steady(p))
    return Difference(measure, variant, base, *told)


def _sign_p(more: int, fewer: int) -> float:
    """Two-sided chance of so uneven signs between equals.

    >>> _sign_p(6, 0), _sign_p(0, 0)
    (0.03125, 1.0)
    """
    n = more + fewer
    tail = sum(math.comb(n, k) for k in range(min(more, fewer) + 1))
    return min(1.0, 2 * tail / float(2**n))


def _sign_interval(more: int, fewer: int) -> tuple[float | None, float | None]:
    """Exact 95 % interval (Clopper and Pearson) of the share of blocks with more.

    >>> [round(end, 3) for end in _sign_interval(3, 1)]
    [0.194, 0.994]
    """
    n = more + fewer
    if not n:
        return None, None
    low = 0.0 if not more else _share_where(lambda p: 1 - _below(more, n, p), 0.025)
    high = 1.0 if not fewer else 1 - _share_where(lambda p: 1 - _below(fewer, n, p), 0.025)
    return low, high


def _below(count: int, n: int, p: float) -> float:
    """Chance of fewer than so many of n."""
    return math.fsum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(count))


def _share_where(rising: Callable[[float], float], value: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < value else (low, middle)
    return float(steady((low + high) / 2))


def t_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's distribution with whole degrees of freedom.

    >>> round(t_quantile(0.975, 4), 4)
    2.7764
    """
    low, high = -1e4, 1e4
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_share(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def _t_share(t: float, freedom: int) -> float:
    """Distribution function of Student's t by its finite sum, which whole degrees of freedom have."""
    angle = math.atan2(t, math.sqrt(freedom))
    cosine = math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = 0.0
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine**2 * k / (k + 1)
    if odd:
        return 0.5 + (angle + math.sin(angle) * total) / math.pi
    return 0.5 + math.sin(angle) * total / 2
