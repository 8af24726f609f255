"""What a cell shows of its runs: live while they run, then plain HTML in the same place, for good.

A widget that was saved and opened again shows "Error displaying widget: model not found", so when the last run of a
view has ended its output is replaced, by its display id, with a bundle that holds no widget. Under nbclient and
papermill there is never a widget: those accept messages of a cell only while it runs, so whoever waits publishes again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wan_nb.widgets.outputs import Views, display, is_live
from wan_nb.widgets.static_twin import reused_note, run_bundle, runs_bundle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_nb.handles.run import Run
    from wan_nb.handles.session import Session
    from wan_nb.log.row import Row

__all__ = ["is_live", "republish", "run_bundle", "runs_bundle", "show_run", "show_runs"]

HISTORY = 200
"""Newest runs of the log that a board of everything begins with."""


def show_run(run: Run, *, embed: bool = False) -> None:
    """Show one run in the running cell: a live card until it ends, then its clip.

    Parameters
    ----------
    run : Run
    embed : bool
        Put the clip itself into the notebook, for readers who do not have the file.

    Raises
    ------
    InvalidOption
        `embed` of a clip that is not there, or larger than 20 MB.
    """
    if embed:
        display(run_bundle(run, embed=True))
    else:
        Views.of(run.session).show([run.row], note=reused_note(run))


def show_runs(session: Session, rows: Sequence[Row] | None = None, *, title: str = "") -> None:
    """Show a board of runs; without them of everything in the log that is newest or open, and of what comes.

    Parameters
    ----------
    session : Session
    rows : sequence of Row, optional
        Under the labels that they are to have.
    title : str
        Such as the name of a study.
    """
    follow = rows is None
    if rows is None:
        newest = session.log.find(limit=HISTORY)
        older = [row for row in session.log.open_rows() if row.run_id not in {known.run_id for known in newest}]
        rows = [*newest, *older]
    Views.of(session).show(rows, follow=follow, title=title)


def republish(*runs: Run) -> None:
    """Publish the state of runs of one session anew wherever this kernel has shown it; for the thread that waited."""
    if runs:
        Views.of(runs[0].session).republish({run.id for run in runs})
