"""Which runs a person means: an id, a run, a study, a table of runs, or several of them in whatever holds them."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wan_nb.arguments import shown
from wan_nb.errors import InvalidOption

if TYPE_CHECKING:
    import pandas as pd

    from wan_nb.engine.logbook import Logbook
    from wan_nb.log.row import Row

__all__ = ["labelled_rows", "marked", "run_ids", "session_of"]

_MARK = "wan_nb"
"""Key in the ``attrs`` of a DataFrame, which its selections and copies keep."""

_LABELS = ("study", "variant", "block")

_sessions: weakref.WeakValueDictionary[str, Logbook] = weakref.WeakValueDictionary()


def run_ids(what: Any) -> list[str]:
    """Ids, or beginnings of ids, of the runs that are meant, in their order, each once.

    Parameters
    ----------
    what : str, Run, Row, Study, DataFrame, Series, Index, mapping or iterable of such
        A table has its ids in the index ``run_id`` or in the column of that name, and so has a row or a column of it.

    Raises
    ------
    InvalidOption
        Something else is among them.

    Examples
    --------
    >>> run_ids(["3f9c", ("77ab", "3f9c")]), run_ids(word for word in ["3f9c"])
    (['3f9c', '77ab'], ['3f9c'])
    """
    return list(dict.fromkeys(_ids(what)))


def _ids(what: Any) -> Iterable[str]:
    if isinstance(what, str):
        yield what
    elif hasattr(what, "columns"):
        yield from _ids(_of_frame(what))
    elif hasattr(what, "index") and hasattr(what, "to_list"):
        yield from _of_series(what)
    elif isinstance(own := getattr(what, "run_id", getattr(what, "id", None)), str):  # a row of the log, a run
        yield own
    elif callable(rows := getattr(what, "rows", None)):  # a study
        yield from (row.run_id for row in rows())
    elif isinstance(what, Mapping):
        yield from _ids(what.values())
    elif isinstance(what, Iterable) and not isinstance(what, (bytes, bytearray)):
        for each in what:
            yield from _ids(each)
    else:
        raise InvalidOption(
            f"{shown(what)} is no run.", remedy="Give an id, a Run, a study, or a table of wan_nb.runs()."
        )


def _of_frame(frame: Any) -> Any:
    if frame.index.name == "run_id":
        return list(frame.index)
    if "run_id" in frame.columns:
        return list(frame["run_id"])
    raise InvalidOption("this table has no run_id.", remedy="Give one of wan_nb.runs(), or its ids.")


def _of_series(series: Any) -> Iterable[str]:
    """Ids of a column of a table of runs, or of one of its rows."""
    if series.name == "run_id":
        yield from _ids(list(series))
    elif series.index.name == "run_id":
        yield from _ids(list(series.index))
    elif "run_id" in series.index:
        yield from _ids(series["run_id"])
    elif "status" in series.index and isinstance(series.name, str):
        yield series.name
    else:
        yield from _ids(list(series))


def labelled_rows(session: Logbook, what: Any) -> list[Row]:
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
    for run_id, *own in zip(_of_frame(what), *(what[name].astype(object) for name in names), strict=True):
        labels[run_id] = {name: _text(cell) for name, cell in zip(names, own, strict=True)}
    return [replace(row, **labels.get(row.run_id, {})) for row in found]


def _text(cell: Any) -> str | None:
    return cell if isinstance(cell, str) else None


def marked(frame: pd.DataFrame, session: Logbook) -> pd.DataFrame:
    """Note in a table of runs which session made it."""
    mark = f"{id(session):x}"
    _sessions[mark] = session
    frame.attrs[_MARK] = mark
    return frame


def session_of(what: Any) -> Logbook | None:
    """The session that runs, a study or a table belong to, as long as it is open; None where nothing tells it."""
    if isinstance(what, (list, tuple)):
        return next((found for each in what if (found := session_of(each)) is not None), None)
    tabular = hasattr(what, "attrs")
    session = _sessions.get(str(what.attrs.get(_MARK))) if tabular else getattr(what, "session", None)
    return None if session is None or session.closed else session
