"""Paths that a person gives, file names made from other names, whether a disk is full or can be written."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Any

from wan_nb.errors import InvalidOption, join_words
from wan_nb.sanitize import FULL_DISK

__all__ = ["disk_is_full", "file_name", "here", "is_url", "local", "output", "readable", "writable"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
"""How a URL begins; one letter is a drive of Windows."""

_LONGEST = 120
"""Bytes of a file name: file systems take 255, encrypted ones 143, and more endings may follow."""

_BARRED = re.compile(r'[<>:"/\\|?*\s]+')
"""What Windows or a URL path does not take in a name, and white space of any kind, of which a blank is left."""

_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for itself, whatever ending they have."""


_DIGEST = re.compile(r"-[0-9a-f]{6}")
"""How a name ends that was made from another one."""


def is_url(text: object) -> bool:
    """Whether this is text with a scheme, such as ``https://``."""
    return isinstance(text, str) and bool(_SCHEME.match(text))


def here() -> Path:
    """The working directory.

    Raises
    ------
    InvalidOption
        It was deleted.
    """
    try:
        return Path.cwd()
    except OSError:
        raise InvalidOption(
            "the working directory of this process does not exist any more.",
            remedy="os.chdir to a folder that does, or restart the kernel there.",
        ) from None


def local(given: Any, *, base: Path | None = None) -> Path:
    """Absolute path of what a person calls a file or folder; it need not exist.

    A leading ``~`` is a home folder, unless it names nobody. A name that is typed in one Unicode normal form finds what
    is on disk in the other.

    Parameters
    ----------
    base : Path, optional
        What a relative path starts from; the working directory without it.

    Raises
    ------
    InvalidOption
        No path, an empty one, a URL, or one that no file system takes.

    Examples
    --------
    >>> local("a?b%20c#d", base=Path("/data")).as_posix()
    '/data/a?b%20c#d'
    """
    try:
        text = os.fsdecode(given)
    except TypeError:
        raise InvalidOption(f"a path is a text or a Path, not {type(given).__name__}.", field="path") from None
    if not text.strip() or "\0" in text:
        raise InvalidOption("a path is empty." if not text.strip() else "a path holds a NUL.", field="path")
    if is_url(text):
        raise InvalidOption(
            f"a URL ({text.partition('://')[0][:20]}://...) is no path.",
            remedy="Write where the file is on this machine: /data/walk, C:\\data\\walk.",
            field="path",
        )
    path = Path(text)
    with suppress(RuntimeError):
        path = path.expanduser()
    if not path.is_absolute():
        path = (base or here()) / path
    return _on_disk(path)


def _on_disk(path: Path) -> Path:
    """The path as the disk spells it, where it differs in Unicode normal form only."""
    if path.name.isascii() and str(path).isascii():
        return path
    with suppress(OSError, ValueError):
        if path.exists() or path.parent == path:
            return path
        parent = _on_disk(path.parent)
        wanted = unicodedata.normalize("NFC", path.name)
        twins = sorted(n for n in os.listdir(parent) if unicodedata.normalize("NFC", n) == wanted)  # noqa: PTH208
        return parent / (twins[0] if twins else path.name)
    return path


def output(given: Any, *suffixes: str) -> Path:
    """Absolute path of a file that is to be written; a name without an ending gets the first of `suffixes`.

    Raises
    ------
    InvalidOption
        It ends otherwise, or is a folder.

    Examples
    --------
    >>> output("walk", ".html").name
    'walk.html'
    """
    path = local(given)
    if path.is_dir():
        raise InvalidOption(
            f"{str(path)[-80:]!r} is a folder.", remedy=f"Name the file: walk{suffixes[0]}.", field="path"
        )
    if not path.suffix:
        path = path.with_name(path.name + suffixes[0])
    if path.suffix.lower() not in suffixes:
        raise InvalidOption(
            f"{path.name[-60:]!r} does not end in {join_words(suffixes)}.",
            remedy=f"Other kinds of file are not made; walk{suffixes[0]} is one that is.",
            field="path",
        )
    return path


def file_name(name: str, suffix: str = "") -> str:
    """A file name for a thing of any name: in one folder, on every system, another one for every other name.

    A name that is a good file name stays as it is. Of any other, what cannot stay is replaced or cut off, and a digest
    of the whole name is added, so that two names never become one.

    Parameters
    ----------
    name : str
        Of a study, a run or anything that a person calls.
    suffix : str
        Such as ``.html``.

    Examples
    --------
    >>> file_name("walk", ".html"), file_name("../up", ".html")
    ('walk.html', 'up-d7144e.html')
    """
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=3).hexdigest()
    kept = readable(name, _LONGEST - len(suffix.encode()) - len(digest) - 1)
    if kept and kept == name and not _DEVICES.fullmatch(kept) and not _DIGEST.fullmatch(kept[-7:]):
        return kept + suffix
    return f"{kept}-{digest}{suffix}" if kept and not _DEVICES.fullmatch(kept) else f"file-{digest}{suffix}"


def readable(name: str, most: int) -> str:
    """What of a name any system takes in a file name, at most so many bytes of it; other names may give the same.

    Parameters
    ----------
    name : str
    most : int

    Examples
    --------
    >>> readable("calm: a/b?", 60), readable("...", 60)
    ('calm-a-b', '')
    """
    kept = "".join(c if unicodedata.category(c)[0] != "C" else "-" for c in unicodedata.normalize("NFC", name))
    kept = _BARRED.sub(lambda found: " " if set(found[0]) == {" "} else "-", kept).strip(" .-~")
    return kept.encode()[:most].decode(errors="ignore").rstrip(" .-")


def writable(path: Path) -> bool:
    """Whether this process may write to a file or folder, or make it where it is not there yet."""
    there = next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
    return os.access(there, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def disk_is_full(folder: Path) -> bool:
    """Whether a file can no longer grow there, found out by writing one: quotas are not told by free space."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 20))
            file.flush()
    except OSError as error:
        return error.errno in FULL_DISK
    return False
