"""Orders that changed, takes, and edits under way, by mouse and by keyboard in JupyterLab."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from .lab import REPO
from .waiting import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIRST = "%%wan -f cat.jpg -d 2 --out s1 --wait\na cat walks slowly"
NEXT = "%%wan -f {{s1}} -d 2 --out s2 --max-cost 5 --wait\na dog follows"
STUDY = "%%wan -f cat.jpg -d 2 --seeds 1,2,3,4,5,6,7,8,9,10 --name walk --out study\n--- calm\na cat wlaks"
THEMES = ("JupyterLab Dark", "JupyterLab Light")


@pytest.fixture
def setup(simulator: Any, server: Any) -> Callable[[str], str]:
    """First cell of a notebook in a folder of its own, with the cat beside it."""
    simulator.config(clips="small", run=0.5)

    def write(folder: str) -> str:
        (server.notebooks / folder).mkdir()
        shutil.copy(REPO / "notebooks/data/cat.jpg", server.notebooks / folder / "cat.jpg")
        return f'%load_ext wan_nb\nimport wan_nb; wan_nb.connect({simulator.url!r}, api_key="sk-test", gap=0.2)'

    return write


def creates(simulator: Any) -> int:
    return int(simulator.counters()["creates_received"])


def edit(book: Any, index: int, source: str) -> None:
    """Type another text into a cell."""
    book.page.evaluate(
        "([i, text]) => jupyterapp.shell.currentWidget.content.widgets[i].model.sharedModel.setSource(text)",
        [index, source],
    )


def shown(book: Any, index: int, path: Path, name: str, axe: Any, *parts: str) -> None:
    """Look at a cell, light and dark."""
    for theme in THEMES:
        book.theme(theme)
        for part in parts:
            assert axe(book.page, part) == []
        book.page.locator(".jp-Cell").nth(index).screenshot(
            path=path / f"{name}-{theme.rpartition(' ')[2].lower()}.png"
        )


def test_a_chain_asks_and_its_button_buys_once(
    notebook: Any, setup: Any, simulator: Any, shots: Path, axe: Any
) -> None:
    book = notebook("chain/a.ipynb", setup("chain"), FIRST, NEXT, "print(s2.id)")
    for index in range(3):
        book.run(index)
    book.run(3)
    old = book.cell(3).inner_text().strip()
    edit(book, 1, FIRST.replace("--wait", "--wait --take 2"))
    for _run_all in range(2):
        for index in (1, 2, 3):
            book.run(index)
        assert book.cell(3).inner_text().strip() == old, "until it is answered the cell holds the old clip"
    assert creates(simulator) == 3
    cell = book.cell(2)
    cell.get_by_text("Its first frame comes out of another clip than before").wait_for()
    button = cell.get_by_role("button", name="Make a new one for ≈ CNY 1.20")
    button.wait_for()
    cell.locator("video").first.wait_for()
    shown(book, 2, shots, "offer", axe, ".wan-widget")
    button.focus()
    book.page.keyboard.press("Enter")
    book.page.keyboard.press("Enter")
    expect(cell.last).to_have_text(re.compile(r"Reused run[\s\S]*✓ done "))
    said = cell.last.inner_text()
    assert said.index("Reused run") < said.rindex("SIMULATED"), "the new clip comes last"
    assert said.count("Reused run") == 1
    shown(book, 2, shots, "offer-taken", axe)
    book.run(3)
    new = book.cell(3).inner_text().strip()
    assert new != old
    for index in (1, 2, 3):
        book.run(index)
    assert book.cell(3).inner_text().strip() == new
    assert cell.get_by_role("button", name="Make a new one").count() == 0
    assert creates(simulator) == 4
    assert all(
        set(output.data) == {"text/html", "text/plain"} for output in book.save().cells[2].outputs if "data" in output
    )


def test_takes_are_bought_and_pinned_by_mouse(notebook: Any, setup: Any, simulator: Any, shots: Path, axe: Any) -> None:
    book = notebook("takes/a.ipynb", setup("takes"), FIRST, "print(s1.take)", "wan_nb.board()")
    book.run(0)
    book.run(1)
    cell = book.cell(1)
    cell.get_by_role("button", name="Again").first.click()
    cell.get_by_text("take 2 of 2").first.wait_for()
    assert creates(simulator) == 2
    book.run(3)
    board = book.cell(3)
    board.get_by_role("button", name="Pin take 2").first.click()
    board.get_by_text("show take 2 from now on").first.wait_for()
    shown(book, 3, shots, "takes-board", axe, ".wan-board")
    book.run(1)
    book.run(2)
    assert book.printed(2) == "2"
    cell.get_by_text("Take 2 of 2").first.wait_for()
    shown(book, 1, shots, "takes-card", axe)
    assert creates(simulator) == 2


def test_a_prompt_corrected_in_mid_study_is_offered_on_the_board_too(
    notebook: Any, setup: Any, simulator: Any, shots: Path, axe: Any
) -> None:
    book = notebook("edits/a.ipynb", setup("edits"), STUDY, STUDY.replace("wlaks", "walks"))
    simulator.config(run=600.0, queue=600.0)
    book.run(0)
    book.run(1)
    book.wait_html(1)
    first = book.cell(1)
    first.get_by_role("button", name="Buy 10 clips").click()
    first.locator(".wan-row").nth(9).wait_for()
    book.run(2)
    corrected = book.cell(2)
    corrected.get_by_text("not yet sent have an older prompt").first.wait_for()
    offer = first.locator(".wan-offer")
    expect(offer).to_contain_text("not yet sent have an older prompt")
    shown(book, 1, shots, "edits-board", axe, ".wan-offer")
    shown(book, 2, shots, "edits-plan", axe)
    offer.get_by_role("button", name="Cancel them and buy the new ones").click()
    first.get_by_text("canceled").first.wait_for()
    for task in simulator.tasks():
        simulator.do(task["task_id"], "finish")
    offer.wait_for(state="hidden")
    assert sum("a cat wlaks" in str(task) for task in simulator.tasks()) < 10
