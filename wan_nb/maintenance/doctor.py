"""``%wan doctor``: what could go wrong here, each finding with its remedy, before it costs a clip."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib import metadata
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import urlsplit

from wan_nb.engine import media_folder
from wan_nb.errors import LogError, Refused, WanError
from wan_nb.frontends import front_end, serves
from wan_nb.html.text import source
from wan_nb.log.states import UNCHECKED, Status
from wan_nb.media.files import file_sha256
from wan_nb.sanitize import redact, reveal, said
from wan_nb.terminal import printed
from wan_nb.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row

__all__ = ["Finding", "Findings", "Inventory", "examine", "inventory"]

LITTLE, VERY_LITTLE = 1_000_000_000, 200_000_000
"""Free bytes on the disk below which a day of work, or the next clip, may not fit."""

OLD = 24 * 3600.0
"""Seconds after which nobody writes to a temporary file any more: links have died by then."""

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
    found = inventory(workspace)
    if mend:
        back = _rename_back(workspace, found)
        for path in found.leftovers:
            path.unlink(missing_ok=True)
        if back or found.leftovers:
            done = f"{back} clips have their names again, {len(found.leftovers)} leftovers deleted"
            yield Finding("clips", "good", f"mended: {done}")
            found = inventory(workspace)
        if put := _put_again(workspace):
            yield Finding("clips", "good", f"mended: {put} clips are put into the shared store, which lacked them")
    if found.lost:
        yield Finding("clips", "bad", f"{len(found.lost)} paid clips are not on disk: {_few(found.lost)}",
                      "Put the files back, or %wan again ID buys new ones; --mend looks for renamed ones.")  # fmt: skip
    if found.changed:
        yield Finding("clips", "bad", f"{len(found.changed)} clips have another size than delivered: "
                      f"{_few(found.changed)}", "Something wrote to them; take them from a backup.")  # fmt: skip
    if found.of_no_run:
        names = ", ".join(path.name for path in found.of_no_run[:5])
        yield Finding("clips", "note", f"{len(found.of_no_run)} files in videos/ belong to no run: {names}",
                      "Move them elsewhere if they are yours; --mend knows renamed clips.")  # fmt: skip
    if found.unchecked:
        yield Finding("clips", "note", f"{len(found.unchecked)} clips were kept that could not be checked: "
                      f"{_few(found.unchecked)}", "Look at them once; %wan show ID says why.")  # fmt: skip
    if found.leftovers:
        yield Finding("clips", "note", f"{len(found.leftovers)} leftovers of broken downloads", "%wan doctor --mend")
    if not (found.lost or found.changed or found.of_no_run or found.leftovers):
        yield Finding("clips", "good", f"{found.whole} on disk, each with its row")


class Inventory(NamedTuple):
    """The files of the media folder against the rows of the log.

    Attributes
    ----------
    whole : int
        Clips as they should be.
    lost, changed : list of Row
        Succeeded runs whose file is gone, or has another size than was delivered.
    unchecked : list of Row
        Clips that are there, but were kept unchecked.
    of_no_run : list of Path
        Clips that belong to no run.
    leftovers : list of Path
        Partial and temporary files that nobody will go on with.
    """

    whole: int
    lost: list[Row]
    changed: list[Row]
    unchecked: list[Row]
    of_no_run: list[Path]
    leftovers: list[Path]


def inventory(workspace: Workspace) -> Inventory:
    """Compare the folder with the log."""
    rows = workspace.log.find()
    made = [row for row in rows if row.status is Status.SUCCEEDED and row.video]
    under_way = {row.run_id for row in rows if row.open}
    sizes = workspace.store.sizes(str(row.video) for row in made)
    there = [row for row in made if str(row.video) in sizes]
    lost = [row for row in made if str(row.video) not in sizes]
    changed = [row for row in there if row.bytes is not None and row.bytes != sizes[str(row.video)]]
    folder, names = workspace.store.root / "videos", {PurePath(str(row.video)).name for row in made}
    of_no_run = [p for p in sorted(folder.glob("[!.]*.mp4")) if p.name not in names and p.stem not in under_way]
    partial = [p for p in sorted(folder.glob(".*.part")) if p.name.split(".")[1] not in under_way]
    temporary = [p for p in sorted(folder.glob(".*.tmp")) if time.time() - p.stat().st_mtime > OLD]
    unchecked = [row for row in there if row.error_code == UNCHECKED]
    return Inventory(len(there) - len(changed), lost, changed, unchecked, of_no_run, partial + temporary)


def _rename_back(workspace: Workspace, found: Inventory) -> int:
    """Give clips that were renamed within the folder their names back, known by their content; returns how many."""
    wanted = {row.video_sha256: row for row in found.lost}
    back = 0
    for path in found.of_no_run if wanted else ():
        with path.open("rb") as file:
            row = wanted.pop(file_sha256(file), None)
        if row is not None:
            with suppress(LogError):  # a name that leads elsewhere
                path.rename(workspace.store.path(str(row.video)))
                back += 1
    return back


def _put_again(workspace: Workspace) -> int:
    """Put clips that are whole here into the shared store where it lacks them or has half of them; how many."""
    store, put = workspace.store, 0
    for row in workspace.log.find(status=Status.SUCCEEDED) if store.remote else ():
        if (path := store.find(row.video)) is not None and path.stat().st_size == row.bytes:
            put += store.share(str(row.video))
    return put


def _few(rows: list[Row]) -> str:
    return ", ".join(row.run_id[:8] for row in rows[:5])


def _runs(workspace: Workspace, *, mend: bool) -> Iterator[Finding]:
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
    elif front.kernel and not source(root / "videos" / "clip.mp4", workspace.notebook, serves(root)):
        yield Finding("front end", "note", f"{root} is out of this page's reach: outputs hold light copies.",
                      "%config WanMagics.embed; or start Jupyter in a folder above notebook and clips.")  # fmt: skip


def _versions() -> Iterator[Finding]:
    wanted = ("ipython", "ipykernel", "ipywidgets", "anywidget", "httpx", "pandas", "sqlalchemy", "av",
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
