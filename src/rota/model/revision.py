"""A revision: an immutable, numbered, hashed version of a service's rota."""

from __future__ import annotations

from dataclasses import dataclass

from rota.clock import Instant

__all__ = ["Revision"]


@dataclass(frozen=True, slots=True)
class Revision:
    """``definition`` is the canonical JSON of the whole rota; ``digest`` is its SHA-256 in hexadecimal."""

    service: str
    number: int
    digest: str
    definition: str
    author: str
    reason: str
    applied_at: Instant
