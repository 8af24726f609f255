"""Several pieces in one output of a cell, each of which can change.

With several outputs, a second page of the notebook in real-time collaboration shows them in another order or not at all
once the first of them has changed (measured in jupyter-collaboration 5.0).
"""

from __future__ import annotations

import contextvars
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wan_nb.frontends import in_lab
from wan_nb.html.text import joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Part", "one_output", "publish", "shared_output"]


class Part:
    """What stands in for the handle of an output in a piece of it."""

    def __init__(self, whole: _OneOutput, bundle: Mapping[str, str]) -> None:
        self._whole, self.bundle = whole, dict(bundle)

    def update(self, bundle: Mapping[str, str], **_: Any) -> None:
        """Bring this piece up to date, and leave the others."""
        self._whole.change(self, bundle)


class _OneOutput:
    """Pieces that are shown one below the other in one output, each brought up to date by itself."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._handle: Any = None
        self._lock = threading.Lock()

    def add(self, bundle: Mapping[str, str]) -> Part:
        """One more piece at the end."""
        part = Part(self, bundle)
        self._parts.append(part)
        return part

    def change(self, part: Part, bundle: Mapping[str, str]) -> None:
        """Give a piece another content."""
        with self._lock:
            part.bundle = dict(bundle)
            if self.published:
                self._handle.update(self._bundle(), raw=True)

    @property
    def published(self) -> bool:
        """Whether it stands in its cell, and takes no further piece."""
        return self._handle is not None

    def show(self) -> None:
        """Put what there is into the cell."""
        with self._lock:
            self._handle = publish(self._bundle())

    def _bundle(self) -> dict[str, str]:
        return joined([part.bundle for part in self._parts])


_one: contextvars.ContextVar[_OneOutput | None] = contextvars.ContextVar("one", default=None)


def publish(bundle: Mapping[str, Any]) -> Any:
    """Show a MIME bundle in the running cell; returns its handle."""
    from IPython.display import display

    return display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]


@contextmanager
def one_output() -> Iterator[None]:
    """Let everything that is displayed inside be one output of the cell, where widgets live in plain HTML.

    Also a decorator.
    """
    if not in_lab() or shared_output() is not None:
        yield
        return
    whole = _OneOutput()
    token = _one.set(whole)
    try:
        yield
    finally:
        _one.reset(token)
        whole.show()


def shared_output() -> _OneOutput | None:
    """The output that takes what is displayed now, inside of `one_output`."""
    whole = _one.get()  # a context that was copied inside outlives it
    return None if whole is None or whole.published else whole
