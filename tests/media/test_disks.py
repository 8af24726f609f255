"""A disk that is full is called so, wherever it is met; and a user without a home has a simulator too."""

from __future__ import annotations

import errno
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import wan_nb
from wan_nb.errors import InvalidMedia, LogError
from wan_nb.log.runlog import RunLog
from wan_nb.paths import disk_is_full, writable
from wan_nb.sanitize import said

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

ROOT = Path(__file__).parents[2]
resource = pytest.importorskip("resource")


def _fill(path: Path, told: Connection) -> None:
    """A log on a disk on which no file can grow beyond 300 kB."""
    with told:
        log = RunLog(path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        try:
            for number in range(1000):
                log.reserve({"fingerprint": str(number), "prompt": "a cat" * 200})
        except LogError as error:
            told.send((str(error), [row.prompt for row in log.find(limit=1)]))
        except BaseException as error:
            told.send((repr(error), []))
        log.close()


def test_a_log_on_a_full_disk_says_so_and_can_be_read(tmp_path) -> None:
    mine, other = multiprocessing.get_context("spawn").Pipe()
    child = multiprocessing.get_context("spawn").Process(target=_fill, args=(tmp_path / "runs.db", other))
    child.start()
    other.close()
    message, prompts = mine.recv()
    child.join()
    mine.close()
    assert message.splitlines() == [
        f"the disk of the log sqlite:///{tmp_path}/runs.db is full",
        "Make room there, then run this again: what is written down so far is kept.",
    ]
    assert prompts == ["a cat" * 200]
    log = RunLog(tmp_path / "runs.db")
    assert log.count() > 0
    log.close()


def _copy(folder: Path, told: Connection) -> None:
    """A picture that needs a copy, on such a disk."""
    import media_files as make

    with told, wan_nb.Session("simulator", folder=folder) as session:
        image = make.noise(400, 300)
        session.store.open()
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        try:
            session.material(image, "first_frame")
        except InvalidMedia as error:
            told.send(str(error))
        except BaseException as error:
            told.send(repr(error))


def test_a_copy_of_a_picture_on_a_full_disk_says_so(tmp_path) -> None:
    mine, other = multiprocessing.get_context("spawn").Pipe()
    child = multiprocessing.get_context("spawn").Process(target=_copy, args=(tmp_path, other))
    child.start()
    other.close()
    assert mine.recv() == "first_frame: it cannot be read or copied: the disk is full (File too large)."
    child.join()
    mine.close()
    assert not list((tmp_path / "frames").iterdir())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_each_way_of_being_full_is_one(number) -> None:
    assert said(OSError(number, os.strerror(number), "a.mp4")) == f"the disk is full ({os.strerror(number)})"
    assert said(OSError(errno.EACCES, "Permission denied", "a.mp4")) == "Permission denied"


def test_a_disk_with_room_is_not_full(tmp_path) -> None:
    assert not disk_is_full(tmp_path)
    assert not disk_is_full(tmp_path / "none")
    assert writable(tmp_path / "not" / "yet")


HOMELESS = """
import os, pwd, runpy, sys

def nobody(_uid):
    raise KeyError("getpwuid(): uid not found")

pwd.getpwuid = nobody
for name in ("HOME", "USERPROFILE"):
    os.environ.pop(name, None)
sys.argv[1:] = {arguments!r}
runpy.run_module("wan_nb.simulator", run_name="__main__")
"""


@pytest.mark.parametrize("state", ["--state", ""])
def test_a_user_without_a_home_has_a_simulator(state, tmp_path) -> None:
    arguments = ["--state", str(tmp_path / "state")] if state else []
    with subprocess.Popen(
        [sys.executable, "-c", HOMELESS.format(arguments=arguments)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        url = process.stdout.readline()
        process.terminate()
        assert url.startswith("http://127.0.0.1:"), process.stderr.read()
    folder = tmp_path / "state" if state else tmp_path / f"wan_nb-simulator-{os.getuid()}"
    assert (folder / "lock").exists()


def test_a_user_without_a_home_can_ask_for_a_clip(tmp_path, photos) -> None:
    code = f"""
import os, pwd

def nobody(_uid):
    raise KeyError("getpwuid(): uid not found")

pwd.getpwuid = nobody
for name in ("HOME", "USERPROFILE"):
    os.environ.pop(name, None)
import wan_nb

with wan_nb.Session("simulator", speed=50, folder="runs") as session:
    run = session.submit("a cat walks", first_frame={str(photos / "cat.jpg")!r}, duration=2)
    print(run.wait().status, run.video.exists(), session.runs().status.tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["SUCCEEDED", "True", "['SUCCEEDED']"], done.stderr
