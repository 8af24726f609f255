"""From a planned study to its clips: what is missing is bought, waited for, taken back."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from wan_nb.arguments import shown
from wan_nb.engine.edition1_runs import in_doubt
from wan_nb.engine.posting.uploading import uploading
from wan_nb.engine.row_errors import row_error
from wan_nb.errors import BudgetExceeded, InvalidMedia, RunCanceled, RunFailed, WanError
from wan_nb.interrupts import buying_study, detaching
from wan_nb.log.states import FINAL, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wan_nb.engine.runner import Runner
    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row
    from wan_nb.studies.plan_state import PlanState
    from wan_nb.studies.planned_study import PlannedStudy

__all__ = ["buy", "cancel", "check_ended", "ended", "send"]


def buy(study: PlannedStudy, most: float | None) -> None:
    """Buy what is missing; see `Study.submit`."""
    state = study.state()
    _check(study.name, state, most)
    for row in state.outdated:
        with suppress(WanError):  # it is being sent just now: then it is bought, and says so
            study.workspace.cancel(row.run_id)
    send(study, state.wanted, most)


def _check(name: str, state: PlanState, most: float | None) -> None:
    """Refuse what costs too much, has lost a material, or may be there already."""
    # Rounded, because a sum of prices may pass the amount that a person reads by less than is money.
    bill = state.bill
    if most is not None and bill.amount > most:
        raise BudgetExceeded(
            f"study {shown(name)} costs {bill.told}, more than --max-cost {most:g}.",
            remedy="Take fewer seeds, shorter clips or 720P, or allow more.",
        )
    for request in [state.requests[n] for n in state.missing]:
        for field, medium in request.media().items():
            if (why := medium.lost) is not None:
                raise InvalidMedia(f"{field}: {why}", field=field, remedy="Plan the study with it once more.")
    if most is None and (doubt := next(filter(None, state.earlier), None)) is not None:
        raise in_doubt(doubt, bill.amount)


def send(study: PlannedStudy, cells: Sequence[int], most: float | None = None) -> None:
    """Write the plan down and ask for some of its cells, for `most` in the currency of the service."""
    workspace, asks = study.workspace, study.asks()
    study.keep()
    with uploading(workspace.account, [asks[n] for n in cells]) as told, detaching(buying_study(study.name)):
        workspace.loop.sync(workspace.runner.queue.submit(told, most=most))


async def ended(runner: Runner, cell_rows: Callable[[], Iterable[Row | None]]) -> None:
    """Return when every run has ended.

    What somebody else has taken back is bought here as another run, which is waited for too.
    """
    seen: set[str] = set()
    refused = None
    while fresh := [row.run_id for row in cell_rows() if row is not None and row.run_id not in seen]:
        seen.update(fresh)
        for run_id in fresh:
            try:
                await runner.queue.wait(run_id)
            except WanError as error:
                refused = refused or error
            with suppress(WanError):  # it is in the row
                await runner.ended(run_id)
    if refused is not None:
        raise refused


def check_ended(name: str, rows: Sequence[Row], cells: int) -> None:
    """Raise where runs of a study of so many cells were never sent, or not one has a clip.

    Raises
    ------
    RunCanceled, RunFailed
    """
    if unsent := [row for row in rows if row.never_sent]:
        raise RunCanceled(
            f"study {shown(name)}: {len(unsent)} of {cells} clips were never sent, and cost nothing: "
            f"{unsent[0].error_message}",
            remedy="Run the cell again, or study.submit(): it buys what is missing.",
        )
    if rows and not any(row.status is Status.SUCCEEDED for row in rows):
        first = next(filter(None, map(row_error, rows)), None)
        raise RunFailed(f"study {shown(name)} has not one clip: {first or 'all canceled'}") from first


def cancel(workspace: Workspace, rows: Iterable[Row]) -> int:
    """Take back what was not sent yet and cancel what still waits at the service; returns how many were."""
    stopped = 0
    for row in rows:
        if row.status not in FINAL:
            with suppress(WanError):  # it runs already, and says so on the board
                workspace.cancel(row.run_id)
                stopped += 1
    return stopped
