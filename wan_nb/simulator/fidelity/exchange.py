"""One request and its answer, as a line of a recording: without keys, links, ids and names of accounts."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from wan_nb.sanitize import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DOCUMENTED", "Answer", "Exchange", "Step", "read", "scrubbed"]

DOCUMENTED = Path(__file__).with_name("documented.jsonl")
"""Exchanges that the documentation gives."""

_PRIVATE = frozenset(
    {"api_key_id", "caller_parent_id", "caller_uid", "oss_access_key_id", "policy", "signature", "upload_dir"}
    | {"workspace_id", "HostId", "BucketName", "OSSAccessKeyId", "StringToSign", "SignatureProvided"}
)
"""Names of what belongs to an account or a bucket."""

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9A-F]{24}\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """A request, with places ``<task NAME>``, ``<link NAME>``, ``<FIELD NAME>`` for what step NAME was answered.

    Attributes
    ----------
    path : str
        Below the base URL, or a place that holds a whole URL.
    key : {'given', 'wrong', 'none'}
        What the Authorization header carries.
    body : dict or None
        Sent as JSON.
    form : dict or None
        Sent as a form with a small picture as its file.
    until : str
        Status of a task; it is asked for again until it has this one, or has ended.
    """

    name: str
    path: str
    method: str = "GET"
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    key: str = "given"
    body: dict[str, Any] | None = None
    form: dict[str, str] | None = None
    until: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes
    ----------
    status : int
        Of HTTP; 0 for a step that was not sent, since an earlier answer lacks what it needs.
    type : str
        Content type without its parameters; empty for an empty body.
    body
        JSON as it is, XML as nested dicts, None for anything else.
    """

    status: int
    type: str
    body: Any = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A step, what the service answered, and where that is known from.

    Attributes
    ----------
    source : str
        A page of the documentation, or the service and day of a recording.
    optional : tuple of str
        Parts of the answer that may be missing or come on top, where sources disagree: ``output.end_time``.
    """

    step: Step
    answer: Answer
    source: str = ""
    optional: tuple[str, ...] = ()

    def line(self) -> str:
        """As a line of a recording, without what is not given."""
        request = {name: value for name, value in asdict(self.step).items() if value not in ("", None, {})}
        written = {"source": self.source, "request": request, "answer": asdict(self.answer)}
        return json.dumps(written | ({"optional": list(self.optional)} if self.optional else {}), ensure_ascii=False)


def read(path: Path) -> list[Exchange]:
    """Exchanges of a recording.

    Raises
    ------
    ValueError
        A line is none; it is named by its number.
    """
    return list(_exchanges(path))


def _exchanges(path: Path) -> Iterator[Exchange]:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
            step, answer = Step(**told["request"]), Answer(**told["answer"])
            yield Exchange(step, answer, str(told.get("source", "")), tuple(told.get("optional", ())))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path.name}, line {number}: no exchange ({type(error).__name__}: {error})") from None


def scrubbed(value: Any, name: str = "") -> Any:
    """A part of an answer with kinds in place of ids, links and what belongs to an account; its shape stays.

    >>> scrubbed({"caller_uid": 12, "video_url": "https://b.example/a.mp4?Expires=1&Signature=x"})
    {'caller_uid': 0, 'video_url': '<link ?Expires&Signature>'}
    """
    if isinstance(value, dict):
        return {key: scrubbed(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return [scrubbed(part, name) for part in value]
    if name in _PRIVATE:
        return "<text>" if isinstance(value, str) else value and 0
    if not isinstance(value, str):
        return value
    if "://" in value and " " not in value:
        names = sorted(key for key, _ in parse_qsl(urlsplit(value).query, keep_blank_values=True))
        return f"<link ?{'&'.join(names)}>" if names else "<link>"
    return redact(_ID.sub("<id>", value))
