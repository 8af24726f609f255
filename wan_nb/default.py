"""The one default session, and the module functions that use it. A script may have sessions of its own beside it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from wan_nb.engine.session import Session
from wan_nb.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from wan_nb.engine.cost import Cost
    from wan_nb.engine.doctor import Findings
    from wan_nb.engine.run import Run
    from wan_nb.studies.study import Study

__all__ = [
    "adopt",
    "again",
    "bundle",
    "cancel",
    "close",
    "configure",
    "connect",
    "cost",
    "doctor",
    "login",
    "resume",
    "run",
    "runs",
    "session",
    "study",
    "submit",
]

_default: Session | None = None
_configured: dict[str, Any] = {}


def session() -> Session:
    """The default session; opened on first use, anew after a fork."""
    global _default  # noqa: PLW0603  # the one module state of this package
    if _default is None or _default.pid != os.getpid():
        _default = Session(**_configured)
    return _default


def configure(**settings: Any) -> None:
    """Set what holds where no argument says otherwise, as ``%config WanMagics`` does; None takes it back.

    A budget holds from now on; another service is used from the next call on.

    Examples
    --------
    >>> configure(budget=20)
    >>> configure(budget=None)
    """
    Settings.resolve({}, **settings)  # a wrong value is said before anything has changed
    _configured.update(settings)
    current = _default
    if current is None or current.pid != os.getpid():
        return
    wanted = Settings.resolve(**_configured)
    if "service" in settings and wanted.service != current.settings.service:
        close()
    elif "budget" in settings:
        current.set_budget(wanted.budget)


def connect(service: str | None = None, **settings: Any) -> Session:
    """Make a new default session; what was under way goes on and is found again with `resume`.

    Parameters
    ----------
    service : str, optional
        ``simulator``, ``beijing``, ``singapore`` or a base URL; without it, what the environment says.
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
    key = _default.settings.api_key if _default is not None else None  # one typed at %wan login lasts
    chosen = {"api_key": key, **_configured, **({"service": service} if service else {}), **settings}
    old, fresh = _default, Session(**chosen)
    fresh.place  # noqa: B018  # a wrong name or a missing key is said here, while the old session still stands
    _default = fresh
    if old is not None and old.pid == os.getpid():
        old.close()
    return fresh


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
    if api_key is None:
        from getpass import getpass

        api_key = getpass("DashScope API key (not shown, not stored): ")
    current = session().settings.service
    return connect(service or ("beijing" if current == "simulator" else current), api_key=api_key.strip())


def close() -> None:
    """Close the default session."""
    global _default
    old, _default = _default, None
    if old is not None and old.pid == os.getpid():
        old.close()


def submit(prompt: str | None = None, /, **options: Any) -> Run:
    """Ask for a clip; see `Session.submit`.

    Examples
    --------
    >>> run = wan_nb.submit("a cat walks", first_frame="cat.jpg", duration=5)  # doctest: +SKIP
    """
    return session().submit(prompt, **options)


def study(variants: Any = None, /, *, name: str | None = None, **options: Any) -> Study:
    """Plan a comparison, or open one by its name; see `Session.study`."""
    return session().study(variants, name=name, **options)


def run(run_id: str) -> Run:
    """Return a run by the unique beginning of its id; see `Session.run`."""
    return session().run(run_id)


def runs(**filters: Any) -> pd.DataFrame:
    """Return the runs of the log as a DataFrame; see `Session.runs`."""
    return session().runs(**filters)


def resume(*, wait: bool = False) -> list[Run]:
    """Take up every unfinished run; see `Session.resume`."""
    return session().resume(wait=wait)


def adopt(*task_ids: str) -> list[Run]:
    """Take tasks of the account into the log; see `Session.adopt`."""
    return session().adopt(*task_ids)


def cancel(run_id: str) -> Run:
    """Cancel a run that still waits; see `Run.cancel`."""
    return run(run_id).cancel()


def again(run_id: str, **changes: Any) -> Run:
    """Buy another clip of a run's request; see `Run.again`."""
    return run(run_id).again(**changes)


def cost() -> Cost:
    """Return what was spent and what is left of the budget; see `wan_nb.engine.cost.Cost`."""
    from wan_nb.engine.cost import cost_of

    return cost_of(session())


def doctor(*, mend: bool = False) -> Findings:
    """Check key, service, clock, disk, files and versions; see `wan_nb.engine.doctor.examine`."""
    from wan_nb.engine.doctor import examine

    return examine(session(), mend=mend)


def bundle(path: str | Path = "wan_runs.zip", /, **filters: Any) -> Path:
    """Pack clips, sidecars, table and an index page into one file; see `wan_nb.engine.bundle.pack`."""
    from wan_nb.engine.bundle import pack

    return pack(session(), path, **filters)
