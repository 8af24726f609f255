"""How long a cell's own asyncio code waits for the kernel's main thread while 500 runs are live on a board.

    python tests/bench/latency.py          four minutes; writes results/latency.json and prints it

A real kernel; a timer of 10 ms on its loop notes how late each tick comes: first with nothing else, then with 500 tasks
at the simulator (its running limit raised to 500) that are adopted, looked after through the list and shown on a live
board. A kernel without a browser sends all its messages; only their answers are missing.
"""

from __future__ import annotations

import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import Simulator, median, row, write
from first_submit import kernel

from wan_nb.api.catalog import CREATE_PATH

RUNS = 500
ROUNDS = 5

TICKS = """
import asyncio, time
async def ticks(seconds=10.0):
    late, loop = [], asyncio.get_running_loop()
    until = loop.time() + seconds
    while (before := loop.time()) < until:
        await asyncio.sleep(0.01)
        late.append(1000 * (loop.time() - before - 0.01))
    late.sort()
    return late[int(0.5 * len(late))], late[int(0.99 * len(late))], late[-1], len(late)
print("TICKS", *await ticks())
"""

BOARD = """
import wan_nb
session = wan_nb.Session(base_url=URL, api_key="sk-bench", folder="wan_runs")
runs = session.adopt(*IDS)
session.resume()
wan_nb.board(session)
"""

LIVE = "print('LIVE', sum(run.row.open for run in runs))"


def create(url: str, number: int) -> str:
    """Submit a task, past the package."""
    picture = {"type": "first_frame", "url": "https://example.org/cat.png"}
    body = {"model": "wan2.7-i2v", "input": {"prompt": f"cat {number}", "media": [picture]},
            "parameters": {"resolution": "720P", "duration": 5}}  # fmt: skip
    headers = {"Authorization": "Bearer sk-bench", "X-DashScope-Async": "enable", "Content-Type": "application/json"}
    request = Request(url + CREATE_PATH, json.dumps(body).encode(), headers)
    with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
        return str(json.load(answer)["output"]["task_id"])


def cell(client: Any, code: str) -> dict[str, list[float]]:
    """Run a cell; the numbers that it printed after a word."""
    said: list[str] = []

    def note(message: dict[str, Any]) -> None:
        if message["msg_type"] == "error":
            raise RuntimeError("\n".join(message["content"]["traceback"]))
        if message["msg_type"] == "stream":
            said.append(message["content"]["text"])

    client.execute_interactive(code, timeout=300, output_hook=note)
    lines = [line.split() for line in "".join(said).splitlines()]
    return {words[0]: list(map(float, words[1:])) for words in lines if words and words[0].isupper()}


def one() -> tuple[list[float], list[float]]:
    """Ticks without and with the board, in one kernel."""
    with tempfile.TemporaryDirectory() as folder, Simulator(folder, queue=0.0, run=[60.0, 600.0]) as simulator:
        simulator.control("limits", running=RUNS, submits_per_second=1000.0, queries_per_second=20.0)
        with kernel(folder, simulator.url) as (client, _):
            idle = cell(client, TICKS)["TICKS"]
            with ThreadPoolExecutor(8) as pool:
                ids = list(pool.map(lambda number: create(simulator.url, number), range(RUNS)))
            cell(client, BOARD.replace("IDS", repr(ids)))
            busy = cell(client, TICKS)["TICKS"]
            live = cell(client, LIVE)["LIVE"][0]
            assert live > 0.8 * RUNS, live
    return idle, busy


def main() -> None:
    """Measure, write, print."""
    found = [one() for _ in range(ROUNDS)]
    write(
        "latency",
        {
            f"main thread with {RUNS} live runs on a board: p99 beyond idle": row(
                median([busy[1] - idle[1] for idle, busy in found]), 20, "ms",
                idle_p50_p99_max_ms=[round(median([idle[n] for idle, _ in found]), 2) for n in range(3)],
                busy_p50_p99_max_ms=[round(median([busy[n] for _, busy in found]), 2) for n in range(3)],
            )
        },
        rounds=ROUNDS,
    )  # fmt: skip


if __name__ == "__main__":
    main()
