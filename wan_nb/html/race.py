"""A race on one page: who is still in, what was spent, what the next step buys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wan_nb.html.elements import SOFT, badge, box, cell, line_of, table, tag
from wan_nb.html.ranking import share_bar, share_words
from wan_nb.html.text import bundle, isolated, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

__all__ = ["RacePage"]

_MARKS = {"winner": "★ wins", "in": "● in", "out": "○ out"}
_MIDDLE = "vertical-align:middle"


@dataclass(frozen=True)
class RacePage:
    """What the page of a race says.

    Attributes
    ----------
    name : str
        Of its study.
    simulated : bool
    sentence : str
        What the votes say.
    lines : tuple of str
        What was spent, what is due, what comes next.
    variants : tuple
        Label, ``winner``, ``in`` or ``out``, its seeds, its row of the ranking or None, its prompt.
    steps : tuple of mapping
        One a step, under its own column names.
    facts : tuple of str
        What the sentence rests on.
    """

    name: str
    simulated: bool
    sentence: str
    lines: tuple[str, ...]
    variants: tuple[tuple[str, str, int, Mapping[str, Any] | None, str], ...]
    steps: tuple[Mapping[str, Any], ...]
    facts: tuple[str, ...]

    def bundle(self) -> dict[str, str]:
        """MIME bundle without a widget."""
        told = [f"{name}: {_MARKS[place]}, {seeds} seeds" for name, place, seeds, _, _ in self.variants]
        steps = ["; ".join(f"{key} {value}" for key, value in step.items() if value != "") for step in self.steps]
        lines = [f"Race {self.name!r}", self.sentence, *self.lines, *told, *steps, *self.facts]
        return bundle(self._html(), plain("\n".join(lines)))

    def _html(self) -> Markup:
        title = tag("div", "Race ", isolated(self.name, 120), " ", badge(simulated=self.simulated), style=SOFT)
        return box(
            title,
            tag("div", self.sentence, style="font-weight:600;margin:2px 0 6px"),
            *(tag("div", line) for line in self.lines),
            self._variants(),
            self._steps() if self.steps else "",
            *(tag("div", fact, style=SOFT) for fact in self.facts if self.steps),
            width=860,
            scrolls=True,
        )

    def _variants(self) -> Markup:
        head = {"variant": 30, "": 12, "seeds": 8, "preferred to the others, of 100 new seeds": 50}
        lines = []
        for name, place, seeds, row, prompt in self.variants:
            voted = row is not None and row["blocks"]
            lines.append(
                line_of(
                    cell(tag("b", isolated(name, 120)), tag("div", isolated(prompt, 200), style=SOFT), head="row"),
                    cell(_MARKS[place], style=f"{_MIDDLE};white-space:nowrap"),
                    cell(str(seeds), style=_MIDDLE),
                    cell(*((share_bar(row), share_words(row)) if row and voted else ("no votes yet",)), style=_MIDDLE),
                    style="opacity:.65" if place == "out" else "",
                )
            )
        return _table(head, lines)

    def _steps(self) -> Markup:
        width = {"for": 17, "cost": 14, "to come": 11, "known then": 28}
        rest = (100 - sum(width.values())) // max(1, len(self.steps[0]) - len(width))
        head = {name: width.get(name, rest) for name in self.steps[0]}
        lines = [
            line_of(*(cell(isolated(str(step[name]), 200), style=_wrap(name)) for name in head)) for step in self.steps
        ]
        return _table(head, lines)


def _wrap(column: str) -> str:
    """Columns of long texts may break their lines, those of numbers not."""
    return "" if len(column) > 8 or column == "for" else "white-space:nowrap"


def _table(head: Mapping[str, int], lines: Sequence[Markup]) -> Markup:
    cells = (cell(name, head="col", style=f"{_MIDDLE};{_wrap(name)};width:{width}%") for name, width in head.items())
    return table(line_of(*cells), lines, style="width:100%;min-width:43em;margin:8px 0")
