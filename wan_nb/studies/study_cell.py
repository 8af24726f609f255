"""One cell of a study: what it asks for, on which materials and seed, and its labels.

Identity is content: what is asked is the values that are sent, and a block is the content of its materials with its
seed. Labels are only read, so each is made to mean one thing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog, urls
from wan_nb.api.checks import check_value
from wan_nb.api.recorded import material_fields, recorded, values_of
from wan_nb.errors import InvalidRequest
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from wan_nb.log.row import Row

__all__ = [
    "BLOCK_FIELDS",
    "Cell",
    "content",
    "digest",
    "labelled",
    "plain",
    "relabelled",
    "shown",
    "told_apart",
]

_MEDIA = catalog.MATERIALS

BLOCK_FIELDS = frozenset(_MEDIA) | {"seed"}
"""Fields that say on what is compared; all others say what is."""


_LONGEST = 100
"""Characters of a material's name in a label; an address may have thousands."""


@printed
@dataclass(frozen=True)
class Cell:
    """One request of a study.

    Attributes
    ----------
    variant : str
        Label of what is compared, such as ``calm · 10 s``.
    block : str
        Label of what it is compared on, such as ``cat.jpg · seed 2``.
    fields : mapping
        Arguments of `Session.request`, the prompt included.
    """

    variant: str
    block: str
    fields: Mapping[str, Any] = field(hash=False)

    @cached_property
    def asked(self) -> tuple[tuple[str, Any], ...]:
        """What is compared: every field that is not at its default and not of the block."""
        return self._content(name for name in catalog.BY_NAME if name not in BLOCK_FIELDS)

    @cached_property
    def on(self) -> tuple[tuple[str, Any], ...]:
        """What it is compared on: the content of its materials, and its seed."""
        return self._content(BLOCK_FIELDS)

    @cached_property
    def materials(self) -> tuple[tuple[str, Any], ...]:
        """The content of its materials."""
        return self._content(_MEDIA)

    def _content(self, names: Iterable[str]) -> tuple[tuple[str, Any], ...]:
        given = {name: value for name in sorted(names) if (value := self.fields.get(name)) is not None}
        return tuple(
            (name, content(value)) for name, value in given.items() if name in _MEDIA or value != self._default(name)
        )

    def _default(self, name: str) -> Any:
        """What a field is where nothing is given for it; a model follows from what is given."""
        if name == "model":
            return catalog.model_for({**self.fields, "model": None})
        spec = catalog.model(catalog.model_for(self.fields)).field(name)
        return spec.default if spec else None


def plain(name: str, value: Any) -> Any:
    """A value in the type of its field, however it was spelt; one that does not fit stays for the request's check.

    >>> plain("seed", 1.0), plain("duration", "5"), plain("duration", "five")
    (1, 5, 'five')
    """
    spec = catalog.BY_NAME.get(name)
    if spec is None or spec.limits or value is None:
        return value
    try:
        return check_value(spec, value)
    except InvalidRequest:
        return value


def content(value: Any) -> Hashable:
    """What a value is, for comparing it: never a display text, which may be shortened.

    >>> content(b"ab") == content(bytearray(b"ab")) != content(b"abc")
    True
    """
    if isinstance(value, (str, int, float, os.PathLike)):
        return str(os.fspath(value)) if isinstance(value, os.PathLike) else value
    if isinstance(value, (list, tuple, Mapping)):
        return _each_content(value)
    if (key := getattr(value, "key", None)) is not None:  # a checked material
        return str(key)
    if callable(pixels := getattr(value, "tobytes", None)):  # an image, an array
        kind = [str(getattr(value, name, "")) for name in ("mode", "size", "dtype", "shape")]
        return f"{kind} {hashlib.sha256(pixels()).hexdigest()}"
    if isinstance(value, (bytes, bytearray)):
        return f"bytes {hashlib.sha256(value).hexdigest()}"
    return f"{type(value).__name__} {getattr(value, 'id', id(value))}"


def _each_content(values: Any) -> Hashable:
    pairs = sorted(values.items()) if isinstance(values, Mapping) else enumerate(values, 1)
    return tuple((number, content(one)) for number, one in pairs)


def shown(key: str, value: Any) -> str:
    """A varied value where a person reads it.

    >>> shown("duration", 5), shown("first_frame", "pets/cat.png"), shown("watermark", False)
    ('5 s', 'cat.png', 'no watermark')
    """
    spec = catalog.BY_NAME.get(key)
    if spec is None:
        return str(value)
    if spec.limits:
        return ", ".join(Path(_called(one)).name for one in _singles(value))
    if spec.type is bool:
        return spec.name if value else f"no {spec.name}"
    return f"{value} {spec.unit}" if spec.unit else str(value)


def labelled(cells: Sequence[Cell]) -> list[Cell]:
    """The same cells with a label of its own for each block, and for each variant that would be taken for another."""
    called: dict[str, dict[Hashable, str]] = {}
    for name in _MEDIA:
        names: dict[Hashable, str] = {}
        for value in (cell.fields.get(name) for cell in cells):
            if value is not None:
                names.setdefault(content(value), ", ".join(map(_called, _singles(value))))
        called[name] = told_apart(names)
    blocks: dict[Hashable, str] = {}
    variants: dict[Hashable, str] = {}
    for cell in cells:
        fields = cell.fields
        parts = [called[name][content(fields[name])] for name in _MEDIA if fields.get(name) is not None]
        if fields.get("seed") is not None:
            parts.append(f"seed {fields['seed']}")
        blocks[cell.on] = " · ".join(parts) or "one seed"
        variants[cell.variant, cell.asked] = cell.variant
    blocks, variants = _numbered(blocks), _numbered(variants)
    return [Cell(variants[cell.variant, cell.asked], blocks[cell.on], cell.fields) for cell in cells]


def relabelled(rows: Sequence[Row]) -> list[Row]:
    """Runs of several studies, one label for what is the same and several for what is not."""
    cells = [Cell(row.variant or "", row.block or "", _fields(row)) for row in rows]
    blocks: dict[Hashable, str] = {}
    variants: dict[Hashable, str] = {}
    for cell in cells:
        blocks.setdefault(cell.on, cell.block)
        variants.setdefault((cell.variant, cell.asked), cell.variant)
    blocks, variants = _numbered(blocks), _numbered(variants)
    return [
        replace(row, variant=row.variant and variants[cell.variant, cell.asked], block=row.block and blocks[cell.on])
        for row, cell in zip(rows, cells, strict=True)
    ]


def _fields(row: Row) -> dict[str, Any]:
    return {**values_of(row.request), **material_fields(row.request, lambda _, item: recorded(item))}


def told_apart(names: Mapping[Hashable, str]) -> dict[Hashable, str]:
    """Short names of paths: the last part, with as many folders as it takes to tell two apart, else with a number.

    >>> told_apart({1: "shot1/start.jpg", 2: "shot2/start.jpg", 3: "end.jpg", 4: "image", 5: "image"})
    {1: 'shot1/start.jpg', 2: 'shot2/start.jpg', 3: 'end.jpg', 4: 'image', 5: 'image (2)'}
    """
    parts = {key: Path(name).parts or (name,) for key, name in names.items()}
    short: dict[Hashable, str] = {}
    for key, own in parts.items():
        twins = [other for twin, other in parts.items() if twin != key and other[-1] == own[-1] and other != own]
        deep = next((n for n in range(1, len(own)) if all(other[-n:] != own[-n:] for other in twins)), len(own))
        short[key] = "/".join(own[-deep:]).replace("//", "/")[-_LONGEST:]
    return _numbered(short)


def digest(cells: Iterable[Cell]) -> str:
    """Eight hex digits of what cells ask for, whatever their labels and their order."""
    asked = sorted(json.dumps([cell.asked, cell.on]) for cell in cells)
    return hashlib.sha256("\n".join(asked).encode()).hexdigest()[:8]


def _singles(value: Any) -> list[Any]:
    """Single materials of what is given for one field."""
    return (
        [*value.values()] if isinstance(value, Mapping) else [*value] if isinstance(value, (list, tuple)) else [value]
    )


def _called(value: Any) -> str:
    """What a person calls a material."""
    name = value if isinstance(value, str) else getattr(value, "name", None)
    if name is None or isinstance(value, os.PathLike):
        name = os.fspath(value) if isinstance(value, os.PathLike) else type(value).__name__
    return urls.shown(name)[0] if urls.is_http(str(name)) else str(name)


def _numbered(names: Mapping[Hashable, str]) -> dict[Hashable, str]:
    """The same names, each once: a second one gets a number."""
    used: set[str] = set()
    told: dict[Hashable, str] = {}
    for key, name in names.items():
        label, number = name, 1
        while label in used or (number > 1 and label in names.values()):
            number += 1
            label = f"{name} ({number})"
        used.add(label)
        told[key] = label
    return told
