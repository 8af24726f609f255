"""Real-time collaboration: two pages of one notebook, with jupyter-collaboration in an environment of its own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from .lab import REPO, Notebook, Server
from .programs import beside
from .waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLAN = "wan_nb.study({'calm': 'a', 'wild': 'b'}, name='walk', first_frame='cat.jpg', duration=2, seeds=[1, 2])"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("rtc")
    server = Server(root, python=beside(root / "venv", "jupyter-collaboration"))
    yield server
    server.close()


@pytest.mark.front_end(
    "two pages of one notebook (jupyter-collaboration)",
    "one output a cell in both; what is typed, voted, taken back and starred in one stands in the other",
)
def test_both_pages_show_one_output_a_cell_and_stay_equal(
    browser: Any, shared: Server, simulator: Any, shots: Path
) -> None:
    simulator.config(run=0.5, clips="full")
    shutil.copy(REPO / "notebooks/data/cat.jpg", shared.notebooks / "cat.jpg")
    connect = f"import wan_nb; wan_nb.connect({simulator.url!r}, api_key='sk-test', gap=0.05)"
    cells = [connect, "wan_nb.form()", PLAN, f"study = {PLAN}.submit(max_cost=99).wait(); study.vote()"]
    cells += ["study.compare()", "wan_nb.board()"]
    shared.write("a.ipynb", *cells)
    context = browser.new_context(viewport={"width": 1000, "height": 1500})
    context.set_default_timeout(PATIENCE * 1000)
    try:
        one, two = (Notebook(context.new_page(), shared, "a.ipynb") for _ in range(2))
        one.page.bring_to_front()
        for index in range(3):
            one.run(index)
        one.cell(2).get_by_role("button", name="Buy 4 clips").wait_for()
        for index in range(3, 6):
            one.run(index)
        for book in (one, two):
            book.page.bring_to_front()
            book.cell(1).locator(".wan-form textarea").first.wait_for()
            # What stands in a cell stands there once, in the order in which it was shown: the plan, what buys it, and
            # what races it.
            book.page.wait_for_function(
                "(area) => [...area.querySelectorAll('table, .wan-main')].map((el) => el.tagName).join() === "
                "'TABLE,BUTTON,BUTTON'",
                arg=book.area(2).element_handle(),
            )
            book.cell(3).locator(".wan-c-vote [data-outcome=left]:not([disabled])").wait_for()
            book.cell(4).locator(".wan-star").first.wait_for()
            for index in range(1, 6):
                book.wait_html(index)
                assert len(book.outputs(index)) == 1
        # What one types and answers, the other sees.
        one.page.bring_to_front()
        one.cell(1).get_by_label("Prompt", exact=True).fill("a cat walks")
        one.cell(1).get_by_label("First frame, path or URL").fill("cat.jpg")
        one.cell(1).get_by_label("First frame, path or URL").press("Enter")
        one.cell(1).get_by_text("JPEG").first.wait_for()
        # A vote in one is a vote in the other, with what it has revealed, the next pair, and taking it back.
        one.cell(3).locator(".wan-c").focus()
        one.page.keyboard.press("1")
        one.cell(3).get_by_role("button", name="Next pair").wait_for()
        one.page.wait_for_function("document.activeElement.className === 'wan-c-next'")  # the focus is where it was
        two.page.bring_to_front()
        two.cell(3).get_by_text("1 vote", exact=True).wait_for()
        told = [book.cell(3).locator(".wan-c-sentence").inner_text() for book in (one, two)]
        assert told[0] == told[1]
        assert told[0].startswith("Stored: the first. ")
        two.cell(3).get_by_role("button", name="Next pair").click()
        two.cell(3).locator(".wan-c-vote [data-outcome=left]:not([disabled])").click()
        one.page.bring_to_front()
        one.cell(3).get_by_text("2 votes", exact=True).wait_for()
        one.cell(3).get_by_role("button", name="u Undo").click()
        two.page.bring_to_front()
        two.cell(3).get_by_text("1 vote", exact=True).wait_for()
        # So are stars of a comparison, in it and on the board.
        two.cell(4).get_by_role("button", name="4 stars: calm").first.click()
        for book in (one, two):
            book.page.bring_to_front()
            for index in (4, 5):
                book.cell(index).locator("[aria-label^='4 stars:'][aria-pressed=true]").wait_for()
        two.page.bring_to_front()
        two.cell(1).get_by_text("JPEG").first.wait_for()
        two.page.wait_for_function("document.querySelector('.wan-form textarea').value === 'a cat walks'")
        for name, book, theme in (("first", one, "Light"), ("second", two, "Dark")):
            book.page.bring_to_front()
            book.theme(f"JupyterLab {theme}")
            book.area(1).screenshot(path=shots / f"rtc-form-{name}.png")
            book.area(3).screenshot(path=shots / f"rtc-vote-{name}.png")
        one.wait_html(3, "1 vote.")
        saved = one.save()
        assert "1 vote." in saved.cells[3].outputs[0].data["text/plain"]
        assert all(set(cell.outputs[0].data) == {"text/html", "text/plain"} for cell in saved.cells[1:])
        # A page that comes later has all of it too, also what is revealed just now; it changes nothing for the others.
        one.page.bring_to_front()
        one.cell(3).locator(".wan-c-vote [data-outcome=left]:not([disabled])").click()
        one.cell(3).get_by_role("button", name="Next pair").wait_for()
        late = Notebook(context.new_page(), shared, "a.ipynb")
        late.page.wait_for_function("document.querySelector('.wan-form textarea')?.value === 'a cat walks'")
        late.cell(3).get_by_text("2 votes", exact=True).wait_for()
        for book in (late, one, two):
            book.page.bring_to_front()
            book.cell(3).get_by_role("button", name="Next pair").wait_for()
            names = book.cell(3).locator(".wan-c-name")
            until(book.page, lambda names=names: sorted(names.all_inner_texts()) == ["calm", "wild"])
        late.cell(4).locator("[aria-label^='4 stars:'][aria-pressed=true]").wait_for()
    finally:
        context.close()
