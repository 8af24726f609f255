"""The command line of simulations in cells: each is kept as soon as it is there, and one that is kept is left alone."""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results"


def run(doc, parts, name, seed, **about):
    """Measure what was asked for, cell by cell.

    Parameters
    ----------
    doc : str
        Of the script.
    parts : dict
        Of each part a function of (sessions, seed, cell), and its cells.
    name : str
        Of the results.
    seed : int
    about
        What the results say of the whole.
    """
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--only", default=",".join(parts))
    parser.add_argument("--cells", default="", help="those whose name holds this")
    parser.add_argument("--anew", action="store_true", help="measure again what is kept")
    parser.add_argument("--to", type=Path, default=RESULTS / f"{name}.json")
    options = parser.parse_args()
    for part in options.only.split(","):
        measure, cells = parts[part]
        for cell in (cell for cell in cells if options.cells in cell):
            before = _kept(options.to).get(part, {}).get(cell, {})
            if before.get("sessions", 0) >= options.sessions and not options.anew:
                continue
            started = time.process_time()
            found = measure(options.sessions, seed, cell) | {"sessions": options.sessions}
            found["cpu_s"] = time.process_time() - started
            kept = _kept(options.to)  # anew: another part may have been measured meanwhile
            kept.setdefault(part, {})[cell] = found
            kept["about"] = about | {"python": platform.python_version(), "numpy": np.__version__}
            options.to.write_text(json.dumps(kept, indent=1, default=lambda v: round(float(v), 4)) + "\n", "utf-8")
            print(part, cell, json.dumps(found, default=lambda v: round(float(v), 3)), flush=True)


def _kept(path):
    return json.loads(path.read_text("utf-8")) if path.exists() else {}
