"""From an answer that says no to the exception that says what to do."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wan_nb.api.codes import error_rule
from wan_nb.api.task import unsigned
from wan_nb.errors import NotAuthorized, Refused, Throttled, Unavailable

if TYPE_CHECKING:
    import httpx

__all__ = ["error_fields", "refusal", "unreachable"]


_XML = {"Code": "code", "Message": "message", "RequestId": "request_id"}
_TAGS = re.compile(r"<(Code|Message|RequestId)>([^<]*)<")


def unreachable(base_url: str, error: Exception, *, retryable: bool = False) -> Unavailable:
    """No connection, or one that broke."""
    return Unavailable(
        f"{urlsplit(base_url).hostname} cannot be reached ({type(error).__name__}).",
        remedy="Check the network and the base URL (%wan doctor).",
        retryable=retryable,
    )


def refusal(response: httpx.Response) -> Refused:
    """A definite no, as the class that says what to do."""
    fields = error_fields(response)
    rule = error_rule(fields["code"], fields["message"])
    if response.status_code == 429:
        return Throttled(**fields, retryable=rule.retry)
    if response.status_code == 401 or rule.kind == "auth":
        return NotAuthorized(**fields)
    return Refused(**fields)


def error_fields(response: httpx.Response) -> dict[str, Any]:
    """Code, message and remedy of an answer; the store answers in XML, proxies in anything."""
    try:
        body = response.json()
        body = body if isinstance(body, dict) else {}
    except (ValueError, RecursionError):
        body = {_XML[tag]: unescape(text) for tag, text in _TAGS.findall(response.text[:10_000])}
    key = response.request.headers.get("Authorization", "").removeprefix("Bearer ")
    code = str(body.get("code") or "")[:100]
    message = unsigned(str(body.get("message") or f"HTTP {response.status_code}"), key)[:1000]
    request_id = body.get("request_id")
    return {
        "message": message,
        "code": code,
        "remedy": error_rule(code, message).remedy if code else "",
        "request_id": str(request_id)[:100] if request_id else None,
        "http_status": response.status_code,
        "retry_after": _retry_after(response),
    }


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    try:
        return min(max(0.0, float(value)), 3600.0)  # in this order nan is 0
    except ValueError:
        pass
    try:
        return min(max((parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds(), 0.0), 3600.0)
    except (ValueError, TypeError, OverflowError):
        return None
