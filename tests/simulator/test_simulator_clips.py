"""Clips: what a person would see and hear, measured on the decoded file."""

from __future__ import annotations

import io
import threading
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import odd_files as odd
import pytest
from documented_cases import MODEL, body
from PIL import Image
from simulator_http import HttpCaller

from wan_nb.api import catalog
from wan_nb.api.catalog import BY_NAME
from wan_nb.simulator.account.materials import inspect
from wan_nb.simulator.drawing.camera import grade_of, move_of
from wan_nb.simulator.drawing.clip_request import ClipRequest, output_size
from wan_nb.simulator.drawing.encode import DrawingStopped, draw

if TYPE_CHECKING:
    from pathlib import Path

    from simulator_control import Simulator

pytestmark = pytest.mark.clips


SMALL = (320, 208)
"""Where the size does not matter."""


def half(lead: Any) -> tuple[int, int]:
    """Half of the service's size, in width and in height: enough for pictures that are compared at 320 pixels."""
    width, height = (side // 32 * 16 for side in output_size(lead.width, lead.height, catalog.model(MODEL), "720P"))
    return width, height


def requested(
    photos: Path, prompt: str = "", seconds: int = 2, seed: int = 1, size: tuple[int, int] | None = None, **files: str
) -> ClipRequest:
    files = files or {"first_frame": "cat.jpg"}
    media: dict[str, Any] = {
        field: inspect(BY_NAME[field], (photos / name).read_bytes(), "") for field, name in files.items()
    }
    lead = media.get("first_frame") or media["first_clip"]
    size = size or half(lead)
    return ClipRequest(prompt, seed, seconds, size, 24, watermark=False, tag="test", **media)


def drawn(wanted: ClipRequest, path: Path) -> Path:
    draw(wanted, path, threading.Event())
    return path


def pictures(path: Path, *which: int) -> list[Image.Image]:
    """All pictures, or those of these numbers, as they follow on each other."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [frame.to_image() for frame in ([frames[number] for number in which] if which else frames)]


def sound(path: Path | io.BytesIO, rate: int = 16_000) -> np.ndarray[Any, Any]:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    with av.open(path if isinstance(path, io.BytesIO) else str(path)) as container:
        frames = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def luma(image: Image.Image) -> np.ndarray[Any, Any]:
    height = round(320 * image.height / image.width)
    return np.asarray(image.convert("L").resize((320, height), Image.Resampling.LANCZOS), dtype=float)


def ssim(one: Image.Image, other: Image.Image) -> float:
    """Structural similarity of luma at 320 pixels, 7x7 windows."""
    a = luma(one)
    b = luma(other.resize(one.size))

    def mean(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.lib.stride_tricks.sliding_window_view(x, (7, 7)).mean(axis=(2, 3))

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float((((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean())


def photo(photos: Path, name: str) -> Image.Image:
    with Image.open(photos / name) as image:
        return image.convert("RGB")


def test_the_file_is_what_the_service_delivers(photos: Path, tmp_path: Path) -> None:
    size = output_size(*photo(photos, "cat.jpg").size, catalog.model(MODEL), "720P")
    path = drawn(requested(photos, seconds=3, size=size), tmp_path / "a.mp4")
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.pix_fmt, video.average_rate, video.frames) == ("yuv420p", 24, 72)
        assert (video.width, video.height) == (1168, 768)
        for stream in (video, audio):
            assert float(stream.duration * stream.time_base) == pytest.approx(3, abs=0.1)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert data.endswith(b"freetest")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["cat.jpg", "coffee.jpg", "rocket.jpg", "astronaut.png"])
def test_it_starts_on_the_first_frame(photos: Path, tmp_path: Path, name: str) -> None:
    path = drawn(requested(photos, "zoom in at night", first_frame=name), tmp_path / "a.mp4")
    assert ssim(photo(photos, name), pictures(path, 0)[0]) >= 0.9


def test_a_large_photo_that_lies_on_its_side_is_shown_upright(photos: Path, tmp_path: Path) -> None:
    upright = photo(photos, "coffee.jpg").resize((2400, 1600))
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "phone.jpg", exif=exif, quality=92)
    path = drawn(requested(tmp_path, first_frame="phone.jpg"), tmp_path / "a.mp4")
    assert ssim(upright, pictures(path, 0)[0]) >= 0.9


@pytest.mark.parametrize("prompt", ["", "pan left, handheld", "the camera pulls back", "orbit fast"])
def test_it_ends_on_the_last_frame(photos: Path, tmp_path: Path, prompt: str) -> None:
    wanted = requested(photos, prompt, first_frame="coffee.jpg", last_frame="cat.jpg")
    start, end = pictures(drawn(wanted, tmp_path / "a.mp4"), 0, -1)
    assert ssim(photo(photos, "coffee.jpg"), start) >= 0.9
    assert ssim(photo(photos, "cat.jpg"), end) >= 0.9


def test_it_moves_all_the_way_and_smoothly(photos: Path, tmp_path: Path) -> None:
    shown = [luma(image) for image in pictures(drawn(requested(photos, "pan right", size=SMALL), tmp_path / "a.mp4"))]
    steps = np.array([np.abs(b - a).mean() for a, b in pairwise(shown)])
    assert steps.min() > 0.05
    assert steps.max() < 4 * np.median(steps)


def test_other_words_and_other_seeds_give_other_clips(photos: Path, tmp_path: Path) -> None:
    ends = [
        luma(pictures(drawn(requested(photos, prompt, seed=seed, size=SMALL), tmp_path / "a.mp4"), -1)[0])
        for prompt, seed in (("zoom in", 1), ("镜头拉远", 1), ("pan left", 1), ("向右", 1), ("", 1), ("", 2))
    ]
    for index, one in enumerate(ends):
        for other in ends[index + 1 :]:
            assert np.abs(one - other).mean() > 3


def test_no_border_ever_shows(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (640, 360), (235, 235, 235)).save(file, "PNG")
    white = inspect(BY_NAME["first_frame"], file.getvalue(), "")
    for prompt in ("pull back", "pan left and tilt up, handheld, fast", "orbit", "zoom in, pan right, shaky"):
        wanted = ClipRequest(prompt, 3, 2, (640, 352), 24, watermark=False, tag="", first_frame=white)
        for image in pictures(drawn(wanted, tmp_path / "a.mp4"), *range(0, 48, 6)):
            pixels = np.asarray(image.convert("L"))
            assert min(pixels[:8].min(), pixels[:, :8].min(), pixels[:, -8:].min()) > 215


def test_it_says_that_it_is_simulated(photos: Path, tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (640, 360), (235, 235, 235)).save(file, "PNG")
    white = inspect(BY_NAME["first_frame"], file.getvalue(), "")

    def corners(watermark: bool) -> tuple[int, int]:
        wanted = ClipRequest("static", 1, 2, (1280, 720), 24, watermark=watermark, tag="", first_frame=white)
        pixels = np.asarray(pictures(drawn(wanted, tmp_path / "a.mp4"), 20)[0].convert("L"))[-60:]
        return int(pixels[:, :300].min()), int(pixels[:, -200:].min())

    simulated, service = corners(watermark=False)
    assert simulated < 140 < 215 < service
    assert max(corners(watermark=True)) < 140


def test_it_carries_the_driving_audio_cut_to_its_length(photos: Path, tmp_path: Path) -> None:
    wanted = requested(photos, first_frame="cat.jpg", driving_audio="voice.mp3", seconds=3, size=SMALL)
    heard, given = sound(drawn(wanted, tmp_path / "a.mp4")), sound(io.BytesIO((photos / "voice.mp3").read_bytes()))
    assert alike(heard[:48_000], given[:48_000]) > 0.95


def test_it_is_silent_after_the_driving_audio(photos: Path, tmp_path: Path) -> None:
    wanted = requested(photos, first_frame="cat.jpg", driving_audio="voice.mp3", seconds=15, size=(160, 112))
    heard = sound(drawn(wanted, tmp_path / "a.mp4"))
    assert len(heard) == pytest.approx(15 * 16_000, abs=1600)
    assert np.abs(heard[: 10 * 16_000]).max() > 0.05
    assert np.abs(heard[int(14.6 * 16_000) :]).max() < 0.002


def test_without_audio_it_makes_up_its_own(photos: Path, tmp_path: Path) -> None:
    one, other = (sound(drawn(requested(photos, seed=seed, size=SMALL), tmp_path / "a.mp4")) for seed in (1, 2))
    assert 0.02 < np.abs(one).max() < 0.7
    assert abs(alike(one[:30_000], other[:30_000])) < 0.5


def alike(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """Largest correlation over shifts of up to 50 ms, which encoders add."""
    return max(
        float(np.corrcoef(one[800:-800], np.roll(other, shift)[800:-800])[0, 1]) for shift in range(-800, 801, 8)
    )


def test_it_continues_a_clip(photos: Path, tmp_path: Path) -> None:
    first = drawn(requested(photos, "zoom in", seconds=2), tmp_path / "first.mp4")
    wanted = requested(tmp_path, "pan left", seconds=4, first_clip="first.mp4")
    shown, before = pictures(drawn(wanted, tmp_path / "a.mp4")), pictures(first)
    assert (len(shown), shown[0].size) == (96, before[0].size)
    for index in (0, 20, 47):
        assert ssim(before[index], shown[index]) > 0.95
    assert ssim(shown[47], shown[48]) > 0.95
    assert ssim(shown[47], shown[-1]) < 0.8


def test_marks_of_an_earlier_clip_do_not_wander(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (640, 360), (235, 235, 235)).save(file, "PNG")
    white = inspect(BY_NAME["first_frame"], file.getvalue(), "")
    earlier = ClipRequest("static", 1, 2, (1280, 720), 24, watermark=True, tag="", first_frame=white)
    [last] = pictures(drawn(earlier, tmp_path / "a.mp4"), -1)
    file = io.BytesIO()
    last.save(file, "PNG")
    later = ClipRequest(
        "zoom in, pan left", 1, 2, (1280, 720), 24, watermark=True, tag="",
        first_frame=inspect(BY_NAME["first_frame"], file.getvalue(), ""),
    )  # fmt: skip
    pixels = np.asarray(pictures(drawn(later, tmp_path / "a.mp4"), -1)[0].convert("L"))
    assert pixels[:, 300:-200].min() > 215


def test_the_camera_understands_two_languages() -> None:
    for english, chinese in (
        ("pan left", "镜头左移"),
        ("pan right", "镜头右移"),
        ("zoom in", "推近"),
        ("dolly out", "拉远"),
        ("tilt up", "向上"),
        ("tilt down", "下摇"),
        ("orbit", "环绕"),
        ("handheld", "手持"),
        ("zoom in fast", "快速推近"),
        ("static", "固定"),
    ):
        assert move_of(english, 5) == move_of(chinese, 5)
    assert grade_of("a street at night") == grade_of("夜里的街")


def test_every_move_begins_with_the_whole_picture_and_stays_inside() -> None:
    for prompt in ("", "zoom in", "pull back", "pan left, shaky", "orbit fast", "向下 环绕 手持 快速"):
        for seed in range(20):
            move = move_of(prompt, seed)
            start = move.view(0.0, 0.0)
            assert (start.x, start.y, start.width, start.height) == pytest.approx((0.5, 0.5, 1.0, 1.0))
            for step in range(101):
                view = move.view(step / 100, step / 20)
                for centre, side in ((view.x, view.width), (view.y, view.height)):
                    assert -move.margin <= centre - side / 2 + 1e-9
                    assert centre + side / 2 <= 1 + move.margin + 1e-9


def test_an_order_can_be_dropped(photos: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(DrawingStopped):
        draw(requested(photos), tmp_path / "a.mp4", stop)
    assert list(tmp_path.iterdir()) == []


def test_a_full_clip_comes_over_the_wire(simulator: Simulator, photos: Path, tmp_path: Path) -> None:
    import httpx

    simulator.config(clips="full")
    wire = HttpCaller(simulator)
    with wire.http:
        url = wire.upload((photos / "rocket.jpg").read_bytes())
        request = body(input={"prompt": "zoom in", "media": [{"type": "first_frame", "url": url}]})
        request["parameters"] = {"resolution": "1080P", "duration": 2, "watermark": True}
        answer = wire.ended(wire.accepted(request, **{"X-DashScope-OssResourceResolve": "enable"}))
    assert answer["usage"] == {
        "duration": 2,
        "input_video_duration": 0,
        "output_video_duration": 2,
        "video_count": 1,
        "SR": 1080,
    }
    path = tmp_path / "a.mp4"
    path.write_bytes(httpx.get(answer["output"]["video_url"], trust_env=False).content)
    shown = pictures(path)
    assert (len(shown), shown[0].size) == (60, (1760, 1168))
    assert ssim(photo(photos, "rocket.jpg"), shown[0]) >= 0.9


@pytest.mark.parametrize("turn", ["90", "180", "270"])
def test_a_turned_clip_is_continued_upright(turn: str, photos: Path, tmp_path: Path) -> None:
    """As phones write them: pictures lie on their side, and a matrix says how to show them."""

    def bar(_index: int, size: tuple[int, int]) -> Image.Image:
        image = Image.new("RGB", size, "white")
        image.paste((20, 20, 20), (0, 0, size[0] // 2, size[1] // 4))
        return image

    path = odd.with_matrix(odd.clip(tmp_path / "a.mp4", 2, frame=bar, size=(480, 320)), odd.MATRICES[turn])
    clip = inspect(BY_NAME["first_clip"], path.read_bytes(), "")
    lying = turn != "180"
    assert (clip.width, clip.height) == ((320, 480) if lying else (480, 320))
    upright = bar(0, (480, 320)).rotate({"90": -90, "180": 180, "270": 90}[turn], expand=True)
    made = drawn(
        ClipRequest("", 1, 4, half(clip), 24, watermark=False, tag="test", first_clip=clip), tmp_path / "b.mp4"
    )
    [first] = pictures(made, 0)
    assert (first.height > first.width) == lying
    shown = np.asarray(first.convert("L").resize(upright.size), float)
    assert float(np.abs(shown - np.asarray(upright.convert("L"), float)).mean()) < 12
