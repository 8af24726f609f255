"""The notebooks of ``notebooks/``: each is executed in a real kernel, and every clip is held against what was asked."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tools import notebooks

import wan_nb
from wan_nb.api import catalog

if TYPE_CHECKING:
    import nbformat

    from wan_nb.log.row import Row

NAMES = sorted(path.stem for path in notebooks.FOLDER.glob("*.ipynb"))
ORDER = ("quickstart", "forms", "family", "prompt_ab", "log_and_dataframe", "lesson", "real_service")
MACHINE = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|work|Users|var|opt|private)/|[A-Z]:\\\\?Users")
KEY = re.compile(r"sk-[A-Za-z0-9]{8,}")


def read(name: str) -> nbformat.NotebookNode:
    import nbformat

    return nbformat.read(notebooks.FOLDER / f"{name}.ipynb", 4)


# --- as they are stored


def test_these_notebooks_and_no_others() -> None:
    assert sorted(ORDER) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_stored_executed_and_small(name: str) -> None:
    path = notebooks.FOLDER / f"{name}.ipynb"
    import nbformat

    notebook = read(name)
    nbformat.validate(notebook)
    assert path.stat().st_size < (150_000 if name == "quickstart" else 250_000)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert any(cell.outputs for cell in cells)
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]


@pytest.mark.parametrize("name", NAMES)
def test_stored_without_machine_key_or_widget(name: str) -> None:
    text = (notebooks.FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert not MACHINE.search(text), MACHINE.search(text)
    assert not KEY.search(text)
    assert "application/vnd.jupyter.widget" not in text
    assert "execution_state" not in text


@pytest.mark.parametrize("name", [name for name in NAMES if name != "real_service"])
def test_begins_with_the_simulator(name: str) -> None:
    first = next(cell for cell in read(name).cells if cell.cell_type == "code")
    assert first.source.splitlines()[:2] == ["%load_ext wan_nb", "%wan connect simulator"]


@pytest.mark.parametrize("name", NAMES)
def test_prose_comes_before_code(name: str) -> None:
    cells = read(name).cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    silent = [b.source for a, b in pairwise(cells) if a.cell_type == b.cell_type == "code"]
    assert silent == [], "a cell that nothing introduces"


# --- whether a clip is what was asked


def luma(image: Any, size: tuple[int, int] = (1168, 768), width: int = 320) -> np.ndarray[Any, Any]:
    """Brightness of a picture as it stands in a clip of a size: stretched if it nearly fits, else its middle."""
    from PIL import ImageOps

    small = (width, round(size[1] * width / size[0]))
    near = abs(image.width / image.height / (size[0] / size[1]) - 1) < 0.03
    grey = image.convert("RGB").convert("L")
    return np.asarray(grey.resize(small) if near else ImageOps.fit(grey, small), dtype=float)


def ssim(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any], window: int = 8) -> float:
    """Structural similarity of two grey pictures over square windows (Wang et al. 2004, uniform weights)."""
    height, width = (side // window * window for side in a.shape)
    grid = (height // window, window, width // window, window)
    tiles = [x[:height, :width].reshape(grid).swapaxes(1, 2).reshape(-1, window**2) for x in (a, b)]
    (mean_a, mean_b), (var_a, var_b) = ([t.mean(1) for t in tiles], [t.var(1) for t in tiles])
    both = ((tiles[0] - mean_a[:, None]) * (tiles[1] - mean_b[:, None])).mean(1)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    likeness = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return float(likeness.mean())


def test_ssim_tells_pictures_apart(photos: Path) -> None:
    from PIL import Image, ImageFilter

    cat, coffee = (Image.open(photos / name) for name in ("cat.jpg", "coffee.jpg"))
    assert ssim(luma(cat), luma(cat)) == pytest.approx(1.0)
    assert ssim(luma(cat), luma(cat.filter(ImageFilter.GaussianBlur(4)))) < 0.9
    assert ssim(luma(cat), luma(coffee)) < 0.5


def documented_size(width: int, height: int, resolution: str) -> tuple[int, int]:
    """The pixel total of the tier in the picture's ratio, both sides floored to 16."""
    area = catalog.model("wan2.7-i2v").pixels[resolution]
    ratio = width / height
    return int((area * ratio) ** 0.5) // 16 * 16, int((area / ratio) ** 0.5) // 16 * 16


def decode(path: Path) -> tuple[Any, Any, float, float]:
    """First and last picture, seconds of video, and the loudest sample of the sound."""
    import av

    first = last = None
    frames, loudest = 0, 0.0
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        rate = float(video.average_rate or 0)
        for frame in container.decode(video, audio):
            if isinstance(frame, av.VideoFrame):
                frames += 1
                first, last = first or frame, frame
            else:
                loudest = max(loudest, float(np.abs(frame.to_ndarray()).max()))
    assert first is not None
    assert last is not None
    return first.to_image(), last.to_image(), frames / rate, loudest


def check_clip_without_a_lead(row: Row, first: Any, edited: dict[str, Any] | None) -> None:
    """From the words, with references, or an edit: the tier's size in its ratio; an edit shows its clip, changed."""
    assert first.size == (row.width, row.height) == (1280, 720)
    assert luma(first, first.size).std() > 10, "nothing to be seen"
    if edited is not None:
        before = decode(Path(edited["path"]))[0]
        assert np.corrcoef(luma(before, first.size).ravel(), luma(first, first.size).ravel())[0, 1] > 0.8
        assert np.abs(np.asarray(before, float) - np.asarray(first, float)).mean() > 10


def check_clip(row: Row, path: Path) -> None:
    from PIL import Image

    media = {one["type"]: one for one in row.request["input"].get("media", ())}
    first, last, seconds, loudest = decode(path)
    assert seconds == pytest.approx(row.duration or row.clip_s, abs=0.1)
    lead = media.get("first_frame") or media.get("first_clip")
    if lead is None:
        check_clip_without_a_lead(row, first, media.get("video"))
        assert loudest > 0.01, "no sound"
        return
    assert first.size == (row.width, row.height) == documented_size(lead["width"], lead["height"], row.resolution)
    assert loudest > 0.01, "no sound"
    begin = Image.open(media["first_frame"]["path"]) if "first_frame" in media else decode(Path(lead["path"]))[0]
    assert ssim(luma(begin, first.size), luma(first, first.size)) >= 0.9
    if "last_frame" in media:
        end = Image.open(media["last_frame"]["path"])
        assert ssim(luma(end, last.size), luma(last, last.size)) >= 0.9


# --- the exercises of the lesson


def solutions(lesson: nbformat.NotebookNode) -> dict[str, str]:
    """Code in the folded solution below each exercise, by the exercise's cell."""
    found = {}
    for cell, below in pairwise(lesson.cells):
        if "exercise" in cell.metadata.get("tags", []):
            (found[cell.id],) = re.findall(r"<details>.*?```\n(.*?)\n```", below.source, re.DOTALL)
    return found


def said(lesson: nbformat.NotebookNode) -> list[str]:
    """What the checks say."""
    checks = [c for c in lesson.cells if c.cell_type == "code" and c.source.startswith("check(")]
    return ["".join(output.text for output in cell.outputs).strip() for cell in checks]


def test_exercises_are_stored_unsolved() -> None:
    lesson = read("lesson")
    assert len(solutions(lesson)) == 7
    assert [words[:9] for words in said(lesson)] == ["not yet: "] * 7
    assert "not yet: there is no answer yet." not in said(lesson)
    begun = [cell for cell in lesson.cells if "exercise" in cell.metadata.get("tags", [])]
    assert [cell.source.startswith("%%wan ") for cell in begun] == [True] * 6 + [False]


@pytest.mark.parametrize("number", range(1, 8))
def test_a_check_says_what_is_wanted(number: int, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.syspath_prepend(notebooks.FOLDER)
    from lesson_checks import check

    check(number, None)
    check(number, "something else")
    first, second = capsys.readouterr().out.splitlines()
    assert first == "not yet: there is no answer yet."
    assert re.fullmatch(r"not yet: an? .+ is wanted, not 'something else'\.", second)


def solve(path: Path) -> None:
    """Put every solution into its exercise's cell."""
    import nbformat

    lesson = nbformat.read(path, 4)
    found = solutions(lesson)
    for cell in lesson.cells:
        cell.source = found.get(cell.id, cell.source)
    nbformat.write(lesson, path)


# --- as they run, all of it


@pytest.mark.notebook
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", NAMES)
def test_executes_and_every_clip_is_what_was_asked(name: str, tmp_path: Path) -> None:
    work = notebooks.copy(tmp_path / "notebooks")
    if name == "lesson":
        solve(work / "lesson.ipynb")
    notebook = notebooks.execute(work / f"{name}.ipynb")
    if name == "lesson":
        assert said(notebook) == [f"✓ exercise {number}" for number in range(1, 8)]
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not KEY.search(json.dumps(notebook))
    with wan_nb.Session(service="simulator", folder=work / "wan_runs") as session:
        rows = session.log.find()
        done = [row for row in rows if row.status == "SUCCEEDED"]
        assert all(row.simulated for row in rows)
        assert not [row for row in rows if row.open]
        for row in done:
            path = session.video(row)
            assert path is not None
            check_clip(row, path)
    assert len(done) >= FEWEST[name]


FEWEST = {
    "quickstart": 4,
    "forms": 2,
    "family": 6,
    "prompt_ab": 32,
    "log_and_dataframe": 8,
    "lesson": 11,
    "real_service": 0,
}
"""Clips that a notebook makes at least: so that none passes by making nothing."""
