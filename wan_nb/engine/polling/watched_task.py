"""What is known about one watched task, and when to look at it next. No waiting and no requests here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wan_nb.api.catalog import LIMITS
from wan_nb.api.task import Task
from wan_nb.engine.polling.pace import LOOK_PRICE, Pace, queue_gap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from random import Random

    from wan_nb.api.task import Listed

__all__ = ["PENDING", "RUNNING", "WatchedTask"]

PENDING, RUNNING = "PENDING", "RUNNING"

_FRESH = 5.0  # s; a task older than this when its watch begins is looked at at once
_FAMILIAR = 10  # runs; until so many have succeeded, an early look tells whether it was refused at once, or runs
_DOUBTS, _DOUBT_TIME = 4, 30.0  # looks and s until UNKNOWN is believed
_TRUST = 120.0  # s that the list alone is believed
_ABSENCES = 3  # lists in a row without a task until the list is no use for it


class WatchedTask:
    """One task under watch.

    Attributes
    ----------
    due : float
        When to look, by the loop's clock.
    group : {'PENDING', 'RUNNING'}
        The status under which the list should name it.
    faults : int
        Looks in a row that brought no answer.
    news : Task or None
        A change learnt from a list that somebody else asked for.
    changed : asyncio.Event
        Set when `due` came nearer or there is news.
    """

    def __init__(
        self,
        task_id: str,
        model: str,
        durations: Sequence[float],
        gap: float | None,
        *,
        now: float,
        age: float,
        rng: Random,
    ) -> None:
        self.task_id, self.model, self.gap = task_id, model, gap
        self.group, self.faults = RUNNING, 0
        self.news: Task | None = None
        self.changed = asyncio.Event()
        self._durations, self._pace = durations, Pace.of(durations)
        self._status = ""
        self._submitted = self._idle = now - age  # the latter: the last moment at which it surely did not run
        self._start: float | None = None
        self._asked_at = now
        self._patience = rng.uniform(1.0, 2.0)  # not all at once
        self._fault_since = self._doubt_since = 0.0
        self._doubts = self._absences = 0
        self._direct = False  # the list has said all that it can
        self.due = now
        if age <= _FRESH:
            self.plan(now)

    def listable(self, now: float, among: int) -> bool:
        """Whether the list would do. Of `among` tasks about one a second is asked itself although it would."""
        if self._direct or self._doubts or self.gap is not None or self._absences >= _ABSENCES:
            return False
        return now - self._asked_at < max(_TRUST, among) * self._patience

    @property
    def shares(self) -> bool:
        """Whether it counts among those that one look at the list tells of."""
        return self.gap is None and self._absences < _ABSENCES

    def fault(self, now: float) -> float:
        """Count a look without an answer; seconds since the first one in a row."""
        if not self.faults:
            self._fault_since = now
        self.faults += 1
        return now - self._fault_since

    def learn(self, answer: Task, now: float) -> bool:
        """Take in the answer to a GET; whether it is to be passed on."""
        self.faults, self._direct, self._asked_at = 0, False, now
        if answer.status == "UNKNOWN":
            return self._believed(now)
        self._doubts = 0
        return answer.ended or self._alive(answer.status, answer.submit_time, answer.scheduled_time, now)

    def learn_listed(self, row: Listed, now: float, began: float) -> bool:
        """Take in a row of the list that was asked for at `began`; whether it still waits or runs."""
        if self._asked_at > began or row.status == "UNKNOWN":
            return False
        self.faults = self._doubts = self._absences = 0
        if row.status in {"SUCCEEDED", "FAILED", "CANCELED"}:
            self._ask_itself(now)
            return False
        if self._alive(row.status, row.gmt_create, row.start_time, now):
            self.news = Task(self.task_id, row.status, submit_time=row.gmt_create, scheduled_time=row.start_time)
            self.changed.set()
        return True

    def learn_absence(self, now: float, began: float) -> None:
        """Take in that the list of its group, asked for at `began`, does not name it."""
        if self._asked_at <= began:
            self._absences += 1
            self._ask_itself(now)

    def _ask_itself(self, now: float) -> None:
        self._direct, self.due = True, now
        self.changed.set()

    def plan(self, now: float, price: float = LOOK_PRICE, shortest: float = 0.0) -> None:
        """Set `due`: the next look is worth `price` seconds of delay, and `shortest` seconds must lie between."""
        if self._doubts:
            gap = min(4.0 * 2 ** (self._doubts - 1), 15.0)
        elif self.gap is not None:
            gap = self.gap
        else:
            gap = max(self._gap(now, price), shortest)
        self.due = now + gap

    def _gap(self, now: float, price: float) -> float:
        if self._start is not None:
            elapsed = max(now - self._start, 0.0)
            return self._pace.next(elapsed, price) - elapsed
        queued, first = queue_gap(now - self._submitted), self._pace.next(0.0)
        if self._status == PENDING:
            return min(queued, first)
        return queued if self._pace.runs < _FAMILIAR else first

    def _believed(self, now: float) -> bool:
        """Whether an UNKNOWN is: right after a submit it may come from a replica that lags."""
        if not self._doubts:
            self._doubt_since = now
        self._doubts += 1
        old = now - self._submitted > LIMITS.task_life
        return old or (self._doubts >= _DOUBTS and now - self._doubt_since >= _DOUBT_TIME)

    def _alive(self, status: str, submitted: datetime | None, scheduled: datetime | None, now: float) -> bool:
        """Note that it waits or runs; whether that is new."""
        if status == PENDING:
            if self._start is not None:
                return False  # an answer from a replica that lags
            self._idle = now
        elif self._start is None:
            # Both times are of the service's clock, so only their difference is used.
            queued = (scheduled - submitted).total_seconds() if submitted and scheduled else None
            middle = (self._idle + now) / 2
            self._start = middle if queued is None else min(max(self._submitted + queued, self._idle), now)
            self._pace = Pace.of(self._durations)
        self.group = PENDING if status == PENDING else RUNNING
        new, self._status = status != self._status, status
        return new
