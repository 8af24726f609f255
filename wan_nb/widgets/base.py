"""Widgets that leave plain HTML in the saved notebook from their first moment on.

A saved output that holds a widget is an error text wherever its kernel is gone ("Loading widget", "model not found"),
and JupyterLab takes the widget even where the same bundle holds HTML (measured). So a widget is displayed as such,
which every front end understands; a page that can do more says so at once (``renderInHtml`` of ``host_page.js``), and
then the output is replaced, by its display id, with HTML alone, in which the page goes on showing the widget for as
long as its kernel is there. What is saved, loaded again, exported or opened elsewhere is that HTML.
"""

from __future__ import annotations

import contextvars
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from wan_nb.frontends import front_end
from wan_nb.html.text import AS_TYPED, WIDGET, new_place, with_place
from wan_nb.widgets.output.one_output import Part, shared_output

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

__all__ = ["NOTHING", "NotebookWidget", "answer_at_once"]

NOTHING = {"text/html": "", "text/plain": ""}
"""What stands in for a widget beside whose output another one holds the picture."""


def answer_at_once(widget: Any) -> None:
    """Let a widget hear clicks while a cell runs, where the kernel has subshells.

    ipykernel 7.4 sends each message of a comm to the shell that last spoke on it, which for a widget made in a cell is
    the busy main shell: a click then waits for the cell (measured: 7 s of a 7 s cell; 0.12 s with this line). The name
    is private, so its absence is fine; other versions, 6.x and front ends without subshells stay as they are.
    """
    comm: Any = getattr(widget, "comm", None)
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, default: default


def _at_once(work: Coroutine[Any, Any, Any]) -> None:
    """Run, in the calling thread, a coroutine that waits for nothing."""
    with suppress(StopIteration):
        work.send(None)


class NotebookWidget(anywidget.AnyWidget):
    """A widget with a place in the notebook that outlives it.

    Parameters
    ----------
    post : callable, optional
        Starts a coroutine where outputs are changed: ``session.loop.start`` where others change this one too.
    **traits
        Of the widget.
    """

    place = traitlets.Unicode().tag(sync=True)
    """Class of the HTML elements in which a page shows the widget."""

    def __init__(self, *, post: Callable[[Coroutine[Any, Any, Any]], object] = _at_once, **traits: Any) -> None:
        self._post = post
        self.in_html = False  # whether the page shows it in plain HTML
        self._output: tuple[Any, Mapping[str, str]] | None = None
        self._cell = contextvars.copy_context()
        super().__init__(**{"place": new_place(), "_dom_classes": tuple(AS_TYPED.split()), **traits})
        self.on_msg(self._on_page)
        answer_at_once(self)

    def open(self) -> None:
        """Tell the front end of the widget, unless nobody is there to see it: its state would be saved for nothing."""
        if front_end().live:
            super().open()

    def bundle(self, static: Mapping[str, str]) -> dict[str, Any]:
        """MIME bundle of an output that shows the widget, and `static` where there is no kernel."""
        self.in_html = self.in_html or shared_output() is not None
        if self.in_html:
            return {**static, "text/html": f'<div class="{self.place} {AS_TYPED}">{static["text/html"]}</div>'}
        if front_end().name == "marimo":  # which takes the widget itself
            return {WIDGET: self, **static}
        widget: Any = self._repr_mimebundle_()
        return {**(widget[0] if isinstance(widget, tuple) else widget), **static}

    def shown_by(self, handle: Any, static: Mapping[str, str]) -> None:
        """Take note of the output that shows `bundle`; its handle is None where there is none."""
        self._output = (handle, static) if handle is not None and not isinstance(handle, Part) else None
        if self.in_html and self._output is not None:  # the page was faster than this thread
            self._post(self._leave_html())

    def leave(self, last: Mapping[str, str], *, beneath: bool = False) -> dict[str, str]:
        """Give the output to a static bundle; returns it, with a place beneath for what is still of use if asked."""
        self._output = None
        return with_place(last, self.place) if beneath and self.in_html else {**last}

    def _on_page(self, _widget: Any, content: Mapping[str, Any], _buffers: list[Any]) -> None:
        if content.get("kind") == "place":
            self._post(self._leave_html())

    async def _leave_html(self) -> None:
        """Leave HTML alone in the output; done where outputs are changed, so that nobody's later output is lost."""
        self.in_html = True
        output, self._output = self._output, None
        if output is not None:
            handle, static = output
            self._cell.copy().run(handle.update, self.bundle(static), raw=True)
