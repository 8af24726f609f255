"""A run as a card and many as a table, as HTML that every host shows the same way.

Pure values in, pure text out: no IPython, no files. The one picture of a clip lies *behind* its video: players cover
all but the first frame of the strip, hosts without video show the whole of it. No event handler says that a clip does
not play, since sanitisers drop those: its path and what to do stand in a fold beneath.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from wan_nb.api.catalog import REGIONS
from wan_nb.html import code as snippets
from wan_nb.html.elements import GREY, SOFT, badge, box, cell, line_of, table, tag
from wan_nb.html.text import (
    ACTIVE,
    TONES,
    bundle,
    duration,
    escape,
    isolated,
    label,
    line,
    measures,
    megabytes,
    pictures,
    plain,
    price,
    source,
    stars,
    state,
    totals,
    unchecked,
)  # fmt: skip
from wan_nb.log.marks import marks_of
from wan_nb.media.files import STRIP_BYTES
from wan_nb.terminal import spelled

if TYPE_CHECKING:
    from wan_nb.log.row import Row

__all__ = [
    "CLIP_BYTES",
    "STRIP_BYTES",
    "board",
    "board_bundle",
    "clip",
    "escape",
    "line",
    "pill",
    "remark",
    "run_bundle",
    "totals",
]

CLIP_BYTES = 25_000
"""Most that one clip adds to a notebook, picture included."""

BOARD_BYTES = 24 * STRIP_BYTES
"""Most that the pictures of a table add to a notebook; many are made smaller by whoever gives them."""

BOARD_STRIPS = 24
"""Clips of a table that bring their picture; beyond that it is names and links, or the notebook would swell."""

_PROMPT_BYTES = 1_200
_CODE_BYTES = 1_600

_PILL = "display:inline-block;padding:1px 9px;border-radius:10px;white-space:nowrap;font-weight:600"
_CODE = (
    f"margin:6px 0 0;padding:8px;background-color:{GREY.format('.1')};border-radius:4px;overflow-x:auto;"
    "font-family:monospace;font-size:.92em;white-space:pre-wrap;overflow-wrap:anywhere"
)
_THUMB = "display:block;height:48px;width:auto;max-width:100%;border-radius:3px;margin:0 0 2px"
_WRAPPED = "overflow-wrap:anywhere"


def clip(
    row: Row,
    *,
    folder: Path | str | None = None,
    served: bool | None = None,
    strip: bytes | None = None,
    embed: bytes | None = None,
    note: str = "",
    takes: Sequence[Row] = (),
    pinned: int = 1,
) -> Markup:
    """One run as a card: its state in words, its clip, its price and how it was asked for.

    Parameters
    ----------
    row : Row
    folder : path, optional
        Folder of the notebook, to which the clip's address is relative; the working directory when None.
    served : bool, optional
        Whether such an address is reached from the notebook; None where nobody can know.
    strip : bytes, optional
        JPEG of frames side by side, the first one first. Left out when it is larger than `STRIP_BYTES`.
    embed : bytes, optional
        The clip or a light copy of it, to be put into the page as a data URI; it costs 4/3 of the file.
    note : str
        One line said above the clip, such as that it was paid before.
    takes : sequence of Row
        The run of every take of its request, this one among them.
    pinned : int
        The take that is shown where no number is asked for.

    Returns
    -------
    str
        At most `CLIP_BYTES` of HTML, unless `embed` is given.
    """
    src = source(row.video, folder, served)
    media = _player(row, src, _picture(strip), embed)
    told = _below(escape(note, 300)) if note else ""
    whole = Markup().join([_head(row), told, media, _says(row), _prompt(row), _facts(row, src, embed)])
    if str(row.status) == "SUCCEEDED" and row.video and (src or embed):
        whole += _fold("Does not play?", "The clip is at ", tag("code", escape(_whole_path(row, folder), 300)),
                       *_remedies(row.run_id[:8], row.bytes))  # fmt: skip
    others, code = _takes(row, takes, pinned, folder, served), _code(row)
    # As it is saved, in JSON; the line of text beside it has its place too.
    room = CLIP_BYTES - 1_000 - len(json.dumps(whole))
    kept = []
    for part in [*code[:1], *others, *code[1:]]:  # how the clip is asked for again comes before the other takes
        size = len(json.dumps(part))
        if embed is not None or size <= room:
            kept.append(part)
            room -= size
    return box(whole + Markup().join(part for part in [*others, *code] if part in kept), width=640)


def board(
    rows: Iterable[Row],
    *,
    folder: Path | str | None = None,
    served: bool | None = None,
    strips: Mapping[str, bytes] | None = None,
    embeds: Mapping[str, bytes] | None = None,
    title: str = "",
) -> Markup:
    """Many runs as a table; each clip is folded into its row and opens to a player.

    Parameters
    ----------
    folder, served : optional
        As in `clip`.
    strips : mapping of run id to JPEG, optional
        As many of them are used as `BOARD_BYTES` allows.
    embeds : mapping of run id to MP4, optional
        Clips that are put into the page.
    title : str
        Such as the name of the study.
    """
    rows = list(rows)
    sizes = itertools.accumulate(map(len, (strips or {}).values()))
    chosen = {
        name: strip for (name, strip), size in zip((strips or {}).items(), sizes, strict=True) if size <= BOARD_BYTES
    }
    heading = tag("div", escape(title, 400), style="font-weight:600") if title else ""
    if not rows:
        return box(heading, "No runs here yet. ", tag("code", spelled("%%wan")), " makes one.", width=640)
    # Columns are fixed, as JupyterLab has them anyway: a player that is opened would squeeze the others.
    widths = {"state": ";width:8em", "run": "", "time": ";width:5.6em", "price": ";width:7.1em"}
    header = line_of(*(cell(name, head="col", style=SOFT + width) for name, width in widths.items()))
    lines, found = [], []
    for row in rows:
        src, embed = source(row.video, folder, served), (embeds or {}).get(row.run_id)
        found += [row] if str(row.status) == "SUCCEEDED" and (src or embed) else []
        lines.append(_table_row(row, src, _picture(chosen.get(row.run_id)), embed))
    runs = table(header, lines, style="table-layout:fixed;width:100%;min-width:32em;margin:6px 0 0")
    fold = Markup()
    if found:
        place = _whole_path(found[0], folder).replace("\\", "/").rpartition("/")[0]
        fold = _fold("A clip does not play?", "The clips are in ", tag("code", escape(place, 300)),
                     *_remedies("ID", None))  # fmt: skip
    return box(heading, tag("div", totals(rows), style=SOFT), runs, fold, width=860, scrolls=True)


def remark(text: str) -> Markup:
    """A line of text as a card of its own."""
    return box(text, width=640)


def run_bundle(row: Row, **given: Any) -> dict[str, str]:
    """MIME bundle of one run: `clip` and `line`. No widget type in it, so it looks the same wherever it is opened."""
    note, takes = plain(given.get("note"), 300), given.get("takes") or ()
    words = f"{line(row)} · take {row.take} of {len(takes)}" if len(takes) > 1 else line(row)
    return bundle(clip(row, **given), f"{note}\n{words}" if note else words)


def board_bundle(rows: Iterable[Row], **given: Any) -> dict[str, str]:
    """MIME bundle of many runs: `board`, and a `line` for each."""
    rows = list(rows)
    words = "\n".join(map(line, rows)) or spelled("No runs here yet. A %%wan cell makes one.")
    return bundle(board(rows, **given), words)


def _below(*inside: object, more: str = "") -> Markup:
    """A paragraph of a card."""
    return tag("div", *inside, style=f"margin:8px 0 0{more}")


def _head(row: Row) -> Markup:
    # Without a name of its own a run is known by its prompt, which stands below in full.
    own = label(row) if row.variant or not row.prompt else plain(row.study, 80)
    return tag(
        "div",
        # Blanks between parts are for readers of the text alone; this box leaves them out.
        pill(row.status),
        *([" ", tag("strong", isolated(own))] if own else []),
        *([" ", badge(simulated=row.simulated)] if row.simulated else []),
        " ",
        tag("span", price(row), style="margin-left:auto;white-space:nowrap"),
        style="display:flex;flex-wrap:wrap;gap:4px 10px;align-items:center",
    )


def pill(status: object) -> Markup:
    """The mark and word of a state."""
    look = state(status)
    tint = f"rgba({','.join(map(str, TONES[look.tone]))},.2)"
    return tag("span", f"{look.mark} {look.word}", style=f"{_PILL};background-color:{tint}")


def _picture(strip: bytes | None) -> str:
    if not strip or len(strip) > STRIP_BYTES:
        return ""
    return "data:image/jpeg;base64," + base64.b64encode(strip).decode("ascii")


def _player(row: Row, src: str | None, picture: str, embed: bytes | None) -> Markup:
    """The clip over its strip, which is as high as the player: just its first frame is seen until the clip plays.

    Between them lies the same clip without controls, never played. Where the file is there it shows its own first frame
    and covers the words that say the file is missing; where it is not it shows nothing: a player with controls and no
    poster would paint a dark panel over the strip (measured in Chromium). The poster is an empty picture of the clip's
    shape; width and height as attributes give the box its own.
    """
    if str(row.status) != "SUCCEEDED":
        return Markup()
    address = "data:video/mp4;base64," + base64.b64encode(embed).decode("ascii") if embed else src
    behind = "position:absolute;left:0;top:0;height:100%;max-width:none;margin:0;width:"
    alone = "max-width:100%;border-radius:6px"
    alt = f"Frames of the clip, from its first to its last: {plain(row.prompt, 120)}"
    image = tag("img", src=picture, alt=alt, style=f"{behind}auto" if address else alone) if picture else Markup()
    if address is None:
        return tag("div", image, style="margin:10px 0 0") if picture else image
    width, height = int(row.width or 1280), int(row.height or 720)
    wide = min(610, round(340 * width / height))
    empty = f"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'/%3E"
    if picture and not embed:
        missing = "Run the cell to make this clip." if row.simulated else "The file of the clip is not here."
        # On a slow server these words are seen while the clip loads, too.
        image += tag("span", f"Does it not load? {missing}", style=_MISSING)
        image += tag("video", muted="", preload="metadata", src=address, aria_hidden="true", style=f"{behind}100%")
    video = tag(
        "video",
        controls="",
        preload="metadata" if embed else "none",
        poster=empty if picture and not embed else None,
        width=width,
        height=height,
        src=address,
        title=plain(row.prompt, 120),
        style="position:relative;display:block;width:100%;height:auto;max-width:100%",
    )
    frame = f"position:relative;overflow:hidden;margin:10px 0 0;width:{wide}px;max-width:100%;border-radius:6px"
    return tag("div", image, video, style=f"{frame};background-color:{GREY.format('.2')}")


_MISSING = (
    "position:absolute;left:8px;top:8px;padding:2px 8px;border-radius:6px;background-color:rgba(0,0,0,.7);color:#ffffff"
)


def _says(row: Row) -> Markup:
    """What there is to know about a run that has no clip to show, and what to do."""
    name = str(row.status)
    if state(name).tone == "bad":
        return _below(
            isolated(row.error_message or "No reason given.", 400),
            *([" ", tag("code", escape(row.error_code, 80))] if row.error_code else []),
            *([" ", tag("span", f"request {plain(row.request_id, 60)}", style=SOFT)] if row.request_id else []),
        )
    if name == "UNCERTAIN":
        return _below(
            "No answer came to the submit: the task may exist and be billed. It is never sent again by itself. ",
            tag("code", spelled("%wan adopt")),
            " shows what the service has.",
        )
    if told := unchecked(row):
        return _below(isolated(told))
    if name in ACTIVE:
        return _below(
            "As it was when this was written; the task goes on without the notebook. Run this cell again for free, or ",
            tag("code", spelled(f"%wan show {row.run_id[:8]}")),
            ".",
            more=f";{SOFT}",
        )
    return Markup()


def _prompt(row: Row) -> Markup:
    if not row.prompt:
        return Markup()
    text = str(row.prompt)
    shown, rest = escape(text), Markup()
    if len(shown.encode()) > _PROMPT_BYTES:
        # Every character escapes to at most 6 bytes, so this many always fit.
        kept = _PROMPT_BYTES // 6
        shown = escape(text[:kept] + "… ")
        rest = tag("em", f"({len(text) - kept:,} more characters)", style=SOFT)
    return tag("div", shown, rest, dir="auto", style=f"margin:8px 0 0;white-space:pre-wrap;{_WRAPPED}")


def _facts(row: Row, src: str | None, embed: bytes | None) -> Markup:
    done = str(row.status) == "SUCCEEDED"
    made = f"made in {duration(row.run_s)}" if done and row.run_s else ""
    seed = f"seed {row.seed}" if row.seed is not None else ""
    facts = [part for part in [*measures(row), seed, made, stars(row)] if part]
    body = Markup(" · ").join([*facts, Markup("run {}").format(tag("code", row.run_id[:8]))])
    said = _marks(row)
    return tag("div", body, _where(row, src, embed) if done else "", style=f"margin:6px 0 0;{SOFT};{_WRAPPED}") + said


def _marks(row: Row) -> Markup:
    """What a person has said of the clip beside its stars."""
    marks = marks_of(row)
    tags = Markup(" ").join(tag("bdi", f"#{plain(one, 40)}") for one in marks["tags"][:12])
    out = tag("b", "Dropped") if marks["dropped"] else ""
    parts = [part for part in (out, tags, isolated(marks["note"], 400) if marks["note"] else "") if part]
    return tag("div", Markup(" · ").join(parts), style=f"margin:4px 0 0;{_WRAPPED}") if parts else Markup()


def _where(row: Row, src: str | None, embed: bytes | None = None) -> Markup:
    """The file: a link where the notebook's server reaches it, else words."""
    if not row.video:
        return tag("div", "The clip is not on this disk; it was paid and stays in the log.")
    if src or embed:
        path = escape(row.video, 200)
        if src:
            return " · " + tag("a", path, href=src, title="The clip's file")
        return Markup(" · ").join(["", tag("code", path), "played from a copy in this output"])
    return tag(
        "div",
        "The clip is at ",
        tag("code", escape(row.video, 200)),
        ", where this notebook's server does not reach: ",
        tag("code", spelled(f"%wan show {row.run_id[:8]} --embed")),
        f" puts it into the cell ({megabytes((row.bytes or 0) * 4 / 3)}).",
    )


def _whole_path(row: Row, folder: Path | str | None) -> str:
    """Path of a clip from the root, or from the home folder, whose name is not shown."""
    if "://" in str(row.video):
        return str(row.video)
    path = Path.cwd() / (folder or "") / str(row.video)
    return f"~/{path.relative_to(Path.home()).as_posix()}" if path.is_relative_to(Path.home()) else str(path)


def _remedies(run: str, size: int | None) -> tuple[Any, ...]:
    """Why a clip may not play where its card is seen, and what helps."""
    return (
        " (H.264 video, AAC sound). It plays from that file: where a copy of this page lies elsewhere, where its server"
        " does not reach, or in a browser without H.264, it cannot. ",
        tag("code", spelled(f"%wan show {run} --embed")),
        f" puts it into the notebook{f' ({megabytes(size * 4 / 3)})' if size else ''}; ",
        tag("code", spelled("%wan report")),
        " of its study writes a page that holds its clips.",
    )


def _fold(name: str, *inside: object) -> Markup:
    """Something to open. Hosts that make a block of its head take the triangle away."""
    head = tag("summary", name, style=f"{SOFT};display:list-item")
    return tag("details", head, *inside, style="margin:6px 0 0")


def _takes(row: Row, takes: Sequence[Row], pinned: int, folder: Path | str | None, served: bool | None) -> list[Markup]:
    """Which take it is of how many, and the others, each folded away behind its number."""
    if len(takes) < 2:
        return []
    called = f"Take {row.take} of {len(takes)}"
    shown = "" if row.take == pinned else f"; without a number cells show take {pinned}"
    parts = [_below(tag("span", f"{called}{shown}.", style=SOFT))]
    for other in takes:
        if other.take == row.take:
            continue
        told = " · ".join(filter(None, [f"Take {other.take}", _word(other), stars(other), price(other)]))
        code = tag("code", f"--take {other.take}"), tag("code", spelled(f"%wan show {other.run_id[:8]}"))
        hint = tag("div", "In its cell: ", code[0], "; here: ", code[1], style=SOFT)
        parts.append(_fold(told, _player(other, source(other.video, folder, served), "", None), hint))
    return parts


def _word(row: Row) -> str:
    return "" if str(row.status) == "SUCCEEDED" else state(row.status).word


def _code(row: Row) -> list[Markup]:
    """The request and the next steps as code to copy, most wanted first, each folded away; what is long is left out."""
    request = getattr(row, "request", None)
    if not isinstance(request, Mapping):
        return []
    region = REGIONS.get(str(row.service), REGIONS["beijing"])
    shown = {"As Python": snippets.as_python(*snippets.order_of(row))}
    if str(row.status) == "SUCCEEDED":
        shown["Continue it, or use its last frame"] = (
            f'run = wan_nb.run("{row.run_id[:8]}")\nwan_nb.submit("what happens next", first_clip=run, duration=10)\n'
            'wan_nb.submit("another scene", first_frame=run)  # begins with the last frame of this one'
        )
    shown["As curl"] = snippets.as_curl(request, region.base_url)
    return [
        _fold(name, tag("pre", text, style=_CODE))
        for name, text in shown.items()
        if len(escape(text).encode()) <= _CODE_BYTES
    ]


def _table_row(row: Row, src: str | None, picture: str, embed: bytes | None) -> Markup:
    look = (pill(row.status), _about(row, src, picture, embed), duration(row.run_s or row.queue_s), price(row))
    above = f"border-top:1px solid {GREY.format('.25')}"
    return line_of(*(cell(each, style=above) for each in look))


def _about(row: Row, src: str | None, picture: str, embed: bytes | None) -> Markup:
    """Name and facts of a row, and its clip folded away behind its strip."""
    seed = [f"seed {row.seed}"] if row.seed is not None else []
    given = [stars(row)] if row.rating else []
    of = [isolated(pictures(row))] if str(row.status) != "SUCCEEDED" and pictures(row) else []
    facts = Markup(" · ").join([*of, *seed, *measures(row), *given, tag("code", row.run_id[:8])])
    name = tag("div", tag("strong", isolated(label(row))), " ", badge(simulated=row.simulated))
    head = name + tag("div", facts, style=SOFT) + _marks(row)
    if str(row.status) != "SUCCEEDED":
        return head + _says(row)
    if not (src or embed):  # nothing to open: the picture itself, and where the clip is
        return head + _player(row, None, picture, None) + _where(row, None)
    thumb = tag("img", src=picture, alt="Frames of the clip", style=_THUMB) if picture else ""
    summary = tag("summary", thumb, tag("span", "▶ play", style=SOFT), style="cursor:pointer;list-style:none")
    return head + tag("details", summary, _player(row, src, "", embed), style="margin:4px 0 0")
