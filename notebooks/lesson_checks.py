"""Checks of the exercises in ``lesson.ipynb``: each looks at what was asked for, however it was written."""

from __future__ import annotations

import re
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import wan_nb
from wan_nb.api import catalog
from wan_nb.api.recorded import beside_materials, items_of, values_of
from wan_nb.errors import WanError
from wan_nb.handles.race import Race
from wan_nb.magics.dry_run import DryRun
from wan_nb.simulator.drawing.camera_words import camera_words
from wan_nb.studies.race.evidence import log_evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wan_nb.studies.race.race_plan import RacePlan

__all__ = ["MOST_COST", "NAME", "SEEDS", "check", "lacks"]

DATA = Path(__file__).parent / "data"
NAME = "lesson"
SEEDS = 14
"""Least seeds for one voter: with one vote against, the ranking decides from here on."""
MOST_COST = 40
"""CNY that exercise 5 may cost."""


def check(number: int, answer: Any, start: Any = None) -> None:
    """Say whether an exercise is solved, and if not, what is missing. A clip that is under way is waited for.

    Parameters
    ----------
    number : int
        Of the exercise, from 1.
    answer : Run, Study, Race, DryRun, float or None
        What its cell made; None while there is nothing yet.
    start : Run, optional
        The clip that exercise 6 continues.
    """
    if number not in _CHECKS:
        print(f"there are the exercises 1 to {len(_CHECKS)}.")
    elif missing := _missing(*_CHECKS[number], answer, *([start] if number == 6 else [])):
        print(f"not yet: {missing}")
    else:
        print(f"✓ exercise {number}")


def _missing(kinds: tuple[type, ...], called: str, look: Callable[..., str], answer: Any, *more: Any) -> str:
    if answer is None:
        return "there is no answer yet."
    if not isinstance(answer, kinds):
        return f"{called} is wanted, not {' '.join(repr(answer).split()):.60}."
    try:
        return look(answer.wait() if isinstance(answer, wan_nb.Run) else answer, *more)
    except WanError as error:
        return error.message


# --- what was asked for


class _Asked(NamedTuple):
    """A request as it is written down: its values, and the content of its materials by field."""

    values: Mapping[str, Any]
    materials: Mapping[str, str]
    body: Mapping[str, Any]

    def differs(self, *, only: bool = False, **files: str) -> str:
        """What is wrong with the materials; with `only` there may be none but these, and a sound."""
        for field, name in files.items():
            if field not in self.materials:
                return f"there is no {field}: {catalog.BY_NAME[field].flag} data/{name}."
            if self.materials[field] != wan_nb.session().material(DATA / name, field).identity:
                return f"{field} should be data/{name}."
        more = sorted(self.materials.keys() - files - {"driving_audio"})
        return f"there is a {more[0]} too, leave it away." if only and more else ""


def _asked(body: Mapping[str, Any]) -> _Asked:
    # What is taken out of a clip is known by that clip, and made anew as a file.
    materials = {field: str(item.get("taken") or item["identity"]) for field, _, item in items_of(body)}
    return _Asked(values_of(body), materials, beside_materials(body))


def _all_asked(answer: Any) -> list[_Asked]:
    """Of a run its request, of a study or a dry run all that it would send."""
    if isinstance(answer, wan_nb.Run):
        return [_asked(answer.row.request)]
    return [_asked(request.public()) for request in answer.requests]


def _one(answer: Any) -> _Asked | str:
    asked = _all_asked(answer)
    return asked[0] if len(asked) == 1 else f"one clip, please, not {len(asked)}."


def _made(run: Any, seconds: int) -> str:
    """What is wrong with length and name of a clip."""
    found = run.row.duration
    if found != seconds:
        return f"it should last {seconds} s, not {found}."
    named = run.row.study == NAME or run.id in run.session.runs(study=NAME).index
    return "" if named else f"its name should be {NAME}: --name {NAME}."


# --- the exercises


def _stands_still(run: Any) -> str:
    asked = _asked(run.row.request)
    if wrong := asked.differs(only=True, first_frame="coffee.jpg") or _made(run, 2):
        return wrong
    words = camera_words(str(asked.values.get("prompt")))
    if moving := [word for move, word in words.items() if move != "static"]:
        return f"'{moving[0]}' moves the camera."
    return "" if words else "the prompt does not say that the camera stands still."


def _ends_on_the_rocket(run: Any) -> str:
    asked = _asked(run.row.request)
    return asked.differs(only=True, first_frame="coffee.jpg", last_frame="rocket.jpg") or _made(run, 4)


def _keeps_the_whole_voice(answer: Any) -> str:
    asked = _one(answer)
    if isinstance(asked, str):
        return asked
    if wrong := asked.differs(only=True, first_frame="astronaut.png", driving_audio="voice.mp3"):
        return wrong
    seconds = asked.values["duration"]
    if seconds == 14:
        return ""
    return f"{seconds} s is " + ("too short: the voice is cut." if seconds < 14 else "longer than needed.")


_NO = re.compile(
    r"\b(?:no|not|never|without|avoid\w*|exclud\w*|remov\w*|none|cannot|neither|nor|zero|prevent\w*|forbid\w*"
    r"|prohibit\w*|banned|less|reduc\w*|free of)\b|n['’]t\b|\w-free\b|\b(?:text|shake|caption|logo|watermark)less\b"
    r"|不[要能许得含出可需想准应该带]|没有|避免|禁|防止|减少|拒绝|杜绝|排除|[消清]除|勿|别(?![扭的人致])"
    r"|非(?=[文字水标抖晃])|去[除掉字水]|(?:^|[,，、;；\s])无(?![关聊序趣神力效])",
    re.IGNORECASE,
)
_TEXT = re.compile(
    r"\b(?:text(?!ur|il)|words?|letter|caption|subtitle|title|(?:hand)?writ(?:ing|ten)|inscri|logo|watermark|typograph"
    r"|labels?\b|characters?\b|sign(?:s|age)?\b)"
    r"|字|水印|标[志题识语]|文[本案]|弹幕|台词",
    re.IGNORECASE,
)
_SHAKY = re.compile(
    r"\b(?:shak|jitter|wobbl|wiggl|quiver|trembl|tremor|hand[- ]?held|unst(?:able|ead)|instab|judder|jolt|jerk|bump"
    r"|vibrat|sway)"
    r"|抖|晃|颤|摇[动摆]|手持|不稳|震动|颠簸|跳动",
    re.IGNORECASE,
)


def _names_what_is_unwanted(answer: Any) -> str:
    asked = _one(answer)
    if isinstance(asked, str):
        return asked
    if wrong := asked.differs(only=True, first_frame="cat.jpg"):
        return wrong
    return lacks(str(asked.values.get("negative_prompt") or ""))


def lacks(unwanted: str) -> str:
    """What a negative prompt lacks that is to keep out text and shaky pictures; empty if nothing."""
    if not unwanted:
        return "there is no negative prompt."
    if found := _NO.search(unwanted):
        return f"name things, without '{found[0].strip(' ,，、;；')}'."
    if not _TEXT.search(unwanted):
        return "nothing is said against text."
    return "" if _SHAKY.search(unwanted) else "nothing is said against shaky pictures."


def _is_fair(answer: Any) -> str:
    study, race = (answer.study, answer.plan) if isinstance(answer, Race) else (answer, _race_of(answer))
    asked = _all_asked(study)
    prompts: dict[str, list[_Asked]] = {}
    for one in asked:
        prompts.setdefault(" ".join(str(one.values.get("prompt")).split()).casefold(), []).append(one)
    if len(prompts) != 2:
        return f"two prompts, please, not {len(prompts)}."
    if wrong := next(filter(None, (one.differs(only=True, first_frame="cat.jpg") for one in asked)), ""):
        return wrong
    first, second = ([one.values.get("seed") for one in group] for group in prompts.values())
    if set(first) != set(second):
        return "both prompts need the same seeds."
    if len(asked) != 2 * len(set(first)) or any(_beside_prompt(one) != _beside_prompt(asked[0]) for one in asked):
        return "the clips should differ in prompt and seed alone."
    # The whole counts, also what is in the log already.
    pair = 2 * study.requests[0].price(catalog.REGIONS["beijing"])
    return _racing(race, pair) if race else _enough(len(first), pair)


def _enough(seeds: int, pair: float, least: int = SEEDS, whose: str = "") -> str:
    """What is wrong with so many seeds at the price of their two clips."""
    if seeds < least:
        counted = "1 seed" if seeds == 1 else f"{seeds} seeds"
        return f"{whose}{counted}: one vote against, and one voter cannot decide. Take {least} at least."
    cost = seeds * pair
    return "" if cost <= MOST_COST else f"the whole costs {cost:.2f}, more than {MOST_COST}: make the clips shorter."


def _racing(race: RacePlan, pair: float) -> str:
    """What is wrong with a race: it takes as many seeds as its budget does."""
    if race.raters > 1:
        return f"the race asks {race.raters} people about each pair: one should be enough."
    bounds = [] if race.max_cost is None else [int((race.max_cost + 1e-6) // pair)]
    bounds += [] if race.max_clips is None else [race.max_clips // 2]
    if not bounds:
        return f"say what the whole race may cost: max_cost={MOST_COST}, or --max-cost {MOST_COST}."
    return _enough(min(bounds), pair, race_seeds(race.beats), "the race takes ")


def _race_of(answer: Any) -> RacePlan | None:
    """The race that a dry run or a study is part of."""
    return answer.race if isinstance(answer, DryRun) else answer.plan.race


def race_seeds(beats: float) -> int:
    """Least seeds with which one voter decides a race at such odds, with one vote against."""
    leads = np.ones((4 * SEEDS, 2, 2))
    leads[0] = -1
    evidence = log_evidence(leads)[:, 0, 1]
    return int(np.argmax(evidence >= np.log(beats))) + 1


def _beside_prompt(one: _Asked) -> dict[str, Any]:
    return {**one.body, "input": {**one.body["input"], "prompt": None}, "materials": one.materials}


def _goes_on(run: Any, start: Any) -> str:
    if not isinstance(start, wan_nb.Run) or start.row.video_sha256 is None:
        return "cup should be the first clip of this lesson: run its cell again."
    given = _asked(run.row.request).materials.get("first_clip")
    if given is None:
        return "it does not continue a clip: -c {{cup}}."
    own = start.row.video_sha256
    if not given.startswith((own, f"sha256:{own}")):
        return "it continues another clip: -c {{cup}}."
    return _made(run, 6)


def _counts_the_bill(amount: Any) -> str:
    bill = float(wan_nb.runs(study=NAME)["cost"].sum())
    try:
        right = not isinstance(amount, bool) and abs(float(amount) - bill) < 0.005
    except ArithmeticError:  # larger than any float
        right = False
    return "" if right else f"that is not the sum of the column cost of the runs named {NAME}."


_RUN = ((wan_nb.Run,), "a run (--out)")
_ONE = ((DryRun, wan_nb.Run), "a dry run (--dry-run --out)")

_CHECKS: dict[int, tuple[tuple[type, ...], str, Callable[..., str]]] = {
    1: (*_RUN, _stands_still),
    2: (*_RUN, _ends_on_the_rocket),
    3: (*_ONE, _keeps_the_whole_voice),
    4: (*_ONE, _names_what_is_unwanted),
    5: ((wan_nb.Study, Race, DryRun), "a study or race (wan_nb.study, or %%wan --dry-run --out)", _is_fair),
    6: (*_RUN, _goes_on),
    7: ((Real, Decimal), "a number", _counts_the_bill),
}
