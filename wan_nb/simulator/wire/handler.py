"""Base of all request handlers: the check of the caller, the simulator's header, its clock, and faults."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tornado import web

from wan_nb.simulator.account.limits import Refusal
from wan_nb.simulator.service import account_of
from wan_nb.simulator.wire.broken_answers import ConnectionClosed, broken_answer, pause

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_nb.simulator.account.faults import Fault
    from wan_nb.simulator.service import Service

__all__ = ["BaseHandler"]


class BaseHandler(web.RequestHandler):
    """Check of the caller, the simulator's header, its clock, and faults.

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

    def initialize(self, service: Service) -> None:  # noqa: D102  # tornado's own hook, as the three below
        self.service = service

    def set_default_headers(self) -> None:  # noqa: D102
        self.set_header("X-Wan-Simulator", "1")
        self.clear_header("Server")
        # Refused requests may come before `initialize`.
        if service := self.application.settings.get("service"):
            self.set_header("Date", service.state.clock.http_date())

    def prepare(self) -> None:  # noqa: D102
        if not _from_this_machine(self.request.headers, self.request.host):
            self.send_json(403, error_body(Refusal(403, "AccessDenied", "Only this machine may ask.")))
            self.finish()

    def compute_etag(self) -> None:
        """The service sends none with its answers."""

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
        # Half a surrogate pair is legal in JSON, but not in UTF-8: it stays escaped.
        self.write(json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace"))

    async def respond(self, act: Callable[[str, Fault | None], dict[str, Any]], task_id: str = "") -> None:
        """Answer with what ``act`` gives for the account, or as a fault says."""
        try:
            fault = self.service.state.faults.take(self.endpoint, task_id)
            await pause(self, fault)
            if fault and fault.replaces_answer and fault.when == "before":
                self._count_unprocessed(fault)
                await broken_answer(self, fault, {})
                return
            status, answer, retry_after = self._process(act, fault)
            if fault and (fault.replaces_answer or fault.alters_answer):
                await broken_answer(self, fault, answer, status)
                return
            self.send_json(status, answer, retry_after)
        except ConnectionClosed:
            self._auto_finish = False

    def _process(
        self, act: Callable[[str, Fault | None], dict[str, Any]], fault: Fault | None
    ) -> tuple[int, dict[str, Any], float | None]:
        try:
            account = self.account()
            self.service.state.counters.add(account, self.counted)
            return 200, act(account, fault), None
        except Refusal as refusal:
            return refusal.status, error_body(refusal), refusal.retry_after

    def _count_unprocessed(self, fault: Fault) -> None:
        """Count a request that a fault answers before it is processed."""
        try:
            account = self.account()
        except Refusal:
            return
        self.service.state.counters.add(account, self.counted)
        if fault.status == 429:
            self.service.state.counters.add(account, "throttled")

    def write_error(self, status_code: int, **_: Any) -> None:  # noqa: D102
        self.set_default_headers()
        code, message = ("InvalidParameter", "url error, please check url!")
        if status_code >= 500:
            code, message = ("InternalError", "An internal error has occurred, please try again later.")
        self.send_json(status_code, error_body(Refusal(status_code, code, message)))
        self.finish()


def error_body(refusal: Refusal) -> dict[str, Any]:
    return {"code": refusal.code, "message": refusal.message, "request_id": str(uuid.uuid4())}


def _from_this_machine(headers: Any, host: str) -> bool:
    """Whether a request names this machine as its host and comes from no web page of another origin."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    if name not in {"127.0.0.1", "localhost", "::1"}:
        return False
    if headers.get("Sec-Fetch-Site", "none") == "cross-site":
        return False
    return bool(headers.get("Origin", f"http://{host}") == f"http://{host}")
