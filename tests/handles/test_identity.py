"""What is the same and what is not: by content, under whatever name, label or spelling."""

from __future__ import annotations

import io
import shutil
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from edition1 import EXPECTED, PROMPTS, copied
from PIL import Image

import wan_nb
from wan_nb.errors import InvalidMedia, InvalidOption, InvalidRequest
from wan_nb.studies.plan import expand, grid_of
from wan_nb.widgets.clip_pages import clips_of

TWO = {"calm": "a cat walks", "wild": "a cat runs"}
SMALL = {"duration": 2}


@pytest.fixture
def session(simulator, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with wan_nb.Session(
        base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "wan_runs", gap=0.02
    ) as opened:
        yield opened


def painted(colour: str) -> Image.Image:
    return Image.new("RGB", (400, 300), colour)


def square(white: bool) -> np.ndarray:
    array = np.zeros((400, 400), np.uint8)
    array[200:220, 200:220] = 255 * white
    return array


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def shots(tmp_path):
    """Two folders with a picture of the same name."""
    for folder, colour in (("shot1", "red"), ("shot2", "blue")):
        (tmp_path / folder).mkdir()
        painted(colour).save(tmp_path / folder / "start.png")
    return ["shot1/start.png", "shot2/start.png"]


FORMS = {
    "paths of one name": lambda shots: shots,
    "absolute paths": lambda shots: [Path(shot).absolute() for shot in shots],
    "images": lambda _: [painted("red"), painted("blue")],
    "images of a file": lambda shots: [Image.open(shot) for shot in shots],
    "arrays": lambda _: [square(False), square(True)],
    "bytes": lambda _: [encoded(painted("red")), encoded(painted("blue"))],
    "addresses": lambda _: ["https://e.org/i?key=photos/cat.jpg", "https://e.org/i?key=photos/dog.jpg"],
    "addresses with a secret": lambda _: ["https://e.org/i?token=cat", "https://e.org/i?token=dog"],
}


@pytest.mark.parametrize("form", FORMS)
def test_two_pictures_are_two_blocks_under_labels_of_their_own(session, shots, form) -> None:
    study = session.study(TWO, seeds=[1, 2], vary={"first_frame": FORMS[form](shots)}, **SMALL)
    assert len(study.plan.blocks) == 4
    for block in study.plan.blocks:
        inside = [(c, r) for c, r in zip(study.plan.cells, study.requests, strict=True) if c.block == block]
        assert Counter(cell.variant for cell, _ in inside) == {"calm": 1, "wild": 1}
        assert len({(request.first_frame.identity, request.seed) for _, request in inside}) == 1
    prints = session.workspace.fingerprints(study.asks())
    assert len(set(prints)) == 8


def test_labels_tell_as_much_of_a_path_as_it_takes(session, shots) -> None:
    study = session.study(TWO, seeds=[1], vary={"first_frame": shots}, **SMALL)
    assert study.plan.blocks == ("shot1/start.png · seed 1", "shot2/start.png · seed 1")
    alone = session.study(TWO, seeds=[1], first_frame=shots[0], **SMALL)
    assert alone.plan.blocks == ("start.png · seed 1",)


def test_one_picture_under_two_names_is_one_picture(session, shots, tmp_path) -> None:
    shutil.copy(shots[0], tmp_path / "copy.png")
    for same in (["copy.png", shots[0]], [painted("red"), shots[0]], [painted("red"), np.asarray(painted("red"))]):
        with pytest.raises(InvalidOption, match="ask for the same") as caught:
            session.study(TWO, seeds=[1], vary={"first_frame": same}, **SMALL)
        assert "under two names" in caught.value.remedy


def test_a_plan_alone_tells_arrays_apart_that_read_alike() -> None:
    arrays = [square(False), square(True)]
    assert str(arrays[0]) == str(arrays[1])
    assert len(expand(TWO, vary={"first_frame": arrays}).blocks) == 2
    with pytest.raises(InvalidOption, match="ask for the same"):
        expand(TWO, vary={"first_frame": [arrays[0], arrays[0].copy()]})


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("duration", [5, 5.0, "5", np.int64(5), np.float32(5), np.array(5), Fraction(5)]),
        ("seed", [1, 1.0, np.uint8(1)]),
        ("prompt_extend", [True, np.True_]),
        ("watermark", [False, np.False_]),
        ("resolution", ["720P", np.str_("720P")]),
    ],
)
def test_a_value_is_what_it_is_however_it_is_spelt(session, shots, name, same) -> None:
    prints = set()
    for value in same:
        request = session.request("a cat", first_frame=shots[0], **{name: value})
        assert type(getattr(request, name)) in {int, bool, str, np.str_}
        prints.add(request.fingerprint("me"))
        study = session.study(TWO, first_frame=shots[0], **{name: value})
        prints.add(f"{study.name} {study.plan.variants} {study.plan.blocks}")
    assert len(prints) == 2
    for one, other in pairwise(same):
        with pytest.raises(InvalidOption):
            session.study(TWO, vary={name: [one, other]}, first_frame=shots[0])


@pytest.mark.parametrize("value", [np.float32(5.5), Fraction(11, 2), np.array([5]), np.nan, 1 + 2j, np.True_])
def test_what_is_no_whole_number_is_none(session, shots, value) -> None:
    with pytest.raises(InvalidRequest, match="whole number"):
        session.request("a cat", first_frame=shots[0], duration=value)


def test_spaces_make_one_prompt_and_two_paths(tmp_path) -> None:
    with pytest.raises(InvalidOption, match="ask for the same"):
        expand({"a": "a cat", "b": "a  cat\n"})
    assert len(expand(TWO, vary={"first_frame": ["a  b.png", "a b.png"]}).blocks) == 2


def test_two_labels_that_read_alike_are_refused() -> None:
    with pytest.raises(InvalidOption, match="two variants are called '1'"):
        expand({1: "a cat walks", "1": "a cat runs"})


def test_a_label_that_is_empty_is_the_letter_of_its_place() -> None:
    assert expand({"": "a cat walks", "wild": "a cat runs"}).variants == ("A", "wild")


def test_varied_values_and_labels_that_would_read_alike_stay_apart() -> None:
    plan = expand({"a": "x {{n}}", "a · 1": "y {{n}}"}, vary={"n": ["1", "1 · 1"]})
    assert len(plan.variants) == len(plan.cells) == 4


def test_an_object_is_no_text(session) -> None:
    from wan_nb.grammar.cell import Cell

    for value in (square(True), painted("red"), [1, 2], None):
        with pytest.raises(InvalidOption, match="does not read as text"):
            Cell.parse("--vary who={{it}},dog", "a {{who}} walks", lambda text, v=value: v if "it" in text else text)
        with pytest.raises(InvalidOption, match="does not read as text"):
            session.study("a {{who}} walks", vary={"who": [value, "dog"]}, first_frame="https://e.org/a.png")
    cell = Cell.parse("""--vary 'who=["a, b",3,0.5]'""", "a {{who}} walks")
    assert cell.vary["who"] == ("a, b", "3", "0.5")


def test_a_tail_of_a_clip_is_cut_where_it_was_asked_for(session, shots) -> None:
    run = session.submit("a cat", first_frame=shots[0], duration=5, seed=1).wait()
    paths = [run.tail(seconds) for seconds in (3, 3.0, 3.0000001, 3.00000012)]
    assert [path.name.rpartition("tail")[2] for path in paths[:2]] == ["3.mp4"] * 2
    assert len(set(paths)) == 3


# --- votes hang on runs


def voted(study: wan_nb.Study, outcome: str = "left") -> int:
    ballot, count = study.ballot(rater="Ada"), 0
    while (asked := ballot.next()) is not None and asked.repeat_of is None:
        ballot.record(asked, outcome)
        count += 1
    return count


@pytest.fixture
def walk(session, shots):
    study = session.study(TWO, name="walk", first_frame=shots[0], seeds=[1, 2], **SMALL)
    study.submit(max_cost=30).wait()
    assert voted(study) == 2
    return study


def again(session, shots, **changed):
    return session.study(TWO, **{"name": "walk", "first_frame": shots[0], "seeds": [1, 2], **SMALL, **changed})


def test_votes_are_neither_asked_nor_counted_twice_however_a_study_is_written(session, shots, walk, tmp_path) -> None:
    shutil.copy(shots[0], tmp_path / "other name.png")
    (tmp_path / "far").mkdir()
    shutil.copy(shots[0], tmp_path / "far" / "start.png")
    counted = (walk.ranking().votes, walk.ranking().blocks)
    assert counted == (2, 2)
    for changed in (
        {"seeds": [1.0, 2.0]},
        {"seeds": np.array([2, 1])},
        {"first_frame": "other name.png"},
        {"first_frame": tmp_path / "far" / "start.png"},
        {"first_frame": painted("red")},
        {"first_frame": np.asarray(painted("red"))},
        {"duration": 2.0},
    ):
        study = again(session, shots, **changed)
        assert study.missing == []
        study.submit()
        ballot = study.ballot(rater="Ada")
        asked = [ballot.next() for _ in range(20)]
        assert not [pair for pair in asked if pair is not None and pair.repeat_of is None]
        assert (study.ranking().votes, study.ranking().blocks) == counted
        assert {vote["block"] for vote in study.votes()} == set(study.plan.blocks)
    reopened = session.study(name="walk")
    assert (reopened.ranking().votes, reopened.ranking().blocks) == counted


def test_votes_follow_their_runs_to_a_variants_new_label(session, shots, walk) -> None:
    renamed = session.study(
        {"slow": TWO["calm"], "fast": TWO["wild"]}, name="walk", first_frame=shots[0], seeds=[1, 2], **SMALL
    )
    assert {row["variant"]: row["wins"] for row in renamed.ranking().table()} == {
        {"calm": "slow", "wild": "fast"}[row["variant"]]: row["wins"] for row in walk.ranking().table()
    }
    swapped = session.study(
        {"wild": TWO["calm"], "calm": TWO["wild"]}, name="walk", first_frame=shots[0], seeds=[1, 2], **SMALL
    )
    assert swapped.ranking().table()[0]["wins"] == walk.ranking().table()[0]["wins"]


def test_votes_about_another_prompt_of_the_same_label_do_not_count(session, shots, walk) -> None:
    edited = session.study(
        {"calm": "a cat sits", "wild": TWO["wild"]}, name="walk", first_frame=shots[0], seeds=[1, 2], **SMALL
    )
    assert edited.ranking().votes == 0
    assert edited.ranking().left_out == 2
    assert {vote["left_variant"] for vote in edited.votes()} | {vote["right_variant"] for vote in edited.votes()} == {
        "calm (earlier)",
        "wild (earlier)",
    }


def test_clips_of_two_pictures_are_never_one_question(session, shots) -> None:
    study = session.study(TWO, name="pairs", vary={"first_frame": shots}, seeds=[5], **SMALL)
    study.submit(max_cost=30).wait()
    assert voted(study) == 2
    assert study.ranking().blocks == 2
    frame = session.request("x", first_frame=shots[0]).first_frame.identity
    for vote in study.votes():
        given = {session.row(vote[side]).request["input"]["media"][0]["identity"] for side in ("left_run", "right_run")}
        assert len(given) == 1
        assert (given == {frame}) == (vote["block"] == "shot1/start.png · seed 5")
    clips = clips_of(session.workspace, [session.row(run.id) for run in study.runs])
    assert len({clip["block"] for clip in clips}) == 2


def test_runs_of_two_studies_share_a_row_only_where_they_share_their_picture(session, shots, tmp_path) -> None:
    (tmp_path / "red").mkdir()
    (tmp_path / "blue").mkdir()
    for source, name in zip(shots, ("red", "blue"), strict=True):
        shutil.copy(source, tmp_path / name / "a.png")
    for name in ("red", "blue"):
        own = {"calm": f"a {name} cat", "wild": TWO["wild"]}
        session.study(own, name=name, first_frame=f"{name}/a.png", seeds=[1], **SMALL).submit(max_cost=9).wait()
    rows = session.log.find(newest_first=False)
    assert {row.block for row in rows} == {"a.png · seed 1"}
    clips = clips_of(session.workspace, rows)
    assert {clip["block"] for clip in clips} == {"a.png · seed 1", "a.png · seed 1 (2)"}
    assert {clip["variant"] for clip in clips} == {"calm", "calm (2)", "wild"}


# --- a study that nobody has named


def test_a_study_without_a_name_is_called_by_its_content(session, shots, tmp_path) -> None:
    shutil.copy(shots[0], tmp_path / "copy.png")

    def name(variants=TWO, **fields) -> str:
        return str(session.study(variants, **{"first_frame": shots[0], "seeds": [1, 2], **SMALL, **fields}).name)

    same = {
        name(),
        name(first_frame="copy.png"),
        name(first_frame=painted("red")),
        name(seeds=[2.0, 1]),
        name({"x": TWO["wild"], "y": TWO["calm"]}),
        name(list(TWO.values())),
        name(resolution="720P", watermark=False),
    }
    assert len(same) == 1
    others = [name(first_frame=shots[1]), name(seeds=[1]), name({"a": "a dog"}), name(resolution="1080P")]
    assert len({*others, *same}) == 5
    assert name(first_frame=square(True)) != name(first_frame=square(False))


def test_a_study_without_a_name_is_opened_by_the_one_that_it_was_given(session, shots) -> None:
    study = session.study(TWO, first_frame=shots[0], seeds=[1], **SMALL)
    study.submit(max_cost=9).wait()
    assert voted(study) == 1
    reopened = session.study(name=study.name)
    assert (reopened.name, len(reopened.votes()), reopened.missing) == (study.name, 1, [])


def test_the_code_of_a_study_without_a_name_makes_the_same_requests(session, shots) -> None:
    study = session.study(TWO, first_frame=shots[0], vary={"duration": [2, 3]})
    grid, made = grid_of(study.plan, study.requests), []
    lines = [line for line in grid.as_python(study.name, 9).splitlines() if not line.startswith(("import", "study."))]
    exec("\n".join(lines), {"wan_nb": SimpleNamespace(study=lambda *a, **k: made.append(session.study(*a, **k)))})
    assert made[0].name == study.name
    assert session.workspace.fingerprints(made[0].asks()) == session.workspace.fingerprints(study.asks())
    alone = session.study(TWO, first_frame=shots[0], duration=2)
    assert "--name" not in grid_of(alone.plan, alone.requests).as_cell(alone.name, 9)


def test_a_label_is_no_longer_than_a_line(session) -> None:
    long = [f"https://e.org/{'a' * 5000}?n={number}" for number in (1, 2)]
    plan = session.study(TWO, vary={"first_frame": long}, seeds=[1]).plan
    assert len(plan.blocks) == 2
    assert max(map(len, plan.blocks)) < 130


@pytest.fixture
def edition1(tmp_path, monkeypatch):
    folder = copied(tmp_path / "edition1")
    monkeypatch.chdir(folder)
    with wan_nb.Session("simulator", folder=folder / "wan_runs", gap=0.05) as session:
        yield session


OLD = next(name for name in EXPECTED["studies"] if name.startswith("study-"))


def test_a_nameless_study_of_edition_1_is_found_with_its_votes_and_goes_on(edition1) -> None:
    fields = {"first_frame": "cat.jpg", "driving_audio": "hush.mp3", "duration": 2, "seeds": [1, 2]}
    by_name, written = edition1.study(name=OLD), edition1.study(list(PROMPTS.values()), **fields)
    assert by_name.name == written.name != OLD
    assert len(written.votes()) == EXPECTED["studies"][OLD]["votes"]
    written.submit(max_cost=0)
    written.ballot(rater="Eve").record(written.ballot(rater="Eve").next(), "tie")
    for study in (
        edition1.study(name=OLD),
        edition1.study(name=written.name),
        edition1.study([*PROMPTS.values()], **fields),
    ):
        assert len(study.votes()) == EXPECTED["studies"][OLD]["votes"] + 1
        assert study.ranking().blocks == 2


def test_a_label_of_edition_1_that_stood_for_other_pictures_brings_no_votes(edition1) -> None:
    other = {"first_frame": "shot2/cat.jpg", "driving_audio": "hush.mp3", "duration": 2, "seeds": [1, 2]}
    study = edition1.study(list(PROMPTS.values()), **other)
    assert study.plan.alias == OLD
    assert study.votes() == []


def test_pictures_of_one_name_were_one_block_in_edition_1_and_are_two(edition1) -> None:
    study = edition1.study(name="shots")
    assert study.plan.blocks == ("cat.jpg · hush.mp3 · seed 5", "shot2/cat.jpg · hush.mp3 · seed 5")
    assert study.missing == []


# --- what was written down, and is no longer what it was


def test_a_study_is_opened_and_voted_on_when_its_pictures_are_gone(session, shots, walk) -> None:
    Path(shots[0]).unlink()
    reopened = session.study(name="walk")
    assert [run.id for run in reopened.runs] == [run.id for run in walk.runs]
    assert reopened.ranking().votes == 2
    reopened.submit()
    with pytest.raises(InvalidMedia, match="no longer where it was"):
        session.study(name="walk", take=2).submit()
    with pytest.raises(InvalidMedia, match="no longer where it was"):
        reopened.runs[0].again()
    assert reopened.runs[0].again(first_frame=shots[1]).status
    assert len(session.log.find()) == 5


def test_a_picture_that_was_painted_over_is_another_picture(session, shots, walk) -> None:
    painted("green").save(shots[0])
    reopened = session.study(name="walk")
    assert [run.id for run in reopened.runs] == [run.id for run in walk.runs]
    with pytest.raises(InvalidMedia, match="is another file by now"):
        walk.runs[0].again()
    assert again(session, shots).missing == [0, 1, 2, 3]


def test_a_picture_from_memory_is_found_again_where_the_folder_lies_now(session, tmp_path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (3000, 3000, 3), np.uint8)  # too much for a PNG of 20 MB
    for picture in (painted("red"), encoded(painted("blue")), noise):
        run = session.submit("a cat", first_frame=picture, seed=1, duration=2)
        assert (
            run.again(prompt="a dog").row.request["input"]["media"][0]["identity"]
            == (run.request["input"]["media"][0]["identity"])
        )
    frames = Path(run.request["input"]["media"][0]["path"]).parent
    session.close()
    frames.parent.rename(tmp_path / "moved")
    with wan_nb.Session(
        base_url=session.place.base_url, api_key=session.settings.api_key, folder=tmp_path / "moved", gap=0.02
    ) as later:
        assert (
            later.run(run.id)
            .again(prompt="a bird")
            .row.request["input"]["media"][0]["path"]
            .startswith(str(tmp_path / "moved"))
        )


def test_measures_compare_a_clip_with_the_picture_that_it_was_made_of(session, shots) -> None:
    runs = [session.submit("a cat", first_frame=shot, seed=1, duration=2).wait() for shot in shots]
    painted("green").save(shots[0])
    fidelity = session.runs(measures=True)["first_ssim320"]
    assert fidelity.isna()[runs[0].id]
    assert fidelity.notna()[runs[1].id]


def test_a_signed_link_is_not_sent_without_its_signature(session) -> None:
    link = "https://e.org/cat.png?design=cat&Expires=9&OSSAccessKeyId=k&Signature=secret"
    run = session.submit("a cat", first_frame=link, seed=1, duration=2)
    assert run.row.first_frame == "https://e.org/cat.png?design=cat"
    assert "secret" not in str(run.row.request)
    with pytest.raises(InvalidMedia, match="only this much is kept"):
        run.again()
    open_link = session.submit("a dog", first_frame="https://e.org/i?design=dog", seed=1, duration=2)
    assert open_link.again(seed=2).row.first_frame == "https://e.org/i?design=dog"
