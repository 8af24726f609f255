"""A kernel with somebody in front of it, for tests that need its messages and its stop button."""

from __future__ import annotations

import os
import time
from queue import Empty
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from pathlib import Path


class Kernel:
    """A real kernel, as a notebook talks to it.

    Attributes
    ----------
    heard : list of dict
        Every message of its output channel so far, those to widgets too.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(folder), env={**os.environ, **environment})
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)
        self.heard: list[dict[str, Any]] = []

    def begin(self, code: str) -> str:
        """Send a cell without waiting for it."""
        return self.client.execute(code, allow_stdin=True)

    def result(self, cell: str, seconds: float = 120.0) -> tuple[str, str]:
        """Error name (empty for none) and all text of a cell, once it has ended."""
        said, name = [], ""
        give_up = time.monotonic() + seconds
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except Empty:
                assert time.monotonic() < give_up, f"the cell did not end: {said}"
                continue
            self.heard.append(message)
            if message["parent_header"].get("msg_id") != cell:
                continue
            content = message["content"]
            if message["msg_type"] == "error":
                name = content["ename"]
                said += content["traceback"]
            elif message["msg_type"] == "stream":
                said.append(content["text"])
            elif "data" in content:
                said.append(content["data"].get("text/plain", ""))
            elif content.get("execution_state") == "idle":
                return name, "\n".join(said)

    def run(self, code: str) -> str:
        """Text of a cell that must not fail."""
        name, said = self.result(self.begin(code))
        assert not name, said
        return said

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
