"""What this kernel has last seen of the log, which an older state that was put in its place does not hold.

Each writing transaction numbers itself in the row of its writer (table ``writers``), under the lock of all writers. A
kernel remembers the newest number that it has seen and whose it was; a log in which that writer has not come so far is
an earlier state. A writer notices that by itself, so nobody ever counts on behind its own number, and each opening is a
new writer.

A SQLite log is two files: SQLite reads a page from the -wal when it is there, and keeps pages in memory. One of the two
that is written over under an open connection can pass for whole, so the number stands in the header of the file as well
(``user_version``), and is looked for where it lies: in the file, or in the -wal as long as it is not carried over.
"""

from __future__ import annotations

import itertools
import secrets
import sqlite3
import struct
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from wan_nb.errors import LogError
from wan_nb.log.schema import writers
from wan_nb.sanitize import logger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wan_nb.log.on_disk.logfile import LogFile

__all__ = ["LastSeen", "table_gone"]

_NEWEST: Final = "SELECT writer, number, in_file FROM writers ORDER BY number DESC LIMIT 1"
_SIGN: Final = sa.update(writers).where(writers.c.writer == sa.bindparam("own"))
_HEADER: Final = ("user_version", "application_id")
"""The two numbers in SQLite's header that are a program's own: which write a file holds, and of which log."""

_OLDER: Final = "older"
"""Mark of a connection whose transaction saw an older state."""

_WAL_HEADER: Final = 32
_FRAME: Final = struct.Struct(">I4x8s8x60xI")
"""Of a page in the -wal, as SQLite's file format says: its number, the round, and ``user_version`` if it is page 1."""


class _Write(NamedTuple):
    """One write of the log: whose, which, and which of them the file without its -wal held then."""

    writer: str
    number: int
    in_file: int


class LastSeen:
    """What one opened log remembers of it.

    Parameters
    ----------
    place : str
        How messages call the log.
    file : LogFile or None
        Of a SQLite log.
    """

    def __init__(self, place: str, file: LogFile | None) -> None:
        self._place = place
        self._file = file
        self._lock = threading.Lock()
        self._seen: _Write | None = None
        self._in_file = 0
        # A log into which another one was restored has the first one's mark until that is carried over.
        self._logs = {0}
        self._frame = 0
        self._warned = False
        self.renew()

    def renew(self) -> None:
        """Be another writer from now on: a forked process is not its parent."""
        self._writer = secrets.token_hex(8)

    def look(self, c: sa.Connection) -> None:
        """Compare what a reading transaction sees, and say once that it is older."""
        seen = self._seen  # before the view of the log is taken: another thread may commit a write in between
        newest = self._newest(c)
        if self._file is not None and seen is None:
            # The file still has the mark of the log that it was before another one was restored into it, until the
            # -wal is carried over; and a log that was built anew from its SQL has no number in its header.
            self._numbered = _numbers(c)[0] == newest.number
            if found := _header(self._file.path):
                self._logs.add(found.log)
        if self._holds(c, newest, seen):
            self._remember(newest)
            return
        c.info[_OLDER] = True
        if not self._warned:
            self._warned = True
            logger(__name__).warning("%s", self.older())

    def sign(self, c: sa.Connection) -> _Write:
        """Number a writing transaction, which has the lock, if the log still holds what was last seen of it.

        Raises
        ------
        LogError
            It does not; nothing was written.
        """
        newest = self._newest(c)
        if not self._holds(c, newest, self._seen) or not (self._file is None or self._lies(c, self._file, newest)):
            c.info[_OLDER] = True
            raise self.older()
        mine = _Write(self._writer, newest.number + 1, self._in_file)
        if not c.execute(_SIGN, {"own": mine.writer, "number": mine.number, "in_file": mine.in_file}).rowcount:
            c.execute(sa.insert(writers).values(**mine._asdict()))
        if self._file is not None:
            _driver(c).execute(f"PRAGMA user_version = {mine.number}")
        return mine

    def keep(self, mine: _Write) -> bool:
        """Remember a committed write; True when the file has taken pages out of the -wal since it was begun."""
        self._remember(mine)
        self._numbered = True
        found = _header(self._file.path) if self._file else None
        with self._lock:
            before, self._in_file = self._in_file, max(self._in_file, min(found.number, mine.number) if found else 0)
        return self._in_file > before

    def forget_pages(self, c: sa.Connection) -> None:
        """Drop the pages that SQLite keeps in memory, after a transaction that saw an older state."""
        if not c.invalidated and c.info.pop(_OLDER, False) and self._file is not None:
            _driver(c).execute("PRAGMA shrink_memory")

    def older(self) -> LogError:
        """The error for a log that was written over."""
        return LogError(
            f"the log {self._place} was written over while it was open, as by an older copy of it: it does not hold"
            " what this kernel has last seen there. Nothing was sent",
            remedy="Put the newest copy back. If there is none, %wan connect goes on with the log as it is now: what it"
            " lacks may be paid again, though its clips are still in videos/.",
        )

    def explains(self, error: Exception) -> bool:
        """Whether a log that was read before would fail like that if it had been written over."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", 0)
        broken = (
            code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} or code == sqlite3.SQLITE_IOERR_SHORT_READ
        )
        return self._seen is not None and broken

    def _newest(self, c: sa.Connection) -> _Write:
        try:
            # Each transaction asks this first: of SQLite directly, which takes a fifth of the time.
            found = c.exec_driver_sql(_NEWEST).first() if self._file is None else _driver(c).execute(_NEWEST).fetchone()
        except (DBAPIError, sqlite3.Error) as error:
            if self._seen is not None and table_gone(error):
                raise self.older() from None
            raise
        return _Write(*found) if found else _Write("", 0, 0)

    def _holds(self, c: sa.Connection, newest: _Write, seen: _Write | None) -> bool:
        """Whether a write that was seen is in this view of the log."""
        if seen is None or not seen.number or (newest.writer == seen.writer and newest.number >= seen.number):
            return True
        reached = c.execute(sa.select(writers.c.number).where(writers.c.writer == seen.writer)).scalar()
        return reached is not None and reached >= seen.number

    def _remember(self, write: _Write) -> None:
        with self._lock:
            if self._seen is None or write.number > self._seen.number:
                self._seen = write

    def _lies(self, c: sa.Connection, file: LogFile, newest: _Write) -> bool:
        """Whether the newest write lies in the file, or in a -wal that goes on from what the file holds."""
        number, log = _numbers(c)
        least = max(newest.in_file, self._in_file)
        if number != newest.number:
            if self._numbered:
                return False
            least = 0
        if not log:
            log = 1 + secrets.randbelow(2**31 - 1)
            _driver(c).execute(f"PRAGMA application_id = {log}")
        found = _header(file.path)
        if found is None or found.number < least or found.log not in {log, *self._logs}:
            return False
        self._in_file = min(found.number, number)
        if found.pages is not None:  # cut off, or a kernel died or had no room while it carried pages over
            missing = range(found.pages + 1, _driver(c).execute("PRAGMA page_count").fetchone()[0] + 1)
            if not set(missing) <= {page for _, page, _ in _frames(file.wal)}:
                return False
        return found.number == number or self._in_wal(file.wal, number)

    def _in_wal(self, wal: Path, number: int) -> bool:
        """Whether the -wal holds page 1 with this number."""
        # The last one is some pages behind the one before it, as a rule; else it is looked for everywhere.
        for first in (self._frame, 0):
            for frame, page, held in _frames(wal, first):
                if (page, held) == (1, number):
                    self._frame = frame
                    return True
        return False


def _frames(path: Path, first: int = 0) -> Iterator[tuple[int, int, int]]:
    """The pages in the -wal in its present round: place, number of the page, and ``user_version`` if it is page 1."""
    try:
        with path.open("rb") as wal:
            header = wal.read(_WAL_HEADER)
            size = 24 + int.from_bytes(header[8:12], "big")
            for frame in itertools.count(first):
                wal.seek(_WAL_HEADER + frame * size)
                if len(found := wal.read(_FRAME.size)) < _FRAME.size:
                    return
                page, salts, number = _FRAME.unpack(found)
                if salts != header[16:24]:
                    return
                yield frame, page, number
    except FileNotFoundError:
        return


def _numbers(c: sa.Connection) -> tuple[int, int]:
    """The two numbers of the header as SQLite reads it."""
    number, log = (int(_driver(c).execute(f"PRAGMA {name}").fetchone()[0]) for name in _HEADER)
    return number, log


def _driver(c: sa.Connection) -> sqlite3.Connection:
    """The module's own connection, for what only SQLite is asked."""
    driver: sqlite3.Connection = c.connection.driver_connection  # type: ignore[assignment]
    return driver


class _Header(NamedTuple):
    """What the file says without its -wal: which write it holds, of which log; pages, if it has fewer than it says."""

    number: int
    log: int
    pages: int | None


def _header(path: Path) -> _Header | None:
    """Look into the file alone; `None` when it is empty or no database.

    Through SQLite, since a file that this process closes loses all the locks that the process has on it.
    """
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as file:

            def asked(name: str) -> int:
                return int(file.execute(f"PRAGMA {name}").fetchone()[0])

            size, pages = path.stat().st_size, None
            try:
                asked(_HEADER[0])
            except sqlite3.DatabaseError:
                file.execute("PRAGMA writable_schema = ON")  # then a file that is too short can be looked into
                pages = size // asked("page_size")
            return _Header(asked(_HEADER[0]), asked(_HEADER[1]), pages) if size else None
    except (sqlite3.Error, OSError):
        return None


def table_gone(error: Exception) -> bool:
    """Whether a statement failed for a table or column that is not there."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return str(cause).startswith(("no such table", "no such column", "table runs has no column"))
    return getattr(cause, "sqlstate", None) in {"42P01", "42703"}  # undefined_table, undefined_column
