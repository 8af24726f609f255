"""A study as one file to hand on: opens without a network, reads without JavaScript, prints.

The page holds no address of any other place: a Content-Security-Policy in its head lets the browser refuse what a
mistake might still bring in. Clips are written into it as text and become Blobs, or are linked beside it, or left out.
"""

from __future__ import annotations

import base64
import csv
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from wan_nb.arguments import shown, whole
from wan_nb.errors import InvalidOption
from wan_nb.html.text import megabytes
from wan_nb.html.written_file import WrittenFile
from wan_nb.media.files import atomic
from wan_nb.paths import output
from wan_nb.reporting.sections import body, clean, without_secrets
from wan_nb.sanitize import csv_cell
from wan_nb.terminal import say
from wan_nb.widgets import clip_pages
from wan_nb.widgets.assets import PLAYER, module, styles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wan_nb.reporting.data import StudyData
    from wan_nb.widgets.clip_pages import Clip

__all__ = ["LARGEST", "POLICY", "as_json", "write_csv", "write_report"]

LARGEST = 100_000_000
"""Bytes of a report above which it is refused unless told: browsers open such a page slowly, mail does not take it."""

_SAID = 1_000_000
"""Bytes of a report from which on its size is said before it is written."""

Media = Literal["embed", "link", "none"]

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "media-src blob: 'self' file:; base-uri 'none'; form-action 'none'"
)


def write_report(
    path: str | os.PathLike[str], study_data: StudyData, *, media: Media = "embed", max_bytes: int | None = LARGEST
) -> Path:
    """Write a study as one HTML file.

    Parameters
    ----------
    path : path
        The file, ``.html``; replaced as a whole when it exists.
    study_data : StudyData
    media : {"embed", "link", "none"}
        ``embed`` writes the clips (their light copies with their sound, where there are any) into the page, ``link``
        points to the files by relative paths, ``none`` keeps the strips only.
    max_bytes : int or None
        Refuse to write more than this; None for any size.

    Returns
    -------
    Path

    Raises
    ------
    InvalidOption
        The report would be larger than `max_bytes`, or `media` is unknown. Nothing is written.

    Examples
    --------
    >>> import tempfile
    >>> path = write_report(Path(tempfile.mkdtemp()) / "walk.html", {"name": "walk", "clips": []}, media="none")
    >>> path.name
    'walk.html'
    """
    if media not in {"embed", "link", "none"}:
        raise InvalidOption(f"media={shown(media)} is not embed, link or none", field="media")
    path = output(path, ".html", ".htm")
    if max_bytes is not None:
        max_bytes = whole(max_bytes, "max_bytes must be a whole number", 0)
    clips = study_data.get("clips", ()) if media != "none" else ()
    files = _there(
        (clip["id"], (clip.get("proxy") if media == "embed" else None) or clip.get("video")) for clip in clips
    )
    sounds = _there((clip["id"], clip.get("sound")) for clip in clips) if media == "embed" else {}
    if media == "embed":
        _check_size(sum(file.stat().st_size for file in (*files.values(), *sounds.values())) * 4 / 3, max_bytes)
    parts = _parts(study_data, files, sounds, media, path.parent)
    size = sum(len(part.encode()) for part in parts)
    _check_size(size, max_bytes)
    if size > _SAID:
        say(f"{path.name} will have {megabytes(size)}.")
    with atomic(path) as draft, draft.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(parts)
    return WrittenFile(path)


def _there(chosen: Iterable[tuple[str, Any]]) -> dict[str, Path]:
    """Files by clip; one that was deleted is left out, not an error."""
    return {clip_id: Path(file) for clip_id, file in chosen if file is not None and Path(file).is_file()}


def _check_size(size: float, max_bytes: int | None) -> None:
    if max_bytes is not None and size > max_bytes:
        raise InvalidOption(
            f"the report would be {size / 1e6:.0f} MB, more than {max_bytes / 1e6:.0f} MB",
            remedy='Use media="link" to keep the clips beside it, or max_bytes=None to write it all the same.',
            field="media",
        )


def _parts(
    data: StudyData, files: Mapping[str, Path], sounds: Mapping[str, Path], media: Media, folder: Path
) -> list[str]:
    """The page in pieces: clips as base64 between them, so that no second copy of the whole is made."""
    clips = data.get("clips", ())
    names = clip_pages.differing(clips)
    laid = [
        [
            _public(place["clip"], names, files, sounds, media) | {"row": place["row"], "column": place["column"]}
            for place in page
        ]
        for page in clip_pages.pages(clips)
    ]
    links = {clip_id: quote(Path(os.path.relpath(file, folder)).as_posix()) for clip_id, file in files.items()}
    # A light copy has no sound: its sound stands beside it, and a clip that goes in whole is its own.
    written = [*files.items(), *((f"{clip_id} sound", file) for clip_id, file in sounds.items())]
    at = {name: f"wan-clip-{number}" for number, (name, _) in enumerate(written)}
    where = {
        clip_id: {"link": links[clip_id]}
        if media == "link"
        else {"embed": at[clip_id], "sound": at.get(f"{clip_id} sound", at[clip_id])}
        for clip_id in files
    }
    known = without_secrets({"pages": laid, "total": len(clips), "media": where})
    live = bool(files)
    head = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{clean(data.get('name'))}</title><style>{styles('report', 'player')}</style></head><body>",
        body(data, player=live, links=links if media == "link" else {}),
    ]
    if not live:
        return [*head, "</body></html>\n"]
    embedded = []
    for name, file in written if media == "embed" else ():
        text = base64.b64encode(file.read_bytes()).decode()
        embedded.append(f'<script type="text/plain" id="{at[name]}">{text}</script>\n')
    script = module(*PLAYER, "clipboard", "compare", "report")
    return [
        *head,
        f'<script type="application/json" id="wan-data">{as_json(known)}</script>\n',
        *embedded,
        f'<script type="module">{script}</script></body></html>\n',
    ]


def _public(
    clip: Clip, names: Sequence[str], files: Mapping[str, Path], sounds: Mapping[str, Path], media: Media
) -> dict[str, Any]:
    """What the page may know of a clip, and what of it is not in the page."""
    known = clip_pages.public(clip, names)
    if clip["id"] not in files:
        return known | {"playable": False, "note": _absent(clip)}
    silent = media == "embed" and clip.get("proxy") is not None and clip["id"] not in sounds
    return known | ({"has_audio": False} if silent else {})


def _absent(clip: Clip) -> str:
    known = clip_pages.public(clip)
    return "The file is not there any more." if known["playable"] else str(known["note"])


def as_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")


def write_csv(path: str | os.PathLike[str], study_data: StudyData) -> Path:
    """Write the clips of a study as CSV, one row a clip; votes go to ``<name>.votes.csv`` beside it.

    Text that a spreadsheet would run as a formula gets an apostrophe first (`wan_nb.sanitize.csv_cell`).

    Examples
    --------
    >>> import tempfile
    >>> path = write_csv(Path(tempfile.mkdtemp()) / "walk.csv", {"clips": [{"id": "3f9c", "label": "calm"}]})
    >>> path.read_text(encoding="utf-8").splitlines()[1][:10]
    '3f9c,calm,'
    """
    path = output(path, ".csv")
    clips = study_data.get("clips", ())
    params = list(dict.fromkeys(name for clip in clips for name in clip.get("params") or {}))
    measures = sorted({name for clip in clips for name in clip.get("measures") or {}})
    own = ["label", "variant", "block", "seed", "prompt", "status", "simulated", "cost", "currency", "rating"]
    facts = ["seconds", "fps", "width", "height", "has_audio"]
    header = ["id", *own, *params, *facts, "video", *measures]
    rows = [
        [clip["id"], *(clip.get(name) for name in own), *((clip.get("params") or {}).get(name) for name in params)]
        + [*(clip.get(name) for name in facts), clip.get("video")]
        + [(clip.get("measures") or {}).get(name) for name in measures]
        for clip in clips
    ]
    _write_rows(path, header, rows)
    votes = study_data.get("votes") or ()
    if votes:
        columns = list(dict.fromkeys(name for vote in votes for name in vote))
        lines = [[vote.get(name) for name in columns] for vote in votes]
        _write_rows(path.with_suffix(".votes.csv"), columns, lines)
    return WrittenFile(path)


def _write_rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with atomic(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([_cell(name) for name in header])
        writer.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: Any) -> Any:
    return csv_cell(value if value is None or isinstance(value, (bool, int, float)) else without_secrets(str(value)))
