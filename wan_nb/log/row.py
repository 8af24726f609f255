"""One run as a row: every column with its pandas dtype, written down here and nowhere else."""

# ruff: noqa: RUF009 - the helper only writes dataclasses.field(metadata=...) shorter

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from wan_nb.log.states import FINAL, NEVER_SENT, NOT_ACCEPTED, OPEN, Status
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["COLUMNS", "DROPPED", "DTYPES", "NAMES", "Row"]

DROPPED: Final = "dropped"
"""Tag of a clip that is out of the running: comparisons and deliveries of a whole study leave it out."""

_TIME: Final = "datetime64[ns, UTC]"


def _shown(dtype: str, default: Any = None) -> Any:
    """Return a field that is a column of the DataFrame."""
    return field(default=default, metadata={"dtype": dtype})


def _internal(dtype: str, default: Any = None) -> Any:
    """Return a field that the log keeps and no DataFrame shows."""
    return field(default=default, metadata={"dtype": dtype, "shown": False})


@printed
@dataclass(frozen=True, slots=True)
class Row:
    """A snapshot of one run, as the log knew it when it was read.

    The fields up to ``input_s`` are the columns of the DataFrame (`COLUMNS`); those after it are internal and never
    appear in it. Times are aware datetimes in UTC, ``_s`` are seconds, ``bytes`` are bytes, ``width`` and ``height``
    pixels. `None` means not known (yet).

    Attributes
    ----------
    run_id : str
        12 lower-case hex characters; the index of the DataFrame.
    cost : float or None
        Estimated while the run is open, billed afterwards; 0 when it failed or was canceled.
    tags : tuple of str
        In the DataFrame one string, ``"keep, bright"``: such a column can be filtered, saved and grouped by everything
        that pandas writes to. A tag therefore holds no comma.
    attempt : int
        How often this take was posted up to here; anew after FAILED and CANCELED.
    take : int
        Which clip of this request, from 1 on; another take is another purchase.
    user : str or None
        Who bought it.
    task : str or None
        What kind of clip it is, such as ``text to video``.
    references : str or None
        Names of the materials that the prompt refers to, in order.
    source_video : str or None
        Name of the clip that was edited.
    input_s : float or None
        Seconds of given clips that were billed; `billed_s` is input and output together.
    request : dict
        The body as sent, with names and contents of the media instead of their URLs: enough to make the run again.
    identity : str or None
        Of service and account: several may share a log.
    owner : str
        The process that posts it (`wan_nb.log.on_disk.posting_process`).
    posted_at : datetime or None
        When its last POST began; `None` while none was meant to leave.
    post_end : str or None
        How that POST ended: ``never sent``, ``answered``, ``refused`` (provably not accepted), ``closed`` (the other
        side broke the line) or ``hung up`` (we did). `None` when nobody has written it down: it is under way, or its
        process died, or edition 1 posted it.
    post_ended_at : datetime or None
        When.
    skew : float or None
        Seconds from this machine's clock to the service's when the POST began.
    guessed : bool or None
        Its task was found in the account's list; `wan_nb.engine.posting.settle.confirm` asks whose it is.
    receipt : str or None
        What came in place of a receipt that makes sense.
    damaged : tuple of str
        Columns that cannot be read, and are shown as not known.

    Examples
    --------
    >>> row = Row("3f9c00d1e2a4", prompt="a cat walks", status=Status.RUNNING)
    >>> row
    <run 3f9c00d1 RUNNING 'a cat walks'>
    >>> row.open
    True
    """

    run_id: str
    study: str | None = _shown("string")
    variant: str | None = _shown("string")
    block: str | None = _shown("string")
    prompt: str | None = _shown("string")
    negative_prompt: str | None = _shown("string")
    model: str | None = _shown("string")
    resolution: str | None = _shown("string")
    duration: int | None = _shown("Int64")
    seed: int | None = _shown("Int64")
    prompt_extend: bool | None = _shown("boolean")
    watermark: bool | None = _shown("boolean")
    first_frame: str | None = _shown("string")
    last_frame: str | None = _shown("string")
    driving_audio: str | None = _shown("string")
    first_clip: str | None = _shown("string")
    status: Status = _shown("category", Status.INTENDED)
    service_status: str | None = _shown("string")
    error_code: str | None = _shown("string")
    error_message: str | None = _shown("string")
    task_id: str | None = _shown("string")
    request_id: str | None = _shown("string")
    service: str | None = _shown("string")
    simulated: bool = _shown("boolean", default=False)
    created_at: datetime | None = _shown(_TIME)
    submitted_at: datetime | None = _shown(_TIME)
    started_at: datetime | None = _shown(_TIME)
    ended_at: datetime | None = _shown(_TIME)
    queue_s: float | None = _shown("Float64")
    run_s: float | None = _shown("Float64")
    billed_s: float | None = _shown("Float64")
    cost: float | None = _shown("Float64")
    currency: str | None = _shown("string")
    video: str | None = _shown("string")
    video_sha256: str | None = _shown("string")
    bytes: int | None = _shown("Int64")
    width: int | None = _shown("Int64")
    height: int | None = _shown("Int64")
    fps: float | None = _shown("Float64")
    has_audio: bool | None = _shown("boolean")
    rating: int | None = _shown("Int64")
    note: str | None = _shown("string")
    tags: tuple[str, ...] = _shown("string", ())
    attempt: int = _shown("Int64", 1)
    fingerprint: str = _shown("string", "")
    version: str | None = _shown("string")
    take: int = _shown("Int64", 1)
    user: str | None = _shown("string")
    task: str | None = _shown("string")
    ratio: str | None = _shown("string")
    references: str | None = _shown("string")
    source_video: str | None = _shown("string")
    input_s: float | None = _shown("Float64")
    request: dict[str, Any] = field(default_factory=dict)
    identity: str | None = None
    owner: str = ""
    posted_at: datetime | None = _internal(_TIME)
    post_end: str | None = None
    post_ended_at: datetime | None = _internal(_TIME)
    skew: float | None = _internal("Float64")
    guessed: bool | None = _internal("boolean")
    receipt: str | None = None
    damaged: tuple[str, ...] = field(default=(), metadata={"kept": False})

    @property
    def open(self) -> bool:
        """Whether somebody still has to look after this run."""
        return self.status in OPEN

    @property
    def clip_s(self) -> float | None:
        """Seconds of the clip alone, as far as its bill tells."""
        return None if self.billed_s is None else self.billed_s - (self.input_s or 0.0)

    @property
    def unsent(self) -> bool:
        """Whether there is certainly no task of it: nothing was sent, or what was sent was refused."""
        posted = self.posted_at is not None or "posted_at" in self.damaged
        return not posted or self.post_end in NOT_ACCEPTED

    @property
    def dropped(self) -> bool:
        """Whether a person has said that it is out of the running."""
        return DROPPED in self.tags

    @property
    def never_sent(self) -> bool:
        """Whether it ended before anything was sent, without a decision of a person: nothing was paid."""
        return self.status in FINAL and self.error_code == NEVER_SENT

    def __repr__(self) -> str:
        prompt = self.prompt or ""
        return f"<run {self.run_id[:8]} {self.status} {prompt[:40]!r}{'…' if len(prompt) > 40 else ''}>"


DTYPES: Final[dict[str, str]] = {
    f.name: f.metadata.get("dtype", "string") for f in fields(Row) if f.metadata.get("kept", True)
}
"""Every field of a `Row` that the log keeps, in order, and its dtype; ``tags`` and ``request`` are text there."""

NAMES: Final[tuple[str, ...]] = tuple(DTYPES)

COLUMNS: Final[dict[str, str]] = {
    f.name: f.metadata["dtype"] for f in fields(Row) if "dtype" in f.metadata and f.metadata.get("shown", True)
}
"""The columns of the DataFrame, in order, and their dtypes; ``run_id`` is the index.

``category`` is for the one closed list, ``status``, which always has all its nine categories. The other columns of
words are ``string``: categories gathered from the data would differ from one frame to the next, and `pandas.concat` of
two such frames falls back to objects.
"""
