"""What was spent, by service, and what is left of the cap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wan_nb.log.budget import LARGEST, WINDOW
from wan_nb.log.states import FINAL, Status
from wan_nb.maintenance.job_cost import Refusal, refusals_of, refused_lines
from wan_nb.sanitize import number
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.runlog import Row

__all__ = ["Cost", "Line", "cost_of"]


@printed
@dataclass(frozen=True, slots=True)
class Line:
    """Sums over the runs of one service in one currency.

    Attributes
    ----------
    service, currency : str
    simulated : bool
        Its amount was never billed, and counts nowhere.
    runs, clips : int
        All runs, and those that gave a clip.
    seconds : float
        Billed seconds of clips.
    paid : float
        By receipts. Failed and canceled runs cost nothing.
    reserved : float
        Estimates of what is under way or uncertain.
    """

    service: str
    currency: str
    simulated: bool
    runs: int
    clips: int
    seconds: float
    paid: float
    reserved: float

    def __str__(self) -> str:
        under_way = f", {self.currency} {self.reserved:.2f} reserved" if self.reserved else ""
        mark = " SIMULATED, not billed" if self.simulated else ""
        clips, runs = ("clip" + "s" * (self.clips != 1), "run" + "s" * (self.runs != 1))
        what = f"{self.clips} {clips} of {self.runs} {runs}, {self.seconds:g} s"
        return f"{self.service}: {what}, {self.currency} {self.paid:.2f}{under_way}{mark}"


@printed
@dataclass(frozen=True, repr=False)
class Cost:
    """What the log says about money.

    Attributes
    ----------
    lines : tuple of Line
        One per service and currency.
    spent : dict of str to float
        What counts against the cap now (24 h, paid, under way and uncertain), by currency.
    budget : dict of str to float
        The cap by currency.
    notes : tuple of str
        Receipts and costs that make no sense, and how they are counted.
    refused : tuple of Refusal
        What budgets have refused, the newest first.
    """

    lines: tuple[Line, ...]
    spent: dict[str, float]
    budget: dict[str, float]
    notes: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()

    def __repr__(self) -> str:
        caps = [
            f"last 24 h: {currency} {self.spent[currency]:.2f} of {cap:.2f} (%config WanMagics.budget)"
            for currency, cap in self.budget.items()
        ]
        lines = [str(line) for line in self.lines or ["no run yet"]]
        return "\n".join([*lines, *caps, *self.notes, *refused_lines(self.refused)])


def cost_of(workspace: Workspace) -> Cost:
    """Add up the log of a workspace; see `wan_nb.cost`."""
    since = datetime.now(UTC) - WINDOW
    budget = dict(workspace.settings.budget)
    spent = {currency: workspace.log.spent(currency, since) for currency in budget}
    odd: list[str] = []
    wrong: list[str] = []
    groups: dict[tuple[str, str, bool], list[Row]] = {}
    for row in workspace.log.find(newest_first=False):
        odd += [row.run_id[:8]] if row.receipt else []
        wrong += [row.run_id[:8]] if "cost" in row.damaged or (row.cost is not None and not _is_amount(row)) else []
        groups.setdefault((row.service or "unknown", row.currency or "?", row.simulated), []).append(row)
    notes = [f"no receipt that makes sense, the estimate is kept: {', '.join(odd[:5])}"] if odd else []
    notes += [f"no cost that makes sense, the dearest clip counts: {', '.join(wrong[:5])}"] if wrong else []
    lines = tuple(_line(*key, rows) for key, rows in groups.items())
    return Cost(lines, spent, budget, tuple(notes), refusals_of(workspace))


def _is_amount(row: Row) -> bool:
    return number(row.cost, 0.0, LARGEST) is not None


def _line(service: str, currency: str, simulated: bool, rows: Iterable[Row]) -> Line:
    rows = list(rows)
    clips = [row for row in rows if row.status is Status.SUCCEEDED]
    ended = [row for row in rows if row.status in FINAL]
    return Line(
        service,
        currency,
        simulated,
        runs=len(rows),
        clips=len(clips),
        seconds=sum(number(row.billed_s, 0.0, LARGEST) or 0.0 for row in clips),
        paid=round(sum(row.cost or 0.0 for row in ended if _is_amount(row)), 4),
        reserved=round(sum(row.cost or 0.0 for row in rows if row.open and _is_amount(row)), 4),
    )
