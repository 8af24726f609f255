"""Buying one clip: what is asked for, what it may cost, and what a further take of it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wan_nb.engine.ask import Ask
from wan_nb.engine.edition1_runs import in_doubt
from wan_nb.engine.posting.uploading import uploading
from wan_nb.engine.row_errors import row_error
from wan_nb.errors import BudgetExceeded, InvalidOption, NotFound
from wan_nb.frontends import front_end
from wan_nb.interrupts import SUBMITTING, detaching
from wan_nb.terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_nb.api.request import VideoRequest
    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row

__all__ = ["buy", "changed_fields", "check_attended", "check_there", "check_wish", "next_take"]


def check_wish(workspace: Workspace, ask: Ask, most: float | None) -> None:
    """Ask where it may be there already, and say where a further take is the very same request.

    Raises
    ------
    InvalidOption
        A run of the first edition may be the same clip, and no price is allowed.
    """
    number = ask.take
    if most is not None and number is None:
        return
    (takes,) = workspace.takes(workspace.fingerprints([ask]))
    there = takes.run(number)
    doubt = workspace.earlier([ask], [there])[0] if most is None else None
    if doubt is not None:
        raise in_doubt(doubt, ask.request.price(workspace.endpoint.region))
    if number is not None and number > 1 and there is None:
        _say_same_body(workspace, ask, number)


def _say_same_body(workspace: Workspace, ask: Ask, take: int) -> None:
    """Say, before it is paid, that a further take of a given seed asks for the very same."""
    if (seed := ask.request.seed) is not None:
        price = ask.request.estimate(workspace.endpoint.region).brief
        say(f"Seed {seed} is given, so take {take} is the same request paid once more ({price}).")


def buy(workspace: Workspace, ask: Ask, most: float | None) -> tuple[Row, bool]:
    """The run of what is asked for and whether it is new: it is bought where it is not there.

    Raises
    ------
    BudgetExceeded
        It costs more than `most`, in the currency of the service.
    """
    price = ask.request.estimate(workspace.endpoint.region)
    if most is not None and price.amount > most:
        raise BudgetExceeded(
            f"one clip costs {price.told}, more than --max-cost {most:g}.",
            remedy="Make it shorter, take 720P, or allow more.",
        )
    with uploading(workspace.account, [ask]) as [told], detaching(SUBMITTING):
        return workspace.loop.sync(workspace.runner.submit(told))


def check_there(workspace: Workspace, row: Row) -> None:
    """Raise where a run that was bought before has no clip any more.

    Raises
    ------
    RunExpired, NotFound
    """
    if row.status == "EXPIRED" and (error := row_error(row)):
        raise error
    if row.status == "SUCCEEDED" and workspace.video(row) is None:
        number = workspace.takes([row.fingerprint])[0].next
        raise NotFound(
            "this clip was paid before, but its file is gone.",
            run_id=row.run_id,
            remedy=f"--take {number} (take={number}) buys another one; or put the file back.",
        )


def check_attended(row: Row, most: float | None) -> None:
    """Refuse a further take without a price where nobody sits at the notebook."""
    if most is None and front_end().unattended:
        raise InvalidOption(
            "where nobody sits at the notebook, another take needs max_cost: each run of this line buys one more.",
            run_id=row.run_id,
            remedy=f"--take {row.take + 1} (take={row.take + 1}) in its cell is bought once; or allow its price.",
        )


def next_take(workspace: Workspace, row: Row, request: Callable[..., VideoRequest], *, told: bool) -> Ask:
    """What buys the take behind the last one of a run's request; `told` says what it is where the seed is given."""
    workspace.log.check_writable()
    fields = workspace.recorded_fields(row.request, run_id=row.run_id)
    ask = Ask.of_run(row, request(fields.pop("prompt", None), **fields), next_take=True)
    if told:
        _say_same_body(workspace, ask, workspace.takes(workspace.fingerprints([ask]))[0].next)
    return ask


def changed_fields(workspace: Workspace, row: Row, changes: dict[str, Any]) -> dict[str, Any]:
    """What `Session.submit` is told for the request of a run with some fields changed."""
    from wan_nb.api.recorded import carried

    recorded = workspace.recorded_fields(row.request, run_id=row.run_id, without=changes)
    fields = {name: value for name, value in recorded.items() if name not in {"prompt", "seed"}}
    if "seed" not in changes and row.seed is not None:
        fields["seed"] = row.seed
    return {"prompt": row.prompt, "name": row.study, "tags": row.tags, **carried(fields, changes)}
