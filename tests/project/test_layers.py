"""Imports of every kind run one way."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import wan_nb

ROOT = Path(wan_nb.__file__).parent

ROOMS = [
    "sanitize",
    "imports",
    "terminal",
    "errors",
    "version",
    "arguments",
    "paths",
    "interrupts",
    "public_functions",
    "settings",
    "frontends",
    "progress",
    "api",
    "simulator",
    "log",
    "media",
    "grammar",
    "html",
    "engine",
    "studies",
    "widgets",
    "maintenance",
    "reporting",
    "handles",
    "magics",
    "__init__",
]
"""From the ground up; each may know itself and what stands before it."""


def room(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in ROOT.rglob("*.py")
    }


def imports(module: str, paths: dict[str, Path]) -> set[str]:
    """Modules of this package that a file imports, relative to it: at run time, inside functions, for typing only."""
    found = set()
    for node in ast.walk(ast.parse(paths[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "wan_nb":
            inner = node.module.removeprefix("wan_nb").lstrip(".")
            named = {f"{inner}.{alias.name}".strip(".") for alias in node.names}
            found |= {name if name in paths else inner or "__init__" for name in named}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix("wan_nb.") for a in node.names if a.name.startswith("wan_nb.")}
    return found - {module}


def graph() -> dict[str, set[str]]:
    paths = modules()
    return {module: imports(module, paths) for module in paths}


def upward(arrows: dict[str, set[str]]) -> set[str]:
    """Arrows to a room that stands above."""
    return {
        f"{module} -> {target}"
        for module, targets in arrows.items()
        for target in targets
        if module != "__init__" and ROOMS.index(room(target)) > ROOMS.index(room(module))
    }


def circles(arrows: dict[str, set[str]]) -> list[set[str]]:
    """Sets of files of which each leads to each other one."""

    def reached(start: str) -> set[str]:
        seen, ahead = set(), [start]
        while ahead:
            for target in arrows.get(ahead.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    ahead.append(target)
        return seen

    beyond = {module: reached(module) for module in arrows}
    found = {frozenset(b for b in beyond[a] if b in beyond and a in beyond[b]) for a in arrows}
    return sorted((set(circle) for circle in found if circle), key=sorted)


def test_imports_run_one_way() -> None:
    assert sorted(upward(graph())) == []


def test_no_circle_of_files() -> None:
    assert circles(graph()) == []


def test_a_planted_circle_and_a_planted_arrow_are_found() -> None:
    arrows = {**graph(), "api.task": {"api.request"}, "api.request": {"log.row"}, "log.row": {"api.task"}}
    assert {"api.task", "api.request", "log.row"} in circles(arrows)
    assert "api.request -> log.row" in upward(arrows)


def test_simulator_uses_the_catalog_and_nothing_else_of_the_house() -> None:
    """But for what records a service: it is a caller."""
    arrows = graph()
    service = {module for module in arrows if room(module) == "simulator" and ".fidelity" not in module}
    assert not [m for m in service - {"simulator.__main__"} if any(".fidelity" in target for target in arrows[m])]
    used = {target for module in service for target in arrows[module]}
    assert {target for target in used if room(target) != "simulator" and not target.startswith("api.catalog")} <= {
        "api"
    }


def test_httpx_and_fsspec_have_one_door_each() -> None:
    """httpx is loaded by the transport, which everybody else has it from, fsspec by the store that machines share."""
    doors = {"httpx": {"api.transport"}, "fsspec": {"media.shared_store"}}
    users: dict[str, set[str]] = {library: set() for library in doors}
    for module, path in modules().items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        typing = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
        for node in set(ast.walk(tree)) - {part for block in typing for part in ast.walk(block)}:
            named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            named += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for library in doors.keys() & {name.partition(".")[0] for name in named}:
                users[library].add(module)
    assert users == doors


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
