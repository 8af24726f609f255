"""Words for people: states, money, times, sizes, names of runs, addresses of clips; and text made safe to show.

Pure functions of plain values. Whatever comes from outside (prompts, labels, messages of the service, file names)
passes through `plain` or `escape` before it reaches a page.
"""

from __future__ import annotations

import math
import os
import secrets
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard
from urllib.parse import quote

from markupsafe import Markup

from wan_nb.api import catalog
from wan_nb.api.estimate import asked_at_most, estimated
from wan_nb.errors import shortened
from wan_nb.log.marks import marks_of
from wan_nb.log.states import OPEN, UNCHECKED, Status
from wan_nb.sanitize import harmless
from wan_nb.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wan_nb.log.row import Row

__all__ = [
    "ACTIVE",
    "AS_TYPED",
    "GROUPS",
    "STATES",
    "TONES",
    "WIDGET",
    "State",
    "bundle",
    "duration",
    "escape",
    "isolated",
    "joined",
    "label",
    "line",
    "measures",
    "megabytes",
    "money",
    "new_place",
    "one_line",
    "percent",
    "pictures",
    "plain",
    "price",
    "price_again",
    "source",
    "stars",
    "state",
    "totals",
    "with_place",
]


class State(NamedTuple):
    """How a state is shown: a mark that needs no colour, a word, one of `TONES`, one of `GROUPS`."""

    mark: str
    word: str
    tone: str
    group: str


STATES: dict[str, State] = {
    Status.INTENDED: State("○", "being sent", "wait", "wait"),
    Status.UNCERTAIN: State("?", "uncertain", "warn", "wait"),
    Status.PENDING: State("◔", "waiting", "wait", "wait"),
    Status.RUNNING: State("◑", "running", "run", "run"),
    Status.DOWNLOADING: State("↓", "downloading", "run", "run"),
    Status.SUCCEEDED: State("✓", "done", "good", "done"),
    Status.FAILED: State("✕", "failed", "bad", "failed"),
    Status.CANCELED: State("⊘", "canceled", "off", "failed"),
    Status.EXPIRED: State("⊗", "expired", "bad", "failed"),
}
"""The one table of how states look, in the order in which they are counted; the page gets it from the kernel."""

TONES = {
    "wait": (128, 128, 128),
    "run": (31, 111, 235),
    "good": (46, 160, 67),
    "bad": (218, 54, 51),
    "warn": (191, 135, 0),
    "off": (128, 128, 128),
}
"""Red, green and blue of each tone."""

GROUPS = {"wait": "Waiting", "run": "Running", "done": "Done", "failed": "Not done"}
"""Groups of states that a board can be narrowed to, and their words."""

ACTIVE: frozenset[str] = OPEN
"""States in which something may still happen."""


def take_kept(row: Row) -> str:
    """What is said of a take that was just bought: how the cell goes on showing it."""
    return (
        f"Take {row.take} of this request, run {row.run_id[:8]}. Its cell goes on showing the take that it showed:"
        f" --take {row.take} (take={row.take}) in it shows this one, run.pin() makes this the one that is shown."
    )


def state(name: object) -> State:
    """How a state is shown; a word that is not known shows itself."""
    return STATES.get(str(name), State("·", plain(name, 40).lower(), "wait", "wait"))


def plain(value: object, limit: int | None = None) -> str:
    r"""Text that is safe to show anywhere as text: no control characters, no direction tricks, not too long.

    Parameters
    ----------
    value : object
        None becomes the empty text.
    limit : int, optional
        Most Unicode characters, the ellipsis included.

    Examples
    --------
    >>> plain("a\x00b\u202ec"), plain("a long label", 6)
    ('a�b�c', 'a lon…')
    """
    text = "" if value is None else str(value)
    return harmless(text if limit is None else shortened(text, limit))


def escape(value: object, limit: int | None = None) -> Markup:
    """`plain` text for HTML, safe inside an element and inside a quoted attribute; `Markup` stays as it is.

    >>> escape('<b title="x">'), escape(escape("<b>"))
    (Markup('&lt;b title=&#34;x&#34;&gt;'), Markup('&lt;b&gt;'))
    """
    return value if isinstance(value, Markup) else Markup.escape(plain(value, limit))


WIDGET = "application/vnd.jupyter.widget-view+json"
"""MIME type of a widget in a bundle; in marimo it stands for the widget itself."""

AS_TYPED = "tex2jax_ignore mathjax_ignore"
"""Classes inside which no version of MathJax takes ``$5 to $10`` for a formula."""


def bundle(body: str, words: str) -> dict[str, str]:
    """MIME bundle without a widget, the one way in which HTML reaches a notebook: what is in it is shown as typed.

    It is one line: in Markdown, a block of HTML ends at the first blank line.

    Parameters
    ----------
    body : str
        HTML.
    words : str
        The same as text, as it stands in a terminal.
    """
    return {"text/html": one_line(f'<div class="{AS_TYPED}">{body}</div>'), "text/plain": printable(words)}


def joined(bundles: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Several bundles as one, beneath each other."""
    pages, words = ([part[kind] for part in bundles] for kind in ("text/html", "text/plain"))
    return {"text/html": "".join(pages), "text/plain": "\n".join(filter(None, words))}


def one_line(page: str) -> str:
    r"""HTML without a raw line break; those of its text are kept as references, which read the same.

    >>> one_line("<pre>a\n\nb</pre>")
    '<pre>a&#10;&#10;b</pre>'
    """
    return "&#10;".join(page.splitlines())


def new_place() -> str:
    """Class of HTML elements in which a page shows one widget."""
    return f"wan-{secrets.token_hex(8)}"


def with_place(static: Mapping[str, str], place: str) -> dict[str, str]:
    """A static bundle with a place beneath it, for what is still of use there."""
    return {**static, "text/html": f'{static["text/html"]}<div class="{place} wan-after {AS_TYPED}"></div>'}


def isolated(value: object, limit: int | None = None) -> Markup:
    """`escape`, for a name beside other text: one of a right-to-left script does not reorder what stands around it."""
    return Markup("<bdi>{}</bdi>").format(escape(value, limit))


def money(amount: float | None, currency: str | None) -> str:
    """A sum of money; empty when unknown.

    >>> money(0.5, "USD")
    'USD 0.50'
    """
    return f"{plain(currency or '', 8)} {amount:,.2f}".strip() if _is_amount(amount) else ""


def _is_amount(amount: float | None) -> TypeGuard[float]:
    return amount is not None and math.isfinite(amount)


def percent(probability: float) -> str:
    """A probability for people: never a certainty that the numbers do not have.

    >>> percent(0.5148), percent(0.99996), percent(0.00002)
    ('51.5 %', 'over 99.9 %', 'under 0.1 %')
    """
    if probability >= 0.9995:
        return "over 99.9 %"
    return "under 0.1 %" if probability < 0.0005 else f"{100 * probability:.3g} %"


def price(row: Row) -> str:
    """What a run costs, an estimate until there is a receipt; failed and canceled tasks are not billed."""
    name = str(row.status)
    if name in {"FAILED", "CANCELED"}:
        return "not billed"
    if (name == "SUCCEEDED" and row.billed_s is not None) or not _is_amount(row.cost):
        return money(row.cost, row.currency)
    at_most = asked_at_most(row) is not None
    return estimated(row.cost, plain(row.currency or "", 8), at_most=at_most, brief=True)


def price_again(row: Row) -> str:
    """What another clip of the same request is going to cost; empty when unknown."""
    if (asked := asked_at_most(row)) is not None:
        return asked.brief
    return estimated(row.cost, plain(row.currency or "", 8), brief=True) if row.cost and _is_amount(row.cost) else ""


def duration(seconds: float | None) -> str:
    """Seconds as a person says them: ``8 s``, ``1 min 05 s``, ``2 h 03 min``; empty when unknown.

    >>> duration(8.4), duration(65), duration(7400), duration(None)
    ('8 s', '1 min 05 s', '2 h 03 min', '')
    """
    if seconds is None or not math.isfinite(seconds):
        return ""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def megabytes(count: float | None) -> str:
    """Size of a file: ``2.5 MB``, ``14 kB``; a MB is 1 000 000 bytes here as in the limits.

    >>> megabytes(2_523_431), megabytes(14_200), megabytes(None)
    ('2.5 MB', '15 kB', '')
    """
    if count is None:
        return ""
    return f"{count / 1e6:.1f} MB" if count >= 99_500 else f"{math.ceil(count / 1e3)} kB"


def label(row: Row, limit: int = 240) -> str:
    """What a run is called on boards: study and variant, or the start of its prompt in place of either, else its id.

    Where there is no room for both, the study is shortened first: on a board it is the same in all rows.
    """
    prompt = " ".join(str(row.prompt or "").split())
    own = plain(row.variant, limit) or plain(prompt, min(limit, 80))
    study = plain(row.study, max(limit - len(own) - 3, limit // 3))
    parts = [study, plain(own, limit - len(study) - 3) if study else own]
    return " · ".join(part for part in parts if part) or f"run {row.run_id[:8]}"


def source(
    video: str | os.PathLike[str] | None, folder: str | os.PathLike[str] | None, served: bool | None = None
) -> str | None:
    """Address of a clip relative to the notebook's folder, as a URL path; None where no notebook server would serve it.

    A relative address is the one kind that plays and seeks in JupyterLab and Notebook 7, trusted or not, under any base
    URL, with or without a kernel. The server answers 404 in hidden folders and knows nothing above its root, of which
    the kernel cannot tell more than that it is seldom more than two folders up.

    Parameters
    ----------
    video : path, optional
        The clip. A URL of a media store is none of the notebook server's files.
    folder : path, optional
        Folder of the notebook; the working directory when None.
    served : bool, optional
        Whether the server reaches it, where that is known (`wan_nb.frontends.serves`).

    Examples
    --------
    >>> source("/home/me/nb/wan_runs/videos/a b.mp4", "/home/me/nb")
    'wan_runs/videos/a%20b.mp4'
    >>> source("s3://bucket/clip.mp4", "/home/me/nb") is None
    True
    """
    if video is None or served is False or "://" in str(video) or len(str(video)) > 1000:
        return None
    base = Path(folder) if folder is not None else Path.cwd()
    try:
        parts = Path(os.path.relpath(base / video, base)).parts
        # Percent-encoding each part leaves no colon, quote, bracket or slash of the name's own: no scheme, no markup.
        encoded = [quote(os.fsencode(part), safe="") for part in parts]
    except ValueError:  # another drive, or a name that no file system has
        return None
    ups = sum(part == ".." for part in parts)
    if (ups > 2 and not served) or ups == len(parts) or any(part.startswith(".") for part in parts[ups:]):
        return None
    return "/".join(encoded)


def pictures(row: Row) -> str:
    """What a run is made from, by the names of the files: for rows that have no clip to show yet."""
    columns = dict.fromkeys(spec.column or spec.name for spec in catalog.FIELDS if spec.kind in {"image", "clip"})
    given = [name for column in columns for name in str(getattr(row, column, None) or "").split(", ") if name]
    names = [plain(name.replace("\\", "/").rpartition("/")[2], 40) for name in given]
    return " → ".join(dict.fromkeys(names))


def measures(row: Row) -> list[str]:
    """What the clip is, as far as it is known, and which model made it."""
    size = f"{row.width}×{row.height}" if row.width and row.height else plain(row.resolution, 20)
    seconds = f"{row.duration} s" if row.duration else ""
    sound = "" if row.has_audio is None else "with sound" if row.has_audio else "silent"
    return [part for part in (plain(row.model, 60), size, seconds, sound, megabytes(row.bytes)) if part]


def stars(row: Row) -> str:
    """The rating that a person gave, such as ``★★★★☆``; empty without one."""
    return "★" * row.rating + "☆" * (5 - row.rating) if row.rating else ""


def unchecked(row: Row) -> str:
    """What to know about a clip that was kept although it could not be checked; empty for every other run."""
    if str(row.status) != "SUCCEEDED" or row.error_code != UNCHECKED:
        return ""
    return f"Kept as it was delivered, but not checked: {plain(row.error_message, 200)}"


def line(row: Row) -> str:
    """One run as one line of text, for terminals and for hosts without HTML."""
    marks = marks_of(row)
    parts = [
        f"run {row.run_id[:8]}",
        state(row.status).word,
        label(row, 60),
        f"seed {row.seed}" if row.variant and row.seed is not None else "",
        price(row),
        " ".join(measures(row)),
        stars(row),
        "dropped" if marks["dropped"] else "",
        " ".join(f"#{plain(one, 40)}" for one in marks["tags"][:12]),
        plain(marks["note"], 80),
        plain(row.video, 300),
        plain(row.error_message, 200) if state(row.status).tone == "bad" else unchecked(row),
        "SIMULATED" if row.simulated else "",
    ]
    return " · ".join(part for part in parts if part)


def totals(rows: Sequence[Any]) -> str:
    """How many are in which state, and what was spent: ``5 done · 1 failed · spent CNY 15.00``."""
    words = Counter(state(row.status).word for row in rows)
    spent: Counter[str] = Counter()
    for row in rows:
        if str(row.status) == "SUCCEEDED" and not row.simulated and row.cost:
            spent[str(row.currency)] += row.cost
    money_words = [f"spent {money(amount, currency)}" for currency, amount in spent.items()]
    simulated = sum(bool(row.simulated) for row in rows)
    note = [f"{simulated} simulated, not counted" if simulated < len(rows) else "all simulated, nothing spent"]
    return " · ".join([f"{count} {word}" for word, count in words.items()] + money_words + (note if simulated else []))
