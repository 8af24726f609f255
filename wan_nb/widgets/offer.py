"""A button that buys some clips more, and the board of what it bought beneath."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wan_nb.widgets.base import NOTHING
from wan_nb.widgets.buy_button import BuyButton
from wan_nb.widgets.output.one_output import one_output
from wan_nb.widgets.output.outputs import display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wan_nb.log.row import Row
    from wan_nb.widgets.output.outputs import Views

__all__ = ["show_offer"]


@one_output()
def show_offer(views: Views, words: str, buy: Callable[[], Iterable[Row]]) -> None:
    """Show the button in the running cell.

    Parameters
    ----------
    views : Views
    words : str
        What it does, and for how much.
    buy : callable
        Buys, in a worker thread, and returns the rows of the new runs.
    """

    async def order() -> None:
        for row in await views.clicks.do(buy):
            await board.add(row)
        place.update(button.leave(NOTHING), raw=True)

    button = BuyButton(words, order, post=views.workspace.loop.start)
    place = display(button.bundle(NOTHING))
    button.shown_by(place, NOTHING)
    board = views.show_empty()
