"""What the service says about tasks, read leniently: times in two formats, numbers as text, words yet unknown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

__all__ = ["TERMINAL", "Listed", "Task", "TaskPage", "Usage", "unsigned"]

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
        if not isinstance(output, Mapping) or not _text(output.get("task_id")) or not _text(output.get("task_status")):
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


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of the list: a status and times, nothing else. Times are aware, UTC."""

    task_id: str
    status: str
    model_name: str | None = None
    gmt_create: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskPage:
    """One page of the account's tasks of the last 24 h, newest first as far as the service keeps that order."""

    tasks: tuple[Listed, ...]
    total: int
    page_no: int
    page_size: int

    @classmethod
    def parse(cls, body: Any) -> TaskPage:
        """Read the body of a list call. Rows that are no tasks are passed over.

        Raises
        ------
        ValueError
            It is no list.
        """
        data = body.get("data") if isinstance(body, Mapping) else None
        if not isinstance(data, list):
            raise ValueError("no list of tasks in the answer")
        rows = [row for row in data if isinstance(row, Mapping) and _text(row.get("task_id"))]
        return cls(
            tasks=tuple(
                Listed(
                    task_id=str(row["task_id"]),
                    status=(_text(row.get("status")) or "UNKNOWN").upper(),
                    model_name=_text(row.get("model_name")),
                    gmt_create=parse_time(row.get("gmt_create")),
                    start_time=parse_time(row.get("start_time")),
                    end_time=parse_time(row.get("end_time")),
                )
                for row in rows
            ),
            total=int(_number(body.get("total")) or len(rows)),
            page_no=int(_number(body.get("page_no")) or 1),
            page_size=int(_number(body.get("page_size")) or max(len(rows), 1)),
        )


_QUERY = re.compile(r"(\w+://[^\s?\"'<>]+)\?[^\s\"'<>]*")


def unsigned(message: str, key: str = "") -> str:
    """A message of the service without what signs the URLs in it, and without the key: it is shown and written down.

    >>> unsigned("cannot read https://example.org/cat.png?Signature=x, retry")
    'cannot read https://example.org/cat.png?... retry'
    """
    return _QUERY.sub(r"\1?...", message.replace(key, "***") if key else message)


def parse_time(value: Any) -> datetime | None:
    """A time as the service writes it: epoch milliseconds, or ``YYYY-MM-DD HH:mm:ss[.SSS]`` in UTC+8. UTC out."""
    number = _number(value)
    try:
        if number is not None:
            return datetime.fromtimestamp(number / 1000, UTC) if number > 0 else None
        parsed = datetime.fromisoformat(value.strip())
        aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=SERVICE_ZONE)
        return aware.astimezone(UTC)
    except (AttributeError, ValueError, OverflowError, OSError):
        return None


def _usage(raw: Mapping[str, Any]) -> Usage:
    count, tier = _number(raw.get("video_count")), _number(raw.get("SR"))
    return Usage(
        duration=_number(raw.get("duration")),
        input_video_duration=_number(raw.get("input_video_duration")),
        output_video_duration=_number(raw.get("output_video_duration")),
        video_count=None if count is None else int(count),
        SR=None if tier is None else int(tier),
    )


def _number(value: Any) -> float | None:
    """Samples show integers, floats and text for the same field."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(str(value).strip().rstrip("Pp"))
    except ValueError:
        return None
    return number if abs(number) < 1e15 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else str(value) if isinstance(value, int) else None
