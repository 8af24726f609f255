"""Rounding of computed numbers to the digits that are the same on every machine."""

from __future__ import annotations

from typing import Any, TypeVar

__all__ = ["steady"]

_T = TypeVar("_T")

_DIGITS = 9
"""Noise is about 1e-15 of a number, up to 1e-12 after a fit; what is shown has at most four digits."""


def steady(number: _T) -> _T:
    """Round a float or an array before it is compared, sorted or shown; -0 becomes 0, None stays.

    >>> steady(0.1 + 0.2) == steady(0.3), steady(-1e-17), steady(None)
    (True, 0.0, None)
    """
    if number is None:
        return number
    value: Any = number
    rounded: _T = (value.round(_DIGITS) if hasattr(value, "round") else round(value, _DIGITS)) + 0.0
    return rounded
