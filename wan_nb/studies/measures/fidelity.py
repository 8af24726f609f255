"""How closely a frame keeps the picture that was given for it: likeness, shift, colour, crop."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

from wan_nb.studies.rounding import steady

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["as_picture", "fidelity", "fitted", "luma", "phase_shift", "ssim"]

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


def fitted(picture: Image.Image, size: tuple[int, int]) -> list[tuple[float, Image.Image]]:
    """The picture at a clip's size in the ways a service may have put it there: 0 stretched, 1 middle cut out."""
    stretched = picture.resize(size, Image.Resampling.LANCZOS)
    ratio = (picture.width / picture.height) / (size[0] / size[1])
    if abs(ratio - 1) < _SAME_RATIO:
        return [(0.0, stretched)]
    return [(0.0, stretched), (1.0, ImageOps.fit(picture, size, Image.Resampling.LANCZOS))]


def fidelity(frame: Image.Image, given: Image.Image) -> dict[str, float | None]:
    """``ssim320, psnr, drgb, shift_px, shift_peak, fit`` of a frame against the picture given for it."""
    small = luma(_shrunk(frame))
    score, fit, picture = max(
        ((ssim(small, luma(_shrunk(p))), fit, p) for fit, p in fitted(given, frame.size)),
        key=lambda found: steady(found[0]),
    )
    seen, wanted = np.asarray(frame, dtype=np.float64), np.asarray(picture, dtype=np.float64)
    error = float(((seen - wanted) ** 2).mean())
    shift, peak = phase_shift(luma(frame), luma(picture))
    return {
        "ssim320": score,
        "psnr": min(100.0, 10 * math.log10(255**2 / error)) if error else 100.0,
        "drgb": float(np.abs((seen - wanted).mean(axis=(0, 1))).max()),
        "shift_px": shift,
        "shift_peak": peak,
        "fit": fit,
    }


def ssim(one: Floats, other: Floats) -> float:
    """Structural similarity of two grey pictures (levels 0 to 255): Gaussian window of 1.5 px, inside of the edges."""
    mean_a, mean_b = _blur(one), _blur(other)
    var_a, var_b = _blur(one * one) - mean_a**2, _blur(other * other) - mean_b**2
    both = _blur(one * other) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float((top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean())


def phase_shift(one: Floats, other: Floats) -> tuple[float | None, float | None]:
    """Distance in pixels by which one picture is moved against the other, and how sharp the answer is (0 to 1).

    Both None for a picture without any texture: nothing can be seen to move.
    """
    if min(one.std(), other.std()) < 1:
        return None, None
    window = np.hanning(one.shape[0])[:, None] * np.hanning(one.shape[1])
    a, b = (np.fft.rfft2((p - p.mean()) * window) for p in (one, other))
    cross = a * b.conj()
    surface = steady(np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), s=one.shape))
    y, x = (int(i) for i in np.unravel_index(surface.argmax(), surface.shape))
    moved = [_beyond(surface[:, x], y), _beyond(surface[y], x)]
    return math.hypot(*moved), float(surface[y, x])


def _beyond(line: Floats, at: int) -> float:
    """Signed place of a peak on a ring, between pixels by a parabola."""
    size = len(line)
    before, here, after = line[at - 1], line[at], line[(at + 1) % size]
    bend = before - 2 * here + after
    offset = (before - after) / (2 * bend) if bend else 0.0
    return float((at - size if at > size // 2 else at) + offset)


def _blur(picture: Floats) -> Floats:
    rows = np.lib.stride_tricks.sliding_window_view(picture, 11, axis=0) @ _KERNEL
    blurred: Floats = np.lib.stride_tricks.sliding_window_view(rows, 11, axis=1) @ _KERNEL
    return blurred


def _shrunk(picture: Image.Image) -> Image.Image:
    scale = min(1.0, _SMALL / max(picture.size))
    return picture.resize(
        (max(11, round(picture.width * scale)), max(11, round(picture.height * scale))), Image.Resampling.BOX
    )


def luma(picture: Image.Image) -> Floats:
    """Brightness of a picture, levels 0 to 255."""
    return np.asarray(picture.convert("L"), dtype=np.float64)
