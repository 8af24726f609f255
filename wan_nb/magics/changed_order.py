"""A cell whose order is another one although nobody changed its text: it asks before it buys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from wan_nb.api.recorded import beside_materials, items_of
from wan_nb.engine.ask import Ask
from wan_nb.errors import InvalidOption, NotFound
from wan_nb.frontends import cell_id, front_end, notebook_name
from wan_nb.html.text import money
from wan_nb.log.states import UNBILLED
from wan_nb.terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wan_nb.api.request import VideoRequest
    from wan_nb.grammar.cell import Cell
    from wan_nb.handles.run import Run
    from wan_nb.handles.session import Session
    from wan_nb.log.row import Row
    from wan_nb.magics.notebook import Notebook

__all__ = ["ChangedOrder", "keep_order", "order_names"]


def order_names(cell: Cell) -> list[str]:
    """What a cell is known by: its id, and its variable or the name of the work."""
    other = f"out {cell.out}" if cell.out else f"name {cell.name}" if cell.name else ""
    return [name for name in (cell_id() and f"id {cell_id()}", other) if name]


def keep_order(session: Session, names: list[str], cell: Cell, run: Run) -> None:
    """Write down what a cell has shown."""
    session.log.keep_order(notebook_name(), names, {"run": run.id, "name": cell.name, "take": cell.take})


@dataclass(frozen=True)
class ChangedOrder:
    """An order that differs from what its cell bought before in nothing that a person typed but its name.

    Attributes
    ----------
    old : Row
        The run that the cell showed.
    why : str
        What differs.
    price : float
        Of a new clip.
    """

    session: Session
    old: Row
    why: str
    price: float

    @classmethod
    def of(cls, session: Session, cell: Cell, request: VideoRequest) -> Self | None:
        """The change that a cell has to ask about; None where it is there already, or a person typed it."""
        before = session.log.order(notebook_name(), order_names(cell))
        if before is None or cell.take != before.get("take"):
            return None
        workspace = session.workspace
        ask = Ask(request, name=cell.name, take=cell.take)
        (there,) = workspace.known(workspace.fingerprints([ask]), cell.take)
        if there is not None and there.status not in UNBILLED:
            return None
        try:
            old = session.row(str(before.get("run")))
        except NotFound:
            return None
        why = _difference(request, old.request, named=(before.get("name"), cell.name), seed=old.seed)
        if not why or old.status in UNBILLED or old.identity != workspace.account.endpoint.identity:
            return None
        return cls(session, old, why, request.price(workspace.endpoint.region))

    def ask(self, notebook: Notebook, buy: Callable[[], Run]) -> Run:
        """Show the clip of the old order and offer a new one; until that is bought the cell holds the old run.

        Raises
        ------
        InvalidOption
            Nobody is there to be asked.
        """
        price = money(self.price, self.old.currency or self.session.workspace.region.currency, estimated=True)
        said = f"{self.why}; this is the clip of the order before (free). A new one costs {price}"
        allowed = f"--max-cost {self.price:g}"
        if notebook.in_batch:
            raise InvalidOption(
                f"{self.why}, and nobody is there to be asked whether that is worth {price}.",
                run_id=self.old.run_id,
                remedy=f"{allowed} in this cell makes a new clip; `%wan show {self.old.run_id[:8]}` shows the old one.",
            )
        if front_end().live:
            from wan_nb.widgets.offer import show_offer

            say(f"{said}.")
            show_offer(self.session.views, f"Make a new one for {price}", lambda: [buy().row])
        else:
            say(f"{said}: {allowed} in this cell makes it.")
        run = self.session.run(self.old.run_id)
        run.reused = True
        return run


def _difference(request: VideoRequest, old: Mapping[str, Any], *, named: tuple[Any, Any], seed: int | None) -> str:
    """What differs where it is only materials out of runs, or only the name; else empty."""
    new = request.public()
    if beside_materials(new) != beside_materials(old) or (request.seed is not None and request.seed != seed):
        return ""
    then, now = ({place[:2]: place[2] for place in items_of(sent)} for sent in (old, new))
    if then.keys() != now.keys():
        return ""
    changed = [name for name in now if _content(now[name]) != _content(then[name])]
    if any(not (now[name].get("taken") and then[name].get("taken")) for name in changed):
        return ""
    if named[0] == named[1]:
        return (
            f"Its {' and '.join(name for name, _ in changed)} comes out of another clip than before" if changed else ""
        )
    return "" if changed else f"Only its name has changed, from {named[0]} to {named[1]}"


def _content(item: Mapping[str, Any]) -> object:
    return item.get("taken") or item.get("identity")
