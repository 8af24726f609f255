"""The states of a run, and the events that lead from one to the next. Closed: the run log writes nothing else.

::

    INTENDED ───► PENDING ───► RUNNING ───► DOWNLOADING ───► SUCCEEDED
        │ no answer                 ▲
        └───► UNCERTAIN ── settled ─┘              and out of it: FAILED, CANCELED, EXPIRED

    from → to     UNCERTAIN  PENDING  RUNNING  DOWNLOADING  SUCCEEDED  FAILED  CANCELED  EXPIRED
    INTENDED          ●         ●        ●          ·           ·         ●        ●         ·
    UNCERTAIN         ·         ●        ●          ●           ·         ●        ●         ●
    PENDING           ·         ·        ●          ●           ·         ●        ●         ●
    RUNNING           ·         ·        ·          ●           ·         ●        ●         ●
    DOWNLOADING       ·         ·        ·          ·           ●         ·        ·         ●

INTENDED
    Written and reserved; the POST is not answered, perhaps not even sent.
UNCERTAIN
    A POST was sent and its answer never came. It may be paid, so it counts in full until it is settled.
PENDING, RUNNING
    The service has accepted it. A task that is not looked at in time goes straight from PENDING to DOWNLOADING.
DOWNLOADING
    Made and paid, not whole on disk yet. A download that fails leaves it here, with the error's text, because FAILED
    would mean "not paid": it ends as SUCCEEDED or, when the service has forgotten the clip, as EXPIRED.
SUCCEEDED, FAILED, CANCELED, EXPIRED
    Final. FAILED and CANCELED cost nothing; EXPIRED keeps its price, since nobody can say any more that it was free.

Which event makes which step is in `EVENTS`. An event may always meet the state that it leads to, so that news may
arrive twice.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AT_SERVICE",
    "ENDED_WITHOUT",
    "EVENTS",
    "FINAL",
    "NEVER_SENT",
    "NOT_ACCEPTED",
    "OPEN",
    "TRANSITIONS",
    "UNBILLED",
    "UNCHECKED",
    "Event",
    "Status",
    "Step",
]


class Status(StrEnum):
    """Where a run stands.

    Examples
    --------
    >>> Status("RUNNING") in OPEN, Status.SUCCEEDED == "SUCCEEDED"
    (True, True)
    """

    INTENDED = "INTENDED"
    UNCERTAIN = "UNCERTAIN"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    DOWNLOADING = "DOWNLOADING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


ENDED_WITHOUT = frozenset({Status.FAILED, Status.CANCELED, Status.EXPIRED})
"""Final states without a clip, after which the same request is posted anew."""


class Event(StrEnum):
    """What has become known of a run; `EVENTS` tells where it leads.

    Attributes
    ----------
    DOUBTED
        A POST was sent, and its answer will not come.
    ACCEPTED
        The service has a task of it, which waits.
    STARTED
        The service works at it.
    MADE
        The clip is made and paid.
    FETCHED
        The clip is whole on disk.
    FAILED
        The service could not make it.
    REFUSED
        The service has no task of it, and never had.
    CANCELED
        The service has canceled it.
    TAKEN_BACK
        It was not sent and is not going to be.
    FORGOTTEN
        The service no longer knows the task, or the clip's link is dead.
    LAPSED
        Too late to find out whether the service accepted it.

    Examples
    --------
    >>> EVENTS[Event.FETCHED].to, Event("made")
    (<Status.SUCCEEDED: 'SUCCEEDED'>, <Event.MADE: 'made'>)
    """

    DOUBTED = "doubted"
    ACCEPTED = "accepted"
    STARTED = "started"
    MADE = "made"
    FETCHED = "fetched"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELED = "canceled"
    TAKEN_BACK = "taken back"
    FORGOTTEN = "forgotten"
    LAPSED = "lapsed"


class Step(NamedTuple):
    """What an event does to a run: from one of these states to that one."""

    sources: frozenset[Status]
    to: Status


def _steps() -> Mapping[Event, Step]:
    intended, uncertain, pending, running, downloading, succeeded, failed, canceled, expired = Status
    asked = {uncertain, pending, running}
    return MappingProxyType(
        {
            Event.DOUBTED: Step(frozenset({intended}), uncertain),
            Event.ACCEPTED: Step(frozenset({intended, uncertain}), pending),
            Event.STARTED: Step(frozenset({intended, uncertain, pending}), running),
            Event.MADE: Step(frozenset(asked), downloading),
            Event.FETCHED: Step(frozenset({downloading}), succeeded),
            Event.FAILED: Step(frozenset(asked), failed),
            Event.REFUSED: Step(frozenset({intended} | asked), failed),
            Event.CANCELED: Step(frozenset(asked), canceled),
            Event.TAKEN_BACK: Step(frozenset({intended}), canceled),
            Event.FORGOTTEN: Step(frozenset({pending, running, downloading}), expired),
            Event.LAPSED: Step(frozenset({uncertain}), expired),
        }
    )


EVENTS: Final = _steps()
"""The one table of what may become of a run; it cannot be changed."""

TRANSITIONS: Final[Mapping[Status, frozenset[Status]]] = MappingProxyType(
    {status: frozenset(step.to for step in EVENTS.values() if status in step.sources) for status in Status}
)
"""Where each state may lead by some event; its own state is always allowed besides."""

FINAL = frozenset(status for status, ways in TRANSITIONS.items() if not ways)
"""States that a run never leaves."""

OPEN = frozenset(Status) - FINAL
"""States of a run that somebody still has to look after."""

AT_SERVICE = frozenset({Status.INTENDED, Status.UNCERTAIN, Status.PENDING, Status.RUNNING})
"""States of a run that takes, or may take, one of the places that the service gives an account."""

UNBILLED = frozenset({Status.FAILED, Status.CANCELED})
"""Final states that cost nothing, whatever was reserved for them."""

UNCHECKED = "Unchecked"
"""Error code of a SUCCEEDED run whose clip was kept although it could not be checked; the message says why."""

NOT_ACCEPTED = frozenset({"never sent", "refused"})
"""Ends of a POST (`Row.post_end`) after which there is no task."""

NEVER_SENT = "NeverSent"
"""Error code of an intent that its kernel took back, or died with, before it was sent: not a person's decision."""
