"""Camera moves that a prompt asks for, English and Chinese: what is said of the camera, not what its subject does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FAST", "SLOW", "camera_words", "found"]


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

_NO_PLACE = r"(?<!\bfrom the )(?<!\bon the )(?<!\bat the )"
_NO_POSE = r"(?<!looking )(?<!facing )(?<!pointing )(?<!pointed )(?<!aimed )"
"""Where a camera stands and looks, which is no move: ``a shot from the left, looking down``."""

_FILMS = (
    r"\W*$|\W*(?:smartphone|phone|mobile|video|documentary|camera|cam|lens|shot|footage|film|follow|track|mov|motion"
    r"|style|feel|look|effect|take|view|pov|shak|close|zoom|push|pan)"
    r"|[的地]?(?:拍|摄|镜|跟|运|机|相|视|画|晃|抖|风|效|感|推|移)|\s+[\u4e00-\u9fff]"
)
"""What stands behind `handheld` where it tells how something is filmed, and not what somebody holds."""

_MOVES: dict[str, _Words] = {
    "in": _Words(
        r"\b(?:zoom|push|doll|track)\w*[ -]in(?:to)?\b|推近|推进|拉近|推镜",
        r"\b(?:mov|com|go|glid|creep|fl)\w* in\b|\bcloser?\b(?![ -]?up)|\bclosing\b|\btowards?\b|\bforwards?\b"
        r"|\bapproach|放大|走近|靠近|向前|前移",
        r"\bcloser\b|\btowards?\b|\bapproach|\bclose[ -]?up\b|走近|靠近|走来|特写",
    ),
    "out": _Words(
        r"\b(?:zoom|pull|doll|track)\w*[ -](?:out|back|away)\b|拉远|拉出|拉开|拉镜",
        r"\b(?:mov|go|glid|fl)\w* (?:out|back|away)\b|\bbackwards?\b|\breveal|\bretreat|缩小|后退|远离|远去",
        r"\breveal|\bwide shot|远去",
    ),
    "left": _Words(
        _SIDE.format("left", "左"),
        rf"{_NO_PLACE}\bleft(?:wards?)?\b|向左|往左|左转",
        r"\bleftwards?\b|\bto the left\b|向左|往左",
    ),
    "right": _Words(
        _SIDE.format("right", "右"),
        rf"{_NO_PLACE}\bright(?:wards?)?\b|向右|往右|右转",
        r"\brightwards?\b|\bto the right\b|向右|往右",
    ),
    "up": _Words(
        _HEIGHT.format("up", "上") + "|升镜",
        rf"(?<!close[ -]){_NO_POSE}\bup(?:wards?)?\b|\bris(?:es?|ing)\b|\bascend|\blifts?\b"
        r"|上移|[向往]上|上仰|上升|升起|升高",
        r"\bris(?:es?|ing)\b|\btak\w+ off\b|\bascend|\bupwards?\b|向上|上升|升起|起飞|仰拍",
    ),
    "down": _Words(
        _HEIGHT.format("down", "下") + "|降镜",
        rf"(?<!top[ -]){_NO_POSE}\bdown(?:wards?)?\b|\bdescend|\bfall(?:s|ing)?\b|\bsinks?\b|\blowers?\b"
        r"|下移|[向往]下|俯冲|下俯|下降|落下|降低",
        r"\bdescend|\bfall(?:s|ing)?\b|\bdownwards?\b|向下|下降|落下|俯拍",
    ),
    "orbit": _Words(
        r"\borbit|环绕",
        r"\baround\b|\bcircl|\brotat|\bspin|\brevolv|\barcs?\b|\b360\b|旋转|绕着|围绕|转圈",
        r"\bspin|\brotat|\b360\b|旋转|转圈",
    ),
    "shake": _Words(
        rf"\bhand-?held\b(?={_FILMS})|手持(?={_FILMS})"
        r"|\b(?:image|picture|frame|view)s? (?:\w+ )?(?:shak|trembl|jitter|wobbl)"
        r"|\bshaky\b",
        r"\bshak|\btrembl|\bjitter|\bwobbl|晃动|抖动|颠簸|震动|摇晃",
        r"\bshak[ei]|\btrembl|\bearthquake|\bbumpy|颠簸|震动",
    ),
}

FAST = (
    r"\bfast\b|\bquick|\brapid|\bdash|\brac(?:es|ing)\b|\bsprint|\bfurious|\bhigh speed|\benerg|\bwhip"
    "|快速|迅速|飞快|疾|冲刺|激烈"
)
SLOW = r"\bslow|\bcalm|\bgentl|\bquiet|\bpeaceful|\bsoft|\bserene|缓缓|缓慢|慢慢|平静|安静|轻轻"

_LENS = (
    r"\b(?:cameras?|cam|shot|lens|viewpoint|framing|perspective|pov|drone|tripod)\b"
    r"|(?:镜头|机位|运镜|摄像机|摄影机|相机|画面|视角)(?![中里内前后外])"
)
_PICTURE = r"\b(?:frame|view|angle|picture|image|scene|close[ -]?up|take|composition)\b|构图|特写|拍摄"
"""What a camera shows."""

_OBJECT = re.compile(
    rf"(?:{_LENS}|{_PICTURE}|\bfootage|\bshots) of\b"
    r"|\b(?:watch|film|show|captur|record|observ)(?:e?s|ing)?\b(?! (?:in|out)\b)",
    re.IGNORECASE,
)
"""What stands behind it is what the camera shows: ``a shot of steam rising``."""

_TRIPOD = r"\btripod\b|\block(?:ed)?[ -](?:off|down)\b|三脚架|定机位|定镜|定点"
_STILL = (
    r"\b(?:static|stationary|fix(?:ed)?|lock(?:ed)?|motionless|immobile|unmov(?:ing|ed)|unchang(?:ing|ed)|steady|stable"
    r"|anchored|mounted|at rest|frozen|freeze|none|still(?! (?:\w+ing|moves|pans|tilts|zooms)\b))\b"
    r"|固定|静止|静态|定格|定住|停住|停留|停在|锁定|锁[住死]|不变|(?:稳定|平稳)(?!地?[移推拉摇环跟转运上下左右前后])"
)
_STAYS = r"\b(?:stays?|remains?|holds?|keeps?|stands?|rests?)\b(?! (?:with|in motion|\w+ing)\b)"
_NEAR = r"(?:[ '’-]+(?!of\b|with\b|from\b|show|where\b|that\b)\w+){0,5}?[ '’-]*"
_STANDS = re.compile(
    rf"{_TRIPOD}|(?:{_STILL})的?[ -]?(?:(?!in\b|on\b|of\b|the\b|to\b|with\b|by\b)[\w-]+ ){{0,2}}?(?:{_LENS}|{_PICTURE})"
    rf"|(?:{_LENS}){_NEAR}(?:{_STILL}|{_STAYS})|(?:{_PICTURE}){_NEAR}(?:{_STILL})"
    rf"|(?:{_STILL})的?(?:镜头|机位|画面|摄像机|摄影机|相机)"
    rf"|(?:{_LENS}|构图|拍摄)(?:(?![的中里对拍推拉移摇跟])[\u4e00-\u9fff]){{0,6}}?(?:{_STILL})"
    rf"|\b(?:keep|hold|lock|fix|freeze)(?:s|ed)? (?:the |your )?(?:{_LENS}|frame)(?! \w+ing\b)",
    re.IGNORECASE,
)
"""A camera, or what it shows, that stands: ``static camera``, ``the frame stays fixed``."""

_CLAUSE = re.compile(
    r"([,.;:!?\n，。；：！？、]|\b(?:and|or|then|while|whilst|as|(?<!anything )but|until)\b|然后|接着|同时|并且|但)",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"[:：\n]|and|or|then|然后|接着|并且", re.IGNORECASE)
"""Behind these a clause without a subject is about that of the clause before."""

_NOT = re.compile(
    r"\b(?:no|not|never|without|avoid|cannot|nor|zero|anything but"
    r"|(?:refus|ceas)\w* to|stops? being|free (?:of|from)|dont|doesnt|isnt)\b"
    r"|n['’]t\b|不(?![断停同久过仅时息由禁远变])|没有|没|无|别|勿|禁止|避免|非(?!常)",
    re.IGNORECASE,
)
_STOPS = re.compile(r"(?:n['’]t|\b(?:not|never|without)) (?:stop|ceas|paus)\w*", re.IGNORECASE)
"""No negation: what does not stop moves."""

_CAMERA = re.compile(_LENS, re.IGNORECASE)
_SHOWN = re.compile(_PICTURE, re.IGNORECASE)
_LABEL = re.compile(
    r"(^|[,.;!?\n，。；！？])\s*(?:(?:camera|shot)(?: (?:movements?|motion|moves?|work))?"
    r"|(?:镜头|机位|运镜|摄像机|摄影机|相机)(?:运动|移动)?)\s*[:=：]",
    re.IGNORECASE,
)
_AT_CAMERA = re.compile(
    r"\b(?:towards?|to|into|at|past|(?<!movement )(?<!motion )from|facing|for|near|behind|before|in front of)"
    r" (?:the |a |our )?(?:camera|lens)\b"
    r"|(?:对着?|朝着?|向着?|面对|看着?|走向|靠近|冲向|望着?|盯着?)(?:镜头|摄像机|摄影机|相机)",
    re.IGNORECASE,
)
"""The camera as what a subject looks at or goes to."""

_VERB = re.compile(r"\b(?:zoom|pan|tilt|doll(?:y|ie)|orbit)(?:n?ing|s)?\b|运镜|推镜|摇镜", re.IGNORECASE)
_MOVING = re.compile(
    rf"\b(?:mov|motion|travel|track|push|pull|chang|shift|drift|budg|stir|follow)\w*|[动移推拉摇变转]|{_VERB.pattern}",
    re.IGNORECASE,
)
_NAMED = re.compile(
    "|".join(f"(?:{words})[a-z]*" for move in _MOVES.values() for words in (move.term, move.told) if words)
    + f"|{_TRIPOD}|{_STILL}|{_STAYS}|(?:{FAST}|{SLOW})[a-z]*",
    re.IGNORECASE,
)
"""Every word of a move, of its pace, and of none."""

_WHEN = re.compile(
    r"\b(?:(?:at|in|towards) the (?:very )?end|at last|finally|eventually|suddenly|afterwards?|after that|later"
    r"|next|now|please|(?:we|you|i|let us|let['’]s)\b)|最后|最终|突然|忽然|随后|之后|接下来|再次?",
    re.IGNORECASE,
)
"""When something is to happen, or who asks for it: no subject that moves."""

_WHOSE = re.compile(r"\b(camera|lens|shot),? (?:which|that)\b", re.IGNORECASE)
"""A clause that goes on about the camera."""

_FILLING = re.compile(
    r"\b(?:a|an|the|it|is|very|to|of|in|with|slight(?:ly)?|little|smooth\w*|steadily|completely|perfectly)\b|[地的着]|\W",
    re.IGNORECASE,
)


def _beside_moves(clause: str) -> str:
    """What a clause says beside moves: ``truck drives left`` is none of a camera."""

    def inner(move: re.Match[str]) -> str:
        return _NAMED.sub("", " ".join(move[0].split()[1:-1]))

    return _FILLING.sub("", _NAMED.sub(inner, clause))


def _is_order(clause: str, word: str) -> bool:
    """Whether a move is asked for, in a clause that does not speak of the camera: no subject stands before it."""
    before, _, _ = clause.partition(word)
    return not _beside_moves(_WHEN.sub("", before) + word)


def found(pattern: str, text: str) -> str:
    """What a pattern finds in a text, to the end of its word; empty if nothing."""
    hit = re.search(f"(?:{pattern})[a-z]*", text, re.IGNORECASE) if pattern else None
    return hit[0] if hit else ""


def _is_bare(clause: str) -> bool:
    """Whether a clause has no other words than those of a move."""
    return bool(_NAMED.search(clause)) and not _beside_moves(clause)


def _clauses(prompt: str) -> Iterator[tuple[str, bool]]:
    """The clauses of a prompt, each with whether it speaks of the camera."""
    text = _WHOSE.sub(r"\1, \1", _LABEL.sub(r"\1 camera ", prompt))
    text = _AT_CAMERA.sub(" ", _STOPS.sub(" ", text))
    before, told = "", True
    for part in _CLAUSE.split(text):
        if _CLAUSE.fullmatch(part):
            before = part
        elif part.strip():
            goes_on = part.strip().startswith("it ") or (_GOES_ON.fullmatch(before) and _is_bare(part))
            if _CAMERA.search(part) or _STANDS.search(part):
                told = True
            elif not goes_on or before.casefold() in {"as", "while", "whilst", "until"}:
                told = _is_bare(part)
            yield part, told


def camera_words(prompt: str) -> dict[str, str]:
    """The moves that a prompt names, each with the word that names it.

    What is said of the camera counts, and what it shall not do is left out; a camera that shall not move is ``static``.
    Where nothing is said of it, it follows the subject; where it shall not move, no subject moves it.

    Examples
    --------
    >>> camera_words("steam rises from the cup, slow zoom in"), camera_words("steam rises from the cup")
    ({'in': 'zoom in'}, {'up': 'rises'})
    >>> camera_words("the cat looks around"), camera_words("热气升起，镜头不动")
    ({}, {'static': '不动'})
    """
    named: dict[str, str] = {}
    of_subjects: dict[str, str] = {}
    forbidden: dict[str, str] = {}
    for clause, told in _clauses(prompt):
        negation = _NOT.search(clause)
        asked = clause[: negation.start()] if negation else clause
        moves = _moves_told(asked, told and not (_CAMERA.search(clause) and not _CAMERA.search(asked)))
        for move, word in moves.items():
            own = told or _SHOWN.search(asked) or _is_order(asked, word)
            (named if own else of_subjects).setdefault(move, word)
        if negation and (told or _SHOWN.search(asked) or _VERB.search(clause, negation.end())):
            after = clause[negation.end() :]
            stands = _MOVING.search(after) or not _FILLING.sub("", after)
            forbidden["static" if stands else ""] = clause[negation.start() :].strip()
    if "static" not in named.keys() | forbidden.keys():
        named = of_subjects | named
    if named.keys() - {"shake"}:
        return named
    if named or forbidden:
        return named | {move: words for move, words in forbidden.items() if move}
    return {move: word for move, words in _MOVES.items() if (word := found(words.subject, prompt))}


def _moves_told(clause: str, told: bool) -> dict[str, str]:
    """Moves that a clause without a negation names; of a camera that stands no weak word tells one."""
    stands = found(_STANDS.pattern, clause) or (found(_STILL, clause) if told and _is_bare(clause) else "")
    moves, own = {}, _OBJECT.split(clause, maxsplit=1)[0]
    for move, words in _MOVES.items():
        may_be_told = told and (not stands or move == "shake")
        if word := found(words.term, clause) or (may_be_told and found(words.told, own)):
            moves[move] = word
    return moves or ({"static": stands} if stands else {})
