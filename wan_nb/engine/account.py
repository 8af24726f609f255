"""One account of a service as a session uses it: requests within its limits, and the rows of its runs.

Everything here happens on the loop thread. Each step of a run is written down before the next one is taken, so that a
process that dies at any instant leaves a row from which another one can go on (`wan_nb.log.states` draws the states).
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from wan_nb.api.client import Client
from wan_nb.engine.background_tasks import Jobs
from wan_nb.engine.loop import Worker
from wan_nb.engine.polling.limiter import Limiter
from wan_nb.engine.polling.watch import Watcher
from wan_nb.engine.retry import retried
from wan_nb.engine.row_errors import code_and_message
from wan_nb.errors import LogError, NotAuthorized, ServiceError, Unavailable, WanError
from wan_nb.log.on_disk.posting_process import owner_id
from wan_nb.log.states import AT_SERVICE, NEVER_SENT, Event
from wan_nb.sanitize import logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping

    from wan_nb.api.task import Task
    from wan_nb.engine.endpoint import Endpoint
    from wan_nb.engine.loop import LoopThread
    from wan_nb.log.row import Row
    from wan_nb.log.runlog import RunLog
    from wan_nb.settings import Settings

__all__ = ["Account"]

_T = TypeVar("_T")

READ_TRIES = 5


class Account:
    """Client, limits and run log of one session. Made on the loop thread, to which its connections belong.

    Parameters
    ----------
    settings, endpoint, log, loop
        Of the session.

    Attributes
    ----------
    client : Client
    limiter : Limiter
        Shared by all sessions of the account in this process.
    watcher : Watcher
    jobs : Jobs
    sending : Counter
        Fingerprints of what this process is sending, or has reserved and is going to send, in any session.
    owner : str
        This process, as the log knows it.
    rng : random.Random
        For the jitter of pauses.
    """

    def __init__(self, settings: Settings, endpoint: Endpoint, log: RunLog, loop: LoopThread) -> None:
        self.settings, self.endpoint, self.log, self.loop = settings, endpoint, log, loop
        self.owner = owner_id()
        self.jobs = Jobs()
        self.rng = Random()
        self.shared = loop.shared
        self.sending = self.shared.sending
        self.client = Client(endpoint.base_url, endpoint.api_key)
        self.limiter = self.shared.limiters.setdefault(endpoint.identity, Limiter(endpoint.identity))
        if log.served:
            self.limiter.turns.append(self._turn)
        self.watcher = Watcher(self.client, limiter=self.limiter)
        self._log_worker = Worker("log")
        self._listeners: list[Callable[[Row], None]] = []
        self._leaving: dict[str, asyncio.Event] = {}
        self._handshake: asyncio.Task[None] | None = None

    async def aclose(self) -> None:
        """Cancel what may be, finish the rest, close the connections."""
        if self._turn in self.limiter.turns:
            self.limiter.turns.remove(self._turn)
        await self.jobs.aclose()
        await self.client.aclose()

    def close(self) -> None:
        """End the thread of the log, after `aclose`."""
        self._log_worker.close()

    # --- requests

    async def read(self, call: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Make a call that costs nothing, again after a pause when the service was out of reach or too busy."""

        async def attempt() -> _T:
            async with self.limiter.query():
                return await call()

        return await retried(attempt, self.rng, tries=READ_TRIES)

    async def handshake(self) -> None:
        """Learn once, before any money: does the key work, is the service simulated, how far is its clock."""
        if self._handshake is None or (self._handshake.done() and self._handshake.exception()):
            self._handshake = asyncio.ensure_future(self._shake_hands())
        await asyncio.shield(self._handshake)

    async def _shake_hands(self) -> None:
        try:
            async with self.limiter.query():
                await self.client.list(page_size=1)
        except NotAuthorized:
            raise
        except ServiceError:
            return  # a server without this call, or a moment's failure: the submit itself will tell

    async def looks(self, row: Row) -> AsyncIterator[Task]:
        """What the service says about an accepted run at each change, until it is done with it; see `Watcher.watch`."""
        kind = (row.model, row.resolution, row.duration)
        seen = await self.ask_log(self.log.durations, *kind, simulated=row.simulated)
        return self.watcher.watch(
            str(row.task_id),
            model=row.model or "",  # an adopted task does not tell its model; the list then names all
            submitted_at=row.submitted_at or datetime.now(UTC),
            seen_durations=seen[::-1],  # the log has the newest first, the pace wants the oldest first
            gap=self.settings.gap,
        )

    async def _turn(self, lane: str, gap: float) -> float | None:
        """Seconds until this process may ask the account, where others on the log do; see `Limiter`."""
        try:
            return await self.ask_log(self.log.turn, self.owner, lane, gap)
        except LogError:
            return None  # the next news of a run meets the same trouble, and says so

    # --- rows

    async def ask_log(self, function: Callable[..., _T], /, *args: Any, **kwargs: Any) -> _T:
        """Do something with the log, which blocks, beside the loop."""
        return await self._log_worker.do(function, *args, **kwargs)

    async def open_rows(self) -> list[Row]:
        """Runs of this account, not of others in the same log, that have not ended."""
        rows = await self.ask_log(self.log.open_rows)
        return [row for row in rows if row.identity == self.endpoint.identity]

    async def write(self, run_id: str, event: Event | None = None, **facts: Any) -> Row:
        """Commit news of a row, then tell. What another kernel has written meanwhile is not taken back."""
        return self.tell(await self.ask_log(self.log.advance, run_id, event, **facts))

    def subscribe(self, listener: Callable[[Row], None]) -> Callable[[], None]:
        """Hear of every change of a row, in the thread that made it. Returns the way to stop it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def tell(self, row: Row) -> Row:
        """Pass a row on to all listeners; from any thread."""
        for listener in tuple(self._listeners):
            try:
                listener(row)
            except Exception:  # noqa: BLE001
                # A listener that fails does not stop the run.
                logger(__name__).exception("a listener failed at run %s", row.run_id)
        if row.status not in AT_SERVICE and (leaving := self._leaving.pop(row.run_id, None)):
            self.loop.call(leaving.set)
        return row

    async def left_service(self, run_id: str) -> None:
        """Return when a run no longer counts among those at the service."""
        leaving = self._leaving.setdefault(run_id, asyncio.Event())
        row: Row = await self.ask_log(self.log.get, run_id)
        if row.status in AT_SERVICE:
            await leaving.wait()

    # --- intents

    async def sends(self, row: Row) -> bool:
        """Whether somebody is sending an intent, or is going to."""
        if row.owner == self.owner:
            return self.sending[row.fingerprint] > 0
        return not await self.ask_log(self.log.abandoned, row)

    def sends_no_more(self, row: Row) -> None:
        """Note that nothing in this process is going to send a run, or sends it, any more."""
        self.sending.subtract([row.fingerprint])

    async def take_back(self, rows: list[Row], stop: asyncio.CancelledError) -> None:
        """Write down that runs were never sent, and why: a stop that gives no reason was nobody's decision."""
        why = ": ".join(["stopped before it was sent", *map(str, stop.args)])
        code = None if stop.args else NEVER_SENT
        ids = [row.run_id for row in rows]
        for row in await self.ask_log(self.log.withdraw, ids, code=code, message=f"{why.rstrip('.')}."):
            self.tell(row)

    async def not_accepted(self, row: Row, error: Exception, ended: Mapping[str, Any] | None = None) -> WanError:
        """Write down that no task was made and nothing is billed; the error that says so, with the run's id.

        Parameters
        ----------
        row : Row
        error : Exception
            What kept it from being accepted.
        ended : mapping, optional
            Columns that tell the end of its POST.
        """
        code, message = code_and_message(error)
        request_id = error.request_id if isinstance(error, ServiceError) else None
        await self.write(
            row.run_id,
            Event.REFUSED,
            of_task=row.task_id,
            error_code=code,
            error_message=message,
            request_id=request_id,
            task_id=None,
            **(ended or {}),
        )
        remedy = "Nothing is billed; run the cell again."
        own = error if isinstance(error, WanError) else Unavailable(f"it was not sent: {message}.", remedy=remedy)
        own.run_id = row.run_id
        return own
