"""The first line of a cell as it was typed: a ``%%wan`` that IPython would not find, or not give its own answer to."""

from __future__ import annotations

import ast
import re
import tokenize
from contextlib import suppress

__all__ = ["BEFORE_IPYTHON", "BEHIND_IPYTHON"]

_MISTYPED = re.compile(
    r"(?P<signs>\s*(?:[%％]\s*)*)(?P<name>w+a+n+(?:_?nb)?)(?P<rest>(?!\w).*)", re.IGNORECASE | re.DOTALL
)


def _refuse_mistyped_cell(lines: list[str]) -> list[str]:
    """Say how a line is spelt that was meant to begin a cell: ``%% wan``, ``%%Wan``, ``％％wan``, ``%wan -f``."""
    at = next((number for number, line in enumerate(lines) if line.strip()), 0)
    found = _MISTYPED.fullmatch(lines[at].rstrip()) if lines else None
    if found and _is_mistyped(found["signs"], found["name"], found["rest"], lines[at + 1 :]):
        from wan_nb.errors import InvalidOption, did_you_mean, shortened

        rest = found["rest"].strip()
        raise InvalidOption(
            f"%%wan begins a cell that makes a clip, not {found['signs'].lstrip() + found['name']!r}.",
            remedy=did_you_mean([shortened(f"%%wan {rest}".rstrip(), 70)]),
        )
    return lines


def _is_mistyped(signs: str, name: str, rest: str, below: list[str]) -> bool:
    if signs == "%%" and name == "wan":
        return rest[:1] not in {"", " ", "\t", "?"}
    if signs == "%" and name == "wan":  # a verb, which takes one line
        options = re.match(r"\s+-(?!h\b|-help\b)", rest)
        return bool(options or not rest.strip()) and any(line.strip() for line in below) and not _is_code(below)
    options = re.match(r"\s+--?[a-z]", rest)
    return bool(signs.strip() or (options and not _is_code([f"{name}{rest}\n", *below])))


def _is_code(lines: list[str]) -> bool:
    """Whether lines are Python, or may be other magics."""
    if any(line.lstrip().startswith(("%", "!", "?")) for line in lines):
        return True
    with suppress(SyntaxError, ValueError):
        ast.parse("".join(lines))
        return True
    return False


def _keep_bare_cell(lines: list[str]) -> list[str]:
    """Give a ``%%wan`` without a body an empty line: IPython itself would answer, and ``%%wan --help`` never arrive."""
    bare = lines and lines[0].split(maxsplit=1)[:1] == ["%%wan"] and not "".join(lines[1:])
    return [lines[0].rstrip("\n") + "\n", "\n"] if bare else lines


def _refuse_late_cell(lines: list[str]) -> list[str]:
    """Say what is wrong with a ``%%wan`` below other code, which Python would call invalid syntax."""
    if lines and not lines[0].startswith("%%") and (late := _late_cell(lines)):
        from wan_nb.errors import InvalidOption

        above = "the comment" if lines[late - 1].lstrip().startswith("#") else "what stands above it"
        raise InvalidOption(
            f"%%wan must be the first line of its cell; here it is line {late + 1}.",
            remedy=f"Move {above} into a cell of its own.",
        )
    return lines


def _late_cell(lines: list[str]) -> int:
    """Number of lines above a ``%%wan`` that begins a statement; 0 where there is none, also inside of a string."""
    if not any(line.lstrip().startswith("%%wan") for line in lines):
        return 0
    with suppress(tokenize.TokenError, SyntaxError):
        begins = True
        for token in tokenize.generate_tokens(iter(lines).__next__):
            if begins and token.string in {"%", "%%"} and token.line.split(maxsplit=1)[0] == "%%wan":
                return token.start[0] - 1
            if token.type not in {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT}:
                begins = token.type == tokenize.NEWLINE
    return 0


BEFORE_IPYTHON = (_refuse_mistyped_cell,)
"""Transformers of lines as they were typed."""

BEHIND_IPYTHON = (_keep_bare_cell, _refuse_late_cell)
"""Transformers of lines that IPython has seen."""

for _transformer in (*BEFORE_IPYTHON, *BEHIND_IPYTHON):
    # Whether a cell is complete is asked of the text as it was typed: a `%%wan` line alone is not.
    _transformer.has_side_effects = True  # type: ignore[attr-defined]
