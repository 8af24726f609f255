"""The HTTP server: the service's API and ``/_simulator/`` on the loopback interface."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

from tornado import httpserver, ioloop, netutil, web

from wan_nb.api import catalog
from wan_nb.simulator.account.checks import check_shape
from wan_nb.simulator.account.limits import Refusal
from wan_nb.simulator.wire.control import ControlHandler
from wan_nb.simulator.wire.handler import BaseHandler
from wan_nb.simulator.wire.storage import ResultHandler, UploadHandler

if TYPE_CHECKING:
    from wan_nb.simulator.account.faults import Fault
    from wan_nb.simulator.launch import Kernels
    from wan_nb.simulator.service import Service

__all__ = ["serve"]

_TICK_MS = 25
_LARGEST_BODY = 300 * catalog.MB


class CreateHandler(BaseHandler):
    """POST: submit a task."""

    endpoint, counted = "create", "creates_received"

    async def post(self) -> None:
        await self.respond(self._create)

    def _create(self, account: str, fault: Fault | None) -> dict[str, Any]:
        headers = self.request.headers
        if headers.get("X-DashScope-Async", "") != "enable":
            raise Refusal(403, "AccessDenied", "current user api does not support synchronous calls.")
        if len(self.request.body) > self.service.state.limits.body_bytes:
            raise Refusal(413, "BadRequest.TooLarge", "Payload Too Large")
        try:
            parsed = json.loads(self.request.body)
        except (ValueError, RecursionError):
            raise Refusal(400, "BadRequest.IllegalInput", "The request body is not valid JSON.") from None
        body = check_shape(parsed, resolve=headers.get("X-DashScope-OssResourceResolve", "") == "enable")
        return self.service.create(account, body, fault)


class GetHandler(BaseHandler):
    """GET: one task."""

    endpoint, counted = "get", "polls"

    async def get(self, task_id: str) -> None:
        await self.respond(lambda account, _: self.service.get(account, task_id, self.base), task_id)


class ListHandler(BaseHandler):
    """GET: a page of tasks."""

    endpoint, counted = "list", "lists"

    async def get(self) -> None:
        await self.respond(self._list)

    def _list(self, account: str, fault: Fault | None) -> dict[str, Any]:
        first = {"page_no": "1"} if fault and fault.pages == "repeat" else {}
        return self.service.list(account, {**self.query(), **first})


class CancelHandler(BaseHandler):
    """POST: cancel a waiting task."""

    endpoint, counted = "cancel", "cancels"

    async def post(self, task_id: str) -> None:
        await self.respond(lambda account, _: self.service.cancel(account, task_id), task_id)


class QuotasHandler(BaseHandler):
    """GET: limits of the account."""

    endpoint, counted = "quotas", "lists"

    async def get(self) -> None:
        await self.respond(lambda account, _: self.service.quotas(account, self.query()))


class PolicyHandler(BaseHandler):
    """GET: permit to upload."""

    endpoint, counted = "policy", "policies"

    async def get(self) -> None:
        await self.respond(lambda account, _: self.service.policy(account, self.query(), f"{self.base}/dashscope-file"))


class NotFoundHandler(BaseHandler):
    """Any other path."""

    def prepare(self) -> None:
        super().prepare()
        if not self._finished:
            self.send_error(404)


def _application(service: Service, kernels: Kernels) -> web.Application:
    with_service = {"service": service}
    api = "/api/v1"
    routes: list[Any] = [
        (f"{api}{catalog.CREATE_PATH}", CreateHandler, with_service),
        (f"{api}/tasks/?", ListHandler, with_service),
        (rf"{api}/tasks/([^/]+)/cancel", CancelHandler, with_service),
        (rf"{api}/tasks/([^/]+)", GetHandler, with_service),
        (f"{api}/quotas", QuotasHandler, with_service),
        (f"{api}/uploads", PolicyHandler, with_service),
        ("/dashscope-file", UploadHandler, with_service),
        (r"/dashscope-result/1d/([0-9a-f]+)/([0-9a-f-]+)\.mp4", ResultHandler, with_service),
        (r"/_simulator/(\w*)", ControlHandler, with_service),
    ]
    return web.Application(
        routes,
        default_handler_class=NotFoundHandler,
        default_handler_args=with_service,
        log_function=lambda _: None,
        service=service,
        kernels=kernels,
    )


def serve(service: Service, kernels: Kernels, port: int = 0) -> str:
    """Listen on the loopback interface, from within a running event loop; the base URL.

    Parameters
    ----------
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
    ioloop.PeriodicCallback(service.schedule.advance, _TICK_MS).start()
    return f"http://127.0.0.1:{sockets[0].getsockname()[1]}/api/v1"
