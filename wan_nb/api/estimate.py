"""What a request will cost, as far as that is known before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wan_nb.api import catalog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Estimate"]


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

    @property
    def told(self) -> str:
        """In words.

        >>> Estimate(3.0, "CNY", False, 0.0, 5.0).told, Estimate(18.0, "CNY", True, 0.0, 30.0).told
        ('about CNY 3.00', 'at most CNY 18.00')
        """
        return f"{'at most' if self.at_most else 'about'} {self.currency} {self.amount:.2f}"


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
