"""How well the comparison player keeps clips together, read from the pixels that Chromium shows.

Every frame of the clips carries its number as a bar code. The page plays them with the shipped ``transport.js`` and
reads all codes every 50 ms; the spread (largest minus smallest number) is the error in frames.

Run it on a quiet machine: ``python tests/bench/player.py``; it prints a table and writes ``player.json`` beside it.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "support")]

from browser.player.clips import make_clip  # noqa: E402 (the folder is put on the path above)
from browser.player.pages import READER, serve  # noqa: E402

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
STATIC = HERE.parents[1] / "wan_nb" / "widgets" / "static"
PHOTOS = ["cat.jpg", "coffee.jpg", "rocket.jpg", "astronaut.png"]
FPS = 24
SECONDS = 12

PAGE = """<!doctype html><meta charset="utf-8"><title>bench</title>
<style>body{margin:0;display:grid;grid-template-columns:repeat(3,1fr)}video{width:100%}</style>
<script type="module">
import { Transport } from "./transport.js";
const count = Number(new URLSearchParams(location.search).get("n"));
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const stop = new AbortController();
const tracks = [];
for (let i = 0; i < count; i += 1) {
  const media = document.createElement("video");
  media.muted = true; media.playsInline = true; media.preload = "auto";
  media.src = URL.createObjectURL(await (await fetch(`clip${i}.mp4`)).blob());
  document.body.append(media);
  tracks.push({ media, fps: FPS });
}
const transport = new Transport(stop.signal);
await transport.use(tracks);
const shown = () => readCodes(tracks.map(({ media }) => media));
const spread = (codes) => Math.max(...codes) - Math.min(...codes);

// One reading every 50 ms from the moment that the first clip runs.
async function watch(seconds) {
  const spreads = [];
  const start = performance.now();
  while (performance.now() - start < seconds * 1000) {
    const codes = shown();
    if (codes.every((code) => code !== null)) spreads.push(spread(codes));
    await pause(50);
  }
  return spreads;
}
const begun = () => Promise.race(tracks.map(({ media }) =>
  new Promise((done) => media.addEventListener("playing", done, { once: true }))));

window.scenario = {
  async plain() {
    await transport.seek(0);
    const first = begun();
    transport.play(); await first;
    return { spreads: await watch(10), holds: transport.holds };
  },
  async late() {
    await transport.pause(); await transport.seek(0);
    const { media } = tracks[1];
    const play = media.play.bind(media);
    media.play = () => new Promise((done, fail) => setTimeout(() => play().then(done, fail), 300));
    const before = transport.holds;
    const first = begun();
    transport.play(); await first;
    media.play = play;
    return { spreads: await watch(10), holds: transport.holds - before };
  },
  async sought() {
    await transport.pause(); await transport.seek(1);
    transport.play();
    const spreads = [];
    const before = transport.holds;
    for (const time of [4.3, 0.7, 7.9, 2.2]) {
      const first = begun();
      transport.seek(time); await first;
      spreads.push(...await watch(2.5));
    }
    return { spreads, holds: transport.holds - before };
  },
  async seeks(times) {
    await transport.pause();
    const took = [], wrong = [];
    for (const time of times) {
      const start = performance.now();
      await transport.seek(time);
      // seeked is told before the picture is on the screen: count until every clip shows the frame.
      const want = Math.floor(time * FPS + 1e-3);
      while (shown().some((code) => code !== want) && performance.now() - start < 2000) await pause(2);
      took.push(performance.now() - start);
      wrong.push(shown().filter((code) => code !== want).length);
    }
    return { took, wrong };
  },
};
document.title = "ready";
</script>""".replace("FPS", str(FPS))


def summary(spreads: list[int]) -> dict[str, Any]:
    """Shares of the readings, and the frames between the clips."""
    return {
        "readings": len(spreads),
        "same_frame": round(sum(s == 0 for s in spreads) / len(spreads), 4),
        "within_one_frame": round(sum(s <= 1 for s in spreads) / len(spreads), 4),
        "worst_frames": max(spreads),
    }


def measure(page: Any, address: str, count: int) -> dict[str, Any]:
    """All scenarios with `count` clips on one page."""
    page.goto(f"{address}/bench.html?n={count}")
    page.wait_for_function("document.title === 'ready'", timeout=60_000)
    found: dict[str, Any] = {}
    for name in ("plain", "late", "sought"):
        answer = page.evaluate(f"scenario.{name}()")
        found[name] = {**summary(answer["spreads"]), "holds": answer["holds"], "loadavg": os.getloadavg()[0]}
    times = [round((37 * k % 231 + 0.5) / FPS, 4) for k in range(1, 25)]
    answer = page.evaluate("(times) => scenario.seeks(times)", times)
    took = sorted(answer["took"])
    found["random_seek"] = {
        "median_ms": round(statistics.median(took)),
        "p95_ms": round(took[int(0.95 * len(took))]),
        "clips_on_another_frame": sum(answer["wrong"]),
        "loadavg": os.getloadavg()[0],
    }
    return found


def main() -> None:
    """Make the clips, measure 2, 4 and 6 of them, print and write."""
    folder = Path(tempfile.mkdtemp())
    try:
        for index in range(6):
            make_clip(folder / f"clip{index}.mp4", PHOTOS[index % 4], seconds=SECONDS, fps=FPS, tint=0.1 * (index // 4))
        (folder / "bench.html").write_text(PAGE)
        shutil.copy(STATIC / "transport.js", folder)
        time.sleep(2)
        results: dict[str, Any] = {
            "what": "960x544 H.264 GOP 10 without B-frames, 24 fps; spread in frames over all clips, read from pixels",
            "date": time.strftime("%Y-%m-%d"),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "loadavg_before": os.getloadavg(),
        }
        with serve(folder) as address, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
            results["chromium"] = browser.version
            for count in (2, 4, 6):
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                page.add_init_script(READER)
                results[f"{count}_clips"] = measure(page, address, count)
                print(count, json.dumps(results[f"{count}_clips"], indent=1))
                page.close()
            browser.close()
        (HERE / "player.json").write_text(json.dumps(results, indent=2) + "\n")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
