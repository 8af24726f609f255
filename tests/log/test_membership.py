"""A run may be a cell of many studies: nothing that was paid is invisible because it was bought under another name."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest
from edition1 import EXPECTED, copied
from log_kit import intent

import wan_nb
from wan_nb.handles.session import Session
from wan_nb.reporting.data import study_data

pytest_plugins = ["fixtures_log"]


@pytest.fixture
def asked(photos):
    return {"first_frame": photos / "cat.jpg", "duration": 2}


@pytest.fixture
def mixed(session, asked):
    """A study of three cells, of which one was bought alone and one under another name."""
    session.submit("a cat walks", seed=1, **asked).wait()
    session.study({"old": "a cat walks"}, name="early", seeds=[2], tags=["first"], **asked).submit().wait()
    study = session.study({"calm": "a cat walks"}, name="mixed", seeds=[1, 2, 3], tags=["second"], **asked)
    return study.submit().wait()


def test_all_runs_of_a_study_are_found_under_its_labels(session, mixed, simulator) -> None:
    frame = session.runs(study="mixed")
    assert set(frame.index) == {run.id for run in mixed.runs}
    assert simulator.counters()["creates_accepted"] == 3
    assert set(frame["study"]) == {"mixed"}
    assert set(frame["variant"]) == {"calm"}
    assert sorted(frame["block"]) == ["cat.jpg · seed 1", "cat.jpg · seed 2", "cat.jpg · seed 3"]
    assert list(session.runs(study="mixed", variant="calm", block="cat.jpg · seed 2").index) == [mixed.rows()[1].run_id]
    assert session.log.count(study="mixed") == 3
    assert session.log.totals("variant", study="mixed")[0]["runs"] == 3
    assert len(session.runs(study=["mixed", "early"])) == 3, "a run of both is one row"
    assert session.runs(study="early")["variant"].tolist() == ["old"]


def test_unfiltered_the_study_is_the_one_that_bought_it(session, mixed) -> None:
    bought = session.runs().sort_index()["study"]
    assert sorted(bought.fillna("-")) == ["-", "early", "mixed"]


def test_a_bundle_holds_them_all(session, mixed, tmp_path) -> None:
    from wan_nb.maintenance.bundle import pack

    with zipfile.ZipFile(pack(session.workspace, tmp_path / "mixed.zip", study="mixed")) as archive:
        table = list(csv.DictReader(io.StringIO(archive.read("runs.csv").decode("utf-8-sig"))))
        assert len([name for name in archive.namelist() if name.endswith(".mp4")]) == 3
    assert {(row["study"], row["variant"]) for row in table} == {("mixed", "calm")}


def test_a_study_of_nothing_but_reused_runs_is_there_too(session, mixed, asked, simulator, tmp_path) -> None:
    from wan_nb.maintenance.bundle import pack

    other = session.study({"again": "a cat walks"}, name="other", seeds=[1, 2, 3], **asked).submit(max_cost=0).wait()
    assert simulator.counters()["creates_accepted"] == 3
    assert set(session.runs(study="other").index) == {run.id for run in mixed.runs}
    assert set(session.runs(study="other")["variant"]) == {"again"}
    assert pack(session.workspace, tmp_path / "other.zip", study="other").exists()
    assert len(other.frame()) == 3
    assert set(session.runs(study="mixed")["variant"]) == {"calm"}


def test_tags_and_name_of_a_reused_run_are_added(session, asked) -> None:
    first = session.submit("a cat walks", seed=1, tags="one", **asked).wait()
    again = session.submit("a cat walks", seed=1, name="named", tags=["two", "one"], **asked)
    assert again.reused
    assert again.id == first.id
    assert again.row.tags == ("one", "two")
    assert list(session.runs(study="named").index) == [first.id]
    assert list(session.runs(tags="two").index) == [first.id]
    assert session.row(first.id).study is None


def test_another_take_and_what_failed_stay_members(session, asked, simulator) -> None:
    simulator.faults(endpoint="create", fail={"code": "DataInspectionFailed", "message": "no"})
    study = session.study({"calm": "a cat walks"}, name="walk", seeds=[1, 2], **asked).submit().wait()
    assert study.missing
    study.submit().wait()
    assert sorted(session.runs(study="walk")["status"]) == ["FAILED", "SUCCEEDED", "SUCCEEDED"]
    assert len(study.bought()) == 3


def test_the_report_counts_what_was_paid_for_every_cell(session, mixed) -> None:
    session.log._db.write(lambda c: c.exec_driver_sql("UPDATE runs SET simulated = false"))
    for run in mixed.runs:
        run.again().wait()
    session.log._db.write(lambda c: c.exec_driver_sql("UPDATE runs SET simulated = false"))
    paid = sum(row.cost for row in session.log.find())
    data = study_data(
        session.workspace, mixed.state(), bought=mixed.bought(), votes=mixed.votes(), ranking=mixed.ranking()
    )
    assert data["costs"] == {"CNY": pytest.approx(paid)}
    assert len(mixed.bought()) == 6


def test_a_board_keeps_the_labels_of_the_study_that_it_shows(session, mixed) -> None:
    view = session.views.show(mixed.rows())
    session.views.republish({row.run_id for row in mixed.rows()})
    assert {(row.study, row.variant) for row in view.rows.values()} == {("mixed", "calm")}


def test_a_comparison_of_its_table_has_its_labels(session, mixed) -> None:
    frame = session.runs(study="mixed")
    for given in (frame, frame.reset_index()):
        assert {clip["variant"] for clip in wan_nb.compare(given).clips} == {"calm"}


def test_the_same_cell_under_a_new_label_is_renamed_and_not_doubled(log) -> None:
    row, _ = log.reserve(intent(study="walk", variant="a", block="b"))
    assert log.reserve(intent(study="walk", variant="c", block="d", tags=["x"]))[0].tags == ("x",)
    assert [(r.variant, r.block) for r in log.find(study="walk")] == [("c", "d")]
    log.reserve(intent(study="walk"))
    assert [(r.variant, r.block) for r in log.find(study="walk")] == [("c", "d")]
    assert log.count() == log.count(study="walk") == 1
    assert row.run_id == log.find(study=["none", "walk"])[0].run_id
    assert log.find(study=[]) == []
    assert log.find(study=None) == []
    assert [r.run_id for r in log.find(study=[None, "walk"])] == [row.run_id]


def test_a_reservation_that_is_refused_joins_nothing(log) -> None:
    log.reserve(intent("f1"))
    with pytest.raises(wan_nb.errors.BudgetExceeded):
        log.reserve_many([intent("f1", study="walk", tags=["x"]), intent("f2", study="walk")], cap=4.0)
    assert log.find(study="walk") == []
    assert log.find()[0].tags == ()


def test_a_log_of_edition_1_gets_its_members(tmp_path) -> None:
    copied(tmp_path)
    with Session("simulator") as session:
        for name, cells in {"walk": 18, "mixed": 3, "pictures": 4, "shots": 4, "early": 1, "twice": 2}.items():
            assert len(session.runs(study=name)) == cells, name
        mixed = session.runs(study="mixed")
        assert set(mixed["variant"]) == {"calm"}
        assert sorted(mixed["block"]) == [f"sky.png · hush.mp3 · seed {seed}" for seed in (31, 32, 33)]
        unnamed = next(name for name in EXPECTED["studies"] if name.startswith("study-"))
        assert len(session.runs(study=unnamed)) == 4
