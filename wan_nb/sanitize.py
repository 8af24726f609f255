"""Cleaning of what comes from outside: no secrets in texts, numbers in range, no formulas in cells of tables.

Texts of the service, of libraries and of other people's logs pass `redact` where they enter: the readers of answers
(`wan_nb.api.task`, `wan_nb.api.error_answers`), every `WanError`, `said` for an exception that is caught, `logger` for
log records. Nothing that is written or shown later has to ask again.
"""

from __future__ import annotations

import base64
import errno
import html
import logging
import math
import numbers
import re
import threading
import unicodedata
from dataclasses import fields
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "FULL_DISK",
    "Keyless",
    "Secret",
    "as_number",
    "csv_cell",
    "harmless",
    "logger",
    "number",
    "opens",
    "redact",
    "remember",
    "remember_url",
    "reveal",
    "said",
]

# --- secrets that are known


class Secret(str):
    """Text that is used and never shown: printed it is ``***``, copies and pickles of it are empty.

    >>> Secret("sk-0123456789"), f"{Secret('sk-0123456789')}", reveal(Secret("sk-0123456789"))
    (***, '***', 'sk-0123456789')
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "***" if self else "''"

    def __str__(self) -> str:
        return "***" if self else ""

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __copy__(self) -> Secret:
        return Secret()

    def __deepcopy__(self, memo: object) -> Secret:
        return Secret()

    def __reduce__(self) -> tuple[Any, ...]:
        return (Secret, ())


def reveal(text: str) -> str:
    """The text itself, for the one who uses it."""
    return str.__str__(text)


class Keyless:
    """Base of a dataclass whose copies and pickles leave its `Secret` fields empty."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        values = (getattr(self, f.name) for f in fields(self))  # type: ignore[arg-type]  # a dataclass inherits this
        return (type(self), tuple(Secret() if isinstance(value, Secret) else value for value in values))


_SHORTEST = 4
"""Characters of a secret that is looked for by itself; a shorter one is in too many words."""

_UNMISTAKABLE = 12
"""Characters from which on a secret is also found inside of words, across line breaks and in base64."""

_lock = threading.Lock()
_known: set[str] = set()
_words: re.Pattern[str] | None = None
_pieces: re.Pattern[str] | None = None


def remember(secret: str) -> None:
    """Take a key or password out of every text from now on, as long as this process lives."""
    global _words, _pieces  # noqa: PLW0603  # what the process knows
    secret = reveal(secret).strip()
    with _lock:
        if len(secret) < _SHORTEST or secret in _known:
            return
        _known.add(secret)
        long = [known for known in _known if len(known) >= _UNMISTAKABLE]
        _words = _any_of(r"(?<![^\W_])(?:{})(?![^\W_])", _known)
        _pieces = _any_of("(?:{})", {spelling for known in long for spelling in _spellings(known)}) if long else None


def remember_url(url: str) -> bool:
    """Remember the passwords in a URL, in its user part and in its query; whether there is any."""
    url = reveal(url)
    found = [match["password"] for match in _USER.finditer(url)]
    found += [value for name, value in _pairs(url.partition("?")[2]) if _PASSWORD.search(name)]
    found = [secret for secret in found if secret]
    for secret in found:
        remember(secret)
        remember(unquote(secret))
    return bool(found)


def opens(name: str, value: str) -> bool:
    """Whether a variable of the environment holds a key or a password: by its name, or by what stands in it.

    >>> opens("HF_TOKEN", "x"), opens("DB", "postgresql://me:pw@db/x"), opens("PATH", "/opt/sk-learn-env/bin")
    (True, True, False)
    """
    return bool(_SIGNING.search(name) or remember_url(value) or (_words and _words.search(value)))


def _any_of(shape: str, texts: set[str]) -> re.Pattern[str]:
    longest_first = sorted(texts, key=lambda text: (-len(text), text))
    return re.compile(shape.format("|".join(map(re.escape, longest_first))), re.IGNORECASE)


def _spellings(secret: str) -> Iterator[str]:
    """The secret, without its public prefix, in hex, and in base64 at each of the three places it can begin at."""
    yield secret
    bare = secret.removeprefix("sk-")
    yield from {bare} if len(bare) >= _UNMISTAKABLE else ()
    raw = bare.encode("utf-8", "surrogatepass")
    yield raw.hex()
    for before in range(3):
        coded = base64.b64encode(bytes(before) + raw).decode()
        whole = coded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]  # without what neighbours have a share in
        yield whole
        yield whole.translate(str.maketrans("+/", "-_"))


# --- secrets by their shape

_NAMED = (
    r"passw(?:or)?d|passphrase|pwd|secret|signature|token|credential|api[_-]?key|access[_-]?key|access[_-]?id"
    r"|authorization|auth[_-]?key|key[_-]pair[_-]id"
)
_PASSWORD = re.compile(r"passw(?:or)?d|passphrase|pwd|secret|token|credential|api[_-]?key", re.IGNORECASE)
_SIGNING = re.compile(
    rf"(?:{_NAMED})|^(?:x-(?:amz|oss|goog|cos|obs|bce|tos)-|q-)|^(?:sign|sig|expires)$", re.IGNORECASE
)
# In a query, where they have a value that is no file's: what stores and gateways call theirs.
_IN_QUERY = re.compile(
    r"s[etprv]|si|spr|sk[etsv]|sk[ot]id|sdd|[as]k|key|keyname|policy|e|auth|jwt|hmac|ticket|session(?:_?id)?|sid|code|hm|ex"
    r"|hdn\w+|_upt|__token__",
    re.IGNORECASE,
)
_FILE = re.compile(r"[^?]*\.\w{2,5}[).,;:!?\]]*")
_RANDOM = re.compile(r"(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z])[\w+/=%.~:-]{24,}")

# Each repetition has a bound, so that no text takes more than time in proportion to its length.
_USER = re.compile(r"://(?P<user>[^\s/?#\"'<>:@]{0,200}):(?P<password>[^\s\"'<>]{0,300})@")
_QUERY = re.compile(r"\?(?P<cut>[^\s\"'<>]+)")
_RUN = re.compile(r"(?<![\w.~-])[\w.~-]{1,100}=(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>&]*)(?:&[\w.~-]{1,100}=?[^\s\"'<>&]*)*")
_SAID = re.compile(
    rf"(?:{_NAMED})[\w-]{{0,30}}[\"']?\s{{0,9}}:\s{{0,9}}[\"']?(?P<cut>(?:(?:Bearer|Basic)\s+)?[^\s\"'<>,;{{}}]+)|"
    r"\b(?:Bearer|Basic)\s+(?P<bearer>[\w+/=.~-]{16,})",
    re.IGNORECASE,
)
_KEY = re.compile(r"(?<![^\W_])(?:sk-[\w-]{8,}|LTAI\w{12,}|STS\.\w{12,}|A[KS]IA[A-Z0-9]{12,})", re.IGNORECASE)

_ESCAPED = re.compile(
    r"\\u(?P<u>[0-9a-fA-F]{4})|\\x(?P<x>[0-9a-fA-F]{2})|\\(?P<c>[/\"'\\nrt])|%(?P<p>[0-9a-fA-F]{2})"
    r"|(?P<h>&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});)"
)
_CUT = "..."
"""Stands for a query."""

_LAYERS = 5
"""Times that a text may have been escaped: JSON in a query in HTML, each of them once more."""

_NOTHING = re.compile(r"\x1b\[[0-9;]*m|<w?br ?/?>|[\s\\\"'\u00ad\u200b-\u200f\u2060\ufeff]+")
"""What a line break, a terminal or an escaping puts between the characters of a word."""


class _View:
    """A text as it reads after some unescaping, and where each of its characters stands in the original."""

    def __init__(self, text: str, spans: list[tuple[int, int]]) -> None:
        self.text, self._spans = text, spans

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where a part of it stands in the original."""
        return self._spans[start][0], self._spans[end - 1][1]

    def without(self, pattern: re.Pattern[str], read: Any = None) -> _View | None:
        """The text with each match read anew; None when there is none."""
        kept: list[str] = []
        spans: list[tuple[int, int]] = []
        at = 0
        for match in pattern.finditer(self.text):
            kept.append(self.text[at : match.start()])
            spans += self._spans[at : match.start()]
            new = read(match) if read else ""
            kept.append(new)
            spans += [self.place(*match.span())] * len(new)
            at = match.end()
        if not at:
            return None
        return _View("".join([*kept, self.text[at:]]), spans + self._spans[at:])


def redact(text: str) -> str:
    r"""A text from outside without what is secret in it; a text that holds nothing of the kind comes back as it is.

    Taken out are the keys and passwords of this process (`remember`), words that look like a key, passwords, and whole
    queries that may be signed: as they stand, and escaped for JSON, URL or HTML up to five times.

    Examples
    --------
    >>> redact("cannot read https://example.org/cat.png?Signature=x retry")
    'cannot read https://example.org/cat.png?... retry'
    >>> redact("Incorrect API key provided: sk-0123456789abcdef"), redact("host=db password=hunter2 user=me")
    ('Incorrect API key provided: ***', 'host=db *** user=me')
    >>> redact("bucket/a.mp4%3FExpires%3D1%26Signature%3Dx"), redact("is it 5 > 3? a=b")
    ('bucket/a.mp4%3F...', 'is it 5 > 3? a=b')
    """
    text = reveal(text)
    view: _View | None = _View(text, [(at, at + 1) for at in range(len(text))])
    found: list[tuple[int, int, str]] = []
    for _ in range(_LAYERS):
        if view is None:
            break
        found += [(*view.place(start, end), instead) for start, end, instead in _secrets(view.text)]
        if _pieces is not None:
            dense = view.without(_NOTHING) or view
            found += [(*dense.place(*match.span()), "***") for match in _pieces.finditer(dense.text)]
        view = view.without(_ESCAPED, _unescaped)
    parts, at = [], 0
    for start, end, instead in _merged(found):
        parts += [text[at:start], instead]
        at = end
    return "".join([*parts, text[at:]])


def _secrets(text: str) -> Iterator[tuple[int, int, str]]:
    """Places of secrets in a text as it stands, with what takes their place."""
    for match in _QUERY.finditer(text):
        if any(_opens(name, value) for name, value in _pairs(match["cut"])):
            yield (*match.span("cut"), _CUT)
    for match in _USER.finditer(text):
        hidden = "password" if match["password"] else "user"
        if match[hidden]:
            yield (*match.span(hidden), "***")
    for match in _RUN.finditer(text):
        pairs = _pairs(match[0])
        if any(_SIGNING.search(name) or (len(pairs) > 1 and _opens(name, value)) for name, value in pairs):
            yield (*match.span(), "***")
    for match in _SAID.finditer(text):
        yield (*match.span("cut" if match["cut"] else "bearer"), "***")
    for pattern in filter(None, (_KEY, _words)):
        for match in pattern.finditer(text):
            yield (*match.span(), "***")


def _pairs(query: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&"))]


def _opens(name: str, value: str) -> bool:
    """Whether a parameter of a query may sign it or give access: by its name, or since its value looks random."""
    if _SIGNING.search(name):
        return True
    if _FILE.fullmatch(value or name):
        return False
    return bool(_IN_QUERY.fullmatch(name) and value) or bool(_RANDOM.fullmatch(value or name))


def _unescaped(match: re.Match[str]) -> str:
    code = match["u"] or match["x"] or match["p"]
    if code:
        return chr(int(code, 16))
    if match["c"]:
        return {"n": "\n", "r": "\r", "t": "\t"}.get(match["c"], match["c"])
    return html.unescape(match["h"])


def _merged(found: list[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """Places in order, those that overlap as one; a query is said to have been one."""
    now: tuple[int, int, str] | None = None
    for start, end, instead in sorted(found):
        if now is not None and start < now[1]:
            now = (now[0], max(now[1], end), _CUT if _CUT in {now[2], instead} else instead)
            continue
        if now is not None:
            yield now
        now = (start, end, instead)
    if now is not None:
        yield now


FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""How systems say that a file cannot grow: no space, a quota, a limit."""


def said(error: BaseException, limit: int = 200) -> str:
    """What an exception says, as one line without secrets; the name of its class when it says nothing.

    >>> said(ValueError("no such user: sk-0123456789abcdef"))
    'no such user: ***'
    """
    own = getattr(error, "message", None)
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        own = f"the disk is full ({error.strerror})"
    text = own if isinstance(own, str) else getattr(error, "strerror", None) or str(error)
    lines = redact(str(text)[: 10 * limit]).strip().splitlines()
    return lines[0][:limit] if lines else type(error).__name__


class _Redacting(logging.Filter):
    """Takes secrets out of the records of one logger, tracebacks included."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        return True


def logger(name: str) -> logging.Logger:
    """A logger whose records hold no secrets."""
    made = logging.getLogger(name)
    if not any(isinstance(each, _Redacting) for each in made.filters):
        made.addFilter(_Redacting())
    return made


# --- signs that are not text

# Controls, DEL and C1 break notebooks and terminals (an escape sequence would run there); bidi embeddings, overrides
# and isolates make the text after them read backwards. Direction marks (LRM, RLM) are harmless and left alone.
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def harmless(text: str) -> str:
    r"""A text without control characters and direction tricks, each replaced by one sign.

    >>> harmless("a\x00b\u202ec")
    'a�b�c'
    """
    return _UNSAFE.sub("\ufffd", text)


# --- numbers

_TYPED = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def as_number(value: Any, *, typed: bool = False) -> float | None:
    """A finite number as a float, or None for anything else: a switch, NaN, infinity, a text unless it was typed.

    >>> as_number(3), as_number(True), as_number("3"), as_number("3", typed=True), as_number(float("nan"))
    (3.0, None, None, 3.0, None)
    """
    if typed and isinstance(value, str):
        value = float(text) if _TYPED.fullmatch(text := value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, numbers.Number):
        return None
    try:
        found = float(value)  # type: ignore[arg-type]  # a complex number raises, as it should
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def number(value: object, low: float, high: float) -> float | None:
    """A number from outside, if it is one in this range; decimal text is read, since services write both.

    >>> number("10.5", 0, 60), number(-100, 0, 60), number("NaN", 0, 60), number(True, 0, 60), number(10**400, 0, 60)
    (10.5, None, None, None, None)
    """
    found = as_number(value, typed=True)
    return found if found is not None and low <= found <= high else None


# --- cells of a table

_FORMULA = frozenset("=+-@")
_BLANK = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\u00ad\u115f\u1160\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\u3164\ufeff\uffa0]*"
)


def csv_cell(value: Any) -> Any:
    r"""A value for a CSV file: text that a spreadsheet would run as a formula gets an apostrophe first.

    Blanks, line breaks and invisible characters before the sign do not hide it, nor does its full-width form.

    >>> csv_cell("=1+1"), csv_cell("\n =1+1"), csv_cell("＝1+1"), csv_cell("a = b"), csv_cell(-5), csv_cell(None)
    ("'=1+1", "'\n =1+1", "'＝1+1", 'a = b', -5, '')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, (bool, int, float)):
        return value
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    blank = _BLANK.match(text)
    first = text[blank.end() if blank else 0 :][:1]
    first = unicodedata.normalize("NFKC", first)[:1].replace("\u2212", "-")
    return f"'{text}" if first in _FORMULA or text[:1] in {"\t", "\r", "\n"} else text
