"""What votes say: a ranking, and the sentences that tell it to people."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Protocol

from wan_nb.html.ranking import of_100, ranking_bundle
from wan_nb.html.text import percent
from wan_nb.studies.ranking.forecast import SEEDS, chances
from wan_nb.studies.ranking.posterior import Posterior, gaps
from wan_nb.studies.ranking.remarks import (
    across_models,
    number,
    only_one,
    questions,
    raters_agree,
    same_answer_again,
    unusable,
    votes_left_out,
)
from wan_nb.studies.ranking.rule import MIN_VOTES, SURE
from wan_nb.studies.rounding import steady
from wan_nb.studies.votes import MIN_BLOCKS
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from wan_nb.studies.race.verdict import Verdict
    from wan_nb.studies.votes import Agreement, Share

__all__ = ["Interval", "Ranking", "facts", "share_of"]

_FORMER = {3: 0.98, 4: 0.97}
"""Probability of being the best that decided in the first edition, by number of variants; 0.95 for more than four."""

_LEVEL = 0.505
"""Up to here nobody leads."""

_EARLY = 24
"""Seeds below which a long wait is not foretold: votes on fewer leave too much open."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


class Offer(Protocol):
    """What a decision makes worth buying."""

    @property
    def words(self) -> str:
        """A sentence with its price; empty where there is nothing to buy."""

    def show(self, bundle: Mapping[str, str]) -> None:
        """Show what was decided, with a button that buys."""


@printed
@dataclass(frozen=True, slots=True)
class Ranking:
    """What the votes say.

    Attributes
    ----------
    rows : tuple of dict
        Best first: ``variant, strength, low, high`` (logits around 0, 95 % interval), ``p_best`` (0 to 1),
        ``preferred, preferred_low, preferred_high`` (share of new seeds, 0 to 1, on which it is preferred to a typical
        one of the others, among those on which one of the two is preferred; 95 % interval), ``wins, losses, ties``
        (votes, both bad counted as tie), ``blocks``.
    decided : bool
        The stop rule: at least 8 votes on 6 blocks, and `sure` at least 0.996.
    sure : float
        Probability, 0 to 1, that the first is stronger than `rival`: the smallest one over all others. 0 with fewer
        than two variants.
    rival : str or None
        The variant that the first is least surely stronger than.
    side_bias : Interval or None
        Preference for the left side, logits; None when it was left out of the model or without votes.
    self_agreement : Share or None
    agreement : Agreement or None
        Between raters; None where no two were asked about one pair of clips.
    both_bad_rate : Share or None
        Share of votes that found neither clip usable: a finding of its own.
    blocks, votes : int
        The evidence: blocks with a vote, votes that count.
    pictures, raters : int
        On how many pictures, 0 where the clips have none, and by how many raters.
    scope : str
        What the shares and the decision are about: "on this picture" where there is one, "on new pictures" where there
        are several, the same for raters; "for these raters" where only one of them voted on six blocks.
    left_out : int
        Votes about variants that are not ranked.
    names : tuple of str
        Variants in the order of `posterior`.
    posterior : Posterior
        For what is asked next.
    race : Verdict or None
        Of a race: then it alone decides, and `sure` does not.
    criterion : str
        What was asked, such as "moves less"; empty for "which clip is better".
    other_criteria : tuple of str
        What else was asked of the same clips, by votes that are not counted here.
    models : mapping of str to str
        Model of each variant, where they differ.
    offer : Offer or None
        Of a study that is decided: what can be bought now.
    untold : callable
        Returns what is shown in its place while others have voted and whoever looks has pairs left; else an empty text.
    """

    rows: tuple[dict[str, Any], ...]
    decided: bool
    sure: float
    rival: str | None
    side_bias: Interval | None
    self_agreement: Share | None
    agreement: Agreement | None
    both_bad_rate: Share | None
    blocks: int
    votes: int
    pictures: int
    raters: int
    scope: str
    left_out: int
    names: tuple[str, ...]
    posterior: Posterior | None = field(repr=False, default=None)
    race: Verdict | None = None
    criterion: str = ""
    other_criteria: tuple[str, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    offer: Offer | None = field(repr=False, compare=False, default=None)
    untold: Callable[[], str] = field(repr=False, compare=False, default=str)

    def judged(self, race: Verdict) -> Ranking:
        """The same votes as a race judges them, its leader first."""
        rows = tuple(sorted(self.rows, key=lambda row: row["variant"] != race.leader))
        return replace(self, rows=rows, decided=race.winner is not None, rival=race.closest or self.rival, race=race)

    @property
    def alpha(self) -> float | None:
        """Krippendorff's alpha between raters; None where there is nothing to compare."""
        return self.agreement.alpha if self.agreement else None

    @property
    def winner(self) -> str | None:
        """The variant that the votes have decided for; None while they have not."""
        return str(self.rows[0]["variant"]) if self.decided else None

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
        gap = self._gap(one, other)
        return 0.5 if self.posterior is None or one == other else float(self.posterior.above_zero(gap)[0, 0])

    def preferred(self, one: str, other: str) -> Interval:
        """Share of new seeds, 0 to 1, on which `one` is preferred to `other`, with its 95 % interval.

        Seeds on which the two are level are left out.

        Raises
        ------
        ValueError
            A variant that is not ranked.

        Examples
        --------
        >>> from wan_nb.studies.ranking.fit import fit
        >>> answers = ["left"] * 6 + ["right"] * 2
        >>> votes = [
        ...     dict(vote_id=str(i), block=f"seed {i}", left_variant="a", right_variant="b", outcome=outcome)
        ...     for i, outcome in enumerate(answers)
        ... ]
        >>> share = fit(votes, side=False).preferred("a", "b")
        >>> share.low < 0.5 < share.value < share.high
        True
        """
        gap = self._gap(one, other)
        if self.posterior is None or one == other:
            return Interval(0.5, 0.5, 0.5)
        low, high = (share_of(float(self.posterior.quantile(gap, p)[0, 0])) for p in (0.025, 0.975))
        return Interval(float(self.posterior.share(gap)[0, 0]), low, high)

    def _gap(self, one: str, other: str) -> NDArray[np.float64]:
        if unknown := {one, other} - set(self.names):
            raise ValueError(f"{min(unknown)!r} is not ranked; {', '.join(map(repr, self.names))} are")
        k = len(self.names)
        return gaps(k)[[self.names.index(one) * k + self.names.index(other)]]

    @property
    def sentence(self) -> str:
        """What the votes say, for people: who beats whom and how often, or "not decided" and what it would take."""
        if self.rows and self.posterior is None:
            return "Nothing to compare: there is only one variant."
        if self.posterior is None or not self.votes or self.rival is None:
            return "No votes yet."
        if self.race is not None:
            return self._raced(self.race)
        seen = f"{number(self.votes, 'vote')} on {number(self.blocks, 'seed')}"
        if self.blocks == 1:
            return f"Not decided: {seen} can tell which clip is better, not which prompt. Vote on more seeds."
        if unseen := next((row["variant"] for row in self.rows if not row["blocks"]), None):
            return f"Not decided: nobody has voted on {unseen} yet ({seen})."
        return self._verdict(self.rows[0]["variant"], self.rival, seen, self.posterior)

    def _raced(self, race: Verdict) -> str:
        if race.leader is None or race.closest is None:
            return race.sentence("")
        counted = f"{number(race.seeds, 'seed')} of the race"
        return race.sentence(self._rests(race.leader, race.closest, f"{number(self.votes, 'vote')}, {counted}"))

    def _rests(self, first: str, rival: str, seen: str) -> str:
        often = self.preferred(first, rival)
        several = [number(count, word) for word, count in _counts(self).items() if count > 1]
        on = f"on {of_100(often.value)} of 100 new seeds ({of_100(often.low)} to {of_100(often.high)})"
        return f"{on}, {self.scope} ({', '.join([seen, *several])})"

    def _verdict(self, first: str, rival: str, seen: str, posterior: Posterior) -> str:
        others, rests = len(self.names) - 1, self._rests(first, rival, seen)
        if self.decided and others > 1:
            return f"{first} beats all {others} others: preferred to {rival}, the closest, {rests}."
        if self.decided:
            return f"{first} beats {rival}: preferred {rests}."
        lead = f"{first} leads {rival}," if self.sure > _LEVEL else f"{first} and {rival} are level, {first}"
        return f"Not decided: {lead} preferred {rests}; {self._outlook(posterior)}."

    def _outlook(self, posterior: Posterior) -> str:
        """What it would take, no surer than the votes allow."""
        if self.blocks < MIN_BLOCKS:
            return f"it takes at least {MIN_BLOCKS} seeds"
        by = chances(posterior, blocks=self.blocks, least=MIN_BLOCKS, z=NormalDist().inv_cdf(SURE))
        if by[-1] >= 0.5:
            more = int(SEEDS[by >= 0.5][0])
            return f"one in two such studies decide within {number(more, 'more seed')}"
        if self.blocks < _EARLY:
            return "too early to say how many more seeds it takes"
        odds = f"one in {round(1 / by[-1])}" if by[-1] > 0.05 else "fewer than one in 20"
        return f"{odds} such studies decide within {SEEDS[-1]} more seeds"

    def __str__(self) -> str:
        return self.untold() or self.sentence

    def _ipython_display_(self) -> None:
        if self.offer is None:
            raise NotImplementedError  # then IPython takes the MIME bundle
        self.offer.show(self._repr_mimebundle_())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002  # IPython's
        if untold := self.untold():
            return ranking_bundle(untold, [], [])
        return ranking_bundle(self.sentence, self.table() if self.votes else [], facts(self))


def share_of(logits: float) -> float:
    """Share of new seeds on which a variant is preferred to one that is so many logits weaker; ties left out.

    >>> share_of(0.0), round(share_of(math.log(3)), 3)
    (0.5, 0.75)
    """
    return steady(1 / (1 + math.exp(-logits)))


def facts(ranking: Ranking) -> list[str]:
    """What the sentence rests on, and what makes it weaker; empty without votes."""
    if ranking.posterior is None or not ranking.votes:
        return []
    return [
        *questions(ranking.criterion, ranking.other_criteria),
        *_evidence(ranking),
        *across_models(ranking.models),
        *only_one(_counts(ranking)),
        *_decision(ranking),
        *same_answer_again(ranking.self_agreement),
        *raters_agree(ranking.agreement),
        *_side(ranking.side_bias),
        *unusable(ranking.both_bad_rate),
        *votes_left_out(ranking.left_out),
    ]


def _evidence(ranking: Ranking) -> list[str]:
    """How many seeds, pictures and raters it rests on."""
    pictures = [number(ranking.pictures, "picture")] if ranking.pictures else []
    what = [number(ranking.blocks, "seed"), *pictures, number(ranking.raters, "rater")]
    return [
        f"It rests on {', '.join(what)} and {number(ranking.votes, 'vote')}; "
        "evidence is counted in seeds, not in votes.",
        "New seeds are those on which one of the two is preferred; where they are level is not counted.",
    ]


def _decision(ranking: Ranking) -> list[str]:
    """What deciding means here, or what it still takes."""
    found = []
    if ranking.decided:
        found.append("Voting stopped at a lead, which flatters it: expect a smaller one on new seeds.")
        found += [words] if ranking.offer and (words := ranking.offer.words) else []
    if ranking.race is not None:
        return found + ranking.race.facts()
    return found if ranking.decided else _undecided(ranking)


def _undecided(ranking: Ranking) -> list[str]:
    """What it takes, and that a rule which is given up would have asked for less."""
    found = [
        f'"Beats" takes {number(MIN_BLOCKS, "seed")} and {percent(SURE)} against each other variant, so that it '
        "also holds for somebody who looks after every vote; "
        f"against {ranking.rival} it is {percent(ranking.sure)}."
    ]
    enough = len(ranking.rows) > 2 and ranking.votes >= MIN_VOTES and ranking.blocks >= MIN_BLOCKS
    if enough and max(row["p_best"] for row in ranking.rows) >= _FORMER.get(len(ranking.rows), 0.95):
        found.append(
            "The first edition would have called this decided: its bar fell with the number of variants, and let "
            "hopeless ones help one of two equals to win."
        )
    return found


def _side(bias: Interval | None) -> list[str]:
    """Which side was preferred as such."""
    if bias is None or bias.low * bias.high <= 0:
        return []
    return [f"The {'left' if bias.value > 0 else 'right'} side was preferred as such; the ranking takes that out."]


def _counts(ranking: Ranking) -> dict[str, int]:
    return {"picture": ranking.pictures, "rater": ranking.raters}
