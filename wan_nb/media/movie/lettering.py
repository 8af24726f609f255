"""Words in a picture, in the fonts that this machine has."""

from __future__ import annotations

import os
import sys
import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.ImageDraw import ImageDraw

__all__ = ["can_write", "write"]

_PREFERRED = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "segoeui.ttf", "arial.ttf", "Arial Unicode.ttf", "Helvetica.ttc",
    "NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "PingFang.ttc", "Hiragino Sans GB.ttc", "msyh.ttc",
    "malgun.ttf", "wqy-microhei.ttc", "Nirmala.ttf",
)  # fmt: skip
"""Plain faces, those of many scripts first; any other font of the machine comes after them."""

_NOWHERE = "\U0010ffff"
"""A character that no font has."""

_SMALLEST = 11


def can_write(text: str) -> bool:
    """Whether the fonts of this machine have every letter of a text; symbols that they lack are left out."""
    return all(_font_of(letter) is not None for letter in text if unicodedata.category(letter)[0] in "LN")


def write(pen: ImageDraw, text: str, place: tuple[int, int], width: int, size: int) -> None:
    """Write a line of light letters whose middle stands at a place, smaller or cut in its middle until it fits.

    Parameters
    ----------
    pen : PIL.ImageDraw.ImageDraw
    text : str
    place : tuple of int
        Of the middle of the line, pixels.
    width : int
        At most, pixels.
    size : int
        Of the letters, pixels.
    """
    text = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    while size > _SMALLEST and _length(text, size) > width:
        size -= 1
    kept = len(text)
    shown = text
    while kept > 2 and _length(shown, size) > width:
        kept -= 1
        shown = f"{text[: (kept + 1) // 2].rstrip()}…{text[len(text) - kept // 2 :].lstrip()}"
    left = place[0] - _length(shown, size) / 2
    for name, part in _parts(shown):
        font = _font(name, size)
        pen.text((left, place[1]), part, font=font, fill=(235, 235, 235), anchor="lm")
        left += font.getlength(part)


def _length(text: str, size: int) -> float:
    return float(sum(_font(name, size).getlength(part) for name, part in _parts(text)))


def _parts(text: str) -> list[tuple[str, str]]:
    """Font and text of each stretch; one font for the whole where one has all of it, which keeps its order."""
    whole = next(
        (name for name in dict.fromkeys(map(_font_of, text)) if name and all(_has(name, c) for c in text)), None
    )
    if whole:
        return [(whole, text)]
    parts: list[tuple[str, str]] = []
    for letter in text:
        name = parts[-1][0] if parts and _has(parts[-1][0], letter) else _font_of(letter)
        if name is None:
            continue
        if parts and parts[-1][0] == name:
            parts[-1] = (name, parts[-1][1] + letter)
        else:
            parts.append((name, letter))
    return parts


@cache
def _font_of(letter: str) -> str | None:
    """The first font that has a letter; empty for the one that Pillow brings along, None for none."""
    return next((name for name in _fonts() if _has(name, letter)), None)


@cache
def _fonts() -> tuple[str, ...]:
    preferred = [name for name in _PREFERRED if _opened(name, 20) is not None]
    return (*preferred, "", *_installed())


def _installed() -> Iterator[str]:
    """Every font file of this machine, in the order of names."""
    home = Path.home()
    folders = {
        "win32": [Path(os.sep, "Windows", "Fonts")],
        "darwin": [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"],
    }.get(sys.platform, [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local" / "share" / "fonts"])
    for folder in folders:
        yield from sorted(str(path) for path in folder.rglob("*.[to]t[fc]"))


@cache
def _has(name: str, letter: str) -> bool:
    font = _opened(name, 20)
    if font is None:
        return False
    if not letter.strip():
        return True
    try:
        mask, missing = font.getmask(letter), font.getmask(_NOWHERE)
    except (OSError, ValueError):
        return False
    return (mask.size, bytes(mask)) != (missing.size, bytes(missing))


def _font(name: str, size: int) -> Any:
    return _opened(name, size) or ImageFont.load_default(size)


@cache
def _opened(name: str, size: int) -> Any:
    try:
        return ImageFont.truetype(name, size) if name else ImageFont.load_default(size)
    except (OSError, ValueError):  # a font of pictures has one size only
        return None
