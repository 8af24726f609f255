"""The comparison in ``tests/README.md``: one intent under one fault, with `wan_nb` and with the official package.

A script is run; when its fault has passed and it left no clip, the person uses what it printed, and runs it again.

accepted
    Tasks that the service made of the one intent.
billed
    Those that succeeded.
lost
    Billed clips that never came to disk.
duplicated
    Tasks accepted beyond the first.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from common import creates, until
from kernels import ended, start
from rivals import (
    client,
    client_stopped,
    official,
    official_fetch,
    official_stopped,
    ours,
    ours_stopped,
    ours_with_older_log,
    ours_without_log,
)

import wan_nb

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
WHO = ("wan_nb", "dashscope", "dashscope.Client")
EVERY_TIME = WHO[:2]
WRITE = WHO if os.environ.get("WRITE_TABLE") == "1" else tuple(filter(None, [os.environ.get("WRITE_TABLE")]))
"""Whose columns are written anew; the second client of the same package is measured then only."""
TRIES = 3
SNAPSHOT = "wan2.7-i2v-2026-04-25"

ACCEPTED = {"endpoint": "create", "when": "after"}
RESET = {**ACCEPTED, "reset": True}


def listed(**oddity: Any) -> dict[str, Any]:
    """A list that is odd for as long as the fault lasts."""
    return {"endpoint": "list", "times": -1, **oddity}


@dataclass(frozen=True)
class Case:
    """A fault, and how the first script ends: by itself, or by a signal once the service has seen so many requests.

    `also` are more faults at the same time. `late`: the service accepts when the first script has given up. `brief`:
    the seconds that a create of ours may take, which otherwise are 60.
    """

    name: str
    fault: dict[str, Any] | None = None
    kill: signal.Signals | None = None
    at: str = "polls"
    again: bool = False
    also: tuple[dict[str, Any], ...] = ()
    late: bool = False
    brief: float | None = None
    scripts: tuple[Any, Any, Any] = (ours, official, client)


CASES = [
    Case("no fault, the script is run twice", again=True),
    Case("submit accepted, connection reset before the answer", {**ACCEPTED, "reset": True}),
    Case("submit accepted, answered with 500", {**ACCEPTED, "status": 500, "code": "InternalError"}),
    Case("submit accepted, answered with 503", {**ACCEPTED, "status": 503, "code": "ServiceUnavailable"}),
    Case("submit accepted, answered with half an answer", {**ACCEPTED, "body": '{"output": {"task'}),
    Case("submit lost on the way, connection reset", {"endpoint": "create", "reset": True}),
    Case("kill -9 while the submit has no answer", {**ACCEPTED, "stall": 600}, signal.SIGKILL, "creates_accepted"),
    Case("one look answered with 500", {"endpoint": "get", "status": 500, "code": "InternalError"}),
    Case("one look answered with 502 and a page", {"endpoint": "get", "status": 502, "body": "<html>"}),
    Case("one look answered with 429", {"endpoint": "get", "status": 429, "code": "Throttling.RateQuota"}),
    Case("one look reset", {"endpoint": "get", "reset": True}),
    Case("one look answered with half an answer", {"endpoint": "get", "body": '{"output": {"task'}),
    Case("Ctrl-C while waiting", None, signal.SIGINT),
    Case("kill -9 while waiting", None, signal.SIGKILL),
    Case("Ctrl-C before it is sent, the cell again at once", scripts=(ours_stopped, official_stopped, client_stopped)),
    Case(
        "log deleted while it is open, the script is run twice",
        again=True,
        scripts=(ours_without_log, official, client),
    ),
    Case(
        "an older log put into the open one, the script is run twice",
        again=True,
        scripts=(ours_with_older_log, official, client),
    ),
    Case("link answered with 403", {"endpoint": "download", "status": 403, "code": "AccessDenied"}),
    Case("clip cut off in the middle", {"endpoint": "download", "truncate": 0.5}),
    Case(
        "`102 Processing` for longer than a submit may take, then accepted and reset",
        {**RESET, "delay": 3.0, "processing": 0.1},
        late=True,
        brief=1.0,
    ),
    Case("submit accepted, its answer drips", {**ACCEPTED, "drip": 0.02}, brief=1.0),
    Case("submit accepted, no answer until nobody waits any more", {**ACCEPTED, "stall": 3.0}, brief=1.0),
    Case(
        "stopped between intent and sending, then accepted and reset",
        {"endpoint": "upload", "delay": 0.5},
        signal.SIGSTOP,
        "uploads",
        also=(RESET,),
    ),
    Case("accepted and reset, the list names a snapshot", RESET, also=(listed(rows={"model_name": SNAPSHOT}),)),
    Case("accepted and reset, the list names another model", RESET, also=(listed(rows={"model_name": "other"}),)),
    Case("accepted and reset, the list gives seconds", RESET, also=(listed(stamps="seconds"),)),
    Case("accepted and reset, the list gives no times", RESET, also=(listed(rows={"gmt_create": None}),)),
    Case("accepted and reset, the list gives times of 1970", RESET, also=(listed(rows={"gmt_create": 1}),)),
    Case("accepted and reset, a page of the list is missing", RESET, also=(listed(pages="missing"),)),
]


def clips(folder: Path) -> set[str]:
    """Task ids whose clips are on disk."""
    if not (folder / "runs.db").exists():
        return {path.stem for path in folder.glob("*.mp4")}
    with wan_nb.Session("simulator", folder=folder) as session:
        return {row.task_id for row in session.log.find() if session.video(row)}


def calm(simulator: Any) -> None:
    """The fault is over, and every accepted task comes to its end."""
    simulator.clear_faults()
    simulator.config(run=0.05)
    for task in simulator.tasks():
        if task["status"] in {"PENDING", "RUNNING"}:
            with suppress(AssertionError):  # it has ended by itself meanwhile; that all do is waited for below
                simulator.do(task["task_id"], "finish")
    until(lambda: all(t["status"] not in {"PENDING", "RUNNING"} for t in simulator.tasks()), "the tasks to end")


def tried(case: Case, script: Any, simulator: Any, settings: dict[str, Any], cat: str) -> tuple[int, int, int, int]:
    """Accepted, billed, lost and duplicated of one try."""
    folder = Path(settings["folder"])
    simulator.reset()
    if case.kill and case.kill is not signal.SIGSTOP:
        simulator.config(run=3600.0)
    for fault in filter(None, (case.fault, *case.also)):
        simulator.faults(**fault)
    child = start(script, settings, cat, case.brief)
    if case.kill is signal.SIGSTOP:
        until(lambda: simulator.counters()[case.at] >= 1, case.at)
        os.kill(child.pid, case.kill)
        time.sleep(1.0)  # longer than the delay of the request in which it was stopped
        os.kill(child.pid, signal.SIGCONT)
    elif case.kill:
        until(lambda: simulator.counters()[case.at] >= 1, case.at)
        for _ in range(3):
            # Python drops an interrupt that falls into a destructor or a callback of C ("Exception ignored in"); a
            # person presses again, for either program.
            os.kill(child.pid, case.kill)
            child.join(10)
            if child.exitcode is not None:
                break
    ended(child)
    if case.late:
        until(lambda: creates(simulator)[1] >= 1, "the task to be accepted")
    calm(simulator)
    if not clips(folder):
        for printed in folder.glob("*.printed"):
            ended(start(official_fetch, settings, printed.stem))
    if not clips(folder) or case.again:
        ended(start(script, settings, cat, None))
        calm(simulator)
    accepted, billed = creates(simulator)[1], simulator.counters()["succeeded"]
    return accepted, billed, billed - len(clips(folder)), max(accepted - 1, 0)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def stored() -> dict[str, dict[str, list[str]]]:
    """What the README says, by fault and program."""
    head, _, *lines = map(cells, README.read_text("utf-8").partition(BEGIN)[2].partition(END)[0].strip().splitlines())
    who = [column.partition(":")[0] for column in head]
    return {
        name: {w: [v for v, of in zip((name, *line), who, strict=True) if of == w] for w in WHO}
        for name, *line in lines
    }


def write(name: str, who: str, row: list[str]) -> None:
    """Put four cells into the README, in the order of the cases."""
    rows = stored()
    rows.setdefault(name, {})[who] = row
    head = ["fault", "tried", *(f"{who}: {what}" for who in WHO for what in WHAT)]
    told = [
        [c.name, str(TRIES), *(v for w in WHO for v in rows[c.name].get(w) or [""] * 4)]
        for c in CASES
        if c.name in rows
    ]
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *told]
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    README.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}", "utf-8")


WHAT = ("accepted", "billed", "lost", "duplicated")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_table_of_the_readme_agrees(simulator, settings, cat, tmp_path, case) -> None:
    for who, script in zip(WHO, case.scripts, strict=True):
        if who not in (WRITE or EVERY_TIME):
            continue
        sums = [0, 0, 0, 0]
        for number in range(TRIES):
            mine = {**settings, "folder": str(tmp_path / f"{script.__name__}{number}")}
            sums = [a + b for a, b in zip(sums, tried(case, script, simulator, mine, cat), strict=True)]
        if who == "wan_nb":
            assert sums == [TRIES, TRIES, 0, 0], dict(zip(WHAT, sums, strict=True))
        if who in WRITE:
            write(case.name, who, [str(n) for n in sums])
        assert stored()[case.name][who] == [str(n) for n in sums]


def test_the_table_has_these_faults_and_no_others() -> None:
    assert list(stored()) == [case.name for case in CASES]
