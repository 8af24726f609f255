r"""The body of a ``%%wan`` cell: one prompt, or variants behind ``---`` lines. Pure text in, pure text out.

Text before the first separator is a variant too. Unlabelled variants are called by the letter of their place, or the
next one that is free. Outer blank lines do not count; everything else arrives as typed, but for two escapes: ``\---``
at the start of a line is a literal ``---``, and ``\;`` at the end of the cell a literal ``;``.
"""

from __future__ import annotations

import re
import string
from itertools import count
from typing import TYPE_CHECKING

from wan_nb.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["read_body", "read_variants", "silenced", "write_body", "write_variants"]

_SEPARATOR = re.compile(r"---(?:[ \t]+(?P<label>.*?))?[ \t\r]*")
_ESCAPED = re.compile(r"\\+---(?:[ \t].*)?\r?")


def silenced(text: str) -> tuple[str, bool]:
    r"""The text without the ``;`` that ends it, and whether there was one.

    IPython's own mechanism reads the text as Python and stumbles over the first apostrophe of a prompt.

    >>> silenced("a cat walks ;"), silenced(r"say \;")
    (('a cat walks', True), ('say ;', False))
    """
    bare = text.rstrip()
    if not bare.endswith(";"):
        return text, False
    if bare.endswith("\\;"):
        return text[: len(bare) - 2] + text[len(bare) - 1 :], False
    return bare[:-1].rstrip(), True


def read_body(body: str) -> tuple[tuple[tuple[str, str], ...], bool]:
    """Variants of a body, and whether a ``;`` ended it."""
    text, silent = silenced(body)
    variants = read_variants(text)
    if not variants:
        raise InvalidOption("the cell holds no prompt.", field="prompt", remedy="Write it below the %%wan line.")
    return variants, silent


def read_variants(text: str) -> tuple[tuple[str, str], ...]:
    r"""Label and text of each prompt, none of no text; the label is empty where nothing parts them.

    >>> read_variants("a cat walks")
    (('', 'a cat walks'),)
    >>> read_variants("--- calm\na cat walks\n---\na cat runs")
    (('calm', 'a cat walks'), ('B', 'a cat runs'))

    Raises
    ------
    InvalidOption
        One of several is empty, or a label is there twice.
    """
    blocks: list[tuple[str | None, list[str]]] = [(None, [])]
    for line in text.split("\n"):
        if mark := _SEPARATOR.fullmatch(line):
            blocks.append((mark["label"] or "", []))
        else:
            blocks[-1][1].append(line[1:] if _ESCAPED.fullmatch(line) else line)
    texts = [(label, _trimmed(lines)) for label, lines in blocks]
    if not texts[0][1]:
        texts.pop(0)
    if not any(text for _, text in texts):
        return ()
    if len(texts) == 1 and texts[0][0] is None:
        return (("", texts[0][1]),)
    labels = _labels([label or "" for label, _ in texts])
    variants = tuple((label, prompt) for label, (_, prompt) in zip(labels, texts, strict=True))
    for label, prompt in variants:
        if not prompt:
            raise InvalidOption(f"variant {label} is empty.", field="prompt", remedy="Write a prompt below its line.")
    return variants


def write_body(variants: Sequence[tuple[str, str]]) -> str:
    """Text that `read_body` reads as these variants."""
    text = write_variants(variants)
    bare = text.rstrip()
    return bare[:-1] + "\\;" + text[len(bare) :] if bare.endswith(";") else text


def write_variants(variants: Sequence[tuple[str, str]]) -> str:
    """Text that `read_variants` reads as these variants."""
    parts = []
    for label, text in variants:
        lines = ["\\" + line if _needs_escape(line) else line for line in text.split("\n")]
        parts += [f"--- {label}", *lines] if label else lines
    return "\n".join(parts)


def _needs_escape(line: str) -> bool:
    return bool(_SEPARATOR.fullmatch(line) or _ESCAPED.fullmatch(line))


def _trimmed(lines: list[str]) -> str:
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return "\n".join(lines[filled[0] : filled[-1] + 1]) if filled else ""


def _labels(given: list[str]) -> list[str]:
    twice = [label for label in given if label and given.count(label) > 1]
    if twice:
        raise InvalidOption(f"two variants are called {twice[0]!r:.60}.", remedy="Give each its own label.")
    used = {label for label in given if label}
    labels = []
    for place, label in enumerate(given):
        name = label or next(letters for n in count(place) if (letters := _letters(n)) not in used)
        used.add(name)
        labels.append(name)
    return labels


def _letters(number: int) -> str:
    """A to Z, then AA to ZZ.

    >>> _letters(0), _letters(25), _letters(26)
    ('A', 'Z', 'AA')
    """
    higher, last = divmod(number, 26)
    return (_letters(higher - 1) if higher else "") + string.ascii_uppercase[last]
