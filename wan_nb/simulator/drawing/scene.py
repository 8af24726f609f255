"""A picture made up from the words of a prompt: what a clip begins on that is given no picture."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from wan_nb.simulator.drawing.lettering import colour, readable

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["hue_of", "scene"]

_COLOURS: dict[str, tuple[float, str]] = {
    "red": (0.00, r"\bred\b|\bcrimson|\bscarlet|红"),
    "orange": (0.07, r"\borange|\bautumn|\bdesert|\bsand|橙|沙漠"),
    "yellow": (0.13, r"\byellow|\bgold|黄|金色"),
    "green": (0.33, r"\bgreen|\bforest|\bjungle|\bgrass|\bmeadow|绿|森林|草"),
    "blue": (0.58, r"\bblue|\bsea\b|\bocean|\bwater|\bsky\b|蓝|海|天空"),
    "purple": (0.76, r"\bpurple|\bviolet|\bneon|紫|霓虹"),
    "pink": (0.92, r"\bpink|\brose|\bblossom|粉|樱"),
}
"""Hue (0 to 1) of a colour, and the words that ask for it."""

_MOST_LETTERS = 110


def hue_of(prompt: str) -> float:
    """Hue that a prompt's first colour names; without one it follows from all of its words.

    >>> hue_of("a green car on red sand"), hue_of("红色的汽车")
    (0.33, 0.0)
    """
    found = [
        (match.start(), hue) for hue, words in _COLOURS.values() if (match := re.search(words, prompt, re.IGNORECASE))
    ]
    if found:
        return min(found)[1]
    digest = hashlib.blake2b(prompt.encode("utf-8", "surrogatepass"), digest_size=2).digest()
    return int.from_bytes(digest, "big") / 65536


def scene(prompt: str, seed: int, size: tuple[int, int], *, lettered: bool = True) -> Image.Image:
    """A landscape in the colours that the words ask for, its hills from the seed, the words themselves across it.

    Parameters
    ----------
    size : tuple of int
        Pixels.
    lettered : bool
        Whether the words are written on it.
    """
    rng, hue = np.random.default_rng(seed), hue_of(prompt)
    width, height = size
    sun, radius = (rng.uniform(0.2, 0.8) * width, rng.uniform(0.14, 0.34) * height), 0.09 * height
    image = _sky(hue, size, sun)
    pen = ImageDraw.Draw(image)
    pen.ellipse((sun[0] - radius, sun[1] - radius, sun[0] + radius, sun[1] + radius), _fill(hue + 0.1, 1.0, 0.12))
    x = np.linspace(0, 1, width // 4)
    for layer in range(3):
        ridge = (0.52 + 0.14 * layer + _ridge(x, rng) * (0.11 - 0.02 * layer)) * height
        outline = [(0.0, height), *zip((x * width).tolist(), ridge.tolist(), strict=True), (width, height)]
        pen.polygon(outline, _fill(hue + 0.45 + 0.05 * layer, 0.62 - 0.17 * layer, 0.38))
    if lettered:
        _write(image, " ".join(prompt.split()))
    return image


def _fill(hue: float, value: float, saturation: float) -> tuple[int, int, int]:
    red, green, blue = colour(hue, value, saturation).astype(int).tolist()
    return red, green, blue


def _sky(hue: float, size: tuple[int, int], sun: tuple[float, float]) -> Image.Image:
    """A sky that is brighter below and around the sun; soft enough to be made at an eighth."""
    width, height = (side // 8 for side in size)
    x, y = np.arange(width), np.arange(height)[:, None]
    high, low = colour(hue, 0.55, 0.5), colour(hue + 0.06, 0.95, 0.25)
    sky = high + (low - high) * (y[..., None] / height) ** 0.8
    away = np.hypot(x - sun[0] / 8, y - sun[1] / 8) / height
    glow = 0.5 * np.exp(-away / 0.16)[..., None]
    pixels = sky + (colour(hue + 0.1, 1.0, 0.12) - sky) * glow
    return Image.fromarray(pixels.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)


def _ridge(x: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[Any]:
    """Height of a row of hills, about -1 to 1."""
    waves = [(rng.uniform(2, 5) * 2**k, rng.uniform(0, 6.3), 0.6**k) for k in range(4)]
    height: npt.NDArray[Any] = sum((share * np.sin(pace * x * 3.14 + phase) for pace, phase, share in waves), 0.0 * x)
    return height / 1.6


def _write(image: Image.Image, text: str) -> None:
    """Write a text large in the middle, as many lines as it needs, its end left out where it is long."""
    if len(text) > _MOST_LETTERS:
        text = text[:_MOST_LETTERS].rstrip() + " ..."
    short = min(image.size)
    size = short * (0.115 if len(text) <= 40 else 0.078)
    text, font = readable(text, size)
    lines = _lines(text, font, 0.78 * image.width)
    ImageDraw.Draw(image).multiline_text(
        (image.width / 2, image.height * 0.46),
        "\n".join(lines),
        font=font,
        fill=(255, 255, 255),
        anchor="mm",
        align="center",
        spacing=size * 0.3,
        stroke_width=max(1, round(size / 16)),
        stroke_fill=(20, 22, 30),
    )


def _lines(text: str, font: Any, width: float) -> list[str]:
    """Lines no wider than that, parted at spaces, and within what has none, as Chinese."""
    lines = [""]
    for part in re.findall(r"[^\s\u2e80-\uffff]+\s*|[\u2e80-\uffff]|\s+", text):
        longer = lines[-1] + part
        if font.getlength(longer.rstrip()) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(part)
    return [line.strip() for line in lines]
