"""Each measure against a clip whose truth is known because it was made here."""

from __future__ import annotations

import doctest
import importlib
import math
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image, ImageFilter

from wan_nb.errors import InvalidMedia
from wan_nb.studies.measures.differences import paired, t_quantile
from wan_nb.studies.measures.fidelity import ssim
from wan_nb.studies.measures.measures import MEASURES, measure
from wan_nb.studies.measures.words import measure_word

pytestmark = pytest.mark.clips

WIDTH, HEIGHT, FPS, RATE = 320, 192, 24, 48_000


def texture(width=WIDTH, height=HEIGHT, seed=0):
    """A picture with detail at all sizes and in all colours, as photographs have it."""
    rng = np.random.default_rng(seed)
    y, x = np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij")
    falloff = 1 / np.maximum(np.hypot(y, x), 1 / max(width, height))

    def layer(power):
        wave = np.fft.ifft2(np.fft.fft2(rng.normal(size=(height, width))) * falloff**power).real
        return wave / wave.std()

    light = 128 + 40 * layer(1)
    return np.clip(np.stack([light + 12 * layer(2) for _ in range(3)], axis=-1), 0, 255).astype(np.uint8)


def clip(path, pictures, *, sound=None, crf="12", tagged=True, fps=FPS):
    """H.264 (and AAC) in MP4, BT.709."""
    with av.open(str(path), "w", format="mp4") as out:
        height, width = pictures[0].shape[:2]
        video = out.add_stream("libx264", rate=fps, options={"crf": crf, "preset": "veryfast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        if tagged:
            video.codec_context.colorspace = Colorspace.ITU709
        audio = (
            out.add_stream("aac", rate=RATE, layout="mono" if sound.shape[0] == 1 else "stereo")
            if sound is not None
            else None
        )
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
            out.mux(video.encode(frame))
        out.mux(video.encode())
        if audio is not None:
            for start in range(0, sound.shape[1], 1024):
                part = np.ascontiguousarray(sound[:, start : start + 1024], dtype=np.float32)
                frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=audio.layout.name)
                frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
                out.mux(audio.encode(frame))
            out.mux(audio.encode())
    return path


def grey(level):
    return np.full((HEIGHT, WIDTH, 3), level, np.uint8)


def sine(seconds, amplitude, *, channels=1, hertz=997.0):
    wave = amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    ramp = np.clip(np.minimum(np.arange(len(wave)), np.arange(len(wave))[::-1]) / (RATE / 20), 0, 1)
    return np.tile((wave * ramp).astype(np.float32), (channels, 1))  # a sudden start rings through the codec


@pytest.mark.parametrize(
    "name",
    ["measures.measures", "measures.picture", "measures.fidelity", "measures.loudness", "measures.differences"],
)
def test_doctests_hold(name):
    assert doctest.testmod(importlib.import_module(f"wan_nb.studies.{name}")).failed == 0


def test_every_number_is_defined_in_its_range_and_every_definition_has_a_number(tmp_path):
    picture = texture()
    found = measure(
        clip(tmp_path / "a.mp4", [picture] * 30, sound=sine(1.25, 0.1)), first_frame=picture, last_frame=picture
    )
    assert list(found) == list(MEASURES)
    for name, value in found.items():
        if name != "cut_at":  # there is no cut
            assert math.isfinite(value), name
        one = MEASURES[name]
        assert measure_word(name) != name.replace("_", " ") or name == "cuts"
        assert one.definition
        assert one.silent_on
        assert one.low is None or value is None or value >= one.low, name
        assert one.high is None or value is None or value <= one.high, name


def test_a_still_stands_still(tmp_path):
    picture = texture()
    found = measure(clip(tmp_path / "a.mp4", [picture] * 48, crf="20"), first_frame=picture, last_frame=picture)
    assert found["freeze_share"] > 0.9
    assert found["motion"] < 0.1
    assert found["luma_flicker"] < 0.2
    assert (found["cuts"], found["cut_at"], found["bars_px"]) == (0, None, 0)
    assert abs(found["brightness_drift"]) < 0.3
    assert abs(found["saturation_drift"]) < 0.3
    for which in ("first", "last"):
        assert found[f"{which}_ssim320"] > 0.97
        assert found[f"{which}_drgb"] < 2
    assert 0.8 < found["sharp"] < 1.2


@pytest.mark.parametrize("speed", [1, 2, 4])
def test_a_pan_moves_by_its_speed_times_its_slope(tmp_path, speed):
    # A triangle wave of slope 2 levels a pixel: half of the pixels brighten and half darken by 2 x speed.
    wave = np.abs((np.arange(WIDTH + 60 * speed) % 160) - 80) * 2 + 40
    pictures = [
        np.repeat(np.tile(wave[i * speed : i * speed + WIDTH], (HEIGHT, 1))[..., None], 3, axis=2).astype(np.uint8)
        for i in range(48)
    ]
    found = measure(clip(tmp_path / "a.mp4", pictures))
    assert found["motion"] == pytest.approx(2 * speed, rel=0.08)
    assert found["freeze_share"] == 0
    assert found["cuts"] == 0


def test_flicker_of_a_known_size_is_no_motion(tmp_path):
    found = measure(clip(tmp_path / "a.mp4", [grey(120 + 25 * (-1) ** i) for i in range(48)]))
    assert found["luma_flicker"] == pytest.approx(25, rel=0.02)
    assert found["motion"] < 0.3
    assert found["freeze_share"] < 0.05


def test_a_steady_fade_is_drift_and_not_flicker(tmp_path):
    found = measure(clip(tmp_path / "a.mp4", [grey(60 + i) for i in range(96)]))
    # Half a second at each end: 12 or 13 frames whose middles lie 83 or 84 levels apart.
    assert found["brightness_drift"] == pytest.approx(83.5, abs=1.5)
    assert found["luma_flicker"] < 1
    assert abs(found["saturation_drift"]) < 1


def test_colour_that_fades_is_saturation_drift(tmp_path):
    red = np.array([200, 60, 60])
    pictures = [
        np.tile((red * (1 - i / 47) + red.mean() * i / 47).astype(np.uint8), (HEIGHT, WIDTH, 1)) for i in range(48)
    ]
    assert measure(clip(tmp_path / "a.mp4", pictures))["saturation_drift"] < -20
    assert measure(clip(tmp_path / "b.mp4", pictures[::-1]))["saturation_drift"] > 20


def test_frozen_for_a_known_share(tmp_path):
    wide = texture(WIDTH + 100)
    moving = [wide[:, 2 * i : 2 * i + WIDTH] for i in range(25)]
    found = measure(clip(tmp_path / "a.mp4", moving + [moving[-1]] * 24, crf="16"))
    assert found["freeze_share"] == pytest.approx(0.5, abs=0.08)


def test_cuts_are_found_where_they_are(tmp_path):
    scenes = [255 - texture(seed=1), texture(seed=1), texture(seed=2) // 3]
    found = measure(clip(tmp_path / "a.mp4", [s for s in scenes for _ in range(24)]))
    assert found["cuts"] == 2
    assert found["cut_at"] == pytest.approx(1.0, abs=0.01)


def pan(seed=1, step=20, frames=24):
    wide = texture(WIDTH + step * frames, seed=seed)
    return [wide[:, step * i : step * i + WIDTH] for i in range(frames)]


def test_pictures_that_are_shown_three_times_are_neither_cuts_nor_frozen(tmp_path):
    wide = texture(WIDTH + 8 * 30)
    pictures = [wide[:, 8 * (i // 3) : 8 * (i // 3) + WIDTH] for i in range(90)]
    found = measure(clip(tmp_path / "a.mp4", pictures, fps=30, crf="20"))
    assert (found["cuts"], found["freeze_share"]) == (0, 0)
    assert found["luma_flicker"] < 0.5


@pytest.mark.parametrize("crf", ["16", "26"])
def test_a_cut_between_dark_pictures_is_a_cut(tmp_path, crf):
    one, other = (texture(seed=seed) // 12 for seed in (1, 2))
    found = measure(clip(tmp_path / "a.mp4", [one] * 24 + [other] * 24, crf=crf))
    assert found["cuts"] == 1
    assert found["cut_at"] == pytest.approx(1, abs=0.01)


def test_a_cut_inside_a_fast_pan_is_a_cut_and_the_pan_is_none(tmp_path):
    found = measure(clip(tmp_path / "a.mp4", pan(1) + pan(2), crf="20"))
    assert found["cuts"] == 1
    assert found["cut_at"] == pytest.approx(1, abs=0.01)
    assert measure(clip(tmp_path / "b.mp4", pan(step=40)))["cuts"] == 0


def test_flash_boiling_flicker_and_fade_are_no_cuts(tmp_path):
    rng = np.random.default_rng(0)
    moving = pan(step=2, frames=48)
    made = {
        "flash": [*moving[:20], grey(240), *moving[21:]],
        "longer flash": [*moving[:20], grey(240), grey(238), *moving[22:]],
        "boiling": [rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8) for _ in range(30)],
        "flicker": [grey(120 + 25 * (-1) ** i) for i in range(48)],
        "fade to black": [(texture() * (1 - i / 47)).astype(np.uint8) for i in range(48)],
    }
    for name, pictures in made.items():
        assert measure(clip(tmp_path / "a.mp4", pictures))["cuts"] == 0, name


def test_a_still_with_a_small_part_that_moves_is_not_frozen(tmp_path):
    picture, pictures = texture(), []
    for i in range(48):
        pictures.append(picture.copy())
        x = round(20 + 12 * math.sin(i / 3))
        pictures[-1][10:26, x : x + 26] = 255  # 0.7 % of the picture
    assert measure(clip(tmp_path / "a.mp4", pictures, crf="23"))["freeze_share"] < 0.1


@pytest.mark.parametrize("levels", [4, 8])
def test_flicker_reads_as_many_levels_as_it_has(tmp_path, levels):
    picture = texture() // 2 + 40
    pictures = [(picture.astype(int) + levels * (-1) ** i).astype(np.uint8) for i in range(48)]
    assert measure(clip(tmp_path / "a.mp4", pictures))["luma_flicker"] == pytest.approx(levels, rel=0.1)


def test_a_colour_cast_is_seen_and_leaves_the_structure(tmp_path):
    picture = (texture().astype(int) * 2 // 3 + 20).clip(0, 230)
    tinted = picture + np.array([15, 0, -5])
    found = measure(
        clip(tmp_path / "a.mp4", [tinted.clip(0, 255).astype(np.uint8)] * 12), first_frame=picture.astype(np.uint8)
    )
    assert found["first_drgb"] == pytest.approx(15, abs=2)
    assert found["first_ssim320"] > 0.95


def test_an_untagged_clip_of_hd_size_is_read_as_bt709(tmp_path):
    picture = texture(1280, 720)
    plain = clip(tmp_path / "a.mp4", [picture] * 3, tagged=False)
    assert measure(plain, first_frame=picture)["first_drgb"] < 2


def test_a_letterbox_is_measured_to_the_row(tmp_path):
    boxed = texture()
    boxed[:24], boxed[-20:] = 0, 0
    found = measure(clip(tmp_path / "a.mp4", [boxed] * 12))
    assert found["bars_px"] == pytest.approx(44, abs=2)
    pillar = texture()
    pillar[:, :30] = 0
    assert measure(clip(tmp_path / "b.mp4", [pillar] * 12))["bars_px"] == pytest.approx(30, abs=2)
    assert measure(clip(tmp_path / "c.mp4", [grey(0)] * 12))["bars_px"] == 0


def test_blur_costs_sharpness_and_not_the_rest(tmp_path):
    picture = texture()
    soft = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(1.5)))
    sharp = measure(clip(tmp_path / "a.mp4", [picture] * 12), first_frame=picture)
    blurred = measure(clip(tmp_path / "b.mp4", [soft] * 12), first_frame=picture)
    assert blurred["sharp"] < 0.3 * sharp["sharp"]
    assert blurred["first_drgb"] < 3


@pytest.mark.parametrize("fit", ["stretch", "crop"])
def test_how_a_picture_of_another_shape_was_fitted_is_found_out(tmp_path, fit):
    given = Image.fromarray(texture(320, 320))
    size = (WIDTH, HEIGHT)
    shown = given.resize(size) if fit == "stretch" else given.crop((0, 64, 320, 256)).resize(size)
    path = tmp_path / "given.png"
    given.save(path)
    found = measure(clip(tmp_path / "a.mp4", [np.asarray(shown)] * 6), first_frame=path)
    assert found["first_ssim320"] > 0.9


def test_another_picture_is_unlike(tmp_path):
    found = measure(clip(tmp_path / "a.mp4", [texture(seed=1)] * 6), first_frame=texture(seed=2))
    assert found["first_ssim320"] < 0.5


def test_a_flat_frame_has_no_sharpness(tmp_path):
    found = measure(clip(tmp_path / "a.mp4", [grey(90)] * 6), first_frame=grey(90))
    assert found["first_ssim320"] > 0.99
    assert found["sharp"] is None


def test_ssim_is_the_published_formula():
    one, other = (texture(40, 30, seed)[..., 0].astype(float) for seed in (1, 2))
    kernel = np.array([[math.exp(-(x * x + y * y) / 4.5) for x in range(-5, 6)] for y in range(-5, 6)])
    kernel /= kernel.sum()
    values = []
    for y in range(20):
        for x in range(30):
            a, b = (p[y : y + 11, x : x + 11] for p in (one, other))
            ma, mb = (kernel * a).sum(), (kernel * b).sum()
            va, vb = (kernel * (a - ma) ** 2).sum(), (kernel * (b - mb) ** 2).sum()
            vab = (kernel * (a - ma) * (b - mb)).sum()
            c1, c2 = 2.55**2, 7.65**2
            values.append((2 * ma * mb + c1) * (2 * vab + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    assert ssim(one, other) == pytest.approx(np.mean(values), abs=1e-9)
    assert ssim(one, one) == pytest.approx(1)


@pytest.mark.parametrize(("channels", "loud"), [(1, -23.0), (2, -20.0)])
def test_loudness_of_a_calibrated_sine(tmp_path, channels, loud):
    # BS.1770: a 997 Hz sine of 0 dBFS on one channel reads -3.01 LUFS.
    path = clip(tmp_path / "a.mp4", [grey(90)] * 72, sound=sine(3, 0.1, channels=channels))
    found = measure(path)
    assert found["lufs"] == pytest.approx(loud, abs=0.3)


def test_silence_reads_the_floor(tmp_path):
    mute = measure(clip(tmp_path / "b.mp4", [grey(90)] * 48, sound=np.zeros((1, 2 * RATE), np.float32)))
    assert mute["lufs"] == -70


def test_a_clip_without_sound_has_none(tmp_path):
    path = clip(tmp_path / "a.mp4", [texture()] * 24)
    found = measure(path)
    assert found["lufs"] is None


def test_one_frame_is_enough(tmp_path):
    found = measure(clip(tmp_path / "a.mp4", [texture()]), first_frame=texture(), last_frame=texture())
    assert found["first_ssim320"] == found["last_ssim320"] > 0.9
    assert (found["motion"], found["cuts"], found["freeze_share"]) == (None,) * 3


def test_what_is_no_clip_says_so(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"not a clip")
    with pytest.raises(InvalidMedia):
        measure(path)
    with pytest.raises(FileNotFoundError):
        measure(tmp_path / "none.mp4")


# --- paired


def rows(table):
    return [
        {"variant": variant, "block": block, "measures": {"motion": value}}
        for variant, values in table.items()
        for block, value in enumerate(values)
    ]


def test_the_paired_interval_is_students():
    found = paired(rows({"calm": [1.0, 2.0, 4.0, 3.0, 5.0], "fast": [2.0, 2.5, 6.0, 3.5, 8.0]}))
    assert len(found) == 1
    gaps = np.array([1.0, 0.5, 2.0, 0.5, 3.0])
    half = 2.776445 * gaps.std(ddof=1) / math.sqrt(5)
    one = found[0]
    assert (one.variant, one.base, one.blocks, one.base_mean) == ("fast", "calm", 5, 3.0)
    assert (one.mean, one.low, one.high) == pytest.approx((gaps.mean(), gaps.mean() - half, gaps.mean() + half))
    assert one.effect == pytest.approx(gaps.mean() / gaps.std(ddof=1) * 0.8)


def test_only_common_blocks_count_and_gaps_are_left_out():
    found = paired(rows({"a": [1.0, 2.0, None, 4.0], "b": [2.0, None, 5.0, 7.0], "c": [None] * 4}))
    assert [(d.variant, d.base, d.blocks, d.mean) for d in found] == [("b", "a", 2, 2.0)]
    single = paired(rows({"a": [1.0], "b": [3.0]}))[0]
    assert (single.mean, single.low, single.high, single.effect) == (2.0, None, None, None)
    assert paired([]) == paired(rows({"a": [1.0]})) == []
    assert paired([{"variant": "a", "block": 1}, {"variant": "b", "block": 1, "measures": None}]) == []


def test_equal_differences_have_no_effect_size():
    one = paired(rows({"a": [1.0, 2.0], "b": [2.0, 3.0]}))[0]
    assert (one.low, one.high, one.effect) == (None, None, None), "no interval is empty"
    assert (one.more, one.fewer, one.p) == (2, 0, 0.5)


def counts(values, measure="cuts"):
    return [
        {"variant": name, "block": block, "measures": {measure: value}}
        for name, found in values.items()
        for block, value in enumerate(found)
    ]


def test_rare_counts_have_the_exact_interval_of_their_sign():
    one = paired(counts({"a": [0, 0, 0, 0, 0, 0, 0, 0], "b": [1, 0, 0, 1, 0, 0, 0, 0]}))[0]
    assert (one.low, one.high, one.more, one.fewer, one.p) == (None, None, 2, 0, 0.5)
    assert (one.more_low, one.more_high) == (pytest.approx(0.158, abs=1e-3), 1.0)
    none = paired(counts({"a": [0, 0], "b": [0, 0]}))[0]
    assert (none.more_low, none.more_high, none.p) == (None, None, 1.0)
    assert paired(counts({"a": [1, 2], "b": [3, 4]}, "cut_at")) == [], "a moment is no amount"


def test_sign_intervals_cover_where_means_do_not():
    rng, hits = np.random.default_rng(0), 0
    for _ in range(300):
        a, b = (list((rng.random(8) < 0.1).astype(float)) for _ in "ab")
        one = paired(counts({"a": a, "b": b}))[0]
        hits += one.more_low is None or one.more_low <= 0.5 <= one.more_high
    assert hits / 300 > 0.95


def test_many_comparisons_are_corrected():
    rng, told = np.random.default_rng(1), 0
    for _ in range(100):
        clips = [
            {"variant": v, "block": b, "measures": {f"m{i}": rng.normal() for i in range(14)}}
            for v in "ab" for b in range(8)
        ]  # fmt: skip
        told += any(each.q <= 0.05 for each in paired(clips))
    assert told <= 12
    clips = [
        {"variant": v, "block": b, "measures": {"motion": 3 * (v == "b") + rng.normal(0, 0.2)}}
        for v in "ab" for b in range(8)
    ]  # fmt: skip
    assert paired(clips)[0].q < 1e-4


def test_a_base_is_compared_with_all_others():
    table = {"a": [1.0, 2.0], "b": [2.0, 4.0], "c": [0.0, 0.5]}
    assert [(d.base, d.variant) for d in paired(rows(table), base="b")] == [("b", "a"), ("b", "c")]
    assert [(d.base, d.variant) for d in paired(rows(table))] == [("a", "b"), ("a", "c"), ("b", "c")]


def test_paired_intervals_cover_where_blocks_differ_far_more_than_variants():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        block = rng.normal(0, 10, 6)
        one = paired(rows({"a": list(block + rng.normal(0, 1, 6)), "b": list(block + 0.5 + rng.normal(0, 1, 6))}))[0]
        hits += one.low < 0.5 < one.high
    assert 0.92 < hits / 400 < 0.98


@pytest.mark.parametrize(
    ("freedom", "expected"), [(1, 12.7062), (2, 4.3027), (3, 3.1824), (7, 2.3646), (30, 2.0423), (200, 1.9719)]
)
def test_students_quantiles_are_the_tabled_ones(freedom, expected):
    assert t_quantile(0.975, freedom) == pytest.approx(expected, abs=1e-4)
    assert t_quantile(0.025, freedom) == pytest.approx(-expected, abs=1e-4)
