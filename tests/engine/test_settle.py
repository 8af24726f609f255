"""An uncertain submit is settled only where nothing else can be meant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from wan_nb.api.task import Listed
from wan_nb.engine.posting.settle_rule import UNTOLD, Verdict, judge
from wan_nb.log.row import Row
from wan_nb.log.states import Status

T0 = datetime(2026, 11, 23, 12, tzinfo=UTC)
ENDED = T0 + timedelta(seconds=2)
LATE = T0 + timedelta(seconds=60)
PATIENCE = timedelta(seconds=20)
LIMIT = timedelta(seconds=600)
SKEW = timedelta(minutes=7)
FUTURE = T0.replace(year=2099)


def row(
    run_id: str = "a",
    *,
    model: str = "wan2.7-i2v",
    posted: datetime = T0,
    end: str | None = "closed",
    took: float = 2.0,
) -> Row:
    ended = posted + timedelta(seconds=took) if end else None
    return Row(run_id, model=model, posted_at=posted, status=Status.UNCERTAIN, post_end=end, post_ended_at=ended)


def task(
    task_id: str, seconds: float = 1.0, *, model: str | None = "wan2.7-i2v", skew: timedelta = timedelta()
) -> Listed:
    return Listed(task_id, "PENDING", model, gmt_create=T0 + timedelta(seconds=seconds) + skew)


UNTIMED = Listed("t", "PENDING", "wan2.7-i2v")


def wait(seconds: float) -> timedelta:
    """What is left at `LATE` until a list can prove that there is no task."""
    return T0 + timedelta(seconds=seconds) + PATIENCE - LATE


def noted(skew: float) -> Row:
    """A run that was posted, and its line broken at once, when the service's clock was so many seconds ahead."""
    return replace(row(took=0), skew=skew)


CASES = {
    "one unknown task, one intent": ({"listed": [task("t")]}, Verdict(task_id="t")),
    "no task, the list had time": ({"listed": []}, Verdict(not_accepted=True)),
    "no task, the list may lag": (
        {"listed": [], "now": T0 + timedelta(seconds=5)},
        Verdict(wait=timedelta(seconds=2 + 20 - 5)),
    ),
    "no task, and the list is not whole": ({"listed": [], "whole": False}, Verdict()),
    "one unknown task, and the list is not whole": (
        {"listed": [task("t")], "whole": False},
        Verdict(candidates=("t",)),
    ),
    "answered, and no task": ({"listed": [], "row": row(end="answered")}, Verdict(not_accepted=True)),
    "the other side took long to break the line": ({"listed": [], "row": row(took=55)}, Verdict(wait=wait(55))),
    "the other side broke the line after an hour": (
        {"listed": [task("t", 3500)], "row": row(took=3600), "now": T0 + timedelta(hours=2)},
        Verdict(task_id="t"),
    ),
    "we hung up, and the service may go on": ({"listed": [], "row": row(end="hung up")}, Verdict(wait=wait(602))),
    "we hung up, and no request lives so long": (
        {"listed": [], "row": row(end="hung up"), "now": T0 + timedelta(seconds=622)},
        Verdict(not_accepted=True),
    ),
    "we hung up, and it made the task minutes later": (
        {"listed": [task("t", 590)], "row": row(end="hung up"), "now": T0 + timedelta(seconds=622)},
        Verdict(task_id="t"),
    ),
    "nobody wrote down how it ended": ({"listed": [], "row": row(end=None)}, Verdict(wait=wait(670))),
    "nobody wrote it down, and no request lives so long": (
        {"listed": [], "row": row(end=None), "now": T0 + UNTOLD + LIMIT + PATIENCE},
        Verdict(not_accepted=True),
    ),
    "nobody wrote it down, and a task of the last moment": (
        {"listed": [task("t", 669)], "row": row(end=None), "now": T0 + UNTOLD + LIMIT + PATIENCE},
        Verdict(task_id="t"),
    ),
    "a workspace host, where we hung up": (
        {"listed": [], "row": row(end="hung up"), "now": T0 + timedelta(seconds=622), "request_limit": 3600.0},
        Verdict(wait=timedelta(seconds=3000)),
    ),
    "a clock of ours that was set back in mid-POST": (
        {"listed": [task("t")], "row": row(took=-3600)},
        Verdict(task_id="t"),
    ),
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
    "a rival whose task it may be": (
        {"listed": [task("t", model=None)], "others": [row("b", model="x")]},
        Verdict(candidates=("t",)),
    ),
    "a rival of the snapshot": (
        {"listed": [task("t")], "others": [row("b", model="wan2.7-i2v-2026-04-25")]},
        Verdict(candidates=("t",)),
    ),
    "a rival that hung up an hour before": (
        {"listed": [task("t")], "others": [row("b", posted=T0 - timedelta(hours=1), end="hung up")]},
        Verdict(task_id="t"),
    ),
    "a rival that hung up minutes before": (
        {"listed": [task("t")], "others": [row("b", posted=T0 - timedelta(minutes=9), end="hung up")]},
        Verdict(candidates=("t",)),
    ),
    "a task made before": ({"listed": [task("t", -30)]}, Verdict(not_accepted=True)),
    "a task made after the end": ({"listed": [task("t", 30)]}, Verdict(not_accepted=True)),
    "a task of another model": ({"listed": [task("t", model="x")]}, Verdict(candidates=("t",))),
    "a known task of another model": ({"listed": [task("t", model="x")], "known": {"t"}}, Verdict(not_accepted=True)),
    "a task of the snapshot": ({"listed": [task("t", model="wan2.7-i2v-2026-04-25")]}, Verdict(task_id="t")),
    "the snapshot was asked for": (
        {"listed": [task("t")], "row": row(model="wan2.7-i2v-2026-04-25")},
        Verdict(task_id="t"),
    ),
    "a task without a model": ({"listed": [task("t", model=None)]}, Verdict(task_id="t")),
    "a task whose status nobody knows": ({"listed": [replace(task("t"), status="UNKNOWN")]}, Verdict(task_id="t")),
    "a task without a time": ({"listed": [UNTIMED]}, Verdict(task_id="t")),
    "two tasks, one without a time": ({"listed": [UNTIMED, task("u")]}, Verdict(candidates=("t", "u"))),
    "a task of a day that no list reaches back to": ({"listed": [task("t", -30 * 3600)]}, Verdict(task_id="t")),
    "a task of tomorrow": ({"listed": [task("t", 3600)]}, Verdict(task_id="t")),
    "a task of 1970": ({"listed": [task("t", -1.7e9)]}, Verdict(task_id="t")),
    "posted by a clock that had jumped, and no task": (
        {"listed": [], "row": row(end=None, posted=FUTURE)},
        Verdict(timeless=True),
    ),
    "posted by a clock that had jumped, and one task": (
        {"listed": [task("t")], "row": row(end=None, posted=FUTURE)},
        Verdict(task_id="t"),
    ),
    "posted by a clock that had jumped, and two tasks": (
        {"listed": [task("t"), task("u")], "row": row(end=None, posted=FUTURE)},
        Verdict(candidates=("t", "u"), timeless=True),
    ),
    "posted by a clock that had jumped, noticed more than a day ago": (
        {"listed": [], "row": replace(row(posted=FUTURE), post_ended_at=LATE - timedelta(hours=25))},
        Verdict(too_late=True, timeless=True),
    ),
    "a rival posted by a clock that had jumped": (
        {"listed": [task("t")], "others": [row("b", end=None, posted=FUTURE)]},
        Verdict(candidates=("t",)),
    ),
    "a time that cannot be read": (
        {"listed": [], "row": replace(row(), posted_at=None)},
        Verdict(timeless=True),
    ),
    "a note of the clock that cannot be read": (
        {"listed": [task("t", 30)], "row": replace(row(), damaged=("skew",))},
        Verdict(task_id="t"),
    ),
    "a note of a clock that there cannot be": (
        {"listed": [task("t", 30)], "row": replace(row(), skew=1e300)},
        Verdict(task_id="t"),
    ),
    "clocks seven minutes apart": ({"listed": [task("t", skew=SKEW)], "skew": SKEW}, Verdict(task_id="t")),
    "clocks apart, and nobody told us": ({"listed": [task("t", skew=SKEW)], "skew": None}, Verdict(task_id="t")),
}


@pytest.mark.parametrize("case", CASES)
def test_judge(case: str) -> None:
    given, expected = CASES[case]
    usual = {"row": row(), "others": [], "known": set(), "whole": True, "now": LATE, "skew": timedelta()}
    arguments = {**usual, "request_limit": LIMIT.total_seconds(), "patience": PATIENCE, **given}
    assert judge(**arguments) == expected
