"""A person whose tab is hidden is told when a run or study ends."""

from __future__ import annotations

from typing import Any

import pytest

from . import states
from .harness import mount, tell

# Headless pages are never hidden and may never notify: the browser's two answers are given here, and what it is asked
# is written down.
BROWSER = """
window.away = false;
Object.defineProperty(Document.prototype, "hidden", { get: () => window.away });
window.turn = (away) => { window.away = away; document.dispatchEvent(new Event("visibilitychange")); };
window.shown = [];
window.askedLeave = 0;
window.Notification = class {
  static permission = "default";
  static async requestPermission() {
    window.askedLeave += 1;
    Notification.permission = window.answer;
  }
  constructor(title, { body, tag }) { window.shown.push([title, body, tag]); }
};
window.answer = "granted";
"""


@pytest.fixture
def board(page: Any) -> Any:
    page.add_init_script(BROWSER)

    def show(rows: list[Any], **given: Any) -> list[dict[str, Any]]:
        state = states.board(rows, **given)
        mount(page, "board.js", state)
        page.evaluate("document.title = 'a notebook'")
        return state["rows"]

    return show


def news(page: Any, rows: list[dict[str, Any]], seq: int, *, notify: bool) -> None:
    about = {"notify": notify}
    now = page.evaluate("Date.now() / 1000")
    tell(page, {"kind": "rows", "rows": rows, "about": about, "seq": seq, "now": now})


def told(page: Any) -> tuple[str, Any]:
    return page.evaluate("document.title"), page.evaluate("shown")


def test_it_is_off_and_asks_nothing(page: Any, board: Any) -> None:
    rows = board([states.row(0, "RUNNING")])
    page.locator("body").click()
    page.evaluate("turn(true)")
    news(page, [{**rows[0], "state": "SUCCEEDED"}], 1, notify=False)
    assert told(page) == ("a notebook", [])
    assert page.evaluate("askedLeave") == 0


def test_the_switch_asks_once_and_the_end_is_told_where_nobody_looks(page: Any, board: Any) -> None:
    rows = board([states.row(0, "RUNNING"), states.row(1, "PENDING")])
    switch = page.get_by_label("Tell me when it is done")
    for on in (True, False, True):
        switch.set_checked(on)
    assert page.evaluate("model.sent.filter((m) => m.kind === 'notify').map((m) => m.on)") == [True, False, True]
    assert page.evaluate("askedLeave") == 1
    page.evaluate("turn(true)")
    news(page, [{**rows[0], "state": "SUCCEEDED"}], 1, notify=True)
    assert told(page) == ("a notebook", []), "one of two goes on"
    news(page, [{**rows[1], "state": "FAILED"}], 2, notify=True)
    ids = ",".join(row["id"] for row in rows)
    assert told(page) == ("✓ walk: 1 done, 1 failed", [["wan_nb", "walk: 1 done, 1 failed", ids]])
    assert switch.is_hidden()
    page.evaluate("turn(false)")
    assert page.evaluate("document.title") == "a notebook"


def test_who_looks_at_it_is_told_nothing(page: Any, board: Any) -> None:
    rows = board([states.row(0, "RUNNING")], notify=True)
    assert page.get_by_label("Tell me when it is done").is_checked()
    page.locator("body").click()
    assert page.evaluate("askedLeave") == 1, "the setting asks with whatever is pressed first"
    news(page, [{**rows[0], "state": "SUCCEEDED"}], 1, notify=True)
    assert told(page) == ("a notebook", [])


@pytest.mark.parametrize("way", ["denied", "none"])
def test_without_leave_the_title_tells_it(page: Any, board: Any, way: str) -> None:
    rows = board([states.row(0, "RUNNING")])
    page.evaluate("answer = 'denied'" if way == "denied" else "delete window.Notification")
    page.get_by_label("Tell me when it is done").check()
    page.evaluate("turn(true)")
    news(page, [{**rows[0], "state": "SUCCEEDED"}], 1, notify=True)
    assert told(page) == ("✓ walk · calm: done", [])
