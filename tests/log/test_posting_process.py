"""Who is alive. Every doubt is an answer "alive", because the other answer may pay a clip twice."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wan_nb.log.on_disk import posting_process as module
from wan_nb.log.on_disk.posting_process import PATIENCE, owner_alive, owner_id

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)

ASK = "from wan_nb.log.on_disk.posting_process import owner_id; print(owner_id(), flush=True); input()"


def test_this_process_is_alive_and_says_who_it_is():
    assert owner_alive(owner_id(), LONG_AGO, now=NOW)
    host, pid, start = owner_id().split(":")
    assert int(pid) == os.getpid()
    assert owner_id() == f"{host}:{pid}:{start}"


@pytest.mark.skipif(sys.platform == "win32", reason="there age decides")
def test_a_process_is_alive_until_it_ends():
    with subprocess.Popen([sys.executable, "-c", ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        other = child.stdout.readline().decode().strip()
        assert other != owner_id()
        assert owner_alive(other, LONG_AGO, now=NOW)
        child.kill()
        child.stdout.read()  # to its end, so that the process is gone or a zombie
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not owner_alive(other, NOW, now=NOW), "a zombie posts nothing"
    assert not owner_alive(other, NOW, now=NOW)


@pytest.mark.skipif(sys.platform == "win32", reason="there age decides")
def test_a_later_process_of_the_same_number_is_another_one():
    host, pid, _ = owner_id().split(":")
    assert not owner_alive(f"{host}:{pid}:12345", NOW, now=NOW)


@pytest.mark.parametrize("owner", ["elsewhere-0:1:1", "elsewhere:1:", "", "nonsense", "a:b:c"])
def test_who_cannot_be_asked_lives_until_patience_ends(owner: str):
    assert owner_alive(owner)
    assert owner_alive(owner, NOW - PATIENCE + timedelta(seconds=1), now=NOW)
    assert not owner_alive(owner, NOW - PATIENCE, now=NOW)


def test_a_sign_of_life_from_a_clock_that_had_jumped_does_not_last_for_ever():
    assert owner_alive("elsewhere:1:1", NOW + timedelta(hours=1), now=NOW)
    assert not owner_alive("elsewhere:1:1", NOW.replace(year=2099), now=NOW)


def test_a_system_that_says_nothing_about_processes_leaves_it_to_age(monkeypatch: pytest.MonkeyPatch):
    me = owner_id()
    monkeypatch.setattr(module, "_started", lambda pid: None)
    assert owner_alive(me, NOW, now=NOW)
    assert not owner_alive(me, LONG_AGO, now=NOW)
    assert owner_id().endswith(":")


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="no ps here")
def test_ps_knows_the_start_where_there_is_no_proc():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        started = module._asked(child.pid)
        assert started
        assert started == module._asked(child.pid)
        assert ":" not in started
    assert module._asked(child.pid) == ""
