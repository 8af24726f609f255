"""Each remedy, followed to the letter, gives the picture that was meant: pasted, saved, taken, compared."""

from __future__ import annotations

import io

import icc
import media_files as make
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from wan_nb.errors import InvalidMedia
from wan_nb.media.materials import prepare

SMALL = (200, 150)
WANTED = (320, 240)
"""The smallest picture of the shape of `SMALL` that is taken."""


def cat(size=(400, 300)):
    return make.photo(size=size)


def grey(size=(400, 300)):
    return cat(size).convert("L")


def on_white(image):
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def holed(size=(400, 300)):
    """A picture with a hole in it whose hidden pixels are black, as painting programs leave them."""
    image = cat(size).convert("RGBA")
    image.paste((0, 0, 0, 0), (20, 20, size[0] // 2, size[1] // 2))
    image.paste((200, 30, 30, 128), (size[0] // 2, 20, size[0] - 20, size[1] // 2))
    return image


def wide_grey(size=(400, 300)):
    """16 bit, each level on its own."""
    return Image.fromarray(np.asarray(grey(size), np.uint16) * 257)


def floats(size=(400, 300), low=0.0, high=1.0):
    return Image.fromarray((low + (high - low) * np.asarray(grey(size), np.float64) / 255).astype(np.float32))


def keyed_grey(path, size=(400, 300)):
    """16-bit grey PNG one of whose levels means transparent; that level is in the picture."""
    values = np.asarray(grey(size), np.uint16) * 257
    values[20:80, 20:80] = 1234
    Image.fromarray(values).save(path)
    data = path.read_bytes()
    chunk = b"tRNS" + (1234).to_bytes(2, "big")
    import zlib

    place = data.index(b"IDAT") - 4
    path.write_bytes(data[:place] + b"\0\0\0\2" + chunk + zlib.crc32(chunk).to_bytes(4, "big") + data[place:])
    wanted = grey(size)
    wanted.paste(255, (20, 20, 80, 80))
    return wanted


def in_srgb(image, profile):
    """The picture as a screen that knows its profile shows it."""
    return ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )


def frames(size=(400, 300)):
    return {"save_all": True, "append_images": [Image.new("RGB", size, "blue")]}


def gif_with_hole(size):
    paletted = cat(size).quantize(128)
    paletted.paste(127, (20, 20, size[0] // 2, size[1] // 2))
    return paletted, {"transparency": 127}


def turned(path, size, **options):
    exif = Image.Exif()
    exif[0x0112] = 6
    quality = {"quality": 97} if path.suffix == ".jpg" else {}
    cat(size).transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, **quality, **options)


# name: (ending, how the file is written at a size, what a person sees at that size, mean difference in levels)
FILES = {
    "TIFF": (".tif", lambda p, s: cat(s).save(p), cat, 0.1),
    "grey TIFF of 16 bit": (".tif", lambda p, s: wide_grey(s).save(p), grey, 0.6),
    "TIFF of floats from 0 to 1": (".tif", lambda p, s: floats(s).save(p), grey, 0.6),
    "TIFF of floats from 0 to 255": (".tif", lambda p, s: floats(s, 0, 255).save(p), grey, 0.6),
    "TIFF of floats from 0 to 65535": (".tif", lambda p, s: floats(s, 0, 65_535).save(p), grey, 0.6),
    "TIFF of floats from 0 to 4095": (".tif", lambda p, s: floats(s, 0, 4095).save(p), grey, 0.6),
    "TIFF of floats from -3 to 3": (".tif", lambda p, s: floats(s, -3, 3).save(p), "stretched", 0.6),
    "TIFF of 32-bit numbers": (
        ".tif",
        lambda p, s: Image.fromarray(np.asarray(grey(s), np.int32) * 257).save(p),
        grey,
        0.6,
    ),
    "transparent TIFF": (".tif", lambda p, s: holed(s).save(p), lambda s: on_white(holed(s)), 0.1),
    "TIFF in CMYK": (".tif", lambda p, s: cat(s).convert("CMYK").save(p), cat, 6),
    "TIFF in LAB": (
        ".tif",
        lambda p, s: ImageCms.profileToProfile(
            cat(s), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        ).save(p),
        cat,
        3,
    ),
    "TIFF of several pages": (".tif", lambda p, s: cat(s).save(p, **frames(s)), cat, 0.1),
    "TIFF in Display P3": (
        ".tif",
        lambda p, s: cat(s).save(p, icc_profile=icc.P3),
        lambda s: in_srgb(cat(s), icc.P3),
        1,
    ),
    "transparent TIFF in Display P3": (
        ".tif",
        lambda p, s: holed(s).save(p, icc_profile=icc.P3),
        lambda s: on_white(with_alpha_of(in_srgb(holed(s).convert("RGB"), icc.P3), holed(s))),
        1,
    ),
    "turned TIFF": (".tif", turned, cat, 0.1),
    "GIF": (".gif", lambda p, s: cat(s).quantize(200).save(p), lambda s: cat(s).quantize(200), 1),
    "GIF with a hole": (
        ".gif",
        lambda p, s: gif_with_hole(s)[0].save(p, **gif_with_hole(s)[1]),
        lambda s: on_white(saved_again(*gif_with_hole(s), form="GIF")),
        1,
    ),
    "GIF that moves": (
        ".gif",
        lambda p, s: cat(s).quantize(200).save(p, **frames(s)),
        lambda s: cat(s).quantize(200),
        1,
    ),
    "WEBP that moves": (".webp", lambda p, s: cat(s).save(p, lossless=True, **frames(s)), cat, 0.1),
    "WEBP that moves, with a hole": (
        ".webp",
        lambda p, s: holed(s).save(p, lossless=True, exact=True, **frames(s)),
        lambda s: on_white(holed(s)),
        0.6,
    ),
    "PNG that moves": (".png", lambda p, s: cat(s).save(p, **frames(s)), cat, 0.1),
    "transparent PNG": (".png", lambda p, s: holed(s).save(p), lambda s: on_white(holed(s)), 0.1),
    "transparent WEBP": (
        ".webp",
        lambda p, s: holed(s).save(p, lossless=True, exact=True),
        lambda s: on_white(holed(s)),
        0.1,
    ),
    "transparent grey PNG": (
        ".png",
        lambda p, s: holed(s).convert("LA").save(p),
        lambda s: on_white(holed(s).convert("LA")),
        0.1,
    ),
    "palette with a transparent colour": (
        ".png",
        lambda p, s: gif_with_hole(s)[0].save(p, **gif_with_hole(s)[1]),
        lambda s: on_white(saved_again(*gif_with_hole(s), form="PNG")),
        0.1,
    ),
    "grey of 16 bit with a transparent level": (".png", keyed_grey, "keyed", 0.6),
    "PNG of 16-bit grey": (".png", lambda p, s: wide_grey(s).save(p), grey, 0.6),
    "PNG": (".png", lambda p, s: cat(s).save(p), cat, 0.1),
    "palette": (".png", lambda p, s: cat(s).quantize(64).save(p), lambda s: cat(s).quantize(64), 0.1),
    "black and white": (".png", lambda p, s: cat(s).convert("1").save(p), lambda s: cat(s).convert("1"), 0.1),
    "JPEG in CMYK": (".jpg", lambda p, s: cat(s).convert("CMYK").save(p, quality=95), cat, 9),
    "JPEG in Display P3": (
        ".jpg",
        lambda p, s: cat(s).save(p, quality=98, icc_profile=icc.P3),
        lambda s: in_srgb(cat(s), icc.P3),
        3,
    ),
    "JPEG in ProPhoto": (
        ".jpg",
        lambda p, s: cat(s).save(p, quality=98, icc_profile=icc.WIDE),
        lambda s: in_srgb(cat(s), icc.WIDE),
        3,
    ),
    "grey JPEG of linear light": (
        ".jpg",
        lambda p, s: grey(s).save(p, quality=98, icc_profile=icc.GREY),
        lambda s: in_srgb(grey(s), icc.GREY),
        3,
    ),
    "turned JPEG": (".jpg", turned, cat, 4),
    "turned JPEG in Display P3": (
        ".jpg",
        lambda p, s: turned(p, s, icc_profile=icc.P3),
        lambda s: in_srgb(cat(s), icc.P3),
        4,
    ),
}


def with_alpha_of(image, other):
    image = image.convert("RGBA")
    image.putalpha(other.getchannel("A"))
    return image


def saved_again(image, options, form):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return Image.open(buffer)


def seen(case, size, path) -> Image.Image:
    wanted = FILES[case][2]
    if wanted == "stretched":
        values = np.asarray(grey(size), float)
        return Image.fromarray(((values - values.min()) / (values.max() - values.min()) * 255).astype(np.uint8))
    if wanted == "keyed":
        return keyed_grey(path.with_name("again.png"), size)
    return wanted(size)


def difference(image: Image.Image, wanted: Image.Image) -> float:
    assert image.size == wanted.size
    pair = (np.asarray(each.convert("RGB"), float) for each in (image, wanted))
    return float(np.abs(next(pair) - next(pair)).mean())


def followed(given, folder, names=None):
    """Prepare a material, and follow what it says until it is taken; the medium and how many remedies that took."""
    for count in range(4):
        try:
            return prepare(given, "first_frame", folder / "frames"), count
        except InvalidMedia as error:
            line = error.remedy.partition(": ")[2]
            if isinstance(given, str):
                before = set(folder.iterdir())
                exec(line, {})
                (made,) = set(folder.iterdir()) - before
                given = made.name
            else:
                names = {"image": given, "array": given, "data": given, "io": io, "Image": Image}
                *steps, last = line.split("; ")
                for step in steps:
                    exec(step, names)
                given = eval(last, names)
    raise AssertionError(f"not taken after four remedies: {given}")


@pytest.mark.parametrize("case", FILES)
@pytest.mark.parametrize("size", [(400, 300), SMALL], ids=["fits", "too small"])
def test_remedies_of_a_file_give_the_picture_that_is_seen(case, size, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ending, write, _, levels = FILES[case]
    path = tmp_path / f"a picture{ending}"
    write(path, size)
    wanted = seen(case, size, path).convert("RGB")
    (tmp_path / "again.png").unlink(missing_ok=True)
    medium, count = followed(path.name, tmp_path)
    if size == SMALL:
        assert count >= 1
        wanted = wanted.resize(WANTED)
    with Image.open(medium.path) as sent:
        assert sent.mode in {"RGB", "L", "P", "1"}
        assert difference(sent, wanted) <= levels + (2 if size == SMALL else 0)
    assert medium.name.startswith("a picture")


MEMORY = {
    "image of floats": (floats, grey),
    "image of floats to 255": (lambda s: floats(s, 0, 255), grey),
    "image of 32-bit numbers": (lambda s: Image.fromarray(np.asarray(grey(s), np.int32)), grey),
    "image of 16 bit in 32": (lambda s: Image.fromarray(np.asarray(grey(s), np.int32) * 257), grey),
    "transparent image": (holed, lambda s: on_white(holed(s))),
    "transparent grey image": (lambda s: holed(s).convert("LA"), lambda s: on_white(holed(s).convert("LA"))),
    "premultiplied image": (lambda s: holed(s).convert("RGBa"), lambda s: on_white(holed(s))),
    "HSV image": (lambda s: cat(s).convert("HSV"), cat),
    "YCbCr image": (lambda s: cat(s).convert("YCbCr"), cat),
    "LAB image": (
        lambda s: ImageCms.profileToProfile(
            cat(s), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        ),
        cat,
    ),
    "image of 16-bit grey": (wide_grey, grey),
    "CMYK image": (lambda s: cat(s).convert("CMYK"), cat),
    "transparent image in Display P3": (
        lambda s: profiled(holed(s), icc.P3),
        lambda s: on_white(with_alpha_of(in_srgb(holed(s).convert("RGB"), icc.P3), holed(s))),
    ),
    "transparent array": (lambda s: np.asarray(holed(s)), lambda s: on_white(holed(s))),
    "array of grey": (lambda s: np.asarray(grey(s)), grey),
    "bytes of a transparent PNG": (
        lambda s: encoded(holed(s), "PNG"),
        lambda s: on_white(holed(s)),
    ),
    "bytes of a TIFF of floats": (lambda s: encoded(floats(s), "TIFF"), grey),
}


def profiled(image, profile):
    image.info["icc_profile"] = profile
    return image


def encoded(image, form):
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize("case", MEMORY)
@pytest.mark.parametrize("size", [(400, 300), SMALL], ids=["fits", "too small"])
def test_remedies_in_memory_give_the_picture_that_is_seen(case, size, tmp_path):
    build, wanted = MEMORY[case]
    medium, _ = followed(build(size), tmp_path)
    wanted = wanted(size).convert("RGB")
    wanted = wanted.resize(WANTED) if size == SMALL else wanted
    with Image.open(medium.path) as sent:
        assert difference(sent, wanted) <= 6


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (lambda s: np.asarray(cat(s), np.float32) / 255, cat),
        (lambda s: np.asarray(grey(s), np.float64) / 255, grey),
        (lambda s: np.asarray(cat(s), np.uint16) * 257, cat),
        (lambda s: np.asarray(grey(s)) > 99, lambda s: Image.fromarray(np.asarray(grey(s)) > 99)),
        (lambda s: np.asarray(cat(s)).transpose(2, 0, 1), cat),
        (lambda s: np.stack([np.asarray(cat(s))] * 3), cat),
    ],
    ids=["floats", "grey floats", "16 bit", "booleans", "channels first", "batch"],
)
def test_remedies_of_arrays_give_the_picture_that_is_meant(array, wanted, tmp_path):
    given = array((400, 300))
    with pytest.raises(InvalidMedia) as caught:
        prepare(given, "first_frame", tmp_path)
    code = next(word for word in (caught.value.remedy.split(": ")[-1], caught.value.remedy) if "array" in word)
    code = code.removeprefix("Give ").partition(" if ")[0].strip().rstrip(".")
    fixed = eval(code, {"array": given})
    with Image.open(prepare(fixed, "first_frame", tmp_path).path) as sent:
        assert difference(sent, wanted((400, 300))) < 1


def test_a_name_that_needs_reading_is_spelled_so_that_the_line_opens_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    holed().save(tmp_path / "a.png")
    medium, count = followed("~/a.png", tmp_path)
    assert count == 1
    (tmp_path / "a-white.png").unlink()
    holed().save(tmp_path / "two\nlines.png")
    medium, count = followed("two\nlines.png", tmp_path)
    assert count == 1
    with Image.open(medium.path) as sent:
        assert difference(sent, on_white(holed())) < 0.1


# Colour profiles


def test_a_profile_is_part_of_the_picture(tmp_path):
    paths = {}
    for name, profile in {"none": None, "sRGB": icc.SRGB, "P3": icc.P3, "ProPhoto": icc.WIDE}.items():
        paths[name] = tmp_path / f"{name}.png"
        cat().save(paths[name], icc_profile=profile)
    media = {name: prepare(path, "first_frame", tmp_path / "frames") for name, path in paths.items()}
    assert media["none"].identity == media["sRGB"].identity
    assert len({medium.identity for medium in media.values()}) == 3
    assert [media[name].path == paths[name] for name in paths] == [True, True, False, False]
    assert media["P3"].note.endswith("P3.png: its colours (Display P3) turned into sRGB; a copy is sent.")
    assert "ProPhoto RGB" in media["ProPhoto"].note
    for name, profile in {"P3": icc.P3, "ProPhoto": icc.WIDE}.items():
        with Image.open(media[name].path) as sent:
            assert "icc_profile" not in sent.info
            assert difference(sent, in_srgb(cat(), profile)) < 0.6
            assert difference(sent, cat()) > 3, "the profile makes a difference"
        again = prepare(media[name].path, "first_frame", tmp_path / "frames")
        assert (again.identity, again.note) == (media[name].identity, "")


@pytest.mark.parametrize("order", [("none", "P3", "sRGB"), ("sRGB", "P3", "none"), ("P3", "sRGB", "none")])
def test_copies_of_equal_pixels_with_other_profiles_are_other_files(order, tmp_path):
    """Each picture needs a copy, for its alpha channel; whichever came first must not stand in for the others."""
    profiles = {"none": None, "sRGB": icc.SRGB, "P3": icc.P3}
    wanted = {"none": cat(), "sRGB": cat(), "P3": in_srgb(cat(), icc.P3)}
    for name in order:
        path = tmp_path / f"{name}.png"
        cat().convert("RGBA").save(path, icc_profile=profiles[name])
        medium = prepare(path, "first_frame", tmp_path / "frames")
        with Image.open(medium.path) as sent:
            assert sent.info.get("icc_profile") == (icc.SRGB if name == "sRGB" else None)
            assert difference(sent, wanted[name]) < 0.6


def test_pictures_without_a_profile_are_known_as_ever():
    """Their fingerprints are in logs."""
    import hashlib

    image = Image.linear_gradient("L").convert("RGB")
    pixels = hashlib.sha256(b"256x256 RGB\n" + image.tobytes()).hexdigest()
    for each in (image, image.convert("RGBA"), profiled(image.copy(), icc.SRGB), profiled(image.copy(), b"no profile")):
        assert prepare(each, "first_frame", "frames").identity == f"sha256:{pixels}"


@pytest.mark.parametrize(
    "profile",
    [b"", b"x" * 200, icc.P3[:150], icc.P3.replace(b"RGB ", b"CMYK"), icc.GREY, icc.P3[:128] + bytes(400)],
    ids=["empty", "noise", "cut off", "of another space", "of grey", "without tags"],
)
def test_a_profile_that_does_not_fit_says_nothing(profile, tmp_path):
    path = tmp_path / "a.png"
    cat().save(path, icc_profile=profile)
    medium = prepare(path, "first_frame", tmp_path / "frames")
    assert (medium.path, medium.note) == (path, "")


def test_a_cmyk_picture_goes_by_its_profile(tmp_path):
    """None is made here: a profile of inks is 500 kB of measurements. One that claims to be one is passed over."""
    path = tmp_path / "a.jpg"
    cat().convert("CMYK").save(path, icc_profile=icc.P3.replace(b"RGB ", b"CMYK", 1), quality=95)
    medium = prepare(path, "first_frame", tmp_path / "frames")
    assert "CMYK turned into RGB" in medium.note
    with Image.open(medium.path) as sent:
        assert difference(sent, cat()) < 9


def test_the_form_shows_a_picture_as_it_is_seen(tmp_path):
    from wan_nb.widgets.form.form import _thumbnail

    for name, image, wanted in (
        ("a.png", wide_grey(), grey()),
        ("b.png", holed(), on_white(holed())),
        ("c.png", profiled(cat(), icc.P3), in_srgb(cat(), icc.P3)),
    ):
        image.save(tmp_path / name)
        shown = Image.open(io.BytesIO(_thumbnail(tmp_path / name, "image")))
        assert difference(shown, wanted) < 4, name


# Sounds and clips


@pytest.mark.parametrize(
    ("field", "given", "words"),
    [
        ("driving_audio", lambda: np.zeros(48_000, np.float32), "array holds numbers and no file, but this is a sound"),
        ("driving_audio", lambda: np.zeros((2, 48_000)), "but this is a sound"),
        ("driving_audio", cat, "image is a picture, but this is a sound"),
        ("driving_audio", lambda: 7, "of type int is no material"),
        ("driving_audio", lambda: None, "NoneType is no material"),
        ("first_clip", lambda: np.zeros((24, 240, 320, 3), np.uint8), "but this is a clip"),
        ("first_clip", object, "no material"),
    ],
)
def test_what_is_no_sound_gets_no_advice_about_pictures(field, given, words, tmp_path):
    with pytest.raises(InvalidMedia) as caught:
        prepare(given(), field, tmp_path)
    assert words in caught.value.message
    assert caught.value.remedy == "Give a path, an http(s) URL or bytes."


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((320, 238), (322, 240)), ((238, 320), (240, 322)), ((5000, 1000), (4096, 820)), ((1000, 5000), (820, 4096))],
)
def test_the_scale_of_a_clip_that_is_too_small_or_too_large_makes_it_fit(size, wanted, tmp_path):
    """FFmpeg as a program may not be here; its filter is, and the remedy names it."""
    import av

    path = make.clip(tmp_path / "c.mp4", 2, fps=2, size=size, audio=False)
    with pytest.raises(InvalidMedia) as caught:
        prepare(path, "first_clip", tmp_path)
    value = caught.value.remedy.partition("-vf scale=")[2].partition(" ")[0]
    with av.open(str(path)) as container:
        graph = av.filter.Graph()
        stream = container.streams.video[0]
        graph.link_nodes(
            graph.add_buffer(template=stream), graph.add("scale", value), graph.add("buffersink")
        ).configure()
        graph.vpush(next(container.decode(stream)))
        scaled = graph.vpull()
    assert (scaled.width, scaled.height) == wanted


def test_a_command_can_be_pasted_whatever_the_name(tmp_path, monkeypatch):
    import shlex

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    make.sound(tmp_path / "-a b.mp3", 40)
    for given, spelled in (("-a b.mp3", "./-a b.mp3"), ("~/-a b.mp3", str(tmp_path / "-a b.mp3"))):
        with pytest.raises(InvalidMedia) as caught:
            prepare(given, "driving_audio", tmp_path)
        words = shlex.split(caught.value.remedy.partition(": ")[2])
        assert words[:3] == ["ffmpeg", "-i", spelled]
        assert words[-1] == "./-a b-fixed.mp3"


def test_exif_of_a_copy_says_nothing_about_turning(tmp_path):
    turned(tmp_path / "a.jpg", (400, 300), icc_profile=icc.P3)
    medium = prepare(tmp_path / "a.jpg", "first_frame", tmp_path / "frames")
    with Image.open(medium.path) as sent:
        assert ImageOps.exif_transpose(sent).size == sent.size == (400, 300)
