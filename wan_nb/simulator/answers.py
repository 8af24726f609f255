"""JSON of the read endpoints: one task, a page of tasks, quotas. Pure functions over `Job`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.simulator.account.clock import SERVICE_ZONE, local_text
from wan_nb.simulator.account.limits import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wan_nb.simulator.account.config import Knobs
    from wan_nb.simulator.account.store import Job

__all__ = ["Query", "list_page", "quota_page", "task_answer"]


def task_answer(task_id: str, job: Job | None, link: str) -> dict[str, Any]:
    """``output`` and, after success, ``usage`` of the query of one task. None: the service does not know it."""
    if job is None:
        return {"output": {"task_id": task_id, "task_status": "UNKNOWN"}}
    output: dict[str, Any] = {"task_id": task_id, "task_status": job.status}
    if job.status == "CANCELED":
        return {"output": output}
    output["submit_time"] = local_text(job.submitted)
    if job.scheduled is not None:
        output["scheduled_time"] = local_text(job.scheduled)
    if job.ended is not None:
        output["end_time"] = local_text(job.ended)
    if job.status == "FAILED":
        output |= {"code": job.code, "message": job.message}
    if job.status != "SUCCEEDED":
        return {"output": output}
    output |= {"orig_prompt": job.body["input"].get("prompt") or "", "video_url": link}
    return {"output": output, "usage": job.usage}


@dataclass(frozen=True, slots=True)
class Query:
    """Filters of the list, understood. Times are seconds since the epoch on the service clock."""

    start: float
    end: float
    page_no: int
    page_size: int
    task_id: str
    model_name: str
    status: str

    @classmethod
    def parse(cls, query: Mapping[str, str], *, now: float, largest_page: int) -> Query:
        """Filters from the query string.

        Raises
        ------
        Refusal
            400 for times that are none, or a span of more than a day.
        """
        start, end = (_time(query.get(name, "")) for name in ("start_time", "end_time"))
        span = catalog.LIMITS.list_span
        if start is None:
            # Without an end, the list reaches to tasks that are submitted while it is made.
            end = now + 1.0 if end is None else end
            start = end - span - 1.0
        if end is None:
            end = start + span
        # A time is written in whole seconds, so that its own second is still inside.
        if not 0 <= end - start <= span + 1.0:
            raise Refusal(400, "InvalidParameter", "start_time and end_time must span 24 hours at most.")
        return cls(
            start,
            end + 1.0,
            _whole(query, "page_no", 1),
            min(_whole(query, "page_size", 10), largest_page),
            *(query.get(name, "") for name in ("task_id", "model_name", "status")),
        )

    def matches(self, job: Job) -> bool:
        """Whether a task is asked for."""
        return (
            self.start <= job.submitted < self.end
            and self.task_id in {"", job.task_id}
            and self.model_name in {"", job.model}
            and self.status in {"", job.status}
        )


def _time(text: str) -> float | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=SERVICE_ZONE).timestamp()
    except ValueError:
        raise Refusal(400, "InvalidParameter", "times are written as yyyyMMddHHmmss.") from None


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name) or str(default)
    if not text.isdecimal() or len(text) > 18 or int(text) < 1:
        raise Refusal(400, "InvalidParameter", f"{name} must be a positive integer.")
    return int(text)


def list_page(jobs: Sequence[Job], query: Query) -> dict[str, Any]:
    """One page of the tasks that match, newest first as given: statuses, no results, times in epoch milliseconds."""
    found = [job for job in jobs if query.matches(job)]
    first = (query.page_no - 1) * query.page_size
    return {
        "total": len(found),
        "total_page": -(-len(found) // query.page_size),
        "page_no": query.page_no,
        "page_size": query.page_size,
        "data": [_row(job) for job in found[first : first + query.page_size]],
    }


def _row(job: Job) -> dict[str, Any]:
    times = {"gmt_create": job.submitted, "start_time": job.scheduled, "end_time": job.ended}
    return {
        "api_key_id": job.account,
        "caller_parent_id": job.account,
        "caller_uid": job.account,
        **{name: int(stamp * 1000) for name, stamp in times.items() if stamp is not None},
        "model_name": job.model,
        "region": "cn-beijing",
        "request_id": job.request_id,
        "status": job.status,
        "task_id": job.task_id,
        "user_api_unique_key": f"apikey:v1:aigc:image2video:video-synthesis:{job.model}",
    }


def quota_page(query: Mapping[str, str], knobs: Knobs) -> dict[str, Any]:
    """Account limits per model, as workspace hosts tell them."""
    models = [name for name in catalog.MODELS if query.get("name", "") in name and query.get("model", "") in {"", name}]
    page_no, page_size = _whole(query, "page_no", 1), _whole(query, "page_size", 20)
    limit = {
        "request_limit": knobs.submits_per_second,
        "request_limit_period": 1,
        "usage_limit": None,
        "usage_limit_field": None,
        "usage_limit_period": None,
        "async_user_queue_limit": None,
        "async_user_concurrency_limit": knobs.running,
    }
    shown = models[(page_no - 1) * page_size :][:page_size]
    quotas = [
        {"model": name, "workspace_id": "simulated", "model_limit": limit, "workspace_limit": None} for name in shown
    ]
    return {"output": {"total": len(models), "page_no": page_no, "page_size": page_size, "quotas": quotas}}
