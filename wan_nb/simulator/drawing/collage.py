"""References as a collage: each a card with its number, hanging in the scene, moved by the camera."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from wan_nb.simulator.drawing.lettering import Overlay, label
from wan_nb.simulator.drawing.pictures import paced, planes_of, resized, stored_picture, views

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wan_nb.simulator.account.materials import Material
    from wan_nb.simulator.drawing.camera import CameraMove
    from wan_nb.simulator.drawing.crop import Bytes

__all__ = ["Collage"]

_PLAYED_SECONDS = 1.0
"""Of all reference clips together so much is played, over and over: decoding them whole costs more than the drawing."""
_CARRIED = 0.4
"""Of the camera's move the cards take this part, so that they stay in sight."""
_ENTRY_SECONDS = 0.8


@dataclass(frozen=True, slots=True)
class _Card:
    """A card: its pictures in turn, and where its middle hangs, as shares of the frame."""

    pictures: Sequence[list[Bytes]]
    x: float
    y: float
    phase: float


class Collage:
    """Cards of references over the frames of a clip.

    Parameters
    ----------
    references : sequence of Material
        In the order in which the prompt counts them.
    size : tuple of int
        Of the clip, in pixels.
    move : CameraMove
        Carries the cards along.
    aside : bool
        They hang small at the upper edge, where the clip itself is what is shown.
    enter : bool
        They come in from above once the clip has begun, which a first frame asks for.
    """

    def __init__(
        self,
        references: Sequence[Material],
        size: tuple[int, int],
        fps: int,
        move: CameraMove,
        *,
        seed: int = 0,
        aside: bool = False,
        enter: bool = False,
    ) -> None:
        self._size, self._fps, self._move, self._enter, self._aside = size, fps, move, enter, aside
        rng = random.Random(seed)
        played = _PLAYED_SECONDS / max(1, sum(bool(material.seconds) for material in references))
        self._cards = [
            _Card(_pictures(material, name, box, fps, played), x, y, rng.uniform(0, 2 * math.pi))
            for (material, name), (x, y, box) in zip(
                _named(references), _places(len(references), size, aside=aside), strict=True
            )
        ]

    def paste_into(self, planes: tuple[Bytes, Bytes, Bytes], progress: float, seconds: float) -> None:
        """Put the cards over the planes of a frame."""
        width, height = self._size
        view = self._move.view(progress, seconds)
        for card in self._cards:
            picture = card.pictures[int(seconds * self._fps) % len(card.pictures)]
            sway = seconds * 1.6 + card.phase
            x, y = card.x + 0.012 * math.cos(sway), card.y + 0.018 * math.sin(1.3 * sway)
            if not self._aside:
                x, y = x + _CARRIED * (0.5 - view.x), y + _CARRIED * (0.5 - view.y)
            if self._enter:
                y -= 1.2 * (1 - min(1.0, seconds / _ENTRY_SECONDS)) ** 2
            rows, columns = picture[0].shape
            _paste(planes, picture, round(x * width - columns / 2) // 2 * 2, round(y * height - rows / 2) // 2 * 2)


def _named(references: Sequence[Material]) -> Iterator[tuple[Material, str]]:
    """Each reference with its name in a prompt: counted within its kind."""
    counts = {"Image": 0, "Video": 0}
    for material in references:
        kind = "Video" if material.seconds else "Image"
        counts[kind] += 1
        yield material, f"{kind} {counts[kind]}"


def _places(count: int, size: tuple[int, int], *, aside: bool) -> Iterator[tuple[float, float, tuple[float, float]]]:
    """Middle of each card as shares of the frame, and the room for it in pixels."""
    width, height = size
    if aside:
        share = min(0.2, 0.9 / max(1, count))
        for index in range(count):
            yield 0.05 + share * (index + 0.5), 0.16, (width * share * 0.8, height * 0.22)
        return
    # As many columns as bring the cells nearest to 3:2.
    columns = min(
        range(1, count + 1), key=lambda n: abs(math.log(width / n / (height / -(-count // n)) / 1.5)), default=1
    )
    rows = -(-count // columns)
    for index in range(count):
        row = index // columns
        in_row = min(columns, count - row * columns)
        x, y = (index % columns + 0.5) / in_row, (row + 0.5) / rows
        yield 0.06 + 0.88 * x, 0.06 + 0.84 * y, (width * 0.76 / columns, height * 0.70 / rows)


def _pictures(material: Material, name: str, box: tuple[float, float], fps: int, played: float) -> list[list[Bytes]]:
    """A card's pictures: one of an image, those of some seconds of a clip."""
    ratio = material.width / material.height
    wide = min(box[0], box[1] * ratio)
    size = (max(16, round(wide) // 2 * 2), max(16, round(wide / ratio) // 2 * 2))
    if material.data is None or not material.seconds:
        made = [planes_of(ImageOps.fit(stored_picture(material, size), size, Image.Resampling.LANCZOS))]
    else:
        frames = paced(material.data, fps, max(1, round(min(played, material.seconds) * fps)))
        made = [list(views(resized(frame, *size))) for frame in frames]
    mark = Overlay(6, 6, *label(name, max(8, min(size) // 10)))
    for planes in made:
        _finish(planes, mark)
    return made


def _finish(planes: list[Bytes], mark: Overlay) -> None:
    """A white edge, and the name in the corner where there is room for it."""
    edge = 4
    for plane, width, white in zip(planes, (edge, edge // 2, edge // 2), (235, 128, 128), strict=True):
        plane[:width] = plane[-width:] = white
        plane[:, :width] = plane[:, -width:] = white
    rows, columns = mark.luma.shape
    if mark.y + rows <= planes[0].shape[0] and mark.x + columns <= planes[0].shape[1]:
        mark.blend_into(*planes)


def _paste(planes: Sequence[Bytes], picture: Sequence[Bytes], x: int, y: int) -> None:
    """Put the planes of a picture over those of a frame, as much of it as is inside."""
    for plane, over, half in zip(planes, picture, (1, 2, 2), strict=True):
        left, top = x // half, y // half
        rows, columns = over.shape
        a, b = max(0, left), max(0, top)
        c, d = min(plane.shape[1], left + columns), min(plane.shape[0], top + rows)
        if a < c and b < d:
            plane[b:d, a:c] = over[b - top : d - top, a - left : c - left]
