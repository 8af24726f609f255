"""The modules on a page of their own: what they draw, say and send; themes, small widths, keyboard, accessibility."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from wan_nb.html.text import STATES, duration

from . import states
from .harness import mount, tell

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

THEMES = ["light", "dark", "dark-high-contrast"]
EVIL = "<img src=x onerror=window.hit=1><script>window.hit=1</script>"


def sent(page: Any, kind: str) -> list[dict[str, Any]]:
    return [message for message in page.evaluate("model.sent") if message["kind"] == kind]


def show_board(page: Any, rows: list[Any], **given: Any) -> list[dict[str, Any]]:
    look = {name: given.pop(name) for name in ("theme", "width") if name in given}
    state = states.board(rows, **given)
    mount(page, "board.js", state, **look)
    for row in state["rows"]:
        if row["video"]:
            tell(page, {"kind": "strip", "id": row["id"]}, [states.picture(160, 90, frames=6)])
    return state["rows"]


# --- looks


@pytest.mark.parametrize("theme", THEMES)
def test_board_in_every_state(page: Any, shots: Path, axe: Callable[..., list[str]], theme: str) -> None:
    show_board(page, states.every_state(), theme=theme, money="CNY 6.00 of 50.00 used in 24 h")
    for name, look in STATES.items():
        pill = page.locator(f"[data-state={name}] .wan-pill")
        assert pill.inner_text().split("\n") == [look.mark, look.word] or pill.inner_text() == f"{look.mark}{look.word}"
    assert page.locator(".wan-badge:visible").count() == 5
    page.locator("main").screenshot(path=shots / f"board-{theme}.png")
    assert axe(page, ".wan-board") == []


@pytest.mark.parametrize("theme", THEMES[:2])
@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "UNCERTAIN"])
def test_one_run_is_a_card(page: Any, shots: Path, axe: Callable[..., list[str]], status: str, theme: str) -> None:
    show_board(page, [states.row(0, status, simulated=True)], title="", theme=theme)
    page.locator("main").screenshot(path=shots / f"card-{status.lower()}-{theme}.png")
    assert page.locator(".wan-solo .wan-prompt").is_visible()
    assert axe(page, ".wan-board") == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", ["form", "filled", "references"])
def test_form_looks(page: Any, shots: Path, axe: Callable[..., list[str]], name: str, theme: str) -> None:
    mount(page, "form.js", getattr(states, name)(), theme=theme)
    if name == "filled":
        tell(page, {"kind": "preview", "field": "first_frame"}, [states.picture(360, 240)])
    if name == "references":
        for slot in ("reference_image#1", "reference_image#2", "reference_image#4"):
            tell(page, {"kind": "preview", "field": slot}, [states.picture(360, 240)])
    page.locator("summary").click()
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    page.locator("main").screenshot(path=shots / f"form-{name}-{theme}.png")
    assert axe(page, ".wan-form") == []


def orders(page: Any) -> list[list[str]]:
    """Orders of the list that the kernel was told."""
    return [message["slots"] for message in sent(page, "order")]


def test_a_list_is_ordered_by_keyboard_and_says_so(page: Any) -> None:
    mount(page, "form.js", states.references())
    handle = page.get_by_role("button", name="Image 3, place 3 of 3")
    handle.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert [slots[0] for slots in orders(page)] == ["reference_image#1", "reference_image#4"]
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Image 1, place 1 of 3")
    assert page.locator(".wan-list legend").first.is_visible()
    assert "moved to place 1 of 3" in page.locator(".wan-list [role=status]").first.text_content()


def test_a_list_is_ordered_by_dragging(page: Any) -> None:
    mount(page, "form.js", states.references())
    page.set_viewport_size({"width": 1000, "height": 1600})  # nothing scrolls meanwhile
    target = page.locator(".wan-list li").nth(2)
    page.get_by_role("button", name="Image 1, place 1 of 3").drag_to(target, target_position={"x": 40, "y": 12})
    assert orders(page) == [["reference_image#2", "reference_image#4", "reference_image#1"]]


def test_another_model_changes_the_controls_and_keeps_what_was_typed(page: Any) -> None:
    state = states.form()
    mount(page, "form.js", state)
    assert page.get_by_role("group", name="First clip", exact=True).is_visible()
    page.get_by_label("Prompt", exact=True).fill("a cat walks")
    other = states.form("wan3.0-video", values={"prompt": "a cat walks", "ratio": "adaptive"})
    checked = {**other["checked"], "aside": ["Negative prompt blur: wan3.0-video takes none"]}
    tell(page, {"kind": "checked", "checked": checked, "n": None})
    assert page.get_by_role("group", name="First clip", exact=True).count() == 0
    assert page.get_by_label("Prompt", exact=True).input_value() == "a cat walks"
    assert page.get_by_label("adaptive").is_checked()
    assert page.locator(".wan-list").count() == 3
    assert "Negative prompt blur: wan3.0-video takes none" in page.locator(".wan-aside").inner_text()


@pytest.mark.parametrize("module", ["board.js", "form.js", "references"])
def test_nothing_is_cut_off_at_360_px(page: Any, shots: Path, module: str) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    long = [replace(row, variant="w" * 500, prompt="w" * 4000) for row in states.every_state()]
    if module == "board.js":
        show_board(page, long)
    else:
        mount(page, "form.js", states.filled() if module == "form.js" else states.references())
    page.screenshot(path=shots / f"narrow-{module.removesuffix('.js')}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    box = page.locator("main > *").bounding_box()
    for button in page.locator("button:visible").all():
        place = button.bounding_box()
        assert box["x"] <= place["x"]
        assert place["x"] + place["width"] <= box["x"] + box["width"]
        assert place["height"] >= 24


def test_empty_board_says_how_to_begin(page: Any, shots: Path) -> None:
    show_board(page, [], title="")
    assert "%%wan" in page.locator(".wan-empty").inner_text()
    page.locator("main").screenshot(path=shots / "board-empty.png")


# --- text is text


def assert_no_markup(page: Any) -> None:
    page.evaluate("new Promise((done) => { const late = new Image(); late.onerror = done; late.src = 'x'; })")
    assert page.evaluate("window.hit") is None
    assert page.locator("main img[src=x], main script").count() == 0


def test_no_text_of_a_run_becomes_markup(page: Any) -> None:
    evil = [replace(row, study=EVIL, variant=EVIL, prompt=EVIL, error_message=EVIL) for row in states.every_state()]
    rows = show_board(page, evil, title=EVIL, money=EVIL)
    page.locator("button", has_text="Code").first.click()
    tell(page, {"kind": "code", "id": rows[0]["id"], "code": {EVIL: EVIL}})
    tell(page, {"kind": "said", "id": rows[1]["id"], "text": EVIL})
    assert EVIL in page.locator(".wan-code pre").inner_text()
    assert_no_markup(page)


def test_no_text_of_a_form_becomes_markup(page: Any) -> None:
    medium = {"name": EVIL, "facts": EVIL, "note": EVIL, "url": None, "kind": "image"}
    checked = {"problems": {"prompt": EVIL}, "mode": EVIL, "price": EVIL, "media": {"first_frame": medium}}
    about = {"service": EVIL, "files": {"image": [EVIL], "audio": [], "clip": []}}
    mount(page, "form.js", states.form(values={"prompt": EVIL}, checked=checked, about=about))
    tell(page, {"kind": "said", "text": EVIL})
    page.get_by_role("button", name="Show as Python").click()
    tell(page, {"kind": "code", "code": {"Python": EVIL}})
    assert page.locator(".wan-code pre").inner_text() == EVIL
    assert_no_markup(page)


# --- time


def stand_still(page: Any) -> None:
    """From now on only `run_for` moves the clock of the page."""
    now = datetime.now(UTC)
    page.clock.install(time=now)
    page.clock.pause_at(now + timedelta(seconds=1))


def test_times_are_said_as_in_python(page: Any) -> None:
    show_board(page, [])
    for seconds in (0, 0.9, 8.4, 59.99, 60, 65, 3599, 3600, 7400, 90_000):
        said = page.evaluate("async s => (await import('./board.js')).clock(s)", seconds)
        assert said == duration(seconds)


def test_bar_is_an_estimate_that_never_says_it_is_done(page: Any) -> None:
    show_board(page, [states.row(0, "RUNNING")])
    values = page.evaluate(
        """async () => {
          const { progress } = await import("./board.js");
          const row = { state: "RUNNING", started: 0, expected_s: 60 };
          return [...Array(4000).keys()].map((second) => progress(row, second));
        }"""
    )
    assert values == sorted(values)
    assert values[0] == 0
    assert values[-1] < 0.97
    assert page.get_by_role("progressbar").get_attribute("aria-label").endswith("an estimate")
    assert "(estimate)" in page.locator(".wan-time").inner_text()


def test_clock_ticks_without_a_message(page: Any) -> None:
    show_board(page, [states.row(0, "RUNNING")])
    before = page.locator(".wan-time").inner_text()
    page.wait_for_function("before => document.querySelector('.wan-time').innerText !== before", arg=before)
    assert page.evaluate("model.sent.length") == 0


def test_without_history_there_is_no_number(page: Any) -> None:
    show_board(page, [states.row(0, "RUNNING")], expected_s=None)
    assert page.get_by_role("progressbar").get_attribute("aria-valuenow") is None
    assert "no estimate yet" in page.locator(".wan-time").inner_text()


def test_kernel_of_another_clock_is_believed(page: Any) -> None:
    rows = show_board(page, [states.row(0, "RUNNING")])
    now = rows[0]["started"] + 1000
    tell(page, {"kind": "beat", "seq": 0, "now": now})
    assert page.locator(".wan-time").inner_text().startswith("16 min 4")


def test_silence_of_the_kernel_is_said_and_ends_with_its_next_word(page: Any, shots: Path) -> None:
    stand_still(page)
    show_board(page, [states.row(0, "RUNNING"), states.row(1, "PENDING")])
    page.clock.run_for(15_000)
    assert page.locator(".wan-stale").is_hidden()
    page.clock.run_for(10_000)
    notice = page.locator(".wan-stale")
    assert "No news from the kernel for 2" in notice.inner_text()
    assert "%wan resume" in notice.inner_text()
    assert "go on at the service" in notice.inner_text()
    assert page.get_by_role("button", name=re.compile("Cancel")).is_disabled()
    page.locator("main").screenshot(path=shots / "board-stale.png")
    tell(page, {"kind": "beat", "seq": 0, "now": page.evaluate("Date.now() / 1000")})
    assert notice.is_hidden()
    assert page.get_by_role("button", name=re.compile("Cancel")).is_enabled()


@pytest.mark.parametrize(("status", "resume"), [("RUNNING", 1), ("SUCCEEDED", 0)])
def test_a_restarted_kernel_is_noticed_at_once(page: Any, status: str, resume: int) -> None:
    show_board(page, [states.row(0, status)])
    page.evaluate("model.fire('comm_live_update')")
    notice = page.locator(".wan-stale")
    assert "The kernel was restarted or has ended." in notice.inner_text()
    assert notice.get_by_text("%wan resume").is_visible() == resume
    assert page.locator(".wan-row button:enabled").count() == 0


def test_a_form_whose_kernel_was_restarted_says_so(page: Any) -> None:
    mount(page, "form.js", states.filled())
    page.evaluate("model.fire('comm_live_update')")
    assert "Run this cell again" in page.locator(".wan-said").inner_text()
    assert page.get_by_role("button", name="Make the clip").is_disabled()


def test_a_board_where_all_has_ended_is_never_stale(page: Any) -> None:
    stand_still(page)
    show_board(page, [states.row(0, "SUCCEEDED"), states.row(1, "FAILED")])
    page.clock.run_for(600_000)
    assert page.locator(".wan-stale").is_hidden()


# --- news


def news(page: Any, rows: list[dict[str, Any]], seq: int, **more: Any) -> None:
    tell(
        page, {"kind": "rows", "rows": rows, "about": {}, "seq": seq, "now": page.evaluate("Date.now() / 1000"), **more}
    )


def test_news_changes_one_row_and_is_announced(page: Any) -> None:
    rows = show_board(page, [states.row(0, "RUNNING"), states.row(1, "PENDING")])
    news(page, [{**rows[1], "state": "FAILED", "message": "too dark"}], 1)
    assert page.locator("[data-state=FAILED]").count() == 1
    assert page.locator("[data-state=RUNNING]").count() == 1
    assert page.locator(".wan-live").inner_text() == "walk · fast: failed, too dark"
    assert "1 failed" in page.locator(".wan-totals").inner_text()


def test_a_new_run_turns_the_card_into_a_board(page: Any) -> None:
    rows = show_board(page, [states.row(0, "RUNNING")])
    assert page.locator(".wan-solo").count() == 1
    news(page, [{**rows[0], "id": "new"}], 1)
    assert page.locator(".wan-solo").count() == 0
    assert page.locator(".wan-row").count() == 2


def test_a_lost_message_is_asked_for_again_once(page: Any) -> None:
    rows = show_board(page, [states.row(0, "RUNNING")])
    news(page, rows, 1)
    news(page, rows, 2)
    assert sent(page, "sync") == []
    news(page, rows, 4)
    tell(page, {"kind": "beat", "seq": 4, "now": 0})
    assert len(sent(page, "sync")) == 1
    news(page, rows, 5, whole=True)
    tell(page, {"kind": "beat", "seq": 6, "now": 0})
    assert len(sent(page, "sync")) == 2


def test_a_view_opened_later_shows_what_came_before(page: Any) -> None:
    rows = show_board(page, [states.row(0, "RUNNING")])
    news(page, [{**rows[0], "state": "SUCCEEDED"}], 1)
    page.evaluate("""async () => {
      const second = document.createElement("div");
      document.body.append(second);
      (await import("./board.js")).default.render({ model, el: second });
    }""")
    assert page.locator("[data-state=SUCCEEDED]").count() == 2


def test_plain_html_in_the_page_is_taken_as_a_place(page: Any) -> None:
    state = {**states.board([states.row(0, "RUNNING")]), "place": "wan-0a1b"}
    mount(page, "board.js", state, host=True)
    assert sent(page, "place") == [{"kind": "place"}]
    page.evaluate("""() => {
      const output = document.createElement("div");
      output.innerHTML = '<p><span class="wan-0a1b">as it was</span></p><span class="wan-ffff">of another</span>';
      document.body.append(output);
    }""")
    page.locator(".wan-0a1b [data-state=RUNNING]").wait_for()
    assert page.get_by_text("as it was").count() == 0
    assert page.get_by_text("of another").is_visible()
    page.evaluate("done()")
    assert page.evaluate("Object.values(model.handlers).flat().length") == 0


def test_a_press_and_the_focus_outlive_an_output_that_is_published_anew(page: Any) -> None:
    """As when a mark is taken down, and the card is written again, while the next button is pressed."""
    state = {**states.board([states.row(0, "SUCCEEDED")]), "place": "wan-0a1b"}
    mount(page, "board.js", state, host=True)
    publish = """() => {
      document.getElementById("output")?.remove();
      document.body.insertAdjacentHTML("beforeend", '<div id="output"><div class="wan-0a1b"></div></div>');
    }"""
    page.evaluate(publish)
    board = page.locator("#output .wan-board")
    code = board.get_by_role("button", name="Code of walk · calm")
    code.hover()
    page.mouse.down()
    page.evaluate(publish)
    page.mouse.up()
    page.wait_for_function("model.sent.some(({ kind }) => kind === 'code')")
    assert len(sent(page, "code")) == 1
    tell(page, {"kind": "code", "id": state["rows"][0]["id"], "code": {"Python": "wan_nb.submit()"}})
    board.get_by_role("button", name="Note").click()
    note = board.get_by_role("textbox", name="Note")
    page.keyboard.type("the tail")
    page.evaluate(publish)
    page.keyboard.type(" drifts")
    assert note.input_value() == "the tail drifts"
    page.locator("h1, body").first.click(position={"x": 2, "y": 2})
    page.evaluate(publish)
    assert page.evaluate("document.activeElement === document.body"), "a focus that went elsewhere is not taken back"


def test_under_the_card_of_a_run_that_has_ended_only_the_next_one_is_offered(page: Any) -> None:
    state = {**states.board([states.row(0, "SUCCEEDED")]), "place": "wan-0a1b"}
    mount(page, "board.js", state, host=True)
    page.evaluate("""() => {
      document.body.insertAdjacentHTML("beforeend", '<div class="wan-0a1b wan-after"></div>');
    }""")
    after = page.locator(".wan-0a1b.wan-after")
    offered = after.locator("button:visible:not(.wan-marks *)")  # stars, drop, note and tags are about this clip
    offered.wait_for()
    assert offered.all_inner_texts() == ["Again · ≈ CNY 3.00"]
    news(page, [{**state["rows"][0], "id": "new", "state": "RUNNING"}], 1)
    assert after.locator(".wan-row:visible").count() == 2
    page.evaluate("done()")


# --- hands


def test_filters_show_the_runs_of_a_state(page: Any) -> None:
    show_board(page, states.every_state())
    page.get_by_role("button", name="Not done 3").click()
    assert page.locator(".wan-row:visible").count() == 3
    assert page.get_by_role("button", name="Not done 3").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="All 9").click()
    assert page.locator(".wan-row:visible").count() == 9


def test_keyboard_alone_is_enough(page: Any) -> None:
    show_board(page, states.every_state())
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate("""() => {
          const now = document.activeElement;
          const keeps = now.getAttribute("data-lm-suppress-shortcuts");
          const ring = getComputedStyle(now).outlineStyle;
          return now === document.body ? null : [now.ariaLabel ?? now.innerText, ring, keeps];
        }""")
        if focused is None:
            break
        reached.add(focused[0])
        assert focused[1] != "none"
        assert focused[2] == "true"
    named = {
        button.get_attribute("aria-label") or button.inner_text() for button in page.locator("button:visible").all()
    }
    assert named <= reached


def test_a_double_click_asks_once_and_waiting_is_explained(page: Any) -> None:
    stand_still(page)
    rows = show_board(page, [states.row(1, "PENDING")])
    page.get_by_role("button", name=re.compile("Cancel")).dblclick()
    assert sent(page, "cancel") == [{"kind": "cancel", "id": rows[0]["id"]}]
    page.clock.run_for(1500)
    assert "waits for the running cell" in page.locator(".wan-note").inner_text()
    tell(page, {"kind": "ack", "id": rows[0]["id"], "action": "cancel"})
    assert page.locator(".wan-note").is_hidden()
    tell(page, {"kind": "said", "id": rows[0]["id"], "text": "the service did not cancel it."})
    assert "did not cancel" in page.locator(".wan-note").inner_text()
    assert page.get_by_role("button", name=re.compile("Cancel")).is_enabled()


def test_buttons_fit_the_state(page: Any) -> None:
    show_board(page, states.every_state())
    for name in STATES:
        row = page.locator(f"[data-state={name}]")
        assert row.get_by_role("button", name=re.compile("^Cancel")).count() == (name == "PENDING")
        assert row.get_by_role("button", name=re.compile("^Again")).count() == (
            name in {"SUCCEEDED", "FAILED", "CANCELED", "EXPIRED"}
        )
        assert row.get_by_role("button", name=re.compile("^Play")).count() == (name == "SUCCEEDED")
    again = page.locator("[data-state=SUCCEEDED]").get_by_role("button", name=re.compile("^Again"))
    assert again.get_attribute("aria-label") == "Again · ≈ CNY 3.00: buys a new clip of walk · near"


def test_code_is_copied(page: Any) -> None:
    rows = show_board(page, [states.row(0, "SUCCEEDED")])
    page.get_by_role("button", name=re.compile("^Code")).click()
    tell(page, {"kind": "ack", "id": rows[0]["id"], "action": "code"})
    tell(page, {"kind": "code", "id": rows[0]["id"], "code": {"Python": "wan_nb.submit()", "curl": "curl -X POST"}})
    page.get_by_role("button", name="curl").click()
    assert page.locator(".wan-code pre").inner_text() == "curl -X POST"
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("selected: press Ctrl+C").or_(page.get_by_text("copied")).wait_for()


def test_the_frame_on_show_is_used_by_code_beneath_its_player(page: Any) -> None:
    rows = show_board(page, [states.row(0, "SUCCEEDED"), states.row(1, "RUNNING")])
    assert page.get_by_role("button", name=re.compile("^Use frame")).count() == 1
    page.locator(".wan-stage").first.evaluate(
        """stage => {
          const video = document.createElement("video");
          Object.defineProperty(video, "currentTime", { value: 1.25 });
          stage.append(video);
        }"""
    )
    page.get_by_role("button", name=re.compile("^Use frame")).click()
    assert page.evaluate("model.sent.at(-1)") == {"kind": "frame", "id": rows[0]["id"], "time": 1.25}
    tell(page, {"kind": "code", "id": rows[0]["id"], "code": {"First": "frame = 1", "Then": "%%wan"}})
    assert page.locator(".wan-code pre").inner_text() == "frame = 1"
    assert page.locator(".wan-stage video").count() == 1, "the player was taken away"


def test_clean_up_leaves_nothing_behind(page: Any) -> None:
    rows = show_board(page, [states.row(0, "RUNNING"), states.row(1, "SUCCEEDED")])
    page.evaluate("done()")
    assert page.evaluate("Object.values(model.handlers).flat().length") == 0
    news(page, [{**rows[0], "state": "FAILED"}], 1)
    assert page.locator("[data-state=FAILED]").count() == 0


# --- form


def test_what_is_typed_is_sent_once_after_a_pause(page: Any) -> None:
    stand_still(page)
    mount(page, "form.js", states.form())
    page.get_by_label("Prompt", exact=True).press_sequentially("a cat")
    page.clock.run_for(1000)
    (message,) = sent(page, "set")
    assert message["values"]["prompt"] == "a cat"
    assert set(message["values"]) == {f["name"] for f in states.form()["fields"] if f["where"] != "media"} | {"seeds"}


def test_counter_counts_as_the_service_does(page: Any) -> None:
    mount(page, "form.js", states.form())
    page.get_by_label("Prompt", exact=True).fill("🎬é夜" + "👩‍🚀")
    assert page.locator(".wan-counter").first.inner_text() == f"{len('🎬é夜👩‍🚀')} / 5,000"


def test_slider_and_number_are_one_value(page: Any) -> None:
    mount(page, "form.js", states.form())
    page.get_by_label("Duration", exact=True).fill("12")
    assert page.get_by_label("Duration, slider").input_value() == "12"
    page.get_by_label("Duration, slider").fill("8")
    assert page.get_by_label("Duration", exact=True).input_value() == "8"


def test_another_prompt_makes_it_a_study(page: Any, axe: Any, shots: Path) -> None:
    mount(page, "form.js", states.form())
    prompt, seeds = page.get_by_label("Prompt", exact=True), page.get_by_label("Seeds for each prompt", exact=True)
    assert not seeds.is_visible()
    prompt.fill("a cat walks")
    page.get_by_role("button", name="Another prompt").click()
    page.keyboard.type("a cat runs, far too long")
    assert prompt.input_value() == "a cat walks\n---\na cat runs, far too long"
    assert page.locator(".wan-counter").first.inner_text() == "24 / 5,000"  # of the longest
    page.wait_for_function("model.sent.at(-1).values?.prompt.endsWith('long')")
    asked = page.evaluate("model.sent.at(-1)")
    assert asked["values"]["seeds"] == "3"
    checked = {**states.form()["checked"], "problems": {}, "ready": True, "clips": 6, "price": "≈ CNY 18.00"}
    tell(page, {"kind": "checked", "checked": checked, "n": asked["n"]})
    page.get_by_role("button", name="Make 6 clips").wait_for()
    assert seeds.input_value() == "3"
    assert axe(page, ".wan-form") == []
    page.screenshot(path=shots / "form-study-light.png")


def test_dice_draws_a_seed(page: Any) -> None:
    mount(page, "form.js", states.form())
    assert page.get_by_label("Seed", exact=True).input_value() == ""
    page.get_by_role("button", name="Draw a seed").click()
    assert 0 <= int(page.get_by_label("Seed", exact=True).input_value()) < 2**31


def test_problem_stands_beside_its_control(page: Any) -> None:
    mount(page, "form.js", states.form())
    page.get_by_label("Duration", exact=True).fill("99")
    checked = {**states.form()["checked"], "problems": {"duration": "duration must be 2 to 15 s, not 99."}}
    page.wait_for_function("model.sent.some((m) => m.kind === 'set')")
    tell(page, {"kind": "checked", "checked": checked, "n": 1})
    number = page.get_by_label("Duration", exact=True)
    assert number.get_attribute("aria-invalid") == "true"
    message = page.locator(f"#{number.get_attribute('aria-describedby')}")
    assert message.inner_text() == "duration must be 2 to 15 s, not 99."


def test_an_answer_that_is_overtaken_is_not_shown(page: Any) -> None:
    mount(page, "form.js", states.form())
    for text in ("a", "ab"):
        page.get_by_label("Prompt", exact=True).fill(text)
        page.wait_for_function("text => model.sent.some((m) => m.values?.prompt === text)", arg=text)
    tell(page, {"kind": "checked", "checked": {**states.form()["checked"], "price": "old"}, "n": 1})
    assert page.locator(".wan-foot .wan-price").inner_text() == "≈ CNY 3.00"
    tell(page, {"kind": "checked", "checked": {**states.form()["checked"], "price": "new"}, "n": 2})
    assert page.locator(".wan-foot .wan-price").inner_text() == "new"


def test_two_clicks_are_one_order(page: Any) -> None:
    mount(page, "form.js", states.filled())
    button = page.get_by_role("button", name="Make the clip")
    button.dblclick()
    button.dispatch_event("click")
    assert len(sent(page, "submit")) == 1
    tell(page, {"kind": "said", "text": "Run 3f9c is on its way; see below."})
    assert button.is_enabled()


def file_input(page: Any, label: str) -> Any:
    return page.get_by_role("group", name=label, exact=True).locator("input[type=file]")


@pytest.mark.parametrize(
    ("label", "name", "size", "words"),
    [
        ("First frame", "notes.txt", 10, "notes.txt is no JPEG or PNG or BMP or WEBP file."),
        ("First frame", "big.jpg", 20_000_001, "the limit is 20 MB"),
        ("Driving audio", "song.ogg", 10, "is no WAV or MP3 file"),
        ("Driving audio", "long.mp3", 15_000_001, "the limit is 15 MB"),
        ("First clip", "huge.mp4", 120_000_000, "huge.mp4 has 120.0 MB; the limit is 100 MB"),
        ("First clip", "none.mp4", 0, "is empty"),
    ],
)
def test_a_file_that_may_not_be_sent_is_refused_in_the_browser(
    page: Any, tmp_path: Path, label: str, name: str, size: int, words: str
) -> None:
    mount(page, "form.js", states.form())
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(size)
    file_input(page, label).set_input_files(path)
    group = page.get_by_role("group", name=label, exact=True)
    group.get_by_text(words).wait_for()
    assert group.get_by_label(f"{label}, path or URL").get_attribute("aria-invalid") == "true"
    assert sent(page, "begin") == []


def test_a_dropped_file_is_judged_like_a_chosen_one_and_never_leaves_the_form(page: Any) -> None:
    mount(page, "form.js", states.form())
    page.evaluate("document.addEventListener('drop', () => { window.leaked = true; })")
    for name, kind in (("notes.txt", "refused"), ("cat.png", "begin")):
        page.evaluate(
            """(name) => {
              const data = new DataTransfer();
              data.items.add(new File(["x"], name));
              const place = document.querySelector(".wan-material");
              const event = { dataTransfer: data, bubbles: true, cancelable: true };
              place.dispatchEvent(new DragEvent("dragover", event));
              place.dispatchEvent(new DragEvent("drop", event));
            }""",
            name,
        )
        if kind == "begin":
            page.wait_for_function("model.sent.some((m) => m.kind === 'begin' && m.name === 'cat.png')")
        else:
            page.get_by_text("notes.txt is no JPEG").wait_for()
            assert sent(page, "begin") == []
    assert page.evaluate("window.leaked") is None
    assert page.locator(".wan-drop").count() == 0


def test_a_file_travels_in_pieces_that_wait_for_each_other(page: Any, tmp_path: Path) -> None:
    mount(page, "form.js", states.form())
    path = tmp_path / "photo.jpg"
    path.write_bytes(bytes(4_500_000))
    file_input(page, "First frame").set_input_files(path)
    page.wait_for_function("model.sent.some((m) => m.kind === 'begin')")
    assert sent(page, "piece") == []
    for index, received in enumerate((0, 2_000_000, 4_000_000)):
        tell(page, {"kind": "got", "field": "first_frame", "received": received})
        page.wait_for_function("n => model.sent.filter((m) => m.kind === 'piece').length === n", arg=index + 1)
        assert page.evaluate("model.buffers[0].byteLength") == (2_000_000, 2_000_000, 500_000)[index]
    assert sent(page, "end") == []
    tell(page, {"kind": "got", "field": "first_frame", "received": 4_500_000})
    page.wait_for_function("model.sent.some((m) => m.kind === 'end')")
    assert [message["index"] for message in sent(page, "piece")] == [0, 1, 2]
