"""Evidence of a race: e-values, which may be looked at after every seed and still keep their promise.

On a seed variant *i* has the score ``S_i``: votes won less votes lost. If *i* is not better than *j*, the lead
``D_ij = S_i - S_j`` is as often below zero as above, and ``E_ij``, the mean over some ``lambda`` of the product over
seeds of ``1 + tanh(lambda D_ij)``, is a bet that gains nothing on average: by Ville's inequality it ever reaches
``1 / alpha`` with a probability of at most ``alpha``, whatever luck, ties, side bias and number of looks. That takes
seeds whose pairs and votes were fixed before their first vote, and whole seeds in their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wan_nb.studies.race.race_plan import BEATS
from wan_nb.studies.rounding import steady
from wan_nb.studies.votes import MIN_BLOCKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]
    Bools = NDArray[np.bool_]

__all__ = ["STAKES", "first_winner", "leads", "log_evidence"]

STAKES = (0.12, 0.35, 1.0)
"""Values of lambda: the bet on a vote. Small ones gain from many small leads, large ones from a few clear ones."""


def leads(scores: Floats, running: Bools) -> Floats:
    """Lead of each variant over each other one (..., k, k) on a seed; halved where two run, 0 for those that do not.

    Parameters
    ----------
    scores : array (..., k)
        Votes won less votes lost, on one seed.
    running : bool array (..., k)
        Variants that the seed was bought for.
    """
    between = scores[..., :, None] - scores[..., None, :]
    both = running[..., :, None] & running[..., None, :]
    of_two = running.sum(axis=-1)[..., None, None] == 2
    return np.where(both, between / np.where(of_two, 2, 1), 0.0)


def log_evidence(lead: Floats) -> Floats:
    """Natural logarithm of the e-values (..., seeds, k, k) after each seed, of leads (..., seeds, k, k).

    Examples
    --------
    >>> seven_wins = np.tile([[0.0, 1.0], [-1.0, 0.0]], (7, 1, 1))
    >>> [round(float(e), 1) for e in np.exp(log_evidence(seven_wins))[[5, 6], 0, 1]]
    [12.5, 20.8]
    """
    # log(1 + tanh(y)) without a difference of nearly equal numbers.
    each = [(np.log(2) - np.logaddexp(0, -2 * stake * lead)).cumsum(axis=-3) for stake in STAKES]
    most = np.maximum.reduce(each)
    mean = sum(np.exp(one - most) for one in each) / len(STAKES)
    return np.asarray(steady(most + np.log(mean)))


def first_winner(log_e: Floats, running: Bools, beats: float = BEATS) -> tuple[Ints, Ints]:
    """Who beats all that run, and on how many seeds it was first seen; -1 and 0 where nobody does.

    Parameters
    ----------
    log_e : array (..., seeds, k, k)
        From `log_evidence`, whole seeds in their order.
    running : bool array (..., seeds, k)
    beats : float
        E-value against each other one that runs.
    """
    k = running.shape[-1]
    against = np.where(running[..., None, :] & ~np.eye(k, dtype=bool), log_e, np.inf).min(axis=-1)
    against = np.where(running & (running.sum(axis=-1, keepdims=True) > 1), against, -np.inf)
    enough = steady(against.max(axis=-1)) >= steady(np.log(beats))
    enough[..., : MIN_BLOCKS - 1] = False
    found = enough.any(axis=-1)
    at = enough.argmax(axis=-1)
    top = np.take_along_axis(against, at[..., None, None], axis=-2)[..., 0, :].argmax(axis=-1)
    return np.where(found, top, -1), np.where(found, at + 1, 0)
