"""A log that somebody else has written into: what can be read is shown, what may have cost money counts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from log_kit import START, Clock, in_state, intent

import wan_nb
from wan_nb.engine.row_errors import row_error
from wan_nb.errors import BudgetExceeded, InvalidOption, LogError, RunExpired
from wan_nb.log.runlog import RunLog
from wan_nb.log.states import Status
from wan_nb.maintenance.doctor import examine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ["fixtures_log"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wan_runs" / "runs.db"


@pytest.fixture
def log(path: Path) -> Iterator[RunLog]:
    opened = RunLog(path, now=Clock())
    yield opened
    opened.close()


def write(path: Path, run_id: str, column: str, value: Any) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute(f"UPDATE runs SET {column} = ? WHERE run_id = ?", (value, run_id))
        file.commit()


BAD = [
    ("status", "DONE", Status.EXPIRED),
    ("status", "", Status.EXPIRED),
    ("status", b"\xff", Status.EXPIRED),
    ("status", "succeeded", Status.SUCCEEDED),
    ("request", "{", {}),
    ("request", "[1]", {}),
    ("request", "null", {}),
    ("request", b"{}", {}),
    ("created_at", "yesterday", None),
    ("created_at", 1.5, None),
    ("created_at", 2**62, None),
    ("ended_at", -(2**62), None),
    ("posted_at", "now", None),
    ("cost", "much", None),
    ("cost", float("inf"), None),
    ("billed_s", b"5", None),
    ("duration", "five", None),
    ("seed", 1.5, None),
    ("width", "1280px", None),
    ("simulated", "maybe", False),
    ("simulated", 7, False),
    ("watermark", "maybe", None),
    ("tags", b"\xff", ()),
    ("prompt", b"\x00\xff", None),
    ("attempt", "first", 1),
    ("skew", "late", None),
    ("skew", float("inf"), None),
    ("guessed", "perhaps", None),
    ("identity", b"\xff", None),
    ("receipt", b"\xff", None),
]


@pytest.mark.parametrize(("column", "value", "shown"), BAD)
def test_a_bad_value_is_not_known_and_hides_no_other(
    log: RunLog, path: Path, column: str, value: Any, shown: Any
) -> None:
    bad, good = in_state(log, Status.SUCCEEDED, "bad"), in_state(log, Status.SUCCEEDED, "good")
    whole = log.get(good)
    write(path, bad, column, value)
    rows = {row.run_id: row for row in log.find()}
    assert rows[good] == whole
    assert (getattr(rows[bad], column), rows[bad].damaged) == (shown, (column,))
    assert rows[bad].fingerprint == "bad"
    assert log.get(bad[:6]) == rows[bad]
    frame = log.to_frame()
    assert set(frame.index) == {bad, good}
    if column in frame and column != "tags":
        cell = frame.loc[bad, column]
        assert pd.isna(cell) if shown is None else cell == shown
    assert frame.dtypes.equals(RunLog(path.with_name("new.db")).to_frame().dtypes)
    for question in (log.count, lambda: log.totals("status"), lambda: log.durations("wan2.7-i2v", "720P", 5)):
        question()


def test_a_status_that_cannot_be_read_buys_nothing_and_says_why(log: RunLog, path: Path) -> None:
    run_id = in_state(log, Status.RUNNING)
    write(path, run_id, "status", "DONE")
    assert log.reserve(intent()) == (log.get(run_id), False)
    error = row_error(log.get(run_id))
    assert isinstance(error, RunExpired)
    assert "damaged (status)" in error.message
    assert "may have been billed" in error.remedy
    with pytest.raises(LogError, match="cannot become"):
        log.update(run_id, "failed")
    assert log.update(run_id, note="look at this").note == "look at this"


@pytest.mark.parametrize("cost", ["much", float("inf"), -60.0, b"\x00", 9e14])
def test_a_cost_that_cannot_be_read_counts_as_the_dearest_clip(log: RunLog, path: Path, cost: Any) -> None:
    run_id = in_state(log, Status.SUCCEEDED)
    write(path, run_id, "cost", cost)
    assert log.spent("CNY", START - timedelta(hours=1)) == pytest.approx(15.0)
    with pytest.raises(BudgetExceeded):
        log.reserve(intent("new", cost=3.0), cap=17.0)
    assert log.reserve(intent("new", cost=3.0), cap=18.0)[1]
    assert log.totals("currency")[0]["cost"] == pytest.approx(3.0)


def test_the_year_9999_is_shown_and_does_not_wrap(log: RunLog) -> None:
    far = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    for when in (far, datetime(2262, 4, 12, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)):
        row, _ = log.reserve(intent(str(when), created_at=when))
        assert log.get(row.run_id).created_at == when
        assert pd.isna(log.to_frame()["created_at"][row.run_id]), "pandas' nanoseconds end before"
    near, _ = log.reserve(intent("near", created_at=datetime(2262, 4, 11, tzinfo=UTC)))
    assert log.to_frame()["created_at"][near.run_id].year == 2262


def test_damaged_small_tables_are_left_out_and_said(log: RunLog, path: Path) -> None:
    log.save_study("walk", {"cells": []})
    for number in range(3):
        log.add_vote({"study": "walk", "number": number})
    log.put_measures("a", 1, {"sharpness": 1.0})
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE votes SET vote = '{' WHERE number = 2")
        file.execute("UPDATE studies SET plan = 'lost'")
        file.execute("UPDATE measures SET found = '[]'")
        file.commit()
    assert [vote["number"] for vote in log.votes("walk")] == [0, 2]
    assert log.measures(["a"]) == {}
    assert log.studies() == ["walk"]
    with pytest.raises(LogError, match=r"plan of study 'walk' cannot be read.*\n.*prompts again"):
        log.load_study("walk")
    assert log.damaged() == {"studies": 1, "votes": 1, "measures": 1}


def test_the_doctor_names_damaged_rows(log: RunLog, path: Path) -> None:
    run_id = in_state(log, Status.SUCCEEDED)
    log.add_vote({"study": "walk"})
    write(path, run_id, "cost", "much")
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE votes SET vote = '{'")
        file.commit()
    with wan_nb.Session("simulator", speed=50) as session:
        said = str(examine(session.workspace))
        assert f"1 rows are damaged; what cannot be read is shown as not known: {run_id[:8]} (cost)" in said
        assert "1 rows of votes are damaged" in said
        assert len(session.runs()) == 1
        assert "much" not in repr(session.run(run_id))


# --- filters are judged in one place


WRONG: list[tuple[str, Any, str]] = [
    ("limit", "abc", "limit must be a whole number from 0"),
    ("limit", -1, "limit must be a whole number from 0"),
    ("limit", 1.5, "limit must be a whole number from 0"),
    ("limit", 2**70, "limit must be a whole number from 0"),
    ("limit", "9" * 5000, "limit must be a whole number from 0"),
    ("offset", "abc", "offset must be a whole number from 0"),
    ("offset", -3, "offset must be a whole number from 0"),
    ("seed", 2**63, "seed cannot be 9223372036854775808: it holds a whole number"),
    ("seed", "9" * 30, "seed cannot be '999"),
    ("seed", 1.5, r"seed cannot be 1\.5: it holds a whole number"),
    ("seed", True, "seed cannot be True"),
    ("seed", [1, 2**64], "seed cannot be 18446744073709551616"),
    ("seed", float("nan"), "seed cannot be nan"),
    ("cost", "cheap", "cost cannot be 'cheap': it holds a number"),
    ("cost", float("inf"), "cost cannot be inf"),
    ("watermark", "maybe", "watermark cannot be 'maybe': it holds true or false"),
    ("since", "yesterday", "since cannot be 'yesterday': it holds a time"),
    ("until", 5, "until cannot be 5: it holds a time"),
    ("status", "DONE", "status cannot be 'DONE': it holds a status"),
    ("status", 3, "status cannot be 3"),
    ("prompt", {"a": 1}, r"prompt cannot be \{'a': 1\}: it holds text"),
    ("study", object, "study cannot be <class 'object'>"),
    ("prompt", b"cat", "prompt cannot be b'cat'"),
    ("colour", "red", "no column 'colour'"),
    ("_db", 1, "no column '_db'"),
    ("request", {}, "no column 'request'"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_a_filter_that_cannot_be_is_one_clear_error(log: RunLog, name: str, value: Any, said: str) -> None:
    for ask in (log.find, log.to_frame, *([log.count] if name not in {"limit", "offset"} else [])):
        with pytest.raises(InvalidOption, match=said) as caught:
            ask(**{name: value})
        assert len(caught.value.message) < 200
        assert "log cannot be used" not in str(caught.value)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"limit": "1"}, 1), ({"limit": 0}, 0), ({"limit": 2**63 - 1}, 2), ({"seed": "7"}, 1), ({"seed": 7.0}, 1),
        ({"seed": -(2**63) + 1}, 0), ({"cost": "3"}, 2), ({"cost": 3}, 2), ({"watermark": "yes"}, 1),
        ({"prompt": 7}, 0), ({"text": "a\0b"}, 0), ({"text": "\ud800"}, 0), ({"study": "a\0b"}, 0),
        ({"since": "2026-11-22T12:00+00:00"}, 2), ({"since": datetime(1, 1, 1, tzinfo=UTC)}, 2),
        ({"until": datetime(9999, 12, 31, tzinfo=UTC)}, 2), ({"status": ["intended", "FAILED"]}, 2), ({"seed": []}, 0),
    ],
)  # fmt: skip
def test_filters_take_what_a_person_types(log_url: str, filters: dict[str, Any], found: int) -> None:
    log = RunLog(log_url, now=Clock())
    log.reserve(intent("1", seed=7, watermark=True))
    log.reserve(intent("2"))
    assert len(log.find(**filters)) == len(log.to_frame(**filters)) == found
    log.close()


# --- one task, two runs


def test_a_task_belongs_to_one_run(log_url: str) -> None:
    log = RunLog(log_url)
    one, two = in_state(log, Status.INTENDED, "1"), in_state(log, Status.INTENDED, "2")
    log.update(one, "accepted", task_id="t1")
    with pytest.raises(LogError, match=f"task t1 is run {one[:8]}'s already"):
        log.update(two, "accepted", task_id="t1")
    assert log.get(two).status is Status.INTENDED
    assert log.update(one, "accepted", task_id="t1").task_id == "t1", "news may arrive twice"
    log.close()
