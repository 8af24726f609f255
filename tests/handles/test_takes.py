"""Takes: a number names a clip, each is bought once, and another one only by an act."""

from __future__ import annotations

import pytest

import wan_nb
from wan_nb import frontends
from wan_nb.api.request import derive_seed
from wan_nb.errors import BudgetExceeded, InvalidOption, LogError, NotFound, RunFailed

PROMPT = "a cat walks"


@pytest.fixture
def session(simulator, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with wan_nb.Session(
        base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "wan_runs", gap=0.02, patience=1.0
    ) as opened:
        yield opened


@pytest.fixture
def asked(photos) -> dict[str, object]:
    return {"first_frame": photos / "cat.jpg", "duration": 2}


def creates(simulator) -> int:
    return int(simulator.counters()["creates_received"])


def test_a_take_is_bought_once_and_shown_from_then_on(session, simulator, asked) -> None:
    runs = [session.submit(PROMPT, take=take, **asked) for take in (1, 2, 3, None, 2, 3, 1)]
    assert [run.take for run in runs] == [1, 2, 3, 1, 2, 3, 1]
    assert len({run.id for run in runs}) == 3
    assert [run.reused for run in runs] == [False] * 3 + [True] * 4
    assert creates(simulator) == 3
    assert len({run.row.seed for run in runs}) == 3
    assert len({run.row.fingerprint for run in runs}) == 1


def test_an_empty_log_makes_the_same_take_from_its_number_alone(session, simulator, asked) -> None:
    run = session.submit(PROMPT, name="walk", take=4, **asked)
    assert run.row.seed == derive_seed(session.request(PROMPT, **asked).media(), "walk", 4)
    assert run.again().take == 5


def test_another_take_keeps_name_labels_and_tags_and_says_how_to_keep_it(session, asked, capsys) -> None:
    study = session.study({"calm": PROMPT, "fast": "a cat runs"}, name="walk", tags=["x"], seeds=[1, 2], **asked)
    study.submit().wait()
    first = next(run for run in study.runs if run.row.variant == "calm" and run.row.seed == 1)
    second = first.again()
    said = capsys.readouterr().out
    assert "Seed 1 is given, so take 2 is the same request paid once more (≈ CNY 1.20)" in said
    assert f"Take 2 of this request, run {second.id[:8]}" in said
    assert "--take 2 (take=2)" in said
    for name in ("study", "variant", "block", "seed", "tags", "fingerprint"):
        assert getattr(second.row, name) == getattr(first.row, name), name
    assert {run.id for run in study.runs} == {run.id for run in session.study(name="walk").runs}
    assert second.id not in {run.id for run in study.runs}, "the study goes on showing what it showed"
    assert second.id in session.runs(study="walk").index


@pytest.mark.parametrize("name", [None, "walk"])
def test_another_take_of_a_derived_seed_has_another_seed(session, asked, name, capsys) -> None:
    first = session.submit(PROMPT, name=name, **asked)
    second, third = first.again(), first.again()
    assert "same request" not in capsys.readouterr().out
    assert [run.take for run in (second, third, second.again())] == [2, 3, 4]
    assert len({run.row.seed for run in (first, second, third)}) == 3
    assert session.submit(PROMPT, name=name, take=3, **asked).id == third.id


def test_another_take_of_an_unnamed_study_stays_in_it(session, simulator, asked) -> None:
    study = session.study({"calm": PROMPT, "fast": "a cat runs"}, **asked).submit().wait()
    first = study.runs[0]
    second = first.again()
    assert (second.take, second.row.fingerprint, second.row.study) == (2, first.row.fingerprint, study.name)
    assert session.study({"calm": PROMPT, "fast": "a cat runs"}, take=2, **asked).cell_rows().count(None) == 1
    assert creates(simulator) == 3


def test_a_pinned_take_is_the_one_of_cells_studies_and_chains(session, simulator, asked) -> None:
    study = session.study({"calm": PROMPT}, name="walk", **asked).submit().wait()
    (first,) = study.runs
    second = first.again().wait()
    assert second.pin() is second
    assert session.submit(PROMPT, name="walk", **asked).id == second.id
    assert study.runs == [second]
    assert session.submit(PROMPT, name="walk", take=1, **asked).id == first.id
    first.pin()
    assert session.submit(PROMPT, name="walk", **asked).id == first.id
    assert creates(simulator) == 2


def test_what_failed_is_no_take(session, simulator, asked) -> None:
    first = session.submit(PROMPT, **asked).wait()
    simulator.faults(endpoint="create", fail={"code": "DataInspectionFailed", "message": "no"})
    with pytest.raises(RunFailed):
        first.again().wait()
    failed = next(row for row in session.log.find() if row.status == "FAILED")
    assert (failed.take, failed.attempt) == (2, 1)
    with pytest.raises(LogError, match="no clip to pin"):
        session.run(failed.run_id).pin()
    second = first.again().wait()
    assert (second.row.take, second.row.attempt) == (2, 2)


def test_a_lost_clip_names_the_number_that_nobody_has_bought(session, asked) -> None:
    first = session.submit(PROMPT, **asked).wait()
    second = first.again().wait()
    first.video.unlink()
    with pytest.raises(NotFound, match=r"file is gone(.|\n)*--take 3 \(take=3\)"):
        session.submit(PROMPT, **asked)
    assert session.submit(PROMPT, take=2, **asked).id == second.id


def test_a_seed_that_was_given_with_another_take_is_said_before_it_is_paid(session, asked, capsys) -> None:
    session.submit(PROMPT, seed=7, **asked)
    assert capsys.readouterr().out == ""
    second = session.submit(PROMPT, seed=7, take=2, **asked)
    assert "Seed 7 is given, so take 2 is the same request paid once more (≈ CNY 1.20)" in capsys.readouterr().out
    assert second.row.seed == 7
    session.submit(PROMPT, seed=7, take=2, **asked)
    assert capsys.readouterr().out == "", "nothing is paid"
    study = session.study({"a": PROMPT}, seeds=[7, 8], take=2, **asked)
    assert study.missing == [n for n, request in enumerate(study.requests) if request.seed == 8]
    assert "take 2 is the same requests paid once more" in "\n".join(study.notes)


@pytest.mark.parametrize("front", sorted(frontends.FRONT_ENDS))
def test_an_act_needs_its_price_where_nobody_sits_there(session, simulator, asked, monkeypatch, front) -> None:
    first = session.submit(PROMPT, **asked)
    monkeypatch.setattr(frontends, "_name", lambda _running: front)
    if front in {"batch", "script"}:
        with pytest.raises(InvalidOption, match=r"needs max_cost(.|\n)*--take 2"):
            first.again()
        with pytest.raises(InvalidOption, match="needs max_cost"):
            first.again(duration=3)
        assert creates(simulator) == 1
    with pytest.raises(BudgetExceeded, match=r"more than --max-cost 1\."):
        first.again(max_cost=1)
    assert first.again(max_cost=1.2).take == 2
    assert creates(simulator) == 2


def test_the_card_says_which_take_it_is_and_holds_the_others(session, asked) -> None:
    first = session.submit(PROMPT, **asked).wait()
    assert "take" not in first._repr_mimebundle_()["text/plain"]
    second = first.again().wait()
    second.rate(4)
    shown = first._repr_mimebundle_()
    assert shown["text/plain"].endswith("take 1 of 2")
    assert "Take 1 of 2." in shown["text/html"]
    assert "Take 2 · ★★★★☆" in shown["text/html"]
    assert f"%wan show {second.id[:8]}" in shown["text/html"], "no server here plays it"
    assert "Take 2 of 2; without a number cells show take 1." in second._repr_mimebundle_()["text/html"]
    second.pin()
    assert "Take 2 of 2." in wan_nb.handles.run.Run(session, second.id)._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("named", [{}, {"name": "walk"}, {"seed": 7}, {"name": "walk", "seed": 7}])
def test_the_code_of_a_take_asks_for_that_take_and_costs_nothing(session, simulator, asked, named, monkeypatch) -> None:
    from wan_nb.html.code import as_cell, as_python, order_of

    first = session.submit(PROMPT, **named, **asked).wait()
    taken = [first, session.submit(PROMPT, take=2, **named, **asked), first.again()]
    monkeypatch.setattr(wan_nb, "submit", session.submit)
    for number, run in enumerate(taken, 1):
        code = as_python(*order_of(run.row))
        assert eval(code, {"wan_nb": wan_nb}).id == run.id, code
        assert ("take=" in code) == (f"--take {number}" in as_cell(*order_of(run.row))) == (number > 1)
    for third in (taken[2], taken[2].wait()):
        assert "take=3" in third._repr_mimebundle_()["text/html"]
    assert creates(simulator) == 3
