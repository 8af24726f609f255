"""Checks of a create body: what is refused at once (HTTP 400), and what fails minutes later in the task.

The service accepts nearly any JSON object with a model and an input; field errors come back in a FAILED task.
"""

from __future__ import annotations

from typing import Any, NoReturn

from wan_nb.api import catalog
from wan_nb.simulator.account.limits import Refusal

__all__ = ["TaskFailure", "check_shape", "request_values"]


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


def _urls(fields: dict[str, Any]) -> list[str]:
    media = fields.get("media")
    items = media if isinstance(media, list) else []
    return [item["url"] for item in items if isinstance(item, dict) and isinstance(item.get("url"), str)]


def request_values(body: dict[str, Any]) -> dict[str, Any]:
    """Values of a request as the service understands them: text cut, defaults of the API filled in.

    Returns
    -------
    dict
        URLs by type under ``media``; the fields of the catalog under their names, None where there is no default.

    Raises
    ------
    TaskFailure
        ``InvalidParameter`` naming the field, for every error that the service finds in the running task.
    """
    row = catalog.model(body["model"])
    media = _media(body["input"], tuple(field.wire for field in row.fields if field.where == "media"))
    if row.mode(media) is None:
        _fail(f"Unsupported combination of media types ({', '.join(media)})", "input.media")
    fields = [field for field in row.fields if field.where in {"input", "parameters"} and not field.limits]
    return {"media": media, **{field.name: _value(field, body.get(field.where) or {}) for field in fields}}


def _fail(message: str, place: str) -> NoReturn:
    raise TaskFailure("InvalidParameter", f"{message}: {place}")


def _media(fields: dict[str, Any], types: tuple[str, ...]) -> dict[str, str]:
    if fields.get("media") is None:
        _fail("Field required", "input.media")
    if not isinstance(fields["media"], list):
        _fail("Input should be a valid list", "input.media")
    if not fields["media"]:
        _fail("List should have at least 1 item", "input.media")
    media: dict[str, str] = {}
    for index, item in enumerate(fields["media"]):
        place = f"input.media.{index}"
        if not isinstance(item, dict):
            _fail("Input should be a valid dictionary", place)
        for key in ("type", "url"):
            if item.get(key) is None:
                _fail("Field required", f"{place}.{key}")
        if item["type"] not in types:
            _fail(f"Input should be {_either(types)}", f"{place}.type")
        if not isinstance(item["url"], str) or not item["url"]:
            _fail("Input should be a valid string", f"{place}.url")
        if item["type"] in media:
            _fail(f"Media type {item['type']} given twice", "input.media")
        media[item["type"]] = item["url"]
    return media


def _either(names: tuple[str, ...]) -> str:
    quoted = [f"'{name}'" for name in names]
    return ", ".join(quoted[:-1]) + f" or {quoted[-1]}"


def _value(field: catalog.Field, given: dict[str, Any]) -> Any:
    value, place = given.get(field.name), f"{field.where}.{field.name}"
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
    return value[: field.max_characters] if isinstance(value, str) else value


def _integer(field: catalog.Field, value: Any, place: str) -> int:
    if isinstance(value, str) and len(value) < 20 and value.strip().removeprefix("-").isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        _fail("Input should be a valid integer", place)
    if field.minimum is not None and value < field.minimum:
        _fail(f"Input should be greater than or equal to {field.minimum}", place)
    if field.maximum is not None and value > field.maximum:
        _fail(f"Input should be less than or equal to {field.maximum}", place)
    return int(value)
