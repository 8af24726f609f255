"""The rule about a submit whose answer never came, as a pure function of the log, the account's list and the clocks.

The list tells ids, models and creation times of the account's tasks of the last 24 h; no prompts. So a task is taken
for ours only when nothing else can be meant: exactly one task that no run of the log knows in the time window, and
exactly one open intent whose window holds it. That there is none means something only as far as the list reaches back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from wan_nb.api.catalog import LIMITS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from wan_nb.api.task import Listed
    from wan_nb.engine.row import Row

__all__ = ["CREATE_LIMIT", "Verdict", "age", "judge", "window"]

CREATE_LIMIT = timedelta(seconds=70)
"""Longest time between the start of a POST and the making of its task: our own limits of connecting and reading."""

MARGIN = timedelta(seconds=3)
"""The Date header has whole seconds, and its answer took a moment."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about one open intent.

    Attributes
    ----------
    task_id : str or None
        The task that it became.
    not_accepted : bool
        The service never made a task of it.
    too_late : bool
        The list does not reach back so far any more: nobody can tell.
    candidates : tuple of str
        Tasks that it may be, when it cannot be told.
    """

    task_id: str | None = None
    not_accepted: bool = False
    too_late: bool = False
    candidates: tuple[str, ...] = ()


def window(row: Row, skew: timedelta | None) -> tuple[datetime, datetime]:
    """From when to when the service may have made the task of a run, by the service's clock.

    Always, while that clock is not known: a window in the wrong place would call an accepted task not accepted. For the
    same reason the clocks count as they were then, where that was written down.
    """
    assert row.posted_at is not None
    skew = _skew_then(row, skew)
    if skew is None:
        return datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    start = row.posted_at + skew
    return start - MARGIN, start + CREATE_LIMIT + MARGIN


def age(row: Row, now: datetime, skew: timedelta | None) -> timedelta:
    """How long ago a run was posted, by the service's clock where it is known: ours may have been set meanwhile."""
    assert row.posted_at is not None
    then = _skew_then(row, skew)
    moved = skew - then if skew is not None and then is not None else timedelta()
    # Two readings of a Date header differ by up to a second even if nobody has touched a clock.
    return now - row.posted_at + (moved if abs(moved) > MARGIN else timedelta())


def _skew_then(row: Row, now: timedelta | None) -> timedelta | None:
    """Service clock minus ours: as it was when the run was posted, or else as it is now."""
    return timedelta(seconds=row.request["skew"]) if "skew" in row.request else now


def judge(
    row: Row,
    others: Sequence[Row],
    listed: Sequence[Listed],
    known: Collection[str],
    *,
    now: datetime,
    skew: timedelta | None,
    patience: timedelta,
) -> Verdict:
    """Decide about one UNCERTAIN run.

    Parameters
    ----------
    row : Row
        With `posted_at`.
    others : sequence of Row
        Every other run of the account that was posted and has no task id yet.
    listed : sequence of Listed
        Tasks of the account's last 24 h.
    known : collection of str
        Task ids that some run of the log has.
    now : datetime
    skew : timedelta or None
        Service clock minus ours, if it is known.
    patience : timedelta
        How long the list may lag behind.

    Returns
    -------
    Verdict
    """
    low, high = window(row, skew)
    candidates = tuple(
        task.task_id
        for task in listed
        if task.task_id not in known
        and task.model_name in {None, row.model}
        and (task.gmt_create is None or low <= task.gmt_create <= high)
    )
    rivals = [
        other
        for other in others
        if other.run_id != row.run_id and other.model == row.model and _overlap((low, high), window(other, skew))
    ]
    if len(candidates) == 1 and not rivals:
        return Verdict(task_id=candidates[0])
    old = age(row, now, skew)
    if old > timedelta(seconds=LIMITS.list_span) - MARGIN:
        return Verdict(too_late=True)
    return Verdict(not_accepted=not candidates and old > patience, candidates=candidates)


def _overlap(a: tuple[datetime, datetime], b: tuple[datetime, datetime]) -> bool:
    return a[0] <= b[1] and b[0] <= a[1]
