"""What a person sees in JupyterLab and Notebook 7: real server, real kernel, real Chromium, a real simulator."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import nbformat
import numpy as np
import pytest
from PIL import Image

from .lab import REPO
from .waiting import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WIDGET = "application/vnd.jupyter.widget-view+json"
CAN_PLAY = """() => document.createElement("video").canPlayType('video/mp4; codecs="avc1.42E01E, mp4a.40.2"')"""
SUBMIT = 'run = wan_nb.submit("a cat walks", first_frame="cat.jpg", duration=3)\nrun'
ASLEEP = 'import pathlib, time\nwhile not pathlib.Path("awake").exists(): time.sleep(0.05)'


@pytest.fixture
def setup(simulator: Any, server: Any) -> Callable[[str], str]:
    """First cell of a notebook in a folder of its own, with the cat beside it."""
    simulator.config(clips="full", run=1.0)

    def write(folder: str) -> str:
        (server.notebooks / folder).mkdir()
        shutil.copy(REPO / "notebooks/data/cat.jpg", server.notebooks / folder / "cat.jpg")
        return f'import wan_nb; wan_nb.connect({simulator.url!r}, api_key="sk-test", gap=0.2)'

    return write


def play(page: Any, video: Any) -> None:
    """It plays with sound, and seeks to where it is told."""
    video.scroll_into_view_if_needed()
    state = video.evaluate(
        """async (video) => {
          const until = (test) => new Promise((done, fail) => {
            const begun = Date.now();
            const look = () => {
              if (test()) done();
              else if (Date.now() - begun < 15000) setTimeout(look, 50);
              else fail(new Error(`at ${video.currentTime} s, ready ${video.readyState}, ${video.error?.message}`));
            };
            look();
          });
          // JupyterLab finds out the address of a file after the player is there.
          await until(() => /[/]files[/]|^(blob|data):/.test(video.currentSrc || video.src));
          video.muted = true;  // a page may not start sound by itself; the track is there all the same
          await video.play();
          await until(() => video.currentTime > 0.3);
          video.pause();
          video.currentTime = 2;
          await until(() => !video.seeking && Math.abs(video.currentTime - 2) < 0.05);
          return { width: video.videoWidth, seconds: video.duration, error: video.error };
        }"""
    )
    assert state["error"] is None
    assert state["width"] > 0
    assert abs(state["seconds"] - 3) < 0.1


def photo(path: Path) -> Path:
    """A photograph of about 15 MB, as a good camera makes it."""
    noise = np.random.default_rng(7).integers(0, 256, (2600, 3400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, "JPEG", quality=88, subsampling=0)
    assert 14_000_000 < path.stat().st_size < 20_000_000
    return path


def test_this_browser_plays_h264_with_aac(page: Any) -> None:
    assert page.evaluate(CAN_PLAY) == "probably"


@pytest.mark.front_end(
    "JupyterLab 4 in Chromium",
    "form with a photograph of 15 MB, live board, player with sound, and votes, comparisons, races and studies "
    "in the tests beside it",
)
def test_from_the_form_with_a_large_photo_to_a_playing_clip(
    notebook: Any, setup: Any, tmp_path: Path, shots: Path, axe: Any
) -> None:
    book = notebook("form/a.ipynb", setup("form"), "wan_nb.form()")
    book.run(0)
    book.run(1)
    form = book.page.locator(".wan-form")
    form.get_by_label("Prompt", exact=True).fill("grain dances <b>&</b> {{x}}")
    form.get_by_label("Duration", exact=True).fill("3")
    group = form.get_by_role("group", name="First frame", exact=True)
    group.locator("input[type=file]").set_input_files(photo(tmp_path / "large photo.jpg"))
    group.get_by_text(re.compile(r"JPEG · 3400×2600 · 1\d\.\d MB")).wait_for()
    group.get_by_alt_text("Preview of First frame").wait_for()
    expect(form.locator(".wan-mode")).to_have_text("image to video")
    form.locator(".wan-foot").get_by_text("≈ CNY 1.80").wait_for()
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        book.theme(theme)
        assert axe(book.page, ".wan-form") == []
        form.screenshot(path=shots / f"lab-form-{theme.rpartition(' ')[2].lower()}.png")
    # A clip to go on from takes the place of the frame, which comes back when it is taken away.
    clip = form.get_by_role("group", name="First clip", exact=True)
    clip.get_by_placeholder("path or URL").fill("not-there.mp4")
    clip.get_by_placeholder("path or URL").press("Enter")
    aside = form.get_by_text("Put aside: First frame: it does not go with First clip.")
    aside.wait_for()
    clip.get_by_role("button", name="Remove First clip").click()
    group.get_by_text(re.compile("JPEG · 3400×2600")).wait_for()
    aside.wait_for(state="hidden")
    form.get_by_role("button", name="Show as Python").click()
    form.locator("pre", has_text="wan_nb.submit(").wait_for()
    form.get_by_role("button", name="Make the clip").dblclick()
    book.page.locator(".wan-board").first.wait_for()
    video = book.cell(1).locator("video[controls]")
    expect(video).to_have_count(1)
    expect(book.page.locator(":not(.wan-after) > .wan-board")).to_have_count(0)
    play(book.page, video)
    expect(book.area(1)).to_contain_text("grain dances <b>&</b> {{x}}")
    # What has ended is plain HTML, and still of use: another clip of it is one click, in the same place.
    book.page.locator(".wan-after").get_by_role("button", name=re.compile("^Again")).click()
    expect(book.area(1)).to_contain_text("2 done")


def test_bar_moves_and_cancel_works_while_another_cell_sleeps(
    notebook: Any, setup: Any, server: Any, simulator: Any, axe: Any, shots: Path
) -> None:
    book = notebook("sleep/a.ipynb", setup("sleep"), SUBMIT, SUBMIT.replace("walks", "waits"), ASLEEP)
    simulator.config(run=60.0)
    book.run(0)
    book.run(1)
    page = book.page
    page.locator("[data-state=RUNNING]").wait_for()
    simulator.config(queue=600.0)
    book.run(2)
    waiting = page.locator("[data-state=PENDING]")
    waiting.wait_for()
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        book.theme(theme)
        assert axe(page, ".wan-board") == []
        page.screenshot(path=shots / f"lab-live-{theme.rpartition(' ')[2].lower()}.png")
    book.start(3)
    page.wait_for_function("jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.status === 'busy'")
    page.evaluate("""() => {
      window.seen = new Set();
      setInterval(() => seen.add(document.querySelector("[data-state=RUNNING] .wan-time")?.textContent), 200);
    }""")
    waiting.get_by_role("button", name=re.compile("^Cancel")).click()
    page.get_by_text("canceled").first.wait_for()
    page.wait_for_function("window.seen.size >= 3")
    # All of that while the cell was still asleep. (The kernel's status says idle as soon as the click is served.)
    assert not book.ended(3)
    (server.notebooks / "sleep/awake").touch()
    page.wait_for_function("window.ended.has(3)")
    book.wait_html(1)
    book.wait_html(2, "canceled")
    saved = book.save()
    assert set(saved.cells[1].outputs[0].data) == {"text/html", "text/plain"}
    assert "canceled" in saved.cells[2].outputs[0].data["text/plain"]
    assert set(saved.cells[2].outputs[0].data) == {"text/html", "text/plain"}


def test_no_key_of_the_board_or_the_form_reaches_the_notebook(notebook: Any, setup: Any, simulator: Any) -> None:
    book = notebook("keys/a.ipynb", setup("keys"), SUBMIT, "wan_nb.form()")
    simulator.config(queue=600.0)
    for index in range(3):
        book.run(index)
    page = book.page
    page.locator("[data-state=PENDING]").wait_for()
    for index in (1, 2):
        book.wait_html(index)
    before = book.structure()
    for selector in (".wan-board button:visible", ".wan-form :is(button, input, textarea, summary):visible"):
        for control in page.locator(selector).all()[:20]:
            page.evaluate("jupyterapp.shell.currentWidget.content.mode = 'command'")
            control.focus()
            for key in ("a", "b", "x", "d", "d", "c", "y"):
                page.keyboard.press(key)
            assert book.structure() == before, control.evaluate("node => node.outerHTML")


def test_saved_and_opened_again_without_a_kernel_the_clip_plays(
    notebook: Any, setup: Any, server: Any, simulator: Any, shots: Path
) -> None:
    book = notebook("saved/a.ipynb", setup("saved"), SUBMIT, "wan_nb.form()", SUBMIT.replace("walks", "waits"))
    for index in range(3):
        book.run(index)
    book.cell(1).locator("video[controls]").wait_for()
    simulator.config(queue=600.0)
    book.run(3)
    # Shown in plain HTML: the page has said that it can, and the kernel has replaced the widget.
    book.page.locator(".jp-RenderedHTML [data-state=PENDING]").wait_for()
    book.page.locator(".jp-RenderedHTML .wan-form").wait_for()
    for index in (1, 2, 3):
        book.wait_html(index)
    saved = book.save()
    for cell in saved.cells[1:]:
        assert all(set(output.data) == {"text/html", "text/plain"} for output in cell.outputs)
    output = saved.cells[1].outputs[0]
    assert len(json.dumps(output).encode()) <= 25_000
    book.shut_kernel_down()
    again = notebook("saved/a.ipynb")
    play(again.page, again.cell(1).locator("video[controls]"))
    for index, text in (
        (1, "done"),
        (1, "SIMULATED"),
        (2, "run this cell to fill it in"),
        (3, "the task goes on without the notebook"),
    ):
        expect(again.area(index)).to_contain_text(text)
    assert not re.search("Loading widget|Error displaying widget", again.page.content())
    again.page.screenshot(path=shots / "lab-saved.png")
    # A copy that this server never signed is not trusted: its HTML is sanitised, and plays all the same.
    saved.cells[1].outputs[0].data["text/html"] += "<script>window.hit = 1</script>"
    nbformat.write(saved, server.notebooks / "saved/copy.ipynb")
    stranger = notebook("saved/copy.ipynb")
    play(stranger.page, stranger.cell(1).locator("video[controls]"))
    strip = stranger.cell(1).locator("img")
    assert strip.evaluate("async (img) => { await img.decode(); return img.naturalWidth > 600; }")
    standing = stranger.cell(1).locator("video:not([controls])")  # the sanitiser leaves the sharp picture, too
    standing.evaluate("video => video.readyState >= 2 || new Promise((done) => { video.onloadeddata = done; })")
    assert stranger.page.evaluate("window.hit") is None
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        stranger.theme(theme)
        stranger.page.screenshot(path=shots / f"lab-untrusted-{theme.rpartition(' ')[2].lower()}.png")


def test_a_reloaded_page_goes_on_and_running_the_cell_again_mends_it(notebook: Any, setup: Any, simulator: Any) -> None:
    book = notebook("reload/a.ipynb", setup("reload"), SUBMIT)
    simulator.config(run=30.0)
    book.run(0)
    book.run(1)
    book.page.locator("[data-state=RUNNING]").wait_for()
    book.wait_html(1)
    book.save()
    book = notebook("reload/a.ipynb")
    running = book.page.locator("[data-state=RUNNING]")
    running.wait_for()
    before = running.locator(".wan-time").inner_text()
    book.page.wait_for_function(
        "before => document.querySelector('[data-state=RUNNING] .wan-time').innerText !== before", arg=before
    )
    simulator.do(simulator.tasks()[0]["task_id"], "finish")
    done = book.page.locator("[data-state=SUCCEEDED]")
    done.get_by_role("button", name=re.compile("^Play")).click()
    play(book.page, done.locator("video[controls]"))
    book.run(1)
    book.cell(1).locator("video[controls][preload=none]").wait_for()
    book.wait_html(1, "Reused run")
    (output,) = book.save().cells[1].outputs
    assert "Reused run" in output.data["text/plain"]
    assert WIDGET not in output.data
    assert len(simulator.tasks()) == 1


def test_a_kernel_that_dies_is_noticed_and_the_way_back_is_said(notebook: Any, setup: Any, simulator: Any) -> None:
    book = notebook("dies/a.ipynb", setup("dies"), SUBMIT, "wan_nb.resume(); wan_nb.board()")
    simulator.config(run=600.0)
    book.run(0)
    book.run(1)
    book.page.locator("[data-state=RUNNING]").wait_for()
    book.page.evaluate("() => jupyterapp.shell.currentWidget.context.sessionContext.restartKernel()")
    notice = book.page.locator(".wan-stale")
    notice.wait_for()
    expect(notice).to_contain_text("%wan resume")
    book.run(0)
    book.run(2)
    book.cell(2).locator("[data-state=RUNNING]").wait_for()
    simulator.do(simulator.tasks()[0]["task_id"], "finish")
    book.cell(2).locator("[data-state=SUCCEEDED]").wait_for()


def test_twenty_clips_weigh_little_and_load_nothing(notebook: Any, setup: Any, page: Any) -> None:
    show = "from IPython.display import display\nfor _ in range(20): display(run)"
    book = notebook("weight/a.ipynb", setup("weight"), "run = " + SUBMIT.splitlines()[0][6:] + ".wait()", show)
    book.run(0)
    book.run(1)
    book.run(2)
    players = book.cell(2).locator("video[controls]")
    expect(players).to_have_count(20)
    book.cell(2).last.scroll_into_view_if_needed()
    saved = book.save()
    assert all(len(json.dumps(output).encode()) <= 25_000 for output in saved.cells[2].outputs)
    # Before it is played a player loads nothing; what stands behind it has its first frame.
    assert players.evaluate_all("players => players.map((video) => video.readyState)") == [0] * 20
    standing = book.cell(2).last.locator("video:not([controls])")
    standing.evaluate("video => video.readyState >= 2 || new Promise((done) => { video.onloadeddata = done; })")
    play(page, players.last)


@pytest.mark.front_end("Notebook 7 in Chromium", "live board, clip, form")
def test_heart_of_it_in_notebook_7(notebook: Any, setup: Any, shots: Path) -> None:
    book = notebook("seven/a.ipynb", setup("seven"), SUBMIT, app="notebook")
    book.run(0)
    book.run(1)
    book.page.locator(".wan-board").first.wait_for()
    video = book.cell(1).locator("video[controls]")
    expect(video).to_have_count(1)
    play(book.page, video)
    book.page.screenshot(path=shots / "notebook-7.png")
    book.wait_html(1)
    (output,) = book.save().cells[1].outputs
    assert set(output.data) == {"text/html", "text/plain"}
