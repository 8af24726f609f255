"""What the service offers, said once: models, fields, limits, prices. Data, dated, without code paths.

Flags, form controls, checks, the simulator and the tables in the README all read this module, so they cannot drift
apart. Figures are those of the pages of Alibaba's Model Studio and Qwen Cloud as of ``AS_OF``; where pages disagree the
later one was taken. A sister model (t2v, r2v, videoedit) is a new row of `MODELS`, not a branch somewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

__all__ = [
    "AS_OF",
    "CREATE_PATH",
    "FIELDS",
    "LIMITS",
    "MB",
    "MEDIA",
    "MODELS",
    "MODES",
    "PRICES",
    "REGIONS",
    "Field",
    "Limits",
    "MediaKind",
    "Model",
    "Region",
    "fields",
    "model",
    "price_per_second",
    "region_of",
    "request_limit",
]

AS_OF = "2026-11-22"
"""The day on which these figures were read."""

CREATE_PATH = "/services/aigc/video-generation/video-synthesis"

MB = 1_000_000
"""The pages say MB without saying which; the smaller reading is the safe one."""


@dataclass(frozen=True, slots=True)
class MediaKind:
    """Limits of one kind of material.

    Attributes
    ----------
    name : {'image', 'audio', 'clip'}
    formats : tuple of str
        Names as a person writes them, in upper case.
    mimes : tuple of str
    suffixes : tuple of str
        File endings, lower case, with the dot.
    max_bytes : int
    min_side, max_side : int or None
        Pixels, both sides.
    max_ratio : float or None
        Longer side over shorter side.
    min_seconds, max_seconds : float or None
    """

    name: Literal["image", "audio", "clip"]
    formats: tuple[str, ...]
    mimes: tuple[str, ...]
    suffixes: tuple[str, ...]
    max_bytes: int
    min_side: int | None = None
    max_side: int | None = None
    max_ratio: float | None = None
    min_seconds: float | None = None
    max_seconds: float | None = None


MEDIA: dict[str, MediaKind] = {
    "image": MediaKind(
        "image",
        ("JPEG", "PNG", "BMP", "WEBP"),
        ("image/jpeg", "image/png", "image/bmp", "image/webp"),
        (".jpg", ".jpeg", ".png", ".bmp", ".webp"),
        20 * MB,
        min_side=240,
        max_side=8000,
        max_ratio=8.0,
    ),
    "audio": MediaKind(
        "audio",
        ("WAV", "MP3"),
        ("audio/wav", "audio/mpeg"),
        (".wav", ".mp3"),
        15 * MB,
        min_seconds=2.0,
        max_seconds=30.0,
    ),
    "clip": MediaKind(
        "clip",
        ("MP4", "MOV"),
        ("video/mp4", "video/quicktime"),
        (".mp4", ".mov"),
        100 * MB,
        min_side=240,
        max_side=4096,
        max_ratio=8.0,
        min_seconds=2.0,
        max_seconds=10.0,
    ),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request, with everything that a flag, a control, a check and a table need to know.

    Attributes
    ----------
    name : str
        The API's own name.
    where : {'model', 'input', 'media', 'parameters'}
        Its place in the body. ``media`` fields become ``{"type": name, "url": ...}``.
    type : type
        `str`, `int` or `bool`; for media, `str`.
    help : str
        One line.
    default, api_default
        Ours and the service's. They differ for resolution and prompt_extend, on purpose.
    short : str
        One-letter option of the magic, without the dash; empty when there is none.
    choices : tuple of str
    open_choices : bool
        Other values are allowed with a warning (models come and go).
    minimum, maximum : int or None
        Both ends included.
    max_characters : int or None
        In Unicode characters, as the service counts. It cuts longer text without a word.
    unit : str
    kind : str
        Key of `MEDIA` for media fields.
    """

    name: str
    where: Literal["model", "input", "media", "parameters"]
    type: type
    help: str
    default: str | int | bool | None = None
    api_default: str | int | bool | None = None
    short: str = ""
    choices: tuple[str, ...] = ()
    open_choices: bool = False
    minimum: int | None = None
    maximum: int | None = None
    max_characters: int | None = None
    unit: str = ""
    kind: str = ""

    @property
    def flag(self) -> str:
        """Long option of the magics: ``--first-frame``."""
        return "--" + self.name.replace("_", "-")


_I2V_MODELS = ("wan2.7-i2v", "wan2.7-i2v-2026-04-25")

FIELDS: tuple[Field, ...] = (
    Field(
        "model",
        "model",
        str,
        "Model name; the dated one is a snapshot of the same ability.",
        default=_I2V_MODELS[0],
        short="m",
        choices=_I2V_MODELS,
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


@dataclass(frozen=True, slots=True)
class Limits:
    """Account limits, per main account and exact model name."""

    submits_per_second: float = 5.0
    running: int = 5
    queries_per_second: float = 20.0
    policies_per_second: float = 100.0
    recommended_gap: float = 15.0
    task_life: float = 24 * 3600.0
    """Seconds that a task id and its result link live."""
    task_timeout: float = 3 * 3600.0
    """Seconds after which the service ends an unfinished task."""
    upload_life: float = 48 * 3600.0
    upload_reuse: float = 47 * 3600.0
    """Seconds that we use an upload again: one hour less than it lives."""
    list_span: float = 24 * 3600.0
    clip_bytes: int = 2000 * MB
    """Largest result; the documentation names none."""
    shared_request: float = 600.0
    workspace_request: float = 3600.0
    """Seconds that a shared (or trial) host and a workspace host work on one request, whoever has hung up."""


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Model:
    """One model of the endpoint.

    Attributes
    ----------
    name : str
    combinations : tuple of frozenset of str
        The closed list of media types that may be given together.
    prices : dict
        ``{region: {resolution: price per billed second}}``.
    pixels : dict
        Pixel total that a resolution aims at; both sides are floored to multiples of 16.
    """

    name: str
    combinations: tuple[frozenset[str], ...]
    prices: dict[str, dict[str, float]]
    pixels: dict[str, int] = field(default_factory=lambda: {"720P": 1280 * 720, "1080P": 1920 * 1080})


PRICES: dict[str, dict[str, float]] = {
    "beijing": {"720P": 0.6, "1080P": 1.0},
    "singapore": {"720P": 0.10, "1080P": 0.15},
}
"""Per billed second, in the region's currency. A third party's copy of the price page, read 2026-08-26: an estimate."""

_COMBINATIONS = tuple(
    frozenset(names)
    for names in (
        ("first_frame",),
        ("first_frame", "driving_audio"),
        ("first_frame", "last_frame"),
        ("first_frame", "last_frame", "driving_audio"),
        ("first_clip",),
        ("first_clip", "last_frame"),
    )
)

MODELS: dict[str, Model] = {name: Model(name, _COMBINATIONS, PRICES) for name in _I2V_MODELS}

MODES: dict[frozenset[str], str] = dict(
    zip(
        _COMBINATIONS,
        (
            "image to video",
            "image to video, with your audio",
            "first and last frame",
            "first and last frame, with your audio",
            "continue a clip",
            "continue a clip to a last frame",
        ),
        strict=True,
    )
)
"""What each legal combination is called where a person reads it."""


@dataclass(frozen=True, slots=True)
class Region:
    """A region of the service: key, model and host must belong to the same one."""

    name: str
    base_url: str
    currency: str
    host_parts: tuple[str, ...]
    """Parts of a host name that tell this region, for workspace hosts."""


REGIONS: dict[str, Region] = {
    "beijing": Region("beijing", "https://dashscope.aliyuncs.com/api/v1", "CNY", ("cn-beijing",)),
    "singapore": Region(
        "singapore", "https://dashscope-intl.aliyuncs.com/api/v1", "USD", ("dashscope-intl", "ap-southeast-1")
    ),
}


def region_of(base_url: str) -> Region:
    """Region whose prices apply to a base URL; Beijing when it cannot be told.

    >>> region_of("https://ws1.ap-southeast-1.maas.aliyuncs.com/api/v1").currency
    'USD'
    """
    for region in REGIONS.values():
        if any(part in base_url for part in region.host_parts):
            return region
    return REGIONS["beijing"]


def request_limit(base_url: str) -> float:
    """Longest time in seconds that a service goes on with a request after its caller has hung up.

    A host that is neither shared nor the simulator counts as one with the longest limit.

    >>> request_limit("https://dashscope.aliyuncs.com/api/v1"), request_limit("https://ws1.cn-beijing.maas.aliyuncs.com")
    (600.0, 3600.0)
    """
    try:
        host = (urlsplit(base_url).hostname or "").lower()
    except ValueError:
        host = ""
    shared = host.endswith(".aliyuncs.com") and (host.startswith("trial.") or not host.endswith(".maas.aliyuncs.com"))
    here = host in {"localhost", "::1"} or host.startswith("127.")
    return LIMITS.shared_request if shared or here else LIMITS.workspace_request


def model(name: str) -> Model:
    """Row of a model; an unknown name gets the rules of the mainline model (the service decides whether it exists)."""
    return MODELS.get(name, MODELS[_I2V_MODELS[0]])


def fields(where: str | None = None) -> tuple[Field, ...]:
    """Fields of the body, all or those of one place."""
    return tuple(f for f in FIELDS if where is None or f.where == where)


def price_per_second(name: str, resolution: str, region: Region) -> float:
    """Price of one billed second in the currency of the region. An estimate: the bill decides.

    A model or a tier that is not known costs what the dearest one does.

    >>> price_per_second("wan2.7-i2v", "720P", REGIONS["beijing"]), price_per_second("wan9", "", REGIONS["beijing"])
    (0.6, 1.0)
    """
    rows = [MODELS[name]] if name in MODELS else list(MODELS.values())
    tiers = [row.prices[region.name] for row in rows]
    known = [prices[resolution] for prices in tiers if resolution in prices]
    return max(known or [price for prices in tiers for price in prices.values()])


CURRENCIES = frozenset(region.currency for region in REGIONS.values())


def dearest_clip(currency: str) -> float:
    """Price of the longest clip of the dearest model and tier; 0 in a currency that no region has.

    >>> dearest_clip("CNY")
    15.0
    """
    longest = max(f.maximum or 0 for f in FIELDS if f.name == "duration")
    rates = [price_per_second("", "", region) for region in REGIONS.values() if region.currency == currency]
    return longest * max(rates, default=0.0)
