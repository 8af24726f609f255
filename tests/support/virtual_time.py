"""An event loop on which waiting takes no time: the clock jumps to the next timer. No I/O, no threads."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """Instead of waiting for files, moves the loop's clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("deadlock: nothing is scheduled any more")
        self.now += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Real asyncio with a clock of its own, which starts at 0."""

    def __init__(self) -> None:
        self._timer = _Selector()
        super().__init__(self._timer)

    def time(self) -> float:
        return self._timer.now


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time; tasks left behind are an error."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:

        async def main() -> T:
            result = await coroutine
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, left
            return result

        return runner.run(main())
