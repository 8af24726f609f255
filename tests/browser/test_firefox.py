"""JupyterLab in Firefox, with the codecs of the system and without."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from .firefox import Firefox, firefox_program
from .lab import REPO, Notebook, Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CELLS = (
    "run = wan_nb.submit('a cat walks', first_frame='cat.jpg', duration=2, seed=1); run",
    "wan_nb.form()",
    "study = wan_nb.study({'calm': 'a', 'wild': 'b'}, name='walk', first_frame='cat.jpg', duration=2, seeds=[1, 2])"
    ".submit(max_cost=99).wait(); run.wait(); study.compare()",
    "study.vote()",
    "print(len(study.votes()), [vote['outcome'] for vote in study.votes()])",
)
CELL = "document.querySelectorAll('.jp-Cell')[%d].querySelector('.jp-OutputArea')"
PLAYED = """async (selector) => {
  const videos = [...document.querySelectorAll(selector)];
  for (const video of videos) {
    while (!video.src.includes("/files/")) await new Promise((done) => setTimeout(done, 20)); // JupyterLab finds it out
    video.muted = true;
    await video.play();
    while (video.currentTime < 0.3) await new Promise((done) => setTimeout(done, 20));
  }
  return videos.length;
}"""


class Lab(Firefox):
    """Its window never has the focus, and JupyterLab takes the notebook that got the focus last for the current one."""

    def wait_for_function(self, *given: Any, **options: Any) -> None:
        self.evaluate("document.activeElement?.dispatchEvent(new FocusEvent('focus'))")
        super().wait_for_function(*given, **options)

    def goto(self, url: str) -> None:
        super().goto(url)
        super().wait_for_function("document.activeElement?.matches('.jp-Cell, .jp-Cell *')")


@pytest.fixture(params=[True, False], ids=["codecs", "no codecs"])
def firefox(request: Any, tmp_path: Path) -> Iterator[Firefox]:
    browser = Lab(firefox_program(), tmp_path / "firefox", codecs=request.param)
    browser.codecs = request.param
    browser.size(1100, 1400)
    yield browser
    browser.close()


@pytest.mark.front_end(
    "JupyterLab in Firefox, with the codecs of the system and without",
    "run, form, comparison, vote; without H.264 each says so, and a vote can only be skipped",
)
def test_runs_forms_comparisons_and_votes(firefox: Firefox, server: Server, simulator: Any, shots: Path) -> None:
    simulator.config(run=1.0, clips="full")
    name = f"firefox-{firefox.codecs}"
    (server.notebooks / name).mkdir()
    shutil.copy(REPO / "notebooks/data/cat.jpg", server.notebooks / name / "cat.jpg")
    connect = f"import wan_nb; wan_nb.connect({simulator.url!r}, api_key='sk-test', gap=0.1)"
    server.write(f"{name}/a.ipynb", connect, *CELLS)
    book = Notebook(firefox, server, f"{name}/a.ipynb")
    for index in range(3):
        book.run(index)
    firefox.wait_for_function(f"{CELL % 2}.querySelector('.wan-form textarea') !== null")
    firefox.wait_for_function(
        f"{CELL % 1}.querySelector('video[controls]') !== null"
    )  # the card, once the run has ended
    book.run(3)
    firefox.wait_for_function(f"{CELL % 3}.querySelectorAll('.wan-c video').length === 4")
    if firefox.codecs:
        assert firefox.evaluate(PLAYED, ".jp-OutputArea video[controls]") == 1
        firefox.wait_for_function(f"!{CELL % 3}.textContent.includes('Preparing')")
        firefox.wait_for_function(f"Math.abs(Number({CELL % 3}.querySelector('.wan-c-scrub').max) - 2) < 0.2")
    else:
        notes = f"[...{CELL % 3}.querySelectorAll('.wan-c-note')].map((note) => note.textContent)"
        firefox.wait_for_function(f"{notes}.every((note) => note.includes('H.264'))")
        firefox.wait_for_function(f"{CELL % 1}.textContent.split('Does not play?').length === 2")
    book.run(4)
    bar = f"{CELL % 4}.querySelector('.wan-c-vote [data-outcome=left]')"
    if firefox.codecs:
        firefox.wait_for_function(f"{bar} && !{bar}.disabled")
    else:
        firefox.wait_for_function(f"{CELL % 4}.textContent.includes('This browser cannot play H.264')")
    firefox.evaluate(f"{CELL % 4}.querySelector('.wan-c').focus()")
    firefox.press("1")
    if firefox.codecs:
        firefox.wait_for_function(f"{CELL % 4}.textContent.includes('1 vote')")
    else:
        firefox.press("s")
        firefox.wait_for_function(f"{CELL % 4}.textContent.includes('Skipped.')")
    firefox.evaluate(f"{CELL % 4}.scrollIntoView()")
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        firefox.evaluate("name => jupyterapp.commands.execute('apputils:change-theme', { theme: name })", theme)
        firefox.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=theme)
        firefox.wait_for_function("document.getElementById('jupyterlab-splash') === null")
        picture = f"firefox-{'codecs' if firefox.codecs else 'no-codecs'}-{theme.rpartition(' ')[2].lower()}.png"
        firefox.screenshot(shots / picture)
    book.run(5)
    assert book.printed(5) == ("1 ['left']" if firefox.codecs else "1 ['skip']")
    for index in range(1, 5):
        book.wait_html(index)
    firefox.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    firefox.wait_for_function("!jupyterapp.shell.currentWidget.context.model.dirty")
    saved = json.loads((server.notebooks / name / "a.ipynb").read_text())
    kinds = [set(output.get("data", {})) for cell in saved["cells"] for output in cell["outputs"]]
    assert not [kind for kind in kinds if "application/vnd.jupyter.widget-view+json" in kind]
