"""Front ends beside JupyterLab and Notebook 7, each as it is installed, with a real browser before it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .lab import write_notebook
from .programs import PYTHON, Program
from .waiting import PATIENCE, expect, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["fixtures_shell"]

PLAYED = """async (video) => {
  video.muted = true;
  await video.play();
  while (video.currentTime < 0.3) await new Promise((done) => setTimeout(done, 20));
  video.pause();
  return video.error === null;
}"""


def connect(simulator: Any) -> str:
    return f"import wan_nb; wan_nb.connect({simulator.url!r}, api_key={simulator.key!r}, gap=0.1);"


def submit(cat: Path, prompt: str = "a cat walks") -> str:
    return f"wan_nb.submit({prompt!r}, first_frame={str(cat)!r}, duration=2, seed=1)"


@pytest.fixture
def any_page(browser: Any) -> Iterator[Any]:
    """A page of a program whose own errors on the console, such as fonts that it asks a CDN for, are not ours."""
    context = browser.new_context(viewport={"width": 1100, "height": 1400})
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.route(lambda url: "127.0.0.1" not in url and url.startswith("http"), lambda route: route.abort())
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert [error for error in errors if "wan" in error.lower()] == []


# As pages that have a light and a dark view, Colab's among them.
SCHEMES = '<meta name="color-scheme" content="light dark">'

MARIMO = """
import marimo
app = marimo.App()

@app.cell
def _():
    {connect}
    return (wan_nb,)

@app.cell
def _(wan_nb):
    run = {submit}
    run
    return (run,)

@app.cell
def _(run, wan_nb):
    wan_nb.board()
    return

@app.cell
def _(run, wan_nb):
    study = wan_nb.study({{"calm": "a", "wild": "b"}}, name="walk", first_frame={cat!r}, duration=2, seeds=[1])
    study
    return

@app.cell
def _(run):
    done = run.wait()
    done
    return (done,)

@app.cell
def _(wan_nb):
    wan_nb.form()
    return

@app.cell
def _(wan_nb):
    pair = wan_nb.study({{"one": "c", "two": "d"}}, name="pair", first_frame={cat!r}, duration=2, seeds=[1])
    pair.submit(max_cost=9).wait().vote()
    return (pair,)
"""


@pytest.mark.front_end(
    "marimo",
    "run, study with its Buy button, board, card, form and vote as a cell's last value; clips from light copies",
)
def test_marimo(any_page: Any, simulator: Any, cat: Path, tmp_path: Path, shots: Path) -> None:
    pytest.importorskip("marimo", reason="marimo is not installed")
    simulator.config(run=4.0)
    text = MARIMO.format(connect=connect(simulator), submit=submit(cat), cat=str(cat))
    (tmp_path / "app.py").write_text(text)
    (tmp_path / "pyproject.toml").write_text('[tool.marimo.display]\ntheme = "system"\n')
    command = ["marimo", "run", "app.py", "--headless", "--no-token", "--host", "127.0.0.1", "--port", "PORT"]
    with Program(tmp_path, [*PYTHON, *command]) as marimo:
        any_page.goto(marimo.url)
        live = any_page.locator(".wan-board")
        live.locator("[data-state=SUCCEEDED]").first.wait_for()
        until(any_page, lambda: live.count() >= 2)  # the run, and the board of everything
        live.locator(".wan-film").first.click()
        assert live.locator("video").first.evaluate(PLAYED)
        card = any_page.locator("video[controls][src^='data:video/mp4']")
        card.wait_for()
        assert card.evaluate(PLAYED)
        any_page.get_by_role("button", name=re.compile("^Buy 2 clips")).click()
        live.get_by_text("walk · wild").first.wait_for()
        any_page.locator(".wan-form").get_by_label("Prompt", exact=True).fill("a cat sits")
        expect(any_page.get_by_role("button", name="Make the clip")).to_be_enabled()  # the kernel has checked it
        any_page.locator(".wan-c-vote [data-outcome=left]:not([disabled])").click()
        any_page.get_by_text("1 vote", exact=True).first.wait_for()
        for scheme in ("dark", "light"):
            any_page.emulate_media(color_scheme=scheme)
            any_page.screenshot(path=shots / f"marimo-{scheme}.png", full_page=True)
    assert len(simulator.tasks()) == 5


@pytest.mark.front_end("voila", "live board, form, vote; clips from light copies, since voila serves no MP4")
def test_voila(any_page: Any, simulator: Any, cat: Path, tmp_path: Path, shots: Path) -> None:
    pytest.importorskip("voila", reason="voila is not installed")
    simulator.config(run=1.0)
    write_notebook(
        tmp_path / "a.ipynb", connect(simulator), f"run = {submit(cat)}\nrun", "wan_nb.form()", "run.wait()",
        "wan_nb.board()",
        f"frame = {str(cat)!r}",
        "study = wan_nb.study({'calm': 'a', 'wild': 'b'}, name='w', first_frame=frame, duration=2, seeds=[1])",
        "study.submit(max_cost=9).wait().vote()",
    )  # fmt: skip
    command = ["voila", "a.ipynb", "--no-browser", "--Voila.ip=127.0.0.1", "--port", "PORT"]
    with Program(tmp_path, [*PYTHON, *command]) as voila:
        any_page.goto(voila.url)
        any_page.locator(".wan-board [data-state=SUCCEEDED]").first.wait_for()
        any_page.locator(".wan-form").wait_for()
        card = any_page.locator("video[controls][src^='data:video/mp4']").first
        assert card.evaluate(PLAYED)  # the file itself would be refused: 403
        better = any_page.locator(".wan-c-vote [data-outcome=left]:not([disabled])")
        better.wait_for()
        better.click()
        any_page.get_by_text("1 vote").first.wait_for()
        any_page.screenshot(path=shots / "voila-light.png", full_page=True)
        any_page.goto(f"{voila.url}?theme=dark")  # which runs the notebook anew, and buys nothing
        any_page.locator("video[controls][src^='data:video/mp4']").first.wait_for()
        any_page.get_by_text("1 vote").first.wait_for()
        any_page.screenshot(path=shots / "voila-dark.png", full_page=True)
    assert len(simulator.tasks()) == 3


@pytest.mark.front_end("nbclassic, a notebook in a folder", "cards, clips from their files")
def test_nbclassic_in_a_folder(any_page: Any, simulator: Any, cat: Path, tmp_path: Path, shots: Path) -> None:
    pytest.importorskip("nbclassic", reason="nbclassic is not installed")
    write_notebook(tmp_path / "deep" / "er" / "a.ipynb", connect(simulator), f"{submit(cat)}.wait()")
    options = ["--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--port=PORT", "--IdentityProvider.token="]
    with Program(tmp_path, [*PYTHON, "nbclassic", *options]) as nbclassic:
        any_page.goto(f"{nbclassic.url}nbclassic/notebooks/deep/er/a.ipynb")
        any_page.wait_for_function("window.Jupyter?.notebook?.kernel?.is_connected()")
        any_page.evaluate("Jupyter.notebook.execute_all_cells()")
        card = any_page.locator("video[controls]")
        card.wait_for()
        assert card.get_attribute("src").startswith("wan_runs/videos/")
        assert card.evaluate(PLAYED)
        assert any_page.locator("summary").first.evaluate("node => getComputedStyle(node).display") == "list-item"
        any_page.screenshot(path=shots / "nbclassic.png", full_page=True)


@pytest.mark.front_end(
    "a frame of a foreign origin, as Colab's outputs",
    "words, the clip's path, and the clip where it is embedded",
)
def test_frame_of_a_foreign_origin_has_words_and_plays_what_is_embedded(
    any_page: Any, wan: Any, cat: Path, tmp_path: Path, shots: Path
) -> None:
    """As Colab shows outputs: no relative address leads anywhere."""
    from html import escape

    from wan_nb.widgets.output.static_outputs import run_bundle

    run = wan(f"%%wan -f {cat} -d 2 --out run\na cat walks") or wan["run"]
    run.wait(60)
    wan.unattended()  # in a kernel
    workspace = run.session.workspace
    cards = [run_bundle(workspace, run.row, embed=embed)["text/html"] for embed in (False, True)]
    frames = "".join(
        f'<iframe sandbox="allow-scripts" srcdoc="{escape(SCHEMES + card)}" width=700 height=760></iframe>'
        for card in cards
    )
    (tmp_path / "page.html").write_text(f'<!doctype html><meta charset="utf-8">{SCHEMES}{frames}')
    any_page.goto((tmp_path / "page.html").as_uri())
    dead, embedded = (any_page.frame_locator("iframe").nth(index) for index in range(2))
    dead.get_by_text("Does not play?").click()
    expect(dead.get_by_text(str(run.video).replace(str(Path.home()), "~"))).to_be_visible()
    assert embedded.locator("video[controls]").evaluate(PLAYED)
    for scheme in ("dark", "light"):
        any_page.emulate_media(color_scheme=scheme)
        any_page.screenshot(path=shots / f"sandboxed-{scheme}.png")
