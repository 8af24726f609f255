"""The pictures of the README, made from what a person sees: ``python tests/tools/pictures.py [folder]``.

Form and board come from the shipped modules on a page with JupyterLab's theme.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from browser import states  # noqa: E402  # the folder is put on the path above
from browser.conftest import ARGS  # noqa: E402
from browser.harness import mount, tell  # noqa: E402


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


def main() -> None:
    """Make all pictures."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "notebooks" / "images")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        page = browser.new_page(viewport={"width": 924, "height": 600})
        modules(page, folder)
        browser.close()


if __name__ == "__main__":
    main()
