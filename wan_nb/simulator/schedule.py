"""Queue and running slots of the tasks, as functions of the clock.

Nothing here waits: `Schedule.advance` moves every task to where it should be by now, in the order of the events, and so
a slot freed at 12:00:00.000 is taken at 12:00:00.000 however rarely the schedule is advanced.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from wan_nb.simulator.account.limits import Refusal
from wan_nb.simulator.account.materials import without_queries
from wan_nb.simulator.drawing.threads import DrawingPool, DrawingResult

if TYPE_CHECKING:
    from concurrent.futures import Future

    from wan_nb.simulator.account.state import State
    from wan_nb.simulator.account.store import Task

__all__ = ["Schedule"]


class Schedule:
    """Queue, slots and drawing.

    Parameters
    ----------
    state : State
        Tasks found running in it are drawn anew: they survived a restart.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._pool = DrawingPool()
        self._clear()
        for task in state.tasks.values():
            if task.status == "PENDING":
                self.enqueue(task)
            elif task.status == "RUNNING":
                self._run(task)

    def _clear(self) -> None:
        self._waiting: dict[str, Task] = {}
        self._running: dict[str, Task] = {}
        self._drawings: dict[str, Future[DrawingResult]] = {}
        self._running_counts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._released: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self._limits_since = 0.0

    def reset(self) -> None:
        """Drop all tasks and whatever is being drawn."""
        self._pool.drop()
        self._clear()

    def close(self) -> None:
        """Stop drawing; what is under way stays as it was saved, and the next start draws it anew."""
        self._clear()  # a tick that comes after this has nothing to end
        self._pool.close()

    def limits_changed(self) -> None:
        """A raised running limit starts waiting tasks now, not in the past."""
        self._limits_since = self._state.clock.real()

    def enqueue(self, task: Task) -> None:
        """Queue a task."""
        self._waiting[task.task_id] = task

    def dequeue(self, task: Task) -> None:
        """Take a task out of the queue."""
        del self._waiting[task.task_id]

    def advance(self) -> None:
        """Bring every task to where it should be by now."""
        now = self._state.clock.real()
        while self._finish_next(now) or self._start_next(now):
            pass

    def steer(self, task_id: str, doing: str, code: str, message: str) -> None:
        """``start`` a task now, ``finish`` it (once it is drawn), or let it ``fail``.

        Raises
        ------
        Refusal
            400 for a task that is not open, or another word.
        """
        task, now = self._waiting.get(task_id) or self._running.get(task_id), self._state.clock.real()
        if task is None or doing not in {"start", "finish", "fail"}:
            raise Refusal(400, "InvalidParameter", "needs an open task and one of start, finish, fail")
        if doing == "fail":
            task = replace(task, fails_with=(code or "InternalError.Algo", message or "The model failed."))
        if task.status == "PENDING":
            task = replace(task, ready_at=now, run_seconds=task.run_seconds if doing == "start" else 0.0)
            self._waiting[task_id] = task
        else:
            task = replace(task, ends_at=now if doing != "start" else task.ends_at)
            self._running[task_id] = task
        self._state.save(task)
        self.advance()

    def _start_next(self, now: float) -> bool:
        """Start the waiting task that is due first and has a slot; whether there was one."""
        limits = self._state.limits
        due = [
            task
            for task in self._waiting.values()
            if task.ready_at <= now and self._running_counts[task.limit_key] < limits.running_of(task.model)
        ]
        task = min(due, key=lambda waiting: waiting.ready_at, default=None)
        if task is None:
            return False
        released, shift = self._released[task.limit_key], self._state.clock.shift
        free_since = released.pop(0) if released else min(self._limits_since, now)
        at = max(task.ready_at, free_since)
        task = replace(
            task,
            status="RUNNING",
            scheduled=max(at + shift, task.submitted),
            started_at=at,
            ends_at=at + task.run_seconds,
        )
        self.dequeue(task)
        self._run(self._state.save(task))
        self._state.counters.most_running(task.account, self._running_counts[task.limit_key])
        return True

    def _run(self, task: Task) -> None:
        self._running[task.task_id] = task
        self._running_counts[task.limit_key] += 1
        self._drawings[task.task_id] = self._pool.draw(task, self._state)

    def _finish_next(self, now: float) -> bool:
        """End the running task whose end came first; whether there was one."""
        task = min(self._running.values(), key=self._end_of, default=None)
        if task is None or (at := self._end_of(task)) > now:
            return False
        drawing = self._drawings.pop(task.task_id)
        drawn = drawing.result() if drawing.done() else DrawingResult(at)
        if at >= self._timeout_of(task):
            drawn = DrawingResult(at, "InternalError.Timeout", "The task did not finish in time and was ended.")
        code, message = (drawn.code, drawn.message) if drawn.code else task.fails_with or ("", "")
        task = replace(
            task,
            status="FAILED" if code else "SUCCEEDED",
            ended=max(at + self._state.clock.shift, task.scheduled or task.submitted),
            code=code,
            message=message,
            usage=None if code else drawn.usage,
            body=without_queries(task.body),
        )
        del self._running[task.task_id]
        self._running_counts[task.limit_key] -= 1
        self._released[task.limit_key].append(at)
        self._state.save(task)
        self._state.counters.add(task.account, task.status.lower())
        self._state.counters.add(task.account, "billed_seconds", (task.usage or {}).get("duration", 0))
        return True

    def _timeout_of(self, task: Task) -> float:
        """Real time at which the service ends an unfinished task; a clock set ahead brings it nearer."""
        return task.submitted + self._state.limits.task_timeout - self._state.clock.shift

    def _end_of(self, task: Task) -> float:
        """Real time at which it ended or will end; its timeout while the drawing is not done."""
        drawing = self._drawings[task.task_id]
        planned = task.ends_at or 0.0
        if not drawing.done():
            return max(self._timeout_of(task), task.started_at or 0.0)
        drawn = drawing.result()
        if drawn.code:
            # Wrong bodies and materials are found out early in the run.
            planned = min(planned, (task.started_at or 0.0) + 1.0 / self._state.config.speed)
        return max(min(max(planned, drawn.at), self._timeout_of(task)), task.started_at or 0.0)
