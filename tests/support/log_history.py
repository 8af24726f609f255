"""A log with a past: as many runs as wanted, written past `RunLog`, for what is measured at size."""

import json
import random
import secrets
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from wan_nb.log.runlog import RunLog
from wan_nb.log.schema import micros

NOW = datetime.now(UTC)
SPAN = timedelta(days=730)
STUDY = 100
PROMPT = "a cat walks slowly towards the camera, late light, a handheld camera follows, dust in the air; "


def past(rows: int) -> Iterator[dict[str, Any]]:
    """Runs that ended long ago, the oldest first, evenly over two years up to two days ago."""
    rng = random.Random(rows)
    first, step = micros(NOW - SPAN), micros(datetime(1970, 1, 1, tzinfo=UTC) + (SPAN - timedelta(days=2)) / rows)
    for number in range(rows):
        created, run_s = first + number * step, rng.lognormvariate(4.5, 0.35)
        failed = rng.random() < 0.1
        prompt = PROMPT * rng.randint(1, 5)
        yield {
            "run_id": secrets.token_hex(6), "fingerprint": secrets.token_hex(32), "attempt": 1,
            "status": "FAILED" if failed else "SUCCEEDED", "service_status": "FAILED" if failed else "SUCCEEDED",
            "simulated": 0, "created_at": created, "posted_at": created + 1000, "submitted_at": created + 2000,
            "started_at": created + 3000, "ended_at": created + int(run_s * 1e6), "queue_s": 3.0,
            "run_s": None if failed else run_s, "billed_s": 5.0, "cost": 0.0 if failed else 3.0, "currency": "CNY",
            "study": f"study {number // STUDY}", "variant": "AB"[number % 2], "block": "b", "model": "wan2.7-i2v",
            "resolution": "720P", "duration": 5, "seed": number % 50, "prompt_extend": 0, "watermark": 0,
            "task_id": secrets.token_hex(16), "request_id": secrets.token_hex(16), "service": "beijing",
            "width": 1280, "height": 720, "fps": 24.0, "has_audio": 1, "bytes": 3_000_000,
            "video_sha256": secrets.token_hex(32), "video": f"videos/{number}.mp4", "version": "0.1.0",
            "first_frame": "cat.png", "tags": "keep, bright" if number % 3 else None, "prompt": prompt,
            "request": json.dumps({"input": {"prompt": prompt}, "media": {"first_frame": secrets.token_hex(32)}}),
        }  # fmt: skip


def log_of(rows: int, folder: Path) -> RunLog:
    """Make a log that holds so many runs."""
    path = folder / f"{secrets.token_hex(4)}.db"
    log = RunLog(f"sqlite:///{path}")
    names = list(next(past(1)))
    values = ", ".join(f":{name}" for name in names)
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous=OFF")
    database.execute("PRAGMA cache_size=-1000000")
    with database:
        database.executemany(f"INSERT INTO runs ({', '.join(names)}) VALUES ({values})", past(rows))
        database.execute(
            "INSERT INTO members (study, run_id, variant, block, created_at)"
            " SELECT study, run_id, variant, block, created_at FROM runs"
        )
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    assert log.count() == rows
    return log
