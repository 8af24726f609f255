"""Text is shown as typed in JupyterLab and Notebook 7, which typeset formulas, and long names leave nothing out."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from .lab import REPO
from .waiting import expect

if TYPE_CHECKING:
    from pathlib import Path

PROMPT = (
    r"a price tag changes from $5 to $10, \(\href{https://example.org/evil}{x}\), $$y$$ and \[z\] "
    r"\begin{equation}q\end{equation} &amp; <b>_it_ *b* `c` see https://example.org/shop"
)
NAMES = ["calm" + "n" * 92 + "one", "calm" + "n" * 92 + "two"]
STUDY = "study-" + "s" * 90
CONTROL = r"from IPython.display import HTML; HTML('<p id=control>$x^2$ and \\(y\\)</p>')"
TYPESET = "mjx-container, .MathJax, .MathJax_Display, math"
WITHIN = """index => [...jupyterapp.shell.currentWidget.content.widgets[index].node
  .querySelectorAll(".jp-OutputArea-output")].every((node) => node.scrollWidth <= node.clientWidth + 1)"""

# Each output stands in a cell of its own, so that a wrong one is named by its number.
CELLS = {
    "card": "run = wan_nb.submit(P, first_frame='cat.jpg', duration=2, tags='demo').wait(); run",
    "live board": "wan_nb.board()",
    "plan": "prompts = dict(zip(N, [P + ' one', P + ' two']))\n"
    "study = wan_nb.study(prompts, name=S, first_frame='cat.jpg', duration=2); study",
    "board": "study.submit(max_cost=10).wait(); study",
    "table": "wan_nb.runs().wan.play()",
    "compare": "study.compare()",
    "vote": "study.vote()",
    "ranking": "with_votes(study); study.ranking()",
    "form": "wan_nb.form(run)",
    "error": "wan_nb.submit(P, first_frame='$5 to $10.png')",
    "control": CONTROL,
}
VOTES = """
def with_votes(study):
    sitting = study.ballot(rater="Ada")
    pair = sitting.next()
    sitting.record(pair, "left")
"""


@pytest.fixture
def setup(simulator: Any, server: Any) -> Any:
    simulator.config(clips="full", run=0.2)

    def write(folder: str) -> str:
        (server.notebooks / folder).mkdir()
        shutil.copy(REPO / "notebooks/data/cat.jpg", server.notebooks / folder / "cat.jpg")
        return (
            f'import wan_nb; wan_nb.connect({simulator.url!r}, api_key="sk-test", gap=0.1)\n'
            f"P, N, S = {PROMPT!r}, {NAMES!r}, {STUDY!r}\n{VOTES}"
        )

    return write


def run_all(book: Any) -> None:
    book.run(0)
    for number, name in enumerate(CELLS, 1):
        book.wait_idle()
        book.start(number)
        book.page.wait_for_function("index => window.ended.has(index)", arg=number)
        if name != "error":
            assert not [one for one in book.outputs(number) if one["output_type"] == "error"], name
    control = book.cell(len(CELLS))
    control.scroll_into_view_if_needed()
    control.locator(TYPESET).first.wait_for()  # formulas are typeset on this page


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_prompts_with_formulas_and_markup_are_shown_as_typed(notebook: Any, setup: Any, app: str, shots: Path) -> None:
    book = notebook(f"typed-{app}/a.ipynb", setup(f"typed-{app}"), *CELLS.values(), app=app)
    run_all(book)
    check(book, app, shots)
    book.save()
    book.shut_kernel_down()
    again = notebook(f"typed-{app}/a.ipynb", app=app)
    again.cell(len(CELLS)).scroll_into_view_if_needed()
    again.cell(len(CELLS)).locator(TYPESET).first.wait_for()
    check(again, f"{app}-saved", shots)


def check(book: Any, called: str, shots: Path) -> None:
    shown_as_text = {"card", "plan", "table", "compare"}
    for number, name in enumerate(CELLS, 1):
        if name == "control":
            continue
        cell = book.cell(number)
        cell.first.scroll_into_view_if_needed()
        if name in shown_as_text:
            expect(book.area(number)).to_contain_text("from $5 to $10, ")
        if name in {"plan", "board", "table", "compare"}:
            for label in NAMES:
                expect(book.area(number)).to_contain_text(label)
        assert cell.locator(TYPESET).count() == 0, f"{name} is typeset"
        assert cell.locator("a[href*='example.org']").count() == 0, f"{name} has a live link"
        if name in {"plan", "board", "compare", "ranking", "table", "card"}:  # nothing runs out of its cell
            book.page.wait_for_function(WITHIN, arg=number)
        for theme in ("Light", "Dark"):
            if called in {"lab", "notebook"}:
                book.theme(f"JupyterLab {theme}")
                cell.first.screenshot(path=shots / f"typed-{called}-{name.replace(' ', '-')}-{theme.lower()}.png")
