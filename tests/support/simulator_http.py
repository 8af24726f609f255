"""A plain HTTP caller of the simulator, which knows nothing of the product's client or catalog."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
from documented_cases import CREATE, MODEL, body

if TYPE_CHECKING:
    from simulator_control import Simulator


class HttpCaller:
    """Requests of one account."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        # Without TLS, so without loading certificates.
        self.http = httpx.Client(
            base_url=simulator.url, headers=simulator.headers, trust_env=False, verify=False, timeout=30
        )

    def create(self, request: Any = None, **headers: str) -> httpx.Response:
        return self.http.post(CREATE, json=request if request is not None else body(), headers=headers)

    def accepted(self, request: Any = None, **headers: str) -> str:
        answer = self.create(request, **headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["output"]["task_id"])

    def get(self, task_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ended(self, task_id: str) -> dict[str, Any]:
        """The task's last answer; ``/_simulator/`` is asked meanwhile, which has no rate limit."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if next(t for t in self.simulator.tasks() if t["task_id"] == task_id)["status"] not in {
                "PENDING",
                "RUNNING",
            }:
                return self.get(task_id)
            time.sleep(0.01)
        raise AssertionError("the task did not end")

    def upload(self, data: bytes, name: str = "a.jpg", model: str = MODEL) -> str:
        policy = self.policy(model)
        answer = self.send(form(policy, name), data, policy["upload_host"])
        assert answer.status_code == 200, answer.text
        assert answer.content == b""
        return f"oss://{policy['upload_dir']}/{name}"

    def policy(self, model: str = MODEL) -> dict[str, Any]:
        answer = self.http.get("/uploads", params={"action": "getPolicy", "model": model})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def send(self, fields: dict[str, str], data: bytes, host: str) -> httpx.Response:
        return httpx.post(host, data=fields, files={"file": ("a", data)}, trust_env=False, verify=False)


def form(policy: dict[str, Any], name: str) -> dict[str, str]:
    return {
        "OSSAccessKeyId": policy["oss_access_key_id"],
        "Signature": policy["signature"],
        "policy": policy["policy"],
        "x-oss-object-acl": policy["x_oss_object_acl"],
        "x-oss-forbid-overwrite": policy["x_oss_forbid_overwrite"],
        "key": f"{policy['upload_dir']}/{name}",
        "success_action_status": "200",
    }


def shape(value: Any) -> Any:
    """Names and types, without values."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value)
