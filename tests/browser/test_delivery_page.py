"""A delivery as somebody without Python opens it: unpacked, its page from the disk, in a real browser."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

import wan_nb

from .firefox import Firefox, firefox_program
from .waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VIDEOS = "[...document.querySelectorAll('video')]"


@pytest.fixture
def unpacked(simulator: Any, photos: Path, tmp_path: Path) -> tuple[Path, list[str]]:
    """A delivery of two landscape clips and an upright one on somebody's disk, and the ids of its runs."""
    simulator.config(clips="full", speed=200)
    Image.open(photos / "cat.jpg").crop((0, 0, 240, 300)).resize((480, 600)).save(tmp_path / "upright.jpg")
    prompts = {"猫 50 % & <b>?#": "a cat walks, 慢慢地", "fast": "a cat dashes"}
    with wan_nb.Session(
        base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "wan_runs", gap=0.02
    ) as session:
        study = session.study(prompts, name="walk", first_frame=photos / "cat.jpg", seeds=[1], duration=2)
        upright = session.submit("it looks up", first_frame=tmp_path / "upright.jpg", duration=2).wait()
        packed = study.submit().wait().deliver(tmp_path / "finals.zip", runs=[study, upright])
        ids = [row.run_id for row in (*study.rows(), upright.row)]
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "somebody's desk #1")
    return tmp_path / "somebody's desk #1" / "index.html", ids


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_clip_of_a_delivery_plays_from_the_disk(
    page: Any, unpacked: tuple[Path, list[str]], shots: Path, axe: Callable[..., list[str]], theme: Any
) -> None:
    index, ids = unpacked
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.emulate_media(color_scheme=theme)
    page.goto(index.as_uri())
    until(page, f"{VIDEOS}.length === 3 && {VIDEOS}.every((video) => video.readyState >= 1)")
    page.evaluate(f"{VIDEOS}.forEach((video) => {{ video.muted = true; void video.play(); }})")
    until(page, f"{VIDEOS}.every((video) => video.ended && !video.error && video.videoWidth > 0)")
    assert page.evaluate(f"{VIDEOS}.map((video) => Math.round(video.duration))") == [2, 2, 2]
    text = page.locator("body").inner_text()
    for part in ("walk", "猫 50 % & <b>?#", "a cat walks, 慢慢地", "fast", "SIMULATED", "cat.jpg"):
        assert part in text, part
    assert not [word for word in (*ids, *(one[:8] for one in ids), "CNY", "seed", "vote") if word in page.content()]
    assert all(url.startswith("file:") for url in asked)
    assert axe(page, "body") == []
    page.screenshot(path=shots / f"delivery-{theme}.png", full_page=True)
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= 360")


@pytest.mark.parametrize("dark", [False, True])
def test_it_plays_in_firefox_too(unpacked: tuple[Path, list[str]], tmp_path: Path, shots: Path, dark: Any) -> None:
    browser = Firefox(firefox_program(), tmp_path / "firefox", dark=dark)
    try:
        browser.size(1200, 1000)
        browser.goto(unpacked[0].as_uri())
        browser.wait_for_function(f"() => {VIDEOS}.length === 3 && {VIDEOS}.every((video) => video.readyState >= 1)")
        browser.screenshot(shots / f"delivery-firefox-{'dark' if dark else 'light'}.png")
        browser.evaluate(f"() => {VIDEOS}.forEach((video) => {{ video.muted = true; void video.play(); }})")
        ended = "video.ended && !video.error && video.videoWidth > 0"
        browser.wait_for_function(f"() => {VIDEOS}.every((video) => {ended})")
        sizes = browser.evaluate(f"() => {VIDEOS}.map((video) => video.clientHeight <= 0.71 * window.innerHeight)")
        assert sizes == [True, True, True]
    finally:
        browser.close()
