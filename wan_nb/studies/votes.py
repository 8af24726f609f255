"""What a person said about two clips, and how far people agree."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, fields
from itertools import permutations
from typing import TYPE_CHECKING, Any, Literal

from wan_nb.html.text import plain
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "MIN_BLOCKS",
    "OUTCOMES",
    "Agreement",
    "Share",
    "Vote",
    "about",
    "agreement",
    "as_given",
    "asked_for",
    "counted",
    "question",
    "self_agreement",
    "share",
    "standing",
    "taken_back",
    "tidy",
]

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


def share(hits: float, n: int) -> Share | None:
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


def counted(votes: Iterable[Vote]) -> list[Vote]:
    """Votes that count: not taken back, not passed over, about two variants. What is called votes anywhere is these."""
    return [v for v in standing(votes) if v.outcome != "skip" and v.left_variant != v.right_variant]


def tidy(text: str) -> str:
    """A rater's name, or a question, as it is kept and compared: whatever keyboard wrote it, in at most 200 characters.

    >>> tidy("  Zoe\u0308  K. ") == "Zo\u00eb K."
    True
    """
    return plain(" ".join(unicodedata.normalize("NFC", text).split()), 200)


def about(votes: Iterable[Mapping[str, Any]], criterion: str) -> list[Mapping[str, Any]]:
    """Rows of the log that answer one question; the empty one is "which clip is better"."""
    return [vote for vote in votes if (vote.get("criterion") or "") == criterion]


def asked_for(votes: Iterable[Mapping[str, Any]]) -> str:
    """The question that is meant where none is named: which clip is better, unless only others were asked.

    >>> asked_for([{"criterion": ""}, {"criterion": "moves less"}]), asked_for([{"criterion": "moves less"}])
    ('', 'moves less')
    """
    found = list(dict.fromkeys(vote.get("criterion") or "" for vote in votes))
    return "" if "" in found or not found else found[-1]


def question(criterion: str) -> str:
    """What a rater is asked about two clips.

    >>> question(""), question("moves less"), question("Which one keeps the face?")
    ('Which clip is better?', 'Which clip moves less?', 'Which one keeps the face?')
    """
    return criterion if criterion.endswith(("?", "？")) else f"Which clip {criterion or 'is better'}?"


_ANSWERS = {"tie": "same", "both_bad": "both bad", "skip": "skipped", "undo": "last one taken back"}

_TITLES = {
    "ts": "time",
    "rater": "rater",
    "criterion": "question",
    "block": "picture and seed",
    "left_variant": "left",
    "right_variant": "right",
}


def as_given(votes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Votes as people gave them, without what only a program needs.

    >>> as_given([{"block": "seed 1", "left_variant": "calm", "right_variant": "fast", "outcome": "left", "ms": 9}])
    [{'picture and seed': 'seed 1', 'left': 'calm', 'right': 'fast', 'answer': 'calm'}]
    """
    used = {name: title for name, title in _TITLES.items() if any(each.get(name) for each in votes)}
    again = any(each.get("picker") == "repeat" for each in votes)
    return [
        {title: _time(vote) if name == "ts" else vote.get(name) for name, title in used.items()}
        | {"answer": _answer(vote)}
        | ({"asked": "again" if vote.get("picker") == "repeat" else ""} if again else {})
        for vote in votes
    ]


def _time(vote: Mapping[str, Any]) -> str:
    return str(vote.get("ts") or "")[:19].replace("T", " ")


def _answer(vote: Mapping[str, Any]) -> str:
    outcome = str(vote.get("outcome"))
    return _ANSWERS.get(outcome) or str(vote.get(f"{outcome}_variant") or outcome)


def self_agreement(votes: Iterable[Vote]) -> Share | None:
    """Share of repeats, sides swapped, in which a rater said the same again; None without repeats.

    The only agreement that a lone rater has. Two thirds is usual for clips that are much alike.
    """
    by_id = {v.vote_id: v for v in counted(votes)}
    again = [(v, by_id[v.repeat_of]) for v in by_id.values() if v.repeat_of in by_id]
    return share(sum(now.winner == then.winner for now, then in again), len(again))


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far raters agree about the same pairs of clips.

    Attributes
    ----------
    same : Share
        Of two raters asked about one pair, how often both give the same answer. The interval is Wilson's over the `n`
        blocks that were shared, since pairs of one block are not independent.
    alpha, low, high : float or None
        Krippendorff's alpha (nominal): 1 agree wholly, 0 as chance, below 0 against; the interval is that of `same`.
        None where every answer is the same: there is nothing to disagree about, and alpha is 0/0.
    """

    same: Share
    alpha: float | None
    low: float | None
    high: float | None


def agreement(votes: Iterable[Vote]) -> Agreement | None:
    """How far raters agree; a rater's first answer to a pair counts. None when no pair was answered by two."""
    answers: dict[tuple[str, frozenset[str]], dict[str, str]] = defaultdict(dict)
    for vote in counted(votes):
        answers[vote.cell].setdefault(vote.rater, vote.winner)
    shared = {cell: by_rater for cell, by_rater in answers.items() if len(by_rater) > 1}
    together: Counter[tuple[str, str]] = Counter()
    for by_rater in shared.values():
        for pair in permutations(by_rater.values(), 2):
            together[pair] += 1 / (len(by_rater) - 1)  # type: ignore[assignment]  # a Counter adds fractions as well
    totals: Counter[str] = Counter()
    for (one, _), weight in together.items():
        totals[one] += weight
    n, blocks = sum(totals.values()), len({block for block, _ in shared})
    if not n:
        return None
    expected = sum(totals[a] * totals[b] for a, b in permutations(totals, 2))
    same = share((1 - sum(weight for (a, b), weight in together.items() if a != b) / n) * blocks, blocks)
    assert same is not None
    alpha = [1 - (n - 1) * n * (1 - s) / expected if expected else None for s in (same.value, same.low, same.high)]
    return Agreement(same, *alpha)
