"""Rules that make the next requests go wrong as networks and services do."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from wan_nb.simulator.account.config import checked
from wan_nb.simulator.account.limits import Refusal

__all__ = ["ENDPOINTS", "Fault", "Faults"]

ENDPOINTS = ("create", "get", "list", "cancel", "policy", "upload", "download", "quotas")


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule. What is not given does not happen; several effects of one rule combine.

    Attributes
    ----------
    endpoint : str
        One of `ENDPOINTS`, or ``*``.
    times : int
        How many requests it hits; -1: all.
    skip : int
        Matching requests that pass before the first hit.
    chance : float
        Probability of a hit, 0 to 1, drawn from the simulator's seed.
    task_id : str
        Only requests about this task.
    when : {'before', 'after'}
        Whether the request is processed before its answer goes wrong: ``after`` on create is "accepted, answer lost".
    status, code, message, retry_after
        Answer with this error.
    delay : float
        Seconds before anything else happens; then all goes on.
    processing : float
        Seconds between two interim answers ``102 Processing`` while ``delay`` lasts.
    reset : bool
        Close the connection with a TCP reset instead of answering.
    stall : float
        Seconds without a byte, after ``truncate`` bytes of the answer (default none); then the connection closes.
    truncate : int or float
        Bytes (int), or share (float below 1) of the answer sent before the connection closes early.
    short : bool
        With ``truncate``: Content-Length fits the shorter body, so that only the content is wrong.
    body, content_type
        Answer with this text, status 200 unless ``status`` says otherwise.
    drip : float
        Seconds between two bytes of the answer, its headers included.
    bomb : int
        So many blanks are added to the answer, which comes packed by gzip.
    word : str
        Replaces the task's status word.
    rows : dict
        Merged into each row of the list, as ``patch`` into the answer.
    stamps : {'', 'seconds', 'texts'}
        How the list gives ``gmt_create``, which otherwise is in milliseconds.
    pages : {'', 'repeat', 'missing', 'endless'}
        The list gives its first page whatever is asked for; nothing, with the right total; or ever new tasks.
    patch : dict
        Merged into the JSON answer, key by key; a value of null removes the key.
    fail : dict
        On create: the task is accepted and FAILED at its end with this ``code`` and ``message`` (output moderation).
    """

    endpoint: str
    times: int = 1
    skip: int = 0
    chance: float = 1.0
    task_id: str = ""
    when: Literal["before", "after"] = "before"
    status: int | None = None
    code: str = ""
    message: str = ""
    retry_after: float | None = None
    delay: float = 0.0
    processing: float = 0.0
    reset: bool = False
    stall: float = 0.0
    truncate: float | None = None
    short: bool = False
    body: str | None = None
    content_type: str = "application/json"
    drip: float = 0.0
    bomb: int = 0
    word: str = ""
    rows: dict[str, Any] = field(default_factory=dict)
    stamps: Literal["", "seconds", "texts"] = ""
    pages: Literal["", "repeat", "missing", "endless"] = ""
    patch: dict[str, Any] = field(default_factory=dict)
    fail: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, rule: object) -> Fault:
        """Rule from JSON.

        Raises
        ------
        Refusal
            400 for an unknown endpoint or effect, or a value of the wrong kind.
        """
        try:
            fault = cls(**rule)  # type: ignore[arg-type]
        except TypeError as error:
            raise Refusal(400, "InvalidParameter", f"not a fault: {error}") from None
        if fault.endpoint not in (*ENDPOINTS, "*") or fault.when not in ("before", "after"):
            message = f"endpoint is one of {', '.join(ENDPOINTS)} or *; when is before or after"
            raise Refusal(400, "InvalidParameter", message)
        return checked(fault)

    @property
    def replaces_answer(self) -> bool:
        """Whether the answer itself is replaced, so that nothing needs to be processed first."""
        return self.status is not None or self.body is not None or self.reset or bool(self.stall)

    @property
    def alters_answer(self) -> bool:
        """Whether the right answer is altered."""
        packed = bool(self.drip or self.bomb)
        listed = bool(self.rows or self.stamps or self.pages)
        return self.truncate is not None or packed or listed or bool(self.word) or bool(self.patch)


class Faults:
    """The rules in force, oldest first; the first that matches is used."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)
        self._rules: list[Fault] = []
        self._seen: list[int] = []
        self._hits: list[int] = []

    def add(self, rules: list[Fault]) -> None:
        """Append rules."""
        self._rules += rules
        self._seen += [0] * len(rules)
        self._hits += [0] * len(rules)

    def clear(self) -> None:
        """Forget all rules."""
        self._rules, self._seen, self._hits = [], [], []

    def listing(self) -> list[dict[str, Any]]:
        """Rules with how often they were hit."""
        return [{**asdict(rule), "hits": hits} for rule, hits in zip(self._rules, self._hits, strict=True)]

    def take(self, endpoint: str, task_id: str = "") -> Fault | None:
        """Rule that hits this request, counted; None when it may pass."""
        for index, rule in enumerate(self._rules):
            if rule.endpoint not in (endpoint, "*") or (rule.task_id and rule.task_id != task_id):
                continue
            if 0 <= rule.times <= self._hits[index]:
                continue
            self._seen[index] += 1
            if self._seen[index] <= rule.skip or (rule.chance < 1 and self._random.random() >= rule.chance):
                continue
            self._hits[index] += 1
            return rule
        return None
