"""Takes: the clips that were bought of one request, by number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from wan_nb.arguments import as_whole
from wan_nb.log.reading.queries import WHOLE
from wan_nb.log.reading.stored_values import read_row
from wan_nb.log.schema import pins, runs
from wan_nb.log.states import UNBILLED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wan_nb.log.row import Row

__all__ = ["Takes", "read_pins"]

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
    def of(cls, rows: Iterable[Row], pinned: int = 1) -> Takes:
        """The takes of one request, from its runs."""
        return cls(tuple(sorted(rows, key=lambda row: (row.take, row.attempt))), pinned)

    @classmethod
    def read(cls, c: sa.Connection, fingerprint: str) -> Takes:
        """The takes of a fingerprint."""
        rows = c.execute(WHOLE.where(runs.c.fingerprint == fingerprint))
        return cls.of(map(read_row, rows), read_pins(c, [fingerprint]).get(fingerprint, 1))

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

    @property
    def shown(self) -> list[Row]:
        """The run of each take that there is, in their order."""
        return [row for take in self.numbers if (row := self.run(take)) is not None]

    def told(self, row: Row) -> str:
        """``take 2 of 3``; empty where there is no other."""
        count = len(self.numbers)
        return f"take {row.take} of {count}" if count > 1 and row.take in self.numbers else ""

    def attempts(self, take: int) -> int:
        """How often a take was posted, or was to be."""
        return max((row.attempt for row in self.rows if row.take == take), default=0)


_PINNED: Final = sa.select(pins).where(pins.c.fingerprint.in_(sa.bindparam("some", expanding=True)))


def read_pins(c: sa.Connection, fingerprints: Sequence[str]) -> dict[str, int]:
    """The pinned takes of some fingerprints; those without a pin are left out."""
    found: dict[str, int] = {}
    for first in range(0, len(fingerprints), _CHUNK):
        for fingerprint, take in c.execute(_PINNED, {"some": fingerprints[first : first + _CHUNK]}):
            found[fingerprint] = max(as_whole(take) or 1, 1)  # SQLite keeps anything
    return found
