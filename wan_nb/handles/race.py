"""`Race`: a study whose seeds are bought in steps, for those that can still win."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wan_nb import arguments
from wan_nb.arguments import shown
from wan_nb.errors import BudgetExceeded, InvalidOption, NotFound, RunFailed, join_words
from wan_nb.log.states import OPEN
from wan_nb.public_functions import guarded
from wan_nb.studies.buying import send
from wan_nb.studies.plan import MAX_CELLS, Plan
from wan_nb.studies.planned_study import PlannedStudy
from wan_nb.studies.race.race_log import bought, new_seeds, own_fields, pictures_of, state_with
from wan_nb.studies.race.race_page import button_label, outlook_lines, race_page, race_price
from wan_nb.studies.race.race_plan import RacePlan
from wan_nb.studies.race.steering import NEXT_SEEDS
from wan_nb.studies.study_cell import Cell, labelled
from wan_nb.studies.votes import tidy
from wan_nb.terminal import printed, say

if TYPE_CHECKING:
    import os
    from collections.abc import Generator
    from pathlib import Path

    from wan_nb.engine.ask import Ask
    from wan_nb.handles.finals import Finals
    from wan_nb.handles.protocols import AnyStudy
    from wan_nb.html.race import RacePage
    from wan_nb.studies.race.state import NextStep, RaceState
    from wan_nb.studies.ranking.result import Ranking
    from wan_nb.widgets.race import RaceControls
    from wan_nb.widgets.vote import VoteWidget

__all__ = ["Race", "join", "open_race"]


@printed
@guarded
class Race:
    """A race of the variants of a study, made by `Study.race`. Everything that it knows is in the log.

    Attributes
    ----------
    study : Study
        With the clips that the race has bought so far.

    Examples
    --------
    >>> race = wan_nb.study({"calm": "a cat walks", "fast": "a cat dashes"}, name="walk").race(max_cost=90)
    ... # doctest: +SKIP
    >>> race.submit().wait()      # 8 seeds for both        # doctest: +SKIP
    >>> race.vote()               # until it has no more pairs  # doctest: +SKIP
    >>> race.submit().wait()      # 4 more seeds, or nothing when the votes have decided  # doctest: +SKIP
    """

    def __init__(self, study: AnyStudy, wish: RacePlan) -> None:
        self.study = study
        self._wish = wish

    @property
    def plan(self) -> RacePlan:
        """Its budget and its steps."""
        begun = self.study.plan.race
        return replace(self._wish, steps=begun.steps if begun else ())

    # --- what it says

    def state(self) -> RaceState:
        """The race beside its votes and clips, as the log has them now."""
        return state_with(self.study.planned, self.plan, self.study.votes())

    @property
    def decided(self) -> bool:
        """Whether one variant beats all others that are still in."""
        return self.winner is not None

    @property
    def winner(self) -> str | None:
        """Label of the variant that has won, or None."""
        return self.state().verdict.winner

    @property
    def spent(self) -> float:
        """What its clips cost, those under way included, in the currency of the service."""
        return self.state().spent

    @property
    def next(self) -> NextStep | None:
        """The step that is due, with its price; None while clips or votes are missing, and when the race is over."""
        return self.state().due

    @property
    def sentence(self) -> str:
        """What the votes say, as the ranking has it."""
        return self.ranking().sentence

    def ranking(self) -> Ranking:
        """What the votes say about the variants; the race alone decides."""
        return self.study.ranking(criterion=self.plan.criterion)

    @property
    def outlook(self) -> str:
        """What the money can decide, and what is due now, in words."""
        return "\n".join(outlook_lines(self.study.planned, self.state(), self.study.offer))

    # --- going on

    def submit(self) -> Race:
        """Buy the step that is due: the first one, or once all votes are in the next one. Else nothing is bought.

        What was planned and not bought, because a kernel died or was interrupted, is bought first.

        Raises
        ------
        BudgetExceeded
            The budget of the race does not take one seed for all, or that of the log not the step; nothing was sent.
        Refused, Unavailable
            The first task was not accepted.
        RunFailed
            Not one clip of the last seeds came.
        """
        join(self.study, race=True)
        state = self.state()
        if not state.seeds and state.due is None:
            raise BudgetExceeded(
                f"one seed for all {len(state.variants)} variants costs "
                f"{race_price(self.study.planned, sum(state.prices.values()), brief=False)}, more than the budget of "
                "the race.",
                remedy="Allow more, or take fewer variants.",
            )
        last = state.seeds[-NEXT_SEEDS:]
        if last and all(seed.lost.issuperset(seed.seed.variants) for seed in last):
            raise RunFailed(
                f"not one clip of the last seeds of race {shown(self.study.name)} came: another step would fail too.",
                remedy="%wan show a run of it for the reason; a race with other prompts has another name.",
            )
        if (step := state.due) is not None:
            self._grow(step)
            state = self.state()
        plan = self.study.state()
        mine = {id(cell) for cell in plan.plan.written[self.plan.begun :]}
        # What a kernel reserved that has died is sent in its place, and what it had sent is looked after.
        wanted = [
            n
            for n, (cell, row) in enumerate(zip(plan.plan.cells, plan.rows, strict=True))
            if id(cell) in mine and (n in state.to_buy or (row is not None and row.status in OPEN))
        ]
        if wanted:
            send(self.study.planned, wanted, round(sum(plan.prices[n] for n in wanted), 4) + 1e-6)
        return self

    def asks(self) -> list[Ask]:
        """What `submit` would ask for now; nothing is written down."""
        join(self.study, race=True)
        state, now = self.state(), self.study.planned
        if (step := state.due) is not None:
            self._grow(step)
            state = self.state()
        asks = self.study.planned.asks()
        self.study.planned = now
        return [asks[n] for n in state.to_buy]

    def _grow(self, step: NextStep) -> None:
        """Plan a step: its cells stand in the plan before any of them is bought."""
        study, plan = self.study.planned, self.study.plan
        cells = [*plan.written] if plan.race else [*bought(study)]
        start, pictures, own = len(cells), pictures_of(plan), own_fields(plan)
        done = len({cell.block for cell in cells[self.plan.begun :]}) if plan.race else 0
        fresh = new_seeds(study, cells)
        for n in range(done, done + step.seeds):
            picture = pictures[n % len(pictures)]
            seed = fresh(study.workspace.request(**own[step.variants[0]], **picture))
            cells += [Cell(name, "", {**own[name], **picture, "seed": seed}) for name in step.variants]
        if len(cells) > MAX_CELLS:
            raise InvalidOption(f"a study has at most {MAX_CELLS:,} clips.", remedy="Take the race as it stands.")
        grown = Plan(plan.name, tuple(labelled(cells)), plan.named, plan.alias, self.plan.grown(start, len(cells)))
        self.study.planned = PlannedStudy.of(study.workspace, grown, study.tags, study.take)

    def wait(self, timeout: float | None = None) -> Race:
        """Wait until every clip has ended; see `Study.wait`."""
        if self.plan.steps:
            self.study.wait(timeout)
        return self

    def __await__(self) -> Generator[Any, None, Race]:
        """Wait in a cell: other tasks of the notebook go on, an interrupt detaches."""
        yield from self.study.__await__()
        return self

    def vote(self, *, rater: str = "") -> VoteWidget:
        """Ask about the pairs that the race needs, blind; see `Study.vote`."""
        return self.study.vote(rater=rater, criterion=self.plan.criterion)

    def report(self, path: str | os.PathLike[str] | None = None, **options: Any) -> Path:
        """Write the report of the study, which tells the whole race; see `Study.report`."""
        return self.study.report(path, **options)

    # --- showing

    def page(self) -> RacePage:
        """All that its page shows."""
        return race_page(self.study.planned, self.state(), self.ranking(), self.study.offer)

    def _ipython_display_(self) -> None:
        """Who is in, what was spent, what the next step buys, and a button that buys it."""
        from wan_nb.widgets.race import show_race

        session, workspace = self.study.session, self.study.session.workspace
        workspace.loop.sync(workspace.account.handshake())
        show_race(session.views, self.controls())

    def _display_(self) -> Any:
        """The same in marimo."""
        from wan_nb.widgets.output.outputs import as_value

        return as_value(self._ipython_display_)

    def controls(self) -> RaceControls:
        """What its page, and the button on the plan of its study, ask of it."""
        from wan_nb.widgets.race import RaceControls

        study = self.study

        def finals() -> Finals | None:
            return None if (winner := self.winner) is None else study.offer(winner)

        return RaceControls(
            self.page,
            lambda: last.button if (last := finals()) else button_label(study.planned, self.state()),
            lambda: last.buy() if (last := finals()) else self.submit(),
            lambda: [*study.state().sorted_rows, *(last.rows if (last := finals()) else [])],
            study.ended,
        )

    def __repr__(self) -> str:
        return f"<Race {self.study.name!r}: {self.sentence}>"


def open_race(
    study: AnyStudy,
    *,
    max_cost: float | None,
    max_clips: int | None,
    raters: int | None,
    strict: bool | None,
    criterion: str | None,
) -> Race:
    """The race of a study: the one that the log has under its name, or a new one."""
    if len(study.plan.variants) < 2:
        raise InvalidOption("a race needs two variants or more.", remedy="Give the cell a second prompt.")
    chosen: dict[str, Any] = {}
    if max_cost is not None:
        chosen["max_cost"] = arguments.max_cost(max_cost)
    if max_clips is not None:
        chosen["max_clips"] = arguments.whole(max_clips, "max_clips must be 1 or more", 1)
    if raters is not None:
        chosen["raters"] = arguments.whole(raters, "raters must be 1 or more", 1)
    if strict is not None:
        chosen["strict"] = arguments.switch(strict, "strict")
    if criterion is not None:
        chosen["criterion"] = tidy(criterion)
    join(study, race=True)
    begun = study.plan.race
    wish = replace(begun or RacePlan(), **chosen)
    for name in ("strict", "criterion") if begun is not None else ():
        if getattr(wish, name) != getattr(begun, name):
            raise InvalidOption(
                f"a race that has begun keeps what it asks and what it takes to win: {name} cannot be changed.",
                remedy=f"Leave {name} away, or begin another race under another name.",
            )
    if begun is not None and wish != begun:
        study.planned = replace(study.planned, plan=replace(study.plan, race=wish))
        study.planned.keep()
    return Race(study, wish)


def join(study: AnyStudy, *, race: bool = False) -> None:
    """Take up what the log has of a race of this name, steps of other kernels included.

    Raises
    ------
    InvalidOption
        That race has other prompts, or this plan has clips that it has not.
    """
    try:
        kept = RacePlan.read(study.session.workspace.log.load_study(study.name).get("race"))
    except NotFound:
        return
    if kept is None or (study.plan.race and len(study.plan.race.steps) >= len(kept.steps)):
        return
    recorded = PlannedStudy.recorded_as(study.session.workspace, study.name)
    if _asked(recorded.plan) != _asked(study.plan):
        raise InvalidOption(
            f"the race {shown(study.name)} has other prompts, and a prompt cannot change while it races.",
            remedy="Give this one another name.",
        )
    there = {cell.on for cell in recorded.plan.written}
    if not race and not study.plan.race and any(cell.on not in there for cell in study.plan.written):
        raise InvalidOption(
            f"study {shown(study.name)} has become a race, which chooses its seeds itself.",
            remedy="Add --race to go on with it (study.race()), or give this one another name.",
        )
    began = {cell.materials: cell.block.partition(" · seed ")[0] for cell in recorded.plan.written}
    if any(cell.materials not in began for cell in study.plan.written):
        names = join_words([shown(name, typed=True) for name in dict.fromkeys(began.values())][:3], "and")
        say(
            f"The race {shown(study.name)} goes on with what it began with ({names}), not with what is given now:"
            " another --name races on that."
        )
    study.planned = replace(study.planned, plan=recorded.plan, requests=recorded.requests)


def _asked(plan: Plan) -> dict[str, str]:
    return {cell.variant: json.dumps(cell.asked) for cell in plan.written}
