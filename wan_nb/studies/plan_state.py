"""A plan beside what the log has of it: what is there, what would be bought, for how much, and what that changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from wan_nb.api.estimate import Estimate
from wan_nb.errors import join_words
from wan_nb.log.states import ENDED_WITHOUT, Status

if TYPE_CHECKING:
    from wan_nb.api.request import VideoRequest
    from wan_nb.log.row import Row
    from wan_nb.studies.plan import Plan

__all__ = ["PlanState"]


@dataclass(frozen=True)
class PlanState:
    """A plan beside what the log had of it at one moment.

    Attributes
    ----------
    requests : tuple of VideoRequest
        Of its cells, in their order.
    rows : tuple of Row or None
        Newest run of each cell, labelled as in this plan.
    estimates : tuple of Estimate
        For each cell, in `currency`.
    currency : str
        CNY or USD.
    earlier : tuple of Row or None
        For each cell that would be bought: a run of the first edition that may be the same clip.
    take : int or None
        Which clip of each request is wanted; None is the pinned one, else the first.
    outdated : tuple of Row
        Runs of this study that are not yet sent and that this plan asks for otherwise.
    hidden : tuple of str
        Labels of variants that have votes on clips that are not in this plan.
    """

    plan: Plan
    requests: tuple[VideoRequest, ...]
    rows: tuple[Row | None, ...]
    estimates: tuple[Estimate, ...]
    currency: str
    earlier: tuple[Row | None, ...]
    take: int | None = None
    outdated: tuple[Row, ...] = ()
    hidden: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What to know before buying: what weakens the comparison, and what may be there already."""
        notes = [*self.plan.warnings]
        if self.take is not None and self.take > 1 and any(self.requests[n].seed is not None for n in self.missing):
            notes.append(f"Seeds are given, so take {self.take} is the same requests paid once more.")
        notes += self.changes
        doubtful = [f"run {row.run_id[:8]}" for row in self.earlier if row is not None]
        if not doubtful:
            return notes
        names = join_words(doubtful[:3] + ["more"] * (len(doubtful) > 3), "and")
        said = (
            f"May be there already, with a URL kept without its query: {names}; `%wan show ID` shows one for nothing."
        )
        return [*notes, said]

    @property
    def older(self) -> str:
        """How many of its runs wait with another prompt, in words."""
        count = len(self.outdated)
        return f"{count} not yet sent {'has' if count == 1 else 'have'} an older prompt"

    @property
    def more(self) -> str:
        """What buying costs beyond what those would have cost that it cancels."""
        return f"{self.currency} {max(round(self.cost - sum(row.cost or 0.0 for row in self.outdated), 4), 0.0):.2f}"

    @property
    def changes(self) -> list[str]:
        """What buying it does to what the study had before."""
        said = []
        if self.outdated:
            said.append(f"{self.older}: buying this plan cancels them ({self.more} more).")
        if self.hidden:
            said.append(f"{self.hides}.")
        return said

    @property
    def hides(self) -> str:
        """Which votes buying it takes out of sight, in words."""
        names = join_words(list(map(repr, self.hidden[:5])), "and")
        has = "has" if len(self.hidden) == 1 else "have"
        clips = f"{names} of the study {self.plan.name!r} {has} votes on clips that are not in this plan"
        return f"{clips}: another --name keeps them in sight"

    @cached_property
    def missing(self) -> tuple[int, ...]:
        """Numbers of the cells that would be bought: no run of theirs is there, under way or in doubt."""
        again = {Status.CANCELED} if self.plan.race else ENDED_WITHOUT  # a clip that fails in a race is a tie
        return tuple(n for n, row in enumerate(self.rows) if row is None or row.status in again)

    @property
    def wanted(self) -> tuple[int, ...]:
        """Numbers of the cells that are asked for: those to buy, and those that are there or under way."""
        ended = {n for n, row in enumerate(self.rows) if row is not None and row.status in ENDED_WITHOUT}
        return tuple(n for n in range(len(self.rows)) if n not in ended or n in self.missing)

    @property
    def prices(self) -> tuple[float, ...]:
        """Estimated price of each cell."""
        return tuple(one.amount for one in self.estimates)

    @property
    def bill(self) -> Estimate:
        """What buying it now would cost."""
        return Estimate.together((self.estimates[n] for n in self.missing), self.currency)

    @property
    def cost(self) -> float:
        """The amount of `bill`."""
        return self.bill.amount

    @property
    def progress(self) -> str:
        """``all ordered, 7 of 30 done``, while something of it is under way; else ``nothing to buy``."""
        if not any(row is not None and row.open for row in self.rows):
            return "nothing to buy"
        done = sum(row is not None and row.status == "SUCCEEDED" for row in self.rows)
        return f"all ordered, {done} of {len(self.rows)} done"

    @property
    def line(self) -> str:
        """``Study 'walk': 2 variants × 2 seeds, 4 clips, 4 to buy for about CNY 12.00``."""
        todo = len(self.missing)
        bill = f"{todo} to buy for {self.bill.told}" if todo else self.progress
        return f"Study {self.plan.name!r}: {self.plan.shape}, {bill}"

    @property
    def sorted_rows(self) -> list[Row]:
        """The runs that are there, by block and variant as they were written."""
        return self.plan.in_order(self.rows)
