"""Prompts from files and tables: read as written, or refused in words that say what is wrong and where."""

from __future__ import annotations

import doctest
import io

import numpy as np
import pandas as pd
import pytest

from wan_nb.errors import InvalidOption
from wan_nb.grammar import variants
from wan_nb.studies import table
from wan_nb.studies.plan import expand
from wan_nb.studies.table import rows_of

PLAIN = "label,prompt,seed\ncalm,a cat looks up,1\nwild,a cat runs,2\n"
READ = [("calm", {"prompt": "a cat looks up", "seed": 1}), ("wild", {"prompt": "a cat runs", "seed": 2})]


@pytest.fixture
def written(tmp_path):
    def write(content: str | bytes, name: str = "prompts.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_doctests_hold():
    assert doctest.testmod(table).failed == doctest.testmod(variants).failed == 0


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        "\ufeff" + PLAIN,
        PLAIN.encode("utf-16"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.encode("utf-32"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.rstrip("\n"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        "sep=|\r\n" + PLAIN.replace(",", "|"),
        PLAIN.replace(",", ", "),
        PLAIN.replace("calm", ' "calm"').replace("label", ' label '),
        "\n\n" + PLAIN.replace("\nwild", "\n\n,,\nwild") + "\n\n",
        ",label,prompt,seed\n0,calm,a cat looks up,1\n1,wild,a cat runs,2\n",
        "Unnamed: 0,label,prompt,seed\n1,calm,a cat looks up,1\n2,wild,a cat runs,2\n",
        "label,prompt,seed,,\ncalm,a cat looks up,1,,\nwild,a cat runs,2,,\n",
        "label,prompt,seed\ncalm,a cat looks up,1.0\nwild,a cat runs,2.0\n",
        pd.read_csv(io.StringIO(PLAIN)).to_csv(),
    ],
    ids=ascii,
)  # fmt: skip
def test_every_honest_spelling_of_a_file_is_read(written, content):
    for name in ("prompts.csv", "prompts.tsv", "PROMPTS.TXT"):
        assert rows_of(written(content, name)) == READ
        assert rows_of(str(written(content, name))) == READ


def test_quoted_texts_keep_commas_quotes_and_lines(written):
    path = written('label,prompt\ncalm,"a cat, ""Tom"", looks\nup; slowly"\nwild, "a cat, fast"\r\nthird,a 5" screen\n')
    assert [own["prompt"] for _, own in rows_of(path)] == [
        'a cat, "Tom", looks\nup; slowly', "a cat, fast", 'a 5" screen',
    ]  # fmt: skip


@pytest.mark.parametrize(
    "prompt",
    [
        "ein Kätzchen läuft, naïveté, 20 °C, µm",
        "ко\u0301шка идёт",
        "γάτα περπατάει",
        "חתול הולך",
        "قطة تمشي",
        "猫が歩く",
        "e\u0301le\u0300ve",
    ],
)
def test_every_script_is_read(written, prompt):
    assert rows_of(written(f'prompt\n"{prompt}"\n')) == [("A", {"prompt": prompt})]


def test_labels_are_texts(written):
    labels = ["0", "False", "01", "NA", "None", "1e3", "nan", "null", "-", "=1+1", "2026-11-28"]
    path = written("label,prompt\n" + "".join(f"{label},a cat {n}\n" for n, label in enumerate(labels)))
    assert [label for label, _ in rows_of(path)] == labels
    assert list(expand(path, seeds=[1]).variants) == labels


def test_labels_of_a_table_are_texts():
    frame = pd.DataFrame({"label": [0, False, "01", "NA", "1e3"], "prompt": list("abcde")}, dtype=object)
    assert [label for label, _ in rows_of(frame)] == ["0", "False", "01", "NA", "1e3"]
    frame = pd.DataFrame({"label": [0, 1], "prompt": ["a", "b"]})
    assert [label for label, _ in rows_of(frame)] == ["0", "1"]


def test_empty_cells_are_not_given(written):
    path = written(
        "label,prompt,duration,watermark,first_frame\n,a cat,,TRUE,\nB,a dog,10, off , cat.jpg \n,a bird,,,\n"
    )
    assert rows_of(path) == [
        ("A", {"prompt": "a cat", "watermark": True}),
        ("B", {"prompt": "a dog", "duration": 10, "watermark": False, "first_frame": "cat.jpg"}),
        ("C", {"prompt": "a bird"}),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("label,prompt\ncalm,a cat looks up, slowly\n", "prompts.csv, line 2: 3 values for 2 columns (label, prompt)"),
        ("prompt\na cat looks up, slowly\n", "line 2: 2 values for 1 column (prompt)"),
        ('label,prompt\ncalm,a cat says "hi, there"\n', "line 2: 3 values for 2 columns"),
        ('label,prompt\na,"x\ny"\ncalm,a cat, slowly\n', "line 4: 3 values for 2 columns"),
        ("label;prompt\ncalm;a cat; slowly\n", "A text with a semicolon in it needs double quotes"),
        ("label,prompt,seed\ncalm,a cat\n", "line 2: 2 values for 3 columns"),
        ("label,prompt\ncalm,a cat,\n", "line 2: 3 values for 2 columns"),
        ("prompt,seed\na cat, slowly\n", "line 2: seed must be a whole number"),
        ("label|prompt\ncalm|a cat\n", "line 1: no column 'prompt', only label|prompt"),
        ("label，prompt\ncalm，a cat\n", "no column 'prompt', only label，prompt"),
        ("label,Prompt\ncalm,a cat\n", "no column 'prompt', only label, Prompt. Did you mean Prompt?"),
        ("calm,a cat looks up\nwild,a cat runs\n", "line 1: no column 'prompt', only calm, a cat looks up"),
        ("a cat looks up\na cat runs\n", "no column 'prompt', only a cat looks up"),
        ("", "no column 'prompt', only nothing"),
        ("label,prompt\n", "the table has no rows"),
        ("label,prompt,sead\ncalm,a cat,1\n", "the column 'sead' is no field of a request. Did you mean seed?"),
        ("prompt,prompt\na,b\n", "the column 'prompt' is there twice"),
        (",label,prompt\n7,calm,a cat\n", "line 1: column 1 has no name, and values"),
        ("label,prompt\ncalm,\n", "line 2: the prompt is empty"),
        ("label,prompt\ncalm,  \nwild,b\n", "line 2: the prompt is empty"),
        ('label,prompt\ncalm,"a cat\nwild,a dog\n', "line 2: unexpected end of data"),
        ('label,prompt\ncalm,"a cat" slowly\n', "line 2: ',' expected after '\"'"),
        ("label,prompt\ncalm,a cat\ncalm,a dog\n", "two things under the label 'calm'"),
        ("label,prompt,duration\ncalm,a cat,99\n", "line 2: duration must be a whole number from 2 to 15"),
        ("label,prompt,watermark\ncalm,a cat,maybe\n", "line 2: watermark must be True or False"),
        ('label,prompt\ncalm,"a cat\n---wild\na dog"\n', "line 2: the line '---wild' looks like a separator"),
        ("label,prompt\ncalm,#NAME?\n", "line 2: the prompt '#NAME?' is what a program has left"),
        ("label,prompt\ncalm,ein K\ufffdtzchen\n", "is what a program has left of a text"),
        ("label,prompt\ncalm,一只猫慢慢走\n".encode("gbk"), "prompts.csv is not UTF-8"),
        ("label,prompt\ncalm,一只猫\n".encode("gbk"), "prompts.csv is not UTF-8"),  # whose bytes are UTF-8 too
        ("label,prompt\ncalm,联通\n".encode("gbk"), "prompts.csv is not UTF-8"),
        ("label,prompt\ncalm,ein Kätzchen\n".encode("latin-1"), "prompts.csv is not UTF-8 (line 2)"),
        (PLAIN.encode("utf-16-le"), "prompts.csv is not UTF-8"),
        (b"PK\x03\x04" + b"\0" * 40, "is a workbook or another packed file"),
        (b"label,prompt\nx,a\0b\n", "prompts.csv is not UTF-8"),
        ("label,prompt\nx," + "a" * 200_000, "line 2: field larger than field limit"),
        (b"prompt\n" + b"a" * 10_000_001, "is larger than 10 MB"),
    ],
    ids=lambda value: ascii(value)[:40],
)  # fmt: skip
def test_a_near_miss_is_refused_with_its_line(written, content, says):
    with pytest.raises(InvalidOption) as caught:
        rows_of(written(content))
    assert says in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere.csv", "nowhere.csv cannot be read as a table: No such file"),
        (
            "plan.xlsx",
            "plan.xlsx is no CSV file, as a study is read from.\nwan_nb.study(pandas.read_excel(...))",
        ),
        ("plan.json", "wan_nb.study(pandas.read_json(...)) reads it"),
        ("my plan.PARQUET", "pandas.read_parquet"),
        (
            "cat.jpg",
            "cat.jpg is no CSV file, as a study is read from.\nwan_nb.study(['cat.jpg']) takes it",
        ),
        ("data/prompts.md", "prompts.md is no CSV file"),
        ("https://example.org/plan.csv", "is an address, not a file"),
        ("~/nowhere at all/plan.tsv", "plan.tsv cannot be read"),
    ],
)
def test_a_file_name_is_no_prompt(name, says):
    with pytest.raises(InvalidOption) as caught:
        expand(name, seeds=[1])
    assert says in str(caught.value)


@pytest.mark.parametrize("prompt", ["a cat walks.slowly", "The end.", "wan2.7", "一只猫", "in notes.md\na cat"])
def test_a_prompt_with_dots_is_a_prompt(prompt):
    assert rows_of(prompt) == [("A", {"prompt": prompt})]


def test_a_file_without_an_ending_that_is_there_is_no_prompt(written, monkeypatch):
    path = written(PLAIN, "cats")
    monkeypatch.chdir(path.parent)
    with pytest.raises(InvalidOption, match="cats is no CSV file"):
        rows_of("cats")
    assert rows_of(["cats"]) == [("A", {"prompt": "cats"})]


def test_one_text_with_separators_is_read_as_a_cell():
    assert rows_of("--- calm\na cat\n---\na dog") == [("calm", {"prompt": "a cat"}), ("B", {"prompt": "a dog"})]
    assert rows_of("\na cat\n") == [("A", {"prompt": "\na cat\n"})]
    with pytest.raises(InvalidOption, match="looks like a separator"):
        rows_of("a cat\n---calm\na dog")


@pytest.mark.parametrize(
    "prompts", [pd.Series(["a", "b"], index=["x", "y"]), pd.Index(["a", "b"]), np.array(["a", "b"]), iter("ab")]
)
def test_any_list_is_a_list(prompts):
    assert rows_of(prompts) == [("A", {"prompt": "a"}), ("B", {"prompt": "b"})]


@pytest.mark.parametrize(
    ("prompts", "says"),
    [
        (b"a cat", "not as bytes"),
        (5, "not as int"),
        ({"a", "b"}, "not as set"),
        ({1: "a", "1": "b"}, "two variants are called '1'"),
        ([], "a study needs at least one prompt"),
        ("---", "a study needs at least one prompt"),
        (pd.DataFrame({"prompt": []}), "the table has no rows"),
        (pd.DataFrame([["a", "b"]], columns=["prompt", "prompt"]), "the column 'prompt' is there twice"),
        (pd.DataFrame({"prompt": ["a"], "index": [0]}), "the column 'index' is no field"),
    ],
)
def test_what_is_no_list_of_prompts_is_refused(prompts, says):
    with pytest.raises(InvalidOption, match=says):
        rows_of(prompts)
