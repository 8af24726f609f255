"""How far the upload of large materials is: one line, of a clip and of a study, from a cell and from Python."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from wan_nb.html.text import megabytes
from wan_nb.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wan_nb.api.medium import Medium
    from wan_nb.engine.account import Account
    from wan_nb.engine.ask import Ask

__all__ = ["TOLD", "upload_key", "uploading"]

TOLD = 2_000_000
"""Bytes from which on an upload is worth a line."""


def upload_key(account: Account, model: str, medium: Medium) -> str:
    """What an upload is remembered by: the store ties a file to the account and to the exact model string."""
    return f"{account.endpoint.identity}|{model}|{medium.identity}"


@contextmanager
def uploading(account: Account, asks: Sequence[Ask]) -> Iterator[list[Ask]]:
    """What is asked for, told to say how far its uploads are; for the thread that waits until it is accepted.

    Of a study that is as soon as its first clip is accepted: what is uploaded after that is no longer told.
    """
    sizes = {key: size for ask in asks for key, size in _large(account, ask)}
    large = {key: size for key, size in sizes.items() if account.log.recall_upload(key) is None}
    if not large:
        yield [*asks]
        return
    sent: dict[str, int] = {}
    with Progress("Uploading", sum(large.values()), at_once=True, said=megabytes) as line:

        def tell(media: Mapping[str, str], name: str, done: int, _total: int) -> None:
            if media.get(name) in large and waits:
                sent[media[name]] = done
                line.reach(sum(sent.values()))

        waits = True
        try:
            yield [ask if ask.progress else replace(ask, progress=partial(tell, _keys(account, ask))) for ask in asks]
        finally:
            waits = False


def _keys(account: Account, ask: Ask) -> dict[str, str]:
    return {name: upload_key(account, ask.request.model, medium) for name, medium in ask.request.media().items()}


def _large(account: Account, ask: Ask) -> Iterator[tuple[str, int]]:
    """Materials of a request whose upload takes a moment, and their bytes."""
    for name, medium in ask.request.media().items():
        if medium.url is None and (medium.bytes or 0) > TOLD and not ask.request.embeds(name):
            yield upload_key(account, ask.request.model, medium), medium.bytes or 0
