"""`PlannedStudy`: a plan with its checked requests, and what the log has of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from wan_nb import arguments
from wan_nb.api import catalog
from wan_nb.api.recorded import carried, material_fields, values_of
from wan_nb.engine.ask import Ask
from wan_nb.errors import InvalidOption, NotFound, did_you_mean, nearest
from wan_nb.studies.plan import Plan, expand
from wan_nb.studies.plan_state import PlanState
from wan_nb.studies.race.race_plan import RacePlan
from wan_nb.studies.study_cell import Cell, labelled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wan_nb.api.estimate import Estimate
    from wan_nb.api.medium import Medium
    from wan_nb.api.request import VideoRequest
    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row

__all__ = ["PlannedStudy"]


@dataclass(frozen=True)
class PlannedStudy:
    """What a study asks for. It is never changed: a race that grows takes another one.

    Attributes
    ----------
    workspace : Workspace
    plan : Plan
    requests : tuple of VideoRequest
        Of its cells, in their order.
    tags : tuple of str
    take : int or None
        Which clip of each request is wanted; None is the pinned one, else the first.
    """

    workspace: Workspace
    plan: Plan
    requests: tuple[VideoRequest, ...]
    tags: tuple[str, ...] = ()
    take: int | None = None

    @classmethod
    def of(cls, workspace: Workspace, plan: Plan, tags: tuple[str, ...] = (), take: int | None = None) -> Self:
        """A plan, each of whose requests is checked."""
        requests = []
        for cell in plan.cells:
            fields = dict(cell.fields)
            requests.append(workspace.request(fields.pop("prompt", None), **fields))
        return cls(workspace, plan, tuple(requests), tags, take)

    @classmethod
    def chosen(
        cls,
        workspace: Workspace,
        material: Callable[..., Any],
        variants: Any,
        fields: dict[str, Any],
        *,
        name: str | None,
        seeds: Sequence[int],
        vary: Mapping[str, Sequence[Any]] | None,
        tags: str | Sequence[str],
        take: int | None = None,
    ) -> Self:
        """What a person asks for, or the study of that name where no variants are given; see `Session.study`.

        Parameters
        ----------
        workspace : Workspace
        material : callable
            Makes a checked material of what is given for a field.
        variants, fields, name, seeds, vary, tags, take
            As `Session.study` takes them.
        """
        take = arguments.take(take, fields)
        if isinstance(seed := fields.get("seed"), Iterable) and not isinstance(seed, str):
            raise InvalidOption("seed is one number.", field="seed", remedy=did_you_mean(["seeds="]))
        if variants is not None:
            plan = expand(variants, name=name, seeds=seeds, vary=vary, fields=fields, material=material,
                          usual=workspace.settings.model)  # fmt: skip
            return cls.of(workspace, plan, arguments.words(tags, "tags"), take)
        if wrong := sorted(set(fields) - {spec.name for spec in catalog.FIELDS}):
            near = ["variants"] if wrong[0] == "prompts" else nearest(wrong[0], [spec.name for spec in catalog.FIELDS])
            raise InvalidOption(f"a study has no {wrong[0]!r:.60}.", field=wrong[0], remedy=did_you_mean(near))
        if name is None:
            raise InvalidOption("a study needs prompts, or the name of one that is in the log.")
        return cls.recorded_as(workspace, name, take)

    @classmethod
    def recorded_as(cls, workspace: Workspace, name: str, take: int | None = None) -> Self:
        """The study that the log has under a name.

        Raises
        ------
        NotFound
            It has none.
        """
        recorded = workspace.log.load_study(name)
        looked: dict[str, Medium] = {}

        def material(field: str, item: Mapping[str, Any]) -> Medium:
            key = f"{field} {item['identity']}"
            if key not in looked:
                looked[key] = workspace.recorded_material(field, item)
            return looked[key]

        cells = []
        for item in recorded["cells"]:
            fields = {**values_of(item["request"]), **material_fields(item["request"], material)}
            cells.append(Cell(item["variant"], item["block"], fields))
        named = recorded.get("named", True)
        take = take or recorded.get("take")
        if race := RacePlan.read(recorded.get("race")):
            return cls.of(workspace, Plan(name, tuple(labelled(cells)), named, race=race), take=take)
        return cls.of(workspace, Plan.of(name if named else None, labelled(cells), name), take=take)

    def with_changes(self, changes: Mapping[str, Any], *, variant: str | None, name: str | None) -> Self:
        """The cells of one variant, or of all, with some fields changed and each seed as it was; see `Study.again`.

        Parameters
        ----------
        changes : mapping
            The changed fields.
        variant : str or None
            Its label; None for all.
        name : str or None
            Of the new study; made of the changes without it.
        """
        seeds = dict(
            zip(map(id, self.plan.cells), (ask.seeded(ask.take or 1).seed for ask in self.asks()), strict=True)
        )
        cells = [
            Cell(cell.variant, cell.block, carried({**cell.fields, "seed": seeds[id(cell)]}, changes))
            for cell in self.plan.written
            if variant in {None, cell.variant}
        ]
        called = name or " · ".join([self.name, *(str(value) for value in changes.values())])
        remark = (
            "Another tier or model makes another clip of the same words and seed, not the same clip in other quality."
        )
        return self.of(self.workspace, Plan(called, tuple(labelled(cells)), remark=remark), self.tags)

    @property
    def name(self) -> str:
        """Of the study."""
        return self.plan.name

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """What each cell costs, in the currency of the service."""
        region = self.workspace.region
        return tuple(request.estimate(region) for request in self.requests)

    @property
    def currency(self) -> str:
        """CNY or USD, by the region of the service."""
        return self.workspace.region.currency

    @property
    def models(self) -> dict[str, str]:
        """Model of each variant."""
        return {cell.variant: request.model for cell, request in zip(self.plan.cells, self.requests, strict=True)}

    @cached_property
    def aliases(self) -> list[str]:
        """Names that the first edition gave to a study of this content, under which it may have votes."""
        if self.plan.named:
            return []
        kept: list[str] = []
        with suppress(NotFound):
            kept = self.workspace.log.load_study(self.name).get("aliases", [])
        return [name for name in dict.fromkeys([*kept, self.plan.alias]) if name]

    @cached_property
    def fingerprints(self) -> list[str]:
        """What the request of each cell is known by in the log."""
        return self.workspace.fingerprints(self.asks())

    def asks(self) -> list[Ask]:
        """What buying it asks for, cell by cell."""
        name = self.name if self.plan.named else None
        return [
            Ask(request, name, self.name, cell.variant, cell.block, self.tags, self.take)
            for cell, request in zip(self.plan.cells, self.requests, strict=True)
        ]

    # --- what the log has of it

    def cell_rows(self) -> list[Row | None]:
        """Newest row of each cell, or None. A clip bought under another name is the same clip, labelled as here."""
        known = self.workspace.known(self.fingerprints, self.take)
        return [
            row and replace(row, study=self.name, variant=cell.variant, block=cell.block)
            for row, cell in zip(known, self.plan.cells, strict=True)
        ]

    def rows(self) -> list[Row]:
        """Newest row of each cell that has one, labelled as in this plan, by block and variant as they were written."""
        return self.plan.in_order(self.cell_rows())

    def bought(self, rows: Sequence[Row] | None = None) -> list[Row]:
        """Every run that belongs to it, the oldest first: also those that a newer one of the same cell stands for.

        Parameters
        ----------
        rows : sequence of Row, optional
            What `rows` has found already.
        """
        members = self.workspace.log.find(study=[*self.aliases, self.name], newest_first=False)
        known = {row.run_id for row in members}
        return [*members, *(row for row in (self.rows() if rows is None else rows) if row.run_id not in known)]

    def state(self) -> PlanState:
        """The plan beside what the log has of it now: the log is asked once, for whoever needs several of its facts."""
        rows = self.cell_rows()
        return PlanState(
            self.plan,
            self.requests,
            tuple(rows),
            self.estimates,
            self.currency,
            tuple(self.workspace.earlier(self.asks(), rows)),
            self.take,
            tuple(self._outdated()),
            tuple(self._hidden()),
        )

    def _outdated(self) -> list[Row]:
        """Its runs that are not yet sent and stand where this plan asks for something else."""
        if not (self.plan.named and self.workspace.log_exists) or self.plan.race:
            return []
        places = {(cell.variant, cell.block) for cell in self.plan.cells}
        known = set(self.fingerprints)
        return [
            row
            for row in self.workspace.log.unsent(self.name)
            if row.fingerprint not in known and (row.variant, row.block) in places
        ]

    def _hidden(self) -> list[str]:
        """Variants that have votes under this name on clips that are not in this plan."""
        if self.plan.race or not (self.plan.named and self.workspace.log_exists):
            return []
        log = self.workspace.log
        voted = {(vote.get(f"{side}_variant"), vote.get(f"{side}_run")): None
                 for vote in log.votes(self.name) for side in ("left", "right")}  # fmt: skip
        ids = [run_id for _, run_id in voted if run_id]
        own = {row.run_id for row in log.find(run_id=ids) if row.fingerprint in self.fingerprints} if ids else set()
        return list(
            dict.fromkeys(
                label
                for label, run_id in voted
                if label and (run_id not in own if run_id else label not in self.plan.variants)
            )
        )

    # --- writing it down

    def written(self) -> list[dict[str, Any]]:
        """Its requests as the log records them, in the order in which a person wrote them."""
        asked = dict(zip(map(id, self.plan.cells), self.requests, strict=True))
        return [asked[id(cell)].public() for cell in self.plan.written]

    def keep(self) -> None:
        """Write the plan down, for whoever opens the study by its name."""
        cells = [
            {"variant": cell.variant, "block": cell.block, "request": request}
            for cell, request in zip(self.plan.written, self.written(), strict=True)
        ]
        whole = {"schema": 1, "named": self.plan.named, "aliases": self.aliases, "take": self.take, "cells": cells}
        whole |= {"race": self.plan.race.as_json()} if self.plan.race else {}
        self.workspace.log.save_study(self.name, json.loads(json.dumps(whole)))
