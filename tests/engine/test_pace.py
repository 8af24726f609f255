"""When to look: the learnt schedule, the queue's gaps, the back-off."""

import math
import random
from itertools import pairwise, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_nb.engine.polling.pace import LOOK_PRICE, MAX_GAP, MIN_GAP, Pace, queue_gap
from wan_nb.engine.retry import backoff

SECONDS = st.floats(0.05, 20_000)


def looks(pace: Pace, until: float) -> list[float]:
    """All looks before `until`, and the one that sees the end."""
    times = [pace.next(0.0)]
    while times[-1] < until:
        times.append(pace.next(times[-1]))
    return times


def draws(median: float, sigma: float, count: int, seed: int) -> list[float]:
    rng = random.Random(seed)
    return [median * math.exp(sigma * rng.gauss(0, 1)) for _ in range(count)]


def cost(pace: Pace, durations: list[float]) -> float:
    """Mean delay times mean number of looks."""
    seen = [looks(pace, duration) for duration in durations]
    delay = sum(times[-1] - duration for times, duration in zip(seen, durations, strict=True))
    return delay * sum(map(len, seen)) / len(durations) ** 2


@given(st.lists(SECONDS, max_size=30), st.floats(0, 90_000), st.floats(1e-6, 10))
def test_the_next_look_is_always_ahead_and_never_too_far(history: list[float], elapsed: float, price: float) -> None:
    gap = Pace.of(history).next(elapsed, price) - elapsed
    assert MIN_GAP * 0.999 <= gap <= max(MAX_GAP, elapsed / 60) * 1.001


@given(st.lists(SECONDS, max_size=30), st.floats(0, 5000), st.floats(1e-3, 1), st.floats(1, 50))
def test_dearer_looks_are_never_sooner(history: list[float], elapsed: float, price: float, factor: float) -> None:
    pace = Pace.of(history)
    assert pace.next(elapsed, price) <= pace.next(elapsed, price * factor) + 1e-9


def test_without_history_the_delay_stays_in_proportion() -> None:
    times = looks(Pace.of([]), 600)
    assert times[:3] == [2.0, 4.0, pytest.approx(6.8)]
    assert all(later - sooner <= max(2.0, 0.7 * sooner) + 1e-9 for sooner, later in pairwise(times))
    assert len(list(takewhile(lambda t: t < 90, times))) <= 16


def test_without_history_one_and_a_half_minutes_are_expected() -> None:
    assert Pace.of([]).median == pytest.approx(90, rel=0.1)


def test_with_history_no_look_is_wasted_and_the_dense_part_is_where_ends_are() -> None:
    pace = Pace.of(draws(90, 0.35, 60, seed=1))
    times = looks(pace, 300)
    assert 30 < times[0] < 60
    gaps = {round(sooner): later - sooner for sooner, later in pairwise(times)}
    assert max(gap for at, gap in gaps.items() if 75 < at < 130) < 6
    assert all(gap <= 15 for gap in gaps.values())


def test_the_usual_law_is_watched_close_to_the_optimum() -> None:
    # ½ (∫√(fS) dt)² of this law is 27.5; see tests/bench/pace.py.
    pace = Pace.of(draws(90, 0.35, 200, seed=2))
    assert cost(pace, draws(90, 0.35, 4000, seed=3)) < 1.1 * 27.5


@pytest.mark.parametrize(("median", "sigma", "optimum"), [(90, 0.35, 27.5), (40, 0.2, 7.44), (300, 0.5, 124.4)])
def test_ten_runs_teach_an_unknown_law(median: float, sigma: float, optimum: float) -> None:
    costs = [cost(Pace.of(draws(median, sigma, 10, seed)), draws(median, sigma, 500, seed + 50)) for seed in range(9)]
    assert sorted(costs)[4] < 1.4 * optimum


def test_a_service_that_became_twice_as_fast_is_believed_after_a_few_runs() -> None:
    before = draws(90, 0.35, 60, seed=4)
    after = draws(45, 0.35, 8, seed=5)
    assert Pace.of(before).median > 75
    assert Pace.of(before + after).median < 60
    assert Pace.of(after + before).median > 75, "the newest come last"


def test_runs_that_are_nothing_like_normal_are_watched_where_they_end() -> None:
    history = [a for pair in zip(draws(60, 0.1, 20, seed=6), draws(180, 0.1, 20, seed=7), strict=True) for a in pair]
    times = looks(Pace.of(history), 200)
    low, between, high = (sum(a < t < a + 30 for t in times) for a in (45, 100, 165))
    assert low > 2 * between
    assert high > 2 * between


@pytest.mark.parametrize("bad", [0.0, -5.0, math.nan, math.inf, 1e300])
def test_durations_that_cannot_be_do_no_harm(bad: float) -> None:
    pace = Pace.of([90.0, bad, 95.0, 88.0])
    assert 20 < pace.next(0.0) <= 60
    assert math.isfinite(pace.next(50.0))


def test_the_price_of_a_look_sets_requests_and_delay_but_not_their_product() -> None:
    pace, durations = Pace.of(draws(90, 0.35, 200, seed=8)), draws(90, 0.35, 1000, seed=9)
    mean_looks = sum(len(looks(pace, duration)) for duration in durations) / len(durations)
    optimum = 27.5
    assert mean_looks == pytest.approx(math.sqrt(optimum / LOOK_PRICE), rel=0.1)


def test_the_queue_is_asked_less_and_less_often() -> None:
    assert [queue_gap(waited) for waited in (0, 6, 10, 30, 3600)] == [3.0, 3.0, 5.0, 15.0, 15.0]


@given(st.integers(1, 10_000), st.integers())
def test_backoff_doubles_to_a_minute_with_half_of_it_by_lot(faults: int, seed: int) -> None:
    full = min(60.0, 2.0 ** min(faults - 1, 10))
    assert full / 2 <= backoff(faults, random.Random(seed)) <= full
