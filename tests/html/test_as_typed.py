"""Text is shown as typed: no host's typesetting, no name that is lost, and code that works when it is run."""

from __future__ import annotations

import ast
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

import wan_nb
from wan_nb.grammar.cell import Cell
from wan_nb.html import text
from wan_nb.widgets.form.form_draft import Draft
from wan_nb.widgets.plan import plan_bundle

pytest_plugins = ["fixtures_shell"]

PROMPT = r"from $5 to $10, \(\href{https://example.org/x}{x}\), $$y$$ &amp; <b>_it_ *b* 👨‍👩‍👧 חתול"
LONG = "calm" + "n" * 92
CLASSES = {"tex2jax_ignore", "mathjax_ignore"}


@pytest.fixture
def cat(photos):
    return photos / "cat.jpg"


class Typeset(HTMLParser):
    """Collects the text that MathJax of any version would look at."""

    VOID = frozenset({"img", "br", "input", "meta", "link", "hr", "wbr", "source"})
    SKIPPED = frozenset({"script", "noscript", "style", "textarea", "pre", "code", "title"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[bool] = []
        self.seen = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        names = set((dict(attrs).get("class") or "").split())
        if tag not in self.VOID:
            self.open.append(tag in self.SKIPPED or names >= CLASSES)

    def handle_endtag(self, tag):
        if tag not in self.VOID and self.open:
            self.open.pop()

    def handle_data(self, data):
        if not any(self.open):
            self.seen += data


def bundles(session, cat):
    run = session.submit(PROMPT, first_frame=cat, duration=2).wait()
    study = session.study({f"{LONG}{n}": f"{PROMPT} {n}" for n in "ab"}, name=PROMPT, first_frame=cat, duration=2)
    yield "plan", plan_bundle(session.workspace, study.state())
    study.submit().wait()
    yield "card", run._repr_mimebundle_()
    from wan_nb.widgets.output.static_outputs import runs_bundle

    yield "board", runs_bundle(session.workspace, study.rows(), title=study.name)
    yield "no runs", runs_bundle(session.workspace, [])
    yield "compare", study.compare().static_bundle()
    yield "vote", study.vote().static_bundle()
    yield "ranking, no vote", study.ranking()._repr_mimebundle_()
    sitting = study.ballot(rater="Ada")
    sitting.record(sitting.next(), "left")
    yield "ranking", study.ranking()._repr_mimebundle_()


def test_no_page_typesets_what_a_notebook_has_stored(session, cat):
    import nbformat
    from nbconvert import HTMLExporter

    exporter = HTMLExporter()
    control = nbformat.v4.new_output("display_data", {"text/html": "<p>a control: $x$</p>"})
    for name, bundle in bundles(session, cat):
        if name != "no runs":
            assert LONG in bundle["text/html"] or name in {"card", "vote", "ranking, no vote"}, name
        cell = nbformat.v4.new_code_cell(
            "wan", outputs=[nbformat.v4.new_output("display_data", bundle), control], execution_count=1
        )
        page, _ = exporter.from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
        assert "mathjax" in page.lower()
        looked_at = Typeset(page).seen
        assert "a control: $x$" in looked_at
        assert "$5" not in looked_at, name
        assert r"\href" not in looked_at, name


def test_every_widget_and_its_place_are_shown_as_typed(session):
    from wan_nb.handles.default import form

    widget = form(session=session)
    assert set(widget._dom_classes) == CLASSES
    widget.in_html = True
    static = text.bundle("static", "static")
    for html in (widget.bundle(static)["text/html"], widget.leave(static, beneath=True)["text/html"]):
        assert set(re.search(rf'class="({widget.place}[^"]*)"', html)[1].split()) >= CLASSES
    widget.close()


def test_html_reaches_a_notebook_through_one_function():
    """A bundle that another file makes by hand would be typeset."""
    made = re.compile(r"""["']text/html["']\s*:""")
    found = {
        str(path.relative_to(Path(wan_nb.__file__).parent))
        for path in Path(wan_nb.__file__).parent.rglob("*.py")
        if made.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"html/text.py", "widgets/base.py"}


def test_a_long_name_hides_neither_study_nor_variant():
    row = SimpleNamespace(study="s" * 100, variant="v" * 100, prompt="", run_id="0" * 32)
    assert text.label(row) == "s" * 100 + " · " + "v" * 100
    short = text.label(row, 60)
    assert len(short) <= 60
    assert short.startswith("s" * 19 + "… · " + "v" * 30)
    row.variant = "fast"
    assert text.label(row, 60).endswith("… · fast")
    row.study, row.variant, row.prompt = None, None, "a cat " * 100
    assert len(text.label(row)) == 80


@pytest.mark.parametrize(
    "name",
    ["a\u202egpj.jpg", "zero\u200bwidth.jpg", "👨\u200d👩\u200d👧.jpg", "rtl\u200fmark.jpg", "soft\xadhyphen.jpg",
     "two\nlines.jpg", "bell\x07.jpg", "tag\U000e0041.jpg", "\udcff latin.jpg"],
    ids=ascii,
)  # fmt: skip
def test_code_with_a_name_that_is_not_seen_works_when_it_is_run(session, cat, tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(cat.read_bytes())
    monkeypatch.chdir(tmp_path)
    draft = Draft(session.workspace, {"prompt": "a cat walks", "first_frame": name, "duration": 2})
    assert draft.check()["ready"]
    for language, code in draft.code().items():
        assert all(sign.isprintable() or sign in "\n\u200c\u200d" for sign in code), language
        call = ast.parse(code).body[0].value
        given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
        assert Path(given["first_frame"]) == Path(name), language
        assert session.request(call.args[0].value, **given).first_frame.path.samefile(tmp_path / name)
    # Of a study there is no cell then, and the Python says it.
    draft.set("prompt", "a cat walks\n---\na cat runs")
    prompts, fields = draft.study()
    code = draft.code(session.study(prompts, **fields).state())
    assert list(code) == ["Python"]
    calls = [node for node in ast.walk(ast.parse(code["Python"])) if isinstance(node, ast.Call)]
    named = {key.arg: key.value for call in calls for key in call.keywords}
    assert Path(ast.literal_eval(named["first_frame"])) == Path(name)


def test_a_name_in_quotes_is_that_name(session, cat, tmp_path, monkeypatch):
    name = "'cat.jpg'"
    (tmp_path / name).write_bytes(cat.read_bytes())
    monkeypatch.chdir(tmp_path)
    draft = Draft(session.workspace, {"prompt": "a cat", "duration": 2})
    draft.give("first_frame", Path(name))
    line, _, body = draft.code()["%%wan"].partition("\n")
    assert Cell.parse(line.removeprefix("%%wan"), body).fields["first_frame"] == name


def test_a_table_of_runs_is_not_typeset_and_other_tables_are_as_they_were(session, cat, bare_shell) -> None:
    session.submit(PROMPT, first_frame=cat, duration=2).wait()
    page = bare_shell.display_formatter.formatters["text/html"]
    runs = session.runs()
    for ours in (runs, runs.head(), runs[["prompt", "status"]], runs[runs.status == "SUCCEEDED"]):
        assert "$5 to $10" in page(ours)
        assert "$5" not in Typeset(page(ours)).seen
    foreign = pd.DataFrame({"formula": ["$5$"]})
    assert page(foreign) == foreign._repr_html_()
    assert "$5$" in Typeset(page(foreign)).seen


def test_who_has_shown_tables_before_still_shows_them(session, bare_shell) -> None:
    page = bare_shell.display_formatter.formatters["text/html"]
    page.for_type(pd.DataFrame, lambda frame: f"<b>{len(frame)}</b>")
    session.runs()
    session.runs()
    assert page(pd.DataFrame({"a": [1, 2]})) == "<b>2</b>"
    assert page(session.runs()[["status", "cost"]]) == "<b>0</b>", "a part of a table; a whole one is shown as ours"
