"""How loud a clip is, by the filter that FFmpeg carries for it (EBU R 128, ITU-R BS.1770)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from av.audio.resampler import AudioResampler
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as Ended
from av.filter import Graph

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from numpy.typing import NDArray

__all__ = ["FLOOR", "Loudness"]

FLOOR = -70.0
"""What silence reads, LUFS and dBTP: the gate of the standard."""

_RATE = 48_000
_WINDOW = 2_400
_SILENT = 10 ** (-50 / 20)
"""Effective level, of full scale, below which 50 ms are silent."""


@dataclass(slots=True)
class Loudness:
    """Running numbers of the sound of a clip."""

    samples: int = 0
    _resampler: AudioResampler | None = None
    _graph: Graph | None = None
    _found: dict[str, str] = field(default_factory=dict)
    _peak: float = 0.0
    _rest: NDArray[np.float32] | None = None
    _levels: list[NDArray[np.float32]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Length of what was heard."""
        return self.samples / _RATE

    def add(self, frame: AudioFrame | None) -> None:
        """Take in the next frame; None ends the sound."""
        if self._resampler is None:
            if frame is None:
                return
            # The layout stays: one channel counts half as loud as the same sound on two.
            self._resampler = AudioResampler("fltp", frame.layout.name, _RATE)
            self._graph = _meter(frame.layout.name)
        assert self._graph is not None
        for part in self._resampler.resample(frame):
            # A source that starts late or has gaps must not make the meter guess: it counts samples.
            part.pts, part.time_base = self.samples, Fraction(1, _RATE)
            self.samples += part.samples
            self._hear(np.asarray(part.to_ndarray(), np.float32))
            self._graph.push(part)
            self._read()
        if frame is None:
            self._graph.push(None)
            self._read()

    def numbers(self) -> dict[str, float | None]:
        """``lufs, true_peak, silence_share``; None without sound."""
        if not self.samples:
            return {"lufs": None, "true_peak": None, "silence_share": None}
        levels = np.concatenate(self._levels) if self._levels else np.zeros(0)
        return {
            "lufs": max(FLOOR, float(self._found.get("lavfi.r128.I", FLOOR))),
            "true_peak": max(FLOOR, 20 * math.log10(self._peak)) if self._peak else FLOOR,
            "silence_share": float((levels < _SILENT).mean()) if len(levels) else None,
        }

    def _hear(self, sound: NDArray[np.float32]) -> None:
        if self._rest is not None:
            sound = np.concatenate([self._rest, sound], axis=1)
        whole = sound.shape[1] // _WINDOW * _WINDOW
        windows = sound[:, :whole].reshape(sound.shape[0], -1, _WINDOW)
        # The loudest channel decides: a voice on one side only is not silence.
        self._levels.append(np.sqrt((windows**2).mean(axis=2)).max(axis=0))
        self._rest = sound[:, whole:]

    def _read(self) -> None:
        assert self._graph is not None
        while True:
            try:
                metadata = self._graph.pull().metadata
            except (NothingYet, Ended):
                return
            self._found.update(metadata)
            self._peak = max(self._peak, float(metadata.get("lavfi.r128.true_peak", 0.0)))


def _meter(layout: str) -> Graph:
    graph = Graph()
    source = graph.add_abuffer(sample_rate=_RATE, format="fltp", layout=layout, time_base=Fraction(1, _RATE))
    meter = graph.add("ebur128", "metadata=1:peak=true")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    return graph
