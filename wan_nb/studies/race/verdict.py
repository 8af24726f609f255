"""What a race says, in words: by e-values alone."""

from __future__ import annotations

from dataclasses import dataclass

from wan_nb.errors import join_words

__all__ = ["Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who beats whom, or who leads.

    Attributes
    ----------
    winner, leader, closest : str or None
        Who beats all that are still in; who has the most evidence, and against whom it has the least.
    evidence : float
        E-value of the leader against the closest: how many to 1 the votes speak against "not better".
    beats : float
        E-value that signs: 20, or 40.
    seeds : int
        Seeds that count: whole ones, in their order, up to the decision.
    rivals, dropped : tuple of str
        The others that are still in, and those that get no more seeds.
    looked_at : int
        Seeds from before the race.
    spent : bool
        Whether the budget ends it without a winner.
    """

    winner: str | None
    leader: str | None
    closest: str | None
    evidence: float
    beats: float
    seeds: int
    rivals: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    looked_at: int = 0
    spent: bool = False

    @property
    def odds(self) -> str:
        """Its evidence as people say it: ``23 to 1``; below 1 it speaks for nobody.

        >>> Verdict("a", "a", "b", 23.4, 20.0, 12).odds, Verdict(None, "a", "b", 0.3, 20.0, 12).odds
        ('23 to 1', 'less than 1 to 1')
        """
        if self.evidence < 1:
            return "less than 1 to 1"
        if self.evidence >= 1000:
            return "more than 1,000 to 1"
        # Never rounded up to what decides.
        return f"{int(self.evidence) if self.evidence >= 10 else int(self.evidence * 10) / 10:g} to 1"

    def sentence(self, preferred: str) -> str:
        """The whole in one sentence.

        Parameters
        ----------
        preferred : str
            How often the leader is preferred to the closest, and what that rests on.
        """
        if self.leader is None or self.closest is None:
            return "Not decided: no seed of the race has all its votes yet."
        if self.winner is not None:
            few = len(self.rivals) <= 3
            others = join_words(self.rivals, "and") if few else f"all {len(self.rivals)} that are still in"
            return (
                f"{self.winner} beats {others}: the race is decided, {self.odds} against {self.closest} "
                f"({self.beats:g} to 1 decides), preferred {preferred}."
            )
        leads = self.evidence > 1
        lead = f"{self.leader} leads {self.closest}" if leads else f"nobody leads, {self.leader} against {self.closest}"
        ends = "the budget is spent" if self.spent else "the race goes on"
        return f"Not decided: {lead} {self.odds} ({self.beats:g} to 1 decides), preferred {preferred}; {ends}."

    def facts(self) -> list[str]:
        """What a reader has to know about it."""
        both = "10 %" if self.beats <= 20 else "5 %"
        found = [
            f"A race is judged by its evidence alone: where two are equally good, one of them ends as the winner in at "
            f"most {both} of races, however often you look ({self.beats:g} to 1 decides)."
        ]
        if self.dropped:
            found.append(
                f"Out of the race, with less than 1 % to be the best when they left: "
                f"{join_words(self.dropped, 'and')}. "
                "That a dropped one is worse carries no guarantee."
            )
        if self.looked_at:
            seeds = f"{self.looked_at} seed{'s' * (self.looked_at > 1)}"
            found.append(
                f"{seeds} from before the race had been looked at: the votes on them steer, and are no evidence."
            )
        return found
