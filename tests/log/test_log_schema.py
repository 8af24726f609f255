"""How a log grows old: migrations, newer schemas, and questions that stay cheap."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from log_kit import START

from wan_nb.errors import LogError
from wan_nb.log import database, migrations, schema
from wan_nb.log.database import Database
from wan_nb.log.runlog import RunLog
from wan_nb.log.states import Status

pytest_plugins = ["fixtures_log"]

# A log as version 1 left it, with a run in it. Never edited: it stands for files that exist.
VERSION_1 = """
CREATE TABLE schema_version (version INTEGER NOT NULL PRIMARY KEY);
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
CREATE TABLE uploads (key TEXT NOT NULL PRIMARY KEY, url TEXT NOT NULL, expires_at BIGINT NOT NULL);
INSERT INTO runs (run_id, fingerprint, attempt, status, simulated, created_at, cost, currency, study, seed, watermark,
    task_id, tags, prompt, request)
VALUES ('0123456789ab', 'f1', 1, 'RUNNING', FALSE, 1795348800000000, 3.0, 'CNY', 'walk', 7, TRUE, 't1', 'keep, bright',
    'a cat walks', '{"seed":7}');
INSERT INTO uploads (key, url, expires_at) VALUES ('k', 'oss://a', 4102444800000000);
INSERT INTO schema_version (version) VALUES (1)
"""

# The same, as version 2 left it.
VERSION_2 = f"""{VERSION_1};
CREATE TABLE studies (name TEXT NOT NULL PRIMARY KEY, saved_at BIGINT NOT NULL, plan TEXT NOT NULL);
CREATE TABLE votes (number BIGINT NOT NULL PRIMARY KEY, study TEXT NOT NULL, vote TEXT NOT NULL);
CREATE INDEX votes_study ON votes (study, number);
CREATE TABLE measures (
    video_sha256 TEXT NOT NULL, version TEXT NOT NULL, measured_at BIGINT NOT NULL, found TEXT NOT NULL,
    PRIMARY KEY (video_sha256, version)
);
CREATE TABLE owners (owner TEXT NOT NULL PRIMARY KEY, seen_at BIGINT NOT NULL);
INSERT INTO schema_version (version) VALUES (2)
"""

EARLIER = {1: VERSION_1, 2: VERSION_2}


def shape(url: str) -> dict[str, object]:
    """Tables with their columns, keys and indexes."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    inspector = sa.inspect(engine)
    return {
        table: (
            {column["name"]: (str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)},
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted((str(index["name"]), index["unique"]) for index in _indexes(inspector, table)),
        )
        for table in inspector.get_table_names()
    }


def _indexes(inspector: sa.Inspector, table: str) -> list[object]:
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Skipped unsupported reflection of expression-based index")
        return [index for index in inspector.get_indexes(table) if index["name"] != "runs_charged"]


def test_every_earlier_version_is_remembered():
    assert sorted(EARLIER) == list(range(1, len(migrations.MIGRATIONS)))
    assert [m.__name__[:5] for m in migrations.MIGRATIONS] == [
        f"m{n + 1:03}_" for n in range(len(migrations.MIGRATIONS))
    ]


@pytest.mark.parametrize("version", sorted(EARLIER))
def test_a_log_of_an_earlier_version_is_carried_over(log_url: str, sql, tmp_path: Path, version: int):
    for statement in EARLIER[version].split(";"):
        sql(statement)
    log = RunLog(log_url, migrated=True)
    row = log.get("0123")
    assert (row.status, row.created_at, row.seed, row.watermark) == (Status.RUNNING, START.replace(hour=12), 7, True)
    assert (row.tags, row.request, row.task_id) == (("keep", "bright"), {"seed": 7}, "t1")
    assert log.recall_upload("k") == "oss://a"
    assert log.update(row.run_id, "made").open
    log.save_study("walk", {})
    log.close()
    assert sql("SELECT version FROM schema_version ORDER BY version") == [
        (n + 1,) for n in range(len(migrations.MIGRATIONS))
    ]
    carried = shape(log_url)
    for table in carried:
        sql(f"DROP TABLE {table}")
    RunLog(log_url).close()
    assert carried == shape(log_url)


BODY = {"input": {"prompt": "a cat"}, "model": "m", "parameters": {"seed": 7}}
BESIDE: dict[str, tuple[str | None, dict[str, object]]] = {
    "all": (
        json.dumps(BODY | {"identity": "https://a/api/v1#1", "skew": -1.5, "guessed": True, "receipt": "-3"}),
        BODY,
    ),
    "some": (json.dumps(BODY | {"identity": "simulator", "skew": 0}), BODY),
    "none": (json.dumps(BODY), BODY),
    "no clock": (json.dumps({"skew": "late", "guessed": False}), {}),
    "text that no database takes": (json.dumps({"receipt": "\0\ud800"}), {}),
    "no text": (None, {}),
    "no JSON": ('{"identity": "x"', {}),
    "no object": ("[]", {}),
}
FOUND = {
    "all": ("https://a/api/v1#1", -1.5, True, "-3", ()),
    "some": ("simulator", 0.0, None, None, ()),
    "no clock": (None, None, None, None, ("skew",)),
    "text that no database takes": (None, None, None, "␀?", ()),
    "no JSON": (None, None, None, None, ("request",)),
    "no object": (None, None, None, None, ("request",)),
}


def test_what_stood_beside_a_request_becomes_columns(log_url: str, sql):
    for statement in VERSION_2.split(";"):
        sql(statement)
    for number, (text, _) in enumerate(BESIDE.values()):
        kept = "NULL" if text is None else f"'{text}'"
        sql(
            "INSERT INTO runs (run_id, fingerprint, attempt, status, simulated, created_at, prompt, request) "
            f"VALUES ('{number:012x}', '{number}', 1, 'SUCCEEDED', FALSE, {number}, 'a cat', {kept})"
        )
    plan = json.dumps({"cells": [{"request": BODY, "variant": "a", "block": "b"}]})
    sql(f"INSERT INTO studies (name, saved_at, plan) VALUES ('walk', 0, '{plan}'), ('damaged', 0, '{{')")
    log = RunLog(log_url, migrated=True)
    for number, (name, (_, body)) in enumerate(BESIDE.items()):
        row = log.get(f"{number:012x}")
        assert row.request == body, name
        found = (row.identity, row.skew, row.guessed, row.receipt, row.damaged)
        assert found == FOUND.get(name, (None, None, None, None, ())), name
    log.close()


S, F, C, P, E = "SUCCEEDED", "FAILED", "CANCELED", "PENDING", "EXPIRED"


@pytest.mark.parametrize(
    ("attempts", "takes", "pinned"),
    [
        ([S], [1], 1),
        ([F, S], [1, 1], 1),
        ([S, S], [1, 2], 2),
        ([S, F, S], [1, 2, 2], 2),
        ([S, F], [1, 1], 1),
        ([F, C], [1, 1], 1),
        ([S, S, P], [1, 2, 3], 2),
        ([E, C, S, F, F, E, F], [1, 2, 2, 3, 3, 3, 3], 2),
    ],
)
def test_attempts_of_the_first_edition_become_takes(
    log_url: str, sql, attempts: list[str], takes: list[int], pinned: int
):
    for statement in EARLIER[2].split(";"):
        sql(statement)
    columns = "run_id, fingerprint, attempt, status, simulated, created_at"
    for number, status in enumerate(attempts, 1):
        sql(f"INSERT INTO runs ({columns}) VALUES ('{number:012}', 'f2', {number}, '{status}', TRUE, {number})")
    log = RunLog(log_url, migrated=True)
    rows = log.find(fingerprint="f2", newest_first=False)
    assert [row.take for row in rows] == takes
    assert [row.attempt for row in rows] == [*range(1, len(attempts) + 1)], "which attempt it was stays"
    (found,) = log.takes(["f2"])
    assert found.pinned == pinned
    assert log.get("0123").take == 1
    if S in attempts:
        row, new = log.reserve({"fingerprint": "f2"})
        assert not new, "the cell costs nothing"
        newest = max(n for n, status in enumerate(attempts, 1) if status == S)
        assert row.run_id == f"{newest:012}", "the first edition showed the newest"
    log.close()


def test_the_tables_are_what_the_migrations_made(log: RunLog, log_url: str):
    made = shape(log_url)
    assert made.pop("schema_version")
    declared = {table.name: {column.name for column in table.columns} for table in schema.TABLES.sorted_tables}
    assert {name: set(columns) for name, (columns, _, _) in made.items()} == declared


def test_a_newer_log_is_refused_and_left_alone(log_url: str, sql):
    RunLog(log_url).close()
    sql("INSERT INTO schema_version (version) VALUES (99)")
    before = shape(log_url)
    with pytest.raises(LogError, match=r"schema 99, which is newer than the \d+ that.*\nUpdate wan_nb"):
        RunLog(log_url)
    assert shape(log_url) == before


def test_a_migration_that_fails_leaves_the_old_log(log_url: str, sql, monkeypatch: pytest.MonkeyPatch):
    for statement in VERSION_1.split(";"):
        sql(statement)
    before = shape(log_url)

    def broken(connection: sa.Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (done INTEGER)")
        connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", [*migrations.MIGRATIONS, broken])
        with pytest.raises(LogError, match=r"is damaged: .*nowhere"):
            RunLog(log_url, migrated=True)
    assert shape(log_url) == before
    assert sql("SELECT version FROM schema_version") == [(1,)]
    log = RunLog(log_url, migrated=True)
    assert log.get("0123").seed == 7
    log.close()


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "mysql://me:geheim@host/name", "nonsense", "", "sqlite:///{folder}"],
)
def test_what_cannot_be_a_log_is_refused_without_its_password(url: str, tmp_path: Path):
    with pytest.raises(LogError) as caught:
        RunLog(url.format(folder=tmp_path))
    assert "geheim" not in str(caught.value) + repr(caught.value)
    assert caught.value.remedy


def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path):
    path = tmp_path / "runs.db"
    path.write_text("Dear diary, " * 500)
    with pytest.raises(LogError, match="file is not a database"):
        RunLog(f"sqlite:///{path}")
    assert path.read_text() == "Dear diary, " * 500


@pytest.mark.postgres
def test_a_server_that_is_not_there_is_said_without_its_password():
    with pytest.raises(LogError, match=r"me:\*\*\*@127\.0\.0\.1:1/name") as caught:
        RunLog("postgresql+psycopg://me:geheim@127.0.0.1:1/name")
    assert "geheim" not in str(caught.value)


def test_a_log_makes_its_folder(tmp_path: Path):
    RunLog(f"sqlite:///{tmp_path}/a b/猫/runs.db").close()
    assert (tmp_path / "a b" / "猫" / "runs.db").exists()


def test_sqlite_commits_outlive_the_power(tmp_path: Path):
    opened = Database(f"sqlite:///{tmp_path}/runs.db")
    asked = ("journal_mode", "synchronous", "busy_timeout")
    found = opened.read(lambda c: [c.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in asked])
    assert found == ["wal", 2, 30_000]
    opened.close()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another program that is in the middle of a write."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.rollback()
    other.close()


def test_a_log_that_stays_busy_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.0)
    log = RunLog(f"sqlite:///{tmp_path}/runs.db")
    with held(tmp_path / "runs.db"):
        with pytest.raises(LogError, match="kept busy by another program"):
            log.reserve({"fingerprint": "f"})
        assert log.find() == [], "readers do not wait for a writer"
    assert log.reserve({"fingerprint": "f"})[1]
    log.close()


def test_a_moment_of_busyness_is_waited_out(tmp_path: Path):
    log = RunLog(f"sqlite:///{tmp_path}/runs.db")
    calls = []

    def work(connection: sa.Connection) -> str:
        calls.append(connection.exec_driver_sql("INSERT INTO uploads VALUES ('k', 'oss://a', 9000000000000000)"))
        if len(calls) < 3:
            # What SQLite says at once, without waiting, while another kernel opens or recovers the file.
            with closing(sqlite3.connect(tmp_path / "runs.db", timeout=0)) as other:
                try:
                    other.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError as busy:
                    raise sa.exc.OperationalError("BEGIN", None, busy) from busy
        return "done"

    assert log._db.write(work) == "done"
    assert (len(calls), log.recall_upload("k")) == (3, "oss://a")
    log.close()
