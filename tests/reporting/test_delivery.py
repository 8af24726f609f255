"""What is handed to people without Python: names that every system takes, the winner first, clips and words alone."""

from __future__ import annotations

import html
import re
import shutil
import unicodedata
import zipfile
from dataclasses import replace
from datetime import UTC, datetime

import media_files as make
import pytest

from wan_nb.errors import InvalidMedia, InvalidOption, NotFound
from wan_nb.log.row import Row
from wan_nb.log.states import Status
from wan_nb.reporting.delivery import deliver

LABELS = (
    'a/b\\c:d*e?"f<g>h|', "CON", "con", "Con", "aux.txt", "..", " . ", "ends. ", "猫" * 90, "e\u0301", "\u00e9",
    "مرحبا", "x\u202ey\0z\n", "<script>alert(1)</script>", "{{x}} {title} %s", "-rf", "~", "🐈\u200d⬛",
)  # fmt: skip
UNWANTED = re.compile(
    r"\b(CNY|USD|price|cost|paid|billed|seed|vote[sd]?|ranking|logit|interval|probability|p_best|effect|budget|run|task)\b|%",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make.clip(tmp_path_factory.mktemp("clip") / "a.mp4", 1)


def put(workspace, clip, number, variant, **changes) -> Row:
    run_id = f"{number:012x}"
    shutil.copyfile(clip, workspace.store.root / "videos" / f"{run_id}.mp4")
    row = Row(run_id, status=Status.SUCCEEDED, video=f"videos/{run_id}.mp4", variant=variant, prompt=f"clip {number}")
    return replace(row, **changes)


def opened(path) -> tuple[list[str], str]:
    """Names of the clips, and the page."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[0] == "index.html"
        return [name.removeprefix("clips/") for name in names[1:]], archive.read("index.html").decode()


def words(page: str) -> str:
    """What a person reads of a page."""
    return html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL))


def test_names_are_readable_differ_and_are_taken_everywhere(workspace, clip, tmp_path) -> None:
    rows = [put(workspace, clip, n, label) for n, label in enumerate(LABELS)]
    names, page = opened(deliver(workspace, rows, tmp_path / "all.zip"))
    assert len(names) == len(LABELS)
    assert len({unicodedata.normalize("NFKC", name).casefold() for name in names}) == len(LABELS)
    for number, name in enumerate(names, 1):
        assert name.startswith(f"{number:02} ")
        assert name.endswith(".mp4")
        assert not set(name) & set('<>:"/\\|?*\0\n')
        assert not name.removesuffix(".mp4").endswith((".", " "))
        assert len(name.encode()) < 100
        assert all(unicodedata.category(letter)[0] != "C" for letter in name)
    assert names[8].startswith("09 猫猫")
    assert names[11] == "12 مرحبا.mp4"
    assert "<script>" not in page
    assert page.count("<video") == len(LABELS)


def test_the_winner_comes_first_and_equal_labels_are_counted(workspace, clip, tmp_path) -> None:
    labels = ["calm", "fast", "calm", "fast", None]
    rows = [put(workspace, clip, n, label, prompt=f"it goes {label}") for n, label in enumerate(labels)]
    names, page = opened(deliver(workspace, rows, tmp_path / "a.zip", title="walk", winner="fast"))
    assert names == ["01 fast.mp4", "02 fast (2).mp4", "03 calm.mp4", "04 calm (2).mp4", "05 it goes None.mp4"]
    assert [" ".join(part.split()) for part in re.findall(r"<h2>(.*?)</h2>", page)] == [
        "Chosen: <bdi>fast</bdi>", "<bdi>calm</bdi>", "Clip 3",
    ]  # fmt: skip
    assert page.count("it goes fast</p>") == 1
    names, page = opened(deliver(workspace, rows[:2], tmp_path / "b.zip"))
    assert names == ["01 calm.mp4", "02 fast.mp4"]
    assert "Chosen" not in page


def _given(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "name": name, "identity": f"sha256:{name}"}


ASKED = {
    "model": "wan2.7-i2v",
    "input": {
        "media": [
            _given("first_frame", "/home/ada/pets/cat.jpg"),
            _given("last_frame", "image"),
            _given("first_clip", f"/x/{'a' * 64}.tail5.mp4"),
        ]
    },
}
REFERENCES = {
    "model": "wan2.7-r2v",
    "input": {
        "media": [
            {**_given("reference_image", "/x/rap.png"), "reference_voice": _given("reference_voice", "/x/voice.mp3")},
            _given("reference_image", "/x/dog.png"),
            _given("reference_video", "/x/dance.mp4"),
        ]
    },
}


def test_references_and_their_voices_are_told_by_the_words_of_their_fields(workspace, clip, tmp_path) -> None:
    _, page = opened(deliver(workspace, [put(workspace, clip, 1, "calm", request=REFERENCES)], tmp_path / "a.zip"))
    said = " ".join(words(page).split())
    assert "Picture of who or what appears: rap.png, dog.png" in said
    assert "Clip of who or what appears: dance.mp4" in said
    assert "Voice of a reference, by its number: voice.mp3" in said


def test_the_page_says_what_was_asked_for_and_nothing_else(workspace, clip, tmp_path) -> None:
    row = put(
        workspace, clip, 0xABCDEF123456, "calm", prompt="a cat walks\n  slowly & <b>", negative_prompt="rain",
        seed=4711, request=ASKED,
        cost=3.6, currency="CNY", task_id="0385dc79-5ff8", simulated=True, rating=5, note="private", tags=("inner",),
    )  # fmt: skip
    _, page = opened(deliver(workspace, [row], tmp_path / "a.zip", title="walk"))
    said = words(page)
    assert "a cat walks\n  slowly & <b>" in said
    for part in (
        ["Not", "wanted:", "rain"],
        ["Image that the clip starts on: cat.jpg"],
        ["SIMULATED"],
        ["320 × 240"],
        ["1 s,"],
    ):
        assert all(word in " ".join(said.split()) for word in part), part
    assert not UNWANTED.search(said)
    for hidden in (
        row.run_id,
        "4711",
        "3.6",
        "0385dc79",
        "/home",
        "/ada",
        "aaaaaaaa",
        "private",
        "inner",
        "http:",
        "https:",
    ):
        assert hidden not in page


def test_the_same_delivery_is_the_same_file(workspace, clip, tmp_path) -> None:
    rows = [
        put(workspace, clip, n, label, ended_at=datetime(2026, 11, 28, 12, n, tzinfo=UTC))
        for n, label in enumerate("ab")
    ]
    one, two = (deliver(workspace, rows, tmp_path / name).read_bytes() for name in ("1.zip", "2.zip"))
    assert one == two
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(2026, 11, 28, 12, 1, 0)}
        assert archive.read("clips/01 a.mp4") == clip.read_bytes()


def test_an_older_delivery_survives_a_clip_that_does_not_play(workspace, clip, tmp_path) -> None:
    rows = [put(workspace, clip, n, label) for n, label in enumerate("ab")]
    path = deliver(workspace, rows, tmp_path / "a.zip")
    before = path.read_bytes()
    broken = workspace.store.root / str(rows[1].video)
    broken.write_bytes(broken.read_bytes()[:3000])
    with pytest.raises(InvalidMedia) as caught:
        deliver(workspace, rows, path)
    assert caught.value.run_id == rows[1].run_id
    broken.unlink()
    with pytest.raises(NotFound) as gone:
        deliver(workspace, rows, path)
    assert gone.value.run_id == rows[1].run_id
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["a.zip"]
    for given, name, match in (([], "a.zip", "no clip"), (rows, "a.html", "end in"), (rows, "wan_runs", "folder")):
        with pytest.raises(InvalidOption, match=match):
            deliver(workspace, given, tmp_path / name)


# --- from a study


def test_a_study_delivers_what_is_done_and_what_is_named(session, simulator, photos, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    prompts = {"calm": "a cat walks", "wild": "a cat jumps"}
    study = session.study(prompts, name="walk", first_frame=photos / "cat.jpg", seeds=range(1, 15), duration=2)
    with pytest.raises(InvalidOption, match="no clip"):
        study.deliver()
    simulator.faults(endpoint="create", times=1, fail={"code": "InternalError", "message": "oops"})
    study.submit().wait()
    assert len([row for row in study.rows() if row.status == "SUCCEEDED"]) == 27
    names, page = opened(study.deliver())
    assert len(names) == 27
    assert "Chosen" not in page
    sitting = study.ballot()
    while (asked := sitting.next()) is not None and not study.ranking().decided:
        sitting.record(asked, "left" if asked.left_variant == "wild" else "right")
    names, page = opened(study.deliver("finals.zip"))
    assert names[0] == "01 wild.mp4"
    assert "Chosen: <bdi>wild</bdi>" in page
    assert not UNWANTED.search(words(page))
    assert not [row for row in study.rows() if row.run_id[:8] in page]
    final = session.submit(prompts["wild"], first_frame=photos / "cat.jpg", duration=2, resolution="1080P").wait()
    mine = [final, "calm", study.rows()[0].run_id]
    names, page = opened(study.deliver("mine.zip", runs=mine))
    assert names[0] == "01 a cat jumps.mp4"
    assert names[1:3] == ["02 calm.mp4", "03 calm (2).mp4"]
    assert opened(study.deliver("one.zip", runs="calm"))[0][0] == "01 calm.mp4"
