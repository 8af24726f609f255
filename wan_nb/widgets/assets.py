"""The browser's half, made one module: what a widget and a self-contained page carry with them."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["PLAYER", "module", "styles"]

STATIC = Path(__file__).parent / "static"

PLAYER = ("dom", "host_page", "transport", "clip_tile", "player_controls", "player", "kernel_channel")
"""What everything needs that plays clips on one clock."""

_IMPORT = re.compile(r'^import .* from "\./[\w.]+";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)
# Whole lines only, so that nothing inside code is touched.
_REMARK = re.compile(r"^ *(//.*|/\*\*?[^*]*(?:\*(?!/)[^*]*)*\*/) *\n", re.MULTILINE)
# Behind code only where no quote follows, so that nothing inside a string is touched.
_TAIL = re.compile(r"(?<=[\w;,{})\]]) +// [^\n\"'`]*$", re.MULTILINE)
# Types for the editor, inside of a line; no text of ours has such signs.
_TYPE = re.compile(r"/\*\* ?@type \{[^\n]*?\} ?\*/ ?")
_INDENT = re.compile(r"^ +", re.MULTILINE)
# Blanks beside signs outside of quotes; a line with a template or a pattern in it, and the last one, stay as they are.
_LITERAL = re.compile(r"`|^export |[(=,:!&|] */(?![/*])")
_QUOTED = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
# A notebook writes each double quote as two signs.
_PLAIN = re.compile(r"""^"([^"'\\]*)"$""")
_BESIDE = re.compile(r" *([=<>&|?:+*{}(),;!]+) *")
# A statement goes on behind these, or another begins: a line break means nothing.
_BREAK = re.compile(r"(?<=[;{,])\n")
_BLANKS = re.compile(r"(?<=[{};,:])\s+|\s+(?=[{}])")


def module(*names: str) -> str:
    """Files of ``static`` as one ES module, those first that others need.

    A widget takes one module as text, and a page opened from a disk may not import a second one. Remarks and indents
    are left out: a notebook that stores the state of its widgets stores this text too.

    Parameters
    ----------
    *names : str
        File names without ``.js``.

    Examples
    --------
    >>> "export class" in module("transport")
    False
    """
    text = "\n".join((STATIC / f"{name}.js").read_text(encoding="utf-8") for name in names)
    for pattern in (_IMPORT, _EXPORT, _REMARK, _TYPE, _TAIL, _INDENT):
        text = pattern.sub("", text)
    text = _BREAK.sub("", "\n".join(map(_tight, text.splitlines())))
    return re.sub(r"\n{2,}", "\n", text)


def _tight(line: str) -> str:
    if _LITERAL.search(line):
        return line
    parts = _QUOTED.split(line)  # every second one is a text
    return "".join(_PLAIN.sub(r"'\1'", part) if at % 2 else _BESIDE.sub(r"\1", part) for at, part in enumerate(parts))


def styles(*names: str) -> str:
    """Style sheets of ``static`` as one, without remarks and blanks that mean nothing."""
    text = "\n".join((STATIC / f"{name}.css").read_text(encoding="utf-8") for name in names)
    return _BLANKS.sub("", re.sub(r"/\*.*?\*/\n*", "", text, flags=re.DOTALL))
