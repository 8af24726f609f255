"""A clip to hand on with its request in it, and the run of a file that came back."""

from __future__ import annotations

import json
import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from wan_nb.arguments import shown
from wan_nb.errors import NotFound
from wan_nb.html.written_file import WrittenFile
from wan_nb.media import written
from wan_nb.media.files import file_sha256
from wan_nb.paths import local
from wan_nb.reporting.film import target
from wan_nb.reporting.sections import without_secrets
from wan_nb.version import __version__

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row

__all__ = ["export", "run_of"]

_RUN, _DIGEST = re.compile("[0-9a-f]{12}"), re.compile("[0-9a-f]{64}")


def export(workspace: Workspace, row: Row, path: str | os.PathLike[str]) -> Path:
    """Copy the clip of a run, its request written into the copy; see `Run.export`."""
    out = target(workspace, path, ".mp4")
    clip = workspace.file(row)
    noted = {
        "wan_nb": __version__,
        "run": row.run_id,
        "video_sha256": row.video_sha256,
        "simulated": row.simulated,
        "request": _told(row.request),
    }
    comment = json.dumps(without_secrets(noted), ensure_ascii=False, sort_keys=True)
    title = without_secrets((row.prompt or row.run_id)[:120])
    return WrittenFile(written.copy_with(clip, out, title=title, comment=comment))


def _told(value: Any) -> Any:
    """A request for other people: materials, wherever they stand, by name and content, not by where they lie here."""
    if isinstance(value, list):
        return [_told(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "identity" not in value:
        return {name: _told(item) for name, item in value.items()}
    named = str(value.get("name", ""))
    told = {"name": named if "://" in named else PurePath(named).name} if named else {}
    kept = {name: value[name] for name in ("type", "identity", "seconds") if name in value}
    return kept | told | {name: _told(item) for name, item in value.items() if isinstance(item, dict)}


def run_of(workspace: Workspace, path: str | os.PathLike[str]) -> Row:
    """The newest run that made a clip: by the content of the file, else by what an export says in it.

    Raises
    ------
    NotFound
        There is no such file, or no run of this log made it.
    """
    file = local(path)
    if not file.is_file():
        raise NotFound(f"there is no file {shown(str(path), typed=True)}.", remedy="Give a clip, or the id of a run.")
    with file.open("rb") as opened:
        digests = [file_sha256(opened)]
    noted = _noted(file)
    digests += [noted["video_sha256"]] if "video_sha256" in noted else []
    for digest in digests:
        if found := workspace.log.find(video_sha256=digest, limit=1):
            return found[0]
    for row in workspace.log.find(run_id=noted["run"]) if "run" in noted else ():
        if row.video_sha256 in {None, noted.get("video_sha256")}:  # deleted since: the row knows no content
            return row
    raise NotFound(f"no run of this log made {shown(file.name, typed=True)}.", remedy="%wan runs lists its runs.")


def _noted(file: Path) -> dict[str, str]:
    """What an export says: run and content, where they are what they should be. Anybody may have written it."""
    try:
        found = json.loads(written.comment_of(file))
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or "wan_nb" not in found:
        return {}
    kinds = {"run": _RUN, "video_sha256": _DIGEST}
    return {name: found[name] for name, kind in kinds.items() if kind.fullmatch(str(found.get(name)))}
