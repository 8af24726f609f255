"""What can go wrong, by what you do about it.

::

    WanError                          every error of this package
    ├── InvalidRequest (ValueError)   a documented limit is broken; nothing was sent, nothing is billed
    │   ├── InvalidMedia              a frame, an audio or a clip: missing, wrong format, too large ...
    │   └── InvalidOption             an option of a magic or a template placeholder
    ├── BudgetExceeded                the cap of the log or of this call would be passed; nothing was sent
    ├── ServiceError                  the service said no, or said nothing
    │   ├── Refused                   a definite no to a submit or a cancel: not accepted, not billed
    │   │   ├── NotAuthorized         key, workspace, region or bill
    │   │   └── Throttled             too fast: may be sent again after a pause
    │   ├── Unavailable               5xx, no connection, no answer in time: the same read may be tried again
    │   └── OutcomeUnknown            a submit whose answer never came: it may have been accepted and billed
    ├── RunFailed                     the task ended without a clip; not billed
    │   ├── RunCanceled
    │   └── RunExpired                the service has forgotten the task (24 h)
    ├── DownloadFailed                the clip is made and paid but not yet on disk; resume fetches it
    ├── FileError (OSError)           the system did not let a file or folder be read or written
    ├── WaitTimeout (TimeoutError)    waiting took longer than asked; the task goes on
    └── LogError                      the run log cannot be opened, or is newer than this package
        └── NotFound (LookupError)    no such run or study in this log

``Detached`` is a `KeyboardInterrupt`, so that an interrupted cell stops as usual; its text says how to come back.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from wan_nb.sanitize import harmless, redact, said
from wan_nb.terminal import printed, spelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "BudgetExceeded",
    "Detached",
    "DownloadFailed",
    "FileError",
    "InvalidMedia",
    "InvalidOption",
    "InvalidRequest",
    "LogError",
    "NotAuthorized",
    "NotFound",
    "OutcomeUnknown",
    "Refused",
    "RunCanceled",
    "RunExpired",
    "RunFailed",
    "ServiceError",
    "Throttled",
    "Unavailable",
    "WaitTimeout",
    "WanError",
]


_LONGEST = 300
"""Characters of a message: it may repeat what it was given, and is saved with the notebook. `arguments.shown` shortens
what is repeated; this holds for what nobody thought of."""

_LONGEST_REMEDY = 1000


class _Short:
    """One to three lines in a notebook instead of a traceback; the class stays catchable.

    IPython asks the exception itself how to show it through ``_render_traceback_``, which is the only way that is
    short, halts Run-All and still leaves an ``error`` output in the notebook (measured with nbclient and papermill).
    """

    page: ClassVar[str] = "errors"
    """Page of ``notebooks/reference`` on which this is explained."""

    def _render_traceback_(self) -> list[str]:
        # A message may quote the service or a file name; an escape sequence in it would run in a terminal.
        lines = [harmless(line) for line in str(self).splitlines() if line.strip()]
        head = f"{type(self).__name__}: {lines[0]}" if lines else type(self).__name__
        return [head, *lines[1:][-1:], f"More in notebooks/reference/{self.page}.md."]  # the remedy comes last


@printed
class WanError(_Short, Exception):
    """Base of every error of this package.

    Parameters
    ----------
    message : str
        What happened, in one line.
    remedy : str, optional
        What to do about it, in one line.
    run_id : str, optional
        The run that it happened to.

    Examples
    --------
    >>> print(WanError("the frame is missing", remedy="Check the path."))
    the frame is missing
    Check the path.
    """

    def __init__(self, message: str, *, remedy: str = "", run_id: str | None = None, **details: Any) -> None:
        if len(message) > 100 * _LONGEST:
            message = f"{message[: 50 * _LONGEST]} ... {message[-50 * _LONGEST :]}"
        message = spelled(redact(message))
        if len(message) > _LONGEST:
            message = f"{message[: _LONGEST - 100]} ... {message[-90:]}"
        message = message.rstrip()
        super().__init__(message)
        self.message = message
        self.remedy = shortened(spelled(redact(remedy)), _LONGEST_REMEDY)
        self.run_id = run_id
        self.details = {name: redact(value) if isinstance(value, str) else value for name, value in details.items()}

    def __str__(self) -> str:
        head = f"run {self.run_id[:8]}: {self.message}" if self.run_id else self.message
        return "\n".join(filter(None, [head, self.remedy]))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, dict(self.__dict__)))


def _rebuild(kind: type[WanError], message: str, state: dict[str, Any]) -> WanError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class InvalidRequest(WanError, ValueError):
    """The request breaks a documented limit. Nothing was sent.

    Attributes
    ----------
    field : str or None
        The API's name of the field at fault, for a form that shows the message beside its control.
    """

    page = "models"

    def __init__(self, message: str, *, field: str | None = None, **kwargs: Any) -> None:
        super().__init__(message, **kwargs)
        self.field = field


class InvalidMedia(InvalidRequest):
    """A frame, an audio or a clip cannot be used as it is."""


class InvalidOption(InvalidRequest):
    """An option of a magic, or a placeholder of a prompt, is not understood."""

    page = "options"


class BudgetExceeded(WanError):
    """Sending this would pass the cap of the log (rolling 24 h) or of this call. Nothing was sent."""


@printed
class ServiceError(WanError):
    """The service answered with an error, or did not answer.

    Attributes
    ----------
    code : str
        The service's own code, such as ``Throttling.RateQuota``; empty when there was none.
    request_id : str or None
        The service's id of the request, to quote to its support.
    http_status : int or None
    retry_after : float or None
        Seconds that the service asked to wait.
    retryable : bool
        Whether the same *submit* was definitely not accepted and may be sent again after a pause.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        request_id: str | None = None,
        http_status: int | None = None,
        retry_after: float | None = None,
        retryable: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(message, **kwargs)
        self.code = redact(code)
        self.request_id = redact(request_id) if request_id else request_id
        self.http_status = http_status
        self.retry_after = retry_after
        self.retryable = retryable

    def __str__(self) -> str:
        where = " · ".join(filter(None, [self.code, self.request_id and f"request {self.request_id}"]))
        head, _, rest = super().__str__().partition("\n")
        return "\n".join(filter(None, [f"{head} ({where})" if where else head, rest]))


class Refused(ServiceError):
    """The service said no. A refused submit made no task and is not billed."""


class NotAuthorized(Refused):
    """Key, workspace, region, permission or bill."""


class Throttled(Refused):
    """Too many requests. ``retryable`` tells throttling (wait) from used-up quota (do not repeat)."""


class Unavailable(ServiceError):
    """The service could not be reached, or failed. A read may be tried again."""


class OutcomeUnknown(ServiceError):
    """The answer to a submit never came: the task may exist and be billed, so it is never sent again by itself."""


class RunFailed(ServiceError):
    """The task ended without a clip. Failed tasks are not billed."""


class RunCanceled(RunFailed):
    """The task was canceled before it started. Not billed."""


class RunExpired(RunFailed):
    """The service no longer knows the task: ids and links live 24 h."""


class DownloadFailed(WanError):
    """The clip is made and paid, but not on disk yet. ``%wan resume`` fetches it while its link lives."""


class FileError(WanError, OSError):
    """The system did not let a file or folder be read or written; what it said is the cause."""


class WaitTimeout(WanError, TimeoutError):
    """Waiting took longer than asked. The task goes on."""


class LogError(WanError):
    """The run log cannot be used as it is."""


class NotFound(LogError, LookupError):
    """No such run or study in this log."""


@printed
class Detached(_Short, KeyboardInterrupt):
    """The wait was interrupted; the task goes on. The text says how to come back to it."""

    page = "promises"


def in_a_line(error: BaseException) -> str:
    """`said`, with the file that it is about or the name of its class, for a message of ours.

    >>> in_a_line(FileNotFoundError(2, "No such file or directory", "walk.csv"))
    "No such file or directory: 'walk.csv'"
    """
    name, text = getattr(error, "filename", None), said(error)
    if isinstance(name, str | bytes | os.PathLike):
        return redact(f"{text}: {os.fspath(name)[-80:]!r}")
    return text if text == type(error).__name__ else f"{text} ({type(error).__name__})"


def shortened(text: str, most: int = 60) -> str:
    """The beginning of a text, with ``…`` where it goes on.

    >>> shortened("a cat walks slowly", 6)
    'a cat…'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def nearest(word: str, known: Iterable[str], most: int = 1) -> list[str]:
    """The known words that one was probably meant to be, the likeliest first.

    A word that is a whole part of two of them gives both; three letters or more are the start of a longer word. Dashes
    that all options begin with make none of them alike.

    >>> nearest("sead", ["seed", "prompt"]), nearest("VOTE", ["vote"]), nearest("frame", ["first_frame", "last_frame"])
    (['seed'], ['vote'], ['first_frame', 'last_frame'])
    >>> nearest("--wait", ["--ratio"]), nearest("--dur", ["--duration"])
    ([], ['--duration'])
    """
    import re
    from difflib import get_close_matches

    word = word.lstrip("-").casefold()
    folded = {one.lstrip("-").casefold() or one: one for one in reversed([*known])}
    whole = [one for one in reversed(folded) if word in re.split(r"[-_]+", one)]
    begun = [one for one in reversed(folded) if len(word) > 2 and one.startswith(word)]
    return [folded[one] for one in whole[:2] or get_close_matches(word, folded, most) or begun[:most]]


def did_you_mean(near: Sequence[str], otherwise: str = "") -> str:
    """The question after what was probably meant, or what is said where nothing is near.

    >>> did_you_mean(["seed"]), did_you_mean(["a", "b"]), did_you_mean([], "There is no other.")
    ('Did you mean seed?', 'Did you mean a or b?', 'There is no other.')
    """
    return f"Did you mean {join_words(near)}?" if near else otherwise


def ours(error: Exception, message: str = "", **about: Any) -> WanError:
    """The error of ours that stands for one of the system or of a library: one of the system stays an `OSError`."""
    return (FileError if isinstance(error, OSError) else WanError)(message or in_a_line(error), **about)


def join_words(words: Sequence[str], last: str = "or") -> str:
    """Names for a message: ``a, b or c``.

    >>> join_words(["720P", "1080P"])
    '720P or 1080P'
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""
