"""The tasks' way through queue and slots, told by the clock.

Nothing here waits: `Work.advance` moves every task to where it should be by now, in the order in which things happened,
so that a slot freed at 12:00:00.000 is taken at 12:00:00.000 however rarely anybody looks.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from wan_nb.simulator.account.limits import Refusal
from wan_nb.simulator.account.materials import without_queries
from wan_nb.simulator.drawing.pool import DrawingPool, Drawn

if TYPE_CHECKING:
    from concurrent.futures import Future

    from wan_nb.simulator.account.state import World
    from wan_nb.simulator.account.store import Job

__all__ = ["Work"]


class Work:
    """Queue, slots and drawing.

    Parameters
    ----------
    world : World
        Tasks found running in it are drawn anew: they survived a restart.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._pool = DrawingPool()
        self._begin()
        for job in world.jobs.values():
            if job.status == "PENDING":
                self.enter(job)
            elif job.status == "RUNNING":
                self._run(job)

    def _begin(self) -> None:
        self._waiting: dict[str, Job] = {}
        self._running: dict[str, Job] = {}
        self._drawings: dict[str, Future[Drawn]] = {}
        self._lanes: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._released: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self._limits_since = 0.0

    def reset(self) -> None:
        """Drop all tasks and whatever is being drawn."""
        self._pool.drop()
        self._begin()

    def close(self) -> None:
        """Stop drawing; what is under way stays as it was saved, and the next start draws it anew."""
        self._begin()  # a tick that comes after this has nothing to end
        self._pool.close()

    def limits_changed(self) -> None:
        """A raised running limit starts waiting tasks now, not in the past."""
        self._limits_since = self._world.clock.real()

    def enter(self, job: Job) -> None:
        """Queue a task."""
        self._waiting[job.task_id] = job

    def leave(self, job: Job) -> None:
        """Take a task out of the queue."""
        del self._waiting[job.task_id]

    def advance(self) -> None:
        """Bring every task to where it should be by now."""
        now = self._world.clock.real()
        while self._finish_next(now) or self._start_next(now):
            pass

    def hurry(self, task_id: str, doing: str, code: str, message: str) -> None:
        """Let tests decide: ``start`` a task, ``finish`` it (once it is drawn), or let it ``fail``.

        Raises
        ------
        Refusal
            400 for a task that is not open, or another word.
        """
        job, now = self._waiting.get(task_id) or self._running.get(task_id), self._world.clock.real()
        if job is None or doing not in {"start", "finish", "fail"}:
            raise Refusal(400, "InvalidParameter", "needs an open task and one of start, finish, fail")
        if doing == "fail":
            job = replace(job, doom=(code or "InternalError.Algo", message or "The model failed."))
        if job.status == "PENDING":
            job = replace(job, ready_at=now, run_seconds=job.run_seconds if doing == "start" else 0.0)
            self._waiting[task_id] = job
        else:
            job = replace(job, ends_at=now if doing != "start" else job.ends_at)
            self._running[task_id] = job
        self._world.save(job)
        self.advance()

    def _start_next(self, now: float) -> bool:
        """Start the waiting task that is due first and has a slot; whether there was one."""
        slots = self._world.knobs.running
        due = [job for job in self._waiting.values() if job.ready_at <= now and self._lanes[job.lane] < slots]
        job = min(due, key=lambda waiting: waiting.ready_at, default=None)
        if job is None:
            return False
        released, shift = self._released[job.lane], self._world.clock.shift
        free_since = released.pop(0) if released else min(self._limits_since, now)
        at = max(job.ready_at, free_since)
        job = replace(
            job,
            status="RUNNING",
            scheduled=max(at + shift, job.submitted),
            started_at=at,
            ends_at=at + job.run_seconds,
        )
        self.leave(job)
        self._run(self._world.save(job))
        self._world.counters.most_running(job.account, self._lanes[job.lane])
        return True

    def _run(self, job: Job) -> None:
        self._running[job.task_id] = job
        self._lanes[job.lane] += 1
        self._drawings[job.task_id] = self._pool.draw(job, self._world)

    def _finish_next(self, now: float) -> bool:
        """End the running task whose end came first; whether there was one."""
        job = min(self._running.values(), key=self._end_of, default=None)
        if job is None or (at := self._end_of(job)) > now:
            return False
        drawing = self._drawings.pop(job.task_id)
        drawn = drawing.result() if drawing.done() else Drawn(at)
        if at >= self._timeout_of(job):
            drawn = Drawn(at, "InternalError.Timeout", "The task did not finish in time and was ended.")
        code, message = (drawn.code, drawn.message) if drawn.code else job.doom or ("", "")
        job = replace(
            job,
            status="FAILED" if code else "SUCCEEDED",
            ended=max(at + self._world.clock.shift, job.scheduled or job.submitted),
            code=code,
            message=message,
            usage=None if code else drawn.usage,
            body=without_queries(job.body),
        )
        del self._running[job.task_id]
        self._lanes[job.lane] -= 1
        self._released[job.lane].append(at)
        self._world.save(job)
        self._world.counters.add(job.account, job.status.lower())
        self._world.counters.add(job.account, "billed_seconds", (job.usage or {}).get("duration", 0))
        return True

    def _timeout_of(self, job: Job) -> float:
        """Real time at which the service loses patience, which a shifted clock brings nearer."""
        return job.submitted + self._world.knobs.task_timeout - self._world.clock.shift

    def _end_of(self, job: Job) -> float:
        """Real time at which it ended or will end; its timeout while the drawing is not done."""
        drawing = self._drawings[job.task_id]
        planned = job.ends_at or 0.0
        if not drawing.done():
            return max(self._timeout_of(job), job.started_at or 0.0)
        drawn = drawing.result()
        if drawn.code:
            # Wrong bodies and materials are found out early in the run.
            planned = min(planned, (job.started_at or 0.0) + 1.0 / self._world.config.speed)
        return max(min(max(planned, drawn.at), self._timeout_of(job)), job.started_at or 0.0)
