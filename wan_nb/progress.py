"""How far long work of this machine is: one line with a bar, a count and the time left, which ends as plain text.

Work of less than two seconds says nothing. In a notebook the line is one output that is brought up to date, of which
the file keeps the last state; in a terminal it is written over; where nobody watches, only its end is written.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

from wan_nb.errors import Detached
from wan_nb.frontends import front_end
from wan_nb.interrupts import working
from wan_nb.terminal import printable, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Progress"]

_T = TypeVar("_T")

SILENT = 2.0
"""Seconds of work about which nothing is said."""

_PAUSE = 0.25
"""Seconds between two states that are shown: to change an output costs the kernel two milliseconds."""

_WIDTH = 20


class Progress:
    """The line of one piece of work, for a ``with`` block.

    Parameters
    ----------
    what : str
        Such as "Packing clips".
    total : float
        How much there is to do: a number of things, or of bytes.
    keeps : bool
        What is done is kept when it is interrupted, and the next call does the rest.
    at_once : bool
        Show it before anything is done; for work in another thread, which shows nothing new.
    said : callable, optional
        An amount as a person reads it; without it a number of things.

    Examples
    --------
    >>> with Progress("Packing clips", 3) as line:
    ...     print(*line.each("abc"))
    a b c
    """

    def __init__(
        self,
        what: str,
        total: float,
        *,
        keeps: bool = False,
        at_once: bool = False,
        said: Callable[[float], str] = "{:.0f}".format,
    ) -> None:
        self.what, self.total, self.keeps, self.at_once, self._said = what, total, keeps, at_once, said
        self.done = 0.0
        self._began = self._shown = time.monotonic()
        self._handle: Any = None
        self._open = False

    def __enter__(self) -> Self:
        if self.at_once:
            self._show(self._line(0.0))
        return self

    def each(self, things: Iterable[_T]) -> Iterator[_T]:
        """The things one by one, each done when the next one is asked for."""
        for thing in things:
            yield thing
            self.step()

    def step(self, by: float = 1) -> None:
        """So much more is done."""
        self.reach(self.done + by)

    def reach(self, done: float) -> None:
        """So much is done in all; another thread than the main one brings an output up to date, never prints."""
        self.done, now = done, time.monotonic()
        if now - self._began >= SILENT and now - self._shown >= _PAUSE:
            self._shown = now
            self._show(self._line(now - self._began))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        seconds = time.monotonic() - self._began
        whole = kind is None
        if self._open or (seconds >= SILENT and (whole or self.done)):
            done, total = self._said(self.done), self._said(self.total)
            end = f"{done} in {_told(seconds)}." if self.done else "nothing to do."
            self._show(f"{self.what}: {end if whole else f'stopped at {done} of {total}.'}", last=True)
        if isinstance(error, KeyboardInterrupt) and not isinstance(error, Detached):
            raise Detached(working(self._said(self.done), self._said(self.total), kept=self.keeps)) from None

    def _line(self, seconds: float) -> str:
        share = min(1.0, self.done / self.total) if self.total else 1.0
        full = round(share * _WIDTH)
        left = f", about {_told(seconds / share - seconds)} left" if 0 < share < 1 else ""
        bar = "█" * full + "░" * (_WIDTH - full)
        return f"{self.what} {bar} {self._said(self.done)} of {self._said(self.total)}{left}"

    def _show(self, line: str, *, last: bool = False) -> None:
        if self._handle is None and threading.current_thread() is not threading.main_thread():
            return  # what a click began has no cell to show it in
        front = front_end()
        if front.kernel and front.name != "marimo":
            bundle = {"text/plain": printable(line)}
            if self._handle is None:
                from IPython.display import display

                self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
            else:
                self._handle.update(bundle, raw=True)
        else:
            rewrite(line, last=last)
        self._open = True


def _told(seconds: float) -> str:
    """
    >>> [_told(seconds) for seconds in (0.2, 59.4, 61, 5400)]
    ['1 s', '59 s', '1:01 min', '1:30 h']
    """  # noqa: D205, D400
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60}:{whole % 60:02} min" if whole < 3600 else f"{whole // 3600}:{whole // 60 % 60:02} h"
