"""A request again from what was written down about it: from the log's row or from the sidecar beside a clip."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from wan_nb.errors import InvalidMedia

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from wan_nb.api.request import Medium
    from wan_nb.engine.workspace import Opened
    from wan_nb.log.row import Row

__all__ = ["fields_of", "fields_of_request", "material_of", "recorded", "values_of"]


def fields_of(session: Opened, row: Row, *, without: Container[str] = ()) -> dict[str, Any]:
    """Fields for `Session.submit` that make the request of a run, without its prompt and without its seed.

    Parameters
    ----------
    session : Opened
    row : Row
    without : container of str
        Fields that are given anew, so that nothing has to be there for them.

    Raises
    ------
    InvalidMedia
        A material is no longer what and where it was.
    """
    fields = fields_of_request(session, row.request, run_id=row.run_id, without=without)
    return {name: value for name, value in fields.items() if name not in {"prompt", "seed"}}


def fields_of_request(
    session: Opened,
    request: Mapping[str, Any],
    *,
    run_id: str | None = None,
    without: Container[str] = (),
    lost_too: bool = False,
) -> dict[str, Any]:
    """All fields of a recorded request; see `fields_of`. With `lost_too` also materials that cannot be sent again."""
    fields = values_of(request)
    for item in request.get("input", {}).get("media", ()):
        if item["type"] not in without:
            fields[item["type"]] = medium = material_of(session, item)
            if not lost_too and (why := medium.lost) is not None:
                raise InvalidMedia(
                    f"{item['type']}: {why}",
                    field=item["type"],
                    run_id=run_id,
                    remedy=f"Give it anew: run.again({item['type']}=...).",
                )
    return fields


def values_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recorded request that are no materials."""
    given = {name: value for name, value in request.get("input", {}).items() if name != "media"}
    return {**given, "model": request.get("model"), **request.get("parameters", {})}


def material_of(session: Opened, item: Mapping[str, Any]) -> Medium:
    """A material as it was written down: with its file where that still holds the same content.

    A log or a sidecar may have been written by anybody, so a file outside of our own folder is used for nothing else.
    Where it is another one, the runs that were made of it are still found by it, and `Medium.lost` says why it cannot
    be sent again.
    """
    from wan_nb.media.materials import prepare

    medium, frames = recorded(item), session.store.frames
    if medium.path is None:
        return medium
    own = frames / medium.path.name  # a copy of ours, also where the folder has moved since
    for path in (own, medium.path):
        if path == own and path.is_file() and own.stem.partition("-")[0] == medium.identity.removeprefix("sha256:"):
            return medium.model_copy(update={"path": own})  # named by the picture, also where it is a JPEG of it
        if path.is_file():
            with suppress(InvalidMedia):
                now = prepare(path, item["type"], frames)
                if now.identity == medium.identity:
                    return now.model_copy(update={"name": medium.name, "note": ""})
    return medium.model_copy(update={"path": None})


def recorded(item: Mapping[str, Any]) -> Medium:
    """A material as it was written down, unseen."""
    from wan_nb.api.request import Medium
    from wan_nb.api.urls import is_http

    known = {name: value for name, value in item.items() if name in Medium.model_fields}
    return Medium(**{**known, "url": item["name"] if item.get("whole") and is_http(item["name"]) else None})
