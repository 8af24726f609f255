"""The way of a run: `submit` pays, `polling` looks, `download` brings the clip, `settle` finds lost answers.

Everything here happens on the loop thread.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Self

from wan_nb.api import catalog
from wan_nb.engine.account import Account
from wan_nb.engine.download import Downloads
from wan_nb.engine.loop import Worker
from wan_nb.engine.posting import settle
from wan_nb.engine.posting.queue import Queue
from wan_nb.engine.posting.submit import Submitter
from wan_nb.errors import Refused, ServiceError, WanError, in_a_line, ours
from wan_nb.html.text import state
from wan_nb.log.states import FINAL, Event, Status
from wan_nb.sanitize import logger, number

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from wan_nb.api.task import Listed, Task
    from wan_nb.engine.ask import Ask
    from wan_nb.engine.endpoint import Endpoint
    from wan_nb.engine.loop import LoopThread
    from wan_nb.log.row import Row
    from wan_nb.log.runlog import RunLog
    from wan_nb.media.store import Store
    from wan_nb.settings import Settings

__all__ = ["Runner"]


class Runner:
    """All runs of one session on their way.

    Parameters
    ----------
    account : Account
    store : Store

    Attributes
    ----------
    account : Account
    downloads : Downloads
    submitter : Submitter
    queue : Queue
    background : Worker
        For what may take its time, such as measuring clips.
    arrived : callable
        Told of each run that was followed until its clip was here.
    """

    def __init__(self, account: Account, store: Store) -> None:
        self.account = account
        self.downloads = Downloads(account, store)
        self.submitter = Submitter(account, self.downloads, self.follow)
        self.queue = Queue(account, self.submitter, self.follow)
        self.background = Worker("background", gentle=True)
        self.arrived: Callable[[Row], object] = bool

    @classmethod
    async def open(cls, settings: Settings, endpoint: Endpoint, log: RunLog, store: Store, loop: LoopThread) -> Self:
        """Make one on the loop thread, to which its connections belong."""
        return cls(Account(settings, endpoint, log, loop), store)

    async def aclose(self) -> None:
        """Stop looking and buying. Tasks go on at the service; `resume` finds them."""
        await self.account.aclose()

    def close(self) -> None:
        """End the threads, after `aclose`."""
        self.account.close()
        self.downloads.close()
        self.background.close()

    async def submit(self, ask: Ask) -> tuple[Row, bool]:
        """Reserve, upload and post; returns when the service has accepted.

        Returns
        -------
        Row
        bool
            Whether it is new; False for a run that is there already and costs nothing.
        """
        with self.account.jobs.call():
            while True:
                row, new = (await self.submitter.reserve([ask]))[0]
                # Another call of this process has it in hand, and may be taking it back just now.
                in_hand = row.status is Status.INTENDED and row.owner == self.account.owner
                if not new and in_hand and not self.queue.has(row):
                    row = await settle.after_intent(self.account, row.run_id)
                    if row.never_sent:
                        continue
                return await self.submitter.send((row, new), ask)

    # --- watching

    def follow(self, run_id: str) -> asyncio.Task[Row]:
        """Look after a run until it ends; once per run, however many ask for it."""
        task = self.account.jobs.named.get(run_id)
        if task is None or task.done():
            task = self.account.jobs.start(run_id, self._follow(run_id))
        return task

    async def ended(self, run_id: str) -> Row:
        """Newest row once nothing more will happen by itself, and its clip is here."""
        row: Row = await self.account.ask_log(self.account.log.get, run_id)
        if row.status in FINAL:
            return await self.downloads.copy_shared(row)
        return await asyncio.shield(self.follow(run_id))

    async def _follow(self, run_id: str) -> Row:
        try:
            return await self._followed(run_id)
        except WanError:
            raise  # it is in the row, or the log cannot be written
        except Exception as error:  # noqa: BLE001
            # The row tells what went wrong, also with an error of a library.
            logger(__name__).warning("run %s cannot be looked after", run_id, exc_info=error)
            raise await self._stuck(run_id, error) from None

    async def _stuck(self, run_id: str, error: Exception) -> WanError:
        """Write down that a run is not looked after any more; returns what to raise."""
        said = in_a_line(error)
        row = await self.account.write(run_id, error_code=type(error).__name__, error_message=said)
        return ours(
            error,
            f"it is {row.status} and cannot be looked after: {said}",
            run_id=run_id,
            remedy="`%wan resume` takes it up again; nothing is sent twice.",
        )

    async def _followed(self, run_id: str) -> Row:
        row = await settle.recover(self.account, await settle.after_sending(self.account, run_id))
        task = None
        while row.status in {Status.PENDING, Status.RUNNING}:  # twice only if the first task was a stranger's
            row, task = await self._watch(row)
        if row.status is Status.DOWNLOADING:
            row = await self.downloads.download(row, task)
        else:
            row = await self.downloads.copy_shared(row)
        if row.status is Status.SUCCEEDED:
            self.arrived(row)
        return row

    async def _watch(self, row: Row) -> tuple[Row, Task | None]:
        """Look until the service is done with it."""
        task = None
        try:
            async for task in await self.account.looks(row):
                row = await self._news(row, task)
        except ServiceError as error:
            await self.account.write(row.run_id, error_code=error.code or None, error_message=error.message)
            error.run_id = row.run_id
            raise
        return row, task

    async def _news(self, row: Row, task: Task) -> Row:
        """Write down what a look has found."""
        if task.status in {"SUCCEEDED", "FAILED", "CANCELED"}:
            other = await settle.confirm(self.account, row, task)
            if other is not None:
                return other
        submitted = task.submit_time or row.submitted_at
        started = task.scheduled_time or row.started_at
        ended = task.end_time or row.ended_at
        facts: dict[str, Any] = {
            "service_status": task.status,
            "submitted_at": submitted,
            "started_at": started,
            "ended_at": ended,
            "queue_s": _seconds(submitted, started),
            "run_s": _seconds(started, ended),
        }
        event = _SAID.get(task.status)
        if event is Event.MADE:
            facts |= _receipt(row, task, self.account.endpoint.region)
        elif event is Event.FAILED:
            facts |= {"error_code": task.code, "error_message": task.message}
        elif event is Event.FORGOTTEN:
            facts["error_message"] = "the service no longer knows the task."
        return await self.account.write(row.run_id, event, **facts)

    # --- other verbs

    async def cancel(self, run_id: str) -> Row:
        """Cancel at the service, then look: there is a race, whichever answer came.

        Raises
        ------
        Refused
            It runs, or has ended.
        """
        row: Row = await self.account.ask_log(self.account.log.get, run_id)
        if row.task_id is None:
            sending = (self.queue.drop(run_id), self.account.jobs.named.get(f"post-{run_id}"))
            for job in filter(None, sending):
                await asyncio.wait([job])
            await self.account.jobs.drain()
            row = await self.account.ask_log(self.account.log.get, run_id)
            if row.status is Status.CANCELED:
                return self.account.tell(row)
        if row.status in FINAL:
            raise Refused(f"it has ended already: {state(row.status).word}.", run_id=run_id)
        if row.status is Status.UNCERTAIN:
            raise Refused(
                "it is not known whether the service accepted it.", run_id=run_id, remedy="`%wan resume` looks again."
            )
        if row.task_id is None:
            raise Refused("it is still being sent.", run_id=run_id, remedy="Interrupt the cell that sends it.")
        refusal = Refused("the service did not cancel it.", remedy="A running task ends by itself and is billed.")
        try:
            async with self.account.limiter.query():
                await self.account.client.cancel(row.task_id)
        except Refused as error:
            refusal = error
        task = await self.account.read(lambda: self.account.client.get(str(row.task_id)))
        if task.status != "UNKNOWN":  # perhaps a replica that lags: it takes more than one look to believe that
            row = await self._news(row, task)
        if row.status is Status.CANCELED:
            return row
        refusal.run_id = run_id
        raise refusal

    async def resume(self) -> list[Row]:
        """Take up every open run of this account that nobody else is sending; returns them."""
        rows = await self.account.open_rows()
        for row in rows:
            self.follow(row.run_id)
        return rows

    async def adopt(self, task_id: str) -> Row:
        """Take in a task of the account and look after it; see `settle.adopt`."""
        row = await settle.adopt(self.account, task_id)
        self.follow(row.run_id)
        return row

    async def unknown_tasks(self) -> list[Listed]:
        """Tasks of the account's last 24 h that no run of the log knows."""
        return await settle.unknown_tasks(self.account)


_SAID: Final = {
    "PENDING": Event.ACCEPTED,
    "RUNNING": Event.STARTED,
    "SUCCEEDED": Event.MADE,
    "FAILED": Event.FAILED,
    "CANCELED": Event.CANCELED,
    "UNKNOWN": Event.FORGOTTEN,
}
"""What the service's words for a task mean."""


def _receipt(row: Row, task: Task, region: catalog.Region) -> dict[str, Any]:
    """What was billed: only success is, by ``usage.duration``."""
    seconds = task.usage.duration if task.usage else None
    if seconds is None:
        # The estimate stays; what came in place of a receipt is kept for `wan_nb.cost` to tell.
        odd = task.usage.odd if task.usage else ""
        known = {} if row.cost is not None else {"cost": catalog.dearest_clip(region.currency, row.model or "")}
        return {**known, "receipt": odd} if odd else known
    resolution = row.resolution or (f"{task.usage.SR}P" if task.usage and task.usage.SR else "")
    rate = catalog.price_per_second(row.model or "", resolution, region)
    return {"billed_s": seconds, "input_s": _input_seconds(row, task), "cost": round(seconds * rate, 4)}


def _input_seconds(row: Row, task: Task) -> float | None:
    """Billed seconds of given clips, for a model that bills any: what is not output."""
    if not catalog.model(row.model or "").billing.inputs or task.usage is None:
        return None
    billed, output = task.usage.duration, task.usage.output_video_duration
    if billed is None or output is None:
        return task.usage.input_video_duration
    return round(max(billed - output, 0.0), 4)


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds between two times of the service; None for more than tasks live, which a clock that jumped tells."""
    life = catalog.LIMITS.task_life
    apart = number((end - start).total_seconds(), -life, life) if start and end else None
    return None if apart is None else max(apart, 0.0)
