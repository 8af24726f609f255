"""What editors, input methods and hurry make of an option: other dashes, quotes, digits and capitals, no quotes."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.errors import InvalidOption, did_you_mean, nearest, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "BLANKS",
    "looks_like_flag",
    "one_word_placeholders",
    "plain_value",
    "refuse_parted_values",
    "refuse_rest",
    "unknown_option",
]

BLANKS = "\u00a0\u3000"
"""Blanks that a keyboard for another script, or a web page, makes of one."""

_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d"
_QUOTED = re.compile(r"\"(?:[^\"\\\\]|\\\\.)*\"|'[^']*'")
_OTHER_QUOTES = re.compile(r"(?:^|(?<=[\s=]))[“„‟«‘‚「『＂＇](?P<text>[^“”„‟»’‘」』＂＇]*)[“”»’‘」』＂＇]?")


def plain(text: str) -> str:
    """A text with the signs of an English keyboard: ``１，２`` is ``1,2``."""
    return unicodedata.normalize("NFKC", text).replace("、", ",").strip()


def one_word_placeholders(line: str) -> str:
    """A line whose ``{{ name }}`` hold no blanks; what is in quotes stays.

    >>> one_word_placeholders("-c {{ cup }} --tag '{{ x }}'")
    "-c {{cup}} --tag '{{ x }}'"
    """
    kept = _QUOTED.findall(line)
    parts = [re.sub(r"(?<!\\)\{\{[ \t]*([^{}\s]+)[ \t]*\}\}", r"{{\1}}", part) for part in _QUOTED.split(line)]
    return "".join(part + quoted for part, quoted in zip(parts, [*kept, ""], strict=True))


def refuse_parted_values(line: str) -> None:
    """Raise where a value of a line stands in quotes that group no words, or is a list with blanks in it.

    Raises
    ------
    InvalidOption
        It has the value in straight quotes, or without blanks.
    """
    listed = re.search(r"(--seeds[=\s]\s*)(\d+(?:\s*[,，、;]\s*\d+)+)", line)
    if listed and re.search(r"\s", listed[2]):
        raise InvalidOption("--seeds takes its numbers without blanks.", field="seed",
                            remedy=did_you_mean([_seeds(listed[2])]))  # fmt: skip
    if found := _OTHER_QUOTES.search(_QUOTED.sub("", line)):
        raise InvalidOption(
            f"{shortened(found[0], 40)} is in other quotes than those of code.",
            remedy=did_you_mean([f'"{shortened(found["text"].strip(), 60)}"']),
        )


def looks_like_flag(word: str) -> bool:
    """Whether a word was meant as an option, whatever its dashes."""
    return len(word) > 1 and word[0] in _DASHES and not word.lstrip(_DASHES)[:1].isdigit()


def plain_value(flag: str, text: str) -> str:
    """An option with its value in plain signs, where they are others; empty where they are not."""
    meant = plain(text)
    if flag == "--seed" and re.fullmatch(r"\d+(,\d+)+", meant):
        return f"--seeds {meant}"
    if flag == "--seeds" and (numbers := re.fullmatch(r"\D*?(\d+(?:\s*[,;]\s*\d+)*)[^\d.:-]*", meant)):
        meant = re.sub(r"\s*[,;]\s*", ",", numbers[1])
    return f"{flag} {shortened(meant, 60)}" if meant != text and meant else ""


def unknown_option(flag: str, table: Mapping[str, Any], where: str) -> InvalidOption:
    """The error of an option that there is not, with the one that was meant."""
    if flag == "--again":
        return InvalidOption(
            f"{where} has no option --again: such a cell bought one more clip each time it was run.",
            remedy="--take 2 is the second clip of this request: bought once, shown for nothing from then on."
            " %wan again buys the next one.",
        )
    return InvalidOption(
        f"{where} has no option {flag[:40]}.", remedy=did_you_mean(_meant(flag, table), f"{where} --help lists them.")
    )


def _meant(flag: str, table: Mapping[str, Any]) -> list[str]:
    """Options that a word may have been meant as, the likeliest alone."""
    bare, equals, value = plain(flag).lstrip(_DASHES).partition("=")
    dashed = ("--" if len(bare) > 1 else "-") + bare
    for spelt in (dashed, dashed.casefold(), dashed.casefold().replace("_", "-")):
        if spelt in table:
            return [f"{spelt}={value[:40]}" if equals and len(bare) > 1 else f"{spelt} {value[:40]}".strip()]
    if (short := flag[:2]) in table and re.match(r"=|\W*\d|\W*/", flag[2:]):  # -d5
        return [f"{short} {flag[2:40].lstrip('=')}"]
    if (field := catalog.OTHER_WORDS.get(dashed.casefold().lstrip("-").replace("-", "_"))) is not None:
        flag_of = f"--{field.replace('_', '-')}"
        return [flag_of] if flag_of in table else []
    found = nearest(dashed, [name for name in table if len(name) > 2])  # one letter is near to every other
    return found or ([f"{short} {flag[2:40]}"] if short in table and len(flag) > 2 else [])


def refuse_rest(words: Sequence[str], rest: Sequence[Any], told: str) -> None:
    """Raise where words of a line belong to no option.

    Parameters
    ----------
    words : sequence of str
        All of the line.
    rest : sequence
        Those that belong to none.
    told : str
        How they are told.

    Raises
    ------
    InvalidOption
        It has the value in quotes where they stand behind one.
    """
    if rest:
        raise InvalidOption(
            f"{told} on the %%wan line belongs to no option.",
            remedy=did_you_mean(
                _in_quotes(words, str(rest[0])),
                "The prompt goes below the line; a value with spaces needs quotes.",
            ),
        )


def _in_quotes(words: Sequence[str], first: str) -> list[str]:
    at = words.index(first) if first in words else 0
    end = next((n for n in range(at, len(words)) if looks_like_flag(words[n])), len(words))
    if at < 2 or not looks_like_flag(words[at - 2]):
        return []
    flag, value = words[at - 2], " ".join(words[at - 1 : end])
    if flag == "--seeds" and re.fullmatch(r"[\d\s,;]+", value):
        return [_seeds(value)]
    if flag in {"--name", "--tag", "--negative-prompt", "--criterion"} or _is_file(value):
        return [f'{flag} "{shortened(value, 60)}"']
    return []


def _seeds(text: str) -> str:
    return f"--seeds {shortened(','.join(re.findall(r'[0-9]+', text)), 60)}"


def _is_file(text: str) -> bool:
    try:
        return Path(text).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):
        return False
