"""JupyterLab as some people have it: large letters, every cell windowed, German or Chinese, a narrow window."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from .lab import REPO, Notebook, Server, beside
from .test_sizes import FAULTS

if TYPE_CHECKING:
    from pathlib import Path

LETTERS = {"ui-font-size1": "20px", "content-font-size1": "20px", "code-font-size": "20px"}
PACKS = ("jupyterlab-language-pack-de-DE", "jupyterlab-language-pack-zh-CN")
STUDY = "wan_nb.study({'calm': 'a', 'wild': 'b'}, name='walk', first_frame='cat.jpg', duration=2, seeds=[1, 2])"
CELLS = (
    STUDY,
    "wan_nb.form()",
    f"study = {STUDY}.submit(max_cost=99).wait(); study.vote()",
    "study.compare()",
    "wan_nb.board()",
    "wan_nb.submit('a dog', first_frame='cat.jpg', duration=2)",
)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    return beside(tmp_path_factory.mktemp("languages") / "venv", *PACKS)


@pytest.mark.parametrize(("locale", "menu"), [("de_DE", "Datei"), ("zh_CN", "文件")])
def test_nothing_is_cut_or_lies_on_something_else(
    browser: Any, python: str, simulator: Any, tmp_path: Path, shots: Path, locale: str, menu: str
) -> None:
    simulator.config(run=0.5, clips="full")
    settings = {
        "@jupyterlab/translation-extension:plugin": {"locale": locale},
        "@jupyterlab/apputils-extension:themes": {"overrides": LETTERS},
        "@jupyterlab/notebook-extension:tracker": {"windowingMode": "full"},
    }
    server = Server(tmp_path, python=python, settings=settings)
    context = browser.new_context(viewport={"width": 1100, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(60_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        shutil.copy(REPO / "notebooks/data/cat.jpg", server.notebooks / "cat.jpg")
        connect = f"import wan_nb; wan_nb.connect({simulator.url!r}, api_key='sk-test', gap=0.05)"
        server.write("a.ipynb", connect, *CELLS)
        book = Notebook(page, server, "a.ipynb")
        page.get_by_role("menuitem", name=menu, exact=True).wait_for()
        for index in range(len(CELLS) + 1):
            if index == len(CELLS):
                simulator.config(run=600.0)
            book.run(index, timeout=120)
        assert page.evaluate("getComputedStyle(document.body).getPropertyValue('--jp-ui-font-size1')").strip() == "20px"
        for width in (1100, 360):
            page.set_viewport_size({"width": width, "height": 1000})
            for index, view in enumerate((".wan-main", ".wan-form", ".wan-c", ".wan-c", ".wan-board", ".wan-board"), 1):
                page.evaluate(f"jupyterapp.shell.currentWidget.content.scrollToItem({index})")
                place = _cell(page, index).locator(view).first
                place.wait_for()
                page.wait_for_function("!document.body.innerText.includes('Preparing')")
                place.scroll_into_view_if_needed()
                page.screenshot(path=shots / f"lab-{locale}-{width}-{index}.png")
                root = place if view != ".wan-main" else place.locator("xpath=..")
                assert root.evaluate(FAULTS) == [], (view, width)
        assert errors == []
    finally:
        context.close()
        server.close()


def _cell(page: Any, index: int) -> Any:
    """A cell by its number, wherever the window of the notebook stands."""
    return page.locator(f".jp-Cell[data-windowed-list-index='{index}']")
