"""Is the media folder the one in which this log's clips are? Where it was moved, or is not mounted, nothing is lost.

A folder that holds clips of a log carries a marker with the log's first run. Without it, and without any clip of the
log, nothing is bought again, and nothing is called lost.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import PurePath
from typing import TYPE_CHECKING

from wan_nb.errors import LogError
from wan_nb.log.states import Status

if TYPE_CHECKING:
    from wan_nb.log.runlog import RunLog
    from wan_nb.media.store import Store

__all__ = ["check", "gone", "mark"]


def gone(store: Store, log: RunLog) -> str:
    """What is said of a folder that holds none of the clips of this log; empty where all is well."""
    if store.remote is not None:
        return ""
    marks, first = store.marks(), log.oldest()
    if first is None or (marks is not None and (not marks or first in marks)):
        return ""
    names = {PurePath(str(row.video)).name for row in log.find(status=Status.SUCCEEDED) if row.video}
    if names and not names & store.clip_names():
        many = "the clip" if len(names) == 1 else f"any of the {len(names)} clips"
        return f"the media folder {store.root} does not hold {many} of this log: it was moved, or is not mounted"
    mark(store, log)
    return ""


def check(store: Store, log: RunLog) -> None:
    """Let nobody buy what lies in a folder that is elsewhere just now.

    Raises
    ------
    LogError
        Nothing was sent.
    """
    if told := gone(store, log):
        raise LogError(
            f"{told}. Nothing was bought.",
            remedy="Mount it, or name its place (WAN_NB_MEDIA, media=). If the clips are gone for good, an empty file"
            f" {store.marker.name} in that folder says so.",
        )


def mark(store: Store, log: RunLog) -> None:
    """Write the marker into a folder that holds clips of this log, where it can be written."""
    if store.remote is None and (first := log.oldest()) is not None and first not in (store.marks() or ()):
        with suppress(OSError):
            store.mark(first)
