"""Checks of what people give as arguments: amounts of money, numbers, lists of words, run ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from wan_nb.errors import InvalidOption, shortened
from wan_nb.sanitize import as_number

__all__ = [
    "amount",
    "as_whole",
    "frame_ids",
    "has_ids",
    "listed",
    "max_cost",
    "run_ids",
    "shown",
    "switch",
    "take",
    "timeout",
    "whole",
    "words",
]

_RUN_ID = re.compile(r"[0-9a-f]{12}")


def as_whole(value: Any, *, typed: bool = False) -> int | None:
    """A whole number as an int, also where it comes as 5.0; None for anything else.

    >>> as_whole(5), as_whole(5.0), as_whole(5.5), as_whole("5"), as_whole("5", typed=True)
    (5, 5, None, None, 5)
    """
    if as_number(value, typed=typed) is None:
        return None
    if isinstance(value, str):
        value = int(text) if (text := value.strip()).lstrip("+-").isdecimal() else float(text)
    number = int(value)
    return number if number == value else None


def amount(value: Any, said: str, *, zero: bool = True, typed: bool = False, **details: Any) -> float:
    """A finite amount that is not negative.

    Parameters
    ----------
    said : str
        What is said of a wrong one, such as ``gap must be a positive number``.
    zero : bool
        Whether 0 will do.
    typed : bool
        Whether it may come as text, because it was typed into a line.
    **details
        More of the error: ``remedy``, ``field``.

    Raises
    ------
    InvalidOption
    """
    number = as_number(value, typed=typed)
    if number is None or number < 0 or (number == 0 and not zero):
        raise InvalidOption(f"{said}, not {shown(value, typed=typed)}.", **details)
    return number + 0.0  # -0.0 is 0


def max_cost(value: Any) -> float | None:
    """The most that may be paid, or None where nothing is said.

    Raises
    ------
    InvalidOption
    """
    return None if value is None else amount(value, "max_cost must be an amount of money such as 30")


def timeout(value: Any) -> float | None:
    """Seconds that somebody will wait, or None for as long as it takes.

    Raises
    ------
    InvalidOption
    """
    return None if value is None else amount(value, "timeout must be seconds, or None for as long as it takes")


def whole(value: Any, said: str, least: int, most: int | None = None, *, typed: bool = False, **details: Any) -> int:
    """A whole number in a range; parameters as in `amount`.

    Raises
    ------
    InvalidOption
    """
    number = as_whole(value, typed=typed)
    if number is None or number < least or (most is not None and number > most):
        raise InvalidOption(f"{said}, not {shown(value, typed=typed)}.", **details)
    return number


def words(value: Any, name: str) -> tuple[str, ...]:
    """Words, each once, in their order: one is one, lists are lists, and a comma parts two as it does on a line.

    >>> words("demo", "tags"), words(["a", "b, c", "a"], "tags"), words(None, "tags")
    (('demo',), ('a', 'b', 'c'), ())

    Raises
    ------
    InvalidOption
        Something else than text is among them.
    """
    found: list[str] = []
    for given in [] if value is None else [value] if isinstance(value, str) else listed(value, name):
        if isinstance(given, str):
            found += [word for part in given.split(",") if (word := part.strip())]
        elif isinstance(given, list | tuple):
            found += words(given, name)
        else:
            raise InvalidOption(f"{name} takes words, not {shown(given)}.", field=name)
    return tuple(dict.fromkeys(found))


def listed(value: Any, name: str) -> list[Any]:
    """Values of a list, a Series, an index, an array or a generator.

    Raises
    ------
    InvalidOption
        It is a single value, a mapping, or a set, which has no order.
    """
    if isinstance(value, str | bytes | bytearray | Mapping | AbstractSet) or not isinstance(value, Iterable):
        raise InvalidOption(f"{name} takes a list of values, not {shown(value)}.", field=name)
    return list(value)


def shown(value: Any, *, typed: bool = False, most: int = 60) -> str:
    """A value in a message, at most so many characters of it; text that was typed stands without quotes."""
    if typed and isinstance(value, str) and value.isprintable() and value:
        return shortened(value, most)
    try:
        return shortened(repr(value[: most + 1] if isinstance(value, str | bytes) else value), most)
    except Exception:  # noqa: BLE001  # an int of more digits than Python writes, or somebody's own __repr__
        return f"a {type(value).__name__}"


def switch(value: Any, name: str) -> bool:
    """True or False, and nothing that only counts as one: ``migrate="no"`` would migrate.

    Raises
    ------
    InvalidOption
    """
    if not isinstance(value, bool):
        raise InvalidOption(f"{name} must be True or False, not {shown(value)}.", field=name)
    return value


def take(value: Any, fields: Mapping[str, Any] | None = None, *, typed: bool = False) -> int | None:
    """The number of a take, or None where the pinned one will do.

    Parameters
    ----------
    fields : mapping, optional
        What else was given: ``again`` is told what to write instead.

    Raises
    ------
    InvalidOption
    """
    if fields is not None and "again" in fields:
        raise InvalidOption(
            "again is gone: such a line bought one more clip each time it was run.",
            field="again",
            remedy="take=2 is the second clip of this request: bought once, shown for nothing from then on."
            " run.again() buys the next one.",
        )
    return (
        None if value is None else whole(value, "a take is a whole number from 1", 1, 10**6, typed=typed, field="take")
    )


def run_ids(what: Any) -> list[str]:
    """Ids, or beginnings of ids, of the runs that are meant, in their order, each once.

    Parameters
    ----------
    what : str, Run, Row, Study, DataFrame, Series, Index, mapping or iterable of such
        A table has its ids in the index ``run_id``, in a level or in the column of that name, and so has a row (also as
        a dict or a tuple) or a column of it. What its other cells hold is never taken for the beginning of an id.

    Raises
    ------
    InvalidOption
        Something else is among them.

    Examples
    --------
    >>> run_ids(["3f9c", ("77ab", "3f9c")]), run_ids(word for word in ["3f9c"])
    (['3f9c', '77ab'], ['3f9c'])
    """
    return list(dict.fromkeys(_ids(what)))


def _ids(what: Any) -> Iterable[str]:
    if isinstance(what, str):
        yield what
    elif hasattr(what, "columns"):
        yield from _ids(frame_ids(what))
    elif hasattr(what, "to_list"):
        yield from _of_column(what)
    elif isinstance(own := getattr(what, "run_id", getattr(what, "id", None)), str):  # a row of the log, a run
        yield own
    elif callable(rows := getattr(what, "rows", None)):  # a study
        yield from (row.run_id for row in rows())
    elif isinstance(what, Mapping):
        yield from _ids([what["run_id"]]) if "run_id" in what else _whole_ids(what.values())
    elif "Index" in getattr(what, "_fields", ()):  # a row of DataFrame.itertuples
        yield from _whole_ids([what.Index])
    elif isinstance(what, Iterable) and not isinstance(what, (bytes, bytearray)):
        for each in what:
            yield from _ids(each)
    else:
        raise InvalidOption(
            f"{shown(what)} is no run.", remedy="Give an id, a Run, a study, or a table of wan_nb.runs()."
        )


def has_ids(frame: Any) -> bool:
    """Whether a table holds ids of runs, in its index or in a column."""
    return _level(frame) is not None or "run_id" in frame.columns


def frame_ids(frame: Any) -> list[Any]:
    """Ids of a table of runs, one for each of its rows."""
    if not has_ids(frame):
        raise InvalidOption("this table has no run_id.", remedy="Give one of wan_nb.runs(), or its ids.")
    return list(frame["run_id"]) if (ids := _level(frame)) is None else ids


def _level(what: Any) -> list[Any] | None:
    """Ids in an index, or in that of a table or column; None where it has none."""
    index: Any = what if hasattr(what, "get_level_values") else getattr(what, "index", None)
    return list(index.get_level_values("run_id")) if "run_id" in getattr(index, "names", ()) else None


def _of_column(column: Any) -> Iterable[str]:
    """Ids of a column or index of a table of runs, or of one of its rows."""
    if column.name == "run_id":
        yield from _ids(list(column))
    elif (ids := _level(column)) is not None:
        yield from _ids(ids)
    elif "run_id" in (keys := getattr(column, "index", ())):
        yield from _ids([column["run_id"]])
    elif isinstance(column.name, str) and _RUN_ID.fullmatch(column.name):  # a row is called by its index
        yield column.name
    elif column.name is not None or hasattr(column, "levels") or "status" in keys:
        yield from _whole_ids(column)
    else:
        yield from _ids(list(column))


def _whole_ids(cells: Iterable[Any]) -> Iterable[str]:
    """Runs in a part of a table, where a variant that is called "a" is not the beginning of an id."""
    for cell in cells:
        if isinstance(cell, str) and not _RUN_ID.fullmatch(cell):
            raise InvalidOption(f"{shown(cell)} is no id of a run.", remedy="Give whole ids, or a table of runs.")
        yield from _whole_ids(cell) if isinstance(cell, tuple) else _ids(cell)
