"""What a person sees in JupyterLab and Notebook 7: real server, real kernel, real Chromium."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from .lab import REPO

SETUP = """
import time, wan_nb
from wan_nb.engine.session import Session
session = Session("simulator", folder="wan_runs", gap=0.2)
"""
SUBMIT = 'run = session.submit("a cat walks", first_frame="cat.jpg", duration=5)\nrun'

CAN_PLAY = """() => document.createElement("video").canPlayType('video/mp4; codecs="avc1.42E01E, mp4a.40.2"')"""


@pytest.fixture
def cat(server: Any) -> Path:
    """The photograph that the notebooks begin with."""
    return Path(shutil.copy(REPO / "notebooks/data/cat.jpg", server.notebooks / "cat.jpg"))


def test_this_browser_plays_h264_with_aac(page: Any) -> None:
    assert page.evaluate(CAN_PLAY) == "probably"


def test_clip_from_prompt_to_playing(notebook: Any, cat: Path, shots: Path) -> None:
    book = notebook("first.ipynb", SETUP, SUBMIT)
    book.run(0)
    book.run(1)
    card = book.cell(1)
    card.locator(".wan-board").wait_for()
    book.page.screenshot(path=shots / "lab-live.png")
    card.locator("video").wait_for(timeout=60_000)
    book.page.wait_for_timeout(3000)
    book.page.screenshot(path=shots / "lab-done.png")

