"""Checks of the exercises in ``lesson.ipynb``: each looks at what was made, not at how it was written."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import wan_nb
from wan_nb.errors import WanError
from wan_nb.magics.dry_run import DryRun
from wan_nb.studies.measures.measures import measure

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check"]


def check(number: int, answer: Any) -> None:
    """Say whether an exercise is solved, and if not, what is missing. A clip that is under way is waited for.

    Parameters
    ----------
    number : int
        Of the exercise, from 1.
    answer : Run, Study, DryRun, float or None
        What its cell made; None while there is nothing yet.
    """
    missing = "there is no answer yet." if answer is None else _missing(*_CHECKS[number], answer)
    print(f"not yet: {missing}" if missing else f"✓ exercise {number}")


def _missing(kind: type, called: str, look: Callable[[Any], str], answer: Any) -> str:
    if not isinstance(answer, kind):
        return f"{called} is wanted, not {answer!r:.60}."
    try:
        return look(answer.wait() if isinstance(answer, wan_nb.Run) else answer)
    except WanError as error:
        return error.message


def _made_of(run: Any, **wanted: Any) -> str:
    for field, value in wanted.items():
        found = getattr(run.row, field)
        if str(found or "").rpartition("/")[2] != str(value):
            return f"{field} should be {value}, not {found}."
    return ""


def _stands_still(run: Any) -> str:
    wrong = _made_of(run, first_frame="coffee.jpg")
    motion = 0.0 if wrong else measure(run.video)["motion"] or 0.0
    return wrong or (f"the picture still moves, {motion:.1f} levels from frame to frame." if motion > 1.0 else "")


def _ends_on_the_rocket(run: Any) -> str:
    wrong = _made_of(run, first_frame="coffee.jpg", last_frame="rocket.jpg", duration=4)
    if wrong:
        return wrong
    likeness = measure(run.video, last_frame="data/rocket.jpg")["last_ssim320"] or 0.0
    return "" if likeness > 0.9 else "the last frame is not the rocket."


def _keeps_the_whole_voice(plan: Any) -> str:
    body = plan.payloads[0]
    if "driving_audio" not in {one["type"] for one in body["input"]["media"]}:
        return "no sound is given: -a data/voice.mp3."
    seconds = body["parameters"]["duration"]
    if seconds == 14:
        return ""
    return f"{seconds} s is " + ("too short: the voice is cut." if seconds < 14 else "longer than needed.")


def _names_what_is_unwanted(plan: Any) -> str:
    unwanted = plan.payloads[0]["input"].get("negative_prompt", "")
    if not unwanted:
        return "there is no negative prompt."
    return "name things, without 'no' or 'not'." if {"no", "not"} & set(unwanted.lower().split()) else ""


def _is_fair(study: Any) -> str:
    requests = study.requests
    if len(study.plan.variants) != 2 or len({request.prompt for request in requests}) != 2:
        return "two prompts, please."
    seeds = {prompt: {r.seed for r in requests if r.prompt == prompt} for prompt in {r.prompt for r in requests}}
    first, second = seeds.values()
    if first != second:
        return "both prompts need the same seeds."
    if len(first) < 6:
        return f"{len(first)} seeds cannot decide; six are the least."
    return "" if study.cost <= 15 else f"it costs {study.cost:.2f}, more than 15: make the clips shorter."


def _goes_on(run: Any) -> str:
    if run.row.first_clip is None:
        return "it does not continue a clip: -c {{...}}."
    return "" if run.row.duration == 6 else "the whole should last 6 s."


def _counts_the_bill(amount: Any) -> str:
    bill = float(wan_nb.runs(study="lesson")["cost"].sum())
    return "" if abs(float(amount) - bill) < 0.005 else "that is not the sum of the column cost."


_RUN = (wan_nb.Run, "a run (--out)")
_DRY_RUN = (DryRun, "a dry run (--dry-run --out)")

_CHECKS: dict[int, tuple[type, str, Callable[[Any], str]]] = {
    1: (*_RUN, _stands_still),
    2: (*_RUN, _ends_on_the_rocket),
    3: (*_DRY_RUN, _keeps_the_whole_voice),
    4: (*_DRY_RUN, _names_what_is_unwanted),
    5: (wan_nb.Study, "a study (wan_nb.study)", _is_fair),
    6: (*_RUN, _goes_on),
    7: (numbers.Real, "a number", _counts_the_bill),
}
