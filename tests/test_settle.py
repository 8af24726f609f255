"""An uncertain submit is settled only where nothing else can be meant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from wan_nb.api.task import Listed
from wan_nb.engine.row import Row
from wan_nb.engine.states import Status
from wan_nb.engine.uncertain import Verdict, judge

T0 = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATE = T0 + timedelta(seconds=60)
SKEW = timedelta(minutes=7)


def row(run_id: str = "a", *, model: str = "wan2.7-i2v", posted: datetime = T0) -> Row:
    return Row(run_id, model=model, posted_at=posted, status=Status.UNCERTAIN)


def task(task_id: str, seconds: float = 1.0, *, model: str = "wan2.7-i2v", skew: timedelta = timedelta()) -> Listed:
    return Listed(task_id, "PENDING", model, gmt_create=T0 + timedelta(seconds=seconds) + skew)


def noted(skew: float) -> Row:
    """A run that was posted when the service's clock was so many seconds ahead."""
    return replace(row(), request={"skew": skew})


CASES = {
    "one unknown task, one intent": ({"listed": [task("t")]}, Verdict(task_id="t")),
    "no task, the list had time": ({"listed": []}, Verdict(not_accepted=True)),
    "no task, the list may lag": ({"listed": [], "now": T0 + timedelta(seconds=5)}, Verdict()),
    "no task, and the list does not reach back so far": (
        {"listed": [], "now": T0 + timedelta(hours=24)},
        Verdict(too_late=True),
    ),
    "no task, a day later by our clock alone": (
        {"listed": [], "now": T0 + timedelta(hours=25), "row": noted(0.0), "skew": -timedelta(hours=24)},
        Verdict(not_accepted=True),
    ),
    "no task, by a clock that was set back": (
        {"listed": [], "now": T0 - timedelta(hours=1), "row": noted(0.0), "skew": timedelta(hours=2)},
        Verdict(not_accepted=True),
    ),
    "no task, and a Date header that was read a second earlier": (
        {"listed": [], "now": T0 + timedelta(seconds=20.5), "row": noted(0.0), "skew": timedelta(seconds=-0.9)},
        Verdict(not_accepted=True),
    ),
    "two unknown tasks": ({"listed": [task("t"), task("u")]}, Verdict(candidates=("t", "u"))),
    "one of two is known": ({"listed": [task("t"), task("u")], "known": {"u"}}, Verdict(task_id="t")),
    "all known": ({"listed": [task("t")], "known": {"t"}}, Verdict(not_accepted=True)),
    "a second open intent": ({"listed": [task("t")], "others": [row("b")]}, Verdict(candidates=("t",))),
    "itself is no rival": ({"listed": [task("t")], "others": [row("a")]}, Verdict(task_id="t")),
    "a rival of another model": ({"listed": [task("t")], "others": [row("b", model="x")]}, Verdict(task_id="t")),
    "a rival of another hour": (
        {"listed": [task("t")], "others": [row("b", posted=T0 - timedelta(hours=1))]},
        Verdict(task_id="t"),
    ),
    "a task made before": ({"listed": [task("t", -30)]}, Verdict(not_accepted=True)),
    "a task of another model": ({"listed": [task("t", model="x")]}, Verdict(not_accepted=True)),
    "clocks seven minutes apart": ({"listed": [task("t", skew=SKEW)], "skew": SKEW}, Verdict(task_id="t")),
    "clocks apart, and nobody told us": ({"listed": [task("t", skew=SKEW)], "skew": None}, Verdict(task_id="t")),
}


@pytest.mark.parametrize("case", CASES)
def test_judge(case: str) -> None:
    given, expected = CASES[case]
    arguments = {"row": row(), "others": [], "known": set(), "now": LATE, "skew": timedelta(), **given}
    assert judge(**arguments, patience=timedelta(seconds=20)) == expected
