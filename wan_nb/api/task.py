"""What the service says about tasks, read leniently: times in two formats, numbers as text, words yet unknown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

from wan_nb.terminal import printed

__all__ = ["TERMINAL", "Listed", "Task", "TaskPage", "Usage", "number", "parse_time", "unsigned"]

SERVICE_ZONE = timezone(timedelta(hours=8))
"""Times of a GET are strings in UTC+8, without saying so."""

TERMINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN"})
"""Words after which nothing more happens. UNKNOWN (over HTTP 200): no such task, or older than 24 h."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The receipt. Seconds; present only on success.

    Attributes
    ----------
    duration : float or None
        Seconds billed.
    input_video_duration, output_video_duration : float or None
        Seconds.
    video_count, SR : int or None
        Clips (always 1); tier, 720 or 1080.
    """

    duration: float | None = None
    input_video_duration: float | None = None
    output_video_duration: float | None = None
    video_count: int | None = None
    SR: int | None = None


@printed
@dataclass(frozen=True, slots=True)
class Task:
    """One answer about one task.

    Attributes
    ----------
    task_id : str
    status : str
        The service's raw word: PENDING, RUNNING, SUCCEEDED, FAILED, CANCELED, UNKNOWN, or one it adds one day.
    code, message : str
        Why it failed; empty otherwise.
    submit_time, scheduled_time, end_time : datetime or None
        Aware, UTC. Any may be missing.
    orig_prompt : str or None
        The prompt as the service received it.
    video_url : str or None
        Signed link, dead after 24 h. Never written down.
    usage : Usage or None
    request_id : str or None

    Examples
    --------
    >>> answer = {"task_id": "t", "task_status": "PENDING", "submit_time": "2026-04-08 10:00:00.000"}
    >>> Task.parse({"output": answer}).submit_time.isoformat()
    '2026-04-08T02:00:00+00:00'
    """

    task_id: str
    status: str
    code: str = ""
    message: str = ""
    submit_time: datetime | None = None
    scheduled_time: datetime | None = None
    end_time: datetime | None = None
    orig_prompt: str | None = None
    video_url: str | None = field(default=None, repr=False)
    usage: Usage | None = None
    request_id: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.status in TERMINAL

    @classmethod
    def parse(cls, body: Any) -> Task:
        """Read the body of a GET or of a create.

        Raises
        ------
        ValueError
            It is no task: no object, or no id or status in it.
        """
        output = body.get("output") if isinstance(body, Mapping) else None
        if not isinstance(output, Mapping) or not _text(output.get("task_status")) or not _is_id(output.get("task_id")):
            raise ValueError("no task in the answer")
        usage = body.get("usage")
        return cls(
            task_id=str(output["task_id"]),
            status=str(output["task_status"]).upper(),
            code=_text(output.get("code")) or "",
            message=unsigned(_text(output.get("message")) or ""),
            submit_time=parse_time(output.get("submit_time")),
            scheduled_time=parse_time(output.get("scheduled_time")),
            end_time=parse_time(output.get("end_time")),
            orig_prompt=_text(output.get("orig_prompt")),
            video_url=_text(output.get("video_url")),
            usage=_usage(usage) if isinstance(usage, Mapping) else None,
            request_id=_text(body.get("request_id")),
        )


@printed
@dataclass(frozen=True, slots=True)
class Listed:
    """One row of the list: a status and times, nothing else. Times are aware, UTC.

    ``gmt_create`` is None also where its text does not tell its zone: what a list proves hangs on it.
    """

    task_id: str
    status: str
    model_name: str | None = None
    gmt_create: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskPage:
    """One page of the account's tasks of the last 24 h, newest first as far as the service keeps that order.

    Attributes
    ----------
    tasks : tuple of Listed
    total : int or None
        Tasks on all pages, where the answer tells.
    page_no, page_size : int
    unread : int
        Rows that name no task.
    """

    tasks: tuple[Listed, ...]
    total: int | None
    page_no: int
    page_size: int
    unread: int = 0

    @classmethod
    def parse(cls, body: Any) -> TaskPage:
        """Read the body of a list call. Rows that are no tasks are passed over, and counted.

        Raises
        ------
        ValueError
            It is no list, or far longer than any page.
        """
        data = body.get("data") if isinstance(body, Mapping) else None
        if not isinstance(data, list) or len(data) > _MOST_ROWS:
            raise ValueError("no list of tasks in the answer")
        rows = [row for row in data if isinstance(row, Mapping) and _is_id(row.get("task_id"))]
        total = number(body.get("total"))
        return cls(
            tasks=tuple(
                Listed(
                    task_id=str(row["task_id"]),
                    status=(_text(row.get("status")) or "UNKNOWN")[:_LONGEST_WORD].upper(),
                    model_name=(_text(row.get("model_name")) or "")[:_LONGEST_WORD] or None,
                    gmt_create=parse_time(row.get("gmt_create"), zone=None),
                    start_time=parse_time(row.get("start_time")),
                    end_time=parse_time(row.get("end_time")),
                )
                for row in rows
            ),
            total=None if total is None else int(total),
            page_no=int(number(body.get("page_no")) or 1),
            page_size=int(number(body.get("page_size")) or max(len(rows), 1)),
            unread=len(data) - len(rows),
        )


_MOST_ROWS = 1000  # in a page, of which 100 are asked for
_LONGEST_WORD = 200
_FIRST_MS = 1e11
_QUERY = re.compile(r"(\w+://[^\s?\"'<>]+)\?[^\s\"'<>]*")


def unsigned(message: str, key: str = "") -> str:
    """A message of the service without what signs the URLs in it, and without the key: it is shown and written down.

    >>> unsigned("cannot read https://example.org/cat.png?Signature=x, retry")
    'cannot read https://example.org/cat.png?... retry'
    """
    return _QUERY.sub(r"\1?...", message.replace(key, "***") if key else message)


def parse_time(value: Any, *, zone: tzinfo | None = SERVICE_ZONE) -> datetime | None:
    """A time as the service writes it: epoch milliseconds, or ``YYYY-MM-DD HH:mm:ss[.SSS]`` in UTC+8. UTC out.

    Seconds of the epoch are told from milliseconds by their size, which no other reading has between 1973 and 5138.

    Parameters
    ----------
    value : object
    zone : tzinfo or None
        Of texts that tell none; without it they are no times.

    Examples
    --------
    >>> parse_time(1_775_613_600_000) == parse_time(1_775_613_600) == parse_time("2026-04-08 10:00:00")
    True
    """
    stamp = number(value)
    try:
        if stamp is not None:
            return datetime.fromtimestamp(stamp if stamp < _FIRST_MS else stamp / 1000, UTC) if stamp > 0 else None
        parsed = datetime.fromisoformat(value.strip())
        if not parsed.tzinfo and zone is None:
            return None
        aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)
        return aware.astimezone(UTC)
    except (AttributeError, ValueError, OverflowError, OSError):
        return None


def _usage(raw: Mapping[str, Any]) -> Usage:
    count, tier = number(raw.get("video_count")), number(raw.get("SR"))
    return Usage(
        duration=number(raw.get("duration")),
        input_video_duration=number(raw.get("input_video_duration")),
        output_video_duration=number(raw.get("output_video_duration")),
        video_count=None if count is None else int(count),
        SR=None if tier is None else int(tier),
    )


def number(value: Any) -> float | None:
    """Samples show integers, floats and text for the same field."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        figure = float(str(value).strip().rstrip("Pp"))
    except ValueError:
        return None
    return figure if abs(figure) < 1e15 else None


def _is_id(value: Any) -> bool:
    return 0 < len(_text(value) or "") <= _LONGEST_WORD


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else str(value) if isinstance(value, int) else None
