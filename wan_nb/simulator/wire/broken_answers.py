"""Answers that are broken on purpose, as the faults in force say."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import uuid
import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tornado.iostream import StreamClosedError

from wan_nb.simulator.account.clock import local_text

if TYPE_CHECKING:
    from tornado.web import RequestHandler

    from wan_nb.simulator.account.faults import Fault

__all__ = ["ConnectionClosed", "broken_answer", "pause"]


class ConnectionClosed(Exception):
    """The connection was closed by a fault."""


async def pause(handler: RequestHandler, fault: Fault | None) -> None:
    """Wait as long as a fault delays a request, with interim answers if it says so."""
    if not fault:
        return
    now = asyncio.get_running_loop().time
    end = now() + fault.delay
    try:
        while fault.processing and (left := end - now()) > 0:
            await _stream(handler).write(b"HTTP/1.1 102 Processing\r\n\r\n")
            await asyncio.sleep(min(fault.processing, left))
    except StreamClosedError:
        pass  # the service goes on after its caller has hung up
    await asyncio.sleep(max(end - now(), 0.0))


async def broken_answer(
    handler: RequestHandler, fault: Fault, answer: dict[str, Any] | bytes, status: int = 200
) -> None:
    """Answer as a fault says.

    Parameters
    ----------
    answer : dict or bytes
        The right answer, where the request was processed.
    status : int
        Its HTTP status.

    Raises
    ------
    ConnectionClosed
        After the connection was closed.
    """
    if fault.reset:
        _close(handler, hard=True)
    if fault.stall and fault.truncate is None:
        await asyncio.sleep(fault.stall)
        _close(handler)
    content, content_type = _content(fault, answer)
    if fault.bomb:
        content = _gzipped(content, fault.bomb)
        handler.set_header("Content-Encoding", "gzip")
    handler.set_status(fault.status or status)
    if content_type:
        handler.set_header("Content-Type", content_type)
    if fault.retry_after is not None:
        handler.set_header("Retry-After", f"{fault.retry_after:g}")
    if fault.drip:
        await _drip(handler, content, fault.drip)
    if fault.truncate is None:
        handler.write(content)
    else:
        await _truncated(handler, content, fault)


async def _truncated(handler: RequestHandler, content: bytes, fault: Fault) -> None:
    share = fault.truncate or 0
    cut = content[: int(share * len(content) if 0 < share < 1 else share)]
    if fault.short:
        handler.write(cut)
        return
    handler.set_header("Content-Length", str(len(content)))
    handler.write(cut)
    await handler.flush()
    await asyncio.sleep(fault.stall)
    _close(handler)


def _content(fault: Fault, answer: dict[str, Any] | bytes) -> tuple[bytes, str]:
    if fault.body is not None:
        return fault.body.encode("utf-8", "surrogateescape"), fault.content_type
    if isinstance(answer, bytes):
        return answer, ""
    if fault.status is not None:
        answer = {"code": fault.code, "message": fault.message, "request_id": str(uuid.uuid4())}
    if fault.word:
        # One task has its status under ``output``, the list in each row.
        answer = _merged(answer, {"output": {"task_status": fault.word}} if "output" in answer else {})
        answer |= {"data": [{**row, "status": fault.word} for row in answer["data"]]} if "data" in answer else {}
    if isinstance(rows := answer.get("data"), list):
        answer = {**answer, **_listed(fault, rows)}
    return json.dumps(_merged(answer, fault.patch)).encode(), "application/json"


def _listed(fault: Fault, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Parts of a page of the list, as a fault says."""
    if fault.pages == "missing":
        return {"data": []}
    if fault.pages == "endless":
        return {"data": [{"task_id": str(uuid.uuid4()), "status": "RUNNING"} for _ in range(100)], "total": 10**9}
    if fault.stamps:
        written = local_text if fault.stamps == "texts" else int
        rows = [{**row, "gmt_create": written(row["gmt_create"] / 1000)} for row in rows]
    return {"data": [_merged(row, fault.rows) for row in rows]}


def _gzipped(content: bytes, blanks: int) -> bytes:
    packer = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    block = b" " * 1_000_000
    parts = [packer.compress(block[: min(len(block), blanks - done)]) for done in range(0, blanks, len(block))]
    return b"".join([*parts, packer.compress(content), packer.flush()])


async def _drip(handler: RequestHandler, content: bytes, gap: float) -> None:
    """Answer byte by byte past tornado, which gives headers in one piece."""
    status = handler.get_status()
    handler.set_header("Content-Length", str(len(content)))
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{k}: {v}" for k, v in handler._headers.get_all())]
    stream = _stream(handler)
    try:
        for byte in "\r\n".join([*lines, "", ""]).encode("latin-1") + content:
            await stream.write(bytes([byte]))
            await asyncio.sleep(gap)
    except StreamClosedError:
        pass
    _close(handler)


def _stream(handler: RequestHandler) -> Any:
    return handler.request.connection.stream  # type: ignore[union-attr]


def _merged(answer: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    merged = dict(answer)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged


def _close(handler: RequestHandler, *, hard: bool = False) -> None:
    """Close the connection: in order, or with the reset of a machine that died."""
    stream = _stream(handler)
    if hard and stream.socket is not None:
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()
    raise ConnectionClosed
