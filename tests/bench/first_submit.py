"""CPU of the first submit in a fresh kernel, from the first line of the first cell to the POST on the wire.

    python tests/bench/first_submit.py          a minute; writes results/first_submit.json and prints it

The peer is the official ``dashscope`` package: its import and ``async_call``. Both run in a new ipykernel each time,
send the same picture from disk to the same small server, and are billed by the CPU clock of the kernel's process, which
the server reads in the moment in which the POST arrives. ``%load_ext`` against ``import dashscope`` likewise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

sys.path.insert(0, str(Path(__file__).parent))

from bench import ROOT, median, row, write
from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 9
PICTURE = ROOT / "notebooks" / "data" / "cat.jpg"

OURS = f"""%load_ext wan_nb
get_ipython().run_cell_magic("wan", "-f {PICTURE} --duration 5 --no-wait", "a cat walks")"""

OFFICIAL = f"""import dashscope
dashscope.base_http_api_url = URL
dashscope.VideoSynthesis.async_call(
    model="wan2.7-i2v", prompt="a cat walks", media=[{{"type": "first_frame", "url": "{PICTURE}"}}],
    resolution="720P", duration=5)"""


def cpu(pid: int) -> float:
    """Seconds of CPU of a process and all its threads, as Linux numbers the clocks of processes."""
    return time.clock_gettime((~pid << 3) | 2)


class Service(BaseHTTPRequestHandler):
    """As much of the service as a submit needs."""

    protocol_version = "HTTP/1.1"
    posted: ClassVar[threading.Event] = threading.Event()
    pid: ClassVar[int] = 0
    at: ClassVar[float] = 0.0

    def do_GET(self) -> None:
        if "/uploads" in self.path:
            host = f"http://{self.headers['Host']}/store"
            names = ("policy", "signature", "oss_access_key_id")
            self._answer({"data": {**dict.fromkeys(names, "x"), "upload_dir": "d", "upload_host": host,
                                   "x_oss_object_acl": "private", "x_oss_forbid_overwrite": "true"}})  # fmt: skip
        elif self.path.partition("?")[0].endswith("/tasks/"):
            self._answer({"total": 0, "data": [], "total_page": 0, "page_no": 1, "page_size": 1})
        else:
            self._answer({"output": {"task_id": "t", "task_status": "PENDING"}})

    def do_POST(self) -> None:
        if not self.path.endswith("/store"):
            Service.at = cpu(Service.pid)
            Service.posted.set()
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"output": {"task_id": "t", "task_status": "PENDING"}, "request_id": "r"})

    def _answer(self, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


# A package that was installed has its bytecode beside it, as the peer has.
CACHE = tempfile.TemporaryDirectory()


@contextmanager
def kernel(folder: str, url: str) -> Iterator[tuple[Any, int]]:
    """A fresh kernel that has run one trivial cell."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": folder, "DASHSCOPE_API_KEY": "sk-bench",
           "DASHSCOPE_HTTP_BASE_URL": url, "PYTHONDONTWRITEBYTECODE": "",
           "PYTHONPYCACHEPREFIX": CACHE.name}  # fmt: skip
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=folder, env=env, stderr=subprocess.DEVNULL)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        client.execute_interactive(f"URL = {url!r}", timeout=120, output_hook=lambda _: None)
        yield client, manager.provisioner.pid
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run(client: Any, code: str) -> list[str]:
    said: list[str] = []

    def note(message: dict[str, Any]) -> None:
        if message["msg_type"] == "error":
            raise RuntimeError("\n".join(message["content"]["traceback"]))

    client.execute_interactive(code, timeout=120, output_hook=note)
    return said


def to_post(url: str, code: str) -> float:
    """CPU until the POST is on the wire."""
    with tempfile.TemporaryDirectory() as folder, kernel(folder, url) as (client, pid):
        Service.pid = pid
        Service.posted.clear()
        before = cpu(pid)
        run(client, code)
        assert Service.posted.wait(60)
        return Service.at - before


def of_cell(url: str, code: str) -> float:
    """CPU of one cell."""
    with tempfile.TemporaryDirectory() as folder, kernel(folder, url) as (client, pid):
        before = cpu(pid)
        run(client, code)
        return cpu(pid) - before


def main() -> None:
    """Measure in turns, so that both see the same machine; the first round fills caches and does not count."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/api/v1"
    rounds = [
        (to_post(url, OURS), to_post(url, OFFICIAL), of_cell(url, "%load_ext wan_nb"), of_cell(url, "import dashscope"))
        for _ in range(ROUNDS + 1)
    ][1:]
    ours, official, load, imported = map(list, zip(*rounds, strict=True))
    write(
        "first_submit",
        {
            "first submit in a fresh kernel, CPU, against import dashscope + async_call": row(
                median([a / b for a, b in zip(ours, official, strict=True)]), 0.70, "times",
                ours_ms=round(1000 * median(ours)), dashscope_ms=round(1000 * median(official)),
            ),
            "%load_ext wan_nb, CPU, against import dashscope": row(
                median([a / b for a, b in zip(load, imported, strict=True)]), 0.05, "times",
                ours_ms=round(1000 * median(load), 1), dashscope_ms=round(1000 * median(imported)),
            ),
        },
        rounds=ROUNDS,
    )  # fmt: skip


if __name__ == "__main__":
    main()
