"""Sessions on the real simulator for the attacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import wan_nb

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of this folder are marked; long runs are asked for by hand: ``pytest tests/attack -m soak``."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("attack")
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
