"""Regions of the service: their hosts and currencies."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from wan_nb.api.catalog.limits import LIMITS

__all__ = ["CURRENCIES", "REGIONS", "Region", "region_of", "request_limit"]


@dataclass(frozen=True, slots=True)
class Region:
    """A region of the service: key, model and host must belong to the same one.

    Attributes
    ----------
    shared : str
        Its shared host; empty where there are workspace hosts only.
    code : str
        Its part of the host of a workspace.
    """

    name: str
    shared: str
    code: str
    currency: str

    @property
    def base_url(self) -> str:
        """Base URL of the shared host; empty where there is none."""
        return f"https://{self.shared}/api/v1" if self.shared else ""

    def workspace_url(self, workspace: str) -> str:
        """Base URL of a workspace.

        >>> REGIONS["tokyo"].workspace_url("ws1"), REGIONS["tokyo"].base_url
        ('https://ws1.ap-northeast-1.maas.aliyuncs.com/api/v1', '')
        """
        return f"https://{workspace}.{self.code}.maas.aliyuncs.com/api/v1"


REGIONS: dict[str, Region] = {
    region.name: region
    for region in (
        Region("beijing", "dashscope.aliyuncs.com", "cn-beijing", "CNY"),
        Region("singapore", "dashscope-intl.aliyuncs.com", "ap-southeast-1", "USD"),
        Region("virginia", "dashscope-us.aliyuncs.com", "us-east-1", "USD"),
        Region("frankfurt", "", "eu-central-1", "USD"),
        Region("tokyo", "", "ap-northeast-1", "USD"),
        Region("hongkong", "cn-hongkong.dashscope.aliyuncs.com", "cn-hongkong", "USD"),
    )
}


def region_of(base_url: str) -> Region:
    """Region whose prices apply to a base URL; Beijing when it cannot be told.

    >>> region_of("https://ws1.ap-southeast-1.maas.aliyuncs.com/api/v1").currency
    'USD'
    >>> region_of("http://127.0.0.1:8000/api/v1").name, region_of("simulator").name
    ('beijing', 'beijing')
    """
    host = _host(base_url)
    for region in REGIONS.values():
        if host and (host == region.shared or host.endswith(f".{region.code}.maas.aliyuncs.com")):
            return region
    return REGIONS["beijing"]


def request_limit(base_url: str) -> float:
    """Longest time in seconds that a service goes on with a request after its caller has hung up.

    A host that is neither shared nor the simulator counts as one with the longest limit.

    >>> request_limit("https://dashscope.aliyuncs.com/api/v1"), request_limit("https://ws1.cn-beijing.maas.aliyuncs.com")
    (600.0, 3600.0)
    """
    host = _host(base_url)
    shared = host.endswith(".aliyuncs.com") and (host.startswith("trial.") or not host.endswith(".maas.aliyuncs.com"))
    here = host in {"localhost", "::1"} or host.startswith("127.")
    return LIMITS.shared_request if shared or here else LIMITS.workspace_request


def _host(base_url: str) -> str:
    try:
        return (urlsplit(base_url).hostname or "").lower()
    except ValueError:
        return ""


CURRENCIES = frozenset(region.currency for region in REGIONS.values())
