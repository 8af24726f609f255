"""What the catalog holds of one field of a request, and the limits of the materials that fields take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["MB", "MEDIA", "OTHER_WORDS", "SLACK", "Field", "MediaKind", "Special"]

MB = 1_000_000
"""The pages say MB without saying which; the smaller reading is the safe one."""


OTHER_WORDS = {
    "image": "first_frame",
    "image_url": "first_frame",
    "img": "first_frame",
    "img_url": "first_frame",
    "picture": "first_frame",
    "first_frame_url": "first_frame",
    "last_frame_url": "last_frame",
    "audio_url": "driving_audio",
    "sound": "driving_audio",
    "video_url": "video",
    "size": "resolution",
    "length": "duration",
    "seconds": "duration",
    "aspect_ratio": "ratio",
}
"""What older models of the service, other services and people call fields: proposed, never taken."""

SLACK = 0.05
"""Seconds: encoders of sound pad to whole frames of up to 26 ms, players round to whole pictures of about 40 ms."""


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
    min_seconds, max_seconds : float or None
        Of each one.
    min_fps : float or None
        Pictures per second.
    total_seconds : float or None
        Of all that are given for the field together.
    links : tuple of {'http', 'oss', 'data'}
        How it may be handed over; what is no URL is uploaded (``oss``), or else embedded (``data``).
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
    min_fps: float | None = None
    total_seconds: float | None = None
    links: tuple[str, ...] = ("http", "oss")


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
        links=("http", "oss", "data"),
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
"""Limits by kind, as most models have them; a field's own are in `Field.limits`."""


@dataclass(frozen=True, slots=True)
class Special:
    """A number outside of a field's range that means something of its own.

    Attributes
    ----------
    value : int
    help : str
        What it means, to be read behind the number.
    of : str
        For a duration: the field of the clip whose length is kept; empty when the service chooses.
    most : int or None
        For a duration: the longest clip that can come of it, in seconds.
    """

    value: int
    help: str
    of: str = ""
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request, with everything that a flag, a control, a check and a table need to know.

    Attributes
    ----------
    name : str
        Its name here: the flag, the argument, the column.
    where : {'model', 'input', 'media', 'item', 'parameters'}
        Its place in the body. Each value of a ``media`` field becomes ``{"type": key, "url": ...}``; an ``item`` field
        becomes an attribute of such an item.
    type : type
        `str`, `int` or `bool`; for materials, `str`.
    help : str
        One line.
    default, api_default
        Ours and the service's. They differ where the service's costs more, rewrites the prompt or marks the clip.
    short : str
        One-letter option of the magic, without the dash; empty when there is none.
    open_choices : bool
        Other values are allowed with a warning (models come and go).
    minimum, maximum : int or None
        Both ends included.
    specials : tuple of Special
        Numbers outside of that range that are allowed too.
    maximum_with : tuple of (str, int)
        A smaller maximum where the named material is given.
    max_characters : int or None
        In Unicode characters, as the service counts. It cuts longer text without a word.
    chinese : int
        Characters that a Chinese one counts as.
    limits : MediaKind or None
        What is asked of a material; None for what is none.
    most : int
        How many may be given; more than one makes it an ordered list.
    items : tuple of str
        For an ``item`` field: the media fields whose items may carry it. It is given by the number of the item,
        counted over these fields in this order, from 1.
    inside : bool
        A clip that becomes the beginning of the new one: it must be shorter than ``duration``.
    frame : {'', 'first', 'last'}
        Which frame of the clip a picture becomes.
    ignored_with : tuple of str
        Materials beside which the service takes no notice of it.
    key : str
        The API's own name; `name` when empty.
    column : str
        Column of the log that names what was given; `name` when empty. Fields may share one.
    """

    name: str
    where: Literal["model", "input", "media", "item", "parameters"]
    type: type
    help: str
    default: str | int | bool | None = None
    api_default: str | int | bool | None = None
    short: str = ""
    choices: tuple[str, ...] = ()
    open_choices: bool = False
    minimum: int | None = None
    maximum: int | None = None
    specials: tuple[Special, ...] = ()
    maximum_with: tuple[tuple[str, int], ...] = ()
    max_characters: int | None = None
    chinese: int = 1
    unit: str = ""
    limits: MediaKind | None = None
    most: int = 1
    items: tuple[str, ...] = ()
    inside: bool = False
    frame: Literal["", "first", "last"] = ""
    ignored_with: tuple[str, ...] = ()
    key: str = ""
    column: str = ""

    @property
    def flag(self) -> str:
        """Long option of the magics: ``--first-frame``."""
        return "--" + self.name.replace("_", "-")

    @property
    def kind(self) -> str:
        """Kind of a material: ``image``, ``audio`` or ``clip``; empty for what is none."""
        return self.limits.name if self.limits else ""

    @property
    def drives(self) -> bool:
        """Whether it is the sound of the clip: one, and no voice of something else."""
        return self.kind == "audio" and self.most == 1 and self.where != "item"

    @property
    def words(self) -> str:
        """What it is, in a few words: the beginning of its help.

        >>> Field("video", "media", str, "Clip to edit; its sound too.").words
        'Clip to edit'
        """
        return re.split(r"[;:.]", self.help, maxsplit=1)[0]

    @property
    def wire(self) -> str:
        """Its name in the body."""
        return self.key or self.name

    @property
    def listed(self) -> bool:
        """Whether several values may be given, in order."""
        return self.most > 1 and self.where != "item"

    def special(self, value: object) -> Special | None:
        """What a number outside of the range means, or None."""
        return next((one for one in self.specials if one.value == value and value is not False), None)

    def length(self, text: str) -> int:
        """Characters of a text as the service counts them.

        >>> Field("prompt", "input", str, "", chinese=2).length("a \u732b")
        4
        """
        return len(text) + (self.chinese - 1) * sum(map(_is_chinese, text) if self.chinese > 1 else ())


def _is_chinese(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" or character >= "\U00020000"
