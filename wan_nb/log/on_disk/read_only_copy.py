"""A log that can only be read, such as shared course material, is looked at in a copy of its own.

SQLite writes beside a log even to read it, and a log of an older edition is migrated before it is read. So the file is
copied into a temporary folder, through SQLite where a kernel may be writing to it, and again when it has changed.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import weakref
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from wan_nb.paths import writable

__all__ = ["Snapshot"]


class Snapshot:
    """The copy of a SQLite log that cannot be written.

    Parameters
    ----------
    original : Path
    """

    def __init__(self, original: Path) -> None:
        self._original = original.absolute()
        folder = tempfile.mkdtemp(prefix="wan_nb-")
        self._closer = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = Path(folder) / "runs.db"
        self._taken: object = None

    @classmethod
    def of(cls, path: Path) -> Snapshot | None:
        """A snapshot of a log that is there and can only be read; None for any other."""
        readonly = path.is_file() and not (writable(path) and writable(path.absolute().parent))
        return cls(path) if readonly else None

    def stale(self) -> bool:
        """Whether the log has changed since it was copied, or was never copied."""
        return self._taken != self._stamp()

    def take(self) -> None:
        """Copy the log as it is now; nobody may have the copy open.

        Raises
        ------
        OSError
            It cannot be read.
        """
        stamp = self._stamp()
        self._original.stat()  # one that was deleted is no empty log
        for path in self.path.parent.iterdir():
            path.unlink()
        try:
            # mode=ro joins the locks of whoever writes; it needs a -shm file that is there, or none of -wal.
            source = sqlite3.connect(f"file:{quote(str(self._original))}?mode=ro", uri=True)
            with closing(source), closing(sqlite3.connect(self.path)) as copy:
                source.backup(copy)
        except sqlite3.Error:
            self.path.unlink(missing_ok=True)
            for suffix in ("", "-wal"):
                if (part := Path(f"{self._original}{suffix}")).exists():
                    shutil.copyfile(part, f"{self.path}{suffix}")
        self._taken = stamp

    def _stamp(self) -> object:
        parts = (Path(f"{self._original}{suffix}") for suffix in ("", "-wal"))
        return [(stat.st_size, stat.st_mtime_ns) if part.exists() and (stat := part.stat()) else None for part in parts]
