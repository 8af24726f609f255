"""A picture in 4:2:0 on which frames of clips are put, each fitted into its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from wan_nb.media import video

if TYPE_CHECKING:
    import numpy.typing as npt
    from av.video.frame import VideoFrame
    from PIL import Image

__all__ = ["Box", "Canvas", "fitted"]

Box = tuple[int, int, int, int]
"""Left, top, width and height in pixels; even numbers."""


def fitted(size: tuple[int, int], box: Box) -> Box:
    """Where a picture of this size stands inside a box: as large as it can, in the middle, its shape kept.

    >>> fitted((1280, 720), (0, 0, 640, 480)), fitted((720, 1280), (0, 0, 1280, 720))
    ((0, 60, 640, 360), (438, 0, 404, 720))
    """
    (wide, high), (left, top, width, height) = size, box
    scale = min(width / wide, height / high)
    w, h = (max(2, min(most, round(side * scale / 2) * 2)) for side, most in ((wide, width), (high, height)))
    return left + (width - w) // 4 * 2, top + (height - h) // 4 * 2, w, h


class Canvas:
    """Black, unless it begins with a picture.

    Parameters
    ----------
    size : tuple of int
        Width and height, even.
    matrix : int
        Colour matrix of what comes out.
    colour_range : int
        1 for the range of video, 2 for the full one.
    ground : PIL.Image.Image, optional
        RGB, of that size.
    """

    def __init__(
        self, size: tuple[int, int], matrix: int, colour_range: int = 1, ground: Image.Image | None = None
    ) -> None:
        self.size, self._matrix, self._range = size, matrix, colour_range
        self._convert: dict[Box, VideoReformatter] = {}
        frame = av.VideoFrame.from_ndarray(np.asarray(ground or np.zeros((*size[::-1], 3), np.uint8)), format="rgb24")
        self._ground = self._fit(frame, (0, 0, *size))
        self._planes = [plane.copy() for plane in _planes(self._ground)]

    def put(self, frame: VideoFrame, box: Box) -> None:
        """Put a frame into its place, over what stood there."""
        self._paste(self._fit(frame, box), box)

    def clear(self, box: Box) -> None:
        """Show the ground again in a place."""
        left, top, width, height = box
        for number, (target, source) in enumerate(zip(self._planes, _planes(self._ground), strict=True)):
            half = 1 if number == 0 else 2
            place = np.s_[top // half : (top + height) // half, left // half : (left + width) // half]
            target[place] = source[place]

    def frame(self) -> VideoFrame:
        """The whole as it stands now."""
        made = av.VideoFrame(*self.size, "yuv420p")
        for target, source in zip(_planes(made), self._planes, strict=True):
            target[:] = source
        return made

    def _fit(self, frame: VideoFrame, box: Box) -> VideoFrame:
        convert = self._convert.setdefault(box, VideoReformatter())
        own = self._matrix if frame.format.name == "rgb24" else video.matrix_of(frame)
        return convert.reformat(
            frame, box[2], box[3], "yuv420p", own, self._matrix, "AREA", dst_color_range=self._range
        )

    def _paste(self, frame: VideoFrame, box: Box) -> None:
        left, top, width, height = box
        for number, (target, source) in enumerate(zip(self._planes, _planes(frame), strict=True)):
            half = 1 if number == 0 else 2
            target[top // half : (top + height) // half, left // half : (left + width) // half] = source


def _planes(frame: VideoFrame) -> list[npt.NDArray[np.uint8]]:
    """Planes of a frame without their padding, to be read or written."""
    rows = (np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size) for plane in frame.planes)
    return [row[: plane.height, : plane.width] for row, plane in zip(rows, frame.planes, strict=True)]
