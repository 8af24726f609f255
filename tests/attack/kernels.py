"""Kernels that are meant to die: what runs in the child processes of these tests.

Each is a real process with a real `wan_nb.Session`. Where a test has to hit one exact step, the kernel wraps a method
of its own session's objects; the product knows nothing of it. Children are forked from a server that has loaded the
package and opened nothing, so that a hundred of them cost little.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wan_nb
from wan_nb.log.states import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext, ForkServerProcess

PRELOAD = [
    "kernels",
    "PIL.Image",
    "av",
    "dashscope",
    "httpx",
    "sqlalchemy.dialects.sqlite",
    "wan_nb.api.client",
    "wan_nb.api.request",
    "wan_nb.media.clips",
    "wan_nb.engine.runner",
    "wan_nb.log.runlog",
    "wan_nb.media.materials",
]


def context() -> ForkServerContext:
    """Where children come from; the server itself is started once per test run."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(PRELOAD)
    return found


def start(target: Callable[..., None], *args: Any) -> ForkServerProcess:
    """Start a child."""
    process = context().Process(target=target, args=args)
    process.start()
    return process


def start_and_tell(target: Callable[..., None], *args: Any) -> tuple[ForkServerProcess, Connection]:
    """Start a child with a pipe as its last argument; the child, and our end of it."""
    here, there = context().Pipe()
    process = start(target, *args, there)
    there.close()
    return process, here


def ended(process: ForkServerProcess) -> int:
    """Exit code of a child that is about to end; negative for the signal that killed it."""
    process.join(120)
    code = process.exitcode
    if code is None:
        process.kill()
        process.join(60)
    process.close()
    assert code is not None, "the child did not end"
    return code


def die(*_: Any, **__: Any) -> None:
    """End this process at once, as a crash or the kernel's restart button does."""
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()  # the signal arrives before anything else happens


# --- where to die


def _inside_write(session: wan_nb.Session, number: int) -> None:
    """After all work of a transaction, before its commit."""
    _count_writes(session, number, inside=True)


def _after_write(session: wan_nb.Session, number: int) -> None:
    """Right after the commit of a transaction."""
    _count_writes(session, number, inside=False)


def _count_writes(session: wan_nb.Session, number: int, *, inside: bool) -> None:
    database = session.log._db
    write, left = database.write, [number]

    def counting(work: Callable[[Any], Any]) -> Any:
        left[0] -= 1
        last = not left[0]

        def doomed(connection: Any) -> Any:
            result = work(connection)
            die()
            return result

        result = write(doomed if last and inside else work)
        if last:
            die()
        return result

    database.write = counting


def _before(owner: str, method: str) -> Callable[[wan_nb.Session, int], None]:
    def plant(session: wan_nb.Session, _: int) -> None:
        setattr(_part(session, owner), method, die)

    return plant


def _after(owner: str, method: str) -> Callable[[wan_nb.Session, int], None]:
    def plant(session: wan_nb.Session, _: int) -> None:
        part = _part(session, owner)
        real = getattr(part, method)

        async def awaited(*args: Any, **kwargs: Any) -> None:
            await real(*args, **kwargs)
            die()

        def called(*args: Any, **kwargs: Any) -> None:
            real(*args, **kwargs)
            die()

        setattr(part, method, awaited if owner == "client" else called)

    return plant


def _on_state(state: Status) -> Callable[[wan_nb.Session, int], None]:
    def plant(session: wan_nb.Session, _: int) -> None:
        session.workspace.subscribe(lambda row: die() if row.status is state else None)

    return plant


def _mid_download(session: wan_nb.Session, _: int) -> None:
    client = session.workspace.account.client
    real = client.download
    client.download = lambda *a, **k: real(*a, **k, progress=die)  # type: ignore[method-assign]


def _nth_call(session: wan_nb.Session, number: int) -> None:
    """At the n-th call of any function of this package, on whichever thread."""
    profile_calls(lambda count: die() if count == number else None)


def _part(session: wan_nb.Session, owner: str) -> Any:
    return {"client": session.workspace.account.client, "store": session.store, "log": session.log}[owner]


WAYS: dict[str, Callable[[wan_nb.Session, int], None]] = {
    "inside write": _inside_write,
    "after write": _after_write,
    "before the POST": _before("client", "create"),
    "answer there, not written": _after("client", "create"),
    "PENDING": _on_state(Status.PENDING),
    "RUNNING": _on_state(Status.RUNNING),
    "made, not fetched": _on_state(Status.DOWNLOADING),
    "first bytes": _mid_download,
    "fetched, not named": _before("store", "commit"),
    "named, not written": _after("store", "commit"),
    "call": _nth_call,
    "outside": lambda session, number: None,
}


def profile_calls(told: Callable[[int], None]) -> list[int]:
    """Count calls of the package's functions in all threads that start from now on, and in this one."""
    count = [0]
    home = str(Path(wan_nb.__file__).parent)

    def profile(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(home):
            count[0] += 1
            told(count[0])

    threading.setprofile(profile)
    sys.setprofile(profile)
    return count


# --- kernels


def kernel(settings: dict[str, Any], way: str, number: int, prompt: str, fields: dict[str, Any]) -> None:
    """Ask for one clip, wait for it, and die on the way."""
    session = wan_nb.Session(**settings)
    if way != "call":
        session.workspace.runner  # noqa: B018  # opened before the trap is set: what is attacked is the run, not the opening
    WAYS[way](session, number)
    with suppress(wan_nb.errors.WanError):
        session.submit(prompt, **fields).wait()
    die()


def reserved_and_stopped(
    settings: dict[str, Any], prompts: dict[str, str], cat: str, fields: dict[str, Any], pipe: Connection
) -> None:
    """Reserve a study, be interrupted before the first clip is sent, and take all back once the pipe says so."""
    with wan_nb.Session(**settings) as session:
        study = session.study(prompts, name="walk", first_frame=cat, seeds=[1, 2, 3], **fields)
        real, reserved = session.log.reserve_many, threading.Event()

        def held(*args: Any, **kwargs: Any) -> Any:
            rows = real(*args, **kwargs)
            reserved.set()
            pipe.recv()
            return rows

        session.log.reserve_many = held  # type: ignore[method-assign]
        buying = session.workspace.loop.start(session.workspace.runner.queue.submit(study.asks()))
        reserved.wait()
        buying.cancel()
        session.workspace.loop.sync(asyncio.sleep(0))  # the interrupt has arrived
        pipe.send("reserved")
        session.workspace.loop.sync(session.workspace.account.jobs.drain())
