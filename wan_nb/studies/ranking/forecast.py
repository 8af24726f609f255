"""How many more seeds a decision takes: a chance, from what the votes leave open and what a seed has told so far.

A truth is drawn from the posterior and new seeds from that truth, each telling as much as those before did on average;
the rule is asked as they come. `tests/bench/decisions.py` checks that what is said comes true as often as it is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wan_nb.studies.rounding import steady

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wan_nb.studies.ranking.posterior import Posterior

    Floats = NDArray[np.float64]

__all__ = ["SEEDS", "chances"]

SEEDS = np.arange(1, 101)
"""Numbers of further seeds for which a chance is given."""

_GAP_SD = 0.7
"""Standard deviation of strengths, logits, between prompts of one study. The prior of the ranking is wider, so that it
takes nothing from a large lead; a forecast from it would promise large leads."""

_PATHS = 1000


def chances(posterior: Posterior, *, blocks: int, least: int, z: float) -> Floats:
    """Chance, 0 to 1, that the rule has decided by each of `SEEDS`.

    Parameters
    ----------
    posterior : Posterior
        Of one table, with a prior.
    blocks : int
        Seeds that it rests on.
    least : int
        Seeds below which nothing is decided.
    z : float
        Standard deviations by which the first must be ahead of each other one.
    """
    k = posterior.mean.shape[2] - 2
    weight, mean = posterior.weight[0], posterior.mean[0, :, :k]
    middle = weight @ mean
    off = mean - middle
    known = np.linalg.inv(np.einsum("g,gij->ij", weight, posterior.cov[0, :, :k, :k]) + (off.T * weight) @ off)
    eye = np.eye(k)
    prior = posterior.prior_sd or 1e3
    told = (known - eye / prior**2) / blocks
    usual = known + eye * max(0.0, _GAP_SD**-2 - prior**-2)
    rng = np.random.default_rng(0)
    truth = np.linalg.solve(usual, known @ middle) + rng.standard_normal((_PATHS, k)) @ _root(np.linalg.inv(usual))
    noise = rng.standard_normal((_PATHS, len(SEEDS), k)).cumsum(axis=1) @ _root(told)
    seen = known @ middle + SEEDS[:, None] * (truth @ told)[:, None] + noise
    cov = np.linalg.inv(known + SEEDS[:, None, None] * told)
    means = np.einsum("nij,pnj->pni", cov, seen)
    first = means.argmax(axis=2)
    variance = cov.diagonal(axis1=1, axis2=2)
    spread = np.sqrt(np.maximum(variance[:, :, None] + variance[:, None] - 2 * cov, 1e-12))
    number = np.arange(len(SEEDS))
    lead = (means.max(axis=2)[..., None] - means) / spread[number, first]
    lead[np.arange(_PATHS)[:, None], number, first] = np.inf
    decided = (steady(lead.min(axis=2)) >= steady(z)) & (blocks + SEEDS >= least)
    share: Floats = np.maximum.accumulate(decided, axis=1).mean(axis=0)
    return share


def _root(matrix: NDArray[Any]) -> Floats:
    """Symmetric root of a covariance."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 1e-9))) @ vectors.T)
