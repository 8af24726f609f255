"""Making a study: from what a person writes, or from its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wan_nb import arguments
from wan_nb.api import catalog
from wan_nb.api.recorded import carried, material_fields, values_of
from wan_nb.errors import InvalidOption, did_you_mean, nearest
from wan_nb.handles.study import Study
from wan_nb.studies.plan import Plan, expand
from wan_nb.studies.race.race_plan import RacePlan
from wan_nb.studies.study_cell import Cell, labelled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wan_nb.api.medium import Medium

__all__ = ["again_of", "open_study"]


def open_study(
    session: Any,
    variants: Any,
    fields: dict[str, Any],
    *,
    name: str | None,
    seeds: Sequence[int],
    vary: Mapping[str, Sequence[Any]] | None,
    tags: str | Sequence[str],
    take: int | None = None,
) -> Study:
    """Plan a study and check each of its requests, or open one by its name; see `Session.study`."""
    take = arguments.take(take, fields)
    if not isinstance(fields.get("seed"), int | str | None):
        raise InvalidOption("seed is one number.", field="seed", remedy=did_you_mean(["seeds="]))
    if variants is None:
        if wrong := sorted(set(fields) - {spec.name for spec in catalog.FIELDS}):
            near = ["variants"] if wrong[0] == "prompts" else nearest(wrong[0], [spec.name for spec in catalog.FIELDS])
            raise InvalidOption(f"a study has no {wrong[0]!r:.60}.", field=wrong[0], remedy=did_you_mean(near))
        if name is None:
            raise InvalidOption("a study needs prompts, or the name of one that is in the log.")
        return _reopened(session, name, take)
    plan = expand(variants, name=name, seeds=seeds, vary=vary, fields=fields, material=session.material,
                  usual=session.settings.model)  # fmt: skip
    return _planned(session, plan, arguments.words(tags, "tags"), take)


def again_of(session: Any, study: Study, given: Mapping[str, Any]) -> Study:
    """A plan of the winner's cells, or of all, with some fields changed and each seed as it was; see `Study.again`.

    Parameters
    ----------
    session : Session
    study : Study
    given : mapping
        The changed fields, and whether the ``whole`` is meant, which ``variant``, under which ``name``.
    """
    changes = {name: value for name, value in given.items() if name not in {"whole", "variant", "name"}}
    if not changes or "seed" in changes or "prompt" in changes:
        raise InvalidOption(
            "say what is another: a model, a resolution, a duration.",
            remedy="Its seeds stay; other prompts are another study.",
        )
    whole = arguments.switch(given.get("whole", False), "whole")
    chosen = None if whole else given.get("variant") or study.winner
    asks = study.asks()
    seeds = {id(cell): ask.seeded(ask.take or 1).seed for cell, ask in zip(study.plan.cells, asks, strict=True)}
    cells = [
        Cell(cell.variant, cell.block, carried({**cell.fields, "seed": seeds[id(cell)]}, changes))
        for cell in study.plan.written
        if chosen in {None, cell.variant}
    ]
    name = given.get("name") or " · ".join([study.name, *(str(value) for value in changes.values())])
    remark = "Another tier or model makes another clip of the same words and seed, not the same clip in other quality."
    return _planned(session, Plan(name, tuple(labelled(cells)), remark=remark), asks[0].tags)


def _planned(session: Any, plan: Plan, tags: tuple[str, ...] = (), take: int | None = None) -> Study:
    requests = []
    for cell in plan.cells:
        fields = dict(cell.fields)
        requests.append(session.workspace.request(fields.pop("prompt", None), **fields))
    return Study(session, plan, requests, tags=tags, take=take)


def _reopened(session: Any, name: str, take: int | None) -> Study:
    recorded = session.log.load_study(name)
    looked: dict[str, Medium] = {}

    def material(field: str, item: Mapping[str, Any]) -> Medium:
        key = f"{field} {item['identity']}"
        if key not in looked:
            looked[key] = session.workspace.recorded_material(field, item)
        return looked[key]

    cells = []
    for item in recorded["cells"]:
        fields = {**values_of(item["request"]), **material_fields(item["request"], material)}
        cells.append(Cell(item["variant"], item["block"], fields))
    named = recorded.get("named", True)
    take = take or recorded.get("take")
    if race := RacePlan.read(recorded.get("race")):
        return _planned(session, Plan(name, tuple(labelled(cells)), named, race=race), take=take)
    return _planned(session, Plan.of(name if named else None, labelled(cells), name), take=take)
