"""A caller of the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from simulator_http import HttpCaller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator_control import Simulator


@pytest.fixture
def wire(simulator: Simulator) -> Iterator[HttpCaller]:
    """A caller of the simulator of this test."""
    caller = HttpCaller(simulator)
    with caller.http:
        yield caller
