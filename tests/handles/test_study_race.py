"""A race as a person holds it: steps, votes, what is bought and what never is."""

from __future__ import annotations

import json
import re
from contextlib import suppress

import pytest

import wan_nb
from wan_nb.errors import BudgetExceeded, InvalidOption, RunFailed
from wan_nb.handles.race import Race
from wan_nb.studies.race.outlook import outlook

pytest_plugins = ["fixtures_shell"]

PROMPTS = {"calm": "a cat walks", "fast": "a cat dashes"}


@pytest.fixture
def cat(photos):
    return str(photos / "cat.jpg")


@pytest.fixture
def opened(simulator, tmp_path):
    """Opens sessions on one log."""
    sessions = []

    def open_one():
        folder = tmp_path / "wan_runs"
        sessions.append(wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder=folder, gap=0.02))
        return sessions[-1]

    yield open_one
    for session in sessions:
        session.close()


@pytest.fixture
def session(opened):
    return opened()


def vote(study, best, *, rater="", most=1000):
    """Votes by somebody who prefers one variant and finds all others equal; how many were asked."""
    ballot, given = study.ballot(rater=rater), 0
    while given < most and (asked := ballot.next()) is not None:
        sides = {asked.left_variant: "left", asked.right_variant: "right"}
        ballot.record(asked, sides.get(best, "tie"))
        given += 1
    return given


def creates(simulator):
    return simulator.counters()["creates_accepted"]


def test_a_race_from_its_first_clip_to_its_report(session, opened, simulator, cat, tmp_path) -> None:
    study = session.study(PROMPTS, name="walk", first_frame=cat, duration=2)
    race = study.race(max_cost=30)
    assert creates(simulator) == 0
    assert "a clear difference (3 in 4 votes)" in race.outlook
    assert (race.next.seeds, race.next.clips) == (8, 16)
    race.submit().wait()
    assert creates(simulator) == race.state().clips == 16
    assert race.next is None
    assert "8 votes to come on 8 seeds" in race.outlook
    race.submit()
    assert creates(simulator) == 16, "bought before its votes were in"

    assert vote(study, "calm") == 8
    assert race.decided
    assert race.winner == study.ranking().rows[0]["variant"] == "calm"
    race.submit()
    assert creates(simulator) == 16, "bought after it was decided"
    again = opened().study(name="walk")
    assert again.ranking().sentence == race.sentence == study.ballot().sentence()
    assert again.race().page().bundle() == race.page().bundle()

    page = race.page().bundle()["text/plain"]
    assert "calm beats fast" in page
    assert "step 1; seeds 8; for calm and fast; clips 16; cost ≈ CNY 19.20; votes 8; to come 0" in page
    report = study.report(tmp_path / "walk.html", media="none").read_text(encoding="utf-8")
    assert race.sentence in report
    assert "<h2>The race</h2>" in report
    assert "study.race(max_cost=30)" in report


def test_a_second_person_is_suggested_where_that_is_cheaper_than_seeds(session, simulator, cat) -> None:
    race = session.study(PROMPTS, name="two", first_frame=cat, duration=2).race(max_clips=120)
    alone, together = outlook(2, 120), outlook(2, 120, raters=2)
    assert together.spent <= 0.9 * alone.spent
    assert together.found > alone.found
    assert "With a second person's vote on each pair the clear one" in race.outlook
    assert "race(raters=2)" in race.outlook
    assert "race(raters=3)" not in race.outlook
    assert "race(raters=2)" not in race.study.race(raters=2).outlook
    assert creates(simulator) == 0


def test_a_level_race_goes_on_in_steps_until_the_budget_ends_it(session, simulator, cat) -> None:
    study = session.study(PROMPTS, name="level", first_frame=cat, duration=2)
    race = study.race(max_clips=28)
    bought = []
    for _ in range(4):
        race.submit().wait()
        bought.append(creates(simulator))
        vote(study, "nobody")
    assert bought == [16, 24, 28, 28]
    assert len({cell.block for cell in study.plan.cells}) == 14
    assert not race.decided
    assert "the budget is spent" in race.sentence
    more = session.study(name="level").race(max_clips=32)
    assert more.next.clips == 4, "a budget may be raised"


def test_pictures_take_turns_and_no_seed_comes_twice(session, photos) -> None:
    pictures = [str(photos / "cat.jpg"), str(photos / "coffee.jpg")]
    study = session.study(PROMPTS, name="two", vary={"first_frame": pictures}, duration=2)
    study.race(max_clips=16).submit()
    blocks = [cell for cell in study.plan.written if cell.variant == "calm"]
    assert [cell.fields["first_frame"].path.name for cell in blocks] == ["cat.jpg", "coffee.jpg"] * 4
    assert len({cell.fields["seed"] for cell in blocks}) == 8


def test_a_grid_goes_on_as_a_race_with_new_seeds_and_its_votes_are_no_evidence(session, simulator, cat) -> None:
    prompts = {**PROMPTS, "odd": "a cat rolls"}
    grid = session.study(prompts, name="walk", first_frame=cat, duration=2, seeds=[1, 2, 3])
    grid.submit().wait()
    vote(grid, "calm")
    race = session.study(name="walk").race(max_cost=90)
    race.submit().wait()
    assert creates(simulator) == 9 + 24
    assert race.state().looked_at == 3
    assert race.state().verdict.seeds == 0
    assert race.state().votes_due == 24
    assert not {1, 2, 3} & {cell.fields["seed"] for cell in race.study.plan.written[9:]}
    assert "3 seeds from before the race" in race.page().bundle()["text/plain"]
    # The grid that is still held, and its cell, are the race by now.
    grid.submit()
    assert creates(simulator) == 9 + 24
    assert grid.race().state().clips == 24


def test_seeds_of_a_plan_that_were_not_bought_are_left_aside(session, simulator, cat) -> None:
    study = session.study(PROMPTS, name="walk", first_frame=cat, duration=2, seeds=[1, 2, 3])
    study.race(max_clips=16).submit().wait()
    assert len(study.plan.cells) == creates(simulator) == 16
    same = session.study(PROMPTS, name="walk", first_frame=cat, duration=2, seeds=[1, 2, 3])
    with pytest.raises(InvalidOption, match="has become a race"):
        same.submit()
    assert session.study(name="walk").plan.race.steps
    assert creates(simulator) == 16


def test_a_prompt_does_not_change_while_it_races(session, simulator, cat) -> None:
    session.study(PROMPTS, name="walk", first_frame=cat, duration=2).race(max_clips=16).submit().wait()
    other = session.study({**PROMPTS, "fast": "a cat leaps"}, name="walk", first_frame=cat, duration=2)
    with pytest.raises(InvalidOption, match="other prompts"):
        other.race()
    with pytest.raises(InvalidOption, match="other prompts"):
        other.submit()
    assert creates(simulator) == 16


def test_a_clip_that_failed_is_a_tie_and_is_not_bought_again(session, simulator, cat) -> None:
    simulator.config(run=3600.0)
    study = session.study(PROMPTS, name="walk", first_frame=cat, duration=2)
    race = study.race(max_clips=16).submit()
    first = simulator.tasks()[0]["task_id"]
    simulator.do(first, "fail", "InternalError", "no reason")
    session.run(session.log.by_task(first).run_id)
    simulator.config(run=0.05)
    for task in simulator.tasks()[1:]:
        with suppress(AssertionError):  # sent since, it may have ended by itself
            simulator.do(task["task_id"], "finish")
    race.wait()
    lost = [run.row for run in study.runs if run.status == "FAILED"]
    assert len(lost) == 1
    assert race.state().votes_due == 7
    winner = "fast" if lost[0].variant == "calm" else "calm"
    assert vote(study, winner) == 7
    assert race.state().verdict.seeds in {7, 8}
    race.submit()
    study.submit()
    assert creates(simulator) == 16


def test_a_race_whose_clips_all_fail_buys_no_further_step(session, simulator, cat) -> None:
    simulator.faults(endpoint="create", times=16, fail={"code": "DataInspectionFailed", "message": "not that"})
    race = session.study(PROMPTS, name="walk", first_frame=cat, duration=2).race(max_clips=40).submit()
    for _ in range(2):
        with pytest.raises(RunFailed):
            race.wait()
        with pytest.raises(RunFailed, match="not one clip of the last seeds"):
            race.submit()
    assert creates(simulator) == 16


def test_a_vote_that_completed_its_seed_is_not_taken_back(session, cat) -> None:
    study = session.study({**PROMPTS, "odd": "a cat rolls"}, name="walk", first_frame=cat, duration=2)
    study.race(max_clips=24).submit().wait()
    ballot = study.ballot()
    ballot.record(ballot.next(), "left")
    assert ballot.undo() is not None
    for _ in range(3):
        ballot.record(ballot.next(), "left")
    with pytest.raises(InvalidOption, match="completed its seed"):
        ballot.undo()
    assert [vote["outcome"] for vote in study.votes()] == ["left", "undo", "left", "left", "left"]


def test_steps_of_another_kernel_are_taken_up(session, opened, simulator, cat) -> None:
    race = session.study(PROMPTS, name="walk", first_frame=cat, duration=2).race(max_clips=40)
    race.submit().wait()
    vote(race.study, "nobody")
    other = opened().study(name="walk").race()
    assert other.plan.max_clips == 40
    other.submit().wait()
    race.submit().wait()
    assert creates(simulator) == 24
    assert race.plan.steps == other.plan.steps
    vote(other.study, "nobody")
    assert race.next.clips == 8


def test_a_second_rater_is_fixed_with_the_step(session, cat) -> None:
    study = session.study(PROMPTS, name="walk", first_frame=cat, duration=2)
    race = study.race(max_clips=40, raters=2).submit().wait()
    assert vote(study, "nobody", rater="Ada") == 8
    assert race.next is None
    assert "each pair by 2 people" in race.outlook
    assert vote(study, "nobody", rater="Ada") == 0
    assert vote(study, "nobody", rater="Bea") == 8
    one = study.race(raters=1)
    one.submit().wait()
    assert [step.votes for step in one.plan.steps] == [2, 1]
    assert [step.votes for step in session.study(name="walk").race().plan.steps] == [2, 1]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"max_cost": -1}, "max_cost"),
        ({"max_clips": 0}, "max_clips"),
        ({"raters": 0}, "raters"),
        ({"strict": 3}, "strict"),
    ],
)
def test_what_a_race_cannot_be(session, cat, wrong, said) -> None:
    with pytest.raises(InvalidOption, match=said):
        session.study(PROMPTS, first_frame=cat, duration=2).race(**wrong)


def test_a_budget_that_takes_no_seed_buys_nothing(session, simulator, cat) -> None:
    study = session.study(PROMPTS, name="walk", first_frame=cat, duration=2)
    with pytest.raises(BudgetExceeded, match=r"CNY 2\.40, more than the budget"):
        study.race(max_cost=2).submit()
    assert creates(simulator) == 0
    assert study.race(max_cost=5).next.seeds == 2
    assert "is not found" in study.race(max_cost=5).outlook
    with pytest.raises(InvalidOption, match="two variants"):
        session.study("a cat", first_frame=cat, duration=2).race()


# -- the cell


CELL = "%%wan --race -f {cat} -d 2 --name walk --max-cost {cost} --out race\na cat walks\n--- fast\na cat dashes"


def test_a_cell_buys_a_step_and_says_who_votes_next(wan, simulator, cat) -> None:
    wan.unattended()
    cell = CELL.format(cat=cat, cost=30)
    dry = wan(cell.replace("--out race", "--dry-run"))
    assert (len(dry.payloads), round(dry.price, 2)) == (16, 19.2)
    assert "a clear difference" in str(dry)
    assert creates(simulator) == 0
    race = wan(cell)
    assert isinstance(race, Race)
    assert race is wan["race"]
    assert creates(simulator) == 16
    assert "≈ CNY 19.20" in race.outlook
    assert "%wan vote walk" in race.outlook
    wan(cell)
    assert creates(simulator) == 16
    vote(race.study, "nobody")
    again = wan(CELL.format(cat=cat, cost=40))
    assert creates(simulator) == 24
    assert again.plan.max_cost == 40
    assert wan("%wan rank walk").sentence == again.sentence


def test_a_cell_without_a_budget_asks_where_somebody_can_answer(wan, simulator, cat) -> None:
    cell = CELL.format(cat=cat, cost=30).replace("--max-cost 30 ", "")
    assert isinstance(wan(cell), Race)
    wan.unattended()
    with pytest.raises(InvalidOption, match="--max-cost"):
        wan(cell)
    with pytest.raises(InvalidOption, match="new seeds"):
        wan(cell.replace("--race", "--race --seed 7 --max-cost 9"))
    assert creates(simulator) == 0


def test_a_race_asks_its_own_question_and_no_other_vote_decides_it(session, cat, tmp_path) -> None:
    study = session.study(PROMPTS, name="still", first_frame=cat, duration=2)
    race = study.race(max_clips=16, criterion="moves less").submit().wait()
    plain = study.ballot(criterion="")
    while (asked := plain.next()) is not None:
        plain.record(asked, "left" if asked.left_variant == "fast" else "right")
    assert race.state().votes_due == 8, "votes of another question were taken for those of the race"
    assert race.winner is None
    assert study.ballot().criterion == "moves less"
    assert vote(study, "calm") == 8
    assert race.winner == study.winner == "calm"
    assert study.ranking(criterion="").race is None
    page = race.page().bundle()["text/plain"]
    assert "Which clip moves less?" in page
    report = study.report(tmp_path / "still.html", media="none").read_text(encoding="utf-8")
    assert "--criterion=&#39;moves less&#39;" in report or "--criterion=&#x27;moves less&#x27;" in report
    assert "criterion=&#34;moves less&#34;" in report or "criterion=&#39;moves less&#39;" in report
    again = session.study(name="still").race()
    assert again.plan.criterion == "moves less"
    with pytest.raises(InvalidOption, match="criterion cannot be changed"):
        study.race(criterion="looks warmer")


def test_a_ballot_page_of_a_race_asks_what_the_race_needs(session, cat, tmp_path) -> None:
    grid = session.study(PROMPTS, name="walk", first_frame=cat, duration=2, seeds=[1, 2, 3])
    grid.submit().wait()
    study = session.study(name="walk").race(max_clips=16).submit().wait().study
    study.ballot_file(tmp_path / "first.html")
    vote(study, "calm", most=3)
    study.ballot_file(tmp_path / "second.html")
    pages = [(tmp_path / f"{name}.html").read_text(encoding="utf-8") for name in ("first", "second")]
    asked = [json.loads(re.search(r'id="wan-data">(.*)</script>', page)[1])["blocks"] for page in pages]
    assert [len(blocks) for blocks in asked] == [8, 5]
    vote(study, "calm")
    with pytest.raises(InvalidOption, match="needs no vote now"):
        study.ballot_file(tmp_path / "third.html")


def test_a_cell_says_what_its_race_asks(wan, cat) -> None:
    wan.unattended()
    cell = CELL.format(cat=cat, cost=30).replace("--name", '--criterion "moves less" --name')
    assert wan(cell).plan.criterion == "moves less"
    assert wan("%wan rank walk").criterion == "moves less"
    with pytest.raises(InvalidOption, match="what a race asks"):
        wan(cell.replace("--race", ""))
