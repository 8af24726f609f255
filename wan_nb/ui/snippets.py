"""A request as code that a person copies: Python, a ``%%wan`` cell, curl. The key is never in it.

All three read the request as the log keeps it (`VideoRequest.public`): the body with the facts of each material in
place of its URL.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wan_nb.api import catalog
from wan_nb.api.catalog import CREATE_PATH, REGIONS
from wan_nb.ui.variants import write_body

__all__ = ["as_cell", "as_curl", "as_python", "fields_of"]

Body = Mapping[str, Any]


def fields_of(body: Body) -> dict[str, Any]:
    """Fields of `wan_nb.submit` out of a logged request, in the catalog's order; media as a path or URL to give again.

    >>> fields_of({"model": "wan2.7-i2v", "input": {"prompt": "a cat"}, "parameters": {"duration": 5}})
    {'model': 'wan2.7-i2v', 'prompt': 'a cat', 'duration': 5}
    """
    given = body.get("input", {})
    flat = {"model": body.get("model"), **given, **body.get("parameters", {})}
    flat.update({item["type"]: _place(item) for item in given.get("media") or ()})
    return {f.name: flat[f.name] for f in catalog.FIELDS if flat.get(f.name) is not None}


def as_python(body: Body) -> str:
    """The request as a call of `wan_nb.submit`; what equals our defaults is left out.

    >>> print(as_python({"model": "wan2.7-i2v", "input": {"prompt": "a cat"}, "parameters": {"duration": 8}}))
    wan_nb.submit(
        "a cat",
        duration=8,
    )
    """
    values = _told(body)
    prompt = values.pop("prompt", None)
    lines = [] if prompt is None else [f"    {_literal(prompt)},"]
    lines += [f"    {name}={_literal(value)}," for name, value in values.items()]
    return "\n".join(["wan_nb.submit(", *lines, ")"])


def as_cell(body: Body) -> str:
    """The request as a ``%%wan`` cell. A prompt that the cell would read as syntax is kept literal by ``--raw``.

    Examples
    --------
    >>> print(as_cell({"input": {"prompt": "a cat", "media": [{"type": "first_frame", "name": "my cat.png"}]}}))
    %%wan --first-frame 'my cat.png'
    a cat
    """
    values = _told(body)
    prompt = str(values.pop("prompt", ""))
    words = ["--raw"] if "{{" in prompt else []
    for spec in catalog.FIELDS:
        value = values.get(spec.name)
        if value is None:
            continue
        if spec.type is bool:
            words.append(spec.flag if value else spec.flag.replace("--", "--no-", 1))
        else:
            words += [spec.flag, shlex.quote(str(value))]
    return "\n".join([" ".join(["%%wan", *words]), write_body([("", prompt)])])


def as_curl(body: Body, base_url: str = REGIONS["beijing"].base_url) -> str:
    """The request as the service reads it, for a shell. A local file stands as a hint: curl does not upload it.

    Parameters
    ----------
    body : mapping
        The logged request.
    base_url : str
        Service that it was sent to.
    """
    sent = {name: body[name] for name in ("model", "input", "parameters") if name in body}
    sent["input"] = dict(sent.get("input", {}))
    media = sent["input"].get("media") or ()
    sent["input"]["media"] = [
        {"type": item["type"], "url": place if "://" in (place := _place(item)) else f"<URL of {place}>"}
        for item in media
    ]
    data = json.dumps(sent, ensure_ascii=False, indent=2)
    return " \\\n".join(
        [
            f"curl -X POST {shlex.quote(base_url.rstrip('/') + CREATE_PATH)}",
            '  -H "Authorization: Bearer $DASHSCOPE_API_KEY"',
            "  -H 'Content-Type: application/json'",
            "  -H 'X-DashScope-Async: enable'",
            f"  -d {shlex.quote(data)}",
        ]
    )


def _told(body: Body) -> dict[str, Any]:
    default = {f.name: f.default for f in catalog.FIELDS}
    return {name: value for name, value in fields_of(body).items() if value != default[name]}


def _place(item: Mapping[str, Any]) -> str:
    """What to give again for a material: the name when it is a path or URL, else the copy that was written."""
    name, path = str(item.get("name") or ""), str(item.get("path") or "")
    chosen = name if "://" in name or "/" in name or "." in name or not path else path
    # What lies beside the notebook is said from there: it means the same elsewhere, and tells nobody's folders.
    local, here = Path(chosen), Path.cwd()
    return local.relative_to(here).as_posix() if local.is_absolute() and local.is_relative_to(here) else chosen


def _literal(value: object) -> str:
    # json's quoting is Python's too for text, keeps every script readable and never spans lines.
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
