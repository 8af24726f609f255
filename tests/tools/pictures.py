"""The pictures of the README, made from what a person sees: ``python tests/tools/pictures.py [folder]``.

Form and board come from the shipped modules on a page with JupyterLab's theme; clip, saved study and comparison from a
study on the simulator.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "support")]

from browser import states  # noqa: E402  # the folder is put on the path above
from browser.conftest import ARGS  # noqa: E402
from browser.harness import ORIGIN, THEMES, mount, tell  # noqa: E402
from browser.player.host import serve_widget  # noqa: E402

import wan_nb  # noqa: E402
from wan_nb.widgets.output.static_outputs import run_bundle, runs_bundle  # noqa: E402

PLAY = """async () => {
  const video = document.querySelector("video[controls]");  // beside it lies one that is never played
  video.muted = true;
  await video.play();
  while (video.currentTime < 1) await new Promise(requestAnimationFrame);
  video.pause();
}"""
CALM, WILD = "the cat looks up slowly, the camera moves in softly", "the cat jumps towards the camera, handheld camera"


def modules(page: Page, folder: Path) -> None:
    """Board and form, light and dark."""
    form, preview = filled_form()
    for theme in ("light", "dark"):
        shown = ((0, "SUCCEEDED"), (1, "RUNNING"), (3, "PENDING"), (4, "FAILED"))
        rows = [states.row(number, status, simulated=True, model="wan2.7-i2v") for number, status in shown]
        state = states.board(rows, title="walk", money="CNY 0.00 of 50.00 used in 24 h")
        mount(page, "board.js", state, theme=theme)
        tell(page, {"kind": "strip", "id": state["rows"][0]["id"]}, [states.picture(160, 90, frames=6)])
        shoot(page, folder / f"board-{theme}.png")
        mount(page, "form.js", form, theme=theme)
        tell(page, {"kind": "preview", "field": "first_frame"}, [preview])
        shoot(page, folder / f"form-{theme}.png")


def filled_form() -> tuple[dict[str, Any], bytes]:
    """What the kernel tells the form that a person fills in, with the notebooks' picture and sound, and its preview."""
    data = ROOT / "notebooks/data"
    shutil.copytree(data, "data")
    Image.open("data/cat.jpg").resize((100, 66)).save("data/tiny.png")
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    with wan_nb.Session("simulator") as session:
        form = session.form()
        form.send = lambda content, buffers=None: sent.append((content, buffers or []))
        form.draft.set_all({"prompt": "the cat looks up and blinks slowly, the camera moves in gently", "seed": 7})
        for name, file in (("first_frame", "cat.jpg"), ("last_frame", "tiny.png"), ("driving_audio", "voice.mp3")):
            form._serve(type(form)._give, {"kind": "give", "field": name, "text": f"data/{file}"}, [])
        state = {name: getattr(form, name) for name in ("fields", "values", "checked", "about")}
    preview = next(buffers[0] for content, buffers in sent if content["kind"] == "preview")
    return state, preview


def study(page: Page, folder: Path) -> None:
    """A study as a notebook saves it, a clip of it, and the clips side by side."""
    shutil.copy(ROOT / "notebooks/data/cat.jpg", "cat.jpg")
    with wan_nb.Session("simulator", speed=20) as session:
        walk = session.study({"calm": CALM, "wild": WILD}, seeds=[1, 2], name="walk", first_frame="cat.jpg", duration=3)
        walk.submit()
        walk.wait()
        rows = walk.rows()
        saved = {
            "clip": run_bundle(session.workspace, rows[0]),
            "saved": runs_bundle(session.workspace, rows, title="walk"),
        }
        for theme in ("light", "dark"):
            for name, bundle in saved.items():
                show(page, bundle["text/html"], theme)
                if name == "clip":
                    page.evaluate(PLAY)
                shoot(page, folder / f"{name}-{theme}.webp", "main > div")
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            with serve_widget(walk.compare()) as address:
                page.goto(address)
                page.wait_for_function(
                    "[...document.querySelectorAll('video')].filter(v => v.readyState === 4).length === 4"
                )
                page.locator(".wan-c").focus()
                page.keyboard.press("End")
                page.evaluate("document.activeElement.blur()")
                shoot(page, folder / f"compare-{theme}.webp", ".wan-c")
                page.goto("about:blank")


def show(page: Page, html: str, theme: str) -> None:
    """HTML of an output on a page with JupyterLab's theme; its clips lie in the working directory."""
    css = (THEMES / f"theme-{theme}-extension" / "index.css").read_text()
    style = """body { margin: 0; padding: 12px; background: var(--jp-layout-color0); color: var(--jp-ui-font-color1) }
a { color: var(--jp-content-link-color) }"""
    body = f"<!doctype html><meta charset=utf-8><style>{css}</style><style>{style}</style><main>{html}</main>"
    page.unroute_all()
    page.route(f"{ORIGIN}/**", lambda route: route.fulfill(path=Path(route.request.url.removeprefix(f"{ORIGIN}/"))))
    page.route(f"{ORIGIN}/page", lambda route: route.fulfill(body=body, content_type="text/html; charset=utf-8"))
    page.goto(f"{ORIGIN}/page")


def shoot(page: Page, path: Path, what: str = "main") -> None:
    """The page as large as what is on it, in 256 colours or, of photographs, as WebP: no eye sees it."""
    page.wait_for_timeout(300)
    box = page.locator(what).first.bounding_box()
    assert box
    page.set_viewport_size({"width": int(box["width"]) + 24, "height": int(box["height"]) + 24})
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    if path.suffix == ".webp":
        picture.save(path, quality=82, method=6)
    else:
        picture.quantize(256).save(path, optimize=True)
    page.set_viewport_size({"width": 924, "height": 1100})


def main() -> None:
    """Make all pictures."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "notebooks" / "images").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        os.chdir(place)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        page = browser.new_page(viewport={"width": 924, "height": 600})
        modules(page, folder)
        study(page, folder)
        os.chdir(ROOT)
        browser.close()


if __name__ == "__main__":
    main()
