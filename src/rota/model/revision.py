"""A revision: an immutable, numbered, hashed version of a service's rota."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rota.clock import Instant

__all__ = ["Origin", "Revision"]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a revision was made from."""

    assumptions: Sequence[str] = ()
    commit: str | None = None  # of the code, where it is kept by git
    dirty: bool | None = None  # whether the working tree had changes that are not in the commit
    tool: str | None = None  # the version of Rota that made it
    restores: int | None = None  # a rollback: the revision whose content it brought back
    measures: str | None = None  # of the tasks that it changes, before it: JSON


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
    origin: Origin = Origin()
    confirm_by: Instant | None = None  # it is put back at that instant, unless somebody confirms it
