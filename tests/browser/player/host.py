"""A page that is the front end of a real widget: what Jupyter's comm carries goes over loopback HTTP instead."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>widget</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/widget.css">
<style>:root{color-scheme:light dark}body{margin:8px}</style><div id="cell"></div>
<script type="module">
import widget from "/widget.js";
const listeners = new Set();
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0)).buffer);
window.sent = [];
const model = {
  on: (_, listener) => listeners.add(listener),
  off: (_, listener) => listeners.delete(listener),
  async send(question) {
    window.sent.push(question.kind);
    const answer = await (await fetch("/ask", { method: "POST", body: JSON.stringify(question) })).json();
    if (answer) for (const listener of [...listeners]) listener(answer.content, answer.buffers.map(bytes));
  },
};
window.leave = widget.render({ model, el: document.getElementById("cell") });
window.listening = () => listeners.size;
</script></html>"""


class Desk:
    """Answers of one widget, each handed to the request that asked."""

    def __init__(self, widget: Any) -> None:
        self.widget = widget
        self.answers: dict[str, tuple[Any, Any]] = {}
        self.arrived = threading.Condition()
        widget.send = self.post  # the one thing replaced: where the comm would take over

    def post(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        with self.arrived:
            self.answers[content["ticket"]] = (content, buffers or [])
            self.arrived.notify_all()

    def ask(self, question: dict[str, Any]) -> bytes:
        self.widget._on_message(self.widget, question, [])
        if question["kind"] == "drop":
            return b"null"
        with self.arrived:
            self.arrived.wait_for(lambda: question["ticket"] in self.answers, timeout=30)
            content, buffers = self.answers.pop(question["ticket"])
        encoded = [base64.b64encode(part).decode() for part in buffers]
        return json.dumps({"content": content, "buffers": encoded}).encode()


@contextmanager
def serve_widget(widget: Any) -> Iterator[str]:
    """Address of a page that shows the widget."""
    desk = Desk(widget)
    files = {
        "/": ("text/html", PAGE),
        "/widget.js": ("text/javascript", str(widget._esm)),
        "/widget.css": ("text/css", str(widget._css)),
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

        def reply(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            kind, text = files[self.path]
            self.reply(kind, text.encode())

        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.reply("application/json", desk.ask(question))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()
