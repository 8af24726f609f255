"""Imports run one way; what reaches the other way does so inside a function, and is listed here."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import wan_nb

ROOT = Path(wan_nb.__file__).parent

ORDER = [
    "sanitize",
    "terminal",
    "errors",
    "arguments",
    "imports",
    "public",
    "paths",
    "settings",
    "frontends",
    "api",
    "place",
    "engine",
    "studies",
    "default",
    "ui",
]
"""Rooms from the ground up; each may import itself and what stands before it."""

UPWARD = {
    ("engine.run", "ui.show"),  # a run shows itself
    ("engine.logbook", "ui.accessor"),  # and a table of runs its clips: df.wan
    ("studies.study", "ui.desk"),  # so does a study
    ("studies.study", "ui.plan"),
    ("studies.ranking", "ui.ranked"),
    ("engine.logbook", "studies.measuring"),
    ("engine.session", "studies.planning"),  # everything the module functions do, a session does
}
"""The only places that reach upward, each inside a function."""


def room(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def imports(path: Path) -> set[str]:
    """Modules of this package that a file imports at run time, relative to it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wan_nb"):
            assert node.level == 0, f"{path}: relative import"
            inner = node.module.removeprefix("wan_nb").lstrip(".")
            found |= {inner} if inner.count(".") else {f"{inner}.{alias.name}".strip(".") for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix("wan_nb.") for a in node.names if a.name.startswith("wan_nb.")}
    return found - {"__version__"}


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in ROOT.rglob("*.py")
    }


def test_imports_run_one_way() -> None:
    wrong = []
    for module, path in modules().items():
        if module == "__init__" or room(module) == "simulator":
            continue
        for target in imports(path):
            if room(target) == "simulator":
                # The one way in: a place is asked for by name, and the simulator is started by a child process.
                allowed = (module, target) == ("place", "simulator.launch")
            else:
                upward = ORDER.index(room(target)) > ORDER.index(room(module))
                allowed = not upward or any(module == a and target.startswith(b) for a, b in UPWARD)
            if not allowed:
                wrong.append(f"{module} -> {target}")
    assert not wrong, wrong


def test_simulator_uses_the_catalog_and_nothing_else_of_the_house() -> None:
    used = {
        target
        for module, path in modules().items()
        if room(module) == "simulator"
        for target in imports(path)
        if room(target) != "simulator"
    }
    assert {target for target in used if not target.startswith("api.catalog")} <= {"api"}


def test_public_names_survive_the_import_of_every_module() -> None:
    for found in pkgutil.walk_packages(wan_nb.__path__, "wan_nb."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    modules_by_name = [name for name in wan_nb.__all__ if type(getattr(wan_nb, name)).__name__ == "module"]
    assert modules_by_name == ["errors"]


def test_public_names_are_sorted_and_there() -> None:
    assert wan_nb.__all__ == sorted(set(wan_nb.__all__))
    for name in wan_nb.__all__:
        assert (getattr(wan_nb, name).__doc__ or "").strip(), name


def test_what_type_checkers_read_is_what_is_loaded() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    told = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module.startswith("wan_nb.")
        for alias in node.names
    }
    assert told == wan_nb._HOMES
    assert set(wan_nb.__all__) == {*told, "errors", "load_ipython_extension", "unload_ipython_extension"}


def test_only_settings_reads_the_environment() -> None:
    readers = {
        module
        for module, path in modules().items()
        if "os.environ" in path.read_text(encoding="utf-8") or "getenv" in path.read_text(encoding="utf-8")
    }
    assert readers - {"settings"} == set()
