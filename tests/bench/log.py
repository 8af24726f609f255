"""The run log at size: a million runs against a thousand, in one run.

    python tests/bench/log.py           some minutes and 4 GB of disk; writes results/log.json and prints the table

The large log is written past `RunLog`, in two years of studies of 100 runs with prompts and requests as long as real
ones. Then both logs are carried on alternately through the same life of a run, so that a busy disk is busy for both.
``--rows N`` makes the large log smaller, for a try; only the full size is written down.
"""

import argparse
import json
import platform
import random
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).parents[2]))

from log_history import PROMPT, STUDY, log_of

from wan_nb.log.runlog import COLUMNS, RunLog

RUNS = 7
BATCH = 60
SMALL, LARGE, FRAME = 1_000, 1_000_000, 100_000


def live(log: RunLog) -> None:
    """One run from its intent to its clip, as a session writes it: six commits."""
    name = secrets.token_hex(32)
    intent = {"fingerprint": name, "prompt": PROMPT, "model": "wan2.7-i2v", "resolution": "720P", "duration": 5}
    row, new = log.reserve(intent | {"cost": 0.01, "currency": "CNY", "study": "now"}, cap=1e6, owner="bench:1:1")
    assert new
    assert log.begin_post(row.run_id) is None
    log.update(row.run_id, "accepted", task_id=name)
    log.update(row.run_id, "started")
    log.update(row.run_id, "made", run_s=80.0)
    log.update(row.run_id, "fetched", video="videos/a.mp4", billed_s=5.0, cost=0.01)


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of `work`."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def carried_on(small: RunLog, large: RunLog) -> dict[str, Any]:
    times: dict[str, list[tuple[float, float]]] = {"small": [], "large": []}
    for turn in range(RUNS + 1):
        for name, log in (("small", small), ("large", large)):
            spent = seconds(lambda log=log: [live(log) for _ in range(BATCH)])
            times[name] += [spent] if turn else []  # the first turn warms both
    wall = {name: statistics.median(w for w, _ in found) / BATCH for name, found in times.items()}
    cpu = {name: statistics.median(c for _, c in found) / BATCH for name, found in times.items()}
    ratio = wall["large"] / wall["small"]
    return {
        "small_ms": round(wall["small"] * 1e3, 2),
        "large_ms": round(wall["large"] * 1e3, 2),
        "cpu_ratio": round(cpu["large"] / cpu["small"], 3),
        "value": round(ratio, 3),
        "bar": 1.5,
        "unit": "times",
        "met": ratio <= 1.5,
    }


def asked(question: Callable[[int], object], *, bar: float, unit: str) -> dict[str, Any]:
    scale = {"ms": 1e3, "s": 1.0}[unit]
    times = [seconds(lambda turn=turn: question(turn))[0] * scale for turn in range(RUNS + 1)][1:]
    value = statistics.median(times)
    return {"worst": round(max(times), 3), "value": round(value, 3), "bar": bar, "unit": unit, "met": value <= bar}


def measure(large_rows: int, folder: Path) -> dict[str, Any]:
    small, large = log_of(SMALL, folder), log_of(large_rows, folder)
    names = random.Random(1).sample(range(large_rows // STUDY), RUNS + 1)

    def find(turn: int) -> None:
        assert len(large.find(study=f"study {names[turn]}")) == STUDY

    def frame(turn: int) -> None:
        assert large.to_frame(study=f"study {names[turn]}").shape == (STUDY, len(COLUMNS))

    def page(turn: int) -> None:
        assert len(large.find(status="FAILED", limit=20, offset=20 * turn)) == 20

    rows = {
        f"append + 5 updates, {large_rows:,} runs against {SMALL:,}": carried_on(small, large),
        f"find(study=...), {STUDY} of {large_rows:,}": asked(find, bar=50, unit="ms"),
        f"to_frame(study=...), {STUDY} of {large_rows:,}": asked(frame, bar=50, unit="ms"),
        f"a page of 20 failed ones of {large_rows:,}": asked(page, bar=50, unit="ms"),
    }
    small.close()
    large.close()
    whole = log_of(min(FRAME, large_rows), folder)
    rows[f"to_frame() of {min(FRAME, large_rows):,}"] = asked(lambda _: whole.to_frame(), bar=2, unit="s")
    whole.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=LARGE)
    chosen = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(chosen, Path(folder))
    for name, row in rows.items():
        print(
            f"{name:55} {row['value']:8} {row['unit']:5} bar {row['bar']:4} {'met' if row['met'] else 'MISSED'}  {row}"
        )
    if chosen == LARGE:
        versions = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
        about = {"median_of_runs": RUNS, "synchronous": "FULL", "journal": "WAL", **versions}
        path = Path(__file__).parent / "results" / "log.json"
        path.write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
