"""All models of the endpoint: bodies as their pages show them, what is refused before money, what is billed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wan_nb.api import catalog
from wan_nb.api.medium import Medium
from wan_nb.api.recorded import material_fields, recorded, recorded_media, values_of
from wan_nb.api.request import VideoRequest
from wan_nb.errors import InvalidRequest

BEIJING = catalog.REGIONS["beijing"]


def image(name: str = "a", **facts: Any) -> Medium:
    return replace(Medium.at(f"https://example.org/{name}.png", "image"), **facts)


def audio(name: str = "a", **facts: Any) -> Medium:
    return replace(Medium.at(f"https://example.org/{name}.mp3", "audio"), **facts)


def clip(seconds: float | None = None, name: str = "a", **facts: Any) -> Medium:
    return replace(Medium.at(f"https://example.org/{name}.mp4", "clip"), seconds=seconds, **facts)


def body(**fields: Any) -> dict[str, Any]:
    request = VideoRequest(**fields)
    return request.payload({slot: str(medium.url) for slot, medium in request.media().items()})


# --- the documented bodies, typed by hand

T2V = {
    "model": "wan2.7-t2v",
    "input": {"prompt": "a cat", "negative_prompt": "blur", "audio_url": "https://example.org/a.mp3"},
    "parameters": {
        "resolution": "1080P", "ratio": "16:9", "duration": 5, "prompt_extend": True, "watermark": False, "seed": 1,
    },
}  # fmt: skip
R2V = {
    "model": "wan2.7-r2v",
    "input": {
        "prompt": "Image 1 waves at Video 1",
        "negative_prompt": "blur",
        "media": [
            {
                "type": "reference_image",
                "url": "https://example.org/a.png",
                "reference_voice": "https://example.org/v.mp3",
            },
            {"type": "reference_video", "url": "https://example.org/b.mp4"},
            {"type": "first_frame", "url": "https://example.org/f.png"},
        ],
    },
    "parameters": {
        "resolution": "720P", "ratio": "16:9", "duration": 5, "prompt_extend": True, "watermark": False, "seed": 1,
    },
}  # fmt: skip
EDIT = {
    "model": "wan2.7-videoedit",
    "input": {
        "prompt": "make it rain",
        "media": [
            {"type": "video", "url": "https://example.org/a.mp4"},
            {"type": "reference_image", "url": "https://example.org/r.png"},
        ],
    },
    "parameters": {
        "resolution": "1080P", "ratio": "16:9", "duration": 0, "audio_setting": "auto", "prompt_extend": True,
        "watermark": False, "seed": 1,
    },
}  # fmt: skip
WAN3 = {
    "model": "wan3.0-video",
    "input": {
        "prompt": "a cat",
        "media": [
            {"type": "first_frame", "url": "https://example.org/f.png"},
            {"type": "last_frame", "url": "https://example.org/l.png"},
        ],
    },
    "parameters": {
        "resolution": "720P", "ratio": "adaptive", "duration": 5, "audio": True, "prompt_extend": True,
        "watermark": False, "seed": -1,
    },
}  # fmt: skip


def test_text_to_video_spells_its_sound_audio_url() -> None:
    given = {"prompt": "a cat", "negative_prompt": "blur", "driving_audio": audio(), **T2V["parameters"]}
    assert body(**given) == T2V
    assert "media" not in body(prompt="a cat")["input"]


def test_references_keep_their_order_and_carry_their_voice() -> None:
    given = {
        "prompt": "Image 1 waves at Video 1",
        "negative_prompt": "blur",
        "reference_image": [image()],
        "reference_video": [clip(name="b")],
        "reference_voice": {1: audio("v")},
        "first_frame": image("f"),
        **R2V["parameters"],
    }
    assert body(**given) == R2V
    many = VideoRequest(prompt="a", reference_image=[image(n) for n in "cab"], reference_video=clip(name="d"))
    assert [medium.name[-5] for medium in many.media().values()] == ["c", "a", "b", "d"]
    assert list(many.labels().values()) == ["Image 1", "Image 2", "Image 3", "Video 1"]


def test_an_edit_and_frames_of_wan_3() -> None:
    edit = {"prompt": "make it rain", "video": clip(), "reference_image": [image("r")], **EDIT["parameters"]}
    assert body(**edit) == EDIT
    frames = {"model": "wan3.0-video", "prompt": "a cat", "first_frame": image("f"), "last_frame": image("l")}
    assert body(**frames, **WAN3["parameters"]) == WAN3


def test_a_happyhorse_clip_is_not_marked_unless_asked_for() -> None:
    sent = body(model="happyhorse-1.1-r2v", prompt="[Image 1] waves", reference_image=[image()], seed=1)
    assert sent["parameters"] == {
        "resolution": "720P", "ratio": "16:9", "duration": 5, "seed": 1, "watermark": False,
    }  # fmt: skip


def test_what_was_written_down_makes_the_same_request() -> None:
    for model, fields in ANY.items():
        request = VideoRequest(model=model, **fields)
        public = request.public()
        again = VideoRequest(**values_of(public), **material_fields(public, lambda _, item: recorded(item)))
        assert again.fingerprint("me") == request.fingerprint("me"), model


ANY: dict[str, dict[str, Any]] = {
    "wan2.7-i2v": {"first_frame": image()},
    "wan2.7-t2v": {"prompt": "a", "driving_audio": audio()},
    "wan2.7-r2v": {
        "prompt": "a", "reference_image": [image(), image("b")], "reference_video": [clip()],
        "reference_voice": {3: audio(), 1: audio("b")},
    },
    "wan2.7-videoedit": {"video": clip(), "reference_image": [image()]},
    "wan3.0-video": {"prompt": "a", "reference_image": [image()], "reference_audio": [audio(), audio("b")]},
    "wan3.0-video-prime": {"prompt": "a"},
    "happyhorse-1.1-t2v": {"prompt": "a"},
    "happyhorse-1.1-i2v": {"first_frame": image()},
    "happyhorse-1.1-r2v": {"prompt": "a", "reference_image": [image()]},
    "happyhorse-1.0-video-edit": {"prompt": "a", "video": clip()},
}  # fmt: skip
"""Something right for each model."""


def test_each_model_takes_something_right() -> None:
    assert set(ANY) == {row.name for family in catalog.FAMILIES for row in family.ROWS}
    for model, fields in ANY.items():
        assert VideoRequest.problems(model=model, **fields) == [], model


@pytest.mark.parametrize(("word", "field"), catalog.OTHER_WORDS.items())
def test_what_others_call_a_field_is_told_ours(word, field) -> None:
    (wrong, *_) = VideoRequest.problems(prompt="a", **{word: "x"})
    assert wrong.remedy == f"Did you mean {field}?"
    assert field in catalog.BY_NAME


@pytest.mark.parametrize("model", ANY)
def test_each_material_of_a_recorded_request_is_found_in_its_place(model) -> None:
    """Several references, and their voices, are told apart: a run of the first edition is known by each of them."""
    request = VideoRequest(model=model, **ANY[model])
    known = {place: medium.identity for place, medium in request.media().items()}
    assert {place: medium.identity for place, medium in recorded_media(request.public()).items()} == known


# --- which model


@pytest.mark.parametrize(
    ("fields", "model"),
    [
        ({"prompt": "a"}, "wan2.7-t2v"),
        ({"prompt": "a", "driving_audio": audio()}, "wan2.7-t2v"),
        ({"first_frame": image()}, "wan2.7-i2v"),
        ({"first_clip": clip()}, "wan2.7-i2v"),
        ({"prompt": "a", "reference_image": [image()], "first_frame": image()}, "wan2.7-r2v"),
        ({"video": clip(), "reference_image": image()}, "wan2.7-videoedit"),
    ],
)
def test_the_model_follows_from_what_is_given(fields: dict[str, Any], model: str) -> None:
    assert VideoRequest(**fields).model == model


# --- limits: what is refused, by field, with what is said

WAN3_TEXT = {"model": "wan3.0-video", "prompt": "a"}
BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("reference beside a frame", {**WAN3_TEXT, "first_frame": image(), "reference_image": [image()]},
     "reference_image", "do not go together"),
    ("six references", {"prompt": "a", "reference_image": [image(n) for n in "abcdef"]}, "reference_image", "takes 5"),
    ("six references of two kinds", {"prompt": "a", "reference_image": [image(n) for n in "abc"],
     "reference_video": [clip(name=n) for n in "abc"]}, "reference_image", "takes 5 in all"),
    ("five references of an edit", {"video": clip(), "reference_image": [image(n) for n in "abcde"]},
     "reference_image", "takes 4"),
    ("a voice without its image", {"prompt": "a", "reference_image": [image()], "reference_voice": {2: audio()}},
     "reference_voice", "belongs to no reference"),
    ("a voice alone", {"prompt": "a", "reference_voice": {1: audio()}}, "reference_image", "nothing is given"),
    ("two videos", {"video": [clip(), clip(name="b")]}, "video", "one clip, not 2"),
    ("ratio with a frame", {"first_frame": image(), "ratio": "1:1"}, "ratio", "wan2.7-i2v takes no ratio"),
    ("last frame alone", {"model": "wan3.0-video", "last_frame": image()}, "last_frame", "alone is not enough"),
    ("negative prompt of wan 3", {**WAN3_TEXT, "negative_prompt": "b"}, "negative_prompt", "takes no negative_prompt"),
    ("duration 31", {**WAN3_TEXT, "duration": 31}, "duration", "2 to 30"),
    ("duration -2", {**WAN3_TEXT, "duration": -2}, "duration", "2 to 30"),
    ("duration 0 of text", {"prompt": "a", "duration": 0}, "duration", "2 to 15"),
    ("duration 1 of an edit", {"video": clip(), "duration": 1}, "duration", "2 to 10 s, or 0"),
    ("duration 11 with a reference video", {"prompt": "a", "reference_video": [clip()], "duration": 11}, "duration",
     "10 s at most"),
    ("480P of wan 2.7", {"prompt": "a", "resolution": "480P"}, "resolution", "720P or 1080P"),
    ("no prompt", {}, "prompt", "needs a prompt"),
    ("no prompt and no media", {"model": "wan3.0-video"}, "prompt", "needs a prompt"),
    ("20 001 characters", {**WAN3_TEXT, "prompt": "a" * 20_001}, "prompt", "1 more"),
    ("2 501 Chinese characters", {"model": "happyhorse-1.1-t2v", "prompt": "猫" * 2501}, "prompt", "counts as 2"),
    ("a document", {**WAN3_TEXT, "file": "a.pdf"}, "file", "does not offer yet"),
    ("a page", {**WAN3_TEXT, "link": "https://example.org"}, "link", "does not offer yet"),
    ("16 s of reference video", {**WAN3_TEXT, "reference_video": [clip(8), clip(8, "b")]}, "reference_video", "15 s"),
    ("31 s in all", {**WAN3_TEXT, "reference_video": [clip(11)], "duration": 20}, "duration", "longer than 30 s"),
    ("15 pictures a second", {**WAN3_TEXT, "reference_video": [clip(5, fps=15.0)]}, "reference_video", "16 or more"),
    ("a small picture", {"model": "happyhorse-1.1-r2v", "prompt": "a",
     "reference_image": [image(width=399, height=500)]}, "reference_image", "400 to 8000"),
    ("a long picture", {"model": "happyhorse-1.1-i2v", "first_frame": image(width=1000, height=390)}, "first_frame",
     "2.5 times"),
    ("a BMP", {"model": "happyhorse-1.1-i2v", "first_frame": image(format="BMP")}, "first_frame", "is BMP"),
    ("a sound of 11 s for a voice", {"prompt": "a", "reference_image": [image()],
     "reference_voice": {1: audio(seconds=11.0)}}, "reference_voice", "1 to 10 s"),
    ("a picture for a clip", {"video": image()}, "video", "is no clip"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "field", "says"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_what_a_model_does_not_take_is_said(fields: dict[str, Any], field: str, says: str) -> None:
    (problem, *_) = VideoRequest.problems(**fields)
    assert (problem.field, says in str(problem)) == (field, True), str(problem)


@pytest.mark.parametrize(
    "fields",
    [
        {**WAN3_TEXT, "duration": 30},
        {**WAN3_TEXT, "duration": -1},
        {**WAN3_TEXT, "prompt": "猫" * 20_000},
        {**WAN3_TEXT, "reference_video": [clip(7.5, fps=16.0), clip(7.5, "b")], "duration": 15},
        {"model": "happyhorse-1.1-t2v", "prompt": "猫" * 2500},
        {"model": "happyhorse-1.1-r2v", "prompt": "a", "reference_image": [image(width=400, height=500)] * 9},
        {"prompt": "a", "reference_video": [clip(30)], "duration": 10},
        {"prompt": "a", "reference_image": [image()], "duration": 15},
        {"video": clip(10), "duration": 10},
        {"video": clip(2), "duration": 2, "reference_image": [image()] * 4},
    ],
)
def test_what_is_at_a_limit_is_right(fields: dict[str, Any]) -> None:
    assert VideoRequest.problems(**fields) == []


def test_an_option_is_refused_with_a_model_that_takes_it() -> None:
    (problem,) = VideoRequest.problems(first_frame=image(), ratio="1:1")
    assert "wan2.7-t2v" in problem.remedy
    (problem,) = VideoRequest.problems(prompt="a", duration=20)
    assert "wan3.0-video" in problem.remedy


def test_a_ratio_that_is_not_heeded_is_told() -> None:
    given = {"prompt": "a", "reference_image": [image()], "ratio": "1:1"}
    assert VideoRequest(**given).notes == []
    assert "takes no notice" in VideoRequest(**given, first_frame=image()).notes[0]


def test_a_model_that_a_region_does_not_have_is_refused() -> None:
    from wan_nb.api.checks import check_region

    check_region("wan3.0-video", catalog.REGIONS["tokyo"])
    check_region("wan9-i2v", catalog.REGIONS["tokyo"])  # what is not known the service decides
    with pytest.raises(InvalidRequest, match="not offered in tokyo"):
        check_region("wan2.7-t2v", catalog.REGIONS["tokyo"])


def test_pictures_that_have_to_stand_in_the_body_fit_into_it(tmp_path: Any) -> None:
    file = {"path": tmp_path / "a.png", "url": None, "whole": None}
    large = image(bytes=17 * 2**20, **file)
    (problem,) = VideoRequest.problems(model="happyhorse-1.1-i2v", first_frame=large)
    assert "16" in str(problem)
    assert VideoRequest.problems(first_frame=large) == []  # this one is uploaded


def test_a_picture_in_the_body_has_a_text_of_20_mib_at_most() -> None:
    """Base64 makes a third more of it: 15 MiB of a picture fit, and a byte more does not."""
    fits, large = (image(bytes=15 * 2**20 + more, url=None, whole=None) for more in (0, 1))
    assert VideoRequest.problems(model="happyhorse-1.1-i2v", first_frame=fits) == []
    (problem,) = VideoRequest.problems(model="happyhorse-1.1-i2v", first_frame=large)
    assert (problem.field, "takes 15 in the request" in str(problem)) == ("first_frame", True)


@pytest.mark.parametrize(
    ("region", "host", "currency"),
    [
        ("beijing", "ws1.cn-beijing.maas.aliyuncs.com", "CNY"),
        ("singapore", "ws1.ap-southeast-1.maas.aliyuncs.com", "USD"),
        ("virginia", "ws1.us-east-1.maas.aliyuncs.com", "USD"),
        ("frankfurt", "ws1.eu-central-1.maas.aliyuncs.com", "USD"),
        ("tokyo", "ws1.ap-northeast-1.maas.aliyuncs.com", "USD"),
        ("hongkong", "ws1.cn-hongkong.maas.aliyuncs.com", "USD"),
    ],
)
def test_a_workspace_and_a_region_make_the_host(region: str, host: str, currency: str) -> None:
    from wan_nb.engine.endpoint import address, region_named

    assert address(region, "ws1") == f"https://{host}/api/v1"
    assert (region_named(region).currency, catalog.region_of(f"https://{host}/api/v1").name) == (currency, region)
    assert catalog.request_limit(f"https://{host}/api/v1") == 3600


# --- bills, worked out by hand


@pytest.mark.parametrize(
    ("fields", "seconds", "amount", "at_most"),
    [
        ({"prompt": "a", "reference_image": [image()]}, 5.0, 3.0, False),
        ({"prompt": "a", "reference_video": [clip(2)]}, 7.0, 4.2, False),
        ({"prompt": "a", "reference_video": [clip(9)]}, 10.0, 6.0, False),
        ({"prompt": "a", "reference_video": [clip(2), clip(9, "b")]}, 9.5, 5.7, False),
        ({"prompt": "a", "reference_video": [clip(2), clip(5, "b"), clip(9, "c")]}, 10.0, 6.0, False),
        ({"prompt": "a", "reference_video": [clip()]}, 10.0, 6.0, True),
        ({"video": clip(5.02)}, 10.04, 6.024, False),
        ({"video": clip(9), "duration": 4}, 13.0, 7.8, False),
        ({"video": clip()}, 20.0, 12.0, True),
        ({**WAN3_TEXT, "duration": -1}, 30.0, 18.0, True),
        ({**WAN3_TEXT, "duration": -1, "reference_video": [clip(10)]}, 30.0, 18.0, True),
        ({**WAN3_TEXT, "resolution": "480P"}, 5.0, 1.5, False),
        ({"model": "happyhorse-1.0-video-edit", "prompt": "a", "video": clip(6.62)}, 13.24, 11.916, False),
    ],
)
def test_the_bill_is_told_before(fields: dict[str, Any], seconds: float, amount: float, at_most: bool) -> None:
    told = VideoRequest(**fields).estimate(BEIJING)
    assert told.input_s + told.output_s == pytest.approx(seconds)
    assert (told.amount, told.at_most) == (pytest.approx(amount), at_most)


def test_a_region_without_a_list_costs_what_its_currency_does() -> None:
    assert VideoRequest(**WAN3_TEXT).estimate(catalog.REGIONS["tokyo"]).told == "about USD 0.50"
