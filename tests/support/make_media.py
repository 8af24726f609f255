"""Materials for `documented_cases.MediaCase`: real files of an asked format, size, length and number of bytes."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from documented_cases import MediaCase

_CODECS = {"WAV": "pcm_s16le", "MP3": "libmp3lame", "OGG": "libopus"}
_CONTAINERS = {"WAV": "wav", "MP3": "mp3", "OGG": "ogg", "MP4": "mp4", "MOV": "mov", "MKV": "matroska"}


def make_media(case: MediaCase) -> bytes:
    """Bytes of the file."""
    if case.format == "TEXT":
        data = b"this is no picture, no sound and no clip\n" * 40
    elif case.format in _CODECS:
        data = sound(case.format, case.seconds, rate=48_000 if case.format == "OGG" else 16_000)
    elif case.format in _CONTAINERS:
        data = clip(case.format, case.width, case.height, case.seconds)
    else:
        data = picture(case.format, case.width, case.height, case.mode)
    return padded(data, case.format, case.bytes) if case.bytes else data


def picture(format: str, width: int, height: int, mode: str = "RGB") -> bytes:  # noqa: A002
    """A soft gradient with a disc."""
    y, x = np.ogrid[0:height, 0:width]
    disc = ((x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 4) ** 2) * np.uint8(90)
    planes = [(x * 160 // width).astype(np.uint8) + disc, (y * 160 // height).astype(np.uint8) + disc, 120 - disc]
    image = Image.fromarray(np.stack(planes, axis=-1))
    if mode == "I;16":
        image = Image.fromarray((np.asarray(image.convert("L")).astype(np.uint16)) * 257)
    elif mode == "RGBA":
        image.putalpha(128)
    else:
        image = image.convert(mode)
    file = io.BytesIO()
    image.save(file, format)
    return file.getvalue()


def sound(format: str, seconds: float, rate: int = 16_000) -> bytes:  # noqa: A002
    """A tone of 440 Hz."""
    file = io.BytesIO()
    wave = (np.sin(np.arange(round(seconds * rate)) * (2 * np.pi * 440 / rate)) * 8000).astype(np.int16)
    with av.open(file, "w", format=_CONTAINERS[format]) as container:
        stream: Any = container.add_stream(_CODECS[format], rate=rate, layout="mono")
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate, frame_size=1024)
        frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()


def clip(format: str, width: int, height: int, seconds: float, fps: int = 4) -> bytes:  # noqa: A002
    """A bar that wanders over grey; no sound."""
    file = io.BytesIO()
    with av.open(file, "w", format=_CONTAINERS[format]) as container:
        stream: Any = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        count = round(seconds * fps)
        for index in range(count):
            pixels = np.full((height, width, 3), 110, np.uint8)
            left = index * (width - 40) // max(1, count - 1)
            pixels[:, left : left + 40] = (220, 60, 40)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def padded(data: bytes, format: str, length: int) -> bytes:  # noqa: A002
    """The same file, as long as asked, by what its format lets readers skip."""
    missing = length - len(data)
    assert missing >= 8
    if format == "WAV":
        chunk = b"JUNK" + (missing - 8).to_bytes(4, "little") + bytes(missing - 8)
        return data[:4] + (length - 8).to_bytes(4, "little") + data[8:] + chunk
    if format in {"MP4", "MOV"}:
        return data + missing.to_bytes(4, "big") + b"free" + bytes(missing - 8)
    return data + bytes(missing)
