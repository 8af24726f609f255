"""The states of a run and the ways between them. Closed: nothing else is ever written.

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

A state may always be written again over itself, so that news may arrive twice.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "AT_SERVICE",
    "ENDED_WITHOUT",
    "FINAL",
    "NEVER_SENT",
    "NOT_ACCEPTED",
    "OPEN",
    "TRANSITIONS",
    "UNBILLED",
    "UNCHECKED",
    "Status",
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

TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.INTENDED: frozenset({Status.UNCERTAIN, Status.PENDING, Status.RUNNING, Status.FAILED, Status.CANCELED}),
    Status.UNCERTAIN: frozenset({Status.PENDING, Status.RUNNING, Status.DOWNLOADING}) | ENDED_WITHOUT,
    Status.PENDING: frozenset({Status.RUNNING, Status.DOWNLOADING}) | ENDED_WITHOUT,
    Status.RUNNING: frozenset({Status.DOWNLOADING}) | ENDED_WITHOUT,
    Status.DOWNLOADING: frozenset({Status.SUCCEEDED, Status.EXPIRED}),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELED: frozenset(),
    Status.EXPIRED: frozenset(),
}
"""Where each state may lead; its own state is always allowed besides."""

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
