"""Materials of a request: fetched, inspected, checked against the documented limits. Runs on a drawing thread."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import av

from wan_nb.api import catalog
from wan_nb.simulator.account.checks import TaskFailure, each_url

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from av.container import InputContainer

    from wan_nb.simulator.account.checks import Asked, Given
    from wan_nb.simulator.account.state import State
    from wan_nb.simulator.account.store import Store, Task

__all__ = ["Material", "check_together", "inspect", "keep_data", "obtain", "opened", "without_queries"]

_FETCH_SECONDS = 4.0
_SLACK_SECONDS = 0.06
"""MP3 and AAC files are padded to whole frames, so that 30 s of sound may say 30.04."""
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Material:
    """What the drawing needs of one material.

    Attributes
    ----------
    data : bytes or None
        None for a placeholder, whose ``label`` is drawn instead.
    width, height : int
        As shown, in pixels; 0 for sound.
    seconds : float
        0 for images.
    fps : float
        Pictures per second, 0 where there are none or it is not told.
    """

    data: bytes | None
    label: str = ""
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    fps: float = 0.0


def keep_data(body: dict[str, Any], store: Store) -> dict[str, Any]:
    """Copy of a create body whose embedded files are kept as such, ``kept:<sha256>`` in their place."""

    def kept(url: str) -> str:
        if not url.startswith(("data:", "kept:")):
            return url
        found = re.match(r"data:[a-z]+/[\w.+-]+;base64,", url)
        try:
            data = base64.b64decode(url[found.end() :], validate=True) if found else b""
        except ValueError:
            data = b""
        if not data:
            # Also for a ``kept:`` in the request itself, which is no address of the service.
            return "data:"
        name = hashlib.sha256(data).hexdigest()
        store.keep_input(name, data)
        return f"kept:{name}"

    return {**body, "input": each_url(body["input"], kept)}


def without_queries(body: dict[str, Any]) -> dict[str, Any]:
    """Copy of a body without the queries of its URLs: a signed link is not kept longer than it is needed."""
    return {**body, "input": each_url(body["input"], lambda url: url.partition("?")[0])}


def obtain(given: Given, task: Task, state: State) -> bytes | None:
    """Content of a material; None for a host that cannot be reached from here, unless the simulator is strict.

    Raises
    ------
    TaskFailure
        As the service would, when it cannot be had.
    """
    url, limits = given.url, given.field.limits
    assert limits
    scheme = url.partition(":")[0].lower()
    if scheme == "kept" and "data" in limits.links:
        return state.store.input(url.removeprefix("kept:"))
    if scheme == "oss" and "oss" in limits.links:
        data = state.bucket.open(url, task.account, task.model)
        if data is None:
            raise TaskFailure(
                "InvalidParameter.DataInspection",
                "The media format is not supported or incorrect for the data inspection.",
            )
        return data
    if scheme in {"http", "https"}:
        return _fetch(url, limits, strict=state.config.strict)
    raise TaskFailure("InvalidURL", f"{given.field.name}: The provided URL does not appear to be valid.")


def _fetch(url: str, kind: catalog.MediaKind, *, strict: bool) -> bytes | None:
    host = urlsplit(url).hostname or ""
    try:
        with urllib.request.urlopen(url, timeout=_FETCH_SECONDS) as answer:  # noqa: S310  # callers pass http(s) only
            data: bytes = answer.read(kind.max_bytes + 1)
            return data
    except urllib.error.HTTPError as error:
        error.close()
        raise _unreachable() from None
    except (OSError, http.client.HTTPException, ValueError):
        if strict or host in _LOOPBACK:
            raise _unreachable() from None
        return None


def _unreachable() -> TaskFailure:
    return TaskFailure(
        "InvalidParameter.DataInspection", "Unable to download the media resource during the data inspection process."
    )


def inspect(spec: catalog.Field, data: bytes | None, label: str) -> Material:
    """Facts of a material, checked against the limits of its field.

    Raises
    ------
    TaskFailure
        ``InvalidFile.*`` naming the limit that it breaks.
    """
    field, kind = spec.wire, spec.limits
    assert kind
    if data is None:
        size = (0, 0) if kind.name == "audio" else (1280, 720)
        return Material(None, label, *size, seconds=kind.min_seconds or 0.0)
    if len(data) > kind.max_bytes:
        raise _bad("Size", field, f"file is larger than {kind.max_bytes // catalog.MB} MB")
    look: Callable[[str, catalog.MediaKind, bytes], Material] = _image if kind.name == "image" else _stream
    material = look(field, kind, data)
    _check_sides(field, kind, material)
    if kind.min_seconds and not kind.min_seconds - _SLACK_SECONDS <= material.seconds <= (
        (kind.max_seconds or 0) + _SLACK_SECONDS
    ):
        raise _bad("Duration", field, f"duration must be {kind.min_seconds:g} to {kind.max_seconds:g} s")
    if kind.min_fps and material.fps and material.fps < kind.min_fps:
        raise _bad("FPS", field, f"frame rate must be at least {kind.min_fps:g}")
    return material


def check_together(asked: Asked, materials: Sequence[Material]) -> None:
    """Seconds of all that is given for one field.

    Raises
    ------
    TaskFailure
    """
    for spec in asked.row.materials:
        seconds = sum(m.seconds for one, m in zip(asked.given, materials, strict=True) if one.field == spec)
        most = spec.limits.total_seconds if spec.limits else None
        if most is not None and seconds > most + _SLACK_SECONDS:
            raise _bad("Duration", spec.wire, f"duration of all must be at most {most:g} s")


def _bad(what: str, field: str, message: str) -> TaskFailure:
    return TaskFailure(f"InvalidFile.{what}", f"{field}: {message}")


def _check_sides(field: str, kind: catalog.MediaKind, material: Material) -> None:
    if kind.min_side is None or kind.max_side is None or kind.max_ratio is None:
        return
    small, large = sorted((material.width, material.height))
    if small < kind.min_side or large > kind.max_side:
        raise _bad("Resolution", field, f"sides must be {kind.min_side} to {kind.max_side} pixels")
    if large > small * kind.max_ratio:
        raise _bad("AspectRatio", field, f"aspect ratio must be within 1:{kind.max_ratio:g} and {kind.max_ratio:g}:1")


def _image(field: str, kind: catalog.MediaKind, data: bytes) -> Material:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            # Phones write "multi-picture" JPEG files, which every reader takes as JPEG.
            written = "JPEG" if image.format == "MPO" else image.format
            if written not in kind.formats:
                raise _bad("Format", field, f"format must be one of {', '.join(kind.formats)}")
            if written == "PNG" and ("A" in image.getbands() or "transparency" in image.info):
                raise TaskFailure("InvalidImage.FileFormat", f"{field}: PNG with an alpha channel is not supported")
            turned = image.getexif().get(0x0112, 1) in {5, 6, 7, 8}
            width, height = image.size[::-1] if turned else image.size
            if max(width, height) <= (kind.max_side or 0):
                ImageOps.exif_transpose(image).load()
    except Image.DecompressionBombError:
        raise _bad("Resolution", field, "picture is too large") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise _bad("Openerror", field, "file cannot be opened") from None
    return Material(data, width=width, height=height)


# PyAV before 19 raises UnicodeDecodeError for titles that are not UTF-8, common in old MP3 files, without this option;
# from 19 on it reads them and no longer knows the option.
_LENIENT: dict[str, Any] = {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "ignore"}


def opened(data: bytes) -> InputContainer:
    """A sound or clip for reading, as a context manager."""
    container: InputContainer = av.open(io.BytesIO(data), "r", **_LENIENT)
    return container


_CONTAINERS = {"WAV": "wav", "MP3": "mp3", "MP4": "mp4", "MOV": "mov"}


def _stream(field: str, kind: catalog.MediaKind, data: bytes) -> Material:
    try:
        with opened(data) as container:
            names = container.format.name.split(",")
            if not any(_CONTAINERS[name] in names for name in kind.formats):
                raise _bad("Format", field, f"format must be one of {', '.join(kind.formats)}")
            if kind.name == "audio":
                if not container.streams.audio:
                    raise _bad("Openerror", field, "no sound in it")
                return Material(data, seconds=_seconds(container, container.streams.audio[0]))
            if not container.streams.video:
                raise _bad("Openerror", field, "no picture in it")
            video = container.streams.video[0]
            seconds, size = _seconds(container, video), (video.width, video.height)
            container.seek(0)
            first = next(container.decode(video), None)
            if first is not None and first.rotation // 90 % 2:
                size = size[::-1]
            return Material(data, "", *size, seconds, float(video.average_rate or 0))
    except (av.FFmpegError, ValueError):
        raise _bad("Openerror", field, "file cannot be opened") from None


def _seconds(container: Any, stream: Any) -> float:
    """Length of a stream; counted packet by packet where the container does not say it."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return float(container.duration) / 1_000_000
    ends = [float((p.pts + (p.duration or 0)) * p.time_base) for p in container.demux(stream) if p.pts is not None]
    return max(ends, default=0.0)
