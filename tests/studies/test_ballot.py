"""Votes that come from a file: of a ballot page, of a class, of another log; and votes about one criterion."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest

import wan_nb
from wan_nb.errors import InvalidOption
from wan_nb.studies.ballot.paper import Paper
from wan_nb.studies.ballot.votes_file import FORMAT, VERSION, checksum
from wan_nb.studies.votes import Vote, agreement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROMPTS = {"calm": "a cat walks", "fast": "a cat dashes"}


@pytest.fixture(scope="module")
def made(_simulator: Any, photos: Path, tmp_path_factory: Any) -> Iterator[Any]:
    """A session with a study of two prompts and eight seeds."""
    _simulator.reset()
    folder = tmp_path_factory.mktemp("log")
    with wan_nb.Session(base_url=_simulator.url, api_key=_simulator.key, folder=folder, gap=0.02) as session:
        study = session.study(PROMPTS, name="walk", first_frame=photos / "cat.jpg", duration=2, seeds=range(8))
        study.submit(max_cost=50).wait()
        yield session


_names = iter(range(1000))


@pytest.fixture
def study(made: Any, photos: Path) -> Any:
    """A study of these clips that nobody has voted on."""
    name = f"walk {next(_names)}"
    return made.study(PROMPTS, name=name, first_frame=photos / "cat.jpg", duration=2, seeds=range(8))


def page_data(page: Path) -> dict[str, Any]:
    """What a ballot page knows."""
    text = page.read_text(encoding="utf-8")
    start = text.index('id="wan-data">') + len('id="wan-data">')
    return json.loads(text[start : text.index("</script>", start)])


class Voter:
    """Somebody who fills in a ballot page, as `ballot.js` writes it down."""

    def __init__(self, page: Path, rater: str = "", *, calm: set[str] = frozenset()) -> None:
        self.data, self.rater, self.calm = page_data(page), rater, calm
        self.sitting, self.votes = secrets.token_hex(8), list[dict[str, Any]]()

    def say(self, pair: list[str], outcome: str, **more: Any) -> dict[str, Any]:
        vote = {"vote_id": secrets.token_hex(8), "ts": "2026-11-28T10:00:00.000Z", "session": self.sitting,
                "criterion": self.data["criterion"], "left_run": pair[0], "right_run": pair[1], "outcome": outcome,
                "repeat_of": None, "ms_to_vote": 900, "watched_s_left": 1.5, "watched_s_right": 1.5,
                "view_mode": "side", "picker": "ballot"}  # fmt: skip
        self.votes.append({**vote, **more})
        return self.votes[-1]

    def all(self, chosen: Callable[[list[str]], str]) -> Voter:
        for block in self.data["blocks"]:
            for pair in block:
                self.say(pair, chosen(pair))
        return self

    def file(self, path: Path, **changed: Any) -> Path:
        votes = [{**vote, "rater": self.rater} for vote in self.votes]
        ballot = self.data["ballot"]
        whole = {"format": FORMAT, "version": VERSION, "study": "", "ballot": ballot, "votes": votes}
        path.write_text(json.dumps({**whole, "checksum": checksum("", ballot, votes), **changed}), encoding="utf-8")
        return path


def calm_names(study: Any, page: Path) -> set[str]:
    """Names on a ballot that stand for the variant "calm"."""
    told = study.session.log.load_ballot(page_data(page)["ballot"])[1]
    return {name for name, clip in told["clips"].items() if clip["variant"] == "calm"}


def test_a_class_of_thirty_votes_on_one_study(study: Any, tmp_path: Path) -> None:
    page = study.ballot_file(tmp_path / "ballot.html")
    calm = calm_names(study, page)
    for number in range(30):
        voter = Voter(page, f"pupil {number}")
        voter.all(lambda pair: "left" if pair[0] in calm else "right").file(tmp_path / f"votes-{number}.json")
    taken = study.read_votes(tmp_path / "votes-*.json")
    assert (taken.new, taken.known, taken.files, len(taken.raters)) == (240, 0, 30, 30)
    ranking = study.ranking()
    assert (ranking.votes, ranking.blocks, ranking.raters, ranking.winner) == (240, 8, 30, "calm")
    assert study.winner == "calm"
    assert ranking.agreement.same.value == 1
    assert ranking.agreement.same.low < 1, "no interval is empty"
    assert "study.finals()" in ranking._repr_mimebundle_()["text/plain"]
    finals = study.finals()
    assert (finals.name, finals.plan.variants, len(finals.missing)) == (f"{study.name} 1080P", ("calm",), 8)
    assert {request.resolution for request in finals.requests} == {"1080P"}
    assert {request.seed for request in finals.requests} == {row.seed for row in study.rows()}
    assert study.read_votes(tmp_path / "votes-*.json").new == 0
    assert {len(study.ballot(rater=f"pupil {number}").votes) for number in range(30)} == {8}
    lefts = [vote["left_variant"] for vote in study.votes()[:8]]
    assert lefts.count("calm") == 4, "each variant stands as often on one side as on the other"


def test_a_part_first_and_the_whole_later_with_an_undo_between(study: Any, tmp_path: Path) -> None:
    voter = Voter(study.ballot_file(tmp_path / "b.html"), "Ada")
    pairs = [pair for block in voter.data["blocks"] for pair in block]
    voter.say(pairs[0], "left")
    wrong = voter.say(pairs[1], "left")
    assert str(study.read_votes(voter.file(tmp_path / "part.json"))) == "2 answers taken: Ada."
    voter.say(pairs[1], "undo", repeat_of=wrong["vote_id"])
    voter.say(pairs[1], "right")
    for pair in pairs[2:]:
        voter.say(pair, "skip")
    taken = study.read_votes(voter.file(tmp_path / "whole.json"))
    assert (taken.new, taken.known) == (8, 2)
    assert str(taken) == "8 answers taken, 2 were there already: Ada."
    assert study.ranking().votes == len(study.ballot(rater="Ada").votes) == 2
    assert study.ballot(rater="Ada").progress().done == 8


def test_the_reader_says_who_it_was(study: Any, tmp_path: Path) -> None:
    page = study.ballot_file(tmp_path / "b.html")
    first = Voter(page, "Anna").all(lambda _: "tie").file(tmp_path / "1.json")
    other = Voter(page, "Anna").all(lambda _: "left").file(tmp_path / "2.json")
    nameless = Voter(page).all(lambda _: "left")
    assert study.read_votes(first).raters == ("Anna",)
    with pytest.raises(InvalidOption, match=r"another sitting of 'Anna'.*\n.*rater="):
        study.read_votes(other)
    assert study.read_votes(other, rater="Anna K.").raters == ("Anna K.",)
    assert study.read_votes(other).known == 8, "the sitting is known by now"
    with pytest.raises(InvalidOption, match=r"read under the name 'Anna K\.'"):
        study.read_votes(other, rater="Berta")
    assert study.read_votes(nameless.file(tmp_path / "3.json")).raters == (f"rater {nameless.sitting[:6]}",)
    assert study.ranking().raters == 3


def test_what_does_not_belong_is_refused_with_the_reason_and_the_rest_is_taken(
    study: Any, made: Any, photos: Path, tmp_path: Path
) -> None:
    other = made.study(PROMPTS, name="elsewhere", first_frame=photos / "cat.jpg", duration=2, seeds=range(8))
    page, there = study.ballot_file(tmp_path / "b.html"), other.ballot_file(tmp_path / "c.html")
    ada = Voter(page, "Ada").all(lambda _: "left")
    good = ada.file(tmp_path / "good.json")
    mixed_up = Voter(there, "Bea").all(lambda _: "left").file(tmp_path / "mixed up.json")
    with pytest.raises(InvalidOption, match=r"is about study 'elsewhere', not about 'walk \d+'"):
        study.read_votes(mixed_up)
    with pytest.raises(
        InvalidOption, match=r"(?s)1 of 2 files were not taken: mixed up.json.*The others are: 8 answers"
    ):
        study.read_votes(mixed_up, good)
    assert study.ranking().raters == 1
    changed = json.loads(good.read_text())
    changed["votes"][0]["outcome"] = "right"
    (tmp_path / "changed.json").write_text(json.dumps(changed))
    (tmp_path / "half.json").write_bytes(good.read_bytes()[:300])
    (tmp_path / "list.json").write_text("[1, 2]")
    for name, why in {
        "changed.json": "damaged or was changed by hand",
        "half.json": "no votes file, or only a part of one",
        "list.json": "is no votes file",
    }.items():
        with pytest.raises(InvalidOption, match=why):
            study.read_votes(tmp_path / name)
    with pytest.raises(InvalidOption, match="has version 9"):
        study.read_votes(ada.file(tmp_path / "new.json", version=9))
    stranger = Voter(page, "Cy")
    stranger.data["ballot"] = "0" * 16
    with pytest.raises(InvalidOption, match="ballot that this log has not made"):
        study.read_votes(stranger.all(lambda _: "left").file(tmp_path / "stranger.json"))
    names = sorted(ada.data["clips"])
    crossed = Voter(page, "Di")
    crossed.say([names[0], names[0]], "left")
    with pytest.raises(InvalidOption, match="a pair that this ballot did not ask about"):
        study.read_votes(crossed.file(tmp_path / "crossed.json"))
    with pytest.raises(InvalidOption, match="the votes have not decided yet"):
        study.finals()
    with pytest.raises(InvalidOption, match="there is no variant 'clam'"):
        study.finals(variant="clam")
    with pytest.raises(InvalidOption, match="there is no file"):
        study.read_votes(tmp_path / "none-*.json")
    assert study.ranking().votes == 8


def test_a_name_is_one_rater_and_a_question_one_question_however_they_are_typed(study: Any, tmp_path: Path) -> None:
    asked = study.ballot(rater="Zo\u00eb K.", criterion="caf\u00e9 is calmer").next()
    study.ballot(rater="Zo\u00eb K.", criterion="caf\u00e9 is calmer").record(asked, "left")
    other = study.ballot(rater=" Zoe\u0308  K. ", criterion="cafe\u0301  is calmer")
    assert len(other.votes) == 1
    assert study.ranking(criterion=" cafe\u0301 is calmer").votes == 1
    voter = Voter(study.ballot_file(tmp_path / "b.html", criterion="cafe\u0301 is  calmer"), "Zoe\u0308 K.")
    voter.say(next(pair for block in voter.data["blocks"] for pair in block), "left")
    taken = study.read_votes(voter.file(tmp_path / "zoe.json"), rater=" Zoe\u0308 K.")
    assert taken.raters == ("Zo\u00eb K.",)
    assert study.ranking(criterion="caf\u00e9 is calmer").raters == 1
    assert study.write_votes(tmp_path / "me.json", rater="Zoe\u0308 K. ").exists()
    for odd in ("\x00", "\ud800", "\u202e", "r" * 500):
        file = Voter(tmp_path / "b.html", odd).all(lambda _: "tie").file(tmp_path / "odd.json")
        assert study.read_votes(file, rater=odd).raters == (study.ballot(rater=odd).rater,)
        assert len(study.ballot(rater=odd).rater) <= 200


def test_the_same_votes_are_told_in_the_same_words_and_counted_alike_everywhere(
    study: Any, made: Any, photos: Path, tmp_path: Path
) -> None:
    ballot = study.ballot()
    study.ballot().record(ballot.next(), "skip")
    ballot.record(ballot.next(), "both_bad")
    ballot.record(ballot.next(), "right")
    ballot.undo()
    while asked := ballot.next():
        ballot.record(asked, "left" if asked.left_variant == "calm" else "right")
    ranking, widget = study.ranking(), study.vote()
    state = widget.answer({"kind": "state"})[0]
    again = made.study(PROMPTS, name=study.name, first_frame=photos / "cat.jpg", duration=2, seeds=range(8))
    report = again.report(tmp_path / "r.html", media="none").read_text(encoding="utf-8")
    told = {
        "ranking": str(ranking),
        "its picture": ranking._repr_mimebundle_()["text/html"],
        "its text": ranking._repr_mimebundle_()["text/plain"],
        "sitting": ballot.sentence(),
        "end of a vote": state["sentence"],
        "picture of a vote": widget.static_bundle()["text/plain"],
        "opened again": again.ranking().sentence,
        "report": report,
    }
    assert [place for place, text in told.items() if ranking.sentence not in text] == []
    assert ranking.votes == len(ballot.votes) == state["count"] == len(again.ballot().votes)
    assert f"{ranking.votes} votes on {ranking.blocks} seeds" in ranking.sentence
    progress = state["progress"]
    assert (progress["done"], progress["pairs"], progress["may_stop"]) == (8, 8, True)


def test_nobody_takes_back_the_votes_of_others(study: Any, tmp_path: Path) -> None:
    page = study.ballot_file(tmp_path / "b.html")
    ada = Voter(page, "Ada").all(lambda _: "left")
    study.read_votes(ada.file(tmp_path / "ada.json"))
    eve = Voter(page, "Eve")
    eve.say(ada.data["blocks"][0][0], "undo", repeat_of=ada.votes[0]["vote_id"])
    with pytest.raises(InvalidOption, match="a vote that is not its own"):
        study.read_votes(eve.file(tmp_path / "eve.json"))
    assert study.ranking().votes == 8


def test_votes_go_out_and_in_between_logs(study: Any, made: Any, photos: Path, tmp_path: Path) -> None:
    ballot = study.ballot(rater="Ada")
    while asked := ballot.next():
        ballot.record(asked, "left" if asked.left_variant == "calm" else "right")
    study.ballot(rater="Bea").record(study.ballot(rater="Bea").next(), "tie")
    out = study.write_votes(tmp_path / "me.json", rater="Ada")
    assert study.read_votes(out).new == 0, "they are there already"
    for vote in json.loads(out.read_text())["votes"]:
        assert vote["rater"] == "Ada"
    service = {"base_url": made.settings.service, "api_key": "sk-test"}
    with wan_nb.Session(**service, folder=tmp_path / "other", gap=0.02) as session:
        same = session.study(PROMPTS, name=study.name, first_frame=photos / "cat.jpg", duration=2, seeds=range(8))
        same.submit(max_cost=50).wait()
        mine = {row.video_sha256 for row in same.rows()}
        if mine == {row.video_sha256 for row in study.rows()}:  # the same clips under other ids
            assert same.read_votes(out).raters == ("Ada",)
            assert same.ranking().table()[0]["variant"] == "calm"
        else:
            with pytest.raises(InvalidOption, match="a clip that this study does not have"):
                same.read_votes(out)
    with pytest.raises(InvalidOption, match="has no votes of 'nobody'"):
        study.write_votes(tmp_path / "no.json", rater="nobody")


def test_a_criterion_is_a_question_of_its_own(study: Any) -> None:
    def sit(prefers: str, **asked: Any) -> None:
        ballot = study.ballot(**asked)
        while pair := ballot.next():
            ballot.record(pair, "left" if pair.left_variant == prefers else "right")

    sit("calm", criterion="moves less")
    only = study.ranking()
    assert (only.criterion, only.table()[0]["variant"]) == ("moves less", "calm"), "nothing else was asked"
    sit("fast")
    better, less = study.ranking(), study.ranking(criterion=" moves less ")
    assert (better.criterion, *(each.table()[0]["variant"] for each in (better, less))) == ("", "fast", "calm")
    said = better._repr_mimebundle_()["text/plain"]
    assert "study.ranking(criterion='moves less')" in said
    assert 'Asked was: "moves less".' in less._repr_mimebundle_()["text/plain"]
    assert study.vote(criterion="moves less").answer({"kind": "state"})[0]["pair"] is None
    assert study.vote(rater="Bea", criterion="moves less").answer({"kind": "state"})[0]["question"] == (
        "Which clip moves less?"
    )
    assert {vote["criterion"] for vote in study.votes()} == {"", "moves less"}


def test_a_sitting_says_how_far_it_is_and_when_to_stop(study: Any) -> None:
    ballot = study.ballot(rater="Ada")
    said = []
    while asked := ballot.next():
        ballot.record(asked, "tie")
        said.append(ballot.progress())
    assert (said[0].done, said[0].pairs, said[0].complete, said[0].blocks, said[0].may_stop) == (1, 8, 1, 8, True)
    assert (said[-1].done, said[-1].may_stop) == (8, True)
    ballot.undo()
    assert ballot.progress().done in {7, 8}


def test_a_block_of_three_is_complete_after_three_pairs() -> None:
    paper = Paper.draw({(block, name): f"{block}{name}" for block in "12" for name in "abc"}, "")
    assert sorted(map(len, paper.blocks)) == [3, 3]
    assert len(paper.clips) == 6
    alone = Paper.draw({("1", "a"): "x", ("2", "b"): "y"}, "")
    assert (alone.blocks, alone.clips) == ([], {})


def test_sides_of_a_ballot_are_balanced_against_each_other_variant() -> None:
    paper = Paper.draw({(str(block), name): f"{block}{name}" for block in range(20) for name in "abc"}, "")
    first: dict[frozenset[str], list[str]] = {}
    for block in paper.blocks:
        for pair in block:
            names = [paper.clips[name]["variant"] for name in pair]
            first.setdefault(frozenset(names), []).append(names[0])
    assert {found.count(min(pair)) for pair, found in first.items()} == {10}


def test_agreement_has_an_interval_that_is_never_empty_and_covers() -> None:
    import numpy as np

    def vote(block: int, rater: str, outcome: str) -> Vote:
        name = f"{block}{rater}"
        return Vote(vote_id=name, block=str(block), rater=rater, left_variant="a", right_variant="b", outcome=outcome)

    every = agreement([vote(block, rater, "left") for block in range(10) for rater in "xyz"])
    assert (every.same.value, every.alpha) == (1, None)
    assert every.same.low < 0.8
    rng, hits = np.random.default_rng(5), 0
    for _ in range(300):
        # Two raters who see the same side as better with 0.8 each: the same answer in 0.68 of blocks.
        votes = [vote(block, r, "left" if rng.random() < 0.8 else "right") for block in range(20) for r in "xy"]
        same = agreement(votes).same
        hits += same.low <= 0.68 <= same.high
        assert same.low < same.high
    assert hits / 300 > 0.93
