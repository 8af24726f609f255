"""Replay what Binder does, as far as a machine without a container engine can: ``python tests/tools/binder.py``.

1. repo2docker reads ``binder/`` and writes its Dockerfile.
2. A clean environment gets the versions that repo2docker pins for our Python, then the steps of the Dockerfile in their
   order: the pip part of environment.yml, postBuild, and everything else through ``start``.
3. JupyterLab of that environment opens the quickstart in Chromium, where there is one, and makes a clip.
4. The quickstart and six more clips are made while the memory of all its processes is added up.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import nbformat
import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "support")]

from tools.package import interpreter  # noqa: E402  # found by the line above

LIMIT = 1_000_000_000
"""Bytes that Binder guarantees a session."""

PINNED = (
    "ipykernel", "ipython", "ipywidgets", "jupyter_client", "jupyter_server", "jupyterlab", "nbclient", "notebook",
    "tornado",
)  # fmt: skip
"""What our package meets of the base environment; the rest of it is JupyterHub."""

SIX_MORE = """
import wan_nb
study = wan_nb.study({"calm": "the cat looks up slowly", "wild": "the cat jumps, handheld camera"},
                     name="six", first_frame="data/cat.jpg", seeds=[1, 2, 3], duration=5)
study.submit(max_cost=30).wait();
"""


def dockerfile() -> str:
    """What repo2docker makes of the repository; it stops with an error where it cannot."""
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(ROOT)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-2000:]
    text = told.stdout + told.stderr
    for step in ('--file "binder/environment.yml"', "RUN ./binder/postBuild", "/binder/start"):
        assert step in text, f"repo2docker does not run {step}"
    assert "environment-2epy-2d3-2e12" in text, "repo2docker chooses another Python than 3.12"
    return text


def pins() -> list[str]:
    """Versions of the frozen base environment of Python 3.12."""
    lock = resources.files("repo2docker.buildpacks.conda").joinpath("environment.py-3.12-linux-64.lock").read_text()
    found = dict(re.findall(r"/(?:noarch|linux-64)/([\w.-]+?)-(\d[\w.]*)-\w+\.conda", lock))
    return [f"{name}=={found[name]}" for name in PINNED]


def build(work: Path) -> tuple[Path, Path]:
    """The environment and the repository as the image would hold them."""
    python = interpreter("3.12")
    assert python, "Binder runs Python 3.12; it is not here"
    env, repo = work / "env", work / "repo"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(repo)], check=True)
    for step in ("postBuild", "start"):
        shutil.copy(ROOT / "binder" / step, repo / "binder" / step)
    subprocess.run([python, "-m", "venv", env], check=True)
    pip = [str(env / "bin/python"), "-m", "pip", "install", "-q"]
    subprocess.run([*pip, *pins()], check=True)
    subprocess.run([*pip, *pip_part(repo / "binder/environment.yml")], check=True)
    subprocess.run(["binder/postBuild"], cwd=repo, env=surroundings(env), check=True)
    for book in (repo / "notebooks").glob("*.ipynb"):
        assert '"output_type"' not in book.read_text(encoding="utf-8"), f"{book.name} shows clips that are not there"
    return env, repo


def pip_part(path: Path) -> list[str]:
    """Requirements under ``pip:`` of an environment.yml."""
    return re.findall(r"^ {6}- (\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)


def surroundings(env: Path, **more: str) -> dict[str, str]:
    """Environment of a process in the image."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DASHSCOPE_", "WAN_NB_", "PYTHON", "JUPYTER"))}
    home = env / "home"
    home.mkdir(exist_ok=True)
    return {**kept, "PATH": f"{env}/bin:{kept['PATH']}", "VIRTUAL_ENV": str(env), "HOME": str(home), **more}


class Memory(threading.Thread):
    """Most memory that all processes of an environment had together (USS: what ending them would free)."""

    def __init__(self, env: Path) -> None:
        super().__init__(daemon=True)
        self.env, self.done = str(env), threading.Event()
        self.most, self.parts = 0, {}

    def run(self) -> None:
        while not self.done.wait(0.5):
            parts: dict[str, int] = {}
            for process in psutil.process_iter():
                try:
                    line = " ".join(process.cmdline())
                    if self.env in line:
                        parts[role(line)] = parts.get(role(line), 0) + process.memory_full_info().uss
                except psutil.Error:
                    continue
            if sum(parts.values()) > self.most:
                self.most, self.parts = sum(parts.values()), parts


def role(line: str) -> str:
    """What a process is, by its command line."""
    for word, name in (("wan_nb.simulator", "simulator"), ("ipykernel", "kernel"), ("lab", "server")):
        if word in line:
            return name
    return "other"


def serve(env: Path, repo: Path, token: str) -> tuple[subprocess.Popen[bytes], str]:
    """JupyterLab through ``binder/start``, as the container's entry point runs it; its address."""
    with socket.socket() as free:  # asked for port 0, this release of the server does not tell which one it took
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        "jupyter", "lab", "--no-browser", "--allow-root", f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1",
        f"--IdentityProvider.token={token}", "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip
    around = surroundings(env, DASHSCOPE_API_KEY="sk-somebody-left-it-here")
    process = subprocess.Popen([repo / "binder/start", *command], cwd=repo, env=around, stderr=subprocess.DEVNULL)
    url, deadline = f"http://127.0.0.1:{port}/", time.monotonic() + 90
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            urlopen(f"{url}api/status?token={token}", timeout=5).close()
            return process, url
        time.sleep(0.2)
    raise RuntimeError("JupyterLab did not start")


def look(url: str, repo: Path) -> None:
    """The quickstart in a browser: load, connect, make a clip, and see it play."""
    from browser.conftest import ARGS
    from browser.lab import TOKEN, Notebook
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(120_000)
        served = SimpleNamespace(url=url, entry=f"?token={TOKEN}", notebooks=repo)
        book: Any = Notebook(page, served, "notebooks/quickstart.ipynb")
        book.wait_idle(timeout=120)
        book.run(1, timeout=120)
        book.start(3)
        video = book.cell(3).locator("video").first
        video.wait_for()
        video.evaluate("video => { video.muted = true; return video.play(); }")
        page.wait_for_function("document.querySelector('video').currentTime > 0.5")
        browser.close()


def ten_clips(env: Path, repo: Path) -> None:
    """The quickstart, and six clips more in the same kernel, through ``binder/start``."""
    notebook = nbformat.read(repo / "notebooks/quickstart.ipynb", 4)
    notebook.cells.append(nbformat.v4.new_code_cell(SIX_MORE))
    nbformat.write(notebook, repo / "notebooks/ten.ipynb")
    command = [repo / "binder/start", "jupyter", "execute", "--timeout=600", "notebooks/ten.ipynb"]
    subprocess.run(command, cwd=repo, env=surroundings(env, DASHSCOPE_API_KEY="sk-left-here"), check=True)
    made = list((repo / "notebooks/wan_runs/videos").glob("*.mp4"))
    assert len(made) >= 10, made


def main() -> None:
    """All of it."""
    from browser.lab import TOKEN

    print("repo2docker:", len(dockerfile().splitlines()), "lines of Dockerfile; base", *pins())
    with tempfile.TemporaryDirectory(prefix="wan-nb-binder-") as scratch:
        env, repo = build(Path(scratch))
        memory = Memory(env)
        server, url = serve(env, repo, TOKEN)
        try:
            if shutil.which("chromium"):
                look(url, repo)
                print("browser: the quickstart's first clip plays")
            memory.start()
            ten_clips(env, repo)
        finally:
            memory.done.set()
            server.terminate()
            server.wait(30)
    parts = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sorted(memory.parts.items()))
    print(f"ten clips: at most {memory.most / 1e6:.0f} MB together ({parts})")
    assert memory.most < LIMIT


if __name__ == "__main__":
    main()
