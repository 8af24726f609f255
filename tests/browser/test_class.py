"""A class from the classroom page alone: a kernel for each student, votes in a browser, one ranking of all."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from tools import classroom

from wan_nb.studies.votes import MIN_BLOCKS

if TYPE_CHECKING:
    from pathlib import Path

STUDENTS = 3


@pytest.mark.people
@pytest.mark.timeout(900)
def test_a_class_votes_from_the_classroom_page_alone(browser: Any, tmp_path: Path) -> None:
    held = classroom.hold(STUDENTS, tmp_path, browser)
    assert len(held.clips) == len(held.kernels) == len(held.bundles) == STUDENTS
    assert len(held.simulators) == STUDENTS
    for bundle in held.bundles:
        names = zipfile.ZipFile(bundle).namelist()
        assert any(name.endswith(".mp4") for name in names)
        assert any(name.endswith("index.html") for name in names)
    assert held.votes == STUDENTS * MIN_BLOCKS
    assert f"{held.votes} votes on {MIN_BLOCKS} seeds" in held.ranking
    assert f"{STUDENTS} raters" in held.ranking
    assert "calm" in held.ranking
