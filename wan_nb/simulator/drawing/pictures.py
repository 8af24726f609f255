"""Planes of pictures and of clips that were given: read, turned upright, sized, paced."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image, ImageOps

from wan_nb.simulator.account.materials import opened
from wan_nb.simulator.drawing.lettering import placeholder, without_overlays

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wan_nb.simulator.account.materials import Material
    from wan_nb.simulator.drawing.crop import Bytes, Planes

__all__ = ["filling", "finer", "images", "paced", "planes_of", "resized", "stored_picture", "views"]

_FINER = 1.25
"""Pictures are kept this much finer than the clip: large ones stay sharp when the camera comes closer."""
_SAME_RATIO = 0.03
"""The clip's ratio is rounded; a picture this near to it is fitted exactly instead of being cut."""


def images(planes: Iterable[Bytes]) -> Planes:
    """Planes as Pillow's pictures."""
    luma, blue, red = map(Image.fromarray, planes)
    return luma, blue, red


def views(frame: av.VideoFrame) -> tuple[Bytes, Bytes, Bytes]:
    """Planes of a frame, to be written into, without their padding."""
    found = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        found.append(rows[: plane.height, : plane.width])
    return found[0], found[1], found[2]


def planes_of(picture: Image.Image) -> list[Bytes]:
    """Planes of an RGB picture of even sides."""
    rgb = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
    frame = rgb.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
    return [view.copy() for view in views(frame)]


def stored_picture(material: Material, size: tuple[int, int]) -> Image.Image:
    """A given picture, upright, in RGB, at least of about this size where it is larger; or what stands in for it."""
    if material.data is None:
        return placeholder(material.label, size)
    stored = Image.open(io.BytesIO(material.data))
    # A JPEG file far larger than needed is decoded at a half or less.
    stored.draft("RGB", size if stored.size == (material.width, material.height) else size[::-1])
    return ImageOps.exif_transpose(stored).convert("RGB")


def filling(picture: Image.Image, size: tuple[int, int]) -> Planes:
    """Planes of a picture that fills a clip of this size, without the overlays of an earlier clip."""
    target = finer(size)
    if picture.size == size:
        planes = planes_of(picture)
        clean = without_overlays(planes, size)
        if clean is not planes:
            return images(clean)
    ratio = picture.width / picture.height / (size[0] / size[1])
    if abs(ratio - 1) > _SAME_RATIO:
        picture = ImageOps.fit(picture, target, Image.Resampling.LANCZOS)
    elif picture.size != target:
        picture = picture.resize(target, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return images(planes_of(picture))


def finer(size: tuple[int, int]) -> tuple[int, int]:
    """Size at which a picture is kept for a clip of that size."""
    return (round(size[0] * _FINER / 4) * 4, round(size[1] * _FINER / 4) * 4)


def paced(data: bytes, fps: int, most: int) -> Iterator[av.VideoFrame]:
    """Frames of a clip as they are shown at a frame rate: left out or repeated; so many at most."""
    done, shown = 0, None
    with opened(data) as container:
        stream = container.streams.video[0]
        began = None
        for frame in container.decode(stream):
            at = float(frame.time or 0.0)
            began = at if began is None else began
            while shown is not None and done < most and done / fps < at - began - 1e-6:
                yield shown
                done += 1
            shown = frame
            if done >= most:
                return
    while shown is not None and done < most:
        yield shown
        done += 1


def resized(frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    """A frame of a given clip, upright, at a size."""
    new, quarters = av.VideoFrame(width, height, "yuv420p"), frame.rotation // 90  # to the left, as a phone writes them
    size = (height, width) if quarters % 2 else (width, height)
    made = frame.reformat(*size, "yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
    # A copy: the decoder still refers to its own pictures.
    for target, source in zip(views(new), views(made), strict=True):
        target[:] = np.rot90(source, quarters)
    return new
