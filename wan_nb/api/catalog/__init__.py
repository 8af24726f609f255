"""What the service offers, said once: models, their fields, regions, limits, prices, error codes. Data, dated.

Flags, form controls, checks, the simulator and the tables in the reference all read this package, so they cannot drift
apart. Figures are those of the pages of Alibaba's Model Studio and Qwen Cloud as of ``AS_OF``; where pages disagree the
later one was taken.

How a row is read
-----------------
A model is one row: a `Model` in the module of its family, listed in ``FAMILIES``; nothing else of the house names one.

    row = model(request.model)                   an unknown name gets the row that is nearest to it
    row.fields                                   what it takes, in the order of the body, each a `Field`
    row.field("duration").maximum                the row's own default, range and choices; None: not a field of it
    row.materials                                the fields that take pictures, sounds or clips (``limits`` is set)
    row.mode(["first_frame", "last_frame"])      the `Mode` that these make, or None: then they do not go together
    row.prices, row.regions, row.fps, row.billing, row.sizes, row.running, row.usage ...

A field stands in the body at ``where``, under ``wire``:

    model        ``body["model"]``
    input        ``body["input"][wire]``; a material there is a URL (the sound of text to video is ``audio_url``)
    media        items of ``body["input"]["media"]``: ``{"type": wire, "url": ...}``, in the order of the fields, and in
                 the given order where ``most`` is above one
    item         an attribute of such an item, on the items of the fields in ``items``: ``{"type": "reference_image",
                 "url": ..., "reference_voice": ...}``; a person gives it by the item's number
    parameters   ``body["parameters"][wire]``

``minimum`` and ``maximum`` hold unless the value is one of ``specials`` (0 keeps the length of the clip in the field
``of``; -1 lets the service choose, up to ``most``) or a material of ``maximum_with`` is given. ``limits`` are those of
each material and, in ``total_seconds``, of all of one field; ``together`` caps several fields; ``span`` caps the given
clips and the new one. A row without ``duration`` has ``keeps``. `FIELDS` and `BY_NAME` join what all rows say of a
name: the flag, widest range, all choices; a check is made against the row.

`billed_seconds` is the bill of a row: input by ``billing``, and output.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wan_nb.api.catalog import happyhorse, wan27, wan30
from wan_nb.api.catalog.fields import MB, MEDIA, OTHER_WORDS, SLACK, Field, MediaKind, Special
from wan_nb.api.catalog.limits import LIMITS, Limits
from wan_nb.api.catalog.models import Billing, Mode, Model, PriceList
from wan_nb.api.catalog.regions import CURRENCIES, REGIONS, Region, region_of, request_limit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "AS_OF", "BY_NAME", "CREATE_PATH", "CURRENCIES", "DECIDING", "FAMILIES", "FIELDS", "LIMITS", "MATERIALS", "MB",
    "MEDIA", "MODELS", "NOT_YET", "OTHER_WORDS", "REGIONS", "SLACK", "Billing", "Field", "Limits", "MediaKind", "Mode",
    "Model", "PriceList", "Region", "Special", "billed_seconds", "chosen", "dearest_clip", "model", "model_for",
    "price_per_second", "region_of", "request_limit", "takers", "takes", "usual",
]  # fmt: skip

AS_OF = "2026-11-28"
"""The day on which these figures were read; a price list has its own."""

CREATE_PATH = "/services/aigc/video-generation/video-synthesis"

FAMILIES = (wan27, wan30, happyhorse)
"""Modules of rows."""

_ROWS: tuple[Model, ...] = tuple(row for family in FAMILIES for row in family.ROWS)

MODELS: dict[str, Model] = {
    name: row if name == row.name else replace(row, name=name, chosen_by=None)
    for row in _ROWS
    for name in (row.name, *row.snapshots)
}
"""Every model and snapshot by its exact name."""


def _each(things: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(things))


def _joined(said: Sequence[Field]) -> Field:
    """What all rows say of one field."""
    first = said[0]
    return replace(
        first,
        default=first.default if len({one.default for one in said}) == 1 else None,
        api_default=first.api_default if len({one.api_default for one in said}) == 1 else None,
        choices=tuple(MODELS) if first.where == "model" else _each(choice for one in said for choice in one.choices),
        minimum=min((one.minimum for one in said if one.minimum is not None), default=None),
        maximum=max((one.maximum for one in said if one.maximum is not None), default=None),
        specials=_each(special for one in said for special in one.specials),
        max_characters=max(one.max_characters or 0 for one in said) or None,
        most=max(one.most for one in said),
        items=_each(item for one in said for item in one.items),
        limits=_widest([one.limits for one in said if one.limits]),
    )


def _widest(kinds: list[MediaKind]) -> MediaKind | None:
    """Limits of a material that some model takes."""
    if not kinds:
        return None

    def edge(name: str, pick: Any) -> Any:
        values = [getattr(kind, name) for kind in kinds]
        return None if None in values else pick(values)

    return replace(
        kinds[0],
        max_bytes=edge("max_bytes", max),
        min_side=edge("min_side", min),
        max_side=edge("max_side", max),
        max_ratio=edge("max_ratio", max),
        min_seconds=edge("min_seconds", min),
        max_seconds=edge("max_seconds", max),
        min_fps=edge("min_fps", min),
        total_seconds=edge("total_seconds", max),
    )


_PLACES = ("model", "input", "media", "item", "parameters")
_SAID: dict[str, list[Field]] = {}
for _row in _ROWS:
    for _field in _row.fields:
        _SAID.setdefault(_field.name, []).append(_field)

FIELDS: tuple[Field, ...] = tuple(
    sorted((_joined(said) for said in _SAID.values()), key=lambda one: _PLACES.index(one.where))
)
"""Every field of any model, by place."""

BY_NAME: dict[str, Field] = {one.name: one for one in FIELDS}
"""Every field by its name."""

MATERIALS: tuple[str, ...] = tuple(one.name for one in FIELDS if one.limits)
"""Names of the fields that take pictures, sounds or clips."""

DECIDING: frozenset[str] = frozenset(name for row in _ROWS for name in row.chosen_by or ())
"""Names of the materials from which the model follows."""

NOT_YET: frozenset[str] = frozenset(name for row in _ROWS for name in row.not_yet)
"""Inputs of the service that are not offered here yet."""


def model(name: str) -> Model:
    """Row of a model; an unknown name gets the one that shares most words with it.

    >>> model("wan2.8-t2v-turbo").name, model("wan9").name
    ('wan2.7-t2v', 'wan2.7-i2v')
    """
    if name in MODELS:
        return MODELS[name]
    words = set(name.split("-"))
    return max(_ROWS, key=lambda row: len(words & set(row.name.split("-"))))


def chosen(given: Iterable[str]) -> str:
    """Name of the model that follows from what is given: an edit, references, a frame or clip, or a prompt alone.

    Parameters
    ----------
    given : iterable of str
        Fields of which something is given.

    >>> chosen(["prompt"]), chosen(["prompt", "first_frame"]), chosen(["reference_image", "video"])
    ('wan2.7-t2v', 'wan2.7-i2v', 'wan2.7-videoedit')
    """
    there = set(given)
    plain = next(row for row in _ROWS if row.chosen_by == ())
    return next((row for row in reversed(_ROWS) if there & set(row.chosen_by or ())), plain).name


def model_for(fields: Mapping[str, object]) -> str:
    """Name of the model of a request: the one that its fields name, else the one that follows from what is given.

    >>> model_for({"model": "wan3.0-video"}), model_for({"video": "a.mp4", "first_frame": None})
    ('wan3.0-video', 'wan2.7-videoedit')
    """
    named = fields.get("model")
    given = (name for name, value in fields.items() if value is not None)
    return named if isinstance(named, str) and named else chosen(given)


def usual(name: str) -> Field:
    """A field as the first model has it that takes one of this name."""
    return _SAID[name][0]


def takers(field: str, value: object = None) -> list[str]:
    """Models, without snapshots, that take a field, and a choice or number of it where one is told."""
    rows = [(row.name, row.field(field)) for row in _ROWS]
    return [name for name, spec in rows if spec is not None and (value is None or takes(spec, value))]


def takes(spec: Field, value: object) -> bool:
    """Whether a value is among the choices, or in the range, of a field."""
    if isinstance(value, int) and spec.type is int:
        return spec.special(value) is not None or (spec.minimum or 0) <= value <= (spec.maximum or value)
    return not spec.choices or value in spec.choices


def billed_seconds(row: Model, output: float, inputs: Sequence[float] = ()) -> float:
    """Seconds on the bill of a clip.

    Parameters
    ----------
    row : Model
    output : float
        Length of the clip.
    inputs : sequence of float
        Lengths of the given clips in the fields of ``row.billing.inputs``.

    >>> billed_seconds(model("wan2.7-r2v"), 5, [2, 9]), billed_seconds(model("wan2.7-videoedit"), 5.02, [5.02])
    (9.5, 10.04)
    """
    return output + row.billing.input_seconds(inputs)


def price_per_second(name: str, resolution: str, region: Region) -> float:
    """List price of one billed second in the currency of the region. An estimate: the bill decides.

    A region without a price of its own has that of the dearest one with its currency; an unknown model costs what the
    dearest of its kind does, an unknown tier what the dearest one does.

    >>> price_per_second("wan2.7-i2v", "720P", REGIONS["beijing"]), price_per_second("wan9", "", REGIONS["beijing"])
    (0.6, 1.8)
    """
    rows = [MODELS[name]] if name in MODELS else _of_a_kind(name)
    tiers = [prices for row in rows for prices in _lists(row, region)]
    known = [prices[resolution] for prices in tiers if resolution in prices]
    return max(known or [price for prices in tiers for price in prices.values()])


def _of_a_kind(name: str) -> list[Model]:
    """Rows that make what an unknown model is likely to make, or all of them."""
    near = model(name)
    tasks = {mode.task for mode in near.modes}
    known = set(name.split("-")) & set(near.name.split("-"))
    return [row for row in _ROWS if not known or {mode.task for mode in row.modes} == tasks]


def _lists(row: Model, region: Region) -> list[dict[str, float]]:
    own = row.prices.regions.get(region.name)
    like = [prices for name, prices in row.prices.regions.items() if REGIONS[name].currency == region.currency]
    return [own] if own else like


def dearest_clip(currency: str, name: str = "") -> float:
    """Price of the longest clip of a model, or of the dearest one, in its dearest tier; 0 in an unknown currency.

    >>> dearest_clip("CNY"), dearest_clip("CNY", "wan2.7-i2v")
    (120.0, 15.0)
    """
    rows = [MODELS[name]] if name in MODELS else _of_a_kind(name)
    regions = [region for region in REGIONS.values() if region.currency == currency]
    return max(
        (round(_longest(row) * price_per_second(row.name, "", region), 4) for row in rows for region in regions),
        default=0.0,
    )


def _longest(row: Model) -> float:
    """Most seconds that a clip of this model can be billed for."""
    spec = row.field("duration")
    ends = [spec.maximum if spec else None, row.keeps.most if row.keeps else None]
    output = max(end for end in ends if end is not None)
    given = [limits.total_seconds or (limits.max_seconds or 0) * one.most
             for name in row.billing.inputs if (one := row.field(name)) and (limits := one.limits)]  # fmt: skip
    longest = output + (row.billing.most if row.billing.most is not None else sum(given))
    return longest if row.span is None else min(longest, row.span)
