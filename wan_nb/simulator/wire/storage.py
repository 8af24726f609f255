"""Object storage on the wire: uploads by form, results by signed link."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from tornado.iostream import StreamClosedError

from wan_nb.simulator.account.bucket import form_parts
from wan_nb.simulator.account.limits import Refusal
from wan_nb.simulator.wire.broken_answers import ConnectionClosed, broken_answer, pause
from wan_nb.simulator.wire.handler import BaseHandler

if TYPE_CHECKING:
    from pathlib import Path

    from wan_nb.simulator.account.faults import Fault

__all__ = ["ResultHandler", "UploadHandler"]

_BLOCK = 256 * 1024


class StorageHandler(BaseHandler):
    """Object storage: errors are XML, requests are signed and carry no key."""

    def send_xml(self, refusal: Refusal) -> None:
        """Error as the object storage writes it."""
        self.set_status(refusal.status)
        self.set_header("Content-Type", "application/xml")
        self.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<Error>\n'
            f"  <Code>{refusal.code}</Code>\n  <Message>{refusal.message}</Message>\n"
            f"  <RequestId>{uuid.uuid4().hex[:24].upper()}</RequestId>\n</Error>\n"
        )

    def write_error(self, status_code: int, **_: Any) -> None:
        """Whatever the server itself refuses: a form that is none, another method."""
        self.set_default_headers()
        code = "InternalError" if status_code >= 500 else "MalformedPOSTRequest"
        self.send_xml(Refusal(status_code, code, "The request is not well-formed."))
        self.finish()

    async def answer_fault(self, fault: Fault) -> None:
        """Answer as a fault says, its errors in XML too."""
        if fault.status is not None and fault.body is None and not (fault.reset or fault.stall):
            self.send_xml(Refusal(fault.status, fault.code, fault.message))
        else:
            await broken_answer(self, fault, {})

    def refuse_key(self) -> None:
        """Refuse an Authorization header: a key sent here has leaked to another host."""
        if "Authorization" in self.request.headers:
            raise Refusal(400, "InvalidArgument", "Only one auth mechanism allowed; the query or form is signed.")


class UploadHandler(StorageHandler):
    """POST: a form with a file."""

    endpoint = "upload"

    async def post(self) -> None:
        """Store the file of a form."""
        state = self.service.state
        state.counters.add("", "uploads")
        try:
            fault = state.faults.take(self.endpoint)
            await pause(self, fault)
            if fault and fault.replaces_answer and fault.when == "before":
                await self.answer_fault(fault)
                return
            self.refuse_key()
            parts = form_parts(self.request.headers.get("Content-Type", ""), self.request.body)
            status, etag = state.bucket.put(parts, state.limits)
            if fault and (fault.replaces_answer or fault.alters_answer):
                await self.answer_fault(fault)
                return
            self.set_status(status)
            self.set_header("ETag", f'"{etag}"')
        except Refusal as refusal:
            self.send_xml(refusal)
        except ConnectionClosed:
            self._auto_finish = False


class ResultHandler(StorageHandler):
    """GET: a clip, by signed link; ranges are honoured."""

    endpoint = "download"

    async def head(self, account: str, task_id: str) -> None:
        """Headers of a clip."""
        await self.get(account, task_id)

    async def get(self, account: str, task_id: str) -> None:
        """Send a clip, or a range of it."""
        state = self.service.state
        state.counters.add(account, "downloads")
        try:
            fault = state.faults.take(self.endpoint, task_id)
            await pause(self, fault)
            if fault and fault.replaces_answer and fault.truncate is None:
                await self.answer_fault(fault)
                return
            self.refuse_key()
            query = self.query()
            state.bucket.check_link(
                self.request.path, *(query.get(k, "") for k in ("Expires", "OSSAccessKeyId", "Signature"))
            )
            path = state.store.clip(task_id)
            if not path.exists():
                raise Refusal(404, "NoSuchKey", "The specified key does not exist.")
            await self._send(path, fault)
        except Refusal as refusal:
            self.send_xml(refusal)
        except (ConnectionClosed, StreamClosedError):
            self._auto_finish = False

    async def _send(self, path: Path, fault: Fault | None) -> None:
        size = path.stat().st_size
        first, end = self._range(size)
        self.set_header("Content-Type", "video/mp4")
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("ETag", f'"{path.stem.upper()}"')
        length = end - first
        if fault and fault.alters_answer:
            await broken_answer(self, fault, path.read_bytes()[first:end], self.get_status())
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
