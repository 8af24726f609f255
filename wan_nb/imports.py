"""Which modules are loaded: the only reader of ``sys.modules`` and ``sys.meta_path``."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

__all__ = ["imported", "in_marimo", "leaving_out"]


def imported(name: str) -> ModuleType | None:
    """A module that is there as a whole, or None: one in mid-import by another thread is in ``sys.modules`` as well.

    Examples
    --------
    >>> imported("sys") is sys, imported("never_heard_of")
    (True, None)
    """
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    return None if spec is None or getattr(spec, "_initializing", False) else module


def in_marimo() -> bool:
    """Whether this is a notebook of marimo, which has no magics and no IPython."""
    return bool(getattr(imported("marimo"), "running_in_notebook", bool)())


class _Without:
    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, fullname: str, path: Any, target: Any = None, /) -> None:  # noqa: ARG002
        if fullname == self._name:
            raise ModuleNotFoundError(f"{fullname} is left out", name=fullname)


@contextmanager
def leaving_out(name: str) -> Iterator[None]:
    """Import a package without one of its modules, which it says it can do without; later the module can be imported.

    Examples
    --------
    >>> with leaving_out("json.tool"):
    ...     import json
    """
    finder = _Without(name)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
