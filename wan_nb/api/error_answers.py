"""Error answers of the service, turned into exceptions that say what to do."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wan_nb.api.catalog.error_codes import error_rule
from wan_nb.errors import NotAuthorized, Refused, Throttled, Unavailable
from wan_nb.sanitize import number, redact

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
    code = _text(body.get("code"), 100)
    means = code or ("InvalidApiKey" if response.status_code == 401 else "")
    message = _text(body.get("message") or f"HTTP {response.status_code}", 1000)
    return {
        "message": message,
        "code": code,
        "remedy": error_rule(means, message).remedy if means else "",
        "request_id": _text(body.get("request_id"), 100) or None,
        "http_status": response.status_code,
        "retry_after": _retry_after(response),
    }


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    seconds = number(value, -1e18, 1e18)
    if seconds is None:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), 3600.0)


def _text(value: Any, limit: int) -> str:
    return redact(str(value or "")[: 10 * limit])[:limit]
