"""The pictures of a clip, one after the other, as planes of 4:2:0 frames.

All work is done on the three planes without a conversion of colours, `crop` for the camera and look-up tables for the
light, so that a moving clip costs little more than its encoding.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image, ImageOps

from wan_nb.simulator.account.materials import opened
from wan_nb.simulator.drawing.camera import Grade, grade_of, move_of
from wan_nb.simulator.drawing.crop import Bytes, MovingCrop, Planes
from wan_nb.simulator.drawing.lettering import Overlay, overlays_for, placeholder, without_overlays

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wan_nb.simulator.account.materials import Material

__all__ = ["ClipRequest", "frames_of"]

_FINER = 1.25
"""Pictures are kept this much finer than the clip: large ones stay sharp when the camera comes closer."""
_SAME_RATIO = 0.03
"""The clip's ratio is rounded; a picture this near to it is fitted exactly instead of being cut."""


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """What a clip is drawn from. Lengths in seconds, sizes in pixels."""

    prompt: str
    seed: int
    seconds: int
    size: tuple[int, int]
    fps: int
    watermark: bool
    tag: str
    first_frame: Material | None = None
    last_frame: Material | None = None
    driving_audio: Material | None = None
    first_clip: Material | None = None


def frames_of(request: ClipRequest) -> Iterator[av.VideoFrame]:
    """Every frame of the clip of a request, marked as simulated."""
    total, done = request.seconds * request.fps, 0
    overlays = overlays_for(request.size, request.watermark)
    opening = request.first_frame or request.first_clip
    last: list[Bytes] = []
    for frame in _continued(request, total - 1):
        last, done = [view.copy() for view in _views(frame)], done + 1
        # A clip of the simulator already has its overlays.
        yield _marked(frame, [overlay for overlay in overlays if not overlay.is_on(last[0])])
    start = _images(without_overlays(last, request.size)) if last else _picture(opening, request.size)
    for planes in _moving(request, start, total - done):
        frame = av.VideoFrame(*request.size, "yuv420p")
        for view, plane in zip(_views(frame), planes, strict=True):
            view[:] = np.asarray(plane)
        yield _marked(frame, overlays)


def _marked(frame: av.VideoFrame, overlays: Iterable[Overlay]) -> av.VideoFrame:
    views = _views(frame)
    for overlay in overlays:
        overlay.blend_into(*views)
    return frame


def _images(planes: Iterable[Bytes]) -> Planes:
    luma, blue, red = map(Image.fromarray, planes)
    return luma, blue, red


def _views(frame: av.VideoFrame) -> tuple[Bytes, Bytes, Bytes]:
    """Planes of a frame, to be written into, without their padding."""
    found = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        found.append(rows[: plane.height, : plane.width])
    return found[0], found[1], found[2]


def _continued(request: ClipRequest, most: int) -> Iterator[av.VideoFrame]:
    """Frames of the clip that is continued, at the pace and size of the new one."""
    if request.first_clip is None or request.first_clip.data is None:
        return
    count = min(most, round(request.first_clip.seconds * request.fps))
    width, height = request.size
    done, shown = 0, None
    with opened(request.first_clip.data) as container:
        stream = container.streams.video[0]
        began = None
        for frame in container.decode(stream):
            at = float(frame.time or 0.0)
            began = at if began is None else began
            while shown is not None and done < count and done / request.fps < at - began - 1e-6:
                yield _resized(shown, width, height)
                done += 1
            shown = frame
            if done >= count:
                return
    while shown is not None and done < count:
        yield _resized(shown, width, height)
        done += 1


def _resized(frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    new, quarters = av.VideoFrame(width, height, "yuv420p"), frame.rotation // 90  # to the left, as a phone writes them
    size = (height, width) if quarters % 2 else (width, height)
    made = frame.reformat(*size, "yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
    # A copy: the decoder still refers to its own pictures.
    for target, source in zip(_views(new), _views(made), strict=True):
        target[:] = np.rot90(source, quarters)
    return new


def _moving(request: ClipRequest, start: Planes, count: int) -> Iterator[Planes]:
    """Planes of ``count`` frames that begin on a picture and, when one is given, end on the last frame."""
    move, grade = move_of(request.prompt, request.seed), grade_of(request.prompt)
    first, last = MovingCrop(start, move), None
    if request.last_frame is not None:
        # The last picture's camera runs backwards from the end along the same path.
        reversed_move = replace(move, dx=-move.dx, dy=-move.dy, arc=-move.arc)
        last = MovingCrop(_picture(request.last_frame, request.size), reversed_move)
    # Light comes up, and one picture turns into the other, within so many frames.
    change = max(1, round(min(1.5 * request.fps, 0.35 * count)))
    for index in range(count):
        progress, seconds = index / max(1, count - 1), index / request.fps
        if index == change and grade != Grade():
            # From here on the light is constant: applied to the picture once instead of to every frame.
            first = MovingCrop(_lit(start, grade, 1.0), move)
        share = _smooth((index - 0.67 * count) / change + 0.5) if last else 0.0
        planes = first.planes(progress, seconds, request.size) if share < 1 else None
        if planes and index < change:
            planes = _lit(planes, grade, round(index / change, 2))
        if last and share > 0:
            arriving = last.planes(1 - progress, (count - 1 - index) / request.fps, request.size)
            planes = _blended(planes, arriving, share) if planes else arriving
        assert planes
        yield planes


def _blended(under: Planes, over: Planes, share: float) -> Planes:
    luma, blue, red = (Image.blend(a, b, share) for a, b in zip(under, over, strict=True))
    return luma, blue, red


def _smooth(share: float) -> float:
    share = max(0.0, min(1.0, share))
    return share * share * (3 - 2 * share)


def _lit(planes: Planes, grade: Grade, amount: float) -> Planes:
    if grade == Grade() or amount <= 0:
        return planes
    tables = _tables(grade, amount)
    luma, blue, red = (plane.point(table) for plane, table in zip(planes, tables, strict=True))
    return luma, blue, red


@lru_cache(maxsize=128)
def _tables(grade: Grade, amount: float) -> tuple[list[int], list[int], list[int]]:
    """Look-up tables of a grade at a share of its strength, within the video range."""
    # A power keeps black and white where they are and moves what lies between.
    power = grade.exposure ** (-1.3 * amount)
    luma = [round(16 + 219 * (max(0.0, min(1.0, (y - 16) / 219)) ** power)) for y in range(256)]
    blue, red = ([max(16, min(240, round(c + shift * amount))) for c in range(256)] for shift in (grade.u, grade.v))
    return luma, blue, red


def _picture(material: Material | None, size: tuple[int, int]) -> Planes:
    """Planes of a picture that fills a clip of this size."""
    assert material
    target = (round(size[0] * _FINER / 4) * 4, round(size[1] * _FINER / 4) * 4)
    if material.data is None:
        picture = placeholder(material.label, size)
    else:
        stored = Image.open(io.BytesIO(material.data))
        # A JPEG file far larger than needed is decoded at a half or less.
        stored.draft("RGB", target if stored.size == (material.width, material.height) else target[::-1])
        picture = ImageOps.exif_transpose(stored).convert("RGB")
    if picture.size == size:
        planes = _planes(picture)
        clean = without_overlays(planes, size)
        if clean is not planes:
            return _images(clean)
    ratio = picture.width / picture.height / (size[0] / size[1])
    if abs(ratio - 1) > _SAME_RATIO:
        picture = ImageOps.fit(picture, target, Image.Resampling.LANCZOS)
    else:
        picture = picture.resize(target, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return _images(_planes(picture))


def _planes(picture: Image.Image) -> list[Bytes]:
    rgb = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
    frame = rgb.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
    return [view.copy() for view in _views(frame)]
