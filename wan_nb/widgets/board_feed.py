"""What a live view is told, and how often: changed rows only, at most four times a second, the last state always.

Measured in JupyterLab: beyond 1000 messages a second the server drops messages without a word, and a dropped last
message leaves a bar standing for ever. So one message carries all rows that changed since the one before, each
message is numbered, and the view asks for the whole when a number is missing.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Context

__all__ = ["BEAT", "GAP", "BoardFeed"]

GAP = 0.25
"""Seconds between two messages at least."""

BEAT = 5.0
"""Seconds between two signs of life while a run is open; the view calls itself stale after four times that."""

Json = dict[str, Any]


class BoardFeed:
    """Collects changed rows and sends them on, on the loop thread and nowhere else.

    Parameters
    ----------
    send : callable
        Gets one message, a dict. Whatever it raises ends the feed, since its view is gone.
    context : contextvars.Context
        Of the cell that shows the view. Without it ipykernel 7.0 raises LookupError from a thread, and later ones send
        to whichever cell runs.
    about : callable
        Facts of the whole view, sent with each message of rows.
    alive : callable, optional
        Whether anybody still looks after the runs; where nobody does, the signs of life end and the view says so.
    """

    def __init__(
        self,
        send: Callable[[Json], None],
        context: Context,
        about: Callable[[], Json],
        alive: Callable[[], bool] = lambda: True,
    ) -> None:
        self._send, self._context, self._about, self._alive = send, context, about, alive
        self._changed: dict[str, Json] = {}
        self._open: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._pulse: asyncio.TimerHandle | None = None
        self._sent_at = float("-inf")
        self._seq = 0
        self.closed = False

    def put(self, row: Json, *, is_open: bool) -> None:
        """Take news of one row; it goes out now, or with the next message."""
        self._changed[row["id"]] = row
        (self._open.add if is_open else self._open.discard)(row["id"])
        loop = asyncio.get_running_loop()
        if self._timer is None and not self.closed:
            wait = max(0.0, self._sent_at + GAP - loop.time())
            self._timer = loop.call_later(wait, self._flush, context=self._context)
        self.beat()

    def whole(self, rows: list[Json]) -> None:
        """Send everything, for a view that has missed a message."""
        self._changed.clear()
        self._context.run(self._emit, {"kind": "rows", "rows": rows, "about": self._about(), "whole": True})

    def beat(self) -> None:
        """Keep giving signs of life while a run is open."""
        if self._pulse is None and self._open and not self.closed:
            self._pulse = asyncio.get_running_loop().call_later(BEAT, self._beat, context=self._context)

    def close(self) -> None:
        """Send what is left, then nothing more."""
        for timer in (self._timer, self._pulse):
            if timer is not None:
                timer.cancel()
        if not self.closed:
            self._context.run(self._flush)
        self.closed = True

    def _flush(self) -> None:
        self._timer = None
        self._sent_at = asyncio.get_running_loop().time()
        rows, self._changed = list(self._changed.values()), {}
        if rows:
            self._emit({"kind": "rows", "rows": rows, "about": self._about()})

    def _beat(self) -> None:
        self._pulse = None
        if self._alive():
            self._emit({"kind": "beat"})
            self.beat()

    def _emit(self, message: Mapping[str, Any]) -> None:
        if self.closed:
            return
        self._seq += message["kind"] == "rows"
        try:
            self._send({**message, "seq": self._seq, "now": time.time()})
        except Exception:  # noqa: BLE001  # a comm that is gone must not take the loop thread's other work with it
            self.closed = True
