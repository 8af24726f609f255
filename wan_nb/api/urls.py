"""URLs: whether one is valid, the part that identifies a picture, the part that may be shown or stored.

A signed link changes with each signing while its picture stays the same. Its signing parameters are known by their
exact names, and count as such only where the scheme is complete; every other parameter is part of the picture's name.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, quote, unquote_plus, unquote_to_bytes, urlsplit, urlunsplit

from wan_nb.api.catalog import MEDIA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SCHEMES", "Scheme", "bare", "fault", "identity", "in_text", "is_http", "is_loopback", "shown"]


@dataclass(frozen=True, slots=True)
class Scheme:
    """How one kind of store signs a link.

    Attributes
    ----------
    needs : frozenset of str
        Parameters without which a link of this scheme does not work.
    also : frozenset of str
        Further parameters of the signature.
    forms : mapping of str to str
        Patterns that whole values must match, for names that other links use for other things.
    path : str
        What stands in the path of each link of this scheme, where its names and values are those of other links too.

    Examples
    --------
    >>> Scheme("paid", frozenset({"sig"})).parts({"sig": "x", "id": "3"})
    frozenset({'sig'})
    """

    name: str
    needs: frozenset[str]
    also: frozenset[str] = frozenset()
    forms: Mapping[str, str] = field(default_factory=dict, hash=False)
    path: str = ""

    def parts(self, query: Mapping[str, str], path: str = "") -> frozenset[str]:
        """Names of this scheme; none where it is not complete.

        Parameters
        ----------
        query : mapping of str to str
            Values by name as `spelt`.
        path : str
            Of the same URL.
        """
        whole = self.path in path and all(
            name in query and re.fullmatch(self.forms.get(name, ".+"), query[name], re.DOTALL) for name in self.needs
        )
        return self.needs | self.also if whole else frozenset()


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _scheme(name: str, needs: str, also: str = "", forms: Mapping[str, str] | None = None, path: str = "") -> Scheme:
    return Scheme(name, _names(needs), _names(also), forms or {}, path)


_V4 = "x-{0}-algorithm x-{0}-credential x-{0}-date x-{0}-expires x-{0}-signedheaders x-{0}-signature"
_SAS = "sr st sip spr ss srt sdd ses skoid sktid skt ske sks skv saoid suoid scid sduoid skdutid"
_HEX = "[0-9a-f]"
_STAMPED = rf"\d{{10}}-[^-]*-[^-]*-{_HEX}{{32}}"

SCHEMES: tuple[Scheme, ...] = (
    _scheme("OSS V1", "OSSAccessKeyId Expires Signature", "security-token"),
    _scheme(
        "OSS V2", "x-oss-signature-version x-oss-access-key-id x-oss-expires x-oss-signature",
        "x-oss-additional-headers security-token x-oss-security-token",
    ),
    _scheme(
        "OSS V4", "x-oss-signature-version x-oss-credential x-oss-date x-oss-expires x-oss-signature",
        "x-oss-additional-headers x-oss-security-token security-token",
    ),
    _scheme("S3 V2", "AWSAccessKeyId Expires Signature", "x-amz-security-token"),
    _scheme("S3 V4", _V4.format("amz"), "x-amz-security-token x-amz-content-sha256 x-amz-s3session-token"),
    _scheme("GCS V2", "GoogleAccessId Expires Signature"),
    _scheme("GCS V4", _V4.format("goog"), "x-goog-content-sha256"),
    _scheme("Google Cloud CDN", "KeyName Expires Signature", "URLPrefix"),
    _scheme("Azure SAS", "sv sp se sig", _SAS),
    _scheme("Azure SAS by policy", "sv si sig", f"{_SAS} sp se"),
    _scheme("CloudFront", "Key-Pair-Id Expires Signature", "Hash-Algorithm"),
    _scheme("CloudFront by policy", "Key-Pair-Id Policy Signature", "Hash-Algorithm Expires"),
    _scheme(
        "COS", "q-sign-algorithm q-ak q-sign-time q-key-time q-header-list q-url-param-list q-signature",
        "x-cos-security-token", {"q-header-list": ".*", "q-url-param-list": ".*"},
    ),
    _scheme("COS in one parameter", "sign", "x-cos-security-token", {"sign": "q-sign-algorithm=.*&q-signature=.+"}),
    _scheme("OBS", "AccessKeyId Expires Signature", "x-obs-security-token"),
    _scheme("TOS", _V4.format("tos"), "x-tos-security-token x-tos-content-sha256"),
    _scheme("BOS", "authorization", "x-bce-security-token", {"authorization": "bce-auth-v1/.+"}),
    _scheme("KS3", "KSSAccessKeyId Expires Signature", "x-kss-security-token"),
    _scheme("US3", "UCloudPublicKey Expires Signature"),
    _scheme("Kodo", "e token", "", {"e": r"\d{9,}", "token": r"[\w-]{40}:[\w-]{27,}=?"}),
    _scheme("Alibaba Cloud CDN", "auth_key", "", {"auth_key": _STAMPED}),
    _scheme("Tencent Cloud CDN", "sign", "", {"sign": _STAMPED}),
    _scheme("UPYUN", "_upt", "", {"_upt": rf"{_HEX}{{8}}\d{{10}}"}),
    *(
        _scheme(f"Akamai {name}", name, "", {name: "(.+~)?hmac=.+"})
        for name in ("hdnts", "hdnea", "hdntl", "__token__")
    ),
    _scheme("Discord", "ex is hm", "", {"ex": f"{_HEX}{{6,8}}", "is": f"{_HEX}{{6,8}}", "hm": f"{_HEX}{{64}}"}),
    _scheme("Supabase", "token", "", {"token": r"eyJ[\w-]+\.[\w-]+\.[\w-]+"}, "/sign/"),
    _scheme("Laravel", "expires signature", "", {"expires": r"\d+", "signature": f"{_HEX}{{64}}"}),
    _scheme("an expiry and its signature", "Expires Signature"),
)  # fmt: skip
"""Every scheme that is known. The last one stands for stores that add no name of a key of their own."""

_SECRET = _names(
    "signature sig sign token access_token accesstoken id_token refresh_token auth_token authtoken auth auth_key "
    "authorization bearer jwt key api_key apikey api_token access_key accesskey secret secret_key client_secret "
    "password passwd pwd credential credentials session session_id sessionid sid policy hmac ticket code "
    "ossaccesskeyid awsaccesskeyid accesskeyid googleaccessid kssaccesskeyid ucloudpublickey key_pair_id keyname "
    "security_token rlkey resourcekey authkey hdnts hdnea hdntl __token__ _upt hm"
)
"""Names, in lower case and with ``_`` for ``-``, whose values are never shown: they give access, also alone."""

_SIGNING = re.compile(r"(x-(amz|oss|goog|tos|obs|cos|bce|kss)|q)-.*(signature|credential|token|ak|key-id|policy)")
_FILE = re.compile(
    rf".*({'|'.join(re.escape(end) for kind in MEDIA.values() for end in kind.suffixes)})", re.IGNORECASE | re.DOTALL
)
_LONGEST = 8192
"""Characters of an address; servers take about as many, and a signed link has a few hundred."""

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")

_PORTS = {"http": ":80", "https": ":443"}
_IN_TEXT = re.compile(r"https?://[^\s\"'<>]+", re.IGNORECASE)


def spelt(name: str) -> str:
    """A parameter's name as the table has it: stores read the prefixed ones in any case, the others only as they are.

    >>> spelt("X-Amz-Date"), spelt("Expires")
    ('x-amz-date', 'Expires')
    """
    return name.lower() if name[:2] in {"X-", "x-"} else name


def is_http(url: str) -> bool:
    """Whether this is a whole http(s) URL.

    >>> is_http("https://example.org/cat.png"), is_http("https://"), is_http("cat.png")
    (True, False, False)
    """
    parts = _split(url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not any(c.isspace() for c in url)


def bare(url: str) -> str:
    """The URL without user, password, query and fragment.

    >>> bare("https://me:secret@example.org/cat.png?size=2#top")
    'https://example.org/cat.png'
    """
    parts = _split(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def identity(url: str) -> str:
    """What tells this picture from others: the URL without what signs it, its parameters as a digest.

    >>> identity("https://e.org/cat.png?sv=1&st=2&se=3&sp=r&sig=x")
    'https://e.org/cat.png'
    >>> identity("https://e.org/i?cat.jpg") == identity("https://e.org/i?dog.jpg")
    False
    >>> identity("HTTPS://E.org:443/i?a=%7e") == identity("https://e.org/i?a=~")
    True
    """
    parts = _split(url)
    host = parts.netloc.rpartition("@")[2].lower().removesuffix(_PORTS.get(parts.scheme, ""))
    name = urlunsplit((parts.scheme, host, parts.path, "", ""))
    kept = "&".join(_spelling(raw) for raw, _ in _kept(url))
    return f"{name}#{hashlib.sha256(kept.encode()).hexdigest()[:16]}" if kept else name


def shown(url: str) -> tuple[str, bool]:
    """The URL as it may be shown and written down, and whether that is enough to fetch the same picture again.

    What signs it is left out, and the value of every parameter that gives access.

    >>> shown("https://e.org/i?key=photos/cat.jpg&size=2")
    ('https://e.org/i?key=photos/cat.jpg&size=2', True)
    >>> shown("https://e.org/i?size=2&token=abcd")
    ('https://e.org/i?size=2', False)
    """
    parts = _split(url)
    kept = [raw for raw, (name, value) in _kept(url) if not _opens(name, value)]
    pieces = [piece for piece in parts.query.split("&") if piece]
    text = bare(url) + (f"?{'&'.join(kept)}" if kept else "")
    return text, len(kept) == len(pieces) and "@" not in parts.netloc


def in_text(text: str) -> str:
    """A text with every URL in it as `shown` has it.

    >>> in_text("see https://x.test/a.mp4?Signature=abc, then https://x.test/i?design=cat")
    'see https://x.test/a.mp4, then https://x.test/i?design=cat'
    """

    def told(match: re.Match[str]) -> str:
        url = match[0].rstrip(".,;:!?)]")
        return (shown(url)[0] if is_http(url) else url.partition("?")[0]) + match[0][len(url) :]

    return _IN_TEXT.sub(told, text)


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # an IPv6 host that is none
        return urlsplit("")


def _spelling(raw: str) -> str:
    """One spelling of a parameter for all that differ in what is percent-encoded; servers read ``+`` in two ways."""
    return re.sub(r"[^+=]+", lambda text: quote(unquote_to_bytes(text[0]), safe=""), raw)


def _kept(url: str) -> list[tuple[str, tuple[str, str]]]:
    """Parameters that are part of the picture's name: each as it was written, and as name and value."""
    found = []
    parts = _split(url)
    for raw in filter(None, parts.query.split("&")):
        pair = parse_qsl(raw, keep_blank_values=True, errors="surrogateescape")
        found.append((raw, pair[0] if pair else (unquote_plus(raw), "")))
    query = {spelt(name): value for _, (name, value) in found}
    signing = frozenset[str]().union(*(scheme.parts(query, parts.path) for scheme in SCHEMES))
    return [(raw, pair) for raw, pair in found if spelt(pair[0]) not in signing]


def _opens(name: str, value: str) -> bool:
    """Whether a parameter may be a secret: by its name, unless its value is plainly a file's."""
    called = name.lower()
    if called.replace("-", "_") not in _SECRET and not _SIGNING.fullmatch(called):
        # A word without "=" has no name to judge by: only its length tells.
        return not value and len(name) > 40 and not _FILE.fullmatch(name)
    return not _FILE.fullmatch(value)


def fault(url: object, *, schemes: frozenset[str] = frozenset({"http", "https"}), user: bool = False) -> str:
    """What is wrong with an address, in a few words that repeat nothing of it; empty where nothing is.

    Parameters
    ----------
    url : object
        Whatever stands where an address should.
    user : bool
        Whether it may hold a user name and a password.

    Examples
    --------
    >>> fault("https://example.org:443/a?b=c")
    ''
    >>> fault("http://127.0.0.1:99999/api/v1")
    'its port is none from 1 to 65535'
    """
    return next(_faults(url, schemes, user=user), "") if isinstance(url, str) else "it is no text"


def _faults(url: str, schemes: frozenset[str], *, user: bool) -> Iterator[str]:
    """What is wrong with an address; each check relies on those before it, so only the first fault is told."""
    if len(url) > _LONGEST:
        yield f"it has {len(url)} characters"
    if any(c.isspace() or not c.isprintable() for c in url):
        yield "it holds a blank or a control character"
    try:
        parts = urlsplit(url)
    except ValueError:
        yield "its host cannot be read"
    if parts.scheme not in schemes:
        yield f"it does not begin with {' or '.join(f'{one}://' for one in sorted(schemes))}"
    if not parts.hostname:
        yield "it names no host"
    if "@" in parts.netloc and not user:
        yield "it holds a user name or a password"
    if not _is_host(str(parts.hostname), bracketed="[" in parts.netloc):
        yield "its host is no name that a network knows"
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        yield "its port is none from 1 to 65535"


def _is_host(host: str, *, bracketed: bool) -> bool:
    try:
        if bracketed:
            return bool(ipaddress.IPv6Address(host))
        if not host.isascii() or "xn--" in host:
            import idna

            host = idna.encode(idna.decode(host) if host.isascii() else host).decode()
    except ValueError:  # idna's own errors are such
        return False
    return len(host) <= 254 and all(map(_LABEL.fullmatch, host.removesuffix(".").split(".")))


def is_loopback(url: str) -> bool:
    """Whether an address is of this machine.

    >>> is_loopback("http://[::1]:8000/api/v1"), is_loopback("https://dashscope.aliyuncs.com")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
