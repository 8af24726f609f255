"""A kernel is killed at every step of a run. Whoever comes next finds everything, and pays for nothing again."""

from __future__ import annotations

import random
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from common import FIELDS, assert_whole, creates, until
from kernels import ended, kernel, start

import wan_nb
from wan_nb.api.catalog import LIMITS
from wan_nb.engine.posting.settle_rule import UNTOLD
from wan_nb.errors import OutcomeUnknown
from wan_nb.log.states import Status

PROMPT = "a cat walks"

WRITES = 9
"""Transactions of one run, from the intent to the clip."""

STEPS = [
    "before the POST",
    "answer there, not written",
    "PENDING",
    "RUNNING",
    "made, not fetched",
    "first bytes",
    "fetched, not named",
    "named, not written",
]


def resumed(settings, simulator, cat) -> Status | None:
    """Open the log as a new kernel does, resume, check every promise; then run the same cell again."""
    received, accepted = creates(simulator)
    assert accepted <= 1
    with wan_nb.Session(**settings) as session:
        session.resume(wait=True)
        assert creates(simulator)[0] == received, "resume has posted"
        rows = session.log.find()
        assert len(rows) <= 1
        status = rows[0].status if rows else None
        if status is Status.UNCERTAIN:
            # Nobody has written down how its POST ended: the service may go on with it for as long as a request lives.
            assert accepted == 0
            with pytest.raises(OutcomeUnknown):
                session.submit(PROMPT, first_frame=cat, **FIELDS).wait()
            assert creates(simulator)[0] == received, "posted while it was in doubt"
            # And a minute: the clocks of two Date headers, read on a busy machine, differ by seconds.
            later = timedelta(seconds=LIMITS.shared_request) + UNTOLD + timedelta(minutes=1)
            session.log.update(rows[0].run_id, posted_at=rows[0].posted_at - later)
            session.resume(wait=True)
            rows = session.log.find()
            status = rows[0].status
        # One intent, one clock, one account: everything can be told in the end.
        assert status is Status.SUCCEEDED if creates(simulator)[1] else status in {Status.FAILED, None}
        assert_whole(session, simulator)
        if status is Status.FAILED:
            assert rows[0].cost == 0
        run = session.submit(PROMPT, first_frame=cat, **FIELDS).wait()
        assert run.reused == (status is Status.SUCCEEDED)
        assert creates(simulator)[1] == 1, "paid twice"
        assert run.video
        assert_whole(session, simulator)
    return status


def killed(settings, cat, way: str, number: int = 0) -> int:
    return ended(start(kernel, settings, way, number, PROMPT, {"first_frame": cat, **FIELDS}))


def test_the_matrix_below_has_every_transaction(session, simulator, cat) -> None:
    simulator.config(run=1.0)
    real, seen = session.log._db.write, []
    session.log._db.write = lambda work: (seen.append(work), real(work))[1]
    session.submit(PROMPT, first_frame=cat, **FIELDS).wait()
    assert len(seen) <= WRITES


@pytest.mark.parametrize("way", STEPS)
def test_killed_at_a_step(settings, simulator, cat, way) -> None:
    if way == "RUNNING":
        simulator.config(run=1.0)
    assert killed(settings, cat, way) == -signal.SIGKILL
    status = resumed(settings, simulator, cat)
    assert status is (Status.FAILED if way == "before the POST" else Status.SUCCEEDED)


@pytest.mark.parametrize("number", range(1, WRITES + 1))
@pytest.mark.parametrize("way", ["inside write", "after write"])
def test_killed_in_or_after_each_transaction(settings, simulator, cat, way, number) -> None:
    assert killed(settings, cat, way, number) == -signal.SIGKILL
    resumed(settings, simulator, cat)


@pytest.mark.parametrize("processed", [True, False], ids=["accepted", "not accepted"])
def test_killed_while_a_post_has_no_answer(settings, simulator, cat, processed) -> None:
    simulator.faults(endpoint="create", stall=600, when="after" if processed else "before")
    child = start(kernel, settings, "outside", 0, PROMPT, {"first_frame": cat, **FIELDS})
    until(lambda: creates(simulator) == (1, int(processed)), "the POST")
    child.kill()
    assert ended(child) == -signal.SIGKILL
    assert resumed(settings, simulator, cat) is (Status.SUCCEEDED if processed else Status.FAILED)


def test_killed_while_a_clip_comes_in(settings, simulator, cat) -> None:
    simulator.faults(endpoint="download", truncate=0.5, stall=600)
    child = start(kernel, settings, "outside", 0, PROMPT, {"first_frame": cat, **FIELDS})
    videos = Path(settings["folder"]) / "videos"
    until(lambda: any(path.stat().st_size for path in videos.glob(".*.part")), "the first bytes")
    child.kill()
    assert ended(child) == -signal.SIGKILL
    assert not list(videos.glob("*.mp4"))
    assert resumed(settings, simulator, cat) is Status.SUCCEEDED


def random_instant(settings, simulator, cat, number: int, seed: int) -> None:
    point = random.Random(seed).randrange(1, number)
    assert killed(settings, cat, "call", point) == -signal.SIGKILL
    resumed(settings, simulator, cat)


CALLS = 3200
"""Calls of the package's functions in one run; the instants are drawn from them, so a slow machine changes nothing."""


@pytest.mark.parametrize("seed", range(30))
def test_killed_at_a_random_instant(settings, simulator, cat, seed) -> None:
    random_instant(settings, simulator, cat, CALLS, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_killed_at_one_of_two_hundred_instants(settings, simulator, cat, seed) -> None:
    random_instant(settings, simulator, cat, CALLS, seed)
