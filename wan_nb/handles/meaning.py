"""What a word means: a study, a run, a label, a tag or a variable; several meanings are listed, never guessed.

Every verb of ``%wan`` and every function that takes runs asks here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from wan_nb.arguments import has_ids, shown
from wan_nb.errors import InvalidOption, NotFound, did_you_mean, join_words, nearest, shortened
from wan_nb.handles.chosen_runs import each_of, labelled_rows
from wan_nb.handles.run import Run
from wan_nb.handles.study import Study, recorded_study
from wan_nb.log.marks import in_the_running
from wan_nb.paths import local
from wan_nb.terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wan_nb.handles.protocols import AnySession
    from wan_nb.log.row import Row

__all__ = ["Meaning", "last_two", "meaning", "one_run", "one_study", "one_thing", "rows_meant", "rows_to_compare"]

_ID = re.compile(r"[0-9a-f]{4,12}")
"""An id or its beginning; fewer digits are as likely a word, which would buy or delete what nobody has named."""

_SHOWN = 6
"""Runs that a message lists."""

_RECENT = 500
"""Newest runs whose labels and tags are compared with a word that means nothing."""

_NO_NAMES: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Meaning:
    """One meaning of a word.

    Attributes
    ----------
    kind : {'study', 'run', 'label', 'tag', 'variable'}
    rows : tuple of Row
    thing : Run, Study or None
        None for a label, a tag, a table or a name without a plan, which may mean several runs.
    """

    kind: str
    rows: tuple[Row, ...]
    thing: Run | Study | None = None

    @property
    def ids(self) -> frozenset[str]:
        """Ids of its runs."""
        return frozenset(row.run_id for row in self.rows)


def meaning(session: AnySession, word: str, names: Mapping[str, Any] = _NO_NAMES) -> Meaning:
    """The one meaning of a word; ``study=walk``, ``label=calm`` and ``tag=keep`` say which kind is meant.

    What no run, study, label or tag is called may be the file of a clip: names have dots and slashes too.

    Parameters
    ----------
    session : Session
    word : str
    names : mapping
        Variables of the notebook.

    Raises
    ------
    NotFound
        It means nothing; a name that is near is told, and none where none is.
    InvalidOption
        It means different things, which are listed.
    """
    kind, equals, rest = word.partition("=")
    wanted = {"label": "label", "variant": "label", "tag": "tag", "tags": "tag", "study": "study", "run": "run"}
    if equals and kind in wanted:
        found = [each for each in _meanings(session, rest, names) if each.kind == wanted[kind]]
    else:
        found = _meanings(session, word, names)
    if not found:
        unknown = _unknown(session, rest if equals and kind in wanted else word, names)
        if equals or not set(word) & set("./\\"):
            raise unknown
        try:
            run = cast("Run", session.run(word))
        except NotFound as error:
            raise (error if local(word).exists() else unknown) from None
        return Meaning("run", (run.row,), run)
    different = list({each.ids: each for each in reversed(found)}.values())
    if len(different) > 1:
        ways = [f"{each.kind}={word} ({_count(each.rows)})" for each in found]
        raise InvalidOption(f"{shown(word)} means several things.", remedy=f"Say which: {join_words(ways)}.")
    return found[0]


def _meanings(session: AnySession, word: str, names: Mapping[str, Any]) -> list[Meaning]:
    log, word = session.workspace.log, word.strip()
    found = []
    if word in log.studies():
        found.append(Meaning("study", tuple(log.find(study=word)), recorded_study(session, word)))
    elif called := log.find(study=word):  # a name of single runs, which no plan has
        found.append(Meaning("study", tuple(called)))
    runs = log.find(run_id=[word], limit=_SHOWN + 1) if _ID.fullmatch(word.lower()) else []
    last = session.last.rows() if isinstance(session.last, Study) else []
    labelled = [row for row in last if row.variant == word] or log.find(variant=word)
    named = [Meaning("label", tuple(labelled)), Meaning("tag", tuple(log.find(tags=word)))]
    thing = names.get(word)
    if isinstance(thing, Study) and thing.name == word and found:
        thing = None  # the study of that name, once more
    if isinstance(thing, Run | Study) or (hasattr(thing, "columns") and has_ids(thing)):
        rows = tuple(labelled_rows(session.workspace, thing))
        named.append(Meaning("variable", rows, None if hasattr(thing, "columns") else thing))
    named = [each for each in named if each.rows or isinstance(each.thing, Study)]
    if runs:
        found.append(Meaning("run", tuple(runs)))
    return found + named


def rows_meant(session: AnySession, what: Any, names: Mapping[str, Any] = _NO_NAMES) -> list[Row]:
    """Rows of what is meant, one thing after another; one that is given twice is there twice."""
    return [row for each in each_of(what) for row in _rows_of(session, each, names)]


def _rows_of(session: AnySession, each: Any, names: Mapping[str, Any]) -> list[Row]:
    if not isinstance(each, str):
        return labelled_rows(session.workspace, each)
    meant = meaning(session, each, names)
    if meant.kind == "run" and len(meant.rows) > 1:
        raise _several(each, meant)
    return meant.thing.rows() if isinstance(meant.thing, Study) else list(meant.rows)


def one_thing(session: AnySession, what: Any, names: Mapping[str, Any] = _NO_NAMES) -> Run | Study:
    """The run or study that is meant; a label or a tag will do where it is one run's alone.

    Raises
    ------
    NotFound, InvalidOption
        It means nothing, or several, which are listed.
    """
    if isinstance(what, str):
        meant = meaning(session, what, names)
        if isinstance(meant.thing, Study):
            session.last = meant.thing
            return meant.thing
        if len(meant.rows) != 1:
            raise _several(what, meant)
        return cast("Run", session.run(meant.rows[0].run_id))
    if isinstance(what, Run):
        # A handle of now: what the other one tells of its cell is over.
        return cast("Run", what.session.run(what.id))
    if isinstance(what, Study):
        return what
    raise InvalidOption(f"a variable of type {type(what).__name__} is neither a run nor a study.")


def one_run(session: AnySession, what: Any, names: Mapping[str, Any] = _NO_NAMES) -> Run:
    """The run that is meant, where a study will not do."""
    thing = one_thing(session, what, names)
    if isinstance(thing, Run):
        return thing
    raise InvalidOption(f"{shown(thing.name)} is a study: say which of its runs.", remedy=_choice(thing.rows()))


def one_study(session: AnySession, what: Any, names: Mapping[str, Any] = _NO_NAMES) -> Study:
    """The study that is meant, also by a run, a label or a tag whose runs belong to one study; None is the last one."""
    if what is None:
        what = _last_study(session)
    if isinstance(what, str):
        meant = meaning(session, what, names)
        if isinstance(meant.thing, Study):
            session.last = meant.thing
            return meant.thing
        what, told = meant, f"{meant.kind} {shown(what)}"
    elif isinstance(what, Study):
        return what
    elif isinstance(what, Run):
        what, told = Meaning("run", (what.row,)), f"run {what.id[:8]}"
    else:
        raise InvalidOption(f"a variable of type {type(what).__name__} is no study.", remedy="Give its name.")
    known = session.workspace.log.studies()
    of = list(dict.fromkeys(row.study for row in what.rows if row.study in known))
    if len(of) != 1:
        if not of:
            raise InvalidOption(f"{told} belongs to no study.", remedy="%%wan --seeds 1,2,3 makes one.")
        raise InvalidOption(f"{told} belongs to several studies.", remedy=f"Say which: {join_words(of[:_SHOWN])}.")
    return cast("Study", session.study(name=of[0]))


def _last_study(session: AnySession) -> Study:
    """The last study of this session, that of its last run, or else the newest of the log."""
    known, last = session.workspace.log.studies(), session.last
    if isinstance(last, Study):
        return last
    if isinstance(last, Run) and (own := last.row.study) in known:
        return cast("Study", session.study(name=own))
    if not known:
        raise InvalidOption("there is no study in this log yet.", remedy="%%wan --seeds 1,2,3 makes one.")
    return cast("Study", session.study(name=known[0]))


def rows_to_compare(session: AnySession, things: Iterable[Any]) -> list[Row]:
    """Rows of what is meant, each once, without those that were dropped from their study."""
    rows = [row for each in things for row in in_the_running(rows_meant(session, [each]))]
    return list({row.run_id: row for row in rows}.values())


def last_two(session: AnySession) -> list[Row]:
    """The last run of a session and the clip before it on the same material; none where a study was last."""
    run = session.last
    if run is None and (newest := session.workspace.log.find(status="SUCCEEDED", limit=1)):
        run = Run(session, newest[0].run_id)
    if run is None and not session.workspace.log.studies():
        raise InvalidOption("there is no clip in this log yet.", remedy="%%wan makes one.")
    if not isinstance(run, Run) or run.row.study in session.workspace.log.studies():
        return []
    if run.row.open:
        say(f"Waiting for run {run.id[:8]} ...")
        run.wait()
    if (before := session.workspace.before(run.row)) is None:
        raise InvalidOption(
            "there is no other clip on the same material to compare the last one with.",
            run_id=run.id,
            remedy="Name them: %wan compare ID ID, or a study, label or tag.",
        )
    return [before, run.row]


def _several(word: str, meant: Meaning) -> InvalidOption | NotFound:
    if meant.kind == "run":
        return NotFound(f"several runs begin with {shown(word)}.", remedy=_choice(meant.rows))
    return InvalidOption(
        f"{shown(word)} is a {meant.kind} of {_count(meant.rows)}: say which.", remedy=_choice(meant.rows)
    )


def _count(rows: Iterable[Row]) -> str:
    number = len(list(rows))
    return f"{number} run{'' if number == 1 else 's'}"


def _choice(rows: Iterable[Row]) -> str:
    """Runs to choose from, on one line."""
    rows = list(rows)
    told = [f"{row.run_id[:8]} ({_in_short(row)})" for row in rows[:_SHOWN]]
    more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return f"Give the id of one: {', '.join(told)}{more}." if told else "It has no run yet."


def _in_short(row: Row) -> str:
    name = shortened(row.variant or " ".join((row.prompt or "").split()), 24)
    seed = "" if row.seed is None else f"seed {row.seed}"
    return ", ".join(filter(None, [name, seed, f"{'★' * row.rating}" if row.rating else ""]))


def _unknown(session: AnySession, word: str, names: Mapping[str, Any]) -> NotFound:
    rows = session.workspace.log.find(limit=_RECENT)
    pool = [*session.workspace.log.studies(), *(row.variant for row in rows if row.variant)]
    pool += [tag for row in rows for tag in row.tags]
    pool += [name for name, thing in names.items() if isinstance(thing, Run | Study) and not name.startswith("_")]
    if _ID.fullmatch(word.lower()):
        pool += [row.run_id[: len(word)] for row in rows]
    near = nearest(word, dict.fromkeys(pool), 3)
    otherwise = "%wan runs lists what there is, %wan find WORDS looks for it." if rows else "The log holds no run yet."
    kinds = "study, label, tag or file" if set(word) & set("./\\") else "study, label or tag"
    return NotFound(f"no run, {kinds} is called {shown(word)}.", remedy=did_you_mean(near, otherwise))
