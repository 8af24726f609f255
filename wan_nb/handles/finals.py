"""The winner once more in another tier: what it costs, in words and as a button."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from wan_nb.errors import WanError
from wan_nb.frontends import front_end
from wan_nb.studies.buying import buy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wan_nb.log.row import Row
    from wan_nb.studies.planned_study import PlannedStudy
    from wan_nb.widgets.output.outputs import Views

__all__ = ["Finals"]


@dataclass(frozen=True)
class Finals:
    """The clips of the winner of a study in 1080P, on the same pictures with the same seeds.

    Attributes
    ----------
    winner : str
    planned_by : callable
        Plans them; an error of ours where the model has no such tier.
    views_of : callable
        The outputs of this kernel.
    """

    winner: str
    planned_by: Callable[[], PlannedStudy]
    views_of: Callable[[], Views]

    @cached_property
    def _planned(self) -> PlannedStudy | None:
        """Their plan; None where the model has no such tier."""
        with suppress(WanError):
            return self.planned_by()
        return None

    @cached_property
    def _price(self) -> tuple[str, float] | None:
        """What is to be bought in words, and for how much; None where nothing is."""
        if self._planned is None or not (count := len((state := self._planned.state()).missing)):
            return None
        clips = f"{count} clip{'' if count == 1 else 's'}"
        return f"{clips} for {state.bill.brief}", state.bill.amount

    @property
    def rows(self) -> list[Row]:
        """Those that were bought already."""
        return [] if self._planned is None else self._planned.rows()

    @property
    def button(self) -> str:
        """What a button says that buys them; empty where there is nothing to buy."""
        return f"Make {self.winner} in 1080P: buy {self._price[0]}" if self._price else ""

    @property
    def words(self) -> str:
        """The same as a sentence with the code; empty where there is nothing to buy."""
        if self._price is None:
            return ""
        bill, cost = self._price
        return f"Make {self.winner} in 1080P, {bill}: study.finals().submit(max_cost={cost:.2f})."

    def buy(self) -> list[Row]:
        """Buy them, for what the button says at most."""
        if self._price is not None and self._planned is not None:
            buy(self._planned, self._price[1])
        return self.rows

    def show(self, bundle: Mapping[str, str]) -> None:
        """Show what was decided in the running cell, with the button beneath where somebody can press it."""
        from wan_nb.widgets.offer import show_offer
        from wan_nb.widgets.output.outputs import display

        display(dict(bundle))
        if front_end().live and self.button:
            show_offer(self.views_of(), self.button, self.buy)
