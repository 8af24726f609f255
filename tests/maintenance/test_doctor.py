"""The doctor finds what is wrong, says what to do, and mends without losing anything."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

import wan_nb
from wan_nb.engine.posting import settle
from wan_nb.errors import InvalidOption
from wan_nb.maintenance import doctor

if TYPE_CHECKING:
    from wan_nb.maintenance.doctor import Findings


@pytest.fixture
def session(simulator, tmp_path):
    with wan_nb.Session(
        base_url=simulator.url, api_key=simulator.key * 4, folder=tmp_path / "wan_runs", gap=0.02, patience=1.0
    ) as s:
        yield s


@pytest.fixture
def runs(session, photos):
    return [session.submit(p, first_frame=photos / "cat.jpg", duration=2).wait() for p in ("a cat", "a dog")]


def about(findings: Findings, subject: str) -> list[doctor.Finding]:
    return [finding for finding in findings if finding.subject == subject]


def test_all_is_well(session, runs) -> None:
    found = doctor.examine(session.workspace)
    assert found.ok
    assert {f.subject for f in found} >= {"key", "service", "disk", "log", "clips", "runs", "front end", "versions"}
    assert "2 on disk" in about(found, "clips")[0].said
    assert "SIMULATED" in about(found, "service")[0].said
    assert session.settings.api_key not in repr(found)


def test_every_bad_finding_has_a_remedy(session, runs) -> None:
    for run in runs:
        run.video.unlink()
    found = doctor.examine(session.workspace)
    assert not found.ok
    assert found[0].level == "bad"
    assert all(finding.remedy for finding in found if finding.level == "bad")


@pytest.mark.parametrize(
    ("service", "key", "says"),
    [
        ("beijing", "", "none for beijing"),
        ("beijing", "sk-1 2345678901234567890", "spaces, quotes"),
        ("beijing", "'sk-12345678901234567890'", "spaces, quotes"),
        ("beijing", "sk-１２３４5678901234567890", "spaces, quotes"),
        ("beijing", "sk-short", "only 8 characters"),
        ("simulator", "", "none is needed"),
        ("beijing", "sk-12345678901234567890", "set, 23 characters"),
    ],
)
def test_form_of_the_key(service, key, says) -> None:
    session = SimpleNamespace(settings=SimpleNamespace(api_key=key, service=service))
    (finding,) = doctor._key(session)
    assert says in finding.said
    assert not key or key not in str(finding)


def test_service_out_of_reach_hides_no_other_finding(tmp_path) -> None:
    with wan_nb.Session(base_url="http://127.0.0.1:9/api/v1", api_key="sk-" + "1" * 20, folder=tmp_path / "w") as s:
        found = doctor.examine(s.workspace)
    assert [f.level for f in about(found, "service")] == ["bad"]
    assert about(found, "versions")


def test_service_that_is_none_is_refused_before_anything_is_opened(tmp_path) -> None:
    with pytest.raises(InvalidOption, match="no service called 'nowhere'"):
        wan_nb.Session("nowhere", folder=tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_service_without_a_key_hides_no_other_finding(tmp_path) -> None:
    with wan_nb.Session("beijing", api_key="", folder=tmp_path / "w") as s:
        found = doctor.examine(s.workspace)
    assert [f.subject for f in found if f.level == "bad" and "beijing" in f.said] == ["key", "NotAuthorized"]
    assert about(found, "disk")


def test_refused_key(session, simulator) -> None:
    simulator.faults(endpoint="list", status=401, code="InvalidApiKey", message="Invalid API-key provided.", times=-1)
    (finding,) = about(doctor.examine(session.workspace), "service")
    assert finding.level == "bad"
    assert "one region" in finding.remedy


def test_clock_is_compared_only_with_a_real_service(session, simulator) -> None:
    simulator.clock(7200)
    assert about(doctor.examine(session.workspace), "clock") == []


def test_unencrypted_service_is_bad(monkeypatch, session) -> None:
    endpoint = SimpleNamespace(base_url="http://wan.example/api/v1", name="wan.example")
    finding = next(doctor._service(SimpleNamespace(endpoint=endpoint)))
    assert finding.level == "bad"
    assert "not encrypted" in finding.said


def test_inventory_and_what_mending_does(session, runs) -> None:
    kept, lost = runs
    folder = kept.video.parent
    content = lost.video.read_bytes()
    lost.video.rename(folder / "best clip.mp4")
    (folder / "holiday.mp4").write_bytes(b"mine")
    (folder / ".aabbccddeeff.part").write_bytes(b"half")
    (folder / ".new.tmp").write_bytes(b"somebody writes this now")
    (folder / ".old.tmp").write_bytes(b"left over")
    os.utime(folder / ".old.tmp", (0, 0))
    shape = doctor.inventory(session.workspace)
    assert [row.run_id for row in shape.lost] == [lost.id]
    assert [path.name for path in shape.of_no_run] == ["best clip.mp4", "holiday.mp4"]
    assert {path.name for path in shape.leftovers} == {".aabbccddeeff.part", ".old.tmp"}

    found = doctor.examine(session.workspace, mend=True)
    assert "1 clips have their names again, 2 leftovers deleted" in repr(found)
    assert lost.video.read_bytes() == content
    assert (folder / "holiday.mp4").exists()
    assert (folder / ".new.tmp").exists()
    assert [f.said for f in about(found, "clips") if f.level == "note"] == [
        "1 files in videos/ belong to no run: holiday.mp4"
    ]


def test_part_of_a_download_under_way_is_no_leftover(session, simulator, photos) -> None:
    simulator.config(run=600)
    run = session.submit("a cat", first_frame=photos / "cat.jpg", duration=2)
    session.store.part(run.id).write_bytes(b"half")
    assert doctor.inventory(session.workspace).leftovers == []


def test_changed_clip_is_found(session, runs) -> None:
    with runs[0].video.open("ab") as file:
        file.write(b"more")
    assert [row.run_id for row in doctor.inventory(session.workspace).changed] == [runs[0].id]


def test_mending_takes_up_what_a_dead_kernel_left(session, simulator, photos) -> None:
    simulator.config(run=600)
    run = session.submit("a cat", first_frame=photos / "cat.jpg", duration=2)
    found = doctor.examine(session.workspace)
    assert about(found, "runs")[0].said == "1 under way"
    assert "1 unfinished runs taken up" in repr(doctor.examine(session.workspace, mend=True))
    simulator.do(run.row.task_id, "finish")
    assert run.wait().video


def test_uncertain_runs_are_named(session, simulator, photos, monkeypatch) -> None:
    simulator.faults(endpoint="create", reset=True, when="after")
    monkeypatch.setattr(settle, "LIST_SECONDS", 0.0)  # a list that does not come
    with pytest.raises(wan_nb.errors.OutcomeUnknown):
        session.submit("a cat", first_frame=photos / "cat.jpg", duration=2)
    assert "1 may have been accepted" in about(doctor.examine(session.workspace), "runs")[0].said


def test_hidden_folder_is_not_served(tmp_path) -> None:
    session = SimpleNamespace(store=SimpleNamespace(root=tmp_path / ".wan"))
    assert any("hidden folder" in f.said for f in doctor._front_end(session))


def test_little_disk(monkeypatch, tmp_path) -> None:
    session = SimpleNamespace(store=SimpleNamespace(root=tmp_path / "not" / "yet"))
    for free, level in ((10**8, "bad"), (5 * 10**8, "note"), (10**10, "good")):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        (finding,) = doctor._disk(session)
        assert finding.level == level
        assert bool(finding.remedy) == (level != "good")
