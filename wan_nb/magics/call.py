"""One ``%wan`` line, read, and what a verb is."""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import getdoc
from typing import TYPE_CHECKING, Any

from wan_nb.errors import InvalidOption
from wan_nb.grammar import options
from wan_nb.handles.meaning import meaning, one_run, one_study, one_thing, rows_meant
from wan_nb.handles.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wan_nb.grammar.options import Option
    from wan_nb.handles.session import Session
    from wan_nb.handles.study import Study
    from wan_nb.log.row import Row
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

    @property
    def _names(self) -> Mapping[str, Any]:
        return self.notebook.names

    def _meant(self, place: int) -> Any:
        """The word at a place, else the last run or study of this session."""
        thing = self.words[place] if len(self.words) > place else self.session.last
        if thing is None:
            raise InvalidOption("no run yet in this session; give an ID.", remedy="%wan runs lists them.")
        return thing

    def thing(self) -> Run | Study:
        """The run or study that is meant: by the first word, else the last one of this session."""
        return one_thing(self.session, self._meant(0), self._names)

    def labelled(self) -> list[Row]:
        """Rows of the runs that the first word is a label or a tag of, if there are several; else none."""
        meant = self._thing_or_rows(self.words[0]) if self.words else None
        return meant if isinstance(meant, list) and len(meant) > 1 else []

    def run(self, place: int = 0) -> Run:
        """The run that is meant, where a study will not do."""
        return one_run(self.session, self._meant(place), self._names)

    def things(self) -> list[Any]:
        """What each word means: a run, a study, or a list of rows."""
        return [self._thing_or_rows(word) for word in self.words]

    def _thing_or_rows(self, word: Any) -> Any:
        if not isinstance(word, str):
            return word
        meant = meaning(self.session, word, self._names)
        return meant.thing if meant.thing is not None else rows_meant(self.session, [word], self._names)

    def runs(self, place: int = 0) -> list[Run]:
        """The runs that are meant, of a study, label or tag all."""
        rows = rows_meant(self.session, [self._meant(place)], self._names)
        return [Run(self.session, row.run_id) for row in rows]

    def study(self) -> Study:
        """The study that is meant: by its name or one of its runs, else the last one."""
        if not self.words:
            return self.session.study_of(None)
        return one_study(self.session, self.words[0], self._names)

    def confirmed(self, question: str) -> bool:
        """Whether somebody says yes; ``--yes`` says it beforehand.

        Raises
        ------
        InvalidOption
            Nobody is there to be asked.
        """
        if self.given.get("yes"):
            return True
        if (said := self.notebook.agrees(question)) is not None:
            return said
        raise InvalidOption(
            "nobody is there to be asked; nothing was deleted or moved.", remedy="--yes says it beforehand."
        )


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
