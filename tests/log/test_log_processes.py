"""Several kernels on one log: together, killed, forked, forgotten."""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from log_workers import reserve_and_update, stop_inside_a_write, write_for_ever

from wan_nb.log.runlog import RunLog
from wan_nb.log.states import Status

pytest_plugins = ["fixtures_log"]

SPAWN = multiprocessing.get_context("spawn")
SUPPORT = Path(__file__).parents[1] / "support"


@pytest.mark.people
def test_eight_kernels_share_one_log_and_one_budget(log_url: str):
    kernels, runs, shared, cap = 8, 50, 10, 300
    start, answers = SPAWN.Barrier(kernels), SPAWN.Queue()
    processes = [
        SPAWN.Process(target=reserve_and_update, args=(log_url, worker, runs, shared, float(cap), start, answers))
        for worker in range(kernels)
    ]
    for process in processes:
        process.start()
    told = [answers.get(timeout=240) for _ in processes]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
        process.close()
    answers.close()
    answers.join_thread()
    log = RunLog(log_url)
    rows = {row.run_id: row for row in log.find()}
    log.close()
    assert len(rows) == cap < kernels * (runs - shared) + shared
    assert {run_id: str(worker) for worker, made, _ in told for run_id in made} == {i: r.note for i, r in rows.items()}
    assert all((row.status, row.task_id) == (Status.RUNNING, f"task {row.fingerprint}") for row in rows.values())
    assert len({row.fingerprint for row in rows.values()}) == cap
    assert sum(row.fingerprint.startswith("shared") for row in rows.values()) == shared
    assert sum(refused for *_, refused in told) == kernels * (runs - shared) + shared - cap


def consistent(log: RunLog) -> bool:
    if not log._db.url.drivername.startswith("sqlite"):
        return True
    return log._db.read(lambda c: c.exec_driver_sql("PRAGMA integrity_check").scalars().all()) == ["ok"]


@pytest.mark.parametrize("after", [1, 7, 30])
def test_a_killed_writer_loses_nothing_that_it_was_told_is_kept(log_url: str, after: int):
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=write_for_ever, args=(log_url, theirs))
    process.start()
    theirs.close()
    told = [ours.recv() for _ in range(after)]
    process.kill()
    process.join(60)
    try:
        while True:
            told.append(ours.recv())
    except (EOFError, OSError):
        pass
    ours.close()
    log = RunLog(log_url)
    assert consistent(log)
    rows = {row.run_id: row for row in log.find()}
    assert all(rows[run_id].status is Status.PENDING for run_id in told)
    assert all(row.status is Status.PENDING for row in log.find(newest_first=False)[:-1])
    assert log.reserve({"fingerprint": "after"})[1]
    log.close()
    assert process.exitcode == -signal.SIGKILL
    process.close()


def test_a_writer_killed_inside_a_write_leaves_no_half_and_no_lock(log_url: str):
    RunLog(log_url).close()
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=stop_inside_a_write, args=(log_url, theirs))
    process.start()
    assert ours.recv() == "inside"
    process.kill()
    process.join(60)
    process.close()
    ours.close()
    theirs.close()
    log = RunLog(log_url)
    assert log.reserve({"fingerprint": "after"})[1]
    assert [row.fingerprint for row in log.find()] == ["after"]
    assert consistent(log)
    log.close()


def run_alone(code: str, *arguments: str) -> str:
    """Run a fresh interpreter where every warning is an error; return what it said on stderr."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code, *arguments],
        cwd=SUPPORT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SUPPORT), str(SUPPORT.parent)])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_log_works_on_both_sides_of_a_fork(log_url: str):
    assert run_alone("import sys, log_workers; log_workers.fork_and_write(sys.argv[1])", log_url) == ""
    log = RunLog(log_url)
    before = log.find(fingerprint="before")[0]
    assert (before.note, before.variant) == ("parent", "child")
    assert consistent(log)
    log.close()


LEFT_OPEN = """
import gc, sys
from wan_nb.log.runlog import RunLog
dropped = RunLog(sys.argv[1]); dropped.reserve({"fingerprint": "a"}); del dropped; gc.collect()
kept = RunLog(sys.argv[1]); kept.reserve({"fingerprint": "b"})
"""


def test_a_log_that_nobody_closed_warns_of_nothing(log_url: str):
    assert run_alone(LEFT_OPEN, log_url) == ""


LOADED = "; import sys; print(*sys.modules, file=sys.stderr)"


def test_states_and_rows_need_no_database_library():
    loaded = set(
        run_alone("import wan_nb.log.states, wan_nb.log.row, wan_nb.log.on_disk.posting_process" + LOADED).split()
    )
    assert "wan_nb.log.row" in loaded
    assert not loaded & {"sqlalchemy", "pandas", "numpy", "sqlite3"}


def test_the_log_needs_no_pandas_until_a_frame_is_asked_for(tmp_path: Path):
    code = "import sys; from wan_nb.log.runlog import RunLog; RunLog(sys.argv[1]).find()" + LOADED
    loaded = set(run_alone(code, f"sqlite:///{tmp_path}/runs.db").split())
    assert "sqlalchemy" in loaded
    assert not loaded & {"pandas", "numpy", "psycopg"}
