"""What became of a submit whose answer never came: found out from the account's list, by a rule that cannot pay twice.

`settle_rule` has the rule. A task that was taken for a run is confirmed by its prompt when it succeeds, and given back
if it was a stranger's.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from wan_nb.api import catalog
from wan_nb.arguments import shown
from wan_nb.engine.posting.settle_rule import Verdict, judge, window
from wan_nb.engine.row_errors import row_error
from wan_nb.errors import NotFound, OutcomeUnknown, ServiceError, Unavailable, WanError, join_words
from wan_nb.log.states import NEVER_SENT, Event, Status
from wan_nb.sanitize import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_nb.api.task import Listed, Task
    from wan_nb.engine.account import Account
    from wan_nb.log.row import Row

__all__ = ["adopt", "after_intent", "after_sending", "confirm", "recover", "recover_abandoned", "unknown_tasks"]

MOST_PAGES, MOST_TASKS, LIST_SECONDS = 200, 20_000, 120.0
"""How much of the list is read: more than five tasks at a time can fill in a day."""


def _doubt(row: Row, verdict: Verdict | None = None) -> WanError:
    error = row_error(row)
    assert error is not None
    if verdict and verdict.candidates:
        found = f"{len(verdict.candidates)} tasks of the account" if verdict.candidates[1:] else "A task of the account"
        error.remedy = f"{found} may be it: `%wan adopt` shows what it may be. Nothing is sent again by itself."
    elif verdict and verdict.wait:
        at = (datetime.now(UTC) + verdict.wait).astimezone()
        error.remedy = f"Nothing is sent again by itself. `%wan resume` can tell more after {at:%H:%M}."
    return error


async def recover(account: Account, row: Row) -> Row:
    """Bring a run that nobody is sending any more to a state that tells the truth.

    Raises
    ------
    Unavailable
        It was never accepted: not billed.
    OutcomeUnknown
        It cannot be told.
    """
    if row.status is Status.INTENDED and row.unsent:
        return await account.write(
            row.run_id,
            Event.REFUSED,
            error_code=NEVER_SENT,
            error_message="its kernel ended before it was sent.",
        )
    if row.status is Status.INTENDED:
        row = await account.write(row.run_id, Event.DOUBTED, error_message="its kernel ended while it was being sent.")
    return await _settle(account, row) if row.status is Status.UNCERTAIN else row


async def after_sending(account: Account, run_id: str) -> Row:
    """The run when nobody is sending it any more: it was sent, or its kernel has ended or given up."""
    pause = 0.05
    while True:
        row: Row = await account.ask_log(account.log.get, run_id)
        if row.status is not Status.INTENDED:
            return row
        if not await account.sends(row):
            # Read once more: the last thing that it did may have been to write the task's id.
            return await account.ask_log(account.log.get, run_id)
        await asyncio.sleep(pause)
        pause = min(pause * 1.2, 5.0)  # a plan may queue for hours


async def after_intent(account: Account, run_id: str) -> Row:
    """An intent of somebody else once it is sent, taken back, or left behind by a kernel that died."""
    row = await after_sending(account, run_id)
    return await recover(account, row) if row.status is Status.INTENDED and row.unsent else row


async def recover_abandoned(account: Account, run_id: str) -> None:
    """`recover` a run that others wait for, if nobody is sending it any more; what became of it is in its row."""
    row: Row = await account.ask_log(account.log.get, run_id)
    if row.status is Status.INTENDED and not await account.sends(row):
        with suppress(WanError):
            await recover(account, row)


async def _settle(account: Account, row: Row) -> Row:
    """Look for an uncertain run in the account's list, for as long as the list may lag; then as `recover`."""
    try:
        verdict = await _verdict(account, row)
    except ServiceError:  # no list, no verdict; its own error would read as if nothing had been sent
        raise _doubt(row) from None
    if verdict.task_id is not None:
        return await _assign_task(account, row, verdict.task_id)
    if verdict.too_late:
        return await account.write(
            row.run_id,
            Event.LAPSED,
            error_message="its answer never came, and after 24 h nobody can tell whether the service accepted it.",
        )
    now = datetime.now(UTC)
    if verdict.timeless and not (row.post_ended_at and row.post_ended_at <= now):
        row = await account.write(row.run_id, post_end="hung up", post_ended_at=now)  # a day from now it is over
    if not verdict.not_accepted:
        raise _doubt(row, verdict)
    error = Unavailable(
        "the service did not take it (it is not in the account's list).",
        remedy="Nothing is billed; run the cell again.",
        retryable=True,
    )
    refusal = await account.not_accepted(row, error)
    row = await account.ask_log(account.log.get, row.run_id)
    if row.status is Status.FAILED:
        raise refusal
    return row  # another kernel has found its task in the same moment


async def _verdict(account: Account, row: Row) -> Verdict:
    """What can be known of a run for now, as soon as it is known."""
    patience, clock = account.settings.patience, asyncio.get_running_loop().time
    began = clock()
    await account.handshake()  # tells the service's clock, also to a kernel that has just begun
    while True:
        verdict = await _look_up(account, row)
        if verdict.task_id is not None or verdict.too_late or verdict.not_accepted:
            return verdict
        if clock() - began > 1.5 * patience:
            return verdict
        await asyncio.sleep(patience / 5)


async def _look_up(account: Account, row: Row) -> Verdict:
    """Verdict on one uncertain run, from log and list as they are now."""
    asked = datetime.now(UTC)
    listed, whole = await _listed(account)
    # In this order: a task of ours in that list belongs to a run that was posted before, so its run either still
    # is without an id now, and a rival, or its id is known after that.
    posted = [other for other in await account.open_rows() if not other.task_id and not other.unsent]
    return judge(
        row,
        posted,
        listed,
        await _known(account, listed),
        whole=whole,
        now=asked,
        skew=account.client.skew,
        patience=timedelta(seconds=account.settings.patience),
        request_limit=_request_limit(account),
    )


def _request_limit(account: Account) -> float:
    return catalog.request_limit(account.endpoint.base_url)


async def unknown_tasks(account: Account) -> list[Listed]:
    """Tasks of the account's last 24 h that no run of the log knows."""
    listed, _ = await _listed(account)
    known = await _known(account, listed)
    return [task for task in listed if task.task_id not in known]


async def adopt(account: Account, task_id: str) -> Row:
    """Take in a task that a person names: into the uncertain run that it must be, else as a run of its own.

    Raises
    ------
    NotFound
        The account has no such task (ids live 24 h).
    OutcomeUnknown
        It may be one of several uncertain runs.
    """
    task = await account.read(lambda: account.client.get(task_id))
    if task.status == "UNKNOWN":
        raise NotFound(f"the account has no task {shown(task_id)}.", remedy="Ids live 24 h; %wan adopt lists them.")
    row = await account.ask_log(account.log.by_task, task_id)
    return account.tell(await _taken_in(account, task) if row is None else row)


async def _taken_in(account: Account, task: Task) -> Row:
    doubtful = await account.ask_log(account.log.find, status=Status.UNCERTAIN)
    fitting = [row for row in doubtful if _may_be(account, row, task)]
    if len({row.prompt for row in fitting}) > 1:
        names = join_words([row.run_id[:8] for row in fitting])
        raise OutcomeUnknown(
            f"task {shown(task.task_id, typed=True)} may be run {names}.",
            remedy="A task tells its prompt when it has succeeded: adopt it then.",
        )
    if fitting:  # of one prompt, so any would do; the nearest in time is likely the one
        return await _assign_task(account, min(fitting, key=lambda row: _distance(account, row, task)), task.task_id)
    row, _ = await account.ask_log(
        account.log.adopt,
        task.task_id,
        model=await _listed_model(account, task.task_id),
        prompt=task.orig_prompt,
        service=account.endpoint.name,
        simulated=bool(account.client.simulated),
        currency=account.endpoint.region.currency,
        submitted_at=task.submit_time,
        identity=account.endpoint.identity,
        owner=account.owner,
    )
    return row


async def _listed_model(account: Account, task_id: str) -> str | None:
    """Model of a task, which its own answer does not tell; None where the list does not either."""
    try:
        page = await account.read(partial(account.client.list, task_id=task_id))
    except WanError:
        return None
    return next((task.model_name for task in page.tasks if task.task_id == task_id), None)


async def _assign_task(account: Account, row: Row, task_id: str) -> Row:
    """Give an uncertain run the task that it seems to be; `confirm` tells in the end."""
    return await account.write(
        row.run_id,
        Event.ACCEPTED,
        task_id=task_id,
        guessed=True,
        submitted_at=row.posted_at,
        error_code=None,
        error_message=None,
    )


async def confirm(account: Account, row: Row, task: Task) -> Row | None:
    """What an ended task says about the run that it was given to.

    Only a task that was taken from the list is in question. Its prompt decides when it has succeeded; one that has
    failed tells none, so it is believed where no other can be meant.

    Returns
    -------
    Row or None
        None when the task is the run's; else the row with the task that it must be.

    Raises
    ------
    Unavailable
        It was a stranger's, and there is no other: the run was never accepted.
    OutcomeUnknown
        It cannot be told.
    """
    succeeded = task.status == "SUCCEEDED"
    if not row.guessed or (succeeded and _same_words(row.prompt, task.orig_prompt)):
        return None
    verdict = await _verdict(account, row)  # the task itself is known to the log by now, and so no candidate
    if verdict.task_id is not None:
        return await account.write(row.run_id, task_id=verdict.task_id, service_status=None, started_at=None)
    if not succeeded and verdict.not_accepted:
        return None  # this one has failed, and there is no other
    said = "the only task in its time has made another prompt" if succeeded else "another task may be this one"
    if verdict.not_accepted:
        raise await account.not_accepted(row, Unavailable(f"{said}: this one was not accepted."))
    await account.write(row.run_id, error_message=f"{said}.")
    raise OutcomeUnknown(f"{said}.", run_id=row.run_id, remedy="`%wan adopt` shows what it may be.")


async def _known(account: Account, listed: Sequence[Listed]) -> set[str]:
    """Those task ids of a list that some run of the log has."""
    ids, found = [task.task_id for task in listed], set[str]()
    for first in range(0, len(ids), 1000):  # databases take about 32 000 values in one statement
        rows = await account.ask_log(account.log.find, task_id=ids[first : first + 1000])
        found |= {str(row.task_id) for row in rows}
    return found


async def _listed(account: Account) -> tuple[list[Listed], bool]:
    """The account's list of the last 24 h, and whether that is all of it.

    Its filters are left alone: the zone of those by time is not documented, and one that is hours off would find
    nothing where a paid task is; a model may be listed under another name than it was asked for.
    """
    found: dict[str, Listed] = {}
    try:
        async with asyncio.timeout(LIST_SECONDS):
            whole = await _read_pages(account, found)
    except TimeoutError:
        whole = False
    return list(found.values()), whole


async def _read_pages(account: Account, found: dict[str, Listed]) -> bool:
    """Read the list page by page; whether nothing is missing. A server may give one page for ever, or new ones."""
    for page_no in range(1, MOST_PAGES + 1):
        page = await account.read(partial(account.client.list, page_no=page_no))
        before = len(found)
        found |= {task.task_id: task for task in page.tasks}
        if page.unread or len(found) > MOST_TASKS:
            return False
        # A sum that does not fit what was listed, or a full page without a look behind it, proves nothing.
        ended = not page.tasks if page.total is None else len(page.tasks) < page.page_size
        if ended and page.total in {None, len(found)}:
            return True
        if len(found) == before:
            return False
    return False


def _distance(account: Account, row: Row, task: Task) -> timedelta:
    if row.posted_at is None or task.submit_time is None:
        return timedelta.max
    return abs(task.submit_time - window(row, account.client.skew, _request_limit(account))[0])


def _may_be(account: Account, row: Row, task: Task) -> bool:
    """Whether a task can be this run's. A prompt is only told on success; until then the time has to do."""
    if row.identity != account.endpoint.identity:
        return False
    if task.orig_prompt is not None or task.submit_time is None:
        return _same_words(row.prompt, task.orig_prompt)
    low, high = window(row, account.client.skew, _request_limit(account))
    return low <= task.submit_time <= high


def _same_words(ours: str | None, theirs: str | None) -> bool:
    return not ours or not theirs or redact(ours).split() == theirs.split()  # an answer has passed that door
