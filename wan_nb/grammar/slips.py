r"""Lines of a cell that would be bought as text and were hardly meant so: options in the prompt, lists, another cell.

A ``\`` at the start of such a line takes it literally, and so does ``--raw`` with all of them.
"""

from __future__ import annotations

import re
from functools import cache
from numbers import Number
from pathlib import Path
from types import ModuleType, NoneType
from typing import TYPE_CHECKING, Any

from wan_nb.arguments import shown
from wan_nb.errors import InvalidMedia, InvalidOption, did_you_mean
from wan_nb.grammar import options
from wan_nb.grammar.variants import looks_like_separator, write_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["refuse", "refuse_bare_name", "unescaped", "write_prompts"]

_LIST = re.compile(r"\s*[-\u2010-\u2015\u2212\u2043\uff0d]\s+\w")
"""One dash and a word: two such lines look like variants."""

_MAGIC = re.compile(r"\s*%%?wan(?!\w)")
"""A line of another cell."""

_CODE = re.compile(
    r"\s*(?:%%?(?:load_ext|reload_ext|config|matplotlib|pip|conda|run|time|timeit|cd|env)(?!\w)|!\s*(?:pip|ls|cd)\s"
    r"|(?:import|from)\s+wan_nb(?!\w)|[^\W\d]\w*(?:\.[^\W\d]\w*)+\([^()]*\)\s*;?\s*$)"
)
"""A line of code, as two merged cells leave it."""

_LITERAL = " A \\ at the start of the line takes it literally, --raw all lines."


@cache
def _option() -> re.Pattern[str]:
    """A long option of a cell, as a word of its own; also the one that is gone."""
    flags = sorted(
        {text for option in options.CELL for text in option.spellings if text.startswith("--")} | {"--again"},
        key=len,
        reverse=True,
    )
    return re.compile(rf"(?<!\S)(?:{'|'.join(map(re.escape, flags))})(?![^\s=])")


def _has_slip(line: str) -> bool:
    r"""Whether a line is a slip, behind any number of ``\``; what looks like a separator is told as such."""
    text = line.lstrip("\\")
    return not looks_like_separator(line) and any(
        (_LIST.match(text), _MAGIC.match(text), _CODE.match(text), _option().search(text))
    )


def _is_refused(line: str) -> bool:
    """Whether a line is a slip that is not taken literally; an option at its start looks like a separator too."""
    return not line.startswith("\\") and (_has_slip(line) or _option().match(line.lstrip()) is not None)


def refuse(body: str) -> None:
    r"""Raise where a line of a body is hardly meant as text.

    >>> refuse("a cat\n- calm\n\\--seed is a word")

    Raises
    ------
    InvalidOption
        The line, and the two ways to mean it.
    """
    lines = [line for line in body.split("\n") if _is_refused(line)]
    for line in lines:
        if found := _MAGIC.match(line):
            raise InvalidOption(
                f"a second {found[0].strip()} stands in the prompt and would be sent as text.",
                field="prompt",
                remedy=f"Give it a cell of its own.{_LITERAL}",
            )
        if _CODE.match(line):
            raise InvalidOption(
                f"code stands in the prompt and would be sent as text: {shown(line.strip())}.",
                field="prompt",
                remedy=f"Give it a cell of its own.{_LITERAL}",
            )
        if found := _option().search(line):
            raise InvalidOption(
                f"{found[0]} stands in the prompt and would be sent as text: {shown(line.strip())}.",
                field="prompt",
                remedy=f"Options stand on the %%wan line.{_LITERAL}",
            )
    listed = [line for line in lines if _LIST.match(line)]
    if len(listed) > 1:
        label = re.sub(r"^\W+", "", listed[0]).strip()
        raise InvalidOption(
            f"{len(listed)} lines begin as {shown(listed[0].strip())} does: they would be one prompt.",
            field="prompt",
            remedy=f"`--- {label[:40]}` begins a variant.{_LITERAL}",
        )


_BARE = re.compile(
    r"[{$%\s(<\[｛（《【「]*(?P<name>[^\W\d]\w*)(?P<more>(?:\.\w+|\.frame\([\d.]+\))*)[}\s)>\]｝）》】」]*"
)
"""A name as it is given without its double braces, or in those of other languages and keyboards."""


_NO_MATERIAL = (NoneType, Number, ModuleType)


def refuse_bare_name(field: str, values: Iterable[Any], names: Mapping[str, Any]) -> None:
    """Raise where a file is wanted, none is there, and a variable of that name is.

    Parameters
    ----------
    field : str
        Of the request.
    values : iterable
        As given; only texts are looked at.
    names : mapping
        Variables of the notebook.

    Raises
    ------
    InvalidMedia
        It names the variable in double braces.
    """
    for text in values:
        found = _BARE.fullmatch(text) if isinstance(text, str) else None
        if found is None or Path(text).expanduser().exists():
            continue
        name = _name(found["name"], names)
        if not name:
            continue
        raise InvalidMedia(
            f"{field}: there is no file {shown(text, typed=True)}, but a variable of that name.",
            field=field,
            remedy=did_you_mean([f"{{{{{name}{found['more']}}}}}"]),
        )


def _name(typed: str, names: Mapping[str, Any]) -> str:
    """The variable of a name, in its own capitals, that may be a material; empty if there is none."""
    for name in (typed, *(one for one in names if one.casefold() == typed.casefold())):
        meant = names.get(name)
        if not (name.startswith("_") or callable(meant) or isinstance(meant, _NO_MATERIAL)):
            return name
    return ""


def unescaped(body: str) -> str:
    r"""The body without the ``\`` of lines that are slips.

    >>> unescaped(r"\- calm" + "\n" + r"\a dog")
    '- calm\n\\a dog'
    """
    return "\n".join(line[1:] if line.startswith("\\") and _has_slip(line) else line for line in body.split("\n"))


def write_prompts(variants: Sequence[tuple[str, str]]) -> str:
    r"""The body of a cell that is read as these variants.

    >>> print(write_prompts([("", "- calm")]))
    \- calm
    """
    return write_body([(label, _escaped(prompt)) for label, prompt in variants])


def _escaped(text: str) -> str:
    return "\n".join(f"\\{line}" if _has_slip(line) else line for line in text.split("\n"))
