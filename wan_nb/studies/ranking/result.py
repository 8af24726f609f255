"""When votes decide, and how to say it."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from wan_nb.studies.ranking.posterior import Posterior, contrasts
from wan_nb.studies.rounding import steady
from wan_nb.studies.votes import MIN_BLOCKS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wan_nb.studies.ranking.fit import Ranking

__all__ = ["MIN_VOTES", "facts", "percent", "sentence", "settled", "threshold"]

MIN_VOTES = 8

_LEVEL = 0.505
"""Up to here nobody leads."""

_AGAINST = -0.3
"""Krippendorff's alpha below which raters answer against each other; a little below 0 is chance."""

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

    >>> settled(0.99, 4, votes=20, blocks=6), settled(0.999, 2, votes=30, blocks=1)
    (True, False)
    """
    return variants > 1 and votes >= MIN_VOTES and blocks >= MIN_BLOCKS and p_best >= threshold(variants)


def sentence(ranking: Ranking) -> str:
    """What the votes say, for people."""
    rows, posterior, names = ranking.rows, ranking.posterior, ranking.names
    if rows and posterior is None:
        return "Nothing to compare: there is only one variant."
    if posterior is None or not ranking.votes:
        return "No votes yet."
    seen = f"{_number(ranking.votes, 'vote')} on {_number(ranking.blocks, 'seed')}"
    if ranking.blocks == 1:
        return f"Not decided: {seen} can tell which clip is better, not which prompt. Vote on more seeds."
    first, second = (names.index(row["variant"]) for row in rows[:2])
    gap = contrasts(len(names))[[first]] - contrasts(len(names))[[second]]
    ahead = float(posterior.above_zero(gap)[0, 0])
    if ranking.decided:
        others = f" and is the best of {len(names)} with {percent(rows[0]['p_best'])}" if len(names) > 2 else ""
        return f"{names[first]} beats {names[second]} with {percent(ahead)}{others} ({seen})."
    if unseen := next((row["variant"] for row in rows[:2] if not row["blocks"]), None):
        return f"Not decided: nobody has voted on {unseen} yet ({seen})."
    more = _more_seeds(posterior, gap, ranking.blocks)
    outlook = f"about {_number(more, 'more seed')}" if more else f"{_MOST_SEEDS} more seeds would not tell them apart"
    one, other = names[first], names[second]
    lead = f"{one} leads {other} with {percent(ahead)}" if ahead > _LEVEL else f"{one} and {other} are level"
    return f"Not decided: {lead} ({seen}); {outlook}."


def facts(ranking: Ranking) -> list[str]:
    """What the sentence rests on, and what makes it weaker; empty without votes."""
    if ranking.posterior is None or not ranking.votes:
        return []
    found = [
        f"{_number(ranking.votes, 'vote')} on {_number(ranking.blocks, 'block')} (frame and seed); "
        "evidence is counted in blocks."
    ]
    if not ranking.decided:
        found.append(
            f'"Beats" takes {_number(MIN_BLOCKS, "block")} and {percent(threshold(len(ranking.names)))}, so that it '
            "also holds for somebody who looks after every vote."
        )
    if ranking.self_agreement is not None:
        same = ranking.self_agreement
        found.append(f"Asked again with sides swapped: the same answer in {100 * same.value:.0f} % of {same.n}.")
    if ranking.alpha is not None:
        found.append(f"Agreement between raters (Krippendorff's alpha): {ranking.alpha:z.2f}; 0 is chance, 1 is full.")
        if ranking.alpha < _AGAINST:
            found.append("The raters disagree more than chance would: there may be no one best for all of them.")
    if ranking.side_bias is not None and ranking.side_bias.low * ranking.side_bias.high > 0:
        side = "left" if ranking.side_bias.value > 0 else "right"
        found.append(f"The {side} side was preferred as such; the ranking takes that out.")
    if ranking.both_bad_rate is not None and ranking.both_bad_rate.value > 0:
        found.append(f"Both clips unusable in {100 * ranking.both_bad_rate.value:.0f} % of the votes.")
    if ranking.left_out:
        about = "is about a variant that is" if ranking.left_out == 1 else "are about variants that are"
        found.append(f"{_number(ranking.left_out, 'vote')} {about} not ranked and left out.")
    return found


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def percent(probability: float) -> str:
    """A probability for people: never a certainty that the numbers do not have.

    >>> percent(0.5148), percent(0.99996), percent(0.00002)
    ('51.5 %', 'over 99.9 %', 'under 0.1 %')
    """
    if probability >= 0.9995:
        return "over 99.9 %"
    return "under 0.1 %" if probability < 0.0005 else f"{100 * probability:.3g} %"


def _more_seeds(posterior: Posterior, gap: NDArray[np.float64], blocks: int) -> int | None:
    """Seeds until the lead would decide, if each new one tells as much as those before did on average.

    More votes move the mean of the posterior up as often as down, so it is left where it is; only its width shrinks.
    """
    mean, sd = posterior.project(gap)
    middle = float(posterior.expected(gap)[0, 0])
    variance = float(posterior.weight[0] @ (sd[0, :, 0] ** 2 + (mean[0, :, 0] - middle) ** 2))
    prior = 1 / (2 * posterior.prior_sd**2) if posterior.prior_sd else 0.0
    told = max(1 / variance - prior, 1e-6) / blocks
    z = NormalDist().inv_cdf(threshold(posterior.mean.shape[2] - 2))
    if middle <= 0:
        return None
    more = max(math.ceil(steady(((z / middle) ** 2 - 1 / variance) / told)), MIN_BLOCKS - blocks, 1)
    return more if more <= _MOST_SEEDS else None
