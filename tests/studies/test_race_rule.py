"""The numbers of a race: which votes count, what signs, who goes on, what is foretold."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from wan_nb.studies.ballot.next_pair import race_pair
from wan_nb.studies.race.counting import Seed, count
from wan_nb.studies.race.evidence import first_winner, leads, log_evidence
from wan_nb.studies.race.outlook import outlook
from wan_nb.studies.race.race_plan import BEATS, BEATS_STRICT, RacePlan, Step
from wan_nb.studies.race.state import race_state
from wan_nb.studies.race.steering import survivors
from wan_nb.studies.ranking.fit import fit
from wan_nb.studies.study_cell import Cell
from wan_nb.studies.votes import Vote

NUMBER = itertools.count()


def vote(seed, left, right, outcome, rater="Ada", **details):
    return Vote(
        vote_id=details.pop("vote_id", f"v{next(NUMBER)}"),
        block=f"seed {seed}",
        left_variant=left,
        right_variant=right,
        outcome=outcome,
        rater=rater,
        session=rater,
        **details,
    )


def of(seed, variants="ab", votes=1):
    return Seed(f"seed {seed}", tuple(variants), votes)


# -- which votes count


def test_a_seed_counts_when_all_its_pairs_are_voted_on() -> None:
    seeds = [of(1, "abc")]
    votes = [vote(1, "a", "b", "left"), vote(1, "c", "a", "right")]
    (half,) = count(seeds, votes)
    assert not half.complete
    assert half.wanted == 1
    (whole,) = count(seeds, [*votes, vote(1, "b", "c", "both_bad")])
    assert whole.complete
    assert whole.scores == [2, -1, -1]


@pytest.mark.parametrize("outcome", ["tie", "both_bad", "skip"])
def test_a_tie_and_a_pair_passed_over_count_nothing_and_complete_the_seed(outcome) -> None:
    (seed,) = count([of(1)], [vote(1, "a", "b", outcome)])
    assert (seed.complete, seed.scores) == (True, [0, 0])


def test_what_comes_after_a_seed_is_complete_changes_nothing() -> None:
    first = vote(1, "a", "b", "left")
    later = [
        vote(1, "b", "a", "left", "Bea"),
        vote(1, "a", "b", "right", repeat_of=first.vote_id),
        vote(1, "a", "b", "undo", repeat_of=first.vote_id),
        vote(1, "a", "b", "right"),
    ]
    for number in range(len(later) + 1):
        (seed,) = count([of(1)], [first, *later[:number]])
        assert (seed.complete, seed.scores) == (True, [1, -1])


def test_a_vote_taken_back_before_its_seed_is_complete_is_no_vote() -> None:
    seeds = [of(1, "abc")]
    slip = vote(1, "a", "b", "right")
    votes = [slip, vote(1, "a", "b", "undo"), vote(1, "a", "b", "left")]
    (seed,) = count(seeds, votes)
    assert seed.scores == [1, -1, 0]
    assert seed.wanted == 2


def test_a_rater_is_one_vote_however_often_they_answer_and_two_are_asked_for_where_two_were_planned() -> None:
    seeds = [of(1, votes=2)]
    twice = [vote(1, "a", "b", "left"), vote(1, "b", "a", "right")]
    (seed,) = count(seeds, twice)
    assert seed.wanted == 1
    assert seed.open_to("Ada") == []
    (seed,) = count(seeds, [*twice, vote(1, "b", "a", "left", "Bea"), vote(1, "a", "b", "left", "Cem")])
    assert (seed.complete, seed.scores) == (True, [0, 0])


def test_a_vote_that_is_read_twice_counts_once() -> None:
    same = vote(1, "a", "b", "left")
    (seed,) = count([of(1, "abc")], [same, same, same])
    assert seed.wanted == 2


def test_a_lost_clip_is_a_tie_and_a_vote_on_it_from_before_stays() -> None:
    (seed,) = count([of(1, "abc")], [vote(1, "a", "b", "left")], {"seed 1": {"b"}})
    assert seed.wanted == 1
    (seed,) = count([of(1, "abc")], [vote(1, "a", "b", "left"), vote(1, "a", "c", "right")], {"seed 1": {"b"}})
    assert (seed.complete, seed.scores) == (True, [0, -1, 1])


def test_votes_on_seeds_and_variants_that_do_not_race_are_no_evidence() -> None:
    (seed,) = count([of(2)], [vote(1, "a", "b", "left"), vote(2, "a", "z", "left"), vote(2, "a", "b", "right")])
    assert seed.scores == [-1, 1]


# -- what is asked


def test_pairs_are_asked_seed_by_seed_with_sides_in_twos() -> None:
    rng = np.random.default_rng(3)
    seeds = [of(n, "abc") for n in range(20)]
    clips = {(seed.block, name): f"{seed.block} {name}" for seed in seeds for name in "abc"}
    votes: list[Vote] = []
    while asked := race_pair(votes, seeds, clips, rater="Ada", rng=rng):
        votes.append(vote(asked.block[5:], asked.left_variant, asked.right_variant, "left"))
    assert [int(v.block[5:]) for v in votes] == [n for n in range(20) for _ in range(3)]
    assert len({v.cell for v in votes}) == 60
    left = [v.left_variant for v in votes if v.cell[1] == frozenset("ab")]
    assert left.count("a") == left.count("b") == 10
    assert race_pair(votes, seeds, clips, rater="Bea", rng=rng) is None


def test_a_second_rater_is_asked_where_two_were_planned() -> None:
    rng = np.random.default_rng(3)
    seeds = [of(1, votes=2), of(2, votes=2)]
    clips = {(f"seed {n}", name): f"{n}{name}" for n in (1, 2) for name in "ab"}
    ada = [vote(1, "a", "b", "left"), vote(2, "a", "b", "left")]
    assert race_pair(ada, seeds, clips, rater="Ada", rng=rng) is None
    assert race_pair(ada, seeds, clips, rater="Bea", rng=rng).block == "seed 1"


# -- what signs


def evidence(scores, running=None):
    scores = np.array(scores, dtype=float)
    running = np.ones(scores.shape, dtype=bool) if running is None else np.array(running)
    return log_evidence(leads(scores, running)), running


def test_evidence_is_the_mean_of_three_bets() -> None:
    log_e, _ = evidence([[1, -1], [1, -1], [-1, 1]])
    by_hand = np.mean([(1 + np.tanh(s)) ** 2 * (1 - np.tanh(s)) for s in (0.12, 0.35, 1.0)])
    assert np.exp(log_e[-1, 0, 1]) == pytest.approx(by_hand)


def test_a_thousand_seeds_do_not_overflow() -> None:
    log_e, running = evidence([[7.0, -7.0]] * 1000)
    assert np.isfinite(log_e).all()
    assert log_e[-1, 1, 0] < -1000
    assert first_winner(log_e, running)[0] == 0


def test_five_seeds_decide_nothing_and_a_winner_stays_one() -> None:
    clear = [[4.0, -2.0, -2.0]] * 6
    assert first_winner(*evidence(clear[:5]))[0] == -1
    assert [int(x) for x in first_winner(*evidence(clear))] == [0, 6]
    after = [*clear, *[[-4.0, 2.0, 2.0]] * 50]
    assert [int(x) for x in first_winner(*evidence(after))] == [0, 6]


def test_who_has_left_is_beaten_by_nobody_and_stands_in_nobodys_way() -> None:
    scores = [[1.0, -1.0, 0.0]] * 8 + [[1.0, -1.0, 0.0]] * 8
    running = [[True, True, True]] * 8 + [[True, True, False]] * 8
    log_e, among = evidence(scores, running)
    assert log_e[-1, 0, 2] == log_e[7, 0, 2]
    assert first_winner(log_e, among)[0] == 0


def test_equal_scores_lead_to_nothing() -> None:
    log_e, running = evidence([[0.0, 0.0]] * 100)
    assert (log_e == 0).all()
    assert first_winner(log_e, running)[0] == -1


@pytest.mark.parametrize("beats", [BEATS, BEATS_STRICT])
def test_two_equals_pass_as_seldom_as_is_promised(beats) -> None:
    rng = np.random.default_rng(5)
    for ties in (0.0, 0.5):
        signs = np.where(rng.random((2000, 300)) < ties, 0.0, rng.choice([-1.0, 1.0], (2000, 300)))
        log_e = log_evidence(leads(np.stack([signs, -signs], axis=-1), np.ones((2000, 300, 2), dtype=bool)))
        for i, j in ((0, 1), (1, 0)):
            passed = (log_e[..., i, j].max(axis=1) >= np.log(beats)).mean()
            # Three standard errors of this simulation.
            assert passed <= 1 / beats + 3 * np.sqrt(1 / beats / 2000)


def test_two_always_go_on() -> None:
    assert survivors(np.array([1.0, 0.0, 0.0]), np.array([True, True, True])).tolist() == [True, True, False]
    assert survivors(np.array([1.0, 0.0, 0.0]), np.array([True, False, True])).tolist() == [True, False, True]
    assert survivors(np.array([0.98, 0.011, 0.009]), np.array([True] * 3)).tolist() == [True, True, False]


# -- the whole


def race_of(votes, *, steps=((0, 8, "abc"),), plan=None, **known):
    cells, kept = [], []
    for first, last, names in steps:
        start = len(cells)
        cells += [Cell(name, f"seed {n}", {}) for n in range(first, last) for name in names]
        kept.append(Step(start, len(cells)))
    plan = RacePlan(**{"max_cost": 100.0, **(plan or {})}, steps=tuple(kept))
    ranking = fit(votes, variants=list("abc"))
    prices = dict.fromkeys("abc", 1.0)
    return race_state(
        plan,
        cells,
        votes,
        variants=tuple("abc"),
        lost=known.get("lost", {}),
        money=(prices, float(len(cells)), len(cells)),
        ranked=(ranking.posterior, ranking.names),
    )


def said(number, order, names="abc"):
    """Votes on all pairs of a seed by somebody who prefers who stands first in the order."""
    return [
        vote(number, one, other, "left" if order.index(one) < order.index(other) else "right")
        for one, other in itertools.combinations(names, 2)
    ]


def test_a_step_is_due_when_every_vote_is_in_and_is_cheaper_for_fewer() -> None:
    orders = ["abc", "bac"] * 4
    votes = [v for n, order in enumerate(orders) for v in said(n, order)]
    assert race_of(votes[:-1]).due is None
    assert race_of(votes[:-1]).votes_due == 1
    state = race_of(votes)
    assert state.verdict.winner is None
    assert state.due.variants == ("a", "b")
    assert (state.due.seeds, state.due.clips, state.due.cost) == (4, 8, 8.0)


def test_a_later_seed_never_counts_before_an_earlier_one() -> None:
    votes = [v for n in range(8) for v in said(n, "abc")]
    assert race_of(votes).verdict.winner == "a"
    assert race_of(votes[1:]).verdict.winner is None
    assert race_of(votes[1:]).verdict.seeds == 0


def test_a_decided_race_stays_decided_whatever_is_voted_later() -> None:
    votes = [v for n in range(8) for v in said(n, "abc")]
    decided = race_of(votes).verdict
    more = [v for n in range(8, 12) for v in said(n, "cba")]
    later = race_of([*votes, *more], steps=((0, 8, "abc"), (8, 12, "abc"))).verdict
    assert (later.winner, later.seeds, later.evidence) == (decided.winner, decided.seeds, decided.evidence)


@pytest.mark.parametrize(("plan", "seeds"), [({"max_cost": 31.0}, 2), ({"max_cost": 24.0}, 0), ({"max_clips": 30}, 2)])
def test_the_budget_is_never_passed_and_ends_the_race(plan, seeds) -> None:
    votes = [v for n, order in enumerate(["abc", "bca", "cab", "bac"] * 2) for v in said(n, order)]
    state = race_of(votes, plan={"max_cost": None, **plan})
    assert (state.due.seeds if state.due else 0) == seeds
    assert state.verdict.spent == (seeds == 0)
    assert ("the budget is spent" in state.verdict.sentence("")) == (seeds == 0)


def test_strict_takes_twice_the_evidence() -> None:
    votes = [v for n in range(6) for v in said(n, "abc")]
    relaxed, strict = (race_of(votes, steps=((0, 6, "abc"),), plan={"strict": s}).verdict for s in (False, True))
    assert relaxed.winner == "a"
    assert strict.winner is None
    assert "40 to 1 decides" in strict.sentence("")


def test_the_words_of_a_race() -> None:
    votes = [v for n in range(8) for v in said(n, "abc")]
    ranking = fit(votes, variants=list("cba")).judged(race_of(votes).verdict)
    assert ranking.decided
    assert ranking.rows[0]["variant"] == "a"
    assert ranking.sentence.startswith("a beats b and c: the race is decided, 26 to 1 against b (20 to 1 decides)")
    shown = ranking._repr_mimebundle_()["text/plain"]
    assert "in at most 10 % of races" in shown
    assert "99.6 %" not in shown


# -- before the first clip


def test_the_outlook_knows_that_little_money_finds_little() -> None:
    assert outlook(3, 23).clips is None
    assert outlook(5, 240).found > 0.8
    assert outlook(5, 240, share=0.6).found < 0.3
    assert outlook(5, 240) == outlook(5, 240)
    assert outlook(2, 100, raters=2).clips < outlook(2, 100).clips
