"""The figures in the reference are those that were measured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCH))
    import table

    yield table
    del sys.modules["table"]


def test_the_reference_has_the_table_of_the_committed_results(bench) -> None:
    found = bench.SECTION.search(bench.PAGE.read_text(encoding="utf-8"))
    assert found, "the page has lost its markers"
    assert found[0] == f"{found[1]}{bench.table()}{found[2]}", "run: python tests/bench/table.py"


def test_every_benchmark_of_the_table_has_results(bench) -> None:
    assert {path.stem for path in (BENCH / "results").glob("*.json")} >= set(bench.SCRIPTS)


def test_a_missed_bar_is_called_missed(bench) -> None:
    assert bench.at_most("x", 1.06, 1.05) == ("x", "1.06 ×", "≤ 1.05 ×", False)
    low = {"value": 0.8, "bar": 0.9, "unit": "times", "at_least": True, "met": False}
    assert bench._of_row("speed", low) == ("speed", "0.80 ×", "≥ 0.90 ×", False)
