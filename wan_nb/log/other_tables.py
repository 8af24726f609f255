"""What the log keeps beside the runs: uploads, studies, votes, ballots, measures, and what cells showed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from wan_nb.arguments import shown
from wan_nb.errors import LogError, NotFound, did_you_mean, nearest
from wan_nb.log import schema
from wan_nb.sanitize import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from wan_nb.log.database import Database

__all__ = ["Tables"]


_CHUNK = 5000
"""Values in one IN list; SQLite takes 32 766."""


class Tables:
    """The small tables of a log.

    Parameters
    ----------
    database : Database
    now : callable
        The clock, returning an aware datetime.
    """

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._db = database
        self._now = now

    # --- uploads

    def remember_upload(self, key: str, url: str, expires_at: datetime) -> None:
        """Keep where a material was uploaded to, until `expires_at`, unless it is secret; what has expired goes."""
        table = schema.uploads
        if redact(url) != url:
            return

        def work(c: sa.Connection) -> None:
            c.execute(sa.delete(table).where((table.c.key == key) | (table.c.expires_at <= self._now())))
            c.execute(sa.insert(table).values(key=key, url=url, expires_at=expires_at))

        self._db.write(work)

    def recall_upload(self, key: str, now: datetime | None = None) -> str | None:
        """Return the URL of an earlier upload that still lives, or `None`."""
        table = schema.uploads
        alive = sa.select(table.c.url).where(table.c.key == key, table.c.expires_at > (now or self._now()))
        return self._db.read(lambda c: c.execute(alive).scalar_one_or_none())

    # --- studies, votes, ballots

    def save_study(self, name: str, plan: Mapping[str, Any]) -> None:
        """Keep the plan of a study under its name; an earlier plan of that name is replaced."""
        table = schema.studies

        def work(c: sa.Connection) -> None:
            c.execute(sa.delete(table).where(table.c.name == name))
            c.execute(sa.insert(table).values(name=name, saved_at=self._now(), plan=dict(plan)))

        self._db.write(work)

    def load_study(self, name: str) -> dict[str, Any]:
        """Return the plan of a study.

        Raises
        ------
        NotFound
            No study of that name; the message says the nearest names.
        """
        table = schema.studies
        found = self._db.read(lambda c: c.execute(sa.select(table.c.plan).where(table.c.name == name)).first())
        if found is not None and found.plan is None:
            raise LogError(
                f"the plan of study {name!r} cannot be read: its row in the log is damaged",
                remedy="Give its prompts again under that name; its clips and votes are kept.",
            )
        if found is None:
            known = self.studies()
            raise NotFound(
                f"no study {shown(name)} in this log.",
                remedy=did_you_mean(
                    nearest(name, known, 3),
                    f"The newest: {', '.join(known[:5])}." if known else "The log holds no study yet.",
                ),
            )
        return dict(found.plan)

    def studies(self) -> list[str]:
        """Return the names of all studies, the last saved one first."""
        table = schema.studies
        query = sa.select(table.c.name).order_by(table.c.saved_at.desc(), table.c.name)
        return self._db.read(lambda c: list(c.execute(query).scalars()))

    def add_vote(self, vote: Mapping[str, Any]) -> None:
        """Append a vote; ``vote["study"]`` names its study. Votes are never changed: an undo is one more vote.

        The log adds ``voted_at`` (ISO 8601, UTC) when the vote has none.
        """
        self._db.write(lambda c: self._append(c, [vote]))

    def add_votes(self, study: str, votes: Sequence[Mapping[str, Any]]) -> int:
        """Append those votes whose ``vote_id`` the study does not have yet, all or none; how many these are."""
        table = schema.votes

        def work(c: sa.Connection) -> int:
            there = c.execute(sa.select(table.c.vote).where(table.c.study == study)).scalars()
            known = {vote.get("vote_id") for vote in there if vote is not None}
            new = [vote for vote in votes if vote["vote_id"] not in known]
            self._append(c, new)
            return len(new)

        return self._db.write(work)

    def _append(self, c: sa.Connection, votes: Sequence[Mapping[str, Any]]) -> None:
        table, now = schema.votes, self._now().isoformat()
        first = c.execute(sa.select(sa.func.coalesce(sa.func.max(table.c.number), 0) + 1)).scalar_one()
        rows = [
            {"number": number, "study": vote["study"], "vote": {"voted_at": now, **vote}}
            for number, vote in enumerate(votes, first)
        ]
        if rows:
            c.execute(sa.insert(table), rows)

    def votes(self, study: str) -> list[dict[str, Any]]:
        """Return the votes of a study in the order in which they were given."""
        table = schema.votes
        query = sa.select(table.c.vote).where(table.c.study == study).order_by(table.c.number)
        return self._db.read(lambda c: [vote for vote in c.execute(query).scalars() if vote is not None])

    def save_ballot(self, ballot: str, study: str, paper: Mapping[str, Any]) -> None:
        """Keep what the random names in a ballot file stand for."""
        row = {"ballot": ballot, "study": study, "made_at": self._now(), "paper": dict(paper)}
        self._db.write(lambda c: c.execute(sa.insert(schema.ballots).values(**row)))

    def load_ballot(self, ballot: str) -> tuple[str, dict[str, Any]] | None:
        """Study of a ballot file, and what the names in it stand for; None where this log has not made it."""
        table = schema.ballots
        query = sa.select(table.c.study, table.c.paper).where(table.c.ballot == ballot)
        found = self._db.read(lambda c: c.execute(query).first())
        return None if found is None or found.paper is None else (found.study, dict(found.paper))

    # --- names and damage

    def first_name(self) -> str:
        """Return the first rater that has a name, else the first user; empty where the log names nobody."""
        votes = sa.select(schema.votes.c.vote).order_by(schema.votes.c.number)
        named = (
            sa.select(schema.runs.c.user).where(schema.runs.c.user != "").order_by(schema.runs.c.created_at).limit(1)
        )

        def work(c: sa.Connection) -> str:
            raters = (str(vote.get("rater") or "") for vote in c.execute(votes).scalars() if vote is not None)
            return next(filter(None, raters), None) or c.execute(named).scalar_one_or_none() or ""

        return self._db.read(work)

    def damaged(self) -> dict[str, int]:
        """How many rows of the small tables cannot be read, by table."""
        columns = {
            "studies": schema.studies.c.plan,
            "votes": schema.votes.c.vote,
            "ballots": schema.ballots.c.paper,
            "measures": schema.measures.c.found,
        }

        def work(c: sa.Connection) -> dict[str, int]:
            found = {name: c.execute(sa.select(column)).scalars() for name, column in columns.items()}
            return {name: sum(value is None for value in values) for name, values in found.items()}

        return {name: count for name, count in self._db.read(work).items() if count}

    # --- measures

    def put_measures(self, video_sha256: str, version: object, found: Mapping[str, Any]) -> None:
        """Keep what one version of the measures found in a clip."""
        table = schema.measures
        key = {"video_sha256": video_sha256, "version": str(version)}

        def work(c: sa.Connection) -> None:
            c.execute(sa.delete(table).where(*(table.c[name] == value for name, value in key.items())))
            c.execute(sa.insert(table).values(**key, measured_at=self._now(), found=dict(found)))

        self._db.write(work)

    def measures(self, video_sha256s: Iterable[str], version: object | None = None) -> dict[str, dict[str, Any]]:
        """Return what was found in these clips: ``{sha256: measures}``; clips that were not measured are left out.

        Parameters
        ----------
        video_sha256s : iterable of str
        version : object, optional
            Only of this version; of the last measurement when left out.
        """
        table = schema.measures
        wanted = list(dict.fromkeys(video_sha256s))
        query = sa.select(table.c.video_sha256, table.c.found).order_by(table.c.measured_at)
        if version is not None:
            query = query.where(table.c.version == str(version))

        def work(c: sa.Connection) -> dict[str, dict[str, Any]]:
            found: dict[str, dict[str, Any]] = {}
            for first in range(0, len(wanted), _CHUNK):
                part = query.where(table.c.video_sha256.in_(wanted[first : first + _CHUNK]))
                found.update({row.video_sha256: row.found for row in c.execute(part) if row.found is not None})
            return found

        return self._db.read(work)

    # --- what cells showed

    def keep_order(self, notebook: str, cells: Iterable[str], bought: Mapping[str, Any]) -> None:
        """Keep what a cell of a notebook, under each of its names, has just shown."""
        table = schema.orders
        names = list(dict.fromkeys(cells))

        def work(c: sa.Connection) -> None:
            c.execute(sa.delete(table).where(table.c.notebook == notebook, table.c.cell.in_(names)))
            for name in names:
                c.execute(
                    sa.insert(table).values(notebook=notebook, cell=name, saved_at=self._now(), bought=dict(bought))
                )

        if names:
            self._db.write(work)

    def order(self, notebook: str, cells: Iterable[str]) -> dict[str, Any] | None:
        """Return what a cell showed when it was last run, by the first of its names that is known."""
        table = schema.orders
        names = list(cells)
        query = sa.select(table.c.cell, table.c.bought).where(table.c.notebook == notebook, table.c.cell.in_(names))
        found = {row.cell: row.bought for row in self._db.read(lambda c: c.execute(query).all())} if names else {}
        return next((found[name] for name in names if found.get(name)), None)

    def orders_of(self, cell: str) -> dict[str, dict[str, Any]]:
        """Return what a cell showed when it was last run, by notebook: a copy of one has the ids of its cells."""
        table = schema.orders
        query = sa.select(table.c.notebook, table.c.bought).where(table.c.cell == cell)
        return {row.notebook: row.bought for row in self._db.read(lambda c: c.execute(query).all())}
