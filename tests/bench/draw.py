"""What drawing costs: CPU of whole clips against the mere encoding of as many identical frames, in the same run.

    python tests/bench/draw.py          about two minutes; writes results/draw.json and prints the table

The reference is the cheapest clip there can be with the same encoder and settings: one ready 4:2:0 frame, sent again
and again, no sound. Drawing includes everything: reading the picture, camera, light, marks, sound, encoders, the file.
CPU is that of the whole process with all its threads, so that other work on the machine disturbs little.
"""

from __future__ import annotations

import io
import json
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import av  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from wan_nb.api.catalog import BY_NAME  # noqa: E402
from wan_nb.simulator.account.materials import Material, inspect  # noqa: E402
from wan_nb.simulator.drawing.clip_request import ClipRequest  # noqa: E402
from wan_nb.simulator.drawing.encode import draw, new_video_stream  # noqa: E402

ROUNDS = 5
SECONDS, FPS, SIZE = 10, 30, (1280, 720)
BAR = 3.5
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
    ratios: defaultdict[str, list[float]] = defaultdict(list)
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
                spent = cpu(lambda order=order: draw(order, clip, threading.Event()))  # type: ignore[misc]
                ratios[name].append(spent / reference)
    table = {name: round(statistics.median(values), 2) for name, values in ratios.items()}
    result = {
        "what": f"CPU of drawing {SECONDS} s at {SIZE[0]}x{SIZE[1]} / CPU of encoding {SECONDS * FPS} identical frames",
        "rounds": ROUNDS,
        "bar": BAR,
        "ratio": table,
        # A study over four models beside one of image to video alone, per clip.
        "four_kinds_to_image_to_video": round(statistics.mean(table[name] for name in FOUR) / table[FOUR[1]], 2),
        "over_the_bar": [name for name, ratio in table.items() if ratio > BAR],
    }
    (Path(__file__).parent / "results" / "draw.json").write_text(json.dumps(result, indent=2) + "\n")
    for name, ratio in table.items():
        print(f"{name:32} {ratio:5.2f} x  (bar {BAR})")
    print(f"a clip of four kinds, image to video = 1: {result['four_kinds_to_image_to_video']}")


if __name__ == "__main__":
    main()
