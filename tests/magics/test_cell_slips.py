"""Slips of a cell's first steps: a second line that should be the first, a name that should stand in braces."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from wan_nb.errors import InvalidMedia, InvalidOption, InvalidRequest

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

    cup = wan(f"%%wan -f {cat} -d 2 --wait\na cup")
    told = r"there is no file .* but a variable of that name"
    with Image.open(cat) as photo:
        names = {"photo": photo, "pixels": b"\xff\xd8", "voice": b"ID3", "where": str(cat), "bild_ä": photo}
        with pytest.raises(InvalidMedia, match=told) as refused:
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


HERE = "-f data/cat.jpg"
MEANT = {
    # options
    f"%%wan ——duration 2 {HERE}": "--duration",
    f"%%wan –-duration 2 {HERE}": "--duration",
    f"%%wan —duration 2 {HERE}": "--duration",
    f"%%wan －－duration 2 {HERE}": "--duration",
    f"%%wan -duration 2 {HERE}": "--duration",
    f"%%wan --Duration 2 {HERE}": "--duration",
    f"%%wan --duraton 2 {HERE}": "--duration",
    f"%%wan --duration＝2 {HERE}": "--duration=2",
    f"%%wan --duration ２ {HERE}": "--duration 2",
    f"%%wan -d5 {HERE}": "-d 5",
    f"%%wan -d=5 {HERE}": "-d 5",
    f"%%wan -D 5 {HERE}": "-d",
    "%%wan -F data/cat.jpg": "-f",
    "%%wan --first_frame data/cat.jpg": "--first-frame",
    "%%wan --frame data/cat.jpg": "--first-frame or --last-frame",
    f"%%wan --dry run {HERE}": "--dry-run",
    f"%%wan --max_cost 5 {HERE}": "--max-cost",
    f"%%wan --negative prompt text {HERE}": "--negative-prompt",
    f"%%wan {HERE} --out my-clip": "my_clip",
    # values
    f"%%wan {HERE} --seeds 1, 2, 3": "--seeds 1,2,3",
    f"%%wan {HERE} --seeds 1，2，3": "--seeds 1,2,3",
    f"%%wan {HERE} --seeds 1 2 3": "--seeds 1,2,3",
    f"%%wan {HERE} --seeds [1,2,3]": "--seeds 1,2,3",
    f"%%wan {HERE} --seed 1,2,3": "--seeds 1,2,3",
    f"%%wan {HERE} --name my lesson": '--name "my lesson"',
    f"%%wan {HERE} --negative-prompt text, shaky -d 2": '--negative-prompt "text, shaky"',
    f"%%wan {HERE} --negative-prompt “text, shaky” -d 2": '"text, shaky"',
    "%%wan -f my cat.jpg -d 2": '-f "my cat.jpg"',
    "%%wan -d 2 -f my cat.jpg": '-f "my cat.jpg"',
    # files
    "%%wan -f coffee.jpg": "'data/coffee.jpg'",
    "%%wan -f Coffee.JPG": "'data/coffee.jpg'",
    "%%wan -f cofee.jpg": "'data/coffee.jpg'",
    "%%wan -f Data/Coffee.jpg": "'data/coffee.jpg'",
    "%%wan -f data/coffee.png": "'data/coffee.jpg'",
    "%%wan -f notebooks/data/coffee.jpg": "'data/coffee.jpg'",
    "%%wan -f ../data/coffee.jpg": "'data/coffee.jpg'",
    "%%wan -f data\\\\coffee.jpg": "'data/coffee.jpg'",
    "%%wan -f “data/coffee.jpg”": '"data/coffee.jpg"',
    "%%wan -f ‘data/coffee.jpg’ -d 2": '"data/coffee.jpg"',
    "%%wan -f 「data/coffee.jpg」": '"data/coffee.jpg"',
    # variables
    **{f"%%wan -c {typed}": "{{cup}}" for typed in ("cup", "{cup}", "Cup", "｛｛cup｝｝", "(cup)", "<cup>", "[[cup]]")},
    # the first line
    **{
        f"{typed} {HERE}": f"%%wan {HERE}"
        for typed in ("% % wan", "%% wan", "% %wan", "%%Wan", "%%WAN", "%%wann", "％％wan", "%%%wan", " %%wan",
                      "\t%%wan", "%%wan\u3000", "%wan", "wan", "\n% %wan")
    },
    f"%%wan{HERE}": f"%%wan {HERE}",
}  # fmt: skip
"""First line of a cell whose prompt is below it, and what its one question asks."""


def test_each_slip_gets_one_question(ip, photos) -> None:
    shutil.copytree(photos, "data")
    shutil.copy(photos / "cat.jpg", "my cat.jpg")
    ip.shell.user_ns["cup"] = photos / "cat.jpg"
    asked = {}
    for line in MEANT:
        done = ip.shell.run_cell(f"{line}\na cat looks up")
        error = done.error_before_exec or done.error_in_exec
        asked[line] = f"{getattr(error, 'message', error)} {getattr(error, 'remedy', '')}"
    wrong = {line: said for line, said in asked.items() if f"Did you mean {MEANT[line]}?" not in said}
    assert wrong == {}
    assert [said for said in asked.values() if said.count("Did you mean") != 1] == []


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        ("wan_nb.study('a', 'b')", "study(['a', 'b'])"),
        ("wan_nb.study('a', 'b', 'c', 'd')", "study(['a', 'b', 'c', ...])"),
        ("wan_nb.study(prompts=['a', 'b'])", "variants"),
        ("wan_nb.study(['a', 'b'], seed=[1, 2])", "seeds="),
        ("wan_nb.submit('a', frame='cat.jpg')", "first_frame or last_frame"),
        ("%wan VOTE", "vote"),
        ("%wan help", "%wan --help"),
    ],
)
def test_slips_in_python_and_verbs_get_one_question(wan, call, meant) -> None:
    import wan_nb

    with pytest.raises(InvalidRequest) as refused:
        wan(call, wan_nb=wan_nb)
    assert f"Did you mean {meant}?" in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "%%wan -f {{ cup }} -d 2 --dry-run\nit goes on",
        "%%wan -f\tdata/cat.jpg\u00a0-d\u30002 --dry-run\na cat says “hi”",
        '%%wan -f data/cat.jpg -d 2 --negative-prompt "text, “logo”" --dry-run\na cat',
        "wan = 3\nwan -wan",
        "wan = 3; f = 4\nwan - f",
        "%wan runs\nx = 3",
        "%wan --help\nx = 3",
        "%wan",
    ],
)
def test_these_are_no_slips(wan, photos, text) -> None:
    shutil.copytree(photos, "data")
    wan(text, cup=photos / "cat.jpg")


def test_one_per_cent_sign_too_few_is_told(ip) -> None:
    with pytest.raises(InvalidOption, match="has no verb") as refused:
        ip("%wan -f cat.jpg -d 5")
    assert refused.value.remedy == "With two %, %%wan begins a cell that makes a clip."
