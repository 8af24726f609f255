"""What the documentation says of each model of the family, typed by hand from it (2026-11-28).

As in `documented_cases`, nothing is imported from the product: these bodies, limits and bills judge client and
simulator, each by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PICTURE = "https://picture.invalid/a.png"
OTHER = "https://picture.invalid/b.png"
CLIP = "https://clip.invalid/a.mp4"
SOUND = "https://sound.invalid/a.mp3"
"""Nobody answers there: the names are reserved for that."""


@dataclass(frozen=True)
class Body:
    """A documented body, and what is given in Python to make it.

    Attributes
    ----------
    name : str
        For the test's id.
    fields : dict
        As `VideoRequest` takes them; materials are URLs, in lists where the model takes several.
    body : dict
        As it is sent.
    usage : tuple of str
        Names in the receipt.
    """

    name: str
    fields: dict[str, Any]
    body: dict[str, Any]
    usage: tuple[str, ...]


_USAGE = ("duration", "input_video_duration", "output_video_duration", "video_count", "SR")

BODIES: tuple[Body, ...] = (
    Body(
        "wan2.7-i2v",
        {"prompt": "a cat", "negative_prompt": "blur", "first_frame": PICTURE, "driving_audio": SOUND, "seed": 1},
        {
            "model": "wan2.7-i2v",
            "input": {
                "prompt": "a cat",
                "negative_prompt": "blur",
                "media": [{"type": "first_frame", "url": PICTURE}, {"type": "driving_audio", "url": SOUND}],
            },
            "parameters": {
                "resolution": "720P",
                "duration": 5,
                "seed": 1,
                "prompt_extend": False,
                "watermark": False,
            },
        },
        _USAGE,
    ),
    Body(
        "wan2.7-t2v",
        {
            "prompt": "a cat",
            "negative_prompt": "blur",
            "driving_audio": SOUND,
            "resolution": "1080P",
            "ratio": "16:9",
            "duration": 5,
            "prompt_extend": True,
            "seed": 1,
        },
        {
            "model": "wan2.7-t2v",
            "input": {"prompt": "a cat", "negative_prompt": "blur", "audio_url": SOUND},
            "parameters": {
                "resolution": "1080P",
                "ratio": "16:9",
                "duration": 5,
                "prompt_extend": True,
                "watermark": False,
                "seed": 1,
            },
        },
        (*_USAGE, "ratio"),
    ),
    Body(
        "wan2.7-r2v",
        {
            "prompt": "Image 1 waves at Video 1",
            "negative_prompt": "blur",
            "reference_image": [PICTURE],
            "reference_voice": {1: SOUND},
            "reference_video": [CLIP],
            "first_frame": OTHER,
            "seed": 2,
        },
        {
            "model": "wan2.7-r2v",
            "input": {
                "prompt": "Image 1 waves at Video 1",
                "negative_prompt": "blur",
                "media": [
                    {"type": "reference_image", "url": PICTURE, "reference_voice": SOUND},
                    {"type": "reference_video", "url": CLIP},
                    {"type": "first_frame", "url": OTHER},
                ],
            },
            "parameters": {
                "resolution": "720P",
                "ratio": "16:9",
                "duration": 5,
                "prompt_extend": False,
                "watermark": False,
                "seed": 2,
            },
        },
        (*_USAGE, "ratio"),
    ),
    Body(
        "wan2.7-videoedit",
        {
            "prompt": "make it blue",
            "negative_prompt": "blur",
            "video": CLIP,
            "reference_image": [PICTURE],
            "resolution": "1080P",
            "ratio": "16:9",
            "prompt_extend": True,
            "seed": 1,
        },
        {
            "model": "wan2.7-videoedit",
            "input": {
                "prompt": "make it blue",
                "negative_prompt": "blur",
                "media": [{"type": "video", "url": CLIP}, {"type": "reference_image", "url": PICTURE}],
            },
            "parameters": {
                "resolution": "1080P",
                "ratio": "16:9",
                "duration": 0,
                "audio_setting": "auto",
                "prompt_extend": True,
                "watermark": False,
                "seed": 1,
            },
        },
        (*_USAGE, "ratio"),
    ),
    *(
        Body(
            name,
            {"model": name, "prompt": "a cat", "first_frame": PICTURE, "last_frame": OTHER, "seed": -1},
            {
                "model": name,
                "input": {
                    "prompt": "a cat",
                    "media": [{"type": "first_frame", "url": PICTURE}, {"type": "last_frame", "url": OTHER}],
                },
                "parameters": {
                    "resolution": "720P",
                    "ratio": "adaptive",
                    "duration": 5,
                    "audio": True,
                    "prompt_extend": False,
                    "watermark": False,
                    "seed": -1,
                },
            },
            (*_USAGE, "fps", "ratio"),
        )
        for name in ("wan3.0-video", "wan3.0-video-prime")
    ),
    Body(
        "wan3.0-video, references",
        {
            "model": "wan3.0-video",
            "prompt": "Image 1 sings Audio 1",
            "reference_image": [PICTURE, OTHER],
            "reference_audio": [SOUND],
            "seed": 3,
        },
        {
            "model": "wan3.0-video",
            "input": {
                "prompt": "Image 1 sings Audio 1",
                "media": [
                    {"type": "reference_image", "url": PICTURE},
                    {"type": "reference_image", "url": OTHER},
                    {"type": "reference_audio", "url": SOUND},
                ],
            },
            "parameters": {
                "resolution": "720P",
                "ratio": "adaptive",
                "duration": 5,
                "audio": True,
                "prompt_extend": False,
                "watermark": False,
                "seed": 3,
            },
        },
        (*_USAGE, "fps", "ratio"),
    ),
    Body(
        "happyhorse-1.1-t2v",
        {"model": "happyhorse-1.1-t2v", "prompt": "a cat", "ratio": "4:5", "seed": 1},
        {
            "model": "happyhorse-1.1-t2v",
            "input": {"prompt": "a cat"},
            "parameters": {"resolution": "720P", "ratio": "4:5", "duration": 5, "watermark": False, "seed": 1},
        },
        (*_USAGE, "ratio"),
    ),
    Body(
        "happyhorse-1.1-i2v",
        {"model": "happyhorse-1.1-i2v", "first_frame": PICTURE, "seed": 1},
        {
            "model": "happyhorse-1.1-i2v",
            "input": {"media": [{"type": "first_frame", "url": PICTURE}]},
            "parameters": {"resolution": "720P", "duration": 5, "watermark": False, "seed": 1},
        },
        _USAGE,
    ),
    Body(
        "happyhorse-1.1-r2v",
        {"model": "happyhorse-1.1-r2v", "prompt": "[Image 1]", "reference_image": [PICTURE, OTHER], "seed": 1},
        {
            "model": "happyhorse-1.1-r2v",
            "input": {
                "prompt": "[Image 1]",
                "media": [{"type": "reference_image", "url": PICTURE}, {"type": "reference_image", "url": OTHER}],
            },
            "parameters": {"resolution": "720P", "ratio": "16:9", "duration": 5, "watermark": False, "seed": 1},
        },
        (*_USAGE, "ratio"),
    ),
    Body(
        "happyhorse-1.0-video-edit",
        {"model": "happyhorse-1.0-video-edit", "prompt": "in blue", "video": CLIP, "seed": 1},
        {
            "model": "happyhorse-1.0-video-edit",
            "input": {"prompt": "in blue", "media": [{"type": "video", "url": CLIP}]},
            "parameters": {"resolution": "720P", "audio_setting": "auto", "watermark": False, "seed": 1},
        },
        _USAGE,
    ),
)

FRAME_RATES: dict[str, int] = {
    "wan2.7-i2v": 30,
    "wan2.7-t2v": 30,
    "wan2.7-r2v": 30,
    "wan2.7-videoedit": 30,
    "wan3.0-video": 30,
    "wan3.0-video-prime": 30,
    "happyhorse-1.1-t2v": 24,
    "happyhorse-1.1-i2v": 24,
    "happyhorse-1.1-r2v": 24,
    "happyhorse-1.0-video-edit": 24,
}

LIMITS: dict[str, tuple[int, int]] = {
    "wan2.7-i2v": (5, 5),
    "wan2.7-t2v": (5, 5),
    "wan2.7-t2v-2026-06-12": (5, 5),
    "wan2.7-r2v": (5, 5),
    "wan2.7-videoedit": (5, 5),
    "happyhorse-1.1-t2v": (10, 5),
    "happyhorse-1.0-video-edit": (10, 5),
}
"""Submits a second, and running at once, for each exact name."""

SIZES: tuple[tuple[str, str, str, tuple[int, int]], ...] = tuple(
    (model, tier, ratio, size)
    for model in ("wan2.7-t2v", "wan2.7-r2v")
    for tier, ratio, size in (
        ("720P", "16:9", (1280, 720)),
        ("720P", "9:16", (720, 1280)),
        ("720P", "1:1", (960, 960)),
        ("720P", "4:3", (1104, 832)),
        ("720P", "3:4", (832, 1104)),
        ("1080P", "16:9", (1920, 1080)),
        ("1080P", "9:16", (1080, 1920)),
        ("1080P", "1:1", (1440, 1440)),
        ("1080P", "4:3", (1648, 1248)),
        ("1080P", "3:4", (1248, 1648)),
    )
)


@dataclass(frozen=True)
class Limit:
    """One value of one field of one model, or what is given to it.

    Attributes
    ----------
    model : str
    value : dict
        Fields of Python that are put into the model's own body, or, where None, taken out.
    message : str
        Part of how the FAILED task says it; empty: the value is right.
    cut : bool
        The service takes it and cuts the text; a careful client refuses.
    """

    model: str
    value: dict[str, Any]
    message: str = ""
    cut: bool = False
    name: str = field(default="")

    @property
    def id(self) -> str:
        """For the test's id."""
        said = ", ".join(f"{key}={str(value)[:12]}{'' if len(str(value)) < 13 else len(str(value))}"
                         for key, value in self.value.items())  # fmt: skip
        return self.name or f"{self.model}: {said}"


def _span(model: str, name: str, low: int, high: int) -> tuple[Limit, ...]:
    place = f"parameters.{name}"
    return (
        Limit(model, {name: low - 1}, place),
        Limit(model, {name: low}),
        Limit(model, {name: low + 1}),
        Limit(model, {name: high - 1}),
        Limit(model, {name: high}),
        Limit(model, {name: high + 1}, place),
    )


def _choices(model: str, name: str, right: tuple[str, ...], wrong: tuple[str, ...]) -> tuple[Limit, ...]:
    return (
        *(Limit(model, {name: one}) for one in right),
        *(Limit(model, {name: one}, f"parameters.{name}") for one in wrong),
    )


def _prompt(model: str, most: int, letter: str = "猫") -> tuple[Limit, ...]:
    return (
        Limit(model, {"prompt": letter * (most - 1)}),
        Limit(model, {"prompt": letter * most}),
        Limit(model, {"prompt": letter * (most + 1)}, cut=True),
    )


def _several(model: str, name: str, most: int) -> tuple[Limit, ...]:
    return (
        Limit(model, {name: [PICTURE] * (most - 1)}),
        Limit(model, {name: [PICTURE] * most}),
        Limit(model, {name: [PICTURE] * (most + 1)}, "input.media"),
    )


_FIVE = ("16:9", "9:16", "1:1", "4:3", "3:4")
_NINE = ("16:9", "9:16", "3:4", "4:3", "4:5", "5:4", "1:1", "9:21", "21:9")
_REFERENCES_ONLY = {"first_frame": None, "last_frame": None}

LIMIT_CASES: tuple[Limit, ...] = (
    # wan2.7-t2v
    *_span("wan2.7-t2v", "duration", 2, 15),
    *_span("wan2.7-t2v", "seed", 0, 2**31 - 1),
    *_choices("wan2.7-t2v", "resolution", ("720P", "1080P"), ("480P", "4K", "720p")),
    *_choices("wan2.7-t2v", "ratio", _FIVE, ("21:9", "adaptive", "16x9", "4:5")),
    *_prompt("wan2.7-t2v", 5000),
    Limit("wan2.7-t2v", {"negative_prompt": "模" * 500}),
    Limit("wan2.7-t2v", {"negative_prompt": "模" * 501}, cut=True),
    Limit("wan2.7-t2v", {"prompt": None}, "input.prompt"),
    Limit("wan2.7-t2v", {"driving_audio": None}),
    # wan2.7-r2v
    *_span("wan2.7-r2v", "duration", 2, 10),
    *(
        Limit("wan2.7-r2v", {"reference_video": None, "duration": seconds}, message)
        for seconds, message in ((11, ""), (15, ""), (16, "parameters.duration"))
    ),
    *_choices("wan2.7-r2v", "resolution", ("720P", "1080P"), ("480P",)),
    *_choices("wan2.7-r2v", "ratio", _FIVE, ("21:9", "adaptive")),
    *_prompt("wan2.7-r2v", 5000, "a"),
    Limit("wan2.7-r2v", {"prompt": None}, "input.prompt"),
    Limit("wan2.7-r2v", {"reference_image": [PICTURE] * 4}),
    Limit("wan2.7-r2v", {"reference_image": [PICTURE] * 5}, "input.media", name="wan2.7-r2v: five and one references"),
    Limit("wan2.7-r2v", {"reference_image": [PICTURE] * 5, "reference_video": None}),
    Limit("wan2.7-r2v", {"reference_image": [PICTURE] * 6, "reference_video": None}, "input.media"),
    Limit("wan2.7-r2v", {"reference_image": None, "reference_voice": None, "reference_video": [CLIP] * 5}),
    Limit("wan2.7-r2v", {"reference_image": None, "reference_video": None, "reference_voice": None}, "input.media"),
    Limit("wan2.7-r2v", {"first_frame": None}),
    # wan2.7-videoedit
    Limit("wan2.7-videoedit", {"duration": -1}, "parameters.duration"),
    Limit("wan2.7-videoedit", {"duration": 0}),
    Limit("wan2.7-videoedit", {"duration": 1}, "parameters.duration"),
    Limit("wan2.7-videoedit", {"duration": 2}),
    Limit("wan2.7-videoedit", {"duration": 10}),
    Limit("wan2.7-videoedit", {"duration": 11}, "parameters.duration"),
    *_choices("wan2.7-videoedit", "audio_setting", ("auto", "origin"), ("mute",)),
    *_choices("wan2.7-videoedit", "ratio", _FIVE, ("21:9",)),
    *_several("wan2.7-videoedit", "reference_image", 4),
    *_prompt("wan2.7-videoedit", 5000),
    Limit("wan2.7-videoedit", {"prompt": None}),
    Limit("wan2.7-videoedit", {"ratio": None}),
    Limit("wan2.7-videoedit", {"video": None}, "input.media"),
    # wan3.0
    *(
        case
        for model in ("wan3.0-video", "wan3.0-video-prime")
        for case in (
            Limit(model, {"duration": -2}, "parameters.duration"),
            Limit(model, {"duration": -1}),
            Limit(model, {"duration": 0}, "parameters.duration"),
            *_span(model, "duration", 2, 30),
            *_choices(model, "resolution", ("480P", "720P", "1080P"), ("360P",)),
            *_choices(model, "ratio", ("adaptive", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16"), ("4:5",)),
            Limit(model, {"seed": -2}, "parameters.seed"),
            Limit(model, {"seed": -1}),
            Limit(model, {"seed": 0}),
            Limit(model, {"audio": False}),
            Limit(model, {"audio": "loud"}, "parameters.audio"),
            Limit(model, {"last_frame": None}),
            Limit(model, {"first_frame": None}, "input.media", name=f"{model}: a last frame alone"),
            Limit(model, {"prompt": None}),
            Limit(model, {**_REFERENCES_ONLY}),
            Limit(model, {**_REFERENCES_ONLY, "prompt": None}, "input.prompt"),
            Limit(model, {"reference_image": [PICTURE]}, "The two modes are mutually exclusive"),
        )
    ),
    *_prompt("wan3.0-video", 20_000),
    *(
        Limit("wan3.0-video, references", {name: [url] * count}, message)
        for name, url, most in (
            ("reference_image", PICTURE, 10),
            ("reference_video", CLIP, 5),
            ("reference_audio", SOUND, 5),
        )
        for count, message in ((most - 1, ""), (most, ""), (most + 1, "input.media"))
    ),
    # happyhorse
    *_span("happyhorse-1.1-t2v", "duration", 3, 15),
    *_choices("happyhorse-1.1-t2v", "ratio", _NINE, ("adaptive", "2:1")),
    *_choices("happyhorse-1.1-t2v", "resolution", ("480P", "720P", "1080P"), ("4K",)),
    *_prompt("happyhorse-1.1-t2v", 2500),
    *_prompt("happyhorse-1.1-t2v", 5000, "a"),
    Limit("happyhorse-1.1-t2v", {"prompt": None}, "input.prompt"),
    *_span("happyhorse-1.1-i2v", "duration", 3, 15),
    Limit("happyhorse-1.1-i2v", {"prompt": "a cat"}),
    Limit("happyhorse-1.1-i2v", {"first_frame": None}, "input.media"),
    *_several("happyhorse-1.1-r2v", "reference_image", 9),
    Limit("happyhorse-1.1-r2v", {"prompt": None}, "input.prompt"),
    *_several("happyhorse-1.0-video-edit", "reference_image", 5),
    *_choices("happyhorse-1.0-video-edit", "resolution", ("720P", "1080P"), ("480P",)),
    Limit("happyhorse-1.0-video-edit", {"prompt": None}, "input.prompt"),
)

NOT_ITS_OWN: tuple[tuple[str, str, Any], ...] = (
    ("wan2.7-i2v", "ratio", "16:9"),
    ("wan2.7-t2v", "first_frame", PICTURE),
    ("wan3.0-video", "negative_prompt", "blur"),
    ("wan3.0-video", "driving_audio", SOUND),
    ("happyhorse-1.1-t2v", "prompt_extend", True),
    ("happyhorse-1.1-i2v", "ratio", "16:9"),
    ("happyhorse-1.0-video-edit", "duration", 5),
    ("wan2.7-videoedit", "reference_video", [CLIP]),
)
"""Fields that a model does not have: a careful client says so, the service takes no notice."""


@dataclass(frozen=True)
class Bill:
    """Lengths of given clips and what is billed for them.

    Attributes
    ----------
    seconds : tuple of float
        Of each given clip.
    duration : int
        As sent.
    input_s, output_s : float
    """

    model: str
    field: str
    seconds: tuple[float, ...]
    duration: int
    input_s: float
    output_s: float


BILLS: tuple[Bill, ...] = (
    Bill("wan2.7-r2v", "reference_video", (2,), 5, 2, 5),
    Bill("wan2.7-r2v", "reference_video", (5,), 5, 5, 5),
    Bill("wan2.7-r2v", "reference_video", (9,), 10, 5, 10),
    Bill("wan2.7-r2v", "reference_video", (2, 5), 5, 4.5, 5),
    Bill("wan2.7-r2v", "reference_video", (5, 9), 5, 5, 5),
    Bill("wan2.7-r2v", "reference_video", (2, 2), 2, 4, 2),
    Bill("wan2.7-r2v", "reference_video", (2, 5, 9), 4, 5, 4),
    Bill("wan2.7-videoedit", "video", (5,), 0, 5, 5),
    Bill("wan2.7-videoedit", "video", (5,), 4, 5, 4),
    Bill("wan3.0-video", "reference_video", (4, 5), 6, 9, 6),
    Bill("happyhorse-1.0-video-edit", "video", (4,), 0, 4, 4),
    Bill("happyhorse-1.0-video-edit", "video", (20,), 0, 20, 15),
)
