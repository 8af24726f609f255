"""The live board: one widget for 1 to 500 runs.

The kernel's side holds the rows, passes changes on through a `BoardFeed`, and hands every click to the loop thread: a
click may arrive on a subshell's thread or, on kernels without subshells, when the running cell ends.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from wan_nb.errors import WanError
from wan_nb.html.text import (
    ACTIVE,
    GROUPS,
    STATES,
    label,
    megabytes,
    pictures,
    plain,
    price,
    price_again,
    source,
    unchecked,
)
from wan_nb.log.marks import marks_of
from wan_nb.sanitize import said
from wan_nb.terminal import spelled
from wan_nb.widgets.assets import module, styles
from wan_nb.widgets.base import NotebookWidget
from wan_nb.widgets.board_feed import BoardFeed, Json

if TYPE_CHECKING:
    from pathlib import Path

    from wan_nb.log.row import Row

__all__ = ["Board", "board_row", "usual"]

_GIVEN = {"mark": "mark", "frame": "time"}
"""Clicks that say more than which run, and where."""

Post = Callable[[Coroutine[Any, Any, Any]], object]
Action = Callable[..., Coroutine[Any, Any, Any]]


def board_row(
    row: Row,
    *,
    video: Path | None = None,
    folder: Path | None = None,
    expected_s: float | None = None,
    earlier: bool = False,
    take: str = "",
    pinnable: bool = False,
) -> Json:
    """One run as the board's JSON: plain text and numbers only, times in seconds since 1970.

    Parameters
    ----------
    row : Row
    video : Path, optional
        The clip, if it is on disk.
    folder : path, optional
        Folder of the notebook.
    expected_s : float, optional
        Usual run time of such a request in this log; None while there is no history.
    earlier : bool
        Whether there is another clip on its material to compare it with.
    take : str
        Which take it is of how many, where there are several.
    pinnable : bool
        Whether it can become the take that is shown where no number is asked for.

    Returns
    -------
    dict
        The keys are those of ``Row`` in ``static/board.js``.
    """
    name = str(row.status)
    size = f"{row.width}×{row.height}" if row.width else plain(row.resolution, 20)
    sound = "" if row.has_audio is None else "with sound" if row.has_audio else "silent"
    seed = f"seed {row.seed}" if row.seed is not None else ""
    length = f"{row.duration} s" if row.duration else ""
    of = pictures(row) if video is None else ""
    facts = (plain(row.model, 60), of, length, size, seed, sound, megabytes(row.bytes), take, row.run_id[:8])
    return {
        "id": row.run_id,
        "label": label(row),
        "named": bool(row.variant or row.study),
        "study": plain(row.study, 80) or None,
        "variant": plain(row.variant, 80) or None,
        "prompt": plain(row.prompt, 600),
        "facts": " · ".join(fact for fact in facts if fact),
        "state": name,
        "service_status": plain(row.service_status, 40),
        "simulated": bool(row.simulated),
        "created": _epoch(row.created_at),
        "submitted": _epoch(row.submitted_at),
        "started": _epoch(row.started_at),
        "ended": _epoch(row.ended_at),
        "queue_s": row.queue_s,
        "run_s": row.run_s,
        "expected_s": expected_s,
        "price": price(row),
        "again": price_again(row),
        "message": _message(row),
        "video": (source(video, folder) or video.name) if video is not None else None,
        "cancelable": name == "PENDING",
        "earlier": earlier,
        "marks": marks_of(row),
        "pin": f"Pin {take.partition(' of ')[0]}" if pinnable and take else "",
    }


class Board(NotebookWidget):
    """Runs, live.

    Parameters
    ----------
    rows : iterable of dict
        From `board_row`, in the order to show.
    post : callable
        Starts a coroutine on the loop thread: ``session.loop.start``.
    actions : mapping of str to coroutine function
        What a click does, by its name, given a run id: ``cancel``, ``pin``, ``again``, ``compare`` and ``mark`` (which
        also gets the mark) return a text to show or None, ``clip`` and ``strip`` bytes, ``code`` and ``frame`` (which
        also gets the seconds) a dict of texts.
    title : str
    empty : str
        What is said while there are no runs; nothing is shown of a board that has neither.
    money : callable
        Returns what was spent and may be spent, in words.
    alive : callable
        Whether anybody still looks after the runs.
    place : str
        Of an output that is there already; a new one without it.
    notify : callable
        Whether a person whose tab is hidden is told of the end.
    set_notify : callable
        What the switch on the board does, given whether it is on; on the loop thread.
    """

    _esm = module("dom", "clipboard", "host_page", "marks", "notify", "board")
    _css = styles("base", "marks", "board")

    rows: Any = traitlets.List().tag(sync=True)
    about = traitlets.Dict().tag(sync=True)

    BUFFERS: ClassVar[Mapping[str, str]] = {"clip": "video/mp4", "strip": "image/jpeg"}

    def __init__(
        self,
        rows: Iterable[Json],
        *,
        post: Post,
        actions: Mapping[str, Action],
        title: str = "",
        empty: str = "",
        money: Callable[[], str] = str,
        alive: Callable[[], bool] = lambda: True,
        place: str = "",
        notify: Callable[[], bool] = bool,
        set_notify: Callable[[bool], object] = bool,
    ) -> None:
        self._notify, self._set_notify = notify, set_notify
        self._actions, self._title, self._empty, self._money = dict(actions), title, empty, money
        self._lock = threading.Lock()
        self._offer, self._order = {"text": "", "button": ""}, _nothing
        super().__init__(post=post, rows=list(rows), about=self._facts(), **({"place": place} if place else {}))
        self._at = {row["id"]: index for index, row in enumerate(self.rows)}
        self.feed = BoardFeed(self.send, contextvars.copy_context(), self._facts, alive)
        self.on_msg(self._on_message)

    def offer(
        self, text: str = "", button: str = "", order: Callable[[], Coroutine[Any, Any, str]] | None = None
    ) -> None:
        """Say something above the rows with a button beside it; without a text it goes. On the loop thread only.

        Parameters
        ----------
        text, button : str
        order : coroutine function
            What a click does; returns what is to be said in place of `text`, if anything.
        """
        self._offer, self._order = {"text": plain(text, 400), "button": plain(button, 200)}, order or _nothing
        self.about = self._facts()

    async def _ordered(self) -> None:
        order, button = self._order, self._offer["button"]
        self.offer("Sending …")
        try:
            said = await order()
        except WanError as error:
            said = str(error)
        self.offer(said, button if said else "", order)

    def put(self, row: Json) -> None:
        """Show news of a run, or a new run. On the loop thread only.

        The trait is changed in place, which sends nothing by itself: it is what a page that is loaded again asks for,
        while the feed tells the pages that are open.
        """
        with self._lock:
            if row["id"] in self._at:
                self.rows[self._at[row["id"]]] = row
            else:
                self._at[row["id"]] = len(self.rows)
                self.rows.append(row)
        self.feed.put(row, is_open=row["state"] in ACTIVE)

    async def start(self) -> None:
        """Begin to give signs of life, for runs that were open when the board was made."""
        for row in tuple(self.rows):
            if row["state"] in ACTIVE:
                self.feed.put(row, is_open=True)

    def _facts(self) -> Json:
        states = {name: state._asdict() for name, state in STATES.items()}
        words: Json = {"title": plain(self._title, 120), "empty": self._empty, "money": self._money()}
        words |= {"offer": self._offer, "notify": self._notify()}
        return words | {"states": states, "groups": GROUPS, "active": sorted(ACTIVE)}

    def _on_message(self, _widget: Any, content: Mapping[str, Any], _buffers: list[memoryview]) -> None:
        """Hand a click to the loop thread; nothing is done here, since this may be any thread."""
        kind, run_id = content.get("kind"), str(content.get("id"))
        if kind == "sync":
            self._post(self._resend())
        elif kind == "offer" and self._offer["button"]:
            self._post(self._ordered())
        elif kind == "notify":
            self._post(self._switch(on=content.get("on") is True))
        elif kind in self._actions and run_id in self._at:
            if kind != "strip":
                self.send({"kind": "ack", "id": run_id, "action": kind})
            given = [content.get(_GIVEN[kind])] if kind in _GIVEN else []
            self._post(self._act(str(kind), run_id, *given))

    async def _resend(self) -> None:
        self.feed.whole(list(self.rows))

    async def _switch(self, *, on: bool) -> None:
        self._set_notify(on)
        await self._resend()

    async def _act(self, kind: str, run_id: str, *given: Any) -> None:
        try:
            result = await self._actions[kind](run_id, *given)
        except WanError as error:
            return self._say(run_id, plain(str(error), 400))
        except Exception as error:  # noqa: BLE001  # a click has no cell that could raise: the row says it
            return self._say(run_id, plain(f"{type(error).__name__}: {said(error)}", 400))
        if isinstance(result, bytes):
            self.send({"kind": kind, "id": run_id, "type": self.BUFFERS[kind]}, [result])
        elif isinstance(result, Mapping):
            self.send({"kind": "code", "id": run_id, "code": dict(result)})
        else:
            self._say(run_id, plain(result, 400))
        return None

    def _say(self, run_id: str, text: str) -> None:
        self.send({"kind": "said", "id": run_id, "text": text})


async def _nothing() -> str:
    """The action of a board without an offer."""
    return ""


def _message(row: Row) -> str:
    """What a person should know about a run beside its state."""
    reason = plain(row.error_message, 400)
    match str(row.status):
        case "UNCERTAIN":
            return "No answer came to the submit: it may exist and be billed. It is never sent again by itself."
        case "DOWNLOADING" if reason:
            return f"Made and paid, not on disk yet: {reason} {spelled('%wan resume')} fetches it."
        case "SUCCEEDED":
            return unchecked(row)
    return "" if str(row.status) in {"INTENDED", "DOWNLOADING"} else reason


def _epoch(moment: Any) -> float | None:
    return moment.timestamp() if moment is not None else None


def usual(seconds: list[float]) -> float | None:
    """Median of past run times; None while there is no history.

    >>> usual([3.0, 9.0, 4.0]), usual([])
    (4.0, None)
    """
    ordered = sorted(seconds)
    return ordered[len(ordered) // 2] if ordered else None
