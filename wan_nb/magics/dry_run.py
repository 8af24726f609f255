"""``--dry-run``: what would be sent, what was checked, what it would cost. Nothing leaves the machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from wan_nb.api import catalog
from wan_nb.api.estimate import Estimate, estimated
from wan_nb.errors import join_words
from wan_nb.log.states import ENDED_WITHOUT as ENDED
from wan_nb.terminal import printed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wan_nb.api.medium import Medium
    from wan_nb.api.request import VideoRequest
    from wan_nb.engine.ask import Ask
    from wan_nb.engine.workspace import Workspace
    from wan_nb.log.row import Row
    from wan_nb.studies.race.race_plan import RacePlan

__all__ = ["DryRun"]


@printed
@dataclass(frozen=True, repr=False)
class DryRun:
    """Checked requests that were not sent.

    Attributes
    ----------
    requests : tuple of VideoRequest
        Of all clips that the cell asks for, also of those that are in the log already.
    checks : tuple of str
        What was looked at, one line each.
    price : float
        Estimate in `currency` of what the cell would buy now.
    currency : str
    service : str
    at_most : bool
        Whether it may be less, because a length is not known before.
    race : RacePlan or None
        The race whose step that is due these are; None where they are all.
    """

    requests: tuple[VideoRequest, ...]
    checks: tuple[str, ...]
    price: float
    currency: str
    service: str
    at_most: bool = False
    race: RacePlan | None = None

    @classmethod
    def of(
        cls, workspace: Workspace, asks: Sequence[Ask], *, notes: Sequence[str] = (), race: RacePlan | None = None
    ) -> Self:
        """The dry run of what would be asked for, with the seeds that it would get.

        Parameters
        ----------
        workspace : Workspace
            Tells which service, and what its log has already; the service is not asked.
        asks : sequence of Ask
        notes : sequence of str
            More lines for the checks.
        race : RacePlan, optional
        """
        service = workspace.settings.service
        # The place itself would start the simulator, or want a key.
        region = workspace.region
        takes = workspace.takes(workspace.fingerprints(asks))
        known = [found.run(ask.take) for found, ask in zip(takes, asks, strict=True)]
        there = [row for row in known if row and row.status not in ENDED]
        requests = tuple(ask.seeded(ask.take or found.pinned) for found, ask in zip(takes, asks, strict=True))
        bought = [request for request, row in zip(requests, known, strict=True) if row not in there]
        bill = Estimate.together((request.estimate(region) for request in bought), region.currency)
        checks = tuple(dict.fromkeys(line for request in requests for line in _checks(request)))
        return cls(
            requests,
            (*checks, *notes, *_reuse(workspace, there)),
            bill.amount,
            bill.currency,
            service,
            bill.at_most,
            race,
        )

    @property
    def payloads(self) -> tuple[dict[str, Any], ...]:
        """The bodies of the POSTs. Local files stand as ``<upload of NAME>``, URLs without what signs them."""
        return tuple(request.payload(_stand_ins(request)) for request in self.requests)

    def __repr__(self) -> str:
        payloads = self.payloads
        more = len(payloads) - 1
        lines = [
            f"POST {catalog.CREATE_PATH} to {self.service}: not sent",
            json.dumps(payloads[0], ensure_ascii=False, indent=2),
            *([f"and {more} more, see .payloads"] if more else []),
            *(f"- {line}" for line in self.checks),
            self._bill(),
        ]
        return "\n".join(lines)

    def _bill(self) -> str:
        if not self.price:
            return "price: nothing would be bought"
        days = sorted({request.row.prices.read for request in self.requests})
        simulated = "; simulated, so nothing is billed" if self.service == "simulator" else ""
        price = estimated(self.price, self.currency, at_most=self.at_most)
        return f"price: {price} (list of {join_words(days, 'and')}){simulated}"


def _reuse(workspace: Workspace, rows: Sequence[Row]) -> list[str]:
    """What is there already, and what the cell would say of it."""
    lost = [row for row in rows if row.status == "SUCCEEDED" and workspace.video(row) is None]
    names = join_words([f"run {row.run_id[:8]}" for row in rows[:3]] + ["more"] * (len(rows) > 3), "and")
    found = [f"in the log already: {names}, not bought again"] if rows else []
    return found + [f"the file of run {row.run_id[:8]} is gone: --take {row.take + 1} is another clip" for row in lost]


def _stand_ins(request: VideoRequest) -> dict[str, str]:
    return {field: m.name if m.url else f"<upload of {m.name}>" for field, m in request.media().items()}


def _checks(request: VideoRequest) -> list[str]:
    spec, labels = request.row.field("prompt"), request.labels()
    most = spec.max_characters if spec and spec.max_characters else 0
    return [
        f"model: {request.model}",
        f"materials: {request.mode}",
        *(
            _check(f"{field} ({label})" if (label := labels.get(field)) else field, medium)
            for field, medium in request.media().items()
        ),
        f"prompt: {len(request.prompt or ''):,} of {most:,} characters",
        *request.notes,
    ]


def _check(field: str, medium: Medium) -> str:
    """Facts of one material, and what was changed about it."""
    facts = [
        medium.format,
        f"{medium.width}x{medium.height}" if medium.width else None,
        f"{medium.seconds:.1f} s" if medium.seconds else None,
        f"{medium.bytes / catalog.MB:.2f} MB" if medium.bytes else None,
        "fetched by the service, not looked at here" if medium.url else None,
        medium.note.removeprefix(f"{medium.name}: ") or None,
    ]
    return f"{field}: {medium.name} · " + " · ".join(fact for fact in facts if fact)
