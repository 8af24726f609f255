"""Build the package, install it without the source tree, and try it: newest, oldest and every Python that is here.

    python tests/tools/package.py            all of it
    python tests/tools/package.py build smoke lowest pythons

``smoke``: ``pip install wan-nb`` alone gives magics, form and simulator. ``lowest``: the fast tests with the lowest
version that pyproject.toml allows of each dependency. ``pythons``: smoke and the fast tests on every other Python.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")

FAST = (
    "bundle", "cell", "clips", "completion", "compare_ui", "form", "grid", "html", "limiter", "log",
    "log_frame", "magics", "media", "pace", "report", "request", "session", "settle", "show", "study",
    "task", "template", "verbs",
)  # fmt: skip
"""Tests that need neither browser nor other packages, and together less than three minutes."""

SMOKE = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "wan_nb")
heavy = {"pandas", "ipywidgets", "httpx", "pydantic", "sqlalchemy", "av"} & set(sys.modules)
assert not heavy, heavy
shell.run_line_magic("wan", "connect simulator")
from PIL import Image
Image.linear_gradient("L").resize((640, 360)).convert("RGB").save("sky.png")
shell.run_cell_magic("wan", "-f sky.png --duration 2 --wait --out clip", "the sky turns, slow zoom in")
import wan_nb
clip = shell.user_ns["clip"]
assert clip.status == "SUCCEEDED" and clip.video.stat().st_size > 10_000 and clip.row.simulated
assert wan_nb.form().fields and wan_nb.runs().shape[0] == 1
assert "site-packages" in wan_nb.__file__, wan_nb.__file__
print("smoke:", wan_nb.__version__, sys.version.split()[0], clip)
wan_nb.close()
"""


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Run a command, in an environment that knows no key and no source tree."""
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("DASHSCOPE_", "WAN_NB_", "PYTHONPATH", "VIRTUAL_ENV"))
    }
    subprocess.run([*map(str, command)], cwd=cwd, env=clean, check=True)


def interpreter(version: str) -> str | None:
    """A Python of a version: on the path, of pyenv, or of uv."""
    found = shutil.which(f"python{version}")
    candidates = [found, *map(str, sorted(Path.home().glob(f".pyenv/versions/{version}*/bin/python")))]
    for candidate in filter(None, candidates):
        asked = subprocess.run(
            [candidate, "-c", "import sys, venv; print(sys.version_info[:2])"], check=False, capture_output=True
        )
        if asked.stdout.decode().strip() == str(tuple(map(int, version.split(".")))):
            return candidate
    return None


def environment(folder: Path, python: str, *wanted: str | Path) -> Path:
    """A clean virtual environment with packages; its Python."""
    run(python, "-m", "venv", folder)
    inside = folder / "bin" / "python"
    run(inside, "-m", "pip", "install", "-q", *wanted)
    return inside


def build(work: Path) -> Path:
    """Wheel and sdist, and whether everything is in them."""
    source_tree = work / "source"
    run("git", "clone", "-q", ROOT, source_tree)
    run(sys.executable, "-m", "build", "--outdir", work / "dist", source_tree)
    (wheel,) = (work / "dist").glob("*.whl")
    (sdist,) = (work / "dist").glob("*.tar.gz")
    listed = subprocess.run(["git", "ls-files", "wan_nb"], cwd=source_tree, check=True, capture_output=True, text=True)
    source = set(listed.stdout.split())
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    assert source <= packed, f"not in the wheel: {sorted(source - packed)}"
    assert "wan_nb/py.typed" in packed
    assert any(name.endswith((".js", ".css")) for name in packed)
    strangers = {name for name in packed - source if not re.match(r"wan_nb-[\d.]+\.dist-info/", name)}
    assert not strangers, f"in the wheel, but why: {sorted(strangers)}"
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = source | {"README.md", "LICENSE", "notebooks/quickstart.ipynb", "tests/conftest.py", "binder/postBuild"}
    assert wanted <= names, f"not in the sdist: {sorted(wanted - names)}"
    assert not [name for name in names if "wan_runs" in name]
    print(f"build: {wheel.name} {wheel.stat().st_size / 1000:.0f} kB, {sdist.name} {sdist.stat().st_size / 1e6:.1f} MB")
    return wheel


def smoke(work: Path, wheel: Path, python: str, name: str) -> None:
    """Install the wheel alone, and make a clip in a folder that holds nothing."""
    inside = environment(work / f"smoke-{name}", python, wheel)
    empty = work / f"empty-{name}"
    empty.mkdir()
    run(inside, "-W", "ignore", "-c", SMOKE, cwd=empty)


def lower_bounds() -> list[str]:
    """``name==lowest`` of every dependency, the tests' own tools included where they name one."""
    given = PROJECT["dependencies"]
    return [re.sub(r"\[.*?\]", "", need).replace(">=", "==").partition(";")[0].strip() for need in given]


def fast(work: Path, wheel: Path, python: str, name: str, *, lowest: bool = False) -> None:
    """The fast tests, in a copy of the tests without the source tree beside it."""
    tools = ["pytest>=8.2", "pytest-timeout>=2.3", "pytest-xdist>=3.6", "hypothesis>=6.100", "nbclient>=0.10"]
    tools += ["markdown-it-py>=3"]
    pins = lower_bounds() if lowest else []
    inside = environment(work / f"fast-{name}", python, wheel, *tools, *pins)
    place = work / f"tests-{name}"
    for part in ("tests", "notebooks/data"):
        shutil.copytree(work / "source" / part, place / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(work / "source" / "pyproject.toml", place)
    there = {path.name: path for path in place.glob("tests/*/*.py") if path.parent.name != "browser"}
    files = [there[f"test_{one}.py"] for one in FAST]
    # Old releases warn of what newer Pythons will change in them; our own warnings stay errors elsewhere.
    quiet = ["-W", "default"] if lowest else []
    began, used = time.monotonic(), processor()
    marks = "not browser and not notebook and not postgres"
    three = ["-n", "3", "--dist", "worksteal"]
    run(inside, "-m", "pytest", "-q", "-p", "no:cacheprovider", *three, "-m", marks, *quiet, *files, cwd=place)
    print(f"fast tests, {name}: {time.monotonic() - began:.0f} s, of which {processor() - used:.0f} s of one processor")


def processor() -> float:
    """Seconds that the processes begun here have computed: what a busy machine does not change."""
    times = os.times()
    return times.children_user + times.children_system


def main(stages: list[str]) -> None:
    """Do the stages, or all of them."""
    chosen = stages or ["build", "smoke", "lowest", "pythons"]
    with tempfile.TemporaryDirectory(prefix="wan-nb-package-") as scratch:
        work = Path(scratch)
        wheel = build(work)
        if "smoke" in chosen:
            smoke(work, wheel, sys.executable, "this")
        if "lowest" in chosen:
            oldest = interpreter(PYTHONS[0]) or sys.executable
            fast(work, wheel, oldest, "lowest", lowest=True)
        if "pythons" in chosen:
            for version in PYTHONS:
                python = interpreter(version)
                print(f"Python {version}: {python or 'not here'}", flush=True)
                if python and version != "{}.{}".format(*sys.version_info[:2]):
                    smoke(work, wheel, python, version)
                    fast(work, wheel, python, version)


if __name__ == "__main__":
    main(sys.argv[1:])
