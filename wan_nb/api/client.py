"""The only place that speaks HTTP, and the only door to httpx.

Each method is one exchange and raises what a caller can act on (`wan_nb.errors`). Two rules of money live here:

* A create is sent on a connection of its own. A kept-alive connection that the server has just closed fails *after*
  the request went out, which leaves its outcome open; a fresh one fails before.
* `create` sorts every failure into three: `Unavailable` or `Throttled` with ``retryable`` (provably not accepted),
  `Refused` (a definite no), `OutcomeUnknown` (it may have been accepted; never sent again by itself).
"""

from __future__ import annotations

import logging
import secrets
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from os import fstat
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from wan_nb.api import catalog
from wan_nb.api.refusals import error_fields, refusal, unreachable
from wan_nb.api.task import SERVICE_ZONE, Task, TaskPage
from wan_nb.errors import NotAuthorized, OutcomeUnknown, Unavailable

if "httpx" not in sys.modules:
    # Its command line, which nobody calls from a notebook, loads click, rich and pygments: a tenth of a first submit.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]  # which httpx takes for "not installed"
    import httpx

    sys.modules.pop("httpx._main", None)
import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["Client", "Created", "Uploaded"]

_T = TypeVar("_T")

SIMULATED_HEADER = "X-Wan-Simulator"

_NO_CLOCK = timedelta(days=3650)  # a Date that is farther away tells nothing, and breaks arithmetic
_READ = httpx.Timeout(30.0, connect=10.0)
# The service answers a create within a second or two; a minute is long for it and short for a person.
_CREATE = httpx.Timeout(60.0, connect=10.0)
_UPLOAD = httpx.Timeout(60.0, connect=10.0, write=120.0)
# Failures before a byte of the request left this machine.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)


_ours: ContextVar[bool] = ContextVar("wan_nb.api.client.ours", default=False)

for _talker in ("httpx", "httpcore.http11"):  # in a notebook that logs, they would write down signed links
    logging.getLogger(_talker).addFilter(lambda _: not _ours.get())


class _Quiet(httpx.AsyncClient):
    """A client of whose requests nothing is logged."""

    async def send(self, *args: Any, **kwargs: Any) -> httpx.Response:
        token = _ours.set(True)
        try:
            return await super().send(*args, **kwargs)
        finally:
            _ours.reset(token)


@dataclass(frozen=True, slots=True)
class Created:
    """An accepted submit.

    Attributes
    ----------
    task : Task
    simulated : bool
        The service said of itself that it draws instead of generating.
    """

    task: Task
    simulated: bool


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file in the service's temporary store.

    Attributes
    ----------
    url : str
        ``oss://`` URL, good for the account and the exact model it was uploaded for.
    expires_at : datetime
        Until when it is used again: 47 h, one hour before the service drops it.
    """

    url: str
    expires_at: datetime


class Client:
    """One account at one base URL. Use it on one event loop only, and close it there.

    Parameters
    ----------
    base_url : str
        Such as ``https://dashscope.aliyuncs.com/api/v1``; taken as it is, without a trailing slash.
    api_key : str

    Attributes
    ----------
    simulated : bool or None
        What the last answer said; None before the first one.
    skew : timedelta or None
        Clock of the service minus clock of this machine, from the last Date header (whole seconds); None while no
        answer had one.

    Raises
    ------
    NotAuthorized
        The key has characters that no header can carry.
    """

    def __init__(self, base_url: str, api_key: str) -> None:
        if not api_key.isascii() or not api_key.isprintable() or " " in api_key:
            raise NotAuthorized(
                "the key has spaces or characters that no key has.",
                remedy="Copy it again from the console; %wan login.",
            )
        self.base_url = base_url.rstrip("/")
        self.simulated: bool | None = None
        self.skew: timedelta | None = None
        # Not a dict: this class hides the key in its repr, which a verbose traceback shows.
        self._headers = httpx.Headers({"Authorization": f"Bearer {api_key}"})
        context = httpx.create_ssl_context()
        # A proxy of the environment cannot reach this machine's own loopback.
        direct: dict[str, httpx.AsyncBaseTransport | None] = {"all://127.0.0.1": None, "all://localhost": None}
        self._http = _Quiet(verify=context, timeout=_READ, mounts=direct)
        self._fresh = _Quiet(
            verify=context, timeout=_CREATE, mounts=direct, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def __repr__(self) -> str:
        return f"Client({self.base_url!r})"

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()
        await self._fresh.aclose()

    async def create(self, body: Mapping[str, Any]) -> Created:
        """Submit a task. The one call that costs money.

        Raises
        ------
        Unavailable
            No connection was made: not accepted (``retryable``).
        Throttled
            429; ``retryable`` tells whether sending it again can help.
        Refused, NotAuthorized
            Another 4xx: not accepted.
        OutcomeUnknown
            5xx, a timeout or a broken connection after sending, or an answer without a task id.
        """
        headers = self._headers.copy()
        headers["X-DashScope-Async"] = "enable"
        if any(item["url"].startswith("oss://") for item in body["input"]["media"]):
            headers["X-DashScope-OssResourceResolve"] = "enable"
        try:
            response = await self._fresh.post(self.base_url + catalog.CREATE_PATH, json=body, headers=headers)
        except _NEVER_SENT as error:
            raise unreachable(self.base_url, error, retryable=True) from None
        except httpx.HTTPError as error:
            raise OutcomeUnknown(f"no answer to the submit ({type(error).__name__}).") from None
        self._note(response)
        if response.status_code >= 500:
            raise OutcomeUnknown(**error_fields(response))
        if response.status_code >= 300:
            raise refusal(response)
        try:
            task = Task.parse(response.json())
        except (ValueError, RecursionError):
            raise OutcomeUnknown("the answer to the submit held no task id.") from None
        return Created(task, bool(self.simulated))

    async def get(self, task_id: str) -> Task:
        """Look at one task. A 404 reads like the service's UNKNOWN."""
        response = await self._read("GET", f"/tasks/{_segment(task_id)}", missing_ok=True)
        if response.status_code == 404:
            return Task(task_id, "UNKNOWN")
        return _parsed(response, Task.parse)

    async def list(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        model: str | None = None,
        status: str | None = None,
        page_no: int = 1,
        page_size: int = 100,
    ) -> TaskPage:
        """Statuses of the account's tasks, of the last 24 h unless a window is given.

        Parameters
        ----------
        start, end : datetime, optional
            Aware. The zone of these filters is not documented; the service's other times are UTC+8, so are these.
        """
        params: dict[str, Any] = {"page_no": page_no, "page_size": page_size}
        if model:
            params["model_name"] = model
        if status:
            params["status"] = status
        for name, moment in (("start_time", start), ("end_time", end)):
            if moment:
                params[name] = moment.astimezone(SERVICE_ZONE).strftime("%Y%m%d%H%M%S")
        return _parsed(await self._read("GET", "/tasks/", params=params), TaskPage.parse)

    async def cancel(self, task_id: str) -> None:
        """Cancel a task that still waits.

        Raises
        ------
        Refused
            Code ``UnsupportedOperation``: it runs already or has ended.
        """
        await self._read("POST", f"/tasks/{_segment(task_id)}/cancel")

    async def upload(
        self,
        path: Path,
        model: str,
        *,
        suffix: str = "",
        mime: str = "application/octet-stream",
        progress: Callable[[int, int], None] | None = None,
    ) -> Uploaded:
        """Put a file into the service's temporary store, for one exact model name.

        Parameters
        ----------
        suffix, mime : str
            Of what the file is, which its name need not tell.
        progress : callable, optional
            Called with bytes sent and bytes in all.
        """
        response = await self._read("GET", "/uploads", params={"action": "getPolicy", "model": model})
        policy = _parsed(response, lambda body: {str(k): v for k, v in dict(body["data"]).items()})
        # The store forbids overwriting, so two files of one name would clash; ASCII because the key travels raw.
        name = f"{secrets.token_hex(8)}{suffix}"
        key = f"{policy.get('upload_dir', '')}/{name}"
        form = {
            "OSSAccessKeyId": str(policy.get("oss_access_key_id", "")),
            "Signature": str(policy.get("signature", "")),
            "policy": str(policy.get("policy", "")),
            "x-oss-object-acl": str(policy.get("x_oss_object_acl", "private")),
            "x-oss-forbid-overwrite": str(policy.get("x_oss_forbid_overwrite", "true")),
            "key": key,
            "success_action_status": "200",
        }
        stored_at = datetime.now(UTC)
        with path.open("rb") as file:
            source = file if progress is None else _Counted(file, fstat(file.fileno()).st_size, progress)
            try:
                answer = await self._http.post(
                    str(policy.get("upload_host", "")),
                    data=form,
                    files={"file": (name, source, mime)},  # type: ignore[dict-item]  # read() is all that httpx calls
                    timeout=_UPLOAD,
                )
            except httpx.HTTPError as error:
                raise Unavailable(f"uploading {path.name} broke off ({type(error).__name__}).") from None
        if answer.status_code >= 500:
            raise Unavailable(**error_fields(answer))
        if answer.status_code >= 300:
            raise refusal(answer)
        return Uploaded(f"oss://{key}", stored_at + timedelta(seconds=catalog.LIMITS.upload_reuse))

    async def quotas(self, model: str) -> Mapping[str, Any]:
        """The account's live limits for a model, where the host knows this call (workspace hosts)."""
        return _parsed(await self._read("GET", "/quotas", params={"model": model, "page_no": 1, "page_size": 20}), dict)

    async def download(
        self,
        url: str,
        part: Path,
        *,
        offset: int = 0,
        etag: str = "",
        progress: Callable[[int, int], None] | None = None,
    ) -> str:
        """Fetch a result into a partial file, from `offset` on if the server resumes the same object.

        Parameters
        ----------
        url : str
            Signed link, kept whole. No key is sent to it.
        part : Path
            Written from `offset`; what was there is kept when the fetch breaks off.
        etag : str
            Of the first attempt, so that a resumed file cannot be a mixture of two.

        Returns
        -------
        str
            ETag of the object, for resuming.

        Raises
        ------
        Unavailable
            Broken off, stalled, 5xx or not a video; ``details["etag"]`` is what to resume with.
        Refused
            4xx: the link is dead.
        """
        headers = {"Range": f"bytes={offset}-", "If-Range": etag} if offset and etag else {}
        seen = etag
        try:
            async with self._http.stream("GET", url, headers=headers, follow_redirects=True) as response:
                if response.status_code >= 400:
                    await response.aread()
                    raise refusal(response) if response.status_code < 500 else Unavailable(**error_fields(response))
                kind = response.headers.get("Content-Type", "")
                if kind.startswith(("text/", "application/xml", "application/json")):
                    raise Unavailable(f"a page ({kind.split(';')[0]}) came instead of the clip.")
                seen = str(response.headers.get("ETag", ""))
                start = offset if response.status_code == 206 else 0
                total = start + int(response.headers.get("Content-Length") or 0)
                with part.open("r+b" if start else "wb") as file:
                    file.seek(start)
                    # As it comes in: larger chunks would be collected first, and lost when the connection breaks.
                    async for chunk in response.aiter_bytes():
                        file.write(chunk)
                        if progress:
                            progress(file.tell(), total)
        except httpx.HTTPError as error:
            raise Unavailable(f"the download broke off ({type(error).__name__}).", etag=seen) from None
        return seen

    async def _read(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, missing_ok: bool = False
    ) -> httpx.Response:
        """Exchange that costs nothing and may be repeated."""
        try:
            response = await self._http.request(method, self.base_url + path, params=params, headers=self._headers)
        except httpx.HTTPError as error:
            raise unreachable(self.base_url, error) from None
        self._note(response)
        if response.status_code >= 500:
            raise Unavailable(**error_fields(response))
        if response.status_code >= 300 and not (missing_ok and response.status_code == 404):
            raise refusal(response)
        return response

    def _note(self, response: httpx.Response) -> None:
        self.simulated = SIMULATED_HEADER in response.headers
        try:
            skew = parsedate_to_datetime(response.headers["Date"]) - datetime.now(UTC)
        except (KeyError, ValueError, TypeError):
            return
        if abs(skew) < _NO_CLOCK:
            self.skew = skew


class _Counted:
    """A file that tells how much of it was read."""

    def __init__(self, file: Any, total: int, progress: Callable[[int, int], None]) -> None:
        self._file, self._total, self._progress = file, total, progress

    def read(self, size: int = -1) -> bytes:
        chunk: bytes = self._file.read(size)
        self._progress(self._file.tell(), self._total)
        return chunk

    def fileno(self) -> int:
        number: int = self._file.fileno()
        return number


def _segment(task_id: str) -> str:
    """A task id as one path segment, whatever is in it."""
    return quote(task_id, safe="")


def _parsed(response: httpx.Response, parse: Callable[[Any], _T]) -> _T:
    try:
        return parse(response.json())
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Unavailable("the answer makes no sense.", http_status=response.status_code) from None
