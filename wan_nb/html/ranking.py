"""A ranking where a person reads it: the sentence, then strengths with their intervals, then what to doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wan_nb.html.text import box, bundle, escape, isolated, percent, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ranking_bundle"]

_CELL = "padding:4px 12px 4px 0;border:0;text-align:left;vertical-align:middle"
_TRACK = "position:relative;height:14px;background-color:rgba(128,128,128,.12);border-radius:3px"


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
    odds = [f"{row['variant']}: best with {percent(row['p_best'])}" for row in rows]
    return bundle(_html(sentence, rows, facts), plain("\n".join([sentence, *odds, *facts])))


def _html(sentence: str, rows: Sequence[Mapping[str, Any]], facts: Sequence[str]) -> str:
    heading = f'<div style="font-weight:600">{escape(sentence)}</div>'
    if not rows:
        return box(heading, 760)
    low = min(0.0, *(row["low"] for row in rows))
    high = max(0.0, *(row["high"] for row in rows))
    span = (high - low) or 1.0
    # Per cent, because JupyterLab gives fixed columns equal widths otherwise.
    widths = {"variant": 24, "strength, 95 %": 40, "best": 15, "won": 7, "lost": 7, "same": 7}
    head = "".join(f'<th scope="col" style="{_CELL};width:{width}%">{name}</th>' for name, width in widths.items())
    body = "".join(
        f'<tr><th scope="row" style="{_CELL};font-weight:400">{isolated(row["variant"], 120)}</th>'
        f'<td style="{_CELL}">{_bar(row, low, span)}</td><td style="{_CELL}">{percent(row["p_best"])}</td>'
        f'<td style="{_CELL}">{row["wins"]}</td><td style="{_CELL}">{row["losses"]}</td>'
        f'<td style="{_CELL}">{row["ties"]}</td></tr>'
        for row in rows
    )
    told = "".join(f'<div style="opacity:.8">{escape(fact)}</div>' for fact in facts)
    return box(
        f"{heading}"
        f'<table style="border-collapse:collapse;width:100%;min-width:440px;margin:8px 0;font-size:13px">'
        f"<thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>{told}",
        760,
        scrolls=True,
    )


def _bar(row: Mapping[str, Any], low: float, span: float) -> str:
    """Interval as a band, strength as a mark in it, a line at 0; the numbers stand in the title."""
    start, end, middle = ((row[name] - low) / span * 100 for name in ("low", "high", "strength"))
    zero = f"position:absolute;top:0;height:14px;width:1px;left:{-low / span * 100:.1f}%"
    said = f"{row['strength']:+z.2f}, 95 % from {row['low']:+z.2f} to {row['high']:+z.2f} logits"
    band = f"position:absolute;top:4px;height:6px;left:{start:.1f}%;width:{end - start:.1f}%;border-radius:3px"
    mark = f"position:absolute;top:0;height:14px;width:3px;left:calc({middle:.1f}% - 1px)"
    return (
        f'<div style="{_TRACK}" role="img" aria-label="{said}" title="{said}">'
        f'<div style="{zero};background-color:rgba(128,128,128,.6)"></div>'
        f'<div style="{band};background-color:rgba(31,111,235,.45)"></div>'
        f'<div style="{mark};background-color:rgb(31,111,235)"></div></div>'
    )
