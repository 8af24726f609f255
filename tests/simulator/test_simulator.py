"""The simulator's wire, judged by the hand-typed cases: nothing here knows the product's client or catalog."""

from __future__ import annotations

import base64
import json
import time
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from documented_cases import (
    ACCOUNT_LIMITS,
    ANSWERS,
    API_DEFAULTS,
    CREATE,
    FIELD_CASES,
    ILLEGAL_MEDIA,
    INPUT_FIELDS,
    LEGAL_MEDIA,
    LIST_ANSWER,
    LIST_ROW,
    MODEL,
    OPTIONAL_IN_ANSWERS,
    POLICY_ANSWER,
    REFUSED_CANCEL,
    SEED_HEADERS,
    SEED_REQUEST,
    SEED_RESPONSE,
    SNAPSHOT,
    TASK_TIMEOUT_HOURS,
    TOLERATED,
    TOO_FAST,
    UPLOAD_LIFE_HOURS,
    WIRE_CASES,
    Case,
    WireCase,
    body,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from simulator_control import Simulator

HOUR = 3600.0


class Wire:
    """A plain HTTP caller."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.http = httpx.Client(base_url=simulator.url, headers=simulator.headers, trust_env=False, timeout=30)

    def create(self, request: Any = None, **headers: str) -> httpx.Response:
        return self.http.post(CREATE, json=request if request is not None else body(), headers=headers)

    def accepted(self, request: Any = None, **headers: str) -> str:
        answer = self.create(request, **headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["output"]["task_id"])

    def look(self, task_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ended(self, task_id: str) -> dict[str, Any]:
        """The task's last answer; ``/_simulator/`` is asked meanwhile, which has no rate limit."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if next(t for t in self.simulator.tasks() if t["task_id"] == task_id)["status"] not in {
                "PENDING",
                "RUNNING",
            }:
                return self.look(task_id)
            time.sleep(0.01)
        raise AssertionError("the task did not end")

    def upload(self, data: bytes, name: str = "a.jpg", model: str = MODEL) -> str:
        policy = self.policy(model)
        answer = self.send(form(policy, name), data, policy["upload_host"])
        assert answer.status_code == 200, answer.text
        assert answer.content == b""
        return f"oss://{policy['upload_dir']}/{name}"

    def policy(self, model: str = MODEL) -> dict[str, Any]:
        answer = self.http.get("/uploads", params={"action": "getPolicy", "model": model})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def send(self, fields: dict[str, str], data: bytes, host: str) -> httpx.Response:
        return httpx.post(host, data=fields, files={"file": ("a", data)}, trust_env=False)


def form(policy: dict[str, Any], name: str) -> dict[str, str]:
    return {
        "OSSAccessKeyId": policy["oss_access_key_id"],
        "Signature": policy["signature"],
        "policy": policy["policy"],
        "x-oss-object-acl": policy["x_oss_object_acl"],
        "x-oss-forbid-overwrite": policy["x_oss_forbid_overwrite"],
        "key": f"{policy['upload_dir']}/{name}",
        "success_action_status": "200",
    }


@pytest.fixture
def wire(simulator: Simulator) -> Iterator[Wire]:
    caller = Wire(simulator)
    yield caller
    caller.http.close()


def with_field(case: Case) -> dict[str, Any]:
    request = body()
    request["input" if case.field in INPUT_FIELDS else "parameters"][case.field] = case.value
    return request


def shape(value: Any) -> Any:
    """Names and types, without values."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value)


# Create


def test_the_seeds_own_request_gets_the_seeds_answer(wire: Wire) -> None:
    answer = httpx.post(wire.simulator.url + CREATE, json=SEED_REQUEST, headers=SEED_HEADERS, trust_env=False)
    assert answer.status_code == 200
    assert shape(answer.json()) == shape(SEED_RESPONSE)
    assert answer.json()["output"]["task_status"] == SEED_RESPONSE["output"]["task_status"]


@pytest.mark.parametrize("case", WIRE_CASES, ids=lambda case: case.name)
def test_wrong_creates_are_refused_at_once_or_fail_later(wire: Wire, case: WireCase) -> None:
    headers = {name: value for name, value in wire.simulator.headers.items() if name not in case.drop} | case.headers
    sent = {"content": case.body} if isinstance(case.body, bytes) else {"json": case.body}
    answer = httpx.post(wire.simulator.url + CREATE, headers=headers, trust_env=False, **sent)
    assert answer.status_code == case.status
    if case.status == 200:
        said = wire.ended(answer.json()["output"]["task_id"])["output"]
        assert said["task_status"] == "FAILED"
    else:
        said = answer.json()
        assert set(said) == {"code", "message", "request_id"}
        assert wire.simulator.counters()["creates_accepted"] == 0
    assert said["code"].startswith(case.code)
    assert case.message in said["message"]


@pytest.mark.parametrize("case", FIELD_CASES, ids=lambda case: case.name)
def test_each_documented_limit_of_a_field(wire: Wire, case: Case) -> None:
    said = wire.ended(wire.accepted(with_field(case)))
    if case.code:
        assert said["output"]["task_status"] == "FAILED"
        assert said["output"]["code"] == case.code
        assert case.message in said["output"]["message"]
        assert "usage" not in said
    else:
        assert said["output"]["task_status"] == "SUCCEEDED"
        assert said["usage"]["duration"] == (case.value if case.field == "duration" else 5)


@pytest.mark.parametrize("types", [*LEGAL_MEDIA, *ILLEGAL_MEDIA], ids="+".join)
def test_only_six_combinations_of_media_are_legal(wire: Wire, types: tuple[str, ...]) -> None:
    media = [{"type": name, "url": f"https://media.invalid/{name}"} for name in types]
    said = wire.ended(wire.accepted(body(input={"media": media})))["output"]
    assert said["task_status"] == ("SUCCEEDED" if types in LEGAL_MEDIA else "FAILED")
    if types not in LEGAL_MEDIA:
        assert (said["code"], "input.media" in said["message"]) == ("InvalidParameter", True)


def test_unknown_keys_and_a_null_prompt_are_tolerated(wire: Wire) -> None:
    assert wire.ended(wire.accepted(TOLERATED))["output"]["task_status"] == "SUCCEEDED"


def test_missing_parameters_take_the_services_defaults(wire: Wire) -> None:
    usage = wire.ended(wire.accepted({"model": MODEL, "input": body()["input"]}))["usage"]
    assert usage["duration"] == API_DEFAULTS["duration"]
    assert f"{usage['SR']}P" == API_DEFAULTS["resolution"]


def test_every_create_makes_a_task_of_its_own(wire: Wire) -> None:
    assert wire.accepted() != wire.accepted()


# Looking


def test_each_status_answers_as_documented(wire: Wire) -> None:
    wire.simulator.config(queue=1000, run=1000)
    task = wire.accepted()
    seen = {"PENDING": wire.look(task)}
    wire.simulator.do(task, "start")
    seen["RUNNING"] = wire.look(task)
    wire.simulator.do(task, "finish")
    seen["SUCCEEDED"] = wire.ended(task)
    wire.simulator.config(queue=0, run=0)
    seen["FAILED"] = wire.ended(wire.accepted(body(input={})))
    seen["UNKNOWN"] = wire.look("0385dc79-5ff8-4d82-bcb6-000000000000")
    for status, answer in seen.items():
        assert answer["output"]["task_status"] == status
        for optional in OPTIONAL_IN_ANSWERS.get(status, ()):
            answer["output"].pop(optional, None)
        assert shape(answer) == shape(ANSWERS[status])


def test_times_are_utc_plus_8_and_in_order(wire: Wire) -> None:
    before = datetime.now(timezone(timedelta(hours=8))).replace(tzinfo=None) - timedelta(seconds=1)
    output = wire.ended(wire.accepted())["output"]
    times = [datetime.fromisoformat(output[name]) for name in ("submit_time", "scheduled_time", "end_time")]
    assert [before, *times] == sorted([before, *times])
    assert times[-1] < before + timedelta(seconds=60)


def test_a_task_of_another_account_is_unknown(wire: Wire) -> None:
    task = wire.accepted()
    answer = wire.http.get(f"/tasks/{task}", headers={"Authorization": "Bearer sk-other"})
    assert (answer.status_code, answer.json()["output"]["task_status"]) == (200, "UNKNOWN")


def test_a_task_is_unknown_after_a_day(wire: Wire) -> None:
    task = wire.accepted()
    wire.ended(task)
    wire.simulator.clock(ACCOUNT_LIMITS["life_hours"] * HOUR - 60)
    assert wire.look(task)["output"]["task_status"] == "SUCCEEDED"
    wire.simulator.clock(ACCOUNT_LIMITS["life_hours"] * HOUR + 60)
    assert wire.look(task)["output"]["task_status"] == "UNKNOWN"


def test_a_task_that_runs_for_hours_is_ended(wire: Wire) -> None:
    wire.simulator.config(run=100 * HOUR)
    task = wire.accepted()
    wire.look(task)
    wire.simulator.clock(TASK_TIMEOUT_HOURS * HOUR + 60)
    output = wire.look(task)["output"]
    assert (output["task_status"], output["code"]) == ("FAILED", "InternalError.Timeout")


def test_the_list_is_flat_and_counts_milliseconds(wire: Wire) -> None:
    task = wire.accepted()
    wire.ended(task)
    answer = wire.http.get("/tasks/").json()
    assert shape(answer) == shape(LIST_ANSWER)
    assert answer["data"][0]["task_id"] == task
    assert set(answer["data"][0]) == set(LIST_ROW)
    assert abs(answer["data"][0]["gmt_create"] / 1000 - time.time()) < 60
    assert wire.http.get("/tasks").json()["data"] == answer["data"]


def test_the_list_filters_and_pages(wire: Wire) -> None:
    wire.simulator.limits(submits_per_second=100)
    wire.simulator.config(queue=1000)
    waiting = [wire.accepted() for _ in range(3)]
    other = wire.accepted(body(model=SNAPSHOT))
    wire.http.post(f"/tasks/{waiting[0]}/cancel")

    def ids(**query: Any) -> list[str]:
        return [row["task_id"] for row in wire.http.get("/tasks", params=query).json()["data"]]

    assert ids() == [other, *reversed(waiting)]
    assert ids(status="CANCELED") == waiting[:1]
    assert ids(model_name=SNAPSHOT) == [other]
    assert ids(task_id=waiting[1]) == [waiting[1]]
    assert ids(page_no=2, page_size=3) == waiting[:1]
    page = wire.http.get("/tasks", params={"page_no": 2, "page_size": 3}).json()
    assert (page["total"], page["total_page"], page["page_no"], page["page_size"]) == (4, 2, 2, 3)


def test_the_list_is_cut_by_time_of_creation(wire: Wire) -> None:
    wire.accepted()
    now = datetime.now(timezone(timedelta(hours=8)))

    def total(start: float | None, end: float | None) -> tuple[int, int]:
        names = {"start_time": start, "end_time": end}
        query = {k: (now + timedelta(hours=h)).strftime("%Y%m%d%H%M%S") for k, h in names.items() if h is not None}
        answer = wire.http.get("/tasks", params=query)
        return answer.status_code, answer.json().get("total", -1)

    assert total(-1, 1) == (200, 1)
    assert total(-2, -1) == (200, 0)
    assert total(-1, None) == (200, 1)
    assert total(None, -1) == (200, 0)
    assert total(-25, 0)[0] == 400
    assert wire.http.get("/tasks", params={"start_time": "yesterday"}).status_code == 400


def test_only_a_waiting_task_can_be_canceled(wire: Wire) -> None:
    wire.simulator.config(queue=1000)
    task = wire.accepted()
    answer = wire.http.post(f"/tasks/{task}/cancel")
    assert (answer.status_code, set(answer.json())) == (200, {"request_id"})
    assert wire.look(task)["output"] == {**ANSWERS["CANCELED"]["output"], "task_id": task}
    for refused in (task, "nobody-knows-it"):
        answer = wire.http.post(f"/tasks/{refused}/cancel")
        said = answer.json()
        assert {"status": answer.status_code, "code": said["code"], "message": said["message"]} == REFUSED_CANCEL


# Limits


def test_the_sixth_submit_of_a_second_is_refused(wire: Wire) -> None:
    answers = [wire.create() for _ in range(int(ACCOUNT_LIMITS["submits_per_second"]) + 1)]
    assert [answer.status_code for answer in answers[:-1]] == [200] * (len(answers) - 1)
    said = answers[-1].json()
    assert {"status": answers[-1].status_code, "code": said["code"], "message": said["message"]} == TOO_FAST
    assert wire.simulator.counters()["creates_accepted"] == len(answers) - 1
    assert wire.create(body(model=SNAPSHOT)).status_code == 200


def test_more_than_twenty_looks_in_a_second_are_refused(wire: Wire) -> None:
    codes = [wire.http.get("/tasks/x" if i % 2 else "/tasks").status_code for i in range(40)]
    assert codes[: int(ACCOUNT_LIMITS["queries_per_second"])] == [200] * 20
    assert 429 in codes


def test_five_run_and_the_rest_waits(wire: Wire) -> None:
    wire.simulator.limits(submits_per_second=100)
    wire.simulator.config(run=1000)
    tasks = [wire.accepted() for _ in range(7)]
    states = [task["status"] for task in wire.simulator.tasks()]
    assert states == ["RUNNING"] * 5 + ["PENDING"] * 2
    wire.simulator.do(tasks[0], "finish")
    wire.ended(tasks[0])
    assert [task["status"] for task in wire.simulator.tasks()][5:] == ["RUNNING", "PENDING"]
    assert wire.simulator.counters()["most_running"] == ACCOUNT_LIMITS["running"]


def test_a_freed_slot_is_taken_at_that_very_moment(wire: Wire) -> None:
    wire.simulator.limits(running=1)
    tasks = [wire.accepted() for _ in range(3)]
    wire.ended(tasks[-1])
    told = wire.simulator.tasks()
    assert [later["started_at"] for later in told[1:]] == [
        max(earlier["ended"], later["ready_at"]) for earlier, later in pairwise(told)
    ]


def test_quotas_tell_the_limits_in_force(wire: Wire) -> None:
    wire.simulator.limits(running=9)
    quotas = wire.http.get("/quotas", params={"model": MODEL}).json()["output"]["quotas"]
    assert [quota["model"] for quota in quotas] == [MODEL]
    assert quotas[0]["model_limit"]["async_user_concurrency_limit"] == 9


# Materials


def test_an_uploaded_file_is_used_by_the_model_it_was_uploaded_for(wire: Wire, photos: Path) -> None:
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


def test_an_uploaded_file_lives_two_days(wire: Wire, photos: Path) -> None:
    url = wire.upload((photos / "cat.jpg").read_bytes())
    request = body(input={"media": [{"type": "first_frame", "url": url}]})
    resolve = {"X-DashScope-OssResourceResolve": "enable"}
    wire.simulator.clock(UPLOAD_LIFE_HOURS * HOUR - 60)
    assert wire.ended(wire.accepted(request, **resolve))["output"]["task_status"] == "SUCCEEDED"
    wire.simulator.clock(UPLOAD_LIFE_HOURS * HOUR + 60)
    assert wire.ended(wire.accepted(request, **resolve))["output"]["task_status"] == "FAILED"


def test_the_policy_has_the_documented_fields(wire: Wire) -> None:
    answer = wire.http.get("/uploads", params={"action": "getPolicy", "model": MODEL}).json()
    assert shape(answer) == shape(POLICY_ANSWER)


def test_object_storage_refuses_in_xml(wire: Wire) -> None:
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


def test_a_form_that_is_none_is_refused_in_xml_too(wire: Wire) -> None:
    host = wire.policy()["upload_host"]
    for kind in ("text/plain", "multipart/form-data", "multipart/form-data; boundary=a"):
        answer = httpx.post(host, content=b"--a\r\n\r\nx", headers={"Content-Type": kind}, trust_env=False)
        assert (answer.status_code // 100, answer.headers["content-type"]) == (4, "application/xml")


def test_fields_after_the_file_are_not_read(wire: Wire) -> None:
    policy = wire.policy()
    order = [("file", (None, b"data")), *((k, (None, v.encode())) for k, v in form(policy, "a.jpg").items())]
    answer = httpx.post(policy["upload_host"], files=order, trust_env=False)
    assert (answer.status_code, "AccessDenied" in answer.text) == (403, True)


def test_a_key_sent_to_the_storage_is_refused(wire: Wire) -> None:
    url = wire.ended(wire.accepted())["output"]["video_url"]
    assert wire.http.get(url).status_code == 400
    assert httpx.get(url, trust_env=False).status_code == 200


def test_a_picture_may_come_inside_the_request(wire: Wire, photos: Path) -> None:
    data = base64.b64encode((photos / "coffee.jpg").read_bytes()).decode()
    request = body(input={"media": [{"type": "first_frame", "url": f"data:image/jpeg;base64,{data}"}]})
    assert wire.ended(wire.accepted(request))["output"]["task_status"] == "SUCCEEDED"
    broken = body(input={"media": [{"type": "first_frame", "url": "data:image/png;base64,%%%"}]})
    assert wire.ended(wire.accepted(broken))["output"]["task_status"] == "FAILED"


def test_what_cannot_be_reached_is_drawn_or_fails_when_strict(wire: Wire) -> None:
    assert wire.ended(wire.accepted())["output"]["task_status"] == "SUCCEEDED"
    wire.simulator.config(strict=True)
    output = wire.ended(wire.accepted())["output"]
    assert (output["task_status"], output["code"]) == ("FAILED", "InvalidParameter.DataInspection")


# Results


def test_the_result_link_is_signed_and_dies(wire: Wire) -> None:
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


def test_a_dead_link_is_renewed_by_looking_again(wire: Wire) -> None:
    wire.simulator.limits(link_life=60)
    task = wire.accepted()
    url = wire.ended(task)["output"]["video_url"]
    wire.simulator.clock(120)
    assert httpx.get(url, trust_env=False).status_code == 403
    assert httpx.get(wire.look(task)["output"]["video_url"], trust_env=False).status_code == 200


def test_every_answer_says_that_it_is_simulated_and_what_time_it_is(wire: Wire) -> None:
    from email.utils import parsedate_to_datetime

    wire.simulator.clock(7200)
    url = wire.ended(wire.accepted())["output"]["video_url"]
    answers = [
        wire.create(),
        wire.create([]),
        wire.http.get("/tasks"),
        wire.http.get("/nowhere"),
        httpx.get(url, trust_env=False),
        httpx.get(url + "x", trust_env=False),
        httpx.post(url.partition("/dash")[0] + "/dashscope-file", content=b"x", trust_env=False),
    ]
    for answer in answers:
        assert answer.headers["x-wan-simulator"] == "1"
        assert abs(parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time() - 7200) < 60


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Host": "["},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/api/v1/tasks", "/_simulator/counters", "/dashscope-file"])
def test_foreign_hosts_and_pages_are_refused(wire: Wire, headers: dict[str, str], path: str) -> None:
    url = wire.simulator.url.replace("/api/v1", path)
    assert wire.http.get(url, headers=headers).status_code == 403


def test_neither_keys_nor_signed_links_are_written_down(wire: Wire) -> None:
    signed = "https://picture.invalid/a.png?Signature=top-secret-signature"
    request = body(input={"media": [{"type": "first_frame", "url": signed}]})
    task = wire.accepted(request, Authorization="Bearer sk-very-secret-key")
    wire.ended(task)
    written = b"".join(p.read_bytes() for p in wire.simulator.state.rglob("*") if p.is_file())
    assert task.encode() in written
    assert b"sk-very-secret-key" not in written
    assert b"top-secret-signature" not in written


@pytest.mark.parametrize(
    "request_",
    [
        ("GET", "/tasks?page_no=" + "9" * 5000, None),
        ("GET", "/quotas?page_size=" + "9" * 30, None),
        ("GET", "/tasks?start_time=00010101000000&end_time=00010101000000", None),
        ("GET", "/tasks/%00/..", None),
        ("GET", "/tasks/" + "a" * 3000, None),
        ("POST", CREATE, b"[" * 100_000),
        ("POST", CREATE, b'{"model": ' + b"9" * 5000 + b"}"),
        ("POST", CREATE, b'{"model": "wan2.7-i2v", "input": {"media": ' + b"[" * 400 + b"]" * 400 + b"}}"),
        ("PATCH", CREATE, b"{}"),
    ],
    ids=lambda request: f"{request[0]} {request[1][:30]}",
)  # fmt: skip
def test_nothing_sent_to_it_is_its_own_fault(wire: Wire, request_: tuple[str, str, bytes | None]) -> None:
    method, path, content = request_
    answer = wire.http.request(method, path, content=content)
    assert answer.status_code < 500
    assert answer.json()["request_id"]


def test_a_long_number_and_half_a_letter_are_judged_like_any_other(wire: Wire) -> None:
    said = wire.ended(wire.accepted(body(parameters={"duration": "9" * 5000})))["output"]
    assert (said["code"], said["message"]) == (
        "InvalidParameter",
        "Input should be a valid integer: parameters.duration",
    )
    half = b'{"model": "wan2.7-i2v", "input": {"prompt": "a \\ud83d", "media": [{"type": "first_frame", "url": "https://a.invalid/b"}]}}'
    task = wire.http.post(CREATE, content=half).json()["output"]["task_id"]
    assert wire.ended(task)["output"]["orig_prompt"] == "a \ud83d"


def test_a_wrong_signature_in_any_alphabet_is_only_wrong(wire: Wire) -> None:
    policy = wire.policy()
    answer = wire.send({**form(policy, "a.jpg"), "Signature": "签名"}, b"x", policy["upload_host"])
    assert (answer.status_code, "<Code>SignatureDoesNotMatch</Code>" in answer.text) == (403, True)


def test_json_stays_json_for_any_text(wire: Wire) -> None:
    prompt = "<script>\u202e\x00\U0001f600\ud7ff 猫 \"'"
    output = wire.ended(wire.accepted(body(input={"prompt": prompt, "media": body()["input"]["media"]})))["output"]
    assert output["orig_prompt"] == prompt
    assert json.loads(json.dumps(output)) == output
