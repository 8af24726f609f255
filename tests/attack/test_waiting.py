"""The day while a task runs: a service that stalls, a name that is not found, clocks that jump, a laptop that slept."""

from __future__ import annotations

import socket
import time

import httpx
import pytest
from common import FIELDS, assert_whole, creates, until

import wan_nb
from wan_nb.errors import RunExpired
from wan_nb.log.states import Status

PROMPT = "a cat walks"


def impatient(session: wan_nb.Session) -> None:
    """A stall counts as one after a fraction of a second instead of 30 s."""
    session.workspace.account.client._http.timeout = httpx.Timeout(0.5, connect=10.0)


@pytest.mark.parametrize(
    "fault",
    [
        {"stall": 600},
        {"status": 503, "code": "ServiceUnavailable"},
        {"status": 504, "body": "", "content_type": "text/plain"},
        {"status": 429, "code": "Throttling.RateQuota"},
        {"status": 403, "body": "<html>log in to this network</html>", "content_type": "text/html"},
        {"status": 302, "body": ""},
        {"patch": {"output": {"task_status": 7}}},
        {"patch": {"output": "gone"}},
        {"body": "\x00\x01"},
    ],
    ids=str,
)
def test_two_bad_looks_in_a_row(session, simulator, cat, fault) -> None:
    impatient(session)
    simulator.faults(endpoint="get", times=2, **fault)
    assert session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120).video
    assert creates(simulator) == (1, 1)


def test_faults_of_every_kind_by_chance(session, simulator, cat) -> None:
    """A bad day: a third of all looks, lists and downloads go wrong."""
    impatient(session)
    kinds = [{"status": 500}, {"reset": True}, {"status": 429, "retry_after": 0}, {"body": "{"}, {"word": "PAUSED"}]
    simulator.faults(*({"endpoint": "get", "times": -1, "chance": 0.1, **kind} for kind in kinds))
    simulator.faults({"endpoint": "list", "times": -1, "chance": 0.3, "status": 502})
    simulator.faults({"endpoint": "download", "times": -1, "chance": 0.3, "truncate": 0.7})
    runs = [session.submit(f"a cat walks {n}", first_frame=cat, **FIELDS) for n in range(8)]
    for run in runs:
        assert run.wait(timeout=200).video
    assert_whole(session, simulator)
    assert creates(simulator) == (8, 8)


def test_a_name_that_is_not_found_for_a_while(simulator, settings, cat, monkeypatch) -> None:
    """The resolver fails as it does in a train; every new connection needs it."""
    by_name = {**settings, "base_url": simulator.url.replace("127.0.0.1", "localhost")}
    real, failures = socket.getaddrinfo, []

    def resolver(host, *args, **kwargs):
        if host in {"localhost", b"localhost"} and failures:
            failures.pop()
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    with wan_nb.Session(**by_name) as session:
        simulator.config(run=1.0)
        run = session.submit(PROMPT, first_frame=cat, **FIELDS)
        failures += [None] * 3
        simulator.faults(endpoint="get", reset=True)  # the kept connection is gone, too
        assert run.wait(timeout=120).video
        assert not failures
        failures += [None] * 2
        assert session.submit("a cat runs", first_frame=cat, **FIELDS).wait(timeout=120).video  # also before a POST
        assert not failures
    assert creates(simulator) == (2, 2)


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 7 * 3600.0])
def test_our_clock_jumps_while_a_task_runs(settings, simulator, cat, jump) -> None:
    simulator.config(run=3600.0)
    with wan_nb.Session(**settings) as session:
        run = session.submit(PROMPT, first_frame=cat, **FIELDS)
        until(lambda: run.status is Status.RUNNING, "the start")
        session.workspace.account.watcher._clock = lambda: time.time() + jump
        simulator.do(run.row.task_id, "finish")
        assert run.wait(timeout=120).video
        assert run.row.run_s >= 0
        assert run.row.queue_s >= 0


def test_a_laptop_that_slept_for_two_hours(settings, simulator, cat) -> None:
    """Both clocks have gone on, connections are dead, and the task ended long ago: one look tells, without a wait."""
    simulator.config(run=3600.0)
    with wan_nb.Session(**{**settings, "gap": None}) as session:
        run = session.submit(PROMPT, first_frame=cat, **FIELDS)
        until(lambda: simulator.tasks()[0]["status"] == "RUNNING", "the start")
        simulator.do(run.row.task_id, "finish")
        simulator.clock(2 * 3600.0)
        simulator.faults(endpoint="get", reset=True)
        session.workspace.account.watcher._clock = lambda: time.time() + 2 * 3600.0
        assert run.wait(timeout=120).video
        assert_whole(session, simulator)
    assert creates(simulator) == (1, 1)


def test_a_laptop_that_slept_for_a_day_says_what_is_lost(settings, simulator, cat) -> None:
    """Ids live 24 h: nobody can fetch that clip any more. It is said, and as it may be paid, only --take buys anew."""
    simulator.config(run=3600.0)
    with wan_nb.Session(**{**settings, "gap": None}) as session:
        run = session.submit(PROMPT, first_frame=cat, **FIELDS)
        until(lambda: simulator.tasks()[0]["status"] == "RUNNING", "the start")
        simulator.clock(25 * 3600.0)
        session.workspace.account.watcher._clock = lambda: time.time() + 25 * 3600.0
        with pytest.raises(RunExpired, match="no longer knows"):
            run.wait(timeout=120)
        assert run.status is Status.EXPIRED
        assert run.cost  # perhaps billed: it keeps counting
        simulator.config(run=0.05)
        with pytest.raises(RunExpired, match="--take 2"):
            session.submit(PROMPT, first_frame=cat, **FIELDS)
        assert session.submit(PROMPT, first_frame=cat, take=2, **FIELDS).row.take == 2
    assert creates(simulator) == (2, 2)


def test_a_clip_that_was_not_fetched_for_a_day_says_that_it_was_paid(settings, simulator, cat) -> None:
    simulator.faults(endpoint="download", times=-1, status=404)
    with wan_nb.Session(**settings) as session, pytest.raises(wan_nb.errors.DownloadFailed):
        session.submit(PROMPT, first_frame=cat, **FIELDS).wait()
    simulator.clear_faults()
    simulator.clock(25 * 3600.0)
    with wan_nb.Session(**settings) as session:
        session.workspace.account.watcher._clock = lambda: time.time() + 25 * 3600.0
        (run,) = session.resume(wait=True)
        assert run.status is Status.EXPIRED
        assert "paid" in str(run.error)
        assert run.row.billed_s == 2


def test_one_look_that_knows_no_task_ends_nothing_when_canceling(settings, simulator, cat) -> None:
    """Right after a submit a replica may lag: UNKNOWN is believed when it is seen for a while, not at once."""
    simulator.config(queue=3600.0)
    with wan_nb.Session(**{**settings, "gap": 3600.0}) as session:
        run = session.submit(PROMPT, first_frame=cat, **FIELDS)
        simulator.faults(endpoint="cancel", status=400, code="UnsupportedOperation")
        simulator.faults(endpoint="get", word="UNKNOWN")
        with pytest.raises(wan_nb.errors.Refused):
            run.cancel()
        assert run.status is Status.PENDING
        assert run.cancel().status is Status.CANCELED


def test_a_listener_that_fails_loses_no_clip(session, simulator, cat, caplog) -> None:
    def draw(row):
        raise RuntimeError("a board that cannot draw")

    session.workspace.subscribe(draw)
    assert session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120).video
    assert "a listener failed" in caplog.text
