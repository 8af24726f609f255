"""Many runs at once: a plan is reserved whole, then flows to the service at the pace that its limits allow.

At most the running limit and a small buffer wait at the service. The rest waits here, where a changed mind still costs
nothing; the buffer keeps the service busy while a finished clip makes room for the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from wan_nb.api import catalog
from wan_nb.engine.posting import settle
from wan_nb.errors import NotAuthorized, Throttled, WanError
from wan_nb.log.states import Status
from wan_nb.sanitize import number

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from wan_nb.api.client import Client
    from wan_nb.engine.account import Account
    from wan_nb.engine.ask import Ask
    from wan_nb.engine.polling.limiter import Limiter
    from wan_nb.engine.posting.submit import Submitter
    from wan_nb.log.row import Row

__all__ = ["Queue", "Quota"]

BUFFER = 2
"""Tasks that wait at the service beyond the running ones: enough to hide the time of a look and of a POST."""

BEAT = 120.0
"""Seconds between two signs of life; a process of another host counts as dead after 15 min without one."""

QUOTA_SECONDS = 5.0
"""How long a study waits for the limits of its account before it begins without."""


@dataclass(frozen=True, slots=True)
class Quota:
    """Limits of one account and exact model name.

    Workspace hosts tell them; for others those of the catalog's row hold, and 429s correct them.

    Attributes
    ----------
    submits_per_second : float
    running : int
    """

    submits_per_second: float
    running: int

    @classmethod
    async def ask(cls, client: Client, limiter: Limiter, model: str) -> Self:
        """Limits of a model; the documented ones where the host does not tell."""
        try:
            async with asyncio.timeout(QUOTA_SECONDS), limiter.query():
                return cls.read(await client.quotas(model), model)
        except (WanError, TimeoutError):
            return cls.read({}, model)

    @classmethod
    def read(cls, body: Mapping[str, Any], model: str) -> Self:
        """Take the limits from an answer: of model and workspace the smaller one counts, of nonsense nothing.

        Examples
        --------
        >>> limit = {"request_limit": 120, "request_limit_period": 60, "async_user_concurrency_limit": 3}
        >>> Quota.read({"output": {"quotas": [{"model": "wan2.7-i2v", "model_limit": limit}]}}, "wan2.7-i2v")
        Quota(submits_per_second=2.0, running=3)
        """
        quotas = _dict(body.get("output")).get("quotas")
        rates, running = [], []
        for quota in quotas if isinstance(quotas, list) else []:
            if _dict(quota).get("model") != model:
                continue
            for limit in (_dict(quota.get("model_limit")), _dict(quota.get("workspace_limit"))):
                count, period = _positive(limit.get("request_limit")), _positive(limit.get("request_limit_period", 1))
                if count and period:
                    rates.append(count / period)
                if at_once := _positive(limit.get("async_user_concurrency_limit")):
                    running.append(max(int(at_once), 1))
        row = catalog.model(model)
        return cls(min(rates, default=row.submits_per_second), min(running, default=row.running))


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _positive(value: Any) -> float:
    return number(value, 0, 1e9) or 0.0


class _Allowance:
    """What a call may still spend; `None` for no limit."""

    def __init__(self, left: float | None) -> None:
        self.left, self.lock = left, asyncio.Lock()

    def pay(self, reserved: list[tuple[Row, bool]]) -> None:
        if self.left is not None:
            self.left -= sum(row.cost or 0.0 for row, new in reserved if new)


class Queue:
    """Runs of one session that wait for their turn.

    Parameters
    ----------
    account : Account
    submitter : Submitter
    follow : callable
        Begins to look after an accepted run.
    """

    def __init__(self, account: Account, submitter: Submitter, follow: Callable[[str], object]) -> None:
        self.account, self._submitter, self._follow = account, submitter, follow
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._refused: dict[str, WanError] = {}
        self._begun: set[str] = set()  # runs that the submitter takes back itself when it is stopped

    async def submit(self, asks: list[Ask], *, most: float | None = None) -> list[Row]:
        """Reserve all, begin to send, and return when the first one is accepted (or some are there already).

        A cell that somebody else has reserved and not sent yet is bought here when that one takes it back or dies.

        Parameters
        ----------
        asks : list of Ask
        most : float, optional
            Most that all this may cost, in the currency of the service.

        Raises
        ------
        BudgetExceeded
            The whole does not fit under the cap or `most`: nothing was reserved.
        WanError
            The very first submit was refused.
        """
        with self.account.jobs.call():
            allowance = _Allowance(most)
            # A plan shows what it is going to buy and for how much, lost clips too.
            reserved = await self._submitter.reserve(asks, lapsed=True, most=most)
            allowance.pay(reserved)
            ours: list[asyncio.Future[Row]] = []
            theirs: list[asyncio.Future[Row]] = []
            # Nothing is awaited here: what is reserved has its job, whenever this call is stopped.
            for pair, ask in zip(reserved, asks, strict=True):
                if (row := pair[0]).status is not Status.INTENDED or row.posted_at or self.has(row):
                    continue
                future: asyncio.Future[Row] = asyncio.get_running_loop().create_future()
                future.add_done_callback(lambda done: done.cancelled() or done.exception())
                (ours if pair[1] else theirs).append(future)
                if pair[1]:
                    self._send(pair, ask, future)
                else:
                    self._begin(row, future, self._instead(row, ask, future, allowance))
            for pair, ask in zip(reserved, asks, strict=True):
                if not pair[1] and not self.has(pair[0]):
                    await self._submitter.send(pair, ask)
            await _first(ours if ours or len(theirs) < len(reserved) else theirs)
            return [row for row, _ in reserved]

    def has(self, row: Row) -> bool:
        """Whether a run waits here for its turn."""
        return row.run_id in self._jobs

    async def wait(self, run_id: str) -> None:
        """Return when a run, or what is bought in its place, has left the queue.

        Raises
        ------
        WanError
            Somebody else has taken it back, and it could not be bought here.
        """
        if job := self._jobs.get(run_id):
            await asyncio.wait([job])
        if error := self._refused.pop(run_id, None):
            raise error

    def drop(self, run_id: str) -> asyncio.Task[None] | None:
        """Take a run that was not sent yet out of the queue; the ending job, or None if it is past that."""
        job = self._jobs.get(run_id)
        if job is None or not job.cancel("you canceled it"):
            return None
        return job

    def _begin(self, row: Row, accepted: asyncio.Future[Row], work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Keep a job under the run that it sends."""

        def ended(job: asyncio.Task[None]) -> None:
            if self._jobs.get(row.run_id) is job:
                del self._jobs[row.run_id]
            if job.cancelled():
                accepted.cancel()

        job = self._jobs[row.run_id] = self.account.jobs.start(f"queue-{row.run_id}", work)
        job.add_done_callback(ended)
        if "beat" not in self.account.jobs.named:
            self.account.jobs.start("beat", self._beat())
        return job

    def _send(self, pair: tuple[Row, bool], ask: Ask, accepted: asyncio.Future[Row]) -> None:
        """Begin to send a run that was reserved here."""
        job = self._begin(pair[0], accepted, self._one(pair, ask, accepted))
        job.add_done_callback(partial(self._stopped, pair[0]))

    def _stopped(self, row: Row, job: asyncio.Task[None]) -> None:
        """Take back what a job was to send that was stopped, perhaps before its first step."""
        begun = row.run_id in self._begun
        self._begun.discard(row.run_id)
        try:
            job.exception()
        except asyncio.CancelledError as stop:
            if not begun:
                self.account.jobs.start_shielded(self._submitter.unsend(row, stop))

    async def _instead(self, row: Row, ask: Ask, accepted: asyncio.Future[Row], allowance: _Allowance) -> None:
        """Wait until somebody else has sent a run; buy it here where that one takes it back or dies."""
        first = row.run_id
        try:
            while (row := await settle.after_intent(self.account, row.run_id)).never_sent:
                async with allowance.lock:
                    reserved = await self._submitter.reserve([ask], lapsed=True, most=allowance.left)
                    allowance.pay(reserved)
                row, new = reserved[0]
                if new:
                    self._send(reserved[0], ask, accepted)
                    return
            self._follow(row.run_id)
            accepted.set_result(row)
        except WanError as error:
            self._refused[first] = error
            accepted.set_exception(error)

    async def _one(self, pair: tuple[Row, bool], ask: Ask, accepted: asyncio.Future[Row]) -> None:
        run_id = pair[0].run_id
        try:
            async with await self._slots(ask.request.model):
                self._begun.add(run_id)
                row, _ = await self._submitter.send(pair, ask)
                self._jobs.pop(run_id, None)
                accepted.set_result(row)
                await self.account.left_service(run_id)
        except Exception as error:  # noqa: BLE001  # whoever submits waits for this answer, whatever it is
            if not accepted.done():
                accepted.set_exception(error)
            if isinstance(error, NotAuthorized | Throttled):
                self._stop(error)

    async def _beat(self) -> None:
        """Tell other kernels of the log that this one is alive while runs of it wait here."""
        while self._jobs:
            await self.account.ask_log(self.account.log.beat, self.account.owner)
            await asyncio.sleep(BEAT)

    def _stop(self, reason: WanError) -> None:
        """The account cannot pay or may not: what is still here would get the same answer."""
        for job in tuple(self._jobs.values()):
            if job is not asyncio.current_task():
                job.cancel(reason.message)

    async def _slots(self, model: str) -> asyncio.Semaphore:
        """Places at the service, shared by all sessions of the account; it counts each model by itself."""
        key, slots = (self.account.endpoint.identity, model), self.account.shared.slots
        if key not in slots:
            slots[key] = asyncio.ensure_future(self._counted(model))
        return await asyncio.shield(slots[key])

    async def _counted(self, model: str) -> asyncio.Semaphore:
        quota = await Quota.ask(self.account.client, self.account.limiter, model)
        self.account.limiter.submit(model).allow(quota.submits_per_second)
        return asyncio.Semaphore(quota.running + BUFFER)


async def _first(accepted: list[asyncio.Future[Row]]) -> None:
    """Return when one of them is accepted; one that a person has canceled is no answer for the others."""
    waiting = set(accepted)
    while waiting:
        _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for future in accepted:  # in the order of the plan
            if future.done() and not future.cancelled():
                future.result()
                return
