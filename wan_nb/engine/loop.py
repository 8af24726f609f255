"""The thread that speaks to the service: one event loop, shared by all sessions of the process; ways to wait for it.

Why a thread (measured in JupyterLab): a task on the kernel's own loop stands still while another cell computes, and an
interrupt of the cell kills it. Work sent here goes on in both cases, and it runs in a copied context of the cell that
sent it, which is what keeps its output in that cell.

`Worker` is a daemon thread for work that blocks (the log, decoding). Executor threads of asyncio are joined at exit and
held a kernel's shutdown up for 2.6 s; these do not.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import queue
import sys
import threading
from collections import Counter
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from weakref import WeakValueDictionary

from wan_nb.errors import LogError, WanError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from wan_nb.engine.polling.limiter import Limiter

__all__ = ["LoopThread", "Stopped", "Worker", "allow_nested", "load", "ticking"]

_T = TypeVar("_T")

TICK = 0.1
"""Seconds between two looks at an interrupt while waiting."""

_GENTLE = 5
"""The nice value of a thread that steps back."""


class Stopped(Exception):
    """The work in hand is not wanted any more."""


class Worker:
    """A daemon thread that does blocking work in order.

    Parameters
    ----------
    name : str
    gentle : bool
        It steps back for the rest of the machine, where the system has priorities of threads (Linux). Not by much: what
        holds the interpreter's lock must not stand still on a busy machine.

    Examples
    --------
    >>> async def main():
    ...     return await Worker("example").do(sum, [1, 2])
    >>> asyncio.run(main())
    3
    """

    def __init__(self, name: str, *, gentle: bool = False) -> None:
        self.name, self.gentle = name, gentle
        self._closed = threading.Event()
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    async def do(self, function: Callable[..., _T], /, *args: Any, **kwargs: Any) -> _T:
        """Run a blocking function there and await its result. A canceled await lets the function finish."""
        done: Future[_T] = Future()
        context = contextvars.copy_context()

        def work() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                done.set_result(context.run(function, *args, **kwargs))
            except BaseException as error:  # noqa: BLE001  # it belongs to whoever awaits, not to this thread
                done.set_exception(error)

        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"wan_nb-{self.name}", daemon=True)
                self._thread.start()
        self._work.put(work)
        return await asyncio.wrap_future(done)

    def between(self) -> None:
        """Raise `Stopped` once the thread is to end, for work that takes long and asks now and then."""
        if self._closed.is_set():
            raise Stopped

    def close(self) -> None:
        """End the thread after the work in hand."""
        self._closed.set()
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._work.put(None)
            if thread is not threading.current_thread():
                thread.join(timeout=10)

    def _run(self) -> None:
        if self.gentle and sys.platform == "linux":
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _GENTLE)
        while (work := self._work.get()) is not None:
            work()


@dataclass(slots=True)
class Shared:
    """What all sessions of the process share; only for use on the loop thread.

    Attributes
    ----------
    limiters : dict
        Limiter by identity of the account.
    slots : dict
        Free places at the service by identity and model.
    sending : Counter
        Fingerprints of what is being sent, or is reserved and going to be sent.
    posting : WeakValueDictionary
        Lock by identity, model and prompt.
    downloading : WeakValueDictionary
        Lock by run id.
    """

    limiters: dict[str, Limiter] = field(default_factory=dict)
    slots: dict[tuple[str, str], asyncio.Future[asyncio.Semaphore]] = field(default_factory=dict)
    sending: Counter[str] = field(default_factory=Counter)
    posting: WeakValueDictionary[tuple[str, str | None, str | None], asyncio.Lock] = field(
        default_factory=WeakValueDictionary
    )
    downloading: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)


class LoopThread:
    """The event loop that owns all connections, in a daemon thread.

    `acquire` starts it for the first session of the process, `release` ends it with the last one.

    Attributes
    ----------
    shared : Shared
    """

    _current: ClassVar[LoopThread | None] = None
    _guard: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.shared = Shared()
        self._users = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="wan_nb-loop", daemon=True)
        self._thread.start()

    @classmethod
    def acquire(cls) -> LoopThread:
        """The process's loop, started if there is none (or if it stayed behind in the parent of a fork)."""
        with cls._guard:
            if cls._current is None or cls._current.pid != os.getpid():
                cls._current = cls()
            cls._current._users += 1
            return cls._current

    def release(self) -> None:
        """Give it back; the last one out ends it."""
        with self._guard:
            self._users -= 1
            if self._users > 0 or self.pid != os.getpid():
                return
            if LoopThread._current is self:
                LoopThread._current = None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    def start(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        """Begin something on the loop, in a copied context of the caller; returns at once."""
        self._check(work)
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:  # another thread has closed the session in this moment
            work.close()
            raise _closed() from None

    def call(self, function: Callable[[], object]) -> None:
        """Call something on the loop, from any thread."""
        self._loop.call_soon_threadsafe(function)

    def sync(self, work: Coroutine[Any, Any, _T], *, timeout: float | None = None) -> _T:
        """Do something on the loop and wait for it.

        Waits in slices, because on Windows a wait without a limit cannot be interrupted, and on a lock that nobody else
        needs: an interrupt inside of `Future.result` may leave the future's own locked, on which the loop would hang.
        An interrupt cancels `work`; what must outlive it runs as a task of its own inside.

        Raises
        ------
        TimeoutError
            After `timeout` seconds.
        """
        self._check(work)
        done = threading.Lock()
        done.acquire()
        tasks: list[asyncio.Task[_T]] = []

        def ended(task: asyncio.Task[_T]) -> None:
            if not task.cancelled():
                task.exception()  # raised below, or not missed after an interrupt
            done.release()

        def begin() -> None:
            tasks.append(asyncio.ensure_future(work))
            tasks[0].add_done_callback(ended)

        try:
            self.call(begin)
        except RuntimeError:  # another thread has closed the session in this moment
            work.close()
            raise _closed() from None
        left = timeout
        try:
            while not done.acquire(timeout=TICK if left is None else min(TICK, left)):
                if not self._thread.is_alive() and not tasks:
                    work.close()
                    raise _closed()
                if left is not None and (left := left - TICK) <= 0:
                    raise TimeoutError
        except BaseException:
            with suppress(RuntimeError):  # the loop has ended
                self.call(lambda: tasks[0].cancel())  # noqa: PLW0108  # there is none yet, perhaps
            raise
        if tasks[0].cancelled():
            raise _closed()
        return tasks[0].result()

    def _check(self, work: Coroutine[Any, Any, Any]) -> None:
        if self.pid != os.getpid():
            work.close()
            raise LogError(
                "this session was opened in another process (a fork).", remedy="Open a new wan_nb.Session() here."
            )
        if threading.current_thread() is self._thread:
            work.close()
            raise WanError("a blocking call on the loop thread would wait for itself.", remedy="Await the async twin.")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            # What ends may begin something, and so may other threads as long as the loop runs.
            while True:
                while left := asyncio.all_tasks(self._loop):
                    for task in left:
                        task.cancel()
                    self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
                self._loop.run_until_complete(self._loop.shutdown_asyncgens())
                if not asyncio.all_tasks(self._loop):
                    break
            self._loop.close()


def _closed() -> LogError:
    return LogError("the session was closed meanwhile.", remedy="Open a new one: wan_nb.Session(), %wan connect.")


def ticking(future: Future[_T], on_cancel: Callable[[], BaseException]) -> Generator[Any, None, _T]:
    """``__await__`` of something that happens on the loop thread, for any other loop.

    It looks at the future in ticks and never owns it. Measured on ipykernel: an interrupt reaches a waiting cell only
    when its loop wakes up, so a plain ``await wrap_future(f)`` ignores it until the work is done; and one that owns the
    future cancels the paid work with it.
    """

    async def look() -> _T:
        try:
            while not future.done():  # noqa: ASYNC110  # another thread completes it
                await asyncio.sleep(TICK)  # the tick is the point, see above
        except asyncio.CancelledError:
            raise on_cancel() from None
        return future.result()

    return look().__await__()


def load(imports: Callable[[], _T]) -> _T:
    """Import beside the main thread, which alone is interrupted: half an import breaks a kernel for good.

    Measured: Ctrl-C in the first import of SQLAlchemy, and every later cell fails with an AttributeError. Python's
    garbage collector rests meanwhile: imports make no garbage, and to look for it takes a tenth of the first submit.

    Parameters
    ----------
    imports : callable
        A function of a module whose body imports; once it has returned, it is called directly.

    Returns
    -------
    object
        What it returns.

    Examples
    --------
    >>> def fractions():
    ...     from fractions import Fraction
    ...     return Fraction
    >>> load(fractions)(1, 2)
    Fraction(1, 2)
    """
    if threading.current_thread() is not threading.main_thread() or imports in _loaded:
        return imports()
    done: Future[_T] = Future()

    def work() -> None:
        collecting = gc.isenabled()
        gc.disable()
        try:
            done.set_result(imports())
        except BaseException as error:  # noqa: BLE001  # it belongs to whoever asked
            done.set_exception(error)
        finally:
            if not gc.get_freeze_count():  # modules live for ever: both together make them old at once, unsearched
                gc.freeze()
                gc.unfreeze()
            if collecting:
                gc.enable()

    thread = threading.Thread(target=work, name="wan_nb-import", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(TICK)
    found = done.result()
    _loaded.add(imports)
    return found


_loaded: set[Callable[[], Any]] = set()


def allow_nested() -> None:
    """Let code of this notebook call ``asyncio.run`` or ``run_until_complete`` inside a cell.

    Applies `nest_asyncio` to the running loop, for the whole process. wan_nb itself never needs it: its own sync calls
    wait on a thread.

    Examples
    --------
    >>> allow_nested()  # doctest: +SKIP
    """
    import nest_asyncio

    nest_asyncio.apply()
