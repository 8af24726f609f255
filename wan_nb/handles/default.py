"""The one default session, and the module functions that use it. A script may have sessions of its own beside it."""

from __future__ import annotations

import inspect
import os
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from wan_nb.engine.endpoint import address
from wan_nb.handles import chosen_runs
from wan_nb.handles.session import Session
from wan_nb.paths import here
from wan_nb.public_functions import guarded
from wan_nb.sanitize import Secret, reveal
from wan_nb.settings import Settings, environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wan_nb.widgets.form.form import Form

__all__ = [
    "adopt",
    "again",
    "board",
    "budget",
    "bundle",
    "cancel",
    "close",
    "compare",
    "configure",
    "connect",
    "cost",
    "doctor",
    "film",
    "find",
    "form",
    "fresh",
    "login",
    "report",
    "resume",
    "run",
    "runs",
    "session",
    "study",
    "submit",
    "vote",
]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_default: Session | None = None
_configured: dict[str, Any] = {}
_chosen: dict[str, Any] = {}
"""Service and key that a person has given to `connect` or `login`, which last until `close`."""
_base: Path | None = None
"""Working directory when the default session was first opened, from which every later one starts too."""


@guarded
def session() -> Session:
    """The default session; opened on first use, anew after a fork."""
    global _default  # noqa: PLW0603  # the one module state of this package
    if _default is None or _default.pid != os.getpid():
        _default = _opened(**_configured | _chosen)
    return _default


def _opened(**settings: Any) -> Session:
    global _base  # noqa: PLW0603
    _base = _base or here()
    return Session(base=_base, **settings)


@guarded
def configure(**settings: Any) -> None:
    """Set what holds where no argument says otherwise, as ``%config WanMagics`` does; None takes it back.

    A budget holds from now on; another service is used from the next call on.

    Examples
    --------
    >>> configure(budget=20)
    >>> configure(budget=None)
    """
    told = Settings.resolve({}, **{"workspace": environment().get("WAN_NB_WORKSPACE"), **settings})
    address(told.service, told.workspace)  # a wrong value is said before anything has changed
    _configured.update(settings)
    if "service" in settings:
        _chosen.pop("service", None)
    current = _default
    if current is None or current.pid != os.getpid():
        return
    wanted = Settings.resolve(**_configured)
    if "service" in settings and wanted.service != current.settings.service:
        _close()
        return
    given = {"budget", "embed", "model", "notify", "user"} & set(settings)
    current.workspace.change(**{name: getattr(wanted, name) for name in given})


@guarded
def connect(service: str | None = None, **settings: Any) -> Session:
    """Choose the service of the default session; what was under way goes on and is found again with `resume`.

    A new session takes the place of the present one, which stays where nothing is given and service and key
    are its own.

    Parameters
    ----------
    service : str, optional
        ``simulator``, ``beijing``, ``singapore`` or a base URL; without it the present one, which was chosen last or
        is what the environment says.
    **settings
        See `Session`.

    Returns
    -------
    Session

    Examples
    --------
    >>> wan_nb.connect("simulator")  # doctest: +SKIP
    <Session simulator, log in .../wan_runs>
    """
    global _default  # noqa: PLW0603
    given = settings | ({"service": service} if service else {})
    old, fresh = _default, _opened(**_configured | _chosen | given)
    if not given and old is not None and old.pid == os.getpid() and _place(old) == _place(fresh):
        fresh.close()
        return old
    fresh.workspace.endpoint  # noqa: B018  # a wrong name or a missing key is said here, while the old session still stands
    _default = fresh
    _chosen.update((name, given[name]) for name in ("service", "api_key") if given.get(name))
    if old is not None and old.pid == os.getpid():
        old.close()
    return fresh


def _place(session: Session) -> tuple[str, str]:
    return session.settings.service, reveal(session.settings.api_key)


@guarded
def login(api_key: str | None = None, service: str | None = None) -> Session:
    """Take a key for the real service, typed without echo unless given, and keep it in memory only.

    Parameters
    ----------
    api_key : str, optional
        Asked for when it is missing, which is better: what is typed into a cell is saved with the notebook.
    service : str, optional
        ``beijing``, ``singapore`` or a base URL; without it the present one, or Beijing after the simulator.

    Returns
    -------
    Session
    """
    if service:
        address(service, session().settings.workspace)  # a wrong name is said before a key is asked for
    if api_key is None:
        from getpass import getpass

        api_key = getpass("DashScope API key (not shown, not stored): ")
    api_key = Secret(reveal(api_key).strip())  # a Verbose traceback shows the variables of this frame
    current = session().settings.service
    return connect(service or ("beijing" if current == "simulator" else current), api_key=api_key)


@guarded
def close() -> None:
    """Close the default session; the next use opens a new one. Tasks go on, and `resume` finds them again."""
    global _base  # noqa: PLW0603
    _close()
    _chosen.clear()
    _base = None


@guarded
def fresh() -> Path:
    """Begin a new log in the same place; the old one and its clips are moved into a folder beside it.

    Returns
    -------
    Path
        That folder. Renamed back to ``wan_runs``, it is the log again.

    Raises
    ------
    InvalidOption
        Log or clips lie in a folder that others may use, or there is no log yet.
    LogError
        Runs are under way.

    Examples
    --------
    >>> wan_nb.fresh()  # doctest: +SKIP
    PosixPath('.../wan_runs-20261129-091500')
    """
    aside = session().fresh()
    _close()
    return aside


def _close() -> None:
    global _default
    old, _default = _default, None
    if old is not None and old.pid == os.getpid():
        old.close()


def _of_session(method: Callable[Concatenate[Session, _P], _T]) -> Callable[_P, _T]:
    """A method as a function of the default session, with the method's own signature and documentation."""

    @wraps(method)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        return method(session(), *args, **kwargs)

    told = inspect.signature(method)
    call.__signature__ = told.replace(parameters=[*told.parameters.values()][1:])  # type: ignore[attr-defined]
    call.__module__, call.__qualname__ = __name__, method.__name__
    return call


submit = _of_session(Session.submit)
study = _of_session(Session.study)
run = _of_session(Session.run)
runs = _of_session(Session.runs)
find = _of_session(Session.find)
resume = _of_session(Session.resume)
adopt = _of_session(Session.adopt)
budget = _of_session(Session.budget)
compare = _of_session(Session.compare)
vote = _of_session(Session.vote)
report = _of_session(Session.report)
film = _of_session(Session.film)
cancel = _of_session(Session.cancel)
again = _of_session(Session.again)
cost = _of_session(Session.cost)
doctor = _of_session(Session.doctor)
bundle = _of_session(Session.bundle)


@guarded
def form(source: Any = None, /, *, session: Session | None = None) -> Form:
    """A form with the board of its runs beneath: one request, or a study of prompts parted by ``---`` lines.

    Parameters
    ----------
    source : Run, run id, row of the DataFrame, or path of a clip or its sidecar, optional
        To begin with.
    session : Session, optional
        The default one without it.

    Returns
    -------
    Form
        Shows itself as the last line of a cell.

    Examples
    --------
    >>> wan_nb.form()       # doctest: +SKIP
    >>> wan_nb.form(run)    # doctest: +SKIP
    """
    return (session or _current()).form(source)


@guarded
def board(session: Session | None = None) -> Any:
    """Show the newest runs of the log, and those to come, on a live board.

    Returns
    -------
    None, or in marimo the board, which its cell shows as its last value

    Examples
    --------
    >>> wan_nb.board()  # doctest: +SKIP
    """
    return (session or _current()).board()


def _current() -> Session:
    """The default session, for functions with a parameter of its name."""
    return session()


chosen_runs.default_session = _current
