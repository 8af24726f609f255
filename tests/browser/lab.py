"""A real JupyterLab with a real kernel, and notebooks in it as a person drives them."""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import nbformat

from .programs import REPO, Program, clean
from .waiting import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["REPO", "TOKEN", "Notebook", "Server"]

TOKEN = "a-token-of-these-tests"

# What hosts say on their console that is neither ours nor an error of ours.
KNOWN_CONSOLE = (
    re.compile(r"Failed to load resource: the server responded with a status of 404"),  # Lab asks for absent settings
    re.compile(r"WebSocket connection to .* failed"),  # a kernel that a test shuts down
    # Notebook 7.6 without a file browser beside the notebook says these about itself when it starts.
    re.compile(r"^page error: Command 'filebrowser:open-path' not registered\.$"),
    re.compile(r"^page error: Cannot read properties of undefined \(reading 'schema'\)$"),
    re.compile(r"Kernel .* (died|was dead)|Error: Canceled future|Canceled future for"),
)


def environment(root: Path) -> dict[str, str]:
    """That of a Jupyter server with configuration, data and runtime folders of its own."""
    return clean(
        JUPYTER_CONFIG_DIR=str(root / "config"),
        JUPYTER_DATA_DIR=str(root / "data"),
        JUPYTER_RUNTIME_DIR=str(root / "runtime"),
        JUPYTERLAB_SETTINGS_DIR=str(root / "settings"),
        JUPYTERLAB_WORKSPACES_DIR=str(root / "workspaces"),
        IPYTHONDIR=str(root / "ipython"),
        # What another environment sees of this one.
        JUPYTER_PATH=f"{sys.prefix}/share/jupyter",
        JUPYTER_CONFIG_PATH=f"{sys.prefix}/etc/jupyter",
        JUPYTERLAB_DIR=f"{sys.prefix}/share/jupyter/lab",
    )


def write_settings(root: Path, settings: dict[str, dict[str, Any]]) -> None:
    """Settings of JupyterLab's extensions, for a server with the `environment` of this root."""
    quiet = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
    for plugin, values in {**quiet, **settings}.items():
        package, _, name = plugin.partition(":")
        file = root / "settings" / package / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))


def write_notebook(path: Path, *cells: str) -> Path:
    """A notebook of code cells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=kernel)
    nbformat.write(notebook, path)
    return path


class Server(Program):
    """JupyterLab and Notebook 7 on a free port, with its own configuration, data and runtime folders.

    Parameters
    ----------
    root : Path
        For all of its files.
    python : str
        That of another environment, such as `beside` makes.
    settings : dict, optional
        Of extensions by their plugin: ``{"@jupyterlab/notebook-extension:tracker": {"windowingMode": "full"}}``.
    """

    entry = f"?token={TOKEN}"
    """What lets somebody in who has not been there yet."""

    def __init__(
        self, root: Path, *, python: str = sys.executable, settings: dict[str, dict[str, Any]] | None = None
    ) -> None:
        self.notebooks = root / "notebooks"
        self.notebooks.mkdir(parents=True)
        write_settings(root, settings or {})
        options = [
            "--no-browser",
            "--allow-root",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port=0",
            f"--ServerApp.root_dir={self.notebooks}",
            f"--IdentityProvider.token={TOKEN}",
            "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True",
        ]
        super().__init__(
            root, [python, "-m", "jupyterlab", *options], env=environment(root), find=lambda: self._found(root)
        )

    def _found(self, root: Path) -> str | None:
        for file in (root / "runtime").glob(f"jpserver-{self.process.pid}.json"):
            with suppress(OSError, ValueError, KeyError):
                url = f"http://127.0.0.1:{json.loads(file.read_text())['port']}/"
                urlopen(Request(f"{url}api/status?token={TOKEN}"), timeout=30).close()
                return url
        return None

    def write(self, name: str, *cells: str) -> Path:
        """A notebook of code cells; ``name`` may hold folders."""
        return write_notebook(self.notebooks / name, *cells)

    def end_kernels(self) -> None:
        """Shut down every kernel, as a person does who leaves."""
        asked = {"Authorization": f"token {TOKEN}"}
        with urlopen(Request(f"{self.url}api/kernels", headers=asked), timeout=30) as answer:
            running = json.load(answer)
        for kernel in running:
            ending = Request(f"{self.url}api/kernels/{kernel['id']}", headers=asked, method="DELETE")
            urlopen(ending, timeout=30).close()


class Notebook:
    """One open notebook, in JupyterLab or Notebook 7."""

    def __init__(self, page: Any, server: Server, name: str, *, app: str = "lab") -> None:
        self.page, self.server, self.name, self.app = page, server, name, app
        path = f"lab/workspaces/auto-{abs(hash(name)) % 10**6}/tree/{name}" if app == "lab" else f"notebooks/{name}"
        page.goto(f"{server.url}{path}{server.entry}")
        page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.content?.widgets?.length > 0")
        page.evaluate("() => jupyterapp.shell.currentWidget.context.ready")

    def wait_idle(self, *, timeout: float = PATIENCE) -> None:
        """Until a kernel is there and has nothing to do."""
        self.page.wait_for_function(
            "jupyterapp.shell.currentWidget.context.sessionContext.session?.kernel?.status === 'idle'",
            timeout=timeout * 1000,
        )

    def start(self, index: int) -> None:
        """Begin to run a cell; returns at once."""
        self.page.evaluate(
            """(index) => {
              const panel = jupyterapp.shell.currentWidget;
              panel.content.activeCellIndex = index;
              panel.content.deselectAll?.();
              window.ended = new Set([...(window.ended ?? [])].filter((i) => i !== index));
              jupyterapp.commands.execute("notebook:run-cell").then(() => window.ended.add(index));
            }""",
            index,
        )

    def run(self, index: int, *, timeout: float = PATIENCE) -> None:
        """Run a cell to its end; an error in it fails the test."""
        self.wait_idle()
        self.start(index)
        self.page.wait_for_function("index => window.ended.has(index)", arg=index, timeout=timeout * 1000)
        errors = [output for output in self.outputs(index) if output["output_type"] == "error"]
        assert not errors, "\n".join(errors[0]["traceback"])

    def structure(self) -> list[list[str]]:
        """Kind and source of every cell: what a stray shortcut changes."""
        return self.page.evaluate(
            """jupyterapp.shell.currentWidget.content.widgets
              .map(({ model }) => [model.id, model.type, model.sharedModel.getSource()])"""
        )

    def ended(self, index: int) -> bool:
        """Whether a cell that was started has come to its end."""
        return self.page.evaluate("index => window.ended.has(index)", index)

    def count(self, index: int) -> int | None:
        """Execution count of a cell."""
        return self.page.evaluate("i => jupyterapp.shell.currentWidget.content.widgets[i].model.executionCount", index)

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """Outputs of a cell, as they would be saved now."""
        return self.page.evaluate(
            "i => jupyterapp.shell.currentWidget.content.widgets[i].model.toJSON().outputs", index
        )

    def wait_html(self, index: int, text: str = "") -> None:
        """Until the outputs of a cell are no widgets any more, one of them with this in its plain text.

        The page has then said that it can show HTML alone, and the kernel has replaced the widget by it.
        """
        self.page.wait_for_function(
            """([index, text]) => {
              const { model, node } = jupyterapp.shell.currentWidget.content.widgets[index];
              const data = model.toJSON().outputs.map((output) => output.data ?? {});
              const drawn = [...node.querySelectorAll(".jp-OutputArea-output")];
              return data.length && !data.some((one) => "application/vnd.jupyter.widget-view+json" in one)
                && data.some((one) => [one["text/plain"] ?? ""].flat().join("").includes(text))
                && (!node.isConnected || (drawn.length === data.length && drawn.every((one) => one.firstChild)));
            }""",
            arg=[index, text],
        )

    def printed(self, index: int) -> str:
        """What a cell that has ended has printed: the page draws it a moment later."""
        return "".join("".join(output.get("text", "")) for output in self.outputs(index)).strip()

    def cell(self, index: int) -> Any:
        """The outputs of a cell on the page."""
        return self.area(index).locator(".jp-OutputArea-output")

    def area(self, index: int) -> Any:
        """What holds the outputs of a cell: one element, whatever is drawn in it anew."""
        return self.page.locator(".jp-Cell").nth(index).locator(".jp-Cell-outputArea")

    def save(self) -> nbformat.NotebookNode:
        """Save, and read what was saved."""
        self.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
        self.page.wait_for_function("!jupyterapp.shell.currentWidget.context.model.dirty")
        return nbformat.read(self.server.notebooks / self.name, 4)

    def shut_kernel_down(self) -> None:
        """End the kernel as the menu does."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")

    def theme(self, name: str) -> None:
        """Switch Lab's theme: ``JupyterLab Light``, ``JupyterLab Dark``, ``JupyterLab Dark High Contrast``."""
        if self.page.evaluate("document.body.dataset.jpThemeName") == name:
            return
        self.page.evaluate("name => jupyterapp.commands.execute('apputils:change-theme', { theme: name })", name)
        self.page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")
