from __future__ import annotations

import doctest
import importlib
import math
import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from wan_nb.studies.ballot.next_pair import next_pair, top_two
from wan_nb.studies.measures.differences import paired
from wan_nb.studies.ranking import fit as ranking_module
from wan_nb.studies.ranking.fit import fit
from wan_nb.studies.ranking.model import Votes, fit_stack
from wan_nb.studies.ranking.posterior import Posterior, contrasts
from wan_nb.studies.ranking.result import facts
from wan_nb.studies.ranking.rule import SURE, settled
from wan_nb.studies.votes import Vote, agreement, self_agreement, share, standing
from wan_nb.widgets.clip_pages import orders


def vote(number, left, right, outcome, *, block=None, rater="ann", session="s", repeat_of=None):
    return Vote(
        vote_id=f"v{number}",
        block=block or f"seed {number}",
        left_variant=left,
        right_variant=right,
        outcome=outcome,
        rater=rater,
        session=session,
        repeat_of=repeat_of,
    )


def session(pattern, *, seeds=10_000):
    """Votes of a word a pair: ``"ab<"`` a shown left won, ``>`` right won, ``=`` tie."""
    outcome = {"<": "left", ">": "right", "=": "tie", "!": "both_bad"}
    return [vote(i, w[0], w[1], outcome[w[2]], block=f"seed {i % seeds}") for i, w in enumerate(pattern.split())]


@pytest.mark.parametrize(
    "name",
    [
        "votes",
        "ranking.posterior",
        "ranking.model",
        "ranking.forecast",
        "ranking.result",
        "ranking.rule",
        "ranking.fit",
        "rounding",
        "ballot.next_pair",
    ],
)
def test_doctests_hold(name):
    assert doctest.testmod(importlib.import_module(f"wan_nb.studies.{name}")).failed == 0


# --- against a reference


@pytest.mark.parametrize(("variants", "seed"), [(3, 1), (4, 2), (6, 3)])
def test_without_prior_it_is_newmans_fit_of_davidsons_model(variants, seed):
    evalica = pytest.importorskip("evalica")
    rng = random.Random(seed)
    names = "abcdefgh"[:variants]
    votes = [vote(i, *rng.sample(names, 2), rng.choice(["left", "left", "right", "tie"])) for i in range(40 * variants)]
    ours = fit(votes, prior_sd=None, side=False, spread=False)
    words = {"left": evalica.Winner.X, "right": evalica.Winner.Y, "tie": evalica.Winner.Draw}
    theirs = evalica.newman(
        [v.left_variant for v in votes],
        [v.right_variant for v in votes],
        [words[v.outcome] for v in votes],
        tolerance=1e-13,
        limit=100_000,
    )
    log = np.log(theirs.scores)
    expected = dict(log - log.mean())
    assert {row["variant"]: row["strength"] for row in ours.table()} == pytest.approx(expected, abs=1e-6)
    assert math.exp(ours.posterior.mean[0, 0, -1]) == pytest.approx(2 * theirs.v, abs=1e-6)


def test_without_spread_the_posterior_is_laplaces_at_the_mode_of_the_log_posterior():
    votes = session("ab< ab< ba> bc= cb< ac< ca= ba< ab> bc<")
    posterior = fit(votes, spread=False).posterior
    mode = posterior.mean[0, 0]
    names = {"a": 0, "b": 1, "c": 2}

    def log_posterior(p):
        total = -(p[:3] @ p[:3]) / (2 * 1.5**2) - p[3] ** 2 / 2 - p[4] ** 2 / (2 * 1.5**2)
        for v in votes:
            d = p[names[v.left_variant]] - p[names[v.right_variant]] + p[3]
            place = {"left": d / 2, "right": -d / 2, "tie": p[4]}
            total += place[v.outcome] - math.log(sum(map(math.exp, place.values())))
        return total

    step, eye = 1e-4, np.eye(5)
    slope = [(log_posterior(mode + step * e) - log_posterior(mode - step * e)) / (2 * step) for e in eye]
    assert slope == pytest.approx([0] * 5, abs=1e-6)
    assert all(log_posterior(mode) > log_posterior(mode + sign * 0.1 * e) for e in eye for sign in (1, -1))
    # Fisher information in place of the observed curvature: equal for the strengths of a model that is logit in them.
    curvature = -np.array(
        [
            [
                (
                    log_posterior(mode + step * (a + b))
                    - log_posterior(mode + step * (a - b))
                    - log_posterior(mode - step * (a - b))
                    + log_posterior(mode - step * (a + b))
                )
                / (4 * step**2)
                for a in eye
            ]
            for b in eye
        ]
    )
    assert posterior.cov[0, 0] == pytest.approx(np.linalg.inv(curvature), abs=1e-4)


def test_one_vote_per_pair_of_clips_makes_luck_irrelevant():
    votes = session("ab< ab< ba> ab= ab> ba< ab< ab=")
    free, tied = fit(votes, spread=True), fit(votes, spread=False)
    for one, other in zip(free.table(), tied.table(), strict=True):
        assert one == pytest.approx(other, abs=1e-6)


# --- where others fail


def test_no_votes_one_variant_nothing_at_all():
    empty = fit([], variants=["calm", "fast", "slow"])
    assert not empty.decided
    assert empty.sentence == "No votes yet."
    assert [row["strength"] for row in empty.table()] == [0.0] * 3
    assert all(0.3 < row["p_best"] < 0.37 and row["low"] < -1 < 1 < row["high"] for row in empty.table())
    assert (empty.side_bias, empty.self_agreement, empty.alpha, empty.both_bad_rate) == (None, None, None, None)
    assert empty.beats("calm", "fast") == pytest.approx(0.5)
    assert fit([]).table() == []
    assert "only one variant" in fit([], variants=["calm"]).sentence
    assert not fit([], variants=["calm"]).decided


def test_never_beaten_is_strong_but_finite():
    ranking = fit(session("ab< " * 12 + "bc< cb> bc="))
    top = ranking.table()[0]
    assert top["variant"] == "a"
    assert (top["wins"], top["losses"], top["ties"], top["blocks"]) == (12, 0, 0, 12)
    assert 0 < top["low"] < top["strength"] < top["high"] < 6


def test_variants_never_compared_stay_open():
    ranking = fit(session("ab< " * 10 + "cd< " * 10))
    assert 0.4 < ranking.beats("a", "c") < 0.6
    assert not ranking.decided
    assert fit(session("ab< ba> " * 7), variants=["a", "b", "c"]).sentence.startswith(
        "Not decided: nobody has voted on c yet"
    )


def test_votes_about_other_variants_are_left_out_and_counted():
    ranking = fit(session("ab< ab< ax< xy>"), variants=["a", "b"])
    assert (ranking.votes, ranking.left_out) == (2, 2)
    assert ranking.beats("a", "b") == fit(session("ab< ab<")).beats("a", "b")


# --- what is counted


def test_thirty_votes_on_one_seed_are_not_thirty_seeds():
    same, fresh = fit(session("ab< ba> " * 15, seeds=1)), fit(session("ab< ba> " * 15))
    assert not same.decided
    assert "1 seed can tell which clip" in same.sentence
    assert fresh.decided
    assert fresh.sentence == (
        "a beats b: preferred on 96 of 100 new seeds (86 to 99), for this rater (30 votes on 30 seeds)."
    )
    assert same.table()[0]["high"] - same.table()[0]["low"] > fresh.table()[0]["high"] - fresh.table()[0]["low"]


def test_more_seeds_narrow_the_interval_more_than_more_votes():
    words = "ab< ab< ab< ba< ab= ab< " * 5
    width = {}
    for seeds in (3, 6, 30):
        row = fit(session(words, seeds=seeds), side=False).table()[0]
        width[seeds] = row["high"] - row["low"]
    assert width[3] > width[6] > width[30]


def test_equal_votes_do_not_decide_and_say_so():
    ranking = fit(session("ab< ab> ab= ba< ba> ab=" * 1))
    assert not ranking.decided
    assert ranking.sentence.startswith("Not decided: ")
    assert "a and b are level, a preferred on 50 of 100 new seeds (14 to 86)" in ranking.sentence
    assert ranking.sentence.endswith("; too early to say how many more seeds it takes.")


def test_votes_about_hopeless_others_do_not_help_one_of_two_to_win():
    ten = "ab< ba> ab< ba> ab< ba> ab< ba= ab= ba< "
    more = "ca> cb> da> db> ac< bc< ad< bd< " * 3
    few, all_of_them = fit(session(ten)), fit(session(ten + more))
    assert (few.votes, all_of_them.votes) == (10, 34)
    for ranking in (few, all_of_them):
        assert 0.9 < ranking.sure == ranking.beats("a", "b") < SURE
        assert (ranking.rows[0]["variant"], ranking.rival, ranking.decided) == ("a", "b", False)
        assert ranking.sentence.startswith("Not decided: a leads b, preferred on ")


def test_whoever_saw_the_first_edition_decide_is_told_why_this_one_does_not():
    ten = "ab< ba> ab< ba> ab< ba> ab< ba= ab= ba< "
    more = "ca> cb> da> db> ea> eb> ac< bc< ad< bd< ae< be< " * 2
    few, five = fit(session(ten)), fit(session(ten + more))
    assert (few.decided, five.decided) == (False, False)
    # For five names it asked for 95 %.
    assert five.rows[0]["p_best"] > 0.95
    assert ["first edition" in "".join(facts(ranking)) for ranking in (few, five)] == [False, True]


CLEAR = "ab< ba> " * 9 + "ac< ca> " * 9 + "ad= da= " * 3 + "db> dc> bd< cd< " * 2


@pytest.mark.parametrize("pattern", [CLEAR, "ab< ac< ad< bc= cd= bd= ba> ca>"])
def test_the_first_must_be_ahead_of_each_other_one_by_itself(pattern):
    ranking = fit(session(pattern))
    others = {row["variant"]: ranking.beats("a", row["variant"]) for row in ranking.rows[1:]}
    assert ranking.rival == min(others, key=others.get)
    assert ranking.sure == min(others.values())
    assert ranking.decided == (ranking.sure >= SURE)


def test_nobody_wins_against_a_variant_that_was_never_shown():
    shown = session(CLEAR)
    assert fit(shown).sentence.startswith("a beats all 3 others: preferred to b, the closest, on ")
    ranking = fit(shown, variants=list("abcdx"))
    assert not ranking.decided
    assert ranking.sentence.startswith("Not decided: nobody has voted on x yet")


def test_equals_stand_in_the_given_order():
    tied = session("ab< ab> ba< ba> bc= cb= ca= ac=")
    for names in ("abc", "cab", "bca"):
        ranking = fit(tied, variants=list(names))
        assert "".join(row["variant"] for row in ranking.rows) == names
        assert [row["strength"] for row in ranking.rows] == [0.0] * 3


SESSIONS = (
    "ab< ab> ab= ba< ba> ab=",
    "ab< ab> ba< ba>",
    "ab= ba= ab=",
    "ab< ab< ba> ab= ab< ba> ab< ab<",
    "ab< ba> " * 10,
    "ab< ab! ba> ab!",
    "ab< bc< ca< ba> cb> ac> ",
    "ab= bc= ca= ba= cb= ac= ad= bd=",
    "ab< bc< cd< da< ac= bd=",
    "ab< ac< ad< bc= cd= bd= ba> ca> ",
)


def said(pattern: str, pictures: str) -> object:
    votes = [
        replace(v, picture=pictures[i % 4 % len(pictures)], rater="xy"[i % len(pictures)])
        for i, v in enumerate(session(pattern, seeds=4 if len(pictures) == 1 else 14))
    ]
    names = sorted(set(pattern) & set("abcd"))
    ranking = fit(votes, variants=names)
    clips = {(f"seed {seed}", name): f"{name}{seed}" for seed in range(6) for name in names}
    asked = [next_pair(votes, clips, rater="ben", rng=np.random.default_rng(n), mode="winner") for n in range(4)]
    words = ranking._repr_mimebundle_()
    return [row["variant"] for row in ranking.rows], ranking.decided, words["text/plain"], facts(ranking), asked


@pytest.mark.parametrize(
    ("pattern", "pictures"), [*((pattern, "p") for pattern in SESSIONS), (SESSIONS[4], "pq"), (SESSIONS[6] * 3, "pq")]
)
def test_the_last_digits_of_a_processor_change_no_order_and_no_word(pattern, pictures, monkeypatch):
    as_they_are = said(pattern, pictures)
    for seed in range(6):
        rng = np.random.default_rng(seed)

        def noisy(*given, rng=rng, **options):
            found = fit_stack(*given, **options)
            fitted = (found.mean, found.cov, found.weight)
            return Posterior(*(x + rng.uniform(-1e-12, 1e-12, x.shape) for x in fitted), found.prior_sd)

        monkeypatch.setattr(ranking_module, "fit_stack", noisy)
        assert said(pattern, pictures) == as_they_are


def test_measures_do_not_hang_on_the_last_digits_either():
    rng = random.Random(1)

    def clips(noise):
        return [
            {"variant": v, "block": b, "measures": {"motion": m + rng.uniform(-noise, noise)}}
            for v, b, m in [("calm", 1, 0.1), ("fast", 1, 0.3), ("calm", 2, 0.5), ("fast", 2, 0.7)]
        ]

    plain = paired(clips(0.0))
    assert plain == paired(clips(1e-12))
    assert plain[0].effect is None, "every block says the same, so that there is no spread"
    assert orders(clips(0.0)) == orders(clips(1e-12))


def test_a_lead_says_how_many_more_seeds():
    assert fit(session("ab< ab< ba> ab= ab< ba> ab< ab<")).sentence == (
        "Not decided: a leads b, preferred on 89 of 100 new seeds (55 to 99), for this rater (8 votes on 8 seeds); one "
        "in two such studies decide within 16 more seeds."
    )


def test_the_forecast_shrinks_as_the_lead_is_confirmed():
    few, more = (int(fit(session(f"ab< ba> {n} ab> ba>")).sentence.split("within ")[1].split()[0]) for n in LEADS)
    assert 1 <= more < few < 30
    assert fit(session("ab< ba> " * 10)).decided


LEADS = ("ab< ba> " * 2, "ab< ba> " * 4)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ab< ba> ab< ba<", "it takes at least 6 seeds."),
        ("ab< ab> ba< ba> " * 5, "too early to say how many more seeds it takes."),
        ("ab= ba= " * 12, "fewer than one in 20 such studies decide within 100 more seeds."),
    ],
)
def test_no_forecast_is_surer_than_the_votes_allow(words, said):
    assert fit(session(words)).sentence.endswith(f"; {said}")
    assert "apart" not in fit(session(words)).sentence


def test_the_same_clip_under_two_seeds_is_one_seed():
    votes = session("ab< ba> " * 10)
    again = [
        replace(v, left_clip=f"{v.left_variant}{i // 2}", right_clip=f"{v.right_variant}{i // 2}")
        for i, v in enumerate(votes)
    ]
    assert fit(again).blocks == 10
    assert fit(again).rows == fit([replace(v, block=f"seed {i // 2}") for i, v in enumerate(votes)]).rows
    assert fit([replace(v, left_clip="a" if v.left_variant == "a" else "") for v in votes]).blocks == 10 + 1
    alone = [replace(v, left_clip=f"{i} left", right_clip=f"{i} right") for i, v in enumerate(votes)]
    assert fit(alone).blocks == fit(votes).blocks == 20


# --- pictures and raters


def on(votes, pictures, raters="x"):
    """The same votes on these pictures and by these raters in turn."""
    n = len(pictures)
    return [replace(v, picture=pictures[i % n], rater=raters[i // n % len(raters)]) for i, v in enumerate(votes)]


@pytest.mark.parametrize(
    ("pictures", "raters", "said"),
    [
        ([""], "x", "for this rater (16 votes on 16 seeds)"),
        (["p"], "x", "on this picture and for this rater (16 votes on 16 seeds)"),
        ([*"pqrs"], "x", "on new pictures and for this rater (16 votes on 16 seeds, 4 pictures)"),
        (["p"], "xy", "on this picture and for new raters (16 votes on 16 seeds, 2 raters)"),
        ([*"pq"], "xy", "on new pictures and for new raters (16 votes on 16 seeds, 2 pictures, 2 raters)"),
        (["p"], "xxxxxxxy", "on this picture and for these raters (16 votes on 16 seeds, 2 raters)"),
    ],
)
def test_what_it_is_about_and_rests_on_is_said(pictures, raters, said):
    ranking = fit(on(session("ab< ba> " * 6 + "ab> ba< ab= ba="), pictures, raters))
    assert said in ranking.sentence
    assert (ranking.pictures, ranking.raters) == (len(set(pictures) - {""}), len(set(raters)))
    alone = [fact for fact in facts(ranking) if "would say is not known" in fact]
    assert bool(alone) == ((len(pictures) == 1 and pictures != [""]) or len(set(raters)) == 1)


def test_pictures_that_disagree_widen_the_interval_and_those_that_agree_hardly():
    """Twelve of sixteen each: spread evenly over four pictures, or all lost votes on one of them."""
    even = session("ab< ba> ab< ba> ab< ba> ab< ba> ab< ba> ab< ba> ab> ba< ab> ba<")
    uneven = [even[i] for at in range(4) for i in (at, at + 4, at + 8, at + 12)]
    width = {}
    for name, votes, pictures in (("one", even, "p"), ("agree", even, "pqrs"), ("disagree", uneven, "pqrs")):
        there = [replace(v, picture=pictures[i % len(pictures)]) for i, v in enumerate(votes)]
        share = fit(there).preferred("a", "b")
        width[name] = share.high - share.low
    assert width["one"] < width["agree"] < width["disagree"]


def test_a_picture_for_every_seed_is_told_by_the_seeds():
    votes = session("ab< ba> ab> ba> " * 3)
    own = [replace(v, picture=f"p{i}") for i, v in enumerate(votes)]
    assert fit(own).rows == fit(votes).rows
    assert "on new pictures" in fit(own).sentence


def test_one_vote_of_somebody_else_does_not_undo_a_decision():
    votes = session("ab< ba> " * 10)
    assert fit(votes).decided
    assert fit([*votes, vote("y", "a", "b", "left", rater="y")]).decided


def test_the_names_of_pictures_and_raters_change_nothing():
    votes = session("ab< ba> ab< ba> ab< ba< ab= ba> " * 2)
    one, other = fit(on(votes, [*"pq"], "xy")), fit(on(votes, [*"qp"], "yx"))
    assert one.rows == other.rows
    assert one.sentence == other.sentence


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda n: {"outcome": "tie"}, "Not decided: a and b are level"),
        (lambda n: {"outcome": "both_bad"}, "Not decided: a and b are level"),
        (lambda n: {"outcome": "skip"}, "No votes yet."),
        (lambda n: {"outcome": "undo"}, "No votes yet."),
        (lambda n: {"right_variant": "a"}, "No votes yet."),
        (lambda n: {"left_clip": "one", "right_clip": "other"}, "Not decided: 30 votes on 1 seed"),
        (lambda n: {"left_clip": "the same everywhere", "right_clip": f"clip {n}"}, "Not decided: 30 votes on 1 seed"),
        (lambda n: {"left_clip": "both", "right_clip": "both"}, "Not decided: 30 votes on 1 seed"),
        (lambda n: {"picture": f"picture {n}", "rater": "one"}, "Not decided: a leads b"),
        (lambda n: {"picture": f"picture {n % 2}" * (n % 3 > 0)}, "Not decided: a leads b"),
        (lambda n: {"rater": ["", "\x00", "<b>", "r" * 500, "\ud800"][n % 5]}, "Not decided: a leads b"),
    ],
)
def test_odd_votes_are_told_in_plain_words(given, said):
    votes = []
    for n in range(30):
        held = {"vote_id": str(n), "block": f"seed {n}", "left_variant": "a", "right_variant": "b", "outcome": "left"}
        votes.append(held | given(n))
    ranking = fit(votes, variants=["a", "b"])
    assert ranking.sentence.startswith(said)
    assert not ranking.decided, "all that won stood on the left"
    assert ranking._repr_mimebundle_()["text/plain"].startswith(said)


def test_both_bad_is_a_tie_and_a_finding():
    bad, tied = fit(session("ab< ab! ba> ab!")), fit(session("ab< ab= ba> ab="))
    assert bad.table() == tied.table()
    assert (bad.both_bad_rate.value, bad.both_bad_rate.n, tied.both_bad_rate.value) == (0.5, 4, 0.0)


def test_whoever_prefers_the_left_side_is_found_out():
    votes = [vote(i, *("ab" if i % 2 else "ba"), "right" if i % 20 < 2 else "left") for i in range(60)]
    ranking = fit(votes)
    assert ranking.side_bias.low > 1 > 0
    assert 0.3 < ranking.beats("a", "b") < 0.7
    assert fit(votes, side=False).side_bias is None


def test_a_side_effect_does_not_pass_for_strength():
    votes = [vote(i, "a", "b", "left" if i % 6 else "right") for i in range(30)]
    assert fit(votes).beats("a", "b") < fit(votes, side=False).beats("a", "b")


def test_planted_strengths_come_back_in_order():
    rng = np.random.default_rng(5)
    truth = {"a": 1.2, "b": 0.4, "c": -0.4, "d": -1.2}
    votes = []
    for i in range(400):
        one, other = rng.choice(list(truth), 2, replace=False)
        d = truth[one] - truth[other] + 0.5
        odds = np.array([math.exp(d / 2), math.exp(-d / 2), 0.7])
        votes.append(vote(i, one, other, rng.choice(["left", "right", "tie"], p=odds / odds.sum())))
    ranking = fit(votes)
    assert [row["variant"] for row in ranking.table()] == list("abcd")
    assert {row["variant"]: row["strength"] for row in ranking.table()} == pytest.approx(truth, abs=0.4)
    assert ranking.side_bias.low < 0.5 < ranking.side_bias.high
    assert ranking.decided


def test_the_same_votes_give_the_same_ranking_whatever_the_names():
    words = "ab< bc< ca= ab> ba< cb> ac<"
    swapped = words.translate(str.maketrans("abc", "cab"))
    one, other = fit(session(words)).table(), fit(session(swapped)).table()
    back = {"c": "a", "a": "b", "b": "c"}
    assert {r["variant"]: round(r["strength"], 9) for r in one} == {
        back[r["variant"]]: round(r["strength"], 9) for r in other
    }
    assert fit(session(words)).table() == one


def test_left_and_right_are_mirrors():
    words = "ab< ab< ba> ab= ba< ab>"
    mirror = [
        vote(i, v.right_variant, v.left_variant, {"left": "right", "right": "left"}.get(v.outcome, v.outcome))
        for i, v in enumerate(session(words))
    ]
    one, other = fit(session(words)), fit(mirror)
    assert one.beats("a", "b") == pytest.approx(other.beats("a", "b"), abs=1e-9)
    assert one.side_bias.value == pytest.approx(-other.side_bias.value, abs=1e-9)


# --- records


def test_undo_takes_back_the_latest_of_the_same_rater_and_session_or_the_one_named():
    votes = [
        vote(1, "a", "b", "left"),
        vote(2, "a", "b", "right", rater="bo"),
        vote(3, "a", "b", "tie"),
        vote(4, "a", "b", "undo"),
        vote(5, "a", "b", "undo", repeat_of="v2"),
    ]
    assert [v.vote_id for v in standing(votes)] == ["v1"]
    assert standing([*votes, vote(6, "a", "b", "undo"), vote(7, "a", "b", "undo")]) == []
    assert fit(votes, variants=["a", "b"]).votes == 1


def test_a_vote_that_was_stored_twice_counts_once():
    assert fit([vote(1, "a", "b", "left"), vote(1, "a", "b", "left")]).votes == 1


def test_skips_are_seen_but_not_counted():
    ranking = fit([vote(1, "a", "b", "skip"), vote(2, "a", "b", "left")])
    assert (ranking.votes, ranking.blocks) == (1, 1)


def test_rows_of_the_log_are_read_back_with_what_it_adds():
    original = vote(1, "a", "<b>", "tie", repeat_of="v0")
    assert Vote.read(original.row() | {"voted_at": "2026-11-23T00:00:00+00:00", "later": 1}) == original
    assert fit([original.row()]).names == ("<b>", "a")
    with pytest.raises(ValueError, match="'better'"):
        vote(1, "a", "b", "better")


# --- agreement


def test_repeats_with_swapped_sides_show_self_agreement():
    votes = [
        vote(1, "a", "b", "left"),
        vote(2, "b", "a", "right", repeat_of="v1"),
        vote(3, "a", "b", "tie"),
        vote(4, "b", "a", "left", repeat_of="v3"),
    ]
    found = self_agreement(votes)
    assert (found.value, found.n) == (0.5, 2)
    assert 0 < found.low < 0.5 < found.high < 1
    assert self_agreement(votes[:1]) is None
    assert share(0, 0) is None


@pytest.mark.parametrize("seed", range(4))
def test_alpha_is_krippendorffs(seed):
    evalica = pytest.importorskip("evalica")
    rng = random.Random(seed)
    votes, table = [], {}
    for unit in range(15):
        truth = rng.choice(["left", "right", "tie"])
        for rater in "xyz":
            if rng.random() < 0.8:
                said = truth if rng.random() < 0.6 else rng.choice(["left", "right", "tie"])
                votes.append(vote(f"{unit}{rater}", "a", "b", said, block=f"u{unit}", rater=rater))
                table.setdefault(rater, {})[unit] = {"left": 0, "right": 1, "tie": 2}[said]
    data = pd.DataFrame(table).T
    assert agreement(votes).alpha == pytest.approx(evalica.alpha(data, "nominal").alpha, abs=1e-9)


def test_raters_who_disagree_wholly_are_below_zero_and_decide_nothing():
    votes = []
    for i in range(10):
        seen = ("a", "b") if i % 2 else ("b", "a")
        votes += [vote(f"x{i}", *seen, "left" if seen[0] == "a" else "right", block=f"s{i}", rater="x")]
        votes += [vote(f"y{i}", *seen, "right" if seen[0] == "a" else "left", block=f"s{i}", rater="y")]
    ranking = fit(votes)
    assert ranking.alpha < -0.8
    assert any("disagree more than chance" in fact for fact in facts(ranking))
    assert not ranking.decided
    assert ranking.beats("a", "b") == pytest.approx(0.5, abs=0.02)


def test_alpha_needs_two_raters_and_something_to_disagree_about():
    assert agreement([vote(1, "a", "b", "left")]) is None
    assert agreement([vote(i, "a", "b", "left", block="s", rater=r) for i, r in enumerate("xy")]).alpha is None


# --- honesty, in small; the benchmark does it with 2 000 repeats


def _tables(rng, tables, votes, blocks, theta, spread):
    k = len(theta)
    left = rng.integers(k, size=(tables, votes))
    right = (left + rng.integers(1, k, size=left.shape)) % k
    block = np.broadcast_to(np.arange(votes) % blocks, left.shape).copy()
    luck = spread * rng.normal(size=(tables, blocks, k))
    at = np.arange(tables)[:, None]
    gap = theta[left] + luck[at, block, left] - theta[right] - luck[at, block, right]
    p_left, p_right = np.exp(gap / 2), np.exp(-gap / 2)
    u = rng.random(gap.shape) * (p_left + p_right + 0.5)
    result = np.where(u < p_left, 0.5, np.where(u < p_left + p_right, -0.5, 0.0))
    return Votes(left, right, block, result, np.ones(left.shape), k, blocks)


@pytest.mark.parametrize(("votes", "blocks"), [(12, 12), (36, 36), (36, 6)])
def test_intervals_cover_the_truth(votes, blocks):
    theta = np.array([-0.9, -0.3, 0.3, 0.9])
    posterior = fit_stack(_tables(np.random.default_rng(1), 300, votes, blocks, theta, 0.0))
    low, high = (posterior.quantile(contrasts(4), p) for p in (0.025, 0.975))
    assert 0.93 <= ((low <= theta) & (theta <= high)).mean() <= 0.995


@pytest.mark.parametrize(("blocks", "spread"), [(3, 1), (5, 1), (10, 1), (30, 1), (3, 2), (4, 2), (6, 2)])
def test_luck_of_clips_does_not_pass_for_a_better_prompt(blocks, spread):
    difference = np.array([[1.0, -1.0, 0.0, 0.0]])
    posterior = fit_stack(_tables(np.random.default_rng(2), 400, 30, blocks, np.zeros(2), spread))
    low, high = (posterior.quantile(difference, p) for p in (0.025, 0.975))
    assert ((low > 0) | (high < 0)).mean() <= 0.075  # 0.06 and two standard errors would be 0.084


def test_the_stop_rule_wants_votes_blocks_and_certainty():
    assert settled(1.0, votes=8, blocks=6)
    assert not settled(1.0, votes=7, blocks=7)
    assert not settled(1.0, votes=100, blocks=5)
    assert settled(SURE, votes=100, blocks=30)
    assert not settled(SURE - 0.001, votes=100, blocks=30)


# --- which pair next

CLIPS = {(f"seed {s}", v): f"{v}{s}" for s in range(6) for v in "abcd"}


def ask(votes, clips=CLIPS, *, seed=0, **kwargs):
    return next_pair(votes, clips, rater="ann", rng=np.random.default_rng(seed), **kwargs)


def answered(asked, number, outcome, rater="ann"):
    return Vote(
        vote_id=f"n{number}",
        block=asked.block,
        left_run=asked.left_run,
        right_run=asked.right_run,
        left_variant=asked.left_variant,
        right_variant=asked.right_variant,
        outcome=outcome,
        rater=rater,
        repeat_of=asked.repeat_of,
    )


@pytest.mark.parametrize("mode", ["winner", "ranking"])
def test_pairs_are_of_one_block_and_exist_and_are_asked_once(mode):
    clips = {key: run for key, run in CLIPS.items() if run not in {"a0", "b1", "c1", "d1"}}
    votes, seen = [], set()
    rng = np.random.default_rng(3)
    while asked := next_pair(votes, clips, rater="ann", rng=rng, mode=mode, repeats=0):
        assert clips[asked.block, asked.left_variant] == asked.left_run
        assert clips[asked.block, asked.right_variant] == asked.right_run
        assert asked.left_variant != asked.right_variant
        votes.append(answered(asked, len(votes), "skip" if len(votes) % 7 == 0 else "left"))
        assert votes[-1].cell not in seen
        seen.add(votes[-1].cell)
    assert len(seen) == 3 + 0 + 4 * 6
    assert next_pair(votes, clips, rater="bo", rng=rng, repeats=0) is not None


def test_nothing_to_ask_without_two_clips_of_a_block():
    assert ask([], {}) is None
    assert ask([], {("s1", "a"): "r1", ("s2", "b"): "r2"}) is None


def test_chance_comes_from_the_generator_alone():
    votes = session("ab< bc< ca= ab> ba< cb> ac<")
    assert [ask(votes, seed=s) for s in range(5)] == [ask(votes, seed=s) for s in range(5)]
    assert len({ask([], seed=s) for s in range(20)}) > 5


def test_sides_are_drawn():
    firsts = Counter(ask([], {("s", "a"): "r1", ("s", "b"): "r2"}, seed=s).left_variant for s in range(60))
    assert min(firsts.values()) > 15


@pytest.mark.parametrize("mode", ["winner", "ranking"])
def test_a_variant_stands_as_often_on_one_side_as_on_the_other(mode):
    """A bare coin would pass one sitting in a thousand."""
    for seed in range(4):
        votes, rng = [], np.random.default_rng(seed)
        while asked := next_pair(votes, CLIPS, rater="ann", rng=rng, mode=mode, repeats=0):
            votes.append(answered(asked, len(votes), "left"))
        lefts = Counter((v.left_variant, v.right_variant) for v in votes)
        assert all(abs(lefts[a, b] - lefts[b, a]) <= 1 for a, b in combinations("abcd", 2))


def test_the_winner_mode_asks_about_the_top_and_the_ranking_mode_about_all():
    votes = session("ab= ba= ac< bc< ad< bd< ca> cb> da> db> cd< dc= " * 3)
    pairs = {
        mode: Counter(
            frozenset((p.left_variant, p.right_variant))
            for s in range(80)
            if (p := ask(votes, seed=s, mode=mode, repeats=0))
        )
        for mode in ("winner", "ranking")
    }
    assert pairs["winner"][frozenset("ab")] > 45
    assert pairs["ranking"][frozenset("ab")] < 45
    assert ask(votes, mode="winner", repeats=0).picker == "thompson"


def test_round_robin_asks_the_least_asked_pair():
    votes = session("ab< ab< ac< ac< ad< ad< bc< bc< bd< bd< cd<")
    asked = [ask(votes, seed=s, mode="ranking", repeats=0) for s in range(10)]
    assert {(one.left_variant, one.right_variant) for one in asked} == {("d", "c")}


def test_blocks_with_least_votes_come_first():
    clips = {(f"s{i}", v): f"{v}{i}" for i in range(3) for v in "ab"}
    votes = [vote(i, "a", "b", "left", block=f"s{i}", rater="bo") for i in (0, 2)]
    assert {ask(votes, clips, seed=s).block for s in range(10)} == {"s1"}


def test_repeats_swap_sides_name_the_vote_and_are_not_repeated():
    votes = [vote(i, "a", "b", "left", block=f"seed {i}") for i in range(6)]
    again = ask(votes, repeats=1.0)
    first = next(v for v in votes if v.vote_id == again.repeat_of)
    assert (again.block, again.left_variant, again.right_variant) == (first.block, "b", "a")
    assert again.picker == "repeat"
    assert first in votes[:3]
    done = [*votes, *(vote(10 + i, "b", "a", "right", block=f"seed {i}", repeat_of=f"v{i}") for i in range(6))]
    assert ask(done, repeats=1.0).repeat_of is None
    rate = sum(ask(votes, seed=s).repeat_of is not None for s in range(400)) / 400
    assert 0.04 < rate < 0.13


def test_top_two_has_a_rival_even_when_one_is_far_ahead():
    rng = np.random.default_rng(0)
    draws = rng.normal([9.0, 0.0, -1.0], 0.1, size=(100, 3))
    allowed = ~np.eye(3, dtype=bool)
    assert top_two(draws, allowed, rng) == (0, 1)
    allowed[0, 1] = allowed[1, 0] = False
    assert top_two(draws, allowed, rng) == (0, 2)


def test_the_package_does_not_load_numpy_for_it():
    code = "import sys, wan_nb, wan_nb.studies, wan_nb.studies.votes; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
