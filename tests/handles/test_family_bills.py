"""Estimates of the family against the receipts that the simulator writes, from real files of known length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odd_files
import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Clips by their seconds."""
    folder = tmp_path_factory.mktemp("clips")
    return {seconds: odd_files.clip(folder / f"{seconds}.mp4", seconds, size=(480, 368)) for seconds in (2, 4, 5, 9)}


@pytest.mark.parametrize(
    ("videos", "duration", "billed"),
    [([], 5, 5.0), ([2], 5, 7.0), ([5], 5, 10.0), ([9], 10, 15.0), ([2, 9], 2, 6.5), ([2, 5, 9], 2, 7.0)],
)
def test_references_cost_what_was_said(session, clips, photos, videos, duration, billed) -> None:
    """5 s of given clips at most, shared evenly among them; pictures are free. CNY 0.6 a second."""
    fields = {"reference_image": [photos / "cat.jpg"], "reference_video": [clips[n] for n in videos]}
    said = session.request("they meet", duration=duration, **fields).estimate(session.workspace.region)
    run = session.submit("they meet", duration=duration, **fields).wait()
    assert (said.at_most, said.amount) == (False, pytest.approx(0.6 * billed))
    assert (run.row.billed_s, run.cost) == (pytest.approx(billed), pytest.approx(said.amount))
    assert (run.row.input_s or 0.0) == pytest.approx(billed - duration)


@pytest.mark.parametrize(
    ("model", "seconds", "duration", "billed", "rate"),
    [
        ("wan2.7-videoedit", 5, 0, 10.0, 0.6),
        ("wan2.7-videoedit", 5, 4, 9.0, 0.6),
        ("happyhorse-1.0-video-edit", 4, None, 8.0, 0.9),
    ],
)
def test_an_edit_costs_what_was_said(session, clips, model, seconds, duration, billed, rate) -> None:
    fields = {"model": model, "video": clips[seconds], "duration": duration}
    said = session.request("make it rain", **fields).estimate(session.workspace.region)
    run = session.submit("make it rain", **fields).wait()
    assert (said.at_most, said.amount) == (False, pytest.approx(rate * billed))
    assert (run.row.billed_s, run.cost) == (pytest.approx(billed), pytest.approx(said.amount))


@pytest.mark.parametrize("given", [[], [4]])
def test_a_length_that_the_service_chooses_costs_at_most_what_was_said(session, clips, given) -> None:
    fields = {"model": "wan3.0-video", "resolution": "480P", "duration": -1}
    fields["reference_video"] = [clips[n] for n in given]
    said = session.request("a cat", **fields).estimate(session.workspace.region)
    assert (said.told, said.at_most) == ("at most CNY 9.00", True)
    run = session.submit("a cat", **fields)
    assert run.row.cost == said.amount  # what is reserved
    run.wait()
    assert 0.3 * 2 <= run.cost <= said.amount
    assert run.cost == pytest.approx(0.3 * run.row.billed_s)
