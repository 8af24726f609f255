"""Finished clips: whether a file is whole, its frames, its end, a light copy, its sidecar.

The delivered file is only ever read. It may carry C2PA boxes and labels that the law asks for, and writing a clip again
drops them, so everything made from a clip is another file, there under its name only when it is complete.

Every function raises `InvalidMedia` for a clip that cannot be played, and `OSError` for a file that cannot be read or
written; their own errors are listed with them.
"""

from __future__ import annotations

import io
import json
import os
from contextlib import nullcontext
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL import Image

from wan_nb.api import catalog
from wan_nb.errors import InvalidMedia
from wan_nb.media import one_pass, video
from wan_nb.media.completeness import CutOff, missing
from wan_nb.media.files import STRIP_BYTES, atomic, file_sha256
from wan_nb.media.sources import sniff

if TYPE_CHECKING:
    from collections.abc import Mapping

    from av.container import InputContainer
    from av.video.frame import VideoFrame

__all__ = ["ClipFacts", "delivered", "frame", "inspect_clip", "proxy", "shrunk", "sidecar", "sound", "strip", "tail"]


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a clip's file says about itself.

    Attributes
    ----------
    width, height : int
        Pixels, as shown: a display matrix may have turned what is stored.
    fps : float
        Frames per second, average.
    seconds : float
        From the first frame to the end of the last one.
    video_codec : str
        As FFmpeg calls it, such as ``h264``.
    sha256 : str
        64 hex digits over the whole file.
    unchecked : str
        Why the clip could not be checked; the numbers that could not be told are then 0, the codecs empty. Only
        `delivered` gives such facts.
    cut_off : bool
        The reason is that a part of it is missing.
    """

    width: int
    height: int
    fps: float
    seconds: float
    frames: int
    video_codec: str
    audio_codec: str | None
    has_audio: bool
    bytes: int
    sha256: str
    unchecked: str = ""
    cut_off: bool = False


class _Ends(one_pass.Maker):
    """Notes how large the first frame is, and which one came last."""

    size = (0, 0)
    last: int | None = None

    def add(self, frame: VideoFrame) -> None:
        """Look at the next frame."""
        self.size = self.size if any(self.size) else (frame.width, frame.height)
        self.last = frame.pts


def inspect_clip(source: str | Path | BinaryIO, *makers: one_pass.Maker) -> ClipFacts:
    """Facts of a clip, if its file is whole and can be played.

    Parameters
    ----------
    source : path or binary file
    *makers : Maker
        Given all of it: then all of it is decoded, and not only its ends.

    Raises
    ------
    InvalidMedia
        No MP4 or MOV, no video in it, cut off, or not decodable.

    Examples
    --------
    >>> inspect_clip("wan_runs/videos/3f9c0a1b2c3d.mp4").frames  # doctest: +SKIP
    120
    """
    with Path(source).open("rb") if isinstance(source, (str, Path)) else nullcontext(source) as file:
        if lack := missing(file, "MP4"):
            raise CutOff(f"the file is cut off: {lack}.")
        ends = _Ends()
        if makers:
            one_pass.one_pass(file, [ends, *makers])
            file.seek(0)
    with video.opened(source) as (container, file):
        times = video.scan(container)
        # Decoding is what costs, so only both ends are decoded: the first group of pictures shows that there is a
        # decoder for it, the last one that it plays to the end. Decoding the rest would find nothing more in a
        # transfer whose length was checked.
        first, last = times.shown[0], times.shown[-1]
        second_key = next((key for key in times.keys if key > first), times.end)
        last_key = max((key for key in times.keys if key <= last), default=first)
        whole = ends.error is None and ends.last is not None and ends.last >= last_key
        sizes = {first: ends.size}
        for start, stop in () if whole else {(first, second_key), (max(first, last_key), times.end)}:
            decoded = [(picture.width, picture.height) for picture in video.frames(container, times, start, stop)]
            if not decoded:
                raise InvalidMedia("no picture comes out of the clip.")
            sizes[start] = decoded[0]
        picture, sound = video.picture_of(container), video.sound_of(container)
        width, height = sizes[first]
        return ClipFacts(
            width=width,
            height=height,
            fps=float(picture.average_rate or 0),
            seconds=float((times.end - first) * video.tick(container)),
            frames=len(times.shown),
            video_codec=picture.codec_context.name,
            audio_codec=sound.codec_context.name if sound else None,
            has_audio=sound is not None,
            bytes=file.seek(0, os.SEEK_END),
            sha256=file_sha256(file),
        )


def _shown_size(container: InputContainer, times: video.Times) -> tuple[int, int]:
    """Width and height as shown, which a display matrix may have turned."""
    first = next(video.frames(container, times, times.shown[0], times.end), None)
    if first is None:
        raise InvalidMedia("no picture comes out of the clip.")
    return first.width, first.height


_FILMS = frozenset({"MP4", "MOV", "3GP", "M4A", "AVI", "FLV", "WebM or Matroska"})


def delivered(path: Path, *makers: one_pass.Maker) -> ClipFacts | None:
    """Facts of a file that the service delivered, also of one that cannot be checked: it is paid, so it is kept.

    Parameters
    ----------
    path : Path
    *makers : Maker
        What is made of it in the same decoding.

    Returns
    -------
    ClipFacts or None
        None when its first bytes are those of no film at all, or there is no file.
    """
    if not path.exists():
        return None
    with path.open("rb") as file:
        try:
            return inspect_clip(file, *makers)
        except InvalidMedia as error:
            reason, cut_off = error.message, isinstance(error, CutOff)
        file.seek(0)
        if sniff(file.read(512)) not in _FILMS:
            return None
        size, sha256 = file.seek(0, os.SEEK_END), file_sha256(file)
    return ClipFacts(0, 0, 0.0, 0.0, 0, "", None, False, size, sha256, unchecked=reason, cut_off=cut_off)


def frame(path: str | Path, index: int = -1) -> Image.Image:
    """One frame of a clip, exactly that one, in full size and RGB.

    Parameters
    ----------
    index : int
        As in a list: 0 is the first frame, -1 the last.

    Raises
    ------
    IndexError
        The clip has no such frame.

    Examples
    --------
    >>> frame("walk.mp4", -1).size  # doctest: +SKIP
    (1280, 720)
    """
    with video.opened(path) as (container, _):
        times = video.scan(container)
        count = len(times.shown)
        if not -count <= index < count:
            raise IndexError(f"{Path(path).name} has {count} frames: no index {index}")
        wanted = times.shown[index]
        picture = next(video.frames(container, times, wanted, wanted + 1), None)
        if picture is None:
            raise InvalidMedia(f"{Path(path).name}: frame {index} cannot be decoded.")
        return video.as_image(picture)


def strip(path: str | Path, *, frames: int = 6, max_bytes: int = STRIP_BYTES) -> bytes:
    """Frames of a clip side by side in one small JPEG, evenly spread from the very first to the very last.

    Six frames of a 16:9 clip are 960 x 90 pixels: meant to be shown at half that, sharp on dense screens.

    Parameters
    ----------
    frames : int
        At least 1. Each takes the same share of the width, so the first one can be cut out as a poster.
    max_bytes : int
        Quality goes down first, then size, until it fits.

    Raises
    ------
    ValueError
        `max_bytes` is too few for any picture.

    Examples
    --------
    >>> len(strip("walk.mp4")) <= 15_000  # doctest: +SKIP
    True
    """
    return jpeg(one_pass.made(path, one_pass.Strip(frames)), max_bytes, Path(path).name)


def jpeg(strip: one_pass.Strip, max_bytes: int = STRIP_BYTES, name: str = "the clip") -> bytes:
    """A strip that is made as a small JPEG; see `strip`."""
    if (sheet := strip.sheet) is None:
        raise InvalidMedia(f"{name}: its first frame cannot be decoded.")
    return _jpeg(sheet, strip.frames, max_bytes)


def shrunk(picture: bytes, max_bytes: int, *, frames: int = 6) -> bytes:
    """A strip again in fewer bytes, for where many of them stand together.

    Raises
    ------
    OSError
        It is no picture.
    ValueError
        `max_bytes` is too few for any picture.
    """
    with Image.open(io.BytesIO(picture)) as sheet:
        if len(picture) <= max_bytes:
            return picture
        # Bytes go with the pixels: what is surely too large is not tried.
        tile = round(sheet.width / frames * min(1.0, 1.2 * (max_bytes / len(picture)) ** 0.5))
        return _jpeg(sheet.convert("RGB"), frames, max_bytes, tile)


def _jpeg(sheet: Image.Image, frames: int, max_bytes: int, tile: int = 0) -> bytes:
    """JPEG of at most `max_bytes`, its frames at most `tile` wide; the width stays a multiple of their number."""
    tile = tile or sheet.width // frames
    while tile >= 8:
        small = sheet.resize((tile * frames, max(1, round(sheet.height * tile * frames / sheet.width))))
        for quality in range(84, 40, -6):
            buffer = io.BytesIO()
            small.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
            if buffer.tell() <= max_bytes:
                return buffer.getvalue()
        tile = tile * 7 // 8
    raise ValueError(f"no strip of {frames} frames fits in {max_bytes} bytes")


def proxy(path: str | Path, out: str | Path, *, width: int = 960, gop: int = 10, most: int | None = None) -> Path:
    """Light copy of a clip: seeks in a blink, keeps every frame at its time, and has no sound unless its size is given.

    Parameters
    ----------
    out : path
        The MP4 to write. Caching it under the clip's hash and this recipe is the caller's business.
    width : int
        Longer side in pixels at most; never enlarged.
    gop : int
        A key frame at least every so many frames. Short groups without B-frames seek in 75 ms instead of 1.7 s.
    most : int, optional
        Bytes that the whole copy has at most, sound included, as far as its rate can be held.

    Examples
    --------
    >>> proxy("walk.mp4", "wan_runs/proxies/walk.mp4")  # doctest: +SKIP
    PosixPath('wan_runs/proxies/walk.mp4')
    """
    return one_pass.made(path, one_pass.LightCopy(Path(out), width=width, gop=gop, most=most)).out


def sound(path: str | Path, out: str | Path) -> Path:
    """The sound of a clip in a file of its own, not encoded anew: about 24 kB a second beside a light copy.

    Raises
    ------
    InvalidMedia
        The clip has no sound that can be decoded.

    Examples
    --------
    >>> sound("walk.mp4", "wan_runs/proxies/walk.m4a")  # doctest: +SKIP
    PosixPath('wan_runs/proxies/walk.m4a')
    """
    return one_pass.made(path, one_pass.Sound(Path(out))).out


def tail(path: str | Path, seconds: float, out: str | Path) -> Path:
    """The last seconds of a clip as a new clip (MP4, H.264 + AAC) that the service takes as ``first_clip``.

    Parameters
    ----------
    seconds : float
        2 to 10, at most the length of the clip. The cut is exact to one frame, the sound's to one sample.
    out : path
        The MP4 to write. The clip itself stays as it is.

    Raises
    ------
    InvalidMedia
        `seconds` is out of range, or longer than the clip.

    Examples
    --------
    >>> inspect_clip(tail("walk.mp4", 3, "end.mp4")).seconds  # doctest: +SKIP
    3.0
    """
    limits = catalog.MEDIA["clip"]
    low, high = limits.min_seconds or 0, limits.max_seconds or 0
    if not low <= seconds <= high:
        raise InvalidMedia(
            f"a tail of {seconds:g} s: a clip to continue has {low:g} to {high:g} s.", field="first_clip"
        )
    with video.opened(path) as (container, _):
        times, source = video.scan(container), video.picture_of(container)
        lengths = {when: (times.end - when) * video.tick(container) for when in times.shown}
        longest = lengths[times.shown[0]]
        # Half a frame of grace in what is asked, none in what the service takes.
        near = [when for when in times.shown if low <= lengths[when] <= high]
        if not near or seconds > longest + Fraction(1, 2) / (source.average_rate or 24):
            raise InvalidMedia(
                f"{Path(path).name} is {float(longest):.2f} s long, so it has no tail of {seconds:g} s.",
                field="first_clip",
            )
        start = min(near, key=lambda when: abs(lengths[when] - seconds))
        wide, high = _shown_size(container, times)
        size = (wide // 2 * 2, high // 2 * 2)
        with video.writing(out) as made:
            # Nearly lossless: the service looks at this clip, and makes the next one from it.
            options = {"preset": "veryfast", "crf": "14"}
            copy = video.Copy(container, made, times, start, size, options=options, sound=True)
            for picture in video.frames(container, times, start, times.end):
                copy.add(picture)
            copy.end()
    return Path(out)


def sidecar(path: str | Path, data: Mapping[str, Any]) -> Path:
    """Write `data` beside a clip as JSON: sorted, indented, UTF-8.

    Parameters
    ----------
    path : path
        The clip; the file written has its name and ``.json``.
    data : mapping
        Plain JSON values; anything else is written as `str` gives it.

    Raises
    ------
    ValueError
        A number is not finite: such JSON could not be read elsewhere.

    Examples
    --------
    >>> sidecar("walk.mp4", {"seed": 7})  # doctest: +SKIP
    PosixPath('walk.json')
    """
    out = Path(path).with_suffix(".json")
    text = json.dumps(dict(data), sort_keys=True, ensure_ascii=False, indent=2, allow_nan=False, default=str)
    with atomic(out) as temporary:
        # A lone surrogate (a file name that is no UTF-8) must not cost the sidecar of a paid clip.
        temporary.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    return out
