"""A kernel that races from the cell to the report, voting blind by a rule; its parent kills it on the way."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any
from zlib import crc32

CELL = """%%wan --race --max-cost {cost} --name walk -f {cat} --vary duration=2,3 --out race
a cat walks
"""
BEST = "3 s"


def race(folder: str, settings: dict[str, Any], cat: str, cost: float) -> None:
    """Run the cell, vote on what it asks, run it again, until it buys nothing more; then write the report."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    from wan_nb.handles import default

    os.chdir(folder)
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    shell.kernel = SimpleNamespace(_allow_stdin=False)  # nobody is there to press a button
    shell.run_line_magic("load_ext", "wan_nb")
    default.connect(settings["base_url"], api_key=settings["api_key"], gap=0.02, patience=0.5)
    clips = -1
    while True:
        done = shell.run_cell(CELL.format(cat=cat, cost=cost), store_history=False)
        done.raise_error()
        found = shell.user_ns["race"]
        vote(found.study)
        if found.decided or found.state().clips == clips:
            break
        clips = found.state().clips
    shell.run_line_magic("wan", "report walk -o walk.html")
    default.close()


def vote(study: Any) -> None:
    """Blind: of a pair the rater has the two files alone, and takes the longer one, but for one seed in five."""
    from wan_nb.media.clips import inspect_clip

    ballot = study.ballot(rater="Ada")
    while (asked := ballot.next()) is not None:
        left, right = (inspect_clip(study.session.run(run).video).frames for run in (asked.left_run, asked.right_run))
        mistaken = crc32(asked.block.encode()) % 5 == 0
        ballot.record(asked, "left" if (left > right) != mistaken else "right")
