"""Thirty kernels on one account: a class that shares one key.

    python tests/bench/shared.py          six minutes; writes results/shared.json and prints it

Each kernel is a process with a session, a log and a folder of its own, so that they know nothing of each other but the
429s of the service: the simulator at its documented limits (20 queries/s, 5 submits/s, 5 running, all per account).
Each asks for a clip and waits for it. Runs take 90 s (log-normal, sigma 0.35), 15 times as fast.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import ROOT, Simulator, median, row, write
from makespan import bound

KERNELS, CLIPS = 30, 1
ROUNDS = 5
SPEED = 15.0

KERNEL = """
import json, sys, wan_nb
url, folder, number, clips, picture = sys.argv[1:]
with wan_nb.Session(base_url=url, api_key="sk-class", folder=folder) as session:
    sys.stdin.readline()  # all at once
    runs = [session.submit(f"{number} {n}", first_frame=picture, duration=2) for n in range(int(clips))]
    told = []
    for run in runs:
        try:
            run.wait()
        except wan_nb.errors.WanError as error:
            print(error, file=sys.stderr)
        row = run.row
        told.append([str(row.status), row.ended_at and row.ended_at.isoformat(), row.task_id])
print(json.dumps(told))
"""


def one() -> dict[str, float]:
    """What thirty kernels at once did to the account, and it to them."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Simulator(folder, queue=0.0, run={"median": 90.0, "sigma": 0.35}, speed=SPEED) as simulator,
    ):
        picture = str(ROOT / "notebooks" / "data" / "cat.jpg")
        command = [sys.executable, "-c", KERNEL, simulator.url]
        kernels = [
            subprocess.Popen(
                [*command, f"{folder}/{number}", str(number), str(CLIPS), picture],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for number in range(KERNELS)
        ]  # fmt: skip
        began = time.monotonic()
        for kernel in kernels:
            kernel.stdin.write("\n")
            kernel.stdin.flush()
        told = [state for kernel in kernels for state in json.loads(kernel.communicate()[0])]
        took = time.monotonic() - began
        counters = simulator.control("counters")
        tasks = sorted(simulator.control("tasks")["tasks"], key=lambda task: task["submitted"])
    assert all(datetime.fromisoformat(ended) for _, ended, _ in told if ended)
    queries = counters["polls"] + counters["lists"] + counters["cancels"]
    return {
        "lost": sum(state != "SUCCEEDED" for state, *_ in told) + abs(len(tasks) - len(told)),
        "throttled": counters["throttled"] / (queries + counters["creates_received"] + counters["policies"]),
        "requests": queries / len(tasks),
        "time": took / bound([task["run_seconds"] for task in tasks]),
    }


def main() -> None:
    """Measure, write, print."""
    found = [one() for _ in range(ROUNDS)]
    write(
        "shared",
        {
            f"{KERNELS} kernels on one account: runs lost or paid twice": row(
                max(one["lost"] for one in found), 0, "",
                time_against_bound=round(median([one["time"] for one in found]), 2),
            ),
            "  requests that were answered 429": row(
                100 * median([one["throttled"] for one in found]), 10, "%",
                queries_per_task=round(statistics.median(one["requests"] for one in found), 1),
            ),
        },
        rounds=ROUNDS,
        speed=SPEED,
    )  # fmt: skip


if __name__ == "__main__":
    main()
