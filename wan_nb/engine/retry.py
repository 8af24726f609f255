"""Which failed calls are made again, how often, and after which pause."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from wan_nb.errors import NotAuthorized, Refused, ServiceError, Throttled, Unavailable, WanError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random

__all__ = ["backoff", "may_pass", "pause", "retried", "unreachable_or_busy"]

_T = TypeVar("_T")

LONGEST_ASKED = 600.0
"""Seconds of a Retry-After that are believed."""


def backoff(faults: int, rng: Random, *, first: float = 1.0, longest: float = 60.0) -> float:
    """Seconds to wait after so many faults in a row (1 or more): doubled each time, half of it drawn by lot.

    >>> import random
    >>> 0.5 <= backoff(1, random.Random(0)) <= 1.0 and 30 <= backoff(1000, random.Random(0)) <= 60
    True
    """
    return min(longest, first * 2.0 ** min(faults - 1, 32)) * rng.uniform(0.5, 1.0)


def pause(faults: int, error: Exception, rng: Random) -> float:
    """Seconds to wait after so many faults in a row, the last of which may ask for more."""
    asked = error.retry_after if isinstance(error, ServiceError) else None
    return min(asked or 0.0, LONGEST_ASKED) + backoff(faults, rng)


def unreachable_or_busy(error: Exception) -> bool:
    """Whether the same call may fare better in a moment; a used-up quota does not come back so soon."""
    return isinstance(error, Unavailable) or (isinstance(error, Throttled) and error.retryable)


def may_pass(error: Exception) -> bool:
    """Whether a later look may fare better. A no without a code is a proxy's or a portal's, not the service's."""
    if isinstance(error, Refused) and not isinstance(error, Throttled):
        return not error.code and not isinstance(error, NotAuthorized)
    return isinstance(error, Unavailable | Throttled)


async def retried(
    attempt: Callable[[], Awaitable[_T]],
    rng: Random,
    *,
    tries: int | None = None,
    again: Callable[[WanError], bool] = unreachable_or_busy,
    between: Callable[[WanError], Awaitable[None]] | None = None,
) -> _T:
    """Result of the first attempt that succeeds, or the error of the last one.

    Parameters
    ----------
    attempt : callable
    rng : random.Random
        For the jitter of the pauses.
    tries : int, optional
        Most attempts; without it, `again` alone ends them.
    again : callable
        Whether an error is worth another attempt.
    between : callable, optional
        Awaited before each pause.
    """
    faults = 0
    while True:
        try:
            return await attempt()
        except WanError as error:
            faults += 1
            if faults == tries or not again(error):
                raise
            if between is not None:
                await between(error)
            await asyncio.sleep(pause(faults, error, rng))
