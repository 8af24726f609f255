"""Shots in order as one film, without what a continuation repeats of the shot before it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from wan_nb.api import catalog
from wan_nb.api.recorded import items_of
from wan_nb.errors import InvalidMedia, InvalidOption
from wan_nb.html.written_file import WrittenFile
from wan_nb.paths import output
from wan_nb.progress import Progress
from wan_nb.sanitize import number

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row
    from wan_nb.media.store import Store

__all__ = ["film", "named", "target"]


def target(workspace: Workspace, path: str | os.PathLike[str], suffix: str) -> Path:
    """Absolute path of a file that is to be made of clips: never one of the clips themselves.

    Raises
    ------
    InvalidOption
        It ends otherwise, is a folder, or stands where the clips live.
    """
    chosen = output(path, suffix)
    if chosen.parent.resolve() == (workspace.store.root / "videos").resolve():
        raise InvalidOption(
            f"{chosen.name[-60:]!r} would stand among the clips of the log.",
            remedy="Name another folder.",
            field="path",
        )
    return chosen


def film(workspace: Workspace, rows: Sequence[Row], path: str | os.PathLike[str]) -> Path:
    """Write the clips of some runs one after the other into one MP4; see `Session.film`."""
    out = target(workspace, path, ".mp4")
    if not rows:
        raise InvalidOption("a film needs one run at least.", remedy="wan_nb.film([s1, s2], 'story.mp4')")
    from wan_nb.media import video
    from wan_nb.media.movie.joining import Joint, Shot, kind_of

    files = [workspace.file(row) for row in rows]
    shots: list[Shot] = []
    before: Row | None = None
    for row, file in zip(rows, files, strict=True):
        with named(row):
            start = 0.0
            if before is not None:
                start, once = _repeated(workspace.store, before, row, shots[-1].path, file)
                shots[-1] = replace(shots[-1], last=not once)
            shots.append(Shot(file, kind_of(file), start))
        before = row
    line = Progress("Joining shots", len(rows))
    with line, video.writing(out) as made:
        joint = Joint(made, shots)
        for row, shot in line.each(zip(rows, shots, strict=True)):
            with named(row):
                joint.add(shot)
        joint.close()
    return WrittenFile(out)


@contextmanager
def named(row: Row, *, remedy: str = "Leave it out of the film, or buy another: %wan again ID.") -> Iterator[None]:
    """Say of which run it is that cannot be played."""
    try:
        yield
    except InvalidMedia as error:
        raise InvalidMedia(error.message, run_id=row.run_id, remedy=remedy) from error


def _repeated(store: Store, before: Row, after: Row, file: Path, next_file: Path) -> tuple[float, bool]:
    """What two neighbours both show: seconds at the beginning of the later clip, and whether one frame is in both.

    The log knows the length of a clip that was given, and mostly whose it is. What it does not know is looked for in
    the pictures.
    """
    from wan_nb.media import clips
    from wan_nb.media.materials import prepare
    from wan_nb.media.movie import joining

    given = [(catalog.BY_NAME[name], item) for name, _, item in items_of(after.request) if name in catalog.BY_NAME]
    if clip := next((item for spec, item in given if spec.inside), None):
        seconds = number(clip.get("seconds"), 0.0, 60.0)
        known = seconds is not None and before.video_sha256 and before.video_sha256 in repr(clip)
        return (seconds or 0.0) if known else joining.overlap(file, next_file, seconds), False
    if found := next(((spec.name, item) for spec, item in given if spec.frame == "first"), None):
        field, frame = found
        if joining.starts_on_the_end_of(file, next_file):
            return 0.0, True
        with suppress(InvalidMedia):  # a clip of the simulator may be too small for a material
            return 0.0, prepare(clips.frame(file), field, store.frames).identity == frame.get("identity")
    return 0.0, False
