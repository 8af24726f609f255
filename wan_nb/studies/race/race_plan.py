"""What of a race is kept with the plan of its study: its budget, and the cells and votes of each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

__all__ = ["BEATS", "BEATS_STRICT", "RacePlan", "Step"]

BEATS = 20.0
"""E-value that signs "beats": at most 5 % false for each direction of each pair, 10 % when two are equally best."""

BEATS_STRICT = 40.0
"""The same at half of that."""


@dataclass(frozen=True, slots=True)
class Step:
    """Cells that were planned at once, before any vote on them.

    Attributes
    ----------
    start, stop : int
        Its cells are those of the plan, as they were written, from `start` to before `stop`.
    votes : int
        Votes on each pair of its clips, each by another rater.
    """

    start: int
    stop: int
    votes: int = 1


@dataclass(frozen=True, slots=True)
class RacePlan:
    """A race as it is kept in the log.

    Attributes
    ----------
    max_cost : float or None
        Most that all its clips may cost, in the currency of the service.
    max_clips : int or None
        Most clips.
    raters : int
        Raters of each seed of the steps to come.
    strict : bool
        Whether "beats" takes an e-value of 40 and not of 20.
    criterion : str
        What is asked, such as "moves less"; empty for "which clip is better". No other vote is evidence.
    steps : tuple of Step
        Cells of the plan before the first one were looked at before: they are no evidence.
    """

    max_cost: float | None = None
    max_clips: int | None = None
    raters: int = 1
    strict: bool = False
    criterion: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def beats(self) -> float:
        """The e-value that signs."""
        return BEATS_STRICT if self.strict else BEATS

    @property
    def begun(self) -> int:
        """Cells before its first one."""
        return self.steps[0].start if self.steps else 0

    def grown(self, start: int, stop: int) -> RacePlan:
        """With one more step."""
        return replace(self, steps=(*self.steps, Step(start, stop, self.raters)))

    def as_json(self) -> dict[str, Any]:
        """Plain values, for the log."""
        return {**asdict(self), "steps": [asdict(step) for step in self.steps]}

    @classmethod
    def read(cls, kept: object) -> Self | None:
        """The race of a recorded plan, or None.

        >>> race = RacePlan(max_cost=60.0, steps=(Step(0, 16),))
        >>> RacePlan.read(race.as_json()) == race, RacePlan.read(None)
        (True, None)
        """
        if not isinstance(kept, Mapping):
            return None
        steps = tuple(Step(**step) for step in kept.get("steps", ()))
        known = {name: kept[name] for name in _KEPT if name in kept}
        return cls(**known, steps=steps)

    @property
    def chosen(self) -> dict[str, Any]:
        """What of it was chosen otherwise than it is without a word, the money left aside: arguments of `Study.race`.

        >>> RacePlan(max_cost=60.0, criterion="moves less").chosen
        {'criterion': 'moves less'}
        """
        usual = type(self)()
        names = ("max_clips", "raters", "strict", "criterion")
        return {name: getattr(self, name) for name in names if getattr(self, name) != getattr(usual, name)}


_KEPT = ("max_cost", "max_clips", "raters", "strict", "criterion")
