"""The same user's script: written with `wan_nb`, and with both clients of the official ``dashscope`` package."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wan_nb
from wan_nb.errors import LogError
from wan_nb.maintenance.doctor import examine

if TYPE_CHECKING:
    from collections.abc import Callable

PROMPT = "a cat walks"


def _quietly(script: Callable[[], None]) -> None:
    """A person would read the traceback here."""
    passing = suppress(Exception, KeyboardInterrupt)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere), passing:
        script()


def ours(settings: dict[str, Any], cat: str, brief: float | None) -> None:
    """Ask and wait. The clip is a file then. Only time is shortened: so many seconds for a create instead of 60."""
    from wan_nb.api import client

    client.CREATE_SECONDS = brief or client.CREATE_SECONDS

    def script() -> None:
        with wan_nb.Session(**settings) as session:
            session.submit(PROMPT, first_frame=cat, duration=2).wait()

    _quietly(script)


def ours_stopped(settings: dict[str, Any], cat: str, _: float | None) -> None:
    """Ctrl-C while the run is written down, and the same cell again at once in the same kernel."""

    def script() -> None:
        with wan_nb.Session(**settings) as session:
            real, again = session.log.reserve_many, threading.Event()

            def interrupted(*args: Any, **kwargs: Any) -> Any:
                rows = real(*args, **kwargs)
                os.kill(os.getpid(), signal.SIGINT)
                again.wait(60)
                return rows

            session.log.reserve_many = interrupted  # type: ignore[method-assign]
            with suppress(KeyboardInterrupt):
                session.submit(PROMPT, first_frame=cat, duration=2)
            session.log.reserve_many = real  # type: ignore[method-assign]
            again.set()
            session.submit(PROMPT, first_frame=cat, duration=2).wait()

    _quietly(script)


def stopped(script: Callable[..., None], settings: dict[str, Any], cat: str) -> None:
    """Ctrl-C at the first request of a script, and the same cell again at once in the same kernel."""
    import requests

    real = requests.Session.send

    def interrupted(*_: Any, **__: Any) -> Any:
        requests.Session.send = real  # type: ignore[method-assign]
        raise KeyboardInterrupt

    def both() -> None:
        requests.Session.send = interrupted  # type: ignore[method-assign]
        with suppress(KeyboardInterrupt):
            script(settings, cat)
        script(settings, cat)

    _quietly(both)


def official_stopped(settings: dict[str, Any], cat: str, _: float | None) -> None:
    """See `stopped`."""
    stopped(_official, settings, cat)


def client_stopped(settings: dict[str, Any], cat: str, _: float | None) -> None:
    """See `stopped`; this client uploads by the other one's means, so that its first request is the same."""
    stopped(_client, settings, cat)


def ours_without_log(settings: dict[str, Any], cat: str, _: float | None) -> None:
    """The log is deleted while the kernel has it open; the person does what the error says, and goes on."""

    def script() -> None:
        with wan_nb.Session(**settings) as session:
            session.runs()
            for part in Path(settings["folder"]).glob("runs.db*"):
                part.unlink()
            try:
                run = session.submit(PROMPT, first_frame=cat, duration=2)
            except LogError:
                examine(session.workspace, mend=True)
                run = session.submit(PROMPT, first_frame=cat, duration=2)
            run.wait()

    _quietly(script)


def ours_with_older_log(settings: dict[str, Any], cat: str, _: float | None) -> None:
    """An older copy is put into the log while the kernel has it open; the person puts the newest copy back."""
    log = Path(settings["folder"]) / "runs.db"
    older, newest = log.with_name("older.copy"), log.with_name("newest.copy")

    def copied(source: Path, target: Path) -> None:
        subprocess.run(["cp", source, target], check=True)

    def script() -> None:
        with wan_nb.Session(**settings) as session:
            session.runs()
        copied(log, older)
        with wan_nb.Session(**settings) as session:
            session.submit(PROMPT, first_frame=cat, duration=2).wait()
        copied(log, newest)
        with wan_nb.Session(**settings) as session:
            session.runs()
            copied(older, log)
            try:
                session.submit(PROMPT, first_frame=cat, duration=2).wait()
            except LogError:
                copied(newest, log)
                session.submit(PROMPT, first_frame=cat, duration=2).wait()

    _quietly(script)


def official(settings: dict[str, Any], cat: str, _: float | None) -> None:
    """``VideoSynthesis.call``, then a GET of the link, as its documentation shows. What it prints, a person can use."""
    _quietly(lambda: _official(settings, cat))


def client(settings: dict[str, Any], cat: str, _: float | None) -> None:
    """``Client.videos.generate``, then a GET of the link."""
    _quietly(lambda: _client(settings, cat))


def official_fetch(settings: dict[str, Any], task_id: str) -> None:
    """``VideoSynthesis.fetch`` with an id that was printed, then a GET of the link."""
    _quietly(lambda: _save_output(settings, _connected(settings).fetch(task_id)))


ASKED = {"model": "wan2.7-i2v", "prompt": PROMPT, "resolution": "720P", "duration": 2, "seed": 1}


def _official(settings: dict[str, Any], cat: str) -> None:
    _save_output(settings, _connected(settings).call(**ASKED, media=[{"type": "first_frame", "url": cat}]))


def _client(settings: dict[str, Any], cat: str) -> None:
    _connected(settings)  # its uploads and sleeps are those of the other one
    from dashscope import Client

    made = Client(api_key=settings["api_key"], base_url=settings["base_url"])
    job = made.videos.generate(**ASKED, media=[{"type": "first_frame", "url": cat}])
    _save(settings, job.task_id, job.video_url)


def _connected(settings: dict[str, Any]) -> Any:
    import dashscope

    dashscope.base_http_api_url, dashscope.api_key = settings["base_url"], settings["api_key"]
    # Only time is shortened: it sleeps one second and more between two looks.
    real = time.sleep
    time.sleep = lambda seconds: real(seconds / 50)
    return dashscope.VideoSynthesis


def _save_output(settings: dict[str, Any], said: Any) -> None:
    output = said.output
    _save(settings, output and output.task_id, output.video_url)


def _save(settings: dict[str, Any], task_id: str | None, link: str) -> None:
    import requests

    folder = Path(settings["folder"])
    folder.mkdir(exist_ok=True)
    if task_id:
        (folder / f"{task_id}.printed").touch()
    answer = requests.get(link, timeout=30)
    answer.raise_for_status()
    (folder / f"{task_id}.mp4").write_bytes(answer.content)
