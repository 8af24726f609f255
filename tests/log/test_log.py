"""The run log: its states, what is reserved, and what it may cost. All of it on SQLite and on PostgreSQL."""

import ast
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from log_kit import START, Clock, in_state, intent

from wan_nb.errors import BudgetExceeded, InvalidOption, LogError
from wan_nb.log import states
from wan_nb.log.runlog import RunLog
from wan_nb.log.states import EVENTS, FINAL, OPEN, TRANSITIONS, UNBILLED, Event, Status

pytest_plugins = ["fixtures_log"]


def test_the_drawn_table_is_the_table():
    assert states.__doc__ is not None
    lines = [line.split() for line in states.__doc__.splitlines()]
    head = next(words for words in lines if words[:3] == ["from", "→", "to"])[3:]
    drawn = {
        words[0]: {to for to, mark in zip(head, words[1:], strict=True) if mark == "●"}
        for words in lines
        if len(words) == len(head) + 1 and set(words[1:]) <= {"●", "·"}
    }
    assert set(head) == set(Status) - {Status.INTENDED}
    assert drawn == {status: set(ways) for status, ways in TRANSITIONS.items() if ways}
    assert {*Status} - set(drawn) == set(FINAL) == {"SUCCEEDED", "FAILED", "CANCELED", "EXPIRED"}


def test_a_transition_that_the_table_lacks_cannot_be_planted(log: RunLog):
    """Nothing but an event changes a state, and nobody adds an event or a way to the table."""
    run_id = in_state(log, Status.DOWNLOADING)
    for write in (log.update, log.advance):
        with pytest.raises(InvalidOption, match="no column 'status'"):
            write(run_id, status="FAILED")
        with pytest.raises(ValueError, match="unpaid"):
            write(run_id, "unpaid")
    with pytest.raises(TypeError):
        EVENTS["unpaid"] = states.Step(frozenset({Status.DOWNLOADING}), Status.FAILED)  # type: ignore[index]
    with pytest.raises(TypeError):
        TRANSITIONS[Status.DOWNLOADING] = frozenset(Status)  # type: ignore[index]
    with pytest.raises(AttributeError):
        EVENTS[Event.FAILED].sources.add(Status.DOWNLOADING)  # type: ignore[attr-defined]
    assert log.get(run_id).status is Status.DOWNLOADING
    assert set(EVENTS) == set(Event)


def test_only_the_log_writes_states():
    """A state that is written as a column elsewhere would pass by the table."""
    package = Path(states.__file__).parents[1]
    written = [
        (path.name, node.lineno)
        for path in package.rglob("*.py")
        if path.parent != package / "log" and "simulator" not in path.parts
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "status" and "Status." in ast.unparse(keyword.value)
        if not ast.unparse(node.func).endswith((".find", "ask_log"))
    ]
    assert written == []


@pytest.mark.parametrize("at", list(Status))
def test_only_the_drawn_transitions_are_written(log: RunLog, at: Status):
    for event, (sources, to) in EVENTS.items():
        run_id = in_state(log, at, f"{at} {event}")
        if at in sources or at is to:
            assert log.update(run_id, event).status is to
        else:
            with pytest.raises(LogError, match=f"it is {at} and cannot become {to}"):
                log.update(run_id, event)
            assert log.advance(run_id, event, service_status="late") == log.get(run_id)
            assert log.get(run_id).status is at
            assert log.get(run_id).service_status is None


def test_a_paid_clip_never_becomes_unpaid(log: RunLog):
    run_id = in_state(log, Status.DOWNLOADING)
    with pytest.raises(LogError):
        log.update(run_id, "failed")
    row = log.update(run_id, error_message="the disk is full")
    assert (row.status, row.cost, row.error_message) == (Status.DOWNLOADING, 3.0, "the disk is full")
    assert log.update(run_id, "forgotten").cost == 3.0


@pytest.mark.parametrize("status", sorted(FINAL))
def test_a_final_run_keeps_its_state_and_its_bill(log: RunLog, status: Status):
    run_id = in_state(log, status)
    again = next(event for event, step in EVENTS.items() if step.to is status)
    for change in ({"cost": 0.5}, {"task_id": "other"}, {"event": again, "ended_at": START}):
        before = log.get(run_id)
        with pytest.raises(LogError, match="cannot change its"):
            log.update(run_id, **change)
        assert log.advance(run_id, **change) == before
    row = log.update(run_id, rating=4, note="good", tags=["keep"], video="elsewhere.mp4", event=again)
    assert (row.rating, row.note, row.tags, row.video) == (4, "good", ("keep",), "elsewhere.mp4")


def test_an_unknown_column_is_refused_by_name(log: RunLog):
    run_id = in_state(log, Status.PENDING)
    with pytest.raises(InvalidOption, match=r"ratin.*\nDid you mean rating"):
        log.update(run_id, ratin=3)
    with pytest.raises(InvalidOption, match="video_url"):
        log.update(run_id, video_url="https://signed")
    for fixed in ("fingerprint", "attempt", "created_at"):
        with pytest.raises(InvalidOption):
            log.update(run_id, **{fixed: 1})
    with pytest.raises(InvalidOption, match="seeed"):
        log.reserve(intent(seeed=1))


def test_a_number_that_no_column_holds_is_an_error_of_the_log(log: RunLog):
    run_id = in_state(log, Status.PENDING)
    with pytest.raises(LogError):
        log.update(run_id, bytes=2**70)
    assert log.get(run_id).bytes is None


@pytest.mark.parametrize("status", list(Status))
def test_what_a_second_equal_intent_gets(log: RunLog, status: Status):
    run_id = in_state(log, status)
    row, new = log.reserve(intent())
    if status in OPEN | {Status.SUCCEEDED, Status.EXPIRED}:
        assert (row.run_id, new) == (run_id, False)
    else:
        assert (row.attempt, row.status, new) == (2, Status.INTENDED, True)
    row, new = log.reserve_many([intent()], lapsed=True)[0]
    assert new is (status is Status.EXPIRED)
    if status is not Status.INTENDED:
        assert log.reserve(intent())[0].run_id == row.run_id, "what was bought anew is shown from now on"
    other, new = log.reserve(intent(), next_take=True)
    assert (other.take, other.attempt, new) == (2, 1, True)
    assert log.reserve(intent())[0].run_id == row.run_id, "another take does not stand for the first"
    assert log.reserve(intent() | {"take": 2}) == (other, False)
    assert log.pin(other.run_id) == other
    assert log.reserve(intent()) == (other, False)


def test_an_intent_comes_back_as_it_went_in(log: RunLog):
    request = {
        "input": {"prompt": "\0 \ud800 猫"},
        "media": {"first_frame": {"identity": "sha256:00", "name": "猫.jpg"}},
    }
    given = intent(
        study="walk", variant="calm", block="b1", negative_prompt="", resolution="720P", duration=5, seed=2**31 - 1,
        prompt_extend=False, watermark=True, first_frame="猫.jpg", service="beijing", simulated=True, request=request,
        tags="keep, ,bright,keep",
    )  # fmt: skip
    row, _ = log.reserve(given, owner="host:1:2")
    expected = given | {
        "tags": ("keep", "bright"),
        "owner": "host:1:2",
        "created_at": START,
        "attempt": 1,
        "status": "INTENDED",
    }
    assert {name: getattr(row, name) for name in expected} == expected
    assert row == log.get(row.run_id)
    assert len(row.run_id) == 12
    assert int(row.run_id, 16) >= 0
    assert row.version


HOSTILE = [
    "\0NUL",
    "lone \ud800 surrogate",
    "'; DROP TABLE runs; --",
    "%s %(x)s {} :name ?",
    "\x1b[31m\u202e<script>",
    "猫" * 5000,
    "x" * 1_000_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_kept_as_text(log: RunLog, text: str):
    row, _ = log.reserve(intent(prompt=text, request={"prompt": text}))
    row = log.update(row.run_id, "doubted", note=text, error_message=text, tags=text)
    assert row.request == {"prompt": text}
    kept = text.replace("\0", "␀").replace("\ud800", "?")
    assert (row.prompt, row.note, row.error_message) == (kept, kept, kept)
    assert log.find(text=kept[:50]) == [row]
    assert log.to_frame().loc[row.run_id, "prompt"] == kept


def test_the_cap_counts_what_is_reserved_and_billed(log: RunLog):
    first, _ = log.reserve(intent("f1", cost=3.0), cap=10.0)
    log.reserve(intent("f2", cost=7.0), cap=10.0)
    with pytest.raises(
        BudgetExceeded, match=r"0\.50 CNY would pass the budget of 10\.00 CNY.*10\.00 CNY are spent"
    ) as caught:
        log.reserve(intent("f3", cost=0.5), cap=10.0)
    assert caught.value.details == {"price": 0.5, "spent": 10.0, "cap": 10.0, "currency": "CNY"}
    assert "WanMagics.budget" in caught.value.remedy
    assert log.count() == 2
    for event in ("accepted", "started", "made", "fetched"):
        log.update(first.run_id, event, cost=2.5)
    assert log.reserve(intent("f3", cost=0.5), cap=10.0)[1]


def test_uncertain_and_expired_count_in_full_but_failed_and_canceled_do_not(log: RunLog):
    for status in Status:
        in_state(log, status, str(status), cost=1.0)
    assert log.spent("CNY", START) == len(Status) - len(UNBILLED)


def test_currencies_are_capped_apart_and_simulated_runs_not_at_all(log: RunLog):
    log.reserve(intent("cny", cost=5.0), cap=5.0)
    log.reserve(intent("usd", cost=5.0, currency="USD"), cap=5.0)
    log.reserve(intent("sim", cost=500.0, simulated=True), cap=5.0)
    assert log.spent("CNY", START) == 5.0
    learnt = in_state(log, Status.PENDING, "learnt", cost=50.0)
    log.update(learnt, simulated=True)
    assert log.spent("CNY", START) == 5.0


def test_the_cap_rolls_with_the_clock(log: RunLog, clock: Clock):
    in_state(log, Status.SUCCEEDED, "old", cost=5.0)
    clock.pass_(hours=23, minutes=59)
    with pytest.raises(BudgetExceeded):
        log.reserve(intent("new", cost=1.0), cap=5.0)
    clock.pass_(minutes=2)
    assert log.reserve(intent("new", cost=5.0), cap=5.0)[1]


def test_money_counts_from_the_post_not_from_the_plan(log: RunLog, clock: Clock):
    waiting, _ = log.reserve(intent("plan", cost=5.0), cap=5.0)
    clock.pass_(hours=30)
    with pytest.raises(BudgetExceeded):
        log.reserve(intent("new", cost=1.0), cap=5.0)
    assert log.begin_post(waiting.run_id) is None
    log.update(waiting.run_id, "accepted")
    clock.pass_(hours=23)
    with pytest.raises(BudgetExceeded):
        log.reserve(intent("new", cost=1.0), cap=5.0)
    clock.pass_(hours=2)
    assert log.reserve(intent("new", cost=1.0), cap=5.0)[1]


def test_binary_fractions_do_not_eat_the_last_clip(log: RunLog):
    assert 0.1 + 0.2 > 0.3
    assert all(new for _, new in log.reserve_many([intent("1", cost=0.1), intent("2", cost=0.2)], cap=0.3))


def test_many_are_reserved_together_or_not_at_all(log: RunLog):
    log.reserve(intent("f2"))
    with pytest.raises(BudgetExceeded):
        log.reserve_many([intent(f"f{n}") for n in range(5)], cap=12.0)
    assert log.count() == 1
    results = log.reserve_many([intent(f"f{n % 5}", variant=str(n)) for n in range(6)], cap=15.0)
    assert [new for _, new in results] == [True, True, False, True, True, False]
    assert results[5][0] == results[0][0]
    assert [row.variant for row in log.find(newest_first=False, variant=list("0134"))] == list("0134")


def test_threads_that_want_the_same_make_one_run(log: RunLog):
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: log.reserve(intent(f"f{n % 4}")), range(32)))
    assert sum(new for _, new in results) == 4
    assert len({row.run_id for row, _ in results}) == 4


def test_news_of_another_task_are_left_out(log: RunLog):
    """One kernel has just found the task of a run, the other one writes that there is none."""
    run_id = in_state(log, Status.UNCERTAIN)
    log.advance(run_id, "accepted", of_task=None, task_id="t")
    assert log.advance(run_id, "failed", of_task=None).status is Status.PENDING
    assert log.advance(run_id, "failed", of_task="t", task_id=None).status is Status.FAILED
