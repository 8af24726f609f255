"""Sound of a clip: the driving audio cut or padded with silence, the continued clip's own, or a synthesized chord."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import numpy.typing as npt

from wan_nb.simulator.account.materials import opened

if TYPE_CHECKING:
    from wan_nb.simulator.drawing.clip_request import ClipRequest

__all__ = ["RATE", "sound_of", "synthesized"]

RATE = 48_000
"""Samples per second of everything here."""

Samples = npt.NDArray[np.float32]

_CHORDS = ((0, 7, 12, 16), (0, 5, 12, 17), (0, 7, 10, 15), (0, 4, 11, 14), (0, 7, 14, 21))
"""Semitones above the root: open, soft-edged chords."""


def sound_of(request: ClipRequest) -> Samples:
    """Two channels of exactly its length."""
    total = round(request.seconds * RATE)
    if request.sound == "none":
        return np.zeros((2, total), np.float32)
    if request.driving_audio is not None and request.driving_audio.data is not None:
        return _cut_or_padded(_decode(request.driving_audio.data, total), total)
    given = request.first_clip or (request.edited_clip if request.sound == "given" else None)
    if given is None or given.data is None:
        return synthesized(request.seconds, request.seed)
    length = min(total, round(given.seconds * RATE))
    own = _cut_or_padded(_decode(given.data, length), length)
    rest = synthesized(request.seconds, request.seed)[:, own.shape[1] :]
    rise = min(RATE, rest.shape[1])
    rest[:, :rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    return np.concatenate([own, rest], axis=1)


def synthesized(seconds: float, seed: int) -> Samples:
    """A chord over quiet noise, different for every seed; fades in and out."""
    rng = np.random.default_rng(seed)
    total = round(seconds * RATE)
    t = np.arange(total, dtype=np.float32) / RATE
    root = 110.0 * 2 ** (rng.integers(-3, 5) / 12)
    sound = np.zeros((2, total), np.float32)
    for step in _CHORDS[rng.integers(len(_CHORDS))]:
        pitch, swell, side = root * 2 ** (step / 12), rng.uniform(0.07, 0.22), rng.uniform(0.3, 0.7)
        tone = np.sin(2 * np.pi * pitch * t + rng.uniform(0, 6)) * (0.6 + 0.4 * np.sin(2 * np.pi * swell * t))
        sound += np.outer([side, 1 - side], tone).astype(np.float32)
    # Noise of a few hundred hertz: coarse random points, joined by lines.
    points = rng.standard_normal(math.ceil(seconds * 600) + 2).astype(np.float32)
    noise = np.interp(t * 600, np.arange(points.size), points) * (0.5 + 0.5 * np.sin(2 * np.pi * 0.11 * t))
    sound = 0.055 * sound + 0.012 * noise.astype(np.float32)
    fade = np.minimum(1.0, np.minimum(t / 0.4, (seconds - t) / 0.6)).astype(np.float32)
    return np.ascontiguousarray(sound * fade)


def _cut_or_padded(sound: Samples, total: int) -> Samples:
    cut = sound[:, :total]
    return np.pad(cut, ((0, 0), (0, total - cut.shape[1])))


def _decode(data: bytes, enough: int) -> Samples:
    """Sound of a file, at least ``enough`` samples where it has them."""
    blocks: list[Any] = []
    decoded = 0
    with opened(data) as container:
        if not container.streams.audio:
            return np.zeros((2, 0), np.float32)
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
        for frame in container.decode(audio=0):
            blocks += [block.to_ndarray() for block in resampler.resample(frame)]
            decoded += frame.samples * RATE // frame.sample_rate
            if decoded > enough:
                break
        blocks += [block.to_ndarray() for block in resampler.resample(None)]
    return np.concatenate(blocks, axis=1) if blocks else np.zeros((2, 0), np.float32)
