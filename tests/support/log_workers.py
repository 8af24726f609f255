"""What the processes of ``test_log_processes.py`` do. A module of its own, so that a spawned process can import it."""

import os
import warnings
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

from wan_nb.errors import BudgetExceeded
from wan_nb.log.on_disk.posting_process import owner_id
from wan_nb.log.runlog import RunLog


def reserve_and_update(url: str, worker: int, runs: int, shared: int, cap: float, start: Barrier, answer: Any) -> None:
    """Reserve `runs` runs of price 1, the first `shared` of them the same in every process, and carry each on."""
    warnings.simplefilter("error")
    start.wait()
    log = RunLog(url)  # all at once, into a log that does not exist yet
    owner, made, refused = owner_id(), [], 0
    for number in range(runs):
        name = f"shared {number}" if number < shared else f"{worker} {number}"
        intent = {"fingerprint": name, "prompt": name, "model": "m", "cost": 1.0, "currency": "CNY"}
        try:
            row, new = log.reserve(intent, cap=cap, owner=owner)
        except BudgetExceeded:
            refused += 1
            continue
        if new:
            assert log.begin_post(row.run_id, owner=owner) is None
            log.update(row.run_id, "accepted", task_id=f"task {name}", service_status="PENDING")
            log.update(row.run_id, "started", note=str(worker))
            made.append(row.run_id)
    log.close()
    answer.put((worker, made, refused))


def write_for_ever(url: str, pipe: Connection) -> None:
    """Tell each run that is safely in the log, until the process is killed."""
    log = RunLog(url)
    for number in range(1_000_000):
        fingerprint = f"{os.getpid()} {number}"
        row, _ = log.reserve({"fingerprint": fingerprint, "prompt": "x" * 5000, "cost": 1.0, "currency": "CNY"})
        log.update(row.run_id, "accepted", task_id=fingerprint)
        pipe.send(row.run_id)


def stop_inside_a_write(url: str, pipe: Connection) -> None:
    """Write a row, and wait before the commit that never comes."""
    log = RunLog(url)

    def work(c: Any) -> None:
        log._insert(c, {"fingerprint": "half", "created_at": log._now()}, attempt=1)
        pipe.send("inside")
        pipe.recv()

    log._db.write(work)


def fork_and_write(url: str) -> None:
    """Use one log on both sides of a fork; an exit code of 0 tells that both could."""
    log = RunLog(url)
    parent, _ = log.reserve({"fingerprint": "before"})
    child = os.fork()
    log.update(parent.run_id, **({"note": "parent"} if child else {"variant": "child"}))
    log.reserve({"fingerprint": "parent" if child else "child"})
    if child:
        _, code = os.waitpid(child, 0)
        assert code == 0
        assert {row.fingerprint for row in log.find()} == {"before", "parent", "child"}
        log.close()
    else:
        log.close()
        os._exit(0)  # as multiprocessing and joblib end their children
