"""A study from its plan to what the votes say, with documented calls only."""

from __future__ import annotations

import numpy as np
import pytest

from wan_nb.errors import InvalidOption, NotFound


@pytest.fixture
def study(session, photos, bought_once, tmp_path):
    prompts = {"calm": "a cat walks", "fast": "a cat dashes", "<b>odd</b>": "a cat rolls"}

    def plan(session):
        return session.study(prompts, name="walk", first_frame=photos / "cat.jpg", duration=2, seeds=[1, 2, 3, 4])

    bought_once("three on four seeds", lambda session: plan(session).submit(max_cost=30).wait(), tmp_path / "wan_runs")
    return plan(session)


def test_a_sitting_of_votes_decides_and_is_written_down(study) -> None:
    ballot = study.ballot(rater="Ada")
    ballot._rng = np.random.default_rng(4)
    asked = ballot.next()
    while asked is not None and len(ballot.votes) < 12:
        better = "left" if asked.left_variant == "calm" else "right" if asked.right_variant == "calm" else "tie"
        ballot.record(asked, better, ms_to_vote=900, view_mode="side", unknown="dropped")
        asked = ballot.next()
    ranking = study.ranking()
    assert ranking.table()[0]["variant"] == "calm"
    assert {vote["rater"] for vote in study.votes()} == {"Ada"}
    assert all("unknown" not in vote for vote in study.votes())
    assert study.ballot(rater="Bea").votes == []


def test_undo_takes_back_the_last_answer_of_this_sitting_and_asks_it_again(study) -> None:
    ballot = study.ballot()
    assert ballot.undo() is None
    asked = ballot.next()
    ballot.record(asked, "left")
    assert ballot.undo() == asked
    assert ballot.votes == []
    assert [vote["outcome"] for vote in study.votes()] == ["left", "undo"]


def test_a_study_is_opened_again_with_its_runs_and_votes(study, session) -> None:
    study.ballot().record(study.ballot().next(), "tie")
    again = session.study(name="walk")
    assert [run.id for run in again.runs] == [run.id for run in study.runs]
    assert len(again.votes()) == 1
    with pytest.raises(NotFound):
        session.study(name="never")


def test_a_deleted_clip_is_asked_about_no_more_and_its_votes_stay(study, session) -> None:
    ballot = study.ballot()
    asked = ballot.next()
    ballot.record(asked, "left")
    session.forget(asked.left_run)
    with pytest.raises(InvalidOption, match="was deleted"):
        ballot.record(asked, "right")
    ballot.record(asked, "skip")
    while (following := ballot.next()) is not None:
        assert asked.left_run not in {following.left_run, following.right_run}
        ballot.record(following, "tie")
    assert study.ranking().votes > 1


def test_the_python_of_a_report_makes_the_same_study(study, session) -> None:
    from wan_nb.html.code import Grid

    asked = dict(zip(map(id, study.plan.cells), study.requests, strict=True))
    grid = Grid.of((cell.variant, asked[id(cell)].public()) for cell in study.plan.written)
    made = []

    class Wan:
        @staticmethod
        def study(*args, **kwargs):
            made.append(session.study(*args, **kwargs))
            return made[-1]

    lines = grid.as_python("walk", 30).splitlines()
    exec("\n".join(line for line in lines if not line.startswith(("import", "study."))), {"wan_nb": Wan})
    assert made[0].missing == []
    assert made[0].plan.variants == study.plan.variants
    assert grid.as_cell("walk", 30).startswith("%%wan --first-frame=")


def test_the_report_holds_everything_and_no_key(study, session, tmp_path) -> None:
    study.ballot().record(study.ballot().next(), "left")
    path = study.report(tmp_path / "walk.html", media="none")
    text = path.read_text()
    assert "calm" in text
    assert "<b>odd</b>" not in text
    assert "sk-test" not in text


def test_one_variant_alone_cannot_be_voted_on(session, photos) -> None:
    alone = session.study("a cat walks", name="alone", first_frame=photos / "cat.jpg", duration=2, seeds=[1, 2])
    alone.submit().wait()
    with pytest.raises(InvalidOption, match="no two clips"):
        alone.ballot()


def test_a_vote_knows_its_picture_and_several_are_said(session, photos) -> None:
    pictures = [photos / "cat.jpg", photos / "coffee.jpg"]
    prompts = {"calm": "it is still", "fast": "it turns"}
    two = session.study(prompts, name="two", vary={"first_frame": pictures}, duration=2, seeds=[1, 2])
    two.submit().wait()
    ballot = two.ballot()
    while asked := ballot.next():
        ballot.record(asked, "left")
    by_block = {vote["block"]: vote["picture"] for vote in two.votes()}
    assert {name.split(" ")[0]: picture for name, picture in by_block.items()} == {
        "cat.jpg": "picture 1",
        "coffee.jpg": "picture 2",
    }
    ranking = two.ranking()
    assert (ranking.blocks, ranking.pictures, ranking.raters) == (4, 2, 1)
    assert ranking.scope == "on new pictures and for this rater"
    assert "4 seeds, 2 pictures, 1 rater" in ranking._repr_mimebundle_()["text/plain"]


def test_clips_are_measured_once_and_compared_inside_their_blocks(study, session) -> None:
    frame = session.runs(measures=True)
    assert frame["motion"].notna().all()
    assert len(session.log.measures(frame["video_sha256"])) == 12
    differences = study.differences(base="calm")
    assert set(differences["variant"]) == {"fast", "<b>odd</b>"}
    assert set(differences.loc[differences["measure"] == "motion", "blocks"]) == {4}
    for run in study.runs:
        run.video.unlink()
    assert study.measures()["motion"].notna().all()  # kept by content: nothing is computed again


def test_a_ranking_shows_its_sentence_its_intervals_and_no_markup_of_others(study) -> None:
    study.ballot().record(study.ballot().next(), "both_bad")
    shown = study.ranking()._repr_mimebundle_()
    assert study.ranking().sentence in shown["text/plain"]
    assert "Both clips unusable in 100 %" in shown["text/plain"]
    assert "<b>odd" not in shown["text/html"]
