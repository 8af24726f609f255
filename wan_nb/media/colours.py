"""Colour profiles: a picture whose profile means other colours than sRGB is brought to sRGB.

Whoever generates clips from pictures reads their numbers and leaves profiles aside, so a photo in Display P3 would come
out paler than it was seen. A profile that means sRGB, whatever its name and version, changes nothing.
"""

from __future__ import annotations

import io
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from PIL import Image, ImageCms

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["foreign", "to_srgb"]

_SPACES = {
    b"RGB ": frozenset({"RGB", "RGBA", "RGBX", "RGBa", "P", "PA"}),
    b"GRAY": frozenset({"1", "L", "LA", "La"}),
    b"CMYK": frozenset({"CMYK"}),
}
"""Colour space in the header of a profile, and the modes of pictures that it can belong to."""

_NEAR = 2
"""Levels: profiles that mean sRGB differ by so little in how they round."""


def foreign(image: Image.Image) -> str:
    """Name of the colour space that a picture's profile puts it in; empty for sRGB and where no profile fits."""
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or image.mode not in _SPACES.get(profile[16:20], ()):
        return ""
    return _judged(profile)


def to_srgb(image: Image.Image) -> tuple[Image.Image, str]:
    """The picture in sRGB and the name of the space that it was in; as it is, with an empty name, where it was sRGB."""
    name = foreign(image)
    if not name:
        return image, ""
    if image.mode in {"P", "RGBX"}:
        image = image.convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")
    converted = _converter(image.info["icc_profile"], image.mode)(image)
    converted.info.pop("icc_profile", None)  # what says nothing is sRGB
    return converted, name


def _converter(profile: bytes, mode: str) -> Callable[[Image.Image], Image.Image]:
    return ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    ).apply


@lru_cache(maxsize=16)
def _judged(profile: bytes) -> str:
    """Name of a profile that does not mean sRGB; empty for one that does, and for one that is damaged."""
    mode = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}[profile[16:20]]
    try:
        seen = _converter(profile, mode)(sample := _sample(mode))
        told = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return ""
    if mode != "CMYK":
        pairs = zip(seen.tobytes(), sample.convert("RGB").tobytes(), strict=True)
        if max(abs(a - b) for a, b in pairs) <= _NEAR:
            return ""
    shown = "".join(sign for sign in told if sign.isprintable()).strip()[:40]
    return shown or "of a profile without a name"


def _sample(mode: str) -> Image.Image:
    """Colours all over the space: corners and edges of a cube of RGB, every grey, or one CMYK."""
    if mode == "L":
        return Image.frombytes("L", (256, 1), bytes(range(256)))
    if mode == "CMYK":
        return Image.new("CMYK", (1, 1))
    colours = product(range(0, 256, 51), repeat=3)
    return Image.frombytes("RGB", (216, 1), bytes(value for colour in colours for value in colour))
