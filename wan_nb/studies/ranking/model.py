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

A picture may suit one variant, and a rater like one, for every seed. With one picture or one rater the strengths are
those on this picture, for this rater. With several they are those on a new picture, for a new rater: each picture and
each rater has a normal deviation of its own per variant, whose variance is mixed over a grid in the same way.

Everything works on stacks of data sets at once, which is what makes the benchmark affordable.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import TYPE_CHECKING, Any

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


_TASTES = {0.03: 0.45, 0.2: 0.45, 1.0: 0.1}
"""Variances, in square logits, of what a picture or a rater adds to a variant, and how likely they are beforehand. With
them two raters who agree need more seeds than one (``tests/bench/decisions.py``)."""


@dataclass(frozen=True, slots=True)
class Votes:
    """A stack of vote tables; all arrays but `picture` have shape (tables, votes).

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
    rater : int array or None
        Who voted, from 0.
    picture : int array (tables, blocks) or None
        Picture of each block, from 0.
    raters, pictures : int
        1: the strengths are about this one, and the array is not needed. More: about new ones.
    """

    left: Ints
    right: Ints
    block: Ints
    result: Floats
    weight: Floats
    variants: int
    blocks: int
    rater: Ints | None = None
    picture: Ints | None = None
    raters: int = 1
    pictures: int = 1

    def take(self, tables: Ints) -> Votes:
        """Some of the tables, or the same one several times."""
        held = {f.name: getattr(self, f.name) for f in fields(self)}
        some: dict[str, Any] = {name: a[tables] for name, a in held.items() if isinstance(a, np.ndarray)}
        return replace(self, **some)

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
    near: Floats | None = None,
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
    near : array, optional
        `Posterior.point` of the same tables with a vote less: one step from there in place of many, for simulations.
    """
    k, tables = votes.variants, len(votes.left)
    tastes = [_TASTES if count > 1 else {0.0: 1.0} for count in (votes.pictures, votes.raters)]
    nodes = np.array(list(product(grid, *tastes)))
    likely = np.array([math.prod(chance) for chance in product(np.ones(len(grid)), *(t.values() for t in tastes))])
    prior = np.array([_prior(votes, prior_sd, side_sd, tie_sd, *node[1:]) for node in nodes])
    first = min(_START, len(grid) - 1) * (len(nodes) // len(grid)) + (len(nodes) // len(grid)) // 2
    tau2 = np.full(tables, nodes[first, 0])
    zero = np.zeros((tables, prior.shape[1])) if near is None else near
    point = _solve(votes, zero, tau2, prior[[first] * tables], 100 if near is None else 1)
    many = votes.take(np.repeat(np.arange(tables), len(nodes)))
    taus, priors, start = np.tile(nodes[:, 0], tables), np.tile(prior, (tables, 1, 1)), np.repeat(point, len(nodes), 0)
    curve = _Curve.at(many, start, taus, priors)
    evidence = _evidence(curve, start, priors).reshape(tables, -1)
    evidence[np.ix_(votes.blocks_seen() < MIN_BLOCKS, nodes[:, 0] < grid.max())] = -np.inf
    weight = likely * np.exp(evidence - evidence.max(axis=1, keepdims=True))
    if near is None:
        # With many nodes two steps from the common point are enough: the rest is below 0.001 logit.
        mode = _solve(many, start, taus, priors, 2 if len(nodes) > len(grid) else 100)
        curve = _Curve.at(many, mode, taus, priors)
    else:
        mode = start + np.linalg.solve(curve.hessian, curve.gradient[..., None])[..., 0]
    kept = [*range(k), -2, -1]
    cov = np.linalg.inv(curve.hessian).astype(np.float64)[:, kept][:, :, kept]
    shape = (tables, len(nodes), k + 2)
    return Posterior(
        mode[:, kept].reshape(shape),
        cov.reshape(*shape, k + 2),
        weight / weight.sum(axis=1, keepdims=True),
        prior_sd,
        point,
    )


def _prior(votes: Votes, prior_sd: float | None, side_sd: float | None, tie_sd: float | None, *tastes: float) -> Floats:
    """Prior precision of (strengths, their deviations by picture and by rater, side, log nu)."""
    k = votes.variants
    each = [prior_sd**-2.0 if prior_sd else 0.0] * k
    for count, taste in zip((votes.pictures, votes.raters), tastes, strict=True):
        each += [1 / taste] * (k * count) if count > 1 else []
    prior = np.diag([*each, side_sd**-2.0 if side_sd else 1e12, (tie_sd or 1e9) ** -2.0])
    if not prior_sd:
        prior[:k, :k] += 1.0 / k  # strengths are only known up to a common shift: hold their sum at zero
    return prior


def _solve(votes: Votes, start: Floats, tau2: Floats, prior: Floats, steps: int) -> Floats:
    """Fisher scoring; steps are capped because the first one overshoots where all votes agree."""
    point = start.copy()
    live = np.arange(len(point))
    for _ in range(steps):
        curve = _Curve.at(votes.take(live), point[live], tau2[live], prior[live])
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
        k, weight, tables = votes.variants, votes.weight, len(tau2)
        cells = _Cells(votes)
        p_left, p_right, p_tie = cells.probabilities(point)
        expected = (p_left - p_right) / 2
        info = (p_left + p_right) / 4 - expected**2
        residual = votes.result - expected
        # What a vote would tell if the luck of its two clips were known, so that with that luck summed out again it
        # tells exactly what Davidson says: for the gap, for gap and ties together, and for ties.
        stretch = weight / (1 - 2 * tau2[:, None] * info)
        crossed = -stretch * expected * p_tie
        beside = 2 * tau2[:, None] * -expected * p_tie
        told = cells.information(stretch * info)
        cross = np.stack([cells.score(stretch * info), cells.score(crossed)], axis=-1)
        score = cells.score(stretch * residual)[..., None]
        luck, by_luck = told.sum(axis=2), score.sum(axis=2)
        # Luck of clips against (strengths, their deviations, side, log nu).
        full = np.concatenate([cells.by_clip(told), cross.sum(axis=2)], axis=-1)
        shrunk = np.eye(k) + tau2[:, None, None, None] * luck
        known = tau2[:, None, None, None] * np.linalg.solve(shrunk, np.concatenate([full, by_luck], axis=-1))
        flat = (tables, votes.blocks * k, -1)
        taken = full.reshape(flat).swapaxes(1, 2) @ known.reshape(flat)
        total, beyond = cells.total(told), cells.summed(cross)
        hessian = np.empty((tables, *prior.shape[1:]))
        hessian[:, :-2, :-2] = total
        hessian[:, :-2, -2:] = beyond
        hessian[:, -2:, :-2] = beyond.swapaxes(1, 2)
        hessian[:, -2, -2] = (stretch * info).sum(axis=1)
        hessian[:, -2, -1] = hessian[:, -1, -2] = crossed.sum(axis=1)
        hessian[:, -1, -1] = (weight * p_tie * (1 - p_tie) + beside * crossed).sum(axis=1)
        tied = (weight * ((votes.result == 0) - p_tie) + beside * stretch * residual).sum(axis=1)
        ends = np.stack([(stretch * residual).sum(axis=1), tied], axis=1)
        gradient = np.concatenate([cells.summed(score)[..., 0], ends], axis=1)
        return cls(
            gradient - taken[..., -1] - np.einsum("ti,tij->tj", point, prior),
            hessian - taken[..., :-1] + prior,
            np.linalg.slogdet(shrunk)[1].sum(axis=1) - np.log(np.where(weight > 0, stretch, 1)).sum(axis=1),
            (stretch * residual**2 / info).sum(axis=1) - (by_luck * known[..., -1:]).sum(axis=(1, 2, 3)),
        )


class _Cells:
    """Sums votes into cells of one block and one rater, and cells into what the model has a strength for.

    Shapes: (tables, votes) -> (tables, blocks, raters, variants[, variants]) -> (tables, strengths[, strengths]), where
    the strengths are those of the variants, then their deviations on each picture, then those for each rater. A cell
    counts for its variants, its picture and its rater: for the same ones as all cells of this picture and this rater.
    """

    def __init__(self, votes: Votes) -> None:
        k, tables, pictures, raters = votes.variants, len(votes.left), votes.pictures, votes.raters
        self._shape = (tables, votes.blocks, raters, k)
        cell = np.arange(tables)[:, None] * votes.blocks + votes.block
        if votes.rater is not None:
            cell = cell * raters + votes.rater
        self._left, self._right = cell * k + votes.left, cell * k + votes.right
        self._own = [self._left * k + votes.left, self._right * k + votes.right]
        self._crosses = [self._left * k + votes.right, self._right * k + votes.left]
        on = np.zeros((tables, votes.blocks), dtype=np.intp) if votes.picture is None else votes.picture
        self._on = (on[..., None] == np.arange(pictures)).astype(np.float64)
        # Of each picture with each rater: what its cells count for.
        parts = [np.ones((pictures * raters, 1))]
        parts += [np.repeat(np.eye(pictures), raters, axis=0)] if pictures > 1 else []
        parts += [np.tile(np.eye(raters), (pictures, 1))] if raters > 1 else []
        self._member = np.concatenate(parts, axis=1)

    def probabilities(self, point: Floats) -> tuple[Floats, Floats, Floats]:
        """Of left, right and tie, for each vote."""
        (tables, _, raters, k), side, log_nu = self._shape, point[:, -2, None], point[:, -1, None]
        of_taste = self._member @ point[:, :-2].reshape(tables, -1, k)
        strength = (self._on @ of_taste.reshape(tables, -1, raters * k)).ravel()
        gap = strength[self._left] - strength[self._right] + side
        left, right, tie = np.exp(gap / 2), np.exp(-gap / 2), np.exp(np.broadcast_to(log_nu, gap.shape))
        total = left + right + tie
        return left / total, right / total, tie / total

    def score(self, values: Floats) -> Floats:
        size = math.prod(self._shape)
        return (_sums(self._left, values, size) - _sums(self._right, values, size)).reshape(self._shape)

    def information(self, values: Floats) -> Floats:
        size = math.prod(self._shape) * self._shape[-1]
        total = sum(_sums(place, values, size) for place in self._own) - sum(
            _sums(place, values, size) for place in self._crosses
        )
        return np.asarray(total).reshape(*self._shape, self._shape[-1])

    def by_clip(self, told: Floats) -> Floats:
        """Information of each block between its clips and all strengths: (tables, blocks, variants, strengths)."""
        tables, blocks, raters, k = self._shape
        parts = [told.sum(axis=2)[:, :, :, None]]
        parts += [parts[0] * self._on[:, :, None, :, None]] if self._on.shape[-1] > 1 else []
        parts += [told.swapaxes(2, 3)] if raters > 1 else []
        return np.concatenate(parts, axis=3).reshape(tables, blocks, k, -1)

    def total(self, told: Floats) -> Floats:
        """Information between all strengths."""
        tables, k, slots = len(told), self._shape[-1], self._member.shape[-1]
        both = (self._member[:, :, None] * self._member[:, None]).reshape(-1, slots**2).T
        summed = (both @ self._by_taste(told)).reshape(tables, slots, slots, k, k)
        return summed.swapaxes(2, 3).reshape(tables, slots * k, slots * k)

    def summed(self, values: Floats) -> Floats:
        """Sums of (tables, blocks, raters, variants, m) for each strength."""
        return (self._member.T @ self._by_taste(values)).reshape(len(values), -1, values.shape[-1])

    def _by_taste(self, values: Floats) -> Floats:
        """Sums over the blocks of a picture: (tables, pictures * raters, the rest)."""
        tables, blocks = values.shape[:2]
        summed = self._on.swapaxes(1, 2) @ values.reshape(tables, blocks, -1)
        return np.asarray(summed.reshape(tables, self._member.shape[0], -1))


def _sums(places: Ints, values: Floats, size: int) -> Floats:
    return np.bincount(places.ravel(), values.ravel(), size).astype(np.float64, copy=False)  # int without votes


def _evidence(curve: _Curve, point: Floats, prior: Floats) -> Floats:
    """Log evidence of tau2 and tastes for normal working responses around a common point, up to a constant.

    Ties carry no luck in this model, so log nu (the last parameter) is left out.
    """
    hessian, gradient = curve.hessian[:, :-1, :-1], curve.gradient[:, :-1]
    step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
    held = np.einsum("ti,tij,tj->t", point, prior, point)
    square = curve.square + held - (gradient * step).sum(axis=1)
    k2 = prior.diagonal(axis1=1, axis2=2)[:, :-2]
    known = np.log(np.where(k2 > 0, k2, 1)).sum(axis=1)
    evidence: Floats = -(curve.log_det + np.linalg.slogdet(hessian)[1] - known + square) / 2
    return evidence
