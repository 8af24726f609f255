"""Blind votes on pairs of clips, in the notebook.

Which pair, on which sides, and where votes are kept is the caller's; this widget asks, shows and passes on. What the
clips are called leaves the kernel only after the vote is stored.
"""

from __future__ import annotations

import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from wan_nb.frontends import front_end
from wan_nb.html.text import bundle, escape, plain
from wan_nb.studies.votes import question
from wan_nb.terminal import printed
from wan_nb.widgets import clip_pages
from wan_nb.widgets.assets import PLAYER, module, styles
from wan_nb.widgets.compare import STATIC_CLASS, ClipWidget, read_clip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row
    from wan_nb.studies.ballot.ballot import Ballot, Progress
    from wan_nb.studies.ballot.next_pair import Asked
    from wan_nb.widgets.clip_pages import Load, Pair

__all__ = ["OUTCOMES", "VoteWidget", "vote_on"]

OUTCOMES = ("left", "right", "tie", "both_bad", "skip")
"""What `record` is given: the left or right clip is better, both the same, both bad, passed over."""

_WITHOUT_A_PAGE = (
    "A vote needs two clips on one page: a notebook with somebody before it, such as JupyterLab. Without one:"
    " ballot = study.ballot(); pair = ballot.next(); look at wan_nb.run(pair.left_run).video and"
    " wan_nb.run(pair.right_run).video in a player; then ballot.record(pair, 'left'), 'right', 'tie', 'both_bad' or"
    " 'skip'."
)

_SEEN = ("fps", "seconds", "width", "height", "has_audio", "simulated", "playable", "note")


@printed
class VoteWidget(ClipWidget):
    """Two clips with their names hidden; keys 1 2 0 9 vote, u takes back, s skips, x held swaps in place.

    Parameters
    ----------
    next_pair : callable
        Returns the next `Pair`, or None when there is nothing left to ask.
    record : callable
        ``record(pair, outcome, details)`` stores one vote before anything is revealed. `outcome` is one of `OUTCOMES`;
        `details` has ``ms_to_vote``, ``watched_s_left``, ``watched_s_right`` (seconds) and ``view_mode``. What it
        raises is shown, and the pair stays.
    undo : callable
        Takes the last vote back and returns its pair to be shown again; None when there is none.
    load : callable, optional
        See `wan_nb.widgets.clip_pages.Load`; reads the files of the pair when None.
    count : callable, optional
        Votes so far.
    progress : callable, optional
        How far the rater has come: an object with ``done``, ``pairs``, ``complete``, ``blocks``, ``may_stop``.
    sentence : callable, optional
        What the votes say, such as "not decided yet, about 4 more seeds".
    question : str
        What is asked of each pair.

    Examples
    --------
    >>> from wan_nb.widgets.vote import VoteWidget
    >>> VoteWidget(lambda: None, lambda pair, outcome, details: None, lambda: None)
    VoteWidget(0 votes)
    """

    _esm = module(*PLAYER, "vote")
    _css = styles("player")

    def __init__(
        self,
        next_pair: Callable[[], Pair | None],
        record: Callable[[Pair, str, Mapping[str, Any]], None],
        undo: Callable[[], Pair | None],
        *,
        load: Load | None = None,
        count: Callable[[], int] | None = None,
        progress: Callable[[], Progress] | None = None,
        sentence: Callable[[], str] | None = None,
        question: str = "Which clip is better?",
    ) -> None:
        self._votes = 0
        super().__init__(load=load or self._read)
        self._next_pair, self._record, self._undo = next_pair, record, undo
        self._count = count or (lambda: self._votes)
        self._progress = progress
        self._sentence = sentence or (lambda: "")
        self._question = question
        self._number = 0
        self._pair: Pair | None = None
        self._revealed: dict[str, Any] | None = None
        self._turn = threading.Lock()  # two views of one widget may press at once

    def answer(self, question: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """Take one step (vote, undo, next) and say where things stand."""
        with self._turn:
            kind = question.get("kind")
            note = ""
            if kind == "vote" and self._pair is not None and self._revealed is None:
                note = self._vote(question)
            elif kind == "undo":
                note = self._take_back()
            elif self._pair is None or (kind == "next" and self._revealed is not None):
                self._next()
            if kind in {"vote", "undo"} and self._shown is not None:
                self._shown.update(self._still(), raw=True)
            return self._state(note), []

    def clip_id(self, asked: str) -> str:
        """The run behind ``"<number>-left"``; a pair that is gone has none."""
        number, _, side = asked.partition("-")
        if self._pair is None or number != str(self._number) or side not in {"left", "right"}:
            raise LookupError("This pair is no longer on show.")
        return self._side(side)["id"]

    def _side(self, side: str) -> clip_pages.Clip:
        assert self._pair is not None
        return self._pair["left"] if side == "left" else self._pair["right"]

    def _read(self, clip_id: str, quality: str) -> bytes:
        assert self._pair is not None
        return read_clip([self._pair["left"], self._pair["right"]])(clip_id, quality)

    def _vote(self, question: Mapping[str, Any]) -> str:
        outcome = str(question.get("outcome"))
        if question.get("number") != self._number or outcome not in OUTCOMES:
            return "This pair has been voted on elsewhere."
        assert self._pair is not None
        self._record(self._pair, outcome, dict(question.get("details") or {}))
        self._votes += outcome != "skip"
        if question.get("reveal") and outcome != "skip":
            self._revealed = self._names(outcome)
            return ""
        self._next()
        return "Skipped." if outcome == "skip" else "Stored."

    def _take_back(self) -> str:
        pair = self._undo()
        if pair is None:
            return "There is no vote to take back."
        self._votes = max(0, self._votes - 1)
        self._show(pair)
        return "The last vote is taken back."

    def _next(self) -> None:
        self._show(self._next_pair())

    def _show(self, pair: Pair | None) -> None:
        self._pair, self._revealed = pair, None
        self._number += 1

    def _names(self, outcome: str) -> dict[str, Any]:
        sides = [self._side(side) for side in ("left", "right")]
        names = clip_pages.differing(sides)
        clips = [clip_pages.public(clip, names) for clip in sides]
        first, second = (clip["label"] for clip in clips)
        text = {"left": f"{first} over {second}.", "right": f"{second} over {first}."}
        return {"outcome": outcome, "clips": clips, "text": text.get(outcome, f"{first} and {second}.")}

    def _state(self, note: str) -> dict[str, Any]:
        """What the browser may know now: until the vote is stored, nothing that tells the two clips apart."""
        pair = None
        if self._pair is not None:
            clips = []
            for side in ("left", "right"):
                known = clip_pages.public(self._side(side))
                clips.append({**{name: known[name] for name in _SEEN}, "id": f"{self._number}-{side}", "label": ""})
            simulated = any(clip["simulated"] for clip in clips)
            pair = {"number": self._number, "clips": clips, "simulated": simulated}
        return {
            "pair": pair,
            "told": self._revealed,
            "count": self._count(),
            "progress": asdict(self._progress()) if self._progress else None,
            "note": note,
            "question": plain(self._question, 200),
            "sentence": plain(self._sentence(), 400),
        }

    def static_bundle(self) -> dict[str, str]:
        """What the votes say so far."""
        count = self._count()
        said = plain(f"{count} vote{'' if count == 1 else 's'}. {self._sentence()}", 400)
        if not front_end().live:
            said += f"\n{_WITHOUT_A_PAGE}"
        return bundle(f'<div class="{STATIC_CLASS}">{escape(said)}</div>', said)

    def __repr__(self) -> str:
        return f"VoteWidget({self._count()} vote{'' if self._count() == 1 else 's'})"


def vote_on(workspace: Workspace, rows: Sequence[Row], ballot: Ballot) -> VoteWidget:
    """The widget of one sitting, on the clips of these runs."""
    clips = {clip["id"]: clip for clip in clip_pages.clips_of(workspace, rows)}

    def pair(asked: Asked | None) -> Pair | None:
        if asked is None:
            return None
        return cast("Pair", {"left": clips[asked.left_run], "right": clips[asked.right_run], "asked": asked})

    def record(shown: Pair, outcome: str, details: Mapping[str, Any]) -> None:
        ballot.record(cast("Any", shown)["asked"], outcome, **details)

    return VoteWidget(
        lambda: pair(ballot.next()),
        record,
        lambda: pair(ballot.undo()),
        load=clip_pages.loader(workspace, rows),
        count=lambda: len(ballot.votes),
        progress=ballot.progress,
        sentence=ballot.sentence,
        question=question(ballot.criterion),
    )
