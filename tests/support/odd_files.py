"""Clips and sounds that are whole and unusual: cameras, phones, cutters and streaming servers write them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import av
import media_files as make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SIZE = make.SMALL

MATRICES = {
    "90": (0, 1, -1, 0),
    "180": (-1, 0, 0, -1),
    "270": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "upside down": (1, 0, 0, -1),
    "mirrored, 90": (0, 1, 1, 0),
    "mirrored, 270": (0, -1, -1, 0),
}
"""a, b, c, d of the display matrix: a pixel at (x, y) is shown at (a x + c y, b x + d y)."""


_STYLES = b"""[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Bold, Italic, Underline, Alignment
Style: Default,Arial,16,&Hffffff,0,0,0,2
[Events]
Format: Layer, Start, End, Style, Text
"""


@make.encoded_once
def clip(
    path: Path,
    seconds: float = 3,
    *,
    container: str = "mp4",
    movflags: str = "",
    muxer: dict[str, str] | None = None,
    x264: dict[str, str] | None = None,
    audio: str | None = "aac",
    rate: int = 48_000,
    layout: str = "mono",
    when: Callable[[int], int] = int,
    metadata: dict[str, str] | None = None,
    silent_track: bool = False,
    words: bool = False,
    frame: Callable[..., Any] = make.numbered,
    size: tuple[int, int] = SIZE,
) -> Path:
    """24 frames a second that carry their numbers, a key frame every twelve, with B-frames."""
    options = {**({"movflags": movflags} if movflags else {}), **(muxer or {})}
    with av.open(str(path), "w", format=container, options=options) as made:
        made.metadata.update(metadata or {})
        video = made.add_stream(
            "libx264", rate=24, options={"preset": "ultrafast", "bf": "2", "g": "12", **(x264 or {})}
        )
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.codec_context.colorspace = 1
        sound = made.add_stream(audio, rate=rate, layout=layout) if audio else None
        if silent_track:
            made.add_stream("aac", rate=48_000, layout="mono")
        text = made.add_stream("mov_text") if words else None
        if text:
            text.codec_context.subtitle_header = _STYLES
        for index in range(round(seconds * 24)):
            shown = make.picture(frame, index, size)
            shown.pts = when(index)
            made.mux(video.encode(shown))
        made.mux(video.encode(None))
        if text:
            packet = av.Packet(b"\0\5hello")
            packet.stream, packet.pts, packet.dts, packet.duration = text, 0, 0, 1000
            made.mux(packet)
        if sound:
            make.add_sound(made, sound, seconds)
    return path


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of the boxes between two places."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size = int.from_bytes(data[start : start + 4], "big") or end - start
        if size == 1:
            size = int.from_bytes(data[start + 8 : start + 16], "big")
        yield data[start + 4 : start + 8], start, start + size
        start += size


def find(data: bytes, *kinds: bytes, number: int = 0) -> tuple[int, int]:
    """Start and end of a box by the types on the way to it; `number` counts equal ones of the first type below moov."""
    start, end = 0, len(data)
    for depth, kind in enumerate(kinds):
        places = [(a, b) for found, a, b in boxes(data, start, end) if found == kind]
        place, end = places[number if depth == 1 else 0]
        start = place + 8
    return start - 8, end


def with_edits(path: Path, track: int, edits: list[tuple[int, int]]) -> Path:
    """Give a track an edit list of (milliseconds, first tick of the media); the index must stand at the end."""
    data = bytearray(path.read_bytes())
    start, end = find(data, b"moov", b"trak", b"edts", b"elst", number=track)
    body = struct.pack(">II", 0, len(edits)) + b"".join(struct.pack(">Iihh", *edit, 1, 0) for edit in edits)
    box = (8 + len(body)).to_bytes(4, "big") + b"elst" + body
    grown = len(box) - (end - start)
    for way in ((b"moov",), (b"moov", b"trak"), (b"moov", b"trak", b"edts")):
        place, _ = find(data, *way, number=track)
        data[place : place + 4] = (int.from_bytes(data[place : place + 4], "big") + grown).to_bytes(4, "big")
    data[start:end] = box
    path.write_bytes(data)
    return path


def with_matrix(path: Path, signs: tuple[int, int, int, int]) -> Path:
    """Say in the header of the first track how its pictures are to be turned, as phones do."""
    data = bytearray(path.read_bytes())
    start, _ = find(data, b"moov", b"trak", b"tkhd")
    a, b, c, d = (sign << 16 for sign in signs)
    place = start + (60 if data[start + 8] else 48)
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def with_open_mdat(path: Path) -> Path:
    """Let the media box reach to the end of the file without saying where that is; the index must stand in front."""
    data = bytearray(path.read_bytes())
    start, end = find(data, b"mdat")
    assert end == len(data)
    data[start : start + 4] = bytes(4)
    path.write_bytes(data)
    return path


def riff(*chunks: tuple[bytes, bytes], kind: bytes = b"RIFF", pad: bool = True) -> bytes:
    """A WAV of these chunks."""
    body = b"WAVE"
    for name, content in chunks:
        body += name + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2 if pad else 0)
    return kind + len(body).to_bytes(4, "little") + body
