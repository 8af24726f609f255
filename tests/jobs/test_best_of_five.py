"""The best of five prompts on three photographs, with its slips, up to the hand-over: nothing unasked is bought."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from desk import PHOTOS, Desk, ballot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.notebook

HEAD = f"%%wan -d 2 --vary first_frame={','.join(PHOTOS)}"
PROMPTS = {
    "calm": "the camera moves in softly",
    "orbit": "the camra orbits slowly",
    "wild": "handheld camera, it shakes",
    "rise": "the camera rises",
    "still": "the picture stands still, light changes",
}
FIVE = f"{HEAD} --name spring --max-cost 20 --wait\n" + "\n".join(f"--- {n}\n{text}" for n, text in PROMPTS.items())
RIGHT = FIVE.replace("camra", "camera")


@pytest.fixture
def ada(simulator: Any, tmp_path: Path, photos: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "job", simulator, photos, WAN_NB_USER="Ada")
    yield desk
    desk.leave()


@pytest.mark.timeout(600)
def test_the_best_of_five_prompts_on_three_photographs(ada: Desk) -> None:
    ada.run("%wan budget spring CNY 60")
    # A separator that is none, money that does not suffice, a picture that is not there: nothing is sent.
    assert "--- calm" in ada.slip(FIVE.replace("--- calm", "---calm"))
    assert "--max-cost" in ada.slip(FIVE.replace("--max-cost 20", "--max-cost 5"))
    ada.slip(FIVE.replace("cat.jpg", "cta.jpg"))
    assert ada.bought == 0
    ada.run(FIVE)
    assert ada.bought == 15
    # A typo in one prompt is found in the clips: its three are bought again, no other.
    place = len(ada.cells) - 1
    ada.correct(place, RIGHT)
    assert ada.bought == 18
    # Words that mean nothing, or several things, neither buy nor delete.
    for slip in ("%wan again orbti", "%wan again orbit", "%wan forget sprign", "%wan rate calm 5"):
        said = ada.slip(slip)
        assert "NotFound" in said or "say which" in said or "means several" in said
    assert "Did you mean study=spring?" in ada.kernel.run("%wan runs study=sprign")
    assert ada.bought == 18
    ada.run(ballot("spring", ["calm", "orbit", "still", "rise", "wild"]))
    assert "ot decided" in ada.run("%wan rank spring"), "three blocks decide nothing"
    # A second round of the two best, with more seeds; the first one stays as it is.
    two = "\n".join(f"--- {name}\n{PROMPTS[name].replace('camra', 'camera')}" for name in ("calm", "orbit"))
    ada.run(f"{HEAD} --seeds 1,2,3 --name spring-2 --max-cost 25 --wait\n{two}")
    assert ada.bought == 36
    ada.run(ballot("spring-2", ["calm", "orbit"]))
    ranked = ada.run("%wan rank spring-2")
    assert "calm" in ranked
    # The finals in the dearer tier; asked for twice by mistake, paid once.
    finals = f"{HEAD} -r 1080P --name finals --max-cost 10 --wait --out finals\n{PROMPTS['calm']}"
    ada.run(finals)
    ada.kernel.run(finals)
    assert ada.bought == 39
    ada.run("%wan deliver finals -o finals.zip")
    ada.run("%wan report spring-2 --for client -o for-you.html")
    with zipfile.ZipFile(ada.folder / "finals.zip") as archive:
        assert sum(name.endswith(".mp4") for name in archive.namelist()) == 3
    page = (ada.folder / "for-you.html").read_text(encoding="utf-8")
    assert "CNY" not in page[page.index("<body>") : page.index("<script")]
    cost = ada.run("%wan cost spring")
    assert "would have been CNY 21.60" in cost, "15 clips and the three of the typo"
    for restarted in (False, True):
        ada.run_all(restarted=restarted)
        assert ada.bought == 39, "Run All buys nothing"
