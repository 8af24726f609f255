"""The camera's crop: what it shows is where it should be, to a fraction of a pixel that nobody sees."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from wan_nb.simulator.drawing.camera import move_of
from wan_nb.simulator.drawing.crop import MovingCrop

SIDES, SIZE = (400, 240), (320, 192)


def wave(x: np.ndarray, y: np.ndarray, across: int, down: int) -> np.ndarray:
    """A picture that is known everywhere, between its pixels and beyond its edges too; coordinates are shares."""
    return 128 + 50 * np.cos(np.pi * across * x) + 50 * np.cos(np.pi * down * y)


def picture(across: int, down: int) -> Image.Image:
    y, x = np.mgrid[0 : SIDES[1], 0 : SIDES[0]]
    return Image.fromarray(np.rint(wave((x + 0.5) / SIDES[0], (y + 0.5) / SIDES[1], across, down)).astype(np.uint8))


@pytest.mark.parametrize("prompt", ["", "static", "zoom in", "pan left, slow", "tilt up, handheld", "orbit fast"])
def test_every_frame_shows_what_the_camera_looks_at(prompt: str) -> None:
    move, wide = move_of(prompt, 3), picture(6, 4)
    crop = MovingCrop((wide, wide.reduce(2), wide.reduce(2)), move)
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    for step in range(0, 97, 2):
        view = move.view(step / 96, step / 24)
        there = (
            view.x + ((x + 0.5) / SIZE[0] - 0.5) * view.width,
            view.y + ((y + 0.5) / SIZE[1] - 0.5) * view.height,
        )
        seen = np.asarray(crop.planes(step / 96, step / 24, SIZE)[0], dtype=float)
        # The steepest slope is 50 * pi * 6 / 320 = 2.9 a pixel: half a pixel, and rounding twice.
        assert np.abs(seen - wave(*there, 6, 4)).max() < 3


def test_a_plain_picture_stays_as_it_is() -> None:
    plain = Image.new("L", SIDES, 235)
    crop = MovingCrop((plain, plain.reduce(2), plain.reduce(2)), move_of("pull back, handheld", 1))
    for plane in crop.planes(0.7, 3.0, SIZE):
        assert plane.getextrema() == (235, 235)


def test_what_comes_into_view_has_the_colours_of_the_edge() -> None:
    """Dark left half, light right half: so are the surroundings, and soft."""
    halves = Image.fromarray(np.repeat([[40] * 200 + [200] * 200], 240, axis=0).astype(np.uint8))
    crop = MovingCrop((halves, halves.reduce(2), halves.reduce(2)), move_of("pull back", 1))
    seen = np.asarray(crop.planes(1.0, 5.0, SIZE)[0], dtype=float)
    assert abs(seen[:, 0].mean() - 40) < 8
    assert abs(seen[:, -1].mean() - 200) < 8
    assert (seen.min(), seen.max()) == pytest.approx((40, 200), abs=3)
