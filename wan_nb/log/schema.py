"""The tables of the log, for SQLite and PostgreSQL alike, and how values are kept in them.

Times are whole microseconds since 1970 (UTC), words are text without NUL and without lone surrogates (PostgreSQL takes
neither, and both arrive from a hostile service), requests and plans are JSON text. So one statement means the same on
both, and a column of times turns into a pandas column without a Python object per cell.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator, TypeEngine

from wan_nb.log.reading.stored_values import to_dict, to_moment
from wan_nb.log.row import DTYPES
from wan_nb.log.states import Status

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = [
    "TABLES",
    "ballots",
    "budgets",
    "measures",
    "members",
    "micros",
    "orders",
    "owners",
    "pins",
    "refusals",
    "runs",
    "studies",
    "turns",
    "uploads",
    "votes",
    "words",
    "writers",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(when: datetime) -> int:
    """Microseconds since 1970 of an aware time.

    >>> micros(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (when - _EPOCH) // _MICROSECOND


def words(value: object) -> str:
    r"""Text as both databases take it.

    >>> words("a\0b")
    'a␀b'
    """
    return str(value).replace("\0", "␀").encode("utf-8", "replace").decode()


class Words(TypeDecorator[str]):
    """Text from anywhere."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else words(value)


class State(TypeDecorator[Status]):
    """A `Status`."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else Status(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> Status | None:  # noqa: ARG002
        return None if value is None else Status(value)


class Moment(TypeDecorator[datetime]):
    """An aware time, kept as whole microseconds."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else micros(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        try:
            return None if value is None else to_moment(value)
        except (TypeError, OverflowError):
            return None  # what somebody else has written there is no time


class Tags(TypeDecorator[tuple[str, ...]]):
    """Tags as ``"keep, bright"``; a comma inside of one parts it in two."""

    impl = Words
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        given = (value,) if isinstance(value, str) else value or ()
        words = (word.strip() for tag in given for word in str(tag).split(","))
        return ", ".join(dict.fromkeys(filter(None, words))) or None

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[str, ...]:  # noqa: ARG002
        return tuple(value.split(", ")) if value else ()


class Json(TypeDecorator[dict[str, Any]]):
    """A dict as JSON in plain ASCII, which brings every string back exactly, NUL and surrogates too."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else json.dumps(value, sort_keys=True, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: Dialect) -> dict[str, Any] | None:  # noqa: ARG002
        try:
            return to_dict(value)
        except (TypeError, ValueError):
            return None  # what somebody else has written there


_KEPT: dict[str, type[TypeEngine[Any]]] = {
    "string": Words,
    "category": State,
    "Int64": sa.BigInteger,
    "Float64": sa.Double,
    "boolean": sa.Boolean,
    "datetime64[ns, UTC]": Moment,
}
_SPECIAL: dict[str, type[TypeEngine[Any]]] = {"run_id": sa.Text, "tags": Tags, "request": Json}

TABLES = sa.MetaData()

runs = sa.Table(
    "runs",
    TABLES,
    *(
        sa.Column(name, _SPECIAL.get(name) or _KEPT[dtype], primary_key=name == "run_id")
        for name, dtype in DTYPES.items()
    ),
    sa.Column("posting", sa.Text),
)
"""The columns of `Row` under their names, and ``posting``: who may post this model and prompt just now."""

uploads = sa.Table(
    "uploads",
    TABLES,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("url", Words),
    sa.Column("expires_at", Moment),
)

studies = sa.Table(
    "studies",
    TABLES,
    sa.Column("name", Words, primary_key=True),
    sa.Column("saved_at", Moment),
    sa.Column("plan", Json),
)

members = sa.Table(
    "members",
    TABLES,
    sa.Column("study", Words, primary_key=True),
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("variant", Words),
    sa.Column("block", Words),
    sa.Column("created_at", Moment),
)
"""Which runs are cells of which studies, under the labels of that study; ``created_at`` is the run's."""

votes = sa.Table(
    "votes",
    TABLES,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("study", Words),
    sa.Column("vote", Json),
)

ballots = sa.Table(
    "ballots",
    TABLES,
    sa.Column("ballot", sa.Text, primary_key=True),
    sa.Column("study", Words),
    sa.Column("made_at", Moment),
    sa.Column("paper", Json),
)
"""Ballot files: which runs the random names in one stand for, its pairs, and what it asks."""

measures = sa.Table(
    "measures",
    TABLES,
    sa.Column("video_sha256", sa.Text, primary_key=True),
    sa.Column("version", Words, primary_key=True),
    sa.Column("measured_at", Moment),
    sa.Column("found", Json),
)

owners = sa.Table(
    "owners",
    TABLES,
    sa.Column("owner", Words, primary_key=True),
    sa.Column("seen_at", Moment),
)

writers = sa.Table(
    "writers",
    TABLES,
    sa.Column("writer", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger),
    sa.Column("in_file", sa.BigInteger),
)
"""The last write of each opened log, counted over all of them; see `wan_nb.log.on_disk.older_copy`."""

pins = sa.Table(
    "pins",
    TABLES,
    sa.Column("fingerprint", sa.Text, primary_key=True),
    sa.Column("take", sa.BigInteger),
)
"""Which take of a wish is shown where no number is asked for; the first one where nothing stands here."""

orders = sa.Table(
    "orders",
    TABLES,
    sa.Column("notebook", Words, primary_key=True),
    sa.Column("cell", Words, primary_key=True),
    sa.Column("saved_at", Moment),
    sa.Column("bought", Json),
)
"""What a cell of a notebook showed when it was last run: the runs, which tell their orders."""

budgets = sa.Table(
    "budgets",
    TABLES,
    sa.Column("job", Words, primary_key=True),
    sa.Column("user", Words, primary_key=True),
    sa.Column("amount", sa.Double),
    sa.Column("currency", Words),
    sa.Column("saved_at", Moment),
    sa.Column("set_by", Words),
)
"""What a job may cost, all runs of the log without one; with a ``user``, the share of that person, or of ``EACH``.

``set_by`` is who has set it first, and alone may change it.
"""

turns = sa.Table(
    "turns",
    TABLES,
    sa.Column("lane", Words, primary_key=True),
    sa.Column("next_at", sa.Double),
    sa.Column("owner", Words),
    sa.Column("met_at", sa.Double),
)
"""When the next request of an account (a submit: of a model) may leave, of all machines.

``owner`` has taken the last turn, ``met_at`` is when that was last another one than before; both times are seconds of
the database's own clock.
"""

refusals = sa.Table(
    "refusals",
    TABLES,
    sa.Column("refusal", sa.Text, primary_key=True),
    sa.Column("refused_at", Moment),
    sa.Column("user", Words),
    sa.Column("study", Words),
    sa.Column("job", Words),
    sa.Column("clips", sa.BigInteger),
    sa.Column("price", sa.Double),
    sa.Column("currency", Words),
    sa.Column("reason", Words),
)
"""What a budget has refused: nothing of it was sent. ``job`` is whose budget it was, NULL for that of 24 hours."""
