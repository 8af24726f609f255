"""Why no run passes some filters: which of them, and the nearest value that the log has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wan_nb.arguments import shown
from wan_nb.errors import did_you_mean, join_words, nearest
from wan_nb.log.row import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wan_nb.log.runlog import RunLog

__all__ = ["why_none"]

_FREE = frozenset({"limit", "offset", "newest_first"})


def why_none(log: RunLog, filters: Mapping[str, Any]) -> str:
    """What to say of filters that no run passes.

    Parameters
    ----------
    log : RunLog
    filters : mapping
        As `RunLog.find` takes them.
    """
    given = {name: value for name, value in filters.items() if name not in _FREE}
    if not given:
        return "The log holds no run yet."
    alone = [name for name, value in given.items() if not log.count(**{name: value})]
    if not alone:
        names = join_words([f"{name}={shown(value, typed=True)}" for name, value in given.items()], "and")
        return f"No run passes {names} together; each of them alone some do."
    told = []
    for name in alone:
        values = given[name] if isinstance(given[name], list) else [given[name]]
        near = nearest_values(log, name, values)
        told.append(f"No run has {name}={shown(','.join(map(str, values)), typed=True)}. {did_you_mean(near)}".rstrip())
    return " ".join(told)


def nearest_values(log: RunLog, name: str, values: list[Any]) -> list[str]:
    """Values of a column that are near, as text; of numbers the nearest one."""
    dtype = COLUMNS.get(name, "")
    if name == "tags":
        known = [tag for row in log.totals("tags") for tag in _tags(row["tags"])]
    elif name == "study":
        known = log.studies()
    elif dtype in {"string", "category"}:
        known = [str(row[name]) for row in log.totals(name) if row[name] is not None]
    elif dtype in {"Int64", "Float64"}:
        numbers = [row[name] for row in log.totals(name) if row[name] is not None]
        wanted = float(values[0])
        return [f"{name}={min(numbers, key=lambda one: abs(one - wanted)):g}"] if numbers else []
    else:
        return []
    near = [one for value in values for one in _near(str(value), list(dict.fromkeys(known)))]
    return [f"{name}={one}" for one in dict.fromkeys(near)]


def _near(word: str, known: list[str]) -> list[str]:
    """Case is no difference to a person; `nearest` counts letters."""
    folded = {one.casefold(): one for one in known}
    return [folded[one] for one in nearest(word.casefold(), folded, 2)]


def _tags(value: Any) -> tuple[str, ...]:
    return tuple(value.split(", ")) if isinstance(value, str) else tuple(value or ())
