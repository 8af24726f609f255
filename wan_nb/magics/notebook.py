"""Where a magic was typed: its variables, its session, and whether somebody is there."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wan_nb.arguments import shown
from wan_nb.errors import NotFound
from wan_nb.frontends import front_end
from wan_nb.grammar.template import RUN_ID
from wan_nb.terminal import ask, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wan_nb.handles.session import Session

__all__ = ["Notebook"]

SIMULATED = (
    "No key is set, so clips are SIMULATED: drawn on this machine, nothing is billed. %wan login takes a key,"
    " %wan connect chooses the service."
)


class _VariablesAndRuns(Mapping[str, Any]):
    """Variables, and behind them the runs of the log by id, which are not listed: no slip is taken for one of them."""

    def __init__(self, names: Mapping[str, Any], session: Callable[[], Session]) -> None:
        self._names, self._session = names, session

    def __getitem__(self, name: str) -> Any:
        if name in self._names or not RUN_ID.fullmatch(name):
            return self._names[name]
        try:
            return self._session().run(name)
        except NotFound:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(slots=True)
class Notebook:
    """What a magic knows of the notebook.

    Attributes
    ----------
    variables : dict
        The notebook's.
    caller : dict
        Variables of the code that called the magic which is running; replaced as a whole, never changed.
    wait : bool or None
        Whether a cell waits for its clip; None: only where no front end listens.
    service_set : bool
        Whether the configuration names a service.
    announced : Session or None
        Session whose service the person knows of.
    asked_user : bool
        Whether somebody was asked for a name.
    """

    variables: dict[str, Any] = field(default_factory=dict)
    caller: dict[str, Any] = field(default_factory=dict)
    wait: bool | None = None
    service_set: bool = False
    announced: Session | None = None
    asked_user: bool = False

    @property
    def names(self) -> Mapping[str, Any]:
        """Variables that a ``{{name}}`` means: those of the calling code before the notebook's."""
        return ChainMap(self.caller, self.variables)  # never written to: `set_variable` is

    @property
    def materials(self) -> Mapping[str, Any]:
        """What a ``{{name}}`` in an option means: a variable, or the run of that id."""
        return _VariablesAndRuns(self.names, self.session)

    def set_variable(self, name: str, thing: Any) -> None:
        """Set a variable of the notebook."""
        self.variables[name] = thing

    @property
    def in_batch(self) -> bool:
        """Whether nobody comes back after the cell (nbclient, papermill, a script), or can be asked."""
        return not front_end().returns

    def answer(self, question: str) -> str | None:
        """What somebody types; None where nobody can be asked."""
        if not self.in_batch:
            with suppress(EOFError, NotImplementedError, OSError):
                return ask(question).strip()
        return None

    def agrees(self, question: str) -> bool | None:
        """Whether somebody says yes; None where nobody can be asked."""
        said = self.answer(f"{question} [y/N] ")
        return None if said is None else said.lower() in {"y", "yes"}

    def user(self) -> str:
        """Who buys and votes here, asked for once where others use the log too and nobody knows."""
        from wan_nb.handles import default

        session = self.session()
        if session.settings.user or self.in_batch or self.asked_user:
            return session.settings.user
        known = session.log.first_name()
        if known or not isinstance(session.settings.log, Path):
            self.asked_user = True
            of = f"This log has the name {shown(known)}" if known else "Others use this log too"
            if name := self.answer(f"{of}. Your name (or Enter for none): "):
                default.configure(user=name)
        return session.settings.user

    def session(self) -> Session:
        """The default session; which service it is that nobody chose is said once."""
        from wan_nb.handles import default

        session = default.session()
        if session is not self.announced and session.settings.service == "simulator" and not self.service_set:
            say(SIMULATED)  # once, where the person looks
        self.announced = session
        return session
