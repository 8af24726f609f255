"""Static pictures of runs as MIME bundles: `wan_nb.html` with the strips and places that a workspace knows."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wan_nb.errors import InvalidMedia, InvalidOption, WanError
from wan_nb.frontends import front_end, serves
from wan_nb.html import run_card
from wan_nb.html.text import megabytes, source
from wan_nb.media.files import SMALL_STRIP_BYTES
from wan_nb.settings import EMBED_MOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.reading.takes import Takes
    from wan_nb.log.row import Row

__all__ = ["LIGHT", "page_bundle", "reused_note", "run_bundle", "runs_bundle", "small_strip"]

LIGHT = 1_000_000
"""Most bytes of a light copy that is put into an output unasked."""

_PLAYER_BYTES = 200
"""What the markup around a picture takes."""


def run_bundle(workspace: Workspace, row: Row, *, note: str = "", embed: bool = False) -> dict[str, str]:
    """Static MIME bundle of a run, with its strip and the clip's address relative to the notebook.

    Parameters
    ----------
    workspace : Workspace
    row : Row
    note : str
        One line above the clip.
    embed : bool
        Put the clip itself into the bundle, for readers who do not have the file; the note then tells its size. Without
        it the settings say whether a light copy is.

    Raises
    ------
    InvalidOption
        `embed` of a clip that is not there, or larger than 20 MB.
    """
    data = _clip_bytes(workspace, row) if embed else _copies(workspace, [row]).get(row.run_id)
    if data and embed:
        note = f"The clip itself is in this cell: {megabytes(len(data) * 4 / 3)} of notebook."
    (takes,) = workspace.takes([row.fingerprint])
    given: dict[str, Any] = {"strip": workspace.strip(row), "embed": data, "note": note, "pinned": takes.pinned}
    given["takes"] = [_placed(workspace, other) for other in takes.shown]
    return run_card.run_bundle(_placed(workspace, row), **_place(workspace), **given)


def reused_note(row: Row, takes: Takes) -> str:
    """What is said of a run that was there before the cell that asks for it."""
    day = f"{row.ended_at or row.created_at:%Y-%m-%d}" if row.ended_at or row.created_at else "before"
    if str(row.status) == "SUCCEEDED":
        paid = "made" if row.simulated else "paid"
        return f"Reused run {row.run_id[:8]}, {paid} {day}; --take {takes.next} makes another."
    return f"Run {row.run_id[:8]} is under way already; nothing was sent again."


def runs_bundle(workspace: Workspace, rows: Iterable[Row], *, title: str = "", pictures: bool = True) -> dict[str, str]:
    """Static MIME bundle of many runs: a table of strips that open the clips, or without pictures of words."""
    rows = list(rows)
    done = [row for row in rows if workspace.video(row)] if pictures else []
    few = done[: run_card.BOARD_STRIPS]
    strips = {row.run_id: strip for row in done if (strip := workspace.strip(row))}
    if len(strips) > len(few):
        strips = _smaller(strips)
    given: dict[str, Any] = {"strips": strips, "embeds": _copies(workspace, few), "title": title}
    return run_card.board_bundle([_placed(workspace, row) for row in rows], **_place(workspace), **given)


def page_bundle(
    workspace: Workspace, rows: Sequence[Row], *, title: str, most: int, made_only: bool = False
) -> dict[str, str]:
    """As `runs_bundle`, with small pictures, no clip in it, and in all at most so many bytes of a notebook.

    Parameters
    ----------
    workspace : Workspace
    rows : sequence of Row
    title : str
    most : int
        What words leave of it is for the pictures.
    made_only : bool
        Only pictures that are there already.
    """

    def bundle(strips: Mapping[str, bytes]) -> dict[str, str]:
        given: dict[str, Any] = {"strips": strips, "title": title}
        return run_card.board_bundle([_placed(workspace, row) for row in rows], **_place(workspace), **given)

    room = most - len(json.dumps(bundle({}), ensure_ascii=False).encode("utf-8", "replace"))
    strips: dict[str, bytes] = {}
    for row in rows:
        strip = small_strip(workspace, row, made_only=made_only) or b""
        room -= len(strip) * 4 // 3 + _PLAYER_BYTES
        if strip and room > 0:
            strips[row.run_id] = strip
    return bundle(strips)


def small_strip(workspace: Workspace, row: Row, *, made_only: bool = False) -> bytes | None:
    """Frames of a clip for a place among many; None where there is no clip, or nobody can make them."""
    with suppress(WanError, OSError, ValueError):
        if not made_only:
            return workspace.strip(row, SMALL_STRIP_BYTES)
        return workspace.store.made_strip(str(row.video_sha256), SMALL_STRIP_BYTES) if workspace.video(row) else None
    return None


def _smaller(strips: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same pictures in so few bytes that each row of a long table has one."""
    from wan_nb.media.clips import shrunk

    found: dict[str, bytes] = {}
    for run_id, strip in strips.items():
        with suppress(OSError, ValueError):  # what is no picture, or would be too small to see
            found[run_id] = shrunk(strip, run_card.BOARD_BYTES // len(strips))
    return found


def _place(workspace: Workspace) -> dict[str, Any]:
    """Where the notebook is, and whether clips are reached from there."""
    return {"folder": workspace.notebook, "served": serves(workspace.store.root)}


def _copies(workspace: Workspace, rows: Iterable[Row]) -> dict[str, bytes]:
    """Light copies, by run, for an output whose page does not play the clips from their files.

    What has once been put into an output of this kernel is put into others too; beyond `EMBED_MOST` nothing is added.
    """
    policy, place = workspace.settings.embed, _place(workspace)
    if policy == "never" or not front_end().kernel:
        return {}
    copies: dict[str, bytes] = {}
    for row in rows:
        path = workspace.video(row)
        if path is None or (policy == "auto" and source(path, **place)):
            continue
        most = LIGHT if policy == "auto" else round(float(policy) * 1e6)
        with suppress(InvalidMedia, OSError):  # a clip that was kept unchecked, a folder that cannot be written
            data = workspace.store.small_copy(path, str(row.video_sha256), most).read_bytes()
            others = sum(size for run_id, size in workspace.embedded.items() if run_id != row.run_id)
            if len(data) <= most and others + len(data) <= EMBED_MOST:
                workspace.embedded[row.run_id] = len(data)
                copies[row.run_id] = data
    return copies


def _clip_bytes(workspace: Workspace, row: Row) -> bytes:
    path = workspace.video(row)
    if path is None:
        raise InvalidOption("there is no clip on disk to embed.", run_id=row.run_id)
    size = path.stat().st_size
    if size > EMBED_MOST:
        limit = megabytes(EMBED_MOST)
        raise InvalidOption(f"the clip has {megabytes(size)}; at most {limit} go into a notebook.", run_id=row.run_id)
    return path.read_bytes()


def _placed(workspace: Workspace, row: Row) -> Row:
    """The row with the clip's place on this machine; without one when the file is gone."""
    path = workspace.video(row)
    return replace(row, video=_short(path, workspace.notebook) if path else None)


def _short(path: Path, folder: Path) -> str:
    """Path relative to the notebook where the clip lies below it, else absolute."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
