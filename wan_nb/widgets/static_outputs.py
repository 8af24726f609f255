"""Static pictures of runs as MIME bundles: `wan_nb.html` with the strips and places that a workspace knows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wan_nb.errors import InvalidOption
from wan_nb.html import run_card
from wan_nb.html.text import megabytes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row

__all__ = ["EMBED_MAX", "reused_note", "run_bundle", "runs_bundle"]

EMBED_MAX = 20_000_000
"""Largest clip that is put into a notebook, in bytes: beyond it saving takes seconds and other tools give up."""


def run_bundle(workspace: Workspace, row: Row, *, note: str = "", embed: bool = False) -> dict[str, str]:
    """Static MIME bundle of a run, with its strip and the clip's address relative to the notebook.

    Parameters
    ----------
    workspace : Workspace
    row : Row
    note : str
        One line above the clip.
    embed : bool
        Put the clip itself into the bundle, for readers who do not have the file; the note then tells its size.

    Raises
    ------
    InvalidOption
        `embed` of a clip that is not there, or larger than 20 MB.
    """
    data = _clip_bytes(workspace, row) if embed else None
    if data:
        note = f"The clip itself is in this cell: {megabytes(len(data) * 4 / 3)} of notebook."
    strip = workspace.strip(row)
    return run_card.run_bundle(_placed(workspace, row), folder=workspace.notebook, strip=strip, embed=data, note=note)


def reused_note(row: Row) -> str:
    """What is said of a run that was there before the cell that asks for it."""
    day = f"{row.ended_at or row.created_at:%Y-%m-%d}" if row.ended_at or row.created_at else "before"
    if str(row.status) == "SUCCEEDED":
        return f"Reused run {row.run_id[:8]}, {'made' if row.simulated else 'paid'} {day}; --again buys a new one."
    return f"Run {row.run_id[:8]} is under way already; nothing was sent again."


def runs_bundle(workspace: Workspace, rows: Iterable[Row], *, title: str = "", pictures: bool = True) -> dict[str, str]:
    """Static MIME bundle of many runs: a table of strips that open the clips, or without pictures of words."""
    rows = list(rows)
    done = [row for row in rows if workspace.video(row)][: run_card.BOARD_STRIPS if pictures else 0]
    strips = {row.run_id: strip for row in done if (strip := workspace.strip(row))}
    placed = [_placed(workspace, row) for row in rows]
    return run_card.board_bundle(placed, folder=workspace.notebook, strips=strips, title=title)


def _clip_bytes(workspace: Workspace, row: Row) -> bytes:
    path = workspace.video(row)
    if path is None:
        raise InvalidOption("there is no clip on disk to embed.", run_id=row.run_id)
    size = path.stat().st_size
    if size > EMBED_MAX:
        limit = megabytes(EMBED_MAX)
        raise InvalidOption(f"the clip has {megabytes(size)}; at most {limit} go into a notebook.", run_id=row.run_id)
    return path.read_bytes()


def _placed(workspace: Workspace, row: Row) -> Row:
    """The row with the clip's place on this machine; without one when the file is gone."""
    path = workspace.video(row)
    return replace(row, video=_short(path, workspace.notebook) if path else None)


def _short(path: Path, folder: Path) -> str:
    """Path relative to the notebook where the clip lies below it, else absolute."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
