"""Rewrite the generated tables of README and reference: ``python tests/tools/docs.py``. A test compares them."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from wan_nb.api import catalog
from wan_nb.api.catalog.error_codes import ERRORS
from wan_nb.errors import join_words
from wan_nb.frontends import FRONT_ENDS
from wan_nb.log.row import COLUMNS
from wan_nb.magics import help as manual
from wan_nb.simulator.fidelity import exchange as fidelity

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
REFERENCE = ROOT / "notebooks" / "reference"
PAGES = [README, *sorted(REFERENCE.glob("*.md"))]
"""Those in which a table may stand."""

BENCH = Path(__file__).resolve().parents[1] / "bench"


def column_table() -> str:
    """Columns of the DataFrame by dtype, in their order."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name, dtype in COLUMNS.items():
        groups[dtype].append(f"`{name}`")
    return _table(("dtype", "columns"), [(f"`{dtype}`", " ".join(names)) for dtype, names in groups.items()])


def limit_table() -> str:
    """What the service takes, by material."""
    rows = []
    for kind in catalog.MEDIA.values():
        sides = f"{kind.min_side} to {kind.max_side} px" if kind.min_side else ""
        ratio = f"ratio at most {kind.max_ratio:g}:1" if kind.max_ratio else ""
        seconds = f"{kind.min_seconds:g} to {kind.max_seconds:g} s" if kind.min_seconds else ""
        limits = ", ".join(filter(None, [sides, ratio, seconds, f"at most {kind.max_bytes // catalog.MB} MB"]))
        rows.append((kind.name, ", ".join(kind.formats), limits))
    return _table(("material", "formats", "limits"), rows)


def front_end_table() -> str:
    """What each front end does by itself."""
    head = ("where the code runs", "recognised by", "live board", "somebody can answer", "a cell waits", "clips play")
    rows = [
        (
            front.where,
            front.sign,
            *("yes" if can else "no" for can in (front.live, front.returns, front.waits)),
            "from their files" if front.serves else "from light copies" if front.kernel else "",
        )
        for front in FRONT_ENDS.values()
    ]
    return _table(head, rows)


NOT_TRIED = (
    ("Colab", "It pins an IPython older than the one needed here (`pip` will replace it; restart); widgets need"
     " `google.colab.output.enable_custom_widget_manager()`. A board stops moving when its cell has ended: cells wait"),
    ("GitHub, nbviewer", "The stored output is plain HTML with six frames of each clip"),
    ("Kaggle", "After `pip install` the kernel must be restarted for widgets"),
    ("Pyodide (JupyterLite)", "It has no threads, processes and connections, and one sentence says so"),
    ("VS Code on a desktop", "Its players have no AAC sound"),
)  # fmt: skip


def where_table() -> str:
    """What the tests that are marked with a front end have seen of it, and the front ends that nobody has tried."""
    rows = []
    for file in sorted(BENCH.parent.rglob("test_*.py")):
        if "mark.front_end" in (text := file.read_text(encoding="utf-8")):
            tests = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
            for mark in (mark for test in tests for mark in test.decorator_list if isinstance(mark, ast.Call)):
                if ast.unparse(mark.func) == "pytest.mark.front_end":
                    where, seen = map(ast.literal_eval, mark.args)
                    rows.append((where, seen, f"`{file.relative_to(ROOT).as_posix()}`"))
    rows += [(where, f"not tried. {known}", "") for where, known in NOT_TRIED]
    binder = "its build steps are replayed and the quickstart run in its JupyterLab; ten clips took at most 578 MB for"
    rows.append(
        (
            "Binder",
            f"{binder} server, kernel and simulator together. mybinder.org itself: not tried",
            "`.ci/run binder`",
        )
    )
    return _table(("front end", "what was seen", "by"), sorted(rows, key=lambda row: row[0].strip("`").lower()))


def kind_table() -> str:
    """Kinds of clip: what is given, which model makes it unasked, which others do."""
    rows = [row for family in catalog.FAMILIES for row in family.ROWS]
    found = []
    for row in rows:
        for mode in row.modes if row.chosen_by is not None else ():
            given = mode.told if mode.told != "no material" else "a prompt alone"
            others = [f"`{one.name}`" for one in rows if one is not row and any(map(mode.fits, _required(one)))]
            found.append((given, mode.label, f"`{row.name}`", " ".join(others), row.billing.told))
    return _table(("given", "makes", "by itself", "with `--model`", "billed"), found)


def _required(row: catalog.Model) -> list[tuple[str, ...]]:
    """Least materials of each mode of a model."""
    return [(*mode.required, *mode.one_of[:1]) for mode in row.modes]


def price_table() -> str:
    """List prices per billed second, of each model in each region whose page was read."""
    tiers = ("480P", "720P", "1080P")
    rows = [
        (
            row.name,
            row.billing.told,
            region,
            catalog.REGIONS[region].currency,
            *(f"{prices[tier]:g}" if tier in prices else "" for tier in tiers),
            row.prices.read,
        )
        for family in catalog.FAMILIES
        for row in family.ROWS
        for region, prices in row.prices.regions.items()
    ]
    head = ("model", "billed", "region", "currency", *tiers, "list of")
    return _table(head, rows) + "\n\nList prices; discounts come and go, and the bill decides."


def code_table() -> str:
    """What each code of the service means for a person."""
    rows = [(f"`{rule.prefix}`" + (f" ... {rule.message} ..." if rule.message else ""), rule.remedy) for rule in ERRORS]
    return _table(("code, and words of its message", "what `wan_nb` says to do"), rows)


def rival_table() -> str:
    """What went wrong against what was lost and paid twice, from the measured table of ``tests/README.md``."""
    measured = (ROOT / "tests/README.md").read_text(encoding="utf-8")
    lines = re.search(r"<!-- table: begin -->\n(.*?)<!-- table: end -->", measured, re.DOTALL)
    assert lines
    head, _, *cases = ([cell.strip() for cell in line.strip("| \n").split("|")] for line in lines[1].splitlines())
    told = [at for at, name in enumerate(head) if name.endswith(("lost", "duplicated"))]
    rows = [(case[0], *(case[at] for at in told)) for case in cases]
    words = [head[at].replace("duplicated", "paid twice") for at in told]
    head = ["what happens, 3 times", *(re.sub(r"(.*):", r"`\1`:", word) for word in words)]
    return _table(tuple(head), rows)


def race_table() -> str:
    """What races, grids with the ranking's rule and fixed grids with a sign test decide, and for what."""
    told = json.loads((BENCH / "results" / "race.json").read_text(encoding="utf-8"))
    names = {
        "race, E 20": "race",
        "race, E 40": "strict race",
        "two": "race, two people's votes",
        "grid": "grid",
        "fixed grid, sign test": "fixed grid, sign test",
    }
    rows = []
    for world, found in sorted(told["table"].items()):
        variants, _, what = world.partition(" variants, ")
        as_good = found.get("fixed grid as good as the race")
        of = {"grid": told["grid"].get(world), "two": told["two_raters"].get(world), **found}
        cells = [_designed(of[name]) for name in names]
        rows.append((variants, what, *cells, f"{as_good['clips']:.0f}" if as_good else ""))
    return _table(("variants", "world", *names.values(), "clips of a fixed grid as good as the race"), rows)


def grid_table() -> str:
    """How often grids end with a false winner, and with the right one."""
    told = json.loads((BENCH / "results" / "decisions.json").read_text(encoding="utf-8"))
    worlds = {
        **{
            f"{k} variants, luck 0, 1 and 2": [("false", f"{k} variants, luck {luck}") for luck in range(3)]
            for k in (2, 3, 4, 5, 8)
        },
        "4 pictures that differ, luck 1": [("false", "4 pictures, 1 rater")],
        "4 pictures that do not": [("false", "4 pictures alike")],
        "2, 3 and 4 raters whose tastes differ": [("false", f"{n} raters") for n in (2, 3, 4)],
        "4 pictures and 2 raters that differ": [("false", "4 pictures, 2 raters")],
        "raters with another model of ties": [("false", "Rao-Kupper raters")],
        "a rater who prefers the left": [("false", "prefers the left")],
        "a rater who is shown the winner again": [("false", "winner stays")],
        "half of the answers flipped": [("false", "half of the answers flipped")],
        "three that beat each other in a circle": [("false", "a cycle")],
        "each clip under two seeds": [("false", "every clip under two seeds")],
        "two variants with the same clips": [("false", "two variants are the same clips")],
        "one variant never shown": [("false", "one variant never shown")],
        "one of 2 is better by 2 logits, luck 0 and 1": [("right", f"2 logits, luck {luck}") for luck in (0, 1)],
        "the same, 4 pictures": [("right", f"2 logits, luck {luck}, 4 pictures") for luck in (0, 1)],
        "the same, 2 raters": [("right", f"2 logits, luck {luck}, 2 raters") for luck in (0, 1)],
    }
    rows = []
    for world, cells in worlds.items():
        found = [told[part][cell] for part, cell in cells]
        part = cells[0][0]
        shares = join_words([f"{100 * cell['decided']['value']:.1f}" for cell in found], "and")
        few = {cell["sessions"] for cell in found} - {1000}
        rows.append((world, f"{part} {shares}" + (f" ({min(few)} sessions)" if few else "")))
    return _table(("world", "of 100 sessions"), rows)


def _designed(found: dict[str, Any] | None) -> str:
    if found is None:
        return "not measured"
    share = f"right {100 * found['right']['value']:.1f}" if "right" in found else ""
    wrong = f"false {100 * found['false']['value']:.1f}" if not share or found["false"]["value"] else ""
    said = ", ".join(filter(None, [share, wrong]))
    few = f" ({found['sessions']} sessions)" if found.get("sessions", 1000) < 1000 else ""
    return f"{said}; {found['clips']:.0f} clips, {found['votes']:.0f} votes{few}"


def exchange_table() -> str:
    """What the documentation gives, and what the simulator is held to."""
    rows = []
    for exchange in fidelity.read(fidelity.DOCUMENTED):
        step, answer = exchange.step, exchange.answer
        body = answer.body or {}
        told = body.get("code") or body.get("output", {}).get("task_status") or answer.type.removeprefix("application/")
        path = step.path.replace(catalog.CREATE_PATH, "(create)").replace("<", "{").replace(">", "}")
        rows.append((step.name, f"`{step.method} {path}`", f"{answer.status} {told}".strip(), exchange.source))
    return _table(("exchange", "request", "answer", "given by"), rows)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, tuple("---" for _ in head), *rows])


TABLES = {
    "options": manual.option_table,
    "verbs": manual.verb_table,
    "columns": column_table,
    "materials": limit_table,
    "kinds": kind_table,
    "prices": price_table,
    "front_ends": front_end_table,
    "codes": code_table,
    "where": where_table,
    "rivals": rival_table,
    "grid": grid_table,
    "race": race_table,
    "exchanges": exchange_table,
}

_PLACE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(text: str) -> str:
    """The text with every marked table made anew."""
    return _PLACE.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}\n{found[3]}", text)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
