"""A request as code that a person copies: Python, a ``%%wan`` cell, curl. The key is never in it.

All three read the request as the log keeps it (`VideoRequest.public`): the body with the facts of each material in
place of its URL.
"""

from __future__ import annotations

import ast
import json
import math
import shlex
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.api.catalog import CREATE_PATH, REGIONS
from wan_nb.api.recorded import material_fields, recorded, recorded_media, values_of
from wan_nb.errors import LogError
from wan_nb.grammar.slips import write_prompts
from wan_nb.grammar.template import RUN_ID
from wan_nb.grammar.variants import can_be_typed
from wan_nb.paths import here
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from wan_nb.log.row import Row

__all__ = ["Grid", "as_cell", "as_curl", "as_python", "fields_of", "order_of"]

Body = Mapping[str, Any]


def fields_of(body: Body) -> dict[str, Any]:
    """Fields of `wan_nb.submit` out of a logged request, in the catalog's order; media as a path or URL to give again.

    >>> fields_of({"model": "wan2.7-i2v", "input": {"prompt": "a cat"}, "parameters": {"duration": 5}})
    {'model': 'wan2.7-i2v', 'prompt': 'a cat', 'duration': 5}
    """
    flat = {**values_of(body), **material_fields(body, lambda _, item: _place(item))}
    return {f.name: flat[f.name] for f in catalog.FIELDS if flat.get(f.name) is not None}


def order_of(row: Row) -> tuple[Body, dict[str, Any]]:
    """What asks for the clip of a run again, and no other one: its request, and its name and take beyond the first.

    A seed that was derived for a further take is left out: given by itself it would be another request.
    """
    body, take = row.request, row.take
    if take < 2:
        return body, {}
    from wan_nb.api.request import derive_seed

    media = recorded_media(body)
    for name in dict.fromkeys([row.study, None]):
        if row.seed == derive_seed(media, name, take):
            bare = {key: value for key, value in body.get("parameters", {}).items() if key != "seed"}
            return {**body, "parameters": bare}, {**({"name": name} if name else {}), "take": take}
    return body, {"take": take}


def as_python(body: Body, order: Mapping[str, Any] | None = None) -> str:
    """The request as a call of `wan_nb.submit`; what equals our defaults is left out.

    Parameters
    ----------
    body : mapping
        The logged request.
    order : mapping, optional
        ``name`` and ``take``, where they count; see `order_of`.

    >>> print(as_python({"model": "wan2.7-t2v", "input": {"prompt": "a cat"}, "parameters": {"duration": 8}}))
    wan_nb.submit(
        "a cat",
        duration=8,
    )
    """
    values = {**_told(body), **(order or {})}
    prompt = values.pop("prompt", None)
    lines = [] if prompt is None else [f"    {_literal(prompt)},"]
    lines += [f"    {name}={_literal(value)}," for name, value in values.items()]
    return "\n".join(["wan_nb.submit(", *lines, ")"])


def as_cell(body: Body, order: Mapping[str, Any] | None = None) -> str:
    """The request as a ``%%wan`` cell. Text that the cell would read as syntax is kept literal by ``--raw``.

    A value with a line break, or with signs that are not seen (a file name that reads backwards), fits on no ``%%wan``
    line: then the cell is the call in Python, where they stand as escapes, and says why.

    Examples
    --------
    >>> print(as_cell({"input": {"prompt": "a cat", "media": [{"type": "first_frame", "name": "my cat.png"}]}}))
    %%wan --first-frame 'my cat.png'
    a cat
    """
    values = _told(body)
    broken = [name for name, value in values.items() if name != "prompt" and not _fits_on_a_line(value)]
    if broken:
        why = f"# {broken[0]} has a line break or a sign that is not seen, which a %%wan line cannot hold."
        return f"{why}\n{as_python(body, order)}"
    prompt = str(values.pop("prompt", ""))
    words = ["--raw"] if "{{" in prompt else []
    for spec in catalog.FIELDS:
        value = values.get(spec.name)
        if value is None:
            continue
        if spec.where == "item":
            words += [word for n, one in value.items() for word in (spec.flag, shlex.quote(f"{n}={_on_a_line(one)}"))]
        elif spec.listed:
            words += [word for one in value for word in (spec.flag, shlex.quote(_on_a_line(one)))]
        elif spec.type is bool:
            words.append(spec.flag if value else spec.flag.replace("--", "--no-", 1))
        else:
            words += [spec.flag, shlex.quote(_on_a_line(value))]
    words += [word for name, value in (order or {}).items() for word in (f"--{name}", shlex.quote(_on_a_line(value)))]
    return "\n".join([" ".join(["%%wan", *words]), write_prompts([("", prompt)])])


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
    for name, value in sent["input"].items():
        if isinstance(value, dict):
            sent["input"][name] = _link(value)
        elif isinstance(value, list):
            sent["input"][name] = [_linked(item) for item in value]
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


@printed
class PartOfRun(str):
    """What was taken out of a run, as code that takes it again: the text of a cell, the `repr` of Python.

    >>> PartOfRun.of({"run": "3f9c01ab77de", "name": "", "kind": "image", "identity": "", "taken": "1f last frame"})
    wan_nb.run("3f9c01ab77de").last_frame
    """

    __slots__ = ("python",)
    python: str

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> PartOfRun | None:
        """The part of a recorded material; None of one that was not taken out of a run, or may not be read."""
        with suppress(LogError):
            medium = recorded(item)
            part, run = medium.part, medium.run or ""
            if not RUN_ID.fullmatch(run) or medium.taken is None:
                return None
            frame = {None: "", -1.0: ".last_frame", 0.0: ".first_frame"}.get(part)
            made = cls(f"{{{{{run}{f'.frame({part:g})' if frame is None else frame}}}}}")
            made.python = f'wan_nb.run("{run}"){f".frame_at({part!r})" if frame is None else frame}'
            return made
        return None

    def __repr__(self) -> str:
        return self.python


@dataclass(frozen=True)
class Grid:
    """The requests of a study as what their variants have of their own, what they share and what is varied.

    Attributes
    ----------
    own : dict of str to dict
        Fields by variant, the prompt among them.
    shared : dict
        Fields that are the same everywhere.
    varied : dict of str to tuple
        Values of the fields that change inside a variant: the seed, materials.
    whole : bool
        Whether variants times varied values give these requests and no others.
    named : bool
        Whether a person gave the study its name: only then it is part of the code, as of derived seeds.
    race : mapping or None
        Of a race, which takes its seeds itself: what it is given beside its budget.
    """

    own: dict[str, dict[str, Any]]
    shared: dict[str, Any]
    varied: dict[str, tuple[Any, ...]]
    whole: bool
    named: bool = True
    race: Body | None = None

    @classmethod
    def of(cls, cells: Iterable[tuple[str, Body]], *, named: bool = True, race: Body | None = None) -> Grid:
        """Grid of variants and logged requests, in the order in which they were written."""
        told = [(variant, _told(body)) for variant, body in cells]
        names = dict.fromkeys(name for _, given in told for name in given)
        by_variant: dict[str, list[dict[str, Any]]] = {}
        for variant, given in told:
            by_variant.setdefault(variant, []).append(given)
        varied = {
            name: tuple(_each(given.get(name) for _, given in told))
            for name in names
            if any(len(_each(given.get(name) for given in held)) > 1 for held in by_variant.values())
        }
        alike = {name for name in names if name != "prompt" and len(_each(given.get(name) for _, given in told)) == 1}
        own = {
            variant: {name: value for name, value in held[0].items() if name not in {*varied, *alike}}
            for variant, held in by_variant.items()
        }
        shared = {name: value for name, value in told[0][1].items() if name in alike}
        full = len(own) * math.prod(len(values) for values in varied.values())
        whole = full == len(told) and all(None not in values for values in varied.values())
        return cls(own, shared, varied, whole, named, race)

    def as_cell(self, name: str, max_cost: int) -> str:
        """A ``%%wan`` cell, or nothing where a cell cannot say it: variants that differ in more than the prompt."""
        from wan_nb.grammar.cell import Cell

        typed = all(can_be_typed(variant) and set(given) == {"prompt"} for variant, given in self.own.items())
        lines = [self.shared.values(), *self.varied.values()]
        if not self.whole or not typed or not all(_fits_on_a_line(value) for line in lines for value in line):
            return ""
        prompts = tuple((variant, given["prompt"]) for variant, given in self.own.items())
        vary = {key: tuple(map(_on_lines, values)) for key, values in self.varied.items() if key != "seed"}
        seeds = self.varied.get("seed", ())
        raw = any("{{" in text for _, text in prompts)
        shared = {key: _on_lines(value) for key, value in self.shared.items()}
        named = name if self.named else None
        racing: dict[str, Any] = {} if self.race is None else {"race": True, "criterion": self.race.get("criterion")}
        return Cell(prompts, shared, seeds, vary, name=named, max_cost=max_cost, raw=raw, **racing).to_text()

    def as_python(self, name: str, max_cost: int) -> str:
        """Calls that plan the same study, buy it and report it."""
        lines = ["import wan_nb", ""]
        if not self.whole:
            return "\n".join([*lines, f"study = wan_nb.study(name={_literal(name)})  # as it is in the log"])
        lines += ["study = wan_nb.study(", "    {"]
        for variant, given in self.own.items():
            said = _literal(given["prompt"]) if set(given) == {"prompt"} else _mapping(given)
            lines.append(f"        {_literal(variant)}: {said},")
        lines += ["    },", *([f"    name={_literal(name)},"] if self.named else [])]
        lines += [f"    {key}={_literal(value)}," for key, value in self.shared.items()]
        if "seed" in self.varied:
            lines.append(f"    seeds={list(self.varied['seed'])},")
        if vary := {key: list(values) for key, values in self.varied.items() if key != "seed"}:
            lines.append(f"    vary={_mapping(vary)},")
        if self.race is not None:
            asked = ", ".join(f"{key}={_literal(value)}" for key, value in {"max_cost": max_cost, **self.race}.items())
            steps = f"race = study.race({asked}).submit().wait()  # vote, and submit again, until it is over"
            return "\n".join([*lines, ")", steps])
        lines += [")", f"study.submit(max_cost={max_cost}).wait()", f"study.report({_literal(f'{name}.html')})"]
        return "\n".join(lines)


def _each(values: Iterable[Any]) -> list[Any]:
    """Each value once, in order; lists and numbers of materials too."""
    return [*{repr(value): value for value in reversed([*values])}.values()][::-1]


def _link(item: Mapping[str, Any]) -> str:
    place = _place(item)
    return place if "://" in place else f"<URL of {item.get('name') if isinstance(place, PartOfRun) else place}>"


def _linked(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item of the body: its type, its link, and those of what belongs to it."""
    more = {name: _link(value) for name, value in item.items() if isinstance(value, dict)}
    return {"type": item["type"], "url": _link(item), **more}


def _mapping(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{_literal(key)}: {_literal(value)}" for key, value in values.items()) + "}"


def _told(body: Body) -> dict[str, Any]:
    told = fields_of(body)
    row = catalog.model(str(told.get("model") or ""))
    if told.get("model") == catalog.chosen(told):
        del told["model"]
    return {name: value for name, value in told.items() if (spec := row.field(name)) is None or value != spec.default}


def _place(item: Mapping[str, Any]) -> str:
    """What to give again for a material: the part of a run, a name that is a path or URL, else the copy of it."""
    if part := PartOfRun.of(item):
        return part
    name, path = _file_name(str(item.get("name") or "")), str(item.get("path") or "")
    chosen = name if "://" in name or "/" in name or "." in name or not path else path
    # What lies beside the notebook is said from there: it means the same elsewhere, and tells nobody's folders.
    place, folder = Path(chosen), here()
    return place.relative_to(folder).as_posix() if place.is_absolute() and place.is_relative_to(folder) else chosen


def _file_name(name: str) -> str:
    """A name as the system knows it: one with signs that are not seen is kept as Python would write it."""
    if name[:1] in {"'", '"'} and "\\" in name:
        with suppress(SyntaxError, ValueError):
            meant = ast.literal_eval(name)
            if isinstance(meant, str) and not meant.isprintable() and ascii(meant) == name:
                return meant
    return name


def _fits_on_a_line(value: object) -> bool:
    if isinstance(value, (list, dict)):
        return all(map(_fits_on_a_line, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, str) or value.replace("\u3000", " ").isprintable()


def _on_a_line(value: object) -> str:
    r"""A value as a word of a ``%%wan`` line, where ``{{`` is a placeholder wherever it stands."""
    return str(value) if isinstance(value, PartOfRun) else str(value).replace("{{", r"\{{")


def _on_lines(value: Any) -> Any:
    """The same of what `Cell` holds: texts, also inside of lists and mappings."""
    if isinstance(value, dict):
        return {key: _on_lines(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_on_lines, value))
    return _on_a_line(value) if isinstance(value, str) else value


def _literal(value: object) -> str:
    """A value as Python; signs that are not seen, but for the joiners inside of words and emoji, are escapes.

    json's quoting is Python's too for text, keeps every script readable and never spans lines.
    """
    if isinstance(value, dict):
        return _mapping(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if not isinstance(value, str) or isinstance(value, PartOfRun):
        return repr(value)
    return "".join(map(_seen, json.dumps(value, ensure_ascii=False)))


def _seen(sign: str) -> str:
    if sign.isprintable() or sign in "\u200c\u200d" or unicodedata.category(sign) == "Zs":
        return sign
    return f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"
