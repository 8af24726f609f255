"""Chains: what of a run goes into the next one, and a cell that asks before it buys what nobody typed."""

from __future__ import annotations

import types
from typing import Any

import pytest
from make_media import sound

from wan_nb.errors import BudgetExceeded, InvalidMedia, InvalidOption
from wan_nb.grammar.template import expand

pytest_plugins = ["fixtures_shell"]

NEXT = "%%wan -f {{s1}} -d 2 --out s2 --wait\na dog follows"


def creates(simulator: Any) -> int:
    return int(simulator.counters()["creates_received"])


@pytest.fixture
def chain(wan: Any, simulator: Any, cat: Any) -> Any:
    """Two cells, the second one of the last frame of the first."""
    simulator.config(clips="small")  # the service continues no tiny ones
    first(wan, cat)
    wan(NEXT)
    return wan


def first(cells: Any, cat: Any, options: str = "", prompt: str = "a cat walks") -> None:
    """Run the cell whose clip the next one begins with."""
    cells(f"%%wan -f {cat} -d 2 --out s1 --wait {options}\n{prompt}")


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


def answered(chain: Any, cell: str, said: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a cell becomes where somebody answers its question, which is asked once."""
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return said

    with monkeypatch.context() as patch:
        patch.setattr("builtins.input", answer)
        thing = chain(cell)
    assert len(asked) == 1, asked
    return thing


def test_a_cell_whose_input_is_another_take_asks_and_holds_the_old_clip(
    chain, simulator, cat, capsys, monkeypatch
) -> None:
    old = chain["s2"]
    first(chain, cat, "--take 2")
    assert chain(NEXT).id == old.id == chain["s2"].id
    said = capsys.readouterr().out
    assert "Its first frame comes out of another clip than before" in said
    assert "the clip of the order before stands below (free). A new one costs ≈ CNY 1.20." in said
    assert creates(simulator) == 3
    assert answered(chain, NEXT, "no", monkeypatch).id == old.id
    assert chain("%wan rate 4").id == old.id, "without an id a mark is for the clip that is shown"
    said = capsys.readouterr().out
    assert said.startswith("Nothing was bought; the clip of the order before stands below."), (
        "the question told the rest"
    )
    assert "another clip" not in said
    made = answered(chain, NEXT, "yes", monkeypatch)
    assert made.id != old.id
    assert chain(NEXT).id == made.id == chain["s2"].id, "what was answered is not asked again"
    assert creates(simulator) == 4
    first(chain, cat)
    assert chain(NEXT).id == old.id, "the clip of the first take is there: it costs nothing"
    assert creates(simulator) == 4


def test_in_batch_it_needs_its_price_and_the_variable_holds_the_old_clip(chain, simulator, cat) -> None:
    old = chain["s2"]
    first(chain, cat, "--take 2")
    chain.unattended()
    chain.shell.user_ns["s2"] = None
    with pytest.raises(InvalidOption, match=r"another clip than before(.|\n)*--max-cost 1.2") as caught:
        chain(NEXT)
    assert caught.value.run_id == old.id == chain["s2"].id
    assert chain(NEXT.replace("--wait", "--wait --max-cost 1.2")).id != old.id
    assert creates(simulator) == 4


def test_a_price_that_stays_in_a_cell_answers_no_later_change(chain, simulator, cat, monkeypatch) -> None:
    kept = NEXT.replace("--wait", "--wait --max-cost 5")
    old = chain["s2"]
    assert chain(kept).id == old.id
    for take in (2, 3):
        first(chain, cat, f"--take {take}")
        for _run_all in range(2):
            assert chain(kept).id == old.id == chain["s2"].id
        assert creates(simulator) == 2 + (take - 1) * 2 - 1
        assert answered(chain, kept, "no", monkeypatch).id == old.id
        new = answered(chain, kept, "y", monkeypatch)
        assert new.id != old.id
        assert chain(kept).id == new.id
        old = new
    assert creates(simulator) == 6
    first(chain, cat, prompt="a cat runs")
    with pytest.raises(BudgetExceeded):
        answered(chain, NEXT.replace("--wait", "--wait --max-cost 1"), "y", monkeypatch)


def test_a_variable_that_now_holds_what_the_cell_has_made_buys_nothing_unasked(
    wan, simulator, cat, capsys, monkeypatch
):
    simulator.config(clips="small")
    cell = "%%wan -f {{picture}} -d 2 --out picture --wait\na cat walks"
    first = wan(cell, picture=str(cat))
    capsys.readouterr()
    for _press in range(2):
        assert wan(cell).id == first.id == wan["picture"].id
    assert "Its first frame comes out of the clip that this cell has made itself" in capsys.readouterr().out
    assert creates(simulator) == 1
    second = answered(wan, cell, "y", monkeypatch)
    assert second.id != first.id
    assert wan(cell).id == second.id
    assert creates(simulator) == 2


def test_a_renamed_notebook_asks_too_and_a_copy_is_another_one(wan, simulator, cat, tmp_path, monkeypatch) -> None:
    simulator.config(clips="small")

    def press(notebook: str, take: str = "") -> Any:
        """Both cells of a notebook; what the second one shows."""
        monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / notebook))
        wan.shell.parent_header = {"metadata": {"cellId": "a1"}}
        first(wan, cat, take)
        wan.shell.parent_header = {"metadata": {"cellId": "b2"}}
        return wan(NEXT)

    old = press("a.ipynb")
    assert press("renamed.ipynb", "--take 2").id == old.id
    assert creates(simulator) == 3
    for notebook in ("a.ipynb", "renamed.ipynb"):
        (tmp_path / notebook).touch()
    assert press("copy.ipynb", "--take 2").id != old.id
    assert creates(simulator) == 4


def test_again_that_stays_in_a_cell_asks_before_it_makes_one_more(wan, simulator, cat, monkeypatch, capsys) -> None:
    first(wan, cat)
    line = "%wan again {{s1}}"
    wan.shell.parent_header = {"metadata": {"cellId": "a1"}}
    assert wan(line).take == 2
    assert answered(wan, line, "", monkeypatch).take == 1
    assert "Nothing was bought" in capsys.readouterr().out
    assert wan(line).take == 1, "nobody can be asked"
    assert creates(simulator) == 2
    assert answered(wan, line, "y", monkeypatch).take == 3
    assert wan("%wan again").take == 4, "another line of that cell"
    assert wan(line).take == 1
    wan.shell.parent_header = {"metadata": {"cellId": "b2"}}
    assert wan(line).take == 5, "another cell was typed"
    assert creates(simulator) == 5


STUDY = "%%wan -f {{s1}} -d 2 --out both --name both --max-cost 5 --wait\n--- a\na dog\n--- b\na bird"


def test_a_study_whose_input_is_another_take_asks_whatever_its_max_cost(chain, simulator, cat, capsys, monkeypatch):
    old = chain(STUDY)
    assert (creates(simulator), len(old.runs)) == (4, 2)
    first(chain, cat, "--take 2")
    capsys.readouterr()
    for _run_all in range(2):
        assert chain(STUDY).runs == old.runs == chain["both"].runs
    said = capsys.readouterr().out
    assert "Its first frame comes out of another clip than before; the clips of the order before stand below" in said
    assert "≈ CNY 2.40" in said
    assert creates(simulator) == 5
    new = answered(chain, STUDY, "y", monkeypatch)
    assert creates(simulator) == 7
    assert not set(new.runs) & set(old.runs)
    assert chain(STUDY).runs == new.runs == chain["both"].runs
    assert creates(simulator) == 7


def test_a_study_under_another_name_asks_too_and_in_batch_its_max_cost_answers(wan, simulator, cat, capsys):
    named = STUDY.replace("{{s1}}", str(cat))
    old = wan(named)
    renamed = named.replace("--name both", "--name pair")
    assert wan(renamed).runs == old.runs
    assert "Only its name has changed, from both to pair" in capsys.readouterr().out
    typed = wan(renamed.replace("a bird", "a crow"))
    assert creates(simulator) == 4, "a prompt that was typed is bought"
    assert len(typed.runs) == 2
    wan.unattended()
    wan(renamed.replace("a bird", "a crow").replace("--name pair", "--name third"))
    assert creates(simulator) == 6


def test_a_race_under_another_name_asks(wan, simulator, cat, capsys) -> None:
    cell = f"%%wan -f {cat} -d 2 --out best --name best --race --max-cost 20 --wait\n--- a\na dog\n--- b\na bird"
    wan(cell)
    bought = creates(simulator)
    assert bought > 2
    wan(cell)
    race = wan(cell.replace("--name best", "--name other"))
    assert "Only its name has changed, from best to other; nothing is bought yet." in capsys.readouterr().out
    assert race.spent == 0
    assert creates(simulator) == bought


def test_an_order_under_a_name_whose_picture_is_gone_asks(wan, simulator, cat, capsys, monkeypatch) -> None:
    cell = f"%%wan -f {cat} -d 2 --name walk --wait --out first\na cat walks"
    first = wan(cell)
    bare = "%%wan -d 2 --name walk --wait --max-cost 9 --out second\na cat walks"
    assert wan(bare).id == first.id
    assert (
        "Every clip named 'walk' was made from a picture or clip, and this order gives none" in capsys.readouterr().out
    )
    study = f"{bare}\n--- b\na dog walks".replace("second\n", "third\n")
    assert not wan(study).runs
    assert creates(simulator) == 1
    second = answered(wan, bare, "y", monkeypatch)
    assert second.row.task == "text to video"
    assert len(wan(study).runs) == 2, "one without a picture is there now"
    assert creates(simulator) == 3
    wan.unattended()
    wan(cell.replace("walk", "stroll"))
    with pytest.raises(InvalidOption, match="gives none"):
        wan(bare.replace("walk", "stroll").replace("--max-cost 9 ", ""))
    assert not wan(bare.replace("walk", "stroll")).reused


def test_an_order_that_differs_in_its_name_alone_asks(wan, simulator, cat, capsys, monkeypatch) -> None:
    cell = f"%%wan -f {cat} -d 2 --out cat_clip --wait --name walk\na cat walks"
    first = wan(cell)
    assert wan(cell.replace("--name walk", "--name stroll")).id == first.id
    assert "Only its name has changed, from walk to stroll" in capsys.readouterr().out
    assert creates(simulator) == 1
    second = wan(cell.replace("--name walk", "--name stroll --max-cost 2"))
    assert second.id != first.id, "it was typed since"
    assert wan(cell.replace("--name walk", "--name third --max-cost 2")).id == second.id, "it stayed"
    assert answered(wan, cell.replace("--name walk", "--name third"), "y", monkeypatch).id != first.id


def test_what_a_person_types_is_bought(chain, simulator, cat) -> None:
    old = chain["s2"]
    first(chain, cat, "--take 2")
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


def test_what_the_first_edition_took_out_of_a_run_is_the_same_request(chain, simulator, capsys) -> None:
    """It knew a frame by its pixels and a tail by its file, as anything is known that is given by itself."""
    first = chain["s1"]
    frame = first.session.submit("it goes on", first_frame=first.frame(-1), duration=2)
    assert chain("%%wan -f {{s1}} -d 2 --max-cost 5 --wait\nit goes on").id == frame.id
    assert first.session.study({"a": "it goes on"}, first_frame=first, duration=2).missing == []
    tail = first.session.submit("it goes on", first_clip=first.tail(2), duration=4)
    cell = "%%wan -c {{s1}} -d 4 --max-cost 5 --out more --wait\nit goes on"
    assert chain(cell).id == tail.id
    assert creates(simulator) == 4


def test_where_its_file_comes_out_otherwise_the_clip_is_offered(chain, simulator, capsys, monkeypatch) -> None:
    first = chain["s1"]
    tail = first.session.submit("it goes on", first_clip=first.tail(2), duration=4)
    with first.tail(2).open("ab") as made:
        made.write(b"\0\0\0\x08free")
    cell = "%%wan -c {{s1}} -d 4 --max-cost 5 --out more --wait\nit goes on"
    for _run_all in range(2):
        assert chain(cell).id == chain["more"].id == tail.id
    assert "It may be the same clip" in capsys.readouterr().out
    with pytest.raises(InvalidOption, match="may have the same picture"):
        first.session.submit("it goes on", first_clip=first, duration=4)
    study = f"{cell.replace('more', 'both')}\n--- b\nit ends"
    assert not chain(study).runs
    assert creates(simulator) == 3
    assert answered(chain, cell, "y", monkeypatch).id != tail.id


def test_a_study_that_would_hide_votes_asks_and_the_variable_holds_the_old_one(
    wan, simulator, cat, capsys, monkeypatch
):
    cell = STUDY.replace("{{s1}}", f"{cat} --seeds 1")
    old = wan(cell)
    sitting = old.ballot(rater="Ada")
    sitting.record(sitting.next(), "left")
    for changed, verb in ((cell.replace("-d 2", "-d 3"), "have"), (cell.replace("a bird", "a crow"), "has")):
        assert wan(changed).runs == old.runs == wan["both"].runs
        told = f"{verb} votes on clips that are not in this plan: another --name keeps them"
        assert told in capsys.readouterr().out
    assert creates(simulator) == 2
    assert not set(answered(wan, changed, "y", monkeypatch).runs) & {old.runs[-1]}
    wan(changed.replace("a crow", "an owl"))
    assert creates(simulator) == 4, "what is out of sight already is not asked about again"
    wan.unattended()
    wan(cell.replace("--name both", "--name pair").replace("-d 2", "-d 3"))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"first_frame": "run"}, "{{%s.last_frame}}"),
        ({"first_frame": "run.first_frame"}, "{{%s.first_frame}}"),
        ({"first_frame": "run.frame_at(1.25)"}, "{{%s.frame(1.25)}}"),
        ({"first_clip": "run", "duration": 4}, "{{%s}}"),
        ({"first_clip": "run", "last_frame": "run.last_frame", "duration": 4}, "{{%s.last_frame}}"),
        ({"reference_image": "[run.frame_at(0.5), run.last_frame]"}, "{{%s.frame(0.5)}}"),
    ],
)
def test_the_code_of_a_chained_clip_names_the_run_and_costs_nothing(chain, simulator, monkeypatch, fields, named):
    import wan_nb
    from wan_nb.html.code import as_cell, as_curl, as_python, order_of

    first = chain["s1"]
    session = first.session
    given = {name: eval(value, {"run": first}) if isinstance(value, str) else value for name, value in fields.items()}
    made = session.submit("it goes on", **{"duration": 2, **given}).wait()
    taken = [made, made.again().wait()]
    paid = creates(simulator)
    # What was cut out of the clip is gone: it is cut out anew, and need not come out as the same file.
    for copy in (*(session.folder / "frames").iterdir(), *(session.folder / "proxies").glob("*tail*")):
        copy.unlink()
    monkeypatch.setattr(wan_nb, "submit", session.submit)
    monkeypatch.setattr(wan_nb, "run", session.run)
    for run in taken:
        code, cell = as_python(*order_of(run.row)), as_cell(*order_of(run.row))
        assert "/frames/" not in code + cell + as_curl(run.request)
        assert named % first.id in cell
        assert eval(code, {"wan_nb": wan_nb}).id == chain(cell).id == run.id, code
    assert creates(simulator) == paid
    assert taken[1].again().take == 3


def test_the_code_of_a_study_of_chained_clips_names_the_runs_and_costs_nothing(chain, simulator):
    from wan_nb.studies.plan import grid_of

    session = chain["s1"].session
    frames = [chain["s1"].last_frame, chain["s2"].last_frame]
    study = session.study({"a": "a dog", "b": "a bird"}, name="both", duration=2, vary={"first_frame": frames})
    study.submit(max_cost=9).wait()
    paid = creates(simulator)
    grid = grid_of(study.plan, study.requests)
    code = "\n".join(line for line in grid.as_python("both", 9).splitlines() if not line.startswith("import"))
    held = {"wan_nb": types.SimpleNamespace(study=session.study, run=session.run)}
    exec(code.partition("\nstudy.submit")[0], held)
    assert {run.id for run in held["study"].runs} == {run.id for run in study.runs}
    assert chain(grid.as_cell("both", 9)).runs == study.runs
    assert creates(simulator) == paid


def test_a_run_that_is_named_by_an_id_is_looked_for_and_said_where_it_is_not_there(chain, simulator) -> None:
    first = chain["s1"]
    assert chain(f"%%wan -f {{{{{first.id[:6]}.last_frame}}}} -d 2 --wait\na dog follows").id == chain["s2"].id
    for word in ("000000000000", "cafe"):
        with pytest.raises(InvalidOption, match=rf"no value for \{{\{{{word}\}}\}}"):
            chain(f"%%wan -f {{{{{word}.last_frame}}}} -d 2\na bird")
    chain.shell.user_ns["cafe"] = first
    assert chain("%%wan -f {{cafe.last_frame}} -d 2 --wait\na dog follows").id == chain["s2"].id
    with pytest.raises(InvalidOption, match="no value"):
        chain(f"%%wan -d 2\na bird {{{{{first.id}}}}}")
    assert creates(simulator) == 2


def test_a_race_whose_input_is_another_take_says_that_it_goes_on_with_the_old_one(chain, simulator, cat, capsys):
    race = "%%wan -f {{s1}} -d 2 --race --max-cost 30 --name r --out r --wait\n--- a\na dog\n--- b\na bird"
    begun = chain(race)
    paid = creates(simulator)
    blocks, old = begun.study.plan.blocks, chain["s1"].id[:8]
    chain(race)
    assert "goes on with" not in capsys.readouterr().out
    first(chain, cat, "--take 2")
    for _run_all in range(2):
        capsys.readouterr()
        assert chain(race).study.plan.blocks == blocks
        said = capsys.readouterr().out
        assert f"goes on with what it began with (last frame of run {old})" in said
        assert "another --name" in said
    assert creates(simulator) == paid + 1
