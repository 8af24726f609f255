"""The only polling: watch tasks until they end, with as few requests as a short delay allows.

Every watched task plans its own next look (`wan_nb.engine.pace`). When its time comes it asks for itself with a GET,
or, where tasks of one model share the account, for all of them with the list call, which names a page of tasks in one
request. Whoever is due first asks; the others find their plan moved. There is no background task: nothing to start, to
stop or to leak.

The list gives statuses only, may be seconds behind, and its paging is loosely documented. So it is believed for "still
waiting" and "still running", for a while; that a task *ended* is always asked of the task itself.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from typing import TYPE_CHECKING, Protocol

from wan_nb.api.catalog import LIMITS
from wan_nb.engine.pace import LOOK_PRICE, backoff
from wan_nb.engine.watched import PENDING, RUNNING, Watched
from wan_nb.errors import NotAuthorized, Refused, ServiceError, Throttled, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime

    from wan_nb.api.task import Listed, Task, TaskPage
    from wan_nb.engine.limiter import Limiter

__all__ = ["Service", "Watcher"]

_LOOK_TIMEOUT = 60.0
"""Seconds for one answer. The client has limits of its own for silence; this one also ends an answer that drips."""

_SLICE = 5.0
_WOKEN = 10.0  # seconds that the wall clock must have run ahead of the loop's clock: the machine slept
_GIVE_UP = 24 * 3600.0  # of nothing but faults; the task is gone by then
_LIST_PAUSE = 3600.0  # after the list call was refused
_PAGE, _MAX_PAGES = 100, 500
_FORGET_PAGES = 600.0
_SHARED_PRICE = LOOK_PRICE / 3  # what the list told is news only after one GET more; looking sooner buys that back


class Service(Protocol):
    """What watching needs of the client."""

    async def get(self, task_id: str) -> Task:
        """One task."""

    async def list(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        model: str | None = None,
        status: str | None = None,
        page_no: int = 1,
        page_size: int = 100,
    ) -> TaskPage:
        """Statuses of the account's tasks, a page at a time."""


class Watcher:
    """Watches the tasks of one account in this process. Use it on one event loop.

    Parameters
    ----------
    service : Service
    limiter : Limiter
        Shared with everything else that talks to the account.
    clock : callable, optional
        Wall clock, seconds since the epoch. Compared with the loop's clock, it tells that the machine slept.
    rng : random.Random, optional
        For the jitter of back-offs.
    """

    def __init__(
        self,
        service: Service,
        *,
        limiter: Limiter,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self._service = service
        self._limiter = limiter
        self._clock = clock
        self._rng = rng or random.Random()
        self._watched: dict[Watched, None] = {}  # in order of arrival, so that runs can be repeated exactly
        self._sweeps: dict[tuple[str, str], asyncio.Event] = {}
        self._pages: dict[tuple[str, str], tuple[float, int]] = {}
        self._crowds: dict[str, tuple[float, float, float]] = {}
        self._list_faults = 0
        self._list_off_until = 0.0

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
        mono, wall = asyncio.get_running_loop().time(), self._clock()
        age = max(wall - submitted_at.timestamp(), 0.0)
        task = Watched(task_id, model, seen_durations, gap, now=(mono, wall), age=age, rng=self._rng)
        self._watched[task] = None
        shown = ""
        try:
            while True:
                await self._until_due(task)
                answer = task.take_news() or await self._look(task)
                if answer and answer.status != shown:
                    shown = answer.status
                    yield answer
                    if answer.ended:
                        return
        finally:
            self._watched.pop(task)

    async def _until_due(self, task: Watched) -> None:
        """Sleep in slices, so that a machine that slept is noticed soon after it woke."""
        loop = asyncio.get_running_loop()
        while not task.news and (left := task.due - loop.time()) > 0:
            mono, wall = loop.time(), self._clock()
            task.nudge.clear()
            try:
                async with asyncio.timeout(min(left, _SLICE)):
                    await task.nudge.wait()
            except TimeoutError:
                if (self._clock() - wall) - (loop.time() - mono) > _WOKEN:
                    task.due = loop.time()

    async def _look(self, task: Watched) -> Task | None:
        if not self._sharing(task):
            return await self._get(task)
        key = (task.model, task.group)
        if under_way := self._sweeps.get(key):
            await under_way.wait()
        else:
            self._sweeps[key] = asyncio.Event()
            try:
                await self._sweep(*key)
            finally:
                self._sweeps.pop(key).set()
        return task.take_news()

    async def _get(self, task: Watched) -> Task | None:
        loop = asyncio.get_running_loop()
        try:
            async with self._limiter.query(), asyncio.timeout(_LOOK_TIMEOUT):
                answer = await self._service.get(task.task_id)
        except (ServiceError, TimeoutError) as error:
            if not _may_pass(error):
                raise
            self._put_off(task, error)
            return None
        now = loop.time(), self._clock()
        news = task.learn(answer, now)
        task.plan(now, *self._price(task, now))
        return answer if news else None

    def _put_off(self, task: Watched, error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        if task.fault(now) > _GIVE_UP:
            raise error if not isinstance(error, TimeoutError) else Unavailable("the service did not answer for a day.")
        task.due = now + self._pause(task.faults, error)

    def _pause(self, faults: int, error: Exception) -> float:
        asked = min(getattr(error, "retry_after", None) or 0.0, 600.0)
        return asked + backoff(faults, self._rng)

    def _members(self, model: str, group: str) -> list[Watched]:
        return [w for w in self._watched if w.model == model and w.group == group and w.gap is None]

    def _sharing(self, task: Watched) -> bool:
        """Whether a sweep of the list is cheaper than a GET for each."""
        now = asyncio.get_running_loop().time()
        if task.gap is not None or task.ask_itself(now, len(self._watched)) or now < self._list_off_until:
            return False
        key = (task.model, task.group)
        if task.group == PENDING:
            crowd: float = len(self._members(*key))
        else:
            roots, hazards = self._crowd(task.model, (now, self._clock()))
            # Looks at independent moments cost Σ√h, shared ones √(pages·Σh): as if so many equal tasks shared them.
            crowd = roots * roots / hazards if hazards else 0.0
        return crowd > 1.5 * self._pages_of(key)

    def _pages_of(self, key: tuple[str, str]) -> int:
        """Requests that a sweep costs; other people's tasks are in the list too."""
        counted, pages = self._pages.get(key, (-math.inf, 1))
        if asyncio.get_running_loop().time() - counted > _FORGET_PAGES:
            pages = math.ceil(len(self._members(*key)) / _PAGE) or 1
        return pages

    def _crowd(self, model: str, now: tuple[float, float]) -> tuple[float, float]:
        """Sums of √hazard and of hazard over the running tasks of a model."""
        made, roots, hazards = self._crowds.get(model, (-math.inf, 0.0, 0.0))
        if now[0] - made > 0.2:
            rates = [member.hazard(now) for member in self._members(model, RUNNING)]
            roots, hazards = sum(map(math.sqrt, rates)), sum(rates)
            self._crowds[model] = now[0], roots, hazards
        return roots, hazards

    def _price(self, task: Watched, now: tuple[float, float]) -> tuple[float, float]:
        """Price of the next look at this task, and the shortest gap before it."""
        lane = self._limiter.query()
        if not self._sharing(task):
            return LOOK_PRICE * lane.scarcity, 0.0
        if task.group == PENDING:
            return LOOK_PRICE, LIMITS.recommended_gap
        pages = self._pages_of((task.model, task.group))
        _, hazards = self._crowd(task.model, now)
        # With this share in the price, every member wants the gap √(2r·pages/Σh) that is best for all together.
        share = min(pages * task.hazard(now) / hazards, 1.0)
        # Half of the rate is left for the GETs of those that ended, for submits' sake and for other people.
        return _SHARED_PRICE * lane.scarcity * share, max(1.0, 2 * pages / lane.rate)

    async def _sweep(self, model: str, group: str) -> None:
        """Read all pages of one status and plan everybody anew who was seen there."""
        began = asyncio.get_running_loop().time()
        members = self._members(model, group)
        try:
            rows = await self._rows(model, group)
        except (ServiceError, TimeoutError) as error:
            self._put_off_list(members, error)
            return
        self._list_faults = 0
        self._compare(model, rows, [member for member in members if member.group == group], began)

    def _put_off_list(self, members: list[Watched], error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        self._list_faults += 1
        if not _may_pass(error):
            # Some gateways have no list call, and some keys may not use it. The tasks themselves will tell.
            self._list_off_until = now + _LIST_PAUSE
        elif self._list_faults > 2:
            self._list_off_until = now + backoff(self._list_faults, self._rng, first=10.0, longest=_LIST_PAUSE)
        else:
            for member in members:
                member.due = max(member.due, now + self._pause(self._list_faults, error))

    async def _rows(self, model: str, status: str) -> dict[str, Listed]:
        first = await self._page(model, status, 1)
        # Counted, not believed: the largest page size is not documented, and a server may give less than was asked.
        pages = min(math.ceil(first.total / len(first.tasks)), _MAX_PAGES) if first.tasks else 1
        self._pages[model, status] = asyncio.get_running_loop().time(), pages
        # At once, for a task that ends while we turn pages moves all others, and some would seem to be missing.
        rest = await asyncio.gather(
            *(self._page(model, status, number) for number in range(2, pages + 1)), return_exceptions=True
        )
        rows = {row.task_id: row for row in first.tasks}
        for page in rest:
            if isinstance(page, BaseException):
                raise page
            rows.update((row.task_id, row) for row in page.tasks)
        return rows

    async def _page(self, model: str, status: str, number: int) -> TaskPage:
        async with self._limiter.query(), asyncio.timeout(_LOOK_TIMEOUT):
            return await self._service.list(model=model, status=status, page_no=number, page_size=_PAGE)

    def _compare(self, model: str, rows: dict[str, Listed], members: list[Watched], began: float) -> None:
        now = asyncio.get_running_loop().time(), self._clock()
        self._crowds.pop(model, None)
        seen = [w for w in self._watched if w.model == model and w.task_id in rows]
        for task in seen:
            task.learn_listed(rows[task.task_id], now, began)
        for task in seen:
            if not task.direct:
                task.plan(now, *self._price(task, now))
        for task in members:
            if task.task_id not in rows:
                task.missing(now[0], began)


def _may_pass(error: Exception) -> bool:
    """Whether a later look may fare better. A no without a code is a proxy's or a portal's, not the service's."""
    if isinstance(error, Refused) and not isinstance(error, Throttled):
        return not error.code and not isinstance(error, NotAuthorized)
    return isinstance(error, (Unavailable, Throttled, TimeoutError))
