"""The outputs that show runs, and how they are kept up to date: one `View` per output, `Views` per workspace.

A widget that was saved and opened again shows "Error displaying widget: model not found", so when the last run of a
view has ended its output is replaced, by its display id, with a bundle that holds no widget. Under nbclient and
papermill there is never a widget: those accept messages of a cell only while it runs, so whoever waits publishes again.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from wan_nb import arguments
from wan_nb.engine.loop import Worker, load
from wan_nb.errors import InvalidOption, LogError
from wan_nb.frontends import front_end, in_jupyter, shell
from wan_nb.html import code as snippets
from wan_nb.html.text import WIDGET, bundle, money, new_place, take_kept, with_place
from wan_nb.imports import imported
from wan_nb.log.marks import columns
from wan_nb.log.states import FINAL
from wan_nb.terminal import say, spelled
from wan_nb.widgets.output.one_output import Part, publish, shared_output
from wan_nb.widgets.output.static_outputs import run_bundle, runs_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.reading.takes import Takes
    from wan_nb.log.row import Row
    from wan_nb.widgets.board import Board

__all__ = ["View", "Views", "as_value", "display"]

HISTORY = 200
"""Newest runs of the log that a board of everything begins with."""

NOTHING = "No runs yet. A cell that starts with %%wan makes one."


class Comparison(Protocol):
    """What `View` needs of a comparison: `wan_nb.widgets.compare.CompareWidget` knows this file."""

    in_html: bool

    def bundle(self, static: Mapping[str, str]) -> dict[str, Any]:
        """MIME bundle of an output that shows it."""

    def static_bundle(self) -> dict[str, str]:
        """MIME bundle of what is left where there is no kernel."""


_pieces: contextvars.ContextVar[list[Any] | None] = contextvars.ContextVar("pieces", default=None)


class _NoHandle:
    """The handle of an output of marimo, which cannot be brought up to date: widgets there move by themselves."""

    def update(self, *_: Any, **__: Any) -> None:
        """Do nothing."""


def as_value(show: Callable[[], object]) -> Any:
    """What `show` puts into a cell, as one value: marimo shows the last value of a cell, and nothing else lives on."""
    pieces: list[Any] = []
    token = _pieces.set(pieces)
    try:
        show()
    finally:
        _pieces.reset(token)
    marimo: Any = imported("marimo")
    return marimo.vstack(pieces) if len(pieces) != 1 else pieces[0]


def _display_in_marimo(bundle: dict[str, Any]) -> _NoHandle:
    marimo: Any = imported("marimo")
    widget, page = bundle.get(WIDGET), bundle["text/html"]
    pieces = _pieces.get()
    if widget is not None or page:
        piece = marimo.Html(page) if widget is None else marimo.ui.anywidget(widget)
        if pieces is None:
            marimo.output.append(piece)
        else:
            pieces.append(piece)
    return _NoHandle()


def display(bundle: dict[str, Any]) -> Any:
    """Show a MIME bundle in the running cell; returns its handle, or None where there is nothing but print."""
    if front_end().name == "marimo":
        return _display_in_marimo(bundle)
    if (whole := shared_output()) is not None:
        return whole.add(bundle)
    if shell() is None:
        say(bundle["text/plain"])  # there is nothing else to show it with
        return None
    return publish(bundle)


def _board_and_usual() -> tuple[type[Board], Callable[..., float | None]]:
    from wan_nb.widgets.board import Board, usual

    return Board, usual


class Views:
    """What this kernel has shown of one workspace, so that it can be brought up to date.

    Parameters
    ----------
    workspace : Workspace
    again : callable
        Buys another clip of a run, given its id, and returns the id of the new one; called in a worker thread.
    compare : callable
        The widget that shows some rows side by side; called in a worker thread.
    """

    def __init__(
        self, workspace: Workspace, again: Callable[[str], str], compare: Callable[[Sequence[Row]], Comparison]
    ) -> None:
        self.workspace, self.again, self.compare = workspace, again, compare
        self.clicks = Worker("clicks")
        self._views: list[View] = []

    def show(self, rows: Sequence[Row], *, follow: bool = False, title: str = "", note: str = "") -> View:
        """Open an output: live if something may still happen and somebody sits there, else the static picture."""
        view = View(self, rows, follow=follow, title=title, note=note)
        self._views = [old for old in self._views if not old.ended or old.open_end]
        self._views.append(view)
        view.open()
        return view

    def show_all(self) -> View:
        """Open a board of what is newest or open in the log, and of what comes."""
        newest = self.workspace.log.find(limit=HISTORY)
        known = {row.run_id for row in newest}
        older = [row for row in self.workspace.log.open_rows() if row.run_id not in known]
        return self.show([*newest, *older], follow=True)

    def show_empty(self) -> View:
        """Open an output that is empty until runs are added to it."""
        view = View(self, [], follow=False, title="", note="", open_end=True)
        self._views.append(view)
        view.open()
        return view

    async def offer(
        self, run_ids: set[str], text: str, button: str, order: Callable[[], Coroutine[Any, Any, str]]
    ) -> None:
        """Say something above each live board that shows one of these runs, with a button; on the loop thread.

        Parameters
        ----------
        run_ids : set of str
        text, button : str
            Empty where what was said goes.
        order : coroutine function
            What a click does; returns why nothing came of it.
        """
        for view in self._views:
            if view.live and view.board is not None and run_ids & set(view.rows):
                view.board.offer(text, button, order)

    def republish(self, run_ids: set[str]) -> None:
        """Bring the static outputs of some runs up to date, from the calling thread."""
        for view in self._views:
            shown = run_ids & set(view.rows)
            if shown and view.handle is not None and not view.live:
                view.rows.update({run_id: view.relabelled(self.workspace.row(run_id)) for run_id in shown})
                view.handle.update(view.final_bundle(), raw=True)


class View:
    """One output of one cell."""

    def __init__(
        self, views: Views, rows: Sequence[Row], *, follow: bool, title: str, note: str, open_end: bool = False
    ) -> None:
        self.views, self.workspace = views, views.workspace
        self.rows = {row.run_id: row for row in rows}
        self.follow, self.title, self.note = follow, title, note
        self.open_end, self.live = open_end, False
        self.handle: Any = None
        self.board: Board | None = None
        self.comparison: Comparison | None = None
        self._place = ""
        self._earlier: set[str] = set()
        self._usual: dict[tuple[Any, ...], float | None] = {}
        self._takes: dict[str, Takes] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._money = ""
        # The cell that shows it. What is sent later, from the loop thread, is sent on its behalf.
        self._context = contextvars.copy_context()
        self._stop: Callable[[], None] = _nothing

    @property
    def ended(self) -> bool:
        """Whether nothing here can change any more."""
        return all(row.status in FINAL for row in self.rows.values())

    def bundle(self, *, pictures: bool = True) -> dict[str, str]:
        """Static picture of the state as it is now."""
        rows = list(self.rows.values())
        if self.open_end and not rows:
            return bundle("", "")
        if len(rows) == 1 and not self.follow:
            return run_bundle(self.workspace, rows[0], note=self.note)
        return runs_bundle(self.workspace, rows, title=self.title, pictures=pictures)

    def final_bundle(self) -> dict[str, str]:
        """What an output holds that is not live: the picture, and under that of one run what is still of use."""
        bundle = self.bundle()
        if self.board is None:
            return bundle
        bundle = self.board.leave(bundle, beneath=len(self.rows) == 1)
        if self.comparison is None:
            return bundle
        beneath = self.comparison.bundle(self.comparison.static_bundle())
        return {name: f"{bundle[name]}\n{beneath[name]}" for name in bundle}

    def open(self) -> None:
        """Put it into the running cell."""
        if front_end().live and (self.open_end or self.follow or not self.ended):
            static = self._make_live()
            self.handle = display(self._board().bundle(static))
            self._board().shown_by(self.handle, static)
            if not self.open_end:  # which has nothing to hear of before its first run
                self._listen()
                self.workspace.loop.start(self._begin())
        elif len(self.rows) == 1 and front_end().live and in_jupyter():
            self._place = new_place()
            self.handle = display(with_place(self.bundle(), self._place))
            self.workspace.loop.start(self._furnish())
        else:
            self.handle = display(self.bundle())

    async def _furnish(self) -> None:
        """Fill the place beneath the card of a run that had ended before it was shown."""
        with suppress(LogError):  # the session was closed meanwhile
            await self.workspace.account.ask_log(self._learn_earlier)
            board = await self.views.clicks.do(self._board)
            board.in_html = True

    async def add(self, row: Row) -> None:
        """Show one more run, on the loop thread; an output that had come to rest is live again."""
        self.rows[row.run_id] = row
        if not self.live:
            static = await self.views.clicks.do(self._make_live)
            self.handle.update(self._board().bundle(static), raw=True)
        self._listen()
        self._board().put(self._json(row))
        await self._begin()

    def _make_live(self) -> dict[str, str]:
        """Make ready for a live output; returns what stands in for it where there is no kernel."""
        self.live = True
        for row in self.rows.values():
            self._learn_usual(row)
        self._learn_takes([row.fingerprint for row in self.rows.values()])
        self._money = self._spent()
        # It is saved with every save while the runs go on: words are enough for so long.
        return self.bundle(pictures=self.ended)

    def _board(self) -> Board:
        """The widget, made once: pages that were loaded again know no other."""
        if self.board is None:
            board, _ = load(_board_and_usual)
            actions: dict[str, Callable[..., Any]] = {
                "cancel": self._cancel,
                "again": self._again,
                "pin": self._pin,
                "clip": self._clip,
                "strip": self._strip,
                "compare": self._compare,
                "mark": self._mark,
                "frame": self._frame,
            }
            self.board = board(
                [self._json(row) for row in self.rows.values()],
                post=self.workspace.loop.start,
                actions={**actions, "code": self._code},
                title=self.title,
                empty="" if self.open_end else spelled(NOTHING),
                money=lambda: self._money,
                alive=lambda: not self.workspace.closed,
                place=self._place,
                notify=lambda: self.workspace.settings.notify,
                set_notify=lambda on: self.workspace.change(notify=on),
            )
            self.board.in_html = isinstance(self.handle, Part)
        return self.board

    def _listen(self) -> None:
        if self._stop is _nothing:
            self._stop = self.workspace.subscribe(self._on_change)

    async def _begin(self) -> None:
        """Tell, on the loop thread, what happened between reading the rows and listening."""
        await self._board().start()
        for run_id in list(self.rows):
            self._on_change(await self.workspace.account.ask_log(self.workspace.log.get, run_id))

    def _on_change(self, row: Row) -> None:
        """News of a row, on the loop thread."""
        row = self.relabelled(row)
        if (row.run_id in self.rows or self.follow) and self.rows.get(row.run_id) != row:
            self._put(row)

    def relabelled(self, row: Row) -> Row:
        """A newer row under the labels that it is shown with: those of the study that was asked for."""
        known = self.rows.get(row.run_id)
        return row if known is None else replace(row, study=known.study, variant=known.variant, block=known.block)

    def _put(self, row: Row) -> None:
        known = self.rows.get(row.run_id)
        self.rows[row.run_id] = row
        self._board().put(self._json(row))
        if known is None or row.status in FINAL:
            task = asyncio.get_running_loop().create_task(self._after_change(row), context=self._context)
            self._tasks.add(task)  # the loop itself holds a task only weakly
            task.add_done_callback(self._tasks.discard)

    async def _after_change(self, row: Row) -> None:
        """A run began or ended: history and sums are read anew; the last end replaces the widget."""
        try:
            await self.workspace.account.ask_log(self._learn_usual, row)
            await self.workspace.account.ask_log(self._learn_earlier)
            await self.workspace.account.ask_log(self._learn_takes, [row.fingerprint])
            self._money = await self.workspace.account.ask_log(self._spent)
        except LogError:
            return  # the session was closed meanwhile: the beats stop, and the page calls the board stale
        self._board().put(self._json(self.rows[row.run_id]))
        if self.ended and self.live:
            await self._make_static()

    async def _make_static(self) -> None:
        """Nothing goes on: the output becomes the static picture of the end.

        The widget stays open: a page that was loaded again does not hear of the replacement (measured), and there the
        board goes on showing the end and playing the clip. So it does where it waits for more, beside that picture.
        """
        board = self._board()
        if self.follow and board.in_html:
            self.handle.update(board.bundle(await self.views.clicks.do(self.bundle)), raw=True)
            return
        self._stop()
        self._stop, self.live = _nothing, False
        last = await self.views.clicks.do(self.final_bundle)
        if not self.live:  # nothing was added in the meantime
            self.handle.update(last, raw=True)

    # --- what a row says

    def _json(self, row: Row) -> dict[str, Any]:
        from wan_nb.widgets.board import board_row

        usual = self._usual.get((str(row.model), str(row.resolution), int(row.duration or 0)))
        takes = self._takes.get(row.fingerprint)
        return board_row(
            row,
            video=self.workspace.video(row),
            folder=self.workspace.notebook,
            expected_s=usual,
            earlier=row.run_id in self._earlier,
            take=takes.told(row) if takes else "",
            pinnable=takes is not None and takes.pinned != row.take and row.status == "SUCCEEDED",
        )

    def _learn_takes(self, fingerprints: list[str]) -> None:
        """The other takes of what is shown."""
        self._takes.update(zip(fingerprints, self.workspace.takes(fingerprints), strict=True))

    def _learn_earlier(self) -> None:
        """Whether there is a clip to compare the one that is shown with."""
        if len(self.rows) == 1 and not self.follow:
            self._earlier = {row.run_id for row in self.rows.values() if self.workspace.before(row) is not None}

    def _learn_usual(self, row: Row) -> None:
        """Usual run time of such requests, from this log."""
        _, usual = load(_board_and_usual)
        key = (str(row.model), str(row.resolution), int(row.duration or 0))
        self._usual[key] = usual(self.workspace.log.durations(*key, simulated=row.simulated))

    def _spent(self) -> str:
        if len(self.rows) == 1 and not self.follow:
            return ""
        currency = self.workspace.region.currency
        cap = self.workspace.settings.budget.get(currency)
        spent = money(self.workspace.spent(currency), currency)
        return f"{spent} of {cap:,.2f} used in 24 h" if cap is not None else f"{spent} used in 24 h"

    # --- what a click does, on the loop thread

    async def _cancel(self, run_id: str) -> str:
        await self.workspace.runner.cancel(run_id)
        return ""

    async def _again(self, run_id: str) -> str:
        fresh = await self.views.clicks.do(self.views.again, run_id)
        row = await self.workspace.account.ask_log(self.workspace.row, fresh)
        if fresh not in self.rows:
            await self.add(row)
        await self._retold(row.fingerprint)
        return take_kept(row)

    async def _pin(self, run_id: str) -> str:
        row = await self.workspace.account.ask_log(self.workspace.pin, run_id)
        await self._retold(row.fingerprint)
        return f"Cells that name no take show take {row.take} from now on."

    async def _retold(self, fingerprint: str) -> None:
        """Tell every row of a request which take it is now."""
        await self.workspace.account.ask_log(self._learn_takes, [fingerprint])
        for row in [each for each in self.rows.values() if each.fingerprint == fingerprint]:
            self._board().put(self._json(row))

    async def _compare(self, run_id: str) -> str:
        """Show the clip beside the one before it, beneath its card; a second click takes that away."""
        if not self._board().in_html or len(self.rows) != 1:
            return spelled("`%wan compare` in a cell shows both.")
        if self.comparison is not None:
            self.comparison = None
        else:
            row = self.rows[run_id]
            earlier = await self.workspace.account.ask_log(self.workspace.before, row)
            if earlier is None:
                return "There is no other clip on this material yet."
            self.comparison = await self.views.clicks.do(self.views.compare, [earlier, row])
            self.comparison.in_html = True
        self.handle.update(await self.views.clicks.do(self.final_bundle), raw=True)
        return ""

    async def _mark(self, run_id: str, mark: Any) -> str:
        """Write what a person says of the clip: to every board, and to the card."""
        if not isinstance(mark, Mapping):
            raise InvalidOption("a mark is stars, a note or tags.")
        row = await self.workspace.account.ask_log(self.workspace.row, run_id)
        changed = partial(self.workspace.write, run_id, **columns(row, mark))
        row = self.relabelled(await self.views.clicks.do(changed))
        self.rows[run_id] = row
        self._board().put(self._json(row))
        if not self.live and self.handle is not None:
            self.handle.update(await self.views.clicks.do(self.final_bundle), raw=True)
        return ""

    async def _clip(self, run_id: str) -> bytes:
        path = self.workspace.video(self.rows[run_id])
        if path is None:
            raise InvalidOption("the clip is no longer on disk.", run_id=run_id)
        data: bytes = await self.views.clicks.do(path.read_bytes)
        return data

    async def _strip(self, run_id: str) -> bytes | str:
        return await self.views.clicks.do(self.workspace.strip, self.rows[run_id]) or ""

    async def _frame(self, run_id: str, seconds: Any) -> dict[str, str]:
        at = arguments.amount(seconds, "a frame is taken at seconds from the beginning")
        return {
            "First": f"import wan_nb; frame = wan_nb.run({run_id!r}).frame_at({at:.3f})",
            "Then": "%%wan --first-frame {{frame}}\n",
        }

    async def _code(self, run_id: str) -> dict[str, str]:
        request, order = self.rows[run_id].request, snippets.order_of(self.rows[run_id])
        return {
            "Python": snippets.as_python(*order),
            "%%wan": snippets.as_cell(*order),
            "curl": snippets.as_curl(request, self.workspace.endpoint.base_url),
        }


def _nothing() -> None:
    """What stops a view that does not listen."""
