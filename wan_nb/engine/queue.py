"""Many runs at once: a plan is reserved whole, then flows to the service at the pace that its limits allow.

At most the running limit and a small buffer wait at the service. The rest waits here, where a changed mind still costs
nothing; the buffer keeps the service busy while a finished clip makes room for the next one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wan_nb.engine.quota import Quota
from wan_nb.engine.states import Status
from wan_nb.errors import NotAuthorized, Throttled, WanError

if TYPE_CHECKING:
    from wan_nb.engine.flow import Flow
    from wan_nb.engine.posting import Ask
    from wan_nb.engine.row import Row

__all__ = ["Queue"]

BUFFER = 2
"""Tasks that wait at the service beyond the running ones: enough to hide the time of a look and of a POST."""

BEAT = 120.0
"""Seconds between two signs of life; a process of another host counts as dead after 15 min without one."""

AT_SERVICE = frozenset({Status.INTENDED, Status.UNCERTAIN, Status.PENDING, Status.RUNNING})


class Queue:
    """Runs of a `Flow` that wait for their turn."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._jobs: dict[str, asyncio.Task[None]] = {}

    async def submit(self, asks: list[Ask]) -> list[Row]:
        """Reserve all, begin to send, and return when the first one is accepted (or all are there already).

        Raises
        ------
        BudgetExceeded
            The whole does not fit under the cap: nothing was reserved.
        WanError
            The very first submit was refused.
        """
        # A plan shows what it is going to buy and for how much, lost clips too.
        reserved = await self.flow.posting.reserve(asks, lapsed=True)
        accepted: list[asyncio.Future[Row]] = []
        for pair, ask in zip(reserved, asks, strict=True):
            row, new = pair
            if not new:
                await self.flow.posting.send(pair, ask)
            elif row.run_id not in self._jobs:
                future: asyncio.Future[Row] = asyncio.get_running_loop().create_future()
                future.add_done_callback(lambda done: done.cancelled() or done.exception())
                accepted.append(future)
                self._jobs[row.run_id] = self.flow.keep(f"queue-{row.run_id}", self._one(pair, ask, future))
        if accepted:
            self.flow.keep("beat", self._beat())
            done, _ = await asyncio.wait(accepted, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        return [row for row, _ in reserved]

    def drop(self, run_id: str) -> asyncio.Task[None] | None:
        """Take a run that was not sent yet out of the queue; the ending job, or None if it is past that."""
        job = self._jobs.get(run_id)
        if job is None or not job.cancel():
            return None
        return job

    async def _one(self, pair: tuple[Row, bool], ask: Ask, accepted: asyncio.Future[Row]) -> None:
        run_id = pair[0].run_id
        try:
            async with await self._slots(ask.request.model):
                row, _ = await self.flow.posting.send(pair, ask)
                self._jobs.pop(run_id, None)
                accepted.set_result(row)
                await self.flow.left(run_id)
        except asyncio.CancelledError as stop:
            row = await self.flow.ask_log(self.flow.log.get, run_id)
            if row.status is Status.INTENDED and row.posted_at is None:
                await self.flow.posting.take_back(run_id, stop)
                self.flow.posting.sent(row)
            accepted.cancel()
            raise
        except Exception as error:  # noqa: BLE001  # whoever submits waits for this answer, whatever it is
            if not accepted.done():
                accepted.set_exception(error)
            if isinstance(error, NotAuthorized | Throttled):
                self._stop(error)
        finally:
            self._jobs.pop(run_id, None)

    async def _beat(self) -> None:
        """Tell other kernels of the log that this one is alive while runs of it wait here."""
        while self._jobs:
            await self.flow.ask_log(self.flow.log.beat, self.flow.owner)
            await asyncio.sleep(BEAT)

    def _stop(self, reason: WanError) -> None:
        """The account cannot pay or may not: what is still here would get the same answer."""
        for job in tuple(self._jobs.values()):
            if job is not asyncio.current_task():
                job.cancel(reason.message)

    async def _slots(self, model: str) -> asyncio.Semaphore:
        """Places at the service, shared by all sessions of the account; it counts each model by itself."""
        key, shared = f"{self.flow.place.identity}|{model}|slots", self.flow.loop.shared
        if key not in shared:
            shared[key] = asyncio.ensure_future(self._counted(model))
        slots: asyncio.Semaphore = await asyncio.shield(shared[key])
        return slots

    async def _counted(self, model: str) -> asyncio.Semaphore:
        quota = await Quota.ask(self.flow.client, self.flow.limiter, model)
        self.flow.limiter.submit().allow(quota.submits_per_second)
        return asyncio.Semaphore(quota.running + BUFFER)
