"""The report of a study: for its maker, for a client, or as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wan_nb.arguments import shown
from wan_nb.errors import InvalidOption
from wan_nb.paths import file_name, output
from wan_nb.reporting.client import for_client
from wan_nb.reporting.data import add_light_copies, study_data
from wan_nb.reporting.page import write_csv, write_report
from wan_nb.studies.prepared import prepare
from wan_nb.studies.race.race_log import state_with
from wan_nb.studies.race.race_page import steps_of
from wan_nb.widgets.clip_pages import clips_of

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    from wan_nb.log.row import Row
    from wan_nb.reporting.data import StudyData
    from wan_nb.reporting.page import Media
    from wan_nb.studies.plan_state import PlanState
    from wan_nb.studies.planned_study import PlannedStudy
    from wan_nb.studies.study_votes import StudyVotes

__all__ = ["report"]


def report(
    study: PlannedStudy,
    votes: StudyVotes,
    path: str | os.PathLike[str] | None,
    *,
    media: Media,
    max_bytes: int | None,
    audience: str,
    finals: Sequence[Row],
    everybody: bool,
) -> Path:
    """Write the report of a study; see `Study.report`.

    Parameters
    ----------
    study : PlannedStudy
    votes : StudyVotes
        About it.
    path, media, max_bytes, audience, everybody
        As `Study.report` takes them.
    finals : sequence of Row
        Runs whose clips come first for a client.
    """
    if audience not in {"maker", "client"}:
        raise InvalidOption(f"audience={shown(audience)} is not maker or client.", field="audience")
    target = output(path if path is not None else file_name(study.name, ".html"), ".html", ".htm", ".csv")
    state, table = study.state(), target.suffix.lower() == ".csv"
    prepare(study.workspace, state.sorted_rows, light=media == "embed" and not table)
    data = _told(study, state, votes, everybody=everybody)
    if table:
        return write_csv(target, data)
    extra = clips_of(study.workspace, finals)
    if media == "embed":
        add_light_copies(study.workspace, [*state.sorted_rows, *finals], [*data["clips"], *extra])
    if audience == "client":
        if media == "link":
            raise InvalidOption("the files of the log are called by their ids.", remedy='media="embed" or "none".')
        ranking, title = votes.ranking(votes.all()), study.name if study.plan.named else "Clips"
        winner = str(ranking.rows[0]["variant"]) if ranking.decided else ""
        data = for_client(data, title=title, winner=winner, finals=extra)
    return write_report(target, data, media=media, max_bytes=max_bytes)


def _told(study: PlannedStudy, state: PlanState, votes: StudyVotes, *, everybody: bool) -> StudyData:
    """All that a maker is told, but for the votes of others while the user has pairs left."""
    given = votes.all()
    untold = votes.ranking(given, everybody=everybody).untold()
    seen = [] if untold else given
    bought = study.bought(state.sorted_rows)
    data = study_data(study.workspace, state, bought=bought, votes=seen, ranking=votes.ranking(seen))
    if untold:
        data |= {"sentences": [untold]}
    elif study.plan.race:
        data |= {"race": [*steps_of(study, state_with(study, study.plan.race, given))]}
    return data
