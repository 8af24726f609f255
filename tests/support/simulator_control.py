"""The simulator as tests see it: its address and its control under ``/_simulator/``.

Not in ``conftest.py``: there are several files of that name, and which of them an import finds depends on the order in
which the tests were collected.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    import wan_nb

ROOT = Path(__file__).resolve().parents[2]


def configure(session: wan_nb.Session, **changes: Any) -> None:
    """Change the configuration of the simulator that a session has started."""
    url = session.place.base_url.replace("/api/v1", "/_simulator/config")
    httpx.post(url, json=changes, trust_env=False, verify=False).raise_for_status()


@dataclass(frozen=True)
class Simulator:
    """A running simulator and its control under ``/_simulator/``.

    Attributes
    ----------
    url : str
        Base URL, ending in ``/api/v1``.
    key : str
        Any key is right; this one keeps accounts of tests recognisable.
    """

    url: str
    state: Path
    _http: httpx.Client
    key: str = "sk-test"

    @property
    def headers(self) -> dict[str, str]:
        """Headers of a right create."""
        return {"Authorization": f"Bearer {self.key}", "X-DashScope-Async": "enable"}

    def control(self, method: str, what: str, body: Any = None) -> Any:
        """Ask ``/_simulator/``."""
        answer = self._http.request(method, self.url.replace("/api/v1", f"/_simulator/{what}"), json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def faults(self, *rules: dict[str, Any], **rule: Any) -> list[dict[str, Any]]:
        """Add rules, as dicts or one by keywords; the rules in force, with their hits."""
        given = [*rules, *([rule] if rule else [])]
        return self.control("POST", "faults", {"faults": given})["faults"]

    def clear_faults(self) -> None:
        """Drop all faults."""
        self.control("DELETE", "faults")

    def clock(self, shift: float) -> None:
        """Set the service's wall clock ahead by ``shift`` seconds."""
        self.control("POST", "clock", {"shift": shift})

    def config(self, **changes: Any) -> dict[str, Any]:
        """Change the configuration: speed, queue, run, clips, strict, list_lag."""
        return self.control("POST", "config", changes)

    def limits(self, **changes: Any) -> dict[str, Any]:
        """Change account limits and lives."""
        return self.control("POST", "limits", changes)

    def counters(self) -> dict[str, Any]:
        """What was received, accepted, billed."""
        return self.control("GET", "counters")

    def tasks(self) -> list[dict[str, Any]]:
        """Everything about every task, oldest first."""
        return self.control("GET", "tasks")["tasks"]

    def do(self, task_id: str, doing: str, code: str = "", message: str = "") -> dict[str, Any]:
        """``start``, ``finish`` or ``fail`` a task now."""
        return self.control("POST", "tasks", {"task_id": task_id, "do": doing, "code": code, "message": message})

    def reset(self) -> None:
        """Forget everything; tasks then take hardly any time and clips are tiny."""
        self.control("POST", "reset")
        self.config(queue=0.0, run=0.05, clips="tiny")
