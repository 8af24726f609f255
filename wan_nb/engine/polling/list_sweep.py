"""The list call: statuses of a page of tasks in one request, for tasks that share an account.

The list gives statuses only, may be seconds behind, and its paging is loosely documented. So it is believed for "still
waiting" and "still running", for a while; that a task *ended* is always asked of the task itself.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from typing import TYPE_CHECKING

from wan_nb.api.catalog import LIMITS
from wan_nb.engine.polling.pace import LOOK_PRICE
from wan_nb.engine.polling.watched_task import PENDING, WatchedTask
from wan_nb.engine.retry import backoff, may_pass
from wan_nb.errors import ServiceError, Unavailable

if TYPE_CHECKING:
    import random
    from collections.abc import Collection

    from wan_nb.api.client import Client
    from wan_nb.api.task import Listed, TaskPage
    from wan_nb.engine.polling.limiter import Limiter

__all__ = ["ListSweep"]

_LIST_PAUSE = 3600.0  # s after the list call was refused
_PAGE, _MAX_PAGES, _PAGES_AT_ONCE = 100, 500, 20


class ListSweep:
    """Looks at the list where that is cheaper than many looks at tasks, for all of them.

    Parameters
    ----------
    watched : collection of WatchedTask
        The watcher's own, not a copy.
    service : Client
    limiter, rng
        As of `Watcher`.
    """

    def __init__(self, watched: Collection[WatchedTask], service: Client, limiter: Limiter, rng: random.Random) -> None:
        self._watched, self._service, self._limiter, self._rng = watched, service, limiter, rng
        self._asking: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._pages: dict[tuple[str, str], int] = {}
        self._faults = 0
        self._off_until = 0.0

    def price(self, task: WatchedTask) -> tuple[float, float]:
        """Price of the next look at this task, and the shortest gap before it; see `WatchedTask.plan`."""
        members = self._members(task.model, task.group)
        if self._worth(task, members):
            return self._shared(task.model, task.group, members)
        return LOOK_PRICE * self._limiter.query().scarcity, 0.0

    async def look(self, task: WatchedTask) -> bool:
        """Ask the list for the task and its like; whether it, or a question asked meanwhile, has told."""
        if not task.listable(asyncio.get_running_loop().time(), len(self._watched)):
            return False
        model, group = task.model, task.group
        async with self._asking[model, group]:
            began = asyncio.get_running_loop().time()
            if task.news or task.due > began:
                return True
            members = self._members(model, group)
            if task.group != group or not self._worth(task, members):
                return False
            try:
                rows = await self._rows(model, group)
            except ServiceError as error:
                self._do_without(error)
                return False
            self._compare(model, group, rows, members, began)
            return True

    def _members(self, model: str, group: str) -> list[WatchedTask]:
        return [one for one in self._watched if one.model == model and one.group == group and one.shares]

    def _worth(self, task: WatchedTask, members: list[WatchedTask]) -> bool:
        """Whether the list names enough tasks for the pages that it has."""
        now = asyncio.get_running_loop().time()
        if now < self._off_until or not task.listable(now, len(self._watched)):
            return False
        return len(members) > 1.5 * self._pages_of(task.model, task.group, members)

    def _shared(self, model: str, group: str, members: list[WatchedTask]) -> tuple[float, float]:
        """As `price`, for all of a group."""
        if group == PENDING:
            return LOOK_PRICE, LIMITS.recommended_gap
        # Two thirds of the rate are left for the GETs of those that ended, for submits' sake and for other people.
        lane, pages = self._limiter.query(), self._pages_of(model, group, members)
        return LOOK_PRICE * lane.scarcity * min(pages / max(len(members), 1), 1.0), max(1.0, 3 * pages / lane.rate)

    def _pages_of(self, model: str, group: str, members: list[WatchedTask]) -> int:
        """Requests that a look at the list costs; other people's tasks are in it too."""
        return self._pages.get((model, group)) or math.ceil(len(members) / _PAGE) or 1

    def _compare(
        self, model: str, group: str, rows: dict[str, Listed], members: list[WatchedTask], began: float
    ) -> None:
        now, self._faults = asyncio.get_running_loop().time(), 0
        seen = [one for one in self._watched if one.model == model and one.task_id in rows]
        alive = [one for one in seen if one.learn_listed(rows[one.task_id], now, began)]
        for one in members:
            if one.group == group and one.task_id not in rows:
                one.learn_absence(now, began)
        price, shortest = self._shared(model, group, alive)
        for one in alive:
            one.plan(now, price, shortest)

    def _do_without(self, error: Exception) -> None:
        """Leave the list alone for a while: the tasks themselves tell. Some gateways and keys have no list call."""
        self._faults += 1
        seconds = backoff(self._faults, self._rng, first=10.0, longest=_LIST_PAUSE) if may_pass(error) else _LIST_PAUSE
        self._off_until = asyncio.get_running_loop().time() + seconds

    async def _rows(self, model: str, status: str) -> dict[str, Listed]:
        first = await self._page(model, status, 1)
        # Counted, not believed: the largest page size is not documented, and a server may give less than was asked.
        pages = min(math.ceil((first.total or 1) / len(first.tasks)), _MAX_PAGES) if first.tasks else 1
        self._pages[model, status] = pages
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
        async with self._limiter.query():
            return await self._service.list(model=model, status=status, page_no=number, page_size=_PAGE)
