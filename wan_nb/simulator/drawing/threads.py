"""Threads that draw clips, at most two."""

from __future__ import annotations

import hashlib
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wan_nb.simulator.account.checks import TaskFailure, request_values
from wan_nb.simulator.account.materials import Material, inspect, obtain
from wan_nb.simulator.account.store import write_whole
from wan_nb.simulator.drawing.encode import DrawingStopped, draw, output_size, tagged
from wan_nb.simulator.drawing.frames import ClipRequest

if TYPE_CHECKING:
    from pathlib import Path

    from wan_nb.simulator.account.state import State
    from wan_nb.simulator.account.store import Task

__all__ = ["DrawingPool", "DrawingResult"]

_TINY_KEPT = 32


@dataclass(frozen=True, slots=True)
class DrawingResult:
    """Outcome of a drawing.

    Attributes
    ----------
    at : float
        Real time at which it was known.
    code, message : str
        Why there is no clip; empty when there is one.
    usage : dict or None
        What is billed for the clip.
    """

    at: float
    code: str = ""
    message: str = ""
    usage: dict[str, int] | None = None


class DrawingPool:
    """A bounded pool of drawing threads."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="wan-simulator-draw")
        self._stop = threading.Event()
        self._waiting: set[Future[DrawingResult]] = set()
        self._tiny_clips: dict[ClipRequest, bytes] = {}

    def draw(self, task: Task, state: State) -> Future[DrawingResult]:
        """Look at the materials of a task and draw its clip."""
        drawing = self._executor.submit(self._draw_task, task, state, self._stop)
        self._waiting.add(drawing)
        drawing.add_done_callback(self._waiting.discard)
        return drawing

    def drop(self) -> None:
        """Stop all drawings at their next frame."""
        self._stop.set()
        self._stop = threading.Event()
        for drawing in list(self._waiting):
            drawing.cancel()

    def close(self) -> None:
        """End the threads."""
        self.drop()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _draw_task(self, task: Task, state: State, stop: threading.Event) -> DrawingResult:
        try:
            values = request_values(task.body)
            materials = {field: _material(field, url, task, state) for field, url in values["media"].items()}
            usage = _usage(values, materials)
            if task.fails_with is None:
                path = state.store.clip(task.task_id)
                make = self._draw_tiny if state.config.clips == "tiny" else draw
                make(_clip_request(task, values, materials, tiny=state.config.clips == "tiny"), path, stop)
        except TaskFailure as failure:
            return DrawingResult(time.time(), failure.code, failure.message)
        except DrawingStopped:
            return DrawingResult(time.time(), "InternalError", "The service was stopped.")
        except Exception as error:  # noqa: BLE001  # a drawing that breaks must end its task, not hang it for ever
            return DrawingResult(
                time.time(), "InternalError.Algo", f"The drawing failed: {type(error).__name__}: {error}"
            )
        return DrawingResult(time.time(), usage=usage)

    def _draw_tiny(self, request: ClipRequest, path: Path, stop: threading.Event) -> None:
        """Draw once per materials and length, then copy: a thousand tasks of a load test cost nearly nothing."""
        key = replace(request, prompt="", seed=0, tag="")
        if key not in self._tiny_clips:
            draw(key, path, stop)
            self._tiny_clips[key] = path.read_bytes()
            if len(self._tiny_clips) > _TINY_KEPT:
                del self._tiny_clips[next(iter(self._tiny_clips))]
        write_whole(path, tagged(self._tiny_clips[key], request.tag))


def _material(field: str, url: str, task: Task, state: State) -> Material:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise TaskFailure("InvalidURL", f"{field}: The provided URL does not appear to be valid.") from None
    label = f"{parts.hostname or ''} · {parts.path.rpartition('/')[2]}"[:80]
    return inspect(field, obtain(field, url, task, state), label)


def _usage(values: dict[str, Any], materials: dict[str, Material]) -> dict[str, int]:
    clip, duration = materials.get("first_clip"), values["duration"]
    if clip and clip.seconds >= duration:
        raise TaskFailure("InvalidParameter", "Must be longer than first_clip: parameters.duration")
    given = round(clip.seconds) if clip else 0
    return {
        "duration": duration,
        "input_video_duration": given,
        "output_video_duration": duration - given,
        "video_count": 1,
        "SR": int(values["resolution"].removesuffix("P")),
    }


def _clip_request(task: Task, values: dict[str, Any], materials: dict[str, Material], *, tiny: bool) -> ClipRequest:
    start = materials.get("first_clip") or materials["first_frame"]
    given: Any = materials
    prompt = values["prompt"] or ""
    seed = task.seed if values["seed"] is None else values["seed"]
    seeded = f"{seed}\n{prompt}".encode("utf-8", "surrogatepass")
    return ClipRequest(
        prompt=prompt,
        # The same seed gives similar, not identical clips; another prompt gives another one.
        seed=int.from_bytes(hashlib.blake2b(seeded, digest_size=6).digest()),
        seconds=values["duration"],
        size=output_size(start.width, start.height, task.model, "TINY" if tiny else values["resolution"]),
        fps=4 if tiny else 24,
        watermark=values["watermark"],
        tag=task.task_id,
        **given,
    )
