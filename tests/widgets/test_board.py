"""The kernel's side of the live board: what is sent, when, and what a click may do."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import virtual_time

from wan_nb.errors import Refused
from wan_nb.html.text import ACTIVE
from wan_nb.log.row import Row
from wan_nb.log.states import OPEN, Status
from wan_nb.widgets.base import answer_at_once
from wan_nb.widgets.board import Board, board_row, usual
from wan_nb.widgets.board_feed import BEAT, GAP, BoardFeed

T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RUN = Row(
    "3f9c12ab34de",
    study="walk",
    variant="calm",
    prompt="a cat walks",
    status=Status.RUNNING,
    resolution="720P",
    duration=5,
    seed=7,
    created_at=T0,
    submitted_at=T0 + timedelta(seconds=1),
    started_at=T0 + timedelta(seconds=4),
    cost=3.0,
    currency="CNY",
    request={},
)


def numbered(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [board_row(replace(RUN, run_id=f"{i:012x}", **changes)) for i in range(count)]


# --- rows


def test_row_is_plain_json_with_the_keys_of_the_module() -> None:
    import json
    import re

    row = board_row(RUN, expected_s=60.0)
    module = (Path(__file__).parents[2] / "wan_nb/widgets/static/board.js").read_text()
    typedef = module.partition("@typedef {{id: string")[2].partition("}} Row")[0]
    assert json.loads(json.dumps(row)) == row
    assert {"id", *re.findall(r"(\w+):", typedef)} <= set(row)
    assert (row["created"], row["submitted"], row["started"]) == (
        T0.timestamp(),
        T0.timestamp() + 1,
        T0.timestamp() + 4,
    )
    assert row["price"] == "≈ CNY 3.00"


def test_row_is_text_without_controls_and_not_endless() -> None:
    evil = "<img onerror=x>\x00\u202e" * 50_000
    row = board_row(replace(RUN, study=evil, variant=evil, prompt=evil, error_message=evil, service_status=evil))
    for value in row.values():
        assert not isinstance(value, str) or (len(value) <= 700 and "\x00" not in value and "\u202e" not in value)


@pytest.mark.parametrize("status", list(Status))
def test_only_a_waiting_run_can_be_canceled(status: Status) -> None:
    assert board_row(replace(RUN, status=status))["cancelable"] == (status is Status.PENDING)


def test_open_states_are_those_of_the_log() -> None:
    assert set(ACTIVE) == set(OPEN)


def test_clip_is_named_when_it_is_there(tmp_path: Path) -> None:
    clip = tmp_path / "wan_runs/videos/a.mp4"
    assert board_row(RUN)["video"] is None
    assert board_row(RUN, video=clip, folder=tmp_path)["video"] == "wan_runs/videos/a.mp4"


def test_reason_of_a_stuck_download_says_what_to_do() -> None:
    row = board_row(replace(RUN, status=Status.DOWNLOADING, error_message="disk full"))
    assert row["message"] == "Made and paid, not on disk yet: disk full %wan resume fetches it."
    assert board_row(replace(RUN, status=Status.DOWNLOADING))["message"] == ""


def test_usual_time_is_the_median() -> None:
    assert usual([]) is None
    assert usual([5.0, 100.0, 7.0]) == 7.0


# --- feed


class Sink:
    """What a view was told, and when."""

    def __init__(self) -> None:
        self.messages: list[tuple[float, dict[str, Any]]] = []

    def __call__(self, message: dict[str, Any]) -> None:
        self.messages.append((asyncio.get_running_loop().time(), message))

    def of(self, kind: str) -> list[tuple[float, dict[str, Any]]]:
        return [(when, message) for when, message in self.messages if message["kind"] == kind]


def feed(sink: Any) -> BoardFeed:
    return BoardFeed(sink, contextvars.copy_context(), dict)


def test_many_changes_become_few_messages_and_the_last_state_arrives() -> None:
    sink = Sink()

    async def main() -> None:
        board = feed(sink)
        for step in range(1000):
            board.put({"id": "a", "step": step}, is_open=step < 999)
            await asyncio.sleep(0.005)
        await asyncio.sleep(GAP)
        board.close()

    virtual_time.run(main())
    times = [when for when, _ in sink.of("rows")]
    assert len(times) <= 5.0 / GAP + 2
    assert min(b - a for a, b in itertools.pairwise(times)) >= GAP - 1e-9
    assert sink.of("rows")[-1][1]["rows"] == [{"id": "a", "step": 999}]


def test_one_message_carries_only_the_rows_that_changed() -> None:
    sink = Sink()

    async def main() -> None:
        board = feed(sink)
        for name in "abc":
            board.put({"id": name}, is_open=True)
        await asyncio.sleep(1)
        board.put({"id": "b", "new": 1}, is_open=True)
        await asyncio.sleep(1)
        board.close()

    virtual_time.run(main())
    assert [[row["id"] for row in message["rows"]] for _, message in sink.of("rows")] == [["a", "b", "c"], ["b"]]


def test_first_change_goes_out_at_once() -> None:
    sink = Sink()

    async def main() -> None:
        board = feed(sink)
        await asyncio.sleep(3)
        board.put({"id": "a"}, is_open=False)
        await asyncio.sleep(GAP / 10)
        board.close()

    virtual_time.run(main())
    assert [when for when, _ in sink.messages] == [3.0]


def test_messages_are_numbered_without_a_gap_and_beats_do_not_count() -> None:
    sink = Sink()

    async def main() -> None:
        board = feed(sink)
        for _ in range(5):
            board.put({"id": "a"}, is_open=True)
            await asyncio.sleep(BEAT * 0.7)
        board.close()

    virtual_time.run(main())
    assert [message["seq"] for _, message in sink.of("rows")] == [1, 2, 3, 4, 5]
    assert sink.of("beat")
    for when, message in sink.of("beat"):
        assert message["seq"] == max(m["seq"] for t, m in sink.of("rows") if t <= when)


def test_it_gives_signs_of_life_while_a_run_is_open_and_then_falls_silent() -> None:
    sink = Sink()

    async def main() -> None:
        board = feed(sink)
        board.put({"id": "a"}, is_open=True)
        await asyncio.sleep(10 * BEAT + 1)
        board.put({"id": "a"}, is_open=False)
        await asyncio.sleep(10 * BEAT)

    virtual_time.run(main())
    beats = [when for when, _ in sink.of("beat")]
    assert 10 <= len(beats) <= 12
    assert beats[-1] <= 11 * BEAT + 1


def test_where_nobody_looks_after_the_runs_the_signs_of_life_end() -> None:
    sink, alive = Sink(), [True]

    async def main() -> None:
        board = BoardFeed(sink, contextvars.copy_context(), dict, lambda: alive[0])
        board.put({"id": "a"}, is_open=True)
        await asyncio.sleep(2.5 * BEAT)
        alive[0] = False
        await asyncio.sleep(10 * BEAT)

    virtual_time.run(main())
    assert len(sink.of("beat")) == 2


def test_the_last_state_goes_out_when_a_feed_is_closed() -> None:
    sink = Sink()

    async def main() -> None:
        board = feed(sink)
        board.put({"id": "a", "step": 1}, is_open=True)
        await asyncio.sleep(GAP / 2)
        board.put({"id": "a", "step": 2}, is_open=False)
        board.close()
        board.put({"id": "a", "step": 3}, is_open=False)
        await asyncio.sleep(10)

    virtual_time.run(main())
    assert [message["rows"][0]["step"] for _, message in sink.of("rows")] == [1, 2]


def test_a_view_that_is_gone_ends_its_feed_quietly() -> None:
    calls = []

    def broken(message: dict[str, Any]) -> None:
        calls.append(message)
        raise LookupError("no comm")

    async def main() -> BoardFeed:
        board = feed(broken)
        board.put({"id": "a"}, is_open=True)
        await asyncio.sleep(1)
        board.put({"id": "a"}, is_open=True)
        await asyncio.sleep(100)
        return board

    assert virtual_time.run(main()).closed
    assert len(calls) == 1


# --- board


class Heard(Board):
    """A board whose messages stay here."""

    def send(self, content: Any, buffers: Any = None) -> None:
        if not hasattr(self, "said"):
            self.said: list[tuple[Any, Any]] = []
        self.said.append((content, buffers))

    def click(self, kind: str, run_id: str) -> None:
        self._on_message(self, {"kind": kind, "id": run_id}, [])


def board(rows: list[dict[str, Any]], **actions: Any) -> Heard:
    return Heard(rows, post=asyncio.ensure_future, actions=actions, title="walk")


def kinds(widget: Heard) -> list[str]:
    return [content["kind"] for content, _ in widget.said]


def test_news_changes_what_a_reloaded_page_asks_for_and_appends_new_runs() -> None:
    async def main() -> None:
        widget = board(numbered(2))
        widget.put({**widget.rows[1], "state": "SUCCEEDED"})
        widget.put(board_row(replace(RUN, run_id="new")))
        state = widget.get_state("rows")["rows"]
        assert [row["state"] for row in state] == ["RUNNING", "SUCCEEDED", "RUNNING"]
        assert state[2]["id"] == "new"
        widget.feed.close()
        widget.close()

    virtual_time.run(main())


def test_change_of_one_row_among_many_sends_one_row() -> None:
    async def main() -> Heard:
        widget = board(numbered(200))
        await asyncio.sleep(1)
        widget.put({**widget.rows[7], "state": "SUCCEEDED"})
        await asyncio.sleep(GAP)
        widget.feed.close()
        return widget

    widget = virtual_time.run(main())
    (message,) = [content for content, _ in widget.said if content["kind"] == "rows"]
    assert [row["id"] for row in message["rows"]] == [f"{7:012x}"]


def test_a_page_that_missed_a_message_gets_everything() -> None:
    async def main() -> Heard:
        widget = board(numbered(3))
        widget.click("sync", "")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return widget

    message, _ = virtual_time.run(main()).said[-1]
    assert message["whole"] is True
    assert len(message["rows"]) == 3


def test_a_click_is_acknowledged_at_once_and_its_error_is_said_on_the_row() -> None:
    async def refuse(run_id: str) -> None:
        raise Refused("the service did not cancel it.", remedy="It runs already.")

    async def main() -> Heard:
        widget = board(numbered(1), cancel=refuse)
        widget.click("cancel", widget.rows[0]["id"])
        assert kinds(widget) == ["ack"]
        await asyncio.sleep(0.1)
        return widget

    content, _ = virtual_time.run(main()).said[-1]
    assert content == {"kind": "said", "id": f"{0:012x}", "text": "the service did not cancel it.\nIt runs already."}


def test_an_unforeseen_error_of_a_click_is_said_too() -> None:
    async def breaks(run_id: str) -> None:
        raise ValueError("<b>\x00")

    async def main() -> Heard:
        widget = board(numbered(1), again=breaks)
        widget.click("again", widget.rows[0]["id"])
        await asyncio.sleep(0.1)
        return widget

    assert virtual_time.run(main()).said[-1][0]["text"] == "ValueError: <b>\ufffd"


def test_clip_travels_as_bytes_and_code_as_text() -> None:
    async def clip(run_id: str) -> bytes:
        return b"mp4"

    async def code(run_id: str) -> dict[str, str]:
        return {"Python": "1"}

    async def main() -> Heard:
        widget = board(numbered(1), clip=clip, code=code)
        for kind in ("clip", "code"):
            widget.click(kind, widget.rows[0]["id"])
        await asyncio.sleep(0.1)
        return widget

    said = virtual_time.run(main()).said
    assert ({"kind": "clip", "id": f"{0:012x}", "type": "video/mp4"}, [b"mp4"]) in said
    assert ({"kind": "code", "id": f"{0:012x}", "code": {"Python": "1"}}, None) in said


@pytest.mark.parametrize(
    "content",
    [{}, {"kind": "cancel"}, {"kind": "cancel", "id": "other"}, {"kind": "rm", "id": "0" * 12}, {"kind": None}],
)
def test_a_message_that_means_nothing_does_nothing(content: dict[str, Any]) -> None:
    async def never(run_id: str) -> None:
        raise AssertionError

    async def main() -> Heard:
        widget = board(numbered(1), cancel=never)
        widget.said = []
        widget._on_message(widget, content, [])
        await asyncio.sleep(0.1)
        return widget

    assert virtual_time.run(main()).said == []


@pytest.mark.parametrize("given", [True, False, 1, "yes", None])
def test_the_switch_of_notices_is_handed_on_and_every_page_is_told(given: Any) -> None:
    chosen: list[bool] = []

    async def main() -> Heard:
        widget = Heard(
            numbered(1), post=asyncio.ensure_future, actions={}, notify=lambda: chosen[-1:] == [True],
            set_notify=chosen.append,
        )  # fmt: skip
        widget._on_message(widget, {"kind": "notify", "on": given}, [])
        await asyncio.sleep(0.1)
        return widget

    [(content, _)] = virtual_time.run(main()).said
    assert chosen == [given is True]
    assert (content["whole"], content["about"]["notify"]) == (True, given is True)


def test_clicks_are_answered_on_the_shell_they_came_on_where_the_kernel_would_move_them() -> None:
    class Comm:
        def _reply_subshell_for(self, data: Any, default: str) -> str:
            return "main"

    class Widget:
        comm: Any = Comm()

    answer_at_once(Widget)
    assert Widget.comm._reply_subshell_for({}, "subshell-1") == "subshell-1"
    Widget.comm = None
    answer_at_once(Widget)
    assert Widget.comm is None
