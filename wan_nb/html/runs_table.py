"""Many runs as a table of what people read of them, beside the whole of it, which has too many columns for a page."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from wan_nb.html.elements import GREY, SOFT, badge, box, cell, line_of, table, tag
from wan_nb.html.run_card import pill
from wan_nb.html.text import bundle, isolated, plain, state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["READ", "runs_table"]

READ = ("status", "study", "variant", "seed", "prompt", "duration", "cost", "currency", "run_s", "rating")
"""Columns that are shown."""

_WIDTHS = {
    "": 9.2, "run_id": 5.6, "status": 8.5, "study": 6.2, "variant": 6.2, "seed": 7.1, "prompt": 17, "duration": 5.6,
    "cost": 4.6, "currency": 5.6, "run_s": 4, "rating": 4.4,
}  # fmt: skip
"""Width of each column, em: JupyterLab lays tables out with columns of equal width, others squeeze short words."""

_NUMBERS = {"cost": ".2f", "run_s": ".0f"}
_PROMPT = 160


def runs_table(
    records: Sequence[Mapping[str, Any]], *, strips: Mapping[str, bytes] | None = None, total: int, columns: int
) -> dict[str, str]:
    """MIME bundle of a table.

    Parameters
    ----------
    records : sequence of mapping
        Rows with ``run_id``, the columns of `READ` and ``simulated``; None is nothing.
    strips : mapping of run id to JPEG, optional
        Pictures of the clips.
    total : int
        Rows of the whole table.
    columns : int
        Its columns.
    """
    if not total:
        return bundle(box("No runs.", width=640), "No runs.")
    heads = ["", "run_id", *READ] if strips else ["run_id", *READ]
    above = f"border-top:1px solid {GREY.format('.25')}"
    lines = []
    for record in records:
        parts: list[Any] = [_picture((strips or {}).get(record["run_id"]))] if strips else []
        parts += [tag("code", record["run_id"][:8]), *(_shown(name, record) for name in READ)]
        lines.append(line_of(*(cell(part, style=above) for part in parts)))
    head = line_of(*(cell(name, head="col", style=f"{SOFT};width:{_WIDTHS[name]}em") for name in heads))
    shown = table(head, lines, style=f"margin:6px 0 0;min-width:{sum(_WIDTHS[n] for n in heads):.1f}em")
    more = f"{total:,} run{'' if total == 1 else 's'}, {columns} columns"
    if total > len(records):
        more += f"; the first {len(records)} rows are shown"
    note = f"{more}. .columns names them all, .wan plays the clips."
    return bundle(box(shown, tag("div", note, style=SOFT), width=1280, scrolls=True), f"{_as_words(records)}\n{note}")


def _picture(strip: bytes | None) -> object:
    if not strip:
        return ""
    data = base64.b64encode(strip).decode("ascii")
    look = "display:block;width:110px;height:auto;max-width:100%;border-radius:3px;margin:0"
    return tag("img", src=f"data:image/jpeg;base64,{data}", alt="Frames of the clip", style=look)


def _shown(name: str, record: Mapping[str, Any]) -> object:
    value = record[name]
    if name == "status":
        return pill(value) + " " + badge(simulated=record["simulated"])
    if name == "prompt":
        return isolated(value, _PROMPT)
    return isolated(_word(name, value), 80)


def _word(name: str, value: Any) -> str:
    return "" if value is None else format(value, _NUMBERS.get(name, ""))


def _as_words(records: Sequence[Mapping[str, Any]]) -> str:
    """The same in columns of text, prompts last, since they are long."""
    order = ["run_id", *(name for name in READ if name != "prompt"), "prompt"]
    lines = [order]
    for record in records:
        words = {name: plain(" ".join(_word(name, record[name]).split()), 60) for name in order}
        lines.append([*({**words, "status": state(record["status"]).word}.values())])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
