"""Comparison and vote in JupyterLab: keys stay in the widget, bytes stay out of the notebook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wan_nb.widgets.assets import PLAYER, module

if TYPE_CHECKING:
    from pathlib import Path


VIDEOS = "[...document.querySelectorAll('video.wan-c-video')]"
READY = f"{VIDEOS}.length === 2 && {VIDEOS}.every((video) => video.readyState === 4)"

CELL = """
from pathlib import Path
from wan_nb.widgets.compare import CompareWidget
from wan_nb.widgets.vote import VoteWidget
films = Path({films!r})
size = dict(fps=24, width=480, height=272)
clips = [dict(id=name, label=label, variant=label, block="cat", prompt=label, video=films / f"{{name}}.mp4", **size)
         for name, label in (("clip0", "calm"), ("clip1", "fast"))]
pairs = [dict(left=clips[0], right=clips[1])] * 3
votes = []
def record(*vote): votes.append(vote[1])
CompareWidget(clips) if {compare} else VoteWidget(lambda: pairs.pop() if pairs else None, record, lambda: None)
"""


def structure(notebook: Any) -> Any:
    """Kinds and sources of all cells: what a stray shortcut would change."""
    return notebook.page.evaluate(
        "jupyterapp.shell.currentWidget.content.widgets.map(({ model }) => [model.type, model.sharedModel.getSource()])"
    )


def test_no_key_of_a_comparison_reaches_the_notebook_and_nothing_swells_it(notebook: Any, films: Path) -> None:
    book = notebook("compare.ipynb", CELL.format(films=str(films), compare=True), "1 + 1")
    book.run(0)
    book.wait_html(0)
    page = book.page
    page.wait_for_function(READY)
    before = structure(book)
    root = page.locator(".wan-c")
    page.evaluate("jupyterapp.shell.currentWidget.content.mode = 'command'")
    root.focus()
    for key in root.get_attribute("aria-keyshortcuts").split():
        page.keyboard.press(key)
        page.keyboard.press(key)
    # Keys that mean nothing here would cut, insert, delete or change cells if the notebook heard them.
    for key in ("a", "b", "d", "d", "c", "y", "r", "z", "j", "k", "o"):
        page.keyboard.press(key)
    assert structure(book) == before
    page.wait_for_function("document.activeElement.closest('.wan-c') !== null")
    book.wait_html(0)
    saved = book.save()
    (still,) = (output.data for output in saved.cells[0].outputs)
    assert set(still) == {"text/html", "text/plain"}
    assert len(json.dumps(saved.cells[0].outputs)) < 5_000
    assert "wan-c-still" in still["text/html"]
    assert "calm: calm" in still["text/plain"]
    page.locator(".wan-c-still").first.wait_for(state="hidden")  # until there is no kernel
    assert "widgets" not in saved.metadata

    again = notebook("compare.ipynb")  # the page is loaded again: the comparison goes on
    again.page.wait_for_function(READY)
    again.shut_kernel_down()
    dead = notebook("compare.ipynb")
    dead.page.locator(".wan-c-still").wait_for()
    assert "model not found" not in dead.page.content()


def test_no_key_of_a_vote_reaches_the_notebook(notebook: Any, films: Path) -> None:
    book = notebook("vote.ipynb", CELL.format(films=str(films), compare=False), "print(votes)")
    book.run(0)
    book.wait_html(0)
    page = book.page
    page.wait_for_function(READY)
    before = structure(book)
    page.evaluate("jupyterapp.shell.currentWidget.content.mode = 'command'")
    page.locator(".wan-c").focus()
    for key in ("1", "9"):
        page.wait_for_selector(".wan-c-vote [data-outcome=left]:not([hidden]):not([disabled])")
        page.keyboard.press(key)
        page.wait_for_selector(".wan-c-next:not([hidden])")
        if key == "1":
            page.keyboard.press("Enter")
    for key in page.locator(".wan-c").get_attribute("aria-keyshortcuts").split():
        if key not in {"s", "u", "Space"}:  # they go on, or back: "Next pair" has the focus now
            page.keyboard.press(key)
    assert structure(book) == before
    book.run(1)
    assert "['left', 'both_bad']" in book.outputs(1)[0]["text"]


def test_a_second_view_of_the_same_widget_plays_too_and_a_closed_one_lets_go(notebook: Any, films: Path) -> None:
    book = notebook("views.ipynb", CELL.format(films=str(films), compare=True), "_")
    book.run(0)
    book.page.wait_for_function(READY)
    book.run(1)
    book.page.wait_for_function(READY.replace("=== 2", "=== 4"))
    book.page.evaluate("jupyterapp.shell.currentWidget.content.widgets[1].model.clearExecution()")
    book.page.wait_for_function(READY)


def test_state_that_is_saved_with_the_widget_stays_small() -> None:
    assert len(module(*PLAYER, "compare")) < 38_000
    assert len(module(*PLAYER, "vote")) < 38_000


def test_a_click_on_a_clip_is_enough_to_be_heard(notebook: Any, films: Path) -> None:
    """From another cell, where the notebook's selection was."""
    book = notebook("click.ipynb", CELL.format(films=str(films), compare=False), "print(votes)")
    book.run(0)
    book.wait_html(0)
    page = book.page
    page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
    page.locator(".jp-Cell").nth(1).locator(".jp-InputPrompt").click()
    page.wait_for_selector(".wan-c-vote [data-outcome=left]:not([hidden]):not([disabled])")
    page.locator("video").first.click()
    page.keyboard.press("1")
    page.wait_for_selector(".wan-c-next:not([hidden])")
    book.run(1)
    assert "['left']" in book.outputs(1)[0]["text"]
