"""What a person asked for: a request, and where it belongs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from wan_nb.api.request import VideoRequest, derive_seed

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_nb.log.row import Row

    Progress = Callable[[str, int, int], None]

__all__ = ["Ask"]


@dataclass(frozen=True, slots=True)
class Ask:
    """What a person asked for: a request and where it belongs.

    Attributes
    ----------
    request : VideoRequest
        Checked. Without a seed one is derived from its materials and `name`.
    name : str or None
        What the person calls the work.
    study, variant, block : str or None
        Study that it belongs to (`name` without it), label in it, and unit of comparison. A study without a name is
        called by its prompts, which no seed may depend on: an edited prompt keeps it.
    tags : tuple of str
    take : int or None
        Which clip of the request is wanted; None is the pinned one, else the first.
    next_take : bool
        Buy the take behind the last one.
    progress : callable, optional
        Told the field, the bytes sent and the bytes in all while a material is uploaded; on the loop thread.
    """

    request: VideoRequest
    name: str | None = None
    study: str | None = None
    variant: str | None = None
    block: str | None = None
    tags: tuple[str, ...] = ()
    take: int | None = None
    next_take: bool = False
    progress: Progress | None = field(default=None, compare=False)

    def seeded(self, take: int = 1) -> VideoRequest:
        """The request with a seed: the given one, or one derived from the materials, the name and the take.

        The fingerprint has the seed of the first take, whichever is wanted: fingerprint and take together name a clip.
        """
        if self.request.seed is not None:
            return self.request
        return self.request.with_seed(derive_seed(self.request.media(), self.name, take))

    @property
    def by_file(self) -> Self:
        """The same, with what is taken out of runs known by the file that was made of it, as in the first edition."""
        return replace(self, request=self.request.by_file())

    @classmethod
    def of_run(cls, row: Row, request: VideoRequest, **more: Any) -> Self:
        """What a run asked for, by its recorded request: under its labels, without a seed where that was derived."""
        media = request.media()
        takes = range(1, max(row.take, row.attempt) + 1)  # the first edition derived the seed from the attempt
        names = [name for name in dict.fromkeys([row.study, None])
                 if row.seed in {derive_seed(media, name, take) for take in takes}]  # fmt: skip
        if names:
            request = request.with_seed(None)
        name = names[0] if names else None
        return cls(request, name, row.study, row.variant, row.block, row.tags, **more)
