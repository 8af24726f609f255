"""One decoding of a clip for everything that is made of it: strip, light copy, sound, and what others look for.

No frame is kept: besides what a maker holds, only a few are in memory.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

import av
from PIL import Image

from wan_nb.errors import InvalidMedia
from wan_nb.media import video

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame

__all__ = ["LightCopy", "Maker", "Sound", "Strip", "made", "one_pass"]

_TILE = 160 * 90
"""Pixels of one frame of a strip: 160 x 90 in 16:9, the same area in other shapes, so that one byte budget fits all."""

_BEFORE_ALL = -10_000_000_000
"""Microseconds before anything in a clip, also before the sound that an edit list leaves out."""

_FRAMES, _PACKETS = 8, 64
"""Frames that a maker is given together, and packets of sound that are decoded together: one by one, in turns with all
else, they take half as long again, because nothing stays in the processor's caches (measured)."""


class Maker:
    """Takes the frames of a clip one by one.

    Attributes
    ----------
    error : InvalidMedia or OSError or None
        Why it has made nothing.
    timed, sees, hears, packs : bool
        Whether it wants to know when each frame is shown, before the first comes; whether it takes the pictures, the
        sound, and the packets that the sound is stored in.
    """

    timed = False
    sees = True
    hears = False
    packs = False

    def __init__(self) -> None:
        self.error: InvalidMedia | OSError | None = None

    def start(self, container: InputContainer, times: video.Times) -> None:
        """Begin; called where it is `timed`."""

    def add(self, frame: VideoFrame) -> None:
        """Take the next frame, as it is shown; called where it `sees`."""

    def hear(self, piece: AudioFrame) -> None:
        """Take the next piece of the sound; called where it `hears`."""

    def pack(self, packet: Packet[Any]) -> None:
        """Take the next packet of the sound; called where it `packs`."""

    def end(self) -> None:
        """Finish, after the last frame."""

    def drop(self) -> None:
        """Leave nothing behind of what is not finished."""


_Made = TypeVar("_Made", bound=Maker)


def made(path: str | Path, maker: _Made) -> _Made:
    """One thing made of a clip.

    Raises
    ------
    InvalidMedia, OSError
    """
    one_pass(path, [maker])
    if maker.error is not None:
        raise maker.error
    return maker


def one_pass(source: str | Path | BinaryIO, makers: Sequence[Maker], *, between: Callable[[], object] = bool) -> None:
    """Decode a clip once for all makers; what goes wrong for one of them is its `error`, and the others go on.

    Parameters
    ----------
    source : path of an MP4 or MOV, or the file
    makers : sequence of Maker
    between : callable
        Called before each frame; what it raises ends the pass, and nothing unfinished is left.
    """
    run = _Pass(Path(source).name if isinstance(source, (str, Path)) else "the clip", makers)
    try:
        with video.opened(source) as (container, _):
            run.decode(container, between)
    except (InvalidMedia, OSError) as error:
        run.fail(run.makers, error)
    except BaseException:
        for maker in run.makers:
            maker.drop()
        raise


class _Pass:
    """The makers that go on, and what each is told."""

    def __init__(self, name: str, makers: Sequence[Maker]) -> None:
        self.name, self.makers = name, tuple(makers)

    def fail(self, makers: Sequence[Maker], error: InvalidMedia | OSError) -> None:
        self.makers = tuple(maker for maker in self.makers if maker not in makers)
        for maker in makers:
            maker.error = error
            maker.drop()

    def tell(self, makers: Sequence[Maker], call: Callable[[Maker], object]) -> None:
        for maker in makers:
            try:
                with video.complaints(self.name):
                    call(maker)
            except (InvalidMedia, OSError) as error:
                self.fail([maker], error)

    def decode(self, container: InputContainer, between: Callable[[], object]) -> None:
        self._start([maker for maker in self.makers if maker.timed], container)
        seen = video.picture_of(container) if any(maker.sees for maker in self.makers) else None
        heard = video.sound_of(container) if any(maker.hears or maker.packs for maker in self.makers) else None
        upright = video.Upright()
        frames: list[VideoFrame] = []
        packets: list[Packet[Any]] = []
        streams = [stream for stream in (seen, heard) if stream is not None]
        for packet in container.demux(*streams) if streams else ():
            between()
            if not self.makers:
                return
            if heard is not None and packet.stream.index == heard.index:  # its own says 0 in the packet that ends it
                packets.append(packet)
                if len(packets) == _PACKETS:
                    self._hear(packets)
            else:
                frames += [upright(cast("VideoFrame", frame)) for frame in packet.decode()]
                if len(frames) >= _FRAMES:
                    self._see(frames)
        self._see(frames)
        self._hear(packets)
        for maker in self.makers:
            self.tell([maker], lambda maker: maker.end())
            self.makers = tuple(other for other in self.makers if other is not maker)

    def _start(self, timed: Sequence[Maker], container: InputContainer) -> None:
        if not timed:
            return
        try:
            times = video.scan(container)
        except InvalidMedia as error:
            self.fail(timed, error)
        else:
            self.tell(timed, lambda maker: maker.start(container, times))
        container.seek(_BEFORE_ALL)

    def _see(self, frames: list[VideoFrame]) -> None:
        """Pass the frames on that wait."""

        def give(maker: Maker) -> None:
            for frame in frames:
                maker.add(frame)

        self.tell([maker for maker in self.makers if maker.sees], give)
        frames.clear()

    def _hear(self, packets: list[Packet[Any]]) -> None:
        """Pass the sound on that waits; what cannot be decoded is no reason to see nothing."""
        for packet in packets:
            hearing = [maker for maker in self.makers if maker.hears]
            try:
                with video.complaints(self.name):
                    pieces = packet.decode() if hearing else []
            except InvalidMedia as error:
                self.fail(hearing, error)
            else:
                for piece in pieces:
                    sound = cast("AudioFrame", piece)
                    self.tell(hearing, lambda maker, sound=sound: maker.hear(sound))  # type: ignore[misc]
            packing = [maker for maker in self.makers if maker.packs]
            self.tell(packing, lambda maker, packet=packet: maker.pack(packet))  # type: ignore[misc]
        packets.clear()


class Strip(Maker):
    """Frames of a clip side by side in one picture, evenly spread from the very first to the very last.

    Parameters
    ----------
    frames : int
        At least 1. Each takes the same share of the width, so the first one can be cut out as a poster.
    """

    timed = True

    def __init__(self, frames: int = 6) -> None:
        super().__init__()
        self.frames = frames
        self._wanted: list[int] = []
        self._tiles: dict[int, Image.Image] = {}

    def start(self, container: InputContainer, times: video.Times) -> None:  # noqa: ARG002
        """Choose the frames."""
        last = len(times.shown) - 1
        self._wanted = [times.shown[round(i * last / max(1, self.frames - 1))] for i in range(self.frames)]

    def add(self, frame: VideoFrame) -> None:
        """Take the frame where it is one of them."""
        if frame.pts in self._wanted:
            scale = min(1.0, (_TILE / (frame.width * frame.height)) ** 0.5)
            size = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
            self._tiles[frame.pts] = video.as_image(frame, size)

    @property
    def sheet(self) -> Image.Image | None:
        """The picture; None where the first frame did not come."""
        first = self._tiles.get(self._wanted[0]) if self._wanted else None
        if first is None:
            return None
        sheet = Image.new("RGB", (first.width * self.frames, first.height))
        for place, when in enumerate(self._wanted):
            sheet.paste(self._tiles.get(when, first), (first.width * place, 0))
        return sheet


class _File(Maker):
    """Makes a file, which gets its name at the end."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        self.out, self._open = out, ExitStack()

    def begun(self) -> OutputContainer:
        """The file, to write into."""
        return self._open.enter_context(video.writing(self.out))

    def end(self) -> None:
        """Give the file its name."""
        self._open.close()

    def drop(self) -> None:
        """Delete what is written of it."""
        try:
            self._open.__exit__(InvalidMedia, InvalidMedia("the file is not finished."), None)
        except (InvalidMedia, av.FFmpegError, OSError):
            return


class Sound(_File):
    """The sound of a clip in a file of its own, packet by packet as it is; see `wan_nb.media.clips.sound`."""

    sees = False
    packs = True

    def __init__(self, out: Path) -> None:
        super().__init__(out)
        self._written: tuple[OutputContainer, AudioStream] | None = None

    def pack(self, packet: Packet[Any]) -> None:
        """Write it."""
        if self._written is None:
            file = self.begun()
            self._written = file, file.add_stream_from_template(cast("AudioStream", packet.stream))
        if packet.dts is not None:
            file, packet.stream = self._written
            file.mux(packet)

    def end(self) -> None:
        """Give the file its name."""
        if self._written is None:
            raise InvalidMedia("the clip has no sound that can be decoded.")
        super().end()


class LightCopy(_File):
    """A copy of a clip that seeks in a blink; see `wan_nb.media.clips.proxy`."""

    timed = True

    def __init__(self, out: Path, *, width: int = 960, gop: int = 10, most: int | None = None) -> None:
        super().__init__(out)
        self.width, self.most = width, most
        # superfast takes a third more time than ultrafast and half the bytes (measured).
        # One thread: as many clips as there are cores are copied at once, and the bytes are the same on each machine.
        self._options = {"preset": "superfast", "crf": "24", "g": str(gop), "bf": "0", "sc_threshold": "0"}
        self._options |= {"threads": "1"}
        self._copy: video.Copy | None = None

    def start(self, container: InputContainer, times: video.Times) -> None:
        """Know the clip."""
        self._container, self._times = container, times

    def add(self, frame: VideoFrame) -> None:
        """Encode the frame."""
        times = self._times
        if frame.pts is None or not times.shown[0] <= frame.pts < times.end:
            return
        if self._copy is None:
            self._copy = self._begun(frame)
        self._copy.add(frame)

    def _begun(self, first: VideoFrame) -> video.Copy:
        times, options = self._times, dict(self._options)
        scale = min(1.0, self.width / max(first.width, first.height))
        size = (max(2, round(first.width * scale / 2) * 2), max(2, round(first.height * scale / 2) * 2))
        if self.most is not None:
            seconds = float((times.end - times.shown[0]) * video.tick(self._container))
            # A tenth for the index; the encoder may run a second ahead of its rate.
            rate = max(50_000, round((7.2 * self.most - video.SOUND_RATE * seconds) / (seconds + 1)))
            options |= {"maxrate": str(rate), "bufsize": str(rate)}
        sound = self.most is not None
        return video.Copy(self._container, self.begun(), times, times.shown[0], size, options=options, sound=sound)

    def end(self) -> None:
        """Give the copy its name."""
        if self._copy is None:
            raise InvalidMedia("no picture comes out of the clip.")
        self._copy.end()
        super().end()
