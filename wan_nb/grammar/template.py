r"""Placeholders in prompts and options: ``{{name}}``, ``{{obj.attr}}`` and ``{{run.frame(2.5)}}``, nothing else.

In an option a run may also stand by its id, as in ``{{3f9c01ab.last_frame}}``.

A prompt is prose: single braces, dollars, per cent signs and quotes stand for themselves, and ``\{{`` is a literal
``{{``. Nothing is ever evaluated, and what was put in is not looked at again, so a value may hold any text.
"""

from __future__ import annotations

import datetime as dt
import numbers
import os
import re
from typing import TYPE_CHECKING, Any, Literal, overload

from wan_nb.arguments import shown
from wan_nb.errors import InvalidOption, did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["RUN_ID", "as_text", "expand", "placeholders"]

_MARK = re.compile(r"\\\{\{|\{\{(?P<inside>[^{}]*)\}\}|\{\{")
_FRAME = re.compile(r"(?P<run>[^()]+)\.\s*frame\s*\(\s*(?P<seconds>\d+(?:\.\d*)?|\.\d+)\s*\)\s*")
"""The one call that there is: a frame of a run at some seconds."""

RUN_ID = re.compile(r"[0-9a-f]{4,12}")
"""The id of a run, or its beginning: a material may be named by it where a variable could be."""

_PRINTABLE = (str, numbers.Number, os.PathLike, dt.date)
"""What reads in a sentence. An image or a list in a prompt is a slip that would be paid for."""


def placeholders(text: str) -> tuple[str, ...]:
    r"""Names that a text asks for, each once, in order; of ``{{obj.attr}}`` it is ``obj``.

    Raises
    ------
    InvalidOption
        A ``{{`` that is not a placeholder.

    Examples
    --------
    >>> placeholders(r"a {{who}} in {{place.name}}, \{{not this}}, {{who}}")
    ('who', 'place')
    """
    return tuple(dict.fromkeys(path[0] for match in _MARK.finditer(text) if (path := _path(match))))


@overload
def expand(text: str, namespace: Mapping[str, Any], *, allow_objects: Literal[False] = False) -> str: ...
@overload
def expand(text: str, namespace: Mapping[str, Any], *, allow_objects: bool) -> Any: ...
def expand(text: str, namespace: Mapping[str, Any], *, allow_objects: bool = False) -> Any:
    r"""Fill the placeholders of a text.

    Parameters
    ----------
    namespace : mapping of str to object
        Where names are looked up, such as the user's variables.
    allow_objects : bool
        A text that is one placeholder and nothing else gives the object itself (an image, a `Run`), as media
        options need it. Otherwise only text, numbers, dates and paths may be put in.

    Returns
    -------
    str, or any object with ``allow_objects``

    Raises
    ------
    InvalidOption
        An unknown name (the message names the nearest), a value that does not read as text, a ``{{`` that is not a
        placeholder.

    Examples
    --------
    >>> expand(r"a {{who}}, 100% {real}, \{{kept}}", {"who": "cat"})
    'a cat, 100% {real}, {{kept}}'
    """
    whole = _MARK.fullmatch(text.strip()) if allow_objects else None
    if whole and (path := _path(whole)):
        return _look_up(path, namespace)
    return _MARK.sub(lambda match: _as_text(path, namespace) if (path := _path(match)) else "{{", text)


def as_text(name: str, value: Any) -> str:
    """A value as it stands inside a text.

    Raises
    ------
    InvalidOption
        It does not read as text, such as an image or a list.

    Examples
    --------
    >>> as_text("count", 3)
    '3'
    """
    if not isinstance(value, _PRINTABLE):
        raise InvalidOption(
            f"{{{{{name}}}}} is of type {type(value).__name__}, which does not read as text.",
            remedy="Only text, numbers, dates and paths can stand inside a text.",
        )
    return str(value)


def _path(match: re.Match[str]) -> list[str]:
    """Names between the dots of a placeholder; empty for an escaped ``{{``."""
    if match.group().startswith("\\"):
        return []
    inside = match.group("inside")
    frame = _FRAME.fullmatch(inside or "")
    path = [part.strip() for part in (frame["run"] if frame else inside or "").split(".")]
    known = path[0].isidentifier() or RUN_ID.fullmatch(path[0])
    if not known or not all(part.isidentifier() for part in path[1:]):
        typed = match.group() if inside is not None else match.string[match.start() : match.start() + 20]
        raise InvalidOption(
            f"{shown(typed)} is not a placeholder: only {{{{name}}}}, {{{{obj.attr}}}} and {{{{run.frame(2.5)}}}} are.",
            remedy=r"Write \{{ for two literal braces.",
        )
    return [*path, f"frame({frame['seconds']})"] if frame else path


def _look_up(path: list[str], namespace: Mapping[str, Any]) -> Any:
    name, *attributes = path
    if name not in namespace:
        raise InvalidOption(
            f"no value for {{{{{name}}}}}. {did_you_mean(nearest(name, _public(namespace)))}",
            remedy=r"Define it, or write \{{ for two literal braces.",
        )
    value = namespace[name]
    for attribute in attributes:
        if attribute.startswith("frame(") and hasattr(value, "frame_at"):
            value, name = value.frame_at(float(attribute[6:-1])), f"{name}.{attribute}"
            continue
        # Underscored names are how templates elsewhere reach classes and globals; no prompt needs them.
        if attribute.startswith("_") or not hasattr(value, attribute):
            raise InvalidOption(
                f"{name} has no {shown(attribute)} to put in. {did_you_mean(nearest(attribute, _public(dir(value))))}"
            )
        value, name = getattr(value, attribute), f"{name}.{attribute}"
    return value


def _as_text(path: list[str], namespace: Mapping[str, Any]) -> str:
    return as_text(".".join(path), _look_up(path, namespace))


def _public(names: Iterable[str]) -> Iterator[str]:
    return (name for name in names if not str(name).startswith("_"))
