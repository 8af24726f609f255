"""Every model of the family as its page says, judged by the simulator alone: bodies, limits, receipts, frame rates."""

from __future__ import annotations

import copy
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import av
import httpx
import pytest
from documented_family import (
    BILLS,
    BODIES,
    FRAME_RATES,
    LIMIT_CASES,
    LIMITS,
    SIZES,
    Bill,
    Body,
    Limit,
)

from wan_nb.api import catalog
from wan_nb.simulator.account.bill import clip_seconds, receipt
from wan_nb.simulator.account.checks import TaskFailure, read_request
from wan_nb.simulator.account.materials import Material, check_together
from wan_nb.simulator.drawing.clip_request import clip_size

if TYPE_CHECKING:
    from pathlib import Path

    from simulator_http import HttpCaller

BY_NAME = {body.name: body for body in BODIES}
MEDIA = ("reference_image", "reference_video", "reference_audio", "first_frame", "last_frame", "video")


def with_value(body: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A body in which something is put in the place that the documentation gives it, or left out."""
    made = copy.deepcopy(body)
    for name, value in changes.items():
        if name in MEDIA:
            kept = [item for item in made["input"].get("media", []) if item["type"] != name]
            values = [] if value is None else value if isinstance(value, list) else [value]
            made["input"]["media"] = kept + [{"type": name, "url": url} for url in values]
        elif name == "reference_voice":
            for item in made["input"]["media"]:
                item.pop("reference_voice", None)
        else:
            key = "audio_url" if name == "driving_audio" else name
            place = made["input"] if key in {"prompt", "negative_prompt", "audio_url"} else made["parameters"]
            place[key] = value
            if value is None:
                del place[key]
    if made["input"].get("media") == []:
        del made["input"]["media"]
    return made


def looked_at(body: dict[str, Any], seconds: dict[str, list[float]] | None = None) -> Any:
    """What becomes of a body whose materials are right, without drawing it: length, receipt, size."""
    asked = read_request(body)
    lengths = {name: iter(each) for name, each in (seconds or {}).items()}
    usual = {"clip": 2.0, "audio": 2.0, "image": 0.0}
    materials = [
        Material(None, "", 640, 360, next(lengths.get(one.field.name, iter(())), usual[one.field.kind]))
        for one in asked.given
    ]
    check_together(asked, materials)
    made = clip_seconds(asked, materials)
    size = clip_size(asked, materials)
    return made, receipt(asked, materials, made, size), size


@pytest.mark.parametrize("case", BODIES, ids=lambda case: case.name)
def test_a_documented_body_makes_a_clip_with_the_documented_receipt(wire: HttpCaller, case: Body) -> None:
    body = copy.deepcopy(case.body)
    if "duration" in body["parameters"] and body["parameters"]["duration"]:
        body["parameters"]["duration"] = 3
    ended = wire.ended(wire.accepted(body))
    assert ended["output"]["task_status"] == "SUCCEEDED", ended
    assert set(ended["usage"]) == set(case.usage)
    assert ended["output"]["orig_prompt"] == body["input"].get("prompt", "")


@pytest.mark.parametrize("case", LIMIT_CASES, ids=lambda case: case.id)
def test_each_documented_limit(case: Limit) -> None:
    body = with_value(BY_NAME[case.model].body, case.value)
    if not case.message:
        asked = read_request(body)
        looked_at(body, {"reference_video": [1.0] * 5, "reference_audio": [1.0] * 5})
        for name, value in case.value.items():
            if isinstance(value, str) and not case.cut:
                assert asked.values.get(name, value) == value
            elif case.cut:
                assert 0 < len(asked.values[name]) < len(value)
        return
    with pytest.raises(TaskFailure) as failure:
        looked_at(body)
    assert failure.value.code == "InvalidParameter"
    assert case.message in failure.value.message


def test_what_happyhorse_does_without_being_told() -> None:
    body = copy.deepcopy(BY_NAME["happyhorse-1.1-t2v"].body)
    body["parameters"] = {}
    values = read_request(body).values
    assert (values["watermark"], values["resolution"], values["duration"], values["ratio"]) == (
        True,
        "1080P",
        5,
        "16:9",
    )


@pytest.mark.parametrize("case", BILLS, ids=lambda case: f"{case.model} {case.seconds} {case.duration}")
def test_bills(case: Bill) -> None:
    body = copy.deepcopy(BY_NAME[case.model].body)
    body["input"]["media"] = [{"type": case.field, "url": "https://clip.invalid/a.mp4"} for _ in case.seconds]
    if "duration" in body["parameters"]:
        body["parameters"]["duration"] = case.duration
    else:
        assert case.duration == 0
    _, usage, _ = looked_at(body, {case.field: list(case.seconds)})
    assert (usage["input_video_duration"], usage["output_video_duration"]) == (case.input_s, case.output_s)
    assert usage["duration"] == case.input_s + case.output_s


def test_the_length_is_chosen_and_stays_inside_what_is_allowed() -> None:
    for prompt in ("a", "a cat " * 500):
        for given in ([], [7.0], [14.5]):
            body = with_value(BY_NAME["wan3.0-video, references"].body, {"prompt": prompt, "duration": -1})
            body["input"]["media"] += [{"type": "reference_video", "url": "https://clip.invalid/a.mp4"} for _ in given]
            seconds, usage, _ = looked_at(body, {"reference_video": given})
            assert 2 <= seconds <= 30
            assert usage["duration"] == pytest.approx(seconds + sum(given))
            assert usage["duration"] <= 30


@pytest.mark.parametrize(
    ("clips", "duration", "message"),
    [([15.0], 15, ""), ([8.0, 8.0], 5, "at most 15 s"), ([15.0], 16, "30 s at most"), ([4.0], 26, "")],
)
def test_clips_together_and_with_the_new_one_have_a_limit(clips: list[float], duration: int, message: str) -> None:
    body = with_value(BY_NAME["wan3.0-video, references"].body, {"duration": duration})
    body["input"]["media"] += [{"type": "reference_video", "url": "https://clip.invalid/a.mp4"} for _ in clips]
    if not message:
        looked_at(body, {"reference_video": clips})
        return
    with pytest.raises(TaskFailure, match=message):
        looked_at(body, {"reference_video": clips})


@pytest.mark.parametrize(("model", "tier", "ratio", "size"), SIZES)
def test_the_documented_sizes(model: str, tier: str, ratio: str, size: tuple[int, int]) -> None:
    body = with_value(BY_NAME[model].body, {"resolution": tier, "ratio": ratio, "duration": 3})
    body["input"].pop("audio_url", None)
    if model == "wan2.7-r2v":
        body = with_value(body, {"first_frame": None})
    _, usage, made = looked_at(body)
    assert (made, usage["ratio"], usage["SR"]) == (size, ratio, int(tier[:-1]))


def test_a_ratio_is_ignored_beside_a_first_frame_and_an_edit_follows_its_clip() -> None:
    assert looked_at(with_value(BY_NAME["wan2.7-r2v"].body, {"ratio": "9:16"}))[2] == (1280, 720)
    edit = with_value(BY_NAME["wan2.7-videoedit"].body, {"ratio": None, "resolution": "720P"})
    assert looked_at(edit)[2] == (1280, 720)
    assert looked_at(with_value(edit, {"ratio": "9:16"}))[2] == (720, 1280)


@pytest.mark.clips
@pytest.mark.parametrize(("model", "fps"), FRAME_RATES.items())
def test_the_frame_rate_is_that_of_the_model(wire: HttpCaller, model: str, fps: int, tmp_path: Path) -> None:
    wire.simulator.config(clips="full")
    body = with_value(BY_NAME[model].body, {"resolution": "720P", "seed": 1})
    body["parameters"] |= {"duration": 3} if body["parameters"].get("duration") else {}
    body["input"].pop("audio_url", None)
    ended = wire.ended(wire.accepted(body))
    path = tmp_path / "a.mp4"
    path.write_bytes(httpx.get(ended["output"]["video_url"], trust_env=False).content)
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == fps
    assert ended["usage"].get("fps", fps) == fps


@pytest.mark.parametrize(("model", "limits"), LIMITS.items())
def test_limits_are_counted_per_exact_name(wire: HttpCaller, model: str, limits: tuple[int, int]) -> None:
    submits, running = limits
    body = BY_NAME[model.removesuffix("-2026-06-12")].body | {"model": model}
    wire.simulator.config(queue=0, run=1000)
    statuses = [wire.create(body).status_code for _ in range(submits + 1)]
    assert statuses == [200] * submits + [429]
    other = "wan2.7-t2v-2026-04-25"
    assert wire.create(BY_NAME["wan2.7-t2v"].body | {"model": other}).status_code == 200
    [quota] = wire.http.get("/quotas", params={"model": model}).json()["output"]["quotas"]
    assert quota["model_limit"]["request_limit"] == submits
    assert quota["model_limit"]["async_user_concurrency_limit"] == running
    wire.http.get("/tasks")
    states = [task["status"] for task in wire.simulator.tasks() if task["model"] == model]
    assert states.count("RUNNING") == min(running, submits)


def test_an_uploaded_voice_and_sound_need_the_header(wire: HttpCaller) -> None:
    for name in ("wan2.7-t2v", "wan2.7-r2v"):
        body = copy.deepcopy(BY_NAME[name].body)
        if name == "wan2.7-t2v":
            body["input"]["audio_url"] = "oss://dashscope-instant/x/a.mp3"
        else:
            body["input"]["media"][0]["reference_voice"] = "oss://dashscope-instant/x/a.mp3"
        assert wire.create(body).status_code == 400
        ended = wire.ended(wire.accepted(body, **{"X-DashScope-OssResourceResolve": "enable"}))
        assert ended["output"]["code"] == "InvalidParameter.DataInspection"


def test_signed_links_of_sounds_and_voices_are_not_kept(wire: HttpCaller) -> None:
    signed = "https://sound.invalid/a.mp3?Signature=top-secret-signature"
    one, other = (copy.deepcopy(BY_NAME[name].body) for name in ("wan2.7-t2v", "wan2.7-r2v"))
    one["input"]["audio_url"] = other["input"]["media"][0]["reference_voice"] = signed
    for body in (one, other):
        wire.ended(wire.accepted(body))
    written = b"".join(p.read_bytes() for p in wire.simulator.state.rglob("*") if p.is_file())
    assert b"top-secret-signature" not in written


@pytest.mark.parametrize("value", [7, {}, [], "", ["https://a.invalid/a.mp3"]], ids=str)
def test_nonsense_in_new_places_fails_in_the_task(wire: HttpCaller, value: Any) -> None:
    one, other = (copy.deepcopy(BY_NAME[name].body) for name in ("wan2.7-t2v", "wan2.7-r2v"))
    one["input"]["audio_url"] = other["input"]["media"][0]["reference_voice"] = value
    for body, place in ((one, "input.audio_url"), (other, "input.media.0.reference_voice")):
        said = wire.ended(wire.accepted(body))["output"]
        assert (said["task_status"], said["code"]) == ("FAILED", "InvalidParameter")
        assert place in said["message"]


def test_an_invented_model_is_checked_billed_and_drawn_by_its_row_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from wan_nb.simulator.account.store import Task
    from wan_nb.simulator.drawing.clip_request import clip_request
    from wan_nb.simulator.drawing.encode import draw

    near = catalog.model("wan2.7-videoedit")
    portrait = replace(catalog.BY_NAME["reference_image"], name="portrait", most=1)
    film = replace(catalog.BY_NAME["video"], name="film")
    duration = replace(near.field("duration"), specials=(), default=3, api_default=3)
    row = replace(
        near,
        name="nova-1-restyle",
        fields=(
            catalog.BY_NAME["model"],
            catalog.BY_NAME["prompt"],
            film,
            portrait,
            duration,
            near.field("resolution"),
        ),
        modes=(catalog.Mode("restyle", "restyle", ("film",), optional=("portrait",)),),
        billing=catalog.Billing(("film",), most=2.0),
        fps=12,
        usage=("fps",),
    )
    monkeypatch.setitem(catalog.MODELS, row.name, row)
    body = {
        "model": row.name,
        "input": {
            "prompt": "in green",
            "media": [
                {"type": "film", "url": "https://a.invalid/a.mp4"},
                {"type": "portrait", "url": "https://a.invalid/a.png"},
            ],
        },
    }
    asked = read_request(body)
    materials = [Material(None, "a film", 640, 360, 4.0), Material(None, "a portrait", 300, 400)]
    seconds = clip_seconds(asked, materials)
    usage = receipt(asked, materials, seconds, (640, 352))
    assert (seconds, usage["duration"], usage["input_video_duration"], usage["fps"]) == (3, 5, 2, 12)
    task = Task("t", "r", "a", row.name, body, 0.0, 0.0, 0.0, 1)
    request = clip_request(task, asked, materials, seconds, "tiny")
    assert request.edited_clip is materials[0]
    assert request.references == (materials[1],)
    draw(replace(request, fps=12), tmp_path / "a.mp4", threading.Event())
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].frames == 36
    with pytest.raises(TaskFailure, match=r"input\.media\.0\.type"):
        read_request({**body, "input": {"media": [{"type": "video", "url": "https://a.invalid/a.mp4"}]}})
