"""Clips beside each other in one, on one clock, a label under each."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
from PIL import Image, ImageDraw

from wan_nb.errors import InvalidMedia
from wan_nb.media import video
from wan_nb.media.movie.frame_canvas import Box, Canvas, fitted
from wan_nb.media.movie.lettering import write
from wan_nb.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from av.container import InputContainer
    from av.video.frame import VideoFrame

__all__ = ["SMALLEST", "Tile", "laid_out", "play_together"]

WIDEST, HIGHEST = 1920, 1080
"""Pixels of the whole at most: a slide."""

SMALLEST, _COMFORTABLE = 160, 320
"""Pixels of the width of one clip: at least, and up to where a small one is enlarged."""

_RATE = 30
"""Frames a second at most."""

_GAP = 8

_ENCODER = {"preset": "veryfast", "crf": "20"}

_BT709 = 1


@dataclass(frozen=True, slots=True)
class Tile:
    """One place of the grid.

    Attributes
    ----------
    label : str
    path : Path or None
    lack : str
        What is written there instead of the clip where there is none, or one that cannot be played.
    """

    label: str
    path: Path | None
    lack: str = "no clip"


def laid_out(count: int, columns: int, shape: tuple[int, int]) -> tuple[tuple[int, int], list[Box], int]:
    """Size of the whole, the box of each clip, and the height of a label, all in pixels.

    Parameters
    ----------
    count, columns : int
    shape : tuple of int
        Width and height of a clip.
    """
    rows, columns = -(-count // columns), min(columns, count)
    label = 44 if rows < 4 else 30
    wide, high = shape
    most = ((WIDEST - _GAP) // columns - _GAP, (HIGHEST - _GAP) // rows - _GAP - label)
    scale = min(most[0] / wide, most[1] / high, max(1.0, _COMFORTABLE / wide))
    width, height = (max(2, int(side * scale / 2) * 2) for side in (wide, high))
    size = _GAP + columns * (width + _GAP), _GAP + rows * (height + label + _GAP)
    boxes = [
        (_GAP + n % columns * (width + _GAP), _GAP + n // columns * (height + label + _GAP), width, height)
        for n in range(count)
    ]
    return size, boxes, label


class _Player:
    """The frames of a clip as time goes on."""

    def __init__(self, container: InputContainer) -> None:
        self.container, self.times, self._tick = container, video.scan(container), video.tick(container)
        first = self.times.shown[0]
        self.seconds = (self.times.end - first) * self._tick
        self._frames = video.frames(container, self.times, first, self.times.end)
        first_frame = next(self._frames)
        self._next: VideoFrame | None = first_frame
        self.size = first_frame.width, first_frame.height

    def at(self, moment: Fraction) -> VideoFrame | None:
        """The frame to show from a moment on; None where it is the one before, or the clip has ended."""
        shown = None
        while self._next is not None and ((self._next.pts or 0) - self.times.shown[0]) * self._tick <= moment:
            shown, self._next = self._next, None
            with suppress(av.FFmpegError, StopIteration):  # what is damaged within keeps its last picture
                self._next = next(self._frames)
        return shown


def play_together(tiles: Sequence[Tile], out: Path, *, columns: int, sound: int | None = None) -> Path:
    """Write clips beside each other; each begins at 0, and the last picture of a shorter one stays.

    Parameters
    ----------
    tiles : sequence of Tile
    out : path
        The MP4 to write: at most 1920 x 1080 pixels and 30 frames a second.
    columns : int
    sound : int, optional
        Number of the tile that is heard.

    Raises
    ------
    InvalidMedia
        Not one of them can be played.
    """
    with ExitStack() as stack:
        players = [_opened(stack, tile) for tile in tiles]
        there = [player for player in players if player]
        if not there:
            raise InvalidMedia("there is not one clip that can be played.")
        shape = max((player.size for player in there), key=lambda size: size[0] * size[1])
        size, boxes, high = laid_out(len(tiles), columns, shape)
        canvas = Canvas(size, _BT709, ground=_ground(tiles, [*map(bool, players)], size, boxes, high))
        shown = [(player, fitted(player.size, box)) for player, box in zip(players, boxes, strict=True) if player]
        rates = [video.picture_of(player.container).average_rate or Fraction(24) for player in there]
        rate = min(Fraction(_RATE), max(rates))
        seconds = max(player.seconds for player in there)
        made = stack.enter_context(video.writing(out))
        stream = made.add_stream("libx264", rate=rate, options=_ENCODER)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = _BT709
        heard = players[sound] if sound is not None else None
        source = video.sound_of(heard.container) if heard else None
        kind = video.aac_kind(source) if source else None
        voice = video.sound_stream(made, *kind) if kind else None
        count = max(1, round(seconds * rate))
        line = stack.enter_context(Progress("Drawing frames", count))
        for number in line.each(range(count)):
            for player, place in shown:
                if (frame := player.at(number / rate)) is not None:
                    canvas.put(frame, place)
            whole = canvas.frame()
            whole.pts, whole.time_base = number, 1 / rate
            made.mux(stream.encode(whole))
        made.mux(stream.encode(None))
        if heard and source and voice and kind:
            begin, end = (float(when * video.tick(heard.container)) for when in (heard.times.shown[0], heard.times.end))
            for piece in video.cut_sound(heard.container, source, begin, end, kind, samples=round(seconds * kind[0])):
                made.mux(voice.encode(piece))
            made.mux(voice.encode(None))
    return out


def _opened(stack: ExitStack, tile: Tile) -> _Player | None:
    with suppress(InvalidMedia, StopIteration):
        if tile.path is not None:
            with ExitStack() as own:
                player = _Player(own.enter_context(video.opened(tile.path))[0])
                stack.enter_context(own.pop_all())
                return player
    return None


def _ground(
    tiles: Sequence[Tile], there: Sequence[bool], size: tuple[int, int], boxes: Sequence[Box], high: int
) -> Image.Image:
    """What stands behind and between the clips: their labels, and what is said where one is missing."""
    ground = Image.new("RGB", size, (17, 17, 17))
    pen = ImageDraw.Draw(ground)
    for tile, playable, (left, top, width, height) in zip(tiles, there, boxes, strict=True):
        if not playable:
            pen.rectangle((left, top, left + width - 1, top + height - 1), fill=(58, 58, 58))
            write(pen, tile.lack, (left + width // 2, top + height // 2), width - 8, 22)
        else:
            pen.rectangle((left, top, left + width - 1, top + height - 1), fill=(0, 0, 0))
        write(pen, tile.label, (left + width // 2, top + height + high // 2), width - 4, high * 6 // 10)
    return ground
