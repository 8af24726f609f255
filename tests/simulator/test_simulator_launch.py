"""One simulator per state folder: found, started, kept alive by kernels, remembered over restarts."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from documented_cases import CREATE, body

from wan_nb.simulator import launch
from wan_nb.simulator.account.config import Config
from wan_nb.simulator.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
HEADERS = {"Authorization": "Bearer sk-test", "X-DashScope-Async": "enable"}
_KERNEL = """
import signal, sys
from pathlib import Path
from wan_nb.simulator.launch import ensure
# A handler and no exception: an interrupt is told wherever it arrives. Set here, for shells start what runs in the
# background deaf to it.
signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
print(ensure(Path(sys.argv[1]), speed=50), flush=True)
sys.stdin.read()
"""


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class Kernel:
    """A process that uses the simulator as a notebook's kernel does, until its stdin is closed."""

    def __init__(self, state: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _KERNEL, str(state)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.communicate()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder whose simulator, if any, is ended after the test."""
    folder = tmp_path / "state"
    yield folder
    if (folder / "simulator.json").exists():
        pid = json.loads((folder / "simulator.json").read_text())["pid"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: not launch.alive(pid))


def about(state: Path) -> dict[str, Any]:
    return json.loads((state / "simulator.json").read_text())


def control(url: str, what: str = "", **changes: Any) -> Any:
    where = url.replace("/api/v1", f"/_simulator/{what}")
    answer = httpx.post(where, json=changes, trust_env=False) if changes else httpx.get(where, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def create(url: str) -> str:
    answer = httpx.post(url + CREATE, json=body(), headers=HEADERS, trust_env=False)
    return str(answer.json()["output"]["task_id"])


def test_it_is_started_once_and_found_again(state: Path) -> None:
    url = launch.ensure(state)
    pid = about(state)["pid"]
    assert about(state)["url"] == url
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/api/v1")
    assert launch.ensure(state) == launch.find(state) == url
    second = subprocess.run(
        [sys.executable, "-m", "wan_nb.simulator", "--state", str(state)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert second.stdout == f"{url}\n"
    assert about(state)["pid"] == pid


def test_kernels_that_come_at_once_share_one(state: Path) -> None:
    kernels = [Kernel(state) for _ in range(4)]
    urls = {kernel.line for kernel in kernels}
    assert len(urls) == 1
    assert {about(state)["url"]} == urls
    assert len(control(urls.pop(), "kernels", pid=os.getpid())["kernels"]) == 5
    for kernel in kernels:
        kernel.end()


def test_it_ends_with_its_last_kernel(state: Path) -> None:
    first, second = Kernel(state), Kernel(state)
    url, _ = first.line, second.line
    pid = about(state)["pid"]
    first.end()
    assert control(url)["pid"] == pid
    second.end()
    until(lambda: not launch.alive(pid))
    assert launch.find(state) is None
    assert not (state / "simulator.json").exists()


def test_an_interrupt_of_the_kernel_does_not_reach_it(state: Path) -> None:
    kernel = Kernel(state)
    url = kernel.line
    os.killpg(kernel.process.pid, signal.SIGINT)
    assert kernel.line == "interrupted"
    assert control(url)["pid"] == about(state)["pid"]
    kernel.end()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files of another process are read from /proc")
def test_it_holds_nothing_of_the_kernel_open(state: Path) -> None:
    kernel = Kernel(state)
    assert kernel.line
    open_files = [str(path.readlink()) for path in Path(f"/proc/{about(state)['pid']}/fd").iterdir()]
    assert not [name for name in open_files if name.startswith("pipe:")]
    ours = {str(path.readlink()) for path in Path(f"/proc/{kernel.process.pid}/fd").iterdir()}
    assert ours & set(open_files) <= {"/dev/null"}
    assert Path(f"/proc/{about(state)['pid']}/cwd").readlink() == ROOT
    kernel.end()


def test_tasks_survive_a_killed_simulator_and_go_on(state: Path) -> None:
    url = launch.ensure(state, speed=50)
    control(url, "config", queue=0, run=1e6, clips="tiny")
    running = create(url)
    control(url, "config", queue=1e6)
    waiting = create(url)
    until(lambda: [task["status"] for task in control(url, "tasks")["tasks"]] == ["RUNNING", "PENDING"])
    pid = about(state)["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: not launch.alive(pid))

    again = launch.ensure(state)
    tasks = {task["task_id"]: task for task in control(again, "tasks")["tasks"]}
    assert {task_id: task["status"] for task_id, task in tasks.items()} == {running: "RUNNING", waiting: "PENDING"}
    control(again, "tasks", task_id=running, do="finish")
    control(again, "tasks", task_id=waiting, do="start")
    until(lambda: [task["status"] for task in control(again, "tasks")["tasks"]] == ["SUCCEEDED", "RUNNING"])
    answer = httpx.get(f"{again}/tasks/{running}", headers=HEADERS).json()
    assert answer["output"]["task_status"] == "SUCCEEDED"


def test_what_is_under_way_at_its_end_has_not_failed(tmp_path: Path) -> None:
    service = Service(tmp_path, Config(speed=50, queue=0.0, run=0.0), 7)
    service.create("somebody", body())
    until(lambda: service.schedule.advance() or [task.status for task in service.state.tasks.values()] != ["PENDING"])
    service.schedule.close()
    before = [task.status for task in service.state.tasks.values()]
    service.schedule.advance()  # a tick of the loop that is being closed
    assert [task.status for task in service.state.tasks.values()] == before


def test_what_the_service_has_forgotten_is_deleted_at_the_next_start(state: Path) -> None:
    url = launch.ensure(state, speed=50)
    control(url, "config", queue=0, run=0, clips="tiny")
    tasks = [create(url), create(url)]
    clips = [state / "clips" / f"{task}.mp4" for task in tasks]
    until(lambda: [task["status"] for task in control(url, "tasks")["tasks"]] == ["SUCCEEDED"] * 2)
    pid = about(state)["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: not launch.alive(pid))
    long_ago = time.time() - 80 * 3600
    for path in (clips[0], state / "tasks" / f"{tasks[0]}.json"):
        os.utime(path, (long_ago, long_ago))
    assert [task["task_id"] for task in control(launch.ensure(state), "tasks")["tasks"]] == tasks[1:]
    assert [clip.exists() for clip in clips] == [False, True]


def test_a_stale_note_of_a_dead_simulator_misleads_nobody(state: Path) -> None:
    state.mkdir()
    (state / "simulator.json").write_text('{"url": "http://127.0.0.1:9/api/v1", "pid": 1}')
    assert launch.find(state) is None
    url = launch.ensure(state)
    assert control(url)["state"] == str(state)


def test_a_damaged_task_does_not_keep_the_others_away(state: Path) -> None:
    (state / "tasks").mkdir(parents=True)
    for name, text in (("empty", ""), ("list", "[]"), ("old", '{"task_id": "old"}')):
        (state / "tasks" / f"{name}.json").write_text(text)
    assert control(launch.ensure(state), "tasks") == {"tasks": []}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--port", "99999"], "--port must be 0 to 65535"),
        (["--speed", "0"], "--speed must be more than 0"),
        (["--spe", "3"], "unrecognized arguments: --spe"),
        (["--state", "{file}"], "cannot run: [Errno 17] File exists"),
        (["--state", "{state}", "--port", "{taken}"], "Address already in use"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_option_gets_one_clear_line(tmp_path: Path, options: list[str], said: str) -> None:
    file = tmp_path / "file"
    file.touch()
    with socket.create_server(("127.0.0.1", 0)) as other:
        names = {"file": file, "state": tmp_path / "state", "taken": other.getsockname()[1]}
        ended = subprocess.run(
            [sys.executable, "-m", "wan_nb.simulator", *(option.format(**names) for option in options)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert ended.returncode in {1, 2}
    assert said in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_one_that_cannot_start_says_why(state: Path) -> None:
    with pytest.raises(OSError, match="speed"):
        launch.ensure(state, speed=-1.0)


def test_launching_loads_nothing_heavy() -> None:
    code = "import sys, wan_nb.simulator.launch; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    for heavy in ("av", "numpy", "PIL", "tornado", "httpx", "pydantic", "pandas"):
        assert f"'{heavy}'" not in loaded
