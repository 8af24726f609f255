"""The only use of httpx: addresses and proxies judged, nothing logged, bodies of bounded size.

A body is read as it comes over the wire and unpacked here, so that a few packed bytes cannot fill memory or disk.
"""

from __future__ import annotations

import logging
import zlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from wan_nb.api import catalog
from wan_nb.api.http_proxies import routes
from wan_nb.api.urls import fault
from wan_nb.errors import LogError, Refused, WanError
from wan_nb.imports import leaving_out

with leaving_out("httpx._main"):  # its command line loads click and rich: a quarter of the first submit
    import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ROOM", "Quiet", "Unpacking", "bounded", "check_clip", "closed_meanwhile", "httpx", "peer_closed"]

ROOM = 256_000
"""Bytes of an answer, unpacked, about one task: 5000 characters of prompt are 60 kB in the longest spelling of JSON."""

_PIECE = 65_536
_CLIP_RATIO = 4  # a clip hardly shrinks: one that unpacks to more than this is none
_OF_THE_BODY = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})

_ours: ContextVar[bool] = ContextVar("wan_nb.api.transport.ours", default=False)

# Loggers of httpx would write signed links and the password of a proxy into a notebook that logs.
for _talker in ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks"))):
    logging.getLogger(_talker).addFilter(lambda _: not _ours.get())


class Quiet(httpx.AsyncClient):
    """A client of whose requests nothing is logged, and of whose failures each is an `httpx.HTTPError` or ours."""

    def __init__(self, base_url: str, **settings: Any) -> None:
        same = {name: settings[name] for name in ("verify", "limits") if name in settings}
        way = {
            pattern: None if proxy is None else httpx.AsyncHTTPTransport(proxy=proxy, **same)
            for pattern, proxy in routes(base_url).items()
        }
        # The environment is read by `proxies`, which says what is wrong with it.
        super().__init__(trust_env=False, mounts=way, event_hooks={"response": [_judge_redirect]}, **settings)

    def build_request(self, method: str, url: Any, **kwargs: Any) -> httpx.Request:
        """A request to an address that can be used."""
        _judge(str(url))
        return super().build_request(method, url, **kwargs)

    async def send(self, *args: Any, **kwargs: Any) -> httpx.Response:
        """An answer, or an error of a known kind."""
        if self.is_closed:
            raise closed_meanwhile()
        token = _ours.set(True)
        try:
            return await super().send(*args, **kwargs)
        except (httpx.HTTPError, WanError, OSError):
            raise
        except Exception as error:  # noqa: BLE001  # an InvalidURL, an ExceptionGroup, an error of idna
            raise httpx.TransportError(type(error).__name__) from None
        finally:
            _ours.reset(token)


def closed_meanwhile() -> LogError:
    """What a call is told that comes after the end."""
    return LogError("the session was closed meanwhile.", remedy="Open a new one: wan_nb.Session(), %wan connect.")


def _judge(url: str) -> None:
    if wrong := fault(url):
        raise Refused(f"an address that the service names cannot be used: {wrong}.")


async def _judge_redirect(response: httpx.Response) -> None:
    if response.is_redirect and (location := response.headers.get("Location")):
        try:
            target = urljoin(str(response.request.url), location)
        except ValueError:
            target = ""
        _judge(target)


class Unpacking:
    """The body of an answer as it was before packing, in pieces of at most 64 kB.

    Every request asks for it unpacked; what comes in gzip or deflate all the same is read, anything else refused.

    Attributes
    ----------
    received : int
        Bytes that came over the wire so far.
    """

    def __init__(self, response: httpx.Response) -> None:
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        self.packed = coding not in {"", "identity"}
        self.received = 0
        if self.packed and coding not in {"gzip", "x-gzip", "deflate"}:
            raise httpx.DecodingError(f"packed as {coding[:20]}, which was not asked for")
        self._reader = zlib.decompressobj(zlib.MAX_WBITS | 32) if self.packed else None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Take what came, give what it holds."""
        self.received += len(chunk)
        if self._reader is None:
            yield chunk
            return
        try:
            piece = bytes(_PIECE)
            while len(piece) == _PIECE or (chunk and not self._reader.eof):
                piece = self._reader.decompress(chunk, _PIECE)
                chunk = self._reader.unconsumed_tail
                yield piece
        except zlib.error:
            raise httpx.DecodingError("not packed as it says") from None

    def end(self) -> None:
        """Refuse a body that was packed and is not whole."""
        if self._reader is not None and not self._reader.eof:
            raise httpx.DecodingError("the packed body breaks off")


async def bounded(response: httpx.Response, room: int) -> httpx.Response:
    """An answer with its whole body, unpacked, of less than `room` bytes. Of an error, what can be read is enough."""
    held = bytearray()
    try:
        body = Unpacking(response)
        async for chunk in response.aiter_raw():
            for piece in body.feed(chunk):
                held += piece[: room - len(held)]
                if len(held) >= room:
                    raise httpx.DecodingError(f"{room} bytes or more")
        body.end()
    except httpx.DecodingError:
        if response.status_code < 300:
            raise
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _OF_THE_BODY]
    answer = httpx.Response(response.status_code, headers=headers, content=bytes(held), request=response.request)
    answer.encoding = "utf-8"  # a charset that somebody names may be a packing too
    return answer


def check_clip(unpacked: int, received: int, size: int) -> None:
    """Refuse what is no clip by its size: as it was unpacked, as it came over the wire, and in the file."""
    if size > catalog.LIMITS.clip_bytes or unpacked > _CLIP_RATIO * received + _PIECE:
        raise httpx.DecodingError("no clip is so large")


def peer_closed(error: httpx.HTTPError) -> bool:
    """Whether the other side has ended the line. In doubt, and when it was a limit of ours: no."""
    if isinstance(error, httpx.RemoteProtocolError):
        return any(words in str(error) for words in ("disconnected without", "closed connection without"))
    return isinstance(error, (httpx.ReadError, httpx.WriteError))
