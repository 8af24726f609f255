"""A story of six chained shots whose third one is bad: the film costs its six clips, the redo what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from desk import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.notebook

SHOTS = (
    "a cat wakes up",
    "the cat walks to the door, the camera pans left",
    "the cat looks back, the camera moves in",
    "it runs into the garden, handheld camera",
    "it climbs a tree, the camera rises",
    "the cat sleeps on a branch, the camera moves out",
)


def shot(number: int, options: str = "") -> str:
    given = "cat.jpg" if number == 1 else f"{{{{s{number - 1}.last_frame}}}}"
    return f"%%wan -f {given} -d 5 --out s{number} --wait {options}\n{SHOTS[number - 1]}"


@pytest.fixture
def ada(simulator: Any, tmp_path: Path, photos: Path) -> Iterator[Desk]:
    simulator.config(clips="full")  # the next shot begins with a frame of the last one
    desk = Desk(tmp_path / "story", simulator, photos, WAN_NB_USER="Ada")
    yield desk
    desk.leave()


@pytest.mark.timeout(900)
def test_a_story_of_six_shots_with_a_bad_third_one(ada: Desk) -> None:
    assert "stands in the prompt" in ada.slip(f"%%wan -f cat.jpg -d 5 --out s1\n{SHOTS[0]} --seed 7")
    for number in range(1, 7):
        ada.run(shot(number))
    assert ada.bought == 6
    ada.run_all(restarted=False)
    assert ada.bought == 6
    # The third shot does not please: another take, once, which the line keeps for nothing.
    said = ada.kernel.run("%wan again {{s3}}")
    assert "--take 2" in said
    assert ada.bought == 7
    ada.correct(3, shot(3, "--take 2"))
    assert ada.bought == 7
    # The fourth one began with the old third one: it asks, and holds what it had, and so does what follows it.
    said = ada.kernel.run(shot(4))
    assert "first frame comes out of another clip than before" in said
    assert "CNY 3.00" in said
    for number in (5, 6):
        assert "another clip" not in ada.kernel.run(shot(number))
    assert ada.bought == 7
    # The person wants the three that follow anew.
    for number in (4, 5, 6):
        ada.correct(number, shot(number, "--max-cost 3"))
    assert ada.bought == 10
    ada.run("import wan_nb; print(wan_nb.film([s1, s2, s3, s4, s5, s6], 'story.mp4'))")
    paid = ada.kernel.run("print(sum(s.cost for s in (s1, s2, s3, s4, s5, s6)), wan_nb.runs()['cost'].sum())")
    assert "18.0 30.0" in paid
    for restarted in (False, True):
        ada.run_all(restarted=restarted)
        assert ada.bought == 10, "Run All buys nothing"
    assert (ada.folder / "story.mp4").stat().st_size > 100_000
