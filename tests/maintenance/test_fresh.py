"""A new log in the place of the old one: nothing is deleted, and whoever has the old one open notices."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import wan_nb
from wan_nb.errors import InvalidOption, LogError

pytest_plugins = ["fixtures_shell"]


@pytest.fixture
def made(wan, cat):
    wan(f"%%wan -f {cat} -d 2 --wait --out run\na cat walks")
    return wan


def test_it_asks_and_moves_log_and_clips_aside(made, cat, simulator, capsys, monkeypatch, tmp_path) -> None:
    asked, answers = [], ["y", "no"]
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or answers.pop())
    old = made["run"].video
    made("%wan fresh")
    assert "Nothing was moved" in capsys.readouterr().out
    assert old.exists()
    made("%wan fresh")
    said = capsys.readouterr().out
    assert asked == ["Move aside 1 run and their clips. [y/N] "] * 2
    aside = Path(re.search(r"The old one is (.*)\.", said)[1])
    assert aside.parent == tmp_path
    assert (aside / "videos" / old.name).exists()
    assert not old.exists()
    assert made("%wan runs").empty
    made(f"%%wan -f {cat} -d 2 --wait --out run\na cat walks")
    assert len(simulator.tasks()) == 2
    with wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder=aside) as before:
        assert len(before.runs()) == 1
        assert before.run(before.runs().index[0]).video


def test_nobody_to_be_asked_says_yes_beforehand(made, capsys) -> None:
    made.unattended()
    with pytest.raises(InvalidOption, match="nothing was deleted or moved"):
        made("%wan fresh")
    made("%wan fresh --yes")
    assert wan_nb.runs().empty


def test_not_while_a_run_is_under_way(made, cat, simulator) -> None:
    simulator.config(queue=1000.0)
    run = wan_nb.submit("a cat runs", first_frame=cat, duration=2)
    with pytest.raises(LogError, match="1 run is under way in this log"):
        made("%wan fresh --yes")
    assert len(wan_nb.runs()) == 2
    run.cancel()


def test_not_before_there_is_a_log(wan) -> None:
    with pytest.raises(InvalidOption, match="it is fresh"):
        wan("%wan fresh --yes")


def test_not_where_others_use_it(simulator, cat, tmp_path) -> None:
    shared = {"log": tmp_path / "class" / "runs.db", "media": tmp_path / "class"}
    with wan_nb.Session(base_url=simulator.url, api_key=simulator.key, **shared) as session:
        session.submit("a cat", first_frame=cat, duration=2).wait()
        with pytest.raises(InvalidOption, match="others may use them"):
            session.fresh()
        assert len(session.runs()) == 1


def test_another_session_on_the_old_log_notices(made, simulator, cat) -> None:
    folder = wan_nb.session().settings.folder
    with wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder=folder) as other:
        assert len(other.runs()) == 1
        wan_nb.fresh()
        with pytest.raises(LogError):
            other.submit("a dog", first_frame=cat, duration=2)
    assert len(simulator.tasks()) == 1
