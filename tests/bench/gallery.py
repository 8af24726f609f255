"""A gallery of ten thousand runs: how long its first page takes, and what it adds to the notebook.

    python tests/bench/gallery.py          a minute; writes results/gallery.json and prints it

The clips of the first page lie on the disk, with the small pictures that were made of them.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import ROOT, median, row, write
from log_history import log_of

import wan_nb
from wan_nb.widgets.gallery import MOST_BYTES, PAGE, Choice, Gallery

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS, TURNS = 10_000, 7


def timed(work: Callable[[], Any]) -> float:
    """Median seconds of the processor: what a person waits on a machine that has nothing else to do."""
    times = []
    for _ in range(TURNS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return median(times)


def main() -> None:
    """Measure, write, print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log_of(RUNS, folder).close()
        (path,) = folder.glob("*.db")
        (folder / "videos").mkdir()
        clip = max((ROOT / "tests/data/edition1").rglob("*.mp4"), key=lambda one: one.stat().st_size)
        for number in range(RUNS - 2 * PAGE, RUNS):
            shutil.copy(clip, folder / f"videos/{number}.mp4")
        with wan_nb.Session("simulator", log=path, folder=folder) as session:
            gallery = Gallery(session.workspace, session.runs().wan.ids)
            size = len(json.dumps(gallery.bundle(Choice(), RUNS), ensure_ascii=False).encode())
            find = session.log.find

            def first_page() -> None:
                frame = session.runs()
                pages = Gallery(session.workspace, frame.wan.ids)
                pages.bundle(Choice(), pages.count(Choice()))

            rows = {
                f"first page of {RUNS:,} runs, the table included": row(timed(first_page), 1, "s"),
                "  find behind it": row(1e3 * timed(lambda: gallery.rows(Choice())), 50, "ms"),
                "  find behind a page of the best rated": row(
                    1e3 * timed(lambda: gallery.rows(Choice(sort="-rating"))), 50, "ms"
                ),
                "  find of words, the newest first": row(
                    1e3 * timed(lambda: find(words="dust late", limit=PAGE)), 50, "ms"
                ),
                "  what the page adds to the notebook": row(size / 1e3, MOST_BYTES / 1e3, "kB"),
            }
    write("gallery", rows, median_of_runs=TURNS)


if __name__ == "__main__":
    main()
