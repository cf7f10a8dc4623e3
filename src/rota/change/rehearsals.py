"""That a change was rehearsed, as a line of the ledger's audit: what `rota rehearse` leaves, and what an apply may ask for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from rota.change.records import change
from rota.clock import MICROSECOND, Instant
from rota.ledger.protocol import Ledger

__all__ = ["Rehearsed", "record_rehearsal", "rehearsal_of"]

LATEST = 200
"""Rehearsals of a service that are looked at, the newest first."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A rehearsal of the change from revision ``base`` (0: none) to the rota with that digest, and how it went."""

    base: int
    digest: str
    holds: bool
    days: float
    seed: int


def record_rehearsal(ledger: Ledger, service: str, rehearsed: Rehearsed, *, actor: str) -> None:
    """Leave the line. Raises `LedgerError`."""
    ledger.note(
        change(
            ledger.now(), actor, "rehearse", _subject(service), None,
            base=rehearsed.base, digest=rehearsed.digest, holds=rehearsed.holds, days=rehearsed.days, seed=rehearsed.seed,
        )
    )  # fmt: skip


def rehearsal_of(
    ledger: Ledger, service: str, base: int, digest: str, *, within: timedelta = timedelta(days=7)
) -> Rehearsed | None:
    """The latest rehearsal of this very change, if there was one within a time; whether it held, it says itself."""
    since = Instant(ledger.now() - within // MICROSECOND)
    for line in ledger.changes(subject=_subject(service), limit=LATEST):
        if line.action == "rehearse" and line.at >= since:
            found = Rehearsed(**json.loads(line.detail or "{}"))
            if (found.base, found.digest) == (base, digest):
                return found
    return None


def _subject(service: str) -> str:
    return f"{service} rehearsal"
