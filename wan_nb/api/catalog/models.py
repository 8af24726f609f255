"""What the catalog holds of one model."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Model"]


@dataclass(frozen=True, slots=True)
class Model:
    """One model of the endpoint.

    Attributes
    ----------
    modes : dict of frozenset of str to str
        The closed list of media types that may be given together, each with what it is called where a person reads it.
    prices : dict
        ``{region: {resolution: price per billed second}}``.
    pixels : dict
        Pixel total that a resolution aims at; both sides are floored to multiples of 16.
    """

    name: str
    modes: dict[frozenset[str], str]
    prices: dict[str, dict[str, float]]
    pixels: dict[str, int] = field(default_factory=lambda: {"720P": 1280 * 720, "1080P": 1920 * 1080})
