"""What the service says is read leniently: two time formats, drifting types, words yet unknown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_nb.api.task import Task, TaskPage, parse_time

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-04-08 10:00:00.000", datetime(2026, 4, 8, 2, tzinfo=UTC)),
        ("2026-04-08 10:00:00", datetime(2026, 4, 8, 2, tzinfo=UTC)),
        ("2026-04-08T02:00:00Z", datetime(2026, 4, 8, 2, tzinfo=UTC)),
        (1775613600000, datetime(2026, 4, 8, 2, tzinfo=UTC)),
        ("1775613600000", datetime(2026, 4, 8, 2, tzinfo=UTC)),
        (0, None),
        ("soon", None),
        (None, None),
        ({}, None),
        (True, None),
        (10**20, None),
    ],
)
def test_times_come_as_utc8_text_or_epoch_milliseconds(value: object, expected: datetime | None) -> None:
    assert parse_time(value) == expected


@pytest.mark.parametrize(("duration", "tier"), [(10, 720), (10.0, "720"), ("10", "720P"), ("10.04", 720)], ids=str)
def test_usage_is_read_whatever_its_types(duration: object, tier: object) -> None:
    body = {"output": {"task_id": "t", "task_status": "SUCCEEDED"}, "usage": {"duration": duration, "SR": tier}}
    usage = Task.parse(body).usage
    assert usage is not None
    assert (usage.duration, usage.SR) == (float(str(duration)), 720)


def test_a_word_of_tomorrow_is_kept_as_it_is() -> None:
    task = Task.parse({"output": {"task_id": "t", "task_status": "Paused"}})
    assert (task.status, task.ended) == ("PAUSED", False)


def test_the_link_is_not_in_the_repr() -> None:
    body = {"output": {"task_id": "t", "task_status": "SUCCEEDED", "video_url": "https://x/y.mp4?Signature=abc"}}
    assert "Signature" not in repr(Task.parse(body))


def test_a_list_passes_over_rows_that_are_no_tasks() -> None:
    page = TaskPage.parse({"data": [{"task_id": "a", "status": "RUNNING"}, None, {"status": "x"}], "total": "1"})
    assert [(t.task_id, t.status) for t in page.tasks] == [("a", "RUNNING")]


@given(JSON)
def test_any_json_is_a_task_or_a_value_error(body: object) -> None:
    for parse in (Task.parse, TaskPage.parse):
        try:
            parse(body)
        except ValueError:
            continue


@given(st.dictionaries(st.sampled_from(["task_id", "task_status", "submit_time", "code", "video_url"]), JSON), JSON)
def test_any_output_is_a_task_or_a_value_error(output: object, usage: object) -> None:
    try:
        task = Task.parse({"output": output, "usage": usage})
    except ValueError:
        return
    assert isinstance(task.task_id, str)
    assert isinstance(task.code, str)
