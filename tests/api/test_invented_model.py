"""A model that there is not is added as a row to a copy of the package, and used without another line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import wan_nb

ROW = """

INVENTED = replace(
    T2V,
    name="zebra-1.0-t2v",
    snapshots=(),
    chosen_by=None,
    fields=(
        MODEL,
        PROMPT,
        replace(RESOLUTION, default="240P", api_default="240P", choices=("240P",)),
        replace(DURATION, default=3, maximum=4),
        Field("stripes", "parameters", int, "How many stripes.", default=7, minimum=1, maximum=9),
        SEED,
    ),
    prices=PriceList("2026-11-28", {"beijing": {"240P": 2.0}}),
    pixels={"240P": 320 * 240},
    sizes={},
)
ROWS = (*ROWS, INVENTED)
"""

USE = """
import wan_nb
from pathlib import Path
from wan_nb.errors import InvalidRequest
from wan_nb.grammar import options
from wan_nb.grammar.cell import Cell

assert Path(wan_nb.__file__).is_relative_to(Path.cwd()), wan_nb.__file__
cell = Cell.parse("-m zebra-1.0-t2v --stripes 8", "a zebra runs")
assert cell.fields["stripes"] == 8 and "--stripes N" in options.describe(options.REQUEST)
with wan_nb.Session(service="simulator", folder="runs", speed=50, gap=0.05) as session:
    try:
        session.request("a zebra", model="zebra-1.0-t2v", stripes=10)
        raise SystemExit("not checked")
    except InvalidRequest as error:
        assert error.field == "stripes", error
    run = session.submit("a zebra runs", **cell.fields).wait()
    assert (run.request["parameters"]["stripes"], run.request["parameters"]["resolution"]) == (8, "240P")
    assert (run.row.task, run.cost, run.row.billed_s) == ("text to video", 6.0, 3.0), run.row
    assert list(session.runs()["model"]) == ["zebra-1.0-t2v"]
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
