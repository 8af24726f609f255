"""A class in one command: as many processes as wanted, forked from one that has everything loaded.

Each has a session, a folder, a name and a clock of its own, on the log, the bucket and the account of all. Standard
input gives the settings as one JSON line; one JSON line each comes back as they end. Thirty Jupyter kernels would take
six gigabytes and a minute of two cores to start; what a kernel does with its session is done here in the same way.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec.core
import psycopg  # noqa: F401  # loaded before the fork
import s3fs  # noqa: F401
import sqlalchemy.dialects.postgresql  # noqa: F401
from shared_worker import hide_the_simulator

import wan_nb
from wan_nb.errors import BudgetExceeded, DownloadFailed, WanError
from wan_nb.log.runlog import RunLog
from wan_nb.media import clips  # noqa: F401


def person(number: int, given: dict) -> dict:
    """What one person does: a clip of their own, the one that all want, and another of their own."""
    RunLog.__init__.__kwdefaults__["now"] = lambda: datetime.now(UTC) + timedelta(seconds=given["clocks"][number])
    place = {name: given[name] for name in ("base_url", "api_key", "log", "media")}
    refused, reused, failed, runs = 0, 0, 0, []

    def patiently(act: Callable[..., Any], *given: Any, **more: Any) -> Any:
        """What has no clip because the keys of the bucket have expired is done once more, as the error says."""
        nonlocal failed
        while True:
            try:
                return act(*given, **more)
            except DownloadFailed:
                failed += 1
                time.sleep(0.2)

    with wan_nb.Session(folder=f"{given['folder']}/{number}", budget={"CNY": 1e6}, **place) as session:
        session.workspace.change(user=f"person {number}")
        hide_the_simulator(session)
        for wish in (f"own {number}", "the one of all", f"another {number}"):
            try:
                run = patiently(session.submit, wish, first_frame=given["picture"], duration=2)
            except BudgetExceeded:
                refused += 1
                continue
            runs.append(run)
            reused += bool(run.reused)
            if number in given["die"]:
                print(json.dumps({"number": number, "died": True}), flush=True)
                os._exit(9)
        for run in runs:
            patiently(run.wait, timeout=150)
        clips_here = [str(run.video) for run in runs if run.video and run.video.exists()]
    return {"number": number, "runs": len(runs), "clips": len(clips_here), "refused": refused, "reused": reused,
            "failed": failed}  # fmt: skip


def main() -> None:
    """Fork them all, let them begin together, and wait for the last."""
    given = json.loads(sys.stdin.readline())
    ready, go = os.pipe()
    children = []
    for number in range(given["people"]):
        if (child := os.fork()) == 0:
            os.close(go)
            os.read(ready, 1)  # ends when the parent closes its side
            try:
                told = person(number, given)
            except WanError as error:
                told = {"number": number, "error": f"{type(error).__name__}: {error}"}
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()
            os._exit(0)
        children.append(child)
    os.close(ready)
    os.close(go)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    assert fsspec.core
    assert Path(wan_nb.__file__)
    main()
