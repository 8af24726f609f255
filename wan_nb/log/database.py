"""Connections and transactions: one writer at a time, on SQLite and PostgreSQL alike.

Every write runs under one lock of the whole log: ``BEGIN IMMEDIATE`` on SQLite, an advisory lock on PostgreSQL. A
reservation that looks, adds up and writes is then one step for all kernels together, and nothing has to be thought
about twice. Each write takes a few milliseconds, most of it the disk's.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
import weakref
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.util import LRUCache

from wan_nb.errors import LogError
from wan_nb.log.migrations import MIGRATIONS, migrate, version_of
from wan_nb.log.on_disk.logfile import LogFile
from wan_nb.log.on_disk.older_copy import LastSeen, table_gone
from wan_nb.log.on_disk.read_only_copy import Snapshot
from wan_nb.paths import disk_is_full, writable
from wan_nb.sanitize import redact, remember_url, reveal, said
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Database"]

T = TypeVar("T")

_BUSY_SECONDS: Final = 30.0
"""How long a write waits for the others before it gives up."""

_LOCK: Final = 0x77616E5F6E62
"""Key of PostgreSQL's advisory lock: the bytes of "wan_nb"."""


_FORK_SECONDS: Final = 5.0
"""How long a fork waits for the other threads to come out of the log."""


class _Inside:
    """Counts the threads that are in the log: a fork waits until there are none.

    SQLite has locks of its own that are the whole process's. A child that is forked while another thread holds one
    never opens a database again, not even of its own (seen: a child that hung in ``sqlite3.connect``).
    """

    def __init__(self) -> None:
        self._threads = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._threads += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._threads -= 1
            self._changed.notify_all()

    def before_fork(self) -> None:
        """Let nobody in once all are out."""
        self._changed.acquire()
        self._changed.wait_for(lambda: self._threads == 0, timeout=_FORK_SECONDS)

    def in_parent(self) -> None:
        """Go on."""
        self._changed.release()

    def in_child(self) -> None:
        """Begin anew: the other threads stayed in the parent."""
        self.__init__()  # type: ignore[misc]


_inside = _Inside()
if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(before=_inside.before_fork, after_in_parent=_inside.in_parent, after_in_child=_inside.in_child)


@printed
class Database:
    """An open log, migrated to the newest schema.

    Parameters
    ----------
    url : path or str
        A file, ``sqlite:///runs.db`` or ``postgresql+psycopg://...``.
    migrated : bool
        A log of an older version on PostgreSQL may be brought to this one; one in a file always is, after a copy.

    Raises
    ------
    LogError
        Not a database, not reachable, of a newer schema, of an older one that nobody has said may be migrated, or not
        a kind that several kernels can share.
    """

    def __init__(self, url: Path | str, *, migrated: bool = False) -> None:
        self.url = _url(url)
        sqlite = self.url.get_backend_name() == "sqlite"
        self._snapshot = self._read_only(Path(str(self.url.database))) if sqlite else None
        self._renewing = threading.Lock()
        self._file = LogFile(Path(str(self.url.database))) if sqlite else None
        self._last_seen = LastSeen(repr(self), self._file)
        self._start()
        try:
            self._bring_up(migrated=migrated)
        except BaseException:
            self.close()
            raise

    @property
    def served(self) -> bool:
        """Whether a server keeps it, for several machines."""
        return self._file is None

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Do `work` on one consistent view of the log."""
        if self._snapshot and self._snapshot.stale():
            with self._renewing:
                self._renew(self._snapshot)

        def looked(c: sa.Connection) -> T:
            self._last_seen.look(c)
            return work(c)

        return self._do(looked, write=False)

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Do `work` as the only writer; all of it is kept, or nothing. It may be called again when SQLite was busy.

        Raises
        ------
        LogError
            Also where the log can only be read.
        """
        self.check_writable()
        done, carried = self._signed(work)
        if carried:
            self._signed(lambda _: None)  # so that every kernel knows what the file holds by now
        return done

    def aside(self, work: Callable[[sa.Connection], T]) -> T:
        """Do one statement that concerns no run, in the lock of its own row: it waits for no writer of the log."""
        return self._do(work, write=False)

    def _signed(self, work: Callable[[sa.Connection], T]) -> tuple[T, bool]:
        mine, done = self._do(lambda c: (self._last_seen.sign(c), work(c)), write=True)
        return done, self._last_seen.keep(mine)

    def check_writable(self) -> None:
        """Find out, before anything is sent, whether this process may write down what it does.

        Raises
        ------
        LogError
        """
        if self._snapshot:
            raise LogError(
                f"the log {self!r} can only be read here: looking works, buying and voting do not",
                remedy="Work in a folder of your own (Session(folder=...)), or copy this one there.",
            )

    def check_current(self) -> None:
        """Find out whether the log still holds what was last seen of it.

        Raises
        ------
        LogError
        """
        if self._snapshot is None:
            self._signed(lambda _: None)

    def _read_only(self, path: Path) -> Snapshot | None:
        if not path.exists() and not writable(path.parent):
            raise LogError(
                f"there is no log {self!r}, and none can be made: its folder can only be read", remedy=_REMEDY
            )
        return Snapshot.of(path)

    def _renew(self, snapshot: Snapshot) -> None:
        """Look at the log as it is now."""
        if snapshot.stale():
            self.close()
            self._last_seen = LastSeen(repr(self), None)  # the copy may be of an older log
            self._start()
            self._bring_up(migrated=False)

    def _bring_up(self, *, migrated: bool) -> None:
        if self._do(version_of, write=False) != len(MIGRATIONS):
            self._do(lambda c: self._migrate(c, migrated=migrated), write=True)
        self._do(self._last_seen.look, write=False)

    def close(self) -> None:
        """Close every connection. Twice is harmless; a later call opens the log again."""
        self._closer()

    def mend(self) -> str:
        """Bring a log that was deleted, replaced or robbed of a part while it was open back; see `LogFile.mend`."""
        pool: Any = self._engine.pool
        if self._file is None or not self._closer.alive or not pool.checkedin():
            return ""  # nothing is open here that could be lost
        with _inside, self._engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            done = self._file.mend(driver, connection.info["files"])
        if done and "saved as" not in done:
            self.close()
            self._file.forget()
        return done

    def _migrate(self, c: sa.Connection, *, migrated: bool) -> None:
        """Bring an older log to this version: one in a file after a copy of it, one of several people on a yes."""
        version = version_of(c)
        if 0 < version < len(MIGRATIONS):
            if self._file is not None:
                with closing(sqlite3.connect(self._file.path, timeout=_BUSY_SECONDS)) as reader:
                    self._file.copied(reader, f"{self._file.path.stem}.v{version}{self._file.path.suffix}")
            elif not migrated:
                raise LogError(
                    f"the log {self!r} has schema {version}, and this wan_nb writes {len(MIGRATIONS)}: an older wan_nb"
                    " cannot use it any more once it is migrated. Nothing was changed",
                    remedy="Make a backup (pg_dump), tell the others, and open it once with"
                    " wan_nb.connect(migrate=True) or WAN_NB_MIGRATE=1.",
                )
        migrate(c)

    def __repr__(self) -> str:
        # A file's name may hold anything; the query of another database may hold a password.
        shown = self.url.render_as_string(hide_password=True)
        return shown if self.url.get_backend_name() == "sqlite" else redact(shown)

    def _start(self) -> None:
        self._pid = os.getpid()
        try:
            if self._snapshot and self._snapshot.stale():
                self._snapshot.take()
                self._file = LogFile(self._snapshot.path)
            self._engine = _engine(self.url, self._file)
        except OSError as error:
            raise LogError(f"the log {self!r} cannot be read: {said(error)}", remedy=_REMEDY) from error
        except ModuleNotFoundError as error:
            raise LogError(f"the log {self!r} needs {error.name}", remedy='pip install "wan-nb[shared]"') from None
        except SQLAlchemyError as error:
            raise LogError(f"{self!r} is not a log: {said(error)}", remedy=_REMEDY) from None
        # Also closes a log that was dropped or left open at exit, before Python warns about its connections.
        self._closer = weakref.finalize(self, _close, self._engine, self._pid)

    def _do(self, work: Callable[[sa.Connection], T], *, write: bool) -> T:
        if self._pid != os.getpid() or not self._closer.alive:
            # After a fork the connections belong to the parent: neither used nor closed here, only replaced.
            if self._pid != os.getpid():
                self._last_seen.renew()
            self._start()
        give_up = time.monotonic() + 2 * _BUSY_SECONDS
        while True:
            try:
                with _inside, self._connect() as connection:
                    connection.execution_options(wan_write=write)
                    try:
                        with connection.begin():
                            done = work(connection)
                    finally:
                        self._last_seen.forget_pages(connection)
                    if self._file is not None:
                        self._file.complete(connection.info["files"])
                    return done
            except (SQLAlchemyError, sqlite3.Error, OverflowError) as error:
                if not _busy(error) or time.monotonic() > give_up:
                    raise self._said(error) from None  # what a driver says may hold the password
                # SQLite has waited already, except while another kernel opens or recovers the file: then it says
                # "locked" at once, for some milliseconds.
                time.sleep(random.uniform(0.002, 0.05))

    def _connect(self) -> sa.Connection:
        """A connection to the file that the log's name leads to, now as when it was opened."""
        if self._file is None:
            return self._engine.connect()
        connection = self._engine.connect()
        try:
            self._file.check(connection.info["files"])
        except BaseException:
            connection.close()
            raise
        return connection

    def _said(self, error: Exception) -> LogError:
        why = getattr(error, "orig", None) or error
        code = getattr(why, "sqlite_errorcode", 0) & 0xFF
        # A disk that is full is also said to have an I/O error, when the file beside the log cannot grow.
        if code == sqlite3.SQLITE_FULL or (
            code == sqlite3.SQLITE_IOERR and disk_is_full(Path(str(self.url.database)).absolute().parent)
        ):
            return LogError(
                f"the disk of the log {self!r} is full",
                remedy="Make room there, then run this again: what is written down so far is kept.",
            )
        if _busy(error):
            return LogError(f"the log {self!r} is kept busy by another program", remedy="Try again when it has ended.")
        if self._last_seen.explains(error):
            return self._last_seen.older()
        if table_gone(error):
            return LogError(
                f"the log {self!r} is damaged: {said(why)}",
                remedy="Put a copy of it back; the clips in videos/, each with its request, are whole without it.",
            )
        return LogError(f"the log {self!r} cannot be used: {said(why)}", remedy=_REMEDY)


_REMEDY = "Check the place and its rights, or name another log with WAN_NB_LOG."


def _url(text: Path | str) -> sa.URL:
    if isinstance(text, Path):
        return sa.URL.create("sqlite", database=str(text))
    try:
        remember_url(text)
        url = sa.make_url(reveal(text))
    except (ArgumentError, ValueError):
        # The text itself is not repeated: it may hold a password.
        raise LogError(
            "the log's URL cannot be read", remedy="Write sqlite:///runs.db or postgresql+psycopg://user@host/name."
        ) from None
    kind = url.get_backend_name() if url.drivername != "postgres" else "postgresql"
    if kind == "postgresql" and "+" not in url.drivername:
        url = url.set(drivername="postgresql+psycopg")
    if kind not in {"sqlite", "postgresql"} or (kind == "sqlite" and url.database in {None, "", ":memory:"}):
        raise LogError(
            f"{url.render_as_string(hide_password=True)} cannot hold a run log",
            remedy="Use a file (sqlite:///runs.db) or PostgreSQL (postgresql+psycopg://user@host/name).",
        )
    # A relative name would lead elsewhere once the working directory changes.
    return url.set(database=os.path.abspath(str(url.database))) if kind == "sqlite" else url  # noqa: PTH100


def _engine(url: sa.URL, file: LogFile | None) -> sa.Engine:
    # hide_parameters: an exception's text must not carry prompts into a notebook.
    if file is not None:
        if not file.opened:
            file.path.parent.mkdir(parents=True, exist_ok=True)

        def connect() -> Any:
            file.before_opening()
            # Of a log that can only be read, it is the file of its copy.
            return sqlite3.connect(file.path, timeout=_BUSY_SECONDS, check_same_thread=False)

        pool = sa.QueuePool(connect, dialect=_sqlite())
        engine = sa.Engine(pool, _sqlite(), url, hide_parameters=True, execution_options={"compiled_cache": _compiled})
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "connect", file.note)
        sa.event.listen(engine, "begin", _begin_sqlite)
    else:
        # pre_ping: a laptop that slept has lost its connections.
        engine = sa.create_engine(url, hide_parameters=True, pool_pre_ping=True)
        sa.event.listen(engine, "connect", _prepare_postgres)
        sa.event.listen(engine, "begin", _begin_postgres)
    return engine


@cache
def _sqlite() -> sa.Dialect:
    """One for all logs of the process, so that what one has compiled of a statement serves the next."""
    engine = sa.create_engine("sqlite://")
    engine.connect().close()
    engine.dispose()
    return engine.dialect


_compiled: Final = LRUCache[Any, Any](500)
"""Statements as SQLAlchemy has compiled them for SQLite."""


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The module's own handling of transactions begins them too late and without the lock.
    connection.isolation_level = None
    try:
        # Readers and the writer do not wait for each other. The mode stays in the file; some network drives refuse it,
        # and the log then works without.
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
        # NORMAL would outlive kill -9 but may lose the last commits with the power, and the last commit may be
        # the only trace of a task that is paid.
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error:
        connection.close()  # nobody else has it yet
        raise


def _begin_sqlite(connection: sa.Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.execute("BEGIN IMMEDIATE" if connection.get_execution_options().get("wan_write") else "BEGIN")


def _prepare_postgres(connection: Any, _record: Any) -> None:
    # A kernel that was stopped in the middle of a write must not hold up a whole class for ever.
    milliseconds = int(_BUSY_SECONDS * 1000)
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {milliseconds}")
        cursor.execute(f"SET idle_in_transaction_session_timeout = {milliseconds}")
    connection.commit()


def _begin_postgres(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("wan_write"):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def _busy(error: Exception) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return isinstance(error, OperationalError) and getattr(cause, "sqlstate", None) == "55P03"  # lock_not_available


def _close(engine: sa.Engine, pid: int) -> None:
    if os.getpid() == pid:
        with _inside:
            engine.dispose()
