"""Signatures that name the fields of the catalog: a bare ``**fields`` tells help and completion nothing."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, TypeVar

from wan_nb.api import catalog

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["names_fields"]

_MARK = re.compile(r"^( *)\*\*fields$", re.MULTILINE)

Function = TypeVar("Function", bound="Callable[..., object]")


def names_fields(function: Function) -> Function:
    """Decorate a function that takes ``**fields``, so that its signature and its docstring name them.

    Examples
    --------
    >>> @names_fields
    ... def ask(prompt=None, /, *, name=None, **fields): ...
    >>> "first_frame=None" in str(inspect.signature(ask)), "resolution='720P'" in str(inspect.signature(ask))
    (True, True)
    """
    told = inspect.signature(function)
    given = [one for one in told.parameters.values() if one.kind is not one.VAR_KEYWORD]
    before = [one for one in given if one.kind is not one.KEYWORD_ONLY]
    after = [one for one in given if one.kind is one.KEYWORD_ONLY]
    taken = {one.name for one in given} | {"prompt"}
    fields = [f for f in catalog.FIELDS if f.name not in taken]
    named = [inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default) for f in fields]
    vars(function)["__signature__"] = told.replace(parameters=[*before, *named, *after])
    lines = [line for f in fields for line in (f"{f.name} : {f.kind or f.type.__name__}", f"    {_told(f)}")]
    # Before Python 3.13 a docstring keeps the indentation of its source.
    function.__doc__ = _MARK.sub(
        lambda mark: "\n".join(mark[1] + line for line in [*lines, "**fields"]), function.__doc__ or ""
    )
    return function


def _told(field: catalog.Field) -> str:
    if field.minimum is None:
        return field.help
    return f"{field.help} {field.minimum} to {field.maximum}{f' {field.unit}' if field.unit else ''}."
