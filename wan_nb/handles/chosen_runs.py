"""Rows of the runs that a person means, and the session that they belong to."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wan_nb.arguments import frame_ids, run_ids
from wan_nb.log.marks import in_the_running
from wan_nb.log.states import Status

if TYPE_CHECKING:
    import pandas as pd

    from wan_nb.engine.workspace import Workspace
    from wan_nb.handles.protocols import AnySession, AnyStudy
    from wan_nb.log.row import Row

__all__ = ["each_of", "is_marked", "labelled_rows", "marked", "session_of", "study_rows"]

_MARK = "wan_nb"
"""Key in the ``attrs`` of a DataFrame, which its selections and copies keep."""

default_session: Callable[[], Any] | None = None
"""Set by `wan_nb.handles.default`, which imports this module: the session of tables whose own one is closed."""

_LABELS = ("study", "variant", "block")

_sessions: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()


def labelled_rows(session: Workspace, what: Any) -> list[Row]:
    """Rows of the runs that are meant, under the labels that the study or table gives them.

    Raises
    ------
    InvalidOption
        Something else than a run is among them.
    NotFound
        The log has no such run.
    """
    if not hasattr(what, "columns") and callable(rows := getattr(what, "rows", None)):
        return list(rows())
    found = [session.row(run_id) for run_id in run_ids(what)]
    if not hasattr(what, "columns"):
        return found
    names = [name for name in _LABELS if name in what.columns]
    labels: dict[str, dict[str, Any]] = {}
    for run_id, *own in zip(frame_ids(what), *(what[name] for name in names), strict=True):
        labels[run_id] = {name: _text(cell) for name, cell in zip(names, own, strict=True)}
    return [replace(row, **labels.get(row.run_id, {})) for row in found]


def study_rows(session: AnySession, study: AnyStudy, what: Any, *, done: bool = False) -> list[Row]:
    """Rows of the runs that are meant, under the labels that they have in a study.

    Parameters
    ----------
    session : Session
    study : Study
    what : object
        Labels of its variants, itself, and whatever else means runs.
    done : bool
        Of several that one thing means only those with a clip.
    """
    workspace, own = session.workspace, study.rows()
    labels, found = {row.run_id: row for row in own}, []
    for each in each_of(what):
        of_label = [row for row in own if isinstance(each, str) and row.variant == each]
        rows = of_label or [labels.get(row.run_id, row) for row in session.rows_of([each])]
        if done and (of_label or len(rows) > 1 or each is study):
            workspace.bring(made := [row for row in rows if row.status is Status.SUCCEEDED])
            rows = in_the_running([row for row in made if workspace.video(row) is not None])
        found += rows
    return list({row.run_id: row for row in found}.values())


def _text(cell: Any) -> str | None:
    return cell if isinstance(cell, str) else None


def marked(frame: pd.DataFrame, session: Any) -> pd.DataFrame:
    """Note in a table of runs which session made it."""
    mark = f"{id(session):x}"
    _sessions[mark] = session
    frame.attrs[_MARK] = mark
    return frame


def is_marked(frame: pd.DataFrame) -> bool:
    """Whether a table is one of runs that a session made, or a part or copy of one."""
    return _MARK in frame.attrs


def each_of(what: Any) -> list[Any]:
    """What is meant, one thing after another; a table, a column, an index and a tuple are one thing each."""
    whole = isinstance(what, str | bytes | Mapping) or hasattr(what, "index") or hasattr(what, "get_level_values")
    return list(what) if isinstance(what, list) or (isinstance(what, Iterable) and not whole) else [what]


def session_of(what: Any) -> Any:
    """The session that runs, a study or a table belong to, as long as it is open; None where nothing tells it."""
    if isinstance(what, (list, tuple)):
        return next((found for each in what if (found := session_of(each)) is not None), None)
    tabular = hasattr(what, "attrs")
    session = _sessions.get(str(what.attrs.get(_MARK))) if tabular else getattr(what, "session", None)
    return None if session is None or session.closed else session
