"""Takes: the clips that were bought of one request, by number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from wan_nb.arguments import as_whole
from wan_nb.log.queries import WHOLE
from wan_nb.log.schema import pins, runs
from wan_nb.log.states import UNBILLED
from wan_nb.log.stored_values import read_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_nb.log.row import Row

__all__ = ["Takes"]

_CHUNK = 5000
"""Values in one IN list; SQLite takes 32 766."""


@dataclass(frozen=True, slots=True)
class Takes:
    """What was bought of one request.

    Attributes
    ----------
    rows : tuple of Row
        Every attempt of every take, by take and attempt.
    pinned : int
        The take that is shown where no number is asked for: 1 until another one was pinned.
    """

    rows: tuple[Row, ...] = ()
    pinned: int = 1

    @classmethod
    def read(cls, c: sa.Connection, fingerprints: Sequence[str]) -> list[Takes]:
        """The takes of each of these fingerprints."""
        wanted = list(dict.fromkeys(fingerprints))
        found: dict[str, list[Row]] = {key: [] for key in wanted}
        pinned: dict[str, int] = {}
        for first in range(0, len(wanted), _CHUNK):
            some = wanted[first : first + _CHUNK]
            query = WHOLE.where(runs.c.fingerprint.in_(some)).order_by(runs.c.take, runs.c.attempt)
            for row in map(read_row, c.execute(query)):
                found[row.fingerprint].append(row)
            for fingerprint, take in c.execute(sa.select(pins).where(pins.c.fingerprint.in_(some))):
                pinned[fingerprint] = max(as_whole(take) or 1, 1)  # SQLite keeps anything
        return [cls(tuple(found[key]), pinned.get(key, 1)) for key in fingerprints]

    @property
    def numbers(self) -> list[int]:
        """Takes that there are: those of which an attempt was not refused, or may still be sent."""
        return list(dict.fromkeys(row.take for row in self.rows if row.status not in UNBILLED))

    @property
    def next(self) -> int:
        """The number behind the last one."""
        return max(self.numbers, default=0) + 1

    def run(self, take: int | None = None) -> Row | None:
        """The run of a take, of the pinned one without a number: what may have been paid, else the last attempt."""
        mine = [row for row in self.rows if row.take == (take or self.pinned)]
        return next((row for row in reversed(mine) if row.status not in UNBILLED), mine[-1] if mine else None)

    def attempts(self, take: int) -> int:
        """How often a take was posted, or was to be."""
        return max((row.attempt for row in self.rows if row.take == take), default=0)
