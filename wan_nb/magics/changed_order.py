"""A cell that would buy again although nobody changed what it asks for: it asks first."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from wan_nb.api.estimate import Estimate
from wan_nb.api.recorded import beside_materials, items_of
from wan_nb.engine import media_folder
from wan_nb.errors import InvalidOption, NotFound, join_words
from wan_nb.frontends import cell_id, front_end, notebook_name
from wan_nb.handles.run import Run
from wan_nb.html.text import price
from wan_nb.log.states import UNBILLED
from wan_nb.terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from wan_nb.engine.ask import Ask
    from wan_nb.grammar.cell import Cell
    from wan_nb.handles.protocols import AnySession
    from wan_nb.handles.study import Study
    from wan_nb.log.row import Row
    from wan_nb.magics.notebook import Notebook

    Recorded = Mapping[str, Any]

__all__ = ["ChangedOrder", "another_take", "keep_order", "order_names"]


def order_names(cell: Cell) -> list[str]:
    """What a cell is known by: its id, and its variable or the name of the work."""
    other = f"out {cell.out}" if cell.out else f"name {cell.name}" if cell.name else ""
    return [name for name in (cell_id() and f"id {cell_id()}", other) if name]


def keep_order(session: AnySession, names: list[str], cell: Cell, thing: Run | Study) -> None:
    """Write down what a cell has bought or shown."""
    known = {"run": thing.id} if isinstance(thing, Run) else {"study": thing.name}
    _keep(session, names, {**known, "name": cell.name, "take": cell.take, "max_cost": cell.max_cost})


def another_take(notebook: Notebook, run: Run, words: Sequence[Any], **given: Any) -> Run:
    """Buy the next take of a run; a cell that has made one by the same words, and is run again, asks first."""
    typed = " ".join(word if isinstance(word, str) else word.id for word in words)
    session, names = run.session, [f"id {cell_id()} again {typed}"] if cell_id() else []
    question = f"This cell has made another take already. Make one more for {price(run.row)}?"
    asks = not notebook.in_batch and _before(session, names)
    if asks and not notebook.agrees(question):
        say("Nothing was bought.")
        return run
    made = run.again(**given)
    _keep(session, names, {"again": True})
    return made


def _before(session: AnySession, names: Sequence[str]) -> Mapping[str, Any]:
    """What is kept of a cell's last run, also under the name that its notebook had before it was renamed."""
    log, here = session.workspace.log, Path(notebook_name())
    if (found := log.order(notebook_name(), names)) or not (cell_id() and names):
        return found or {}
    elsewhere = ((Path(place), order) for place, order in log.orders_of(names[0]).items())
    gone = (order for old, order in elsewhere if old.parent == here.parent and old.suffix and not old.exists())
    return next(gone, {})


def _keep(session: AnySession, names: list[str], order: Mapping[str, Any]) -> None:
    if any(session.workspace.log.order(notebook_name(), [name]) != order for name in names):
        session.workspace.log.keep_order(notebook_name(), names, order)


@dataclass
class ChangedOrder:
    """An order that would buy clips although a person has typed nothing that asks for new ones.

    Each change is asked about once. ``--max-cost`` stays in its cell, so it counts as an answer only where it was typed
    after the cell was last run, and in batch, where nobody can be asked.

    Attributes
    ----------
    old : Run or Study
        What the cell showed before, or what may be the same.
    why : str
        What differs.
    bill : Estimate
        Of what is new.
    before : mapping
        What is kept of the cell's last run; empty where it never ran.
    declined : bool
        Whether a person was asked, has read what differs, and said no.
    """

    session: AnySession
    old: Run | Study
    why: str
    bill: Estimate
    before: Mapping[str, Any]
    declined: bool = field(default=False, init=False)

    @classmethod
    def of(cls, session: AnySession, cell: Cell, asks: Sequence[Ask], written: Sequence[Recorded]) -> Self | None:
        """The change that a cell has to ask about; None where nothing is bought, or a person typed what is new.

        Parameters
        ----------
        session : Session
        cell : Cell
        asks : sequence of Ask
        written : sequence of mapping
            The same requests as the log records them, in the order in which a person wrote them.
        """
        workspace = session.workspace
        known = workspace.known(workspace.fingerprints(asks), cell.take)
        new = [ask for ask, row in zip(asks, known, strict=True) if row is None or row.status in UNBILLED]
        if not new:
            return None
        region = workspace.region
        bill = Estimate.together((ask.request.estimate(region) for ask in new), region.currency)
        before = _before(session, order_names(cell))
        if before and cell.take == before.get("take"):
            old, recorded = _bought(session, before)
            if cell.race:  # a race chooses its seeds itself
                written, recorded = _without_seeds(written), _without_seeds(recorded)
            names = (before.get("name"), cell.name)
            if old is not None and (why := _difference(written, recorded, names, _clips(old))):
                return cls(session, old, why, bill, before)
        doubt = next(filter(None, workspace.earlier(asks, known)), None)
        if doubt is not None:
            why = "It may be the same clip, bought by the first edition, which did not write down whose picture it took"
            return cls(session, Run(session, doubt.run_id, reused=True), why, bill, before)
        if (row := _with_picture(session, cell, written)) is not None:
            why = f"Every clip named {cell.name!r:.60} was made from a picture or clip, and this order gives none"
            return cls(session, Run(session, row.run_id, reused=True), why, bill, before)
        return None

    @classmethod
    def hiding(cls, cell: Cell, study: Study) -> Self | None:
        """The change of a study whose clips would take the place of others, under the same name, that have votes."""
        state = study.state()
        if not (state.hidden and state.missing):
            return None
        from wan_nb.handles.study import recorded_study

        old = recorded_study(study.session, study.name)
        if set(state.hidden) <= set(old.state().hidden):
            return None
        before = _before(study.session, order_names(cell))
        return cls(study.session, old, state.hides, state.bill, before)

    @property
    def price(self) -> float:
        """The amount of `bill`."""
        return self.bill.amount

    @property
    def told(self) -> str:
        """The price of what is new, in words."""
        return self.bill.brief

    def allowed(self, notebook: Notebook, cell: Cell) -> bool:
        """Whether it is bought: a person says so, or in batch ``--max-cost``.

        Raises
        ------
        InvalidOption
            Nobody is there to be asked.
        LogError
            The clips of the log are not where they were: nothing can be bought.
        """
        media_folder.check(self.session.workspace.store, self.session.workspace.log)
        typed = cell.max_cost is not None and bool(self.before) and cell.max_cost != self.before.get("max_cost")
        if typed or (notebook.in_batch and cell.max_cost is not None):
            return True
        self.keep(cell)
        self.session.last = self.old  # what is shown: a mark without an id is meant for it
        if not notebook.in_batch:
            said = None if front_end().live else notebook.agrees(f"{self.why}. Make a new one for {self.told}?")
            self.declined = said is False
            return bool(said)
        shown = self.old.id[:8] if isinstance(self.old, Run) else self.old.name
        raise InvalidOption(
            f"{self.why}, and nobody is there to be asked whether that is worth {self.told}.",
            run_id=getattr(self.old, "id", None),
            remedy=f"--max-cost {self.price:g} in this cell makes a new one; `%wan show {shown}` shows the old one.",
        )

    def keep(self, cell: Cell) -> None:
        """Write down what a cell allows that was asked, and nothing else of it: it goes on showing what it had."""
        own = {"name": cell.name, "take": cell.take, **self.before, "max_cost": cell.max_cost}
        _keep(self.session, order_names(cell), own)

    def say(self, below: str = "", new: str = "The new clips cost") -> None:
        """Say what differs and what the new costs, or to who has read that and said no only what stands below."""
        if self.declined:
            say(f"Nothing was bought; {below}." if below else "Nothing was bought.")
        else:
            say(f"{self.why}; {f'{below} (free)' if below else 'nothing is bought yet'}. {new} {self.told}.")

    def _say_how(self) -> None:
        """Say how it is bought where there is no button and nobody was asked."""
        if not (self.declined or front_end().live):
            say(f"Nothing was bought; --max-cost {self.price:g} in this cell makes it.")

    def offer(self, cell: Cell, buy: Callable[[], Row]) -> Run | Study | None:
        """Show the clip that the cell showed before, and under it a button that makes a new one.

        Returns
        -------
        Run, Study or None
            What is still to be shown.
        """
        self.say("the clip of the order before stands below", "A new one costs")
        self._say_how()
        if not front_end().live:
            return self.old
        from wan_nb.widgets.offer import show_offer

        words = f"Make a new one for {self.told}"
        self._under_old(cell, lambda: show_offer(self.session.views, words, lambda: [buy()]))
        return None

    def offer_plan(self, cell: Cell, study: Study, buy: Callable[..., object]) -> Run | Study | None:
        """The same of a study, with the plan of the new one, which stands alone where there is no old one."""
        old = None if isinstance(self.old, Run) else self.old
        self.say("the clips of the order before stand below" if old else "")
        self._say_how()
        if old is None or not front_end().live:
            return old or study
        from wan_nb.widgets.plan import show_plan

        views, ended = self.session.views, study.ended
        self._under_old(cell, lambda: show_plan(views, study.state(), state_now=study.state, buy=buy, ended=ended))
        return None

    def _under_old(self, cell: Cell, show: Callable[[], None]) -> None:
        """Show what was there, and under it what is offered: what is bought then comes last, where it is looked for."""
        from wan_nb.widgets.output.one_output import one_output

        with one_output():
            if not cell.silent:
                self.old._ipython_display_()
            show()


def _bought(session: AnySession, before: Mapping[str, Any]) -> tuple[Run | Study | None, list[Recorded]]:
    """What a cell has bought or shown, and its requests as they were recorded."""
    try:
        if name := before.get("study"):
            from wan_nb.handles.study import recorded_study

            cells = session.workspace.log.load_study(str(name))["cells"]
            old = recorded_study(session, str(name))
            return (old, [cell["request"] for cell in cells]) if old.rows() else (None, [])
        row = session.workspace.row(str(before.get("run")))
    except NotFound:
        return None, []
    if row.status in UNBILLED or row.identity != session.workspace.account.endpoint.identity:
        return None, []
    return Run(session, row.run_id, reused=True), [row.request]


def _without_seeds(requests: Sequence[Recorded]) -> list[Recorded]:
    """What differs in more than the seed, each once."""
    kept: list[Recorded] = []
    for request in requests:
        bare = {name: value for name, value in request.get("parameters", {}).items() if name != "seed"}
        if (one := {**request, "parameters": bare}) not in kept:
            kept.append(one)
    return kept


def _clips(thing: Run | Study) -> set[str]:
    """What materials out of these clips begin with."""
    rows = [thing.row] if isinstance(thing, Run) else thing.rows()
    return {row.video_sha256 for row in rows if row.video_sha256}


def _difference(new: Sequence[Recorded], old: Sequence[Recorded], names: tuple[Any, Any], own: Container[str]) -> str:
    """What differs where it is only materials out of runs, or the name; else empty.

    A material that was a file and comes out of one of the cell's `own` clips now is such a one too: its variable was
    used again for what the cell has made.
    """
    if len(new) != len(old):
        return ""
    changed: dict[str, None] = {}
    source = "another clip than before"
    for now, then in zip(new, old, strict=True):
        seeds = [request.get("parameters", {}).get("seed") for request in (now, then)]
        if beside_materials(now) != beside_materials(then) or (seeds[0] is not None and seeds[0] != seeds[1]):
            return ""
        held, had = ({place[:2]: place[2] for place in items_of(request)} for request in (now, then))
        if held.keys() != had.keys():
            return ""
        others = [place for place in held if _content(held[place]) != _content(had[place])]
        if not all(
            _clip_of(held[place]) and (_clip_of(had[place]) or _clip_of(held[place]) in own) for place in others
        ):
            return ""
        changed |= dict.fromkeys(name for name, _ in others)
        if any(_clip_of(held[place]) in own for place in others):
            source = "the clip that this cell has made itself"
    names_of = join_words([name.replace("_", " ") for name in changed], "and")
    why = [f"its {names_of} {'comes' if len(changed) == 1 else 'come'} out of {source}"] if changed else []
    if names[0] != names[1]:
        told = [str(name or "none") for name in names]
        why.append(f"{'its name' if changed else 'only its name'} has changed, from {told[0]} to {told[1]}")
    said = " and ".join(why)
    return said[:1].upper() + said[1:]


def _clip_of(item: Mapping[str, Any]) -> str:
    """Hash of the clip that a material was taken from; empty for any other."""
    return str(item.get("taken") or "").partition(" ")[0]


def _content(item: Mapping[str, Any]) -> object:
    return item.get("taken") or item.get("identity")


def _with_picture(session: AnySession, cell: Cell, written: Sequence[Recorded]) -> Row | None:
    """The newest clip of this name, where each of them was made from a material and this order gives none."""
    if not cell.name or any(next(items_of(request), None) for request in written):
        return None
    rows = [row for row in session.workspace.log.find(study=cell.name) if row.status not in UNBILLED]
    return rows[0] if rows and all(next(items_of(row.request), None) for row in rows) else None
