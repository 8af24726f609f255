"""Sending the steps of a recording to a service or a simulator, one after the other."""

from __future__ import annotations

import asyncio
import io
import json
import re
import uuid
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wan_nb.api.transport import Quiet, bounded, httpx
from wan_nb.sanitize import reveal
from wan_nb.simulator.fidelity.exchange import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from wan_nb.simulator.fidelity.exchange import Step

__all__ = ["perform", "replay", "task_id"]

_ROOM = 1_000_000
_SIDE = 256
"""Pixels of each side of the picture that is uploaded; the service takes 240 and more."""

_SIMULATED_GAP = 0.1
_LONG = 3600.0
"""Seconds that a task of the simulator waits and runs unless it is moved on."""

_STEERED = {"RUNNING": "start", "SUCCEEDED": "finish", "FAILED": "finish"}
_ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN"})
_PLACE = re.compile(r"<([^<>]+)>")


async def perform(
    steps: Iterable[Step],
    base_url: str,
    api_key: str,
    *,
    gap: float,
    steer: Callable[[Quiet, Step], Awaitable[object]] | None = None,
) -> AsyncIterator[tuple[Step, Answer]]:
    """Each step with its answer, as it came.

    Parameters
    ----------
    gap : float
        Seconds between two looks at a task.
    steer : callable, optional
        Told of each step, with its places filled, before it is sent.

    Raises
    ------
    httpx.HTTPError
        No answer.
    """
    known: dict[str, str] = {"unknown id": str(uuid.uuid4())}
    base_url = base_url.rstrip("/")
    async with Quiet(base_url, timeout=60.0, follow_redirects=False) as http:
        for step in steps:
            try:
                sent = _filled(step, known)
            except KeyError:  # an earlier answer lacks what it needs
                yield step, Answer(0, "")
                continue
            sent = sent if "://" in sent.path else replace(sent, path=base_url + sent.path)
            if steer:
                await steer(http, sent)
            answer = await _exchanged(http, sent, api_key)
            while answer.status == 429 or (step.until and _status(answer) not in _ENDED | {step.until}):
                await asyncio.sleep(max(gap, 1.0) if answer.status == 429 else gap)
                answer = await _exchanged(http, sent, api_key)
            known |= _told(step.name, answer)
            yield step, answer


async def replay(steps: Iterable[Step], base_url: str) -> list[Answer]:
    """What a simulator answers, whose tasks move on only where a step waits for it: however busy the machine is."""
    control = base_url.removesuffix("/api/v1") + "/_simulator"

    async def steer(http: Quiet, step: Step) -> None:
        if do := _STEERED.get(step.until):
            task = {"task_id": step.path.rpartition("/")[2], "do": do}
            await http.post(f"{control}/tasks", json=task)  # refused for one that has ended

    async with Quiet(base_url) as http:
        (await http.post(f"{control}/config", json={"queue": _LONG, "run": _LONG})).raise_for_status()
    performed = perform(steps, base_url, "simulator", gap=_SIMULATED_GAP, steer=steer)
    return [answer async for _, answer in performed]


async def _exchanged(http: Quiet, sent: Step, api_key: str) -> Answer:
    keys = {"given": reveal(api_key), "wrong": "sk-0", "none": ""}
    headers = {"Accept-Encoding": "identity", **sent.headers}
    if key := keys[sent.key]:
        headers["Authorization"] = f"Bearer {key}"
    content: dict[str, Any] = {} if sent.body is None else {"json": sent.body}
    if sent.form is not None:
        content = {"data": sent.form, "files": {"file": ("picture.png", _picture(), "image/png")}}
    # A link is signed with its query, so that none is put in its place.
    request = http.build_request(sent.method, sent.path, params=sent.query or None, headers=headers, **content)
    response = await http.send(request, stream=True)
    try:
        return await _answer(response)
    finally:
        await response.aclose()


async def _answer(response: httpx.Response) -> Answer:
    """The answer; of a clip only that it is one."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if response.headers.get("Content-Length") == "0":
        return Answer(response.status_code, "")
    if not kind.endswith(("json", "xml")) or response.request.method == "HEAD":
        return Answer(response.status_code, kind)
    body: Any = None
    content = (await bounded(response, _ROOM)).content
    try:
        if kind.endswith("json"):
            body = json.loads(content)
        else:
            root = ET.fromstring(content)  # noqa: S314  # bounded, and looked at one level deep
            body = {root.tag: {part.tag: part.text or "" for part in root}}
    except (ValueError, ET.ParseError):
        body = None
    return Answer(response.status_code, kind, body)


def _filled(step: Step, known: dict[str, str]) -> Step:
    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return _PLACE.sub(lambda place: known[place[1]], value)
        if isinstance(value, dict):
            return {name: filled(part) for name, part in value.items()}
        return [filled(part) for part in value] if isinstance(value, list) else value

    given = {name: filled(getattr(step, name)) for name in ("path", "query", "body", "form")}
    return replace(step, **given)


def _told(name: str, answer: Answer) -> dict[str, str]:
    """What later steps may ask for by the name of this one."""
    output = _part(answer, "output")
    found = {"task": output.get("task_id"), "link": output.get("video_url"), **_part(answer, "data")}
    return {f"{what} {name}": str(value) for what, value in found.items() if value is not None}


def task_id(answer: Answer) -> str:
    """Task that an answer is about; empty where it is about none."""
    return str(_part(answer, "output").get("task_id") or "")


def _status(answer: Answer) -> str:
    # An answer without a status ends the looking: it is an error.
    return str(_part(answer, "output").get("task_status") or "UNKNOWN")


def _part(answer: Answer, name: str) -> dict[str, Any]:
    part = answer.body.get(name) if isinstance(answer.body, dict) else None
    return part if isinstance(part, dict) else {}


def _picture() -> bytes:
    from PIL import Image

    held = io.BytesIO()
    Image.new("RGB", (_SIDE, _SIDE), (200, 180, 160)).save(held, "PNG")
    return held.getvalue()
