"""The way of a run: `posting` pays, `watch` looks, `fetch` brings the clip, `settling` finds out what nobody was told.

Everything here happens on the loop thread. Each step is written down before the next one is taken, so that a process
that dies at any instant leaves a row from which another one can go on (`wan_nb.log.states` draws the states).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from wan_nb.api import catalog
from wan_nb.api.client import Client
from wan_nb.engine.download import bring, fetch
from wan_nb.engine.loop import Worker
from wan_nb.engine.polling.limiter import Limiter
from wan_nb.engine.polling.pace import backoff
from wan_nb.engine.polling.watch import Watcher
from wan_nb.engine.queue import AT_SERVICE, Queue
from wan_nb.engine.settle import Settling
from wan_nb.engine.submit import Posting
from wan_nb.errors import (
    LogError,
    NotAuthorized,
    Refused,
    ServiceError,
    Throttled,
    Unavailable,
    WanError,
    in_a_line,
    ours,
)
from wan_nb.log.owner import owner_id
from wan_nb.log.states import FINAL, Status
from wan_nb.sanitize import logger, number

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from wan_nb.api.task import Task
    from wan_nb.engine.loop import LoopThread
    from wan_nb.engine.service import Place
    from wan_nb.log.runlog import Row, RunLog
    from wan_nb.media.store import Store
    from wan_nb.settings import Settings

__all__ = ["Flow"]

_T = TypeVar("_T")

READ_TRIES = 5


class Flow:
    """All runs of one session on their way.

    Parameters
    ----------
    settings, place, log, store, loop
        Of the session.

    Attributes
    ----------
    sending : Counter
        Fingerprints of what this process is sending, or has reserved and is going to send, in any session.
    """

    def __init__(self, settings: Settings, place: Place, log: RunLog, store: Store, loop: LoopThread) -> None:
        self.settings, self.place, self.log, self.store, self.loop = settings, place, log, store, loop
        self.owner = owner_id()
        self.posting = Posting(self)
        self.settling = Settling(self)
        self.queue = Queue(self)
        self.decoding, self.sharing = Worker("media"), Worker("store")
        self._logging = Worker("log")
        self.aside = Worker("aside")  # what may take its time, such as measuring clips
        self.rng = Random()
        self.kept: dict[str, asyncio.Task[Any]] = {}
        self._calls: set[asyncio.Task[Any]] = set()
        self._deeds: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._listeners: list[Callable[[Row], None]] = []
        self._leaving: dict[str, asyncio.Event] = {}
        self._greeting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Make what belongs to the loop."""
        self.client = Client(self.place.base_url, self.place.api_key)
        self.limiter: Limiter = self.loop.shared.setdefault(self.place.identity, Limiter())
        self.sending: Counter[str] = self.loop.shared.setdefault("sending", Counter())
        self.watcher = Watcher(self.client, limiter=self.limiter)

    async def aclose(self) -> None:
        """Stop looking and buying. Tasks go on at the service; `resume` finds them."""
        self._closed = True
        while tasks := [task for task in (*self.kept.values(), *self._calls) if not task.done()]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        await self.finished()
        await self.client.aclose()

    async def finished(self) -> None:
        """Return when everything that nothing stops is done."""
        while self._deeds:
            await asyncio.wait(self._deeds)

    def close(self) -> None:
        """End the workers, after `aclose`."""
        self._logging.close()
        self.decoding.close()
        self.aside.close()
        self.sharing.close()

    # --- rows

    def subscribe(self, listener: Callable[[Row], None]) -> Callable[[], None]:
        """Hear of every change of a row, on the loop thread. Returns the way to stop it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def tell(self, row: Row) -> Row:
        """Pass a row on to all listeners."""
        for listener in tuple(self._listeners):
            try:
                listener(row)
            except Exception:  # noqa: BLE001
                # What a board cannot draw is no reason to forget a clip.
                logger(__name__).exception("a listener failed at run %s", row.run_id)
        if row.status not in AT_SERVICE and (leaving := self._leaving.pop(row.run_id, None)):
            self.loop.call(leaving.set)
        return row

    async def left(self, run_id: str) -> None:
        """Return when a run no longer takes a place at the service."""
        leaving = self._leaving.setdefault(run_id, asyncio.Event())
        row: Row = await self.ask_log(self.log.get, run_id)
        if row.status in AT_SERVICE:
            await leaving.wait()

    async def write(self, run_id: str, **changes: Any) -> Row:
        """Commit changes of a row, then tell. What another kernel has written meanwhile is not taken back."""
        return self.tell(await self.ask_log(self.log.advance, run_id, **changes))

    async def ask_log(self, function: Callable[..., _T], /, *args: Any, **kwargs: Any) -> _T:
        """Do something with the log, which blocks, beside the loop."""
        return await self._logging.do(function, *args, **kwargs)

    # --- watching

    def follow(self, run_id: str) -> asyncio.Task[Row]:
        """Look after a run until it ends; once per run, however many ask for it."""
        task = self.kept.get(run_id)
        if task is None or task.done():
            task = self.keep(run_id, self._follow(run_id))
        return task

    async def ended(self, run_id: str) -> Row:
        """Newest row once nothing more will happen by itself, and its clip is here."""
        row: Row = await self.ask_log(self.log.get, run_id)
        return await bring(self, row) if row.status in FINAL else await asyncio.shield(self.follow(run_id))

    async def _follow(self, run_id: str) -> Row:
        try:
            return await self._followed(run_id)
        except WanError:
            raise  # it is in the row, or the log cannot be written
        except Exception as error:  # noqa: BLE001
            # No row stays on its way without a word, whatever a library says.
            logger(__name__).warning("run %s cannot be looked after", run_id, exc_info=error)
            raise await self._stuck(run_id, error) from None

    async def _stuck(self, run_id: str, error: Exception) -> WanError:
        """Write down that a run is not looked after any more; returns what to raise."""
        said = in_a_line(error)
        row = await self.write(run_id, error_code=type(error).__name__, error_message=said)
        return ours(
            error,
            f"it is {row.status} and cannot be looked after: {said}",
            run_id=run_id,
            remedy="`%wan resume` takes it up again; nothing is sent twice.",
        )

    async def _followed(self, run_id: str) -> Row:
        row, task = await self.settling.rescue(await self._sent(run_id)), None
        while row.status in {Status.PENDING, Status.RUNNING}:  # twice only if the first task was a stranger's
            row, task = await self._watch(row)
        return await (fetch(self, row, task) if row.status is Status.DOWNLOADING else bring(self, row))

    async def handed(self, run_id: str) -> Row:
        """An intent of somebody else once it is sent, taken back, or left behind by a kernel that died."""
        row = await self._sent(run_id)
        return await self.settling.rescue(row) if row.status is Status.INTENDED and row.unsent else row

    async def _sent(self, run_id: str) -> Row:
        """The run when nobody is sending it any more: it was sent, or its kernel has ended or given up."""
        pause = 0.05
        while True:
            row: Row = await self.ask_log(self.log.get, run_id)
            if row.status is not Status.INTENDED:
                return row
            if not await self.sends(row):
                # Read once more: its last deed may have been to write the task's id.
                return await self.ask_log(self.log.get, run_id)
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, 5.0)  # a plan may queue for hours

    async def sends(self, row: Row) -> bool:
        """Whether somebody is sending an intent, or is going to."""
        if row.owner == self.owner:
            return self.sending[row.fingerprint] > 0
        return not await self.ask_log(self.log.abandoned, row)

    async def _watch(self, row: Row) -> tuple[Row, Task | None]:
        """Look until the service is done with it."""
        task = None
        try:
            async for task in await self.looks(row):
                row = await self._news(row, task)
        except ServiceError as error:
            await self.write(row.run_id, error_code=error.code or None, error_message=error.message)
            error.run_id = row.run_id
            raise
        return row, task

    async def looks(self, row: Row) -> AsyncIterator[Task]:
        """What the service says about an accepted run at each change, until it is done with it; see `Watcher.watch`."""
        kind = (row.model, row.resolution, row.duration)
        seen = await self.ask_log(self.log.durations, *kind, simulated=row.simulated)
        return self.watcher.watch(
            str(row.task_id),
            model=row.model or "",  # an adopted task does not tell its model; the list then names all
            submitted_at=row.submitted_at or datetime.now(UTC),
            seen_durations=seen[::-1],  # the log tells the newest first, the pace forgets the oldest
            gap=self.settings.gap,
        )

    async def _news(self, row: Row, task: Task) -> Row:
        """Write down what a look has found."""
        if task.status in {"SUCCEEDED", "FAILED", "CANCELED"} and (other := await self.settling.confirmed(row, task)):
            return other
        submitted = task.submit_time or row.submitted_at
        started = task.scheduled_time or row.started_at
        ended = task.end_time or row.ended_at
        changes: dict[str, Any] = {
            "service_status": task.status,
            "submitted_at": submitted,
            "started_at": started,
            "ended_at": ended,
            "queue_s": _seconds(submitted, started),
            "run_s": _seconds(started, ended),
        }
        match task.status:
            case "PENDING" | "RUNNING":
                changes["status"] = Status(task.status)
            case "SUCCEEDED":
                changes |= {"status": Status.DOWNLOADING, **self._receipt(row, task)}
            case "FAILED":
                changes |= {"status": Status.FAILED, "error_code": task.code, "error_message": task.message}
            case "CANCELED":
                changes["status"] = Status.CANCELED
            case "UNKNOWN":
                changes |= {"status": Status.EXPIRED, "error_message": "the service no longer knows the task."}
        return await self.write(row.run_id, **changes)

    def _receipt(self, row: Row, task: Task) -> dict[str, Any]:
        """What was billed: only success is, by ``usage.duration``."""
        seconds = task.usage.duration if task.usage else None
        if seconds is None:
            # The estimate stays; what came in place of a receipt is kept for `wan_nb.cost` to tell.
            odd = task.usage.odd if task.usage else ""
            known = {} if row.cost is not None else {"cost": catalog.dearest_clip(self.place.region.currency)}
            return {**known, "request": {**row.request, "receipt": odd}} if odd else known
        resolution = row.resolution or (f"{task.usage.SR}P" if task.usage and task.usage.SR else "")
        rate = catalog.price_per_second(row.model or "", resolution, self.place.region)
        return {"billed_s": seconds, "cost": round(seconds * rate, 4)}

    # --- other verbs

    async def cancel(self, run_id: str) -> Row:
        """Cancel at the service, then look: there is a race, whichever answer came.

        Raises
        ------
        Refused
            It runs, or has ended.
        """
        row: Row = await self.ask_log(self.log.get, run_id)
        if row.task_id is None:
            sending = (self.queue.drop(run_id), self.kept.get(f"post-{run_id}"))
            for job in filter(None, sending):
                await asyncio.wait([job])
            await self.finished()
            row = await self.ask_log(self.log.get, run_id)
            if row.status is Status.CANCELED:
                return self.tell(row)
        if row.status in FINAL:
            raise Refused(f"it has ended already: {row.status}.", run_id=run_id)
        if row.status is Status.UNCERTAIN:
            raise Refused(
                "it is not known whether the service accepted it.", run_id=run_id, remedy="`%wan resume` looks again."
            )
        if row.task_id is None:
            raise Refused("it is still being sent.", run_id=run_id, remedy="Interrupt the cell that sends it.")
        refusal = Refused("the service did not cancel it.", remedy="A running task ends by itself and is billed.")
        try:
            async with self.limiter.query():
                await self.client.cancel(row.task_id)
        except Refused as error:
            refusal = error
        task = await self.patiently(lambda: self.client.get(str(row.task_id)))
        if task.status != "UNKNOWN":  # perhaps a replica that lags: it takes more than one look to believe that
            row = await self._news(row, task)
        if row.status is Status.CANCELED:
            return row
        refusal.run_id = run_id
        raise refusal

    async def resume(self) -> list[Row]:
        """Take up every open run of this account that nobody else is sending; returns them."""
        rows = [r for r in await self.ask_log(self.log.open_rows) if r.request.get("identity") == self.place.identity]
        for row in rows:
            self.follow(row.run_id)
        return rows

    async def hello(self) -> None:
        """Learn once, before any money: does the key work, is the service simulated, how far is its clock."""
        if self._greeting is None or (self._greeting.done() and self._greeting.exception()):
            self._greeting = asyncio.ensure_future(self._hello())
        await asyncio.shield(self._greeting)

    async def _hello(self) -> None:
        try:
            async with self.limiter.query():
                await self.client.list(page_size=1)
        except NotAuthorized:
            raise
        except ServiceError:
            return  # a server without this call, or a moment's failure: the submit itself will tell

    async def patiently(self, call: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Make a call that costs nothing, again after a pause when the service was out of reach or too busy."""
        faults = 0
        while True:
            try:
                async with self.limiter.query():
                    return await call()
            except (Unavailable, Throttled) as error:
                faults += 1
                if faults == READ_TRIES or (isinstance(error, Throttled) and not error.retryable):
                    raise
                await asyncio.sleep(max(backoff(faults, self.rng), error.retry_after or 0.0))

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Around a call that spends money: closing the session stops it."""
        if self._closed:
            raise LogError("this session is closed.", remedy="Open a new one: wan_nb.Session(), or %wan connect.")
        task = asyncio.current_task()
        assert task is not None
        self._calls.add(task)
        try:
            yield
        finally:
            self._calls.discard(task)

    async def finish(self, deed: Coroutine[Any, Any, _T]) -> _T:
        """Do something to its end, whatever happens to the caller meanwhile; closing waits for it."""
        return await asyncio.shield(self.begin(deed))

    def begin(self, deed: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Begin what nothing stops, not even closing, which waits for it."""
        task = asyncio.ensure_future(deed)
        self._deeds.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, deed: asyncio.Task[Any]) -> None:
        self._deeds.discard(deed)
        if not deed.cancelled():
            deed.exception()  # whoever still waits gets it

    def keep(self, name: str, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Begin a task that nobody has to hold or to await."""
        task = asyncio.ensure_future(work)
        self.kept[name] = task
        task.add_done_callback(lambda done: self._dropped(name, done))
        return task

    def _dropped(self, name: str, done: asyncio.Task[Any]) -> None:
        if self.kept.get(name) is done:
            del self.kept[name]
        if not done.cancelled():
            done.exception()  # it is in the row; whoever waits gets it, and asyncio need not log it as never retrieved


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds between two times of the service; None for more than tasks live, which a clock that jumped tells."""
    life = catalog.LIMITS.task_life
    apart = number((end - start).total_seconds(), -life, life) if start and end else None
    return None if apart is None else max(apart, 0.0)
