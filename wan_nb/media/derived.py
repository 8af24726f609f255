"""What is made from a clip once per content and way, and kept beside it: strip, light copy, sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["proxy_of", "sound_of", "strip_of"]

STRIP, PROXY, SOUND = "strip.jpg", "960g10.mp4", "sound.m4a"


def strip_of(store: Any, clip: Path, sha256: str) -> bytes:
    """Six frames of a clip in one JPEG of at most 15 kB."""
    from wan_nb.media import clips
    from wan_nb.media import sources as files

    kept: Path = store.proxy(sha256, STRIP)
    if not kept.exists():
        made = clips.strip(clip)
        with files.atomic(kept) as temporary:
            temporary.write_bytes(made)
    return kept.read_bytes()


def proxy_of(store: Any, clip: Path, sha256: str) -> Path:
    """Light copy of a clip that a browser seeks in at once; made in 1 to 5 s, without sound."""
    from wan_nb.media import clips

    kept: Path = store.proxy(sha256, PROXY)
    with store.making:
        return kept if kept.exists() else clips.proxy(clip, kept)


def sound_of(store: Any, clip: Path, sha256: str) -> Path:
    """Sound of a clip in a file of its own, to go with the light copy."""
    from wan_nb.media import clips

    kept: Path = store.proxy(sha256, SOUND)
    with store.making:
        return kept if kept.exists() else clips.sound(clip, kept)
