"""Options of the magics: one table for parsing, completion, help and the reference.

Request options are generated from the catalog, so a field that the service gains is a flag at once. Options are split
first and expanded after, word by word: IPython's own order (expand, then split) breaks a path with a space in it.
"""

from __future__ import annotations

import builtins
import keyword
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from wan_nb.api import catalog
from wan_nb.arguments import amount, shown, take, words
from wan_nb.errors import InvalidOption, InvalidRequest, did_you_mean, join_words
from wan_nb.grammar.typed_signs import BLANKS, looks_like_flag, one_word_placeholders, plain_value, unknown_option

__all__ = ["CELL", "MAX_COST", "NOTEBOOK", "REQUEST", "WHOLE", "Option", "describe", "parse", "split", "usage"]

Expand = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a line.

    Attributes
    ----------
    name : str
        Key of its value, spelt as in Python: ``dry_run``.
    help : str
        One line.
    convert : callable
        From the word, or from the object that a ``{{variable}}`` stood for, to the value. Raises `InvalidRequest`.
    short : str
        One letter, or empty.
    metavar : str
        What its value is called in the help; empty for a switch.
    negatable : bool
        A switch that also has a ``--no-`` form.
    many : bool
        May be given more than once; the value is a list.
    expands : bool
        False: the text is handed over as it is, because its parts are expanded one by one later.
    choices : tuple of str
        Offered by completion.
    suffixes : tuple of str
        File endings offered by completion.
    """

    name: str
    help: str
    convert: Callable[[Any], Any] = str
    short: str = ""
    metavar: str = ""
    negatable: bool = False
    many: bool = False
    expands: bool = True
    choices: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """Long form: ``--dry-run``."""
        return "--" + self.name.replace("_", "-")

    @property
    def spellings(self) -> dict[str, bool | None]:
        """Every way to write it, with the value of a switch written so."""
        switch = None if self.metavar else True
        found: dict[str, bool | None] = {f"-{self.short}": switch} if self.short else {}
        found[self.flag] = switch
        if self.negatable:
            found["--no-" + self.flag[2:]] = False
        return found


# -- values ----------------------------------------------------------------------------------------------------------


def typed_value(spec: catalog.Field, value: Any) -> Any:
    """Value of a request field in its own type; one that no model takes stays as it was typed, for the row's check."""
    try:
        return field_value(spec, value)
    except InvalidOption:
        raise
    except InvalidRequest as error:
        if isinstance(value, str) and (plain := plain_value(f"--{spec.name.replace('_', '-')}", value)):
            raise InvalidOption(error.message, field=spec.name, remedy=did_you_mean([plain])) from None
        return value


def field_value(spec: catalog.Field, value: Any) -> Any:
    """Value of a request field: materials pass as they are, the rest is held against the catalog.

    Raises
    ------
    InvalidRequest
    """
    from wan_nb.api.checks import check_value, from_text

    if spec.limits:
        if isinstance(value, str) and not value.strip():
            raise InvalidOption(f"{spec.name} is empty: give a file, a URL or a {{{{variable}}}}.", field=spec.name)
        return value
    return check_value(spec, from_text(spec, value))


def _seeds(value: Any) -> tuple[int, ...]:
    spec = catalog.BY_NAME["seed"]
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, Iterable) else [value]
    try:
        seeds = tuple(field_value(spec, part.strip() if isinstance(part, str) else part) for part in parts)
    except InvalidRequest as error:
        told = f"--seeds {shown(value, typed=True)}: a {error.message}"
        meant = plain_value("--seeds", value) if isinstance(value, str) else ""
        remedy = did_you_mean([meant] if meant else [], "Write each out: --seeds 1,2,3.")
        raise InvalidOption(told, field="seed", remedy=remedy) from None
    if len(set(seeds)) < len(seeds) or not seeds:
        raise InvalidOption(f"--seeds {shown(value, typed=True)} needs different numbers.", field="seed")
    return seeds


def _money(value: Any) -> float:
    return amount(value, "--max-cost must be an amount of money such as 30", typed=True)


def _variable(value: Any) -> str:
    if not (isinstance(value, str) and value.isidentifier()) or keyword.iskeyword(value):
        name = re.sub(r"\W+", "_", str(value)).strip("_")
        raise InvalidOption(
            f"--out must be the name of a variable, not {shown(value, typed=True)}.",
            remedy=did_you_mean([name[:40]] if name.isidentifier() and not keyword.iskeyword(name) else []),
        )
    if hasattr(builtins, value):
        raise InvalidOption(
            f"--out {value} would hide what Python calls {value}.", remedy=did_you_mean([f"{value}_clip"])
        )
    return value


def _label(value: Any) -> str:
    if not (text := str(value).strip()):
        raise InvalidOption("--name is empty.")
    return text


# -- the table -------------------------------------------------------------------------------------------------------


def _from_field(spec: catalog.Field) -> Option:
    notes = [*_notes(spec)]
    if spec.default is not None and spec.type is not bool:
        notes.append(f"default {spec.default}")
    if spec.api_default is not None and spec.api_default != spec.default:
        api = ("off", "on")[spec.api_default] if isinstance(spec.api_default, bool) else spec.api_default
        notes.append(f"the service's own default is {api}")
    kind = spec.limits
    metavar = "" if spec.type is bool else spec.kind.upper() or ("N" if spec.type is int else "TEXT")
    return Option(
        spec.name,
        spec.help.rstrip(".") + (f" ({'; '.join(notes)})." if notes else "."),
        lambda value: typed_value(spec, value),
        short=spec.short,
        metavar=f"N={metavar}" if spec.where == "item" else metavar,
        negatable=spec.type is bool,
        many=spec.most > 1,
        expands=spec.where != "item",
        choices=spec.choices or _few(spec),
        suffixes=kind.suffixes if kind else (),
    )


def _notes(spec: catalog.Field) -> Iterator[str]:
    """What a value may be: as the first model has it, and what others have besides."""
    usual = catalog.usual(spec.name)
    if spec.where == "model":
        yield join_words([row.name for family in catalog.FAMILIES for row in family.ROWS] + ["another"])
    elif usual.choices:
        more = [choice for choice in spec.choices if choice not in usual.choices]
        yield join_words(usual.choices) + (f", with some models {join_words(more)}" if more else "")
    if usual.minimum is not None and usual.maximum is not None and usual.unit:
        more = [f"{special.value} ({special.help})" for special in spec.specials]
        if (spec.minimum, spec.maximum) != (usual.minimum, usual.maximum):
            more.insert(0, f"{spec.minimum} to {spec.maximum} {spec.unit}")
        yield f"{usual.minimum} to {usual.maximum} {usual.unit}" + (
            f", with some models {join_words(more)}" if more else ""
        )
    if spec.most > 1:
        yield "may be repeated"


def _few(spec: catalog.Field) -> tuple[str, ...]:
    """The whole numbers of a range, if a person could pick one from a list."""
    low, high = spec.minimum, spec.maximum
    return tuple(map(str, range(low, high + 1))) if low is not None and high is not None and high - low < 60 else ()


REQUEST: tuple[Option, ...] = tuple(_from_field(f) for f in catalog.FIELDS if f.name != "prompt")
"""What is sent. The prompt is the cell."""

HELP = Option("help", "Show this text.", short="h")

WHOLE = Option("whole", "Of a study: all variants, not only the winner.")

CRITERION = Option(
    "criterion", 'What is asked, such as "moves less"; without it: which clip is better.', metavar="TEXT"
)

MAX_COST = Option(
    "max_cost",
    "Buy only if the whole costs at most so much; a study then asks no question. Of a race it is the budget.",
    _money,
    metavar="N",
)

NOTEBOOK: tuple[Option, ...] = (
    Option("seeds", "A study over these seeds: 1,2,3.", _seeds, metavar="N,N"),
    Option(
        "vary",
        "A study over a request field or a {{placeholder}}; a JSON list when a value holds a comma; repeatable.",
        metavar="KEY=V1,V2",
        many=True,
        expands=False,
    ),
    Option("race", "Buy seeds in steps, for the variants that can still win, until the votes decide; see --max-cost."),
    CRITERION,
    Option("name", "Name of the study or job; a seed that nobody gives depends on it.", _label, metavar="NAME"),
    Option("tag", "Word to find the run by; repeatable.", lambda value: words(value, "tag"), metavar="WORD", many=True),
    Option("out", "Variable for the run or study; it is set after an error too.", _variable, metavar="VAR"),
    Option(
        "wait",
        "Wait until the clip is there; the default in terminals, scripts, nbclient and papermill.",
        negatable=True,
    ),
    Option(
        "take",
        "Which clip of this request: each is bought once and shown from then on (default: the pinned one, else 1).",
        lambda value: take(value, typed=True),
        metavar="N",
    ),
    Option("dry_run", "Send nothing: show the request, the checks and the price."),
    MAX_COST,
    Option("raw", "Take the prompt as it is: no {{name}} in it is replaced."),
    HELP,
)
"""What the notebook does with it."""

CELL: tuple[Option, ...] = REQUEST + NOTEBOOK


# -- reading a line --------------------------------------------------------------------------------------------------


def split(line: str, *, windows: bool = os.name == "nt") -> list[str]:
    r"""Words of a line by POSIX rules: quotes group, a backslash escapes (on Windows it stays, for paths).

    >>> split("-f 'my cat.png' --duration=5")
    ['-f', 'my cat.png', '--duration=5']
    >>> split(r"-f C:\cat.png", windows=True)
    ['-f', 'C:\\cat.png']
    """
    lexer = shlex.shlex(one_word_placeholders(line), posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.whitespace += BLANKS
    lexer.commenters = ""
    if windows:
        lexer.escape = ""
    try:
        return list(lexer)
    except ValueError as error:
        what = "a quote is not closed" if "quotation" in str(error) else "a backslash stands at the end"
        raise InvalidOption(f"the options end too early: {what}.", remedy=f"Read so far: {line.strip()[:80]}") from None


def parse(
    words: Sequence[str], options: Sequence[Option], expand: Expand = str, *, where: str = "%%wan"
) -> tuple[dict[str, Any], list[Any]]:
    """Values by option name, and the words that belong to no option.

    Parameters
    ----------
    expand : callable
        Turns a word with ``{{name}}`` in it into text, or into the object when the word is nothing else.
    where : str
        The magic or verb, for messages.

    Raises
    ------
    InvalidOption
        Unknown (the nearest is named), given twice, without its value, or with one that it does not take.
    InvalidRequest
        A value outside what the catalog allows.

    Examples
    --------
    >>> parse(["--duration=5", "-r", "1080P", "--no-watermark"], CELL)[0]
    {'duration': 5, 'resolution': '1080P', 'watermark': False}
    """
    table = {text: (option, switch) for option in options for text, switch in option.spellings.items()}
    found: dict[str, Any] = {}
    rest: list[Any] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        flag, equals, text = word.partition("=") if word.startswith("--") else (word, "", "")
        if flag not in table:
            if looks_like_flag(word):
                raise unknown_option(flag, table, where)
            rest.append(expand(word))
            continue
        option, switch = table[flag]
        if switch is not None and equals:
            raise InvalidOption(f"{flag} takes no value.", remedy=f"Write {' or '.join(option.spellings)}.")
        if switch is None and not equals:
            if not queue or queue[0].partition("=")[0] in table:
                raise InvalidOption(f"{flag} needs a value: {flag} {option.metavar}.")
            text = queue.pop(0)
        _store(found, option, switch if switch is not None else _value(option, flag, text, expand))
    return found, rest


def _value(option: Option, flag: str, text: str, expand: Expand) -> Any:
    value = expand(text) if option.expands else text
    try:
        return option.convert(value)
    except InvalidRequest as error:
        error.details["flag"] = flag
        if not error.remedy and (plain := plain_value(flag, text)):
            error.remedy = did_you_mean([plain])
        raise


def _store(found: dict[str, Any], option: Option, value: Any) -> None:
    if option.many:
        found.setdefault(option.name, []).append(value)
    elif option.name in found:
        raise InvalidOption(f"{option.flag} is given twice.")
    else:
        found[option.name] = value


# -- telling ---------------------------------------------------------------------------------------------------------


def usage(option: Option) -> str:
    """How an option is written: ``-f, --first-frame IMAGE``.

    >>> usage(HELP)
    '-h, --help'
    """
    long = f"--[no-]{option.flag[2:]}" if option.negatable else option.flag
    return (f"-{option.short}, " if option.short else "") + long + (f" {option.metavar}" if option.metavar else "")


def describe(options: Iterable[Option]) -> str:
    """The options as aligned lines of text."""
    rows = [(usage(option), option.help) for option in options]
    width = max(len(left) for left, _ in rows)
    return "\n".join(f"  {left:<{width}}  {right}" for left, right in rows)
