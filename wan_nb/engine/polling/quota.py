"""What an account may really do with a model, where its host tells: ``GET /quotas`` of workspace hosts.

Other hosts do not know the call; there the documented limits hold, and 429s correct them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from wan_nb.api.catalog import LIMITS
from wan_nb.errors import WanError
from wan_nb.sanitize import number

if TYPE_CHECKING:
    from wan_nb.api.client import Client
    from wan_nb.engine.polling.limiter import Limiter

__all__ = ["Quota"]

PATIENCE = 5.0
"""Seconds that a study waits for the answer before it begins without."""


@dataclass(frozen=True, slots=True)
class Quota:
    """Limits of one account and model.

    Attributes
    ----------
    submits_per_second : float
    running : int
    """

    submits_per_second: float = LIMITS.submits_per_second
    running: int = LIMITS.running

    @classmethod
    async def ask(cls, client: Client, limiter: Limiter, model: str) -> Self:
        """Limits of a model; the documented ones where the host does not tell."""
        try:
            async with asyncio.timeout(PATIENCE), limiter.query():
                return cls.read(await client.quotas(model), model)
        except (WanError, TimeoutError):
            return cls()

    @classmethod
    def read(cls, body: Mapping[str, Any], model: str) -> Self:
        """Take the limits from an answer: of model and workspace the smaller one counts, of nonsense nothing.

        Examples
        --------
        >>> limit = {"request_limit": 120, "request_limit_period": 60, "async_user_concurrency_limit": 3}
        >>> Quota.read({"output": {"quotas": [{"model": "wan2.7-i2v", "model_limit": limit}]}}, "wan2.7-i2v")
        Quota(submits_per_second=2.0, running=3)
        """
        quotas = _dict(body.get("output")).get("quotas")
        rates, running = [], []
        for quota in quotas if isinstance(quotas, list) else []:
            if _dict(quota).get("model") != model:
                continue
            for limit in (_dict(quota.get("model_limit")), _dict(quota.get("workspace_limit"))):
                count, period = _positive(limit.get("request_limit")), _positive(limit.get("request_limit_period", 1))
                if count and period:
                    rates.append(count / period)
                if at_once := _positive(limit.get("async_user_concurrency_limit")):
                    running.append(max(int(at_once), 1))
        return cls(min(rates, default=LIMITS.submits_per_second), min(running, default=LIMITS.running))


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _positive(value: Any) -> float:
    return number(value, 0, 1e9) or 0.0
