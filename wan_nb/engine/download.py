"""Download a finished clip, prove that it is whole, write its sidecar, give it its name.

SUCCEEDED is written last, so it always means: the file was whole when it got its name, here and in the shared store.
Of several kernels that look after one run, the one that sent it fetches; the others step in where it does not.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from wan_nb.engine import media_folder
from wan_nb.engine.loop import Worker
from wan_nb.engine.retry import retried
from wan_nb.errors import DownloadFailed, Refused, Unavailable, WanError
from wan_nb.log.on_disk.posting_process import owner_alive
from wan_nb.log.states import UNCHECKED, Event, Status
from wan_nb.sanitize import number, said

if TYPE_CHECKING:
    from pathlib import Path

    from wan_nb.api.task import Task
    from wan_nb.engine.account import Account
    from wan_nb.log.row import Row
    from wan_nb.media.clips import ClipFacts
    from wan_nb.media.store import Store

__all__ = ["Downloads"]

TRIES = 6
"""Attempts at one download, resumed where the last one broke off; `resume` starts over any time within 24 h."""

HEAD_START = 30.0
"""Seconds that the kernel which sent a run has for fetching it: a few times what a clip takes."""


class Downloads:
    """Brings the clips of one session's runs into its store.

    Parameters
    ----------
    account : Account
    store : Store
    """

    def __init__(self, account: Account, store: Store) -> None:
        self.account, self.store = account, store
        self._decoding, self._sharing = Worker("media"), Worker("store")

    def close(self) -> None:
        """End the threads."""
        self._decoding.close()
        self._sharing.close()

    async def download(self, row: Row, task: Task | None) -> Row:
        """Download the clip of a run in state DOWNLOADING.

        Parameters
        ----------
        row : Row
        task : Task or None
            The last answer, whose link is fresh; None after a restart (links are never written down, a GET renews
            them).

        Raises
        ------
        DownloadFailed
            The clip is made and paid, but could not be brought here; the reason is in the row.
        """
        locks = self.account.shared.downloading
        async with locks.setdefault(row.run_id, asyncio.Lock()):  # two sessions of this process on one log
            row = await self._others_first(row)
            return await (self._download(row, task) if row.open else self.copy_shared(row))

    async def copy_shared(self, row: Row) -> Row:
        """Copy the clip of a succeeded run from the shared store, unless it is here.

        Raises
        ------
        DownloadFailed
            The store is out of reach. A clip that is nowhere is no error here: `Run.video` tells.
        """
        if self.store.remote and row.status is Status.SUCCEEDED and row.video:
            try:
                await self._sharing.do(self.store.bring, row.video, row.video_sha256)
            except (OSError, WanError) as error:
                raise DownloadFailed(
                    f"the clip is in the shared store, but not here: {_reason(error)}",
                    run_id=row.run_id,
                    remedy="`%wan resume`, or run the cell again: it costs nothing.",
                ) from None
        return row

    async def _others_first(self, row: Row) -> Row:
        """The row when nobody else is going to download it: a clip is to come from the service once."""
        account, loop = self.account, asyncio.get_running_loop()
        give_up = loop.time() + HEAD_START
        while row.open and not row.error_message and loop.time() < give_up:
            if not row.owner or row.owner == account.owner or not owner_alive(row.owner, row.ended_at):
                break
            await asyncio.sleep(0.5)
            row = await account.ask_log(account.log.get, row.run_id)
        return row

    async def _download(self, row: Row, task: Task | None) -> Row:
        name, part = self.store.name(row.run_id), self.store.part(row.run_id)
        try:
            facts = await self._stored(row, task, name, part)
        except (OSError, WanError) as error:
            reason = _reason(error)
            row = await self.account.write(row.run_id, error_code="DownloadFailed", error_message=reason)
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
        if facts is None:
            lost = "the clip was paid, but its link died before it was fetched."
            return await self.account.write(row.run_id, Event.FORGOTTEN, error_message=lost)
        with suppress(OSError, WanError):  # made when it is shown, where it cannot be made now
            await self._decoding.do(self.store.strip, self.store.path(name), facts.sha256)
        return await self.account.write(
            row.run_id,
            Event.FETCHED,
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

    async def _stored(self, row: Row, task: Task | None, name: str, part: Path) -> ClipFacts | None:
        """Facts of the clip once it has its name, here and in the shared store; None when its link is dead."""
        store, account = self.store, self.account
        if elsewhere := await account.ask_log(media_folder.gone, store, account.log):
            raise WanError(elsewhere)
        store.open()
        await self._sharing.do(store.bring, name)
        facts = await self._decoding.do(_named, store.path(name))
        if facts is None:  # else: named before a crash, or by another kernel, but not yet logged
            task = task or [answer async for answer in await self.account.looks(row)][-1]
            if task.status == "UNKNOWN":
                facts = await self._decoding.do(_cut_off, store.aside(row.run_id), part)
            else:
                facts = await self._fetch(row, task, part)
            if facts is None:
                return None
            await self._decoding.do(_commit, store, row, facts, part, name)
            await account.ask_log(media_folder.mark, store, account.log)
        await self._sharing.do(store.share, name)
        return facts

    async def _fetch(self, row: Row, task: Task, part: Path) -> ClipFacts:
        """The whole file at `part`, by several attempts, on a fresh link when the first one is dead.

        A clip that cannot be checked is fetched again; when the same bytes come again, they are what was paid for. One
        that is cut off is fetched as often as any other that fails, and set aside: it is the clip if no better one
        ever comes.
        """
        client, rng, etag, url = self.account.client, self.account.rng, "", task.video_url
        came: Counter[str] = Counter()

        async def attempt() -> ClipFacts:
            nonlocal etag
            if url is None:
                raise Refused("the service gives no link to the clip.")
            offset = part.stat().st_size if etag and part.exists() else 0
            try:
                await client.download(url, part, offset=offset, etag=etag)
            except Unavailable as error:
                etag = error.details.get("etag", "")
                raise
            etag = ""
            facts = await self._decoding.do(self.store.checked, part)
            if facts is not None:
                came[facts.sha256] += 1
                if not facts.unchecked or (came[facts.sha256] > 1 and not facts.cut_off):
                    return facts
                await self._decoding.do(self.store.set_aside, row.run_id, part)
            raise Unavailable(f"what came is no whole clip{f': {facts.unchecked}' if facts else '.'}")

        fetching = partial(retried, attempt, rng, tries=TRIES, again=lambda error: isinstance(error, Unavailable))
        try:
            return await fetching()
        except Refused:
            etag, url = "", (await self.account.read(lambda: client.get(task.task_id))).video_url
        return await fetching()


def _cut_off(aside: Path, part: Path) -> ClipFacts | None:
    """Facts of what came cut off while the link lived, moved to `part`; None when nothing came."""
    from wan_nb.media import clips

    with suppress(FileNotFoundError):
        aside.replace(part)
    return clips.delivered(part)


def _named(path: Path) -> ClipFacts | None:
    """Facts of the clip that has its name already; None when there is none, or it is not what the sidecar describes."""
    from wan_nb.media import clips

    facts = clips.delivered(path)
    if facts is None or not facts.unchecked:
        return facts
    with suppress(OSError, ValueError):
        # A file gets its name after its sidecar, and only when all of it is there.
        if json.loads(path.with_suffix(".json").read_bytes()).get("video_sha256") == facts.sha256:
            return facts
    return None


def _commit(store: Store, row: Row, facts: ClipFacts, part: Path, name: str) -> None:
    """Sidecar first, then the name: a clip that is there can always be made again."""
    from wan_nb.media import clips

    clips.sidecar(store.path(name), _provenance(row, facts))
    store.commit(part, name)
    store.drop_parts(row.run_id)


def _reason(error: OSError | WanError) -> str:
    return said(error) if isinstance(error, WanError) else f"{said(error)} ({type(error).__name__})"


def _provenance(row: Row, facts: ClipFacts) -> dict[str, Any]:
    """Enough to make the run again and to prove which file it was."""
    import platform

    return {
        "schema": 1,
        "run_id": row.run_id,
        "task_id": row.task_id,
        "request": row.request,
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
