"""What the catalog holds of one field of a request, and the limits of the materials that fields take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["MB", "MEDIA", "Field", "MediaKind"]

MB = 1_000_000
"""The pages say MB without saying which; the smaller reading is the safe one."""


@dataclass(frozen=True, slots=True)
class MediaKind:
    """Limits of one kind of material.

    Attributes
    ----------
    formats : tuple of str
        Names as a person writes them, in upper case.
    suffixes : tuple of str
        File endings, lower case, with the dot.
    min_side, max_side : int or None
        Pixels, both sides.
    max_ratio : float or None
        Longer side over shorter side.
    """

    name: Literal["image", "audio", "clip"]
    formats: tuple[str, ...]
    mimes: tuple[str, ...]
    suffixes: tuple[str, ...]
    max_bytes: int
    min_side: int | None = None
    max_side: int | None = None
    max_ratio: float | None = None
    min_seconds: float | None = None
    max_seconds: float | None = None


MEDIA: dict[str, MediaKind] = {
    "image": MediaKind(
        "image",
        ("JPEG", "PNG", "BMP", "WEBP"),
        ("image/jpeg", "image/png", "image/bmp", "image/webp"),
        (".jpg", ".jpeg", ".png", ".bmp", ".webp"),
        20 * MB,
        min_side=240,
        max_side=8000,
        max_ratio=8.0,
    ),
    "audio": MediaKind(
        "audio",
        ("WAV", "MP3"),
        ("audio/wav", "audio/mpeg"),
        (".wav", ".mp3"),
        15 * MB,
        min_seconds=2.0,
        max_seconds=30.0,
    ),
    "clip": MediaKind(
        "clip",
        ("MP4", "MOV"),
        ("video/mp4", "video/quicktime"),
        (".mp4", ".mov"),
        100 * MB,
        min_side=240,
        max_side=4096,
        max_ratio=8.0,
        min_seconds=2.0,
        max_seconds=10.0,
    ),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request, with everything that a flag, a control, a check and a table need to know.

    Attributes
    ----------
    name : str
        The API's own name.
    where : {'model', 'input', 'media', 'parameters'}
        Its place in the body. ``media`` fields become ``{"type": name, "url": ...}``.
    type : type
        `str`, `int` or `bool`; for media, `str`.
    help : str
        One line.
    default, api_default
        Ours and the service's. They differ for resolution and prompt_extend, on purpose.
    short : str
        One-letter option of the magic, without the dash; empty when there is none.
    open_choices : bool
        Other values are allowed with a warning (models come and go).
    minimum, maximum : int or None
        Both ends included.
    max_characters : int or None
        In Unicode characters, as the service counts. It cuts longer text without a word.
    kind : str
        Key of `MEDIA` for media fields.
    """

    name: str
    where: Literal["model", "input", "media", "parameters"]
    type: type
    help: str
    default: str | int | bool | None = None
    api_default: str | int | bool | None = None
    short: str = ""
    choices: tuple[str, ...] = ()
    open_choices: bool = False
    minimum: int | None = None
    maximum: int | None = None
    max_characters: int | None = None
    unit: str = ""
    kind: str = ""

    @property
    def flag(self) -> str:
        """Long option of the magics: ``--first-frame``."""
        return "--" + self.name.replace("_", "-")
