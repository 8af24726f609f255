"""Faults and ``/_simulator/``: each rule does on the wire what it says, once, and where it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from documented_cases import CREATE, body

if TYPE_CHECKING:
    from simulator_http import HttpCaller


def accepted(wire: HttpCaller) -> int:
    return int(wire.simulator.counters()["creates_accepted"])


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_error_before_or_after_the_work(wire: HttpCaller, when: str) -> None:
    wire.simulator.faults(endpoint="create", status=500, code="InternalError", message="oops", when=when)
    answer = wire.create()
    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (500, "InternalError", "oops")
    assert accepted(wire) == (when == "after")
    assert wire.simulator.counters()["creates_received"] == 1
    assert wire.create().status_code == 200


def test_throttling_may_say_how_long(wire: HttpCaller) -> None:
    wire.simulator.faults(endpoint="get", status=429, code="Throttling", retry_after=7)
    answer = wire.http.get("/tasks/x")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_reset_before_or_after_the_work(wire: HttpCaller, when: str) -> None:
    wire.simulator.faults(endpoint="create", reset=True, when=when)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        wire.create()
    assert accepted(wire) == (when == "after")


def test_a_stall_sends_nothing_and_then_closes(wire: HttpCaller) -> None:
    wire.simulator.faults(endpoint="list", stall=30)
    with pytest.raises(httpx.ReadTimeout):
        wire.http.get("/tasks", timeout=httpx.Timeout(60, read=0.3))
    wire.simulator.faults(endpoint="list", stall=0.1)
    with pytest.raises(httpx.RemoteProtocolError):
        wire.http.get("/tasks")


def test_a_delayed_answer_is_right(wire: HttpCaller) -> None:
    wire.simulator.faults(endpoint="create", delay=0.2)
    assert wire.create().status_code == 200


def test_answers_cut_short_break_off(wire: HttpCaller) -> None:
    wire.simulator.faults(endpoint="get", truncate=0.5)
    with pytest.raises(httpx.RemoteProtocolError):
        wire.http.get("/tasks/x")
    wire.simulator.faults(endpoint="get", truncate=20, short=True)
    assert len(wire.http.get("/tasks/x").content) == 20


def test_garbage_and_pages_with_200(wire: HttpCaller) -> None:
    wire.simulator.faults(
        {"endpoint": "get", "body": '{"half": '},
        {"endpoint": "get", "body": "<html>Sign in</html>", "content_type": "text/html"},
    )
    assert wire.http.get("/tasks/x").text == '{"half": '
    page = wire.http.get("/tasks/x")
    assert (page.status_code, page.headers["content-type"], page.text) == (200, "text/html", "<html>Sign in</html>")


def test_unknown_words_and_changed_answers(wire: HttpCaller) -> None:
    task = wire.accepted()
    wire.ended(task)
    wire.simulator.faults(
        {"endpoint": "get", "word": "SUSPENDED"},
        {"endpoint": "list", "word": "SUSPENDED"},
        {"endpoint": "get", "patch": {"usage": {"duration": "5.0"}, "output": {"video_url": None}, "extra": 1}},
    )
    assert wire.get(task)["output"]["task_status"] == "SUSPENDED"
    assert wire.http.get("/tasks").json()["data"][0]["status"] == "SUSPENDED"
    patched = wire.get(task)
    assert (patched["usage"]["duration"], patched["usage"]["SR"], patched["extra"]) == ("5.0", 720, 1)
    assert "video_url" not in patched["output"]


def test_output_moderation_fails_an_accepted_task_unbilled(wire: HttpCaller) -> None:
    wire.simulator.faults(endpoint="create", fail={"code": "DataInspectionFailed", "message": "Output data ..."})
    output = wire.ended(wire.accepted())["output"]
    assert (output["task_status"], output["code"]) == ("FAILED", "DataInspectionFailed")
    assert wire.simulator.counters()["billed_seconds"] == 0
    assert wire.ended(wire.accepted())["output"]["task_status"] == "SUCCEEDED"
    assert wire.simulator.counters()["billed_seconds"] == 5


def test_downloads_go_wrong_in_their_own_ways(wire: HttpCaller) -> None:
    url = wire.ended(wire.accepted())["output"]["video_url"]
    whole = httpx.get(url, trust_env=False).content
    wire.simulator.faults(
        {"endpoint": "download", "truncate": 1000},
        {"endpoint": "download", "truncate": 1000, "short": True},
        {"endpoint": "download", "status": 403, "code": "AccessDenied", "message": "Request has expired."},
        {"endpoint": "download", "body": "<html></html>", "content_type": "text/html"},
        {"endpoint": "download", "truncate": 1000, "stall": 30},
    )
    with httpx.stream("GET", url, trust_env=False) as answer:
        assert answer.headers["content-length"] == str(len(whole))
        blocks = answer.iter_bytes()
        received = next(blocks)
        with pytest.raises(httpx.RemoteProtocolError):
            next(blocks)
    assert received == whole[:1000]
    assert httpx.get(url, trust_env=False).content == whole[:1000]
    expired = httpx.get(url, trust_env=False)
    assert (expired.status_code, "<Code>AccessDenied</Code>" in expired.text) == (403, True)
    assert httpx.get(url, trust_env=False).headers["content-type"] == "text/html"
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(url, trust_env=False, timeout=httpx.Timeout(60, read=0.3))
    assert httpx.get(url, trust_env=False).content == whole


def test_uploads_and_policies_go_wrong_too(wire: HttpCaller) -> None:
    policy = wire.policy()
    wire.simulator.faults(
        {"endpoint": "policy", "status": 429, "code": "Throttling.RateQuota"}, {"endpoint": "upload", "status": 503}
    )
    assert wire.http.get("/uploads", params={"action": "getPolicy", "model": "wan2.7-i2v"}).status_code == 429
    assert wire.send({}, b"x", policy["upload_host"]).status_code == 503
    assert wire.upload(b"x").startswith("oss://")


def test_rules_hit_as_often_as_they_say(wire: HttpCaller) -> None:
    tasks = [wire.accepted(), wire.accepted()]
    wire.simulator.faults(
        {"endpoint": "get", "task_id": tasks[1], "status": 500, "times": 2, "skip": 1},
        {"endpoint": "*", "status": 502, "chance": 0.0, "times": -1},
    )

    def codes(task_id: str) -> list[int]:
        return [wire.http.get(f"/tasks/{task_id}").status_code for _ in range(4)]

    assert codes(tasks[0]) == [200] * 4
    assert codes(tasks[1]) == [200, 500, 500, 200]
    assert [rule["hits"] for rule in wire.simulator.control("GET", "faults")["faults"]] == [2, 0]
    wire.simulator.faults(endpoint="*", status=502, times=-1)
    assert wire.create().status_code == 502
    wire.simulator.clear_faults()
    assert wire.create().status_code == 200


@pytest.mark.parametrize(
    ("what", "wrong"),
    [
        ("faults", {"faults": [{"endpoint": "nowhere"}]}),
        ("faults", {"faults": [{"endpoint": "get", "explode": True}]}),
        ("faults", {}),
        ("faults", {"faults": [{"endpoint": "get", "times": "often"}]}),
        ("faults", {"faults": [{"endpoint": "get", "when": "later"}]}),
        ("faults", {"faults": [{"endpoint": "create", "fail": 1}]}),
        ("limits", {"walking": 3}),
        ("limits", {"running": "many"}),
        ("limits", {"task_life": None}),
        ("config", {"queue": "long"}),
        ("config", {"run": [1, 2, 3]}),
        ("config", {"run": {"median": 1}}),
        ("config", {"speed": 0}),
        ("config", {"strict": "very"}),
        ("config", [1]),
        ("kernels", {"pid": -1}),
        ("clock", {"shift": 1e300}),
        ("config", {"clips": "huge"}),
        ("clock", {"shift": "soon"}),
        ("tasks", {"task_id": "x", "do": "start"}),
        ("teapot", {}),
    ],
)
def test_the_desk_refuses_what_it_does_not_know(wire: HttpCaller, what: str, wrong: Any) -> None:
    answer = wire.http.post(wire.simulator.url.replace("/api/v1", f"/_simulator/{what}"), json=wrong)
    assert answer.status_code in {400, 404}
    assert answer.json()["message"]
    assert wire.create().status_code == 200


def test_new_tasks_may_come_late_into_the_list(wire: HttpCaller) -> None:
    wire.simulator.config(list_lag=3600)
    task = wire.accepted()
    assert wire.http.get("/tasks").json()["total"] == 0
    wire.simulator.clock(3601)
    assert [row["task_id"] for row in wire.http.get("/tasks").json()["data"]] == [task]


def test_counters_tell_accounts_apart(wire: HttpCaller) -> None:
    wire.accepted()
    wire.accepted(None, Authorization="Bearer sk-other")
    counters = wire.simulator.counters()
    assert counters["creates_accepted"] == 2
    assert sorted(account["creates_accepted"] for account in counters["accounts"].values()) == [1, 1]


def test_a_reset_forgets_everything(wire: HttpCaller) -> None:
    limits = wire.simulator.control("GET", "limits")
    wire.accepted()
    wire.simulator.faults(endpoint="create", status=500)
    wire.simulator.clock(500)
    wire.simulator.limits(running=1)
    wire.simulator.reset()
    assert wire.simulator.tasks() == []
    assert wire.simulator.control("GET", "faults") == {"faults": []}
    assert wire.simulator.control("GET", "clock")["shift"] == 0
    assert wire.simulator.control("GET", "limits") == limits
    assert accepted(wire) == 0
    assert httpx.post(wire.simulator.url + CREATE, json=body(), headers=wire.simulator.headers).status_code == 200
