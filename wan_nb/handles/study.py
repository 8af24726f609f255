"""`Study`: a comparison from its plan to its decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from wan_nb import arguments
from wan_nb.arguments import shown
from wan_nb.engine.loop import ticking
from wan_nb.engine.row_errors import detached_await
from wan_nb.errors import InvalidOption
from wan_nb.handles.chosen_runs import study_rows
from wan_nb.handles.finals import Finals
from wan_nb.handles.run import Run, publish_end
from wan_nb.interrupts import detaching, waiting_for_study
from wan_nb.log.marks import in_the_running
from wan_nb.paths import file_name
from wan_nb.public_functions import guarded
from wan_nb.studies.buying import buy, cancel, check_ended, ended
from wan_nb.studies.planned_study import PlannedStudy
from wan_nb.terminal import printed

if TYPE_CHECKING:
    import os
    from collections.abc import Coroutine, Generator
    from pathlib import Path

    import pandas as pd

    from wan_nb.api.estimate import Estimate
    from wan_nb.api.request import VideoRequest
    from wan_nb.engine.ask import Ask
    from wan_nb.engine.workspace import Workspace
    from wan_nb.handles.protocols import AnySession
    from wan_nb.handles.race import Race
    from wan_nb.log.runlog import Row
    from wan_nb.studies.ballot.ballot import Ballot
    from wan_nb.studies.ballot.taking import VotesTaken
    from wan_nb.studies.plan import Plan
    from wan_nb.studies.plan_state import PlanState
    from wan_nb.studies.ranking.result import Ranking
    from wan_nb.studies.study_votes import StudyVotes
    from wan_nb.widgets.compare import CompareWidget
    from wan_nb.widgets.race import RaceControls
    from wan_nb.widgets.vote import VoteWidget

__all__ = ["Study", "recorded_study"]


@printed
@guarded
class Study:
    """A comparison: a plan of requests, the runs that it became, votes about them, and what they say.

    Made by ``wan_nb.study(...)``: then it is a plan, checked and priced, and nothing is sent. `submit` buys what is not
    in the log yet, and only that: run it again and it costs nothing, change one prompt and only its clips are bought.

    Attributes
    ----------
    name : str
    plan : Plan
        Cells in the order in which they are sent.

    Examples
    --------
    >>> prompts = {"calm": "a cat walks", "fast": "a cat dashes"}
    >>> study = wan_nb.study(prompts, name="walk", first_frame="cat.jpg", seeds=[1, 2, 3])  # doctest: +SKIP
    >>> study.submit(max_cost=30).wait().compare()  # doctest: +SKIP
    """

    def __init__(self, session: AnySession, planned: PlannedStudy) -> None:
        self._session = session
        self._workspace: Workspace = session.workspace
        self.planned = planned
        """What it asks for; a race that grows puts another one in its place."""

    @property
    def plan(self) -> Plan:
        """Cells in the order in which they are sent."""
        return self.planned.plan

    @property
    def name(self) -> str:
        """Under which the log has it."""
        return self.planned.name

    @property
    def session(self) -> AnySession:
        """The `Session` that this study belongs to."""
        return self._session

    # --- the plan

    @property
    def requests(self) -> tuple[VideoRequest, ...]:
        """The checked requests, in the order of the plan's cells."""
        return self.planned.requests

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """What each cell costs, in the currency of the service."""
        return self.planned.estimates

    @property
    def currency(self) -> str:
        """CNY or USD, by the region of the service."""
        return self.planned.currency

    def state(self) -> PlanState:
        """The plan beside what the log has of it now: the log is asked once, for whoever needs several of its facts."""
        return self.planned.state()

    @property
    def missing(self) -> list[int]:
        """Numbers of the cells that would be bought: no run of theirs is there, under way or in doubt."""
        return [*self.state().missing]

    @property
    def notes(self) -> list[str]:
        """What to know before buying: what weakens the comparison, and what may be there already."""
        return self.state().notes

    @property
    def cost(self) -> float:
        """Estimated price of what `submit` would buy now."""
        return self.state().cost

    def table(self) -> pd.DataFrame:
        """The plan as a DataFrame: a cell a row, with its state in the log and its price (0 when it is there)."""
        from wan_nb.handles.dataframe import plan_frame

        return plan_frame(self.state())

    # --- buying

    def asks(self) -> list[Ask]:
        """What `submit` asks for, cell by cell."""
        return self.planned.asks()

    def submit(self, *, max_cost: float | None = None) -> Study:
        """Buy what is missing; returns when the plan is reserved and its first task accepted.

        Parameters
        ----------
        max_cost : float, optional
            Refuse if the whole would cost more, in the currency of the service.

        Raises
        ------
        BudgetExceeded
            `max_cost` or the budget of the log does not allow the whole; nothing was sent.
        Refused, Unavailable
            The first task was not accepted.
        """
        from wan_nb.handles.race import join

        join(self)
        buy(self.planned, arguments.max_cost(max_cost))
        return self

    def race(
        self,
        *,
        max_cost: float | None = None,
        max_clips: int | None = None,
        raters: int | None = None,
        strict: bool | None = None,
        criterion: str | None = None,
    ) -> Race:
        """Go on as a race: seeds in steps, for those that can still win, until the votes decide or the money is spent.

        Nothing is sent: `Race.submit` buys the step that is due. Each step takes new seeds. Clips that the study has
        already stay in it; votes on them steer, and are no evidence. A study of that name that races already goes on
        where it was.

        Parameters
        ----------
        max_cost : float, optional
            Budget of the whole race, in the currency of the service; it may be raised later. Without it, what the
            budget of the log has left.
        max_clips : int, optional
            The same in clips.
        raters : int, optional
            People who vote on each pair of the steps to come; 1 without it.
        strict : bool, optional
            "Beats" at 40 to 1 and not at 20 to 1, which halves the share of false winners.
        criterion : str, optional
            What it asks, such as ``"moves less"``; which clip is better without it. Votes of another question decide
            nothing in it. Fixed once it has begun, as is `strict`.

        Raises
        ------
        InvalidOption
            There is one variant only, or a race of that name has other prompts.

        Examples
        --------
        >>> race = study.race(max_cost=90)  # doctest: +SKIP
        >>> race.submit().wait().vote()     # doctest: +SKIP
        """
        from wan_nb.handles.race import open_race

        return open_race(
            self, max_cost=max_cost, max_clips=max_clips, raters=raters, strict=strict, criterion=criterion
        )

    def cancel(self) -> int:
        """Take back what was not sent yet and cancel what still waits at the service; returns how many were."""
        return cancel(self._workspace, self.rows())

    # --- waiting

    def wait(self, timeout: float | None = None) -> Study:
        """Wait until every run has ended. Single failures do not raise; their rows tell.

        Raises
        ------
        RunFailed
            Not one clip came.
        RunCanceled
            Some were never sent: their kernel was interrupted, or died, and nobody has bought them since.
        TimeoutError
            After `timeout` seconds; the tasks go on.
        Detached
            A `KeyboardInterrupt`: the wait ends, the tasks go on.
        """
        timeout = arguments.timeout(timeout)
        with detaching(waiting_for_study(self.name)):
            self._workspace.loop.sync(self.ended(), timeout=timeout)
        return self._checked()

    def __await__(self) -> Generator[Any, None, Study]:
        """Wait in a cell: other tasks of the notebook go on, an interrupt detaches."""
        future = self._workspace.loop.start(self.ended())
        yield from ticking(future, lambda: detached_await(waiting_for_study(self.name)))
        return self._checked()

    def ended(self) -> Coroutine[Any, Any, None]:
        """Return when every run has ended, on the loop thread; `wait` and ``await`` are its faces."""
        runner = self._workspace.runner  # which the loop thread cannot open itself
        return ended(runner, self.cell_rows)

    def _checked(self) -> Study:
        rows = self.rows()
        publish_end(self._session, *(row.run_id for row in rows))
        check_ended(self.name, rows, len(self.plan.cells))
        return self

    # --- looking

    @property
    def runs(self) -> list[Run]:
        """Its runs, by block and variant; cells that were never asked for have none."""
        return [Run(self._session, row.run_id) for row in self.rows()]

    def frame(self) -> pd.DataFrame:
        """Its runs as a DataFrame with the columns of ``wan_nb.runs()``, variant and block as in this plan."""
        from wan_nb.handles.dataframe import runs_frame

        return runs_frame(self._session, self.rows())

    def measures(self) -> pd.DataFrame:
        """Its runs with the numbers of `wan_nb.studies.measures` as columns: checks and sort keys, no verdict."""
        from wan_nb.handles.dataframe import runs_frame

        return runs_frame(self._session, self.rows(), measures=True)

    def differences(self, *, base: str | None = None) -> pd.DataFrame:
        """What the variants differ in: for each measure and pair the mean difference inside the blocks.

        Parameters
        ----------
        base : str, optional
            Compare all others with this variant; every pair without it.

        Returns
        -------
        DataFrame
            ``measure, variant, base, mean, low, high`` (95 % interval over blocks, for amounts), ``effect`` (Hedges'
            g), ``blocks, base_mean``; ``more, fewer`` (blocks), ``more_low, more_high`` (exact 95 % interval of how
            often more, where it differs), ``p``, and ``q``: the same after all comparisons of the table.
        """
        from wan_nb.studies.measures.cached import differences

        return differences(self._workspace, self.rows(), base=base)

    def rows(self) -> list[Row]:
        """Newest row of each cell that has one, labelled as in this plan, by block and variant as they were written."""
        return self.planned.rows()

    def bought(self) -> list[Row]:
        """Every run that belongs to it, the oldest first: also those that a newer one of the same cell stands for."""
        return self.planned.bought()

    def cell_rows(self) -> list[Row | None]:
        """Newest row of each cell, or None. A clip bought under another name is the same clip, labelled as here."""
        return self.planned.cell_rows()

    def written(self) -> list[dict[str, Any]]:
        """Its requests as the log records them, in the order in which a person wrote them."""
        return self.planned.written()

    # --- comparing and showing

    def compare(self, *, columns: int | None = None) -> CompareWidget:
        """Show its clips side by side on one transport, blocks in rows, variants in columns."""
        from wan_nb.widgets.compare import compare_rows

        return compare_rows(self._workspace, in_the_running(self.rows()), columns=columns)

    def ballot(
        self, *, rater: str = "", criterion: str | None = None, mode: Literal["winner", "ranking"] = "winner"
    ) -> Ballot:
        """A sitting of one rater: pairs to ask about, answers to write down. `vote` shows it.

        Parameters
        ----------
        rater : str
            Name of who votes; the user of the session without it.
        criterion : str, optional
            What is asked, such as ``"moves less"``. Without it what the race of the study asks, else which clip is
            better.
        mode : {'winner', 'ranking'}
            Find the best variant with few votes, or put all in order.

        Examples
        --------
        >>> sitting = study.ballot(rater="Ada")  # doctest: +SKIP
        >>> study.ballot().next().left_variant   # doctest: +SKIP
        'calm'
        """
        return self._votes.ballot(rater=rater, criterion=criterion, mode=mode)

    def vote(
        self, *, rater: str = "", criterion: str | None = None, mode: Literal["winner", "ranking"] = "winner"
    ) -> VoteWidget:
        """Ask blind questions about pairs of clips of one block, by keyboard: 1 2 better, 0 same, 9 both bad, u undo.

        Parameters
        ----------
        rater : str
            Name of who votes; the user of the session without it.
        criterion : str, optional
            What is asked, such as ``"moves less"``, which is shown as "Which clip moves less?" and kept with the votes;
            ``ranking(criterion="moves less")`` counts them. Without it what the race of the study asks, else which clip
            is better.
        mode : {'winner', 'ranking'}
            Find the best variant with few votes, or put all in order.
        """
        from wan_nb.widgets.vote import vote_on

        ballot = self.ballot(rater=rater, criterion=criterion, mode=mode)
        return vote_on(self._workspace, self.rows(), ballot)

    def ballot_file(self, path: str | os.PathLike[str] | None = None, *, criterion: str | None = None) -> Path:
        """Write a page on which people without a notebook vote, by keyboard, in any browser, from any disk.

        It is blind in the file itself: no label, prompt, price, seed or run id is in it, and all clips are encoded
        alike. It keeps the votes in the reader's browser and gives them back as a small file, which `read_votes` takes.
        One page serves a whole class. In a race it asks about the seeds that still need votes.

        Parameters
        ----------
        path : path, optional
            The page, ``NAME-ballot.html`` without it. Where it would have more than 50 MB, the clips lie in the folder
            ``NAME-ballot_clips`` beside it, which must be handed on with it.
        criterion : str, optional
            What is asked; see `vote`.

        Returns
        -------
        Path
            Absolute.

        Raises
        ------
        InvalidOption
            No block has two clips, another ending than ``.html``, or a place among the clips of the log.

        Examples
        --------
        >>> study.ballot_file("walk-ballot.html")  # doctest: +SKIP
        PosixPath('.../walk-ballot.html')
        """
        from wan_nb.reporting.ballot_page import ballot_file

        return ballot_file(self.planned, self.ballot(criterion=criterion), path)

    def read_votes(self, *files: str | os.PathLike[str], rater: str | None = None) -> VotesTaken:
        """Take votes files into the log, of a ballot page or of another log with the same clips: each vote once.

        A file may be read again, or a part of it before the whole. What it is about is checked: votes of another study
        or of other clips are refused.

        Parameters
        ----------
        *files : path
            Votes files, or patterns such as ``"votes/*.json"``.
        rater : str, optional
            Whose they are; else the name that stands in the file.

        Returns
        -------
        VotesTaken
            ``new`` and ``known`` votes, ``raters``, ``files``.

        Raises
        ------
        InvalidOption
            Files that were not taken, each with its reason; all others are.

        Examples
        --------
        >>> sitting = study.ballot(rater="Ada")  # doctest: +SKIP
        >>> vote = sitting.record(sitting.next(), "left")  # doctest: +SKIP
        >>> print(study.read_votes(study.write_votes("me.json")))  # doctest: +SKIP
        0 answers taken, 1 was there already: Ada.
        """
        return self._votes.read(files, rater)

    def write_votes(self, path: str | os.PathLike[str] | None = None, *, rater: str | None = None) -> Path:
        """Write the votes as a votes file, which `read_votes` takes in another log with the same clips.

        Parameters
        ----------
        path : path, optional
            ``NAME-votes.json`` without it; replaced as a whole when it exists.
        rater : str, optional
            Only those of this rater.

        Returns
        -------
        Path
            Absolute.

        Examples
        --------
        >>> sitting = study.ballot(rater="Ada")  # doctest: +SKIP
        >>> vote = sitting.record(sitting.next(), "left")  # doctest: +SKIP
        >>> study.write_votes("me.json", rater="Ada")  # doctest: +SKIP
        PosixPath('.../me.json')
        """
        return self._votes.write(path, rater)

    def votes(self) -> list[dict[str, Any]]:
        """All votes, those taken back included, with the labels that their runs have in this plan.

        A vote is about two runs. One about runs that this plan does not hold, or that are of two blocks, keeps labels
        that no variant of the plan has: it is there, and does not count.
        """
        return self._votes.all()

    def ranking(self, *, criterion: str | None = None, everybody: bool = False) -> Ranking:
        """What the votes say about the variants, with 95 % intervals, counted in blocks and not in votes.

        While others have voted and the user of the session has pairs left, it shows no tally of theirs, unless it is
        decided and the user has not begun; its attributes are there for code.

        Parameters
        ----------
        criterion : str, optional
            What was asked. Without it what the race of the study asks, else which clip is better, or, where only others
            were asked, the last of these.
        everybody : bool
            Show what others said, too.
        """
        return self._votes.ranking(self.votes(), criterion, everybody=everybody)

    @property
    def _votes(self) -> StudyVotes:
        from wan_nb.studies.study_votes import StudyVotes

        return StudyVotes(self.planned, self.offer)

    def offer(self, winner: str) -> Finals:
        """The clips of the winner in 1080P, for whoever shows what was decided."""
        return Finals(winner, lambda: self.finals(variant=winner).planned, lambda: self._session.views)

    @property
    def models(self) -> dict[str, str]:
        """Model of each variant."""
        return self.planned.models

    @property
    def winner(self) -> str | None:
        """The variant that the votes have decided for; None while they have not."""
        return self.ranking().winner

    def finals(self, resolution: str = "1080P", *, variant: str | None = None, name: str | None = None) -> Study:
        """Plan the clips of the winner again in another resolution, on the same pictures with the same seeds.

        Parameters
        ----------
        resolution : str
            Such as ``"1080P"``.
        variant : str, optional
            Instead of the winner.
        name : str, optional
            Of the new study; ``NAME 1080P`` without it.

        Returns
        -------
        Study
            A plan with its price: nothing is sent before its Buy button or `submit`.

        Raises
        ------
        InvalidOption
            The votes have not decided and no variant is named, or there is none of that name.

        Examples
        --------
        >>> study.finals(variant="calm").submit(max_cost=30)  # doctest: +SKIP
        """
        chosen = variant if variant is not None else self.winner
        if chosen not in self.plan.variants:
            why = "the votes have not decided yet" if chosen is None else f"there is no variant {shown(chosen)}"
            remedy = f"Name one: {', '.join(map(repr, self.plan.variants[:6]))}."
            raise InvalidOption(f"{why}.", field="variant", remedy=remedy)
        return Study(
            self._session,
            self.planned.with_changes(
                {"resolution": resolution}, variant=chosen, name=name or f"{self.name} {resolution}"
            ),
        )

    def again(self, *, whole: bool = False, **changes: Any) -> Study:
        """Plan the winner once more in another tier or by another model, on the same pictures and seeds.

        While the votes have not decided, all variants are planned. Drafts are cheap in 480P of wan3.0-video; what won
        is then bought in the model and resolution that it is wanted in. It will be another clip: similar, not the same.

        Parameters
        ----------
        whole : bool
            All variants, also where the votes have decided.
        **changes
            Fields that are another: ``model="wan2.7-i2v"``, ``resolution="1080P"``.

        Returns
        -------
        Study
            The plan; nothing is sent before its `submit`.

        Raises
        ------
        InvalidOption, InvalidRequest
            Nothing is changed, or the model does not take what is asked for.

        Examples
        --------
        >>> study.again(resolution="1080P").submit(max_cost=30)  # doctest: +SKIP
        """
        variant, name = changes.pop("variant", None), changes.pop("name", None)
        if not changes or "seed" in changes or "prompt" in changes:
            raise InvalidOption(
                "say what is another: a model, a resolution, a duration.",
                remedy="Its seeds stay; other prompts are another study.",
            )
        chosen = None if arguments.switch(whole, "whole") else variant or self.winner
        return Study(self._session, self.planned.with_changes(changes, variant=chosen, name=name))

    def report(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        media: Literal["embed", "link", "none"] = "embed",
        max_bytes: int | None = 100_000_000,
        audience: Literal["maker", "client"] = "maker",
        finals: Any = (),
        everybody: bool = False,
    ) -> Path:
        """Write one HTML file that needs nothing else: plan, prompts, clips, votes, ranking, measures, costs.

        How large the file becomes is said before it is written.

        Parameters
        ----------
        path : path, optional
            ``NAME.html`` without it; ``.csv`` makes a table instead.
        media : {'embed', 'link', 'none'}
            Light copies of the clips with their sound in the file (0.2 to 0.4 MB a second of clip), the clips beside
            it, or strips only.
        max_bytes : int or None
            Refuse to write more than this; None for any size.
        audience : {'maker', 'client'}
            A client is told what was chosen, with clips and prompts: no price, id, seed, measure, figure or vote.
        finals : Run, id, label, tag, or a list of such
            Clips that come first in the report of a client, such as the winner in another resolution.
        everybody : bool
            Tell what others said although the user of the session has pairs left to vote on; see `ranking`.

        Raises
        ------
        InvalidOption
            The report would be larger than `max_bytes`, or there is no such audience. Nothing is written.

        Examples
        --------
        >>> study.report("for-you.html", audience="client", finals=[run])  # doctest: +SKIP
        PosixPath('.../for-you.html')
        """
        from wan_nb.reporting.report import report

        last = study_rows(self._session, self, finals, done=True) if audience == "client" else []
        return report(self.planned, self._votes, path, media=media, max_bytes=max_bytes, audience=audience,
                      finals=last, everybody=everybody)  # fmt: skip

    def movie(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        runs: Any = None,
        columns: int | None = None,
        sound: Any = None,
    ) -> Path:
        """Write its clips beside each other as one MP4 on one clock, for a slide or a chat.

        A label stands under each clip; blocks are rows and variants columns. The whole has at most 1920 x 1080 pixels
        and 30 frames a second. A clip that is not there is drawn as such, a shorter one keeps its last picture.

        Parameters
        ----------
        path : path, optional
            The MP4 to write, ``NAME.mp4`` without it; replaced as a whole when it exists.
        runs : Run, id, label of a variant, table of ``runs()``, or a list of such, optional
            In this order; all that the study has without it.
        columns : int, optional
            Clips beside each other.
        sound : Run or id, optional
            The clip that is heard; the first one with sound without it.

        Returns
        -------
        Path
            Absolute.

        Raises
        ------
        InvalidOption
            There is no clip yet, the clips would be too small, or the file cannot be written there.

        Examples
        --------
        >>> study.movie("walk.mp4")  # doctest: +SKIP
        PosixPath('.../walk.mp4')
        """
        from wan_nb.reporting.movie import movie

        rows = self.rows() if runs is None else study_rows(self._session, self, runs)
        if columns is None and runs is None and len(self.plan.blocks) > 1:
            columns = len(self.plan.variants)
        if columns is not None:
            columns = arguments.whole(columns, "columns must be 1 or more", 1)
        heard = None if sound is None else self._session.run(sound).id
        chosen = path if path is not None else file_name(self.name, ".mp4")
        return movie(self._workspace, rows, chosen, columns=columns, sound=heard)

    def deliver(self, path: str | os.PathLike[str] | None = None, *, runs: Any = None) -> Path:
        """Pack its clips for people without Python: readable file names, and a page that plays them from any disk.

        The winner comes first, where the votes have decided. The page tells what was asked for in the words of the
        prompts; it holds no price, no id, no seed and no figure of the votes. The clips are those of the log, byte for
        byte.

        Parameters
        ----------
        path : path, optional
            The zip to write, ``NAME.zip`` without it; replaced as a whole when it exists.
        runs : Run, id, label of a variant, table of ``runs()``, or a list of such, optional
            In the order of the delivery, also runs of other studies, such as the winner in another resolution; of a
            variant, study or tag the clips that are done. Without it, all that are done.

        Returns
        -------
        Path
            Absolute.

        Raises
        ------
        InvalidOption
            There is no clip yet, another ending than ``.zip``, or a place among the clips of the log.
        NotFound, InvalidMedia
            A run that was named has no clip on disk, or one that does not play; the message names it.

        Examples
        --------
        >>> study.deliver("finals.zip", runs=["calm"])  # doctest: +SKIP
        PosixPath('.../finals.zip')
        """
        from wan_nb.reporting.delivery import deliver

        rows = study_rows(self._session, self, self if runs is None else runs, done=True)
        chosen = path if path is not None else file_name(self.name, ".zip")
        title = self.name if self.plan.named else ""
        return deliver(self._workspace, rows, chosen, title=title, winner=self.winner or "")

    def _ipython_display_(self) -> None:
        """The plan with its price and a Buy button, or the live board of its runs."""
        from wan_nb.widgets.plan import show_plan

        session = self._session
        self._workspace.loop.sync(
            self._workspace.account.handshake()
        )  # a wrong key is said here, and the service says what it is
        state = self.state()
        going = any(row.open for row in state.sorted_rows)
        changed = bool(state.outdated) or any(state.rows[n] is None for n in state.missing)
        if self.plan.race:
            self.race()._ipython_display_()
        elif state.sorted_rows and (not state.missing or (going and not changed)):
            session.views.show(state.sorted_rows, title=self.name)
        else:
            show_plan(
                session.views, state, state_now=self.state, buy=self.submit, ended=self.ended, race=self._controls()
            )

    def _controls(self) -> RaceControls | None:
        """Of the race that it may be instead."""
        try:
            return self.race().controls()
        except InvalidOption:
            return None

    def _display_(self) -> Any:
        """The same in marimo."""
        from wan_nb.widgets.output.outputs import as_value

        return as_value(self._ipython_display_)

    def __repr__(self) -> str:
        return f"<{self.state().line}>"


def recorded_study(session: AnySession, name: str) -> Study:
    """The study that the log has under a name.

    Raises
    ------
    NotFound
        It has none.
    """
    return Study(session, PlannedStudy.recorded_as(session.workspace, name))
