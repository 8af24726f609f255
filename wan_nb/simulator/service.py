"""What the service does for an account: create, get, list, cancel. HTTP is in `wire`.

::

    PENDING ──▶ RUNNING ──▶ SUCCEEDED
       │           └──────▶ FAILED
       └──▶ CANCELED                    and UNKNOWN for what is older than a day
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wan_nb.simulator.account.limits import Refusal
from wan_nb.simulator.account.materials import keep_data
from wan_nb.simulator.account.state import State
from wan_nb.simulator.account.store import Task
from wan_nb.simulator.answers import Query, list_page, quota_page, task_answer
from wan_nb.simulator.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wan_nb.simulator.account.config import Config
    from wan_nb.simulator.account.faults import Fault

__all__ = ["Service", "account_of"]


def account_of(authorization: str) -> str:
    """Account behind an Authorization header: a digest of the key, which itself is kept nowhere.

    Raises
    ------
    Refusal
        401 without a valid key.
    """
    scheme, _, key = authorization.partition(" ")
    if not authorization.strip() or (scheme == "Bearer" and not key.strip()):
        raise Refusal(401, "InvalidApiKey", "No API-key provided.")
    if scheme != "Bearer" or key != key.strip() or " " in key:
        raise Refusal(401, "InvalidApiKey", "Invalid API-key provided.")
    return hashlib.blake2b(key.encode(), digest_size=8, person=b"wan simulator").hexdigest()


class Service:
    """The service of one state folder.

    Parameters
    ----------
    seed : int, optional
        See `State`.
    """

    def __init__(self, folder: Path, config: Config, seed: int | None = None) -> None:
        self.state = State(folder, config, seed)
        self.schedule = Schedule(self.state)

    def reset(self) -> None:
        """Forget everything, as on a first start."""
        self.schedule.reset()
        self.state.reset()

    def create(self, account: str, body: dict[str, Any], fault: Fault | None = None) -> dict[str, Any]:
        """Accept a body of the right shape. The task is on disk before this returns.

        Raises
        ------
        Refusal
            429 beyond the submit rate.
        """
        state, model, parameters = self.state, body["model"], body.get("parameters") or {}
        self.limit("submits", account, model, state.limits.submits_of(model))
        duration = parameters.get("duration")
        seconds = duration if isinstance(duration, int) and 0 < duration <= 60 else 5
        task = Task(
            task_id=str(uuid.uuid4()),
            request_id=str(uuid.uuid4()),
            account=account,
            model=model,
            body=keep_data(body, state.store),
            submitted=state.clock.now(),
            ready_at=state.clock.real() + state.config.queue_time(state.random),
            run_seconds=state.config.run_time(state.random, seconds, parameters),
            seed=state.random.getrandbits(31),
            fails_with=(fault.fail.get("code", "InternalError.Algo"), fault.fail.get("message", ""))
            if fault and fault.fail
            else None,
        )
        self.schedule.enqueue(state.save(task))
        state.counters.add(account, "creates_accepted")
        return {"request_id": task.request_id, "output": {"task_id": task.task_id, "task_status": "PENDING"}}

    def get(self, account: str, task_id: str, base: str) -> dict[str, Any]:
        """Answer of the query of one task, with links under ``base``. UNKNOWN is an answer, not an error.

        Raises
        ------
        Refusal
            429 beyond the query rate.
        """
        self.limit("queries", account, "", self.state.limits.queries_per_second)
        self.schedule.advance()
        task = self.state.find(account, task_id)
        link = base + self._link(task) if task and task.status == "SUCCEEDED" else ""
        return {"request_id": str(uuid.uuid4()), **task_answer(task_id, task, link)}

    def _link(self, task: Task) -> str:
        limits, now = self.state.limits, self.state.clock.now()
        path = f"/dashscope-result/1d/{task.account}/{task.task_id}.mp4"
        return self.state.bucket.link(path, min(now + limits.link_life, (task.ended or now) + limits.task_life))

    def list(self, account: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Answer of the list, newest first.

        Raises
        ------
        Refusal
            400 for times that are none or span more than a day; 429 beyond the query rate.
        """
        state = self.state
        self.limit("queries", account, "", state.limits.queries_per_second)
        self.schedule.advance()
        now = state.clock.now()
        filters = Query.parse(query, now=now, largest_page=state.limits.page_size)
        known = [
            task
            for task in reversed(state.tasks.values())
            if task.account == account and state.config.list_lag <= now - task.submitted <= state.limits.task_life
        ]
        known.sort(key=lambda task: task.submitted, reverse=True)
        return {"request_id": str(uuid.uuid4()), **list_page(known, filters)}

    def cancel(self, account: str, task_id: str) -> dict[str, Any]:
        """Cancel a task that still waits.

        Raises
        ------
        Refusal
            400 ``UnsupportedOperation`` in any other state; 429 beyond the query rate.
        """
        self.limit("cancels", account, "", self.state.limits.queries_per_second)
        self.schedule.advance()
        task = self.state.find(account, task_id)
        if task is None or task.status != "PENDING":
            message = "Failed to cancel the task, please confirm if the task is in PENDING status."
            raise Refusal(400, "UnsupportedOperation", message)
        self.schedule.dequeue(task)
        self.state.save(replace(task, status="CANCELED", ended=self.state.clock.now()))
        self.state.counters.add(account, "canceled")
        return {"request_id": str(uuid.uuid4())}

    def quotas(self, account: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Limits of the account, per model."""
        self.limit("queries", account, "", self.state.limits.queries_per_second)
        return {"request_id": str(uuid.uuid4()), **quota_page(query, self.state.limits)}

    def policy(self, account: str, query: Mapping[str, str], host: str) -> dict[str, Any]:
        """Permit to upload.

        Raises
        ------
        Refusal
            400 or 404 for another action or no such model; 429 beyond its rate.
        """
        from wan_nb.api import catalog

        model = query.get("model", "")
        if query.get("action") != "getPolicy" or not model:
            raise Refusal(400, "InvalidParameter", "Required parameter missing: action, model.")
        if model not in catalog.MODELS:
            raise Refusal(404, "ModelNotFound", "Model can not be found.")
        self.limit("policies", account, model, self.state.limits.policies_per_second)
        data = self.state.bucket.policy(account, model, host, self.state.limits)
        return {"request_id": str(uuid.uuid4()), "data": data}

    def limit(self, what: str, account: str, model: str, per_second: float) -> None:
        """Count a request against the account's rate; see `RateLimiter.take`."""
        try:
            self.state.rates.take((what, account, model), per_second)
        except Refusal:
            self.state.counters.add(account, "throttled")
            raise
