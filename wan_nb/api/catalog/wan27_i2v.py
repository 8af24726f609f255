"""Wan 2.7, image to video: its fields, combinations of materials and prices."""

from __future__ import annotations

from wan_nb.api.catalog.fields import Field
from wan_nb.api.catalog.models import Model

__all__ = ["FIELDS", "MODES", "NAMES", "PRICES", "ROWS"]

NAMES = ("wan2.7-i2v", "wan2.7-i2v-2026-04-25")
"""The model and its snapshots."""

FIELDS: tuple[Field, ...] = (
    Field(
        "model",
        "model",
        str,
        "Model name; the dated one is a snapshot of the same ability.",
        default=NAMES[0],
        short="m",
        choices=NAMES,
        open_choices=True,
    ),
    Field("prompt", "input", str, "What should happen, in any language.", max_characters=5000),
    Field("negative_prompt", "input", str, "What should not be seen.", max_characters=500),
    Field("first_frame", "media", str, "Image that the clip starts on.", short="f", kind="image"),
    Field("last_frame", "media", str, "Image that the clip ends on.", short="l", kind="image"),
    Field(
        "driving_audio",
        "media",
        str,
        "Sound that drives the clip; cut at the end of the clip, silence after its own end.",
        short="a",
        kind="audio",
    ),
    Field("first_clip", "media", str, "Clip to continue; duration is the whole length.", short="c", kind="clip"),
    Field(
        "resolution",
        "parameters",
        str,
        "Tier of the pixel total; sets the price.",
        default="720P",
        api_default="1080P",
        short="r",
        choices=("720P", "1080P"),
    ),
    Field(
        "duration",
        "parameters",
        int,
        "Length of the clip; sets the price.",
        default=5,
        api_default=5,
        short="d",
        minimum=2,
        maximum=15,
        unit="s",
    ),
    # The upper end is not documented for i2v; 2**31 - 1 is what the older pages of the same endpoint name.
    Field(
        "seed",
        "parameters",
        int,
        "Same seed: similar, not identical clips. Derived from media and name when not given.",
        short="s",
        minimum=0,
        maximum=2**31 - 1,
    ),
    Field(
        "prompt_extend",
        "parameters",
        bool,
        "Let the service rewrite the prompt before use, unseen.",
        default=False,
        api_default=True,
    ),
    Field(
        "watermark",
        "parameters",
        bool,
        "Mark the lower right corner with the service's fixed text.",
        default=False,
        api_default=False,
    ),
)

PRICES: dict[str, dict[str, float]] = {
    "beijing": {"720P": 0.6, "1080P": 1.0},
    "singapore": {"720P": 0.10, "1080P": 0.15},
}
"""Per billed second, in the region's currency. A third party's copy of the price page, read 2026-08-26: an estimate."""

MODES: dict[frozenset[str], str] = {
    frozenset({"first_frame"}): "image to video",
    frozenset({"first_frame", "driving_audio"}): "image to video, with your audio",
    frozenset({"first_frame", "last_frame"}): "first and last frame",
    frozenset({"first_frame", "last_frame", "driving_audio"}): "first and last frame, with your audio",
    frozenset({"first_clip"}): "continue a clip",
    frozenset({"first_clip", "last_frame"}): "continue a clip to a last frame",
}
"""Each legal combination of materials, and what it is called where a person reads it."""

ROWS: tuple[Model, ...] = tuple(Model(name, MODES, PRICES) for name in NAMES)
