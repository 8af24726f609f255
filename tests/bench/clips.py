"""What looking through clips costs: one pass over each, against decoding it once and encoding its light copy once.

    python tests/bench/clips.py [CLIPS]      60 clips in a report without it; writes results/clips.json

Clips of 5 s at 1280 x 720 and 30 frames a second with sound, drawn by the simulator. The bound decodes each frame once,
makes it as small as that of the light copy, and encodes it by the very same settings; it is told apart what it costs to
make the frames smaller, which no copy can do without. CPU is that of the process with all its threads, so that other
work on the machine disturbs little; wall-clock time is told on a quiet machine only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

import av  # noqa: E402
import bench  # noqa: E402
from PIL import Image  # noqa: E402

from wan_nb.api.catalog import BY_NAME  # noqa: E402
from wan_nb.engine.workspace import Workspace  # noqa: E402
from wan_nb.log.row import Row  # noqa: E402
from wan_nb.log.states import Status  # noqa: E402
from wan_nb.media import clips, video  # noqa: E402
from wan_nb.media.files import file_sha256  # noqa: E402
from wan_nb.media.one_pass import LightCopy, Sound, Strip, one_pass  # noqa: E402
from wan_nb.reporting.data import add_light_copies  # noqa: E402
from wan_nb.reporting.page import write_report  # noqa: E402
from wan_nb.settings import Settings  # noqa: E402
from wan_nb.studies.measures.measures import Measuring  # noqa: E402
from wan_nb.studies.prepared import prepare  # noqa: E402
from wan_nb.widgets.clip_pages import clips_of  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
LIGHT = (960, 540)
SETTINGS = {"preset": "superfast", "crf": "24", "g": "10", "bf": "0", "sc_threshold": "0", "threads": "1"}


def cpu(work: Callable[[], object]) -> float:
    """Seconds of CPU."""
    before = time.process_time()
    work()
    return time.process_time() - before


def drawn(path: Path) -> Path:
    """A clip as the simulator delivers it."""
    from wan_nb.simulator.account.materials import inspect
    from wan_nb.simulator.drawing.clip_request import ClipRequest
    from wan_nb.simulator.drawing.encode import draw

    data = ROOT / "notebooks" / "data"
    first = inspect(BY_NAME["first_frame"], (data / "cat.jpg").read_bytes(), "")
    voice = inspect(BY_NAME["driving_audio"], (data / "voice.mp3").read_bytes(), "")
    draw(
        ClipRequest(
            "pan left, handheld", 1, 5, (1280, 720), 30, watermark=True, tag="", first_frame=first, driving_audio=voice
        ),
        path,
        threading.Event(),
    )
    return path


def decode(path: Path) -> None:
    with av.open(str(path)) as container:
        for _ in container.decode(container.streams.video[0]):
            pass


def bound(path: Path, out: Path) -> tuple[float, float]:
    """CPU of encoding the light copy, and of making its frames small, apart."""
    smaller = encoding = 0.0
    convert = video.VideoReformatter()
    with av.open(str(path)) as container, av.open(str(out), "w") as made:
        source = container.streams.video[0]
        stream, matrix = video.picture_stream(made, source, LIGHT, SETTINGS)
        for frame in container.decode(source):
            began = time.process_time()
            small = convert.reformat(frame, *LIGHT, "yuv420p", matrix, matrix, "AREA", threads=1)
            small.pict_type = 0
            between = time.process_time()
            made.mux(stream.encode(small))
            encoding += time.process_time() - between
            smaller += between - began
        encoding += cpu(lambda: made.mux(stream.encode(None)))
    return encoding, smaller


def looked_through(path: Path, folder: Path, first: Image.Image | None) -> None:
    strip, light, measuring = Strip(), LightCopy(folder / "light.mp4"), Measuring(first)
    sound = Sound(folder / "sound.m4a")
    one_pass(path, [strip, light, sound, measuring])
    assert [maker.error for maker in (strip, light, sound, measuring)] == [None] * 4
    clips.jpeg(strip)
    measuring.numbers()


def report(folder: Path) -> dict[str, float]:
    """In a process of its own: the report of all clips in a folder."""
    workspace = Workspace(Settings.resolve({}, folder=folder))
    workspace.store.open()
    rows = []
    for path in sorted((folder / "videos").glob("*.mp4")):
        with path.open("rb") as file:
            sha256 = file_sha256(file)
        name, facts = f"videos/{path.name}", {"width": 1280, "height": 720, "fps": 30.0, "has_audio": True}
        rows.append(
            Row(path.stem, status=Status.SUCCEEDED, video=name, video_sha256=sha256, variant=path.stem, **facts)
        )
    idle = _peak()
    wall, spent = time.perf_counter(), time.process_time()
    prepare(workspace, rows, light=True)
    told = clips_of(workspace, rows)
    add_light_copies(workspace, rows, told)
    write_report(folder / "report.html", {"name": "bench", "clips": told}, max_bytes=None)
    found = {"cpu": time.process_time() - spent, "wall": time.perf_counter() - wall}
    workspace.close()
    return found | {"mb": _peak() - idle}


def _peak() -> float:
    """Most MB that this process has held: `ru_maxrss` begins with that of its parent."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def reported(folder: Path) -> dict[str, float]:
    done = subprocess.run([sys.executable, __file__, "--report", str(folder)], check=True, capture_output=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(count: int) -> None:
    given = Image.open(ROOT / "notebooks" / "data" / "cat.jpg").convert("RGB")
    ratios: dict[str, list[float]] = {name: [] for name in ("plain", "strict", "first", "cpu", "wall", "mb", "again")}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        clip = drawn(folder / "clip.mp4")
        for number in range(ROUNDS):
            decoding = cpu(lambda: decode(clip))
            encoding, smaller = bound(clip, folder / "bound.mp4")
            once = decoding + encoding + smaller
            ratios["strict"].append(cpu(lambda: looked_through(clip, folder, None)) / (decoding + encoding))
            ratios["plain"].append(cpu(lambda: looked_through(clip, folder, None)) / once)
            ratios["first"].append(cpu(lambda: looked_through(clip, folder, given)) / once)
            place = folder / str(number)
            (place / "videos").mkdir(parents=True)
            for n in range(count):
                copy = place / "videos" / f"{n:012x}.mp4"
                shutil.copyfile(clip, copy)
                with copy.open("ab") as more:
                    more.write((8 + n).to_bytes(4, "big") + b"free" + bytes(n))
            found = reported(place)
            ratios["cpu"].append(found["cpu"] / (count * once))
            ratios["wall"].append(found["wall"] * len(os.sched_getaffinity(0)) / (count * once))
            ratios["mb"].append(found["mb"])
            ratios["again"].append(reported(place)["wall"])
            shutil.rmtree(place)
    quiet = os.getloadavg()[0] <= 1.5 * len(os.sched_getaffinity(0))  # the bench itself is one load a core
    middle = {name: bench.median(values) for name, values in ratios.items()}
    all_of_it = "strip, measures, light copy, sound of a clip of 5 s in 720P, CPU, against decoding and"
    bench.write(
        "clips",
        {
            f"{all_of_it} scaling and encoding it once": bench.row(middle["plain"], 1.4, "times"),
            f"{all_of_it} encoding it once, scaling not counted": bench.row(middle["strict"], 1.4, "times"),
            "the same with a given first frame to compare with": bench.row(middle["first"], 1.4, "times"),
            f"report of {count} such clips, nothing made before, CPU, against that": bench.row(
                middle["cpu"], 1.4, "times"
            ),
            **(
                {"its wall-clock time against that by the cores": bench.row(middle["wall"], 1.4, "times")}
                if quiet
                else {}
            ),
            "its memory above idle": bench.row(middle["mb"], 400, "MB"),
            f"report of {count} such clips, everything made before": bench.row(middle["again"], 5, "s"),
        },
        rounds=ROUNDS,
    )


if __name__ == "__main__":
    if "--report" in sys.argv:
        print(json.dumps(report(Path(sys.argv[-1]))))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
