"""A material as it was given (path, bytes, data URI, picture in memory), and its format by content."""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote_to_bytes

from wan_nb.api.catalog import MB
from wan_nb.arguments import shown
from wan_nb.errors import InvalidMedia, InvalidOption, did_you_mean, join_words, nearest
from wan_nb.paths import local

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from wan_nb.api.catalog import MediaKind

__all__ = [
    "KINDS",
    "Source",
    "sniff",
    "source_of",
]

_LONGEST_PATH = 4096  # characters, of the systems that we run on

_MAGIC = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (8, b"WEBP", "WEBP"),
    (0, b"GIF8", "GIF"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (8, b"WAVE", "WAV"),
    (8, b"AVI ", "AVI"),
    (0, b"ID3", "MP3"),
    (0, b"OggS", "OGG"),
    (0, b"fLaC", "FLAC"),
    (0, b"\x1aE\xdf\xa3", "WebM or Matroska"),
    (0, b"FLV\x01", "FLV"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"%PDF", "PDF"),
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"\x1f\x8b", "GZIP"),
)

# ISO media files tell what they are by their brand; anything not here is an MP4.
_BRANDS = {
    b"qt  ": "MOV",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"), "HEIC"),
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"M4A ": "M4A",
    b"M4B ": "M4A",
    b"crx ": "CR3",
}

# QuickTime files from before brands start with one of these.
_OLD_QUICKTIME = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}


def sniff(head: bytes) -> str:
    r"""Name of a format by the first bytes of a file; ``unknown data`` when nothing fits.

    >>> sniff(b"OggS" + bytes(60)), sniff(b"\0\0\0\x18ftypheis" + bytes(60)), sniff(b"hello")
    ('OGG', 'HEIC', 'text')
    """
    for place, magic, name in _MAGIC:
        if head[place : place + len(magic)] == magic:
            return name
    if head[4:8] == b"ftyp":
        return "3GP" if head[8:10] == b"3g" else _BRANDS.get(head[8:12], "MP4")
    if head[4:8] in _OLD_QUICKTIME:
        return "MOV"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "BMP"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        # A bare MPEG audio frame: the two layer bits are 01 for layer III and 00 for AAC.
        return {0x02: "MP3", 0x00: "AAC"}.get(head[1] & 0x06, "MPEG audio")
    return _text_or_unknown(head)


def _text_or_unknown(head: bytes) -> str:
    # The cut may fall inside a character, so the last three bytes do not count.
    text = head.decode("utf-8", "replace")[: max(1, len(head) - 3)].lstrip("\ufeff \t\r\n").lower()
    if not text or "\ufffd" in text[:-3] or "\0" in text:
        return "unknown data"
    if text.startswith(("<!doctype html", "<html")):
        return "an HTML page"
    return "SVG" if text.startswith(("<svg", "<?xml")) and "<svg" in text else "text"


@dataclass(frozen=True, slots=True)
class Source:
    """One material as it was given, before any check: a file, bytes, or a picture in memory.

    Attributes
    ----------
    field : str
        Field of the request, for errors.
    name : str
        What a person calls it.
    path : Path or None
        Absolute.
    """

    field: str
    name: str
    path: Path | None = None
    data: bytes = b""
    picture: Image.Image | None = None

    def refuse(self, what: str, remedy: str = "") -> InvalidMedia:
        """The error that says what is wrong with this material."""
        return InvalidMedia(
            f"{self.field}: {shown(self.name, typed=True, most=100)} {what}", field=self.field, remedy=remedy
        )

    def check_bytes(self, kind: MediaKind, smaller: Callable[[], str]) -> None:
        """Refuse a file that is too large; `smaller` says how to shrink it."""
        if self.size > kind.max_bytes:
            raise self.refuse(f"has {self.size / MB:.1f} MB; the limit is {kind.max_bytes // MB} MB.", smaller())

    def check_shape(
        self, kind: MediaKind, width: int, height: int, *, resize: Callable[[], str], crop: Callable[[], str]
    ) -> None:
        """Refuse a picture or clip whose sides or ratio are out of range; `resize` and `crop` say how to fit it."""
        low, high, ratio = kind.min_side or 1, kind.max_side or 1, kind.max_ratio or 1
        short, long = sorted((width, height))
        if short < low or long > high:
            raise self.refuse(f"is {width}x{height} pixels; each side must have {low} to {high}.", resize())
        if long > ratio * short:
            raise self.refuse(
                f"is {width}x{height} pixels, {long / short:.4g} to 1; the limit is {ratio:g} to 1.", crop()
            )

    @property
    def spelling(self) -> str:
        """The path as a program opens it from this folder: the name as it was given, unless that needs reading."""
        # A ~ means nothing to a program, and a name that had to be made printable is no file's.
        return self.name if Path(self.name).absolute() == self.path else str(self.path)

    def open(self) -> BinaryIO:
        """The bytes as a file, from the start."""
        return self.path.open("rb") if self.path else io.BytesIO(self.data)

    @property
    def size(self) -> int:
        """Bytes; 0 for a picture in memory."""
        return self.path.stat().st_size if self.path else len(self.data)

    def format(self) -> str:
        """Format by content."""
        with self.open() as file:
            return sniff(file.read(512))


KINDS = {"image": "a picture", "audio": "a sound", "clip": "a clip"}


def source_of(given: Any, field: str, suffixes: tuple[str, ...], kind: str = "image") -> Source:
    """Turn what the user gave into a `Source`; that it is there and not empty is checked here.

    Parameters
    ----------
    suffixes : tuple of str
        Endings of suitable files, to name some when a path is wrong.
    kind : {'image', 'audio', 'clip'}
        What the field takes.

    Raises
    ------
    InvalidMedia
    """
    pictures = kind == "image"
    remedy = f"Give a path, an http(s) URL{', bytes, a PIL image or a numpy array' if pictures else ' or bytes'}."
    if _is_a(given, "PIL.Image.Image"):
        if not pictures:
            raise Source(field, "image").refuse(f"is a picture, but this is {KINDS[kind]}.", remedy)
        return Source(field, "image", picture=given)
    if _is_a(given, "numpy.ndarray"):
        if not pictures:
            told = "is a picture" if given.ndim > 1 else "holds numbers and no file"
            raise Source(field, "array").refuse(f"{told}, but this is {KINDS[kind]}.", remedy)
        return Source(field, "array", picture=_from_array(given, field))
    if isinstance(given, (bytes, bytearray, memoryview)):
        source = Source(field, "data", data=bytes(given))
    elif isinstance(given, str) and given[:5].lower() == "data:":
        source = Source(field, "data URI", data=_from_data_uri(given, field))
    elif isinstance(given, (str, os.PathLike)) and os.fspath(given).strip():
        source = _from_path(given, field, suffixes)
    else:
        what = "an empty text" if isinstance(given, str) else f"an object of type {type(given).__name__}"
        raise InvalidMedia(
            f"{field}: {what} is no material.",
            field=field,
            remedy=remedy,
        )
    if not source.size:
        raise source.refuse("is empty (0 bytes).", "Was it copied or downloaded completely?")
    return source


def _is_a(given: Any, name: str) -> bool:
    """Whether an object is of a class of that full name, which need not be loaded to be asked for.

    The module itself is not asked: another thread may be importing it just now, and half of it is there.
    """
    return any(f"{kind.__module__}.{kind.__qualname__}" == name for kind in type(given).__mro__)


def _from_path(given: str | os.PathLike[str], field: str, suffixes: tuple[str, ...]) -> Source:
    text = os.fsdecode(given)
    if len(text) > _LONGEST_PATH:
        raise InvalidMedia(
            f"{field}: a text of {len(text):,} characters is no path: name too long.",
            field=field,
            remedy="Base64 is given as data:image/png;base64,... or as bytes: base64.b64decode(text).",
        )
    # A name that is no UTF-8, or holds a line break, can be opened but not shown or stored as it is.
    name = text if text.isprintable() else ascii(text)
    source = Source(field, name)
    try:
        path = local(text)
        if not path.exists():
            raise source.refuse(f"does not exist{_where(path, text)}.", _meant(path, suffixes))
        if path.is_dir():
            raise source.refuse("is a folder, not a file.", _files(path, suffixes))
        if not path.is_file():
            raise source.refuse("is not a regular file.")
        with path.open("rb"):
            return Source(field, name, path=path)
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidMedia):
            raise
        if isinstance(error, InvalidOption):
            raise source.refuse(f"cannot be read: {error.message}", error.remedy) from None
        raise source.refuse(f"cannot be read: {getattr(error, 'strerror', None) or error}.") from error


def _where(path: Path, given: str) -> str:
    """Which part of a missing path is at fault, and where a relative one was looked for."""
    there = next(parent for parent in path.parents if parent.exists())
    if there != path.parent:
        return f": there is no folder {shown(str(path.parent), typed=True)}, only {there}"
    return "" if given == str(path) else f" in {path.parent}"


def _meant(path: Path, suffixes: tuple[str, ...]) -> str:
    """The file that was meant by one that is not there: of that name in any capitals near by, or of a like name."""
    there = next(parent for parent in path.parents if parent.exists())
    name = re.split(r"[\\/]", path.name)[-1].casefold()
    found: dict[str, list[Path]] = {}
    with suppress(OSError):
        for folder in dict.fromkeys([there, Path.cwd()]):
            for place in (folder, *sorted(one for one in islice(folder.iterdir(), 500) if one.is_dir())[:50]):
                with suppress(OSError):
                    for one in islice(place.iterdir(), 5000):
                        if one.suffix.lower() in suffixes or one.name.casefold() == name:
                            found.setdefault(one.name.casefold(), []).append(one)
    if name in found:
        return did_you_mean([_from_here(found[name][0])])
    # Their endings make no two names alike.
    near_by = {one.stem: one for files in found.values() for one in files}
    beside = {stem: one for stem, one in near_by.items() if one.parent == path.parent}
    if near := nearest(path.stem, beside, 3):
        return did_you_mean([_from_here(beside[one]) for one in near])
    if near := nearest(path.stem, near_by):
        return did_you_mean([_from_here(near_by[near[0]])])
    return _files(path.parent, suffixes)


def _from_here(path: Path) -> str:
    here = Path.cwd()
    return repr((path.relative_to(here) if path.is_relative_to(here) else path).as_posix())


def _files(folder: Path, suffixes: tuple[str, ...]) -> str:
    """Files of a folder that could be given."""
    with suppress(OSError):
        names = sorted(one.name for one in islice(folder.iterdir(), 5000) if one.suffix.lower() in suffixes)
        if names:
            return f"Files there: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"
    return f"No {join_words(suffixes)} file is there."


def _from_data_uri(text: str, field: str) -> bytes:
    head, comma, body = text.partition(",")
    try:
        if not comma:
            raise ValueError("it has no comma")
        return base64.b64decode(body, validate=True) if head.lower().endswith(";base64") else unquote_to_bytes(body)
    except (ValueError, binascii.Error) as error:
        raise InvalidMedia(
            f"{field}: the data URI {shown(text)} cannot be decoded: {error}.",
            field=field,
            remedy="It looks like data:image/png;base64,... Giving the bytes themselves works too.",
        ) from error


def _from_array(array: Any, field: str) -> Image.Image:
    from PIL import Image

    # 0..1 or 0..255 cannot be told in a dark picture, and a wrong guess would be paid for: so there is no guessing.
    fixes = {"f": "(array * 255).round().astype('uint8') if it runs from 0 to 1.", "b": "array.astype('uint8') * 255."}
    shape = tuple(array.shape)
    if array.ndim == 3 and shape[2] == 1:
        array = array[:, :, 0]
    if not (array.ndim == 2 or (array.ndim == 3 and shape[2] in (3, 4))) or 0 in shape:
        remedy = "Channels come last: array.transpose(1, 2, 0)." if len(shape) == 3 and shape[0] in (1, 3, 4) else ""
        raise InvalidMedia(
            f"{field}: an array of shape {shape} is no picture: (height, width), or (height, width, 3 or 4).",
            field=field,
            remedy=remedy or "For a batch, give one of its pictures: array[0].",
        )
    if array.dtype != "uint8":
        raise InvalidMedia(
            f"{field}: an array of {array.dtype} is no picture: values must be uint8, 0 to 255.",
            field=field,
            remedy="Give " + fixes.get(array.dtype.kind, "(array // 257).astype('uint8') if it is 16 bit."),
        )
    return Image.fromarray(array)
