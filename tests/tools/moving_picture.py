"""Make the moving picture of the README from the real thing: JupyterLab, a kernel and Chromium run the quickstart.

    python tests/tools/moving_picture.py

Nothing in it is drawn or sped up by hand: frames are screenshots, and the time between them is what it was, except that
waiting is shown at four times its pace, and the clip by its own clock.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "support")]

PICTURE = ROOT / "notebooks/images/quickstart.webp"
SIZE = {"width": 960, "height": 640}
SHOWN = (720, 480)


def record(page: Any, notebook: Any) -> list[tuple[bytes, int]]:
    """Screenshots with their milliseconds: the cell begins, runs, and its clip plays."""
    shots: list[tuple[bytes, int]] = []

    def shoot(milliseconds: int) -> None:
        shots.append((page.screenshot(type="png"), milliseconds))

    page.evaluate("() => jupyterapp.shell.collapseLeft()")
    notebook.wait_idle(timeout=120)
    notebook.run(1)
    top = "() => jupyterapp.shell.currentWidget.content.widgets[3].node.scrollIntoView({ block: 'start' })"
    page.evaluate(top)
    page.wait_for_timeout(700)
    shoot(1500)
    notebook.start(3)
    deadline = time.monotonic() + 120
    output = notebook.cell(3)
    while time.monotonic() < deadline and not output.locator("video").count():
        began = time.monotonic()
        page.wait_for_timeout(250)
        shoot(max(100, round((time.monotonic() - began) * 1000 / 4)))
    output.locator("video").first.wait_for()
    page.evaluate(top)
    page.wait_for_timeout(300)
    shoot(900)
    video = output.locator("video[controls]").first  # beside it lies one that is never played
    video.evaluate("video => { video.muted = true; return video.play(); }")
    clock = 0.0
    while clock < 2:  # by the clip's own clock, however busy the machine is
        page.wait_for_timeout(100)
        before, clock = clock, float(video.evaluate("video => video.currentTime"))
        shoot(max(50, round((clock - before) * 1000)))
    shots[-1] = (shots[-1][0], 1500)
    return shots


def write(shots: list[tuple[bytes, int]], path: Path) -> None:
    """As a looping WebP; pictures that equal the one before only make it stay longer."""
    from PIL import Image, ImageChops

    frames: list[Image.Image] = []
    times: list[int] = []
    for png, milliseconds in shots:
        frame = Image.open(io.BytesIO(png)).convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS)
        if frames and ImageChops.difference(frames[-1], frame).getbbox() is None:
            times[-1] += milliseconds
            continue
        frames.append(frame)
        times.append(milliseconds)
    path.parent.mkdir(exist_ok=True)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=times, loop=0, quality=55, method=6)
    print(f"{path.name}: {len(frames)} pictures, {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Run, record, write."""
    from browser.conftest import ARGS
    from browser.lab import Notebook, Server
    from playwright.sync_api import sync_playwright
    from tools import notebooks

    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        server = Server(Path(scratch) / "lab")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        try:
            shutil.copytree(notebooks.FOLDER / "data", server.notebooks / "data")
            clean(notebooks.FOLDER / "quickstart.ipynb", server.notebooks / "quickstart.ipynb")
            page = browser.new_page(viewport=SIZE)
            page.set_default_timeout(90_000)
            write(record(page, Notebook(page, server, "quickstart.ipynb")), PICTURE)
        finally:
            browser.close()
            server.close()


def clean(stored: Path, copy: Path) -> None:
    """The notebook as a person finds it who has not run it."""
    import nbformat

    notebook = nbformat.read(stored, 4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, copy)


if __name__ == "__main__":
    main()
