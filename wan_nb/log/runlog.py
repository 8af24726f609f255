"""The run log: every run that was ever meant, sent, paid or lost, in one table that several kernels share.

A run is written before it is waited for: `RunLog.reserve` commits the intent and its price in one transaction with the
cap and with the look for an equal run, `RunLog.begin_post` commits that the POST is about to leave, and each piece of
news goes through `RunLog.update` or `RunLog.advance`, which alone apply the events of `wan_nb.log.states`.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from wan_nb.arguments import shown, words
from wan_nb.errors import BudgetExceeded, LogError, NotFound
from wan_nb.log.budget import check_cap, check_most, check_price
from wan_nb.log.database import Database
from wan_nb.log.job_budgets import JobBudgets, check_jobs
from wan_nb.log.kernels import Kernels
from wan_nb.log.on_disk.posting_process import owner_alive
from wan_nb.log.other_tables import Tables
from wan_nb.log.reading.queries import Queries, check_names, only_row, row_by_id
from wan_nb.log.reading.takes import Takes, read_pins
from wan_nb.log.row import COLUMNS, NAMES, Row
from wan_nb.log.schema import members, pins, runs
from wan_nb.log.states import EVENTS, FINAL, UNBILLED, Event, Status
from wan_nb.terminal import printed
from wan_nb.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path
    from types import EllipsisType

__all__ = ["COLUMNS", "Row", "RunLog", "Status"]

_INTENT: Final = frozenset(NAMES) - {"run_id", "status", "attempt", "posted_at", "owner"}
_FIXED: Final = frozenset({"run_id", "status", "fingerprint", "take", "attempt", "created_at"})
_AFTERWARDS: Final = frozenset(
    {"rating", "note", "tags", "video", "video_sha256", "bytes", "width", "height", "fps", "has_audio"}
)
"""What may still change of a final run: remarks and where and what its file is. Never its state or its bill."""


def _utc_now() -> datetime:
    """Return the clock's time, aware."""
    return datetime.now(UTC)


@printed
class RunLog:
    """The log of all runs at one URL. Safe to call from several threads, processes and hosts.

    What it answers about runs is in `Queries`, what it keeps beside them in `Tables`.

    Parameters
    ----------
    url : path or str
        A file, ``sqlite:///wan_runs/runs.db``, or ``postgresql+psycopg://user@host/name`` for several people.
    now : callable, optional
        The clock, returning an aware datetime.
    migrated : bool
        See `Database`.

    Raises
    ------
    LogError
        The log cannot be opened, or was written by a newer version of this package.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> log = RunLog(f"sqlite:///{folder.name}/runs.db")
    >>> row, new = log.reserve({"fingerprint": "f1", "prompt": "a cat walks", "cost": 3.0, "currency": "CNY"}, cap=50.0)
    >>> log.update(row.run_id, "accepted", task_id="t1").status, new
    (<Status.PENDING: 'PENDING'>, True)
    >>> log.reserve({"fingerprint": "f1"})[0].task_id          # the same again: nothing new
    't1'
    >>> log.close()
    >>> folder.cleanup()
    """

    def __init__(self, url: Path | str, *, now: Callable[[], datetime] = _utc_now, migrated: bool = False) -> None:
        self._now = now
        self._db = Database(url, migrated=migrated)
        queries, tables = Queries(self._db), Tables(self._db, now)
        budgets, kernels = JobBudgets(self._db, now), Kernels(self._db, now)
        self.get = queries.get
        self.by_task = queries.by_task
        self.oldest = queries.oldest
        self.open_rows = queries.open_rows
        self.unsent = queries.unsent
        self.find = queries.find
        self.count = queries.count
        self.totals = queries.totals
        self.spent = queries.spent
        self.job_spent = queries.job_spent
        self.durations = queries.durations
        self.to_frame = queries.to_frame
        self.remember_upload = tables.remember_upload
        self.recall_upload = tables.recall_upload
        self.save_study = tables.save_study
        self.load_study = tables.load_study
        self.studies = tables.studies
        self.add_vote = tables.add_vote
        self.add_votes = tables.add_votes
        self.votes = tables.votes
        self.save_ballot = tables.save_ballot
        self.load_ballot = tables.load_ballot
        self.spent_by_person = queries.spent_by_person
        self.budgets = budgets.budgets
        self.refusals = budgets.refusals
        self._note_refusal = budgets.note_refusal
        self.first_name = tables.first_name
        self.put_budget = budgets.put_budget
        self.damaged = tables.damaged
        self.put_measures = tables.put_measures
        self.measures = tables.measures
        self.turn = kernels.turn
        self.keep_order = tables.keep_order
        self.order = tables.order
        self.orders_of = tables.orders_of
        self.beat = kernels.beat
        self._last_beat = kernels.last_beat

    def __repr__(self) -> str:
        return f"RunLog({self._db!r})"

    @property
    def served(self) -> bool:
        """Whether a server keeps it, for several machines."""
        return self._db.served

    @property
    def place(self) -> str:
        """Where it is: the file, or the address without its password."""
        url = self._db.url
        return str(url.database) if url.get_backend_name() == "sqlite" else repr(self._db)

    def mend(self) -> str:
        """Bring a file back that was deleted, replaced or robbed of a part while it was open; what was done.

        Raises
        ------
        LogError
            It was moved, which only a person can judge, or the disk does not take the copy.
        """
        return self._db.mend()

    def check_writable(self) -> None:
        """Raise `LogError` where the log can only be read."""
        self._db.check_writable()

    def check_current(self) -> None:
        """Raise `LogError` where the log does not hold what was last seen of it; see `older_copy`."""
        self._db.check_current()

    def close(self) -> None:
        """Close every connection. A later call opens them again: news of a paid clip is never dropped."""
        self._db.close()

    # --- reserving and posting

    def reserve(
        self, intent: Mapping[str, Any], *, cap: float | None = None, next_take: bool = False, owner: str = ""
    ) -> tuple[Row, bool]:
        """Write down one intent, or find the run that makes it needless; see `reserve_many`."""
        return self.reserve_many([intent], cap=cap, next_take=next_take, owner=owner)[0]

    def reserve_many(
        self,
        intents: Sequence[Mapping[str, Any]],
        *,
        cap: float | None = None,
        next_take: bool = False,
        lapsed: bool = False,
        most: float | None = None,
        owner: str = "",
    ) -> list[tuple[Row, bool]]:
        """Write down intents and reserve their prices, all in one transaction: all of them or none.

        Parameters
        ----------
        intents : sequence of mapping
            Columns of `Row` by name; ``fingerprint`` is required. ``cost`` is the estimated price in ``currency``.
            ``take`` is the one that is wanted; without it, or with None, the pinned one, else the first.
        cap : float, optional
            Most that this log may spend per currency in any 24 hours, these intents included. Simulated intents
            (``simulated=True``) neither count nor are capped. `None`: no cap.
        next_take : bool
            The take behind the last one of its fingerprint, whatever ``take`` says.
        lapsed : bool
            A new attempt where the take has EXPIRED, although that one may have been paid.
        most : float, optional
            Most that the new rows may cost together, in the currency of the service.
        owner : str
            Who is going to post them: `wan_nb.log.on_disk.posting_process.owner_id`.

        Returns
        -------
        list of (Row, bool)
            In the order of `intents`: a new row in state INTENDED and `True`; or the run of this fingerprint and take
            and `False`, if that one is open, or may have been paid. After FAILED and CANCELED there is a new attempt.

        Raises
        ------
        BudgetExceeded
            The cap, or `most`, would be passed. Nothing was written.
        """
        for intent in intents:
            check_names(intent, _INTENT)
            check_price(intent.get("cost"), intent.get("currency"))
        anew = UNBILLED | {Status.EXPIRED} if lapsed else UNBILLED

        def work(c: sa.Connection) -> list[tuple[Row, bool]]:
            return self._reserve(c, intents, next_take=next_take, anew=anew, cap=cap, most=most, owner=owner)

        try:
            return self._db.write(work)
        except BudgetExceeded as error:
            self._refused(error, intents)
            raise

    def _refused(self, error: BudgetExceeded, intents: Sequence[Mapping[str, Any]]) -> None:
        """Write down what a budget of the log has refused; a limit that a person gave for one order is no budget."""
        told = error.details
        if "most" in told:
            return
        asked = {name: intents[0].get(name) for name in ("user", "study")}
        price = told.get("price", sum(intent.get("cost") or 0.0 for intent in intents))
        kept = {"job": told.get("job"), "clips": told.get("clips", len(intents)), "currency": told.get("currency")}
        with suppress(LogError):  # the refusal stands, noted or not
            self._note_refusal(**asked, **kept, price=price, reason=error.message)

    def _reserve(
        self,
        c: sa.Connection,
        intents: Sequence[Mapping[str, Any]],
        *,
        next_take: bool,
        anew: Collection[Status],
        cap: float | None,
        most: float | None,
        owner: str,
    ) -> list[tuple[Row, bool]]:
        now = self._now()
        results = []
        for number, intent in enumerate(intents):
            takes = Takes.read(c, intent["fingerprint"])
            take = takes.next if next_take else intent.get("take") or takes.pinned
            run = takes.run(take)
            if run is not None and run.status not in anew:
                results.append((_joined(c, run, intent), False))
                continue
            # One microsecond apart, so that the order of a study is the order of its times.
            new = {"created_at": now + timedelta(microseconds=number), "owner": owner, **intent, "take": take}
            made = self._insert(c, new, attempt=takes.attempts(take) + 1)
            if next_take:
                _join_studies_of(c, made, takes)
            results.append((made, True))
        bought = [row for row, is_new in results if is_new]
        check_most(bought, most)
        check_cap(c, bought, cap=cap, now=now)
        check_jobs(c, bought)
        return results

    def _insert(self, c: sa.Connection, values: Mapping[str, Any], *, attempt: int) -> Row:
        run_id = secrets.token_hex(6)
        given = {
            "status": Status.INTENDED,
            "simulated": False,
            "owner": "",
            "version": __version__,
            "request": {},
            **values,
        }
        c.execute(sa.insert(runs).values(run_id=run_id, attempt=attempt, **given))
        return _joined(c, _row(c, run_id), given)

    def begin_post(self, run_id: str, *, owner: str | None = None, skew: timedelta | None = None) -> str | None:
        """Write down that the POST of an intent is about to leave; once more before each further attempt.

        At most one POST of the same model and prompt is in flight per log, so that an answer that never came can be
        told from the others of the account.

        Parameters
        ----------
        run_id : str
        owner : str, optional
            Who posts.
        skew : timedelta, optional
            Clock of the service minus ours, which settling an answer that never came has to know as it was.

        Returns
        -------
        str or None
            The run of the same model and prompt that is in flight: ask again when it is answered. `None`: it may leave.

        Raises
        ------
        LogError
            The run is not an intent of `owner` any more: another process has taken it for dead. It must not be posted.
        """

        def work(c: sa.Connection) -> str | None:
            row = _row(c, run_id)
            if row.status is not Status.INTENDED or owner not in {None, row.owner}:
                raise LogError("it is not this kernel's to post any more", remedy="%wan resume", run_id=run_id)
            held = _in_flight(c, row)
            if held not in {None, run_id}:
                return held
            values = {"posting": _posting_key(row), "posted_at": self._now(), "post_end": None, "post_ended_at": None}
            noted = {} if skew is None else {"skew": skew.total_seconds()}
            c.execute(_change(run_id).values(**values, **noted))
            return None

        return self._db.write(work)

    def in_flight(self, run_id: str) -> str | None:
        """Another run of the same model and prompt whose POST is in flight, if there is one."""
        held = self._db.read(lambda c: _in_flight(c, _row(c, run_id)))
        return None if held == run_id else held

    def abandoned(self, row: Row, alive: Callable[[str, datetime], bool] = owner_alive) -> bool:
        """Whether the process that was to post an intent is dead.

        Parameters
        ----------
        row : Row
        alive : callable
            Told an owner and its last sign of life, says whether it may still be at work.
        """
        seen = self._last_beat(row.owner or "")
        return not alive(row.owner or "", max(filter(None, [row.created_at, row.posted_at, seen])))

    def adopt(self, task_id: str, **columns: Any) -> tuple[Row, bool]:
        """Take in a task that this log did not submit, as PENDING unless `columns` say otherwise.

        Returns
        -------
        (Row, bool)
            `False` when the log knew the task already. Its price counts, but no cap stops it: it is spent already.
        """
        check_names(columns, set(NAMES) - {"run_id", "task_id", "attempt"})

        def work(c: sa.Connection) -> tuple[Row, bool]:
            if known := only_row(c, runs.c.task_id == task_id):
                return known, False
            given = {"status": Status.PENDING, "fingerprint": f"task:{task_id}", "created_at": self._now(), **columns}
            takes = Takes.read(c, given["fingerprint"])
            new = {"take": takes.pinned, **given, "task_id": task_id}
            return self._insert(c, new, attempt=takes.attempts(new["take"]) + 1), True

        return self._db.write(work)

    # --- takes

    def takes(self, fingerprints: Sequence[str]) -> list[Takes]:
        """What was bought of each of these requests, take by take."""
        wanted = list(dict.fromkeys(fingerprints))
        found: dict[str, list[Row]] = {key: [] for key in wanted}
        for row in self.find(fingerprint=wanted) if wanted else ():
            found[row.fingerprint].append(row)
        pinned = self._db.read(lambda c: read_pins(c, wanted))
        takes = {key: Takes.of(rows, pinned.get(key, 1)) for key, rows in found.items()}
        return [takes[key] for key in fingerprints]

    def pin(self, run_id: str) -> Row:
        """Make the take of a run the one that is shown where no number is asked for.

        Raises
        ------
        NotFound
            No such run.
        LogError
            It has failed or was canceled: it is no take.
        """

        def work(c: sa.Connection) -> Row:
            row = _row(c, run_id)
            if row.status in UNBILLED:
                raise LogError(f"it is {row.status}: there is no clip to pin", run_id=row.run_id)
            c.execute(sa.delete(pins).where(pins.c.fingerprint == row.fingerprint))
            c.execute(sa.insert(pins).values(fingerprint=row.fingerprint, take=row.take))
            return row

        return self._db.write(work)

    # --- news

    def update(self, run_id: str, event: str | None = None, **facts: Any) -> Row:
        """Write news of a run.

        Leaving INTENDED frees its model and prompt for the next POST; FAILED and CANCELED set the cost to 0.

        Parameters
        ----------
        run_id : str
        event : str, optional
            An `Event`; its state stays when left out.
        **facts
            Other columns by name.

        Raises
        ------
        NotFound
            No such run.
        LogError
            The event cannot happen in its state, or a final run would change in more than remarks and its file.
        """
        return self._news(run_id, event, facts, may_be_late=False)

    def advance(
        self, run_id: str, event: str | None = None, *, of_task: str | EllipsisType | None = ..., **facts: Any
    ) -> Row:
        """Write news that another kernel may have had first: `update`, but what the row has overtaken is left out.

        Parameters
        ----------
        run_id : str
        event : str, optional
            As in `update`.
        of_task : str or None, optional
            The news hold for a run of this task (None: of none) and are left out when it has another one by now.
        **facts
            As in `update`.

        Returns
        -------
        Row
            As it is now; compare its status with what was meant.
        """
        return self._news(run_id, event, facts, may_be_late=True, of_task=of_task)

    def _news(
        self,
        run_id: str,
        event: str | None,
        facts: Mapping[str, Any],
        *,
        may_be_late: bool,
        of_task: str | EllipsisType | None = ...,
    ) -> Row:
        check_names(facts, set(NAMES) - _FIXED)

        def work(c: sa.Connection) -> Row:
            row = _row(c, run_id)
            if of_task is not ... and row.task_id != of_task:
                return row
            return _changed(c, row, event, facts, may_be_late=may_be_late)

        return self._db.write(work)

    def withdraw(self, run_ids: Sequence[str], *, code: str | None, message: str) -> list[Row]:
        """Cancel intents that were never sent, all in one transaction; what has been overtaken stays as it is.

        Parameters
        ----------
        run_ids : sequence of str
        code, message : str
            Why, for the rows.
        """
        why = {"error_code": code, "error_message": message}
        back = Event.TAKEN_BACK
        return self._db.write(lambda c: [_changed(c, _row(c, i), back, why, may_be_late=True) for i in run_ids])

    def forget(self, run_id: str) -> Row:
        """Forget where the file of a final run is; the row and its cost stay.

        Raises
        ------
        LogError
            The run is still open: its clip is still to come.
        """

        def work(c: sa.Connection) -> Row:
            row = _row(c, run_id)
            if row.open:
                raise LogError(f"it is {row.status}: its clip is still to come", remedy="Cancel it first, or wait.")
            c.execute(_change(run_id).values(video=None))
            return _row(c, run_id)

        return self._db.write(work)


def _posting_key(row: Row) -> str:
    return hashlib.sha256(f"{row.model}\0{row.prompt}".encode()).hexdigest()


def _in_flight(c: sa.Connection, row: Row) -> str | None:
    """The run, perhaps `row` itself, whose POST has the model and prompt of `row`."""
    held: str | None = c.execute(
        sa.select(runs.c.run_id).where(runs.c.posting == _posting_key(row))
    ).scalar_one_or_none()
    return held


def _changed(c: sa.Connection, row: Row, event: str | None, facts: Mapping[str, Any], *, may_be_late: bool) -> Row:
    """Write news of a run where the event may happen; see `RunLog.update` and `RunLog.advance`."""
    to = row.status if event is None else EVENTS[Event(event)].to
    if to is row.status:
        barred = set(facts) - _AFTERWARDS if row.status in FINAL else set()
    else:
        assert event is not None
        barred = set() if row.status in EVENTS[Event(event)].sources else {"status"}
    if barred and may_be_late:
        return row
    if barred:
        what = f"become {to}" if to is not row.status else f"change its {', '.join(sorted(barred))}"
        raise LogError(f"it is {row.status} and cannot {what}", run_id=row.run_id)
    if (task := facts.get("task_id")) and task != row.task_id and (other := only_row(c, runs.c.task_id == task)):
        raise LogError(f"task {task[:60]} is run {other.run_id[:8]}'s already", run_id=row.run_id, task_of=other.run_id)
    extra: dict[str, Any] = {} if to is Status.INTENDED else {"posting": None}
    if to in UNBILLED:
        extra["cost"] = 0.0
    c.execute(_change(row.run_id).values(**{**facts, "status": to, **extra}))
    return _row(c, row.run_id)


def _change(run_id: str) -> sa.Update:
    return sa.update(runs).where(runs.c.run_id == run_id)


def _joined(c: sa.Connection, row: Row, intent: Mapping[str, Any]) -> Row:
    """Make a run a member of the study that asks for it, and give it the tags of the request."""
    if (study := intent.get("study")) is not None:
        key = {"study": study, "run_id": row.run_id}
        known = sa.select(members.c.variant, members.c.block).where(*(members.c[name] == key[name] for name in key))
        labels = {name: intent.get(name) for name in ("variant", "block")}
        if (found := c.execute(known).first()) is None:
            c.execute(sa.insert(members).values(**key, **labels, created_at=row.created_at))
        elif any(labels.values()) and (found.variant, found.block) != tuple(labels.values()):
            c.execute(sa.update(members).where(*(members.c[name] == key[name] for name in key)).values(**labels))
    tags = tuple(dict.fromkeys([*row.tags, *words(intent.get("tags") or (), "tags")]))
    if tags == row.tags:
        return row
    c.execute(_change(row.run_id).values(tags=tags))
    return _row(c, row.run_id)


def _join_studies_of(c: sa.Connection, row: Row, takes: Takes) -> None:
    """Make a take a cell of every study that another take of its request is a cell of, under the same labels."""
    known = sa.select(members).where(members.c.run_id.in_([other.run_id for other in takes.rows]))
    studies = {member.study: member for member in c.execute(known)}
    for study, member in studies.items():
        if study != row.study:
            key = {"study": study, "run_id": row.run_id, "created_at": row.created_at}
            c.execute(sa.insert(members).values(**key, variant=member.variant, block=member.block))


def _row(c: sa.Connection, run_id: str) -> Row:
    row = row_by_id(c, run_id)
    if row is None:
        raise NotFound(f"no run {shown(run_id)} in this log", remedy="See wan_nb.runs() or %wan runs.")
    return row
