"""Folders of any name, paths of any spelling, names that become file names, and a working directory that moves."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wan_nb
from wan_nb import paths
from wan_nb.errors import InvalidMedia, InvalidOption
from wan_nb.handles import default
from wan_nb.maintenance.doctor import examine
from wan_nb.settings import Settings

FOLDERS = ["My%20Project", "take?1", "a#b", "ü", "two words", "100%", "a:b", "a&b=c", "%2e%2e", "x;y", "[1]", "'q'"]


@pytest.fixture
def open_session(simulator):
    opened = []

    def make(**settings):
        opened.append(wan_nb.Session(base_url=simulator.url, api_key=simulator.key, gap=0.02, **settings))
        return opened[-1]

    yield make
    for session in opened:
        session.close()


# --- folders


@pytest.mark.parametrize("url", ["file:///tmp/walk.html", "https://example.org/walk.html", "s3://bucket/walk.html"])
def test_a_url_is_no_path_and_makes_no_folder(url, tmp_path) -> None:
    for read in (paths.local, lambda text: paths.output(text, ".html"), lambda text: Settings.resolve(folder=text)):
        with pytest.raises(InvalidOption, match="is no path"):
            read(url)
    assert list(tmp_path.iterdir()) == []
    assert paths.local(Path(url)).is_absolute()  # a Path cannot be a URL: this one is a folder "https:"


@pytest.mark.parametrize("name", FOLDERS)
def test_log_and_clips_stand_in_the_folder_of_that_name(name, open_session, tmp_path, photos) -> None:
    folder = tmp_path / name / "wan_runs"
    session = open_session(folder=folder)
    run = session.submit("a cat", first_frame=photos / "cat.jpg", duration=2).wait()
    assert (folder / "runs.db").is_file()
    assert run.video.parent == folder / "videos"
    assert {path.name for path in tmp_path.iterdir()} == {name}
    assert str(folder / "runs.db") in repr(examine(session.workspace))


def test_projects_whose_names_a_url_would_take_for_one_have_a_log_each(open_session, tmp_path, photos) -> None:
    names = ["My Project", "My%20Project", "My", "My?Project"]
    sessions = [open_session(folder=tmp_path / name) for name in names]
    sessions[0].submit("a cat", first_frame=photos / "cat.jpg", duration=2).wait()
    assert [session.log.count() for session in sessions] == [1, 0, 0, 0]


@pytest.mark.parametrize("where", ["folder", "log", "media", "WAN_NB_LOG", "WAN_NB_MEDIA"])
def test_home_is_expanded_wherever_a_path_is_given(where, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    environ, given = ({where: "~/there"}, {}) if where.isupper() else ({}, {where: "~/there"})
    found = getattr(Settings.resolve(environ, **given), where.rpartition("_")[2].lower())
    assert found == tmp_path / "home" / "there"


def test_sqlite_url_is_the_file_that_it_names(tmp_path) -> None:
    assert Settings.resolve({}, log=f"sqlite:///{tmp_path}/runs.db").log == tmp_path / "runs.db"
    assert Settings.resolve({}, log="sqlite:///runs.db").log == Path.cwd() / "runs.db"
    assert Settings.resolve({}, log="postgresql://host/name").log == "postgresql://host/name"


def test_home_that_names_nobody_is_a_name_like_any_other(tmp_path) -> None:
    assert paths.local("~no body here~/x", base=tmp_path) == tmp_path / "~no body here~" / "x"


@pytest.mark.parametrize(("typed", "stored"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_file_is_found_in_either_normal_form(typed, stored, open_session, tmp_path, photos) -> None:
    folder = tmp_path / unicodedata.normalize(stored, "ümläut")
    folder.mkdir()
    shutil.copy(photos / "cat.jpg", folder / unicodedata.normalize(stored, "kätzchen é.jpg"))
    session = open_session()
    medium = session.material(unicodedata.normalize(typed, str(tmp_path / "ümläut" / "kätzchen é.jpg")), "first_frame")
    assert medium.path.exists()
    with pytest.raises(InvalidMedia, match="does not exist"):
        session.material(str(tmp_path / "ümläut" / "hündchen.jpg"), "first_frame")


@pytest.mark.parametrize("wrong", [None, 3, "", "  ", "a\0b", ["a"]])
def test_what_is_no_path_is_refused(wrong) -> None:
    with pytest.raises(InvalidOption, match="path"):
        paths.local(wrong)


# --- names

NAMES = [
    "../up", "a/b", "a\\b", "/etc/passwd", "..", ".", "", "   ", "x" * 260, "ü" * 260, "日" * 100, "a\nb", "a\tb",
    "a\x00b",     "a\u202eb", "CON", "con.txt", "Nul", "COM1", "lpt9.html", "CONIN$", "end.", "end ", ".hidden", "~",
    "-rf", "a:b", "a?b", 'say "x"', "a|b", "a<b>", "\ud800", "walk", "walk-3f9c01", "C:\\x", "a  b", "ü", "u\u0308",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_any_name_becomes_a_file_in_this_folder_on_every_system(name, tmp_path) -> None:
    made = paths.file_name(name, ".html")
    (tmp_path / made).write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == [made]
    assert len(made.encode()) <= 143
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f]', made)
    assert made[0] not in ".-~ "
    assert not made.removesuffix(".html").endswith((".", " "))
    assert not paths._DEVICES.fullmatch(made)


def test_names_that_differ_have_files_that_differ() -> None:
    assert len({paths.file_name(name) for name in NAMES}) == len(NAMES)


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_two_names_become_one_and_made_names_are_stable(one, other) -> None:
    made = paths.file_name(one)
    assert made == paths.file_name(one)
    assert len(made.encode()) <= 143
    assert (made == paths.file_name(other)) == (one == other)
    assert paths.file_name(made) != made or made == one


def test_good_names_stay() -> None:
    for name in ("walk", "a b", "études", "日本", "v1.2", "a+b=c", "study-3f9c0"):
        assert paths.file_name(name, ".html") == f"{name}.html"


@pytest.mark.parametrize("name", ["../up", "a/b", "x" * 260, "CON", "a\u202eb"])
def test_report_and_table_of_a_study_of_any_name_stand_here(name, open_session, tmp_path, photos) -> None:
    home = tmp_path / "here"
    home.mkdir()
    os.chdir(home)
    session = open_session(folder=tmp_path / "wan_runs")
    study = session.study({"calm": "a", "wild": "b"}, name=name, first_frame=photos / "cat.jpg", duration=2)
    study.submit(max_cost=10).wait()
    written = [study.report(media="none"), study.report(paths.file_name(name, ".csv"))]
    assert sorted(home.iterdir()) == sorted(written)
    assert {path.name for path in tmp_path.iterdir()} == {"here", "wan_runs"}


def test_report_is_what_its_name_says_or_refused(open_session, tmp_path, photos, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    study = open_session().study({"calm": "a", "wild": "b"}, name="w", first_frame=photos / "cat.jpg", duration=2)
    study.submit(max_cost=10).wait()
    for wrong in ("x.pdf", "x.docx", "x.html.gz", tmp_path / "x.png", "v1.2"):
        with pytest.raises(InvalidOption, match=r"does not end in .*\.csv"):
            study.report(wrong, media="none")
    assert not [*tmp_path.glob("x*")]
    assert study.report("x.csv").read_text(encoding="utf-8").startswith("id,label,")
    assert study.report("X.HTM", media="none").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert study.report("~/walk", media="none") == tmp_path / "home" / "walk.html"
    with pytest.raises(InvalidOption, match="is a folder"):
        study.report(tmp_path)
    assert study.session.store.root.exists()


def test_bundle_goes_home_too(open_session, tmp_path, photos, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    session = open_session()
    session.submit("a cat", first_frame=photos / "cat.jpg", duration=2).wait()
    from wan_nb.maintenance.bundle import pack

    assert pack(session.workspace, "~/take?1") == tmp_path / "home" / "take?1.zip"


# --- a working directory that moves


def test_default_session_stays_where_it_began(simulator, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WAN_NB_MEDIA", "clips")
    (tmp_path / "data").mkdir()
    try:
        first = default.connect(simulator.url, api_key=simulator.key)
        assert first.log.place == str(tmp_path / "wan_runs" / "runs.db")
        os.chdir("data")
        again = default.connect(simulator.url, api_key=simulator.key)
        default.configure(service="simulator")
        third = default.session()
        for session in (first, again, third):
            assert session.folder == tmp_path / "wan_runs"
            assert session.store.root == tmp_path / "clips"
    finally:
        default.configure(service=None)
        default.close()


def test_addresses_of_clips_stay_when_the_code_goes_elsewhere(open_session, tmp_path, photos) -> None:
    from wan_nb.widgets.output.static_outputs import run_bundle

    session = open_session()
    run = session.submit("a cat", first_frame=photos / "cat.jpg", duration=2).wait()
    before = run_bundle(session.workspace, run.row)
    (tmp_path / "data").mkdir()
    os.chdir("data")
    again = session.submit("a dog", first_frame=photos / "cat.jpg", duration=2).wait()
    assert run_bundle(session.workspace, run.row) == before
    for one in (run, again):
        html = run_bundle(session.workspace, one.row)["text/html"]
        (source,) = set(re.findall(r'<video[^>]* src="([^"]+)"', html))  # the player's and the standing picture's
        assert (tmp_path / unquote(source)).samefile(one.video)
    assert not (tmp_path / "data" / "wan_runs").exists()


def test_deleted_working_directory_is_said(tmp_path, simulator) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    try:
        with pytest.raises(InvalidOption, match="does not exist any more"):
            wan_nb.Session(base_url=simulator.url, api_key=simulator.key)
    finally:
        os.chdir(tmp_path)
