"""Sessions on the real simulator for the attacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import wan_nb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long runs are asked for by hand: ``pytest tests/attack -m soak``."""
    if "soak" in config.option.markexpr:
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    items[:] = [item for item in items if item not in long]
    config.hook.pytest_deselected(items=long)


@pytest.fixture
def settings(simulator, tmp_path: Path) -> dict[str, Any]:
    """What a session of these tests is opened with."""
    return {
        "base_url": simulator.url,
        "api_key": simulator.key,
        "folder": str(tmp_path / "wan_runs"),
        "gap": 0.02,
        "patience": 0.5,
    }


@pytest.fixture
def session(settings) -> Iterator[wan_nb.Session]:
    """An open session."""
    with wan_nb.Session(**settings) as opened:
        yield opened


@pytest.fixture
def cat(photos: Path) -> str:
    """A frame."""
    return str(photos / "cat.jpg")
