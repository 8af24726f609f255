"""``%wan VERB``: one table of verbs, from which dispatch, ``--help``, completion and the README are read."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from inspect import getdoc
from typing import TYPE_CHECKING, Any

from wan_nb.arguments import shown, whole
from wan_nb.errors import InvalidOption
from wan_nb.grammar import options
from wan_nb.grammar.options import Option
from wan_nb.grammar.template import expand, nearest
from wan_nb.grammar.variants import silenced
from wan_nb.handles.run import Run
from wan_nb.handles.study import Study
from wan_nb.magics import verbs as acts
from wan_nb.terminal import say
from wan_nb.ui import desk

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_nb.handles.session import Session
    from wan_nb.magics.magics import WanMagics

__all__ = ["VERBS", "Call", "Verb", "obey"]


@dataclass(frozen=True, slots=True)
class Call:
    """One line, read.

    Attributes
    ----------
    magics : WanMagics
    words : tuple
        Arguments that belong to no option; an object where a ``{{variable}}`` stood for one.
    given : dict
        Values of the options.
    """

    magics: WanMagics
    words: tuple[Any, ...] = ()
    given: dict[str, Any] = field(default_factory=dict)

    @property
    def session(self) -> Session:
        """The default session."""
        return self.magics.session()

    def thing(self, place: int = 0) -> Run | Study:
        """The run or study that is meant: by the word at a place, else the last one of this session."""
        thing = self.words[place] if len(self.words) > place else self.session.last
        if thing is None:
            raise InvalidOption("no run yet in this session; give an ID.", remedy="%wan runs lists them.")
        if isinstance(thing, str):
            return self.session.study(name=thing) if thing in self.session.log.studies() else self.session.run(thing)
        if isinstance(thing, Run):
            return thing.session.run(thing.id)  # a handle of now: what the other one tells of its cell is over
        if isinstance(thing, Study):
            return thing
        raise InvalidOption(f"a variable of type {type(thing).__name__} is neither a run nor a study.")

    def run(self, place: int = 0) -> Run:
        """The run that is meant, where a study will not do."""
        thing = self.thing(place)
        if isinstance(thing, Run):
            return thing
        raise InvalidOption(
            f"{shown(thing.name)} is a study: say which of its runs.",
            remedy=f"%wan runs study={shlex.quote(thing.name)} lists them.",
        )

    def study(self) -> Study:
        """The study that is meant: by its name, else the last one."""
        return desk.study_of(self.words[0] if self.words else None, self.session)


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb.

    Attributes
    ----------
    arguments : str
        How they are written.
    twin : str
        The same in Python.
    act : callable
        Given a `Call`, does it and returns what is to be shown. Its docstring is the help.
    most : int or None
        Arguments at most; None for any number.
    options : tuple of Option
    completes : str
        What completion offers for the arguments: a key of its table.
    """

    name: str
    arguments: str
    twin: str
    act: Callable[[Call], Any]
    most: int | None = 0
    options: tuple[Option, ...] = ()
    completes: str = ""

    @property
    def help(self) -> str:
        """What it does, in one line."""
        return self.told.partition("\n")[0]

    @property
    def told(self) -> str:
        """What it does, with examples."""
        return getdoc(self.act) or ""

    @property
    def usage(self) -> str:
        """``report [STUDY] [-o FILE]``."""
        few = self.options if len(self.options) < 4 else ()
        flags = [f"[{options.usage(option).split(', ')[0]}{_value(option)}]" for option in few]
        return " ".join(filter(None, [self.name, self.arguments, *flags]))


def _value(option: Option) -> str:
    return f" {option.metavar}" if option.short and option.metavar else ""


def obey(magics: WanMagics, line: str) -> Any:
    """Do what a ``%wan`` line says.

    Raises
    ------
    InvalidOption
        No such verb or option (the nearest is named), or too many arguments.
    """
    line, silent = silenced(line)
    words = options.split(line)
    if not words:
        from wan_nb.ui.show import show_runs

        return show_runs(magics.session())
    name, *rest = words
    if name in options.HELP.spellings:
        return _print_help(None)
    if name not in VERBS:
        raise InvalidOption(f"%wan has no verb {shown(name)}.{nearest(name, VERBS)}", remedy="%wan --help lists them.")
    verb = VERBS[name]

    def filled(word: str) -> Any:
        return expand(word, magics.names, allow_objects=True)

    given, found = options.parse(rest, (*verb.options, options.HELP), filled, where=f"%wan {name}")
    if given.pop("help", False):
        return _print_help(verb)
    if verb.most is not None and len(found) > verb.most:
        raise InvalidOption(
            f"%wan {name} takes {verb.arguments or 'no argument'}, not {shown(found[verb.most], typed=True)} too."
        )
    result = verb.act(Call(magics, tuple(found), given))
    return None if silent else result


def _print_help(verb: Verb | None) -> None:
    from wan_nb.magics import help as manual

    say(manual.verb_help(verb) if verb else manual.line_help())  # it was asked for


def _number(value: Any) -> int:
    return whole(value, "--limit must be a whole number from 1", 1, typed=True)


_LIMIT = Option("limit", "At most so many, the newest.", _number, metavar="N")
_EMBED = Option("embed", "Put the clip itself into the notebook, for readers who do not have the file.")
_WAIT = Option("wait", "Block until all have ended.")
_OUTPUT = Option(
    "output", "File to write; the study's name without it.", short="o", metavar="FILE", suffixes=(".html",)
)
_MEND = Option("mend", "Repair what can be repaired: the log, unfinished runs, partial files, clips that were renamed.")

VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb("runs", "[key=value ...]", "wan_nb.runs(status='SUCCEEDED')", acts.runs, None, (_LIMIT,), "filter"),
        Verb("show", "[ID|STUDY]", "wan_nb.run(id)", acts.show, 1, (_EMBED,), "thing"),
        Verb("resume", "", "wan_nb.resume()", acts.resume, 0, (_WAIT,)),
        Verb("adopt", "[TASK_ID ...]", "wan_nb.adopt(task_id)", acts.adopt, None),
        Verb("cancel", "[ID|STUDY|all]", "wan_nb.cancel(id)", acts.cancel, 1, completes="open"),
        Verb("again", "[ID] [options]", "wan_nb.again(id)", acts.again, 1, options.REQUEST, "run"),
        Verb("rate", "[ID] 1..5", "run.rate(4)", acts.rate, 2, completes="run"),
        Verb("compare", "[STUDY|ID ...]", "study.compare()", acts.compare, None, completes="thing"),
        Verb("vote", "[STUDY]", "study.vote()", acts.vote, 1, completes="study"),
        Verb("rank", "[STUDY]", "study.ranking()", acts.rank, 1, completes="study"),
        Verb("report", "[STUDY]", "study.report('walk.html')", acts.report, 1, (_OUTPUT,), "study"),
        Verb("cost", "", "wan_nb.cost()", acts.cost),
        Verb("form", "[ID]", "wan_nb.form()", acts.fill, 1, completes="run"),
        Verb("connect", "[SERVICE]", "wan_nb.connect('simulator')", acts.connect, 1, completes="service"),
        Verb("login", "[SERVICE]", "wan_nb.login()", acts.login, 1, completes="service"),
        Verb("doctor", "", "wan_nb.doctor()", acts.doctor, 0, (_MEND,)),
        Verb("bundle", "[FILE.zip] [STUDY]", "wan_nb.bundle('walk.zip')", acts.bundle, 2, completes="zip"),
        Verb("forget", "ID", "wan_nb.session().forget(id)", acts.forget, 1, completes="run"),
    )
}
"""Every verb, in the order of the help."""
