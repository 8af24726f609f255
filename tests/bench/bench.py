"""What the benchmarks share: medians, bars, and results as JSON that `table.py` makes the README's table from."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from pathlib import Path
from typing import Any

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
