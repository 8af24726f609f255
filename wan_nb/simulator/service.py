"""What the service does for an account: accept, tell, list, cancel. No HTTP here; `server` gives it its wire.

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
from wan_nb.simulator.account.state import World
from wan_nb.simulator.account.store import Job
from wan_nb.simulator.answers import Query, list_page, quota_page, task_answer
from wan_nb.simulator.schedule import Work

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
        401 without a key, or with something that is none.
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
    state : Path
    config : Config
    seed : int, optional
        See `World`.
    """

    def __init__(self, state: Path, config: Config, seed: int | None = None) -> None:
        self.world = World(state, config, seed)
        self.work = Work(self.world)

    def reset(self) -> None:
        """Forget everything, as on a first start."""
        self.work.reset()
        self.world.reset()

    def create(self, account: str, body: dict[str, Any], fault: Fault | None = None) -> dict[str, Any]:
        """Accept a body whose shape was judged. It is on disk before this returns.

        Raises
        ------
        Refusal
            429 beyond the submit rate.
        """
        world, model, parameters = self.world, body["model"], body.get("parameters") or {}
        self.limit("submits", account, model, world.knobs.submits_per_second)
        duration = parameters.get("duration")
        seconds = duration if isinstance(duration, int) and 0 < duration <= 60 else 5
        job = Job(
            task_id=str(uuid.uuid4()),
            request_id=str(uuid.uuid4()),
            account=account,
            model=model,
            body=keep_data(body, world.store),
            submitted=world.clock.now(),
            ready_at=world.clock.real() + world.config.queue_time(world.random),
            run_seconds=world.config.run_time(world.random, seconds, parameters),
            seed=world.random.getrandbits(31),
            doom=(fault.fail.get("code", "InternalError.Algo"), fault.fail.get("message", ""))
            if fault and fault.fail
            else None,
        )
        self.work.enter(world.save(job))
        world.counters.add(account, "creates_accepted")
        return {"request_id": job.request_id, "output": {"task_id": job.task_id, "task_status": "PENDING"}}

    def get(self, account: str, task_id: str, base: str) -> dict[str, Any]:
        """Answer of the query of one task, with links under ``base``. UNKNOWN is an answer, not an error.

        Raises
        ------
        Refusal
            429 beyond the query rate.
        """
        self.limit("queries", account, "", self.world.knobs.queries_per_second)
        self.work.advance()
        job = self.world.find(account, task_id)
        link = base + self._link(job) if job and job.status == "SUCCEEDED" else ""
        return {"request_id": str(uuid.uuid4()), **task_answer(task_id, job, link)}

    def _link(self, job: Job) -> str:
        knobs, now = self.world.knobs, self.world.clock.now()
        path = f"/dashscope-result/1d/{job.account}/{job.task_id}.mp4"
        return self.world.bucket.link(path, min(now + knobs.link_life, (job.ended or now) + knobs.task_life))

    def list(self, account: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Answer of the list, newest first.

        Raises
        ------
        Refusal
            400 for times that are none or span more than a day; 429 beyond the query rate.
        """
        world = self.world
        self.limit("queries", account, "", world.knobs.queries_per_second)
        self.work.advance()
        now = world.clock.now()
        asked = Query.parse(query, now=now, largest_page=world.knobs.page_size)
        known = [
            job
            for job in reversed(world.jobs.values())
            if job.account == account and world.config.list_lag <= now - job.submitted <= world.knobs.task_life
        ]
        known.sort(key=lambda job: job.submitted, reverse=True)
        return {"request_id": str(uuid.uuid4()), **list_page(known, asked)}

    def cancel(self, account: str, task_id: str) -> dict[str, Any]:
        """Cancel a task that still waits.

        Raises
        ------
        Refusal
            400 ``UnsupportedOperation`` in any other state; 429 beyond the query rate.
        """
        self.limit("cancels", account, "", self.world.knobs.queries_per_second)
        self.work.advance()
        job = self.world.find(account, task_id)
        if job is None or job.status != "PENDING":
            message = "Failed to cancel the task, please confirm if the task is in PENDING status."
            raise Refusal(400, "UnsupportedOperation", message)
        self.work.leave(job)
        self.world.save(replace(job, status="CANCELED", ended=self.world.clock.now()))
        self.world.counters.add(account, "canceled")
        return {"request_id": str(uuid.uuid4())}

    def quotas(self, account: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Limits of the account, per model."""
        self.limit("queries", account, "", self.world.knobs.queries_per_second)
        return {"request_id": str(uuid.uuid4()), **quota_page(query, self.world.knobs)}

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
        self.limit("policies", account, model, self.world.knobs.policies_per_second)
        data = self.world.bucket.policy(account, model, host, self.world.knobs)
        return {"request_id": str(uuid.uuid4()), "data": data}

    def limit(self, what: str, account: str, model: str, per_second: float) -> None:
        """Count a request against the account's rate; see `Windows.take`."""
        try:
            self.world.windows.take((what, account, model), per_second)
        except Refusal:
            self.world.counters.add(account, "throttled")
            raise
