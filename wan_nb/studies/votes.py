"""What a person said about two clips, and how far people agree."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, fields
from itertools import permutations
from typing import TYPE_CHECKING, Any, Literal

from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MIN_BLOCKS", "OUTCOMES", "Share", "Vote", "agreement", "self_agreement", "share", "standing", "taken_back"]

Outcome = Literal["left", "right", "tie", "both_bad", "skip", "undo"]

OUTCOMES: tuple[Outcome, ...] = ("left", "right", "tie", "both_bad", "skip", "undo")
"""Better left, better right, both the same, both unusable (a tie for the ranking), passed over, last one taken back."""


MIN_BLOCKS = 6
"""Blocks below which nothing is decided: five that all agree come about by chance in 6 % of cases, six in 3 %."""


@printed
@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One answer. Votes are only ever appended: taking one back is one more vote, with the outcome ``undo``.

    Attributes
    ----------
    vote_id : str
    ts : str
        ISO 8601, UTC.
    rater, session, study : str
    block : str
        What both clips share: materials and seed.
    picture : str
        The materials of the block, whatever they are called; empty where it has none.
    left_run, right_run, left_variant, right_variant : str
        What was shown on which side.
    left_clip, right_clip : str
        SHA-256 of what was shown; empty where it is not known.
    outcome : {'left', 'right', 'tie', 'both_bad', 'skip', 'undo'}
    repeat_of : str or None
        The vote that this one repeats with swapped sides, to see whether the rater agrees with themself. For an
        ``undo``: the vote taken back; None takes back the rater's latest of the session.
    ms_to_vote : int or None
        From both clips on screen to the key, ms.
    watched_s_left, watched_s_right : float or None
        Seconds played.
    view_mode, picker, criterion : str
        How the pair was shown, how it was chosen, what was asked.
    blind : bool
        Whether the names were hidden.

    Examples
    --------
    >>> Vote(vote_id="1", block="b", left_variant="calm", right_variant="fast", outcome="left").winner
    'calm'
    """

    vote_id: str
    block: str
    left_variant: str
    right_variant: str
    outcome: Outcome
    ts: str = ""
    rater: str = ""
    session: str = ""
    study: str = ""
    picture: str = ""
    left_run: str = ""
    right_run: str = ""
    left_clip: str = ""
    right_clip: str = ""
    repeat_of: str | None = None
    ms_to_vote: int | None = None
    watched_s_left: float | None = None
    watched_s_right: float | None = None
    view_mode: str = ""
    picker: str = ""
    criterion: str = ""
    blind: bool = True

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise ValueError(f"outcome is {self.outcome!r}, not one of {', '.join(OUTCOMES)}")

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Vote:
        """Vote of a row of the log; what a later version may have added is passed over."""
        return cls(**{name: row[name] for name in _NAMES if name in row})

    def row(self) -> dict[str, Any]:
        """Plain values, for the log."""
        return asdict(self)

    @property
    def winner(self) -> str:
        """Variant that won, or ``"="`` for a tie and for both bad."""
        return {"left": self.left_variant, "right": self.right_variant}.get(self.outcome, "=")

    @property
    def cell(self) -> tuple[str, frozenset[str]]:
        """The pair of clips, whatever the sides."""
        return self.block, frozenset((self.left_variant, self.right_variant))


_NAMES = tuple(f.name for f in fields(Vote))


@dataclass(frozen=True, slots=True)
class Share:
    """A share of `n` cases, 0 to 1, with its 95 % interval (Wilson's, which is never empty at 0 or 1)."""

    value: float
    low: float
    high: float
    n: int


def share(hits: int, n: int) -> Share | None:
    """Share of hits, or None of nothing.

    >>> s = share(9, 10)
    >>> round(s.low, 2), s.value, round(s.high, 2)
    (0.6, 0.9, 0.98)
    """
    if not n:
        return None
    z2 = 1.959964**2
    centre = (hits + z2 / 2) / (n + z2)
    half = math.sqrt(z2 * (hits * (n - hits) / n + z2 / 4)) / (n + z2)
    return Share(hits / n, max(0.0, centre - half), min(1.0, centre + half), n)


def standing(votes: Iterable[Vote]) -> list[Vote]:
    """Votes that were not taken back, in their order. Skips stay in: they say that a pair has been seen."""
    kept: dict[str, Vote] = {}
    for vote in votes:
        if vote.outcome != "undo":
            kept.setdefault(vote.vote_id, vote)
            continue
        kept.pop(taken_back(kept, vote), None)
    return list(kept.values())


def taken_back(kept: Mapping[str, Vote], undo: Vote) -> str:
    """Id of the vote that an ``undo`` takes back: the one it names, else the latest of its rater and sitting."""
    of = (undo.rater, undo.session)
    last = next((v.vote_id for v in reversed([*kept.values()]) if (v.rater, v.session) == of), None)
    return undo.repeat_of or last or ""


def self_agreement(votes: Iterable[Vote]) -> Share | None:
    """Share of repeats, sides swapped, in which a rater said the same again; None without repeats.

    The only agreement that a lone rater has. Two thirds is usual for clips that are much alike.
    """
    counted = {v.vote_id: v for v in standing(votes) if v.outcome != "skip"}
    again = [(v, counted[v.repeat_of]) for v in counted.values() if v.repeat_of in counted]
    return share(sum(now.winner == then.winner for now, then in again), len(again))


def agreement(votes: Iterable[Vote]) -> float | None:
    """Krippendorff's alpha (nominal) between raters over pairs of clips: 1 agree wholly, 0 as chance, below 0 against.

    A rater's first answer to a pair counts. None when no pair was answered by two, or when every answer is the same
    (then there is nothing to disagree about, and alpha is 0/0).
    """
    answers: dict[tuple[str, frozenset[str]], dict[str, str]] = defaultdict(dict)
    for vote in standing(votes):
        if vote.outcome != "skip":
            answers[vote.cell].setdefault(vote.rater, vote.winner)
    together: Counter[tuple[str, str]] = Counter()
    for by_rater in answers.values():
        for pair in permutations(by_rater.values(), 2):
            together[pair] += 1 / (len(by_rater) - 1)  # type: ignore[assignment]  # a Counter adds fractions as well
    totals: Counter[str] = Counter()
    for (one, _), weight in together.items():
        totals[one] += weight
    n = sum(totals.values())
    expected = sum(totals[a] * totals[b] for a, b in permutations(totals, 2))
    observed = sum(weight for (a, b), weight in together.items() if a != b)
    return 1 - (n - 1) * observed / expected if expected else None
