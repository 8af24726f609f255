"""A prompt A/B decision as a person takes it in JupyterLab: plan, price, buy, watch, compare, vote, rank."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from .lab import REPO
from .waiting import expect

if TYPE_CHECKING:
    from pathlib import Path

STUDY = """%%wan -f cat.jpg --duration 2 --seeds 1,2,3 --name walk --out study
--- calm
a cat walks slowly, zoom in
--- fast <b>
a cat dashes, pan left, handheld"""


def test_from_the_plan_to_a_decision(notebook: Any, simulator: Any, server: Any, shots: Path) -> None:
    simulator.config(clips="full", run=1.0)
    simulator.limits(submits_per_second=50)
    (server.notebooks / "study").mkdir()
    shutil.copy(REPO / "notebooks/data/cat.jpg", server.notebooks / "study" / "cat.jpg")
    connect = f'%load_ext wan_nb\nimport wan_nb; wan_nb.connect({simulator.url!r}, api_key="sk-test", gap=0.2);'
    book = notebook(
        "study/a.ipynb", connect, STUDY, "study.wait();", "study.compare()", "study.vote()", "study.ranking()"
    )
    book.run(0)
    book.run(1)
    assert simulator.counters()["creates_received"] == 0
    plan = book.page.locator(".jp-Cell").nth(1)
    buy = plan.get_by_role("button", name="Buy 6 clips")
    buy.wait_for()
    book.page.screenshot(path=shots / "study-plan-light.png")
    expect(plan).to_contain_text("fast <b>")
    buy.and_(book.page.locator(".wan-widget button")).wait_for()
    book.wait_html(1)
    for output in book.save().cells[1].outputs:  # opened without a kernel, a plan is no dead widget either
        assert set(output.data) == {"text/html", "text/plain"}
    buy.dblclick()
    plan.get_by_text("being sent").or_(plan.get_by_text("running")).or_(plan.get_by_text("done")).first.wait_for()
    book.run(2)
    assert simulator.counters()["creates_accepted"] == 6
    book.page.screenshot(path=shots / "study-board-light.png")

    book.run(3)
    compared = book.page.locator(".jp-Cell").nth(3)
    expect(compared.locator("video")).to_have_count(6)
    compared.get_by_text("Prompts", exact=True).scroll_into_view_if_needed()
    compared.locator(".wan-c-head").scroll_into_view_if_needed()
    book.page.screenshot(path=shots / "study-compare-light.png")

    book.run(4)
    book.wait_html(4)
    ballot = book.page.locator(".jp-Cell").nth(4).locator("[data-lm-suppress-shortcuts]").first
    expect(ballot.locator("video")).to_have_count(2)
    assert "calm" not in ballot.inner_text()
    for count, side in enumerate(("First", "Second", "First"), start=1):
        # As most people do: a click on a clip, then a key.
        ballot.locator(f"[data-outcome={'left' if side == 'First' else 'right'}]:enabled").wait_for()
        if count == 1:
            book.page.screenshot(path=shots / "study-vote-light.png")
        ballot.locator("video").first.click()
        book.page.keyboard.press("1" if side == "First" else "2")
        ballot.get_by_text(f"{count} of 3 pairs").first.wait_for()
        following = ballot.get_by_role("button", name="Next pair")
        if following.is_visible():
            following.click()
    before = book.structure()
    undo = ballot.get_by_role("button", name="Undo")
    undo.focus()
    for key in "abcxyz":  # with the focus on a button these are the notebook's shortcuts in command mode
        book.page.keyboard.press(key)
    assert book.structure() == before
    book.run(5)
    ranking = book.page.locator(".jp-Cell").nth(5)
    ranking.get_by_text("evidence is counted in seeds").wait_for()
    expect(ranking).to_contain_text("fast <b>")
    ranking.scroll_into_view_if_needed()
    book.page.screenshot(path=shots / "study-ranking-light.png")
    book.theme("JupyterLab Dark")
    book.page.screenshot(path=shots / "study-ranking-dark.png")
