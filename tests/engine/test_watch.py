"""The real watcher in virtual time, against a service of a few lines."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from virtual_time import run

from wan_nb.api.task import Listed, Task, TaskPage
from wan_nb.engine.polling.limiter import Limiter
from wan_nb.engine.polling.watch import Watcher
from wan_nb.errors import NotAuthorized, Refused, Throttled, Unavailable

EPOCH = 1_790_000_000.0
HISTORY = [90.0, 75.0, 110.0, 82.0, 97.0, 130.0, 60.0, 85.0, 100.0, 91.0, 78.0, 88.0]
DAY = 86_400.0

Words = Sequence[tuple[float, str]]
"""Until when (seconds) which status; the last one for ever."""


def now() -> float:
    return asyncio.get_running_loop().time()


def usual(start: float, end: float) -> Words:
    return [(start, "PENDING"), (end, "RUNNING"), (float("inf"), "SUCCEEDED")]


@dataclass
class Service:
    """Tasks that live by the clock; what goes wrong is decided by `trouble`, before each answer."""

    tasks: dict[str, Words]
    trouble: Callable[[float], Exception | None] = lambda _: None
    list_trouble: Callable[[float], Exception | None] = lambda _: None
    list_lag: float = 0.0
    page: int = 100
    skew: timedelta = timedelta(0)
    looks: list[float] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)

    def status(self, task_id: str, at: float) -> str:
        return next(word for until, word in self.tasks[task_id] if at < until)

    def start(self, task_id: str, at: float) -> datetime | None:
        began = self.tasks[task_id][0][0]
        return datetime.fromtimestamp(EPOCH + began, UTC) + self.skew if at >= began else None

    async def get(self, task_id: str) -> Task:
        self.calls["get"] += 1
        self.looks.append(now())
        await asyncio.sleep(0.1)
        if error := self.trouble(now()):
            raise error
        submitted = datetime.fromtimestamp(EPOCH, UTC) + self.skew
        status = self.status(task_id, now())
        return Task(task_id, status, submit_time=submitted, scheduled_time=self.start(task_id, now()))

    async def list(self, *, status: str | None = None, page_no: int = 1, **_: Any) -> TaskPage:
        self.calls["list"] += 1
        await asyncio.sleep(0.1)
        if error := self.list_trouble(now()):
            raise error
        at = now() - self.list_lag
        rows = [Listed(t, s, "m") for t in self.tasks if (s := self.status(t, at)) == status]
        return TaskPage(tuple(rows[(page_no - 1) * self.page : page_no * self.page]), len(rows), page_no, self.page)


class Wall:
    """A wall clock that can be set."""

    ahead = 0.0

    def __call__(self) -> float:
        return EPOCH + now() + self.ahead


def watcher(service: Service, wall: Callable[[], float] | None = None) -> Watcher:
    rng = random.Random(1)
    return Watcher(service, limiter=Limiter(rng=rng), clock=wall or Wall(), rng=rng)


async def follow(
    watch: Watcher, task_id: str = "t", history: Sequence[float] = HISTORY, gap: float | None = None, age: float = 0.0
) -> list[tuple[float, str]]:
    """Every state that was yielded, and when."""
    submitted = datetime.fromtimestamp(EPOCH + now() - age, UTC)
    states = watch.watch(task_id, model="m", submitted_at=submitted, seen_durations=history, gap=gap)
    return [(now(), task.status) async for task in states]


def words(seen: list[tuple[float, str]]) -> list[str]:
    return [word for _, word in seen]


def alone(service: Service, **kwargs: Any) -> list[tuple[float, str]]:
    """Watch one task in a world of its own."""
    return run(follow(watcher(service), **kwargs))


def test_each_state_comes_once_and_the_terminal_one_ends_it() -> None:
    service = Service({"t": usual(20, 110)})
    seen = alone(service, history=[])
    assert words(seen) == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert seen[-1][0] - 110 < 8


@pytest.mark.parametrize("word", ["SUCCEEDED", "FAILED", "CANCELED"])
def test_every_end_is_an_end(word: str) -> None:
    assert words(alone(Service({"t": [(30, "PENDING"), (float("inf"), word)]})))[-1] == word


def test_a_word_yet_unknown_is_passed_on_and_taken_for_running() -> None:
    service = Service({"t": [(80, "RENDERING"), (95, "POLISHING"), (float("inf"), "SUCCEEDED")]})
    seen = alone(service)
    assert words(seen) == ["RENDERING", "POLISHING", "SUCCEEDED"]
    assert seen[-1][0] - 95 < 6


def test_a_familiar_kind_of_run_is_first_looked_at_shortly_before_it_may_end() -> None:
    service = Service({"t": usual(0.1, 90)})
    seen = alone(service)
    assert 30 < service.looks[0] < 60
    assert seen[-1][0] - 90 < 5
    assert len(service.looks) <= 12


def test_a_clip_of_the_simulator_is_seen_in_proportion_without_history_and_at_once_with_it() -> None:
    first = alone(Service({"t": usual(0.2, 6)}), history=[])
    assert first[-1][0] < 11
    later = alone(Service({"t": usual(0.2, 6)}), history=[5.9, 6.2, 6.0, 5.8])
    assert later[-1][0] < 7.5


def test_the_run_counts_from_its_start_not_from_its_submit() -> None:
    """600 s in the queue: looks in the queue at most every 15 s, then none before the run can end."""
    service = Service({"t": usual(600, 690)})
    seen = alone(service)
    assert words(seen) == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert seen[-1][0] - 690 < 5
    assert not [t for t in service.looks if 616 < t < 630]


@pytest.mark.parametrize("hours", [-30, -8, 8, 30])
def test_only_differences_of_the_services_clock_count(hours: int) -> None:
    service = Service({"t": usual(20, 110)}, skew=timedelta(hours=hours))
    seen = alone(service)
    assert seen[-1][0] - 110 < 5
    assert len(service.looks) < 20


def test_a_fixed_gap_is_kept() -> None:
    service = Service({"t": usual(10, 40)})
    alone(service, gap=7.0)
    assert [round(t, 3) for t in service.looks] == [7.0, 14.1, 21.2, 28.3, 35.4, 42.5]


def test_a_gap_of_zero_is_as_fast_as_the_limits_allow() -> None:
    service = Service({"t": usual(1, 3)})
    assert alone(service, gap=0.0)[-1][0] < 3.3


def test_a_task_taken_up_later_is_looked_at_at_once() -> None:
    service = Service({"t": [(float("inf"), "SUCCEEDED")]})
    assert alone(service, age=3000.0)[0][0] == pytest.approx(0.1)


# Faults

PASSING = {
    "429": lambda: Throttled("slow down", code="Throttling.RateQuota", http_status=429),
    "429 with Retry-After": lambda: Throttled("slow down", code="Throttling", retry_after=5.0, http_status=429),
    "503": lambda: Unavailable("busy", http_status=503),
    "reset": lambda: Unavailable("connection reset"),
    "a portal's page": lambda: Refused("HTTP 302", http_status=302),
}


@pytest.mark.parametrize("kind", PASSING)
@pytest.mark.parametrize("until", [60.0, 130.0, 20 * 3600.0])
def test_trouble_is_waited_through(kind: str, until: float) -> None:
    service = Service({"t": usual(1, 90)}, trouble=lambda at: PASSING[kind]() if at < until else None)
    seen = alone(service)
    assert words(seen)[-1] == "SUCCEEDED"
    assert seen[-1][0] - max(until, 90) < 75
    assert len(service.looks) < 30 + until / 25, "a service in trouble is not hammered"


@pytest.mark.parametrize("kind", PASSING)
def test_every_second_answer_may_be_trouble(kind: str) -> None:
    turn = iter(range(10_000))
    service = Service({"t": usual(1, 90)}, trouble=lambda _: PASSING[kind]() if next(turn) % 2 else None)
    assert alone(service)[-1][0] - 90 < 25


def test_retry_after_is_kept() -> None:
    service = Service(
        {"t": usual(1, 90)}, trouble=lambda at: Throttled("slow down", retry_after=40.0) if at < 100 else None
    )
    alone(service)
    assert all(later - sooner >= 40 for sooner, later in zip(service.looks[:2], service.looks[1:3], strict=True))


def test_a_day_of_nothing_but_trouble_ends_it_with_the_reason() -> None:
    service = Service({"t": usual(1, 90)}, trouble=lambda _: Unavailable("no route"))

    async def scene() -> float:
        with pytest.raises(Unavailable, match="no route"):
            await follow(watcher(service))
        return now()

    assert DAY < run(scene()) < DAY + 200


@pytest.mark.parametrize("error", [NotAuthorized("wrong key"), Refused("no", code="InvalidParameter")])
def test_a_definite_no_is_raised_at_once(error: Exception) -> None:
    service = Service({"t": usual(1, 90)}, trouble=lambda _: error)
    with pytest.raises(type(error)):
        alone(service)
    assert len(service.looks) == 1


def test_unknown_from_a_lagging_replica_is_not_believed() -> None:
    service = Service({"t": [(25, "UNKNOWN"), *usual(30, 110)]})
    assert words(alone(service, history=[])) == ["RUNNING", "SUCCEEDED"]


def test_unknown_is_believed_after_half_a_minute() -> None:
    service = Service({"t": [(float("inf"), "UNKNOWN")]})
    ((at, word),) = alone(service, history=[])
    assert word == "UNKNOWN"
    assert at - service.looks[0] >= 30
    assert 4 <= len(service.looks) <= 6


def test_unknown_is_believed_at_once_of_a_task_older_than_its_life() -> None:
    service = Service({"t": [(float("inf"), "UNKNOWN")]})
    assert alone(service, age=DAY + 60) == [(pytest.approx(0.1), "UNKNOWN")]


# Clocks


@pytest.mark.parametrize("jump", [7200.0, 25 * 3600.0])
def test_a_machine_that_slept_looks_within_seconds_of_waking(jump: float) -> None:
    """The loop's clock stands still while the machine sleeps; only the wall clock tells."""
    wall, service = Wall(), Service({"t": usual(1, 2)})

    async def scene() -> list[tuple[float, str]]:
        asyncio.get_running_loop().call_later(12.0, setattr, wall, "ahead", jump)
        return await follow(watcher(service, wall))

    assert run(scene())[-1][0] < 12 + 6


@pytest.mark.parametrize("jump", [-DAY, -3600.0, -20.0, 20.0, 3600.0, DAY])
@pytest.mark.parametrize("at", [5.0, 70.0])
def test_a_clock_that_is_set_costs_a_few_looks_and_no_time(jump: float, at: float) -> None:
    wall, service = Wall(), Service({"t": usual(1, 100)})

    async def scene() -> list[tuple[float, str]]:
        asyncio.get_running_loop().call_later(at, setattr, wall, "ahead", jump)
        return await follow(watcher(service, wall))

    assert run(scene())[-1][0] - 100 < 8
    assert len(service.looks) < 25


# Many


def crowd(service: Service, history: Sequence[float] = HISTORY) -> dict[str, list[tuple[float, str]]]:
    async def scene() -> list[list[tuple[float, str]]]:
        watch = watcher(service)
        return await asyncio.gather(*(follow(watch, task_id, history) for task_id in service.tasks))

    return dict(zip(service.tasks, run(scene()), strict=True))


def waves(count: int, at_once: int = 5, each: float = 80.0) -> dict[str, Words]:
    """A study: so many at a time, the others in the queue."""
    rng = random.Random(2)
    free, tasks = [1.0] * at_once, {}
    for number in range(count):
        place = free.index(min(free))
        tasks[f"t{number}"] = usual(free[place], free[place] + each * rng.uniform(0.7, 1.4))
        free[place] = tasks[f"t{number}"][1][0]
    return tasks


def delays(service: Service, seen: dict[str, list[tuple[float, str]]]) -> list[float]:
    assert all(words(states)[-1] == "SUCCEEDED" for states in seen.values()), "a missed task"
    return [states[-1][0] - service.tasks[task_id][1][0] for task_id, states in seen.items()]


def test_many_tasks_are_watched_through_the_list() -> None:
    service = Service(waves(60))
    late = delays(service, crowd(service))
    assert sum(late) / len(late) < 2.5
    assert max(late) < 12
    assert service.calls["list"] > service.calls["get"]
    assert service.calls.total() < 60 * 15


def test_two_tasks_of_different_models_do_not_share() -> None:
    service = Service({"a": usual(1, 90), "b": usual(1, 95)})

    async def scene() -> None:
        watch = watcher(service)
        at = datetime.fromtimestamp(EPOCH, UTC)
        streams = [watch.watch(t, model=t, submitted_at=at, seen_durations=HISTORY) for t in ("a", "b")]
        await asyncio.gather(*(anext(stream) for stream in streams))
        for stream in streams:
            async for _ in stream:
                pass

    run(scene())
    assert service.calls["list"] == 0


BAD_LISTS: dict[str, dict[str, Any]] = {
    "seconds behind": {"list_lag": 6.0},
    "small pages": {"page": 7},
    "always fails": {"list_trouble": lambda _: Unavailable("busy")},
    "fails at times": {"list_trouble": lambda at: Unavailable("busy") if at % 40 < 15 else None},
    "throttled at times": {"list_trouble": lambda at: Throttled("slow") if at % 90 < 5 else None},
    "not allowed": {"list_trouble": lambda _: Refused("no", code="AccessDenied")},
    "stands still": {"list_lag": 1e9},
}


@pytest.mark.parametrize("kind", BAD_LISTS)
def test_a_bad_list_loses_no_task(kind: str) -> None:
    tasks = waves(20)
    if kind == "stands still":
        tasks = {task_id: [(0.0, "PENDING"), *states[1:]] for task_id, states in tasks.items()}
    service = Service(tasks, **BAD_LISTS[kind])
    late = delays(service, crowd(service))
    assert max(late) < 300
    assert sum(late) / len(late) < {"stands still": 120}.get(kind, 12)


def test_an_empty_list_is_not_believed() -> None:
    @dataclass
    class Empty(Service):
        async def list(self, **_: Any) -> TaskPage:
            self.calls["list"] += 1
            await asyncio.sleep(0.1)
            return TaskPage((), 0, 1, 100)

    service = Empty(waves(20))
    late = delays(service, crowd(service))
    assert max(late) < 60
    without = Service(waves(20), list_trouble=lambda _: Refused("no", code="AccessDenied"))
    delays(without, crowd(without))
    # Neither is it asked for ever: a gateway that lists nothing costs little more than one that has no list.
    assert service.calls.total() < 1.5 * without.calls.total()


def test_a_list_that_ignores_its_filters_does_no_harm() -> None:
    @dataclass
    class Deaf(Service):
        async def list(self, *, status: str | None = None, page_no: int = 1, **_: Any) -> TaskPage:
            await asyncio.sleep(0.1)
            rows = tuple(Listed(t, self.status(t, now())) for t in self.tasks)
            return TaskPage(rows, len(rows), 1, len(rows))

    service = Deaf(waves(30))
    assert max(delays(service, crowd(service))) < 30


def test_whoever_leaves_in_the_middle_of_a_sweep_leaves_the_others_unharmed() -> None:
    service = Service(waves(12, at_once=12))

    async def scene() -> list[list[tuple[float, str]]]:
        watch = watcher(service)
        everybody = [asyncio.create_task(follow(watch, task_id)) for task_id in service.tasks]
        rng = random.Random(3)
        for leaver in everybody[:8]:
            await asyncio.sleep(rng.uniform(1, 12))
            leaver.cancel()
        done = await asyncio.gather(*everybody, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in done[:8])
        return done[8:]

    assert all(words(states)[-1] == "SUCCEEDED" for states in run(scene()))


def test_a_closed_watch_asks_no_more() -> None:
    service = Service({"t": usual(1, 90)})

    async def scene() -> None:
        submitted = datetime.fromtimestamp(EPOCH, UTC)
        stream = watcher(service).watch("t", model="m", submitted_at=submitted, seen_durations=[])
        async with aclosing(stream):
            await anext(stream)
        looks = len(service.looks)
        await asyncio.sleep(600)
        assert len(service.looks) == looks

    run(scene())


def test_a_thousand_tasks_stay_under_the_limit() -> None:
    service = Service(waves(1000, at_once=1000, each=150.0))
    late = sorted(delays(service, crowd(service)))
    assert late[950] < 8
    assert max(Counter(int(at) for at in service.looks).values()) <= 20


def test_a_page_that_fails_is_a_list_that_fails() -> None:
    @dataclass
    class Torn(Service):
        async def list(self, *, page_no: int = 1, **kwargs: Any) -> TaskPage:
            if page_no == 2 and now() < 200:
                raise Unavailable("busy")
            return await super().list(page_no=page_no, **kwargs)

    service = Torn(waves(20, at_once=20), page=7)
    assert max(delays(service, crowd(service))) < 30
