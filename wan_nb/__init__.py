"""Wan 2.7 image-to-video in a notebook: find the prompt that works, never lose or pay twice for a clip.

::

    %load_ext wan_nb                       in a notebook: %%wan, %wan, their completions
    wan_nb.submit("a cat walks", first_frame="cat.jpg")

The way through the package: ``api`` says what may be sent, ``engine`` sends, remembers and fetches, ``studies``
compares, ``ui`` shows, ``simulator`` stands in for the service when there is no key.

Importing this module loads nothing heavy; each name below loads what it needs when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__version__ = "0.1.0"

_HOMES = {
    "Run": "wan_nb.engine.run",
    "Session": "wan_nb.engine.session",
    "Study": "wan_nb.studies.study",
    "VideoRequest": "wan_nb.api.request",
    "adopt": "wan_nb.default",
    "again": "wan_nb.default",
    "allow_nested": "wan_nb.engine.loop",
    "board": "wan_nb.ui.desk",
    "bundle": "wan_nb.default",
    "cancel": "wan_nb.default",
    "close": "wan_nb.default",
    "compare": "wan_nb.ui.desk",
    "connect": "wan_nb.default",
    "cost": "wan_nb.default",
    "doctor": "wan_nb.default",
    "form": "wan_nb.ui.form",
    "login": "wan_nb.default",
    "report": "wan_nb.ui.desk",
    "resume": "wan_nb.default",
    "run": "wan_nb.default",
    "runs": "wan_nb.default",
    "session": "wan_nb.default",
    "study": "wan_nb.default",
    "submit": "wan_nb.default",
    "vote": "wan_nb.ui.desk",
}
"""Where each public name lives; loaded on first use."""

__all__ = sorted([*_HOMES, "errors", "load_ipython_extension", "unload_ipython_extension"])  # noqa: PLE0605  # one table


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "errors":
        return import_module("wan_nb.errors")
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'wan_nb' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__doc__", "__version__"]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register ``%wan``, ``%%wan`` and their completions: ``%load_ext wan_nb``."""
    from wan_nb.ui.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take everything away again: ``%unload_ext wan_nb``."""
    from wan_nb.ui.magics import unload

    unload(shell)
