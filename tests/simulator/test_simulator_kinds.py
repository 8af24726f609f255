"""Each kind of clip is recognised for what it was made from: words, references, a clip that is edited."""

from __future__ import annotations

import io
import threading
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from PIL import Image

from wan_nb.api.catalog import BY_NAME
from wan_nb.simulator.account.materials import Material, inspect
from wan_nb.simulator.drawing.clip_request import ClipRequest
from wan_nb.simulator.drawing.collage import Collage
from wan_nb.simulator.drawing.encode import draw
from wan_nb.simulator.drawing.lettering import readable
from wan_nb.simulator.drawing.pictures import planes_of
from wan_nb.simulator.drawing.scene import hue_of, scene

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.clips

SIZE = (320, 176)
PLAIN = ClipRequest("a cat walks", 1, 1, SIZE, 30, watermark=False, tag="test")


def picture(photos: Path, name: str) -> Material:
    return inspect(BY_NAME["first_frame"], (photos / name).read_bytes(), "")


def drawn(request: ClipRequest, path: Path) -> list[np.ndarray[Any, Any]]:
    """Frames as RGB."""
    draw(request, path, threading.Event())
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").astype(float) for frame in container.decode(video=0)]


def sound(path: Path) -> np.ndarray[Any, Any]:
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def clip(photos: Path, path: Path, seconds: float = 1.0, name: str = "cat.jpg", **changes: Any) -> Material:
    draw(replace(PLAIN, seconds=seconds, first_frame=picture(photos, name), **changes), path, threading.Event())
    return Material(path.read_bytes(), "", *SIZE, seconds)


def likeness(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """Correlation of brightness."""
    return float(np.corrcoef(one.mean(-1).ravel(), other.mean(-1).ravel())[0, 1])


PAINTS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 60, 220)}


def painted(colour: str) -> Material:
    """A picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (480, 320), PAINTS[colour]).save(file, "PNG")
    return inspect(BY_NAME["first_frame"], file.getvalue(), "")


def where(frame: np.ndarray[Any, Any], colour: str) -> np.ndarray[Any, Any]:
    """Which pixels of a frame have a colour."""
    found: np.ndarray[Any, Any] = np.abs(frame - np.array(PAINTS[colour])).max(-1) < 30
    return found


# --- from the words


def test_other_words_give_another_picture_and_so_does_another_seed(tmp_path: Path) -> None:
    firsts = [
        drawn(replace(PLAIN, prompt=prompt, seed=seed, seconds=0.2), tmp_path / "a.mp4")[0]
        for prompt, seed in (("a red car", 1), ("a green car", 1), ("一只橘猫", 1), ("a red car", 2))
    ]
    for index, one in enumerate(firsts):
        assert all(np.abs(one - other).mean() > 3 for other in firsts[index + 1 :])


def test_a_colour_that_is_named_is_seen() -> None:
    for words, channel in (("a red car", 0), ("绿色的森林", 1), ("the blue sea", 2)):
        sky = np.asarray(scene(words, 5, (320, 180)), float)[:20].mean((0, 1))
        assert sky.argmax() == channel, words
    assert hue_of("a blue car on red sand") == hue_of("the sea")


def test_the_words_are_written_on_it_and_what_no_font_has_is_left_out() -> None:
    lettered, bare = (
        np.asarray(scene("a cat walks", 3, (640, 360), lettered=lettered), float) for lettered in (True, False)
    )
    changed = np.abs(lettered - bare).max(-1) > 60
    rows = np.flatnonzero(changed.any(1))
    assert 0.005 < changed.mean() < 0.2
    assert 100 < rows.min() < rows.max() < 240
    assert readable("a \U0010fffdcat", 20)[0] == "a cat"


@pytest.mark.parametrize("prompt", ["", " ", "\U0010fffd", "x" * 5000, "a b " * 1250, "猫" * 5000])
def test_any_words_make_a_picture(prompt: str) -> None:
    assert scene(prompt, 1, (320, 180)).size == (320, 180)


def test_it_moves_as_the_words_say(tmp_path: Path) -> None:
    def steps(prompt: str) -> list[float]:
        frames = drawn(replace(PLAIN, prompt=prompt, seed=4), tmp_path / "a.mp4")
        return [float(np.abs(b - a).mean()) for a, b in pairwise(frames)]

    assert min(steps("a cat, the camera pans right fast")) > 0.2
    assert np.mean(steps("a cat, the camera pans right fast")) > 3 * np.mean(steps("a cat, static camera"))


def test_the_frame_rate_and_a_length_in_parts_of_seconds_are_kept(tmp_path: Path) -> None:
    for fps, seconds, count in ((30, 1, 30), (24, 1, 24), (30, 1.52, 46)):
        path = tmp_path / "a.mp4"
        assert len(drawn(replace(PLAIN, fps=fps, seconds=seconds), path)) == count
        with av.open(str(path)) as container:
            assert container.streams.video[0].average_rate == fps
        assert sound(path).shape[1] == pytest.approx(seconds * 48_000, abs=2200)


# --- references


def test_every_reference_is_seen_in_its_order_to_the_end(tmp_path: Path) -> None:
    for order in (("red", "green", "blue"), ("blue", "red", "green")):
        request = replace(PLAIN, prompt="the camera pans right", references=tuple(map(painted, order)))
        frames = drawn(request, tmp_path / "a.mp4")
        for frame in (frames[0], frames[-1]):
            seen = [np.argwhere(where(frame, colour)) for colour in order]
            assert min(map(len, seen)) > 0.02 * SIZE[0] * SIZE[1]
            # Read as a page is: the upper row first, then from the left.
            middles = [(round(float(found[:, 0].mean()) / 70), float(found[:, 1].mean())) for found in seen]
            assert middles == sorted(middles)


def test_cards_move_though_the_camera_stands(tmp_path: Path) -> None:
    frames = drawn(replace(PLAIN, prompt="static camera", references=(painted("red"),)), tmp_path / "a.mp4")
    places = {tuple(np.argwhere(where(frame, "red")).mean(0).round().tolist()) for frame in frames}
    assert len(places) >= 4


def test_a_reference_clip_plays(photos: Path, tmp_path: Path) -> None:
    moving = clip(photos, tmp_path / "given.mp4", prompt="whip pan right, fast")
    still = replace(moving, seconds=1 / 30)
    grid = [Collage((material,), SIZE, 30, _still(), seed=1) for material in (moving, still)]

    def spread(collage: Collage) -> float:
        shown = []
        for index in (0, 10, 20, 29):
            planes = planes_of(Image.new("RGB", SIZE))
            collage.paste_into((planes[0], planes[1], planes[2]), 0.0, index / 30)
            shown.append(np.sort(planes[0].ravel()).astype(float))
        return float(np.mean([np.abs(a - b).mean() for a, b in pairwise(shown)]))

    assert spread(grid[0]) > 2 * spread(grid[1])


def _still() -> Any:
    from wan_nb.simulator.drawing.camera import move_of

    return move_of("", 1, drift=False)


@pytest.mark.parametrize("count", [1, 2, 5, 9, 15])
@pytest.mark.parametrize("size", [(480, 272), (272, 480), (320, 320)])
def test_all_cards_are_inside_the_frame(count: int, size: tuple[int, int], photos: Path) -> None:
    collage = Collage((picture(photos, "cat.jpg"),) * count, size, 30, _still(), seed=3)
    planes = planes_of(Image.new("RGB", size))
    collage.paste_into((planes[0], planes[1], planes[2]), 0.0, 0.0)
    shown = planes[0] > 16
    assert 0.1 < shown.mean() < 0.8
    assert not shown[:2].any()
    assert not shown[-2:].any()
    assert not shown[:, :2].any()
    assert not shown[:, -2:].any()


def test_with_a_first_frame_it_begins_on_that_alone(photos: Path, tmp_path: Path) -> None:
    first, reference = picture(photos, "rocket.jpg"), picture(photos, "cat.jpg")
    with_card = drawn(replace(PLAIN, first_frame=first, references=(reference,)), tmp_path / "a.mp4")
    alone = drawn(replace(PLAIN, first_frame=first), tmp_path / "b.mp4")
    assert np.abs(with_card[0] - alone[0]).mean() < 2
    assert np.abs(with_card[-1] - alone[-1]).mean() > 10


def test_a_reference_that_cannot_be_fetched_has_a_stand_in(tmp_path: Path) -> None:
    nowhere = Material(None, "picture.invalid · cat.png", 1280, 720)
    frames = drawn(replace(PLAIN, references=(nowhere, replace(nowhere, seconds=2.0))), tmp_path / "a.mp4")
    assert len(frames) == 30


# --- an edit


def test_an_edit_is_the_given_clip_in_other_colours(photos: Path, tmp_path: Path) -> None:
    given = clip(photos, tmp_path / "given.mp4", prompt="pan right")
    before = drawn(replace(PLAIN, prompt="pan right", first_frame=picture(photos, "cat.jpg")), tmp_path / "given.mp4")
    for prompt in ("make it blue", "冬天的夜里", "in the style of a comic"):
        after = drawn(replace(PLAIN, prompt=prompt, edited_clip=given), tmp_path / "a.mp4")
        assert len(after) == len(before)
        for index in (0, 15, 29):
            assert likeness(after[index], before[index]) > 0.9
            assert np.abs(after[index] - before[index]).mean() > 10


def test_other_words_make_another_edit(photos: Path, tmp_path: Path) -> None:
    given = clip(photos, tmp_path / "given.mp4")
    one, other = (
        drawn(replace(PLAIN, prompt=prompt, edited_clip=given), tmp_path / "a.mp4")[10]
        for prompt in ("make it green", "make it pink")
    )
    assert np.abs(one - other).mean() > 10


@pytest.mark.parametrize("prompt", ["pan right", "zoom in", "the camera pulls back", "handheld"])
def test_a_move_that_the_words_name_moves_the_edited_clip(photos: Path, tmp_path: Path, prompt: str) -> None:
    given = clip(photos, tmp_path / "given.mp4", prompt="static camera")
    still, moved = (
        drawn(replace(PLAIN, prompt=words, edited_clip=given, seed=2), tmp_path / "a.mp4")
        for words in ("in red", f"in red, {prompt}")
    )
    assert max(np.abs(a - b).mean() for a, b in zip(still, moved, strict=True)) > 3


def test_an_edit_is_cut_from_the_start_and_a_short_clip_holds_its_end(photos: Path, tmp_path: Path) -> None:
    given = clip(photos, tmp_path / "given.mp4", seconds=1.0)
    assert len(drawn(replace(PLAIN, seconds=0.5, edited_clip=given), tmp_path / "a.mp4")) == 15
    assert len(drawn(replace(PLAIN, seconds=1.5, edited_clip=given), tmp_path / "a.mp4")) == 45


def test_an_edit_shows_its_reference_aside(photos: Path, tmp_path: Path) -> None:
    given = clip(photos, tmp_path / "given.mp4")
    bare = drawn(replace(PLAIN, edited_clip=given), tmp_path / "a.mp4")[0]
    after = drawn(replace(PLAIN, edited_clip=given, references=(picture(photos, "coffee.jpg"),)), tmp_path / "a.mp4")[0]
    changed = np.abs(after - bare).mean(-1) > 25
    assert changed[:66, :80].mean() > 0.2
    assert changed[80:].mean() < 0.02


def test_sound_of_an_edit_is_its_own_or_a_new_one_and_there_may_be_none(photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "given.mp4"
    given = clip(photos, path)
    before = sound(path)[:, :40_000]
    heard = {}
    for kind in ("given", "made", "none"):
        draw(replace(PLAIN, seed=9, edited_clip=given, sound=kind), tmp_path / "a.mp4", threading.Event())
        heard[kind] = sound(tmp_path / "a.mp4")[:, :40_000]
    shifts = range(-2400, 2401, 8)
    alike = {
        kind: max(
            float(np.corrcoef(before[0, 4000:-4000], np.roll(one[0], shift)[4000:-4000])[0, 1]) for shift in shifts
        )
        for kind, one in heard.items()
        if kind != "none"
    }
    assert alike["given"] > 0.9
    assert alike["made"] < 0.5
    assert np.abs(heard["none"]).max() == 0
