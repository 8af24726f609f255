"""Which votes of a race are evidence: those that were fixed before the first vote on their seed, and no later ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

from wan_nb.studies.votes import taken_back

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from wan_nb.studies.votes import Vote

__all__ = ["CountedSeed", "Seed", "count"]

Pair = frozenset[str]


@dataclass(frozen=True, slots=True)
class Seed:
    """A seed of a race as it was planned.

    Attributes
    ----------
    block : str
        Label of the seed and its picture.
    variants : tuple of str
        For whom it was bought: all pairs of these are asked about.
    votes : int
        Votes on each pair, each by another rater.
    """

    block: str
    variants: tuple[str, ...]
    votes: int = 1

    @property
    def pairs(self) -> list[Pair]:
        """What is asked."""
        return [frozenset(pair) for pair in combinations(self.variants, 2)]


@dataclass(slots=True)
class CountedSeed:
    """A seed with the votes that count.

    Attributes
    ----------
    lost : set of str
        Variants without a clip there: a pair with one of these that has no vote is a tie.
    given : dict
        By pair, the votes that count.
    complete : bool
        Whether nothing is missing. From then on nothing changes it: no later vote, none that is taken back.
    """

    seed: Seed
    lost: frozenset[str]
    given: dict[Pair, list[Vote]] = field(default_factory=dict)
    complete: bool = False

    def open_to(self, rater: str) -> list[Pair]:
        """Pairs that this rater may still be asked about."""
        return [pair for pair in self.missing if self._new_to(pair, rater)]

    @property
    def missing(self) -> list[Pair]:
        """Pairs that still need a vote."""
        return [pair for pair in self._short if not self.complete and not pair & self.lost]

    @property
    def _short(self) -> list[Pair]:
        return [pair for pair in self.seed.pairs if len(self.given.get(pair, ())) < self.seed.votes]

    def _new_to(self, pair: Pair, rater: str) -> bool:
        return all(vote.rater != rater for vote in self.given.get(pair, ()))

    @property
    def wanted(self) -> int:
        """Votes that are still to come."""
        return sum(self.seed.votes - len(self.given.get(pair, ())) for pair in self.missing)

    @property
    def scores(self) -> list[float]:
        """Votes won less votes lost, by variant; a tie, both bad and a pair that was passed over count nothing."""
        score = dict.fromkeys(self.seed.variants, 0.0)
        for pair, votes in self.given.items():
            for winner in (vote.winner for vote in votes if vote.outcome in {"left", "right"}):
                (loser,) = pair - {winner}
                score[winner] += 1
                score[loser] -= 1
        return list(score.values())

    def take(self, vote: Vote) -> None:
        """Count a vote, if it is one that was planned."""
        pair = vote.cell[1]
        # A clip that is lost by now may have been voted on while it was there.
        if not self.complete and vote.repeat_of is None and pair in self._short and self._new_to(pair, vote.rater):
            self.given.setdefault(pair, []).append(vote)
        self.complete = self.complete or not self._short

    def drop(self, vote: Vote) -> None:
        """Take a vote out again, unless the seed is complete."""
        if not self.complete:
            held = self.given.get(vote.cell[1], [])
            held[:] = [one for one in held if one.vote_id != vote.vote_id]


def count(
    seeds: Sequence[Seed], votes: Iterable[Vote], lost: Mapping[str, Collection[str]] | None = None
) -> list[CountedSeed]:
    """Votes by seed, in the order of the seeds; votes in the order in which they were given.

    Parameters
    ----------
    seeds : sequence of Seed
    votes : iterable of Vote
        Those taken back included: that one was taken back counts only while its seed was not complete.
    lost : mapping of str to collection of str, optional
        By block, variants whose clip failed or is gone.

    Examples
    --------
    >>> from wan_nb.studies.votes import Vote
    >>> said = dict(block="seed 1", left_variant="a", right_variant="b")
    >>> votes = [Vote(vote_id="1", outcome="left", **said), Vote(vote_id="2", outcome="right", **said)]
    >>> first, second = count([Seed("seed 1", ("a", "b")), Seed("seed 2", ("a", "b"))], votes)
    >>> first.scores, first.complete, second.wanted
    ([1.0, -1.0], True, 1)
    """
    gone = lost or {}
    counted = {seed.block: CountedSeed(seed, frozenset(gone.get(seed.block, ()))) for seed in seeds}
    kept: dict[str, Vote] = {}
    for vote in votes:
        if vote.outcome == "undo":
            back = kept.pop(taken_back(kept, vote), None)
            if back is not None and (held := counted.get(back.block)):
                held.drop(back)
        elif vote.vote_id not in kept:
            kept[vote.vote_id] = vote
            if held := counted.get(vote.block):
                held.take(vote)
    for held in counted.values():
        held.complete = held.complete or not held.missing
    return list(counted.values())
