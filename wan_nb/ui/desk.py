"""From studies and runs to what is compared, voted on and reported: the plain values that the widgets take."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from wan_nb.arguments import whole
from wan_nb.engine.selection import labelled_rows, session_of
from wan_nb.errors import InvalidMedia, InvalidOption, NotFound
from wan_nb.handles.study import Study
from wan_nb.html import text
from wan_nb.paths import file_name, output
from wan_nb.public import guarded
from wan_nb.studies.cells import relabelled
from wan_nb.studies.plan import grid_of
from wan_nb.version import __version__

if TYPE_CHECKING:
    import os

    from wan_nb.handles.session import Session
    from wan_nb.log.row import Row
    from wan_nb.reporting.data import StudyData
    from wan_nb.studies.ballot.next_pair import Asked
    from wan_nb.widgets.clip_pages import Clip, Pair
    from wan_nb.widgets.compare import CompareWidget
    from wan_nb.widgets.vote import VoteWidget

__all__ = ["board", "clips_of", "compare", "report", "report_csv", "rows_of", "study_of", "vote"]


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
    from wan_nb.widgets.compare import CompareWidget

    if columns is not None:
        columns = whole(columns, "columns must be 1 or more", 1)
    session, rows = rows_of(what)
    if not rows:
        raise InvalidOption("there are no runs to compare.", remedy="wan_nb.runs() lists what the log has.")
    clips = clips_of(session, rows)
    return CompareWidget(clips, columns=columns, load=_loader(session, rows))


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
    from wan_nb.widgets.vote import VoteWidget

    chosen = _study(study)
    ballot = chosen.ballot(rater=rater, mode=mode)
    rows = chosen.rows()
    clips = {clip["id"]: clip for clip in clips_of(chosen.session, rows)}

    def pair(asked: Asked | None) -> Pair | None:
        if asked is None:
            return None
        return cast("Pair", {"left": clips[asked.left_run], "right": clips[asked.right_run], "asked": asked})

    def record(shown: Pair, outcome: str, details: Mapping[str, Any]) -> None:
        ballot.record(cast("Any", shown)["asked"], outcome, **details)

    return VoteWidget(
        lambda: pair(ballot.next()),
        record,
        lambda: pair(ballot.undo()),
        load=_loader(chosen.session, rows),
        count=lambda: len(ballot.votes),
        sentence=ballot.sentence,
    )


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
    from wan_nb.reporting.page import write_report

    chosen = _study(study)
    target = output(path if path is not None else file_name(chosen.name, ".html"), ".html", ".htm", ".csv")
    if target.suffix.lower() == ".csv":
        return report_csv(chosen, target)
    data = _study_data(chosen)
    if options.get("media", "embed") == "embed":
        _lighten(chosen, data["clips"])
    return write_report(target, data, **options)


@guarded
def report_csv(study: Study | str | None = None, path: str | os.PathLike[str] | None = None) -> Path:
    """Write the runs, votes and measures of a study as CSV."""
    from wan_nb.reporting.page import write_csv

    chosen = _study(study)
    return write_csv(path if path is not None else file_name(chosen.name, ".csv"), _study_data(chosen))


def clips_of(session: Session, rows: Sequence[Row]) -> list[Clip]:
    """Rows as the comparison takes them; rows without a clip stay in, with their state."""
    session.bring(rows)
    rows = relabelled(rows)
    found = session.log.measures([row.video_sha256 for row in rows if row.video_sha256])
    return [_clip(session, row, found.get(row.video_sha256 or "", {})) for row in rows]


def _clip(session: Session, row: Row, measures: dict[str, Any]) -> Clip:
    parameters = {k: v for k, v in row.request.get("parameters", {}).items() if k != "seed"}  # said by itself
    return {
        "id": row.run_id,
        "label": row.variant or (row.prompt or row.run_id)[:60],
        "variant": row.variant or row.run_id[:6],
        "block": row.block or "",
        "seed": row.seed,
        "prompt": row.prompt or "",
        "params": {**parameters, "model": row.model, **_materials(row)},
        "video": session.video(row),
        "strip": session.strip(row),
        "seconds": row.billed_s,
        "fps": row.fps,
        "width": row.width,
        "height": row.height,
        "has_audio": row.has_audio,
        "simulated": row.simulated,
        "cost": row.cost,
        "currency": row.currency,
        "status": str(row.status),
        "rating": row.rating,
        "measures": measures,
    }


def _materials(row: Row) -> dict[str, str]:
    given = {"first_frame": row.first_frame, "last_frame": row.last_frame, "driving_audio": row.driving_audio,
             "first_clip": row.first_clip}  # fmt: skip
    return {name: Path(value).name for name, value in given.items() if value}


def _loader(session: Session, rows: Sequence[Row]) -> Any:
    """Bytes of a clip for the browser: a short-GOP copy made on first use, or the clip itself for a paused frame."""
    by_id = {row.run_id: row for row in rows}

    def load(run_id: str, quality: str) -> bytes:
        row = by_id[run_id]
        video, light = session.video(row), None
        with suppress(InvalidMedia):  # what cannot be decoded here, the browser may play
            light = session.light(row) if quality == "proxy" else None
        if video is None:
            raise InvalidOption("the clip is no longer on disk.", run_id=run_id)
        return (light[0] if light else video).read_bytes()

    return load


def _lighten(study: Study, clips: Sequence[Clip]) -> None:
    """Light copies with their sound for a report; a clip that cannot be copied goes in as it is."""
    by_id = {row.run_id: row for row in study.rows()}
    for clip in clips:
        with suppress(InvalidMedia):
            if light := study.session.light(by_id[clip["id"]]):
                clip["proxy"], clip["sound"] = light


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
        return labelled_rows(session, what)
    if what in session.log.studies():
        return session.study(name=what).rows()
    try:
        return labelled_rows(session, what)
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


def _study_data(study: Study) -> StudyData:
    from wan_nb.studies.measures.kept import measured
    from wan_nb.studies.measures.measures import MEASURES
    from wan_nb.studies.ranking.result import facts

    rows, ranking, cells = study.rows(), study.ranking(), study.table()
    measured(study.session, rows)
    costs: dict[str, float] = {}
    for row in study.bought():
        if not row.simulated and row.cost:
            costs[row.currency or ""] = round(costs.get(row.currency or "", 0.0) + row.cost, 4)
    state = dict(zip(zip(cells["block"], cells["variant"], strict=True), map(_word, cells["status"]), strict=True))
    grid = grid_of(study.plan, study.requests)
    price = math.ceil(sum(study.prices))
    return {
        "name": study.name,
        "created": min((f"{row.created_at:%Y-%m-%d %H:%M} UTC" for row in rows if row.created_at), default=""),
        "clips": clips_of(study.session, rows),
        "plan": [
            {"": block, **{variant: state.get((block, variant)) for variant in study.plan.variants}}
            for block in study.plan.blocks
        ],
        "sentences": [ranking.sentence, *facts(ranking)] if ranking.votes else [],
        "ranking": cast("Any", ranking.table()) if ranking.votes else [],
        "votes": study.votes(),
        "definitions": {
            name: " ".join(filter(None, [m.definition, m.unit and f"Unit: {m.unit}.", f"Cannot tell: {m.silent_on}"]))
            for name, m in MEASURES.items()
        },
        "costs": costs,
        "versions": {"wan_nb": __version__, "python": platform.python_version()},
        "notes": study.notes,
        "cell": grid.as_cell(study.name, price),
        "python": grid.as_python(study.name, price),
    }


def _word(status: str) -> str:
    return text.state(status).word or status
