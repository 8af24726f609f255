"""What a session says about runs that are written down: rows, frames, clips on disk, remarks, sums."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from wan_nb.engine.loop import load
from wan_nb.engine.selection import marked
from wan_nb.engine.workspace import Opened
from wan_nb.errors import InvalidMedia, LogError
from wan_nb.log.states import UNBILLED
from wan_nb.public import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import pandas as pd

    from wan_nb.engine.submit import Ask
    from wan_nb.handles.session import Session
    from wan_nb.log.runlog import Row

__all__ = ["Logbook"]


@guarded
class Logbook(Opened):
    """The looking-back half of a `Session`."""

    def runs(self, /, *, measures: bool = False, **filters: Any) -> pd.DataFrame:
        """Runs as a DataFrame, the newest first.

        Parameters
        ----------
        measures : bool
            Add the numbers of `wan_nb.studies.measures.measures` as columns; clips not measured yet take 1 to 5 s each.
        **filters
            Columns by value or list of values, ``limit``, ``since``, ``until``, ``text``.

        Examples
        --------
        >>> session.runs(study="walk", status="SUCCEEDED")  # doctest: +SKIP
        """
        if not measures:
            return self.frame(**filters)
        from wan_nb.studies.measures.kept import columns

        rows = self.log.find(**filters)
        return self.frame(rows, extra=columns(cast("Session", self), rows))

    def frame(self, rows: Sequence[Row] | None = None, **filters: Any) -> pd.DataFrame:
        """Some rows as a DataFrame, with clips as paths and ``.wan`` to play, board and compare them.

        Parameters
        ----------
        rows : sequence of Row, optional
            These rows; without them, those that pass the filters.
        **filters
            As in `runs`.
        """
        from wan_nb.handles.dataframe import register

        register()
        load("pandas")
        frame = marked(self.log.to_frame(rows, **filters), self)
        if "video" not in frame:
            return frame
        # The log keeps names, so that the folder can move; a person needs paths.
        frame["video"] = frame["video"].map(self._told_place, na_action="ignore").astype("string")
        return frame

    def _told_place(self, name: str) -> str | None:
        with suppress(LogError):
            return str(self.store.path(name))
        return None

    def known(self, asks: Sequence[Ask]) -> list[Row | None]:
        """Newest run of each of these requests that was made before, or None; nothing is asked or started."""
        prints = self.fingerprints(asks)
        rows = self.log.find(fingerprint=list(dict.fromkeys(prints)))
        newest = {row.fingerprint: row for row in sorted(rows, key=lambda row: row.attempt)}
        return [newest.get(key) for key in prints]

    def fingerprints(self, asks: Sequence[Ask]) -> list[str]:
        """What each of these requests is known by in the log; nothing is asked or started."""
        from wan_nb.engine.service import identify

        identity = identify(self.settings)
        return [ask.seeded().fingerprint(identity) for ask in asks]

    def earlier(self, asks: Sequence[Ask]) -> list[Row | None]:
        """For requests that nothing is known of: a run of the first edition that may be the same, or None."""
        if not any(medium.whole is not None for ask in asks for medium in ask.request.media().values()):
            return [None] * len(asks)
        from wan_nb.engine.earlier import may_be
        from wan_nb.engine.service import identify

        identity = identify(self.settings)
        return [
            may_be(self.log, ask, identity) if row is None or row.status in UNBILLED else None
            for ask, row in zip(asks, self.known(asks), strict=True)
        ]

    def row(self, run_id: str) -> Row:
        """Newest snapshot of a run."""
        return self.log.get(run_id)

    def video(self, row: Row) -> Path | None:
        """The clip of a row on disk, or None."""
        return self.store.find(row.video) if row.status == "SUCCEEDED" else None

    def bring(self, rows: Iterable[Row]) -> None:
        """Copy the clips of some rows here that others have put into a shared store; does nothing without one."""
        if self.store.remote is not None:
            from wan_nb.engine.download import bring

            for row in rows:
                if self.video(row) is None:
                    self.loop.sync(bring(self.flow, row))

    def strip(self, row: Row) -> bytes | None:
        """Six frames of a clip in one JPEG of at most 15 kB, or None while there is no clip that can be played."""
        from wan_nb.media.derived import strip_of

        path = self.video(row)
        with suppress(InvalidMedia):  # a clip that was kept unchecked
            return strip_of(self.store, path, str(row.video_sha256)) if path else None
        return None

    def light(self, row: Row) -> tuple[Path, Path | None] | None:
        """Light copy of a clip for players, and its sound if it has one; made on first use, None without a clip.

        Raises
        ------
        InvalidMedia
            The file cannot be played.
        """
        from wan_nb.media.derived import proxy_of, sound_of

        path, sha256 = self.video(row), str(row.video_sha256)
        if path is None:
            return None
        return proxy_of(self.store, path, sha256), sound_of(self.store, path, sha256) if row.has_audio else None

    def write(self, run_id: str, **changes: Any) -> Row:
        """Write remarks of a person into the log, and tell every board."""
        row = self.log.update(run_id, **changes)
        if self._flow is not None:
            self._flow.tell(row)
        return row

    def forget(self, run_id: str) -> Row:
        """Delete the files of a run. Its row stays, because it was paid."""
        row = self.log.forget(self.log.get(run_id).run_id)  # refuses a run whose clip is still to come
        self.store.remove(row.run_id)
        if self._flow is not None:
            self._flow.tell(row)
        return row

    def subscribe(self, listener: Callable[[Row], None]) -> Callable[[], None]:
        """Hear of every change of a run, on the loop thread. Returns the way to stop it."""
        return self.flow.subscribe(listener)

    def spent(self, currency: str | None = None) -> float:
        """What counts against the budget of the last 24 h: paid, under way and uncertain. Without simulated runs."""
        from datetime import UTC, datetime, timedelta

        return self.log.spent(currency or self.region.currency, datetime.now(UTC) - timedelta(hours=24))
