"""Measures of the picture, gathered frame by frame while a clip is decoded once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from av.video.reformatter import ColorRange

from wan_nb.studies.rounding import steady

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["CUT", "Timeline", "cut_scores", "sharpness"]

CUT = 10.0
"""Score from which a change of picture counts as a cut: a real one scored 10.7, strong flicker 6.2."""

_SMALL = 320
_STILL = 0.1
"""Mean change in levels below which a frame repeats the one before; what a codec leaves of a still is smaller."""
_BLACK = 8.0
"""Mean level of a row or column that counts as black: codecs let the picture bleed into bars a little."""

_LOOK_EVERY = 0.5
"""Seconds between the frames whose sharpness is taken: it costs as much as all the rest of a frame."""


def sharpness(luma: NDArray[Any]) -> float:
    """Variance of the Laplacian of a grey picture."""
    inner = luma[1:-1, 1:-1]
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * inner
    return float(laplacian.var())


@dataclass(slots=True)
class Timeline:
    """Running numbers of the frames of a clip, in the order of showing. Levels are 0 (black) to 255 (white)."""

    first: VideoFrame | None = None
    last: VideoFrame | None = None
    times: list[float] = field(default_factory=list)
    changes: list[float] = field(default_factory=list)
    moved: list[float] = field(default_factory=list)
    brightness: list[float] = field(default_factory=list)
    saturation: list[float] = field(default_factory=list)
    sharp: list[float] = field(default_factory=list)
    _before: Floats | None = None
    _rows: Floats | None = None
    _columns: Floats | None = None

    def add(self, frame: VideoFrame) -> None:
        """Take in the next frame."""
        self.first = self.first or frame
        self.last = frame
        planes, floor, scale = _planes(frame)
        sums, count = _sums(planes[0])
        small = (sums / count - floor) * scale
        self.times.append(float(frame.time or 0.0))
        if self.times[-1] - self.times[0] >= len(self.sharp) * _LOOK_EVERY:
            self.sharp.append(sharpness(planes[0] * scale))
        self.brightness.append(float(small.mean()))
        u, v = (plane.astype(np.float64) - 128 for plane in planes[1:])
        self.saturation.append(float(np.hypot(u, v).mean() * (255 / 224 if floor else 1.0)))
        if self._before is not None:
            change = small - self._before
            self.changes.append(float(np.abs(change).mean()))
            self.moved.append(float(np.abs(change - change.mean()).mean()))
        self._before = small
        rows, columns = ((planes[0].mean(axis=axis) - floor) * scale for axis in (1, 0))
        self._rows = rows if self._rows is None else np.maximum(self._rows, rows)
        self._columns = columns if self._columns is None else np.maximum(self._columns, columns)

    @property
    def seconds(self) -> float:
        """Length of the clip: frames times their mean distance."""
        count = len(self.times)
        return (self.times[-1] - self.times[0]) * count / (count - 1) if count > 1 else 0.0

    def numbers(self) -> dict[str, float | None]:
        """``motion, luma_flicker, freeze_share, cuts, cut_score, cut_at, bars_px``, drifts."""
        changes, light = steady(np.array(self.changes)), np.array(self.brightness)
        scores = steady(cut_scores(changes))
        top = float(scores.max()) if len(scores) else None
        cut = top is not None and top >= CUT
        return {
            "motion": float(np.mean(self.moved)) if self.moved else None,
            "luma_flicker": float(np.diff(light, 2).std()) if len(light) > 3 else None,
            "freeze_share": float((changes < _STILL).mean()) if len(changes) else None,
            "cuts": float((scores >= CUT).sum()) if top is not None else None,
            "cut_score": top,
            "cut_at": self.times[int(scores.argmax()) + 1] - self.times[0] if cut else None,
            "bars_px": self._bars(),
            "brightness_drift": self._drift(self.brightness),
            "saturation_drift": self._drift(self.saturation),
        }

    def _drift(self, series: list[float]) -> float | None:
        """Last half second against the first; a fifth of shorter clips."""
        if len(series) < 5:
            return None
        times = np.array(self.times) - self.times[0]
        part = min(_LOOK_EVERY, times[-1] / 5)
        values = np.array(series)
        return float(values[times >= times[-1] - part].mean() - values[times <= part].mean())

    def _bars(self) -> float | None:
        """Rows and columns at the edges that are black from the first frame to the last."""
        if self._rows is None or self._columns is None:
            return None
        if self._rows.max() < _BLACK:  # a black clip has no picture that bars could frame
            return 0.0
        return float(sum(_run(line) + _run(line[::-1]) for line in (self._rows, self._columns)))


def cut_scores(changes: Floats) -> Floats:
    """Score 0 to 100 of each change of frame, as FFmpeg's ``scdet`` counts: large, and unlike the one before."""
    percent = changes * 100 / 256
    jump = np.abs(np.diff(percent, prepend=percent[:1]))
    return np.clip(np.minimum(percent, jump), 0, 100)


def _planes(frame: VideoFrame) -> tuple[list[NDArray[np.uint8]], float, float]:
    """Y, U and V of a frame, the code of black, and levels per code."""
    if frame.format.name not in {"yuv420p", "yuvj420p"}:
        frame = frame.reformat(format="yuv420p")
    planes = []
    for plane in frame.planes:
        data = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        planes.append(data[: plane.height, : plane.width])
    full = frame.color_range == ColorRange.JPEG or frame.format.name == "yuvj420p"
    return planes, (0.0 if full else 16.0), (1.0 if full else 255 / 219)


def _sums(luma: NDArray[np.uint8]) -> tuple[Floats, int]:
    """Sums over squares of pixels, so that the longer side has about 320 of them, and pixels in each."""
    factor = max(1, round(max(luma.shape) / _SMALL))
    height, width = (side // factor for side in luma.shape)
    cut = luma[: height * factor, : width * factor]
    rows = cut.reshape(height, factor, -1).sum(axis=1, dtype=np.uint32)
    return rows.reshape(height, width, factor).sum(axis=2, dtype=np.uint32).astype(np.float64), factor**2


def _run(line: Floats) -> int:
    """Black entries before the first that is not."""
    return int((line >= _BLACK).argmax())
