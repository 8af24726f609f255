"""A ballot as one HTML page for people without a notebook: blind in the file itself, kept in the reader's browser."""

from __future__ import annotations

import base64
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wan_nb.arguments import shown
from wan_nb.errors import InvalidMedia, InvalidOption
from wan_nb.html.written_file import WrittenFile
from wan_nb.media.files import atomic
from wan_nb.paths import file_name
from wan_nb.reporting.film import target
from wan_nb.reporting.page import POLICY, as_json
from wan_nb.reporting.sections import clean
from wan_nb.studies.ballot.paper import Paper
from wan_nb.studies.prepared import prepare
from wan_nb.studies.votes import question
from wan_nb.widgets.assets import PLAYER, module, styles

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row
    from wan_nb.studies.ballot.ballot import Ballot
    from wan_nb.studies.planned_study import PlannedStudy

__all__ = ["LARGEST", "ballot_file", "light_clips", "write_ballot"]

LARGEST = 50_000_000
"""Bytes of a ballot page above which its clips lie in a folder beside it."""

_Light = tuple[Path, Path | None]


def ballot_file(study: PlannedStudy, sitting: Ballot, path: str | os.PathLike[str] | None) -> Path:
    """Write the page of a sitting, and its random names into the log; see `Study.ballot_file`."""
    workspace = study.workspace
    if not (there := sitting.to_ask):
        raise InvalidOption(
            f"the race {shown(study.name)} needs no vote now.",
            remedy="study.race().submit() buys the step that is due.",
        )
    rows = [row for row in study.rows() if row.run_id in set(there.values())]
    light = light_clips(workspace, rows)
    paper = Paper.draw({cell: run for cell, run in there.items() if run in light}, sitting.criterion)
    if not paper.blocks:
        raise InvalidMedia(
            "no two clips on one picture and seed can be copied for a ballot.", remedy="%wan doctor checks them."
        )
    chosen = path if path is not None else file_name(f"{study.name}-ballot", ".html")
    made = write_ballot(workspace, chosen, paper, rows, light)
    workspace.log.save_ballot(paper.ballot, study.name, paper.recorded())
    return made


def light_clips(workspace: Workspace, rows: Sequence[Row]) -> dict[str, _Light]:
    """Light copies of the clips by run id, and their sounds: all encoded alike, without the metadata of the clip.

    A clip that cannot be copied is left out: its own file would tell which it is.
    """
    prepare(workspace, rows, measures=False, light=True)
    found = {}
    for row in rows:
        with suppress(InvalidMedia):
            if light := workspace.light(row):
                found[row.run_id] = light
    return found


def write_ballot(
    workspace: Workspace, path: str | os.PathLike[str], paper: Paper, rows: Sequence[Row], light: Mapping[str, _Light]
) -> Path:
    """Write the page of a ballot; where it would be larger than `LARGEST`, its clips lie in a folder beside it.

    No label, prompt, price, seed or run id is in it. Names of clips are drawn at random, and the log maps them.

    Parameters
    ----------
    workspace : Workspace
    path : path
        The page, ``.html``.
    paper : Paper
    rows : sequence of Row
        The runs that it asks about.
    light : mapping
        Of `light_clips`, for each of them.

    Raises
    ------
    InvalidOption
        Another ending, or a place among the clips of the log.
    """
    out = target(workspace, path, ".html")
    by_id = {row.run_id: row for row in rows}
    files = {name: light[told["run"]] for name, told in sorted(paper.clips.items())}
    beside = sum(file.stat().st_size for pair in files.values() for file in pair if file) * 4 / 3 > LARGEST
    known = {
        "ballot": paper.ballot,
        "criterion": paper.criterion,
        "question": question(paper.criterion),
        "blocks": paper.blocks,
        "clips": {name: _facts(by_id[told["run"]], files[name]) for name, told in sorted(paper.clips.items())},
        "media": {name: _places(name, files[name], out, beside=beside) for name in files},
    }
    if beside:
        _lay_beside(out, files)
    with atomic(out) as draft, draft.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_HEAD.format(policy=POLICY, asked=clean(question(paper.criterion)), style=_style()))
        file.write(f'<script type="application/json" id="wan-data">{as_json(known)}</script>\n')
        for name, (clip, sound) in files.items() if not beside else ():
            file.write(_embedded(name, clip))
            file.write(_embedded(f"{name}-sound", sound) if sound else "")
        file.write(f'<script type="module">{module(*PLAYER, "vote", "ballot")}</script></body></html>\n')
    return WrittenFile(out)


def folder_of(page: Path) -> Path:
    """Where the clips of a page lie that is too large to hold them."""
    return page.with_name(f"{page.stem}_clips")


def _lay_beside(page: Path, files: Mapping[str, _Light]) -> None:
    folder = folder_of(page)
    if folder.exists() and not (folder.is_dir() and all(each.suffix in {".mp4", ".m4a"} for each in folder.iterdir())):
        raise InvalidOption(f"{folder.name[-60:]} is there and holds other things.", remedy="Give another name.")
    if folder.exists():
        shutil.rmtree(folder)  # of an earlier ballot of that name
    folder.mkdir(parents=True)
    for name, (clip, sound) in files.items():
        shutil.copyfile(clip, folder / f"{name}.mp4")
        if sound:
            shutil.copyfile(sound, folder / f"{name}.m4a")


def _facts(row: Row, light: _Light) -> dict[str, Any]:
    """What the player has to know, and nothing that tells which clip it is."""
    # The shape alone, because the tier of the resolution may be what is compared.
    wide, high = row.width or 16, row.height or 9
    return {
        "fps": row.fps,
        "seconds": row.clip_s,
        "width": round(960 * wide / max(wide, high)),
        "height": round(960 * high / max(wide, high)),
        "has_audio": light[1] is not None,
        "simulated": row.simulated,
        "playable": True,
        "note": "",
    }


def _places(name: str, light: _Light, page: Path, *, beside: bool) -> dict[str, str]:
    if beside:
        folder = quote(folder_of(page).name)
        return {"link": f"{folder}/{name}.mp4"} | ({"heard": f"{folder}/{name}.m4a"} if light[1] else {})
    return {"embed": name} | ({"sound": f"{name}-sound"} if light[1] else {})


def _embedded(name: str, file: Path) -> str:
    return f'<script type="text/plain" id="{name}">{base64.b64encode(file.read_bytes()).decode()}</script>\n'


def _style() -> str:
    return styles("report", "player", "ballot")


_HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{asked}</title><style>{style}</style></head><body><main>
<h1 class="asked">{asked}</h1>
<p class="about">Press 1 or 2 for one of the clips, 0 where both are the same, 9 where both are bad. Stop
when you like.</p>
<div id="wan-ballot"></div><noscript>This page needs JavaScript, which this browser does not run here.</noscript></main>
"""
