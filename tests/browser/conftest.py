"""One JupyterLab for all browser tests, a fresh page for each, and no error of the page goes unnoticed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .lab import KNOWN_CONSOLE, Notebook, Server

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium where it is installed (it has the codecs), else Playwright's own."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with api.sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        except api.Error as error:
            pytest.skip(f"no Chromium: {str(error).splitlines()[0]}")
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    server = Server(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page whose uncaught errors, and console errors that nobody knows, fail the test."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(30_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    yield page
    context.close()
    assert [problem for problem in problems if not any(known.search(problem) for known in KNOWN_CONSOLE)] == []


@pytest.fixture
def notebook(page: Any, server: Server) -> Any:
    """Opens a notebook of given cells: ``notebook("a.ipynb", "1 + 1")``."""

    def open_notebook(name: str, *cells: str, app: str = "lab") -> Notebook:
        if cells:
            server.write(name, *cells)
        return Notebook(page, server, name, app=app)

    return open_notebook


@pytest.fixture(scope="session")
def shots() -> Path:
    """Where screenshots go: the folder in WAN_NB_SHOTS, else ``test-results``."""
    folder = Path(os.environ.get("WAN_NB_SHOTS", "test-results")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder
