"""Which service: a name becomes a base URL, an identity and a region. The simulator is started on demand, here only.

Engine and client see a base URL only; whether a run is simulated is a response header of the service.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wan_nb.api import catalog
from wan_nb.api.urls import fault
from wan_nb.arguments import shown
from wan_nb.errors import InvalidOption, NotAuthorized
from wan_nb.sanitize import Keyless, Secret, redact
from wan_nb.settings import for_the_simulator
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from wan_nb.settings import Settings

__all__ = ["Endpoint", "address", "identify", "locate", "region_named"]

SIMULATOR_KEY = "simulator"
"""The simulator takes any key; its counters are kept by key."""


@printed
@dataclass(frozen=True, slots=True)
class Endpoint(Keyless):
    """A service that can be talked to. Copies and pickles of it carry no key.

    Attributes
    ----------
    name : str
        As a person calls it: ``simulator``, ``beijing``, or a host.
    base_url : str
        Without a trailing slash.
    api_key : str
    identity : str
        Of service and account, for fingerprints and upload reuse: survives a restart of the simulator on another port.
    region : Region
        Whose prices and currency apply.
    """

    name: str
    base_url: str
    api_key: str = field(repr=False)
    identity: str
    region: catalog.Region


def address(service: str, workspace: str = "") -> str:
    """Base URL of a service by its name or URL; empty for the simulator, which has one when it runs.

    Raises
    ------
    InvalidOption
        Neither a known name nor an http(s) URL that can be used: without user name, password, query or fragment; or a
        region that has workspace hosts only, without a workspace.
    """
    if region := catalog.REGIONS.get(service):
        if not workspace and not region.base_url:
            raise InvalidOption(
                f"{service} is reached by the host of a workspace only.",
                remedy="Set WAN_NB_WORKSPACE to the id of yours, which its console shows; or give its base URL.",
            )
        return region.workspace_url(workspace) if workspace else region.base_url
    if service == "simulator":
        return ""
    known = ", ".join(["simulator", *catalog.REGIONS])
    remedy = f"Known: {known}, or a base URL ending in /api/v1."
    if "://" not in service:
        raise InvalidOption(f"no service called {shown(service)}.", remedy=remedy)
    wrong = fault(service) or ("it has a query or a fragment" if {"?", "#"} & set(service) else "")
    wrong = wrong or ("it holds a key" if redact(service) != service else "")
    if wrong:
        # What stands before an @ or behind a ? may be a secret.
        raise InvalidOption(f"{service.partition('://')[0][:20]}://... is no base URL: {wrong}.", remedy=remedy)
    return service


def region_named(service: str) -> catalog.Region:
    """Region whose prices and models apply, known before the service is located."""
    return catalog.REGIONS.get(service) or catalog.region_of(service)


def identify(settings: Settings) -> str:
    """Identity of service and account, which is part of every fingerprint; nothing is asked or started."""
    if settings.service == "simulator":
        return settings.service  # the simulator of this folder, whatever its port
    region = catalog.REGIONS.get(settings.service)
    # The same account by its workspace or by the shared host: what it has bought is there already.
    url = region.base_url or region.workspace_url("") if region else address(settings.service)
    # The account is known to us only by its key; a one-way digest tells two accounts apart without giving the key away.
    account = hashlib.blake2b(settings.api_key.encode(), digest_size=8, person=b"wan_nb account").hexdigest()
    return f"{url}#{account}"


def locate(settings: Settings) -> Endpoint:
    """Turn the settings into an endpoint, starting the simulator of the session's folder if that is the one.

    Raises
    ------
    InvalidOption
        The service is neither a known name nor an http(s) URL.
    NotAuthorized
        A real service without a key.
    """
    name = settings.service
    if name == "simulator":
        from wan_nb.simulator.launch import ensure

        url = ensure(settings.folder / "simulator", speed=settings.speed, environ=for_the_simulator())
        return Endpoint(name, url, Secret(SIMULATOR_KEY), identify(settings), catalog.region_of(url))
    url = address(name, settings.workspace)
    if not settings.api_key:
        raise NotAuthorized(
            f"no key for {name}.", remedy="Run %wan login, or set DASHSCOPE_API_KEY; %wan connect simulator needs none."
        )
    shown = name if name in catalog.REGIONS else urlsplit(url).netloc
    return Endpoint(shown, url, settings.api_key, identify(settings), catalog.region_of(url))
