"""What was spent, and the cap that no reservation passes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from wan_nb.api import catalog
from wan_nb.engine.schema import runs
from wan_nb.engine.states import Status
from wan_nb.errors import BudgetExceeded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_nb.engine.row import Row

__all__ = ["WINDOW", "check_cap", "check_most", "is_amount", "spent_since"]

WINDOW: Final = timedelta(hours=24)
"""The cap holds for every span of this length."""

_LARGEST: Final = 1e9
"""More than this is no amount of money."""

_DUST: Final = 1e-9
"""Less than this is no money but the sum of binary fractions."""


def is_amount(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a value is a number that can be an amount: SQLite also keeps texts, and sorts them above all numbers."""
    return column.between(0.0, _LARGEST)


def _dearest(currency: str) -> float:
    """Price of the longest and dearest clip that is sold in a currency."""
    longest = next(field.maximum for field in catalog.FIELDS if field.name == "duration") or 0
    sold = [
        price
        for model in catalog.MODELS.values()
        for name, prices in model.prices.items()
        if catalog.REGIONS[name].currency == currency
        for price in prices.values()
    ]
    return max(sold, default=0.0) * longest


def spent_since(c: sa.Connection, currency: str, since: datetime) -> float:
    """Return what was billed or is reserved since then, without simulated runs.

    A run counts from its POST on, or from its intent if nothing was sent; an intent that still waits counts however old
    it is, since it is going to be paid now. Failed and canceled runs have cost 0 in the log.
    """
    charged = sa.func.coalesce(runs.c.posted_at, runs.c.created_at)
    mine = (runs.c.simulated == sa.false()) & (runs.c.currency == currency)
    # A cost that cannot be read counts as the dearest clip.
    cost = sa.case((is_amount(runs.c.cost), runs.c.cost), (runs.c.cost.is_(None), 0.0), else_=_dearest(currency))
    recent = sa.select(sa.func.sum(cost)).where(mine, charged >= since)
    # Each sum walks through few rows only by its own index; as one "or", or with all conditions in the second "where",
    # SQLite takes the index by currency and reads every run that was ever paid.
    old = sa.case((mine & (charged < since), cost), else_=0.0)
    waiting = sa.select(sa.func.sum(old)).where(runs.c.status == Status.INTENDED)
    return sum(float(c.execute(total).scalar_one() or 0.0) for total in (recent, waiting))


def check_most(rows: Sequence[Row], most: float | None) -> None:
    """Refuse new rows that cost more together than a person has allowed for them.

    Raises
    ------
    BudgetExceeded
        ``details`` hold ``price`` and ``most``.
    """
    price = round(sum(row.cost or 0.0 for row in rows), 4)  # as it is shown to whoever allows it
    if most is not None and price > most:
        raise BudgetExceeded(
            f"{len(rows)} clips cost about {rows[0].currency or ''} {price:.2f}, more than --max-cost {most:g}."
            " Nothing was sent.",
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
            raise BudgetExceeded(
                f"{price:.2f} {currency} would pass the budget of {cap:.2f} {currency} in 24 h:"
                f" {spent:.2f} {currency} are spent or reserved. Nothing was sent.",
                remedy=f"Raise it with %config WanMagics.budget = {{{currency!r}: {total:.2f}}}, or wait.",
                price=price,
                spent=spent,
                cap=cap,
                currency=currency,
            )
