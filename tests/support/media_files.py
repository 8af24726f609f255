"""Real pictures, sounds and clips for tests, made on the spot: nothing binary is committed."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

DATA = Path(__file__).parents[2] / "notebooks" / "data"

SMALL = (320, 240)
"""Pixels of most clips: the least that the service takes, nearly."""


@cache
def _photo(name: str, size: tuple[int, int] | None) -> Image.Image:
    image = Image.open(DATA / name).convert("RGB")
    return image.resize(size) if size else image


def photo(name: str = "cat.jpg", size: tuple[int, int] | None = None) -> Image.Image:
    return _photo(name, size).copy()


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """A picture that hardly any compression makes smaller."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def turned_photo(path: Path, orientation: int) -> Path:
    """A JPEG as a phone writes it: stored turned, with the tag that says how it is to be shown."""
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo().transpose(back[orientation]).save(path, exif=exif, quality=95)
    return path


def bomb_png(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes whose header promises a huge picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


def bomb_webp(width: int, height: int) -> bytes:
    """The same as WEBP: an extended header with a huge canvas and an empty picture on it."""
    small = io.BytesIO()
    Image.new("RGB", (16, 16)).save(small, "WEBP", lossless=True)
    frame = small.getvalue()[12:]
    canvas = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    animation = b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    place = bytes(6) + struct.pack("<I", 15)[:3] * 2 + struct.pack("<I", 100)[:3] + b"\0" + frame
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + canvas + animation
    body += b"ANMF" + struct.pack("<I", len(place)) + place
    return b"RIFF" + struct.pack("<I", len(body)) + body


def sound(path: Path, seconds: float, codec: str = "libmp3lame", container: str = "mp3", rate: int = 24_000) -> Path:
    """A rising tone, so that its place in time can be heard."""
    with av.open(str(path), "w", format=container) as made:
        add_sound(made, made.add_stream(codec, rate=rate, layout="mono"), seconds)
    return path


def add_sound(made: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    rate, count = stream.rate, round(seconds * stream.rate)
    when = np.arange(count) / rate
    tone = (9000 * np.sin(2 * np.pi * (200 + 30 * when) * when)).astype(np.int16)
    for start in range(0, count, 1024):
        piece = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], format="s16", layout="mono")
        piece.rate, piece.pts = rate, start
        made.mux(stream.encode(piece))
    made.mux(stream.encode(None))


def numbered(index: int, size: tuple[int, int]) -> Image.Image:
    """A frame that carries its number as twelve black or white bars, which survive any encoder."""
    image = photo("coffee.jpg", size)
    width = size[0] // 12
    for bit in range(12):
        shade = (255, 255, 255) if index >> bit & 1 else (0, 0, 0)
        image.paste(shade, (bit * width, 0, (bit + 1) * width, size[1] // 3))
    return image


@lru_cache(maxsize=256)
def _small(index: int) -> np.ndarray:
    return _planes(numbered(index, SMALL)).to_ndarray()


def _planes(image: Image.Image) -> av.VideoFrame:
    return av.VideoFrame.from_image(image).reformat(format="yuv420p", dst_colorspace=1)


def picture(frame: Callable[[int, tuple[int, int]], Image.Image], index: int, size: tuple[int, int]) -> av.VideoFrame:
    """A frame as it is encoded; those of nearly all clips are made once in a process."""
    if (frame, size) == (numbered, SMALL):
        return av.VideoFrame.from_ndarray(_small(index), format="yuv420p")
    return _planes(frame(index, size))


def number_of(image: Image.Image) -> int:
    """The number that a frame carries."""
    width, height = image.size
    grey = image.convert("L")
    return sum((grey.getpixel((int(width // 12 * (bit + 0.5)), height // 6)) > 127) << bit for bit in range(12))


def encoded_once(make: Callable[..., Path]) -> Callable[..., Path]:
    """Decorate a maker of files: what it makes of the same arguments is encoded once a worker, and copied."""
    made: dict[Any, bytes] = {}

    @functools.wraps(make)
    def copied(path: Path, *given: Any, **named: Any) -> Path:
        key = (given, *((name, *value.items()) if isinstance(value, dict) else (name, value)
                        for name, value in sorted(named.items())))  # fmt: skip
        if key not in made:
            made[key] = make(path, *given, **named).read_bytes()
        else:
            path.write_bytes(made[key])
        return path

    return copied


@encoded_once
def clip(
    path: Path,
    seconds: float = 2.0,
    *,
    size: tuple[int, int] = SMALL,
    fps: Fraction | int = 24,
    gop: int = 250,
    bframes: int = 2,
    container: str = "mp4",
    codec: str = "libx264",
    audio: bool = True,
    matrix: int | None = 1,
    frame=numbered,
    options: dict[str, str] | None = None,
) -> Path:
    """A clip whose frames carry their numbers; `matrix` 1 is BT.709, None leaves it untagged (encoded as BT.709)."""
    with av.open(str(path), "w", format=container, options=options or {}) as made:
        stream = made.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.gop_size = gop
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "bf": str(bframes), "crf": "16"}
        if matrix:
            stream.codec_context.colorspace = matrix
        sounds = made.add_stream("aac", rate=48_000, layout="mono") if audio else None
        for index in range(round(seconds * fps)):
            shown = picture(frame, index, size)
            shown.pts = index
            made.mux(stream.encode(shown))
        made.mux(stream.encode(None))
        if sounds:
            add_sound(made, sounds, seconds)
    return path
