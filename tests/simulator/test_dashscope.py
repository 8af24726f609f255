"""The official package, unchanged, pointed at the simulator by ``dashscope.base_http_api_url`` alone."""

from __future__ import annotations

import warnings
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from documented_cases import CREATE, MODEL, PICTURE, SEED_HEADERS, SEED_REQUEST, SEED_RESPONSE
from documented_family import BODIES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from simulator_control import Simulator

MEDIA = [{"type": "first_frame", "url": PICTURE}]


@pytest.fixture
def synthesis(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with warnings.catch_warnings():
        # Its own imports warn about themselves.
        warnings.simplefilter("ignore")
        import dashscope
    monkeypatch.setattr(dashscope, "base_http_api_url", simulator.url)
    monkeypatch.setattr(dashscope, "api_key", "sk-official")
    return dashscope.VideoSynthesis


def started(synthesis: Any, **fields: Any) -> Any:
    answer = synthesis.async_call(model=MODEL, prompt="a cat", **{"media": [dict(item) for item in MEDIA], **fields})
    assert answer.status_code == HTTPStatus.OK, answer
    return answer


def test_call_waits_for_the_clip(synthesis: Any) -> None:
    answer = synthesis.call(model=MODEL, prompt="a cat", media=[dict(item) for item in MEDIA], duration=3)
    assert answer.status_code == HTTPStatus.OK
    assert answer.output.task_status == "SUCCEEDED"
    assert answer.usage["duration"] == 3
    assert httpx.get(answer.output.video_url, trust_env=False).content[4:8] == b"ftyp"


def test_async_call_then_wait_and_fetch(synthesis: Any) -> None:
    task = started(synthesis, resolution="720P")
    assert task.output.task_status == "PENDING"
    assert synthesis.wait(task).output.task_status == "SUCCEEDED"
    assert synthesis.fetch(task.output.task_id).output.orig_prompt == "a cat"


def test_list_sees_the_tasks(synthesis: Any) -> None:
    task = started(synthesis)
    page = synthesis.list(model_name=MODEL, page_size=5)
    assert page.status_code == HTTPStatus.OK
    assert [row["task_id"] for row in page.output["data"]] == [task.output.task_id]


def test_cancel_while_it_waits_and_too_late(synthesis: Any, simulator: Simulator) -> None:
    simulator.config(queue=1000)
    task = started(synthesis)
    assert synthesis.cancel(task).status_code == HTTPStatus.OK
    assert synthesis.fetch(task).output.task_status == "CANCELED"
    refused = synthesis.cancel(task)
    assert (refused.status_code, refused.code) == (HTTPStatus.BAD_REQUEST, "UnsupportedOperation")


@pytest.mark.parametrize("spelling", ["file://{}", "{}"])
def test_a_local_file_is_uploaded(synthesis: Any, simulator: Simulator, photos: Path, spelling: str) -> None:
    simulator.config(strict=True)
    media = [{"type": "first_frame", "url": spelling.format(photos / "cat.jpg")}]
    answer = synthesis.wait(started(synthesis, media=media))
    assert answer.output.task_status == "SUCCEEDED"
    assert simulator.counters()["uploads"] == 1


def test_wrong_fields_fail_after_a_200(synthesis: Any, simulator: Simulator) -> None:
    task = synthesis.async_call(model=MODEL, prompt="a cat", img_url=PICTURE)
    assert task.status_code == HTTPStatus.OK
    output = synthesis.wait(task).output
    assert (output.task_status, output.code) == ("FAILED", "InvalidParameter")
    assert output.message == "Field required: input.media"
    assert simulator.counters()["billed_seconds"] == 0


def test_a_refused_create_reaches_the_caller(synthesis: Any) -> None:
    answer = synthesis.async_call(model="wan9-i2v", prompt="a cat", media=[dict(item) for item in MEDIA])
    assert (answer.status_code, answer.code) == (HTTPStatus.NOT_FOUND, "ModelNotFound")


def test_the_documented_curl_command(simulator: Simulator) -> None:
    answer = httpx.post(simulator.url + CREATE, json=SEED_REQUEST, headers=SEED_HEADERS, trust_env=False)
    said = answer.json()
    assert answer.status_code == HTTPStatus.OK
    assert set(said) == set(SEED_RESPONSE)
    assert set(said["output"]) == set(SEED_RESPONSE["output"])
    assert said["output"]["task_status"] == "PENDING"
    headers = {name: value for name, value in SEED_HEADERS.items() if name != "X-DashScope-Async"}
    refused = httpx.post(simulator.url + CREATE, json=SEED_REQUEST, headers=headers, trust_env=False)
    assert (refused.status_code, refused.json()["code"]) == (HTTPStatus.FORBIDDEN, "AccessDenied")


@pytest.mark.parametrize("case", BODIES, ids=lambda case: case.name)
def test_the_official_package_makes_each_kind(synthesis: Any, simulator: Simulator, case: Any) -> None:
    given = dict(case.body["input"])
    parameters = case.body["parameters"] | ({"duration": 3} if case.body["parameters"].get("duration") else {})
    if "media" in given:
        given["media"] = [dict(item) for item in given["media"]]
    answer = synthesis.call(model=case.body["model"], **given, **parameters)
    assert answer.output.task_status == "SUCCEEDED", answer
    assert set(case.usage) <= {name for name, value in answer.usage.items() if value is not None}
    [task] = simulator.tasks()
    sent = task["body"]
    assert {name: sent["input"][name] for name in case.body["input"]} == case.body["input"]
    assert {name: sent["parameters"][name] for name in parameters} == parameters


def test_the_official_package_uploads_a_reference_and_a_clip_to_edit(
    synthesis: Any, simulator: Simulator, photos: Path, tmp_path: Path
) -> None:
    simulator.config(strict=True)
    clip = tmp_path / "clip.mp4"
    simulator.config(clips="small")
    made = synthesis.call(model="wan2.7-t2v", prompt="a cat", duration=2, resolution="720P")
    clip.write_bytes(httpx.get(made.output.video_url, trust_env=False).content)
    simulator.config(clips="tiny")
    media = [{"type": "reference_image", "url": str(photos / "cat.jpg")}, {"type": "reference_video", "url": str(clip)}]
    reference = synthesis.call(model="wan2.7-r2v", prompt="Image 1 meets Video 1", media=media, duration=3)
    assert reference.output.task_status == "SUCCEEDED", reference
    assert reference.usage["input_video_duration"] == 2
    edit = synthesis.call(model="wan2.7-videoedit", prompt="in blue", media=[{"type": "video", "url": str(clip)}])
    assert edit.output.task_status == "SUCCEEDED", edit
    assert (edit.usage["duration"], edit.usage["output_video_duration"]) == (4, 2)
