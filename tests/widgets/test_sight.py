"""What a person sees before paying, while waiting, and in a long list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from shared_worker import hide_the_simulator

from wan_nb.handles.session import Session
from wan_nb.html import run_card
from wan_nb.log.row import Row
from wan_nb.log.states import Status
from wan_nb.widgets import clip_pages
from wan_nb.widgets.board import board_row
from wan_nb.widgets.plan import plan_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def session(simulator: Any, tmp_path: Path) -> Iterator[Session]:
    with Session(base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "runs", gap=0.02) as session:
        yield session


def test_a_plan_shows_its_pictures_what_a_clip_is_and_what_is_left(session, photos) -> None:
    frames = [photos / "cat.jpg", photos / "coffee.jpg"]
    hide_the_simulator(session)
    session.workspace.loop.sync(session.workspace.account.handshake())
    session.budget("walk", 30)
    study = session.study({"a": "x", "b": "y"}, name="walk", duration=2, vary={"first_frame": frames})
    html = plan_bundle(session.workspace, study.state())["text/html"]
    assert html.count("<img") == 2
    assert "cat.jpg" in html
    assert "2 s · 720P · wan2.7-i2v" in html
    assert "Budget before this: CNY 50.00 of 50.00 are left for 24 h, CNY 30.00 of 30.00 for walk." in html
    assert len(html.encode()) < 60_000


def test_rows_without_a_clip_name_their_picture(photos) -> None:
    row = Row("3f9c00d1e2a4", prompt="a cat", first_frame="deep/folder/cat.jpg", status=Status.RUNNING, duration=5)
    assert board_row(row)["facts"].startswith("cat.jpg · 5 s")
    assert "cat.jpg" in run_card.board([row])


def test_each_row_of_a_long_list_has_its_strip() -> None:
    made = {"status": Status.SUCCEEDED, "video": "videos/a.mp4", "created_at": datetime.now(UTC)}
    rows = [Row(f"{n:012x}", prompt="a cat", **made) for n in range(200)]
    strips = {row.run_id: b"x" * (run_card.BOARD_BYTES // 200) for row in rows}
    page = run_card.board(rows, folder="/home/me/nb", strips=strips)
    assert page.count("<img") == 200


def test_unlike_prompts_stand_plainly_and_measures_are_few_and_named() -> None:
    clips = [
        {"prompt": "a cat walks slowly towards the camera, soft light", "variant": "calm"},
        {"prompt": "a cat runs quickly towards the camera, soft light", "variant": "fast"},
        {"prompt": "rain on a neon street at night, nobody is there at all", "variant": "rain"},
    ]
    like, unlike = clip_pages.prompts(clips)[1:]
    assert {kind for kind, _ in like["runs"]} == {"same", "gone", "new"}
    assert unlike["runs"] == [("same", clips[2]["prompt"])]
    measured = [{"id": str(n), "measures": {"motion": n, "first_drgb": n, "luma_flicker": n}} for n in (1, 2)]
    assert clip_pages.orders(measured) == ["as given", "motion"]
    assert len(clip_pages.NAMED_MEASURES) == 4
