"""Proxies and certificates that the environment names, checked before they are used."""

from __future__ import annotations

from importlib.util import find_spec
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies

from wan_nb.api.urls import fault, is_loopback
from wan_nb.errors import InvalidOption
from wan_nb.settings import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["certificates", "routes"]

_HERE = ("all://localhost", "all://127.0.0.1", "all://[::1]")
_KINDS = frozenset({"http", "https", "socks5", "socks5h"})


def routes(base_url: str) -> dict[str, str | None]:
    """Proxy by URL pattern, None for what is reached directly; empty for a service on this machine.

    Raises
    ------
    InvalidOption
        A proxy that cannot be used; the message names the variable, and what to install.
    """
    if is_loopback(base_url):
        return {}
    found = getproxies()
    direct = {pattern: None for name in found.get("no", "").split(",") for pattern in _patterns(name.strip())}
    if "*" in direct:
        return {}
    named = [kind for kind in ("http", "https", "all") if found.get(kind)]
    return {**{f"{kind}://": _judged(kind, found[kind].strip()) for kind in named}, **direct, **dict.fromkeys(_HERE)}


def certificates() -> None:
    """Check that the certificates which the environment names are there.

    Raises
    ------
    InvalidOption
        It names a file or folder that is not.
    """
    from pathlib import Path

    for name, there in (("SSL_CERT_FILE", Path.is_file), ("SSL_CERT_DIR", Path.is_dir)):
        value = environment().get(name, "")
        if value and not there(Path(value)):
            raise InvalidOption(
                f"{name} names {value[-80:]!r}, which is not there.", remedy=f"Correct or unset {name}."
            )


def _judged(kind: str, proxy: str) -> str:
    """A proxy as it can be used. GNOME writes ``socks://`` for what everybody else calls ``socks5://``."""
    whole = proxy if "://" in proxy else f"http://{proxy}"
    scheme, rest = whole.lower().partition("://")[0], whole.partition("://")[2]
    whole = f"{'socks5' if scheme == 'socks' else scheme}://{rest}"
    variable = next((name for name in (f"{kind}_proxy", f"{kind}_PROXY".upper()) if environment().get(name)), "")
    where = variable or f"the system's {kind} proxy"
    if wrong := fault(whole, schemes=_KINDS, user=True):
        raise InvalidOption(
            f"{where} is no proxy that can be used: {wrong}.",
            remedy=f"Correct or unset {variable or 'it'}; a proxy looks like http://host:8080.",
        )
    if whole.startswith("socks5") and find_spec("socksio") is None:
        raise InvalidOption(
            f"{where} names a SOCKS proxy, which needs another package.",
            remedy=f"pip install 'httpx[socks]' and restart, or unset {variable or 'it'}.",
        )
    return whole


def _patterns(name: str) -> Iterator[str]:
    """URL patterns of httpx for one entry of NO_PROXY: a host, a domain, an address with or without brackets."""
    if name == "*":
        yield "*"
        return
    bare = name.partition("://")[2] or name
    bare = bare.removeprefix("*").lstrip(".")
    try:
        address = ip_address(bare.partition("]")[0].removeprefix("["))
        host, suffix = (f"[{address}]" if address.version == 6 else str(address)), bare.partition("]")[2]
    except ValueError:
        host, suffix = bare, ""
    url = f"http://{host}{suffix}"
    if host and not fault(url):
        parts = urlsplit(url)
        star = "" if host.startswith("[") or host[-1].isdigit() else "*"
        yield f"all://{star}{parts.netloc}"
