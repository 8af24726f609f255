"""A prompt that is corrected while its study runs, and a name that is used again."""

from __future__ import annotations

import threading
import time

import pytest

import wan_nb

SEEDS = list(range(1, 13))


@pytest.fixture
def session(simulator, tmp_path):
    with wan_nb.Session(
        base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "wan_runs", gap=0.02, patience=1.0
    ) as opened:
        yield opened


def plan(session, photos, prompts, name="walk", seeds=SEEDS):
    return session.study(prompts, name=name, seeds=seeds, first_frame=photos / "cat.jpg", duration=2)


def test_what_is_not_yet_sent_is_bought_with_the_corrected_prompt(session, simulator, photos) -> None:
    simulator.config(run=600.0)
    first = plan(session, photos, {"calm": "a cat wlaks"}).submit()
    while session.log.count(status="INTENDED") > 5:  # seven go to the service at once
        time.sleep(0.05)
    waiting = [row for row in first.rows() if row.status == "INTENDED"]
    assert len(waiting) == 5
    assert "nothing to buy" not in first.state().line
    assert f"all ordered, 0 of {len(SEEDS)} done" in first.state().line
    corrected = plan(session, photos, {"calm": "a cat walks"})
    state = corrected.state()
    assert {row.run_id for row in state.outdated} == {row.run_id for row in waiting}
    count = len(state.outdated)
    (note,) = state.changes
    assert f"{count} not yet sent have an older prompt" in note
    more = 1.2 * (len(SEEDS) - count)
    assert f"(CNY {more:.2f} more)" in note
    buying = threading.Thread(target=corrected.submit)  # it returns when the service has taken the first one
    buying.start()
    while any(session.row(row.run_id).status != "CANCELED" for row in state.outdated):
        time.sleep(0.05)
    assert corrected.state().changes == []
    first.cancel()  # what still waits at the service makes room
    buying.join(timeout=60)
    assert not buying.is_alive()
    tasks = simulator.tasks()
    assert sum("a cat wlaks" in str(task) for task in tasks) == 7, tasks[0]
    corrected.cancel()


def test_an_unchanged_plan_cancels_nothing(session, simulator, photos) -> None:
    simulator.config(run=600.0)
    first = plan(session, photos, {"calm": "a cat walks"}).submit()
    more = plan(session, photos, {"calm": "a cat walks", "fast": "a cat dashes"})
    assert more.state().outdated == ()
    assert plan(session, photos, {"calm": "a cat runs"}, name="other").state().outdated == ()
    first.cancel()


def test_a_name_used_again_says_which_variants_with_votes_it_hides(session, photos) -> None:
    study = plan(session, photos, {"calm": "a cat walks", "fast": "a cat dashes"}, seeds=[1]).submit().wait()
    assert plan(session, photos, {"slow": "a cat creeps"}, seeds=[1]).state().hidden == ()
    sitting = study.ballot(rater="Ada")
    sitting.record(sitting.next(), "left")
    state = plan(session, photos, {"calm": "a cat walks", "slow": "a cat creeps"}, seeds=[1]).state()
    assert state.hidden == ("fast",)
    assert "'fast' of the study 'walk' has votes" in state.notes[-1]
    assert plan(session, photos, {"calm": "a cat walks", "fast": "a cat dashes"}, seeds=[1, 2]).state().hidden == ()
    other = plan(session, photos, {"calm": "a cat walks", "fast": "a cat dashes"}, seeds=[2])
    assert set(other.state().hidden) == {"calm", "fast"}, "clips of other seeds take the place of those with votes"
    changed = plan(session, photos, {"calm": "a", "fast": "b", "new": "c"}, seeds=[1])
    assert set(changed.state().hidden) == {"calm", "fast"}
    assert plan(session, photos, {"slow": "a cat creeps"}, name="other", seeds=[1]).state().hidden == ()
