"""`Session`: one service, one log, one folder. Everything the module functions do, a session does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, Self, overload
from weakref import WeakSet

from wan_nb import arguments
from wan_nb.api.field_signatures import names_fields
from wan_nb.arguments import run_ids
from wan_nb.engine.loop import load
from wan_nb.engine.workspace import Workspace
from wan_nb.errors import InvalidOption, WanError
from wan_nb.frontends import front_end
from wan_nb.handles.chosen_runs import each_of, session_of
from wan_nb.handles.dataframe import runs_frame
from wan_nb.handles.run import Run, continued, waited_for
from wan_nb.html.text import take_kept
from wan_nb.interrupts import RESUMING, detaching
from wan_nb.public_functions import guarded
from wan_nb.settings import Settings
from wan_nb.studies.prepared import prepare_later
from wan_nb.terminal import printed, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from wan_nb.api.request import VideoRequest
    from wan_nb.api.task import Listed
    from wan_nb.engine.ask import Ask
    from wan_nb.engine.endpoint import Endpoint
    from wan_nb.engine.runner import Runner
    from wan_nb.handles.study import Study
    from wan_nb.log.row import Row
    from wan_nb.log.runlog import RunLog
    from wan_nb.maintenance.cost import Cost
    from wan_nb.maintenance.doctor import Findings
    from wan_nb.maintenance.job_cost import Budgets, JobCost
    from wan_nb.media.store import Store
    from wan_nb.widgets.compare import CompareWidget
    from wan_nb.widgets.form.form import Form
    from wan_nb.widgets.output.outputs import Views
    from wan_nb.widgets.vote import VoteWidget

__all__ = ["Session"]

_opened: WeakSet[Session] = WeakSet()


def _views() -> type[Views]:
    from wan_nb.widgets.output.outputs import Views

    return Views


def _meaning() -> None:
    import wan_nb.handles.meaning  # noqa: F401


def _buying() -> None:
    import wan_nb.handles.buying  # noqa: F401


def _studies() -> None:
    import wan_nb.handles.study
    import wan_nb.studies.planned_study  # noqa: F401


@printed
@guarded
class Session:
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
        self.workspace = Workspace(Settings.resolve(service=service, **settings), prepare_later)
        """What studies, widgets, maintenance and reports see of it."""
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

    @classmethod
    def logged_run(cls, run_id: str, settings: Mapping[str, Any]) -> Run:
        """The handle of a run in the log of these settings: what a pickled one becomes."""
        return Run(cls.with_log(settings), run_id)

    @property
    def views(self) -> Views:
        """Outputs of this kernel that show its runs, opened on first use."""
        views = load(_views)
        with self.workspace.opening:
            if self.shown is None:
                self.shown = views(
                    self.workspace,
                    again=lambda run_id: self._next_take(self.row(run_id), None, told=False).id,
                    compare=self.compare,
                )
            return self.shown

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        folder = self.folder
        shown = folder.relative_to(self.notebook) if folder.is_relative_to(self.notebook) else folder
        mark = ": SIMULATED, no bill" if self.workspace.service == "simulator" else ""
        return f"<Session {self.workspace.service}{mark}, log in {shown}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Raise: threads and connections stay in their process."""
        raise WanError("a session stays in its process.", remedy="Open another one there: wan_nb.Session(...).")

    # --- what it consists of

    @property
    def settings(self) -> Settings:
        """Service, places and caps, frozen."""
        return self.workspace.settings

    @property
    def folder(self) -> Path:
        """Absolute folder of log and clips."""
        return self.workspace.folder

    @property
    def notebook(self) -> Path:
        """Folder of the notebook, to which addresses in its outputs are relative; where it was at the first use."""
        return self.workspace.notebook

    @property
    def pid(self) -> int:
        """The process that made it; connections do not survive a fork."""
        return self.workspace.pid

    @property
    def closed(self) -> bool:
        """Whether nobody looks after its runs any more."""
        return self.workspace.closed

    @property
    def log(self) -> RunLog:
        """The run log."""
        return self.workspace.log

    @property
    def store(self) -> Store:
        """Where the clips live."""
        return self.workspace.store

    @property
    def place(self) -> Endpoint:
        """The service; starts the simulator if that is the one."""
        return self.workspace.endpoint

    def set_budget(self, budget: Mapping[str, float]) -> None:
        """Set the cap of any 24 h, per currency; holds for what is asked for from now on."""
        self.workspace.set_budget(budget)

    def spent(self, currency: str | None = None) -> float:
        """What counts against the budget of the last 24 h: paid, under way and uncertain. Without simulated runs."""
        return self.workspace.spent(currency)

    def close(self) -> None:
        """Stop looking, close connections and log. Tasks go on at the service; the log knows them."""
        self.workspace.close()

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
        if self.settings.model and fields.get("model") is None:
            fields["model"] = self.settings.model
        return self.workspace.request(prompt, continued, **fields)

    def material(self, given: Any, field: str, *, model: str | None = None) -> Any:
        """Probe, check and, where it has to be, normalise what is given for one field of materials.

        Parameters
        ----------
        given : path, URL, bytes, PIL image, numpy array, Run or Medium
            A list of them where the field takes several, a mapping from its number for a voice.
        field : str
            Such as ``first_frame``, ``reference_image`` or ``video``.
        model : str, optional
            Whose limits hold; without it those of the first model that takes such a material.

        Returns
        -------
        Medium, list of Medium or dict of int to Medium

        Raises
        ------
        InvalidMedia
        """
        return self.workspace.materials(given, field, continued, model=model)

    @names_fields
    def submit(
        self,
        /,
        prompt: str | None = None,
        *,
        name: str | None = None,
        tags: str | Sequence[str] = (),
        take: int | None = None,
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
        take : int, optional
            Which clip of this request, from 1: each is bought once, and shown from then on. Without it the pinned one
            (`Run.pin`), else the first.
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
            The clip was paid before, but its file is gone, or was never fetched; another ``take`` is another one.

        Examples
        --------
        >>> run = session.submit("a cat walks", first_frame="cat.jpg", duration=5)  # doctest: +SKIP
        """
        load(_buying)
        from wan_nb.engine.ask import Ask
        from wan_nb.handles.buying import check_wish

        self.log.check_writable()
        most, words = arguments.max_cost(max_cost), arguments.words(tags, "tags")
        number = arguments.take(take, fields)
        request = self.request(prompt, **fields)
        ask = Ask(request, name=name, tags=words, take=number, progress=progress)
        check_wish(self.workspace, ask, most)
        return self._bought(ask, most)

    def _bought(self, ask: Ask, most: float | None) -> Run:
        from wan_nb.handles.buying import buy, check_there

        row, new = buy(self.workspace, ask, most)
        run = self._handle(row.run_id, reused=not new)
        if not new:
            check_there(self.workspace, row)
        return run

    def cancel(self, run_id: Any) -> Run:
        """Cancel a run that still waits. The service cannot stop a running one, which is billed if it succeeds.

        Parameters
        ----------
        run_id : str
            Or the unique beginning of one.

        Raises
        ------
        NotFound
            No such run.
        Refused
            It runs already, or has ended.

        Examples
        --------
        >>> session.cancel(run.id)  # doctest: +SKIP
        """
        return self.run(run_id).cancel()

    def again(self, /, run_id: Any, *, max_cost: float | None = None, **changes: Any) -> Any:
        """Buy the next take of a run: the same request, under the same name, labels and tags.

        Without a seed of its own the new clip gets another one. Cells go on showing the take that they showed; which
        ``--take`` shows the new one is said. With a change it is another request, which keeps name, tags and seed, and
        which costs nothing where it is there already.

        Parameters
        ----------
        run_id : str
            Or the unique beginning of one; a `Study` is planned anew, see `Study.again`.
        max_cost : float, optional
            Refuse to pay more. Where nobody sits at the notebook it has to be given: each run of it buys one more.
        **changes
            What `submit` takes.

        Returns
        -------
        Run or Study

        Raises
        ------
        NotFound
            No such run.
        InvalidOption, InvalidRequest, InvalidMedia, BudgetExceeded
            Nothing was sent.

        Examples
        --------
        >>> session.again(run.id, duration=10, max_cost=9)  # doctest: +SKIP
        """
        if hasattr(run_id, "plan"):
            planned = run_id.again(**changes)
            return planned if max_cost is None else planned.submit(max_cost=max_cost)
        load(_buying)
        from wan_nb.handles.buying import changed_fields, check_attended

        row = (run_id if isinstance(run_id, Run) else self.run(run_id)).row
        most = arguments.max_cost(max_cost)
        check_attended(row, most)
        if changes:
            return self.submit(**{"max_cost": most, **changed_fields(self.workspace, row, changes)})
        run = self._next_take(row, most, told=True)
        if not run.reused:
            say(take_kept(run.row))
        return run

    def _next_take(self, row: Row, most: float | None, *, told: bool) -> Run:
        load(_buying)
        from wan_nb.handles.buying import next_take

        return self._bought(next_take(self.workspace, row, self.request, told=told), most)

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
        runs = [self._handle(row.run_id) for row in self.workspace.resume()]
        with detaching(RESUMING):
            for run in runs if wait else ():
                self.workspace.loop.sync(_quietly(self.workspace.runner, run.id))
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
        return [
            self._handle(self.workspace.loop.sync(self.workspace.runner.adopt(task_id)).run_id) for task_id in task_ids
        ]

    def strangers(self) -> list[Listed]:
        """Tasks of the account's last 24 h that this log does not know: candidates for `adopt`."""
        return self.workspace.loop.sync(self.workspace.runner.unknown_tasks())

    # --- looking back

    def runs(self, /, *, measures: bool = False, **filters: Any) -> pd.DataFrame:
        """Runs as a DataFrame, the newest first.

        Parameters
        ----------
        measures : bool
            Add the numbers of `wan_nb.studies.measures.measures` as columns; clips not measured yet take 1 to 5 s each.
        **filters
            Columns by value or list of values, ``limit``, ``since``, ``until``, ``text``; ``sort="-rating"`` sorts.

        Examples
        --------
        >>> session.runs(study="walk", status="SUCCEEDED")  # doctest: +SKIP
        """
        return runs_frame(self, measures=measures, **filters)

    def find(self, words: str, /, **filters: Any) -> pd.DataFrame:
        """Runs in which words stand: in prompt, note, tags, label or study, in any case; the newest first.

        Parameters
        ----------
        words : str
            Each of them must stand somewhere, as a word or a part of one.
        **filters
            As in `runs`.

        Returns
        -------
        DataFrame
            As `runs` gives it; ``.wan.play()`` shows the clips.

        Raises
        ------
        InvalidOption
            No word is given, or a filter is no column.

        Examples
        --------
        >>> session.find("neon rain", rating=5).wan.play()  # doctest: +SKIP
        """
        if not words.split():
            raise InvalidOption("say which words are looked for.", remedy='find("glow")')
        return runs_frame(self, words=words, **filters)

    def run(self, run_id: Any) -> Run:
        """A run by its id, by the unique beginning of it, or by a file of its clip.

        Parameters
        ----------
        run_id : str or path
            Hex digits, at most 12; or a `Run`, or a row of ``runs()``. A path (a text with a slash or an ending) is a
            clip under any name: its run is known by its content, that of a `Run.export` by what is written in it.

        Raises
        ------
        NotFound
            No run begins so, or several do; there is no such file, or none of the runs made it.

        Examples
        --------
        >>> session.run(run.id[:6]).wait().video  # doctest: +SKIP
        >>> session.run(run.export("cat.mp4"))    # doctest: +SKIP
        """
        if isinstance(run_id, os.PathLike) or (isinstance(run_id, str) and set(run_id) & set("./\\")):
            from wan_nb.reporting.export import run_of

            return self._handle(run_of(self.workspace, run_id).run_id)
        ids = run_ids(run_id)
        if len(ids) != 1:
            raise InvalidOption(f"one run is meant here, not {len(ids)}.", remedy="Give the id of one.")
        return self._handle(self.log.get(ids[0]).run_id)

    def row(self, run_id: str) -> Row:
        """Newest snapshot of a run in the log."""
        return self.workspace.row(run_id)

    def video(self, row: Row) -> Path | None:
        """The clip of a row on disk, or None."""
        return self.workspace.video(row)

    def forget(self, run_id: str) -> Row:
        """Delete the files of a run. Its row stays, because it was paid.

        Parameters
        ----------
        run_id : str
            Or the unique beginning of one.

        Raises
        ------
        NotFound
            No such run.
        LogError
            Its clip is still to come.
        """
        return self.workspace.forget(run_id)

    def fresh(self) -> Path:
        """Move log and clips into a folder beside it, and close; a new session begins a new log.

        Returns
        -------
        Path
            The folder. Renamed back, it is the log again.

        Raises
        ------
        InvalidOption
            Log or clips lie in a folder that others may use, or there is no log yet.
        LogError
            Runs are under way.
        """
        from wan_nb.maintenance.fresh import move_aside

        return move_aside(self.workspace)

    def film(self, runs: Any, path: str | os.PathLike[str]) -> Path:
        """Join the clips of some runs, in their order, into one MP4 with sound.

        What a continuation repeats of the run before it is shown once: the seconds that it was given as ``first_clip``,
        or the frame that it was given as ``first_frame``. The log knows which; where it does not, the pictures are
        compared. Pictures are copied as they are where the clips are of one kind and nothing has to be cut, else
        encoded once, in the size of the first clip, others fitted into it between black bars. No clip is changed.

        Parameters
        ----------
        runs : list of Run or id, table of ``runs()``, Study, name of one, or tag
            In the order of the film; one may be given twice. Those under way are waited for.
        path : path
            The MP4 to write; it is there when it is whole.

        Returns
        -------
        Path
            Absolute.

        Raises
        ------
        InvalidOption
            No run, another ending than ``.mp4``, or a place among the clips of the log.
        NotFound
            A run has no clip on disk.
        InvalidMedia
            A clip cannot be played; the message names its run.
        RunFailed
            One that was waited for did not become a clip.

        Examples
        --------
        >>> session.film([run, *study.runs], "story.mp4")  # doctest: +SKIP
        PosixPath('.../story.mp4')
        """
        from wan_nb.handles.meaning import rows_meant
        from wan_nb.reporting.film import film

        owner: Session = session_of(runs) or self
        rows = rows_meant(owner, list(runs) if type(runs) is tuple else runs)
        return film(owner.workspace, waited_for(owner, rows), path)

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
        take: int | None = None,
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
        take : int, optional
            Of each of its requests, as in `submit`.
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
        load(_studies)
        from wan_nb.handles.study import Study
        from wan_nb.studies.planned_study import PlannedStudy

        planned = PlannedStudy.chosen(self.workspace, self.material, variants, fields, name=name, seeds=seeds,
                                      vary=vary, tags=tags, take=take)  # fmt: skip
        self.last = study = Study(self, planned)
        return study

    # --- showing

    def form(self, source: Any = None, /) -> Form:
        """A form with the board of its runs beneath: one request, or a study of prompts parted by ``---`` lines.

        Parameters
        ----------
        source : Run, run id, row of the DataFrame, or path of a clip or its sidecar, optional
            To begin with.

        Returns
        -------
        Form
            Shows itself as the last line of a cell.

        Examples
        --------
        >>> session.form(run)  # doctest: +SKIP
        """
        from wan_nb.widgets.form.form import Form
        from wan_nb.widgets.form.form_draft import Draft, fields_from

        fields = fields_from(source, self.workspace) if source is not None else None
        return Form(Draft(self.workspace, fields), self.views, submit=self.submit, study=self.study)

    def board(self) -> Any:
        """Show the newest runs of the log, and those to come, on a live board.

        Returns
        -------
        None, or in marimo the board, which its cell shows as its last value

        Examples
        --------
        >>> session.board()  # doctest: +SKIP
        """
        if front_end().name == "marimo":
            from wan_nb.widgets.output.outputs import as_value

            return as_value(self.views.show_all)
        self.views.show_all()
        return None

    def compare(self, what: Any = None, *, columns: int | None = None) -> CompareWidget:
        """Show clips side by side on one transport: play, scrub, step, loop, wipe, difference, swap in place.

        Parameters
        ----------
        what : Study, Run, id, DataFrame of ``runs()``, or several of them, optional
            Also a Series or index of ids, the name of a study, one of its variants, or a tag. When left out: the last
            study of this session, or the last run, which is waited for, beside the clip before it on the same material.
        columns : int, optional
            Clips beside each other; a variant each in a study when left out.

        Returns
        -------
        CompareWidget
            Shows itself; at most six clips play at once, the rest pages.

        Raises
        ------
        InvalidOption
            There is nothing to compare.

        Examples
        --------
        >>> session.compare(session.runs(study="walk"))  # doctest: +SKIP
        """
        load(_meaning)
        from wan_nb.handles.meaning import last_two, rows_to_compare
        from wan_nb.widgets.compare import compare_rows

        if what is None:
            two = last_two(self)
            return (
                compare_rows(self.workspace, two, columns=columns)
                if two
                else self.study_of(None).compare(columns=columns)
            )
        things = each_of(what)
        owner: Session = session_of(things) or self
        return compare_rows(owner.workspace, rows_to_compare(owner, things), columns=columns)

    def vote(
        self,
        study: Study | str | None = None,
        *,
        rater: str = "",
        criterion: str | None = None,
        mode: Literal["winner", "ranking"] = "winner",
    ) -> VoteWidget:
        """Ask blind questions about pairs of clips of one block, by keyboard: 1 2 better, 0 same, 9 both bad, u undo.

        Parameters
        ----------
        study : Study or str, optional
            Or its name; the newest when left out.
        rater : str
            Name of who votes, the user of this session without it; each rater is asked about every pair.
        criterion : str, optional
            What is asked, such as ``"moves less"``; see `Study.vote`.
        mode : {'winner', 'ranking'}
            Find the best variant with few votes, or put all in order.

        Returns
        -------
        VoteWidget
            Shows itself; every answer is written down at once.

        Examples
        --------
        >>> session.vote("walk", rater="Ada")  # doctest: +SKIP
        """
        return self.study_of(study).vote(rater=rater, criterion=criterion, mode=mode)

    def report(
        self, /, study: Study | str | None = None, path: str | os.PathLike[str] | None = None, **options: Any
    ) -> Path:
        """Write a study as one HTML file that needs nothing else: plan, prompts, clips, votes, ranking, measures, cost.

        Parameters
        ----------
        study : Study or str, optional
            Or its name; the newest when left out.
        path : path, optional
            ``NAME.html`` without it. One that ends in ``.csv`` becomes a table of runs and measures instead, with the
            votes in another one beside it.
        **options
            ``media="embed"``, ``"link"`` or ``"none"``: the clips in the file, beside it, or strips only.

        Returns
        -------
        Path
            Absolute.

        Raises
        ------
        InvalidOption
            Another ending, or a report that would be too large. Nothing is written.

        Examples
        --------
        >>> session.report("walk", "walk.html")  # doctest: +SKIP
        PosixPath('.../walk.html')
        """
        return self.study_of(study).report(path, **options)

    # --- keeping it in order

    def budget(
        self,
        name: str | None = None,
        amount: float | str | None = None,
        /,
        *,
        currency: str | None = None,
        user: str = "",
        each: bool = False,
    ) -> Budgets:
        """Set what a job may cost, or tell what is left. It is kept in the log, and holds beside that of any 24 hours.

        A job is all runs that were bought under a name, or have it as a tag; without a name it is the whole log. A
        budget belongs to who has set it: others are refused. Simulated runs are never refused.

        Parameters
        ----------
        name : str, optional
            The whole log without it.
        amount : float or "off", optional
            In `currency`; ``"off"`` takes the budget away. Only told without it.
        currency : {'CNY', 'USD'}, optional
            That of the service without it.
        user : str
            The share of this person in the job.
        each : bool
            The share of each person who has none of their own.

        Returns
        -------
        Budgets
            A tuple of ``job``, ``user``, ``amount``, ``spent``, ``left``, ``currency``, ``rehearsed``, ``set_by``; with
            ``refused``: who was refused what, and when. Of all budgets without a name.

        Raises
        ------
        InvalidOption
            No amount, a currency in which no service bills, or a budget of the log by somebody without a name.
        LogError
            The budget is another person's.

        Examples
        --------
        >>> session.budget("walk", 150, currency="CNY")  # doctest: +SKIP
        walk: CNY 0.00 of 150.00 used, 150.00 left
        """
        from wan_nb.maintenance.job_cost import budget_of, set_budget

        if each and user:
            raise InvalidOption("a share is that of one person, or of each.", field="each")
        if amount is not None:
            set_budget(self.workspace, name, amount, currency, user, each=each)
        return budget_of(self.workspace, name)

    @overload
    def cost(self, name: None = None, /) -> Cost: ...

    @overload
    def cost(self, name: str, /) -> JobCost: ...

    def cost(self, name: str | None = None, /) -> Cost | JobCost:
        """Return what was spent, by service, and what is left of the budget of any 24 hours; or what one job has cost.

        Parameters
        ----------
        name : str, optional
            Name or tag of a job.

        Returns
        -------
        Cost or JobCost
            ``lines`` by service and currency, ``spent`` and ``budget`` by currency; simulated runs count nowhere. Of a
            job ``used``, ``replaced``, ``failed``, ``paid``, ``by_person``, ``rehearsed``, ``budgets``.

        Raises
        ------
        NotFound
            Nothing has this name or tag.

        Examples
        --------
        >>> session.cost()  # doctest: +SKIP
        beijing: 3 clips of 4 runs, 15 s, CNY 9.00
        last 24 h: CNY 9.00 of 50.00 (%config WanMagics.budget)
        last 24 h: USD 0.00 of 7.00 (%config WanMagics.budget)
        """
        if name is None:
            from wan_nb.maintenance.cost import cost_of

            return cost_of(self.workspace)
        from wan_nb.maintenance.job_cost import job_cost

        return job_cost(self.workspace, name)

    def doctor(self, *, mend: bool = False) -> Findings:
        """Check key, service, clock, disk, files, front end and versions; the service is asked one free question.

        Parameters
        ----------
        mend : bool
            Repair what can be repaired without a loss: write back a log that was deleted while it was open, take up
            unfinished runs, give clips their names back, delete leftovers of broken downloads.

        Returns
        -------
        Findings
            A tuple of findings, each with ``subject``, ``level`` (``good``, ``note``, ``bad``), ``said`` and
            ``remedy``, the worst first; ``ok`` where none is bad.

        Examples
        --------
        >>> session.doctor().ok  # doctest: +SKIP
        True
        """
        from wan_nb.maintenance.doctor import examine

        return examine(self.workspace, mend=mend)

    def bundle(self, path: str | Path = "wan_runs.zip", /, **filters: Any) -> Path:
        """Pack clips, their requests, a table and a page that plays them into one zip file to take home.

        Parameters
        ----------
        path : path
            An older file of this name is replaced when the new one is whole.
        **filters
            Columns by value, as in `runs`; all runs without.

        Returns
        -------
        Path
            Absolute.

        Raises
        ------
        InvalidOption
            No run passes the filters, or the name has another ending than ``.zip``.

        Examples
        --------
        >>> session.bundle("walk.zip", study="walk")  # doctest: +SKIP
        PosixPath('.../walk.zip')
        """
        from wan_nb.maintenance.bundle import pack

        return pack(self.workspace, path, **filters)

    # --- what is meant

    def rows_of(self, what: Any) -> list[Row]:
        """Rows of the runs that are meant, each once.

        Parameters
        ----------
        what : object
            What `wan_nb.arguments.run_ids` takes; a text is also the name of a study, a label, or a tag. None: the last
            study.
        """
        if what is None:
            return self.study_of(None).rows()
        load(_meaning)
        from wan_nb.handles.meaning import rows_meant

        return list({row.run_id: row for row in rows_meant(self, what)}.values())

    def study_of(self, what: Any) -> Study:
        """The study that is meant: itself, by its name or one of its runs, or else the last one of this session or log.

        Raises
        ------
        InvalidOption
            It is neither, or there is none yet.
        NotFound
            No study of that name.
        """
        load(_meaning)
        from wan_nb.handles.meaning import one_study

        return one_study(self, what)

    def _handle(self, run_id: str, *, reused: bool = False) -> Run:
        self.last = run = Run(self, run_id, reused=reused)
        return run


async def _quietly(runner: Runner, run_id: str) -> None:
    from wan_nb.errors import WanError

    try:
        await runner.ended(run_id)
    except WanError:
        return  # it is in the row
