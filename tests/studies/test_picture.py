"""What is computed in few operations is what the plain formulas give."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange

from wan_nb.studies.measures import picture
from wan_nb.studies.rounding import steady


def planes(kind: str, number: int, width: int, height: int) -> list[np.ndarray]:
    """Y, U and V of one picture of a clip: drifting grain, between black bars or out of the dark where asked."""
    rng = np.random.default_rng(number // 3 if kind == "stands" else number)
    y = rng.integers(16, 236, (height, width), np.uint8)
    u, v = (rng.integers(16, 240, (height // 2, width // 2), np.uint8) for _ in range(2))
    if kind == "bars":
        y[:8], y[-6:], y[:, :4] = 17, 16, 18
    if kind == "dawn":
        y = (16 + (y - 16) * min(1.0, number / 9)).astype(np.uint8)
    if kind == "black":
        y[:] = 17
    if kind == "line":  # too thin for any row to be bright
        y[:], y[:, 7] = 17, 200
    return [y, u, v]


def frame(parts: list[np.ndarray], number: int, *, full: bool) -> av.VideoFrame:
    height, width = parts[0].shape
    made = av.VideoFrame(width, height, "yuv420p")
    for plane, part in zip(made.planes, parts, strict=True):
        padded = np.zeros((part.shape[0], plane.line_size), np.uint8)
        padded[:, : part.shape[1]] = part
        plane.update(padded)
    made.pts, made.time_base = number, Fraction(1, 24)
    made.color_range = ColorRange.JPEG if full else ColorRange.MPEG
    return made


def squares(values: np.ndarray, side: int) -> np.ndarray:
    factor = max(1, round(max(values.shape) / side))
    height, width = (length // factor for length in values.shape)
    cut = values[: height * factor, : width * factor].astype(float)
    return cut.reshape(height, factor, width, factor).mean(axis=(1, 3))


def plainly(parts: list[list[np.ndarray]], *, full: bool) -> dict[str, float]:
    floor, scale = (0.0, 1.0) if full else (16.0, 255 / 219)
    small = [(squares(y, 320) - floor) * scale for y, _, _ in parts]
    changes = [after - before for before, after in pairwise(small)]
    grey = [np.hypot(u - 128.0, v - 128.0).mean() * (1.0 if full else 255 / 224) for _, u, v in parts]
    times = np.arange(len(parts)) / 24
    part = min(0.5, times[-1] / 5)
    first, last = times <= part, times >= times[-1] - part
    light = np.array([each.mean() for each in small])
    lines = [np.max([(y.mean(axis=axis) - floor) * scale for y, _, _ in parts], axis=0) for axis in (1, 0)]
    black = sum(int((line >= 8).argmax()) + int((line[::-1] >= 8).argmax()) for line in lines)
    return {
        "motion": float(np.mean([np.abs(change - change.mean()).mean() for change in changes])),
        "brightness_drift": light[last].mean() - light[first].mean(),
        "saturation_drift": np.array(grey)[last].mean() - np.array(grey)[first].mean(),
        "bars_px": 0.0 if lines[0].max() < 8 else float(black),
    }


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("size", [(320, 180), (642, 362), (130, 1000)])
@pytest.mark.parametrize("kind", ["grain", "stands", "bars", "dawn", "black", "line"])
def test_numbers_are_those_of_the_formulas(kind, size, full):
    parts = [planes(kind, number, *size) for number in range(24)]
    timeline = picture.Timeline()
    for number, each in enumerate(parts):
        timeline.add(frame(each, number, full=full))
    found = timeline.numbers()
    for name, value in plainly(parts, full=full).items():
        assert steady(found[name]) == steady(value), name


def test_sharpness_is_the_variance_of_the_laplacian():
    rng = np.random.default_rng(1)
    for size in [(3, 3), (180, 320), (97, 211), (50, 40)]:
        grey = rng.integers(0, 256, size, np.uint8)
        wide = grey.astype(float)
        laplacian = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * wide[1:-1, 1:-1]
        assert picture.sharpness(grey) == pytest.approx(laplacian.var(), rel=1e-12)


def all_cuts(scenes: list[np.ndarray], times: np.ndarray) -> list[int]:
    """Each change compared with all around it."""
    alike = steady(np.array([picture.likeness(one, other) for one, other in pairwise(scenes)]))
    found = []
    for place in np.flatnonzero(alike < 0.4):
        near = np.abs(times[1:] - times[place + 1]) <= 0.5
        near[place] = False
        usual = float(np.median(alike[near])) if near.sum() >= 3 else 1.0
        change = scenes[place + 1] - scenes[place]
        back = [(-2, 1), (-1, 1), (-1, 2), (0, 2), (0, 3)]
        pairs = [(place + a, place + b) for a, b in back if place + a >= 0 and place + b < len(scenes)]
        flash = any(picture.likeness(scenes[a], scenes[b]) >= 0.6 for a, b in pairs)
        if (change**2).mean() >= 1 and usual - alike[place] > 0.3 and not flash:
            found.append(int(place))
    return found


def scenes_of(rng: np.random.Generator) -> list[np.ndarray]:
    """Pictures that pan, boil, flash and change at random."""
    wide, scenes = rng.normal(0, 20, (45, 240)), []
    for number in range(30):
        if rng.random() < 0.12:
            wide = rng.normal(0, 20, (45, 240))
        shown = rng.normal(0, 20, (45, 80)) if rng.random() < 0.1 else wide[:, number * 4 : number * 4 + 80]
        scenes.append(shown + rng.normal(0, rng.choice([0.5, 5]), (45, 80)))
    return scenes


def test_cuts_are_found_without_comparing_all():
    times, found = np.arange(30) / 24, []
    for seed in range(12):
        scenes = scenes_of(np.random.default_rng(seed))
        found.append(picture.cuts(scenes, times))
        assert found[-1] == all_cuts(scenes, times)
    assert sum(map(len, found)) > 12
