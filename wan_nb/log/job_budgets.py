"""What a job, the whole log or one person may cost: budgets that are kept in the log, and what they have refused."""

from __future__ import annotations

import secrets
import shlex
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from wan_nb.arguments import shown
from wan_nb.errors import BudgetExceeded, LogError
from wan_nb.log.budget import DUST, counted_cost, paid_in
from wan_nb.log.schema import budgets, refusals, runs, words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from wan_nb.log.database import Database
    from wan_nb.log.row import Row

__all__ = ["EACH", "JobBudgets", "budget_line", "check_jobs", "job_rows", "job_spent", "spent_by_person"]

EACH: Final = "*"
"""The user of a share that each person has who has none of their own."""


class JobBudgets:
    """The budgets of a log and their refusals.

    Parameters
    ----------
    database : Database
    now : callable
        The clock, returning an aware datetime.
    """

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._db = database
        self._now = now

    def put_budget(self, job: str, amount: float | None, currency: str, user: str = "", *, by: str = "") -> None:
        """Keep what a job may cost, or a share in it; None takes it away.

        Parameters
        ----------
        job : str
            Empty for all runs of the log.
        amount : float or None
        currency, user : str
        by : str
            Who sets it. A budget of the log, or of a job, belongs to whoever has set the first of them.

        Raises
        ------
        LogError
            It is another person's. Nothing is changed.
        """

        def work(c: sa.Connection) -> None:
            _check_owner(c, job, by)
            c.execute(sa.delete(budgets).where(budgets.c.job == words(job), budgets.c.user == words(user)))
            if amount is not None:
                row = {"job": job, "user": user, "amount": amount, "currency": currency, "saved_at": self._now()}
                c.execute(sa.insert(budgets).values({**row, "set_by": by or None}))

        self._db.write(work)

    def budgets(self, job: str | None = None) -> list[dict[str, Any]]:
        """Return budgets as dicts of ``job``, ``user``, ``amount``, ``currency``, ``set_by``: of one job, or of all."""
        columns = (budgets.c.job, budgets.c.user, budgets.c.amount, budgets.c.currency, budgets.c.set_by)
        query = sa.select(*columns).order_by(budgets.c.job, budgets.c.user)
        if job is not None:
            query = query.where(budgets.c.job == words(job))
        return self._db.read(lambda c: [dict(row) for row in c.execute(query).mappings()])

    def note_refusal(self, **columns: Any) -> None:
        """Write down what a budget has refused."""
        row = {"refusal": secrets.token_hex(6), "refused_at": self._now(), **columns}
        self._db.write(lambda c: c.execute(sa.insert(refusals).values(row)))

    def refusals(self, job: str | None = None, *, limit: int = 100) -> list[dict[str, Any]]:
        """Return what budgets have refused, the newest first: all, or what was asked for under a name."""
        query = sa.select(refusals).order_by(refusals.c.refused_at.desc(), refusals.c.refusal).limit(limit)
        if job is not None:
            query = query.where((refusals.c.job == words(job)) | (refusals.c.study == words(job)))
        return self._db.read(lambda c: [dict(row) for row in c.execute(query).mappings()])


def _check_owner(c: sa.Connection, job: str, by: str) -> None:
    """Refuse who may not change the budgets of a job: those of the log, and those of the job, have an owner."""
    query = sa.select(budgets.c.job, budgets.c.set_by).where(budgets.c.job.in_(["", words(job)]))
    owners: dict[str, str] = {}
    for row in c.execute(query.order_by(budgets.c.saved_at)):
        if row.set_by:
            owners.setdefault(row.job, row.set_by)
    allowed = {owners.get(""), owners.get(job)} - {None}
    if job in owners and by not in allowed:
        whose = f"budget of {shown(job)} is" if job else "budget of this log is"
        who = shown(by) if by else "somebody without a name"
        raise LogError(
            f"the {whose} {owners[job]}'s, and this was {who}. Nothing was changed.",
            remedy=f"Ask {owners[job]}. If that is you: %config WanMagics.user, or WAN_NB_USER, says so.",
        )


def job_rows(job: str) -> sa.ColumnElement[bool]:
    """Condition for the runs that a job has bought: under its name, or with it as a tag; all without a name."""
    if not job:
        return sa.true()
    tags = sa.literal(", ") + sa.type_coerce(runs.c.tags, sa.Text()) + ", "
    return (runs.c.study == words(job)) | tags.contains(f", {words(job)}, ", autoescape=True)


def job_spent(c: sa.Connection, job: str, currency: str, user: str | None = None) -> float:
    """Return what a job has cost and has reserved, without simulated runs; with a user, that person's part.

    Those without a name are one person, the empty one.
    """
    query = sa.select(sa.func.sum(counted_cost(currency))).where(paid_in(currency), job_rows(job))
    if user is not None:
        query = query.where(sa.func.coalesce(runs.c.user, "") == "" if not user else runs.c.user == words(user))
    return float(c.execute(query).scalar_one() or 0.0)


def spent_by_person(c: sa.Connection, job: str, currency: str) -> dict[str, float]:
    """Return what each person has spent and reserved of a job, without simulated runs."""
    who = sa.func.coalesce(runs.c.user, "")
    query = sa.select(who, sa.func.sum(counted_cost(currency))).where(paid_in(currency), job_rows(job)).group_by(who)
    return {str(user): float(spent or 0.0) for user, spent in c.execute(query)}


def check_jobs(c: sa.Connection, rows: Sequence[Row]) -> None:
    """Refuse rows, already written in this transaction, that take a job, or the share of a person, over its budget.

    Simulated runs are never refused.

    Raises
    ------
    BudgetExceeded
        ``details`` hold ``price``, ``spent`` (without these rows), ``cap`` and ``currency``.
    """
    paid = [row for row in rows if row.cost and not row.simulated]
    caps = c.execute(sa.select(budgets).order_by(budgets.c.job, budgets.c.user)).mappings().all() if paid else ()
    own = {(cap["job"], cap["user"]) for cap in caps}
    for cap in caps:
        job, user = cap["job"], cap["user"]
        mine = [row for row in paid if job in {"", row.study, *row.tags}]
        if user == EACH:
            for name in sorted({row.user or "" for row in mine}):
                if not name or (job, name) not in own:
                    _check_budget(c, cap, [row for row in mine if (row.user or "") == name], name)
        elif user:
            _check_budget(c, cap, [row for row in mine if row.user == user], user)
        else:
            _check_budget(c, cap, mine, None)


def _check_budget(c: sa.Connection, cap: Mapping[Any, Any], rows: Sequence[Row], user: str | None) -> None:
    """Refuse rows that take one person, or with None all, over one budget."""
    if not rows:
        return
    job, currency, amount = cap["job"], cap["currency"], cap["amount"]
    person = "" if user is None else f" for {shown(user)}" if user else " for people without a name"
    whose = f"{shown(job) if job else 'this log'}{person}"
    owner = cap["set_by"] if cap["set_by"] != rows[0].user else ""
    told = {"job": job, "clips": len(rows), "currency": currency}
    if other := next((row.currency for row in rows if row.currency != currency), None):
        raise BudgetExceeded(
            f"the budget of {whose} is in {currency}, and this costs {other}. Nothing was sent.",
            remedy=_by(owner, budget_line(job, other, "AMOUNT", cap["user"]), "sets another one"),
            **told,
        )
    total, price = job_spent(c, job, currency, user), sum(row.cost or 0.0 for row in rows)
    if total > amount + DUST:
        line = budget_line(job, currency, f"{total:.2f}", user or cap["user"])
        raise BudgetExceeded(
            f"{currency} {price:.2f} would pass the budget of {whose}: {currency} {max(total - price, 0.0):.2f} of "
            f"{amount:.2f} are spent or reserved. Nothing was sent.",
            remedy=_by(owner, line, "raises it"),
            price=price,
            spent=max(total - price, 0.0),
            cap=amount,
            **told,
        )


def _by(owner: str | None, line: str, does: str) -> str:
    return f"{owner} has set it; with {line} {owner} {does}." if owner else f"{line} {does}."


def budget_line(job: str, currency: str, amount: str, user: str) -> str:
    """The line that sets a budget."""
    name = f"{shlex.quote(job)} " if job else ""
    share = " --each" if user == EACH else f" --user {shlex.quote(user)}" if user else ""
    return f"%wan budget {name}{currency} {amount}{share}"
