"""Checks of single values and of combinations of materials against the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.api.medium import Medium, each_material
from wan_nb.arguments import as_whole, shown
from wan_nb.errors import InvalidMedia, InvalidRequest, did_you_mean, join_words, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["check_combination", "check_materials", "check_region", "check_taken", "check_value", "from_text"]


def from_text(spec: catalog.Field, value: Any) -> Any:
    """A value that was typed, as `check_value` takes it: words for a switch, a choice in either case.

    >>> from_text(catalog.BY_NAME["watermark"], "off")
    False
    """
    if isinstance(value, str) and spec.type is bool:
        return {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}.get(
            value.lower(), value
        )
    if isinstance(value, str) and not spec.open_choices:
        return {choice.lower(): choice for choice in spec.choices}.get(value.strip().lower(), value)
    return value


def check_value(spec: catalog.Field, value: Any) -> Any:
    """One plain value against its field of the catalog; returned with the field's type.

    Raises
    ------
    InvalidRequest
    """
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()  # a number of numpy is the number that it holds
    if spec.type is bool:
        return _check_bool(spec, value)
    if spec.type is int:
        return _check_int(spec, value)
    if not isinstance(value, str):
        raise InvalidRequest(f"{spec.name} must be text, not {type(value).__name__}.", field=spec.name)
    if "\0" in value or (not value.isprintable() and any("\ud800" <= c <= "\udfff" for c in value)):
        raise InvalidRequest(
            f"{spec.name} holds a character that cannot be sent (NUL or half a pair).", field=spec.name
        )
    if spec.choices and value not in spec.choices and not spec.open_choices:
        raise InvalidRequest(
            f"{spec.name} must be {join_words(spec.choices)}, not {shown(value)}.",
            field=spec.name,
            remedy=_elsewhere(spec, value),
        )
    _check_length(spec, value)
    if not value.strip():
        raise InvalidRequest(
            f"{spec.name} is empty.", field=spec.name, remedy="Write what should happen, or leave it out."
        )
    return value


def _check_bool(spec: catalog.Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidRequest(f"{spec.name} must be True or False, not {shown(value)}.", field=spec.name)
    return value


def _check_length(spec: catalog.Field, text: str) -> None:
    if not spec.max_characters:
        return
    count = spec.length(text)
    if count > spec.max_characters:
        how = f" (a Chinese one counts as {spec.chinese})" if count > len(text) else ""
        raise InvalidRequest(
            f"{spec.name} has {count:,} characters{how}, {count - spec.max_characters:,} more than the "
            f"{spec.max_characters:,} that are read.",
            field=spec.name,
            remedy="The service would cut the end without a word: shorten it.",
        )


def _check_int(spec: catalog.Field, value: Any) -> int:
    unit = f" {spec.unit}" if spec.unit else ""
    besides = "".join(f", or {one.value} ({one.help})" for one in spec.specials)
    span = f"{spec.name} must be a whole number from {spec.minimum} to {spec.maximum}{unit}{besides}"
    number = as_whole(value, typed=True)
    if number is None:
        raise InvalidRequest(f"{span}, not {shown(value)}.", field=spec.name)
    inside = (spec.minimum or 0) <= number <= (spec.maximum if spec.maximum is not None else number)
    if not inside and spec.special(number) is None:
        raise InvalidRequest(f"{span}, not {number}.", field=spec.name, remedy=_elsewhere(spec, number))
    return number


def _elsewhere(spec: catalog.Field, value: Any) -> str:
    """Who takes a value that this model does not take; empty where nobody does."""
    others = catalog.takers(spec.name, value)
    return f"{join_words(others, 'and')} {'takes' if len(others) == 1 else 'take'} it: --model." if others else ""


def check_taken(name: str, model: str) -> None:
    """Whether a model has a field at all.

    Raises
    ------
    InvalidRequest
        With the models that have it.
    """
    row = catalog.model(model)
    if row.field(name) is not None:
        return
    if name in catalog.NOT_YET:
        raise InvalidRequest(
            f"{name} is an input of the service that wan_nb does not offer yet.",
            field=name,
            remedy="Write what matters of it into the prompt.",
        )
    if name not in catalog.BY_NAME:
        near = [catalog.OTHER_WORDS[name]] if name in catalog.OTHER_WORDS else nearest(name, catalog.BY_NAME)
        raise InvalidRequest(
            f"the request has no field {shown(name)}.",
            field=name,
            remedy=did_you_mean(near, f"Fields: {', '.join(catalog.BY_NAME)}."),
        )
    others = join_words(catalog.takers(name), "and")
    raise InvalidRequest(
        f"{model} takes no {name}.", field=name, remedy=f"Leave it out, or name a model that takes it: {others}."
    )


def check_region(model: str, region: catalog.Region) -> None:
    """Whether a region offers a model, as far as the catalog knows.

    Raises
    ------
    InvalidRequest
    """
    row = catalog.MODELS.get(model)
    if row is not None and region.name not in row.regions:
        raise InvalidRequest(
            f"{model} is not offered in {region.name}.",
            field="model",
            remedy=f"It is in {join_words(row.regions, 'and')}: %wan connect NAME, with a key of that region.",
        )


# --- materials of a request, each and together


def _check_medium(spec: catalog.Field, medium: Medium, model: str) -> None:
    """What is known of a material against the limits that a model has for it.

    Raises
    ------
    InvalidMedia
    """
    limits = spec.limits
    assert limits is not None
    if medium.kind != limits.name:
        raise InvalidMedia(f"{spec.name}: {shown(medium.name)} is no {limits.name}.", field=spec.name)
    low, high = sorted((medium.width or 0, medium.height or 0))
    wrong = None
    if medium.format and medium.format not in limits.formats:
        wrong = f"is {medium.format}; it takes {join_words(limits.formats)}"
    elif medium.bytes and medium.bytes > limits.max_bytes:
        wrong = f"has {medium.bytes / catalog.MB:.1f} MB; it takes {limits.max_bytes // catalog.MB} MB"
    elif high and (low < (limits.min_side or 0) or high > (limits.max_side or high)):
        wrong = (
            f"is {medium.width} x {medium.height}; each side must have {limits.min_side} to {limits.max_side} pixels"
        )
    elif high and limits.max_ratio and high > low * limits.max_ratio:
        wrong = f"is {medium.width} x {medium.height}; one side may be {limits.max_ratio:g} times the other at most"
    elif medium.seconds is not None and limits.max_seconds and not _within(medium.seconds, limits):
        wrong = f"is {medium.seconds:.2f} s long; it takes {limits.min_seconds:g} to {limits.max_seconds:g} s"
    elif medium.fps is not None and limits.min_fps and medium.fps < limits.min_fps:
        wrong = f"has {medium.fps:g} pictures a second; it takes {limits.min_fps:g} or more"
    if wrong:
        raise InvalidMedia(f"{spec.name}: {shown(medium.name)} {wrong} ({model}).", field=spec.name)


def check_materials(spec: catalog.Field, value: Any, model: str) -> Any:
    """What a request holds for one field of materials: a `Medium`, a tuple of them, or a mapping by number.

    Raises
    ------
    InvalidRequest, InvalidMedia
    """

    def checked(medium: Any) -> Any:
        if not isinstance(medium, Medium):
            raise InvalidRequest(f"{spec.name} must be a Medium, not {type(medium).__name__}.", field=spec.name)
        _check_medium(spec, medium, model)
        return medium

    held = each_material(spec, value, checked)
    if isinstance(held, list) and len(held) > spec.most:
        raise InvalidMedia(f"{spec.name}: {len(held)} are given; {model} takes {spec.most}.", field=spec.name)
    return tuple(held) if isinstance(held, list) else held


def _within(seconds: float, limits: catalog.MediaKind) -> bool:
    return (limits.min_seconds or 0) - catalog.SLACK <= seconds <= (limits.max_seconds or 0) + catalog.SLACK


def check_combination(names: Iterable[str], row: catalog.Model) -> catalog.Mode:
    """How these materials may be given together: what fits no mode of the model is refused.

    Raises
    ------
    InvalidRequest
    """
    given = [name for name in catalog.MATERIALS if name in set(names)]
    if mode := row.mode(given):
        return mode
    plain = [name for name in given if (spec := row.field(name)) is None or spec.where != "item"]
    choices = "; ".join(mode.told for mode in row.modes)
    need = [name for mode in row.modes for name in (*mode.required[:1], *mode.one_of)]
    firsts = join_words(list(dict.fromkeys(need)))
    if not plain:
        message, field = f"nothing is given: {row.name} needs {firsts}.", need[0]
    elif not set(plain) & set(need):
        message = f"{join_words(sorted(plain), 'and')} alone is not enough: give {firsts} too."
        field = plain[0]
    else:
        message, field = f"{join_words(sorted(plain), 'and')} do not go together.", plain[-1]
        if len(plain) == 1:
            message = f"{plain[0]} alone is not enough."
    raise InvalidRequest(message, field=field, remedy=f"{row.name} takes: {choices}.")
