"""Values as the log keeps them, read one by one: a bad one is left out and named, and hides no other.

SQLite keeps what anybody writes into a column, whatever its type. What cannot be read is shown as not known; a status
that cannot be read becomes EXPIRED, which keeps its price and buys nothing anew by itself.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from operator import contains
from typing import TYPE_CHECKING, Any, Final

from wan_nb.log.row import DTYPES, NAMES, Row
from wan_nb.log.states import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["read_row", "read_value", "readable", "to_dict", "to_moment"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_moment(value: int) -> datetime:
    """The time of whole microseconds since 1970.

    Raises
    ------
    OverflowError
        After the year 9999, or before the year 1.
    """
    return _EPOCH + timedelta(microseconds=value)


def to_dict(value: str | None) -> dict[str, Any]:
    """The dict of a JSON text; an empty one of an empty text.

    Raises
    ------
    ValueError
        It is no JSON, or of something else.
    """
    found = json.loads(value) if value else {}
    if not isinstance(found, dict):
        raise ValueError(f"{type(found).__name__} instead of a JSON object")
    return found


def _to_number(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value


def _to_flag(value: int) -> bool:
    if value not in _FLAGS:
        raise ValueError("neither true nor false")
    return bool(value)


_FLAGS: Final = frozenset({0, 1, None})
_WORDS: Final = frozenset({*(status.value for status in Status), None})

_TEXT: Final[frozenset[type]] = frozenset({str, type(None)})
_TIME: Final = "datetime64[ns, UTC]"
_TYPES: Final[dict[str, frozenset[type]]] = {
    "string": _TEXT,
    "category": _TEXT,
    "Int64": frozenset({int, type(None)}),
    "Float64": frozenset({float, int, type(None)}),
    "boolean": frozenset({bool, int, type(None)}),
    _TIME: frozenset({int, type(None)}),
}
_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "category": Status,
    "Float64": _to_number,
    "boolean": _to_flag,
    _TIME: to_moment,
}
_SOUND: Final[dict[str, Callable[[Sequence[Any]], bool]]] = {
    "category": lambda column: set(column) <= _WORDS,
    "Float64": lambda column: all(map(math.isfinite, filter(None, column))),
    "boolean": lambda column: set(column) <= _FLAGS,
}
"""Whether all values of a column of the right types can be read, without a look at each from Python."""

_KINDS: Final = tuple(_TYPES[dtype] for dtype in DTYPES.values())
_READ: Final = [(n, _READERS[dtype]) for n, dtype in enumerate(DTYPES.values()) if dtype in _READERS]
_TAGS, _REQUEST, _STATUS = map(NAMES.index, ("tags", "request", "status"))
_REQUIRED: Final = {
    "run_id": "",
    "status": Status.EXPIRED,
    "simulated": False,
    "attempt": 1,
    "take": 1,
    "fingerprint": "",
}


def read_row(kept: Sequence[Any]) -> Row:
    """A row from what the log keeps, in the order of `NAMES`.

    Examples
    --------
    >>> kept = dict.fromkeys(NAMES) | {"run_id": "3f9c", "status": "DONE", "cost": "much", "simulated": 0}
    >>> kept |= {"attempt": 1, "take": 1, "fingerprint": "f"}
    >>> row = read_row(list(kept.values()))
    >>> row.status, row.cost, row.damaged
    (<Status.EXPIRED: 'EXPIRED'>, None, ('status', 'cost'))
    """
    values = list(kept)
    if all(map(contains, _KINDS, map(type, values))) and values[_STATUS] is not None:
        try:
            for index, read in _READ:
                if (value := values[index]) is not None:
                    values[index] = read(value)
            values[_TAGS], values[_REQUEST] = _to_tags(values[_TAGS]), to_dict(values[_REQUEST])
            return Row(*values)
        except (ValueError, OverflowError):
            pass
    return _damaged(dict(zip(NAMES, kept, strict=True)))


def _to_tags(value: str | None) -> tuple[str, ...]:
    return tuple(value.split(", ")) if value else ()


def _damaged(kept: dict[str, Any]) -> Row:
    values, bad = {}, []
    for name, value in kept.items():
        values[name], sound = _read(name, value)
        if not sound:
            bad.append(name)
    values["tags"] = _to_tags(values["tags"])
    try:
        values["request"] = to_dict(values["request"])
    except ValueError:
        values["request"] = {}
        bad.append("request")
    if "status" in bad and values["status"] is Status.EXPIRED:
        values["error_message"] = f"its row in the log is damaged ({', '.join(bad)})."
    return Row(**values, damaged=tuple(bad))


def _read(name: str, value: Any) -> tuple[Any, bool]:
    """A value, or what stands in for it, and whether it could be read."""
    dtype = DTYPES[name]
    try:
        if value is None:
            return _REQUIRED.get(name), name not in _REQUIRED
        if type(value) in _TYPES[dtype]:
            reader = _READERS.get(dtype)
            return (reader(value) if reader else value), True
    except (ValueError, OverflowError):
        if dtype == "category" and (word := value.strip().upper()) in _WORDS:
            return Status(word), False
    return _REQUIRED.get(name), False


def read_value(name: str, value: Any) -> Any:
    """One value as a row shows it."""
    return _to_tags(_read(name, value)[0]) if name == "tags" else _read(name, value)[0]


def readable(name: str, column: Sequence[Any]) -> Sequence[Any]:
    """A column as the log keeps it, without the values that `read_row` cannot read; times stay whole microseconds."""
    dtype = DTYPES[name]
    sound = _SOUND.get(dtype)
    if set(map(type, column)) <= _TYPES[dtype] and (sound is None or sound(column)):
        return column
    if dtype == _TIME:
        return [value if type(value) is int else None for value in column]
    return [_read(name, value)[0] for value in column]
