"""A request that is still being written: its values as typed, its materials as measured, and what is wrong with it.

No widget in it: `Draft` is what the form shows and what it submits.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.api.checks import check_value, from_text
from wan_nb.api.estimate import Estimate
from wan_nb.api.medium import numbered
from wan_nb.api.request import VideoRequest
from wan_nb.api.urls import shown
from wan_nb.arguments import as_whole, whole
from wan_nb.errors import InvalidMedia, InvalidOption, InvalidRequest, WanError, join_words
from wan_nb.grammar.variants import read_variants, write_variants
from wan_nb.html import code as snippets
from wan_nb.html.text import megabytes, plain
from wan_nb.paths import is_url, local
from wan_nb.sanitize import redact, said
from wan_nb.studies.plan import grid_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wan_nb.api.medium import Medium
    from wan_nb.engine.workspace import Workspace
    from wan_nb.studies.plan_state import PlanState

__all__ = ["Draft", "field_specs", "fields_from"]

_MOST_SEEDS = 100
_PLAIN = tuple(spec.name for spec in catalog.FIELDS if not spec.limits)


def field_specs(model: str | None = None) -> list[dict[str, Any]]:
    """A model's fields as the form's module reads them: every label, range, choice and limit comes from here.

    Parameters
    ----------
    model : str, optional
        Without it, the materials of all models that what is given may choose.
    """
    row = catalog.model(model or catalog.chosen([]))
    fields = list(row.fields)
    if model is None:
        there = {spec.name for spec in fields}
        others = [one for one in catalog.MODELS.values() if one.chosen_by]
        offered = {spec.name: spec for one in others for spec in one.materials if spec.name not in there}
        fields = [*(spec for spec in fields if not spec.limits), *offered.values(), *row.materials]
    order = {name: place for place, name in enumerate(catalog.BY_NAME)}
    return [_spec(spec) for spec in sorted(fields, key=lambda spec: order[spec.name])]


def _spec(spec: catalog.Field) -> dict[str, Any]:
    limits = spec.limits
    return {
        "name": spec.name,
        "label": _label(spec.name),
        "where": spec.where,
        "type": spec.type.__name__,
        "help": spec.help,
        "choices": list(catalog.MODELS if spec.where == "model" else spec.choices),
        "open": spec.open_choices,
        "optional": spec.default is None,
        "minimum": spec.minimum,
        "maximum": spec.maximum,
        "specials": [{"value": one.value, "help": one.help} for one in spec.specials],
        "max_characters": spec.max_characters,
        "unit": spec.unit,
        "kind": spec.kind,
        "suffixes": list(limits.suffixes) if limits else [],
        "formats": list(limits.formats) if limits else [],
        "max_bytes": limits.max_bytes if limits else None,
        "most": spec.most if spec.listed else 1,
        "items": list(spec.items),
    }


def fields_from(source: Any, workspace: Workspace) -> dict[str, Any]:
    """Fields of an earlier request, to begin with.

    Parameters
    ----------
    source : Run, run id, row of the DataFrame, or path of a clip or of the sidecar beside it
    workspace : Workspace

    Raises
    ------
    InvalidOption
        It is none of these.
    """
    if hasattr(source, "row"):
        return workspace.recorded_fields(source.row.request, lost_too=True)
    if hasattr(source, "to_dict") and hasattr(source, "name"):  # a row of the DataFrame: its index is the run id
        source = str(source.name)
    if str(source).lower().endswith((".json", ".mp4")):
        path = local(source)
        try:
            request = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["request"]
        except (OSError, ValueError, KeyError, TypeError):
            beside = path.with_suffix(".json").name
            raise InvalidOption(
                f"what {path.name} was made from is not known: {beside} beside it is missing or damaged.",
                remedy="A form can begin with a run of the log: %wan form ID.",
            ) from None
        return workspace.recorded_fields(request, lost_too=True)
    return workspace.recorded_fields(workspace.row(str(source)).request, lost_too=True)


class Draft:
    """What is in the form: one request, or several prompts of which each is asked for with the same seeds.

    Prompts are parted by ``---`` lines, as in a ``%%wan`` cell.

    Parameters
    ----------
    workspace : Workspace
    fields : mapping, optional
        To begin with; what is not in it has our defaults.

    Examples
    --------
    >>> draft = Draft(workspace)                                          # doctest: +SKIP
    >>> draft.set("prompt", "a cat walks"); draft.give("first_frame", "cat.jpg")  # doctest: +SKIP
    >>> draft.check()["price"]                                          # doctest: +SKIP
    '≈ CNY 3.00'
    """

    def __init__(self, workspace: Workspace, fields: dict[str, Any] | None = None) -> None:
        self.workspace = workspace
        self.values: dict[str, Any] = dict.fromkeys(_PLAIN)
        self.values["seeds"] = 3  # of each prompt, where there are several
        self.media: dict[str, Medium] = {}
        self.typed: dict[str, str] = {}
        self.lists: dict[str, list[str]] = {}
        self._wrong: dict[str, InvalidRequest] = {}
        self._aside: dict[str, Any] = {}
        given = dict(fields or {})
        self.values["model"] = given.pop("model", None) or workspace.settings.model or None
        self._fill()
        for name, value in given.items():
            if name in catalog.MATERIALS:
                self._begin(name, value)
            elif name in self.values:
                self.values[name] = write_variants([("", value)]) if name == "prompt" and value else value

    def _begin(self, name: str, value: Any) -> None:
        """Take what an earlier request has of a material."""
        spec = catalog.BY_NAME[name]
        if spec.where == "item":
            carriers = [slot for field in spec.items for slot in self.lists.get(field, ())]
            for number, one in value.items():
                if number <= len(carriers):
                    self.give(f"{name}#{carriers[number - 1]}", one, getattr(one, "name", ""))
        elif spec.listed:
            for number, one in enumerate(value, 1):
                self.give(f"{name}#{number}", one, getattr(one, "name", ""))
        else:
            self.give(name, value, getattr(value, "name", ""))

    # --- which model

    @property
    def decided(self) -> str | None:
        """Name of the model, where one is chosen or follows from a material."""
        return self.values["model"] or (catalog.chosen(names) if (names := self._names()) else None)

    @property
    def row(self) -> catalog.Model:
        """Row of the model that the request is for as it is now."""
        return catalog.model(self.decided or catalog.chosen([]))

    def _names(self) -> list[str]:
        """Fields of which a material was given, be it right or wrong, as far as they decide."""
        return [name for name in self._given() if name in catalog.DECIDING]

    def _fill(self) -> None:
        """Give the model's defaults to what is not set, and take away what is no field of it."""
        for name in _PLAIN:
            spec = self.row.field(name)
            if spec is None:
                self.values[name] = None
            elif self.values[name] is None:
                self.values[name] = spec.default

    def _changed(self, before: catalog.Model, new: str = "") -> None:
        """After a change: keep what fits model and materials, put aside what does not, take back what fits again.

        Parameters
        ----------
        before : Model
            That of before the change.
        new : str
            Material that was given, with which others have to go.
        """
        row = self.row
        if row.name != before.name:
            self._leave(before)
        together = self.row.beside(new, self._given())
        for slot in list(self.typed):
            name = slot.partition("#")[0]
            if row.field(name) is None or (catalog.BY_NAME[name].where != "item" and name not in together):
                self._put_aside(slot)
        self._take_back()
        if self.row.name != row.name:  # it follows from what has come back
            self._changed(row)
        self._fill()

    def _leave(self, before: catalog.Model) -> None:
        """Put aside the values that the model does not take; defaults of the one before are not kept."""
        row = self.row
        for name in _PLAIN:
            value, old, new = self.values[name], before.field(name), row.field(name)
            if name in {"model", "prompt"}:
                continue
            if value is None or (old and str(value) == str(old.default)):
                self.values[name] = None
            elif new is None or not _fits(new, value):
                self._aside[name], self.values[name] = value, None

    def _given(self) -> set[str]:
        """Fields of which a material was given, be it right or wrong; what belongs to one does not count."""
        named = {slot.partition("#")[0] for slot in self.typed}
        return {name for name in named if catalog.BY_NAME[name].where != "item"}

    def _put_aside(self, slot: str) -> None:
        if slot in self.typed:  # what belongs to a reference went along with it
            with_it = [one for one in self.typed if one.endswith(f"#{slot}") and one != slot]
            for one in [slot, *with_it]:
                self._aside[one] = (self.media.get(one), self.typed[one])
            self._forget(slot)

    def _take_back(self) -> None:
        for slot, value in list(self._aside.items()):
            name, given = slot.partition("#")[0], self._given()
            if not isinstance(value, tuple):
                spec = self.row.field(name)
                if spec is not None and _fits(spec, value):
                    self.values[name] = self._aside.pop(slot)
                continue
            row = catalog.model(self.values["model"] or catalog.chosen(given | {name}))
            own = catalog.BY_NAME[name].where == "item" or row.beside(name, given) >= given
            if row.field(name) is not None and own and slot not in self.typed and self._is_slot(slot):
                del self._aside[slot]
                if value[0] is not None:
                    self._keep(slot, value[1])
                    self.media[slot] = value[0]

    def aside(self) -> list[str]:
        """What was put aside, a line each, by the labels of the form."""
        lines = []
        for name, value in self._aside.items():
            field = name.partition("#")[0]
            what = _label(field) if isinstance(value, tuple) else f"{_label(field)} {plain(str(value), 40)}"
            spec = self.row.field(field)
            why = f"{self.row.name} takes none" if spec is None else f"{self.row.name} does not take it"
            if spec is not None and isinstance(value, tuple):
                others = [_label(name) for name in self._given() if field not in self.row.beside(name, {field})]
                why = f"it does not go with {join_words(sorted(others) or ['what is given'], 'and')}"
            lines.append(f"{what}: {why}")
        return list(dict.fromkeys(lines))

    # --- what is given

    def set(self, name: str, value: Any) -> None:
        """Take what was typed into a control; empty means not given."""
        if name not in self.values:
            return
        before, spec = self.row, self.row.field(name)
        if isinstance(value, str) and not value.strip() and (spec is None or spec.default is None):
            value = None
        if spec is None and name != "seeds":
            return  # its control is on its way out
        self.values[name] = value
        if name == "model":
            self._changed(before)

    def set_all(self, values: Mapping[str, Any]) -> None:
        """Take what was typed into several controls, the model last: the others were typed for the one before."""
        for name in sorted(values, key="model".__eq__):
            self.set(name, values[name])

    def give(self, slot: str, source: Any, called: str = "") -> None:
        """Take a material: a path or a URL, and what to call it. It is measured here, which may take a second.

        Parameters
        ----------
        slot : str
            A field; of a list ``reference_image#2``, where the number is only a name; of an attribute of that
            ``reference_voice#reference_image#2``.
        source
        called : str
        """
        name = slot.partition("#")[0]
        if name not in catalog.MATERIALS or not self._is_slot(slot):
            return
        before = self.row
        for kept in (self.media, self.typed, self._wrong):
            kept.pop(slot, None)
        if isinstance(source, str):
            source = _unquoted(source.strip())
        # The page shows it again, and what the page shows is saved with the notebook.
        self._keep(slot, plain(redact(called or (shown(source)[0] if is_url(source) else str(source))), 2000))
        self._changed(before, name)
        try:
            medium = self.workspace.material(source, name, model=self.row.name)
            if (why := medium.lost) is not None:
                raise InvalidMedia(f"{name}: {why}", field=name, remedy="Give it anew.")
            self.media[slot] = medium
        except InvalidRequest as error:
            self._wrong[slot] = error
        except (WanError, OSError, ValueError) as error:
            self._wrong[slot] = InvalidMedia(f"{name}: {said(error)}", field=name)

    def _is_slot(self, slot: str) -> bool:
        name, parted, rest = slot.partition("#")
        spec = catalog.BY_NAME[name]
        if spec.where == "item":
            return any(rest in slots for slots in self.lists.values())
        return rest.isdecimal() if spec.listed else not parted

    def _keep(self, slot: str, text: str) -> None:
        self.typed[slot] = text
        name = slot.partition("#")[0]
        if catalog.BY_NAME[name].listed and slot not in self.lists.setdefault(name, []):
            self.lists[name].append(slot)

    def order(self, name: str, slots: list[str]) -> None:
        """Put the materials of a list into another order."""
        if sorted(slots) == sorted(self.lists.get(name, [])):
            self.lists[name] = list(slots)

    def refuse(self, slot: str, message: str) -> None:
        """Take note that a material could not be received."""
        name = slot.partition("#")[0]
        if name in catalog.MATERIALS and self._is_slot(slot):
            before = self.row
            self.media.pop(slot, None)
            if catalog.BY_NAME[name].listed:
                self._keep(slot, "")
            else:
                self.drop(slot)
            self._wrong[slot] = InvalidMedia(message, field=name)
            self._changed(before)

    def drop(self, slot: str) -> None:
        """Take a material away, and what belongs to it."""
        before = self.row
        self._forget(slot)
        self._changed(before)

    def _forget(self, slot: str) -> None:
        name = slot.partition("#")[0]
        for one in [slot, *(other for other in self.typed if other.endswith(f"#{slot}") and other != slot)]:
            for kept in (self.media, self.typed, self._wrong):
                kept.pop(one, None)
        if slot in self.lists.get(name, ()):
            self.lists[name].remove(slot)

    @property
    def prompts(self) -> dict[str, str]:
        """Prompts by label; the only one has none.

        Raises
        ------
        InvalidOption
            One of several is empty, or a label is there twice.
        """
        return dict(read_variants(str(self.values["prompt"] or "")))

    @property
    def is_study(self) -> bool:
        """Whether there are several prompts, or one that has a name."""
        return any(self.prompts)

    def fields(self) -> dict[str, Any]:
        """What all prompts share, materials as they were measured."""
        given = {name: self.values[name] for name in self.values if name not in {"prompt", "seeds"}}
        given["model"] = given["model"] or self.row.name
        for spec in self.row.materials:
            if spec.where == "item":
                carriers = [slot for name in spec.items for slot in self._listed(name)]
                voices = {n: self.media.get(f"{spec.name}#{slot}") for n, slot in enumerate(carriers, 1)}
                given[spec.name] = {number: medium for number, medium in voices.items() if medium} or None
            elif spec.listed:
                given[spec.name] = [self.media[slot] for slot in self._listed(spec.name)] or None
            else:
                given[spec.name] = self.media.get(spec.name)
        return {name: value for name, value in given.items() if value is not None}

    def _listed(self, name: str) -> list[str]:
        """Slots of a list, in order, whose material is there."""
        return [slot for slot in self.lists.get(name, ()) if slot in self.media]

    def seeds(self) -> list[int]:
        """Seeds of each prompt of a study: so many, from the one that is given.

        Raises
        ------
        InvalidOption
            Not a whole number of them, or too many.
        """
        said = f"seeds is a whole number from 1 to {_MOST_SEEDS}"
        count = whole(self.values["seeds"], said, 1, _MOST_SEEDS, typed=True, field="seeds")
        first = as_whole(self.values["seed"], typed=True)
        first = 1 if first is None else first  # a wrong one is said at its own control
        return list(range(first, first + count))

    def study(self) -> tuple[dict[str, str], dict[str, Any]]:
        """What plans the study of its prompts: the prompts by label, and what they share with their seeds.

        Raises
        ------
        InvalidOption
            There are no such prompts, or no such seeds.
        """
        fields = self.fields()
        fields.pop("seed", None)
        return self.prompts, {**fields, "seeds": self.seeds()}

    def problems(self) -> dict[str, str]:
        """What is wrong, by field, in words for beside the control."""
        wrong: dict[str, WanError] = dict(self._wrong)
        untouched = not self.media and not self._wrong
        for error in self._found():
            # A frame that could not be used is the reason why there is none: that is said once.
            if not (self._wrong and error.field in catalog.MATERIALS):
                wrong.setdefault(error.field or "prompt", error)
        # Before anything is given, the list of all that goes together would only be noise.
        return {
            name: plain(error.message if untouched and name in catalog.MATERIALS else str(error), 500)
            for name, error in wrong.items()
        }

    def _found(self) -> Iterator[InvalidOption | InvalidRequest]:
        """What is wrong with each request and with the study of them."""
        fields, prompts = self.fields(), {}
        try:
            prompts = self.prompts
            if self.is_study:
                self.seeds()
        except InvalidOption as error:
            yield error
        for prompt in prompts.values() or (None,):
            yield from VideoRequest.problems(**fields, **({"prompt": prompt} if prompt else {}))

    def check(self) -> dict[str, Any]:
        """Everything that the form says about the request as it is now: plain JSON."""
        problems = self.problems()
        row = self.row
        mode = row.mode({slot.partition("#")[0] for slot in self.media})
        clips = (
            len(self.prompts) * len(self.seeds()) if not {"prompt", "seeds"} & set(problems) and self.is_study else 0
        )
        return {
            "problems": problems,
            "ready": not problems,
            "mode": mode.label if mode and (self.media or self.values["prompt"]) else "",
            "model": row.name,
            "fields": field_specs(self.decided),
            "values": dict(self.values),
            "aside": self.aside(),
            "price": self._price(max(1, clips)),
            "clips": clips,
            "media": {slot: self._facts(slot, medium) for slot, medium in self.media.items()},
            "lists": {name: list(slots) for name, slots in self.lists.items()},
            "typed": dict(self.typed),
        }

    def code(self, study: PlanState | None = None) -> dict[str, str]:
        """The request, or the study of its prompts, as code.

        Raises
        ------
        InvalidRequest
            It is not one yet.
        """
        if study is not None:
            grid, name, most = grid_of(study.plan, study.requests), study.plan.name, math.ceil(study.cost)
            code = {"Python": grid.as_python(name, most), "%%wan": grid.as_cell(name, most)}
            return {language: text for language, text in code.items() if text}
        public = VideoRequest(**self.fields(), prompt=self.prompts.get("")).public()
        return {"Python": snippets.as_python(public), "%%wan": snippets.as_cell(public)}

    def _price(self, clips: int) -> str:
        """Estimate from what sets it, as soon as that much is right."""
        region, fields, row = self.workspace.endpoint.region, self.fields(), self.row
        wrong = {error.field for error in VideoRequest.problems(**fields)}
        if wrong & {"model", "resolution", "duration"}:
            return ""
        lengths = {
            spec.name: [medium.seconds for _, medium in numbered(fields.get(spec.name))] for spec in row.materials
        }
        asked = fields.get("duration")
        estimate = Estimate.of(row.name, fields.get("resolution"), as_whole(asked, typed=True), lengths, region)
        return Estimate.together([estimate] * clips, region.currency).brief

    def _facts(self, slot: str, medium: Medium) -> dict[str, Any]:
        size = f"{medium.width}×{medium.height}" if medium.width else ""
        seconds = f"{medium.seconds:.1f} s" if medium.seconds is not None else ""
        facts = (medium.format or "", size, seconds, megabytes(medium.bytes))
        called = self.typed.get(slot) or medium.name
        return {
            "name": plain(called.replace("\\", "/").rpartition("/")[2] if medium.path else medium.name, 120),
            "facts": " · ".join(fact for fact in facts if fact) or "at a URL: the service fetches it, unchecked",
            "note": plain(medium.note, 300),
            # For the preview; one with a signature is not shown, because widget state is saved with the notebook.
            "url": None if medium.url is None else medium.url if medium.url == medium.name else "",
            "kind": medium.kind,
        }


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _fits(spec: catalog.Field, value: Any) -> bool:
    """Whether a value is right for a field."""
    try:
        check_value(spec, from_text(spec, value))
    except InvalidRequest:
        return False
    return True


def _unquoted(text: str) -> str:
    """A path without the quotes that file managers and shells put around it when it is copied.

    >>> _unquoted('"my cat.png"'), _unquoted("a 'b'")
    ('my cat.png', "a 'b'")
    """
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'" else text
