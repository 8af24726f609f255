"""Refusals, and how often is too often."""

from __future__ import annotations

import time
from collections import defaultdict, deque

__all__ = ["RateLimiter", "Refusal"]


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
