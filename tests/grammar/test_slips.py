"""Slips in a cell are stopped before they are bought, and each can be meant."""

import pytest

from wan_nb.errors import InvalidOption
from wan_nb.grammar.cell import Cell

LISTED = "a scene\n- calm\n- wild"


@pytest.mark.parametrize(
    "line",
    [
        "--duration 10",
        "a cat --seed 7",
        "a cat, --resolution=720P",
        "\t--no-watermark",
        "a cat --again",
        "--max-cost 3",
    ],
)
def test_a_known_option_in_the_prompt_is_refused_and_can_be_meant(line):
    with pytest.raises(InvalidOption, match=r"(stands in the prompt|looks like a separator)"):
        Cell.parse("-f cat.png", f"a dog\n{line}")
    assert Cell.parse("-f cat.png", f"a dog\n\\{line}").variants == (("", f"a dog\n{line}"),)
    assert Cell.parse("-f cat.png --raw", f"a dog\n{line}").variants == (("", f"a dog\n{line}"),)


@pytest.mark.parametrize("line", ["a cat--seed", "it is --so long", "--unknown-flag is text", "-d 5", "e --seeded"])
def test_other_dashes_inside_a_line_are_text(line):
    assert Cell.parse("-f cat.png --raw", line).variants == (("", line),)
    if not line.startswith("--"):
        assert Cell.parse("-f cat.png", line).variants == (("", line),)


@pytest.mark.parametrize(
    "body", [LISTED, "- calm\n- wild", "a\n  - one\nb\n\N{HYPHEN} two", "- calm\n\n- wild\n- slow"]
)
def test_lines_that_begin_like_a_list_are_refused_and_can_be_meant(body):
    with pytest.raises(InvalidOption, match=r"lines begin as .* does(.|\n)*begins a variant"):
        Cell.parse("-f cat.png", body)
    assert Cell.parse("-f cat.png --raw", body).variants == (("", body.strip("\n")),)
    meant = "\n".join(f"\\{line}" if line.strip()[:2] in {"- ", "\N{HYPHEN} "} else line for line in body.split("\n"))
    assert Cell.parse("-f cat.png", meant).variants == (("", body),)


def test_one_line_of_a_list_is_text():
    assert Cell.parse("-f cat.png", "a scene\n- calm, 2 - 3 dogs").variants == (("", "a scene\n- calm, 2 - 3 dogs"),)


@pytest.mark.parametrize("text", [LISTED, "a cat --seed 7", "\\- calm\n- a\n- b", "\\\\a --seed 7", "- a"])
@pytest.mark.parametrize("raw", ["", "--raw"])
def test_what_is_written_is_read(text, raw):
    cell = Cell.parse(f"-f cat.png {raw}", "a cat")
    written = Cell(((("", text)),), cell.fields, raw=bool(raw)).to_text()
    assert Cell.parse(*written.removeprefix("%%wan").split("\n", 1)).variants == (("", text),)


@pytest.mark.parametrize("line", ["-- calm", "---calm", "— calm"])
def test_what_looks_like_a_separator_is_text_where_all_is_raw(line):
    with pytest.raises(InvalidOption, match="looks like a separator"):
        Cell.parse("-f cat.png", f"a dog\n{line}")
    assert Cell.parse("-f cat.png --raw", f"a dog\n{line}").variants == (("", f"a dog\n{line}"),)


@pytest.mark.parametrize("line", ["%%wan -f dog.png", "%wan vote", "  %%wan"])
def test_a_second_cell_in_the_prompt_is_refused_and_can_be_meant(line):
    with pytest.raises(InvalidOption, match=r"a second %%?wan stands in the prompt") as refused:
        Cell.parse("-f cat.png", f"a cat\n{line}\na dog")
    assert "cell of its own" in refused.value.remedy
    assert Cell.parse("-f cat.png", f"a cat\n\\{line}").variants == (("", f"a cat\n{line}"),)
    assert Cell.parse("-f cat.png", "100 %wanted, the %wan sign").variants == (("", "100 %wanted, the %wan sign"),)


@pytest.mark.parametrize(
    "line",
    ["%load_ext wan_nb", "  %matplotlib inline", "!pip install x", "import wan_nb", "s1.compare()", "df.wan.play()"],
)
def test_code_of_a_merged_cell_is_not_bought_as_text(line) -> None:
    with pytest.raises(InvalidOption, match="code stands in the prompt") as refused:
        Cell.parse("", f"a cat walks\n{line}")
    assert line.strip() in str(refused.value)
    assert Cell.parse("", f"a cat walks\n\\{line}").variants[0][1].endswith(line)
    assert Cell.parse("--raw", f"a cat walks\n{line}").variants[0][1].endswith(line)


@pytest.mark.parametrize(
    "line", ["100 % wool", "a sign says f(x)", "Mr. Cat (old) runs", "import goods at the harbour", "!!!"]
)
def test_words_that_only_look_a_little_like_code_are_text(line) -> None:
    assert Cell.parse("", line).variants[0][1] == line
