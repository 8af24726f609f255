"""Votes in a file: what a ballot page gives back, and what `%wan votes` writes and reads."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wan_nb.arguments import shown
from wan_nb.errors import InvalidOption
from wan_nb.html.text import plain
from wan_nb.sanitize import number
from wan_nb.studies.votes import OUTCOMES, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["FORMAT", "VERSION", "VotesFile", "as_text", "checksum", "read_file"]

FORMAT, VERSION = "wan_nb votes", 1

_MOST_BYTES = 20_000_000
_WORDS = {
    "vote_id": 64,
    "rater": 200,
    "session": 64,
    "criterion": 200,
    "left_run": 64,
    "right_run": 64,
    "left_clip": 64,
    "right_clip": 64,
    "left_variant": 500,
    "right_variant": 500,
    "block": 500,
    "view_mode": 20,
    "picker": 20,
}
"""Texts of a vote, and how many characters each has at most."""

_SIGNED = ("vote_id", "rater", "session", "criterion", "left_run", "right_run", "outcome", "repeat_of")


@dataclass(frozen=True, slots=True)
class VotesFile:
    """What a votes file holds.

    Attributes
    ----------
    name : str
        Of the file.
    study : str
        Empty where a ballot page has written it, which does not know the name.
    ballot : str
        Of the ballot page; empty otherwise.
    votes : tuple of dict
        With the fields of `Vote`; a page's are about random names instead of runs.
    """

    name: str
    study: str
    ballot: str
    votes: tuple[dict[str, Any], ...]


def checksum(study: str, ballot: str, votes: Iterable[Mapping[str, Any]]) -> str:
    """CRC-32 over what the votes say and what they are about, 8 hex digits; ``ballot.js`` computes the same.

    >>> checksum("walk", "", [{"vote_id": "1", "outcome": "left"}])
    'bdfe497a'
    """
    said = [FORMAT, str(VERSION), study, ballot]
    said += [str(vote.get(name) or "") for vote in votes for name in _SIGNED]
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return f"{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"


def as_text(study: str, votes: Sequence[Mapping[str, Any]]) -> str:
    """Votes of a study as the text of a votes file."""
    kept = [*_WORDS, "outcome", "repeat_of", "ts", "ms_to_vote", "watched_s_left", "watched_s_right", "blind"]
    rows = [{name: vote[name] for name in kept if vote.get(name) is not None} for vote in votes]
    whole = {"format": FORMAT, "version": VERSION, "study": study, "ballot": "", "votes": rows}
    return json.dumps({**whole, "checksum": checksum(study, "", rows)}, ensure_ascii=False, indent=1) + "\n"


def read_file(path: Path) -> VotesFile:
    """Read a votes file; whatever it holds, only plain texts and finite numbers come out.

    Raises
    ------
    InvalidOption
        It is none, is damaged, or a newer version has written it.
    OSError
    """
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise _wrong(path, "is larger than any votes file")
    try:
        whole = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _wrong(path, "is no votes file, or only a part of one") from error
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise _wrong(path, "is no votes file")
    if whole.get("version") != VERSION:
        raise _wrong(path, f"has version {shown(whole.get('version'))}, and this wan_nb reads version {VERSION}")
    votes, study, ballot = whole.get("votes"), whole.get("study"), whole.get("ballot")
    rows = isinstance(votes, list) and all(isinstance(vote, dict) for vote in votes)
    if not rows or not isinstance(study, str) or not isinstance(ballot, str):
        raise _wrong(path, "is no votes file")
    assert isinstance(votes, list)
    if whole.get("checksum") != checksum(study, ballot, votes):
        raise _wrong(path, "is damaged or was changed by hand: its checksum is another one")
    return VotesFile(path.name, study, ballot, tuple(_vote(path, vote) for vote in votes))


def _vote(path: Path, vote: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {name: plain(vote.get(name), most) for name, most in _WORDS.items() if vote.get(name)}
    told |= {"outcome": vote.get("outcome"), "repeat_of": plain(vote.get("repeat_of"), 64) or None}
    needed = ("vote_id", "session", "left_run", "right_run")
    if told["outcome"] not in OUTCOMES or not all(told.get(name) for name in needed):
        raise _wrong(path, f"has a vote that says nothing: {shown(dict(vote))}")
    for name in ("ms_to_vote", "watched_s_left", "watched_s_right"):
        if (value := number(vote.get(name), 0, 1e9)) is not None:
            told[name] = round(value) if name == "ms_to_vote" else value
    try:
        told["ts"] = datetime.fromisoformat(str(vote.get("ts"))).isoformat(timespec="milliseconds")
    except ValueError:
        told["ts"] = ""
    told |= {name: tidy(told.get(name, "")) for name in ("rater", "criterion")}
    return {**told, "blind": vote.get("blind") is not False}


def _wrong(path: Path, why: str) -> InvalidOption:
    return InvalidOption(f"{path.name[-60:]} {why}.", remedy="Nothing of it was taken.", field="file")
