"""Waiting for what a page is to show, for as long as a busy machine may need.

JupyterLab draws a changed output anew, and for a moment old and new stand side by side: what a page says is looked at
until it says so, not once.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 120.0
"""Seconds that are waited for anything; a test as a whole has ten minutes."""


def expect(what: Any) -> Any:
    """Playwright's assertions about a page or locator; they look again until they hold."""
    from playwright.sync_api import expect as looked_at

    looked_at.set_options(timeout=PATIENCE * 1000)
    return looked_at(what)


def until(browser: Any, true: str | Callable[[], Any]) -> None:
    """Wait for a condition from outside, as it must be on a page that allows no script but its own."""
    deadline = time.monotonic() + PATIENCE
    while not (browser.evaluate(true) if isinstance(true, str) else (browser.evaluate("1"), true())[1]):
        assert time.monotonic() < deadline, (true, browser.evaluate("document.body.innerText.slice(0, 2000)"))
        time.sleep(0.05)
