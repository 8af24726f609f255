"""From a checked request to an accepted task: reserve, upload, post. The only place that spends money."""

from __future__ import annotations

import asyncio
import base64
import time
from collections import defaultdict
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from wan_nb.api import catalog
from wan_nb.engine import media_folder
from wan_nb.engine.edition1_runs import fingerprints
from wan_nb.engine.posting import settle
from wan_nb.engine.posting.uploading import upload_key
from wan_nb.engine.retry import retried
from wan_nb.engine.row_errors import code_and_message
from wan_nb.errors import InvalidMedia, LogError, OutcomeUnknown, ServiceError, Throttled, Unavailable, WanError
from wan_nb.log.row import NAMES
from wan_nb.log.states import NOT_ACCEPTED, Event, Status
from wan_nb.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_nb.api.client import Created
    from wan_nb.api.medium import Medium
    from wan_nb.api.request import VideoRequest
    from wan_nb.engine.account import Account
    from wan_nb.engine.ask import Ask, Progress
    from wan_nb.engine.download import Downloads
    from wan_nb.log.row import Row

__all__ = ["Submitter"]

PATIENCE = timedelta(minutes=5)
"""How long a submit that is provably not accepted is tried again before it is given up."""

STAMP_LIFE = timedelta(seconds=5)
"""Longest time between writing down that a POST leaves and its first byte; a process that was stopped takes longer."""

HELD_PAUSE = 0.2
"""Seconds between two looks at the POST of another process that has to be answered first."""

NOTE_TRIES = 6
"""Attempts, over about half a minute, at writing down the id of an accepted task."""


class Submitter:
    """Submits the runs of one session.

    Parameters
    ----------
    account : Account
    downloads : Downloads
    follow : callable
        Begins to look after an accepted run.
    """

    def __init__(self, account: Account, downloads: Downloads, follow: Callable[[str], object]) -> None:
        self.account, self._downloads, self._follow = account, downloads, follow
        self._uploads: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def reserve(
        self, asks: list[Ask], *, lapsed: bool = False, most: float | None = None
    ) -> list[tuple[Row, bool]]:
        """Write down intents and their prices in one transaction: all of them, or none when the cap would be passed.

        See `RunLog.reserve_many` for `lapsed` and `most`.
        """
        account = self.account
        await account.handshake()
        cap = account.settings.budget.get(account.endpoint.region.currency)
        next_take = any(ask.next_take for ask in asks)
        prints = await self._fingerprints(asks)
        intents = [self.intent(ask, fingerprint) for ask, fingerprint in zip(asks, prints, strict=True)]
        account.sending.update(prints)

        def work() -> list[tuple[Row, bool]]:
            media_folder.check(self._downloads.store, account.log)
            return account.log.reserve_many(
                intents, cap=cap, next_take=next_take, lapsed=lapsed, most=most, owner=account.owner
            )

        reserving = asyncio.ensure_future(account.ask_log(work))
        try:
            reserved = await asyncio.shield(reserving)
        except asyncio.CancelledError as stop:
            await account.jobs.shielded(self._unreserve(reserving, prints, stop))
            raise
        except BaseException:
            account.sending.subtract(prints)
            raise
        for row, new in reserved:
            account.tell(row)
            if not new:
                account.sends_no_more(row)
        return reserved

    async def _unreserve(
        self, reserving: asyncio.Future[list[tuple[Row, bool]]], prints: list[str], stop: asyncio.CancelledError
    ) -> None:
        """Take back what a transaction that goes on in its thread is still going to write."""
        try:
            with suppress(WanError):
                await self.account.take_back([row for row, new in await reserving if new], stop)
        finally:
            self.account.sending.subtract(prints)

    async def unsend(self, row: Row, stop: asyncio.CancelledError) -> None:
        """Take back a reserved run that was not sent, and is not going to be."""
        try:
            await self.account.take_back([row], stop)
        finally:
            self.account.sends_no_more(row)

    async def _fingerprints(self, asks: list[Ask]) -> list[str]:
        account, identity = self.account, self.account.endpoint.identity
        if any(ask.request.chained for ask in asks):
            return await account.ask_log(fingerprints, account.log, asks, identity)
        return fingerprints(None, asks, identity)

    def intent(self, ask: Ask, fingerprint: str) -> dict[str, Any]:
        """Columns of the row to reserve."""
        account, request = self.account, ask.seeded()
        return {
            **_columns(request),
            "study": ask.study or ask.name,
            "variant": ask.variant,
            "block": ask.block,
            "tags": ask.tags,
            "user": account.settings.user or None,
            "take": ask.take,
            "service": account.endpoint.name,
            "simulated": bool(account.client.simulated),
            "cost": request.price(account.endpoint.region),
            "currency": account.endpoint.region.currency,
            "fingerprint": fingerprint,
            "request": request.public(),
            "identity": account.endpoint.identity,
            "version": __version__,
        }

    async def send(self, reserved: tuple[Row, bool], ask: Ask) -> tuple[Row, bool]:
        """Upload and post a reserved run; one that is there already is only looked after.

        An interrupt before the POST takes the run back. The POST itself is finished whatever happens to the caller:
        half a POST may be a paid one.
        """
        account, (row, new) = self.account, reserved
        if not new:
            if row.open:
                self._follow(row.run_id)
            return await self._downloads.copy_shared(row), False
        try:
            request = ask.seeded(row.take)
            if request.seed != row.seed:
                row = await account.write(row.run_id, seed=request.seed, request=request.public())
            body = request.payload(await self._urls(request, ask.progress))
            turn = await self._turn(row)
        except asyncio.CancelledError as stop:
            await account.jobs.shielded(self.unsend(row, stop))
            raise
        except Exception as error:  # noqa: BLE001  # a file that is gone, a log that is full: nothing was sent
            account.sends_no_more(row)
            raise await account.not_accepted(row, error) from None
        post = account.jobs.start(f"post-{row.run_id}", self._post(row, body, turn))
        post.add_done_callback(lambda _: account.sends_no_more(row))
        post.add_done_callback(lambda _: turn.close())
        return await asyncio.shield(post), True

    async def _turn(self, row: Row) -> ExitStack:
        """The turn of a run to be posted, to be closed when its POST is answered.

        One POST of a model and prompt is in flight at a time, in all processes, so that an answer that never came can
        be told from the others of the account.
        """
        account = self.account
        lock = account.shared.posting.setdefault((account.endpoint.identity, row.model, row.prompt), asyncio.Lock())
        await lock.acquire()
        with ExitStack() as turn:
            turn.callback(lock.release)
            while other := await account.ask_log(account.log.in_flight, row.run_id):
                await settle.recover_abandoned(account, other)  # perhaps of a process that has died
                await asyncio.sleep(HELD_PAUSE)
            return turn.pop_all()

    async def _post(self, row: Row, body: dict[str, Any], turn: ExitStack) -> Row:
        row = await self._answered(row, body)
        turn.close()
        if row.status is Status.UNCERTAIN:
            row = await settle.recover(self.account, row)
        self._follow(row.run_id)
        return row

    async def _answered(self, row: Row, body: dict[str, Any]) -> Row:
        """POST a run; the row with what came of it."""
        account, attempt = self.account, _Attempt()
        created: Created | None
        try:
            created, doubt = await self._create(row, body, attempt), ("", "")
        except asyncio.CancelledError as stop:
            if attempt.left is None:
                await account.take_back([row], stop)
            else:
                await self._doubt(row, "Closed", "its session was closed while it was being sent.", attempt.end(stop))
            raise
        except Exception as error:  # noqa: BLE001
            ended = attempt.end(error)
            if ended["post_end"] in NOT_ACCEPTED:
                row = await account.ask_log(account.log.get, row.run_id)
                if row.status in {Status.INTENDED, Status.UNCERTAIN}:
                    raise await account.not_accepted(row, error, ended) from None
            created, doubt = None, code_and_message(error)
        else:
            ended = attempt.end(None)
        # Outside of the except block: an error raised here has no library error as its context.
        if created is not None:
            try:
                row = await self._accepted(row, created, ended)
            except LogError as error:
                if "task_of" not in error.details:
                    raise
                # Two answers with one id: what this POST made, if anything, is found in the account's list.
                said = f"the service answered with another run's task: {error.message}."
                created, doubt = None, ("TaskRepeated", said)
        if created is None and ended["post_end"] not in NOT_ACCEPTED:  # it does not prove that nothing was accepted
            row = await self._doubt(row, *doubt, ended)
        return row

    async def _accepted(self, row: Row, created: Created, ended: dict[str, Any]) -> Row:
        """Write down the id of a paid task. A disk that is full just now may have room in a moment."""
        try:
            return await retried(
                partial(
                    self.account.write,
                    row.run_id,
                    Event.ACCEPTED,
                    service_status=created.task.status,
                    task_id=created.task.task_id,
                    request_id=created.task.request_id,
                    simulated=created.simulated,
                    submitted_at=datetime.now(UTC),
                    **ended,
                ),
                self.account.rng,
                tries=NOTE_TRIES,
                again=lambda error: "task_of" not in error.details,
            )
        except LogError as error:
            if "task_of" in error.details:
                raise
            task_id = created.task.task_id
            raise LogError(
                f"the service has accepted it as task {task_id}, but {error.message.rstrip('.')}.",
                run_id=row.run_id,
                remedy=f"When the log can be written again: %wan adopt {task_id}",
            ) from None

    async def _create(self, row: Row, body: dict[str, Any], attempt: _Attempt) -> Created:
        """POST until there is an answer; again only where the last one was provably not accepted."""
        account, give_up = self.account, datetime.now(UTC) + PATIENCE

        async def post() -> Created:
            async with account.limiter.submit(row.model or "") as turn:
                return await account.client.create(body, partial(self._leaving, row, attempt, turn))

        def again(error: WanError) -> bool:
            fit = isinstance(error, Unavailable | Throttled) and error.retryable
            return fit and datetime.now(UTC) <= give_up

        async def note(error: WanError) -> None:
            ended, attempt.left = attempt.end(error), None  # before the write, which may be cancelled
            if (await account.write(row.run_id, **ended)).status is not Status.INTENDED:
                raise LogError("another kernel has taken it for dead.", remedy="%wan resume") from None

        return await retried(post, account.rng, again=again, between=note)

    async def _leaving(self, row: Row, attempt: _Attempt, turn: float) -> None:
        """Write down that the first byte of a POST leaves now; anew when the process stood still before it did.

        Before each attempt: while it waited for its place, another kernel may have taken the run for dead. The moment
        and the clocks count when the outcome has to be looked for; they are read anew when this machine's was set. The
        turn is waited for last, so that nothing delays the byte behind it.
        """
        account = self.account
        while True:
            if account.client.skew is None:
                with suppress(WanError):  # any answer tells the skew of the clocks
                    await account.client.list(page_size=1)
            stamped = _Clocks()
            other = await account.ask_log(
                account.log.begin_post, row.run_id, owner=account.owner, skew=account.client.skew
            )
            if other is not None:  # another process was quicker
                await settle.recover_abandoned(account, other)
                await asyncio.sleep(HELD_PAUSE)
                continue
            await asyncio.sleep(turn - asyncio.get_running_loop().time())
            if stamped.elapsed() < STAMP_LIFE:
                break
        attempt.left = stamped

    async def _doubt(self, row: Row, code: str, message: str, ended: dict[str, Any]) -> Row:
        return await self.account.write(row.run_id, Event.DOUBTED, error_code=code, error_message=message, **ended)

    async def _urls(self, request: VideoRequest, progress: Progress | None) -> dict[str, str]:
        """URL of each material for the service: as given, or in its temporary store."""
        urls = {}
        for name, medium in request.media().items():
            if (why := medium.lost) is not None:
                raise InvalidMedia(f"{name}: {why}", field=name, remedy="Give it anew.")
            told = partial(progress, name) if progress else None
            if medium.url is not None:
                urls[name] = medium.url
            elif request.embeds(name):
                urls[name] = _embedded(medium)
            else:
                urls[name] = await self._stored(medium, request.model, told)
        return urls

    async def _stored(self, medium: Medium, model: str, progress: Callable[[int, int], None] | None) -> str:
        """URL of an uploaded file; uploaded once in 47 h, also when many runs ask for it at once."""
        account = self.account
        assert medium.path is not None
        path = medium.path
        key = upload_key(account, model, medium)
        async with self._uploads[key]:
            url = await account.ask_log(account.log.recall_upload, key)
            if url is None:
                suffix, mime = _kind(medium)
                try:
                    uploaded = await account.read(
                        lambda: account.client.upload(path, model, suffix=suffix, mime=mime, progress=progress)
                    )
                except OSError as error:
                    raise _gone(medium, error) from None
                await account.ask_log(account.log.remember_upload, key, uploaded.url, uploaded.expires_at)
                url = uploaded.url
            return url


def _columns(request: VideoRequest) -> dict[str, Any]:
    """What was asked for, by the columns of the log; several materials of one column are named in their order."""
    told = {spec.name: getattr(request, spec.name) for spec in request.row.fields if not spec.limits}
    named: dict[str, list[str]] = {}
    for field, held in request.given().items():
        named.setdefault(catalog.BY_NAME[field].column or field, []).extend(medium.name for _, medium in held)
    columns = {"task": request.task, **told, **{column: ", ".join(names) for column, names in named.items()}}
    return {name: value for name, value in columns.items() if name in NAMES}


def _embedded(medium: Medium) -> str:
    """A file as a ``data:`` URL, for a model that takes no uploaded one."""
    assert medium.path is not None
    try:
        return f"data:{_kind(medium)[1]};base64,{base64.b64encode(medium.path.read_bytes()).decode()}"
    except OSError as error:
        raise _gone(medium, error) from None


def _kind(medium: Medium) -> tuple[str, str]:
    """Ending and MIME type of a file."""
    kind, known = catalog.MEDIA[medium.kind], medium.format or ""
    return f".{known or kind.formats[0]}".lower(), dict(zip(kind.formats, kind.mimes, strict=True)).get(
        known, kind.mimes[0]
    )


def _gone(medium: Medium, error: OSError) -> InvalidMedia:
    return InvalidMedia(f"{medium.name} cannot be read any more: {error.strerror or error}.")


class _Clocks:
    """A moment on both clocks: the wall clock may be set, the monotonic one may stand still while a machine sleeps."""

    def __init__(self) -> None:
        self.wall, self.steady = datetime.now(UTC), time.monotonic()

    def elapsed(self) -> timedelta:
        """The longer of both times since then."""
        return max(datetime.now(UTC) - self.wall, timedelta(seconds=time.monotonic() - self.steady))


class _Attempt:
    """One POST.

    Attributes
    ----------
    left : _Clocks or None
        When its first byte left; None while nothing was sent.
    """

    left: _Clocks | None = None

    def end(self, error: BaseException | None) -> dict[str, Any]:
        """Columns of the row that say how and when it ended."""
        if error is None:
            how = "answered"
        elif isinstance(error, OutcomeUnknown):
            how = "closed" if error.details.get("closed") else "hung up"
        elif self.left is None:
            how = "never sent"
        else:
            how = "refused" if isinstance(error, ServiceError) else "hung up"
        at = datetime.now(UTC) if self.left is None else self.left.wall + self.left.elapsed()
        return {"post_end": how, "post_ended_at": at}
