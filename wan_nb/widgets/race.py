"""The page of a race in a running cell, with a button that buys the step that is due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wan_nb.errors import InvalidOption
from wan_nb.frontends import front_end
from wan_nb.log.states import FINAL

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from wan_nb.html.race import RacePage
    from wan_nb.log.row import Row
    from wan_nb.widgets.outputs import Views

__all__ = ["show_race"]

_LOOK = "Look again"


def show_race(
    views: Views,
    *,
    page: Callable[[], RacePage],
    label: Callable[[], str],
    buy: Callable[[], object],
    rows: Callable[[], Sequence[Row]],
    ended: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """Show a race, with a Buy button where somebody can press it and the board of what is under way beneath.

    Parameters
    ----------
    views : Views
    page : callable
        What it shows now.
    label : callable
        What the button would buy now, and for how much; empty when nothing is due.
    buy : callable
        Buys it, in a worker thread.
    rows : callable
        The runs of the study.
    ended : coroutine function
        Returns when every run has ended.
    """
    from wan_nb.widgets.base import NOTHING
    from wan_nb.widgets.buy_button import BuyButton
    from wan_nb.widgets.outputs import display

    shown = display(page().bundle())
    if not front_end().live:
        return

    async def look() -> str:
        """Bring page and button up to date; what the button would buy."""
        bundle, due = await views.clicks.do(lambda: (page().bundle(), label()))
        shown.update(bundle, raw=True)
        return due or _LOOK

    async def order() -> None:
        due = await look()
        if due != button.label or due == _LOOK:
            # A step that nobody has read on the button is not bought by it.
            button.label = due
            raise InvalidOption("nothing is to be bought now." if due == _LOOK else "this is due now: press once more.")
        await views.clicks.do(buy)
        await follow()
        button.ready(await look())

    async def follow() -> None:
        for row in await views.clicks.do(rows):
            if row.status not in FINAL:
                await board.add(row)
        await look()
        await ended()

    async def see() -> None:
        await follow()
        button.label = await look()

    button = BuyButton(label() or _LOOK, order, post=views.workspace.loop.start)
    under = display(button.bundle(NOTHING))
    button.shown_by(under, NOTHING)
    board = views.show_empty()
    if any(row.status not in FINAL for row in rows()):
        views.workspace.loop.start(see())
