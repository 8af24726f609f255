"""One JupyterLab for all browser tests, a fresh page for each, and no error of the page goes unnoticed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .lab import KNOWN_CONSOLE, Notebook, Server
from .programs import npm
from .waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HERE = Path(__file__).parent

# Read now: each test runs in an environment that is cleaned of our own variables.
AXE = os.environ.get("WAN_NB_AXE", "")
SHOTS = os.environ.get("WAN_NB_SHOTS", "test-results")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if item.get_closest_marker("timeout") is None:  # a machine that is busy with other things draws slowly
                item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Debian's Chromium where it is installed (it has the codecs), else Playwright's own.

    For this package only: Playwright keeps an event loop running in the main thread until it is stopped, and no test
    could run one of its own there.
    """
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with api.sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        except api.Error as error:
            pytest.skip(f"no Chromium: {str(error).splitlines()[0]}")
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
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
    page.set_default_timeout(PATIENCE * 1000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
    # Notebook 7 is refused the fonts of its formulas, which nothing here asks for.
    ours = lambda line: line.type == "error" and not line.location.get("url", "").endswith(".woff")  # noqa: E731
    page.on("console", lambda line: problems.append(line.text) if ours(line) else None)
    yield page
    context.close()
    assert [problem for problem in problems if not any(known.search(problem) for known in KNOWN_CONSOLE)] == []


@pytest.fixture
def notebook(page: Any, server: Server) -> Iterator[Any]:
    """Opens a notebook of given cells, light: ``notebook("a.ipynb", "1 + 1")``. Its kernel ends with the test."""

    def open_notebook(name: str, *cells: str, app: str = "lab") -> Notebook:
        if cells:
            server.write(name, *cells)
        book = Notebook(page, server, name, app=app)
        book.theme("JupyterLab Light")  # the server keeps what the test before has chosen
        return book

    yield open_notebook
    server.end_kernels()  # what one has not sent yet would go to the simulator of the next test


@pytest.fixture(scope="session")
def shots() -> Path:
    """Where screenshots go: the folder in WAN_NB_SHOTS, else ``test-results`` beside the tests' folder."""
    folder = Path(__file__).parents[2] / SHOTS
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[str]]:
    """Serious and critical findings of axe-core on a page: ``axe(page, ".wan-board")``."""
    path = Path(AXE) if AXE else npm(tmp_path_factory.mktemp("axe"), "axe-core") / "axe-core/axe.min.js"
    source = path.read_text(encoding="utf-8")

    def findings(page: Any, selector: str) -> list[str]:
        if not page.evaluate("typeof window.axe === 'object'"):
            page.evaluate(source)
        found = page.evaluate("selector => axe.run(document.querySelector(selector))", selector)
        return [
            f"{rule['id']} ({rule['impact']}): {node['html'][:120]} {node['failureSummary'][:200]}"
            for rule in found["violations"]
            if rule["impact"] in {"serious", "critical"}
            for node in rule["nodes"]
        ]

    return findings
