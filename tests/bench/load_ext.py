"""What ``%load_ext wan_nb`` costs on top of a started IPython, in CPU time.

    python tests/bench/load_ext.py          about half a minute; writes results/load_ext.json and prints it

Each round is a fresh process; the first one, which fills caches, does not count. CPU time of the process, not wall
time, so that other work on the machine disturbs little.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 15
BAR_MS = 40.0

CODE = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.find_line_magic("load_ext")
began = time.process_time()
shell.run_line_magic("load_ext", "wan_nb")
print(1000 * (time.process_time() - began))
"""


def main() -> None:
    """Measure, write, print."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": home}
        run = lambda: float(  # noqa: E731
            subprocess.run([sys.executable, "-c", CODE], cwd=home, env=env, check=True, capture_output=True).stdout
        )
        run()
        times = sorted(run() for _ in range(ROUNDS))
    found = {
        "cpu_ms_median": round(statistics.median(times), 2),
        "cpu_ms_worst": round(times[-1], 2),
        "bar_ms": BAR_MS,
        "rounds": ROUNDS,
        "python": ".".join(map(str, sys.version_info[:3])),
    }
    (Path(__file__).parent / "results" / "load_ext.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))
    if found["cpu_ms_median"] > BAR_MS:
        sys.exit("slower than the bar")


if __name__ == "__main__":
    main()
