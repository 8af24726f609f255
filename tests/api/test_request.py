"""What the client refuses before money, and what it sends, judged by a hand-typed table."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import documented_cases as documented
import pytest
from documented_cases import MediaCase
from hypothesis import given
from hypothesis import strategies as st
from make_media import make_media

from wan_nb.api import catalog
from wan_nb.api.checks import check_value
from wan_nb.api.medium import Medium
from wan_nb.api.request import VideoRequest, derive_seed
from wan_nb.api.task import Task
from wan_nb.errors import InvalidMedia, InvalidRequest
from wan_nb.media.clips import ClipFacts
from wan_nb.media.materials import prepare

FRAME = Medium.at("https://example.org/cat.png", "image")
SOUND = Medium.at("https://example.org/voice.mp3", "audio")
CLIP = Medium.at("https://example.org/clip.mp4", "clip")
MEDIA = {"first_frame": FRAME, "last_frame": FRAME, "driving_audio": SOUND, "first_clip": CLIP}

STRICTER = {"prompt empty"}
"""What the service takes and we do not: an empty prompt in a notebook is a slip that would be paid for."""


@pytest.mark.parametrize("case", documented.FIELD_CASES, ids=lambda case: case.name)
def test_documented_values_pass_and_others_are_named(case: documented.Case) -> None:
    problems = VideoRequest.problems(first_frame=FRAME, **{case.field: case.value})
    if case.right and case.name not in STRICTER:
        assert problems == []
    else:
        assert [problem.field for problem in problems] == [case.field]


def test_a_request_has_the_fields_of_the_catalog_and_no_others() -> None:
    assert {one.name for one in fields(VideoRequest)} == set(catalog.BY_NAME)
    assert all(f"{name} : " in (VideoRequest.__doc__ or "") for name in catalog.BY_NAME)


def test_no_field_of_a_request_bears_the_name_of_what_is_measured_of_a_clip() -> None:
    """The log keeps both under their names: a requested ``fps`` would stand where the measured one does."""
    assert set(catalog.BY_NAME) & {measured.name for measured in fields(ClipFacts)} == set()


def test_each_documented_default_is_said_in_the_catalog() -> None:
    row = catalog.model(documented.MODEL)
    said = {f.name: f.api_default for f in row.fields if f.where == "parameters" and f.name != "seed"}
    assert said == documented.API_DEFAULTS


@pytest.mark.parametrize("names", documented.LEGAL_MEDIA, ids="+".join)
def test_each_legal_combination_passes_and_has_a_name(names: tuple[str, ...]) -> None:
    assert VideoRequest(**{name: MEDIA[name] for name in names}).mode


@pytest.mark.parametrize("names", [n for n in documented.ILLEGAL_MEDIA if len(set(n)) == len(n)], ids="+".join)
def test_no_other_combination_passes(names: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        VideoRequest(model=documented.MODEL, **{name: MEDIA[name] for name in names})
    assert caught.value.field in {*names, "first_frame"}
    assert "first_frame + last_frame" in caught.value.remedy


@pytest.mark.parametrize("case", documented.MEDIA_CASES, ids=lambda case: case.name)
def test_documented_materials_pass_and_others_are_refused(case: MediaCase, tmp_path) -> None:
    path = tmp_path / f"material.{case.format.lower()}"
    path.write_bytes(make_media(case))
    if case.fault:
        with pytest.raises(InvalidMedia) as caught:
            prepare(path, case.field, tmp_path / "frames")
        assert caught.value.field == case.field
    else:
        assert prepare(path, case.field, tmp_path / "frames").path


def test_the_documented_request_comes_out_with_exactly_a_seed_more() -> None:
    given_ = documented.SEED_REQUEST
    urls = {item["type"]: item["url"] for item in given_["input"]["media"]}
    request = VideoRequest(
        model=given_["model"],
        prompt=given_["input"]["prompt"],
        first_frame=Medium.at(urls["first_frame"], "image"),
        driving_audio=Medium.at(urls["driving_audio"], "audio"),
        **given_["parameters"],
        seed=7,
    )
    body = request.payload(urls)
    assert body["parameters"].pop("seed") == 7
    assert body == given_


def test_every_parameter_is_always_sent() -> None:
    sent = VideoRequest(first_frame=FRAME, seed=1).payload({"first_frame": "u"})["parameters"]
    assert set(sent) == {f.name for f in catalog.model(documented.MODEL).fields if f.where == "parameters"}


def test_a_clip_must_be_shorter_than_the_whole() -> None:
    clip = replace(CLIP, seconds=5.0)
    assert VideoRequest.problems(first_clip=clip, duration=5)[0].field == "duration"
    assert VideoRequest.problems(first_clip=clip, duration=6) == []


def test_several_problems_are_all_told_in_the_order_of_the_fields() -> None:
    problems = VideoRequest.problems(first_frame=FRAME, duration=1, resolution="4K", prompt=" ", colour="red")
    assert [problem.field for problem in problems] == ["prompt", "resolution", "duration", "colour"]


@pytest.mark.parametrize("status", documented.ANSWERS)
def test_documented_answers_are_read(status: str) -> None:
    task = Task.parse(documented.ANSWERS[status])
    assert (task.task_id, task.status) == ("t", status)
    assert (task.usage is not None) == (status == "SUCCEEDED")


# --- fingerprints and seeds


def test_a_signature_does_not_make_another_picture_and_another_picture_does() -> None:
    signed = [f"https://e.org/a.png?id=3&Expires={n}&OSSAccessKeyId=k&Signature=s{n}" for n in (1, 2)]
    prints = {VideoRequest(first_frame=Medium.at(url, "image")).fingerprint("me") for url in signed}
    assert len(prints) == 1
    other = Medium.at("https://e.org/a.png?id=4", "image")
    assert VideoRequest(first_frame=other).fingerprint("me") not in prints
    assert all("Signature" not in json.dumps(Medium.at(url, "image").public()) for url in signed)


@given(st.sampled_from(["prompt", "negative_prompt", "resolution", "duration", "seed", "model"]))
def test_every_field_sent_counts_in_the_fingerprint(name: str) -> None:
    changed = {"prompt": "b", "negative_prompt": "b", "resolution": "1080P", "duration": 6, "seed": 9, "model": "x"}
    base = VideoRequest(first_frame=FRAME, prompt="a", seed=1)
    other = VideoRequest(**{"first_frame": FRAME, "prompt": "a", "seed": 1, name: changed[name]})
    assert base.fingerprint("me") != other.fingerprint("me")
    assert base.fingerprint("me") != base.fingerprint("you")


@given(st.text(max_size=40), st.integers(1, 50))
def test_a_derived_seed_is_in_range_and_depends_on_name_and_attempt(name: str, attempt: int) -> None:
    seed = derive_seed({"first_frame": FRAME}, name, attempt)
    assert check_value(next(f for f in catalog.FIELDS if f.name == "seed"), seed) == seed
    assert seed == derive_seed({"first_frame": FRAME}, name, attempt)
    assert seed != derive_seed({"first_frame": SOUND}, name, attempt)


@given(st.text(st.characters(exclude_categories=())))  # half pairs too, which no text by itself holds
def test_any_text_is_a_prompt_or_one_error(prompt: str) -> None:
    problems = VideoRequest.problems(prompt=prompt, first_frame=FRAME)
    if not problems:
        body = VideoRequest(prompt=prompt, first_frame=FRAME).payload({"first_frame": "u"})
        assert json.loads(json.dumps(body, ensure_ascii=False).encode())["input"]["prompt"] == prompt
