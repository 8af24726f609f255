"""The media folder: clips, their sidecars, and what is made from clips. A file is whole or not there.

``videos/<run_id>.mp4`` is byte for byte what the service delivered (it may carry C2PA and AIGC marks that must stay);
``videos/<run_id>.json`` beside it is enough to make the run again. A partial file never carries the final name.

``WAN_NB_MEDIA`` moves it. A folder, also one that several machines mount, is used in place. A URL (``s3://bucket/class``)
is a `wan_nb.media.shared_store.Remote`: whoever fetches a clip from the service puts it there as well, and everybody
else keeps a copy in the folder of the session, brought on the first use.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import secrets
import shutil
import tempfile
import threading
import weakref
from contextlib import suppress
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self
from weakref import WeakValueDictionary

from wan_nb.errors import InvalidMedia, LogError, WanError
from wan_nb.media.files import STRIP_BYTES, atomic, file_sha256, write_whole
from wan_nb.media.shared_store import Remote
from wan_nb.paths import writable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wan_nb.media.clips import ClipFacts
    from wan_nb.media.one_pass import Maker
    from wan_nb.settings import Settings

__all__ = ["Store", "sidecar_of"]


_SHA256 = re.compile("[0-9a-f]{64}")
_PLAIN = re.compile(r"videos/\w[\w.-]{0,100}", re.ASCII)
"""What names of clips look like: no folder, no device, no dots alone."""


class Store:
    """The media folder of a session.

    Parameters
    ----------
    root : Path
        Absolute. Created on first use.
    remote : Remote, optional
        What all share, when that is no folder.
    """

    def __init__(self, root: Path, remote: Remote | None = None) -> None:
        self.root, self.remote = root, remote
        self._locks: WeakValueDictionary[str, threading.RLock] = WeakValueDictionary()
        self._guard = threading.Lock()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The store that the settings name."""
        if isinstance(settings.media, Path):
            return cls(settings.media)
        return cls(settings.folder, Remote(settings.media))

    def open(self) -> None:
        """Make the folders, and keep them out of version control: clips are large and may be private.

        Raises
        ------
        InvalidOption
            The shared store cannot be used; said before anything is paid.
        """
        if self.remote:
            self.remote.open()
        if not writable(self.root):
            return  # for looking; who buys is told by the log, or by the first file
        for name in ("videos", "frames", "proxies"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        ignore = self.root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")

    @property
    def marker(self) -> Path:
        """The file by which a folder of clips is known; see `wan_nb.engine.media_folder`."""
        return self.root / ".wan-media"

    def marks(self) -> frozenset[str] | None:
        """What the marker says, or None where there is none."""
        with suppress(OSError):
            return frozenset(self.marker.read_text(encoding="utf-8", errors="replace").split())
        return None

    def mark(self, word: str) -> None:
        """Add a word to the marker, of a folder that is there."""
        with self.marker.open("a", encoding="utf-8") as file:
            file.write(f"{word}\n")

    def clip_names(self) -> frozenset[str]:
        """Names of the clips in the folder."""
        return frozenset(path.name for path in (self.root / "videos").glob("[!.]*.mp4"))

    @property
    def frames(self) -> Path:
        """Folder of normalised materials, by content."""
        return self._making_place / "frames"

    @cached_property
    def _making_place(self) -> Path:
        """Where files are made that can be made again: a temporary folder where the clips can only be read."""
        if writable(self.root):
            return self.root
        folder = tempfile.mkdtemp(prefix="wan_nb-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    def name(self, run_id: str) -> str:
        """Name of a clip in the log: relative, so that the folder can move."""
        return str(PurePosixPath("videos") / f"{run_id}.mp4")

    def path(self, name: str, *, folder: str = "videos") -> Path:
        """Absolute path of a name from the log, below one of our folders: who may write to a log reads no other files.

        Raises
        ------
        LogError
            It leads out of that folder, directly or by a link.
        """
        path = self.root / name
        try:
            inside = path.resolve().is_relative_to(self.root.resolve() / folder)
        except (OSError, ValueError, RuntimeError):  # too long, with a NUL, a circle of links
            inside = False
        if not inside or path.name in {"", "..", folder}:
            raise LogError(f"the log names a file outside of {folder}/: {name!r:.80}.", remedy="It is not touched.")
        return path

    def places(self, names: Iterable[str]) -> dict[str, str]:
        """Absolute paths of names from the log, as text, by one look at the folder; those that lead elsewhere are not.

        ``videos/NAME`` leads into the folder unless it is a link; every other name is judged as in `path`.
        """
        folder, links = self.root / "videos", set[str]()
        with suppress(OSError):
            links = {entry.name for entry in os.scandir(folder) if entry.is_symlink()}
        straight = folder.resolve() == self.root.resolve() / "videos"
        found: dict[str, str] = {}
        for name in names:
            last = name.removeprefix("videos/")
            if straight and _PLAIN.fullmatch(name) and last not in links:
                found[name] = os.path.join(folder, last)  # noqa: PTH118  # ten thousand of them
            else:
                with suppress(LogError):
                    found[name] = str(self.path(name))
        return found

    def find(self, name: str | None) -> Path | None:
        """The file of a name from the log; None where there is none of ours."""
        with suppress(LogError, OSError):
            if name and (path := self.path(name)).is_file():
                return path
        return None

    def part(self, run_id: str) -> Path:
        """Where a download grows until it is whole: another place each time, since two kernels may fetch one clip."""
        return self.path(f"videos/.{run_id}.{secrets.token_hex(4)}.part")

    def aside(self, run_id: str) -> Path:
        """Where a clip that came cut off waits for a better one."""
        return self.root / "videos" / f".{run_id}.aside.part"

    def set_aside(self, run_id: str, part: Path) -> None:
        """Keep the longest of what came cut off, until a whole clip is named or the service knows no other."""
        kept = self.aside(run_id)
        if not kept.exists() or kept.stat().st_size <= part.stat().st_size:
            part.replace(kept)

    def drop_parts(self, run_id: str) -> None:
        """Delete what broken downloads of a run left."""
        for path in (self.root / "videos").glob(f".{glob.escape(run_id)}.*part"):
            with suppress(OSError):  # where a file that another kernel writes cannot be deleted, that one will
                path.unlink(missing_ok=True)

    def proxy(self, sha256: str, recipe: str) -> Path:
        """Where something made from a clip is kept, by the clip's content and the way it was made."""
        known = sha256 if _SHA256.fullmatch(sha256) else hashlib.sha256(sha256.encode("utf-8", "replace")).hexdigest()
        kept = self.path(f"proxies/{known}.{recipe}", folder="proxies")
        return kept if kept.exists() else self._making_place / "proxies" / kept.name

    def strip(self, clip: Path, sha256: str, most: int = STRIP_BYTES) -> bytes:
        """Six frames of a clip in one JPEG small enough for a notebook."""
        from wan_nb.media import clips

        if (made := self.made_strip(sha256, most)) is None:
            whole = most == STRIP_BYTES
            made = clips.strip(clip) if whole else clips.shrunk(self.strip(clip, sha256), most)
            write_whole(self._strip(sha256, most), made)
        return made

    def checked(self, clip: Path) -> ClipFacts | None:
        """What `wan_nb.media.clips.delivered` says of a clip, whose strip is made in the same decoding."""
        from wan_nb.media import clips
        from wan_nb.media.one_pass import Strip

        facts = clips.delivered(clip, strip := Strip())
        if facts is not None and not facts.unchecked:
            with suppress(InvalidMedia, OSError, ValueError):  # made when it is shown, where it cannot be made now
                write_whole(self._strip(facts.sha256, STRIP_BYTES), clips.jpeg(strip))
        return facts

    def made_strip(self, sha256: str, most: int = STRIP_BYTES) -> bytes | None:
        """The strip of a clip that was made before."""
        with suppress(OSError):
            return self._strip(sha256, most).read_bytes()
        return None

    def _strip(self, sha256: str, most: int) -> Path:
        return self.proxy(sha256, "strip.jpg" if most == STRIP_BYTES else f"strip{most}.jpg")

    def making(self, sha256: str) -> threading.RLock:
        """Held while something is made of a clip, so that several threads make it once."""
        with self._guard:
            return self._locks.setdefault(sha256, threading.RLock())

    def _light(self, sha256: str) -> Path:
        return self.proxy(sha256, "960g10.mp4")

    def is_light(self, sha256: str, *, sound: bool) -> bool:
        """Whether the light copy of a clip is made, and the sound that goes with it."""
        return self._light(sha256).exists() and not (sound and not self._sound(sha256).exists())

    def _sound(self, sha256: str) -> Path:
        return self.proxy(sha256, "sound.m4a")

    def look_through(
        self,
        clip: Path,
        sha256: str,
        *makers: Maker,
        light: bool = False,
        sound: bool = False,
        between: Callable[[], object] = bool,
    ) -> None:
        """Make what is missing of strip, light copy and sound in the one pass that `makers` want.

        Raises
        ------
        InvalidMedia, OSError
            The light copy cannot be made.
        """
        from wan_nb.media import clips
        from wan_nb.media.one_pass import LightCopy, Sound, Strip, one_pass

        at, to = self.proxy(sha256, "strip.jpg"), self._sound(sha256)
        strips = [] if at.exists() else [Strip()]
        copies = [LightCopy(self._light(sha256))] if light and not self._light(sha256).exists() else []
        sounds = [Sound(to)] if sound and not to.exists() else []
        if makers or copies or sounds:
            one_pass(clip, [*strips, *copies, *sounds, *makers], between=between)
            for strip in strips:
                with suppress(InvalidMedia, OSError):  # made when it is shown, where it cannot be made now
                    write_whole(at, clips.jpeg(strip))
        for copy in copies:
            if copy.error is not None:
                raise copy.error

    def light_copy(self, clip: Path, sha256: str) -> Path:
        """A clip that a browser seeks in at once; made in about a second, without sound."""
        with self.making(sha256):
            self.look_through(clip, sha256, light=True)
            return self._light(sha256)

    def small_copy(self, clip: Path, sha256: str, most: int) -> Path:
        """A clip of at most so many bytes, with its sound: itself, or a copy as far as that can be made so small."""
        from wan_nb.media import clips

        if clip.stat().st_size <= most:
            return clip
        kept = self.proxy(sha256, f"{most}.mp4")
        with self.making(sha256):
            return kept if kept.exists() else clips.proxy(clip, kept, width=640, gop=60, most=most)

    def sound(self, clip: Path, sha256: str) -> Path:
        """Sound of a clip in a file of its own, to go with the light copy."""
        from wan_nb.media import clips

        kept = self._sound(sha256)
        with self.making(sha256):
            return kept if kept.exists() else clips.sound(clip, kept)

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

    def share(self, name: str) -> bool:
        """Put a clip that is here into the shared store, the sidecar first; whether it had to be.

        One that is shorter there was left half-written, and is put again.
        """
        here = self.path(name)
        if self.remote is None or not here.exists() or (self.remote.size(name) or 0) >= here.stat().st_size:
            return False
        for each in (sidecar_of(name), name):
            if self.path(each).exists():
                self.remote.put(self.path(each), each)
        return True

    def bring(self, name: str, sha256: str | None = None) -> bool:
        """Copy a clip and its sidecar from the shared store, unless it is here already.

        Returns
        -------
        bool
            Whether it is here now.

        Raises
        ------
        WanError
            The store is out of reach, or holds something else than was delivered.
        """
        final = self.path(name)
        if self.remote is None or final.exists():
            return final.exists()
        with suppress(FileNotFoundError), atomic(self.path(sidecar_of(name))) as draft:
            self.remote.get(sidecar_of(name), draft)
        with suppress(FileNotFoundError), atomic(final) as draft:
            self.remote.get(name, draft)
            with draft.open("rb") as file:
                if sha256 is not None and file_sha256(file) != sha256:
                    raise WanError(
                        f"{name} in the shared store is not the clip that was delivered.",
                        remedy="`%wan doctor --mend` where the clip was fetched puts it there again.",
                    )
        return final.exists()

    def sizes(self, names: Iterable[str] = ()) -> dict[str, int]:
        """Bytes of every clip by its name in the log: here, or in the shared store.

        Those of `names` that a listing of the store leaves out are asked for one by one.
        """
        here = {f"videos/{path.name}": path.stat().st_size for path in (self.root / "videos").glob("[!.]*.mp4")}
        if self.remote is None:
            return here
        there = {name: size for name, size in self.remote.sizes("videos").items() if name.endswith(".mp4")}
        late = {name: self.remote.size(name) for name in names if name not in there and name not in here}
        return there | {name: size for name, size in late.items() if size is not None} | here

    def remove(self, run_id: str, video: str | None = None) -> None:
        """Delete clip, sidecar and partial file of a run, here and in the shared store."""
        clip = video or self.name(run_id)
        for name in (clip, sidecar_of(clip)):
            self.path(name).unlink(missing_ok=True)
            if self.remote:
                self.remote.remove(name)
        self.drop_parts(run_id)


def sidecar_of(name: str) -> str:
    """Name of the sidecar of a clip."""
    return str(PurePosixPath(name).with_suffix(".json"))
