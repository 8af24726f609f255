"""Shots as one film: each moment once, the sound along, the originals untouched, a bad shot named."""

from __future__ import annotations

import shutil
from fractions import Fraction

import av
import media_files as make
import numpy as np
import odd_files as odd
import pytest

import wan_nb
from wan_nb.errors import InvalidMedia, InvalidOption, NotFound
from wan_nb.log.row import Row
from wan_nb.log.states import Status
from wan_nb.media import clips
from wan_nb.media.files import file_sha256
from wan_nb.media.movie import joining
from wan_nb.reporting.film import film

pytestmark = pytest.mark.clips


@pytest.fixture
def session(simulator, tmp_path):
    simulator.config(clips="small", speed=200)
    with wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "wan_runs", gap=0.02) as s:
        yield s


def put(workspace, run_id, path, **media) -> Row:
    """A run whose clip is this file, and the materials that its request names."""
    target = workspace.store.root / "videos" / f"{run_id}.mp4"
    shutil.copyfile(path, target)
    with target.open("rb") as file:
        digest = file_sha256(file)
    request = {"input": {"media": [{"type": name, **facts} for name, facts in media.items()]}}
    name = f"videos/{run_id}.mp4"
    return Row(run_id, status=Status.SUCCEEDED, video=name, video_sha256=digest, request=request)


def shown(path) -> list[tuple[Fraction, np.ndarray]]:
    """Time and small grey picture of each frame, as any reader decodes them."""
    with av.open(str(path)) as container:
        return [
            (f.pts * f.time_base, f.reformat(40, 40, "gray", interpolation="AREA").to_ndarray().astype(float))
            for f in container.decode(video=0)
        ]


def apart(one, other) -> float:
    """Mean difference of two small pictures."""
    return float(abs(one[1] - other[1]).mean())


def packets(path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def sound_seconds(path) -> float:
    with av.open(str(path)) as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


def loudness(path, start: float, end: float) -> float:
    """Mean size of the samples between two times in seconds."""
    with av.open(str(path)) as container:
        pieces = [(f.time, abs(f.to_ndarray()).mean()) for f in container.decode(audio=0)]
    return float(np.mean([size for when, size in pieces if start <= when < end]))


@pytest.fixture
def moving(tmp_path):
    """Maker of a clip that pans over a photograph: ``first`` to ``last`` are seconds of one long pan."""
    photo = make.photo("cat.jpg", (1600, 240))

    def clip(name, first, last, *, fps=24, **options):
        def pan(index, size):
            left = round((first + index / fps) * 100)
            return photo.crop((left, 0, left + 320, 240)).resize(size)

        return make.clip(tmp_path / name, last - first, fps=fps, frame=pan, gop=48, **options)

    return clip


# --- what a person does


def test_a_story_of_continuations_shows_each_moment_once(session, photos, tmp_path) -> None:
    first = session.submit("a cat walks, pan right", first_frame=photos / "cat.jpg", duration=2).wait()
    second = session.submit("it jumps, zoom in", first_clip=first, duration=4).wait()
    third = session.submit("it sleeps, pan left", first_frame=second, duration=2)  # under way
    before = [run.video.read_bytes() for run in (first, second)]
    path = session.film([first, second, third.id], tmp_path / "story.mp4")
    frames, parts = shown(path), [shown(run.video) for run in (first, second, third)]
    rate = round(first.row.fps)
    assert [len(part) for part in parts] == [2 * rate, 4 * rate, 2 * rate]
    assert len(frames) == 2 * rate + 2 * rate - 1 + 2 * rate
    expected = [*parts[0], *parts[1][2 * rate : -1], *parts[2]]
    assert max(apart(a, b) for a, b in zip(frames, expected, strict=True)) < 3
    assert [when for when, _ in frames] == [Fraction(n, rate) for n in range(len(frames))]
    assert sound_seconds(path) == pytest.approx(len(frames) / rate, abs=0.03)
    assert [run.video.read_bytes() for run in (first, second)] == before
    assert clips.inspect_clip(path).seconds == pytest.approx(len(frames) / rate, abs=0.01)


def test_what_the_log_does_not_know_is_found_in_the_pictures(session, photos, tmp_path) -> None:
    first = session.submit("a cat walks, pan right", first_frame=photos / "cat.jpg", duration=3).wait()
    own = tmp_path / "my cut.mp4"
    own.write_bytes(clips.tail(first.video, 2, tmp_path / "t.mp4").read_bytes() + b"\0\0\0\x08free")
    last = tmp_path / "last.jpg"
    first.frame(-1).save(last, quality=80)
    second = session.submit("it jumps, zoom in", first_clip=own, duration=4).wait()
    third = session.submit("it runs, zoom in", first_frame=last, duration=2).wait()
    rate = round(first.row.fps)
    assert len(shown(session.film([first, second], tmp_path / "a.mp4"))) == (3 + 2) * rate
    assert len(shown(session.film([first, third], tmp_path / "b.mp4"))) == (3 + 2) * rate - 1
    assert len(shown(session.film([third, second], tmp_path / "c.mp4"))) == (2 + 4) * rate


def test_runs_may_be_given_as_a_table_and_twice(session, simulator, photos, tmp_path) -> None:
    simulator.config(clips="tiny")
    runs = [session.submit(p, first_frame=photos / "cat.jpg", duration=2, name="s").wait() for p in ("a", "b")]
    one = len(shown(runs[0].video))
    assert len(shown(session.film(session.runs(), tmp_path / "table.mp4"))) == 2 * one
    assert len(shown(session.film([runs[0], runs[1].id, runs[0]], tmp_path / "twice.mp4"))) == 3 * one
    assert len(shown(session.film(runs[0], tmp_path / "alone"))) == one


def test_a_run_that_becomes_no_clip_is_named_and_an_older_film_stays(session, simulator, photos, tmp_path) -> None:
    simulator.config(clips="tiny")
    good = session.submit("a", first_frame=photos / "cat.jpg", duration=2).wait()
    simulator.faults(endpoint="create", fail={"code": "InternalError", "message": "oops"})
    bad = session.submit("b", first_frame=photos / "cat.jpg", duration=2)
    path = tmp_path / "story.mp4"
    path.write_bytes(b"older")
    with pytest.raises(wan_nb.errors.RunFailed, match="oops") as caught:
        session.film([good, bad], path)
    assert caught.value.run_id == bad.id
    with pytest.raises(NotFound, match="marked failed") as caught:
        session.film([good, bad], path)
    assert caught.value.run_id == bad.id
    good.video.unlink()
    with pytest.raises(NotFound, match="no clip on disk"):
        session.film([good], path)
    assert path.read_bytes() == b"older"


# --- what is copied and what is encoded


@pytest.mark.parametrize("bframes", [0, 2])
def test_clips_of_one_kind_are_copied_picture_by_picture(bframes, workspace, moving, tmp_path) -> None:
    files = [moving(f"{n}.mp4", 3 * n, 3 * n + 2, bframes=bframes) for n in range(3)]
    rows = [put(workspace, f"{n:012x}", file) for n, file in enumerate(files)]
    path = film(workspace, rows, tmp_path / "out.mp4")
    assert packets(path) == [packet for file in files for packet in packets(file)]
    frames = shown(path)
    assert [when for when, _ in frames] == [Fraction(n, 24) for n in range(144)]
    assert max(apart(a, b) for a, b in zip(frames, [f for file in files for f in shown(file)], strict=True)) == 0


@pytest.mark.parametrize(("bframes", "copied"), [(0, True), (2, False)])
def test_a_frame_that_two_clips_share_is_shown_once(bframes, copied, workspace, moving, tmp_path) -> None:
    """The last one of the earlier clip goes, which costs no encoding where no other picture is decoded from it."""
    one, two = moving("1.mp4", 0, 2, bframes=bframes), moving("2.mp4", 2 - 1 / 24, 4 - 1 / 24, bframes=bframes)
    rows = [put(workspace, "a" * 12, one), put(workspace, "b" * 12, two, first_frame={"identity": "sha256:0"})]
    path = film(workspace, rows, tmp_path / "out.mp4")
    assert len(shown(path)) == 95
    assert (packets(path) == packets(one)[:-1] + packets(two)) is copied
    assert sound_seconds(path) == pytest.approx(95 / 24, abs=0.03)


def test_other_sizes_rates_and_silent_clips_go_along(workspace, moving, tmp_path) -> None:
    files = [
        moving("1.mp4", 0, 2),
        moving("2.mp4", 3, 4, fps=30, size=(240, 320)),
        moving("3.mp4", 5, 6, size=(160, 120), audio=False),
        moving("4.mp4", 7, 8, fps=16),
    ]
    rows = [put(workspace, f"{n:012x}", file) for n, file in enumerate(files)]
    path = film(workspace, rows, tmp_path / "out.mp4")
    frames = shown(path)
    assert len(frames) == 48 + 30 + 24 + 16
    assert frames[48][0] == 2
    assert frames[49][0] == pytest.approx(2 + 1 / 30, abs=1e-4)
    assert frames[-1][0] == pytest.approx(5 - 1 / 16, abs=1e-4)
    facts = clips.inspect_clip(path)
    assert (facts.width, facts.height, facts.seconds) == (320, 240, pytest.approx(5, abs=0.01))
    tall = frames[60][1]
    assert tall[:, :5].max() < 25 > tall[:, -5:].max()
    assert tall[:, 15:25].mean() > 30
    assert sound_seconds(path) == pytest.approx(5, abs=0.03)
    assert loudness(path, 3.1, 3.9) < 0.001 < 0.1 < min(loudness(path, 2.1, 2.9), loudness(path, 4.1, 4.9))


def test_clips_without_sound_make_a_silent_film(workspace, moving, tmp_path) -> None:
    rows = [put(workspace, f"{n:012x}", moving(f"{n}.mp4", n, n + 1, audio=False)) for n in range(2)]
    assert not clips.inspect_clip(film(workspace, rows, tmp_path / "out.mp4")).has_audio


ODD = {
    "turned": (lambda path: odd.with_matrix(path, odd.MATRICES["90"]), (240, 320), 48 + 48),
    "upside down": (lambda path: odd.with_matrix(path, odd.MATRICES["180"]), (320, 240), 48 + 48),
    "cut by an edit list": (lambda path: odd.with_edits(path, 0, [(1000, 1024 + 12 * 512)]), (320, 240), 24 + 48),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_shown_otherwise_than_it_is_stored_is_joined_as_it_is_shown(kind, workspace, tmp_path) -> None:
    change, size, count = ODD[kind]
    first, second = change(odd.clip(tmp_path / "1.mp4", 2)), odd.clip(tmp_path / "2.mp4", 2)
    path = film(workspace, [put(workspace, "a" * 12, first), put(workspace, "b" * 12, second)], tmp_path / "out.mp4")
    facts = clips.inspect_clip(path)
    assert ((facts.width, facts.height), facts.frames) == (size, count)
    for index in (0, 23, 47):
        at = -48 + index
        assert _fit(clips.frame(path, at), clips.frame(second, index)) < 8
    assert abs(np.asarray(clips.frame(path, 0), float) - np.asarray(clips.frame(first, 0), float)).mean() < 4


def _fit(joined, own) -> float:
    """How much the middle of a joined picture differs from the clip's own picture, fitted there."""
    wide, high = joined.size
    scale = min(wide / own.width, high / own.height)
    own = own.resize((round(own.width * scale / 2) * 2, round(own.height * scale / 2) * 2))
    left, top = (wide - own.width) // 4 * 2, (high - own.height) // 4 * 2
    cut = joined.crop((left, top, left + own.width, top + own.height))
    return float(abs(np.asarray(cut, float) - np.asarray(own, float)).mean())


# --- how much is repeated


@pytest.mark.parametrize("fps", [24, 30])
def test_the_length_of_an_overlap_is_found_without_the_log(fps, moving) -> None:
    before, after = moving("1.mp4", 0, 4), moving("2.mp4", 1.5, 7, fps=fps)
    assert joining.overlap(before, after) == pytest.approx(2.5, abs=0.06)
    assert joining.overlap(before, after, 2.5) == 2.5
    assert joining.overlap(before, after, 4.0) == 0
    assert joining.overlap(after, before) == 0


def test_a_picture_in_which_nothing_moves_is_cut_only_where_the_log_knows(workspace, tmp_path) -> None:
    still = make.clip(tmp_path / "still.mp4", 3, bframes=0, frame=lambda _, size: make.photo("cat.jpg", size))
    assert joining.overlap(still, still) == 0
    one = put(workspace, "a" * 12, still)
    unknown = put(workspace, "b" * 12, still, first_clip={"identity": "https://x.test/a.mp4", "name": "a"})
    known = put(workspace, "c" * 12, still, first_clip={"identity": f"sha256:{one.video_sha256}", "seconds": 2.0})
    assert len(shown(film(workspace, [one, unknown], tmp_path / "u.mp4"))) == 2 * 72
    assert len(shown(film(workspace, [one, known], tmp_path / "k.mp4"))) == 72 + 24


# --- what is refused


def test_refusals_name_the_run_and_write_nothing(workspace, moving, tmp_path) -> None:
    row = put(workspace, "a" * 12, moving("1.mp4", 0, 2))
    broken = put(workspace, "b" * 12, make.sound(tmp_path / "a.mp3", 1))
    wholly = put(
        workspace, "c" * 12, tmp_path / "1.mp4", first_clip={"identity": f"sha256:{row.video_sha256}", "seconds": 2}
    )
    out = tmp_path / "out.mp4"
    for bad in (broken, wholly):
        with pytest.raises(InvalidMedia) as caught:
            film(workspace, [row, bad], out)
        assert caught.value.run_id == bad.run_id
    cut = workspace.store.root / str(row.video)
    cut.write_bytes(cut.read_bytes()[:-2000])
    with pytest.raises(InvalidMedia) as caught:
        film(workspace, [row], out)
    assert caught.value.run_id == row.run_id
    for rows, path, match in (
        ([], out, "one run"),
        ([row], tmp_path / "a.mov", "end in"),
        ([row], workspace.store.root / "videos" / "x.mp4", "among the clips"),
        ([row], workspace.store.root / "frames" / ".." / "videos" / f"{row.run_id}.mp4", "among the clips"),
    ):
        with pytest.raises(InvalidOption, match=match):
            film(workspace, rows, path)
    assert not out.exists()
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".tmp"]
