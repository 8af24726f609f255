"""Static pictures of runs: the clip card and the table, as HTML that every host shows the same way.

Pure text in, pure text out: no IPython, no files. Measured in JupyterLab 4.6 and Notebook 7.6, and the reason for most
of what stands here: an untrusted notebook keeps inline styles only from a list (no ``object-fit``, no gradients) and
``<video src>`` but not ``<source src>``; GitHub drops ``<video>`` and styles but shows ``<img>``. So colours are
inherited, shades are half transparent greys that are readable on light and dark, and the one picture of a clip lies
*behind* its video: players cover all but the first frame of the strip, hosts without video show the whole of it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from wan_nb.api.catalog import REGIONS
from wan_nb.html import code as snippets
from wan_nb.html.text import (
    ACTIVE,
    box,
    bundle,
    duration,
    escape,
    isolated,
    label,
    line,
    measures,
    megabytes,
    plain,
    price,
    source,
    stars,
    state,
    totals,
    unchecked,
)

__all__ = [
    "CLIP_BYTES",
    "STRIP_BYTES",
    "board",
    "board_bundle",
    "clip",
    "escape",
    "line",
    "remark",
    "run_bundle",
    "totals",
]

STRIP_BYTES = 15_000
"""Largest strip that is put into a notebook."""

CLIP_BYTES = 25_000
"""Most that one clip adds to a notebook, picture included."""

BOARD_STRIPS = 24
"""Clips of a table that bring their picture; beyond that it is names and links, or the notebook would swell."""

_PROMPT_BYTES = 1_200
_CODE_BYTES = 1_600

_TONES = {"good": "46,160,67", "bad": "218,54,51", "warn": "191,135,0", "run": "31,111,235"}
_PILL = "display:inline-block;padding:1px 9px;border-radius:10px;white-space:nowrap;font-weight:600"
_BADGE = (
    "display:inline-block;padding:0 6px;border:1px solid;border-radius:4px;font-size:11px;font-weight:600;"
    "letter-spacing:.06em;white-space:nowrap"
)
_SOFT = "opacity:.8"
_CODE = (
    "margin:6px 0 0;padding:8px;background-color:rgba(128,128,128,.1);border-radius:4px;overflow-x:auto;"
    "font-family:monospace;font-size:12px;white-space:pre-wrap;overflow-wrap:anywhere"
)
_THUMB = "display:block;height:48px;width:auto;max-width:100%;border-radius:3px;margin:0 0 2px"
_CELL = "padding:5px 10px 5px 0;border:0;text-align:left;vertical-align:top"


def clip(
    row: Any, *, folder: Any = None, strip: bytes | None = None, embed: bytes | None = None, note: str = ""
) -> str:
    """One run as a card: its state in words, its clip, its price and how it was asked for.

    Parameters
    ----------
    row : Row
        Anything with the columns of the log.
    folder : path, optional
        Folder of the notebook, to which the clip's address is relative; the working directory when None.
    strip : bytes, optional
        JPEG of frames side by side, the first one first. Left out when it is larger than `STRIP_BYTES`.
    embed : bytes, optional
        The clip itself, to be put into the page as a data URI. Never done unasked: it costs 4/3 of the file.
    note : str
        One line said above the clip, such as that it was paid before.

    Returns
    -------
    str
        At most `CLIP_BYTES` of HTML, unless `embed` is given.
    """
    src = source(row.video, folder)
    picture = _picture(strip)
    media = _player(row, src, picture, embed)
    head = _head(row) + (f'<div style="margin:8px 0 0">{escape(note, 300)}</div>' if note else "")
    body = [_says(row), _prompt(row), _facts(row, src)]
    code = ""
    room = CLIP_BYTES - sum(len(part.encode()) for part in (head, media, *body)) - 400
    for part in _code(row):
        if embed is not None or len((code + part).encode()) <= room:
            code += part
    return box(f"{head}{media}{''.join(body)}{code}", 640)


def board(
    rows: Iterable[Any], *, folder: Any = None, strips: Mapping[str, bytes] | None = None, title: str = ""
) -> str:
    """Many runs as a table; each clip is folded into its row and opens to a player.

    Parameters
    ----------
    rows : iterable of Row
    folder : path, optional
        As in `clip`.
    strips : mapping of run id to JPEG, optional
        At most `BOARD_STRIPS` of them are used.
    title : str
        Such as the name of the study.
    """
    rows = list(rows)
    chosen = dict(list((strips or {}).items())[:BOARD_STRIPS])
    heading = f'<div style="font-weight:600">{escape(title, 120)}</div>' if title else ""
    names = ("state", "run", "time", "price")
    # JupyterLab lays tables out with fixed columns of equal width, which would squeeze the pictures.
    widths = {"state": ";width:104px", "time": ";width:72px", "price": ";width:92px"}
    header = "".join(
        f'<th scope="col" style="{_CELL};{_SOFT};font-weight:600{widths.get(name, "")}">{name}</th>' for name in names
    )
    lines = "".join(_table_row(row, folder, chosen.get(row.run_id)) for row in rows)
    if not rows:
        return box(f"{heading}No runs here yet. <code>%%wan</code> makes one.", 640)
    return box(
        f'{heading}<div style="{_SOFT}">{escape(totals(rows))}</div>'
        f'<table style="border-collapse:collapse;width:100%;margin:6px 0 0;font-size:13px">'
        f"<thead><tr>{header}</tr></thead><tbody>{lines}</tbody></table>",
        860,
        scrolls=True,
    )


def remark(text: str) -> str:
    """A line of text as a card of its own."""
    return box(escape(text), 640)


def run_bundle(row: Any, **given: Any) -> dict[str, str]:
    """MIME bundle of one run: `clip` and `line`. No widget type in it, so it looks the same wherever it is opened."""
    note = plain(given.get("note"), 300)
    return bundle(clip(row, **given), f"{note}\n{line(row)}" if note else line(row))


def board_bundle(rows: Iterable[Any], **given: Any) -> dict[str, str]:
    """MIME bundle of many runs: `board`, and a `line` for each."""
    rows = list(rows)
    words = "\n".join(map(line, rows)) or "No runs here yet. A %%wan cell makes one."
    return bundle(board(rows, **given), words)


def _head(row: Any) -> str:
    # Without a name of its own a run is known by its prompt, which stands below in full.
    own = label(row) if row.variant or not row.prompt else plain(row.study, 80)
    name = f"<strong>{isolated(own)}</strong>" if own else ""
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:4px 10px;align-items:center">'
        f"{_pill(row)}{name}{_badge(row)}"
        f'<span style="margin-left:auto;white-space:nowrap">{escape(price(row))}</span></div>'
    )


def _pill(row: Any) -> str:
    look = state(row.status)
    tint = f"rgba({_TONES.get(look.tone, '128,128,128')},.2)"
    return f'<span style="{_PILL};background-color:{tint}">{look.mark} {escape(look.word)}</span>'


def _badge(row: Any) -> str:
    return f'<span style="{_BADGE}">SIMULATED</span>' if row.simulated else ""


def _picture(strip: bytes | None) -> str:
    if not strip or len(strip) > STRIP_BYTES:
        return ""
    return "data:image/jpeg;base64," + base64.b64encode(strip).decode("ascii")


def _player(row: Any, src: str | None, picture: str, embed: bytes | None) -> str:
    """The clip over its strip, which is as high as the player: just its first frame is seen until the clip plays.

    ``preload="none"`` loads nothing before it is played; width and height as attributes give the box its shape. The
    poster is an empty picture of that shape: without any, Chromium paints a dark panel over what lies behind.
    """
    if str(row.status) != "SUCCEEDED":
        return ""
    address = "data:video/mp4;base64," + base64.b64encode(embed).decode("ascii") if embed else src
    alt = f"Frames of the clip, from its first to its last: {plain(row.prompt, 120)}"
    if address is None:
        shown = f'<img src="{picture}" alt="{escape(alt)}" style="max-width:100%;border-radius:6px">' if picture else ""
        return f'<div style="margin:10px 0 0">{shown}</div>'
    behind = "position:absolute;left:0;top:0;height:100%;width:auto;max-width:none;margin:0"
    image = f'<img src="{picture}" alt="{escape(alt)}" style="{behind}">' if picture else ""
    width, height = int(row.width or 1280), int(row.height or 720)
    wide = min(610, round(340 * width / height))
    empty = f"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'/%3E"
    return (
        f'<div style="position:relative;overflow:hidden;margin:10px 0 0;width:{wide}px;max-width:100%;'
        f'border-radius:6px;background-color:rgba(128,128,128,.2)">{image}'
        f'<video controls preload="none" poster="{empty}" width="{width}" height="{height}" src="{address}" '
        f'title="{escape(plain(row.prompt, 120))}" '
        'style="position:relative;display:block;width:100%;height:auto;max-width:100%"></video></div>'
    )


def _says(row: Any) -> str:
    """What there is to know about a run that has no clip to show, and what to do."""
    name, short = str(row.status), escape(row.run_id[:8])
    if name in {"FAILED", "EXPIRED"}:
        code = f" <code>{escape(row.error_code, 80)}</code>" if row.error_code else ""
        where = f' <span style="{_SOFT}">request {escape(row.request_id, 60)}</span>' if row.request_id else ""
        reason = isolated(plain(row.error_message or "No reason given.", 400))
        return f'<div style="margin:8px 0 0">{reason}{code}{where}</div>'
    if name == "UNCERTAIN":
        text = "No answer came to the submit: the task may exist and be billed. It is never sent again by itself."
        return f'<div style="margin:8px 0 0">{text} <code>%wan adopt</code> shows what the service has.</div>'
    if told := unchecked(row):
        return f'<div style="margin:8px 0 0">{isolated(told)}</div>'
    if name in ACTIVE:
        return (
            f'<div style="margin:8px 0 0;{_SOFT}">As it was when this was written; the task goes on without the '
            f"notebook. Run this cell again for free, or <code>%wan show {short}</code>.</div>"
        )
    return ""


def _prompt(row: Any) -> str:
    if not row.prompt:
        return ""
    text = str(row.prompt)
    shown = escape(text)
    if len(shown.encode()) > _PROMPT_BYTES:
        # Every character escapes to at most 6 bytes, so this many always fit.
        kept = _PROMPT_BYTES // 6
        shown = f'{escape(text[:kept])}… <em style="{_SOFT}">({len(text) - kept:,} more characters)</em>'
    return f'<div dir="auto" style="margin:8px 0 0;white-space:pre-wrap;overflow-wrap:anywhere">{shown}</div>'


def _facts(row: Any, src: str | None) -> str:
    made = [f"made in {duration(row.run_s)}" if str(row.status) == "SUCCEEDED" and row.run_s else ""]
    seed = [f"seed {row.seed}" if row.seed is not None else ""]
    facts = [escape(part) for part in [*measures(row), *seed, *made, stars(row)] if part]
    facts.append(f"run <code>{escape(row.run_id[:8])}</code>")
    body = " · ".join(facts)
    if str(row.status) == "SUCCEEDED":
        body += _where(row, src)
    return f'<div style="margin:6px 0 0;{_SOFT};overflow-wrap:anywhere">{body}</div>'


def _where(row: Any, src: str | None) -> str:
    """The file: a link where the notebook's server reaches it, else words."""
    if not row.video:
        return "<div>The clip is no longer on disk; it was paid and stays in the log.</div>"
    if src:
        name = escape(plain(row.video).replace("\\", "/").rpartition("/")[2], 60)
        return f' · <a href="{src}" title="{name}">clip file</a>'
    call = f"%wan show {escape(row.run_id[:8])} --embed"
    size = escape(megabytes((row.bytes or 0) * 4 / 3))
    return (
        f"<div>The clip is at <code>{escape(row.video, 200)}</code>, where this notebook's server does not reach: "
        f"<code>{call}</code> puts it into the cell ({size}).</div>"
    )


def _code(row: Any) -> list[str]:
    """The request and the next steps as code to copy, each folded away; what would be long is left out."""
    request = getattr(row, "request", None)
    if not isinstance(request, Mapping):
        return []
    region = REGIONS.get(str(row.service), REGIONS["beijing"])
    shown = {"As Python": snippets.as_python(request), "As curl": snippets.as_curl(request, region.base_url)}
    if str(row.status) == "SUCCEEDED":
        shown["Continue it, or use its last frame"] = (
            f'run = wan_nb.run("{row.run_id[:8]}")\nwan_nb.submit("what happens next", first_clip=run, duration=10)\n'
            'wan_nb.submit("another scene", first_frame=run)  # begins with the last frame of this one'
        )
    return [
        f'<details style="margin:6px 0 0"><summary style="{_SOFT}">{name}</summary>'
        f'<pre style="{_CODE}">{text}</pre></details>'
        for name, text in zip(shown, map(escape, shown.values()), strict=True)
        if len(text.encode()) <= _CODE_BYTES
    ]


def _table_row(row: Any, folder: Any, strip: bytes | None) -> str:
    look = (_pill(row), _about(row, folder, strip), escape(duration(row.run_s or row.queue_s)), escape(price(row)))
    above = f"{_CELL};border-top:1px solid rgba(128,128,128,.25)"
    # Hosts stripe their tables and colour the row under the mouse, which is meant for numbers.
    return (
        '<tr style="background-color:transparent">'
        + "".join(f'<td style="{above}">{cell}</td>' for cell in look)
        + "</tr>"
    )


def _about(row: Any, folder: Any, strip: bytes | None) -> str:
    """Name and facts of a row, and its clip folded away behind its strip."""
    seed = [f"seed {row.seed}"] if row.seed is not None else []
    facts = " · ".join([*map(escape, [*seed, *measures(row)]), f"<code>{escape(row.run_id[:8])}</code>"])
    head = f'<div><strong>{isolated(label(row))}</strong> {_badge(row)}</div><div style="{_SOFT}">{facts}</div>'
    if str(row.status) != "SUCCEEDED":
        return head + _says(row)
    src, picture = source(row.video, folder), _picture(strip)
    if src is None:  # nothing to open: the picture itself, and where the clip is
        return f"{head}{_player(row, None, picture, None)}{_where(row, None)}"
    thumb = f'<img src="{picture}" alt="Frames of the clip" style="{_THUMB}">' if picture else ""
    summary = f'<summary style="cursor:pointer;list-style:none">{thumb}<span style="{_SOFT}">▶ play</span></summary>'
    return f'{head}<details style="margin:4px 0 0">{summary}{_player(row, src, "", None)}</details>'
