"""What is printed lives in every terminal: our signs have ASCII beside them, and no text ends a cell."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from edition1 import copied

import wan_nb
from wan_nb import terminal
from wan_nb.errors import Detached, RunFailed, WanError
from wan_nb.terminal import printable, say

SCRIPT = """
import wan_nb
import wan_nb.widgets.plan
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from wan_nb.errors import RunFailed

s = wan_nb.connect("simulator", gap=0.05)
print(wan_nb.doctor(), wan_nb.cost(), s)
print(*wan_nb.doctor(), sep="\\n")
study = s.study(name="walk")
print(study, repr(study), study.ranking(), repr(study.ranking()), study.plan, study.plan.cells[0], study.requests[0])
print(study.ballot(rater="\u732b").next(), study.votes()[:1] and "")
for run in study.runs[:1] + [s.run(row.run_id) for row in s.log.find(study="twice")]:
    print(run, run.row, run._repr_mimebundle_()["text/plain"])
print(study.ranking()._repr_mimebundle_()["text/plain"])
print(wan_nb.widgets.plan.plan_bundle(s.workspace, study.state())["text/plain"])
s.runs(study="walk").wan.play()
wan_nb.board()
error = RunFailed("no \u2248 3 \u00d7 2 \u2014 \u732b", code="Bad", request_id="r", remedy="\u2192 again \u2026")
print(error, repr(error), *error._render_traceback_(), sep="\\n")

shell = TerminalInteractiveShell.instance()
shell.run_line_magic("load_ext", "wan_nb")
for line in ("doctor", "cost", "runs --limit 60", "show walk", "rank walk", "--help", "doctor --help", "show nothing",
             "cost --help"):
    shell.run_cell(f"%wan {line}", store_history=False)
shell.run_cell("%%wan -f cat.jpg --dry-run\\na cat \u2248 \u732b", store_history=False)
shell.run_cell("%%wan -f nowhere\u2248.jpg\\na cat", store_history=False)
shell.run_cell("%%wan -f sky.png -a hush.mp3 -d 2 --seeds 1,2 --dry-run\\n--- calm\\nthe camera", store_history=False)
s.close()
print("the end")
"""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "C"])
def test_prints_and_reprs_live_in_every_terminal(tmp_path: Path, encoding: str) -> None:
    copied(tmp_path)
    (tmp_path / "all.py").write_text(SCRIPT, encoding="utf-8")
    how = {"PYTHONIOENCODING": encoding} if encoding != "C" else {"PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "all.py"],
        cwd=tmp_path,
        env=plain | {"LC_ALL": "C", "IPYTHONDIR": str(tmp_path / "ipython"), **how},
        capture_output=True,
        check=False,
        timeout=240,
    )
    said = done.stdout.decode("ascii" if encoding == "C" else encoding)
    assert done.returncode == 0, said + done.stderr.decode("utf-8", "replace")
    assert said.rstrip().endswith("the end")
    assert "UnicodeEncodeError" not in said + done.stderr.decode("utf-8", "replace")
    assert "\n* disk: " in said
    assert {"cp1252": r"no ~ 3 × 2 — \u732b"}.get(encoding, r"no ~ 3 x 2 - \u732b") in said


def spelt(monkeypatch: pytest.MonkeyPatch, encoding: str | None, text: str) -> str:
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(encoding=encoding))
    return printable(text)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "≈ CNY 3.00 × 2 · 猫"),
        ("UTF-8", "≈ CNY 3.00 × 2 · 猫"),
        (None, "≈ CNY 3.00 × 2 · 猫"),
        ("gbk", "≈ CNY 3.00 × 2 · 猫"),
        ("cp1252", r"~ CNY 3.00 × 2 · \u732b"),
        ("ascii", r"~ CNY 3.00 x 2 | \u732b"),
        ("no such encoding", r"~ CNY 3.00 x 2 | \u732b"),
    ],
)
def test_a_sign_that_is_not_there_has_one_in_its_place(
    monkeypatch: pytest.MonkeyPatch, encoding: str | None, text: str
) -> None:
    assert spelt(monkeypatch, encoding, "≈ CNY 3.00 × 2 · 猫") == text


def test_half_a_character_does_not_end_a_cell_either(capfd: pytest.CaptureFixture[str]) -> None:
    say("a\ud800b")
    print(RunFailed("c\udfffd"), Detached("e\udfff"))
    assert capfd.readouterr().out == "a\\ud800b\nc\\udfffd e\\udfff\n"


def test_without_standard_output_text_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert printable("≈") == "≈"


def test_nobody_else_prints_and_every_repr_goes_through_the_door() -> None:
    """A class with a ``__repr__`` or ``__str__`` of its own is decorated, and ``print`` stands in one place."""
    root = Path(wan_nb.__file__).parent
    for path in root.rglob("*.py"):
        name = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "print"]
        assert not calls or name in {"terminal.py", "simulator/__main__.py"}, name
        for found in (n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)):
            own = {n.name for n in found.body if isinstance(n, ast.FunctionDef)} & {"__repr__", "__str__"}
            decorated = "printed" in {ast.unparse(d) for d in found.decorator_list}
            # These hide a key and hold nothing but ASCII.
            hidden = name in {"api/client.py", "sanitize.py"}
            assert not own or decorated or hidden, f"{name}: {found.name}"


@pytest.mark.parametrize(
    ("magic", "python"),
    [
        ("`%wan resume` fetches it", "wan_nb.resume() fetches it"),
        ("%wan show 3f9c12ab --embed puts it", "wan_nb.run('3f9c12ab') puts it"),
        ("%wan doctor --mend", "wan_nb.doctor()"),
        ("%wan adopt shows what", "wan_nb.adopt() shows what"),
        ("A %%wan cell makes one.", "wan_nb.submit(...) makes one."),
        ("%config WanMagics.budget = 20", "wan_nb.connect(budget=...)"),
        ("100 % of 5 %", "100 % of 5 %"),
    ],
)
def test_where_there_are_no_magics_advice_is_python(magic, python, monkeypatch) -> None:
    assert terminal.spelled(magic) == magic
    monkeypatch.setattr(terminal, "in_marimo", lambda: True)
    assert terminal.spelled(magic) == python
    assert str(WanError("no", remedy=magic)).splitlines()[1] == python


def test_python_of_every_verb_is_there(monkeypatch) -> None:
    from wan_nb.handles.run import Run
    from wan_nb.handles.session import Session
    from wan_nb.handles.study import Study
    from wan_nb.magics.verbs import VERBS

    monkeypatch.setattr(terminal, "in_marimo", lambda: True)
    holders = {"wan_nb": wan_nb, "run": Run, "study": Study, "wan_nb.session()": Session}
    for verb in VERBS:
        holder, _, name = terminal.spelled(f"%wan {verb}").partition("(")[0].rpartition(".")
        if verb == "forget":
            holder, name = "wan_nb.session()", "forget"
        assert hasattr(holders[holder], name), verb
