"""What votes say: a ranking, when it decides, and the sentences that tell it to people."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from wan_nb.html.text import percent
from wan_nb.studies.ranking.posterior import Posterior, contrasts
from wan_nb.studies.rounding import steady
from wan_nb.studies.votes import MIN_BLOCKS
from wan_nb.terminal import printed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wan_nb.studies.votes import Share

__all__ = ["MIN_VOTES", "Interval", "Ranking", "facts", "settled", "threshold"]

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


@dataclass(frozen=True, slots=True)
class Interval:
    """A value in logits with its 95 % interval."""

    value: float
    low: float
    high: float


@printed
@dataclass(frozen=True, slots=True)
class Ranking:
    """What the votes say.

    Attributes
    ----------
    rows : tuple of dict
        Best first: ``variant, strength, low, high`` (logits around 0, 95 % interval), ``p_best`` (0 to 1), ``wins,
        losses, ties`` (votes, both bad counted as tie), ``blocks``.
    decided : bool
        The stop rule: at least 8 votes on 6 blocks, and a `p_best` that reaches `threshold`.
    side_bias : Interval or None
        Preference for the left side, logits; None when it was left out of the model or without votes.
    self_agreement : Share or None
    alpha : float or None
        Krippendorff's, between raters.
    both_bad_rate : Share or None
        Share of votes that found neither clip usable: a finding of its own.
    blocks, votes : int
        The evidence: blocks with a vote, votes that count.
    left_out : int
        Votes about variants that are not ranked.
    names : tuple of str
        Variants in the order of `posterior`.
    posterior : Posterior
        For what is asked next.
    """

    rows: tuple[dict[str, Any], ...]
    decided: bool
    side_bias: Interval | None
    self_agreement: Share | None
    alpha: float | None
    both_bad_rate: Share | None
    blocks: int
    votes: int
    left_out: int
    names: tuple[str, ...]
    posterior: Posterior | None = field(repr=False, default=None)

    def table(self) -> list[dict[str, Any]]:
        """Rows, best first; ``pandas.DataFrame(ranking.table())`` shows them."""
        return [dict(row) for row in self.rows]

    def beats(self, one: str, other: str) -> float:
        """Probability, 0 to 1, that `one` is stronger than `other`.

        Raises
        ------
        ValueError
            A variant that is not ranked.
        """
        if unknown := {one, other} - set(self.names):
            raise ValueError(f"{min(unknown)!r} is not ranked; {', '.join(map(repr, self.names))} are")
        if self.posterior is None:
            return 0.5
        a, b = self.names.index(one), self.names.index(other)
        difference = contrasts(len(self.names))[a] - contrasts(len(self.names))[b]
        return float(self.posterior.above_zero(difference[None])[0, 0]) if a != b else 0.5

    @property
    def sentence(self) -> str:
        """What the votes say, for people: who beats whom and how surely, or "not decided" and what it would take."""
        rows, posterior, names = self.rows, self.posterior, self.names
        if rows and posterior is None:
            return "Nothing to compare: there is only one variant."
        if posterior is None or not self.votes:
            return "No votes yet."
        seen = f"{_number(self.votes, 'vote')} on {_number(self.blocks, 'seed')}"
        if self.blocks == 1:
            return f"Not decided: {seen} can tell which clip is better, not which prompt. Vote on more seeds."
        first, second = (names.index(row["variant"]) for row in rows[:2])
        gap = contrasts(len(names))[[first]] - contrasts(len(names))[[second]]
        ahead = float(posterior.above_zero(gap)[0, 0])
        if self.decided:
            others = f" and is the best of {len(names)} with {percent(rows[0]['p_best'])}" if len(names) > 2 else ""
            return f"{names[first]} beats {names[second]} with {percent(ahead)}{others} ({seen})."
        if unseen := next((row["variant"] for row in rows[:2] if not row["blocks"]), None):
            return f"Not decided: nobody has voted on {unseen} yet ({seen})."
        more = _more_seeds(posterior, gap, self.blocks)
        unlike = f"{_MOST_SEEDS} more seeds would not tell them apart"
        outlook = f"about {_number(more, 'more seed')}" if more else unlike
        one, other = names[first], names[second]
        lead = f"{one} leads {other} with {percent(ahead)}" if ahead > _LEVEL else f"{one} and {other} are level"
        return f"Not decided: {lead} ({seen}); {outlook}."

    def __str__(self) -> str:
        return self.sentence

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002  # IPython's
        from wan_nb.html.ranking import ranking_bundle

        return ranking_bundle(self.sentence, self.table() if self.votes else [], facts(self))


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
