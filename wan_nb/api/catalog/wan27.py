"""Wan 2.7: image to video, text to video, reference to video, editing. Read from the pages of April to October 2026."""

from __future__ import annotations

from dataclasses import replace

from wan_nb.api.catalog.fields import MEDIA, Field, Special
from wan_nb.api.catalog.models import WAN_SIZES, Billing, Mode, Model, PriceList

__all__ = [
    "DURATION", "FIRST_FRAME", "LAST_FRAME", "MODEL", "NEGATIVE_PROMPT", "PRICES", "PROMPT", "PROMPT_EXTEND", "RATIO",
    "REFERENCE_IMAGE", "REFERENCE_VIDEO", "RESOLUTION", "ROWS", "SEED", "VIDEO", "WATERMARK",
]  # fmt: skip

MODEL = Field(
    "model", "model", str, "Model; without it what is given decides. A dated name is a snapshot.", short="m",
    open_choices=True,
)  # fmt: skip
PROMPT = Field("prompt", "input", str, "What should happen, in any language.", max_characters=5000)
NEGATIVE_PROMPT = Field("negative_prompt", "input", str, "What should not be seen.", max_characters=500)
FIRST_FRAME = Field(
    "first_frame", "media", str, "Image that the clip starts on.", short="f", limits=MEDIA["image"], frame="first"
)  # fmt: skip
LAST_FRAME = Field("last_frame", "media", str, "Image that the clip ends on.", short="l", limits=MEDIA["image"],
                   frame="last")  # fmt: skip
DRIVING_AUDIO = Field(
    "driving_audio",
    "media",
    str,
    "Sound that drives the clip; cut at the end of the clip, silence after its own end.",
    short="a",
    limits=MEDIA["audio"],
)
FIRST_CLIP = Field(
    "first_clip",
    "media",
    str,
    "Clip to continue; duration is the whole length.",
    short="c",
    limits=MEDIA["clip"],
    inside=True,
)
REFERENCE_IMAGE = Field(
    "reference_image",
    "media",
    str,
    "Picture of who or what appears: Image 1, Image 2 ... in the prompt.",
    limits=MEDIA["image"],
    most=5,
    column="references",
)
REFERENCE_VIDEO = Field(
    "reference_video",
    "media",
    str,
    "Clip of who or what appears: Video 1, Video 2 ... in the prompt.",
    limits=replace(MEDIA["clip"], min_seconds=1.0, max_seconds=30.0),
    most=5,
    column="references",
)
REFERENCE_VOICE = Field(
    "reference_voice",
    "item",
    str,
    "Voice of a reference, by its number: images first, then videos.",
    limits=replace(MEDIA["audio"], min_seconds=1.0, max_seconds=10.0),
    most=5,
    items=("reference_image", "reference_video"),
    column="references",
)
VIDEO = Field("video", "media", str, "Clip to edit.", limits=MEDIA["clip"], column="source_video")
RESOLUTION = Field(
    "resolution",
    "parameters",
    str,
    "Size of the clip in pixels; sets the price.",
    default="720P",
    api_default="1080P",
    short="r",
    choices=("720P", "1080P"),
)
RATIO = Field(
    "ratio",
    "parameters",
    str,
    "Width to height of the clip.",
    default="16:9",
    api_default="16:9",
    choices=("16:9", "9:16", "1:1", "4:3", "3:4"),
)
DURATION = Field(
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
)
# The upper end is not documented for i2v; 2**31 - 1 is what the other pages of the endpoint name.
SEED = Field(
    "seed",
    "parameters",
    int,
    "Same seed: similar, not identical clips. Without it, it follows from the materials and the name.",
    short="s",
    minimum=0,
    maximum=2**31 - 1,
)
PROMPT_EXTEND = Field(
    "prompt_extend",
    "parameters",
    bool,
    "Let the service rewrite the prompt; you do not see how.",
    default=False,
    api_default=True,
)
WATERMARK = Field(
    "watermark",
    "parameters",
    bool,
    "Mark the lower right corner with the service's fixed text.",
    default=False,
    api_default=False,
)
AUDIO_SETTING = Field(
    "audio_setting",
    "parameters",
    str,
    "Sound of an edit: the model decides, or that of the given clip is kept.",
    default="auto",
    api_default="auto",
    choices=("auto", "origin"),
)

PRICES = PriceList(
    "2026-08-08",
    {"beijing": {"720P": 0.6, "1080P": 1.0}, "singapore": {"720P": 0.10, "1080P": 0.15}},
)

_REGIONS = ("beijing", "singapore")
_TEXTS = (MODEL, PROMPT, NEGATIVE_PROMPT)
_SWITCHES = (SEED, PROMPT_EXTEND, WATERMARK)

I2V = Model(
    "wan2.7-i2v",
    fields=(*_TEXTS, FIRST_FRAME, LAST_FRAME, DRIVING_AUDIO, FIRST_CLIP, RESOLUTION, DURATION, *_SWITCHES),
    modes=(
        Mode("image to video", "image to video", ("first_frame",)),
        Mode("image to video, with your audio", "image to video", ("first_frame", "driving_audio")),
        Mode("first and last frame", "image to video", ("first_frame", "last_frame")),
        Mode("first and last frame, with your audio", "image to video", ("first_frame", "last_frame", "driving_audio")),
        Mode("continue a clip", "image to video", ("first_clip",)),
        Mode("continue a clip to a last frame", "image to video", ("first_clip", "last_frame")),
    ),
    prices=PRICES,
    regions=_REGIONS,
    snapshots=("wan2.7-i2v-2026-04-25",),
    chosen_by=("first_frame", "last_frame", "first_clip"),
)

T2V = Model(
    "wan2.7-t2v",
    fields=(*_TEXTS, replace(DRIVING_AUDIO, where="input", key="audio_url"), RESOLUTION, RATIO, DURATION, *_SWITCHES),
    modes=(
        Mode("text to video", "text to video", prompt=True),
        Mode("text to video, with your audio", "text to video", ("driving_audio",), prompt=True),
    ),
    prices=PRICES,
    regions=_REGIONS,
    snapshots=("wan2.7-t2v-2026-04-25", "wan2.7-t2v-2026-06-12"),
    chosen_by=(),
    sizes=WAN_SIZES,
    usage=("ratio",),
)

R2V = Model(
    "wan2.7-r2v",
    fields=(
        *_TEXTS,
        REFERENCE_IMAGE,
        REFERENCE_VIDEO,
        REFERENCE_VOICE,
        FIRST_FRAME,
        RESOLUTION,
        replace(RATIO, ignored_with=("first_frame",)),
        replace(DURATION, maximum_with=(("reference_video", 10),)),
        *_SWITCHES,
    ),
    modes=(
        Mode(
            "reference to video",
            "reference to video",
            one_of=("reference_image", "reference_video"),
            prompt=True,
        ),
        Mode(
            "reference to video, with a first frame",
            "reference to video",
            ("first_frame",),
            one_of=("reference_image", "reference_video"),
            prompt=True,
        ),
    ),
    prices=PRICES,
    regions=_REGIONS,
    snapshots=("wan2.7-r2v-2026-06-12",),
    chosen_by=("reference_image", "reference_video", "reference_audio", "reference_voice"),
    together=((("reference_image", "reference_video"), 5),),
    billing=Billing(("reference_video",), most=5.0),
    sizes=WAN_SIZES,
    usage=("ratio",),
)

EDIT = Model(
    "wan2.7-videoedit",
    fields=(
        *_TEXTS,
        VIDEO,
        replace(REFERENCE_IMAGE, most=4),
        RESOLUTION,
        replace(RATIO, default=None, api_default=None, help="Width to height of the clip; else that of the given one."),
        replace(
            DURATION,
            default=0,
            api_default=0,
            maximum=10,
            specials=(Special(0, "as long as the given clip", of="video", most=10),),
        ),
        AUDIO_SETTING,
        *_SWITCHES,
    ),
    modes=(Mode("edit", "video edit", ("video",), optional=("reference_image",)),),
    prices=PRICES,
    regions=_REGIONS,
    chosen_by=("video",),
    billing=Billing(("video",)),
    sizes=WAN_SIZES,
    usage=("ratio",),
    float_usage=True,
)

ROWS = (I2V, T2V, R2V, EDIT)
