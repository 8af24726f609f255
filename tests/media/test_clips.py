"""Clips that came out: whole or refused, each frame exactly the right one, what is made of them as promised."""

from __future__ import annotations

import io
import json
import random
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import media_files as make
import numpy as np
import pytest
from PIL import Image

from wan_nb.errors import InvalidMedia
from wan_nb.media import clips
from wan_nb.media.files import atomic
from wan_nb.media.materials import prepare

pytestmark = pytest.mark.clips

NTSC = Fraction(24_000, 1001)


def top_boxes(path: Path) -> list[bytes]:
    """Types of the outermost boxes of an MP4, in order."""
    data, place, found = path.read_bytes(), 0, []
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        found.append(data[place + 4 : place + 8])
        place += size
    return found


def samples(path: Path, start: float = 0, end: float = 99) -> np.ndarray:
    """Sound of a clip between two times in seconds, one channel."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        mono = av.AudioResampler("s16", "mono", stream.rate)
        pieces = [
            (piece.pts, piece.to_ndarray()[0]) for frame in container.decode(stream) for piece in mono.resample(frame)
        ]
        rate = stream.rate
    whole = np.concatenate([values for _, values in pieces]).astype(float)
    return whole[max(0, round(start * rate) - pieces[0][0]) : round(end * rate) - pieces[0][0]]


# Inspecting


@pytest.mark.parametrize("audio", [True, False])
@pytest.mark.parametrize(("seconds", "fps"), [(2, 24), (2.5, 30), (2, 16), (48 / NTSC, NTSC)])
def test_facts_are_those_of_the_file(seconds, fps, audio, tmp_path):
    path = make.clip(tmp_path / "a.mp4", seconds, fps=fps, audio=audio)
    facts = clips.inspect_clip(path)
    assert (facts.width, facts.height) == (320, 240)
    assert facts.fps == pytest.approx(float(fps))
    assert facts.frames == round(seconds * fps)
    assert facts.seconds == pytest.approx(float(seconds), abs=1e-3)
    assert facts.video_codec == "h264"
    assert (facts.audio_codec, facts.has_audio) == (("aac", True) if audio else (None, False))
    assert facts.bytes == path.stat().st_size
    with path.open("rb") as file:
        assert clips.inspect_clip(file) == facts


@pytest.mark.parametrize("gop", [12, 250])
@pytest.mark.parametrize("audio", [True, False])
def test_cut_off_clip_is_not_accepted(gop, audio, tmp_path):
    """With the index in front, as delivered clips have it, so that all but the end could be played."""
    path = make.clip(tmp_path / "a.mp4", 2, gop=gop, audio=audio, options={"movflags": "+faststart"})
    whole = path.read_bytes()
    assert clips.inspect_clip(path).frames == 48
    for left in (len(whole) - 1, len(whole) - 100, len(whole) - 5_000, len(whole) // 2, len(whole) // 100, 100, 8):
        path.write_bytes(whole[:left])
        with pytest.raises(InvalidMedia):
            clips.inspect_clip(path)


@pytest.mark.parametrize("at", [b"moov", b"mdat"])
def test_damage_of_any_kind_is_told_or_survived(at, tmp_path):
    """Bytes changed at random: facts or InvalidMedia, never another error."""
    whole = make.clip(tmp_path / "a.mp4", 1, gop=6).read_bytes()
    outcomes = set()
    for seed in range(40):
        damaged, rng = bytearray(whole), random.Random(seed)
        for _ in range(rng.choice([1, 5, 25])):
            place = whole.index(at) + rng.randrange(2_000)
            damaged[min(place, len(whole) - 1)] = rng.randrange(256)
        try:
            outcomes.add(clips.inspect_clip(io.BytesIO(damaged)).width > 0)
        except InvalidMedia:
            outcomes.add("refused")
    assert outcomes >= {"refused"}


@pytest.mark.parametrize("data", [b"", b"no clip", b"<Error><Code>AccessDenied</Code></Error>" * 50])
def test_what_is_no_clip_is_not_accepted(data, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    with pytest.raises(InvalidMedia, match="cannot be played"):
        clips.inspect_clip(path)


def test_pictures_of_zeros_are_not_accepted(tmp_path):
    """Right length, right index, but the end was never written: a sparse file after a crash."""
    path = make.clip(tmp_path / "a.mp4", 2, gop=12, audio=False)
    data = bytearray(path.read_bytes())
    body = data.index(b"mdat")
    end = body - 4 + int.from_bytes(data[body - 4 : body], "big")
    data[(body + end) // 2 : end] = bytes(end - (body + end) // 2)
    path.write_bytes(data)
    with pytest.raises(InvalidMedia):
        clips.inspect_clip(path)


def test_playlist_is_not_followed(tmp_path):
    """FFmpeg would open what a playlist lists; a name ending in .mp4 must not make it do so."""
    inner = make.clip(tmp_path / "inner.ts", container="mpegts")
    path = tmp_path / "a.mp4"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{inner}\n#EXT-X-ENDLIST\n")
    with pytest.raises(InvalidMedia):
        clips.inspect_clip(path)


def test_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        clips.inspect_clip(tmp_path / "a.mp4")


# Frames

SHAPES = {
    "long groups": {"gop": 250},
    "short groups": {"gop": 7},
    "without B-frames": {"gop": 12, "bframes": 0},
    "each a key frame": {"gop": 1},
    "NTSC": {"fps": NTSC, "gop": 10},
    "MOV": {"container": "mov"},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_frame_is_exactly_that_one(shape, tmp_path):
    path = make.clip(tmp_path / "a.mp4", 40 / SHAPES[shape].get("fps", 24), **SHAPES[shape])
    for index in (0, 1, 6, 7, 8, 20, 38, 39):
        assert make.number_of(clips.frame(path, index)) == index
        assert make.number_of(clips.frame(path, index - 40)) == index
    assert make.number_of(clips.frame(path)) == 39


@pytest.mark.parametrize("index", [40, 400, -41])
def test_frame_outside_the_clip(index, tmp_path):
    path = make.clip(tmp_path / "a.mp4", 40 / 24)
    with pytest.raises(IndexError, match=rf"a\.mp4 has 40 frames: no index {index}"):
        clips.frame(path, index)


COLOURS = [(200, 40, 40), (40, 180, 60), (30, 60, 200), (230, 200, 30), (128, 128, 128)]


def colour_bars(index: int, size: tuple[int, int]) -> Image.Image:
    image = Image.new("RGB", size)
    width = size[0] // len(COLOURS)
    for place, colour in enumerate(COLOURS):
        image.paste(colour, (place * width, 0, (place + 1) * width, size[1]))
    return image


def worst(image: Image.Image) -> int:
    """Largest error of the bars' colours, in levels."""
    width, height = image.size
    bar = width // len(COLOURS)
    seen = [image.getpixel((int((place + 0.5) * bar), height // 2)) for place in range(len(COLOURS))]
    return max(
        abs(a - b) for pixel, colour in zip(seen, COLOURS, strict=True) for a, b in zip(pixel, colour, strict=True)
    )


@pytest.mark.parametrize("matrix", [1, None], ids=["tagged BT.709", "untagged HD"])
def test_colours_survive(matrix, tmp_path):
    """Read as BT.601, the green of these bars would be off by more than 20 levels."""
    path = make.clip(tmp_path / "a.mp4", 2, size=(1280, 720), fps=6, matrix=matrix, frame=colour_bars)
    assert worst(clips.frame(path, 0)) <= 4
    for made in (clips.proxy(path, tmp_path / "p.mp4"), clips.tail(path, 2, tmp_path / "t.mp4")):
        with av.open(str(made)) as container:
            assert container.streams.video[0].codec_context.colorspace == 1, "a smaller copy must say what it is"
        assert worst(clips.frame(made, -1)) <= 5
    strip = Image.open(io.BytesIO(clips.strip(path)))
    assert worst(strip.crop((0, 0, strip.width // 6, strip.height))) <= 12


def test_untagged_small_clip_is_read_as_bt601(tmp_path):
    path = make.clip(tmp_path / "a.mp4", 2, fps=6, matrix=None, frame=colour_bars)
    assert worst(clips.frame(path, 0)) > 12, "the file is BT.709 inside: players would show it this way too"


# The strip


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (960, 960), (1920, 240), (240, 1920)])
def test_strip_fits_and_starts_on_frame_0(size, tmp_path):
    path = make.clip(tmp_path / "a.mp4", 25 / 12, size=size, fps=12)
    data = clips.strip(path)
    assert len(data) <= 15_000
    sheet = Image.open(io.BytesIO(data))
    assert sheet.format == "JPEG"
    assert sheet.width % 6 == 0
    tile = sheet.width // 6
    assert tile / sheet.height == pytest.approx(size[0] / size[1], rel=0.06)
    if size == (1280, 720):
        assert sheet.size == (960, 90)
        tiles = [sheet.crop((i * tile, 0, (i + 1) * tile, sheet.height)) for i in range(6)]
        assert [make.number_of(tile) for tile in tiles] == [0, 5, 10, 14, 19, 24]


def test_strip_of_a_restless_clip_still_fits(tmp_path):
    path = make.clip(tmp_path / "a.mp4", 1, fps=6, frame=lambda index, size: make.noise(*size, seed=index))
    for limit in (15_000, 4_000):
        sheet = Image.open(io.BytesIO(data := clips.strip(path, max_bytes=limit)))
        assert len(data) <= limit
        assert sheet.width % 6 == 0
    with pytest.raises(ValueError, match="fits in 100 bytes"):
        clips.strip(path, max_bytes=100)


@pytest.mark.parametrize("frames", [1, 2, 6, 9])
def test_strip_of_fewer_frames_than_asked(frames, tmp_path):
    path = make.clip(tmp_path / "a.mp4", 3 / 24, audio=False)
    sheet = Image.open(io.BytesIO(clips.strip(path, frames=frames)))
    tile = sheet.width // frames
    shown = [make.number_of(sheet.crop((i * tile, 0, (i + 1) * tile, sheet.height))) for i in range(frames)]
    assert shown[0] == 0
    assert shown == sorted(shown)
    assert shown[-1] == (2 if frames > 1 else 0)


# The proxy


@pytest.mark.parametrize(
    ("size", "small"), [((1280, 720), (960, 540)), ((720, 1280), (540, 960)), ((320, 240), (320, 240))]
)
def test_proxy_is_light_and_shows_every_frame_at_its_time(size, small, tmp_path):
    path = make.clip(tmp_path / "a.mp4", 25 / 12, size=size, fps=12)
    out = clips.proxy(path, tmp_path / "deep" / "er" / "p.mp4")
    facts = clips.inspect_clip(out)
    assert (facts.width, facts.height) == small
    assert (facts.frames, facts.fps, facts.has_audio) == (25, 12.0, False)
    assert facts.seconds == pytest.approx(25 / 12, abs=1e-3)
    assert top_boxes(out).index(b"moov") < top_boxes(out).index(b"mdat"), "the index comes first"
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
        packets = [p for p in container.demux(video=0) if p.size]
        assert [p.pts for p in packets] == [p.dts for p in packets], "no B-frames"
        keys = [i for i, p in enumerate(packets) if p.is_keyframe]
    assert keys[0] == 0
    assert max(b - a for a, b in zip(keys, [*keys[1:], 25], strict=True)) <= 10
    assert [make.number_of(clips.frame(out, i)) for i in (0, 9, 10, 24)] == [0, 9, 10, 24]


def test_proxy_of_a_given_size_has_that_size_and_its_sound(tmp_path):
    def grain(index, size):
        return make.noise(*size, seed=index)

    path = make.clip(tmp_path / "a.mp4", 3, size=(640, 360), frame=grain)
    out = clips.proxy(path, tmp_path / "p.mp4", width=640, gop=60, most=300_000)
    assert 30_000 < out.stat().st_size <= 300_000 < path.stat().st_size
    facts = clips.inspect_clip(out)
    assert (facts.width, facts.height, facts.frames, facts.has_audio) == (640, 360, 72, True)


def test_proxy_keeps_uneven_times(tmp_path):
    path = tmp_path / "a.mp4"
    times = [0, 1, 2, 10, 11, 30]
    with av.open(str(path), "w") as made:
        stream = made.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for index, when in enumerate(times):
            picture = av.VideoFrame.from_image(make.numbered(index, (320, 240)))
            picture.pts = when
            made.mux(stream.encode(picture))
        made.mux(stream.encode(None))

    def shown(path):
        with av.open(str(path)) as container:
            return [round(frame.time * 24) for frame in container.decode(video=0)]

    assert shown(clips.proxy(path, tmp_path / "p.mp4")) == shown(path) == times


# The tail


@pytest.mark.parametrize(
    ("asked", "fps", "count"), [(2, 24, 48), (2.5, 24, 60), (3.99, 24, 96), (4, 24, 96), (2, NTSC, 48), (2, 24.2, 49)]
)
def test_tail_is_exact_and_can_be_continued(asked, fps, count, tmp_path):
    fps = Fraction(fps).limit_denominator(10_000)
    path = make.clip(tmp_path / "a.mp4", 97 / fps, fps=fps)
    before = path.read_bytes()
    out = clips.tail(path, asked, tmp_path / "t.mp4")
    facts = clips.inspect_clip(out)
    assert facts.frames == count
    assert abs(facts.seconds - asked) <= 1 / fps
    assert (facts.video_codec, facts.audio_codec) == ("h264", "aac")
    assert make.number_of(clips.frame(out, 0)) == 97 - count
    assert make.number_of(clips.frame(out, -1)) == 96
    assert path.read_bytes() == before
    medium = prepare(out, "first_clip", tmp_path / "frames")
    assert 2 <= medium.seconds <= 10


@pytest.mark.parametrize("fps", [24, NTSC, 30])
def test_longest_tail_is_never_over_the_limit(fps, tmp_path):
    path = make.clip(tmp_path / "a.mp4", 11, fps=fps, size=(240, 240))
    out = clips.tail(path, 10, tmp_path / "t.mp4")
    with av.open(str(out)) as container:
        assert 10 - 1 / fps <= container.duration / av.time_base <= 10
    assert clips.inspect_clip(out).seconds <= 10


def test_sound_of_a_tail_is_in_step(tmp_path):
    """The tone rises all the time, so a shift of the sound shows: at most 2 ms, an eighth of what an ear can notice."""
    path = make.clip(tmp_path / "a.mp4", 5)
    out = clips.tail(path, 3, tmp_path / "t.mp4")
    made, rate = samples(out), 48_000
    assert len(made) == pytest.approx(3 * rate, abs=1024)
    best = []
    for place in (0.2, 1.5, 2.6):
        # 0.2 s: of a shorter piece the best place is now and then one period of the tone further on.
        piece = made[round(place * rate) : round(place * rate) + 9600]
        around = samples(path, 2 + place - 0.05, 2 + place + 0.25)
        best.append(int(np.argmax(np.correlate(around, piece, "valid"))) - round(0.05 * rate))
    assert max(abs(shift) for shift in best) <= 0.002 * rate


def test_sound_alone_is_the_same_sound(tmp_path):
    path = make.clip(tmp_path / "a.mp4", 2)
    out = clips.sound(path, tmp_path / "s.m4a")
    with av.open(str(out)) as container:
        assert [stream.type for stream in container.streams] == ["audio"]
    assert np.array_equal(samples(out), samples(path))
    with pytest.raises(InvalidMedia, match="no sound"):
        clips.sound(clips.proxy(path, tmp_path / "p.mp4"), tmp_path / "none.m4a")
    assert not (tmp_path / "none.m4a").exists()


def test_a_strip_again_in_fewer_bytes(tmp_path):
    strip = clips.strip(make.clip(tmp_path / "a.mp4", 2))
    small = clips.shrunk(strip, 3000)
    assert len(small) <= 3000
    with Image.open(io.BytesIO(small)) as picture:
        assert picture.width % 6 == 0


def test_tail_does_not_inherit_key_frames(tmp_path):
    """A delivered clip of key frames only would make a tail many times larger than needed."""
    path = make.clip(tmp_path / "a.mp4", 2, gop=1)
    with av.open(str(clips.tail(path, 2, tmp_path / "t.mp4"))) as container:
        kinds = [frame.pict_type for frame in container.decode(video=0)]
    assert sum(kind == av.video.frame.PictureType.I for kind in kinds) < 5


def test_tail_of_a_silent_clip(tmp_path):
    out = clips.tail(make.clip(tmp_path / "a.mp4", 3, audio=False), 2, tmp_path / "t.mp4")
    assert not clips.inspect_clip(out).has_audio


@pytest.mark.parametrize(
    ("asked", "words"), [(1.9, "2 to 10"), (10.5, "2 to 10"), (float("nan"), "2 to 10"), (4, "is 3.00 s long")]
)
def test_tail_out_of_range(asked, words, tmp_path):
    path = make.clip(tmp_path / "a.mp4", 3)
    with pytest.raises(InvalidMedia, match=words) as caught:
        clips.tail(path, asked, tmp_path / "t.mp4")
    assert caught.value.field == "first_clip"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4"]


# Files


@pytest.mark.parametrize("make_one", [clips.proxy, lambda path, out: clips.tail(path, 2, out)], ids=["proxy", "tail"])
def test_failure_leaves_the_old_file_and_no_other(make_one, tmp_path):
    whole = make.clip(tmp_path / "a.mp4", 3)
    broken = tmp_path / "b.mp4"
    broken.write_bytes(whole.read_bytes()[:-2000])
    out = tmp_path / "out.mp4"
    out.write_bytes(b"old")
    with pytest.raises(InvalidMedia):
        make_one(broken, out)
    assert out.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "b.mp4", "out.mp4"]


def test_odd_names_are_only_names(tmp_path):
    folder = tmp_path / "http: 'x' \"y\" 猫 %d"
    path = make.clip(tmp_path / "a.mp4", 2)
    odd = folder / "concat:a|b.mp4"
    folder.mkdir()
    path.rename(odd)
    assert clips.inspect_clip(odd).frames == 48
    assert clips.inspect_clip(clips.proxy(odd, folder / "pipe:1.mp4")).frames == 48
    assert clips.inspect_clip(clips.tail(odd, 2, folder / "t:%d.mp4")).frames == 48


def test_relative_names_with_colons(tmp_path, monkeypatch):
    make.clip(tmp_path / "a.mp4", 2).rename(tmp_path / "file:a.mp4")
    monkeypatch.chdir(tmp_path)
    assert clips.proxy("file:a.mp4", "http:p.mp4") == Path("http:p.mp4")
    assert clips.inspect_clip("http:p.mp4").frames == 48


def test_sidecar_is_sorted_text_beside_the_clip(tmp_path):
    out = clips.sidecar(
        tmp_path / "3f9c.mp4", {"seed": 7, "prompt": "一只猫 <b>", "made": datetime(2026, 11, 22, tzinfo=UTC)}
    )
    assert out == tmp_path / "3f9c.json"
    text = out.read_text(encoding="utf-8")
    assert "一只猫 <b>" in text
    assert list(json.loads(text)) == ["made", "prompt", "seed"]
    assert json.loads(text)["made"] == "2026-11-22 00:00:00+00:00"
    clips.sidecar(tmp_path / "3f9c.mp4", {"name": "a\udcff.png"})
    assert "udcff" in out.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="JSON compliant"):
        clips.sidecar(tmp_path / "3f9c.mp4", {"cost": float("nan")})
    assert "udcff" in out.read_text(encoding="utf-8"), "the old one stays"
    assert [p.name for p in tmp_path.iterdir()] == ["3f9c.json"]


def test_atomic_file_is_there_whole_or_not_at_all(tmp_path):
    out = tmp_path / "new" / "a.txt"

    def fail():
        with atomic(out) as temporary:
            temporary.write_text("half")
            raise RuntimeError("half")

    with pytest.raises(RuntimeError, match="half"):
        fail()
    assert list(out.parent.iterdir()) == []
    with atomic(out) as temporary:
        assert temporary.parent == out.parent
        temporary.write_text("whole")
        assert not out.exists()
    assert out.read_text() == "whole"
    plain = tmp_path / "plain"
    plain.write_text("readable by whom this system says, as any file is")
    assert out.stat().st_mode == plain.stat().st_mode
