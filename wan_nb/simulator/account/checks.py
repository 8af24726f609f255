"""What is wrong with a create body: at once (HTTP 400), or minutes later in the task, as the service does it.

The service takes nearly any JSON object with a model and an input; field errors come back in a FAILED task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wan_nb.api import catalog
from wan_nb.simulator.account.limits import Refusal

__all__ = ["TaskFailure", "Wanted", "refuse_shape", "wanted"]

_FIELDS = {field.name: field for field in catalog.FIELDS}
_TYPES = tuple(field.name for field in catalog.fields("media"))


class TaskFailure(Exception):
    """The task ends FAILED with this code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Wanted:
    """A body that passed the late checks, as the service understands it: text cut, defaults of the API filled in."""

    prompt: str
    negative_prompt: str
    media: dict[str, str]
    resolution: str
    duration: int
    prompt_extend: bool
    watermark: bool
    seed: int | None


def refuse_shape(body: object, *, resolve: bool) -> dict[str, Any]:
    """Body as a dict, if the service would take it at all.

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


def wanted(body: dict[str, Any]) -> Wanted:
    """What the request asks for.

    Raises
    ------
    TaskFailure
        ``InvalidParameter`` naming the field, for everything that the service finds out too late.
    """
    fields, parameters = body["input"], body.get("parameters") or {}
    media = _media(fields)
    if frozenset(media) not in catalog.model(body["model"]).combinations:
        _fail(f"Unsupported combination of media types ({', '.join(media)})", "input.media")
    seed = parameters.get("seed")
    return Wanted(
        prompt=_text(fields, "prompt"),
        negative_prompt=_text(fields, "negative_prompt"),
        media=media,
        resolution=_choice(parameters, "resolution"),
        duration=_number(parameters, "duration", _FIELDS["duration"].api_default),
        prompt_extend=_flag(parameters, "prompt_extend"),
        watermark=_flag(parameters, "watermark"),
        seed=None if seed is None else _number(parameters, "seed", None),
    )


def _fail(message: str, place: str) -> None:
    raise TaskFailure("InvalidParameter", f"{message}: {place}")


def _media(fields: dict[str, Any]) -> dict[str, str]:
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
        if item["type"] not in _TYPES:
            _fail(f"Input should be {_either(_TYPES)}", f"{place}.type")
        if not isinstance(item["url"], str) or not item["url"]:
            _fail("Input should be a valid string", f"{place}.url")
        if item["type"] in media:
            _fail(f"Media type {item['type']} given twice", "input.media")
        media[item["type"]] = item["url"]
    return media


def _either(names: tuple[str, ...]) -> str:
    quoted = [f"'{name}'" for name in names]
    return ", ".join(quoted[:-1]) + f" or {quoted[-1]}"


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        _fail("Input should be a valid string", f"input.{name}")
    # Longer text is cut without a word, as documented.
    return (value or "")[: _FIELDS[name].max_characters]


def _choice(parameters: dict[str, Any], name: str) -> str:
    value = parameters.get(name)
    if value is None:
        return str(_FIELDS[name].api_default)
    choices = _FIELDS[name].choices
    if value not in choices:
        # The service lists the larger one first.
        _fail(f"Input should be {_either(tuple(reversed(choices)))}", f"parameters.{name}")
    return str(value)


def _number(parameters: dict[str, Any], name: str, default: Any) -> int:
    value, place, rule = parameters.get(name, default), f"parameters.{name}", _FIELDS[name]
    if value is None:
        return int(default)
    if isinstance(value, str) and len(value) < 20 and value.strip().removeprefix("-").isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        _fail("Input should be a valid integer", place)
    if rule.minimum is not None and value < rule.minimum:
        _fail(f"Input should be greater than or equal to {rule.minimum}", place)
    if rule.maximum is not None and value > rule.maximum:
        _fail(f"Input should be less than or equal to {rule.maximum}", place)
    return int(value)


def _flag(parameters: dict[str, Any], name: str) -> bool:
    value = parameters.get(name)
    if value is None:
        return bool(_FIELDS[name].api_default)
    if not isinstance(value, bool):
        _fail("Input should be a valid boolean", f"parameters.{name}")
    return bool(value)
