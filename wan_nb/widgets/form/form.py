"""The form: every control from the catalog, checked as it is filled in, submitted to a board beneath."""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import traitlets

from wan_nb.api import catalog
from wan_nb.engine.loop import Worker
from wan_nb.errors import InvalidMedia, InvalidOption, WanError
from wan_nb.frontends import front_end
from wan_nb.html import run_card as html
from wan_nb.html.text import bundle, plain
from wan_nb.sanitize import said
from wan_nb.widgets.assets import module, styles
from wan_nb.widgets.base import NotebookWidget
from wan_nb.widgets.form.form_draft import field_specs
from wan_nb.widgets.form.form_upload import CHUNK, Uploads, size_of
from wan_nb.widgets.output.one_output import one_output
from wan_nb.widgets.output.outputs import as_value, display

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from wan_nb.engine.workspace import Workspace
    from wan_nb.studies.plan_state import PlanState
    from wan_nb.widgets.form.form_draft import Draft
    from wan_nb.widgets.output.outputs import View, Views

__all__ = ["Form"]

_T = TypeVar("_T")

_SUGGESTED = 60
"""Files of the notebook's folder that a path field suggests."""


class Bought(Protocol):
    """What buying one clip returns: a run."""

    id: str
    reused: bool


class Planned(Protocol):
    """What planning several clips returns: a study."""

    def state(self) -> PlanState:
        """The plan beside what the log has of it."""

    def submit(self, *, max_cost: float | None = None) -> object:
        """Buy what is missing."""


class Form(NotebookWidget):
    """The controls of a `Draft`, with the board of what they buy beneath.

    Every message is handed on to one worker thread in the order in which it came: a message may arrive on any thread,
    and measuring a material or submitting takes seconds.

    Parameters
    ----------
    draft : Draft
    views : Views
        Where the board appears.
    submit : callable
        ``submit(prompt, max_cost=..., **fields)`` buys one clip.
    study : callable
        ``study(prompts, seeds=..., **fields)`` plans several.
    """

    _esm = module("dom", "clipboard", "host_page", "form_material", "form")
    _css = styles("base", "form")

    fields: Any = traitlets.List().tag(sync=True)
    values: Any = traitlets.Dict().tag(sync=True)
    checked: Any = traitlets.Dict().tag(sync=True)
    about = traitlets.Dict().tag(sync=True)

    def __init__(
        self, draft: Draft, views: Views, *, submit: Callable[..., Bought], study: Callable[..., Planned]
    ) -> None:
        self.draft, self.views, self._workspace = draft, views, draft.workspace
        self._buy, self._plan = submit, study
        self._uploads = Uploads(self._workspace.store.frames)
        self._worker = Worker("form")
        self._buying = threading.Lock()
        self._view: View | None = None
        super().__init__(
            post=self._workspace.loop.start,
            fields=field_specs(draft.decided),
            values=dict(draft.values),
            checked=draft.check(),
            about=_about(self._workspace),
        )
        self._offered: str | None = None
        self.on_msg(self._on_message)

    def _ipython_display_(self) -> None:
        front = front_end()
        live = front.live
        words = "The form of wan_nb: run this cell to fill it in."
        if not live and not front.kernel:
            words = (
                "A form needs a notebook, such as JupyterLab. Here, wan_nb.submit('a cat walks', first_frame='cat.jpg',"
                " duration=5) makes the same clip, and so does a %%wan cell; %%wan --help lists the options."
            )
        static = bundle(html.remark(words), words)
        with one_output():
            self.shown_by(display(self.bundle(static) if live else static), static)
            if live:  # nothing that a click displays appears anywhere (measured): the board's place is made now, empty
                self._view = self.views.show_empty()

    def _display_(self) -> Any:
        """The same in marimo."""
        return as_value(self._ipython_display_)

    def close(self) -> None:
        """Take the controls away; what was submitted goes on."""
        self._worker.close()
        super().close()

    def _on_message(self, _widget: Any, content: Mapping[str, Any], buffers: list[Any]) -> None:
        work = _WORK.get(str(content.get("kind")))
        if work is None or (content.get("kind") == "submit" and not self._buying.acquire(blocking=False)):
            return  # a second click while the first one is being served is no second order
        self._workspace.loop.start(self._do(work, dict(content), [bytes(buffer) for buffer in buffers]))

    async def _do(self, work: Any, content: dict[str, Any], buffers: list[bytes]) -> None:
        try:
            for run_id in await self._worker.do(self._serve, work, content, buffers):
                if self._view is not None:
                    await self._view.add(await self._workspace.account.ask_log(self._workspace.row, run_id))
        finally:
            if content["kind"] == "submit":
                self._buying.release()

    def _serve(self, work: Any, content: dict[str, Any], buffers: list[bytes]) -> list[str]:
        """Do what a message asks for. A click has no cell that could raise, so the form says what went wrong."""
        try:
            run_ids: list[str] = work(self, content, buffers) or []
        except InvalidMedia as error:
            name = str(content.get("field") or error.field)
            self.draft.refuse(name, error.message)
            self.send({"kind": "refused", "field": name})
            self._tell()
        except WanError as error:
            self.send({"kind": "said", "text": plain(str(error), 500)})
        except Exception as error:  # noqa: BLE001  # see above
            self.send({"kind": "said", "text": plain(f"{type(error).__name__}: {said(error)}", 500)})
        else:
            return run_ids
        return []

    # --- what the messages mean, on the worker

    def _set(self, content: dict[str, Any], _buffers: list[bytes]) -> None:
        values = content.get("values")
        self.draft.set_all({str(name): value for name, value in values.items()} if isinstance(values, dict) else {})
        self._tell(content)

    def _give(self, content: dict[str, Any], _buffers: list[bytes]) -> None:
        name, text = str(content.get("field")), str(content.get("text") or "").strip()
        if text:
            self.draft.give(name, text)
        else:
            self.draft.drop(name)
        self._tell()
        self._preview(name)

    def _order(self, content: dict[str, Any], _buffers: list[bytes]) -> None:
        slots = content.get("slots")
        self.draft.order(str(content.get("field")), [str(slot) for slot in slots] if isinstance(slots, list) else [])
        self._tell()

    def _begin(self, content: dict[str, Any], _buffers: list[bytes]) -> None:
        name = str(content.get("field"))
        self._uploads.begin(name, str(content.get("name")), size_of(content.get("size")))
        self.send({"kind": "got", "field": name, "received": 0})

    def _piece(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        name = str(content.get("field"))
        received = self._uploads.piece(name, size_of(content.get("index")), buffers[0] if buffers else b"")
        self.send({"kind": "got", "field": name, "received": received})

    def _end(self, content: dict[str, Any], _buffers: list[bytes]) -> None:
        name = str(content.get("field"))
        path, called = self._uploads.end(name, str(content.get("sha256") or ""))
        self.draft.give(name, path, called)
        self.send({"kind": "arrived", "field": name})
        self._tell()
        self._preview(name)

    def _hello(self, _content: dict[str, Any], _buffers: list[bytes]) -> None:
        """A page has opened the form, perhaps again."""
        for name in list(self.draft.media):
            self._preview(name)

    def _listen(self, content: dict[str, Any], _buffers: list[bytes]) -> None:
        name = str(content.get("field"))
        medium = self.draft.media.get(name)
        if medium is not None and medium.path is not None:
            mime = catalog.MEDIA[medium.kind].mimes[0]
            self.send({"kind": "play", "field": name, "type": mime}, [medium.path.read_bytes()])

    def _code(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        self._set(content, buffers)
        state = self._planned().state() if self.draft.is_study else None
        self.send({"kind": "code", "code": self.draft.code(state)})

    def _submit(self, content: dict[str, Any], buffers: list[bytes]) -> list[str]:
        self._set(content, buffers)
        if not self.checked["ready"]:
            self.send({"kind": "said", "text": "Mend the marked fields first; nothing was sent."})
            return []
        if self.draft.is_study:
            return self._submit_study()
        prompt, fields = self.draft.prompts.get(""), self.draft.fields()
        price = self._workspace.request(prompt, **fields).price(self._workspace.endpoint.region)
        run = self._asked(lambda most: self._buy(prompt, **fields, max_cost=most), price)
        there = "was there already; nothing was bought again" if run.reused else "is on its way; see below"
        self.send({"kind": "said", "text": f"Run {run.id[:8]} {there}."})
        return [run.id]

    def _asked(self, buy: Callable[[float | None], _T], price: float) -> _T:
        """Buy, or say which earlier run it may be; pressed once more, it buys for this price."""
        try:
            return buy(None)
        except InvalidOption as error:
            if error.run_id is None:
                raise
            if error.run_id == self._offered:
                return buy(price)
            self._offered = error.run_id
            error.remedy = f"`%wan show {error.run_id[:8]}` shows it; press Submit again to buy a new clip."
            raise

    def _planned(self) -> Planned:
        prompts, fields = self.draft.study()
        return self._plan(prompts, **fields)

    def _submit_study(self) -> list[str]:
        study = self._planned()
        before = study.state()
        count = len(before.missing)
        self._asked(lambda most: study.submit(max_cost=most), before.cost)
        clips = (
            f"{count} clip{'' if count == 1 else 's'} on the way, see below"
            if count
            else "all clips were there already"
        )
        opened = f'study = wan_nb.study(name="{before.plan.name}") to compare and vote.'
        after = study.state()
        self.send({"kind": "said", "text": "\n".join([f"{clips}. {opened}", *after.notes])})
        return [row.run_id for row in after.sorted_rows]

    def _tell(self, asked: Mapping[str, Any] = MappingProxyType({})) -> None:
        """What the request is like now, and which page's question that answers.

        The trait is changed in place: it is what a reloaded page asks for.
        """
        self.checked.clear()
        self.checked.update(self.draft.check())
        self.values.update(self.draft.values)
        answers = {"n": asked.get("n"), "page": asked.get("page")}
        self.send({"kind": "checked", "checked": dict(self.checked), **answers})

    def _preview(self, name: str) -> None:
        """A small picture of a material of this machine; after the facts, which clear the place for it."""
        medium = self.draft.media.get(name)
        if medium is None or medium.path is None or medium.kind == "audio":
            return
        self.send({"kind": "preview", "field": name}, [_thumbnail(medium.path, medium.kind)])


_WORK = {
    "set": Form._set,
    "give": Form._give,
    "order": Form._order,
    "begin": Form._begin,
    "piece": Form._piece,
    "end": Form._end,
    "hello": Form._hello,
    "listen": Form._listen,
    "code": Form._code,
    "submit": Form._submit,
}


def _thumbnail(path: Path, kind: str) -> bytes:
    """JPEG of a picture, or of three frames of a clip."""
    if kind == "clip":
        from wan_nb.media.clips import strip

        return strip(path, frames=3)
    from wan_nb.media.images import thumbnail

    return thumbnail(path, 480)


def _about(workspace: Workspace) -> dict[str, Any]:
    """What does not change: the service, and files that may be meant."""
    folder = workspace.notebook
    files: dict[str, list[str]] = {}
    for kind in catalog.MEDIA.values():
        near = [*folder.iterdir(), *(path for sub in folder.iterdir() if sub.is_dir() for path in _files(sub))]
        named = sorted(str(path.relative_to(folder)) for path in near if path.suffix.lower() in kind.suffixes)
        files[kind.name] = [plain(name, 300) for name in named if not name.startswith((".", "wan_runs"))][:_SUGGESTED]
    name = workspace.endpoint.name
    return {"service": plain(name, 80), "simulated": name == "simulator", "files": files, "chunk": CHUNK}


def _files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except OSError:
        return []
