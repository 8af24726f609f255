"""The file of a SQLite log: whether its name still leads to it, where it went, and copies of it.

SQLite goes on writing into a file that was deleted, moved or replaced, and nobody finds again what it writes there. So
each transaction begins with the question whether the name leads to the file that is open: one ``stat`` for the file
and one for each of the two parts that SQLite keeps beside it. Where the file lies counts too: a kernel that opens it by
another name keeps parts of its own, and the two do not see what the other writes.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wan_nb.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LogFile"]

Mark = tuple[int, int]
"""Device and number of a file, which stay with it when its name changes; 0 where a file system has no numbers."""

_PARTS: Final = ("", "-wal", "-shm")

_MEND: Final = "`%wan doctor --mend` writes it back, as long as this kernel lives."


class LogFile:
    """The file that a name led to when the log was opened.

    Parameters
    ----------
    path : Path
        Absolute.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._first: Mark | None = None
        self._wal: Mark | None = None

    @property
    def _names(self) -> tuple[str, ...]:
        # SQLite keeps its parts beside the file, not beside a link to it.
        path = str(self.path)
        real = os.path.realpath(path) if os.path.islink(path) else path  # noqa: PTH114
        return (path, *(f"{real}{part}" for part in _PARTS[1:]))

    @property
    def wal(self) -> Path:
        """What SQLite has not yet carried over into the file."""
        return Path(self._names[1])

    @property
    def opened(self) -> bool:
        """Whether it has been open before."""
        return self._first is not None

    def forget(self) -> None:
        """Take whatever the name leads to at the next opening."""
        self._first = None

    def before_opening(self) -> None:
        """Look at the name before SQLite opens it, which makes a new file where there is none.

        Raises
        ------
        LogError
            It does not lead to the file that was open before, the file is gone and its parts are left, or it has
            other names.
        """
        if self._first is not None:
            self.check((self._first,))
        elif self.path.is_file() and self.path.stat().st_nlink > 1:
            raise LogError(
                f"the log {self.path} has a second name (a hard link): kernels that open it by different names would"
                " not see each other's runs",
                remedy="Delete the other name, or give this one a file of its own: copy it, and rename the copy.",
            )
        elif parts := [part for part in self._left_over() if part.exists()]:
            how = "empty" if self.path.exists() and not self.path.stat().st_size else "gone"
            raise LogError(
                f"the log {self.path} is {how}, but {parts[0].name}, a part of it, is there",
                remedy="A kernel that still has it open can write it back (%wan doctor --mend there). If there is none,"
                " put a copy back, or delete that part to begin anew.",
            )

    def _left_over(self) -> Sequence[Path]:
        """Where parts would be of a log that is gone or emptied, or that was moved and linked to."""
        if _mark(self.path) is None:
            return [Path(name) for name in self._names[1:]]
        if self.path.is_file() and not self.path.stat().st_size:
            return [self.wal]  # SQLite would take it for a new log, and delete what the -wal holds
        return [Path(f"{self.path}{part}") for part in _PARTS[1:]] if self.path.is_symlink() else ()

    def note(self, _connection: Any, record: Any) -> None:
        """Keep which files a new connection has opened; an event of SQLAlchemy."""
        record.info["files"] = marks = self._marks()
        self._first, self._wal = self._first or marks[0], marks[1]

    def complete(self, files: list[Mark | None]) -> None:
        """Note parts that a connection's first transactions have made."""
        if None in files:
            files[:] = [was or now for was, now in zip(files, self._marks(), strict=True)]
            self._wal = files[1]

    def check(self, files: Sequence[Mark | None]) -> None:
        """Compare the files that a connection has open with those of their names.

        Raises
        ------
        LogError
            One was deleted, moved or replaced; it says what to do.
        """
        for name, was, now in zip(_PARTS, files, self._marks(), strict=False):
            if was is not None and now != was and not (now and 0 in {was[1], now[1]}):
                raise self._part_lost(name, now) if name else self._lost(was, now)

    def _marks(self) -> list[Mark | None]:
        return list(map(_mark, self._names))

    def _lost(self, was: Mark, now: Mark | None) -> LogError:
        where = _whereabouts(was)
        if where is not None:
            # What was written last is in the part that ends in -wal: without it the file is not the whole log.
            whole = self._wal is not None and _mark(Path(f"{where}-wal")) == self._wal
            there = f", or go on with it there: wan_nb.connect(log={str(where)!r})" if whole else ""
            return LogError(
                f"the log {self.path} was moved to {where} while it was open; nothing is lost",
                remedy=f"Move it back{there}.",
            )
        if now is None:
            return LogError(f"the log {self.path} was deleted while it was open; nothing is lost yet", remedy=_MEND)
        return LogError(
            f"the log {self.path} was replaced by another file while it was open; nothing is lost yet",
            remedy="`%wan doctor --mend` saves the old one beside it; %wan connect then goes on with the new one.",
        )

    def _part_lost(self, part: str, now: Mark | None) -> LogError:
        how = "replaced" if now else "deleted"
        return LogError(
            f"{self.path.name}{part}, a part of the log {self.path}, was {how} while it was open; nothing is lost yet",
            remedy=_MEND,
        )

    def mend(self, connection: sqlite3.Connection, files: Sequence[Mark | None]) -> str:
        """Bring what a connection still holds back to the name of the log, or beside it where that name is taken.

        Parameters
        ----------
        connection : sqlite3.Connection
            Open, outside of a transaction.
        files : sequence
            What it has open, from `note`.

        Returns
        -------
        str
            What was done; empty when nothing was wrong.

        Raises
        ------
        LogError
            The log was moved, which only a person can judge, or the disk does not take the copy.
        """
        try:
            self.check(files)
        except LogError as lost:
            main, *parts = self._marks()
            taken = any(now is not None and now != was for was, now in zip(files[1:], parts, strict=False))
            if main is not None and main == files[0] and not taken:
                if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    raise LogError("the log is kept busy by another program", remedy="Try again.") from lost
                return f"all of {self.path.name} is in its file again"
            if main is None and files[0] and _whereabouts(files[0]):
                raise
            if main is None and not taken:
                for part, was in zip(self._names[1:], files[1:], strict=False):
                    if was is not None and _mark(part) == was:
                        Path(part).unlink()  # it belongs to the file that is gone, and is read from the connection
                copy = self.copied(connection, self.path.name)
                return f"{copy.name} is written back"
            copy = self.copied(connection, f"{self.path.stem}.rescued{self.path.suffix}")
            return f"the log that was open is saved as {copy.name}; %wan connect goes on with the one that is there now"
        return ""

    def copied(self, connection: sqlite3.Connection, name: str) -> Path:
        """Copy what a connection reads into a new file beside the log, whole or not at all.

        Parameters
        ----------
        connection : sqlite3.Connection
        name : str
            Where it is taken, a number is added.

        Raises
        ------
        LogError
            There is no room, or no right.
        """
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.tmp")
        try:
            draft.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(draft)) as copy:
                connection.backup(copy)
            for number in range(1, 1000):
                target = self.path.with_name(name if number == 1 else _numbered(name, number))
                with suppress(FileExistsError):
                    _named(draft, target)
                    return target
            raise LogError(f"there are too many copies of {name}", remedy="Delete what is not needed.")
        except (OSError, sqlite3.Error) as error:
            raise LogError(
                f"the log {self.path} cannot be copied: {getattr(error, 'strerror', None) or error}",
                remedy="Make room on the disk, or move the log; nothing was changed.",
            ) from error
        finally:
            for part in ("", "-wal", "-shm", "-journal"):
                with suppress(OSError):
                    Path(f"{draft}{part}").unlink(missing_ok=True)


def _numbered(name: str, number: int) -> str:
    path = Path(name)
    return f"{path.stem}-{number}{path.suffix}"


def _named(draft: Path, target: Path) -> None:
    """Give a file a name that nobody has."""
    try:
        os.link(draft, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError(target) from None
        draft.rename(target)


def _mark(path: Path | str) -> Mark | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # three of them begin each transaction
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LogError(
            f"the log {path} is out of reach: {error.strerror or error}",
            remedy="Nothing was sent. Is its folder mounted, and may it be read?",
        ) from error
    return found.st_dev, found.st_ino


def _whereabouts(mark: Mark) -> Path | None:
    """Where a file that this process has open is now, on systems that tell; None for a deleted one."""
    folder = Path("/proc/self/fd")
    for link in folder.iterdir() if folder.is_dir() else ():
        with suppress(OSError):
            found = link.stat()
            if (found.st_dev, found.st_ino) == mark:
                where = link.readlink()
                return where if found.st_nlink and _mark(where) == mark else None
    return None
