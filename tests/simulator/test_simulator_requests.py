"""What holds for every request to the simulator: its headers, who may ask, and nonsense that is answered."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from documented_cases import (
    CREATE,
    body,
)

if TYPE_CHECKING:
    from simulator_http import HttpCaller

HOUR = 3600.0


def test_every_answer_says_that_it_is_simulated_and_what_time_it_is(wire: HttpCaller) -> None:
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
def test_foreign_hosts_and_pages_are_refused(wire: HttpCaller, headers: dict[str, str], path: str) -> None:
    url = wire.simulator.url.replace("/api/v1", path)
    assert wire.http.get(url, headers=headers).status_code == 403


def test_neither_keys_nor_signed_links_are_written_down(wire: HttpCaller) -> None:
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
def test_nothing_sent_to_it_is_its_own_fault(wire: HttpCaller, request_: tuple[str, str, bytes | None]) -> None:
    method, path, content = request_
    answer = wire.http.request(method, path, content=content)
    assert answer.status_code < 500
    assert answer.json()["request_id"]


def test_a_long_number_and_half_a_letter_are_judged_like_any_other(wire: HttpCaller) -> None:
    said = wire.ended(wire.accepted(body(parameters={"duration": "9" * 5000})))["output"]
    assert (said["code"], said["message"]) == (
        "InvalidParameter",
        "Input should be a valid integer: parameters.duration",
    )
    half = b'{"model": "wan2.7-i2v", "input": {"prompt": "a \\ud83d", "media": [{"type": "first_frame", "url": "https://a.invalid/b"}]}}'
    task = wire.http.post(CREATE, content=half).json()["output"]["task_id"]
    assert wire.ended(task)["output"]["orig_prompt"] == "a \ud83d"


def test_json_stays_json_for_any_text(wire: HttpCaller) -> None:
    prompt = "<script>\u202e\x00\U0001f600\ud7ff 猫 \"'"
    output = wire.ended(wire.accepted(body(input={"prompt": prompt, "media": body()["input"]["media"]})))["output"]
    assert output["orig_prompt"] == prompt
    assert json.loads(json.dumps(output)) == output
