"""One material of a request: what is known of it, and how it is told apart from others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from wan_nb.api import catalog, urls
from wan_nb.api.urls import fault
from wan_nb.arguments import as_whole, listed, shown
from wan_nb.errors import InvalidMedia
from wan_nb.sanitize import as_number
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Medium", "each_material", "numbered"]


@printed
@dataclass(frozen=True, kw_only=True)
class Medium:
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
    fps : float or None
        Pictures per second.
    note : str
        One line for the user when a normalised copy was made, else empty.
    taken : str or None
        Of what was taken out of a run's clip: hash of the clip and which frame or seconds. The file is made anew where
        it has to be, and need not come out the same.
    run : str or None
        The run that it was taken out of, by its id; what is taken is told by `taken`.

    Examples
    --------
    >>> Medium.at("https://example.org/cat.png?Expires=1&Signature=x", "image").identity
    'https://example.org/cat.png'
    """

    identity: str
    name: str
    path: Path | None = None
    url: str | None = field(default=None, repr=False)
    whole: bool | None = None
    kind: Literal["image", "audio", "clip"]
    format: str | None = None
    bytes: int | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    fps: float | None = None
    note: str = ""
    taken: str | None = None
    run: str | None = field(default=None, compare=False)

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
        if self.taken is not None:
            return f"clip {self.taken}"
        return self.identity if self.whole is None else f"url {self.identity}"

    @property
    def part(self) -> float | None:
        """Which frame of a run's clip it is: -1 the last one, else its seconds; None for all else."""
        _, _, told = (self.taken or "").partition(" ")
        if told == "last frame":
            return -1.0
        at = told.removeprefix("frame at ")
        return None if at == told else as_number(at.removesuffix(" s"), typed=True)

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
        known = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in {"url", "note"}}
        return {
            name: str(value) if isinstance(value, Path) else value for name, value in known.items() if value is not None
        }


def each_material(spec: catalog.Field, value: Any, change: Callable[[Any], Any]) -> Any:
    """What is given for a field of materials, with each single one changed: one, a list in order, or a dict by number.

    Parameters
    ----------
    spec : Field
    value
        One material; a list, tuple, generator, Series or index of them where the field takes several; for an attribute
        of references a mapping from their number.
    change : callable

    Raises
    ------
    InvalidMedia
        Several where one is taken, or a number that is none.

    >>> each_material(catalog.BY_NAME["reference_image"], "a.png", str.upper)
    ['A.PNG']
    >>> each_material(catalog.BY_NAME["reference_voice"], {"2": "a.mp3"}, str.upper)
    {2: 'A.MP3'}
    """
    if spec.where == "item":
        return {number: change(one) for number, one in _by_number(spec, value).items()}
    several = isinstance(value, (list, tuple, Iterator, AbstractSet)) or hasattr(value, "to_list")
    given = listed(value, spec.name) if several else [value]
    if spec.listed:
        return [change(one) for one in given]
    if len(given) != 1:
        raise InvalidMedia(f"{spec.name} is one {spec.kind}, not {len(given)}.", field=spec.name)
    return change(given[0])


def numbered(value: Any) -> Iterator[tuple[int, Medium]]:
    """The materials that a request holds for one field, each with its number from 1."""
    if isinstance(value, Medium):
        yield 1, value
    elif isinstance(value, Mapping):
        yield from sorted(value.items())
    elif value is not None:
        yield from enumerate(value, 1)


def _by_number(spec: catalog.Field, value: Any) -> dict[int, Any]:
    if not isinstance(value, Mapping):
        raise InvalidMedia(
            f"{spec.name} goes by number: whose is it?",
            field=spec.name,
            remedy="Give {1: 'voice.mp3'}, in a cell --" + spec.name.replace("_", "-") + " 1=voice.mp3.",
        )
    found: dict[int, Any] = {}
    for number, one in value.items():
        whole = as_whole(number, typed=True)
        if whole is None or isinstance(number, bool) or whole < 1 or whole in found:
            twice = whole in found
            raise InvalidMedia(
                f"{spec.name}: {shown(number)} is "
                + ("given twice." if twice else "no number of a reference; they count from 1."),
                field=spec.name,
            )
        found[whole] = one
    return dict(sorted(found.items()))
