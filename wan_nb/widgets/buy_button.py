"""The button under a plan: one click, one purchase."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import traitlets

from wan_nb.errors import WanError
from wan_nb.html.text import plain
from wan_nb.widgets.assets import module, styles
from wan_nb.widgets.base import PlacedWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

__all__ = ["Offer"]


class Offer(PlacedWidget):
    """A button that orders, and says beside itself why nothing came of it.

    Parameters
    ----------
    words : str
        On the button.
    buy : coroutine function
        What a click does, on the loop thread. When it fails the button can be pressed again.
    post : callable
        Starts a coroutine on the loop thread: ``session.loop.start``.
    """

    _esm = module("dom", "host", "offer")
    _css = styles("base")

    words = traitlets.Unicode().tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)
    busy = traitlets.Bool(default_value=False).tag(sync=True)

    def __init__(
        self,
        words: str,
        buy: Callable[[], Coroutine[Any, Any, None]],
        *,
        post: Callable[[Coroutine[Any, Any, Any]], object],
    ) -> None:
        self._buy = buy
        self._buying = threading.Lock()
        super().__init__(post=post, words=words)
        self.on_msg(self._hear)

    def _hear(self, _widget: Any, content: Mapping[str, Any], _buffers: list[Any]) -> None:
        if content.get("kind") == "buy" and self._buying.acquire(blocking=False):
            self._post(self._order())

    async def _order(self) -> None:
        self.busy, self.said = True, "Sending …"
        try:
            await self._buy()
        except WanError as error:
            self.busy, self.said = False, plain(str(error), 400)
            self._buying.release()
