"""A ballot page from the disk in real browsers: voted by keyboard, closed, gone on with, saved, and read back."""

from __future__ import annotations

import base64
import io
import json
import re
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import av
import pytest

import wan_nb
from wan_nb.studies.votes import self_agreement

from .firefox import Firefox, firefox_program
from .waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROMPTS = {"calm": "a cat walks and SIGHS", "wild <b>": "a cat dashes like a COMET"}


class Chromium:
    """The same few steps as `Firefox`, on a page of Playwright's."""

    def __init__(self, page: Any, folder: Path) -> None:
        self.page, self.downloads = page, folder
        self.evaluate, self.goto = page.evaluate, page.goto
        self._arrived: list[Any] = []
        page.on("download", lambda arrived: self._arrived.append(arrived))  # noqa: PLW0108  # Playwright marks it

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def size(self, width: int, height: int) -> None:
        self.page.set_viewport_size({"width": width, "height": height})

    def screenshot(self, path: Path) -> None:
        self.page.screenshot(path=path, full_page=True)

    def downloaded(self, name: str) -> str:
        until(self, lambda: self._arrived and self._arrived[-1].suggested_filename == name)
        self._arrived[-1].save_as(self.downloads / name)
        return (self.downloads / name).read_text(encoding="utf-8")


@pytest.fixture(params=["chromium", "firefox"])
def reader(request: Any, tmp_path: Path) -> Iterator[Any]:
    """A browser with the light scheme of somebody who has only the page."""
    if request.param == "chromium":
        page = request.getfixturevalue("page")
        page.emulate_media(color_scheme="light")
        yield Chromium(page, tmp_path)
        return
    browser = Firefox(firefox_program(), tmp_path / "firefox")
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def study(_simulator: Any, photos: Path, tmp_path_factory: Any) -> Iterator[Any]:
    _simulator.reset()
    _simulator.config(clips="full", speed=200)
    folder = tmp_path_factory.mktemp("log")
    with wan_nb.Session(base_url=_simulator.url, api_key=_simulator.key, folder=folder, gap=0.02) as session:
        made = session.study(PROMPTS, name="walk", first_frame=photos / "cat.jpg", seeds=range(9), duration=2)
        yield made.submit(max_cost=100).wait()


READY = (
    "!document.querySelector('[data-outcome=left]').disabled && !document.querySelector('[data-outcome=left]').hidden"
)
FAR = "document.querySelector('.wan-c-far').innerText"
RATER = "document.getElementById('rater')"
STATE = f"document.querySelector('.wan-c-count').innerText + {FAR}"
KEPT = "document.querySelector('.about[aria-live]').innerText"
VIDEOS = "[...document.querySelectorAll('video')]"
PLAYS = f"{VIDEOS}.length === 2 && {VIDEOS}.every((video) => video.videoWidth > 0 && !video.error)"


def answer(browser: Any, key: str) -> None:
    """Press a key once both clips are on show, and wait until it has been taken."""
    until(browser, READY)
    before = browser.evaluate(STATE)
    browser.press(key)
    until(browser, f"{STATE} !== {json.dumps(before)} || !document.querySelector('.wan-c-done').hidden")


@pytest.mark.front_end(
    "a ballot page in Firefox and Chromium, from a disk",
    "votes, a votes file; no vote where clips are gone, refused or cannot be decoded",
)
def test_a_ballot_is_voted_by_keyboard_and_read_back(reader: Any, study: Any, tmp_path: Path, shots: Path) -> None:
    zoe = f"Zoë {'F' if isinstance(reader, Firefox) else 'C'}"
    page = study.ballot_file(tmp_path / "somebody's desk #1" / "walk 50 %.html", criterion="moves less")
    assert page.stat().st_size < 50_000_000
    reader.goto(page.as_uri())
    until(reader, READY)
    until(reader, PLAYS)
    assert "Which clip moves less?" in reader.evaluate("document.body.innerText")
    reader.screenshot(shots / f"ballot-{'firefox' if isinstance(reader, Firefox) else 'chromium'}.png")
    assert reader.evaluate(FAR).startswith("0 of 9 pairs")
    for key in "1201":
        answer(reader, key)
    assert reader.evaluate(FAR) == "4 of 9 pairs, 4 of 9 seeds complete: you can stop here, or go on."
    answer(reader, "u")
    assert reader.evaluate(FAR).startswith("3 of 9 pairs")
    reader.goto("about:blank")  # closed, and opened again tomorrow
    reader.goto(page.as_uri())
    until(reader, READY)
    assert reader.evaluate(FAR).startswith("3 of 9 pairs")
    until(reader, f"{KEPT}.includes('not saved as a file yet')")

    reader.evaluate(f"(document.getElementById('rater').value = '{zoe}', {RATER}.dispatchEvent(new Event('input')), 1)")
    save = "[...document.querySelectorAll('button')].find((b) => b.innerText === 'Save my votes').click()"
    reader.evaluate(f"({save}, 1)")
    part = tmp_path / "part.json"
    part.write_text(reader.downloaded(f"votes-{zoe}.json"), encoding="utf-8")
    taken = study.read_votes(part)
    assert (taken.raters, taken.known) == ((zoe,), 0)
    assert len(study.ballot(rater=zoe, criterion="moves less").votes) == 3

    while reader.evaluate("document.querySelector('.wan-c-done').hidden"):
        answer(reader, "1")
    assert reader.evaluate(FAR) == "9 of 9 pairs, 9 of 9 seeds complete: you can stop."
    reader.evaluate(f"({save}, 1)")
    until(reader, f"{KEPT}.startsWith('All your votes')")
    whole = tmp_path / "whole.json"
    for file in tmp_path.rglob("votes-Zoë*.json"):
        file.unlink()
    reader.evaluate(f"({save}, 1)")
    whole.write_text(reader.downloaded(f"votes-{zoe}.json"), encoding="utf-8")
    again = study.read_votes(whole)
    assert again.known == taken.new
    own = study.ballot(rater=zoe, criterion="moves less").votes
    assert len(own) == 10  # one pair was asked again, sides swapped
    assert self_agreement(own).n == 1
    assert study.ranking(criterion="moves less").blocks == 9
    assert study.read_votes(whole, part).new == 0
    sides = [vote["left_variant"] for vote in study.votes() if vote["rater"] == zoe and vote["picker"] == "ballot"]
    assert 3 <= sides.count("calm") <= 8


def test_nothing_in_a_ballot_tells_which_clip_is_which(study: Any, tmp_path: Path) -> None:
    text = study.ballot_file(tmp_path / "b.html").read_text(encoding="utf-8")
    embedded = re.findall(r'<script type="text/plain" id="([\w-]+)">([^<]*)</script>', text)
    assert len(embedded) >= 18
    clips = b"".join(base64.b64decode(data) for _, data in embedded)
    for _, data in embedded:  # three letters stand in so many random ones by chance
        text = text.replace(data, "")
    rows = study.rows()
    secrets = {*PROMPTS, *PROMPTS.values(), "SIGHS", "COMET", "walk", "wild", "calm", "CNY", "cat.jpg", "wan2.7"}
    secrets |= {row.run_id for row in rows} | {row.run_id[:8] for row in rows} | {str(row.task_id) for row in rows}
    secrets |= {row.video_sha256 for row in rows} | {str(row.seed) for row in rows if (row.seed or 0) > 9}
    secrets |= {row.request["input"]["media"][0]["identity"] for row in rows}
    data = json.loads(re.search(r'id="wan-data">(.*)</script>', text)[1])
    assert not [secret for secret in secrets if secret and secret in text]
    assert not [secret for secret in secrets if len(secret) > 5 and secret.encode() in clips]
    names = [name for block in data["blocks"] for pair in block for name in pair]
    assert sorted(set(names)) == sorted(data["clips"])
    assert len({json.dumps(each, sort_keys=True) for each in data["clips"].values()}) == 1
    assert not [mark for mark in (b"c2pa", b"AIGC") if mark in clips]
    told = {}
    for name, content in embedded:
        with av.open(io.BytesIO(base64.b64decode(content))) as container:
            said = (container.metadata, *(stream.metadata for stream in container.streams))
            told.setdefault(name.partition("-")[2], []).append(said)
    assert all(each == kind[0] for kind in told.values() for each in kind), "all clips say the same of themselves"
    assert {name for kind in told.values() for name in kind[0][0]} <= {
        "major_brand", "minor_version", "compatible_brands", "encoder",
    }  # fmt: skip
    other = json.loads(re.search(r'id="wan-data">(.*)</script>', study.ballot_file(tmp_path / "c.html").read_text())[1])
    assert not set(other["clips"]) & set(data["clips"])


def test_a_large_ballot_has_its_clips_beside_it(
    reader: Any, study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wan_nb.reporting.ballot_page.LARGEST", 100_000)
    page = study.ballot_file(tmp_path / "卷 #1.html")
    folder = tmp_path / "卷 #1_clips"
    assert page.stat().st_size < 100_000
    assert len(list(folder.glob("*.mp4"))) == 18
    reader.goto(page.as_uri())
    until(reader, READY)
    until(reader, PLAYS)
    answer(reader, "0")
    assert reader.evaluate(FAR).startswith("1 of 9 pairs")
    study.ballot_file(page)  # another one in its place
    assert len(list(folder.glob("*.mp4"))) == 18


CLOSED = "document.querySelector('.wan-c-closed').innerText"
OPEN = (
    "[...document.querySelectorAll('.wan-c-vote button[data-outcome]:not([disabled])')]"
    ".map((node) => node.dataset.outcome)"
)


def skips(browser: Any, reason: str) -> None:
    """There is no vote, the reason is told, and the next pair comes by Skip alone."""
    until(browser, f"{CLOSED}.includes({json.dumps(reason)})")
    for key in "1209":
        browser.press(key)
    assert browser.evaluate(OPEN) == ["skip"]
    browser.press("s")
    until(browser, "document.querySelector('.wan-c-sentence').innerText.includes('Skipped.')")
    assert browser.evaluate("document.querySelector('.wan-c-count').innerText") == "0 votes"


def test_a_browser_without_the_codec_takes_no_vote(study: Any, tmp_path: Path, shots: Path) -> None:
    page = study.ballot_file(tmp_path / "b.html")
    browser = Firefox(firefox_program(), tmp_path / "firefox", codecs=False)
    try:
        browser.goto(page.as_uri())
        until(browser, f"{CLOSED}.length > 0")
        browser.screenshot(shots / "ballot-no-codec.png")
        assert browser.evaluate(f"{CLOSED}.split('H.264').length") == 2, "one reason that both share is told once"
        skips(browser, "This browser cannot play H.264")
    finally:
        browser.close()


@pytest.fixture(params=["chromium", "firefox"])
def failing_reader(request: Any, tmp_path: Path) -> Iterator[Any]:
    """A browser whose own words about files that it does not find are no fault."""
    if request.param == "firefox":
        browser = Firefox(firefox_program(), tmp_path / "firefox")
        yield browser
        browser.close()
        return
    context = request.getfixturevalue("browser").new_context()
    yield Chromium(context.new_page(), tmp_path)
    context.close()


def test_a_ballot_whose_clips_are_gone_or_refused_takes_no_vote(
    failing_reader: Any, study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = failing_reader
    monkeypatch.setattr("wan_nb.reporting.ballot_page.LARGEST", 100_000)
    page = study.ballot_file(tmp_path / "away" / "b.html")
    clips = sorted((tmp_path / "away" / "b_clips").glob("*.mp4"))
    reader.goto(page.as_uri())
    until(reader, READY)
    for clip in clips:
        clip.rename(clip.with_suffix(".away"))
    reader.goto("about:blank")
    reader.goto(page.as_uri())
    skips(reader, "The file of this clip cannot be read: b_clips/")
    with refusing(tmp_path / "away", 403) as address:
        reader.goto(f"{address}/b.html")
        skips(reader, "403" if isinstance(reader, Firefox) else "is gone, refused or damaged")
    for clip in clips:
        clip.with_suffix(".away").rename(clip)
    reader.goto(page.as_uri())
    answer(reader, "1")


@pytest.mark.parametrize("left", [0.2, 0.97])
def test_a_ballot_whose_clips_are_cut_off_takes_no_vote_at_any_moment(
    failing_reader: Any, study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: float
) -> None:
    monkeypatch.setattr("wan_nb.reporting.ballot_page.LARGEST", 100_000)
    page = study.ballot_file(tmp_path / "b.html")
    for clip in (tmp_path / "b_clips").glob("*.mp4"):
        clip.write_bytes(clip.read_bytes()[: int(left * clip.stat().st_size)])
    failing_reader.goto(page.as_uri())
    watch = f"(window.opened = {READY}, new MutationObserver(() => {{ window.opened ||= {READY}; }}).observe(document, "
    failing_reader.evaluate(f"{watch}{{ subtree: true, attributes: true, childList: true }}), 1)")
    skips(failing_reader, "The file of this clip cannot be read: b_clips/")
    assert failing_reader.evaluate("window.opened") is False


@contextmanager
def refusing(folder: Path, status: int) -> Iterator[str]:
    """A server of the folder that answers so to whoever asks for a clip."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            if self.path.endswith((".html", ".ico")):
                super().do_GET()
            else:
                self.send_error(status)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_ballot_looks_right_and_fits(
    page: Any, study: Any, tmp_path: Path, shots: Path, axe: Callable[..., list[str]], scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    browser = Chromium(page, tmp_path)
    browser.goto(study.ballot_file(tmp_path / "b.html").as_uri())
    until(browser, READY)
    answer(browser, "2")
    until(browser, READY)
    page.screenshot(path=shots / f"ballot-{scheme}.png", full_page=True)
    assert axe(page, "main") == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
