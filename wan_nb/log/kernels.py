"""What the kernels of one log tell each other through it: signs of life, and turns at the service."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from wan_nb.log.schema import owners, words

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from wan_nb.log.database import Database

__all__ = ["Kernels"]

_LONGEST_WAIT = 3600.0
"""Seconds; a turn later than that is the mark of a clock that was set back."""

_COMPANY = 60.0
"""Seconds for which a kernel that has met another one at the service is believed to meet it again."""

_CLOCK = "CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)"
"""Seconds by the clock of PostgreSQL: those of the machines may differ."""

_TURN = sa.text(
    f"""
    INSERT INTO turns AS kept (lane, next_at, owner, met_at) VALUES (:lane, {_CLOCK} + :gap, :owner, 0)
    ON CONFLICT (lane) DO UPDATE SET
        next_at = :gap + CASE WHEN kept.next_at - {_CLOCK} BETWEEN 0 AND :longest THEN kept.next_at ELSE {_CLOCK} END,
        met_at = CASE WHEN kept.owner = :owner THEN kept.met_at ELSE {_CLOCK} END,
        owner = :owner
    RETURNING next_at - :gap - {_CLOCK} AS wait, {_CLOCK} - met_at < :company AS met
    """  # noqa: S608 - the clock is ours
)


class Kernels:
    """The processes that use a log.

    Parameters
    ----------
    database : Database
    now : callable
        The clock, returning an aware datetime.
    """

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._db = database
        self._now = now

    def beat(self, owner: str) -> None:
        """Give a sign of life for `owner`, so that kernels of other hosts leave its waiting intents alone.

        Once in a few minutes is enough (`PATIENCE` of `posting_process` is 15 minutes). Signs of yesterday go.
        """

        def work(c: sa.Connection) -> None:
            now = self._now()
            c.execute(sa.delete(owners).where((owners.c.owner == owner) | (owners.c.seen_at < now - timedelta(days=1))))
            c.execute(sa.insert(owners).values(owner=owner, seen_at=now))

        self._db.write(work)

    def last_beat(self, owner: str) -> datetime | None:
        """Return the last sign of life of `owner`."""
        query = sa.select(owners.c.seen_at).where(owners.c.owner == owner)
        return self._db.read(lambda c: c.execute(query).scalar_one_or_none())

    def turn(self, owner: str, lane: str, gap: float) -> float | None:
        """Take the next turn of a lane that the kernels of all machines share.

        Parameters
        ----------
        owner : str
            Who takes it.
        lane : str
        gap : float
            Seconds between two turns.

        Returns
        -------
        float or None
            Seconds until it comes; None where nobody else has taken one lately. A log in a file is one machine's,
            whose kernels are few and learn from the service how fast they may be: always None.
        """
        if not self._db.served:
            return None
        given = {"owner": words(owner), "lane": words(lane), "gap": gap, "longest": _LONGEST_WAIT, "company": _COMPANY}
        wait, met = self._db.aside(lambda c: c.execute(_TURN, given).one())
        return max(wait, 0.0) if met else None
