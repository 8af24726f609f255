"""What a module function does, a session does, and no session but the meant one is touched."""

from __future__ import annotations

import inspect

import pytest

import wan_nb
from wan_nb.handles import default

OF_THE_PROCESS = {"allow_nested", "close", "connect", "errors", "load_ipython_extension", "login", "session",
                  "unload_ipython_extension"}  # fmt: skip
"""Public functions that are about the default session itself, or about none."""

ACTS = [name for name in wan_nb.__all__ if name not in OF_THE_PROCESS and not name[0].isupper()]


def test_the_acts_are_those_of_the_design() -> None:
    assert set(ACTS) == {"adopt", "again", "board", "budget", "bundle", "cancel", "compare", "cost", "doctor", "film",
                         "find", "form", "fresh", "report", "resume", "run", "runs", "study", "submit",
                         "vote"}  # fmt: skip


@pytest.mark.parametrize("name", ACTS)
def test_what_a_function_does_a_session_does_with_the_same_signature(name: str) -> None:
    function, method = getattr(wan_nb, name), getattr(wan_nb.Session, name)
    of_method = list(inspect.signature(method).parameters.values())
    of_function = inspect.signature(function).parameters
    # A function of the default session may be told another one.
    taken = [parameter for parameter in of_function.values() if parameter.name != "session"]
    assert of_method[0].name == "self"
    assert taken == of_method[1:]
    assert inspect.signature(function).return_annotation == inspect.signature(method).return_annotation
    assert inspect.getdoc(function)
    assert "Examples" in inspect.getdoc(function)


@pytest.fixture
def nobody(monkeypatch):
    """No function may ask for the default session."""

    def refuse() -> None:
        raise AssertionError("the default session was asked for")

    monkeypatch.setattr(default, "session", refuse)


def test_a_session_does_all_of_it_by_itself(session, nobody, photos, tmp_path, capsys) -> None:
    prompts = {"calm": "a cat walks", "wild": "a cat runs"}
    study = session.study(prompts, name="walk", first_frame=photos / "cat.jpg", duration=2, seeds=[1])
    study.submit().wait()
    calm, wild = study.runs
    assert {clip["id"] for clip in session.compare().clips} == {calm.id, wild.id}
    assert [clip["id"] for clip in session.compare([wild]).clips] == [wild.id]
    assert {row.run_id for row in session.rows_of("walk")} == {calm.id, wild.id}
    assert session.vote("walk", rater="Ada") is not None
    assert session.report("walk", tmp_path / "walk.html").exists()
    assert session.report(None, tmp_path / "walk.csv").exists()
    assert [line.clips for line in session.cost().lines] == [2]
    assert {found.subject for found in session.doctor()} >= {"key", "log", "clips"}
    assert session.bundle(tmp_path / "walk.zip", study="walk").exists()
    more = session.again(calm.id[:8], seed=7).wait()
    assert more.row.seed == 7
    assert session.last == more
    assert session.again(more).wait().id not in {calm.id, wild.id, more.id}
    with pytest.raises(wan_nb.errors.Refused, match="it has ended already"):
        session.cancel(calm)
    session.board()
    assert session.form(calm) is not None
    assert session.forget(wild.id).video_sha256
    assert wild.video is None


def test_runs_of_another_session_are_compared_where_they_are(session, simulator, tmp_path, photos) -> None:
    run = session.submit("a cat", first_frame=photos / "cat.jpg", duration=2).wait()
    with wan_nb.Session(base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "other") as other:
        for given in (run, [run], session.runs(), (one for one in [run])):
            assert [clip["id"] for clip in other.compare(given).clips] == [run.id]
        with pytest.raises(wan_nb.errors.NotFound):
            other.compare(run.id)
