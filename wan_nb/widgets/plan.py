"""A study before it is bought: what would be sent, what it costs, and one button."""

from __future__ import annotations

import math
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from wan_nb.api import catalog
from wan_nb.html import text
from wan_nb.html.text import escape, isolated
from wan_nb.log.states import FINAL

if TYPE_CHECKING:
    from wan_nb.handles.study import Study
    from wan_nb.log.row import Row

__all__ = ["plan_bundle", "show_study"]

USUAL_SECONDS = 90.0
"""Run time that is expected while the log has no history: the middle of what was seen of the service."""

_BADGE = "font-size:11px;border:1px solid;border-radius:4px;padding:0 6px"
_CELL = "padding:4px 12px 4px 0;border:0;text-align:left;vertical-align:top;overflow-wrap:anywhere;min-width:72px"


def show_study(study: Study) -> None:
    """Show a study in the running cell: its plan while something is to be bought, else the board of its runs."""
    from wan_nb.ui.show import show_runs
    from wan_nb.widgets.outputs import display, is_live

    study.session.loop.sync(study.session.flow.hello())  # a wrong key is said here, and the service says what it is
    rows = study.rows()
    if rows and (not study.missing or any(row.status not in FINAL for row in rows)):
        show_runs(study.session, rows, title=study.name)
    elif is_live():
        _offer(study)
    else:
        display(plan_bundle(study))


def plan_bundle(study: Study) -> dict[str, str]:
    """Static MIME bundle of a plan."""
    lines = [repr(study).strip("<>"), *study.notes]
    return text.bundle(_html(study), text.plain("\n".join(lines)))


def _html(study: Study) -> str:
    """The plan as HTML: head, warnings, prompts, and a matrix of blocks and variants."""
    plan, missing = study.plan, set(study.missing)
    known = dict(zip(((cell.variant, cell.block) for cell in plan.cells), study.cell_rows(), strict=True))
    prompts = {cell.variant: request.prompt for cell, request in zip(plan.cells, study.requests, strict=True)}
    warnings = "".join(f'<div style="margin:4px 0 0">⚠ {escape(warning)}</div>' for warning in study.notes)
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
    return text.box(
        f'<div style="font-weight:600">Study {isolated(study.name, 120)}{_mark(study)}</div>'
        f"<div>{escape(_bill(study, len(missing)))}</div>{warnings}{told}"
        f'<table style="border-collapse:collapse;margin:8px 0 0">'
        f'<thead><tr><th style="{_CELL}"></th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>",
        860,
        scrolls=True,
    )


def _bill(study: Study, missing: int) -> str:
    cells = len(study.plan.cells)
    shape = f"{study.plan.shape}."
    if not missing:
        return f"{shape} All are there: nothing to buy."
    there = f"{cells - missing} are there and free, " if missing < cells else ""
    price = text.money(study.cost, study.currency, estimated=True)
    seconds = math.ceil(missing / catalog.LIMITS.running) * _usual(study)
    return f"{shape} {there}{missing} to buy for {price}, in about {text.duration(seconds)} under the account's limits."


def _usual(study: Study) -> float:
    """Run time to expect, from this log's own history of such requests."""
    first = study.requests[0]
    simulated = bool(study.session.flow.client.simulated)
    seen = study.session.log.durations(first.model, first.resolution, first.duration, simulated=simulated)
    return median(seen) if seen else USUAL_SECONDS


def _state(row: Row | None) -> str:
    if row is None:
        return '<span style="opacity:.7">to buy</span>'
    shown = text.state(row.status)
    return escape(f"{shown.mark} {shown.word}")


def _mark(study: Study) -> str:
    simulated = bool(study.session.flow.client.simulated)
    return (
        ' <span style="font-size:11px;border:1px solid;border-radius:4px;padding:0 6px">SIMULATED</span>'
        if simulated
        else ""
    )


def _offer(study: Study) -> None:
    """The plan with its button; the board of what it buys appears beneath."""
    from wan_nb.widgets.base import NOTHING
    from wan_nb.widgets.buy_button import Offer
    from wan_nb.widgets.outputs import Views, display

    views = Views.of(study.session)

    async def buy() -> None:
        await views.clicks.do(partial(study.submit, max_cost=cost))
        for row in study.rows():
            await board.add(row)
        under.update(offer.leave(NOTHING), raw=True)
        plan.update(plan_bundle(study), raw=True)
        await study.ended()
        plan.update(plan_bundle(study), raw=True)

    cost = study.cost  # what the button says is the most that it spends
    price = text.money(cost, study.currency, estimated=True)
    count = len(study.missing)
    offer = Offer(f"Buy {count} clip{'' if count == 1 else 's'} for {price}", buy, post=study.session.loop.start)
    plan = display(plan_bundle(study))
    under = display(offer.bundle(NOTHING))
    offer.shown_by(under, NOTHING)
    board = views.grow()
