"""Configuration that can be changed while the simulator runs."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from wan_nb.simulator.account.limits import Refusal

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from _typeshed import DataclassInstance

__all__ = ["Config", "changed", "checked"]

Values = TypeVar("Values", bound="DataclassInstance")


Span = float | list[float] | dict[str, float]
"""Seconds: a number, ``[low, high]``, or ``{"median": m, "sigma": s}`` for a log-normal draw."""


@dataclass(frozen=True, slots=True)
class Config:
    """Behaviour of this simulator, under ``/_simulator/config``.

    Attributes
    ----------
    speed : float
        Divides queue and run times, whether drawn or given.
    queue, run : float, [low, high], {"median", "sigma"} or None
        Seconds at speed 1. None: as a small busy service, about 6 s for 5 s of 720P.
    clips : {'full', 'small', 'tiny'}
        ``small`` draws as few pixels as a clip may have that is continued; ``tiny`` draws few frames that are smaller
        still, so that a thousand tasks cost nearly nothing.
    strict : bool
        Fail what cannot be fetched instead of drawing a placeholder.
    list_lag : float
        Seconds by which new tasks come late into the list.
    """

    speed: float = 1.0
    queue: Span | None = None
    run: Span | None = None
    clips: Literal["full", "small", "tiny"] = "full"
    strict: bool = False
    list_lag: float = 0.0

    def __post_init__(self) -> None:
        if self.clips not in ("full", "small", "tiny") or not self.speed > 0:
            raise Refusal(400, "InvalidParameter", "clips is full, small or tiny, speed is more than 0")
        for span in (self.queue, self.run):
            if not _is_span(span):
                message = 'queue and run are seconds, [low, high], {"median", "sigma"}, or null'
                raise Refusal(400, "InvalidParameter", message)

    def queue_time(self, rng: random.Random) -> float:
        """Seconds that a task waits even when nothing runs."""
        return _seconds(self.queue if self.queue is not None else [0.4, 1.0], rng) / self.speed

    def run_time(self, rng: random.Random, duration: int, parameters: dict[str, Any]) -> float:
        """Seconds that a task runs at least; longer clips, more pixels and a rewritten prompt take longer."""
        if self.run is not None:
            return _seconds(self.run, rng) / self.speed
        larger = 1.0 if parameters.get("resolution") == "720P" else 1.5
        rewriting = 0.0 if parameters.get("prompt_extend") is False else 0.5
        return ((1.2 + 0.75 * duration) * larger + rewriting) * rng.uniform(0.85, 1.15) / self.speed


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_span(span: object) -> bool:
    if isinstance(span, list):
        return len(span) == 2 and all(map(_is_number, span))
    if isinstance(span, dict):
        return span.keys() == {"median", "sigma"} and all(map(_is_number, span.values()))
    return span is None or _is_number(span)


def _seconds(span: Span, rng: random.Random) -> float:
    if isinstance(span, dict):
        return span["median"] * math.exp(rng.gauss(0.0, span["sigma"]))
    if isinstance(span, list):
        return rng.uniform(*span)
    return float(span)


_KINDS: dict[str, Callable[[object], bool]] = {
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "int": lambda value: _is_number(value) and value == int(value),  # type: ignore[call-overload]
    "float": _is_number,
    "dict": lambda value: isinstance(value, dict),
}


def checked(values: Values) -> Values:
    """The same dataclass, made from JSON, if its plain fields hold what their annotations say.

    Raises
    ------
    Refusal
        400 naming the first field that does not.
    """
    for item in fields(values):
        kind, _, none = str(item.type).partition(" | ")
        right, value = _KINDS.get(kind.partition("[")[0]), getattr(values, item.name)
        if right and not right(value) and not (none and value is None):
            raise Refusal(400, "InvalidParameter", f"{item.name} is {item.type}")
    return values


def changed(values: Values, changes: object) -> Values:
    """Copy of a frozen value with some fields changed.

    Raises
    ------
    Refusal
        400 naming the fields there are, for a name that is none of them, or the field whose value is none.
    """
    names = [field.name for field in fields(values)]
    if not isinstance(changes, dict) or not set(changes) <= set(names):
        raise Refusal(400, "InvalidParameter", f"there are: {', '.join(names)}")
    return checked(replace(values, **changes))
