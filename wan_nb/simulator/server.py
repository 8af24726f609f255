"""The wire: HTTP as the service speaks it, oddities included, on the loopback interface only."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tornado import httpserver, ioloop, netutil, web
from tornado.iostream import StreamClosedError

from wan_nb.api import catalog

from . import control
from .checks import refuse_shape
from .faults import Fault
from .kernels import Kernels
from .limits import Refusal
from .mishaps import Gone, broken_answer, pause
from .service import Service, account_of
from .uploads import form_parts

__all__ = ["Base", "serve"]

_TICK_MS = 25
_BLOCK = 256 * 1024
_LARGEST_BODY = 300 * catalog.MB


class Base(web.RequestHandler):
    """What every answer has in common: who may ask, the simulator's mark, its clock, and faults.

    Attributes
    ----------
    endpoint : str
        Name under which faults find it; empty for none.
    counted : str
        Counter of received requests.
    """

    endpoint = ""
    counted = ""
    service: Service

    def initialize(self, service: Service) -> None:
        self.service = service

    def set_default_headers(self) -> None:
        self.set_header("X-Wan-Simulator", "1")
        self.clear_header("Server")
        # Refused requests may come before `initialize`.
        if service := self.application.settings.get("service"):
            self.set_header("Date", service.world.clock.http_date())

    def prepare(self) -> None:
        if not _local(self.request.headers, self.request.host):
            self.send_json(403, _error(Refusal(403, "AccessDenied", "Only this machine may ask, and from no page.")))
            self.finish()

    def check_xsrf_cookie(self) -> None:
        """Nothing here reads cookies; pages of other origins are refused in `prepare`."""

    @property
    def base(self) -> str:
        """Scheme and host as the caller wrote them."""
        return f"http://{self.request.host}"

    def account(self) -> str:
        """Account of the caller; see `account_of`."""
        return account_of(self.request.headers.get("Authorization", ""))

    def query(self) -> dict[str, str]:
        """Query parameters, the last one where a name is repeated."""
        return {name: values[-1].decode("utf-8", "replace") for name, values in self.request.query_arguments.items()}

    def send_json(self, status: int, answer: dict[str, Any], retry_after: float | None = None) -> None:
        """Answer without ending the request."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        if retry_after is not None:
            self.set_header("Retry-After", f"{retry_after:g}")
        self.write(json.dumps(answer, ensure_ascii=False))

    async def respond(self, act: Callable[[str, Fault | None], dict[str, Any]], task_id: str = "") -> None:
        """Answer with what ``act`` gives for the account, or as a fault says."""
        try:
            fault = self.service.world.faults.take(self.endpoint, task_id)
            await pause(fault)
            if fault and fault.answers and fault.when == "before":
                self._count(fault)
                await broken_answer(self, fault, {})
                return
            status, answer, retry_after = self._judge(act, fault)
            if fault and (fault.answers or fault.changes):
                await broken_answer(self, fault, answer, status)
                return
            self.send_json(status, answer, retry_after)
        except Gone:
            self._auto_finish = False

    def _judge(
        self, act: Callable[[str, Fault | None], dict[str, Any]], fault: Fault | None
    ) -> tuple[int, dict[str, Any], float | None]:
        try:
            account = self.account()
            self.service.world.counters.add(account, self.counted)
            return 200, act(account, fault), None
        except Refusal as refusal:
            return refusal.status, _error(refusal), refusal.retry_after

    def _count(self, fault: Fault) -> None:
        """A request that never was processed still was received."""
        try:
            account = self.account()
        except Refusal:
            return
        self.service.world.counters.add(account, self.counted)
        if fault.status == 429:
            self.service.world.counters.add(account, "throttled")

    def write_error(self, status_code: int, **_: Any) -> None:
        self.set_default_headers()
        code = "InternalError" if status_code >= 500 else "InvalidParameter"
        self.send_json(status_code, _error(Refusal(status_code, code, "url error, please check url!")))
        self.finish()


def _error(refusal: Refusal) -> dict[str, Any]:
    return {"code": refusal.code, "message": refusal.message, "request_id": str(uuid.uuid4())}


def _local(headers: Any, host: str) -> bool:
    """Whether a request names this machine as its host and comes from no web page of another origin."""
    name = urlsplit(f"//{host}").hostname
    if name not in {"127.0.0.1", "localhost", "::1"}:
        return False
    if headers.get("Sec-Fetch-Site", "none") == "cross-site":
        return False
    return headers.get("Origin", f"http://{host}") == f"http://{host}"


class Create(Base):
    """POST: submit a task."""

    endpoint, counted = "create", "creates_received"

    async def post(self) -> None:
        await self.respond(self._create)

    def _create(self, account: str, fault: Fault | None) -> dict[str, Any]:
        headers = self.request.headers
        if headers.get("X-DashScope-Async", "") != "enable":
            raise Refusal(403, "AccessDenied", "current user api does not support synchronous calls.")
        if len(self.request.body) > self.service.world.knobs.body_bytes:
            raise Refusal(413, "BadRequest.TooLarge", "Payload Too Large")
        try:
            parsed = json.loads(self.request.body)
        except (ValueError, RecursionError):
            raise Refusal(400, "BadRequest.IllegalInput", "The request body is not valid JSON.") from None
        body = refuse_shape(parsed, resolve=headers.get("X-DashScope-OssResourceResolve", "") == "enable")
        return self.service.create(account, body, fault)


class Get(Base):
    """GET: one task."""

    endpoint, counted = "get", "polls"

    async def get(self, task_id: str) -> None:
        await self.respond(lambda account, _: self.service.get(account, task_id, self.base), task_id)


class List(Base):
    """GET: a page of tasks."""

    endpoint, counted = "list", "lists"

    async def get(self) -> None:
        await self.respond(lambda account, _: self.service.list(account, self.query()))


class Cancel(Base):
    """POST: cancel a waiting task."""

    endpoint, counted = "cancel", "cancels"

    async def post(self, task_id: str) -> None:
        await self.respond(lambda account, _: self.service.cancel(account, task_id), task_id)


class Quotas(Base):
    """GET: limits of the account."""

    endpoint, counted = "quotas", "lists"

    async def get(self) -> None:
        await self.respond(lambda account, _: self.service.quotas(account, self.query()))


class Policy(Base):
    """GET: permit to upload."""

    endpoint, counted = "policy", "policies"

    async def get(self) -> None:
        await self.respond(lambda account, _: self.service.policy(account, self.query(), f"{self.base}/dashscope-file"))


class Storage(Base):
    """Object storage: errors are XML, and who signs does not say who he is twice."""

    def send_xml(self, refusal: Refusal) -> None:
        """Error as the object storage writes it."""
        self.set_status(refusal.status)
        self.set_header("Content-Type", "application/xml")
        self.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<Error>\n'
            f"  <Code>{refusal.code}</Code>\n  <Message>{refusal.message}</Message>\n"
            f"  <RequestId>{uuid.uuid4().hex[:24].upper()}</RequestId>\n</Error>\n"
        )

    async def mishap(self, fault: Fault) -> None:
        """Answer as a fault says, its errors in XML too."""
        if fault.status is not None and fault.body is None and not (fault.reset or fault.stall):
            self.send_xml(Refusal(fault.status, fault.code, fault.message))
        else:
            await broken_answer(self, fault, {})

    def only_signed(self) -> None:
        """Refuse an Authorization header: a key sent here has leaked to another host."""
        if "Authorization" in self.request.headers:
            raise Refusal(400, "InvalidArgument", "Only one auth mechanism allowed; the query or form is signed.")


class Upload(Storage):
    """POST: a form with a file."""

    endpoint = "upload"

    async def post(self) -> None:
        world = self.service.world
        world.counters.add("", "uploads")
        try:
            fault = world.faults.take(self.endpoint)
            await pause(fault)
            if fault and fault.answers and fault.when == "before":
                await self.mishap(fault)
                return
            self.only_signed()
            parts = form_parts(self.request.headers.get("Content-Type", ""), self.request.body)
            status, etag = world.bucket.put(parts, world.knobs)
            if fault and fault.answers:
                await self.mishap(fault)
                return
            self.set_status(status)
            self.set_header("ETag", f'"{etag}"')
        except Refusal as refusal:
            self.send_xml(refusal)
        except Gone:
            self._auto_finish = False


class Result(Storage):
    """GET: a clip, by signed link; ranges are honoured."""

    endpoint = "download"

    async def head(self, account: str, task_id: str) -> None:
        await self.get(account, task_id)

    async def get(self, account: str, task_id: str) -> None:
        world = self.service.world
        world.counters.add(account, "downloads")
        try:
            fault = world.faults.take(self.endpoint, task_id)
            await pause(fault)
            if fault and fault.answers and fault.truncate is None:
                await self.mishap(fault)
                return
            self.only_signed()
            query = self.query()
            world.bucket.check_link(
                self.request.path, *(query.get(k, "") for k in ("Expires", "OSSAccessKeyId", "Signature"))
            )
            path = world.store.clip(task_id)
            if not path.exists():
                raise Refusal(404, "NoSuchKey", "The specified key does not exist.")
            await self._send(path, fault)
        except Refusal as refusal:
            self.send_xml(refusal)
        except (Gone, StreamClosedError):
            self._auto_finish = False

    async def _send(self, path: Path, fault: Fault | None) -> None:
        size = path.stat().st_size
        first, end = self._range(size)
        self.set_header("Content-Type", "video/mp4")
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("ETag", f'"{path.stem.upper()}"')
        length = end - first
        if fault and fault.truncate is not None:
            await broken_answer(self, fault, path.read_bytes()[first:end])
            return
        self.set_header("Content-Length", str(length))
        if self.request.method == "HEAD":
            return
        with path.open("rb") as file:
            file.seek(first)
            while length > 0:
                block = file.read(min(_BLOCK, length))
                length -= len(block)
                self.write(block)
                await self.flush()

    def _range(self, size: int) -> tuple[int, int]:
        """First byte and the one after the last; sets status and Content-Range."""
        asked = self.request.headers.get("Range", "")
        if not asked.startswith("bytes=") or "," in asked:
            return 0, size
        low, _, high = asked.removeprefix("bytes=").partition("-")
        if not (low + high).isdecimal():
            return 0, size
        first, end = (int(low), int(high) + 1 if high else size) if low else (max(0, size - int(high)), size)
        end = min(end, size)
        if first >= end:
            self.set_header("Content-Range", f"bytes */{size}")
            raise Refusal(416, "InvalidRange", "The requested range cannot be satisfied.")
        self.set_status(206)
        self.set_header("Content-Range", f"bytes {first}-{end - 1}/{size}")
        return first, end


class Nowhere(Base):
    """Any other path."""

    def prepare(self) -> None:
        super().prepare()
        if not self._finished:
            self.send_error(404)


def _application(service: Service, kernels: Kernels) -> web.Application:
    with_service = {"service": service}
    api = "/api/v1"
    routes: list[Any] = [
        (f"{api}{catalog.CREATE_PATH}", Create, with_service),
        (f"{api}/tasks/?", List, with_service),
        (rf"{api}/tasks/([^/]+)/cancel", Cancel, with_service),
        (rf"{api}/tasks/([^/]+)", Get, with_service),
        (f"{api}/quotas", Quotas, with_service),
        (f"{api}/uploads", Policy, with_service),
        ("/dashscope-file", Upload, with_service),
        (r"/dashscope-result/1d/([0-9a-f]+)/([0-9a-f-]+)\.mp4", Result, with_service),
        (r"/_simulator/(\w*)", control.desk(Base), with_service),
    ]
    return web.Application(
        routes,
        default_handler_class=Nowhere,
        default_handler_args=with_service,
        log_function=lambda _: None,
        service=service,
        kernels=kernels,
    )


def serve(service: Service, kernels: Kernels, port: int = 0) -> str:
    """Listen on the loopback interface, from within a running event loop; the base URL.

    Parameters
    ----------
    service : Service
    kernels : Kernels
        Told about those that register.
    port : int
        0: any free one.
    """
    sockets = netutil.bind_sockets(port, "127.0.0.1", family=socket.AF_INET)
    server = httpserver.HTTPServer(
        _application(service, kernels), max_buffer_size=_LARGEST_BODY, max_body_size=_LARGEST_BODY
    )
    server.add_sockets(sockets)
    ioloop.PeriodicCallback(service.work.advance, _TICK_MS).start()
    return f"http://127.0.0.1:{sockets[0].getsockname()[1]}/api/v1"
