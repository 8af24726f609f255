"""Which front end runs this process (notebook, terminal, script ...), what it can do, and where its notebook lies."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from wan_nb import paths
from wan_nb.imports import imported, in_marimo
from wan_nb.settings import environment

__all__ = [
    "FRONT_ENDS",
    "FrontEnd",
    "can_run",
    "cell_id",
    "front_end",
    "in_jupyter",
    "in_lab",
    "notebook_folder",
    "notebook_name",
    "serves",
    "shell",
]


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """What a front end can do.

    Attributes
    ----------
    name : str
    where : str
        The programs that are meant.
    sign : str
        How it is recognised.
    kernel : bool
        Outputs are those of a notebook, with HTML.
    live : bool
        Widgets move while a run goes on.
    returns : bool
        Somebody can come back to this process after a cell: answer a question, press a button, look again.
    waits : bool
        A cell waits for its clip where nobody says otherwise.
    serves : bool
        A clip plays from its file, by an address relative to the notebook.
    magics : bool
        Lines that begin with ``%`` can be typed.
    """

    name: str
    where: str
    sign: str
    kernel: bool = False
    live: bool = False
    returns: bool = False
    waits: bool = False
    serves: bool = False
    magics: bool = True

    @property
    def unattended(self) -> bool:
        """A notebook or file that is run from its beginning to its end with nobody there to be asked."""
        return self.waits and not self.returns


_NOTEBOOK = {"kernel": True, "live": True, "returns": True, "serves": True}

FRONT_ENDS = {
    front.name: front
    for front in (
        FrontEnd("notebook", "JupyterLab, Notebook, nbclassic, VS Code", "a kernel that may ask", **_NOTEBOOK),
        FrontEnd("voila", "voila", "`VOILA_BASE_URL` is set", **_NOTEBOOK | {"serves": False}),
        # Its boards stop moving when their cell has ended.
        FrontEnd("colab", "Colab", "`google.colab` is loaded", **_NOTEBOOK | {"serves": False, "waits": True}),
        FrontEnd("kaggle", "Kaggle", "`KAGGLE_KERNEL_RUN_TYPE` is set", **_NOTEBOOK | {"serves": False}),
        FrontEnd("batch", "nbclient, papermill, nbconvert, jupyter-cache, myst-nb", "a kernel that may not ask",
                 kernel=True, waits=True, serves=True),
        FrontEnd("console", "jupyter console, qtconsole, Spyder", "the program that started the kernel",
                 returns=True, waits=True),
        FrontEnd("marimo", "marimo", "`marimo.running_in_notebook()`", **_NOTEBOOK | {"serves": False}, magics=False),
        FrontEnd("terminal", "IPython in a terminal", "IPython's own prompt", returns=True, waits=True),
        FrontEnd("script", "`ipython FILE`", "IPython with a file, `-c`, or input that is no terminal", waits=True),
        FrontEnd("embedded", "an IPython shell inside another program", "no kernel and no prompt", returns=True),
        FrontEnd("python", "Python", "no IPython", magics=False),
    )
}  # fmt: skip
"""Every front end by its name."""

_CONSOLES = frozenset({"jupyter-console", "jupyter_console", "jupyter-qtconsole", "qtconsole", "spyder"})


def front_end() -> FrontEnd:
    """The front end of this process, as it is now."""
    return FRONT_ENDS[_name(shell())]


def can_run() -> bool:
    """Whether there are threads, processes and sockets: not in Pyodide, where JupyterLite and marimo's pages run."""
    return sys.platform != "emscripten"


def shell() -> Any:
    """The IPython shell of this process, or None; imports nothing."""
    return getattr(imported("IPython"), "get_ipython", lambda: None)()


def _name(running: Any) -> str:
    if in_marimo():
        return "marimo"
    if running is None:
        return "python"
    if (kernel := getattr(running, "kernel", None)) is not None:
        return _kernel_name(kernel)
    terminal = imported("IPython.terminal.interactiveshell")
    if terminal is None or not isinstance(running, terminal.TerminalInteractiveShell):
        return "embedded"
    # The application says whether a prompt comes after the file or the code that it was given.
    prompt = getattr(running.parent, "interact", True) and getattr(sys.stdin, "isatty", lambda: False)()
    return "terminal" if prompt else "script"


def in_jupyter() -> bool:
    """Whether a Jupyter server has started this kernel for a notebook of its own: its pages show our HTML as it is."""
    return Path(environment().get("JPY_SESSION_NAME", "")).is_absolute()


def _kernel_name(kernel: Any) -> str:
    """Whose kernel it is. Voila forbids questions as batch programs do, and a notebook run by Kaggle is batch."""
    if environment().get("VOILA_BASE_URL"):
        return "voila"
    if getattr(kernel, "_allow_stdin", True) is False:  # the one sign of nbclient and papermill that there is
        return "batch"
    if imported("google.colab") is not None:
        return "colab"
    if environment().get("KAGGLE_KERNEL_RUN_TYPE"):
        return "kaggle"
    return "notebook" if _CONSOLES.isdisjoint(_program(os.getppid())) else "console"


@cache
def _program(pid: int) -> frozenset[str]:
    """First words of a process's command without their folders; empty where the system does not tell."""
    psutil: Any = imported("psutil")  # which every kernel has loaded
    if psutil is None:
        return frozenset()
    try:
        return frozenset(Path(word).name.removesuffix(".exe") for word in psutil.Process(pid).cmdline()[:3])
    except psutil.Error:
        return frozenset()


# --- where the notebook lies


def notebook_name() -> str:
    """The notebook that this process belongs to, as Jupyter's server tells it; elsewhere its folder."""
    return environment().get("JPY_SESSION_NAME") or str(notebook_folder())


def cell_id() -> str:
    """Id of the cell that is running, where the front end tells it; else empty."""
    found = _told_of_cell().get("cellId")
    return found if isinstance(found, str) else ""


def in_lab() -> bool:
    """Whether JupyterLab or Notebook 7 runs the cell, whose pages show a widget in a place in plain HTML.

    They alone say with each cell which cells were deleted before it.
    """
    return front_end().live and "deletedCells" in _told_of_cell()


def _told_of_cell() -> dict[str, Any]:
    """What the front end says beside the code of the cell that is running."""
    parent = getattr(shell(), "parent_header", None)
    metadata = parent.get("metadata") if isinstance(parent, dict) else None
    return metadata if isinstance(metadata, dict) else {}


def notebook_folder() -> Path:
    """Folder of the notebook that this process belongs to, to which addresses in its outputs are relative.

    Jupyter's server tells the notebook as ``JPY_SESSION_NAME``, nbclassic its folder alone; VS Code tells it in a
    variable. Other front ends do not, or give a name that is no path; there it is where the kernel started, wherever
    its code has gone since.
    """
    if (named := _named()) is not None:
        folder = named if named.is_dir() else named.parent
        if folder.is_dir():
            return folder
    running = shell()
    started = getattr(running, "starting_dir", None) if getattr(running, "kernel", None) is not None else None
    return Path(started) if started and Path(started).is_dir() else paths.here()


def _named() -> Path | None:
    """The notebook, or its folder, as the front end has named it when the kernel started."""
    told = getattr(shell(), "user_ns", {}).get("__vsc_ipynb_file__") or environment().get("JPY_SESSION_NAME", "")
    named = Path(told) if isinstance(told, str) else Path()
    return named if named.is_absolute() else None


def serves(path: Path) -> bool | None:
    """Whether a file can be reached from the notebook's outputs by a relative address; None where nobody can know.

    It cannot where the front end serves no files, where the file lies outside of the server's root, and where the
    notebook has been moved since its kernel started, so that its folder is unknown.
    """
    front = front_end()
    if front.kernel and not front.serves:
        return False
    named = _named()
    if named is not None and named.suffix == ".ipynb" and not named.exists():
        return False
    root = _server_root()
    return path.is_relative_to(root) if root is not None else None


def _server_root() -> Path | None:
    """Root folder of the Jupyter server that started this kernel, from the file in which it says where it listens."""
    app = getattr(getattr(shell(), "kernel", None), "parent", None)
    connection = getattr(app, "abs_connection_file", None)
    return _root_of(str(Path(connection).parent), environment().get("JPY_PARENT_PID", "")) if connection else None


@cache
def _root_of(runtime: str, server: str) -> Path | None:
    try:
        told = json.loads((Path(runtime) / f"jpserver-{int(server)}.json").read_text(encoding="utf-8"))["root_dir"]
        return Path(told).resolve() if Path(told).is_absolute() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
