"""One POST at a time, and what becomes of the intents of dead kernels."""

from datetime import timedelta

import pytest
from log_kit import START, Clock, in_state, intent

from wan_nb.errors import LogError
from wan_nb.log.runlog import RunLog
from wan_nb.log.states import Status

pytest_plugins = ["fixtures_log"]


def test_one_post_of_a_prompt_is_in_flight(log: RunLog, clock: Clock):
    one, two, other = (
        log.reserve(intent(f, prompt=p))[0].run_id for f, p in [("1", "cat"), ("2", "cat"), ("3", "dog")]
    )
    clock.pass_(seconds=5)
    assert log.begin_post(one) is None
    assert log.get(one).posted_at == clock.now
    assert [log.begin_post(run_id) for run_id in (two, other, one)] == [one, None, None]
    assert log.get(two).posted_at is None
    assert [log.in_flight(run_id) for run_id in (one, two, other)] == [None, one, None]
    log.update(one, "doubted")
    assert log.in_flight(two) is None
    assert log.begin_post(two) is None


def test_each_attempt_notes_its_moment_and_the_clocks(log: RunLog, clock: Clock):
    run_id = log.reserve(intent(request={"model": "m"}))[0].run_id
    log.begin_post(run_id, skew=timedelta(seconds=7))
    clock.pass_(seconds=30)
    log.begin_post(run_id, skew=timedelta(seconds=-3600))
    row = log.get(run_id)
    assert row.posted_at == clock.now
    assert (row.request, row.skew) == ({"model": "m"}, -3600.0)


def test_what_is_not_an_intent_of_mine_is_not_posted(log: RunLog):
    run_id = log.reserve(intent(), owner="me")[0].run_id
    with pytest.raises(LogError, match="not this kernel's"):
        log.begin_post(run_id, owner="you")
    assert log.begin_post(run_id, owner="me") is None
    log.update(run_id, "accepted")
    with pytest.raises(LogError, match="not this kernel's"):
        log.begin_post(run_id, owner="me")


def test_signs_of_life_reach_the_judge(log: RunLog, clock: Clock):
    run_id = log.reserve(intent(), owner="far")[0].run_id
    seen = []

    def judge(owner: str, sign: object) -> bool:
        seen.append((owner, sign))
        return len(seen) < 3

    asked = [log.abandoned(log.get(run_id), judge)]
    clock.pass_(minutes=20)
    log.begin_post(run_id)
    asked.append(log.abandoned(log.get(run_id), judge))
    clock.pass_(minutes=20)
    log.beat("far")
    log.beat("far")
    asked.append(log.abandoned(log.get(run_id), judge))
    assert asked == [False, False, True]
    assert seen == [("far", START + timedelta(minutes=20 * n)) for n in range(3)]


def test_a_task_from_elsewhere_is_adopted_once(log: RunLog):
    row, new = log.adopt("t1", status="DOWNLOADING", cost=3.0, currency="CNY", prompt="theirs")
    assert (new, row.status, row.task_id, row.attempt) == (True, Status.DOWNLOADING, "t1", 1)
    assert log.adopt("t1") == (row, False)
    assert log.spent("CNY", START) == 3.0
    other = in_state(log, Status.INTENDED)
    with pytest.raises(LogError):
        log.update(other, "accepted", task_id="t1")
    assert log.get(other).status is Status.INTENDED
    assert log.adopt("t2", fingerprint="f1")[0].attempt == 2


def test_forget_keeps_the_cost(log: RunLog):
    open_, done = in_state(log, Status.RUNNING, "1"), in_state(log, Status.SUCCEEDED, "2")
    log.update(done, video="a.mp4")
    assert (log.forget(done).video, log.get(done).cost) == (None, 3.0)
    with pytest.raises(LogError, match="still to come"):
        log.forget(open_)
