"""What a live board of 200 runs costs: CPU of the kernel, scripting of the browser, in a real JupyterLab.

Four times a second some rows change, 20 as a busy account makes it, or all 200, which never happens. The kernel's share
is its CPU time over wall time, the updates' own work included; the browser's is Chromium's ``ScriptDuration``.

Run it on a quiet machine: ``python tests/bench/board.py``; it prints the figures and writes ``results/board.json``.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "support")]

from browser.conftest import ARGS  # noqa: E402  # the folder is put on the path above
from browser.lab import Notebook, Server  # noqa: E402

RUNS = 200
SECONDS = 20
KERNEL_BAR, BROWSER_BAR = 0.10, 0.25

SHOW = f"""
import sys, time, asyncio
sys.path[:0] = [{str(HERE.parent)!r}, {str(HERE.parent / "support")!r}]
from browser import states
from wan_nb.engine.loop import LoopThread
from wan_nb.widgets.board import Board
from wan_nb.widgets.output.outputs import display
loop = LoopThread.acquire()
statuses = ["RUNNING", "PENDING", "SUCCEEDED", "FAILED"]
given = states.board([states.row(i, statuses[i % 4]) for i in range({RUNS})])["rows"]
for row in given: row["video"] = None
board = Board(given, post=loop.start, actions={{}}, title="bench")
static = {{"text/html": "", "text/plain": ""}}
board.shown_by(display(board.bundle(static)), static)
"""

DRIVE = """
async def drive(rows, seconds):
    for step in range(4 * seconds):
        for row in given[:rows]:
            board.put({**row, "facts": f"step {step}", "state": statuses[(step + int(row["id"][:4], 16)) % 4]})
        await asyncio.sleep(0.25)
wall, cpu = time.perf_counter(), time.process_time()
loop.sync(drive(ROWS, SECONDS))
print((time.process_time() - cpu) / (time.perf_counter() - wall))
"""


def measure(page: Any, book: Notebook, index: int) -> dict[str, float]:
    """Shares of one core while a cell drives the board."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")

    def metrics() -> dict[str, float]:
        return {each["name"]: each["value"] for each in devtools.send("Performance.getMetrics")["metrics"]}

    before = metrics()
    book.run(index, timeout=SECONDS * 3)
    after = metrics()
    wall = after["Timestamp"] - before["Timestamp"]
    spent = {name: (after[name] - before[name]) / wall for name in ("ScriptDuration", "LayoutDuration", "TaskDuration")}
    (output,) = book.outputs(index)
    steps = page.evaluate(
        "[...document.querySelectorAll('.wan-facts')].filter((e) => e.textContent === 'step 79').length"
    )
    assert steps >= 20, f"the page shows the last step on {steps} rows only"
    return {
        "kernel": round(float(output["text"]), 4),
        "browser_script": round(spent["ScriptDuration"], 4),
        "browser_layout": round(spent["LayoutDuration"], 4),
        "browser_all": round(spent["TaskDuration"], 4),
    }


def main() -> None:
    """Measure, print, write."""
    cells = [SHOW, *(DRIVE.replace("ROWS", str(rows)).replace("SECONDS", str(SECONDS)) for rows in (20, RUNS))]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder))
        try:
            server.write("bench.ipynb", *cells)
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
            page = browser.new_page(viewport={"width": 1200, "height": 900})
            book = Notebook(page, server, "bench.ipynb")
            book.run(0)
            page.locator(".wan-row").last.wait_for()
            result = {f"{rows} of {RUNS} rows change": measure(page, book, i) for i, rows in ((1, 20), (2, RUNS))}
            browser.close()
        finally:
            server.close()
    about = {"python": platform.python_version(), "cores": os.cpu_count(), "load_1min": round(os.getloadavg()[0], 1)}
    report = {
        "what": "share of one core while rows of a 200-run board change 4 times a second",
        "bars": {"kernel": KERNEL_BAR, "browser_script": BROWSER_BAR},
        "about": about,
        "rows": result,
        "met": all(r["kernel"] < KERNEL_BAR and r["browser_script"] < BROWSER_BAR for r in result.values()),
    }
    text = json.dumps(report, indent=1)
    (HERE / "results/board.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
