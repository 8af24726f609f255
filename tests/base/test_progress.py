"""One line says how far long work is, wherever it runs, and ends as text."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from live_kernel import Kernel

from wan_nb import progress
from wan_nb.errors import Detached
from wan_nb.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

WORK = """
import time
from wan_nb import progress
progress.SILENT = 0.5
with progress.Progress("Packing clips", 8, keeps=True) as line:
    for _ in line.each(range(8)):
        time.sleep(0.2)
"""
"""Long enough for the line to show."""

END = r"Packing clips: 8 in \d s\."


def test_doctests_hold() -> None:
    assert doctest.testmod(progress).failed == 0


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """Seconds, set by the test."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_short_work_says_nothing(clock, capsys) -> None:
    with Progress("Packing clips", 3) as line:
        for _ in line.each(range(3)):
            clock[0] += 0.3
    assert capsys.readouterr() == ("", "")


def test_a_file_gets_the_end_alone(clock, capsys) -> None:
    with Progress("Packing clips", 3) as line:
        for _ in line.each(range(3)):
            clock[0] += 30
    assert capsys.readouterr() == ("", "Packing clips: 3 in 1:30 min.\n")


def test_a_failure_and_an_interrupt_say_how_far_it_came(clock, capsys) -> None:
    def work(error: BaseException) -> None:
        with Progress("Packing", 3e6, keeps=True, said=lambda count: f"{count / 1e6:.0f} MB") as line:
            clock[0] += 30
            line.reach(2e6)
            raise error

    with pytest.raises(ValueError, match="odd"):
        work(ValueError("odd"))
    with pytest.raises(Detached, match=r"Stopped: 2 MB of 3 MB are done and kept\."):
        work(KeyboardInterrupt())
    with pytest.raises(Detached, match="Stopped at 0 of 3; nothing unfinished is left"), Progress("Packing clips", 3):
        raise KeyboardInterrupt
    assert capsys.readouterr().err == "Packing: stopped at 2 MB of 3 MB.\n" * 2


def test_another_thread_than_the_main_one_never_prints(clock, capsys) -> None:
    def work() -> None:
        with Progress("Packing clips", 3) as line:
            for _ in line.each(range(3)):
                clock[0] += 30

    clicked = threading.Thread(target=work)
    clicked.start()
    clicked.join()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("done", "seconds", "line"),
    [
        (1, 10, "Packing clips █████░░░░░░░░░░░░░░░ 1 of 4, about 30 s left"),
        (3, 90, "Packing clips ███████████████░░░░░ 3 of 4, about 30 s left"),
        (0, 90, "Packing clips ░░░░░░░░░░░░░░░░░░░░ 0 of 4"),
        (4, 90, "Packing clips ████████████████████ 4 of 4"),
        (5, 90, "Packing clips ████████████████████ 5 of 4"),
    ],
)
def test_the_line(done, seconds, line, clock, monkeypatch) -> None:
    shown = []
    monkeypatch.setattr(progress, "rewrite", lambda text, **_: shown.append(text))
    work = Progress("Packing clips", 4)
    clock[0] += seconds
    work.reach(done)
    assert shown == [line]


@pytest.mark.notebook
def test_a_notebook_has_one_output_that_ends_as_text(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, {})
    try:
        name, _ = kernel.result(kernel.begin(WORK))
        assert name == ""
        shown = [message for message in kernel.heard if message["msg_type"] == "display_data"]
        changed = [message for message in kernel.heard if message["msg_type"] == "update_display_data"]
        assert len(shown) == 1
        place = shown[0]["content"]["transient"]["display_id"]
        assert {message["content"]["transient"]["display_id"] for message in changed} == {place}
        assert set(shown[0]["content"]["data"]) == {"text/plain"}
        assert re.fullmatch(END, changed[-1]["content"]["data"]["text/plain"])
        assert not [message for message in kernel.heard if message["msg_type"] == "stream"]

        begun = kernel.begin(WORK.replace("0.2", "0.4"))
        while kernel.client.get_iopub_msg(timeout=60)["msg_type"] != "display_data":
            pass
        kernel.manager.interrupt_kernel()
        name, said = kernel.result(begun)
        assert name == "Detached"
        assert "are done and kept. The same call does the rest." in said
    finally:
        kernel.stop()


@pytest.mark.notebook
def test_a_batch_keeps_one_line(tmp_path: Path) -> None:
    import nbclient
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(WORK)])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert list(output["data"]) == ["text/plain"]
    assert "Packing clips: 8 in" in output["data"]["text/plain"]
    assert len(nbformat.writes(notebook)) < 2_000


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo terminals there")
def test_a_terminal_has_one_line_that_is_written_over(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "70", "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        [sys.executable, "-c", WORK], stderr=theirs, stdin=subprocess.DEVNULL, env=environment, cwd=tmp_path
    ):
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 1000):
                said += piece
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(ours)
    lines = said.decode().replace("\r\n", "\n")
    assert lines.count("\n") == 1
    states = lines.rstrip("\n").split("\r")[1:]
    assert {len(state) for state in states} == {69}
    assert states[0].startswith("Packing clips ")
    assert states[-1].startswith("Packing clips: 8 in ")
