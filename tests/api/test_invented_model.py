"""A model that there is not is added as a row to a copy of the package, and used without another line."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import wan_nb
from wan_nb.api import catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

ROW = """

STENCIL = Field("stencil", "media", str, "Picture of the stripes; black on white.", limits=MEDIA["image"])
INVENTED = replace(
    T2V,
    name="zebra-1.0-t2v",
    snapshots=(),
    chosen_by=("stencil",),
    fields=(
        MODEL,
        PROMPT,
        STENCIL,
        replace(RESOLUTION, default="240P", api_default="240P", choices=("240P",)),
        replace(DURATION, default=3, maximum=4, specials=(Special(-1, "the service chooses", most=4),)),
        Field("stripes", "parameters", int, "How many stripes.", default=7, minimum=1, maximum=9),
        SEED,
    ),
    modes=(Mode("painted", "text to video", optional=("stencil",), prompt=True),),
    prices=PriceList("2026-11-28", {"beijing": {"240P": 2.0}}),
    pixels={"240P": 320 * 240},
    sizes={},
    running=1,
)
ROWS = (*ROWS, INVENTED)
"""

USE = """
import wan_nb
from pathlib import Path
from PIL import Image
from wan_nb.errors import InvalidRequest
from wan_nb.grammar import options
from wan_nb.grammar.cell import Cell
from wan_nb.html import text
from wan_nb.magics.completion import Known, suggest
from wan_nb.widgets.form.form_draft import Draft

assert Path(wan_nb.__file__).is_relative_to(Path.cwd()), wan_nb.__file__
Image.new("RGB", (400, 300), "white").save("stripes.png")

# flag, completion, help
cell = Cell.parse("--stencil stripes.png --stripes 8", "a zebra runs")
assert cell.fields["stripes"] == 8 and "--stripes N" in options.describe(options.REQUEST)
known = Known(lambda: [], lambda name: [], lambda: [], Path.cwd())
assert "--stripes" in suggest("%%wan --str", known)[1]
assert "zebra-1.0-t2v" in suggest("%%wan -m ze", known)[1]
assert "stripes.png" in suggest("%%wan --stencil str", known)[1]

with wan_nb.Session(service="simulator", folder="runs", speed=50, gap=0.05) as session:
    # check, and the model that follows
    assert session.request("a zebra", stencil="stripes.png").model == "zebra-1.0-t2v"
    try:
        session.request("a zebra", model="zebra-1.0-t2v", stripes=10)
        raise SystemExit("not checked")
    except InvalidRequest as error:
        assert error.field == "stripes", error

    # form
    draft = Draft(session.workspace)
    draft.set("prompt", "a zebra runs")
    draft.give("stencil", "stripes.png")
    said = draft.check()
    assert (said["model"], said["ready"], said["price"]) == ("zebra-1.0-t2v", True, "\\u2248 CNY 6.00"), said
    controls = {one["name"]: one for one in said["fields"]}
    assert (controls["stripes"]["minimum"], controls["stripes"]["maximum"], said["values"]["stripes"]) == (1, 9, 7)
    assert controls["stencil"]["kind"] == "image"
    draft.set("stripes", "12")
    assert "1 to 9" in draft.check()["problems"]["stripes"]
    draft.set_all({"stripes": "8", "duration": "-1"})
    assert draft.check()["price"] == "at most CNY 8.00"
    assert "stripes=8" in draft.code()["Python"] and "--stripes 8" in draft.code()["%%wan"]

    # wire, simulator, bill, log
    run = session.submit("a zebra runs", **cell.fields).wait()
    assert (run.request["parameters"]["stripes"], run.request["parameters"]["resolution"]) == (8, "240P")
    assert [item["type"] for item in run.request["input"]["media"]] == ["stencil"]
    assert (run.row.task, run.cost, run.row.billed_s) == ("text to video", 6.0, 3.0), run.row
    assert list(session.runs()["model"]) == ["zebra-1.0-t2v"]
    assert "zebra-1.0-t2v" in text.line(run.row)
    again = session.workspace.recorded_fields(run.row.request)
    assert session.request(again.pop("prompt"), **again).fingerprint("me")

    # study over it and another model, its report, delivery
    study = session.study("a zebra", vary={"model": ["zebra-1.0-t2v", "wan3.0-video"]}, duration=2, seeds=[1, 2])
    assert study.cost == 2 * (4.0 + 1.2), study.cost
    study.submit(max_cost=30).wait()
    page = study.report("zebra.html").read_text(encoding="utf-8")
    assert "zebra-1.0-t2v" in page and "wan3.0-video" in page
print("used")
"""


def test_a_model_is_a_row_and_nothing_else(tmp_path: Path) -> None:
    package = shutil.copytree(
        Path(wan_nb.__file__).parent, tmp_path / "wan_nb", ignore=shutil.ignore_patterns("__pycache__")
    )
    family = package / "api/catalog/wan27.py"
    family.write_text(family.read_text(encoding="utf-8") + ROW, encoding="utf-8")
    (tmp_path / "use.py").write_text(USE, encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "use.py"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert told.stdout.strip().endswith("used"), told.stderr


NAMES = re.compile("|".join({re.escape(name.rpartition("-")[0]) for name in catalog.MODELS} | {"happyhorse"}))


def _texts(source: str) -> Iterator[str]:
    """Texts of a module that are no docstrings."""
    tree = ast.parse(source)
    told = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


def test_no_line_outside_the_catalog_names_a_model() -> None:
    """What HappyHorse took is data alone: no line of code."""
    root = Path(wan_nb.__file__).parent
    files = [path for path in root.rglob("*.py") if not path.is_relative_to(root / "api/catalog")]
    named = {
        path.name: text for path in files for text in _texts(path.read_text(encoding="utf-8")) if NAMES.search(text)
    }
    assert named == {}
    assert not [path.name for path in root.rglob("*.js") if NAMES.search(path.read_text(encoding="utf-8"))]
    assert any(map(NAMES.search, _texts((root / "api/catalog/wan27.py").read_text(encoding="utf-8"))))
