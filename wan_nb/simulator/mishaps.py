"""Answers that go wrong on the wire, as the faults in force ask for."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tornado.web import RequestHandler

    from wan_nb.simulator.faults import Fault

__all__ = ["Gone", "broken_answer", "pause"]


class Gone(Exception):
    """The connection was closed on purpose; there is nothing left to answer."""


async def pause(fault: Fault | None) -> None:
    """Wait as long as a fault delays a request."""
    if fault and fault.delay:
        await asyncio.sleep(fault.delay)


async def broken_answer(
    handler: RequestHandler, fault: Fault, answer: dict[str, Any] | bytes, status: int = 200
) -> None:
    """Answer as a fault says.

    Parameters
    ----------
    handler : RequestHandler
        Of the request.
    fault : Fault
    answer : dict or bytes
        The right answer, where the request was processed.
    status : int
        Its HTTP status.

    Raises
    ------
    Gone
        After the connection was closed.
    """
    if fault.reset:
        _close(handler, hard=True)
    if fault.stall and fault.truncate is None:
        await asyncio.sleep(fault.stall)
        _close(handler)
    content, content_type = _content(fault, answer)
    handler.set_status(fault.status or status)
    if content_type:
        handler.set_header("Content-Type", content_type)
    if fault.retry_after is not None:
        handler.set_header("Retry-After", f"{fault.retry_after:g}")
    if fault.truncate is None:
        handler.write(content)
        return
    cut = content[: int(fault.truncate * len(content) if 0 < fault.truncate < 1 else fault.truncate)]
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
        # The query of one task nests the word, the list calls it otherwise.
        answer = _merged(answer, {"output": {"task_status": fault.word}} if "output" in answer else {})
        answer |= {"data": [{**row, "status": fault.word} for row in answer["data"]]} if "data" in answer else {}
    return json.dumps(_merged(answer, fault.patch)).encode(), "application/json"


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
    stream: Any = handler.request.connection.stream  # type: ignore[union-attr]
    if hard and stream.socket is not None:
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()
    raise Gone
