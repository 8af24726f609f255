"""`Session`: one service, one log, one folder. Everything the module functions do, a session does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from wan_nb import arguments
from wan_nb.api.signature import names_fields
from wan_nb.arguments import run_ids
from wan_nb.engine.logbook import Logbook
from wan_nb.engine.loop import load
from wan_nb.errors import BudgetExceeded, Detached, InvalidMedia, InvalidOption, NotFound, WanError
from wan_nb.handles.run import Run
from wan_nb.public import guarded
from wan_nb.sanitize import said
from wan_nb.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wan_nb.api.request import Medium, VideoRequest
    from wan_nb.api.task import Listed
    from wan_nb.engine.runner import Flow
    from wan_nb.handles.study import Study
    from wan_nb.widgets.outputs import Views

__all__ = ["Session"]

TAIL = 5.0
"""Seconds of a run that the next one continues: enough to carry its motion on, and cheap, because they are billed."""


_opened: WeakSet[Session] = WeakSet()

_CHECKING = ("wan_nb.api.request", "wan_nb.media.materials", "wan_nb.media.images")


@guarded
class Session(Logbook):
    """One service, one log, one folder.

    Nothing is opened, read or sent before the first use. Close it, or use it in a ``with`` block; closing stops the
    looking, not the tasks.

    Parameters
    ----------
    service : str, optional
        ``simulator``, ``beijing``, ``singapore`` or a base URL. Without it: the real service when there is a key
        (``DASHSCOPE_API_KEY``), else the simulator.
    base_url, api_key : str, optional
    folder : path, optional
        For log and clips; ``wan_runs`` of the working directory.
    log, media : str, optional
        SQLAlchemy URL and folder, to move either.
    budget : float or mapping, optional
        Cap per rolling 24 h; CNY 50 and USD 7 without it.
    gap : float, optional
        Seconds between two looks at a task; chosen from the log's own history without it.
    patience : float, optional
        Seconds that the account's list may lag behind; 20 without it.
    speed : float, optional
        Pace of the simulator, if this session is the one that starts it.
    migrate : bool
        Bring a log of an older version on PostgreSQL to this one, after which an older wan_nb cannot use it; a log in
        a file is copied beside itself and migrated unasked.

    Examples
    --------
    >>> with wan_nb.Session(service="simulator", folder="class") as session:  # doctest: +SKIP
    ...     run = session.submit("a cat walks", first_frame="cat.jpg").wait()
    """

    def __init__(self, service: str | None = None, **settings: Any) -> None:
        super().__init__(Settings.resolve(service=service, **settings))
        _opened.add(self)
        self.last: Run | Study | None = None
        """The run or study that was touched last: what a verb without an id means."""
        self.shown: Views | None = None
        """Outputs of this kernel that show its runs; None while there are none."""

    @classmethod
    def with_log(cls, settings: Mapping[str, Any]) -> Session:
        """An open session of this process with the log of these settings, or a new one."""
        wanted = Settings.resolve(**settings)
        same = (one for one in _opened if one.settings.log == wanted.log and not one.closed and one.pid == os.getpid())
        return next(same, None) or cls(**settings)

    @property
    def views(self) -> Views:
        """Outputs of this kernel that show its runs, opened on first use."""
        load("wan_nb.widgets.outputs")
        from wan_nb.widgets.outputs import Views

        with self._lock:
            if self.shown is None:
                self.shown = Views(self, again=lambda run_id: self.run(run_id).again().id)
            return self.shown

    def __reduce__(self) -> tuple[Any, ...]:
        """Raise: threads and connections stay in their process."""
        raise WanError("a session stays in its process.", remedy="Open another one there: wan_nb.Session(...).")

    # --- asking for clips

    @names_fields
    def request(self, /, prompt: str | None = None, **fields: Any) -> VideoRequest:
        """Check a request without sending anything: materials are probed, every documented limit is looked at.

        Parameters
        ----------
        prompt : str, optional
            What should happen, at most 5000 characters.
        **fields
            The fields above. A frame, audio or clip is a path, an http(s) URL, bytes, a PIL image, a numpy array, or a
            `Run`: its last frame, or its last seconds, once it has ended.

        Raises
        ------
        InvalidRequest, InvalidMedia
        """
        load(*_CHECKING)
        from wan_nb.api import catalog
        from wan_nb.api.request import VideoRequest

        given = {name: value for name, value in fields.items() if value is not None}
        for spec in catalog.fields("media"):
            if spec.name in given:
                given[spec.name] = self.material(given[spec.name], spec.name)
        return VideoRequest(prompt=prompt, **given)

    def material(self, given: Any, field: str) -> Medium:
        """Probe, check and, where it has to be, normalise one material.

        Parameters
        ----------
        given : path, URL, bytes, PIL image, numpy array, Run or Medium
        field : {'first_frame', 'last_frame', 'driving_audio', 'first_clip'}

        Raises
        ------
        InvalidMedia
        """
        load(*_CHECKING)
        from wan_nb.api import catalog
        from wan_nb.api.request import Medium
        from wan_nb.media.materials import prepare

        if field not in {spec.name for spec in catalog.fields("media")}:
            raise InvalidOption(f"{field!r:.60} is no material of a request.", field="field")
        if isinstance(given, Medium):
            return given
        if isinstance(given, Run):  # what image-to-video users do all day
            if given.row.open:
                given.wait()
            length = given.row.billed_s or given.row.duration or TAIL
            given = given.tail(min(TAIL, length)) if field == "first_clip" else given.frame(-(field == "first_frame"))
        try:
            return prepare(given, field, self.store.frames)
        except OSError as error:
            raise InvalidMedia(f"{field}: it cannot be read or copied: {said(error)}.", field=field) from error

    @names_fields
    def submit(
        self,
        /,
        prompt: str | None = None,
        *,
        name: str | None = None,
        tags: str | Sequence[str] = (),
        again: bool = False,
        max_cost: float | None = None,
        progress: Callable[[str, int, int], None] | None = None,
        **fields: Any,
    ) -> Run:
        """Ask for a clip; returns when the service has accepted, long before the clip is there.

        The same request is never paid twice: one that is under way or done is handed back (``run.reused``).

        Parameters
        ----------
        prompt : str, optional
            What should happen, at most 5000 characters.
        name : str, optional
            Study that it belongs to.
        tags : str or sequence of str
        again : bool
            Buy another one although this one is there.
        max_cost : float, optional
            Refuse to pay more, in the currency of the service.
        progress : callable, optional
            Called while a material is uploaded, from another thread: its field, bytes sent, bytes in all.
        **fields
            The fields above. A frame, audio or clip is a path, an http(s) URL, bytes, a PIL image, a numpy array, or a
            `Run`: its last frame, or its last seconds, once it has ended.

        Returns
        -------
        Run

        Raises
        ------
        InvalidRequest, InvalidMedia, BudgetExceeded
            Nothing was sent.
        Refused, Unavailable
            Not accepted, not billed.
        OutcomeUnknown
            It is not known whether it was accepted; it is never sent again by itself.
        NotFound, RunExpired
            The clip was paid before, but its file is gone, or was never fetched; ``again=True`` buys a new one.

        Examples
        --------
        >>> run = session.submit("a cat walks", first_frame="cat.jpg", duration=5)  # doctest: +SKIP
        """
        load("wan_nb.engine.submit", "wan_nb.engine.earlier")
        from wan_nb.engine.earlier import in_doubt
        from wan_nb.engine.submit import Ask

        self.log.check_writable()
        most, words = arguments.max_cost(max_cost), arguments.words(tags, "tags")
        arguments.switch(again, "again")
        request = self.request(prompt, **fields)
        price, currency = request.price(self.place.region), self.place.region.currency
        if most is not None and price > most:
            raise BudgetExceeded(
                f"one clip costs about {currency} {price:.2f}, more than --max-cost {most:g}.",
                remedy="Make it shorter, take 720P, or allow more.",
            )
        ask = Ask(request, name=name, tags=words, again=again, progress=progress)
        if max_cost is None and not again and (doubt := self.earlier([ask])[0]) is not None:
            raise in_doubt(doubt, price)
        try:
            row, new = self.loop.sync(self.flow.posting.submit(ask))
        except KeyboardInterrupt:
            raise Detached(
                "Stopped. What was not yet sent stays unsent; what was being sent is in the log: %wan runs"
            ) from None
        run = self._handle(row.run_id, reused=not new)
        if not new and row.status == "EXPIRED" and (error := run.error):
            raise error
        if not new and row.status == "SUCCEEDED" and run.video is None:
            raise NotFound(
                "this clip was paid before, but its file is gone.",
                run_id=row.run_id,
                remedy="Run the cell with --again (again=True) to buy a new one, or put the file back.",
            )
        return run

    def again(self, run: Run, /, **changes: Any) -> Run:
        """Buy another clip of a run's request, with some fields changed.

        Parameters
        ----------
        run : Run
        **changes
            What `submit` takes. Without a change and without a seed of its own, the new clip gets another seed.
        """
        from wan_nb.api.recorded import fields_of

        fields = fields_of(self, run.row, without=changes)
        if "seed" not in changes and run.row.seed is not None and changes:
            fields["seed"] = run.row.seed
        prompt = changes.pop("prompt", run.row.prompt)
        same = not changes and prompt == run.row.prompt
        return self.submit(prompt, name=run.row.study, again=same, **{**fields, **changes})

    def resume(self, *, wait: bool = False) -> list[Run]:
        """Take up every unfinished run of this account from the log, also those of a kernel that died.

        Parameters
        ----------
        wait : bool
            Return when all have ended. One that failed does not raise; its state and `Run.error` tell.

        Returns
        -------
        list of Run
            Those that were under way.

        Examples
        --------
        >>> session.resume(wait=True)  # doctest: +SKIP
        """
        runs = [self._handle(row.run_id) for row in self.loop.sync(self.flow.resume())]
        try:
            for run in runs if wait else ():
                self.loop.sync(_quietly(self.flow, run.id))
        except KeyboardInterrupt:
            raise Detached("Stopped waiting; the tasks go on. Come back with %wan resume, or %wan show ID.") from None
        return runs

    def adopt(self, *task_ids: str) -> list[Run]:
        """Take tasks of this account into the log that it does not know.

        Parameters
        ----------
        *task_ids : str
            As `strangers` lists them; the service remembers tasks for 24 h.

        Returns
        -------
        list of Run

        Raises
        ------
        NotFound
            The account has no such task, or no longer.
        OutcomeUnknown
            It may be one of several uncertain runs.

        Examples
        --------
        >>> session.adopt(*[task.task_id for task in session.strangers()])  # doctest: +SKIP
        """
        for task_id in task_ids:
            if not (isinstance(task_id, str) and task_id.strip()):  # type: ignore[redundant-expr]  # a person may not
                raise InvalidOption(f"a task is named by its id, a text, not by {task_id!r:.60}.")
        return [self._handle(self.loop.sync(self.flow.settling.adopt(task_id)).run_id) for task_id in task_ids]

    def strangers(self) -> list[Listed]:
        """Tasks of the account's last 24 h that this log does not know: candidates for `adopt`."""
        return self.loop.sync(self.flow.settling.strangers())

    # --- looking back

    def run(self, run_id: Any) -> Run:
        """A run by its id, or by the unique beginning of it.

        Parameters
        ----------
        run_id : str
            Hex digits, at most 12; or a `Run`, or a row of ``runs()``.

        Raises
        ------
        NotFound
            No run begins so, or several do.

        Examples
        --------
        >>> session.run(run.id[:6]).wait().video  # doctest: +SKIP
        """
        ids = run_ids(run_id)
        if len(ids) != 1:
            raise InvalidOption(f"one run is meant here, not {len(ids)}.", remedy="Give the id of one.")
        return self._handle(self.log.get(ids[0]).run_id)

    @names_fields
    def study(
        self,
        /,
        variants: Any = None,
        *,
        name: str | None = None,
        seeds: Sequence[int] = (),
        vary: Mapping[str, Sequence[Any]] | None = None,
        tags: str | Sequence[str] = (),
        **fields: Any,
    ) -> Study:
        """A comparison: prompts x seeds x whatever varies. Opens the study of that name when no variants are given.

        Parameters
        ----------
        variants : str, mapping, sequence, DataFrame or path of a CSV file, optional
            Prompts by label; a list gets the labels A, B, C.
        name : str, optional
            Made from the content without it.
        seeds : sequence of int
            Each variant gets each seed.
        vary : mapping of str to sequence
            Values by field of the request, or by ``{{placeholder}}`` of the prompts.
        tags : str or sequence of str
        **fields
            See `request`.

        Raises
        ------
        InvalidOption, InvalidRequest, InvalidMedia
            Nothing was sent.
        NotFound
            No study of that name.

        Examples
        --------
        >>> study = session.study({"calm": "a cat walks", "fast": "a cat runs"}, first_frame="cat.jpg", seeds=[1, 2])
        ... # doctest: +SKIP
        """
        from wan_nb.handles.open_study import open_study

        self.last = study = open_study(self, variants, name=name, seeds=seeds, vary=vary, tags=tags, **fields)
        return study

    def _handle(self, run_id: str, *, reused: bool = False) -> Run:
        self.last = run = Run(self, run_id, reused=reused)
        return run


async def _quietly(flow: Flow, run_id: str) -> None:
    from wan_nb.errors import WanError

    try:
        await flow.ended(run_id)
    except WanError:
        return  # it is in the row
