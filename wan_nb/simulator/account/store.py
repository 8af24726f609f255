"""Files of the simulator that survive a restart: one JSON file per task, one per upload, the clips."""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Store", "Task", "write_whole"]


@dataclass(frozen=True, slots=True)
class Task:
    """One task as the service remembers it.

    Attributes
    ----------
    account : str
        Hash of the key; the key itself is never kept.
    body : dict
        The create body; materials given as data are replaced by the name of their file, ``kept:<sha256>``.
    submitted, scheduled, ended : float or None
        Service clock, seconds since the epoch.
    ready_at, started_at, ends_at : float or None
        Real time: out of the queue, running since, not finished before.
    fails_with : tuple of str or None
        Code and message that the task is bound to end with.
    usage : dict or None
        As billed.
    """

    task_id: str
    request_id: str
    account: str
    model: str
    body: dict[str, Any]
    submitted: float
    ready_at: float
    run_seconds: float
    seed: int
    status: str = "PENDING"
    scheduled: float | None = None
    ended: float | None = None
    started_at: float | None = None
    ends_at: float | None = None
    fails_with: tuple[str, str] | None = None
    code: str = ""
    message: str = ""
    usage: dict[str, Any] | None = None

    @property
    def limit_key(self) -> tuple[str, str]:
        """What the running limit counts: account and exact model."""
        return (self.account, self.model)


class Store:
    """Files of one state folder.

    Parameters
    ----------
    folder : Path
        Made when missing, readable by its owner only.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("tasks", "uploads", "inputs", "clips"):
            (folder / name).mkdir(exist_ok=True)
        secret = folder / "secret"
        if not secret.exists():
            write_whole(secret, secrets.token_bytes(32))
        self.secret = secret.read_bytes()

    def save(self, task: Task) -> None:
        """Write a task; whole or not at all."""
        write_whole(self.folder / "tasks" / f"{task.task_id}.json", json.dumps(asdict(task)).encode())

    def load(self) -> list[Task]:
        """All tasks, oldest first."""
        read = [_task(path) for path in (self.folder / "tasks").glob("*.json")]
        return sorted((task for task in read if task), key=lambda task: task.submitted)

    def clip(self, task_id: str) -> Path:
        """Where the clip of a task is, or will be."""
        return self.folder / "clips" / f"{task_id}.mp4"

    def keep_input(self, name: str, data: bytes) -> None:
        """Keep a material that came inside a request, under the hash of its content."""
        path = self.folder / "inputs" / name
        if not path.exists():
            write_whole(path, data)

    def input(self, name: str) -> bytes:
        """Bytes of a kept material."""
        return (self.folder / "inputs" / name).read_bytes()

    def sweep(self, older_than: float) -> None:
        """Delete what was last written before a time (seconds since the epoch): the service forgets after days."""
        for name in ("tasks", "uploads", "inputs", "clips"):
            for path in (self.folder / name).iterdir():
                if path.stat().st_mtime < older_than:
                    path.unlink()

    def clear(self) -> None:
        """Delete everything but the signing secret."""
        for name in ("tasks", "uploads", "inputs", "clips"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            (self.folder / name).mkdir(exist_ok=True)


def _task(path: Path) -> Task | None:
    """Task in a file; None for one that a full disk or another version left, so that the others are loaded."""
    try:
        found = json.loads(path.read_bytes())
        data = {item.name: found[item.name] for item in fields(Task) if item.name in found}
        return Task(**data | {"fails_with": tuple(data["fails_with"]) if data.get("fails_with") else None})
    except (ValueError, TypeError, KeyError):
        return None


def write_whole(path: Path, data: bytes) -> None:
    """Write a file as a whole or not at all."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    part.write_bytes(data)
    part.replace(path)
