"""The report opened from a disk, as whoever it is handed to opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from browser.waiting import until
from wan_nb.reporting.page import write_report

from .pages import READER

if TYPE_CHECKING:
    from pathlib import Path

VIDEOS = "[...document.querySelectorAll('video.wan-c-video')]"
READY = f"{VIDEOS}.length === 2 && {VIDEOS}.every((video) => video.readyState === 4)"


@pytest.mark.parametrize("media", ["embed", "link"])
def test_it_plays_in_step_and_asks_for_nothing(page: Any, clips: list[Any], tmp_path: Path, media: Any) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(READER)
    path = write_report(tmp_path / "walk.html", {"name": "walk", "clips": clips}, media=media)
    page.goto(path.as_uri())
    until(page, READY)
    page.locator(".wan-c").focus()
    page.keyboard.press("ArrowRight")
    codes = f"JSON.stringify(readCodes({VIDEOS}))"
    if media == "embed":  # files on a disk taint a canvas, so only Blobs can be read back
        until(page, f"{codes} === '[24,24]'")
    else:
        until(page, f"{VIDEOS}.every((video) => Math.abs(video.currentTime - 24.5 / 24) < .01)")
    assert all(url.startswith(("file:", "blob:", "data:")) for url in asked)


def test_it_is_read_without_scripts(browser: Any, clips: list[Any], tmp_path: Path) -> None:
    path = write_report(tmp_path / "walk.html", {"name": "walk", "clips": clips, "cell": "%%wan --name walk"})
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    text = page.locator("body").inner_text()
    context.close()
    for part in ("walk", "SIMULATED", "calm", "fast", "%%wan --name walk"):
        assert part in text, part


def test_a_page_that_was_tampered_with_reaches_no_other_place(browser: Any, clips: list[Any], tmp_path: Path) -> None:
    path = write_report(tmp_path / "walk.html", {"name": "walk", "clips": clips}, media="none")
    path.write_text(path.read_text().replace("</body>", '<img src="http://127.0.0.1:9/spy.png"></body>'))
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script("addEventListener('securitypolicyviolation', (e) => { window.refused = e.blockedURI })")
    page.goto(path.as_uri())
    until(page, "window.refused === 'http://127.0.0.1:9/spy.png'")
    context.close()
