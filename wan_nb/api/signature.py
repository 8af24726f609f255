"""Signatures that name the fields of the catalog: a bare ``**fields`` tells help and completion nothing."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, TypeVar

from wan_nb.api import catalog

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["names_fields"]

Function = TypeVar("Function", bound="Callable[..., object]")


def names_fields(function: Function) -> Function:
    """Decorate a function that takes ``**fields``, so that its signature names them with their defaults.

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
    fields = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default)
        for f in catalog.FIELDS
        if f.name not in taken
    ]
    vars(function)["__signature__"] = told.replace(parameters=[*before, *fields, *after])
    return function
