"""`Study`: a comparison from its plan to its decision."""

from __future__ import annotations

import json
import shlex
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal

from wan_nb import arguments
from wan_nb.arguments import shown
from wan_nb.engine.edition1_runs import in_doubt
from wan_nb.engine.loop import ticking
from wan_nb.engine.row_errors import detached_await
from wan_nb.errors import (
    BudgetExceeded,
    InvalidMedia,
    InvalidOption,
    NotFound,
    RunCanceled,
    RunFailed,
    WanError,
)
from wan_nb.handles.chosen_runs import each_of
from wan_nb.handles.finals import Finals
from wan_nb.handles.run import Run, publish_end
from wan_nb.interrupts import buying_study, detaching, waiting_for_study
from wan_nb.log.marks import in_the_running
from wan_nb.log.states import FINAL, Status
from wan_nb.paths import file_name, output
from wan_nb.public_functions import guarded
from wan_nb.terminal import printed, spelled

if TYPE_CHECKING:
    import os
    from collections.abc import Container, Coroutine, Generator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from wan_nb.api.estimate import Estimate
    from wan_nb.api.request import VideoRequest
    from wan_nb.engine.ask import Ask
    from wan_nb.engine.runner import Runner
    from wan_nb.engine.workspace import Workspace
    from wan_nb.handles.race import Race
    from wan_nb.log.runlog import Row
    from wan_nb.studies.ballot.ballot import Ballot
    from wan_nb.studies.ballot.taking import VotesTaken
    from wan_nb.studies.plan import Plan, PlanState
    from wan_nb.studies.ranking.result import Ranking
    from wan_nb.widgets.compare import CompareWidget
    from wan_nb.widgets.race import RaceControls
    from wan_nb.widgets.vote import VoteWidget

__all__ = ["Study"]

_SIDES = ("left_run", "right_run")


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

    def __init__(
        self,
        session: Any,
        plan: Plan,
        requests: Sequence[VideoRequest],
        *,
        tags: Sequence[str] = (),
        take: int | None = None,
    ) -> None:
        self._session = session
        self._workspace: Workspace = session.workspace
        self.plan = plan
        self.name = plan.name
        self._requests = tuple(requests)
        self._tags = tuple(tags)
        self._take = take

    @cached_property
    def _aliases(self) -> list[str]:
        """Names that the first edition gave to a study of this content, under which it may have votes."""
        if self.plan.named:
            return []
        kept: list[str] = []
        with suppress(NotFound):
            kept = self._workspace.log.load_study(self.name).get("aliases", [])
        return [name for name in dict.fromkeys([*kept, self.plan.alias]) if name]

    @cached_property
    def _prints(self) -> list[str]:
        """What the request of each cell is known by in the log."""
        return self._workspace.fingerprints(self.asks())

    @property
    def session(self) -> Any:
        """The `Session` that this study belongs to."""
        return self._session

    # --- the plan

    @property
    def requests(self) -> tuple[VideoRequest, ...]:
        """The checked requests, in the order of the plan's cells."""
        return self._requests

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """What each cell costs, in the currency of the service."""
        region = self._workspace.region
        return tuple(request.estimate(region) for request in self._requests)

    @property
    def currency(self) -> str:
        """CNY or USD, by the region of the service."""
        return self._workspace.region.currency

    def state(self) -> PlanState:
        """The plan beside what the log has of it now: the log is asked once, for whoever needs several of its facts."""
        from wan_nb.studies.plan import PlanState

        rows = self.cell_rows()
        earlier = self._workspace.earlier(self.asks(), rows)
        return PlanState(
            self.plan,
            self._requests,
            tuple(rows),
            self.estimates,
            self.currency,
            tuple(earlier),
            self._take,
            tuple(self._outdated()),
            tuple(self._hidden()),
        )

    def _outdated(self) -> list[Row]:
        """Its runs that are not yet sent and stand where this plan asks for something else."""
        if not (self.plan.named and self._workspace.log_exists) or self.plan.race:
            return []
        places = {(cell.variant, cell.block) for cell in self.plan.cells}
        known = set(self._prints)
        return [
            row
            for row in self._workspace.log.unsent(self.name)
            if row.fingerprint not in known and (row.variant, row.block) in places
        ]

    def _hidden(self) -> list[str]:
        """Variants that have votes under this name on clips that are not in this plan."""
        if self.plan.race or not (self.plan.named and self._workspace.log_exists):
            return []
        log = self._workspace.log
        voted = {(vote.get(f"{side}_variant"), vote.get(f"{side}_run")): None
                 for vote in log.votes(self.name) for side in ("left", "right")}  # fmt: skip
        ids = [run_id for _, run_id in voted if run_id]
        own = {row.run_id for row in log.find(run_id=ids) if row.fingerprint in self._prints} if ids else set()
        return list(
            dict.fromkeys(
                label
                for label, run_id in voted
                if label and (run_id not in own if run_id else label not in self.plan.variants)
            )
        )

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
        import pandas as pd

        state = self.state()
        missing, prices, rows = state.missing, state.prices, state.rows
        return pd.DataFrame(
            {
                "variant": [cell.variant for cell in self.plan.cells],
                "block": [cell.block for cell in self.plan.cells],
                "prompt": [request.prompt for request in self._requests],
                "status": ["to buy" if row is None or n in missing else str(row.status) for n, row in enumerate(rows)],
                "price": [prices[n] if n in missing else 0.0 for n in range(len(prices))],
                "run_id": [None if row is None else row.run_id for row in rows],
            }
        )

    # --- buying

    def asks(self) -> list[Ask]:
        """What `submit` asks for, cell by cell."""
        from wan_nb.engine.ask import Ask

        name = self.name if self.plan.named else None
        return [
            Ask(request, name, self.name, cell.variant, cell.block, self._tags, self._take)
            for cell, request in zip(self.plan.cells, self._requests, strict=True)
        ]

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
        from wan_nb.handles.race_log import join

        join(self)
        most, state = arguments.max_cost(max_cost), self.state()
        # Rounded, because a sum of prices may pass the amount that a person reads by less than is money.
        bill = state.bill
        if most is not None and bill.amount > most:
            raise BudgetExceeded(
                f"study {shown(self.name)} costs {bill.told}, more than --max-cost {most:g}.",
                remedy="Take fewer seeds, shorter clips or 720P, or allow more.",
            )
        for request in [self._requests[n] for n in state.missing]:
            for field, medium in request.media().items():
                if (why := medium.lost) is not None:
                    raise InvalidMedia(f"{field}: {why}", field=field, remedy="Plan the study with it once more.")
        if max_cost is None and (doubt := next(filter(None, state.earlier), None)) is not None:
            raise in_doubt(doubt, bill.amount)
        for row in state.outdated:
            with suppress(WanError):  # it is being sent just now: then it is bought, and says so
                Run(self._session, row.run_id).cancel()
        self.send(state.wanted, most=most)
        return self

    def send(self, cells: Sequence[int], *, most: float | None = None) -> None:
        """Write the plan down and ask for some of its cells; `submit` and the steps of a race do.

        Parameters
        ----------
        cells : sequence of int
            Numbers of cells of the plan.
        most : float, optional
            Most that they may cost, in the currency of the service.
        """
        workspace, asks = self._workspace, self.asks()
        self.keep()
        with detaching(buying_study(self.name)):
            workspace.loop.sync(workspace.runner.queue.submit([asks[n] for n in cells], most=most))
            workspace.loop.call(lambda: workspace.account.jobs.start(f"prepare-{self.name}", self._prepared()))

    def keep(self) -> None:
        """Write the plan down, for whoever opens the study by its name."""
        self._workspace.log.save_study(self.name, self._recorded())

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

    def replan(self, plan: Plan, requests: Sequence[VideoRequest]) -> None:
        """Take another plan of the same name: a race grows by steps.

        Parameters
        ----------
        plan : Plan
        requests : sequence of VideoRequest
            Checked, in the order of its cells.
        """
        self.plan, self._requests = plan, tuple(requests)
        self.__dict__.pop("_prints", None)

    async def _prepared(self) -> None:
        """Measure and copy the clips when all are there: not while somebody waits, and before somebody compares."""
        from wan_nb.studies.measures.cached import measured

        await self.ended()
        worker = self._workspace.runner.measuring
        for row in await worker.do(self.rows):
            await worker.do(measured, self._workspace, [row])
            with suppress(InvalidMedia, OSError):  # whoever looks at the clip is told
                await worker.do(self._workspace.light, row)

    def cancel(self) -> int:
        """Take back what was not sent yet and cancel what still waits at the service; returns how many were."""
        stopped = 0
        for run in self.runs:
            if run.status in FINAL:
                continue
            try:
                run.cancel()
            except WanError:
                continue  # it runs already, and says so on the board
            stopped += 1
        return stopped

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
        return self._ended(self._workspace.runner)  # which the loop thread cannot open itself

    async def _ended(self, runner: Runner) -> None:
        seen: set[str] = set()
        refused = None
        # What somebody else has taken back is bought here as another run, which has to be waited for too.
        while fresh := [row.run_id for row in self.cell_rows() if row is not None and row.run_id not in seen]:
            seen.update(fresh)
            for run_id in fresh:
                try:
                    await runner.queue.wait(run_id)
                except WanError as error:
                    refused = refused or error
                with suppress(WanError):  # it is in the row
                    await runner.ended(run_id)
        if refused is not None:
            raise refused

    def _checked(self) -> Study:
        runs = self.runs
        publish_end(self._session, *runs)
        unsent = [row for row in self.rows() if row.never_sent]
        if unsent:
            raise RunCanceled(
                f"study {shown(self.name)}: {len(unsent)} of {len(self.plan.cells)} clips were never sent, and cost "
                f"nothing: {unsent[0].error_message}",
                remedy="Run the cell again, or study.submit(): it buys what is missing.",
            )
        if runs and not any(run.status is Status.SUCCEEDED for run in runs):
            first = next((run.error for run in runs if run.error), None)
            raise RunFailed(f"study {shown(self.name)} has not one clip: {first or 'all canceled'}") from first
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
        return self.plan.in_order(self.cell_rows())

    def bought(self) -> list[Row]:
        """Every run that belongs to it, the oldest first: also those that a newer one of the same cell stands for."""
        return self._bought(self.rows())

    def _bought(self, rows: Sequence[Row]) -> list[Row]:
        members = self._workspace.log.find(study=[*self._aliases, self.name], newest_first=False)
        known = {row.run_id for row in members}
        return [*members, *(row for row in rows if row.run_id not in known)]

    def cell_rows(self) -> list[Row | None]:
        """Newest row of each cell, or None. A clip bought under another name is the same clip, labelled as here."""
        from dataclasses import replace

        known = self._workspace.known(self._prints, self._take)
        return [
            row and replace(row, study=self.name, variant=cell.variant, block=cell.block)
            for row, cell in zip(known, self.plan.cells, strict=True)
        ]

    def written(self) -> list[dict[str, Any]]:
        """Its requests as the log records them, in the order in which a person wrote them."""
        asked = dict(zip(map(id, self.plan.cells), self._requests, strict=True))
        return [asked[id(cell)].public() for cell in self.plan.written]

    def _recorded(self) -> dict[str, Any]:
        """The plan as JSON: what `open_study` reads."""
        cells = [
            {"variant": cell.variant, "block": cell.block, "request": request}
            for cell, request in zip(self.plan.written, self.written(), strict=True)
        ]
        whole = {"schema": 1, "named": self.plan.named, "aliases": self._aliases, "take": self._take, "cells": cells}
        whole |= {"race": self.plan.race.as_json()} if self.plan.race else {}
        recorded: dict[str, Any] = json.loads(json.dumps(whole))
        return recorded

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
        from wan_nb.studies.ballot.ballot import Ballot
        from wan_nb.studies.race.state import race_seeds

        rows, race = self.rows(), self.plan.race
        asked = (criterion if criterion is not None else race.criterion if race else "").strip()
        return Ballot(
            self._workspace,
            self.name,
            rows,
            self.votes,
            rater=rater or self._workspace.user,
            criterion=asked,
            mode=mode,
            ranked=lambda: self.ranking(criterion=asked),
            seeds=race_seeds(race, self.plan.written) if race and asked == race.criterion else None,
        )

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
        from wan_nb.reporting.ballot_page import light_clips, write_ballot
        from wan_nb.studies.ballot.paper import Paper

        sitting = self.ballot(criterion=criterion)
        if not (there := sitting.to_ask):
            raise InvalidOption(
                f"the race {shown(self.name)} needs no vote now.",
                remedy="study.race().submit() buys the step that is due.",
            )
        rows = [row for row in self.rows() if row.run_id in set(there.values())]
        light = light_clips(self._workspace, rows)
        paper = Paper.draw({cell: run for cell, run in there.items() if run in light}, sitting.criterion)
        if not paper.blocks:
            raise InvalidMedia(
                "no two clips on one picture and seed can be copied for a ballot.", remedy="%wan doctor checks them."
            )
        chosen = path if path is not None else file_name(f"{self.name}-ballot", ".html")
        made = write_ballot(self._workspace, chosen, paper, rows, light)
        self._workspace.log.save_ballot(paper.ballot, self.name, paper.recorded())
        return made

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
        from wan_nb.studies.ballot.taking import take_votes

        if not files:
            raise InvalidOption("which votes file?", remedy='study.read_votes("votes/*.json")', field="file")
        return take_votes(self._workspace.log, [self.name, *self._aliases], self.rows(), files, rater)

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
        from wan_nb.media.files import write_whole
        from wan_nb.studies.ballot.votes_file import as_text

        votes = [vote for vote in self.votes() if rater is None or vote.get("rater") == rater]
        if not votes:
            raise InvalidOption(f"study {shown(self.name)} has no votes{f' of {shown(rater)}' if rater else ''} yet.")
        out = output(path if path is not None else file_name(f"{self.name}-votes", ".json"), ".json")
        return write_whole(out, as_text(self.name, votes).encode("utf-8", "replace"))

    def votes(self) -> list[dict[str, Any]]:
        """All votes, those taken back included, with the labels that their runs have in this plan.

        A vote is about two runs. One about runs that this plan does not hold, or that are of two blocks, keeps labels
        that no variant of the plan has: it is there, and does not count.
        """
        log, labels = self._workspace.log, set(self.plan.variants)
        given = [(name, vote) for name in [*self._aliases, self.name] for vote in log.votes(name)]
        if any(not vote.get("rater") for _, vote in given):
            somebody = log.first_name() or self._workspace.user
            given = [(name, {**vote, "rater": vote.get("rater") or somebody}) for name, vote in given]
        ids = list(dict.fromkeys(vote[side] for _, vote in given for side in _SIDES if vote.get(side)))
        cells = dict(zip(self._prints, self.plan.cells, strict=True))
        rows = {row.run_id: row for row in log.find(run_id=ids)} if ids else {}
        places = {run_id: cells.get(row.fingerprint) for run_id, row in rows.items()}
        pictures = list(dict.fromkeys(cell.materials for cell in self.plan.written if cell.materials))
        told = []
        for name, vote in given:
            left, right = (places.get(vote.get(side) or "") for side in _SIDES)
            if left and right and left.block == right.block:
                changed = {"left_variant": left.variant, "right_variant": right.variant, "block": left.block}
                for side in ("left", "right"):
                    changed[f"{side}_clip"] = rows[vote[f"{side}_run"]].video_sha256 or ""
                if left.materials:
                    changed["picture"] = f"picture {pictures.index(left.materials) + 1}"
            elif not (vote.get("left_run") and vote.get("right_run")):
                changed = {}
            elif name != self.name:
                continue  # the first edition gave one name to studies that only looked alike
            else:
                changed = {side: _other(vote[side], labels) for side in ("left_variant", "right_variant")}
            told.append({**vote, **changed})
        return told

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
        return self._ranked(self.votes(), criterion, everybody=everybody)

    def _untold(self, criterion: str, *, decided: bool) -> str:
        """What stands for the votes of others while the user has pairs left to vote on; empty where they are told.

        What is decided is told to everybody who has not begun to vote.
        """
        with suppress(InvalidOption):  # it has no pairs
            ballot = self.ballot(criterion=criterion)
            if ballot.blind and (ballot.votes or not decided):
                return f"{ballot.sentence()} {_everybody(self.name)}"
        return ""

    def _ranked(
        self, votes: Sequence[Mapping[str, Any]], criterion: str | None = None, *, everybody: bool = False
    ) -> Ranking:
        from dataclasses import replace

        from wan_nb.studies.ranking.fit import fit
        from wan_nb.studies.votes import about, asked_for

        race = self.plan.race
        asked = criterion if criterion is not None else race.criterion if race else asked_for(votes)
        asked = asked.strip()
        others = tuple(
            other for other in dict.fromkeys(vote.get("criterion") or "" for vote in votes) if other != asked
        )
        answers = about(votes, asked)
        ranking = fit(answers, variants=list(self.plan.variants))
        if race is not None and ranking.posterior is not None and asked == race.criterion:
            from wan_nb.handles.race_log import state_of

            ranking = ranking.judged(state_of(self, race, answers, ranking).verdict)
        offer = Finals(self, ranking.winner) if ranking.winner is not None else None
        untold = str if everybody else partial(self._untold, asked, decided=ranking.decided)
        others_told: dict[str, Any] = {"other_criteria": others, "models": self.models, "offer": offer}
        return replace(ranking, criterion=asked, untold=untold, **others_told)

    @property
    def models(self) -> dict[str, str]:
        """Model of each variant."""
        return {cell.variant: request.model for cell, request in zip(self.plan.cells, self._requests, strict=True)}

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
        planned: Study = self._session.again(
            self, resolution=resolution, variant=chosen, name=name or f"{self.name} {resolution}"
        )
        return planned

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
        planned: Study = self._session.again(self, whole=whole, **changes)
        return planned

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
        from wan_nb.reporting.client import for_client
        from wan_nb.reporting.data import add_light_copies, study_data
        from wan_nb.reporting.page import write_csv, write_report
        from wan_nb.widgets.clip_pages import clips_of

        if audience not in {"maker", "client"}:
            raise InvalidOption(f"audience={shown(audience)} is not maker or client.", field="audience")

        target = output(path if path is not None else file_name(self.name, ".html"), ".html", ".htm", ".csv")
        state = self.state()
        votes = self.votes()
        untold = self._ranked(votes, everybody=everybody).untold()
        seen = [] if untold else votes
        data = study_data(
            self._workspace, state, bought=self._bought(state.sorted_rows), votes=seen, ranking=self._ranked(seen)
        )
        data |= {"sentences": [untold]} if untold else {}
        if self.plan.race and not untold:
            from wan_nb.handles.race import told

            data |= {"race": told(self, self.plan.race)}
        if target.suffix.lower() == ".csv":
            return write_csv(target, data)
        last = self._chosen(finals, done=True) if audience == "client" else []
        extra = clips_of(self._workspace, last)
        if media == "embed":
            add_light_copies(self._workspace, [*state.sorted_rows, *last], [*data["clips"], *extra])
        if audience == "client":
            if media == "link":
                raise InvalidOption("the files of the log are called by their ids.", remedy='media="embed" or "none".')
            ranking, title = self._ranked(votes), self.name if self.plan.named else "Clips"
            winner = str(ranking.rows[0]["variant"]) if ranking.decided else ""
            data = for_client(data, title=title, winner=winner, finals=extra)
        return write_report(target, data, media=media, max_bytes=max_bytes)

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

        rows = self.rows() if runs is None else self._chosen(runs)
        if columns is None and runs is None and len(self.plan.blocks) > 1:
            columns = len(self.plan.variants)
        if columns is not None:
            columns = arguments.whole(columns, "columns must be 1 or more", 1)
        heard = None if sound is None else self._session.run(sound).id
        chosen = path if path is not None else file_name(self.name, ".mp4")
        return movie(self._session.workspace, rows, chosen, columns=columns, sound=heard)

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

        ranking, title = self.ranking(), self.name if self.plan.named else ""
        winner = ranking.winner or ""
        chosen = path if path is not None else file_name(self.name, ".zip")
        return deliver(self._session.workspace, self._chosen(runs, done=True), chosen, title=title, winner=winner)

    def _chosen(self, runs: Any = None, *, done: bool = False) -> list[Row]:
        """Rows that are meant, under the labels that they have in this plan; of several at once only those `done`."""
        workspace, own = self._session.workspace, self.rows()
        labels, found = {row.run_id: row for row in own}, []
        for each in [self] if runs is None else each_of(runs):
            of_label = [row for row in own if isinstance(each, str) and row.variant == each]
            rows = of_label or [labels.get(row.run_id, row) for row in self._session.rows_of([each])]
            if done and (of_label or len(rows) > 1 or each is self):
                workspace.bring(made := [row for row in rows if row.status is Status.SUCCEEDED])
                rows = in_the_running([row for row in made if workspace.video(row) is not None])
            found += rows
        return list({row.run_id: row for row in found}.values())

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
        from wan_nb.widgets.outputs import as_value

        return as_value(self._ipython_display_)

    def __repr__(self) -> str:
        return f"<{self.state().line}>"


def _everybody(name: str) -> str:
    """How to see what others said before that."""
    return spelled(f"`%wan rank {shlex.quote(name)} --all` tells it now.")


def _other(label: str, labels: Container[str]) -> str:
    """The label, or one like it that none of these is."""
    while label in labels:
        label += " (earlier)"
    return label
