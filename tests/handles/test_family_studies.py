"""A study over models: told as such in plan, ranking, race and report; its winner again on another model."""

from __future__ import annotations

from wan_nb.studies.ranking.remarks import ACROSS_MODELS

pytest_plugins = ["fixtures_shell"]

MODELS = ["wan2.7-t2v", "wan3.0-video"]


def test_models_are_told_in_plan_ranking_comparison_and_report(session, tmp_path) -> None:
    study = session.study("a cat", name="walk", vary={"model": MODELS}, seeds=[1, 2], duration=2)
    assert [request.model for request in study.requests].count("wan3.0-video") == 2
    assert ACROSS_MODELS in study.notes
    study.submit(max_cost=10).wait()
    sitting = study.ballot(rater="ada")
    while (asked := sitting.next()) is not None and len(study.votes()) < 2:
        sitting.record(asked, "left")
    said = study.ranking()._repr_mimebundle_()["text/plain"]
    assert "Its variants are of 2 models." in said
    assert ACROSS_MODELS in said
    page = study.report(tmp_path / "walk.html").read_text(encoding="utf-8")
    assert page.count(ACROSS_MODELS) >= 1
    assert all(model in page for model in MODELS)


def test_variants_that_do_not_name_their_model_are_told_with_it(session) -> None:
    prompts = {"calm": "a cat walks", "wild": "a cat jumps"}
    study = session.study(prompts, seeds=[1, 2], duration=2)
    assert set(study.models.values()) == {"wan2.7-t2v"}
    assert ACROSS_MODELS not in study.notes


def test_a_race_across_models_says_so_on_its_page(session) -> None:
    race = session.study("a cat", name="race", vary={"model": MODELS}, duration=2).race(max_cost=60)
    shown = race.page().bundle()["text/plain"]
    assert "Its variants are of 2 models." in shown


def test_cheap_first_and_the_whole_again_in_another_tier_with_the_same_seeds(wan, simulator) -> None:
    study = wan("%%wan --name walk -m wan3.0-video -r 480P -d 2 --seeds 3,4 --max-cost 5\na cat\n--- b\na dog")
    study.wait()
    again = wan("%wan again walk --model wan2.7-t2v --resolution 1080P")
    assert {(one.model, one.resolution, one.seed, one.ratio) for one in again.requests} == {
        ("wan2.7-t2v", "1080P", seed, "16:9") for seed in (3, 4)
    }
    assert {one.prompt for one in again.requests} == {"a cat", "a dog"}
    assert any("another clip of the same words and seed" in note for note in again.notes)
    assert simulator.counters()["creates_received"] == 4  # nothing is bought by it
