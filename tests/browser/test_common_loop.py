"""Change a prompt, run its cell, compare: what a person does all day, in JupyterLab."""

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

CELL = "%%wan -f cat.jpg -d 2\na cat walks slowly"


@pytest.fixture
def setup(simulator: Any, server: Any) -> Callable[[str], str]:
    """First cell of a notebook in a folder of its own, with the cat beside it."""
    simulator.config(clips="full", run=1.0)

    def write(folder: str) -> str:
        (server.notebooks / folder).mkdir()
        shutil.copy(REPO / "notebooks/data/cat.jpg", server.notebooks / folder / "cat.jpg")
        return f'%load_ext wan_nb\nimport wan_nb; wan_nb.connect({simulator.url!r}, api_key="sk-test", gap=0.2)'

    return write


def edit(book: Any, index: int, source: str) -> None:
    """Type another text into a cell."""
    book.page.evaluate(
        "([i, text]) => jupyterapp.shell.currentWidget.content.widgets[i].model.sharedModel.setSource(text)",
        [index, source],
    )


def done(book: Any, index: int) -> Any:
    """The card of a clip that has ended, with what is of use beneath it."""
    after = book.cell(index).locator(".wan-after .wan-board")
    after.wait_for()
    return after


def test_change_run_compare_is_two_acts(notebook: Any, setup: Any, simulator: Any, shots: Path, axe: Any) -> None:
    book = notebook("loop/a.ipynb", setup("loop"), CELL)
    book.run(0)
    book.run(1)
    first = done(book, 1)
    expect(first.get_by_role("button", name="Compare with the last one")).to_be_hidden()
    edit(book, 1, CELL.replace("slowly", "quickly"))
    book.run(1)  # the first act
    button = done(book, 1).get_by_role("button", name="Compare with the last one")
    button.click()  # the second one
    compared = book.cell(1).locator(".wan-c")
    compared.get_by_text("2 clips").wait_for()
    expect(compared.locator("del, ins")).to_have_text(["slowly", "quickly"])
    expect(compared.locator("video")).to_have_count(2)
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        book.theme(theme)
        assert axe(book.page, ".wan-c") == []
        assert axe(book.page, ".wan-after") == []
        book.cell(1).first.screenshot(path=shots / f"loop-{theme.rpartition(' ')[2].lower()}.png")
    book.wait_html(1)
    saved = book.save()
    assert all(set(output.data) == {"text/html", "text/plain"} for output in saved.cells[1].outputs)
    button.click()
    compared.wait_for(state="detached")
    assert len(simulator.tasks()) == 2


def test_a_clip_that_was_there_before_has_the_same_buttons(notebook: Any, setup: Any, simulator: Any) -> None:
    book = notebook("there/a.ipynb", setup("there"), CELL, CELL.replace("slowly", "quickly"))
    for index in range(3):
        book.run(index)
    done(book, 2)
    book.run(1)
    again = done(book, 1)
    again.get_by_role("button", name=re.compile("^4 stars")).click()
    book.cell(1).get_by_text("★★★★☆").first.wait_for()
    again.get_by_role("button", name="Compare with the last one").click()
    book.cell(1).locator(".wan-c").get_by_text("2 clips").wait_for()
    assert len(simulator.tasks()) == 2


def test_stars_drop_note_and_tags_by_mouse(notebook: Any, setup: Any, shots: Path, axe: Any) -> None:
    look = "row = wan_nb.runs().iloc[0]; print(row.rating, row.note, row.tags)"
    book = notebook("marks/a.ipynb", setup("marks"), CELL, look, "wan_nb.board()", "%wan compare")
    for index in range(2):
        book.run(index)
    card = done(book, 1)

    def field(place: Any, name: str, text: str) -> None:
        place.get_by_role("button", name=re.compile(f"^{name}")).click()
        place.get_by_role("textbox", name=re.compile(f"^{name}")).fill(text)
        place.get_by_role("button", name="Keep").locator("visible=true").click()

    def told() -> str:
        book.run(2)
        return book.printed(2)

    card.get_by_role("button", name=re.compile("^4 stars")).click()
    book.cell(1).get_by_text("★★★★☆").first.wait_for()
    field(card, "Note", "the tail <b>drifts</b>")
    book.cell(1).get_by_text("the tail <b>drifts</b>").first.wait_for()
    field(card, "Tags", "keep, bright")
    book.cell(1).get_by_text("#keep").first.wait_for()
    assert told() == "4 the tail <b>drifts</b> keep, bright"
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        book.theme(theme)
        book.cell(1).first.screenshot(path=shots / f"marks-card-{theme.rpartition(' ')[2].lower()}.png")
    book.run(3)
    row = book.cell(3).locator(".wan-row")
    row.get_by_role("button", name=re.compile("^Drop")).click()
    row.get_by_role("button", name=re.compile("^Take back")).wait_for()
    assert told() == "4 the tail <b>drifts</b> keep, bright, dropped"
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        book.theme(theme)
        assert axe(book.page, ".wan-board") == []
        book.cell(3).first.screenshot(path=shots / f"marks-board-{theme.rpartition(' ')[2].lower()}.png")
    row.get_by_role("button", name=re.compile("^Take back")).click()
    row.get_by_role("button", name=re.compile("^Drop")).wait_for()
    edit(book, 1, CELL.replace("slowly", "quickly"))
    book.run(1)
    done(book, 1)
    book.run(4)
    tile = book.cell(4).locator(".wan-c-caption").first
    tile.get_by_role("button", name=re.compile("^2 stars")).click()
    tile.locator("[aria-pressed=true]", has_text="★").wait_for()
    field(tile, "Tags", "first")
    tile.get_by_text("#first").wait_for()
    edit(book, 2, look.replace("[0]", "[1]"))
    assert told() == "2 the tail <b>drifts</b> first"


def test_a_clip_that_ended_while_scrolled_away_stands_once(notebook: Any, setup: Any, simulator: Any) -> None:
    filler = "print('\\n' * 60)"
    book = notebook("away/a.ipynb", setup("away"), CELL, *[filler] * 12)
    simulator.config(run=600.0)
    for index in range(14):
        book.run(index)
    page = book.page
    page.evaluate("jupyterapp.shell.currentWidget.content.scrollToItem(13)")
    simulator.do(simulator.tasks()[0]["task_id"], "finish")
    book.wait_html(1, "done")
    page.evaluate("jupyterapp.shell.currentWidget.content.scrollToItem(1)")
    cell = book.cell(1)
    expect(cell.locator("video[controls]:visible")).to_have_count(1)
    expect(cell.locator("video[controls]")).to_have_count(1)
    shown = cell.locator(".wan-board:visible")
    expect(shown.locator(":is(.wan-pill, .wan-film, .wan-prompt):visible")).to_have_count(0)
