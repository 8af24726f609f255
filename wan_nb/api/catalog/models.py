"""What the catalog holds of one model: its row."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as made
from typing import TYPE_CHECKING

from wan_nb.api.catalog.limits import LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wan_nb.api.catalog.fields import Field, Special

__all__ = ["WAN_SIZES", "Billing", "Mode", "Model", "PriceList"]


@dataclass(frozen=True, slots=True)
class Mode:
    """One way in which materials may be given together. Whatever fits no mode of a model is refused.

    Attributes
    ----------
    label : str
        What it is called where a person reads it.
    task : str
        What kind of clip comes of it: one of a few, for a column.
    required : tuple of str
        Materials that must be there.
    one_of : tuple of str
        At least one of these.
    optional : tuple of str
    prompt : bool
        Whether it needs a prompt.
    """

    label: str
    task: str
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    prompt: bool = False

    @property
    def names(self) -> frozenset[str]:
        """All that may stand in it."""
        return frozenset((*self.required, *self.one_of, *self.optional))

    def fits(self, names: Iterable[str]) -> bool:
        """Whether these materials, and no others, make it."""
        given = set(names)
        return (
            given >= set(self.required) and given <= self.names and (not self.one_of or bool(given & set(self.one_of)))
        )

    @property
    def told(self) -> str:
        """The materials in words: ``first_frame + last_frame``, ``one or more of a, b``.

        >>> Mode("", "", ("video",), optional=("reference_image",)).told
        'video (+ reference_image)'
        """
        several = f"one or more of {', '.join(self.one_of)}" if len(self.one_of) > 1 else "".join(self.one_of)
        named = " + ".join(filter(None, [*self.required, several]))
        more = f"(+ {', '.join(self.optional)})" if self.optional else ""
        return " ".join(filter(None, [named, more])) or "no material"


@dataclass(frozen=True, slots=True)
class Billing:
    """Which seconds are billed: those of the clip, and of the given clips that are named here.

    Attributes
    ----------
    inputs : tuple of str
        Fields whose clips are billed too.
    most : float or None
        Most input seconds that are billed; each of several clips counts up to its equal share of them.
    """

    inputs: tuple[str, ...] = ()
    most: float | None = None

    def input_seconds(self, lengths: Sequence[float]) -> float:
        """Billed seconds of given clips.

        >>> Billing(("reference_video",), most=5).input_seconds([2, 9]), Billing(("video",)).input_seconds([5.02])
        (4.5, 5.02)
        """
        if not lengths or self.most is None:
            return float(sum(lengths))
        share = self.most / len(lengths)
        return min(float(sum(min(length, share) for length in lengths)), self.most)

    @property
    def told(self) -> str:
        """The formula in words."""
        if not self.inputs:
            return "seconds of the clip"
        cap = f", of that at most {self.most:g} s" if self.most else ""
        return f"seconds of the clip and of {', '.join(self.inputs)}{cap}"


@dataclass(frozen=True, slots=True)
class PriceList:
    """List prices per billed second, in the currency of each region.

    Attributes
    ----------
    read : str
        The day of the page. Discounts come and go: an estimate.
    regions : dict
        ``{region: {resolution: price}}``.
    """

    read: str
    regions: dict[str, dict[str, float]]


WAN_SIZES: dict[str, dict[str, tuple[int, int]]] = {
    "720P": {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (960, 960), "4:3": (1104, 832), "3:4": (832, 1104)},
    "1080P": {
        "16:9": (1920, 1080),
        "9:16": (1080, 1920),
        "1:1": (1440, 1440),
        "4:3": (1648, 1248),
        "3:4": (1248, 1648),
    },
}
"""Documented pixels of wan2.7 by resolution and ratio."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model of the endpoint.

    Attributes
    ----------
    name : str
    fields : tuple of Field
        Everything that it takes, in the order of the body.
    modes : tuple of Mode
        The ways in which materials may be given together; closed.
    prices : PriceList
    regions : tuple of str
        Where it is offered.
    snapshots : tuple of str
        Dated names of the same ability.
    chosen_by : tuple of str or None
        Materials that make it the model where none is named; empty: a prompt alone does; None: it must be named.
    together : tuple of (tuple of str, int)
        Media fields of which at most so many may be given in all.
    billing : Billing
    span : float or None
        Most seconds of given clips (those that are billed) and of the new one together.
    keeps : Special or None
        How long the clip is, where there is no field ``duration``.
    not_yet : tuple of str
        Inputs of the service that are left out here, and refused by name.
    fps : int
        Frame rate of the clip.
    pixels : dict
        Pixel total that a resolution aims at; both sides are floored to multiples of 16.
    sizes : dict
        Documented pixels, ``{resolution: {ratio: (width, height)}}``, which need not be such multiples.
    submits_per_second, running
        Limits of the account for this exact name.
    usage : tuple of str
        What a receipt has beside ``duration``, ``input_video_duration``, ``output_video_duration``, ``video_count`` and
        ``SR``.
    float_usage : bool
        Whether its receipts hold fractions of a second.
    """

    name: str
    fields: tuple[Field, ...]
    modes: tuple[Mode, ...]
    prices: PriceList
    regions: tuple[str, ...]
    snapshots: tuple[str, ...] = ()
    chosen_by: tuple[str, ...] | None = None
    together: tuple[tuple[tuple[str, ...], int], ...] = ()
    billing: Billing = Billing()
    span: float | None = None
    keeps: Special | None = None
    not_yet: tuple[str, ...] = ()
    fps: int = 30
    pixels: dict[str, int] = made(default_factory=lambda: {"480P": 832 * 480, "720P": 1280 * 720, "1080P": 1920 * 1080})
    sizes: dict[str, dict[str, tuple[int, int]]] = made(default_factory=dict)
    submits_per_second: float = LIMITS.submits_per_second
    running: int = LIMITS.running
    usage: tuple[str, ...] = ()
    float_usage: bool = False

    def field(self, name: str) -> Field | None:
        """Its own field of this name, or None when it takes none."""
        return next((one for one in self.fields if one.name == name), None)

    @property
    def materials(self) -> tuple[Field, ...]:
        """Its fields that take pictures, sounds or clips."""
        return tuple(one for one in self.fields if one.limits)

    def beside(self, name: str, given: Iterable[str]) -> frozenset[str]:
        """Those of the given materials that may stand beside one of them: of the mode that keeps most of them.

        Parameters
        ----------
        name : str
            A field; another name leaves it open which of them stay.
        given : iterable of str
            Fields of which a material is given.
        """
        there, modes = frozenset(given), [mode for mode in self.modes if name in mode.names]
        return max((there & mode.names for mode in modes or self.modes), key=len)

    def mode(self, names: Iterable[str]) -> Mode | None:
        """The mode that these materials make, or None; attributes of items do not count.

        Parameters
        ----------
        names : iterable of str
            Fields of which a material is given.
        """
        given = {name for name in names if (one := self.field(name)) is None or one.where != "item"}
        return next((mode for mode in self.modes if mode.fits(given)), None)
