"""Fixtures of all tests: a clean environment, no network beyond this machine, and a real simulator."""

from __future__ import annotations

import gc
import ipaddress
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from simulator_control import ROOT, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import wan_nb
    from wan_nb.engine.workspace import Workspace

_CI = os.environ.get("WAN_NB_CI") == "1"

# A shell makes what it starts in the background deaf to Ctrl-C, children and all.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The product lets the disk confirm each write. A temporary folder in memory confirms at once.
_MEMORY = Path("/dev/shm")
if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK):
    _room = os.statvfs(_MEMORY)
    if _room.f_bavail * _room.f_frsize > 4 << 30 and not _room.f_flag & os.ST_NOEXEC:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

# No test fails because the machine is busy.
settings.register_profile("wan_nb", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wan_nb")


# A skip is a hole. Where everything is installed on purpose, it is a failure.


def _no_skips(report: Any) -> Any:
    if _CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"nothing may be skipped here, but: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    return _no_skips((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    return _no_skips((yield))


def pytest_collection_finish() -> None:
    """What was collected lives as long as the tests: no search for garbage walks through it again."""
    gc.collect()
    gc.freeze()


# Nothing leaves this machine.


def _loopback_only(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect" or not isinstance(arguments[1], tuple):
        return
    host = str(arguments[1][0])
    try:
        local = ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local:
        raise RuntimeError(f"a test wants to connect to {host}")


sys.addaudithook(_loopback_only)


@pytest.fixture(scope="session")
def _no_certificates(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An empty folder: no test speaks TLS, and to load the certificates of the world takes each client 20 ms."""
    return str(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, _no_certificates: str) -> None:
    """No setting of the person who runs the tests gets in; files land in the test's own folder."""
    for name in list(os.environ):
        # VIRTUAL_ENV: IPython warns when the shell that started the tests has another environment active.
        if name.startswith(("DASHSCOPE_", "WAN_NB_")) or name in {"VIRTUAL_ENV", "SSL_CERT_FILE"}:
            monkeypatch.delenv(name)
    monkeypatch.delenv("JUPYTERHUB_USER", raising=False)
    monkeypatch.setenv("WAN_NB_USER", "")  # whoever runs the tests
    monkeypatch.setenv("WAN_NB_PREPARE", "0")  # what nobody looks at is not made
    monkeypatch.setenv("SSL_CERT_DIR", _no_certificates)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def no_default_session_stays(clean_environment: None) -> Iterator[None]:
    """A default session that a test opens ends with it: its folder, log and uploads are not those of the next one."""
    before = _default_session()
    yield
    if before is None and _default_session() is not None:
        sys.modules["wan_nb.handles.default"].close()


def _default_session() -> Any:
    return getattr(sys.modules.get("wan_nb.handles.default"), "_base", None)


@pytest.fixture(scope="session")
def photos() -> Path:
    """Folder of the photographs and the voice that the notebooks use."""
    return ROOT / "notebooks" / "data"


@pytest.fixture(scope="session")
def _simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    state = tmp_path_factory.mktemp("simulator")
    with (
        (state / "stderr.txt").open("wb") as said,
        subprocess.Popen(
            [sys.executable, "-m", "wan_nb.simulator", "--state", str(state / "state"), "--seed", "7"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,
        ) as process,
        httpx.Client(trust_env=False, verify=False, timeout=30) as http,
    ):
        assert process.stdout
        url = process.stdout.readline().decode().strip()
        assert url, (state / "stderr.txt").read_text()
        yield Simulator(url, state / "state", http)
        process.terminate()
    assert "Traceback" not in (state / "stderr.txt").read_text()


@pytest.fixture
def simulator(_simulator: Simulator) -> Simulator:
    """The simulator of this run, as new."""
    _simulator.reset()
    return _simulator


@pytest.fixture
def session(simulator: Simulator, tmp_path: Path) -> Iterator[Any]:
    """A session at the simulator of the tests, with a log of its own."""
    import wan_nb

    with wan_nb.Session(
        base_url=simulator.url, api_key=simulator.key, folder=tmp_path / "wan_runs", gap=0.02
    ) as session:
        yield session


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose store is open: for clips that are put there, with no service and no log until one is used."""
    from wan_nb.engine.workspace import Workspace
    from wan_nb.settings import Settings

    made = Workspace(Settings.resolve({}, folder=tmp_path / "wan_runs"))
    made.store.open()
    yield made
    made.close()


@pytest.fixture(scope="session")
def bought_once(_simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """Puts a log with its clips where a test wants it: they are bought once a worker, and copied for each test."""
    import wan_nb

    made: dict[str, Path] = {}

    def put(name: str, buy: Callable[[wan_nb.Session], object], folder: Path) -> None:
        if name not in made:
            made[name] = tmp_path_factory.mktemp("bought") / "wan_runs"
            with wan_nb.Session(
                base_url=_simulator.url, api_key=_simulator.key, folder=made[name], gap=0.02
            ) as session:
                buy(session)
            _simulator.reset()
        shutil.copytree(made[name], folder)

    return put


@pytest.fixture(scope="session")
def make_media() -> Any:
    """Maker of real files for `documented_cases.MediaCase`."""
    from make_media import make_media as make

    return make
