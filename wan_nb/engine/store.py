"""Where clips live: a folder whose files are whole or not there.

``videos/<run_id>.mp4`` is byte for byte what the service delivered (it may carry C2PA and AIGC marks that must stay);
``videos/<run_id>.json`` beside it is enough to make the run again. A partial file never carries the final name.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path, PurePosixPath

__all__ = ["Store"]


class Store:
    """The media folder of a session.

    Parameters
    ----------
    root : Path
        Absolute. Created on first use.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self) -> None:
        """Make the folders, and keep them out of version control: clips are large and may be private."""
        for name in ("videos", "frames", "proxies"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        ignore = self.root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")

    @property
    def frames(self) -> Path:
        """Folder of normalised materials, by content."""
        return self.root / "frames"

    def name(self, run_id: str) -> str:
        """Name of a clip in the log: relative, so that the folder can move."""
        return str(PurePosixPath("videos") / f"{run_id}.mp4")

    def path(self, name: str) -> Path:
        """Absolute path of a name from the log."""
        return self.root / name

    def part(self, run_id: str) -> Path:
        """Where a download grows until it is whole: another place each time, since two kernels may fetch one clip."""
        return self.root / "videos" / f".{run_id}.{secrets.token_hex(4)}.part"

    def drop_parts(self, run_id: str) -> None:
        """Delete what broken downloads of a run left."""
        for path in (self.root / "videos").glob(f".{run_id}.*part"):
            with suppress(OSError):  # where a file that another kernel writes cannot be deleted, that one will
                path.unlink(missing_ok=True)

    def proxy(self, sha256: str, recipe: str) -> Path:
        """Where something made from a clip is kept, by the clip's content and the way it was made."""
        return self.root / "proxies" / f"{sha256}.{recipe}"

    def commit(self, part: Path, name: str) -> Path:
        """Give a whole file its final name, so that it survives a crash and a power cut."""
        final = self.path(name)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, final)  # noqa: PTH105  # the atomic one, by its own name
        if os.name == "posix":
            folder = os.open(final.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return final

    def remove(self, run_id: str) -> None:
        """Delete clip, sidecar and partial file of a run."""
        clip = self.path(self.name(run_id))
        for path in (clip, clip.with_suffix(".json")):
            path.unlink(missing_ok=True)
        self.drop_parts(run_id)
