"""``df.wan``: what can be done with the runs in a DataFrame of ``wan_nb.runs()``."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from wan_nb.arguments import has_ids, run_ids, whole
from wan_nb.engine.loop import load
from wan_nb.errors import InvalidOption, WanError
from wan_nb.frontends import shell
from wan_nb.handles import chosen_runs
from wan_nb.handles.chosen_runs import is_marked, marked, session_of
from wan_nb.html.run_card import BOARD_STRIPS
from wan_nb.log.row import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from wan_nb.engine.workspace import Workspace
    from wan_nb.handles.protocols import AnySession
    from wan_nb.log.row import Row
    from wan_nb.studies.plan_state import PlanState

__all__ = ["Accessor", "plan_frame", "register", "runs_frame"]


def _pandas() -> None:
    import pandas  # noqa: F401, ICN001


def runs_frame(
    session: AnySession, rows: Sequence[Row] | None = None, *, measures: bool = False, **filters: Any
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
    # The log keeps names, so that the folder can move; a person needs paths.
    places = workspace.store.places(frame["video"].dropna())
    frame["video"] = frame["video"].map(places.get, na_action="ignore").astype("string")
    return frame


def plan_frame(state: PlanState) -> pd.DataFrame:
    """A plan as a DataFrame: a cell a row, with its state in the log and its price (0 when it is there)."""
    import pandas as pd

    cells, missing = state.plan.cells, state.missing
    return pd.DataFrame(
        {
            "variant": [cell.variant for cell in cells],
            "block": [cell.block for cell in cells],
            "prompt": [request.prompt for request in state.requests],
            "status": [
                "to buy" if row is None or n in missing else str(row.status) for n, row in enumerate(state.rows)
            ],
            "price": [price if n in missing else 0.0 for n, price in enumerate(state.prices)],
            "run_id": [None if row is None else row.run_id for row in state.rows],
        }
    )


def register() -> None:
    """Give DataFrames their ``.wan``, and IPython their text as typed. To be called as often as one likes."""
    import pandas as pd

    if getattr(pd.DataFrame, "wan", None) is not Accessor:
        pd.api.extensions.register_dataframe_accessor("wan")(Accessor)
    running = shell()
    if running is None:
        return
    formatters = running.display_formatter.formatters
    for kind, usual in (("text/html", methodcaller("_repr_html_")), ("text/plain", _usual_text)):
        try:
            before = formatters[kind].lookup_by_type(pd.DataFrame)
        except KeyError:
            before = usual
        if not isinstance(before, _AsTable):
            formatters[kind].for_type(pd.DataFrame, _AsTable(kind, before))


def _usual_text(frame: pd.DataFrame, printer: Any, _cycle: bool) -> None:
    printer.text(repr(frame))


class _AsTable:
    """How IPython shows tables: one of runs with all its columns by those that are read, others as before.

    In a part of such a table ``$5 to $10`` is no formula, which pandas can say of all tables only.
    """

    def __init__(self, kind: str, before: Callable[..., str | None]) -> None:
        self._kind, self._before = kind, before

    def __call__(self, frame: pd.DataFrame, *printer: Any) -> str | None:
        if not is_marked(frame):
            return self._before(frame, *printer)
        if {*COLUMNS} <= {*frame.columns} and frame.index.name == "run_id":
            shown = _table(frame, pictures=self._kind == "text/html")[self._kind]
            return printer[0].text(shown) if printer else shown
        import pandas as pd

        with pd.option_context("display.html.use_mathjax", False):
            return self._before(frame, *printer)


def _table(frame: pd.DataFrame, *, pictures: bool) -> dict[str, str]:
    """The first rows of a table of runs, as many as pandas shows of any table."""
    import pandas as pd

    from wan_nb.html.runs_table import READ, runs_table

    first = frame[[*READ, "simulated"]].head(pd.get_option("display.max_rows") or 60).astype(object)
    records: Any = first.where(first.notna(), None).reset_index().to_dict("records")
    from wan_nb.widgets.output.static_outputs import small_strip

    session, strips = session_of(frame), {}
    for record in records[:BOARD_STRIPS] if pictures and session is not None else ():
        with suppress(WanError):
            if strip := small_strip(session.workspace, session.workspace.row(record["run_id"])):
                strips[record["run_id"]] = strip
    return runs_table(records, strips=strips, total=len(frame), columns=frame.shape[1] + 1)


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
        session = given or session_of(self._frame) or (chosen_runs.default_session and chosen_runs.default_session())
        if session is None:
            raise InvalidOption(
                "the session of this table is closed.",
                remedy="wan_nb.session() opens one; then session.compare(table).",
            )
        return session

    def play(
        self,
        page: int = 1,
        *,
        status: Any = None,
        study: Any = None,
        text: str | None = None,
        rating: int | None = None,
        sort: str | None = None,
        session: Any = None,
    ) -> None:
        """Show the runs as a table of strips that open the clips, 30 on a page.

        Where somebody sits at the notebook, controls above it turn pages, filter and sort. The page that is seen last
        stays in the saved notebook, as plain HTML of at most 300 kB that says how many there are and how others are
        shown.

        Parameters
        ----------
        page : int
            From 1.
        status, study : str or list of str, optional
            Only runs in this state; only those of this study.
        text : str, optional
            Only runs in which all of these words stand: in prompt, note, tags, label or study.
        rating : int, optional
            Only runs with at least so many stars; 0 for those that are not rated.
        sort : str, optional
            A column, such as ``"run_s"``, with ``-`` before it the largest first. The order of the frame without it.

        Raises
        ------
        InvalidOption
            There is no such page, state or column.

        Examples
        --------
        >>> wan_nb.runs().wan.play(rating=4, sort="-created_at", page=2)   # doctest: +SKIP
        """
        from wan_nb.widgets.gallery import Choice, Gallery, show_gallery

        session = self._session(session)
        gallery = Gallery(session.workspace, self.ids)
        choice = Choice(status=status, study=study, text=text, rating=rating, sort=sort)
        total = gallery.count(choice)
        pages = gallery.pages(total)
        page = whole(page, f"page of these {total} runs is 1 to {pages}", 1, pages)
        show_gallery(session.views, gallery, replace(choice, page=page))

    def board(self, *, session: Any = None) -> None:
        """Show a live board of these runs."""
        session = self._session(session)
        session.views.show(session.rows_of(self._frame))

    def compare(self, *, columns: int | None = None) -> Any:
        """Show these clips side by side on one transport; see `wan_nb.compare`."""
        if not self.ids:
            raise InvalidOption("there are no runs in this DataFrame to compare.")
        return self._session(None).compare(self._frame, columns=columns)
