"""A gallery in JupyterLab: pages, filters and order by keyboard, light and dark, and what is saved of it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

from log_history import log_of

from .harness import mount
from .lab import REPO
from .waiting import expect, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUNS = 100
OPEN = """%load_ext wan_nb
import wan_nb; session = wan_nb.Session("simulator", log="runs.db", folder=".")
session.runs().wan.play()"""


ANSWER = """([asked, page]) => {
  const { choice } = model.get("shown");
  model.set("shown", { choice: { ...choice, page }, pages: 9, said: "", of: model.sent[asked].of });
}"""


def seen(book: Any, text: str) -> None:
    """Wait until the table says this."""
    book.page.wait_for_function("text => document.querySelector('.jp-OutputArea')?.innerText.includes(text)", arg=text)


def test_pressed_twice_before_the_answer_it_goes_two_pages_on(page: Any) -> None:
    choice = {"status": "", "study": "", "text": "", "rating": "", "sort": "-created_at", "page": 1}
    choices = {"states": [["", "any"]], "studies": [], "ratings": [["", "any"]], "sorts": [["-created_at", "newest"]]}
    mount(page, "gallery.js", {"choices": choices, "shown": {"choice": choice, "pages": 9, "said": ""}})
    following = page.get_by_role("button", name="Next page")
    following.dblclick()
    assert page.evaluate("model.sent.map(({ page }) => page)") == [2, 3]
    page.evaluate(ANSWER, [0, 2])  # which is overtaken: the other one is still to come
    following.click()
    assert page.evaluate("model.sent.map(({ page }) => page)") == [2, 3, 4]
    page.evaluate(ANSWER, [2, 9])
    following.dispatch_event("click")  # the last page has none after it
    page.get_by_role("button", name="Previous page").click()
    assert page.evaluate("model.sent.map(({ page }) => page)") == [2, 3, 4, 8]


def test_a_person_finds_a_clip_by_keyboard(
    notebook: Any, server: Any, shots: Path, axe: Callable[..., list[str]], tmp_path: Path
) -> None:
    folder = server.notebooks / "gallery"
    (folder / "videos").mkdir(parents=True)
    log_of(RUNS, tmp_path).close()
    (made,) = tmp_path.glob("*.db")
    clip = max((REPO / "tests/data/edition1").rglob("*.mp4"), key=lambda one: one.stat().st_size)
    for number in range(RUNS - 10, RUNS):
        shutil.copy(clip, folder / f"videos/{number}.mp4")
    database = sqlite3.connect(made)
    with database:
        database.execute("UPDATE runs SET rating = 5, note = 'the one that glows' WHERE video = 'videos/42.mp4'")
        database.execute("INSERT INTO studies (name, saved_at, plan) VALUES ('study 0', 1, '{}')")
    database.close()
    shutil.copy(made, folder / "runs.db")

    book = notebook("gallery/gallery.ipynb", OPEN)
    page = book.page
    book.run(0)
    book.wait_html(0, "study 0")
    seen(book, "Runs 1 to 30 of 100: .wan.play(page=2)")
    page.wait_for_selector(".jp-OutputArea details img")
    before = book.structure()
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        book.theme(theme)
        assert axe(page, ".jp-OutputArea") == []
        page.locator(".jp-Cell").first.screenshot(path=shots / f"gallery-{theme.rpartition(' ')[2].lower()}.png")

    page.get_by_role("searchbox", name="Text").focus()
    page.keyboard.type("glows bad", delay=20)  # a `b` of JupyterLab would insert a cell
    seen(book, "None of these 100 runs passes: text glows bad.")
    for _ in range(4):
        page.keyboard.press("Backspace")
    seen(book, "1 of 100 runs: text glows")
    seen(book, "the one that glows")
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    seen(book, "Runs 1 to 30 of 100: .wan.play(page=2)")
    page.get_by_role("button", name="Next page").focus()
    page.keyboard.press("Enter")
    seen(book, "Runs 31 to 60 of 100: .wan.play(page=3)")
    page.keyboard.press("Space")  # the focus is where it was
    seen(book, "Runs 61 to 90 of 100: .wan.play(page=4)")
    page.get_by_role("combobox", name="Order").focus()
    page.keyboard.type("best")
    page.keyboard.press("Tab")
    seen(book, "Runs 1 to 30 of 100: .wan.play(page=2, sort='-rating') shows others")
    expect(page.locator(".jp-OutputArea tbody tr").first).to_contain_text("★")
    page.get_by_role("combobox", name="State").focus()
    page.keyboard.type("failed")
    page.keyboard.press("Tab")
    seen(book, "state FAILED")
    page.set_viewport_size({"width": 480, "height": 900})
    page.locator(".wan-gallery").screenshot(path=shots / "gallery-narrow.png")
    page.wait_for_function(
        "(() => { const g = document.querySelector('.wan-gallery'); return g.scrollWidth <= g.clientWidth })()"
    )
    assert book.structure() == before

    until(page, lambda: "state FAILED" in json.dumps(book.outputs(0)))
    saved = book.save()
    outputs = saved.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" not in json.dumps(outputs)
    assert len(json.dumps(outputs, ensure_ascii=False).encode()) <= 300_000
    assert "state FAILED" in json.dumps(outputs)
