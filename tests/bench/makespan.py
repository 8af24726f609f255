"""How long a study of 60 clips takes, against the shortest time that the limits of the service allow.

    python tests/bench/makespan.py          seven minutes; writes results/makespan.json and prints it

The service is the simulator at its documented limits (5 submits/s, 5 running). Runs are log-normal with a median of
90 s and sigma 0.35, 15 times as fast; requests, looks and downloads are not sped up, so that this is harder than the
real thing. The bound takes the run times that the simulator drew, in the order in which it got them: each starts on the
first of five places that is free, at most five a second, and nothing else takes any time. Ours ends when the last clip
is a whole file, its row is written and `wait` returns.
"""

from __future__ import annotations

import heapq
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import ROOT, Simulator, median, row, write

import wan_nb
from wan_nb.api.catalog import LIMITS

CLIPS = 60
ROUNDS = 5
SPEED = 15.0


def bound(runs: list[float]) -> float:
    """Seconds from the first submit to the end of the last run, with nothing in between."""
    places = [0.0] * LIMITS.running
    for number, seconds in enumerate(runs):
        submitted = (number // LIMITS.submits_per_second) * 1.0
        heapq.heappush(places, max(heapq.heappop(places), submitted) + seconds)
    return max(places)


def one() -> tuple[float, float]:
    """Makespan and bound of one study."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Simulator(folder, queue=0.0, run={"median": 90.0, "sigma": 0.35}, speed=SPEED) as simulator,
        wan_nb.Session(base_url=simulator.url, api_key="sk-bench", folder=f"{folder}/wan_runs") as session,
    ):
        seeds = list(range(CLIPS // 2))
        study = session.study(
            {"calm": "a cat walks", "fast": "a cat dashes"},
            name="walk", first_frame=ROOT / "notebooks" / "data" / "cat.jpg", seeds=seeds, duration=2,
        )  # fmt: skip
        began = time.monotonic()
        study.submit(max_cost=1000).wait()
        took = time.monotonic() - began
        tasks = sorted(simulator.control("tasks")["tasks"], key=lambda task: task["submitted"])
        assert [task["status"] for task in tasks] == ["SUCCEEDED"] * CLIPS
        assert simulator.control("counters")["most_running"] <= LIMITS.running
    return took, bound([task["run_seconds"] for task in tasks])


def main() -> None:
    """Measure, write, print."""
    found = [one() for _ in range(ROUNDS)]
    ratios = [took / least for took, least in found]
    write(
        "makespan",
        {
            f"study of {CLIPS} clips, 5 running: time against the bound": row(
                median(ratios), 1.05, "times", worst=round(max(ratios), 3),
                took_s=round(median([took for took, _ in found]), 1), bound_s=round(median([b for _, b in found]), 1),
            )
        },
        rounds=ROUNDS,
        speed=SPEED,
    )  # fmt: skip


if __name__ == "__main__":
    main()
