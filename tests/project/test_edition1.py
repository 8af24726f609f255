"""A log, a media folder and a notebook of edition 1: they open, cost nothing, count and show."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import chdir, closing, suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from edition1 import DATA, EXPECTED, PROMPTS, URL, copied
from tools.notebooks import execute

from wan_nb.errors import InvalidMedia, InvalidOption, NotFound, OutcomeUnknown, RunExpired, WanError
from wan_nb.handles.session import Session
from wan_nb.log.states import OPEN, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytest_plugins = ["fixtures_shell"]


def creates(session: Session) -> int:
    """POSTs that the simulator of a session has received."""
    url = session.place.base_url.replace("/api/v1", "/_simulator/counters")
    return int(httpx.get(url, trust_env=False).json()["creates_received"])


def small(folder: Path, **fields: Any) -> dict[str, Any]:
    return {
        "first_frame": folder / "sky.png",
        "driving_audio": folder / "hush.mp3",
        "duration": 2,
        **{name: folder / value if name == "first_frame" else value for name, value in fields.items()},
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("edition1"))


@pytest.fixture(scope="module")
def opened(folder: Path) -> Iterator[Session]:
    with chdir(folder), Session("simulator", gap=0.05) as session:
        assert session.folder == folder / "wan_runs"
        yield session
        assert creates(session) == 0, "something was bought again"


def test_the_data_holds_every_state_and_kind() -> None:
    with closing(sqlite3.connect(f"file:{DATA}/wan_runs/runs.db?mode=ro&immutable=1", uri=True)) as log:
        states = Counter(status for (status,) in log.execute("SELECT status FROM runs"))
        attempts = set(log.execute("SELECT status, attempt FROM runs WHERE attempt > 1"))
        raters = set(log.execute("SELECT json_extract(vote, '$.rater') FROM votes"))
        named = dict(log.execute("SELECT name, json_extract(plan, '$.named') FROM studies"))
        assert log.execute("SELECT max(version) FROM schema_version").fetchone() == (2,)
    assert set(states) == {str(status) for status in Status}
    assert attempts == {("SUCCEEDED", 2)}
    assert raters == {("",), ("Ada",)}
    assert set(named.values()) == {0, 1}


def test_every_run_is_in_the_table(opened: Session) -> None:
    frame = opened.runs()
    assert set(EXPECTED["runs"]) <= set(frame.index)
    with closing(sqlite3.connect(f"file:{DATA}/wan_runs/runs.db?mode=ro&immutable=1", uri=True)) as log:
        assert {run_id for (run_id,) in log.execute("SELECT run_id FROM runs")} == set(frame.index)
    for run_id, (status, cost, study, variant, block) in EXPECTED["runs"].items():
        row = opened.row(run_id)
        assert (row.status, row.cost, row.study, row.variant, row.block) == (status, cost, study, variant, block)


def test_cells_cost_nothing(opened: Session, folder: Path) -> None:
    from PIL import Image

    again = opened.submit("a cat sits down", name="twice", **small(folder))
    assert again.reused
    assert again.row.attempt == 2, "edition 1 showed the newest"
    first = next(row for row in opened.log.find(study="twice") if row.attempt == 1)
    assert (first.rating, first.note, first.tags) == (4, "paws ≈ 4 × right", ("keep", "=1+1"))
    for prompt, fields in {
        "from memory": {**small(folder), "first_frame": Image.new("RGB", (400, 300), (200, 90, 30))},
        "refused once": small(folder),
        PROMPTS["calm"]: small(folder) | {"seed": 31},
    }.items():
        run = opened.submit(prompt, **{"seed": 1, **fields})
        assert run.reused
        assert run.status == "SUCCEEDED"
        assert run.video
        assert run.video.exists()


@pytest.mark.parametrize(
    ("prompt", "url"),
    [
        ("by a URL", URL),
        ("by a URL with a query", f"{URL}?key=photos/cat.jpg"),
        ("by a URL with a query", f"{URL}?key=photos/dog.jpg"),
        ("by a URL with a query", URL),
    ],
)
def test_a_run_by_a_url_is_offered_and_never_taken_for_the_same(
    opened: Session, folder: Path, prompt: str, url: str
) -> None:
    ask = {**small(folder), "first_frame": url, "seed": 1}
    (then,) = opened.log.find(prompt=prompt)
    with pytest.raises(InvalidOption, match="may have the same picture") as caught:
        opened.submit(prompt, **ask)
    assert caught.value.run_id == then.run_id
    assert f"%wan show {then.run_id[:8]}" in str(caught.value)
    assert "max_cost=1.2" in str(caught.value)
    study = opened.study({"one": prompt}, name="offered", **ask)
    assert study.missing == [0]
    assert then.run_id[:8] in study.notes[-1]
    with pytest.raises(InvalidOption, match="may have the same picture"):
        study.submit()
    assert opened.log.find(prompt=prompt) == [then]
    for other in ({"seed": 2}, {"watermark": True}, {"driving_audio": None}):
        assert opened.study({"one": prompt}, name="offered", **{**ask, **other}).notes == study.notes[:-1]


@pytest.fixture
def cell(ip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Cells of a shell in a copy of the folder."""
    monkeypatch.chdir(copied(tmp_path / "edition1"))
    return ip


def test_a_cell_offers_what_a_url_has_bought_and_batch_buys_only_what_is_allowed(cell: Any, capsys: Any) -> None:
    options = f"-f {URL}?key=photos/cat.jpg -a hush.mp3 --seed 1 --duration 2 --out shown"
    for _run_all in range(2):  # with an amount that has stayed in the cell
        shown = cell(f"%%wan {options} --max-cost 5\nby a URL with a query")
        assert shown.reused
        assert (shown.id, shown.row.prompt) == (cell["shown"].id, "by a URL with a query")
        assert shown.video.exists()
        assert "It may be the same clip" in capsys.readouterr().out
    cell.unattended()
    with pytest.raises(InvalidOption, match="may be the same clip") as caught:
        cell(f"%%wan {options}\nby a URL with a query")
    lines = caught.value._render_traceback_()
    assert any(f"%wan show {cell['shown'].id[:8]}" in line and "--max-cost" in line for line in lines)
    bought = cell(f"%%wan {options} --max-cost 1.2 --no-wait\nby a URL with a query")
    assert not bought.reused
    assert len(bought.session.log.find(prompt="by a URL with a query")) == 2


def test_the_form_says_what_a_url_may_have_bought_and_buys_when_pressed_again(cell: Any) -> None:
    from wan_nb.handles import default
    from wan_nb.widgets.form.form import Form
    from wan_nb.widgets.form.form_draft import Draft

    fields = {"first_frame": URL, "driving_audio": "hush.mp3", "seed": 1, "duration": 2, "prompt": "by a URL"}
    session = default.session()
    form, said = Form(Draft(session.workspace, fields), session.views, submit=session.submit, study=session.study), []
    form.send = lambda message, buffers=None: said.append(message.get("text"))
    (then,) = session.log.find(prompt="by a URL")
    assert form._serve(Form._submit, {"kind": "submit"}, []) == []
    assert f"%wan show {then.run_id[:8]}" in said[-1]
    assert "press Submit again" in said[-1]
    (bought,) = form._serve(Form._submit, {"kind": "submit"}, [])
    assert bought != then.run_id
    form.close()


def test_whoever_allows_its_price_buys_the_clip_of_a_url_anew(tmp_path: Path) -> None:
    copied(tmp_path)
    with Session("simulator", folder=tmp_path / "wan_runs", gap=0.05) as session:
        ask = {**small(tmp_path), "first_frame": URL, "seed": 1}
        (then,) = session.log.find(prompt="by a URL")
        bought = session.submit("by a URL", **ask, max_cost=1.2)
        assert not bought.reused
        assert session.submit("by a URL", **ask).id == bought.id != then.run_id
        with pytest.raises(InvalidMedia, match="only this much is kept"):
            session.run(then.run_id).again()


def test_what_is_gone_is_said_and_not_bought(opened: Session, folder: Path) -> None:
    with pytest.raises(NotFound, match="paid before, but its file is gone"):
        opened.submit("forgotten", **small(folder), seed=1)
    with pytest.raises(RunExpired):
        opened.submit("lost", **small(folder), seed=1)


STUDIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "walk": (PROMPTS, {"seeds": range(1, 10)}),
    "pictures": (PROMPTS, {"seeds": [5], "vary": {"first_frame": ["cat.jpg", "sky.png"]}}),
    "shots": (PROMPTS, {"seeds": [5], "vary": {"first_frame": ["cat.jpg", "shot2/cat.jpg"]}}),
    "mixed": ({"calm": PROMPTS["calm"]}, {"seeds": [31, 32, 33]}),
    "": (list(PROMPTS.values()), {"seeds": [1, 2], "first_frame": "cat.jpg"}),
}


@pytest.mark.parametrize("name", STUDIES)
def test_studies_open_by_what_was_written(opened: Session, folder: Path, name: str) -> None:
    variants, options = STUDIES[name]
    fields = small(folder, **{key: value for key, value in options.items() if key != "vary"})
    if vary := options.get("vary"):
        del fields["first_frame"]
        fields["vary"] = {key: [str(folder / value) for value in values] for key, values in vary.items()}
    study = opened.study(variants, name=name or None, **fields)
    assert study.missing == []
    assert study.cost == 0
    study.submit(max_cost=0).wait()
    assert {run.status for run in study.runs} == {"SUCCEEDED"}
    assert len(study.frame()) == len(study.plan.cells)
    said = EXPECTED["studies"].get(name or next(n for n in EXPECTED["studies"] if n.startswith("study-")))
    if said:
        ranking = study.ranking()
        assert [row["variant"] for row in ranking.rows] == said["order"]
        assert (ranking.blocks, ranking.decided) == (said["blocks"], said["decided"])
        assert len(study.votes()) == said["votes"]


@pytest.mark.parametrize("name", EXPECTED["studies"])
def test_studies_open_by_name(opened: Session, name: str) -> None:
    said, study = EXPECTED["studies"][name], opened.study(name=name)
    assert study.missing == []
    ranking = study.ranking()
    assert ([row["variant"] for row in ranking.rows], ranking.blocks) == (said["order"], said["blocks"])
    assert len(study.votes()) == said["votes"]
    assert {vote["rater"] for vote in opened.log.votes(name)} <= {"", "Ada"}
    assert {vote["rater"] for vote in study.votes()} == {"Ada"}, "one without a name is the first who has one"


def test_cards_show(opened: Session, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for run_id, (status, *_) in EXPECTED["runs"].items():
        run = opened.run(run_id)
        bundle = run._repr_mimebundle_()
        assert run_id[:8] in bundle["text/plain"]
        assert ("<video" in bundle["text/html"]) == (status == "SUCCEEDED" and run.video is not None)
    opened.runs().wan.play(session=opened)


def test_what_was_under_way_is_not_bought_again(tmp_path: Path) -> None:
    copied(tmp_path)
    with Session("simulator", gap=0.05) as session:
        paid = [row for row in session.log.find(status=list(OPEN)) if row.posted_at]
        assert {row.status for row in paid} == OPEN
        assert {row.prompt for row in paid} >= {"runs", "is fetched", "waits", "in doubt", "on its way"}
        for row in paid:
            with suppress(WanError):  # a month later nobody knows any more what became of it
                session.submit(row.prompt, **small(tmp_path), seed=row.seed)
            after = session.row(row.run_id)
            assert after.status in {*OPEN, Status.EXPIRED}, after
            assert after.cost == row.cost, "it may have been billed"
        assert creates(session) == 0
        doubt = next(row for row in paid if row.prompt == "in doubt")
        with pytest.raises((OutcomeUnknown, RunExpired)):
            session.run(doubt.run_id).wait()


@pytest.mark.notebook
def test_the_notebook_runs_again_for_nothing(tmp_path: Path) -> None:
    copied(tmp_path)
    import nbformat

    saved = nbformat.read(tmp_path / "notebook.ipynb", 4)
    assert not [o for cell in saved.cells for o in cell.outputs if o.output_type == "error"]
    with Session("simulator", gap=0.05) as session:
        before = {row.run_id for row in session.log.find()}
        done = execute(tmp_path / "notebook.ipynb")
        assert {row.run_id for row in session.log.find()} == before
        assert creates(session) == 0
    for was, now in zip(saved.cells, done.cells, strict=True):
        kinds = [{key for o in cell.outputs for key in o.get("data", {}) if "widget" not in key} for cell in (was, now)]
        assert kinds[0] <= kinds[1], was.source
    cards = [o.data["text/html"] for cell in done.cells for o in cell.outputs if "text/html" in o.get("data", {})]
    assert sum(card.count("<video") for card in cards) >= 7
