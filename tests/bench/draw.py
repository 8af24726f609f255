"""What a simulated clip costs, in two figures: drawing its frames, and making a file of them.

    python tests/bench/draw.py          about three minutes; writes results/draw.json and prints it

Drawing alone is set against the cheapest clip there can be with the same encoder and settings: one ready 4:2:0 frame,
encoded again and again, no sound. The rest, that is encoding moving pictures, the sound and the file, is set against
the same encoder's time for the very same frames: moving pictures cost an encoder more than still ones, which is no
matter of drawing. CPU is that of the whole process with all its threads, so that other work on the machine disturbs
little.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

import av  # noqa: E402
import bench  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from wan_nb.api.catalog import BY_NAME  # noqa: E402
from wan_nb.simulator.account.materials import Material, inspect  # noqa: E402
from wan_nb.simulator.drawing.clip_request import ClipRequest  # noqa: E402
from wan_nb.simulator.drawing.encode import draw, new_video_stream  # noqa: E402
from wan_nb.simulator.drawing.frames import frames_of  # noqa: E402

ROUNDS = 5
SECONDS, FPS, SIZE = 10, 30, (1280, 720)
DRAWING, REST = 2.0, 1.2
PROMPTS = {
    "nothing said": "a cat",
    "pull back": "the camera pulls back",
    "pan, hand-held, sunset": "pan left, handheld, sunset",
}


FOUR = ("from the words", "nothing said", "image and video as references", "edit")
"""A clip of each kind, the second one image to video."""


def cpu(work: Callable[[], None]) -> float:
    """Seconds of CPU."""
    before = time.process_time()
    work()
    return time.process_time() - before


def encode_identical(picture: Image.Image, path: Path) -> None:
    """The reference."""
    frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24").reformat(format="yuv420p")
    with av.open(str(path), "w", format="mp4") as container:
        stream = new_video_stream(container, SIZE, FPS)
        for index in range(SECONDS * FPS):
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def drawn_apart(order: ClipRequest, path: Path) -> tuple[float, float]:
    """CPU of drawing all frames, and of encoding them."""
    drawing = encoding = 0.0
    with av.open(str(path), "w", format="mp4") as container:
        stream = new_video_stream(container, SIZE, FPS)
        before = time.process_time()
        for index, frame in enumerate(frames_of(order)):
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            drawn = time.process_time()
            container.mux(stream.encode(frame))
            drawing, encoding, before = (
                drawing + drawn - before,
                encoding + time.process_time() - drawn,
                time.process_time(),
            )
        encoding += cpu(lambda: container.mux(stream.encode()))
    return drawing, encoding


def main() -> None:
    data = ROOT / "notebooks" / "data"
    first, last = (
        inspect(BY_NAME["first_frame"], (data / name).read_bytes(), "") for name in ("cat.jpg", "rocket.jpg")
    )
    voice = inspect(BY_NAME["driving_audio"], (data / "voice.mp3").read_bytes(), "")
    plain = ClipRequest("", 1, SECONDS, SIZE, FPS, watermark=True, tag="bench", first_frame=first)
    orders = {name: replace(plain, prompt=prompt) for name, prompt in PROMPTS.items()}
    large = io.BytesIO()
    with Image.open(data / "coffee.jpg") as photo:
        photo.resize((3840, 2160), Image.Resampling.LANCZOS).save(large, "JPEG", quality=92)
    orders["large photograph, zoom in"] = replace(
        plain, prompt="zoom in", first_frame=inspect(BY_NAME["first_frame"], large.getvalue(), "")
    )
    orders["first and last frame, voice"] = replace(plain, last_frame=last, driving_audio=voice)
    orders["from the words"] = replace(plain, prompt="a cat", first_frame=None)
    orders["three references"] = replace(plain, prompt="a cat", first_frame=None, references=(first, last, first))
    with Image.open(data / "cat.jpg") as photo:
        still = photo.convert("RGB").resize(SIZE)
    drawing: defaultdict[str, list[float]] = defaultdict(list)
    rest: defaultdict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        draw(plain, clip, threading.Event())
        given = Material(clip.read_bytes(), "", *SIZE, SECONDS)
        for name, prompt in (("edit", "make it blue"), ("edit, zoom in", "make it blue, zoom in")):
            orders[name] = replace(plain, prompt=prompt, first_frame=None, edited_clip=given)
        orders["image and video as references"] = replace(plain, first_frame=None, references=(first, given))
        for _ in range(ROUNDS):
            reference = cpu(lambda: encode_identical(still, clip))
            for name, order in orders.items():
                frames, encoded = drawn_apart(order, clip)
                spent = cpu(lambda order=order: draw(order, clip, threading.Event()))  # type: ignore[misc]
                drawing[name].append(frames / reference)
                rest[name].append((spent - frames) / encoded)
    alone, others = ({name: round(bench.median(v), 2) for name, v in each.items()} for each in (drawing, rest))
    four = statistics.mean(alone[name] for name in FOUR) / alone[FOUR[1]]
    what = f"simulated clip of {SECONDS} s in 720P, the costliest of {len(orders)} kinds, CPU:"
    bench.write(
        "draw",
        {
            f"{what} drawing alone against encoding as many identical frames": bench.row(
                max(alone.values()), DRAWING, "times", by_kind=alone
            ),
            f"{what} encoding it, with sound, against the encoder's time for its frames": bench.row(
                max(others.values()), REST, "times", by_kind=others
            ),
        },
        rounds=ROUNDS,
        four_kinds_to_image_to_video=round(four, 2),
    )


if __name__ == "__main__":
    main()
