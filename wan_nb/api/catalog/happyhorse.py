"""HappyHorse, by the same service at the same endpoint. Pages of mid-2026.

Nothing but these rows knows of it.
"""

from __future__ import annotations

from dataclasses import replace

from wan_nb.api.catalog import wan27
from wan_nb.api.catalog.fields import MEDIA, Special
from wan_nb.api.catalog.models import Billing, Mode, Model, PriceList

__all__ = ["ROWS"]

_REGIONS = ("beijing", "singapore", "virginia", "frankfurt", "tokyo")
_PROMPT = replace(wan27.PROMPT, chinese=2)
_RESOLUTION = replace(wan27.RESOLUTION, choices=("480P", "720P", "1080P"))
_RATIO = replace(wan27.RATIO, choices=("16:9", "9:16", "3:4", "4:3", "4:5", "5:4", "1:1", "9:21", "21:9"))
_DURATION = replace(wan27.DURATION, minimum=3)
_WATERMARK = replace(wan27.WATERMARK, api_default=True)
_SWITCHES = (wan27.SEED, _WATERMARK)
_PICTURE = replace(
    MEDIA["image"],
    formats=("JPEG", "PNG", "WEBP"),
    mimes=("image/jpeg", "image/png", "image/webp"),
    suffixes=(".jpg", ".jpeg", ".png", ".webp"),
    min_side=300,
    max_ratio=2.5,
)
_PRICES_11 = PriceList(
    "2026-08-08",
    {
        "beijing": {"480P": 0.45, "720P": 0.9, "1080P": 1.2},
        "singapore": {"480P": 0.07, "720P": 0.14, "1080P": 0.18},
    },
)
_PRICES_10 = PriceList(
    "2026-08-08",
    {"beijing": {"720P": 0.9, "1080P": 1.6}, "singapore": {"720P": 0.14, "1080P": 0.24}},
)

T2V = Model(
    "happyhorse-1.1-t2v",
    fields=(wan27.MODEL, _PROMPT, _RESOLUTION, _RATIO, _DURATION, *_SWITCHES),
    modes=(Mode("text to video", "text to video", prompt=True),),
    prices=_PRICES_11,
    regions=_REGIONS,
    fps=24,
    submits_per_second=10.0,
    usage=("ratio",),
)

I2V = replace(
    T2V,
    name="happyhorse-1.1-i2v",
    fields=(
        wan27.MODEL,
        _PROMPT,
        replace(wan27.FIRST_FRAME, limits=replace(_PICTURE, links=("http", "data"))),  # uploads are not listed
        _RESOLUTION,
        _DURATION,
        *_SWITCHES,
    ),
    modes=(Mode("image to video", "image to video", ("first_frame",)),),
    usage=(),
)

R2V = replace(
    T2V,
    name="happyhorse-1.1-r2v",
    fields=(
        wan27.MODEL,
        _PROMPT,
        replace(wan27.REFERENCE_IMAGE, limits=replace(MEDIA["image"], min_side=400), most=9),
        _RESOLUTION,
        _RATIO,
        _DURATION,
        *_SWITCHES,
    ),
    modes=(Mode("reference to video", "reference to video", ("reference_image",), prompt=True),),
)

EDIT = replace(
    T2V,
    name="happyhorse-1.0-video-edit",
    fields=(
        wan27.MODEL,
        _PROMPT,
        replace(
            wan27.VIDEO,
            # The pages say more than 8 pictures a second.
            limits=replace(MEDIA["clip"], min_side=360, max_ratio=2.5, min_seconds=3.0, max_seconds=60.0, min_fps=8.01),
        ),
        replace(wan27.REFERENCE_IMAGE, limits=replace(MEDIA["image"], min_side=300), most=5),
        wan27.RESOLUTION,
        wan27.AUDIO_SETTING,
        *_SWITCHES,
    ),
    modes=(Mode("edit", "video edit", ("video",), optional=("reference_image",), prompt=True),),
    prices=_PRICES_10,
    billing=Billing(("video",)),
    keeps=Special(0, "as long as the given clip, at most 15 s", of="video", most=15),
    usage=(),
    float_usage=True,
)

ROWS = (T2V, I2V, R2V, EDIT)
