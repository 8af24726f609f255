"""What the benchmarks share: medians, bars, and results as JSON that `table.py` makes a table from."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Self
from urllib.request import ProxyHandler, Request, build_opener

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).parent / "results"


def row(value: float, bar: float, unit: str, **details: Any) -> dict[str, Any]:
    """One figure and its bar; smaller is better unless ``at_least`` says otherwise."""
    met = value >= bar if details.get("at_least") else value <= bar
    return {**details, "value": round(value, 3), "bar": bar, "unit": unit, "met": met}


def write(name: str, rows: dict[str, dict[str, Any]], **about: Any) -> None:
    """Write ``results/<name>.json`` and print it."""
    about |= {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 1),
    }
    text = json.dumps({"about": about, "rows": rows}, indent=1) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    print(text)
    if missed := [name for name, found in rows.items() if not found["met"]]:
        sys.exit(f"missed: {', '.join(missed)}")


def median(values: list[float]) -> float:
    """Median of at least 5."""
    assert len(values) >= 5
    return statistics.median(values)


class Simulator:
    """A simulator of its own and its control under ``/_simulator/``.

    Attributes
    ----------
    url : str
    """

    def __init__(self, folder: str, **config: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "wan_nb.simulator", "--state", f"{folder}/simulator", "--seed", "7"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout
        self.url = self._process.stdout.readline().decode().strip()
        self.control("config", clips="tiny", **config)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)

    def control(self, what: str, **body: Any) -> Any:
        """Change something where a body is given, else ask."""
        url = self.url.replace("/api/v1", f"/_simulator/{what}")
        data = json.dumps(body).encode() if body else None
        request = Request(url, data, {"Content-Type": "application/json"}, method="POST" if body else "GET")
        with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
            return json.load(answer)
