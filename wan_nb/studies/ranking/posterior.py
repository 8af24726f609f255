"""What a fit leaves behind: a mixture of normals, and what can be asked of it, the same on every machine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from wan_nb.studies.rounding import steady

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

__all__ = ["Posterior", "best", "contrasts", "gaps", "lead"]


@dataclass(frozen=True, slots=True)
class Posterior:
    """Mixture of normals per table over (theta_1 .. theta_k, side, log nu).

    Attributes
    ----------
    mean : (tables, grid, k + 2)
    cov : (tables, grid, k + 2, k + 2)
    weight : (tables, grid)
        Sums to 1 over the grid.
    prior_sd : float or None
        Of the strengths, logits.
    point : (tables, p) or None
        Near the mode, the deviations of pictures and raters included: where a fit with more votes may start.
    """

    mean: Floats
    cov: Floats
    weight: Floats
    prior_sd: float | None = None
    point: Floats | None = None

    def project(self, contrasts: Floats) -> tuple[Floats, Floats]:
        """Means and standard deviations (tables, grid, m) of linear combinations (m, k + 2) of the parameters."""
        mean = self.mean @ contrasts.T
        variance = np.einsum("mi,tgij,mj->tgm", contrasts, self.cov, contrasts, optimize=True)
        return mean, np.sqrt(np.maximum(variance, 1e-300))

    def above_zero(self, contrasts: Floats) -> Floats:
        """Probability (tables, m) that a combination is positive."""
        mean, sd = self.project(contrasts)
        return steady(np.einsum("tg,tgm->tm", self.weight, _phi(mean / sd)))

    def quantile(self, contrasts: Floats, probability: float) -> Floats:
        """Quantile (tables, m) of linear combinations, by bisection of the mixture."""
        mean, sd = self.project(contrasts)
        low, high = (mean - 9 * sd).min(axis=1), (mean + 9 * sd).max(axis=1)
        for _ in range(50):
            at = (low + high) / 2
            below = np.einsum("tg,tgm->tm", self.weight, _phi((at[:, None] - mean) / sd)) < probability
            low, high = np.where(below, at, low), np.where(below, high, at)
        return steady((low + high) / 2)

    def expected(self, contrasts: Floats) -> Floats:
        """Means (tables, m) of linear combinations, over the mixture."""
        return steady(np.einsum("tg,tgm->tm", self.weight, self.project(contrasts)[0]))

    def share(self, contrasts: Floats) -> Floats:
        """Expected share (tables, m), 0 to 1, of seeds on which a combination wins, ties left out.

        The mean of ``1 / (1 + exp(-x))`` over a normal is that of its mean over ``sqrt(1 + pi variance / 8)``, to 0.02.
        """
        mean, sd = self.project(contrasts)
        each = 1 / (1 + np.exp(-mean / np.sqrt(1 + math.pi / 8 * sd**2)))
        return steady(np.einsum("tg,tgm->tm", self.weight, each))

    def draw(self, rng: np.random.Generator, number: int) -> Floats:
        """Draws of the strengths (tables, number, k), spread over the grid in proportion to its weights."""
        k = self.mean.shape[2] - 2
        edges = np.cumsum(self.weight, axis=1)
        places = (np.arange(number) + 0.5) / number
        factor = np.linalg.cholesky(self.cov[..., :k, :k] + 1e-12 * np.eye(k)).swapaxes(2, 3)
        drawn = rng.standard_normal((self.mean.shape[0], number, k))
        for table, own in enumerate(drawn):
            # The draws of a node lie side by side.
            ends = [0, *np.searchsorted(places, edges[table, :-1], side="right"), number]
            for node, (start, end) in enumerate(pairwise(ends)):
                own[start:end] = own[start:end] @ factor[table, node] + self.mean[table, node, :k]
        return steady(drawn)


def contrasts(variants: int) -> Floats:
    """Each strength against the mean of all, as combinations of (strengths, side, log nu)."""
    return np.hstack([np.eye(variants) - 1 / variants, np.zeros((variants, 2))])


def gaps(variants: int) -> Floats:
    """Each strength less each other one, as combinations of (strengths, side, log nu): row ``i * variants + j``."""
    each = np.hstack([np.eye(variants), np.zeros((variants, 2))])
    return (each[:, None] - each[None]).reshape(-1, variants + 2)


def lead(posterior: Posterior) -> tuple[Ints, Ints, Floats]:
    """The strongest, the one that it is least surely stronger than, and that probability; each of (tables,)."""
    k, table = posterior.mean.shape[2] - 2, np.arange(len(posterior.mean))
    first = posterior.expected(contrasts(k)).argmax(axis=1)
    over = posterior.above_zero(gaps(k)).reshape(-1, k, k)[table, first]
    over[table, first] = np.inf
    rival = over.argmin(axis=1)
    return first, rival, over[table, rival]


def best(posterior: Posterior, draws: int = 20_000, *, among: NDArray[np.bool_] | None = None) -> Floats:
    """Probability (tables, k) of being the strongest; exact for two variants, else by draws from a fixed seed.

    Parameters
    ----------
    posterior : Posterior
    draws : int
    among : bool array (tables, k), optional
        Who is compared; the others get 0.
    """
    k = posterior.mean.shape[2] - 2
    if k == 2:
        first = posterior.above_zero(np.array([[1.0, -1.0, 0.0, 0.0]]))
        return np.hstack([first, 1 - first])
    drawn = posterior.draw(np.random.default_rng(0), draws)
    if among is not None:
        drawn = np.where(among[:, None], drawn, -np.inf)
    tops = drawn.argmax(axis=2)
    return np.stack([(tops == i).mean(axis=1) for i in range(k)], axis=1)


_STEP = 0.004
_TABLE = np.array([0.5 * math.erfc(-z * _STEP / math.sqrt(2)) for z in range(-2250, 2251)])


def _phi(z: Floats) -> Floats:
    """Normal distribution function; numpy has none. Linear in a table of 0.004 steps: wrong by less than 1e-6."""
    share: Floats = np.interp(z, np.arange(-2250, 2251) * _STEP, _TABLE)
    return share
