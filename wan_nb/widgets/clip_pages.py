"""Clips as a comparison takes them, in the order and on the pages in which they are compared."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from wan_nb.api.recorded import items_of
from wan_nb.errors import InvalidMedia, InvalidOption
from wan_nb.html.text import ACTIVE, plain, state
from wan_nb.html.word_diff import alike, word_diff
from wan_nb.log.marks import marks_of
from wan_nb.studies.measures.words import measure_word
from wan_nb.studies.rounding import steady
from wan_nb.studies.study_cell import relabelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row

__all__ = [
    "LIVE",
    "NAMED_MEASURES",
    "ORDER",
    "Clip",
    "Load",
    "Pair",
    "clips_of",
    "differing",
    "loader",
    "orders",
    "pages",
    "prompts",
    "public",
]

Load = Callable[[str, str], bytes]
"""``load(id, quality)``: bytes of a clip, quality ``"proxy"`` or ``"original"``. It may take seconds: it is called in a
worker thread, one call at a time."""

LIVE = 6
"""Most clips that play at once: each one holds a decoder and its frames."""

ORDER = "as given"
"""Blocks in rows, variants in columns, both as they first appear."""

NAMED_MEASURES = {name: measure_word(name) for name in ("motion", "cuts", "sharp", "brightness_drift")}
"""The measures that a comparison shows, in words that a person can name; all of them: ``study.measures()``."""

_PLAIN_ORDERS = ("label", "seed", "status", "cost", "rating")


class Clip(TypedDict, total=False):
    """One run as the comparison sees it; ``id`` and ``label`` are always there.

    ``video`` and ``proxy`` are paths of the original and of the small short-GOP copy, ``sound`` of the sound that the
    copy lacks, ``strip`` a JPEG of frames side by side, ``seconds`` and ``fps`` facts of the clip, ``cost`` in
    ``currency``, ``rating`` 1 to 5, ``measures`` numbers by name. A run without a clip has ``video`` None and its
    ``status`` says why.
    """

    id: str
    label: str
    variant: str
    block: str
    seed: int | None
    prompt: str
    params: Mapping[str, Any]
    video: Any
    proxy: Any
    sound: Any
    strip: bytes | None
    seconds: float | None
    fps: float | None
    width: int | None
    height: int | None
    has_audio: bool | None
    simulated: bool
    cost: float | None
    currency: str | None
    status: str
    rating: int | None
    marks: Mapping[str, Any]
    measures: Mapping[str, float | None]


class Pair(TypedDict):
    """Two clips of one block, the sides already drawn by whoever asks; more keys may stand beside them."""

    left: Clip
    right: Clip


def clips_of(workspace: Workspace, rows: Sequence[Row]) -> list[Clip]:
    """Rows as the comparison takes them; rows without a clip stay in, with their state."""
    workspace.bring(rows)
    rows = relabelled(rows)
    found = workspace.log.measures([row.video_sha256 for row in rows if row.video_sha256])
    return [_clip(workspace, row, found.get(row.video_sha256 or "", {})) for row in rows]


def _clip(workspace: Workspace, row: Row, measures: dict[str, Any]) -> Clip:
    parameters = {k: v for k, v in row.request.get("parameters", {}).items() if k != "seed"}  # said by itself
    return {
        "id": row.run_id,
        "label": row.variant or (row.prompt or row.run_id)[:60],
        "variant": row.variant or row.run_id[:6],
        "block": row.block or "",
        "seed": row.seed,
        "prompt": row.prompt or "",
        "params": {**parameters, "model": row.model, **_materials(row)},
        "video": workspace.video(row),
        "strip": workspace.strip(row),
        "seconds": row.clip_s,
        "fps": row.fps,
        "width": row.width,
        "height": row.height,
        "has_audio": row.has_audio,
        "simulated": row.simulated,
        "cost": row.cost,
        "currency": row.currency,
        "status": str(row.status),
        "rating": row.rating,
        "marks": marks_of(row),
        "measures": measures,
    }


def _materials(row: Row) -> dict[str, str]:
    named: dict[str, list[str]] = {}
    for name, _, item in items_of(row.request):
        named.setdefault(name, []).append(Path(str(item.get("name") or "")).name)
    return {name: ", ".join(names) for name, names in named.items()}


def loader(workspace: Workspace, rows: Sequence[Row]) -> Load:
    """Bytes of a clip for the browser: a short-GOP copy made on first use, or the clip itself for a paused frame."""
    by_id = {row.run_id: row for row in rows}

    def load(run_id: str, quality: str) -> bytes:
        row = by_id[run_id]
        video, light = workspace.video(row), None
        with suppress(InvalidMedia):  # what cannot be decoded here, the browser may play
            light = workspace.light(row) if quality == "proxy" else None
        if video is None:
            raise InvalidOption("the clip is no longer on disk.", run_id=run_id)
        return (light[0] if light else video).read_bytes()

    return load


def differing(clips: Sequence[Clip]) -> list[str]:
    """Names of the parameters that are not the same in all clips: the others say nothing in a comparison.

    >>> differing([{"params": {"duration": 5, "model": "a"}}, {"params": {"duration": 10, "model": "a"}}])
    ['duration']
    """
    names = dict.fromkeys(name for clip in clips for name in clip.get("params") or {})
    return [name for name in names if len({repr((clip.get("params") or {}).get(name)) for clip in clips}) > 1]


def orders(clips: Sequence[Clip]) -> list[str]:
    """What clips can be put in order by: the order of the study, then every column in which they differ."""
    measured = [name for name in NAMED_MEASURES if any(name in (clip.get("measures") or {}) for clip in clips)]
    names = [*_PLAIN_ORDERS, *differing(clips), *measured]
    return [ORDER, *(name for name in dict.fromkeys(names) if len({repr(_value(clip, name)) for clip in clips}) > 1)]


def pages(clips: Sequence[Clip], order: str = ORDER, columns: int | None = None) -> list[list[dict[str, Any]]]:
    """Pages of at most `LIVE` clips, each clip with its place ``row`` and ``column`` (None: wherever there is room).

    Parameters
    ----------
    clips : sequence of Clip
    order : str
        One of `orders`; an unknown one is the order of the study. Clips without the value come last.
    columns : int, optional
        Columns of the grid; as many as there are variants when None and that fits.

    Returns
    -------
    list of list of dict
        ``{"clip", "row", "column"}``.

    Examples
    --------
    >>> made = [{"id": f"{v}{s}", "variant": v, "block": str(s)} for s in (1, 2) for v in "AB"]
    >>> [(p["clip"]["id"], p["row"], p["column"]) for p in pages(made)[0]]
    [('A1', 0, 0), ('B1', 0, 1), ('A2', 1, 0), ('B2', 1, 1)]
    >>> [(p["clip"]["id"], p["row"]) for p in pages([made[0], made[3]])[0]]
    [('A1', None), ('B2', None)]
    """
    if order != ORDER and order in orders(clips):
        ranked = sorted(clips, key=lambda clip: _key(_value(clip, order)))
        return [_flow(ranked[start : start + LIVE], columns) for start in range(0, len(ranked), LIVE)]
    variants = list(dict.fromkeys(clip.get("variant", "") for clip in clips))
    rows: dict[str, list[Clip]] = {}
    for clip in clips:
        rows.setdefault(clip.get("block", ""), []).append(clip)
    # A grid needs one clip in each of its cells at most; repeats of a cell simply follow each other.
    single = all(len({clip.get("variant", "") for clip in row}) == len(row) for row in rows.values())
    # Where no two of them share a picture and a seed, they would stand on a diagonal.
    beside = any(len(row) > 1 for row in rows.values())
    if columns is None and single and beside and 1 < len(variants) <= LIVE:
        return _grid(list(rows.values()), variants)
    flat = [clip for row in rows.values() for clip in row]
    return [_flow(flat[start : start + LIVE], columns) for start in range(0, len(flat), LIVE)]


def _grid(rows: Sequence[Sequence[Clip]], variants: Sequence[str]) -> list[list[dict[str, Any]]]:
    """Whole blocks on each page, every variant in its own column, so that a missing clip leaves its place empty."""
    deep = max(1, LIVE // len(variants))
    return [
        [
            {"clip": clip, "row": row, "column": variants.index(clip.get("variant", ""))}
            for row, block in enumerate(rows[start : start + deep])
            for clip in sorted(block, key=lambda clip: variants.index(clip.get("variant", "")))
        ]
        for start in range(0, len(rows), deep)
    ]


def _flow(clips: Iterable[Clip], columns: int | None) -> list[dict[str, Any]]:
    if columns is None:
        return [{"clip": clip, "row": None, "column": None} for clip in clips]
    return [{"clip": clip, "row": at // columns, "column": at % columns} for at, clip in enumerate(clips)]


def _value(clip: Clip, name: str) -> Any:
    for home in (clip, clip.get("params") or {}, clip.get("measures") or {}):
        if name in home:
            value = home[name]  # type: ignore[literal-required, index, unused-ignore]
            return steady(value) if isinstance(value, float) else value
    return None


def _key(value: Any) -> tuple[int, float, str]:
    if value is None or value != value:  # noqa: PLR0124 (NaN is not itself, and no number of any order)
        return (2, 0.0, "")
    return (0, float(value), "") if isinstance(value, (int, float)) else (1, 0.0, str(value))


def public(clip: Clip, names: Sequence[str] = ()) -> dict[str, Any]:
    """What the browser may know of a clip: text that is safe to show, numbers, no path and no bytes.

    Parameters
    ----------
    clip : Clip
    names : sequence of str
        Parameters to show.
    """
    params = clip.get("params") or {}
    measures = {plain(name, 60): _number(value) for name, value in (clip.get("measures") or {}).items()}
    playable = bool(clip.get("video") or clip.get("proxy"))
    return {
        "id": clip["id"],
        "label": plain(clip.get("label"), 120),
        "variant": plain(clip.get("variant"), 120),
        "block": plain(clip.get("block"), 120),
        "prompt": plain(clip.get("prompt"), 6_000),
        "params": {plain(name, 60).replace("_", " "): _shown(params[name]) for name in names if name in params},
        "playable": playable,
        "note": "" if playable else _absent(str(clip.get("status", ""))),
        "marks": _marks(clip.get("marks") or {}),
        "has_audio": bool(clip.get("has_audio")),
        "simulated": bool(clip.get("simulated")),
        "currency": plain(clip.get("currency"), 8),
        "measures": {name: value for name, value in measures.items() if value is not None},
        **{name: _number(clip.get(name)) for name in ("seed", "seconds", "fps", "width", "height", "cost", "rating")},
    }


def _absent(status: str) -> str:
    """Why there is no clip to play, in words."""
    if status == "SUCCEEDED":
        return "Its file is not on this disk."
    word = state(status).word or "missing"
    return f"No clip yet: {word}." if status in ACTIVE else f"No clip: {word}."


def _marks(marks: Mapping[str, Any]) -> dict[str, Any]:
    tags = [plain(tag, 60) for tag in marks.get("tags") or ()]
    note = plain(marks.get("note"), 2000)
    return {"rating": marks.get("rating"), "note": note, "tags": tags, "dropped": bool(marks.get("dropped"))}


def prompts(clips: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Prompts of `public` clips, each once, as what turns the first one into it, word by word; unlike ones plainly.

    Returns
    -------
    list of dict
        ``names`` of the variants, ``runs`` of `wan_nb.html.word_diff`.

    Examples
    --------
    >>> prompts([{"prompt": "a cat sits", "variant": "calm"}, {"prompt": "a cat runs", "variant": "wild"}])[1]
    {'names': ['wild'], 'runs': [('same', 'a cat '), ('gone', 'sits'), ('new', 'runs')]}
    """
    names: dict[str, dict[str, None]] = {}
    for clip in clips:
        if clip["prompt"]:
            names.setdefault(clip["prompt"], {})[clip["variant"] or clip["label"]] = None
    first = next(iter(names), "")
    return [
        {"names": list(own), "runs": word_diff(first, text) if alike(first, text) else [("same", text)]}
        for text, own in names.items()
    ]


def _number(value: Any) -> float | int | None:
    """JSON knows no NaN; numpy and pandas numbers become plain ones."""
    if value is None or value != value:  # noqa: PLR0124 (NaN is not itself)
        return None
    return int(value) if float(value).is_integer() else float(value)


def _shown(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float)) and value == value else plain(value, 200)  # noqa: PLR0124
