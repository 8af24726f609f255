"""The only polling: watch tasks until they end, with as few requests as a short delay allows.

Every watched task plans its own next look (`wan_nb.engine.polling.pace`). When its time comes it asks for itself with a
GET, or, where tasks of one model share the account, for all of them with the list call, which names a page of tasks in
one request. Whoever is due first asks; the others find their plan moved. There is no background task: nothing to start,
to stop or to leak.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from wan_nb.engine.polling.list_sweep import ListSweep
from wan_nb.engine.polling.watched_task import WatchedTask
from wan_nb.engine.retry import may_pass, pause
from wan_nb.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime

    from wan_nb.api.client import Client
    from wan_nb.api.task import Task
    from wan_nb.engine.polling.limiter import Limiter

__all__ = ["Watcher"]

_SLICE = 5.0
_WOKEN = 10.0  # seconds that the wall clock must have run ahead of the loop's clock: the machine slept
_GIVE_UP = 24 * 3600.0  # of nothing but faults; the task is gone by then


class Watcher:
    """Watches the tasks of one account in this process. Use it on one event loop.

    Parameters
    ----------
    service : Client
    limiter : Limiter
        Shared with everything else that talks to the account.
    clock : callable, optional
        Wall clock, seconds since the epoch. Compared with the loop's clock, it tells that the machine slept.
    rng : random.Random, optional
        For the jitter of back-offs.
    """

    def __init__(
        self,
        service: Client,
        *,
        limiter: Limiter,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self._service = service
        self._limiter = limiter
        self._clock = clock
        self._rng = rng or random.Random()
        self._watched: dict[WatchedTask, None] = {}  # in order of arrival, so that runs can be repeated exactly
        self._list = ListSweep(self._watched, service, limiter, self._rng)

    async def watch(
        self,
        task_id: str,
        *,
        model: str,
        submitted_at: datetime,
        seen_durations: Sequence[float],
        gap: float | None = None,
    ) -> AsyncIterator[Task]:
        """Yield the task at each change of its state; the last one is terminal.

        Parameters
        ----------
        task_id : str
        model : str
            Exact name, as submitted.
        submitted_at : datetime
            Aware, by this machine's clock.
        seen_durations : sequence of float
            Seconds that runs of the same model, resolution and length took, **oldest first**. It is read again when
            the task starts to run, so a list that grows meanwhile helps.
        gap : float, optional
            Fixed seconds between looks, instead of learning when to look. 0 looks as often as the limits allow.

        Yields
        ------
        Task
            A state that was learnt from the list has the times of the list and nothing else. A word that the service
            adds one day is passed on as it is and taken for "still running". UNKNOWN comes only when it is
            believed: seen for half a minute, or on a task older than 24 h.

        Raises
        ------
        NotAuthorized, Refused
            The service will not tell, and would not on the next look.
        Unavailable, Throttled
            Nothing but faults for 24 h. Shorter trouble of any kind is waited through.
        """
        now = asyncio.get_running_loop().time()
        age = max(self._clock() - submitted_at.timestamp(), 0.0)
        task = WatchedTask(task_id, model, seen_durations, gap, now=now, age=age, rng=self._rng)
        self._watched[task] = None
        shown = ""
        try:
            while True:
                await self._until_due(task)
                answer = await self._look(task)
                if answer and answer.status != shown:
                    shown = answer.status
                    yield answer
                    if answer.ended:
                        return
        finally:
            self._watched.pop(task)

    async def _until_due(self, task: WatchedTask) -> None:
        """Sleep in slices, so that a machine that slept is noticed soon after it woke."""
        loop = asyncio.get_running_loop()
        while not task.news and (left := task.due - loop.time()) > 0:
            mono, wall = loop.time(), self._clock()
            task.changed.clear()
            try:
                async with asyncio.timeout(min(left, _SLICE)):
                    await task.changed.wait()
            except TimeoutError:
                if (self._clock() - wall) - (loop.time() - mono) > _WOKEN:
                    task.due = loop.time()

    async def _look(self, task: WatchedTask) -> Task | None:
        """What is new of it, asked of the list where that tells of many."""
        if not task.news and not await self._list.look(task):
            return await self._get(task)
        news, task.news = task.news, None
        return news

    async def _get(self, task: WatchedTask) -> Task | None:
        loop = asyncio.get_running_loop()
        try:
            async with self._limiter.query():
                answer = await self._service.get(task.task_id)
        except ServiceError as error:
            if not may_pass(error):
                raise
            if task.fault(loop.time()) > _GIVE_UP:
                raise
            task.due = loop.time() + pause(task.faults, error, self._rng)
            return None
        news = task.learn(answer, loop.time())
        task.plan(loop.time(), *self._list.price(task))
        return answer if news else None
