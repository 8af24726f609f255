"""Completion behind ``%wan`` and ``%%wan``: verbs, options, their values, files, variables, ids of runs and studies.

Everything but `match` is a pure function of the text before the cursor and of what there is to be named.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wan_nb.grammar import options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wan_nb.grammar.options import Option

__all__ = ["Known", "Typed", "match", "suggest", "typed"]

_LINE = re.compile(r"^\s*(?:[\w.,\s\[\]*]+=\s*)?%wan\s(?P<rest>.*)$", re.DOTALL)
_CELL = re.compile(r"^%%wan\s(?P<rest>.*)$", re.DOTALL)
_OPEN_BRACES = re.compile(r"(?<!\\)\{\{\s*(?P<name>\w*)$")

_RECENT = 50
"""Runs whose ids and values are offered, the newest."""

_LONG = 40
"""Longer values of a column are prose, which nobody picks from a list."""


@dataclass(frozen=True, slots=True)
class Known:
    """What can be named; each is asked for only when it is needed.

    Attributes
    ----------
    variables : callable
        Names of the user's variables.
    column : callable
        Values of a column of the log, of the newest runs first, each once.
    studies : callable
        Names of studies.
    folder : Path
        Where relative paths begin.
    """

    variables: Callable[[], Iterable[str]]
    column: Callable[[str], Iterable[str]]
    studies: Callable[[], Iterable[str]]
    folder: Path


class Typed(NamedTuple):
    """The words before the cursor: whole ones, and the one that is being typed, as it stands there."""

    words: tuple[str, ...]
    fragment: str


def typed(text: str) -> Typed:
    """Split what was typed so far; the last word may lack its closing quote.

    >>> typed("show --em"), typed("-f 'my ca")
    (Typed(words=('show',), fragment='--em'), Typed(words=('-f',), fragment="'my ca"))
    """
    start, quote, skip = 0, "", False
    for place, character in enumerate(text):
        if skip:
            skip = False
        elif character == "\\" and quote != "'":
            skip = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character.isspace():
            start = place + 1
    return Typed(tuple(options.split(text[:start])), text[start:])


def suggest(before: str, known: Known, *, body: bool = False) -> tuple[str, list[str]]:
    """What may stand where the cursor is.

    Parameters
    ----------
    before : str
        The cursor's line up to the cursor.
    known : Known
    body : bool
        The line belongs to the prompt of a ``%%wan`` cell.

    Returns
    -------
    str
        The part of the line that is replaced.
    list of str
    """
    if braces := _OPEN_BRACES.search(before):
        inside = braces["name"]
        return inside, [f"{name}}}}}" for name in _starting(inside, known.variables()) if not name.startswith("_")]
    if body:
        return "", []
    cell, line = _CELL.match(before), _LINE.match(before)
    if cell:
        return _of_options(typed(cell["rest"]), options.CELL, known)
    return _of_verbs(typed(line["rest"]), known) if line else ("", [])


def match(context: Any, variables: Iterable[str]) -> dict[str, Any]:
    """Answer IPython's completer: a matcher of its second API.

    Parameters
    ----------
    context : IPython.core.completer.CompletionContext
    variables : iterable of str
        Names of the user's.
    """
    from IPython.core.completer import SimpleCompletion

    before = context.full_text.split("\n")[context.cursor_line][: context.cursor_position]
    in_cell = context.full_text.lstrip().startswith("%%wan")
    body = in_cell and context.cursor_line > 0
    known = Known(lambda: variables, _column, _study_names, Path())
    fragment, found = suggest(before.lstrip() if in_cell and not body else before, known, body=body)
    return {
        "completions": [SimpleCompletion(text) for text in found],
        "matched_fragment": fragment,
        "suppress": bool(found),
        "ordered": True,
    }


def _of_options(text: Typed, known_options: Iterable[Option], known: Known) -> tuple[str, list[str]]:
    table = {spelling: option for option in known_options for spelling in option.spellings}
    flag, equals, value = text.fragment.partition("=")
    if equals and flag in table:
        return value, _values(table[flag], value, known)
    last = table.get(text.words[-1]) if text.words else None
    if last is not None and last.metavar:
        return text.fragment, _values(last, text.fragment, known)
    given = {table[word.partition("=")[0]].name for word in text.words if word.partition("=")[0] in table}
    left = [
        spelling
        for spelling, option in table.items()
        if spelling.startswith("--") and (option.many or option.name not in given)
    ]
    return text.fragment, [*_starting(text.fragment, left)]


def _of_verbs(text: Typed, known: Known) -> tuple[str, list[str]]:
    from wan_nb.magics.verbs import VERBS

    if not text.words:
        return text.fragment, [*_starting(text.fragment, [*VERBS, "--help"])]
    verb = VERBS.get(text.words[0])
    if verb is None:
        return "", []
    choices = (*verb.options, options.HELP)
    table = {spelling: option for option in choices for spelling in option.spellings}
    wants_value = text.words[-1] in table and bool(table[text.words[-1]].metavar)
    if text.fragment.startswith("-") or wants_value:
        return _of_options(Typed(text.words[1:], text.fragment), choices, known)
    offered = _ARGUMENTS[verb.completes](text.fragment, known)
    return text.fragment, [*_starting(text.fragment, offered)]


def _filters(fragment: str, known: Known) -> list[str]:
    from wan_nb.log.row import COLUMNS
    from wan_nb.log.states import Status

    key, equals, _ = fragment.partition("=")
    if not equals:
        return [f"{name}=" for name in (*COLUMNS, "since", "until", "text")]
    if COLUMNS.get(key) == "boolean":
        return _listed(fragment, ["true", "false"])
    if key == "status":
        return _listed(fragment, [*Status])
    seen = known.column(key) if key in COLUMNS else []
    return _listed(fragment, [shlex.quote(value) for value in seen if len(value) <= _LONG])


def _axes(fragment: str) -> list[str]:
    key, equals, _ = fragment.partition("=")
    if not equals:
        return [f"{option.name}=" for option in options.REQUEST]
    option = next((option for option in options.REQUEST if option.name == key), options.HELP)
    return _listed(fragment, ["true", "false"] if option.negatable else option.choices)


def _listed(fragment: str, values: Iterable[str]) -> list[str]:
    """What may follow the last comma of ``key=value,value``, or its equals sign."""
    start = fragment[: max(fragment.rfind(","), fragment.find("=")) + 1]
    return [start + value for value in values]


def _services(_fragment: str, _known: Known) -> list[str]:
    from wan_nb.api import catalog

    return ["simulator", *catalog.REGIONS]


_ARGUMENTS: dict[str, Callable[[str, Known], Iterable[str]]] = {
    "": lambda _fragment, _known: (),
    "run": lambda _fragment, known: known.column("run_id"),
    "study": lambda _fragment, known: map(shlex.quote, known.studies()),
    "thing": lambda _fragment, known: [*map(shlex.quote, known.studies()), *known.column("run_id")],
    "open": lambda _fragment, known: ["all", *map(shlex.quote, known.studies()), *known.column("run_id")],
    "zip": lambda _fragment, known: [shlex.quote(f"{name}.zip") for name in (*known.studies(), "wan_runs")],
    "service": _services,
    "filter": _filters,
}


def _values(option: Option, fragment: str, known: Known) -> list[str]:
    if option.choices:
        return [*_starting(fragment, option.choices)]
    if option.suffixes:
        return [*_files(fragment, option.suffixes, known.folder)]
    if option.name == "vary":
        return [*_starting(fragment, _axes(fragment))]
    named: dict[str, Callable[[], Iterable[str]]] = {
        "name": known.studies,
        "out": known.variables,
        "tag": lambda: known.column("tags"),
    }
    offered = named[option.name]() if option.name in named else ()
    return [name for name in _starting(fragment, offered) if not name.startswith("_")]


def _files(fragment: str, suffixes: tuple[str, ...], folder: Path) -> Iterator[str]:
    """Files with these endings and folders, spelt so that the line still splits right."""
    quote = fragment[:1] if fragment[:1] in {"'", '"'} else ""
    path = fragment[len(quote) :] if quote else fragment.replace("\\ ", " ")
    parent, slash, start = path.rpartition("/")
    try:
        entries = sorted((folder / Path(parent + slash).expanduser()).iterdir())
    except OSError:
        return
    for entry in entries:
        if not entry.name.startswith(start) or (entry.name.startswith(".") and not start):
            continue
        is_folder = entry.is_dir()
        if not is_folder and entry.suffix.lower() not in suffixes:
            continue
        whole = parent + slash + entry.name + ("/" if is_folder else "")
        if quote and quote not in whole:
            yield quote + whole + ("" if is_folder else quote)
        else:
            yield whole if whole.startswith("~") and " " not in whole else shlex.quote(whole)


def _starting(start: str, words: Iterable[str]) -> Iterator[str]:
    return (str(word) for word in words if str(word).startswith(start))


def _column(name: str) -> list[str]:
    found = [getattr(row, name) for row in _log_asked(lambda log: log.find(limit=_RECENT))]
    values = [one for value in found for one in (value if isinstance(value, tuple) else (value,))]
    return list(dict.fromkeys(str(value) for value in values if value is not None))


def _study_names() -> list[str]:
    return _log_asked(lambda log: log.studies())


def _log_asked(question: Callable[[Any], list[Any]]) -> list[Any]:
    """Ask the log of the default session, if there is one already: a Tab makes no folder and starts nothing."""
    from wan_nb.errors import WanError
    from wan_nb.handles import default

    session = default.session()
    if not session.workspace.log_exists:
        return []
    try:
        return question(session.log)
    except WanError:
        return []
