"""Words in a copy of a clip: its title and a comment, which other programs show too.

They stand in a metadata box of their own behind the bytes of the clip, which stay as they are, marks of its origin
included.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from wan_nb.errors import InvalidMedia
from wan_nb.media.completeness import boxes
from wan_nb.media.files import atomic

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["comment_of", "copy_with"]

_TITLE, _COMMENT = b"\xa9nam", b"\xa9cmt"


def copy_with(clip: Path, out: Path, *, title: str, comment: str) -> Path:
    """Copy a clip, with a title and a comment behind its bytes.

    Parameters
    ----------
    clip : path
        MP4 or MOV; only read.
    out : path
        There when it is whole.
    title, comment : str
    """
    with atomic(out) as draft:
        shutil.copyfile(clip, draft)
        with draft.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            *_, (_, start, body, end) = [(b"", 0, 0, 0), *boxes(file, size)]
            file.seek(start)
            if end == size and file.read(4) == bytes(4) and body - start == 8 and size - start < 1 << 32:
                file.seek(start)  # a box that reaches to the end of the file would take in what comes behind it
                file.write((size - start).to_bytes(4, "big"))
            file.seek(0, os.SEEK_END)
            handler = _box(b"hdlr", bytes(8), b"mdirappl", bytes(9))
            file.write(_box(b"meta", bytes(4), handler, _box(b"ilst", _item(_TITLE, title), _item(_COMMENT, comment))))
    return out


def comment_of(path: Path) -> str:
    """The comment in a clip; empty where it has none or cannot be read."""
    from wan_nb.media import video

    with suppress(InvalidMedia, UnicodeError), video.opened(path) as (container, _):
        return container.metadata.get("comment", "")
    return ""


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def _item(kind: bytes, text: str) -> bytes:
    return _box(kind, _box(b"data", (1).to_bytes(4, "big"), bytes(4), text.encode("utf-8", "backslashreplace")))
