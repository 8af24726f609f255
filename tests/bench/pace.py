"""How soon a finished clip is seen, and with how many requests: the real watcher in virtual time.

    python tests/bench/pace.py          three minutes of CPU; writes results/pace.json and prints the table

Only time and the service are made up: the service answers after 50 to 250 ms, counts requests as they arrive, gives 50
rows of its list at a time and answers 429 above 20 in any second. The peers are the waiting loops of the ``dashscope``
package as measured on the wire.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import statistics
import sys
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, cycle, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).parents[2]))

from virtual_time import run

from wan_nb.api.task import Listed, Task, TaskPage
from wan_nb.engine.polling.limiter import Limiter
from wan_nb.engine.polling.watch import Watcher
from wan_nb.errors import Throttled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

MODEL = "wan2.7-i2v"
EPOCH = 1_790_000_000.0
RUNS = 5


def now() -> float:
    return asyncio.get_running_loop().time()


def stamp(seconds: float) -> datetime:
    return datetime.fromtimestamp(EPOCH + seconds, UTC)


@dataclass
class Job:
    task_id: str
    created: float
    duration: float
    started: float = math.inf
    ended: float = math.inf

    def status(self) -> str:
        return "PENDING" if now() < self.started else "RUNNING" if now() < self.ended else "SUCCEEDED"


@dataclass
class Account:
    """The service: a queue, a number of places, a limit on queries."""

    rng: random.Random
    running: int = 5
    limit: int = 20
    page_size: int = 50
    jobs: dict[str, Job] = field(default_factory=dict)
    arrivals: list[float] = field(default_factory=list)
    throttled: int = 0

    def __post_init__(self) -> None:
        self._places = [0.0] * self.running
        self._second: deque[float] = deque()

    def submit(self, duration: float, *, at: float | None = None) -> Job:
        created = now() if at is None else at
        job = Job(f"task-{len(self.jobs)}", created, duration)
        # The place that is free first; a run starts a tenth of a second after its submit at the earliest.
        place = min(range(self.running), key=self._places.__getitem__)
        job.started = max(self._places[place], created + 0.1)
        job.ended = self._places[place] = job.started + duration
        self.jobs[job.task_id] = job
        return job

    async def _exchange(self) -> float:
        back = self.rng.uniform(0.025, 0.125)
        await asyncio.sleep(self.rng.uniform(0.025, 0.125))
        self.arrivals.append(now())
        while self._second and self._second[0] <= now() - 1.0:
            self._second.popleft()
        self._second.append(now())
        if self.limit and len(self._second) > self.limit:
            self.throttled += 1
            await asyncio.sleep(back)
            raise Throttled("Requests rate limit exceeded.", code="Throttling.RateQuota", http_status=429)
        return back

    async def get(self, task_id: str) -> Task:
        back = await self._exchange()
        job = self.jobs[task_id]
        started = stamp(job.started) if now() >= job.started else None
        ended = stamp(job.ended) if now() >= job.ended else None
        answer = Task(task_id, job.status(), submit_time=stamp(job.created), scheduled_time=started, end_time=ended)
        await asyncio.sleep(back)
        return answer

    async def list(self, *, status: str | None = None, page_no: int = 1, page_size: int = 10, **_: Any) -> TaskPage:
        back = await self._exchange()
        size = min(page_size, self.page_size)
        jobs = [job for job in reversed(self.jobs.values()) if job.created <= now() and status in {None, job.status()}]
        rows = tuple(
            Listed(job.task_id, job.status(), MODEL, stamp(job.created), stamp(job.started), stamp(job.ended))
            for job in jobs[(page_no - 1) * size : page_no * size]
        )
        await asyncio.sleep(back)
        return TaskPage(rows, len(jobs), page_no, size)

    def busiest_second(self) -> int:
        window: deque[float] = deque()
        most = 0
        for arrival in sorted(self.arrivals):
            window.append(arrival)
            while window[0] <= arrival - 1.0:
                window.popleft()
            most = max(most, len(window))
        return most


# The peers: gaps between GETs after a first one at once. wan-api facts 11.3 (v1) and 11.8 (v2), measured on the wire.
PEERS: dict[str, Callable[[], Iterator[float]]] = {
    "dashscope v1": lambda: chain([1, 1, 2, 2, 2, 4, 4, 4], repeat(5.0)),
    "dashscope v2": lambda: chain([1, 2, 4], repeat(8.0)),
    "every 15 s": lambda: cycle([15.0]),
}


async def peer_wait(account: Account, job: Job, gaps: Iterator[float]) -> float:
    for gap in gaps:
        if (await account.get(job.task_id)).status == "SUCCEEDED":
            break
        await asyncio.sleep(gap)
    return now() - job.ended


async def our_wait(watcher: Watcher, job: Job, seen: Sequence[float]) -> float:
    states: AsyncIterator[Task] = watcher.watch(
        job.task_id, model=MODEL, submitted_at=stamp(job.created), seen_durations=seen
    )
    async for task in states:
        if task.ended:
            return now() - job.ended
    raise AssertionError("a missed task")


def our_watcher(account: Account) -> Watcher:
    return Watcher(account, limiter=Limiter(rng=account.rng), clock=lambda: EPOCH + now(), rng=account.rng)


@dataclass(frozen=True)
class Law:
    """A log-normal distribution of durations, or several in equal parts."""

    medians: tuple[float, ...]
    sigma: float

    def draw(self, rng: random.Random) -> float:
        return rng.choice(self.medians) * math.exp(self.sigma * rng.gauss(0, 1))

    def optimum(self) -> float:
        """½ (∫√(f·S) dt)²: the least product of mean delay and requests of any schedule of looks."""
        step, total = 0.002, 0.0
        scale = 1 / (self.sigma * math.sqrt(2 * math.pi))
        for i in range(int(9 / step)):
            x = i * step  # log seconds
            zs = [(x - math.log(median)) / self.sigma for median in self.medians]
            f = sum(math.exp(-z * z / 2) for z in zs) * scale / len(zs)
            survival = sum(math.erfc(z / math.sqrt(2)) for z in zs) / 2 / len(zs)
            total += math.sqrt(f * survival * math.exp(x)) * step
        return total * total / 2


def one_at_a_time(law: Law, count: int, seed: int, history: Sequence[float], peer: str = "") -> tuple[float, float]:
    """Mean delay and requests per task; our watcher learns as it goes, as the log does."""
    rng = random.Random(seed)
    account = Account(random.Random(seed))

    async def scene() -> float:
        seen, delays, watcher = list(history), [], our_watcher(account)
        for _ in range(count):
            job = account.submit(law.draw(rng))
            delays.append(
                await (peer_wait(account, job, PEERS[peer]()) if peer else our_wait(watcher, job, seen[-200:]))
            )
            seen.append(job.duration)
        return statistics.fmean(delays)

    delay = run(scene())
    return delay, len(account.arrivals) / count


async def study(account: Account, ours: bool, law: Law, count: int, history: Sequence[float]) -> list[float]:
    """Delays of tasks submitted at 5/s: one watcher of ours, or as many waits of v1 in threads. Infinite: lost."""
    rng = random.Random(account.rng.random())
    watcher, seen = our_watcher(account), list(history)

    async def one(number: int) -> float:
        await asyncio.sleep(number / 5)
        job = account.submit(law.draw(rng))
        if not ours:
            try:
                return await peer_wait(account, job, PEERS["dashscope v1"]())
            except Throttled:  # which v1 returns as if it were the result: the task is never looked at again
                return math.inf
        delay = await our_wait(watcher, job, seen)
        seen.append(job.duration)
        return delay

    return await asyncio.gather(*map(one, range(count)))


async def resumed(account: Account, law: Law, count: int, history: Sequence[float]) -> list[float]:
    """Delays of runs that were all submitted within the last half minute and taken up at the same instant."""
    rng = random.Random(account.rng.random())
    watcher = our_watcher(account)
    jobs = [account.submit(law.draw(rng), at=rng.uniform(-30, 0)) for _ in range(count)]
    return await asyncio.gather(*(our_wait(watcher, job, history) for job in jobs))


async def classroom(account: Account, law: Law, kernels: int, tasks: int) -> list[float]:
    """Delays in so many kernels that share an account and know nothing of each other."""
    rng = random.Random(account.rng.random())

    async def one(watcher: Watcher) -> float:
        await asyncio.sleep(rng.uniform(0, 60))
        return await our_wait(watcher, account.submit(law.draw(rng)), [])

    return await asyncio.gather(*(one(w) for w in [our_watcher(account) for _ in range(kernels)] for _ in range(tasks)))


Figures = dict[str, Any]


def median_of(rows: Sequence[Figures]) -> Figures:
    """Median of each figure over the runs."""
    return {name: round(statistics.median(row[name] for row in rows), 3) for name in rows[0]}


def single_row(law: Law, count: int, before: Law | None, learning: int) -> Figures:
    """Ours and the peers on the same durations, `learning` runs of `before` behind us."""

    def once(seed: int) -> Figures:
        rng = random.Random(1000 + seed)
        history = [before.draw(rng) for _ in range(learning)] if before else []
        delay, requests = one_at_a_time(law, count, seed, history)
        figures = {"delay_s": delay, "requests": requests, "product_vs_optimum": delay * requests / law.optimum()}
        for peer in PEERS:
            figures[f"{peer}: delay_s"], figures[f"{peer}: requests"] = one_at_a_time(law, count, seed, [], peer)
        return figures

    return {"optimum_s": round(law.optimum(), 2), **median_of([once(seed) for seed in range(RUNS)])}


def crowd_row(scene: Callable[[Account], Any], **account: Any) -> Figures:
    """Figures of many tasks at once."""

    def once(seed: int) -> Figures:
        service = Account(random.Random(seed), **account)
        delays = run(scene(service))
        seen = sorted(delay for delay in delays if delay < math.inf)
        return {
            "delay_s": statistics.fmean(seen),
            "p95_s": seen[math.ceil(0.95 * len(seen)) - 1],
            "requests": len(service.arrivals) / len(delays),
            "throttled": service.throttled,
            "busiest_second": service.busiest_second(),
            "lost": len(delays) - len(seen),
        }

    return median_of([once(seed) for seed in range(RUNS)])


def main() -> None:
    """Run everything, write the figures, print the table."""
    usual, long = Law((90.0,), 0.35), Law((300.0,), 0.35)
    known = [usual.draw(random.Random(i)) for i in range(30)]
    known_long = [long.draw(random.Random(i)) for i in range(30)]
    unknown = {
        "median 40 s, sigma 0.2": Law((40.0,), 0.2),
        "median 300 s, sigma 0.5": Law((300.0,), 0.5),
        "median 150 s, sigma 0.15": Law((150.0,), 0.15),
        "60 s or 180 s, sigma 0.15": Law((60.0, 180.0), 0.15),
    }
    rows: dict[str, Figures] = {"one at a time, 500 runs, nothing known before": single_row(usual, 500, None, 0)}
    for name, law in unknown.items():
        rows[f"after 10 runs of an unknown law: {name}"] = single_row(law, 100, law, 10)
    rows["after 10 runs of the usual law"] = single_row(usual, 100, usual, 10)
    rows["the usual law halves after 60 runs"] = single_row(Law((45.0,), 0.35), 100, usual, 60)
    rows["the usual law doubles after 60 runs"] = single_row(Law((180.0,), 0.35), 100, usual, 60)
    rows["study of 200, 5 running"] = crowd_row(lambda a: study(a, True, usual, 200, []))
    rows["  200 waits of v1, limit of 20/s lifted"] = crowd_row(lambda a: study(a, False, usual, 200, []), limit=0)
    rows["  200 waits of v1, limit of 20/s in force"] = crowd_row(lambda a: study(a, False, usual, 200, []))
    rows["1000 in flight, submitted at 5/s"] = crowd_row(lambda a: study(a, True, long, 1000, known_long), running=1000)
    rows["1000 in flight, resumed at once"] = crowd_row(lambda a: resumed(a, usual, 1000, known), running=1000)
    rows["30 kernels on one account, 10 tasks each"] = crowd_row(lambda a: classroom(a, usual, 30, 10), running=300)
    target = Path(__file__).parent / "results" / "pace.json"
    target.parent.mkdir(exist_ok=True)
    about = {"median_of_runs": RUNS, "time": "virtual", "latency_s": [0.05, 0.25], "list_page_size": 50}
    target.write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n")
    for name, figures in rows.items():
        print(name)
        print("   " + "  ".join(f"{key} {value:g}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
