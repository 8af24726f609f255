"""Printing: text that the encoding of the standard output can hold."""

from __future__ import annotations

import codecs
import re
import shutil
import sys
from functools import wraps
from typing import Any, TypeVar

from wan_nb.imports import in_marimo

__all__ = ["ask", "printable", "printed", "rewrite", "say", "spelled"]

_T = TypeVar("_T")

_PLAIN = {
    **dict.fromkeys("✓★●", "*"),
    "█": "#",
    "░": "-",
    **dict.fromkeys("✕×✗⊗", "x"),
    **dict.fromkeys("○◔◑⊘☆", "o"),
    **dict.fromkeys("—–−", "-"),
    **dict.fromkeys("“”", '"'),
    **dict.fromkeys("‘’", "'"),
    "≈": "~",
    "→": "->",
    "↓": "v",
    "▶": ">",
    "…": "...",
    "·": "|",
    "⚠": "!",
    "±": "+-",
    "≤": "<=",
    "≥": ">=",
    "\ufffd": "?",
}
"""Our own signs in ASCII."""


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    sign = error.object[error.start]
    return _PLAIN.get(sign) or sign.encode("ascii", "backslashreplace").decode(), error.start + 1


codecs.register_error("wan_nb.terminal", _replaced)


def printable(text: str, stream: Any = None) -> str:
    r"""Text as the standard output, or another stream, writes it: what it cannot is one of our signs, or an escape.

    An ASCII terminal reads ``~ 3.00 x 2 \u732b`` where the text is ``≈ 3.00 × 2 猫``.

    >>> printable("3f9c done, ≈ CNY 3.00") == "3f9c done, ≈ CNY 3.00"  # here
    True
    """
    encoding = getattr(stream or sys.stdout, "encoding", None) or "utf-8"
    try:
        return text.encode(encoding, "wan_nb.terminal").decode(encoding)
    except LookupError:  # an encoding that Python does not know
        return text.encode("ascii", "wan_nb.terminal").decode()


_PYTHON = {
    "show": "wan_nb.run({id})", "again": "wan_nb.again({id})", "cancel": "wan_nb.cancel({id})",
    "rate": "run.rate(4)", "note": "run.note('...')", "tag": "run.tag('...')",
    "untag": "run.untag('...')", "compare": "study.compare()",
    "vote": "study.vote()", "votes": "study.votes()", "rank": "study.ranking()",
    "report": "study.report()", "deliver": "study.deliver()",
    "forget": "wan_nb.session().forget({id})",
}  # fmt: skip
"""What is typed for a verb where that is not ``wan_nb.VERB()``."""

_VERB = re.compile(r"`?(?<!%)%wan (?P<verb>[a-z]+)(?P<id> [0-9a-f]{6,12}\b| ID\b)?(?: --[a-z-]+)*`?")


def spelled(text: str) -> str:
    """Advice with what can be typed here: in marimo, which has no magics, their Python stands for them.

    >>> spelled("`%wan resume` fetches it")  # here
    '`%wan resume` fetches it'
    """
    if "%" not in text or not in_marimo():
        return text

    def python(found: re.Match[str]) -> str:
        named = (found["id"] or "").strip()
        return _PYTHON.get(found["verb"], f"wan_nb.{found['verb']}()").format(id=repr(named) if named else "id")

    text = re.sub(r"%config WanMagics\.(\w+)(?: = \S+)?", r"wan_nb.connect(\1=...)", _VERB.sub(python, text))
    return re.sub(r"(?:\b[Aa] )?`?%%wan`?(?: cell)?", "wan_nb.submit(...)", text)


def printed(cls: type[_T]) -> type[_T]:
    """Decorate a class whose ``repr`` or ``str`` people print."""
    for name in ("__repr__", "__str__"):
        if (method := getattr(cls, name)) is not getattr(object, name):
            setattr(cls, name, _through(method))
    return cls


def _through(method: Any) -> Any:
    @wraps(method)
    def call(self: Any) -> str:
        return printable(method(self))

    return call


def say(text: str) -> None:
    """Print a line for a person."""
    print(printable(spelled(text)))  # noqa: T201  # this and the one below are all


def rewrite(line: str, *, last: bool = False) -> None:
    """Write over the line of a terminal that was written last; where there is none, only the last state is written.

    On the standard error, so that what a program prints stays what it prints.
    """
    stream = sys.stderr
    if stream is None or not (last or stream.isatty()):
        return
    text = printable(spelled(line), stream)
    if stream.isatty():
        columns = shutil.get_terminal_size().columns - 1
        text = f"\r{text[:columns].ljust(columns)}"
    print(text, end="\n" if last else "", file=stream, flush=True)


def ask(question: str) -> str:
    """What a person types after a question."""
    return input(printable(question))
