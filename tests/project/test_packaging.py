"""What the package says of itself; building and installing it is ``tests/tools/package.py``."""

from __future__ import annotations

import ast
import re
import sys
from typing import TYPE_CHECKING

from simulator_control import ROOT
from tools import package

import wan_nb

if TYPE_CHECKING:
    from pathlib import Path

IMPORTED_AS = {"pillow": "PIL", "ipython": "IPython", "nest-asyncio": "nest_asyncio"}


def foreign(path: Path) -> set[str]:
    """Top-level names of other people's packages that a file imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"wan_nb"}


def declared() -> set[str]:
    names = {re.split(r"[><=\[;]", need)[0].strip() for need in package.PROJECT["dependencies"]}
    return {IMPORTED_AS.get(name, name) for name in names}


def test_everything_imported_is_declared_and_everything_declared_is_imported() -> None:
    used = set().union(*(foreign(path) for path in (ROOT / "wan_nb").rglob("*.py")))
    comes_with = {"traitlets": "ipython", "_typeshed": "mypy"}  # IPython's own settings system; types only
    optional = {"fsspec", "psycopg"}
    behind = {"ipykernel", "ipywidgets"}  # the kernel is run; every widget is one of ipywidgets, through anywidget
    assert used - set(comes_with) - optional == declared() - behind


def test_every_dependency_has_a_lowest_version() -> None:
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", pin) for pin in package.lower_bounds())
    assert len(package.lower_bounds()) == len(package.PROJECT["dependencies"])


def test_typed_and_versioned() -> None:
    assert (ROOT / "wan_nb/py.typed").exists()
    assert re.fullmatch(r"\d+\.\d+\.\d+", wan_nb.__version__)
    assert f"## {wan_nb.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_fast_tests_are_there() -> None:
    assert [name for name in package.FAST if not any((ROOT / "tests").glob(f"*/test_{name}.py"))] == []


def test_binder_opens_the_python_that_is_replayed() -> None:
    environment = (ROOT / "binder/environment.yml").read_text(encoding="utf-8")
    assert "python=3.12" in environment
    assert (ROOT / "binder/start").read_text(encoding="utf-8").rstrip().endswith('exec "$@"')
