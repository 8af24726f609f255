"""What the documentation says, typed by hand from it (2026-11-22): it judges client and simulator, each by itself.

Both of them read the same catalog; a wrong figure there would be wrong in both and pass unseen. So nothing here is
imported from the product, and every limit stands as a plain number: at, below and above.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MODEL = "wan2.7-i2v"
SNAPSHOT = "wan2.7-i2v-2026-04-25"
CREATE = "/services/aigc/video-generation/video-synthesis"


@dataclass(frozen=True)
class Case:
    """One value of one field.

    Attributes
    ----------
    name : str
        For the test's id.
    field : str
        The API's name.
    value
        As in the body.
    code, message : str
        How the FAILED task says it; empty code: the value is right.
    cut_to : int or None
        The service takes it and silently cuts the text to so many characters; a careful client refuses.
    """

    name: str
    field: str
    value: Any
    code: str = ""
    message: str = ""
    cut_to: int | None = None

    @property
    def right(self) -> bool:
        """Whether the service does what was asked."""
        return not self.code and self.cut_to is None


_BAD = "InvalidParameter"

FIELD_CASES: tuple[Case, ...] = (
    Case("prompt empty", "prompt", ""),
    Case("prompt 4999", "prompt", "猫" * 4999),
    Case("prompt 5000", "prompt", "猫" * 5000),
    Case("prompt 5000 letters and marks", "prompt", "a," * 2500),
    Case("prompt 5001", "prompt", "猫" * 5001, cut_to=5000),
    Case("negative prompt 499", "negative_prompt", "b" * 499),
    Case("negative prompt 500", "negative_prompt", "模" * 500),
    Case("negative prompt 501", "negative_prompt", "模" * 501, cut_to=500),
    Case("duration 1", "duration", 1, _BAD, "parameters.duration"),
    Case("duration 2", "duration", 2),
    Case("duration 3", "duration", 3),
    Case("duration 14", "duration", 14),
    Case("duration 15", "duration", 15),
    Case("duration 16", "duration", 16, _BAD, "parameters.duration"),
    Case("duration 0", "duration", 0, _BAD, "parameters.duration"),
    Case("duration -5", "duration", -5, _BAD, "parameters.duration"),
    Case("duration 5.5", "duration", 5.5, _BAD, "parameters.duration"),
    Case("duration abc", "duration", "abc", _BAD, "parameters.duration"),
    Case("resolution 720P", "resolution", "720P"),
    Case("resolution 1080P", "resolution", "1080P"),
    Case(
        "resolution lower case", "resolution", "720p", _BAD, "Input should be '1080P' or '720P': parameters.resolution"
    ),
    Case("resolution 480P", "resolution", "480P", _BAD, "Input should be '1080P' or '720P': parameters.resolution"),
    Case("resolution 4K", "resolution", "4K", _BAD, "Input should be '1080P' or '720P': parameters.resolution"),
    Case("resolution in pixels", "resolution", "1280*720", _BAD, "parameters.resolution"),
    Case("seed 0", "seed", 0),
    Case("seed 12345", "seed", 12345),
    Case("seed -1", "seed", -1, _BAD, "parameters.seed"),
    Case("seed text", "seed", "lucky", _BAD, "parameters.seed"),
    Case("prompt_extend true", "prompt_extend", True),
    Case("prompt_extend false", "prompt_extend", False),
    Case("prompt_extend text", "prompt_extend", "perhaps", _BAD, "parameters.prompt_extend"),
    Case("watermark true", "watermark", True),
    Case("watermark false", "watermark", False),
    Case("watermark text", "watermark", "perhaps", _BAD, "parameters.watermark"),
)

API_DEFAULTS: dict[str, Any] = {"resolution": "1080P", "duration": 5, "prompt_extend": True, "watermark": False}
"""What the service takes for a parameter that is not sent."""

INPUT_FIELDS = frozenset({"prompt", "negative_prompt"})

LEGAL_MEDIA: tuple[tuple[str, ...], ...] = (
    ("first_frame",),
    ("first_frame", "driving_audio"),
    ("first_frame", "last_frame"),
    ("first_frame", "last_frame", "driving_audio"),
    ("first_clip",),
    ("first_clip", "last_frame"),
)
"""The closed list. Order within it means nothing."""

ILLEGAL_MEDIA: tuple[tuple[str, ...], ...] = (
    (),
    ("last_frame",),
    ("driving_audio",),
    ("last_frame", "driving_audio"),
    ("first_clip", "driving_audio"),
    ("first_clip", "first_frame"),
    ("first_clip", "last_frame", "driving_audio"),
    ("first_clip", "first_frame", "last_frame"),
    ("first_frame", "last_frame", "driving_audio", "first_clip"),
    ("first_frame", "first_frame"),
    ("first_frame", "last_frame", "last_frame"),
)


@dataclass(frozen=True)
class MediaCase:
    """One material; the fixture ``make_media`` makes it.

    Attributes
    ----------
    name : str
        For the test's id.
    field : str
        The API's name.
    format : str
        JPEG, PNG, BMP, WEBP, GIF, TIFF; WAV, MP3, OGG; MP4, MOV, MKV; TEXT.
    width, height : int
        Of pictures and clips.
    seconds : float
        Of sounds and clips.
    mode : str
        Pillow's name of the pixel format.
    bytes : int
        Exact length of the file, reached by padding that its format allows; 0: as it comes.
    fault : str
        Start of the code that the FAILED task carries; empty: the material is right.
    """

    name: str
    field: str
    format: str
    width: int = 480
    height: int = 320
    seconds: float = 4.0
    mode: str = "RGB"
    bytes: int = 0
    fault: str = ""


def _both_frames(name: str, **facts: Any) -> tuple[MediaCase, ...]:
    return tuple(MediaCase(f"{frame}: {name}", frame, **facts) for frame in ("first_frame", "last_frame"))


MEDIA_CASES: tuple[MediaCase, ...] = (
    *_both_frames("JPEG", format="JPEG"),
    *_both_frames("PNG", format="PNG"),
    *_both_frames("BMP", format="BMP"),
    *_both_frames("WEBP", format="WEBP"),
    *_both_frames("grey JPEG", format="JPEG", mode="L"),
    *_both_frames("CMYK JPEG", format="JPEG", mode="CMYK"),
    *_both_frames("palette PNG", format="PNG", mode="P"),
    *_both_frames("16-bit PNG", format="PNG", mode="I;16"),
    *_both_frames("PNG with alpha", format="PNG", mode="RGBA", fault="InvalidImage.FileFormat"),
    *_both_frames("GIF", format="GIF", fault="InvalidFile.Format"),
    *_both_frames("TIFF", format="TIFF", fault="InvalidFile.Format"),
    *_both_frames("text", format="TEXT", fault="InvalidFile.Openerror"),
    *_both_frames("240 pixels", format="JPEG", width=240, height=240),
    *_both_frames("239 pixels", format="JPEG", width=239, height=240, fault="InvalidFile.Resolution"),
    *_both_frames("100 pixels", format="JPEG", width=100, height=100, fault="InvalidFile.Resolution"),
    *_both_frames("8000 pixels", format="JPEG", width=8000, height=1000),
    *_both_frames("8001 pixels", format="JPEG", width=8001, height=1100, fault="InvalidFile.Resolution"),
    *_both_frames("9000x300", format="JPEG", width=9000, height=300, fault="InvalidFile"),
    *_both_frames("8:1", format="JPEG", width=1920, height=240),
    *_both_frames("1:8", format="JPEG", width=240, height=1920),
    *_both_frames("more than 8:1", format="JPEG", width=1944, height=242, fault="InvalidFile.AspectRatio"),
    *_both_frames("less than 1:8", format="JPEG", width=242, height=1944, fault="InvalidFile.AspectRatio"),
    *_both_frames("20 MB", format="JPEG", bytes=20_000_000),
    *_both_frames("more than 20 MB", format="JPEG", bytes=20_971_521, fault="InvalidFile.Size"),
    MediaCase("WAV", "driving_audio", "WAV"),
    MediaCase("MP3", "driving_audio", "MP3"),
    MediaCase("OGG", "driving_audio", "OGG", fault="InvalidFile.Format"),
    MediaCase("text for a sound", "driving_audio", "TEXT", fault="InvalidFile.Openerror"),
    MediaCase("sound of 1 s", "driving_audio", "WAV", seconds=1, fault="InvalidFile.Duration"),
    MediaCase("sound of 1.8 s", "driving_audio", "WAV", seconds=1.8, fault="InvalidFile.Duration"),
    MediaCase("sound of 2 s", "driving_audio", "WAV", seconds=2),
    MediaCase("sound of 30 s", "driving_audio", "WAV", seconds=30),
    MediaCase("sound of 30.2 s", "driving_audio", "WAV", seconds=30.2, fault="InvalidFile.Duration"),
    MediaCase("sound of 40 s", "driving_audio", "MP3", seconds=40, fault="InvalidFile.Duration"),
    MediaCase("sound of 15 MB", "driving_audio", "WAV", bytes=15_000_000),
    MediaCase("sound of more than 15 MB", "driving_audio", "WAV", bytes=15_728_641, fault="InvalidFile.Size"),
    MediaCase("MP4", "first_clip", "MP4"),
    MediaCase("MOV", "first_clip", "MOV"),
    MediaCase("MKV", "first_clip", "MKV", fault="InvalidFile.Format"),
    MediaCase("text for a clip", "first_clip", "TEXT", fault="InvalidFile.Openerror"),
    MediaCase("clip of 240 pixels", "first_clip", "MP4", width=240, height=240),
    MediaCase("clip of 238 pixels", "first_clip", "MP4", width=320, height=238, fault="InvalidFile.Resolution"),
    MediaCase("clip of 4096 pixels", "first_clip", "MP4", width=4096, height=512, seconds=2),
    MediaCase(
        "clip of 4098 pixels", "first_clip", "MP4", width=4098, height=600, seconds=2, fault="InvalidFile.Resolution"
    ),
    MediaCase("clip of 8:1", "first_clip", "MP4", width=1920, height=240, seconds=2),
    MediaCase(
        "clip of more than 8:1",
        "first_clip",
        "MP4",
        width=1940,
        height=240,
        seconds=2,
        fault="InvalidFile.AspectRatio",
    ),
    MediaCase("clip of 1.5 s", "first_clip", "MP4", seconds=1.5, fault="InvalidFile.Duration"),
    MediaCase("clip of 2 s", "first_clip", "MP4", seconds=2),
    MediaCase("clip of 10 s", "first_clip", "MP4", seconds=10),
    MediaCase("clip of 10.5 s", "first_clip", "MP4", seconds=10.5, fault="InvalidFile.Duration"),
    MediaCase("clip of 100 MB", "first_clip", "MP4", bytes=100_000_000),
    MediaCase("clip of more than 100 MB", "first_clip", "MP4", bytes=104_857_601, fault="InvalidFile.Size"),
)

OUTPUT_SIZES: tuple[tuple[tuple[int, int], str, tuple[int, int]], ...] = (
    # The only documented example for a picture ...
    ((750, 1000), "720P", (816, 1104)),
    # ... and those sizes of the sister models whose sides are multiples of 16, as this model's always are.
    ((1280, 720), "720P", (1280, 720)),
    ((720, 1280), "720P", (720, 1280)),
    ((512, 512), "720P", (960, 960)),
    ((1920, 1080), "1080P", (1920, 1072)),
    ((1000, 1000), "1080P", (1440, 1440)),
)


@dataclass(frozen=True)
class WireCase:
    """A create that is answered with an HTTP error, or accepted and FAILED later.

    Attributes
    ----------
    name : str
        For the test's id.
    body
        Sent as JSON; bytes are sent as they are.
    drop : tuple of str
        Headers of a right request that are left out.
    headers : dict
        Headers put in their place.
    status : int
        Of the answer; 200 means that the task fails later.
    code, message : str
        Start of the code, part of the message.
    """

    name: str
    body: Any
    status: int
    code: str
    message: str = ""
    drop: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)


PICTURE = "https://picture.invalid/a.png"
"""Nobody answers there: the name is reserved for that."""

_FRAME = [{"type": "first_frame", "url": PICTURE}]


def body(**changes: Any) -> dict[str, Any]:
    """A right create body; ``input`` or ``parameters`` are replaced whole."""
    return {
        "model": MODEL,
        "input": {"prompt": "a cat", "media": _FRAME},
        "parameters": {"resolution": "720P", "duration": 5},
        **changes,
    }


WIRE_CASES: tuple[WireCase, ...] = (
    WireCase(
        "no async header", body(), 403, "AccessDenied", "does not support synchronous calls", ("X-DashScope-Async",)
    ),
    WireCase("no key", body(), 401, "InvalidApiKey", "No API-key provided.", ("Authorization",)),
    WireCase("empty key", body(), 401, "InvalidApiKey", "No API-key provided.", headers={"Authorization": "Bearer"}),
    WireCase(
        "not a key", body(), 401, "InvalidApiKey", "Invalid API-key provided.", headers={"Authorization": "Basic eDp5"}
    ),
    WireCase("not JSON", b"{", 400, "BadRequest"),
    WireCase("not an object", [1], 400, "BadRequest"),
    WireCase("no model", {"input": {}}, 400, "BadRequest.EmptyModel"),
    WireCase("no input", {"model": MODEL}, 400, "BadRequest.EmptyInput"),
    WireCase("no such model", body(model="wan9-i2v"), 404, "ModelNotFound"),
    WireCase(
        "uploaded file without its header",
        body(input={"media": [{"type": "first_frame", "url": "oss://dashscope-instant/x/y.png"}]}),
        400,
        "invalid_parameter_error",
    ),
    WireCase(
        "uploaded file that is not there",
        body(input={"media": [{"type": "first_frame", "url": "oss://dashscope-instant/x/y.png"}]}),
        200,
        "InvalidParameter.DataInspection",
        "The media format is not supported or incorrect for the data inspection.",
        headers={"X-DashScope-OssResourceResolve": "enable"},
    ),
    WireCase(
        "fields of 2.6", body(input={"prompt": "a", "img_url": PICTURE}), 200, _BAD, "Field required: input.media"
    ),
    WireCase("media is no list", body(input={"media": {"first_frame": PICTURE}}), 200, _BAD, "input.media"),
    WireCase("medium without type", body(input={"media": [{"url": PICTURE}]}), 200, _BAD, "input.media.0.type"),
    WireCase("medium without url", body(input={"media": [{"type": "first_frame"}]}), 200, _BAD, "input.media.0.url"),
    WireCase(
        "medium of another model",
        body(input={"media": [{"type": "reference_image", "url": PICTURE}]}),
        200,
        _BAD,
        "input.media.0.type",
    ),
    WireCase(
        "address that is none",
        body(input={"media": [{"type": "first_frame", "url": "https://[::1"}]}),
        200,
        "InvalidURL",
    ),
    WireCase(
        "file of the service's machine",
        body(input={"media": [{"type": "first_frame", "url": "file:///etc/hosts"}]}),
        200,
        "InvalidURL",
    ),
    WireCase(
        "name of a file that a simulator keeps",
        body(input={"media": [{"type": "first_frame", "url": "kept:../secret"}]}),
        200,
        "InvalidURL",
    ),
    WireCase("prompt is a number", body(input={"prompt": 7, "media": _FRAME}), 200, _BAD, "input.prompt"),
)

TOLERATED: dict[str, Any] = {
    "model": MODEL,
    "input": {"prompt": None, "extend_prompt": True, "function": "video-synthesis", "media": _FRAME},
    "parameters": {"size": "1280*720", "resolution": "720P", "duration": 2, "n": 1},
}
"""What the official package sends besides: keys that the service does not know, and a prompt that is null."""

SEED_HEADERS: dict[str, str] = {
    "X-DashScope-Async": "enable",
    "Authorization": "Bearer sk-any",
    "Content-Type": "application/json",
}

SEED_REQUEST: dict[str, Any] = {
    "model": "wan2.7-i2v",
    "input": {
        "prompt": "A scene of urban fantasy art. A dynamic graffiti art character. A boy made of spray paint comes to life on a concrete wall. He sings an English rap song at high speed while striking a classic, energetic rapper pose. The scene is set under an urban railway bridge at night. The light comes from a single street lamp, creating a cinematic atmosphere full of high energy and amazing detail. The audio of the video consists entirely of the rap, with no other dialogue or noise.",  # noqa: E501
        "media": [
            {
                "type": "first_frame",
                "url": "https://help-static-aliyun-doc.aliyuncs.com/file-manage-files/zh-CN/20250925/wpimhv/rap.png",
            },
            {
                "type": "driving_audio",
                "url": "https://help-static-aliyun-doc.aliyuncs.com/file-manage-files/zh-CN/20250925/ozwpvi/rap.mp3",
            },
        ],
    },
    "parameters": {"resolution": "720P", "duration": 10, "prompt_extend": True, "watermark": True},
}
"""The documented request, as it stands on the page."""

SEED_RESPONSE: dict[str, Any] = {
    "request_id": "4909100c-7b5a-9f92-bfe5-xxxxxx",
    "output": {"task_id": "0385dc79-5ff8-4d82-bcb6-xxxxxx", "task_status": "PENDING"},
}
"""Its documented answer."""

ANSWERS: dict[str, dict[str, Any]] = {
    "PENDING": {
        "request_id": "r",
        "output": {"task_id": "t", "task_status": "PENDING", "submit_time": "2026-04-08 10:00:00.000"},
    },
    "RUNNING": {
        "request_id": "r",
        "output": {
            "task_id": "t",
            "task_status": "RUNNING",
            "submit_time": "2026-04-08 10:00:00.000",
            "scheduled_time": "2026-04-08 10:00:00.100",
        },
    },
    "SUCCEEDED": {
        "request_id": "r",
        "output": {
            "task_id": "t",
            "task_status": "SUCCEEDED",
            "submit_time": "2026-04-08 10:00:00.000",
            "scheduled_time": "2026-04-08 10:00:00.100",
            "end_time": "2026-04-08 10:01:30.000",
            "orig_prompt": "a cat",
            "video_url": "https://result.invalid/a.mp4?Expires=1&OSSAccessKeyId=k&Signature=s",
        },
        "usage": {
            "duration": 10,
            "input_video_duration": 0,
            "output_video_duration": 10,
            "video_count": 1,
            "SR": 720,
        },
    },
    "FAILED": {
        "request_id": "r",
        "output": {
            "task_id": "t",
            "task_status": "FAILED",
            "code": "InvalidParameter",
            "message": "Field required: input.media",
        },
    },
    "CANCELED": {"request_id": "r", "output": {"task_id": "t", "task_status": "CANCELED"}},
    "UNKNOWN": {"request_id": "r", "output": {"task_id": "t", "task_status": "UNKNOWN"}},
}
"""Answers of the query of one task by status. Times are UTC+8 without saying so."""

OPTIONAL_IN_ANSWERS: dict[str, frozenset[str]] = {
    # The documented example has no times, the prose gives FAILED an end.
    "FAILED": frozenset({"submit_time", "scheduled_time", "end_time"}),
}

LIST_ROW: dict[str, Any] = {
    "api_key_id": "1",
    "caller_parent_id": "2",
    "caller_uid": "2",
    "gmt_create": 1775613600000,
    "start_time": 1775613600100,
    "end_time": 1775613690000,
    "region": "cn-beijing",
    "request_id": "r",
    "status": "SUCCEEDED",
    "task_id": "t",
    "model_name": "wan2.7-i2v",
    "user_api_unique_key": "apikey:v1:aigc:image2video:video-synthesis:wan2.7-i2v",
}
"""One row of the list: ``status``, not ``task_status``; epoch milliseconds, not strings."""

LIST_ANSWER: dict[str, Any] = {
    "request_id": "r",
    "total": 1,
    "total_page": 1,
    "page_no": 1,
    "page_size": 10,
    "data": [LIST_ROW],
}
"""Flat: no ``output``."""

POLICY_ANSWER: dict[str, Any] = {
    "request_id": "r",
    "data": {
        "policy": "eyJ",
        "signature": "g5K",
        "upload_dir": "dashscope-instant/abc/2026-11-22/def",
        "upload_host": "https://upload.invalid",
        "expire_in_seconds": 300,
        "max_file_size_mb": 100,
        "capacity_limit_mb": 999999999,
        "oss_access_key_id": "LTA",
        "x_oss_object_acl": "private",
        "x_oss_forbid_overwrite": "true",
    },
}

REFUSED_CANCEL: dict[str, Any] = {
    "status": 400,
    "code": "UnsupportedOperation",
    "message": "Failed to cancel the task, please confirm if the task is in PENDING status.",
}

TOO_FAST: dict[str, Any] = {
    "status": 429,
    "code": "Throttling.RateQuota",
    "message": "Requests rate limit exceeded, please try again later.",
}

ACCOUNT_LIMITS: dict[str, float] = {"queries_per_second": 20, "submits_per_second": 5, "running": 5, "life_hours": 24}
UPLOAD_LIFE_HOURS = 48
TASK_TIMEOUT_HOURS = 3
