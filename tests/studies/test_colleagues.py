"""Several people on one log: whose votes are whose, and who sees what when."""

from __future__ import annotations

import pytest

from wan_nb.studies.votes import Vote

pytest_plugins = ["fixtures_shell"]


def two_on_two_seeds(session, cat):
    prompts = {"a": "a dog", "b": "a hen"}
    session.study(prompts, name="walk", first_frame=cat, duration=2, seeds=[1, 2]).submit(max_cost=9).wait()


@pytest.fixture
def walked(wan, cat, bought_once, tmp_path):
    bought_once("two on two seeds", lambda session: two_on_two_seeds(session, cat), tmp_path / "wan_runs")
    wan(f"%%wan -f {cat} -d 2 --seeds 1,2 --name walk --max-cost 9 --wait --out study\n--- a\na dog\n--- b\na hen;")
    return wan


def vote(study, rater: str, outcome: str = "left", most: int = 99) -> int:
    """Somebody votes, and says how often."""
    ballot, given = study.ballot(rater=rater), 0
    while given < most and (asked := ballot.next()):
        ballot.record(asked, outcome)
        given += 1
    return given


def test_nobody_sees_what_others_say_before_the_own_sitting_has_ended(walked, capsys) -> None:
    study = walked["study"]
    vote(study, "Ada")
    bo = study.ballot(rater="Bo")
    assert bo.blind
    assert "preferred" not in bo.sentence()
    before = bo.next()
    bo.record(before, "right")
    assert bo.sentence() == "You have given 1 vote. What others say is told when you have seen every pair."
    session = study.session
    session.workspace.change(user="Bo")
    capsys.readouterr()
    hidden = walked("%wan rank walk")
    assert str(hidden) == f"{bo.sentence()} `%wan rank walk --all` tells it now."
    assert _shown(hidden) == str(hidden)
    assert repr(walked("%wan rank walk --all")) == repr(study.ranking())
    vote(study, "Bo")
    assert not study.ballot(rater="Bo").blind
    assert study.ballot(rater="Bo").sentence() == study.ranking().sentence
    assert repr(walked("%wan rank walk")) == repr(study.ranking())
    assert _shown(study.ranking()) != str(hidden)


def _shown(ranking: object) -> str:
    return str(ranking._repr_mimebundle_()["text/plain"])  # type: ignore[attr-defined]


def test_whoever_has_not_begun_is_told_no_tally_either(walked, capsys, tmp_path) -> None:
    """The rule is one for the ranking, the report, the table of votes and the sitting."""
    study = walked["study"]
    vote(study, "Ada")
    vote(study, "Bo", most=1)
    study.session.workspace.change(user="Cy")
    untold = "You have given 0 votes. What others say is told when you have seen every pair."
    for ranking in (study.ranking(), walked("%wan rank walk"), walked["study"].race().ranking()):
        assert _shown(ranking).startswith(untold)
        assert ranking.votes == 3, "code reads what it asks for"
    told = _shown(walked("%wan rank walk --all"))
    assert "preferred" in told
    page = study.report(tmp_path / "for-cy.html", media="none").read_text("utf-8")
    assert untold in page
    assert "Ada" not in page
    assert told.splitlines()[0] not in page
    assert study.report(tmp_path / "for-cy.csv").exists()
    assert not (tmp_path / "for-cy.votes.csv").exists()
    whole = walked(f"%wan report walk --all -o {tmp_path / 'all.html'}").read_text("utf-8")
    assert "Ada" in whole
    capsys.readouterr()
    assert len(walked("%wan votes walk")) == 0
    assert untold in capsys.readouterr().out
    assert len(walked("%wan votes walk --all")) == 3
    vote(study, "Cy")
    assert _shown(study.ranking()) == _shown(study.ranking(everybody=True))
    assert len(walked("%wan votes walk")) == len(study.votes())
    assert [*walked("%wan votes walk")] == ["time", "rater", "picture and seed", "left", "right", "answer"]


def test_one_who_votes_alone_sees_what_was_said(walked) -> None:
    study = walked["study"]
    vote(study, "Ada", most=1)
    assert not study.ballot(rater="Ada").blind
    assert study.ballot(rater="Ada").sentence() == study.ranking().sentence


def test_the_rater_is_the_user_unless_somebody_else_is_named(walked) -> None:
    study = walked["study"]
    study.session.workspace.change(user="Ada")
    assert study.ballot().rater == "Ada"
    assert study.ballot(rater="Bo").rater == "Bo"
    walked("%wan vote walk --rater Cy")
    assert walked("%wan vote walk --rater Cy")._count() == 0


def test_a_vote_without_a_name_is_that_of_the_first_who_has_one(walked) -> None:
    study = walked["study"]
    alone = study.ballot()
    assert alone.rater == ""
    alone.record(alone.next(), "left")
    log = study.session.log
    assert [row["rater"] for row in study.votes()] == [""]
    study.session.workspace.change(user="Ada")
    assert [row["rater"] for row in study.votes()] == ["Ada"]
    assert len(study.ballot().votes) == 1, "it is not asked again"
    vote(study, "Ada", most=1)
    study.session.workspace.change(user="Bo")
    assert {row["rater"] for row in study.votes()} == {"Ada"}
    assert study.ballot().votes == []
    study.session.workspace.change(user="")
    assert study.ballot().rater == "Ada"
    assert Vote.read(log.votes("walk")[0]).rater == "", "what was written stays"


def test_a_name_is_asked_for_once_where_others_vote_too(walked, monkeypatch) -> None:
    study, asked = walked["study"], []
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "Bo")
    walked("%wan vote walk")
    assert not asked, "a log of one's own"
    vote(study, "Ada", most=1)
    for _ in range(2):
        walked("%wan vote walk")
    assert len(asked) == 1
    assert study.session.settings.user == "Bo"


@pytest.mark.parametrize("said", ["Bo", ""])
@pytest.mark.parametrize("first", ["%wan rank walk", "%wan report walk -o {}", "%wan votes walk", "%%wan -d 2\na hen"])
def test_whoever_buys_or_looks_is_asked_for_the_name_once_too(walked, monkeypatch, tmp_path, first, said) -> None:
    study, asked = walked["study"], []
    vote(study, "Ada", most=1)
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or said)
    walked(first.format(tmp_path / "walk.html"))
    bought = walked("%%wan -d 2 --wait\na dog and a hen")
    assert asked == ["This log has the name 'Ada'. Your name (or Enter for none): "]
    assert bought.row.user == (said or None)
