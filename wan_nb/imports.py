"""Look-up of loaded modules: the only reader of ``sys.modules``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["imported"]


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
