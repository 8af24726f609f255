"""Encoding of a clip as MP4 (H.264 and AAC, 4:2:0, faststart).

A clip starts on its first frame or clip, ends on its last frame, and a camera moves through it as the prompt says.
"""

from __future__ import annotations

import secrets
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.video.reformatter import ColorRange

from wan_nb.simulator.drawing.frames import frames_of
from wan_nb.simulator.drawing.sound import RATE, sound_of

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from wan_nb.simulator.drawing.clip_request import ClipRequest

__all__ = ["ENCODER", "DrawingStopped", "draw", "new_video_stream", "tagged"]

ENCODER = {"preset": "superfast", "crf": "22", "g": "48", "bf": "0"}
"""Options of libx264. Two seconds between key frames and no reordering keep seeking and stepping quick."""


class DrawingStopped(Exception):
    """The drawing was stopped before its end."""


def draw(request: ClipRequest, path: Path, stop: threading.Event) -> None:
    """Write the clip of a request; whole or not at all.

    Raises
    ------
    DrawingStopped
        When ``stop`` is set meanwhile.
    """
    part = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.mp4")
    try:
        with av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            container.metadata["comment"] = "SIMULATED"
            _write(container, request, stop)
        part.write_bytes(tagged(part.read_bytes(), request.tag))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def tagged(clip: bytes, tag: str) -> bytes:
    r"""Clip with a free box at its end that makes its bytes unique.

    >>> tagged(b"", "x")
    b'\x00\x00\x00\tfreex'
    """
    return clip + (8 + len(tag)).to_bytes(4, "big") + b"free" + tag.encode()


def new_video_stream(container: Any, size: tuple[int, int], fps: int) -> Any:
    """Stream with the encoder settings of every clip (also what the benchmark encodes with)."""
    stream = container.add_stream("libx264", rate=fps, options=ENCODER)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.thread_count = 1
    context.colorspace = context.color_primaries = context.color_trc = 1
    context.color_range = ColorRange.MPEG
    return stream


def _write(container: Any, request: ClipRequest, stop: threading.Event) -> None:
    video = new_video_stream(container, request.size, request.fps)
    audio = container.add_stream("aac", rate=RATE, layout="stereo", options={"aac_coder": "fast"})
    audio.bit_rate = 128_000
    sound = sound_of(request)
    encoded = 0
    for index, frame in enumerate(frames_of(request)):
        if stop.is_set():
            raise DrawingStopped
        frame.pts, frame.time_base = index, Fraction(1, request.fps)
        container.mux(video.encode(frame))
        # Sound goes along with the picture, so that the file is interleaved for streaming.
        due = min(sound.shape[1], (index + 1) * RATE // request.fps)
        while encoded < sound.shape[1] and encoded < due:
            container.mux(audio.encode(_sound_frame(sound[:, encoded : encoded + 1024], encoded)))
            encoded += 1024
    container.mux(video.encode())
    container.mux(audio.encode())


def _sound_frame(samples: Any, start: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
    return frame
