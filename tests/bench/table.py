"""All figures in one table, made from the committed results; that of the reference is this one.

    python tests/bench/table.py           prints it and writes it into notebooks/reference
    python tests/bench/table.py --run     runs every benchmark first, one after the other: an hour, on a quiet machine
    python tests/bench/table.py --long    those too that simulate raters, for hours; their tables: `tests/tools/docs.py`

A benchmark that misses a bar ends with an error after it has written its results; the table says so.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "notebooks/reference/benchmarks.md"
SECTION = re.compile(r"(<!-- benchmarks -->\n).*?(<!-- /benchmarks -->)", re.DOTALL)

SCRIPTS = (
    "first_submit",
    "pace",
    "makespan",
    "shared",
    "bucket",
    "log",
    "gallery",
    "download",
    "hostile",
    "latency",
    "board",
    "clips",
    "draw",
)
"""In the order of the table."""

OTHERS = ("measures", "player")
"""What says more than a figure: how each measure answers, how well clips stay together."""

LONG = ("decisions", "ranking", "race")


class Figure(NamedTuple):
    """One line: what was measured, the figure, its bar, and whether it was met."""

    what: str
    value: str
    bar: str
    met: bool


def at_most(what: str, value: float, bar: float, unit: str = "×") -> Figure:
    """A figure that should be small."""
    return Figure(what, _said(value, unit), f"≤ {_said(bar, unit)}", value <= bar)


def figures() -> list[Figure]:
    """Every figure that has results."""
    found: list[Figure] = []
    for script in SCRIPTS:
        path = HERE / "results" / f"{script}.json"
        if path.exists():
            rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
            own = {"pace": of_pace, "board": of_board}.get(script)
            found += own(rows) if own else [_of_row(what, row) for what, row in rows.items()]
    return found


def of_pace(rows: dict[str, Any]) -> list[Figure]:
    """The pace benchmark notes delays and requests; its bars are ratios of them."""
    one = rows["one at a time, 500 runs, nothing known before"]
    learnt = [row["product_vs_optimum"] for name, row in rows.items() if name.startswith(("after 10", "the usual law"))]
    study, waits = rows["study of 200, 5 running"], rows["  200 waits of v1, limit of 20/s lifted"]
    crowds = [row for name, row in rows.items() if name.startswith("1000 in flight")]
    delay = one["delay_s"] / one["dashscope v1: delay_s"]
    return [
        at_most("one task at a time: delay against `VideoSynthesis.wait`", delay, 1),
        at_most("its requests against `VideoSynthesis.wait`", one["requests"] / one["dashscope v1: requests"], 0.5),
        at_most("its delay × requests against the optimum", one["product_vs_optimum"], 1.2),
        at_most("the same after 10 runs of an unknown law, or when it shifts (worst)", max(learnt), 1.4),
        at_most("study of 200, 5 running: delay against 200 waits", study["delay_s"] / waits["delay_s"], 0.5),
        at_most("its requests against 200 waits", study["requests"] / waits["requests"], 0.5),
        at_most("1 000 tasks in flight: p95 of the delay", max(row["p95_s"] for row in crowds), 8, "s"),
        at_most("most requests in any second", max(row["busiest_second"] for row in crowds), 20, ""),
        at_most("429s", sum(row["throttled"] for row in crowds), 0, ""),
    ]  # fmt: skip


def of_board(rows: dict[str, Any]) -> list[Figure]:
    """Shares of one core while all rows of a board change, which never happens."""
    most = rows["200 of 200 rows change"]
    return [
        at_most(
            "board of 200 runs, all changing 4 times a second: share of a core in the kernel", most["kernel"], 0.1, ""
        ),
        at_most("the same in the browser's scripts", most["browser_script"], 0.25, ""),
    ]


def _of_row(what: str, row: dict[str, Any]) -> Figure:
    unit = {"times": "×"}.get(row["unit"], row["unit"])
    sign = "≥" if row.get("at_least") else "≤"
    return Figure(what.strip(), _said(row["value"], unit), f"{sign} {_said(row['bar'], unit)}", row["met"])


def _said(value: float, unit: str) -> str:
    number = (
        f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"
    )
    return f"{number} {unit}".strip()


def table() -> str:
    """Markdown."""
    lines = ["| figure (median) | measured | bar | |", "|---|---|---|---|"]
    lines += [f"| {f.what} | {f.value} | {f.bar} | {'met' if f.met else '**missed**'} |" for f in figures()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print, and write into the page of the reference."""
    long = LONG if "--long" in sys.argv else ()
    for script in (*SCRIPTS, *OTHERS, *long) if {"--run", "--long"} & set(sys.argv) else ():
        subprocess.run([sys.executable, HERE / f"{script}.py"], check=False)
    made = table()
    print(made)
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(SECTION.sub(lambda found: f"{found[1]}{made}{found[2]}", text), encoding="utf-8")


if __name__ == "__main__":
    main()
