"""Clips with their frame numbers burnt in, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from wan_nb.widgets.assets import STATIC

from .clips import make_clip
from .pages import READER, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PHOTOS = ("cat.jpg", "coffee.jpg")


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of clips: two of 3 s at 24 frames a second with sound, a shorter one at 30, one with another size."""
    folder = tmp_path_factory.mktemp("films")
    for number, photo in enumerate(PHOTOS):
        make_clip(folder / f"clip{number}.mp4", photo, seconds=3, size=(480, 272), sound=True)
    make_clip(folder / "short.mp4", "rocket.jpg", seconds=2, fps=30, size=(480, 272))
    make_clip(folder / "tall.mp4", "rocket.jpg", seconds=3, size=(272, 480))
    return folder


@pytest.fixture(scope="session")
def clips(films: Path) -> list[dict[str, Any]]:
    """Clip dicts of one block, without strips."""
    return [
        {
            "id": f"run-{name}",
            "label": label,
            "variant": label,
            "block": "cat seed 7",
            "seed": 7,
            "prompt": f"a {label} cat walks",
            "params": {"duration": 3},
            "video": films / f"{name}.mp4",
            "fps": 24,
            "width": 480,
            "height": 272,
            "has_audio": True,
            "simulated": True,
            "cost": 3.0,
            "currency": "CNY",
            "status": "SUCCEEDED",
        }
        for name, label in (("clip0", "calm"), ("clip1", "fast"))
    ]


PAGE = """<!doctype html><meta charset="utf-8"><title>transport</title><link rel="icon" href="data:,">
<style>video { width: 30% }</style>
<script type="module">
import { Transport, frameAt, middle } from "./transport.js";
const clock = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "currentTime");
window.soughtWhilePlaying = 0;
window.sought = 0;
Object.defineProperty(HTMLMediaElement.prototype, "currentTime", {
  get() { return clock.get.call(this); },
  set(time) {
    if (tracks.some(({ media }) => !media.paused && !media.ended)) window.soughtWhilePlaying += 1;
    window.sought += 1;
    clock.set.call(this, time);
  },
});
const tracks = [];
const stop = new AbortController();
const transport = new Transport(stop.signal);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
Object.assign(window, { transport, tracks, stop, pause });
window.open_ = async (...files) => {
  for (const [name, fps] of files) {
    const media = document.createElement("video");
    // As Blobs, as in the widget: this server knows no ranges, and a browser seeks nowhere without them.
    const src = URL.createObjectURL(await (await fetch(`films/${name}`)).blob());
    Object.assign(media, { muted: true, playsInline: true, preload: "auto", src });
    document.body.append(media);
    tracks.push({ media, fps });
  }
  await transport.use(tracks);
};
window.shown = () => readCodes(tracks.map(({ media }) => media));
// What is on the screen lags behind "seeked" by a repaint; the numbers must arrive, and then stay.
window.shows = async (...frames) => {
  const same = () => JSON.stringify(shown()) === JSON.stringify(frames);
  for (let i = 0; i < 100 && !same(); i += 1) await pause(20);
  return shown();
};
// The one frame that all show in the end.
window.agree = async () => {
  for (let i = 0; i < 100 && new Set(shown()).size > 1; i += 1) await pause(20);
  await pause(100);
  return shown();
};
window.until = async (test) => { while (!test()) await pause(10); };
document.title = "ready";
</script>"""


@pytest.fixture
def stage(page: Any, films: Path, tmp_path: Path) -> Iterator[Any]:
    """A page with the shipped clock and nothing else; ``open_([name, fps], …)`` brings clips onto it."""
    (tmp_path / "transport.js").write_bytes((STATIC / "transport.js").read_bytes())
    (tmp_path / "films").symlink_to(films)
    (tmp_path / "index.html").write_text(PAGE)
    page.add_init_script(READER)
    with serve(tmp_path) as address:
        page.goto(f"{address}/index.html")
        page.wait_for_function("document.title === 'ready'")
        yield page
