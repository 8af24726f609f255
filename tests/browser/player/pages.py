"""A loopback server for plain pages, and a reader of the frames that videos show."""

from __future__ import annotations

import functools
import http.server
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Reads the numbers out of the frames that videos show now; null where there is no code. All are drawn before any is
# read back: reading takes longer than drawing, and the clips play on meanwhile.
READER = """
window.readCodes = (() => {
  const canvas = document.createElement("canvas");
  canvas.width = 14 * 4;
  canvas.height = 8;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const number = (data) => {
    const bit = (cell) => (data[(cell * 4 + 2) * 4] > 128 ? 1 : 0);
    if (bit(0) !== 1 || bit(1) !== 0) return null;
    let value = 0;
    for (let cell = 2; cell < 14; cell += 1) value = value * 2 + bit(cell);
    return value;
  };
  return (videos) => {
    videos.forEach((video, row) => {
      const scale = video.videoHeight / 544;
      pen.drawImage(video, 0, 8 * scale, video.videoWidth, 16 * scale, 0, row, canvas.width, 1);
    });
    return videos.map((_, row) => number(pen.getImageData(0, row, canvas.width, 1).data));
  };
})();
"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map: ClassVar[dict[str, str]] = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The folder's address on loopback while the block runs."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
