"""``df.wan``: what can be done with the runs in a DataFrame of ``wan_nb.runs()``."""

from __future__ import annotations

from contextlib import suppress
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from wan_nb.arguments import has_ids, run_ids
from wan_nb.engine.loop import load
from wan_nb.errors import InvalidOption, LogError
from wan_nb.frontends import shell
from wan_nb.handles import chosen_runs
from wan_nb.handles.chosen_runs import is_marked, marked, session_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row

__all__ = ["Accessor", "register", "runs_frame"]


def _pandas() -> None:
    import pandas  # noqa: F401, ICN001


def runs_frame(
    session: Any, rows: Sequence[Row] | None = None, *, measures: bool = False, **filters: Any
) -> pd.DataFrame:
    """Some rows as a DataFrame, with clips as paths and ``.wan`` to play, board and compare them.

    Parameters
    ----------
    session : Session
        Whose log has them, and on which ``.wan`` acts.
    rows : sequence of Row, optional
        These rows; without them, those that pass the filters.
    measures : bool
        Add the numbers of `wan_nb.studies.measures.measures` as columns.
    **filters
        As in `Session.runs`.
    """
    register()
    load(_pandas)
    workspace: Workspace = session.workspace
    extra = None
    if measures:
        from wan_nb.studies.measures.cached import columns

        rows = workspace.log.find(**filters) if rows is None else rows
        extra, filters = columns(workspace, rows), {}
    frame = marked(workspace.log.to_frame(rows, extra=extra, **filters), session)
    if "video" not in frame:
        return frame

    def place(name: str) -> str | None:
        with suppress(LogError):
            return str(workspace.store.path(name))
        return None

    # The log keeps names, so that the folder can move; a person needs paths.
    frame["video"] = frame["video"].map(place, na_action="ignore").astype("string")
    return frame


def register() -> None:
    """Give DataFrames their ``.wan``, and IPython their text as typed. To be called as often as one likes."""
    import pandas as pd

    if getattr(pd.DataFrame, "wan", None) is not Accessor:
        pd.api.extensions.register_dataframe_accessor("wan")(Accessor)
    running = shell()
    if running is None:
        return
    html = running.display_formatter.formatters["text/html"]
    try:
        before = html.lookup_by_type(pd.DataFrame)
    except KeyError:
        before = methodcaller("_repr_html_")
    if not isinstance(before, _AsTyped):
        html.for_type(pd.DataFrame, _AsTyped(before))


class _AsTyped:
    """HTML of tables for IPython; in those of runs ``$5 to $10`` is no formula, which pandas can say of all only."""

    def __init__(self, before: Callable[[pd.DataFrame], str | None]) -> None:
        self._before = before

    def __call__(self, frame: pd.DataFrame) -> str | None:
        if not is_marked(frame):
            return self._before(frame)
        import pandas as pd

        with pd.option_context("display.html.use_mathjax", False):
            return self._before(frame)


class Accessor:
    """Runs of a DataFrame, by their ids in its index or in a column ``run_id``.

    Parameters
    ----------
    frame : DataFrame

    Examples
    --------
    >>> wan_nb.runs(study="walk").wan.play()                        # doctest: +SKIP
    >>> df = wan_nb.runs(); df[df.rating >= 4].wan.compare()        # doctest: +SKIP
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        if not has_ids(frame):
            # pandas turns an AttributeError into "has no attribute", which is what other frames should say.
            raise AttributeError("only a DataFrame of wan_nb.runs() has .wan")
        self._frame = frame

    @property
    def ids(self) -> list[str]:
        """Ids of the runs, in the order of the frame, each once."""
        return run_ids(self._frame)

    def _session(self, given: Any) -> Any:
        """The session that is given, else the one that made the table, else the default one."""
        session = given or session_of(self._frame) or (chosen_runs.default and chosen_runs.default())
        if session is None:
            raise InvalidOption(
                "the session of this table is closed.",
                remedy="wan_nb.session() opens one; then session.compare(table).",
            )
        return session

    def play(self, *, session: Any = None) -> None:
        """Show a table of strips that open the clips. Static: it is still there in the saved notebook."""
        from wan_nb.widgets.outputs import display
        from wan_nb.widgets.static_outputs import runs_bundle

        session = self._session(session)
        display(runs_bundle(session.workspace, session.rows_of(self._frame)))

    def board(self, *, session: Any = None) -> None:
        """Show a live board of these runs."""
        session = self._session(session)
        session.views.show(session.rows_of(self._frame))

    def compare(self, *, columns: int | None = None) -> Any:
        """Show these clips side by side on one transport; see `wan_nb.compare`."""
        if not self.ids:
            raise InvalidOption("there are no runs in this DataFrame to compare.")
        return self._session(None).compare(self._frame, columns=columns)
