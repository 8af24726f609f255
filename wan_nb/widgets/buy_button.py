"""The button under a plan: one click, one purchase."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import traitlets

from wan_nb.errors import WanError
from wan_nb.html.text import plain
from wan_nb.widgets.assets import module, styles
from wan_nb.widgets.base import NotebookWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

__all__ = ["BuyButton"]


class BuyButton(NotebookWidget):
    """A button that buys, with a message beside it when nothing was bought.

    Parameters
    ----------
    label : str
        On the button.
    buy : coroutine function
        What a click does, on the loop thread. When it fails the button can be pressed again.
    post : callable
        Starts a coroutine on the loop thread: `LoopThread.start`.
    main : bool
        Whether it is what its cell proposes.
    """

    _esm = module("dom", "host_page", "buy_button")
    _css = styles("base")

    label = traitlets.Unicode().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    busy = traitlets.Bool(default_value=False).tag(sync=True)
    main = traitlets.Bool(default_value=True).tag(sync=True)

    def __init__(
        self,
        label: str,
        buy: Callable[[], Coroutine[Any, Any, None]],
        *,
        post: Callable[[Coroutine[Any, Any, Any]], object],
        main: bool = True,
    ) -> None:
        self._buy = buy
        self._buying = threading.Lock()
        super().__init__(post=post, label=label, main=main)
        self.on_msg(self._on_message)

    def _on_message(self, _widget: Any, content: Mapping[str, Any], _buffers: list[Any]) -> None:
        if content.get("kind") == "buy" and self._buying.acquire(blocking=False):
            self._post(self._clicked())

    async def press(self) -> str:
        """Do what a click does, on the loop thread; returns why nothing was bought."""
        if self._buying.acquire(blocking=False):
            await self._clicked()
        return "" if self.busy else self.message

    def ready(self, label: str) -> None:
        """Take another click, after one that has bought."""
        self._buying.release()
        self.busy, self.message, self.label, self.main = False, "", label, True

    async def _clicked(self) -> None:
        self.busy, self.message = True, "Sending …"
        try:
            await self._buy()
        except WanError as error:
            self._buying.release()
            self.busy, self.message = False, plain(str(error), 400)
