"""How fast an account may be asked: one limiter for all requests of one account in this process.

The service counts requests per second at its own door, and between here and there each takes a different time. So a
place is kept from the sending of a request until one second after its answer. Of requests that reach the service within
one second, the one sent last found the places of all others still kept; therefore never more of them than places,
whatever the network does.

Other kernels may share the account. Those on one log of a server take turns there, each request one, as long as another
kernel takes them too; one that is alone asks the log once a minute. Of others nobody tells: a 429 (or a burst of
them) halves our rate and closes the lane for a moment; while all goes well the rate grows by a little each second.
Kernels that do so come to share an account evenly.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from typing import TYPE_CHECKING

from wan_nb.api import catalog
from wan_nb.api.catalog import LIMITS
from wan_nb.errors import Throttled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from types import TracebackType

    Turns = Callable[[str, float], Awaitable[float | None]]

__all__ = ["Lane", "Limiter"]

WINDOW = 1.0
_SLOWEST = 0.1  # requests/s that even a crowded account leaves us
_RECOVERY = 0.03  # requests/s more for each second of use
_LONGEST_PAUSE = 300.0

_ALONE = 60.0
"""Seconds for which a kernel that was alone in a lane does not ask the log again."""

_LEAD = 3.0
"""Seconds before its turn at which a submit is let in: to write it down first takes that long on a busy machine."""


class Lane:
    """One limit: first come, first served, at most ``limit`` requests in any second. Use it as ``async with lane:``.

    ``async with lane as turn:`` gives the moment, by the clock of the loop, before which the request must not leave.

    Parameters
    ----------
    limit : float
        Requests per second that the service allows.
    name : str
        What other kernels call it.
    turns : sequence of callable
        Ways to the logs that several machines share; the last one is asked for turns. See `Limiter`.
    lead : float
        Seconds before its turn at which a request is let in, to be prepared.
    rng : random.Random, optional

    Attributes
    ----------
    rate : float
        Requests per second that we currently allow ourselves.
    """

    def __init__(
        self,
        limit: float,
        *,
        name: str = "",
        turns: Sequence[Turns] = (),
        lead: float = 0.0,
        rng: random.Random | None = None,
    ) -> None:
        self.limit = self.rate = limit
        self._name, self._turns, self._lead = name, turns, lead
        self._alone_until = self._waited = 0.0
        self._rng = rng or random.Random()
        self._kept = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._closed_until = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> float:
        await self._place()
        try:
            return await self._turn()
        except BaseException:
            self._free()
            raise

    async def _place(self) -> None:
        """Wait for one of the places of this process."""
        if not self._queue and self._open():
            self._kept += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        self._serve()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._free()  # it was given in the very moment in which we left
            elif place in self._queue:
                self._queue.remove(place)
            raise

    async def _turn(self) -> float:
        """Wait for the turn among all kernels, where there are others; when it is."""
        loop = asyncio.get_running_loop()
        if not self._turns or loop.time() < self._alone_until:
            return loop.time()
        wait = await self._turns[-1](self._name, _apart(self.limit))
        now, self._waited = loop.time(), wait or 0.0
        if wait is None:
            self._alone_until = now + _ALONE
        await asyncio.sleep(self._waited - self._lead)
        return now + self._waited

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
        """How many times dearer a request is than on an account of our own: 1 until a 429 or a turn tells of others."""
        return self.limit / self.rate + self._waited

    def _places(self) -> int:
        return max(1, int(self.rate))

    def _open(self) -> bool:
        return self._kept < self._places() and asyncio.get_running_loop().time() >= self._closed_until

    def _free(self) -> None:
        self._kept -= 1
        self._serve()

    def _serve(self) -> None:
        while self._queue and self._open():
            place = self._queue.popleft()
            if not place.done():
                self._kept += 1
                place.set_result(None)
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
            self._alone_until = 0.0
        pause = min(retry_after or 0.0, _LONGEST_PAUSE) + self._rng.uniform(0.5, 1.5)
        self._closed_until = max(self._closed_until, now + pause)


def _apart(limit: float) -> float:
    """Seconds between the turns of all kernels where a service takes ``limit`` requests in a second.

    What a network or a busy machine delays by seconds arrives at random: of requests that are so far apart at most one
    in twenty then finds its second full (Poisson; 1.6 where 5 are taken, 13 where 20 are).
    """
    return 1 / max(limit / 4, limit - 1.5 * math.sqrt(limit))


class Limiter:
    """The limits of an account: 20 queries per second, and submits per second of each exact model name.

    Parameters
    ----------
    account : str
        What kernels on one log call it.
    queries : float
        Per second.
    rng : random.Random, optional

    Attributes
    ----------
    turns : list of callable
        Ways to the logs that several machines share, of the sessions that are open. Each is told a lane and the seconds
        between two turns, and gives the seconds until the next one: None where nobody else takes any.

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
        account: str = "",
        *,
        queries: float = LIMITS.queries_per_second,
        rng: random.Random | None = None,
    ) -> None:
        self.turns: list[Turns] = []
        self._account, self._rng = account, rng
        self._queries, self._submits = self._lane(queries, "queries"), dict[str, Lane]()

    def _lane(self, limit: float, what: str, *, lead: float = 0.0) -> Lane:
        return Lane(limit, name=f"{self._account}|{what}", turns=self.turns, lead=lead, rng=self._rng)

    def query(self) -> Lane:
        """``async with limiter.query():`` around each GET, list and cancel."""
        return self._queries

    def submit(self, model: str) -> Lane:
        """``async with limiter.submit(model) as turn:`` around each POST of a task; other models have other lanes."""
        if model not in self._submits:
            self._submits[model] = self._lane(catalog.model(model).submits_per_second, model, lead=_LEAD)
        return self._submits[model]
