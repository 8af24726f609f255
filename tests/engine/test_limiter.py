"""Never more requests in any second than the account may make, whatever the network does."""

import asyncio
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_time import run

from wan_nb.engine.polling.limiter import Lane, Limiter
from wan_nb.errors import Throttled

LATENCY = st.floats(0, 3)


def now() -> float:
    return asyncio.get_running_loop().time()


def most_in_a_second(arrivals: list[float]) -> int:
    return max(sum(first <= other < first + 1.0 for other in arrivals) for first in arrivals)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 4), LATENCY, LATENCY), min_size=1, max_size=60), st.integers(1, 8))
def test_no_second_at_the_service_sees_more_than_the_limit(
    requests: list[tuple[float, float, float]], limit: int
) -> None:
    arrivals: list[float] = []

    async def scene() -> None:
        lane = Lane(limit)

        async def one(at: float, there: float, back: float) -> None:
            await asyncio.sleep(at)
            async with lane:
                await asyncio.sleep(there)
                arrivals.append(now())
                await asyncio.sleep(back)

        await asyncio.gather(*(one(*request) for request in requests))

    run(scene())
    assert len(arrivals) == len(requests)
    assert most_in_a_second(arrivals) <= limit


def test_the_limit_is_used_to_the_full() -> None:
    async def scene() -> float:
        limiter = Limiter()

        async def one() -> None:
            async with limiter.query():
                pass

        await asyncio.gather(*(one() for _ in range(100)))
        return now()

    assert run(scene()) == pytest.approx(4.0)


def test_first_come_first_served() -> None:
    async def scene() -> list[int]:
        lane, order = Lane(2), []

        async def one(number: int) -> None:
            async with lane:
                order.append(number)

        await asyncio.gather(*(one(number) for number in range(30)))
        return order

    assert run(scene()) == list(range(30))


def test_queries_and_submits_do_not_wait_for_each_other() -> None:
    async def scene() -> float:
        limiter = Limiter(queries=1)
        async with limiter.query(), limiter.submit("wan2.7-i2v"):
            return now()

    assert run(scene()) == 0.0


def test_each_model_has_the_submits_of_its_row_and_waits_for_no_other() -> None:
    """Per exact name, as the service counts: 5 a second of Wan, 10 of HappyHorse; a snapshot is another name."""

    async def scene() -> dict[str, list[float]]:
        limiter, sent = Limiter(), dict[str, list[float]]()

        async def one(model: str) -> None:
            async with limiter.submit(model):
                sent.setdefault(model, []).append(now())

        models = ["wan2.7-i2v"] * 6 + ["wan2.7-i2v-2026-04-25"] * 5 + ["happyhorse-1.1-t2v"] * 11
        await asyncio.gather(*map(one, models))
        return sent

    sent = run(scene())
    assert sent["wan2.7-i2v"] == [0.0] * 5 + [1.0]
    assert sent["wan2.7-i2v-2026-04-25"] == [0.0] * 5
    assert sent["happyhorse-1.1-t2v"] == [0.0] * 10 + [1.0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 5), min_size=12, max_size=12))
def test_whoever_gives_up_waiting_takes_no_place_along(patience: list[float]) -> None:
    """Also when the giving up falls on the very moment of being served: places come free at whole seconds."""

    async def scene() -> None:
        lane = Lane(2)

        async def one(wait: float) -> None:
            try:
                async with asyncio.timeout(round(wait, 1)), lane:
                    await asyncio.sleep(0)
            except TimeoutError:
                pass

        await asyncio.gather(*map(one, patience))
        await asyncio.sleep(10)
        began = now()
        for _ in range(2):
            async with lane:
                pass
        assert now() == began, "both places are free again"

    run(scene())


async def throttled(lane: Lane, retry_after: float | None = None) -> None:
    try:
        async with lane:
            await asyncio.sleep(0.1)
            raise Throttled("too many", retry_after=retry_after)
    except Throttled:
        return


def test_a_burst_of_429_halves_the_rate_once_and_closes_the_lane_for_a_moment() -> None:
    async def scene() -> None:
        lane = Lane(20, rng=random.Random(1))
        await asyncio.gather(*(throttled(lane) for _ in range(5)))
        assert lane.rate == 10
        assert lane.scarcity == 2
        async with lane:
            assert 0.6 <= now() <= 1.6

    run(scene())


def test_retry_after_is_waited_for() -> None:
    async def scene() -> None:
        lane = Lane(20)
        await throttled(lane, retry_after=30)
        async with lane:
            assert 30.1 <= now() <= 32

    run(scene())


def test_the_rate_comes_back_slowly_and_never_passes_the_limit() -> None:
    async def scene() -> tuple[float, float]:
        lane = Lane(4)
        await throttled(lane)
        await throttled(lane)
        low = lane.rate
        while now() < 300:
            async with lane:
                pass
        return low, lane.rate

    low, high = run(scene())
    assert low == pytest.approx(1.0, abs=0.1)
    assert high == 4.0


def test_below_one_a_second_requests_are_further_apart() -> None:
    async def scene() -> list[float]:
        lane, times = Lane(1), []
        for _ in range(2):
            await throttled(lane)
        for _ in range(3):
            async with lane:
                times.append(now())
        return times

    times = run(scene())
    assert all(later - sooner > 2 for sooner, later in pairwise(times))


def test_other_errors_leave_the_rate_alone() -> None:
    async def scene() -> float:
        lane = Lane(20)
        with pytest.raises(ValueError, match="no"):
            async with lane:
                raise ValueError("no")
        return lane.rate

    assert run(scene()) == 20


class SharedLog:
    """The turns of one lane, as a log of a server gives them to kernels."""

    def __init__(self) -> None:
        self.next_at, self.asked, self.alone = 0.0, 0, False

    async def turn(self, lane: str, gap: float) -> float | None:
        self.lane = lane
        self.asked += 1
        if self.alone:
            return None
        mine = max(self.next_at, now())
        self.next_at = mine + gap
        return mine - now()


def kernel(log: SharedLog) -> Lane:
    return kernel_limiter(log).query()


def kernel_limiter(log: SharedLog) -> Limiter:
    limiter = Limiter("account", queries=5)
    limiter.turns.append(log.turn)
    return limiter


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 29), st.floats(0, 4)), min_size=1, max_size=60))
def test_thirty_kernels_on_one_log_meet_no_429(requests: list[tuple[int, float]]) -> None:
    arrivals: list[float] = []

    async def scene() -> None:
        log = SharedLog()
        lanes = [kernel(log) for _ in range(30)]

        async def one(number: int, at: float) -> None:
            await asyncio.sleep(at)
            async with lanes[number]:
                await asyncio.sleep(0.1)
                arrivals.append(now())

        await asyncio.gather(*(one(*request) for request in requests))

    run(scene())
    assert len(arrivals) == len(requests)
    assert most_in_a_second(arrivals) <= 5


def test_a_kernel_that_is_alone_asks_the_log_once_a_minute_and_after_a_429() -> None:
    async def scene() -> tuple[int, int, float]:
        log = SharedLog()
        log.alone = True
        lane = kernel(log)
        for _ in range(100):
            async with lane:
                pass
        took, asked = now(), log.asked
        await throttled(lane)
        async with lane:
            pass
        return asked, log.asked, took

    asked, then, took = run(scene())
    assert (asked, then, took) == (1, 2, pytest.approx(19.0))


def test_waiting_for_turns_makes_a_request_dearer() -> None:
    async def scene() -> list[float]:
        log = SharedLog()
        lanes, prices = [kernel(log) for _ in range(10)], []

        async def one(lane: Lane) -> None:
            async with lane:
                prices.append(lane.scarcity)

        await asyncio.gather(*map(one, lanes))
        return prices

    prices = run(scene())
    assert prices[0] == 1.0
    assert prices == sorted(prices)
    assert prices[-1] > 3.0


def test_whoever_gives_up_waiting_for_a_turn_takes_no_place_along() -> None:
    async def scene() -> None:
        log = SharedLog()
        log.next_at = 20.0
        lane = kernel(log)
        for _ in range(10):  # twice the places that there are
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1), lane:
                    pass
        log.alone = True
        began = now()
        async with lane:
            assert now() == began

    run(scene())


def test_a_submit_is_prepared_in_the_seconds_before_its_turn() -> None:
    async def scene() -> tuple[float, float]:
        log = SharedLog()
        log.next_at = 10.0
        async with kernel_limiter(log).submit("wan2.7-i2v") as turn:
            assert log.lane == "account|wan2.7-i2v"
            return now(), turn

    begins, turn = run(scene())
    assert (begins, turn) == (7.0, 10.0)
