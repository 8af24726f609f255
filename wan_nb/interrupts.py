"""What an interrupted cell is told: what goes on without it, and how to come back. Every text of a `Detached`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from wan_nb.arguments import shown
from wan_nb.errors import Detached

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ANY_CALL",
    "RESUMING",
    "SUBMITTING",
    "buying_study",
    "detaching",
    "waiting_for_run",
    "waiting_for_study",
    "working",
]

ANY_CALL = "Stopped. What was sent goes on at the service: %wan runs shows it, %wan resume takes it up."
"""Of a call that says nothing of its own."""

SUBMITTING = "Stopped. What was not yet sent stays unsent; what was being sent is in the log: %wan runs"
"""While one clip is ordered."""

RESUMING = "Stopped waiting; the tasks go on. Come back with %wan resume, or %wan show ID."
"""While everything that is under way is waited for."""


def buying_study(name: str) -> str:
    """While the clips of a study are ordered."""
    return (
        f"Stopped; what study {shown(name)} had ordered goes on, what it had not costs nothing.\n"
        "Run the cell again: what is there costs nothing, what is missing is bought."
    )


def waiting_for_run(run_id: str) -> str:
    """While one clip is waited for."""
    return (
        f"Stopped waiting for run {run_id[:8]}; the task goes on at the service and nothing is lost.\n"
        f"Come back with `%wan show {run_id[:8]}`, or run the cell again: it costs nothing."
    )


def waiting_for_study(name: str) -> str:
    """While the clips of a study are waited for."""
    return (
        f"Stopped waiting; study {shown(name)} goes on, also with what is still to be sent.\n"
        f"Come back with wan_nb.study(name={name!r}), or run the cell again: what is there costs nothing."
    )


def working(done: str, total: str, *, kept: bool) -> str:
    """While this machine makes or copies files."""
    if kept:
        return f"Stopped: {done} of {total} are done and kept. The same call does the rest."
    return f"Stopped at {done} of {total}; nothing unfinished is left."


@contextmanager
def detaching(told: str) -> Iterator[None]:
    """Raise a `Detached` with this text in place of a bare `KeyboardInterrupt`."""
    try:
        yield
    except Detached:
        raise
    except KeyboardInterrupt:
        raise Detached(told) from None
