"""Find the simulator of a state folder, or start it. Little is loaded here: this runs in a kernel's first cell.

One simulator per folder: it locks ``lock`` for as long as it runs and writes ``simulator.json`` (base URL and process
id) beside it, which every later caller reads. One that was started by kernels ends with the last of them.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Kernels", "acquire_lock", "alive", "ensure", "find", "publish"]

_START_SECONDS = 60.0
_FIRST_KERNEL_SECONDS = 15.0


def ensure(state: Path, *, speed: float | None = None, environ: Mapping[str, str] | None = None) -> str:
    """Base URL of the simulator of a folder, which is started if there is none; it ends with its last kernel.

    Parameters
    ----------
    state : Path
        Folder that keeps its tasks, uploads and clips.
    speed : float, optional
        Divides queue and run times; only for a simulator that is started now.
    environ : mapping of str to str, optional
        Environment of one that is started; that of this process without it.

    Raises
    ------
    OSError
        It could not be started; the message ends with the last line of its log.
    """
    state = Path(state).resolve()
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = time.monotonic() + _START_SECONDS
    while True:
        url = find(state)
        if url and _post(url, "kernels", {"pid": os.getpid()}):
            return url
        if time.monotonic() > deadline:
            raise OSError(f"the simulator did not start within {_START_SECONDS:g} s: {_last_log_line(state)}")
        _start(state, speed, environ)


def find(state: Path) -> str | None:
    """Base URL of the simulator that holds a folder; None when none answers."""
    try:
        url = _loopback_url(str(json.loads((state / "simulator.json").read_bytes())["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    identity = _request("GET", url, "")
    # Another simulator may have got the port of one that died.
    return url if identity and identity.get("state") == str(state) else None


def _loopback_url(url: str) -> str:
    """The address, if it is one of this machine, as the file may come from another one.

    >>> _loopback_url("http://127.0.0.1:8765/api/v1")
    'http://127.0.0.1:8765/api/v1'

    Raises
    ------
    ValueError
        It leads elsewhere.
    """
    where = urlsplit(url)
    if not ipaddress.ip_address(where.hostname or "").is_loopback or not where.port:
        raise ValueError("no address of this machine")
    host = f"[{where.hostname}]" if ":" in (where.hostname or "") else where.hostname
    return f"http://{host}:{where.port}/api/v1"


def _start(state: Path, speed: float | None, environ: Mapping[str, str] | None) -> None:
    command = [sys.executable, "-m", "wan_nb.simulator", "--detach", "--with-kernels", "--state", str(state)]
    if speed is not None:
        command += ["--speed", repr(float(speed))]
    # The folder of the package as working directory: found there even if the kernel has it from sys.path alone, and
    # the notebook's own folder stays free. Returns when the simulator listens, or found another one that does.
    with (state / "simulator.log").open("ab") as log:
        try:
            done = subprocess.run(  # noqa: S603  # our own interpreter and module
                command,
                cwd=Path(__file__).resolve().parents[2],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                timeout=_START_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise OSError(f"the simulator did not start within {_START_SECONDS:g} s: {_last_log_line(state)}") from None
    if done.returncode:
        raise OSError(f"the simulator did not start: {_last_log_line(state)}")


def _last_log_line(state: Path) -> str:
    with contextlib.suppress(OSError):
        lines = (state / "simulator.log").read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"
    return "it said nothing"


def _request(method: str, url: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=5)
    try:
        connection.request(method, f"/_simulator/{path}", json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        return content if answer.status == 200 and isinstance(content, dict) else None
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _post(url: str, path: str, body: dict[str, Any]) -> bool:
    return _request("POST", url, path, body) is not None


def acquire_lock(state: Path) -> IO[bytes] | None:
    """Lock a folder until the file is closed or the process ends; None when another process has it."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (state / "lock").open("ab")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def publish(state: Path, url: str) -> None:
    """Write where the simulator of a folder is."""
    part = state / f".simulator.{os.getpid()}"
    part.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    part.replace(state / "simulator.json")


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not.

    >>> alive(os.getpid())
    True
    """
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


class Kernels:
    """Processes that keep the simulator running."""

    def __init__(self) -> None:
        self._pids: set[int] = set()
        self._registered = False
        self._started = time.monotonic()

    def register(self, pid: int) -> None:
        """Keep running until this process has ended."""
        self._pids.add(pid)
        self._registered = True

    def pids(self) -> list[int]:
        """Those that still run."""
        self._pids = {pid for pid in self._pids if alive(pid)}
        return sorted(self._pids)

    def all_ended(self) -> bool:
        """Whether every kernel has ended; true without one only after `_FIRST_KERNEL_SECONDS`."""
        return not self.pids() and (self._registered or time.monotonic() - self._started > _FIRST_KERNEL_SECONDS)
