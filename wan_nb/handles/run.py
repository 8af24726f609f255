"""`Run`: the handle of one clip that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wan_nb import arguments
from wan_nb.engine.loop import ticking
from wan_nb.engine.row_errors import detached_await, row_error
from wan_nb.errors import WaitTimeout, WanError
from wan_nb.interrupts import detaching, waiting_for_run
from wan_nb.public_functions import guarded
from wan_nb.terminal import printed

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Iterable, Sequence
    from pathlib import Path

    from PIL.Image import Image

    from wan_nb.engine.workspace import Workspace
    from wan_nb.handles.protocols import AnySession
    from wan_nb.log.row import Row
    from wan_nb.log.states import Status

__all__ = ["Run", "Still", "continued", "publish_end", "waited_for"]


@dataclass(frozen=True)
class Still:
    """One frame of a run's clip, given as a material of another run.

    Attributes
    ----------
    run : Run
    at : float
        Seconds from the beginning; negative for the last frame.
    """

    run: Run
    at: float


@printed
@guarded
class Run:
    """One clip that was asked for: a handle, not the clip itself.

    It is returned as soon as the service has accepted the request, and by ``wan_nb.run(id)`` at any time later. Its
    attributes read the newest row of the run log; nothing on it blocks but `wait` (and ``await run``).

    Attributes
    ----------
    id : str
        12 hex digits; any unique beginning of it is understood everywhere.
    row : Row
        Snapshot of the log, every column of the DataFrame as an attribute.
    status : Status
        INTENDED, UNCERTAIN, PENDING, RUNNING, DOWNLOADING, SUCCEEDED, FAILED, CANCELED or EXPIRED.
    video : Path or None
        The clip, once it is whole on disk.
    cost : float or None
        Price in `currency`: an estimate until the receipt, 0 when nothing was billed.
    error : WanError or None
        What `wait` would raise.
    reused : bool
        It was there already: this time nothing was paid.

    Examples
    --------
    >>> run = wan_nb.submit("a cat walks", first_frame="cat.jpg", duration=5)  # doctest: +SKIP
    >>> run.wait().video                                                       # doctest: +SKIP
    PosixPath('.../wan_runs/videos/3f9c01ab77de.mp4')
    """

    def __init__(self, session: AnySession, run_id: str, *, reused: bool = False) -> None:
        self._session = session
        self._workspace: Workspace = session.workspace
        self.id = run_id
        self.reused = reused

    def __eq__(self, other: object) -> bool:
        """Handles of one run are equal, whichever session they belong to: ids are random."""
        return self.id == other.id if isinstance(other, Run) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process reads the run in the same log, by its id, with a key of its own."""
        settings = self._session.settings.portable()
        return (self._session.logged_run, (self.id, settings))

    @property
    def session(self) -> AnySession:
        """The `Session` that this handle belongs to."""
        return self._session

    @property
    def row(self) -> Row:
        """Newest snapshot of the log."""
        return self._workspace.row(self.id)

    @property
    def status(self) -> Status:
        """State in the run log."""
        return self.row.status

    @property
    def request(self) -> dict[str, Any]:
        """The request as it was sent, materials by name and content instead of URL."""
        return self.row.request

    @property
    def video(self) -> Path | None:
        """The clip on disk, or None while there is none (and when it was deleted).

        It never waits. With a shared store that is no folder (``WAN_NB_MEDIA=s3://...``) a clip that somebody else
        fetched is here after `wait`, or when it is shown, compared or packed.
        """
        return self._workspace.video(self.row)

    @property
    def cost(self) -> float | None:
        """Price in `currency`."""
        return self.row.cost

    @property
    def currency(self) -> str | None:
        """CNY or USD, by the region of the service."""
        return self.row.currency

    @property
    def error(self) -> WanError | None:
        """Why there is no clip and will be none without another step; None while it is under way or done."""
        return row_error(self.row)

    def wait(self, timeout: float | None = None) -> Run:
        """Wait for the clip.

        Parameters
        ----------
        timeout : float, optional
            Seconds; None waits as long as it takes.

        Returns
        -------
        Run
            Itself.

        Raises
        ------
        RunFailed, RunCanceled, RunExpired
            The task ended without a clip.
        DownloadFailed
            The clip is paid but not on disk; ``%wan resume`` fetches it.
        WaitTimeout
            After `timeout`; the task goes on.
        Detached
            A `KeyboardInterrupt`: the wait ends, the task goes on.
        """
        timeout = arguments.timeout(timeout)
        try:
            with detaching(waiting_for_run(self.id)):
                self._workspace.loop.sync(self._workspace.runner.ended(self.id), timeout=timeout)
        except TimeoutError:
            raise WaitTimeout(
                f"no clip after {timeout:g} s; the task goes on.",
                run_id=self.id,
                remedy=f"Wait again, or come back with `%wan show {self.id[:8]}`.",
            ) from None
        return self._checked()

    def __await__(self) -> Generator[Any, None, Run]:
        """Wait for the clip in a cell: other tasks of the notebook go on, an interrupt detaches."""
        future = self._workspace.loop.start(self._workspace.runner.ended(self.id))
        yield from ticking(future, lambda: detached_await(waiting_for_run(self.id)))
        return self._checked()

    def cancel(self) -> Run:
        """Cancel the task, if it still waits. The service cannot stop a running one, which is billed if it succeeds.

        Raises
        ------
        Refused
            It runs already, or has ended.
        """
        self._workspace.cancel(self.id)
        return self

    def again(self, *, max_cost: float | None = None, **changes: Any) -> Run:
        """Buy the next take of its request, or its request with some fields changed, as `wan_nb.submit` takes them.

        Parameters
        ----------
        max_cost : float, optional
            Refuse to pay more; has to be given where nobody sits at the notebook.
        **changes
            Fields of the request, ``name``, ``tags``.

        Examples
        --------
        >>> run.again(max_cost=9).take               # doctest: +SKIP
        2
        >>> run.again(max_cost=9, duration=10).cost  # doctest: +SKIP
        """
        run: Run = self._session.again(self, max_cost=max_cost, **changes)
        return run

    @property
    def take(self) -> int:
        """Which clip of its request it is, from 1."""
        return self.row.take

    def pin(self) -> Run:
        """Let cells and chains that name no take show this one.

        Raises
        ------
        LogError
            It failed or was canceled: there is nothing to show.
        """
        self._workspace.pin(self.id)
        return self

    def rate(self, stars: int) -> Run:
        """Give 1 to 5 stars."""
        return self._write(rating=arguments.whole(stars, "a rating is 1 to 5", 1, 5))

    def note(self, text: str) -> Run:
        """Keep a remark with the run; an empty one removes it."""
        return self._write(note=text or None)

    def tag(self, *tags: str | Sequence[str]) -> Run:
        """Add tags: words, or lists of them."""
        return self._write(tags=arguments.words([*(self.row.tags or ()), *tags], "tags"))

    def untag(self, *tags: str | Sequence[str]) -> Run:
        """Take tags away: words, or lists of them; one that it does not have changes nothing."""
        gone = arguments.words(list(tags), "tags")
        return self._write(tags=tuple(tag for tag in self.row.tags if tag not in gone))

    def frame(self, index: int = -1) -> Image:
        """One frame of the clip as a PIL image; -1 is the last one.

        Raises
        ------
        InvalidOption
            It has no such frame.
        NotFound
            There is no clip on disk.
        """
        index = arguments.whole(index, "a frame is a whole number, -1 the last", -(10**9))
        return self._workspace.frame(self.row, index)

    @property
    def last_frame(self) -> Still:
        """Its last frame as a material of the next run: ``first_frame=run.last_frame``, ``{{run.last_frame}}``."""
        return Still(self, -1.0)

    @property
    def first_frame(self) -> Still:
        """Its first frame as a material of another run."""
        return Still(self, 0.0)

    def frame_at(self, seconds: float) -> Still:
        """The frame at some seconds from the beginning as a material; ``{{run.frame(2.5)}}`` in a cell.

        Examples
        --------
        >>> wan_nb.submit("another scene", first_frame=run.frame_at(2.5), duration=2)  # doctest: +SKIP
        """
        return Still(self, arguments.amount(seconds, "a frame is taken at seconds from the beginning"))

    def tail(self, seconds: float = 5.0) -> Path:
        """The last seconds of the clip (2 to 10) as a file that a new run can continue.

        Examples
        --------
        >>> wan_nb.submit("it goes on", first_clip=run.tail(5), duration=12)  # doctest: +SKIP
        """
        seconds = arguments.amount(seconds, "a tail must be a number of seconds")
        return self._workspace.tail(self.row, seconds)

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Copy the clip, with its request written into the copy as title and comment.

        The clip itself stays byte for byte. In the copy stand prompt, parameters, id, and the names and content hashes
        of the materials; no key, no signed address, no path of this machine. ``wan_nb.run(file)`` finds the run again.

        Parameters
        ----------
        path : path
            The MP4 to write; replaced as a whole when it exists.

        Returns
        -------
        Path
            Absolute.

        Raises
        ------
        InvalidOption
            Another ending than ``.mp4``, or a place among the clips of the log.
        NotFound
            There is no clip on disk.

        Examples
        --------
        >>> wan_nb.run(run.export("cat.mp4")).id  # doctest: +SKIP
        '3f9c01ab77de'
        """
        from wan_nb.reporting.export import export

        return export(self._workspace, self.row, path)

    def _write(self, **changes: Any) -> Run:
        self._workspace.write(self.id, **changes)
        return self

    def _checked(self) -> Run:
        publish_end(self._session, self.id)
        if (error := self.error) is not None:
            raise error
        return self

    def __repr__(self) -> str:
        row = self.row
        paid = "" if row.cost is None else f" {row.currency} {row.cost:.2f}"
        mark = " SIMULATED" if row.simulated else ""
        return f"<Run {self.id[:8]} {row.status}{paid}{mark} {(row.prompt or '')[:40]!r}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002  # IPython's
        """Static picture of its state, for nbconvert, nested displays and front ends without widgets."""
        from wan_nb.widgets.output.static_outputs import run_bundle

        return run_bundle(self._workspace, self.row, note=self._told_reused())

    def _ipython_display_(self) -> None:
        """Live where the front end can, replaced by the static picture when the run ends."""
        self._session.views.show([self.row], note=self._told_reused())

    def _display_(self) -> Any:
        """The same in marimo."""
        from wan_nb.widgets.output.outputs import as_value

        return as_value(self._ipython_display_)

    def _told_reused(self) -> str:
        from wan_nb.widgets.output.static_outputs import reused_note

        if not self.reused:
            return ""
        row = self.row
        return reused_note(row, self._workspace.takes([row.fingerprint])[0])


def continued(given: Any, field: str, model: str | None) -> Any:
    """What of a run becomes a material, once it has ended; anything else as it is."""
    run, part = (given.run, given.at) if isinstance(given, Still) else (given, None)
    if not isinstance(run, Run):
        return given
    if run.row.open:
        run.wait()
    return run.session.workspace.taken(run.row, field, part, model=model)


def waited_for(session: AnySession, rows: Iterable[Row]) -> list[Row]:
    """The same rows once their runs have ended; see `Run.wait`."""
    return [Run(session, row.run_id).wait().row if row.open else row for row in rows]


def publish_end(session: AnySession, *run_ids: str) -> None:
    """Bring the outputs that show these runs up to date, if any does; for the thread that has waited for them.

    nbclient and papermill accept messages of a cell only while it, or one after it, runs (measured), so there the end
    of a run is heard of in no other way.
    """
    if session.shown is not None:
        session.shown.republish(set(run_ids))
