"""What one job has cost: what is in use, what was replaced, what failed, by whom, and what is left of its budget."""

from __future__ import annotations

import shlex
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wan_nb.api.catalog import CURRENCIES
from wan_nb.arguments import amount as an_amount
from wan_nb.arguments import shown
from wan_nb.errors import InvalidOption, NotFound, did_you_mean, join_words, nearest
from wan_nb.log.budget import LARGEST
from wan_nb.log.job_budgets import EACH
from wan_nb.log.states import Status
from wan_nb.sanitize import number
from wan_nb.studies.planned_study import PlannedStudy
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row

__all__ = [
    "Budget",
    "Budgets",
    "JobCost",
    "Refusal",
    "budget_of",
    "job_cost",
    "refusals_of",
    "refused_lines",
    "set_budget",
]

_NOBODY = "without a name"
_REFUSED = 10
"""Refusals that are told, the newest."""


@printed
@dataclass(frozen=True, repr=False)
class Budget:
    """What a job may cost.

    Attributes
    ----------
    job : str
        Name or tag of its runs.
    user : str
        Whose share it is; empty for the whole, ``*`` for the share of each person who has none of their own.
    set_by : str
        Who has set it, and alone may change it; empty where nobody is named.
    people : dict of str to float
        Of the share of each person: what each has spent. `spent` is the most of them.
    amount, spent : float
        In `currency`; spent is what was paid, is under way, or is uncertain. Simulated runs are not in it.
    rehearsed : float
        What its simulated runs would have cost.
    """

    job: str
    user: str
    amount: float
    currency: str
    spent: float
    rehearsed: float = 0.0
    set_by: str = ""
    people: dict[str, float] = field(default_factory=dict)

    @property
    def left(self) -> float:
        """What may still be spent."""
        return max(self.amount - self.spent, 0.0)

    def __repr__(self) -> str:
        whose = self.job or "all runs of this log"
        if self.user == EACH:
            people = ", ".join(f"{name or _NOBODY} {spent:.2f}" for name, spent in sorted(self.people.items()) if spent)
            return f"{whose}, each person: {self.currency} {self.amount:.2f}; used: {people or 'nothing yet'}"
        whose += f", {self.user}" if self.user else ""
        tried = f"; rehearsals would have been {self.currency} {self.rehearsed:.2f}" if self.rehearsed else ""
        return f"{whose}: {self.currency} {self.spent:.2f} of {self.amount:.2f} used, {self.left:.2f} left{tried}"


@printed
@dataclass(frozen=True, repr=False)
class Refusal:
    """What a budget has refused: nothing of it was sent.

    Attributes
    ----------
    at : datetime
    user, study : str
        Who asked, and for which study.
    job : str or None
        Whose budget it was: empty for that of the log, None for that of 24 hours.
    clips : int
    price : float
        In `currency`.
    reason : str
    """

    at: datetime
    user: str
    study: str
    job: str | None
    clips: int
    price: float
    currency: str
    reason: str

    def __repr__(self) -> str:
        for_study = f" for {self.study}" if self.study else ""
        who = f"{self.user or _NOBODY}, {_clips(self.clips)}{for_study}, {self.currency} {self.price:.2f}"
        return f"refused {self.at:%Y-%m-%d %H:%M} UTC: {who}: {self.reason.removesuffix(' Nothing was sent.')}"


@printed
class Budgets(tuple[Budget, ...]):  # noqa: SLOT001  # a tuple takes no slots
    """Budgets, of one `job` or of all, each on a line, and what they have refused in ``refused``."""

    job: str | None = None
    refused: tuple[Refusal, ...] = ()

    def __repr__(self) -> str:
        who, name = (f"{shown(self.job)} has no", shlex.quote(self.job)) if self.job else ("No job has a", "NAME")
        lines = list(map(repr, self)) or [f"{who} budget. %wan budget {name} 150 sets one."]
        return "\n".join([*lines, *refused_lines(self.refused)])


@printed
@dataclass(frozen=True, repr=False)
class JobCost:
    """What a job has cost, simulated runs apart.

    Attributes
    ----------
    job, currency : str
    used, replaced, failed, under_way : int
        Clips that it shows now, clips that others took the place of (other takes, earlier prompts, dropped ones), runs
        without a clip, and runs that have not ended.
    paid, paid_used, paid_replaced, reserved : float
    by_person : dict of str to float
        Paid and reserved, by who bought it.
    rehearsed : float
        What simulated runs would have cost.
    taken_over : int
        Clips of it that were bought under another name, and are not counted here.
    budgets : tuple of Budget
    """

    job: str
    currency: str
    used: int = 0
    replaced: int = 0
    failed: int = 0
    under_way: int = 0
    paid_used: float = 0.0
    paid_replaced: float = 0.0
    reserved: float = 0.0
    by_person: dict[str, float] = field(default_factory=dict)
    rehearsed: float = 0.0
    taken_over: int = 0
    budgets: Budgets = field(default_factory=Budgets)

    @property
    def paid(self) -> float:
        """By receipts."""
        return round(self.paid_used + self.paid_replaced, 4)

    def __repr__(self) -> str:
        money = self.currency
        lines = [
            f"{self.job}: {money} {self.paid:.2f} paid"
            + (f", {money} {self.reserved:.2f} reserved for what is under way" if self.reserved else "")
        ]
        lines += [f"  in use: {_clips(self.used)}, {money} {self.paid_used:.2f}"]
        lines += [f"  replaced: {_clips(self.replaced)}, {money} {self.paid_replaced:.2f}"] if self.replaced else []
        lines += [f"  failed or canceled: {self.failed}, not billed"] if self.failed else []
        people = ", ".join(f"{who} {money} {paid:.2f}" for who, paid in self.by_person.items())
        lines += [f"  by person: {people}"] if people else []
        lines += [f"  bought under another name: {_clips(self.taken_over)}, paid there"] if self.taken_over else []
        lines += (
            [f"  rehearsals on the simulator would have been {money} {self.rehearsed:.2f}"] if self.rehearsed else []
        )
        lines += [f"  budget: {one!r}" for one in self.budgets]
        return "\n".join([*lines, *(f"  {line}" for line in refused_lines(self.budgets.refused))])


def _clips(count: int) -> str:
    return f"{count} clip{'' if count == 1 else 's'}"


def refused_lines(refused: Sequence[Refusal]) -> list[str]:
    """The last refusals, each on a line, and how many more there are."""
    more = len(refused) - _REFUSED
    return [*map(repr, refused[:_REFUSED]), *([f"and {more} refused before"] if more > 0 else [])]


def set_budget(
    workspace: Workspace, job: str | None, amount: Any, currency: str | None, user: str, *, each: bool = False
) -> None:
    """Keep what a job, or with None the whole log, may cost; ``off`` takes it away. See `wan_nb.budget`."""
    user = EACH if each else user
    if job is not None and not job.strip():
        raise InvalidOption("a budget is of a name or a tag.", remedy="%wan budget walk CNY 150")
    by = workspace.settings.user
    if job is None and not by:
        raise InvalidOption(
            "a budget is of a name or a tag; one of the whole log is of who sets it, and nobody knows who this is.",
            remedy="%config WanMagics.user = 'Ada', or WAN_NB_USER, says so.",
        )
    if currency is not None and (currency := currency.strip().upper()) not in CURRENCIES:
        known = join_words(sorted(CURRENCIES), "and")
        raise InvalidOption(f"no service bills in {shown(currency)}: budgets are in {known}.", field="currency")
    if isinstance(amount, str) and amount.lower() == "off":
        workspace.log.put_budget(job or "", None, "", user, by=by)
        return
    most = an_amount(amount, "a budget must be an amount of money such as 150", typed=True)
    workspace.log.put_budget(job or "", most, currency or workspace.region.currency, user, by=by)


def budget_of(workspace: Workspace, job: str | None = None) -> Budgets:
    """The budgets of a job, or of all, and what they have refused."""
    found = Budgets(_budget(workspace, one) for one in workspace.log.budgets(job))
    found.job, found.refused = job, refusals_of(workspace, job)
    return found


def _budget(workspace: Workspace, kept: dict[str, Any]) -> Budget:
    job, user, currency = kept["job"], kept["user"], kept["currency"]
    given = {**kept, "set_by": kept["set_by"] or ""}
    if user == EACH:
        people = workspace.log.spent_by_person(job, currency)
        return Budget(**given, spent=max(people.values(), default=0.0), people=people)
    spent = workspace.log.job_spent(job, currency, user)
    tried = workspace.log.find(simulated=True, currency=currency) if not job else _rows(workspace, job)
    rehearsals = (row for row in tried if row.simulated and row.currency == currency and user in {"", row.user})
    return Budget(**given, spent=spent, rehearsed=sum(map(_cost, rehearsals)))


def refusals_of(workspace: Workspace, job: str | None = None) -> tuple[Refusal, ...]:
    """What budgets have refused, the newest first: all, or what was asked for under a name."""
    return tuple(
        Refusal(
            one["refused_at"],
            one["user"] or "",
            one["study"] or "",
            one["job"],
            int(one["clips"] or 1),
            number(one["price"], 0.0, LARGEST) or 0.0,
            one["currency"] or "",
            one["reason"] or "",
        )
        for one in workspace.log.refusals(job)
    )


def job_cost(workspace: Workspace, job: str) -> JobCost:
    """Add up one job.

    Parameters
    ----------
    workspace : Workspace
    job : str
        Name or tag.

    Raises
    ------
    NotFound
        Nothing has this name or tag.
    """
    rows = _rows(workspace, job)
    budgets = budget_of(workspace, job)
    if not rows and not budgets:
        known = [*workspace.log.studies(), *(tag for row in workspace.log.find(limit=500) for tag in row.tags)]
        near = did_you_mean(nearest(job, dict.fromkeys(known), 3), "%wan runs lists what there is.")
        raise NotFound(f"no run has the name or the tag {shown(job)}.", remedy=near)
    shown_now = _shown_now(workspace, job, rows)
    own = [row for row in rows if job in {row.study, *row.tags}]
    real = [row for row in own if not row.simulated]
    done = [row for row in real if row.status is Status.SUCCEEDED]
    used = [row for row in done if row.run_id in shown_now and not row.dropped]
    people: dict[str, float] = defaultdict(float)
    for row in real:
        people[row.user or _NOBODY] += _cost(row)
    return JobCost(
        job,
        next((row.currency for row in real if row.currency), None) or workspace.region.currency,
        used=len(used),
        replaced=len(done) - len(used),
        failed=sum(row.status in {Status.FAILED, Status.CANCELED} for row in real),
        under_way=sum(row.open for row in real),
        paid_used=round(sum(map(_cost, used)), 4),
        paid_replaced=round(sum(map(_cost, done)) - sum(map(_cost, used)), 4),
        reserved=round(sum(_cost(row) for row in real if row.open), 4),
        by_person={who: round(paid, 4) for who, paid in people.items() if paid},
        rehearsed=round(sum(_cost(row) for row in own if row.simulated), 4),
        taken_over=len(rows) - len(own),
        budgets=budgets,
    )


def _rows(workspace: Workspace, job: str) -> list[Row]:
    """Runs of a job, bought by it or taken over; labels and names are those of the buyer."""
    found = {row.run_id: row for row in workspace.log.find(tags=job)}
    members = [row.run_id for row in workspace.log.find(study=job)]
    for row in workspace.log.find(run_id=members) if members else ():
        found[row.run_id] = row
    return list(found.values())


def _shown_now(workspace: Workspace, job: str, rows: Sequence[Row]) -> set[str]:
    """The runs that its plan shows now; where it is no study, those that cells would show."""
    if job in workspace.log.studies():
        return {row.run_id for row in PlannedStudy.recorded_as(workspace, job).rows()}
    known = workspace.known([row.fingerprint for row in rows])
    return {row.run_id for row in known if row is not None}


def _cost(row: Row) -> float:
    return number(row.cost, 0.0, LARGEST) or 0.0
