"""The pictures of a clip, one after the other, as planes of 4:2:0 frames.

A clip begins on what it is given: a first frame, a clip to go on from, or a scene made up from the words. References
hang in it as a collage; a clip that is edited is shown in other colours. All work is done on the three planes without a
conversion of colours, `crop` for the camera and look-up tables for the light, so that a moving clip costs little more
than its encoding.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import av
import numpy as np
from PIL import Image

from wan_nb.simulator.drawing.camera import Grade, grade_of, move_of
from wan_nb.simulator.drawing.collage import Collage
from wan_nb.simulator.drawing.crop import Bytes, MovingCrop, Planes
from wan_nb.simulator.drawing.lettering import colour, overlays_for, without, without_overlays, worn
from wan_nb.simulator.drawing.pictures import filling, finer, images, paced, planes_of, resized, stored_picture, views
from wan_nb.simulator.drawing.scene import hue_of, scene

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wan_nb.simulator.drawing.camera import CameraMove
    from wan_nb.simulator.drawing.clip_request import ClipRequest
    from wan_nb.simulator.drawing.lettering import Overlay

__all__ = ["frames_of"]


def frames_of(request: ClipRequest) -> Iterator[av.VideoFrame]:
    """Every frame of the clip of a request, marked as simulated."""
    total, overlays = request.frame_count, overlays_for(request.size, request.watermark)
    edits = request.edited_clip is not None
    move = move_of(request.prompt, request.seed, drift=not edits)
    collage = Collage(
        request.references,
        request.size,
        request.fps,
        move,
        seed=request.seed,
        aside=edits,
        enter=request.first_frame is not None,
    )
    for index, frame in enumerate((_edited if edits else _made)(request, move)):
        planes = views(frame)
        # A clip of the simulator that goes on already has its overlays.
        missing = [overlay for overlay in overlays if request.first_clip is None or not overlay.is_on(planes[0])]
        collage.paste_into(planes, index / max(1, total - 1), index / request.fps)
        for overlay in missing:
            overlay.blend_into(*planes)
        yield frame


def _frame(planes: Iterable[Image.Image], size: tuple[int, int]) -> av.VideoFrame:
    frame = av.VideoFrame(*size, "yuv420p")
    for view, plane in zip(views(frame), planes, strict=True):
        view[:] = np.asarray(plane)
    return frame


def _made(request: ClipRequest, move: CameraMove) -> Iterator[av.VideoFrame]:
    """Frames of a clip that begins on a picture, a clip or the words."""
    last: list[Bytes] = []
    done, size, clip = 0, request.size, request.first_clip
    if clip is not None and clip.data is not None:
        for frame in paced(clip.data, request.fps, min(request.frame_count - 1, round(clip.seconds * request.fps))):
            shown = resized(frame, *size)
            last, done = [view.copy() for view in views(shown)], done + 1
            yield shown
    start = images(without_overlays(last, size)) if last else _opening(request)
    for planes in _moving(request, move, start, request.frame_count - done):
        yield _frame(planes, size)


def _opening(request: ClipRequest) -> Planes:
    """The picture that a clip begins on."""
    size, given = finer(request.size), request.first_frame or request.first_clip
    if given is not None:
        return filling(stored_picture(given, size), request.size)
    return images(planes_of(scene(request.prompt, request.seed, size, lettered=not request.references)))


def _edited(request: ClipRequest, move: CameraMove) -> Iterator[av.VideoFrame]:
    """Frames of the given clip in other colours, seen by a camera where the words name a move."""
    clip, size, total = request.edited_clip, request.size, request.frame_count
    assert clip is not None
    if clip.data is None:
        yield from _made(replace(request, first_frame=clip), move)
        return
    if move.zoom < 1:
        # There is nothing around a clip: its camera draws back from a part to the whole.
        move = replace(move, zoom=1 / move.zoom)
        path = (1 - index / max(1, total - 1) for index in range(total))
    else:
        path = (index / max(1, total - 1) for index in range(total))
    still, tables = move == move_of("", request.seed, drift=False), _edit_tables(request.prompt)
    overlays: list[Overlay] | None = None
    for index, (progress, given) in enumerate(zip(path, paced(clip.data, request.fps, total), strict=False)):
        frame = resized(given, *size)
        if overlays is None:  # its marks are on all of its frames
            overlays = worn(views(frame)[0], size)
        clean = images(without(overlays, list(views(frame))))
        luma, blue, red = (plane.point(table) for table, plane in zip(tables, clean, strict=True))
        planes = luma, blue, red
        yield _frame(planes if still else MovingCrop(planes, move).planes(progress, index / request.fps, size), size)


def _edit_tables(prompt: str) -> list[list[int]]:
    """What an edit does to the planes: the prompt's light, and colours turned over and drawn towards its hue."""
    tint = planes_of(Image.new("RGB", (16, 16), tuple(round(part) for part in colour(hue_of(prompt), 0.7, 0.8))))
    steps, (luma, _, _) = np.arange(256), _tables(grade_of(prompt), 1.0)
    turned = (0.55 * (256 - steps) + 0.45 * float(plane[0, 0]) for plane in tint[1:])
    return [luma, *(np.clip(chroma, 16, 240).astype(int).tolist() for chroma in turned)]


def _moving(request: ClipRequest, move: CameraMove, start: Planes, count: int) -> Iterator[Planes]:
    """Planes of ``count`` frames that begin on a picture and, when one is given, end on the last frame."""
    grade = grade_of(request.prompt)
    first, last = MovingCrop(start, move), None
    if request.last_frame is not None:
        # The last picture's camera runs backwards from the end along the same path.
        reversed_move = replace(move, dx=-move.dx, dy=-move.dy, arc=-move.arc)
        arrival = filling(stored_picture(request.last_frame, finer(request.size)), request.size)
        last = MovingCrop(arrival, reversed_move)
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
