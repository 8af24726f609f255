"""An empty log, on each database in turn, and the clock that it goes by."""

from collections.abc import Iterator

import pytest
from log_kit import Clock

from wan_nb.log.runlog import RunLog

pytest_plugins = ["fixtures_postgres"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(log_url: str, clock: Clock) -> Iterator[RunLog]:
    log = RunLog(log_url, now=clock)
    yield log
    log.close()
