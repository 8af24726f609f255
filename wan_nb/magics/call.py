"""One ``%wan`` line, read, and what a verb is."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from inspect import getdoc
from typing import TYPE_CHECKING, Any, cast

from wan_nb.arguments import shown
from wan_nb.errors import InvalidOption
from wan_nb.grammar import options
from wan_nb.handles.run import Run
from wan_nb.handles.study import Study

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_nb.grammar.options import Option
    from wan_nb.handles.session import Session
    from wan_nb.magics.notebook import Notebook

__all__ = ["Call", "Verb"]


@dataclass(frozen=True, slots=True)
class Call:
    """One line, read.

    Attributes
    ----------
    notebook : Notebook
    words : tuple
        Arguments that belong to no option; an object where a ``{{variable}}`` stood for one.
    given : dict
        Values of the options.
    """

    notebook: Notebook
    words: tuple[Any, ...] = ()
    given: dict[str, Any] = field(default_factory=dict)

    @property
    def session(self) -> Session:
        """The default session."""
        return self.notebook.session()

    def thing(self, place: int = 0) -> Run | Study:
        """The run or study that is meant: by the word at a place, else the last one of this session."""
        thing = self.words[place] if len(self.words) > place else self.session.last
        if thing is None:
            raise InvalidOption("no run yet in this session; give an ID.", remedy="%wan runs lists them.")
        if isinstance(thing, str):
            return self.session.study(name=thing) if thing in self.session.log.studies() else self.session.run(thing)
        if isinstance(thing, Run):
            # A handle of now: what the other one tells of its cell is over.
            return cast("Run", thing.session.run(thing.id))
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
        return self.session.study_of(self.words[0] if self.words else None)


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb.

    Attributes
    ----------
    arguments : str
        How they are written.
    python : str
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
    python: str
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
