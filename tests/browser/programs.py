"""Programs that serve pages on this machine, and what they need of the registries."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.request import urlopen

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

REPO = Path(__file__).parents[2]
PYTHON = (sys.executable, "-m")


def clean(**more: str) -> dict[str, str]:
    """This environment without keys and without what a Jupyter above this process has left; our package is found."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DASHSCOPE", "WAN_NB", "JUPYTER", "JPY_"))}
    return kept | {"PYTHONPATH": str(REPO), **more}


def free_ports(count: int) -> list[int]:
    """Ports of this machine on which nobody listens."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Program:
    """A program that serves pages; it ends with `close`, or with the block that it is the context of.

    Parameters
    ----------
    root : Path
        Where it runs and leaves ``server.log``.
    command : sequence of str
        ``PORT`` in it is a free port.
    env : mapping of str, optional
        Its environment; `clean` when None.
    find : callable, optional
        Its address, or None as long as there is none; ``http://127.0.0.1:PORT/`` once it listens when None: a page of
        voila runs its notebook for whoever asks.

    Attributes
    ----------
    url : str
        Its address, with a slash at the end.
    """

    def __init__(
        self,
        root: Path,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        find: Callable[[], str | None] | None = None,
    ) -> None:
        (port,) = free_ports(1)
        self.log = root / "server.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [word.replace("PORT", str(port)) for word in command],
                cwd=root, env=clean() if env is None else dict(env), stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.url = self._started(find or (lambda: f"http://127.0.0.1:{port}/" if _listens(port) else None))

    def _started(self, find: Callable[[], str | None]) -> str:
        deadline = time.monotonic() + 240  # on a busy machine some take a minute
        while self.process.poll() is None and time.monotonic() < deadline:
            if (url := find()) is not None:
                return url
            time.sleep(0.1)
        self.close()
        raise RuntimeError(f"it did not start: {self.log.read_text(errors='replace')[-2000:]}")

    def close(self) -> None:
        """End it and what it has started."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True


def answers(url: str) -> bool:
    """Whether there is a page at an address."""
    try:
        urlopen(url, timeout=30).close()
    except OSError:
        return False
    return True


def beside(folder: Path, *packages: str) -> str:
    """Python of a new virtual environment that has the packages of this one, and some that clash with its tests.

    A test is skipped where they cannot be installed.
    """
    venv.create(folder)
    python = str(folder / "bin/python")
    site = _told([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
    (Path(site.strip()) / "beside.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    _told([*PYTHON, "pip", "--python", python, "install", "-q", *packages])
    return python


def npm(folder: Path, *packages: str) -> Path:
    """Folder of packages of npm, without what they would do when they are installed, such as to fetch browsers.

    A test is skipped where they cannot be installed.
    """
    program = shutil.which("npm")
    if program is None:
        pytest.skip("npm is not installed")
    quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    _told([program, "install", *quiet, "--prefix", str(folder), *packages])
    return folder / "node_modules"


def _told(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode:
        pytest.skip(f"{' '.join(command[1:])} failed: {done.stderr[-300:]}")
    return done.stdout
