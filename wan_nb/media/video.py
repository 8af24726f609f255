"""Decoding and encoding with PyAV. What is made of the frames is in `clips`.

Colour: HD video is BT.709, but an untagged file is decoded as BT.601 unless told otherwise (3 dB worse, measured), so
every conversion here names the matrix, and what is encoded here says which one it has.
"""

from __future__ import annotations

import errno
import struct
from bisect import bisect_right
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import av
from av.sidedata.sidedata import Type as SideDataType
from av.video.reformatter import Colorspace, VideoReformatter

from wan_nb.errors import InvalidMedia
from wan_nb.media.completeness import CutOff
from wan_nb.media.files import atomic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.sidedata.sidedata import SideData
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from PIL import Image

__all__ = [
    "SOUND_RATE",
    "Copy",
    "Times",
    "Upright",
    "aac_kind",
    "as_image",
    "audio_seconds",
    "complaints",
    "cut_sound",
    "frames",
    "has_decoder",
    "is_turned",
    "matrix_of",
    "opened",
    "picture_of",
    "picture_stream",
    "scan",
    "silence",
    "sound_of",
    "sound_stream",
    "tick",
    "writing",
]

SOUND_RATE = 192_000
"""Bits per second of the sound that is written."""

_UNTAGGED = (0, 2)
"""Values of a frame's colour matrix that say nothing about YUV."""


@dataclass(frozen=True, slots=True)
class Times:
    """When the pictures of a clip appear, in ticks of its video stream.

    Attributes
    ----------
    shown : list of int
        Each frame, in the order of showing.
    keys : list of int
        The key frames: decoding can start there.
    end : int
        When the last frame ends.
    stored_last : int
        The frame whose data stand last: no other one is decoded from it.
    """

    shown: list[int]
    keys: list[int]
    end: int
    stored_last: int


@contextmanager
def complaints(name: str) -> Iterator[None]:
    """What FFmpeg finds wrong with a file's content as `InvalidMedia`; what the disk finds wrong stays `OSError`."""
    try:
        yield
    except InvalidMedia:
        raise
    except (av.FFmpegError, ValueError, OSError) as error:
        # Damaged files make FFmpeg seek to impossible places, which Python's files answer with EINVAL.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise InvalidMedia(f"{name} cannot be played: {getattr(error, 'strerror', None) or error}.") from error


@contextmanager
def opened(source: str | Path | BinaryIO) -> Iterator[tuple[InputContainer, BinaryIO]]:
    """An MP4 or MOV for reading, together with its file.

    The file is opened here and its format is named, because FFmpeg itself would take a colon in a name for a protocol,
    and a playlist for an order to fetch what it lists.
    """
    name = Path(source).name if isinstance(source, (str, Path)) else "the clip"
    with (
        Path(source).open("rb") if isinstance(source, (str, Path)) else nullcontext(source) as file,
        complaints(name),
        av.open(file, "r", format="mp4") as container,
    ):
        if container.streams.best("video") is None:
            raise InvalidMedia(f"{name} has no video in it.")
        if not has_decoder(picture_of(container)):
            raise InvalidMedia(f"{name} has video of a kind that nothing here can decode.")
        yield container, file


def has_decoder(stream: Stream) -> bool:
    """Whether FFmpeg knows the stream's codec. Where it does not, PyAV has no codec context at all."""
    return getattr(stream, "codec_context", None) is not None


def picture_of(container: InputContainer) -> VideoStream:
    """The video that players show: not the cover picture that some files carry as a second one."""
    return cast("VideoStream", container.streams.best("video"))


def tick(container: InputContainer) -> Fraction:
    """Seconds of one tick of the video stream."""
    return picture_of(container).time_base or Fraction(1, 90_000)


def sound_of(container: InputContainer) -> AudioStream | None:
    """The sound of a clip, if it has one that can be decoded."""
    return next((stream for stream in container.streams.audio if has_decoder(stream)), None)


def scan(container: InputContainer) -> Times:
    """Read every packet, decode none: the times of all frames that are shown, and whether every sample is in the file.

    Samples are not counted: an edit list leaves some out, and a packet of PCM sound holds many.

    Raises
    ------
    CutOff
        A sample lies behind the end of the file.
    InvalidMedia
        Its video has no frames.
    """
    video = picture_of(container)
    shown, keys, end, stored_last, broken = [], [], 0, 0, False
    for packet in container.demux():
        if not packet.size:
            continue
        broken = broken or packet.is_corrupt
        if packet.stream_index == video.index and packet.pts is not None:
            keys += [packet.pts] if packet.is_keyframe else []
            stored_last = packet.pts
            if not packet.is_discard:
                shown.append(packet.pts)
                end = max(end, packet.pts + (packet.duration or 0))
    places = (entry for stream in container.streams for entry in stream.index_entries)
    if broken or any(entry.pos + entry.size > container.size for entry in places):
        raise CutOff("the file is cut off: it ends before the last picture or sound of its index.")
    if not shown or not keys:
        raise InvalidMedia("its video has no frames.")
    return Times(sorted(shown), sorted(keys), end, stored_last)


def frames(container: InputContainer, times: Times, start: int, stop: int) -> Iterator[VideoFrame]:
    """Decoded frames that appear from `start` on and before `stop`, in ticks, as they are shown: `Upright`."""
    video, upright = picture_of(container), Upright()
    # The key frame is chosen by when it is shown, so frames of an open group that lead it are never asked of it.
    container.seek(times.keys[max(0, bisect_right(times.keys, start) - 1)], stream=video)
    for frame in container.decode(video):
        if frame.pts is None or frame.pts < start:
            continue
        if frame.pts >= stop:
            return
        yield upright(frame)


_TURNS = {
    (0, 1, -1, 0): ("transpose=clock",),
    (-1, 0, 0, -1): ("vflip", "hflip"),
    (0, -1, 1, 0): ("transpose=cclock",),
    (-1, 0, 0, 1): ("hflip",),
    (1, 0, 0, -1): ("vflip", "copy"),
    (0, 1, 1, 0): ("transpose=cclock_flip",),
    (0, -1, -1, 0): ("transpose=clock_flip",),
}
"""Filters by the signs of a display matrix. Other angles than quarter turns are shown by no browser.

After vflip comes one that copies: it leaves planes that run backwards.
"""


class Upright:
    """Turns and mirrors frames as the display matrix of their clip says, which every phone writes.

    Only the first frame is asked for it: PyAV ties a frame that is asked for its side data into a circle, so that it
    stays in memory until the garbage collector comes (200 MB for five seconds).
    """

    def __init__(self) -> None:
        self._filters: tuple[str, ...] | None = None
        self._graphs: dict[tuple[object, ...], av.filter.Graph] = {}

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """The next frame as it is shown."""
        if self._filters is None:
            self._filters = _TURNS.get(_display_signs(frame), ())
        if not (filters := self._filters):
            return frame
        key = (filters, frame.width, frame.height, frame.format.name)
        graph = self._graphs.get(key) or self._graphs.setdefault(key, _turning(frame, filters))
        # By the size as it is stored: what a player goes by, too.
        matrix = matrix_of(frame)
        graph.vpush(frame)
        turned = graph.vpull()
        turned.colorspace = matrix
        return turned


def _turning(frame: VideoFrame, filters: tuple[str, ...]) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 90_000)
    )
    named = [graph.add(name, value) for name, _, value in (each.partition("=") for each in filters)]
    graph.link_nodes(source, *named, graph.add("buffersink")).configure()
    return graph


def is_turned(frame: VideoFrame) -> bool:
    """Whether a decoded frame is shown otherwise than it is stored."""
    return bool(_TURNS.get(_display_signs(frame)))


def _display_signs(frame: VideoFrame) -> tuple[int, int, int, int]:
    """Signs of the four numbers that turn; all 0 without a matrix."""
    data = cast("Mapping[SideDataType, SideData]", frame.side_data).get(SideDataType.DISPLAYMATRIX)
    if data is not None:
        a, b, _, c, d = ((value > 0) - (value < 0) for value in struct.unpack_from("=5i", bytes(data)))
        return a, b, c, d
    return 0, 0, 0, 0


def _matrix(tag: int, width: int, height: int) -> int:
    """Colour matrix: the tag, else by size as players do."""
    if tag not in _UNTAGGED:
        return tag
    return int(Colorspace.ITU709 if width >= 1280 or height > 576 else Colorspace.ITU601)


def matrix_of(frame: VideoFrame) -> int:
    """Colour matrix of a decoded frame."""
    return _matrix(frame.colorspace, frame.width, frame.height)


def as_image(frame: VideoFrame, size: tuple[int, int] | None = None) -> Image.Image:
    """A decoded frame as a PIL image (RGB), resized if asked."""
    width, height = size or (frame.width, frame.height)
    how = "AREA" if size else "BICUBIC"
    rgb = frame.reformat(width, height, "rgb24", src_colorspace=matrix_of(frame), interpolation=how, threads=1)
    return cast("Image.Image", rgb.to_image())  # type: ignore[no-untyped-call]


@contextmanager
def writing(out: str | Path) -> Iterator[OutputContainer]:
    """A new MP4, index first, that appears under its name when it is complete."""
    # By name and not as a file object: moving the index to the front makes FFmpeg open the file a second time.
    with (
        atomic(out) as temporary,
        av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as made,
    ):
        yield made


class Copy:
    """A clip that is written from `start` (ticks) on as H.264 in 4:2:0 and, if asked, AAC; each frame at its time.

    Parameters
    ----------
    container : InputContainer
        The clip; decoded once more for the sound, at the end.
    made : OutputContainer
    times : Times
    start : int
    size : tuple of int
    options : dict
        Of the encoder of the picture.
    sound : bool
    """

    def __init__(
        self,
        container: InputContainer,
        made: OutputContainer,
        times: Times,
        start: int,
        size: tuple[int, int],
        *,
        options: dict[str, str],
        sound: bool,
    ) -> None:
        self._container, self._made, self._size = container, made, size
        self._start, self._end, self._tick = start, times.end, tick(container)
        self._stream, self._matrix = picture_stream(made, picture_of(container), size, options)
        self._audio = sound_of(container) if sound else None
        # All streams must be there before the first packet is written.
        self._aac = sound_stream(made, *aac_kind(self._audio)) if self._audio else None
        self._convert = VideoReformatter()

    def add(self, picture: VideoFrame) -> None:
        """Encode a frame."""
        matrix = self._matrix
        # Threads of its own would cost more than they save at this size.
        frame = self._convert.reformat(picture, *self._size, "yuv420p", matrix, matrix, "AREA", threads=1)
        frame.pts, frame.time_base = (picture.pts or 0) - self._start, self._tick
        # The source's picture types must not be orders to the encoder.
        frame.pict_type = 0
        self._made.mux(self._stream.encode(frame))

    def end(self) -> None:
        """Write the last frames, and the sound."""
        self._made.mux(self._stream.encode(None))
        if self._audio and self._aac:
            begin, end = float(self._start * self._tick), float(self._end * self._tick)
            for piece in cut_sound(self._container, self._audio, begin, end, aac_kind(self._audio)):
                self._made.mux(self._aac.encode(piece))
            self._made.mux(self._aac.encode(None))


def picture_stream(
    made: OutputContainer, source: VideoStream, size: tuple[int, int], options: dict[str, str]
) -> tuple[VideoStream, int]:
    """A stream of H.264 in 4:2:0 with the pace and the colours of another one, and its colour matrix."""
    given = source.codec_context
    matrix = _matrix(given.colorspace, given.width, given.height)
    stream = made.add_stream("libx264", rate=source.average_rate, options=options)
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    # What is known about the colours is said in the copy: a smaller untagged one would be taken for BT.601.
    context = stream.codec_context
    context.time_base = source.time_base or Fraction(1, 90_000)
    context.colorspace, context.color_range = matrix, given.color_range
    context.color_primaries, context.color_trc = given.color_primaries, given.color_trc
    return stream, matrix


def sound_stream(made: OutputContainer, rate: int, layout: str) -> AudioStream:
    """A stream of AAC."""
    return made.add_stream("aac", rate=rate, layout=layout, bit_rate=SOUND_RATE)


_AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)


def aac_kind(source: AudioStream) -> tuple[int, str]:
    """Samples a second and speakers of a copy: PCM in MP4 and MOV often says only how many channels it has."""
    return source.rate if source.rate in _AAC_RATES else 48_000, "mono" if source.channels == 1 else "stereo"


def cut_sound(
    container: InputContainer, source: AudioStream, start: float, end: float, kind: tuple[int, str], *, samples: int = 0
) -> Iterator[AudioFrame]:
    """Sound between two times in seconds, to the sample, counted from `start`, in a rate and layout.

    With `samples` exactly so many, silence where it has none.
    """
    graph = av.filter.Graph()
    rate, layout = kind
    chain = [
        graph.add_abuffer(template=source),
        graph.add("atrim", f"start={start:.6f}:end={end:.6f}"),
        graph.add("asetpts", f"PTS-{start:.6f}/TB"),
        graph.add("aformat", f"sample_fmts=fltp:sample_rates={rate}:channel_layouts={layout}"),
    ]
    if samples:
        chain += [
            graph.add("aresample", "async=1:first_pts=0"),  # fills what is missing before and between
            graph.add("apad", f"whole_len={samples}"),
            graph.add("atrim", f"end_sample={samples}"),
        ]
    graph.link_nodes(*chain, graph.add("abuffersink")).configure()
    # From the very start: a decoder of AAC needs the packet before the first one that counts, and sound costs little.
    container.seek(0)
    for piece in (*container.decode(source), None):
        with suppress(av.EOFError):  # atrim takes nothing more after its end
            graph.push(piece)
        with suppress(av.BlockingIOError, av.EOFError):
            while True:
                yield cast("AudioFrame", graph.pull())


def silence(samples: int, kind: tuple[int, str]) -> Iterator[AudioFrame]:
    """So many samples of nothing, in a rate and layout."""
    graph = av.filter.Graph()
    rate, layout = kind
    source = graph.add("anullsrc", f"sample_rate={rate}:channel_layout={layout}")
    chain = [graph.add("atrim", f"end_sample={samples}"), graph.add("aformat", "sample_fmts=fltp")]
    graph.link_nodes(source, *chain, graph.add("abuffersink")).configure()
    with suppress(av.EOFError):
        while True:
            yield cast("AudioFrame", graph.pull())


def audio_seconds(file: BinaryIO, container_format: str, limit: float) -> tuple[float, str]:
    """Length of a sound by decoding it, and its codec.

    Parameters
    ----------
    container_format : str
        FFmpeg's name, such as ``mp3``: never guessed from the content.
    limit : float
        Seconds after which decoding stops; a longer sound's length is then what its header says.

    Raises
    ------
    InvalidMedia
        Not decodable, or nothing in it.
    """
    with complaints("the sound"), av.open(file, "r", format=container_format) as container:
        if not container.streams.audio or not has_decoder(container.streams.audio[0]):
            raise InvalidMedia("there is no sound in it that can be decoded.")
        stream, seconds = container.streams.audio[0], 0.0
        for packet in container.demux(stream):
            # What stands behind the sound (zeros, a tag of an unknown kind) is skipped, as players do.
            with suppress(*([av.InvalidDataError] if seconds else [])):
                seconds += sum(frame.samples / frame.sample_rate for frame in packet.decode())
            if seconds > limit:
                seconds = max(seconds, (container.duration or 0) / av.time_base)
                break
        if not seconds:
            raise InvalidMedia("there is no sound in it that can be decoded.")
        return seconds, stream.codec_context.name
