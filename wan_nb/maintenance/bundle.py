"""Everything of a log in one file to take home: clips, sidecars, a table, and a page that plays them from disk."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import TYPE_CHECKING, Any

from wan_nb.errors import InvalidOption
from wan_nb.html.elements import tag
from wan_nb.html.written_file import WrittenFile
from wan_nb.log.row import COLUMNS
from wan_nb.media.files import atomic
from wan_nb.media.store import sidecar_of
from wan_nb.paths import output
from wan_nb.progress import Progress
from wan_nb.sanitize import csv_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row

__all__ = ["pack"]


def pack(workspace: Workspace, path: str | Path = "wan_runs.zip", /, **filters: Any) -> Path:
    """Pack ``videos/``, ``runs.csv`` and ``index.html``, which opens alone, into a zip file; see `wan_nb.bundle`."""
    target = output(path, ".zip")
    rows = workspace.log.find(newest_first=False, **filters)
    if not rows:
        raise InvalidOption("no run to pack.", remedy="%wan runs shows what is there.")
    workspace.bring(rows)
    clips = {row.run_id: clip for row in rows if (clip := workspace.video(row))}
    line = Progress("Packing clips", len(clips))
    with line, atomic(target) as draft, zipfile.ZipFile(draft, "w") as archive:
        archive.writestr("index.html", _page(rows, clips), zipfile.ZIP_DEFLATED)
        archive.writestr("runs.csv", _table(rows), zipfile.ZIP_DEFLATED)
        for clip in line.each(clips.values()):
            archive.write(clip, f"videos/{clip.name}", zipfile.ZIP_STORED)  # H.264 does not shrink
            if sidecar := workspace.store.find(sidecar_of(f"videos/{clip.name}")):
                archive.write(sidecar, f"videos/{sidecar.name}", zipfile.ZIP_DEFLATED)
    return WrittenFile(target)


def _table(rows: Iterable[Row]) -> str:
    """The columns of the DataFrame as CSV. The byte order mark makes a spreadsheet read it as UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["run_id", *COLUMNS])
    for row in rows:
        writer.writerow([csv_cell(getattr(row, name)) for name in ("run_id", *COLUMNS)])
    return "\ufeff" + text.getvalue()


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
content="default-src 'none'; media-src 'self' file:; style-src 'unsafe-inline'">
<title>wan_nb: {count} runs</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
article {{ border-top: 1px solid; padding: 1rem 0; }}
video {{ max-width: 100%; max-height: 70vh; }}
p {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
</style></head><body><h1>{count} runs</h1>
{articles}
</body></html>
"""


def _page(rows: Sequence[Row], clips: dict[str, Path]) -> str:
    return _PAGE.format(count=len(rows), articles="\n".join(_article(row, clips.get(row.run_id)) for row in rows))


def _article(row: Row, clip: Path | None) -> str:
    """One run. Prompts, labels and messages come from outside, so they are text here."""
    facts = [
        row.status,
        f"{row.duration} s" if row.duration else None,
        row.resolution,
        f"seed {row.seed}" if row.seed is not None else None,
        f"{row.currency} {row.cost:.2f}" if row.cost is not None else None,
        f"{row.rating} of 5 stars" if row.rating else None,
        "SIMULATED" if row.simulated else None,
        row.error_message,
    ]
    title = " · ".join(filter(None, [row.study, row.variant, row.block])) or row.run_id
    player = tag("video", controls="", preload="metadata", src=f"videos/{clip.name}") if clip else ""
    told = " · ".join([*(str(fact) for fact in facts if fact), row.run_id])
    return tag("article", tag("h2", title), player, tag("p", row.prompt), tag("small", told))
