"""When votes decide, and how to say it."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

from wan_nb.studies.posterior import Posterior, contrasts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wan_nb.studies.ranking import Ranking

__all__ = ["MIN_BLOCKS", "MIN_VOTES", "sentence", "settled", "threshold"]

MIN_VOTES = 8

MIN_BLOCKS = 3
"""Two blocks agree by chance every other time, and no model can tell that from a rule."""

_MOST_SEEDS = 100
"""Beyond it the forecast is only "equal for all that can be seen"."""


def threshold(variants: int) -> float:
    """Probability of being the best that decides.

    People look after every vote, so the rule must hold however often it is asked. Chance rarely puts one of many equal
    variants far ahead of all others, but one of two quite often: with 0.95 for a pair, 20 to 30 % of sessions between
    equals would end in a winner. These figures keep it below 2 % (``tests/bench/ranking.py``).
    """
    return {2: 0.997, 3: 0.98, 4: 0.97}.get(variants, 0.95)


def settled(p_best: float, variants: int, votes: int, blocks: int) -> bool:
    """Whether to stop asking.

    >>> settled(0.99, 4, votes=20, blocks=5), settled(0.999, 2, votes=30, blocks=1)
    (True, False)
    """
    return variants > 1 and votes >= MIN_VOTES and blocks >= MIN_BLOCKS and p_best >= threshold(variants)


def sentence(ranking: Ranking) -> str:
    """What the votes say, for people."""
    rows, posterior, names = ranking.rows, ranking.posterior, ranking.names
    if rows and posterior is None:
        return "nothing to compare: there is only one variant."
    if posterior is None or not ranking.votes:
        return "no votes yet."
    seen = f"{_number(ranking.votes, 'vote')} on {_number(ranking.blocks, 'seed')}"
    if ranking.blocks == 1:
        return f"not decided: {seen} can tell which clip is better, not which prompt. Vote on more seeds."
    first, second = (names.index(row["variant"]) for row in rows[:2])
    gap = contrasts(len(names))[[first]] - contrasts(len(names))[[second]]
    ahead = _percent(float(posterior.above_zero(gap)[0, 0]))
    if ranking.decided:
        others = f" and is the best of {len(names)} with {_percent(rows[0]['p_best'])}" if len(names) > 2 else ""
        return f"{names[first]} beats {names[second]} with {ahead}{others} ({seen})."
    more = _more_seeds(posterior, gap, ranking.blocks)
    outlook = f"about {_number(more, 'more seed')}" if more else f"{_MOST_SEEDS} more seeds would not tell them apart"
    return f"not decided: {names[first]} leads {names[second]} with {ahead} ({seen}); {outlook}."


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _percent(probability: float) -> str:
    return "over 99.9 %" if probability >= 0.9995 else f"{100 * probability:.3g} %"


def _more_seeds(posterior: Posterior, gap: NDArray[np.float64], blocks: int) -> int | None:
    """Seeds until the lead would decide, if it is what it seems and each new seed tells as much as the old ones did."""
    mean, sd = posterior.project(gap)
    middle = float(posterior.weight[0] @ mean[0, :, 0])
    variance = float(posterior.weight[0] @ (sd[0, :, 0] ** 2 + (mean[0, :, 0] - middle) ** 2))
    prior = 1 / (2 * posterior.prior_sd**2) if posterior.prior_sd else 0.0
    told = max(1 / variance - prior, 1e-6) / blocks
    z = NormalDist().inv_cdf(threshold(posterior.mean.shape[2] - 2))
    for more in range(1, _MOST_SEEDS + 1):
        precision = prior + told * (blocks + more)
        if middle * told * (blocks + more) / precision**0.5 >= z and blocks + more >= MIN_BLOCKS:
            return more
    return None
