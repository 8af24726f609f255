"""Checks of a create body: what is refused at once (HTTP 400), and what fails minutes later in the task.

The service accepts nearly any JSON object with a model and an input; field errors come back in a FAILED task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from wan_nb.api import catalog
from wan_nb.simulator.account.limits import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Asked", "Given", "TaskFailure", "check_shape", "each_url", "read_request"]


class TaskFailure(Exception):
    """The task ends FAILED with this code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


def check_shape(body: object, *, resolve: bool) -> dict[str, Any]:
    """Body as a dict, if the service accepts it at all.

    Parameters
    ----------
    body : object
        Parsed JSON.
    resolve : bool
        Whether ``X-DashScope-OssResourceResolve: enable`` was sent.

    Raises
    ------
    Refusal
        400 for what is no request; 404 for a model that does not exist.
    """
    if not isinstance(body, dict):
        raise Refusal(400, "BadRequest.IllegalInput", "The request body is not a JSON object.")
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise Refusal(400, "BadRequest.EmptyModel", "Required parameter model missing from request.")
    if not isinstance(body.get("input"), dict):
        raise Refusal(400, "BadRequest.EmptyInput", "Required input parameter missing from request.")
    if not isinstance(body.get("parameters", {}), (dict, type(None))):
        raise Refusal(400, "BadRequest.IllegalInput", "parameters is not a JSON object.")
    if model not in catalog.MODELS:
        raise Refusal(404, "ModelNotFound", "Model can not be found.")
    if not resolve and any(url.startswith("oss://") for url in _urls(body["input"])):
        raise Refusal(400, "invalid_parameter_error", "The provided URL does not appear to be valid.")
    return body


_INPUT_URLS = frozenset(spec.wire for row in catalog.MODELS.values() for spec in row.materials if spec.where == "input")
"""Keys of ``input`` that hold the URL of a material."""


def each_url(fields: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """Copy of an ``input`` in which every URL of a material is changed; whatever is none stays."""

    def changed(thing: dict[str, Any], keys: Any) -> dict[str, Any]:
        return {k: change(v) if k in keys and isinstance(v, str) else v for k, v in thing.items()}

    copy, media = changed(fields, _INPUT_URLS), fields.get("media")
    if isinstance(media, list):
        copy["media"] = [changed(item, item.keys() - {"type"}) if isinstance(item, dict) else item for item in media]
    return copy


def _urls(fields: dict[str, Any]) -> list[str]:
    found: list[str] = []

    def noted(url: str) -> str:
        found.append(url)
        return url

    each_url(fields, noted)
    return found


@dataclass(frozen=True, slots=True)
class Given:
    """One material that a request names.

    Attributes
    ----------
    field : Field
    url : str
    place : str
        Where it stands in the body, such as ``input.media.0``.
    """

    field: catalog.Field
    url: str
    place: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the service understands it: text cut, defaults of the API filled in.

    Attributes
    ----------
    row : Model
    values : dict
        By field; None where nothing is given and there is no default.
    given : tuple of Given
        Materials in the order of the body.
    """

    row: catalog.Model
    values: dict[str, Any]
    given: tuple[Given, ...]


def read_request(body: dict[str, Any]) -> Asked:
    """What a create body asks for.

    Raises
    ------
    TaskFailure
        ``InvalidParameter`` naming the field, for every error that the service finds in the running task.
    """
    row = catalog.model(body["model"])
    given = tuple(_materials(row, body["input"]))
    types = [one.field.name for one in given if one.field.where != "item"]
    mode = row.mode(types)
    if mode is None:
        _fail_combination(row, types)
    values = {
        spec.name: _value(spec, body.get(spec.where) or {})
        for spec in row.fields
        if spec.where in {"input", "parameters"} and not spec.limits
    }
    if mode.prompt and not (values.get("prompt") or "").strip():
        _fail("Field required", "input.prompt")
    asked = row.field("duration")
    for name, most in asked.maximum_with if asked else ():
        if name in types and values["duration"] > most:
            _fail(f"Input should be less than or equal to {most}", "parameters.duration")
    return Asked(row, values, given)


def _fail_combination(row: catalog.Model, types: list[str]) -> NoReturn:
    kinds = list(dict.fromkeys(types))
    if set(types) & {name for mode in row.modes for name in mode.one_of} and all(
        any(name in {*mode.required, *mode.one_of, *mode.optional} for mode in row.modes) for name in types
    ):
        _fail("The two modes are mutually exclusive", "input.media")
    _fail(f"Unsupported combination of media types ({', '.join(kinds)})", "input.media")


def _fail(message: str, place: str) -> NoReturn:
    raise TaskFailure("InvalidParameter", f"{message}: {place}")


def _materials(row: catalog.Model, fields: dict[str, Any]) -> Iterator[Given]:
    for spec in row.materials:
        url = fields.get(spec.wire)
        if spec.where == "input" and url is not None:
            yield Given(spec, _text(url, f"input.{spec.wire}"), f"input.{spec.wire}")
    types = {spec.wire: spec for spec in row.fields if spec.where == "media"}
    if not types:
        return
    media = fields.get("media")
    if media is None and row.mode(()) is not None:
        return
    if media is None:
        _fail("Field required", "input.media")
    if not isinstance(media, list):
        _fail("Input should be a valid list", "input.media")
    if not media and row.mode(()) is None:
        _fail("List should have at least 1 item", "input.media")
    for index, item in enumerate(media):
        yield from _item(row, types, item, f"input.media.{index}")
    _check_counts(row, types, [item["type"] for item in media])


def _item(row: catalog.Model, types: dict[str, catalog.Field], item: Any, place: str) -> Iterator[Given]:
    """An item of the media, and what is given as an attribute of it."""
    if not isinstance(item, dict):
        _fail("Input should be a valid dictionary", place)
    for key in ("type", "url"):
        if item.get(key) is None:
            _fail("Field required", f"{place}.{key}")
    if not isinstance(item["type"], str) or item["type"] not in types:
        _fail(f"Input should be {_either(tuple(types))}", f"{place}.type")
    spec = types[item["type"]]
    yield Given(spec, _text(item["url"], f"{place}.url"), place)
    for attribute in row.fields:
        url = item.get(attribute.wire)
        if attribute.where == "item" and url is not None and spec.name in attribute.items:
            yield Given(attribute, _text(url, f"{place}.{attribute.wire}"), f"{place}.{attribute.wire}")


def _text(url: Any, place: str) -> str:
    if not isinstance(url, str) or not url:
        _fail("Input should be a valid string", place)
    return url


def _check_counts(row: catalog.Model, types: dict[str, catalog.Field], given: list[str]) -> None:
    for name, spec in types.items():
        if given.count(name) > spec.most:
            few = f"Media type {name} given twice"
            _fail(few if spec.most == 1 else f"At most {spec.most} items of type {name}", "input.media")
    for names, most in row.together:
        if sum(types[name].name in names for name in given) > most:
            _fail(f"At most {most} items of type {_either(names)}", "input.media")


def _either(names: tuple[str, ...]) -> str:
    quoted = [f"'{name}'" for name in names]
    return " or ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))


def _value(field: catalog.Field, given: dict[str, Any]) -> Any:
    value, place = given.get(field.wire), f"{field.where}.{field.wire}"
    if value is None:
        return field.api_default
    if field.choices and value not in field.choices:
        # The service lists the larger one first.
        _fail(f"Input should be {_either(tuple(reversed(field.choices)))}", place)
    if field.type is int:
        return _integer(field, value, place)
    if not isinstance(value, field.type):
        _fail(f"Input should be a valid {'boolean' if field.type is bool else 'string'}", place)
    # Longer text is cut without an error, as documented.
    return _cut(field, value) if isinstance(value, str) else value


def _cut(field: catalog.Field, text: str) -> str:
    most = field.max_characters or len(text) * field.chinese
    text = text[:most]
    while field.length(text) > most:
        text = text[: len(text) - max(1, (field.length(text) - most) // field.chinese)]
    return text


def _integer(field: catalog.Field, value: Any, place: str) -> int:
    if isinstance(value, str) and len(value) < 20 and value.strip().removeprefix("-").isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        _fail("Input should be a valid integer", place)
    if field.special(int(value)) is not None:
        return int(value)
    if field.minimum is not None and value < field.minimum:
        _fail(f"Input should be greater than or equal to {field.minimum}", place)
    if field.maximum is not None and value > field.maximum:
        _fail(f"Input should be less than or equal to {field.maximum}", place)
    return int(value)
