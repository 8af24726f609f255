"""What the log has of a race: what is bought, which seeds are new, its state."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from wan_nb.api.request import derive_seed
from wan_nb.log.states import ENDED_WITHOUT, OPEN, Status
from wan_nb.studies.race.state import RaceState, race_state
from wan_nb.studies.study_cell import BLOCK_FIELDS, Cell
from wan_nb.studies.votes import Vote, about

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wan_nb.api.request import VideoRequest
    from wan_nb.studies.plan import Plan
    from wan_nb.studies.planned_study import PlannedStudy
    from wan_nb.studies.race.race_plan import RacePlan
    from wan_nb.studies.ranking.result import Ranking

__all__ = ["bought", "new_seeds", "own_fields", "pictures_of", "state_of", "state_with"]


def bought(study: PlannedStudy) -> Iterator[Cell]:
    """Cells of a grid that have a clip, or will have one: the others are not bought any more."""
    state = study.state()
    rows = {id(cell): row for cell, row in zip(state.plan.cells, state.rows, strict=True)}
    for cell in state.plan.written:
        row = rows[id(cell)]
        if row is not None and row.status not in ENDED_WITHOUT:
            yield Cell(cell.variant, cell.block, {**cell.fields, "seed": row.seed})


def own_fields(plan: Plan) -> dict[str, dict[str, Any]]:
    """What each variant asks for, without materials and seed."""
    own: dict[str, dict[str, Any]] = {}
    for cell in plan.written:
        own.setdefault(cell.variant, {name: v for name, v in cell.fields.items() if name not in BLOCK_FIELDS})
    return own


def pictures_of(plan: Plan) -> list[dict[str, Any]]:
    """The materials of its blocks, each once."""
    media = BLOCK_FIELDS - {"seed"}
    found: dict[Any, dict[str, Any]] = {}
    for cell in plan.written:
        found.setdefault(cell.materials, {name: v for name, v in cell.fields.items() if name in media})
    return [*found.values()]


def new_seeds(study: PlannedStudy, cells: Sequence[Cell]) -> Callable[[VideoRequest], int]:
    """New seeds, derived from the materials, the name and a number; never one that has votes in the log."""
    log = study.workspace.log
    voted = {vote.get(side) for name in log.studies() for vote in log.votes(name) for side in ("left_run", "right_run")}
    rows = log.find(run_id=sorted(filter(None, voted))) if any(voted) else []
    used = {cell.fields.get("seed") for cell in cells} | {row.seed for row in rows}
    name = f"{study.name if study.plan.named else ''} race"

    def fresh(request: VideoRequest) -> int:
        seed = next(seed for n in count(1) if (seed := derive_seed(request.media(), name, n)) not in used)
        used.add(seed)
        return seed

    return fresh


def state_with(study: PlannedStudy, plan: RacePlan, votes: Sequence[Mapping[str, Any]]) -> RaceState:
    """The state of a race of this plan with all votes of its study."""
    from wan_nb.studies.ranking.fit import fit

    answers = about(votes, plan.criterion)
    return state_of(study, plan, answers, fit(answers, variants=list(study.plan.variants)))


def state_of(study: PlannedStudy, plan: RacePlan, votes: Sequence[Mapping[str, Any]], ranking: Ranking) -> RaceState:
    """The state of a race of this plan, of the runs of its study and of its votes."""
    state = study.state()
    own = {id(cell) for cell in state.plan.written[plan.begun :]} if plan.steps else set()
    cells = [(n, cell) for n, cell in enumerate(state.plan.cells) if id(cell) in own]
    workspace = study.workspace
    workspace.bring([row for row in state.rows if row is not None])
    lost: dict[str, set[str]] = {}
    spent, clips, under_way = 0.0, 0, 0
    for n, cell in cells:
        row = state.rows[n]
        if row is None or row.status is Status.CANCELED:
            continue
        if row.status in ENDED_WITHOUT or (row.status is Status.SUCCEEDED and workspace.video(row) is None):
            lost.setdefault(cell.block, set()).add(cell.variant)
        if row.status is not Status.FAILED:
            spent, clips = spent + (state.prices[n] if row.cost is None else row.cost), clips + 1
        under_way += row.status in OPEN
    prices: dict[str, float] = {}
    for cell, price in zip(state.plan.cells, state.prices, strict=True):
        prices[cell.variant] = max(price, prices.get(cell.variant, 0.0))
    missing = set(state.missing)
    return race_state(
        plan,
        state.plan.written,
        [Vote.read(vote) for vote in votes],
        variants=state.plan.variants,
        lost=lost,
        money=(prices, round(spent, 4), clips),
        to_buy=[n for n, _ in cells if n in missing],
        under_way=under_way,
        ranked=(ranking.posterior, ranking.names),
    )
