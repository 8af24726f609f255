r"""The body of a ``%%wan`` cell: one prompt, or variants below ``---`` lines.

Text before the first separator is a variant too. Unlabelled variants are called by the letter of their place, or the
next one that is free. Outer blank lines do not count; everything else arrives as typed, but for two escapes: a ``\``
before a line that is a separator, or looks like one, takes that line into the prompt, and ``\;`` at the end of the cell
is a literal ``;``. A line that looks like a separator and is none is refused: it would buy one wrong clip.
"""

from __future__ import annotations

import re
import string
from itertools import count
from typing import TYPE_CHECKING

from wan_nb.arguments import shown
from wan_nb.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

__all__ = [
    "as_typed",
    "can_be_typed",
    "free_letter",
    "labels_for",
    "looks_like_separator",
    "parted",
    "read_body",
    "read_variants",
    "silenced",
    "write_body",
    "write_variants",
]

_UNSEEN = "\u00ad\u200b-\u200f\u2060\ufeff"
"""Characters that nobody sees at the edge of a label."""

_ENDS = r"\r\n\v\f\x1c-\x1e\x85\u2028\u2029"
"""Characters that end a line where text is shown."""

_SEPARATOR = re.compile(rf"---(?:[ \t]+(?P<label>[^\s{_UNSEEN}](?:[^{_ENDS}]*[^\s{_UNSEEN}])?))?[ \t\r]*")

# Two dashes of any kind, or a long one that is no minus sign of a number, behind nothing that is seen. ``\v`` and its
# like end a line where text is shown, though not where it is split.
_LONG = "\u2012-\u2015\u2212\u2500\u2501\u2e3a\u2e3b\ufe58"
_SHORT = (
    r"\-\u02d7\u058a\u05be\u1806\u2010\u2011\u2043\u23af\u2504-\u2509\u254c\u254d\u2574\u2796\u30fc\ufe63\uff0d\uff70"
)
_DASH = f"[{_SHORT}{_LONG}]"
_BLANK = rf"(?:[^\S{_ENDS}]|[{_UNSEEN}])"
_START = rf"(?:(?<=[{_ENDS}])|\A)"
_LOOKS = rf"{_BLANK}*(?:[{_LONG}](?!\d)|{_DASH}{_BLANK}*{_DASH})"
_LIKE = re.compile(rf"{_START}{_LOOKS}")
_LIKE_OR_ESCAPED = re.compile(rf"{_START}(?=\\*{_LOOKS})")
_ESCAPED = re.compile(rf"{_START}\\(?=\\*{_LOOKS})")
_EDGE = re.compile(rf"(?:{_DASH}|{_BLANK})+")


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


def read_body(body: str, *, literal: bool = False) -> tuple[tuple[tuple[str, str], ...], bool]:
    """Variants of a body, and whether a ``;`` ended it; see `read_variants` for `literal`."""
    text, silent = silenced(body)
    variants = read_variants(text, literal=literal)
    if not variants:
        raise InvalidOption("the cell holds no prompt.", field="prompt", remedy="Write it below the %%wan line.")
    return variants, silent


def read_variants(text: str, *, literal: bool = False) -> tuple[tuple[str, str], ...]:
    r"""Label and text of each prompt, none of no text; the label is empty where nothing parts them.

    >>> read_variants("a cat walks")
    (('', 'a cat walks'),)
    >>> read_variants("--- calm\na cat walks\n---\na cat runs")
    (('calm', 'a cat walks'), ('B', 'a cat runs'))

    Raises
    ------
    InvalidOption
        One of several is empty, a label is there twice, or a line looks like a separator and is none, unless every
        line that is none is `literal`.
    """
    blocks: list[tuple[str | None, list[str]]] = [(None, [])]
    for line in text.split("\n"):
        if mark := _SEPARATOR.fullmatch(line):
            blocks.append((mark["label"] or "", []))
        else:
            blocks[-1][1].append(_ESCAPED.sub("", line) if literal else as_typed(line))
    texts = [(label, _trimmed(lines)) for label, lines in blocks]
    if not texts[0][1]:
        texts.pop(0)
    if not any(text for _, text in texts):
        return ()
    if len(texts) == 1 and texts[0][0] is None:
        return (("", texts[0][1]),)
    labels = labels_for([label or "" for label, _ in texts])
    variants = tuple((label, prompt) for label, (_, prompt) in zip(labels, texts, strict=True))
    for label, prompt in variants:
        if not prompt:
            raise InvalidOption(f"variant {label} is empty.", field="prompt", remedy="Write a prompt below its line.")
    return variants


def parted(text: str) -> bool:
    """Whether a line of a text is a separator, or looks like one."""
    return _LIKE.search(text) is not None


def looks_like_separator(line: str) -> bool:
    r"""Whether a line is a separator or looks like one, behind any number of ``\``."""
    return _LIKE_OR_ESCAPED.search(line) is not None


def as_typed(text: str) -> str:
    r"""The text of one prompt, without the ``\`` of lines that would be separators.

    >>> as_typed(r"a cat says" + "\n" + r"\--- miaow")
    'a cat says\n--- miaow'

    Raises
    ------
    InvalidOption
        A line of it is a separator, or looks like one; the message has the right spelling.
    """
    if found := _LIKE.search(text):
        line = re.split(f"[{_ENDS}]", text[found.start() :], maxsplit=1)[0]
        label = _EDGE.sub("", line, count=1) if _EDGE.match(line) else line
        right = f"--- {label.strip()}".strip()
        raise InvalidOption(
            f"the line {line!r:.50} looks like a separator of variants and is none.",
            field="prompt",
            remedy=f"Write {right:.50} to begin a variant, or a \\ before the line to have it in the prompt; options "
            "stand on the %%wan line.",
        )
    return _ESCAPED.sub("", text)


def write_body(variants: Sequence[tuple[str, str]]) -> str:
    """Text that `read_body` reads as these variants."""
    text = write_variants(variants)
    bare = text.rstrip()
    return bare[:-1] + "\\;" + text[len(bare) :] if bare.endswith(";") else text


def can_be_typed(label: str) -> bool:
    r"""Whether a label reads as itself behind ``---``.

    >>> can_be_typed("calm, 10 s"), can_be_typed("two\nlines")
    (True, False)
    """
    mark = _SEPARATOR.fullmatch(f"--- {label}")
    return mark is not None and mark["label"] == label


def write_variants(variants: Sequence[tuple[str, str]]) -> str:
    """Text that `read_variants` reads as these variants."""
    parts = []
    for label, text in variants:
        lines = _LIKE_OR_ESCAPED.sub(r"\\", text)
        parts += [f"--- {label}", lines] if label else [lines]
    return "\n".join(parts)


def _trimmed(lines: list[str]) -> str:
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return "\n".join(lines[filled[0] : filled[-1] + 1]) if filled else ""


def labels_for(given: Sequence[str]) -> list[str]:
    """Labels where some are empty: the letter of their place, or the next one that is free.

    >>> labels_for(["", "A", ""])
    ['B', 'A', 'C']

    Raises
    ------
    InvalidOption
        One is there twice.
    """
    twice = [label for label in given if label and given.count(label) > 1]
    if twice:
        raise InvalidOption(f"two variants are called {shown(twice[0])}.", remedy="Give each its own label.")
    used = {label for label in given if label}
    labels = []
    for place, label in enumerate(given):
        name = label or free_letter(place, used)
        used.add(name)
        labels.append(name)
    return labels


def free_letter(place: int, used: Container[str]) -> str:
    """The letter of a place, or the next one that is free.

    >>> free_letter(1, {"B", "C"})
    'D'
    """
    return next(letters for n in count(place) if (letters := _letters(n)) not in used)


def _letters(number: int) -> str:
    """A to Z, then AA to ZZ.

    >>> _letters(0), _letters(25), _letters(26)
    ('A', 'Z', 'AA')
    """
    higher, last = divmod(number, 26)
    return (_letters(higher - 1) if higher else "") + string.ascii_uppercase[last]
