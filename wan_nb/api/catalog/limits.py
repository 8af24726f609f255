"""Limits of an account, and how long the service keeps what it holds."""

from __future__ import annotations

from dataclasses import dataclass

from wan_nb.api.catalog.fields import MB

__all__ = ["LIMITS", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Account limits, per main account and exact model name."""

    submits_per_second: float = 5.0
    running: int = 5
    queries_per_second: float = 20.0
    policies_per_second: float = 100.0
    recommended_gap: float = 15.0
    task_life: float = 24 * 3600.0
    """Seconds that a task id and its result link live."""
    task_timeout: float = 3 * 3600.0
    """Seconds after which the service ends an unfinished task."""
    upload_life: float = 48 * 3600.0
    upload_reuse: float = 47 * 3600.0
    """Seconds that we use an upload again: one hour less than it lives."""
    list_span: float = 24 * 3600.0
    embedded_text: int = 20 * 2**20
    """Largest Base64 text of one material; HTTP 413 above it and the next one."""
    embedded_bytes: int = 16 * 2**20
    """Most bytes of all embedded materials together, decoded."""
    body_bytes: int = 64 * 2**20
    """Largest body of a create, with what is embedded."""
    clip_bytes: int = 2000 * MB
    """Largest result; the documentation names none."""
    shared_request: float = 600.0
    workspace_request: float = 3600.0
    """Seconds that a shared (or trial) host and a workspace host work on one request, whoever has hung up."""


LIMITS = Limits()
