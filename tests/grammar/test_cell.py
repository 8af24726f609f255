"""The grammar of %%wan: what is typed is what is asked for."""

from __future__ import annotations

import contextlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_nb.api import catalog
from wan_nb.errors import InvalidOption, InvalidRequest
from wan_nb.grammar import options
from wan_nb.grammar.cell import Cell
from wan_nb.grammar.variants import can_be_typed, read_body, silenced, write_body
from wan_nb.html.code import Grid

FILLED = "a cat walks"


def parse(text: str, **kwargs) -> Cell:
    line, _, body = text.removeprefix("%%wan").partition("\n")
    return Cell.parse(line.strip(" "), body, **kwargs)


# -- options ---------------------------------------------------------------------------------------------------------


def test_every_field_of_the_catalog_is_an_option():
    """A field that the catalog gains is a flag at once; the prompt is the cell."""
    flags = {option.name for option in options.REQUEST}
    assert flags == {f.name for f in catalog.FIELDS} - {"prompt"}
    assert {o.short for o in options.REQUEST if o.short} == {f.short for f in catalog.FIELDS if f.short}


def test_no_spelling_means_two_things():
    """Each way to write an option belongs to one option."""
    spellings = [text for option in options.CELL for text in option.spellings]
    assert len(spellings) == len(set(spellings))


@pytest.mark.parametrize("line", ["--duration 7", "--duration=7", "-d 7"])
def test_three_ways_to_give_a_value(line):
    """Long with a space, long with an equals sign, short."""
    assert Cell.parse(line, FILLED).fields == {"duration": 7}


def test_paths_with_spaces_quotes_and_chinese():
    """Words are split by POSIX rules before anything is expanded."""
    cell = Cell.parse("""-f 'my "best" 猫.png' -a a\\ b.mp3 --negative-prompt "it's dark" """, FILLED)
    assert cell.fields == {
        "first_frame": 'my "best" 猫.png',
        "driving_audio": "a b.mp3",
        "negative_prompt": "it's dark",
    }


def test_windows_keeps_backslashes():
    """A path of Windows is typed as it is."""
    assert options.split(r'-f C:\new\cat.png "C:\my cat.png"', windows=True) == [
        "-f",
        r"C:\new\cat.png",
        r"C:\my cat.png",
    ]


def test_hash_is_no_comment():
    """A number sign in a name stays there."""
    assert Cell.parse("--name #1 --tag a#b", FILLED).name == "#1"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--prompt-extend", {"prompt_extend": True}),
        ("--no-prompt-extend", {"prompt_extend": False}),
        ("--watermark --no-prompt-extend", {"watermark": True, "prompt_extend": False}),
    ],
)
def test_switches(line, expected):
    """A bool field is a pair of switches."""
    assert Cell.parse(line, FILLED).fields == expected


def test_objects_pass_unstringified():
    """A word that is one placeholder hands the object over, also behind an equals sign."""
    image = object()
    names = {"{{cat}}": image, "{{n}}": 7, "a {{who}}": "a dog"}
    cell = Cell.parse("-f {{cat}} --duration={{n}} --name 'a {{who}}'", FILLED, lambda word: names.get(word, word))
    assert cell.fields == {"first_frame": image, "duration": 7}
    assert cell.name == "a dog"


def test_notebook_options():
    """Each notebook option lands on the cell."""
    cell = Cell.parse(
        "--seeds 1,2 --vary duration=5,10 --name walk --tag a,b --tag c --out v --wait --take 3 --dry-run"
        " --max-cost 30 --raw",
        FILLED,
    )
    assert cell == Cell(
        (("", FILLED),),
        {},
        seeds=(1, 2),
        vary={"duration": (5, 10)},
        name="walk",
        tags=("a", "b", "c"),
        out="v",
        wait=True,
        take=3,
        dry_run=True,
        max_cost=30.0,
        raw=True,
    )


@pytest.mark.parametrize("line", ["-h", "--help", "--duration 5 --help"])
def test_help_needs_no_prompt(line):
    """Asking for help is no request."""
    assert Cell.parse(line, "").help


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--duration 1", "duration must be a whole number from 2 to 15 s, not 1"),
        ("--duration 16", "duration must be a whole number from 2 to 15 s, not 16"),
        ("--duration abc", "duration must be a whole number from 2 to 15 s, not 'abc'"),
        ("--duration 5.5", "duration must be a whole number"),
        ("--resolution 4K", "resolution must be 720P or 1080P, not '4K'"),
        ("--seed -1", "seed must be a whole number from 0"),
        ("--seed 2147483648", "seed must be a whole number from 0"),
        ("--seeds 1,2,1", "--seeds 1,2,1 needs different numbers"),
        ("--seeds 1,,2", "seed must be a whole number"),
        ("--seeds 1-3", "Write each out: --seeds 1,2,3"),
        ("--seed 1 --seeds 1,2", "--seed and --seeds exclude each other"),
        ("--first-frame ''", "first_frame is empty"),
        ("--resolutoin 720P", "Did you mean --resolution?"),
        ("--dur 5", "Did you mean --duration?"),
        ("--img-url cat.png", "Did you mean --first-frame?"),
        ("--size 1280*720", "Did you mean --resolution?"),
        ("-x 5", "%%wan has no option -x"),
        ("--duration", "--duration needs a value: --duration N"),
        ("--first-frame --duration 5", "--first-frame needs a value: --first-frame IMAGE"),
        ("--watermark=yes", "--watermark takes no value"),
        ("--duration 5 -d 6", "--duration is given twice"),
        ("--watermark --no-watermark", "--watermark is given twice"),
        ("-x 5", "no option -x.\n%%wan --help lists them"),
        ("-d5", "no option -d5.\nDid you mean -d 5?"),
        ("——duration 5", "no option ——duration.\nDid you mean --duration?"),
        ("–-duration 5", "Did you mean --duration?"),
        ("−d 5", "Did you mean -d?"),
        ("-first-frame cat.png", "Did you mean --first-frame?"),
        ("a cat", "'a cat' on the %%wan line belongs to no option"),
        ("--name 'walk", "a quote is not closed"),
        ("--out 2x", "--out must be the name of a variable, not 2x"),
        ("--out class", "--out must be the name of a variable"),
        ("--out print", "--out print would hide what Python calls print"),
        ("--max-cost much", "--max-cost must be an amount of money"),
        ("--max-cost nan", "--max-cost must be an amount of money"),
        ("--max-cost -1", "--max-cost must be an amount of money"),
        ("--vary duration", "--vary duration is not understood"),
        ("--vary duration=5,16", "duration must be a whole number from 2 to 15 s, not 16"),
        ("--vary duration=5,5", "--vary duration names a value twice"),
        ("--vary duration=5, --seed 1", "--vary duration holds an empty value"),
        ("--vary duration=[5", "at character"),
        ("--vary duration=[]", "--vary duration has no values"),
        ("--vary duration=5,6 --duration 7", "duration is both given and varied"),
        ("--vary seed=5,6 --seeds 7", "seed is both given and varied"),
        ("--vary duration=5,6 --vary duration=7", "--vary duration is given twice"),
        ("--vary prompt=a,b", "prompts are varied by `--- label`"),
        ("--vary duratoin=5,6", "Did you mean duration?"),
        ("--vary mood=calm,fast", "no {{mood}} stands in the cell"),
    ],
)
def test_what_is_wrong_is_said(line, says):
    """Each slip is an exception that names the culprit and, where there is one, the nearest spelling."""
    with pytest.raises(InvalidRequest) as caught:
        Cell.parse(line, FILLED)
    assert says in str(caught.value)
    assert len(caught.value._render_traceback_()) <= 3


def test_messages_carry_the_field():
    """A form can put the message beside its control."""
    with pytest.raises(InvalidRequest) as caught:
        Cell.parse("--duration 16", FILLED)
    assert caught.value.field == "duration"
    assert caught.value.details["flag"] == "--duration"


@pytest.mark.parametrize("spelling", ["720p", "720P"])
def test_case_of_a_resolution(spelling):
    """The API's spelling is sent whatever case was typed."""
    assert Cell.parse(f"-r {spelling}", FILLED).fields == {"resolution": "720P"}


# -- --vary ----------------------------------------------------------------------------------------------------------


def test_vary_fields_placeholders_and_json():
    """Commas separate; a JSON list holds commas; values of a field get its type."""
    cell = Cell.parse(
        """--vary duration=5,10 --vary 'mood=["calm, slow", "fast"]' --vary prompt-extend=on,off""",
        "a {{mood}} cat",
    )
    assert dict(cell.vary) == {"duration": (5, 10), "mood": ("calm, slow", "fast"), "prompt_extend": (True, False)}


def test_vary_expands_each_value():
    """A variable stands for one value, or, alone, for the list."""
    names = {"{{a}}": b"one", "{{b}}": b"two", "{{all}}": [5, 10]}
    cell = Cell.parse(
        "--vary first-frame={{a}},{{b}} --vary duration={{all}}", FILLED, lambda word: names.get(word, word)
    )
    assert dict(cell.vary) == {"first_frame": (b"one", b"two"), "duration": (5, 10)}


def test_raw_leaves_no_placeholder_to_vary():
    """With --raw the braces are text."""
    with pytest.raises(InvalidOption, match="--raw leaves no placeholders"):
        Cell.parse("--raw --vary mood=a,b", "a {{mood}} cat")


# -- the body --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a\n", [("", "a")]),
        ("\n \n  a  \n b\n\n", [("", "  a  \n b")]),
        ("--- calm\na\n--- fast\nb", [("calm", "a"), ("fast", "b")]),
        ("a\n---\nb\n---\nc", [("A", "a"), ("B", "b"), ("C", "c")]),
        ("---\na\n---\nb", [("A", "a"), ("B", "b")]),
        ("a\n--- calm\nb\n---\nc", [("A", "a"), ("calm", "b"), ("C", "c")]),
        ("a\n--- A\nb\n---\nc", [("B", "a"), ("A", "b"), ("C", "c")]),
        ("--- only\na", [("only", "a")]),
        ("---  two words \t\na", [("two words", "a")]),
        ("\\----\na\n\\---x", [("", "----\na\n---x")]),
        ("\\ ---\na", [("", " ---\na")]),
        ("- a list\n-5 degrees, −5, –5\na -- b — c", [("", "- a list\n-5 degrees, −5, –5\na -- b — c")]),
        ("--- 👨‍👩‍👧 two - three\na", [("👨‍👩‍👧 two - three", "a")]),
        ("\\---\na\n\\--- x\n\\\\---", [("", "---\na\n--- x\n\\---")]),
        ("a\r\n--- b\r\nc\r\n", [("A", "a\r"), ("b", "c\r")]),
    ],
)
def test_variants(body, expected):
    """Separators, labels, letters by place, escapes."""
    assert list(read_body(body)[0]) == expected


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("---calm", "--- calm"),
        (" --- calm", "--- calm"),
        ("\t--- calm", "--- calm"),
        ("-- calm", "--- calm"),
        ("--calm", "--- calm"),
        ("— calm", "--- calm"),
        ("–– calm", "--- calm"),
        ("——calm", "--- calm"),
        ("---- calm", "--- calm"),
        ("-----", "---"),
        ("---\N{NO-BREAK SPACE}", "---"),
        ("---\N{NO-BREAK SPACE}calm", "--- calm"),
        ("--- \N{NO-BREAK SPACE}calm", "--- calm"),
        ("\N{NO-BREAK SPACE}--- calm", "--- calm"),
        ("\N{IDEOGRAPHIC SPACE}--- calm", "--- calm"),
        ("\N{ZERO WIDTH SPACE}--- calm", "--- calm"),
        ("\N{ZERO WIDTH NO-BREAK SPACE}---", "---"),
        ("--- \N{ZERO WIDTH SPACE}", "---"),
        ("--- calm\N{ZERO WIDTH SPACE}", "--- calm"),
        ("- - -", "---"),
        ("-\N{SOFT HYPHEN}-- calm", "--- calm"),
        ("−−− calm", "--- calm"),
        ("---", "---"),
        ("‐‐‐ calm", "--- calm"),
        ("－－－ calm", "--- calm"),
        ("─── calm", "--- calm"),
        ("┄┄┄ calm", "--- calm"),
        ("⎯⎯⎯ calm", "--- calm"),
        ("➖➖➖ calm", "--- calm"),
        ("˗˗˗ calm", "--- calm"),
        ("--- calm\u2028a cat", "--- calm"),
        ("--duration 10", "--- duration 10"),
        ("a cat\r---calm", "--- calm"),
        ("a cat\u2028--- calm", "--- calm"),
        ("a cat\x0b--- calm", "--- calm"),
    ],
    ids=ascii,
)
def test_what_looks_like_a_separator_is_none(line, right):
    """It would buy one wrong clip; behind a backslash it is text, and is written so."""
    if line != "---":
        with pytest.raises(InvalidOption, match="looks like a separator") as caught:
            read_body(f"a dog\n{line}\nand a bird")
        assert f"Write {right} to begin a variant" in str(caught.value).replace("\u200b", "")
    text = f"a dog\n{line}\nand a bird"
    written = write_body([("", text)])
    assert written.count("\\") == 1
    assert read_body(written)[0] == (("", text),)
    assert read_body(write_body([("", written)]))[0] == (("", written),)


@pytest.mark.parametrize("label", ["two\nlines", " x", "x ", "\u200bx", ""])
def test_a_study_whose_labels_cannot_be_typed_is_no_cell(label):
    """Its code is the Python."""
    bodies = [(name, {"model": "wan2.7-i2v", "input": {"prompt": name + "p"}}) for name in ("calm", label)]
    assert Grid.of(bodies).as_cell("walk", 3) == ""
    assert "wan_nb.study(" in Grid.of(bodies).as_python("walk", 3)


def test_letters_go_on_after_z():
    """The 27th variant is AA."""
    variants = read_body("\n---\n".join(map(str, range(28))))[0]
    assert [label for label, _ in variants[25:]] == ["Z", "AA", "AB"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "the cell holds no prompt"),
        (" \n\n", "the cell holds no prompt"),
        ("---\n---\n", "the cell holds no prompt"),
        (";", "the cell holds no prompt"),
        ("--- a\nx\n--- a\ny", "two variants are called 'a'"),
        ("a\n--- fast\n \n--- slow\nb", "variant fast is empty"),
        ("a\n---", "variant B is empty"),
    ],
)
def test_bodies_that_ask_for_nothing(body, says):
    """An empty cell, an empty variant, a label twice."""
    with pytest.raises(InvalidOption, match=says):
        read_body(body)


@pytest.mark.parametrize(
    "prompt",
    [
        "{single} ${HOME} $x %d %%timeit 100%",
        "<script>alert('x')</script> & \"quotes\" it's",
        "\\n \\{{kept}} {{asked}} \\\\",
        "一只猫走过来。\u2028\x0bkept",
        "!ls\n?help\n%who",
    ],
)
def test_prompt_arrives_unchanged(prompt):
    """A prompt is prose: nothing in it is syntax here."""
    assert Cell.parse("", prompt + "\n").variants == (("", prompt),)


def test_study_or_run():
    """Seeds, --vary or any separator make a study."""
    assert not Cell.parse("", "a").is_study
    assert Cell.parse("--seeds 1,2", "a").is_study
    assert Cell.parse("--vary duration=5,6", "a").is_study
    assert Cell.parse("", "--- calm\na").is_study


# -- silence ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "%%wan -f a.png;\nit's a cat",
        "%%wan -f a.png ;\nit's a cat",
        "%%wan -f a.png\nit's a cat;",
        "%%wan -f a.png\nit's a cat\n;\n",
    ],
)
def test_semicolon_silences_and_is_not_sent(text):
    """The same request with and without the semicolon is one purchase; prose with an apostrophe is no hindrance."""
    cell = parse(text)
    assert cell.silent
    assert cell.variants == (("", "it's a cat"),)
    assert cell.fields == {"first_frame": "a.png"}


def test_escaped_semicolon_is_sent():
    r"""``\;`` at the end is a literal one."""
    assert silenced("say \\; \n") == ("say ; \n", False)
    assert Cell.parse("", "say \\;").variants == (("", "say ;"),)


# -- round trip ------------------------------------------------------------------------------------------------------

SYNTAX = ["---", "--- x", "---x", " ---", "— x", "-- x", "\\ ---", "\\---", "\\\\--- y", ";", "\\;", "a;", "\\", ""]
line_text = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
word = line_text.filter(str.strip)
prompt = (
    st.lists(
        st.one_of(line_text, st.sampled_from(SYNTAX)),
        max_size=5,
    )
    .map("\n".join)
    .filter(str.strip)
    .map(lambda text: "\n".join(_trim(text.split("\n"))))
)
label = word.map(str.strip).filter(can_be_typed)
cells = st.builds(
    Cell,
    variants=st.one_of(
        prompt.map(lambda text: (("", text),)),
        st.lists(st.tuples(label, prompt), min_size=1, max_size=4, unique_by=lambda pair: pair[0]).map(tuple),
    ),
    fields=st.fixed_dictionaries(
        {},
        optional={
            "first_frame": word,
            "negative_prompt": word,
            "duration": st.integers(2, 15),
            "resolution": st.sampled_from(["720P", "1080P"]),
            "watermark": st.booleans(),
            "prompt_extend": st.booleans(),
        },
    ),
    seeds=st.lists(st.integers(0, 2**31 - 1), max_size=3, unique=True).map(tuple),
    vary=st.fixed_dictionaries({}, optional={"model": st.lists(word, min_size=1, max_size=3, unique=True).map(tuple)}),
    name=st.none() | word.map(str.strip),
    tags=st.lists(st.text(string.ascii_letters + "猫 '\"", min_size=1).map(str.strip).filter(bool), unique=True).map(
        tuple
    ),
    out=st.none() | st.sampled_from(["rap", "_x1", "猫"]),
    wait=st.none() | st.booleans(),
    take=st.none() | st.integers(1, 9),
    dry_run=st.booleans(),
    max_cost=st.none() | st.floats(0, 1e6),
    raw=st.booleans(),
    silent=st.booleans(),
)


def _trim(lines):
    while not lines[0].strip():
        lines = lines[1:]
    while not lines[-1].strip():
        lines = lines[:-1]
    return lines


@given(cells)
def test_round_trip(cell):
    """Whatever a cell asks for can be typed, and typing it asks for the same."""
    assert parse(cell.to_text()) == cell


@given(st.lists(st.tuples(label, prompt), min_size=1, max_size=4, unique_by=lambda pair: pair[0]))
def test_bodies_round_trip(variants):
    """Labels and texts survive being written as a body."""
    assert read_body(write_body(variants)) == (tuple(variants), False)


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_but_our_errors(line, body):
    """Any text is read or refused, never a crash."""
    with contextlib.suppress(InvalidRequest):
        Cell.parse(line, body)


def test_objects_cannot_be_typed():
    """A picture in memory has no text form, and the error says so."""
    with pytest.raises(InvalidOption, match="a bytes cannot be typed"):
        Cell((("", "a"),), {"first_frame": b"x"}).to_text()


def test_help_lists_every_option():
    """The help is generated, so nothing is missing from it."""
    text = options.describe(options.CELL)
    for option in options.CELL:
        assert option.flag.removeprefix("--") in text
        assert option.help in text
    assert "2 to 15 s" in text
    assert "720P or 1080P" in text
