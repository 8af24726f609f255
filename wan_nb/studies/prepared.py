"""What is shown and told of clips (strips, measures, light copies, sounds), made in one pass over each."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from wan_nb.api import catalog
from wan_nb.api.recorded import items_of
from wan_nb.engine.all_cores import on_all_cores
from wan_nb.engine.loop import Stopped
from wan_nb.errors import InvalidMedia, LogError
from wan_nb.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row

__all__ = ["look_through", "prepare", "prepare_later"]


class _Clip(NamedTuple):
    """A clip of which something is missing."""

    row: Row
    path: Path
    sha256: str


def prepare(
    workspace: Workspace, rows: Iterable[Row], *, measures: bool = True, light: bool = False
) -> dict[str, dict[str, float | None]]:
    """Make what is missing of the clips of some runs, and say how far it is.

    A clip that cannot be played is left out; whoever shows it says so. What is made is kept when it is interrupted.

    Parameters
    ----------
    workspace : Workspace
    rows : iterable of Row
    measures : bool
    light : bool
        Light copies, and the sounds that go with them.

    Returns
    -------
    dict of str to dict
        Measures that are known now, by the content of the clip; empty without `measures`.
    """
    from wan_nb.studies.measures.measures import MEASURE_VERSION

    clips = [_Clip(row, path, row.video_sha256) for row in rows if row.video_sha256 and (path := workspace.video(row))]
    clips = list({clip.sha256: clip for clip in clips}.values())
    known = workspace.log.measures([clip.sha256 for clip in clips], MEASURE_VERSION) if measures else {}
    todo = [clip for clip in clips if _missing(workspace, clip, measures and clip.sha256 not in known, light=light)]

    def work(clip: _Clip, between: Callable[[], object]) -> None:
        known.update(look_through(workspace, clip.row, measures=measures, light=light, between=between))

    if todo:
        with Progress("Looking through clips", len(todo), keeps=True) as line:
            on_all_cores(work, todo, line.step)
    return known


def _missing(workspace: Workspace, clip: _Clip, unmeasured: bool, *, light: bool) -> bool:
    return unmeasured or (light and not workspace.store.is_light(clip.sha256, sound=bool(clip.row.has_audio)))


def look_through(
    workspace: Workspace, row: Row, *, measures: bool, light: bool, between: Callable[[], object] = bool
) -> dict[str, dict[str, float | None]]:
    """The same for one clip, in this thread, without a word.

    Parameters
    ----------
    between : callable
        Called before each frame; what it raises ends the work.
    """
    from wan_nb.studies.measures.measures import MEASURE_VERSION, Measuring

    path, sha256, store = workspace.video(row), row.video_sha256 or "", workspace.store
    if path is None:
        return {}
    with store.making(sha256):  # another thread may be at it
        known = workspace.log.measures([sha256], MEASURE_VERSION) if measures else {}
        measuring = Measuring(**dict(_frames(workspace, row.request))) if measures and not known else None
        with suppress(InvalidMedia, OSError):
            makers = filter(None, [measuring])
            sound = light and bool(row.has_audio)
            store.look_through(path, sha256, *makers, light=light, sound=sound, between=between)
        # A clip or a picture that cannot be read: doctor tells; a table of numbers need not fail for one of them.
        with suppress(InvalidMedia, OSError):
            if measuring is not None and measuring.error is None:
                known = {sha256: measuring.numbers()}
                with suppress(LogError):  # a log that can only be read; they are computed again
                    workspace.log.put_measures(sha256, MEASURE_VERSION, known[sha256])
    return known


def prepare_later(workspace: Workspace, row: Row) -> None:
    """Make all of it in the background, of a clip that has just come; on the loop thread."""
    jobs = workspace.account.jobs
    if row.video_sha256 and not jobs.closed:
        jobs.start(f"prepare-{row.run_id}", _prepared(workspace, row))


async def _prepared(workspace: Workspace, row: Row) -> None:
    worker = workspace.runner.background
    with suppress(Stopped, LogError):  # the session is closed
        await worker.do(look_through, workspace, row, measures=True, light=True, between=worker.between)


def _frames(workspace: Workspace, request: Mapping[str, Any]) -> Iterable[tuple[str, Path]]:
    """The first and the last picture where they were given, still are and still the same."""
    for field, _, item in items_of(request):
        frame = catalog.BY_NAME[field].frame if field in catalog.BY_NAME else ""
        if frame and (path := workspace.recorded_material(field, item).path):
            yield f"{frame}_frame", path
