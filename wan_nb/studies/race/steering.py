"""What a race buys next: how many seeds, and for which variants. The posterior steers; `evidence` decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FIRST_SEEDS", "HOPELESS", "NEXT_SEEDS", "survivors"]

FIRST_SEEDS = 8
"""Seeds of the first step, for all variants."""

NEXT_SEEDS = 4
"""Seeds of each further step, for those that can still win."""

HOPELESS = 0.01
"""Probability of being the best below which a variant gets no more seeds."""


def survivors(p_best: NDArray[np.float64], running: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Who goes on, of probabilities (..., k) of being the best among those that `running` says; at least two.

    >>> everybody = np.array([True, True, True])
    >>> survivors(np.array([0.7, 0.295, 0.005]), everybody), survivors(np.array([0.995, 0.003, 0.002]), everybody)
    (array([ True,  True, False]), array([ True,  True, False]))
    """
    # Of equal ones the first: a sort that is stable.
    order = np.argsort(-np.where(running, p_best, -1), axis=-1, kind="stable")
    going = p_best >= HOPELESS
    np.put_along_axis(going, order[..., :2], True, axis=-1)
    return going & running
