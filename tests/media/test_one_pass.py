"""One decoding of a clip gives what as many would."""

from __future__ import annotations

import gc

import av
import media_files as make
import odd_files as odd
import pytest

from wan_nb.errors import InvalidMedia
from wan_nb.media import clips, video
from wan_nb.media.one_pass import LightCopy, Maker, Sound, Strip, one_pass
from wan_nb.studies.measures.loudness import Loudness
from wan_nb.studies.measures.measures import Measuring, measure
from wan_nb.studies.measures.picture import Timeline

KINDS = {
    "plain": lambda path: make.clip(path, 2),
    "silent": lambda path: make.clip(path, 1, audio=False),
    "turned": lambda path: odd.with_matrix(odd.clip(path, 1), odd.MATRICES["90"]),
    "begins late": lambda path: odd.with_edits(odd.clip(path, 2), 0, [(1500, 6144)]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_together_is_the_same_as_one_by_one(kind, tmp_path):
    path = KINDS[kind](tmp_path / "a.mp4")
    first = clips.frame(path, 0)
    strip, light, measuring = Strip(), LightCopy(tmp_path / "together.mp4"), Measuring(first)
    sound = Sound(tmp_path / "together.m4a")
    one_pass(path, [strip, light, sound, measuring])
    assert [maker.error for maker in (strip, light, measuring)] == [None] * 3
    if clips.inspect_clip(path).has_audio:
        assert sound.error is None
        assert sound.out.read_bytes() == clips.sound(path, tmp_path / "alone.m4a").read_bytes()
    else:
        assert isinstance(sound.error, InvalidMedia)
        assert not sound.out.exists()
    assert clips.jpeg(strip) == clips.strip(path)
    assert light.out.read_bytes() == clips.proxy(path, tmp_path / "alone.mp4").read_bytes()
    assert measuring.numbers() == measure(path, first_frame=first)


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_a_clip_is_measured(kind, tmp_path):
    """The pass begins before the first frame and its sound, also where its times were read before."""
    path = KINDS[kind](tmp_path / "a.mp4")
    pictures, sound, measuring = Timeline(), Loudness(), Measuring()
    with av.open(str(path)) as container:
        streams = [container.streams.video[0], *container.streams.audio[:1]]
        for frame in container.decode(*streams):
            (pictures if isinstance(frame, av.VideoFrame) else sound).add(frame)
        sound.add(None)
    one_pass(path, [Strip(), measuring])
    found = measuring.numbers()
    assert found["lufs"] == (None if sound.lufs is None else pytest.approx(sound.lufs, abs=1e-9))
    assert found["motion"] == pytest.approx(pictures.numbers()["motion"], rel=1e-3)
    assert len(measuring.pictures.times) == len(pictures.times)


class Broken(Maker):
    """Breaks at a frame."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.raised = error

    def add(self, _frame: av.VideoFrame) -> None:
        raise self.raised


def test_what_fails_for_one_is_no_reason_for_the_others(tmp_path):
    path = make.clip(tmp_path / "a.mp4", 1)
    no_room, odd_value = OSError(28, "No space left on device"), ValueError("odd")
    strip, full, broken = Strip(), Broken(no_room), Broken(odd_value)
    one_pass(path, [full, strip, broken])
    assert full.error is no_room
    assert isinstance(broken.error, InvalidMedia)
    assert strip.error is None
    assert clips.jpeg(strip) == clips.strip(path)


def test_a_broken_sound_costs_only_what_hears_it(tmp_path):
    path = make.clip(tmp_path / "a.mp4", 2)
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = [(each.pos, each.size) for each in container.streams.audio[0].index_entries]
    for place, size in places[10:30]:
        data[place : place + size] = b"\xff" * size
    path.write_bytes(data)
    strip, light, measuring = Strip(), LightCopy(tmp_path / "p.mp4"), Measuring()
    sound = Sound(tmp_path / "s.m4a")
    one_pass(path, [strip, light, sound, measuring])
    assert isinstance(measuring.error, InvalidMedia)
    assert (strip.error, light.error, sound.error) == (None, None, None)
    assert clips.inspect_clip(light.out).frames == 48


def test_an_end_in_the_middle_leaves_nothing_behind(tmp_path):
    path, folder, calls = make.clip(tmp_path / "a.mp4", 2), tmp_path / "proxies", iter(range(100))
    with pytest.raises(StopIteration):
        one_pass(path, [LightCopy(folder / "p.mp4"), Sound(folder / "p.m4a"), Strip()], between=lambda: next(calls))
    assert list(folder.iterdir()) == []


def test_what_cannot_be_played_is_told_by_each(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no clip")
    makers: list[Maker] = [Strip(), LightCopy(tmp_path / "p.mp4"), Measuring()]
    one_pass(path, makers)
    assert all(isinstance(maker.error, InvalidMedia) for maker in makers)
    with pytest.raises(FileNotFoundError):
        clips.strip(tmp_path / "none.mp4")


def test_a_clip_that_comes_is_decoded_once_for_its_check_and_its_strip(tmp_path, monkeypatch):
    path, decoded = make.clip(tmp_path / "a.mp4", 2), []
    facts, picture, upright = clips.delivered(path), clips.strip(path), video.Upright.__call__
    monkeypatch.setattr(video.Upright, "__call__", lambda self, frame: decoded.append(1) or upright(self, frame))
    assert clips.delivered(path, strip := Strip()) == facts
    assert len(decoded) == facts.frames == 48
    assert clips.jpeg(strip) == picture
    broken = Broken(ValueError("odd"))
    assert clips.delivered(path, broken) == facts
    assert isinstance(broken.error, InvalidMedia)


@pytest.mark.parametrize("kind", KINDS)
def test_the_facts_of_a_clip_are_the_same_whatever_is_made_of_it(kind, tmp_path):
    path = KINDS[kind](tmp_path / "a.mp4")
    assert clips.delivered(path, Strip()) == clips.delivered(path)


def test_for_the_sound_alone_no_picture_is_decoded(tmp_path, monkeypatch):
    path, decoded = make.clip(tmp_path / "a.mp4", 1), []
    monkeypatch.setattr(video.Upright, "__call__", lambda _self, frame: decoded.append(frame) or frame)
    clips.sound(path, tmp_path / "s.m4a")
    assert decoded == []


def test_no_frame_is_kept_until_the_garbage_collector_comes(tmp_path):
    """The first and the last one stand in the measures."""
    path, measuring = make.clip(tmp_path / "a.mp4", 2), Measuring()
    gc.collect()
    gc.disable()
    try:
        before = sum(isinstance(each, av.VideoFrame) for each in gc.get_objects())
        one_pass(path, [Strip(), LightCopy(tmp_path / "p.mp4"), measuring])
        assert sum(isinstance(each, av.VideoFrame) for each in gc.get_objects()) - before <= 3
    finally:
        gc.enable()
