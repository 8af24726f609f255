"""A race as a person runs it in JupyterLab: a step by the button, votes, the next step, the end, the winner."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

from .lab import REPO
from .waiting import until

if TYPE_CHECKING:
    from pathlib import Path

RACE = """%%wan --race -f cat.jpg --duration 2 --resolution 720P --name walk --out race
--- calm
a cat walks slowly
--- fast
a cat dashes"""

VOTE = """ballot = race.study.ballot()
while asked := ballot.next():
    ballot.record(asked, {how!r} if asked.left_variant == "calm" else {other!r})"""


def test_a_race_from_its_button_to_its_winner(notebook: Any, simulator: Any, server: Any, shots: Path) -> None:
    simulator.config(clips="tiny", run=0.2)
    simulator.limits(submits_per_second=50)
    (server.notebooks / "race").mkdir()
    shutil.copy(REPO / "notebooks/data/cat.jpg", server.notebooks / "race" / "cat.jpg")
    connect = f'%load_ext wan_nb\nimport wan_nb; wan_nb.connect({simulator.url!r}, api_key="sk-test", gap=0.1);'
    level, clear = VOTE.format(how="tie", other="tie"), VOTE.format(how="left", other="right")
    book = notebook("race/a.ipynb", connect, RACE, "race.vote()", level, clear, "%wan rank walk")

    def bought() -> int:
        return int(simulator.counters()["creates_accepted"])

    def buys(clips: int) -> None:
        """Wait until so many have been bought in all."""
        until(book.page, lambda: bought() >= clips)
        assert bought() == clips

    book.run(0)
    book.run(1)
    page = book.page.locator(".jp-Cell").nth(1)
    button = page.get_by_role("button", name="Buy 16 clips")
    button.wait_for()
    page.get_by_text("a clear difference (3 in 4 votes)").wait_for()
    book.page.screenshot(path=shots / "race-begins-light.png")
    assert bought() == 0
    book.wait_html(1)
    button.dblclick()
    page.get_by_text("8 votes to come on 8 seeds").first.wait_for()
    page.get_by_role("button", name="Look again").wait_for()
    buys(16)  # a double click is one step

    # One vote by the keys, the others by a rule; nobody leads, so the next step is due.
    book.run(2)
    book.wait_html(2)
    ballot = book.page.locator(".jp-Cell").nth(2).locator("[data-lm-suppress-shortcuts]").first
    ballot.locator("[data-outcome=left]:enabled").wait_for()
    assert "calm" not in ballot.inner_text()
    ballot.locator("video").first.click()
    book.page.keyboard.press("0")
    ballot.get_by_text("1 of 8 pairs").first.wait_for()
    book.run(3)
    page.get_by_role("button", name="Look again").click()
    page.get_by_role("button", name="Buy 8 clips").wait_for()
    page.get_by_text("press once more").wait_for()
    assert bought() == 16, "a step that nobody had read was bought"
    page.scroll_into_view_if_needed()
    book.page.screenshot(path=shots / "race-next-step-light.png")
    page.get_by_role("button", name="Buy 8 clips").click()
    page.get_by_text("4 votes to come on 4 seeds").first.wait_for()
    buys(24)

    page.get_by_role("button", name="Look again").wait_for()
    for clips in (32, 40):
        book.run(4)
        page.get_by_role("button", name="Look again").click()
        page.get_by_role("button", name=re.compile("^(Buy 8|Make calm)")).wait_for()
        if page.get_by_role("button", name="Buy 8 clips").count() == 0:
            break
        page.get_by_role("button", name="Buy 8 clips").click()
        page.get_by_text("4 votes to come on 4 seeds").first.wait_for()
        buys(clips)
        page.get_by_role("button", name="Look again").wait_for()
    page.get_by_text("calm beats fast: the race is decided").first.wait_for()
    seeds = bought() // 2
    book.page.screenshot(path=shots / "race-decided-light.png")
    book.theme("JupyterLab Dark")
    book.page.screenshot(path=shots / "race-decided-dark.png")

    book.run(5)
    ranking = book.page.locator(".jp-Cell").nth(5)
    ranking.get_by_text("calm beats fast").first.wait_for()
    ranking.get_by_role("button", name=f"Make calm in 1080P: buy {seeds} clips").wait_for()
    ranking.scroll_into_view_if_needed()
    book.page.screenshot(path=shots / "race-ranking-dark.png")
    book.theme("JupyterLab Light")
    ranking.scroll_into_view_if_needed()
    book.page.screenshot(path=shots / "race-ranking-light.png")
    page.get_by_role("button", name=f"Make calm in 1080P: buy {seeds} clips").click()
    page.get_by_role("button", name="Look again").wait_for()
    buys(3 * seeds)
    book.run(2)
    ended = book.page.locator(".jp-Cell").nth(2)
    ended.get_by_text("you can stop").first.wait_for()
    ended.scroll_into_view_if_needed()
    book.page.screenshot(path=shots / "race-vote-end-light.png")
    book.theme("JupyterLab Dark")
    book.page.screenshot(path=shots / "race-vote-end-dark.png")
    book.wait_html(1)
    for output in book.save().cells[1].outputs:
        assert set(output.data) == {"text/html", "text/plain"}
