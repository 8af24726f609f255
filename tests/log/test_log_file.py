"""The log is the file of that name: what is noticed while it is open, and copies before it changes for good."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from test_log_schema import VERSION_1

import wan_nb
from wan_nb.errors import LogError
from wan_nb.log import migrations
from wan_nb.log.migrations import MIGRATIONS
from wan_nb.log.on_disk import logfile
from wan_nb.log.runlog import RunLog
from wan_nb.maintenance.doctor import examine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import sqlalchemy as sa

pytest_plugins = ["fixtures_log"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "runs.db"


@pytest.fixture
def log(path: Path) -> Iterator[RunLog]:
    opened = RunLog(path)
    for number in range(5):
        opened.reserve({"fingerprint": f"f{number}"})
    yield opened
    opened.close()


def other_log(path: Path) -> None:
    """Put another log under the name."""
    made = path.with_name("other.db")
    RunLog(made).close()
    made.replace(path)  # what editors and synchronisers do


def removed(path: Path) -> None:
    for part in path.parent.glob("runs.db*"):
        part.unlink()


def link_elsewhere(path: Path) -> None:
    """Turn the name into a link to another log."""
    made = path.with_name("other.db")
    RunLog(made).close()
    path.unlink()
    path.symlink_to(made)


def moved_and_linked(path: Path) -> None:
    path.rename(path.with_name("mine.db"))
    path.symlink_to(path.with_name("mine.db"))


def folder_moved(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))


def wal_replaced(path: Path) -> None:
    Path(shutil.copy(f"{path}-wal", f"{path}.x")).replace(f"{path}-wal")


LOSSES: dict[str, tuple[Callable[[Path], object], str]] = {
    "deleted with its parts": (removed, "was deleted"),
    "deleted alone": (Path.unlink, "was deleted"),
    "folder deleted": (lambda path: shutil.rmtree(path.parent), "was deleted"),
    "renamed": (lambda path: path.rename(path.with_name("mine.db")), r"was moved to \S*mine\.db"),
    "folder renamed": (folder_moved, r"was moved to \S*moved/runs\.db"),
    "replaced": (other_log, "was replaced"),
    "replaced by a link": (link_elsewhere, "was replaced"),
    "moved and linked to": (moved_and_linked, r"runs\.db-wal, a part .* was deleted"),
    "copied over by name": (lambda path: (removed(path), shutil.copy(__file__, path)), "was replaced"),
    "-wal deleted": (lambda path: Path(f"{path}-wal").unlink(), r"runs\.db-wal, a part .* was deleted"),
    "-shm deleted": (lambda path: Path(f"{path}-shm").unlink(), r"runs\.db-shm, a part .* was deleted"),
    "-wal replaced": (wal_replaced, "was replaced"),
}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not say where an open file went")
@pytest.mark.parametrize("loss", LOSSES)
def test_a_log_that_is_lost_while_it_is_open_is_noticed_and_said(log: RunLog, path: Path, loss: str) -> None:
    lose, said = LOSSES[loss]
    lose(path)
    for act in (log.count, lambda: log.reserve({"fingerprint": "new"}), lambda: log.begin_post("abc")):
        with pytest.raises(LogError, match=said) as caught:
            act()
        assert "nothing is lost" in caught.value.message
        assert "disk I/O" not in str(caught.value)
        assert "--mend" in caught.value.remedy or "Move it back" in caught.value.remedy


GONE = [
    "deleted with its parts",
    "deleted alone",
    "folder deleted",
    "-wal deleted",
    "-shm deleted",
    "moved and linked to",
]


@pytest.mark.parametrize("loss", GONE)
def test_a_lost_log_is_written_back_whole(log: RunLog, path: Path, loss: str) -> None:
    LOSSES[loss][0](path)
    assert log.mend()
    assert log.mend() == ""
    log.reserve({"fingerprint": "after"})
    other = RunLog(path)
    assert {row.fingerprint for row in other.find()} == {*(f"f{n}" for n in range(5)), "after"}
    other.close()
    assert not list(path.parent.glob("*.tmp*"))


@pytest.mark.parametrize("loss", ["replaced", "replaced by a link", "-wal replaced"])
def test_a_log_whose_name_is_taken_is_saved_beside_it(log: RunLog, path: Path, loss: str) -> None:
    LOSSES[loss][0](path)
    assert "runs.rescued.db" in log.mend()
    saved = RunLog(path.with_name("runs.rescued.db"))
    assert {row.fingerprint for row in saved.find()} == {f"f{n}" for n in range(5)}
    saved.close()
    assert "runs.rescued-2.db" in log.mend(), "nothing is written over"


@pytest.mark.parametrize("loss", ["renamed", "folder renamed"])
def test_a_log_that_is_moved_back_goes_on(log: RunLog, path: Path, loss: str) -> None:
    LOSSES[loss][0](path)
    with pytest.raises(LogError, match="was moved"):
        log.mend()
    there = path.with_name("mine.db") if loss == "renamed" else path.parent.with_name("moved")
    there.rename(path if loss == "renamed" else path.parent)
    assert log.count() == 5


@pytest.mark.parametrize(("loss", "whole"), [("renamed", False), ("folder renamed", True)])
def test_a_moved_log_may_be_used_there_only_with_all_its_parts(log: RunLog, path: Path, loss: str, whole: bool) -> None:
    LOSSES[loss][0](path)
    with pytest.raises(LogError) as caught:
        log.count()
    assert ("wan_nb.connect(log=" in caught.value.remedy) is whole


def test_a_log_that_was_closed_is_still_the_same_file(log: RunLog, path: Path) -> None:
    log.close()
    other_log(path)
    with pytest.raises(LogError, match="was replaced"):
        log.count()


def test_a_log_whose_parts_alone_are_left_is_not_begun_anew(log: RunLog, path: Path) -> None:
    path.unlink()
    with pytest.raises(LogError, match=r"is gone, but runs\.db-\w+, a part of it, is there\n.*write it back"):
        RunLog(path)
    assert not path.exists()
    log.mend()
    other = RunLog(path)
    assert other.count() == 5
    other.close()


def test_a_log_that_was_moved_and_linked_to_is_not_opened_without_its_parts(log: RunLog, path: Path) -> None:
    moved_and_linked(path)
    with pytest.raises(LogError, match=r"is gone, but runs\.db-\w+, a part of it, is there"):
        RunLog(path)
    assert log.mend()
    other = RunLog(path)
    assert other.count() == log.count() == 5
    other.close()


def test_a_moved_folder_that_is_linked_to_is_the_same_folder(log: RunLog, path: Path) -> None:
    folder_moved(path)
    path.parent.symlink_to(path.parent.with_name("moved"))
    other = RunLog(path)
    assert other.reserve({"fingerprint": "f0"})[1] is False
    assert log.reserve({"fingerprint": "new"})[1]
    assert other.count() == 6
    other.close()


@pytest.mark.skipif(not hasattr(os, "link"), reason="no hard links here")
def test_a_log_with_a_second_name_is_opened_by_neither(log: RunLog, path: Path) -> None:
    """Each name would have parts of its own: what is written through one is not seen through the other."""
    second = path.with_name("second.db")
    os.link(path, second)
    for name in (second, path):
        with pytest.raises(LogError, match="a second name"):
            RunLog(name)
    assert log.reserve({"fingerprint": "new"})[1]
    second.unlink()
    other = RunLog(path)
    assert other.count() == 6
    other.close()


def test_a_link_to_a_log_is_a_log(log: RunLog, path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    other = RunLog(link)
    assert other.count() == 5
    Path(f"{path}-wal").unlink()
    with pytest.raises(LogError, match="a part of the log"):
        other.count()
    other.close()


def test_a_relative_name_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    log = RunLog("sqlite:///mine.db")
    monkeypatch.chdir(tmp_path / "elsewhere")
    log.close()
    assert log.reserve({"fingerprint": "f"})[1]
    log.close()
    assert sorted(p.name for p in tmp_path.rglob("*.db")) == ["mine.db"]


def test_a_file_system_without_numbers_is_believed(log: RunLog, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = logfile._mark
    monkeypatch.setattr(logfile, "_mark", lambda name: (mark := real(name)) and (mark[0], 0))
    assert log.count() == 5
    removed(path)
    with pytest.raises(LogError, match="was deleted"):
        log.count()


def test_a_folder_out_of_reach_is_said_and_comes_back(log: RunLog, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unmounted(*_: object) -> None:
        raise OSError(116, "Stale file handle")

    with monkeypatch.context() as patch:
        patch.setattr(logfile.os, "stat", unmounted)
        with pytest.raises(LogError, match=r"out of reach: Stale file handle"):
            log.count()
    assert log.count() == 5


# --- the way of a person: submit, restart, the same cell


@pytest.mark.parametrize("loss", ["deleted with its parts", "deleted alone", "-wal deleted"])
def test_nothing_is_bought_on_a_lost_log_and_nothing_is_bought_twice(simulator, photos, tmp_path, loss) -> None:
    settings: dict[str, Any] = {"base_url": simulator.url, "api_key": simulator.key, "gap": 0.02, "patience": 0.5}
    fields = {"first_frame": photos / "cat.jpg", "duration": 2}
    with wan_nb.Session(**settings) as session:
        session.submit("a cat walks", **fields).wait()
        LOSSES[loss][0](tmp_path / "wan_runs" / "runs.db")
        with pytest.raises(LogError, match="nothing is lost yet"):
            session.submit("a cat runs", **fields)
        with pytest.raises(LogError, match="nothing is lost yet"):
            session.study("a cat sits", seeds=[1, 2], **fields).submit(max_cost=9)
        assert simulator.counters()["creates_received"] == 1
        assert "mended:" in str(examine(session.workspace, mend=True))
        session.submit("a cat runs", **fields).wait()
    with wan_nb.Session(**settings) as again:
        assert again.submit("a cat walks", **fields).reused
        assert again.submit("a cat runs", **fields).reused
    assert simulator.counters()["creates_received"] == 2


# --- before it changes for good


@pytest.fixture
def grown(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The next version of this package, which keeps one more table."""

    def more(connection: sa.Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE hints (hint TEXT)")

    return lambda: (
        monkeypatch.setattr(migrations, "MIGRATIONS", [*MIGRATIONS, more])
        or monkeypatch.setattr("wan_nb.log.database.MIGRATIONS", [*MIGRATIONS, more])
    )


def test_a_log_in_a_file_is_copied_before_it_is_migrated(log: RunLog, path: Path, grown) -> None:
    grown()
    newer = RunLog(path)
    assert newer.count() == 5
    newer.close()
    RunLog(path).close()
    copies = sorted(p.name for p in path.parent.glob("*.v*.db"))
    assert copies == [f"runs.v{len(MIGRATIONS)}.db"], "once"
    with closing(sqlite3.connect(path.with_name(copies[0]))) as copy:
        assert copy.execute("SELECT count(*) FROM runs").fetchone() == (5,)
        assert copy.execute("SELECT max(version) FROM schema_version").fetchone() == (len(MIGRATIONS),)
        assert not copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'hints'").fetchall()


def test_a_log_that_cannot_be_copied_is_left_alone(log: RunLog, path: Path, grown, monkeypatch) -> None:
    grown()
    monkeypatch.setattr(logfile, "_named", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(LogError, match=r"cannot be copied: No space left on device\nMake room"):
        RunLog(path)
    assert log.count() == 5
    assert [p.name for p in path.parent.glob("*tmp*")] == []
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT max(version) FROM schema_version").fetchone() == (len(MIGRATIONS),)


@pytest.mark.postgres
def test_a_log_of_several_people_is_migrated_on_a_yes(postgres, grown, monkeypatch) -> None:
    from fixtures_postgres import fresh_log

    with fresh_log(postgres, "colleagues") as url:
        old = RunLog(url)  # a new one needs no yes
        old.reserve({"fingerprint": "f"})
        grown()
        with pytest.raises(LogError, match=r"(?s)has schema \d+, .*Nothing was changed\n.*WAN_NB_MIGRATE=1"):
            RunLog(url)
        assert old.count() == 1
        old.close()
        monkeypatch.setenv("WAN_NB_MIGRATE", "1")
        with wan_nb.Session("simulator", log=url) as session:
            assert session.log.count() == 1
        monkeypatch.delenv("WAN_NB_MIGRATE")
        RunLog(url).close()


@pytest.mark.parametrize("lost", ["DELETE FROM schema_version", "DROP TABLE schema_version"])
def test_a_log_that_does_not_say_its_version_is_known_by_its_tables(log_url: str, sql, lost: str) -> None:
    first = RunLog(log_url)
    first.reserve({"fingerprint": "f"})
    first.close()
    sql(lost)
    again = RunLog(log_url)
    assert again.count() == 1
    again.save_study("walk", {})
    again.close()


def test_a_log_without_version_and_without_the_newest_tables_is_migrated(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as file:
        file.executescript(VERSION_1)
        file.execute("DELETE FROM schema_version")
        file.commit()
    log = RunLog(path)
    assert log.get("0123").seed == 7
    log.save_study("walk", {})
    log.close()
    assert path.with_name("runs.v1.db").exists()


def test_a_missing_table_is_one_clear_error(log: RunLog, path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("DROP TABLE votes")
    with pytest.raises(LogError, match=r"damaged: no such table: votes\n.*copy"):
        log.votes("walk")
    assert log.count() == 5
