"""What the service offers, said once: fields, models, regions, limits, prices, error codes. Data, dated.

Flags, form controls, checks, the simulator and the tables in the README all read this package, so they cannot drift
apart. Figures are those of the pages of Alibaba's Model Studio and Qwen Cloud as of ``AS_OF``; where pages disagree the
later one was taken. A family of models is a module of rows here, not a branch somewhere.
"""

from __future__ import annotations

from wan_nb.api.catalog import wan27_i2v
from wan_nb.api.catalog.fields import MB, MEDIA, Field, MediaKind
from wan_nb.api.catalog.limits import LIMITS, Limits
from wan_nb.api.catalog.models import Model
from wan_nb.api.catalog.regions import CURRENCIES, REGIONS, Region, region_of, request_limit
from wan_nb.api.catalog.wan27_i2v import FIELDS, MODES, PRICES

__all__ = [
    "AS_OF", "BY_NAME", "CREATE_PATH", "CURRENCIES", "FIELDS", "LIMITS", "MB", "MEDIA", "MODELS",
    "MODES", "PRICES", "REGIONS", "Field", "Limits", "MediaKind", "Model", "Region", "dearest_clip",
    "fields", "model", "price_per_second", "region_of", "request_limit",
]  # fmt: skip

AS_OF = "2026-11-22"
"""The day on which these figures were read."""

CREATE_PATH = "/services/aigc/video-generation/video-synthesis"

BY_NAME: dict[str, Field] = {field.name: field for field in FIELDS}
"""Every field of a request by its name."""

MODELS: dict[str, Model] = {row.name: row for row in wan27_i2v.ROWS}
"""Every model by its exact name."""


def model(name: str) -> Model:
    """Row of a model; an unknown name gets the rules of the mainline model (the service decides whether it exists)."""
    return MODELS.get(name, MODELS[wan27_i2v.NAMES[0]])


def fields(where: str | None = None) -> tuple[Field, ...]:
    """Fields of the body, all or those of one place."""
    return tuple(f for f in FIELDS if where is None or f.where == where)


def price_per_second(name: str, resolution: str, region: Region) -> float:
    """Price of one billed second in the currency of the region. An estimate: the bill decides.

    A model or a tier that is not known costs what the dearest one does.

    >>> price_per_second("wan2.7-i2v", "720P", REGIONS["beijing"]), price_per_second("wan9", "", REGIONS["beijing"])
    (0.6, 1.0)
    """
    rows = [MODELS[name]] if name in MODELS else list(MODELS.values())
    tiers = [row.prices[region.name] for row in rows]
    known = [prices[resolution] for prices in tiers if resolution in prices]
    return max(known or [price for prices in tiers for price in prices.values()])


def dearest_clip(currency: str) -> float:
    """Price of the longest clip of the dearest model and tier; 0 in a currency that no region has.

    >>> dearest_clip("CNY")
    15.0
    """
    longest = BY_NAME["duration"].maximum or 0
    rates = [price_per_second("", "", region) for region in REGIONS.values() if region.currency == currency]
    return longest * max(rates, default=0.0)
