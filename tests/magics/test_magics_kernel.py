"""%%wan in a real kernel: unattended under nbconvert, and with somebody who sits there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import wan_nb

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.notebook

WIDGET = "application/vnd.jupyter.widget-view+json"
ROOT = Path(wan_nb.__file__).parents[1]


@pytest.fixture
def environment(simulator, tmp_path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "DASHSCOPE_API_KEY": simulator.key,
        "DASHSCOPE_HTTP_BASE_URL": simulator.url,
    }


def execute(cells: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, Any]:
    """Run All, going no further than the first error, which the saved notebook keeps."""
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, folder / "in.ipynb")
    code = """
import nbclient, nbformat
notebook = nbformat.read("in.ipynb", 4)
try:
    nbclient.NotebookClient(notebook, timeout=120).execute()
finally:
    nbformat.write(notebook, "out.ipynb")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, timeout=200, check=False
    )
    return done.returncode, nbformat.read(folder / "out.ipynb", 4)


def test_unattended_cells_wait_show_one_picture_and_errors_stop(simulator, photos, tmp_path, environment) -> None:
    simulator.config(run=1.0)
    cat = photos / "cat.jpg"
    code, done = execute(
        [
            "%load_ext wan_nb",
            f"%%wan -f {cat} -d 2 --out run\nit's a cat",
            "print(run.status, run.video.exists())",
            f"%%wan -f {cat} -d 2;\nit's a cat",
            f"%%wan -f {cat} -d 31\na cat",
            "print('never')",
        ],
        tmp_path,
        environment,
    )
    assert code != 0
    load, clip, told, silent, error, never = (cell.outputs for cell in done.cells)
    assert [out.output_type for out in clip] == ["display_data"]
    assert set(clip[0].data) == {"text/html", "text/plain"}
    assert "done" in clip[0].data["text/plain"]
    assert told[0].text == "SUCCEEDED True\n"
    assert load == silent == never == []
    assert [(out.output_type, out.ename) for out in error] == [("error", "InvalidRequest")]
    assert error[0].traceback == [
        "InvalidRequest: duration must be a whole number from 2 to 15 s, not 31.",
        "More in notebooks/reference/models.md.",
    ]
    assert not done.metadata.get("widgets")
    assert simulator.counters()["creates_received"] == 1


@pytest.fixture
def kernel(tmp_path, environment) -> Iterator[Any]:
    """A kernel as JupyterLab has one: it may ask."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(cwd=str(tmp_path), env=environment)
    client.allow_stdin = True
    client.execute_interactive("%load_ext wan_nb", timeout=60)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


def messages(client: Any, code: str) -> list[tuple[str, dict[str, Any]]]:
    """What a cell sends to the page."""
    seen: list[tuple[str, dict[str, Any]]] = []

    def keep(message: dict[str, Any]) -> None:
        seen.append((message["msg_type"], message["content"]))

    client.execute_interactive(code, timeout=120, allow_stdin=True, output_hook=keep)
    return seen


def test_cell_returns_at_once_with_a_live_view(simulator, photos, kernel) -> None:
    simulator.config(run=600)
    seen = messages(kernel, f"%%wan -f {photos / 'cat.jpg'} -d 2\na cat")
    (shown,) = [content for kind, content in seen if kind == "display_data"]
    assert WIDGET in shown["data"]
    assert simulator.tasks()[0]["body"]["input"]["prompt"] == "a cat"


def test_waiting_cell_is_live_and_ends_with_one_clip(simulator, photos, kernel) -> None:
    simulator.config(run=1.5)
    seen = messages(kernel, f"%%wan -f {photos / 'cat.jpg'} -d 2 --wait\na cat")
    kinds = [kind for kind, _ in seen if kind in {"display_data", "execute_result", "clear_output", "error"}]
    assert kinds == ["display_data", "clear_output", "display_data"]
    live, final = [content["data"] for kind, content in seen if kind == "display_data"]
    assert WIDGET in live
    assert WIDGET not in final
    assert "done" in final["text/plain"]


def test_completion_over_the_wire(kernel) -> None:
    kernel.complete("%wan re")
    answer = kernel.get_shell_msg(timeout=30)
    while answer["msg_type"] != "complete_reply":
        answer = kernel.get_shell_msg(timeout=30)
    assert answer["content"]["matches"] == ["resume", "report"]
