"""Two colleagues, one log on PostgreSQL, one folder of clips outside of either's notebooks."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from desk import Desk, ballot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ["fixtures_log"]
pytestmark = [pytest.mark.notebook, pytest.mark.postgres]

WALK = """%%wan -f cat.jpg -d 2 --seeds 1,2,3,4,5,6 --name walk --max-cost 20 --wait
--- calm
a cat walks
--- fast
a cat runs"""


@pytest.fixture
def shared_log(postgres: str) -> Iterator[str]:
    from fixtures_postgres import fresh_log

    with fresh_log(postgres, "two_colleagues") as url:
        yield url


@pytest.fixture
def two(simulator: Any, tmp_path: Path, photos: Path, shared_log: str) -> Iterator[tuple[Desk, Desk]]:
    (tmp_path / "share").mkdir()
    places = {"WAN_NB_LOG": shared_log, "WAN_NB_MEDIA": str(tmp_path / "share/media")}
    desks = [Desk(tmp_path / name, simulator, photos, WAN_NB_USER=name, **places) for name in ("Ada", "Bo")]
    yield desks[0], desks[1]
    for desk in desks:
        desk.leave()


@pytest.mark.timeout(600)
def test_two_colleagues_vote_blind_disagree_decide_and_one_moves_the_folder(two: Any, tmp_path: Path) -> None:
    ada, bo = two
    ada.run("%wan budget walk CNY 40")
    assert "--- fast" in ada.slip(WALK.replace("--- fast", "---fast"))
    ada.run(WALK)
    assert ada.bought == 12
    # The same cell at another desk, under another folder: the same clips.
    bo.run(WALK)
    assert bo.bought == 12
    assert "share/media" in bo.run("%wan show walk")
    # Both vote blind: nobody is told what the other one says before the own sitting has ended.
    ada.run(ballot("walk", ["calm", "fast"]))
    first = bo.kernel.run(
        "import wan_nb; sitting = wan_nb.study(name='walk').ballot(); asked = sitting.next()\n"
        "sitting.record(asked, 'right' if asked.right_variant == 'fast' else 'left')\n"
        "print(sitting.rater, sitting.sentence())"
    )
    assert "Bo You have given 1 vote. What others say is told when you have seen every pair." in first
    told = bo.kernel.run("%wan rank walk")
    assert "calm" not in told
    assert "fast" not in told
    bo.run(ballot("walk", ["fast", "calm"]))
    ranked = [desk.run("%wan rank walk") for desk in (ada, bo)]
    assert ranked[0] == ranked[1]
    assert "ot decided" in ranked[0], "two who disagree decide nothing"
    # They talk, and decide: the calm ones are kept, two that nobody wants are dropped. A slip deletes nothing.
    bo.slip("%wan untag clam keep")
    bo.run("%wan tag calm keep")
    ada.run("%wan find keep")
    ada.run("%wan deliver walk calm -o for-you.zip")
    cost = ada.run("%wan cost walk")
    assert "would have been CNY 14.40" in cost
    # One moves the folder: nothing is bought again, nothing is called lost, and the reason is said.
    media, moved = tmp_path / "share/media", tmp_path / "share/elsewhere"
    media.rename(moved)
    for desk in two:
        for cell in (WALK, WALK.replace("a cat runs", "a cat jumps")):
            said = desk.slip(cell)
            assert "moved, or is not mounted" in said
            assert "Nothing was bought" in said
        doctor = desk.kernel.run("%wan doctor")
        assert "not mounted" in doctor
        assert "again" not in doctor[doctor.index("not mounted") :].split("\n")[0]
    assert ada.bought == 12
    shutil.move(moved, media)
    for restarted in (False, True):
        for desk in two:
            desk.run_all(restarted=restarted)
        assert ada.bought == 12, "Run All buys nothing"
