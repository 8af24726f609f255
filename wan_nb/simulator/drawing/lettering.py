"""Lettering: the SIMULATED mark, the service's watermark, and pictures in place of unreachable ones."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PIL import Image

__all__ = [
    "Overlay",
    "colour",
    "label",
    "overlays_for",
    "placeholder",
    "readable",
    "without",
    "without_overlays",
    "worn",
]

Bytes = npt.NDArray[np.uint8]

_CJK_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansSC-Regular.otf",
    "SourceHanSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "msyh.ttc",
    "simhei.ttf",
)


@dataclass(frozen=True, slots=True)
class Overlay:
    """A small grey picture with coverage, blended into the luma of every frame; colour under it fades to grey.

    Attributes
    ----------
    x, y : int
        Place of its upper left corner, even numbers.
    luma, cover : array of uint8
        Of even sides.
    """

    x: int
    y: int
    luma: Bytes
    cover: Bytes

    def blend_into(self, luma: Bytes, *chroma: Bytes) -> None:
        """Blend it into the planes of a 4:2:0 frame."""
        height, width = self.luma.shape
        region = self._region(luma)
        region[:] = _mix(region, self.luma, self.cover)
        half = self.cover[::2, ::2]
        for plane in chroma:
            region = plane[self.y // 2 : (self.y + height) // 2, self.x // 2 : (self.x + width) // 2]
            region[:] = _mix(region, np.full_like(half, 128), half)

    def is_on(self, luma: Bytes) -> bool:
        """Whether a picture of this size already has it, as a frame of an earlier clip does."""
        region = self._region(luma).astype(np.float32)
        if region.shape != self.luma.shape or region.std() < 1:
            return False
        return bool(np.corrcoef(region.ravel(), self.luma.ravel())[0, 1] > 0.6)

    def erased_from(self, plane: Bytes, scale: int) -> Bytes:
        """Plane (of every ``scale``-th pixel) with what lies above mirrored over it, with soft edges."""
        edge = 6 // scale
        top, left = self.y // scale - edge, self.x // scale - edge
        rows, columns = (side // scale + 2 * edge for side in self.luma.shape)
        if top < rows or left < 0:
            return plane
        across, down = (
            np.minimum(1.0, np.minimum(np.arange(1, n + 1), np.arange(n, 0, -1)) / edge) for n in (columns, rows)
        )
        cover = np.round(255 * np.minimum.outer(down, across)).astype(np.uint8)
        plane_copy = plane.copy()
        region = plane_copy[top : top + rows, left : left + columns]
        cover = cover[: region.shape[0], : region.shape[1]]
        above = plane[top - region.shape[0] : top, left : left + columns][::-1]
        region[:] = _mix(region, above, cover)
        return plane_copy

    def _region(self, plane: Bytes) -> Bytes:
        height, width = self.luma.shape
        return plane[self.y : self.y + height, self.x : self.x + width]


def worn(luma: Bytes, size: tuple[int, int]) -> list[Overlay]:
    """Overlays of an earlier clip that a picture of the clip's own size has."""
    return [overlay for overlay in overlays_for(size, True) if overlay.is_on(luma)]


def without(overlays: Iterable[Overlay], planes: list[Bytes]) -> list[Bytes]:
    """Planes of a picture without such overlays, which would move with it."""
    for overlay in overlays:
        planes = [overlay.erased_from(plane, 1 if index == 0 else 2) for index, plane in enumerate(planes)]
    return planes


def without_overlays(planes: list[Bytes], size: tuple[int, int]) -> list[Bytes]:
    """Planes of a picture without the overlays of an earlier clip."""
    return without(worn(planes[0], size), planes)


def _mix(under: Bytes, over: Bytes, cover: Bytes) -> Bytes:
    weight = cover.astype(np.uint16)
    return ((under * (255 - weight) + over * weight + 127) // 255).astype(np.uint8)


@lru_cache(maxsize=16)
def overlays_for(size: tuple[int, int], watermark: bool) -> tuple[Overlay, ...]:
    """Overlays of every frame of a clip of this size."""
    width, height = size
    unit = max(6, round(min(width, height) * 0.028))
    gap = unit // 2 * 2
    mark = label("SIMULATED", unit)
    overlays = [Overlay(gap, (height - gap - mark[0].shape[0]) // 2 * 2, *mark)]
    if watermark:
        watermark_image = label("AI生成", unit)
        rows, columns = watermark_image[0].shape
        overlays.append(Overlay((width - gap - columns) // 2 * 2, (height - gap - rows) // 2 * 2, *watermark_image))
    return tuple(overlays)


def _font(size: float) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size=size)


def readable(text: str, size: float) -> tuple[str, Any]:
    """A font of this machine that has the most letters of a text, and the text without those that it lacks."""
    from PIL import ImageFont

    best, font = _letters_of(text, first := _font(size)), first
    for name in _CJK_FONTS if len(best) < len(text) else ():
        try:
            other = ImageFont.truetype(name, size)
        except OSError:
            continue
        if len(letters := _letters_of(text, other)) > len(best):
            best, font = letters, other
    return best, font


def _letters_of(text: str, font: Any) -> str:
    """Text without the letters that a font draws as its sign for a missing one."""
    missing = bytes(font.getmask("\U0010ffff"))
    kept = {letter for letter in set(text) if letter.isspace() or bytes(font.getmask(letter)) != missing}
    return "".join(letter for letter in text if letter in kept)


def label(text: str, unit: int) -> tuple[Bytes, Bytes]:
    """Light letters on a dark, half transparent ground with round ends: luma and coverage."""
    from PIL import Image, ImageDraw

    text, font = readable(text, unit)
    spacing = unit * 0.14
    width = round(sum(font.getlength(letter) + spacing for letter in text) - spacing + unit * 1.5)
    size = (width // 2 * 2, round(unit * 1.9) // 2 * 2)
    big = 4
    cover = Image.new("L", (size[0] * big, size[1] * big), 0)
    ends = ((0, 0), (size[0] * big - 1, size[1] * big - 1))
    ImageDraw.Draw(cover).rounded_rectangle(ends, radius=size[1] * big * 0.3, fill=150)
    ground = cover.resize(size, Image.Resampling.LANCZOS)
    letters = Image.new("L", size, 0)
    pen, x = ImageDraw.Draw(letters), unit * 0.75
    for letter in text:
        pen.text((x, size[1] / 2), letter, font=font, fill=255, anchor="lm")
        x += font.getlength(letter) + spacing
    ink = np.asarray(letters)
    luma = (24 + ink.astype(np.uint16) * 206 // 255).astype(np.uint8)
    return luma, np.maximum(np.asarray(ground), ink // 8 * 7)


def placeholder(label: str, size: tuple[int, int]) -> Image.Image:
    """A gradient with the name of what could not be fetched; its colours follow from the name."""
    from PIL import Image, ImageDraw

    width, height = size
    rng = random.Random(label)
    hue = rng.random()
    left, right = (colour(hue + shift, value) for shift, value in ((0.0, 0.62), (0.12, 0.26)))
    x, y = np.linspace(0, 1, width), np.linspace(0, 1, height)[:, None]
    blend = np.clip(0.55 * x + 0.45 * y + 0.06 * np.sin(5 * x + 3 * y), 0, 1)[..., None]
    glow = 38 * np.exp(-(((x - 0.32) ** 2) / 0.05 + ((y - 0.34) ** 2) / 0.09))[..., None]
    picture = Image.fromarray(np.clip(left * (1 - blend) + right * blend + glow, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    big, small = (_font(min(width, height) * share) for share in (0.052, 0.032))
    pen.text((width / 2, height * 0.47), label or "no name", font=big, fill=(255, 255, 255), anchor="mm")
    note = "cannot be reached from here: a stand-in is drawn"
    pen.text((width / 2, height * 0.56), note, font=small, fill=(225, 225, 225), anchor="mm")
    return picture


def colour(hue: float, value: float, saturation: float = 0.42) -> npt.NDArray[np.float64]:
    """Red, green and blue, 0 to 255, of a hue, a brightness and a saturation between 0 and 1."""
    import colorsys

    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value)) * 255
