"""How long a clip becomes, its ratio, and what its receipt says; all of it by the row of the model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.simulator.account.checks import TaskFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_nb.simulator.account.checks import Asked
    from wan_nb.simulator.account.materials import Material

__all__ = ["clip_seconds", "ratio_of", "receipt"]

_LETTERS_PER_SECOND = 25
"""Where the service chooses the length: more words, a longer clip."""


def clip_seconds(asked: Asked, materials: Sequence[Material]) -> float:
    """Length of the clip.

    Raises
    ------
    TaskFailure
        The given clips leave nothing to make, or are too long together with it.
    """
    row, spec, duration = asked.row, asked.row.field("duration"), asked.values.get("duration")
    given = sum(_lengths(asked, materials, row.billing.inputs))
    special = spec.special(duration) if spec else row.keeps
    if special is None:
        seconds = float(duration or 0)
    elif special.of:
        seconds = sum(_lengths(asked, materials, (special.of,)))
        seconds = min(seconds, float(special.most or seconds))
    else:
        least, most = (spec.minimum or 1, special.most or spec.maximum or 1) if spec else (1, special.most or 1)
        words = 3 + len(asked.values.get("prompt") or "") // _LETTERS_PER_SECOND
        seconds = float(min(max(least, words), most, math.floor((row.span or math.inf) - given) if row.span else most))
        if seconds < least:
            raise TaskFailure("InvalidParameter", "Input is too long to leave anything to make: input.media")
    for one, material in zip(asked.given, materials, strict=True):
        if one.field.inside and material.seconds >= seconds:
            raise TaskFailure("InvalidParameter", f"Must be longer than {one.field.wire}: parameters.duration")
    if row.span is not None and given + seconds > row.span + catalog.SLACK:
        raise TaskFailure("InvalidParameter", f"Input and output must be {row.span:g} s at most: parameters.duration")
    return seconds


def _lengths(asked: Asked, materials: Sequence[Material], fields: Sequence[str]) -> list[float]:
    return [m.seconds for one, m in zip(asked.given, materials, strict=True) if one.field.name in fields]


def ratio_of(asked: Asked) -> str | None:
    """Ratio that is asked for and heeded; None where the clip follows what is given."""
    spec, ratio = asked.row.field("ratio"), asked.values.get("ratio")
    there = {one.field.name for one in asked.given}
    if spec is None or ratio is None or there & set(spec.ignored_with) or ":" not in ratio:
        return None
    return str(ratio)


def receipt(asked: Asked, materials: Sequence[Material], seconds: float, size: tuple[int, int]) -> dict[str, Any]:
    """``usage`` of a clip of this length and size in pixels."""
    row = asked.row
    inside = [round(m.seconds) for one, m in zip(asked.given, materials, strict=True) if one.field.inside]
    billed = row.billing.input_seconds(_lengths(asked, materials, row.billing.inputs)) + sum(inside)

    def number(value: float) -> float:
        rounded = round(float(value), 2)
        return rounded if row.float_usage or rounded != int(rounded) else int(rounded)

    said: dict[str, Any] = {
        "duration": number(seconds - sum(inside) + billed),
        "input_video_duration": number(billed),
        "output_video_duration": number(seconds - sum(inside)),
        "video_count": 1,
        "SR": int(asked.values["resolution"].removesuffix("P")),
    }
    more = {"fps": row.fps, "ratio": ratio_of(asked) or _nearest(row, size)}
    return said | {name: more[name] for name in row.usage}


def _nearest(row: catalog.Model, size: tuple[int, int]) -> str:
    """Name of the ratio, of those that the model has, which a size is nearest to."""
    spec = row.field("ratio")
    named = [choice for choice in spec.choices if ":" in choice] if spec else []
    return min(named, key=lambda choice: abs(math.log(size[0] / size[1] / _share(choice))), default="")


def _share(ratio: str) -> float:
    width, height = ratio.split(":")
    return int(width) / int(height)
