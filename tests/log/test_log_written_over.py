"""The log is the file of that name: an older state that is put into it while it is open is noticed before it costs."""

from __future__ import annotations

import logging
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from test_log_schema import VERSION_2

import wan_nb
from wan_nb.errors import LogError
from wan_nb.log.runlog import RunLog
from wan_nb.maintenance.doctor import examine

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ["fixtures_log"]

OVER = "was written over while it was open"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def copied(source: Path, target: Path) -> None:
    """In place, and by another process: one that copies a file itself would lose its own locks on it."""
    program = "import shutil, sys; shutil.copyfile(*sys.argv[1:])"
    subprocess.run([sys.executable, "-S", "-c", program, source, target], check=True)


def cut(path: Path, length: int) -> None:
    program = "import os, sys; os.truncate(sys.argv[1], int(sys.argv[2]))"
    subprocess.run([sys.executable, "-S", "-c", program, path, str(length)], check=True)


def restored(source: Path, target: Path) -> None:
    """What ``.restore`` of the sqlite3 shell does."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target, timeout=30)) as log:
        old.backup(log)


def carried_over(path: Path, how: str = "PASSIVE") -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA wal_checkpoint({how})").fetchone()


def reserve(log: RunLog, *fingerprints: str) -> None:
    for fingerprint in fingerprints:
        log.reserve({"fingerprint": fingerprint})


def older(path: Path) -> Path:
    """A log that was closed with one run in it, and closed again with a second one; a copy of the first state."""
    for fingerprint in ("first", "second"):
        log = RunLog(path)
        reserve(log, fingerprint)
        log.close()
        if fingerprint == "first":
            shutil.copyfile(path, path.with_name("older.db"))
    return path.with_name("older.db")


def another(path: Path) -> Path:
    """A log of somebody else that was written more often."""
    log = RunLog(path.with_name("another.db"))
    reserve(log, *map(str, range(9)))
    log.close()
    return path.with_name("another.db")


def of_the_same_size(path: Path) -> None:
    size = path.stat().st_size
    old = path.with_name("older.db")
    with old.open("r+b") as file:
        file.truncate(size)
    copied(old, path)


def of_edition_1(path: Path) -> None:
    old = path.with_name("edition1.db")
    with closing(sqlite3.connect(old)) as file:
        file.executescript(VERSION_2)
    copied(old, path)


def something_else(path: Path) -> None:
    path.with_name("diary").write_text("Dear diary, " * 5000)
    copied(path.with_name("diary"), path)


WAYS: dict[str, Callable[[Path], object]] = {
    "cp older.db runs.db": lambda path: copied(path.with_name("older.db"), path),
    "of the same size": of_the_same_size,
    "restored": lambda path: restored(path.with_name("older.db"), path),
    "emptied": lambda path: cut(path, 0),
    "cut off": lambda path: cut(path, path.stat().st_size // 2 // 4096 * 4096),
    "another log": lambda path: copied(another(path), path),
    "of edition 1": of_edition_1,
    "something else": something_else,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("last", ["read", "write", "write and carried over", "second process"])
def test_a_log_that_is_written_over_is_noticed_before_anything_is_bought(path: Path, way: str, last: str) -> None:
    older(path)
    log = RunLog(path)
    assert log.count() == 2
    if last.startswith("write"):
        reserve(log, "third")
    if last == "write and carried over":
        carried_over(path)
    if last == "second process":
        child(path, "third")
        assert log.count() == 3
    WAYS[way](path)
    with pytest.raises(LogError, match=OVER) as caught:
        reserve(log, "second")
    assert str(path) in caught.value.message
    assert "Put the newest copy back" in caught.value.remedy
    with pytest.raises(LogError, match=OVER):
        log.begin_post("abc")
    log.close()


def child(path: Path, *fingerprints: str) -> None:
    """Reserve in a process of its own."""
    program = "import sys; from wan_nb.log.runlog import RunLog\nlog = RunLog(sys.argv[1])\n" + (
        "for fingerprint in sys.argv[2:]: log.reserve({'fingerprint': fingerprint})"
    )
    subprocess.run([sys.executable, "-c", program, f"sqlite:///{path}", *fingerprints], check=True)


def test_an_older_log_that_others_have_gone_on_with_is_still_noticed(path: Path) -> None:
    """Counting alone would not do: they have written more often than what was lost."""
    old = older(path)
    log = RunLog(path)
    reserve(log, "third")
    restored(old, path)
    child(path, *map(str, range(9)))
    with pytest.raises(LogError, match=OVER):
        reserve(log, "third")
    log.close()


def test_what_another_kernel_has_bought_counts_as_seen(path: Path) -> None:
    old = older(path)
    log = RunLog(path)
    child(path, "theirs")
    assert len(log.find(fingerprint="theirs")) == 1
    restored(old, path)
    with pytest.raises(LogError, match=OVER):
        reserve(log, "theirs")
    log.close()


def test_looking_goes_on_with_a_word(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old = older(path)
    log = RunLog(path)
    reserve(log, "third")
    restored(old, path)
    with caplog.at_level(logging.WARNING):
        assert [log.count(), log.count()] == [1, 1]
    assert [record.message.partition("\n")[0] for record in caplog.records] == [log_said(log)], "once"
    log.close()


def log_said(log: RunLog) -> str:
    with pytest.raises(LogError) as caught:
        log.beat("me")
    return str(caught.value).partition("\n")[0]


@pytest.mark.parametrize("back", [copied, restored])
def test_the_newest_copy_put_back_is_gone_on_with(path: Path, back: Callable[[Path, Path], None]) -> None:
    old = older(path)
    log = RunLog(path)
    reserve(log, "third")
    newest = path.with_name("newest.db")
    restored(path, newest)
    back(old, path)
    with pytest.raises(LogError, match=OVER):
        reserve(log, "third")
    back(newest, path)
    assert log.reserve({"fingerprint": "third"})[1] is False
    log.close()


@pytest.mark.parametrize("which", ["older", "another"])
def test_a_new_session_goes_on_with_the_log_as_it_is(path: Path, which: str) -> None:
    old = older(path)
    log = RunLog(path)
    reserve(log, "third")
    restored(old if which == "older" else another(path), path)
    with pytest.raises(LogError, match=OVER):
        reserve(log, "third")
    log.close()
    with pytest.raises(LogError, match=OVER):
        reserve(log, "third")
    log.close()
    again = RunLog(path)
    assert again.reserve({"fingerprint": "second"})[1]
    carried_over(path)
    assert not again.reserve({"fingerprint": "second"})[1]
    again.close()


@pytest.mark.parametrize("how", ["older", "cut off", "emptied", "of an earlier round"])
def test_an_older_wal_that_is_put_back_is_noticed(path: Path, how: str) -> None:
    log = RunLog(path)
    reserve(log, "first")
    wal, saved = Path(f"{path}-wal"), path.with_name("saved-wal")
    if how == "of an earlier round":
        reserve(log, *map(str, range(30)))
    copied(wal, saved)
    if how == "of an earlier round":
        carried_over(path)
    reserve(log, "second", "third")
    if how in {"older", "of an earlier round"}:
        copied(saved, wal)
    else:
        cut(wal, 0 if how == "emptied" else saved.stat().st_size - 100)
    with pytest.raises(LogError, match=OVER):
        reserve(log, "third")
    log.close()


def test_an_emptied_log_is_not_begun_anew_by_a_second_kernel(path: Path) -> None:
    log = RunLog(path)
    reserve(log, "first")
    cut(path, 0)
    with pytest.raises(LogError, match=r"is empty, but runs\.db-wal, a part of it, is there"):
        RunLog(path)
    log.close()


# --- what is no older state


def by_hand(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as other:
        other.execute(statement).fetchall()


def carried_over_in_part(path: Path) -> None:
    """A kernel whose disk is full while it carries pages over: the file says more pages than it has."""
    program = """
import resource, sqlite3, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, resource.RLIM_INFINITY))
try:
    sqlite3.connect(sys.argv[1]).execute("PRAGMA wal_checkpoint").fetchone()
except sqlite3.Error:
    pass
"""
    subprocess.run([sys.executable, "-c", program, path], check=True)


FINE: dict[str, Callable[[Path], object]] = {
    "carried over": carried_over,
    "carried over in part": carried_over_in_part,
    "-wal emptied by SQLite": lambda path: carried_over(path, "TRUNCATE"),
    "new round": lambda path: carried_over(path, "RESTART"),
    "vacuum": lambda path: by_hand(path, "VACUUM"),
    "a row by hand": lambda path: by_hand(path, "UPDATE runs SET note = 'x'"),
    "looked at by hand": lambda path: by_hand(path, "SELECT * FROM runs"),
    "touched": lambda path: path.touch(),
    "a backup of it": lambda path: restored(path, path.with_name("backup.db")),
    "a second kernel": lambda path: child(path, "theirs"),
}


@pytest.mark.parametrize("ways", [[way] for way in FINE] + [list(FINE), list(FINE)[::-1]], ids=", ".join)
def test_what_everybody_may_do_to_a_log_raises_no_alarm(path: Path, ways: list[str]) -> None:
    log = RunLog(path)
    reserve(log, "first")
    for number, way in enumerate(ways):
        FINE[way](path)
        assert log.reserve({"fingerprint": "first"})[1] is False
        FINE[way](path)
        reserve(log, f"more {number}")
    log.close()
    reserve(log, "last")
    log.close()


def test_a_log_that_was_built_anew_from_its_sql_is_a_log(path: Path) -> None:
    older(path)
    anew = path.with_name("anew.db")
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(anew)) as made:
        made.executescript("\n".join(old.iterdump()))
    log = RunLog(anew)
    for number in range(3):
        assert log.reserve({"fingerprint": "second"})[1] is False
        reserve(log, f"more {number}")
        carried_over(anew)
    log.close()


def held(log: RunLog) -> dict[str, object]:
    return {row.run_id: row for row in log.find()}


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_put_back_what_was_seen_is_there_or_it_is_said(tmp_path: Path, seed: int) -> None:
    """Three kernels write, SQLite carries over when it likes, somebody puts back any file that there ever was."""
    chance = random.Random(seed)
    path = tmp_path / "runs.db"
    logs = [RunLog(path) for _ in range(3)]
    for log in logs:  # many rounds of the -wal in little time
        log._db.read(lambda c: c.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {chance.choice([1, 5, 12, 40])}"))
    saved: list[tuple[str, bytes]] = []

    def step(number: int) -> None:
        log = chance.choice(logs)
        act = chance.random()
        if act < 0.6:
            log.reserve({"fingerprint": f"f{number}", "prompt": "x" * chance.choice([1, 3000, 9000])})
        elif act < 0.8:
            log.update(chance.choice(log.find()).run_id, note=f"n{number}")
        elif act < 0.85:
            carried_over(path, chance.choice(["PASSIVE", "TRUNCATE", "RESTART"]))
        elif act < 0.9:
            log.close()
            log.count()
        else:
            suffix = chance.choice(["", "-wal"])
            saved.append((suffix, Path(f"{path}{suffix}").read_bytes()))

    reserve(logs[0], "first")
    for number in range(chance.randrange(10, 60)):
        step(number)
    seen = [held(log) for log in logs]
    for suffix, content in chance.sample(saved, min(len(saved), chance.choice([1, 1, 2]))):
        (tmp_path / "put").write_bytes(content)
        copied(tmp_path / "put", Path(f"{path}{suffix}"))
    for log, before in zip(logs, seen, strict=True):
        try:
            log.reserve({"fingerprint": "first"})
        except LogError:
            continue
        now = held(log)
        assert {run_id: now.get(run_id) for run_id in before} == before
    for log in logs:
        log.close()


@pytest.mark.postgres
def test_a_log_of_several_people_that_is_restored_from_a_backup_is_noticed(postgres: str) -> None:
    from fixtures_postgres import fresh_log

    with fresh_log(postgres, "restored") as url:
        log, theirs = RunLog(url), RunLog(url)
        reserve(log, "first")
        engine = sa.create_engine(url, poolclass=sa.NullPool)

        def run(*statements: str) -> None:
            with engine.begin() as connection:
                for statement in statements:
                    connection.exec_driver_sql(statement)

        names = ("runs", "writers")
        run(*(f"CREATE TABLE kept_{name} AS SELECT * FROM {name}" for name in names))
        reserve(theirs, "second")
        assert log.count() == 2
        back = [f"DELETE FROM {name}" for name in names]
        run(*back, *(f"INSERT INTO {name} SELECT * FROM kept_{name}" for name in names))
        reserve(RunLog(url), *map(str, range(5)))
        for kernel in (log, theirs):
            with pytest.raises(LogError, match=OVER):
                reserve(kernel, "second")
            kernel.close()
        again = RunLog(url)
        run("DROP TABLE writers")
        with pytest.raises(LogError, match=OVER):
            reserve(again, "first")
        again.close()


# --- the way of a person


@pytest.mark.parametrize("way", ["cp older.db runs.db", "restored"])
def test_nothing_is_paid_twice_on_an_older_log(simulator, photos, tmp_path, way) -> None:
    settings: dict[str, Any] = {"base_url": simulator.url, "api_key": simulator.key, "gap": 0.02, "patience": 0.5}
    fields = {"first_frame": photos / "cat.jpg", "duration": 2}
    path = tmp_path / "wan_runs" / "runs.db"
    with wan_nb.Session(**settings) as session:
        session.submit("a cat walks", **fields).wait()
    shutil.copyfile(path, path.with_name("older.db"))
    with wan_nb.Session(**settings) as session:
        session.submit("a cat runs", **fields).wait()
    with wan_nb.Session(**settings) as session:
        assert len(session.runs()) == 2
        WAYS[way](path)
        with pytest.raises(LogError, match=OVER):
            session.submit("a cat runs", **fields)
        with pytest.raises(LogError, match=OVER):
            session.study("a cat runs", seeds=[1, 2], **fields).submit(max_cost=9)
        assert simulator.counters()["creates_received"] == 2
        assert OVER in str(examine(session.workspace))
    with wan_nb.Session(**settings) as knowing:
        assert knowing.submit("a cat walks", **fields).reused
        assert not knowing.submit("a cat runs", **fields).wait().reused, "the older log alone pays again"
    assert simulator.counters()["creates_received"] == 3


def test_threads_that_look_while_another_writes_raise_no_alarm(path: Path, caplog) -> None:
    """A view that was taken before a write is not an older log, however the threads of a kernel take turns."""
    log = RunLog(path)
    reserve(log, "first")
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            log.count()

    readers = [threading.Thread(target=look) for _ in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # they take turns within each call
    try:
        for reader in readers:
            reader.start()
        reserve(log, *map(str, range(200)))
    finally:
        sys.setswitchinterval(before)
        done.set()
        for reader in readers:
            reader.join()
    assert log.count() == 201
    log.close()
    assert caplog.messages == []
