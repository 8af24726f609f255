"""``%wan doctor``: what could go wrong here, each finding with its remedy, before it costs a clip."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from datetime import timedelta
from importlib import metadata
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from wan_nb.engine import media_folder
from wan_nb.errors import Refused, WanError
from wan_nb.frontends import front_end
from wan_nb.maintenance import inventory
from wan_nb.sanitize import redact, reveal, said
from wan_nb.terminal import printed
from wan_nb.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wan_nb.engine.workspace import Workspace

__all__ = ["Finding", "Findings", "examine"]

LITTLE, VERY_LITTLE = 1_000_000_000, 200_000_000
"""Free bytes on the disk below which a day of work, or the next clip, may not fit."""

MAX_SKEW = timedelta(seconds=60)
"""Wrong clocks make signed links look expired and times in the log misleading."""


@printed
@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    subject : str
        ``key``, ``service``, ``clock``, ``disk``, ``log``, ``clips``, ``runs``, ``front end`` or ``versions``.
    level : {'good', 'note', 'bad'}
    said : str
    remedy : str
        Empty when nothing has to be done, or when it was mended.
    """

    subject: str
    level: Literal["good", "note", "bad"]
    said: str
    remedy: str = ""

    def __str__(self) -> str:
        mark = {"good": "✓", "note": "!", "bad": "✕"}[self.level]
        return f"{mark} {self.subject}: {self.said}" + (f"\n    → {self.remedy}" if self.remedy else "")


@printed
class Findings(tuple[Finding, ...]):
    """All findings of an examination, the worst first; shown as text."""

    __slots__ = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is bad."""
        return all(finding.level != "bad" for finding in self)

    def __repr__(self) -> str:
        return "\n".join(map(str, self))


def examine(workspace: Workspace, *, mend: bool = False) -> Findings:
    """Look at everything that a run needs; see `wan_nb.doctor`."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: _key(workspace),
        lambda: _service(workspace),
        lambda: _disk(workspace),
        lambda: _log(workspace, mend=mend),
        lambda: _clips(workspace, mend=mend),
        lambda: _runs(workspace, mend=mend),
        lambda: _front_end(workspace),
        _versions,
    )
    # What stops several checks is said once.
    found = dict.fromkeys(finding for check in checks for finding in _safely(check))
    return Findings(sorted(found, key=lambda finding: ("bad", "note", "good").index(finding.level)))


def _safely(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """A check that fails is a finding, and hides no other one."""
    try:
        yield from check()
    except WanError as error:
        yield Finding(type(error).__name__, "bad", error.message, error.remedy)
    except OSError as error:
        yield Finding("system", "bad", f"{said(error)} ({redact(str(error.filename or 'no file named'))})")


def _key(workspace: Workspace) -> Iterator[Finding]:
    """Form only: Model Studio's and Qwen Cloud's keys begin differently, so no prefix is asked for."""
    key, service = reveal(workspace.settings.api_key), workspace.settings.service
    if service == "simulator":
        yield Finding(
            "key", "good", "none is needed for the simulator" if not key else "set, not used by the simulator"
        )
    elif not key:
        yield Finding("key", "bad", f"none for {service}.", "%wan login, or set DASHSCOPE_API_KEY before the kernel.")
    elif not key.isascii() or not key.isprintable() or any(c in key for c in " '\"`“”"):
        yield Finding(
            "key", "bad", "it has spaces, quotes or characters that no key has.", "Copy it again; %wan login."
        )
    elif len(key) < 20:
        yield Finding("key", "note", f"only {len(key)} characters.", "Is it whole? %wan login")
    else:
        yield Finding("key", "good", f"set, {len(key)} characters")


def _service(workspace: Workspace) -> Iterator[Finding]:
    """Reach it, with one call that costs nothing, and compare clocks."""
    endpoint = workspace.endpoint
    parts = urlsplit(endpoint.base_url)
    if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        said = f"{endpoint.base_url} is not encrypted: the key travels readable."
        yield Finding("service", "bad", said, "Use https.")
    account = workspace.account

    async def look() -> None:
        async with account.limiter.query():
            await account.client.list(page_size=1)

    try:
        workspace.loop.sync(look(), timeout=30)
    except (WanError, TimeoutError) as error:
        said = f"{endpoint.base_url}: {error.message if isinstance(error, WanError) else 'no answer in 30 s'}"
        remedy = error.remedy if isinstance(error, Refused) else ""
        yield Finding("service", "bad", said, remedy or "Check network, proxy and base URL; %wan connect.")
    else:
        mark = ", SIMULATED" if account.client.simulated else ""
        yield Finding(
            "service", "good", f"{endpoint.name} answers at {parts.netloc} (prices in {endpoint.region.currency}{mark})"
        )
    skew = account.client.skew
    if skew is not None and not account.client.simulated:
        wrong = abs(skew) > MAX_SKEW
        said = f"{abs(skew).total_seconds():.0f} s {'behind' if skew > timedelta() else 'ahead of'} the service"
        remedy = "Set the clock of this machine (network time)." if wrong else ""
        yield Finding("clock", "note" if wrong else "good", said, remedy)


def _disk(workspace: Workspace) -> Iterator[Finding]:
    root = workspace.store.root
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    remedy = "Delete what is not needed (%wan forget ID), or move the clips with WAN_NB_MEDIA."
    level: Literal["good", "note", "bad"] = "bad" if free < VERY_LITTLE else "note" if free < LITTLE else "good"
    yield Finding("disk", level, f"{free / 1e9:.1f} GB free for {root}", remedy if level != "good" else "")


def _log(workspace: Workspace, *, mend: bool) -> Iterator[Finding]:
    if mend and (done := workspace.log.mend()):
        yield Finding("log", "good", f"mended: {done}")
    workspace.log.check_current()
    bad = [f"{row.run_id[:8]} ({', '.join(row.damaged)})" for row in workspace.log.find() if row.damaged]
    if bad:
        shown = ", ".join(bad[:5]) + (f" and {len(bad) - 5} more" if len(bad) > 5 else "")
        yield Finding("log", "bad", f"{len(bad)} rows are damaged; what cannot be read is shown as not known: {shown}",
                      "A cost that cannot be read counts as the dearest clip; put a copy of the log back.")  # fmt: skip
    for table, count in workspace.log.damaged().items():
        yield Finding("log", "bad", f"{count} rows of {table} are damaged and left out.", "Put a copy of the log back.")
    yield Finding("log", "good", f"{workspace.log.count()} runs in {workspace.log.place}")


def _clips(workspace: Workspace, *, mend: bool) -> Iterator[Finding]:
    """Rows without files, files without rows, leftovers."""
    if elsewhere := media_folder.gone(workspace.store, workspace.log):
        yield Finding("clips", "bad", f"{elsewhere}; nothing is bought until it is back",
                      "Mount it, or name its place: WAN_NB_MEDIA, or media= of a session.")  # fmt: skip
        return
    found = inventory.look(workspace)
    if mend:
        back = inventory.rename_back(workspace, found)
        gone = inventory.drop_leftovers(found)
        if back or gone:
            yield Finding("clips", "good", f"mended: {back} clips have their names again, {gone} leftovers deleted")
            found = inventory.look(workspace)
    if found.lost:
        names = ", ".join(row.run_id[:8] for row in found.lost[:5])
        remedy = "Put the files back, or %wan again ID buys new ones; --mend looks for renamed ones."
        yield Finding("clips", "bad", f"{len(found.lost)} paid clips are not on disk: {names}", remedy)
    if found.changed:
        names = ", ".join(row.run_id[:8] for row in found.changed[:5])
        yield Finding("clips", "bad", f"{len(found.changed)} clips have another size than delivered: {names}",
                      "Something wrote to them; take them from a backup.")  # fmt: skip
    if found.strangers:
        names = ", ".join(path.name for path in found.strangers[:5])
        yield Finding("clips", "note", f"{len(found.strangers)} files in videos/ belong to no run: {names}",
                      "Move them elsewhere if they are yours; --mend knows renamed clips.")  # fmt: skip
    if found.unchecked:
        names = ", ".join(row.run_id[:8] for row in found.unchecked[:5])
        yield Finding("clips", "note", f"{len(found.unchecked)} clips were kept that could not be checked: {names}",
                      "Look at them once; %wan show ID says why.")  # fmt: skip
    if found.leftovers:
        yield Finding("clips", "note", f"{len(found.leftovers)} leftovers of broken downloads", "%wan doctor --mend")
    if not (found.lost or found.changed or found.strangers or found.leftovers):
        yield Finding("clips", "good", f"{found.whole} on disk, each with its row")


def _runs(workspace: Workspace, *, mend: bool) -> Iterator[Finding]:
    from wan_nb.log.states import Status

    rows = workspace.log.open_rows()
    if mend and rows:
        taken = workspace.resume()
        yield Finding("runs", "good", f"mended: {len(taken)} unfinished runs taken up")
        rows = workspace.log.open_rows()
    uncertain = [row for row in rows if row.status is Status.UNCERTAIN]
    if uncertain:
        yield Finding("runs", "note", f"{len(uncertain)} may have been accepted and billed: no answer came.",
                      "%wan adopt shows what they may be; %wan resume looks again.")  # fmt: skip
    under_way = len(rows) - len(uncertain)
    yield Finding("runs", "good", f"{under_way} under way" if under_way else "none under way")


def _front_end(workspace: Workspace) -> Iterator[Finding]:
    front = front_end()
    root = workspace.store.root
    if not front.kernel:
        yield Finding("front end", "note", f"no notebook kernel ({front.name}): clips are shown as text here.")
    elif not front.live:
        yield Finding("front end", "good", "a notebook that runs unattended: cells wait for their clips, no widgets")
    else:
        yield Finding("front end", "good", f"a live notebook in {workspace.notebook}")
    if any(part.startswith(".") for part in root.parts):
        yield Finding("front end", "bad", f"{root} has a hidden folder, which Jupyter does not serve.",
                      "Move the clips with WAN_NB_MEDIA.")  # fmt: skip
    elif front.kernel and not root.is_relative_to(workspace.notebook):
        yield Finding("front end", "note", f"{root} is not below the notebook: pictures instead of players.",
                      "%wan show ID --embed, or start the kernel beside the notebook.")  # fmt: skip


def _versions() -> Iterator[Finding]:
    wanted = ("ipython", "ipykernel", "ipywidgets", "anywidget", "httpx", "pandas", "pydantic", "sqlalchemy", "av",
              "pillow", "numpy", "jupyterlab")  # fmt: skip
    found = {}
    for name in wanted:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            if name != "jupyterlab":  # often in another environment than the kernel
                yield Finding("versions", "bad", f"{name} is missing.", "pip install --upgrade wan-nb")
    # A thread that updates a display raises LookupError there; 7.1 mended it.
    if found.get("ipykernel", "").startswith("7.0."):
        yield Finding("versions", "note", f"ipykernel {found['ipykernel']} loses updates of live outputs.",
                      "pip install 'ipykernel>=7.1' and restart the kernel.")  # fmt: skip
    python = ".".join(map(str, sys.version_info[:3]))
    told = ", ".join(f"{name} {version}" for name, version in found.items())
    yield Finding("versions", "good", f"wan_nb {__version__}, Python {python}, {told}")
