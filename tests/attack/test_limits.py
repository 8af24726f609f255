"""Limits of time and size that the code enforces: servers that drip, stall, never end, or unpack to gigabytes."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import threading
import time
import tracemalloc
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from common import FIELDS, assert_whole, creates, until
from kernels import die, ended, kernel, start
from test_replies import PNG, Wire, http

import wan_nb
from wan_nb.api import client as wire_client
from wan_nb.api.client import Client
from wan_nb.engine.ask import Ask
from wan_nb.engine.posting import settle, submit
from wan_nb.errors import DownloadFailed, OutcomeUnknown, Refused, ServiceError, Unavailable, WanError
from wan_nb.log.states import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROMPT = "a cat walks"
MODEL = "wan2.7-i2v"


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    opened = Wire()
    yield opened
    opened.close()


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits on whole exchanges, short."""
    for name in ("CREATE_SECONDS", "_READ_SECONDS", "_TRANSFER_SECONDS"):
        monkeypatch.setattr(wire_client, name, 1.0)


def ask(url: str, key: str, call: Callable[[Client], Any]) -> Any:
    """The result of one call of a client of its own."""

    async def exchange() -> Any:
        client = Client(url, key)
        try:
            return await call(client)
        finally:
            await client.aclose()

    return asyncio.run(exchange())


# --- a create


def test_interim_answers_do_not_lengthen_a_create(settings, simulator, cat, brief) -> None:
    """A gateway keeps us waiting longer than a create may take, makes the task, and breaks the line."""
    simulator.faults(endpoint="create", delay=4.0, processing=0.1, reset=True, when="after")
    with wan_nb.Session(**settings) as session:
        with pytest.raises(OutcomeUnknown, match="can tell more after"):
            session.submit(PROMPT, first_frame=cat, **FIELDS)
        (row,) = session.log.find()
        assert (row.status, row.post_end) == (Status.UNCERTAIN, "hung up")
        assert row.post_ended_at > row.posted_at
        with pytest.raises(OutcomeUnknown):
            session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120)
        until(lambda: creates(simulator)[1] == 1, "the task that is made after we have hung up")
        assert session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120).video
        assert_whole(session, simulator)
    assert creates(simulator) == (1, 1)


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        ({"drip": 0.4}, "hung up"),
        ({"stall": 600}, "hung up"),
        ({"status": 504}, "hung up"),
        ({"body": "x" * 300_000}, "hung up"),
        ({"status": 500}, "closed"),
        ({"body": "[]"}, "closed"),
        ({"reset": True}, "closed"),
        ({"truncate": 10}, "closed"),
        ({"truncate": 0}, "closed"),
    ],
    ids=lambda given: str(given)[:20],
)
def test_how_a_create_ended_is_told(simulator, cat, brief, fault, end) -> None:
    body = {
        "model": MODEL,
        "input": {"prompt": PROMPT, "media": [{"type": "first_frame", "url": "https://x.org/a.png"}]},
    }
    simulator.faults(endpoint="create", when="after", **fault)
    with pytest.raises(OutcomeUnknown) as caught:
        ask(simulator.url, simulator.key, lambda client: client.create(body))
    assert ("closed" if caught.value.details["closed"] else "hung up") == end


@pytest.mark.parametrize("reply", [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"HTTP/1.1 200 \x00\r\n\r\n"])
def test_after_nonsense_it_was_us_who_hung_up(wire, reply) -> None:
    wire.answer = lambda method, path: reply
    with pytest.raises(OutcomeUnknown) as caught:
        ask(f"http://127.0.0.1:{wire.port}", "k", lambda client: client.create({"input": {"media": []}}))
    assert caught.value.details["closed"] is False


def test_a_no_is_a_no_whatever_comes_with_it(wire) -> None:
    for extra, body in (
        (b"", b" " * 300_000),
        (b"Content-Encoding: br\r\n", b"x"),
        (b"Content-Encoding: gzip\r\n", b"x"),
    ):
        said = http(body, status=400, extra=extra)
        wire.answer = lambda method, path, said=said: said
        with pytest.raises(Refused, match="HTTP 400"):
            ask(f"http://127.0.0.1:{wire.port}", "k", lambda client: client.create({"input": {"media": []}}))


def test_nothing_is_sent_before_it_is_written_down(simulator, brief) -> None:
    async def full() -> None:
        raise wan_nb.errors.LogError("database or disk is full")

    with pytest.raises(wan_nb.errors.LogError):
        ask(simulator.url, simulator.key, lambda c: c.create({"input": {"media": []}}, leaving=full))
    with pytest.raises(Unavailable) as caught:
        ask(
            simulator.url,
            simulator.key,
            lambda c: c.create({"input": {"media": []}}, leaving=lambda: asyncio.sleep(60)),
        )
    assert caught.value.retryable
    assert creates(simulator) == (0, 0)


def _stopped_between_intent_and_sending(settings: dict[str, Any], cat: str) -> None:
    """A kernel that stops itself right after it has written down that its POST leaves."""
    from datetime import timedelta

    submit.STAMP_LIFE = timedelta(seconds=0.3)
    session = wan_nb.Session(**settings)
    real, stops = session.log.begin_post, [True]

    def begin_post(*args: Any, **options: Any) -> Any:
        result = real(*args, **options)
        if stops:
            stops.pop()
            # To this thread: one to the process may reach it only when the POST has left.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        return result

    session.log.begin_post = begin_post  # type: ignore[method-assign]
    try:
        session.submit(PROMPT, first_frame=cat, **FIELDS)
    finally:
        die()


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_a_process_that_was_stopped_before_it_sent_writes_the_moment_anew(settings, simulator, cat) -> None:
    simulator.faults(endpoint="create", stall=600, when="after")
    child = start(_stopped_between_intent_and_sending, settings, cat)
    until(lambda: stopped(child.pid), "the kernel to stop")
    with wan_nb.Session(**settings) as session:
        before = session.log.find()[0].posted_at
        time.sleep(1.0)  # what is tested is a stop that is longer than the stamp's life
        assert creates(simulator) == (0, 0)
        went_on = datetime.now(UTC)
        os.kill(child.pid, signal.SIGCONT)
        until(lambda: creates(simulator)[1] == 1, "the POST")
        child.kill()
        ended(child)
        (row,) = session.log.find()
        assert before < went_on <= row.posted_at
        assert (row.status, row.post_end) == (Status.INTENDED, None)
        (run,) = session.resume(wait=True)
        assert run.status is Status.SUCCEEDED
        assert_whole(session, simulator)
    assert creates(simulator) == (1, 1)


@pytest.mark.parametrize("end", ["killed", "closed"])
def test_between_two_attempts_nothing_is_in_doubt(settings, simulator, cat, end) -> None:
    """A kernel ends while it waits to send again what was refused: there is no task, and it can be told at once."""
    simulator.faults(endpoint="create", status=429, code="Throttling.RateQuota", retry_after=600, times=-1)
    with wan_nb.Session(**settings) as session:
        if end == "killed":
            child = start(kernel, settings, "outside", 0, PROMPT, {"first_frame": cat, **FIELDS})
        else:
            other = wan_nb.Session(**settings)
            asked = other.request(PROMPT, first_frame=cat, **FIELDS)
            other.workspace.loop.start(other.workspace.runner.submit(Ask(asked)))
        row = until(lambda: next((r for r in session.log.find() if r.post_end == "refused"), None), "the refusal")
        if end == "killed":
            child.kill()
            ended(child)
            session.resume(wait=True)
        else:
            other.close()
        assert session.log.get(row.run_id).status is (Status.FAILED if end == "killed" else Status.CANCELED)
        simulator.clear_faults()
        assert session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120).video
    assert creates(simulator)[1] == 1


# --- everything else


CALLS: dict[str, Callable[[Client, Path], Any]] = {
    "get": lambda client, folder: client.get("t"),
    "list": lambda client, folder: client.list(),
    "cancel": lambda client, folder: client.cancel("t"),
    "quotas": lambda client, folder: client.quotas(MODEL),
    "policy": lambda client, folder: client.upload(folder / "frame", MODEL),
    "upload": lambda client, folder: client.upload(folder / "frame", MODEL),
}


@pytest.mark.parametrize("call", CALLS)
def test_an_answer_that_drips_holds_nobody(simulator, tmp_path, brief, call) -> None:
    (tmp_path / "frame").write_bytes(PNG)
    simulator.faults(endpoint=call, drip=0.4, times=-1)
    with pytest.raises(Unavailable, match="ReadTimeout"):
        ask(simulator.url, simulator.key, lambda client: CALLS[call](client, tmp_path))


@pytest.mark.parametrize("call", CALLS)
def test_an_answer_that_unpacks_to_much_takes_little(simulator, tmp_path, call) -> None:
    (tmp_path / "frame").write_bytes(PNG)
    simulator.faults(endpoint=call, bomb=100_000_000, times=-1)
    tracemalloc.start()
    try:
        with pytest.raises(ServiceError):
            ask(simulator.url, simulator.key, lambda client: CALLS[call](client, tmp_path))
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_an_answer_that_is_packed_unasked_is_read(wire, coding) -> None:
    said = b'{"output": {"task_id": "t", "task_status": "RUNNING"}}'
    packed = gzip.compress(said) if coding == "gzip" else zlib.compress(said)
    wire.answer = lambda method, path: http(packed, extra=f"Content-Encoding: {coding}\r\n".encode())
    assert ask(f"http://127.0.0.1:{wire.port}", "k", lambda client: client.get("t")).status == "RUNNING"
    wire.answer = lambda method, path: http(packed[:-9], extra=f"Content-Encoding: {coding}\r\n".encode())
    with pytest.raises(Unavailable):
        ask(f"http://127.0.0.1:{wire.port}", "k", lambda client: client.get("t"))


def test_no_answer_leaves_a_cookie(wire) -> None:
    said = http(b'{"output": {"task_id": "t", "task_status": "RUNNING"}}', extra=b"Set-Cookie: a=b; Path=/\r\n")
    wire.answer = lambda method, path: said

    async def look(client: Client) -> int:
        await client.get("t")
        return len(client._http.cookies.jar)

    assert ask(f"http://127.0.0.1:{wire.port}", "k", look) == 0


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [' + b"{}," * 1001 + b'{}], "total": 0}',
        b'{"data": [' + b"[" * 900 + b"]" * 900 + b'], "total": ' + b"9" * 5000 + b"}",
        b'{"data": 1e999}',
        b'{"code": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
    ids=["entries", "depth", "no list", "a deep code"],
)
def test_lists_beyond_any_measure(wire, body) -> None:
    for status in (200, 400, 500):
        said = http(body, status=status)
        wire.answer = lambda method, path, said=said: said
        with pytest.raises(ServiceError) as caught:
            ask(f"http://127.0.0.1:{wire.port}", "k", lambda client: client.list())
        assert len(str(caught.value)) < 400


def test_a_list_with_ever_new_pages_is_read_to_an_end(session, simulator, monkeypatch) -> None:
    monkeypatch.setattr(settle, "MOST_PAGES", 3)
    simulator.faults(endpoint="list", pages="endless", times=-1)
    assert len(session.strangers()) == 300
    monkeypatch.setattr(settle, "MOST_PAGES", 200)
    monkeypatch.setattr(settle, "MOST_TASKS", 500)
    assert len(session.strangers()) == 600
    monkeypatch.setattr(settle, "LIST_SECONDS", 0.0)
    assert session.strangers() == []


# --- clips


def downloaded(wire: Wire, reply: bytes, part: Path) -> str:
    wire.answer = lambda method, path: reply
    return ask(f"http://127.0.0.1:{wire.port}", "k", lambda c: c.download(f"http://127.0.0.1:{wire.port}/clip", part))


def test_a_clip_that_is_packed_unasked_arrives_whole(wire, tmp_path) -> None:
    content, part = os.urandom(300_000), tmp_path / "part"
    packed = http(gzip.compress(content), kind="video/mp4", extra=b'Content-Encoding: gzip\r\nETag: "1"\r\n')
    assert downloaded(wire, packed, part) == ""  # bytes of one packing cannot go on from those of another
    assert part.read_bytes() == content


@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, gzip"])
def test_a_clip_that_unpacks_to_much_writes_little(wire, tmp_path, coding) -> None:
    part = tmp_path / "part"
    bomb = http(gzip.compress(bytes(50_000_000)), kind="video/mp4", extra=f"Content-Encoding: {coding}\r\n".encode())
    with pytest.raises(Unavailable, match="DecodingError"):
        downloaded(wire, bomb, part)
    assert not part.exists() or part.stat().st_size < 2_000_000


def test_a_clip_larger_than_any_is_not_fetched(wire, tmp_path, monkeypatch) -> None:
    from dataclasses import replace

    from wan_nb.api import catalog

    monkeypatch.setattr(catalog, "LIMITS", replace(catalog.LIMITS, clip_bytes=100_000))
    with pytest.raises(Unavailable, match="DecodingError"):
        downloaded(wire, http(bytes(200_000), kind="video/mp4"), tmp_path / "part")
    assert (tmp_path / "part").stat().st_size <= 100_000 + 65_536


def test_a_download_that_drips_is_broken_off_and_goes_on_later(settings, simulator, cat, brief) -> None:
    with wan_nb.Session(**settings) as session:
        for dice in (session.workspace.account.rng, session.workspace.account.watcher._rng):
            dice.uniform = lambda low, high: 0.0
        simulator.faults(endpoint="download", drip=0.4, times=-1)
        with pytest.raises(DownloadFailed, match="too slow"):
            session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120)
        assert session.log.find()[0].status is Status.DOWNLOADING
        simulator.clear_faults()
        assert session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120).video
        assert_whole(session, simulator)
    assert creates(simulator) == (1, 1)


@pytest.mark.parametrize("body", [b"", gzip.compress(bytes(50_000_000))], ids=["plain", "bomb"])
def test_redirects_end_and_what_comes_with_them_is_not_read(wire, tmp_path, body) -> None:
    extra = f"Location: http://127.0.0.1:{wire.port}/on\r\nContent-Encoding: gzip\r\n".encode()
    with pytest.raises(Unavailable, match="only leads to other links"):
        downloaded(wire, http(body, status=302, extra=extra), tmp_path / "part")


# --- a list that proves nothing


LEFT_OUT = [
    {"rows": {"task_id": None}},
    {"pages": "missing"},
    {"rows": {"model_name": "wan2.7-t2v"}},
    {"patch": {"total": 7}},
]
READ = [
    {"rows": {"model_name": "wan2.7-i2v-2026-04-25"}},
    {"rows": {"model_name": None}},
    {"rows": {"gmt_create": None}},
    {"rows": {"gmt_create": "soon"}},
    {"rows": {"gmt_create": 1}},
    {"rows": {"gmt_create": 4102444800000}},
    {"rows": {"status": "UNKNOWN"}},
    {"rows": {"status": "PAUSED"}},
    {"stamps": "seconds"},
    {"stamps": "texts"},
]


@pytest.mark.parametrize("oddity", LEFT_OUT, ids=str)
def test_a_list_that_proves_nothing_keeps_the_run_uncertain(settings, simulator, cat, oddity) -> None:
    simulator.faults(endpoint="create", reset=True, when="after")
    simulator.faults(endpoint="list", times=-1, **oddity)
    with wan_nb.Session(**settings) as session:
        for _ in range(2):
            with pytest.raises(OutcomeUnknown):
                session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120)
        assert session.log.find()[0].status is Status.UNCERTAIN
        simulator.clear_faults()
        assert session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120).video
        assert_whole(session, simulator)
    assert creates(simulator) == (1, 1)


@pytest.mark.parametrize("oddity", READ, ids=str)
def test_a_task_that_is_listed_oddly_is_found(settings, simulator, cat, oddity) -> None:
    simulator.faults(endpoint="create", reset=True, when="after")
    simulator.faults(endpoint="list", times=-1, **oddity)
    with wan_nb.Session(**settings) as session:
        assert session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120).video
        assert_whole(session, simulator)
    assert creates(simulator) == (1, 1)


def test_pages_that_repeat_prove_nothing(settings, simulator, cat) -> None:
    simulator.limits(page_size=1)
    with wan_nb.Session(**settings) as session:
        session.submit("first", first_frame=cat, **FIELDS).wait(timeout=120)
        session.submit("second", first_frame=cat, **FIELDS).wait(timeout=120)
        simulator.faults(endpoint="list", times=-1, pages="repeat")
        simulator.faults(endpoint="create", reset=True, when="before")
        with pytest.raises(OutcomeUnknown):
            session.submit(PROMPT, first_frame=cat, **FIELDS)
        simulator.clear_faults()
        with pytest.raises(WanError, match="did not take it"):
            session.submit(PROMPT, first_frame=cat, **FIELDS).wait(timeout=120)
    assert creates(simulator) == (3, 2)


def test_the_candidates_are_shown_and_a_persons_word_decides(settings, simulator, cat) -> None:
    """The list names our task as one of another model, which a colleague's would be too."""
    simulator.faults(endpoint="create", reset=True, when="after")
    simulator.faults(endpoint="list", times=-1, rows={"model_name": "wan2.7-t2v"})
    with wan_nb.Session(**settings) as session:
        with pytest.raises(OutcomeUnknown, match="A task of the account may be it: `%wan adopt`"):
            session.submit(PROMPT, first_frame=cat, **FIELDS)
        (found,) = session.strangers()
        (run,) = session.adopt(found.task_id)
        assert run.wait(timeout=120).video
        assert len(session.log.find()) == 1
        assert_whole(session, simulator)
    assert creates(simulator) == (1, 1)
