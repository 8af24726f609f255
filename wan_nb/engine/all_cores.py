"""The same work for many things on all cores: for work that lets go of the interpreter's lock, such as decoding."""

from __future__ import annotations

import contextvars
import os
import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from wan_nb.engine.loop import TICK, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["AT_ONCE", "on_all_cores"]

_T = TypeVar("_T")

AT_ONCE = 8
"""Clips that are looked through at once at most: each needs about 50 MB."""


def on_all_cores(
    work: Callable[[_T, Callable[[], None]], None], things: Iterable[_T], done: Callable[[int], object]
) -> None:
    """Do something with each thing, several at once.

    The threads are daemons, and what they do ends at the next `between`: neither an interrupt nor the end of the
    process waits for them.

    Parameters
    ----------
    work : callable
        Given a thing and a function to call now and then, which raises `Stopped` once it is to stop.
    things : iterable
    done : callable
        Called in the calling thread: with 1 after each, with 0 now and then while there is none.
    """
    waiting: queue.SimpleQueue[_T] = queue.SimpleQueue()
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    stop = threading.Event()
    for thing in things:
        waiting.put(thing)
    left = waiting.qsize()
    threads = [
        threading.Thread(
            target=contextvars.copy_context().run,
            args=(_serve, work, waiting, ended, stop),
            name=f"wan_nb-core-{n}",
            daemon=True,
        )
        for n in range(min(left, _cores(), AT_ONCE))
    ]
    try:
        for thread in threads:
            thread.start()
        while left:
            try:
                error = ended.get(timeout=TICK)  # in slices: on Windows a wait without a limit cannot be interrupted
            except queue.Empty:
                done(0)
                continue
            if error is not None:
                raise error
            left -= 1
            done(1)
    finally:
        stop.set()
        for thread in threads:
            thread.join(1)  # the next frame ends it


def _serve(
    work: Callable[[_T, Callable[[], None]], None],
    waiting: queue.SimpleQueue[_T],
    ended: queue.SimpleQueue[BaseException | None],
    stop: threading.Event,
) -> None:
    """Work in one of the threads."""

    def between() -> None:
        if stop.is_set():
            raise Stopped

    with suppress(queue.Empty):
        while not stop.is_set():
            thing = waiting.get_nowait()
            try:
                work(thing, between)
            except BaseException as error:  # noqa: BLE001  # it belongs to whoever waits
                ended.put(error)
            else:
                ended.put(None)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
