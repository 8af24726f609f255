"""Answers about tasks, read leniently: times in two formats, numbers as text, unknown words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

from wan_nb.sanitize import Secret, number, redact
from wan_nb.terminal import printed

__all__ = ["TERMINAL", "Listed", "Task", "TaskPage", "Usage", "parse_time"]

BILLABLE = (0.1, 120.0)
"""Seconds that one task can be billed, input and output together: a receipt of more or less is none."""

SERVICE_ZONE = timezone(timedelta(hours=8))
"""Times of a GET are strings in UTC+8, without saying so."""

TERMINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN"})
"""Words after which nothing more happens. UNKNOWN (over HTTP 200): no such task, or older than 24 h."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The receipt. Seconds; present only on success. A number that cannot be one is None.

    Attributes
    ----------
    duration : float or None
        Seconds billed.
    input_video_duration, output_video_duration : float or None
        Seconds.
    video_count, SR : int or None
        Clips (always 1); tier, 720 or 1080.
    odd : str
        A `duration` that was given and cannot be one: negative, absurd, no number. Empty when there is none.
    """

    duration: float | None = None
    input_video_duration: float | None = None
    output_video_duration: float | None = None
    video_count: int | None = None
    SR: int | None = None
    odd: str = ""


@printed
@dataclass(frozen=True, slots=True)
class Task:
    """One answer about one task.

    Attributes
    ----------
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
        output = output if isinstance(output, Mapping) else {}
        task_id, status = _id(output.get("task_id")), _text(output.get("task_status"))
        if not task_id or not status:
            raise ValueError("no task in the answer")
        usage, link = body.get("usage"), _raw(output.get("video_url"))
        return cls(
            task_id=task_id,
            status=status.upper(),
            code=_text(output.get("code")) or "",
            message=_text(output.get("message")) or "",
            submit_time=parse_time(output.get("submit_time")),
            scheduled_time=parse_time(output.get("scheduled_time")),
            end_time=parse_time(output.get("end_time")),
            orig_prompt=_text(output.get("orig_prompt")),
            video_url=Secret(link) if link else None,
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
    total : int or None
        Tasks on all pages, where the answer tells.
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
        rows = [(task_id, row) for row in data if isinstance(row, Mapping) and (task_id := _id(row.get("task_id")))]
        total = number(body.get("total"), 0, 1e15)
        return cls(
            tasks=tuple(
                Listed(
                    task_id=task_id,
                    status=(_text(row.get("status"), _LONGEST_WORD) or "UNKNOWN").upper(),
                    model_name=_text(row.get("model_name"), _LONGEST_WORD),
                    gmt_create=parse_time(row.get("gmt_create"), zone=None),
                    start_time=parse_time(row.get("start_time")),
                    end_time=parse_time(row.get("end_time")),
                )
                for task_id, row in rows
            ),
            total=None if total is None else int(total),
            page_no=int(number(body.get("page_no"), 1, 1e9) or 1),
            page_size=int(number(body.get("page_size"), 1, 1e9) or max(len(rows), 1)),
            unread=len(data) - len(rows),
        )


_MOST_ROWS = 1000  # in a page, of which 100 are asked for
_LONGEST_WORD = 200
_FIRST_MS = 1e11


def parse_time(value: Any, *, zone: tzinfo | None = SERVICE_ZONE) -> datetime | None:
    """A time as the service writes it: epoch milliseconds, or ``YYYY-MM-DD HH:mm:ss[.SSS]`` in UTC+8. UTC out.

    Seconds of the epoch are told from milliseconds by their size, which no other reading has between 1973 and 5138.

    Parameters
    ----------
    zone : tzinfo or None
        Of texts that tell none; without it they are no times.

    Examples
    --------
    >>> parse_time(1_775_613_600_000) == parse_time(1_775_613_600) == parse_time("2026-04-08 10:00:00")
    True
    """
    stamp = number(value, 0, _LATEST)
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


_LATEST = 253_402_300_799_000.0
"""Milliseconds: the end of the year 9999."""


def _usage(raw: Mapping[str, Any]) -> Usage:
    billed, tier = raw.get("duration"), raw.get("SR")
    seconds = number(billed, *BILLABLE)
    lines = number(tier.strip().rstrip("Pp") if isinstance(tier, str) else tier, 1, 10_000)
    return Usage(
        duration=seconds,
        input_video_duration=number(raw.get("input_video_duration"), 0, BILLABLE[1]),
        output_video_duration=number(raw.get("output_video_duration"), 0, BILLABLE[1]),
        video_count=_whole(number(raw.get("video_count"), 0, 1000)),
        SR=_whole(lines),
        odd="" if seconds is not None or billed is None else redact(repr(billed)[:200])[:40],
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _raw(value: Any) -> str | None:
    """Text as it came; samples show numbers for words too."""
    if isinstance(value, int) and abs(value) < 10**30:
        return str(value)
    return value or None if isinstance(value, str) else None


def _text(value: Any, limit: int = 5000) -> str | None:
    """Text of an answer, of at most so many characters, without what is secret in it."""
    raw = _raw(value)
    return raw and redact(raw[: 2 * limit])[:limit]


def _id(value: Any) -> str | None:
    """Id of a task; one that holds a secret is none, since it could neither be kept nor be asked for."""
    raw = _raw(value)
    return raw if raw and len(raw) <= _LONGEST_WORD and redact(raw) == raw else None
