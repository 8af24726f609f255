"""Clips one after the other in one file, and how much of a clip repeats the end of the one before."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from av.video.reformatter import VideoReformatter

from wan_nb.errors import InvalidMedia
from wan_nb.media import video
from wan_nb.media.movie.frame_canvas import Canvas, fitted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt
    from av.container import InputContainer, OutputContainer
    from av.video.frame import VideoFrame

__all__ = ["Joint", "Kind", "Shot", "kind_of", "overlap", "starts_on_the_end_of"]

_ENCODER = {"preset": "veryfast", "crf": "16"}
"""Hardly told from its source."""

_TICK = Fraction(1, 90_000)
"""Seconds of a tick of a film of clips of several kinds: a whole number of them is a frame of every usual rate."""

_SAME = 6.0
"""Mean difference of two small pictures, 0 to 255, up to which they show one frame: what encoding again leaves."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What two clips must share so that the pictures of one can follow those of the other without encoding.

    Attributes
    ----------
    size : tuple of int
        Width and height as shown.
    coded : tuple
        Codec, its header, tick and shape of the pictures as they are stored.
    whole : bool
        Whether all stored pictures are shown as they are: an edit list leaves some out, a display matrix turns them.
    ends_last : bool
        Whether the last frame is stored last, so that it can be left out without encoding.
    sound : tuple of int and str, or None
        Samples a second and layout of a copy of its sound.
    """

    size: tuple[int, int]
    coded: tuple[Any, ...]
    whole: bool
    ends_last: bool
    sound: tuple[int, str] | None


def kind_of(path: Path) -> Kind:
    """What a clip is made of.

    Raises
    ------
    InvalidMedia
        It cannot be played.
    """
    with video.opened(path) as (container, _):
        times, stream = video.scan(container), video.picture_of(container)
        container.seek(0)
        stored = next(container.decode(stream), None)
        if stored is None:
            raise InvalidMedia("no picture comes out of the clip.")
        turned, first = video.is_turned(stored), video.Upright()(stored)
        given, sound = stream.codec_context, video.sound_of(container)
        stored_size = given.width, given.height, stream.sample_aspect_ratio
        coded = (given.name, given.extradata, video.tick(container), *stored_size)
        whole = not turned and times.keys[0] == times.shown[0] and stream.frames in (0, len(times.shown))
        ends_last = times.stored_last == times.shown[-1] != times.shown[0]
        return Kind((first.width, first.height), coded, whole, ends_last, video.aac_kind(sound) if sound else None)


@dataclass(frozen=True, slots=True)
class Shot:
    """A clip in a film, and what of it is left out because its neighbour shows it.

    Attributes
    ----------
    path : Path
    kind : Kind
    start : float
        Seconds at its beginning that are left out.
    last : bool
        Whether its last frame is shown.
    """

    path: Path
    kind: Kind
    start: float = 0.0
    last: bool = True


class Joint:
    """Shots put one after the other into one file, each picture at its time, the sound to the sample.

    Pictures are copied where all clips are of one kind and nothing has to be cut that others are decoded from, else
    encoded once: in the size and the colours of the first clip, the others fitted into it with their shape kept.

    Parameters
    ----------
    made : OutputContainer
        Of `video.writing`.
    shots : sequence of Shot
        All that are to be added, in their order.
    """

    def __init__(self, made: OutputContainer, shots: Sequence[Shot]) -> None:
        self._made = made
        self._seconds = Fraction(0)
        self._samples = 0
        kinds = [shot.kind for shot in shots]
        self._copied = len({kind.coded for kind in kinds}) == 1 and all(
            shot.kind.whole and not shot.start and (shot.last or shot.kind.ends_last) for shot in shots
        )
        wide, high = kinds[0].size
        size = (wide // 2 * 2, high // 2 * 2)
        with video.opened(shots[0].path) as (container, _):
            source = video.picture_of(container)
            if self._copied:
                self._stream = made.add_stream_from_template(source)
            else:
                self._stream, matrix = video.picture_stream(made, source, size, _ENCODER)
                self._stream.codec_context.time_base = _TICK
                self._size, self._matrix, self._range = size, matrix, int(source.codec_context.color_range) or 1
        sounds = [kind.sound for kind in kinds if kind.sound]
        layout = "stereo" if any(name == "stereo" for _, name in sounds) else "mono"
        self._kind = (max(rate for rate, _ in sounds), layout) if sounds else (0, layout)
        self._sound = video.sound_stream(made, *self._kind) if sounds else None

    def add(self, shot: Shot) -> None:
        """Put the next clip behind those that are there.

        Raises
        ------
        InvalidMedia
            It cannot be played, or nothing of it is left.
        """
        with video.opened(shot.path) as (container, _):
            times, tick = video.scan(container), video.tick(container)
            first = _frame_at(times, shot.start, tick)
            end = times.end if shot.last else times.shown[-1]
            if first >= end:
                raise InvalidMedia("nothing of it is left: its neighbour shows all of it.")
            if self._copied:
                self._copy(container, end, round(self._seconds / tick) - first)
            else:
                self._encode(container, times, first, end)
            self._seconds += (end - first) * tick
            if self._sound:
                self._add_sound(container, float(first * tick), float(end * tick))

    def close(self) -> None:
        """Write what the encoders still hold."""
        if not self._copied:
            self._made.mux(self._stream.encode(None))
        if self._sound:
            self._made.mux(self._sound.encode(None))

    def _copy(self, container: InputContainer, end: int, shift: int) -> None:
        container.seek(0)
        for packet in container.demux(video.picture_of(container)):
            if packet.size and packet.pts is not None and packet.dts is not None and packet.pts < end:
                packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, self._stream
                self._made.mux(packet)

    def _encode(self, container: InputContainer, times: video.Times, first: int, end: int) -> None:
        tick, canvas = video.tick(container), Canvas(self._size, self._matrix, self._range)
        for picture in video.frames(container, times, first, end):
            canvas.put(picture, fitted((picture.width, picture.height), (0, 0, *self._size)))
            frame = canvas.frame()
            frame.pts, frame.time_base = round((self._seconds + ((picture.pts or 0) - first) * tick) / _TICK), _TICK
            self._made.mux(self._stream.encode(frame))

    def _add_sound(self, container: InputContainer, begin: float, end: float) -> None:
        assert self._sound
        rate, source = self._kind[0], video.sound_of(container)
        count = round(self._seconds * rate) - self._samples
        pieces = (
            video.cut_sound(container, source, begin, end, self._kind, samples=count)
            if source
            else video.silence(count, self._kind)
        )
        for piece in pieces:
            piece.pts, piece.time_base = self._samples, Fraction(1, rate)
            self._samples += piece.samples
            self._made.mux(self._sound.encode(piece))


def _frame_at(times: video.Times, seconds: float, tick: Fraction) -> int:
    """When the frame begins that stands nearest to so many seconds after the first one; the end is one, too."""
    wanted = times.shown[0] + seconds / tick
    return min((*times.shown, times.end), key=lambda when: abs(when - wanted))


_LONGEST, _SHORTEST = 10.0, 2.0
"""Seconds of a clip that can be continued."""

_CLEAR = 2.0
"""How much better than half of the others the best length must fit."""

_LOOKS = 12
"""Pictures that are compared, evenly spread."""


def starts_on_the_end_of(before: Path, after: Path) -> bool:
    """Whether the first frame of a clip shows what the last frame of another one shows."""
    last, first = _look(before, 0.0, end=True), _look(after, 0.0)
    return _difference(last.pictures[-1], first.pictures[0]) <= _SAME


def overlap(before: Path, after: Path, seconds: float | None = None) -> float:
    """Seconds at the beginning of a clip that show the end of another one; 0 where they do not or it is not sure.

    Parameters
    ----------
    before, after : path
    seconds : float, optional
        How many it is, if any: only whether they are the same is looked at then. Without it the best length is taken,
        if it is clearly better than others: a picture in which nothing moves fits at every length.
    """
    most = _LONGEST if seconds is None else seconds
    end, begin = _look(before, most, end=True), _look(after, most)
    if seconds is not None:
        return seconds if _misfit(end, begin, seconds) <= _SAME else 0.0
    lengths = [when for when in [*begin.times[1:], begin.seconds] if _SHORTEST <= when <= min(_LONGEST, end.seconds)]
    found = {when: _misfit(end, begin, when) for when in lengths}
    best = min(lengths, key=lambda when: found[when], default=0.0)
    sure = best and found[best] <= min(_SAME, float(np.median([*found.values()])) - _CLEAR)
    return best if sure else 0.0


@dataclass(frozen=True, slots=True)
class _Look:
    """Small grey pictures of a part of a clip, their times in it, and how long it is; seconds."""

    pictures: list[npt.NDArray[np.int16]]
    times: list[float]
    seconds: float


def _look(path: Path, seconds: float, *, end: bool = False) -> _Look:
    """The first or the last seconds of a clip; one frame at least."""
    convert = VideoReformatter()
    with video.opened(path) as (container, _):
        times, tick = video.scan(container), video.tick(container)
        shown, span = times.shown, round(seconds / tick)
        start = min(shown, key=lambda when: abs(times.end - span - when)) if end else shown[0]
        stop = times.end if end else max(shown[0] + 1, min(times.end, shown[0] + span))
        found = [
            (float((picture.pts - start) * tick), _small(convert, picture))
            for picture in video.frames(container, times, start, stop)
            if picture.pts is not None
        ]
        if not found:
            raise InvalidMedia("no picture comes out of the clip.")
        return _Look([small for _, small in found], [when for when, _ in found], float((stop - start) * tick))


def _small(convert: VideoReformatter, picture: VideoFrame) -> npt.NDArray[np.int16]:
    return convert.reformat(picture, 48, 48, "gray", interpolation="AREA").to_ndarray().astype(np.int16)


def _misfit(end: _Look, begin: _Look, seconds: float) -> float:
    """Mean difference of the first seconds of one clip and as many last ones of another."""
    there = [number for number, when in enumerate(begin.times) if when < seconds - 1e-6]
    chosen = {there[round(i * (len(there) - 1) / (_LOOKS - 1))] for i in range(_LOOKS)}
    times = np.array(end.times)
    twins = {number: int(abs(times - (end.seconds - seconds + begin.times[number])).argmin()) for number in chosen}
    return sum(_difference(begin.pictures[n], end.pictures[twin]) for n, twin in twins.items()) / len(chosen)


def _difference(one: npt.NDArray[np.int16], other: npt.NDArray[np.int16]) -> float:
    return float(abs(one - other).mean())
