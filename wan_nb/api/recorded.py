"""A request from what was written down about it: the log's row, or the sidecar beside a clip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wan_nb.api.request import Medium

__all__ = ["materials_of", "recorded", "values_of"]


def values_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recorded request that are no materials."""
    given = {name: value for name, value in request.get("input", {}).items() if name != "media"}
    return {**given, "model": request.get("model"), **request.get("parameters", {})}


def recorded(item: Mapping[str, Any]) -> Medium:
    """A material as it was written down, unseen."""
    from wan_nb.api.request import Medium
    from wan_nb.api.urls import is_http

    known = {name: value for name, value in item.items() if name in Medium.model_fields}
    return Medium(**{**known, "url": item["name"] if item.get("whole") and is_http(item["name"]) else None})


def materials_of(request: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """The materials of a recorded request by type and content.

    >>> sorted(materials_of({"input": {"media": [{"type": "first_frame", "identity": "sha256:1f"}]}}))
    [('first_frame', 'sha256:1f')]
    """
    return frozenset((str(item["type"]), str(item["identity"])) for item in request.get("input", {}).get("media", ()))
