"""From votes to a ranking that says how sure it is, and says so plainly when it is not.

The model is in `wan_nb.studies.ranking.model`. What it is asked for here: a strength per variant with a 95 %
interval, the probability of being the best, whether that decides, and a sentence for people. Evidence is counted in
blocks (a first frame and a seed): thirty votes on one pair of clips say which clip is better, not which prompt.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from wan_nb.studies.ranking.model import GRID, Votes, fit_stack
from wan_nb.studies.ranking.posterior import Posterior, best, contrasts
from wan_nb.studies.ranking.result import sentence, settled
from wan_nb.studies.votes import Share, Vote, agreement, self_agreement, share, standing
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Interval", "Ranking", "fit"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value in logits with its 95 % interval."""

    value: float
    low: float
    high: float


@printed
@dataclass(frozen=True, slots=True)
class Ranking:
    """What the votes say.

    Attributes
    ----------
    rows : tuple of dict
        Best first: ``variant, strength, low, high`` (logits around 0, 95 % interval), ``p_best`` (0 to 1), ``wins,
        losses, ties`` (votes, both bad counted as tie), ``blocks``.
    decided : bool
        The stop rule: at least 8 votes on 6 blocks, and a `p_best` that reaches
        `wan_nb.studies.ranking.result.threshold`.
    side_bias : Interval or None
        Preference for the left side, logits; None when it was left out of the model or without votes.
    self_agreement : Share or None
    alpha : float or None
        Krippendorff's, between raters.
    both_bad_rate : Share or None
        Share of votes that found neither clip usable: a finding of its own.
    blocks, votes : int
        The evidence: blocks with a vote, votes that count.
    left_out : int
        Votes about variants that are not ranked.
    names : tuple of str
        Variants in the order of `posterior`.
    posterior : Posterior
        For what is asked next.
    """

    rows: tuple[dict[str, Any], ...]
    decided: bool
    side_bias: Interval | None
    self_agreement: Share | None
    alpha: float | None
    both_bad_rate: Share | None
    blocks: int
    votes: int
    left_out: int
    names: tuple[str, ...]
    posterior: Posterior | None = field(repr=False, default=None)

    def table(self) -> list[dict[str, Any]]:
        """Rows, best first; ``pandas.DataFrame(ranking.table())`` shows them."""
        return [dict(row) for row in self.rows]

    def beats(self, one: str, other: str) -> float:
        """Probability, 0 to 1, that `one` is stronger than `other`.

        Raises
        ------
        ValueError
            A variant that is not ranked.
        """
        if unknown := {one, other} - set(self.names):
            raise ValueError(f"{min(unknown)!r} is not ranked; {', '.join(map(repr, self.names))} are")
        if self.posterior is None:
            return 0.5
        a, b = self.names.index(one), self.names.index(other)
        difference = contrasts(len(self.names))[a] - contrasts(len(self.names))[b]
        return float(self.posterior.above_zero(difference[None])[0, 0]) if a != b else 0.5

    @property
    def sentence(self) -> str:
        """What the votes say, for people: who beats whom and how surely, or "not decided" and what it would take."""
        return sentence(self)

    def __str__(self) -> str:
        return self.sentence

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002  # IPython's
        from wan_nb.html.ranking import ranking_bundle

        return ranking_bundle(self)


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
