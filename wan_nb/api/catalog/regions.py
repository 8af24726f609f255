"""Regions of the service: their hosts and currencies."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from wan_nb.api.catalog.limits import LIMITS

__all__ = ["CURRENCIES", "REGIONS", "Region", "region_of", "request_limit"]


@dataclass(frozen=True, slots=True)
class Region:
    """A region of the service: key, model and host must belong to the same one."""

    name: str
    base_url: str
    currency: str
    host_parts: tuple[str, ...]
    """Parts of a host name that tell this region, for workspace hosts."""


REGIONS: dict[str, Region] = {
    "beijing": Region("beijing", "https://dashscope.aliyuncs.com/api/v1", "CNY", ("cn-beijing",)),
    "singapore": Region(
        "singapore", "https://dashscope-intl.aliyuncs.com/api/v1", "USD", ("dashscope-intl", "ap-southeast-1")
    ),
}


def region_of(base_url: str) -> Region:
    """Region whose prices apply to a base URL; Beijing when it cannot be told.

    >>> region_of("https://ws1.ap-southeast-1.maas.aliyuncs.com/api/v1").currency
    'USD'
    """
    for region in REGIONS.values():
        if any(part in base_url for part in region.host_parts):
            return region
    return REGIONS["beijing"]


def request_limit(base_url: str) -> float:
    """Longest time in seconds that a service goes on with a request after its caller has hung up.

    A host that is neither shared nor the simulator counts as one with the longest limit.

    >>> request_limit("https://dashscope.aliyuncs.com/api/v1"), request_limit("https://ws1.cn-beijing.maas.aliyuncs.com")
    (600.0, 3600.0)
    """
    try:
        host = (urlsplit(base_url).hostname or "").lower()
    except ValueError:
        host = ""
    shared = host.endswith(".aliyuncs.com") and (host.startswith("trial.") or not host.endswith(".maas.aliyuncs.com"))
    here = host in {"localhost", "::1"} or host.startswith("127.")
    return LIMITS.shared_request if shared or here else LIMITS.workspace_request


CURRENCIES = frozenset(region.currency for region in REGIONS.values())
