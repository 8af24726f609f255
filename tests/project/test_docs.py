"""What the documents say is what the program does: code blocks run, tables are generated, links lead somewhere."""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import pkgutil
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from simulator_control import ROOT
from tools import docs

import wan_nb
from wan_nb import errors
from wan_nb.api import catalog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

README = docs.README.read_text(encoding="utf-8")
TEXTS = {page: page.read_text(encoding="utf-8") for page in docs.PAGES}
"""README first, then the pages of the reference."""

OTHERS = (
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "notebooks/README.md",
    "notebooks/README.zh.md",
    "notebooks/data/README.md",
    "tests/README.md",
)
PAGES = [*docs.PAGES, *(ROOT / name for name in OTHERS)]
BOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

pytest_plugins = ["fixtures_shell"]


# --- generated tables


def test_tables_are_those_of_the_program() -> None:
    everything = "".join(TEXTS.values())
    assert sorted(re.findall(r"<!-- table: (\w+) -->", everything)) == sorted(docs.TABLES)
    assert docs.with_tables(everything) == everything, "python tests/tools/docs.py rewrites them"


def test_a_changed_table_would_be_seen() -> None:
    options = TEXTS[docs.REFERENCE / "options.md"]
    assert docs.with_tables(options.replace("--first-frame IMAGE", "--first-picture IMAGE", 1)) == options


# --- links


def prose(path: Path) -> str:
    if path.suffix == ".ipynb":
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [*PAGES, *BOOKS], ids=lambda path: path.name)
def test_links_between_files_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", prose(path), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)|\b(?:src|srcset)=\"([^\"]+)\"", text)
    lost = [link for link in map("".join, links) if "://" not in link and not (path.parent / link).exists()]
    assert lost == []


def test_every_notebook_and_page_is_in_the_readme() -> None:
    assert set(re.findall(r"\(notebooks/(\w+)\.ipynb\)", README)) == {path.stem for path in BOOKS}
    pages = {path.name for path in docs.REFERENCE.glob("*.md")}
    assert set(re.findall(r"\(notebooks/reference/(\w+\.md)\)", README)) == pages


def test_the_readme_is_read_in_five_minutes() -> None:
    assert len(README.split()) <= 1220, "options, verbs, columns, prices and tables belong into notebooks/reference"
    first = README.partition("## ")[0]
    assert re.findall(r"\*\*(Try it|Teach it|Use your key)\*\*", first) == ["Try it", "Teach it", "Use your key"]


# --- in Chinese


def test_the_chinese_page_has_the_cells_commands_and_notebooks_of_the_english_ones() -> None:
    page = (ROOT / "notebooks/README.zh.md").read_text(encoding="utf-8")
    blocks = BLOCK.findall(page)
    cells = json.loads((ROOT / "notebooks/quickstart.ipynb").read_text(encoding="utf-8"))["cells"]
    written = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert [code for _, language, code in blocks if language == "python"] == written
    commands = [block for block in BLOCK.findall(README) if block[0] == "command: lab"]
    assert [block for block in blocks if block[1] == "bash"] == commands
    row = re.compile(r"^\| \[(\w+)\]\((?:notebooks/)?(\w+\.ipynb)\) \| .* \| (\d+ min) \|$", re.MULTILINE)
    assert row.findall(page) == row.findall(README)
    assert len(row.findall(page)) == len(BOOKS)
    assert "CNY 50" in page


# --- errors

ERRORS = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_names_the_page_that_explains_it(kind: type[BaseException]) -> None:
    page = kind.page  # type: ignore[attr-defined]
    assert docs.REFERENCE / f"{page}.md" in TEXTS
    shown = kind("what happened\nwhat to do")._render_traceback_()  # type: ignore[attr-defined]
    assert shown == [f"{kind.__name__}: what happened", "what to do", f"More in notebooks/reference/{page}.md."]


def test_every_error_that_people_meet_is_explained() -> None:
    table = TEXTS[docs.REFERENCE / "errors.md"]
    roots = {"WanError", "ServiceError"}  # drawn in the module; nothing raises them as they are
    assert (
        set(re.findall(r"`(\w+)`(?=[^|]*\|[^|]*\|[^|]*\|\n)", table)) & set(errors.__all__)
        == set(errors.__all__) - roots
    )


# --- code blocks

BLOCK = re.compile(r"(?:<!-- ([^>\n]*) -->\n)?```(\w+)\n(.*?)\n```", re.DOTALL)


def test_every_block_says_how_it_is_checked() -> None:
    for note, language, code in BLOCK.findall("\n".join(TEXTS.values())):
        kind = note.partition(":")[0]
        if language == "bash":
            assert kind == "command", f".ci/run runs the README's commands by their mark: {code}"
        else:
            # those of a class run in kernels of their own: tests/browser/test_class.py
            assert (language, kind) in {("python", ""), ("python", "not run"), ("python", "class")}, code
    assert [note for note, *_ in BLOCK.findall(README) if note.startswith("command")] == [
        "command: lab", "command: execute", "command: test",
    ]  # fmt: skip


@pytest.mark.timeout(600)
@pytest.mark.examples
def test_blocks_run_in_their_order(wan: Any, simulator: Any, photos: Path) -> None:
    shutil.copytree(photos, "notebooks/data")
    simulator.config(clips="small")  # one is continued, and the service takes no tiny ones
    wan.unattended()
    found = BLOCK.findall("\n".join(TEXTS.values()))
    blocks = [code for note, language, code in found if language == "python" and not note]
    assert len(blocks) >= 10
    for code in blocks:
        wan(code)
        if "cat" in wan:
            simulator.config(clips="tiny")
    runs = wan["runs"]
    assert list(runs.status.unique()) == ["SUCCEEDED"]
    assert len(runs) == 6
    assert wan["run"].row.first_frame == "notebooks/data/cat.jpg"


# --- docstrings


def modules() -> Iterator[str]:
    for found in pkgutil.walk_packages(wan_nb.__path__, "wan_nb."):
        if not found.name.endswith("__main__"):
            yield found.name


@pytest.mark.parametrize("name", list(modules()))
def test_examples_of_docstrings_hold(name: str) -> None:
    """Those that need a service are skipped here; for public names they run below."""
    module = importlib.import_module(name)
    found = doctest.testmod(module, extraglobs={"wan_nb": wan_nb})
    assert found.failed == 0


def public() -> Iterator[tuple[str, Any]]:
    """Every public name, and the public methods of the classes among them that people hold in their hands."""
    for name in wan_nb.__all__:
        thing = getattr(wan_nb, name)
        if not inspect.ismodule(thing):
            yield name, thing
        if name in {"Session", "Run", "Study"}:
            for method, member in inspect.getmembers(thing):
                if not method.startswith("_"):
                    yield f"{name}.{method}", member


PUBLIC = dict(public())


@pytest.mark.parametrize("name", list(PUBLIC))
def test_public_names_are_documented(name: str) -> None:
    thing = PUBLIC[name]
    text = inspect.getdoc(thing) or ""
    summary = text.partition("\n")[0]
    assert summary.endswith((".", "``.", ":")), f"{name}: {summary!r}"
    assert len(summary) <= 120
    if not callable(thing):
        return
    taken = [p for p in inspect.signature(thing).parameters if p not in {"self", "changes", "settings"}]
    if len(taken) > 1 and name not in {"Run", "Study"}:  # nobody makes these by hand
        assert "Parameters\n" in text, f"{name} does not say what {taken} are"
        section = text.partition("Parameters\n")[2]
        missing = [p for p in taken if not re.search(rf"\b{p}\b", section)]
        assert missing == [], f"{name} does not mention {missing}"


@pytest.mark.parametrize("name", ["request", "submit"])
def test_documentation_names_every_field_of_a_request(name: str) -> None:
    text = inspect.getdoc(getattr(wan_nb.Session, name)) or ""
    assert [field.name for field in catalog.FIELDS if not re.search(rf"\b{field.name}\b", text)] == []


@pytest.mark.parametrize("name", ["adopt", "resume", "run", "runs", "study", "submit"])
def test_functions_are_documented_as_the_methods_that_they_call(name: str) -> None:
    function, method = getattr(wan_nb, name), getattr(wan_nb.Session, name)
    assert inspect.getdoc(function) == inspect.getdoc(method)
    assert [*inspect.signature(method).parameters][1:] == [*inspect.signature(function).parameters]


def test_completion_offers_the_public_names_alone() -> None:
    assert {name for name in dir(wan_nb) if not name.startswith("_")} == set(wan_nb.__all__)


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore:.*Jupyter is migrating:DeprecationWarning")
@pytest.mark.examples
def test_examples_of_public_names_run(wan: Any, simulator: Any, photos: Path) -> None:
    """Examples that need a service, each run for its errors: what they print (ids, times, prices) differs each time."""
    shutil.copy(photos / "cat.jpg", "cat.jpg")
    wan.unattended()
    session = wan.magics.notebook.session()
    simulator.config(clips="small")  # the service continues no tiny ones
    run = session.submit("a cat", first_frame="cat.jpg", duration=6).wait()
    simulator.config(clips="tiny")
    prompts = {"calm": "a cat walks", "fast": "a cat dashes"}
    study = session.study(prompts, name="walk", first_frame="cat.jpg", seeds=[1, 2, 3], duration=2).submit().wait()
    names = {"wan_nb": wan_nb, "session": session, "run": run, "study": study}
    seen = 0
    for name, thing in PUBLIC.items():
        home = inspect.getmodule(thing)
        space = {**vars(home or wan_nb), **names}
        for example in doctest.DocTestParser().get_examples(inspect.getdoc(thing) or ""):
            if example.source.startswith(NOT_RUN):
                continue
            try:
                exec(example.source, space)
            except Exception as error:  # the example is what has to be named
                pytest.fail(f"{name}: {example.source.strip()} raised {error!r}")
            seen += 1
    assert seen >= 12


NOT_RUN = ("with wan_nb.Session(", "wan_nb.fresh(", 'wan_nb.connect("simulator")', "wan_nb.cancel(", "session.cancel(")
"""These start a simulator of their own, as the notebooks do; cancel a run that has ended here; or begin a new log."""
