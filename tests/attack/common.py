"""What the attacks share: waiting for a condition, counting, and what must hold whatever happened.

Not in ``conftest.py``: there are several files of that name, and a child process may find another one first.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

from wan_nb.log.states import Status
from wan_nb.media import clips

if TYPE_CHECKING:
    from collections.abc import Callable

    import wan_nb

FIELDS: dict[str, Any] = {"duration": 2}


def until(true: Callable[[], Any], what: str, seconds: float = 120.0) -> Any:
    """Wait for a condition of another process or thread; what it gave. The deadline is generous: machines are busy."""
    give_up = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < give_up, f"waited {seconds:g} s for {what}"
        time.sleep(0.01)
    return found


def creates(simulator: Any) -> tuple[int, int]:
    """Creates that the service received and accepted."""
    counters = simulator.counters()
    return counters["creates_received"], counters["creates_accepted"]


def assert_whole(session: wan_nb.Session, simulator: Any) -> None:
    """Every clip on disk is, byte for byte, the one that the service made, and nothing else lies there."""
    rows = session.log.find(status=Status.SUCCEEDED)
    for row in rows:
        path = session.video(row)
        assert path is not None, row
        content = path.read_bytes()
        assert hashlib.sha256(content).hexdigest() == row.video_sha256
        assert content == (simulator.state / "clips" / f"{row.task_id}.mp4").read_bytes()
        assert clips.inspect_clip(path).frames > 0
        assert path.with_suffix(".json").exists()
    expected = {f"{row.run_id}{suffix}" for row in rows for suffix in (".mp4", ".json")}
    assert {path.name for path in (session.store.root / "videos").iterdir()} == expected
