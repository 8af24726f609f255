"""One request: checked against the catalog, written as the JSON of the service, fingerprinted and priced.

The service accepts malformed requests and fails them minutes later, so every documented limit is checked here, before
anything is sent. `VideoRequest.problems` gives all of them at once, for a form; building a request raises the first.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import make_dataclass, replace
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.api.checks import check_combination, check_materials, check_taken, check_value
from wan_nb.api.estimate import Estimate
from wan_nb.api.field_signatures import told_fields
from wan_nb.api.medium import Medium, each_material, numbered
from wan_nb.errors import InvalidRequest, join_words
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["VideoRequest", "derive_seed"]

_MIB = 2**20
_HEARD = 0.1
"""Seconds of a sound that nobody misses: encoders pad the last block."""

# What a value must be is said by the row of the model, not by a type.
_Fields: Any = make_dataclass("_Fields", [(name, Any, None) for name in catalog.BY_NAME], frozen=True)


@printed
class VideoRequest(_Fields):  # type: ignore[misc]  # its fields are those of the catalog
    """A request that the service documents as valid.

    Materials are given as `Medium`, several of one field as a list, a voice by the number of its reference. Without
    ``model`` the catalog chooses by what is given; what the model does not take is None.

    Parameters
    ----------
    **fields

    Raises
    ------
    InvalidRequest
        A documented limit is broken; ``field`` names the culprit.

    Examples
    --------
    >>> cat = Medium.at("https://example.org/cat.png", "image")
    >>> VideoRequest(prompt="a cat walks", first_frame=cat, duration=5).price(catalog.REGIONS["beijing"])
    3.0
    """

    def __init__(self, **values: Any) -> None:
        given = {name: value for name, value in values.items() if not _missing(value)}
        given.setdefault("model", catalog.chosen(given))
        row = catalog.model(given["model"]) if isinstance(given["model"], str) else None
        defaults = {one.name: one.default for one in row.fields if one.default is not None} if row else {}
        asked = {**defaults, **given}
        held: dict[str, Any] = {}
        wrong: list[InvalidRequest] = []
        for name in (*(n for n in catalog.BY_NAME if n in asked), *(n for n in asked if n not in catalog.BY_NAME)):
            try:
                held[name] = _checked(name, asked[name], held.get("model"))
            except InvalidRequest as error:
                wrong.append(error)
        if not wrong:
            super().__init__(**held)
            try:
                self._check_together()
            except InvalidRequest as error:
                wrong.append(error)
        if wrong:
            first, *others = wrong
            first.details["others"] = others
            raise first from None

    @classmethod
    def problems(cls, **values: Any) -> list[InvalidRequest]:
        """Everything that is wrong with these values, in the order of the fields; empty when they make a request."""
        try:
            cls(**values)
        except InvalidRequest as error:
            return [error, *error.details["others"]]
        return []

    def _check_together(self) -> None:
        row, given = self.row, self.given()
        mode = check_combination(given, row)
        if mode.prompt and self.prompt is None:
            raise InvalidRequest(f"{mode.label} needs a prompt.", field="prompt", remedy="Write what should happen.")
        for names, most in row.together:
            if (count := sum(len(given.get(name, ())) for name in names)) > most:
                raise InvalidRequest(
                    f"{count} of {join_words(names, 'and')} are given; {row.name} takes {most} in all.", field=names[0]
                )
        for spec in row.materials:
            for number, _ in given.get(spec.name, ()) if spec.where == "item" else ():
                self._item(spec, number)
        self._check_lengths(given)
        self._check_embedded()

    def _check_lengths(self, given: Mapping[str, Sequence[tuple[int, Medium]]]) -> None:
        """Seconds that belong together: of one field, of a clip and what is made of it, beside a material."""
        row, duration = self.row, self.duration
        lengths = {name: sum(medium.seconds or 0.0 for _, medium in held) for name, held in given.items()}
        for name, seconds in lengths.items():
            spec = row.field(name)
            most = spec.limits.total_seconds if spec and spec.limits else None
            if most is not None and seconds > most + catalog.SLACK:
                raise InvalidRequest(f"{name}: {seconds:.2f} s in all; {row.name} takes {most:g} s.", field=name)
            if spec and spec.inside and seconds >= duration:
                raise InvalidRequest(
                    f"duration {duration} s leaves nothing to make: {seconds:g} s of it are what is continued.",
                    field="duration",
                    remedy="duration is the whole length, with those seconds in it; give more.",
                )
        asked = row.field("duration")
        if asked is None:
            return
        for name, longest in asked.maximum_with:
            if name in given and duration > longest:
                raise InvalidRequest(f"duration is {longest} s at most with {name}, not {duration}.", field="duration")
        inputs = sum(lengths.get(name, 0.0) for name in row.billing.inputs)
        shortest = max(duration, asked.minimum or 0)
        if row.span is not None and inputs + shortest > row.span + catalog.SLACK:
            raise InvalidRequest(
                f"the given clips ({inputs:.2f} s) and the new one ({shortest} s) are longer than {row.span:g} s.",
                field="duration",
                remedy=f"{row.name} takes {row.span:g} s in all: give less of either.",
            )

    def _check_embedded(self) -> None:
        """Pictures that cannot be uploaded stand in the body, whose size is limited."""
        sizes = {slot: medium.bytes or 0 for slot, medium in self.media().items() if self.embeds(slot)}
        most, longest = catalog.LIMITS.embedded_bytes, catalog.LIMITS.embedded_text * 3 // 4
        remedy = "Make them smaller, or give URLs."
        if (total := sum(sizes.values())) > most:
            raise InvalidRequest(
                f"pictures of {total / _MIB:.1f} MiB do not fit into one request; it takes {most // _MIB}.",
                field="model",
                remedy=remedy,
            )
        if large := next((slot for slot, size in sizes.items() if size > longest), None):
            raise InvalidRequest(
                f"{large} has {sizes[large] / _MIB:.1f} MiB; {self.row.name} takes {longest // _MIB} in the request.",
                field=large.partition(" ")[0],
                remedy=remedy,
            )

    # --- what is in it

    @property
    def row(self) -> catalog.Model:
        """The catalog's row that it is checked, written and priced by."""
        return catalog.model(self.model)

    def given(self) -> dict[str, tuple[tuple[int, Medium], ...]]:
        """The given materials by field, in the order of the body, each with its number from 1."""
        return {spec.name: held for spec in self.row.materials if (held := tuple(numbered(getattr(self, spec.name))))}

    def media(self) -> dict[str, Medium]:
        """The given materials by their place: a field, or a field and a number such as ``reference_image 2``."""
        return {slot: medium for slot, _, _, medium in self._slots()}

    def _slots(self) -> Iterator[tuple[str, catalog.Field, int, Medium]]:
        for name, held in self.given().items():
            spec = self.row.field(name)
            assert spec is not None
            for number, medium in held:
                yield (name if spec.most == 1 else f"{name} {number}"), spec, number, medium

    def labels(self) -> dict[str, str]:
        """What the prompt calls each reference, by its place in `media`: ``Image 1``, ``Video 1``."""
        names = {"image": "Image", "clip": "Video", "audio": "Audio"}
        called: dict[str, str] = {}
        for slot, spec, number, _ in self._slots():
            if spec.listed:
                called[slot] = f"{names[spec.kind]} {number}"
            elif spec.where == "item":
                name, index = self._item(spec, number)
                called[slot] = f"voice of {called[f'{name} {index}']}"
        return called

    def embeds(self, slot: str) -> bool:
        """Whether a file in this place goes into the body itself, because the model takes no uploaded one."""
        spec = self.row.field(slot.partition(" ")[0])
        return bool(spec and spec.limits and "oss" not in spec.limits.links and self.media()[slot].url is None)

    @property
    def mode(self) -> str:
        """What the combination of materials is called, such as ``first and last frame``."""
        return check_combination(self.given(), self.row).label

    @property
    def task(self) -> str:
        """What kind of clip it asks for, such as ``text to video``."""
        return check_combination(self.given(), self.row).task

    @property
    def notes(self) -> list[str]:
        """What the service will do otherwise than a person may think, one line each."""
        given = self.given()
        return [
            f"{spec.name}: {self.row.name} takes no notice of it beside {other}."
            for spec in self.row.fields
            for other in spec.ignored_with
            if other in given and getattr(self, spec.name) != spec.default
        ] + self._unheard()

    def _unheard(self) -> list[str]:
        """A line about a sound that goes on when the clip has ended."""
        length = self.duration
        if not isinstance(length, int) or length <= 0:
            return []
        return [
            f"{slot} is {seconds:.1f} s long and the clip {length} s: the last {seconds - length:.1f} s are not heard."
            for slot, spec, _, sound in self._slots()
            if spec.drives and (seconds := sound.seconds or 0.0) - length >= _HEARD
        ]

    def _item(self, spec: catalog.Field, number: int) -> tuple[str, int]:
        """Field and place of the material that an attribute belongs to.

        Raises
        ------
        InvalidRequest
            There is none of that number.
        """
        given = self.given()
        there = [(name, index) for name in spec.items for index, _ in given.get(name, ())]
        if not 1 <= number <= len(there):
            count = f"{len(there)} reference{'' if len(there) == 1 else 's'}"
            raise InvalidRequest(
                f"{spec.name} {number} belongs to no reference: there {'is' if len(there) == 1 else 'are'} {count}.",
                field=spec.name,
                remedy=f"The number is that of its {join_words(spec.items)}, counted in this order.",
            )
        return there[number - 1]

    # --- as the service, the log and the bill have it

    def payload(self, urls: Mapping[str, str]) -> dict[str, Any]:
        """Body of the POST.

        Parameters
        ----------
        urls : mapping
            For each place of `media` the URL that the service shall read: http(s), ``oss://`` or ``data:``.
        """
        return self._body(lambda slot, _: urls[slot])

    def public(self) -> dict[str, Any]:
        """The request for the log and the sidecar: `payload` with each material's facts in place of its URL."""
        return self._body(lambda _, medium: medium.public())

    def _body(self, told: Callable[[str, Medium], Any]) -> dict[str, Any]:
        """The body, with each material as it is told."""
        places: dict[str, dict[str, Any]] = {"model": {}, "input": {}, "parameters": {}}
        for spec in self.row.fields:
            value = getattr(self, spec.name)
            if value is not None and not spec.limits:
                places[spec.where][spec.wire] = value
        items: dict[tuple[str, int], dict[str, Any]] = {}
        for slot, spec, number, medium in self._slots():
            value = told(slot, medium)
            if spec.where == "input":
                places["input"][spec.wire] = value
            elif spec.where == "item":
                items[self._item(spec, number)][spec.wire] = value
            else:
                items[spec.name, number] = {"type": spec.wire, **(value if isinstance(value, dict) else {"url": value})}
        if items:
            places["input"]["media"] = [*items.values()]
        return {"model": self.model, "input": places["input"], "parameters": places["parameters"]}

    def fingerprint(self, service: str) -> str:
        """Identity of what is bought: the same fingerprint is never paid twice unasked.

        Parameters
        ----------
        service : str
            Identity of service and account.

        Returns
        -------
        str
            64 hex digits: SHA-256 over canonical JSON of every field sent, media by content.
        """
        body = self.payload({name: medium.key for name, medium in self.media().items()})
        canonical = json.dumps({"service": service, **body}, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()

    def estimate(self, region: catalog.Region) -> Estimate:
        """What it will cost, as far as that is known before."""
        given = self.given()
        lengths = {name: [medium.seconds for _, medium in held] for name, held in given.items()}
        return Estimate.of(self.model, self.resolution, self.duration, lengths, region)

    def price(self, region: catalog.Region) -> float:
        """Estimated price in the region's currency: the most that it can be where the length is not known before."""
        return self.estimate(region).amount

    def with_seed(self, seed: int | None) -> VideoRequest:
        """The same request with another seed, or without one."""
        return self._with(seed=seed)

    @property
    def chained(self) -> bool:
        """Whether a material is taken out of the clip of a run."""
        return any(medium.taken is not None for medium in self.media().values())

    def by_file(self) -> VideoRequest:
        """The same request, its materials known by their files whatever run they are taken from."""
        given = {name: getattr(self, name) for name in self.given()}
        return self._with(
            **{
                name: each_material(catalog.BY_NAME[name], held, lambda one: replace(one, taken=None))
                for name, held in given.items()
            }
        )

    def _with(self, **changes: Any) -> VideoRequest:
        own = {name: getattr(self, name) for name in catalog.BY_NAME}
        return VideoRequest(**{**own, **changes})


VideoRequest.__doc__ = told_fields(VideoRequest.__doc__, catalog.FIELDS)


def _checked(name: str, value: Any, model: str | None) -> Any:
    """One value of a request of this model; None where the model itself is wrong, which is said."""
    if name == "model":
        return check_value(catalog.BY_NAME[name], value)
    if model is None and name in catalog.BY_NAME:
        return value
    check_taken(name, model or "")
    spec = catalog.model(model or "").field(name)
    assert spec is not None
    return check_materials(spec, value, model or "") if spec.limits else check_value(spec, value)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, (list, tuple, dict)) and not value)


def derive_seed(media: Mapping[str, Medium], name: str | None, take: int = 1) -> int:
    """Seed from the content of the materials and the name of the work, so that an edited prompt keeps it.

    Parameters
    ----------
    media : mapping of str to Medium
    name : str or None
    take : int
        From the second one on it is mixed in: another take is wanted because the first clip did not please.

    Returns
    -------
    int
        0 to 2147483647.

    Examples
    --------
    >>> derive_seed({}, "walk") == derive_seed({}, "walk") != derive_seed({}, "walk", take=2)
    True
    """
    parts = [name or "", *(f"{field}={medium.taken or medium.identity}" for field, medium in sorted(media.items()))]
    if take > 1:
        parts.append(str(take))
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF
