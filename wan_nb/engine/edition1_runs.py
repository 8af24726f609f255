"""Runs of the first edition (before 0.1): what of them is asked for now.

A material that was taken out of a run is known there by the file that was made of it. Where the file comes out the
same today, it is the same request. Where it does not, and where a material was given by a URL, of which only a part was
kept, the run is offered: to be shown for nothing, or to be bought anew.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from wan_nb.api import urls
from wan_nb.api.recorded import beside_materials, recorded_media
from wan_nb.api.request import derive_seed
from wan_nb.errors import InvalidOption
from wan_nb.log.states import UNBILLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_nb.api.medium import Medium
    from wan_nb.engine.ask import Ask
    from wan_nb.log.row import Row
    from wan_nb.log.runlog import RunLog

__all__ = ["fingerprints", "in_doubt", "may_be"]


def fingerprints(log: RunLog | None, asks: Sequence[Ask], identity: str) -> list[str]:
    """What each request is known by in a log: as the first edition wrote it down, where that has bought it.

    Parameters
    ----------
    log : RunLog or None
        It is asked about requests whose material is taken out of a run, and about no others.
    asks : sequence of Ask
    identity : str
        Of service and account.
    """
    prints = [ask.seeded().fingerprint(identity) for ask in asks]
    chained = [n for n, ask in enumerate(asks) if ask.request.chained]
    if log is not None and chained:
        older = [asks[n].by_file.seeded().fingerprint(identity) for n in chained]
        for n, key, takes in zip(chained, older, log.takes(older), strict=True):
            if takes.numbers:
                prints[n] = key
    return prints


def may_be(log: RunLog, asks: Sequence[Ask], known: Sequence[Row | None], identity: str) -> list[Row | None]:
    """For each request that no billed run is known of: the newest of the first edition that may be the same, or None.

    Such a run differs from the request at most in what was cut off its URLs, or in files made out of a run. The log is
    asked once for all requests that share their URLs.

    Parameters
    ----------
    log : RunLog
    asks : sequence of Ask
    known : sequence of Row or None
        Newest run of each request.
    identity : str
        Of service and account.
    """
    looked: dict[tuple[tuple[str, str], ...], list[Row]] = {}

    def rows(ask: Ask) -> list[Row]:
        media = ask.request.media()
        given: dict[str, Any] = {
            name: urls.bare(medium.name) for name, medium in media.items() if medium.whole is not None
        }
        if ask.request.chained:
            given["prompt"] = ask.request.prompt
        if (key := tuple(given.items())) not in looked:
            looked[key] = [row for row in log.find(**given) if row.status not in UNBILLED] if given else []
        return looked[key]

    return [
        next((other for other in rows(ask) if _fits(other, ask, identity)), None)
        if row is None or row.status in UNBILLED
        else None
        for ask, row in zip(asks, known, strict=True)
    ]


def _fits(row: Row, ask: Ask, identity: str) -> bool:
    """Whether nothing but the URLs tells a run from a request."""
    then = recorded_media(row.request)
    now = ask.request.media()
    if row.identity != identity or then.keys() != now.keys():
        return False
    if not all(_may_be_same(then[name], medium) for name, medium in now.items()):
        return False
    seeds = {ask.request.seed}
    if ask.request.seed is None:  # the first edition derived it from what it knew of the URL
        seeds = {derive_seed(then, ask.name, attempt) for attempt in range(1, row.attempt + 1)}
    return row.seed in seeds and beside_materials(row.request) == beside_materials(ask.request.public())


def _may_be_same(then: Medium, now: Medium) -> bool:
    if now.taken is not None:  # its file was made anew, and came out otherwise
        # It called a picture that it had made itself "image", and a clip by its file.
        called = "image" if now.kind == "image" else now.path and now.path.name
        return then.taken is None and then.whole is None and PurePath(then.name).name == called
    by_url = now.whole is not None
    return then.path is None and then.whole is None if by_url else then.identity == now.identity


def in_doubt(row: Row, price: float) -> InvalidOption:
    """The error that offers such a run."""
    how = f"`%wan show {row.run_id[:8]}` shows it for nothing"
    return InvalidOption(
        "it may have the same picture as this request: which one it had was not written down whole.",
        run_id=row.run_id,
        remedy=f"{how}; --max-cost {price:g} (max_cost={price:g}) buys a new clip.",
    )
