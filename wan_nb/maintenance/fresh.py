"""A new log in the place of the old one, which is moved aside with its clips."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from wan_nb.errors import InvalidOption, LogError
from wan_nb.html.text import money

if TYPE_CHECKING:
    from wan_nb.engine.workspace import Workspace

__all__ = ["move_aside", "what_is_lost"]

_STAYS = frozenset({".gitignore", "simulator"})
"""The simulator goes on: other kernels speak to it."""


def what_is_lost(workspace: Workspace) -> str:
    """What a person should know before the log is moved: runs that it holds, and money that no budget will know of.

    Raises
    ------
    InvalidOption
        Log or clips are not in a folder of their own, or there is no log yet.
    LogError
        Runs are under way.
    """
    folder = workspace.settings.folder
    log, media = workspace.settings.log, workspace.settings.media
    if not (isinstance(log, Path) and log.parent == folder and media == folder):
        raise InvalidOption(
            "log or clips are not in a folder of their own, and others may use them.",
            remedy="Another WAN_NB_LOG and WAN_NB_MEDIA, or another name=, begin afresh.",
        )
    if not workspace.log_exists:
        raise InvalidOption(f"there is no log in {folder} yet: it is fresh.")
    if going := workspace.log.open_rows():
        raise LogError(
            f"{len(going)} run{'s are' if len(going) > 1 else ' is'} under way in this log.",
            remedy="%wan resume --wait, then %wan fresh.",
        )
    spent = {currency: workspace.spent(currency) for currency in workspace.settings.budget}
    told = " and ".join(money(amount, currency) for currency, amount in spent.items() if amount)
    count = workspace.log.count()
    known = f" The {told} of the last 24 hours will count in no budget." if told else ""
    return f"{count} run{'s' * (count != 1)} and their clips.{known}"


def move_aside(workspace: Workspace) -> Path:
    """Close the workspace and move its log and clips into a folder beside it; returns that folder."""
    what_is_lost(workspace)
    folder = workspace.settings.folder
    workspace.close()
    aside = folder.with_name(f"{folder.name}-{datetime.now():%Y%m%d-%H%M%S}")
    aside.mkdir()
    if (folder / ".gitignore").exists():
        shutil.copy(folder / ".gitignore", aside)
    for part in sorted(folder.iterdir()):  # the log itself before the parts that SQLite keeps beside it
        if part.name not in _STAYS:
            part.rename(aside / part.name)
    return aside
