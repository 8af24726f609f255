"""One POST at a time, and what becomes of the intents of dead kernels."""

from datetime import timedelta

import pytest
from log_kit import START, Clock, in_state, intent

from wan_nb.engine.log import RunLog
from wan_nb.engine.states import Status
from wan_nb.errors import LogError

pytest_plugins = ["fixtures_log"]


def test_one_post_of_a_prompt_is_in_flight(log: RunLog, clock: Clock):
    one, two, other = (
        log.reserve(intent(f, prompt=p))[0].run_id for f, p in [("1", "cat"), ("2", "cat"), ("3", "dog")]
    )
    clock.pass_(seconds=5)
    assert log.begin_post(one)
    assert log.get(one).posted_at == clock.now
    assert [log.begin_post(run_id) for run_id in (two, other, one)] == [False, True, True]
    assert log.get(two).posted_at is None
    log.update(one, status="UNCERTAIN")
    assert log.begin_post(two)
    row = log.withdraw_post(two)
    assert (row.posted_at, row.status) == (None, Status.INTENDED)
    three = log.reserve(intent("4", prompt="cat"))[0].run_id
    assert log.begin_post(three)


def test_what_is_not_an_intent_of_mine_is_not_posted(log: RunLog):
    run_id = log.reserve(intent(), owner="me")[0].run_id
    with pytest.raises(LogError, match="not this kernel's"):
        log.begin_post(run_id, owner="you")
    assert log.begin_post(run_id, owner="me")
    log.update(run_id, status="PENDING")
    with pytest.raises(LogError, match="not this kernel's"):
        log.begin_post(run_id, owner="me")
    assert log.withdraw_post(run_id).posted_at is not None


def test_orphans_are_the_intents_of_the_dead(log: RunLog, clock: Clock):
    def meant(fingerprint: str, owner: str) -> str:
        clock.pass_(seconds=1)
        return log.reserve(intent(fingerprint, prompt=fingerprint), owner=owner)[0].run_id

    sent, waiting, living, accepted = meant("1", "dead"), meant("2", "dead"), meant("3", "living"), meant("4", "dead")
    log.update(accepted, status="PENDING")
    assert log.begin_post(sent)
    rows = log.orphans(lambda owner, _: owner == "living")
    assert [(row.run_id, row.posted_at is None) for row in rows] == [(sent, False), (waiting, True)]
    assert [log.claim(waiting, "me", was="dead"), log.claim(waiting, "you", was="dead")] == [True, False]
    assert log.get(waiting).owner == "me"
    assert not log.claim(accepted, "me", was="dead")
    assert log.get(living).owner == "living"


def test_signs_of_life_reach_the_judge(log: RunLog, clock: Clock):
    log.reserve(intent(), owner="far")
    seen = []
    clock.pass_(minutes=20)
    log.orphans(lambda owner, sign: bool(seen.append(sign)))
    log.beat("far")
    log.beat("far")
    log.orphans(lambda owner, sign: bool(seen.append(sign)))
    assert seen == [START, START + timedelta(minutes=20)]


def test_a_task_from_elsewhere_is_adopted_once(log: RunLog):
    row, new = log.adopt("t1", status="DOWNLOADING", cost=3.0, currency="CNY", prompt="theirs")
    assert (new, row.status, row.task_id, row.attempt) == (True, Status.DOWNLOADING, "t1", 1)
    assert log.adopt("t1") == (row, False)
    assert log.spent("CNY", START) == 3.0
    other = in_state(log, Status.INTENDED)
    with pytest.raises(LogError):
        log.update(other, status="PENDING", task_id="t1")
    assert log.get(other).status is Status.INTENDED
    assert log.adopt("t2", fingerprint="f1")[0].attempt == 2


def test_forget_keeps_the_cost(log: RunLog):
    open_, done = in_state(log, Status.RUNNING, "1"), in_state(log, Status.SUCCEEDED, "2")
    log.update(done, video="a.mp4")
    assert (log.forget(done).video, log.get(done).cost) == (None, 3.0)
    with pytest.raises(LogError, match="still to come"):
        log.forget(open_)
