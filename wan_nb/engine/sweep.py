"""The list call: statuses of a page of tasks in one request, for tasks that share an account.

The list gives statuses only, may be seconds behind, and its paging is loosely documented. So it is believed for "still
waiting" and "still running", for a while; that a task *ended* is always asked of the task itself.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Protocol

from wan_nb.api.catalog import LIMITS
from wan_nb.engine.pace import LOOK_PRICE, backoff
from wan_nb.engine.watched import PENDING, RUNNING, Moment, Watched
from wan_nb.errors import NotAuthorized, Refused, ServiceError, Throttled, Unavailable

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Collection
    from datetime import datetime

    from wan_nb.api.task import Listed, Task, TaskPage
    from wan_nb.engine.limiter import Limiter

__all__ = ["LOOK_TIMEOUT", "Service", "Sweeper", "may_pass", "pause"]

LOOK_TIMEOUT = 60.0
"""Seconds for one answer. The client has limits of its own for silence; this one also ends an answer that drips."""

_LIST_PAUSE = 3600.0  # after the list call was refused
_PAGE, _MAX_PAGES, _PAGES_AT_ONCE = 100, 500, 20
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


class Sweeper:
    """Decides when one look at the list is cheaper than many at tasks, and takes it for all of them.

    Parameters
    ----------
    watched : collection of Watched
        The watcher's own, not a copy.
    service, limiter, clock, rng
        As of `Watcher`.
    """

    def __init__(
        self,
        watched: Collection[Watched],
        service: Service,
        limiter: Limiter,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._watched, self._service, self._limiter = watched, service, limiter
        self._clock, self._rng = clock, rng
        self._under_way: dict[tuple[str, str], asyncio.Event] = {}
        self._pages: dict[tuple[str, str], tuple[float, int]] = {}
        self._crowds: dict[str, tuple[float, float, float]] = {}
        self._faults = 0
        self._off_until = 0.0

    async def sweep(self, task: Watched) -> None:
        """Ask the list for the task and its like, or wait for the answer to somebody else's question."""
        key = (task.model, task.group)
        if under_way := self._under_way.get(key):
            await under_way.wait()
            return
        self._under_way[key] = asyncio.Event()
        try:
            await self._sweep(*key)
        finally:
            self._under_way.pop(key).set()

    def _members(self, model: str, group: str) -> list[Watched]:
        return [w for w in self._watched if (w.model, w.group, w.gap) == (model, group, None) and not w.unlisted]

    def sharing(self, task: Watched) -> bool:
        """Whether a sweep of the list is cheaper than a GET for each."""
        now = asyncio.get_running_loop().time()
        if task.gap is not None or task.ask_itself(now, len(self._watched)) or now < self._off_until:
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

    def _crowd(self, model: str, now: Moment) -> tuple[float, float]:
        """Sums of √hazard and of hazard over the running tasks of a model."""
        made, roots, hazards = self._crowds.get(model, (-math.inf, 0.0, 0.0))
        if now[0] - made > 0.2:
            rates = [member.hazard(now) for member in self._members(model, RUNNING)]
            roots, hazards = sum(map(math.sqrt, rates)), sum(rates)
            self._crowds[model] = now[0], roots, hazards
        return roots, hazards

    def price(self, task: Watched, now: Moment) -> tuple[float, float]:
        """Price of the next look at this task, and the shortest gap before it."""
        lane = self._limiter.query()
        if not self.sharing(task):
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
            self._put_off(members, error)
            return
        self._faults = 0
        self._compare(model, rows, [member for member in members if member.group == group], began)

    def _put_off(self, members: list[Watched], error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        self._faults += 1
        if not may_pass(error):
            # Some gateways have no list call, and some keys may not use it. The tasks themselves will tell.
            self._off_until = now + _LIST_PAUSE
        elif self._faults > 2:
            self._off_until = now + backoff(self._faults, self._rng, first=10.0, longest=_LIST_PAUSE)
        else:
            for member in members:
                member.due = max(member.due, now + pause(self._faults, error, self._rng))

    async def _rows(self, model: str, status: str) -> dict[str, Listed]:
        first = await self._page(model, status, 1)
        # Counted, not believed: the largest page size is not documented, and a server may give less than was asked.
        pages = min(math.ceil((first.total or 1) / len(first.tasks)), _MAX_PAGES) if first.tasks else 1
        self._pages[model, status] = asyncio.get_running_loop().time(), pages
        # At once, for a task that ends while we turn pages moves all others, and some would seem to be missing; but
        # not so many that what they hold fills the memory.
        places = asyncio.Semaphore(_PAGES_AT_ONCE)

        rows = {row.task_id: row for row in first.tasks}

        async def turn(number: int) -> None:
            async with places:
                page = await self._page(model, status, number)
            rows.update((row.task_id, row) for row in page.tasks)
            if len(rows) > _PAGE * _MAX_PAGES:
                raise Unavailable("the account's list has no end.")

        rest = await asyncio.gather(*map(turn, range(2, pages + 1)), return_exceptions=True)
        for failed in filter(None, rest):
            raise failed
        return rows

    async def _page(self, model: str, status: str, number: int) -> TaskPage:
        async with self._limiter.query(), asyncio.timeout(LOOK_TIMEOUT):
            return await self._service.list(model=model, status=status, page_no=number, page_size=_PAGE)

    def _compare(self, model: str, rows: dict[str, Listed], members: list[Watched], began: float) -> None:
        now = asyncio.get_running_loop().time(), self._clock()
        self._crowds.pop(model, None)
        seen = [w for w in self._watched if w.model == model and w.task_id in rows]
        for task in seen:
            task.learn_listed(rows[task.task_id], now, began)
        for task in seen:
            if not task.direct:
                task.plan(now, *self.price(task, now))
        for task in members:
            if task.task_id not in rows:
                task.missing(now[0], began)


def may_pass(error: Exception) -> bool:
    """Whether a later look may fare better. A no without a code is a proxy's or a portal's, not the service's."""
    if isinstance(error, Refused) and not isinstance(error, Throttled):
        return not error.code and not isinstance(error, NotAuthorized)
    return isinstance(error, (Unavailable, Throttled, TimeoutError))


def pause(faults: int, error: Exception, rng: random.Random) -> float:
    """Seconds to wait after so many faults in a row, the last of which may ask for more."""
    asked = min(getattr(error, "retry_after", None) or 0.0, 600.0)
    return asked + backoff(faults, rng)
