"""Which two clips of a race to show next: seed by seed, all pairs that were fixed for it, in an order by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wan_nb.studies.ballot.next_pair import Asked, sides
from wan_nb.studies.race.counting import count
from wan_nb.studies.votes import standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from wan_nb.studies.race.counting import Seed
    from wan_nb.studies.votes import Vote

__all__ = ["race_pair"]


def race_pair(
    votes: Sequence[Vote],
    seeds: Sequence[Seed],
    clips: Mapping[tuple[str, str], str],
    *,
    rater: str = "",
    rng: np.random.Generator,
) -> Asked | None:
    """Choose what to ask a rater next; None when the race needs nothing more of this one.

    Parameters
    ----------
    votes : sequence of Vote
        All of the study, in the order in which they were given.
    seeds : sequence of Seed
    clips : mapping
        Run id by (block, variant), for the clips that exist.
    rater : str
        Asked about a pair once.
    rng : numpy.random.Generator

    Examples
    --------
    >>> import numpy as np
    >>> from wan_nb.studies.race.counting import Seed
    >>> clips = {("seed 1", "calm"): "r1", ("seed 1", "fast"): "r2"}
    >>> asked = race_pair([], [Seed("seed 1", ("calm", "fast"))], clips, rng=np.random.default_rng(1))
    >>> sorted([asked.left_run, asked.right_run]), asked.picker
    (['r1', 'r2'], 'race')
    """
    own = [vote for vote in standing(votes) if vote.rater == rater]
    for seed in count(seeds, votes):
        block = seed.seed.block
        pairs = [sorted(pair) for pair in seed.open_to(rater) if all((block, name) in clips for name in pair)]
        if pairs:
            one, other = pairs[int(rng.integers(len(pairs)))]
            left, right = sides((one, other), own, rng)
            return Asked(block, clips[block, left], clips[block, right], left, right, picker="race")
    return None
