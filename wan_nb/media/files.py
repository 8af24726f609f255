"""Files of ours: written whole or not at all, known by their hash."""

from __future__ import annotations

import hashlib
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

__all__ = ["SMALL_STRIP_BYTES", "STRIP_BYTES", "atomic", "file_sha256", "write_whole"]

STRIP_BYTES = 15_000
"""Largest strip of a clip's frames: it stands in a notebook."""

SMALL_STRIP_BYTES = 4_000
"""Largest one where many stand together."""


def file_sha256(file: BinaryIO) -> str:
    """SHA-256 over a whole open file, 64 hex digits."""
    file.seek(0)
    return hashlib.file_digest(cast("io.BufferedReader", file), "sha256").hexdigest()


@contextmanager
def atomic(out: str | Path) -> Iterator[Path]:
    """Write a file under another name in the same folder and give it its name at the end; after an error, none is left.

    Parameters
    ----------
    out : path
        Missing folders are made.

    Yields
    ------
    Path
        Where to write.

    Examples
    --------
    >>> with atomic("notes.txt") as temporary:  # doctest: +SKIP
    ...     temporary.write_text("whole or not at all")
    """
    out = Path(out).absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile: its files are readable by their owner only, which os.replace would carry over into a shared folder.
    temporary = out.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(out: Path, data: bytes) -> Path:
    """Write a file by `atomic`; returns its path."""
    with atomic(out) as temporary:
        temporary.write_bytes(data)
    return out
