"""Camera moves and light from the words of a prompt, English and Chinese, and from the seed where it names none."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["CameraMove", "Grade", "Viewport", "camera_words", "grade_of", "move_of"]


class _Words(NamedTuple):
    """How prompts name a move, English and Chinese in one pattern.

    ``term`` names it wherever it stands, ``told`` where the camera is spoken of, ``subject`` is what a subject does
    that the picture follows when nothing is said of the camera.
    """

    term: str
    told: str = ""
    subject: str = ""


_SIDE = r"\b(?:pan|truck|slid|swing|swip|whip|track)\w*(?: \w+){{0,3}}? {0}\b|{1}移|{1}摇"
_HEIGHT = r"\b(?:tilt|crane|boom|jib|pan|pedestal)\w*(?: \w+){{0,2}}? {0}(?:wards?)?\b|{1}摇"

_MOVES: dict[str, _Words] = {
    "in": _Words(
        r"\b(?:zoom|push|doll|track)\w*[ -]in\b|\bclose-?up\b|推近|推进|拉近|特写",
        r"\b(?:mov|com|go|glid|creep|fl)\w* in\b|\bcloser?\b|\bclosing\b|\btowards?\b|\bforwards?\b|\bapproach"
        r"|放大|走近|靠近|向前|前移",
        r"\bcloser\b|\btowards?\b|\bapproach|走近|靠近|走来",
    ),
    "out": _Words(
        r"\b(?:zoom|pull|doll|track)\w*[ -](?:out|back|away)\b|\bwide shot|拉远|拉出|拉开",
        r"\b(?:mov|go|glid|fl)\w* (?:out|back|away)\b|\bbackwards?\b|\breveal|\bretreat|缩小|后退|远离|远去",
        r"\breveal|远去",
    ),
    "left": _Words(
        _SIDE.format("left", "左"), r"\bleft(?:wards?)?\b|向左|往左|左转", r"\bleftwards?\b|\bto the left\b|向左|往左"
    ),
    "right": _Words(
        _SIDE.format("right", "右"),
        r"\bright(?:wards?)?\b|向右|往右|右转",
        r"\brightwards?\b|\bto the right\b|向右|往右",
    ),
    "up": _Words(
        _HEIGHT.format("up", "上") + "|仰拍",
        r"\bup(?:wards?)?\b|\bris(?:es?|ing)\b|\bascend|\blifts?\b|上移|向上|仰|上升|升起|升高",
        r"\bris(?:es?|ing)\b|\btak\w+ off\b|\bascend|\bupwards?\b|向上|上升|升起|起飞",
    ),
    "down": _Words(
        _HEIGHT.format("down", "下") + "|俯拍",
        r"\bdown(?:wards?)?\b|\bdescend|\bfall(?:s|ing)?\b|\bsinks?\b|\blowers?\b|下移|向下|俯|下降|落下|降低",
        r"\bdescend|\bfall(?:s|ing)?\b|\bdownwards?\b|向下|下降|落下",
    ),
    "orbit": _Words(
        r"\borbit|环绕",
        r"\baround\b|\bcircl|\brotat|\bspin|\brevolv|\barcs?\b|\b360\b|旋转|绕着|围绕|转圈",
        r"\bspin|\brotat|\b360\b|旋转|转圈",
    ),
    "shake": _Words(
        r"\bhand-?held\b|\bshaky\b|\bearthquake|\bbumpy|手持",
        r"\bshak|\btrembl|\bjitter|\bwobbl|晃动|抖动|颠簸|震动|摇晃",
        r"\bshak[ei]|\btrembl|颠簸|震动",
    ),
    "static": _Words(
        r"\b(?:static|fixed|locked|stationary|still|motionless|immobile)(?: \w+)? (?:camera|shot|frame|lens)\b"
        r"|\btripod\b|\block(?:ed)?[ -](?:off|down)\b",
        r"\bstatic\b|\bfixed\b|\bstill\b|\blocked\b|\bmotionless|\bstationary\b|\bimmobile\b|\bunmoving\b|\bstays?\b"
        r"|\bremains?\b|\bholds?\b|\bstands?\b|\bat rest\b|\bfrozen\b|固定|静止|静态|定格|定住|停住",
        r"\bstatic\b|\bmotionless|\bstill\b|静止|定格",
    ),
}

_FAST = (
    r"\bfast\b|\bquick|\brapid|\bdash|\brac(?:es|ing)\b|\bsprint|\bfurious|\bhigh speed|\benerg|\bwhip"
    "|快速|迅速|飞快|疾|冲刺|激烈"
)
_SLOW = r"\bslow|\bcalm|\bgentl|\bquiet|\bpeaceful|\bsoft|\bserene|缓缓|缓慢|慢慢|平静|安静|轻轻"

_CLAUSE = re.compile(
    r"[,.;:!?\n，。；：！？、]|\b(?:and|then|while|whilst|as|but|until)\b|然后|接着|同时|并且|但", re.IGNORECASE
)
_NOT = re.compile(
    r"\b(?:no|not|never|without|avoid|cannot|nor)\b|n['’]t\b|\b(?:dont|doesnt|isnt)\b|不(?![断停同久])|没有|没|无|别|勿|禁止",
    re.IGNORECASE,
)
_CAMERA = re.compile(
    r"\b(?:cameras?|cam|shot|lens|viewpoint|framing|perspective|pov|drone)\b|镜头|机位|运镜|摄像机|摄影机|相机|画面",
    re.IGNORECASE,
)
_AT_CAMERA = re.compile(
    r"\b(?:towards?|to|into|at|past|from|facing|for|near|behind|before|in front of) (?:the |a |our )?(?:camera|lens)\b"
    r"|(?:对着?|朝着?|向着?|面对|看着?|走向|靠近|冲向|望着?|盯着?)(?:镜头|摄像机|摄影机|相机)",
    re.IGNORECASE,
)
"""The camera as what a subject looks at or goes to."""

_VERB = re.compile(r"\b(?:zoom|pan|tilt|doll(?:y|ie)|orbit)(?:n?ing|s)?\b|运镜|推镜|摇镜", re.IGNORECASE)
_MOVING = re.compile(rf"\b(?:mov|motion|travel|track|push|pull|chang)\w*|[动移推拉摇变]|{_VERB.pattern}", re.IGNORECASE)
_FILLING = re.compile(
    r"\b(?:a|an|the|very|to|of|in|with|slightly|smooth\w*|steady|steadily)\b|[地的着]|\W", re.IGNORECASE
)


_LIGHT: dict[str, tuple[str, str, float, float, float]] = {
    "warm": (r"\bwarm|\bsunset|\bgolden|\bfire|\bcandle|\bautumn", "夕阳|日落|金色|温暖|火|秋", 1.03, -7.0, 6.0),
    "cold": (r"\bcold|\bwinter|\bsnow|\brain|\bmoon|\bunderwater|\bicy?\b", "雪|雨|冬|月|冷|水下", 0.98, 6.0, -5.0),
    "dark": (r"\bnight|\bdark|\bnoir|\bmidnight|\bgloom", "夜|黑暗|阴暗", 0.68, 5.0, -3.0),
    "bright": (r"\bbright|\bsunny|\bmorning|\bsunshine|\bdawn", "明亮|阳光|清晨|早晨", 1.10, -3.0, 2.0),
}
"""Words of light, then exposure as a factor, shift of U (blue), shift of V (red)."""


def _found(pattern: str, text: str) -> str:
    found = re.search(f"(?:{pattern})[a-z]*", text, re.IGNORECASE) if pattern else None
    return found[0] if found else ""


def _is_told(clause: str) -> bool:
    """Whether a clause speaks of the camera: it names it, or has no other word than those of a move."""
    if _CAMERA.search(clause):
        return True
    rest = re.sub(
        "|".join((*(f"{w.term}|{w.told}" for w in _MOVES.values()), _FAST, _SLOW)), "", clause, flags=re.IGNORECASE
    )
    return rest != clause and not _FILLING.sub("", rest)


def camera_words(prompt: str) -> dict[str, str]:
    """The moves that a prompt names, each with the word that names it.

    What is said of the camera counts, and what it shall not do is left out; a camera that shall not move is ``static``.
    Where nothing is said of it, it follows the subject.

    Examples
    --------
    >>> camera_words("steam rises from the cup, slow zoom in"), camera_words("steam rises from the cup")
    ({'in': 'zoom in'}, {'up': 'rises'})
    >>> camera_words("the cat looks around"), camera_words("热气升起，镜头不动")
    ({}, {'static': '不动'})
    """
    named: dict[str, str] = {}
    forbidden: dict[str, str] = {}
    for clause in _CLAUSE.split(_AT_CAMERA.sub(" ", prompt)):
        told, negation = _is_told(clause), _NOT.search(clause)
        asked = clause[: negation.start()] if negation else clause
        fixed = _found(_MOVES["static"].term, asked)
        for move, words in _MOVES.items():
            if word := _found(words.term, asked) or (told and not fixed and _found(words.told, asked)):
                named.setdefault(move, word)
        if negation and (told or _VERB.search(clause, negation.end())):
            moving = _MOVING.search(clause, negation.end())
            forbidden["static" if moving else ""] = clause[negation.start() :].strip()
    if named.keys() - {"shake"}:
        return named
    if named or forbidden:
        return named | {move: words for move, words in forbidden.items() if move}
    return {move: word for move, words in _MOVES.items() if (word := _found(words.subject, prompt))}


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
    fast = bool(_found(_FAST, prompt))
    pace = 1.35 if fast else 0.6 if _found(_SLOW, prompt) else 1.0
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
        if _found(f"{english}|{chinese}", prompt):
            exposure, u, v = exposure * factor, u + blue, v + red
    return Grade(exposure, u, v)
