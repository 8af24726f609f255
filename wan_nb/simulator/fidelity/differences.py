"""Where an answer differs from a recorded one: status, codes and words, names, types, and how texts are built."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wan_nb.simulator.fidelity.exchange import scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wan_nb.simulator.fidelity.exchange import Answer, Exchange

__all__ = ["differences"]

_WORDS = frozenset({"code", "message", "task_status", "status", "Code", "Message"})
"""Names of what has to be the same word for word."""

_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d.*")
_KIND = re.compile(r"<[a-z]+[^<>]*>")


def differences(recorded: Exchange, answer: Answer) -> list[str]:
    """What of an answer is not as it was recorded, in words; empty when nothing is.

    Values do not count, but for states, codes and messages. ``<text>`` in a recording stands for any text, and an
    integer for any number: the service gives both.
    """
    want, found = recorded.answer, list[str]()
    if not answer.status:
        return ["not sent: an earlier answer lacks what it needs"]
    if want.status != answer.status:
        found.append(f"HTTP {answer.status}, recorded {want.status}")
    if want.type != answer.type:
        found.append(f"content is {answer.type or 'empty'}, recorded {want.type or 'empty'}")
    parts = _compared(want.body, scrubbed(answer.body), "")
    return found + [said for place, said in parts if place not in recorded.optional]


def _compared(want: Any, got: Any, place: str) -> Iterator[tuple[str, str]]:
    if (kinds := (_type(want), _type(got)))[0] != kinds[1]:
        yield place, f"{place or 'body'} is {kinds[1]}, recorded {kinds[0]}"
    elif isinstance(want, dict):
        for name in dict.fromkeys([*want, *got]):
            inner = f"{place}.{name}".lstrip(".")
            if name not in got:
                yield inner, f"{inner} is missing"
            elif name not in want:
                yield inner, f"{inner} is not in the recording"
            else:
                yield from _compared(want[name], got[name], inner)
    elif isinstance(want, list):
        if bool(want) != bool(got):
            yield place, f"{place} has {len(got)} items, recorded {len(want)}"
        elif want:
            yield from _compared(want[0], got[0], f"{place}[]")
    elif isinstance(want, str) and not _alike(want, got, place.rpartition(".")[2]):
        yield place, f"{place} is {got!r}, recorded {want!r}"


_TYPES: tuple[tuple[Any, str], ...] = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "a text"),
    (dict, "an object"),
    (list, "a list"),
)


def _type(value: Any) -> str:
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "null")


def _alike(want: str, got: str, name: str) -> bool:
    if want == "<text>":
        return True
    if _KIND.fullmatch(want) or _KIND.fullmatch(got):
        return want == got
    if _TIME.fullmatch(want):
        return re.sub(r"\d", "0", want) == re.sub(r"\d", "0", got)
    return want == got if name in _WORDS else True
