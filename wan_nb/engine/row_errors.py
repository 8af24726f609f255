"""Rows as exceptions, exceptions as they stand in rows, and what a canceled ``await`` raises."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from wan_nb.errors import DownloadFailed, OutcomeUnknown, RunCanceled, RunExpired, RunFailed, ServiceError, WanError
from wan_nb.log.states import Status
from wan_nb.sanitize import said

if TYPE_CHECKING:
    from wan_nb.log.row import Row

__all__ = ["code_and_message", "detached_await", "row_error"]


def row_error(row: Row) -> WanError | None:
    """Exception that a row stands for; None while the run is under way or has its clip."""
    message = row.error_message or ""
    code = row.error_code or ""
    about: dict[str, Any] = {"run_id": row.run_id, "code": code, "request_id": row.request_id}
    if row.status is Status.FAILED:
        from wan_nb.api.catalog.error_codes import error_rule

        return RunFailed(
            f"failed, not billed: {message or 'no reason given'}", remedy=error_rule(code, message).remedy, **about
        )
    if row.status is Status.CANCELED:
        why, remedy = (f": {message}", "Run the cell again: it is bought then.") if row.never_sent else (".", "")
        return RunCanceled(f"canceled, not billed{why}", remedy=remedy, **about)
    if row.status is Status.EXPIRED:
        another = f"--take {row.take + 1} (take={row.take + 1}) is another one."
        lost = message or "the service no longer knows the task (ids live 24 h)."
        return RunExpired(lost, remedy=f"It may have been billed. {another}", **about)
    if row.status is Status.UNCERTAIN:
        return OutcomeUnknown(
            f"it is not known whether the service accepted it. {message}".strip(),
            remedy="Nothing is sent again by itself. `%wan adopt` shows what it may be; `%wan resume` looks again.",
            **about,
        )
    if row.status is Status.DOWNLOADING and message:
        return DownloadFailed(f"the clip is made and paid, but not on disk: {message}", run_id=row.run_id,
                              remedy="`%wan resume` fetches it; its link lives 24 h.")  # fmt: skip
    return None


def code_and_message(error: Exception) -> tuple[str, str]:
    """Code and message of an error, for the log."""
    code = error.code if isinstance(error, ServiceError) else ""
    return code or type(error).__name__, said(error, 1000)


def detached_await(way_back: str) -> BaseException:
    """What a canceled ``await`` of a run or study raises."""
    return _DetachedAwait(way_back)


class _DetachedAwait(asyncio.CancelledError):
    """A canceled ``await run``: the task goes on. Short in a cell, still a CancelledError for the event loop."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()
