"""JSON of the read endpoints: one task, a page of tasks, quotas. Pure functions over `Task`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.simulator.account.clock import SERVICE_ZONE, local_text
from wan_nb.simulator.account.limits import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wan_nb.simulator.account.limits import Limits
    from wan_nb.simulator.account.store import Task

__all__ = ["Query", "list_page", "quota_page", "task_answer"]


def task_answer(task_id: str, task: Task | None, link: str) -> dict[str, Any]:
    """``output`` and, after success, ``usage`` of the query of one task. None: the service does not know it."""
    if task is None:
        return {"output": {"task_id": task_id, "task_status": "UNKNOWN"}}
    output: dict[str, Any] = {"task_id": task_id, "task_status": task.status}
    if task.status == "CANCELED":
        return {"output": output}
    output["submit_time"] = local_text(task.submitted)
    if task.scheduled is not None:
        output["scheduled_time"] = local_text(task.scheduled)
    if task.ended is not None:
        output["end_time"] = local_text(task.ended)
    if task.status == "FAILED":
        output |= {"code": task.code, "message": task.message}
    if task.status != "SUCCEEDED":
        return {"output": output}
    output |= {"orig_prompt": task.body["input"].get("prompt") or "", "video_url": link}
    return {"output": output, "usage": task.usage}


@dataclass(frozen=True, slots=True)
class Query:
    """Filters of the list. Times are seconds since the epoch on the service clock."""

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
            _positive_integer(query, "page_no", 1),
            min(_positive_integer(query, "page_size", 10), largest_page),
            *(query.get(name, "") for name in ("task_id", "model_name", "status")),
        )

    def matches(self, task: Task) -> bool:
        """Whether a task passes the filters."""
        return (
            self.start <= task.submitted < self.end
            and self.task_id in {"", task.task_id}
            and self.model_name in {"", task.model}
            and self.status in {"", task.status}
        )


def _time(text: str) -> float | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=SERVICE_ZONE).timestamp()
    except ValueError:
        raise Refusal(400, "InvalidParameter", "times are written as yyyyMMddHHmmss.") from None


def _positive_integer(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name) or str(default)
    if not text.isdecimal() or len(text) > 18 or int(text) < 1:
        raise Refusal(400, "InvalidParameter", f"{name} must be a positive integer.")
    return int(text)


def list_page(tasks: Sequence[Task], query: Query) -> dict[str, Any]:
    """One page of the tasks that match, newest first as given: statuses, no results, times in epoch milliseconds."""
    found = [task for task in tasks if query.matches(task)]
    first = (query.page_no - 1) * query.page_size
    return {
        "total": len(found),
        "total_page": -(-len(found) // query.page_size),
        "page_no": query.page_no,
        "page_size": query.page_size,
        "data": [_row(task) for task in found[first : first + query.page_size]],
    }


def _row(task: Task) -> dict[str, Any]:
    times = {"gmt_create": task.submitted, "start_time": task.scheduled, "end_time": task.ended}
    return {
        "api_key_id": task.account,
        "caller_parent_id": task.account,
        "caller_uid": task.account,
        **{name: int(stamp * 1000) for name, stamp in times.items() if stamp is not None},
        "model_name": task.model,
        "region": "cn-beijing",
        "request_id": task.request_id,
        "status": task.status,
        "task_id": task.task_id,
        "user_api_unique_key": f"apikey:v1:aigc:image2video:video-synthesis:{task.model}",
    }


def quota_page(query: Mapping[str, str], limits: Limits) -> dict[str, Any]:
    """Account limits per model, as workspace hosts answer."""
    models = [name for name in catalog.MODELS if query.get("name", "") in name and query.get("model", "") in {"", name}]
    page_no, page_size = _positive_integer(query, "page_no", 1), _positive_integer(query, "page_size", 20)
    shown = models[(page_no - 1) * page_size :][:page_size]
    quotas = [
        {"model": name, "workspace_id": "simulated", "model_limit": _limit(name, limits), "workspace_limit": None}
        for name in shown
    ]
    return {"output": {"total": len(models), "page_no": page_no, "page_size": page_size, "quotas": quotas}}


def _limit(model: str, limits: Limits) -> dict[str, Any]:
    return {
        "request_limit": limits.submits_of(model),
        "request_limit_period": 1,
        "usage_limit": None,
        "usage_limit_field": None,
        "usage_limit_period": None,
        "async_user_queue_limit": None,
        "async_user_concurrency_limit": limits.running_of(model),
    }
