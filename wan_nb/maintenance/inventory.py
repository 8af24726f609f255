"""Files and rows side by side: which clip has no file, which file no run, what a broken download left."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from wan_nb.errors import LogError
from wan_nb.log.states import UNCHECKED, Status
from wan_nb.media.files import file_sha256

if TYPE_CHECKING:
    from pathlib import Path

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row

__all__ = ["Inventory", "drop_leftovers", "look", "rename_back"]

OLD = 24 * 3600.0
"""Seconds after which nobody writes to a temporary file any more: links have died by then."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is there.

    Attributes
    ----------
    whole : int
        Clips as they should be.
    lost, changed : tuple of Row
        Succeeded runs whose file is gone, or has another size than was delivered.
    unchecked : tuple of Row
        Clips that are there, but were kept unchecked.
    strangers : tuple of Path
        Clips that belong to no run.
    leftovers : tuple of Path
        Partial and temporary files that nobody will go on with.
    """

    whole: int
    lost: tuple[Row, ...]
    changed: tuple[Row, ...]
    unchecked: tuple[Row, ...]
    strangers: tuple[Path, ...]
    leftovers: tuple[Path, ...]


def look(workspace: Workspace) -> Inventory:
    """Compare the folder with the log."""
    rows = workspace.log.find()
    made = {row.run_id: row for row in rows if row.status is Status.SUCCEEDED and row.video}
    under_way = {row.run_id for row in rows if row.open}
    found = workspace.store.sizes()
    sizes = {run_id: found.get(str(row.video)) for run_id, row in made.items()}
    lost = tuple(row for run_id, row in made.items() if sizes[run_id] is None)
    changed = tuple(row for run_id, row in made.items() if sizes[run_id] is not None and _differs(row, sizes[run_id]))
    folder = workspace.store.root / "videos"
    names = {PurePath(str(row.video)).name for row in made.values()}
    strangers = tuple(p for p in sorted(folder.glob("[!.]*.mp4")) if p.name not in names and p.stem not in under_way)
    partial = [p for p in sorted(folder.glob(".*.part")) if p.name.split(".")[1] not in under_way]
    temporary = [p for p in sorted(folder.glob(".*.tmp")) if time.time() - p.stat().st_mtime > OLD]
    whole = len(made) - len(lost) - len(changed)
    unchecked = tuple(row for row in made.values() if row.error_code == UNCHECKED and row not in lost)
    return Inventory(whole, lost, changed, unchecked, strangers, (*partial, *temporary))


def rename_back(workspace: Workspace, found: Inventory) -> int:
    """Give clips that were renamed within the folder their names back, known by their content; returns how many."""
    wanted = {row.video_sha256: row for row in found.lost}
    back = 0
    for path in found.strangers if wanted else ():
        with path.open("rb") as file:
            row = wanted.pop(file_sha256(file), None)
        if row is not None:
            with suppress(LogError):  # a name that leads elsewhere
                path.rename(workspace.store.path(str(row.video)))
                back += 1
    return back


def drop_leftovers(found: Inventory) -> int:
    """Delete leftovers; returns how many."""
    for path in found.leftovers:
        path.unlink(missing_ok=True)
    return len(found.leftovers)


def _differs(row: Row, size: int | None) -> bool:
    return row.bytes is not None and size != row.bytes
