"""Decorators of public functions: arguments are checked by their names, errors of libraries become ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from inspect import CO_VARARGS, CO_VARKEYWORDS, iscoroutinefunction, isfunction
from typing import TYPE_CHECKING, Any, TypeVar, cast

from wan_nb.arguments import shown
from wan_nb.errors import InvalidOption, WanError, did_you_mean, ours, shortened
from wan_nb.interrupts import ANY_CALL, detaching

if TYPE_CHECKING:
    from types import CodeType

__all__ = ["guard", "guarded"]

_Public = TypeVar("_Public", bound=Callable[..., Any])

_LIBRARIES = frozenset(
    {"PIL", "anyio", "av", "fsspec", "httpcore", "httpx", "pandas", "psycopg", "sqlalchemy", "sqlite3"}
)
"""Packages whose errors are told in our words."""


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _of_kind(name: str) -> Callable[[Any], bool]:
    return lambda value: any(kind.__name__ == name for kind in type(value).__mro__)


_TAKES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(
        ("name", "rater", "criterion", "mode", "base", "field", "text", "currency", "words", "user"), ("a text", _text)
    ),
    "media": ("a text or a folder", lambda value: isinstance(value, str) or hasattr(value, "__fspath__")),
    **dict.fromkeys(("wait", "mend", "measures"), ("True or False", lambda value: isinstance(value, bool))),
    "vary": ("a dict of lists by name", lambda value: isinstance(value, Mapping)),
    "progress": ("a function", callable),
    "session": ("a Session", _of_kind("Session")),
    "row": ("a row of the log", _of_kind("Row")),
}
"""What an argument of a public function is, by its name, which means the same in all of them; None is "not given".

Amounts, whole numbers, lists, runs and what buys are judged by `wan_nb.arguments` where they are used.
"""

_NEEDED = frozenset({"field", "mend", "row", "words"})
"""Those of which None says nothing."""


@contextmanager
def guard() -> Iterator[None]:
    """Let nothing out of a public function but our errors, and those that Python raises for a wrong call.

    Raises
    ------
    WanError
        In place of an error of the system or of a library, which stays its cause.
    Detached
        In place of a bare `KeyboardInterrupt`.
    """
    try:
        with detaching(ANY_CALL):
            yield
    except WanError:
        raise
    except Exception as error:
        foreign = type(error).__module__.partition(".")[0] in _LIBRARIES
        if not (foreign or isinstance(error, OSError | UnicodeError | RecursionError | MemoryError)):
            raise
        raise ours(error, remedy="%wan doctor looks at disk, log and service.") from error


def guarded(what: _Public) -> _Public:
    """Decorate a public function, or a class with its public methods: arguments are checked, errors are ours.

    Raises
    ------
    InvalidOption
        From what is decorated: an argument of a wrong kind.
    """
    if isinstance(what, type):
        for name, member in vars(what).copy().items():
            if name.startswith("_") or iscoroutinefunction(member):
                continue
            if isfunction(member):
                setattr(what, name, guarded(member))
            elif isinstance(member, property) and member.fget is not None:
                setattr(what, name, property(guarded(member.fget), member.fset, doc=member.__doc__))
        return what
    code = what.__code__
    places = code.co_varnames[: code.co_argcount]

    @wraps(what)
    def call(*args: Any, **kwargs: Any) -> Any:
        with guard():
            if len(args) > len(places) and not code.co_flags & CO_VARARGS:
                raise _too_many(code, args)
            for name, value in (*zip(places, args, strict=False), *kwargs.items()):
                if (value is not None or name in _NEEDED) and name in _TAKES and not _TAKES[name][1](value):
                    raise InvalidOption(f"{name} is {_TAKES[name][0]}, not {shown(value)}.", field=name)
            return what(*args, **kwargs)

    return cast("_Public", call)


def _too_many(code: CodeType, args: tuple[Any, ...]) -> InvalidOption:
    """More values than a function takes without their names: a list without brackets, or values without names."""
    places, own = code.co_varnames[: code.co_argcount], code.co_varnames[:1] == ("self",)
    named = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    several = ""
    if places[-1:] and places[-1].endswith("s"):
        several = f"Several {places[-1]} are one list: [a, b]. "
        if all(isinstance(value, str) for value in args[own:]):
            one_list = ", ".join(repr(shortened(value, 20)) for value in args[own : own + 3])
            more = ", ..." if len(args) - own > 3 else ""
            several += did_you_mean([f"{code.co_name}([{one_list}{more}])"]) + " "
    fields = ("first_frame", "duration") if code.co_flags & CO_VARKEYWORDS else ()
    by_name = ", ".join(f"{name}=" for name in (*named[:4], *fields))
    return InvalidOption(
        f"{code.co_name} takes {len(places) - own} value(s) without a name, not {len(args) - own}.",
        remedy=f"{several}{f'Give the others by name: {by_name}.' if by_name else ''}".strip(),
    )
