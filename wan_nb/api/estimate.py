"""What a request will cost, as far as that is known before it is sent, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.api.recorded import items_of
from wan_nb.arguments import as_whole
from wan_nb.sanitize import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Estimate", "asked_at_most", "estimated"]

_LONGEST = 1e6
"""Seconds beyond which a recorded length is nonsense."""


def estimated(amount: float, currency: str, *, at_most: bool = False, brief: bool = False) -> str:
    """A price that is not on a receipt yet, in words; ``brief`` where there is little room.

    >>> estimated(3, "CNY"), estimated(3, "CNY", brief=True), estimated(18, "CNY", at_most=True, brief=True)
    ('about CNY 3.00', '≈ CNY 3.00', 'at most CNY 18.00')
    """
    return f"{'at most' if at_most else '≈' if brief else 'about'} {currency} {amount:,.2f}"


def asked_at_most(row: Any) -> Estimate | None:
    """Estimate of what a run of the log asked for, where that was the most that it can cost; else None."""
    try:
        region = catalog.REGIONS.get(row.service) or catalog.region_of(str(row.service))
        asked = Estimate.recorded(row.request, region)
    except (AttributeError, TypeError, ValueError):  # a row of another log, whose request cannot be read
        return None
    return asked if asked.at_most and asked.currency == row.currency else None


@dataclass(frozen=True, slots=True)
class Estimate:
    """Billed seconds and their list price.

    Attributes
    ----------
    amount : float
        In `currency`; the most that it can be where `at_most` is set.
    at_most : bool
        Whether a length is not known before: the service chooses it, or a given clip was not looked at.
    input_s, output_s : float
        Billed seconds of the given clips and of the new one.
    """

    amount: float
    currency: str
    at_most: bool
    input_s: float
    output_s: float

    @classmethod
    def of(
        cls,
        model: str,
        resolution: str | None,
        duration: int | None,
        lengths: Mapping[str, Sequence[float | None]],
        region: catalog.Region,
    ) -> Estimate:
        """Estimate of one clip.

        Parameters
        ----------
        model : str
        resolution : str or None
        duration : int or None
            As sent, specials included.
        lengths : mapping of str to sequence
            Seconds of the given clips by field; None for one that was not looked at.
        region : Region
        """
        row = catalog.model(model)
        inputs, known = _inputs(row, lengths)
        output, told = _output(row, duration, lengths, sum(inputs))
        seconds = catalog.billed_seconds(row, output, inputs)
        amount = round(catalog.price_per_second(model, resolution or "", region) * seconds, 4)
        return cls(amount, region.currency, not (known and told), round(seconds - output, 4), round(output, 4))

    @classmethod
    def recorded(cls, request: Mapping[str, Any], region: catalog.Region) -> Estimate:
        """Estimate of a request by what the log or a sidecar has of it.

        >>> body = {"model": "wan3.0-video", "parameters": {"resolution": "480P", "duration": -1}}
        >>> Estimate.recorded(body, catalog.REGIONS["beijing"]).told
        'at most CNY 9.00'
        """
        parameters = request.get("parameters")
        told = parameters if isinstance(parameters, dict) else {}
        lengths: dict[str, list[float | None]] = {}
        for name, _, item in items_of(request):
            lengths.setdefault(name, []).append(number(item.get("seconds"), 0.0, _LONGEST))
        tier, duration = told.get("resolution"), as_whole(told.get("duration"))
        return cls.of(str(request.get("model")), tier if isinstance(tier, str) else None, duration, lengths, region)

    @classmethod
    def together(cls, estimates: Iterable[Estimate], currency: str) -> Estimate:
        """All of them as one; nothing costs nothing."""
        each = list(estimates)
        return cls(
            round(sum(one.amount for one in each), 4),
            currency,
            any(one.at_most for one in each),
            sum(one.input_s for one in each),
            sum(one.output_s for one in each),
        )

    @property
    def told(self) -> str:
        """In words, for a sentence."""
        return estimated(self.amount, self.currency, at_most=self.at_most)

    @property
    def brief(self) -> str:
        """In words, for a button or a card."""
        return estimated(self.amount, self.currency, at_most=self.at_most, brief=True)


def _inputs(row: catalog.Model, lengths: Mapping[str, Sequence[float | None]]) -> tuple[list[float], bool]:
    """Lengths of the clips that are billed, the longest possible for those that are not known; whether all are."""
    found: list[float] = []
    known = True
    for name in row.billing.inputs:
        spec = row.field(name)
        longest = (spec.limits.max_seconds or 0.0) if spec and spec.limits else 0.0
        given = lengths.get(name, ())
        known = known and None not in given
        found += [longest if length is None else length for length in given]
    return found, known


def _output(
    row: catalog.Model, duration: int | None, lengths: Mapping[str, Sequence[float | None]], inputs: float
) -> tuple[float, bool]:
    """Length of the new clip, or the longest possible; whether it is known."""
    spec = row.field("duration")
    special = spec.special(duration) if spec else row.keeps
    if special is None:
        return float(duration or 0), True
    most = float(special.most or (spec.maximum if spec and spec.maximum else 0))
    length = next(iter(lengths.get(special.of, ())), None)
    if length is not None:
        return min(length, most), True
    return (most if special.of or row.span is None else max(min(most, row.span - inputs), 0.0)), False
