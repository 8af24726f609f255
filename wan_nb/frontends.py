"""Which front end runs this process (notebook, terminal, script ...) and what it can do."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wan_nb import paths
from wan_nb.imports import imported
from wan_nb.settings import environment

__all__ = ["FRONT_ENDS", "FrontEnd", "front_end", "in_jupyter", "notebook_folder", "shell"]


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """What a front end can do.

    Attributes
    ----------
    sign : str
        How it is recognised.
    kernel : bool
        Outputs are those of a notebook, and are kept with it.
    live : bool
        Widgets move while a run goes on.
    returns : bool
        Somebody can come back to this process after a cell: answer a question, press a button, look again.
    waits : bool
        A cell waits for its clip where nobody says otherwise.
    """

    name: str
    sign: str
    kernel: bool = False
    live: bool = False
    returns: bool = False
    waits: bool = False


FRONT_ENDS = {
    front.name: front
    for front in (
        FrontEnd("notebook", "a kernel that may ask for input", kernel=True, live=True, returns=True),
        FrontEnd("batch", "a kernel that may not (nbclient, papermill)", kernel=True, waits=True),
        FrontEnd("terminal", "IPython's own prompt", returns=True, waits=True),
        FrontEnd("script", "IPython with a file, `-c`, or input that is no terminal", waits=True),
        FrontEnd("embedded", "an IPython shell inside another program", returns=True),
        FrontEnd("python", "no IPython"),
    )
}
"""Every front end by its name."""


def front_end() -> FrontEnd:
    """The front end of this process, as it is now."""
    return FRONT_ENDS[_name(shell())]


def shell() -> Any:
    """The IPython shell of this process, or None; imports nothing."""
    return getattr(imported("IPython"), "get_ipython", lambda: None)()


def _name(running: Any) -> str:
    if running is None:
        return "python"
    if (kernel := getattr(running, "kernel", None)) is not None:
        # The one sign of nbclient and papermill that there is.
        return "batch" if getattr(kernel, "_allow_stdin", True) is False else "notebook"
    terminal = imported("IPython.terminal.interactiveshell")
    if terminal is None or not isinstance(running, terminal.TerminalInteractiveShell):
        return "embedded"
    # The application says whether a prompt comes after the file or the code that it was given.
    prompt = getattr(running.parent, "interact", True) and getattr(sys.stdin, "isatty", lambda: False)()
    return "terminal" if prompt else "script"


def in_jupyter() -> bool:
    """Whether a Jupyter server has started this kernel for a notebook of its own: its pages show our HTML as it is."""
    return Path(environment().get("JPY_SESSION_NAME", "")).is_absolute()


def notebook_folder() -> Path:
    """Folder of the notebook that this process belongs to, to which addresses in its outputs are relative.

    Jupyter's server tells it as ``JPY_SESSION_NAME``, a path. Other front ends do not, or give a name that is no path;
    there it is where the kernel started, wherever its code has gone since.
    """
    named = Path(environment().get("JPY_SESSION_NAME", ""))
    if named.is_absolute() and named.parent.is_dir():
        return named.parent
    running = shell()
    started = getattr(running, "starting_dir", None) if getattr(running, "kernel", None) is not None else None
    return Path(started) if started and Path(started).is_dir() else paths.here()
