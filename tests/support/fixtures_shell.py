"""A real IPython shell with the extension loaded and a default session at the simulator of the tests."""

from __future__ import annotations

import atexit
import inspect
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from wan_nb.handles import default

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Cells:
    """Runs cells as a person would."""

    shell: Any

    def __call__(self, text: str, **variables: Any) -> Any:
        """Result of a cell; its error is raised, as Run-All would stop there."""
        self.shell.user_ns.update(variables)
        done = self.shell.run_cell(inspect.cleandoc(text), store_history=False)
        if error := done.error_before_exec or done.error_in_exec:
            raise error
        return done.result

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.shell.user_ns

    @property
    def magics(self) -> Any:
        return self.shell.magics_manager.registry["WanMagics"]

    def unattended(self) -> None:
        """As under nbclient and papermill: a kernel that may not ask."""
        self.shell.kernel = SimpleNamespace(_allow_stdin=False)


@pytest.fixture
def bare_shell() -> Iterator[Any]:
    """A real shell, nothing loaded."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    yield shell
    InteractiveShell.clear_instance()
    atexit.unregister(shell.atexit_operations)  # which would keep it, and let each one look for garbage at the end


@pytest.fixture
def ip(bare_shell: Any) -> Iterator[Cells]:
    """Cells of a shell that has the extension; no service is spoken to until a test asks for one."""
    bare_shell.run_line_magic("load_ext", "wan_nb")
    default.close()
    default.configure(service=None, budget=None, user=None)
    yield Cells(bare_shell)
    bare_shell.run_line_magic("unload_ext", "wan_nb")
    default.close()
    default.configure(service=None, budget=None, user=None)


@pytest.fixture
def wan(ip: Cells, simulator: Any) -> Cells:
    """Cells whose default session speaks to the simulator of the tests."""
    ip.magics.notebook.announced = default.connect(simulator.url, api_key=simulator.key, gap=0.02, patience=1.0)
    return ip


@pytest.fixture
def cat(photos: Path) -> Path:
    return photos / "cat.jpg"
