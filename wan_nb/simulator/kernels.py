"""Whom a simulator lives for: one that was started by kernels ends with the last of them."""

from __future__ import annotations

import time

from wan_nb.simulator.launch import alive

__all__ = ["Kernels"]

_ORPHANED_SECONDS = 15.0


class Kernels:
    """Processes that the simulator lives for."""

    def __init__(self) -> None:
        self._pids: set[int] = set()
        self._had_one = False
        self._born = time.monotonic()

    def register(self, pid: int) -> None:
        """Live as long as this process, at least."""
        self._pids.add(pid)
        self._had_one = True

    def pids(self) -> list[int]:
        """Those that still run."""
        self._pids = {pid for pid in self._pids if alive(pid)}
        return sorted(self._pids)

    def gone(self) -> bool:
        """Whether nobody is left to live for; before the first one, a fresh simulator gives it time to come."""
        return not self.pids() and (self._had_one or time.monotonic() - self._born > _ORPHANED_SECONDS)
