"""The whole state of a running simulator, which `service`, `schedule` and `control` share."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from wan_nb.simulator.account.bucket import Bucket
from wan_nb.simulator.account.clock import Clock
from wan_nb.simulator.account.faults import Faults
from wan_nb.simulator.account.limits import Limits, RateLimiter
from wan_nb.simulator.account.store import Store, Task

if TYPE_CHECKING:
    from pathlib import Path

    from wan_nb.simulator.account.config import Config

__all__ = ["Counters", "State"]

_KEPT_SECONDS = 72 * 3600.0

COUNTED = (
    "creates_received",
    "creates_accepted",
    "polls",
    "lists",
    "cancels",
    "policies",
    "uploads",
    "downloads",
    "throttled",
    "succeeded",
    "failed",
    "canceled",
    "billed_seconds",
    "most_running",
)


class Counters:
    """Numbers of events since the start or the last reset, in all and per account."""

    def __init__(self) -> None:
        self._accounts: defaultdict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(COUNTED, 0))

    def add(self, account: str, what: str, amount: float = 1) -> None:
        """Add to a counter."""
        self._accounts[account][what] += amount

    def most_running(self, account: str, running: int) -> None:
        """Note how many tasks of one model run at once."""
        counts = self._accounts[account]
        counts["most_running"] = max(counts["most_running"], running)

    def listing(self) -> dict[str, Any]:
        """Sums over all accounts (the largest, for ``most_running``), and each account under its digest."""
        all_of = {
            name: (max if name == "most_running" else sum)([a[name] for a in self._accounts.values()] or [0])
            for name in COUNTED
        }
        return {**all_of, "accounts": {name: dict(values) for name, values in self._accounts.items()}}


class State:
    """State of the service.

    Parameters
    ----------
    folder : Path
        Folder that remembers tasks, uploads and clips.
    config : Config
        Configuration at the start and after a reset.
    seed : int, optional
        Makes durations, seeds of requests without one and faults by chance repeatable. Task ids stay unique regardless.
    """

    def __init__(self, folder: Path, config: Config, seed: int | None = None) -> None:
        self.clock = Clock()
        self.store = Store(folder)
        self.bucket = Bucket(self.store, self.clock)
        self._initial = (config, seed)
        # Uploads live longest, two days; tasks and links one.
        self.store.sweep(self.clock.real() - _KEPT_SECONDS)
        self.tasks: dict[str, Task] = {task.task_id: task for task in self.store.load()}
        self._begin()

    def _begin(self) -> None:
        self.config, seed = self._initial
        self.clock.shift = 0.0
        self.limits = Limits()
        self.random = random.Random(seed)
        self.faults = Faults(seed)
        self.counters = Counters()
        self.rates = RateLimiter()

    def reset(self) -> None:
        """Forget everything, as on a first start."""
        self.tasks.clear()
        self.store.clear()
        self._begin()

    def save(self, task: Task) -> Task:
        """Remember a task, on disk first."""
        self.store.save(task)
        self.tasks[task.task_id] = task
        return task

    def find(self, account: str, task_id: str) -> Task | None:
        """Task of an account that is not too old to be known."""
        task = self.tasks.get(task_id)
        if task is None or task.account != account or self.clock.now() - task.submitted > self.limits.task_life:
            return None
        return task
