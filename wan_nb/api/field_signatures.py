"""Signatures and docstrings that name the fields of the catalog in place of ``**fields``."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, TypeVar

from wan_nb.api import catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["names_fields", "told_fields"]

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
    function.__doc__ = told_fields(function.__doc__, fields, "**fields")
    return function


def told_fields(doc: str | None, fields: Sequence[catalog.Field], rest: str = "") -> str:
    """A docstring with these fields where its line ``**fields`` stands, and `rest` after them."""
    lines = [line for f in fields for line in (f"{f.name} : {_type(f)}", f"    {_told(f)}")]
    # Before Python 3.13 a docstring keeps the indentation of its source.
    return _MARK.sub(lambda mark: "\n".join(mark[1] + line for line in filter(None, [*lines, rest])), doc or "")


def _type(field: catalog.Field) -> str:
    if not field.limits:
        return field.type.__name__
    return f"{field.kind} by number" if field.where == "item" else f"{field.kind}{' or a list' * field.listed}"


def _told(field: catalog.Field) -> str:
    told = [field.help]
    told += [f"Taken by {', '.join(catalog.takers(field.name))}." for _ in range(len(catalog.takers(field.name)) < 8)]
    if field.max_characters:
        told.append(f"At most {field.max_characters} characters.")
    if field.minimum is not None:
        told.append(f"{field.minimum} to {field.maximum}{f' {field.unit}' if field.unit else ''}, by model.")
    told += [f"{special.value}: {special.help}." for special in field.specials]
    if field.api_default not in {None, field.default}:
        told.append(f"The service's own default is {field.api_default}.")
    return " ".join(told)
