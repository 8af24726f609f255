"""Asyncio tasks of one session on the loop thread: those that its closing cancels, and those that nothing does."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from wan_nb.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

__all__ = ["Jobs"]

_T = TypeVar("_T")


class Jobs:
    """What is under way for one session.

    Attributes
    ----------
    named : dict
        Jobs that run by themselves, by name; each leaves it when it ends.
    closed : bool
        Nothing more is to begin.
    """

    def __init__(self) -> None:
        self.named: dict[str, asyncio.Task[Any]] = {}
        self._calls: set[asyncio.Task[Any]] = set()
        self._shielded: set[asyncio.Task[Any]] = set()
        self.closed = False

    def start(self, name: str, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Begin a job that nobody has to hold or to await; closing cancels it."""
        job = asyncio.ensure_future(work)
        self.named[name] = job
        job.add_done_callback(lambda done: self._ended(name, done))
        return job

    def _ended(self, name: str, job: asyncio.Task[Any]) -> None:
        if self.named.get(name) is job:
            del self.named[name]
        _retrieve(job)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around a call that spends money: closing cancels it.

        Raises
        ------
        LogError
            The session is closed.
        """
        if self.closed:
            raise LogError("this session is closed.", remedy="Open a new one: wan_nb.Session(), or %wan connect.")
        task = asyncio.current_task()
        assert task is not None
        self._calls.add(task)
        try:
            yield
        finally:
            self._calls.discard(task)

    def start_shielded(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Begin what is not canceled, not even by closing, which waits for it."""
        job = asyncio.ensure_future(work)
        self._shielded.add(job)
        job.add_done_callback(self._shielded.discard)
        job.add_done_callback(_retrieve)
        return job

    async def shielded(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Result of what goes on to its end when the caller is canceled."""
        return await asyncio.shield(self.start_shielded(work))

    async def drain(self) -> None:
        """Return when everything shielded is done."""
        while self._shielded:
            await asyncio.wait(self._shielded)

    async def aclose(self) -> None:
        """Cancel all that may be, and wait for the rest."""
        self.closed = True
        while tasks := [task for task in (*self.named.values(), *self._calls) if not task.done()]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        await self.drain()


def _retrieve(job: asyncio.Task[Any]) -> None:
    """Retrieve an error, which is in a row or raised where somebody waits, so that asyncio does not log it."""
    if not job.cancelled():
        job.exception()
