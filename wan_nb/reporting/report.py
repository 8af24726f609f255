"""The report of a study: for its maker, for a client, or as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wan_nb.arguments import shown
from wan_nb.errors import InvalidOption
from wan_nb.paths import file_name, output
from wan_nb.reporting.data import add_light_copies, study_data
from wan_nb.reporting.page import write_csv, write_report
from wan_nb.studies.prepared import prepare
from wan_nb.studies.race.race_log import state_with
from wan_nb.studies.race.race_page import steps_of
from wan_nb.widgets.clip_pages import clips_of

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wan_nb.log.row import Row
    from wan_nb.reporting.data import StudyData
    from wan_nb.reporting.page import Media
    from wan_nb.studies.plan_state import PlanState
    from wan_nb.studies.planned_study import PlannedStudy
    from wan_nb.studies.study_votes import StudyVotes
    from wan_nb.widgets.clip_pages import Clip

__all__ = ["for_client", "report"]


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


def for_client(data: StudyData, *, title: str, winner: str, finals: Sequence[Clip] = ()) -> StudyData:
    """What a client is told of a study: no price, id, seed, measure or vote, and no clip that is not there.

    Parameters
    ----------
    data : StudyData
        All of it.
    title : str
    winner : str
        The variant that the votes have decided on; empty while they have not.
    finals : sequence of Clip
        Shown first.
    """
    tried = [clip for clip in data.get("clips", ()) if clip.get("video") and not clip.get("marks", {}).get("dropped")]
    tried.sort(key=lambda clip: clip.get("variant") != winner)  # stable: the winner first, the others in their order
    blocks = {block: str(at) for at, block in enumerate(dict.fromkeys(clip.get("block") for clip in tried), 1)}
    shown = [_plain(clip, at, "final", f"{clip['label']} (final)") for at, clip in enumerate(finals)]
    shown += [_plain(clip, len(shown) + at, blocks[clip.get("block")]) for at, clip in enumerate(tried)]
    wins = next((row.get("wins", 0) for row in data.get("ranking") or () if row["variant"] == winner), 0)
    won = f" It was preferred in {wins} blind comparison{'' if wins == 1 else 's'}." if wins else ""
    return {
        "name": title,
        "created": str(data.get("created", ""))[:10],
        "clips": shown,
        "marked": False,
        "sentences": [f"Chosen: {winner}.{won}"] if winner else [],
    }


def _plain(clip: Clip, at: int, block: str, label: str = "") -> Clip:
    told: dict[str, Any] = {name: value for name, value in clip.items() if name not in _OWN}
    kept: Mapping[str, Any] = {"id": f"clip {at + 1}", "block": block, "label": label or clip["label"]}
    return {**told, **kept}  # type: ignore[typeddict-item]


_OWN = frozenset({"cost", "currency", "marks", "measures", "params", "rating", "seed"})
"""What only the maker is told."""
