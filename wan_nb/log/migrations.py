"""The schema of a log from version to version: one function a version, appended, never changed.

The statements are written so that SQLite and PostgreSQL read them alike. Long texts stand last, so that a look at one
of the other columns need not walk through them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from wan_nb.errors import LogError
from wan_nb.log.reading.stored_values import to_dict
from wan_nb.log.schema import words
from wan_nb.sanitize import number

__all__ = ["MIGRATIONS", "migrate", "version_of"]

Migration = Callable[[sa.Connection], None]
MIGRATIONS: list[Migration] = []


def version_of(connection: sa.Connection) -> int:
    """Return the number of migrations that this log has seen; 0 for an empty database."""
    told: Any = 0
    if sa.inspect(connection).has_table("schema_version"):
        told = connection.exec_driver_sql("SELECT coalesce(max(version), 0) FROM schema_version").scalar_one()
    return told if isinstance(told, int) and told > 0 else _seen(connection)


def _seen(connection: sa.Connection) -> int:
    """The version of a log whose ``schema_version`` is lost, by the tables and columns that are there."""
    there = _columns(connection)
    if "runs" not in there:
        return 0
    engine = sa.create_engine("sqlite://")
    try:
        with engine.begin() as fresh:
            for before, migration in enumerate(MIGRATIONS):
                migration(fresh)
                if any(columns - there.get(table, frozenset()) for table, columns in _columns(fresh).items()):
                    return before
    finally:
        engine.dispose()
    return len(MIGRATIONS)


def _columns(connection: sa.Connection) -> dict[str, frozenset[str]]:
    inspector = sa.inspect(connection)
    return {
        table: frozenset(column["name"] for column in inspector.get_columns(table))
        for table in inspector.get_table_names()
    }


def migrate(connection: sa.Connection) -> None:
    """Bring the log to the newest version, inside the caller's transaction.

    Raises
    ------
    LogError
        The log was written by a newer version of this package.
    """
    version = version_of(connection)
    if version > len(MIGRATIONS):
        raise LogError(
            f"this run log has schema {version}, which is newer than the {len(MIGRATIONS)} that this wan_nb knows",
            remedy="Update wan_nb (pip install -U wan-nb), or name another log with WAN_NB_LOG.",
        )
    if not sa.inspect(connection).has_table("schema_version"):
        connection.exec_driver_sql("CREATE TABLE schema_version (version INTEGER NOT NULL PRIMARY KEY)")
    for reached, migration in enumerate(MIGRATIONS[version:], version + 1):
        migration(connection)
        connection.exec_driver_sql(f"INSERT INTO schema_version (version) VALUES ({reached})")  # noqa: S608 - an int


def _run(connection: sa.Connection, statements: str) -> None:
    for statement in statements.split(";"):
        if statement.strip():
            connection.exec_driver_sql(statement)


@MIGRATIONS.append
def m001_runs_and_uploads(connection: sa.Connection) -> None:
    """Runs and the cache of uploads."""
    _run(
        connection,
        """
        CREATE TABLE runs (
            run_id TEXT NOT NULL PRIMARY KEY, fingerprint TEXT NOT NULL, attempt BIGINT NOT NULL, status TEXT NOT NULL,
            simulated BOOLEAN NOT NULL, created_at BIGINT NOT NULL, posted_at BIGINT, submitted_at BIGINT,
            started_at BIGINT, ended_at BIGINT, queue_s DOUBLE PRECISION, run_s DOUBLE PRECISION,
            billed_s DOUBLE PRECISION, cost DOUBLE PRECISION, currency TEXT, study TEXT, variant TEXT, block TEXT,
            model TEXT, resolution TEXT, duration BIGINT, seed BIGINT, prompt_extend BOOLEAN, watermark BOOLEAN,
            service_status TEXT, task_id TEXT, request_id TEXT, service TEXT, owner TEXT, posting TEXT,
            width BIGINT, height BIGINT, fps DOUBLE PRECISION, has_audio BOOLEAN, bytes BIGINT, video_sha256 TEXT,
            rating BIGINT, version TEXT, video TEXT, first_frame TEXT, last_frame TEXT, driving_audio TEXT,
            first_clip TEXT, error_code TEXT, tags TEXT, note TEXT, error_message TEXT, negative_prompt TEXT,
            prompt TEXT, request TEXT
        );
        CREATE UNIQUE INDEX runs_attempt ON runs (fingerprint, attempt);
        CREATE UNIQUE INDEX runs_posting ON runs (posting) WHERE posting IS NOT NULL;
        CREATE UNIQUE INDEX runs_task ON runs (task_id) WHERE task_id IS NOT NULL;
        CREATE INDEX runs_created ON runs (created_at);
        CREATE INDEX runs_status ON runs (status, created_at);
        CREATE INDEX runs_study ON runs (study, created_at) WHERE study IS NOT NULL;
        CREATE INDEX runs_charged ON runs (simulated, currency, (coalesce(posted_at, created_at)));
        CREATE INDEX runs_timed ON runs (model, resolution, duration, simulated, created_at) WHERE run_s IS NOT NULL;
        CREATE TABLE uploads (key TEXT NOT NULL PRIMARY KEY, url TEXT NOT NULL, expires_at BIGINT NOT NULL)
        """,
    )


@MIGRATIONS.append
def m002_studies(connection: sa.Connection) -> None:
    """Studies, their votes, what was measured in clips, and which kernels are at work."""
    _run(
        connection,
        """
        CREATE TABLE studies (name TEXT NOT NULL PRIMARY KEY, saved_at BIGINT NOT NULL, plan TEXT NOT NULL);
        CREATE TABLE votes (number BIGINT NOT NULL PRIMARY KEY, study TEXT NOT NULL, vote TEXT NOT NULL);
        CREATE INDEX votes_study ON votes (study, number);
        CREATE TABLE measures (
            video_sha256 TEXT NOT NULL, version TEXT NOT NULL, measured_at BIGINT NOT NULL, found TEXT NOT NULL,
            PRIMARY KEY (video_sha256, version)
        );
        CREATE TABLE owners (owner TEXT NOT NULL PRIMARY KEY, seen_at BIGINT NOT NULL)
        """,
    )


@MIGRATIONS.append
def m003_edition_2(connection: sa.Connection) -> None:
    """What edition 2 keeps besides, which is not released yet.

    How and when the last POST of a run ended, which runs are cells of a study, how often the log was written; as
    columns what edition 1 kept beside the request; which take of a request a run is, which one is pinned, and who
    bought it; what a cell showed before; budgets; what the random names of a ballot file stand for; what kind of clip
    a run is and what other models take.
    """
    _run(
        connection,
        """
        ALTER TABLE runs ADD COLUMN post_end TEXT;
        ALTER TABLE runs ADD COLUMN post_ended_at BIGINT;
        ALTER TABLE runs ADD COLUMN identity TEXT;
        ALTER TABLE runs ADD COLUMN skew DOUBLE PRECISION;
        ALTER TABLE runs ADD COLUMN guessed BOOLEAN;
        ALTER TABLE runs ADD COLUMN receipt TEXT;
        CREATE INDEX runs_submitted ON runs (simulated, currency, submitted_at);
        CREATE TABLE members (
            study TEXT NOT NULL, run_id TEXT NOT NULL, variant TEXT, block TEXT, created_at BIGINT NOT NULL,
            PRIMARY KEY (study, run_id)
        );
        CREATE INDEX members_study ON members (study, created_at);
        CREATE TABLE writers (writer TEXT NOT NULL PRIMARY KEY, number BIGINT NOT NULL, in_file BIGINT NOT NULL);
        CREATE INDEX writers_number ON writers (number);
        CREATE TABLE ballots (ballot TEXT NOT NULL PRIMARY KEY, study TEXT NOT NULL, made_at BIGINT NOT NULL,
            paper TEXT NOT NULL);
        INSERT INTO members (study, run_id, variant, block, created_at)
            SELECT study, run_id, variant, block, created_at FROM runs WHERE study IS NOT NULL
        """,
    )
    _run(
        connection,
        """
        ALTER TABLE runs ADD COLUMN take BIGINT NOT NULL DEFAULT 1;
        ALTER TABLE runs ADD COLUMN "user" TEXT;
        DROP INDEX runs_attempt;
        CREATE UNIQUE INDEX runs_attempt ON runs (fingerprint, take, attempt);
        CREATE TABLE pins (fingerprint TEXT NOT NULL PRIMARY KEY, take BIGINT NOT NULL);
        CREATE TABLE orders (
            notebook TEXT NOT NULL, cell TEXT NOT NULL, saved_at BIGINT NOT NULL, bought TEXT NOT NULL,
            PRIMARY KEY (notebook, cell)
        );
        CREATE TABLE budgets (
            job TEXT NOT NULL, "user" TEXT NOT NULL, amount DOUBLE PRECISION NOT NULL, currency TEXT NOT NULL,
            saved_at BIGINT NOT NULL, set_by TEXT, PRIMARY KEY (job, "user")
        );
        CREATE TABLE refusals (
            refusal TEXT NOT NULL PRIMARY KEY, refused_at BIGINT NOT NULL, "user" TEXT, study TEXT, job TEXT,
            clips BIGINT, price DOUBLE PRECISION, currency TEXT, reason TEXT
        );
        CREATE TABLE turns (
            lane TEXT NOT NULL PRIMARY KEY, next_at DOUBLE PRECISION NOT NULL, owner TEXT NOT NULL,
            met_at DOUBLE PRECISION NOT NULL
        );
        CREATE INDEX refusals_time ON refusals (refused_at);
        CREATE INDEX runs_paid ON runs (simulated, currency, "user", cost, model)
        """,
    )
    _run(
        connection,
        """
        ALTER TABLE runs ADD COLUMN task TEXT;
        ALTER TABLE runs ADD COLUMN ratio TEXT;
        ALTER TABLE runs ADD COLUMN "references" TEXT;
        ALTER TABLE runs ADD COLUMN source_video TEXT;
        ALTER TABLE runs ADD COLUMN input_s DOUBLE PRECISION;
        UPDATE runs SET task = 'image to video' WHERE first_frame IS NOT NULL OR first_clip IS NOT NULL
        """,
    )
    if connection.exec_driver_sql("SELECT run_id FROM runs LIMIT 1").first() is not None:
        _reused_cells(connection)
        _beside_requests(connection)
        _takes(connection)


def _takes(connection: sa.Connection) -> None:
    """Number the takes of the first edition: each attempt that did not fail opens one, which the failed before it join.

    The newest that succeeded is pinned, because the first edition showed the newest.
    """
    query = "SELECT fingerprint, status, run_id FROM runs WHERE fingerprint IN"
    query += " (SELECT fingerprint FROM runs GROUP BY fingerprint HAVING count(*) > 1) ORDER BY fingerprint, attempt"
    runs = sa.table("runs", sa.column("run_id"), sa.column("take"))
    pins = sa.table("pins", sa.column("fingerprint"), sa.column("take"))
    for fingerprint, attempts in groupby(connection.exec_driver_sql(query).fetchall(), key=lambda row: str(row[0])):
        opened, succeeded, waiting = 0, 1, list[str]()
        for _, status, run_id in attempts:
            waiting.append(run_id)
            if status not in {"FAILED", "CANCELED"}:
                opened += 1
                _numbered(connection, runs, waiting, opened)
                waiting, succeeded = [], opened if status == "SUCCEEDED" else succeeded
        _numbered(connection, runs, waiting, max(opened, 1))
        if succeeded > 1:
            connection.execute(sa.insert(pins).values(fingerprint=fingerprint, take=succeeded))


def _numbered(connection: sa.Connection, runs: sa.TableClause, run_ids: list[str], take: int) -> None:
    if run_ids and take > 1:
        connection.execute(sa.update(runs).where(runs.c.run_id.in_(run_ids)).values(take=take))


def _reused_cells(connection: sa.Connection) -> None:
    """Make the clips members of a study that it took over from another one: the first edition kept only the buyer."""
    cells: dict[str, list[tuple[str, str, str]]] = {}
    prompts = set()
    for name, plan in connection.exec_driver_sql("SELECT name, plan FROM studies ORDER BY name").fetchall():
        recorded = _read(plan)
        for cell in recorded.get("cells", ()):
            request = cell["request"]
            prompts.add(request.get("input", {}).get("prompt"))
            key = _sent(request, name if recorded.get("named", True) else "")
            cells.setdefault(key, []).append((name, cell["variant"], cell["block"]))
    if not cells:
        return
    found: list[tuple[str, str, str, str, int, str]] = []
    services: dict[str, set[str]] = {}
    query = "SELECT run_id, study, status, created_at, prompt, request FROM runs ORDER BY created_at"
    for run_id, study, status, created_at, prompt, request in connection.exec_driver_sql(query):
        if prompt not in prompts or status in {"FAILED", "CANCELED"}:
            continue
        sent = _read(request)
        service = str(sent.get("identity"))
        for name, variant, block in cells.get(_sent(sent), ()):
            if name == study:
                services.setdefault(name, set()).add(service)
            else:
                found.append((name, run_id, variant, block, created_at, service))
    members = sa.table("members", *map(sa.column, ("study", "run_id", "variant", "block", "created_at")))
    for name, run_id, variant, block, created_at, service in found:
        if service in services.get(name, {service}):
            row = {"study": name, "run_id": run_id, "variant": variant, "block": block, "created_at": created_at}
            connection.execute(sa.insert(members).values(**row))


def _sent(request: dict[str, Any], name: str | None = None) -> str:
    """What a recorded request asks for, as text; of a cell of study `name` with the seed that it had to get."""
    given = dict(request.get("input", {}))
    media = sorted((str(item["type"]), str(item["identity"])) for item in given.pop("media", ()))
    parameters = dict(request.get("parameters", {}))
    if name is not None and "seed" not in parameters:
        parts = [name, *(f"{field}={identity}" for field, identity in media)]
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
        parameters["seed"] = int.from_bytes(digest[:4], "big") & 0x7FFFFFFF
    return json.dumps([request.get("model"), given, media, parameters], sort_keys=True)


def _beside_requests(connection: sa.Connection) -> None:
    """Make columns of what edition 1 kept beside the request; ``request`` is the body from now on."""
    runs = sa.table("runs", *map(sa.column, ("run_id", "request", "identity", "skew", "guessed", "receipt")))
    query = sa.select(runs.c.run_id, runs.c.request).order_by(runs.c.run_id).limit(1000)
    last = ""
    while page := connection.execute(query.where(runs.c.run_id > last)).fetchall():
        for run_id, text in page:
            request = _read(text)
            beside = {name: request.pop(name, None) for name in ("identity", "skew", "guessed", "receipt")}
            if any(value is not None for value in beside.values()):
                changed = sa.update(runs).where(runs.c.run_id == run_id)
                connection.execute(
                    changed.values(request=json.dumps(request, sort_keys=True, separators=(",", ":")), **_kept(beside))
                )
        last = page[-1].run_id


def _kept(beside: dict[str, Any]) -> dict[str, Any]:
    """Those values in the types of their columns; a clock that cannot be read stays unreadable, as infinity."""
    said = {name: words(beside[name]) if beside[name] else None for name in ("identity", "receipt")}
    skew = beside["skew"]
    if skew is not None and (skew := number(skew, -1e300, 1e300)) is None:
        skew = math.inf
    return {**said, "guessed": bool(beside["guessed"]) or None, "skew": skew}


def _read(text: object) -> dict[str, Any]:
    """The dict of a JSON text; an empty one of what cannot be read."""
    try:
        return to_dict(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
