"""Measures of the clips of a log: computed once per content and version, kept in the log."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.api.recorded import items_of
from wan_nb.arguments import shown
from wan_nb.errors import InvalidMedia, InvalidOption, LogError
from wan_nb.studies.measures.differences import Difference, paired
from wan_nb.studies.measures.measures import MEASURE_VERSION, MEASURES, measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row

__all__ = ["columns", "differences", "measured"]


def measured(workspace: Workspace, rows: Sequence[Row]) -> dict[str, Mapping[str, float | None]]:
    """Numbers of the clips of some runs, by run id; what the log does not have yet is computed, 1 to 5 s a clip.

    Runs without a clip, and clips whose file is gone or cannot be played, are left out.
    """
    known = workspace.log.measures([row.video_sha256 for row in rows if row.video_sha256], MEASURE_VERSION)
    found: dict[str, Mapping[str, float | None]] = {}
    for row in rows:
        sha = row.video_sha256 or ""
        if sha and sha not in known:
            with workspace.store.making:  # another thread may be at it
                known |= workspace.log.measures([sha], MEASURE_VERSION)
                if sha not in known and (numbers := _numbers(workspace, row)) is not None:
                    with suppress(LogError):  # a log that can only be read; they are computed again
                        workspace.log.put_measures(sha, MEASURE_VERSION, numbers)
                    known[sha] = numbers
        if sha in known:
            found[row.run_id] = known[sha]
    return found


def columns(workspace: Workspace, rows: Sequence[Row]) -> dict[str, dict[str, float | None]]:
    """The same as columns for `runs_frame`: run ids and numbers by measure, all measures always there."""
    found = measured(workspace, rows)
    return {name: {run_id: numbers.get(name) for run_id, numbers in found.items()} for name in MEASURES}


def differences(workspace: Workspace, rows: Sequence[Row], *, base: str | None = None) -> pd.DataFrame:
    """What variants differ in, measure by measure; see `Study.differences`."""
    import pandas as pd

    if base is not None and base not in {row.variant for row in rows}:
        raise InvalidOption(f"there is no variant {shown(base)}.", field="base")
    found = measured(workspace, rows)
    clips = [
        {"variant": row.variant, "block": row.block, "measures": found[row.run_id]}
        for row in rows
        if row.run_id in found
    ]
    names = [f.name for f in fields(Difference)]
    return pd.DataFrame([asdict(each) for each in paired(clips, base=base)], columns=names)


def _numbers(workspace: Workspace, row: Row) -> dict[str, float | None] | None:
    path = workspace.video(row)
    if path is None:
        return None
    given = dict(_frames(workspace, row.request))
    try:
        return measure(path, **given)
    except (InvalidMedia, OSError):
        return None  # doctor reports such files; a table of numbers need not fail for one of them


def _frames(workspace: Workspace, request: Mapping[str, Any]) -> Iterable[tuple[str, Path]]:
    """The first and the last picture where they were given, still are and still the same."""
    for field, _, item in items_of(request):
        frame = catalog.BY_NAME[field].frame if field in catalog.BY_NAME else ""
        if frame and (path := workspace.recorded_material(field, item).path):
            yield f"{frame}_frame", path
