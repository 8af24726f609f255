"""From votes to a ranking: strengths with 95 % intervals, the probability of being the best, whether that decides.

The model is in `wan_nb.studies.ranking.model`. Evidence is counted in blocks (a first frame and a seed): thirty votes
on one pair of clips say which clip is better, not which prompt.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
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
    given = _once(cast, names)
    blocks = list(dict.fromkeys(v.block for v in given))
    posterior, rows, bias, sure, rival = None, tuple(_row(name, given) for name in names), None, 0.0, None
    pictures, raters = _pictures(given), list(dict.fromkeys(v.rater for v in given))
    # A picture for each seed is told by the seeds; a rater of few seeds says nothing about how raters differ.
    differ = pictures if len(pictures) < len(blocks) else []
    sittings = Counter(rater for rater, _ in {(v.rater, v.block) for v in given})
    apart = raters if sum(seeds >= MIN_BLOCKS for seeds in sittings.values()) > 1 else []
    if len(names) > 1:
        posterior = fit_stack(
            _stack(given, names, blocks, differ, apart),
            prior_sd=prior_sd,
            side_sd=1.0 if side else None,
            tie_sd=1.5 if prior_sd else None,
            grid=GRID if spread else np.zeros(1),
        )
        rows, bias = _rows(rows, posterior), _side_bias(posterior) if side and given else None
        _, second, least = lead(posterior)
        rival, sure = names[second[0]], float(least[0])
    return Ranking(
        rows=rows,
        decided=settled(sure, len(given), len(blocks)) and all(row["blocks"] for row in rows),
        sure=sure,
        rival=rival,
        side_bias=bias,
        self_agreement=self_agreement(cast),
        agreement=agreement(cast),
        both_bad_rate=share(sum(v.outcome == "both_bad" for v in given), len(given)),
        blocks=len(blocks),
        votes=len(given),
        pictures=len(pictures),
        raters=len(raters),
        scope=_scope((len(pictures), len(raters)), (True, bool(apart))),
        left_out=len(cast) - len(given),
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
    return fit_stack(_stack(given, names, list(dict.fromkeys(v.block for v in given)), (), ()))


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


def _pictures(votes: Sequence[Vote]) -> list[str]:
    """Pictures that were voted on; none where the clips have none."""
    found = list(dict.fromkeys(v.picture for v in votes))
    return found if any(found) else []


def _stack(
    votes: Sequence[Vote], names: Sequence[str], blocks: Sequence[str], pictures: Sequence[str], raters: Sequence[str]
) -> Votes:
    place = {name: i for i, name in enumerate(names)}
    at = {block: i for i, block in enumerate(blocks)}
    on = {v.block: pictures.index(v.picture) for v in votes if len(pictures) > 1}
    who = {rater: i for i, rater in enumerate(raters)}
    result = {"left": 0.5, "right": -0.5}
    return Votes(
        np.array([[place[v.left_variant] for v in votes]], dtype=np.intp),
        np.array([[place[v.right_variant] for v in votes]], dtype=np.intp),
        np.array([[at[v.block] for v in votes]], dtype=np.intp),
        np.array([[result.get(v.outcome, 0.0) for v in votes]], dtype=np.float64),
        np.ones((1, len(votes))),
        len(names),
        max(1, len(blocks)),
        np.array([[who[v.rater] for v in votes]], dtype=np.intp) if len(raters) > 1 else None,
        np.array([[on[block] for block in blocks]], dtype=np.intp) if len(pictures) > 1 else None,
        max(1, len(raters)),
        max(1, len(pictures)),
    )


def _scope(counts: Sequence[int], new: Sequence[bool]) -> str:
    """Whom it is about.

    >>> _scope((1, 3), (False, True)), _scope((0, 1), (False, False))
    ('on this picture and for new raters', 'for this rater')
    """
    said = []
    for words, count, other in zip((("on", "picture"), ("for", "rater")), counts, new, strict=True):
        if count:
            said.append(
                f"{words[0]} {'this' if count == 1 else 'new' if other else 'these'} {words[1]}{'s' * (count > 1)}"
            )
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
