"""Limits of the account itself: told by workspace hosts, else the documented ones."""

from __future__ import annotations

import asyncio

import pytest

import wan_nb
from wan_nb.api.catalog import LIMITS
from wan_nb.engine.polling.limiter import Lane
from wan_nb.engine.posting.queue import BUFFER, Quota

MODEL = "wan2.7-i2v"
DEFAULT = Quota(LIMITS.submits_per_second, LIMITS.running)


def answer(*quotas: object) -> dict[str, object]:
    return {"output": {"total": len(quotas), "quotas": list(quotas)}}


def limit(count: object, period: object, running: object) -> dict[str, object]:
    return {"request_limit": count, "request_limit_period": period, "async_user_concurrency_limit": running}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (answer({"model": MODEL, "model_limit": limit(2, 1, 3)}), Quota(2, 3)),
        (answer({"model": MODEL, "model_limit": limit(30, 60, 3), "workspace_limit": limit(10, 1, 2)}), Quota(0.5, 2)),
        (answer({"model": "other", "model_limit": limit(1, 1, 1)}), DEFAULT),
        (answer({"model": MODEL, "model_limit": limit(None, None, None), "workspace_limit": None}), DEFAULT),
        (answer({"model": MODEL, "model_limit": limit("many", 0, -1)}), DEFAULT),
        (answer("nonsense", None), DEFAULT),
        ({"output": None}, DEFAULT),
        ({}, DEFAULT),
    ],
)
def test_reading(body, found) -> None:
    assert Quota.read(body, MODEL) == found


def test_what_a_host_does_not_tell_is_that_of_the_row() -> None:
    assert Quota.read({}, "happyhorse-1.1-t2v") == Quota(10, 5)


def test_a_lane_takes_the_limit_over_but_not_what_429s_taught() -> None:
    lane = Lane(5)
    lane.allow(9)
    assert (lane.limit, lane.rate) == (9, 9)
    lane.rate = 2.0  # after 429s
    lane.allow(12)
    assert (lane.limit, lane.rate) == (12, 2.0)
    lane.allow(1)
    assert (lane.limit, lane.rate) == (1, 1)


@pytest.mark.parametrize(
    ("running", "fault", "at_service"),
    [(2, None, 2), (9, None, 9), (2, {"endpoint": "quotas", "status": 404, "code": "NotFound"}, LIMITS.running)],
)
def test_a_study_fills_the_places_that_the_account_has(
    simulator, tmp_path, photos, running: int, fault: dict | None, at_service: int
) -> None:
    simulator.config(run=1000.0)
    simulator.limits(running=running, submits_per_second=50)
    if fault:
        simulator.faults(**fault)
    with wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "wan_runs") as session:
        study = session.study(["a cat"], name="walk", first_frame=photos / "cat.jpg", seeds=list(range(13)), duration=2)
        study.submit(max_cost=100)
        slots = session.workspace.loop.sync(session.workspace.runner.queue._slots(MODEL))
        while not slots.locked() or simulator.counters()["creates_accepted"] < at_service + BUFFER:
            session.workspace.loop.sync(asyncio.sleep(0.05))
        assert simulator.counters()["creates_accepted"] == at_service + BUFFER
