"""The stop button in a real kernel, at any point; and what processes leave behind when they end or fork."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from common import FIELDS, assert_whole, creates, until
from live_kernel import Kernel

import wan_nb
from wan_nb.log.states import Status
from wan_nb.simulator.launch import alive

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.notebook


@pytest.fixture
def kernel(simulator, tmp_path, cat) -> Iterator[Kernel]:
    opened = Kernel(
        tmp_path, {"DASHSCOPE_API_KEY": simulator.key, "DASHSCOPE_HTTP_BASE_URL": simulator.url, "JPY_SESSION_NAME": ""}
    )
    try:
        opened.run(
            f"%load_ext wan_nb\nimport wan_nb, asyncio\ncat = {cat!r}\nsession = wan_nb.connect(gap=0.02, patience=0.5)"
        )
        yield opened
    finally:
        opened.stop()


ASK = "run = wan_nb.submit('a cat walks', first_frame=cat, duration=2)"
WAITS = {
    "run.wait()": (ASK, "run.wait()"),
    "await run": (ASK, "await run"),
    "await a run beside others": (ASK, "await asyncio.gather(asyncio.sleep(0), asyncio.wait_for(run, None))"),
    "%%wan --wait": ("", "%%wan -f {{cat}} -d 2 --wait\na cat walks"),
    "resume": (ASK, "wan_nb.resume(wait=True)"),
    "%wan resume --wait": (ASK, "%wan resume --wait"),
    "study.wait()": (
        "study = wan_nb.study('a cat walks', name='s', first_frame=cat, duration=2, seeds=[1]).submit(max_cost=9)",
        "study.wait()",
    ),
    "await study": (
        "study = wan_nb.study('a cat walks', name='s', first_frame=cat, duration=2, seeds=[1]).submit(max_cost=9)",
        "await study",
    ),
}  # fmt: skip


@pytest.mark.parametrize("wait", WAITS)
def test_an_interrupt_detaches_and_says_how_to_come_back(kernel, simulator, tmp_path, wait) -> None:
    simulator.config(run=3600.0)
    before, waiting = WAITS[wait]
    if before:
        kernel.run(before)
    cell = kernel.begin(waiting)
    until(lambda: simulator.counters()["polls"] > 3, "the wait to begin")
    kernel.manager.interrupt_kernel()
    name, said = kernel.result(cell)
    assert name, "the cell ended without saying that it was stopped"
    assert "%wan" in said or "wan_nb.study(name=" in said, said
    simulator.do(simulator.tasks()[0]["task_id"], "finish")
    kernel.run("for run in wan_nb.resume(wait=True): pass")
    said = kernel.run("set(wan_nb.runs()['status'])")
    assert "SUCCEEDED" in said, said
    assert creates(simulator) == (1, 1)


WATCH = """
import sys, threading
class Watch:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is threading.main_thread():
            imported.append(name)
imported = []
sys.meta_path.insert(0, Watch())
"""


def test_the_thread_that_is_interrupted_imports_nothing(kernel, simulator) -> None:
    """Python's import lock stays held, and the loop thread waits for ever, when Ctrl-C meets the wrong line of it."""
    kernel.run(WATCH)
    said = kernel.run("%%wan -f {{cat}} -d 2 --wait\na cat walks")
    assert "done" in said, said
    assert kernel.run("imported") == "[]"


@pytest.mark.parametrize("seed", [4, *(pytest.param(n, marks=pytest.mark.soak) for n in range(10, 20))])
def test_interrupts_at_random_points_of_a_submit(kernel, simulator, tmp_path, seed) -> None:
    """Twelve cells, each stopped somewhere between its first line and its clip; each is run again, and paid once."""
    dice = random.Random(seed)
    prompts = [f"a cat walks {number}" for number in range(12)]
    for prompt in prompts:
        cell = kernel.begin(f"%%wan -f {{{{cat}}}} -d 2 --wait\n{prompt}")
        time.sleep(dice.uniform(0.0, 0.4))  # the instant is what is drawn by lot, nothing waits for it
        kernel.manager.interrupt_kernel()
        kernel.result(cell)
    for prompt in prompts:
        name, said = kernel.result(kernel.begin(f"%%wan -f {{{{cat}}}} -d 2 --wait\n{prompt}"))
        assert not name, said
    made = [task["body"]["input"]["prompt"] for task in simulator.tasks()]
    assert sorted(made) == sorted(prompts)
    kernel.run("session.close(); del session; wan_nb.close()")
    with wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "wan_runs") as session:
        assert_whole(session, simulator)
        assert len(session.log.find(status=Status.SUCCEEDED)) == 12


@pytest.mark.parametrize("seed", [3, *(pytest.param(n, marks=pytest.mark.soak) for n in range(20, 30))])
def test_a_study_stopped_at_a_random_point_and_run_again_at_once_is_whole(kernel, simulator, tmp_path, seed) -> None:
    dice = random.Random(seed)
    for number in range(5):
        cell = (
            f"study = wan_nb.study({{'calm': 'a cat walks {number}', 'wild': 'a cat runs {number}'}}, name='s{number}',"
            " first_frame=cat, duration=2, seeds=[1, 2]).submit(max_cost=9)"
        )
        stopped = kernel.begin(cell)
        time.sleep(dice.uniform(0.0, 0.3))  # the instant is what is drawn by lot, nothing waits for it
        kernel.manager.interrupt_kernel()
        kernel.result(stopped)
        name, said = kernel.result(kernel.begin(f"{cell}\n[str(run.status) for run in study.wait().runs]"))
        assert not name, said
        assert said.count("SUCCEEDED") == 4, said
    assert creates(simulator) == (20, 20)
    kernel.run("session.close(); del session, study; wan_nb.close()")
    with wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "wan_runs") as session:
        assert_whole(session, simulator)


def test_reloading_and_unloading_leaves_no_thread_and_no_socket(kernel, simulator) -> None:
    count = (
        "import threading, os\n"
        "def left(): return sorted(t.name for t in threading.enumerate() if 'wan_nb' in t.name),"
        " sum('socket' in os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')"
        " if os.path.islink(f'/proc/self/fd/{n}'))\n"
    )
    kernel.run("session.close(); wan_nb.close()\n" + count)
    before = kernel.run("left()")
    for _ in range(2):
        kernel.run("session = wan_nb.connect(gap=0.02)\n" + ASK + "\nrun.wait()")
        kernel.run("%reload_ext wan_nb")
        kernel.run("%unload_ext wan_nb")
        kernel.run("session.close(); wan_nb.close(); del session, run")
        kernel.run("%load_ext wan_nb")
    assert kernel.run("left()") == before


# --- processes that end


def script(text: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a person does, warnings being errors."""
    import os

    return subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", text],
        cwd=folder, env={**os.environ, **environment, "PYTHONPATH": str(Path(wan_nb.__file__).parents[1])},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("how", ["", "import sys; sys.exit(0)", "session.close()", "del run, session"])
def test_an_interpreter_ends_and_leaves_nothing_behind(tmp_path, cat, how) -> None:
    """Its own simulator included, which goes with its last kernel."""
    done = script(
        "import wan_nb\n"
        "session = wan_nb.Session('simulator', speed=50)\n"
        f"run = session.submit('a cat walks', first_frame={cat!r}, duration=2)\n" + how,
        tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    state = tmp_path / "wan_runs" / "simulator"
    where = state / "simulator.json"
    pid = json.loads(where.read_text())["pid"] if where.exists() else 0
    until(lambda: not pid or not alive(pid), "the simulator to end")
    left = [path.name for path in (tmp_path / "wan_runs").rglob("*") if path.suffix in {".part", ".tmp"}]
    assert left == []
    with wan_nb.Session("simulator", folder=tmp_path / "wan_runs", speed=50) as session:
        (again,) = session.resume(wait=True) or [session.run(session.log.find()[0].run_id)]
        assert again.status is Status.SUCCEEDED


def test_two_sessions_side_by_side_leave_no_thread_and_no_descriptor(settings, simulator, cat, tmp_path) -> None:
    def left() -> tuple[set[str], int]:
        names = {thread.name for thread in threading.enumerate() if "wan_nb" in thread.name}
        return names, len(list(Path("/proc/self/fd").iterdir()))

    with wan_nb.Session(**settings) as warm:  # what Python itself keeps open after the first use
        warm.submit("a cat walks", first_frame=cat, **FIELDS).wait()
    before = left()
    for number in range(3):
        with (
            wan_nb.Session(**settings) as one,
            wan_nb.Session(**{**settings, "folder": tmp_path / f"{number}"}) as other,
        ):
            runs = [s.submit(f"a cat {number}", first_frame=cat, **FIELDS) for s in (one, other)]
            for run in runs:
                assert run.wait().video
    assert left() == before


FORK = """
import multiprocessing, os, sys, wan_nb
settings = dict(base_url={url!r}, api_key="sk-test", gap=0.02, patience=0.5)
session = wan_nb.Session(**settings)
run = session.submit("a cat walks", first_frame={cat!r}, duration=2)
assert wan_nb.connect({url!r}, api_key="sk-test").pid == os.getpid()

def child(told):
    answers = []
    try:
        run.wait()
    except wan_nb.errors.LogError as error:
        answers.append("fork" in str(error))
    session.close()  # harmless here
    wan_nb.close()
    with wan_nb.Session(**settings) as mine:
        answers.append(str(mine.run(run.id).wait().status))
        answers.append(mine.submit("a cat walks", first_frame={cat!r}, duration=2).reused)
        answers.append(str(mine.submit("a cat runs", first_frame={cat!r}, duration=2).wait().status))
    told.put(answers)

context = multiprocessing.get_context("fork")
told = context.Queue()
children = [context.Process(target=child, args=(told,)) for _ in range(2)]
for process in children: process.start()
answers = [told.get(timeout=150) for _ in children]
for process in children: process.join()
assert [process.exitcode for process in children] == [0, 0]
assert answers == [[True, "SUCCEEDED", True, "SUCCEEDED"]] * 2, answers
assert run.wait().video and session.submit("a cat sits", first_frame={cat!r}, duration=2).wait().video
session.close(); wan_nb.close()
"""


def test_forked_children_work_on_and_the_parent_goes_on(simulator, tmp_path, cat) -> None:
    done = script(FORK.format(url=simulator.url, cat=cat), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert creates(simulator) == (3, 3)
