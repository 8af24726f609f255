"""Every view in narrow places and with large letters: nothing leaves its view, is cut, or lies on something else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import wan_nb
from wan_nb.widgets.compare import CompareWidget
from wan_nb.widgets.vote import VoteWidget

from . import states
from .harness import mount, tell
from .player.conftest import clips, films  # noqa: F401  # fixtures
from .player.host import serve_widget
from .waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# What people see, measured: text by its lines, controls and pictures by their boxes.
FAULTS = """(root) => {
  const found = [];
  const text = (el) => (el.textContent || el.value || "").trim().slice(0, 30);
  const name = (el) => `${el.tagName.toLowerCase()}.${el.className} '${text(el)}'`;
  const seen = (el) => el.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const style = (el) => getComputedStyle(el);
  const shuts = (el) => /auto|scroll|hidden|clip/.test(style(el).overflowX);
  const lines = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return [...range.getClientRects()];
  };
  const above = (el, test) => {
    for (let at = el; at && at !== root; at = at.parentElement) if (test(at)) return at;
    return null;
  };
  const told = (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim();
  const CONTROLS = "button, input, select, textarea, video, img, progress, audio, .wan-pill, .wan-badge";
  const outer = root.getBoundingClientRect();
  const things = [];
  for (const el of [root, ...root.querySelectorAll("*")]) {
    if (!seen(el) || (el.closest("svg") && el.tagName !== "svg")) continue;
    const laid = above(el, (at) => style(at).position === "absolute"); // on a picture, on purpose
    const shut = above(el.parentElement, shuts);
    const words = el.matches("details:not([open])") ? [] : [...el.childNodes].filter(told);
    const boxes = el.matches(CONTROLS) ? [el.getBoundingClientRect()] : words.flatMap(lines);
    for (const box of boxes.filter(({ width, height }) => width > 1 && height > 1)) {
      const out = box.right > outer.right + 1 || box.left < outer.left - 1;
      if (!shut && out) found.push(`beyond the edge: ${name(el)}`);
      if (!laid) things.push([el, box]);
    }
    const [wide, high] = [el.scrollWidth - el.clientWidth, el.scrollHeight - el.clientHeight];
    const holds = el.matches("button, label, legend, .wan-pill") && el.clientWidth > 1;
    if (holds && (wide > 1 || high > 1)) found.push(`spills ${wide} × ${high} px: ${name(el)}`);
  }
  things.forEach(([one, a], at) => things.slice(at + 1).forEach(([other, b]) => {
    if (one.contains(other) || other.contains(one)) return;
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 1.5 && high > 3) found.push(`${name(one)} lies on ${name(other)}`);
  }));
  const scrolls = /auto|scroll/.test(style(root).overflowX);
  const page = document.documentElement.scrollWidth;
  if (!scrolls && root.scrollWidth > root.clientWidth) found.push(`${root.scrollWidth} in ${root.clientWidth} px`);
  if (page > innerWidth) found.push(`the page is ${page} wide in ${innerWidth} px`);
  return [...new Set(found)];
}"""

LETTERS = (
    ":root { --jp-ui-font-size1: %dpx !important; --jp-content-font-size1: %dpx !important; --jp-code-font-size: %dpx }"
)
# Of JupyterLab's window of 360 px, 222 are left for an output.
SIZES = [(222, 13), (222, 20), (328, 13), (560, 20), (960, 20)]


def without_faults(view: Any, where: str) -> None:
    """Wait until nothing of a view is cut or lies on something else; what has just been resized is laid anew."""
    found: list[str] = []

    def none() -> bool:
        found[:] = view.evaluate(FAULTS)
        return not found

    try:
        until(view.page, none)
    except AssertionError:
        raise AssertionError(f"{where}:\n" + "\n".join(found)) from None


def fits(page: Any, letters: int, where: str) -> None:
    """The view on the page has no faults with letters of this size."""
    page.add_style_tag(content=LETTERS % (letters, letters, letters))
    without_faults(page.locator("#stage > *, #cell > *").first, f"{where}, letters of {letters} px")


def board(page: Any, width: int, *, long: bool = False) -> None:
    rows = states.every_state()
    if long:
        rows = [replace(row, variant="w" * 60, prompt="a cat " * 60) for row in rows]
    mount(page, "board.js", states.board(rows, money="CNY 12.00 of 200.00 used in 24 h"), width=width)


def card(page: Any, width: int) -> None:
    mount(page, "board.js", states.board([states.row(0, "RUNNING", simulated=True)], title=""), width=width)


def done(page: Any, width: int) -> None:
    mount(page, "board.js", states.board([states.row(0, "SUCCEEDED", rating=4, note="the tail drifts")]), width=width)


def form(page: Any, width: int) -> None:
    mount(page, "form.js", states.filled(), width=width)


def study_form(page: Any, width: int) -> None:
    mount(page, "form.js", states.filled(), width=width)
    page.get_by_role("button", name="Another prompt").click()
    tell(
        page,
        {"kind": "checked", "checked": {**states.filled()["checked"], "clips": 6, "price": "≈ CNY 18.00"}, "n": None},
    )


def references(page: Any, width: int) -> None:
    mount(page, "form.js", states.references(), width=width)


def offer(page: Any, width: int) -> None:
    words = "Cancel 2 not yet sent, and buy 12 clips for ≈ CNY 36.00"
    mount(page, "buy_button.js", {"label": words, "said": "nothing is to be bought now.", "ready": True}, width=width)


VIEWS: list[Callable[..., None]] = [board, card, done, form, study_form, references, offer]


@pytest.mark.front_end(
    "222 px, what a window of 360 leaves in JupyterLab, and letters of 20 px",
    "nothing is cut or lies on something else",
)
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_views_fit_small_places_and_large_letters(page: Any, shots: Path, view: Callable[..., None]) -> None:
    for width, letters in SIZES:
        page.set_viewport_size({"width": width + 24, "height": 900})
        view(page, width)
        fits(page, letters, f"{width} px")
        page.screenshot(path=shots / f"sizes-{view.__name__}-{width}-{letters}.png", full_page=True)


@pytest.mark.parametrize("kind", ["vote", "told", "closed", "compare"])
def test_clips_side_by_side_fit(page: Any, shots: Path, clips: list[Any], kind: str) -> None:  # noqa: F811
    def pair() -> Any:
        return {"left": clips[0], "right": {**clips[1], "video": None} if kind == "closed" else clips[1]}

    # Measures make orders of long names.
    clips = [{**clip, "measures": {"motion": 1.0 + at, "brightness_drift": 0.1 * at}} for at, clip in enumerate(clips)]
    for width, letters in SIZES:
        widget = CompareWidget(clips, mark=lambda _run, _mark: {"rating": 4, "tags": [], "note": "", "dropped": False})
        if kind != "compare":
            widget = VoteWidget(pair, lambda *_: None, pair, sentence=lambda: "Not decided yet, about 4 more seeds.")
        page.set_viewport_size({"width": width + 16, "height": 900})
        with serve_widget(widget) as address:
            page.goto(address)
            page.locator(".wan-c-note").nth(1).wait_for(state="attached")
            page.wait_for_function("!document.body.innerText.includes('Preparing')")
            if kind == "told":
                page.wait_for_selector(".wan-c-vote [data-outcome=left]:not([disabled])")
                page.locator(".wan-c").press("1")
                page.wait_for_selector(".wan-c-next:not([hidden])")
            page.locator(".wan-c").press("?")
            page.locator(".wan-c-help").wait_for()
            fits(page, letters, f"{width} px")
            page.screenshot(path=shots / f"sizes-{kind}-{width}-{letters}.png", full_page=True)
            page.goto("about:blank")


def test_plain_html_fits(page: Any, shots: Path, simulator: Any, photos: Path, tmp_path: Path) -> None:
    """Cards, boards, plans, rankings and races as a saved notebook has them."""
    from wan_nb.widgets.output.static_outputs import run_bundle, runs_bundle
    from wan_nb.widgets.plan import plan_bundle

    simulator.config(speed=200)
    prompts = {"calm": "a cat walks and sighs", "a wilder one with a name": "a cat dashes"}
    with wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "log", gap=0.02) as session:
        frame = photos / "cat.jpg"
        study = session.study(prompts, name="walk", first_frame=frame, seeds=range(4), duration=2)
        plan = plan_bundle(session.workspace, study.state())
        study.submit(max_cost=100).wait()
        ballot = study.ballot()
        while asked := ballot.next():
            ballot.record(asked, "left" if asked.left_variant == "calm" else "right")
        race = session.study(prompts, name="race", first_frame=frame, duration=2).race(max_cost=90)
        views = {
            "plan": plan,
            "card": run_bundle(session.workspace, study.rows()[0]),
            "runs": runs_bundle(session.workspace, study.rows(), title="walk"),
            "ranking": study.ranking()._repr_mimebundle_(),
            "race": race.page().bundle(),
        }
    for name, bundle in views.items():
        for width, letters in SIZES:
            page.set_viewport_size({"width": width + 16, "height": 900})
            body = f"<body style='margin:8px;font-size:{letters}px'><main id='stage'>{bundle['text/html']}</main>"
            page.set_content(f"<!doctype html>{body}")
            box = page.locator("#stage div[style*=font-family]").first
            assert box.evaluate("el => parseFloat(getComputedStyle(el).fontSize)") == pytest.approx(
                0.93 * letters, abs=0.1
            )
            fits(page, letters, f"{name}, {width} px")
            page.screenshot(path=shots / f"sizes-static-{name}-{width}-{letters}.png", full_page=True)


def test_long_names_fit(page: Any) -> None:
    for width, letters in SIZES:
        page.set_viewport_size({"width": width + 24, "height": 900})
        board(page, width, long=True)
        fits(page, letters, f"{width} px")
