"""Clips beside each other in one: each at its place and its time, labels in any script, what is missing said."""

from __future__ import annotations

import shutil
from dataclasses import replace
from fractions import Fraction

import av
import media_files as make
import numpy as np
import pytest
from PIL import Image, ImageDraw

import wan_nb
from wan_nb.errors import InvalidOption
from wan_nb.log.row import Row
from wan_nb.log.states import Status
from wan_nb.media import clips
from wan_nb.media.movie import grid, lettering
from wan_nb.reporting.movie import movie

pytestmark = pytest.mark.clips

SIZE = (320, 240)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Clips whose frames carry their numbers: 24 and 30 frames a second, a short one, an upright one, a silent one."""
    folder = tmp_path_factory.mktemp("clips")
    return {
        "even": make.clip(folder / "even.mp4", 1, bframes=0),
        "quick": make.clip(folder / "quick.mp4", 1, fps=30),
        "short": make.clip(folder / "short.mp4", 0.5),
        "upright": make.clip(folder / "upright.mp4", 1, size=(240, 320)),
        "silent": make.clip(folder / "silent.mp4", 1, audio=False),
    }


def put(workspace, number, file, variant, block="one", **changes) -> Row:
    run_id = f"{number:012x}"
    if file is None:
        return Row(run_id, status=Status.FAILED, variant=variant, block=block)
    shutil.copyfile(file, workspace.store.root / "videos" / f"{run_id}.mp4")
    facts = clips.inspect_clip(file)
    row = Row(run_id, status=Status.SUCCEEDED, video=f"videos/{run_id}.mp4", variant=variant, block=block)
    seen = {"width": facts.width, "height": facts.height, "has_audio": facts.has_audio}
    return replace(row, **seen, **changes)


def frames(path) -> list[tuple[Fraction, Image.Image]]:
    with av.open(str(path)) as container:
        return [(frame.pts * frame.time_base, frame.to_image()) for frame in container.decode(video=0)]


def cut(picture, box):
    left, top, width, height = box
    return picture.crop((left, top, left + width, top + height))


def ink(picture) -> float:
    """Share of light pixels."""
    return float((np.asarray(picture.convert("L")) > 150).mean())


def test_each_clip_plays_at_its_place_and_its_time(workspace, files, tmp_path) -> None:
    rows = [put(workspace, n, files[kind], kind) for n, kind in enumerate(("even", "quick", "short", "even"))]
    path = movie(workspace, rows, tmp_path / "walk.mp4", columns=2)
    (width, height), boxes, _ = grid.laid_out(4, 2, SIZE)
    shown = frames(path)
    facts = clips.inspect_clip(path)
    assert (facts.width, facts.height) == (width, height)
    assert width % 2 == height % 2 == 0
    assert (len(shown), facts.seconds) == (30, pytest.approx(1))
    for number, (when, picture) in enumerate(shown):
        assert when == Fraction(number, 30)
        seen = [make.number_of(cut(picture, box)) for box in boxes]
        at_24 = number * 24 // 30
        assert seen == [at_24, number, min(at_24, 11), at_24]
    assert facts.has_audio


def test_a_clip_of_another_shape_stands_between_bars(workspace, files, tmp_path) -> None:
    rows = [put(workspace, n, files[kind], kind) for n, kind in enumerate(("even", "upright"))]
    path = movie(workspace, rows, tmp_path / "walk.mp4", columns=2)
    _, boxes, _ = grid.laid_out(2, 2, SIZE)
    picture = np.asarray(cut(frames(path)[5][1], boxes[1]).convert("L"))
    assert picture[:, :60].max() < 30 > picture[:, -60:].max()
    assert picture[150:, 80:-80].mean() > 40


def test_what_is_missing_is_said_in_its_place(workspace, files, tmp_path) -> None:
    rows = [
        put(workspace, 0, files["even"], "calm"),
        put(workspace, 1, None, "fast"),
        put(workspace, 2, files["even"], "gone"),
    ]
    rows.append(put(workspace, 3, files["even"], "broken"))
    (workspace.store.root / str(rows[2].video)).unlink()
    (workspace.store.root / str(rows[3].video)).write_bytes(b"no clip")
    path = movie(workspace, rows, tmp_path / "walk.mp4", columns=2)
    _, boxes, _ = grid.laid_out(4, 2, SIZE)
    for _, picture in (frames(path)[0], frames(path)[-1]):
        for box in boxes[1:]:
            there = cut(picture, box)
            assert 0.002 < ink(there) < 0.2
            assert abs(np.median(np.asarray(there.convert("L"))) - 58) < 6
    for missing in ([rows[1]], [rows[2]], []):
        with pytest.raises(InvalidOption, match="no clip to show"):
            movie(workspace, missing, tmp_path / "no.mp4")
    assert not (tmp_path / "no.mp4").exists()


def test_the_sound_is_that_of_one_clip(workspace, files, tmp_path) -> None:
    rows = [put(workspace, n, files[kind], kind) for n, kind in enumerate(("silent", "short", "even"))]

    def loud(path) -> list[bool]:
        with av.open(str(path)) as container:
            pieces = [(frame.time, abs(frame.to_ndarray()).max()) for frame in container.decode(audio=0)]
        return [max(size for when, size in pieces if low <= when < low + 0.3) > 0.01 for low in (0.1, 0.65)]

    assert loud(movie(workspace, rows, tmp_path / "first.mp4")) == [True, False]
    assert loud(movie(workspace, rows, tmp_path / "chosen.mp4", sound=rows[2].run_id)) == [True, True]
    assert not clips.inspect_clip(movie(workspace, rows[:1], tmp_path / "none.mp4")).has_audio


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 12, 30, 48])
@pytest.mark.parametrize("shape", [(1280, 720), (720, 1280), (1104, 816), (160, 90), (1920, 1080)])
def test_the_whole_fits_a_slide(count, shape) -> None:
    for columns in range(1, count + 1):
        (width, height), boxes, label = grid.laid_out(count, columns, shape)
        if boxes[0][2] < min(grid.SMALLEST, shape[0]):
            continue  # refused
        assert width <= 1920
        assert height <= 1080
        assert not (width | height) % 2
        for left, top, wide, high in boxes:
            assert left >= 0
            assert left + wide <= width
            assert top + high + label <= height
            assert not (left | top | wide | high) % 2


def test_too_many_clips_to_see_are_refused(workspace, files, tmp_path) -> None:
    row = put(workspace, 0, files["even"], "calm")
    many = [replace(row, variant=str(n)) for n in range(200)]
    with pytest.raises(InvalidOption, match="too small to see"):
        movie(workspace, many, tmp_path / "a.mp4")
    with pytest.raises(InvalidOption, match="among the clips"):
        movie(workspace, [row], workspace.store.root / "videos" / "a.mp4")


# --- letters


def drawn(text, width=300) -> np.ndarray:
    sheet = Image.new("RGB", (400, 40))
    lettering.write(ImageDraw.Draw(sheet), text, (200, 20), width, 24)
    return np.asarray(sheet.convert("L"))


@pytest.mark.parametrize("text", ["calm", "猫 walks", "спокойно", "ήρεμα", "Größe é", "هادئ", "שקט", "50 % · <b>"])
def test_labels_of_every_script_are_drawn_letter_by_letter(text) -> None:
    if not lettering.can_write(text):
        pytest.skip("no font with these letters here")
    picture = drawn(text)
    assert (picture > 100).sum() > 20 * len(text)
    assert not np.array_equal(picture, drawn("\U0010ffff" * len(text)))


def test_a_long_label_is_cut_in_its_middle_and_stays_in_its_width() -> None:
    one, two = (
        drawn("a very long label of a variant " * 4 + "one"),
        drawn("a very long label of a variant " * 4 + "two"),
    )
    for picture in (one, two):
        columns = np.flatnonzero((picture > 60).any(axis=0))
        assert columns.min() >= 48
        assert columns.max() <= 352
    assert not np.array_equal(one, two)


def test_a_label_whose_letters_no_font_has_is_a_number(workspace, files, tmp_path, capsys) -> None:
    rare = ("\U00014400", "\U00016800", "\U00011680", "\U00012000", "\U00017000", "\U0001b170")
    unknown = next(letter for letter in rare if not lettering.can_write(letter))
    movie(workspace, [put(workspace, 0, files["even"], unknown)], tmp_path / "a.mp4")
    assert "clip 1 in the movie" in capsys.readouterr().out


# --- from a study


def test_a_study_is_one_clip(simulator, photos, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {"base_url": simulator.url, "api_key": simulator.key, "folder": tmp_path / "wan_runs", "gap": 0.02}
    with wan_nb.Session(**settings) as session:
        prompts = {"calm": "a cat walks", "猫": "a cat dashes"}
        study = session.study(prompts, name="walk", first_frame=photos / "cat.jpg", seeds=[1, 2, 3], duration=2)
        with pytest.raises(InvalidOption, match="no clip"):
            study.movie()
        study.submit().wait()
        before = [run.video.read_bytes() for run in study.runs]
        path = study.movie()
        assert path == tmp_path / "walk.mp4"
        facts = clips.inspect_clip(path)
        row = study.rows()[0]
        assert (facts.width, facts.height) == grid.laid_out(6, 2, (row.width, row.height))[0]
        assert facts.seconds == pytest.approx(clips.inspect_clip(study.runs[0].video).seconds, abs=0.05)
        one = study.movie("two.mp4", runs=["calm"], columns=3, sound=study.runs[0])
        assert clips.inspect_clip(one).width == grid.laid_out(3, 3, (row.width, row.height))[0][0]
        with pytest.raises(InvalidOption, match="columns"):
            study.movie(columns=0)
        assert [run.video.read_bytes() for run in study.runs] == before
