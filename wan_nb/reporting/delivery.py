"""Clips for people without Python: one zip with readable names and a page that plays them from any disk."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from itertools import count
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from wan_nb.api import catalog
from wan_nb.api.recorded import items_of
from wan_nb.errors import InvalidOption
from wan_nb.html.text import isolated
from wan_nb.html.written_file import WrittenFile
from wan_nb.media import clips
from wan_nb.media.files import atomic
from wan_nb.paths import readable
from wan_nb.progress import Progress
from wan_nb.reporting.film import named, target
from wan_nb.reporting.sections import clean, without_secrets

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import IO

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row
    from wan_nb.media.clips import ClipFacts

__all__ = ["deliver"]

_LABEL = 60
"""Bytes of a file name that a label may take."""

_CONTENT = re.compile("[0-9a-f]{12}")
"""How the names of files begin that are called by a run or by their content."""

_EARLIEST, _LATEST = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)
"""Dates that a zip can hold."""


class _Item(NamedTuple):
    """One clip of a delivery."""

    row: Row
    file: Path
    facts: ClipFacts
    label: str
    name: str


def deliver(
    workspace: Workspace, rows: Sequence[Row], path: str | os.PathLike[str], *, title: str = "", winner: str = ""
) -> Path:
    """Pack the clips of some runs for people without Python.

    Parameters
    ----------
    workspace : Workspace
    rows : sequence of Row
        In the order of the delivery, under the labels that they are to have; each has its clip.
    path : path
        The zip to write.
    title : str
        Of the page.
    winner : str
        Label of the variant that was chosen, which comes first.

    Raises
    ------
    InvalidOption
        There is nothing to deliver, another ending, or a place among the clips of the log.
    NotFound, InvalidMedia
        A run has no clip on disk, or one that does not play; the message names it.
    """
    out = target(workspace, path, ".zip")
    if not rows:
        raise InvalidOption("there is no clip to deliver yet.", remedy="%wan runs shows what is there.")
    items = [*_items(workspace, _as_on_the_page(rows, winner))]
    newest = max((row.ended_at for row in rows if row.ended_at), default=None)
    date = min(max(tuple(newest.timetuple()[:6]) if newest else _EARLIEST, _EARLIEST), _LATEST)
    line = Progress("Packing clips", len(items))
    with line, atomic(out) as draft, zipfile.ZipFile(draft, "w") as archive:
        page = _page(items, title, winner).encode("utf-8", "backslashreplace")
        _add(archive, "index.html", io.BytesIO(page), len(page), date)
        for item in line.each(items):
            with item.file.open("rb") as source:
                _add(archive, f"clips/{item.name}", source, item.facts.bytes, date)
    return WrittenFile(out)


def _as_on_the_page(rows: Sequence[Row], winner: str) -> list[Row]:
    """Rows in the order in which the page shows them: the winner first, and what has one label together."""
    places: dict[str, int] = {}
    for row in rows:
        places.setdefault(row.variant or row.prompt or "", len(places))
    return sorted(
        rows, key=lambda row: (bool(winner) and row.variant != winner, places[row.variant or row.prompt or ""])
    )


def _items(workspace: Workspace, rows: Sequence[Row]) -> Iterator[_Item]:
    width, seen = max(2, len(str(len(rows)))), dict[str, int]()
    for number, row in enumerate(rows, 1):
        with named(row, remedy="Leave it out: deliver(..., runs=...)."):
            file = workspace.file(row)
            facts = clips.inspect_clip(file)
        label = without_secrets(row.variant or (row.prompt or "").strip()[:_LABEL] or "clip")
        seen[label] = seen.get(label, 0) + 1
        again = f" ({seen[label]})" if seen[label] > 1 else ""
        yield _Item(row, file, facts, label, f"{number:0{width}} {readable(label, _LABEL) or 'clip'}{again}.mp4")


def _add(archive: zipfile.ZipFile, name: str, source: IO[bytes], size: int, date: tuple[int, ...]) -> None:
    """Put a file into the archive as it is, in pieces: the same bytes on every machine, since nothing is squeezed."""
    info = zipfile.ZipInfo(name, date_time=date)  # type: ignore[arg-type]  # six whole numbers
    info.create_system, info.external_attr, info.file_size = 3, 0o100644 << 16, size
    with archive.open(info, "w") as place:
        shutil.copyfileobj(source, place, 1 << 20)


_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
content="default-src 'none'; media-src 'self' file:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }}
h1, h2 {{ line-height: 1.2; overflow-wrap: anywhere; }}
section {{ border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: .5rem 0 1.5rem; }}
.chosen {{ border-top: 4px solid; }}
.clips {{ display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }}
figure {{ margin: 0; }}
video {{ display: block; max-width: 100%; width: auto; height: auto; max-height: 70vh; background: #0004; }}
figcaption {{ font-size: .9rem; overflow-wrap: anywhere; }}
p {{ max-width: 45rem; }}
.words {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
small {{ opacity: .8; }}
</style></head><body><h1 dir="auto">{title}</h1>
{note}{sections}
<p><small>Nothing plays? Unpack the whole zip file first: this page plays the clips in the folder beside it.</small></p>
</body></html>
""")

_SECTION = Markup("""<section{kind}><h2>{heading}</h2>
<p class="words" dir="auto">{prompt}</p>
{more}<div class="clips">
{figures}
</div></section>""")

_FIGURE = Markup("""<figure>
<video controls preload="metadata" width="{width}" height="{height}" src="{address}"></video>
<figcaption>{name} <small>{facts}</small></figcaption></figure>""")

_REHEARSAL = Markup("<p><strong>SIMULATED</strong>: drawn by a simulator for a rehearsal, not made by the model.</p>\n")


def _page(items: Sequence[_Item], title: str, winner: str) -> str:
    """A section a variant, with what was asked for in the words of who asked."""
    groups: dict[tuple[Any, ...], list[_Item]] = {}
    for item in items:
        groups.setdefault((item.label, *_asked(item.row)), []).append(item)
    numbers = count(1)
    sections = [
        _SECTION.format(
            kind=Markup(' class="chosen"') if winner and group[0].row.variant == winner else "",
            heading=_heading(next(numbers), group[0], winner),
            prompt=clean(group[0].row.prompt or "No words were given."),
            more=_more(group[0].row),
            figures=Markup("\n").join(map(_figure, group)),
        )
        for group in groups.values()
    ]
    return _PAGE.format(
        title=clean(title or "Clips"),
        note=_REHEARSAL if any(item.row.simulated for item in items) else "",
        sections=Markup("\n").join(sections),
    )


def _heading(number: int, item: _Item, winner: str) -> Markup:
    chosen = Markup("Chosen: ") if winner and item.row.variant == winner else Markup("")
    return chosen + (isolated(item.label) if item.row.variant else Markup("Clip {}").format(number))


def _asked(row: Row) -> tuple[Any, ...]:
    told: dict[str, list[str]] = {}
    for field, _, item in items_of(row.request):
        if field in catalog.BY_NAME and not item.get("taken") and (name := _material(item.get("name"))):
            told.setdefault(catalog.BY_NAME[field].words, []).append(name)
    return row.prompt, row.negative_prompt, *((words, ", ".join(names)) for words, names in told.items())


def _material(name: Any) -> str:
    """File name of what was given; empty for what has none, and for what was taken from another clip of the log."""
    last = PurePath(str(name or "")).name
    return last if "." in last and not _CONTENT.match(last) else ""


def _more(row: Row) -> Markup:
    """What else was given, a sentence each."""
    _, unwanted, *materials = _asked(row)
    told = [("Not wanted", unwanted), *materials]
    lines = [Markup("{}: {}").format(words, isolated(without_secrets(value))) for words, value in told if value]
    return Markup('<p class="words"><small>{}</small></p>\n').format(Markup("\n").join(lines)) if lines else Markup("")


def _figure(item: _Item) -> Markup:
    seconds, sound = item.facts.seconds, "" if item.facts.has_audio else ", without sound"
    return _FIGURE.format(
        address=f"clips/{quote(item.name)}",
        width=item.facts.width,
        height=item.facts.height,
        name=isolated(item.name.removesuffix(".mp4")),
        facts=f"{seconds:.3g} s, {item.facts.width} × {item.facts.height}{sound}",
    )
