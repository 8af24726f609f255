"""JupyterLab as some people have it: German or Chinese, large letters, cells that are taken off the page, 360 px."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from .lab import Notebook, Server, write_settings
from .programs import REPO, beside
from .test_lab import play
from .test_sizes import without_faults

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LETTERS = {"ui-font-size1": "20px", "content-font-size1": "20px", "code-font-size": "20px"}
STUDY = "wan_nb.study({'calm': 'a', 'wild': 'b'}, name='walk', first_frame='cat.jpg', duration=2, seeds=[1, 2])"
CELLS = (
    STUDY,
    "wan_nb.form()",
    f"study = {STUDY}.submit(max_cost=99).wait(); study.vote()",
    "study.compare()",
    "wan_nb.board()",
    "wan_nb.submit('a dog', first_frame='cat.jpg', duration=3)",
)
VIEWS = (".wan-main", ".wan-form", ".wan-c", ".wan-c", ".wan-board")


MENUS = {"de_DE": "Datei", "zh_CN": "文件"}


def settings(locale: str) -> dict[str, dict[str, Any]]:
    return {
        "@jupyterlab/translation-extension:plugin": {"locale": locale},
        "@jupyterlab/apputils-extension:themes": {"overrides": LETTERS},
        "@jupyterlab/notebook-extension:tracker": {"windowingMode": "full"},
    }


def opened(page: Any, server: Server, locale: str) -> Notebook:
    """The notebook, in that language."""
    book = Notebook(page, server, "a.ipynb")
    page.get_by_role("menuitem", name=MENUS[locale]).first.wait_for()
    assert page.evaluate("getComputedStyle(document.body).getPropertyValue('--jp-ui-font-size1')").strip() == "20px"
    page.evaluate("jupyterapp.shell.collapseLeft()")
    return book


def bring(book: Notebook, index: int) -> Any:
    """Scroll to a cell, which is put on the page again for that."""
    book.page.evaluate(
        """index => {
          const notebook = jupyterapp.shell.currentWidget.content;
          notebook.activeCellIndex = index;
          notebook.scrollToItem(index);
        }""",
        index,
    )
    return book.page.locator(f".jp-Cell[data-windowed-list-index='{index}']")


@pytest.fixture
def translated(tmp_path: Path) -> Iterator[Server]:
    python = beside(tmp_path / "venv", "jupyterlab-language-pack-de-DE", "jupyterlab-language-pack-zh-CN")
    with Server(tmp_path / "lab", python=python, settings=settings("de_DE")) as server:
        yield server


@pytest.mark.front_end(
    "JupyterLab in German and Chinese, with letters of 20 px, in 360 px, with the windowing mode full",
    "nothing is cut or lies on something else; a clip that ends while its cell is off the page stands there afterwards",
)
def test_nothing_is_cut_and_what_ends_off_the_page_stands_there_later(
    translated: Server, page: Any, simulator: Any, tmp_path: Path, shots: Path
) -> None:
    simulator.config(run=0.5, clips="full")
    shutil.copy(REPO / "notebooks/data/cat.jpg", translated.notebooks / "cat.jpg")
    translated.write(
        "a.ipynb", f"import wan_nb; wan_nb.connect({simulator.url!r}, api_key='sk-test', gap=0.05)", *CELLS
    )
    page.set_viewport_size({"width": 1100, "height": 800})
    book = opened(page, translated, "de_DE")
    last = len(CELLS)
    for index in range(last):
        book.run(index)
    simulator.config(run=2.0)
    book.run(last)
    bring(book, last).locator(".wan-board").wait_for()
    bring(book, 0)
    page.wait_for_function(
        "index => document.querySelector(`[data-windowed-list-index='${index}']`).style.display === 'none'",
        arg=last,
    )
    book.wait_html(last, "done")  # while it is off the page
    card = bring(book, last).locator("video[controls]")
    card.wait_for()
    play(page, card)
    bring(book, last - 1).get_by_text("5 done").first.wait_for()
    fits(book, shots, "de_DE")
    book.save()
    write_settings(tmp_path / "lab", settings("zh_CN"))
    page.set_viewport_size({"width": 1100, "height": 800})
    book = opened(page, translated, "zh_CN")
    book.theme("JupyterLab Dark")
    fits(book, shots, "zh_CN")


def fits(book: Notebook, shots: Path, locale: str) -> None:
    """Nothing of any view is cut or lies on something else, in a wide window and a narrow one."""
    page = book.page
    for width in (1100, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for index, view in enumerate(VIEWS, 1):
            place = bring(book, index).locator(view).first
            place.wait_for()
            page.wait_for_function("!document.body.innerText.includes('Preparing')")
            place.scroll_into_view_if_needed()
            page.screenshot(path=shots / f"lab-{locale}-{width}-{index}.png")
            without_faults(place.locator("xpath=..") if view == ".wan-main" else place, f"{locale}, {view}, {width} px")
