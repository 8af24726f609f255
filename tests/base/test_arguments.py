"""Amounts, whole numbers and words that a person gives: one judgement, wherever they are given."""

from __future__ import annotations

import doctest
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from wan_nb import arguments
from wan_nb.api import catalog
from wan_nb.errors import BudgetExceeded, InvalidOption, InvalidRequest
from wan_nb.grammar.cell import Cell
from wan_nb.settings import DEFAULT_BUDGET, Settings

NO_AMOUNTS = [math.nan, math.inf, -math.inf, -1, -0.01, True, "3", "", None, [3], 3j, Decimal("NaN"), 10**400,
              np.float64("nan"), np.bool_(True), pd.NA]  # fmt: skip
AMOUNTS = [3, 3.0, Decimal("3.0"), Fraction(3), np.float32(3), np.int64(3), np.float64(3)]


@pytest.fixture
def cat(photos):
    return photos / "cat.jpg"


def test_doctests_hold():
    assert doctest.testmod(arguments).failed == 0


@pytest.mark.parametrize("value", NO_AMOUNTS, ids=repr)
def test_what_is_no_amount_buys_nothing(session, simulator, cat, value):
    study = session.study(["a cat", "a dog"], first_frame=cat, duration=2)
    if value is not None:  # which says nothing
        for buy in (
            lambda: session.submit("a cat", first_frame=cat, duration=2, max_cost=value),
            lambda: study.submit(max_cost=value),
        ):
            with pytest.raises(InvalidOption, match=r"max_cost must be an amount of money such as 30, not "):
                buy()
    for wrong in ({"budget": {"CNY": value}}, {"gap": value}, {"patience": value}, {"speed": value}):
        if value is None and "budget" not in wrong:
            continue
        with pytest.raises(InvalidOption, match="must be a positive number, not "):
            Settings.resolve({}, **wrong)
    assert simulator.counters()["creates_received"] == 0
    assert session.runs().empty


@pytest.mark.parametrize("value", AMOUNTS, ids=repr)
def test_every_kind_of_number_is_an_amount(value):
    assert arguments.max_cost(value) == 3.0
    settings = Settings.resolve({}, budget=value, gap=value, patience=value)
    assert (dict(settings.budget), settings.gap, settings.patience) == ({"CNY": 3.0, "USD": 3.0}, 3.0, 3.0)


def test_an_amount_that_does_not_reach_is_the_budget_and_not_the_number(session, cat):
    with pytest.raises(BudgetExceeded, match="more than --max-cost 0"):
        session.submit("a cat", first_frame=cat, duration=2, max_cost=0)


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"RMB": 1}, "no service bills in 'RMB': budgets are in CNY and USD. Did you mean CNY?"),
        ({"¥": 1}, "Did you mean CNY?"),
        ({"EUR": 1}, "no service bills in 'EUR'"),
        ({"CNY ": 1, "cny": 2}, "the budget names CNY twice"),
        ({1: 1}, "no service bills in 1"),
        ({None: 1}, "no service bills in None"),
        ({"": 1}, "no service bills in ''"),
    ],
)
def test_a_budget_names_currencies_that_are_billed(budget, said):
    with pytest.raises(InvalidOption) as caught:
        Settings.resolve({}, budget=budget)
    assert said in str(caught.value)


def test_every_currency_that_is_billed_can_have_a_budget():
    assert {region.currency for region in catalog.REGIONS.values()} == set(DEFAULT_BUDGET)


@pytest.mark.parametrize(
    "typed", ["nan", "inf", "-1", "1_0", "٣", "3,5", "3 CNY", "CNY 3", "1e999", "0x10", "true", "--"]
)
def test_a_typed_amount_is_a_plain_number(typed):
    with pytest.raises(InvalidOption, match="--max-cost must be an amount of money"):
        Cell.parse(f"-f cat.png '--max-cost={typed}'", "a cat")


@pytest.mark.parametrize("take", ["2", 0, -1, 1.5, True, float("nan"), [2], "next"])
def test_a_take_is_a_whole_number_from_1(session, cat, simulator, take):
    for buy in (lambda: session.submit("a cat", first_frame=cat, duration=2, take=take),
                lambda: session.study(["a cat"], first_frame=cat, duration=2, take=take).submit()):  # fmt: skip
        with pytest.raises(InvalidOption, match="a take is a whole number from 1"):
            buy()
    assert simulator.counters()["creates_received"] == 0


@pytest.mark.parametrize("again", [True, False, None])
def test_again_names_the_take_that_replaces_it(session, cat, simulator, again):
    for buy in (lambda: session.submit("a cat", first_frame=cat, duration=2, again=again),
                lambda: session.study(["a cat"], first_frame=cat, duration=2, again=again)):  # fmt: skip
        with pytest.raises(InvalidOption, match=r"again is gone(.|\n)*take=2"):
            buy()
    assert simulator.counters()["creates_received"] == 0


@pytest.mark.parametrize(
    ("tags", "kept"),
    [
        ("demo", ("demo",)),
        (["demo"], ("demo",)),
        ("demo, keep", ("demo", "keep")),
        (("b", "a", "b"), ("b", "a")),
        (pd.Index(["x", "y"]), ("x", "y")),
        (pd.Series(["x", "y"]), ("x", "y")),
        (np.array(["x", "y"]), ("x", "y")),
        ((word for word in "xy"), ("x", "y")),
        ((), ()),
        (None, ()),
    ],
)
def test_one_word_is_one_tag(session, cat, tags, kept):
    run = session.submit("a cat", first_frame=cat, duration=2, tags=tags)
    assert run.row.tags == kept
    assert list(session.runs(tags=kept[0]).index if kept else [run.id]) == [run.id]


def test_tags_of_a_study_and_those_given_later_are_words_too(session, cat):
    study = session.study(["a cat"], first_frame=cat, duration=2, tags="demo").submit()
    assert study.runs[0].row.tags == ("demo",)
    assert study.runs[0].tag(["keep", "best"], "demo").row.tags == ("demo", "keep", "best")


@pytest.mark.parametrize("tags", [5, b"demo", {"demo": 1}, {"demo"}, [1], [None], [["a", 2]]])
def test_what_is_no_word_is_no_tag(session, cat, simulator, tags):
    for ask in (lambda: session.submit("a cat", first_frame=cat, tags=tags),
                lambda: session.study(["a cat"], first_frame=cat, tags=tags)):  # fmt: skip
        with pytest.raises(InvalidOption, match=r"^tags takes "):
            ask()
    assert simulator.counters()["creates_received"] == 0


@pytest.mark.parametrize("seeds", [3, "123", "1,2", {1, 2}, {1: 2}, b"12"])
def test_seeds_are_a_list(session, cat, seeds):
    with pytest.raises(InvalidOption, match="seeds takes a list of values, not "):
        session.study(["a cat"], first_frame=cat, seeds=seeds)


@pytest.mark.parametrize("seed", [True, 1.5, math.nan, -1, 2**31, np.float32(2.5), Decimal("1.5"), "1_0", "٣", None])
def test_a_seed_is_a_whole_number(session, cat, seed):
    with pytest.raises(InvalidRequest, match="seed"):
        session.study(["a cat"], first_frame=cat, seeds=[1, seed])


@pytest.mark.parametrize("seeds", [np.array([1, 2]), pd.Series([1, 2]), range(1, 3), (n for n in (1, 2)), [1.0, 2.0]])
def test_seeds_come_in_any_list(session, cat, seeds):
    study = session.study(["a cat"], first_frame=cat, seeds=seeds)
    assert sorted(study.plan.blocks) == ["cat.jpg · seed 1", "cat.jpg · seed 2"]
    assert sorted(request.seed for request in study.requests) == [1, 2]


@pytest.mark.parametrize("stars", [0, 6, 4.5, True, "4", math.nan, None, 10**400])
def test_a_rating_is_one_to_five(session, cat, stars):
    run = session.submit("a cat", first_frame=cat, duration=2)
    with pytest.raises(InvalidOption, match="a rating is 1 to 5, not "):
        run.rate(stars)
    assert run.rate(np.int64(4)).row.rating == 4


@pytest.mark.parametrize("limit", [-1, True, 1.5, "abc", 2**70, math.inf])
def test_a_limit_is_a_whole_number(session, limit):
    with pytest.raises(InvalidOption, match="limit must be a whole number from 0, not "):
        session.runs(limit=limit)


@pytest.mark.parametrize("timeout", ["3", math.nan, -1, True])
def test_a_timeout_is_seconds(session, cat, timeout):
    for thing in (session.submit("a cat", first_frame=cat, duration=2), session.study(["a cat"], first_frame=cat)):
        with pytest.raises(InvalidOption, match="timeout must be seconds"):
            thing.wait(timeout=timeout)
