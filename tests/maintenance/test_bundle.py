"""Everything in one file: whole clips, a table that a spreadsheet reads, a page that needs nothing else."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest

import wan_nb
from wan_nb.errors import InvalidOption
from wan_nb.log.row import COLUMNS
from wan_nb.maintenance.bundle import pack

HOSTILE = "=cmd() <script>alert('x')</script> & 猫\nsecond \"line\""


def submit(session, photos, prompt, **options):
    return session.submit(prompt, first_frame=photos / "cat.jpg", duration=2, **options)


def test_bundle_holds_clips_sidecars_table_and_page(session, simulator, photos, tmp_path) -> None:
    run = submit(session, photos, HOSTILE, tags=("keep", "night"), name="walk").wait()
    simulator.faults(endpoint="create", fail={"code": "InternalError", "message": "<b>oops</b>"})
    with pytest.raises(wan_nb.errors.RunFailed):
        submit(session, photos, "fails").wait()
    path = pack(session.workspace, tmp_path / "home" / "take.zip")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(
            ["index.html", "runs.csv", f"videos/{run.id}.mp4", f"videos/{run.id}.json"]
        )
        assert archive.read(f"videos/{run.id}.mp4") == run.video.read_bytes()
        table = [*csv.DictReader(io.StringIO(archive.read("runs.csv").decode("utf-8-sig"), newline=""))]
        page = archive.read("index.html").decode()
    assert list(table[0]) == ["run_id", *COLUMNS]
    assert [row["status"] for row in table] == ["SUCCEEDED", "FAILED"]
    assert table[0]["prompt"] == "'" + HOSTILE
    assert table[0]["tags"] == "keep, night"
    assert "<script>" not in page
    assert "<b>oops" not in page
    assert f'src="videos/{run.id}.mp4"' in page
    assert page.count("<video") == 1
    assert page.count("SIMULATED") == 2
    assert not [one for one in path.parent.iterdir() if one != path]


def test_bundle_of_one_study(session, photos, tmp_path) -> None:
    submit(session, photos, "a", name="walk").wait()
    submit(session, photos, "b", name="run").wait()
    with zipfile.ZipFile(pack(session.workspace, tmp_path / "walk.zip", study="walk")) as archive:
        assert len([name for name in archive.namelist() if name.endswith(".mp4")]) == 1


def test_bundle_refuses(session, photos, tmp_path) -> None:
    with pytest.raises(InvalidOption, match="no run to pack"):
        pack(session.workspace, tmp_path / "a.zip")
    with pytest.raises(InvalidOption, match="does not end in"):
        pack(session.workspace, tmp_path / "a.tar")


def test_an_older_bundle_survives_a_failure(session, photos, tmp_path, monkeypatch) -> None:
    submit(session, photos, "a").wait()
    path = pack(session.workspace, tmp_path / "a.zip")
    before = path.read_bytes()
    monkeypatch.setattr(zipfile.ZipFile, "write", _broken)
    with pytest.raises(OSError, match="disk"):
        pack(session.workspace, path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir() if one.suffix == ".tmp"] == []


def _broken(*_args, **_kwargs):
    raise OSError(28, "no space left on disk")
