"""A race is killed twice on its way from the cell to the report: no clip is bought twice, and no vote is lost."""

from __future__ import annotations

import json
import signal
from collections import Counter

import pytest
from common import assert_whole, creates, until
from kernels import ended, start
from racing import BEST, race

import wan_nb
from wan_nb.log.states import Status

COST = 60.0


@pytest.fixture
def life(settings, cat, tmp_path):
    """Begins a kernel that goes on with the race, whatever the ones before it have left."""
    return lambda: start(race, str(tmp_path), settings, cat, COST)


def test_a_race_is_killed_twice_and_ends(settings, simulator, life, tmp_path) -> None:
    simulator.config(run=3600.0)
    first = life()
    with wan_nb.Session(**settings) as session:
        # As many as the account may run, and the few that wait at the service: all have their task ids.
        until(lambda: creates(simulator) == (7, 7), "the first clips")
        until(lambda: session.log.count(status=[Status.PENDING, Status.RUNNING]) == 7, "their ids in the log")
        first.kill()
        assert ended(first) == -signal.SIGKILL
        for task in simulator.tasks():
            simulator.do(task["task_id"], "finish")
        simulator.config(run=0.05)

        second = life()
        votes = until(lambda: len(found := session.log.votes("walk")) >= 5 and found, "five votes")
        second.kill()
        assert ended(second) == -signal.SIGKILL
        given = session.log.votes("walk")
        assert given[: len(votes)] == votes
        assert len({vote["vote_id"] for vote in given}) == len(given)

        assert ended(life()) == 0
        study = session.study(name="walk")
        found = study.race()
        assert session.log.votes("walk")[: len(given)] == given
        pairs = Counter((vote["block"], frozenset((vote["left_run"], vote["right_run"]))) for vote in study.votes())
        assert set(pairs.values()) == {1}, "a pair was asked about twice"
        _, accepted = creates(simulator)
        made = session.log.find(status=Status.SUCCEEDED)
        assert accepted == len(made) == len({row.fingerprint for row in made})
        assert accepted == found.state().clips == len(study.plan.cells)
        assert found.spent <= COST
        assert found.winner == BEST
        assert_whole(session, simulator)
        report = (tmp_path / "walk.html").read_text(encoding="utf-8")
        assert "The race" in report
        assert found.sentence in report
        steps = json.loads(json.dumps(session.log.load_study("walk")))["race"]["steps"]
        assert len(steps) == len(found.plan.steps)
