"""Making a study: from what a person writes, or from its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.arguments import words
from wan_nb.engine.revive import fields_of_request
from wan_nb.errors import InvalidOption
from wan_nb.studies.grid import Cell, Plan, expand
from wan_nb.studies.study import Study

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wan_nb.api.request import VideoRequest
    from wan_nb.engine.session import Session

__all__ = ["open_study"]


def open_study(
    session: Session,
    variants: Any = None,
    *,
    name: str | None = None,
    seeds: Sequence[int] = (),
    vary: Mapping[str, Sequence[Any]] | None = None,
    tags: str | Sequence[str] = (),
    **fields: Any,
) -> Study:
    """Plan a study and check each of its requests, or open one by its name.

    Raises
    ------
    InvalidOption, InvalidRequest, InvalidMedia
        Nothing was sent.
    NotFound
        No study of that name.
    """
    if variants is None:
        if name is None:
            raise InvalidOption("a study needs prompts, or the name of one that is in the log.")
        return _reopened(session, name)
    return _planned(session, expand(variants, name=name, seeds=seeds, vary=vary, fields=fields), words(tags, "tags"))


def _planned(session: Session, plan: Plan, tags: tuple[str, ...] = ()) -> Study:
    materials: dict[Any, Any] = {}
    return Study(session, plan, [_request(session, cell, materials) for cell in plan.cells], tags=tags)


def _request(session: Session, cell: Cell, materials: dict[Any, Any]) -> VideoRequest:
    """A checked request; each material is looked at once, however many cells use it."""
    fields = dict(cell.fields)
    for spec in catalog.fields("media"):
        given = fields.get(spec.name)
        if given is not None:
            key = (spec.name, given if isinstance(given, str) else id(given))
            if key not in materials:
                materials[key] = session.material(given, spec.name)
            fields[spec.name] = materials[key]
    prompt = fields.pop("prompt", None)
    return session.request(prompt, **fields)


def _reopened(session: Session, name: str) -> Study:
    recorded = session.log.load_study(name)
    cells = [Cell(item["variant"], item["block"], fields_of_request(item["request"])) for item in recorded["cells"]]
    return _planned(session, Plan(name, tuple(cells), named=recorded.get("named", True)))
