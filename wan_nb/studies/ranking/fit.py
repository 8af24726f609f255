"""From votes to a ranking: strengths with 95 % intervals, the probability of being the best, whether that decides.

The model is in `wan_nb.studies.ranking.model`. Evidence is counted in blocks (a first frame and a seed): thirty votes
on one pair of clips say which clip is better, not which prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wan_nb.studies.ranking.model import GRID, Votes, fit_stack
from wan_nb.studies.ranking.posterior import Posterior, best, contrasts
from wan_nb.studies.ranking.result import Interval, Ranking, settled
from wan_nb.studies.votes import Vote, agreement, self_agreement, share, standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["fit"]


def fit(
    votes: Iterable[Vote | Mapping[str, Any]],
    *,
    variants: Sequence[str] | None = None,
    prior_sd: float | None = 1.5,
    side: bool = True,
    spread: bool = True,
) -> Ranking:
    """Rank variants by votes on pairs of their clips. The same votes always give the same ranking.

    Parameters
    ----------
    votes : iterable of Vote or of their rows
        In the order in which they were given; undone ones and skips included.
    variants : sequence of str, optional
        What is ranked; those without votes too. Default: whatever was voted on. Votes about others are left out.
    prior_sd : float or None
        Standard deviation of the normal prior of a strength, logits. None: maximum likelihood, which has no finite
        answer for a variant that was never beaten.
    side : bool
        Let the model know a preference for the left side.
    spread : bool
        Let clips of a variant differ by luck, so that votes on the same clips do not count as independent.

    Examples
    --------
    >>> votes = [
    ...     Vote(vote_id=str(i), block=f"seed {i}", left_variant="a", right_variant="b", outcome="left")
    ...     for i in range(4)
    ... ]
    >>> ranking = fit(votes)
    >>> ranking.table()[0]["variant"], ranking.decided
    ('a', False)
    """
    all_votes = standing(v if isinstance(v, Vote) else Vote.read(v) for v in votes)
    cast = [v for v in all_votes if v.outcome != "skip" and v.left_variant != v.right_variant]
    names = tuple(dict.fromkeys(variants if variants is not None else (n for v in cast for n in sorted(v.cell[1]))))
    counted = [v for v in cast if v.left_variant in names and v.right_variant in names]
    blocks = list(dict.fromkeys(v.block for v in counted))
    posterior, rows, bias = None, tuple(_row(name, counted) for name in names), None
    if len(names) > 1:
        posterior = fit_stack(
            _stack(counted, names, blocks),
            prior_sd=prior_sd,
            side_sd=1.0 if side else None,
            tie_sd=1.5 if prior_sd else None,
            grid=GRID if spread else np.zeros(1),
        )
        rows, bias = _rows(rows, posterior), _side_bias(posterior) if side and counted else None
    decided = bool(rows) and settled(rows[0]["p_best"], len(names), len(counted), len(blocks))
    return Ranking(
        rows=rows,
        decided=decided,
        side_bias=bias,
        self_agreement=self_agreement(all_votes),
        alpha=agreement(all_votes),
        both_bad_rate=share(sum(v.outcome == "both_bad" for v in counted), len(counted)),
        blocks=len(blocks),
        votes=len(counted),
        left_out=len(cast) - len(counted),
        names=names,
        posterior=posterior,
    )


def _stack(votes: Sequence[Vote], names: Sequence[str], blocks: Sequence[str]) -> Votes:
    place = {name: i for i, name in enumerate(names)}
    at = {block: i for i, block in enumerate(blocks)}
    result = {"left": 0.5, "right": -0.5}
    return Votes(
        np.array([[place[v.left_variant] for v in votes]], dtype=np.intp),
        np.array([[place[v.right_variant] for v in votes]], dtype=np.intp),
        np.array([[at[v.block] for v in votes]], dtype=np.intp),
        np.array([[result.get(v.outcome, 0.0) for v in votes]], dtype=np.float64),
        np.ones((1, len(votes))),
        len(names),
        max(1, len(blocks)),
    )


def _row(name: str, votes: Sequence[Vote]) -> dict[str, Any]:
    own = [v for v in votes if name in v.cell[1]]
    wins, ties = sum(v.winner == name for v in own), sum(v.winner == "=" for v in own)
    return {
        "variant": name,
        "strength": 0.0,
        "low": 0.0,
        "high": 0.0,
        "p_best": 1.0,
        "wins": wins,
        "losses": len(own) - wins - ties,
        "ties": ties,
        "blocks": len({v.block for v in own}),
    }


def _rows(counts: Sequence[dict[str, Any]], posterior: Posterior) -> tuple[dict[str, Any], ...]:
    each = contrasts(len(counts))
    strength = posterior.expected(each)[0]
    low, high = (posterior.quantile(each, p)[0] for p in (0.025, 0.975))
    p_best = best(posterior)[0]
    rows = [
        row | {"strength": float(s), "low": float(a), "high": float(b), "p_best": float(p)}
        for row, s, a, b, p in zip(counts, strength, low, high, p_best, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: -row["strength"]))


def _side_bias(posterior: Posterior) -> Interval:
    side = np.zeros((1, posterior.mean.shape[2]))
    side[0, -2] = 1.0
    low, middle, high = (float(posterior.quantile(side, p)[0, 0]) for p in (0.025, 0.5, 0.975))
    return Interval(middle, low, high)
