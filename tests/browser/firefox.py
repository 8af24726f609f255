"""A real Firefox by WebDriver BiDi, as far as a test of a page from the disk needs it."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

_PREFERENCES = {
    "browser.download.folderList": 2,
    "browser.download.useDownloadDir": True,
    "browser.download.always_ask_before_handling_new_types": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.aboutwelcome.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.auto": False,
    "media.autoplay.default": 0,
    "network.proxy.type": 0,
}
_LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
_FUNCTION = re.compile(r"\s*(async\s*)?(\([^()]*\)|\w+)\s*=>")
_PATIENCE = 120.0


def firefox_program() -> str:
    """The Firefox of this machine; a test is skipped where there is none."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        pytest.skip("no Firefox")
    return program


class Firefox:
    """One window of a Firefox with a profile of its own; `downloads` is where its files arrive.

    Parameters
    ----------
    program : str
    folder : Path
        For its profile and downloads.
    dark : bool
        Which scheme its pages are told.
    codecs : bool
        Whether it uses the codecs of the system; without them it knows no H.264, as where libavcodec is not installed.
    """

    def __init__(self, program: str, folder: Path, *, dark: bool = False, codecs: bool = True) -> None:
        import websocket  # jupyterlab brings it

        self.downloads = folder / "downloads"
        profile = folder / "profile"
        for each in (self.downloads, profile):
            each.mkdir(parents=True, exist_ok=True)
        scheme = {"layout.css.prefers-color-scheme.content-override": 0 if dark else 1}
        known = {"media.ffmpeg.enabled": codecs, "media.gmp-gmpopenh264.enabled": codecs}
        wanted = {**_PREFERENCES, **scheme, **known, "browser.download.dir": str(self.downloads)}
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in wanted.items()]
        (profile / "user.js").write_text("".join(lines))
        self._log = (folder / "firefox.log").open("w")
        command = [program, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", str(profile)]
        self._process = subprocess.Popen([*command, "about:blank"], stdout=self._log, stderr=subprocess.STDOUT)
        address = self._until(lambda: _LISTENS.search(Path(self._log.name).read_text(errors="replace")))[1]
        self._socket = websocket.create_connection(f"{address}/session", timeout=_PATIENCE, suppress_origin=True)
        self._numbers = count(1)
        self._ask("session.new", capabilities={})
        self._context = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def _until(self, look: Any) -> Any:
        deadline = time.monotonic() + _PATIENCE
        while not (found := look()):
            assert self._process.poll() is None, Path(self._log.name).read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, "Firefox does not come"
            time.sleep(0.05)
        return found

    def _ask(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (answer := json.loads(self._socket.recv())).get("id") != number:
            pass  # an event
        assert answer["type"] == "success", answer
        return answer["result"]

    def goto(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        self._ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, expression: str, arg: Any = None) -> Any:
        """What an expression says, or a function of one argument, as JSON has it."""
        if _FUNCTION.match(expression):
            expression = f"({expression})({json.dumps(arg)})"
        told = self._ask(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": self._context},
            awaitPromise=True,
        )
        assert told["type"] == "success", told["exceptionDetails"]["text"]
        value = told["result"].get("value")
        return None if value is None else json.loads(value)

    def wait_for_function(self, expression: str, *, arg: Any = None, timeout: float = _PATIENCE * 1000) -> None:
        """Wait until what `evaluate` says is true, for so many milliseconds; an error of the page is no answer."""
        deadline = time.monotonic() + timeout / 1000
        while True:
            with suppress(AssertionError):
                if self.evaluate(expression, arg):
                    return
            assert time.monotonic() < deadline, (expression, self.evaluate("document.body.innerText.slice(0, 2000)"))
            time.sleep(0.05)

    def press(self, key: str) -> None:
        """Press a key for whatever has the focus."""
        keys = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self._ask("input.performActions", context=self._context, actions=[{"type": "key", "id": "k", "actions": keys}])

    def size(self, width: int, height: int) -> None:
        """Size of the page, px."""
        self._ask("browsingContext.setViewport", context=self._context, viewport={"width": width, "height": height})

    def screenshot(self, path: Path) -> None:
        """Take a picture of the whole page."""
        told = self._ask("browsingContext.captureScreenshot", context=self._context, origin="document")
        path.write_bytes(base64.b64decode(told["data"]))

    def downloaded(self, name: str) -> str:
        """Text of a file once it has arrived."""
        file = self.downloads / name
        self._until(lambda: file.is_file() and file.stat().st_size and not list(self.downloads.glob("*.part")))
        return file.read_text(encoding="utf-8")

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
