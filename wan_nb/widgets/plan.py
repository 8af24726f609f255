"""A study before it is bought: what would be sent, what it costs, and one button."""

from __future__ import annotations

import math
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.frontends import front_end
from wan_nb.html import text
from wan_nb.html.text import escape, isolated

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row
    from wan_nb.studies.plan import PlanState
    from wan_nb.widgets.outputs import Views

__all__ = ["plan_bundle", "show_plan"]

USUAL_SECONDS = 90.0
"""Run time that is expected while the log has no history: the middle of what was seen of the service."""

_BADGE = "font-size:11px;border:1px solid;border-radius:4px;padding:0 6px"
_CELL = "padding:4px 12px 4px 0;border:0;text-align:left;vertical-align:top;overflow-wrap:anywhere;min-width:72px"


def show_plan(
    views: Views,
    state: PlanState,
    *,
    state_now: Callable[[], PlanState],
    buy: Callable[..., object],
    ended: Callable[[], Coroutine[Any, Any, None]],
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
    """
    from wan_nb.widgets.base import NOTHING
    from wan_nb.widgets.buy_button import BuyButton
    from wan_nb.widgets.outputs import display

    plan = display(plan_bundle(views.workspace, state))
    if not front_end().live:
        return
    cost = state.cost  # what the button says is the most that it spends

    async def order() -> None:
        await views.clicks.do(partial(buy, max_cost=cost))
        for row in state_now().sorted_rows:
            await board.add(row)
        under.update(button.leave(NOTHING), raw=True)
        plan.update(plan_bundle(views.workspace, state_now()), raw=True)
        await ended()
        plan.update(plan_bundle(views.workspace, state_now()), raw=True)

    price = text.money(cost, state.currency, estimated=True)
    count = len(state.missing)
    words = f"Buy {count} clip{'' if count == 1 else 's'} for {price}"
    button = BuyButton(words, order, post=views.workspace.loop.start)
    under = display(button.bundle(NOTHING))
    button.shown_by(under, NOTHING)
    board = views.grow()


def plan_bundle(workspace: Workspace, state: PlanState) -> dict[str, str]:
    """Static MIME bundle of a plan."""
    return text.bundle(_html(workspace, state), text.plain("\n".join([state.line, *state.notes])))


def _html(workspace: Workspace, state: PlanState) -> str:
    """The plan as HTML: head, warnings, prompts, and a matrix of blocks and variants."""
    plan, simulated = state.plan, bool(workspace.flow.client.simulated)
    known = dict(zip(((cell.variant, cell.block) for cell in plan.cells), state.rows, strict=True))
    prompts = {cell.variant: request.prompt for cell, request in zip(plan.cells, state.requests, strict=True)}
    mark = f' <span style="{_BADGE}">SIMULATED</span>' if simulated else ""
    warnings = "".join(f'<div style="margin:4px 0 0">⚠ {escape(warning)}</div>' for warning in state.notes)
    head = "".join(f'<th scope="col" style="{_CELL}">{isolated(name, 120)}</th>' for name in plan.variants)
    body = "".join(
        f'<tr><th scope="row" style="{_CELL};font-weight:400">{isolated(block, 120)}</th>'
        + "".join(f'<td style="{_CELL}">{_state(known.get((name, block)))}</td>' for name in plan.variants)
        + "</tr>"
        for block in plan.blocks
    )
    told = "".join(
        f'<div style="margin:6px 0 0"><b>{isolated(name, 120)}</b> {isolated(prompts[name], 400)}</div>'
        for name in plan.variants
    )
    first = state.requests[0]
    seen = workspace.log.durations(first.model, first.resolution, first.duration, simulated=simulated)
    return text.box(
        f'<div style="font-weight:600">Study {isolated(plan.name, 120)}{mark}</div>'
        f"<div>{escape(_bill(state, median(seen) if seen else USUAL_SECONDS))}</div>{warnings}{told}"
        f'<table style="border-collapse:collapse;margin:8px 0 0">'
        f'<thead><tr><th style="{_CELL}"></th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>",
        860,
        scrolls=True,
    )


def _bill(state: PlanState, run_seconds: float) -> str:
    """Size, price and time of what is to be bought, where one clip takes so long to make."""
    cells, missing = len(state.plan.cells), len(state.missing)
    shape = f"{state.plan.shape}."
    if not missing:
        return f"{shape} All are there: nothing to buy."
    there = f"{cells - missing} are there and free, " if missing < cells else ""
    price = text.money(state.cost, state.currency, estimated=True)
    seconds = math.ceil(missing / catalog.LIMITS.running) * run_seconds
    return f"{shape} {there}{missing} to buy for {price}, in about {text.duration(seconds)} under the account's limits."


def _state(row: Row | None) -> str:
    if row is None:
        return '<span style="opacity:.7">to buy</span>'
    shown = text.state(row.status)
    return escape(f"{shown.mark} {shown.word}")
