"""What is known about one watched task, and when to look at it next. No waiting and no requests here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wan_nb.api.catalog import LIMITS
from wan_nb.api.task import Task
from wan_nb.engine.pace import Pace, queue_gap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from random import Random

    from wan_nb.api.task import Listed

__all__ = ["PENDING", "RUNNING", "Watched"]

PENDING, RUNNING = "PENDING", "RUNNING"

Moment = tuple[float, float]
"""The loop's clock and the wall clock, in seconds. Only the first never jumps, only the second counts while asleep."""

_FRESH = 5.0  # a task older than this when its watch begins is looked at at once
# Until so many runs of a kind have succeeded, an early look tells whether it was refused at once, or runs.
_FAMILIAR = 10
_DOUBTS, _DOUBT_TIME = 4, 30.0
_TRUST = 120.0


class Watched:
    """One task under watch.

    Attributes
    ----------
    due : float
        When to look, by the loop's clock.
    group : {'PENDING', 'RUNNING'}
        The status under which the list should name it.
    direct : bool
        The list has nothing more to say: ask the task itself.
    faults : int
        Looks in a row that brought no answer.
    news : Task or None
        A change learnt from a sweep that somebody else made.
    nudge : asyncio.Event
        Set when `due` came nearer or there is news.
    """

    def __init__(
        self,
        task_id: str,
        model: str,
        durations: Sequence[float],
        gap: float | None,
        *,
        now: Moment,
        age: float,
        rng: Random,
    ) -> None:
        self.task_id, self.model, self.gap = task_id, model, gap
        self.group, self.direct, self.faults = PENDING, False, 0
        self.absences = 0
        self.news: Task | None = None
        self.nudge = asyncio.Event()
        self._durations = durations
        self._pace = Pace.of(durations)
        self._status = ""
        self._submitted = now[0] - age, now[1] - age
        self._idle = self._submitted  # the last moment at which it surely did not run
        self._start: Moment | None = None
        self._listed = False  # the list has named it in its group, so that its absence says something
        self._begun = self._asked_at = now[0]
        self._patience = rng.uniform(1.0, 2.0)  # not all at once
        self._fault_since = self._doubt_since = 0.0
        self._doubts = 0
        self.due = now[0]
        if age <= _FRESH:
            self.plan(now)

    def take_news(self) -> Task | None:
        """The news, once."""
        news, self.news = self.news, None
        return news

    def ask_itself(self, now: float, among: int) -> bool:
        """Whether the list would not do: it is believed for a while only, each time for twice as long.

        Of `among` tasks, at most about one a second is asked for this reason alone.
        """
        trust = max(max(_TRUST, among) * self._patience, self._asked_at - self._begun)
        return self.direct or self._doubts > 0 or self.unlisted or now - self._asked_at > trust

    @property
    def unlisted(self) -> bool:
        """Whether lists left it out again and again while it ran: some gateways list nothing, or by other names."""
        return self.absences > 2

    def hazard(self, now: Moment) -> float:
        """Ends per second that are to be expected of it now."""
        return self._pace.hazard(min(self._elapsed(now)))

    def fault(self, now: float) -> float:
        """Count a look without an answer; seconds since the first one in a row."""
        if not self.faults:
            self._fault_since = now
        self.faults += 1
        return now - self._fault_since

    def learn(self, answer: Task, now: Moment) -> bool:
        """Take in the answer to a GET; whether it is to be passed on."""
        self.faults, self.direct, self._listed = 0, False, False
        self._asked_at = now[0]
        if answer.status == "UNKNOWN":
            return self._doubt(now)
        self._doubts = 0
        return answer.ended or self._alive(answer.status, answer.submit_time, answer.scheduled_time, now)

    def learn_listed(self, row: Listed, now: Moment, began: float) -> None:
        """Take in a row of the list that was asked for at `began`."""
        if self._asked_at > began or row.status == "UNKNOWN":
            return
        self.faults = self._doubts = self.absences = 0
        if row.status in {"SUCCEEDED", "FAILED", "CANCELED"}:
            self.direct = True
            self._now(now[0])
        elif self._alive(row.status, row.gmt_create, row.start_time, now):
            self.news = Task(self.task_id, row.status, submit_time=row.gmt_create, scheduled_time=row.start_time)
            self.nudge.set()
        self._listed = row.status != PENDING

    def missing(self, now: float, began: float) -> None:
        """Take in that the list of its group, asked for at `began`, does not name it."""
        if self._asked_at > began:
            return
        if self.group == PENDING:
            self.group, self._listed = RUNNING, True
            self._now(now)
        elif self._listed or self.due <= now:
            self.direct = True
            self.absences += 1
            self._now(now)

    def plan(self, now: Moment, price: float | None = None, shortest: float = 0.0) -> None:
        """Set `due`.

        Parameters
        ----------
        now : Moment
        price : float, optional
            Seconds of delay that the next look is worth; see `Pace.next`.
        shortest : float
            Seconds that must lie between.
        """
        if self._doubts:
            gap = min(4.0 * 2 ** (self._doubts - 1), 15.0)
        elif self.gap is not None:
            gap = self.gap
        else:
            gap = max(self._gap(now, price), shortest)
        self.due = now[0] + gap

    def _gap(self, now: Moment, price: float | None) -> float:
        if self._start or self.group == RUNNING:
            return min(self._pace.next(elapsed, price) - elapsed for elapsed in self._elapsed(now))
        queued = queue_gap(now[0] - self._submitted[0])
        if self._pace.runs < _FAMILIAR and self._status != PENDING:
            return queued
        return min(queued, self._pace.next(0.0)) if self._status == PENDING else self._pace.next(0.0)

    def _elapsed(self, now: Moment) -> tuple[float, float]:
        """Seconds since the start by both clocks; where they disagree, whichever looks sooner is followed."""
        mono, wall = self._start or self._idle
        return max(now[0] - mono, 0.0), max(now[1] - wall, 0.0)

    def _now(self, now: float) -> None:
        self.due = now
        self.nudge.set()

    def _doubt(self, now: Moment) -> bool:
        """Whether an UNKNOWN is to be believed: right after a submit it may come from a replica that lags."""
        if not self._doubts:
            self._doubt_since = now[0]
        self._doubts += 1
        old = now[1] - self._submitted[1] > LIMITS.task_life
        return old or (self._doubts >= _DOUBTS and now[0] - self._doubt_since >= _DOUBT_TIME)

    def _alive(self, status: str, submitted: datetime | None, scheduled: datetime | None, now: Moment) -> bool:
        """Note that it waits or runs; whether that is new."""
        if status == PENDING:
            if self._start:
                return False  # an answer from a replica that lags
            self.group, self._idle = PENDING, now
        else:
            self.group = RUNNING
            if not self._start:
                self._start = self._began(submitted, scheduled, now)
                self._pace = Pace.of(self._durations)
        new, self._status = status != self._status, status
        return new

    def _began(self, submitted: datetime | None, scheduled: datetime | None, now: Moment) -> Moment:
        """When the run started. Both times are of the service's clock, so only their difference is used."""
        if submitted and scheduled:
            queued = (scheduled - submitted).total_seconds()
            start = min(max(self._submitted[0] + queued, self._idle[0]), now[0])
        else:
            start = (self._idle[0] + now[0]) / 2
        return start, now[1] - (now[0] - start)
