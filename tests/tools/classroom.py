"""A class at once, as the classroom page describes it: ``python tests/tools/classroom.py [--students 10] [--write]``.

Each student has a kernel in a copy of the notebooks and makes the lesson's first clip, all at the same moment. The
teacher makes one study; everybody votes on its ballot page in a browser and sends the file back; the teacher reads all
files into one ranking. With ``--write`` the table goes into ``notebooks/reference/classroom.md``.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "notebooks/reference/classroom.md"
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/support")]

from live_kernel import Kernel  # noqa: E402  # found by the line above
from tools import notebooks  # noqa: E402

LOAD = "%load_ext wan_nb\n%wan connect simulator"
CLIP = """%%wan -f data/coffee.jpg --duration 2 --name lesson --out cup --wait
steam drifts over the cup, slow zoom in"""
STUDY = """
import wan_nb
study = wan_nb.study({"calm": "the cat looks up slowly", "wild": "the cat jumps, fast handheld camera"},
                     name="class", first_frame="data/cat.jpg", seeds=range(1, 7), duration=2)
study.submit(max_cost=30).wait()
print(study.ballot_file("class-ballot.html", criterion="moves less"))
"""
READ = """
print(study.read_votes("votes/*.json"))
print(study.ranking())
"""
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


def uss(process: psutil.Process) -> float:
    """Memory in MB that ending a process would free."""
    return float(process.memory_full_info().uss) / 1e6


def first_clip(kernel: Kernel) -> float:
    """Seconds from the first cell to the first clip."""
    began = time.monotonic()
    for cell in (LOAD, CLIP):
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
    with tempfile.TemporaryDirectory() as scratch:
        folders = [notebooks.copy(Path(scratch) / f"student{number}") for number in range(given.students)]
        with ThreadPoolExecutor(given.students) as pool:
            kernels = list(pool.map(lambda folder: Kernel(folder, {}), folders))
            try:
                clips = list(pool.map(first_clip, kernels))
                busy = [uss(psutil.Process(kernel.manager.provisioner.process.pid)) for kernel in kernels]
                simulators = [uss(one) for one in psutil.process_iter() if is_simulator(one, scratch)]
                teacher = kernels[0]
                page = Path(run(teacher, STUDY).strip().splitlines()[-1].removeprefix("PosixPath('").removesuffix("')"))
                (folders[0] / "votes").mkdir()
                with sync_playwright() as playwright:
                    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
                    asked = sum(
                        vote(browser, page, folders[0] / "votes", f"student {number}")
                        for number in range(given.students)
                    )
                    browser.close()
                said = run(teacher, READ)
            finally:
                for kernel in kernels:
                    kernel.stop()
    ranking = next(line for line in said.splitlines() if "beats" in line or "Not decided" in line)
    assert f"{given.students} raters" in said, said
    rows = [
        (f"{given.students} kernels at once: first clip after", f"{median(clips):.0f} s, the last {max(clips):.0f} s"),
        ("memory of a kernel after its first clip", f"{median(busy):.0f} MB, at most {max(busy):.0f}"),
        ("memory of its simulator", f"{median(simulators):.0f} MB, at most {max(simulators):.0f}"),
        ("votes sent back", f"{given.students} files, {asked} votes"),
        ("one ranking of all", ranking),
    ]  # fmt: skip
    table = "\n".join(["| | |", "|---|---|", *(f"| {what} | {told} |" for what, told in rows)])
    print(table)
    if given.write:
        text = PAGE.read_text(encoding="utf-8")
        made = re.sub(
            r"(<!-- class -->\n).*?(<!-- /class -->)",
            lambda found: f"{found[1]}{table}\n{found[2]}",
            text,
            flags=re.DOTALL,
        )
        PAGE.write_text(made, encoding="utf-8")


def is_simulator(process: psutil.Process, folder: str) -> bool:
    """Whether a process is a simulator whose state lies in the folder."""
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return "wan_nb.simulator" in line and folder in line


if __name__ == "__main__":
    main()
