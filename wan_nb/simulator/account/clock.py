"""The two clocks of the simulator: one runs tasks, the other writes times and can be shifted."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

__all__ = ["SERVICE_ZONE", "Clock", "local_text"]

SERVICE_ZONE = timezone(timedelta(hours=8))
"""The service writes local times of China without saying so."""


class Clock:
    """Real time for queue and run times; the same plus a shift for stamps, lives and expiries.

    A shift does not speed up a running task; it makes everything older at once.

    Attributes
    ----------
    shift : float
        Seconds that the service's wall clock is ahead of this machine's.

    Examples
    --------
    >>> clock = Clock()
    >>> clock.shift = 3600.0
    >>> round(clock.now() - clock.real())
    3600
    """

    def __init__(self) -> None:
        self.shift = 0.0

    @staticmethod
    def real() -> float:
        """Seconds since the epoch on this machine. Not monotonic on purpose: it must survive a restart."""
        return time.time()

    def now(self) -> float:
        """Seconds since the epoch as the service sees them."""
        return self.real() + self.shift

    def http_date(self) -> str:
        """Value of the Date header."""
        return format_datetime(datetime.fromtimestamp(self.now(), UTC), usegmt=True)


def local_text(stamp: float) -> str:
    """Time as the task query writes it: UTC+8, milliseconds, no zone.

    >>> local_text(0.25)
    '1970-01-01 08:00:00.250'
    """
    return datetime.fromtimestamp(stamp, SERVICE_ZONE).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
