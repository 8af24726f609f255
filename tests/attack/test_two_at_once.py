"""Two at once: a cell run again while it is taken back, two kernels and threads on one plan, a session that closes."""

from __future__ import annotations

import ast
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from common import FIELDS, assert_whole, creates, until
from kernels import ended, reserved_and_stopped, start_and_tell

import wan_nb
from wan_nb.engine.ask import Ask
from wan_nb.errors import BudgetExceeded, LogError, RunCanceled, WanError
from wan_nb.log.states import OPEN, Status
from wan_nb.media.sources import source_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPTS = {"calm": "a cat walks", "wild": "a cat dashes"}
CELLS = 6


def study_of(session: wan_nb.Session, cat: str) -> Any:
    return session.study(PROMPTS, name="walk", first_frame=cat, seeds=[1, 2, 3], **FIELDS)


class Held:
    """A method of the log that has done its work and waits in the log's thread until it is let go."""

    def __init__(self, log: Any, name: str) -> None:
        self.inside, self._go_on = threading.Event(), threading.Event()
        real = getattr(log, name)

        def held(*args: Any, **kwargs: Any) -> Any:
            found = real(*args, **kwargs)
            self.inside.set()
            assert self._go_on.wait(60)
            return found

        setattr(log, name, held)
        self.restore = lambda: setattr(log, name, real)

    def let_go(self) -> None:
        self._go_on.set()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def waits_for_the_log(session: wan_nb.Session) -> Any:
    """The next work of the log's thread stands in its queue."""
    until(session.workspace.account._log_worker._work.qsize, "the second call to ask the log")


def test_a_study_run_again_while_it_is_taken_back_is_bought_whole(session, simulator, cat, pool) -> None:
    study, again = study_of(session, cat), study_of(session, cat)
    reserving = Held(session.log, "reserve_many")
    first = session.workspace.loop.start(session.workspace.runner.queue.submit(study.asks()))
    assert reserving.inside.wait(60)
    reserving.restore()
    first.cancel()
    second = pool.submit(again.submit, max_cost=20)
    waits_for_the_log(session)
    reserving.let_go()
    second.result(timeout=120).wait(timeout=120)
    assert [run.status for run in again.runs] == [Status.SUCCEEDED] * CELLS
    assert creates(simulator) == (CELLS, CELLS)
    assert len(session.log.find(status=Status.CANCELED)) == CELLS, "the second call had taken those of the first"
    assert_whole(session, simulator)
    assert not +session.workspace.account.sending


def test_what_was_taken_back_is_not_bought_beyond_the_limit_of_the_second_call(session, simulator, cat, pool) -> None:
    study = study_of(session, cat)
    reserving = Held(session.log, "reserve_many")
    first = session.workspace.loop.start(session.workspace.runner.queue.submit(study.asks()))
    assert reserving.inside.wait(60)
    reserving.restore()
    first.cancel()
    second = pool.submit(study.submit, max_cost=0)
    waits_for_the_log(session)
    reserving.let_go()
    with pytest.raises(BudgetExceeded, match="more than --max-cost 0"):
        second.result(timeout=120)
    with pytest.raises(WanError, match="more than --max-cost 0"):
        study.wait(timeout=120)
    assert creates(simulator) == (0, 0)


def test_a_run_asked_for_again_while_it_is_taken_back_is_bought(session, simulator, cat, pool) -> None:
    asked = session.request("a cat walks", first_frame=cat, **FIELDS)
    reserving = Held(session.log, "reserve_many")
    first = session.workspace.loop.start(session.workspace.runner.submit(Ask(asked)))
    assert reserving.inside.wait(60)
    reserving.restore()
    first.cancel()
    second = pool.submit(session.submit, "a cat walks", first_frame=cat, **FIELDS)
    waits_for_the_log(session)
    reserving.let_go()
    assert second.result(timeout=120).wait(timeout=120).video
    assert creates(simulator) == (1, 1)


def test_a_study_that_was_stopped_and_not_run_again_says_what_is_missing(session, simulator, cat) -> None:
    study = study_of(session, cat)
    reserving = Held(session.log, "reserve_many")
    first = session.workspace.loop.start(session.workspace.runner.queue.submit(study.asks()))
    assert reserving.inside.wait(60)
    reserving.restore()
    first.cancel()
    reserving.let_go()
    until(lambda: len(session.log.find(status=Status.CANCELED)) == CELLS, "all to be taken back")
    with pytest.raises(RunCanceled, match=r"6 of 6 clips were never sent.*\n.*buys what is missing"):
        study.wait(timeout=120)
    assert study.submit(max_cost=20).wait(timeout=120).runs[0].video
    assert creates(simulator) == (CELLS, CELLS)


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_what_another_kernel_takes_back_or_dies_with_is_bought_here(settings, simulator, cat, pool, end) -> None:
    child, pipe = start_and_tell(reserved_and_stopped, settings, PROMPTS, cat, FIELDS)
    assert pipe.recv() == "reserved"
    with wan_nb.Session(**settings) as session:
        study = study_of(session, cat)
        waiting = pool.submit(study.submit, max_cost=20)
        until(
            lambda: len(session.workspace.runner.queue._jobs) == CELLS,
            "the second kernel to find the intents of the first",
        )
        if end == "killed":
            child.kill()
        else:
            pipe.send("go on")
        waiting.result(timeout=120)
        study.wait(timeout=120)
        assert [run.status for run in study.runs] == [Status.SUCCEEDED] * CELLS
        assert_whole(session, simulator)
    pipe.close()
    assert ended(child) == (-9 if end == "killed" else 0)
    assert creates(simulator) == (CELLS, CELLS)


def test_what_a_person_cancels_in_another_kernel_is_not_bought_here(settings, simulator, cat, pool) -> None:
    child, pipe = start_and_tell(reserved_and_stopped, settings, PROMPTS, cat, FIELDS)
    assert pipe.recv() == "reserved"
    with wan_nb.Session(**settings) as session:
        study = study_of(session, cat)
        waiting = pool.submit(study.submit, max_cost=20)
        until(
            lambda: len(session.workspace.runner.queue._jobs) == CELLS,
            "the second kernel to find the intents of the first",
        )
        session.log.withdraw([row.run_id for row in study.rows()], code=None, message="you canceled it.")
        waiting.result(timeout=120)
        with pytest.raises(WanError, match="not one clip"):
            study.wait(timeout=120)
    pipe.send("go on")
    pipe.close()
    assert ended(child) == 0
    assert creates(simulator) == (0, 0)


def test_a_person_cancels_here_what_waits_for_another_kernel(settings, simulator, cat, pool) -> None:
    child, pipe = start_and_tell(reserved_and_stopped, settings, PROMPTS, cat, FIELDS)
    assert pipe.recv() == "reserved"
    with wan_nb.Session(**settings) as session:
        study = study_of(session, cat)
        waiting = pool.submit(study.submit, max_cost=20)
        until(
            lambda: len(session.workspace.runner.queue._jobs) == CELLS,
            "the second kernel to find the intents of the first",
        )
        assert study.cancel() == 0, "they are the other kernel's"
        waiting.result(timeout=120)
        pipe.send("go on")
        until(lambda: not session.log.find(status=list(OPEN)), "the first kernel to take its intents back")
    pipe.close()
    assert ended(child) == 0
    assert creates(simulator) == (0, 0)


def test_two_threads_that_buy_one_study_pay_once(session, simulator, cat, pool) -> None:
    studies = [study_of(session, cat) for _ in range(4)]
    bought = [pool.submit(study.submit, max_cost=20) for study in studies]
    for each in bought:
        each.result(timeout=120).wait(timeout=120)
    assert creates(simulator) == (CELLS, CELLS)
    assert_whole(session, simulator)


def test_two_threads_of_two_sessions_that_ask_for_one_clip_pay_once(settings, simulator, cat, pool) -> None:
    with wan_nb.Session(**settings) as one, wan_nb.Session(**settings) as two:
        asked = [pool.submit(s.submit, "a cat walks", first_frame=cat, **FIELDS) for s in (one, two, one, two)]
        runs = {run.result(timeout=120).wait(timeout=120).id for run in asked}
    assert len(runs) == 1
    assert creates(simulator) == (1, 1)


def test_one_task_adopted_by_two_threads_is_one_run(session, simulator, settings, cat, pool, tmp_path) -> None:
    with wan_nb.Session(**{**settings, "folder": tmp_path / "elsewhere"}) as other:
        task = other.submit("a cat walks", first_frame=cat, **FIELDS).wait(timeout=120).row.task_id
    session.workspace.runner  # noqa: B018
    adopted = [pool.submit(session.adopt, task) for _ in range(4)]
    assert len({run.id for each in adopted for run in each.result(timeout=120)}) == 1
    assert len(session.log.find()) == 1


@pytest.mark.parametrize("held", ["reserve_many", "begin_post", "recall_upload"])
def test_a_session_closed_while_it_buys_leaves_nothing_that_nobody_sends(settings, simulator, cat, pool, held) -> None:
    first = wan_nb.Session(**settings)
    study = study_of(first, cat)
    first.workspace.runner  # noqa: B018
    at = Held(first.log, held)
    buying = pool.submit(study.submit, max_cost=20)
    assert at.inside.wait(60)
    closing = pool.submit(first.close)
    until(lambda: first.closed, "the session to be closing")
    at.restore()
    at.let_go()
    closing.result(timeout=120)
    with pytest.raises(LogError, match="closed"):
        buying.result(timeout=120)
    with wan_nb.Session(**settings) as second:
        assert not [row for row in second.log.find(status=list(OPEN)) if row.task_id is None]
        study_of(second, cat).submit(max_cost=20).wait(timeout=120)
        assert len(second.log.find(status=Status.SUCCEEDED)) == CELLS
        assert not +second.workspace.account.sending
        assert_whole(second, simulator)
    assert creates(simulator) == (CELLS, CELLS)


def test_a_session_closed_while_it_notes_a_refusal_leaves_no_doubt(settings, simulator, cat, pool) -> None:
    simulator.faults(endpoint="create", status=429, code="Throttling.RateQuota", retry_after=600, times=-1)
    first = wan_nb.Session(**settings)
    first.workspace.runner  # noqa: B018
    at = Held(first.log, "advance")
    asked = first.workspace.loop.start(
        first.workspace.runner.submit(Ask(first.request("a cat walks", first_frame=cat, **FIELDS)))
    )
    assert at.inside.wait(60)
    closing = pool.submit(first.close)
    until(lambda: first.closed, "the session to be closing")
    at.restore()
    at.let_go()
    closing.result(timeout=120)
    assert asked.cancelled() or asked.exception()
    with wan_nb.Session(**settings) as second:
        (row,) = second.log.find()
        assert (row.status, row.post_end) == (Status.CANCELED, "refused")
    assert creates(simulator)[1] == 0


def test_calls_into_a_session_that_closes_raise_one_error(settings, cat, pool) -> None:
    for _ in range(10):
        session = wan_nb.Session(**settings)
        session.workspace.runner  # noqa: B018
        calls = [pool.submit(session.strangers) for _ in range(3)]
        session.close()
        for call in calls:
            if (error := call.exception(timeout=60)) is not None:
                assert isinstance(error, WanError), error


def test_a_job_that_is_stopped_before_its_first_step_takes_its_run_back(session, simulator, cat) -> None:
    study = study_of(session, cat)
    asks, queue = study.asks(), session.workspace.runner.queue

    async def scenario() -> None:
        begin = queue._begin

        def stopped(*args: Any) -> Any:
            job = begin(*args)
            job.cancel("you canceled it")
            return job

        queue._begin = stopped
        await queue.submit(asks)
        await session.workspace.account.jobs.drain()

    session.workspace.loop.sync(scenario(), timeout=120)
    assert {row.error_message for row in study.rows()} == {"stopped before it was sent: you canceled it."}
    assert not +session.workspace.account.sending
    assert creates(simulator) == (0, 0)


# --- half-imported modules


@pytest.mark.parametrize("name", ["numpy", "PIL.Image"])
def test_a_library_that_another_thread_is_importing_is_not_asked(monkeypatch, cat, name) -> None:
    monkeypatch.setitem(sys.modules, name, ModuleType(name))  # what is there from the first line of its import on
    assert source_of(cat, "first_frame", (".jpg",)).path == Path(cat)


def test_pictures_and_arrays_are_known_by_their_classes(photos) -> None:
    import numpy as np
    from PIL import Image

    class Mine(np.ndarray):
        pass

    array = np.zeros((300, 300, 3), "uint8")
    with Image.open(photos / "cat.jpg") as picture:
        for given, kind in [(array, "array"), (array.view(Mine), "array"), (picture, "image")]:
            assert source_of(given, "first_frame", (".jpg",)).name == kind


def test_a_module_in_mid_import_counts_as_not_imported(monkeypatch) -> None:
    from importlib.machinery import ModuleSpec

    from wan_nb.imports import imported

    half = ModuleType("half")
    half.__spec__ = ModuleSpec("half", None)
    monkeypatch.setitem(sys.modules, "half", half)
    assert imported("half") is half
    half.__spec__._initializing = True
    assert imported("half") is None


def test_loaded_modules_are_looked_up_in_one_place() -> None:
    home = Path(wan_nb.__file__).parent
    readers = {
        str(path.relative_to(home))
        for path in home.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "modules" and getattr(node.value, "id", "") == "sys"
    }
    assert readers == {"imports.py"}


# --- a service that answers twice with one task


@pytest.mark.parametrize("made", [True, False], ids=["made a task of its own", "made none"])
def test_an_answer_that_names_the_task_of_another_run_is_looked_up(session, simulator, cat, made) -> None:
    first = session.submit("a cat walks", first_frame=cat, **FIELDS)
    body = json.dumps({"request_id": "r", "output": {"task_id": first.row.task_id, "task_status": "PENDING"}})
    simulator.faults(endpoint="create", body=body, **({"when": "after"} if made else {}))
    if made:
        second = session.submit("a cat runs", first_frame=cat, **FIELDS)
        assert second.wait(timeout=120).row.task_id != first.row.task_id
    else:
        with pytest.raises(WanError) as caught:
            session.submit("a cat runs", first_frame=cat, **FIELDS).wait(timeout=120)
        assert "UNIQUE" not in str(caught.value)
        row = session.log.find(prompt="a cat runs")[0]
        assert (row.status, row.task_id) in {(Status.FAILED, None), (Status.UNCERTAIN, None)}
    assert first.wait(timeout=120).video
    assert creates(simulator)[1] == (2 if made else 1)
    assert_whole(session, simulator)


def test_a_call_that_outlives_its_session_raises_one_error(session) -> None:
    account = session.workspace.account

    async def late() -> None:
        await account.aclose()
        await account.read(account.client.list)

    with pytest.raises(LogError, match="closed meanwhile"):
        session.workspace.loop.sync(late(), timeout=60)
