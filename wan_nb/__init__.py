"""Wan video generation in a notebook: find the prompt that works, never lose or pay twice for a clip.

::

    %load_ext wan_nb                       in a notebook: %%wan, %wan, their completions
    wan_nb.submit("a cat walks", first_frame="cat.jpg")

The way through the package: ``api`` says what may be sent, ``engine`` sends, remembers and fetches, ``studies``
compares, ``widgets`` show, ``simulator`` stands in for the service when there is no key.

Importing this module loads nothing heavy; each name below loads what it needs when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wan_nb.version import __version__ as __version__

if TYPE_CHECKING:  # what the table below says, for those who read the code without running it; a test compares them
    from IPython.core.interactiveshell import InteractiveShell

    from wan_nb import errors
    from wan_nb.api.request import VideoRequest
    from wan_nb.engine.loop import allow_nested
    from wan_nb.handles.default import (
        adopt,
        again,
        board,
        budget,
        bundle,
        cancel,
        close,
        compare,
        connect,
        cost,
        doctor,
        film,
        find,
        form,
        fresh,
        login,
        report,
        resume,
        run,
        runs,
        session,
        study,
        submit,
        vote,
    )
    from wan_nb.handles.run import Run
    from wan_nb.handles.session import Session
    from wan_nb.handles.study import Study

_HOMES = {
    name: module
    for module, names in {
        "wan_nb.api.request": "VideoRequest",
        "wan_nb.handles.default": "adopt again board budget bundle cancel close compare connect cost doctor film find"
        " form fresh login report resume run runs session study submit vote",
        "wan_nb.engine.loop": "allow_nested",
        "wan_nb.handles.run": "Run",
        "wan_nb.handles.session": "Session",
        "wan_nb.handles.study": "Study",
    }.items()
    for name in names.split()
}
"""Where each public name lives; loaded on first use."""

__all__ = [
    "Run",
    "Session",
    "Study",
    "VideoRequest",
    "adopt",
    "again",
    "allow_nested",
    "board",
    "budget",
    "bundle",
    "cancel",
    "close",
    "compare",
    "connect",
    "cost",
    "doctor",
    "errors",
    "film",
    "find",
    "form",
    "fresh",
    "load_ipython_extension",
    "login",
    "report",
    "resume",
    "run",
    "runs",
    "session",
    "study",
    "submit",
    "unload_ipython_extension",
    "vote",
]


if not TYPE_CHECKING:  # a name that is not there is an error to a type checker, not anything

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
    from wan_nb.magics.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take everything away again: ``%unload_ext wan_nb``."""
    from wan_nb.magics.magics import unload

    unload(shell)
