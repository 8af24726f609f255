"""One loop thread for the process: waiting that an interrupt can end, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import signal
import threading
from concurrent.futures import Future

import pytest

from wan_nb.engine.loop import LoopThread, Worker, load, ticking
from wan_nb.errors import LogError, WanError


@pytest.fixture
def loop():
    acquired = LoopThread.acquire()
    yield acquired
    acquired.release()
    assert not [t for t in threading.enumerate() if t.name == "wan_nb-loop"]


async def value(result: int) -> int:
    await asyncio.sleep(0)
    return result


def test_two_users_share_one_thread_and_the_last_one_ends_it(loop: LoopThread) -> None:
    other = LoopThread.acquire()
    assert other is loop
    other.release()
    assert loop.sync(value(7)) == 7


def test_an_interrupt_ends_the_wait_and_what_must_go_on_goes_on(loop: LoopThread) -> None:
    finished: Future[str] = Future()
    started = threading.Event()

    async def paid() -> None:
        await asyncio.sleep(0.05)
        finished.set_result("paid work is finished")

    async def wait_for_it() -> None:
        task = asyncio.ensure_future(paid())
        started.set()
        await asyncio.shield(task)
        await asyncio.Event().wait()

    main = threading.main_thread()
    threading.Thread(target=lambda: (started.wait(), signal.pthread_kill(main.ident, signal.SIGINT))).start()
    with pytest.raises(KeyboardInterrupt):
        loop.sync(wait_for_it())
    assert finished.result(timeout=60) == "paid work is finished"


def test_a_wait_holds_no_lock_that_an_interrupt_could_leave_to_the_loop(loop: LoopThread, monkeypatch) -> None:
    """Python code may be interrupted between taking a lock and the ``try`` that gives it back."""
    taken, enter = [], threading.Condition.__enter__

    def entered(condition: threading.Condition) -> bool:
        if threading.current_thread() is threading.main_thread():
            taken.append(condition)
        return enter(condition)

    monkeypatch.setattr("wan_nb.engine.loop.TICK", 0.001)
    monkeypatch.setattr(threading.Condition, "__enter__", entered)
    loop.sync(asyncio.sleep(0.02))
    assert not taken


def test_a_timeout_is_told_from_a_timeout_of_the_work(loop: LoopThread) -> None:
    async def fails() -> None:
        raise TimeoutError("of the work")

    with pytest.raises(TimeoutError, match="of the work"):
        loop.sync(fails(), timeout=60)
    with pytest.raises(TimeoutError):
        loop.sync(asyncio.sleep(3600), timeout=0.01)


def test_a_blocking_call_on_the_loop_thread_is_refused_instead_of_hanging(loop: LoopThread) -> None:
    async def careless() -> None:
        loop.sync(value(1))

    with pytest.raises(WanError, match="wait for itself"):
        loop.sync(careless())


def test_a_call_in_the_last_steps_of_the_loop_is_told_that_it_has_closed() -> None:
    loop, called, told = LoopThread.acquire(), threading.Event(), []
    call, shutdown = loop.call, loop._loop.shutdown_asyncgens
    loop.call = lambda function: (call(function), called.set())

    def late() -> None:
        try:
            loop.sync(asyncio.sleep(3600))
        except LogError as error:
            told.append(error.message)

    caller = threading.Thread(target=late, daemon=True)

    async def last() -> None:
        if not called.is_set():
            caller.start()
            assert called.wait(60)
            await asyncio.sleep(0)  # what was called begins here
        await shutdown()

    loop._loop.shutdown_asyncgens = last
    loop.release()
    caller.join(60)
    assert told == ["the session was closed meanwhile."]


def test_a_canceled_await_does_not_cancel_the_work(loop: LoopThread) -> None:
    release = asyncio.Event()

    async def work() -> str:
        await release.wait()
        return "done"

    future = loop.start(work())

    class Handle:
        def __await__(self):
            return ticking(future, lambda: asyncio.CancelledError("detached"))

    async def cell() -> None:
        async def awaits() -> str:
            return await Handle()

        task = asyncio.ensure_future(awaits())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cell())
    loop.call(release.set)
    assert future.result(timeout=60) == "done"


def _in_child(queue) -> None:
    try:
        LoopThread.acquire().sync(value(3))
        queue.put("a fork gets a loop of its own")
    except BaseException as error:
        queue.put(repr(error))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_after_a_fork_the_child_gets_its_own_loop_and_the_parents_is_refused(loop: LoopThread) -> None:
    fork = multiprocessing.get_context("fork")
    queue = fork.SimpleQueue()

    def use_the_parents() -> None:
        try:
            loop.sync(value(1))
        except LogError as error:
            queue.put(error.message)

    for target, expected in [(lambda: _in_child(queue), "a fork gets"), (use_the_parents, "another process")]:
        child = fork.Process(target=target)
        child.start()
        assert expected in queue.get()
        child.join()
        assert child.exitcode == 0


def test_a_worker_runs_in_order_and_hands_exceptions_back() -> None:
    worker = Worker("test")

    async def main() -> list[object]:
        return await asyncio.gather(
            worker.do(list, "ab"), worker.do(int, "x"), worker.do(threading.current_thread), return_exceptions=True
        )

    letters, error, thread = asyncio.run(main())
    worker.close()
    assert letters == ["a", "b"]
    assert isinstance(error, ValueError)
    assert thread.daemon
    assert not thread.is_alive()


def _imports() -> str:
    return threading.current_thread().name


def _broken() -> None:
    raise ModuleNotFoundError("no such library")


def test_imports_happen_beside_the_main_thread_once() -> None:
    assert [load(_imports), load(_imports)] == ["wan_nb-import", threading.main_thread().name]
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no such library"):
            load(_broken)


@pytest.mark.parametrize("collecting", [True, False])
def test_the_garbage_collector_rests_while_imports_run_and_is_left_as_it_was(collecting: bool) -> None:
    seen: list[bool] = []

    def broken() -> None:
        seen.append(gc.isenabled())
        raise ModuleNotFoundError("no such library")

    (gc.enable if collecting else gc.disable)()
    try:
        load(lambda: seen.append(gc.isenabled()))
        with pytest.raises(ModuleNotFoundError):
            load(broken)
        assert gc.isenabled() is collecting
    finally:
        gc.enable()
    assert seen == [False, False]
