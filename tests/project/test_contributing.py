"""The ways and places that CONTRIBUTING names are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
STEPS = re.findall(r"^\| `([\w/]+\.py)` \| `([\w.]+)` \|", TEXT, re.MULTILINE)


def defined(path: Path) -> set[str]:
    """Qualified names of the classes and functions of a file."""
    found: set[str] = set()

    def walk(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(prefix + child.name)
                walk(child, f"{prefix}{child.name}.")

    walk(ast.parse(path.read_text(encoding="utf-8")), "")
    return found


@pytest.mark.parametrize(("file", "function"), STEPS)
def test_a_step_of_a_way_is_where_it_is_said_to_be(file: str, function: str) -> None:
    assert function in defined(ROOT / "wan_nb" / file)


def test_a_clip_takes_at_most_twenty_five_files() -> None:
    clip = TEXT.partition("## A clip's way")[2].partition("A study goes")[0]
    assert 20 <= len(re.findall(r"^\| `[\w/]+\.py` \|", clip, re.MULTILINE)) <= 25


def test_every_place_of_where_to_change_what_is_there() -> None:
    table = TEXT.partition("## Where to change what")[2]
    places = re.findall(r"`([\w/]+(?:\.py|\.js|/))`", table)
    assert len(places) > 20
    assert [place for place in places if not any((top / place).exists() for top in (ROOT / "wan_nb", ROOT))] == []


def test_no_file_has_a_name_that_is_not_explained() -> None:
    house = TEXT.partition("## The house")[2]
    files = [file for file in (ROOT / "wan_nb").rglob("*.[pj][ys]") if not file.name.startswith("__")]
    assert len(files) > 200
    spelled = {file: rf"\b{file.stem.replace('_', '[ _]')}\b" for file in files}
    assert [str(file) for file, word in spelled.items() if not re.search(word, house)] == []
