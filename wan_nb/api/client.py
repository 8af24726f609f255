"""One account of the service: submit, look, list, cancel, upload, download.

Each method is one exchange and raises what a caller can act on (`wan_nb.errors`). Two rules of money live here:

* A create is sent on a connection of its own. A kept-alive connection that the server has just closed fails *after*
  the request went out, which leaves its outcome open; a fresh one fails before.
* `create` sorts every failure into three: `Unavailable` or `Throttled` with ``retryable`` (provably not accepted),
  `Refused` (a definite no), `OutcomeUnknown` (it may have been accepted; never sent again by itself).

Every exchange has one limit on its whole time, by the monotonic clock, and one on the bytes of its answer, unpacked:
`Client._exchange` for what is read at once, `Client.download` for clips. The limits that httpx knows are on one
silence.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from os import fstat
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from wan_nb.api import catalog
from wan_nb.api.error_answers import error_fields, refusal, unreachable
from wan_nb.api.http_proxies import certificates
from wan_nb.api.task import SERVICE_ZONE, Task, TaskPage
from wan_nb.api.transport import ROOM, Quiet, Unpacking, bounded, check_clip, closed_meanwhile, httpx, peer_closed
from wan_nb.errors import NotAuthorized, OutcomeUnknown, Unavailable
from wan_nb.sanitize import Secret, reveal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

__all__ = ["CREATE_SECONDS", "Client", "Created", "Uploaded"]

_T = TypeVar("_T")

SIMULATED_HEADER = "X-Wan-Simulator"

_NO_CLOCK = timedelta(days=3650)  # a Date that is farther away tells nothing, and breaks arithmetic
_SET = timedelta(seconds=2)  # a clock that is slowed down or sped up moves less between two answers

# Limits on one silence, for httpx.
_READ = httpx.Timeout(30.0, connect=10.0)
_CREATE = httpx.Timeout(60.0, connect=10.0)
_UPLOAD = httpx.Timeout(60.0, connect=10.0, write=120.0)

# Limits on the whole of an exchange, in seconds.
CREATE_SECONDS = 60.0
"""Longest time of a create, from looking up the host to the end of its answer, which a right one gives in two."""
_READ_SECONDS = 60.0
_TRANSFER_SECONDS = 60.0  # and one second more for each `_SLOWEST` bytes
_SLOWEST = 8_000

# Limits on an answer, in bytes as they are before packing.
_LIST_ROOM = 1_000_000  # 100 tasks are about 50 kB
_HOPS = 5  # redirects
_LONGEST_ETAG = 200  # characters; a longer one is sent back cut, and so not taken for the same object
# A gateway says with these that it has hung up on a service which may still be at work.
_GATEWAY_GAVE_UP = frozenset({504, 524})


@dataclass(frozen=True, slots=True)
class Created:
    """An accepted submit.

    Attributes
    ----------
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


def _texts(value: Any) -> Iterator[str]:
    """Every text inside of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


class Client:
    """One account at one base URL. Use it on one event loop only, and close it there.

    Parameters
    ----------
    base_url : str
        Such as ``https://dashscope.aliyuncs.com/api/v1``; taken as it is, without a trailing slash.

    Attributes
    ----------
    simulated : bool or None
        What the last answer said; None before the first one.
    skew : timedelta or None
        Clock of the service minus clock of this machine, from the last Date header (whole seconds); None while no
        answer had one, and when this machine's clock was set since.

    Raises
    ------
    NotAuthorized
        The key has characters that no header can carry.
    InvalidOption
        The environment names a proxy or certificates that cannot be used.
    """

    def __init__(self, base_url: str, api_key: str) -> None:
        if not api_key.isascii() or not api_key.isprintable() or " " in api_key:
            raise NotAuthorized(
                "the key has spaces or characters that no key has.",
                remedy="Copy it again from the console; %wan login.",
            )
        self.base_url = base_url.rstrip("/")
        self.simulated: bool | None = None
        self._skew: tuple[timedelta, datetime, float] | None = None  # with both clocks of this machine as they were
        # Not a dict: this class hides the key in its repr, which a verbose traceback shows.
        self._headers = httpx.Headers({"Authorization": f"Bearer {reveal(api_key)}", "Accept-Encoding": "identity"})
        certificates()
        context = httpx.create_ssl_context()
        self._http = Quiet(base_url, verify=context, timeout=_READ)
        self._fresh = Quiet(base_url, verify=context, timeout=_CREATE, limits=httpx.Limits(max_keepalive_connections=0))
        self._under_way: set[asyncio.Task[Any]] = set()
        self._closing = False
        for http in (self._http, self._fresh):
            http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # each answer may set new ones

    def __repr__(self) -> str:
        return f"Client({self.base_url!r})"

    @property
    def skew(self) -> timedelta | None:
        """See the class."""
        if self._skew is None:
            return None
        skew, then, steady = self._skew
        moved = datetime.now(UTC) - then - timedelta(seconds=time.monotonic() - steady)
        return skew if abs(moved) < _SET else None

    async def aclose(self) -> None:
        """Stop what is under way and close all connections: one that stands only after that would stay open."""
        self._closing = True
        while running := self._under_way - {asyncio.current_task()}:
            for task in running:
                task.cancel()
            await asyncio.wait(running)
        await self._http.aclose()
        await self._fresh.aclose()

    @contextmanager
    def _exchanging(self) -> Iterator[None]:
        """Around all that uses a connection."""
        if self._closing:
            raise closed_meanwhile()
        task = asyncio.current_task()
        assert task is not None
        outer = task in self._under_way
        self._under_way.add(task)
        try:
            yield
        finally:
            if not outer:
                self._under_way.discard(task)

    async def create(self, body: Mapping[str, Any], leaving: Callable[[], Awaitable[None]] | None = None) -> Created:
        """Submit a task. The one call that costs money.

        Parameters
        ----------
        leaving : callable, optional
            Awaited when the connection stands and the next byte is the first of the request. Until it has returned,
            nothing was sent; when it raises, nothing is.

        Raises
        ------
        Unavailable
            Nothing was sent: not accepted (``retryable``).
        Throttled
            429; ``retryable`` tells whether sending it again can help.
        Refused, NotAuthorized
            Another 4xx: not accepted.
        OutcomeUnknown
            5xx, a limit of time or a broken connection after sending, or an answer without a task id.
            ``details["closed"]`` tells that the other side has ended the line, so that it makes no task any more.
        """
        headers = self._headers.copy()
        headers["X-DashScope-Async"] = "enable"
        if any(link.startswith("oss://") for link in _texts(body["input"])):
            headers["X-DashScope-OssResourceResolve"] = "enable"
        sent = False

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            nonlocal sent
            if event.endswith("send_request_headers.started") and info["request"].method == b"POST":  # else a proxy's
                if leaving is not None:
                    await leaving()
                sent = True

        try:
            response = await self._exchange(
                self._fresh,
                "POST",
                self.base_url + catalog.CREATE_PATH,
                seconds=CREATE_SECONDS,
                json=body,
                headers=headers,
                extensions={"trace": trace},
            )
        except httpx.HTTPError as error:
            if not sent:
                raise unreachable(self.base_url, error, retryable=True) from None
            raise OutcomeUnknown(
                f"no answer to the submit ({type(error).__name__}).", closed=peer_closed(error)
            ) from None
        self._note(response)
        if response.status_code >= 500:
            closed = response.status_code not in _GATEWAY_GAVE_UP
            raise OutcomeUnknown(**error_fields(response), closed=closed)
        if response.status_code >= 300:
            raise refusal(response)
        try:
            task = Task.parse(response.json())
        except (ValueError, RecursionError):
            raise OutcomeUnknown("the answer to the submit held no task id.", closed=True) from None
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
        task_id: str | None = None,
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
        filters = {"task_id": task_id, "model_name": model, "status": status}
        params |= {name: value for name, value in filters.items() if value}
        for name, moment in (("start_time", start), ("end_time", end)):
            if moment:
                params[name] = moment.astimezone(SERVICE_ZONE).strftime("%Y%m%d%H%M%S")
        return _parsed(await self._read("GET", "/tasks/", params=params, room=_LIST_ROOM), TaskPage.parse)

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
        policy = _parsed(response, _policy)
        # The store forbids overwriting, so two files of one name would clash; ASCII because the key travels raw.
        name = f"{secrets.token_hex(8)}{suffix}"
        key = f"{policy.get('upload_dir', '')}/{name}"
        form = {
            "OSSAccessKeyId": policy.get("oss_access_key_id", ""),
            "Signature": policy.get("signature", ""),
            "policy": policy.get("policy", ""),
            "x-oss-object-acl": policy.get("x_oss_object_acl", "private"),
            "x-oss-forbid-overwrite": policy.get("x_oss_forbid_overwrite", "true"),
            "key": key,
            "success_action_status": "200",
        }
        stored_at = datetime.now(UTC)
        with path.open("rb") as file:
            size = fstat(file.fileno()).st_size
            source = file if progress is None else _Counted(file, size, progress)
            try:
                answer = await self._exchange(
                    self._http,
                    "POST",
                    policy.get("upload_host", ""),
                    seconds=_TRANSFER_SECONDS + size / _SLOWEST,
                    data=form,
                    files={"file": (name, source, mime)},
                    headers={"Accept-Encoding": "identity"},
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
        headers = {"Accept-Encoding": "identity"}
        if offset and etag:
            headers |= {"Range": f"bytes={offset}-", "If-Range": etag}
        seen, now = etag, asyncio.get_running_loop().time
        due = now() + _TRANSFER_SECONDS
        try:
            async with asyncio.timeout_at(due) as limit, self._followed(url, headers) as response:
                await _check_brings_a_clip(response)
                body = Unpacking(response)
                seen = "" if body.packed else str(response.headers.get("ETag", ""))[:_LONGEST_ETAG]
                start = offset if response.status_code == 206 else 0
                total = start + int(response.headers.get("Content-Length") or 0)
                with part.open("r+b" if start else "wb") as file:
                    file.seek(start)
                    # As it comes in: larger chunks would be collected first, and lost when the line breaks.
                    async for chunk in response.aiter_raw():
                        for piece in body.feed(chunk):
                            file.write(piece)
                            check_clip(file.tell() - start, body.received, file.tell())
                        # By what there is of the clip: packing can be endless and hold nothing.
                        limit.reschedule(due + (file.tell() - start) / _SLOWEST)
                        if progress:
                            progress(file.tell(), total)
                body.end()
                return seen
        except TimeoutError:
            raise Unavailable("the download was too slow.", etag=seen) from None
        except httpx.HTTPError as error:
            raise Unavailable(f"the download broke off ({type(error).__name__}).", etag=seen) from None

    @asynccontextmanager
    async def _followed(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """The answer of a signed link behind its redirects.

        The client's own way of following reads what comes with a redirect, whatever its size.
        """
        for _ in range(_HOPS):
            async with self._http.stream("GET", reveal(url), headers=headers, follow_redirects=False) as response:
                if response.next_request is None:
                    yield response
                    return
                url = Secret(str(response.next_request.url))
        raise Unavailable("the link of the clip only leads to other links.")

    async def _exchange(
        self, http: httpx.AsyncClient, method: str, url: str, *, seconds: float, room: int = ROOM, **given: Any
    ) -> httpx.Response:
        """One request and its whole answer, within a limit on all of its time and on its size.

        Raises
        ------
        httpx.HTTPError
            `httpx.ReadTimeout` when the time is over, `httpx.DecodingError` when the answer is too large.
        """
        try:
            with self._exchanging():
                async with asyncio.timeout(seconds), http.stream(method, url, **given) as response:
                    return await bounded(response, room)
        except TimeoutError:
            raise httpx.ReadTimeout(f"no whole answer in {seconds:g} s") from None

    async def _read(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        missing_ok: bool = False,
        room: int = ROOM,
    ) -> httpx.Response:
        """Exchange that costs nothing and may be repeated."""
        try:
            response = await self._exchange(
                self._http,
                method,
                self.base_url + path,
                seconds=_READ_SECONDS,
                room=room,
                params=params,
                headers=self._headers,
            )
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
        now, steady = datetime.now(UTC), time.monotonic()
        try:
            skew = parsedate_to_datetime(response.headers["Date"]) - now
        except (KeyError, ValueError, TypeError, OverflowError):
            return
        if abs(skew) < _NO_CLOCK:
            self._skew = skew, now, steady


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


async def _check_brings_a_clip(response: httpx.Response) -> None:
    """Refuse an error or a page in place of a clip."""
    if response.status_code >= 300:
        said = await bounded(response, ROOM)
        raise refusal(said) if said.status_code < 500 else Unavailable(**error_fields(said))
    kind = response.headers.get("Content-Type", "")
    if kind.startswith(("text/", "application/xml", "application/json")):
        raise Unavailable(f"a page ({kind.split(';')[0][:40]}) came instead of the clip.")


def _segment(task_id: str) -> str:
    """A task id as one path segment, whatever is in it."""
    return quote(task_id, safe="")


def _policy(body: Any) -> dict[str, str]:
    """The texts and numbers of an upload permit."""
    return {str(name): str(value) for name, value in dict(body["data"]).items() if isinstance(value, str | int)}


def _parsed(response: httpx.Response, parse: Callable[[Any], _T]) -> _T:
    try:
        return parse(response.json())
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Unavailable("the answer makes no sense.", http_status=response.status_code) from None
