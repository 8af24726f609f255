"""How fast an account may be asked: one limiter for all requests of one account in this process.

The service counts requests per second at its own door, and between here and there each takes a different time. So a
place is kept from the sending of a request until one second after its answer. Of requests that reach the service within
one second, the one sent last found the places of all others still kept; therefore never more of them than places,
whatever the network does.

Other kernels may share the account. A 429 (or a burst of them) halves our rate and closes the lane for a moment; while
all goes well the rate grows by a little each second. Kernels that do so come to share an account evenly.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import TYPE_CHECKING

from wan_nb.api import catalog
from wan_nb.api.catalog import LIMITS
from wan_nb.errors import Throttled

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Lane", "Limiter"]

WINDOW = 1.0
_SLOWEST = 0.1  # requests/s that even a crowded account leaves us
_RECOVERY = 0.03  # requests/s more for each second of use
_LONGEST_PAUSE = 300.0


class Lane:
    """One limit: first come, first served, at most ``limit`` requests in any second. Use it as ``async with lane:``.

    Parameters
    ----------
    limit : float
        Requests per second that the service allows.
    rng : random.Random, optional

    Attributes
    ----------
    rate : float
        Requests per second that we currently allow ourselves.
    """

    def __init__(self, limit: float, *, rng: random.Random | None = None) -> None:
        self.limit = self.rate = limit
        self._rng = rng or random.Random()
        self._kept = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._closed_until = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> None:
        if not self._queue and self._open():
            self._kept += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free()  # the place was given in the very moment in which we left
            elif turn in self._queue:
                self._queue.remove(turn)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        if isinstance(error, Throttled):
            self._slow_down(loop.time(), error.retry_after)
        elif error is None:
            self.rate = min(self.limit, self.rate + _RECOVERY / self.rate)
        loop.call_later(max(WINDOW, self._places() / self.rate), self._free)

    def allow(self, limit: float) -> None:
        """Learn what the service really allows; what 429s have taught meanwhile still holds."""
        self.rate = limit if self.rate == self.limit else min(self.rate, limit)
        self.limit = limit

    @property
    def scarcity(self) -> float:
        """How many times dearer a request is than on an account of our own: 1 until a 429 says that it is not."""
        return self.limit / self.rate

    def _places(self) -> int:
        return max(1, int(self.rate))

    def _open(self) -> bool:
        return self._kept < self._places() and asyncio.get_running_loop().time() >= self._closed_until

    def _free(self) -> None:
        self._kept -= 1
        self._serve()

    def _serve(self) -> None:
        while self._queue and self._open():
            turn = self._queue.popleft()
            if not turn.done():
                self._kept += 1
                turn.set_result(None)
        loop = asyncio.get_running_loop()
        if self._queue and loop.time() < self._closed_until and not self._alarm:
            self._alarm = loop.call_at(self._closed_until, self._reopen)

    def _reopen(self) -> None:
        self._alarm = None
        self._serve()

    def _slow_down(self, now: float, retry_after: float | None) -> None:
        # Requests that were under way when the lane closed carry the same news, not more of it.
        if now >= self._closed_until:
            self.rate = max(_SLOWEST, self.rate / 2)
        pause = min(retry_after or 0.0, _LONGEST_PAUSE) + self._rng.uniform(0.5, 1.5)
        self._closed_until = max(self._closed_until, now + pause)


class Limiter:
    """The limits of an account: 20 queries per second, and submits per second of each exact model name.

    Examples
    --------
    >>> import asyncio
    >>> async def ask() -> str:
    ...     async with Limiter().query():
    ...         return "answer"
    >>> asyncio.run(ask())
    'answer'
    """

    def __init__(
        self,
        *,
        queries: float = LIMITS.queries_per_second,
        rng: random.Random | None = None,
    ) -> None:
        self._queries, self._submits, self._rng = Lane(queries, rng=rng), dict[str, Lane](), rng

    def query(self) -> Lane:
        """``async with limiter.query():`` around each GET, list and cancel."""
        return self._queries

    def submit(self, model: str) -> Lane:
        """``async with limiter.submit(model):`` around each POST that makes a task; other models have other lanes."""
        if model not in self._submits:
            self._submits[model] = Lane(catalog.model(model).submits_per_second, rng=self._rng)
        return self._submits[model]
