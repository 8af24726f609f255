"""What a person says of a clip: stars, a note, tags, and that it is out of the running."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wan_nb.arguments import shown, switch, whole, words
from wan_nb.errors import InvalidOption
from wan_nb.log.row import DROPPED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wan_nb.log.row import Row

__all__ = ["columns", "in_the_running", "marks_of"]

_LONGEST = 2000
"""Characters of a note."""


def columns(row: Row, mark: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of the log after a mark: ``rating`` (1 to 5, None for none), ``note``, ``tags``, ``dropped``.

    Raises
    ------
    InvalidOption
        It is none of these, or not a value of its kind.
    """
    found: dict[str, Any] = {}
    for name, value in mark.items():
        if name == "rating":
            found["rating"] = None if value is None else whole(value, "a rating is 1 to 5", 1, 5)
        elif name == "note":
            found["note"] = str(value or "").strip()[:_LONGEST] or None
        elif name == "tags":
            kept = [DROPPED] if row.dropped else []
            found["tags"] = words([*words(value, "tags"), *kept], "tags")
        elif name == "dropped":
            others = [tag for tag in row.tags if tag != DROPPED]
            found["tags"] = tuple([*others, DROPPED] if switch(value, "dropped") else others)
        else:
            raise InvalidOption(f"a clip has no mark {shown(name)}.")
    return found


def in_the_running(rows: Sequence[Row]) -> list[Row]:
    """Rows that are not dropped; all where that leaves none, and one that stands alone was meant."""
    return [row for row in rows if not row.dropped] or list(rows)


def marks_of(row: Row) -> dict[str, Any]:
    """The marks of a run, as `columns` takes them."""
    tags = [tag for tag in row.tags if tag != DROPPED]
    return {"rating": row.rating, "note": row.note or "", "tags": tags, "dropped": row.dropped}
