"""Crops of a picture along a camera move, with fractional edges, at the size of the clip.

FFmpeg's scaler is five times as fast as any other at hand, but takes whole pixels only. So each axis is scaled by the
nearest ratio of two whole numbers to a slightly larger picture, and the fraction of a pixel that is left over is made
by blending two neighbouring crops of that. Every plane has a margin for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from wan_nb.simulator.drawing.camera import CameraMove

__all__ = ["Bytes", "MovingCrop", "Planes"]

Bytes = npt.NDArray[np.uint8]
Planes = tuple[Image.Image, Image.Image, Image.Image]

_MARGIN = 32
"""Pixels kept around every plane, for what is scaled too much and then cut away."""
_SPARE = np.arange(12, 28)
"""Pixels by which the scaled picture may be larger than the clip ..."""
_STEPS = np.arange(-3, 4)[:, None]
"""... and by which it may begin elsewhere. The more to choose from, the nearer it comes to what is wanted."""
_INVISIBLE = 0.06
"""Fraction of a pixel that is not worth a blend."""


class MovingCrop:
    """Crops of one picture along a camera move.

    Parameters
    ----------
    planes : Planes
        Of a 4:2:0 picture of any size.
    """

    def __init__(self, planes: Planes, move: CameraMove) -> None:
        self._move = move
        self._sides = [plane.size for plane in planes]
        self._planes = [_with_surroundings(plane, move.margin) for plane in planes]
        self._scaler = VideoReformatter()

    def planes(self, progress: float, seconds: float, size: tuple[int, int]) -> Planes:
        """Planes that the camera shows; see `CameraMove.view`."""
        view = self._move.view(progress, seconds)
        luma, blue, red = (
            self._crop_plane(
                plane,
                _Axis.nearest(plane.shape[1], width, view.x, view.width, size[0] // half),
                _Axis.nearest(plane.shape[0], height, view.y, view.height, size[1] // half),
                (size[0] // half, size[1] // half),
            )
            for plane, (width, height), half in zip(self._planes, self._sides, (1, 2, 2), strict=True)
        )
        return luma, blue, red

    def _crop_plane(self, plane: Bytes, across: _Axis, down: _Axis, size: tuple[int, int]) -> Image.Image:
        part = plane[down.first : down.first + down.count, across.first : across.first + across.count]
        frame = av.VideoFrame.from_numpy_buffer(part, format="gray")
        # Each crop has another size: threads would be started for it anew, which costs a quarter of all drawing.
        frame = self._scaler.reformat(
            frame, across.scaled, down.scaled, "gray", interpolation=Interpolation.BILINEAR, threads=1
        )
        buffer, line = np.frombuffer(memoryview(frame.planes[0]), np.uint8), frame.planes[0].line_size
        picture = Image.frombuffer("L", (across.scaled, down.scaled), buffer, "raw", "L", line, 1)
        (width, height), left, top = size, across.offset, down.offset
        # One row more, for the second of the two moves.
        rows = _shifted_crop(picture, (left, top, left + width, top + height + 1), (1, 0), across.fraction)
        return _shifted_crop(rows, (0, 0, width, height), (0, 1), down.fraction)


def _shifted_crop(
    image: Image.Image, box: tuple[int, int, int, int], step: tuple[int, int], fraction: float
) -> Image.Image:
    """Crop of an image, moved by a fraction of a pixel to the right or down."""
    here = image.crop(box)
    if fraction <= _INVISIBLE:
        return here
    right, down = step
    moved = image.crop((box[0] + right, box[1] + down, box[2] + right, box[3] + down))
    return Image.blend(here, moved, fraction)


@dataclass(frozen=True, slots=True)
class _Axis:
    """How one axis is scaled and cut: pixels ``first`` and on, ``count`` in all, are scaled to ``scaled``.

    Those from ``offset`` on are shown, moved by ``fraction``, a fraction of a pixel.
    """

    first: int
    count: int
    scaled: int
    offset: int
    fraction: float

    @classmethod
    def nearest(cls, length: int, side: int, centre: float, share: float, size: int) -> _Axis:
        """For a plane of this length that holds a picture of this side in its middle, of which a share is shown."""
        ratio = side * share / size
        middle = (length - side) / 2 + centre * side
        scaled = size + _SPARE
        count = np.rint(scaled * ratio)
        first = np.floor(middle - count / 2) + _STEPS
        at = (middle - first) * scaled / count - size / 2
        # In pixels of the clip: how far all of it is from whole ones, and how far its edges are off.
        away = np.abs(at - np.rint(at)) + np.abs(count / scaled / ratio - 1) * size / 2
        away[(first < 0) | (first + count > length)] = np.inf
        step, spare = np.unravel_index(np.argmin(away), away.shape)
        offset = math.floor(at[step, spare] + _INVISIBLE)
        return cls(int(first[step, spare]), int(count[spare]), int(scaled[spare]), offset, at[step, spare] - offset)


def _with_surroundings(plane: Image.Image, margin: float) -> Bytes:
    """Picture with its own mirrored and blurred colours around it, for a camera that draws back."""
    beside, above = (int(side * margin) + _MARGIN for side in plane.size)
    pixels = np.pad(np.asarray(plane), ((above, above), (beside, beside)), mode="symmetric")
    if margin <= 0:
        return pixels
    sharp, side = Image.fromarray(pixels), max(plane.size)
    # The blur hides the mirroring and the reduction, which makes it cheap.
    soft = sharp.reduce(8).filter(ImageFilter.GaussianBlur(side / 160)).resize(sharp.size, Image.Resampling.BICUBIC)
    across, down = (
        np.abs(np.arange(n) - (n - 1) / 2) - (n / 2 - out) for n, out in ((sharp.width, beside), (sharp.height, above))
    )
    away = np.clip(np.maximum(across[None, :], down[:, None]) / (0.06 * side), 0, 1)
    return np.asarray(Image.composite(soft, sharp, Image.fromarray((np.sqrt(away) * 255).astype(np.uint8))))
