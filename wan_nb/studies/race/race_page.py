"""What a race says on its page, in the report and before the first clip."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wan_nb.api.estimate import Estimate, estimated
from wan_nb.errors import join_words
from wan_nb.html import text
from wan_nb.html.race import RacePage
from wan_nb.log.states import Status
from wan_nb.studies.plan import MAX_CELLS
from wan_nb.studies.race.outlook import SMALL, Chance, outlook
from wan_nb.studies.ranking.remarks import across_models
from wan_nb.studies.votes import question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wan_nb.studies.planned_study import PlannedStudy
    from wan_nb.studies.race.state import NextStep, RaceState
    from wan_nb.studies.ranking.result import Offer, Ranking

__all__ = ["button_label", "outlook_lines", "race_page", "race_price", "steps_of"]


def outlook_lines(study: PlannedStudy, state: RaceState, finals: Callable[[str], Offer]) -> list[str]:
    """What can be decided with the money, before the first clip; afterwards what is due and what the next step buys.

    Parameters
    ----------
    study : PlannedStudy
    state : RaceState
    finals : callable
        What the decision makes worth buying, told the winner.
    """
    said = _budget(study, state)
    if not state.seeds:
        said += _promises(study, state)
        missing = study.state().missing
        if any(study.plan.cells[n].fields.get("seed") is not None for n in missing):
            said.append("Seeds of the plan that are not bought are left aside: a race takes new ones.")
    if state.verdict.winner is not None:
        words = finals(state.verdict.winner).words
        return [*said, "The race is decided: nothing more is bought.", *([words] if words else [])]
    if state.to_buy:
        return [*said, f"{_clips(len(state.to_buy))} of the step are not bought yet: {_missing(study, state).told}."]
    if state.open:
        said.append(f"{_clips(state.open)} under way.")
    if state.votes_due:
        said.append(_votes_due(study, state))
    if (step := state.next) is None:
        until = " when all votes are in" if state.votes_due or state.open else ""
        return [*said, f"The budget takes no further step: the race ends{until} with what is known."]
    return [*said, f"{'Next' if state.due else 'Then'}: {_step(study, step)}."]


def race_price(study: PlannedStudy, amount: float, *, brief: bool = True) -> str:
    """What some clips of a race cost, by the prices of its variants."""
    at_most = any(one.at_most for one in study.estimates)
    return estimated(amount, study.currency, at_most=at_most, brief=brief)


def _missing(study: PlannedStudy, state: RaceState) -> Estimate:
    """What the clips of the step cost that are not bought yet."""
    estimates = study.estimates
    return Estimate.together((estimates[n] for n in state.to_buy), study.currency)


def _clips(count: int) -> str:
    return f"{count} clip{'' if count == 1 else 's'}"


def _step(study: PlannedStudy, step: NextStep) -> str:
    cost = race_price(study, step.cost)
    seeds = f"{step.seeds} new seed{'' if step.seeds == 1 else 's'}"
    return f"{seeds} for {join_words([*step.variants], 'and')}, {_clips(step.clips)} for {cost}"


def _votes_due(study: PlannedStudy, state: RaceState) -> str:
    seeds = sum(1 for seed in state.seeds if seed.wanted)
    each = max((seed.seed.votes for seed in state.seeds if seed.wanted), default=1)
    who = "by one person" if each == 1 else f"by {each} people, each for themselves"
    return (
        f"{state.votes_due} vote{'' if state.votes_due == 1 else 's'} to come on {seeds} "
        f"seed{'' if seeds == 1 else 's'}, each pair {who}: %wan vote {study.name}."
    )


def _budget(study: PlannedStudy, state: RaceState) -> list[str]:
    """What the race may cost and what it has cost."""
    of = []
    if state.plan.max_cost is not None:
        of.append(text.money(state.plan.max_cost, study.currency))
    if state.plan.max_clips is not None:
        of.append(_clips(state.plan.max_clips))
    limit = f" of {' and '.join(of)}" if of else ""
    if not state.clips:
        return [f"Budget: {' and '.join(of)}. Nothing is bought yet." if of else "Nothing is bought yet."]
    spent = race_price(study, state.spent)
    return [f"{_clips(state.clips)} bought for {spent}{limit}."]


def _affordable(study: PlannedStudy, state: RaceState) -> int:
    """Clips that the budget of the race, and that of the log today, still take."""
    price = sum(state.prices.values()) / len(state.prices)
    limits = [MAX_CELLS - state.clips]
    if state.plan.max_clips is not None:
        limits.append(state.plan.max_clips - state.clips)
    if price > 0 and state.plan.max_cost is not None:
        limits.append(int((state.plan.max_cost - state.spent + 1e-6) / price))
    if price > 0 and (today := _today(study)) is not None:
        limits.append(int(today / price))
    return max(0, min(limits))


def _today(study: PlannedStudy) -> float | None:
    """What the log may still spend in these 24 hours; None for simulated clips, and without a cap."""
    workspace = study.workspace
    cap = workspace.settings.budget.get(study.currency)
    if cap is None or _simulated(study):
        return None
    return max(0.0, float(cap) - float(workspace.spent(study.currency)))


def _simulated(study: PlannedStudy) -> bool:
    """Whether its clips are simulated: as its runs say, else as the service has said."""
    workspace = study.workspace
    if rows := study.rows():
        return all(row.simulated for row in rows)
    said = workspace.account.client.simulated
    return bool(workspace.service == "simulator" if said is None else said)


def _promises(study: PlannedStudy, state: RaceState) -> list[str]:
    """What so many clips can find, in words; a second rater where that is cheaper."""
    k, clips, plan = len(state.variants), _affordable(study, state), state.plan
    given = {"beats": plan.beats, "raters": plan.raters}
    clear = outlook(k, clips, **given)
    found = [f"With {_clips(clips)}: a clear difference (3 in 4 votes) {_said(clear)}; "
             f"a small one (3 in 5 votes) {_said(outlook(k, clips, share=SMALL, **given))}."]  # fmt: skip
    second = outlook(k, clips, **{**given, "raters": plan.raters + 1})
    if second.clips and (second.spent <= 0.9 * clear.spent or second.found >= clear.found + 0.1):
        one = "a second person's vote" if plan.raters == 1 else "one more person's vote"
        found.append(f"With {one} on each pair the clear one {_said(second)}: race(raters={plan.raters + 1}).")
    if (today := _today(study)) is not None and plan.max_cost is not None and today < plan.max_cost - state.spent:
        found.append(
            f"Today's budget of the log has {text.money(today, study.currency)} left: what is beyond waits until "
            "tomorrow, or for another %config WanMagics.budget."
        )
    return found


def _said(chance: Chance) -> str:
    if chance.clips is None:
        return "is not found" if chance.found < 0.05 else "is hardly ever found"
    odds = round(10 * chance.found)
    often = "nearly always" if odds >= 10 else f"in {max(1, odds)} of 10 races"
    return f"is found {often}, mostly within about {chance.clips} clips"


def button_label(study: PlannedStudy, state: RaceState) -> str:
    """What the button says; empty when nothing can be bought now."""
    if state.to_buy:
        return f"Buy the {_clips(len(state.to_buy))} that are missing for {_missing(study, state).brief}"
    if (step := state.due) is None:
        return ""
    return f"Buy {_clips(step.clips)} for {race_price(study, step.cost)}"


def race_page(study: PlannedStudy, state: RaceState, ranking: Ranking, finals: Callable[[str], Offer]) -> RacePage:
    """All that the page of a race shows; parameters as in `outlook_lines`."""
    requests = dict(zip((cell.variant for cell in study.plan.cells), study.requests, strict=True))
    untold = bool(ranking.untold())
    verdict, rows = state.verdict, {row["variant"]: row for row in ([] if untold else ranking.rows)}
    table = []
    for name in sorted(state.variants, key=lambda name: (name in verdict.dropped, name not in state.running)):
        still = state.going if verdict.winner is None else verdict.rivals
        place = "winner" if name == verdict.winner else "in" if name in still else "out"
        own = [seed for seed in state.seeds if name in seed.seed.variants]
        table.append((name, place, len(own), rows.get(name), requests[name].prompt))
    asked = [f'Asked is: "{question(state.plan.criterion)}"'] if state.plan.criterion else []
    return RacePage(
        name=study.name,
        simulated=_simulated(study),
        sentence=str(ranking) if state.seeds else "The race has not begun.",
        lines=tuple(outlook_lines(study, state, finals)),
        variants=tuple(table),
        steps=tuple(steps_of(study, state)),
        facts=(*asked, *across_models(study.models), *([] if untold else verdict.facts())),
    )


def steps_of(study: PlannedStudy, state: RaceState) -> Iterator[dict[str, Any]]:
    """One row a step, for the page and the report: what it bought, what it cost, what was known after it."""
    first, counted = 0, len(state.whole)
    rows = {(row.block, row.variant): row for row in study.rows()}
    for number, step in enumerate(state.plan.steps, 1):
        cells = study.plan.written[step.start : step.stop]
        names = list(dict.fromkeys(cell.variant for cell in cells))
        seeds = state.seeds[first : first + len({cell.block for cell in cells})]
        first += len(seeds)
        there = [rows.get((cell.block, cell.variant)) for cell in cells]
        paid = [row for row in there if row is not None and row.status not in {Status.FAILED, Status.CANCELED}]
        wanted = sum(seed.wanted for seed in seeds)
        yield {
            "step": number,
            "seeds": len(seeds),
            "for": join_words(names, "and"),
            "clips": len(paid),
            "cost": race_price(study, sum(row.cost or 0.0 for row in paid)),
            "votes": sum(len(votes) for seed in seeds for votes in seed.given.values()),
            "to come": wanted,
            "known then": _known(state, first) if first <= counted else "",
        }


def _known(state: RaceState, seeds: int) -> str:
    """What the evidence said after so many seeds."""
    then = replace(state, seeds=state.seeds[:seeds]).verdict
    if then.leader is None:
        return ""
    if then.winner is None and then.evidence <= 1:
        return "nobody leads"
    return f"{then.leader} {'beats' if then.winner else 'before'} {then.closest}, {then.odds}"
