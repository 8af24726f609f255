"""Chains: what of a run goes into the next one, and a cell that asks before it buys what nobody typed."""

from __future__ import annotations

from typing import Any

import pytest
from make_media import sound

from wan_nb.errors import InvalidMedia, InvalidOption
from wan_nb.grammar.template import expand

pytest_plugins = ["fixtures_shell"]

NEXT = "%%wan -f {{s1}} -d 2 --out s2 --wait\na dog follows"


def creates(simulator: Any) -> int:
    return int(simulator.counters()["creates_received"])


@pytest.fixture
def chain(wan: Any, simulator: Any, cat: Any) -> Any:
    """Two cells, the second one of the last frame of the first."""
    simulator.config(clips="small")  # the service continues no tiny ones
    wan(f"%%wan -f {cat} -d 2 --out s1 --wait\na cat walks")
    wan(NEXT)
    return wan


def test_a_material_of_a_run_is_known_by_the_clip_and_not_by_the_file_that_was_made(chain, simulator) -> None:
    first, second = chain["s1"], chain["s2"]
    (item,) = second.request["input"]["media"]
    assert item["taken"] == f"{first.row.video_sha256} last frame"
    for copy in (first.session.folder / "frames").iterdir():
        copy.unlink()
    assert chain(NEXT).id == second.id
    assert creates(simulator) == 2


def test_a_cell_takes_a_frame_of_a_run(chain, simulator, capsys) -> None:
    taken = {
        "{{s1.last_frame}}": "last frame",
        "{{s1.first_frame}}": "frame at 0.0 s",
        "{{s1.frame(0)}}": "frame at 0.0 s",
        "'{{ s1.frame(1.5) }}'": "frame at 1.5 s",
    }
    for given, part in taken.items():
        chain(f"%%wan -f {given} -d 2 --dry-run --out dry\na bird")
        medium = chain["s1"].session.material(_given(chain, given), "first_frame")
        assert medium.taken == f"{chain['s1'].row.video_sha256} {part}"
    for wrong in ("{{s1.frame(9)}}", "{{s1.frame(-1)}}", "{{s1.frame()}}", "{{s1.wait(1)}}"):
        with pytest.raises(InvalidOption):
            chain(f"%%wan -f {wrong} -d 2\na bird")
    with pytest.raises(InvalidMedia, match="no clip"):
        chain("%%wan -c {{s1.last_frame}} -d 5\na bird")
    assert creates(simulator) == 2


def _given(chain: Any, text: str) -> Any:
    return expand(text.strip("'"), chain.shell.user_ns, allow_objects=True)


def test_a_cell_whose_input_is_another_take_asks_and_holds_the_old_clip(chain, simulator, cat, capsys) -> None:
    old = chain["s2"]
    chain(f"%%wan -f {cat} -d 2 --out s1 --wait --take 2\na cat walks")
    assert chain(NEXT).id == old.id == chain["s2"].id
    said = capsys.readouterr().out
    assert "Its first_frame comes out of another clip than before" in said
    assert "A new one costs ≈ CNY 1.20: --max-cost 1.2 in this cell makes it." in said
    assert creates(simulator) == 3
    made = chain(NEXT.replace("--wait", "--wait --max-cost 1.2"))
    assert made.id != old.id
    assert chain(NEXT).id == made.id == chain["s2"].id, "what was answered is not asked again"
    assert creates(simulator) == 4
    chain(f"%%wan -f {cat} -d 2 --out s1 --wait\na cat walks")
    assert chain(NEXT).id == old.id, "the clip of the first take is there: it costs nothing"
    assert creates(simulator) == 4


def test_in_batch_it_needs_its_price_and_the_variable_holds_the_old_clip(chain, simulator, cat) -> None:
    old = chain["s2"]
    chain(f"%%wan -f {cat} -d 2 --out s1 --wait --take 2\na cat walks")
    chain.unattended()
    chain.shell.user_ns["s2"] = None
    with pytest.raises(InvalidOption, match=r"another clip than before(.|\n)*--max-cost 1.2") as caught:
        chain(NEXT)
    assert caught.value.run_id == old.id == chain["s2"].id
    assert chain(NEXT.replace("--wait", "--wait --max-cost 1.2")).id != old.id
    assert creates(simulator) == 4


def test_an_order_that_differs_in_its_name_alone_asks(wan, simulator, cat, capsys) -> None:
    cell = f"%%wan -f {cat} -d 2 --out cat_clip --wait --name walk\na cat walks"
    first = wan(cell)
    assert wan(cell.replace("--name walk", "--name stroll")).id == first.id
    assert "Only its name has changed, from walk to stroll" in capsys.readouterr().out
    assert creates(simulator) == 1
    assert wan(cell.replace("--name walk", "--name stroll --max-cost 2")).id != first.id


def test_what_a_person_types_is_bought(chain, simulator, cat) -> None:
    old = chain["s2"]
    chain(f"%%wan -f {cat} -d 2 --out s1 --wait --take 2\na cat walks")
    again = "%%wan -f {{s1}} -d 2 --out s2\na dog follows"
    for changed in (
        again.replace("a dog follows", "a dog runs"),
        again.replace("-d 2", "-d 3"),
        again.replace("{{s1}}", str(cat)),
        again.replace("-d 2", "-d 2 --take 2"),
        again.replace("-d 2", "-d 2 --seed 5"),
        again.replace("-d 2", "-d 2 --negative-prompt rain"),
    ):
        chain(NEXT.replace("{{s1}}", "{{first}}"), first=chain["s1"].session.run(old.session.log.find()[-1].run_id))
        assert chain["s2"].id == old.id
        assert not chain(changed).reused, changed
    assert creates(simulator) == 9


def test_python_never_asks(chain, simulator, cat) -> None:
    session, first = chain["s1"].session, chain["s1"]
    other = first.again().wait()
    chain["s2"]
    made = session.submit("a dog follows", first_frame=other, duration=2)
    assert not made.reused
    assert session.submit("a dog follows", first_frame=first.last_frame, duration=2).id == chain["s2"].id
    assert creates(simulator) == 4


def test_a_voice_that_is_longer_than_its_clip_is_said_before_it_is_paid(wan, simulator, cat, capsys) -> None:
    voice = wan.magics.notebook.session().workspace.material(sound("MP3", 12.8), "driving_audio")
    cell = "%%wan -f {{cat}} -a {{voice}} -d 5 --out said\na cat sings"
    wan(cell, cat=cat, voice=voice)
    said = capsys.readouterr().out
    assert "driving_audio is 12.8 s long and the clip 5 s: the last 7.8 s are not heard." in said
    wan(cell)
    assert "not heard" not in capsys.readouterr().out, "nothing is paid"
    wan(cell.replace("-d 5", "-d 14"))
    assert "not heard" not in capsys.readouterr().out
    wan(f"{cell} twice".replace("--out said", "--out said --seeds 1,2 --max-cost 9"))
    assert capsys.readouterr().out.count("the last 7.8 s are not heard") == 1
