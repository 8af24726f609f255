"""`Workspace`: settings, the parts that are opened for them, and what they say and do about runs."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack, suppress
from dataclasses import replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from wan_nb.api import catalog
from wan_nb.engine import edition1_runs, media_folder
from wan_nb.engine.endpoint import address, identify, locate, region_named
from wan_nb.engine.loop import LoopThread, load
from wan_nb.errors import InvalidMedia, InvalidOption, LogError, NotFound, Unavailable, WanError
from wan_nb.frontends import can_run, notebook_folder
from wan_nb.html.text import state
from wan_nb.log.states import OPEN, Status
from wan_nb.media.files import STRIP_BYTES
from wan_nb.media.store import Store
from wan_nb.progress import Progress
from wan_nb.public_functions import guard, guarded
from wan_nb.sanitize import said

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from PIL.Image import Image

    from wan_nb.api.medium import Medium
    from wan_nb.api.request import VideoRequest
    from wan_nb.engine.account import Account
    from wan_nb.engine.ask import Ask
    from wan_nb.engine.endpoint import Endpoint
    from wan_nb.engine.runner import Runner
    from wan_nb.log.reading.takes import Takes
    from wan_nb.log.row import Row
    from wan_nb.log.runlog import RunLog
    from wan_nb.settings import Settings

    Continued = Callable[[Any, str, str | None], Any]

__all__ = ["Phase", "Workspace"]

_T = TypeVar("_T")

_LOOKED_AT = 300
"""Newest clips among which the one to compare with is looked for."""

TAIL = 5.0
"""Seconds of a run that the next one continues: enough to carry its motion on, and cheap, because they are billed."""


def _checks() -> tuple[type[VideoRequest], type[Medium], Callable[..., Medium]]:
    """What checks a request and its materials."""
    import wan_nb.media.images  # noqa: F401  # imported late by what comes next
    from wan_nb.api.medium import Medium
    from wan_nb.api.request import VideoRequest
    from wan_nb.media.materials import prepare

    return VideoRequest, Medium, prepare


def _run_log() -> type[RunLog]:
    import sqlalchemy.dialects.sqlite  # noqa: F401  # imported late by SQLAlchemy

    from wan_nb.log.runlog import RunLog

    return RunLog


def _runner() -> type[Runner]:
    from wan_nb.engine.runner import Runner

    return Runner


class Phase(Enum):
    """How far the life of a workspace has come."""

    NEW = "nothing is opened"
    OPEN = "at least one part is opened"
    CLOSED = "nothing is opened any more"


class _Part(Generic[_T]):
    """An attribute that is opened on first use, once however many threads ask, and gone when the workspace closes."""

    def __init__(self, make: Callable[[Any], _T]) -> None:
        self._make, self.__doc__ = make, make.__doc__

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, workspace: None, _owner: type) -> Self: ...
    @overload
    def __get__(self, workspace: Workspace, _owner: type) -> _T: ...
    def __get__(self, workspace: Workspace | None, _owner: type) -> Self | _T:
        if workspace is None:
            return self
        with guard(), workspace.opening:
            if (there := self.of(workspace)) is None:
                if workspace.closed:
                    raise LogError(
                        "this session is closed.", remedy="Open a new one: wan_nb.Session(), or %wan connect."
                    )
                there = vars(workspace)[self._name] = self._make(workspace)
                workspace.phase = Phase.OPEN
            return there

    def of(self, workspace: Workspace) -> _T | None:
        """The part, or None while it is not opened; opens nothing."""
        there: _T | None = vars(workspace).get(self._name)
        return there


@guarded
class Workspace:
    """One service, one log and one folder as studies, widgets, maintenance and reports see them.

    Parameters
    ----------
    settings : Settings
    arrived : callable, optional
        Told of each run whose clip has come, on the loop thread, where `settings.prepare`.

    Attributes
    ----------
    store : Store
        Where the clips live.
    notebook : Path
        Folder of the notebook, to which addresses in its outputs are relative; where it was at the first use.
    embedded : dict
        Bytes of each clip that outputs of this kernel hold, by run.
    pid : int
        The process that made it; connections do not survive a fork.
    phase : Phase
    opening : RLock
        Held while a part is opened, the settings change, or all is closed.
    """

    def __init__(self, settings: Settings, arrived: Callable[[Workspace, Row], None] | None = None) -> None:
        if not can_run():
            raise WanError(
                "wan_nb does not run in Pyodide (JupyterLite): there are no threads, processes and connections there.",
                remedy="Open the notebook with a Python kernel of a machine, such as on Binder.",
            )
        address(
            settings.service, settings.workspace
        )  # a service that there cannot be is said before anything is opened
        self.settings, self._arrived = settings, arrived
        self.store = Store.of(settings)
        self.notebook = notebook_folder()
        self.embedded: dict[str, int] = {}
        self.pid = os.getpid()
        self.phase = Phase.NEW
        self.opening = threading.RLock()

    # --- its parts

    @_Part
    def log(self) -> RunLog:
        """The run log."""
        new = self.store.remote is not None or not self._logged
        if new:
            self.store.open()  # a store that cannot be used is said first
        with suppress(PermissionError):  # a log elsewhere may do without it, and one here says what is wrong
            self.folder.mkdir(parents=True, exist_ok=True)
        log = load(_run_log)(self.settings.log, migrated=self.settings.migrate)
        if not new and not media_folder.gone(self.store, log):
            self.store.open()  # what is not mounted just now gets no folders, which would be hidden, or hide it, later
        return log

    @_Part
    def loop(self) -> LoopThread:
        """The thread that does the I/O."""
        return LoopThread.acquire()

    @_Part
    def endpoint(self) -> Endpoint:
        """The service; starts the simulator if that is the one."""
        try:
            return locate(self.settings)
        except OSError as error:
            self.log.check_writable()  # it keeps its tasks beside the log
            raise Unavailable(f"the simulator cannot be started: {said(error)}") from error

    @_Part
    def runner(self) -> Runner:
        """The runs on their way."""
        self.log.check_writable()  # before the service is asked for anything
        runner = self.loop.sync(load(_runner).open(self.settings, self.endpoint, self.log, self.store, self.loop))
        if self._arrived and self.settings.prepare:
            runner.arrived = partial(self._arrived, self)
        return runner

    @property
    def account(self) -> Account:
        """Client, limits and log as the runs use them."""
        return self.runner.account

    @property
    def closed(self) -> bool:
        """Whether nobody looks after its runs any more."""
        return self.phase is Phase.CLOSED

    @property
    def folder(self) -> Path:
        """Absolute folder of log and clips."""
        return self.settings.folder

    @property
    def log_exists(self) -> bool:
        """Whether the log can be read without making one, as completion wants it."""
        opened = Workspace.log.of(self) is not None
        return opened or (isinstance(self.settings.log, Path) and self.settings.log.exists())

    @property
    def _logged(self) -> bool:
        """Whether anything can be in the log: a file that is not there holds nothing, and is not made to be read."""
        return self.log_exists or not isinstance(self.settings.log, Path)

    @property
    def service(self) -> str:
        """Name of the service, known before it is located."""
        return endpoint.name if (endpoint := Workspace.endpoint.of(self)) else self.settings.service

    @property
    def region(self) -> catalog.Region:
        """Whose prices and currency apply; nothing is asked or started for it."""
        endpoint = Workspace.endpoint.of(self)
        return endpoint.region if endpoint else region_named(self.settings.service)

    def set_budget(self, budget: Mapping[str, float]) -> None:
        """Set the cap of any 24 h, per currency; holds for what is asked for from now on."""
        self.change(budget=dict(budget))

    @property
    def user(self) -> str:
        """Who votes here; where nobody says so, the first whom the log names: votes without a name count as theirs."""
        return self.settings.user or (self.log.first_name() if self._logged else "")

    def change(self, **settings: Any) -> None:
        """Change settings that open nothing anew."""
        with self.opening:
            self.settings = self.settings.moved(**settings)
            if runner := Workspace.runner.of(self):
                runner.account.settings = self.settings

    def close(self) -> None:
        """Stop looking, close connections and log. Tasks go on at the service; the log knows them."""
        with self.opening:
            there = vars(self)
            runner, log, loop = (there.pop(part, None) for part in ("runner", "log", "loop"))
            self.phase = Phase.CLOSED
        if self.pid != os.getpid():
            return  # threads and connections stayed in the parent of a fork, which goes on with them
        with ExitStack() as rest:  # each of them, in reverse, whatever an earlier one says
            if loop is not None:
                rest.callback(loop.release)
            if log is not None:
                rest.callback(log.close)
            if runner is not None and loop is not None:
                rest.callback(runner.close)
                loop.sync(runner.aclose(), timeout=10)

    # --- requests

    def request(self, prompt: str | None = None, of_run: Continued | None = None, /, **fields: Any) -> VideoRequest:
        """Check a request without sending anything: materials are probed, every documented limit is looked at.

        Parameters
        ----------
        prompt : str, optional
        of_run : callable, optional
            What of a run becomes a material, told the field and the model.
        **fields

        Raises
        ------
        InvalidRequest, InvalidMedia
        """
        from wan_nb.api.checks import check_region

        video_request = load(_checks)[0]
        given = {name: value for name, value in {"prompt": prompt, **fields}.items() if value is not None}
        model = catalog.model_for(given)
        for name in catalog.MATERIALS:
            if name in given:
                given[name] = self.materials(given[name], name, of_run, model=model)
        request = video_request(**given)
        check_region(request.model, self.region)
        return request

    def materials(self, given: Any, field: str, of_run: Continued | None = None, *, model: str | None = None) -> Any:
        """What is given for a field of materials, each of it checked: one, a list in order, or a dict by number."""
        from wan_nb.api.medium import each_material

        if field not in catalog.MATERIALS:
            raise InvalidOption(f"{field!r:.60} is no material of a request.", field="field")

        def checked(one: Any) -> Medium:
            return self.material(of_run(one, field, model) if of_run else one, field, model=model)

        return each_material(catalog.BY_NAME[field], given, checked)

    def material(self, given: Any, field: str, *, model: str | None = None) -> Medium:
        """Probe, check and, where it has to be, normalise one material.

        Parameters
        ----------
        given : path, URL, bytes, PIL image, numpy array or Medium
        field : str
            Of the materials of the catalog, such as ``first_frame``.
        model : str, optional
            Whose limits hold; without it, and beyond them, those of the request are checked when it is made.

        Raises
        ------
        InvalidMedia
        """
        _, medium, prepare = load(_checks)
        if isinstance(given, medium):
            return given
        try:
            own = catalog.model(model).field(field) if isinstance(model, str) else None
            return prepare(given, field, self.store.frames, limits=own.limits if own else None)
        except OSError as error:
            raise InvalidMedia(f"{field}: it cannot be read or copied: {said(error)}.", field=field) from error

    def recorded_material(self, field: str, item: Mapping[str, Any]) -> Medium:
        """A material as it was written down, with its file where that still holds the same content.

        What was taken out of a run and is no longer there is taken out of it anew.
        """
        from wan_nb.api.recorded import recorded
        from wan_nb.media.materials import found_again

        medium = found_again(recorded(item), field, self.store.frames)
        if medium.lost is not None and medium.run is not None:
            with suppress(WanError, OSError):  # that clip is gone too
                anew = self.taken(self.row(medium.run), field, medium.part)
                if anew.taken == medium.taken:
                    return anew
        return medium

    def recorded_fields(
        self,
        request: Mapping[str, Any],
        *,
        run_id: str | None = None,
        without: Container[str] = (),
        lost_too: bool = False,
    ) -> dict[str, Any]:
        """The fields that make a recorded request again.

        Parameters
        ----------
        request : mapping
            As the log or a sidecar holds it.
        run_id : str, optional
            For what is said of a material that is lost.
        without : container of str
            Fields that are given anew, so that nothing has to be there for them.
        lost_too : bool
            Also materials that cannot be sent again.

        Raises
        ------
        InvalidMedia
            A material is no longer what and where it was.
        """
        from wan_nb.api.recorded import material_fields, values_of

        def found(field: str, item: Mapping[str, Any]) -> Medium:
            medium = self.recorded_material(field, item)
            if not lost_too and (why := medium.lost) is not None:
                raise InvalidMedia(
                    f"{field}: {why}", field=field, run_id=run_id, remedy=f"Give it anew: run.again({field}=...)."
                )
            return medium

        return {**values_of(request), **material_fields(request, found, without=without)}

    # --- what the log knows of requests

    def fingerprints(self, asks: Sequence[Ask]) -> list[str]:
        """What each of these requests is known by in the log; nothing is asked or started."""
        return edition1_runs.fingerprints(self.log if self._logged else None, asks, identify(self.settings))

    def takes(self, prints: Sequence[str]) -> list[Takes]:
        """What was bought of the requests of these fingerprints, take by take; nothing is asked or started."""
        if self._logged:
            return self.log.takes(prints)
        from wan_nb.log.reading.takes import Takes

        return [Takes()] * len(prints)

    def known(self, prints: Sequence[str], take: int | None = None) -> list[Row | None]:
        """The run that stands for each of these fingerprints, or None: of that take, else of the pinned one."""
        return [takes.run(take) for takes in self.takes(prints)]

    def earlier(self, asks: Sequence[Ask], known: Sequence[Row | None]) -> list[Row | None]:
        """For requests that nothing is known of: a run of the first edition that may be the same, or None.

        Parameters
        ----------
        asks : sequence of Ask
        known : sequence of Row or None
            What `known` has found for each.
        """
        if not self._logged:
            return [None] * len(asks)
        return edition1_runs.may_be(self.log, asks, known, identify(self.settings))

    def before(self, row: Row) -> Row | None:
        """The clip to compare one with: the newest before it on the same material, else the newest of all others."""
        from wan_nb.api.recorded import materials_of

        own = materials_of(row.request)
        others = (
            other
            for other in self.log.find(status="SUCCEEDED", limit=_LOOKED_AT)
            if other.run_id != row.run_id and materials_of(other.request) == own and not other.dropped
        )
        playable = [other for other in others if self.video(other) is not None]
        older = (
            other for other in playable if row.created_at and (other.created_at or row.created_at) < row.created_at
        )
        return next(older, playable[0] if playable else None)

    # --- runs

    def resume(self) -> list[Row]:
        """Take up every unfinished run of this account from the log; returns those that were under way."""
        return self.loop.sync(self.runner.resume())

    def row(self, run_id: str) -> Row:
        """Newest snapshot of a run."""
        return self.log.get(run_id)

    def write(self, run_id: str, **changes: Any) -> Row:
        """Write remarks of a person into the log, and tell every board."""
        return self._tell(self.log.update(run_id, **changes))

    def cancel(self, run_id: str) -> None:
        """Cancel a run that still waits; see `Run.cancel`."""
        self.loop.sync(self.runner.cancel(run_id))

    def pin(self, run_id: str) -> Row:
        """Let cells that name no take show the one of this run, and tell every board."""
        return self._tell(self.log.pin(run_id))

    def forget(self, run_id: str) -> Row:
        """Delete the files of a run. Its row stays, because it was paid."""
        known = self.log.get(run_id)
        row = self.log.forget(known.run_id)  # refuses a run whose clip is still to come
        self.store.remove(row.run_id, known.video)
        return self._tell(row)

    def _tell(self, row: Row) -> Row:
        runner = Workspace.runner.of(self)
        return row if runner is None else runner.account.tell(row)

    def subscribe(self, listener: Callable[[Row], None]) -> Callable[[], None]:
        """Hear of every change of a run, in the thread that made it. Returns the way to stop it."""
        return self.account.subscribe(listener)

    def spent(self, currency: str | None = None) -> float:
        """What counts against the budget of the last 24 h: paid, under way and uncertain. Without simulated runs."""
        from datetime import UTC, datetime, timedelta

        return self.log.spent(currency or self.region.currency, datetime.now(UTC) - timedelta(hours=24))

    # --- clips

    def video(self, row: Row) -> Path | None:
        """The clip of a row on disk, or None."""
        return self.store.find(row.video) if row.status == "SUCCEEDED" else None

    def bring(self, rows: Iterable[Row]) -> None:
        """Copy the clips of some rows here that others have put into a shared store; does nothing without one."""
        if self.store.remote is not None:
            missing = [row for row in rows if self.video(row) is None]
            with Progress("Fetching clips", len(missing), keeps=True) as line:
                for row in line.each(missing):
                    self.loop.sync(self.runner.downloads.copy_shared(row))

    def file(self, row: Row) -> Path:
        """The clip of a row on disk, brought here if it has to be.

        Raises
        ------
        NotFound
            There is no clip on disk.
        """
        self.bring([row])
        if (path := self.video(row)) is not None:
            return path
        if row.status in OPEN:
            raise NotFound(
                f"its clip is not there yet: the run is {state(row.status).word}.",
                run_id=row.run_id,
                remedy="run.wait() waits for it.",
            )
        if row.status == Status.SUCCEEDED:
            told = f"there is no clip on disk any more: its file is gone from {self.store.root / 'videos'}."
            raise NotFound(told, run_id=row.run_id, remedy="Put it back; %wan doctor looks where it may be.")
        raise NotFound(
            f"there is no clip on disk: the run is marked {state(row.status).word}.",
            run_id=row.run_id,
            remedy="%wan show tells why.",
        )

    def frame(self, row: Row, index: int = -1) -> Image:
        """One frame of the clip of a row; see `Run.frame`."""
        from wan_nb.media import clips

        try:
            return clips.frame(self.file(row), index)
        except IndexError as error:
            raise InvalidOption(str(error), run_id=row.run_id) from None

    def tail(self, row: Row, seconds: float = TAIL) -> Path:
        """The last seconds of the clip of a row as a file of its own; see `Run.tail`."""
        from wan_nb.media import clips

        exact = f"{seconds:g}" if float(f"{seconds:g}") == seconds else repr(float(seconds))
        out = self.store.proxy(str(row.video_sha256), f"tail{exact}.mp4")
        return out if out.exists() else clips.tail(self.file(row), seconds, out)

    def taken(self, row: Row, field: str, part: float | None = None, *, model: str | None = None) -> Medium:
        """A material out of the clip of a run that has ended, known by that clip and by what is taken of it.

        Parameters
        ----------
        row : Row
        field : str
            A clip gets the last seconds of the run; a frame the one that `part` names.
        part : float, optional
            -1 the last frame, 0 the first one, else seconds from the beginning; without it the last one for a first
            frame, and the first one for any other.
        model : str, optional
            Whose limits hold.
        """
        given: Image | Path
        if catalog.BY_NAME[field].kind == "clip":
            if part is not None:
                raise InvalidMedia(f"{field}: a frame is no clip.", field=field, remedy="Give the run itself.")
            seconds = min(TAIL, row.clip_s or row.duration or TAIL)
            continues = catalog.BY_NAME[field].inside
            given = self.tail(row, seconds) if continues else self.file(row)
            called = f"last {seconds:g} s" if continues else "whole clip"
        else:
            part = (-1.0 if catalog.BY_NAME[field].frame == "first" else 0.0) if part is None else part
            given = self.frame(row, -1) if part < 0 else self.frame_at(row, part)
            called = "last frame" if part < 0 else f"frame at {part!r} s"
        medium = self.material(given, field, model=model)
        if not row.video_sha256:
            return medium
        name = f"{called} of run {row.run_id[:8]}"
        return replace(medium, name=name, taken=f"{row.video_sha256} {called}", run=row.run_id)

    def frame_at(self, row: Row, seconds: float) -> Image:
        """The frame that is seen so many seconds after the beginning."""
        return self.frame(row, int(seconds * (row.fps or 30.0) + 1e-6))

    def strip(self, row: Row, most: int = STRIP_BYTES) -> bytes | None:
        """Six frames of a clip in one JPEG of at most so many bytes; None while there is no clip that can be played."""
        path = self.video(row)
        with suppress(InvalidMedia):  # a clip that was kept unchecked
            return self.store.strip(path, str(row.video_sha256), most) if path else None
        return None

    def light(self, row: Row) -> tuple[Path, Path | None] | None:
        """Light copy of a clip for players, and its sound if it has one; made on first use, None without a clip.

        Raises
        ------
        InvalidMedia
            The file cannot be played.
        """
        path, sha256 = self.video(row), str(row.video_sha256)
        if path is None:
            return None
        return self.store.light_copy(path, sha256), self.store.sound(path, sha256) if row.has_audio else None
