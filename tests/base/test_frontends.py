"""Which front end this is and what it can do, in real processes where it can be had no other way."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from urllib.parse import unquote

import pytest

import wan_nb
from wan_nb import frontends

pytest_plugins = ["fixtures_shell"]


def test_kernel_that_may_not_ask_is_batch(bare_shell) -> None:
    assert frontends.front_end().name == "embedded"
    bare_shell.kernel = SimpleNamespace(_allow_stdin=False)
    assert frontends.front_end().name == "batch"
    bare_shell.kernel = SimpleNamespace(_allow_stdin=True)
    assert frontends.front_end().name == "notebook"
    bare_shell.kernel = SimpleNamespace()
    assert frontends.front_end().live


def test_folder_of_the_notebook_is_where_the_kernel_began(bare_shell, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    bare_shell.kernel = SimpleNamespace(_allow_stdin=False)
    began = bare_shell.starting_dir
    os.chdir(tmp_path)
    assert str(frontends.notebook_folder()) == began
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "walk.ipynb"))
    assert frontends.notebook_folder() == tmp_path
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "gone" / "walk.ipynb"))
    assert str(frontends.notebook_folder()) == began


NAMED = "from wan_nb.frontends import front_end; print(front_end().name, front_end().waits, front_end().returns)"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ([sys.executable, "-c", NAMED], "python False False"),
        ([sys.executable, "-m", "IPython", "--no-banner", "-c", NAMED], "script True False"),
        ([sys.executable, "-m", "IPython", "--no-banner", "script.py"], "script True False"),
        ([sys.executable, "-m", "IPython", "--no-banner", "--simple-prompt"], "script True False"),
    ],
)
def test_scripts_are_told_from_prompts(command, said, tmp_path) -> None:
    (tmp_path / "script.py").write_text(NAMED)
    done = subprocess.run(
        command, input=NAMED + "\n", env=_environment(tmp_path), text=True, capture_output=True, timeout=120, check=True
    )
    assert said in done.stdout


def _environment(tmp_path, **more: str) -> dict[str, str]:
    root = Path(wan_nb.__file__).parents[1]
    return {
        **os.environ,
        "PYTHONPATH": str(root),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "JPY_SESSION_NAME": "",
        **more,
    }


@pytest.mark.front_end("`ipython script.ipy`", "cells wait; a study needs `--max-cost`")
def test_script_waits_for_its_clips(simulator, photos, tmp_path) -> None:
    (tmp_path / "walk.ipy").write_text(
        f"%load_ext wan_nb\nget_ipython().run_cell_magic('wan', '-f {photos / 'cat.jpg'} -d 2 --out run', 'a cat')\n"
        "print(run.status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "walk.ipy"],
        env=_environment(tmp_path, DASHSCOPE_API_KEY=simulator.key, DASHSCOPE_HTTP_BASE_URL=simulator.url),
        stdin=subprocess.DEVNULL,
        text=True,
        capture_output=True,
        timeout=200,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "SUCCEEDED"


CHDIR = """
import nbformat, sys
from nbclient import NotebookClient
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in sys.stdin.read().split("=====")])
NotebookClient(notebook, timeout=120, resources={"metadata": {"path": "."}}).execute()
nbformat.write(notebook, "out.ipynb")
"""


@pytest.mark.notebook
def test_notebook_that_changes_its_folder_keeps_addresses_log_and_clips(simulator, photos, tmp_path) -> None:
    import nbformat

    project = tmp_path / "My%20Project#1"
    (project / "data").mkdir(parents=True)
    cat = photos / "cat.jpg"
    cells = [
        "%load_ext wan_nb",
        f"%%wan -f {cat} -d 2 --out one\na cat",
        "import os; os.chdir('data')",
        f"%%wan -f {cat} -d 2 --out two\na dog",
        "one",
        "two",
        "%wan connect",
        "import wan_nb; print(len(wan_nb.runs()))",
    ]
    subprocess.run(
        [sys.executable, "-c", CHDIR],
        cwd=project,
        env=_environment(tmp_path, DASHSCOPE_API_KEY=simulator.key, DASHSCOPE_HTTP_BASE_URL=simulator.url),
        input="=====".join(cells),
        text=True,
        timeout=200,
        check=True,
    )
    text = (project / "out.ipynb").read_text(encoding="utf-8")
    addresses = re.findall(r'<video controls[^>]* src=\\"([^"\\]+)\\"', text)
    assert len(addresses) == 4
    for address in addresses:
        assert (project / unquote(address)).is_file()
    assert len(set(addresses)) == 2
    assert nbformat.read(project / "out.ipynb", 4).cells[-1].outputs[0].text == "2\n"
    assert {path.name for path in project.iterdir()} == {"data", "out.ipynb", "wan_runs"}
    assert not [*(project / "data").iterdir()]


# --- a cell that is typed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("%%wan -f cat.jpg", "incomplete"),
        ("%%wan -f cat.jpg\n", "incomplete"),
        ("%%wan -f cat.jpg\na cat walks", "incomplete"),
        ("%%wan -f cat.jpg\na cat walks\n\n", "complete"),
        ("%wan runs", "complete"),
        ("for x in y:", "incomplete"),
    ],
)
def test_extension_changes_nothing_about_what_is_complete(text, said, bare_shell) -> None:
    before = bare_shell.check_complete(text)[0]
    bare_shell.run_line_magic("load_ext", "wan_nb")
    try:
        assert bare_shell.check_complete(text)[0] == before == said
    finally:
        bare_shell.run_line_magic("unload_ext", "wan_nb")


@pytest.mark.front_end("IPython in a terminal", "cells can be typed, and wait")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals")
@pytest.mark.parametrize("prompt", ["simple", "full"])
def test_cell_is_typed_into_a_terminal(prompt, simulator, photos, tmp_path) -> None:
    service = {"DASHSCOPE_API_KEY": simulator.key, "DASHSCOPE_HTTP_BASE_URL": simulator.url}
    terminal = Typed(tmp_path, _environment(tmp_path, **service), simple=prompt == "simple")
    try:
        terminal.until("In [1]:")
        terminal.type("%load_ext wan_nb")
        terminal.until("In [2]:")
        terminal.type(f"%%wan -f {photos / 'cat.jpg'} -d 2 --out run")
        terminal.until("...:")
        terminal.type("a cat walks")
        terminal.type("")
        terminal.type("")
        terminal.until("In [3]:")
        terminal.type("print('status', run.status, repr(run.row.prompt))")
        terminal.until("status SUCCEEDED 'a cat walks'")
        assert simulator.counters()["creates_accepted"] == 1
    finally:
        terminal.end()


@pytest.mark.front_end("jupyter console", "cells wait; form, comparison and vote say what can be done there")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals")
@pytest.mark.notebook
def test_cell_is_typed_into_jupyter_console(simulator, photos, tmp_path) -> None:
    pytest.importorskip("jupyter_console", reason="jupyter-console is not installed")
    service = {"DASHSCOPE_API_KEY": simulator.key, "DASHSCOPE_HTTP_BASE_URL": simulator.url}
    command = [sys.executable, "-m", "jupyter_console", "--no-confirm-exit"]
    environment = {k: v for k, v in _environment(tmp_path, **service).items() if k != "JPY_SESSION_NAME"}
    terminal = Typed(tmp_path, environment, simple=False, command=command)
    try:
        terminal.until("In [1]:")
        # The console misses the end of a first cell that is over before it listens, and would wait for ever.
        heard = "(print('lis' + 'tens'), sleep(0.1)) for _ in iter(lambda: __import__('os').path.exists('heard'), True)"
        terminal.type(f"from time import sleep; _ = [{heard}]")
        terminal.until("listens")
        (tmp_path / "heard").touch()
        terminal.until("In [2]:")
        terminal.type("%load_ext wan_nb")
        terminal.until("In [3]:")
        terminal.type(f"%%wan -f {photos / 'cat.jpg'} -d 2 --out run")
        terminal.until("...:")  # Enter goes on with the cell
        terminal.type("a cat walks")
        terminal.type("")
        terminal.type("")
        terminal.until("In [4]:")
        terminal.type("print('status', run.status, repr(run.row.prompt))")
        terminal.until("status SUCCEEDED 'a cat walks'")  # the cell has waited
        terminal.type("%wan form")
        terminal.until("A form needs a notebook")
        terminal.type("run")
        terminal.until("done")
    finally:
        terminal.end()


class Typed:
    """IPython, or another command, in a pseudo terminal, and somebody who types."""

    def __init__(
        self, folder: Path, environment: dict[str, str], *, simple: bool, command: list[str] | None = None
    ) -> None:
        import pty

        self._master, slave = pty.openpty()
        ipython = [sys.executable, "-m", "IPython", "--no-banner", "--colors=nocolor", "--no-confirm-exit"]
        ipython += ["--simple-prompt"] if simple else []
        self._process = subprocess.Popen(
            command or [*ipython, "--TerminalInteractiveShell.autosuggestions_provider=None"],
            cwd=folder,
            env={**environment, "TERM": "dumb" if simple else "xterm", "COLUMNS": "200", "PROMPT_TOOLKIT_NO_CPR": "1"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self._said = ""

    def type(self, line: str) -> None:
        """A line and Enter."""
        os.write(self._master, line.encode() + b"\r")

    def until(self, words: str, seconds: float = 120.0) -> None:
        """Read until the words come; what came before them is passed over."""
        import select
        import time

        give_up = time.monotonic() + seconds
        while words not in (said := re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._said)):  # without colours
            ready, _, _ = select.select([self._master], [], [], 1.0)
            assert time.monotonic() < give_up, f"waited for {words!r}: {said[-2000:]}"
            if ready:
                self._said += os.read(self._master, 65_536).decode(errors="replace")
        self._said = said
        self._said = self._said.partition(words)[2]

    def end(self) -> None:
        """End the shell that was started."""
        self._process.kill()
        self._process.wait()
        os.close(self._master)


# --- which kernel it is, by what other programs leave of themselves in it


def _kernel(shell, *, asks: bool = True, connection: Path | None = None) -> None:
    app = SimpleNamespace(abs_connection_file=str(connection)) if connection else None
    shell.kernel = SimpleNamespace(_allow_stdin=asks, parent=app)


@pytest.mark.parametrize(
    ("sign", "asks", "name"),
    [
        ({"VOILA_BASE_URL": "/"}, False, "voila"),
        ({"VOILA_BASE_URL": ""}, False, "batch"),
        ({"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}, True, "kaggle"),
        ({"KAGGLE_KERNEL_RUN_TYPE": "Batch"}, False, "batch"),
        ({}, True, "notebook"),
    ],
)
def test_kernels_are_told_by_their_environment(sign, asks, name, bare_shell, monkeypatch) -> None:
    for key, value in sign.items():
        monkeypatch.setenv(key, value)
    _kernel(bare_shell, asks=asks)
    assert frontends.front_end().name == name


@pytest.mark.parametrize(
    ("module", "name"), [("google.colab", "colab"), ("marimo", "marimo"), ("marimo_as_script", "notebook")]
)
def test_kernels_are_told_by_what_is_loaded(module, name, bare_shell, monkeypatch) -> None:
    _kernel(bare_shell)
    loaded, _, script = module.partition("_as_")
    there = ModuleType(loaded)
    there.__spec__ = ModuleSpec(loaded, None)
    there.running_in_notebook = lambda: not script
    monkeypatch.setitem(sys.modules, loaded, there)
    assert frontends.front_end().name == name
    assert frontends.serves(Path("/anywhere")) is (None if script else False)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("jupyter-console", "console"),
        ("jupyter-qtconsole", "console"),
        ("-m jupyter_console", "console"),
        ("jupyter-lab", "notebook"),
        ("spyder/jupyter-lab", "notebook"),
        ("jupyter-lab spyder.ipynb", "notebook"),
    ],
)
def test_consoles_are_told_by_the_program_that_started_the_kernel(command, name, bare_shell, monkeypatch) -> None:
    import psutil

    started = SimpleNamespace(cmdline=lambda: ["/usr/bin/python", *command.replace("jupyter-", "/x/jupyter-").split()])
    monkeypatch.setattr(psutil, "Process", lambda pid: started)
    frontends._program.cache_clear()
    _kernel(bare_shell)
    try:
        assert frontends.front_end().name == name
        assert frontends.front_end().waits is (name == "console")
    finally:
        frontends._program.cache_clear()


# --- where the notebook lies, and what its server reaches


def test_session_without_a_name_is_a_folder(bare_shell, tmp_path, monkeypatch) -> None:
    """As nbclassic tells it."""
    (tmp_path / "classic").mkdir()
    monkeypatch.setenv("JPY_SESSION_NAME", f"{tmp_path / 'classic'}{os.sep}")
    _kernel(bare_shell)
    assert frontends.notebook_folder() == tmp_path / "classic"
    assert frontends.serves(tmp_path / "classic" / "a.mp4") is None


def test_vs_code_names_its_notebook_in_a_variable(bare_shell, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    _kernel(bare_shell)
    bare_shell.user_ns["__vsc_ipynb_file__"] = str(tmp_path / "walk.ipynb")
    assert frontends.notebook_folder() == tmp_path
    bare_shell.user_ns["__vsc_ipynb_file__"] = 7  # somebody's own
    assert frontends.notebook_folder() == Path(bare_shell.starting_dir)


def test_notebook_that_was_moved_reaches_nothing(bare_shell, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "walk.ipynb"))
    _kernel(bare_shell)
    assert frontends.serves(tmp_path / "a.mp4") is False
    (tmp_path / "walk.ipynb").touch()
    assert frontends.serves(tmp_path / "a.mp4") is None


@pytest.mark.parametrize(
    ("told", "reached"),
    [
        ('{"root_dir": "ROOT/nb", "token": "x"}', {"nb/a.mp4": True, "nb/b/c/d/e.mp4": True, "a.mp4": False}),
        ('{"root_dir": "nb"}', {"nb/a.mp4": None}),
        ('{"root_dir": 7}', {"nb/a.mp4": None}),
        ("[]", {"nb/a.mp4": None}),
        ("{", {"nb/a.mp4": None}),
        (None, {"nb/a.mp4": None}),
    ],
)
def test_root_of_the_server_is_asked_of_its_own_file(told, reached, bare_shell, tmp_path, monkeypatch) -> None:
    (tmp_path / "nb").mkdir()
    (tmp_path / "nb" / "walk.ipynb").touch()
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "nb" / "walk.ipynb"))
    monkeypatch.setenv("JPY_PARENT_PID", "4711")
    if told is not None:
        (tmp_path / "jpserver-4711.json").write_text(told.replace("ROOT", str(tmp_path)))
    _kernel(bare_shell, connection=tmp_path / "kernel-1.json")
    assert {name: frontends.serves(tmp_path / name) for name in reached} == reached


def test_pyodide_is_said_in_one_sentence(ip, monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "emscripten")
    with pytest.raises(wan_nb.errors.WanError, match=r"^wan_nb does not run in Pyodide \(JupyterLite\)"):
        ip("%%wan -d 2\na cat")
    with pytest.raises(wan_nb.errors.WanError, match="Pyodide"):
        wan_nb.submit("a cat")
