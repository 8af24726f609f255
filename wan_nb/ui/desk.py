"""From studies and runs to what is compared, voted on and reported: the plain values that the widgets take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from wan_nb.errors import InvalidOption, NotFound
from wan_nb.handles.selection import labelled_rows, session_of
from wan_nb.handles.study import Study
from wan_nb.public import guarded

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from wan_nb.handles.session import Session
    from wan_nb.log.row import Row
    from wan_nb.widgets.compare import CompareWidget
    from wan_nb.widgets.vote import VoteWidget

__all__ = ["board", "compare", "report", "rows_of", "study_of", "vote"]


@guarded
def compare(what: Any = None, *, columns: int | None = None) -> CompareWidget:
    """Show clips side by side on one transport: play, scrub, step, loop, wipe, difference, swap in place.

    Parameters
    ----------
    what : Study, Run, id, DataFrame of ``wan_nb.runs()``, or several of them, optional
        Also a Series or index of ids, the name of a study, one of its variants, or a tag. The last study of the default
        session when left out.
    columns : int, optional
        Clips beside each other; a variant each in a study when left out.

    Returns
    -------
    CompareWidget
        Shows itself; at most six clips play at once, the rest pages.

    Raises
    ------
    InvalidOption
        There is nothing to compare.

    Examples
    --------
    >>> wan_nb.compare(wan_nb.runs(study="walk"))  # doctest: +SKIP
    """
    from wan_nb.widgets.compare import compare_rows

    session, rows = rows_of(what)
    return compare_rows(session.workspace, rows, columns=columns)


@guarded
def board(session: Session | None = None) -> None:
    """Show the newest runs of the log, and those to come, on a live board.

    Examples
    --------
    >>> wan_nb.board()  # doctest: +SKIP
    """
    from wan_nb.handles.default import session as default_session

    (session or default_session()).views.show_all()


@guarded
def vote(
    study: Study | str | None = None, *, rater: str = "", mode: Literal["winner", "ranking"] = "winner"
) -> VoteWidget:
    """Ask blind questions about pairs of clips of one block, by keyboard: 1 2 better, 0 same, 9 both bad, u undo.

    Parameters
    ----------
    study : Study or str, optional
        Or its name; the newest of the default session when left out.
    rater : str
        Name of who votes; each rater is asked about every pair.
    mode : {'winner', 'ranking'}
        Find the best variant with few votes, or put all in order.

    Returns
    -------
    VoteWidget
        Shows itself; every answer is written down at once.

    Examples
    --------
    >>> wan_nb.vote("walk", rater="Ada")  # doctest: +SKIP
    """
    return _study(study).vote(rater=rater, mode=mode)


@guarded
def report(study: Study | str | None = None, path: str | os.PathLike[str] | None = None, **options: Any) -> Path:
    """Write a study as one HTML file that needs nothing else: plan, prompts, clips, votes, ranking, measures, costs.

    Parameters
    ----------
    study : Study or str, optional
        Or its name; the newest of the default session when left out.
    path : path, optional
        ``NAME.html`` without it. One that ends in ``.csv`` becomes a table of runs and measures instead, with the
        votes in another one beside it.
    **options
        ``media="embed"``, ``"link"`` or ``"none"``: the clips in the file, beside it, or strips only.

    Returns
    -------
    Path
        Absolute.

    Raises
    ------
    InvalidOption
        Another ending, or a report that would be too large. Nothing is written.

    Examples
    --------
    >>> wan_nb.report("walk", "walk.html")  # doctest: +SKIP
    PosixPath('.../walk.html')
    """
    return _study(study).report(path, **options)


def rows_of(what: Any, session: Session | None = None) -> tuple[Session, list[Row]]:
    """Session and rows of the runs that are meant.

    Parameters
    ----------
    what : object
        What `wan_nb.arguments.run_ids` takes; a text is also the name of a study, a variant of the last study,
        or a tag. None: the last study.
    session : Session, optional
        That which the runs or the table belong to when left out, else the default one.
    """
    from wan_nb.handles.default import session as default_session

    tabular = hasattr(what, "index") or hasattr(what, "get_level_values")
    if isinstance(what, Iterable) and not isinstance(what, str | bytes | Mapping) and not tabular:
        what = list(what)
    chosen = session or cast("Session | None", session_of(what)) or default_session()
    if what is None:
        return chosen, study_of(None, chosen).rows()
    found = [row for each in (what if isinstance(what, list) else [what]) for row in _meant(chosen, each)]
    return chosen, list({row.run_id: row for row in found}.values())


def _meant(session: Session, what: Any) -> list[Row]:
    if not isinstance(what, str):
        return labelled_rows(session.workspace, what)
    if what in session.log.studies():
        return session.study(name=what).rows()
    try:
        return labelled_rows(session.workspace, what)
    except NotFound:
        last = session.last.rows() if isinstance(session.last, Study) else []
        labelled = [row for row in last if row.variant == what] or session.log.find(tags=what)
        if not labelled:
            raise
        return labelled


def study_of(what: Any, session: Session) -> Study:
    """The study that is meant: itself, by its name, or else the last one of a session, or of its log.

    Raises
    ------
    InvalidOption
        It is neither, or there is none yet.
    NotFound
        No study of that name.
    """
    if what is None:
        what = _last_study(session)
    if isinstance(what, str):
        what = session.study(name=what)
    if not isinstance(what, Study):
        raise InvalidOption(f"a variable of type {type(what).__name__} is no study.", remedy="Give its name.")
    return what


def _last_study(session: Session) -> Study | str:
    last, known = session.last, session.log.studies()
    if isinstance(last, Study):
        return last
    if last is not None and last.row.study in known:
        return str(last.row.study)
    if not known:
        raise InvalidOption("there is no study in this log yet.", remedy="%%wan --seeds 1,2,3 makes one.")
    return known[0]


def _study(what: Study | str | None) -> Study:
    from wan_nb.handles.default import session as default_session

    return what if isinstance(what, Study) else study_of(what, default_session())
