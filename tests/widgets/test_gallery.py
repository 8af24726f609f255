"""A gallery: pages, filters and order of many runs, as a person turns them and as a notebook keeps them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sqlite3
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from bucket import MISSING, NAME, a_bucket
from IPython.core.interactiveshell import InteractiveShell
from log_history import log_of
from traitlets.config import Config

from wan_nb.errors import InvalidOption, NotFound
from wan_nb.handles.session import Session
from wan_nb.widgets.gallery import MOST_BYTES, Choice, GalleryControls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLIP = Path(__file__).parents[1] / "data/edition1"
RUNS = 100


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log of a hundred runs, a tenth of them rated, one named after a cat."""
    folder = tmp_path_factory.mktemp("history")
    log_of(RUNS, folder).close()
    (path,) = folder.glob("*.db")
    database = sqlite3.connect(path)
    with database:
        database.execute("UPDATE runs SET rating = 1 + seed % 5 WHERE seed % 10 = 3")
        database.execute("UPDATE runs SET note = 'one with the glow' WHERE seed = 7")
        database.execute("UPDATE runs SET study = 'late', variant = 'x' WHERE seed >= 40")
        database.execute("UPDATE members SET study = 'late' WHERE run_id IN (SELECT run_id FROM runs WHERE seed >= 40)")
    database.close()
    return path


@pytest.fixture
def session(history: Path, tmp_path: Path) -> Iterator[Session]:
    with Session("simulator", folder=tmp_path / "wan_runs", log=history) as session:
        yield session


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What was displayed."""
    found: list[dict[str, str]] = []
    monkeypatch.setattr("wan_nb.widgets.gallery.display", found.append)
    return found


@pytest.mark.parametrize(
    ("asked", "title", "rows"),
    [
        ({}, "Runs 1 to 30 of 100: .wan.play(page=2) shows others", 30),
        ({"page": 4}, "Runs 91 to 100 of 100: .wan.play(page=1) shows others", 10),
        ({"study": "late"}, "20 of 100 runs: study late", 20),
        (
            {"study": "study 0", "sort": "-run_s", "page": 3},
            "Runs 61 to 80 of 80 (of 100): .wan.play(page=1, study='study 0', sort='-run_s') shows others",
            20,
        ),
        ({"text": "Glow ONE"}, "2 of 100 runs: text Glow ONE", 2),
        ({"rating": 4}, "10 of 100 runs: stars 4", 10),
        ({"rating": 5}, "None of these 100 runs passes: stars 5.", 0),
        ({"rating": 0, "page": 3}, "Runs 61 to 90 of 90 (of 100): .wan.play(page=1, rating=0) shows others", 30),
        ({"status": "RUNNING"}, "None of these 100 runs passes: state RUNNING.", 0),
    ],
    ids=str,
)
def test_pages_filters_and_order(session: Session, shown: Any, asked: dict[str, Any], title: str, rows: int) -> None:
    session.runs().wan.play(**asked)
    (page,) = shown
    assert title.replace("'", "&#39;") in page["text/html"]
    assert page["text/html"].count("<tr") == (1 + rows if rows else 0)


def test_the_order_is_that_of_the_table_or_of_a_column(session: Session, shown: Any) -> None:
    frame = session.runs().sort_values("prompt", kind="stable")
    frame.wan.play()
    frame.wan.play(sort="created_at")
    frame.iloc[10:60].wan.play(page=2)
    by_table, by_time, part = ([line for line in page["text/plain"].splitlines() if line] for page in shown)
    named = lambda lines: [one[:8] for run in lines for one in frame.index if one[:8] in run]  # noqa: E731
    assert named(by_table) == [one[:8] for one in frame.index[:30]]
    assert named(by_time) == [one[:8] for one in session.runs(newest_first=False, limit=30).index]
    assert named(part) == [one[:8] for one in frame.index[40:60]]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"rating": 6}, "a rating is 1 to 5, or 0 for runs that have none"),
        ({"status": "SUCEEDED"}, "Did you mean SUCCEEDED"),
        ({"sort": "ratings"}, "no column 'ratings'.*\nDid you mean rating"),
        ({"page": 2, "study": "late"}, "page of these 20 runs is 1 to 1, not 2"),
    ],
    ids=str,
)
def test_what_cannot_be_shown_is_said(session: Session, shown: Any, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        session.runs().wan.play(**asked)


def test_a_run_that_the_log_does_not_have_is_named(session: Session, shown: Any) -> None:
    frame = session.runs().rename(index={session.runs().index[3]: "00000000beef"})
    with pytest.raises(NotFound, match="00000000beef"):
        frame.wan.play(session=session)


def test_a_page_of_the_most_wordy_runs_stays_within_its_bytes(history: Path, shown: Any, tmp_path: Path) -> None:
    """Notes, tags and names as long as they come, of signs that take most room, and a picture for each clip."""
    path = shutil.copy(history, tmp_path / "runs.db")
    clip = max(CLIP.rglob("*.mp4"), key=lambda one: one.stat().st_size)
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/cat.mp4").write_bytes(clip.read_bytes())
    wordy, tags = "\"<&'" * 1000, ", ".join(f"{n}{'&' * 60}" for n in range(40))
    database = sqlite3.connect(path)
    with database:
        database.execute(
            "UPDATE runs SET note = ?, tags = ?, variant = ?, video = 'videos/cat.mp4'", (wordy, tags, wordy)
        )
    database.close()
    with Session("simulator", folder=tmp_path, log=path) as session:
        session.runs(status="SUCCEEDED").wan.play()
    (page,) = shown
    assert page["text/html"].count("<img") > 10
    assert len(json.dumps(page, ensure_ascii=False).encode()) <= MOST_BYTES


# --- live


class Page:
    """The page's half: what a person chooses, and what is seen then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.controls: Any = None
        self.tables: list[dict[str, str]] = []
        page = self

        class Handle:
            def update(self, bundle: dict[str, str], *, raw: bool) -> None:
                page.tables.append(bundle)

        def shown(bundle: dict[str, str]) -> Handle:
            if bundle["text/html"]:
                page.tables.append(bundle)
            return Handle()

        made = GalleryControls.__init__

        def noted(controls: Any, *given: Any, **more: Any) -> None:
            page.controls = controls
            made(controls, *given, **more)

        monkeypatch.setattr("wan_nb.widgets.gallery.display", shown)
        monkeypatch.setattr(GalleryControls, "__init__", noted)

    def choose(self, **values: Any) -> dict[str, Any]:
        answered = threading.Event()
        self.controls.observe(lambda _: answered.set(), "shown")
        self.controls._on_message(None, {"kind": "ask", **values}, [])
        assert answered.wait(30)
        return self.controls.shown


@pytest.fixture
def seat(session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Page]]:
    """A gallery where somebody sits."""

    def sit(frame: Any = None) -> Page:
        page = Page(monkeypatch)
        (session.runs() if frame is None else frame).wan.play()
        return page

    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    shell.kernel = SimpleNamespace(_allow_stdin=True)
    yield sit
    InteractiveShell.clear_instance()


def test_a_person_turns_pages_and_filters(seat: Callable[..., Page]) -> None:
    page = seat()
    assert page.controls.shown["said"] == "Runs 1 to 30 of 100"
    assert "late" in page.controls.choices["studies"] or page.controls.choices["studies"] == []
    assert page.choose(page=2)["said"] == "Runs 31 to 60 of 100"
    assert "Runs 31 to 60 of 100: .wan.play(page=3) shows others" in page.tables[-1]["text/html"]
    assert page.choose(page=99)["choice"]["page"] == 4
    shown = page.choose(rating="4", sort="-rating", page=1)
    assert (shown["said"], shown["pages"]) == ("Runs 1 to 10 of 10", 1)
    assert shown["choice"]["rating"] == 4
    assert page.choose(text="nothing has this")["said"] == "No run passes."
    assert "None of these 100 runs passes: text nothing has this." in page.tables[-1]["text/html"]


@pytest.mark.parametrize(
    "values",
    [
        {"status": "<script>", "rating": "99", "sort": "request", "page": "many"},
        {"status": None, "rating": True, "sort": 3, "page": -5},
        {"status": ["FAILED"], "rating": 4.5, "page": 1e400},
        {},
    ],
    ids=str,
)
def test_what_a_page_says_that_makes_no_sense_is_left_out(seat: Callable[..., Page], values: dict[str, Any]) -> None:
    assert seat().choose(**values)["said"] == "Runs 1 to 30 of 100"


def test_an_error_of_the_log_is_said_beside_the_controls(
    seat: Callable[..., Page], session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = seat()
    monkeypatch.setattr("wan_nb.widgets.gallery.Gallery.count", lambda *_: session.row("ffffffffffff"))
    assert "no run 'ffffffffffff'" in page.choose(page=2)["said"]
    assert page.controls.shown["choice"]["page"] == 1


def test_a_few_runs_need_no_controls(seat: Callable[..., Page], session: Session) -> None:
    page = seat(session.runs(limit=6))
    assert page.controls is None
    assert page.tables[0]["text/html"].count("<tr") == 1 + 6


def test_of_several_wishes_the_last_one_is_shown() -> None:
    asked: list[int] = []
    first = asyncio.Event()

    async def ask(choice: Choice) -> dict[str, Any]:
        asked.append(choice.page)
        await first.wait()
        return {"choice": {"page": choice.page}}

    async def work() -> dict[str, Any]:
        controls = GalleryControls({}, {}, ask, post=lambda work: work.close())
        one = asyncio.create_task(controls.ask(Choice(page=1)))
        await asyncio.sleep(0)
        for page in (2, 3, 4):
            await controls.ask(Choice(page=page))
        first.set()
        await one
        return controls.shown

    assert asyncio.run(work())["choice"] == {"page": 4}
    assert asked == [1, 4]


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")
@pytest.mark.parametrize("somebody", [False, True], ids=["nobody sits there", "somebody sits there"])
def test_clips_of_a_shared_store_are_fetched_for_the_page(
    history: Path, tmp_path: Path, seat: Callable[..., Page], monkeypatch: pytest.MonkeyPatch, *, somebody: bool
) -> None:
    path = shutil.copy(history, tmp_path / "runs.db")
    clip = max(CLIP.rglob("*.mp4"), key=lambda one: one.stat().st_size).read_bytes()
    database = sqlite3.connect(path)
    with database:
        ((name,),) = database.execute(
            "SELECT video FROM runs WHERE status = 'SUCCEEDED' ORDER BY created_at DESC LIMIT 1"
        )
        sha256 = hashlib.sha256(clip).hexdigest()
        database.execute("UPDATE runs SET video_sha256 = ?", (sha256,))
        database.execute("UPDATE runs SET video = NULL WHERE video <> ?", (name,))
    database.close()
    with a_bucket() as bucket:
        for key, value in bucket.env.items():
            monkeypatch.setenv(key, value)
        bucket.client().put_object(Bucket=NAME, Key=f"clips/{name}", Body=clip)
        with Session("simulator", folder=tmp_path / "ben", log=path, media=bucket.place) as session:
            if not somebody:
                InteractiveShell.clear_instance()
            page = seat(session.runs(status="SUCCEEDED"))
            assert (page.controls is not None) == somebody
            late = time.monotonic() + 120
            while "<img" not in page.tables[-1]["text/html"] and time.monotonic() < late:
                time.sleep(0.01)
            assert page.tables[-1]["text/html"].count("<img") == 1
            assert session.workspace.store.path(name).read_bytes() == clip
            assert somebody or len(page.tables) == 1
