"""A study before it is bought: what would be sent, what it costs, and one button."""

from __future__ import annotations

import base64
import math
from collections import Counter
from contextlib import suppress
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from wan_nb.api import catalog
from wan_nb.frontends import front_end
from wan_nb.html import text
from wan_nb.html.elements import SOFT, badge, box, cell, line_of, table, tag
from wan_nb.html.text import isolated
from wan_nb.media.images import thumbnail
from wan_nb.widgets.output.one_output import one_output

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row
    from wan_nb.studies.plan_state import PlanState
    from wan_nb.widgets.output.outputs import View, Views
    from wan_nb.widgets.race import RaceControls

__all__ = ["plan_bundle", "show_plan"]

USUAL_SECONDS = 90.0
"""Run time that is expected while the log has no history: the middle of what was seen of the service."""

_PICTURES = 12
_SIDE = 144
"""Pixels of a picture in a plan, which is shown at half of that."""

_WRAPPED = "overflow-wrap:anywhere;min-width:5.5em"


@one_output()
def show_plan(
    views: Views,
    state: PlanState,
    *,
    state_now: Callable[[], PlanState],
    buy: Callable[..., object],
    ended: Callable[[], Coroutine[Any, Any, None]],
    race: RaceControls | None = None,
) -> None:
    """Show a plan in the running cell, with a Buy button where somebody can press it.

    The board of what the button buys appears beneath.

    Parameters
    ----------
    views : Views
    state : PlanState
        What is shown first.
    state_now : callable
        The state at a later moment.
    buy : callable
        ``buy(max_cost=...)`` buys what is missing, in a worker thread.
    ended : coroutine function
        Returns when every run has ended.
    race : RaceControls, optional
        The same variants as a race, where they can be one: a second button buys its first step.
    """
    from wan_nb.widgets.base import NOTHING
    from wan_nb.widgets.buy_button import BuyButton
    from wan_nb.widgets.output.outputs import display
    from wan_nb.widgets.race import race_button

    plan = display(plan_bundle(views.workspace, state))
    if not front_end().live:
        return
    there = {row.run_id for row in state.sorted_rows if row.open}
    if there:
        views.show(state.sorted_rows, title=state.plan.name)
        there = {row.run_id for row in state.sorted_rows}
    cost = state.cost  # what the button says is the most that it spends

    board: View

    async def order() -> None:
        await views.clicks.do(partial(buy, max_cost=cost))
        for row in state_now().sorted_rows:
            if row.run_id not in there:  # which stand on the board above
                await board.add(row)
        under.update(button.leave(NOTHING), raw=True)
        await views.offer({row.run_id for row in state.outdated}, "", "", button.press)
        plan.update(plan_bundle(views.workspace, state_now()), raw=True)
        await ended()
        plan.update(plan_bundle(views.workspace, state_now()), raw=True)

    button = BuyButton(_words(state), order, post=views.workspace.loop.start)
    under = display(button.bundle(NOTHING))
    button.shown_by(under, NOTHING)
    if state.outdated:
        older = {row.run_id for row in state.outdated}
        said, also = f"{state.older}.", f"Cancel them and buy the new ones ({state.more} more)"
        views.workspace.loop.start(views.offer(older, said, also, button.press))
    if race is None:
        board = views.show_empty()
        return

    def opened() -> View:
        nonlocal board
        board = views.show_empty()
        return board

    race_button(
        views, race, plan, opened, prefix="Or race: ", begun=lambda: under.update(button.leave(NOTHING), raw=True)
    )


def _words(state: PlanState) -> str:
    """What the button says."""
    count = len(state.missing)
    bought = f"{count} clip{'' if count == 1 else 's'} for {state.bill.brief}"
    return f"Cancel {len(state.outdated)} not yet sent, and buy {bought}" if state.outdated else f"Buy {bought}"


def plan_bundle(workspace: Workspace, state: PlanState) -> dict[str, str]:
    """Static MIME bundle of a plan."""
    return text.bundle(_html(workspace, state), text.plain("\n".join([state.line, _what(state), *state.notes])))


def _html(workspace: Workspace, state: PlanState) -> Markup:
    """The plan as HTML: head, warnings, prompts, and a matrix of blocks and variants."""
    plan, simulated = state.plan, bool(workspace.account.client.simulated)
    known = dict(zip(((cell.variant, cell.block) for cell in plan.cells), state.rows, strict=True))
    prompts = {cell.variant: request.prompt for cell, request in zip(plan.cells, state.requests, strict=True)}
    first = state.requests[0]
    seen = workspace.log.durations(first.model, first.resolution, first.duration, simulated=simulated)
    names = [cell(isolated(name, 120), head="col", style=_WRAPPED) for name in plan.variants]
    lines = [
        line_of(
            cell(isolated(block, 120), head="row", style=_WRAPPED),
            *(cell(_state(known.get((name, block))), style=_WRAPPED) for name in plan.variants),
        )
        for block in plan.blocks
    ]
    return box(
        tag("div", "Study ", isolated(plan.name, 120), " ", badge(simulated=simulated), style="font-weight:600"),
        tag("div", _bill(state, median(seen) if seen else USUAL_SECONDS)),
        tag("div", _what(state), style=SOFT),
        tag("div", _left(workspace, state), style=SOFT) if state.missing and not simulated else "",
        _pictures(state),
        *(tag("div", f"⚠ {warning}", style="margin:4px 0 0") for warning in state.notes),
        *(
            tag("div", tag("b", isolated(name, 120)), " ", isolated(prompts[name], 400), style="margin:6px 0 0")
            for name in plan.variants
        ),
        table(line_of(cell(), *names), lines, style="margin:8px 0 0"),
        width=860,
        scrolls=True,
    )


def _what(state: PlanState) -> str:
    """What each clip is: length, size, model; several values where they vary."""
    requests = state.requests
    lengths = dict.fromkeys(f"{request.duration} s" for request in requests if request.duration)
    sizes = dict.fromkeys(str(request.resolution) for request in requests if request.resolution)
    models = dict.fromkeys(request.model for request in requests)
    return " · ".join(" or ".join(values) for values in (lengths, sizes, models) if values)


def _left(workspace: Workspace, state: PlanState) -> str:
    """What is left of the budget of 24 hours, and of that of the job."""
    currency, log = state.currency, workspace.log
    told = []
    if (cap := workspace.settings.budget.get(currency)) is not None:
        left = text.money(max(cap - workspace.spent(currency), 0.0), currency)
        told.append(f"{left} of {cap:,.2f} are left for 24 h")
    for one in log.budgets(state.plan.name):
        spent = log.job_spent(one["job"], one["currency"], one["user"])
        whose = f" for {one['user']}" if one["user"] else ""
        left = text.money(max(one["amount"] - spent, 0.0), one["currency"])
        told.append(f"{left} of {one['amount']:,.2f} for {one['job']}{whose}")
    return f"Budget before this: {', '.join(told)}." if told else ""


def _pictures(state: PlanState) -> Markup:
    """The pictures that the clips are made from, each once, with their names."""
    media = {m.identity: m for request in state.requests for m in request.media().values() if m.kind == "image"}
    shown = []
    for medium in list(media.values())[:_PICTURES]:
        picture: Markup | str = ""
        with suppress(OSError, ValueError):  # one that has gone, or that this machine cannot read
            if medium.path is not None:
                data = base64.b64encode(thumbnail(medium.path, _SIDE)).decode("ascii")
                picture = tag("img", src=f"data:image/jpeg;base64,{data}", alt="", style="display:block;height:72px")
        name = tag("small", isolated(medium.name.replace("\\", "/").rpartition("/")[2] or medium.name, 40))
        shown.append(tag("span", picture, name, style="display:inline-block;margin:6px 10px 0 0;vertical-align:bottom"))
    more = [tag("small", f"and {len(media) - _PICTURES} more")] if len(media) > _PICTURES else []
    return tag("div", *shown, *more) if shown else Markup()


def _bill(state: PlanState, run_seconds: float) -> str:
    """Size, price and time of what is to be bought, where one clip takes so long to make."""
    cells, missing = len(state.plan.cells), len(state.missing)
    shape = f"{state.plan.shape}."
    if not missing:
        going = state.progress
        return f"{shape} {'All are there: nothing to buy' if going == 'nothing to buy' else going.capitalize()}."
    there = f"{cells - missing} are there and free, " if missing < cells else ""
    price = state.bill.brief
    models = Counter(state.requests[n].model for n in state.missing)
    rounds = max(math.ceil(count / catalog.model(model).running) for model, count in models.items())
    seconds = rounds * run_seconds
    return f"{shape} {there}{missing} to buy for {price}, in about {text.duration(seconds)} under the account's limits."


def _state(row: Row | None) -> str | Markup:
    if row is None:
        return tag("span", "to buy", style="opacity:.7")
    shown = text.state(row.status)
    return f"{shown.mark} {shown.word}"
