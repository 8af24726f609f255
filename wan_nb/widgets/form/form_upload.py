"""Files that come from the browser in pieces, each acknowledged before the next one is sent.

One message of more than about 10 MB silently closes the notebook server's websocket (measured; 10 MiB is tornado's
limit), so a file travels in pieces of 2 MB, and its hash at the end proves that it arrived as it was sent.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.arguments import shown
from wan_nb.errors import InvalidMedia, join_words
from wan_nb.media.files import atomic

if TYPE_CHECKING:
    from pathlib import Path

    from wan_nb.api.catalog import MediaKind

__all__ = ["CHUNK", "Uploads"]

CHUNK = 2_000_000
"""Bytes of one piece."""

_KINDS = {name: limits for name in catalog.MATERIALS if (limits := catalog.BY_NAME[name].limits)}


@dataclass
class _Arriving:
    name: str
    kind: MediaKind
    size: int
    suffix: str
    pieces: list[bytes] = field(default_factory=list)

    @property
    def received(self) -> int:
        return sum(map(len, self.pieces))


class Uploads:
    """One file per field of the request at a time; a new one takes the place of one that never arrived.

    Parameters
    ----------
    folder : Path
        Where whole files go, named by their content.

    Examples
    --------
    >>> uploads = Uploads(folder)                                    # doctest: +SKIP
    >>> uploads.begin("first_frame", "cat.jpg", 3)                 # doctest: +SKIP
    >>> uploads.piece("first_frame", 0, b"abc")                    # doctest: +SKIP
    3
    >>> path, name = uploads.end("first_frame", "")                 # doctest: +SKIP
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._arriving: dict[str, _Arriving] = {}

    def begin(self, name: str, file: str, size: int) -> None:
        """Announce a file.

        Raises
        ------
        InvalidMedia
            Too large, of the wrong type, or for no field.
        """
        kind = _KINDS.get(name.partition("#")[0])
        if kind is None:
            raise InvalidMedia(f"{shown(name)} takes no file.", field=name)
        found = re.search(r"\.[A-Za-z0-9]{1,5}$", file)
        suffix = found[0].lower() if found else ""
        if suffix not in kind.suffixes:
            raise InvalidMedia(f"{file[:80]} is no {join_words(kind.formats)} file.", field=name)
        if not 0 < size <= kind.max_bytes:
            limit = kind.max_bytes // catalog.MB
            raise InvalidMedia(f"{file[:80]} has {size / catalog.MB:.1f} MB; the limit is {limit} MB.", field=name)
        self._arriving[name] = _Arriving(file, kind, size, suffix)

    def piece(self, name: str, index: int, data: bytes) -> int:
        """Take the next piece; returns how many bytes are here.

        Raises
        ------
        InvalidMedia
            Not the next piece, or more than was announced. The file is given up.
        """
        arriving = self._arriving.get(name)
        if arriving is None or index != len(arriving.pieces) or arriving.received + len(data) > arriving.size:
            self._arriving.pop(name, None)
            raise InvalidMedia("the file did not arrive in order.", field=name, remedy="Choose it again.")
        arriving.pieces.append(data)
        return arriving.received

    def end(self, name: str, sha256: str) -> tuple[Path, str]:
        """Write the whole file down; returns where, and what it was called.

        Parameters
        ----------
        name : str
        sha256 : str
            Hex digest that the browser computed; empty where it has none (pages without https).

        Raises
        ------
        InvalidMedia
            It is not what was sent.
        """
        arriving = self._arriving.pop(name, None)
        data = b"".join(arriving.pieces) if arriving else b""
        digest = hashlib.sha256(data).hexdigest()
        if arriving is None or len(data) != arriving.size or sha256 not in {"", digest}:
            raise InvalidMedia("the file did not arrive whole.", field=name, remedy="Choose it again.")
        path = self.folder / f"{digest}{arriving.suffix}"
        if not path.exists():
            with atomic(path) as temporary:
                temporary.write_bytes(data)
        return path, arriving.name


def size_of(value: Any) -> int:
    """A count of bytes out of a message; -1 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
