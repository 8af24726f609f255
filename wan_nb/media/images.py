"""Pictures given as a material: checked, and normalised where the service would see them otherwise.

A picture that needs no change is sent as its file is. A copy is made, and said, only where the file would not be seen
by the service as a person sees it here: a turned photo, an alpha channel that hides nothing, CMYK, 16-bit grey, colours
of another space than sRGB. Identity is that of the pixels as they are sent, so that the same picture is the same
material as a file, bytes, an image or an array, and so is its copy.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from wan_nb.api.medium import Medium
from wan_nb.errors import join_words
from wan_nb.media.colours import to_srgb
from wan_nb.media.files import write_whole
from wan_nb.media.fix_snippets import GREY_16, orientation, remedy, size_seen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wan_nb.api.catalog import MediaKind
    from wan_nb.media.sources import Source

__all__ = ["as_seen", "prepare_image", "thumbnail"]

Image.preinit()  # now, beside the main thread (`wan_nb.engine.loop.load`), not when the first picture is opened

# A multi-picture JPEG, as phones write them: every reader sees the first picture.
_ALIASES = {"MPO": "JPEG"}

_MODES = frozenset({"1", "L", "P", "PA", "LA", "RGB", "RGBA", "RGBX", "CMYK", "I", *GREY_16})

_OTHER_PICTURES = frozenset({"HEIC", "AVIF", "JPEG XL", "CR3", "SVG"})
"""Formats of pictures that Pillow may not open."""

_SUFFIX = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp", "WEBP": ".webp"}


def prepare_image(source: Source, folder: Path, limits: MediaKind) -> Medium:
    """Check a picture against every limit of the catalog and make it ready to be sent.

    Parameters
    ----------
    folder : Path
        Where copies go, named by their pixels.
    limits : MediaKind

    Raises
    ------
    InvalidMedia
        With the measured value, the limit and the fix.
    """
    with _opened(source, limits) as image:
        _check_header(source, image, limits)
        _load(source, image)
        plain, changes = _plain(source, image)
        identity = _identity(plain)
        form = _ALIASES.get(image.format or "", image.format or "")
        if not changes and source.path:
            path = source.path
        elif not changes and source.data:
            path = write_whole(folder / f"{hashlib.sha256(source.data).hexdigest()}{_SUFFIX[form]}", source.data)
        else:
            path = _copy(plain, folder, identity, limits)
            form = "PNG" if path.suffix == ".png" else "JPEG"
            changes += ["kept as JPEG, since a PNG would be too large"] if form == "JPEG" else []
    return Medium(
        identity=f"sha256:{identity}",
        name=source.name,
        path=path,
        kind="image",
        format=form,
        bytes=path.stat().st_size,
        width=plain.width,
        height=plain.height,
        note=f"{source.name}: {join_words(changes, 'and')}; a copy is sent." if changes else "",
    )


@contextmanager
def _opened(source: Source, limits: MediaKind) -> Iterator[Image.Image]:
    if source.picture is not None:
        yield source.picture
        return
    with source.open() as file:
        # The header is read here, nothing is allocated: Pillow's guard against huge pictures would only tell that one
        # is huge; our own check of both sides comes before any decoding and says more.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            try:
                image = Image.open(file)
            except Image.DecompressionBombError as error:
                limit = f"each side must have {limits.min_side} to {limits.max_side} pixels"
                raise source.refuse(
                    f"is far too large: {limit}.", "Make it smaller, or cut a part out of it."
                ) from error
            except Exception as error:  # damaged headers raise anything, struct.error to SyntaxError
                raise _no_image(source, limits) from error
        yield image


def _no_image(source: Source, limits: MediaKind) -> Exception:
    found, formats = source.format(), join_words(limits.formats)
    if found in limits.formats:
        return source.refuse(f"is a damaged {found}: its header cannot be read.", "Save or download it again.")
    if found in _OTHER_PICTURES:
        return source.refuse(f"is {found}, but a frame is {formats}.", "Open it in a viewer and save it as JPEG.")
    return source.refuse(f"is {found}, not a picture.", f"A frame is {formats}.")


def _check_header(source: Source, image: Image.Image, limits: MediaKind) -> None:
    """Everything that can be told before decoding."""
    found = _ALIASES.get(image.format or "", image.format)
    if found not in limits.formats and source.picture is None:
        raise source.refuse(f"is {found}, but a frame is {join_words(limits.formats)}.", remedy(source, image))
    source.check_bytes(limits, lambda: remedy(source, image, suffix="-fixed.jpg", options=", quality=90"))
    source.check_shape(
        limits,
        *image.size,
        resize=lambda: _resize(source, image, limits),
        crop=lambda: _crop(source, image, limits),
    )
    if source.picture is None and found != "JPEG" and getattr(image, "n_frames", 1) > 1:
        raise source.refuse(
            f"is animated ({image.n_frames} pictures); a frame is one picture.",  # type: ignore[attr-defined]
            remedy(source, image),
        )


def _load(source: Source, image: Image.Image) -> None:
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:
        raise source.refuse(f"is damaged: {error}.", "It was probably cut off: copy or download it again.") from error


def _plain(source: Source, image: Image.Image) -> tuple[Image.Image, list[str]]:
    """The picture as a person sees it, in RGB or grey, and what had to be changed."""
    # Pillow of before 11 opens 16-bit grey files in mode I, which in memory may hold anything.
    if image.mode not in _MODES or (image.mode == "I" and source.picture is not None):
        raise source.refuse(f"has mode {image.mode}, whose range is not known.", remedy(source, image))
    plain, changes, hidden = _seen(image)
    if hidden:
        part = 100 * hidden / (image.width * image.height)
        share = f"{part:.0f}" if part >= 10 else f"{part:.2g}"
        raise source.refuse(
            f"has {share} % transparent pixels; the service takes no alpha channel.",
            remedy(source, image, lead="On white", suffix="-white.png"),
        )
    return plain, changes


def as_seen(image: Image.Image) -> Image.Image:
    """A picture of any kind as a person sees it, RGB or grey, what is transparent on white."""
    return _seen(image)[0]


def _seen(image: Image.Image) -> tuple[Image.Image, list[str], int]:
    """The same, what had to be changed, and how many pixels are not opaque."""
    changes, hidden = [], 0
    if orientation(image) in range(2, 9):
        image = ImageOps.exif_transpose(image)
        changes.append("turned upright as its EXIF says")
    if image.mode in {"I", *GREY_16}:
        image, hidden = _eight_bit(image)
        changes.append("16-bit grey brought to 8 bit")
    if image.has_transparency_data:
        image, hidden = _opaque(image)
        changes.append("its alpha channel, opaque everywhere, left out")
    image, name = to_srgb(image)
    if name:
        changes.append(f"its colours ({name}) turned into sRGB")
    elif image.mode == "CMYK":
        changes.append("CMYK turned into RGB")
    return (image if image.mode in {"L", "RGB"} else image.convert("RGB")), changes, hidden


def _eight_bit(image: Image.Image) -> tuple[Image.Image, int]:
    """8-bit grey of a 16-bit one, and how many of its pixels have the level that means transparent, now white."""
    # Most readers cut 16-bit grey off at 255 instead of scaling it: it would arrive nearly white.
    wide = image.convert("I")
    grey = wide.point(lambda value: value * (1 / 257) + 0.5).convert("L")
    key, hidden = grey.info.pop("transparency", None), 0
    if isinstance(key, int):
        import numpy as np

        mask = np.asarray(wide) == key
        hidden = int(mask.sum())
        grey.paste(255, mask=Image.fromarray(mask))
    return grey, hidden


def _opaque(image: Image.Image) -> tuple[Image.Image, int]:
    """RGB of a picture on white, and how many of its pixels were not opaque."""
    rgba = image.convert("RGBA")
    hidden = sum(rgba.getchannel("A").histogram()[:255])
    if hidden:
        rgba = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    rgb = rgba.convert("RGB")
    if profile := image.info.get("icc_profile"):
        rgb.info["icc_profile"] = profile
    return rgb, hidden


def _identity(image: Image.Image) -> str:
    digest = hashlib.sha256(f"{image.width}x{image.height} RGB\n".encode())
    digest.update((image if image.mode == "RGB" else image.convert("RGB")).tobytes())
    return digest.hexdigest()


def _copy(image: Image.Image, folder: Path, identity: str, limits: MediaKind) -> Path:
    """Write a picture without loss if the limit allows, else as JPEG with as little loss as it allows."""
    # A profile that is kept means sRGB, and is one for the kind of picture that the copy is.
    profile = image.info.get("icc_profile", b"")
    profile = profile if profile[16:20] == (b"GRAY" if image.mode == "L" else b"RGB ") else b""
    # A name made of pixels and profile cannot hold others, and files appear whole: what is there is right.
    stem = folder / (f"{identity}-{hashlib.sha256(profile).hexdigest()[:8]}" if profile else identity)
    for suffix in (".png", ".jpg"):
        if (there := stem.with_suffix(suffix)).is_file():
            return there
    suffix, buffer = ".png", io.BytesIO()
    image.save(buffer, "PNG", compress_level=3, icc_profile=profile or None)
    for quality in (95, 90, 80, 60):
        if buffer.tell() <= limits.max_bytes:
            break
        suffix, buffer = ".jpg", io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, subsampling=0, icc_profile=profile or None)
    return write_whole(stem.with_suffix(suffix), buffer.getvalue())


def _resize(source: Source, image: Image.Image, limits: MediaKind) -> str:
    width, height = size_seen(image)
    low, high, ratio = limits.min_side or 1, limits.max_side or 1, limits.max_ratio or 1
    short, long = sorted((width, height))
    if long > ratio * short:
        return _crop(source, image, limits) if short >= low else "Give a picture of another shape."
    scale = low / short if short < low else high / long
    sides = tuple(min(high, max(low, round(side * scale))) for side in (width, height))
    return remedy(source, image, f".resize({sides})")


def _crop(source: Source, image: Image.Image, limits: MediaKind) -> str:
    (width, height), ratio = size_seen(image), limits.max_ratio or 1
    box = (0, 0, min(width, int(height * ratio)), min(height, int(width * ratio)))
    return remedy(source, image, f".crop({box})")


def thumbnail(path: Path, side: int) -> bytes:
    """JPEG of a picture as it is seen, at most so many pixels wide and high."""
    with Image.open(path) as image:
        small = as_seen(image).convert("RGB")
        small.thumbnail((side, side))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
