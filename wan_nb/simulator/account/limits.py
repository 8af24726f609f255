"""Limits of an account, the rate limiter and the refusals."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from dataclasses import dataclass

from wan_nb.api import catalog

__all__ = ["Limits", "RateLimiter", "Refusal"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Account limits and lives, under ``/_simulator/limits``; the defaults are the documented ones.

    Rates are per second and account, times in seconds, sizes in bytes. None: what the row of the model says.
    """

    queries_per_second: float = catalog.LIMITS.queries_per_second
    submits_per_second: float | None = None
    policies_per_second: float = catalog.LIMITS.policies_per_second
    running: int | None = None
    task_life: float = catalog.LIMITS.task_life
    task_timeout: float = catalog.LIMITS.task_timeout
    link_life: float = catalog.LIMITS.task_life
    upload_life: float = catalog.LIMITS.upload_life
    policy_life: float = 300.0
    page_size: int = 100
    """Largest page of the list; the documentation names none."""
    body_bytes: int = catalog.LIMITS.body_bytes
    """Largest create body."""

    def submits_of(self, model: str) -> float:
        """Submits per second of an exact model name."""
        own = catalog.model(model).submits_per_second
        return own if self.submits_per_second is None else self.submits_per_second

    def running_of(self, model: str) -> int:
        """Tasks of an exact model name that run at once."""
        return catalog.model(model).running if self.running is None else self.running


class Refusal(Exception):
    """An answer other than 200, in the service's own words.

    Parameters
    ----------
    status : int
        HTTP status.
    code, message : str
        As documented.
    retry_after : float, optional
        Seconds for a ``Retry-After`` header. The service does not document it; tests ask for it.
    """

    def __init__(self, status: int, code: str, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(code, message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


class RateLimiter:
    """Requests of the last second, per key. A refused request does not count against the limit."""

    def __init__(self) -> None:
        self._seen: defaultdict[tuple[str, ...], deque[float]] = defaultdict(deque)

    def take(self, key: tuple[str, ...], per_second: float) -> None:
        """Count one request.

        Raises
        ------
        Refusal
            429 when the last second already holds ``per_second`` of them.
        """
        seen, now = self._seen[key], time.monotonic()
        while seen and seen[0] <= now - 1.0:
            seen.popleft()
        if len(seen) >= per_second:
            raise Refusal(429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later.")
        seen.append(now)
