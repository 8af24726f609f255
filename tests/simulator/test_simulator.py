"""The simulator's API, judged by the hand-typed cases: tasks, the list and the limits of an account."""

from __future__ import annotations

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
    REFUSED_CANCEL,
    SEED_HEADERS,
    SEED_REQUEST,
    SEED_RESPONSE,
    SNAPSHOT,
    TASK_TIMEOUT_HOURS,
    TOLERATED,
    TOO_FAST,
    WIRE_CASES,
    Case,
    WireCase,
    body,
)
from simulator_http import shape

if TYPE_CHECKING:
    from simulator_http import HttpCaller

HOUR = 3600.0


def with_field(case: Case) -> dict[str, Any]:
    request = body()
    request["input" if case.field in INPUT_FIELDS else "parameters"][case.field] = case.value
    return request


# Create


def test_the_seeds_own_request_gets_the_seeds_answer(wire: HttpCaller) -> None:
    answer = httpx.post(wire.simulator.url + CREATE, json=SEED_REQUEST, headers=SEED_HEADERS, trust_env=False)
    assert answer.status_code == 200
    assert shape(answer.json()) == shape(SEED_RESPONSE)
    assert answer.json()["output"]["task_status"] == SEED_RESPONSE["output"]["task_status"]


@pytest.mark.parametrize("case", WIRE_CASES, ids=lambda case: case.name)
def test_wrong_creates_are_refused_at_once_or_fail_later(wire: HttpCaller, case: WireCase) -> None:
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
def test_each_documented_limit_of_a_field(wire: HttpCaller, case: Case) -> None:
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
def test_only_six_combinations_of_media_are_legal(wire: HttpCaller, types: tuple[str, ...]) -> None:
    media = [{"type": name, "url": f"https://media.invalid/{name}"} for name in types]
    said = wire.ended(wire.accepted(body(input={"media": media})))["output"]
    assert said["task_status"] == ("SUCCEEDED" if types in LEGAL_MEDIA else "FAILED")
    if types not in LEGAL_MEDIA:
        assert (said["code"], "input.media" in said["message"]) == ("InvalidParameter", True)


def test_unknown_keys_and_a_null_prompt_are_tolerated(wire: HttpCaller) -> None:
    assert wire.ended(wire.accepted(TOLERATED))["output"]["task_status"] == "SUCCEEDED"


def test_missing_parameters_take_the_services_defaults(wire: HttpCaller) -> None:
    usage = wire.ended(wire.accepted({"model": MODEL, "input": body()["input"]}))["usage"]
    assert usage["duration"] == API_DEFAULTS["duration"]
    assert f"{usage['SR']}P" == API_DEFAULTS["resolution"]


def test_every_create_makes_a_task_of_its_own(wire: HttpCaller) -> None:
    assert wire.accepted() != wire.accepted()


# Looking


def test_each_status_answers_as_documented(wire: HttpCaller) -> None:
    wire.simulator.config(queue=1000, run=1000)
    task = wire.accepted()
    seen = {"PENDING": wire.get(task)}
    wire.simulator.do(task, "start")
    seen["RUNNING"] = wire.get(task)
    wire.simulator.do(task, "finish")
    seen["SUCCEEDED"] = wire.ended(task)
    wire.simulator.config(queue=0, run=0)
    seen["FAILED"] = wire.ended(wire.accepted(body(input={})))
    seen["UNKNOWN"] = wire.get("0385dc79-5ff8-4d82-bcb6-000000000000")
    for status, answer in seen.items():
        assert answer["output"]["task_status"] == status
        for optional in OPTIONAL_IN_ANSWERS.get(status, ()):
            answer["output"].pop(optional, None)
        assert shape(answer) == shape(ANSWERS[status])


def test_times_are_utc_plus_8_and_in_order(wire: HttpCaller) -> None:
    before = datetime.now(timezone(timedelta(hours=8))).replace(tzinfo=None) - timedelta(seconds=1)
    output = wire.ended(wire.accepted())["output"]
    times = [datetime.fromisoformat(output[name]) for name in ("submit_time", "scheduled_time", "end_time")]
    assert [before, *times] == sorted([before, *times])
    assert times[-1] < before + timedelta(seconds=60)


def test_a_task_of_another_account_is_unknown(wire: HttpCaller) -> None:
    task = wire.accepted()
    answer = wire.http.get(f"/tasks/{task}", headers={"Authorization": "Bearer sk-other"})
    assert (answer.status_code, answer.json()["output"]["task_status"]) == (200, "UNKNOWN")


def test_a_task_is_unknown_after_a_day(wire: HttpCaller) -> None:
    task = wire.accepted()
    wire.ended(task)
    wire.simulator.clock(ACCOUNT_LIMITS["life_hours"] * HOUR - 60)
    assert wire.get(task)["output"]["task_status"] == "SUCCEEDED"
    wire.simulator.clock(ACCOUNT_LIMITS["life_hours"] * HOUR + 60)
    assert wire.get(task)["output"]["task_status"] == "UNKNOWN"


def test_a_task_that_runs_for_hours_is_ended(wire: HttpCaller) -> None:
    wire.simulator.config(run=100 * HOUR)
    task = wire.accepted()
    wire.get(task)
    wire.simulator.clock(TASK_TIMEOUT_HOURS * HOUR + 60)
    output = wire.get(task)["output"]
    assert (output["task_status"], output["code"]) == ("FAILED", "InternalError.Timeout")


def test_the_list_is_flat_and_counts_milliseconds(wire: HttpCaller) -> None:
    task = wire.accepted()
    wire.ended(task)
    answer = wire.http.get("/tasks/").json()
    assert shape(answer) == shape(LIST_ANSWER)
    assert answer["data"][0]["task_id"] == task
    assert set(answer["data"][0]) == set(LIST_ROW)
    assert abs(answer["data"][0]["gmt_create"] / 1000 - time.time()) < 60
    assert wire.http.get("/tasks").json()["data"] == answer["data"]


def test_the_list_filters_and_pages(wire: HttpCaller) -> None:
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


def test_the_list_is_cut_by_time_of_creation(wire: HttpCaller) -> None:
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


def test_only_a_waiting_task_can_be_canceled(wire: HttpCaller) -> None:
    wire.simulator.config(queue=1000)
    task = wire.accepted()
    answer = wire.http.post(f"/tasks/{task}/cancel")
    assert (answer.status_code, set(answer.json())) == (200, {"request_id"})
    assert wire.get(task)["output"] == {**ANSWERS["CANCELED"]["output"], "task_id": task}
    for refused in (task, "nobody-knows-it"):
        answer = wire.http.post(f"/tasks/{refused}/cancel")
        said = answer.json()
        assert {"status": answer.status_code, "code": said["code"], "message": said["message"]} == REFUSED_CANCEL


# Limits


def test_the_sixth_submit_of_a_second_is_refused(wire: HttpCaller) -> None:
    answers = [wire.create() for _ in range(int(ACCOUNT_LIMITS["submits_per_second"]) + 1)]
    assert [answer.status_code for answer in answers[:-1]] == [200] * (len(answers) - 1)
    said = answers[-1].json()
    assert {"status": answers[-1].status_code, "code": said["code"], "message": said["message"]} == TOO_FAST
    assert wire.simulator.counters()["creates_accepted"] == len(answers) - 1
    assert wire.create(body(model=SNAPSHOT)).status_code == 200


def test_more_than_twenty_looks_in_a_second_are_refused(wire: HttpCaller) -> None:
    codes = [wire.http.get("/tasks/x" if i % 2 else "/tasks").status_code for i in range(40)]
    assert codes[: int(ACCOUNT_LIMITS["queries_per_second"])] == [200] * 20
    assert 429 in codes


def test_five_run_and_the_rest_waits(wire: HttpCaller) -> None:
    wire.simulator.limits(submits_per_second=100)
    wire.simulator.config(run=1000)
    tasks = [wire.accepted() for _ in range(7)]
    states = [task["status"] for task in wire.simulator.tasks()]
    assert states == ["RUNNING"] * 5 + ["PENDING"] * 2
    wire.simulator.do(tasks[0], "finish")
    wire.ended(tasks[0])
    assert [task["status"] for task in wire.simulator.tasks()][5:] == ["RUNNING", "PENDING"]
    assert wire.simulator.counters()["most_running"] == ACCOUNT_LIMITS["running"]


def test_a_freed_slot_is_taken_at_that_very_moment(wire: HttpCaller) -> None:
    wire.simulator.limits(running=1)
    tasks = [wire.accepted() for _ in range(3)]
    wire.ended(tasks[-1])
    told = wire.simulator.tasks()
    assert [later["started_at"] for later in told[1:]] == [
        max(earlier["ended"], later["ready_at"]) for earlier, later in pairwise(told)
    ]


def test_quotas_tell_the_limits_in_force(wire: HttpCaller) -> None:
    wire.simulator.limits(running=9)
    quotas = wire.http.get("/quotas", params={"model": MODEL}).json()["output"]["quotas"]
    assert [quota["model"] for quota in quotas] == [MODEL]
    assert quotas[0]["model_limit"]["async_user_concurrency_limit"] == 9
