"""The pictures of the README, made from what a person sees: ``python tests/tools/pictures.py [folder]``.

Form and board come from the shipped modules on a page with JupyterLab's theme, the clip from a real notebook that is
run against the simulator, saved, and opened again without a kernel.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from browser import states  # noqa: E402  # the folder is put on the path above
from browser.conftest import ARGS  # noqa: E402
from browser.harness import mount, tell  # noqa: E402
from browser.lab import Notebook, Server  # noqa: E402

CELLS = (
    "%load_ext wan_nb\n%wan connect simulator",
    "%%wan --first-frame cat.jpg --duration 5 --seed 7 --wait\n"
    "A cat looks into the camera while the light changes from noon to sunset, slow zoom in.",
)


def modules(page: Page, folder: Path) -> None:
    """Board and form, light and dark."""
    for theme in ("light", "dark"):
        rows = [
            states.row(0, "SUCCEEDED", simulated=True),
            states.row(1, "RUNNING", simulated=True),
            states.row(3, "PENDING", simulated=True),
            states.row(4, "FAILED", simulated=True),
        ]
        state = states.board(rows, title="walk", money="CNY 0.00 of 50.00 used in 24 h")
        mount(page, "board.js", state, theme=theme)
        tell(page, {"kind": "strip", "id": state["rows"][0]["id"]}, [states.picture(160, 90, frames=6)])
        shoot(page, folder / f"board-{theme}.png")
        mount(page, "form.js", states.filled(), theme=theme)
        tell(page, {"kind": "preview", "field": "first_frame"}, [states.picture(360, 240)])
        shoot(page, folder / f"form-{theme}.png")


def shoot(page: Page, path: Path) -> None:
    """The page as high as what is on it."""
    page.wait_for_timeout(300)
    height = page.locator("main").bounding_box()
    page.set_viewport_size({"width": 924, "height": int(height["height"] if height else 600) + 24})
    keep(page, path)


def keep(page: Page, path: Path) -> None:
    """A screenshot in 256 colours: a third of the bytes, and no eye sees it."""
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(256).save(path, optimize=True)


def clip(page: Any, folder: Path) -> None:
    """A clip in a notebook that was saved, closed and opened without a kernel."""
    with tempfile.TemporaryDirectory() as place:
        server = Server(Path(place))
        try:
            shutil.copy(ROOT / "notebooks/data/cat.jpg", server.notebooks / "cat.jpg")
            server.write("clip.ipynb", *CELLS)
            page.set_viewport_size({"width": 1180, "height": 820})
            book = Notebook(page, server, "clip.ipynb")
            book.run(0)
            book.run(1, timeout=120)
            book.cell(1).locator("video").wait_for(timeout=60_000)
            book.save()
            book.shut_kernel_down()
            book = Notebook(page, server, "clip.ipynb")
            book.page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
            book.cell(1).locator("video").wait_for()
            page.wait_for_timeout(1500)
            keep(page, folder / "clip-light.png")
            book.theme("JupyterLab Dark")
            page.wait_for_timeout(500)
            keep(page, folder / "clip-dark.png")
        finally:
            server.close()


def main() -> None:
    """Make all pictures."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "notebooks" / "images")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        page = browser.new_page(viewport={"width": 924, "height": 600})
        modules(page, folder)
        clip(browser.new_page(), folder)
        browser.close()


if __name__ == "__main__":
    main()
