"""The page of a race in a running cell, with a button that buys the step that is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wan_nb.errors import InvalidOption
from wan_nb.frontends import front_end
from wan_nb.log.states import FINAL
from wan_nb.widgets.output.one_output import one_output

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from wan_nb.html.race import RacePage
    from wan_nb.log.row import Row
    from wan_nb.widgets.output.outputs import View, Views

__all__ = ["RaceControls", "race_button", "show_race"]

_LOOK = "Look again"


@dataclass(frozen=True)
class RaceControls:
    """What a page asks of a race; all but `ended` are called in a worker thread.

    Attributes
    ----------
    page : callable
        What it shows now.
    label : callable
        What the button would buy now, the winner in 1080P after the race, and for how much; empty when nothing is due.
    buy : callable
        Buys it.
    rows : callable
        The runs of the study, and those that the winner has in 1080P.
    ended : coroutine function
        Returns when every run has ended.
    """

    page: Callable[[], RacePage]
    label: Callable[[], str]
    buy: Callable[[], object]
    rows: Callable[[], Sequence[Row]]
    ended: Callable[[], Coroutine[Any, Any, None]]


@one_output()
def show_race(views: Views, race: RaceControls) -> None:
    """Show a race, with a Buy button where somebody can press it and the board of what is under way beneath."""
    from wan_nb.widgets.output.outputs import display

    shown = display(race.page().bundle())
    if not front_end().live:
        return
    under_way = any(row.status not in FINAL for row in race.rows())
    see = race_button(views, race, shown, views.show_empty)
    if under_way:
        views.workspace.loop.start(see())


def race_button(
    views: Views,
    race: RaceControls,
    shown: Any,
    board: Callable[[], View],
    *,
    prefix: str = "",
    begun: Callable[[], object] = lambda: None,
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Show the button of a race; returns what follows its runs to their end.

    Parameters
    ----------
    views : Views
    race : RaceControls
    shown : display handle
        The output that shows the page, or a plan until the race has begun.
    board : callable
        Opens the output of what is under way, beneath the button.
    prefix : str
        Before the label until the first click.
    begun : callable
        Told on the loop thread when a step is bought.
    """
    from wan_nb.widgets.base import NOTHING
    from wan_nb.widgets.buy_button import BuyButton
    from wan_nb.widgets.output.outputs import display

    async def look() -> str:
        bundle, due = await views.clicks.do(lambda: (race.page().bundle(), race.label()))
        shown.update(bundle, raw=True)
        return due or _LOOK

    async def order() -> None:
        due = await views.clicks.do(lambda: race.label() or _LOOK)
        if due != button.label.removeprefix(prefix) or due == _LOOK:
            # A step that nobody has read on the button is not bought by it.
            button.label = await look()
            raise InvalidOption("nothing is to be bought now." if due == _LOOK else "this is due now: press once more.")
        await views.clicks.do(race.buy)
        begun()
        await follow()
        button.ready(await look())

    async def follow() -> None:
        for row in await views.clicks.do(race.rows):
            if row.status not in FINAL:
                await below.add(row)
        await look()
        await race.ended()

    async def see() -> None:
        await follow()
        button.label = await look()

    label = prefix + (race.label() or _LOOK)
    button = BuyButton(label, order, post=views.workspace.loop.start, main=not prefix)
    under = display(button.bundle(NOTHING))
    button.shown_by(under, NOTHING)
    below = board()
    return see
