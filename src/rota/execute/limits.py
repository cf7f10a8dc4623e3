"""How much is kept of what an attempt says and returns."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes kept of one attempt: of its ``log``, and of its ``result`` as JSON."""

    log: int = 262_144
    result: int = 65_536
