"""A person at a notebook, for whole jobs: a real kernel, cells that are kept and run all over again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from live_kernel import Kernel

import wan_nb

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(wan_nb.__file__).parents[1]
PHOTOS = ("cat.jpg", "coffee.jpg", "rocket.jpg")


class Desk:
    """One person with a notebook.

    Attributes
    ----------
    cells : list of str
        What stands in the notebook; what was a slip is corrected before it is kept.
    """

    def __init__(self, folder: Path, simulator: Any, photos: Path, **environment: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for photo in PHOTOS:
            shutil.copy(photos / photo, folder / photo)
        self.folder, self.simulator = folder, simulator
        self._environment = {
            "PYTHONPATH": str(ROOT),
            "IPYTHONDIR": str(folder / "ipython"),
            "DASHSCOPE_API_KEY": simulator.key,
            "DASHSCOPE_HTTP_BASE_URL": simulator.url,
            **environment,
        }
        self.kernel = Kernel(folder, self._environment)
        self.cells: list[str] = []
        self.run("%load_ext wan_nb")

    def run(self, cell: str) -> str:
        """Run a cell that stays in the notebook; its text."""
        said = self.kernel.run(cell)
        self.cells.append(cell)
        return said

    def slip(self, cell: str) -> str:
        """Run a cell that has to be refused, and throw it away; what the person reads."""
        name, said = self.kernel.result(self.kernel.begin(cell))
        assert name, f"this was not refused: {cell}\n{said}"
        return f"{name} {said}"

    def correct(self, place: int, cell: str) -> str:
        """Type something else into a cell, and run that."""
        said = self.kernel.run(cell)
        self.cells[place] = cell
        return said

    def run_all(self, *, restarted: bool) -> None:
        """Every cell of the notebook again, in a new kernel or in the one that is there."""
        if restarted:
            self.kernel.stop()
            self.kernel = Kernel(self.folder, self._environment)
        for cell in self.cells:
            self.kernel.run(cell)

    @property
    def bought(self) -> int:
        """Clips that the service was ever asked for, by anybody."""
        return int(self.simulator.counters()["creates_received"])

    def leave(self) -> None:
        self.kernel.stop()


def ballot(study: str, prefers: Iterable[str], rater: str = "") -> str:
    """A cell in which somebody votes on every pair that is left, by an order of labels."""
    return f"""
import wan_nb
order = {list(prefers)!r}
sitting = wan_nb.study(name={study!r}).ballot(rater={rater!r})
while asked := sitting.next():
    left, right = order.index(asked.left_variant), order.index(asked.right_variant)
    sitting.record(asked, "left" if left < right else "right")
print(len(sitting.votes), "votes.", sitting.sentence())
"""
