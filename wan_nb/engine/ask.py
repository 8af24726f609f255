"""What a person asked for: a request, and where it belongs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wan_nb.api.request import VideoRequest, derive_seed

if TYPE_CHECKING:
    from collections.abc import Callable

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
    again : bool
        Buy another one although this one is there.
    progress : callable, optional
        Told the field, the bytes sent and the bytes in all while a material is uploaded; on the loop thread.
    """

    request: VideoRequest
    name: str | None = None
    study: str | None = None
    variant: str | None = None
    block: str | None = None
    tags: tuple[str, ...] = ()
    again: bool = False
    progress: Progress | None = field(default=None, compare=False)

    def seeded(self, attempt: int = 1) -> VideoRequest:
        """The request with a seed: the given one, or one derived from the materials and the name.

        The seed of the first attempt counts in the fingerprint, the one that ``--again`` mixes in does not: so running
        the cell once more finds the newest attempt.
        """
        if self.request.seed is not None:
            return self.request
        return self.request.with_seed(derive_seed(self.request.media(), self.name, attempt))
