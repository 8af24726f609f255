"""What form, comparison, vote, tables and written files say where nobody can press anything, and what they leave."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
from IPython.utils.capture import capture_output

import wan_nb
from wan_nb.html.runs_table import READ
from wan_nb.html.written_file import WrittenFile

pytest_plugins = ["fixtures_shell"]


@pytest.fixture
def walked(wan, cat):
    """Cells with a finished study of two variants."""
    wan(f"%%wan -f {cat} -d 2 --seeds 1 --name walk --max-cost 9 --out study\n--- calm\na cat\n--- wild\na cat dashes")
    wan("study.wait();")
    return wan


def shown(cells, line: str) -> str:
    """Text of what a cell shows."""
    with capture_output() as screen:
        thing = cells(line)
        if thing is not None:
            cells["get_ipython"]().display_formatter.format(thing)
    assert not [one for one in screen.outputs if "application/vnd.jupyter.widget-view+json" in one.data]
    return "\n".join(one.data["text/plain"] for one in screen.outputs)


def public_names(text: str) -> set[str]:
    """Functions and methods of ours that a text names."""
    return set(re.findall(r"\b(?:wan_nb|study|ballot)\.(\w+)\(", text))


def test_words_where_there_is_no_page_name_what_can_be_done(walked) -> None:
    paths = [str(run.video) for run in walked["study"].runs]
    said = {line: shown(walked, line) for line in ("%wan form", "%wan compare walk", "%wan vote walk")}
    assert "wan_nb.submit(" in said["%wan form"]
    assert all(path in said["%wan compare walk"] for path in paths)
    assert "study.ballot()" in said["%wan vote walk"]
    for text in said.values():
        assert "run this cell" not in text
        for name in public_names(text) - {"next", "record", "run", "submit"}:
            assert hasattr(walked["study"], name)
    ballot = walked["study"].ballot()
    pair = ballot.next()
    assert {str(wan_nb.run(pair.left_run).video), str(wan_nb.run(pair.right_run).video)} == set(paths)
    ballot.record(pair, "left")
    assert len(ballot.votes) == 1


def test_table_of_runs_shows_what_people_read(walked, capsys) -> None:
    frame = wan_nb.runs()
    shell = walked["get_ipython"]()
    data, _ = shell.display_formatter.format(frame)
    heads = re.findall(r"<th[^>]*>([^<]*)</th>", data["text/html"])
    assert heads == ["", "run_id", *READ]
    assert data["text/html"].count("data:image/jpeg") == 2
    assert len(data["text/html"].encode()) <= 2 * 25_000
    for run_id in frame.index:
        assert run_id[:8] in data["text/html"]
        assert run_id in data["text/plain"]
    first, *lines = data["text/plain"].splitlines()
    assert first.split() == ["run_id", *(name for name in READ if name != "prompt"), "prompt"]
    assert max(map(len, lines)) < 160
    assert f"{frame.shape[1] + 1} columns" in data["text/html"]
    assert "SIMULATED" in data["text/html"]
    result = walked("%wan runs")
    assert list(result.columns) == list(frame.columns)  # the whole of it is the value


def test_part_of_a_table_is_shown_as_it_is(walked) -> None:
    shell = walked["get_ipython"]()
    part, _ = shell.display_formatter.format(wan_nb.runs()[["prompt", "fps"]])
    assert "fps" in part["text/html"]
    assert "rating" not in part["text/html"]
    none, _ = shell.display_formatter.format(wan_nb.runs(study="nobody's").iloc[:0])
    assert "No runs." in none["text/html"]


def test_table_keeps_hostile_words_as_text_and_numbers_that_are_missing_empty(walked) -> None:
    frame = wan_nb.runs()
    frame.loc[frame.index[0], "prompt"] = "<script>alert(1)</script>\n\nx"
    frame.loc[frame.index[0], "rating"] = None
    data, _ = walked["get_ipython"]().display_formatter.format(frame)
    assert "<script" not in data["text/html"]
    assert "\n" not in data["text/html"]
    assert "nan" not in data["text/plain"].lower()
    assert "<NA>" not in data["text/plain"]


def test_written_file_is_a_link_and_stays_a_path(walked, tmp_path) -> None:
    study, run = walked["study"], walked["study"].runs[0]
    written = [
        study.report("walk.html"), study.deliver("walk.zip"), study.movie("walk.mp4"), run.export("cat.mp4"),
        wan_nb.bundle("all.zip"), wan_nb.film([run], "film.mp4"), study.report("walk.csv"),
    ]  # fmt: skip
    for path in written:
        assert isinstance(path, Path)
        assert path == tmp_path / path.name
        data, _ = walked["get_ipython"]().display_formatter.format(path)
        assert re.search(r" \([\d.]+ [kM]B\)", data["text/plain"])
        assert data["text/plain"].startswith(path.name)
        walked["get_ipython"]().kernel = None
        assert type(pickle.loads(pickle.dumps(path))) is type(Path())
        assert repr(path) == repr(Path(path))


def test_written_file_opens_where_the_notebook_serves_it(walked, tmp_path, monkeypatch) -> None:
    from types import SimpleNamespace

    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    shell = walked["get_ipython"]()
    shell.kernel = SimpleNamespace(_allow_stdin=True)
    shell.starting_dir = str(tmp_path)
    (tmp_path / 'a "b".html').write_text("x")
    page = WrittenFile(tmp_path / 'a "b".html')._repr_mimebundle_()["text/html"]
    assert 'href="a%20%22b%22.html"' in page
    assert "<a" not in WrittenFile(tmp_path / "gone.html")._repr_mimebundle_()["text/html"]
    assert "<a" not in WrittenFile("/etc/passwd")._repr_mimebundle_()["text/html"] or tmp_path.parts[:2] == ("/", "etc")


@pytest.mark.front_end(
    "nbclient, papermill, `jupyter execute`",
    "cells wait, outputs are plain HTML without widgets, form and vote say what can be done",
)
@pytest.mark.notebook
def test_batch_makes_no_widget(simulator, photos, tmp_path) -> None:
    import nbformat

    cells = [
        f"import wan_nb; wan_nb.connect({simulator.url!r}, api_key={simulator.key!r}, gap=0.1);",
        "%load_ext wan_nb",
        f"%%wan -f {photos / 'cat.jpg'} -d 2 --seeds 1 --name walk --max-cost 9 --out study\n--- a\na cat\n--- b\nb",
        "wan_nb.form()",
        "study.compare()",
        "study.vote()",
        "%wan form",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, tmp_path / "in.ipynb")
    command = [sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb", "--no-progress-bar"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=250)
    done = nbformat.read(tmp_path / "out.ipynb", 4)
    assert not done.metadata.get("widgets")
    kinds = {kind for cell in done.cells for output in cell.outputs for kind in output.get("data", {})}
    assert kinds == {"text/html", "text/plain"}
    assert "study.ballot()" in str(done.cells[5].outputs)


@pytest.mark.front_end(
    "papermill into another folder; nbconvert to HTML, slides and Markdown (read by a CommonMark library)",
    "one card with its frames and the clip's path; clips play where `wan_runs/` lies beside",
)
@pytest.mark.notebook
def test_notebook_that_is_written_elsewhere_says_where_its_clips_are(simulator, photos, tmp_path) -> None:
    """papermill into another folder, and its output as HTML, slides, Markdown and a book."""
    import nbformat
    from markdown_it import MarkdownIt

    cells = [
        f"import wan_nb; wan_nb.connect({simulator.url!r}, api_key={simulator.key!r}, gap=0.1);",
        f"wan_nb.submit('a cat\\n\\n\\nwalks', first_frame={str(photos / 'cat.jpg')!r}, duration=2).wait()",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (tmp_path / "out").mkdir()
    nbformat.write(book, tmp_path / "in.ipynb")

    def run(*command: str) -> None:
        subprocess.run([sys.executable, "-m", *command], cwd=tmp_path, check=True, capture_output=True, timeout=250)

    run("papermill", "in.ipynb", "out/out.ipynb", "--no-progress-bar")
    (clip,) = (tmp_path / "wan_runs" / "videos").glob("*.mp4")
    shown = nbformat.read(tmp_path / "out" / "out.ipynb", 4).cells[1].outputs[0].data["text/html"]
    assert str(clip).replace(str(Path.home()), "~") in shown
    assert "Does not play?" in shown
    for kind in ("html", "slides", "markdown"):
        run("nbconvert", "--to", kind, "out/out.ipynb")
    blocks = MarkdownIt("commonmark", {"html": True}).parse((tmp_path / "out" / "out.md").read_text())
    assert [block.content.count("<video controls") for block in blocks if block.type == "html_block"] == [1]
    for name in ("out.html", "out.slides.html"):
        page = (tmp_path / "out" / name).read_text()
        assert page.count("<video controls") == 1
        assert "Does not play?" in page
        assert "html-manager" not in page


@pytest.mark.front_end("a book by myst-nb", "the card with its frames")
@pytest.mark.notebook
def test_book_of_myst_nb_has_the_card(simulator, photos, tmp_path) -> None:
    pytest.importorskip("myst_nb", reason="myst-nb is not installed")
    import nbformat

    book = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Clips"),
            nbformat.v4.new_code_cell(
                f"import wan_nb; wan_nb.connect({simulator.url!r}, api_key={simulator.key!r}, gap=0.1)\n"
                f"wan_nb.submit('a cat', first_frame={str(photos / 'cat.jpg')!r}, duration=2).wait()"
            ),
        ]
    )
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, tmp_path / "index.ipynb")
    (tmp_path / "conf.py").write_text(
        "extensions = ['myst_nb']\nnb_execution_mode = 'force'\nnb_execution_timeout = 200\n"
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", ".", "book"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=280)
    page = (tmp_path / "book" / "index.html").read_text()
    assert "<video controls" in page
    assert "Does not play?" in page
    assert "data:image/jpeg" in page  # the strip stands there although the clip was not copied
