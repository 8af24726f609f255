"""A report for whom the clips are made for: clips, prompts and what was chosen, in plain words and without figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wan_nb.reporting.data import StudyData
    from wan_nb.widgets.clip_pages import Clip

__all__ = ["for_client"]


def for_client(data: StudyData, *, title: str, winner: str, finals: Sequence[Clip] = ()) -> StudyData:
    """What a client is told of a study: no price, id, seed, measure or vote, and no clip that is not there.

    Parameters
    ----------
    data : StudyData
        All of it.
    title : str
    winner : str
        The variant that the votes have decided on; empty while they have not.
    finals : sequence of Clip
        Shown first.
    """
    tried = [clip for clip in data.get("clips", ()) if clip.get("video") and not clip.get("marks", {}).get("dropped")]
    tried.sort(key=lambda clip: clip.get("variant") != winner)  # stable: the winner first, the others in their order
    blocks = {block: str(at) for at, block in enumerate(dict.fromkeys(clip.get("block") for clip in tried), 1)}
    shown = [_plain(clip, at, "final", f"{clip['label']} (final)") for at, clip in enumerate(finals)]
    shown += [_plain(clip, len(shown) + at, blocks[clip.get("block")]) for at, clip in enumerate(tried)]
    wins = next((row.get("wins", 0) for row in data.get("ranking") or () if row["variant"] == winner), 0)
    won = f" It was preferred in {wins} blind comparison{'' if wins == 1 else 's'}." if wins else ""
    return {
        "name": title,
        "created": str(data.get("created", ""))[:10],
        "clips": shown,
        "marked": False,
        "sentences": [f"Chosen: {winner}.{won}"] if winner else [],
    }


def _plain(clip: Clip, at: int, block: str, label: str = "") -> Clip:
    told: dict[str, Any] = {name: value for name, value in clip.items() if name not in _OWN}
    kept: Mapping[str, Any] = {"id": f"clip {at + 1}", "block": block, "label": label or clip["label"]}
    return {**told, **kept}  # type: ignore[typeddict-item]


_OWN = frozenset({"cost", "currency", "marks", "measures", "params", "rating", "seed"})
"""What is the maker's own business."""
