"""Materials that go in: what is wrong gets one clear error, what is usual works, and changes are said."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import media_files as make
import numpy as np
import pytest
from PIL import Image

from wan_nb.errors import InvalidMedia
from wan_nb.media.materials import prepare
from wan_nb.media.sources import sniff

ROOT = Path(__file__).parents[2]


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def saved(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def with_hole(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    image.paste((0, 0, 0, 0), (10, 10, 60, 60))
    return image


def animated(path: Path) -> Path:
    return saved(path, make.photo(), save_all=True, append_images=[make.photo().rotate(5)])


def cut(path: Path, source: Path, share: float) -> Path:
    data = source.read_bytes()
    return written(path, data[: int(len(data) * share)])


F, L, A, C = "first_frame", "last_frame", "driving_audio", "first_clip"

# name of the case: (field, how to make it in a folder, words that the message must have)
REFUSED = {
    "missing file names its like": (F, lambda d: saved(d / "cat.png", make.photo()) and d / "cta.png", "'cat.png'"),
    "missing file, other case": (F, lambda d: saved(d / "Cat.PNG", make.photo()) and d / "xcat.png", "'Cat.PNG'"),
    "missing file in an empty folder": (F, lambda d: d / "cat.png", "does not exist"),
    "missing file that is a folder below": (
        F,
        lambda d: (d / "data").mkdir() or (saved(d / "data" / "cat.png", make.photo()) and d / "cat.png"),
        "does not exist",
        "data/cat.png'?",
    ),
    "missing folder": (A, lambda d: d / "no" / "such" / "x.mp3", "no folder"),
    "folder": (F, lambda d: d, "is a folder"),
    "pipe": (F, lambda d: os.mkfifo(d / "p.png") or d / "p.png", "not a regular file"),
    "zero byte in a name": (F, lambda d: "a\0b.png", r"a\x00b.png"),
    "name too long": (F, lambda d: "a" * 5000 + ".png", "name too long"),
    "empty text": (F, lambda d: "  ", "empty text"),
    "None": (L, lambda d: None, "NoneType"),
    "number": (L, lambda d: 7, "of type int"),
    "empty picture file": (F, lambda d: written(d / "e.jpg", b""), "0 bytes"),
    "empty sound file": (A, lambda d: written(d / "e.mp3", b""), "0 bytes"),
    "empty bytes": (F, lambda d: b"", "0 bytes"),
    "text named .jpg": (F, lambda d: written(d / "t.jpg", b"not a picture\n"), "is text", "JPEG, PNG, BMP or WEBP"),
    "web page named .png": (F, lambda d: written(d / "t.png", b"<!DOCTYPE html><p>404"), "an HTML page"),
    "HEIC": (F, lambda d: written(d / "i.heic", b"\0\0\0\x18ftypheic" + bytes(40)), "is HEIC", "save it as JPEG"),
    "HEVC stills": (
        F,
        lambda d: written(d / "i.heic", b"\0\0\0\x18ftyphevc" + bytes(40)),
        "is HEIC, but",
        "save it as JPEG",
    ),
    "JPEG XL": (F, lambda d: written(d / "i.jxl", b"\xff\x0a" + bytes(40)), "is JPEG XL, but", "save it as JPEG"),
    "JPEG XL file": (
        F,
        lambda d: written(d / "i.jxl", b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40)),
        "is JPEG XL",
        "as JPEG",
    ),
    "random bytes": (F, lambda d: written(d / "r.png", bytes(range(200, 256)) * 9), "unknown data"),
    "real transparency": (F, lambda d: saved(d / "a.png", with_hole(make.photo())), "1.8 %", ".convert("),
    "transparency of a palette": (
        F,
        lambda d: saved(d / "p.png", make.photo().quantize(8), transparency=3),
        "transparent pixels",
        "white",
    ),
    "transparent WEBP": (L, lambda d: saved(d / "a.webp", with_hole(make.photo()), lossless=True), "1.8 %"),
    "transparent array": (F, lambda d: np.asarray(with_hole(make.photo())), "1.8 %", "Image.fromarray(array)"),
    "100x100": (F, lambda d: saved(d / "s.png", make.photo(size=(100, 100))), "100x100", "240 to 8000", "(240, 240)"),
    "239 pixels": (F, lambda d: saved(d / "s.png", make.photo(size=(400, 239))), "400x239", "240"),
    "9000x300": (F, lambda d: saved(d / "w.png", make.photo(size=(9000, 300))), "9000x300", "8000", "crop"),
    "beyond 8:1": (F, lambda d: saved(d / "w.png", make.photo(size=(1930, 241))), "8.008 to 1", "crop"),
    "beyond 1:8": (F, lambda d: saved(d / "w.png", make.photo(size=(241, 1930))), "8.008 to 1"),
    "small array": (L, lambda d: np.zeros((100, 300, 3), np.uint8), "300x100", "240 to 8000"),
    "25 MB picture": (F, lambda d: saved(d / "b.bmp", make.noise(2900, 2900)), "25.2 MB", "20 MB", "quality=90"),
    "animated GIF": (F, lambda d: animated(d / "a.gif"), "is GIF", "JPEG, PNG, BMP or WEBP"),
    "animated WEBP": (F, lambda d: animated(d / "a.webp"), "animated (2 pictures)"),
    "animated PNG": (F, lambda d: animated(d / "a.png"), "animated (2 pictures)"),
    "TIFF": (F, lambda d: saved(d / "t.tiff", make.photo()), "is TIFF"),
    "truncated JPEG": (F, lambda d: cut(d / "t.jpg", make.DATA / "cat.jpg", 0.6), "damaged", "again"),
    "truncated PNG": (F, lambda d: cut(d / "t.png", make.DATA / "astronaut.png", 0.6), "damaged"),
    "JPEG cut in its header": (F, lambda d: cut(d / "t.jpg", make.DATA / "cat.jpg", 0.003), "damaged JPEG"),
    "PNG bomb": (F, lambda d: written(d / "b.png", make.bomb_png(12_000, 9_000)), "12000x9000", "8000"),
    "huge PNG bomb": (F, lambda d: written(d / "b.png", make.bomb_png(60_000, 60_000)), "far too large"),
    "WEBP bomb": (F, lambda d: written(d / "b.webp", make.bomb_webp(12_000, 9_000)), "12000x9000"),
    "array of floats": (F, lambda d: np.zeros((300, 300, 3)), "float64", "* 255"),
    "array of booleans": (F, lambda d: np.zeros((300, 300), bool), "bool", "uint8"),
    "16-bit array": (F, lambda d: np.zeros((300, 300), np.uint16), "uint16", "257"),
    "channels first": (F, lambda d: np.zeros((3, 300, 300), np.uint8), "(3, 300, 300)", "transpose(1, 2, 0)"),
    "batch of arrays": (F, lambda d: np.zeros((2, 300, 300, 3), np.uint8), "(2, 300, 300, 3)", "array[0]"),
    "image of floats": (F, lambda d: Image.new("F", (300, 300)), "mode F"),
    "image of 32-bit numbers": (F, lambda d: Image.new("I", (300, 300)), "mode I"),
    "broken data URI": (F, lambda d: "data:image/png;base64,!!", "cannot be decoded"),
    "data URI without comma": (F, lambda d: "data:image/png", "comma"),
    "sound as a frame": (F, lambda d: make.DATA / "voice.mp3", "is MP3, not a picture"),
    "1 s of sound": (A, lambda d: make.sound(d / "s.mp3", 1), "1.00 s", "2 to 30 s"),
    "40 s of sound": (A, lambda d: make.sound(d / "s.mp3", 40), "40.00 s", "2 to 30 s", "-t 30"),
    "40 s of WAV": (A, lambda d: make.sound(d / "s.wav", 40, "pcm_s16le", "wav"), "40.00 s"),
    "OGG named .mp3": (A, lambda d: make.sound(d / "s.mp3", 3, "libopus", "ogg", 48_000), "is OGG, whatever its name"),
    "FLAC": (A, lambda d: make.sound(d / "s.flac", 3, "flac", "flac"), "is FLAC", "WAV or MP3", "ffmpeg"),
    "AAC named .mp3": (A, lambda d: make.sound(d / "s.mp3", 3, "aac", "adts"), "is AAC"),
    "AAC behind an ID3 tag": (
        A,
        lambda d: written(d / "t.mp3", b"ID3\4\0\0\0\0\0\0" + make.sound(d / "s", 3, "aac", "adts").read_bytes()),
        "MP3",
    ),
    "MP4 sound named .mp3": (A, lambda d: make.sound(d / "s.mp3", 3, "aac", "ipod"), "is M4A"),
    "text named .wav": (A, lambda d: written(d / "t.wav", b"la la la"), "is text"),
    "playlist named .mp3": (A, lambda d: written(d / "t.mp3", b"#EXTM3U\nhttp://127.0.0.1:9/x.ts\n"), "is text"),
    "sound over 15 MB": (A, lambda d: make.sound(d / "l.wav", 158, "pcm_s16le", "wav", 48_000), "15.2 MB", "15 MB"),
    "WAV header and nothing else": (A, lambda d: written(d / "h.wav", b"RIFF\4\0\0\0WAVE"), "again"),
    "picture as sound": (A, lambda d: CAT, "is JPEG; a sound is WAV or MP3", "Give a sound."),
    "sound as a clip": (C, lambda d: make.DATA / "voice.mp3", "is MP3; a clip is MP4", "Give a clip."),
    "array as sound": (A, lambda d: np.zeros((300, 300), np.uint8), "is a picture, but this is a sound"),
    "1 s clip": (C, lambda d: make.clip(d / "c.mp4", 1), "1.00 s", "2 to 10 s"),
    "11 s clip": (C, lambda d: make.clip(d / "c.mp4", 11, fps=12), "11.00 s", "2 to 10 s", "-t 10"),
    "small clip": (C, lambda d: make.clip(d / "c.mp4", size=(320, 238)), "320x238", "240 to 4096"),
    "wide clip": (C, lambda d: make.clip(d / "c.mp4", size=(1936, 240)), "8.067 to 1", "8 to 1"),
    "MKV named .mp4": (C, lambda d: make.clip(d / "c.mp4", container="matroska"), "is WebM or Matroska"),
    "MPEG stream": (C, lambda d: make.clip(d / "c.ts", container="mpegts"), "MP4 or MOV"),
    "clip without video": (C, lambda d: make.sound(d / "c.mp4", 3, "aac", "mp4"), "no video"),
    "cut-off clip": (C, lambda d: cut(d / "c.mp4", make.clip(d / "whole.mp4"), 0.7), "cannot be"),
    "picture as a clip": (C, lambda d: make.DATA / "cat.jpg", "is JPEG", "MP4 or MOV"),
    "URL of another kind": (F, lambda d: "ftp://example.org/a.png", "no http(s) URL"),
    "URL without a host": (F, lambda d: "https:///a.png", "no http(s) URL"),
    "URL with a space": (A, lambda d: "https://example.org/a b.mp3", "no http(s) URL"),
    "URL with a broken host": (C, lambda d: "http://[::1/a.mp4", "no http(s) URL"),
    "file URL": (F, lambda d: (make.DATA / "cat.jpg").as_uri(), "no http(s) URL"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_one_clear_error(case, tmp_path):
    field, build, *words = REFUSED[case]
    given = build(tmp_path)
    frames = tmp_path / "frames"
    with pytest.raises(InvalidMedia) as caught:
        prepare(given, field, frames)
    text = str(caught.value)
    assert [word for word in words if word.lower() not in text.lower()] == [], text
    assert caught.value.field == field
    assert len(text.splitlines()) <= 2
    assert not frames.exists(), "nothing is written for a material that is refused"


CAT = make.DATA / "cat.jpg"

# name of the case: (field, how to make it, format as sent, a word of the note, or "" for the very file)
WORKS = {
    "JPEG": (F, lambda d: CAT, "JPEG", ""),
    "path as text": (F, lambda d: str(CAT), "JPEG", ""),
    "PNG": (L, lambda d: make.DATA / "astronaut.png", "PNG", ""),
    "BMP": (F, lambda d: saved(d / "a.bmp", make.photo()), "BMP", ""),
    "WEBP": (F, lambda d: saved(d / "a.webp", make.photo()), "WEBP", ""),
    "grey JPEG": (F, lambda d: saved(d / "a.jpg", make.photo().convert("L")), "JPEG", ""),
    "palette PNG": (F, lambda d: saved(d / "a.png", make.photo().quantize(64)), "PNG", ""),
    "black and white PNG": (F, lambda d: saved(d / "a.png", make.photo().convert("1")), "PNG", ""),
    "PNG named .jpg": (F, lambda d: saved(d / "a.jpg", make.photo(), format="PNG"), "PNG", ""),
    "many pictures in one JPEG": (
        F,
        lambda d: saved(d / "a.jpg", make.photo(), format="MPO", save_all=True, append_images=[make.photo()]),
        "JPEG",
        "",
    ),
    "spaces, Chinese and quotes": (F, lambda d: saved(d / "a 'b' \"c\" 猫:%d.png", make.photo()), "PNG", ""),
    "240 pixels": (F, lambda d: saved(d / "a.png", make.photo(size=(240, 240))), "PNG", ""),
    "exactly 8:1": (F, lambda d: saved(d / "a.png", make.photo(size=(1920, 240))), "PNG", ""),
    "8000 pixels": (F, lambda d: saved(d / "a.png", Image.new("RGB", (8000, 1000))), "PNG", ""),
    "damaged EXIF": (F, lambda d: saved(d / "a.jpg", make.photo(), exif=b"Exif\0\0nonsense"), "JPEG", ""),
    "CMYK JPEG": (F, lambda d: saved(d / "a.jpg", make.photo().convert("CMYK")), "PNG", "CMYK"),
    "16-bit grey PNG": (
        F,
        lambda d: saved(d / "a.png", Image.fromarray(np.asarray(make.photo().convert("L"), np.uint16) * 257)),
        "PNG",
        "16-bit",
    ),
    "opaque alpha": (F, lambda d: saved(d / "a.png", make.photo().convert("RGBA")), "PNG", "alpha"),
    "opaque grey with alpha": (F, lambda d: saved(d / "a.png", make.photo().convert("LA")), "PNG", "alpha"),
    "unused transparent colour": (
        F,
        lambda d: saved(d / "a.png", make.photo().quantize(8), transparency=200),
        "PNG",
        "alpha",
    ),
    **{
        f"phone photo, orientation {tag}": (F, lambda d, t=tag: make.turned_photo(d / "a.jpg", t), "PNG", "upright")
        for tag in range(2, 9)
    },
    "MP3": (A, lambda d: make.DATA / "voice.mp3", "MP3", ""),
    "WAV": (A, lambda d: make.sound(d / "a.wav", 3, "pcm_s16le", "wav"), "WAV", ""),
    "MP3 named .wav": (A, lambda d: make.sound(d / "a.wav", 3), "MP3", ""),
    "2 s of sound": (A, lambda d: make.sound(d / "a.mp3", 2), "MP3", ""),
    "30 s of sound": (A, lambda d: make.sound(d / "a.mp3", 30), "MP3", ""),
    "sound with a colon in its name": (A, lambda d: make.sound(d / "http:a.mp3", 2), "MP3", ""),
    "MP4": (C, lambda d: make.clip(d / "a.mp4"), "MP4", ""),
    "MOV": (C, lambda d: make.clip(d / "a.mov", container="mov"), "MOV", ""),
    "clip without sound": (C, lambda d: make.clip(d / "a.mp4", audio=False), "MP4", ""),
    "10 s clip": (C, lambda d: make.clip(d / "a.mp4", 10, fps=12), "MP4", ""),
}


@pytest.mark.parametrize("case", WORKS)
def test_usual_materials_work(case, tmp_path):
    field, build, form, change = WORKS[case]
    given = build(tmp_path)
    frames = tmp_path / "frames"
    medium = prepare(given, field, frames)
    assert medium.format == form
    assert medium.name == str(given)
    assert medium.path.stat().st_size == medium.bytes
    assert change in medium.note
    assert bool(change) == bool(medium.note)
    if change:
        assert medium.path.parent == frames
        assert medium.path.stem == medium.identity.removeprefix("sha256:")
        again = prepare(medium.path, field, frames)
        assert (again.identity, again.path, again.note) == (medium.identity, medium.path, "")
    else:
        assert medium.path == Path(given)
        assert not frames.exists(), "no copy of what needs no change"


def like(path: Path, wanted: Image.Image) -> float:
    """Mean difference of two pictures in levels."""
    with Image.open(path) as image:
        assert image.size == wanted.size
        return float(np.abs(np.asarray(image.convert("RGB"), float) - np.asarray(wanted, float)).mean())


@pytest.mark.parametrize("tag", range(2, 9))
def test_turned_photo_is_sent_upright(tag, tmp_path):
    medium = prepare(make.turned_photo(tmp_path / "a.jpg", tag), F, tmp_path / "frames")
    assert (medium.width, medium.height) == make.photo().size
    assert like(medium.path, make.photo()) < 5
    with Image.open(medium.path) as copy:
        assert 0x0112 not in copy.getexif(), "a reader that honours the tag would turn it again"


@pytest.mark.parametrize(
    ("name", "levels"),
    [("CMYK JPEG", 8), ("16-bit grey PNG", 1), ("opaque alpha", 0)],
)
def test_copy_looks_like_the_original(name, levels, tmp_path):
    medium = prepare(WORKS[name][1](tmp_path), F, tmp_path / "frames")
    wanted = make.photo().convert("L").convert("RGB") if "grey" in name else make.photo()
    assert like(medium.path, wanted) <= levels


def test_copy_of_a_profiled_photo_keeps_the_profile_that_fits(tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    kept = prepare(saved(tmp_path / "a.png", make.photo().convert("RGBA"), icc_profile=profile), F, tmp_path)
    with Image.open(kept.path) as copy:
        assert copy.info["icc_profile"] == profile
    foreign = make.photo("coffee.jpg").convert("CMYK")
    dropped = prepare(saved(tmp_path / "b.jpg", foreign, icc_profile=profile.replace(b"RGB ", b"CMYK", 1)), F, tmp_path)
    with Image.open(dropped.path) as copy:
        assert "icc_profile" not in copy.info


def test_identity_is_that_of_the_pixels(tmp_path):
    exact = make.photo()
    forms = [
        exact,
        np.asarray(exact),
        np.asarray(exact)[:, ::-1][:, ::-1],
        np.asarray(exact.convert("RGBA")),
        saved(tmp_path / "a.png", exact),
        saved(tmp_path / "b.bmp", exact),
        saved(tmp_path / "c.webp", exact, lossless=True),
        (tmp_path / "a.png").read_bytes(),
        bytearray((tmp_path / "a.png").read_bytes()),
        "data:image/png;base64," + base64.b64encode((tmp_path / "a.png").read_bytes()).decode(),
        "DATA:image/png;BASE64," + base64.b64encode((tmp_path / "a.png").read_bytes()).decode(),
        CAT,
    ]
    assert {prepare(form, F, tmp_path / "frames").identity for form in forms} == {prepare(CAT, L, tmp_path).identity}


def test_identity_tells_pictures_apart(tmp_path):
    exact = make.photo()
    changed = exact.copy()
    changed.putpixel((5, 5), (1, 2, 3))
    wide, tall = Image.new("RGB", (400, 300)), Image.new("RGB", (300, 400))
    identities = {prepare(image, F, tmp_path).identity for image in (exact, changed, wide, tall)}
    assert len(identities) == 4


def test_grey_array_is_the_grey_picture(tmp_path):
    grey = make.photo().convert("L")
    forms = (np.asarray(grey), np.asarray(grey)[:, :, None], grey)
    identities = {prepare(form, F, tmp_path).identity for form in forms}
    assert identities == {prepare(saved(tmp_path / "g.png", grey), F, tmp_path).identity}


def test_bytes_are_written_as_they_came(tmp_path):
    medium = prepare(CAT.read_bytes(), F, tmp_path / "frames")
    assert medium.path.read_bytes() == CAT.read_bytes()
    assert (medium.path.suffix, medium.note) == (".jpg", "")


@pytest.mark.parametrize(("field", "name"), [(A, "voice.mp3"), (C, "made.mp4")])
def test_sound_and_clip_from_bytes(field, name, tmp_path):
    path = make.DATA / name if field == A else make.clip(tmp_path / name)
    medium = prepare(path.read_bytes(), field, tmp_path / "frames")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert medium.identity == f"sha256:{digest}" == prepare(path, field, tmp_path).identity
    assert medium.path == tmp_path / "frames" / f"{digest}{path.suffix}"
    assert medium.path.read_bytes() == path.read_bytes()


def test_facts_of_sound_and_clip(tmp_path):
    voice = prepare(make.DATA / "voice.mp3", A, tmp_path)
    assert voice.seconds == pytest.approx(13.84, abs=0.01)
    clip = prepare(make.clip(tmp_path / "a.mp4", 3, size=(480, 270)), C, tmp_path)
    assert (clip.width, clip.height, clip.seconds) == (480, 270, 3.0)


def test_sound_is_measured_by_decoding_not_by_its_header(tmp_path):
    """A WAV that was written into a pipe does not know how long it became."""
    data = make.sound(tmp_path / "a.wav", 10, "pcm_s16le", "wav").read_bytes()
    place = data.index(b"data") + 4
    path = written(tmp_path / "b.wav", data[:place] + b"\xff\xff\xff\xff" + data[place + 4 :])
    assert prepare(path, A, tmp_path).seconds == pytest.approx(10, abs=0.1)


def test_picture_too_large_for_png_becomes_a_jpeg_and_says_so(tmp_path):
    medium = prepare(make.noise(2700, 2700), F, tmp_path)
    assert medium.format == "JPEG"
    assert medium.path.suffix == ".jpg"
    assert medium.bytes <= 20_000_000
    assert "JPEG" in medium.note
    assert prepare(make.noise(2700, 2700), F, tmp_path) == medium, "the second time finds the copy of the first"


def test_megabytes_are_millions(tmp_path):
    """Between 20 million and 20 x 2^20 bytes the pages do not say; the safe reading refuses."""
    fits = saved(tmp_path / "a.bmp", make.noise(2581, 2580))
    over = saved(tmp_path / "b.bmp", make.noise(2600, 2600))
    assert 20_000_000 < over.stat().st_size < 20 * 2**20
    assert prepare(fits, F, tmp_path).bytes < 20_000_000
    with pytest.raises(InvalidMedia, match=r"20\.3 MB; the limit is 20 MB"):
        prepare(over, F, tmp_path)


@pytest.mark.parametrize("source", ["path", "array"])
def test_the_shown_fix_for_transparency_works_when_pasted(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    holed = with_hole(make.photo())
    given = saved(tmp_path / 'it\'s a "cat".png', holed) if source == "path" else np.asarray(holed)
    with pytest.raises(InvalidMedia) as caught:
        prepare(given, F, tmp_path)
    line = caught.value.remedy.partition(": ")[2]
    if source == "path":
        exec(line, {})
        fixed = Path('it\'s a "cat"-white.png')
    else:
        fixed = eval(line.rpartition("; ")[2], {"Image": Image, "im": Image.fromarray(given).convert("RGBA")})
    medium = prepare(fixed, F, tmp_path)
    with Image.open(medium.path) as image:
        assert image.getpixel((30, 30)) == (255, 255, 255)


@pytest.mark.parametrize("case", ["100x100", "9000x300", "beyond 8:1", "25 MB picture", "animated WEBP", "TIFF"])
def test_the_other_shown_fixes_work_when_pasted(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = REFUSED[case][1](tmp_path)
    with pytest.raises(InvalidMedia) as caught:
        prepare(given, F, tmp_path)
    before = set(tmp_path.iterdir())
    exec(caught.value.remedy.partition(": ")[2], {})
    (fixed,) = set(tmp_path.iterdir()) - before
    assert prepare(fixed, F, tmp_path).path == fixed


def test_url_is_not_looked_into(tmp_path):
    url = "https://bucket.example.org/猫/cat.png?Expires=1&Signature=secret"
    medium = prepare(url, F, tmp_path)
    assert medium.url == url
    assert medium.identity == "https://bucket.example.org/猫/cat.png"
    assert (medium.path, medium.format, medium.bytes, medium.width, medium.seconds) == (None,) * 5
    assert "secret" not in repr(medium)


def test_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = saved(tmp_path / "a.png", make.photo())
    assert prepare("~/a.png", F, tmp_path).path == path


def test_relative_path_is_frozen(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", make.photo())
    monkeypatch.chdir(tmp_path)
    medium = prepare("a.png", F, tmp_path)
    assert (medium.path, medium.name) == (path, "a.png")


def test_name_that_is_no_utf8_can_be_used_and_written_down(tmp_path):
    path = saved(Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.png")), make.photo(), format="PNG")
    medium = prepare(path, F, tmp_path)
    assert medium.path == path
    medium.name.encode("utf-8")


def test_image_given_stays_as_it_is(tmp_path):
    image = Image.open(make.turned_photo(tmp_path / "a.jpg", 6))
    size = image.size
    medium = prepare(image, F, tmp_path)
    assert (medium.width, medium.height) == size[::-1]
    assert image.size == size
    image.load()
    image.close()


def test_failed_write_leaves_nothing(tmp_path):
    frames = tmp_path / "frames"
    frames.write_bytes(b"in the way")
    with pytest.raises(OSError, match="frames"):
        prepare(make.photo(), F, frames)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["frames"]


@pytest.mark.parametrize(
    ("name", "data"), [("PNG", make.bomb_png(12_000, 9_000)), ("WEBP", make.bomb_webp(16_000, 16_000))]
)
def test_bomb_is_refused_without_allocating(name, data, tmp_path):
    """Decoded, these are 324 MB and 1 GB; the process must not grow by a tenth of that."""
    bomb = written(tmp_path / "bomb", data)
    code = f"""
import resource
from PIL import Image
from wan_nb.media.materials import prepare
from wan_nb.errors import InvalidMedia
prepare({str(CAT)!r}, "first_frame", {str(tmp_path)!r})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    prepare({str(bomb)!r}, "first_frame", {str(tmp_path)!r})
except InvalidMedia as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    message, *_, kilobytes = done.stdout.splitlines()
    assert "8000" in message
    assert int(kilobytes) < 30_000


def test_door_is_light():
    """A URL is prepared without Pillow, numpy or PyAV, and importing the room loads none of them."""
    code = (
        "import sys; from wan_nb.media.materials import prepare;"
        "prepare('https://example.org/a.png', 'first_frame', '.');"
        "print([m for m in ('PIL', 'av', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", "WAV"),
        (b"\xff\xfb\x90\x00", "MP3"),
        (b"\xff\xf3\x64\xc4", "MP3"),
        (b"\xff\xf1\x50\x80", "AAC"),
        (b"\0\0\0\x14ftypqt  ", "MOV"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "MOV"),
        (b"\0\0\0\x20ftypisom", "MP4"),
        (b"\0\0\0\x20ftyp3gp5", "3GP"),
        ("那是一只猫".encode(), "text"),
        ("猫".encode() * 171, "text"),
        (b"\xef\xbb\xbf<svg xmlns='x'>", "SVG"),
        (b"\0\1\2\3\4\5\6\7", "unknown data"),
        (b"", "unknown data"),
    ],
)
def test_formats_are_told_by_content(head, name):
    assert sniff(head[:512]) == name


def test_truncated_bytes_are_named_as_data(tmp_path):
    buffer = io.BytesIO()
    make.photo().save(buffer, "PNG")
    with pytest.raises(InvalidMedia, match="first_frame: data is damaged"):
        prepare(buffer.getvalue()[:9000], F, tmp_path)
