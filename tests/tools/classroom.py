"""A class at once, from the classroom page alone: ``python tests/tools/classroom.py [--students 10] [--write]``.

Each student has a kernel in a copy of the notebooks; all run the first cells of the lesson at the same moment. Every
other cell is taken from ``notebooks/reference/classroom.md`` as it stands: the teacher makes one study, everybody votes
on its ballot page in a browser and sends the file back, the teacher reads all files into one ranking. With ``--write``
the table goes into the page. The suite holds a class of three (``tests/browser/test_class.py``).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "notebooks/reference/classroom.md"
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/support")]

from live_kernel import Kernel  # noqa: E402  # found by the line above
from tools import notebooks  # noqa: E402

READY = "() => { const b = document.querySelector('[data-outcome=left]'); return b && !b.disabled && !b.hidden; }"
DONE = "() => !document.querySelector('.wan-c-done').hidden"
MOVES = """async () => {
  const changes = [];
  for (const video of [...document.querySelectorAll('video')].slice(0, 2)) {
    const shots = [];
    for (const at of [0.1, 1.0]) {
      const arrived = new Promise((done) => video.addEventListener('seeked', done, { once: true }));
      video.currentTime = at;
      await arrived;
      const canvas = new OffscreenCanvas(32, 24), pen = canvas.getContext('2d');
      pen.drawImage(video, 0, 0, 32, 24);
      shots.push(pen.getImageData(0, 0, 32, 24).data);
    }
    changes.push(shots[0].reduce((sum, value, n) => sum + Math.abs(value - shots[1][n]), 0));
  }
  return changes;
}"""


@dataclass
class Held:
    """What was seen of a class.

    Attributes
    ----------
    clips : list of float
        Seconds from a student's first cell to the first clip.
    kernels, simulators : list of float
        Memory of each in MB, after the first clip.
    bundles : list of Path
        What the students took home half-way.
    votes : int
        Answers that were given on the ballot page, of all students.
    ranking : str
        What the teacher reads at the end.
    """

    clips: list[float]
    kernels: list[float]
    simulators: list[float]
    bundles: list[Path]
    votes: int
    ranking: str


def cells(who: str) -> list[str]:
    """Cells of the page for the students or the teacher, word for word."""
    page = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"<!-- class: {who} -->\n```python\n(.*?)\n```", page, re.DOTALL)


def first_cells() -> list[str]:
    """The lesson up to its first clip."""
    book = json.loads((notebooks.FOLDER / "lesson.ipynb").read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"][:3]


def uss(process: psutil.Process) -> float:
    """Memory in MB that ending a process would free."""
    return float(process.memory_full_info().uss) / 1e6


def first_clip(kernel: Kernel) -> float:
    """Seconds from the first cell to the first clip."""
    began = time.monotonic()
    for cell in (*first_cells(), "cup.wait();"):
        run(kernel, cell)
    return time.monotonic() - began


def run(kernel: Kernel, cell: str) -> str:
    """Text of a cell that must not fail, on a machine that may have much to do."""
    name, said = kernel.result(kernel.begin(cell), seconds=900)
    assert not name, said
    return said


def vote(browser: Any, page: Path, votes: Path, name: str) -> int:
    """Answer every question of the ballot page: which of the two pictures changes less? Returns how many there were."""
    tab = browser.new_context(accept_downloads=True).new_page()
    tab.goto(page.as_uri())
    asked = 0
    while True:
        tab.wait_for_function(f"() => ({READY})() || ({DONE})()", timeout=120_000)
        if tab.evaluate(DONE):
            break
        left, right = tab.evaluate(MOVES)
        before = tab.evaluate("document.querySelector('.wan-c-far').innerText")
        tab.keyboard.press("1" if left < right else "2")
        tab.wait_for_function(
            f"before => ({DONE})() || document.querySelector('.wan-c-far').innerText !== before", arg=before
        )
        asked += 1
    tab.fill("#rater", name)
    with tab.expect_download() as saved:
        tab.get_by_role("button", name="Save my votes").click()
    saved.value.save_as(votes / f"{name}.json")
    return asked


def hold(students: int, scratch: Path, browser: Any) -> Held:
    """A class in copies of the notebooks below a folder that is there."""
    folders = [notebooks.copy(scratch / f"student{number}") for number in range(students)]
    desk = notebooks.copy(scratch / "teacher")
    with ThreadPoolExecutor(students + 1) as pool:
        kernels = list(pool.map(lambda folder: Kernel(folder, {}), [*folders, desk]))
        *taught, teacher = kernels
        try:
            clips = list(pool.map(first_clip, taught))
            busy = [uss(psutil.Process(kernel.manager.provisioner.process.pid)) for kernel in taught]
            simulators = [uss(one) for one in psutil.process_iter() if is_simulator(one, str(scratch))]
            for cell in cells("student"):
                list(pool.map(lambda kernel, cell=cell: run(kernel, cell), taught))
            *before, last = cells("teacher")
            for cell in before:
                run(teacher, cell)
            (page,) = desk.glob("*.html")
            (desk / "votes").mkdir()
            votes = sum(vote(browser, page, desk / "votes", f"student {number}") for number in range(students))
            ranking = run(teacher, last)
        finally:
            for kernel in kernels:
                kernel.stop()
    return Held(
        clips, busy, simulators, [found for folder in folders for found in folder.glob("*.zip")], votes, ranking
    )


def is_simulator(process: psutil.Process, folder: str) -> bool:
    """Whether a process is a simulator whose state lies in the folder."""
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return "wan_nb.simulator" in line and folder in line


def main() -> None:
    """Hold the class, print the table, and write it into the page if asked to."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser()
    parser.add_argument("--students", type=int, default=10)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    for name in [*os.environ]:
        if name.startswith(("DASHSCOPE_", "WAN_NB_")):
            del os.environ[name]
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        held = hold(given.students, Path(scratch), browser)
        browser.close()
    ranking = next(line for line in held.ranking.splitlines() if "beats" in line or "Not decided" in line)
    rows = [
        ("machine", f"{os.cpu_count()} cores, load average before {load:.0f}"),
        (f"{given.students} kernels at once: first clip after",
         f"{median(held.clips):.0f} s, the last {max(held.clips):.0f} s"),
        ("memory of a kernel after its first clip", f"{median(held.kernels):.0f} MB, at most {max(held.kernels):.0f}"),
        ("memory of its simulator", f"{median(held.simulators):.0f} MB, at most {max(held.simulators):.0f}"),
        ("votes sent back", f"{given.students} files, {held.votes} votes"),
        ("one ranking of all", ranking),
    ]  # fmt: skip
    table = "\n".join(["| | |", "|---|---|", *(f"| {what} | {told} |" for what, told in rows)])
    print(table)
    if given.write:
        text = PAGE.read_text(encoding="utf-8")
        made = re.sub(
            r"(<!-- measured -->\n).*?(<!-- /measured -->)",
            lambda found: f"{found[1]}{table}\n{found[2]}",
            text,
            flags=re.DOTALL,
        )
        PAGE.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
