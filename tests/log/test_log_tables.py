"""What the log keeps beside the runs."""

from datetime import timedelta

import pytest
from log_kit import START, Clock, in_state, intent

from wan_nb.errors import NotFound
from wan_nb.log.runlog import RunLog
from wan_nb.log.states import Status

pytest_plugins = ["fixtures_log"]


def test_uploads_are_recalled_while_they_live(log: RunLog, clock: Clock):
    log.remember_upload("k", "oss://a", START + timedelta(hours=47))
    log.remember_upload("k", "oss://b", START + timedelta(hours=48))
    log.remember_upload("other", "oss://c", START + timedelta(hours=1))
    clock.pass_(hours=47.5)
    assert (log.recall_upload("k"), log.recall_upload("other"), log.recall_upload("none")) == ("oss://b", None, None)
    assert log.recall_upload("k", START + timedelta(hours=48)) is None


def test_expired_uploads_leave_the_log(log: RunLog, clock: Clock, sql):
    log.remember_upload("old", "oss://a", START + timedelta(hours=1))
    clock.pass_(hours=2)
    log.remember_upload("new", "oss://b", clock.now + timedelta(hours=1))
    assert sql("SELECT key FROM uploads") == [("new",)]


def test_studies_come_back_and_near_names_are_said(log: RunLog, clock: Clock):
    with pytest.raises(NotFound, match="no study 'walk'"):
        log.load_study("walk")
    log.save_study("walk", {"seeds": [1]})
    clock.pass_(seconds=1)
    log.save_study("跑", {"seeds": []})
    clock.pass_(seconds=1)
    log.save_study("walk", {"seeds": [1, 2]})
    assert (log.load_study("walk"), log.studies()) == ({"seeds": [1, 2]}, ["walk", "跑"])
    with pytest.raises(NotFound, match=r"no study 'walks'.*\nDid you mean walk"):
        log.load_study("walks")


def test_votes_are_appended_in_order(log: RunLog):
    for number in range(12):
        log.add_vote({"study": "walk", "rater": "me", "number": number})
    log.add_vote({"study": "run", "voted_at": "then"})
    assert [vote["number"] for vote in log.votes("walk")] == list(range(12))
    assert log.votes("walk")[0] == {"study": "walk", "rater": "me", "number": 0, "voted_at": START.isoformat()}
    assert log.votes("run") == [{"study": "run", "voted_at": "then"}]
    assert log.votes("none") == []


def test_votes_that_are_read_again_are_there_once(log: RunLog):
    votes = [{"study": "walk", "vote_id": str(number)} for number in range(3)]
    assert (log.add_votes("walk", votes[:2]), log.add_votes("walk", votes), log.add_votes("walk", votes)) == (2, 1, 0)
    assert [vote["vote_id"] for vote in log.votes("walk")] == ["0", "1", "2"]


def test_ballots_come_back_and_others_are_none(log: RunLog):
    log.save_ballot("b1", "walk", {"clips": {"x": {"run": "r1"}}})
    assert log.load_ballot("b1") == ("walk", {"clips": {"x": {"run": "r1"}}})
    assert log.load_ballot("b2") is None


def test_measures_are_kept_per_clip_and_version(log: RunLog, clock: Clock):
    log.put_measures("a", 2, {"sharpness": 1.0})
    clock.pass_(seconds=1)
    log.put_measures("a", 1, {"sharpness": 2.0})
    log.put_measures("a", 1, {"sharpness": 3.0})
    log.put_measures("b", 1, {})
    assert log.measures(["a", "b", "c"]) == {"a": {"sharpness": 3.0}, "b": {}}, "the last one, not the highest"
    assert log.measures(iter(["a"]), version=2) == {"a": {"sharpness": 1.0}}
    assert len(log.measures([str(n) for n in range(12_000)] + ["a"])) == 1


def test_two_logs_on_one_place_see_each_other(log_url: str, log: RunLog):
    other = RunLog(log_url)
    row, _ = log.reserve(intent())
    assert other.get(row.run_id) == row
    assert other.reserve(intent()) == (row, False)
    other.close()


def test_a_log_that_was_closed_opens_again_for_late_news(log: RunLog):
    run_id = in_state(log, Status.RUNNING)
    log.close()
    log.close()
    assert log.update(run_id, "made").status is Status.DOWNLOADING


def test_kernels_that_meet_at_the_service_take_turns(log: RunLog, sql):
    """By the clock of the database, whatever that of the machine says; in a file nobody asks for them."""
    gap = 30.0
    turns = [log.turn(owner, "account|queries", gap) for owner in ("Ada", "Ada", "Ben", "Ben", "Ada")]
    if not log.served:
        assert turns == [None] * 5
        return
    assert turns[:2] == [None, None]  # alone
    assert turns[2:] == pytest.approx([60.0, 90.0, 120.0], abs=gap / 2)
    assert log.turn("Ada", "account|wan2.7-i2v", gap) is None  # another lane
    sql("UPDATE turns SET met_at = met_at - 61")
    assert log.turn("Ada", "account|queries", gap) is None  # nobody has come for a minute
    sql("UPDATE turns SET next_at = next_at + 7200")  # the clock was set back
    assert log.turn("Ben", "account|queries", gap) == pytest.approx(0.0, abs=gap / 2)
