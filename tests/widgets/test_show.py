"""What a cell shows: live where somebody sits, static elsewhere, replaced when the run ends."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import threading
import time
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from IPython.display import display
from log_history import log_of

import wan_nb
from wan_nb.errors import InvalidOption
from wan_nb.frontends import front_end
from wan_nb.handles.session import Session
from wan_nb.html.text import AS_TYPED
from wan_nb.widgets.output import outputs
from wan_nb.widgets.output.static_outputs import run_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WIDGET = "application/vnd.jupyter.widget-view+json"


class Screen:
    """What reached the front end, by display id, as a notebook would keep it."""

    def __init__(self) -> None:
        self.outputs: dict[str, dict[str, Any]] = {}
        self.history: list[tuple[str, bool, dict[str, Any], str]] = []
        self.changed = threading.Condition()

    def publish(
        self, data: Any, metadata: Any = None, *, transient: Any = None, update: bool = False, **_: Any
    ) -> None:
        with self.changed:
            name = (transient or {}).get("display_id", "")
            self.outputs[name] = data
            self.history.append((name, update, data, threading.current_thread().name))
            self.changed.notify_all()

    def wait_for(self, test: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The newest output, once it is like that."""
        with self.changed:
            newest = lambda: list(self.outputs.values())[-1]  # noqa: E731
            assert self.changed.wait_for(lambda: test(newest()), timeout=30), newest()
            return newest()

    def wait_static(self, count: int = 1) -> dict[str, Any]:
        """The one output, once it holds no widget."""
        with self.changed:
            done = lambda: len(self.outputs) == count and all(WIDGET not in data for data in self.outputs.values())  # noqa: E731
            assert self.changed.wait_for(done, timeout=30), self.outputs
            return list(self.outputs.values())[-1]


@pytest.fixture
def shell() -> Iterator[Any]:
    """A shell of its own; a kernel is what a test gives it."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def screen(shell: Any, monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    monkeypatch.setattr(shell.display_pub, "publish", screen.publish)
    return screen


@pytest.fixture
def seated(shell: Any) -> None:
    """Somebody sits there."""
    shell.kernel = SimpleNamespace(_allow_stdin=True)


@pytest.fixture
def batch(shell: Any) -> None:
    """nbclient or papermill runs the notebook."""
    shell.kernel = SimpleNamespace(_allow_stdin=False)


@pytest.fixture
def session(simulator: Any, tmp_path: Path) -> Iterator[Session]:
    with Session(simulator.url, api_key=simulator.key, folder=tmp_path / "wan_runs", gap=0.05) as session:
        yield session


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for what another thread brings about."""
    give_up = time.monotonic() + 60
    while not true():
        assert time.monotonic() < give_up, f"waited for {what}"
        time.sleep(0.01)


def submit(session: Session, photos: Path, prompt: str = "a cat walks", **fields: Any) -> Any:
    return session.submit(prompt, first_frame=photos / "cat.jpg", duration=2, **fields)


def test_whether_anybody_sits_there(shell: Any) -> None:
    assert not front_end().live
    shell.kernel = SimpleNamespace(_allow_stdin=False)
    assert not front_end().live
    shell.kernel = SimpleNamespace(_allow_stdin=True)
    assert front_end().live
    shell.kernel = SimpleNamespace()
    assert front_end().live


def test_live_output_is_replaced_when_the_run_ends(session, simulator, photos, screen, seated) -> None:
    simulator.config(run=2.0)
    run = submit(session, photos)
    display(run)
    (first,) = screen.outputs.values()
    assert WIDGET in first
    assert "%wan show" in first["text/html"]
    assert first["text/plain"].startswith("run ")
    final = screen.wait_static()
    assert set(final) == {"text/html", "text/plain"}
    assert run.status == "SUCCEEDED"
    assert 'src="wan_runs/videos/' in final["text/html"]
    assert "done" in final["text/plain"]
    assert [update for _, update, _, _ in screen.history] == [False, True]
    assert len(final["text/html"].encode()) <= 25_000


def test_a_run_that_fails_is_replaced_too(session, simulator, photos, screen, seated) -> None:
    simulator.config(run=60.0)
    run = submit(session, photos)
    display(run)
    simulator.do(run.row.task_id, "fail", "DataInspectionFailed", "Output <img onerror=x> inappropriate.")
    final = screen.wait_static()
    assert "failed" in final["text/plain"]
    assert "&lt;img onerror=x&gt;" in final["text/html"]
    assert "DataInspectionFailed" in final["text/html"]


def test_a_run_that_has_ended_needs_no_widget(session, photos, screen, seated) -> None:
    run = submit(session, photos).wait(30)
    display(run)
    assert [set(data) for data in screen.outputs.values()] == [{"text/html", "text/plain"}]


def test_a_reused_run_says_so(session, photos, screen, seated) -> None:
    submit(session, photos).wait(30)
    again = submit(session, photos)
    display(again)
    (shown,) = screen.outputs.values()
    assert shown["text/plain"].startswith(f"Reused run {again.id[:8]}, made ")
    assert "--take 2 makes another" in shown["text/html"]


def test_two_outputs_of_one_run_agree(session, simulator, photos, screen, seated) -> None:
    simulator.config(run=1.0)
    run = submit(session, photos)
    display(run)
    display(run)
    screen.wait_static(2)
    assert len({data["text/html"] for data in screen.outputs.values()}) == 1


def test_batch_has_no_widget_and_whoever_waits_publishes_again(session, simulator, photos, screen, batch) -> None:
    simulator.config(run=1.0)
    run = submit(session, photos)
    display(run)
    run.wait(30)
    assert not [data for _, _, data, _ in screen.history if WIDGET in data]
    (name, first, _, _), *_, (last_name, update, last, thread) = screen.history
    assert name == last_name
    assert not first
    assert update
    assert "done" in last["text/plain"]
    assert thread == threading.current_thread().name


def test_board_of_many_shows_them_all_and_the_new_ones(session, simulator, photos, screen, seated) -> None:
    simulator.config(run=2.0)
    first = submit(session, photos, "a cat sits")
    session.views.show_all()
    second = submit(session, photos, "a cat runs")
    text = screen.wait_static()["text/plain"]
    assert {line[4:12] for line in text.splitlines()} == {first.id[:8], second.id[:8]}


def test_empty_log_shows_how_to_begin(session, screen, seated) -> None:
    session.views.show_all()
    (shown,) = screen.outputs.values()
    assert "%%wan" in shown["text/html"]


def test_a_page_that_asks_gets_plain_html_at_once(session, simulator, photos, screen, seated) -> None:
    simulator.config(run=60.0)
    run = submit(session, photos)
    display(run)
    (view,) = session.views._views
    asked = {"kind": "place"}
    view.board._handle_custom_msg(asked, [])
    placed = screen.wait_static()
    assert placed["text/html"].startswith(f'<div class="{view.board.place} {AS_TYPED}"><div')
    assert "the task goes on without the notebook" in placed["text/html"]
    view.board._handle_custom_msg(asked, [])  # a page that was loaded again
    simulator.do(run.row.task_id, "finish")
    final = screen.wait_for(lambda data: "done" in data["text/plain"])
    assert f'<div class="{view.board.place} wan-after {AS_TYPED}"></div>' in final["text/html"]
    assert len(final["text/html"].encode()) <= 25_000
    assert [update for _, update, _, _ in screen.history] == [False, True, True]
    run.wait(30)  # whoever waits publishes again, and takes nothing away
    assert screen.wait_for(lambda data: len(screen.history) == 4) == final


def test_the_board_of_everything_goes_on_after_the_last_run(session, simulator, photos, screen, seated) -> None:
    session.views.show_all()
    (view,) = session.views._views
    view.board._handle_custom_msg({"kind": "place"}, [])
    screen.wait_static()
    for count in (1, 2):
        submit(session, photos, f"cat {count}").wait(30)
        final = screen.wait_for(lambda data: data["text/plain"].count(" · done · ") == count)  # noqa: B023
        assert final["text/html"].startswith(f'<div class="{view.board.place} {AS_TYPED}">')
        assert final["text/html"].count("<video") == count
        assert len(view.board.rows) == count


def test_cancel_and_code_of_a_live_board(session, simulator, photos, screen, seated) -> None:
    simulator.config(queue=60.0)
    run = submit(session, photos)
    display(run)
    (view,) = session.views._views
    code = session.workspace.loop.sync(view._code(run.id))
    assert set(code) == {"Python", "%%wan", "curl"}
    assert session.settings.api_key not in json.dumps(code)
    session.workspace.loop.sync(view._cancel(run.id))
    assert "canceled" in screen.wait_static()["text/plain"]


def test_the_frame_on_show_is_the_first_one_of_the_next_clip(session, simulator, photos, screen, seated) -> None:
    simulator.config(clips="small")
    done = submit(session, photos).wait(30)
    session.views.show([done.row, done.row])
    (view,) = session.views._views
    code = session.workspace.loop.sync(view._frame(done.id, 1.0))
    assert code["Then"] == "%%wan --first-frame {{frame}}\n"
    names = {}
    exec(code["First"].replace("import wan_nb; frame = wan_nb", "frame = session"), {"session": session}, names)
    used = session.submit("another scene", first_frame=names["frame"], duration=2)
    assert used.row.request["input"]["media"][0]["taken"] == f"{done.row.video_sha256} frame at 1.0 s"
    with pytest.raises(InvalidOption, match="seconds"):
        session.workspace.loop.sync(view._frame(done.id, None))


def test_again_of_a_live_board_adds_a_run_to_it(session, simulator, photos, screen, seated) -> None:
    done = submit(session, photos).wait(30)
    simulator.config(run=2.0)
    other = submit(session, photos, "another cat")
    session.views.show([done.row, other.row])
    (view,) = session.views._views
    assert session.workspace.loop.sync(view._clip(done.id)) == done.video.read_bytes()
    assert session.workspace.loop.sync(view._strip(done.id))[:2] == b"\xff\xd8"
    assert "Take 2 of this request" in session.workspace.loop.sync(view._again(done.id))
    assert len(screen.wait_static()["text/plain"].splitlines()) == 3
    assert len(simulator.tasks()) == 3


def buttons(screen: Screen) -> list[Any]:
    """Buttons of the outputs, in the order in which they were shown."""
    from ipywidgets.widgets.widget import _instances

    with screen.changed:
        shown = [data[WIDGET]["model_id"] for _, update, data, _ in screen.history if WIDGET in data and not update]
    return [found for model in dict.fromkeys(shown) if hasattr(found := _instances[model], "ready")]


def press(button: Any) -> None:
    """As the page sends a click."""
    button._handle_custom_msg({"kind": "buy"}, [])


def test_a_plan_begins_as_a_race_and_its_page_buys_step_after_step(session, simulator, photos, screen, seated) -> None:
    study = session.study(
        {"calm": "a cat walks", "fast": "a cat dashes"}, name="walk", first_frame=photos / "cat.jpg", seeds=[1, 2],
        duration=2,
    )  # fmt: skip
    display(study)
    grid, race = buttons(screen)
    assert grid.label == "Buy 4 clips for ≈ CNY 4.80"
    assert race.label == "Or race: Buy 16 clips for ≈ CNY 19.20"
    press(race)
    until(lambda: race.label == "Look again", "the end of the first step")
    assert simulator.counters()["creates_accepted"] == 16
    page = next(iter(screen.outputs.values()))["text/plain"]
    assert "8 votes to come" in page

    press(race)
    until(lambda: "nothing is to be bought" in race.message, "what the button says")
    ballot = study.ballot()
    while asked := ballot.next():
        ballot.record(asked, "tie")
    press(race)
    until(lambda: "press once more" in race.message, "the next step to be read first")
    assert race.label == "Buy 8 clips for ≈ CNY 9.60"
    assert simulator.counters()["creates_accepted"] == 16
    press(race)
    until(lambda: race.label == "Look again", "the end of the second step")
    assert simulator.counters()["creates_accepted"] == 24


def test_what_has_won_is_made_in_1080p_by_a_button_of_its_race_or_ranking(
    session, simulator, photos, screen, seated, shell
) -> None:
    study = session.study(
        {"calm": "a cat walks", "fast": "a cat dashes"}, name="walk", first_frame=photos / "cat.jpg", duration=2,
        resolution="720P",
    )  # fmt: skip
    race = study.race(max_clips=16).submit().wait()
    display(study.ranking())
    assert not buttons(screen), "nothing is decided yet"
    ballot = study.ballot()
    while asked := ballot.next():
        ballot.record(asked, "left" if asked.left_variant == "calm" else "right")
    cost = study.finals().cost
    said = f"for ≈ CNY {cost:.2f}"

    display(study.ranking())
    (below,) = buttons(screen)
    assert below.label == f"Make calm in 1080P: buy 8 clips {said}"
    display(race)
    _, of_race = buttons(screen)
    assert of_race.label == below.label
    press(of_race)
    until(lambda: of_race.label == "Look again", "the end of the purchase")
    finals = session.study(name="walk 1080P").wait()
    assert simulator.counters()["creates_accepted"] == 24
    assert {(row.variant, row.resolution) for row in finals.rows()} == {("calm", "1080P")}
    press(below)
    models = lambda: [data[WIDGET]["model_id"] for data in screen.outputs.values() if WIDGET in data]  # noqa: E731
    until(lambda: below.model_id not in models(), "the other button to go")
    assert simulator.counters()["creates_accepted"] == 24, "bought twice"

    display(study.ranking())
    assert len(buttons(screen)) == 2, "there is nothing left to buy"
    assert "1080P" not in list(screen.outputs.values())[-1]["text/plain"]


def test_where_nobody_can_press_a_decision_says_the_code_that_makes_the_winner(
    session, photos, screen, batch, tmp_path
) -> None:
    study = session.study(
        {"calm": "a cat walks", "fast": "a cat dashes"}, name="walk", first_frame=photos / "cat.jpg", duration=2,
        seeds=[1, 2, 3, 4, 5, 6, 7, 8], resolution="720P",
    )  # fmt: skip
    study.submit().wait()
    for rater in ("Ada", "Bea", "Cy"):
        ballot = study.ballot(rater=rater)
        while asked := ballot.next():
            ballot.record(asked, "left" if asked.left_variant == "calm" else "right")
    assert study.winner == "calm"
    display(study.ranking())
    (shown,) = screen.outputs.values()
    code = f"study.finals().submit(max_cost={study.finals().cost:.2f})"
    assert WIDGET not in shown
    assert code in shown["text/plain"]
    assert code in study.report(tmp_path / "walk.html", media="none").read_text(encoding="utf-8")


def test_embedding_is_asked_for_and_has_a_limit(session, photos, screen, seated, monkeypatch) -> None:
    run = submit(session, photos).wait(30)
    outputs.display(run_bundle(session.workspace, run.row, embed=True))
    (shown,) = screen.outputs.values()
    assert "data:video/mp4;base64," in shown["text/html"]
    assert shown["text/plain"].startswith("The clip itself is in this cell: ")
    monkeypatch.setattr("wan_nb.widgets.output.static_outputs.EMBED_MOST", 10)
    with pytest.raises(InvalidOption, match="into a notebook"):
        outputs.display(run_bundle(session.workspace, run.row, embed=True))
    run.video.unlink()
    with pytest.raises(InvalidOption, match="no clip on disk"):
        outputs.display(run_bundle(session.workspace, run.row, embed=True))


def test_a_clip_that_is_gone_is_said_to_be_gone(session, photos, screen, seated) -> None:
    run = submit(session, photos).wait(30)
    run.video.unlink()
    display(run)
    (shown,) = screen.outputs.values()
    assert "not on this disk" in shown["text/html"]
    assert "<video" not in shown["text/html"]


def test_without_ipython_it_prints_a_line(session, photos, capsys) -> None:
    submit(session, photos).wait(30)._ipython_display_()
    assert "done" in capsys.readouterr().out


# --- df.wan


def test_frame_of_runs_plays_and_boards_them(session, simulator, photos, screen, seated) -> None:
    import pandas as pd

    from wan_nb.handles.dataframe import register

    register()
    register()
    run = submit(session, photos).wait(30)
    frame = session.runs()
    for known in (frame, frame.reset_index(), pd.concat([frame, frame])):
        assert known.wan.ids == [run.id]
    frame.wan.play(session=session)
    frame.iloc[:0].wan.play(session=session)
    frame.wan.board(session=session)
    table, empty, card = screen.outputs.values()
    assert table["text/html"].count("<video") == table["text/html"].count("<img") == 1
    assert "No runs here" in empty["text/html"]
    assert "<video" in card["text/html"]


def test_a_long_frame_is_shown_page_by_page(tmp_path, screen) -> None:
    log_of(1_000, tmp_path).close()
    (log,) = tmp_path.glob("*.db")
    with Session("simulator", folder=tmp_path, log=log) as session:
        frame = session.runs().sort_values("prompt")
        frame.wan.play(session=session)
        frame.wan.play(page=34, session=session)
        first, last = screen.outputs.values()
        for wrong in (0, 35, True, "2", 1.5):
            with pytest.raises(InvalidOption, match="page of these 1000 runs is 1 to 34, not "):
                frame.wan.play(page=wrong, session=session)
    assert "Runs 1 to 30 of 1000: .wan.play(page=2) shows others" in first["text/html"]
    assert "Runs 991 to 1000 of 1000: .wan.play(page=1) shows others" in last["text/html"]
    assert [first["text/html"].count("<tr"), last["text/html"].count("<tr")] == [1 + 30, 1 + 10]
    assert sum(len(str(part)) for part in first.values()) < 300_000


def test_other_frames_have_no_wan() -> None:
    import pandas as pd

    from wan_nb.handles.dataframe import register

    register()
    with pytest.raises(AttributeError, match=r"wan_nb\.runs"):
        _ = pd.DataFrame({"a": [1]}).wan


@pytest.mark.notebook
def test_executed_notebook_holds_the_final_state_and_no_widget(simulator, photos, tmp_path) -> None:
    import nbformat

    setup = f"""
from wan_nb.handles.session import Session
simulated = Session({simulator.url!r}, api_key="k", folder="wan_runs", gap=0.05)
run = simulated.submit("a cat walks", first_frame={str(photos / "cat.jpg")!r}, duration=2)
display(run)
"""
    cells = [setup, "run.wait(60);", "simulated.board()"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, tmp_path / "in.ipynb")
    simulator.config(run=1.0)
    env = {**os.environ, "PYTHONPATH": str(Path(wan_nb.__file__).parents[1]), "IPYTHONDIR": str(tmp_path / "ipython")}
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "in.ipynb", "--output", "out.ipynb"]
    subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True, timeout=200)
    done = nbformat.read(tmp_path / "out.ipynb", 4)
    bundles = [output["data"] for cell in done.cells for output in cell.outputs if "data" in output]
    assert [set(bundle) for bundle in bundles] == [{"text/html", "text/plain"}] * 2
    for bundle in bundles:
        assert "done" in bundle["text/plain"]
        assert 'src="wan_runs/videos/' in bundle["text/html"]
    assert not done.metadata.get("widgets")
    for form in ("html", "markdown"):
        subprocess.run(
            [sys.executable, "-m", "nbconvert", "--to", form, "out.ipynb"],
            cwd=tmp_path, env=env, check=True, capture_output=True, timeout=200,
        )  # fmt: skip
    for name in ("out.html", "out.md"):
        page = (tmp_path / name).read_text()
        assert len(re.findall(r'<video controls[^>]* src="wan_runs/videos/', page)) == 2
        assert "Loading widget" not in page


# --- clips in outputs that do not reach their file


def _embedded(screen: Screen, run: Any) -> bytes:
    """The clip that the newest output of a run holds; empty for none."""
    display(run)
    found = re.search(r'src="data:video/mp4;base64,([^"]+)"', list(screen.outputs.values())[-1]["text/html"])
    return base64.b64decode(found[1]) if found else b""


@pytest.fixture
def colab(shell: Any, seated: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A front end that serves no files."""
    there = ModuleType("google.colab")
    there.__spec__ = ModuleSpec("google.colab", None)
    monkeypatch.setitem(sys.modules, "google.colab", there)


def test_light_copy_stands_where_the_file_is_out_of_reach(session, photos, screen, colab, tmp_path) -> None:
    run = submit(session, photos).wait(30)
    data = _embedded(screen, run)
    assert 0 < len(data) <= 1_000_000
    shown = list(screen.outputs.values())[-1]["text/html"]
    assert "played from a copy in this output" in shown
    assert str(run.video.relative_to(tmp_path)) in shown
    session.workspace.change(embed="never")
    assert not _embedded(screen, run)
    assert "--embed" in list(screen.outputs.values())[-1]["text/html"]


def test_nothing_is_embedded_where_the_file_is_served(session, photos, screen, seated) -> None:
    run = submit(session, photos).wait(30)
    assert not _embedded(screen, run)
    assert len(list(screen.outputs.values())[-1]["text/html"].encode()) <= 25_000
    session.workspace.change(embed=5.0)
    assert _embedded(screen, run) == run.video.read_bytes()


def test_a_notebook_holds_20_mb_of_clips_at_most(session, photos, screen, colab, monkeypatch) -> None:
    runs = [submit(session, photos, f"cat {n}").wait(30) for n in range(2)]
    monkeypatch.setattr("wan_nb.widgets.output.static_outputs.EMBED_MOST", runs[0].video.stat().st_size + 10)
    assert [bool(_embedded(screen, run)) for run in (runs[0], runs[1], runs[0])] == [True, False, True]


def test_nothing_is_embedded_in_words(session, photos, screen, shell) -> None:
    run = submit(session, photos).wait(30)
    assert not _embedded(screen, run)
    assert not [*session.folder.glob("proxies/*.mp4")]
