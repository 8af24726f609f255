"""How the camera of a drawn clip moves, and its light: from a prompt's words, where it names none from the seed."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from wan_nb.simulator.drawing.camera_words import FAST, SLOW, camera_words, found

__all__ = ["CameraMove", "Grade", "Viewport", "grade_of", "move_of"]

_LIGHT: dict[str, tuple[str, str, float, float, float]] = {
    "warm": (r"\bwarm|\bsunset|\bgolden|\bfire|\bcandle|\bautumn", "夕阳|日落|金色|温暖|火|秋", 1.03, -7.0, 6.0),
    "cold": (r"\bcold|\bwinter|\bsnow|\brain|\bmoon|\bunderwater|\bicy?\b", "雪|雨|冬|月|冷|水下", 0.98, 6.0, -5.0),
    "dark": (r"\bnight|\bdark|\bnoir|\bmidnight|\bgloom", "夜|黑暗|阴暗", 0.68, 5.0, -3.0),
    "bright": (r"\bbright|\bsunny|\bmorning|\bsunshine|\bdawn", "明亮|阳光|清晨|早晨", 1.10, -3.0, 2.0),
}
"""Words of light, then exposure as a factor, shift of U (blue), shift of V (red)."""


@dataclass(frozen=True, slots=True)
class Viewport:
    """Part of a picture that fills the frame: centre and sides as shares of the picture."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class CameraMove:
    """A camera move. All shares are of the picture; progress 0 is always the whole picture.

    Attributes
    ----------
    zoom : float
        Magnification reached at the end; below 1 the surroundings come into view.
    dx, dy : float
        Shift of the camera, -1 to 1 of the room that the magnification leaves.
    arc : float
        Strength of a circling move.
    shake : float
        Strength of a hand-held move.
    phase : float
        Offset of the shake, different for each seed.
    """

    zoom: float
    dx: float
    dy: float
    arc: float
    shake: float
    phase: float

    @property
    def margin(self) -> float:
        """Share of the picture that is needed beyond each of its edges."""
        return max(0.0, (1 / self.zoom - 1) / 2) + (0.002 if self.zoom < 1 else 0.0)

    def view(self, progress: float, seconds: float) -> Viewport:
        """Part of the picture that the camera shows.

        Parameters
        ----------
        progress : float
            0 to 1 over the whole move.
        seconds : float
            Since its start, on which the shake depends.
        """
        # Eased at the start, still moving at the end.
        eased = 0.6 * progress + 0.4 * progress * progress * (3 - 2 * progress)
        tremble = self.shake * min(1.0, seconds / 0.6)
        sideways = min(1.0, max(abs(self.dx), abs(self.dy)))
        # A sideways move needs room, so that its magnification comes sooner than its shift.
        zoom = self.zoom ** (eased if self.zoom < 1 else eased + 0.8 * sideways * eased * (1 - eased))
        zoom += 0.2 * abs(self.arc) * (1 - (1 - eased) ** 3) + 0.07 * tremble
        width = height = 1 / zoom
        width *= 1 - 0.06 * abs(self.arc) * math.sin(math.pi * eased) ** 2
        limit_x, limit_y = (0.5 + self.margin - side / 2 for side in (width, height))
        x = self.dx * eased + self.arc * math.sin(1.5 * math.pi * eased)
        y = self.dy * eased + self.arc * (math.cos(1.5 * math.pi * eased) - 1) * 0.18
        t = seconds * 2 * math.pi + self.phase
        x, y = (max(-1.0, min(1.0, value)) * limit for value, limit in ((x, limit_x), (y, limit_y)))
        # The shake is a share of the frame at any magnification.
        x += 0.013 * tremble * (math.sin(0.9 * t) + 0.6 * math.sin(2.3 * t + 1) + 0.2 * math.sin(5.1 * t))
        y += 0.013 * tremble * (math.sin(1.1 * t + 2) + 0.6 * math.sin(2.7 * t) + 0.2 * math.sin(4.7 * t + 3))
        x, y = (max(-limit, min(limit, value)) for value, limit in ((x, limit_x), (y, limit_y)))
        return Viewport(0.5 + x, 0.5 + y, width, height)


def move_of(prompt: str, seed: int, *, drift: bool = True) -> CameraMove:
    """Camera move for a prompt; where it names none, a slow drift, or none.

    Examples
    --------
    >>> move_of("pan left", 1).dx < 0 < move_of("镜头右移", 1).dx
    True
    >>> move_of("the camera pulls back", 1).zoom < 1 < move_of("镜头推近", 1).zoom
    True
    """
    named = camera_words(prompt)
    rng = random.Random(seed)
    fast = bool(found(FAST, prompt))
    pace = 1.35 if fast else 0.6 if found(SLOW, prompt) else 1.0
    phase = rng.uniform(0, 60)
    direction = rng.choice((-1.0, 1.0))
    dx = float("right" in named) - float("left" in named)
    dy = float("down" in named) - float("up" in named)
    zoom = 1 + 0.32 * pace if "in" in named else 1 / (1 + 0.20 * pace) if "out" in named else 1.0
    arc = direction * 0.75 * min(pace, 1.0) if "orbit" in named else 0.0
    if "static" in named and not (dx or dy or arc) and zoom == 1.0:
        return CameraMove(1.012, 0.0, 0.0, 0.0, 0.6 if "shake" in named else 0.0, phase)
    if not (drift or dx or dy or arc) and zoom == 1.0:
        return CameraMove(1.0, 0.0, 0.0, 0.0, 0.9 if "shake" in named else 0.0, phase)
    if not (dx or dy or arc) and zoom == 1.0:
        # No move named: a slow drift into the picture, its direction from the seed.
        angle = rng.uniform(0, 2 * math.pi)
        zoom, dx, dy = 1 + rng.uniform(0.12, 0.2) * pace, 0.8 * math.cos(angle), 0.8 * math.sin(angle)
    elif (dx or dy) and zoom == 1.0:
        zoom = 1 + 0.36 * pace
    if not (dx and dy):
        dx, dy = dx or rng.uniform(-0.15, 0.15), dy or rng.uniform(-0.15, 0.15)
    shake = (0.9 if "shake" in named else 0.35 if fast else 0.0) * max(pace, 0.8)
    return CameraMove(zoom, dx, dy, arc, shake, phase)


@dataclass(frozen=True, slots=True)
class Grade:
    """Light and tint, reached within 1.5 s: exposure factor, shifts of U and V."""

    exposure: float = 1.0
    u: float = 0.0
    v: float = 0.0


def grade_of(prompt: str) -> Grade:
    """Light for a prompt: neutral unless its words ask for some.

    >>> grade_of("a walk at night").exposure < 1
    True
    """
    exposure, u, v = 1.0, 0.0, 0.0
    for english, chinese, factor, blue, red in _LIGHT.values():
        if found(f"{english}|{chinese}", prompt):
            exposure, u, v = exposure * factor, u + blue, v + red
    return Grade(exposure, u, v)
