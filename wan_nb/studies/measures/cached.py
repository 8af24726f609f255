"""Measures of the clips of a log: computed once per content and version, kept in the log."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from wan_nb.arguments import shown
from wan_nb.errors import InvalidOption
from wan_nb.studies.measures.differences import Difference, paired
from wan_nb.studies.measures.measures import MEASURE_VERSION, MEASURES
from wan_nb.studies.prepared import prepare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row

__all__ = ["columns", "differences", "measured"]


def measured(workspace: Workspace, rows: Sequence[Row]) -> dict[str, Mapping[str, float | None]]:
    """Numbers of the clips of some runs, by run id; what the log does not have yet is computed, three a second.

    Runs without a clip, and clips whose file is gone or cannot be played, are left out.
    """
    known = workspace.log.measures([row.video_sha256 for row in rows if row.video_sha256], MEASURE_VERSION)
    known |= prepare(workspace, [row for row in rows if row.video_sha256 not in known])
    return {row.run_id: known[row.video_sha256] for row in rows if row.video_sha256 in known}


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
