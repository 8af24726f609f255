"""Reading the log: filters, columns and limits become SQL, so that a million runs cost no more than a hundred."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa

from wan_nb.arguments import as_whole, run_ids, shown, whole
from wan_nb.errors import InvalidOption, NotFound, did_you_mean, join_words, nearest
from wan_nb.log.budget import is_amount, spent_since
from wan_nb.log.dialects import bytewise, in_order
from wan_nb.log.job_budgets import job_spent, spent_by_person
from wan_nb.log.reading.frame import to_frame
from wan_nb.log.reading.stored_values import read_row, read_value, readable
from wan_nb.log.row import COLUMNS, NAMES, Row
from wan_nb.log.schema import members, micros, runs, words
from wan_nb.log.states import OPEN, Status
from wan_nb.sanitize import as_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from wan_nb.log.database import Database

__all__ = ["WHOLE", "Queries", "check_names", "listed", "only_row", "row_by_id"]


_Number = TypeVar("_Number", int, float)

LARGEST: Final = 2**63 - 1
"""Largest whole number that both databases take."""


class Queries:
    """The questions about runs that a log answers.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, run_id: str) -> Row:
        """Return the run of this id, or of the only id that begins so.

        Raises
        ------
        NotFound
            No such run, or several; the message says which ids are near.
        """
        if not isinstance(run_id, str):
            raise InvalidOption(f"a run is named by its id, a text, not by {type(run_id).__name__}.")
        start = run_id.strip().lower()
        # Only of hex: how a server sorts other signs among the digits depends on its language.
        hexadecimal = bool(start) and set(start) <= set("0123456789abcdef")
        ends = {"start": start, "end": start + "g"}
        found = self._db.read(lambda c: [read_row(row) for row in c.execute(_BEGINS, ends)]) if hexadecimal else []
        if len(found) == 1:
            return found[0]
        if found:
            near = [row.run_id for row in found]
            raise NotFound(f"several runs begin with {shown(start)}.", remedy=did_you_mean(near))
        recent = [row.run_id for row in self.find(limit=200)]
        near = nearest(start, [r[: max(len(start), 4)] for r in recent], 3)
        raise NotFound(
            f"no run {shown(run_id)} in this log.",
            remedy=did_you_mean(near, "wan_nb.runs() lists them." if recent else "The log holds no run yet."),
        )

    def by_task(self, task_id: str) -> Row | None:
        """Return the run of a task, or `None` when this log does not know it."""
        return self._db.read(lambda c: only_row(c, runs.c.task_id == task_id))

    def oldest(self) -> str | None:
        """Return the id of the first run, by which one log is told from another."""
        return self._db.read(lambda c: c.execute(_OLDEST).scalar())

    def open_rows(self) -> list[Row]:
        """Return the runs that somebody still has to look after, the oldest first."""
        return self.find(status=list(OPEN), newest_first=False)

    def unsent(self, study: str) -> list[Row]:
        """Return the cells of a study, under its labels, that are meant to be sent and are not yet."""
        asked = _Question({"study": study, "status": Status.INTENDED})
        query = asked.rows(NAMES, None, 0, newest_first=False).where(runs.c.posted_at.is_(None))
        return self._db.read(lambda c: [read_row(row) for row in c.execute(query)])

    def find(
        self,
        *,
        limit: int | None = None,
        offset: int = 0,
        newest_first: bool = True,
        sort: str | None = None,
        **filters: Any,
    ) -> list[Row]:
        """Return the runs that pass every filter.

        Parameters
        ----------
        limit : int, optional
            At most so many; all when left out.
        offset : int
            Leave out so many first, for the next page.
        newest_first : bool
            By ``created_at``.
        sort : str, optional
            A column, ``rating``, or with a ``-`` before it the largest first; runs that have no value there come last,
            and among equal ones the newest first. ``given`` is the order of ``run_id=``.
        **filters
            ``column=value``; a list of values means any of them, `None` means not known, ``tags="keep"`` means that
            this tag is among them. ``since=`` and ``until=`` (aware datetimes, or local ones, or text in ISO 8601)
            bound ``created_at``: from since on, before until. ``text=`` must stand in the prompt, in any case;
            each of ``words=`` in prompt, note, tags, label or study.
            ``study=`` finds every run that is a cell of that study, whoever bought it, under the labels it has there.

        Raises
        ------
        InvalidOption
            No such column, or not a value of its type; the message says the nearest.
        """
        query = _Question(filters).rows(NAMES, limit, offset, newest_first=newest_first, sort=sort)
        return self._db.read(lambda c: [read_row(row) for row in c.execute(query)])

    def count(self, **filters: Any) -> int:
        """Return how many runs pass every filter of `find`."""
        query = _Question(filters).select(sa.func.count())
        return self._db.read(lambda c: int(c.execute(query).scalar_one()))

    def totals(self, *by: str, **filters: Any) -> list[dict[str, Any]]:
        """Return sums over the runs that pass every filter of `find`, one dict for each combination of columns `by`.

        Returns
        -------
        list of dict
            The columns `by`, ``runs`` (how many), ``cost`` and ``billed_s`` (sums of what is known), in no order that
            means anything. Currencies and simulated runs are only kept apart where `by` names them.
        """
        check_names(by, COLUMNS)
        asked = _Question(filters)
        sums = [
            sa.func.coalesce(sa.func.sum(sa.case((is_amount(runs.c[name]), runs.c[name]), else_=0.0)), 0.0).label(name)
            for name in ("cost", "billed_s")
        ]
        keys = [_as_kept(asked.columns[name]).label(name) for name in by]
        query = asked.select(*keys, sa.func.count().label("runs"), *sums).group_by(*keys)
        found = self._db.read(lambda c: [dict(row) for row in c.execute(query).mappings()])
        return [row | {name: read_value(name, row[name]) for name in by} for row in found]

    def spent(self, currency: str, since: datetime) -> float:
        """Return what was billed or is reserved since then, in `currency`, without simulated runs."""
        return self._db.read(lambda c: spent_since(c, currency, since))

    def job_spent(self, job: str, currency: str, user: str = "") -> float:
        """Return what a job has cost and has reserved in `currency`, or one person in it, without simulated runs."""
        return self._db.read(lambda c: job_spent(c, job, currency, user or None))

    def spent_by_person(self, job: str, currency: str) -> dict[str, float]:
        """Return what each person has spent and reserved of a job, in `currency`, without simulated runs."""
        return self._db.read(lambda c: spent_by_person(c, job, currency))

    def durations(
        self, model: str, resolution: str, duration: int, *, limit: int = 200, simulated: bool = False
    ) -> list[float]:
        """Return how many seconds the last equal runs took at the service, the newest first.

        Parameters
        ----------
        model, resolution, duration
            Exactly these.
        limit : int
        simulated : bool
            Of the simulator, whose times say nothing about the service's.
        """
        query = (
            sa.select(runs.c.run_s)
            .where(runs.c.model == model, runs.c.resolution == resolution, runs.c.duration == duration)
            .where(runs.c.simulated == simulated, runs.c.run_s.is_not(None), runs.c.status == Status.SUCCEEDED)
            .order_by(runs.c.created_at.desc())
            .limit(limit)
        )
        return list(filter(None, readable("run_s", self._db.read(lambda c: list(c.execute(query).scalars())))))

    def to_frame(
        self,
        rows: Sequence[Row] | None = None,
        *,
        columns: Sequence[str] | None = None,
        extra: Mapping[str, Mapping[str, float | None]] | None = None,
        limit: int | None = None,
        offset: int = 0,
        newest_first: bool = True,
        sort: str | None = None,
        **filters: Any,
    ) -> pd.DataFrame:
        """Return runs as a typed DataFrame, one row each, index ``run_id``.

        Parameters
        ----------
        rows : sequence of Row, optional
            These; else those that pass the filters of `find`.
        columns : sequence of str, optional
            Only these, in this order; all of `COLUMNS` when left out.
        extra : mapping, optional
            More columns of numbers, ``{name: {run_id: value}}``, such as measures.

        Raises
        ------
        InvalidOption
            No such column.
        """
        names = list(COLUMNS) if columns is None else list(columns)
        check_names(names, COLUMNS)
        if rows is not None:
            cells = [[_kept(getattr(row, name)) for row in rows] for name in names]
            return to_frame([row.run_id for row in rows], cells, names, extra=extra)
        query = _Question(filters).rows(["run_id", *names], limit, offset, newest_first=newest_first, sort=sort)
        ids, *cells = self._db.read(lambda c: _columns(c.execute(query), 1 + len(names)))
        return to_frame(ids, list(map(readable, names, cells)), names, extra=extra)


def _as_kept(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The column as the log keeps it, for `stored_values`; a frame has no use for Python's objects."""
    kind = column.type
    if isinstance(kind, sa.Boolean):
        return sa.type_coerce(column, sa.BigInteger())  # which leaves alone what is no number
    return sa.type_coerce(column, kind.impl) if isinstance(kind, sa.TypeDecorator) else column


def _as_text(columns: Iterable[sa.Column[Any]]) -> sa.TextClause:
    """Columns as the log keeps them, as one text: fifty that are compiled one by one take longer than the question."""
    return sa.text(", ".join(f'{column.table.name}."{column.name}"' for column in columns))


WHOLE: Final = sa.select(_as_text(runs.c[name] for name in NAMES)).select_from(runs)
"""The query for whole rows, in the order of the fields of `Row`, for `read_row`."""


# Built once: to build a statement and look for it among the compiled ones takes longer than to carry it out.
_BY_ID: Final = WHOLE.where(runs.c.run_id == sa.bindparam("run_id")).limit(1)
_OLDEST: Final = sa.select(runs.c.run_id).order_by(runs.c.created_at, runs.c.run_id).limit(1)
_BEGINS: Final = WHOLE.where(runs.c.run_id >= sa.bindparam("start"), runs.c.run_id < sa.bindparam("end")).limit(5)
"""Text between "3f" and "3fg": the hex ids that begin with 3f, found in the index by both databases."""


def row_by_id(c: sa.Connection, run_id: str) -> Row | None:
    """Return the run of a whole id."""
    found = c.execute(_BY_ID, {"run_id": run_id}).first()
    return read_row(found) if found else None


def only_row(c: sa.Connection, *conditions: sa.ColumnElement[bool]) -> Row | None:
    """Return the last attempt of what passes the conditions."""
    found = c.execute(WHOLE.where(*conditions).order_by(runs.c.attempt.desc()).limit(1)).first()
    return read_row(found) if found else None


def check_names(names: Iterable[str], allowed: Iterable[str]) -> None:
    """Refuse names that are no columns.

    Raises
    ------
    InvalidOption
        It says the nearest name.
    """
    known = sorted(allowed)
    for name in names:
        if name not in known:
            raise InvalidOption(
                f"the log has no column {shown(name)}.",
                remedy=did_you_mean(nearest(name, known, 3), f"Columns: {', '.join(known)}."),
            )


class _Question:
    """Filters as SQL: which rows, from where, and under which labels.

    Runs of a study are the members of it, with study, variant and block as they are called there; a run of several
    studies that are asked for together is one row, of the first of them.

    Parameters
    ----------
    filters : mapping
        As `Queries.find` takes them.
    """

    def __init__(self, filters: Mapping[str, Any]) -> None:
        check_names(filters, [*COLUMNS, "run_id", *_NOT_GIVEN])
        given = {name: value if name == "run_id" else listed(value) for name, value in filters.items()}
        self.columns: dict[str, sa.Column[Any]] = {name: runs.c[name] for name in NAMES}
        self._table: sa.FromClause = runs
        self._key: list[sa.Column[Any]] = [runs.c.run_id]
        self._order: list[sa.ColumnElement[Any]] = [runs.c.created_at, runs.c.run_id]
        self._conditions: list[sa.ColumnElement[bool]] = []
        self._ids: sa.TableValuedAlias | None = None
        study = given.get("study")
        if study is not None and not (isinstance(study, list) and None in study):
            self._of(given.pop("study"))
        if given.get("run_id") is not None:
            self._among([one.strip().lower() for one in run_ids(given.pop("run_id"))])
        self._conditions += [
            self._condition(name, value) for name, value in given.items() if value is not None or name not in _NOT_GIVEN
        ]

    def _of(self, study: Any) -> None:
        self._table = members.join(runs, runs.c.run_id == members.c.run_id)
        self._key = [members.c.run_id, members.c.study]
        self._order = [members.c.created_at, members.c.run_id]
        self.columns |= {name: members.c[name] for name in ("study", "variant", "block")}
        if not isinstance(study, list):
            self._conditions.append(members.c.study == _value("study", study))
            return
        names = [_value("study", one) for one in study]
        earlier = members.alias()
        twice = sa.exists().where(
            earlier.c.run_id == members.c.run_id, earlier.c.study.in_(names), earlier.c.study < members.c.study
        )
        self._conditions += [members.c.study.in_(names), ~twice]

    def _among(self, ids: Sequence[str]) -> None:
        """Only runs of these ids, or whose ids begin so."""
        starts = [one for one in ids if len(one) < _ID_LENGTH]
        whole_ids = in_order([words(one) for one in ids if len(one) >= _ID_LENGTH])
        if not starts:
            self._ids = whole_ids
            return
        begin = [sa.and_(runs.c.run_id >= one, runs.c.run_id < one + "g") for one in starts if one and set(one) <= _HEX]
        self._conditions.append(sa.or_(runs.c.run_id.in_(sa.select(whole_ids.c.value)), *begin))

    def select(self, *columns: Any) -> sa.Select[Any]:
        """Some columns of the rows that pass."""
        table = self._table if self._ids is None else self._ids.join(self._table, self._ids.c.value == runs.c.run_id)
        return sa.select(*columns).select_from(table).where(*self._conditions)

    def rows(
        self, names: Sequence[str], limit: int | None, offset: int, *, newest_first: bool, sort: str | None = None
    ) -> sa.Select[Any]:
        """Columns by name as the log keeps them, in order of time or as `sort` says."""
        said = "must be a whole number from 0"
        limit = None if limit is None else whole(limit, f"limit {said}", 0, LARGEST, typed=True)
        offset = whole(offset, f"offset {said}", 0, LARGEST, typed=True)
        columns = _as_text(self.columns[name] for name in names)
        by_time = [key.desc() if newest_first else key for key in self._order]
        if sort is None:
            return self.select(columns).order_by(*by_time).limit(limit).offset(offset or None)
        # A database sorts what it is asked for: a page of long rows is found by its keys alone first.
        keys = [*self._sorted(sort), *by_time]
        place = sa.func.row_number().over(order_by=keys).label("place")
        found = self.select(*self._key, place).order_by(*keys).limit(limit).offset(offset or None).subquery()
        same = sa.and_(*(column == found.c[column.name] for column in self._key))
        return sa.select(columns).select_from(found.join(self._table, same)).order_by(found.c.place)

    def _sorted(self, sort: str) -> list[sa.ColumnElement[Any]]:
        if sort == "given" and self._ids is not None:
            return [self._ids.c.key]
        name = str(sort).removeprefix("-")
        check_names([name], COLUMNS)
        column = self.columns[name]
        key = bytewise(column) if COLUMNS[name] in {"string", "category"} else column
        return [column.is_(None), key.desc() if sort != name else key]

    def _condition(self, name: str, value: Any) -> sa.ColumnElement[bool]:
        if isinstance(value, list):
            if name in _SPECIAL or None in value:
                return sa.or_(sa.false(), *(self._condition(name, one) for one in value))
            return self.columns[name].in_([_value(name, one) for one in value])
        if value is None and name in self.columns:
            return self.columns[name].is_(None)
        if name in _SPECIAL:
            return _SPECIAL[name](name, value)
        same: sa.ColumnElement[bool] = self.columns[name] == _value(name, value)
        return same


_NOT_GIVEN: Final = ("since", "until", "text", "words")
"""Filters that are no columns; None leaves them out."""

_HEX: Final = frozenset("0123456789abcdef")
_ID_LENGTH: Final = 12


def listed(value: Any) -> Any:
    """One value as it is; whatever holds several (list, set, index, Series, array, generator) as a list.

    >>> listed("walk"), listed(x for x in "ab"), listed({"a": 1}.keys())
    ('walk', ['a', 'b'], ['a'])
    """
    if isinstance(value, (str, bytes, dict)) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        return value
    return [None if _unknown(one) else one for one in value]


def _unknown(value: Any) -> bool:
    return type(value).__name__ in {"NAType", "NaTType"} or (isinstance(value, float) and math.isnan(value))


def _tagged(_name: str, value: Any) -> sa.ColumnElement[bool]:
    tags = sa.literal(", ") + sa.type_coerce(runs.c.tags, sa.Text()) + ", "
    return tags.contains(f", {words(value).strip()}, ", autoescape=True)


def _said(word: str) -> sa.ColumnElement[bool]:
    """Whether a word stands anywhere that a person has written."""
    own = [sa.type_coerce(runs.c[name], sa.Text()) for name in ("prompt", "note", "tags", "variant", "study")]
    names = [members.c[name].icontains(word, autoescape=True) for name in ("study", "variant")]
    named = sa.select(members.c.run_id).where(sa.or_(*names))  # asked once, not once for each run
    return sa.or_(*(column.icontains(word, autoescape=True) for column in own), runs.c.run_id.in_(named))


_Test = Callable[[str, Any], sa.ColumnElement[bool]]
_SPECIAL: dict[str, _Test] = {
    "since": lambda name, value: runs.c.created_at >= _value(name, value),
    "until": lambda name, value: runs.c.created_at < _value(name, value),
    "text": lambda _, value: runs.c.prompt.icontains(words(value), autoescape=True),
    "words": lambda _, value: sa.and_(*map(_said, words(value).split())),
    "tags": _tagged,
}


def _value(name: str, value: Any) -> Any:
    """Return a filter's value in the type of its column, also when it was typed into a cell."""
    dtype = COLUMNS.get("created_at" if name in {"since", "until"} else name, "string")
    try:
        if dtype == "category":
            return Status(str(value).upper())
        if dtype == "Int64":
            return _within(as_whole(value, typed=True))
        if dtype == "Float64":
            return _within(as_number(value, typed=True))
        if dtype == "boolean":
            return _YES[str(value).lower()]
        if dtype.startswith("datetime"):
            return _moment(value)
        if isinstance(value, str | int | float):
            return words(value)
        raise TypeError(name)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        known = list(Status) if dtype == "category" else []
        raise InvalidOption(
            f"{name} cannot be {shown(value)}: it holds {_TYPES[dtype]}.",
            remedy=did_you_mean(
                nearest(str(value).upper(), known), f"There are {join_words(known, 'and')}." if known else ""
            ),
        ) from error


def _within(number: _Number | None) -> _Number:
    if number is None or abs(number) > LARGEST:
        raise ValueError("no such number is kept")
    return number


_YES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_TYPES = {
    "category": "a status",
    "Int64": "a whole number",
    "Float64": "a number",
    "boolean": "true or false",
    "string": "text",
    "datetime64[ns, UTC]": "a time, as in 2026-11-22T18:00+00:00",
}


def _moment(value: Any) -> datetime:
    # Moments of pandas and numpy, and dates, read as text; a pandas one is a datetime, but one that lacks a local zone.
    when = value if type(value) is datetime else datetime.fromisoformat(str(value))
    return when.astimezone(UTC)


def _columns(result: sa.CursorResult[Any], width: int) -> list[list[Any]]:
    """Return the columns of a result, read past SQLAlchemy's rows and in batches that stay in the processor's cache."""
    columns: list[list[Any]] = [[] for _ in range(width)]
    assert result.cursor is not None
    while batch := result.cursor.fetchmany(500):
        for column, cells in zip(columns, zip(*batch, strict=True), strict=True):
            column.extend(cells)
    return columns


def _kept(value: Any) -> Any:
    """Return a value of a `Row` as the log keeps it."""
    if isinstance(value, datetime):
        return micros(value)
    return ", ".join(value) or None if isinstance(value, tuple) else value
