"""One request: checked against the catalog, written as the JSON of the service, fingerprinted and priced.

The service accepts malformed requests and fails them minutes later, so every documented limit is checked here, before
anything is sent. `VideoRequest.problems` gives all of them at once, for a form; building a request raises the first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, field_validator, model_validator

from wan_nb.api import catalog, urls
from wan_nb.api.checks import check_combination, check_value
from wan_nb.api.field_signatures import told_fields
from wan_nb.api.urls import fault
from wan_nb.arguments import shown
from wan_nb.errors import InvalidMedia, InvalidRequest, did_you_mean, nearest
from wan_nb.terminal import printed

__all__ = ["Medium", "VideoRequest", "derive_seed"]

_MEDIA_NAMES = tuple(f.name for f in catalog.fields("media"))


@printed
class Medium(BaseModel):
    """One material as the checks, the fingerprint and the log see it.

    Attributes
    ----------
    identity : str
        ``sha256:<hex>`` of the pixels (images) or of the bytes (audio, clips); for a URL `urls.identity`.
    name : str
        What a person calls it: a path, a URL as `urls.shown` has it, or the type of an object.
    path : Path or None
        The file to upload; None for a URL.
    url : str or None
        As given, signature included. Kept in memory only.
    whole : bool or None
        Of a URL: whether `name` is enough to fetch the same picture again. None for a file, and for a URL that the
        first edition wrote down, whose query was cut off.
    kind : {'image', 'audio', 'clip'}
    format : str or None
        As the catalog spells it, such as ``JPEG``.
    bytes : int or None
    width, height : int or None
        Pixels.
    seconds : float or None
    note : str
        One line for the user when a normalised copy was made, else empty.

    Examples
    --------
    >>> Medium.at("https://example.org/cat.png?Expires=1&Signature=x", "image").identity
    'https://example.org/cat.png'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity: str
    name: str
    path: Path | None = None
    url: str | None = Field(default=None, repr=False)
    whole: bool | None = None
    kind: Literal["image", "audio", "clip"]
    format: str | None = None
    bytes: int | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    note: str = ""

    @classmethod
    def at(cls, url: str, kind: Literal["image", "audio", "clip"], *, field: str | None = None) -> Self:
        """Material behind an http(s) URL: the service fetches it, we do not look inside.

        Raises
        ------
        InvalidMedia
            The text is no http(s) URL with a host.
        """
        if wrong := fault(url, user=True):
            bare = urls.bare(url)
            raise InvalidMedia(
                f"{shown(bare)} is no http(s) URL: {wrong}.", field=field, remedy="Give a file, or a full URL."
            )
        name, whole = urls.shown(url)
        return cls(identity=urls.identity(url), name=name, url=url, whole=whole, kind=kind)

    @property
    def key(self) -> str:
        """What counts in a fingerprint: the identity, with a mark where it is that of a URL.

        The first edition cut more off a URL than its signature, so what it bought may be another picture.
        """
        return self.identity if self.whole is None else f"url {self.identity}"

    @property
    def lost(self) -> str | None:
        """Why it can be looked up but not sent, or None: a material that was only written down may be gone since."""
        if self.url is not None or self.path is not None:
            return None
        if self.identity.startswith("sha256:"):
            return f"{self.name:.120} is no longer where it was, or is another file by now."
        return f"of {self.name:.120} only this much is kept, not the link itself."

    def public(self) -> dict[str, Any]:
        """What may be written down: no signature, no bytes."""
        return self.model_dump(mode="json", exclude={"url", "note"}, exclude_none=True)


def _annotation(spec: catalog.Field) -> Any:
    kind = Medium if spec.where == "media" else spec.type
    return kind if spec.default is not None else kind | None


_DEFINITIONS: dict[str, Any] = {name: (_annotation(spec), spec.default) for name, spec in catalog.BY_NAME.items()}
_Fields: Any = create_model("_Fields", __config__=ConfigDict(frozen=True, extra="forbid"), **_DEFINITIONS)


@printed
class VideoRequest(_Fields):  # type: ignore[misc]  # its fields are those of the catalog
    """A request that the service documents as valid.

    Materials are given as `Medium`.

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
        try:
            super().__init__(**values)
        except ValidationError as error:
            first, *others = _unwrap(error)
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

    @field_validator("*", mode="before")
    @classmethod
    def _check_value(cls, value: Any, info: Any) -> Any:
        spec = catalog.BY_NAME[info.field_name]
        return value if value is None or spec.where == "media" else check_value(spec, value)

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        check_combination(self.media(), self.model)
        clip = self.first_clip
        if clip and clip.seconds is not None and clip.seconds >= self.duration:
            raise InvalidRequest(
                f"duration {self.duration} s leaves nothing to make: the given clip is {clip.seconds:.2f} s long.",
                field="duration",
                remedy="duration is the whole length, the given clip included; give more.",
            )
        return self

    def media(self) -> dict[str, Medium]:
        """The given materials by field, in the catalog's order."""
        return {name: medium for name in _MEDIA_NAMES if (medium := getattr(self, name)) is not None}

    @property
    def mode(self) -> str:
        """What the combination of materials is called, such as ``first and last frame``."""
        return catalog.model(self.model).modes[frozenset(self.media())]

    def payload(self, urls: Mapping[str, str]) -> dict[str, Any]:
        """Body of the POST.

        Parameters
        ----------
        urls : mapping
            For each media field the URL that the service shall read: http(s), ``oss://`` or ``data:``.
        """
        body_input: dict[str, Any] = {}
        if self.prompt is not None:
            body_input["prompt"] = self.prompt
        if self.negative_prompt is not None:
            body_input["negative_prompt"] = self.negative_prompt
        body_input["media"] = [{"type": name, "url": urls[name]} for name in self.media()]
        parameters = {f.name: getattr(self, f.name) for f in catalog.fields("parameters")}
        return {
            "model": self.model,
            "input": body_input,
            "parameters": {name: value for name, value in parameters.items() if value is not None},
        }

    def public(self) -> dict[str, Any]:
        """The request for the log and the sidecar: `payload` with each material's facts in place of its URL."""
        body = self.payload(dict.fromkeys(self.media(), ""))
        body["input"]["media"] = [{"type": name, **medium.public()} for name, medium in self.media().items()]
        return body

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

    def price(self, region: catalog.Region) -> float:
        """Estimated price in the region's currency: billed seconds times the tier's price."""
        return round(catalog.price_per_second(self.model, self.resolution, region) * int(self.duration), 4)

    def with_seed(self, seed: int | None) -> VideoRequest:
        """The same request with another seed, or without one."""
        return VideoRequest(**{**{name: getattr(self, name) for name in type(self).model_fields}, "seed": seed})


VideoRequest.__doc__ = told_fields(VideoRequest.__doc__, catalog.FIELDS)


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
    parts = [name or "", *(f"{field}={medium.identity}" for field, medium in sorted(media.items()))]
    if take > 1:
        parts.append(str(take))
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


def _unwrap(error: ValidationError) -> list[InvalidRequest]:
    """Our own errors out of pydantic's; what pydantic found by itself is said in its words."""
    found = []
    for item in error.errors(include_url=False):
        own = item.get("ctx", {}).get("error")
        name = str(item["loc"][0]) if item["loc"] else None
        if item["type"] == "extra_forbidden":
            own = InvalidRequest(
                f"the request has no field {shown(name)}.",
                field=name,
                remedy=did_you_mean(nearest(str(name), catalog.BY_NAME), f"Fields: {', '.join(catalog.BY_NAME)}."),
            )
        found.append(own if isinstance(own, InvalidRequest) else InvalidRequest(f"{name}: {item['msg']}.", field=name))
    return found
