"""A request again from what was written down about it: from the log's row or from the sidecar beside a clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from wan_nb.errors import InvalidMedia

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wan_nb.engine.row import Row

__all__ = ["fields_of", "fields_of_request"]


def fields_of(row: Row) -> dict[str, Any]:
    """Fields for `Session.submit` that make the request of a run, without its prompt and without its seed.

    Raises
    ------
    InvalidMedia
        A material is no longer where it was.
    """
    fields = fields_of_request(row.request, run_id=row.run_id)
    return {name: value for name, value in fields.items() if name not in {"prompt", "seed"}}


def fields_of_request(request: Mapping[str, Any], *, run_id: str | None = None) -> dict[str, Any]:
    """All fields of a recorded request, as `Session.submit` takes them.

    Raises
    ------
    InvalidMedia
        A material is no longer where it was.
    """
    given = request.get("input", {})
    fields = {name: value for name, value in given.items() if name != "media"}
    for item in given.get("media", ()):
        path = item.get("path")
        if path is not None and not Path(path).exists():
            raise InvalidMedia(
                f"{item['type']} is no longer at {path}.",
                field=item["type"],
                run_id=run_id,
                remedy=f"Give it anew: run.again({item['type']}=...).",
            )
        fields[item["type"]] = path if path is not None else item["name"]
    return {**fields, "model": request.get("model"), **request.get("parameters", {})}
