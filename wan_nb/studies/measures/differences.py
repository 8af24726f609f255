"""Differences between variants in each measure, block by block.

Two clips of a block share the first frame and the seed, so their difference is freer of luck than either number. One
difference per block is one piece of evidence; the interval is Student's over blocks. With twenty measures and no true
difference one of the intervals is expected to miss zero.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from wan_nb.studies.rounding import steady
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
        95 % interval; None with a single block.
    effect : float or None
        Mean over the standard deviation between blocks, corrected for few blocks (Hedges); None where that is 0 or
        unknown.
    blocks : int
        Blocks in which both have the number.
    base_mean : float
        Of the base in these blocks.
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
    return [
        found
        for name in (values if measures is None else measures)
        for one, other in pairs
        if (found := _difference(name, one, other, values[name][one], values[name][other]))
    ]


def _difference(
    measure: str, base: str, variant: str, ours: Mapping[Any, list[float]], theirs: Mapping[Any, list[float]]
) -> Difference | None:
    both = [block for block in ours if block in theirs]
    if not both:
        return None
    before = [statistics.fmean(ours[block]) for block in both]
    gaps = [statistics.fmean(theirs[block]) - was for block, was in zip(both, before, strict=True)]
    n, mean = len(gaps), statistics.fmean(gaps)
    low = high = effect = None
    if n > 1:
        spread = statistics.stdev(gaps)
        half = t_quantile(0.975, n - 1) * spread / math.sqrt(n)
        low, high = mean - half, mean + half
        effect = mean / spread * (1 - 3 / (4 * n - 5)) if steady(spread) else None
    whole = steady(statistics.fmean(before))
    return Difference(measure, variant, base, steady(mean), steady(low), steady(high), steady(effect), n, whole)


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
