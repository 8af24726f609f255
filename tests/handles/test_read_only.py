"""Folders that can only be read: looking works, buying is refused with one clear error, and nothing is written."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import wan_nb
from wan_nb.errors import LogError, WanError
from wan_nb.log.runlog import RunLog
from wan_nb.maintenance.doctor import examine

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
EDITION_1 = ROOT / "tests" / "data" / "edition1"
NOBODY = 65_534


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder that another user gets through to: pytest closes its own ones, also to tests that run beside it."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing below may be written by this process, which for root means to be somebody else meanwhile.

    One test at a time on a machine: each sets back the modes of folders that they share.
    """
    with (Path(tempfile.gettempdir()) / f"wan_nb_read_only_{os.getuid()}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        with _somebody_else(folder):
            yield


@contextmanager
def _somebody_else(folder: Path) -> Iterator[None]:
    paths = [folder, *folder.rglob("*")]
    # Somebody else has to get as far as the folder, our photographs and the installed packages.
    ways = {parent for path in (folder, ROOT, Path(sys.prefix)) for parent in path.parents}
    modes = {path: path.stat().st_mode for path in (*paths, *ways)}
    root = os.geteuid() == 0
    for parent in ways if root else ():
        parent.chmod(modes[parent] | 0o011)
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path, mode in modes.items():
            if path.exists():
                path.chmod(mode)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def course(simulator, photos, tmp_path) -> tuple[dict, str]:
    """A folder with one clip in it, as a teacher hands it out; how to open it, and the id of the run."""
    settings = {
        "base_url": simulator.url,
        "api_key": simulator.key,
        "folder": str(tmp_path / "course"),
        "gap": 0.02,
        "patience": 0.5,
    }
    with wan_nb.Session(**settings) as session:
        run = session.submit("a cat walks", first_frame=str(photos / "cat.jpg"), duration=2).wait()
        run.rate(4)
        # What is loaded late is loaded now: whom root becomes may not read the place where Python is.
        session.runs(measures=True)
        (
            run.frame(-1),
            run.tail(2),
            session.workspace.light(run.row),
            run._repr_mimebundle_(),
            examine(session.workspace),
        )
        session.study({"a": "a cat"}, first_frame=str(photos / "cat.jpg"))
        shutil.rmtree(session.store.root / "proxies")
        session.store.open()
    return settings, run.id


def test_a_folder_that_can_only_be_read_can_be_looked_at(course, simulator, photos) -> None:
    settings, run_id = course
    folder = Path(settings["folder"])
    before = contents(folder)
    with read_only(folder), wan_nb.Session(**settings) as session:
        frame = session.runs()
        assert frame.index.tolist() == [run_id]
        assert frame.loc[run_id, "rating"] == 4
        assert session.runs(measures=True).loc[run_id, "motion"] >= 0
        run = session.run(run_id[:6])
        assert run.video.exists()
        assert run.frame(-1).size == (run.row.width, run.row.height)
        assert run.tail(2).exists()
        assert session.workspace.strip(run.row)[:3] == b"\xff\xd8\xff"
        light, sound = session.workspace.light(run.row)
        assert light.exists()
        assert sound.exists()
        assert run.id[:8] in run._repr_mimebundle_()["text/plain"]
        assert session.request("a cat", first_frame=str(photos / "cat.jpg")).prompt == "a cat"
    assert contents(folder) == before
    assert simulator.counters()["creates_received"] == 1


def test_a_strip_that_is_not_there_yet_is_made_elsewhere(course) -> None:
    settings, run_id = course
    folder = Path(settings["folder"])
    shutil.rmtree(folder / "proxies")
    with read_only(folder), wan_nb.Session(**settings) as session:
        assert session.workspace.strip(session.row(run_id))[:3] == b"\xff\xd8\xff"
    assert not (folder / "proxies").exists()


def test_nothing_is_bought_where_it_could_not_be_written_down(course, simulator, photos) -> None:
    settings, run_id = course
    received = simulator.counters()["creates_received"]
    cat = str(photos / "cat.jpg")
    with read_only(Path(settings["folder"])), wan_nb.Session(**settings) as session:
        run = session.run(run_id)
        study = session.study({"a": "a cat", "b": "a dog"}, first_frame=cat, name="walk")
        assert "walk" in repr(study)
        for attempt in (
            lambda: session.submit("a cat runs", first_frame=cat),
            lambda: study.submit(max_cost=100),
            lambda: run.again(prompt="another"),
            lambda: run.rate(5),
            lambda: run.tag("keep"),
            session.resume,
            run.cancel,
        ):
            with pytest.raises(LogError, match="can only be read here") as caught:
                attempt()
            assert "folder" in caught.value.remedy
    assert simulator.counters()["creates_received"] == received


def test_a_picture_that_needs_a_copy_can_be_checked(course, tmp_path) -> None:
    import media_files as make

    path = make.turned_photo(tmp_path / "turned.jpg", 6)
    settings, _ = course
    with read_only(Path(settings["folder"])), wan_nb.Session(**settings) as session:
        medium = session.material(str(path), "first_frame")
        assert medium.path.exists()
        assert not medium.path.is_relative_to(settings["folder"])


def test_where_there_is_no_log_and_none_can_be_made_it_is_said(tmp_path) -> None:
    (tmp_path / "shelf").mkdir()
    with read_only(tmp_path / "shelf"), wan_nb.Session("simulator", folder=tmp_path / "shelf" / "runs") as session:
        for attempt in (session.runs, lambda: session.run("3f"), lambda: session.submit("a cat", first_frame="x.png")):
            with pytest.raises(LogError, match=r"there is no log .*runs\.db.* only be read"):
                attempt()
    assert not list((tmp_path / "shelf").iterdir())


@pytest.mark.parametrize("there", [True, False], ids=["log", "no log"])
def test_the_doctor_says_it_once(course, tmp_path, there) -> None:
    (tmp_path / "shelf").mkdir()
    settings, _ = course
    folder = Path(settings["folder"]) if there else tmp_path / "shelf"
    with read_only(folder), wan_nb.Session("simulator", folder=folder if there else folder / "runs") as session:
        found = examine(session.workspace)
        assert [("only be read" in finding.said) for finding in found if finding.level == "bad"] == [True]
        assert str(found).count("only be read") == 1
        assert any("1 runs in" in finding.said for finding in found) == there


def test_a_log_that_goes_on_is_seen_to_go_on(tmp_path) -> None:
    """The teacher's kernel writes, the students' look."""
    folder = tmp_path / "course"
    folder.mkdir()
    path = folder / "runs.db"
    writer = RunLog(path)
    writer.reserve({"fingerprint": "1", "prompt": "one"})
    with read_only(folder):
        reader = RunLog(path)
        assert [row.prompt for row in reader.find()] == ["one"]
    writer.reserve({"fingerprint": "2", "prompt": "two"})
    with read_only(folder):
        assert [row.prompt for row in reader.find()] == ["two", "one"]
    writer.close()
    with read_only(folder):
        assert [row.prompt for row in reader.find()] == ["two", "one"]
    reader.close()


@pytest.mark.parametrize("left", [("-wal", "-shm"), ("-wal",)], ids=["as it was", "without the shared memory"])
def test_a_log_that_was_copied_while_it_was_open_is_read_whole(left, tmp_path) -> None:
    (tmp_path / "live").mkdir()
    (tmp_path / "copy").mkdir()
    writer = RunLog(tmp_path / "live" / "runs.db")
    writer.reserve({"fingerprint": "1", "prompt": "not yet in the main file"})
    for suffix in ("", *left):
        shutil.copy(tmp_path / "live" / f"runs.db{suffix}", tmp_path / "copy")
    writer.close()
    with read_only(tmp_path / "copy"):
        reader = RunLog(tmp_path / "copy" / "runs.db")
        assert [row.prompt for row in reader.find()] == ["not yet in the main file"]
        reader.close()


def test_an_older_log_is_read_without_being_changed(tmp_path) -> None:
    (source,) = EDITION_1.rglob("runs.db")
    (tmp_path / "old").mkdir()
    path = shutil.copy(source, tmp_path / "old")
    before = Path(path).read_bytes()
    with read_only(tmp_path / "old"):
        reader = RunLog(Path(path))
        assert reader.count() > 0
        assert isinstance(reader.to_frame(), pd.DataFrame)
        reader.close()
    assert Path(path).read_bytes() == before
    assert [each.name for each in (tmp_path / "old").iterdir()] == ["runs.db"]


def test_a_file_that_is_no_log_is_said_to_be_none(tmp_path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "runs.db").write_bytes(b"not a database at all" * 100)
    with read_only(tmp_path / "a"), pytest.raises(WanError, match="cannot be used: file is not a database"):
        RunLog(tmp_path / "a" / "runs.db")
