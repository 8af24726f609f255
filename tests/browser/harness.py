"""A page with one of our ES modules in it, a model that records, and JupyterLab's own theme variables.

Fast checks of what a module draws. What needs a kernel, a server or a notebook is tested in a real JupyterLab.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from wan_nb.widgets.assets import STATIC, styles

THEMES = Path(sys.prefix) / "share/jupyter/lab/themes/@jupyterlab"
ORIGIN = "http://harness.test"

MODEL = """
class Model {
  constructor(state) { this.state = state; this.handlers = {}; this.sent = []; }
  get(name) { return this.state[name]; }
  set(name, value) { this.state[name] = value; this.fire("change:" + name); }
  save_changes() {}
  on(event, handler) { (this.handlers[event] ??= []).push(handler); }
  off(event, handler) { this.handlers[event] = (this.handlers[event] ?? []).filter((h) => h !== handler); }
  send(content, callbacks, buffers) { this.sent.push(content); this.buffers = buffers; }
  fire(event, ...args) { for (const handler of [...(this.handlers[event] ?? [])]) handler(...args); }
}
"""


def mount(
    page: Any, module: str, state: dict[str, Any], *, theme: str = "light", width: int = 900, host: bool = False
) -> None:
    """Open a page that shows `module` with `state`; ``window.model`` is its model, ``window.done()`` its clean-up.

    With `host` the page calls itself JupyterLab, where a widget looks for its place in plain HTML.
    """
    css = (THEMES / f"theme-{theme}-extension" / "index.css").read_text() if THEMES.exists() else ""
    name = module.rpartition(".")[0]
    own = styles(
        "base", *(["marks"] if name == "board" else []), *([name] if (STATIC / f"{name}.css").is_file() else [])
    )  # as the widget has them
    background = "var(--jp-layout-color0, Canvas)"
    body = f"""<!doctype html><html lang="en"><head><title>{name}</title>
<meta charset="utf-8"><style>{css}</style><style>{own}</style>
<style>body {{ margin: 0; padding: 12px; background: {background}; color: var(--jp-ui-font-color1) }}</style></head>
<body{' data-jp-theme-name="x"' if host else ""}><main id="stage" style="max-width:{width}px"></main>
<script type="module">{MODEL}
import module from "./{module}";
const model = window.model = new Model({json.dumps(state).replace("<", chr(92) + "u003c")});
const undo = module.initialize?.({{ model }});
const close = module.render({{ model, el: document.getElementById("stage") }});
window.done = () => {{ close?.(); undo?.(); }};
window.ready = true;
</script></body></html>"""

    def serve(route: Any) -> None:
        path = route.request.url.removeprefix(ORIGIN + "/").partition("?")[0]
        if path == "page":
            route.fulfill(body=body, content_type="text/html; charset=utf-8")
        elif (STATIC / path).is_file():
            route.fulfill(body=(STATIC / path).read_text(), content_type="text/javascript")
        else:
            route.fulfill(status=204)

    page.route(f"{ORIGIN}/**", serve)
    page.goto(f"{ORIGIN}/page")
    page.wait_for_function("window.ready")


def tell(page: Any, message: dict[str, Any], buffers: list[bytes] | None = None) -> None:
    """A message from the kernel."""
    page.evaluate(
        "([m, b]) => model.fire('msg:custom', m, b.map((x) => new DataView(new Uint8Array(x).buffer)))",
        [message, [list(buffer) for buffer in buffers or []]],
    )
