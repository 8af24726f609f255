"""Threads that draw clips, at most two."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wan_nb.simulator.account.bill import clip_seconds, receipt
from wan_nb.simulator.account.checks import TaskFailure, read_request
from wan_nb.simulator.account.materials import check_together, inspect, obtain
from wan_nb.simulator.account.store import write_whole
from wan_nb.simulator.drawing.clip_request import clip_request, clip_size
from wan_nb.simulator.drawing.encode import DrawingStopped, draw, tagged

if TYPE_CHECKING:
    from pathlib import Path

    from wan_nb.simulator.account.checks import Given
    from wan_nb.simulator.account.materials import Material
    from wan_nb.simulator.account.state import State
    from wan_nb.simulator.account.store import Task
    from wan_nb.simulator.drawing.clip_request import ClipRequest

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
    usage: dict[str, Any] | None = None


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
            asked, clips = read_request(task.body), state.config.clips
            materials = [_material(given, task, state) for given in asked.given]
            check_together(asked, materials)
            seconds = clip_seconds(asked, materials)
            usage = receipt(asked, materials, seconds, clip_size(asked, materials))
            if task.fails_with is None:
                make = self._draw_tiny if clips == "tiny" else draw
                make(clip_request(task, asked, materials, seconds, clips), state.store.clip(task.task_id), stop)
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


def _material(given: Given, task: Task, state: State) -> Material:
    try:
        parts = urlsplit(given.url)
    except ValueError:
        name = given.field.wire
        raise TaskFailure("InvalidURL", f"{name}: The provided URL does not appear to be valid.") from None
    label = f"{parts.hostname or ''} · {parts.path.rpartition('/')[2]}"[:80]
    return inspect(given.field, obtain(given, task, state), label)
