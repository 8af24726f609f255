"""What the tests of the run log share: a clock that only they move, and runs in any state."""

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

from wan_nb.log.runlog import RunLog
from wan_nb.log.states import EVENTS, Status

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)


def intent(fingerprint: str = "f1", **columns: Any) -> dict[str, Any]:
    return {
        "fingerprint": fingerprint,
        "model": "wan2.7-i2v",
        "prompt": "a cat",
        "currency": "CNY",
        "cost": 3.0,
    } | columns


def in_state(log: RunLog, status: Status, fingerprint: str = "f1", **columns: Any) -> str:
    """Make a run and walk it to a state."""
    row, new = log.reserve(intent(fingerprint, **columns))
    assert new
    ways = deque([(Status.INTENDED, ())])
    while ways:
        at, way = ways.popleft()
        if at is status:
            break
        ways.extend((to, (*way, event)) for event, (sources, to) in EVENTS.items() if at in sources)
    for event in way:
        log.update(row.run_id, event)
    return row.run_id
