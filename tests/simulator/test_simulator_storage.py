"""The simulator's object storage: uploads, policies and links to results."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import httpx
from documented_cases import (
    MODEL,
    POLICY_ANSWER,
    SNAPSHOT,
    UPLOAD_LIFE_HOURS,
    body,
)
from simulator_http import form, shape

if TYPE_CHECKING:
    from pathlib import Path

    from simulator_http import HttpCaller

HOUR = 3600.0


# Materials


def test_an_uploaded_file_is_used_by_the_model_it_was_uploaded_for(wire: HttpCaller, photos: Path) -> None:
    wire.simulator.config(strict=True)
    url = wire.upload((photos / "cat.jpg").read_bytes())
    request = body(input={"media": [{"type": "first_frame", "url": url}]})
    resolve = {"X-DashScope-OssResourceResolve": "enable"}
    assert wire.ended(wire.accepted(request, **resolve))["output"]["task_status"] == "SUCCEEDED"
    other = wire.ended(wire.accepted({**request, "model": SNAPSHOT}, **resolve))["output"]
    assert (other["task_status"], other["code"]) == ("FAILED", "InvalidParameter.DataInspection")
    stranger = {**resolve, "Authorization": "Bearer sk-other"}
    task = wire.accepted(request, **stranger)
    assert wire.ended(task)["output"]["task_status"] == "UNKNOWN"
    assert next(t for t in wire.simulator.tasks() if t["task_id"] == task)["code"] == "InvalidParameter.DataInspection"


def test_an_uploaded_file_lives_two_days(wire: HttpCaller, photos: Path) -> None:
    url = wire.upload((photos / "cat.jpg").read_bytes())
    request = body(input={"media": [{"type": "first_frame", "url": url}]})
    resolve = {"X-DashScope-OssResourceResolve": "enable"}
    wire.simulator.clock(UPLOAD_LIFE_HOURS * HOUR - 60)
    assert wire.ended(wire.accepted(request, **resolve))["output"]["task_status"] == "SUCCEEDED"
    wire.simulator.clock(UPLOAD_LIFE_HOURS * HOUR + 60)
    assert wire.ended(wire.accepted(request, **resolve))["output"]["task_status"] == "FAILED"


def test_the_policy_has_the_documented_fields(wire: HttpCaller) -> None:
    answer = wire.http.get("/uploads", params={"action": "getPolicy", "model": MODEL}).json()
    assert shape(answer) == shape(POLICY_ANSWER)


def test_object_storage_refuses_in_xml(wire: HttpCaller) -> None:
    policy = wire.policy()
    right = form(policy, "a.jpg")

    def refusal(fields: dict[str, str], **how: Any) -> tuple[int, str]:
        answer = wire.send(fields, b"x" * how.get("size", 10), policy["upload_host"])
        assert answer.headers["content-type"] == "application/xml"
        return answer.status_code, answer.text.partition("<Code>")[2].partition("</Code>")[0]

    assert refusal({**right, "Signature": "wrong"}) == (403, "SignatureDoesNotMatch")
    assert refusal({**right, "key": "elsewhere/a.jpg"}) == (403, "AccessDenied")
    assert refusal({k: v for k, v in right.items() if k != "policy"}) == (403, "AccessDenied")
    assert wire.send(right, b"first", policy["upload_host"]).status_code == 200
    assert refusal(right) == (409, "FileAlreadyExists")
    wire.simulator.clock(policy["expire_in_seconds"] + 1)
    assert refusal(form(policy, "b.jpg")) == (403, "AccessDenied")


def test_a_form_that_is_none_is_refused_in_xml_too(wire: HttpCaller) -> None:
    host = wire.policy()["upload_host"]
    for kind in ("text/plain", "multipart/form-data", "multipart/form-data; boundary=a"):
        answer = httpx.post(host, content=b"--a\r\n\r\nx", headers={"Content-Type": kind}, trust_env=False)
        assert (answer.status_code // 100, answer.headers["content-type"]) == (4, "application/xml")


def test_fields_after_the_file_are_not_read(wire: HttpCaller) -> None:
    policy = wire.policy()
    order = [("file", (None, b"data")), *((k, (None, v.encode())) for k, v in form(policy, "a.jpg").items())]
    answer = httpx.post(policy["upload_host"], files=order, trust_env=False)
    assert (answer.status_code, "AccessDenied" in answer.text) == (403, True)


def test_a_key_sent_to_the_storage_is_refused(wire: HttpCaller) -> None:
    url = wire.ended(wire.accepted())["output"]["video_url"]
    assert wire.http.get(url).status_code == 400
    assert httpx.get(url, trust_env=False).status_code == 200


def test_a_picture_may_come_inside_the_request(wire: HttpCaller, photos: Path) -> None:
    data = base64.b64encode((photos / "coffee.jpg").read_bytes()).decode()
    request = body(input={"media": [{"type": "first_frame", "url": f"data:image/jpeg;base64,{data}"}]})
    assert wire.ended(wire.accepted(request))["output"]["task_status"] == "SUCCEEDED"
    broken = body(input={"media": [{"type": "first_frame", "url": "data:image/png;base64,%%%"}]})
    assert wire.ended(wire.accepted(broken))["output"]["task_status"] == "FAILED"


def test_what_cannot_be_reached_is_drawn_or_fails_when_strict(wire: HttpCaller) -> None:
    assert wire.ended(wire.accepted())["output"]["task_status"] == "SUCCEEDED"
    wire.simulator.config(strict=True)
    output = wire.ended(wire.accepted())["output"]
    assert (output["task_status"], output["code"]) == ("FAILED", "InvalidParameter.DataInspection")


# Results


def test_the_result_link_is_signed_and_dies(wire: HttpCaller) -> None:
    task = wire.accepted()
    url = wire.ended(task)["output"]["video_url"]
    clip = httpx.get(url, trust_env=False)
    assert (clip.status_code, clip.headers["content-length"]) == (200, str(len(clip.content)))
    part = httpx.get(url, headers={"Range": "bytes=5-14"}, trust_env=False)
    assert (part.status_code, part.content) == (206, clip.content[5:15])
    assert part.headers["content-range"] == f"bytes 5-14/{len(clip.content)}"
    assert part.headers["etag"] == clip.headers["etag"]
    assert httpx.get(url, headers={"Range": f"bytes={len(clip.content)}-"}, trust_env=False).status_code == 416
    for broken in (url.partition("?")[0], url[:-4] + "AAA%3D", url.replace("Expires=", "Expires=9")):
        answer = httpx.get(broken, trust_env=False)
        assert (answer.status_code, answer.headers["content-type"]) == (403, "application/xml")
    wire.simulator.clock(24 * HOUR + 60)
    assert httpx.get(url, trust_env=False).status_code == 403


def test_a_dead_link_is_renewed_by_looking_again(wire: HttpCaller) -> None:
    wire.simulator.limits(link_life=60)
    task = wire.accepted()
    url = wire.ended(task)["output"]["video_url"]
    wire.simulator.clock(120)
    assert httpx.get(url, trust_env=False).status_code == 403
    assert httpx.get(wire.get(task)["output"]["video_url"], trust_env=False).status_code == 200


def test_a_wrong_signature_in_any_alphabet_is_only_wrong(wire: HttpCaller) -> None:
    policy = wire.policy()
    answer = wire.send({**form(policy, "a.jpg"), "Signature": "签名"}, b"x", policy["upload_host"])
    assert (answer.status_code, "<Code>SignatureDoesNotMatch</Code>" in answer.text) == (403, True)
