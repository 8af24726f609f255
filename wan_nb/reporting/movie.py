"""The clips of a study beside each other as one clip, for a slide or a chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wan_nb.errors import InvalidOption
from wan_nb.html.text import state
from wan_nb.html.written_file import WrittenFile
from wan_nb.reporting.film import target
from wan_nb.reporting.sections import without_secrets
from wan_nb.terminal import say

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row

__all__ = ["movie"]

_SHAPE = (16, 9)


def movie(
    workspace: Workspace,
    rows: Sequence[Row],
    path: str | os.PathLike[str],
    *,
    columns: int | None = None,
    sound: str | None = None,
) -> Path:
    """Write the clips of some runs beside each other; see `Study.movie`.

    Parameters
    ----------
    workspace : Workspace
    rows : sequence of Row
        Under the labels that they are to have, a place each, also those without a clip.
    path : path
    columns : int, optional
        As many as make the clips largest without it.
    sound : str, optional
        Run that is heard; the first one with sound without it.
    """
    out = target(workspace, path, ".mp4")
    from wan_nb.media.movie.grid import SMALLEST, Tile, laid_out, play_together

    workspace.bring([row for row in rows if row.status == "SUCCEEDED"])
    files = [workspace.video(row) for row in rows]
    if not any(files):
        raise InvalidOption("there is no clip to show yet.", remedy="%wan runs shows what is there.")
    shape = next(((row.width, row.height) for row in rows if row.width and row.height), _SHAPE)
    columns = columns or max(range(1, len(rows) + 1), key=lambda n: (laid_out(len(rows), n, shape)[1][0][2], -n))
    if laid_out(len(rows), columns, shape)[1][0][2] < min(SMALLEST, shape[0]):
        raise InvalidOption(
            f"{len(rows)} clips in {columns} columns would be too small to see.",
            remedy="Choose some: movie(..., runs=[...]), or other columns.",
        )
    heard = next((n for n, row in enumerate(rows) if (row.run_id == sound if sound else row.has_audio)), None)
    tiles = [Tile(label, file, _lack(row)) for label, file, row in zip(_labels(rows), files, rows, strict=True)]
    return WrittenFile(play_together(tiles, out, columns=columns, sound=heard))


def _lack(row: Row) -> str:
    """What stands in the place of a clip that is not there."""
    return "the clip is gone or does not play" if row.status == "SUCCEEDED" else f"no clip: {state(row.status).word}"


def _labels(rows: Sequence[Row]) -> list[str]:
    """Variant of each, with its block where there are several; a number where no font here has the letters."""
    from wan_nb.media.movie.lettering import can_write

    several = len({row.block for row in rows}) > 1
    labels = []
    for number, row in enumerate(rows, 1):
        parts = [row.variant or (row.prompt or row.run_id)[:40], row.block if several else None]
        label = without_secrets(" · ".join(filter(None, parts)))
        labels.append(label if can_write(label) else str(number))
        if label != labels[-1]:
            say(f"No font here has the letters of {label!r:.60}: it is clip {number} in the movie.")
    return labels
