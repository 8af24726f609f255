"""Whole or cut off: what is unusual is kept, and what lacks a part is noticed, in every container that is taken."""

from __future__ import annotations

import io
import random
import struct

import av
import media_files as make
import numpy as np
import odd_files as odd
import pytest
from PIL import Image

from wan_nb.errors import InvalidMedia
from wan_nb.media import clips
from wan_nb.media.completeness import CutOff, missing
from wan_nb.media.materials import prepare
from wan_nb.studies.measures.measures import measure

pytestmark = pytest.mark.clips

# Unusual and whole. Name of the case: (how to make it, frames that are shown, number of the first and of the last one)

EVERY = (72, 0, 71)
START = 1024
"""First tick of the first frame: two B-frames are decoded before it."""

WHOLE = {
    "index at the end": (odd.clip, *EVERY),
    "index in front": (lambda p: odd.clip(p, movflags="+faststart"), *EVERY),
    "media box without a length": (lambda p: odd.with_open_mdat(odd.clip(p, movflags="+faststart")), *EVERY),
    "fragments": (lambda p: odd.clip(p, movflags="frag_keyframe+empty_moov"), *EVERY),
    "fragments behind a first part": (lambda p: odd.clip(p, movflags="frag_keyframe"), *EVERY),
    "fragments with their own base": (lambda p: odd.clip(p, movflags="cmaf"), *EVERY),
    "segment index": (lambda p: odd.clip(p, movflags="dash+global_sidx+frag_keyframe"), *EVERY),
    "PCM sound": (lambda p: odd.clip(p, container="mov", audio="pcm_s16le"), *EVERY),
    "PCM sound of 24 bit": (lambda p: odd.clip(p, container="mov", audio="pcm_s24be"), *EVERY),
    "PCM sound in MP4": (lambda p: odd.clip(p, audio="pcm_s16le"), *EVERY),
    "PCM sound, index in front": (
        lambda p: odd.clip(p, container="mov", movflags="+faststart", audio="pcm_s16le", rate=96_000),
        *EVERY,
    ),
    "telephone sound": (lambda p: odd.clip(p, container="mov", audio="pcm_mulaw", rate=8_000), *EVERY),
    "ALAC sound": (lambda p: odd.clip(p, container="mov", audio="alac"), *EVERY),
    "Opus sound": (lambda p: odd.clip(p, audio="libopus"), *EVERY),
    "FLAC sound": (lambda p: odd.clip(p, audio="flac"), *EVERY),
    "MP3 sound": (lambda p: odd.clip(p, audio="libmp3lame"), *EVERY),
    "no sound": (lambda p: odd.clip(p, audio=None), *EVERY),
    "sound without a sample": (lambda p: odd.clip(p, silent_track=True), *EVERY),
    "subtitles": (lambda p: odd.clip(p, words=True), *EVERY),
    "timecode": (lambda p: odd.clip(p, container="mov", metadata={"timecode": "01:02:03:04"}), *EVERY),
    "negative offsets": (lambda p: odd.clip(p, movflags="negative_cts_offsets"), *EVERY),
    "no edit list": (lambda p: odd.clip(p, muxer={"use_editlist": "0"}), *EVERY),
    "open groups": (lambda p: odd.clip(p, x264={"preset": "medium", "bf": "8", "x264-params": "open-gop=1"}), *EVERY),
    "uneven times": (lambda p: odd.clip(p, when=lambda index: index + (index > 20) + (index > 50)), *EVERY),
    "trimmed at the end": (lambda p: odd.with_edits(odd.clip(p), 0, [(2500, START)]), 60, 0, 59),
    "trimmed sound": (lambda p: odd.with_edits(odd.clip(p), 1, [(2950, 1024)]), *EVERY),
    "sound trimmed to half": (lambda p: odd.with_edits(odd.clip(p), 1, [(1500, 1024)]), *EVERY),
    "begins within a group": (lambda p: odd.with_edits(odd.clip(p, 4), 0, [(2500, START + 31 * 512)]), 60, 31, 90),
    "two pieces": (lambda p: odd.with_edits(odd.clip(p, 4), 0, [(1500, START), (1500, START + 48 * 512)]), 72, 0, 83),
    "begins late": (lambda p: odd.with_edits(odd.clip(p), 0, [(500, -1), (2500, START)]), 60, 0, 59),
    "said three times": (lambda p: odd.with_edits(odd.clip(p), 0, [(1000, START)] * 3), 72, 0, 23),
}


@pytest.mark.parametrize("case", WHOLE)
def test_what_is_unusual_and_whole_is_taken(case, tmp_path):
    build, frames, first, last = WHOLE[case]
    path = build(tmp_path / "a.mp4")
    facts = clips.inspect_clip(path)
    assert (facts.frames, facts.unchecked, facts.width, facts.height) == (frames, "", *odd.SIZE)
    assert facts.seconds == pytest.approx(frames / 24, abs=0.1)
    assert [make.number_of(clips.frame(path, index)) for index in (0, -1)] == [first, last]
    assert clips.delivered(path) == facts
    assert prepare(path, "first_clip", tmp_path / "frames").path == path
    assert clips.inspect_clip(clips.proxy(path, tmp_path / "p.mp4")).frames == frames
    tail = clips.tail(path, 2, tmp_path / "t.mp4")
    assert make.number_of(clips.frame(tail, -1)) == last
    assert clips.inspect_clip(tail).has_audio == facts.has_audio
    assert len(clips.strip(path)) <= 15_000


CUT = [name for name in WHOLE if not name.startswith(("trimmed", "sound trimmed", "begins", "two", "said"))]


@pytest.mark.parametrize("case", CUT)
def test_a_cut_off_clip_is_noticed_whatever_holds_it(case, tmp_path):
    path = WHOLE[case][0](tmp_path / "a.mp4")
    whole = path.read_bytes()
    media = max(end for kind, _, end in odd.boxes(whole) if kind == b"mdat")  # behind it may stand what nobody needs
    for left in (media - 1, media - 300, media * 9 // 10, media * 7 // 10, media // 2):
        path.write_bytes(whole[:left])
        with pytest.raises(CutOff, match="the file is cut off"):
            clips.inspect_clip(path)
        with pytest.raises(InvalidMedia, match=r"first_clip: .* cut off"):
            prepare(path, "first_clip", tmp_path / "frames")
        kept = clips.delivered(path)
        assert (kept.cut_off, kept.bytes) == (True, left)
        assert "cut off" in kept.unchecked


def test_an_index_that_is_not_there_is_noticed(tmp_path):
    path = odd.clip(tmp_path / "a.mp4")
    whole = path.read_bytes()
    path.write_bytes(whole[: odd.find(whole, b"moov")[0]])
    with pytest.raises(CutOff, match="it has no index"):
        clips.inspect_clip(path)


def test_what_stands_behind_the_last_picture_may_be_cut(tmp_path):
    """Boxes that nobody needs, and bytes that are no box: the clip is all there."""
    path = odd.clip(tmp_path / "a.mp4")
    whole = path.read_bytes()
    for more in (b"\0\0\0\x40free" + bytes(9), b"\0\0\0\x40uuid" + bytes(30), bytes(3), bytes(12), b"TAG" + b" " * 125):
        path.write_bytes(whole + more)
        assert clips.inspect_clip(path).frames == 72


def test_a_cover_picture_is_not_the_clip(tmp_path):
    """Stores of films put one into their files, as a second video."""
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as made:
        cover = made.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 600, 400, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        video = made.add_stream("libx264", rate=24)
        video.width, video.height, video.pix_fmt = *odd.SIZE, "yuv420p"
        picture = av.VideoFrame.from_image(make.photo("coffee.jpg", (600, 400))).reformat(format="yuvj420p")
        picture.pts = 0
        made.mux(cover.encode(picture))
        made.mux(cover.encode(None))
        for index in range(48):
            picture = av.VideoFrame.from_image(make.numbered(index, odd.SIZE)).reformat(format="yuv420p")
            picture.pts = index
            made.mux(video.encode(picture))
        made.mux(video.encode(None))
    facts = clips.inspect_clip(path)
    assert (facts.width, facts.height, facts.frames) == (*odd.SIZE, 48)
    assert make.number_of(clips.frame(path, 7)) == 7


def test_a_film_that_cannot_be_checked_has_facts_that_say_so(tmp_path):
    """Its pictures are of a kind that nothing here decodes."""
    path = odd.clip(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz1"))
    facts = clips.delivered(path)
    assert (facts.bytes, facts.width, facts.frames, facts.cut_off) == (path.stat().st_size, 0, 0, False)
    assert "nothing here can decode" in facts.unchecked


@pytest.mark.parametrize("data", [b"", b"no clip", b"<Error>no</Error>" * 50, bytes(9000), b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_film_at_all_is_no_clip(data, tmp_path):
    (tmp_path / "a.mp4").write_bytes(data)
    assert clips.delivered(tmp_path / "a.mp4") is None
    assert clips.delivered(tmp_path / "none.mp4") is None


# Display matrices


def corner(index, size):
    """White with a dark bar at the top left, as wide as half of it: each turn and mirroring looks different."""
    image = Image.new("RGB", size, "white")
    image.paste((20, 20, 20), (0, 0, size[0] // 2, size[1] // 4))
    return image


def shown(signs, size):
    """`corner` as it has to look, by the definition of the matrix."""
    a, b, c, d = signs
    stored = corner(0, size)
    image = Image.new("RGB", size if a else size[::-1])
    left, top = (image.width - 1 if a + c < 0 else 0), (image.height - 1 if b + d < 0 else 0)
    for y in range(size[1]):
        for x in range(size[0]):
            image.putpixel((left + a * x + c * y, top + b * x + d * y), stored.getpixel((x, y)))
    return image


def same(image, wanted, levels):
    assert image.size == wanted.size
    return float(np.abs(np.asarray(image, float) - np.asarray(wanted, float)).mean()) < levels


@pytest.mark.parametrize("turn", odd.MATRICES)
def test_a_clip_is_used_as_it_is_shown(turn, tmp_path):
    size, signs = (320, 240), odd.MATRICES[turn]
    path = odd.with_matrix(odd.clip(tmp_path / "a.mp4", 2, frame=corner, size=size), signs)
    wanted = shown(signs, size)
    facts = clips.inspect_clip(path)
    assert (facts.width, facts.height) == wanted.size
    medium = prepare(path, "first_clip", tmp_path / "frames")
    assert (medium.width, medium.height) == wanted.size
    assert same(clips.frame(path, 0), wanted, 3)
    assert same(clips.frame(path, -1), wanted, 3)
    for made in (clips.proxy(path, tmp_path / "p.mp4"), clips.tail(path, 2, tmp_path / "t.mp4")):
        assert clips.inspect_clip(made).frames == 48
        assert same(clips.frame(made, 5), wanted, 4), "turned once, and not again by a matrix of its own"
        assert same(clips.frame(made, -1), wanted, 4)
    sheet = Image.open(io.BytesIO(clips.strip(path)))
    tile = sheet.crop((0, 0, sheet.width // 6, sheet.height))
    assert same(tile, wanted.resize(tile.size), 8)
    assert measure(path, first_frame=wanted)["first_ssim320"] > 0.97


def test_colours_of_a_turned_clip_are_those_of_the_stored_size(tmp_path):
    """Untagged and small it is BT.601, although it is more than 576 pixels high once it is turned."""
    path = make.clip(tmp_path / "a.mp4", 1, size=(720, 480), fps=6, matrix=None)
    upright = clips.frame(path, 0)
    turned = clips.frame(odd.with_matrix(path, odd.MATRICES["90"]), 0)
    assert same(turned, upright.transpose(Image.Transpose.ROTATE_270), 0.5)


# Sounds


def tone(tmp_path, seconds=4.0, **options):
    return make.sound(tmp_path / "a.mp3", seconds, **options).read_bytes()


def pcm(seconds, channels=1, width=2, rate=16_000):
    return bytes(range(1, 251)) * (int(seconds * rate * channels * width) // 250)


def head(tag=1, channels=1, rate=16_000, width=2):
    return struct.pack("<HHIIHH", tag, channels, rate, rate * channels * width, channels * width, 8 * width)


PCM_GUID = struct.pack("<HHI", 22, 16, 4) + b"\1\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
DATA = pcm(3)
WAVS = {
    "plain": odd.riff((b"fmt ", head()), (b"data", DATA)),
    "a list in front": odd.riff((b"fmt ", head()), (b"LIST", b"INFOISFT\5\0\0\0Lavf\0"), (b"data", DATA)),
    "a list behind": odd.riff((b"fmt ", head()), (b"data", DATA), (b"LIST", b"INFOISFT\4\0\0\0Lavf")),
    "a list behind, cut": odd.riff((b"fmt ", head()), (b"data", DATA), (b"LIST", b"INFO" + bytes(40)))[:-30],
    "odd and padded": odd.riff((b"fmt ", head(width=1)), (b"data", pcm(3, width=1)[:-1])),
    "odd without a pad": odd.riff((b"fmt ", head(width=1)), (b"data", pcm(3, width=1)[:-1]), pad=False),
    "extensible": odd.riff((b"fmt ", head(0xFFFE) + PCM_GUID), (b"fact", bytes(4)), (b"data", DATA)),
    "written into a pipe": odd.riff((b"fmt ", head()), (b"data", DATA)).replace(
        b"data" + len(DATA).to_bytes(4, "little"), b"data\xff\xff\xff\xff"
    ),
    "RF64": odd.riff(
        (b"ds64", struct.pack("<QQQI", 0, len(DATA), 0, 0)), (b"fmt ", head()), (b"data", DATA), kind=b"RF64"
    ).replace(b"data" + len(DATA).to_bytes(4, "little"), b"data\xff\xff\xff\xff"),
    "a wrong outer length": b"RIFF\0\0\0\0" + odd.riff((b"fmt ", head()), (b"data", DATA))[8:],
}


@pytest.mark.parametrize("case", WAVS)
def test_every_whole_wav_is_taken(case, tmp_path):
    (tmp_path / "a.wav").write_bytes(WAVS[case])
    medium = prepare(tmp_path / "a.wav", "driving_audio", tmp_path / "frames")
    assert medium.seconds == pytest.approx(3, abs=0.01)


@pytest.mark.parametrize("case", [case for case in WAVS if case not in {"a list behind, cut", "written into a pipe"}])
@pytest.mark.parametrize("lost", [300, 20_000])
def test_a_cut_off_wav_is_refused(case, lost, tmp_path):
    data = WAVS[case]
    end = data.index(b"data") + 8 + len(DATA if "odd" not in case else pcm(3, width=1)) - 1
    (tmp_path / "a.wav").write_bytes(data[: end - lost])
    with pytest.raises(InvalidMedia, match=r"a\.wav is cut off: its header promises \d+ bytes of sound, and \d+ are"):
        prepare(tmp_path / "a.wav", "driving_audio", tmp_path / "frames")


def test_the_example_of_four_seconds_of_which_less_is_there(tmp_path):
    wav = make.sound(tmp_path / "a.wav", 4, "pcm_s16le", "wav")
    mp3 = make.sound(tmp_path / "b.mp3", 4)
    for path in (wav, mp3):
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 29 // 40])
        with pytest.raises(InvalidMedia, match=r"is cut off: (its header promises|its last frame)"):
            prepare(path, "driving_audio", tmp_path / "frames")


def variable(path, seconds=4, xing="1"):
    """VBR with or without the header that says how many frames there are."""
    with av.open(str(path), "w", format="mp3", options={"write_xing": xing, "id3v2_version": "0"}) as made:
        stream = made.add_stream("libmp3lame", rate=24_000, layout="mono", options={"compression_level": "9"})
        stream.codec_context.flags |= 2  # constant quality
        stream.codec_context.global_quality = 4 * 118
        make.add_sound(made, stream, seconds)
    return path.read_bytes()


ID3V1 = b"TAG" + b"title".ljust(125, b"\0")
ID3V2 = b"ID3\4\0\0\0\0\2\0" + b"\xff\xfb" + bytes(254)  # a tag that looks like sound at its beginning
APE = b"APETAGEX" + struct.pack("<IIII", 2000, 32, 0, 1 << 31) + bytes(8)
MP3S = {
    "as FFmpeg writes it": lambda sound, _: sound,
    "tag in front": lambda sound, _: ID3V2 + sound,
    "two tags in front": lambda sound, _: ID3V2 + ID3V2 + sound,
    "tag behind": lambda sound, _: sound + ID3V1,
    "APE tag and tag behind": lambda sound, _: sound + APE + ID3V1,
    "zeros behind": lambda sound, _: sound + bytes(5000),
    "VBR with a header": lambda _, path: variable(path),
    "VBR without one": lambda _, path: variable(path, xing="0"),
    "VBR, APE tag behind": lambda _, path: variable(path) + APE,
}


@pytest.mark.parametrize("case", MP3S)
def test_every_whole_mp3_is_taken(case, tmp_path):
    data = MP3S[case](tone(tmp_path), tmp_path / "v.mp3")
    (tmp_path / "a.mp3").write_bytes(data)
    assert prepare(tmp_path / "a.mp3", "driving_audio", tmp_path / "f").seconds == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize("case", ["as FFmpeg writes it", "tag in front", "VBR with a header", "VBR without one"])
@pytest.mark.parametrize("share", [0.999, 0.9, 0.6131])
def test_a_cut_off_mp3_is_refused(case, share, tmp_path):
    data = MP3S[case](tone(tmp_path), tmp_path / "v.mp3")
    (tmp_path / "a.mp3").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InvalidMedia, match="is cut off"):
        prepare(tmp_path / "a.mp3", "driving_audio", tmp_path / "f")


@pytest.mark.parametrize("name", ["Xing", "VBRI"])
def test_an_mp3_cut_between_two_frames_is_known_by_its_header(name):
    """Frames of 128 kbit/s, 44.1 kHz, mono: 417 bytes each. The header says 100, fifty are there."""
    frame = b"\xff\xfb\x90\xc0" + bytes(413)
    promise = {
        "Xing": b"\xff\xfb\x90\xc0" + bytes(17) + b"Xing\0\0\0\1" + (100).to_bytes(4, "big"),
        "VBRI": b"\xff\xfb\x90\xc0" + bytes(32) + b"VBRI" + bytes(10) + (100).to_bytes(4, "big"),
    }[name].ljust(417, b"\0")
    assert missing(io.BytesIO(promise + frame * 100), "MP3") == ""
    said = missing(io.BytesIO(promise + frame * 49), "MP3")
    assert said == "its header promises 2.61 s of sound, and 1.31 s are there"


def test_sound_of_an_mp3_with_a_title_in_an_old_encoding(tmp_path):
    """A comment of 1999, in the encoding of its time."""
    tag = b"ID3\3\0\0\0\0\0\x14" + b"TIT2" + struct.pack(">I", 10) + b"\0\0" + b"\0caf\xe9 \xfc\xe4\xf6!"
    path = tmp_path / "a.mp3"
    path.write_bytes(tag + tone(tmp_path))
    assert prepare(path, "driving_audio", tmp_path / "f").seconds == pytest.approx(4, abs=0.1)


def test_the_place_in_the_file_is_kept():
    file = io.BytesIO(WAVS["plain"])
    file.seek(17)
    assert missing(file, "WAV") == ""
    assert file.tell() == 17


@pytest.mark.parametrize("form", ["MP4", "MOV", "WAV", "MP3"])
def test_damage_is_never_an_error_of_its_own(form, tmp_path):
    given = {"WAV": WAVS["RF64"], "MP3": tone(tmp_path)}.get(form) or odd.clip(
        tmp_path / "a.mp4", 1, movflags="dash+global_sidx+frag_keyframe"
    ).read_bytes()
    for seed in range(60):
        rng, damaged = random.Random(seed), bytearray(given[:3000])
        for _ in range(20):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        assert isinstance(missing(io.BytesIO(damaged[: rng.randrange(3000)]), form), str)


def test_a_long_mp3_of_nothing_but_noise_is_looked_through_at_once():
    """Every byte could begin a frame: the search must not begin anew at each."""
    assert missing(io.BytesIO(b"\xff" * 3_000_000), "MP3") == ""
