"""Votes of one rater on one study: what to ask next, what to write down, what it says so far."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

from wan_nb.arguments import shown
from wan_nb.errors import InvalidOption
from wan_nb.studies.ballot.next_pair import Asked, next_pair, race_pair
from wan_nb.studies.race.counting import count
from wan_nb.studies.ranking.fit import fit
from wan_nb.studies.votes import Vote, about, counted, standing, tidy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy as np

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row
    from wan_nb.studies.race.counting import Seed
    from wan_nb.studies.ranking.result import Ranking

__all__ = ["Ballot", "Progress"]

_DETAILS = frozenset({"ms_to_vote", "watched_s_left", "watched_s_right", "view_mode"})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rater has come.

    Attributes
    ----------
    done, pairs : int
        Pairs of clips that were answered or passed over, and that there are.
    complete, blocks : int
        Blocks with all their pairs done, and blocks with pairs.
    may_stop : bool
        Whether this is a good moment to stop: the block of the last answer is complete, or nothing is left.
    """

    done: int
    pairs: int
    complete: int
    blocks: int
    may_stop: bool


class Ballot:
    """A sitting of one rater.

    Votes go to the run log, which only ever appends; taking one back is one more row. So several people may vote on one
    study at once, and each is shown what they have not seen.

    Parameters
    ----------
    workspace : Workspace
    study : str
        Its name.
    rows : sequence of Row
        Its runs, labelled as in its plan.
    votes : callable
        Reads all votes on it, with the labels of the plan.
    rater : str
        Name of who votes; empty for the only one.
    criterion : str
        What is asked, such as "moves less"; empty for "which clip is better". Votes of another criterion count for
        nothing here.
    mode : {'winner', 'ranking'}
        Find the best variant with few votes, or put all in order.
    rng : numpy.random.Generator, optional
        Where pairs, blocks and sides are drawn from.
    ranked : callable, optional
        The ranking of the study, for `sentence`.
    seeds : sequence of Seed, optional
        Of a race: then only their pairs are asked, seed by seed, and what completed a seed is not taken back.

    Raises
    ------
    InvalidOption
        No block has two clips of different variants.
    """

    def __init__(
        self,
        workspace: Workspace,
        study: str,
        rows: Sequence[Row],
        votes: Callable[[], Iterable[Mapping[str, Any]]],
        *,
        rater: str = "",
        criterion: str = "",
        mode: Literal["winner", "ranking"] = "winner",
        rng: np.random.Generator | None = None,
        ranked: Callable[[], Ranking] | None = None,
        seeds: Sequence[Seed] | None = None,
    ) -> None:
        import numpy as np

        if mode not in {"winner", "ranking"}:
            raise InvalidOption(f"mode must be winner or ranking, not {shown(mode)}.")
        self.study, self.rater, self.criterion, self.mode = study, tidy(rater), tidy(criterion), mode
        self._session = secrets.token_hex(4)
        self._rng = rng or np.random.default_rng()
        workspace.bring(rows)
        self._workspace, self._rows, self._stored = workspace, rows, votes
        self._ranked, self._seeds = ranked, seeds
        blocks = [block for block, _ in self.clips]
        if not any(blocks.count(block) > 1 for block in blocks):
            raise InvalidOption(
                f"study {shown(study)} has no two clips with the same picture and seed to compare.",
                remedy="Wait for its clips, or give it a second variant.",
            )

    @property
    def clips(self) -> dict[tuple[str, str], str]:
        """Run by block and variant, of the clips that are still there."""
        there = (row for row in self._rows if self._workspace.video(row))
        return {(row.block or "", row.variant or ""): row.run_id for row in there}

    @property
    def to_ask(self) -> dict[tuple[str, str], str]:
        """Those of its clips that others may be asked about: in a race of seeds that still need votes."""
        if self._seeds is None:
            return self.clips
        due = {seed.seed.block for seed in count(self._seeds, self._all()) if seed.missing}
        return {cell: run for cell, run in self.clips.items() if cell[0] in due}

    @property
    def votes(self) -> list[Vote]:
        """Votes of this rater that stand, skips left out."""
        return [v for v in counted(self._all()) if v.rater == self.rater]

    def progress(self) -> Progress:
        """How far this rater has come."""
        votes, there = self._all(), self.clips
        own = [vote for vote in standing(votes) if vote.rater == self.rater]
        seen = {vote.cell for vote in own if all((vote.block, name) in there for name in vote.cell[1])}
        left = {cell for cell in self._asked(votes) if all((cell[0], name) in there for name in cell[1])} - seen
        unfinished, blocks = {block for block, _ in left}, {block for block, _ in seen | left}
        may_stop = not left or bool(own and own[-1].block not in unfinished)
        return Progress(len(seen), len(seen | left), len(blocks - unfinished), len(blocks), may_stop)

    def _asked(self, votes: list[Vote]) -> set[tuple[str, frozenset[str]]]:
        """Pairs of clips that this rater is or was to be asked about."""
        if self._seeds is not None:
            return {(seed.seed.block, pair) for seed in count(self._seeds, votes) for pair in seed.open_to(self.rater)}
        variants: dict[str, list[str]] = {}
        for block, variant in self.clips:
            variants.setdefault(block, []).append(variant)
        return {(block, frozenset(pair)) for block, names in variants.items() for pair in combinations(names, 2)}

    def next(self) -> Asked | None:
        """Next pair to ask about, or None when this rater has seen every pair."""
        return self._next(self._all(), self._rng)

    def _next(self, votes: list[Vote], rng: np.random.Generator) -> Asked | None:
        if self._seeds is not None:
            return race_pair(votes, self._seeds, self.clips, rater=self.rater, rng=rng)
        return next_pair(votes, self.clips, rater=self.rater, rng=rng, mode=self.mode)

    def record(self, asked: Asked, outcome: str, **details: Any) -> Vote:
        """Write down one answer, before anything about the clips is revealed.

        Parameters
        ----------
        asked : Asked
        outcome : {'left', 'right', 'tie', 'both_bad', 'skip'}
        **details
            ``ms_to_vote``, ``watched_s_left``, ``watched_s_right``, ``view_mode``; others are dropped.

        Raises
        ------
        InvalidOption
            One of the two clips was deleted meanwhile.
        """
        gone = {asked.left_run, asked.right_run}.difference(self.clips.values())
        if gone and outcome != "skip":
            raise InvalidOption("the clip was deleted: nothing to vote on.", run_id=min(gone), remedy="Skip this pair.")
        return self._write(
            Vote(
                vote_id=secrets.token_hex(8),
                ts=_now(),
                rater=self.rater,
                session=self._session,
                study=self.study,
                block=asked.block,
                left_run=asked.left_run,
                right_run=asked.right_run,
                left_variant=asked.left_variant,
                right_variant=asked.right_variant,
                outcome=outcome,  # type: ignore[arg-type]  # Vote checks it
                repeat_of=asked.repeat_of,
                picker=asked.picker,
                criterion=self.criterion,
                **{name: value for name, value in details.items() if name in _DETAILS},
            )
        )

    def undo(self) -> Asked | None:
        """Take this sitting's last answer back; the pair, to be asked again, or None when there is none."""
        mine = [v for v in standing(self._all()) if (v.rater, v.session) == (self.rater, self._session)]
        if not mine:
            return None
        last = mine[-1]
        if any(seed.complete and seed.seed.block == last.block for seed in count(self._seeds or (), self._all())):
            raise InvalidOption(
                "the last vote completed its seed, which counts in the race now: it cannot be taken back.",
                remedy="Go on: one vote decides no race.",
            )
        self._write(replace(last, vote_id=secrets.token_hex(8), ts=_now(), outcome="undo", repeat_of=last.vote_id))
        return Asked(**{f.name: getattr(last, f.name) for f in fields(Asked)})

    @property
    def blind(self) -> bool:
        """Whether others have voted while this rater has pairs left: what they said is not told before the end."""
        votes = self._all()
        if all(vote.rater == self.rater for vote in standing(votes) if vote.outcome != "skip"):
            return False
        import numpy as np

        return self._next(votes, np.random.default_rng(0)) is not None  # the sitting's own draws stay as they are

    def sentence(self) -> str:
        """What all votes of the study say so far; while others' are not to be seen, how many this rater has given."""
        if self.blind:
            own = len(self.votes)
            many = f"{own} vote{'' if own == 1 else 's'}"
            return f"You have given {many}. What others say is told when you have seen every pair."
        if self._ranked is not None:
            return self._ranked().sentence
        return fit(self._all(), variants=list(dict.fromkeys(row.variant or "" for row in self._rows))).sentence

    def _all(self) -> list[Vote]:
        return [Vote.read(row) for row in about(self._stored(), self.criterion)]

    def _write(self, vote: Vote) -> Vote:
        self._workspace.log.add_vote(vote.row())
        return vote


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
