"""A request from what was written down about it: the log's row, or the sidecar beside a clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.errors import LogError
from wan_nb.sanitize import as_number

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    from wan_nb.api.medium import Medium

__all__ = [
    "beside_materials",
    "carried",
    "items_of",
    "material_fields",
    "materials_of",
    "recorded",
    "recorded_media",
    "values_of",
]


_TEXTS = ("identity", "name", "kind", "format", "taken", "run")
_NUMBERS = ("bytes", "width", "height", "seconds", "fps")


def values_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recorded request that are no materials."""
    given = {name: value for name, value in request.get("input", {}).items() if not isinstance(value, (list, dict))}
    return {**given, "model": request.get("model"), **request.get("parameters", {})}


def items_of(request: Mapping[str, Any]) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """The materials of a recorded request: field, number from 1, and what was written down of each.

    >>> [*items_of({"input": {"prompt": "a", "media": [{"type": "first_frame", "name": "cat.png"}]}})]
    [('first_frame', 1, {'type': 'first_frame', 'name': 'cat.png'})]
    """
    row = catalog.model(str(request.get("model") or ""))
    given = request.get("input") or {}
    names = {spec.wire: spec.name for spec in (*catalog.FIELDS, *row.fields) if spec.limits and spec.where == "media"}
    counts: dict[str, int] = {}
    held: dict[str, list[Mapping[str, Any]]] = {}
    for item in given.get("media") or ():
        name = names.get(item.get("type"), str(item.get("type")))
        counts[name] = counts.get(name, 0) + 1
        held.setdefault(name, []).append(item)
        yield name, counts[name], item
    for spec in row.materials:
        if spec.where == "input" and isinstance(given.get(spec.wire), dict):
            yield spec.name, 1, given[spec.wire]
        if spec.where == "item":
            carriers = [item for name in spec.items for item in held.get(name, ())]
            yield from (
                (spec.name, number, item[spec.wire]) for number, item in enumerate(carriers, 1) if spec.wire in item
            )


def beside_materials(request: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded request without its media and its seed.

    >>> beside_materials({"model": "m", "input": {"prompt": "a", "media": []}, "parameters": {"seed": 1}})
    {'model': 'm', 'input': {'prompt': 'a'}, 'parameters': {}}
    """
    parameters = {name: value for name, value in request.get("parameters", {}).items() if name != "seed"}
    given = {name: value for name, value in request.get("input", {}).items() if name != "media"}
    return {"model": request.get("model"), "input": given, "parameters": parameters}


def material_fields(
    request: Mapping[str, Any], made: Callable[[str, Mapping[str, Any]], Any], *, without: Container[str] = ()
) -> dict[str, Any]:
    """The materials of a recorded request as a person gives them: one, a list, or by number.

    Parameters
    ----------
    request : mapping
    made : callable
        What a recorded material becomes, told its field.
    without : container of str
        Fields that are left out.
    """
    fields: dict[str, Any] = {}
    for name, number, item in items_of(request):
        if name in without:
            continue
        spec, value = catalog.BY_NAME.get(name), made(name, item)
        if spec is not None and spec.where == "item":
            fields.setdefault(name, {})[number] = value
        elif spec is not None and spec.listed:
            fields.setdefault(name, []).append(value)
        else:
            fields[name] = value
    return fields


def carried(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a request with some changed; of a default that another model does not take, its own is taken.

    >>> carried({"model": "wan3.0-video", "ratio": "adaptive", "seed": 1}, {"model": "wan2.7-t2v"})
    {'model': 'wan2.7-t2v', 'seed': 1}
    """
    old = catalog.model(catalog.model_for(fields))
    new = catalog.model(str(changes.get("model") or old.name))

    def kept(name: str, value: Any) -> bool:
        was, now = old.field(name), new.field(name)
        return was is None or value != was.default or (now is not None and catalog.takes(now, value))

    return {**{name: value for name, value in fields.items() if kept(name, value)}, **changes}


def recorded(item: Mapping[str, Any]) -> Medium:
    """A material as it was written down, unseen.

    Raises
    ------
    LogError
        It is not told which material it was.
    """
    from wan_nb.api.medium import Medium
    from wan_nb.api.urls import is_http

    known: dict[str, Any] = {name: value for name in _TEXTS if isinstance(value := item.get(name), str)}
    if not known.keys() >= {"identity", "name", "kind"}:
        raise LogError("the log does not say any more which material this was.", remedy="Give it again, as a file.")
    known |= {name: value for name in _NUMBERS if as_number(value := item.get(name)) is not None}
    path, whole = item.get("path"), item.get("whole")
    return Medium(
        **known,
        path=Path(path) if isinstance(path, str) else None,
        whole=whole if isinstance(whole, bool) else None,
        url=known["name"] if whole and is_http(known["name"]) else None,
    )


def recorded_media(request: Mapping[str, Any]) -> dict[str, Medium]:
    """The materials of a recorded request by their place, as `VideoRequest.media` has them."""
    row = catalog.model(str(request.get("model") or ""))

    def place(name: str, number: int) -> str:
        return name if (spec := row.field(name)) is None or spec.most == 1 else f"{name} {number}"

    return {place(name, number): recorded(item) for name, number, item in items_of(request)}


def materials_of(request: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """The materials of a recorded request by type and content.

    >>> sorted(materials_of({"input": {"media": [{"type": "first_frame", "identity": "sha256:1f"}]}}))
    [('first_frame', 'sha256:1f')]
    """
    return frozenset(
        (name if number == 1 else f"{name} {number}", str(item["identity"])) for name, number, item in items_of(request)
    )
