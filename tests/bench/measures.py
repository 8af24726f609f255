"""What measuring costs, and how each number answers to a planted fault.

    python tests/bench/measures.py          about a minute; writes results/measures.json and prints the table

Clips of 5 s at 1280 x 720 and 24 frames a second, H.264 crf 20 with a 997 Hz tone, from a picture with detail at all
sizes that pans slowly. Times are processor seconds of this process, which other work on the machine does not change.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageFilter

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).parents[1] / "studies"))
sys.path.insert(0, str(Path(__file__).parents[2]))

from test_measures import clip, sine, texture

from wan_nb.studies.measures.measures import MEASURE_VERSION, measure

SIZE, FRAMES = (1280, 720), 120
SHOWN = ("first_ssim320", "first_drgb", "sharp", "motion", "luma_flicker", "freeze_share", "cuts", "cut_at")
SHOWN += ("bars_px", "brightness_drift", "saturation_drift", "lufs")


def changed(pictures, change):
    return [np.clip(change(i, p.astype(np.float32)), 0, 255).astype(np.uint8) for i, p in enumerate(pictures)]


def blurred(pictures):
    return [np.asarray(Image.fromarray(p).filter(ImageFilter.GaussianBlur(2))) for p in pictures]


def boxed(_, picture):
    picture[:90] = picture[-90:] = 0
    return picture


def zoomed(pictures):
    box = (SIZE[0] * 0.01, SIZE[1] * 0.01, SIZE[0] * 0.99, SIZE[1] * 0.99)
    return [np.asarray(Image.fromarray(p).resize(SIZE, Image.Resampling.BICUBIC, box)) for p in pictures]


def scenes():
    rng = np.random.default_rng(0)
    wide, other = texture(SIZE[0] + 800, SIZE[1]), texture(*SIZE, seed=9)
    pan = [wide[:, i : i + SIZE[0]] for i in range(FRAMES)]
    light = rng.normal(0, 6, FRAMES)
    return pan[0], {
        "base": pan,
        "three times faster": [wide[:, 3 * i : 3 * i + SIZE[0]] for i in range(FRAMES)],
        "flicker of 6 levels": changed(pan, lambda i, p: p + light[i]),
        "still": [pan[0]] * FRAMES,
        "frozen after 2 s": pan[:48] + [pan[47]] * (FRAMES - 48),
        "blurred": blurred(pan),
        "shifted 4 px": [wide[:, i + 4 : i + 4 + SIZE[0]] for i in range(FRAMES)],
        "zoomed 2 %": zoomed(pan),
        "colour cast": changed(pan, lambda _, p: p * np.array([1.06, 1.0, 0.94])),
        "letterbox 2 x 90": changed(pan, boxed),
        "cut at 2.5 s": pan[:60] + [other] * 60,
        "fades 30 levels": changed(pan, lambda i, p: p - 30 * i / FRAMES),
        "loses its colour": changed(pan, lambda i, p: p + (p.mean(axis=2, keepdims=True) - p) * i / FRAMES),
    }


def decoding(path):
    started = time.process_time()
    with av.open(str(path)) as container:
        for _ in container.decode(container.streams.video[0]):
            pass
    return time.process_time() - started


def main():
    given, made = scenes()
    found, seconds = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for name, pictures in made.items():
            path = clip(Path(folder) / "clip.mp4", pictures, sound=sine(5, 0.1), crf="20")
            started = time.process_time()
            numbers = measure(path, first_frame=given)
            seconds.append((time.process_time() - started, decoding(path)))
            found[name] = {key: None if numbers[key] is None else round(numbers[key], 3) for key in SHOWN}
            print(f"{name:20}", *(f"{key} {value}" for key, value in found[name].items()), sep="  ")
    whole, decode = (sorted(s[i] for s in seconds)[len(seconds) // 2] for i in (0, 1))
    result = {
        "clip": "5 s, 1280 x 720, 24 frames/s, H.264 crf 20, AAC",
        "cpu_seconds_median": round(whole, 2),
        "of_which_decoding": round(decode, 2),
        "measure_version": MEASURE_VERSION,
        "machine": {"python": platform.python_version(), "numpy": np.__version__, "av": av.__version__},
        "response": found,
    }
    print(result["cpu_seconds_median"], "s a clip,", result["of_which_decoding"], "s of it decoding")
    (Path(__file__).parent / "results" / "measures.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
