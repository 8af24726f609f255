"""Slips of a cell's first steps: a second line that should be the first, a name that should stand in braces."""

from __future__ import annotations

from pathlib import Path

import pytest

from wan_nb.errors import InvalidMedia, InvalidOption

pytest_plugins = ["fixtures_shell"]


@pytest.mark.parametrize(
    ("above", "line"),
    [
        ("still = None  # replace this cell", 2),
        ("# my first clip", 2),
        ("import os\n\nx = 'a'", 4),
        ("if True:\n    x = 1\n", 4),
        ("# it's mine\n#\n", 4),
    ],
)
def test_a_cell_below_code_says_that_it_must_come_first(ip, capsys, above, line) -> None:
    with pytest.raises(InvalidOption, match=rf"^%%wan must be the first line of its cell; here it is line {line}\."):
        ip.shell.run_cell(f"{above}\n%%wan -f cat.jpg\nit's a cat {{").raise_error()
    assert "SyntaxError" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        'text = """\n%%wan -f cat.jpg\na cat\n"""',
        "%%capture told\n%%time\n'%%wan'",
        "%%writefile note.txt\na\n%%wan -f cat.jpg",
        "x = 7\\\n%3",
        "wan = 3\nx = (7\n%wan)",
    ],
)
def test_a_cell_in_a_text_or_below_another_magic_is_nobodys_slip(ip, text) -> None:
    ip.shell.run_cell(text).raise_error()


def test_blank_lines_above_are_none(ip) -> None:
    ip.shell.run_cell("\n\n  \n%%wan --help").raise_error()


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("-c cup -d 6", "cup"),
        ("-c {cup} -d 6", "cup"),
        ("-c $cup -d 6", "cup"),
        ("-f cup.last_frame", "cup.last_frame"),
        ("-f cup.frame(1.5)", "cup.frame(1.5)"),
        ("--first-frame=photo", "photo"),
        ("-f pixels -l photo", "pixels"),
        ("-f {{photo}} --vary last_frame=pixels,photo", "pixels"),
        ("--reference-image photo --reference-voice 1=voice", "photo"),
        ("-f where", "where"),
        ("-f bild_ä", "bild_ä"),
    ],
)
def test_a_variable_without_its_braces_is_named(wan, simulator, cat, line, meant) -> None:
    from PIL import Image

    photo = Image.open(cat)
    names = {"photo": photo, "pixels": b"\xff\xd8", "voice": b"ID3", "where": str(cat), "bild_ä": photo}
    cup = wan(f"%%wan -f {cat} -d 2 --wait\na cup")
    with pytest.raises(InvalidMedia, match=r"there is no file .* but a variable of that name") as refused:
        wan(f"%%wan {line}\nit goes on", cup=cup, **names)
    assert refused.value.remedy == f"Did you mean {{{{{meant}}}}}?"
    assert len(simulator.tasks()) == 1


def test_a_file_of_that_name_is_meant(wan, simulator, cat) -> None:
    Path("cup").write_bytes(cat.read_bytes())
    wan("%%wan -f cup -d 2\na cup", cup=cat)
    assert len(simulator.tasks()) == 1


@pytest.mark.parametrize("name", ["print", "count", "_", "pathlib", "nothing"])
def test_what_is_no_material_is_not_offered(wan, name) -> None:
    with pytest.raises(InvalidMedia) as refused:
        wan(f"%%wan -f {name}\na cat", count=3, pathlib=pytest)
    assert "{{" not in refused.value.remedy


def test_one_per_cent_sign_too_few_is_told(ip) -> None:
    with pytest.raises(InvalidOption, match="has no verb") as refused:
        ip("%wan -f cat.jpg -d 5")
    assert refused.value.remedy == "With two %, %%wan begins a cell that makes a clip."
