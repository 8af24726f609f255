"""``python -m wan_nb.simulator``: start the simulator of a state folder, or say where it already runs.

With ``record`` or ``compare`` in front: see `wan_nb.simulator.fidelity.record`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from wan_nb.simulator import launch

_DEFAULT_FOLDER = Path("~/.cache/wan_nb/simulator")

_DESCRIPTION = "Start the simulator of a state folder, or say where it already runs. Its base URL is printed."


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m wan_nb.simulator", description=_DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--port", type=int, default=0, metavar="N", help="loopback port; 0: any free one")
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="divides queue and run times")
    parser.add_argument("--state", type=Path, metavar="DIR", help=f"what it remembers ({_DEFAULT_FOLDER})")
    parser.add_argument("--seed", type=int, metavar="N", help="makes durations and chances repeatable")
    parser.add_argument("--strict-media", action="store_true", help="fail what cannot be fetched, draw no stand-ins")
    parser.add_argument("--with-kernels", action="store_true", help="end with the last kernel that registered")
    parser.add_argument("--detach", action="store_true", help="go on in the background once it listens")
    options = parser.parse_args(arguments)
    if not options.speed > 0:
        parser.error("--speed must be more than 0")
    if not 0 <= options.port < 65536:
        parser.error("--port must be 0 to 65535")
    return options


def _state_folder(given: Path | None) -> Path:
    """Absolute state folder; a user without a home keeps it with the temporary files."""
    path = given or _DEFAULT_FOLDER
    try:
        path = path.expanduser()
    except RuntimeError:
        if given is None:
            path = Path(tempfile.gettempdir()) / f"wan_nb-simulator-{os.getuid() if hasattr(os, 'getuid') else 0}"
    return path.resolve()


def main(arguments: list[str] | None = None) -> int:
    """Run until interrupted; 0 also when another one already serves the folder, 1 when it cannot."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] in (["record"], ["compare"]):
        from wan_nb.simulator.fidelity import record

        return record.main(given)
    options = _options(given)
    state = _state_folder(options.state)
    try:
        if options.detach and hasattr(os, "fork"):
            return _run_detached(options, state)
        return _lock_and_run(options, state, ready=None)
    except OSError as error:
        # A port that is taken, a folder that cannot be written.
        sys.stderr.write(f"the simulator of {state} cannot run: {error}\n")
        return 1


def _lock_and_run(options: argparse.Namespace, state: Path, ready: int | None) -> int:
    lock = launch.acquire_lock(state)
    while lock is None:
        # Its holder may still be starting; it may also end just now.
        if url := launch.find(state):
            _announce(url, ready)
            return 0
        time.sleep(0.02)
        lock = launch.acquire_lock(state)
    with lock:
        asyncio.run(_run(options, state, ready))
    return 0


def _run_detached(options: argparse.Namespace, state: Path) -> int:
    """Fork before anything heavy is loaded; return when the child listens."""
    read_end, write_end = os.pipe()
    if os.fork():
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            url = pipe.read().strip()
        if url:
            print(url)  # noqa: T201  # the one line that is promised
        return 0 if url else 1
    os.close(read_end)
    os.setsid()
    # A reader of our output must not wait for the simulator's end; errors still go to the log.
    devnull = os.open(os.devnull, os.O_RDWR)
    os.dup2(devnull, 0)
    os.dup2(devnull, 1)
    return _lock_and_run(options, state, ready=write_end)


def _announce(url: str, ready: int | None) -> None:
    if ready is None:
        print(url, flush=True)  # noqa: T201  # the one line that is promised
        return
    os.write(ready, url.encode())
    os.close(ready)


async def _run(options: argparse.Namespace, state: Path, ready: int | None) -> None:
    from wan_nb.simulator.account.config import Config
    from wan_nb.simulator.service import Service
    from wan_nb.simulator.wire.server import serve

    service = Service(state, Config(speed=options.speed, strict=options.strict_media), options.seed)
    kernels = launch.Kernels()
    try:
        try:
            url = serve(service, kernels, options.port)
        except OSError as error:
            raise OSError(error.errno, f"port {options.port}: {error.strerror}") from None
        launch.publish(state, url)
        _announce(url, ready)
        await _wait_for_end(kernels if options.with_kernels else None)
    finally:
        service.schedule.close()
        (state / "simulator.json").unlink(missing_ok=True)


async def _wait_for_end(kernels: launch.Kernels | None) -> None:
    """Wait for a signal, or for the last kernel to end."""
    stop = asyncio.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if number := getattr(signal, name, None):
            _on_signal(number, stop)
    while not (stop.is_set() or (kernels and kernels.all_ended())):
        try:
            await asyncio.wait_for(stop.wait(), 1.0)
        except TimeoutError:
            continue


def _on_signal(number: Any, stop: asyncio.Event) -> None:
    try:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    except NotImplementedError:
        # Windows: Ctrl-C ends asyncio.run by itself.
        return


if __name__ == "__main__":
    sys.exit(main())
