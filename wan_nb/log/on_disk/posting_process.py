"""Who posts a run, and whether that process still lives.

An intent whose process has died may be settled by another one; an intent whose process lives may not, or a clip is paid
twice. So "alive" is the answer in every doubt, and only time ends a doubt.
"""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

__all__ = ["PATIENCE", "owner_alive", "owner_id"]

PATIENCE = timedelta(minutes=15)
"""How long a process that cannot be asked is believed to live after its last sign of life."""

_AHEAD = timedelta(days=1)


def owner_id() -> str:
    """Name this process: ``host:pid:process start time``.

    The start time keeps a later process with the same number from passing for this one.

    Examples
    --------
    >>> owner_alive(owner_id())
    True
    """
    return f"{_host()}:{os.getpid()}:{_started(os.getpid()) or ''}"


def owner_alive(owner: str, seen: datetime | None = None, *, now: datetime | None = None) -> bool:
    """Tell whether the process that calls itself `owner` may still be at work.

    Parameters
    ----------
    owner : str
        What its `owner_id` said.
    seen : datetime, optional
        Its last sign of life; aware. A process of another host, or of a system that cannot be asked about processes,
        counts as alive until it is older than `PATIENCE`; one that is more than a day ahead, by a clock that had
        jumped, is none. Without it such a process always counts as alive.
    now : datetime, optional
        Aware; the clock when left out.

    Returns
    -------
    bool
    """
    place, _, start = owner.rpartition(":")
    host, _, pid = place.rpartition(":")
    if host == _host() and pid.isdigit() and start and (found := _started(int(pid))) is not None:
        return found == start
    return seen is None or -_AHEAD < (now or datetime.now(UTC)) - seen < PATIENCE


def _host() -> str:
    """Return a name that two machines, two containers or two boots never share.

    The host name alone is not enough: containers of one image often share it, and each counts processes from 1.
    """
    marks = [_read("/proc/sys/kernel/random/boot_id")]
    try:
        marks.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    except OSError:
        marks.append("")
    digest = hashlib.sha256("|".join(marks).encode()).hexdigest()[:8] if any(marks) else "0"
    return f"{socket.gethostname().replace(':', '-')}-{digest}"


def _started(pid: int) -> str | None:
    """Return when process `pid` of this host began, ``""`` when there is no such process, `None` when nobody can say.

    Windows cannot be asked without a C interface (its `os.kill` with signal 0 is a Ctrl-C to a console), so there the
    age decides.
    """
    if Path("/proc/self/stat").exists():
        # The name in parentheses may hold blanks and parentheses; after it the start time is the 20th word.
        words = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        return words[19] if len(words) > 19 and words[0] not in {"Z", "X"} else ""
    if sys.platform == "win32":
        return None
    return _asked(pid)


def _asked(pid: int) -> str | None:
    """Return what ``ps`` (macOS, BSD) says about the start of `pid`."""
    try:
        done = subprocess.run(  # noqa: S603 - the one argument is a number
            ["/bin/ps", "-o", "lstart=", "-p", str(pid)],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            env={"LC_ALL": "C", "TZ": "UTC"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return "".join(done.stdout.split()).replace(":", "")


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
