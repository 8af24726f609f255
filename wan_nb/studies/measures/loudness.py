"""How loud a clip is, by the filter that FFmpeg carries for it (EBU R 128, ITU-R BS.1770)."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from av.audio.resampler import AudioResampler
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as Ended
from av.filter import Graph

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

__all__ = ["FLOOR", "Loudness"]

FLOOR = -70.0
"""What silence reads, LUFS: the gate of the standard."""

_RATE = 48_000


@dataclass(slots=True)
class Loudness:
    """Running numbers of the sound of a clip."""

    samples: int = 0
    _resampler: AudioResampler | None = None
    _graph: Graph | None = None
    _found: dict[str, str] = field(default_factory=dict)

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
            self._graph.push(part)
            self._read()
        if frame is None:
            self._graph.push(None)
            self._read()

    @property
    def lufs(self) -> float | None:
        """Integrated loudness; None without sound."""
        return max(FLOOR, float(self._found.get("lavfi.r128.I", FLOOR))) if self.samples else None

    def _read(self) -> None:
        assert self._graph is not None
        while True:
            try:
                metadata = self._graph.pull().metadata
            except (NothingYet, Ended):
                return
            self._found.update(metadata)


def _meter(layout: str) -> Graph:
    graph = Graph()
    source = graph.add_abuffer(sample_rate=_RATE, format="fltp", layout=layout, time_base=Fraction(1, _RATE))
    meter = graph.add("ebur128", "metadata=1")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    return graph
