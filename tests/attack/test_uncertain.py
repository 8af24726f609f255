"""Submits whose answer never came, in the hard cases: nothing lost, nothing paid twice, nobody's clip taken."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from common import FIELDS, assert_whole, creates, until
from kernels import ended, kernel, start

import wan_nb
from wan_nb.engine.ask import Ask
from wan_nb.engine.posting.submit import NOTE_TRIES
from wan_nb.errors import LogError, OutcomeUnknown, Refused, RunExpired, RunFailed, Unavailable, WanError
from wan_nb.log.states import OPEN, Status

PROMPT = "a cat walks"


def ask(session, prompt: str, cat: str) -> Ask:
    return Ask(session.request(prompt, first_frame=cat, **FIELDS))


def lost_answer(settings, simulator, cat: str, prompt: str = PROMPT) -> None:
    """A kernel posts, the service accepts, the kernel dies before the answer."""
    received = creates(simulator)[0]
    simulator.faults(endpoint="create", stall=600, when="after")
    child = start(kernel, settings, "outside", 0, prompt, {"first_frame": cat, **FIELDS})
    until(lambda: creates(simulator)[0] > received, "the POST")
    child.kill()
    ended(child)


def task_of(simulator, prompt: str) -> str:
    return next(t["task_id"] for t in simulator.tasks() if t["body"]["input"]["prompt"] == prompt)


@pytest.fixture
def wide_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task of a moment ago is in the window of a submit, however long a busy machine took between them."""
    monkeypatch.setattr("wan_nb.engine.posting.settle_rule.MARGIN", timedelta(minutes=10))


# --- time


@pytest.mark.parametrize("ahead", [420.0, -420.0, 5 * 3600.0])
def test_a_service_with_another_clock(settings, simulator, cat, ahead) -> None:
    simulator.clock(ahead)
    lost_answer(settings, simulator, cat)
    with wan_nb.Session(**settings) as session:
        (run,) = session.resume(wait=True)
        assert run.status is Status.SUCCEEDED
        assert_whole(session, simulator)


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_clock_of_ours_that_was_set_between_post_and_settling(settings, simulator, cat, jump) -> None:
    """What a kernel whose clock was an hour wrong has written, read by one whose clock is right."""
    lost_answer(settings, simulator, cat)
    with wan_nb.Session(**settings) as session:
        (row,) = session.log.find()
        then = row.posted_at - timedelta(seconds=jump)
        session.log.update(row.run_id, posted_at=then, skew=row.skew + jump)
        (run,) = session.resume(wait=True)
        assert run.status is Status.SUCCEEDED
        assert session.submit(PROMPT, first_frame=cat, **FIELDS).reused
    assert creates(simulator) == (1, 1)


@pytest.mark.parametrize("jump", [7200.0, -7200.0])
def test_a_clock_of_ours_that_is_set_between_the_last_answer_and_the_post(
    settings, simulator, cat, monkeypatch, jump
) -> None:
    class Jumped(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(seconds=jump)

    with wan_nb.Session(**settings) as session:
        before = session.submit("a cat sits", first_frame=cat, **FIELDS).wait(timeout=120)  # its upload is kept
        simulator.faults(endpoint="create", reset=True, when="after")
        for module in ("api.client", "engine.posting.submit", "engine.posting.settle", "log.runlog"):
            monkeypatch.setattr(f"wan_nb.{module}.datetime", Jumped)
        run = session.submit(PROMPT, first_frame=cat, **FIELDS)
        assert abs(run.row.posted_at - before.row.posted_at) > timedelta(hours=1)
        assert abs(run.row.skew + jump) < 600, "a kernel with another clock knows which this was"
        assert run.row.task_id == task_of(simulator, PROMPT)
        assert run.wait(timeout=120).video
        assert_whole(session, simulator)
    assert creates(simulator) == (2, 2)


def test_a_clock_of_the_service_that_was_set_between_post_and_settling(settings, simulator, cat) -> None:
    lost_answer(settings, simulator, cat)
    simulator.clock(3600.0)
    with wan_nb.Session(**settings) as session:
        (run,) = session.resume(wait=True)
        assert run.status is Status.SUCCEEDED
    assert creates(simulator) == (1, 1)


def test_after_a_day_nobody_can_tell_and_nothing_is_called_free(settings, simulator, cat) -> None:
    """The list reaches back 24 h only: that a task is not in it means nothing any more."""
    lost_answer(settings, simulator, cat)
    with wan_nb.Session(**settings) as session:
        (row,) = session.log.find()
        session.log.update(row.run_id, posted_at=row.posted_at - timedelta(hours=25))
        (run,) = session.resume(wait=True)
        assert (run.status, run.cost) == (Status.EXPIRED, row.cost)
        with pytest.raises(RunExpired, match="nobody can tell"):
            session.submit(PROMPT, first_frame=cat, **FIELDS)
    assert creates(simulator) == (1, 1)


def test_a_list_whose_filters_are_in_another_zone(settings, simulator, cat) -> None:
    """Which zone they are in is not documented; a window hours off must not make a paid task look refused."""
    lost_answer(settings, simulator, cat)
    with wan_nb.Session(**settings) as session:
        real = session.workspace.account.client.list

        async def in_utc(**query):
            moved = {name: query[name] - timedelta(hours=8) for name in ("start", "end") if query.get(name)}
            return await real(**{**query, **moved})

        session.workspace.account.client.list = in_utc
        (run,) = session.resume(wait=True)
        assert run.status is Status.SUCCEEDED


def test_a_list_that_turns_the_same_page_for_ever(session, simulator, cat) -> None:
    run = session.submit(PROMPT, first_frame=cat, **FIELDS).wait()
    real = session.workspace.account.client.list

    async def endless(**query):
        page = await real(**{**query, "page_no": 1})
        return type(page)(page.tasks, 10**9, page.page_no, page.page_size)

    session.workspace.account.client.list = endless
    assert run.row.task_id not in {task.task_id for task in session.strangers()}


def test_a_list_that_lags_behind(settings, simulator, cat) -> None:
    simulator.config(list_lag=1.0)
    simulator.faults(endpoint="create", reset=True, when="after")
    with wan_nb.Session(**{**settings, "patience": 20.0}) as session:
        assert session.submit(PROMPT, first_frame=cat, **FIELDS).wait().video
    assert creates(simulator) == (1, 1)


def test_a_service_that_accepts_after_we_have_hung_up(settings, simulator, cat) -> None:
    """The list is empty when we give up waiting: not because the service refused, but because it is not done yet."""
    simulator.faults(endpoint="create", delay=1.5)
    with wan_nb.Session(**{**settings, "patience": 1.0}) as session:
        session.workspace.account.client._fresh.timeout = httpx.Timeout(1.2, connect=10.0)
        run = session.submit(PROMPT, first_frame=cat, **FIELDS).wait()
        assert run.video
        assert session.submit(PROMPT, first_frame=cat, **FIELDS).reused
    assert creates(simulator) == (1, 1)


# --- others


def test_two_identical_intents_without_an_answer(settings, simulator, cat) -> None:
    """Which task is whose cannot be told; both stay in doubt and count, and a person's word settles both."""
    simulator.faults(endpoint="create", reset=True, when="after", times=2)
    with wan_nb.Session(**settings) as session:
        session.workspace.runner  # noqa: B018  # opened here: the loop thread cannot
        both = [ask(session, PROMPT, cat), Ask(session.request(PROMPT, first_frame=cat, **FIELDS), next_take=True)]

        async def at_once() -> list[object]:
            return await asyncio.gather(*(session.workspace.runner.submit(a) for a in both), return_exceptions=True)

        first, second = session.workspace.loop.sync(at_once())
        until(lambda: creates(simulator)[1] == 2, "both POSTs")
        doubtful = [error for error in (first, second) if isinstance(error, BaseException)]
        assert all(isinstance(error, OutcomeUnknown) for error in doubtful), doubtful
        for task in simulator.tasks():
            session.adopt(task["task_id"])
        rows = session.log.find()
        for row in rows:
            session.run(row.run_id).wait()
        assert {row.task_id for row in session.log.find()} == {task["task_id"] for task in simulator.tasks()}
        assert len(rows) == 2
        assert_whole(session, simulator)
    assert creates(simulator) == (2, 2)


def test_an_adopted_task_that_may_be_two_runs_is_asked_for_again_when_it_tells_its_prompt(
    settings, simulator, cat
) -> None:
    simulator.config(queue=3600.0, run=3600.0)
    prompts = ["a cat walks", "a cat runs"]
    with wan_nb.Session(**settings) as session:
        simulator.faults(endpoint="create", reset=True, when="after", times=2)
        asks, runner = [ask(session, prompt, cat) for prompt in prompts], session.workspace.runner

        async def at_once() -> list[object]:
            return await asyncio.gather(*(runner.submit(a) for a in asks), return_exceptions=True)

        assert [type(result) for result in session.workspace.loop.sync(at_once())] == [OutcomeUnknown] * 2
        with pytest.raises(OutcomeUnknown, match="may be run"):
            session.adopt(task_of(simulator, prompts[0]))
        for task in simulator.tasks():
            simulator.do(task["task_id"], "finish")
        until(lambda: simulator.counters()["succeeded"] == 2, "both clips")
        for prompt in prompts:
            (run,) = session.adopt(task_of(simulator, prompt))
            assert run.wait().row.prompt == prompt
        assert len(session.log.find()) == 2
        assert_whole(session, simulator)


def test_a_strangers_clip_is_not_taken_for_ours(settings, simulator, cat, tmp_path, wide_window) -> None:
    """Our POST never arrived, and a colleague's task is the only one in its time: tied at first, given back at last."""
    with (
        wan_nb.Session(**settings) as session,
        wan_nb.Session(**{**settings, "folder": tmp_path / "colleague"}) as colleague,
    ):
        theirs = colleague.submit("another prompt", first_frame=cat, **FIELDS)
        simulator.faults(endpoint="create", reset=True, when="before")
        run = session.submit(PROMPT, first_frame=cat, **FIELDS)  # tied to the only task there is
        assert run.row.task_id == theirs.row.task_id
        with pytest.raises(WanError, match="another prompt"):
            run.wait()
        assert (run.status, run.cost, run.video) == (Status.FAILED, 0, None)
        again = session.submit(PROMPT, first_frame=cat, **FIELDS).wait()
        assert again.row.task_id == task_of(simulator, PROMPT)
        assert [task.task_id for task in session.strangers()] == [theirs.row.task_id]  # and may be taken in, if meant
        (taken,) = session.adopt(theirs.row.task_id)
        assert taken.id != run.id
        assert taken.wait().row.prompt == "another prompt"
        assert_whole(session, simulator)
    assert creates(simulator) == (3, 2)


@pytest.mark.parametrize("end", ["finish", "fail"])
def test_ours_is_found_behind_a_strangers(settings, simulator, cat, tmp_path, wide_window, end) -> None:
    """The list names the stranger's task at once and ours late; a failure tells no prompt, and may be theirs."""
    simulator.config(queue=3600.0)
    with (
        wan_nb.Session(**settings) as session,
        wan_nb.Session(**{**settings, "folder": tmp_path / "colleague"}) as colleague,
    ):
        theirs = colleague.submit("another prompt", first_frame=cat, **FIELDS)
        client = session.workspace.account.client
        real = client.list

        async def lagging(**query):
            page = await real(**query)
            if session.log.by_task(theirs.row.task_id):
                return page
            kept = tuple(task for task in page.tasks if task.task_id == theirs.row.task_id)
            return type(page)(kept, len(kept), page.page_no, page.page_size)

        client.list = lagging
        simulator.faults(endpoint="create", reset=True, when="after")
        run = session.submit(PROMPT, first_frame=cat, **FIELDS)
        assert run.row.task_id == theirs.row.task_id
        simulator.do(theirs.row.task_id, end)
        simulator.do(task_of(simulator, PROMPT), "finish")
        assert run.wait().row.task_id == task_of(simulator, PROMPT)
        assert_whole(session, simulator)
    assert creates(simulator) == (2, 2)


def test_a_failure_of_a_found_task_is_believed_where_no_other_can_be_meant(settings, simulator, cat) -> None:
    simulator.config(queue=3600.0)
    simulator.faults(endpoint="create", reset=True, when="after")
    with wan_nb.Session(**settings) as session:
        run = session.submit(PROMPT, first_frame=cat, **FIELDS)
        simulator.do(run.row.task_id, "fail")
        with pytest.raises(RunFailed, match="not billed"):
            run.wait()
        assert (run.status, run.cost) == (Status.FAILED, 0)


def test_a_task_whose_id_is_just_being_written_is_nobody_elses(settings, simulator, cat) -> None:
    """While one run looks into the list, another one is accepted, and its id has not arrived in the log yet."""
    with wan_nb.Session(**settings) as session:
        runner, client = session.workspace.runner, session.workspace.account.client
        session.workspace.loop.sync(session.workspace.account.handshake())
        real_list, real_create = client.list, client.create
        arrived: asyncio.Event | None = None
        told, second = asyncio.Event(), ask(session, "a cat runs", cat)
        others = []

        async def create(body, leaving):
            created = await real_create(body, leaving)
            if body["input"]["prompt"] == "a cat runs":
                arrived.set()
                await told.wait()
            return created

        async def listing(**query):
            nonlocal arrived
            if arrived is None:
                arrived = asyncio.Event()
                others.append(asyncio.ensure_future(runner.submit(second)))
                await arrived.wait()
            else:
                told.set()
            return await real_list(**query)

        client.list, client.create = listing, create
        simulator.faults(endpoint="create", reset=True, when="before")
        with pytest.raises(Unavailable, match="did not take it"):
            session.submit(PROMPT, first_frame=cat, **FIELDS)

        async def other():
            return await others[0]

        row, _ = session.workspace.loop.sync(other())
        assert session.run(row.run_id).wait().row.task_id == task_of(simulator, "a cat runs")
        assert_whole(session, simulator)
    assert creates(simulator) == (2, 1)


# --- a sender that has given up, in a process that lives on


def test_a_session_closed_in_mid_post_leaves_nothing_that_waits_for_ever(settings, simulator, cat) -> None:
    simulator.faults(endpoint="create", stall=600, when="after")
    first = wan_nb.Session(**settings)
    asked = first.request(PROMPT, first_frame=cat, **FIELDS)
    first.workspace.loop.start(first.workspace.runner.submit(Ask(asked)))
    until(lambda: creates(simulator)[0] == 1, "the POST")
    first.close()
    with wan_nb.Session(**settings) as second:
        assert second.log.find()[0].status is Status.UNCERTAIN
        assert second.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120).reused
        assert_whole(second, simulator)
    assert creates(simulator) == (1, 1)


def test_an_interrupt_while_reserving_takes_the_intent_back(settings, simulator, cat) -> None:
    with wan_nb.Session(**settings) as session:
        asked = session.request(PROMPT, first_frame=cat, **FIELDS)
        session.workspace.runner  # noqa: B018
        inside, go_on = threading.Event(), threading.Event()
        real = session.log.reserve_many

        def held(*args, **kwargs):
            inside.set()
            assert go_on.wait(60)
            return real(*args, **kwargs)

        session.log.reserve_many = held
        future = session.workspace.loop.start(session.workspace.runner.submit(Ask(asked)))
        assert inside.wait(60)
        future.cancel()
        go_on.set()
        row = until(lambda: next(iter(session.log.find(status=Status.CANCELED)), None), "the intent to be taken back")
        assert "before it was sent" in row.error_message
        del session.log.reserve_many
        assert session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120).video
        assert not +session.workspace.account.sending
    assert creates(simulator) == (1, 1)


def test_a_frame_that_is_gone_before_its_upload(settings, simulator, cat, tmp_path) -> None:
    frame = tmp_path / "frame.jpg"
    content = Path(cat).read_bytes()
    frame.write_bytes(content)
    with wan_nb.Session(**settings) as session:
        real = session.log.reserve_many

        def late(*args, **kwargs):
            frame.unlink()
            return real(*args, **kwargs)

        session.log.reserve_many = late
        with pytest.raises(WanError, match=r"frame.jpg cannot be read"):
            session.submit(PROMPT, first_frame=frame, **FIELDS)
        del session.log.reserve_many
        assert session.log.find()[0].status is Status.FAILED
        frame.write_bytes(content)
        assert session.submit(PROMPT, first_frame=frame, **FIELDS).wait(timeout=120).video
    assert creates(simulator) == (1, 1)


def test_the_store_says_no_in_xml_and_is_understood(session, simulator, cat) -> None:
    body = "<Error><Code>AccessDenied</Code><Message>Invalid according to Policy: Policy expired.</Message></Error>"
    simulator.faults(endpoint="upload", status=403, body=body, content_type="application/xml")
    with pytest.raises(Refused, match="permit expired"):
        session.submit(PROMPT, first_frame=cat, **FIELDS)
    assert creates(simulator) == (0, 0)


def test_a_frame_that_is_gone_does_not_hang_a_study(settings, simulator, cat, tmp_path) -> None:
    frame = tmp_path / "frame.jpg"
    frame.write_bytes(Path(cat).read_bytes())
    with wan_nb.Session(**settings) as session:
        study = session.study(PROMPT, name="gone", first_frame=frame, seeds=[1, 2], **FIELDS)
        frame.unlink()
        with pytest.raises(WanError, match=r"frame.jpg cannot be read"):
            study.submit(max_cost=50)
        until(lambda: not session.log.find(status=list(OPEN)), "the queue to end")
    assert creates(simulator) == (0, 0)


@pytest.mark.parametrize("times", [2, NOTE_TRIES], ids=["for a moment", "for long"])
def test_a_log_that_cannot_take_the_id(settings, simulator, cat, times) -> None:
    """A full disk, at the worst moment: accepted, and the id cannot be written. It is tried again, then said."""
    with wan_nb.Session(**settings) as session:
        session.workspace.account.rng.uniform = lambda low, high: 0.0
        real, full = session.log.advance, [True] * times

        def advance(run_id, *event, **facts):
            if facts.get("task_id") and full and full.pop():
                raise LogError("database or disk is full")
            return real(run_id, *event, **facts)

        session.log.advance = advance
        if times == NOTE_TRIES:
            with pytest.raises(LogError, match="full") as caught:
                session.submit(PROMPT, first_frame=cat, **FIELDS)
            assert f"%wan adopt {task_of(simulator, PROMPT)}" in str(caught.value)
        else:
            assert not session.submit(PROMPT, first_frame=cat, **FIELDS).reused
        assert session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120).reused
        assert_whole(session, simulator)
    assert creates(simulator) == (1, 1)


def test_a_run_that_another_kernel_has_taken_for_dead_is_not_posted_any_more(settings, simulator, cat) -> None:
    """A laptop slept between two attempts; meanwhile its run was looked for, not found, and written off."""
    with wan_nb.Session(**settings) as session, wan_nb.Session(**settings) as another:
        client = session.workspace.account.client
        real, attempts = client.create, []

        async def create(body, leaving):
            attempts.append(body)
            if len(attempts) == 1:
                (row,) = another.log.find()
                another.log.update(row.run_id, "refused")
                raise Unavailable("no connection", retryable=True)
            return await real(body, leaving)

        client.create = create
        session.workspace.account.rng.uniform = lambda low, high: 0.0
        run = session.submit(PROMPT, first_frame=cat, **FIELDS)
        assert run.status is Status.FAILED
    assert len(attempts) == 1
    assert creates(simulator) == (0, 0)


def test_a_dead_sender_of_the_same_prompt_does_not_hold_up_the_next(settings, simulator, cat) -> None:
    """One POST of a prompt is in flight at a time: the place of a kernel that died with one is cleared by who waits."""
    lost_answer(settings, simulator, cat)
    with wan_nb.Session(**settings) as session:
        assert session.submit(PROMPT, first_frame=cat, seed=5, **FIELDS).wait(timeout=120).video
        session.resume(wait=True)
        assert [row.status for row in session.log.find()] == [Status.SUCCEEDED] * 2
        assert_whole(session, simulator)
    assert creates(simulator) == (2, 2)


@pytest.mark.parametrize("body", ["[" * 100_000, "null", '{"output": {}}', "\x00", '{"output": {"task_id": []}}'])
def test_an_accepted_post_with_a_senseless_answer(settings, simulator, cat, body) -> None:
    simulator.faults(endpoint="create", body=body, when="after")
    with wan_nb.Session(**settings) as session:
        assert session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120).video
    assert creates(simulator) == (1, 1)


@pytest.mark.parametrize(
    ("status", "code", "message", "error"),
    [
        (429, "Throttling.AllocationQuota", "Free allocated quota exceeded.", wan_nb.errors.Throttled),
        (400, "Arrearage", "Access denied, your account is not in good standing.", wan_nb.errors.NotAuthorized),
    ],
)
def test_an_account_that_cannot_pay_stops_the_queue_with_its_reason(
    settings, simulator, cat, status, code, message, error
) -> None:
    simulator.faults(endpoint="create", status=status, code=code, message=message, times=-1)
    with wan_nb.Session(**settings) as session:
        study = session.study(PROMPT, name="poor", first_frame=cat, seeds=range(20), **FIELDS)
        with pytest.raises(error, match=r"quota|standing"):
            study.submit(max_cost=100)
        until(lambda: not session.log.find(status=list(OPEN)), "the queue to end")
        stopped = session.log.find(status=Status.CANCELED)
        assert len(stopped) >= 13
        assert all(message.rstrip(".") in row.error_message for row in stopped)
        assert session.spent("CNY") == 0
    received, accepted = creates(simulator)
    assert received <= 7  # those that were under way when the first answer came
    assert accepted == 0
