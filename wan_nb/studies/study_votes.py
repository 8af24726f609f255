"""`StudyVotes`: the votes about a study, who may see them, and what they say."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from wan_nb.arguments import shown
from wan_nb.errors import InvalidOption
from wan_nb.paths import file_name, output
from wan_nb.studies.votes import tidy
from wan_nb.terminal import spelled

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Container, Mapping, Sequence
    from pathlib import Path

    from wan_nb.log.row import Row
    from wan_nb.studies.ballot.ballot import Ballot
    from wan_nb.studies.ballot.taking import VotesTaken
    from wan_nb.studies.planned_study import PlannedStudy
    from wan_nb.studies.ranking.result import Offer, Ranking
    from wan_nb.studies.study_cell import Cell

__all__ = ["StudyVotes"]

_SIDES = ("left_run", "right_run")


@dataclass(frozen=True)
class StudyVotes:
    """Votes about the runs of a planned study.

    Attributes
    ----------
    study : PlannedStudy
    offer : callable
        Makes what a ranking offers that is decided, told the winner.
    """

    study: PlannedStudy
    offer: Callable[[str], Offer]

    def all(self) -> list[dict[str, Any]]:
        """Every vote with the labels that its runs have in this plan; see `Study.votes`."""
        log, plan = self.study.workspace.log, self.study.plan
        given = [(name, vote) for name in [*self.study.aliases, self.study.name] for vote in log.votes(name)]
        named = all(vote.get("rater") for _, vote in given)
        somebody = "" if named else log.first_name() or self.study.workspace.user
        ids = list(dict.fromkeys(vote[side] for _, vote in given for side in _SIDES if vote.get(side)))
        cells = dict(zip(self.study.fingerprints, plan.cells, strict=True))
        rows = {row.run_id: row for row in log.find(run_id=ids)} if ids else {}
        pictures = list(dict.fromkeys(cell.materials for cell in plan.written if cell.materials))
        told = []
        for name, vote in given:
            left, right = (cells.get(rows[run].fingerprint) if (run := vote.get(side)) in rows else None
                           for side in _SIDES)  # fmt: skip
            if left and right and left.block == right.block:
                changed = _labels(vote, left, right, rows, pictures)
            elif not (vote.get("left_run") and vote.get("right_run")):
                changed = {}
            elif name != self.study.name:
                continue  # the first edition gave one name to studies that only looked alike
            else:
                changed = {side: _other(vote[side], plan.variants) for side in ("left_variant", "right_variant")}
            told.append({**vote, **changed, "rater": tidy(vote.get("rater") or somebody)})
            told[-1]["criterion"] = tidy(vote.get("criterion") or "")
        return told

    def ballot(
        self, *, rater: str = "", criterion: str | None = None, mode: Literal["winner", "ranking"] = "winner"
    ) -> Ballot:
        """A sitting of one rater; see `Study.ballot`."""
        from wan_nb.studies.ballot.ballot import Ballot
        from wan_nb.studies.race.state import race_seeds

        study, race = self.study, self.study.plan.race
        asked = tidy(criterion if criterion is not None else race.criterion if race else "")
        return Ballot(
            study.workspace,
            study.name,
            study.rows(),
            self.all,
            rater=rater or study.workspace.user,
            criterion=asked,
            mode=mode,
            ranked=lambda: self.ranking(self.all(), asked),
            seeds=race_seeds(race, study.plan.written) if race and asked == race.criterion else None,
        )

    def ranking(
        self, votes: Sequence[Mapping[str, Any]], criterion: str | None = None, *, everybody: bool = False
    ) -> Ranking:
        """What some of its votes say; see `Study.ranking`."""
        from wan_nb.studies.ranking.fit import fit
        from wan_nb.studies.votes import about, asked_for

        plan = self.study.plan
        race = plan.race
        asked = tidy(criterion if criterion is not None else race.criterion if race else asked_for(votes))
        others = tuple(
            other for other in dict.fromkeys(vote.get("criterion") or "" for vote in votes) if other != asked
        )
        answers = about(votes, asked)
        ranking = fit(answers, variants=list(plan.variants))
        if race is not None and ranking.posterior is not None and asked == race.criterion:
            from wan_nb.studies.race.race_log import state_of

            ranking = ranking.judged(state_of(self.study, race, answers, ranking).verdict)
        return replace(
            ranking,
            criterion=asked,
            other_criteria=others,
            models=self.study.models,
            offer=self.offer(ranking.winner) if ranking.winner is not None else None,
            untold=str if everybody else partial(self._untold, asked, decided=ranking.decided),
        )

    def _untold(self, criterion: str, *, decided: bool) -> str:
        """What stands for the votes of others while the user has pairs left to vote on; empty where they are told.

        What is decided is told to everybody who has not begun to vote.
        """
        with suppress(InvalidOption):  # it has no pairs
            ballot = self.ballot(criterion=criterion)
            if ballot.blind and (ballot.votes or not decided):
                command = spelled(f"`%wan rank {shlex.quote(self.study.name)} --all` tells it now.")
                return f"{ballot.sentence()} {command}"
        return ""

    def read(self, files: Sequence[str | os.PathLike[str]], rater: str | None) -> VotesTaken:
        """Take votes files into the log; see `Study.read_votes`."""
        from wan_nb.studies.ballot.taking import take_votes

        if not files:
            raise InvalidOption("which votes file?", remedy='study.read_votes("votes/*.json")', field="file")
        study = self.study
        return take_votes(study.workspace.log, [study.name, *study.aliases], study.rows(), files, rater)

    def write(self, path: str | os.PathLike[str] | None, rater: str | None) -> Path:
        """Write the votes as a votes file; see `Study.write_votes`."""
        from wan_nb.media.files import write_whole
        from wan_nb.studies.ballot.votes_file import as_text

        name = self.study.name
        votes = [vote for vote in self.all() if rater is None or vote["rater"] == tidy(rater)]
        if not votes:
            raise InvalidOption(f"study {shown(name)} has no votes{f' of {shown(rater)}' if rater else ''} yet.")
        out = output(path if path is not None else file_name(f"{name}-votes", ".json"), ".json")
        return write_whole(out, as_text(name, votes).encode("utf-8", "replace"))


def _labels(
    vote: Mapping[str, Any], left: Cell, right: Cell, rows: Mapping[str, Row], pictures: Sequence[Any]
) -> dict[str, Any]:
    """What the plan says of the two clips of a vote."""
    told = {"left_variant": left.variant, "right_variant": right.variant, "block": left.block}
    for side in ("left", "right"):
        told[f"{side}_clip"] = rows[vote[f"{side}_run"]].video_sha256 or ""
    if left.materials:
        told["picture"] = f"picture {pictures.index(left.materials) + 1}"
    return told


def _other(label: str, labels: Container[str]) -> str:
    """The label, or one like it that none of these is."""
    while label in labels:
        label += " (earlier)"
    return label
