"""Static pictures of a session's runs as MIME bundles: `html` with the strips and places that only a session knows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wan_nb.errors import InvalidOption
from wan_nb.html import run_card as html
from wan_nb.html.text import megabytes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from wan_nb.handles.run import Run
    from wan_nb.handles.session import Session
    from wan_nb.log.row import Row

__all__ = ["EMBED_MAX", "reused_note", "row_bundle", "run_bundle", "runs_bundle"]

EMBED_MAX = 20_000_000
"""Largest clip that is put into a notebook, in bytes: beyond it saving takes seconds and other tools give up."""


def run_bundle(run: Run, *, embed: bool = False) -> dict[str, str]:
    """Static MIME bundle of a run, with its strip and the clip's address relative to the notebook.

    Raises
    ------
    InvalidOption
        `embed` of a clip that is not there, or larger than 20 MB.
    """
    data = _embedded(run) if embed else None
    weight = f"The clip itself is in this cell: {megabytes(len(data) * 4 / 3)} of notebook." if data else ""
    return row_bundle(run.session, run.row, note=weight or reused_note(run), embed=data)


def row_bundle(session: Session, row: Row, *, note: str = "", embed: bytes | None = None) -> dict[str, str]:
    """`run_bundle` of a row."""
    strip = session.strip(row)
    return html.run_bundle(_placed(session, row), folder=session.notebook, strip=strip, embed=embed, note=note)


def reused_note(run: Run) -> str:
    """What is said of a run that was there already; empty for a new one."""
    row = run.row
    if not run.reused:
        return ""
    day = f"{row.ended_at or row.created_at:%Y-%m-%d}" if row.ended_at or row.created_at else "before"
    if str(row.status) == "SUCCEEDED":
        return f"Reused run {run.id[:8]}, {'made' if row.simulated else 'paid'} {day}; --again buys a new one."
    return f"Run {run.id[:8]} is under way already; nothing was sent again."


def _embedded(run: Run) -> bytes:
    path = run.video
    if path is None:
        raise InvalidOption("there is no clip on disk to embed.", run_id=run.id)
    size = path.stat().st_size
    if size > EMBED_MAX:
        limit = megabytes(EMBED_MAX)
        raise InvalidOption(f"the clip has {megabytes(size)}; at most {limit} go into a notebook.", run_id=run.id)
    return path.read_bytes()


def runs_bundle(session: Session, rows: Iterable[Row], *, title: str = "", pictures: bool = True) -> dict[str, str]:
    """Static MIME bundle of many runs: a table of strips that open the clips, or without pictures of words."""
    rows = list(rows)
    done = [row for row in rows if session.video(row)][: html.BOARD_STRIPS if pictures else 0]
    strips = {row.run_id: strip for row in done if (strip := session.strip(row))}
    placed = [_placed(session, row) for row in rows]
    return html.board_bundle(placed, folder=session.notebook, strips=strips, title=title)


def _placed(session: Session, row: Row) -> Row:
    """The row with the clip's place on this machine; without one when the file is gone."""
    path = session.video(row)
    return replace(row, video=_short(path, session.notebook) if path else None)


def _short(path: Path, folder: Path) -> str:
    """A path as it is said: seen from the notebook, so that it means the same elsewhere."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
