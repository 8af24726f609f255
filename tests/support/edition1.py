"""A copy of what edition 1 left behind (``tests/data/edition1``), as if it had been made where the copy lies."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from simulator_control import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DATA = ROOT / "tests" / "data" / "edition1"
MADE_IN = "/home/ada/edition1"
EXPECTED = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))
"""What edition 1 said: its studies, and its runs with status, cost, study, variant and block."""

PROMPTS = {"calm": "the camera moves in slowly", "wild": "the camera moves out fast"}
URL = "https://example.org/photos/cat.jpg"


def copied(folder: Path) -> Path:
    """Copy log, media folder, notebook and materials into `folder`, whose path takes the place of the old one."""
    shutil.copytree(DATA, folder, dirs_exist_ok=True)
    here = json.dumps(str(folder))[1:-1]
    with closing(sqlite3.connect(folder / "wan_runs" / "runs.db")) as log, log:
        log.execute("UPDATE runs SET request = replace(request, ?, ?)", (MADE_IN, here))
        log.execute("UPDATE studies SET plan = replace(plan, ?, ?)", (MADE_IN, here))
    for sidecar in (folder / "wan_runs" / "videos").glob("*.json"):
        sidecar.write_text(sidecar.read_text(encoding="utf-8").replace(MADE_IN, here), encoding="utf-8")
    return folder
