"""What a session is made of, each part opened on first use and closed in order."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from wan_nb.api.catalog import region_of
from wan_nb.engine.loop import LoopThread, load
from wan_nb.engine.service import Place, address, locate
from wan_nb.errors import Unavailable
from wan_nb.frontends import notebook_folder
from wan_nb.media.store import Store
from wan_nb.public import guarded
from wan_nb.sanitize import said
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wan_nb.api.catalog import Region
    from wan_nb.engine.runner import Flow
    from wan_nb.log.runlog import RunLog
    from wan_nb.settings import Settings

__all__ = ["Opened"]


@printed
@guarded
class Opened:
    """Settings, and the parts that come to be when they are needed.

    Parameters
    ----------
    settings : Settings

    Attributes
    ----------
    store : Store
        Where the clips live.
    notebook : Path
        Folder of the notebook, to which addresses in its outputs are relative; where it was at the first use.
    pid : int
        The process that made it; connections do not survive a fork.
    """

    def __init__(self, settings: Settings) -> None:
        address(settings.service)  # a service that there cannot be is said before anything is opened
        self.settings = settings
        self.store = Store.of(settings)
        self.notebook = notebook_folder()
        self.pid = os.getpid()
        self._lock = threading.RLock()
        self._loop: LoopThread | None = None
        self._log: RunLog | None = None
        self._flow: Flow | None = None
        self._place: Place | None = None
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        name = self._place.name if self._place else self.settings.service
        folder = self.settings.folder
        shown = folder.relative_to(self.notebook) if folder.is_relative_to(self.notebook) else folder
        mark = ": SIMULATED, no bill" if name == "simulator" else ""
        return f"<Session {name}{mark}, log in {shown}>"

    @property
    def closed(self) -> bool:
        """Whether nobody looks after its runs any more."""
        return self._closed

    @property
    def folder(self) -> Path:
        """Absolute folder of log and clips."""
        return self.settings.folder

    @property
    def log(self) -> RunLog:
        """The run log."""
        with self._lock:
            if self._log is None:
                self._check_open()
                load("wan_nb.log.runlog", "sqlalchemy.dialects.sqlite")
                from wan_nb.log.runlog import RunLog

                self.store.open()
                with suppress(PermissionError):  # a log elsewhere may do without it, and one here says what is wrong
                    self.folder.mkdir(parents=True, exist_ok=True)
                self._log = RunLog(self.settings.log, migrated=self.settings.migrate)
            return self._log

    @property
    def log_exists(self) -> bool:
        """Whether the log can be read without making one, as completion wants it."""
        return self._log is not None or (isinstance(self.settings.log, Path) and self.settings.log.exists())

    @property
    def loop(self) -> LoopThread:
        """The thread that does the I/O."""
        with self._lock:
            if self._loop is None:
                self._check_open()
                self._loop = LoopThread.acquire()
            return self._loop

    @property
    def place(self) -> Place:
        """The service; starts the simulator if that is the one."""
        with self._lock:
            if self._place is None:
                self._check_open()
                try:
                    self._place = locate(self.settings)
                except OSError as error:
                    self.log.check_writable()  # it keeps its tasks beside the log
                    raise Unavailable(f"the simulator cannot be started: {said(error)}") from error
            return self._place

    @property
    def region(self) -> Region:
        """Whose prices and currency apply; nothing is asked or started for it."""
        return self._place.region if self._place else region_of(address(self.settings.service))

    @property
    def flow(self) -> Flow:
        """The runs on their way."""
        with self._lock:
            if self._flow is None:
                load("wan_nb.engine.runner")
                from wan_nb.engine.runner import Flow

                self.log.check_writable()  # before the service is asked for anything
                flow = Flow(self.settings, self.place, self.log, self.store, self.loop)
                self.loop.sync(flow.open())
                self._flow = flow
            return self._flow

    def set_budget(self, budget: Mapping[str, float]) -> None:
        """Set the cap of any 24 h, per currency; holds for what is asked for from now on."""
        with self._lock:
            self.settings = self.settings.moved(budget=dict(budget))
            if self._flow is not None:
                self._flow.settings = self.settings

    def close(self) -> None:
        """Stop looking, close connections and log. Tasks go on at the service; the log knows them."""
        with self._lock:
            flow, log, loop = self._flow, self._log, self._loop
            self._flow = self._log = self._loop = None
            self._closed = True
        if self.pid != os.getpid():
            return  # threads and connections stayed in the parent of a fork, which goes on with them
        with ExitStack() as rest:  # each of them, in reverse, whatever an earlier one says
            if loop is not None:
                rest.callback(loop.release)
            if log is not None:
                rest.callback(log.close)
            if flow is not None and loop is not None:
                rest.callback(flow.close)
                loop.sync(flow.aclose(), timeout=10)

    def _check_open(self) -> None:
        if self._closed:
            from wan_nb.errors import LogError

            raise LogError("this session is closed.", remedy="Open a new one: wan_nb.Session(), or %wan connect.")
