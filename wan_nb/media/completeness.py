"""Whether a media file is complete, by the lengths in its own headers; nothing is decoded.

Only a shortage is reported. Whatever else is unusual about a file (an edit list, a tag behind the sound, a missing pad
byte, a length that was not known when it was written) is no sign that anything is missing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from wan_nb.errors import InvalidMedia

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CutOff", "boxes", "missing"]


class CutOff(InvalidMedia):
    """A part of the file is missing."""


_UNKNOWN = 0xFFFFFFFF
"""Size in a WAV that was written into a pipe, or whose size stands in its ds64 chunk."""


def missing(file: BinaryIO, form: str) -> str:
    """What a cut-off file lacks, in words for a message; empty when nothing is seen to be missing.

    Parameters
    ----------
    file : binary file
        Left where it was.
    form : {'MP4', 'MOV', 'WAV', 'MP3'}
        As `wan_nb.media.sources.sniff` names it.

    Examples
    --------
    >>> import io
    >>> missing(io.BytesIO(b"RIFF" + bytes(4) + b"WAVEdata" + (1000).to_bytes(4, "little") + bytes(400)), "WAV")
    'its header promises 1000 bytes of sound, and 400 are there'
    """
    place = file.tell()
    try:
        size = file.seek(0, os.SEEK_END)
        return {"WAV": _of_wav, "MP3": _of_mp3}.get(form, _of_iso)(file, size)
    finally:
        file.seek(place)


def _read(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)


# MP4 and MOV


def _of_iso(file: BinaryIO, size: int) -> str:
    kinds = set()
    for kind, start, body, end in boxes(file, size):
        if kind in {b"moov", b"moof", b"mdat"} and end > size:
            return f"its {kind.decode()} box of {end - start} bytes ends {end - size} bytes behind the end of the file"
        if kind == b"sidx" and (promised := _segments_end(_read(file, body, end - body), end)) > size:
            return f"its segments end {promised - size} bytes behind the end of the file"
        kinds.add(kind)
    return "it has no index" if b"mdat" in kinds and b"moov" not in kinds else ""


def boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Type, start, start of the content and end of each outermost box; a size of 0 reaches to the end of the file."""
    start = 0
    while start + 8 <= size:
        head = _read(file, start, 16)
        length, body = int.from_bytes(head[:4], "big"), start + 8
        if length == 1:
            length, body = int.from_bytes(head[8:], "big"), start + 16
        end = start + length if length else size
        if end < body:
            return
        yield head[4:8], start, body, end
        start = end


def _segments_end(sidx: bytes, after: int) -> int:
    """Where the last segment of a segment index ends; 0 for an index that cannot be read."""
    wide = 8 if sidx[:1] == b"\1" else 4
    count_at = 12 + 2 * wide + 2
    count = int.from_bytes(sidx[count_at : count_at + 2], "big")
    entries = sidx[count_at + 2 :]
    if len(entries) < 12 * count:
        return 0
    offset = int.from_bytes(sidx[12 + wide : 12 + 2 * wide], "big")
    sizes = (int.from_bytes(entries[12 * i : 12 * i + 4], "big") & 0x7FFFFFFF for i in range(count))
    return after + offset + sum(sizes)


# WAV


def _of_wav(file: BinaryIO, size: int) -> str:
    place, whole, block = 12, _UNKNOWN, 1
    while place + 8 <= size:
        head = _read(file, place, 36)
        kind, length = head[:4], int.from_bytes(head[4:8], "little")
        if kind == b"ds64":  # RF64: sizes that 32 bits cannot hold
            whole = int.from_bytes(head[16:24], "little")
        elif kind == b"fmt ":
            block = max(1, int.from_bytes(head[20:22], "little"))
        elif kind == b"data":
            promised, there = whole if length == _UNKNOWN else length, size - place - 8
            # Less than one sample of all channels is nothing that could be heard.
            if promised != _UNKNOWN and promised - there >= block:
                return f"its header promises {promised} bytes of sound, and {there} are there"
            return ""
        place += 8 + length + length % 2
    return ""


# MP3

_BITRATES = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""kbit/s by index for MPEG-1 layer III, and for MPEG-2 and 2.5."""

_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Hz by version bits and index."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """Header of one frame of an MP3: version bits, Hz, bytes of the frame, samples, whether it has one channel."""

    version: int
    rate: int
    length: int
    samples: int
    mono: bool


def _frame(head: bytes) -> _Frame | None:
    """The header at the beginning of these bytes; None for anything else, and for a bitrate that is not stated."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version not in _RATES or bitrate in {0, 15} or rate == 3:
        return None
    first = version == 3
    hertz = _RATES[version][rate]
    length = (144 if first else 72) * _BITRATES[first][bitrate] * 1000 // hertz + (head[2] >> 1 & 1)
    return _Frame(version, hertz, length, 1152 if first else 576, head[3] >> 6 == 3)


def _of_mp3(file: BinaryIO, size: int) -> str:
    data = _read(file, 0, size)
    place = 0
    while data[place : place + 3] == b"ID3":
        a, b, c, d = data[place + 6 : place + 10].ljust(4, b"\0")
        place += 10 + (a << 21 | b << 14 | c << 7 | d) + (10 if data[place + 5 : place + 6] > b"\x0f" else 0)
    place = _next_pair(data, place)
    if place < 0:
        return ""
    first = _frame(data[place : place + 4])
    assert first
    promised, count = _stated_frames(data[place : place + 200], first), 0
    while 0 <= place < size:
        found = _frame(data[place : place + 4])
        if found and (found.version, found.rate) == (first.version, first.rate):
            if place + found.length > size:
                return "its last frame of sound is not all there"
            place, count = place + found.length, count + 1
        else:
            place = _next_pair(data, place)
    if count < promised:
        seconds = first.samples / first.rate
        return f"its header promises {promised * seconds:.2f} s of sound, and {count * seconds:.2f} s are there"
    return ""


def _next_pair(data: bytes, place: int) -> int:
    """Where the next two frames stand one behind the other, which hardly happens by chance; -1 for nowhere."""
    while (place := data.find(b"\xff", place)) >= 0:
        found = _frame(data[place : place + 4])
        if found:
            after = data[place + found.length : place + found.length + 4]
            second = _frame(after)
            if second and (second.version, second.rate) == (found.version, found.rate):
                return place
        place += 1
    return -1


def _stated_frames(data: bytes, first: _Frame) -> int:
    """Number of frames that a Xing, Info or VBRI header in the first frame states; 0 without one."""
    side = (17 if first.mono else 32) if first.version == 3 else (9 if first.mono else 17)
    xing = data[4 + side :]
    if xing[:4] in {b"Xing", b"Info"} and len(xing) >= 12 and xing[7] & 1:
        return int.from_bytes(xing[8:12], "big")
    if data[36:40] == b"VBRI":
        return int.from_bytes(data[50:54], "big")
    return 0
