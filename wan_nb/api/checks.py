"""Checks of single values and of combinations of materials against the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.arguments import as_whole, shown
from wan_nb.errors import InvalidRequest, join_words

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["check_combination", "check_value", "from_text"]

_NAMED_ORDER = ("first_frame", "first_clip", "last_frame", "driving_audio")
"""Order in which a combination reads well."""


def from_text(spec: catalog.Field, value: Any) -> Any:
    """A value that was typed, as `check_value` takes it: words for a switch, a choice in either case.

    >>> from_text(catalog.BY_NAME["watermark"], "off")
    False
    """
    if isinstance(value, str) and spec.type is bool:
        return {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}.get(
            value.lower(), value
        )
    if isinstance(value, str) and spec.choices and value.upper() in spec.choices:
        return value.upper()
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
        raise InvalidRequest(f"{spec.name} must be {join_words(spec.choices)}, not {shown(value)}.", field=spec.name)
    if spec.max_characters and len(value) > spec.max_characters:
        over = len(value) - spec.max_characters
        raise InvalidRequest(
            f"{spec.name} has {len(value):,} characters, {over:,} more than the {spec.max_characters:,} that are read.",
            field=spec.name,
            remedy="The service would cut the end without a word: shorten it.",
        )
    if not value.strip():
        raise InvalidRequest(
            f"{spec.name} is empty.", field=spec.name, remedy="Write what should happen, or leave it out."
        )
    return value


def _check_bool(spec: catalog.Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidRequest(f"{spec.name} must be True or False, not {shown(value)}.", field=spec.name)
    return value


def _check_int(spec: catalog.Field, value: Any) -> int:
    unit = f" {spec.unit}" if spec.unit else ""
    span = f"{spec.name} must be a whole number from {spec.minimum} to {spec.maximum}{unit}"
    number = as_whole(value, typed=True)
    if number is None:
        raise InvalidRequest(f"{span}, not {shown(value)}.", field=spec.name)
    if not (spec.minimum or 0) <= number <= (spec.maximum or number):
        raise InvalidRequest(f"{span}, not {number}.", field=spec.name)
    return number


def check_combination(names: Iterable[str], model: str) -> None:
    """Whether these materials may be given together: the list of the model is closed.

    Raises
    ------
    InvalidRequest
    """
    given = frozenset(names)
    legal = catalog.model(model).modes
    if given in legal:
        return
    if not given:
        message, field = "no material: give at least first_frame or first_clip.", "first_frame"
    elif not given & {"first_frame", "first_clip"}:
        message = f"{join_words(sorted(given), 'and')} alone is not enough: give first_frame or first_clip too."
        field = min(given)
    else:
        message = f"{join_words(sorted(given), 'and')} do not go together."
        field = "driving_audio" if "driving_audio" in given else "first_clip"
    choices = "; ".join(" + ".join(sorted(names, key=_NAMED_ORDER.index)) for names in legal)
    raise InvalidRequest(message, field=field, remedy=f"The service takes: {choices}.")
