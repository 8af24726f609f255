"""What a report is made of."""

from __future__ import annotations

import math
import platform
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypedDict, cast

from wan_nb.errors import InvalidMedia
from wan_nb.html import text
from wan_nb.studies.measures.measures import MEASURES
from wan_nb.studies.plan import grid_of
from wan_nb.studies.prepared import prepare
from wan_nb.studies.ranking.result import facts
from wan_nb.version import __version__
from wan_nb.widgets.clip_pages import clips_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row
    from wan_nb.studies.plan_state import PlanState
    from wan_nb.studies.ranking.result import Ranking
    from wan_nb.widgets.clip_pages import Clip

__all__ = ["Ranked", "StudyData", "add_light_copies", "study_data"]


class Ranked(TypedDict, total=False):
    """One line of the ranking: share of new seeds on which it is preferred, 95 % interval, ``p_best``, counts of votes.

    Shares and ``p_best`` are 0 to 1.
    """

    variant: str
    preferred: float
    preferred_low: float
    preferred_high: float
    p_best: float
    wins: int
    losses: int
    ties: int


class StudyData(TypedDict, total=False):
    """What a report is made of. Only ``name`` and ``clips`` are needed; a part that is missing is left out.

    Attributes
    ----------
    name, created : str
        Of the study; ``created`` is shown as it is.
    clips : sequence of Clip
        In study order, those that failed included: the report says what is not there.
    plan : sequence of mapping
        One row a block, shown with its own column names.
    prompts : mapping of str to str
        Prompt by variant, the base of the word diff first; taken from the clips when missing.
    sentences : sequence of str
        What the votes say, the most important first.
    ranking : sequence of Ranked
        Best first.
    race : sequence of mapping
        Of a race, a row a step, shown with its own column names.
    votes : sequence of mapping
        As stored.
    marked : bool
        Whether each prompt shows what turns the first one into it; True when missing.
    definitions : mapping of str to str
        What each measure means, with unit and range.
    costs : mapping of str to float
        Billed, by currency; simulated clips cost nothing.
    versions : mapping of str to str
    notes : sequence of str
        Warnings about the study.
    cell, python : str
        How to make it again: the ``%%wan`` cell and the Python.
    """

    name: str
    created: str
    clips: Sequence[Clip]
    plan: Sequence[Mapping[str, Any]]
    prompts: Mapping[str, str]
    sentences: Sequence[str]
    ranking: Sequence[Ranked]
    race: Sequence[Mapping[str, Any]]
    votes: Sequence[Mapping[str, Any]]
    definitions: Mapping[str, str]
    costs: Mapping[str, float]
    versions: Mapping[str, str]
    marked: bool
    notes: Sequence[str]
    cell: str
    python: str


def study_data(
    workspace: Workspace,
    state: PlanState,
    *,
    bought: Iterable[Row],
    votes: Sequence[Mapping[str, Any]],
    ranking: Ranking,
) -> StudyData:
    """What the report of a study is made of; clips that have no measures yet are measured, a second each.

    Parameters
    ----------
    workspace : Workspace
    state : PlanState
    bought : iterable of Row
        Every run that belongs to the study.
    votes : sequence of mapping
        As stored.
    ranking : Ranking
        What the votes say.
    """
    plan, rows = state.plan, state.sorted_rows
    prepare(workspace, rows)
    costs: dict[str, float] = {}
    for row in bought:
        if not row.simulated and row.cost:
            costs[row.currency or ""] = round(costs.get(row.currency or "", 0.0) + row.cost, 4)
    words = {
        (cell.block, cell.variant): "to buy" if row is None or n in state.missing else _word(str(row.status))
        for n, (cell, row) in enumerate(zip(plan.cells, state.rows, strict=True))
    }
    grid = grid_of(plan, state.requests)
    price = math.ceil((plan.race and plan.race.max_cost) or sum(state.prices))
    return {
        "name": plan.name,
        "created": min((f"{row.created_at:%Y-%m-%d %H:%M} UTC" for row in rows if row.created_at), default=""),
        "clips": clips_of(workspace, rows),
        "plan": [
            {"": block, **{variant: words.get((block, variant)) for variant in plan.variants}} for block in plan.blocks
        ],
        "sentences": [ranking.sentence, *facts(ranking)] if ranking.votes else [],
        "ranking": cast("Any", ranking.table()) if ranking.votes else [],
        "votes": votes,
        "definitions": {
            name: " ".join(filter(None, [m.definition, m.unit and f"Unit: {m.unit}.", f"Cannot tell: {m.silent_on}"]))
            for name, m in MEASURES.items()
        },
        "costs": costs,
        "versions": {"wan_nb": __version__, "python": platform.python_version()},
        "notes": state.notes,
        "cell": grid.as_cell(plan.name, price),
        "python": grid.as_python(plan.name, price),
    }


def _word(status: str) -> str:
    return text.state(status).word or status


def add_light_copies(workspace: Workspace, rows: Iterable[Row], clips: Sequence[Clip]) -> None:
    """Give clips their light copies and their sounds, made on first use; one that cannot be copied stays as it is."""
    by_id = {row.run_id: row for row in rows}
    prepare(workspace, by_id.values(), measures=False, light=True)
    for clip in clips:
        with suppress(InvalidMedia):
            if light := workspace.light(by_id[clip["id"]]):
                clip["proxy"], clip["sound"] = light
