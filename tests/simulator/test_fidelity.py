"""The contract: the simulator answers as the recordings say, and a difference between them would be seen."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from wan_nb.simulator.__main__ import main
from wan_nb.simulator.fidelity.differences import differences
from wan_nb.simulator.fidelity.exchange import DOCUMENTED, Answer, Exchange, Step, read, scrubbed
from wan_nb.simulator.fidelity.perform import replay

if TYPE_CHECKING:
    from pathlib import Path

RECORDED = {exchange.step.name: exchange for exchange in read(DOCUMENTED)}
KEY = "sk-0123456789abcdef"


@pytest.fixture(scope="module")
def answers(_simulator: Any) -> dict[str, Answer]:
    """What the simulator answers to all steps, in their order."""
    _simulator.reset()
    steps = [exchange.step for exchange in RECORDED.values()]
    return dict(zip(RECORDED, asyncio.run(replay(steps, _simulator.url)), strict=True))


@pytest.mark.parametrize("name", RECORDED)
def test_the_simulator_answers_as_it_is_documented(name: str, answers: dict[str, Answer]) -> None:
    assert differences(RECORDED[name], answers[name]) == []


def test_each_exchange_says_where_it_is_known_from_and_has_a_name_of_its_own() -> None:
    exchanges = read(DOCUMENTED)
    assert all(exchange.source for exchange in exchanges)
    assert len({exchange.step.name for exchange in exchanges}) == len(exchanges)


def _changed(answer: Answer, place: str, value: Any) -> Answer:
    """The answer with one part of its body replaced, or taken out for None."""
    body = copy.deepcopy(answer.body)
    *way, name = place.split(".")
    part = body
    for step in way:
        part = part[step]
    if value is None:
        del part[name]
    else:
        part[name] = value
    return replace(answer, body=body)


@pytest.mark.parametrize(
    ("name", "place", "value", "said"),
    [
        ("i2v is done", "usage.video_count", None, "usage.video_count is missing"),
        ("i2v is done", "usage.fps", 30, "usage.fps is not in the recording"),
        ("i2v is done", "usage.SR", "720", "usage.SR is a text, recorded a number"),
        ("i2v is done", "output.task_status", "SUCCESS", "output.task_status is 'SUCCESS', recorded 'SUCCEEDED'"),
        ("i2v is done", "output.end_time", "2026-04-08T10:00:00Z", "output.end_time is '2026-04-08T10:00"),
        ("i2v is done", "output.video_url", "https://a.example/b.mp4", "output.video_url is '<link>', recorded"),
        ("i2v is done", "output.task_id", "7", "output.task_id is '7', recorded '<id>'"),
        ("no key", "code", "InvalidKey", "code is 'InvalidKey', recorded 'InvalidApiKey'"),
        ("no key", "message", "no", "message is 'no', recorded"),
        ("list", "data", [], "data has 0 items, recorded 1"),
        ("list", "data", {}, "data is an object, recorded a list"),
    ],
)  # fmt: skip
def test_a_difference_is_seen(name: str, place: str, value: Any, said: str, answers: dict[str, Answer]) -> None:
    (found,) = differences(RECORDED[name], _changed(answers[name], place, value))
    assert found.startswith(said)


def test_a_difference_of_status_kind_or_form_is_seen(answers: dict[str, Answer]) -> None:
    recorded, answer = RECORDED["clip"], answers["clip"]
    assert differences(recorded, replace(answer, status=206)) == ["HTTP 206, recorded 200"]
    assert differences(recorded, replace(answer, type="")) == ["content is empty, recorded video/mp4"]
    assert differences(recorded, Answer(0, "")) == ["not sent: an earlier answer lacks what it needs"]
    listed = Exchange(Step("list", "/tasks/"), Answer(200, "application/json", {"data": [{"status": "FAILED"}]}))
    other = Answer(200, "application/json", {"data": [{"status": "LOST"}]})
    assert differences(listed, other) == ["data[].status is 'LOST', recorded 'FAILED'"]


def test_what_sources_disagree_on_may_be_there_or_not(answers: dict[str, Answer]) -> None:
    recorded, answer = RECORDED["late refusal is told"], answers["late refusal is told"]
    assert differences(recorded, _changed(answer, "output.end_time", None)) == []
    assert "output.end_time is not in the recording" in differences(replace(recorded, optional=()), answer)


def test_what_is_recorded_holds_no_account_no_link_and_no_id() -> None:
    told = {
        "request_id": "0385dc79-5ff8-4d82-bcb6-0123456789ab",
        "output": {"video_url": "https://bucket.example/1d/a.mp4?Expires=1&OSSAccessKeyId=LTAI0&Signature=x%3D"},
        "data": [{"caller_uid": 12345, "api_key_id": "key-7", "request_id": "0385dc79-5ff8-4d82-bcb6-0123456789ab"}],
        "message": f"request 0385DC79-5FF8-4D82-BCB6-0123456789AB of {KEY} is refused",
    }
    assert scrubbed(told) == {
        "request_id": "<id>",
        "output": {"video_url": "<link ?Expires&OSSAccessKeyId&Signature>"},
        "data": [{"caller_uid": 0, "api_key_id": "<text>", "request_id": "<id>"}],
        "message": "request <id> of *** is refused",
    }


def _generate(simulator: Any, over: Event) -> None:
    """Let each task wait and run for as long as the recorder looks at it so."""
    while (canceled := simulator.counters()["cancels"]) < 3 and not over.is_set():
        for task in simulator.tasks():
            refused = task["body"]["parameters"]["resolution"] == "1P"
            if task["status"] == "PENDING" and (refused or canceled == 2):
                simulator.do(task["task_id"], "finish" if refused else "start")
        time.sleep(0.02)
    for task in simulator.tasks():
        if task["status"] == "RUNNING":
            simulator.do(task["task_id"], "finish")


def test_a_service_is_recorded_and_compared(simulator: Any, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    simulator.config(queue=3600, run=3600)
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    file = tmp_path / "r.jsonl"
    with ThreadPoolExecutor(1) as pool:
        over = Event()
        service = pool.submit(_generate, simulator, over)
        try:
            assert main(["record", "--service", simulator.url, "--yes", "-o", str(file)]) == 0
        finally:
            over.set()
        service.result()
    said = capsys.readouterr().out
    assert "2 clips of 2 s by wan3.0-video in 480P" in said
    assert "at most CNY 1.20" in said
    assert "The simulator answers 23 of 23 requests as they are recorded." in said
    text = file.read_text("utf-8")
    ids = [task["task_id"] for task in simulator.tasks()]
    assert not [secret for secret in (KEY, simulator.url, "Signature=", *ids) if secret in text]
    assert [ids[-2] in said, ids[-1] in said] == [True, True], "what may be billed can be had"
    assert sum(task["status"] == "SUCCEEDED" for task in simulator.tasks()) <= 2

    changed = [json.loads(line) for line in text.splitlines()]
    changed[0]["answer"]["status"] = 403
    file.write_text("\n".join(map(json.dumps, changed)), "utf-8")
    assert main(["compare", str(file)]) == 0
    said = capsys.readouterr().out
    assert "no key: HTTP 401, recorded 403" in said
    assert "The simulator answers 22 of 23 requests as they are recorded." in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "nothing was sent."),
        (["--max-cost", "1"], "more than --max-cost 1"),
        (["--max-cost", "nan"], "more than --max-cost nan"),
        (["--yes", "-o", "there.jsonl"], "there.jsonl"),
        (["--yes", "--service", "tokyo"], "set WAN_NB_WORKSPACE"),
        (["--yes", "--service", "file:///etc"], "cannot be used"),
    ],
)
def test_nothing_is_sent_before_it_is_agreed(
    given: list[str], said: str, simulator: Any, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    (tmp_path / "there.jsonl").write_text("")
    assert main(["record", *([] if "--service" in given else ["--service", simulator.url]), *given]) == 1
    out, err = capsys.readouterr()
    assert said in err
    assert KEY not in out + err
    assert simulator.counters()["creates_received"] == 0


def test_without_a_key_or_a_recording_it_says_so(tmp_path: Path, capsys: Any) -> None:
    assert main(["record"]) == 1
    assert "DASHSCOPE_API_KEY" in capsys.readouterr().err
    broken = tmp_path / "broken.jsonl"
    broken.write_text('\n{"request": {"name": "a"}}\n')
    assert main(["compare", str(broken)]) == 1
    assert "broken.jsonl, line 2: no exchange" in capsys.readouterr().err
