"""What a ``%%wan`` cell does: read it, ask for the run or the study, wait where that is the way, show it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.api.medium import numbered
from wan_nb.engine.ask import Ask
from wan_nb.errors import InvalidOption, WanError
from wan_nb.frontends import front_end
from wan_nb.grammar.cell import Cell
from wan_nb.grammar.slips import refuse_bare_name
from wan_nb.grammar.template import expand
from wan_nb.handles.run import Run
from wan_nb.magics.changed_order import ChangedOrder, keep_order, order_names
from wan_nb.terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wan_nb.api.request import VideoRequest
    from wan_nb.handles.race import Race
    from wan_nb.handles.session import Session
    from wan_nb.handles.study import Study
    from wan_nb.magics.notebook import Notebook

__all__ = ["run_cell", "study_text"]


def run_cell(notebook: Notebook, line: str, body: str) -> Any:
    """Run a ``%%wan`` cell.

    Returns
    -------
    Run, Study, DryRun or None
        None when a ``;`` silences the cell, and for ``--help``.
    """
    cell = Cell.parse(line, body, lambda word: expand(word, notebook.materials, allow_objects=True))
    if cell.help:
        from wan_nb.magics.help import cell_help

        say(cell_help())
        return None
    _refuse_bare_names(cell, notebook.names)
    act = _study if cell.is_study else _dry_run if cell.dry_run else _run
    result = act(notebook, cell)
    return None if cell.silent else result


def _refuse_bare_names(cell: Cell, names: Mapping[str, Any]) -> None:
    for field in catalog.MATERIALS:
        given = cell.fields.get(field)
        one = [*given.values()] if isinstance(given, dict) else given if isinstance(given, list) else [given]
        refuse_bare_name(field, [*one, *cell.vary.get(field, ())], names)


def _run(notebook: Notebook, cell: Cell) -> Any:
    """One clip."""
    prompt = _prompt(notebook, cell)
    session = notebook.session()
    notebook.user()
    fields = _probed(session, cell.fields)
    options: dict[str, Any] = {"name": cell.name, "tags": cell.tags, "take": cell.take, "max_cost": cell.max_cost}
    names = order_names(cell)  # of the cell that runs now: a click comes later

    def buy(most: float | None) -> Run:
        run = session.submit(prompt, **{**options, "max_cost": most}, **fields)
        keep_order(session, names, cell, run)
        _keep_result(notebook, cell, run)
        return run

    with _keeping_failed_run(notebook, cell):
        request = session.request(prompt, **fields)
        ask = Ask(request, name=cell.name, take=cell.take)
        changed = ChangedOrder.of(session, cell, [ask], [request.public()])
        if changed is None or changed.allowed(notebook, cell):
            _say_before_paying(session, cell, request)
            most = cell.max_cost if changed is None or cell.max_cost is not None else changed.price
            return _wait_and_show(notebook, cell, buy(most))
    # It is not waited for: what is shown after a wait takes the place of the offer.
    _keep_result(notebook, cell, changed.old)
    return changed.offer(cell, lambda: buy(changed.price).row)


def _say_before_paying(session: Session, cell: Cell, request: VideoRequest) -> None:
    """Where a clip is going to be bought: its model and price, and what a person may not think of."""
    workspace = session.workspace
    if workspace.known(workspace.fingerprints([Ask(request, name=cell.name)]), cell.take) == [None]:
        if not (cell.silent or front_end().live or front_end().unattended):  # there board and card tell it
            say(f"{request.model}: {request.mode}, {request.estimate(workspace.region).told}.")
        for note in request.notes:
            say(note)


def _study(notebook: Notebook, cell: Cell) -> Any:
    """Several clips: the plan, bought at once only with ``--max-cost``."""
    buys = cell.max_cost is not None and not cell.dry_run
    if not (buys or cell.dry_run) and (notebook.in_batch or cell.wait):
        why = "where nobody can press Buy, a study" if notebook.in_batch else "a study that is waited for"
        raise InvalidOption(f"{why} needs --max-cost.", remedy="--dry-run shows its plan and its price.")
    session = notebook.session()
    notebook.user()
    variants = {label or "A": study_text(text, cell, notebook.names) for label, text in cell.variants}
    fields = _probed(session, cell.fields)
    planned: dict[str, Any] = {"name": cell.name, "seeds": cell.seeds, "vary": dict(cell.vary), "tags": cell.tags,
                               "take": cell.take}  # fmt: skip
    racing: dict[str, Any] = {"max_cost": cell.max_cost, "criterion": cell.criterion}
    if cell.dry_run:
        from wan_nb.handles.study import Study
        from wan_nb.magics.dry_run import DryRun
        from wan_nb.studies.planned_study import PlannedStudy

        # What is only tried is not the session's last study.
        tried = Study(session, PlannedStudy.chosen(session.workspace, session.material, variants, fields, **planned))
        if cell.race:
            return _keep_result(notebook, cell, _tried_race(session, tried.race(**racing)))
        return _keep_result(notebook, cell, DryRun.of(session.workspace, tried.asks(), notes=tried.notes))
    study = session.study(variants, **planned, **fields)
    if cell.race:
        return _raced(notebook, cell, study, _keep_result(notebook, cell, study.race(**racing)), buys=buys)
    return _compared(notebook, cell, study, buys=buys)


def _raced(notebook: Notebook, cell: Cell, study: Study, race: Race, *, buys: bool) -> Any:
    """The race of a cell, with the step that is due where `buys`."""
    if not buys:
        return race
    changed = ChangedOrder.of(study.session, cell, race.asks(), study.written())
    if changed is not None and not changed.allowed(notebook, cell):
        changed.say()
        return race  # whose page has a button
    race.submit()
    keep_order(study.session, order_names(cell), cell, study)
    return _wait_and_show(notebook, cell, race)


def _compared(notebook: Notebook, cell: Cell, study: Study, *, buys: bool) -> Any:
    """The study of a cell: its plan, or bought where `buys`."""
    session, names = study.session, order_names(cell)

    def buy(max_cost: float | None) -> None:
        _keep_result(notebook, cell, study).submit(max_cost=max_cost)
        keep_order(session, names, cell, study)

    changed = ChangedOrder.of(session, cell, study.asks(), study.written()) or ChangedOrder.hiding(cell, study)
    if changed is not None and not (buys and changed.allowed(notebook, cell)):
        changed.keep(cell)
        _keep_result(notebook, cell, study if isinstance(changed.old, Run) else changed.old)
        return changed.offer_plan(cell, study, buy)
    state = study.state()
    if not buys:
        if not state.missing:
            keep_order(session, names, cell, study)
        return _keep_result(notebook, cell, study)
    for line in (*dict.fromkeys(note for n in state.missing for note in state.requests[n].notes), *state.changes):
        say(line)
    buy(cell.max_cost)
    return _wait_and_show(notebook, cell, study)


def _tried_race(session: Session, race: Any) -> Any:
    from wan_nb.magics.dry_run import DryRun

    return DryRun.of(session.workspace, race.asks(), notes=[race.outlook], race=race.plan)


def _dry_run(notebook: Notebook, cell: Cell) -> Any:
    from wan_nb.magics.dry_run import DryRun

    prompt = _prompt(notebook, cell)
    session = notebook.session()
    ask = Ask(session.request(prompt, **cell.fields), name=cell.name, take=cell.take)
    return _keep_result(notebook, cell, DryRun.of(session.workspace, [ask]))


def _probed(session: Session, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with their materials probed, and one line for each that is not quite what the person may think."""
    probed = dict(fields)
    if (model := probed.get("model")) and model not in catalog.MODELS:
        say(f"model: {model} is not known here; checks and price are those of {catalog.model(model).name}.")
    model = catalog.model_for({**probed, "model": probed.get("model") or session.settings.model})
    for name in catalog.MATERIALS:
        if name in probed:
            probed[name] = session.material(probed[name], name, model=model)
            for _, medium in numbered(probed[name]):
                if medium.note:
                    say(f"{name}: {medium.note}")  # what is sent is not quite what was given
    return probed


def _prompt(notebook: Notebook, cell: Cell) -> str:
    text = cell.variants[0][1]
    return text if cell.raw else str(expand(text, notebook.names))


def study_text(text: str, cell: Cell, names: Mapping[str, Any]) -> str:
    r"""Variant of a study with the user's variables filled in, and only the varied placeholders left.

    >>> cell = Cell.parse("--vary mood=calm,wild", r"a {{mood}} {{pet}} in \{{braces}}")
    >>> print(study_text(cell.variants[0][1], cell, {"pet": "cat"}))
    a {{mood}} cat in \{{braces}}
    """
    # NUL cannot be typed into a prompt, so these stand-ins survive the first filling and mean nothing else.
    stand_ins = {key: f"\0{key}\0" for key in cell.vary if key not in catalog.BY_NAME}
    filled = text if cell.raw else str(expand(text, {**names, **stand_ins}))
    if not stand_ins:
        return filled  # without a varied placeholder the study takes its prompts as they are
    left = filled.replace("{{", r"\{{")
    for key, stand_in in stand_ins.items():
        left = left.replace(stand_in, f"{{{{{key}}}}}")
    if expand(left, stand_ins) != filled:
        raise InvalidOption(
            "a varied placeholder stands right behind a { or a backslash, with which it reads as something else.",
            remedy="Put a space between them.",
        )
    return left


# -- keeping, waiting, showing ---------------------------------------------------------------------------------------


def _keep_result(notebook: Notebook, cell: Cell, thing: Any) -> Any:
    if cell.out:
        notebook.set_variable(cell.out, thing)
    return thing


@contextmanager
def _keeping_failed_run(notebook: Notebook, cell: Cell) -> Iterator[None]:
    """On an error the variable holds the run that it happened to, if there is one: it may have been paid."""
    try:
        yield
    except WanError as error:
        if error.run_id:
            _keep_result(notebook, cell, notebook.session().run(error.run_id))
        raise


def _wait_and_show(notebook: Notebook, cell: Cell, thing: Any) -> Any:
    """The run or study, after its end where the cell waits.

    Somebody who sits there sees it live meanwhile; the result then takes the place of the live view, so that the cell
    shows one clip, not two. Elsewhere one picture at the end is all that there is to show.
    """
    waits = cell.wait if cell.wait is not None else notebook.wait if notebook.wait is not None else front_end().waits
    if not waits:
        return thing
    from IPython.display import clear_output, display

    live = front_end().live and not cell.silent
    if live:
        display(thing)  # type: ignore[no-untyped-call]
    try:
        thing.wait()
    except BaseException:
        if not live and not cell.silent:
            display(thing)  # type: ignore[no-untyped-call]
        raise
    if live:
        clear_output(wait=True)  # type: ignore[no-untyped-call]
    return thing
