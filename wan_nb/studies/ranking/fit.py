"""From votes to a ranking: strengths with 95 % intervals, the probability of being the best, whether that decides.

The model is in `wan_nb.studies.ranking.model`. Evidence is counted in blocks (a first frame and a seed): thirty votes
on one pair of clips say which clip is better, not which prompt.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from wan_nb.studies.ranking.model import GRID, Votes, fit_stack
from wan_nb.studies.ranking.posterior import Posterior, best, contrasts, lead
from wan_nb.studies.ranking.result import Interval, Ranking, share_of
from wan_nb.studies.ranking.rule import settled
from wan_nb.studies.votes import MIN_BLOCKS, Vote, agreement, counted, self_agreement, share

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["fit", "strengths"]


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
    cast = counted(v if isinstance(v, Vote) else Vote.read(v) for v in votes)
    names = tuple(dict.fromkeys(variants if variants is not None else (n for v in cast for n in sorted(v.cell[1]))))
    seen = _Evidence.of(_once(cast, names), names)
    rows, bias, sure, rival, posterior = tuple(_row(name, seen.votes) for name in names), None, 0.0, None, None
    if len(names) > 1:
        posterior = fit_stack(
            seen.stack(),
            prior_sd=prior_sd,
            side_sd=1.0 if side else None,
            tie_sd=1.5 if prior_sd else None,
            grid=GRID if spread else np.zeros(1),
        )
        rows, bias = _rows(rows, posterior), _side_bias(posterior) if side and seen.votes else None
        _, second, least = lead(posterior)
        rival, sure = names[second[0]], float(least[0])
    return Ranking(
        rows=rows,
        decided=settled(sure, len(seen.votes), len(seen.blocks)) and all(row["blocks"] for row in rows),
        sure=sure,
        rival=rival,
        side_bias=bias,
        self_agreement=self_agreement(cast),
        agreement=agreement(cast),
        both_bad_rate=share(sum(v.outcome == "both_bad" for v in seen.votes), len(seen.votes)),
        blocks=len(seen.blocks),
        votes=len(seen.votes),
        pictures=len(seen.pictures),
        raters=len(seen.raters),
        scope=seen.scope,
        left_out=len(cast) - len(seen.votes),
        names=names,
        posterior=posterior,
    )


def strengths(votes: Iterable[Vote], variants: Sequence[str]) -> Posterior:
    """Who is ahead on these pictures, for these raters: quick, and enough to choose what is asked next.

    Parameters
    ----------
    votes : iterable of Vote
    variants : sequence of str
        At least two.
    """
    return _strengths(tuple(_once(counted(votes), variants)), tuple(variants))


@lru_cache(maxsize=8)
def _strengths(given: tuple[Vote, ...], names: tuple[str, ...]) -> Posterior:
    return fit_stack(_Evidence(given, names, tuple(dict.fromkeys(v.block for v in given))).stack())


def _once(cast: Iterable[Vote], names: Collection[str]) -> list[Vote]:
    """Votes about these, with one block for all blocks that hold the same clip of a variant: it is as lucky in each."""
    votes = [v for v in cast if v.left_variant in names and v.right_variant in names]
    first: dict[tuple[str, str], str] = {}
    same: dict[str, str] = {}
    for v in votes:
        for clip in ((v.left_variant, v.left_clip), (v.right_variant, v.right_clip)):
            held = first.setdefault(clip, v.block) if clip[1] else v.block
            one, other = sorted((_root(same, held), _root(same, v.block)))
            if one != other:
                same[other] = one
    return [replace(v, block=_root(same, v.block)) for v in votes] if same else votes


def _root(same: Mapping[str, str], block: str) -> str:
    while block in same:
        block = same[block]
    return block


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Votes, and what they are spread over.

    Attributes
    ----------
    votes : sequence of Vote
    names, blocks : tuple of str
    pictures, raters : tuple of str
        All that were voted on, and by whom; no pictures where the clips have none.
    differing_pictures, differing_raters : tuple of str
        Those whose differences the votes can tell; empty where they cannot.
    """

    votes: Sequence[Vote]
    names: tuple[str, ...]
    blocks: tuple[str, ...]
    pictures: tuple[str, ...] = ()
    raters: tuple[str, ...] = ()
    differing_pictures: tuple[str, ...] = ()
    differing_raters: tuple[str, ...] = ()

    @classmethod
    def of(cls, votes: Sequence[Vote], names: tuple[str, ...]) -> _Evidence:
        blocks, pictures, raters = (
            tuple(dict.fromkeys(getattr(v, each) for v in votes)) for each in ("block", "picture", "rater")
        )
        pictures = pictures if any(pictures) else ()
        # A picture for each seed is told by the seeds; a rater of few seeds says nothing about how raters differ.
        sittings = Counter(rater for rater, _ in {(v.rater, v.block) for v in votes})
        apart = raters if sum(seeds >= MIN_BLOCKS for seeds in sittings.values()) > 1 else ()
        return cls(votes, names, blocks, pictures, raters, pictures if len(pictures) < len(blocks) else (), apart)

    def stack(self) -> Votes:
        """As numbers, for the fit."""
        votes, pictures, raters = self.votes, self.differing_pictures, self.differing_raters
        name, block, rater = (
            {each: i for i, each in enumerate(all_of)} for all_of in (self.names, self.blocks, raters)
        )
        on = {v.block: pictures.index(v.picture) for v in votes if len(pictures) > 1}
        result = {"left": 0.5, "right": -0.5}
        return Votes(
            np.array([[name[v.left_variant] for v in votes]], dtype=np.intp),
            np.array([[name[v.right_variant] for v in votes]], dtype=np.intp),
            np.array([[block[v.block] for v in votes]], dtype=np.intp),
            np.array([[result.get(v.outcome, 0.0) for v in votes]], dtype=np.float64),
            np.ones((1, len(votes))),
            len(self.names),
            max(1, len(self.blocks)),
            np.array([[rater[v.rater] for v in votes]], dtype=np.intp) if len(raters) > 1 else None,
            np.array([[on[block] for block in self.blocks]], dtype=np.intp) if len(pictures) > 1 else None,
            max(1, len(raters)),
            max(1, len(pictures)),
        )

    @property
    def scope(self) -> str:
        """Whom the ranking is about, such as "on this picture and for new raters"."""
        pictures, raters = len(self.pictures), len(self.raters)
        said = []
        if pictures:
            said.append("on this picture" if pictures == 1 else "on new pictures")
        if raters:
            new = "new" if self.differing_raters else "these"
            said.append("for this rater" if raters == 1 else f"for {new} raters")
        return " and ".join(said)


def _row(name: str, votes: Sequence[Vote]) -> dict[str, Any]:
    own = [v for v in votes if name in v.cell[1]]
    wins, ties = sum(v.winner == name for v in own), sum(v.winner == "=" for v in own)
    return {
        "variant": name,
        "strength": 0.0,
        "low": 0.0,
        "high": 0.0,
        "p_best": 1.0,
        "preferred": 0.5,
        "preferred_low": 0.5,
        "preferred_high": 0.5,
        "wins": wins,
        "losses": len(own) - wins - ties,
        "ties": ties,
        "blocks": len({v.block for v in own}),
    }


def _rows(counts: Sequence[dict[str, Any]], posterior: Posterior) -> tuple[dict[str, Any], ...]:
    k = len(counts)
    each = contrasts(k)
    others = each * (k / (k - 1))  # against the mean of the others, which stands as far below 0 as it is above
    strength, share, p_best = posterior.expected(each)[0], posterior.share(others)[0], best(posterior)[0]
    low, high = (posterior.quantile(each, p)[0] for p in (0.025, 0.975))
    rows = [
        row
        | {"strength": float(strength[i]), "low": float(low[i]), "high": float(high[i]), "p_best": float(p_best[i])}
        | {"preferred": float(share[i])}
        | {f"preferred_{end}": share_of(float(x[i]) * k / (k - 1)) for end, x in (("low", low), ("high", high))}
        for i, row in enumerate(counts)
    ]
    return tuple(sorted(rows, key=lambda row: -row["strength"]))


def _side_bias(posterior: Posterior) -> Interval:
    side = np.zeros((1, posterior.mean.shape[2]))
    side[0, -2] = 1.0
    low, middle, high = (float(posterior.quantile(side, p)[0, 0]) for p in (0.025, 0.5, 0.975))
    return Interval(middle, low, high)
