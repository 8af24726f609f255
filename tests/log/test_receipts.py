"""Numbers of the service and of other people's logs: receipts, prices, sums and clocks that make no sense."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from log_kit import START, Clock, in_state, intent

from wan_nb.api import catalog
from wan_nb.errors import BudgetExceeded, InvalidRequest
from wan_nb.log.schema import runs
from wan_nb.log.states import Status
from wan_nb.maintenance.cost import cost_of

if TYPE_CHECKING:
    from wan_nb.log.runlog import RunLog

pytest_plugins = ["fixtures_log"]

HUGE = 10**300
ODD = [-100, 0, -0.5, 9e14, HUGE, 121, "NaN", "Infinity", "-5", "1e9", "five", "", True, [], {}, {"s": 5}]


@pytest.mark.parametrize("seconds", ODD, ids=lambda value: repr(value)[:12])
def test_a_receipt_that_makes_no_sense_is_noted_and_the_estimate_kept(session, simulator, photos, seconds) -> None:
    simulator.faults(endpoint="get", times=-1, patch={"usage": {"duration": seconds, "SR": HUGE, "video_count": -1}})
    run = session.submit("a cat walks", first_frame=photos / "cat.jpg", duration=2).wait()
    row = run.row
    assert (row.status, row.cost, row.billed_s) == ("SUCCEEDED", 1.2, None)
    cost = repr(cost_of(session.workspace))
    assert f"no receipt that makes sense, the estimate is kept: {run.id[:8]}" in cost
    assert row.fps == 4  # of a tiny clip, as its file says
    assert row.width > 0


@pytest.mark.parametrize("seconds", [3, 3.0, "3", " 3.0 "])
def test_a_receipt_is_read_however_it_is_written(session, simulator, photos, seconds) -> None:
    simulator.faults(endpoint="get", times=-1, patch={"usage": {"duration": seconds}})
    run = session.submit("a cat walks", first_frame=photos / "cat.jpg", duration=2).wait()
    assert (run.row.billed_s, run.cost) == (3.0, 1.8)
    assert "no receipt" not in repr(cost_of(session.workspace))


def test_what_is_not_known_costs_what_the_dearest_does() -> None:
    beijing, singapore = catalog.REGIONS["beijing"], catalog.REGIONS["singapore"]
    assert catalog.price_per_second("wan99", "720P", beijing) == 0.9
    assert catalog.price_per_second("wan99", "8K", beijing) == catalog.price_per_second("", "", beijing) == 1.8
    assert catalog.price_per_second("wan9-t2v", "8K", beijing) == 1.2  # the dearest of its kind
    assert catalog.price_per_second("wan2.7-i2v", "8K", singapore) == 0.15
    assert (catalog.dearest_clip("CNY"), catalog.dearest_clip("EUR")) == (120.0, 0.0)
    assert catalog.dearest_clip("CNY", "wan2.7-i2v") == 15.0


def test_times_of_a_service_whose_clock_is_off_are_no_durations(session, simulator, photos) -> None:
    times = {"submit_time": "1970-01-01 09:00:00", "end_time": "1999-01-01 00:00:00"}
    times |= {"scheduled_time": "2099-01-01 00:00:00"}
    simulator.faults(endpoint="get", times=-1, patch={"output": times})
    row = session.submit("a cat walks", first_frame=photos / "cat.jpg", duration=2).wait().row
    assert (row.queue_s, row.run_s) == (None, None)


# --- prices of intents


@pytest.mark.parametrize("cost", [-1.0, float("inf"), float("nan"), 1e12, "3", True], ids=repr)
def test_an_intent_whose_price_is_no_amount_is_refused(log: RunLog, cost: object) -> None:
    with pytest.raises(InvalidRequest, match="no price"):
        log.reserve(intent(cost=cost))
    assert log.find() == []


@pytest.mark.parametrize("currency", ["EUR", "RMB", "cny", ""], ids=repr)
def test_an_intent_in_a_currency_that_no_cap_knows_is_refused(log: RunLog, currency: object) -> None:
    with pytest.raises(InvalidRequest, match="CNY or USD"):
        log.reserve(intent(cost=3.0, currency=currency), cap=50.0)
    assert log.find() == []


# --- clocks that jumped


def paid(log: RunLog, name: str = "1", cost: float = 40.0) -> str:
    return in_state(log, Status.SUCCEEDED, name, cost=cost)


def set_times(log: RunLog, run_id: str, **times: object) -> None:
    log._db.write(lambda c: c.execute(sa.update(runs).where(runs.c.run_id == run_id).values(**times)))


@pytest.mark.parametrize("year", [2099, 2500])
def test_a_run_that_was_written_in_the_future_does_not_block_the_cap(log: RunLog, clock: Clock, year: int) -> None:
    now, clock.now = clock.now, clock.now.replace(year=year)
    run_id = paid(log)
    set_times(log, run_id, submitted_at=None)
    clock.now = now
    assert log.reserve(intent("2", cost=40.0), cap=50.0)[1]
    assert log.spent("CNY", now - timedelta(days=1)) == 40.0


@pytest.mark.parametrize("year", [1970, 2001, 2099])
def test_the_services_own_time_counts_where_ours_had_jumped(log: RunLog, clock: Clock, year: int) -> None:
    now, clock.now = clock.now, clock.now.replace(year=year)
    run_id = paid(log)
    set_times(log, run_id, submitted_at=now)
    clock.now = now
    with pytest.raises(BudgetExceeded):
        log.reserve(intent("2", cost=40.0), cap=50.0)
    clock.now = now + timedelta(hours=25)
    assert log.reserve(intent("2", cost=40.0), cap=50.0)[1]


@pytest.mark.parametrize("year", [1970, 2099])
def test_a_service_whose_clock_is_off_changes_nothing(log: RunLog, clock: Clock, year: int) -> None:
    now = clock.now
    set_times(log, paid(log), submitted_at=now.replace(year=year))
    with pytest.raises(BudgetExceeded):
        log.reserve(intent("2", cost=40.0), cap=50.0)
    clock.now = now + timedelta(hours=25)
    assert log.reserve(intent("2", cost=40.0), cap=50.0)[1]


def test_what_is_still_open_counts_whatever_the_clock_said(log: RunLog, clock: Clock) -> None:
    now, clock.now = clock.now, clock.now.replace(year=2099)
    set_times(log, in_state(log, Status.RUNNING, "1", cost=40.0), submitted_at=None)
    clock.now = now
    with pytest.raises(BudgetExceeded):
        log.reserve(intent("2", cost=40.0), cap=50.0)


def test_the_message_says_when_waiting_helps_and_only_then(log: RunLog, clock: Clock) -> None:
    paid(log, "1", 10.0)
    clock.now += timedelta(hours=2)
    paid(log, "2", 35.0)
    with pytest.raises(BudgetExceeded) as caught:
        log.reserve(intent("3", cost=20.0), cap=50.0)
    assert f"wait until {START + timedelta(hours=26):%Y-%m-%d %H:%M} UTC" in caught.value.remedy
    with pytest.raises(BudgetExceeded) as caught:
        log.reserve(intent("3", cost=60.0), cap=50.0)
    assert "wait" not in caught.value.remedy
    clock.now = START + timedelta(hours=26, seconds=1)
    assert log.reserve(intent("3", cost=20.0), cap=50.0)[1]
