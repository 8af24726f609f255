"""What the log does costs the same however long it is. Counted in steps of SQLite's machine: no clock, no chance."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from log_history import NOW, STUDY, log_of

from wan_nb.log.runlog import RunLog

NEWS = {"task_id": "t", "status": "PENDING"}


def life(log: RunLog) -> str:
    """Carry one run from its intent to its clip, and give its id."""
    intent = {"fingerprint": "f", "prompt": "p", "cost": 1.0, "currency": "CNY", "study": "now", "model": "wan2.7-i2v"}
    row, _ = log.reserve(intent, cap=1e6, owner="me")
    assert log.begin_post(row.run_id) is None
    for event in ("accepted", "started", "made", "fetched"):
        log.update(row.run_id, event, task_id="t", run_s=80.0)
    return row.run_id


QUESTIONS: dict[str, Callable[[RunLog], object]] = {
    "a life": life,
    "reserve again": lambda log: log.reserve_many([{"fingerprint": f"f{n}", "cost": 1.0} for n in range(5)], cap=1e6),
    "adopt": lambda log: log.adopt("theirs"),
    "get": lambda log: log.get(log.find(limit=1)[0].run_id[:9]),
    "by task": lambda log: log.by_task("none"),
    "last page": lambda log: log.find(limit=20),
    "a study": lambda log: log.find(study="study 1"),
    "a study as a frame": lambda log: log.to_frame(study=["study 0", "study 1"]),
    "size of a study": lambda log: log.count(study="study 1"),
    "last failed": lambda log: log.find(status="FAILED", limit=5),
    "of today": lambda log: log.find(since=NOW - timedelta(days=1)),
    "by fingerprint": lambda log: log.find(fingerprint=["a", "b"]),
    "open": lambda log: log.open_rows(),
    "abandoned": lambda log: log.abandoned(log.find(limit=1)[0]),
    "spent": lambda log: log.spent("CNY", NOW - timedelta(days=1)),
    "durations": lambda log: log.durations("wan2.7-i2v", "720P", 5, limit=20),
}


def steps(log: RunLog, work: Callable[[RunLog], object]) -> int:
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    def watch(handler: Callable[[], int] | None) -> None:
        log._db.read(lambda c: c.connection.driver_connection.set_progress_handler(handler, 1))

    watch(step)
    work(log)
    watch(None)
    return count


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("logs")
    short, long = log_of(3 * STUDY, folder), log_of(40 * STUDY, folder)
    yield short, long
    short.close()
    long.close()


@pytest.mark.parametrize("name", QUESTIONS)
def test_nothing_gets_dearer_as_the_log_grows(logs: tuple[RunLog, RunLog], name: str):
    short, long = (steps(log, QUESTIONS[name]) for log in logs)
    assert 0 < long <= 1.3 * short + 50


def test_the_count_of_steps_tells_a_walk(logs: tuple[RunLog, RunLog]):
    short, long = (steps(log, lambda log: log.find(note="none")) for log in logs)
    assert long > 10 * short


def test_a_column_that_is_not_asked_for_is_not_read(logs: tuple[RunLog, RunLog]):
    _, log = logs
    whole, one = (steps(log, work) for work in (lambda log: log.to_frame(), lambda log: log.to_frame(columns=["cost"])))
    assert one < whole / 5
