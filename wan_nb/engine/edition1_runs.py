"""Runs of the first edition whose material was given by URL: they may be what is asked for now, and may not.

The first edition kept of such a URL only a part, so its fingerprints are not believed. Its runs are offered: to be
shown for nothing, or to be bought anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wan_nb.api import urls
from wan_nb.api.recorded import beside_materials, items_of, recorded
from wan_nb.api.request import derive_seed
from wan_nb.errors import InvalidOption
from wan_nb.log.states import UNBILLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_nb.api.medium import Medium
    from wan_nb.engine.ask import Ask
    from wan_nb.log.row import Row
    from wan_nb.log.runlog import RunLog

__all__ = ["in_doubt", "may_be"]


def may_be(log: RunLog, asks: Sequence[Ask], known: Sequence[Row | None], identity: str) -> list[Row | None]:
    """For each request that no billed run is known of: the newest of the first edition that may be the same, or None.

    Such a run differs from the request at most in what was cut off its URLs. The log is asked once for all requests
    that share their URLs.

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
    then = {field: recorded(item) for field, _, item in items_of(row.request)}
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
    by_url = now.whole is not None
    return then.path is None and then.whole is None if by_url else then.identity == now.identity


def in_doubt(row: Row, price: float) -> InvalidOption:
    """The error that offers such a run."""
    how = f"`%wan show {row.run_id[:8]}` shows it for nothing"
    return InvalidOption(
        "it may have the same picture as this request: it kept its URL without the query.",
        run_id=row.run_id,
        remedy=f"{how}; --max-cost {price:g} (max_cost={price:g}) buys a new clip.",
    )
