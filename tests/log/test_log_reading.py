"""Finding runs again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from log_kit import START, Clock, in_state, intent

from wan_nb.errors import InvalidOption, NotFound
from wan_nb.log.runlog import RunLog
from wan_nb.log.states import OPEN, Status

pytest_plugins = ["fixtures_log"]


def test_a_run_is_found_by_the_beginning_of_its_id(log: RunLog):
    with pytest.raises(NotFound, match="no run yet"):
        log.get("3f")
    ids = [log.reserve(intent(str(n)))[0].run_id for n in range(40)]
    for run_id in ids:
        assert log.get(run_id).run_id == run_id
        start = next(run_id[:n] for n in range(1, 13) if sum(other.startswith(run_id[:n]) for other in ids) == 1)
        assert log.get(start.upper()).run_id == run_id
    crowd = next(c for c in "0123456789abcdef" if sum(run_id.startswith(c) for run_id in ids) > 1)
    with pytest.raises(NotFound, match=f"several runs begin with '{crowd}'"):
        log.get(crowd)
    wrong = ids[7][:6] + ("0" if ids[7][6] != "0" else "1")
    with pytest.raises(NotFound, match=f"no run '{wrong}'.*\nDid you mean .*{ids[7][:7]}"):
        log.get(wrong)
    for nonsense in ("", "%", "zz", "_" * 12, "猫"):
        with pytest.raises(NotFound):
            log.get(nonsense)
    with pytest.raises(NotFound):
        log.update("000000000000", note="x")


@pytest.fixture
def some(log: RunLog, clock: Clock) -> RunLog:
    """Four runs, an hour apart: a, b, c, d."""
    for name, more in {
        "a": {"study": "walk", "seed": 1, "tags": "keep", "prompt": "A Cat walks 100%"},
        "b": {"study": "walk", "seed": 2, "tags": "keep me, bright", "watermark": True},
        "c": {"study": "run", "seed": 1, "prompt": "a cat walks 100 miles", "duration": 10},
        "d": {"tags": "bright", "cost": 1.5, "simulated": True},
    }.items():
        log.reserve(intent(name, **more))
        clock.pass_(hours=1)
    return log


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "dcba"),
        ({"newest_first": False}, "abcd"),
        ({"limit": 2}, "dc"),
        ({"limit": 2, "offset": 1}, "cb"),
        ({"offset": 3}, "a"),
        ({"limit": 0}, ""),
        ({"study": "walk"}, "ba"),
        ({"study": ["walk", "run"]}, "cba"),
        ({"study": None}, "d"),
        ({"study": [None, "run"]}, "dc"),
        ({"study": []}, ""),
        ({"study": "walk", "seed": 2}, "b"),
        ({"seed": "1"}, "ca"),
        ({"cost": "1.5"}, "d"),
        ({"watermark": "yes"}, "b"),
        ({"simulated": False}, "cba"),
        ({"status": "intended"}, "dcba"),
        ({"status": [Status.FAILED, "RUNNING"]}, ""),
        ({"tags": "keep"}, "a"),
        ({"tags": "bright"}, "db"),
        ({"tags": ["keep", "keep me"]}, "ba"),
        ({"tags": None}, "c"),
        ({"text": "cat walks 100"}, "ca"),
        ({"text": "100%"}, "a"),
        ({"text": "c_t"}, ""),
        ({"since": START + timedelta(hours=2)}, "dc"),
        ({"until": START + timedelta(hours=2)}, "ba"),
        ({"since": "2026-11-22T13:00:00+00:00", "until": "2026-11-22T15:00+01:00"}, "b"),
        ({"duration": 10, "created_at": START + timedelta(hours=2)}, "c"),
    ],
    ids=str,
)
def test_filters(some: RunLog, filters: dict[str, Any], expected: str):
    assert "".join(row.fingerprint for row in some.find(**filters)) == expected
    if not {"limit", "offset", "newest_first"} & set(filters):
        assert some.count(**filters) == len(expected)
    assert "".join(some.to_frame(**filters).fingerprint) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"sort": "seed"}, "cabd"),  # of equal ones the newest first, what has none last
        ({"sort": "-seed"}, "bcad"),
        ({"sort": "-duration", "limit": 2}, "cd"),
        ({"sort": "prompt", "limit": 2, "offset": 1}, "db"),
        ({"sort": "study", "status": "INTENDED"}, "cbad"),
        ({"sort": "-created_at", "study": "walk"}, "ba"),
        ({"sort": "created_at", "study": ["walk", "run"]}, "abc"),
        ({"sort": "-tags", "newest_first": False}, "badc"),
    ],
    ids=str,
)
def test_runs_are_sorted_by_the_log(some: RunLog, asked: dict[str, Any], expected: str):
    assert "".join(row.fingerprint for row in some.find(**asked)) == expected
    assert "".join(some.to_frame(**asked).fingerprint) == expected


def test_runs_come_in_the_order_that_is_given_however_many_they_are(some: RunLog):
    ids = {row.fingerprint: row.run_id for row in some.find()}
    given = [ids["c"], *(f"{number:012x}" for number in range(40_000)), ids["a"], ids["d"], ids["c"]]
    assert [row.fingerprint for row in some.find(run_id=given, sort="given")] == ["c", "a", "d"]
    assert [row.fingerprint for row in some.find(run_id=given, sort="given", limit=1, offset=1)] == ["a"]
    assert [row.fingerprint for row in some.find(run_id=given, sort="-seed", watermark=None)] == ["c", "a", "d"]
    assert some.count(run_id=given) == 3
    with pytest.raises(InvalidOption, match="no column 'given'"):
        some.find(sort="given")


@pytest.mark.parametrize("sort", ["ratings", "request", "owner", "-", "", "seed; DROP TABLE runs"])
def test_no_order_that_is_none(log: RunLog, sort: str):
    with pytest.raises(InvalidOption, match="no column"):
        log.find(sort=sort)


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"studdy": "walk"}, "no column 'studdy'.\nDid you mean study"),
        ({"request": "x"}, "no column 'request'"),
        ({"owner": "x"}, "no column 'owner'"),
        ({"status": "SUCEEDED"}, "holds a status.\nDid you mean SUCCEEDED?"),
        ({"status": "ready"}, "holds a status.\nThere are INTENDED, "),
        ({"seed": "many"}, "seed cannot be 'many': it holds a whole number"),
        ({"cost": "much"}, "holds a number"),
        ({"watermark": "perhaps"}, "holds true or false"),
        ({"since": "yesterday"}, "since cannot be 'yesterday': it holds a time, as in 20"),
    ],
    ids=str,
)
def test_a_filter_that_makes_no_sense_says_what_would(log: RunLog, filters: dict[str, Any], said: str):
    for ask in (log.find, log.count, log.to_frame):
        with pytest.raises(InvalidOption, match=said):
            ask(**filters)


def test_open_runs_the_oldest_first(log: RunLog, clock: Clock):
    for status in Status:
        in_state(log, status, str(status))
        clock.pass_(seconds=1)
    assert [row.status for row in log.open_rows()] == [status for status in Status if status in OPEN]


def test_totals_are_summed_by_the_log(log: RunLog):
    for name, status, more in [
        ("1", Status.SUCCEEDED, {}),
        ("2", Status.SUCCEEDED, {"cost": 1.0, "study": "walk"}),
        ("3", Status.FAILED, {}),
        ("4", Status.RUNNING, {"currency": "USD", "simulated": True}),
    ]:
        in_state(log, status, name, **more)
    sums = {
        (t["currency"], t["status"], t["simulated"]): (t["runs"], t["cost"])
        for t in log.totals("currency", "status", "simulated")
    }
    assert sums == {
        ("CNY", Status.SUCCEEDED, False): (2, 4.0),
        ("CNY", Status.FAILED, False): (1, 0.0),
        ("USD", Status.RUNNING, True): (1, 3.0),
    }
    assert log.totals(study="walk") == [{"runs": 1, "cost": 1.0, "billed_s": 0.0}]
    assert log.totals("currency", study="none") == []
    with pytest.raises(InvalidOption, match="Did you mean currency"):
        log.totals("curency")


def test_durations_are_those_of_equal_runs_of_the_same_service(log: RunLog, clock: Clock):
    def ran(name: str, run_s: float, status: Status = Status.SUCCEEDED, **more: Any) -> None:
        run_id = in_state(log, Status.DOWNLOADING, name, resolution="720P", **({"duration": 5} | more))
        log.update(run_id, "fetched" if status is Status.SUCCEEDED else "forgotten", run_s=run_s)
        clock.pass_(seconds=1)

    ran("1", 80.0)
    ran("2", 90.0)
    ran("3", 1.0, Status.EXPIRED)
    ran("4", 2.0, simulated=True)
    ran("5", 3.0, duration=10)
    in_state(log, Status.SUCCEEDED, "6", resolution="720P", duration=5)
    assert log.durations("wan2.7-i2v", "720P", 5) == [90.0, 80.0]
    assert log.durations("wan2.7-i2v", "720P", 5, limit=1) == [90.0]
    assert log.durations("wan2.7-i2v", "720P", 5, simulated=True) == [2.0]


@pytest.mark.parametrize(
    "moment",
    [
        pd.Timestamp("2026-11-22 18:00", tz="UTC"),
        pd.Timestamp("2026-11-23 02:00", tz="Asia/Shanghai"),
        pd.Timestamp("2026-11-22 18:00:00.000000001", tz="UTC"),
        pd.Timestamp("2026-11-22 18:00", tz="UTC").to_pydatetime(),
        "2026-11-22T18:00+00:00",
    ],
    ids=str,
)
def test_moments_of_pandas_are_times(moment, log):
    for day in (21, 22, 23):
        created = datetime(2026, 11, day, 18, 30, tzinfo=UTC)
        log.reserve({"fingerprint": str(day), "prompt": f"of {day}", "created_at": created})
    assert [row.prompt for row in log.find(since=moment)] == ["of 23", "of 22"]
    assert [row.prompt for row in log.find(until=moment)] == ["of 21"]


@pytest.mark.parametrize(
    "moment",
    [pd.Timestamp("2026-11-22 18:00"), np.datetime64("2026-11-22T18:00"), datetime(2026, 11, 22, 18)],
    ids=["pandas", "numpy", "datetime"],
)
def test_moments_without_a_zone_are_local(moment, log):
    local = datetime(2026, 11, 22, 18).astimezone()
    log.reserve({"fingerprint": "1", "created_at": local})
    log.reserve({"fingerprint": "2", "created_at": local - timedelta(seconds=1)})
    assert [row.fingerprint for row in log.find(since=moment)] == ["1"]


def test_days_begin_at_midnight(log):
    local = datetime(2026, 11, 22).astimezone()
    log.reserve({"fingerprint": "1", "created_at": local})
    log.reserve({"fingerprint": "2", "created_at": local - timedelta(seconds=1)})
    assert [row.fingerprint for row in log.find(since=local.date())] == ["1"]


@pytest.mark.parametrize("moment", [pd.NaT, np.datetime64("NaT"), "yesterday", 7, object()])
def test_what_is_no_moment_is_refused(moment, log):
    with pytest.raises(InvalidOption, match=r"since cannot be .*: it holds a time"):
        log.find(since=moment)
