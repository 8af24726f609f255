"""Plans of studies: what is asked for, what is compared with what, and what is refused."""

from __future__ import annotations

import doctest
from collections import Counter
from itertools import groupby

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_nb.errors import InvalidOption
from wan_nb.studies import plan as grid
from wan_nb.studies.plan import MAX_CELLS, expand

TWO = {"calm": "a cat walks", "fast": "a cat runs"}
SIX = [1, 2, 3, 4, 5, 6]


def table(plan):
    return Counter((cell.variant, cell.block, cell.fields["prompt"]) for cell in plan.cells)


def test_doctests_hold():
    assert doctest.testmod(grid).failed == 0


def test_variants_times_seeds():
    plan = expand(TWO, seeds=SIX, fields={"first_frame": "pets/cat.png", "duration": 5}, name="walk")
    assert len(plan.cells) == 12
    assert plan.variants == ("calm", "fast")
    assert plan.blocks == tuple(f"cat.png · seed {s}" for s in SIX)
    assert all(cell.fields["first_frame"] == "pets/cat.png" and cell.fields["duration"] == 5 for cell in plan.cells)
    assert plan.warnings == ()


def test_clips_of_a_block_share_materials_and_seed_and_hold_each_variant_once():
    plan = expand(
        TWO, seeds=[1, 2], vary={"first_frame": ["a.png", "b.png"], "duration": [5, 10]}, fields={"resolution": "720P"}
    )
    assert len(plan.cells) == 16
    for block in plan.blocks:
        inside = [cell for cell in plan.cells if cell.block == block]
        assert Counter(cell.variant for cell in inside) == dict.fromkeys(plan.variants, 1)
        assert len({(cell.fields["seed"], cell.fields["first_frame"]) for cell in inside}) == 1
    for variant in plan.variants:
        same = [cell.fields for cell in plan.cells if cell.variant == variant]
        assert len({(f["prompt"], f["duration"]) for f in same}) == 1


def test_blocks_are_sent_together_in_an_order_that_only_the_name_decides():
    plans = [expand(TWO, seeds=range(1, 21), name=name) for name in ("walk", "walk", "run")]
    orders = [[(cell.block, cell.variant) for cell in plan.cells] for plan in plans]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])
    blocks = [block for block, _ in groupby(orders[0], key=lambda pair: pair[0])]
    assert len(blocks) == len(set(blocks)) == 20
    assert blocks != sorted(blocks)
    firsts = Counter(next(pairs)[1] for _, pairs in groupby(orders[0], key=lambda pair: pair[0]))
    assert min(firsts.values()) > 2


def test_placeholders_make_variants():
    plan = expand({"calm": "a {{who}} walks", "fast": "a {{who}} runs"}, seeds=[1], vary={"who": ["cat", "dog, wet"]})
    assert table(plan) == {
        ("calm · cat", "seed 1", "a cat walks"): 1,
        ("calm · dog, wet", "seed 1", "a dog, wet walks"): 1,
        ("fast · cat", "seed 1", "a cat runs"): 1,
        ("fast · dog, wet", "seed 1", "a dog, wet runs"): 1,
    }


def test_one_prompt_with_a_varied_value_is_named_after_the_value():
    plan = expand("a cat", seeds=[1], vary={"duration": [5, 10], "prompt_extend": [True, False]})
    assert "5 s · prompt_extend" in plan.variants
    assert "10 s · no prompt_extend" in plan.variants


def test_prompts_keep_markup_newlines_and_any_language():
    prompts = {"<b>": "雨\n<script>& 100% {x}", "2": "b"}
    assert {cell.fields["prompt"] for cell in expand(prompts).cells} == set(prompts.values())


def test_a_list_gets_letters_and_a_table_its_columns(tmp_path):
    assert expand(["x", "y", "z"]).variants == ("A", "B", "C")
    frame = pd.DataFrame({"label": ["p", "q"], "prompt": ["x", "y"], "negative_prompt": ["blur", None], "seed": [3, 4]})
    for given_table in (frame, _csv(frame, tmp_path)):
        cells = {cell.variant: cell for cell in expand(given_table).cells}
        assert cells["p"].fields == {"prompt": "x", "negative_prompt": "blur", "seed": 3}
        assert cells["q"].fields == {"prompt": "y", "seed": 4}


def _csv(frame, folder):
    path = folder / "plan.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("variants", "options", "words"),
    [
        ({}, {}, "at least one"),
        ([], {}, "at least one"),
        ({"calm": "x", "fast": "  \n"}, {}, "'fast' is empty"),
        ({"calm": "x", "fast": "x"}, {"seeds": [1]}, "'calm' and 'fast' ask for the same"),
        (TWO, {"vary": {"sead": [1, 2]}}, "Did you mean seed"),
        (TWO, {"vary": {"who": ["cat"]}}, "'who' is no field and no {{placeholder}}"),
        ({"a": "{{whoo}} x", "b": "{{whoo}} y"}, {"vary": {"who": ["cat"]}}, "Did you mean whoo"),
        ({"a": "{{who}} x", "b": "{{where}} y"}, {"vary": {"who": ["cat"]}}, "{{where}} has no values"),
        (TWO, {"vary": {"duration": []}}, "nothing to vary 'duration'"),
        (TWO, {"vary": {"duration": [5]}, "fields": {"duration": 5}}, "given once and varied"),
        (TWO, {"seeds": [1], "fields": {"seed": 1}}, "seed is given, and seeds too"),
        (TWO, {"seeds": [1, 1]}, "twice"),
        (TWO, {"seeds": range(MAX_CELLS)}, f"{2 * MAX_CELLS:,} cells"),
        (pd.DataFrame({"text": ["x"]}), {}, "no column 'prompt', only text"),
        (pd.DataFrame({"prompt": ["x"], "durration": [5]}), {}, "Did you mean duration"),
        (pd.DataFrame({"prompt": ["x", "y"], "label": ["a", "a"]}), {}, "two things under the label"),
        (pd.DataFrame({"prompt": ["x", None]}), {}, "'B' is empty"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(variants, options, words):
    with pytest.raises(InvalidOption) as caught:
        expand(variants, **options)
    assert words in str(caught.value)


def test_a_huge_grid_is_refused_before_it_is_made():
    with pytest.raises(InvalidOption, match="cells"):
        expand(
            TWO, seeds=range(100_000), vary={"duration": range(2, 16), "first_frame": [f"{i}.png" for i in range(99)]}
        )


@pytest.mark.parametrize(
    ("variants", "options", "words"),
    [
        ("a cat", {"seeds": SIX}, "one variant only"),
        (TWO, {"seeds": SIX[:5]}, "at least 6"),
        (TWO, {"seeds": SIX, "fields": {"prompt_extend": True}}, "prompt-extend is on"),
        (pd.DataFrame({"prompt": ["x", "y"], "seed": [1, 2]}), {}, "not paired"),
        (
            {"a": {"prompt": "x", "driving_audio": "v.mp3"}, "b": {"prompt": "y"}},
            {"seeds": SIX},
            "without sound",
        ),
    ],
)
def test_what_weakens_a_comparison_is_said(variants, options, words):
    assert any(words in warning for warning in expand(variants, **options).warnings)


@given(
    st.dictionaries(st.text(min_size=1, max_size=8), st.integers(), min_size=1, max_size=5),
    st.lists(st.integers(0, 2**31 - 1), unique=True, max_size=5),
    st.lists(st.integers(2, 15), unique=True, min_size=1, max_size=3),
)
def test_every_combination_is_there_once(labels, seeds, durations):
    prompts = {label: f"prompt {i}" for i, label in enumerate(labels)}
    plan = expand(prompts, seeds=seeds, vary={"duration": durations})
    combinations = Counter((c.fields["prompt"], c.fields.get("seed"), c.fields["duration"]) for c in plan.cells)
    assert combinations == {(p, s, d): 1 for p in prompts.values() for s in seeds or [None] for d in durations}


@pytest.mark.parametrize(
    ("variants", "options", "said"),
    [
        ({"a": "a cat", "b": "a  cat "}, {}, "ask for the same"),
        ({"a", "b"}, {}, "not as set"),
        (5, {}, "not as int"),
        ("nowhere.csv", {}, "nowhere.csv cannot be read"),
        (TWO, {"seeds": 3}, "seeds takes a list"),
        (TWO, {"seeds": "1,2"}, "seeds takes a list"),
        (TWO, {"vary": {"duration": 5}}, "duration takes a list"),
        (pd.DataFrame({"prompt": []}), {}, "no rows"),
    ],
)
def test_what_is_no_plan_is_said_in_one_line(variants, options, said):
    with pytest.raises(InvalidOption, match=said):
        expand(variants, **options)


def test_a_gap_in_a_table_is_the_default_and_whole_numbers_stay_whole(tmp_path):
    file = tmp_path / "prompts.CSV"
    file.write_text("label,prompt,duration\ncalm,a cat walks,\n,a cat runs,5\n", encoding="utf-8")
    plan = expand(str(file))
    assert [(cell.variant, cell.fields.get("duration")) for cell in plan.written] == [("calm", None), ("B", 5)]
    assert type(plan.written[1].fields["duration"]) is int


def test_labels_stand_as_they_were_written():
    plan = expand({"zebra": "a", "ant": "b"}, seeds=[10, 9, 100])
    assert (plan.variants, plan.blocks) == (("zebra", "ant"), ("seed 10", "seed 9", "seed 100"))
    assert plan.shape == "2 variants × 3 seeds, 6 clips"


def test_a_table_may_have_one_row_a_clip():
    rows = [("calm", "a cat walks", 1), ("calm", "a cat walks", 2), ("fast", "a cat runs", 1)]
    plan = expand(pd.DataFrame(rows, columns=["label", "prompt", "seed"]))
    assert plan.shape == "2 variants × 2 seeds, 3 clips"
    assert "not paired" in plan.warnings[0]
    with pytest.raises(InvalidOption, match="two things under the label 'calm'"):
        expand(pd.DataFrame([("calm", "a", 1), ("calm", "b", 2)], columns=["label", "prompt", "seed"]))
