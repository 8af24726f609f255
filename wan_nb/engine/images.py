"""Pictures that go in: checked, and made plain where they are not.

A picture that needs no change is sent as its file is. A copy is made, and said, only where the file would not be seen
by the service as a person sees it here: a turned photo, an alpha channel that hides nothing, CMYK, 16-bit grey.
Identity is that of the pixels, so that the same picture is the same material as a file, bytes, an image or an array.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import ExifTags, Image, ImageOps

from wan_nb.api import catalog
from wan_nb.api.request import Medium
from wan_nb.engine.files import atomic
from wan_nb.errors import join_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wan_nb.engine.files import Source

__all__ = ["prepare_image"]

Image.preinit()  # now, beside the main thread (`wan_nb.engine.loop.load`), not when the first picture is opened

_LIMITS = catalog.MEDIA["image"]

# A multi-picture JPEG, as phones write them: every reader sees the first picture.
_ALIASES = {"MPO": "JPEG"}

_GREY_16 = ("I", "I;16", "I;16L", "I;16B", "I;16N")

_MODES = frozenset({"1", "L", "P", "PA", "LA", "RGB", "RGBA", "RGBX", "CMYK", *_GREY_16})

_WHITE = 'Image.alpha_composite(Image.new("RGBA", im.size, "white"), im).convert("RGB")'

_SUFFIX = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp", "WEBP": ".webp"}


def prepare_image(source: Source, folder: Path) -> Medium:
    """Check a picture against every limit of the catalog and make it ready to be sent.

    Parameters
    ----------
    source : Source
    folder : Path
        Where copies go, named by their pixels.

    Raises
    ------
    InvalidMedia
        With the measured value, the limit and the fix.
    """
    with _opened(source) as image:
        _check_header(source, image)
        _load(source, image)
        plain, changes = _plain(source, image)
        identity = _identity(plain)
        form = _ALIASES.get(image.format or "", image.format or "")
        if not changes and source.path:
            path = source.path
        elif not changes and source.data:
            path = _keep(source.data, folder / f"{hashlib.sha256(source.data).hexdigest()}{_SUFFIX[form]}")
        else:
            path = _copy(plain, folder / identity, _profile(image, plain))
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
def _opened(source: Source) -> Iterator[Image.Image]:
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
                limit = f"each side must have {_LIMITS.min_side} to {_LIMITS.max_side} pixels"
                raise source.refuse(
                    f"is far too large: {limit}.", "Make it smaller, or cut a part out of it."
                ) from error
            except Exception as error:  # damaged headers raise anything, struct.error to SyntaxError
                raise _no_image(source) from error
        yield image


def _no_image(source: Source) -> Exception:
    found, formats = source.format(), join_words(_LIMITS.formats)
    if found in _LIMITS.formats:
        return source.refuse(f"is a damaged {found}: its header cannot be read.", "Save or download it again.")
    remedy = f"A frame is {formats}. Open it in a viewer and save it as JPEG." if found in {"HEIC", "AVIF"} else ""
    return source.refuse(f"is {found}, not a picture.", remedy or f"A frame is {formats}.")


def _check_header(source: Source, image: Image.Image) -> None:
    """Everything that can be told before decoding."""
    found = _ALIASES.get(image.format or "", image.format)
    if found not in _LIMITS.formats and source.picture is None:
        raise source.refuse(
            f"is {found}, but a frame is {join_words(_LIMITS.formats)}.", _fix(source, '.convert("RGB")')
        )
    if source.size > _LIMITS.max_bytes:
        raise source.refuse(
            f"has {source.size / catalog.MB:.1f} MB; the limit is {_LIMITS.max_bytes // catalog.MB} MB.",
            _fix(source, '.convert("RGB")', ".jpg", ", quality=90"),
        )
    width, height = image.size
    low, high, ratio = _LIMITS.min_side or 1, _LIMITS.max_side or 1, _LIMITS.max_ratio or 1
    if not (low <= width <= high and low <= height <= high):
        raise source.refuse(
            f"is {width}x{height} pixels; each side must have {low} to {high}.", _resize(source, width, height)
        )
    measured = max(width, height) / min(width, height)
    if measured > ratio:
        raise source.refuse(
            f"is {width}x{height} pixels, {measured:.4g} to 1; the limit is {ratio:g} to 1.",
            _crop(source, width, height, ratio),
        )
    if source.picture is None and found != "JPEG" and getattr(image, "n_frames", 1) > 1:
        raise source.refuse(
            f"is animated ({image.n_frames} pictures); a frame is one picture.",  # type: ignore[attr-defined]
            _fix(source, '.convert("RGB")'),
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
    changes = []
    # Pillow of before 11 opens 16-bit grey files in mode I, which in memory may hold anything.
    if image.mode not in _MODES or (image.mode == "I" and source.picture is not None):
        raise source.refuse(f"has mode {image.mode}, whose range is not known.", 'Give it in mode "L" or "RGB".')
    if _orientation(image) in range(2, 9):
        image = ImageOps.exif_transpose(image)
        changes.append("turned upright as its EXIF says")
    if image.mode in _GREY_16:
        if "transparency" in image.info:
            raise source.refuse("has a grey level that means transparent.", "Save it without transparency.")
        # Most readers cut 16-bit grey off at 255 instead of scaling it: it would arrive nearly white.
        image = image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
        changes.append("16-bit grey brought to 8 bit")
    elif image.mode == "CMYK":
        image = image.convert("RGB")
        changes.append("CMYK turned into RGB")
    elif image.has_transparency_data:
        image = _opaque(source, image)
        changes.append("its alpha channel, opaque everywhere, left out")
    return (image if image.mode in {"L", "RGB"} else image.convert("RGB")), changes


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001  # a damaged EXIF block says nothing; the picture is fine
        return 1


def _opaque(source: Source, image: Image.Image) -> Image.Image:
    """RGB of a picture whose alpha hides nothing."""
    rgba = image.convert("RGBA")
    alpha = rgba.getchannel("A").histogram()
    if hidden := sum(alpha[:255]):
        start = "from PIL import Image; " if source.path else ""
        part = 100 * hidden / (image.width * image.height)
        share = f"{part:.0f}" if part >= 10 else f"{part:.2g}"
        raise source.refuse(
            f"has {share} % transparent pixels; the service takes no alpha channel.",
            f'On white: {start}im = {_code(source)}.convert("RGBA"); {_WHITE}{_saved(source, "-white.png")}',
        )
    return rgba.convert("RGB")


def _identity(image: Image.Image) -> str:
    digest = hashlib.sha256(f"{image.width}x{image.height} RGB\n".encode())
    digest.update((image if image.mode == "RGB" else image.convert("RGB")).tobytes())
    return digest.hexdigest()


def _profile(image: Image.Image, plain: Image.Image) -> bytes | None:
    """Colour profile of the original, if it is one for the kind of picture that the copy is."""
    profile: bytes | None = image.info.get("icc_profile")
    space = b"GRAY" if plain.mode == "L" else b"RGB "
    return profile if profile and profile[16:20] == space else None


def _keep(data: bytes, out: Path) -> Path:
    with atomic(out) as temporary:
        temporary.write_bytes(data)
    return out


def _copy(image: Image.Image, stem: Path, profile: bytes | None) -> Path:
    """Write a picture without loss if the limit allows, else as JPEG with as little loss as it allows."""
    # A name made of the pixels cannot hold others, and files appear whole: what is there is right.
    for suffix in (".png", ".jpg"):
        if (there := stem.with_suffix(suffix)).is_file():
            return there
    suffix, buffer = ".png", io.BytesIO()
    image.save(buffer, "PNG", compress_level=3, icc_profile=profile)
    for quality in (95, 90, 80, 60):
        if buffer.tell() <= _LIMITS.max_bytes:
            break
        suffix, buffer = ".jpg", io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, subsampling=0, icc_profile=profile)
    return _keep(buffer.getvalue(), stem.with_suffix(suffix))


def _code(source: Source) -> str:
    """Python that opens the material."""
    if source.path:
        return f"Image.open({source.name!r})"
    if source.data:
        return "Image.open(io.BytesIO(data))"
    return "Image.fromarray(array)" if source.name == "array" else "image"


def _saved(source: Source, suffix: str, options: str = "") -> str:
    return f".save({source.path.stem + suffix!r}{options})" if source.path else ""


def _fix(source: Source, change: str, suffix: str = ".png", options: str = "") -> str:
    """One line of Python that makes the material fit, ready to be pasted when it is a file."""
    start = "from PIL import Image; " if source.path else ""
    return f"For example: {start}{_code(source)}{change}{_saved(source, '-fixed' + suffix, options)}"


def _resize(source: Source, width: int, height: int) -> str:
    low, high, ratio = _LIMITS.min_side or 1, _LIMITS.max_side or 1, _LIMITS.max_ratio or 1
    short, long = sorted((width, height))
    if long > ratio * short:
        return _crop(source, width, height, ratio) if short >= low else "Give a picture of another shape."
    scale = low / short if short < low else high / long
    sides = tuple(min(high, max(low, round(side * scale))) for side in (width, height))
    return _fix(source, f'.convert("RGB").resize({sides})')


def _crop(source: Source, width: int, height: int, ratio: float) -> str:
    box = (0, 0, min(width, int(height * ratio)), min(height, int(width * ratio)))
    return _fix(source, f'.convert("RGB").crop({box})')
