"""Lines of Python for error messages: what makes a refused picture fit."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from PIL import ExifTags

from wan_nb.media.colours import foreign

if TYPE_CHECKING:
    from PIL import Image

    from wan_nb.media.sources import Source

__all__ = ["GREY_16", "orientation", "remedy", "size_seen"]

GREY_16 = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})

_WHITE = 'Image.alpha_composite(Image.new("RGBA", im.size, "white"), im).convert("RGB")'

_PROFILE = 'ImageCms.ImageCmsProfile(io.BytesIO(im.info["icc_profile"]))'

_LOOKED_THROUGH = 8000 * 8000
"""Pixels of the largest picture whose range of values is looked up for a remedy."""


def remedy(
    source: Source,
    image: Image.Image,
    then: str = "",
    *,
    suffix: str = "-fixed.png",
    options: str = "",
    lead: str = "For example",
) -> str:
    """One line of Python that opens a material, makes it RGB as it is seen, and goes on with `then`.

    Parameters
    ----------
    image : PIL.Image.Image
        The material, opened; decoded only where its values have no known range.
    then : str
        Such as ``.resize((240, 240))``.
    suffix, options : str
        Of the file that is saved where the material is one: behind its stem, and in the call of ``save``.
    lead : str
        What stands before the code.
    """
    code, imports = _opened(source), {"Image"} if source.path else set()
    if source.path and (image.format == "GIF" or getattr(image, "is_animated", False)):
        # Pillow leaves a file of several pictures open for the next one.
        code = f"Image.open(io.BytesIO(Path({source.spelling!r}).read_bytes()))"
        imports |= {"io", "Path"}
    steps = []
    if orientation(image) in range(2, 9):
        code = f"ImageOps.exif_transpose({code})"
        imports.add("ImageOps")
    key = image.info.get("transparency")
    if image.mode in GREY_16 and isinstance(key, int):
        steps.append(f"im = numpy.asarray({code})")
        code = f'Image.fromarray(numpy.where(im == {key}, 255, im // 257).astype("uint8")).convert("RGB")'
        imports.add("numpy")
    elif image.mode in GREY_16:
        code += '.convert("I").point(lambda v: v / 257 + 0.5).convert("L").convert("RGB")'
    elif image.mode in {"I", "F"}:
        code += f'.point(lambda v: {_levels(image)}).convert("L").convert("RGB")'
    elif image.mode == "LAB":
        to = 'ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"'
        code = f"ImageCms.profileToProfile({code}, {to})"
        imports.add("ImageCms")
    else:
        alpha, other = image.has_transparency_data, foreign(image)
        if alpha or image.mode not in {"L", "CMYK"} or not other:
            code += '.convert("RGBA")' if alpha else '.convert("RGB")'
        if other:
            steps.append(f"im = {code}")
            to = f'{_PROFILE}, ImageCms.createProfile("sRGB"), outputMode="{"RGBA" if alpha else "RGB"}"'
            code = f"ImageCms.profileToProfile(im, {to})"
            imports |= {"ImageCms", "io"}
        if alpha:
            steps.append(f"im = {code}")
            code = _WHITE
    saved = f".save({source.path.stem + suffix!r}{options})" if source.path else ""
    return f"{lead}: {'; '.join([*_imports(imports), *steps, code + then + saved])}"


def orientation(image: Image.Image) -> int:
    """How a photo is to be turned, 1 to 8 as EXIF counts."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001  # a damaged EXIF block says nothing; the picture is fine
        return 1


def size_seen(image: Image.Image) -> tuple[int, int]:
    """Width and height after the picture is turned upright."""
    return image.size[::-1] if orientation(image) in range(5, 9) else image.size


def _opened(source: Source) -> str:
    """Python that opens the material."""
    if source.path:
        return f"Image.open({source.spelling!r})"
    if source.data:
        return "Image.open(io.BytesIO(data))"
    return "Image.fromarray(array)" if source.name == "array" else "image"


def _imports(names: set[str]) -> list[str]:
    pil = sorted(names - {"io", "numpy", "Path"})
    return [
        *(f"import {name}" for name in sorted(names & {"io", "numpy"})),
        *(["from pathlib import Path"] if "Path" in names else []),
        *([f"from PIL import {', '.join(pil)}"] if pil else []),
    ]


def _levels(image: Image.Image) -> str:
    """Python that brings a value ``v`` of a picture without a known range to 0 to 255, by the values that are there.

    The range is taken for the narrowest usual one that holds them: 0 to 1, 8, 10, 12, 14 or 16 bits. Anything else is
    stretched from its lowest to its highest value.
    """
    low, high = 0.0, 255.0
    if image.width * image.height <= _LOOKED_THROUGH:
        with suppress(OSError, ValueError, SyntaxError):  # damaged, which the error says already
            low, high = (float(value) for value in image.getextrema())  # type: ignore[arg-type]
    # Highlights of a photograph in floats may be brighter than white.
    tops = ((1.0, 2.0), *((top, top) for top in (255.0, 1023.0, 4095.0, 16_383.0, 65_535.0)))
    top = next((top for top, held in tops if low >= 0 and high <= held), None)
    scale = 255 / (top or (high - low) or 1.0)
    return f"v * {scale!r} + {0.5 - (0.0 if top else low) * scale!r}"
