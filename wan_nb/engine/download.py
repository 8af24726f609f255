"""Bring a finished clip home: download, prove that it is whole, write its sidecar, give it its name.

SUCCEEDED is written last, so it always means: the file was whole when it got its name, here and in the shared store.
Of several kernels that look after one run, the one that sent it fetches; the others step in where it does not.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from wan_nb.engine.polling.pace import backoff
from wan_nb.errors import DownloadFailed, Refused, Unavailable, WanError
from wan_nb.log.owner import owner_alive
from wan_nb.log.states import UNCHECKED, Status
from wan_nb.media.derived import strip_of
from wan_nb.sanitize import number, said

if TYPE_CHECKING:
    from pathlib import Path

    from wan_nb.api.task import Task
    from wan_nb.engine.runner import Flow
    from wan_nb.log.row import Row
    from wan_nb.media.clips import ClipFacts

__all__ = ["bring", "fetch"]

TRIES = 6
"""Attempts at one download, resumed where the last one broke off; `resume` starts over any time within 24 h."""

HEAD_START = 30.0
"""Seconds that the kernel which sent a run has for fetching it: a few times what a clip takes."""


async def fetch(flow: Flow, row: Row, task: Task | None) -> Row:
    """Bring the clip of a run in state DOWNLOADING.

    Parameters
    ----------
    flow : Flow
    row : Row
    task : Task or None
        The last answer, whose link is fresh; None after a restart (links are never written down, a GET renews them).

    Raises
    ------
    DownloadFailed
        The clip is made and paid, but could not be brought here; the reason is in the row.
    """
    locks: WeakValueDictionary[str, asyncio.Lock]
    locks = flow.loop.shared.setdefault("fetching", WeakValueDictionary())
    async with locks.setdefault(row.run_id, asyncio.Lock()):  # two sessions of this process on one log
        row = await _others_first(flow, row)
        return await (_fetch(flow, row, task) if row.open else bring(flow, row))


async def bring(flow: Flow, row: Row) -> Row:
    """Copy the clip of a succeeded run from the shared store, unless it is here.

    Raises
    ------
    DownloadFailed
        The store is out of reach. A clip that is nowhere is no error here: `Run.video` tells.
    """
    if flow.store.remote and row.status is Status.SUCCEEDED and row.video:
        try:
            await flow.sharing.do(flow.store.bring, row.video, row.video_sha256)
        except (OSError, WanError) as error:
            raise DownloadFailed(
                f"the clip is in the shared store, but not here: {_reason(error)}",
                run_id=row.run_id,
                remedy="`%wan resume`, or run the cell again: it costs nothing.",
            ) from None
    return row


async def _others_first(flow: Flow, row: Row) -> Row:
    """The row when nobody else is going to fetch it: a clip is to come from the service once."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + HEAD_START
    while row.open and not row.error_message and loop.time() < give_up:
        if not row.owner or row.owner == flow.owner or not owner_alive(row.owner, row.ended_at):
            break
        await asyncio.sleep(0.5)
        row = await flow.ask_log(flow.log.get, row.run_id)
    return row


async def _fetch(flow: Flow, row: Row, task: Task | None) -> Row:
    name = flow.store.name(row.run_id)
    final, part = flow.store.path(name), flow.store.part(row.run_id)
    try:
        flow.store.open()
        await flow.sharing.do(flow.store.bring, name)
        facts = await flow.decoding.do(_named, flow, name)
        if facts is None:  # else: named before a crash, or by another kernel, but not yet logged
            task = task or [said async for said in await flow.looks(row)][-1]
            if task.status != "UNKNOWN":
                facts = await _download(flow, row, task, part)
            elif (facts := await flow.decoding.do(_aside, flow, row, part)) is None:
                return await _forgotten(flow, row)
            await flow.decoding.do(_settle_files, flow, row, facts, part, name)
        await flow.sharing.do(flow.store.share, name)
    except (OSError, WanError) as error:
        reason = _reason(error)
        row = await flow.write(row.run_id, error_code="DownloadFailed", error_message=reason)
        if row.status is Status.SUCCEEDED:  # another kernel was quicker
            return row
        raise DownloadFailed(
            f"the clip is made and paid, but not on disk: {reason}",
            run_id=row.run_id,
            remedy="`%wan resume` fetches it while its link lives (24 h).",
        ) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)  # the next attempt begins anew
    with suppress(OSError, WanError):  # made when it is shown, where it cannot be made now
        await flow.decoding.do(strip_of, flow.store, final, facts.sha256)
    return await flow.write(
        row.run_id,
        status=Status.SUCCEEDED,
        error_code=UNCHECKED if facts.unchecked else None,
        error_message=facts.unchecked or None,
        video=name,
        video_sha256=facts.sha256,
        bytes=facts.bytes,
        width=facts.width or None,
        height=facts.height or None,
        fps=number(facts.fps, 0.001, 1000),
        has_audio=None if facts.unchecked else facts.has_audio,
    )


async def _download(flow: Flow, row: Row, task: Task, part: Path) -> ClipFacts:
    """The whole file at `part`, by several attempts, on a fresh link when the first one is dead.

    A clip that cannot be checked is fetched again; when the same bytes come again, they are what was paid for. One that
    is cut off is fetched as often as any other that fails, and set aside: it is the clip if no better one ever comes.
    """
    from wan_nb.media import clips

    etag, url, renewed, faults = "", task.video_url, False, 0
    came: Counter[str] = Counter()
    while True:
        try:
            if url is None:
                raise Refused("the service gives no link to the clip.")
            offset = part.stat().st_size if etag and part.exists() else 0
            etag = await flow.client.download(url, part, offset=offset, etag=etag)
            facts = await flow.decoding.do(clips.delivered, part)
            if facts is not None:
                came[facts.sha256] += 1
                if not facts.unchecked or (came[facts.sha256] > 1 and not facts.cut_off):
                    return facts
                await flow.decoding.do(flow.store.set_aside, row.run_id, part)
            reason = f": {facts.unchecked}" if facts else "."
            etag, problem = "", WanError(f"what came is no whole clip{reason}")
        except Refused as error:
            if renewed:
                raise
            renewed, etag, problem = True, "", error
            url = (await flow.patiently(lambda: flow.client.get(task.task_id))).video_url
            continue
        except Unavailable as error:
            etag, problem = error.details.get("etag", ""), error
        faults += 1
        if faults == TRIES:
            raise problem
        await asyncio.sleep(backoff(faults, flow.rng))


def _aside(flow: Flow, row: Row, part: Path) -> ClipFacts | None:
    """Facts of what came cut off while the link lived, moved to `part`; None when nothing came."""
    from wan_nb.media import clips

    with suppress(FileNotFoundError):
        flow.store.aside(row.run_id).replace(part)
    return clips.delivered(part)


def _named(flow: Flow, name: str) -> ClipFacts | None:
    """Facts of the clip that has its name already; None when there is none, or it is not what the sidecar describes."""
    from wan_nb.media import clips

    path = flow.store.path(name)
    facts = clips.delivered(path)
    if facts is None or not facts.unchecked:
        return facts
    with suppress(OSError, ValueError):
        # A file gets its name after its sidecar, and only when all of it is there.
        if json.loads(path.with_suffix(".json").read_bytes()).get("video_sha256") == facts.sha256:
            return facts
    return None


def _reason(error: OSError | WanError) -> str:
    return said(error) if isinstance(error, WanError) else f"{said(error)} ({type(error).__name__})"


async def _forgotten(flow: Flow, row: Row) -> Row:
    return await flow.write(
        row.run_id, status=Status.EXPIRED, error_message="the clip was paid, but its link died before it was fetched."
    )


def _settle_files(flow: Flow, row: Row, facts: ClipFacts, part: Path, name: str) -> None:
    """Sidecar first, then the name: a clip that is there can always be made again."""
    from wan_nb.media import clips

    clips.sidecar(flow.store.path(name), _provenance(row, facts))
    flow.store.commit(part, name)
    flow.store.drop_parts(row.run_id)


def _provenance(row: Row, facts: ClipFacts) -> dict[str, Any]:
    """Enough to make the run again and to prove which file it was."""
    import platform

    return {
        "schema": 1,
        "run_id": row.run_id,
        "task_id": row.task_id,
        "request": row.sent,
        "fingerprint": row.fingerprint,
        "attempt": row.attempt,
        "study": row.study,
        "variant": row.variant,
        "block": row.block,
        "service": row.service,
        "simulated": row.simulated,
        "billed_s": row.billed_s,
        "cost": row.cost,
        "currency": row.currency,
        "submitted_at": row.submitted_at,
        "ended_at": row.ended_at,
        "fetched_at": datetime.now(UTC),
        "video_sha256": facts.sha256,
        "bytes": facts.bytes,
        "width": facts.width,
        "height": facts.height,
        "fps": facts.fps,
        "seconds": facts.seconds,
        "versions": {"wan_nb": row.version, "python": platform.python_version()},
        **({"unchecked": facts.unchecked} if facts.unchecked else {}),
    }
