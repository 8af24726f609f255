"""Comparison and vote with the kernel's real half behind a plain page."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageChops, ImageStat

from browser.waiting import expect, until
from wan_nb.errors import InvalidOption
from wan_nb.widgets.clip_pages import LIVE
from wan_nb.widgets.compare import CompareWidget
from wan_nb.widgets.vote import VoteWidget

from .host import serve_widget
from .pages import READER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

VIDEOS = "[...document.querySelectorAll('video.wan-c-video')]"
NOTED = "[...document.querySelectorAll('.wan-c-note')].every((note) => note.hidden)"
READY = f"{VIDEOS}.length > 0 && {VIDEOS}.every((video) => video.readyState === 4 && !video.seeking) && {NOTED}"
COUNT_BLOBS = """
window.blobs = 0;
const make = URL.createObjectURL.bind(URL), drop = URL.revokeObjectURL.bind(URL);
URL.createObjectURL = (blob) => { window.blobs += 1; return make(blob); };
URL.revokeObjectURL = (url) => { window.blobs -= 1; drop(url); };
"""


@pytest.fixture
def show(page: Any) -> Iterator[Callable[..., Any]]:
    """Opens a widget on the page and waits for its clips."""
    hosts = []
    page.add_init_script(READER + COUNT_BLOBS)

    def open_widget(widget: Any, *, ready: bool = True) -> Any:
        host = serve_widget(widget)
        page.goto(host.__enter__())
        hosts.append(host)
        page.wait_for_selector(".wan-c-head strong")
        if ready:
            page.wait_for_function(READY)
        page.locator(".wan-c").focus()
        return page

    yield open_widget
    page.goto("about:blank")  # before the servers end, so that no request is cut off
    for host in hosts:
        host.__exit__(None, None, None)


def strip() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (6 * 64, 36), "teal").save(out, "JPEG")
    return out.getvalue()


def frames(page: Any) -> list[int]:
    return page.evaluate(f"readCodes({VIDEOS})")


def wait_frames(page: Any, *expected: int) -> None:
    page.wait_for_function(
        f"(expected) => JSON.stringify(readCodes({VIDEOS})) === expected",
        arg=str(list(expected)).replace(" ", ""),
    )


def says(page: Any, text: str) -> None:
    expect(page.locator(".wan-c-live")).to_have_text(text)


def test_keys_move_both_clips_alike(show: Any, clips: list[Any]) -> None:
    page = show(CompareWidget(clips))
    for key, expected in (
        ("ArrowRight", 24),
        (".", 25),
        (",", 24),
        ("ArrowRight", 48),
        ("ArrowLeft", 24),
        ("End", 71),
        ("Home", 0),
    ):
        page.keyboard.press(key)
        wait_frames(page, expected, expected)


def test_space_plays_and_pauses_on_the_same_frame(show: Any, clips: list[Any]) -> None:
    page = show(CompareWidget(clips))
    page.keyboard.press("Space")
    page.wait_for_function(f"{VIDEOS}.every((video) => video.currentTime > 0.5)")
    page.keyboard.press("Space")
    page.wait_for_function(f"{VIDEOS}.every((video) => video.paused && !video.seeking)")
    page.wait_for_function(f"new Set(readCodes({VIDEOS})).size === 1")
    assert frames(page)[0] > 5


def test_v_goes_through_the_views_and_x_swaps_while_it_is_held(show: Any, clips: list[Any]) -> None:
    page = show(CompareWidget(clips))
    stage = page.locator(".wan-c-stage")
    for view in ("wipe", "difference", "onion", "side"):
        page.keyboard.press("v")
        expect(stage).to_have_attribute("data-view", view)
    left = "document.querySelectorAll('.wan-c-tile')[0].getBoundingClientRect().x"
    before = page.evaluate(left)
    page.keyboard.down("x")
    page.wait_for_function(f"before => {left} > before", arg=before)
    page.keyboard.up("x")
    page.wait_for_function(f"before => {left} === before", arg=before)


def test_the_difference_of_a_clip_with_itself_is_black_and_with_another_is_not(show: Any, clips: list[Any]) -> None:
    def show_difference(*shown: Any) -> Any:
        page = show(CompareWidget([{**clip, "id": f"{at}", "variant": f"{at}"} for at, clip in enumerate(shown)]))
        page.keyboard.press("ArrowRight")
        wait_frames(page, 24, 24)
        page.keyboard.press("v")
        page.keyboard.press("v")
        return page

    def light(page: Any) -> int:
        picture = Image.open(io.BytesIO(page.locator(".wan-c-a .wan-c-screen").screenshot())).convert("L")
        width, height = picture.size
        # Below the badges and the code, and without the round corners.
        return picture.crop((12, height // 3, width - 12, height - 12)).getextrema()[1]

    page = show_difference(clips[0], clips[0])
    until(page, lambda: light(page) < 12)  # pictures come to the screen a little after they are there
    page = show_difference(clips[0], clips[1])
    until(page, lambda: light(page) > 60)


def test_wipe_shows_the_first_clip_left_of_the_edge_and_the_second_right_of_it(show: Any, clips: list[Any]) -> None:
    page = show(CompareWidget(clips))

    def halves() -> tuple[Image.Image, Image.Image]:
        page.wait_for_function("[...document.querySelectorAll('video')].every((v) => v.readyState >= 2 && !v.seeking)")
        page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        picture = Image.open(io.BytesIO(page.locator(".wan-c-a .wan-c-screen").screenshot())).convert("RGB")
        width, height = picture.size
        left = picture.crop((12, height // 3, width // 2 - 12, height - 12))
        return left, picture.crop((width // 2 + 12, height // 3, width - 12, height - 12))

    def apart(one: Image.Image, two: Image.Image) -> float:
        return max(ImageStat.Stat(ImageChops.difference(one, two)).mean)

    page.keyboard.press("v")
    mix = page.locator(".wan-c-mix")
    middle = mix.input_value()

    def divided() -> bool:
        pictures = []
        for at in (middle, "100", "0"):
            mix.fill(at)
            pictures.append(halves())
        mixed, first, second = pictures
        same = max(apart(mixed[0], first[0]), apart(mixed[1], second[1]))
        other = min(apart(mixed[0], second[0]), apart(mixed[1], first[1]))
        return same < 1 and other > 10

    until(page, divided)


def test_every_key_is_also_a_button_and_is_announced(show: Any, clips: list[Any]) -> None:
    page = show(CompareWidget(clips))
    root = page.locator(".wan-c")
    keys = root.get_attribute("aria-keyshortcuts").split()
    buttons = page.evaluate(
        "[...document.querySelectorAll('button[aria-keyshortcuts]')].map((button) => button.ariaKeyShortcuts)"
    )
    assert sorted(keys) == sorted(buttons)
    assert (root.get_attribute("role"), root.get_attribute("tabindex")) == ("group", "0")
    assert root.get_attribute("data-lm-suppress-shortcuts") == "true"
    page.keyboard.press("+")
    says(page, "Speed 1.5×")
    page.keyboard.press("?")
    expect(page.locator(".wan-c-help kbd")).to_have_count(len(keys))


def test_the_frame_on_show_can_be_used_for_the_next_clip(show: Any, clips: list[Any]) -> None:
    page = show(CompareWidget(clips))
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press(".")
    wait_frames(page, 3, 3)
    page.keyboard.press("f")
    page.locator(".wan-c-taken:not([hidden])").wait_for()
    assert page.locator(".wan-c-taken code").inner_text() == "import wan_nb; frame = wan_nb.run('run-clip0').frame(3)"
    page.locator(".wan-c-taken button").click()
    page.get_by_role("status").filter(has_text="copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").endswith(".frame(3)")


def test_loop_range_speed_and_help_answer_to_their_keys(show: Any, clips: list[Any]) -> None:
    page = show(CompareWidget(clips))
    page.keyboard.press("ArrowRight")
    wait_frames(page, 24, 24)
    page.keyboard.press("[")
    says(page, "Loop from 1.00 s to 3.00 s")
    page.keyboard.press("ArrowRight")
    wait_frames(page, 48, 48)
    page.keyboard.press("]")
    says(page, "Loop from 1.00 s to 2.00 s")
    page.keyboard.press("l")
    says(page, "Loop off")
    page.keyboard.press("-")
    says(page, "Speed 0.5×")


def test_sound_comes_from_one_clip_at_a_time(show: Any, clips: list[Any]) -> None:
    asked: list[tuple[str, str]] = []

    def load(clip_id: str, quality: str) -> bytes:
        asked.append((clip_id, quality))
        return next(clip["video"] for clip in clips if clip["id"] == clip_id).read_bytes()

    page = show(CompareWidget(clips, load=load))
    for expected in ("Sound of A", "Sound of B", "Sound off"):
        page.keyboard.press("m")
        page.wait_for_function("text => document.querySelector('.wan-c-live').textContent === text", arg=expected)
    originals = [clip_id for clip_id, quality in asked if quality == "original"]
    assert originals == [clip["id"] for clip in clips]
    assert page.evaluate("[...document.querySelectorAll('video')].every((video) => video.muted)")


def test_a_paused_frame_can_be_looked_at_in_the_original(show: Any, clips: list[Any]) -> None:
    page = show(CompareWidget(clips))
    page.keyboard.press("ArrowRight")
    wait_frames(page, 24, 24)
    page.get_by_role("button", name="Original").click()
    page.wait_for_function(
        "JSON.stringify(readCodes([...document.querySelectorAll('video.wan-c-sharp')])) === '[24,24]'"
    )
    page.keyboard.press(".")
    page.wait_for_function(
        "JSON.stringify(readCodes([...document.querySelectorAll('video.wan-c-sharp')])) === '[25,25]'"
    )
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelectorAll('video.wan-c-sharp').length === 0")


def test_thousands_page_six_at_a_time_and_give_back_what_they_took(show: Any, clips: list[Any]) -> None:
    many = [{**clips[n % 2], "id": f"{n}", "variant": f"v{n}", "strip": strip(), "cost": float(n)} for n in range(2000)]
    load = {clip["id"]: clip["video"] for clip in many}
    page = show(CompareWidget(many, load=lambda clip_id, quality: load[clip_id].read_bytes()))
    expect(page.locator("video")).to_have_count(LIVE)
    page.wait_for_function("all => blobs === all", arg=2 * LIVE)
    page.get_by_role("button", name="Next page").click()
    page.wait_for_function("document.querySelector('.wan-c-head').textContent.includes('2 / 334')")
    page.wait_for_function(READY)
    expect(page.locator("video")).to_have_count(LIVE)
    page.wait_for_function("all => blobs === all", arg=2 * LIVE)
    page.get_by_label("Order by").select_option("cost")
    page.wait_for_function("document.querySelector('.wan-c-head').textContent.includes('1 / 334')")
    page.wait_for_function(READY)
    page.evaluate("leave()")
    page.wait_for_function("blobs === 0")
    expect(page.locator("video")).to_have_count(0)
    page.wait_for_function("listening() === 0")


def test_whatever_comes_from_outside_is_text(show: Any, clips: list[Any]) -> None:
    evil = "<img src=x onerror='window.evil = 1'><b>bold</b>"
    hurt = [
        {**clip, "label": evil, "prompt": f"{evil} {at}", "params": {evil: f"{evil}{at}"}}
        for at, clip in enumerate(clips)
    ]
    page = show(CompareWidget(hurt))
    page.keyboard.press("v")
    expect(page.locator(".wan-c-prompts")).to_contain_text(evil)
    assert page.locator("img").count() == 0
    assert page.evaluate("window.evil") is None


def test_runs_without_a_clip_say_so_and_the_rest_plays(show: Any, clips: list[Any]) -> None:
    broken = {**clips[0], "id": "gone", "variant": "gone", "video": None, "status": "FAILED"}
    page = show(CompareWidget([*clips, broken]), ready=False)
    expect(page.locator(".wan-c-note:not([hidden])")).to_have_text("No clip: failed.")
    page.wait_for_function(f"{VIDEOS}.slice(0, 2).every((video) => video.readyState === 4)")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"{VIDEOS}.slice(0, 2).every((video) => video.currentTime > 1)")


def test_bytes_that_are_no_clip_are_said_to_be_none(show: Any, clips: list[Any]) -> None:
    page = show(CompareWidget(clips, load=lambda clip_id, quality: b"not a film"), ready=False)
    for tile in (0, 1):
        note = page.locator(".wan-c-note").nth(tile)
        note.filter(has_text="This clip cannot be played here: its file is damaged").wait_for()


class Booth:
    """Votes kept in a list, pairs asked one after the other."""

    def __init__(self, clips: list[Any], rounds: int) -> None:
        self.queue = [{"left": clips[at % 2], "right": clips[1 - at % 2]} for at in range(rounds)]
        self.stored: list[Any] = []

    def widget(self) -> VoteWidget:
        return VoteWidget(
            lambda: self.queue.pop(0) if self.queue else None,
            lambda *vote: self.stored.append(vote),
            self.undo,
            count=lambda: len(self.stored),
            sentence=lambda: "Not decided yet, about 4 more seeds.",
        )

    def undo(self) -> Any:
        return self.stored.pop()[0] if self.stored else None


def vote(page: Any, key: str) -> None:
    """Press a key once there is something to vote on."""
    page.wait_for_selector(".wan-c-vote [data-outcome=left]:not([hidden]):not([disabled])")
    page.keyboard.press(key)


def count_is(page: Any, text: str) -> None:
    page.wait_for_function("text => document.querySelector('.wan-c-count').textContent === text", arg=text)


def test_votes_by_keyboard_alone(show: Any, clips: list[Any]) -> None:
    booth = Booth(clips, rounds=5)
    page = show(booth.widget())
    for number, key in enumerate("1209", 1):
        vote(page, key)
        count_is(page, f"{number} vote{'s' if number > 1 else ''}")
        page.wait_for_selector(".wan-c-next:not([hidden])")
        page.keyboard.press("Enter")
        page.wait_for_selector(".wan-c-next[hidden]", state="attached")
    assert [vote[1] for vote in booth.stored] == ["left", "right", "tie", "both_bad"]
    assert all(vote[2]["ms_to_vote"] >= 0 for vote in booth.stored)
    vote(page, "u")
    count_is(page, "3 votes")
    page.wait_for_function(READY)
    page.keyboard.press("s")
    page.wait_for_selector(".wan-c-done:not([hidden])")
    assert booth.stored[-1][1] == "skip"
    expect(page.locator(".wan-c-sentence")).to_contain_text("Not decided yet, about 4 more seeds.")


def refuse(error: Exception) -> Callable[[str, str], bytes]:
    def load(clip_id: str, quality: str) -> bytes:
        raise error

    return load


@pytest.mark.parametrize(
    ("change", "load", "reason"),
    [
        ({}, lambda clip_id, quality: b"not a film", "its file is damaged"),
        ({}, refuse(InvalidOption("the clip is no longer on disk.", run_id="3f")), "no longer on disk"),
        ({}, refuse(PermissionError(13, "Permission denied", "calm.mp4")), "Permission denied"),
        ({"video": None, "status": "FAILED"}, None, "No clip: failed."),
        ({"video": None, "status": "SUCCEEDED"}, None, "not on this disk"),
        ({"seconds": 12.0}, None, "its file is damaged"),  # cut off in the middle
    ],
    ids=["no clip", "gone", "blocked", "failed", "deleted", "cut off"],
)
def test_a_vote_is_open_only_on_clips_that_can_be_seen(
    show: Any, clips: list[Any], change: Any, load: Any, reason: str, shots: Path, request: Any
) -> None:
    booth = Booth([{**clips[0], **change}, clips[1]], rounds=2)
    widget = VoteWidget(
        lambda: booth.queue.pop(0) if booth.queue else None,
        lambda *vote: booth.stored.append(vote),
        booth.undo,
        count=lambda: len(booth.stored),
        load=load,
    )
    page = show(widget, ready=False)
    told = page.locator(".wan-c-closed")
    told.filter(has_text=reason).wait_for()
    assert "No vote on clips that nobody can see." in told.inner_text()
    assert "calm" not in told.inner_text().replace("calm.mp4", "")
    for key in "1290":
        page.keyboard.press(key)
    enabled = page.locator(".wan-c-vote button:visible:not([disabled])")
    assert enabled.evaluate_all("nodes => nodes.map((node) => node.dataset.outcome)") == ["skip"]
    page.locator(".wan-c").screenshot(path=shots / f"vote-{request.node.callspec.id.replace(' ', '-')}.png")
    page.keyboard.press("s")
    page.wait_for_function("document.querySelector('.wan-c-sentence').textContent.includes('Skipped.')")
    assert [(outcome, details["ms_to_vote"]) for _, outcome, details in booth.stored] == [("skip", None)]


def test_a_clip_that_breaks_while_it_is_looked_at_closes_its_question(show: Any, clips: list[Any]) -> None:
    booth = Booth(clips, rounds=1)
    page = show(booth.widget())
    page.wait_for_selector(".wan-c-vote [data-outcome=left]:not([disabled])")
    page.evaluate(f"{VIDEOS}[1].src = 'data:video/mp4,nothing'")
    page.locator(".wan-c-closed").filter(has_text="Second: This clip cannot be played here").wait_for()
    page.keyboard.press("1")
    expect(page.locator(".wan-c-vote button:visible:not([disabled])")).to_have_attribute("data-outcome", "skip")
    assert booth.stored == []


def test_enter_goes_on_after_an_answer_whatever_has_the_focus(show: Any, clips: list[Any]) -> None:
    booth = Booth(clips, rounds=5)
    page = show(booth.widget())
    places = [".wan-c-check input[type=checkbox]", ".wan-c-controls input[type=range]", ".wan-c-controls button"]
    for number, place in enumerate(places, 1):
        vote(page, "1")
        page.wait_for_selector(".wan-c-next:not([hidden])")
        page.locator(f"{place}:visible").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector(".wan-c-next[hidden]", state="attached")
        assert len(booth.stored) == number
    assert len(booth.queue) == 1
    # Before an answer the key is the focused control's.
    page.wait_for_selector(".wan-c-vote [data-outcome=left]:not([disabled])")
    page.locator(".wan-c-vote [data-outcome=right]").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".wan-c-next:not([hidden])")
    assert booth.stored[-1][1] == "right"


def test_undo_that_is_pressed_while_the_kernel_is_busy_is_not_lost(show: Any, clips: list[Any]) -> None:
    booth = Booth(clips, rounds=3)
    page = show(booth.widget())
    page.get_by_label("Show the names after each vote").uncheck()
    vote(page, "1")
    count_is(page, "1 vote")
    page.wait_for_selector(".wan-c-vote [data-outcome=left]:not([disabled])")
    hold = threading.Event()

    class Slow(list):  # the kernel's side of the second vote waits until both keys are pressed
        def append(self, answer: Any) -> None:
            assert hold.wait(60)
            super().append(answer)

    booth.stored = Slow(booth.stored)
    page.keyboard.press("2")
    page.keyboard.press("u")
    hold.set()
    page.get_by_text("The last vote is taken back.").wait_for()
    count_is(page, "1 vote")
    assert [answer[1] for answer in booth.stored] == ["left"]


def test_names_stand_on_the_page_only_after_the_vote_is_stored(show: Any, clips: list[Any]) -> None:
    booth = Booth(clips, rounds=2)
    page = show(booth.widget())
    everything = "document.body.innerHTML + [...document.querySelectorAll('*')].map((n) => n.title).join()"
    for secret in ("calm", "fast", "run-clip", ".mp4", "CNY", "seed 7"):
        assert secret not in page.evaluate(everything), secret
    vote(page, "1")
    page.wait_for_selector(".wan-c-next:not([hidden])")
    assert len(booth.stored) == 1
    expect(page.locator(".wan-c-sentence")).to_contain_text("calm over fast")
    assert page.locator(".wan-c-sentence").get_attribute("aria-live") == "polite"
    expect(page.locator(".wan-c-name")).to_have_text(["calm", "fast"])


def test_muted_and_playing_unless_less_motion_is_wanted(show: Any, clips: list[Any], page: Any) -> None:
    show(Booth(clips, rounds=1).widget())
    page.wait_for_function("[...document.querySelectorAll('video')].every((v) => v.muted && v.currentTime > 0.2)")
    page.emulate_media(reduced_motion="reduce")
    show(Booth(clips, rounds=1).widget())
    page.wait_for_selector(".wan-c-vote [data-outcome=left]:not([disabled])")  # where they would begin to play
    assert page.evaluate("[...document.querySelectorAll('video')].every((video) => video.paused)")


def test_without_names_the_next_pair_comes_at_once(show: Any, clips: list[Any]) -> None:
    booth = Booth(clips, rounds=2)
    page = show(booth.widget())
    page.get_by_label("Show the names after each vote").uncheck()
    vote(page, "1")
    count_is(page, "1 vote")
    assert page.locator(".wan-c-next:not([hidden])").count() == 0
    assert page.locator(".wan-c-name").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_360_pixels(show: Any, clips: list[Any], page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 800})
    for widget in (CompareWidget(clips), Booth(clips, rounds=1).widget()):
        show(widget)
        page.wait_for_function("document.documentElement.scrollWidth <= 360")
