"""What a clip is drawn from, read off a request: the place of a material follows from its field, whatever its name."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wan_nb.simulator.account.bill import ratio_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_nb.api import catalog
    from wan_nb.simulator.account.checks import Asked
    from wan_nb.simulator.account.materials import Material
    from wan_nb.simulator.account.store import Task

__all__ = ["ClipRequest", "clip_request", "clip_size", "output_size"]

_PIXELS = {"small": 448 * 256, "tiny": 160 * 90}
"""Pixels of a frame by `Config.clips`, where it is not ``full``."""


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """What a clip is drawn from. Lengths in seconds, sizes in pixels.

    Attributes
    ----------
    references : tuple of Material
        In the order in which the prompt counts them.
    edited_clip : Material or None
        The clip that is changed.
    sound : {'made', 'given', 'none'}
        Where no driving audio is given: made up, that of the clip that is edited, or none at all.
    """

    prompt: str
    seed: int
    seconds: float
    size: tuple[int, int]
    fps: int
    watermark: bool
    tag: str
    first_frame: Material | None = None
    last_frame: Material | None = None
    driving_audio: Material | None = None
    first_clip: Material | None = None
    references: tuple[Material, ...] = ()
    edited_clip: Material | None = None
    sound: str = "made"

    @property
    def frame_count(self) -> int:
        """Frames in all."""
        return max(1, round(self.seconds * self.fps))


def clip_request(
    task: Task, asked: Asked, materials: Sequence[Material], seconds: float, clips: str = "full"
) -> ClipRequest:
    """What the clip of a task is drawn from; ``clips`` is that of `Config`."""
    values = asked.values
    prompt, seed, spec = values.get("prompt") or "", values.get("seed"), asked.row.field("seed")
    if seed is None or (spec and spec.special(seed)):
        seed = task.seed
    seeded = f"{seed}\n{prompt}".encode("utf-8", "surrogatepass")
    roles = _roles(asked, materials)
    sound = "none" if values.get("audio") is False else "given" if values.get("audio_setting") == "origin" else "made"
    return ClipRequest(
        prompt=prompt,
        # The same seed gives similar, not identical clips; another prompt gives another one.
        seed=int.from_bytes(hashlib.blake2b(seeded, digest_size=6).digest()),
        seconds=seconds,
        size=clip_size(asked, materials, clips),
        fps=4 if clips == "tiny" else asked.row.fps,
        watermark=bool(values.get("watermark")),
        tag=task.task_id,
        sound=sound,
        **roles,
    )


def _roles(asked: Asked, materials: Sequence[Material]) -> dict[str, Any]:
    """Materials by their place in a `ClipRequest`.

    Several of a kind are references, and so is a single picture beside a clip that is edited. Else the first single
    picture is the beginning, the second one the end. A single clip is continued when it stands inside of the new one,
    and edited when it does not. A sound drives the clip; a voice is not heard.
    """
    singles = [spec.name for spec in asked.row.materials if spec.kind == "image" and not spec.listed]
    edits = any(spec.kind == "clip" and not spec.listed and not spec.inside for spec in asked.row.materials)
    roles: dict[str, Any] = {"references": ()}
    for one, material in zip(asked.given, materials, strict=True):
        spec = one.field
        if spec.where == "item":
            continue
        if spec.kind == "audio":
            roles.setdefault("driving_audio", material)
        elif spec.listed or (spec.kind == "image" and (edits or spec.name not in singles[:2])):
            roles["references"] += (material,)
        elif spec.kind == "clip":
            roles["first_clip" if spec.inside else "edited_clip"] = material
        else:
            roles["last_frame" if spec.name in singles[1:] else "first_frame"] = material
    return roles


def output_size(width: int, height: int, row: catalog.Model, resolution: str) -> tuple[int, int]:
    """Size of the clip: the ratio kept, the tier's pixel total, both sides floored to multiples of 16.

    >>> from wan_nb.api import catalog
    >>> output_size(750, 1000, catalog.model("wan2.7-i2v"), "720P")
    (816, 1104)
    """
    area = row.pixels.get(resolution) or _PIXELS[resolution]
    scale = math.sqrt(area / (width * height))
    wide, high = (max(16, int(side * scale + 1e-6) // 16 * 16) for side in (width, height))
    return wide, high


def clip_size(asked: Asked, materials: Sequence[Material], clips: str = "full") -> tuple[int, int]:
    """Pixels of the clip: of its ratio, else as what it begins on, edits or refers to first."""
    row, resolution, ratio = asked.row, asked.values["resolution"], ratio_of(asked)
    if ratio is not None and clips == "full" and (documented := row.sizes.get(resolution, {}).get(ratio)):
        return documented
    if ratio is not None:
        width, height = map(int, ratio.split(":"))
    else:
        width, height = next(((m.width, m.height) for m in _leading(asked, materials)), (16, 9))
    return output_size(width, height, row, resolution if clips == "full" else clips)


def _leading(asked: Asked, materials: Sequence[Material]) -> list[Material]:
    """Pictures and clips, those of which there is one before those of which there may be several."""
    seen = [(one.field.listed, m) for one, m in zip(asked.given, materials, strict=True)
            if one.field.kind != "audio" and m.width]  # fmt: skip
    return [material for _, material in sorted(seen, key=lambda pair: pair[0])]
