"""A study of sixty with its clips in a bucket against the same study with its clips on the disk.

    python tests/bench/bucket.py          three minutes; writes results/bucket.json and prints it

The bucket is a real S3-compatible server (moto's) in a process of its own; the simulator runs each clip for a second,
five at a time. Both studies take turns, so that a busy machine is busy for both.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import ROOT, Simulator, median, row, write

import wan_nb

CLIPS, ROUNDS = 60, 5
logging.disable(logging.WARNING)


def study(url: str, folder: Path, media: str | Path, name: str) -> float:
    """Seconds of a study from its plan to its last clip."""
    with wan_nb.Session(base_url=url, api_key="sk-" + name.replace(" ", "-"), folder=folder, media=media) as session:
        picture = ROOT / "notebooks/data/cat.jpg"
        began = time.monotonic()
        plan = session.study([f"{name} {n}" for n in range(CLIPS)], name=name, first_frame=picture, duration=2)
        rows = plan.submit(max_cost=1000).wait().rows()
        took = time.monotonic() - began
    assert [str(one.status) for one in rows] == ["SUCCEEDED"] * CLIPS
    return took


def main() -> None:
    """Measure, write, print."""
    server = [sys.executable, str(ROOT / "tests/support/bucket.py")]
    with (
        tempfile.TemporaryDirectory() as name,
        subprocess.Popen(
            server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as bucket,
        Simulator(name, queue=0.0, run=1.0) as simulator,
    ):
        assert bucket.stdout
        told = json.loads(bucket.stdout.readline())
        place = told.pop("place")
        os.environ |= told
        times: dict[str, list[float]] = {"disk": [], "bucket": []}
        for turn in range(ROUNDS + 1):
            for kind, took in times.items():
                folder = Path(name) / f"{kind}{turn}"
                media = folder if kind == "disk" else f"{place}/{turn}"
                found = study(simulator.url, folder, media, f"{kind} {turn}")
                took.extend([found] if turn else [])  # the first turn warms both
        bucket.stdin.close()
    ratios = [there / here for here, there in zip(times["disk"], times["bucket"], strict=True)]
    rows = {
        f"a study of {CLIPS} with its clips in a bucket against clips on the disk": row(
            median(ratios), 1.15, "times", disk_s=round(median(times["disk"]), 1)
        )
    }
    write("bucket", rows, rounds=ROUNDS)


if __name__ == "__main__":
    main()
