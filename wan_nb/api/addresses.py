"""The one judge of addresses: of those that a person gives, and of those that the service names."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["fault", "is_loopback"]

_LONGEST = 8192
"""Characters of an address; servers take about as many, and a signed link has a few hundred."""

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def fault(url: object, *, schemes: frozenset[str] = frozenset({"http", "https"}), user: bool = False) -> str:
    """What is wrong with an address, in a few words that repeat nothing of it; empty where nothing is.

    Parameters
    ----------
    url : object
        Whatever stands where an address should.
    schemes : frozenset of str
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
    """What is wrong, the first of which is told: what comes later takes it that nothing earlier was."""
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
