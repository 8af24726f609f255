"""Wan 3.0: one model for text, frames and references, in a standard and a faster lane. Pages of August to October 2026.

A document or a page (``file``, ``link``) as input is not offered here yet.
"""

from __future__ import annotations

from dataclasses import replace

from wan_nb.api.catalog import wan27
from wan_nb.api.catalog.fields import MEDIA, Field, Special
from wan_nb.api.catalog.models import WAN_SIZES, Billing, Mode, Model, PriceList

__all__ = ["ROWS"]

_REFERENCES = ("reference_image", "reference_video", "reference_audio")
_CLIP, _SOUND = (
    replace(MEDIA[kind], min_seconds=1.0, max_seconds=15.0, total_seconds=15.0) for kind in ("clip", "audio")
)

VIDEO = Model(
    "wan3.0-video",
    fields=(
        wan27.MODEL,
        replace(wan27.PROMPT, max_characters=20_000),
        wan27.FIRST_FRAME,
        wan27.LAST_FRAME,
        replace(wan27.REFERENCE_IMAGE, most=10),
        replace(wan27.REFERENCE_VIDEO, limits=replace(_CLIP, min_fps=16.0)),
        Field(
            "reference_audio",
            "media",
            str,
            "Sound to use: Audio 1, Audio 2 ... in the prompt.",
            limits=_SOUND,
            most=5,
            column="references",
        ),
        replace(wan27.RESOLUTION, choices=("480P", "720P", "1080P")),
        replace(
            wan27.RATIO,
            default="adaptive",
            api_default="adaptive",
            choices=("adaptive", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16"),
        ),
        replace(wan27.DURATION, maximum=30, specials=(Special(-1, "the service chooses", most=30),)),
        Field(
            "audio", "parameters", bool, "With sound or without; the price is the same.", default=True, api_default=True
        ),
        replace(wan27.SEED, specials=(Special(-1, "another one each time"),)),
        wan27.PROMPT_EXTEND,
        wan27.WATERMARK,
    ),
    modes=(
        Mode("text to video", "text to video", prompt=True),
        Mode("image to video", "image to video", ("first_frame",)),
        Mode("first and last frame", "image to video", ("first_frame", "last_frame")),
        Mode("reference to video", "reference to video", one_of=_REFERENCES),
    ),
    prices=PriceList(
        "2026-10-02",
        {
            "beijing": {"480P": 0.3, "720P": 0.6, "1080P": 1.2},
            "singapore": {"480P": 0.05, "720P": 0.10, "1080P": 0.20},
        },
    ),
    regions=("beijing", "singapore", "virginia", "frankfurt", "tokyo", "hongkong"),
    # The page bills usage.duration; whether that holds the input is not said, so that the estimate counts it.
    billing=Billing(("reference_video",)),
    span=30.0,
    not_yet=("file", "link"),
    sizes=WAN_SIZES,
    usage=("fps", "ratio"),
    float_usage=True,
)

PRIME = replace(
    VIDEO,
    name="wan3.0-video-prime",
    prices=PriceList(
        "2026-10-02",
        {
            "beijing": {"480P": 0.45, "720P": 0.9, "1080P": 1.8},
            "singapore": {"480P": 0.068, "720P": 0.14, "1080P": 0.28},
        },
    ),
)

ROWS = (VIDEO, PRIME)
