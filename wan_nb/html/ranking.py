"""A ranking as HTML: the sentence, how often each variant is preferred, what the sentence rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wan_nb.html.elements import GREY, SOFT, box, cell, line_of, table, tag
from wan_nb.html.text import bundle, isolated, percent, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

__all__ = ["of_100", "ranking_bundle", "share_bar", "share_words"]

_MIDDLE = "vertical-align:middle"


def ranking_bundle(sentence: str, rows: Sequence[Mapping[str, Any]], facts: Sequence[str]) -> dict[str, str]:
    """MIME bundle without a widget, so that the saved notebook shows it everywhere.

    Parameters
    ----------
    sentence : str
        What the votes say.
    rows : sequence of mapping
        As `Ranking.rows`, best first; none without votes.
    facts : sequence of str
        What the sentence rests on.
    """
    odds = [
        f"{row['variant']}: preferred to the others on {share_words(row)}; best with {percent(row['p_best'])}"
        for row in rows
    ]
    return bundle(_html(sentence, rows, facts), plain("\n".join([sentence, *odds, *facts])))


def _html(sentence: str, rows: Sequence[Mapping[str, Any]], facts: Sequence[str]) -> Markup:
    heading = tag("div", sentence, style="font-weight:600")
    if not rows:
        return box(heading, width=760)
    # Per cent, because JupyterLab gives fixed columns equal widths otherwise.
    share = "preferred to the others, of 100 new seeds"
    widths = {"variant": 24, share: 40, "best": 15, "won": 7, "lost": 7, "same": 7}
    head = line_of(*(cell(name, head="col", style=f"{_MIDDLE};width:{width}%") for name, width in widths.items()))
    lines = [(share_bar(row), percent(row["p_best"]), row["wins"], row["losses"], row["ties"]) for row in rows]
    body = [
        line_of(cell(isolated(row["variant"], 120), head="row"), *(cell(each, style=_MIDDLE) for each in line))
        for row, line in zip(rows, lines, strict=True)
    ]
    shares = table(head, body, style="width:100%;min-width:34em;margin:8px 0")
    return box(heading, shares, *(tag("div", fact, style=SOFT) for fact in facts), width=760, scrolls=True)


def of_100(share: float) -> int:
    """A share as a count of a hundred, never all or none.

    >>> of_100(0.714), of_100(0.999), of_100(0.0)
    (71, 99, 1)
    """
    return min(99, max(1, round(100 * share)))


def share_words(row: Mapping[str, Any]) -> str:
    """How often a variant is preferred, with its interval."""
    middle, low, high = (of_100(row[name]) for name in ("preferred", "preferred_low", "preferred_high"))
    return f"{middle} of 100 new seeds ({low} to {high})"


def share_bar(row: Mapping[str, Any]) -> Markup:
    """Interval as a band, share as a mark in it, a line at a half; the numbers stand in the title."""
    start, end, middle = (100 * row[name] for name in ("preferred_low", "preferred_high", "preferred"))
    said = f"preferred on {share_words(row)}"
    parts = (
        f"top:0;height:14px;width:1px;left:50%;background-color:{GREY.format('.6')}",
        f"top:4px;height:6px;left:{start:.1f}%;width:{end - start:.1f}%;border-radius:3px;"
        "background-color:rgba(31,111,235,.45)",
        f"top:0;height:14px;width:3px;left:calc({middle:.1f}% - 1px);background-color:rgb(31,111,235)",
    )
    return tag(
        "div",
        *(tag("div", style=f"position:absolute;{part}") for part in parts),
        style=f"position:relative;height:14px;background-color:{GREY.format('.12')};border-radius:3px",
        role="img",
        aria_label=said,
        title=said,
    )
