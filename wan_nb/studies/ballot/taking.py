"""Votes files read back into the log of their study: each vote once, by its id."""

from __future__ import annotations

import glob
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wan_nb.arguments import shown
from wan_nb.errors import InvalidOption
from wan_nb.paths import local
from wan_nb.studies.ballot.paper import Paper
from wan_nb.studies.ballot.votes_file import VotesFile, read_file
from wan_nb.studies.votes import tidy
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from wan_nb.log.row import Row
    from wan_nb.log.runlog import RunLog

__all__ = ["VotesTaken", "take_votes"]


@printed
@dataclass(frozen=True, slots=True)
class VotesTaken:
    """What was read.

    Attributes
    ----------
    new, known : int
        Answers, skips and undos that were taken, and that were there already.
    raters : tuple of str
        Whose they are.
    files : int
    """

    new: int = 0
    known: int = 0
    raters: tuple[str, ...] = ()
    files: int = 0

    def __str__(self) -> str:
        there = f", {self.known} {'was' if self.known == 1 else 'were'} there already" if self.known else ""
        who = ", ".join(self.raters[:12]) + (" ..." if len(self.raters) > 12 else "")
        return f"{self.new} answer{'' if self.new == 1 else 's'} taken{there}: {who or 'no votes'}."


def take_votes(
    log: RunLog, names: Sequence[str], rows: Sequence[Row], files: Iterable[Any], rater: str | None = None
) -> VotesTaken:
    """Take votes files into a study.

    Parameters
    ----------
    log : RunLog
    names : sequence of str
        Of the study, and others that it had.
    rows : sequence of Row
        Its runs, with variant and block.
    files : iterable of path
        A name that no file has may be a pattern, such as ``votes/*.json``.
    rater : str, optional
        Whose votes they are; else what stands in the file.

    Raises
    ------
    InvalidOption
        Files that were not taken, each with its reason; all others are.
    """
    total, refused = VotesTaken(), []
    rater = None if rater is None else tidy(rater)
    for path in _found(files):
        try:
            taken = _take(log, names, rows, read_file(path), rater)
        except (InvalidOption, OSError) as error:
            refused.append((path, error))
            continue
        raters = tuple(dict.fromkeys([*total.raters, *taken.raters]))
        total = VotesTaken(total.new + taken.new, total.known + taken.known, raters, total.files + 1)
    if len(refused) == 1 and not total.files:
        raise refused[0][1]
    if refused:
        why = "; ".join(f"{path.name[-40:]}: {_reason(error)}" for path, error in refused[:3])
        raise InvalidOption(
            f"{len(refused)} of {len(refused) + total.files} files were not taken: {why}"
            f"{' ...' if len(refused) > 3 else ''}",
            remedy=f"The others are: {total}",
        )
    return total


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, InvalidOption) else str(error.__class__.__name__)


def _found(files: Iterable[Any]) -> Iterator[Path]:
    for given in files:
        path = local(given)
        matches = sorted(glob.glob(str(path))) if not path.exists() else []  # noqa: PTH207  # Path.glob takes no absolute
        if not matches and not path.exists():
            raise InvalidOption(f"there is no file {shown(str(given))}.", field="file")
        yield from map(local, matches) if matches else [path]


def _take(log: RunLog, names: Sequence[str], rows: Sequence[Row], file: VotesFile, rater: str | None) -> VotesTaken:
    votes = _about_runs(log, names, rows, file)
    there = {str(vote.get("vote_id")): vote for name in names for vote in log.votes(name)}
    named = _named(file, votes, list(there.values()), rater)
    new = [vote for vote in named if vote["vote_id"] not in there]
    whose = {vote["vote_id"]: vote["rater"] for vote in (*there.values(), *named) if vote.get("vote_id")}
    for vote in new:
        if vote["repeat_of"] and vote["repeat_of"] not in whose and vote["outcome"] != "undo":
            vote["repeat_of"] = None  # what it repeats is in no file that was read
        elif vote["repeat_of"] and whose.get(vote["repeat_of"]) != vote["rater"]:
            raise _refused(file, "takes back a vote that is not its own")
    count = log.add_votes(names[0], [{**vote, "study": names[0]} for vote in new])
    return VotesTaken(count, len(named) - count, tuple(dict.fromkeys(vote["rater"] for vote in named)), 1)


def _about_runs(log: RunLog, names: Sequence[str], rows: Sequence[Row], file: VotesFile) -> list[dict[str, Any]]:
    """Votes of a file as votes about runs of this study."""
    if file.ballot:
        found = log.load_ballot(file.ballot)
        if found is None:
            raise _refused(file, "is of a ballot that this log has not made")
        of, paper = found[0], Paper.read(found[1])
        if of not in names:
            raise _refused(file, f"is about study {shown(of)}, not about {shown(names[0])}")
        try:
            return [paper.vote(vote) for vote in file.votes]
        except InvalidOption as error:
            raise _refused(file, "is damaged: " + error.message.rstrip(".")) from error
    if file.study not in names:
        raise _refused(file, f"is about study {shown(file.study)}, not about {shown(names[0])}")
    by_id, by_clip = {row.run_id: row for row in rows}, {row.video_sha256: row for row in rows if row.video_sha256}
    ids = list({vote[f"{side}_run"] for vote in file.votes for side in ("left", "right")} - set(by_id))
    by_id |= {row.run_id: row for row in log.find(run_id=ids)} if ids else {}
    told = []
    for vote in file.votes:
        left, right = (by_id.get(vote[f"{s}_run"]) or by_clip.get(vote.get(f"{s}_clip", "")) for s in ("left", "right"))
        if left is None or right is None:
            raise _refused(file, "is about a clip that this study does not have")
        told.append(
            {
                **vote,
                "block": left.block or vote.get("block", ""),
                "left_run": left.run_id,
                "right_run": right.run_id,
                "left_variant": left.variant or vote.get("left_variant", ""),
                "right_variant": right.variant or vote.get("right_variant", ""),
            }
        )
    return told


def _named(
    file: VotesFile, votes: Sequence[dict[str, Any]], there: Sequence[Mapping[str, Any]], rater: str | None
) -> list[dict[str, Any]]:
    """The votes under the name of who gave them: what the log calls the sitting already, the reader, or the file."""
    sittings = {str(vote.get("session")): str(vote.get("rater") or "") for vote in there if vote.get("session")}
    if rater is not None and len({vote["rater"] for vote in votes}) > 1:
        raise _refused(file, "holds votes of several raters, who keep their names")
    answered = Counter((str(vote.get("rater") or ""), _pair(vote)) for vote in there)
    named = []
    for vote in votes:
        known = sittings.get(vote["session"])
        if known is not None and rater not in {None, known}:
            raise _refused(file, f"is of a sitting that was read under the name {shown(known)}")
        name = known if known is not None else rater or vote["rater"] or f"rater {vote['session'][:6]}"
        if known is None and rater is None and answered[name, _pair(vote)]:
            raise _refused(
                file,
                f"is of another sitting of {shown(name)}, who has voted on the same pairs",
                'Say whose it is: read_votes(file, rater="...").',
            )
        named.append({**vote, "rater": name})
    return named


def _pair(vote: Mapping[str, Any]) -> tuple[str, frozenset[Any]]:
    return str(vote.get("criterion") or ""), frozenset((vote.get("left_run"), vote.get("right_run")))


def _refused(file: VotesFile, why: str, remedy: str = "Nothing of it was taken.") -> InvalidOption:
    return InvalidOption(f"{file.name[-60:]} {why}.", remedy=remedy, field="file")
