"""Materials of a request: every documented limit is checked by content before anything is paid.

The service accepts a wrong material at submit and fails the task minutes later, so everything that it documents is
measured here; pictures are checked in `images`.
"""

from __future__ import annotations

import shlex
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.errors import InvalidMedia, join_words
from wan_nb.media.files import file_sha256, write_whole
from wan_nb.media.sources import KINDS, Source, source_of
from wan_nb.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wan_nb.api.catalog import MediaKind
    from wan_nb.api.medium import Medium

__all__ = ["found_again", "prepare"]


def prepare(source: Any, field: str, folder: str | Path, *, limits: MediaKind | None = None) -> Medium:
    """Check one material and make it ready to be sent.

    Parameters
    ----------
    source : str, Path, bytes, PIL.Image.Image or numpy.ndarray
        A path, an http(s) URL (not looked into: the service fetches it), a ``data:`` URI, the bytes of a file, or for
        frames a picture: PIL image, or uint8 array of (height, width), (height, width, 3) or (height, width, 4) in RGB.
        Arrays of floats are refused, since 0..1 and 0..255 cannot be told apart for sure.
    folder : path
        Where copies go, as ``<sha256>.<ext>``: turned photos, dropped alpha, and everything that came from memory.
    limits : MediaKind, optional
        Those of the model; without it the first that the catalog names for the field.

    Returns
    -------
    Medium
        `Medium.path` is the original file when it needs no change. `Medium.note` says what was changed, else is empty.

    Raises
    ------
    InvalidMedia
        What is wrong, the measured value, the limit and the fix; ``field`` is set.

    Examples
    --------
    >>> prepare("https://example.org/cat.png?Expires=1&Signature=x", "first_frame", "frames").identity
    'https://example.org/cat.png'
    """
    kind = limits or catalog.BY_NAME[field].limits
    assert kind is not None
    from wan_nb.api.medium import Medium

    if is_url(source):
        return Medium.at(source, kind.name, field=field)
    material = source_of(source, field, kind.suffixes, kind.name)
    if kind.name == "image":
        from wan_nb.media.images import prepare_image

        return prepare_image(material, Path(folder), kind)
    _check_file(material, kind)
    digest, facts = (_audio_facts if kind.name == "audio" else _clip_facts)(material, kind)
    found = material.format()
    return Medium(
        identity=f"sha256:{digest}",
        name=material.name,
        path=material.path or write_whole(Path(folder) / f"{digest}.{found.lower()}", material.data),
        kind=kind.name,
        format=found,
        bytes=material.size,
        **facts,
    )


def found_again(medium: Medium, field: str, folder: str | Path) -> Medium:
    """A material as it was written down, with its file where that still holds the same content.

    A log or a sidecar may have been written by anybody, so a file outside of our own folder is used for nothing else.
    Where it is another one, the runs that were made of it are still found by it, and `Medium.lost` says why it cannot
    be sent again.

    Parameters
    ----------
    medium : Medium
        As it was written down.
    folder : path
        Where copies are, see `prepare`.
    """
    if medium.path is None:
        return medium
    own = Path(folder) / medium.path.name  # a copy of ours, also where the folder has moved since
    for path in (own, medium.path):
        if path == own and path.is_file() and own.stem.partition("-")[0] == medium.identity.removeprefix("sha256:"):
            return replace(medium, path=own)  # named by the picture, also where it is a JPEG of it
        if path.is_file():
            with suppress(InvalidMedia):
                now = prepare(path, field, folder)
                if now.identity == medium.identity:
                    return replace(now, name=medium.name, note="", taken=medium.taken, run=medium.run)
    return replace(medium, path=None)


def _check_file(material: Source, kind: MediaKind) -> None:
    """Format by the first bytes, and size."""
    found = material.format()
    if found not in kind.formats:
        named = material.path.suffix.lower() if material.path else ""
        but = ", whatever its name says" if named in kind.suffixes else ""
        fix = f"Give {KINDS[kind.name]}." if found in _HOPELESS[kind.name] else _ffmpeg(material, kind, "")
        raise material.refuse(f"is {found}{but}; {KINDS[kind.name]} is {join_words(kind.formats)}.", fix)
    options = "-b:a 128k " if kind.name == "audio" else "-crf 23 "
    material.check_bytes(kind, lambda: _ffmpeg(material, kind, options))


def _check_seconds(material: Source, kind: MediaKind, seconds: float) -> None:
    low, high = kind.min_seconds or 0.0, kind.max_seconds or 0.0
    if low - catalog.SLACK <= seconds <= high + catalog.SLACK:
        return
    fix = _ffmpeg(material, kind, f"-t {high:g} ") if seconds > high else "Give a longer one."
    raise material.refuse(f"is {seconds:.2f} s long; {KINDS[kind.name]} has {low:g} to {high:g} s.", fix)


_STILL = {"JPEG", "PNG", "BMP", "WEBP", "TIFF", "HEIC", "AVIF", "JPEG XL", "CR3", "SVG", "PDF", "ZIP", "GZIP", "text"}

_HOPELESS = {
    "audio": _STILL | {"GIF", "an HTML page"},
    "clip": _STILL | {"WAV", "MP3", "AAC", "MPEG audio", "FLAC", "M4A", "an HTML page"},
}
"""Formats, by kind of material, of which no command makes one."""


def _ffmpeg(material: Source, kind: MediaKind, options: str) -> str:
    name = material.spelling if material.path else "file"
    name = f"./{name}" if name.startswith("-") else name
    out = (material.path.stem if material.path else "file") + ("-fixed.mp3" if kind.name == "audio" else "-fixed.mp4")
    out = f"./{out}" if out.startswith("-") else out
    return f"For example: ffmpeg -i {shlex.quote(name)} {options}{shlex.quote(out)}"


@contextmanager
def _decoding(material: Source) -> Iterator[None]:
    try:
        yield
    except InvalidMedia as error:
        raise material.refuse(f"cannot be used: {error.message}", "Is it whole? Save or download it again.") from error


def _audio_facts(material: Source, kind: MediaKind) -> tuple[str, dict[str, Any]]:
    """Hash and length of a sound that the service takes."""
    from wan_nb.media.completeness import missing
    from wan_nb.media.video import audio_seconds

    found = material.format()
    with material.open() as file:
        if lack := missing(file, found):
            remedy = f"Save or download it again, or let it end there. {_ffmpeg(material, kind, '')}"
            raise material.refuse(f"is cut off: {lack}.", remedy)
        with _decoding(material):
            seconds, codec = audio_seconds(file, found.lower(), 2 * (kind.max_seconds or 0))
        digest = file_sha256(file)
    if found == "MP3" and not codec.startswith("mp3"):
        raise material.refuse(f"holds {codec}, not MP3, whatever its name says.", _ffmpeg(material, kind, ""))
    _check_seconds(material, kind, seconds)
    return digest, {"seconds": seconds}


def _clip_facts(material: Source, kind: MediaKind) -> tuple[str, dict[str, Any]]:
    """Hash, size and length of a clip that the service takes."""
    from wan_nb.media.clips import inspect_clip

    with material.open() as file, _decoding(material):
        facts = inspect_clip(file)
    _check_seconds(material, kind, facts.seconds)

    def resize() -> str:
        # The short side of a small clip and the long side of a large one get the limit, the other one follows.
        large = max(facts.width, facts.height) > (kind.max_side or 1)
        side = kind.max_side if large and min(facts.width, facts.height) >= (kind.min_side or 1) else kind.min_side
        wide = (facts.width > facts.height) == large
        return _ffmpeg(material, kind, f"-vf scale={f'{side}:-2' if wide else f'-2:{side}'} ")

    material.check_shape(kind, facts.width, facts.height, resize=resize, crop=lambda: "Cut a part out of it.")
    return facts.sha256, {
        "width": facts.width,
        "height": facts.height,
        "seconds": facts.seconds,
        "fps": facts.fps,
    }
