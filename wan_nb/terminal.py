"""Printing: text that the encoding of the standard output can hold."""

from __future__ import annotations

import codecs
import sys
from functools import wraps
from typing import Any, TypeVar

__all__ = ["ask", "printable", "printed", "say"]

_T = TypeVar("_T")

_PLAIN = {
    **dict.fromkeys("✓★●", "*"),
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


def printable(text: str) -> str:
    r"""Text as the standard output can write it: what it cannot is one of our signs in ASCII, or an escape.

    An ASCII terminal reads ``~ 3.00 x 2 \u732b`` where the text is ``≈ 3.00 × 2 猫``.

    >>> printable("3f9c done, ≈ CNY 3.00") == "3f9c done, ≈ CNY 3.00"  # here
    True
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        return text.encode(encoding, "wan_nb.terminal").decode(encoding)
    except LookupError:  # an encoding that Python does not know
        return text.encode("ascii", "wan_nb.terminal").decode()


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
    print(printable(text))  # noqa: T201  # the only one


def ask(question: str) -> str:
    """What a person types after a question."""
    return input(printable(question))
