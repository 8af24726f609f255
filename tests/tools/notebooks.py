"""Execute the notebooks of ``notebooks/`` as a stranger would, and store them with their outputs.

    python tests/tools/notebooks.py              all of them
    python tests/tools/notebooks.py quickstart   one

Each runs in a kernel of its own, in a copy of the folder, so that no clip lands in the repository. What changes from
one execution to the next without meaning anything (times, versions of the kernel) is left out.
"""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import nbformat

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def copy(folder: Path) -> Path:
    """A copy of the notebooks and their data, as a fresh clone has them; ``folder`` must not exist."""
    return shutil.copytree(
        FOLDER, folder, ignore=shutil.ignore_patterns("wan_runs", ".ipynb_checkpoints", "*.zip", "*.html")
    )


def execute(path: Path, *, timeout: float = 600) -> nbformat.NotebookNode:
    """Run every cell of a notebook in its own folder; an error in a cell is raised.

    Parameters
    ----------
    path : Path
        In a copy of the folder.
    timeout : float
        Seconds for a single cell.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DASHSCOPE_", "WAN_NB_"))}
    client = NotebookClient(
        notebook, timeout=timeout, record_timing=False, resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute(env=environment)
    return notebook


def tidy(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Leave out what every execution changes, and widgets: their kernel is gone, their HTML beside them stays.

    A path is told from the notebook's folder: that of the machine on which it was executed says nothing elsewhere.
    """
    import nbformat

    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            exercise = "exercise" in cell.metadata.get("tags", ())  # what it makes is to be seen when it is done
            cell.outputs = [] if exercise else _joined(cell.outputs)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop("application/vnd.jupyter.widget-view+json", None)
            for kind, text in data.items():
                data[kind] = text.replace(f"{folder}/", "") if isinstance(text, str) else text
            if "text/html" in data:
                most = 48 if "height:48px" in data["text/html"] else None
                data["text/html"] = re.sub(
                    r"(?<=data:image/jpeg;base64,)[\w+/=]+", partial(_smaller, most=most), data["text/html"]
                )
    return notebook


def _joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Outputs without the seams in a printed text, which lie wherever the kernel happened to send it off."""
    whole: list[nbformat.NotebookNode] = []
    for output in outputs:
        if whole and output.output_type == "stream" and output.get("name") == whole[-1].get("name"):
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def _smaller(picture: re.Match[str], most: int | None) -> str:
    """A strip in fewer bytes, for a repository: those of a table at the height at which the table shows them."""
    from PIL import Image

    packed = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(picture[0]))) as strip:
        small = strip.resize((strip.width * most // strip.height, most)) if most else strip
        small.save(packed, "JPEG", quality=60, optimize=True, progressive=True)
    return min(base64.b64encode(packed.getvalue()).decode(), picture[0], key=len)


def main(names: list[str]) -> None:
    """Execute and store."""
    import nbformat

    chosen = [FOLDER / f"{name}.ipynb" for name in names] or sorted(FOLDER.glob("*.ipynb"))
    for stored in chosen:
        with tempfile.TemporaryDirectory() as scratch:
            work = copy(Path(scratch) / "notebooks")
            notebook = tidy(execute(work / stored.name), work)
        nbformat.validate(notebook)
        nbformat.write(notebook, stored)
        print(f"{stored.name}: {stored.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
