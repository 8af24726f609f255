"""Any answer to any call: a client ends in a typed error or in a right state, never hangs, never ends the loop thread.

The service here is a few lines on a raw socket, because a web framework would not send what must be sent.
"""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wan_nb
from wan_nb.api.client import Client
from wan_nb.errors import WanError
from wan_nb.log.states import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452")
URL = "http://127.0.0.1/clip.mp4"


class Wire:
    """A server that answers each request with what a function gives: raw bytes, the whole of the answer."""

    def __init__(self) -> None:
        self.answer: Callable[[str, str], bytes] = lambda method, path: b""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)
        self._thread.start()
        assert self._ready.wait(30)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(asyncio.start_server(self._talk, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = next(
                (int(h.partition(":")[2]) for h in head.split("\r\n") if h[:15].lower() == "content-length:"), 0
            )
            await reader.readexactly(length)
            method, path = head.split(" ")[:2]
            writer.write(self.answer(method, path))
            await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    opened = Wire()
    yield opened
    opened.close()


def http(body: bytes, status: int = 200, kind: str = "application/json", extra: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status} Word\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    return head.encode("utf-8", "replace") + extra + b"\r\n" + body


# --- what a service might say

WORDS = ["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN", "PAUSED", "", "é", "\u202e"]
NAMES = [
    *("task_id", "task_status", "output", "video_url", "usage", "duration", "SR", "data", "total", "status", "code"),
    *("message", "request_id", "submit_time", "scheduled_time", "end_time", "gmt_create", "model_name", "orig_prompt"),
    *("upload_host", "upload_dir", "policy", "signature", "expire_in_seconds"),
]
texts = st.sampled_from(
    [*WORDS, URL, "http://[", "//", "file:///etc/passwd", "\x00", "2026-01-01 00:00:00", "1e400", "-1"]
)
atoms = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.text(max_size=8)
jsons = st.recursive(
    atoms,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner),
    max_leaves=12,
)
tasks = st.fixed_dictionaries(
    {"output": st.fixed_dictionaries({"task_id": st.just("t") | atoms, "task_status": st.sampled_from(WORDS) | atoms},
                                     optional=dict.fromkeys(NAMES[2:], atoms))},
    optional={"usage": jsons, "request_id": atoms, "code": atoms, "message": atoms},
)  # fmt: skip
lists = st.fixed_dictionaries(
    {"data": st.lists(st.dictionaries(st.sampled_from(NAMES), atoms), max_size=3) | atoms}, optional={"total": atoms}
)
policies = st.fixed_dictionaries({"data": st.dictionaries(st.sampled_from(NAMES), atoms) | jsons})
bodies = st.binary(max_size=40) | (jsons | tasks | lists | policies).map(lambda value: json.dumps(value).encode())
statuses = st.sampled_from([200, 200, 200, 200, 204, 302, 400, 401, 403, 404, 429, 500, 503, 599])
HEADERS = (
    *(b"", b"Date: yesterday\r\n", b"Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n", b"X-Wan-Simulator: 1\r\n"),
    *(b"Retry-After: inf\r\n", b"Retry-After: nan\r\n", b"Retry-After: -5\r\n", b"Location: http://[\r\n"),
    *(b"Date: Fri, 31 Dec 99999999999 23:59:59 GMT\r\n", b"Retry-After: Fri, 31 Dec 99999999999 23:59:59 GMT\r\n"),
    *(b"Content-Encoding: gzip\r\n", b"Content-Encoding: br\r\n", b"Content-Encoding: gzip, gzip\r\n"),
)
kinds = st.sampled_from(["application/json", "text/html", "video/mp4", "é", "text/plain; charset=zlib"])
whole = st.builds(http, bodies, statuses, kinds, st.sampled_from(HEADERS))
replies = whole | st.binary(max_size=60) | whole.flatmap(lambda r: st.integers(0, len(r)).map(lambda n: r[:n]))

often = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


CALLS: dict[str, Callable[[Client, Path], Any]] = {
    "create": lambda client, folder: client.create({"input": {"media": []}}),
    "get": lambda client, folder: client.get("t"),
    "list": lambda client, folder: client.list(),
    "cancel": lambda client, folder: client.cancel("t"),
    "quotas": lambda client, folder: client.quotas("m"),
    "upload": lambda client, folder: client.upload(folder / "frame", "m"),
    "download": lambda client, folder: client.download(f"{client.base_url}/clip", folder / "part"),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_ends_in_a_value_or_a_typed_error(wire, call, tmp_path) -> None:
    (tmp_path / "frame").write_bytes(PNG)
    # One client for all examples, on one loop; each request has its own connection.
    loop = asyncio.new_event_loop()
    client = Client(f"http://127.0.0.1:{wire.port}", "k")
    client._http.timeout = client._fresh.timeout = httpx.Timeout(5.0)

    @often
    @given(replies)
    def attack(reply: bytes) -> None:
        wire.answer = lambda method, path: reply
        with suppress(WanError):
            loop.run_until_complete(asyncio.wait_for(CALLS[call](client, tmp_path), 30))

    attack()
    loop.run_until_complete(client.aclose())
    loop.close()


# --- a whole run on such a service

ENDPOINTS = ("list", "policy", "upload", "create", "get", "download")


def endpoint(method: str, path: str) -> str:
    """Which call a request is."""
    if path.startswith("/api/v1/uploads"):
        return "policy"
    if path.startswith("/api/v1/services"):
        return "create"
    if path.startswith("/api/v1/tasks/") and not path.startswith("/api/v1/tasks/?"):
        return "get"
    return "list" if path.startswith("/api/v1/tasks") else "upload" if method == "POST" else "download"


def right(port: int) -> dict[str, bytes]:
    """Answers of a service that does what it should, but for the clip, which is none."""
    host = f"http://127.0.0.1:{port}"
    task = {"task_id": "t1", "task_status": "PENDING"}
    done = {"task_id": "t1", "task_status": "SUCCEEDED", "video_url": f"{host}/clip"}
    said = {
        "list": {"data": [], "total": 0},
        "policy": {"data": {"upload_host": f"{host}/up", "upload_dir": "d", "policy": "p", "signature": "s"}},
        "upload": {},
        "create": {"output": task, "request_id": "r"},
        "get": {"output": done, "usage": {"duration": 2}},
        "download": {},
    }
    return {name: http(json.dumps(value).encode()) for name, value in said.items()}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(broken=st.sampled_from(ENDPOINTS), reply=replies, often=st.integers(1, 3))
def test_a_run_ends_in_a_state_that_is_true(wire, photos, tmp_path_factory, broken, reply, often) -> None:
    """One call is answered with anything a few times, then as it should be. Nothing posts twice, nothing hangs."""
    answers, left, posts = right(wire.port), [often], []

    def answer(method: str, path: str) -> bytes:
        name = endpoint(method, path)
        if name == "create":
            posts.append(path)
        if name == broken and left[0]:
            left[0] -= 1
            return reply.replace(b"Retry-After: inf", b"Retry-After: 0")  # an hour is a right answer to that
        return answers[name]

    wire.answer = answer
    folder = tmp_path_factory.mktemp("wire")
    with wan_nb.Session(
        base_url=f"http://127.0.0.1:{wire.port}/api/v1", api_key="k", folder=folder, gap=0.01, patience=0.05
    ) as session:
        hurry(session)
        run = None
        with suppress(WanError):
            run = session.submit("a cat walks", first_frame=photos / "cat.jpg", duration=2)
        with suppress(WanError):
            if run is not None:
                run.wait(timeout=60)
        rows = session.log.find()
        assert len(rows) == len(posts) <= 1 or not posts
        for row in rows:
            # The clip is no clip, so nothing can be SUCCEEDED; nothing may be left behind by its sender.
            assert row.status not in {Status.INTENDED, Status.SUCCEEDED}
        assert session.workspace.loop._thread.is_alive()
        assert session.workspace.loop.sync(asyncio.sleep(0, "alive")) == "alive"


def hurry(session: wan_nb.Session) -> None:
    """Waits between attempts are not what is attacked here."""
    account = session.workspace.account
    account.client._http.timeout = account.client._fresh.timeout = httpx.Timeout(5.0)
    for dice in (account.rng, account.watcher._rng, *(lane._rng for lane in lanes(account))):
        dice.uniform = lambda low, high: 0.0  # type: ignore[method-assign]


def lanes(account: Any) -> list[Any]:
    return [account.limiter.query(), account.limiter.submit("wan2.7-i2v")]
