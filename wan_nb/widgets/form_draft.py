"""A request that is still being written: its values as typed, its materials as measured, and what is wrong with it.

No widget in it: `Draft` is what the form shows and what it submits.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.api.request import VideoRequest
from wan_nb.api.urls import shown
from wan_nb.arguments import as_whole, whole
from wan_nb.errors import InvalidMedia, InvalidOption, InvalidRequest, WanError
from wan_nb.grammar.variants import read_variants, write_variants
from wan_nb.html import code as snippets
from wan_nb.html.text import megabytes, money, plain
from wan_nb.paths import is_url, local
from wan_nb.sanitize import redact, said
from wan_nb.studies.plan import grid_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wan_nb.api.medium import Medium
    from wan_nb.engine.workspace import Workspace
    from wan_nb.studies.plan import PlanState

__all__ = ["Draft", "field_specs", "fields_from"]

_ROW = catalog.model(catalog.chosen(["first_frame"]))
_MEDIA = tuple(spec.name for spec in _ROW.materials)
_DEFAULTS = {**{spec.name: spec.default for spec in _ROW.fields if not spec.limits}, "model": _ROW.name}
_MOST_SEEDS = 100


def field_specs() -> list[dict[str, Any]]:
    """The catalog's fields as the form's module reads them: every label, range, choice and limit comes from here."""
    specs = []
    for spec in _ROW.fields:
        kind = spec.limits
        specs.append(
            {
                "name": spec.name,
                "label": spec.name.replace("_", " ").capitalize(),
                "where": spec.where,
                "type": spec.type.__name__,
                "help": spec.help,
                "choices": list(spec.choices),
                "open": spec.open_choices,
                "minimum": spec.minimum,
                "maximum": spec.maximum,
                "max_characters": spec.max_characters,
                "unit": spec.unit,
                "kind": spec.kind,
                "suffixes": list(kind.suffixes) if kind else [],
                "formats": list(kind.formats) if kind else [],
                "max_bytes": kind.max_bytes if kind else None,
            }
        )
    return specs


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
            raise InvalidOption(f"no sidecar of a clip can be read at {path.with_suffix('.json')}.") from None
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
        self.values: dict[str, Any] = dict(_DEFAULTS)
        self.values["seeds"] = 3  # of each prompt, where there are several
        self.media: dict[str, Medium] = {}
        self.typed: dict[str, str] = {}
        self._wrong: dict[str, InvalidRequest] = {}
        for name, value in (fields or {}).items():
            if name in _MEDIA:
                self.give(name, value, getattr(value, "name", ""))
            elif name in self.values:
                self.values[name] = write_variants([("", value)]) if name == "prompt" and value else value

    def set(self, name: str, value: Any) -> None:
        """Take what was typed into a control; empty means not given."""
        if name in self.values:
            default = _DEFAULTS.get(name, 0)
            empty = value is None or (isinstance(value, str) and not value.strip())
            self.values[name] = None if empty and default is None else value

    def give(self, name: str, source: Any, called: str = "") -> None:
        """Take a material: a path or a URL, and what to call it. It is measured here, which may take a second."""
        if name not in _MEDIA:
            return
        self.drop(name)
        if isinstance(source, str):
            source = _unquoted(source.strip())
        # The page shows it again, and what the page shows is saved with the notebook.
        self.typed[name] = plain(redact(called or (shown(source)[0] if is_url(source) else str(source))), 2000)
        try:
            medium = self.workspace.material(source, name)
            if (why := medium.lost) is not None:
                raise InvalidMedia(f"{name}: {why}", field=name, remedy="Give it anew.")
            self.media[name] = medium
        except InvalidRequest as error:
            self._wrong[name] = error
        except (WanError, OSError, ValueError) as error:
            self._wrong[name] = InvalidMedia(f"{name}: {said(error)}", field=name)

    def refuse(self, name: str, message: str) -> None:
        """Take note that a material could not be received."""
        if name in _MEDIA:
            self.drop(name)
            self._wrong[name] = InvalidMedia(message, field=name)

    def drop(self, name: str) -> None:
        """Take a material away."""
        for kept in (self.media, self.typed, self._wrong):
            kept.pop(name, None)

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
        return {**{name: value for name, value in given.items() if value is not None}, **self.media}

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
            if not (self._wrong and error.field in _MEDIA):
                wrong.setdefault(error.field or "prompt", error)
        # Before anything is given, the list of all that goes together would only be noise.
        return {
            name: plain(error.message if untouched and name in _MEDIA else str(error), 500)
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
        mode = _ROW.mode(self.media)
        clips = (
            len(self.prompts) * len(self.seeds()) if not {"prompt", "seeds"} & set(problems) and self.is_study else 0
        )
        return {
            "problems": problems,
            "ready": not problems,
            "mode": mode.label if mode else "",
            "price": self._price(max(1, clips)),
            "clips": clips,
            "media": {name: self._facts(name, medium) for name, medium in self.media.items()},
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
        region = self.workspace.endpoint.region
        wrong = {error.field for error in VideoRequest.problems(**self.fields())}
        if wrong & {"model", "resolution", "duration"}:
            return ""
        model, tier = str(self.values["model"] or _ROW.name), str(self.values["resolution"])
        amount = catalog.price_per_second(model, tier, region) * int(self.values["duration"])
        return money(amount * clips, region.currency, estimated=True)

    def _facts(self, name: str, medium: Medium) -> dict[str, Any]:
        size = f"{medium.width}×{medium.height}" if medium.width else ""
        seconds = f"{medium.seconds:.1f} s" if medium.seconds is not None else ""
        facts = (medium.format or "", size, seconds, megabytes(medium.bytes))
        called = self.typed.get(name) or medium.name
        return {
            "name": plain(called.replace("\\", "/").rpartition("/")[2] if medium.path else medium.name, 120),
            "facts": " · ".join(fact for fact in facts if fact) or "at a URL: the service fetches it, unchecked",
            "note": plain(medium.note, 300),
            # For the preview; one with a signature is not shown, because widget state is saved with the notebook.
            "url": None if medium.url is None else medium.url if medium.url == medium.name else "",
            "kind": catalog.BY_NAME[name].kind,
        }


def _unquoted(text: str) -> str:
    """A path without the quotes that file managers and shells put around it when it is copied.

    >>> _unquoted('"my cat.png"'), _unquoted("a 'b'")
    ('my cat.png', "a 'b'")
    """
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'" else text
