"""How closely a frame keeps the picture that was given for it: likeness and colour."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps, ImageStat

from wan_nb.studies.rounding import steady

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["as_picture", "fidelity", "fitted", "ssim"]

_SMALL = 320
"""Longer side for SSIM. At full size a shift of four pixels that nobody sees halves it."""

_KERNEL = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
_KERNEL /= _KERNEL.sum()

_SAME_RATIO = 0.005


def as_picture(source: Any) -> Image.Image:
    """RGB picture of a path, a PIL image or an array."""
    if isinstance(source, np.ndarray):
        source = Image.fromarray(source)
    if isinstance(source, Image.Image):
        return source.convert("RGB")
    with Image.open(Path(source)) as opened:
        return ImageOps.exif_transpose(opened).convert("RGB")


def fitted(picture: Image.Image, size: tuple[int, int]) -> list[Image.Image]:
    """The picture at a clip's size in the ways a service may have put it there: stretched, its middle cut out."""
    stretched = picture.resize(size, Image.Resampling.LANCZOS)
    ratio = (picture.width / picture.height) / (size[0] / size[1])
    if abs(ratio - 1) < _SAME_RATIO:
        return [stretched]
    return [stretched, ImageOps.fit(picture, size, Image.Resampling.LANCZOS)]


def fidelity(frame: Image.Image, given: Image.Image) -> tuple[float, float, Image.Image]:
    """Likeness at 320 px and largest difference of colour of a frame and what was given for it, as it was fitted."""
    small = _luma(_shrunk(frame))
    score, picture = max(
        ((ssim(small, _luma(_shrunk(p))), p) for p in fitted(given, frame.size)), key=lambda found: steady(found[0])
    )
    means = zip(ImageStat.Stat(frame).mean, ImageStat.Stat(picture).mean, strict=True)
    return score, max(abs(seen - wanted) for seen, wanted in means), picture


def ssim(one: Floats, other: Floats) -> float:
    """Structural similarity of two grey pictures (levels 0 to 255): Gaussian window of 1.5 px, inside of the edges."""
    mean_a, mean_b = _blur(one), _blur(other)
    var_a, var_b = _blur(one * one) - mean_a**2, _blur(other * other) - mean_b**2
    both = _blur(one * other) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float((top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean())


def _blur(picture: Floats) -> Floats:
    rows = np.lib.stride_tricks.sliding_window_view(picture, 11, axis=0) @ _KERNEL
    blurred: Floats = np.lib.stride_tricks.sliding_window_view(rows, 11, axis=1) @ _KERNEL
    return blurred


def _shrunk(picture: Image.Image) -> Image.Image:
    scale = min(1.0, _SMALL / max(picture.size))
    return picture.resize(
        (max(11, round(picture.width * scale)), max(11, round(picture.height * scale))), Image.Resampling.BOX
    )


def _luma(picture: Image.Image) -> Floats:
    """Brightness of a picture, levels 0 to 255."""
    return np.asarray(picture.convert("L"), dtype=np.float64)
