"""Measures of the picture, gathered frame by frame while a clip is decoded once."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from av.video.reformatter import ColorRange

from wan_nb.studies.rounding import steady

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int16 | np.int32]

__all__ = ["Timeline", "cuts", "likeness", "sharpness"]

_SMALL = 320
_TILE = 8
_STILL = 2.5
"""Mean change in levels of any part of the picture below which a frame repeats the last one that differed."""
_FREEZE = 0.25
"""Seconds from which on a picture that stands counts as frozen: content of 10 fps in 30 stands for a tenth."""
_ANEW = 0.4
"""Likeness below which two pictures may be of two scenes; unrelated ones have 0.2, those of a fast pan 0.6."""
_DROP = 0.3
"""How far the likeness falls at a cut below what is usual around it."""
_SAME = 0.6
"""Likeness from which on a scene goes on after a flash."""
_OTHERS = 3
"""Changes around one that say what is usual; with fewer, a picture that stands is."""
_NOISE = 0.7
"""Levels that count for nothing in a likeness."""
_SEEN = 1.0
"""Levels by which two scenes differ at least: the last pictures of a fade to black are alike and different by noise."""
_NEAR = 0.5
"""Seconds around a change in which others say what is usual here."""
_BLACK = 8.0
"""Mean level of a row or column that counts as black: codecs let the picture bleed into bars a little."""

_LOOK_EVERY = 0.5
"""Seconds between the frames whose sharpness is taken: it costs as much as all the rest of a frame."""


_BAND = 48
"""Rows of a picture, and small pictures, that are looked at together: what is made of them stays in the cache."""

_COLOURFUL = np.hypot.outer(np.arange(256) - 128.0, np.arange(256) - 128.0).ravel()
"""Distance from grey by the codes of U and V; to look it up takes a sixth of the time."""


def sharpness(luma: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of a grey picture."""
    total = squares = 0.0
    for start in range(1, len(luma) - 1, _BAND):
        grey = luma[start - 1 : start + _BAND + 1].astype(np.int16)
        laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1]
        laplacian += grey[1:-1, :-2]
        laplacian += grey[1:-1, 2:]
        laplacian -= 4 * grey[1:-1, 1:-1]
        total += int(laplacian.sum(dtype=np.int64))
        squares += int(np.multiply(laplacian, laplacian, dtype=np.int32).sum(dtype=np.int64))
    count = (luma.shape[0] - 2) * (luma.shape[1] - 2)
    return float(squares / count - (total / count) ** 2)


@dataclass(slots=True)
class Timeline:
    """Running numbers of the frames of a clip, in the order of showing. Levels are 0 (black) to 255 (white)."""

    first: VideoFrame | None = None
    last: VideoFrame | None = None
    times: list[float] = field(default_factory=list)
    moved: list[float] = field(default_factory=list)
    brightness: list[float] = field(default_factory=list)
    saturation: list[float] = field(default_factory=list)
    sharp: list[float] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    scenes: list[Floats] = field(default_factory=list)
    looks_at_sharpness: bool = True
    _late: deque[tuple[int, NDArray[np.uint8], NDArray[np.uint8], float]] = field(default_factory=deque)
    _before: Whole | None = None
    _differed: Whole | None = None
    _edges: list[int] = field(default_factory=list)

    def add(self, frame: VideoFrame) -> None:
        """Take in the next frame."""
        self.first = self.first or frame
        self.last = frame
        (luma, u, v), floor, scale = _planes(frame)
        small, count = _sums(luma, _SMALL)
        self.times.append(float(frame.time or 0.0))
        if self.looks_at_sharpness and self.times[-1] - self.times[0] >= len(self.sharp) * _LOOK_EVERY:
            self.sharp.append(sharpness(luma) * scale**2)
        self.brightness.append((float(small.mean()) / count - floor) * scale)
        self._add_colours(u, v, 255 / 224 if floor else 1.0)
        if self._before is not None:
            self.moved.append(_deviation(small - self._before) / count * scale)
        self._before = small
        if self._differed is None or _most(np.abs(small - self._differed)) / count * scale >= _STILL:
            self._differed = small
            self.shown.append(len(self.times) - 1)
            coarse, squares = _sums(small, _SMALL // 4)
            self.scenes.append((coarse / (squares * count) - floor) * scale)
        sides = luma, luma[::-1], luma.T, luma.T[::-1]
        most = self._edges or map(len, sides)
        self._edges = [n and _black(side[:n], floor, scale) for side, n in zip(sides, most, strict=True)]

    def _add_colours(self, u: NDArray[np.uint8], v: NDArray[np.uint8], scale: float) -> None:
        """Take in the colours of a frame: those of the first half second count, and those of the last one."""
        now = self.times[-1]
        self.saturation.append(_colourful(u, v, scale) if now - self.times[0] <= _LOOK_EVERY else math.nan)
        while self._late and now - self.times[self._late[0][0]] > _LOOK_EVERY + 1e-6:
            self._late.popleft()
        self._late.append((len(self.times) - 1, u.copy(), v.copy(), scale))

    @property
    def seconds(self) -> float:
        """Length of the clip: frames times their mean distance."""
        count = len(self.times)
        return (self.times[-1] - self.times[0]) * count / (count - 1) if count > 1 else 0.0

    def numbers(self) -> dict[str, float | None]:
        """``motion, luma_flicker, freeze_share, cuts, cut_at, bars_px``, drifts."""
        times = np.array(self.times)
        found = cuts(_details(self.scenes), times[self.shown])
        for frame, u, v, scale in self._late:
            self.saturation[frame] = _colourful(u, v, scale)
        at = {self.shown[place + 1] for place in found}
        moved = [each for frame, each in enumerate(self.moved, 1) if frame not in at]
        return {
            "motion": float(np.mean(moved)) if moved else None,
            "luma_flicker": self._flicker(found),
            "freeze_share": self._frozen(),
            "cuts": float(len(found)) if len(times) > 1 else None,
            "cut_at": float(times[min(at)] - times[0]) if at else None,
            "bars_px": self._bars(),
            "brightness_drift": self._drift(self.brightness),
            "saturation_drift": self._drift(self.saturation),
        }

    def _flicker(self, found: Sequence[int]) -> float | None:
        """How far the brightness of a picture stands off the mean of the one before and the one after, halved.

        Halved, so that levels which alternate by 4 up and down read 4. Pictures at a cut are left out.
        """
        if len(self.times) < 4:
            return None
        light = np.array(self.brightness)[self.shown]
        if len(light) < 3:
            return 0.0
        keep = [place for place in range(1, len(light) - 1) if not {place - 1, place} & set(found)]
        off = (light[1:-1] - (light[:-2] + light[2:]) / 2)[[place - 1 for place in keep]]
        return float(np.sqrt((off**2).mean()) / 2) if keep else 0.0

    def _frozen(self) -> float | None:
        """Share of the frames that repeat a picture which stands for a quarter of a second or longer."""
        if len(self.times) < 2:
            return None
        times = [*self.times, self.times[0] + self.seconds]
        ends = [*self.shown[1:], len(self.times)]
        stands = [(end - start, times[end] - times[start]) for start, end in zip(self.shown, ends, strict=True)]
        return sum(frames - 1 for frames, seconds in stands if seconds >= _FREEZE) / (len(self.times) - 1)

    def _drift(self, series: list[float]) -> float | None:
        """Last half second against the first; a fifth of shorter clips."""
        if len(series) < 5:
            return None
        times = np.array(self.times) - self.times[0]
        part = min(_LOOK_EVERY, times[-1] / 5)
        values = np.array(series)
        return float(np.nanmean(values[times >= times[-1] - part]) - np.nanmean(values[times <= part]))

    def _bars(self) -> float | None:
        """Rows and columns at the edges that are black from the first frame to the last."""
        if self.last is None:
            return None
        (top, bottom), (left, right) = self._edges[:2], self._edges[2:]
        if top == self.last.height:  # a black clip has no picture that bars could frame
            return 0.0
        return float(top + bottom + (left + right if left < self.last.width else 0))


def cuts(scenes: Sequence[Floats], times: Floats) -> list[int]:
    """Places of the pictures after which another scene begins.

    A cut is a change to an unlike picture where the changes around it are between like ones, or where there are none:
    so boiling and flicker are none, and neither is a flash, after which the scene before goes on.

    Parameters
    ----------
    scenes : sequence of array
        Pictures that differ from the one before, small, without their coarse brightness.
    times : array
        When each is first shown, s.
    """
    known: dict[int, float] = {}

    def alike(place: int) -> float:
        if place not in known:
            known[place] = steady(likeness(scenes[place], scenes[place + 1]))
        return known[place]

    found = []
    for place, (one, other) in enumerate(pairwise(scenes)):
        # The fit without a shift is a lower bound of the best fit, which takes long to look for.
        if float((one * other).sum()) / _power(one, other) >= _ANEW or alike(place) >= _ANEW:
            continue
        near = [n for n in np.flatnonzero(np.abs(times[1:] - times[place + 1]) <= _NEAR).tolist() if n != place]
        usual = float(np.median([alike(n) for n in near])) if len(near) >= _OTHERS else 1.0
        seen = ((other - one) ** 2).mean() >= _SEEN**2
        if seen and usual - alike(place) > _DROP and not _flash(scenes, place):
            found.append(place)
    return found


def _flash(scenes: Sequence[Floats], place: int) -> bool:
    """Whether the scene before a change goes on within two pictures."""
    ways = ((0, 2), (0, 3), (-1, 1), (-2, 1), (-1, 2))
    pairs = [(place + one, place + other) for one, other in ways]
    return any(likeness(scenes[a], scenes[b]) >= _SAME for a, b in pairs if a >= 0 and b < len(scenes))


def likeness(one: Floats, other: Floats) -> float:
    """Correlation of two small pictures where they fit best, moved by at most a quarter: 1 the same, 0 unrelated.

    Noise of less than a level counts for nothing, so that two flat pictures are not alike by it.
    """
    surface = np.fft.irfft2(np.fft.rfft2(one) * np.fft.rfft2(other).conj(), s=one.shape) / _power(one, other)
    high, wide = (side // 4 for side in one.shape)
    near = np.roll(surface, (high, wide), axis=(0, 1))[: 2 * high + 1, : 2 * wide + 1]
    return float(near.max())


def _power(one: Floats, other: Floats) -> float:
    """What the correlation of two pictures is a share of."""
    return float(np.sqrt(((one**2).sum() + one.size * _NOISE**2) * ((other**2).sum() + other.size * _NOISE**2)))


def _details(pictures: Sequence[Floats]) -> list[Floats]:
    """Pictures without what is coarser than five of their pixels."""
    found: list[Floats] = []
    for start in range(0, len(pictures), _BAND):
        coarse = blurred = np.stack(pictures[start : start + _BAND])
        for _ in range(2):  # columns, then rows
            edged = np.pad(blurred, [(0, 0), (0, 0), (2, 2)], "edge")
            five = [edged[..., n : edged.shape[2] - 4 + n] for n in range(5)]
            blurred = (sum(five[1:], five[0]) / 5).transpose(0, 2, 1)
        found += list(coarse - blurred)
    return found


def _colourful(u: NDArray[np.uint8], v: NDArray[np.uint8], scale: float) -> float:
    """Mean distance from grey of a frame."""
    total = 0.0
    for start in range(0, len(u), _BAND):
        codes = u[start : start + _BAND].astype(np.intp)
        codes <<= 8
        codes |= v[start : start + _BAND]
        total += float(_COLOURFUL.take(codes, mode="clip").sum())
    return total / u.size * scale


def _deviation(change: Whole) -> float:
    """Mean distance of whole numbers from their mean; they are gone after it."""
    mean = float(change.mean())
    low = math.floor(mean)
    change -= low
    below = change.size - int(np.count_nonzero(change > 0))
    distance = int(np.abs(change, out=change).sum(dtype=np.int64))
    return (distance + (mean - low) * (2 * below - change.size)) / change.size


def _most(change: Whole) -> float:
    """Largest mean of a tile: a part that moves while all else stands."""
    if min(change.shape) < _TILE:
        return float(change.mean())
    return float(_squares(change, _TILE).max()) / _TILE**2


def _planes(frame: VideoFrame) -> tuple[list[NDArray[np.uint8]], float, float]:
    """Y, U and V of a frame, the code of black, and levels per code."""
    if frame.format.name not in {"yuv420p", "yuvj420p"}:
        frame = frame.reformat(format="yuv420p", threads=1)
    planes = []
    for plane in frame.planes:
        data = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        planes.append(data[: plane.height, : plane.width])
    full = frame.color_range == ColorRange.JPEG or frame.format.name == "yuvj420p"
    return planes, (0.0 if full else 16.0), (1.0 if full else 255 / 219)


def _sums(values: NDArray[np.uint8] | Whole, side: int) -> tuple[Whole, int]:
    """Sums over squares, so that the longer side has about so many of them, and how many pixels are in each.

    They stay whole numbers: quick to compare, and the same on every processor.
    """
    factor = max(1, round(max(values.shape) / side))
    small = values.dtype == np.uint8 and 2 * 255 * factor**2 < 2**15  # twice: for differences of differences
    return _squares(values, factor, np.int16 if small else np.int32), factor**2


def _squares(values: NDArray[np.uint8] | Whole, side: int, kind: type = np.int32) -> Whole:
    """Sums over squares of so many rows and columns; what is left over at the ends counts for nothing."""
    high, wide = (length // side for length in values.shape)
    rows = np.add.reduce(values[: high * side, : wide * side].reshape(high, side, -1), axis=1, dtype=kind)
    total: Whole = rows[:, ::side].copy()
    for start in range(1, side):
        total += rows[:, start::side]
    return total


def _black(side: NDArray[np.uint8], floor: float, scale: float) -> int:
    """Rows at the beginning that are black."""
    seen = (side.mean(axis=1) - floor) * scale >= _BLACK
    return int(seen.argmax()) if seen.any() else len(side)
