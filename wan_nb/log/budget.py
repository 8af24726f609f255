"""What was spent, and the cap that no reservation passes."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from wan_nb.api import catalog
from wan_nb.api.estimate import asked_at_most, estimated
from wan_nb.arguments import shown
from wan_nb.errors import BudgetExceeded, InvalidRequest, join_words
from wan_nb.log.schema import budgets, runs, words
from wan_nb.log.states import OPEN, Status
from wan_nb.sanitize import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wan_nb.log.row import Row

__all__ = [
    "EACH",
    "LARGEST",
    "WINDOW",
    "budget_line",
    "check_cap",
    "check_jobs",
    "check_most",
    "check_price",
    "is_amount",
    "job_rows",
    "job_spent",
    "spent_by_person",
    "spent_since",
]

EACH: Final = "*"
"""The user of a share that each person has who has none of their own."""

WINDOW: Final = timedelta(hours=24)
"""The cap holds for every span of this length."""

LARGEST: Final = 1e9
"""More than this is no amount of money."""

_DUST: Final = 1e-9
"""Less than this is no money but the sum of binary fractions."""


def is_amount(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a value is a number that can be an amount: SQLite also keeps texts, and sorts them above all numbers."""
    return column.between(0.0, LARGEST)


def spent_since(c: sa.Connection, currency: str, since: datetime) -> float:
    """Return what was billed or is reserved since then, without simulated runs; `since` is `WINDOW` ago.

    A run counts from its POST on, or from its intent if nothing was sent; an intent that still waits counts however old
    it is, since it is going to be paid now. Failed and canceled runs have cost 0 in the log.

    Where the clock had jumped, the service's own time of the task tells when it was. A time more than a day ahead
    tells nothing: such a run counts while it is open, and by the service's time.
    """
    mine, charged, cost = _mine(currency), _charged(), _counted_cost(currency)
    ahead = since + 2 * WINDOW
    really = runs.c.submitted_at.between(since, ahead)
    waits = runs.c.status == Status.INTENDED
    # Each sum walks through few rows only by its own index; as one "or", or with all conditions in the last "where",
    # SQLite takes the index by currency and reads every run that was ever paid.
    sums = (
        sa.select(sa.func.sum(cost)).where(mine, charged >= since, charged <= ahead),
        sa.select(sa.func.sum(cost)).where(mine, charged > ahead, really | runs.c.status.in_(OPEN)),
        sa.select(sa.func.sum(cost)).where(mine, really, charged < since, sa.not_(waits)),
        sa.select(sa.func.sum(sa.case((mine & (charged < since), cost), else_=0.0))).where(waits),
    )
    return sum(float(c.execute(total).scalar_one() or 0.0) for total in sums)


def _mine(currency: str) -> sa.ColumnElement[bool]:
    return (runs.c.simulated == sa.false()) & (runs.c.currency == currency)


def _charged() -> sa.ColumnElement[datetime]:
    return sa.func.coalesce(runs.c.posted_at, runs.c.created_at)


def _counted_cost(currency: str) -> sa.ColumnElement[float]:
    """What a row counts for: a cost that cannot be read counts as the dearest clip of its model."""
    cost, dearest = runs.c.cost, {name: catalog.dearest_clip(currency, name) for name in catalog.MODELS}
    unread = sa.case(dearest, value=runs.c.model, else_=catalog.dearest_clip(currency))
    return sa.case((is_amount(cost), cost), (cost.is_(None), 0.0), else_=unread)


def check_price(cost: object, currency: object) -> None:
    """Refuse an intent whose price is no amount, or is in a currency that no cap knows.

    Raises
    ------
    InvalidRequest
    """
    if cost is not None and (isinstance(cost, str) or number(cost, 0.0, LARGEST) is None):
        raise InvalidRequest(f"{repr(cost)[:40]} is no price of a clip. Nothing was sent.")
    if cost and currency is not None and currency not in catalog.CURRENCIES:
        known = join_words(sorted(catalog.CURRENCIES))
        raise InvalidRequest(f"a price is in {known}, not in {repr(currency)[:40]}. Nothing was sent.")


def check_most(rows: Sequence[Row], most: float | None) -> None:
    """Refuse new rows that cost more together than a person has allowed for them.

    Raises
    ------
    BudgetExceeded
        ``details`` hold ``price`` and ``most``.
    """
    price = round(sum(row.cost or 0.0 for row in rows), 4)  # as it is shown to whoever allows it
    if most is not None and price > most:
        told = estimated(price, rows[0].currency or "", at_most=any(map(asked_at_most, rows)))
        raise BudgetExceeded(
            f"{len(rows)} clips cost {told}, more than --max-cost {most:g}. Nothing was sent.",
            remedy="Take fewer or shorter clips, or allow more.",
            price=price,
            most=most,
        )


def check_cap(c: sa.Connection, rows: Sequence[Row], *, cap: float | None, now: datetime) -> None:
    """Refuse rows, already written in this transaction, that take the log over its cap.

    Raises
    ------
    BudgetExceeded
        ``details`` hold ``price``, ``spent`` (without these rows), ``cap`` and ``currency``.
    """
    paid = [row for row in rows if row.cost and not row.simulated]
    for currency in sorted({row.currency or "" for row in paid}) if cap is not None else ():
        assert cap is not None
        total = spent_since(c, currency, now - WINDOW)
        price = sum(row.cost or 0.0 for row in paid if row.currency == currency)
        if total > cap + _DUST:
            spent = max(total - price, 0.0)
            wait = _room_at(c, rows, currency, now, total - cap)
            raise BudgetExceeded(
                f"{price:.2f} {currency} would pass the budget of {cap:.2f} {currency} in 24 h:"
                f" {spent:.2f} {currency} are spent or reserved. Nothing was sent.",
                remedy=f"Raise it with %config WanMagics.budget = {{{currency!r}: {total:.2f}}}{wait}.",
                price=price,
                spent=spent,
                cap=cap,
                currency=currency,
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
    query = sa.select(sa.func.sum(_counted_cost(currency))).where(_mine(currency), job_rows(job))
    if user is not None:
        query = query.where(sa.func.coalesce(runs.c.user, "") == "" if not user else runs.c.user == words(user))
    return float(c.execute(query).scalar_one() or 0.0)


def spent_by_person(c: sa.Connection, job: str, currency: str) -> dict[str, float]:
    """Return what each person has spent and reserved of a job, without simulated runs."""
    who = sa.func.coalesce(runs.c.user, "")
    query = sa.select(who, sa.func.sum(_counted_cost(currency))).where(_mine(currency), job_rows(job)).group_by(who)
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
    if total > amount + _DUST:
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


def _room_at(c: sa.Connection, rows: Sequence[Row], currency: str, now: datetime, needed: float) -> str:
    """When so much of what counts now is older than the window, as part of a remedy; empty where waiting is no help."""
    charged = _charged()
    query = sa.select(charged, _counted_cost(currency)).where(_mine(currency), charged.between(now - WINDOW, now))
    older = query.where(runs.c.run_id.not_in([row.run_id for row in rows]), runs.c.status != Status.INTENDED)
    for when, cost in c.execute(older.order_by(charged)):
        needed -= float(cost)
        if needed <= _DUST:
            return f", or wait until {when + WINDOW:%Y-%m-%d %H:%M} UTC"
    return ""
