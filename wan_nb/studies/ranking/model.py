r"""The numbers behind a ranking: Davidson's model of paired votes, with clips that differ by luck.

A vote on a clip of variant *i* shown left and one of *j* shown right::

    P(left) : P(right) : P(tie)  =  exp(d/2) : exp(-d/2) : nu        d = theta_i - theta_j + side

``theta`` is the strength of a *variant*: how its next, still unmade clip would do. One clip is luckier than another, so
votes that share a clip agree more than the model says, and thirty votes on one pair of clips are not thirty pieces of
evidence. Let ``u`` be that luck, one number per clip with variance ``tau2``. The fit keeps Davidson's probabilities for
a vote taken alone and lets ``u`` only tie together the votes of a block (a quasi-likelihood; for a block with
information matrix M it comes down to shrinking M to ``M (1 + tau2 M)^-1``). Votes that share no clip are *exactly*
Davidson's, whatever ``tau2``; many votes on one pair of clips turn smoothly into "one vote per block".

``tau2`` cannot be read off a few blocks, so it is not estimated: the posterior is a mixture over a grid of it, weighted
by evidence. Fewer than six blocks give no evidence about it at all, because luck alone makes them agree too often: then
the largest value stands, and a block says hardly more than one vote.

Everything works on stacks of data sets at once, which is what makes the benchmark affordable.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wan_nb.studies.ranking.posterior import Posterior
from wan_nb.studies.votes import MIN_BLOCKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

__all__ = ["GRID", "Votes", "fit_stack"]

GRID = np.array([0.8, 1.4, 1.7, 1.9])
"""Values of tau2, equally likely beforehand. The variance of a lone vote between equals is 4 on this scale, of which
luck explains ``2 tau2 / 4``: 40 to 95 %. Smaller values are left out: with them in, a few blocks that agree by chance
decide too often (``tests/bench/ranking.py``)."""

_START = 1
"""Place in `GRID` at which the working response is taken for the evidence of the others."""


@dataclass(frozen=True, slots=True)
class Votes:
    """A stack of vote tables; all arrays have shape (tables, votes).

    Attributes
    ----------
    left, right : int arrays
        Variant shown left and right, from 0.
    block : int array
        Block of the vote, from 0.
    result : float array
        0.5 left wins, -0.5 right wins, 0 tie.
    weight : float array
        1 for a vote, 0 for padding.
    variants, blocks : int
    """

    left: Ints
    right: Ints
    block: Ints
    result: Floats
    weight: Floats
    variants: int
    blocks: int

    def take(self, tables: Ints) -> Votes:
        """Some of the tables, or the same one several times."""
        return Votes(
            self.left[tables],
            self.right[tables],
            self.block[tables],
            self.result[tables],
            self.weight[tables],
            self.variants,
            self.blocks,
        )

    def blocks_seen(self) -> Ints:
        """Blocks with a vote, of each table."""
        tables = np.arange(len(self.block))[:, None] * self.blocks
        seen = np.bincount((tables + self.block).ravel(), self.weight.ravel(), len(self.block) * self.blocks)
        count: Ints = (seen.reshape(-1, self.blocks) > 0).sum(axis=1)
        return count


def fit_stack(
    votes: Votes,
    *,
    prior_sd: float | None = 1.5,
    side_sd: float | None = 1.0,
    tie_sd: float | None = 1.5,
    grid: Floats = GRID,
) -> Posterior:
    """Fit a stack of vote tables.

    Parameters
    ----------
    votes : Votes
    prior_sd : float or None
        Standard deviation of the normal prior of each strength, logits; None for maximum likelihood.
    side_sd : float or None
        The same for the preference for the left side; None leaves it out of the model.
    tie_sd : float or None
        The same for log nu; None for a flat prior.
    grid : array
        Values of tau2, 0 to less than 2; ``[0]`` is Davidson's model with independent votes.
    """
    k = votes.variants
    precision = np.concatenate(
        [np.full(k, prior_sd**-2.0 if prior_sd else 0.0), [side_sd**-2.0 if side_sd else 1e12, (tie_sd or 1e9) ** -2.0]]
    )
    prior = np.diag(precision)
    if not prior_sd:
        prior[:k, :k] += 1.0 / k  # strengths are only known up to a common shift: hold their sum at zero
    tables = votes.left.shape[0]
    start = _solve(votes, np.zeros((tables, k + 2)), np.full(tables, grid[min(_START, len(grid) - 1)]), prior)
    many, taus = votes.take(np.repeat(np.arange(tables), len(grid))), np.tile(grid, tables)
    start = np.repeat(start, len(grid), axis=0)
    evidence = _evidence(_Curve.at(many, start, taus, prior), start, prior).reshape(tables, -1)
    evidence[votes.blocks_seen() < MIN_BLOCKS, :-1] = -np.inf
    weight = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    mode = _solve(many, start, taus, prior)
    cov = np.linalg.inv(_Curve.at(many, mode, taus, prior).hessian).astype(np.float64)
    shape = (tables, len(grid), k + 2)
    return Posterior(
        mode.reshape(shape), cov.reshape(*shape, k + 2), weight / weight.sum(axis=1, keepdims=True), prior_sd
    )


def _solve(votes: Votes, start: Floats, tau2: Floats, prior: Floats) -> Floats:
    """Fisher scoring; steps are capped because the first one overshoots where all votes agree."""
    point = start.copy()
    live = np.arange(len(point))
    for _ in range(100):
        curve = _Curve.at(votes.take(live), point[live], tau2[live], prior)
        step = np.linalg.solve(curve.hessian, curve.gradient[..., None])[..., 0]
        size = np.abs(step).max(axis=1)
        point[live] += step * np.minimum(1.0, 1.5 / np.maximum(size, 1e-12))[:, None]
        live = live[size > 1e-8]
        if not len(live):
            break
    return point


@dataclass(frozen=True, slots=True)
class _Curve:
    """Gradient and information at a point, with the luck of the clips taken out block by block.

    Attributes
    ----------
    gradient : (tables, p)
    hessian : (tables, p, p)
    log_det : (tables,)
        Log determinant of the covariance of the working responses, up to a constant.
    square : (tables,)
        Sum of squares of the working residuals in the metric of that covariance.
    """

    gradient: Floats
    hessian: Floats
    log_det: Floats
    square: Floats

    @classmethod
    def at(cls, votes: Votes, point: Floats, tau2: Floats, prior: Floats) -> _Curve:
        k, weight = votes.variants, votes.weight
        p_left, p_right, p_tie = _probabilities(votes, point)
        expected = (p_left - p_right) / 2
        info = (p_left + p_right) / 4 - expected**2
        residual = votes.result - expected
        # What a vote would tell if the luck of its two clips were known, so that with that luck summed out again it
        # tells exactly what Davidson says: for the gap, for gap and ties together, and for ties.
        stretch = weight / (1 - 2 * tau2[:, None] * info)
        crossed = -stretch * expected * p_tie
        beside = 2 * tau2[:, None] * -expected * p_tie
        per_clip = _Blocks(votes)
        luck = per_clip.information(stretch * info)
        cross = np.stack([per_clip.score(stretch * info), per_clip.score(crossed)], axis=-1)
        score = per_clip.score(stretch * residual)
        full = np.concatenate([luck, cross], axis=-1)  # luck of clips against (strengths, side, log nu)
        shrunk = np.eye(k) + tau2[:, None, None, None] * luck
        known = tau2[:, None, None, None] * np.linalg.solve(shrunk, np.concatenate([full, score[..., None]], axis=-1))
        flat = (len(tau2), votes.blocks * k, -1)
        taken = full.reshape(flat).swapaxes(1, 2) @ known.reshape(flat)
        total = full.sum(axis=1)
        hessian = np.empty((len(tau2), k + 2, k + 2))
        hessian[:, :k] = total
        hessian[:, k:, :k] = total[..., k:].swapaxes(1, 2)
        hessian[:, k, k] = (stretch * info).sum(axis=1)
        hessian[:, k, k + 1] = hessian[:, k + 1, k] = crossed.sum(axis=1)
        hessian[:, k + 1, k + 1] = (weight * p_tie * (1 - p_tie) + beside * crossed).sum(axis=1)
        tied = (weight * ((votes.result == 0) - p_tie) + beside * stretch * residual).sum(axis=1)
        gradient = np.concatenate([score.sum(axis=1), (stretch * residual).sum(axis=1)[:, None], tied[:, None]], axis=1)
        return cls(
            gradient - taken[..., -1] - point @ prior,
            hessian - taken[..., :-1] + prior,
            np.linalg.slogdet(shrunk)[1].sum(axis=1) - np.log(np.where(weight > 0, stretch, 1)).sum(axis=1),
            (stretch * residual**2 / info).sum(axis=1) - (score[..., None] * known[..., -1:]).sum(axis=(1, 2, 3)),
        )


def _probabilities(votes: Votes, point: Floats) -> tuple[Floats, Floats, Floats]:
    k = votes.variants
    theta, side, log_nu = point[:, :k], point[:, k, None], point[:, k + 1, None]
    gap = np.take_along_axis(theta, votes.left, 1) - np.take_along_axis(theta, votes.right, 1) + side
    left, right, tie = np.exp(gap / 2), np.exp(-gap / 2), np.exp(np.broadcast_to(log_nu, gap.shape))
    total = left + right + tie
    return left / total, right / total, tie / total


class _Blocks:
    """Sums votes into the clips of their blocks: (tables, votes) -> (tables, blocks, variants[, variants])."""

    def __init__(self, votes: Votes) -> None:
        k, tables = votes.variants, votes.left.shape[0]
        self._shape = (tables, votes.blocks, k)
        base = (np.arange(tables)[:, None] * votes.blocks + votes.block) * k
        self._left, self._right = base + votes.left, base + votes.right
        self._cells = [self._left * k + votes.left, self._right * k + votes.right]
        self._crosses = [self._left * k + votes.right, self._right * k + votes.left]

    def score(self, values: Floats) -> Floats:
        size = math.prod(self._shape)
        return (_sums(self._left, values, size) - _sums(self._right, values, size)).reshape(self._shape)

    def information(self, values: Floats) -> Floats:
        size = math.prod(self._shape) * self._shape[2]
        total = sum(_sums(cell, values, size) for cell in self._cells) - sum(
            _sums(cell, values, size) for cell in self._crosses
        )
        return np.asarray(total).reshape(*self._shape, self._shape[2])


def _sums(places: Ints, values: Floats, size: int) -> Floats:
    return np.bincount(places.ravel(), values.ravel(), size).astype(np.float64, copy=False)  # int without votes


def _evidence(curve: _Curve, point: Floats, prior: Floats) -> Floats:
    """Log evidence of tau2 for normal working responses around a common point, up to a constant.

    Ties carry no luck in this model, so log nu (the last parameter) is left out.
    """
    hessian, gradient = curve.hessian[:, :-1, :-1], curve.gradient[:, :-1]
    step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
    held = np.einsum("ti,ij,tj->t", point, prior, point)
    square = curve.square + held - (gradient * step).sum(axis=1)
    evidence: Floats = -(curve.log_det + np.linalg.slogdet(hessian)[1] + square) / 2
    return evidence
