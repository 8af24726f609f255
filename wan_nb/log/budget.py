"""What was spent, and the cap of 24 hours that no reservation passes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from wan_nb.api import catalog
from wan_nb.api.estimate import asked_at_most, estimated
from wan_nb.errors import BudgetExceeded, InvalidRequest, join_words
from wan_nb.log.schema import runs
from wan_nb.log.states import OPEN, Status
from wan_nb.sanitize import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_nb.log.row import Row

__all__ = [
    "DUST",
    "LARGEST",
    "WINDOW",
    "check_cap",
    "check_most",
    "check_price",
    "counted_cost",
    "is_amount",
    "paid_in",
    "spent_since",
]

WINDOW: Final = timedelta(hours=24)
"""The cap holds for every span of this length."""

LARGEST: Final = 1e9
"""More than this is no amount of money."""

DUST: Final = 1e-9
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
    mine, charged, cost = paid_in(currency), _charged(), counted_cost(currency)
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


def paid_in(currency: str) -> sa.ColumnElement[bool]:
    """Condition for the runs that cost money of this currency: not the simulated ones."""
    return (runs.c.simulated == sa.false()) & (runs.c.currency == currency)


def _charged() -> sa.ColumnElement[datetime]:
    return sa.func.coalesce(runs.c.posted_at, runs.c.created_at)


def counted_cost(currency: str) -> sa.ColumnElement[float]:
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
        if total > cap + DUST:
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


def _room_at(c: sa.Connection, rows: Sequence[Row], currency: str, now: datetime, needed: float) -> str:
    """When so much of what counts now is older than the window, as part of a remedy; empty where waiting is no help."""
    charged = _charged()
    query = sa.select(charged, counted_cost(currency)).where(paid_in(currency), charged.between(now - WINDOW, now))
    older = query.where(runs.c.run_id.not_in([row.run_id for row in rows]), runs.c.status != Status.INTENDED)
    for when, cost in c.execute(older.order_by(charged)):
        needed -= float(cost)
        if needed <= DUST:
            return f", or wait until {when + WINDOW:%Y-%m-%d %H:%M} UTC"
    return ""
