"""Walk through the three doors of the README as a stranger does, and write down how long each step took.

    python tests/tools/first_minutes.py [--write] [try] [teach] [key]

A fresh clone, the README's first command word for word, and the browser that it opens. *try*: Shift-Enter through the
quickstart, the A/B notebook by the link at its end, and real blind votes by keyboard. The eye that votes compares two
screenshots of each clip, as the notebook's criterion asks: which moves less? *teach*: the lesson up to its first
exercise, answered wrong and then right. *key*: the README's three lines and a first clip, where a simulator is the
service and asks for a key. With ``--write`` the tables go into ``notebooks/README.md``.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "notebooks/README.md"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
"""Jupyter refuses to run as root, and a stranger is not."""

ASKS_OR_IS_DONE = """([panel, index]) => {
  const cell = document.querySelectorAll(panel)[index];
  return cell.innerText.includes("No pairs left") || cell.querySelector('[data-outcome="left"]:enabled:not([hidden])');
}"""
HAS_ENDED = """([panel, index]) =>
  /\\[\\d+\\]/.test(document.querySelectorAll(panel)[index].querySelector(".jp-InputPrompt").textContent)"""
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell"


class Walk:
    """What was done, and when."""

    def __init__(self, work: Path) -> None:
        self.clone, self.opened = work / "wan_nb", work / "opened"
        self.began = time.monotonic()
        self.steps: dict[str, list[tuple[str, str]]] = {}
        self.door = "install"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(self.clone)], check=True)
        opener = work / "opener"
        opener.write_text(
            f'#!/bin/sh\nprintf "%s" "$1" > "{self.opened}.part" && mv "{self.opened}.part" "{self.opened}"\n'
        )
        opener.chmod(0o755)
        (work / "home").mkdir()
        command = re.search(
            r"<!-- command: lab -->\n```bash\n(.*?)\n```", (self.clone / "README.md").read_text(), re.DOTALL
        )
        assert command
        root = os.geteuid() == 0
        if root:
            subprocess.run(["chown", "-R", "65534:65534", str(work)], check=True)
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "LANG", "LC_"))}
        path = "/usr/bin:/bin" if root else os.environ["PATH"]
        self.server = subprocess.Popen(
            [*(NOBODY if root else ()), "bash", "-c", command[1]],
            cwd=self.clone,
            env={**kept, "PATH": path, "HOME": str(work / "home"), "BROWSER": f"{opener} %s"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def tell(self, what: str) -> None:
        """A step is done."""
        passed = round(time.monotonic() - self.began)
        self.steps.setdefault(self.door, []).append((f"{passed // 60}:{passed % 60:02d}", what))
        print(self.door, *self.steps[self.door][-1], flush=True)

    def enter(self, door: str) -> None:
        """Begin to count anew."""
        self.door, self.began = door, time.monotonic()

    def address(self) -> str:
        """What the command has the browser open."""
        while not self.opened.exists():
            assert self.server.poll() is None, "the README's command has failed"
            time.sleep(0.2)
        return self.opened.read_text()

    def cell(self, notebook: str, text: str) -> int:
        """Number of the first code cell that holds a text."""
        cells = json.loads((self.clone / f"notebooks/{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
        return next(i for i, c in enumerate(cells) if c["cell_type"] == "code" and text in "".join(c["source"]))


class Reader:
    """A person at the keyboard."""

    def __init__(self, page: Any, walk: Walk) -> None:
        self.page, self.walk = page, walk

    def at(self, index: int) -> Any:
        """A cell of the open notebook; it draws those near the middle of the window alone."""
        return self.page.locator(PANEL).nth(index)

    def run(self, first: int, last: int) -> None:
        """Click into a cell, then Shift-Enter to another."""
        self.at(first).evaluate("cell => cell.scrollIntoView({ block: 'center' })")
        self.at(first).locator(".jp-InputPrompt").first.click()
        for _ in range(first, last + 1):
            self.page.keyboard.press("Shift+Enter")
            self.page.wait_for_timeout(300)

    def ended(self, index: int) -> None:
        """Wait until a cell that was begun has come to its end."""
        self.page.wait_for_function(HAS_ENDED, arg=[PANEL, index])

    def clip(self, index: int) -> None:
        """Wait for the clip of a cell; whoever has voted in the A/B notebook is asked for a name, and gives none."""
        video, asked = self.at(index).locator("video").first, self.at(index).locator("input.jp-Stdin-input")
        video.or_(asked).first.wait_for()
        if asked.is_visible():
            asked.press("Enter")
        video.wait_for()

    def moves(self, video: Any) -> float:
        """How much a clip changes in a third of a second."""
        from PIL import Image, ImageChops, ImageStat

        def look() -> Any:
            return Image.open(io.BytesIO(video.screenshot())).convert("L").resize((160, 100))

        before = look()
        self.page.wait_for_timeout(300)
        return float(ImageStat.Stat(ImageChops.difference(before, look())).mean[0])

    def vote(self, index: int) -> int:
        """Answer every pair; returns how many."""
        cell, votes = self.at(index), 0
        first = cell.locator("[data-outcome=left]")
        while True:
            self.page.wait_for_function(ASKS_OR_IS_DONE, arg=[PANEL, index])
            if not first.is_visible():
                return votes
            left, right = (self.moves(cell.locator("video").nth(side)) for side in (0, 1))
            cell.locator("video").first.click()  # the keys of a vote are heard where the focus is
            self.page.keyboard.press(
                "0" if abs(left - right) < 0.1 * max(left, right) else "1" if left < right else "2"
            )
            votes += 1
            following = cell.get_by_role("button", name="Next pair", exact=True)
            following.or_(cell.get_by_text("No pairs left")).first.wait_for()
            if following.is_visible():
                self.page.keyboard.press("Enter")


def quickstart(reader: Reader, walk: Walk) -> None:
    """From the open notebook to its last cell."""
    page = reader.page
    first, last = walk.cell("quickstart", "data/cat.jpg"), walk.cell("quickstart", "bundle")
    reader.run(0, first)
    video = reader.at(first).locator("video[controls]").first  # beside it lies one that is never played
    video.wait_for()
    video.evaluate("video => { video.muted = true; return video.play(); }")
    page.wait_for_function("video => video.currentTime > 0.2", arg=video.element_handle())
    walk.tell("**the first clip plays**")
    reader.run(first + 1, last)
    reader.at(last).get_by_text("quickstart.zip:").wait_for()
    walk.tell("the whole quickstart has run: four clips, the table, the file to take home")


def decision(reader: Reader, walk: Walk) -> None:
    """The A/B notebook with real votes."""
    page = reader.page
    page.get_by_role("link", name="prompt_ab.ipynb").first.click()
    page.get_by_role("heading", name="An A/B decision").wait_for()
    walk.tell("the A/B notebook is open, by the link at the end of the quickstart")
    vote, step = walk.cell("prompt_ab", "I_VOTE = False"), walk.cell("prompt_ab", "race.submit().wait()")
    reader.run(0, vote - 2)
    reader.ended(vote - 2)
    walk.tell("the first step of the race is there: sixteen clips of two prompts")
    reader.at(vote).scroll_into_view_if_needed()
    reader.at(vote).get_by_text("False", exact=True).first.dblclick()
    page.keyboard.type("True")
    reader.run(vote, vote)
    walk.tell(f"{reader.vote(vote)} blind votes are given by keyboard")
    for _ in range(5):  # what the budget of the notebook can buy
        reader.run(step, step)
        reader.ended(step)
        count = reader.vote(step)
        if not count:
            break
        walk.tell(f"the next step is there, with {count} more votes")
    answer = walk.cell("prompt_ab", "print(ranking)")
    reader.run(step + 1, answer)
    reader.ended(answer)
    walk.tell(f"**the answer**: {said(reader, answer)}")


def lesson(reader: Reader, walk: Walk, root: str) -> None:
    """The lesson from its first cell to an exercise that is solved."""
    page = reader.page
    page.goto(f"{root}/lab/tree/lesson.ipynb?reset")  # without the tabs of the door before
    page.get_by_role("heading", name="A lesson: prompts that move pictures").wait_for()
    page.get_by_text("| Idle").wait_for()  # of the kernel, in the bar below
    walk.tell("JupyterLab shows the lesson")
    first, exercise = walk.cell("lesson", "--out cup"), walk.cell("lesson", "--out still")
    reader.run(0, first)
    reader.clip(first)
    walk.tell("**the first clip is there**")
    reader.run(first + 1, exercise + 2)
    reader.at(exercise + 2).get_by_text("not yet: the prompt does not say that the camera stands still").wait_for()
    walk.tell("the first exercise is run as it is begun, and says what is missing")
    reader.at(exercise).locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(", static camera")
    reader.run(exercise, exercise + 2)
    reader.at(exercise + 2).get_by_text("✓ exercise 1").wait_for()
    walk.tell("**two words more, and it is solved**")


def key(reader: Reader, walk: Walk, root: str, service: str) -> None:
    """The README's three lines in an empty notebook, with the service's address; then a first clip."""
    text = (walk.clone / "README.md").read_text(encoding="utf-8")
    lines = re.search(r"```python\n(%load_ext wan_nb\n%wan login\n%wan doctor)\n```", text)
    clip = re.search(r"```python\n(%%wan --first-frame notebooks/data/cat.jpg .*?)\n```", text, re.DOTALL)
    assert lines
    assert clip
    load, login, doctor = lines[1].splitlines()
    mine = walk.clone / "notebooks/mine.ipynb"  # where the README's command opens JupyterLab
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in (
        f"{load}\n{login} {service}", doctor, clip[1].replace("notebooks/data", "data"))])  # fmt: skip
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(book, mine)
    if os.geteuid() == 0:
        os.chown(mine, 65534, 65534)
    page = reader.page
    page.goto(f"{root}/lab/tree/mine.ipynb?reset")
    page.get_by_text("| Idle").wait_for()
    walk.tell("a notebook of one's own is open; the three lines stand in it")
    reader.run(0, 0)
    asked = reader.at(0).locator("input[type=password]")
    asked.wait_for()
    asked.fill("sk-" + "0123456789abcdef" * 2)
    asked.press("Enter")
    reader.run(1, 1)
    reader.at(1).get_by_text("service").first.wait_for()
    reader.ended(1)
    walk.tell("the key is typed, `%wan doctor` has looked at key, service, clock and disk")
    reader.run(2, 2)
    reader.clip(2)
    walk.tell("**the first clip is there**, from the service of that key")


def said(reader: Reader, index: int) -> str:
    """What a cell has printed, as far as its first colon or bracket."""
    text = reader.at(index).locator(".jp-OutputArea-output").first.inner_text()
    return re.split(r"[;(]", text)[0].strip()


TOLD = {
    "install": "Before each door",
    "try": "Try it",
    "teach": "Teach it",
    "key": "Use your key (a simulator is the service, and asks for a key)",
}


def record(doors: dict[str, list[tuple[str, str]]]) -> None:
    """Put what was walked into the notebooks' README; a door that was not keeps its table."""
    text = RECORD.read_text(encoding="utf-8")
    for door, steps in doors.items():
        rows = "\n".join(f"| {passed} | {what} |" for passed, what in steps)
        table = f"| min:s | {TOLD[door]} |\n| --: | --- |\n{rows}\n"
        place = re.compile(rf"(<!-- walk: {door} -->\n).*?(<!-- /walk -->)", re.DOTALL)
        assert place.search(text), door
        text = place.sub(lambda found, table=table: found[1] + table + found[2], text)
    RECORD.write_text(text, encoding="utf-8")


def main() -> None:
    """Walk, and write down."""
    from playwright.sync_api import sync_playwright

    doors = [word for word in sys.argv[1:] if not word.startswith("-")] or ["try", "teach", "key"]
    work = Path(tempfile.mkdtemp(prefix="wan-nb-walk-"))
    work.chmod(0o755)
    walk = Walk(work)
    service = subprocess.Popen(
        [sys.executable, "-m", "wan_nb.simulator", "--state", str(work / "service")], stdout=subprocess.PIPE, text=True
    )
    try:
        walk.tell(f"cloned, on a machine of {os.cpu_count()} cores (load average before: {os.getloadavg()[0]:.0f})")
        url = walk.address()
        walk.tell("installed by the README's first command; the browser opens")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(300_000)
            page.goto(url)
            page.get_by_role("heading", name="Quickstart").wait_for()
            walk.tell("JupyterLab shows the quickstart")
            reader, root = Reader(page, walk), url.split("/lab")[0]
            if root.startswith("file:"):
                root = page.url.split("/lab")[0]
            try:
                for door in doors:
                    walk.enter(door)
                    if door == "try":
                        if door != doors[0]:
                            page.goto(f"{root}/lab/tree/quickstart.ipynb?reset")
                            page.get_by_role("heading", name="Quickstart").wait_for()
                        quickstart(reader, walk)
                        decision(reader, walk)
                    elif door == "teach":
                        lesson(reader, walk, root)
                    else:
                        assert service.stdout
                        key(reader, walk, root, service.stdout.readline().strip())
                    if "--write" in sys.argv:
                        record(walk.steps)
            except Exception:
                page.screenshot(path=work.with_suffix(".png"))
                print(f"what was seen last: {work.with_suffix('.png')}", flush=True)
                raise
            browser.close()
    finally:
        service.terminate()
        service.wait(30)
        os.killpg(walk.server.pid, signal.SIGTERM)
        walk.server.wait(30)
    shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
