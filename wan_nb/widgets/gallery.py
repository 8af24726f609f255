"""Any number of runs, a page at a time: the log finds and sorts them, and only the rows of one page are read.

The table is plain HTML, so the page that was seen last stays in the saved notebook; the controls above it are a widget.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import traitlets

from wan_nb.arguments import whole
from wan_nb.errors import WanError
from wan_nb.frontends import front_end
from wan_nb.html.text import STATES, plain
from wan_nb.log.states import Status
from wan_nb.widgets.assets import module, styles
from wan_nb.widgets.base import NOTHING, NotebookWidget
from wan_nb.widgets.output.one_output import one_output
from wan_nb.widgets.output.outputs import display
from wan_nb.widgets.output.static_outputs import page_bundle, small_strip

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row
    from wan_nb.widgets.output.outputs import Views

__all__ = ["MOST_BYTES", "PAGE", "Choice", "Gallery", "show_gallery"]

PAGE = 30
"""Runs on a page."""

MOST_BYTES = 300_000
"""Most that a page adds to a notebook."""

_FEW = 6
"""So many runs are seen at a glance: no controls."""

_STUDIES = 200
"""Names of studies that the controls offer, the newest."""

SORTS = {
    "": "as in the table",
    "-created_at": "newest first",
    "created_at": "oldest first",
    "-rating": "best rated first",
    "-cost": "dearest first",
    "cost": "cheapest first",
    "-run_s": "slowest first",
    "study": "by study",
    "status": "by state",
}
"""Orders that the controls offer, and their names."""

RATINGS = {
    "": "any",
    "5": "5 stars",
    "4": "4 and more",
    "3": "3 and more",
    "2": "2 and more",
    "1": "rated",
    "0": "not rated",
}


@dataclass(frozen=True)
class Choice:
    """What a person wants to see of some runs.

    Attributes
    ----------
    status, study : str or list of str, optional
    text : str, optional
        Words that stand in prompt, note, tags, label or study.
    rating : int, optional
        At least so many stars; 0 for what is not rated.
    sort : str, optional
        A column, with ``-`` before it the largest first; the order of the runs as given without it.
    page : int
    """

    status: Any = None
    study: Any = None
    text: str | None = None
    rating: int | None = None
    sort: str | None = None
    page: int = 1

    @property
    def filters(self) -> dict[str, Any]:
        """As `RunLog.find` takes them."""
        given: dict[str, Any] = {"status": self.status, "study": self.study, "words": self.text}
        found = {name: value for name, value in given.items() if value is not None}
        if self.rating is not None:
            least = whole(self.rating, "a rating is 1 to 5, or 0 for runs that have none", 0, 5)
            found["rating"] = list(range(least, 6)) if least else [None]
        return found

    def call(self, page: int) -> str:
        """The Python that shows another page of the same."""
        given = {"page": page, **{name: value for name, value in asdict(self).items() if name != "page"}}
        return f".wan.play({', '.join(f'{name}={value!r}' for name, value in given.items() if value is not None)})"


class Gallery:
    """The pages of some runs.

    Parameters
    ----------
    workspace : Workspace
    ids : sequence of str
        Of the runs, in their order.
    """

    def __init__(self, workspace: Workspace, ids: Sequence[str]) -> None:
        self.workspace, self.ids = workspace, list(ids)

    def count(self, choice: Choice) -> int:
        """How many of the runs pass."""
        filters = choice.filters
        return self.workspace.log.count(run_id=self.ids, **filters) if filters and self.ids else len(self.ids)

    def rows(self, choice: Choice) -> list[Row]:
        """The runs of a page.

        Raises
        ------
        InvalidOption
            A filter or an order that is none.
        NotFound
            The log does not have one of them.
        """
        log, first, filters = self.workspace.log, (choice.page - 1) * PAGE, choice.filters
        if not filters and not choice.sort:
            few = self.ids[first : first + PAGE]
            found = {row.run_id: row for row in log.find(run_id=few)} if few else {}
            return [found.get(one) or log.get(one) for one in few]
        given = {**filters, "run_id": self.ids, "sort": choice.sort or "given"}
        return log.find(limit=PAGE, offset=first, **given) if self.ids else []

    def title(self, choice: Choice, total: int) -> str:
        """Which of the runs the page shows, and how others are shown."""
        pages, first = self.pages(total), (choice.page - 1) * PAGE
        of = f"{total}" if total == len(self.ids) else f"{total} (of {len(self.ids)})"
        if not total:
            return f"None of these {len(self.ids)} runs passes: {_told(choice)}." if self.ids else ""
        if pages == 1:
            return f"{total} of {len(self.ids)} runs: {_told(choice)}" if choice.filters else ""
        shown = f"Runs {first + 1} to {min(first + PAGE, total)} of {of}"
        return f"{shown}: {choice.call(choice.page % pages + 1)} shows others"

    def bundle(self, choice: Choice, total: int, *, made_only: bool = False) -> dict[str, str]:
        """MIME bundle of a page, of at most `MOST_BYTES`.

        Parameters
        ----------
        choice : Choice
        total : int
            How many runs pass.
        made_only : bool
            Only the pictures that are there already.
        """
        rows, title = self.rows(choice), self.title(choice, total)
        return page_bundle(self.workspace, rows, title=title, most=MOST_BYTES, made_only=made_only)

    def pages(self, total: int) -> int:
        """How many pages so many runs have."""
        return max(-(-total // PAGE), 1)

    def away(self, choice: Choice) -> list[Row]:
        """Runs of the page whose clips are to be fetched from a shared store."""
        there = self.workspace.store.remote is not None
        return [row for row in self.rows(choice) if self._away(row)] if there else []

    def _away(self, row: Row) -> bool:
        return row.status is Status.SUCCEEDED and row.video is not None and self.workspace.video(row) is None

    def lacks_pictures(self, choice: Choice) -> bool:
        """Whether clips of the page have no picture yet."""
        clips = (row for row in self.rows(choice) if self.workspace.video(row))
        return any(small_strip(self.workspace, row, made_only=True) is None for row in clips)


def _told(choice: Choice) -> str:
    given = {"state": choice.status, "study": choice.study, "text": choice.text, "stars": choice.rating}
    return ", ".join(f"{name} {plain(value, 60)}" for name, value in given.items() if value is not None)


class GalleryControls(NotebookWidget):
    """Filters, order and pages of a gallery.

    Parameters
    ----------
    choices : dict
        What can be chosen.
    shown : dict
        What is shown now.
    ask : coroutine function
        Shows what is asked for, on the loop thread.
    post : callable
        Starts a coroutine on the loop thread.
    """

    _esm = module("dom", "host_page", "gallery")
    _css = styles("base", "gallery")

    choices: Any = traitlets.Dict().tag(sync=True)
    shown: Any = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        choices: Mapping[str, Any],
        shown: Mapping[str, Any],
        ask: Callable[[Choice], Coroutine[Any, Any, dict[str, Any]]],
        *,
        post: Callable[[Coroutine[Any, Any, Any]], object],
    ) -> None:
        self._ask, self._busy = ask, False
        self._wanted: tuple[Choice, int] | None = None
        super().__init__(post=post, choices=dict(choices), shown=dict(shown))
        self.on_msg(self._on_message)

    def _on_message(self, _widget: Any, content: Mapping[str, Any], _buffers: list[Any]) -> None:
        if content.get("kind") == "ask":
            of = content.get("of")
            self._post(self.ask(_chosen(content), of if isinstance(of, int) else 0))

    async def ask(self, choice: Choice, of: int = 0) -> None:
        """Show this, on the loop thread; of several that are asked for meanwhile only the last.

        `of` is the number of the question, so that the page that asked knows its answer.
        """
        self._wanted = choice, of
        if self._busy:
            return
        self._busy = True
        try:
            while (wanted := self._wanted) is not None:
                self._wanted = None
                asked, of = wanted
                try:
                    shown = await self._ask(asked)
                except WanError as error:
                    shown = {**self.shown, "said": plain(str(error), 400)}
                # The number makes an answer that is like the last one an answer too.
                self.shown = {**shown, "answer": self.shown.get("answer", 0) + 1, "of": of}
        finally:
            self._busy = False


def _chosen(content: Mapping[str, Any]) -> Choice:
    """What a page asks for; whatever makes no sense is left out."""

    def word(name: str) -> str | None:
        return str(content.get(name) or "").strip()[:200] or None

    stars, page = str(content.get("rating")), 1
    with suppress(TypeError, ValueError, OverflowError):
        page = max(int(content.get("page") or 1), 1)
    return Choice(
        status=status if (status := word("status")) in STATES else None,
        study=word("study"),
        text=word("text"),
        rating=int(stars) if stars and stars in RATINGS else None,
        sort=sort if (sort := word("sort")) in SORTS else None,
        page=page,
    )


@one_output()
def show_gallery(views: Views, gallery: Gallery, choice: Choice) -> None:
    """Show a page, and where somebody sits there the controls above it."""
    total = gallery.count(choice)
    live = front_end().live and front_end().name != "marimo" and len(gallery.ids) > _FEW

    def about(choice: Choice, total: int) -> dict[str, Any]:
        given = {name: "" if value is None else value for name, value in asdict(choice).items()}
        first, last = (choice.page - 1) * PAGE + 1, min(choice.page * PAGE, total)
        said = f"Runs {first} to {last} of {total}" if total else "No run passes."
        return {"choice": given, "pages": gallery.pages(total), "said": said}

    async def ask(asked: Choice) -> dict[str, Any]:
        def look() -> tuple[Choice, int, dict[str, str]]:
            found = gallery.count(asked)
            there = replace(asked, page=min(asked.page, gallery.pages(found)))
            return there, found, gallery.bundle(there, found, made_only=True)

        there, found, page = await views.clicks.do(look)
        table.update(page, raw=True)
        latest[0] = there
        task = asyncio.get_running_loop().create_task(fill(there, found))
        filling.add(task)  # the loop itself holds a task only weakly
        task.add_done_callback(filling.discard)
        return about(there, found)

    async def fill(wanted: Choice, found: int) -> None:
        """Put the clips in that are still to be fetched, and pictures to be made, unless another page is looked at."""
        away = await views.clicks.do(gallery.away, wanted)
        with suppress(WanError):  # what cannot be fetched is shown without a picture
            if away:  # the runner is opened on first use, which waits for this thread
                downloads = await views.clicks.do(lambda: views.workspace.runner.downloads)
            for row in away:
                if latest[0] == wanted:
                    await downloads.copy_shared(row)
        lacks = bool(away) or await views.clicks.do(gallery.lacks_pictures, wanted)
        if lacks and latest[0] == wanted:
            page = await views.clicks.do(gallery.bundle, wanted, found)
            if latest[0] == wanted:
                table.update(page, raw=True)

    latest, filling = [choice], set[asyncio.Task[None]]()
    if live:
        choices = {
            "states": [["", "any"], *([name, state.word] for name, state in STATES.items())],
            "studies": [plain(name, 80) for name in views.workspace.log.studies()[:_STUDIES]],
            "ratings": [[key, word] for key, word in RATINGS.items()],
            "sorts": [[key, word] for key, word in SORTS.items()],
        }
        controls = GalleryControls(choices, about(choice, total), ask, post=views.workspace.loop.start)
        controls.shown_by(display(controls.bundle(NOTHING)), NOTHING)
    else:
        with suppress(WanError):
            views.workspace.bring(gallery.away(choice))
    table = display(gallery.bundle(choice, total, made_only=live))
    if live:
        views.workspace.loop.start(fill(choice, total))
