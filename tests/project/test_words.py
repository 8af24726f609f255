"""Texts that a person reads are in the person's words: no words of this code, none of the wire's where there is one."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import wan_nb
from wan_nb.api import catalog
from wan_nb.log.states import Status
from wan_nb.magics.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(wan_nb.__file__).parent
OURS = (
    "sidecars?",
    "fingerprints?",
    "blocks?",
    "payloads?",
    "logits?",
    "nulls?",
    "tuples?",
    "kwargs?",
    "drgb",
    "reprs?",
)
WIRE = (*(name for name in catalog.BY_NAME if "_" in name), *Status)
STRANGE = re.compile(rf"(?<![\w`=.\[(\"'<-])(?:{'|'.join([*OURS, *WIRE])})(?![\w`=(\[:>]|\.\w)")
"""As a word of a sentence: code in backticks, an option, an argument with its ``=`` is what a person types."""

NO_SENTENCES = ("log/migrations.py", "simulator/")  # SQL; what the service would say
STYLE = re.compile(r"<style>.*?</style>|^[\w-]+:[^;]+;.*", re.DOTALL)


def sentences(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Texts of several words that are no documentation, values in them left out."""
    told: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            if isinstance(statement, ast.Expr):
                told.add(id(statement.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            told |= {id(part) for part in node.values}
            parts = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values]
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value


def strange(text: str) -> list[str]:
    text = STYLE.sub("", text)
    return STRANGE.findall(text) if " " in text.strip() else []


def test_messages_are_in_the_words_of_the_person() -> None:
    found = [
        f"{place}:{line}: {words} in {text!r}"
        for path in sorted(ROOT.rglob("*.py"))
        if not (place := path.relative_to(ROOT).as_posix()).startswith(NO_SENTENCES)
        for line, text in sentences(ast.parse(path.read_text(encoding="utf-8")))
        if (words := strange(text))
    ]
    assert not found, "\n".join(found)


def test_pages_are_in_the_words_of_the_person() -> None:
    quoted = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'|`([^`\n]*)`")
    for path in sorted((ROOT / "widgets/static").glob("*.js")):
        for match in quoted.finditer(path.read_text(encoding="utf-8")):
            text = next(filter(None, match.groups()), "")
            assert not (text[:1].isupper() and strange(text)), f"{path.name}: {text}"


@pytest.mark.parametrize("verb", VERBS.values(), ids=lambda verb: verb.name)
def test_help_is_in_the_words_of_the_person(verb) -> None:
    told = [line for line in verb.told.splitlines() if not line.startswith("    ")]
    assert not strange(" ".join(told).replace("``", "`"))


@pytest.mark.parametrize(
    "text", ["there is no clip on disk: SUCCEEDED.", "its first_frame comes out", "no sidecar of it", "one block of it"]
)
def test_a_word_of_ours_is_found(text: str) -> None:
    assert strange(text)
