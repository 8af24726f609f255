"""The rule about a submit whose answer never came, as a pure function of the log, the account's list and the clocks.

The list tells ids, models and creation times of the account's tasks of the last 24 h; no prompts. So a task is taken
for ours only when nothing else can be meant: exactly one task that no run of the log knows and that may be ours, and
exactly one open intent that it may be of. That there is none is a proof only where the list is whole, reaches back far
enough, and was read after the last moment at which the service could still make the task; what in it cannot be read or
placed may be ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from wan_nb.api.catalog import LIMITS
from wan_nb.sanitize import number

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from wan_nb.api.task import Listed
    from wan_nb.log.row import Row

__all__ = ["Verdict", "judge", "may_be", "window"]

UNTOLD = timedelta(seconds=70)
"""Longest time of a POST whose end nobody has written down: `CREATE_SECONDS`, and what edition 1 took."""

MARGIN = timedelta(seconds=3)
"""The Date header has whole seconds, and its answer took a moment."""

_SPAN = timedelta(seconds=LIMITS.list_span)
_AHEAD = timedelta(days=1)
"""A run that was posted later than this from now was posted by a clock that had jumped."""

_DECADE = 3650 * 86400.0
"""Seconds by which a clock may be off; the client believes no Date header beyond."""

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}")


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
    wait : timedelta
        How long no list can prove that there is no task.
    timeless : bool
        No clock tells when it was posted.
    """

    task_id: str | None = None
    not_accepted: bool = False
    too_late: bool = False
    candidates: tuple[str, ...] = ()
    wait: timedelta = timedelta()
    timeless: bool = False


def window(row: Row, skew: timedelta | None, request_limit: float) -> tuple[datetime, datetime]:
    """From when to when the service may have made the task of a run, by the service's clock.

    Always, while that clock is not known: a window in the wrong place would call an accepted task not accepted. For the
    same reason the clocks count as they were then, where that was written down.
    """
    skew = _skew_then(row, skew)
    if skew is None or row.posted_at is None:
        return datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    start = row.posted_at + skew
    return start - MARGIN, start + _reach(row, request_limit) + MARGIN


def _reach(row: Row, request_limit: float) -> timedelta:
    """How long after its POST began the service may have made the task: not after the other side has ended the line.

    Where we hung up, it may go on for as long as its host lets a request take. So it does where nothing was written
    down, because the process died or is of edition 1.
    """
    assert row.posted_at is not None
    took = UNTOLD if row.post_ended_at is None else max(row.post_ended_at - row.posted_at, timedelta())
    return took if row.post_end in {"closed", "answered"} else took + timedelta(seconds=request_limit)


def _age(row: Row, now: datetime, skew: timedelta | None) -> timedelta | None:
    """How long ago a run was posted, by the service's clock where it is known: ours may have been set meanwhile.

    None where it was posted in the future, or at a time that cannot be read: nobody can say.
    """
    if row.posted_at is None:
        return None
    then = _skew_then(row, skew)
    moved = skew - then if skew is not None and then is not None else timedelta()
    # Two readings of a Date header differ by up to a second even if nobody has touched a clock.
    age = now - row.posted_at + (moved if abs(moved) > MARGIN else timedelta())
    return age if age > -_AHEAD else None


def _skew_then(row: Row, now: timedelta | None) -> timedelta | None:
    """Service clock minus ours: as it was when the run was posted, or else as it is now."""
    if row.skew is None:
        return None if "skew" in row.damaged else now
    then = number(row.skew, -_DECADE, _DECADE)
    return None if then is None else timedelta(seconds=then)


def judge(
    row: Row,
    others: Sequence[Row],
    listed: Sequence[Listed],
    known: Collection[str],
    *,
    whole: bool,
    now: datetime,
    skew: timedelta | None,
    patience: timedelta,
    request_limit: float,
) -> Verdict:
    """Decide about one UNCERTAIN run.

    Parameters
    ----------
    row : Row
    others : sequence of Row
        Every other run of the account that was posted and has no task id yet.
    listed : sequence of Listed
        Tasks of the account's last 24 h, of all models.
    known : collection of str
        Task ids that some run of the log has.
    whole : bool
        Nothing is missing in the list, and all of it could be read.
    now : datetime
    skew : timedelta or None
        Service clock minus ours, if it is known.
    patience : timedelta
        How long the list may lag behind.
    request_limit : float
        Seconds; see `catalog.request_limit`.

    Returns
    -------
    Verdict
    """
    clock = None if skew is None else now + skew

    def possible(run: Row, task: Listed) -> bool:
        made = task.gmt_create
        # A task of another day is not in a list of the last day: that time says nothing.
        if made is None or clock is None or not clock - _SPAN - MARGIN <= made <= clock + MARGIN:
            return True
        low, high = window(run, skew, request_limit)
        return _age(run, now, skew) is None or low <= made <= high

    candidates = [task for task in listed if task.task_id not in known and possible(row, task)]
    names = tuple(task.task_id for task in candidates)
    if whole and len(candidates) == 1 and may_be(row, candidates[0]):
        rivals = [
            other
            for other in others
            if other.run_id != row.run_id and may_be(other, candidates[0]) and possible(other, candidates[0])
        ]
        if not rivals:
            return Verdict(task_id=names[0])
    old = _age(row, now, skew)
    if old is None:
        noticed = row.post_ended_at
        lapsed = noticed is not None and now - noticed > _SPAN
        return Verdict(too_late=lapsed, candidates=() if lapsed else names, timeless=True)
    if old > _SPAN - MARGIN:
        return Verdict(too_late=True)
    wait = max(_reach(row, request_limit) + patience - old, timedelta())
    return Verdict(not_accepted=whole and not candidates and not wait, candidates=names, wait=wait)


def may_be(row: Row, task: Listed) -> bool:
    """Whether a listed task has the model of a run, for which a list may name the snapshot, or the other way round."""
    if not task.model_name or not row.model:
        return True
    return _SNAPSHOT.sub("", task.model_name) == _SNAPSHOT.sub("", row.model)
