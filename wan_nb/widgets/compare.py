"""Clips side by side and on top of each other, in the notebook.

The kernel's side answers questions: a page of clips, the bytes of one. Answers go by custom message with the bytes as
buffers, never by synced traits, so a session adds a few kilobytes to the notebook however long it lasts.
"""

from __future__ import annotations

import base64
import contextvars
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from wan_nb.arguments import whole
from wan_nb.errors import InvalidOption
from wan_nb.frontends import front_end
from wan_nb.html.elements import cell, line_of, table, tag
from wan_nb.html.text import bundle, isolated, plain
from wan_nb.log.marks import columns as columns_of
from wan_nb.log.marks import marks_of
from wan_nb.media.clips import shrunk
from wan_nb.sanitize import said
from wan_nb.studies.ranking.remarks import ACROSS_MODELS
from wan_nb.terminal import printed
from wan_nb.widgets import clip_pages
from wan_nb.widgets.assets import PLAYER, module, styles
from wan_nb.widgets.base import NOTHING, NotebookWidget
from wan_nb.widgets.output.one_output import one_output, shared_output
from wan_nb.widgets.output.outputs import display

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row
    from wan_nb.widgets.clip_pages import Clip, Load

__all__ = ["STATIC_CLASS", "ClipWidget", "CompareWidget", "compare_rows", "read_clip"]

STATIC_CLASS = "wan-c-still"
"""Class of the picture that stands in for a widget; style sheets hide it while the widget is there."""

Mark = Callable[[str, Mapping[str, Any]], dict[str, Any]]
"""``mark(id, mark)``: takes down what a person says of a clip; see `wan_nb.log.marks`."""

_STATIC_BYTES = 30_000  # pictures of the static output, which is saved with the notebook


def read_clip(clips: Sequence[Clip]) -> Load:
    """A `Load` that reads the files as they are: the proxy, or the original where there is none."""
    by_id = {clip["id"]: clip for clip in clips}

    def load(clip_id: str, quality: str) -> bytes:
        clip = by_id[clip_id]
        path = (clip.get("proxy") if quality == "proxy" else None) or clip["video"]
        return Path(path).read_bytes()

    return load


class ClipWidget(NotebookWidget):
    """What a comparison and a vote share: questions with tickets, and clips read off the main thread.

    Parameters
    ----------
    load : callable
        See `wan_nb.widgets.clip_pages.Load`.
    """

    def __init__(self, *, load: Load) -> None:
        super().__init__()
        self._load = load
        self._one = threading.Lock()  # proxies are made one at a time: two encoders would starve the kernel
        self._dropped: set[str] = set()
        self._shown: Any = None
        self._alone = False  # whether one output holds the widget and what stands in for it
        self.on_msg(self._on_message)

    def answer(self, question: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """Answer to one question other than for bytes: content and buffers."""
        raise NotImplementedError

    def clip_id(self, asked: str) -> str:
        """The run behind the name by which the browser knows a clip."""
        return asked

    def static_bundle(self) -> dict[str, str]:
        """MIME bundle of what is left to see where there is no kernel."""
        raise NotImplementedError

    def _ipython_display_(self, **_: Any) -> None:
        """The widget where somebody sits, and in its place what the saved notebook shows without it.

        Where a page knows no such places that is an output of its own, beneath the widget.
        """
        with one_output():
            self._alone = shared_output() is not None
            if not self._alone and front_end().live:
                self.shown_by(display(self.bundle(NOTHING)), NOTHING)
            self._shown = display(self._still())

    def _still(self) -> dict[str, Any]:
        """What is kept up to date for the saved notebook."""
        static = self.static_bundle()
        return self.bundle(static) if self._alone else static

    def _on_message(self, _widget: Any, question: Mapping[str, Any], _buffers: Any) -> None:
        ticket = str(question.get("ticket", ""))
        if not ticket:
            return
        if question.get("kind") == "drop":
            self._dropped.add(ticket)
        elif question.get("kind") == "get":
            # A copied context keeps what the thread says with this cell; a daemon does not hold up the kernel's end.
            run = contextvars.copy_context().run
            threading.Thread(target=run, args=(self._fetch, dict(question), ticket), daemon=True).start()
        else:
            self._reply(ticket, lambda: self.answer(question))

    def _fetch(self, question: Mapping[str, Any], ticket: str) -> None:
        with self._one:
            if ticket in self._dropped:
                self._dropped.discard(ticket)
                return
            quality = "original" if question.get("quality") == "original" else "proxy"
            self._reply(ticket, lambda: ({}, [self._load(self.clip_id(str(question.get("id"))), quality)]))
            self._dropped.discard(ticket)

    def _reply(self, ticket: str, make: Callable[[], tuple[dict[str, Any], list[bytes]]]) -> None:
        try:
            content, buffers = make()
        except Exception as error:  # noqa: BLE001 (nobody reads the kernel's log: whoever asked is told)
            content, buffers = {"error": plain(said(error), 300)}, []
        self.send({**content, "ticket": ticket}, buffers)


@printed
class CompareWidget(ClipWidget):
    """Players on one clock: grid, wipe, difference, onion skin, swap; word diff of the prompts; pages of six.

    Parameters
    ----------
    clips : sequence of Clip
    columns : int, optional
        Columns of the grid; as many as there are variants when None.
    load : callable, optional
        See `wan_nb.widgets.clip_pages.Load`; reads the clips' own files when None.
    mark : callable, optional
        Takes down the mark of a run, given its id, and returns its marks; no stars, notes and tags when None.

    Examples
    --------
    >>> CompareWidget([{"id": "3f9c", "label": "calm", "video": "calm.mp4"}])
    CompareWidget(1 clip)
    """

    _esm = module(*PLAYER, "clipboard", "marks", "compare")
    _css = styles("player", "marks")

    def __init__(
        self, clips: Sequence[Clip], *, columns: int | None = None, load: Load | None = None, mark: Mark | None = None
    ) -> None:
        super().__init__(load=load or read_clip(clips))
        self.clips = list(clips)
        self.columns = columns
        self._mark = mark

    def answer(self, question: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """One page: what is known of its clips, and their strips; or a mark is taken down; or code for a frame."""
        if question.get("kind") == "mark":
            clip_id = str(question.get("id"))
            return {"id": clip_id, "marks": self._marked(clip_id, question.get("mark"))}, []
        if question.get("kind") == "frame":
            return {"code": self._frame(str(question.get("id")), question.get("frame"))}, []
        laid = clip_pages.pages(self.clips, str(question.get("order") or clip_pages.ORDER), self.columns)
        page = min(max(0, int(question.get("page") or 0)), max(0, len(laid) - 1))
        names = clip_pages.differing(self.clips)
        strips: list[bytes] = []
        clips = []
        for place in laid[page] if laid else []:
            picture = place["clip"].get("strip")
            strips.extend([picture] if picture else [])
            number = len(strips) - 1 if picture else None
            spot = {"row": place["row"], "column": place["column"], "strip": number}
            clips.append({**clip_pages.public(place["clip"], names), **spot})
        prompts = clip_pages.prompts(clips)
        about = {
            "page": page,
            "pages": max(1, len(laid)),
            "total": len(self.clips),
            "orders": clip_pages.orders(self.clips),
            "measures": clip_pages.NAMED_MEASURES,
            "prompts": prompts,
            "remark": _remark(self.clips),
        }
        return {"clips": clips, "marked": self._mark is not None, **about}, strips

    def _frame(self, clip_id: str, frame: Any) -> str:
        """Code that takes a frame of a clip, to be the material of another one."""
        number = whole(frame, "a frame is a whole number from 0", 0)
        if not any(clip["id"] == clip_id and clip.get("video") for clip in self.clips):
            raise InvalidOption("this clip has no frame to use.")
        return f"import wan_nb; frame = wan_nb.run({clip_id!r}).frame({number})"

    def _marked(self, clip_id: str, mark: Any) -> dict[str, Any]:
        clip = next((clip for clip in self.clips if clip["id"] == clip_id), None)
        if clip is None or self._mark is None or not isinstance(mark, Mapping):
            raise InvalidOption("this clip takes no marks here.")
        clip["marks"] = marks = self._mark(clip_id, mark)
        clip["rating"] = marks["rating"]
        return marks

    def __repr__(self) -> str:
        return f"CompareWidget({len(self.clips)} clip{'' if len(self.clips) == 1 else 's'})"

    def static_bundle(self) -> dict[str, str]:
        """A table of labels, prompts and strips."""
        if front_end().kernel:
            lines = dict.fromkeys(f"{clip['label']}: {clip.get('prompt') or ''}" for clip in self.clips)
        else:  # where it stays words, they say where the clips are, and what shows them side by side
            lines = dict.fromkeys(map(_as_words, self.clips))
        words = [plain(line, 400) for line in list(lines)[: 2 * clip_pages.LIVE]]
        if len(lines) > len(words):
            words.append(f"and {len(lines) - len(words)} more")
        words += [remark] if (remark := _remark(self.clips)) else []
        if not front_end().kernel:
            words.append(_WITHOUT_A_PAGE)
        return bundle(static_html(self.clips), "\n".join(words))


def compare_rows(workspace: Workspace, rows: Sequence[Row], *, columns: int | None = None) -> CompareWidget:
    """The comparison of some runs.

    Raises
    ------
    InvalidOption
        There is none, or no such number of columns.
    """
    if columns is not None:
        columns = whole(columns, "columns must be 1 or more", 1)
    if not rows:
        raise InvalidOption("there are no runs to compare.", remedy="wan_nb.runs() lists what the log has.")
    clips = clip_pages.clips_of(workspace, rows)

    def mark(run_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
        return marks_of(workspace.write(run_id, **columns_of(workspace.row(run_id), given)))

    return CompareWidget(clips, columns=columns, load=clip_pages.loader(workspace, rows), mark=mark)


_WITHOUT_A_PAGE = (
    "Side by side they are in a notebook, such as JupyterLab, in the page that study.report() writes, or in one clip:"
    " study.movie('walk.mp4')."
)


def _remark(clips: Sequence[Clip]) -> str:
    """What comparing can tell where the clips are of several models; empty where they are of one."""
    models = {model for clip in clips if (model := (clip.get("params") or {}).get("model"))}
    return ACROSS_MODELS if len(models) > 1 else ""


def _as_words(clip: Clip) -> str:
    known = clip_pages.public(clip)
    seed = "" if known["seed"] is None else f", seed {known['seed']}"
    place = clip.get("video") or known["note"] or "no clip"
    return f"{clip['label']}{seed}: {place}"


_NAME = "max-width:240px;white-space:normal;overflow-wrap:anywhere"


def static_html(clips: Sequence[Clip]) -> Markup:
    """Variants with their prompt and the strips of their clips as plain HTML, small enough for a notebook."""
    shown = clips[: 2 * clip_pages.LIVE]
    rows: dict[tuple[str, str], list[Markup]] = {}
    for clip in shown:
        rows.setdefault((clip["label"], clip.get("prompt") or ""), []).append(_static_clip(clip, len(shown)))
    lines = [
        line_of(
            cell(isolated(label, 120), head="row", style=_NAME),
            cell(isolated(prompt, 400), *found, style="overflow-wrap:anywhere"),
        )
        for (label, prompt), found in rows.items()
    ]
    rest = tag("p", f"and {len(clips) - len(shown)} more") if len(clips) > len(shown) else ""
    remark = tag("p", told) if (told := _remark(clips)) else ""
    return tag("div", table(Markup(), lines, style="margin:0"), rest, remark, **{"class": STATIC_CLASS})


def _static_clip(clip: Clip, shown: int) -> Markup:
    known = clip_pages.public(clip)
    facts = [f"seed {known['seed']}"] if known["seed"] is not None else []
    facts += [known["note"]] if known["note"] else []
    facts += ["SIMULATED"] if known["simulated"] else []
    picture = Markup()
    with suppress(OSError, ValueError):  # what is no picture is left out
        data = base64.b64encode(shrunk(clip.get("strip") or b"", _STATIC_BYTES // shown)).decode()
        style = "display:block;width:480px;max-width:100%"
        picture = tag("img", src=f"data:image/jpeg;base64,{data}", alt="Frames of the clip", style=style)
    return tag("div", picture, tag("small", " · ".join(facts)), style="margin:4px 0 0")
