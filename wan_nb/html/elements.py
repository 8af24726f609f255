"""Elements of cards and tables, whose contents are text unless they are `Markup`, and their common styles.

An untrusted notebook keeps inline styles only from a list (no ``object-fit``, no gradients) and ``<video src>`` but not
``<source src>``; GitHub drops ``<video>`` and styles but shows ``<img>`` (measured in JupyterLab 4.6 and Notebook 7.6).
So colours are inherited, and shades are half transparent greys that are readable on light and dark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from wan_nb.html.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["GREY", "SOFT", "badge", "box", "cell", "line_of", "table", "tag"]

SOFT = "opacity:.8"
"""Style of what matters less."""

GREY = "rgba(128,128,128,{})"
"""A shade of this opacity."""

_EMPTY = frozenset({"img"})
_BOX = (
    f"box-sizing:border-box;max-width:{{}}px;margin:4px 0;padding:12px 14px;border:1px solid {GREY.format('.35')};"
    "border-radius:8px;font-family:system-ui,sans-serif;font-size:.93em;line-height:1.5;text-align:left;"
    "overflow-wrap:anywhere"
)
_BADGE = (
    "display:inline-block;padding:0 6px;border:1px solid;border-radius:4px;font-size:.85em;font-weight:600;"
    "letter-spacing:.06em;white-space:nowrap"
)
# Hosts stripe their tables, rule off their heads, colour the row under the mouse and choose the letters, for numbers.
_PLAIN = "background-color:transparent"
_TABLE = f"border-collapse:collapse;font-size:inherit;{_PLAIN}"
_PART = f"border:0;{_PLAIN}"
_CELL = f"padding:4px 12px 4px 0;border:0;text-align:left;vertical-align:top;{_PLAIN}"


def tag(name: str, *inside: object, **attributes: object) -> Markup:
    """An element; what is in it and in its attributes is text, unless it is `Markup`. None leaves an attribute out.

    >>> tag("a", "1 < 2", href="x.mp4", aria_label='"', title=None)
    Markup('<a href="x.mp4" aria-label="&#34;">1 &lt; 2</a>')
    """
    given = {key.replace("_", "-"): value for key, value in attributes.items() if value is not None}
    told = Markup().join(Markup(' {}="{}"').format(key, escape(value)) for key, value in given.items())
    if name in _EMPTY:
        return Markup("<{}{}>").format(name, told)
    return Markup("<{0}{1}>{2}</{0}>").format(name, told, Markup().join(map(escape, inside)))


def box(*inside: object, width: int, scrolls: bool = False) -> Markup:
    """Elements with a border around them, at most so many pixels wide."""
    return tag("div", *inside, style=_BOX.format(width) + (";overflow-x:auto" if scrolls else ""))


def badge(*, simulated: bool | None) -> Markup:
    """The mark of what the simulator made."""
    return tag("span", "SIMULATED", style=_BADGE) if simulated else Markup()


def cell(*inside: object, head: str | None = None, style: str = "") -> Markup:
    """A cell of a table, or the head of a ``row`` or ``col``."""
    weight = {"row": ";font-weight:400", "col": ";font-weight:600", None: ""}[head]
    return tag("th" if head else "td", *inside, scope=head, style=f"{_CELL}{weight}{style and ';' + style}")


def line_of(*cells: object, style: str = "") -> Markup:
    """A row of a table."""
    return tag("tr", *cells, style=";".join(filter(None, [_PLAIN, style])))


def table(head: Markup, lines: Iterable[Markup], *, style: str) -> Markup:
    """A table of a head, empty where there is none, and rows; both by `line_of`."""
    top = tag("thead", head, style=_PART) if head else ""
    return tag("table", top, tag("tbody", *lines, style=_PART), style=f"{_TABLE};{style}")
