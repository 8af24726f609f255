"""Small real clips for the browser: photos under a slow pan, and a frame number burnt in as a bar code."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

PHOTOS = Path(__file__).resolve().parents[3] / "notebooks" / "data"
BITS = 12
CELLS = BITS + 2  # a white and a black cell come first, so that a reader can tell a code from a picture
BAND = 32  # pixels: height of the code at the top of a frame


def coded(picture: np.ndarray, number: int) -> np.ndarray:
    """The picture with `number` written over its top rows, one cell a bit, highest first."""
    picture = picture.copy()
    cells = [1, 0, *(number >> bit & 1 for bit in reversed(range(BITS)))]
    edges = np.linspace(0, picture.shape[1], CELLS + 1).astype(int)
    for cell, left, right in zip(cells, edges, edges[1:], strict=False):
        picture[:BAND, left:right] = 255 * cell
    return picture


def make_clip(
    out: Path,
    photo: str,
    *,
    seconds: float = 10.0,
    fps: int = 24,
    size: tuple[int, int] = (960, 544),
    gop: int = 10,
    speed: float = 1.0,
    code: bool = True,
    tint: float = 0.0,
    sound: bool = False,
) -> Path:
    """An H.264 file of the photo under a slow pan and zoom; every frame carries its number when `code` is set."""
    width, height = size
    image = Image.open(PHOTOS / photo).convert("RGB").resize((int(width * 1.4), int(height * 1.4)))
    count = round(seconds * fps)
    with av.open(str(out), "w", options={"movflags": "+faststart"}) as file:
        stream = file.add_stream(
            "libx264", rate=fps, options={"preset": "ultrafast", "crf": "24", "bf": "0", "g": str(gop)}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        voice = file.add_stream("aac", rate=44_100, layout="mono") if sound else None
        for number in range(count):
            part = number / count * speed
            left, top = (0.4 * width * min(part, 1), 0.2 * height * (1 - min(part, 1)))
            picture = np.asarray(image.crop((int(left), int(top), int(left) + width, int(top) + height)))
            if tint:
                picture = np.clip(picture * np.array([1 + tint, 1, 1 - tint]), 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(coded(picture, number) if code else picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
        if voice:
            _hum(file, voice, seconds)
    return out


def _hum(file: av.container.OutputContainer, voice: av.AudioStream, seconds: float) -> None:
    wave = (0.2 * np.sin(np.arange(int(seconds * 44_100)) * 2 * np.pi * 220 / 44_100)).astype(np.float32)
    for start in range(0, len(wave), 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44_100, start
        file.mux(voice.encode(frame))
    file.mux(voice.encode(None))
